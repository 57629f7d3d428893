package telemetry

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"sellthrough/internal/auth"
	"sellthrough/internal/door"
	"sellthrough/models"
)

// Handler opens the span of each GraphQL request, under that of its caller
// (traceparent), and counts those in flight.
func (t *Telemetry) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.figures.inFlight.Add(r.Context(), 1)
		defer t.figures.inFlight.Add(r.Context(), -1)
		if t.traces != nil {
			ctx, span := t.start(callerOf(r), "request", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
			defer span.End()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// callerOf is the request's context under its caller's span. Only the ids are
// taken over: tracestate and baggage would be a stranger's words in our spans.
func callerOf(r *http.Request) context.Context {
	caller := oteltrace.SpanContextFromContext(propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header)))
	return oteltrace.ContextWithRemoteSpanContext(r.Context(), caller.WithTraceState(oteltrace.TraceState{}))
}

// Stream is door.Options.Stream: it counts what stays open.
func (t *Telemetry) Stream(kind string) (ended func()) {
	t.figures.streams.Add(context.Background(), 1, labels("kind", kind))
	return func() { t.figures.streams.Add(context.Background(), -1, labels("kind", kind)) }
}

// Observe is door.Options.Observe: the figures of one request, and what its span
// tells of it.
func (t *Telemetry) Observe(ctx context.Context, o door.Observation) {
	f, kind := t.figures, labels("type", o.OperationType)
	f.requests.Add(ctx, 1, labels("role", string(o.Viewer.Role), "type", o.OperationType, "status", status(o.Status)))
	if o.OperationType != "subscription" { // which takes as long as its client listens
		f.requestSeconds.Record(ctx, o.Duration.Seconds(), kind)
	}
	f.requestBytes.Record(ctx, int64(o.RequestBytes))
	f.responseBytes.Record(ctx, int64(o.ResponseBytes))
	f.answers.Add(ctx, int64(o.Answers))
	if o.OperationType != "" {
		f.requestCost.Record(ctx, int64(o.Cost), kind)
	}
	for _, code := range o.Codes {
		f.errors.Add(ctx, 1, labels("code", code))
	}
	if slices.Contains(o.Codes, "THROTTLED") {
		f.throttled.Add(ctx, 1, labels("role", string(o.Viewer.Role)))
	}
	span := oteltrace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		attribute.String("request.id", redact(o.RequestID)), attribute.String("http.request.method", o.Method), attribute.Int("http.response.status_code", o.Status),
		attribute.String("role", string(o.Viewer.Role)), attribute.String("graphql.operation.type", o.OperationType),
		attribute.String("graphql.operation.name", redact(o.OperationName)), attribute.String("graphql.document.hash", o.DocumentHash),
		attribute.Int("cost", o.Cost), attribute.StringSlice("codes", o.Codes))
	if o.Status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// status spells the few statuses that the door answers with.
func status(code int) string {
	digits := []byte{'0', '0', '0'}
	for i := 2; i >= 0; i-- {
		digits[i] += byte(code % 10)
		code /= 10
	}
	return string(digits)
}

// GraphQL is the extension that makes spans of an operation and its root fields,
// and measures the latter. Fields below them get none: they read what is loaded.
func (t *Telemetry) GraphQL() graphql.HandlerExtension { return &operations{t} }

type operations struct{ *Telemetry }

// ExtensionName and Validate make operations an extension of gqlgen's executor.
func (*operations) ExtensionName() string { return "Telemetry" }

// Validate has nothing to check.
func (*operations) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation makes the spans of an operation that runs. What was done
// before is known only now, so those of parsing and validating are made late.
func (o *operations) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	stats := &operation.Stats
	result := "miss"
	if stats.Validation.Start.Equal(stats.Parsing.End) {
		result = "hit" // gqlgen takes both from one look at the clock
	}
	o.figures.documents.Add(ctx, 1, labels("result", result))
	if !oteltrace.SpanFromContext(ctx).IsRecording() {
		return next(ctx)
	}
	o.span(ctx, "graphql.parse", stats.Parsing)
	o.span(ctx, "graphql.validate", stats.Validation)
	ctx, span := o.start(ctx, "graphql.execute", oteltrace.WithAttributes(
		attribute.String("graphql.operation.type", string(operation.Operation.Operation)),
		attribute.String("graphql.operation.name", redact(operation.Operation.Name))))
	run := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		defer span.End()
		return run(oteltrace.ContextWithSpan(ctx, span))
	}
}

func (o *operations) span(ctx context.Context, name string, timing graphql.TraceTiming) {
	_, span := o.start(ctx, name, oteltrace.WithTimestamp(timing.Start))
	span.End(oteltrace.WithTimestamp(later(timing.Start, timing.End)))
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

// InterceptRootField measures one root field.
func (o *operations) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	field := graphql.GetRootFieldContext(ctx).Field
	kind := string(graphql.GetOperationContext(ctx).Operation.Operation)
	began := o.clock()
	ctx, span := o.start(ctx, kind+" "+field.Name)
	answer := next(ctx)
	o.figures.fieldSeconds.Record(ctx, o.clock().Sub(began).Seconds(), labels("type", kind, "field", field.Name))
	span.End()
	return answer
}

// Identifier counts what credentials come to.
func (t *Telemetry) Identifier(next door.Identifier) door.Identifier {
	return identifier{next, t.figures}
}

type identifier struct {
	next    door.Identifier
	figures *figures
}

// Viewer asks the next identifier.
func (i identifier) Viewer(ctx context.Context, credential string, now time.Time) (models.Viewer, error) {
	viewer, err := i.next.Viewer(ctx, credential, now)
	kind, result := "token", "accepted"
	if strings.HasPrefix(credential, "st_") {
		kind = "api_key"
	}
	switch {
	case errors.Is(err, auth.ErrToken):
		result = "refused"
	case err != nil:
		result = "failed"
	}
	i.figures.authentications.Add(ctx, 1, labels("kind", kind, "result", result))
	return viewer, err
}
