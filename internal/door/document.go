package door

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"sellthrough/graph"
	"sellthrough/internal/auth"
	"sellthrough/models"
)

// Document is an answer that is no GraphQL, to GET: by the same sign-in, within the
// same allowance and time.
type Document struct {
	// Roles may ask for it, with a credential that has the scope.
	Roles []models.Role
	Scope models.Scope
	// Charge is what it takes from the asker's allowance.
	Charge int
	// Write answers. Before it writes anything it may return a Problem instead; any
	// other error is a fault of ours.
	Write func(ctx context.Context, viewer models.Viewer, query url.Values, w http.ResponseWriter) error
}

// Problem is why a document is not answered.
type Problem struct {
	Status int
	// Code is for programs, Description for people.
	Code, Description string
}

// Error is the description.
func (p *Problem) Error() string { return p.Description }

// document answers a request for a document, of a viewer who is known or refused.
// It is not whole where it failed after its first byte.
func (d *door) document(ctx context.Context, w http.ResponseWriter, r *http.Request, document Document, seen *Observation, refused *refusal) (whole bool) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	sent := &counted{ResponseWriter: w, status: http.StatusOK}
	if refused == nil {
		refused = d.write(ctx, sent, r, document)
	}
	if whole = refused == nil || sent.bytes == 0; refused != nil {
		seen.Codes = []string{refused.code}
		if whole {
			refused.tell(sent, seen.RequestID)
		}
	}
	seen.OperationType, seen.Status, seen.ResponseBytes = "document", sent.status, sent.bytes
	return whole
}

// write lets a document answer whoever may have it.
func (d *door) write(ctx context.Context, w *counted, r *http.Request, document Document) *refusal {
	viewer := auth.ViewerFrom(ctx)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		return refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "this is read by GET")
	case !viewer.Valid():
		return unauthenticated("send a token as Authorization: Bearer <token>")
	case !slices.Contains(document.Roles, viewer.Role):
		return refuse(http.StatusForbidden, "FORBIDDEN", "this is not for a "+string(viewer.Role))
	case !viewer.Scopes.Allows(document.Scope):
		return refuse(http.StatusForbidden, "FORBIDDEN", "the credential lacks the scope "+string(document.Scope))
	}
	purse := d.purse(viewer, r, w.Header())
	if refused := purse.take(askingCharge+document.Charge, graph.Cost{}); refused != nil {
		return refused
	}
	leave, refused := purse.enter(ctx)
	if refused != nil {
		return refused
	}
	defer leave()
	err := document.Write(ctx, viewer, r.URL.Query(), w)
	var problem *Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &problem):
		return refuse(problem.Status, problem.Code, problem.Description)
	case ctx.Err() != nil:
		return refuse(http.StatusServiceUnavailable, "TIMEOUT", "the request took too long: ask for less")
	}
	id := graph.RequestID(ctx)
	d.options.Logger.ErrorContext(ctx, "a document failed", "request", id, "path", r.URL.Path, "error", err)
	return refuse(http.StatusInternalServerError, "INTERNAL", "something went wrong here: tell us the request id "+id)
}

// tell writes a refusal as REST has it.
func (r *refusal) tell(w http.ResponseWriter, requestID string) {
	if r.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.wait.Seconds()))))
	}
	if r.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Del("Content-Disposition")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(r.status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(struct { // whoever is gone reads nothing
		Code        string `json:"code"`
		Description string `json:"description"`
		RequestID   string `json:"requestId"`
	}{r.code, r.message, requestID})
}

// counted knows what was answered.
type counted struct {
	http.ResponseWriter
	status, bytes int
}

// WriteHeader notes the status.
func (c *counted) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.bytes += n
	return n, err
}
