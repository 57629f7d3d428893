package compiled

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
)

// flushSize is how many bytes are gathered before they are sent.
const flushSize = 32 << 10

// Writer gathers an answer and sends it in pieces, so that an answer takes no more
// memory the longer it is. It is used once, by one goroutine.
type Writer struct {
	// Bytes is what is written and not sent yet. Code that is generated appends.
	Bytes []byte

	ctx             context.Context
	send            func([]byte) error // nil to keep everything
	start, mark     int
	failed, flushed bool
}

// NewWriter returns a writer that goes on behind the bytes, and hands what it has
// gathered to send whenever that is much; without send it keeps all of it. Once
// send has returned an error the answer has failed.
func NewWriter(bytes []byte, send func([]byte) error) *Writer {
	return &Writer{Bytes: bytes, send: send, start: len(bytes)}
}

type writerKey struct{}

// WithWriter returns a context whose compiled answer goes to the writer.
func WithWriter(ctx context.Context, w *Writer) context.Context {
	return context.WithValue(ctx, writerKey{}, w)
}

func writerFrom(ctx context.Context) *Writer {
	if w, ok := ctx.Value(writerKey{}).(*Writer); ok {
		return w
	}
	return NewWriter(nil, nil)
}

// Flushed tells whether a part of the answer has been sent: then the rest must
// follow it.
func (w *Writer) Flushed() bool { return w.flushed }

// Failed tells whether the answer cannot be completed though a part of it has been
// sent. Nobody may take that for the whole: the connection must be cut.
func (w *Writer) Failed() bool { return w.flushed && w.failed }

// Holds tells whether the data of an answer is what the writer has gathered.
func (w *Writer) Holds(data []byte) bool {
	return w.flushed || len(data) > 0 && len(w.Bytes) > w.start && &data[0] == &w.Bytes[w.start]
}

// Write makes the writer an io.Writer.
func (w *Writer) Write(bytes []byte) (int, error) {
	w.Bytes = append(w.Bytes, bytes...)
	return len(bytes), nil
}

// written is what a root field comes to that is in the writer already.
type written struct{ graphql.Marshaler }

// Written is what a Root returns where it has written its answer.
var Written graphql.Marshaler = &written{graphql.Null}

// The rest is for generated code.

// Begin begins a value that Done ends.
func (w *Writer) Begin(ctx context.Context) { w.ctx, w.mark = ctx, len(w.Bytes) }

// Done tells whether the value is written. Where it is not, nothing of it is: the
// value goes gqlgen's way, which says what is wrong. What was sent already cannot
// be taken back; then the answer has failed.
func (w *Writer) Done() bool {
	if w.failed && !w.flushed {
		w.Bytes, w.failed = w.Bytes[:w.mark], false
		return false
	}
	return true
}

// Context is that of the root field.
func (w *Writer) Context() context.Context { return w.ctx }

// Give up says that the value cannot be written here.
func (w *Writer) GiveUp() { w.failed = true }

// Null writes null, which a field that may not be null gives up on.
func (w *Writer) Null(allowed bool) {
	w.Bytes = append(w.Bytes, "null"...)
	w.failed = w.failed || !allowed
}

// NotNull gives up where the scalar written last is null. No other ends in l.
func (w *Writer) NotNull() {
	if w.Bytes[len(w.Bytes)-1] == 'l' {
		w.failed = true
	}
}

// Next goes between the entries of a list. It returns false where no further one
// is of any use.
func (w *Writer) Next(i int) bool {
	if i > 0 {
		w.Bytes = append(w.Bytes, ',')
	}
	if len(w.Bytes) >= flushSize && w.send != nil && !w.failed {
		w.failed = w.send(w.Bytes) != nil
		w.Bytes, w.start, w.flushed = w.Bytes[:0], 0, true
	}
	return !w.failed
}
