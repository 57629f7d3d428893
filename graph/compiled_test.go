package graph_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"sellthrough/internal/door"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// twoWays answers a selection by its plan, and gqlgen's way.
type twoWays struct {
	*canaryMarket
	resolved atomic.Int64
}

func newTwoWays(t testing.TB) *twoWays {
	m := &twoWays{canaryMarket: newCanaryMarket(t, storetest.Open(t, storetest.Database(t, "sqlite")))}
	m.handler = door.New(m.market, door.Options{
		Identifier: m.identity(), Clock: func() time.Time { return m.now }, Logger: slog.New(slog.DiscardHandler), Extension: m,
	})
	return m
}

// ExtensionName and Validate make twoWays an extension of gqlgen's executor.
func (m *twoWays) ExtensionName() string                   { return "two ways" }
func (m *twoWays) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptField counts the fields that go gqlgen's way: by plan, only that of the
// root does.
func (m *twoWays) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	m.resolved.Add(1)
	return next(ctx)
}

// compare asks for the selection both ways, and tells whether the first was by
// plan. A directive whose condition is a variable never is.
func (m *twoWays) compare(viewer models.Viewer, question, selection, fragments string) (planned bool) {
	m.t.Helper()
	m.resolved.Store(0)
	const interpreting = "query ($all: Boolean = true) "
	// Errors name the place of the field: it is the same.
	compiled := m.ask(viewer, strings.Repeat(" ", len(interpreting))+"{ "+question+" "+selection+" } "+fragments, "")
	planned = m.resolved.Load() == 1
	interpreted := m.ask(viewer, interpreting+"{ "+question+" @include(if: $all) "+selection+" } "+fragments, "")
	if !bytes.Equal(compiled, interpreted) {
		m.t.Errorf("%s %s %s\nby plan\n%s\nby gqlgen\n%s", question, selection, fragments, compiled, interpreted)
	}
	return planned
}

// selecting makes up a selection: what is chosen comes from the choices, and ends
// with them.
type selecting struct {
	asker
	role      models.Role
	choices   []byte
	fragments strings.Builder
	named     int
}

func (s *selecting) choose(n int) int {
	if len(s.choices) == 0 {
		return 0
	}
	chosen := int(s.choices[0]) % n
	s.choices = s.choices[1:]
	return chosen
}

func (s *selecting) of(object *ast.Definition, depth int) string {
	var fields []*ast.FieldDefinition
	for _, field := range object.Fields {
		below := s.schema.Types[field.Type.Name()]
		if s.may(s.role, object, field) && len(field.Arguments) == 0 && (below.IsLeafType() || below.Kind == ast.Object && depth < 5) {
			fields = append(fields, field)
		}
	}
	var b strings.Builder
	b.WriteString("{ __typename")
	for range 1 + s.choose(6) {
		if len(fields) == 0 {
			break
		}
		b.WriteString(s.condition(s.field(fields[s.choose(len(fields))], depth), object, depth))
	}
	return b.String() + " }"
}

func (s *selecting) field(field *ast.FieldDefinition, depth int) string {
	name := field.Name
	if s.choose(8) == 1 {
		name = fmt.Sprintf("%s_%s: %s", name, field.Type.Name(), name) // of one name wherever it stands, so that selections merge
	}
	if s.choose(6) == 1 {
		name += " @skip(if: false)"
	}
	if below := s.schema.Types[field.Type.Name()]; !below.IsLeafType() {
		name += " " + s.of(below, depth+1)
	}
	return " " + name
}

// condition leaves a selection as it is, or puts it into a fragment.
func (s *selecting) condition(selection string, object *ast.Definition, depth int) string {
	switch s.choose(9) {
	case 1:
		return " ... on " + object.Name + " {" + selection + " }"
	case 2:
		return " ... @include(if: true) {" + selection + " }"
	case 3:
		return " ... @skip(if: true) {" + selection + " }"
	case 4:
		if s.named++; s.named > 8 || depth > 3 {
			return selection
		}
		fmt.Fprintf(&s.fragments, " fragment f%d on %s {%s }", s.named, object.Name, selection)
		return fmt.Sprintf(" ...f%d ...f%d", s.named, s.named)
	}
	return selection
}

// ask makes up a question for a root field with the choices, and compares.
func (m *twoWays) made(viewer models.Viewer, field *ast.FieldDefinition, choices []byte) bool {
	m.as = viewer
	s := &selecting{asker: m.asker, role: viewer.Role, choices: choices}
	selection := s.of(m.schema.Types[field.Type.Name()], 1)
	return m.compare(viewer, m.question(field, ""), selection, s.fragments.String())
}

// plannable are the fields of the root whose answers may be written by plan.
func (m *twoWays) plannable(role models.Role) (fields []*ast.FieldDefinition) {
	for _, field := range m.schema.Query.Fields {
		if m.may(role, m.schema.Query, field) && m.schema.Types[field.Type.Name()].Kind == ast.Object && !strings.HasPrefix(field.Name, "__") {
			fields = append(fields, field)
		}
	}
	return fields
}

// Selections at random get the same bytes by plan and by gqlgen, from each root
// field that the viewer may ask for. A list at the root always goes gqlgen's way.
func TestPlansAnswerAsGqlgenDoes(t *testing.T) {
	m := newTwoWays(t)
	random := rand.New(rand.NewPCG(5, 5))
	for _, viewer := range []models.Viewer{operator, reseller, contoso} {
		for _, field := range m.plannable(viewer.Role) {
			planned := 0
			for range 30 {
				choices := make([]byte, 40)
				for i := range choices {
					choices[i] = byte(random.Uint32())
				}
				if m.made(viewer, field, choices) {
					planned++
				}
			}
			if isList := field.Type.Elem != nil; planned == 0 && !isList {
				t.Errorf("%s: no answer to %s was by plan", viewer.Role, field.Name)
			}
		}
	}
}

// FuzzPlansAnswerAsGqlgenDoes lets the fuzzer choose.
func FuzzPlansAnswerAsGqlgenDoes(f *testing.F) {
	f.Add(byte(0), []byte("margins of every kind"))
	f.Add(byte(3), []byte{1, 1, 4, 4, 4, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233})
	m := newTwoWays(f)
	fields := m.plannable(operator.Role)
	f.Fuzz(func(t *testing.T, which byte, choices []byte) {
		m.t = t
		m.made(operator, fields[int(which)%len(fields)], choices[:min(len(choices), 200)])
	})
}

// What a plan must know: selections that merge, fragments on interfaces, conditions
// of every kind, errors below the root.
func TestPlansKnowTheLanguage(t *testing.T) {
	m := newTwoWays(t)
	m.as = operator
	const margins = `margins(resellerTenantId: "` + tailspin + `", first: 3)`
	for _, c := range []struct {
		selection, fragments string
		planned              bool
	}{
		{"{ nodes { id } nodes { productId } }", "", true},
		{"{ nodes { prices { market } prices { listPrice wins } } totalCount }", "", true},
		{"{ nodes { ... on Node { id } ... on Margin { id productId } } }", "", true},
		{"{ nodes { ...a ...b } pageInfo { ...p } }", "fragment a on Margin { id ...b } fragment b on Node { __typename id } fragment p on PageInfo { endCursor }", true},
		{"{ edges { cursor node { id planId } } }", "", true},
		{"{ nodes { id @skip(if: true) productId @include(if: false) planId } }", "", true},
		{"{ nodes { a: id b: id c: __typename } }", "", true},
		{"{ nodes @skip(if: true) { id } totalCount }", "", true},
		{"{ nodes { id @skip(if: true) } }", "", false},
	} {
		if planned := m.compare(operator, margins, c.selection, c.fragments); planned != c.planned {
			t.Errorf("%s: by plan: %t", c.selection, planned)
		}
	}
	for _, question := range []string{`margins(resellerTenantId: "` + tailspin + `", first: 0)`, `margins(first: 1)`, `margins(resellerTenantId: "` + tailspin + `", after: "x")`} {
		m.compare(operator, question, "{ nodes { id } }", "")
	}
}
