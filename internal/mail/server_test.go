package mail_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"mime"
	"net"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/mail"
	"sellthrough/models"
)

// realServer is aiosmtpd: Debian's package python3-aiosmtpd. test.sh installs it
// and names the Python that has it.
const realServer = "SELLTHROUGH_TEST_SMTP"

// taken is a mail that a real server took.
type taken struct {
	From          string
	To            []string
	Data          string
	TLS           bool
	Authenticated bool
}

// real starts a real server.
func real(t *testing.T, python string, arguments ...string) (port string, mails *json.Decoder) {
	t.Helper()
	command := exec.Command(python, append([]string{"testdata/server.py"}, arguments...)...)
	command.Stderr = t.Output()
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	mails = json.NewDecoder(bufio.NewReader(output))
	var number int
	if err := mails.Decode(&number); err != nil {
		t.Fatal("the server did not start: ", err)
	}
	return strconv.Itoa(number), mails
}

// certified is a certificate for 127.0.0.1 in two files, and who trusts it.
func certified(t *testing.T) (arguments []string, trust *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// The server's TLS lives by the machine's clock: a certificate for all times.
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: certificate}, "key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, "--"+name, path)
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		t.Fatal(err)
	}
	trust = x509.NewCertPool()
	trust.AddCert(parsed)
	return arguments, trust
}

// A real server takes our mails by each way that --smtp can name, and refuses
// them in its own words, of which we tell the number only.
func TestRealServer(t *testing.T) {
	python := os.Getenv(realServer)
	if python == "" {
		t.Fatal("no mail server to test with: run ./test.sh, which installs one, or set " + realServer + " to a Python that has aiosmtpd")
	}
	files, trust := certified(t)
	failed := func(code int, why string) models.Delivery {
		return models.Delivery{Outcome: models.OutcomeFailed, StatusCode: code, Error: why}
	}
	const unreachable = "the mail server cannot be reached, or does not offer what --smtp asks for"
	for _, c := range []struct {
		name, serves, user, asks, to string
		trusts                       *x509.CertPool
		want                         models.Delivery
	}{
		{name: "starttls", serves: "starttls", asks: "smtp://", trusts: trust},
		{name: "starttls and password", serves: "starttls", user: "offers:p@ss word", asks: "smtp://offers:p%40ss%20word@", trusts: trust},
		{name: "tls first", serves: "first", asks: "smtps://", trusts: trust},
		{name: "tls first and password", serves: "first", user: "offers:p@ss word", asks: "smtps://offers:p%40ss%20word@", trusts: trust},
		{name: "plain", asks: "smtp+plain://"},

		{name: "another password", serves: "starttls", user: "offers:p@ss", asks: "smtp://offers:hidden@", trusts: trust,
			want: failed(535, "the mail server does not let us in: look at user and password: it answers 535")},
		{name: "another password, tls first", serves: "first", user: "offers:p@ss", asks: "smtps://offers:hidden@", trusts: trust,
			want: failed(535, "the mail server does not let us in: look at user and password: it answers 535")},
		{name: "no password", serves: "starttls", user: "offers:p@ss", asks: "smtp://", trusts: trust,
			want: failed(530, "the mail server does not take mails from --mail-from: it answers 530")},
		{name: "no starttls", asks: "smtp://", trusts: trust, want: failed(0, unreachable)},
		{name: "plain where starttls is needed", serves: "starttls", asks: "smtp+plain://",
			want: failed(530, "the mail server does not take mails from --mail-from: it answers 530")},
		{name: "nobody vouches for it", serves: "starttls", asks: "smtp://", want: failed(0, "the mail server's certificate is not trusted")},
		{name: "nobody vouches for it, tls first", serves: "first", asks: "smtps://", want: failed(0, "the mail server's certificate is not trusted")},
		{name: "no such mailbox", serves: "starttls", asks: "smtp://", to: "nobody@contoso.example", trusts: trust,
			want: models.Delivery{Outcome: models.OutcomeRefused, StatusCode: 550, Error: "the mail server does not take mails to this address: it answers 550"}},
		{name: "busy", serves: "starttls", asks: "smtp://", to: "busy@contoso.example", trusts: trust,
			want: failed(451, "the mail server does not take mails to this address: it answers 451")},
	} {
		t.Run(c.name+"/aiosmtpd", func(t *testing.T) {
			var arguments []string
			if c.serves != "" {
				arguments = slices.Concat(files, []string{"--tls", c.serves})
			}
			if c.user != "" {
				arguments = append(arguments, "--user", c.user)
			}
			port, mails := real(t, python, arguments...)
			if c.trusts == nil {
				c.trusts = x509.NewCertPool()
			}
			m, err := mail.New(mail.Options{Server: c.asks + "127.0.0.1:" + port, From: "Größte Angebote <offers@market.example>",
				PublicURL: "https://market.example", TLS: &tls.Config{RootCAs: c.trusts}})
			if err != nil {
				t.Fatal(err)
			}
			n := notification(notices()["live"])
			if c.to != "" {
				n.Recipient = c.to
			}
			got := m.Send(t.Context(), n)
			if c.want != (models.Delivery{}) {
				if got != c.want {
					t.Errorf("%+v, want %+v", got, c.want)
				}
				return
			}
			if got != (models.Delivery{Outcome: models.OutcomeDelivered, StatusCode: 250}) {
				t.Fatalf("%+v", got)
			}
			var arrived taken
			if err := mails.Decode(&arrived); err != nil {
				t.Fatal(err)
			}
			if arrived.TLS != (c.serves != "") || arrived.Authenticated != (c.user != "") || arrived.From != "offers@market.example" || strings.Join(arrived.To, " ") != n.Recipient {
				t.Errorf("it arrived as %+v", arrived)
			}
			whole(t, arrived.Data, n)
		})
	}
}

// whole reads a mail back and looks at each part of it.
func whole(t *testing.T, text string, n *models.Notification) {
	t.Helper()
	for _, line := range strings.Split(text, "\r\n") {
		if len(line) > 998 { // RFC 5322, 2.1.1
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	message, parts := read(t, text)
	header := func(name string) string {
		value, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get(name))
		if err != nil {
			t.Error(err)
		}
		return value
	}
	from, err := netmail.ParseAddress(message.Header.Get("From"))
	if err != nil || *from != (netmail.Address{Name: "Größte Angebote", Address: "offers@market.example"}) {
		t.Error(from, err)
	}
	for name, want := range map[string]string{
		"To": "<" + n.Recipient + ">", "Subject": `Private offer Herbst <b>größer</b> & "besser" is live`,
		"Date": "Thu, 05 Sep 2024 10:00:00 +0000", "Message-ID": "<" + n.ID + "@market.example>", "Auto-Submitted": "auto-generated",
	} {
		if got := header(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for kind, want := range map[string]string{"text/plain": `Herbst <b>größer</b> & "besser"`, "text/html": "Herbst &lt;b&gt;größer&lt;/b&gt; &amp; &#34;besser&#34;"} {
		if !strings.Contains(parts[kind], want) {
			t.Errorf("%s does not say %q:\n%s", kind, want, parts[kind])
		}
	}
}
