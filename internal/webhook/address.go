package webhook

import (
	"errors"
	"net/netip"
	"syscall"
)

// errAddress: the address of a receiver is none that messages may go to.
var errAddress = errors.New("webhook: not an address to send to")

// control looks at each address that is about to be connected to, whatever name
// led there and whatever the name meant a moment ago.
func control(may func(netip.Addr) bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !may(to.Addr().WithZone("").Unmap()) {
			return errAddress
		}
		return nil
	}
}

// public tells whether an address is one of the internet's, of nobody's own
// network and with no special meaning. Of IPv6 that is 2000::/3 alone, which
// leaves out every way in which an IPv6 address can stand for an IPv4 one but
// those listed below.
func public(a netip.Addr) bool {
	if a.Is6() && !global6.Contains(a) {
		return false
	}
	for _, special := range specials {
		if special.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}

var global6 = netip.MustParsePrefix("2000::/3")

// specials are what IANA's registries of special-purpose addresses do not call
// globally reachable, with multicast, and the one public address behind which a
// cloud answers its own machines.
var specials = func() (list []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"168.63.129.16/32",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()
