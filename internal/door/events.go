package door

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"sellthrough/graph"
	"sellthrough/internal/auth"
	"sellthrough/models"
)

// events answers a request by server-sent events: GraphQL over SSE, in its mode of
// one connection for each operation. What is wrong with HTTP is refused as
// anywhere; what GraphQL refuses comes as an event, since clients read nothing
// else.
//
// A stream that this side ends because it stops has no complete event: to clients
// that is a lost connection, and they connect again.
func (d *door) events(w http.ResponseWriter, r *http.Request, seen *Observation, credential string) *refusal {
	purse := d.purse(seen.Viewer, r, w.Header())
	if refused := purse.take(askingCharge, graph.Cost{}); refused != nil {
		return refused
	}
	leave, refused := d.admit(purse.who)
	if refused != nil {
		return refused
	}
	defer leave()
	asked, refused := read(w, r, d.options.Limits)
	seen.RequestBytes = asked.bytes
	if refused != nil {
		return refused
	}
	defer d.options.Stream("event_stream")()
	ctx, end := context.WithCancelCause(auth.WithViewer(r.Context(), seen.Viewer))
	defer end(nil)
	out := newEventWriter(w)
	var over sync.WaitGroup
	over.Go(func() {
		end(d.tend(ctx, func() (string, models.Viewer) { return credential, seen.Viewer }, out.alive))
	})
	purse.header = http.Header{} // those of the answer are written
	final := d.operate(ctx, purse, &asked, seen, r.Method == http.MethodGet, func(response *graphql.Response) bool { return out.next(response) == nil })
	cause := context.Cause(ctx)
	end(nil)
	over.Wait() // nobody writes from here on
	switch {
	case errors.Is(cause, errCredential):
		out.next(faulty("UNAUTHENTICATED", errCredential.Error()))
	case cause != nil:
		return nil
	case final != nil:
		out.next(final)
	}
	out.event("complete", nil)
	return nil
}

// eventWriter writes server-sent events, one after the other.
type eventWriter struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	lock       sync.Mutex
}

// newEventWriter begins an answer that stays open: the times that a server gives a
// request are lifted, and instead each write has its own.
func newEventWriter(w http.ResponseWriter) *eventWriter {
	e := &eventWriter{w: w, connection: http.NewResponseController(w)}
	e.connection.SetReadDeadline(time.Time{})
	e.connection.SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", eventStream+"; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Accel-Buffering", "no") // proxies hold back what they think is a page
	w.WriteHeader(http.StatusOK)
	e.write([]byte(":\n\n"))
	return e
}

// alive writes a comment, so that proxies see the connection used, and this side
// sees whether it still is one.
func (e *eventWriter) alive() error { return e.write([]byte(":\n\n")) }

// next writes one answer.
func (e *eventWriter) next(response *graphql.Response) error {
	return e.event("next", text(response))
}

func (e *eventWriter) event(name string, data []byte) error {
	// Data is one line: JSON is written without any end of line.
	return e.write(bytes.Join([][]byte{[]byte("event: "), []byte(name), []byte("\ndata: "), data, []byte("\n\n")}, nil))
}

func (e *eventWriter) write(text []byte) error {
	e.lock.Lock()
	defer e.lock.Unlock()
	// A time long past ends a write that waits; no clock is needed to tell it.
	late := time.AfterFunc(patience, func() { e.connection.SetWriteDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	if _, err := e.w.Write(text); err != nil {
		return err
	}
	return e.connection.Flush()
}

// text is an answer as JSON.
func text(response *graphql.Response) []byte {
	before, after, err := envelope(response)
	if err != nil {
		return []byte(unwritable)
	}
	return bytes.Join([][]byte{before, response.Data, after}, nil)
}
