// Package graph is GraphQL in and out. A resolver loads, computes and returns;
// what two doors need is in internal/market.
package graph

//go:generate go tool gqlgen generate

import (
	"context"
	"log/slog"
	"runtime"

	"github.com/99designs/gqlgen/graphql/executor"

	"sellthrough/graph/generated"
	"sellthrough/internal/market"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	Market *market.Market
	policy *policy
	// turns holds one entry for each rating that runs.
	turns chan struct{}
}

// NewExecutor is GraphQL without a network: it parses, validates, holds to the
// policy and the limits, and runs. The logger gets what is not for the outside.
func NewExecutor(m *market.Market, limits Limits, logger *slog.Logger) *executor.Executor {
	resolver := &Resolver{Market: m, turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: resolver})
	resolver.policy = newPolicy(schema.Schema(), limits)
	errors := presenter{logger}
	e := executor.New(schema)
	e.SetQueryCache(&resolver.policy.documents)
	e.SetParserTokenLimit(limits.Tokens)
	e.SetErrorPresenter(errors.present)
	e.SetRecoverFunc(errors.recovered)
	e.Use(resolver.policy)
	return e
}

// rate waits for its turn within the request's time, then rates: more ratings at
// once than processors only take memory from each other.
func (r *Resolver) rate(ctx context.Context, rating func() error) error {
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
		return rating()
	case <-ctx.Done():
		return ctx.Err()
	}
}
