// Package graph is GraphQL in and out. A resolver loads, computes and returns;
// what two doors need is in internal/market.
package graph

//go:generate go tool gqlgen generate

import (
	"context"

	"sellthrough/internal/market"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	Market *market.Market
	policy *policy
	// turns holds one entry for each rating that runs.
	turns chan struct{}
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
