package webhook

import (
	"crypto/x509"
	"net/http"
	"net/netip"
)

// Public and Control are the guard's own.
var (
	Public  = public
	Control = func(s *Sender) func(network, address string) error {
		f := control(func(a netip.Addr) bool { return s.allowed(a) || public(a) })
		return func(network, address string) error { return f(network, address, nil) }
	}
	ErrAddress = errAddress
)

// Trust makes the sender trust the certificates of a test.
func (s *Sender) Trust(roots *x509.CertPool) {
	s.secure.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots
}
