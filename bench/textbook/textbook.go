// Package textbook is gqlgen as its documentation shows it: plain resolvers, and
// the handler that gqlgen's NewDefaultServer makes. The benchmark compares this
// server with it.
package textbook

//go:generate go tool gqlgen generate

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"
)

// Answers are what the resolvers return: rows that lie in memory.
type Answers struct {
	Margins      *MarginConnection
	BillingLines *BillingLineConnection
}

// Read takes the rows out of the data of an answer, as GraphQL writes it.
func Read(data []byte) (answers Answers, err error) {
	return answers, json.Unmarshal(data, &answers)
}

// New is the handler that gqlgen's handler.NewDefaultServer makes, less the
// transports that the benchmark does not use.
func New(answers Answers) http.Handler {
	server := handler.New(NewExecutableSchema(Config{Resolvers: &resolver{answers}}))
	server.AddTransport(transport.POST{})
	server.SetQueryCache(lru.New[*ast.QueryDocument](1000))
	server.Use(extension.Introspection{})
	server.Use(extension.AutomaticPersistedQuery{Cache: lru.New[string](100)})
	return server
}

type resolver struct{ Answers }

// Query makes resolver the root of gqlgen's resolvers.
func (r *resolver) Query() QueryResolver { return queries{r.Answers} }

type queries struct{ answers Answers }

// Margins answers the page of margins.
func (q queries) Margins(context.Context, *int) (*MarginConnection, error) {
	return q.answers.Margins, nil
}

// BillingLines answers the page of lines.
func (q queries) BillingLines(context.Context, string, *int) (*BillingLineConnection, error) {
	return q.answers.BillingLines, nil
}
