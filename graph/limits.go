package graph

import (
	"fmt"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Limits bound what one request may ask for.
type Limits struct {
	// Body is the most bytes of a request, Tokens the most of its document.
	Body, Tokens int
	// Fields bounds the fields of a document as it is written: comparing those
	// of one name with each other is what validation takes longest for.
	Fields int
	// Operations and Fragments bound the definitions of a document, OperationName
	// the bytes of the name that picks one.
	Operations, Fragments, OperationName int
	// InputDepth and InputValues bound the JSON of a request: how deep it nests,
	// and how many values it holds, those of its variables among them.
	InputDepth, InputValues int
	// Depth is how deep fields may nest, introspection left aside.
	Depth int
	// Aliases, Directives and RootFields bound how often each may be used.
	Aliases, Directives, RootFields int
	// Cost bounds the objects an answer may hold: 1 each, those of a page by
	// its size, those of a list that is not paged as 10; and 1,000 for each month
	// that must be rated to find them, or reseller whose margins must.
	Cost int
	// Selections bounds the fields and fragments once all fragments are spread.
	Selections int
	// Errors is how many errors are returned at most.
	Errors int
	// Time is how long a request may take.
	Time time.Duration
}

// DefaultLimits are those of the API's documentation.
var DefaultLimits = Limits{
	Body: 1 << 20, Tokens: 5_000, Fields: 1_000, Operations: 10, Fragments: 50, OperationName: 255, InputDepth: 20, InputValues: 50_000, Depth: 12, Aliases: 30, Directives: 50, RootFields: 20,
	Cost: 250_000, Selections: 20_000, Errors: 20, Time: 30 * time.Second,
}

// ratedCost is what it costs to rate a month, or a reseller's margins, in objects
// of an answer.
const ratedCost = 1_000

// quoteField answers as many lines as its argument has.
const quoteField = "effectiveMargins"

// Sizes of pages.
const (
	defaultPage = 50
	maxPage     = 100
	maxReport   = 10_000
	maxBatch    = 1_000
	maxIDs      = 100
	maxMonths   = 36
)

// Cost is what a request costs, as extensions.cost reports it.
type Cost struct {
	Requested int `json:"requested"`
	Limit     int `json:"limit"`
}

// Charge is what the operation takes from its viewer's allowance: its cost, and
// something for each look into the schema, which costs nothing.
func Charge(operation *graphql.OperationContext) int {
	return CostOf(operation).Requested + multiply(looks(operation), introspectionCharge)
}

// Introspects tells whether the operation looks into the schema: how much of it,
// only its answer tells, since that is part of no cost.
func Introspects(operation *graphql.OperationContext) bool { return looks(operation) > 0 }

// looks counts the fields that look into the schema.
func looks(operation *graphql.OperationContext) int {
	n, _ := operation.Stats.GetExtension(introspectionExtension).(int)
	return n
}

// introspectionCharge is about what the whole schema takes, in objects.
const introspectionCharge = 500

// CostOf is what the operation costs: nothing where it was refused before that
// was reckoned.
func CostOf(operation *graphql.OperationContext) Cost {
	cost, _ := operation.Stats.GetExtension(costExtension).(Cost)
	return cost
}

// check refuses an operation that is beyond a limit, naming the first one.
func (l Limits) check(w *walk) *gqlerror.Error {
	for _, c := range []struct {
		what       string
		n, most    int
		suggestion string
	}{
		{"fields once all fragments are spread", w.visits, l.Selections, "select less"},
		{"levels of fields", w.depth, l.Depth, "nest less deep"},
		{"aliases", w.aliases, l.Aliases, "send several requests"},
		{"directives", w.directives, l.Directives, "send several requests"},
		{"root fields", w.topFields, l.RootFields, "send several requests"},
		{"cost", w.cost, l.Cost, "ask for smaller pages, or for less of each row"},
	} {
		if c.n > c.most {
			return exceeded(c.most, c.what, c.suggestion)
		}
	}
	return nil
}

func exceeded(most int, what, suggestion string) *gqlerror.Error {
	return Fault("LIMIT_EXCEEDED", fmt.Sprintf("the request has more than %d %s: %s", most, what, suggestion),
		map[string]any{"limit": what, "most": most})
}
