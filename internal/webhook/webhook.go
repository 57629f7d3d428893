// Package webhook sends signed messages to programs elsewhere, in the way of
// Standard Webhooks 1.0.0 (https://www.standardwebhooks.com): whoever knows the
// secret of its endpoint can tell that a message came from here, whole and
// lately, and that it is the same message as an earlier one.
//
// URLs are other people's. So a message goes to public addresses alone, looked at
// when the connection is made, and nothing of an answer is believed or read but
// its status and for how long it asks to be left alone.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sellthrough/models"
)

// Options are how a Sender sends.
type Options struct {
	// Key seals the secrets of endpoints: MinKeyLength bytes or more. Whoever
	// sends must have the key of whoever made them.
	Key []byte
	// Allow are networks that may be sent to though they are not public, by plain
	// http too: those of an installation's own programs.
	Allow []netip.Prefix
	// Timeout bounds one attempt from connecting to the answer's header; 0 is
	// DefaultTimeout.
	Timeout time.Duration
	// Agent says who sends, as the header User-Agent does.
	Agent string
}

// DefaultTimeout is how long a receiver has to answer.
const DefaultTimeout = 15 * time.Second

// Sender sends messages. It is safe for concurrent use.
type Sender struct {
	vault
	guard
	agent   string
	timeout time.Duration
	// secure speaks https to public and allowed addresses, plain speaks http to
	// allowed ones alone.
	secure, plain *http.Client
}

// New returns a sender. The error says that the key is too short.
func New(o Options) (*Sender, error) {
	sealed, err := newVault(o.Key)
	if err != nil {
		return nil, err
	}
	s := &Sender{vault: sealed, guard: guard{o.Allow}, agent: o.Agent, timeout: o.Timeout}
	if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	s.secure = client(func(a netip.Addr) bool { return s.allowed(a) || public(a) })
	s.plain = client(s.allowed)
	return s, nil
}

// client connects to addresses that may be connected to, and follows nobody.
func client(may func(netip.Addr) bool) *http.Client {
	dialer := &net.Dialer{Control: control(may)}
	return &http.Client{
		Transport: &http.Transport{
			// No proxy: the guard would look at its address rather than the receiver's.
			DialContext:       dialer.DialContext,
			ForceAttemptHTTP2: true,
			TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12},
			// Nothing is unpacked, since nothing is read.
			DisableCompression:     true,
			MaxResponseHeaderBytes: 16 << 10,
			MaxIdleConns:           100,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Message is what is sent, the same at each attempt.
type Message struct {
	// ID tells the message from all others: receivers drop what they have had.
	ID string
	// URL is where it goes.
	URL string
	// Body is JSON.
	Body []byte
}

// Result is what became of one attempt.
type Result struct {
	// StatusCode is the answer's, 0 where there was none.
	StatusCode int
	// Fault says in our own words what went wrong, and what to do; "" where the
	// message was taken.
	Fault string
	// RetryAfter is how long the receiver asks to be left alone, 0 where it does
	// not ask; at most MaxRetryAfter.
	RetryAfter time.Duration
}

// Delivered tells whether the receiver has taken the message.
func (r Result) Delivered() bool { return r.Fault == "" }

// Gone tells whether the receiver wants no message ever again.
func (r Result) Gone() bool { return r.StatusCode == http.StatusGone }

// MaxRetryAfter bounds how long a receiver can have itself left alone.
const MaxRetryAfter = 24 * time.Hour

// Send makes one attempt at an instant, signed with each of the secrets, which are
// sealed for the endpoint as NewSecret returned them. The error is about what is
// kept here: a secret that the key does not open. What goes wrong at the receiver
// is the result's Fault.
func (s *Sender) Send(ctx context.Context, at time.Time, m Message, endpointID string, sealed ...string) (Result, error) {
	signatures := make([]string, len(sealed))
	for i, text := range sealed {
		secret, err := s.open(endpointID, text)
		if err != nil {
			return Result{}, err
		}
		signatures[i] = sign(secret, m.ID, at, m.Body)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return Result{Fault: "its URL cannot be read: set another"}, nil
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", s.agent)
	request.Header.Set("webhook-id", m.ID)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	request.Header.Set("webhook-signature", strings.Join(signatures, " "))
	by := s.secure
	if request.URL.Scheme == "http" {
		by = s.plain
	}
	response, err := by.Do(request)
	if err != nil {
		return Result{Fault: s.fault(err)}, nil
	}
	// Never read: it is nobody's business here, and may have no end.
	defer response.Body.Close()
	result := Result{StatusCode: response.StatusCode}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		result.Fault = "it answered with status " + strconv.Itoa(response.StatusCode) + ", not with one from 200 to 299"
		result.RetryAfter = retryAfter(response.Header.Get("Retry-After"), at)
	}
	return result, nil
}

// fault words what kept an answer from coming: never what a server or a driver
// said, nor which address a name stands for.
func (s *Sender) fault(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, errAddress):
		return "its address is not a public one: give it a public address, or ask whoever runs this server to allow the network"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("it did not answer within %s: answer first, work afterwards", s.timeout)
	case errors.Is(err, context.Canceled):
		return "this server was stopped while it waited for the answer"
	case errors.As(err, &name):
		return "its name cannot be resolved"
	case errors.As(err, &certificate):
		return "its certificate is not to be trusted: it has expired, is for another name, or nobody known has signed it"
	case errors.As(err, &record):
		return "it does not speak TLS"
	}
	return "the connection failed, or broke before the answer came"
}

// retryAfter reads the header: seconds, or an instant.
func retryAfter(header string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), MaxRetryAfter)
}

// guard says where messages may go.
type guard struct{ allow []netip.Prefix }

func (g guard) allowed(a netip.Addr) bool {
	for _, network := range g.allow {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// maxURLLength bounds a URL, in bytes.
const maxURLLength = 2000

// CheckURL finds everything that can be seen to be wrong with a URL that messages
// are to go to. A name is not resolved: where it leads is looked at each time a
// message goes there.
func (g guard) CheckURL(field, text string) (vs models.Violations) {
	if len(text) > maxURLLength {
		vs.Add(field, models.CodeTooLong, "is longer than 2,000 bytes")
		return vs
	}
	target, err := url.Parse(text)
	switch {
	case text == "":
		vs.Add(field, models.CodeRequired, "is missing")
		return vs
	case err != nil || target.Host == "" || target.Hostname() == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		vs.Add(field, models.CodeInvalidURL, "is no URL: write it whole and in ASCII, such as https://hooks.example.com/offers")
		return vs
	}
	if target.User != nil {
		vs.Add(field, models.CodeInvalidURL, "holds a user name: the signature says who sends")
	}
	if target.Fragment != "" {
		vs.Add(field, models.CodeInvalidURL, "has a fragment, which no server gets to see: leave out what follows #")
	}
	address, literal := literalAddress(target.Hostname())
	local := strings.EqualFold(target.Hostname(), "localhost") || strings.HasSuffix(strings.ToLower(target.Hostname()), ".localhost")
	within := literal && g.allowed(address) || !literal && len(g.allow) > 0 // of a name it shows when it is resolved
	switch {
	case target.Scheme != "https" && target.Scheme != "http":
		vs.Add(field, models.CodeURLNotHTTPS, "has the scheme "+models.Quote(target.Scheme)+": use https")
	case target.Scheme == "http" && !within:
		vs.Add(field, models.CodeURLNotHTTPS, "is not https: anybody on the way could read it")
	}
	if !within && (local || literal && !public(address)) {
		vs.Add(field, models.CodeURLNotPublic, "leads to no public address: messages go to public ones")
	}
	return vs
}

// literalAddress reads a host that is an address itself.
func literalAddress(host string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(host)
	return address.WithZone("").Unmap(), err == nil
}
