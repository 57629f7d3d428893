package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger writes lines of log from the level up, as "text" or as "json". Each
// line of a request that is traced carries its trace_id. What looks like a
// credential is written as [redacted], wherever it comes from: whoever reads the
// log need not be allowed to act for others.
func NewLogger(out io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redactAttr}
	if format == "json" {
		return slog.New(traced{slog.NewJSONHandler(out, options)})
	}
	return slog.New(traced{slog.NewTextHandler(out, options)})
}

// traced adds the trace that a line belongs to.
type traced struct{ slog.Handler }

// Handle writes one line.
func (h traced) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs and WithGroup keep the trace on the lines of a derived logger.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

// WithGroup is WithAttrs for groups.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }

// redactAttr takes credentials out of one attribute. What is neither text nor
// made into one by fmt holds none.
func redactAttr(_ []string, attr slog.Attr) slog.Attr {
	switch attr.Value.Kind() {
	case slog.KindString:
		return slog.String(attr.Key, redact(attr.Value.String()))
	case slog.KindAny:
		switch value := attr.Value.Any().(type) {
		case error:
			return slog.String(attr.Key, redact(value.Error()))
		case fmt.Stringer:
			return slog.String(attr.Key, redact(value.String()))
		case *slog.Source, nil:
			return attr
		default:
			return slog.String(attr.Key, redact(fmt.Sprint(value)))
		}
	}
	return attr
}

// credentials are the forms of what lets somebody in: a JSON Web Token, an API
// key of ours, what stands behind Bearer or Basic, the password in a URL or in
// the driver's way of writing one. None is without one of the letters of its row,
// which are found at a hundredth of the price.
var credentials = []struct {
	form    *regexp.Regexp
	letters func(text string) bool
	safe    string
}{
	{regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,4}`), with("eyJ"), "[redacted]"},
	{regexp.MustCompile(`\bst_[A-Za-z0-9_-]{8,}`), with("st_"), "[redacted]"},
	{regexp.MustCompile(`(?i)\b(bearer|basic)[ +]+[A-Za-z0-9._~+/=-]+`), func(text string) bool { return strings.ContainsAny(text, " +") }, "$1 [redacted]"},
	{regexp.MustCompile(`(://[^\s/:@]*):[^\s/@]*@`), with("://"), "$1:[redacted]@"},
	{regexp.MustCompile(`([^\s/:@]+):[^\s/@]*@(tcp|unix)\(`), with("@"), "$1:[redacted]@$2("},
}

func with(letters string) func(text string) bool {
	return func(text string) bool { return strings.Contains(text, letters) }
}

// redact takes credentials out of a text.
func redact(text string) string {
	for _, credential := range credentials {
		if credential.letters(text) {
			text = credential.form.ReplaceAllString(text, credential.safe)
		}
	}
	return text
}
