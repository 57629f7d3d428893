package schema_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

var (
	pascalCase     = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	camelCase      = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	screamingSnake = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
)

// TestSchemaFollowsItsConventions reads the contract as a reviewer would: whatever
// a program outside relies on is described, named as its neighbours are, and
// shaped as they are.
func TestSchemaFollowsItsConventions(t *testing.T) {
	for _, complaint := range lint(load(t)) {
		t.Error(complaint)
	}
}

// TestTheLinterSeesEachFault shows the linter one schema that does everything
// wrong, so that a check that falls asleep is noticed.
func TestTheLinterSeesEachFault(t *testing.T) {
	const wrong = `
		enum Role { finance }
		directive @visible(to: [Role!]!) on FIELD_DEFINITION
		interface Node { id: ID }
		type Thing implements Node { id: ID  version: Int! }
		type Query { Price(At: Float): lower  offers: OfferConnection }
		type Mutation { sell(offer: ID!): Sold  buy(input: ID!): BuyPayload  mend(input: Mend!): MendPayload }
		input Mend { id: ID!  idempotencyKey: ID  validateOnly: Boolean! }
		type MendPayload { thing: Thing  userErrors: [MendError!]! }
		type MendError { field: [String!]  message: String!  code: MendCode! }
		enum MendCode { BROKEN }
		type lower { id: ID }
		type Sold { id: ID }
		type Wrong { text: String }
		type BuyPayload { userErrors: [Wrong] }
		type OfferConnection { nodes: [lower!]! }
		enum Old { GONE @deprecated  GOING @deprecated(reason: "Use OTHER. Removed after 2031-02-30.") }
		type Older { a(b: Int @deprecated(reason: "Leave it out.")): Int @deprecated(reason: "Use c. Removed after 2031-02-28.") }
		"""   """
		input Blank { x: Int }`
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "wrong.graphqls", Input: wrong})
	if err != nil {
		t.Fatal(err)
	}
	complaints := strings.Join(lint(schema), "\n")
	for _, want := range []string{
		"enum value Role.finance is not SCREAMING_SNAKE",
		"type lower is not PascalCase",
		"field Query.Price is not camelCase",
		"argument Query.Price(At:) is not camelCase",
		"argument Query.Price(At:) is a Float",
		"type Blank has no description",
		"field Blank.x has no description",
		"argument Query.Price(At:) has no description",
		"enum value Role.finance has no description",
		"directive @visible has no description",
		"field Query.Price does not say who may see it",
		"field Query.Price does not say which scope it needs",
		"type Thing does not say which scope reads it",
		"mutation sell does not take exactly one argument, input",
		"mutation sell does not answer a Payload",
		"mutation buy does not take an input type of its own name",
		"mutation mend does not take an input type of its own name",
		"type Mend has no idempotencyKey as the others have it",
		"type Mend has no validateOnly as the others have it",
		"type Mend changes a Thing, which has versions",
		"enum MendCode lacks IDEMPOTENCY_CONFLICT",
		"type Sold lacks the field userErrors",
		"field BuyPayload.userErrors is [Wrong], not a whole list of Errors",
		"type Wrong lacks the field code",
		"type OfferConnection lacks the field totalCount",
		"enum value Old.GONE is deprecated and does not say until when",
		"enum value Old.GOING is deprecated and does not say until when",
		"argument Older.a(b:) is deprecated and does not say until when",
		"field Query.offers is a connection and lacks the argument after",
	} {
		if !strings.Contains(complaints, want) {
			t.Errorf("the linter does not see: %s", want)
		}
	}
	if strings.Contains(complaints, "field Older.a is deprecated") {
		t.Error("the linter complains of a deprecation that is dated")
	}
}

func load(t *testing.T) *ast.Schema {
	t.Helper()
	names, err := filepath.Glob("*.graphqls")
	if err != nil || len(names) == 0 {
		t.Fatalf("there is no schema to read: %v", err)
	}
	var sources []*ast.Source
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: name, Input: string(text)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// A linter collects what it finds wrong, each with its place.
type linter struct {
	schema     *ast.Schema
	complaints []string
}

func lint(schema *ast.Schema) []string {
	l := &linter{schema: schema}
	for _, directive := range schema.Directives {
		if ours(directive.Position) {
			l.described("directive @"+directive.Name, directive.Description, directive.Position)
			l.arguments("@"+directive.Name, directive.Arguments)
		}
	}
	for _, definition := range schema.Types {
		if ours(definition.Position) {
			l.definition(definition)
		}
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		if root == nil {
			continue
		}
		for _, field := range root.Fields {
			if ours(field.Position) {
				l.require(field.Directives.ForName("visible") != nil, field.Position,
					"field %s.%s does not say who may see it: add @visible(to: [...])", root.Name, field.Name)
			}
			if scopeless := root == schema.Query && slices.Contains([]string{"viewer", "node", "nodes"}, field.Name); ours(field.Position) && !scopeless {
				l.require(field.Directives.ForName("scope") != nil, field.Position,
					"field %s.%s does not say which scope it needs: add @scope(needs: ...)", root.Name, field.Name)
			}
			if root == schema.Mutation {
				l.mutation(field)
			}
		}
	}
	return l.complaints
}

func (l *linter) definition(definition *ast.Definition) {
	name := definition.Name
	l.described("type "+name, definition.Description, definition.Position)
	l.require(pascalCase.MatchString(name), definition.Position, "type %s is not PascalCase", name)
	for _, value := range definition.EnumValues {
		label := name + "." + value.Name
		l.described("enum value "+label, value.Description, value.Position)
		l.dated("enum value "+label, value.Directives, value.Position)
		l.require(screamingSnake.MatchString(value.Name), value.Position, "enum value %s is not SCREAMING_SNAKE", label)
	}
	for _, field := range definition.Fields {
		if !ours(field.Position) { // __schema, __type
			continue
		}
		label := name + "." + field.Name
		l.value("field "+label, field.Name, field.Description, field.Type, field.Position)
		l.dated("field "+label, field.Directives, field.Position)
		l.arguments(label, field.Arguments)
		if strings.HasSuffix(field.Type.Name(), "Connection") {
			for _, argument := range []string{"first", "after"} {
				l.require(field.Arguments.ForName(argument) != nil, field.Position,
					"field %s is a connection and lacks the argument %s", label, argument)
			}
		}
	}
	if strings.HasSuffix(name, "Connection") {
		l.has(definition, "nodes", "edges", "pageInfo", "totalCount")
	}
	if slices.Contains(definition.Interfaces, "Node") {
		l.require(definition.Directives.ForName("scope") != nil, definition.Position,
			"type %s does not say which scope reads it: add @scope(needs: ...)", name)
	}
	if definition.Kind == ast.Scalar {
		l.require(definition.Directives.ForName("specifiedBy") != nil, definition.Position,
			"scalar %s does not say by what it is specified: add @specifiedBy(url: ...)", name)
	}
}

func (l *linter) mutation(field *ast.FieldDefinition) {
	arguments := field.Arguments
	l.require(len(arguments) == 1 && arguments[0].Name == "input" && arguments[0].Type.NonNull, field.Position,
		"mutation %s does not take exactly one argument, input, that must be given", field.Name)
	l.require(strings.HasSuffix(field.Type.Name(), "Payload"), field.Position,
		"mutation %s does not answer a Payload", field.Name)
	payload := l.schema.Types[field.Type.Name()]
	if len(arguments) == 1 {
		l.input(field, l.schema.Types[arguments[0].Type.Name()], payload)
	}
	errors := payload.Fields.ForName("userErrors")
	if errors == nil {
		l.has(payload, "userErrors")
		return
	}
	reason := l.schema.Types[errors.Type.Name()] // one type a mutation, for the enum of its codes
	l.require(errors.Type.String() == "["+reason.Name+"!]!" && strings.HasSuffix(reason.Name, "Error"), errors.Position,
		"field %s.userErrors is %s, not a whole list of Errors", payload.Name, errors.Type)
	l.has(reason, "field", "message", "code")
	if code := reason.Fields.ForName("code"); code != nil {
		codes := l.schema.Types[code.Type.Name()]
		l.require(codes.Kind == ast.Enum, code.Position, "field %s.code is no enum", reason.Name)
		for _, value := range []string{"IDEMPOTENCY_CONFLICT", "INVALID_IDEMPOTENCY_KEY"} {
			l.require(codes.EnumValues.ForName(value) != nil, codes.Position, "enum %s lacks %s, which every mutation can answer", codes.Name, value)
		}
	}
}

// input checks what the input of a mutation has beside what it is about: how to
// ask again, how to ask without effect, and which version is changed.
func (l *linter) input(mutation *ast.FieldDefinition, input, payload *ast.Definition) {
	l.require(input.Kind == ast.InputObject && strings.EqualFold(input.Name, mutation.Name+"Input"), mutation.Position,
		"mutation %s does not take an input type of its own name: %sInput", mutation.Name, mutation.Name)
	for name, of := range map[string]string{"idempotencyKey": "String", "validateOnly": "Boolean!"} {
		field := input.Fields.ForName(name)
		l.require(field != nil && field.Type.String() == of && (field.DefaultValue == nil) == (of == "String"), input.Position,
			"type %s has no %s as the others have it: copy it from there", input.Name, name)
	}
	for _, field := range payload.Fields {
		object := l.schema.Types[field.Type.Name()]
		l.require(object.Fields.ForName("version") == nil || input.Fields.ForName("id") == nil || input.Fields.ForName("version") != nil, input.Position,
			"type %s changes a %s, which has versions, and does not say which was seen: add version", input.Name, object.Name)
	}
}

func (l *linter) arguments(owner string, arguments ast.ArgumentDefinitionList) {
	for _, argument := range arguments {
		l.value(fmt.Sprintf("argument %s(%s:)", owner, argument.Name), argument.Name, argument.Description, argument.Type, argument.Position)
		l.dated(fmt.Sprintf("argument %s(%s:)", owner, argument.Name), argument.Directives, argument.Position)
	}
}

var removedAfter = regexp.MustCompile(`\S.* Removed after (\d{4}-\d{2}-\d{2})\.$`)

// dated checks that what is deprecated says what to use, and until when.
func (l *linter) dated(label string, directives ast.DirectiveList, at *ast.Position) {
	deprecated := directives.ForName("deprecated")
	if deprecated == nil {
		return
	}
	var day error = errors.New("no day")
	if reason := deprecated.Arguments.ForName("reason"); reason != nil {
		if found := removedAfter.FindStringSubmatch(reason.Value.Raw); found != nil {
			_, day = time.Parse(time.DateOnly, found[1])
		}
	}
	l.require(day == nil, at, "%s is deprecated and does not say until when: write @deprecated(reason: \"Use that. Removed after YYYY-MM-DD.\")", label)
}

// value checks a field or an argument: described, camelCase, no Float.
func (l *linter) value(label, name, description string, of *ast.Type, at *ast.Position) {
	l.described(label, description, at)
	l.require(camelCase.MatchString(name), at, "%s is not camelCase", label)
	l.require(of.Name() != "Float", at, "%s is a Float: use Decimal, Percentage or Money (rule D11)", label)
}

func (l *linter) described(label, description string, at *ast.Position) {
	l.require(strings.TrimSpace(description) != "", at, "%s has no description", label)
}

func (l *linter) has(definition *ast.Definition, names ...string) {
	for _, name := range names {
		l.require(definition.Fields.ForName(name) != nil, definition.Position, "type %s lacks the field %s", definition.Name, name)
	}
}

func (l *linter) require(holds bool, at *ast.Position, format string, arguments ...any) {
	if !holds {
		l.complaints = append(l.complaints, fmt.Sprintf("%s:%d: ", at.Src.Name, at.Line)+fmt.Sprintf(format, arguments...))
	}
}

// ours reports whether a position is in a file of this project, not in the
// language's own prelude.
func ours(at *ast.Position) bool {
	return at != nil && at.Src != nil && !at.Src.BuiltIn
}
