// Package door is HTTP in front of GraphQL: it names a request, finds out who
// asks, reads what is asked within the limits, and writes the answer.
package door

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/graph"
	"sellthrough/internal/auth"
	"sellthrough/internal/market"
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

// New answers GraphQL over HTTP: POST, and GET for queries. Every answer carries
// X-Request-Id, which is the request's own where it has one.
func New(m *market.Market, options Options) http.Handler {
	if options.Limits == (graph.Limits{}) {
		options.Limits = graph.DefaultLimits
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	executor := graph.NewExecutor(m, options.Limits, options.Logger)
	if options.Extension != nil {
		executor.Use(options.Extension)
	}
	return &door{executor, options}
}

// door is HTTP: it names the request, finds out who asks, reads what is asked
// within the limits, and writes the answer.
type door struct {
	executor *executor.Executor
	options  Options
}

// refusal is why a request never becomes GraphQL.
type refusal struct {
	status        int
	code, message string
}

// ServeHTTP answers one request.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := d.options.Clock()
	seen := Observation{RequestID: requestID(r), Method: r.Method}
	w.Header().Set("X-Request-Id", seen.RequestID)
	w.Header().Set("Cache-Control", "no-store")
	ctx, cancel := context.WithTimeout(graph.WithRequestID(graphql.StartOperationTrace(r.Context()), seen.RequestID), d.options.Limits.Time)
	defer cancel()
	viewer, refused := d.viewer(ctx, w, r)
	seen.Viewer = viewer
	ctx = auth.WithViewer(ctx, viewer)
	var response *graphql.Response
	if refused == nil {
		seen.Status, response, refused = d.ask(ctx, w, r, &seen)
	}
	if refused != nil {
		seen.Status, response = refused.status, &graphql.Response{Errors: gqlerror.List{graph.Fault(refused.code, refused.message, nil)}}
	}
	for _, err := range response.Errors {
		if code, _ := err.Extensions["code"].(string); !slices.Contains(seen.Codes, code) {
			seen.Codes = append(seen.Codes, code)
		}
	}
	seen.ResponseBytes = write(w, r, seen.Status, response)
	seen.Duration = d.options.Clock().Sub(began)
	d.options.Logger.LogAttrs(ctx, slog.LevelInfo, "graphql", seen.attributes()...)
	if d.options.Observe != nil {
		d.options.Observe(ctx, seen)
	}
}

// ask reads a request and runs it.
func (d *door) ask(ctx context.Context, w http.ResponseWriter, r *http.Request, seen *Observation) (int, *graphql.Response, *refusal) {
	params, refused := d.params(w, r, seen)
	if refused != nil {
		return 0, nil, refused
	}
	operation, errs := d.executor.CreateOperationContext(ctx, params)
	seen.asked(params, operation)
	status, response := d.answer(ctx, operation, errs, r.Method == http.MethodGet)
	if !readsStatus(r) && status < http.StatusMethodNotAllowed {
		status = http.StatusOK // it is well-formed HTTP, whatever GraphQL says of it
	}
	return status, response, nil
}

// answer runs an operation. The status is that of GraphQL over HTTP: 400 and
// above where nothing ran.
func (d *door) answer(ctx context.Context, operation *graphql.OperationContext, errs gqlerror.List, readOnly bool) (int, *graphql.Response) {
	if len(errs) == 0 && readOnly && operation.Operation.Operation != ast.Query {
		return http.StatusMethodNotAllowed, &graphql.Response{Errors: gqlerror.List{graph.Fault("METHOD_NOT_ALLOWED", "GET answers queries only: send a mutation by POST", nil)}}
	}
	if len(errs) > 0 {
		status := http.StatusBadRequest
		switch errs[0].Extensions["code"] {
		case "UNAUTHENTICATED":
			status = http.StatusUnauthorized
		case "FORBIDDEN":
			status = http.StatusForbidden
		}
		return status, d.executor.DispatchError(graphql.WithOperationContext(ctx, operation), errs)
	}
	run, ctx := d.executor.DispatchOperation(ctx, operation)
	if response := run(ctx); response != nil {
		return http.StatusOK, response
	}
	return http.StatusServiceUnavailable, &graphql.Response{Errors: gqlerror.List{graph.Fault("TIMEOUT", "the request took too long: ask for less", nil)}}
}

// graphQLJSON is the content type of clients that read the status as well;
// others get application/json.
const graphQLJSON = "application/graphql-response+json"

func readsStatus(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), graphQLJSON)
}

// write sends the answer, and returns the length of its body.
func write(w http.ResponseWriter, r *http.Request, status int, response *graphql.Response) int {
	content := "application/json"
	if readsStatus(r) {
		content = graphQLJSON
	}
	body, err := json.Marshal(response)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"errors":[{"message":"the answer cannot be written","extensions":{"code":"INTERNAL"}}]}`)
	}
	w.Header().Set("Content-Type", content+"; charset=utf-8")
	w.WriteHeader(status)
	written, _ := w.Write(body)
	return written
}

// params reads what is asked.
func (d *door) params(w http.ResponseWriter, r *http.Request, seen *Observation) (*graphql.RawParams, *refusal) {
	params := &graphql.RawParams{Headers: r.Header}
	switch r.Method {
	case http.MethodGet:
		query := r.URL.Query()
		params.Query, params.OperationName = query.Get("query"), query.Get("operationName")
		if len(r.URL.RawQuery) > d.options.Limits.Body {
			return nil, &refusal{http.StatusRequestURITooLong, "LIMIT_EXCEEDED", "the request is too long: send it by POST"}
		}
		if variables := query.Get("variables"); variables != "" && decode([]byte(variables), &params.Variables) != nil {
			return nil, &refusal{http.StatusBadRequest, "BAD_REQUEST", "variables is not a JSON object"}
		}
	case http.MethodPost:
		if refused := d.body(w, r, params, seen); refused != nil {
			return nil, refused
		}
	default:
		w.Header().Set("Allow", "GET, POST")
		return nil, &refusal{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "send GET or POST"}
	}
	if params.Query == "" {
		return nil, &refusal{http.StatusBadRequest, "BAD_REQUEST", "query is missing: send the GraphQL document in it"}
	}
	return params, nil
}

// body reads a POST within the limit. No refusal ever echoes it.
func (d *door) body(w http.ResponseWriter, r *http.Request, params *graphql.RawParams, seen *Observation) *refusal {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return &refusal{http.StatusUnsupportedMediaType, "BAD_REQUEST", "send Content-Type: application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(d.options.Limits.Body)))
	seen.RequestBytes = len(body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &refusal{http.StatusRequestEntityTooLarge, "LIMIT_EXCEEDED", "the request is too large: import files with the command line"}
	case err != nil:
		return &refusal{http.StatusBadRequest, "BAD_REQUEST", "the request broke off"}
	case decode(body, params) != nil:
		return &refusal{http.StatusBadRequest, "BAD_REQUEST", `the body is not a GraphQL request: send {"query": "...", "variables": {...}}`}
	}
	return nil
}

// decode reads one JSON object with its numbers exact.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}

// viewer finds out who asks: nobody without a token.
func (d *door) viewer(ctx context.Context, w http.ResponseWriter, r *http.Request) (models.Viewer, *refusal) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 || len(headers) == 1 && headers[0] == "" {
		return models.Viewer{}, nil
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	message := "send the token as Authorization: Bearer <token>"
	if len(headers) > 1 {
		message = "send one Authorization header: it must be clear who asks"
	} else if strings.EqualFold(scheme, "Bearer") {
		viewer, err := d.options.Identifier.Viewer(ctx, strings.TrimSpace(token), d.options.Clock())
		switch {
		case err == nil:
			return viewer, nil
		case !errors.Is(err, auth.ErrToken):
			id := graph.RequestID(ctx)
			d.options.Logger.ErrorContext(ctx, "cannot find out who asks", "request", id, "error", err)
			return models.Viewer{}, &refusal{http.StatusInternalServerError, "INTERNAL", "something went wrong here: tell us the request id " + id}
		}
		message = err.Error()
	}
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	return models.Viewer{}, &refusal{http.StatusUnauthorized, "UNAUTHENTICATED", message}
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
