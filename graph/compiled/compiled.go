// Package compiled writes answers whose selections were compiled: what a document
// selects of plain objects becomes, once, a flat list of steps, and code that is
// generated for each object (graph/generate) takes them one after the other. It is
// an abbreviation of gqlgen's way and nothing else: the bytes are the same, and
// whatever it does not understand goes gqlgen's way.
//
// Plain are fields that a Go field or method answers, without arguments, resolver
// or directive of their own. Who may select what is decided before: nothing here
// knows of viewers.
package compiled

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"sellthrough/internal/recent"
)

// Schema names the plain fields of objects, by the objects' names. It is generated.
type Schema map[string]Object

// Object is what is plain of one object.
type Object struct {
	// Implementors are the names that a fragment may be on to count for it.
	Implementors []string
	// Fields are its plain fields by name.
	Fields map[string]Field
}

// Field is one plain field.
type Field struct {
	// Step is its number in the object's generated code, from 1.
	Step int
	// Object names what it holds one or many of, "" for scalars and enums.
	Object string
}

// Selection is what a document selects of an object.
type Selection struct {
	// Steps are the fields in the order of the answer. There is at least one.
	Steps []Step
}

// Step writes one field.
type Step struct {
	// Key goes before the value: a brace or a comma, the response name, a colon.
	// Of __typename, the value is part of it.
	Key string
	// Number is the Field.Step, 0 for __typename.
	Number int
	// Below is what is selected of the objects that the field holds.
	Below *Selection
}

// Plan is an operation that is a single field of the root, with a selection of
// plain fields below it.
type Plan struct {
	field graphql.CollectedField
	key   string
	below *Selection
}

// Plans compiles operations, and remembers those of late. It is safe for many at
// once.
type Plans struct {
	schema Schema
	recent recent.Map[*ast.OperationDefinition, *Plan]
}

// remembered is how many operations a generation of plans holds.
const remembered = 1_000

// NewPlans returns plans for the schema. Its Query names what each field of the
// root holds.
func NewPlans(schema Schema) *Plans {
	return &Plans{schema, recent.Map[*ast.OperationDefinition, *Plan]{Most: remembered}}
}

// Of is the plan of an operation that is about to run, nil where it goes gqlgen's
// way. An operation is known by its place in memory: documents are parsed once.
func (p *Plans) Of(operation *graphql.OperationContext) *Plan {
	if plan, known := p.recent.Get(operation.Operation); known {
		return plan
	}
	plan := p.compile(operation)
	p.recent.Put(operation.Operation, plan, 1)
	return plan
}

func (p *Plans) compile(operation *graphql.OperationContext) *Plan {
	root := p.schema["Query"]
	if operation.Operation.Operation != ast.Query || !constant(operation, operation.Operation.SelectionSet, map[string]bool{}) {
		return nil
	}
	fields := graphql.CollectFields(operation, operation.Operation.SelectionSet, root.Implementors)
	if len(fields) != 1 {
		return nil // gqlgen answers several at once
	}
	known, plain := root.Fields[fields[0].Name]
	if !plain {
		return nil
	}
	below := p.schema.selection(operation, known.Object, fields[0].Selections)
	if below == nil {
		return nil
	}
	return &Plan{fields[0], `{"` + fields[0].Alias + `":`, below}
}

// selection compiles what is selected of an object, nil where a field is not
// plain, or nothing is selected. That gqlgen itself collects the fields is why
// fragments, conditions, aliases and selections that merge mean what they mean
// to it.
func (s Schema) selection(operation *graphql.OperationContext, name string, set ast.SelectionSet) *Selection {
	object := s[name]
	var compiled Selection
	for i, field := range graphql.CollectFields(operation, set, object.Implementors) {
		step := Step{Key: `,"` + field.Alias + `":`}
		if i == 0 {
			step.Key = `{"` + field.Alias + `":`
		}
		known, plain := object.Fields[field.Name]
		switch {
		case field.Name == "__typename":
			step.Key += `"` + name + `"`
		case !plain:
			return nil
		case known.Object != "":
			if step.Below = s.selection(operation, known.Object, field.Selections); step.Below == nil {
				return nil
			}
		}
		step.Number = known.Step
		compiled.Steps = append(compiled.Steps, step)
	}
	if len(compiled.Steps) == 0 {
		return nil
	}
	return &compiled
}

// constant tells whether the selections are the same whatever the variables: no
// directive takes one, and nothing is deferred.
func constant(operation *graphql.OperationContext, set ast.SelectionSet, entered map[string]bool) bool {
	for _, selection := range set {
		var directives ast.DirectiveList
		var below ast.SelectionSet
		switch s := selection.(type) {
		case *ast.Field:
			directives, below = s.Directives, s.SelectionSet
		case *ast.InlineFragment:
			directives, below = s.Directives, s.SelectionSet
		case *ast.FragmentSpread:
			directives = s.Directives
			if !entered[s.Name] {
				entered[s.Name] = true
				below = operation.Doc.Fragments.ForName(s.Name).SelectionSet
			}
		}
		for _, directive := range directives {
			condition := directive.Arguments.ForName("if")
			if directive.Name != "skip" && directive.Name != "include" || condition == nil || condition.Value.Kind != ast.BooleanValue {
				return false
			}
		}
		if !constant(operation, below, entered) {
			return false
		}
	}
	return true
}

// Root resolves the field of the root and writes what it returned by the
// selection. It returns Written, or else what is to be written.
type Root func(ctx context.Context, w *Writer, field graphql.CollectedField, below *Selection) graphql.Marshaler

// Answer runs the operation with the context's writer. Its data is in the writer
// as well, and what was flushed is only there: see Writer.
func (p *Plan) Answer(ctx context.Context, operation *graphql.OperationContext, root Root) *graphql.Response {
	w := writerFrom(ctx)
	w.Bytes = append(w.Bytes, p.key...)
	begun := len(w.Bytes)
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Query"})
	ctx = graphql.WithRootFieldContext(ctx, &graphql.RootFieldContext{Object: p.field.Name, Field: p.field})
	written := operation.RootResolverMiddleware(ctx, func(ctx context.Context) (written graphql.Marshaler) {
		defer func() {
			if problem := recover(); problem != nil {
				operation.Error(ctx, operation.Recover(ctx, problem))
				written = graphql.Null
			}
		}()
		return root(ctx, w, p.field, p.below)
	})
	switch {
	case written == Written:
		w.Bytes = append(w.Bytes, '}')
	case w.flushed:
		w.failed = true
	case written == graphql.Null && p.field.Definition.Type.NonNull:
		w.Bytes = append(w.Bytes[:w.start], "null"...)
	default:
		w.Bytes = w.Bytes[:begun]
		written.MarshalGQL(w)
		w.Bytes = append(w.Bytes, '}')
	}
	return &graphql.Response{Data: w.Bytes[w.start:]}
}
