// Package graph is GraphQL in and out. A resolver loads, computes and returns;
// what two doors need is in internal/market.
package graph

//go:generate go tool gqlgen generate

import "sellthrough/internal/market"

// Resolver is the root of all resolvers.
type Resolver struct {
	Market *market.Market
	policy *policy
}
