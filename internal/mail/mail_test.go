package mail_test

import (
	"bufio"
	"context"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/mail"
	"sellthrough/models"
)

var update = flag.Bool("update", false, "rewrite the golden mails; read the diff as their readers would")

// server speaks SMTP as far as a test wants it to: it answers each command by its
// verb, and gives what it was sent after DATA.
func server(t *testing.T, answers map[string]string) (address string, sent <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	mails := make(chan string, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go converse(conn, answers, mails)
		}
	}()
	return listener.Addr().String(), mails
}

func converse(conn net.Conn, answers map[string]string, mails chan<- string) {
	defer conn.Close()
	say := func(verb, usual string) {
		if answer, ok := answers[verb]; ok {
			usual = answer
		}
		io.WriteString(conn, usual+"\r\n")
	}
	lines := bufio.NewScanner(conn)
	say("", "220 mail.example")
	for lines.Scan() {
		verb, _, _ := strings.Cut(strings.ToUpper(lines.Text()), " ")
		switch verb {
		case "EHLO":
			say(verb, "250 mail.example")
		case "DATA":
			say(verb, "354 go on")
			var body strings.Builder
			for lines.Scan() && lines.Text() != "." {
				body.WriteString(strings.TrimPrefix(lines.Text(), ".") + "\r\n")
			}
			if _, hangs := answers["hang"]; hangs {
				continue
			}
			say(".", "250 taken")
			select {
			case mails <- body.String():
			default:
			}
		case "QUIT":
			say(verb, "221 bye")
			return
		default:
			say(verb, "250 fine")
		}
	}
}

// notices are one of each kind.
func notices() map[string]models.Notice {
	at := time.Date(2024, 9, 5, 10, 0, 0, 0, time.UTC)
	end, _ := models.ParseMonth("2024-12")
	start, _ := models.ParseMonth("2024-10")
	base := models.Notice{OccurredAt: at, PrivateOfferID: "01900000-0000-7000-8000-00000000000a", PrivateOfferName: "Herbst <b>größer</b> & \"besser\"",
		PublisherID: "contoso", PublisherName: "Contoso Müller", Products: []models.NoticeProduct{{ProductID: "mail", Title: "Mail"}, {ProductID: "disk", Title: "Disk & Co"}},
		EndMonth: end, Resellers: 3, Live: 2}
	of := func(kind models.OfferEventType, change func(*models.Notice)) models.Notice {
		n := base
		n.Type = kind
		change(&n)
		return n
	}
	partner := models.NoticeReseller{TenantID: "22222222-2222-4222-8222-222222222222", Name: "Tailspin <Toys>"}
	many := make([]models.NoticeReseller, 23)
	for i := range many {
		many[i] = partner
	}
	return map[string]models.Notice{
		"live": of(models.EventLive, func(n *models.Notice) {
			failed := partner
			failed.FailureReason = "the reseller is no longer part of the CSP program"
			n.Failed = []models.NoticeReseller{failed}
		}),
		"ended":             of(models.EventEnded, func(n *models.Notice) { n.StartMonth = start }),
		"ended_unpublished": of(models.EventEnded, func(n *models.Notice) { n.Live = 0 }),
		"withdrawn":         of(models.EventWithdrawn, func(n *models.Notice) { n.Live = 0 }),
		"withdrawn_some":    of(models.EventWithdrawn, func(n *models.Notice) { n.Withdrawn = many }),
	}
}

func notification(notice models.Notice) *models.Notification {
	return &models.Notification{ID: "01900000-0000-7000-8000-0000000000ff", Channel: models.ChannelMail, Recipient: "anna@contoso.example",
		Type: notice.Type, Notice: notice, CreatedAt: notice.OccurredAt}
}

func mailer(t *testing.T, address string) *mail.Mailer {
	t.Helper()
	m, err := mail.New(mail.Options{Server: "smtp+plain://" + address, From: "Offers <offers@market.example>", PublicURL: "https://market.example"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Each kind of mail, as it is sent. It is the same, however often it is sent.
func TestGoldenMails(t *testing.T) {
	address, sent := server(t, nil)
	m := mailer(t, address)
	for name, notice := range notices() {
		var got string
		for range 2 {
			if d := m.Send(t.Context(), notification(notice)); d != (models.Delivery{Outcome: models.OutcomeDelivered, StatusCode: 250}) {
				t.Fatalf("%s: %+v", name, d)
			}
			again := <-sent
			if got != "" && got != again {
				t.Errorf("%s: sent twice, it differs:\n%s\n%s", name, got, again)
			}
			got = again
		}
		path := "testdata/" + name + ".eml"
		got = strings.ReplaceAll(got, "\r\n", "\n")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
		}
		read(t, got)
	}
}

// read reads a mail as a mail program does.
func read(t *testing.T, text string) (message *netmail.Message, parts map[string]string) {
	t.Helper()
	message, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	parts = map[string]string{}
	reader := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		parts[kind] = string(body)
	}
	if !strings.Contains(parts["text/plain"], "Private offer 0190") || !strings.Contains(parts["text/html"], "Private offer 0190") {
		t.Errorf("both parts are not there: %q", parts)
	}
	return message, parts
}

// Whatever an offer is called, it adds no header and no markup, and reads as it is.
func TestNamesAreOnlyNames(t *testing.T) {
	address, sent := server(t, nil)
	notice := notices()["live"]
	notice.PrivateOfferName = "Größe\r\nBcc: eve@evil.example\r\n\r\n<script>alert(1)</script>"
	if d := mailer(t, address).Send(t.Context(), notification(notice)); d.Outcome != models.OutcomeDelivered {
		t.Fatal(d)
	}
	message, parts := read(t, <-sent)
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if want := "Private offer Größe  Bcc: eve@evil.example    <script>alert(1)</script> is live"; err != nil || subject != want {
		t.Errorf("the subject is %q, want %q", subject, want)
	}
	for header := range message.Header {
		if !strings.Contains("Auto-Submitted Content-Type Date From Message-Id Mime-Version Subject To", header) {
			t.Errorf("the mail has a header %s", header)
		}
	}
	if strings.Contains(parts["text/html"], "<script>") || strings.Contains(parts["text/html"], "<img") {
		t.Errorf("the name is markup: %s", parts["text/html"])
	}
	if to := message.Header.Get("To"); to != "<anna@contoso.example>" {
		t.Errorf("it goes to %s", to)
	}
}

// What a server answers decides whether a mail is tried again. Its own words are
// told to nobody.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		verb, answer string
		want         models.Delivery
	}{
		{"RCPT", "450 secret-host is busy", models.Delivery{Outcome: models.OutcomeFailed, StatusCode: 450, Error: "the mail server does not take mails to this address: it answers 450"}},
		{"RCPT", "550 nobody on secret-host", models.Delivery{Outcome: models.OutcomeRefused, StatusCode: 550, Error: "the mail server does not take mails to this address: it answers 550"}},
		{"MAIL", "553 secret", models.Delivery{Outcome: models.OutcomeFailed, StatusCode: 553, Error: "the mail server does not take mails from --mail-from: it answers 553"}},
		{".", "554 spam", models.Delivery{Outcome: models.OutcomeRefused, StatusCode: 554, Error: "the mail server does not take it: it answers 554"}},
		{".", "451 later", models.Delivery{Outcome: models.OutcomeFailed, StatusCode: 451, Error: "the mail server does not take it: it answers 451"}},
		{"QUIT", "500 what", models.Delivery{Outcome: models.OutcomeDelivered, StatusCode: 250}},
		{"RSET", "500 what", models.Delivery{Outcome: models.OutcomeDelivered, StatusCode: 250}},
	} {
		address, _ := server(t, map[string]string{c.verb: c.answer})
		if got := mailer(t, address).Send(t.Context(), notification(notices()["live"])); got != c.want {
			t.Errorf("%s answered %s: %+v, want %+v", c.verb, c.answer, got, c.want)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if got := mailer(t, listener.Addr().String()).Send(t.Context(), notification(notices()["live"])); got.Outcome != models.OutcomeFailed || got.Error == "" {
		t.Errorf("nobody answers: %+v", got)
	}
	// A server without TLS gets nothing where TLS is asked for, a password least of all.
	address, sent := server(t, nil)
	for _, scheme := range []string{"smtp://user:hidden@", "smtp://", "smtps://"} {
		m, err := mail.New(mail.Options{Server: scheme + address, From: "offers@market.example"})
		if err != nil {
			t.Fatal(err)
		}
		got := m.Send(t.Context(), notification(notices()["live"]))
		if got.Outcome != models.OutcomeFailed || strings.Contains(got.Error, "hidden") || len(sent) > 0 {
			t.Errorf("%s without TLS: %+v", scheme, got)
		}
	}
}

// A server that hangs is left when the context ends.
func TestHang(t *testing.T) {
	address, _ := server(t, map[string]string{"hang": ""})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	want := models.Delivery{Outcome: models.OutcomeFailed, Error: "the mail server did not answer in time"}
	if got := mailer(t, address).Send(ctx, notification(notices()["live"])); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Options that make no sense are told, without their password.
func TestOptions(t *testing.T) {
	for _, server := range []string{"", "mail.example", "http://mail.example", "smtp://", "smtp://user:hidden@/", "smtp://user:hidden@mail.example:0", "smtp://user:hidden@mail.example/path",
		"smtp://user@mail.example", "smtp+plain://user:hidden@mail.example", "smtp://us er:hidden@mail.example:x"} {
		_, err := mail.New(mail.Options{Server: server, From: "offers@market.example"})
		if err == nil || !strings.Contains(err.Error(), "--smtp") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v", server, err)
		}
	}
	if _, err := mail.New(mail.Options{Server: "smtp://mail.example", From: "nobody"}); err == nil || !strings.Contains(err.Error(), "--mail-from") {
		t.Error(err)
	}
}
