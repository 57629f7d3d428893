package mail

import (
	"bytes"
	_ "embed"
	htmltemplate "html/template"
	"strings"
	"text/template"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"sellthrough/models"
)

//go:embed notice.txt
var textSource string

//go:embed notice.html
var htmlSource string

var (
	words = map[string]any{"more": func(n, most int) int { return max(0, n-most) }, "first": first}
	text  = template.Must(template.New("text").Funcs(words).Parse(textSource))
	html  = htmltemplate.Must(htmltemplate.New("html").Funcs(words).Parse(htmlSource))
)

// first are the first resellers of a list: 400 would bury the rest.
func first(most int, resellers []models.NoticeReseller) []models.NoticeReseller {
	return resellers[:min(most, len(resellers))]
}

// letter is what the templates see.
type letter struct {
	models.Notice
	Subject, PublicURL string
}

// Became is what became of the offer.
func (l letter) Became() string {
	switch {
	case l.Type == models.EventLive:
		return "is live"
	case l.Type == models.EventEnded:
		return "has ended"
	case len(l.Withdrawn) > 0:
		return "was withdrawn from some resellers"
	}
	return "was withdrawn"
}

// Occurred is the instant, as people read it.
func (l letter) Occurred() string { return l.OccurredAt.UTC().Format("2006-01-02 15:04:05 UTC") }

// Start is the first month.
func (l letter) Start() string {
	if l.StartMonth == 0 {
		return "as soon as possible"
	}
	return l.StartMonth.FirstDay().String()
}

// End is the last day.
func (l letter) End() string { return l.EndMonth.LastDay().String() }

// message writes the mail. It says the same at every attempt, under the same
// Message-ID and Date, so that whoever gets it twice can tell.
func (m *Mailer) message(n *models.Notification) (*gomail.Msg, error) {
	l := letter{Notice: n.Notice, PublicURL: m.publicURL}
	l.Subject = "Private offer " + oneLine(n.Notice.PrivateOfferName) + " " + l.Became()
	var plain, rich bytes.Buffer
	if err := text.Execute(&plain, l); err != nil {
		return nil, err
	}
	if err := html.Execute(&rich, l); err != nil {
		return nil, err
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("notification-"+n.ID))
	message.FromMailAddress(m.from)
	if err := message.To(n.Recipient); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	message.SetMessageIDWithValue(n.ID + "@" + domain)
	message.SetDateWithValue(n.CreatedAt.UTC())
	message.SetGenHeader("Auto-Submitted", "auto-generated") // so that no absence note answers
	message.Subject(l.Subject)
	message.SetBodyString(gomail.TypeTextPlain, plain.String())
	message.AddAlternativeString(gomail.TypeTextHTML, rich.String())
	return message, nil
}

// oneLine is a text without control characters: no header ends inside it.
func oneLine(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text)
}
