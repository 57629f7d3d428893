package door_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sellthrough/graph"
	"sellthrough/internal/door"
)

func times(n int, thing string) string { return strings.Repeat(thing, n) }

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// The checks of graphql-cop, asked as nobody: what is found is what we want.
func TestGraphQLCop(t *testing.T) {
	handler := door.New(open(t))
	get := func(document string) string { return "/graphql?query=" + url.QueryEscape(document) }
	for _, c := range []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		want, never                string
	}{
		{name: "alias overloading", body: query("{ "+numbered(101, "alias%d: __typename ")+"}", ""), status: 200, want: "LIMIT_EXCEEDED", never: `"data"`},
		{name: "array-based query batching", body: "[" + times(10, query("{ __typename }", "")+",") + query("{ __typename }", "") + "]", status: 400, want: "BATCH_REFUSED", never: `"data"`},
		{name: "directive overloading", body: query("{ __typename "+times(10, "@aa ")+"}", ""), status: 200, want: "GRAPHQL_VALIDATION_FAILED", never: `"data"`},
		{name: "circular introspection", body: query("{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }", ""), status: 200, want: "GRAPHQL_VALIDATION_FAILED", never: `"data"`},
		{name: "circular fragments", body: query("{ __schema { ...A } } fragment A on __Schema { ...B } fragment B on __Schema { ...A }", ""), status: 200, want: "GRAPHQL_VALIDATION_FAILED", never: `"data"`},
		{name: "field duplication", body: query("{ "+times(500, "__typename ")+"}", ""), status: 200, want: "LIMIT_EXCEEDED", never: `"data"`},
		{name: "field suggestions", body: query("{ __schema { directive } }", ""), status: 200, want: "GRAPHQL_VALIDATION_FAILED", never: "Did you mean"},
		{name: "mutation over GET", method: "GET", target: get("mutation { __typename }"), status: 405, want: "METHOD_NOT_ALLOWED", never: `"data"`},
		{name: "POST as a form", body: "query=%7B__typename%7D", headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, want: "UNSUPPORTED_MEDIA_TYPE", never: `"data"`},
		{name: "trace mode", body: query("{ __typename }", ""), headers: []string{"X-Apollo-Tracing", "1"}, status: 200, want: `"Query"`, never: "tracing"},
		{name: "unhandled errors", body: query("qwerty cop { abc }", ""), status: 200, want: "GRAPHQL_PARSE_FAILED", never: "exception"},
		{name: "GraphiQL", method: "GET", target: "/graphql", headers: []string{"Accept", "text/html"}, status: 406, want: "NOT_ACCEPTABLE", never: "<html"},
		// Deliberately on. Queries by GET can be cached and shared, and change nothing;
		// with a cookie they need a header that no page elsewhere can send.
		{name: "query over GET", method: "GET", target: get("{ __typename }"), status: 200, want: `"Query"`},
		{name: "query over GET, forged", method: "GET", target: get("{ __typename }"), headers: []string{"Cookie", "session=1"}, status: 403, want: "PREFLIGHT_REQUIRED", never: `"data"`},
		// Deliberately on: the schema is published, and tools need it. It can be kept
		// for whoever is signed in.
		{name: "introspection", body: query("{ __schema { queryType { name } } }", ""), status: 200, want: `"Query"`},
	} {
		if c.method == "" {
			c.method, c.target = "POST", "/graphql"
		}
		answer := do(handler, c.method, c.target, c.body, append([]string{"Content-Type", asJSON}, c.headers...)...)
		if c.method == "GET" {
			answer = do(handler, c.method, c.target, "", c.headers...)
		}
		body := answer.Body.String()
		if answer.Code != c.status || !strings.Contains(body, c.want) || c.never != "" && strings.Contains(body, c.never) {
			t.Errorf("%s: %d %.400s", c.name, answer.Code, body)
		}
	}
}

// What is not the name of anything is not answered with what is, whatever it
// stands for; for a demo it is.
func TestSuggestions(t *testing.T) {
	m, options := open(t)
	documents := []string{
		"{ viewers { role } }", "{ viewer { roles } }", "{ viewer }", "{ products(frst: 1) { totalCount } }",
		"query ($x: Strin) { node(id: $x) { id } }", `{ products(orderBy: [{field: TITEL, direction: ASC}]) { totalCount } }`,
		`{ products(orderBy: [{fild: TITLE}]) { totalCount } }`, `{ products(orderBy: [{field: "TITLE", direction: ASC}]) { totalCount } }`,
		"{ viewer @includ(if: true) { role } }", "{ node(id: \"x\") { ... on Produkt { id } } }",
	}
	suggested := 0
	for _, on := range []bool{false, true} {
		options.Suggestions = on
		handler := door.New(m, options)
		for _, document := range documents {
			body := send(handler, query(document, "")).Body.String()
			if !strings.Contains(body, "GRAPHQL_VALIDATION_FAILED") {
				t.Errorf("%s: %s", document, body)
			}
			if strings.Contains(body, "Did you mean") {
				suggested++
				if !on {
					t.Errorf("%s: %s", document, body)
				}
			}
		}
	}
	if suggested < 5 {
		t.Errorf("of %d documents only %d are met with a suggestion", len(documents), suggested)
	}
}

func TestIntrospectionForWhoeverIsSignedIn(t *testing.T) {
	m, options := open(t)
	options.IntrospectionSignedIn = true
	handler := door.New(m, options)
	for document, secret := range map[string]bool{
		"{ __schema { types { name } } }": true, `{ __type(name: "Query") { name } }`: true, "{ ...F } fragment F on Query { x: __schema { types { name } } }": true, "{ __typename }": false,
	} {
		if answer := send(handler, query(document, ""), "Authorization", ""); (codes(t, answer) == "UNAUTHENTICATED") != secret {
			t.Errorf("%s, nobody: %s", document, answer.Body)
		}
		if answer := send(handler, query(document, "")); codes(t, answer) != "" {
			t.Errorf("%s, ada: %s", document, answer.Body)
		}
	}
}

// Each limit with a threshold that others have found good: those of GraphQL Armor,
// and ours where it has none. At the limit it is answered, one past it refused.
func TestLimitsAtTheirThresholds(t *testing.T) {
	m, options := open(t)
	in := func(inside string) string { return query("{ viewer { role "+inside+" } }", "") }
	padded := func(size int) string {
		start, end := `{"query":"{ __typename } #`, `"}`
		return start + times(size-len(start)-len(end), "x") + end
	}
	variables := func(of string) string {
		return `{"query":"query ($x: [ID!] = []) { viewer { role } nodes(ids: $x) { id } }","variables":{"y":` + of + `}}`
	}
	fragments := func(n int) string {
		return query("{ viewer { role "+numbered(n, "...F%d ")+"} }"+numbered(n, " fragment F%d on Viewer { role }"), "")
	}
	operations := func(n int) string {
		return `{"query":"` + numbered(n, "query Q%d { __typename } ") + `","operationName":"Q0"}`
	}
	named := func(n int) string {
		name := times(n, "Q")
		return `{"query":"query ` + name + ` { __typename }","operationName":"` + name + `"}`
	}
	for _, c := range []struct {
		name   string
		limit  func(l *graph.Limits)
		at     string
		past   string
		status int
		code   string
	}{
		{"aliases 15", func(l *graph.Limits) { l.Aliases = 15 }, in(numbered(15, "a%d: role ")), in(numbered(16, "a%d: role ")), 200, "LIMIT_EXCEEDED"},
		// Nothing in the schema nests deeper than GraphQL Armor's 6: so 5, and 6 is past it.
		{"depth 5", func(l *graph.Limits) { l.Depth = 5 }, query(`{ billingLines(month: "2024-09") { edges { node { fees { kind } } } } }`, ""), query(`{ billingLines(month: "2024-09") { edges { node { fees { amount { amount } } } } } }`, ""), 200, "LIMIT_EXCEEDED"},
		{"directives 50", func(l *graph.Limits) { l.Directives = 50 }, in(times(50, "role @include(if: true) ")), in(times(51, "role @include(if: true) ")), 200, "LIMIT_EXCEEDED"},
		{"tokens 1000", func(l *graph.Limits) { l.Tokens = 1000 }, in(times(994, "role ")), in(times(995, "role ")), 200, "GRAPHQL_PARSE_FAILED"},
		{"cost 5000", func(l *graph.Limits) { l.Cost = 5000 }, query("{ viewer { role } "+numbered(49, "a%d: products(first: 100) { nodes { id } } ")+"}", ""), "", 200, "LIMIT_EXCEEDED"},
		{"characters 15000", func(l *graph.Limits) { l.Body = 15_000 }, padded(15_000), padded(15_001), 413, "LIMIT_EXCEEDED"},
		{"operations 10", nil, operations(10), operations(11), 200, "LIMIT_EXCEEDED"},
		{"fragments 50", nil, fragments(50), fragments(51), 200, "LIMIT_EXCEEDED"},
		{"operation name 255", nil, named(255), named(256), 400, "LIMIT_EXCEEDED"},
		{"JSON depth 20", nil, variables(times(18, "[") + times(18, "]")), variables(times(19, "[") + times(19, "]")), 400, "LIMIT_EXCEEDED"},
		{"JSON values 50000", nil, variables("[" + times(49_995, "1,") + "1]"), variables("[" + times(49_996, "1,") + "1]"), 400, "LIMIT_EXCEEDED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			options.Limits = graph.DefaultLimits
			if c.limit != nil {
				c.limit(&options.Limits)
			}
			if c.past == "" { // a cost of 1 + 49 × 101 is 4,950; 50 more reach the limit, 51 pass it
				options.Limits.Aliases, options.Limits.RootFields = 100, 100
				c.past = strings.Replace(c.at, "{ viewer { role } ", "{ viewer { role } more: products(first: 50) { nodes { id } } ", 1)
				c.at = strings.Replace(c.at, "{ viewer { role } ", "{ viewer { role } more: products(first: 49) { nodes { id } } ", 1)
			}
			handler := door.New(m, options)
			if answer := send(handler, c.at); answer.Code != http.StatusOK || codes(t, answer) != "" {
				t.Errorf("at the limit: %d %.300s", answer.Code, answer.Body)
			}
			if answer := send(handler, c.past); answer.Code != c.status || codes(t, answer) != c.code || strings.Contains(answer.Body.String(), `"data"`) {
				t.Errorf("past the limit: %d %.300s", answer.Code, answer.Body)
			}
		})
	}
}
