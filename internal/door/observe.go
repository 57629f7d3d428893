package door

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"sellthrough/graph"
	"sellthrough/models"
)

// Observation is what happened to one request. It holds nothing that was in a
// token, a variable or the text of a document.
type Observation struct {
	RequestID string
	// Viewer is nobody, the zero Viewer, where nobody signed in.
	Viewer models.Viewer
	// Method is HTTP's, or WEBSOCKET. Status is HTTP's, or what it would have been.
	Method string
	Status int
	// OperationName and DocumentHash (SHA-256 in hex) are the client's choice: as
	// many as it likes. They are empty where nothing was asked.
	OperationName, DocumentHash string
	// OperationType is query, mutation or subscription, and RootFields are those selected, each
	// once; both are empty where the document was refused before it was validated. What
	// is no GraphQL is a document, without fields.
	OperationType string
	RootFields    []string
	// Codes are the error codes of the answers, each once. There is one answer, but
	// to a subscription.
	Codes []string
	// Cost is what the request was reckoned to cost.
	Cost int
	// RequestBytes and ResponseBytes are those of the bodies.
	RequestBytes, ResponseBytes int
	Duration                    time.Duration
	// Answers is how many a subscription had.
	Answers int
}

// answered notes the error codes of an answer.
func (o *Observation) answered(response *graphql.Response) {
	for _, err := range response.Errors {
		if code, _ := err.Extensions["code"].(string); !slices.Contains(o.Codes, code) {
			o.Codes = append(o.Codes, code)
		}
	}
}

// asked notes what the request is, as far as it was understood.
func (o *Observation) asked(params *graphql.RawParams, operation *graphql.OperationContext) {
	o.OperationName = params.OperationName
	if params.Query != "" {
		o.DocumentHash = hashOf(params.Query)
	}
	if operation == nil || operation.Operation == nil {
		return
	}
	o.OperationType = string(operation.Operation.Operation)
	o.Cost = graph.CostOf(operation).Requested
	o.RootFields = rootFields(operation.Operation.SelectionSet)
}

// attributes are the observation as a line of log has it.
func (o *Observation) attributes() []slog.Attr {
	return []slog.Attr{
		slog.String("request", o.RequestID), slog.String("role", string(o.Viewer.Role)), slog.String("organization", o.Viewer.Organization),
		slog.String("subject", o.Viewer.Subject), slog.String("type", o.OperationType), slog.String("operation", o.OperationName),
		slog.String("document", o.DocumentHash), slog.Int("status", o.Status), slog.String("codes", strings.Join(o.Codes, " ")),
		slog.Int("cost", o.Cost), slog.Duration("duration", o.Duration), slog.Int("request_bytes", o.RequestBytes), slog.Int("response_bytes", o.ResponseBytes),
	}
}

// rootFields names the fields of an operation's root, each once. It enters each
// fragment once: fragments that spread each other may double with each level.
func rootFields(root ast.SelectionSet) (names []string) {
	entered := map[string]bool{}
	var enter func(ast.SelectionSet)
	enter = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if !slices.Contains(names, s.Name) {
					names = append(names, s.Name)
				}
			case *ast.InlineFragment:
				enter(s.SelectionSet)
			case *ast.FragmentSpread:
				if !entered[s.Name] {
					entered[s.Name] = true
					enter(s.Definition.SelectionSet)
				}
			}
		}
	}
	enter(root)
	return names
}
