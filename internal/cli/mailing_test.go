package cli

import (
	"strings"
	"testing"
)

// Flags that do not fit together are told, and no password with them.
func TestMailing(t *testing.T) {
	for _, c := range []struct {
		flags mailing
		want  string // of the error, empty for none
		sends bool
	}{
		{mailing{}, "", false},
		{mailing{SMTP: "smtp://user:hidden@mail.example", MailFrom: "offers@example.com", PublicURL: "https://market.example/offers"}, "", true},
		{mailing{SMTP: "smtp://user:hidden@mail.example"}, "--mail-from", false},
		{mailing{SMTP: "smtp+plain://user:hidden@mail.example", MailFrom: "offers@example.com"}, "--smtp", false},
		{mailing{SMTP: "smtp://user:hid%zzden@mail.example", MailFrom: "offers@example.com"}, "--smtp", false},
		{mailing{PublicURL: "market.example"}, "--public-url", false},
		{mailing{PublicURL: "javascript://market.example"}, "--public-url", false},
	} {
		senders, err := c.flags.senders()
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hid")) {
			t.Errorf("%+v: %v, want %q", c.flags, err, c.want)
		}
		if (len(senders) > 0) != c.sends {
			t.Errorf("%+v: %d senders", c.flags, len(senders))
		}
	}
}
