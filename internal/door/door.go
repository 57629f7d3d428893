// Package door is HTTP in front of GraphQL: it names a request, finds out who
// asks, reads what is asked within the limits and the asker's allowance, and
// writes the answer.
package door

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/rs/cors"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/graph"
	"sellthrough/graph/compiled"
	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/internal/recent"
	"sellthrough/internal/throttle"
	"sellthrough/models"
)

// Options are what the door needs besides GraphQL itself.
type Options struct {
	// Identifier says who a credential was issued to.
	Identifier Identifier
	// Clock is the machine's, by which tokens live; it may run while the
	// market's stands still.
	Clock func() time.Time
	// Logger gets what is not for the outside; nil is the default one.
	Logger *slog.Logger
	// Limits bound each request; the zero Limits are graph.DefaultLimits.
	Limits graph.Limits
	// Throttle shares the server out among those who ask; the zero value lets
	// everybody ask as much as they like.
	Throttle throttle.Options
	// Trusted, where it is set, are the only documents that run.
	Trusted *Trusted
	// IntrospectionSignedIn refuses introspection to whoever is not signed in.
	IntrospectionSignedIn bool
	// Suggestions has errors name the fields and values that may have been meant.
	Suggestions bool
	// Origins are the sites whose pages may ask from a browser, with a token:
	// https://portal.example, exactly. No cookie is ever let through.
	Origins []string
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Streams bound the connections that stay open; the zero value is
	// DefaultStreams.
	Streams Streams
	// Beat, where it is set, is told from outside when a connection that stays open
	// is looked after; nil is every few seconds.
	Beat func() (beats <-chan time.Time, stop func())
	// Closing, where it is set, is closed when the server is about to end: then
	// connections that stay open are ended. Open counts the WebSockets among them,
	// of which the server knows nothing.
	Closing <-chan struct{}
	Open    *sync.WaitGroup
	// Stream, where it is set, hears that something begins that stays open, a
	// websocket, an event_stream or a subscription, and by ended of its end.
	Stream func(kind string) (ended func())
	// Documents, by path, are answered there instead of GraphQL.
	Documents map[string]Document
	// Observe, where it is set, hears of each request once, after its answer is
	// written; the context is the request's, with its viewer.
	Observe func(context.Context, Observation)
	// Extension, where it is set, is told of each operation as it runs.
	Extension graphql.HandlerExtension
}

// Identifier says who a credential was issued to: the text after "Bearer ", at
// this instant of the machine's clock. An error that wraps auth.ErrToken is shown
// to whoever sent the credential, as UNAUTHENTICATED; any other is a fault of ours,
// which is logged and shown as INTERNAL.
type Identifier interface {
	Viewer(ctx context.Context, credential string, now time.Time) (models.Viewer, error)
}

// New answers GraphQL over HTTP: POST, and GET for queries; over server-sent
// events, where those are accepted; and over WebSocket. Every answer carries
// X-Request-Id, which is the request's own where it has one.
func New(m *market.Market, options Options) http.Handler {
	if options.Limits == (graph.Limits{}) {
		options.Limits = graph.DefaultLimits
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.Streams == (Streams{}) {
		options.Streams = DefaultStreams
	}
	if options.Beat == nil {
		options.Beat = beats
	}
	if options.Open == nil {
		options.Open = &sync.WaitGroup{}
	}
	if options.Stream == nil {
		options.Stream = func(string) func() { return func() {} }
	}
	d := &door{options: options, open: map[throttle.Identity]int{}, executor: graph.NewExecutor(m, graph.Options{
		Limits: options.Limits, Logger: options.Logger,
		IntrospectionSignedIn: options.IntrospectionSignedIn, Suggestions: options.Suggestions,
	})}
	d.persisted.Most = persistedBytes
	d.known.Most = knownCredentials
	if options.Throttle != (throttle.Options{}) {
		d.allowances, d.guesses = throttle.New(options.Throttle), throttle.New(guessing)
	}
	if options.Extension != nil {
		d.executor.Use(options.Extension)
	}
	if len(options.Origins) == 0 {
		return d
	}
	return cors.New(cors.Options{
		AllowedOrigins: options.Origins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id", "X-Requested-With", "Apollo-Require-Preflight"},
		ExposedHeaders: []string{"X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"},
		MaxAge:         600,
	}).Handler(d)
}

// door is HTTP: it names the request, finds out who asks, reads what is asked
// within the limits, and writes the answer.
type door struct {
	options   Options
	executor  *executor.Executor
	persisted persisted
	// allowances are of those who ask, guesses of the addresses whose credentials
	// were refused; both are nil where nothing is throttled.
	allowances, guesses *throttle.Throttle
	// known are credentials that were good lately, by their SHA-256.
	known recent.Map[[sha256.Size]byte, struct{}]
	// open counts the connections of each identity that stay open.
	openLock sync.Mutex
	open     map[throttle.Identity]int
	total    int
}

// ServeHTTP answers one request, or all that come over one connection.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := d.options.Clock()
	seen := Observation{RequestID: requestID(r), Method: r.Method}
	w.Header().Set("X-Request-Id", seen.RequestID)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept, Authorization")
	r = r.WithContext(graph.WithRequestID(graphql.StartOperationTrace(r.Context()), seen.RequestID))
	ctx, cancel := context.WithTimeout(r.Context(), d.options.Limits.Time)
	defer cancel()
	media := negotiate(r)
	viewer, credential, refused := d.viewer(ctx, r)
	seen.Viewer = viewer
	ctx = auth.WithViewer(ctx, viewer)
	if document, ok := d.options.Documents[r.URL.Path]; ok {
		whole := d.document(ctx, w, r, document, &seen, refused)
		d.observe(ctx, &seen, began)
		if !whole {
			panic(http.ErrAbortHandler) // half a document must not look like a whole one
		}
		return
	}
	switch {
	case refused == nil && upgrades(r):
		if refused = d.socket(w, r, viewer, credential); refused == nil {
			return
		}
	case media == "":
		refused = refuse(http.StatusNotAcceptable, "NOT_ACCEPTABLE", "the answer is application/graphql-response+json, application/json or text/event-stream, in UTF-8: accept one of them")
	case refused == nil && forgeable(r):
		refused = refuse(http.StatusForbidden, "PREFLIGHT_REQUIRED", "a request with a cookie needs the header X-Requested-With or Apollo-Require-Preflight, so that no page elsewhere can send it")
	case refused == nil && media == eventStream:
		if refused = d.events(w, r, &seen, credential); refused == nil {
			return
		}
	}
	if media == "" || media == eventStream {
		media = plainJSON
	}
	reply, done := newReply(w, media) // here, since a connection that stays open has no use for its buffer
	defer done()
	var response *graphql.Response
	if refused == nil {
		seen.Status, response, refused = d.ask(ctx, reply, r, &seen)
	}
	if refused != nil {
		seen.Status, response = refused.answer(w.Header())
	} else if media == plainJSON && seen.Status < http.StatusMethodNotAllowed {
		seen.Status = http.StatusOK // it is well-formed HTTP, whatever GraphQL says of it
	}
	if seen.Status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	seen.answered(response)
	cut := reply.writer.Failed()
	if cut {
		seen.Codes = append(seen.Codes, "CANCELLED")
	} else {
		reply.finish(seen.Status, response)
	}
	seen.ResponseBytes = reply.length
	d.observe(ctx, &seen, began)
	if cut {
		panic(http.ErrAbortHandler) // what was sent is not the answer, and must not look like one
	}
}

// observe tells what happened to a request.
func (d *door) observe(ctx context.Context, seen *Observation, began time.Time) {
	seen.Duration = d.options.Clock().Sub(began)
	d.options.Logger.LogAttrs(ctx, slog.LevelInfo, "graphql", seen.attributes()...)
	if d.options.Observe != nil {
		d.options.Observe(ctx, *seen)
	}
}

// ask reads a request and runs it, within the asker's allowance. What is read and
// written takes no turn: a slow client keeps nobody waiting.
func (d *door) ask(ctx context.Context, w *reply, r *http.Request, seen *Observation) (int, *graphql.Response, *refusal) {
	purse := d.purse(seen.Viewer, r, w.Header())
	if refused := purse.take(askingCharge, graph.Cost{}); refused != nil {
		return 0, nil, refused
	}
	asked, refused := read(w.ResponseWriter, r, d.options.Limits)
	seen.RequestBytes = asked.bytes
	if refused != nil {
		return 0, nil, refused
	}
	operation, errs, leave, refused := d.prepare(ctx, purse, &asked, seen)
	if refused != nil {
		return 0, nil, refused
	}
	w.leave = sync.OnceFunc(leave)
	defer w.leave()
	status, response := d.answer(compiled.WithWriter(ctx, w.writer), w.Header(), operation, errs, r.Method == http.MethodGet)
	if len(errs) == 0 && graph.Introspects(operation) {
		purse.owe(len(response.Data) / bytesCharge)
	}
	purse.report(response)
	return status, response, nil
}

// prepare finds the document of what is asked, parses and validates it, and holds
// it to who sees what, the limits and the asker's allowance. Whoever prepared an
// operation has a turn, until it calls leave.
func (d *door) prepare(ctx context.Context, purse *purse, asked *request, seen *Observation) (operation *graphql.OperationContext, errs gqlerror.List, leave func(), refused *refusal) {
	if refused := purse.take(asked.bytes/bytesCharge, graph.Cost{}); refused != nil {
		return nil, nil, nil, refused
	}
	hash, refused := d.persisted.find(asked, d.options.Trusted)
	if refused != nil {
		return nil, nil, nil, refused
	}
	leave, refused = purse.enter(ctx)
	if refused != nil {
		return nil, nil, nil, refused
	}
	operation, errs = d.executor.CreateOperationContext(ctx, &asked.RawParams)
	seen.asked(&asked.RawParams, operation)
	charge := refusedCharge
	if len(errs) == 0 {
		charge = graph.Charge(operation)
	}
	if refused := purse.take(charge, graph.CostOf(operation)); refused != nil {
		leave()
		return nil, nil, nil, refused
	}
	if len(errs) == 0 && hash != "" {
		d.persisted.keep(hash, asked.Query)
	}
	return operation, errs, leave, nil
}

// answer runs an operation that has one answer. The status is that of GraphQL
// over HTTP: 400 and above where nothing ran.
func (d *door) answer(ctx context.Context, header http.Header, operation *graphql.OperationContext, errs gqlerror.List, readOnly bool) (int, *graphql.Response) {
	switch {
	case len(errs) > 0:
		status := http.StatusBadRequest
		switch errs[0].Extensions["code"] {
		case "UNAUTHENTICATED":
			status = http.StatusUnauthorized
		case "FORBIDDEN":
			status = http.StatusForbidden
		}
		return status, d.executor.DispatchError(graphql.WithOperationContext(ctx, operation), errs)
	case readOnly && operation.Operation.Operation == ast.Mutation:
		header.Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, faulty("METHOD_NOT_ALLOWED", "GET answers queries only: send a mutation by POST")
	case operation.Operation.Operation == ast.Subscription:
		return http.StatusNotAcceptable, faulty("NOT_ACCEPTABLE", "a subscription has many answers: send Accept: text/event-stream, or ask over WebSocket")
	}
	run, ctx := d.executor.DispatchOperation(ctx, operation)
	if response := run(ctx); response != nil {
		return http.StatusOK, response
	}
	return http.StatusServiceUnavailable, faulty("TIMEOUT", "the request took too long: ask for less")
}

// faulty is an answer where nothing ran.
func faulty(code, message string) *graphql.Response {
	return &graphql.Response{Errors: gqlerror.List{graph.Fault(code, message, nil)}}
}

// viewer finds out who asks, and by what credential: nobody without one.
func (d *door) viewer(ctx context.Context, r *http.Request) (viewer models.Viewer, credential string, refused *refusal) {
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) == 0 || len(headers) == 1 && headers[0] == "":
		return models.Viewer{}, "", nil
	case len(headers) > 1:
		return models.Viewer{}, "", unauthenticated("send one Authorization header: it must be clear who asks")
	}
	return d.identify(ctx, r, headers[0])
}

// identify finds out who an Authorization header stands for.
func (d *door) identify(ctx context.Context, r *http.Request, authorization string) (viewer models.Viewer, credential string, refused *refusal) {
	scheme, credential, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return models.Viewer{}, "", unauthenticated("send the token as Authorization: Bearer <token>")
	}
	credential = strings.TrimSpace(credential)
	hash := sha256.Sum256([]byte(credential))
	if refused := d.guessed(r, hash, 0); refused != nil {
		return models.Viewer{}, "", refused
	}
	viewer, err := d.options.Identifier.Viewer(ctx, credential, d.options.Clock())
	switch {
	case err == nil:
		d.known.Put(hash, struct{}{}, 1)
		return viewer, credential, nil
	case errors.Is(err, auth.ErrToken):
		d.guessed(r, hash, 1)
		return models.Viewer{}, "", unauthenticated(err.Error())
	}
	id := graph.RequestID(ctx)
	d.options.Logger.ErrorContext(ctx, "cannot find out who asks", "request", id, "error", err)
	return models.Viewer{}, "", refuse(http.StatusInternalServerError, "INTERNAL", "something went wrong here: tell us the request id "+id)
}

// requestID keeps an id that the caller gave, if it is fit for a log line.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	unfit := func(c rune) bool {
		return (c < '0' || '9' < c) && (c < 'a' || 'z' < c) && (c < 'A' || 'Z' < c) && !strings.ContainsRune("-_.:", c)
	}
	if id == "" || len(id) > 128 || strings.ContainsFunc(id, unfit) {
		return rand.Text()
	}
	return id
}
