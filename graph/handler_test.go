package graph_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"sellthrough/graph"
	"sellthrough/internal/door"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

func empty(t testing.TB) *stage {
	t.Helper()
	return newStage(t, storetest.Open(t, storetest.Database(t, "sqlite")))
}

// get sends a request as it is.
func (s *stage) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, request)
	return recorder
}

// repeated writes n things.
func repeated(n int, thing func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(thing(i))
	}
	return b.String()
}

func same(text string) func(int) string { return func(int) string { return text } }

// Each limit, at the limit and one past it.
func TestLimits(t *testing.T) {
	s := empty(t)
	limits := graph.DefaultLimits
	within := func(inside string) string { return "{ viewer { role " + inside + "} }" }
	aliased := func(n int) string {
		return repeated(n, func(i int) string { return fmt.Sprintf("a%d: __typename ", i) })
	}
	include := same("... @include(if: true) { role } ")
	// 16 tokens beside the ids.
	ids := func(n int) string {
		return `{ products(where: {ids: [` + repeated(n-16, same(`"x" `)) + `]}) { totalCount } }`
	}
	for _, c := range []struct {
		name, at, past, code string
	}{
		{"aliases", within(aliased(limits.Aliases)), within(aliased(limits.Aliases + 1)), "LIMIT_EXCEEDED"},
		{"root fields", "{ __typename " + aliased(limits.RootFields-1) + "}", "{ __typename " + aliased(limits.RootFields) + "}", "LIMIT_EXCEEDED"},
		{"directives", within(repeated(limits.Directives, include)), within(repeated(limits.Directives+1, include)), "LIMIT_EXCEEDED"},
		{"fields", within(repeated(limits.Fields-2, same("role "))), within(repeated(limits.Fields-1, same("role "))), "LIMIT_EXCEEDED"},
		{"tokens", ids(limits.Tokens), ids(limits.Tokens + 1), "GRAPHQL_PARSE_FAILED"},
		{
			"page", `{ products(first: 100) { totalCount } }`, `{ products(first: 101) { totalCount } }`, "BAD_USER_INPUT",
		},
		{
			"report", `{ billingLines(month: "2024-09", first: 10000) { totalCount } }`, `{ billingLines(month: "2024-09", first: 10001) { totalCount } }`, "BAD_USER_INPUT",
		},
		{
			"ids",
			`{ nodes(ids: [` + strings.Repeat(`"product/x" `, 100) + `]) { id } }`,
			`{ nodes(ids: [` + strings.Repeat(`"product/x" `, 101) + `]) { id } }`,
			"BAD_USER_INPUT",
		},
		{
			"months", `{ payouts(month: "2021-01", toMonth: "2023-12") { totalCount } }`, `{ payouts(month: "2021-01", toMonth: "2024-01") { totalCount } }`, "BAD_USER_INPUT",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if answer := string(s.ask(operator, c.at, "")); strings.Contains(answer, `"errors"`) {
				t.Errorf("at the limit it is refused: %.300s", answer)
			}
			if answer := string(s.ask(operator, c.past, "")); !strings.Contains(answer, `"`+c.code+`"`) {
				t.Errorf("past the limit it is not %s: %.300s", c.code, answer)
			}
		})
	}
}

func TestDepthLimit(t *testing.T) {
	s := empty(t)
	limits := graph.DefaultLimits
	limits.Depth = 4
	s.handler = door.New(s.market, door.Options{Identifier: s.tokens, Clock: func() time.Time { return s.now }, Limits: limits})
	if answer := string(s.ask(operator, `{ products { nodes { publisher { id } } } }`, "")); strings.Contains(answer, `"errors"`) {
		t.Errorf("4 levels are refused: %s", answer)
	}
	if answer := string(s.ask(operator, `{ products { edges { node { publisher { id } } } } }`, "")); !strings.Contains(answer, `"LIMIT_EXCEEDED"`) {
		t.Errorf("5 levels are answered: %s", answer)
	}
	// Introspection nests as deep as it likes: GraphiQL's own query does.
	deep := `{ __schema { types { fields { type { ofType { ofType { ofType { ofType { name } } } } } } } } }`
	if answer := string(s.ask(models.Viewer{}, deep, "")); strings.Contains(answer, `"errors"`) {
		t.Errorf("introspection is refused: %.300s", answer)
	}
}

func TestCostLimit(t *testing.T) {
	s := empty(t)
	limits := graph.DefaultLimits
	limits.Cost = 11
	s.handler = door.New(s.market, door.Options{Identifier: s.tokens, Clock: func() time.Time { return s.now }, Limits: limits})
	for n, refused := range map[int]bool{10: false, 11: true} {
		answer := string(s.ask(operator, fmt.Sprintf(`{ products(first: %d) { nodes { title } } }`, n), ""))
		if strings.Contains(answer, `"LIMIT_EXCEEDED"`) != refused {
			t.Errorf("a cost of %d under a limit of %d: %s", n+1, limits.Cost, answer)
		}
	}
}

// A year's worth of a report fits, twenty times three years do not, and neither
// does what hides its months in variables.
func TestCostOfRating(t *testing.T) {
	s := empty(t)
	threeYears := func(n int) string {
		return "query ($from: Month!, $to: Month!) { " + repeated(n, func(i int) string {
			return fmt.Sprintf("a%d: payoutSummary(month: $from, toMonth: $to) { totalCount } ", i)
		}) + "}"
	}
	const months = `{"from": "2022-01", "to": "2024-12"}`
	whole := `{ billingLines(month: "2024-09", first: 10000) { totalCount nodes { id listSubtotal { amount } marginAmount { amount } wholesaleSubtotal { amount } fees { amount { amount } } payout { amount } } } }`
	for query, variables := range map[string]string{whole: "", threeYears(6): months} {
		if answer := string(s.ask(operator, query, variables)); strings.Contains(answer, `"errors"`) {
			t.Errorf("%.60s is refused: %.300s", query, answer)
		}
	}
	for _, n := range []int{7, 20} {
		if answer := string(s.ask(operator, threeYears(n), months)); !strings.Contains(answer, `"LIMIT_EXCEEDED"`) {
			t.Errorf("%d times 36 months are rated: %.300s", n, answer)
		}
	}
}

// A cursor that was made up is BAD_CURSOR on every list, whatever its key.
func TestForgedCursors(t *testing.T) {
	s := peopled(t)
	for _, list := range []string{"products", "resellers", "customers", "privateOffers", "subscriptions", `usage(where: {subscriptionId: "secret-subscription"}`, `billingLines(month: "2024-09"`, `margins(resellerTenantId: "` + northwind + `"`, "billingPeriods"} {
		field, filter := list, "("
		if name, arguments, ok := strings.Cut(list, "("); ok {
			field, filter = name, "("+arguments+", "
		}
		whole := dig(t, essence(s.ask(operator, "{ "+field+filter+"first: 1) { pageInfo { endCursor } } }", "")), field+".pageInfo.endCursor")
		decoded, err := base64.RawURLEncoding.DecodeString(whole)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"junk", "a b c d e", "x\x00y", "\xff\xfe", "2024 x y"} {
			prefix := string(decoded[:7]) + key // version and binding
			sum := sha256.Sum256([]byte(prefix))
			for _, forged := range []string{prefix, prefix + string(sum[:4])} {
				cursor := base64.RawURLEncoding.EncodeToString([]byte(forged))
				answer := string(s.ask(operator, "{ "+field+filter+`first: 1, after: "`+cursor+`") { pageInfo { endCursor } } }`, ""))
				if strings.Contains(answer, `"INTERNAL"`) || forged == prefix && !strings.Contains(answer, `"BAD_CURSOR"`) {
					t.Errorf("%s after %q: %s", field, forged, answer)
				}
			}
		}
		if answer := string(s.ask(operator, "{ "+field+filter+`first: 1, after: "`+whole[:len(whole)-1]+`") { pageInfo { endCursor } } }`, "")); !strings.Contains(answer, `"BAD_CURSOR"`) {
			t.Errorf("%s after a cursor cut by one: %s", field, answer)
		}
	}
}

// Two tokens are none: it would not be clear who asks.
func TestTwoAuthorizations(t *testing.T) {
	s := empty(t)
	request := httptest.NewRequest("POST", "/graphql", strings.NewReader(`{"query":"{ viewer { role } }"}`))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Add("Authorization", "Bearer "+s.token(operator))
	request.Header.Add("Authorization", "Bearer "+s.token(reseller))
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusUnauthorized || !strings.Contains(recorder.Body.String(), `"UNAUTHENTICATED"`) {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

// A size in a variable costs as much as one in the text.
func TestCostOfVariables(t *testing.T) {
	s := empty(t)
	for variables, want := range map[string]int{`{"n": 7}`: 8, `{"n": null}`: 51, `{}`: 51} {
		var r struct{ Extensions struct{ Cost graph.Cost } }
		if err := json.Unmarshal(s.ask(operator, `query ($n: Int) { products(first: $n) { nodes { title } } }`, variables), &r); err != nil || r.Extensions.Cost.Requested != want {
			t.Errorf("%s costs %+v, not %d", variables, r.Extensions.Cost, want)
		}
	}
	var r struct{ Extensions struct{ Cost graph.Cost } }
	if err := json.Unmarshal(s.ask(operator, `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, `{"ids": ["a", "b", "c"]}`), &r); err != nil || r.Extensions.Cost.Requested != 3 {
		t.Errorf("3 ids cost %+v", r.Extensions.Cost)
	}
}

// Fragments that spread each other double with each level: the walk ends.
func TestFragmentsThatDouble(t *testing.T) {
	var b strings.Builder
	b.WriteString("{ viewer { ...f0 } }")
	const levels = 40
	for i := range levels {
		fmt.Fprintf(&b, " fragment f%d on Viewer { ...f%d ...f%d }", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Viewer { role }", levels)
	if answer := string(empty(t).ask(operator, b.String(), "")); !strings.Contains(answer, `"LIMIT_EXCEEDED"`) {
		t.Errorf("2^%d fields are answered: %.300s", levels, answer)
	}
}

func TestBodyLimit(t *testing.T) {
	s := empty(t)
	const most = 1 << 20
	body := func(size int) []byte {
		start := `{"query":"{ __typename }","variables":{"x":"`
		return []byte(start + strings.Repeat("x", size-len(start)-len(`"}}`)) + `"}}`)
	}
	if r := s.post(operator, body(most)); r.Code != http.StatusOK {
		t.Errorf("1 MiB: %d %.200s", r.Code, r.Body)
	}
	if r := s.post(operator, body(most+1)); r.Code != http.StatusRequestEntityTooLarge || !strings.Contains(r.Body.String(), `"LIMIT_EXCEEDED"`) {
		t.Errorf("1 MiB and a byte: %d %.200s", r.Code, r.Body)
	}
}

func TestBatchLimit(t *testing.T) {
	s := empty(t)
	batch := func(n int) string {
		return `{"records":[` + strings.TrimSuffix(repeated(n, func(i int) string {
			return fmt.Sprintf(`{"source":"x","externalId":"%d","occurredAt":"2024-09-01","subscriptionId":"s","meterId":"m","quantity":"1"},`, i)
		}), ",") + `]}`
	}
	const query = `mutation ($records: [UsageRecordInput!]!) { recordUsage(input: {records: $records}) { rejected userErrors { field code } } }`
	for n, want := range map[int]string{
		1000: `{"recordUsage":{"rejected":1000,"userErrors":[]}}`,
		1001: `{"recordUsage":{"rejected":0,"userErrors":[{"field":["records"],"code":"TOO_MANY_RECORDS"}]}}`,
	} {
		if got := essentialData(string(s.ask(operator, query, batch(n)))); got != want {
			t.Errorf("%d records: %.300s, not %s", n, got, want)
		}
	}
}

// No more than 20 errors come back.
func TestErrorLimit(t *testing.T) {
	answer := empty(t).ask(operator, "{ "+repeated(21, func(i int) string { return fmt.Sprintf("unknown%d ", i) })+"}", "")
	var r struct{ Errors []json.RawMessage }
	if err := json.Unmarshal(answer, &r); err != nil || len(r.Errors) != 20 {
		t.Errorf("%d errors, %v", len(r.Errors), err)
	}
}

func TestCostIsReported(t *testing.T) {
	s := empty(t)
	for query, want := range map[string]int{
		`{ __typename }`:                                                    0,
		`{ __schema { types { name } } }`:                                   0,
		`{ products(first: 10) { nodes { title } } }`:                       11,
		`{ products { nodes { title plans { title } } edges { cursor } } }`: 1 + 50*(1+10+1),
		`query ($n: Int = 3) { products(last: $n) { nodes { title } pageInfo { hasNextPage } } }`: 1 + 3*2,
		`{ viewer { role } again: viewer { role } }`:                                              2,
		// 1,000 for each month that is rated.
		`{ billingSummary(month: "2024-09") { totalCount } }`:                                                                1 + 1000,
		`{ billingSummary(month: "2022-01", toMonth: "2024-12") { totalCount } }`:                                            1 + 36*1000,
		`{ unratedFacts(month: "2024-09") { totalCount } }`:                                                                  1 + 1000,
		`{ node(id: "billing-line/2024-09/x") { id } }`:                                                                      1 + 1000,
		`{ nodes(ids: ["billing-line/2024-09/x", "billing-line/2024-09/y", "billing-line/2024-10/x", "product/x"]) { id } }`: 4 + 2*1000,
		// As much for each reseller whose margins are rated.
		`{ margins(resellerTenantId: "x", first: 1) { totalCount } }`:                                     1 + 1000,
		`{ node(id: "margin/o_1_x") { id } }`:                                                             1 + 1000,
		`{ nodes(ids: ["margin/o_1_x", "margin/o_2_x", "margin/o_1_y", "product/x"]) { id } }`:            4 + 2*1000,
		`{ effectiveMargin(resellerTenantId: "x", plan: "p/q", market: "US") { candidates { reason } } }`: 1 + 1000 + 10,
		// A line has one fee.
		`{ billingLines(month: "2024-09", first: 10) { nodes { fees { amount { amount } } } } }`: 1 + 1000 + 10*(1+1+1),
	} {
		var r struct{ Extensions struct{ Cost graph.Cost } }
		if err := json.Unmarshal(s.ask(operator, query, ""), &r); err != nil || r.Extensions.Cost != (graph.Cost{Requested: want, Limit: graph.DefaultLimits.Cost}) {
			t.Errorf("%s costs %+v, not %d", query, r.Extensions.Cost, want)
		}
	}
}

func TestHTTP(t *testing.T) {
	s := empty(t)
	token, err := s.tokens.Issue(operator, time.Hour, s.now)
	if err != nil {
		t.Fatal(err)
	}
	const asJSON = "application/json"
	bearer := "Bearer " + token
	for _, c := range []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		want                       string
	}{
		{"GET a query", "GET", "/graphql?query=" + url.QueryEscape("{viewer{role}}"), "", []string{"Authorization", bearer}, 200, `{"data":{"viewer":{"role":"OPERATOR"}}`},
		{"GET with variables", "GET", "/graphql?query=" + url.QueryEscape("query($id: ID!){node(id: $id){id}}") + "&variables=" + url.QueryEscape(`{"id":"product/x"}`), "", []string{"Authorization", bearer}, 200, `{"data":{"node":null}`},
		{"GET a mutation", "GET", "/graphql?query=" + url.QueryEscape("mutation{recordUsage(input:{records:[]}){accepted}}"), "", []string{"Authorization", bearer}, 405, `"METHOD_NOT_ALLOWED"`},
		{"GET nothing", "GET", "/graphql", "", nil, 400, `query is missing`},
		{"GET bad variables", "GET", "/graphql?query=%7B__typename%7D&variables=%5B1", "", nil, 400, `variables is not a JSON object`},
		{"DELETE", "DELETE", "/graphql", "", nil, 405, `"METHOD_NOT_ALLOWED"`},
		{"POST as a form", "POST", "/graphql", "query={__typename}", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, `"UNSUPPORTED_MEDIA_TYPE"`},
		{"POST no JSON", "POST", "/graphql", "password=hunter2", []string{"Content-Type", asJSON}, 400, `the body is not a GraphQL request`},
		{"POST JSON twice", "POST", "/graphql", `{"query":"{__typename}"} {}`, []string{"Content-Type", asJSON}, 400, `the body is not a GraphQL request`},
		{"POST an array", "POST", "/graphql", `[{"query":"{__typename}"}]`, []string{"Content-Type", asJSON}, 400, `"BATCH_REFUSED"`},
		{"POST an empty query", "POST", "/graphql", `{"query":""}`, []string{"Content-Type", asJSON}, 400, `query is missing`},
		{"POST nobody", "POST", "/graphql", `{"query":"{viewer{role}}"}`, []string{"Content-Type", asJSON}, 200, `"UNAUTHENTICATED"`},
		{"POST nobody, reading the status", "POST", "/graphql", `{"query":"{viewer{role}}"}`, []string{"Content-Type", asJSON, "Accept", "application/graphql-response+json"}, 401, `"UNAUTHENTICATED"`},
		{"POST nonsense, reading the status", "POST", "/graphql", `{"query":"{"}`, []string{"Content-Type", asJSON, "Accept", "application/graphql-response+json"}, 400, `"GRAPHQL_PARSE_FAILED"`},
		{"POST a bad token", "POST", "/graphql", `{"query":"{__typename}"}`, []string{"Content-Type", asJSON, "Authorization", "Bearer x.y.z"}, 401, `"UNAUTHENTICATED"`},
		{"POST another scheme", "POST", "/graphql", `{"query":"{__typename}"}`, []string{"Content-Type", asJSON, "Authorization", "Basic eDp5"}, 401, `send the token as`},
		{"POST exact numbers", "POST", "/graphql", `{"query":"query($d: Decimal!){__typename}","variables":{"d":0.1}}`, []string{"Content-Type", asJSON}, 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.do(c.method, c.target, c.body, c.headers...)
			if r.Code != c.status || !strings.Contains(r.Body.String(), c.want) {
				t.Errorf("%d %s, not %d with %s", r.Code, r.Body, c.status, c.want)
			}
			if strings.Contains(r.Body.String(), "hunter2") {
				t.Errorf("the answer echoes the body: %s", r.Body)
			}
			if r.Header().Get("X-Request-Id") == "" {
				t.Error("there is no X-Request-Id")
			}
		})
	}
}

func TestRequestIDs(t *testing.T) {
	s := empty(t)
	for given, kept := range map[string]bool{"abc-123_x.y:z": true, "": false, "a b": false, "a\"b": false, strings.Repeat("x", 129): false} {
		if got := s.do("GET", "/graphql?query=%7B__typename%7D", "", "X-Request-Id", given).Header().Get("X-Request-Id"); (got == given) != kept || got == "" {
			t.Errorf("%q becomes %q", given, got)
		}
	}
}

// A fault says INTERNAL and the request's id, and nothing of what happened.
func TestFaultsTellNothing(t *testing.T) {
	s := empty(t)
	if err := s.market.Store.Close(); err != nil {
		t.Fatal(err)
	}
	r := s.do("POST", "/graphql", `{"query":"{ products { totalCount } }"}`, "Content-Type", "application/json", "X-Request-Id", "the-id", "Authorization", "Bearer "+s.token(operator))
	var answer struct {
		Errors []struct {
			Message    string
			Extensions map[string]string
		}
	}
	if err := json.Unmarshal(r.Body.Bytes(), &answer); err != nil || len(answer.Errors) != 1 {
		t.Fatalf("%v: %s", err, r.Body)
	}
	fault := answer.Errors[0]
	if fault.Message != "something went wrong here: tell us the request id the-id" || fault.Extensions["code"] != "INTERNAL" || fault.Extensions["requestId"] != "the-id" || strings.Contains(r.Body.String(), "sql") || strings.Contains(r.Body.String(), "store:") {
		t.Errorf("%s", r.Body)
	}
}

func TestTimeLimit(t *testing.T) {
	s := empty(t)
	limits := graph.DefaultLimits
	limits.Time = time.Nanosecond
	s.handler = door.New(s.market, door.Options{Identifier: s.tokens, Clock: func() time.Time { return s.now }, Limits: limits})
	if r := s.send(operator, `{ products { totalCount } }`, ""); r.Code != http.StatusServiceUnavailable || !strings.Contains(r.Body.String(), `"TIMEOUT"`) {
		t.Errorf("%d %s", r.Code, r.Body)
	}
}

func (s *stage) token(viewer models.Viewer) string {
	s.t.Helper()
	token, err := s.tokens.Issue(viewer, time.Hour, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// Every code that models can give a violation or an unrated fact is a value of
// an enum of the schema, so that no answer breaks the contract.
func TestEveryCodeIsInTheSchema(t *testing.T) {
	schema := newAsker(t).schema
	known := map[string]bool{}
	for _, definition := range schema.Types {
		if definition.Kind == ast.Enum && strings.HasSuffix(definition.Name, "Code") {
			for _, value := range definition.EnumValues {
				known[value.Name] = true
			}
		}
	}
	constant := regexp.MustCompile(`Code\s+= "([A-Z_]+)"`)
	files, err := filepath.Glob("../models/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no models", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range constant.FindAllStringSubmatch(string(text), -1) {
			if !known[found[1]] {
				t.Errorf("%s: the code %s is in no enum of the schema", filepath.Base(file), found[1])
			}
		}
	}
}
