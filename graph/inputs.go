package graph

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/internal/money"
)

// maxFilterText is the most bytes of a text to search for.
const maxFilterText = 200

// examination holds the arguments of a request, its variables among them, to
// what the executor does not check: the one key of an @oneOf input, and that a
// query narrows by something. What is wrong is refused before anything runs.
type examination struct {
	schema  *ast.Schema
	reading bool // no mutation: its ids, texts and currencies only narrow
	faults  []string
	fields  []string
}

func (e *examination) refuse(path, message string) {
	e.faults, e.fields = append(e.faults, path+" "+message), append(e.fields, path)
}

// refusal names every fault and its path.
func (e *examination) refusal(most int) *gqlerror.Error {
	shown := e.faults[:min(len(e.faults), most)]
	return Fault("BAD_USER_INPUT", strings.Join(shown, "; "), map[string]any{"fields": e.fields[:len(shown)]})
}

// arguments are the values of a field's arguments.
func (e *examination) arguments(f *ast.Field, path string, variables map[string]any) map[string]any {
	values := map[string]any{}
	for _, argument := range f.Arguments {
		at := path + "." + argument.Name
		value, err := argument.Value.Value(variables)
		if err != nil { // a number that no machine has room for
			e.refuse(at, "holds a number that is too large: write it as a string")
			continue
		}
		values[argument.Name] = value
		if definition := f.Definition.Arguments.ForName(argument.Name); definition != nil {
			e.value(at, definition.Type, value, false)
		}
	}
	return values
}

// value examines one value; within tells that it is part of an input object.
func (e *examination) value(path string, of *ast.Type, value any, within bool) {
	if value == nil {
		return
	}
	if of.Elem != nil {
		list := reflect.ValueOf(value) // variables hold slices of several types
		if list.Kind() != reflect.Slice {
			e.value(path, of.Elem, value, within)
			return
		}
		for i := range list.Len() {
			e.value(fmt.Sprintf("%s.%d", path, i), of.Elem, list.Index(i).Interface(), within)
		}
		return
	}
	if object, ok := value.(map[string]any); ok {
		e.object(path, e.schema.Types[of.NamedType], object)
	} else if text, ok := value.(string); ok && e.reading {
		e.condition(path, of.NamedType, text, within)
	}
}

func (e *examination) object(path string, definition *ast.Definition, object map[string]any) {
	if definition == nil || definition.Kind != ast.InputObject {
		return
	}
	given := 0
	for _, field := range definition.Fields {
		if value := object[field.Name]; value != nil {
			given++
			e.value(path+"."+field.Name, field.Type, value, true)
		}
	}
	if definition.Directives.ForName("oneOf") != nil && (given != 1 || len(object) != 1) {
		e.refuse(path, "must have exactly one field, and not null (@oneOf)")
	}
}

// condition examines what a query narrows by.
func (e *examination) condition(path, scalar, text string, within bool) {
	switch scalar {
	case "ID":
		kind, rest, whole := strings.Cut(text, "/")
		if text == "" || whole && rest == "" && nodeTypes[kind] != "" {
			e.refuse(path, "is empty: leave it out, or give an id")
		}
	case "CurrencyCode":
		if !money.Currency(text).Valid() {
			e.refuse(path, fmt.Sprintf("is %.20q, which is no currency of ISO 4217", text))
		}
	case "String":
		if within && len(text) > maxFilterText {
			e.refuse(path, fmt.Sprintf("has %d bytes: at most %d are searched for", len(text), maxFilterText))
		} else if within && strings.ContainsFunc(text, unicode.IsControl) {
			e.refuse(path, "holds a control character")
		}
	}
}
