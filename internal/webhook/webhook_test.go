package webhook_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"sellthrough/internal/webhook"
)

var (
	at      = time.Date(2024, 9, 1, 0, 0, 0, 123_000, time.UTC)
	key     = []byte(strings.Repeat("k", webhook.MinKeyLength))
	here    = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	payload = []byte(`{"type":"private_offer.live","timestamp":"2024-09-01T00:00:00Z","data":{"name":"Ærø"}}`)
)

const endpoint = "01900000-0000-7000-8000-0000000000e1"

func sender(t testing.TB, o webhook.Options) *webhook.Sender {
	t.Helper()
	o.Key, o.Agent = key, "Sellthrough-Webhooks/test"
	s, err := webhook.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// receiver is a server on this machine that keeps what it was sent.
func receiver(t testing.TB, answer http.HandlerFunc) (url string, got *[]received) {
	got = new([]received)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*got = append(*got, received{r.Method + " " + r.URL.Path, r.Header.Clone(), body})
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/offers", got
}

type received struct {
	line   string
	header http.Header
	body   []byte
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// What is sent is what the reference library verifies, with the secret that the
// endpoint's owner was told, and while it is rotated with either.
func TestSignature(t *testing.T) {
	s := sender(t, webhook.Options{Allow: here})
	url, got := receiver(t, status(http.StatusNoContent))
	old, oldSealed := s.NewSecret(endpoint)
	text, sealed := s.NewSecret(endpoint)
	result, err := s.Send(t.Context(), at, webhook.Message{ID: "msg_1", URL: url, Body: payload}, endpoint, sealed, oldSealed)
	if err != nil || result != (webhook.Result{StatusCode: http.StatusNoContent}) || !result.Delivered() {
		t.Fatal(result, err)
	}
	if len(*got) != 1 {
		t.Fatalf("it was sent %d times", len(*got))
	}
	sent := (*got)[0]
	if sent.line != "POST /offers" || !bytes.Equal(sent.body, payload) {
		t.Errorf("sent %s %s", sent.line, sent.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "Sellthrough-Webhooks/test", "Webhook-Id": "msg_1", "Webhook-Timestamp": fmt.Sprint(at.Unix()),
	} {
		if have := sent.header.Get(name); have != want {
			t.Errorf("%s is %q, want %q", name, have, want)
		}
	}
	if signatures := strings.Fields(sent.header.Get("Webhook-Signature")); len(signatures) != 2 || signatures[0] == signatures[1] {
		t.Errorf("signed %q, want one signature of each secret", signatures)
	}
	for _, secret := range []string{text, old} {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || !strings.HasPrefix(secret, "whsec_") || len(raw) < 24 || len(raw) > 64 {
			t.Errorf("the secret %s: %v, %d bytes", secret, err, len(raw))
		}
		reference, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := reference.VerifyIgnoringTimestamp(sent.body, sent.header); err != nil {
			t.Error(err)
		}
		if err := reference.VerifyIgnoringTimestamp(append(sent.body, ' '), sent.header); err == nil {
			t.Error("another body is verified too")
		}
		later := sent.header.Clone()
		later.Set("webhook-timestamp", fmt.Sprint(at.Unix()+1))
		if err := reference.VerifyIgnoringTimestamp(sent.body, later); err == nil {
			t.Error("another instant is verified too")
		}
	}
	other, _ := s.NewSecret(endpoint)
	reference, err := standardwebhooks.NewWebhook(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := reference.VerifyIgnoringTimestamp(sent.body, sent.header); err == nil {
		t.Error("another secret verifies it too")
	}
}

// A secret opens with the key that sealed it, for its own endpoint, or not at all.
func TestSealedSecrets(t *testing.T) {
	s := sender(t, webhook.Options{Allow: here})
	url, got := receiver(t, status(http.StatusOK))
	text, sealed := s.NewSecret(endpoint)
	if strings.Contains(sealed, strings.TrimPrefix(text, "whsec_")) {
		t.Error("the secret lies open in what is kept")
	}
	foreign, err := webhook.New(webhook.Options{Key: []byte(strings.Repeat("x", webhook.MinKeyLength)), Allow: here})
	if err != nil {
		t.Fatal(err)
	}
	message := webhook.Message{ID: "msg_1", URL: url, Body: payload}
	for name, send := range map[string]func() (webhook.Result, error){
		"another key":      func() (webhook.Result, error) { return foreign.Send(t.Context(), at, message, endpoint, sealed) },
		"another endpoint": func() (webhook.Result, error) { return s.Send(t.Context(), at, message, "other", sealed) },
		"a changed text": func() (webhook.Result, error) {
			return s.Send(t.Context(), at, message, endpoint, "A"+sealed[1:len(sealed)-4]+"AAA=")
		},
		"no base64": func() (webhook.Result, error) { return s.Send(t.Context(), at, message, endpoint, "*") },
	} {
		if _, err := send(); !errors.Is(err, webhook.ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(*got) > 0 {
		t.Error("what could not be signed was sent")
	}
	if _, err := webhook.New(webhook.Options{Key: key[1:]}); err == nil || !strings.Contains(err.Error(), "at least 32") {
		t.Errorf("a short key: %v", err)
	}
}

// What does not answer 2xx is no success, and is worded by us.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		code  int
		after string
		want  string // of the fault, "" for none
		wait  time.Duration
	}{
		{200, "", "", 0},
		{204, "60", "", 0},
		{299, "", "", 0},
		{300, "", "status 300", 0},
		{400, "", "status 400", 0},
		{410, "", "status 410", 0},
		{429, "120", "status 429", 2 * time.Minute},
		{503, "Sun, 01 Sep 2024 00:05:00 GMT", "status 503", 5*time.Minute - 123*time.Microsecond},
		{503, "Sun, 01 Sep 2023 00:05:00 GMT", "status 503", 0},
		{503, "9999999", "status 503", webhook.MaxRetryAfter},
		{503, "99999999999999999999", "status 503", 0},
		{503, "-5", "status 503", 0},
		{503, "soon", "status 503", 0},
	} {
		s := sender(t, webhook.Options{Allow: here})
		url, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			w.WriteHeader(c.code)
			io.WriteString(w, "the receiver's own words")
		})
		_, sealed := s.NewSecret(endpoint)
		got, err := s.Send(t.Context(), at, webhook.Message{ID: "m", URL: url, Body: payload}, endpoint, sealed)
		if err != nil || got.StatusCode != c.code || got.RetryAfter != c.wait || got.Delivered() != (c.want == "") || !strings.Contains(got.Fault, c.want) || got.Gone() != (c.code == 410) {
			t.Errorf("%d %q: %+v, %v", c.code, c.after, got, err)
		}
		if strings.Contains(got.Fault, "own words") {
			t.Errorf("%d: a server's words are repeated: %s", c.code, got.Fault)
		}
	}
}

// Nobody is followed elsewhere: what could be seen of one URL says nothing of the next.
func TestRedirects(t *testing.T) {
	elsewhere, arrived := receiver(t, status(http.StatusOK))
	for _, code := range []int{301, 302, 303, 307, 308} {
		s := sender(t, webhook.Options{Allow: here})
		url, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, code) })
		_, sealed := s.NewSecret(endpoint)
		got, err := s.Send(t.Context(), at, webhook.Message{ID: "m", URL: url, Body: payload}, endpoint, sealed)
		if err != nil || got.StatusCode != code || got.Delivered() {
			t.Errorf("%d: %+v, %v", code, got, err)
		}
	}
	if len(*arrived) > 0 {
		t.Error("a redirect was followed")
	}
}

// Whatever the answer holds, it costs nothing: not its size, unpacked or not, nor
// its slowness.
func TestAnswersAreNotRead(t *testing.T) {
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	if _, err := packer.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := packer.Close(); err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"gzip bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		},
		"a body without end": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			for { // until nobody listens: Send returns while this goes on
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		},
		"a slow body": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done() // until Send has hung up
		},
	} {
		s := sender(t, webhook.Options{Allow: here})
		url, _ := receiver(t, answer)
		_, sealed := s.NewSecret(endpoint)
		got, err := s.Send(t.Context(), at, webhook.Message{ID: "m", URL: url, Body: payload}, endpoint, sealed)
		if err != nil || !got.Delivered() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A receiver that never answers, or never ends its header, is given up.
func TestSilence(t *testing.T) {
	s := sender(t, webhook.Options{Allow: here, Timeout: time.Millisecond})
	_, sealed := s.NewSecret(endpoint)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts: the kernel connects, and that is all
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	got, err := s.Send(t.Context(), at, webhook.Message{ID: "m", URL: "http://" + silent.Addr().String(), Body: payload}, endpoint, sealed)
	if err != nil || got.StatusCode != 0 || !strings.Contains(got.Fault, "did not answer within 1ms") {
		t.Errorf("silence: %+v, %v", got, err)
	}

	patient := sender(t, webhook.Options{Allow: here, Timeout: time.Hour})
	_, sealed = patient.NewSecret(endpoint)
	ctx, stop := context.WithCancel(t.Context())
	loris := raw(t, func(connection net.Conn) {
		io.WriteString(connection, "HTTP/1.1 200 OK\r\nX-Slow: ")
		stop() // half a header is out: whoever waits for the rest is told to stop
		io.Copy(io.Discard, connection)
	})
	got, err = patient.Send(ctx, at, webhook.Message{ID: "m", URL: loris, Body: payload}, endpoint, sealed)
	if err != nil || got.StatusCode != 0 || !strings.Contains(got.Fault, "was stopped") {
		t.Errorf("half a header: %+v, %v", got, err)
	}

	endless := raw(t, func(connection net.Conn) {
		io.WriteString(connection, "HTTP/1.1 200 OK\r\nX-Long: ")
		for {
			if _, err := io.WriteString(connection, strings.Repeat("x", 4096)); err != nil {
				return
			}
		}
	})
	got, err = patient.Send(t.Context(), at, webhook.Message{ID: "m", URL: endless, Body: payload}, endpoint, sealed)
	if err != nil || got.StatusCode != 0 || !strings.Contains(got.Fault, "connection failed, or broke") {
		t.Errorf("a header without end: %+v, %v", got, err)
	}
}

// raw is a server that speaks less than HTTP.
func raw(t testing.TB, speak func(net.Conn)) (url string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				speak(connection)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// TLS is spoken with whom it should be, or not at all.
func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(status(http.StatusOK))
	defer server.Close()
	s := sender(t, webhook.Options{Allow: here})
	_, sealed := s.NewSecret(endpoint)
	message := webhook.Message{ID: "m", URL: server.URL, Body: payload}
	got, err := s.Send(t.Context(), at, message, endpoint, sealed)
	if err != nil || !strings.Contains(got.Fault, "certificate is not to be trusted") {
		t.Errorf("a certificate of its own: %+v, %v", got, err)
	}
	trusting := sender(t, webhook.Options{Allow: here})
	trusting.Trust(server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs)
	if got, err = trusting.Send(t.Context(), at, message, endpoint, sealed); err != nil || !got.Delivered() {
		t.Errorf("a certificate that is trusted: %+v, %v", got, err)
	}
	plain, _ := receiver(t, status(http.StatusOK))
	message.URL = strings.Replace(plain, "http:", "https:", 1)
	if got, err = s.Send(t.Context(), at, message, endpoint, sealed); err != nil || got.Delivered() {
		t.Errorf("no TLS at all: %+v, %v", got, err)
	}
}

// What connects to no server says why, and not in a driver's words.
func TestUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	s := sender(t, webhook.Options{Allow: here})
	_, sealed := s.NewSecret(endpoint)
	for url, want := range map[string]string{
		"http://" + closed.Addr().String(): "connection failed",
		"https://no-such-host.invalid/":    "cannot be resolved",
		"https://[::1/":                    "cannot be read",
		"gopher://127.0.0.1/":              "connection failed",
	} {
		got, err := s.Send(t.Context(), at, webhook.Message{ID: "m", URL: url, Body: payload}, endpoint, sealed)
		if err != nil || got.StatusCode != 0 || !strings.Contains(got.Fault, want) || strings.Contains(got.Fault, "127.0.0.1") {
			t.Errorf("%s: %+v, %v", url, got, err)
		}
	}
}

// addresses says of many an address whether messages may go there.
var addresses = map[string]bool{
	"8.8.8.8": true, "1.1.1.1": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
	"192.167.255.255": true, "169.253.255.255": true, "198.17.255.255": true, "198.20.0.0": true, "223.255.255.255": true, "168.63.129.17": true,
	"2606:4700:4700::1111": true, "2a00:1450:4001:800::200e": true, "::ffff:8.8.8.8": true,

	"127.0.0.1": false, "127.255.255.254": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "10.255.255.255": false,
	"172.16.0.0": false, "172.31.255.255": false, "192.168.1.1": false, "100.64.0.0": false, "100.127.255.255": false,
	"169.254.169.254": false, "169.254.0.1": false, "100.100.100.200": false, "192.0.0.192": false, "168.63.129.16": false, // clouds' own
	"192.0.2.1": false, "198.18.0.1": false, "198.19.255.255": false, "198.51.100.7": false, "203.0.113.7": false, "192.88.99.1": false,
	"224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
	"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "febf::1": false, "fec0::1": false, "fc00::1": false, "fd00:ec2::254": false, "ff02::1": false,
	"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:0:10.0.0.1": false, "::10.0.0.1": false,
	"64:ff9b::a00:1": false, "64:ff9b:1::a00:1": false, "100::1": false, "2001::1": false, "2001:db8::1": false, "2002:a00:1::1": false, "3fff::1": false, "5f00::1": false,
}

// The guard looks at the address that is connected to, not at the name.
func TestGuard(t *testing.T) {
	s := sender(t, webhook.Options{})
	connect := webhook.Control(s)
	check := func(address string, may bool) {
		t.Helper()
		if err := connect("tcp", net.JoinHostPort(address, "443")); (err == nil) != may || err != nil && !errors.Is(err, webhook.ErrAddress) {
			t.Errorf("connecting to %s: %v, want %t", address, err, may)
		}
		host := address
		if strings.Contains(address, ":") {
			host = "[" + strings.ReplaceAll(address, "%", "%25") + "]"
		}
		if vs := s.CheckURL("url", "https://"+host+"/x"); (len(vs) == 0) != may {
			t.Errorf("https://%s/x: %v, want %t", host, vs, may)
		}
	}
	for address, may := range addresses {
		check(address, may)
	}
	for _, broken := range []string{"", "127.0.0.1", "localhost:443"} {
		if err := connect("tcp", broken); !errors.Is(err, webhook.ErrAddress) {
			t.Errorf("connecting to %q: %v", broken, err)
		}
	}

	// A name that leads to this machine is as good as its address: not at all,
	// whatever the URL's check has seen of it, and by http not though it is allowed
	// elsewhere.
	url, got := receiver(t, status(http.StatusOK))
	port := url[strings.LastIndex(url, ":"):]
	_, sealed := s.NewSecret(endpoint)
	for _, target := range []string{"https://localhost" + port, "http://localhost" + port, url, strings.Replace(url, "http:", "https:", 1)} {
		result, err := s.Send(t.Context(), at, webhook.Message{ID: "m", URL: target, Body: payload}, endpoint, sealed)
		if err != nil || !strings.Contains(result.Fault, "not a public one") {
			t.Errorf("%s: %+v, %v", target, result, err)
		}
	}
	elsewhere := sender(t, webhook.Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	if result, err := elsewhere.Send(t.Context(), at, webhook.Message{ID: "m", URL: url, Body: payload}, endpoint, sealed); err != nil || !strings.Contains(result.Fault, "not a public one") {
		t.Errorf("another network is allowed: %+v, %v", result, err)
	}
	if len(*got) > 0 {
		t.Error("the guard let something through")
	}
}

// All that is wrong with a URL is said at once, and what only shows when it is
// resolved is left to that.
func TestCheckURL(t *testing.T) {
	s, private := sender(t, webhook.Options{}), sender(t, webhook.Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for url, want := range map[string]struct{ open, allowing string }{
		"https://hooks.example.com/offers?to=1":                 {"", ""},
		"https://hooks.example.com:8443":                        {"", ""},
		"https://xn--bcher-kva.example/":                        {"", ""},
		"https://" + strings.Repeat("a", 1980) + ".example.com": {"", ""},
		"":                                     {"REQUIRED", "REQUIRED"},
		"https://" + strings.Repeat("a", 2000): {"TOO_LONG", "TOO_LONG"},
		"hooks.example.com/offers":             {"INVALID_URL", "INVALID_URL"},
		"/offers":                              {"INVALID_URL", "INVALID_URL"},
		"https://":                             {"INVALID_URL", "INVALID_URL"},
		"https://:443/":                        {"INVALID_URL", "INVALID_URL"},
		"https://bücher.example/":              {"INVALID_URL", "INVALID_URL"},
		"https://a b.example/":                 {"INVALID_URL", "INVALID_URL"},
		"https://a.example/\r\nX: y":           {"INVALID_URL", "INVALID_URL"},
		"https://me@hooks.example.com/#a":      {"INVALID_URL INVALID_URL", "INVALID_URL INVALID_URL"},
		"http://hooks.example.com/":            {"URL_NOT_HTTPS", ""},
		"ftp://10.0.0.1/":                      {"URL_NOT_HTTPS URL_NOT_PUBLIC", "URL_NOT_HTTPS"},
		"http://10.0.0.1/":                     {"URL_NOT_HTTPS URL_NOT_PUBLIC", ""},
		"http://192.168.0.1/":                  {"URL_NOT_HTTPS URL_NOT_PUBLIC", "URL_NOT_HTTPS URL_NOT_PUBLIC"},
		"https://10.1.2.3/":                    {"URL_NOT_PUBLIC", ""},
		"https://[::ffff:10.1.2.3]/":           {"URL_NOT_PUBLIC", ""},
		"https://localhost/":                   {"URL_NOT_PUBLIC", ""},
		"https://any.LocalHost:8443/":          {"URL_NOT_PUBLIC", ""},
	} {
		for sender, codes := range map[*webhook.Sender]string{s: want.open, private: want.allowing} {
			var got []string
			for _, v := range sender.CheckURL("url", url) {
				got = append(got, string(v.Code))
				if v.Path() != "url" || v.Message == "" {
					t.Errorf("%.60s: %+v", url, v)
				}
			}
			if strings.Join(got, " ") != codes {
				t.Errorf("%.60s: %q, want %q", url, got, codes)
			}
		}
	}
}
