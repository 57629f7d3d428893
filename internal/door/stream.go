package door

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/graph"
	"sellthrough/internal/auth"
	"sellthrough/internal/throttle"
	"sellthrough/models"
)

// Streams bound the connections that stay open: WebSockets and event streams.
type Streams struct {
	// Each is how many one identity may have open, Total how many all.
	Each, Total int
	// Operations is how many may run at once over one WebSocket.
	Operations int
}

// DefaultStreams are those of the API's documentation.
var DefaultStreams = Streams{Each: 50, Total: 5_000, Operations: 50}

// beat is how often a connection that stays open is looked after, and so how long
// it outlives its credential at most.
const beat = 5 * time.Second

func beats() (<-chan time.Time, func()) {
	ticker := time.NewTicker(beat)
	return ticker.C, ticker.Stop
}

// patience is how long a client may take to read what is written to it, or to
// answer a ping.
const patience = 10 * time.Second

// Why a connection that stays open is ended from here.
var (
	errClosing    = errors.New("the server is being stopped: connect again")
	errCredential = errors.New("the credential is no longer good: sign in again")
	errSilent     = errors.New("the client does not answer")
)

// admit takes one of the places that an identity has for connections that stay
// open.
func (d *door) admit(who throttle.Identity) (leave func(), refused *refusal) {
	d.openLock.Lock()
	defer d.openLock.Unlock()
	switch {
	case d.open[who] >= d.options.Streams.Each:
		refused = refuse(http.StatusTooManyRequests, "TOO_MANY_CONNECTIONS", "you have too many connections open: end one first")
	case d.total >= d.options.Streams.Total:
		refused = refuse(http.StatusServiceUnavailable, "OVERLOADED", "too many connections are open here: try again")
	}
	if refused != nil {
		refused.wait = time.Second
		return nil, refused
	}
	d.open[who]++
	d.total++
	return func() {
		d.openLock.Lock()
		defer d.openLock.Unlock()
		d.total--
		if d.open[who]--; d.open[who] == 0 {
			delete(d.open, who)
		}
	}, nil
}

// tend looks after a connection at each beat: it asks whether the credential is
// still good for the same viewer, so that a token ends when it expires and a key
// when it is revoked, and calls alive. It returns why the connection is to be
// ended, nil if that was not from here.
func (d *door) tend(ctx context.Context, credential func() (string, models.Viewer), alive func() error) error {
	beats, stop := d.options.Beat()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.options.Closing:
			return errClosing
		case <-beats:
		}
		if text, viewer := credential(); text != "" {
			now, err := d.options.Identifier.Viewer(ctx, text, d.options.Clock())
			// A fault of ours is no reason: it is asked again.
			if errors.Is(err, auth.ErrToken) || err == nil && now != viewer {
				return errCredential
			}
		}
		if err := alive(); err != nil {
			return err
		}
	}
}

// operate runs an operation whose asking is paid for, and hands over each of its
// answers until there are no more, send returns false, or the context ends. What
// ends it is returned as an answer: a refusal, or the error of a subscription; nil
// where it came to its end. A subscription takes a turn while it begins, and pays
// for each answer as a query would; who cannot pay waits.
func (d *door) operate(ctx context.Context, purse *purse, asked *request, seen *Observation, readOnly bool, send func(*graphql.Response) bool) (final *graphql.Response) {
	began := d.options.Clock()
	defer func() {
		if final != nil {
			seen.answered(final)
		}
		d.observe(ctx, seen, began)
	}()
	limited, cancel := context.WithTimeout(ctx, d.options.Limits.Time)
	defer cancel()
	operation, errs, leave, refused := d.prepare(limited, purse, asked, seen)
	if refused != nil {
		seen.Status, final = refused.answer(http.Header{})
		return final
	}
	if len(errs) > 0 || operation.Operation.Operation != ast.Subscription {
		defer leave()
		var response *graphql.Response
		seen.Status, response = d.answer(limited, http.Header{}, operation, errs, readOnly)
		if len(response.Data) == 0 {
			return response
		}
		if graph.Introspects(operation) {
			purse.owe(len(response.Data) / bytesCharge)
		}
		purse.report(response)
		seen.answered(response)
		seen.ResponseBytes += len(response.Data)
		send(response)
		return nil
	}
	seen.Status = http.StatusOK
	ctx, ending := graph.WithEnding(ctx)
	run, ctx := d.executor.DispatchOperation(ctx, operation)
	leave()
	defer d.options.Stream("subscription")()
	for {
		response := run(ctx)
		switch {
		case response == nil:
			if err := ending.Error(); err != nil && ctx.Err() == nil {
				return &graphql.Response{Errors: gqlerror.List{err}}
			}
			return nil
		case len(response.Data) == 0:
			return response // it could not begin
		}
		purse.report(response)
		seen.Answers++
		seen.ResponseBytes += len(response.Data)
		seen.answered(response)
		if !send(response) || !purse.afford(ctx, askingCharge+graph.Charge(operation)) {
			return nil
		}
	}
}
