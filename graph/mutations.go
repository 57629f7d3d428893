package graph

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/models"
)

// What every mutation's input has beside what it is about.
const (
	keyField      = "idempotencyKey"
	validateField = "validateOnly"
	keyHeader     = "Idempotency-Key"
)

// request is what a root field of Mutation asks for, read off the input that
// all of them have alike. Whatever the market changes takes a request, so no
// mutation can go without.
func (r *Resolver) request(ctx context.Context) market.Request {
	field, operation := graphql.GetFieldContext(ctx).Field, graphql.GetOperationContext(ctx)
	request := market.Request{Viewer: auth.ViewerFrom(ctx)}
	input, _ := field.ArgumentMap(operation.Variables)["input"].(map[string]any)
	request.ValidateOnly, _ = input[validateField].(bool)
	if key, ok := input[keyField].(string); ok {
		request.IdempotencyKey = &key
	} else if header := operation.Headers.Values(keyHeader); len(header) == 1 { // as headerKey checked
		request.IdempotencyKey = &header[0]
	}
	if request.IdempotencyKey != nil {
		request.Digest = r.policy.digest(field.Definition, input)
	}
	return request
}

// digest tells one input of a mutation from every other: it covers the
// mutation's name and its input in one spelling, but for how it is asked.
func (p *policy) digest(mutation *ast.FieldDefinition, input map[string]any) models.Digest {
	spelled, _ := p.canonical(mutation.Arguments.ForName("input").Type, input).(map[string]any)
	delete(spelled, keyField)
	delete(spelled, validateField)
	text, _ := json.Marshal(map[string]any{mutation.Name: spelled}) // sorts the keys; maps, lists and texts always marshal
	sum := sha256.Sum256(text)
	return models.Digest(sum[:len(models.Digest{})])
}

// canonical spells a value as the schema reads it, whether it stood in the
// document or came as a variable: defaults are written out, one value for a list
// is a list, and scalars are texts with every digit.
func (p *policy) canonical(of *ast.Type, value any) any {
	if value == nil {
		return nil
	}
	if of.Elem != nil {
		list := reflect.ValueOf(value) // variables hold slices of several types
		if list.Kind() != reflect.Slice {
			return []any{p.canonical(of.Elem, value)}
		}
		spelled := make([]any, list.Len())
		for i := range spelled {
			spelled[i] = p.canonical(of.Elem, list.Index(i).Interface())
		}
		return spelled
	}
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Sprint(value)
	}
	spelled := make(map[string]any, len(object))
	for _, field := range p.schema.Types[of.NamedType].Fields {
		given, ok := object[field.Name]
		if !ok && field.DefaultValue != nil {
			given, _ = field.DefaultValue.Value(nil) // constants of the schema, which validated them
			ok = true
		}
		if ok {
			spelled[field.Name] = p.canonical(field.Type, given)
		}
	}
	return spelled
}

// headerKey refuses an Idempotency-Key header that does not say for which
// change it is: before anything runs.
func headerKey(operation *graphql.OperationContext) *gqlerror.Error {
	header := operation.Headers.Values(keyHeader)
	if len(header) == 0 || operation.Operation.Operation != ast.Mutation {
		return nil
	}
	if len(header) > 1 {
		return Fault("BAD_USER_INPUT", "there are several "+keyHeader+" headers: send one", nil)
	}
	var mutations []graphql.CollectedField
	for _, field := range graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Mutation"}) {
		if !strings.HasPrefix(field.Name, "__") {
			mutations = append(mutations, field)
		}
	}
	if len(mutations) > 1 {
		return Fault("BAD_USER_INPUT", "the header "+keyHeader+" is for one mutation, the document has "+fmt.Sprint(len(mutations))+": give each its "+keyField+" in its input, or send them apart", nil)
	}
	for _, field := range mutations {
		input, _ := field.ArgumentMap(operation.Variables)["input"].(map[string]any)
		if key, ok := input[keyField].(string); ok && key != header[0] {
			return Fault("BAD_USER_INPUT", "the header "+keyHeader+" and the "+keyField+" of the input differ: send one of them", nil)
		}
	}
	return nil
}
