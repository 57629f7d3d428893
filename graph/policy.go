package graph

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"sellthrough/internal/auth"
	"sellthrough/internal/recent"
	"sellthrough/models"
)

// Visibility is one row of the table of who sees what.
type Visibility struct {
	Type, Field string
	Roles       []models.Role
	// Scope is what a limited credential needs, "" for none.
	Scope models.Scope
}

// PolicyTable reads the table from the schema's @visible and @scope: one row for
// each field of each object, sorted. A root field without @visible is seen by
// nobody, any other by all who can reach it. A field's scope is its own, or its
// object's.
func PolicyTable(schema *ast.Schema) []Visibility {
	var table []Visibility
	for _, object := range schema.Types {
		if object.Kind != ast.Object || object.BuiltIn {
			continue
		}
		for _, field := range object.Fields {
			if !strings.HasPrefix(field.Name, "__") {
				table = append(table, Visibility{object.Name, field.Name, seenBy(schema, object, field), scopeOf(object, field)})
			}
		}
	}
	slices.SortFunc(table, func(x, y Visibility) int {
		return strings.Compare(x.Type+"."+x.Field, y.Type+"."+y.Field)
	})
	return table
}

func seenBy(schema *ast.Schema, object *ast.Definition, field *ast.FieldDefinition) []models.Role {
	root := object == schema.Query || object == schema.Mutation || object == schema.Subscription
	own := rolesOf(field.Directives, root)
	whole := rolesOf(object.Directives, false)
	return slices.DeleteFunc(own, func(role models.Role) bool { return !slices.Contains(whole, role) })
}

func scopeOf(object *ast.Definition, field *ast.FieldDefinition) models.Scope {
	for _, directives := range []ast.DirectiveList{field.Directives, object.Directives} {
		if scope := directives.ForName("scope"); scope != nil {
			return models.Scope(scope.Arguments.ForName("needs").Value.Raw)
		}
	}
	return ""
}

func rolesOf(directives ast.DirectiveList, closed bool) (roles []models.Role) {
	visible := directives.ForName("visible")
	switch {
	case visible == nil && closed:
		return nil
	case visible == nil:
		return slices.Clone(models.Roles)
	}
	for _, child := range visible.Arguments.ForName("to").Value.Children {
		roles = append(roles, models.Role(child.Value.Raw))
	}
	return roles
}

// policy is the one place where an operation is held to who sees what and to
// the limits, before anything of it runs.
type policy struct {
	limits Limits
	// introspectionSignedIn is Options.IntrospectionSignedIn.
	introspectionSignedIn bool
	documents             documents
	seen                  map[string]Visibility // by Type.field
	root                  map[ast.Operation][]*ast.FieldDefinition
	schema                *ast.Schema
}

func newPolicy(schema *ast.Schema, options Options) *policy {
	p := &policy{schema: schema, limits: options.Limits, introspectionSignedIn: options.IntrospectionSignedIn, documents: documents{recent.Map[string, *ast.QueryDocument]{Most: generation}},
		seen: map[string]Visibility{}, root: map[ast.Operation][]*ast.FieldDefinition{
			ast.Query: schema.Query.Fields, ast.Mutation: schema.Mutation.Fields, ast.Subscription: schema.Subscription.Fields,
		}}
	for _, row := range PolicyTable(schema) {
		p.seen[row.Type+"."+row.Field] = row
	}
	return p
}

// lacks says what the viewer may not select a field for: its role, or a scope
// that its credential does not have.
func (p *policy) lacks(viewer models.Viewer, object, field string) (role bool, scope models.Scope) {
	row, known := p.seen[object+"."+field]
	switch {
	case !known:
		return false, ""
	case !slices.Contains(row.Roles, viewer.Role):
		return true, ""
	case !viewer.Scopes.Allows(row.Scope):
		return false, row.Scope
	}
	return false, ""
}

// sees tells whether the viewer may select the field.
func (p *policy) sees(viewer models.Viewer, object, field string) bool {
	role, scope := p.lacks(viewer, object, field)
	return !role && scope == ""
}

// rootFields are what the viewer may select of an operation's root, sorted.
func (p *policy) rootFields(viewer models.Viewer, operation ast.Operation, root string) []string {
	var names []string
	for _, field := range p.root[operation] {
		if !strings.HasPrefix(field.Name, "__") && p.sees(viewer, root, field.Name) {
			names = append(names, field.Name)
		}
	}
	slices.Sort(names)
	return names
}

// ExtensionName and Validate make policy an extension of gqlgen's handler.
func (p *policy) ExtensionName() string { return "Policy" }

// Validate has nothing to check.
func (p *policy) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters refuses a document with too many fields before it is
// validated, or with too many operations or fragments. What was validated once is not looked at again, and what cannot be
// parsed is left for the parser to explain.
func (p *policy) MutateOperationParameters(ctx context.Context, request *graphql.RawParams) *gqlerror.Error {
	if _, known := p.documents.Get(ctx, request.Query); known {
		return nil
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: request.Query}, p.limits.Tokens)
	if err != nil {
		return nil
	}
	if len(document.Operations) > p.limits.Operations {
		return exceeded(p.limits.Operations, "operations", "send the one that is to run")
	}
	if len(document.Fragments) > p.limits.Fragments {
		return exceeded(p.limits.Fragments, "fragments", "send several requests")
	}
	fields := 0
	for _, operation := range document.Operations {
		fields += count(operation.SelectionSet)
	}
	for _, fragment := range document.Fragments {
		fields += count(fragment.SelectionSet)
	}
	if fields > p.limits.Fields {
		return exceeded(p.limits.Fields, "fields", "send several requests")
	}
	return nil
}

// count counts fields and fragments as they are written.
func count(set ast.SelectionSet) (n int) {
	for _, selection := range set {
		n++
		switch s := selection.(type) {
		case *ast.Field:
			n += count(s.SelectionSet)
		case *ast.InlineFragment:
			n += count(s.SelectionSet)
		}
	}
	return n
}

// MutateOperationContext refuses an operation that nobody signed in for, that
// selects what its viewer may not see, whose arguments break the contract, or
// that asks for too much.
func (p *policy) MutateOperationContext(ctx context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	operation.DisableIntrospection = false // the walk refuses it where it is to be refused
	w := walk{policy: p, viewer: auth.ViewerFrom(ctx), operation: operation, examination: examination{
		schema: p.schema, reading: operation.Operation.Operation != ast.Mutation,
	}}
	w.selections(operation.Operation.SelectionSet, place{cost: 1})
	w.directives += len(operation.Operation.Directives)
	operation.Stats.SetExtension(introspectionExtension, w.introspections)
	operation.Stats.SetExtension(costExtension, Cost{min(w.cost, p.limits.Cost+1), p.limits.Cost})
	switch {
	case w.unauthenticated:
		return Fault("UNAUTHENTICATED", "sign in: send a token, Authorization: Bearer <token>", nil)
	case len(w.forbidden) > 0:
		return Fault("FORBIDDEN", fmt.Sprintf("a %s may not see %s", w.viewer.Role, strings.Join(w.forbidden, ", ")),
			map[string]any{"fields": w.forbidden})
	case len(w.unscoped) > 0:
		return Fault("FORBIDDEN", fmt.Sprintf("your credential lacks the scopes %s, for %s", strings.Join(w.missing, ", "), strings.Join(w.unscoped, ", ")),
			map[string]any{"fields": w.unscoped, "scopes": w.missing})
	case len(w.faults) > 0:
		return w.refusal(p.limits.Errors)
	}
	if refused := p.limits.check(&w); refused != nil {
		return refused
	}
	if operation.Operation.Operation == ast.Subscription && w.topFields != 1 {
		return Fault("GRAPHQL_VALIDATION_FAILED", "a subscription selects one root field: send several subscriptions", nil)
	}
	return headerKey(operation)
}

// Names of what an operation's statistics keep.
const (
	costExtension          = "cost"
	introspectionExtension = "introspection"
)

// InterceptResponse reports the cost, and cuts a long list of errors.
func (p *policy) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if graphql.HasOperationContext(ctx) {
		if cost := CostOf(graphql.GetOperationContext(ctx)); cost != (Cost{}) {
			graphql.RegisterExtension(ctx, costExtension, cost)
		}
	}
	response := next(ctx)
	if response != nil && len(response.Errors) > p.limits.Errors {
		response.Errors = response.Errors[:p.limits.Errors]
	}
	return response
}

// walk is the state of one pass over the selected fields.
type walk struct {
	*policy
	viewer    models.Viewer
	operation *graphql.OperationContext
	examination

	unauthenticated bool
	forbidden       []string // paths
	unscoped        []string // paths that lack a scope
	missing         []string // those scopes

	visits, depth, aliases, directives, topFields, introspections, cost int
}

// place is where in the operation the walk stands.
type place struct {
	path          string
	depth         int
	cost          int // of one object here, times how many there can be
	introspection bool
	refused       bool // below a field that is refused
	connection    bool // nodes and edges are as many as the page already says
}

func (w *walk) selections(set ast.SelectionSet, at place) {
	for _, selection := range set {
		// A fragment spread within fragments can double each time: the walk ends
		// where the operation is refused anyway.
		if w.visits++; w.visits > w.limits.Selections {
			return
		}
		switch s := selection.(type) {
		case *ast.Field:
			w.field(s, at)
		case *ast.InlineFragment:
			w.directives += len(s.Directives)
			w.selections(s.SelectionSet, at)
		case *ast.FragmentSpread:
			w.directives += len(s.Directives)
			w.selections(s.Definition.SelectionSet, at)
		}
	}
}

func (w *walk) field(f *ast.Field, at place) {
	if f.Alias != f.Name {
		w.aliases++
	}
	w.directives += len(f.Directives)
	if at.depth == 0 {
		w.topFields++
	}
	below := place{path: at.path + f.Alias, depth: at.depth + 1, cost: at.cost, introspection: at.introspection, refused: at.refused}
	if strings.HasPrefix(f.Name, "__") {
		below.introspection = true
	}
	if at.depth == 0 && below.introspection && f.Name != "__typename" {
		w.introspections++
		w.unauthenticated = w.unauthenticated || w.introspectionSignedIn && !w.viewer.Valid()
	}
	if !below.introspection {
		below.refused = w.refuses(f, below.path, at.refused) || at.refused
		w.depth = max(w.depth, below.depth)
		arguments := w.arguments(f, below.path, w.operation.Variables)
		if len(f.SelectionSet) > 0 {
			below.cost = multiply(at.cost, many(f, at, arguments))
			w.cost = min(w.cost+below.cost+multiply(rated(f, arguments, at.cost), ratedCost), w.limits.Cost+1)
			below.connection = paged(f)
			if below.connection {
				below.cost = multiply(below.cost, pageSize(arguments))
			}
		}
	}
	below.path += "."
	w.selections(f.SelectionSet, below)
}

// refuses tells whether the viewer may not see the field. Below a field that is
// refused already, none is named.
func (w *walk) refuses(f *ast.Field, path string, already bool) bool {
	if !w.viewer.Valid() {
		w.unauthenticated = true
		return true
	}
	if already || f.ObjectDefinition == nil {
		return false
	}
	role, scope := w.lacks(w.viewer, f.ObjectDefinition.Name, f.Name)
	switch {
	case role:
		w.forbidden = add(w.forbidden, path)
	case scope != "":
		w.unscoped, w.missing = add(w.unscoped, path), add(w.missing, string(scope))
	}
	return role || scope != ""
}

// add adds a text that is not there yet.
func add(texts []string, text string) []string {
	if slices.Contains(texts, text) {
		return texts
	}
	return append(texts, text)
}

// many is how many objects a field stands for: a list that is not paged counts
// as unpagedSize, unless the request says how long it is, or the schema does.
func many(f *ast.Field, at place, arguments map[string]any) int {
	switch {
	case f.Definition == nil || f.Definition.Type.Elem == nil, at.connection:
		return 1
	case f.Arguments.ForName("ids") != nil:
		return max(1, len(texts(arguments["ids"])))
	case f.Name == quoteField:
		if lines := reflect.ValueOf(arguments["lines"]); lines.Kind() == reflect.Slice {
			return max(1, lines.Len())
		}
		return 1
	}
	if size := f.Definition.Directives.ForName("listSize"); size != nil {
		if n, err := strconv.Atoi(size.Arguments.ForName("assumedSize").Value.Raw); err == nil {
			return n
		}
	}
	return unpagedSize
}

// rated is how many times offers must be loaded and rated to answer a field: once
// for each month of a report, for each reseller whose margins are asked for, and
// for each of the offers that is compared with others; for what is asked for by id,
// each month and reseller of the ids.
func rated(f *ast.Field, arguments map[string]any, offers int) int {
	for _, name := range []string{"id", "ids"} {
		if value, ok := arguments[name]; ok {
			ids := texts(value)
			return len(monthsOf(ids)) + len(marginResellersOf(ids))
		}
	}
	switch {
	case f.Definition == nil:
		return 0
	case slices.Contains([]string{"MarginConnection", "EffectiveMargin"}, f.Definition.Type.Name()):
		return 1
	case f.Definition.Type.Name() == "PrivateOfferWarning":
		return offers
	case f.Definition.Arguments.ForName("month") == nil:
		return 0
	}
	from, to := monthArgument(arguments["month"]), monthArgument(arguments["toMonth"])
	return max(1, min(int(to-from)+1, maxMonths))
}

// monthArgument is 0 where there is no month: its resolver says so.
func monthArgument(value any) models.Month {
	text, _ := value.(string)
	month, err := models.ParseMonth(text)
	if err != nil {
		return 0
	}
	return month
}

// texts are the texts of a value, which is one or a list of them.
func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []string:
		return value
	case []any:
		all := make([]string, len(value))
		for i := range value {
			all[i], _ = value[i].(string)
		}
		return all
	}
	return nil
}

const unpagedSize = 10

func paged(f *ast.Field) bool {
	return f.Definition != nil && f.Definition.Arguments.ForName("first") != nil
}

func pageSize(arguments map[string]any) int {
	for _, name := range []string{"first", "last"} {
		switch n := arguments[name].(type) {
		case int64:
			return int(max(1, min(n, maxReport)))
		case int:
			return max(1, min(n, maxReport))
		}
	}
	return defaultPage
}

// multiply stays far from overflow: factors above the limit are all the same.
func multiply(x, y int) int { return min(x, 1<<30) * min(y, 1<<30) }
