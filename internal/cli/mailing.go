package cli

import (
	"context"
	"errors"
	"net/url"
	"time"

	"sellthrough/internal/mail"
	"sellthrough/internal/market"
	"sellthrough/models"
)

// mailing is how notifications leave as mails.
type mailing struct {
	SMTP      string `name:"smtp" help:"Mail server for notifications: smtp://user:password@host:port (STARTTLS), smtps://… (TLS) or smtp+plain://host:port. Default: no mails are sent." placeholder:"URL"`
	MailFrom  string `help:"Address that mails come from, such as Offers <offers@example.com>." placeholder:"ADDRESS"`
	PublicURL string `name:"public-url" help:"Where people reach this installation: a link in mails." placeholder:"https://HOST"`
}

// senders are the channels that notifications leave by.
func (m *mailing) senders() (map[models.Channel]market.Send, error) {
	if public, err := url.Parse(m.PublicURL); err != nil || m.PublicURL != "" && (public.Host == "" || public.Scheme != "https" && public.Scheme != "http" || public.User != nil) {
		return nil, errors.New("--public-url is no address: write https://host")
	}
	if m.SMTP == "" {
		return nil, nil
	}
	if m.MailFrom == "" {
		return nil, errors.New("--smtp needs --mail-from: the address that mails come from")
	}
	mailer, err := mail.New(mail.Options{Server: m.SMTP, From: m.MailFrom, PublicURL: m.PublicURL})
	if err != nil {
		return nil, err
	}
	return map[models.Channel]market.Send{models.ChannelMail: mailer.Send}, nil
}

// deliverEachSecond sends the notifications that are due until the context ends,
// apart from the worker, which no mail server shall hold up. With a frozen clock
// nothing is sent.
func (s *session) deliverEachSecond(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if !s.frozen {
			s.deliver(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *session) deliver(ctx context.Context) {
	done, err := s.Deliver(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.logger.ErrorContext(ctx, "deliver", "error", err)
	case done != market.Delivered{}:
		s.logger.InfoContext(ctx, "deliver", "delivered", done.Delivered, "failed", done.Failed, "dead", done.Dead)
	}
}
