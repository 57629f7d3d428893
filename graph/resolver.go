// Package graph is GraphQL in and out. A resolver loads, computes and returns;
// what two doors need is in internal/market.
package graph

//go:generate go run ./generate

import (
	"context"
	"log/slog"
	"runtime"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"sellthrough/graph/generated"
	"sellthrough/internal/market"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	Market  *market.Market
	policy  *policy
	present func(context.Context, error) *gqlerror.Error
	places  atomic.Pointer[places]
	// turns holds one entry for each rating that runs.
	turns chan struct{}
}

// Options are what GraphQL needs besides a market.
type Options struct {
	Limits Limits
	// Logger gets what is not for the outside.
	Logger *slog.Logger
	// IntrospectionSignedIn refuses introspection to whoever is not signed in.
	IntrospectionSignedIn bool
	// Suggestions has errors name the fields and values that may have been meant.
	Suggestions bool
}

// NewExecutor is GraphQL without a network: it parses, validates, holds to the
// policy and the limits, and runs.
func NewExecutor(m *market.Market, options Options) *executor.Executor {
	resolver := &Resolver{Market: m, turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
	schema := generated.NewCompiledSchema(generated.Config{Resolvers: resolver})
	resolver.policy = newPolicy(schema.Schema(), options)
	errors := presenter{options.Logger}
	resolver.present = errors.present
	e := executor.New(schema)
	e.SetQueryCache(&resolver.policy.documents)
	e.SetParserTokenLimit(options.Limits.Tokens)
	e.SetErrorPresenter(errors.present)
	e.SetRecoverFunc(errors.recovered)
	if !options.Suggestions {
		e.SetDisableSuggestion(true)
		e.SetDefaultRulesFn(withoutSuggestions)
	}
	e.Use(resolver.policy)
	return e
}

// withoutSuggestions are the rules of validation, without those that name what
// may have been meant; gqlgen replaces two of them itself.
func withoutSuggestions() *rules.Rules {
	all := rules.NewDefaultRules()
	for suggesting, silent := range map[string]validator.Rule{
		rules.ValuesOfCorrectTypeRule.Name: rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
		rules.KnownArgumentNamesRule.Name:  rules.KnownArgumentNamesRuleWithoutSuggestions,
		rules.KnownTypeNamesRule.Name:      rules.KnownTypeNamesRuleWithoutSuggestions,
	} {
		all.ReplaceRule(suggesting, silent.RuleFunc)
	}
	return all
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

// Schema is what documents are validated against.
func Schema() *ast.Schema {
	return generated.NewExecutableSchema(generated.Config{}).Schema()
}
