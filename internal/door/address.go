package door

import (
	"net/http"
	"net/netip"
	"strings"
)

// client is the address that a request comes from: that of the connection, or
// what the trusted proxies say, each of which adds the address that it was
// reached from at the end of X-Forwarded-For. What stands before the first one
// that is no proxy is that one's own word, and worth nothing. Addresses of one
// IPv6 network of 64 bits are one: its owner may take any of them.
func client(r *http.Request, proxies []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := peer.Addr().Unmap()
	path := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for len(path) > 0 && within(address, proxies) {
		next, err := netip.ParseAddr(strings.TrimSpace(path[len(path)-1]))
		if err != nil {
			break
		}
		address, path = next.Unmap(), path[:len(path)-1]
	}
	if address.Is6() {
		network, _ := address.WithZone("").Prefix(64)
		return network.String()
	}
	return address.String()
}

func within(address netip.Addr, networks []netip.Prefix) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
