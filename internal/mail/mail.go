// Package mail sends notifications as mails, by SMTP. It knows how a notice
// reads in a mail; what is in it, and when it is sent, is decided elsewhere.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"sellthrough/models"
)

// Options are where mails go and what they say of their sender.
type Options struct {
	// Server is smtp://user:password@host:port, where the server must offer
	// STARTTLS, or smtps:// the same, where TLS comes first. smtp+plain:// is
	// without TLS and takes no password. The ports are 587, 465 and 25 unless given.
	Server string
	// From is the address that mails come from, with or without a name.
	From string
	// PublicURL is where people reach this installation, empty for no link.
	PublicURL string
	// TLS is how the server is known; nil trusts what the machine trusts.
	TLS *tls.Config
}

// Mailer sends mails through one server, each over a connection of its own. It is
// safe for concurrent use.
type Mailer struct {
	host      string
	options   []gomail.Option
	from      *netmail.Address
	publicURL string
	tls       *tls.Config
	tlsFirst  bool
}

// New checks the options. What is wrong with them is told without any password.
func New(o Options) (*Mailer, error) {
	server, err := url.Parse(o.Server)
	if err != nil || server.Hostname() == "" || server.Path != "" || server.RawQuery != "" {
		return nil, errors.New("--smtp is no address of a mail server: write smtp://user:password@host:port, smtps://… or smtp+plain://host:port, and in user and password @ as %40, / as %2F, : as %3A")
	}
	from, err := netmail.ParseAddress(o.From)
	if err != nil {
		return nil, errors.New("--mail-from is no address that mails can come from: write offers@example.com, or Offers <offers@example.com>")
	}
	m := &Mailer{host: server.Hostname(), from: from, publicURL: o.PublicURL}
	password, secret := server.User.Password()
	port := map[string]int{"smtp": 587, "smtps": 465, "smtp+plain": 25}[server.Scheme]
	policy := gomail.TLSMandatory
	switch {
	case port == 0:
		return nil, fmt.Errorf("--smtp %q is no scheme: write smtp, smtps or smtp+plain", server.Scheme)
	case server.Scheme == "smtp+plain" && server.User != nil:
		return nil, errors.New("--smtp: a password would travel for all to read: write smtp or smtps instead of smtp+plain, or leave user and password out")
	case server.Scheme == "smtp+plain":
		policy = gomail.NoTLS
	case server.User != nil && !secret:
		return nil, errors.New("--smtp names a user without a password")
	}
	if text := server.Port(); text != "" {
		if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
			return nil, errors.New("--smtp: the port is not from 1 to 65535")
		}
	}
	known := o.TLS.Clone()
	if known == nil {
		known = &tls.Config{}
	}
	known.ServerName, known.MinVersion = m.host, tls.VersionTLS12
	m.tls = known
	if m.tlsFirst = server.Scheme == "smtps"; m.tlsFirst {
		// dial begins TLS. The library takes that for no TLS at all, and sends no
		// password, unless it looks for STARTTLS, which no server offers twice.
		policy = gomail.TLSOpportunistic
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	m.options = []gomail.Option{
		gomail.WithPort(port), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(known), gomail.WithHELO(domain),
		gomail.WithoutNoop(), // one mail a connection
	}
	if secret {
		m.options = append(m.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(server.User.Username()), gomail.WithPassword(password))
	}
	if _, err := gomail.NewClient(m.host, m.options...); err != nil {
		return nil, errors.New("--smtp cannot be used: look at its host and port")
	}
	return m, nil
}

// Send sends a notification to its recipient: market.Send. A server that cannot
// be reached, or does not let us in, has FAILED us; one that knows no such
// recipient, or does not want the mail, has REFUSED it.
func (m *Mailer) Send(ctx context.Context, n *models.Notification) models.Delivery {
	message, err := m.message(n)
	if err != nil {
		return models.Delivery{Outcome: models.OutcomeRefused, Error: "no mail can be made for this address"}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := gomail.NewClient(m.host, append(slices.Clip(m.options), gomail.WithDialContextFunc(func(_ context.Context, network, address string) (net.Conn, error) {
		return m.dial(ctx, network, address)
	}))...)
	if err == nil {
		err = client.DialWithContext(ctx)
	}
	if err != nil {
		return failure(ctx, err)
	}
	err = client.Send(message)
	_ = client.Close() // what it says after the mail arrived changes nothing
	if message.IsDelivered() {
		return models.Delivery{Outcome: models.OutcomeDelivered, StatusCode: 250}
	}
	return failure(ctx, err)
}

// dial connects. The connection ends with the context, whatever hangs: the
// library knows none where it reads and writes.
func (m *Mailer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	if !m.tlsFirst {
		return conn, nil
	}
	secured := tls.Client(conn, m.tls)
	return secured, secured.HandshakeContext(ctx)
}

// failure words why a mail was not sent. A server's own words may name accounts
// and machines: only its number is told.
func failure(ctx context.Context, err error) models.Delivery {
	d := models.Delivery{Outcome: models.OutcomeFailed}
	var refused *gomail.SendError
	var spoken *textproto.Error
	var unknown *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		d.Error = "the mail server did not answer in time"
	case errors.As(err, &refused):
		d.StatusCode = refused.ErrorCode()
		d.Error = "the mail server does not take it"
		of := map[gomail.SendErrReason]string{
			gomail.ErrSMTPMailFrom: "the mail server does not take mails from --mail-from",
			gomail.ErrSMTPRcptTo:   "the mail server does not take mails to this address",
		}
		if words := of[refused.Reason]; words != "" {
			d.Error = words
		}
		permanent := d.StatusCode >= 500 && d.StatusCode < 600
		if permanent && (refused.Reason == gomail.ErrSMTPRcptTo || refused.Reason == gomail.ErrSMTPData || refused.Reason == gomail.ErrSMTPDataClose) {
			d.Outcome = models.OutcomeRefused
		}
	case errors.As(err, &unknown):
		d.Error = "the mail server's certificate is not trusted"
	case errors.As(err, &spoken):
		d.StatusCode = spoken.Code
		d.Error = "the mail server does not let us in: look at user and password"
	default:
		d.Error = "the mail server cannot be reached, or does not offer what --smtp asks for"
	}
	if d.StatusCode != 0 {
		d.Error += ": it answers " + strconv.Itoa(d.StatusCode)
	}
	return d
}
