package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/graph/scalar"
	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
	"sellthrough/reports"
)

// Fault is an error for the top level of an answer: transport, authentication,
// authorisation, and what keeps a report from being complete. Violations of
// inputs are no faults: they are userErrors.
func Fault(code, message string, extensions map[string]any) *gqlerror.Error {
	if extensions == nil {
		extensions = map[string]any{}
	}
	extensions["code"] = code
	return &gqlerror.Error{Message: message, Extensions: extensions}
}

// badInput refuses an argument.
func badInput(message string) error { return Fault("BAD_USER_INPUT", message, nil) }

// presenter turns every error into what the outside may see, in one place.
type presenter struct{ logger *slog.Logger }

func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	shown := p.classify(ctx, err)
	if shown.Path == nil {
		shown.Path = graphql.GetPath(ctx)
	}
	var located *gqlerror.Error
	if errors.As(err, &located) && located != shown {
		shown.Path, shown.Locations = located.Path, located.Locations
	}
	return shown
}

func (p presenter) classify(ctx context.Context, err error) *gqlerror.Error {
	var (
		known   *gqlerror.Error
		value   *scalar.Error
		unrated *market.UnratedError
		broken  models.Violations
	)
	switch {
	case errors.As(err, &known) && known.Extensions["code"] != nil:
		return known
	case errors.As(err, &value):
		return Fault("BAD_USER_INPUT", value.Message, nil)
	case errors.As(err, &unrated):
		return unratedFault(auth.ViewerFrom(ctx), unrated)
	case errors.As(err, &broken) && len(broken) == 1 && (broken[0].Code == codeBadCursor || broken[0].Path() == "after"):
		return badCursor()
	case errors.Is(err, store.ErrForgotten):
		return Fault("CURSOR_FORGOTTEN", "what came after the cursor is not known any more: begin without one, then read where things stand", nil)
	case errors.Is(err, rating.ErrNoListPrice):
		return Fault("NO_LIST_PRICE", rating.ErrNoListPrice.Error(), nil)
	case errors.Is(err, reports.ErrTotalTooLarge):
		return Fault("TOTAL_TOO_LARGE", reports.ErrTotalTooLarge.Error(), nil)
	case errors.Is(err, store.ErrNobody):
		return Fault("UNAUTHENTICATED", "sign in: send a token, Authorization: Bearer <token>", nil)
	case errors.Is(err, store.ErrNotFound):
		return Fault("NOT_FOUND", "there is no such thing, or it is not yours to see", nil)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Fault("TIMEOUT", "the request took too long: ask for less", nil)
	case errors.Is(err, context.Canceled):
		return Fault("CANCELLED", "the request was given up", nil)
	}
	return p.internal(ctx, err)
}

// unratedFault names the first facts that keep a report from being complete
// (D20).
func unratedFault(viewer models.Viewer, err *market.UnratedError) *gqlerror.Error {
	const most = 10
	facts := make([]map[string]any, 0, most)
	for _, f := range err.Facts[:min(most, len(err.Facts))] {
		facts = append(facts, map[string]any{
			"month": f.Month.String(), "subscriptionId": f.SubscriptionID, "source": f.Source, "externalId": f.ExternalID,
			"meterId": f.MeterID, "code": f.Code, "message": f.Message,
		})
	}
	next := "see unratedFacts"
	if !viewer.SeesEverything() {
		next = "ask the operator of the marketplace to complete the catalogue"
	}
	return Fault("UNRATED_FACTS", fmt.Sprintf("not every fact can be rated (%d cannot), so the totals would not be complete: %s", len(err.Facts), next),
		map[string]any{"facts": facts, "count": len(err.Facts)})
}

// internal logs what happened, and shows nothing of it.
func (p presenter) internal(ctx context.Context, err error) *gqlerror.Error {
	id := RequestID(ctx)
	p.logger.ErrorContext(ctx, "request failed", "request", id, "error", err)
	return Fault("INTERNAL", "something went wrong here: tell us the request id "+id, map[string]any{"requestId": id})
}

// recovered turns a panic into an error for present.
func (p presenter) recovered(ctx context.Context, problem any) error {
	return fmt.Errorf("panic: %v\n%s", problem, debug.Stack())
}

type requestKey struct{}

// WithRequestID returns a context that belongs to the request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID is the id of the request that the context belongs to.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
