package door_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sellthrough/graph"
	"sellthrough/internal/door"
	"sellthrough/internal/throttle"
)

const asJSON = "application/json"

// send sends a POST of a body as ada, with headers in pairs: "" takes one away.
func send(handler http.Handler, body string, headers ...string) *httptest.ResponseRecorder {
	return do(handler, "POST", "/graphql", body, append([]string{"Content-Type", asJSON, "Authorization", "Bearer ada"}, headers...)...)
}

func do(handler http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			request.Header.Del(headers[i])
		}
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

// query is a request of a document, and of variables if they are not "".
func query(document, variables string) string {
	body := map[string]any{"query": document}
	if variables != "" {
		body["variables"] = json.RawMessage(variables)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// codes are the error codes of an answer, with spaces between.
func codes(t testing.TB, answer *httptest.ResponseRecorder) string {
	t.Helper()
	var a struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &a); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	var all []string
	for _, e := range a.Errors {
		all = append(all, e.Extensions.Code)
	}
	return strings.Join(all, " ")
}

func TestNegotiation(t *testing.T) {
	handler := door.New(open(t))
	const graphQL, neither = "application/graphql-response+json", ""
	for accept, want := range map[string]string{
		"":                                    asJSON,
		"*/*":                                 asJSON,
		"application/*":                       asJSON,
		asJSON:                                asJSON,
		graphQL:                               graphQL,
		"APPLICATION/GraphQL-Response+JSON":   graphQL,
		asJSON + ", " + graphQL:               graphQL,
		graphQL + ";q=0.5, " + asJSON:         asJSON,
		graphQL + ";q=0.5, */*;q=0.4":         graphQL,
		graphQL + ";q=0, */*":                 asJSON,
		asJSON + ";q=0, application/*":        graphQL,
		asJSON + ";q=0, " + graphQL + ";q=0":  neither,
		"text/html,application/xml, */*;q=.8": asJSON,
		"text/html":                           neither,
		"*/*;q=0":                             neither,
		"nonsense":                            neither,
		asJSON + ";charset=utf-8":             asJSON,
		asJSON + ";charset=UTF-8, " + graphQL + ";charset=latin1": asJSON,
		asJSON + ";charset=utf-16":                                neither,
		asJSON + ";q=2, " + graphQL + ";q=0.1":                    graphQL,
		asJSON + ";q=x":                                           neither,
	} {
		answer := send(handler, query("{ viewer { role } }", ""), "Accept", accept)
		if want == neither {
			if answer.Code != http.StatusNotAcceptable || codes(t, answer) != "NOT_ACCEPTABLE" {
				t.Errorf("%q: %d %s", accept, answer.Code, answer.Body)
			}
			continue
		}
		if got := answer.Header().Get("Content-Type"); answer.Code != 200 || got != want+"; charset=utf-8" {
			t.Errorf("%q: %d %s, not %s", accept, answer.Code, got, want)
		}
	}
}

// What is well-formed HTTP is 200 to who asks for application/json; who names
// application/graphql-response+json reads the same in the status. Neither finds
// data where nothing ran.
func TestStatuses(t *testing.T) {
	handler := door.New(open(t))
	for _, c := range []struct {
		name, body, credential string
		plain, graphQL         int
		codes                  string
		data                   bool
	}{
		{"an answer", query("{ viewer { role } }", ""), "ada", 200, 200, "", true},
		{"an answer in part", query(`{ viewer { role } privateOffer(id: "private-offer/x") { name } nodes(ids: ["x"]) { id } }`, ""), "ada", 200, 200, "", true},
		{"no data but an error", query(`{ billingLines(month: "2024-09", first: 10001) { totalCount } }`, ""), "ada", 200, 200, "BAD_USER_INPUT", true},
		{"no document", query("{", ""), "ada", 200, 400, "GRAPHQL_PARSE_FAILED", false},
		{"a document of another schema", query("{ nonsense }", ""), "ada", 200, 400, "GRAPHQL_VALIDATION_FAILED", false},
		{"variables of another type", query("query ($id: ID!) { node(id: $id) { id } }", `{"id": null}`), "ada", 200, 400, "GRAPHQL_VALIDATION_FAILED", false},
		{"an operation that is not there", `{"query":"query A { __typename }","operationName":"B"}`, "ada", 200, 400, "GRAPHQL_VALIDATION_FAILED", false},
		{"nobody", query("{ viewer { role } }", ""), "", 200, 401, "UNAUTHENTICATED", false},
		{"somebody else", query(`{ payouts(month: "2024-09") { totalCount } }`, ""), "bob", 200, 403, "FORBIDDEN", false},
		{"a bad token", query("{ __typename }", ""), "eve", 401, 401, "UNAUTHENTICATED", false},
		{"no query", `{"operationName":"A"}`, "ada", 400, 400, "BAD_REQUEST", false},
	} {
		for media, status := range map[string]int{asJSON: c.plain, "application/graphql-response+json": c.graphQL} {
			credential := ""
			if c.credential != "" {
				credential = "Bearer " + c.credential
			}
			answer := send(handler, c.body, "Accept", media, "Authorization", credential)
			if answer.Code != status || codes(t, answer) != c.codes || strings.Contains(answer.Body.String(), `"data":`) != c.data {
				t.Errorf("%s as %s: %d, not %d: %s", c.name, media, answer.Code, status, answer.Body)
			}
			if challenged := answer.Header().Get("WWW-Authenticate") != ""; challenged != (answer.Code == 401) {
				t.Errorf("%s as %s: WWW-Authenticate is %q", c.name, media, answer.Header().Get("WWW-Authenticate"))
			}
			if answer.Header().Get("Content-Length") != itoa(answer.Body.Len()) || answer.Header().Get("X-Content-Type-Options") != "nosniff" || answer.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: the headers are %v", c.name, answer.Header())
			}
		}
	}
}

func itoa(n int) string { text, _ := json.Marshal(n); return string(text) }

func TestRequests(t *testing.T) {
	handler := door.New(open(t))
	const typename = `"query":"{ __typename }"`
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		codes      string
	}{
		{"a charset", "{" + typename + "}", []string{"Content-Type", `application/json; charset="UTF-8"`}, 200, ""},
		{"another charset", "{" + typename + "}", []string{"Content-Type", "application/json; charset=latin1"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"another type", "{" + typename + "}", []string{"Content-Type", "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"no type", "{" + typename + "}", []string{"Content-Type", ""}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"compressed", "{" + typename + "}", []string{"Content-Encoding", "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"not compressed", "{" + typename + "}", []string{"Content-Encoding", "identity"}, 200, ""},
		{"a byte order mark", "\ufeff{" + typename + "}", nil, 200, ""},
		{"no UTF-8", `{"query":"{ __typename } # ` + "\xff" + `"}`, nil, 400, "BAD_REQUEST"},
		{"an array", "[{" + typename + "}]", nil, 400, "BATCH_REFUSED"},
		{"an array after space", "\n [{" + typename + "}]", nil, 400, "BATCH_REFUSED"},
		{"nothing", "", nil, 400, "BAD_REQUEST"},
		{"null", "null", nil, 400, "BAD_REQUEST"},
		{"a member twice", `{"query":"{ viewer { role } }",` + typename + "}", nil, 400, "BAD_REQUEST"},
		{"a member in capitals", `{"QUERY":"{ __typename }"}`, nil, 400, "BAD_REQUEST"},
		{"others' members", `{"id":[{}],` + typename + "}", nil, 200, ""},
		{"a second value", "{" + typename + "} 1", nil, 400, "BAD_REQUEST"},
		{"cut off", "{" + typename, nil, 400, "BAD_REQUEST"},
		{"nulls", `{"variables":null,"extensions":null,"operationName":null,"documentId":null,` + typename + "}", nil, 200, ""},
	} {
		if answer := send(handler, c.body, c.headers...); answer.Code != c.status || codes(t, answer) != c.codes {
			t.Errorf("%s: %d %s", c.name, answer.Code, answer.Body)
		}
	}
	answer := send(handler, `{"query":1,"operationName":[],"variables":"x","extensions":2}`)
	if want := `query is not text; operationName is not text; variables is not a JSON object; extensions is not a JSON object`; !strings.Contains(answer.Body.String(), want) {
		t.Errorf("not all that is wrong is said: %s", answer.Body)
	}
	for target, status := range map[string]int{
		"/graphql?query=%7B__typename%7D":                                                      200,
		"/graphql?query=%7B__typename%7D&query=%7B__typename%7D":                               400,
		"/graphql?query=%7B__typename%7D&x=%zz":                                                400,
		"/graphql?query=%7B__typename%7D&x=%ff":                                                400,
		"/graphql?query=%7B__typename%7D&variables=1":                                          400,
		"/graphql?query=%7B__typename%7D&variables=&operationName=":                            200,
		"/graphql?query=mutation%7B__typename%7D":                                              405,
		"/graphql?query=query%20A%7B__typename%7Dmutation%20B%7B__typename%7D&operationName=B": 405,
	} {
		answer := do(handler, "GET", target, "")
		if answer.Code != status || status == 405 && answer.Header().Get("Allow") != "POST" {
			t.Errorf("%s: %d %v %s", target, answer.Code, answer.Header(), answer.Body)
		}
	}
	for _, method := range []string{"PUT", "DELETE", "PATCH", "TRACE", "HEAD", "OPTIONS"} {
		if answer := do(handler, method, "/graphql?query=%7B__typename%7D", ""); answer.Code != 405 || answer.Header().Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d %v", method, answer.Code, answer.Header())
		}
	}
}

// No page elsewhere can make a browser act: what it can send without asking first
// is refused if it carries a cookie.
func TestForgedRequests(t *testing.T) {
	handler := door.New(open(t))
	const get = "/graphql?query=%7B__typename%7D"
	for _, c := range []struct {
		name, method string
		headers      []string
		status       int
	}{
		{"GET without a cookie", "GET", nil, 200},
		{"GET with a cookie", "GET", []string{"Cookie", "a=b"}, 403},
		{"GET with a cookie and a token", "GET", []string{"Cookie", "a=b", "Authorization", "Bearer ada"}, 403},
		{"GET asked for by a script", "GET", []string{"Cookie", "a=b", "X-Requested-With", "x"}, 200},
		{"GET by Apollo", "GET", []string{"Cookie", "a=b", "Apollo-Require-Preflight", "true"}, 200},
		{"GET with a content type that browsers ask about", "GET", []string{"Cookie", "a=b", "Content-Type", asJSON}, 200},
		{"GET with one that they do not", "GET", []string{"Cookie", "a=b", "Content-Type", "text/plain"}, 403},
		{"a form", "POST", []string{"Cookie", "a=b", "Content-Type", "application/x-www-form-urlencoded"}, 403},
		{"a form without a cookie", "POST", []string{"Content-Type", "multipart/form-data; boundary=x"}, 415},
		{"JSON", "POST", []string{"Cookie", "a=b", "Content-Type", asJSON}, 200},
	} {
		answer := do(handler, c.method, get, query("{ __typename }", ""), c.headers...)
		if answer.Code != c.status || (codes(t, answer) == "PREFLIGHT_REQUIRED") != (c.status == 403) {
			t.Errorf("%s: %d %s", c.name, answer.Code, answer.Body)
		}
	}
}

// No page elsewhere reads an answer, but of the origins that an operator names;
// and never with a cookie.
func TestOrigins(t *testing.T) {
	m, options := open(t)
	ask := func(method, origin string, more ...string) http.Header {
		return do(door.New(m, options), method, "/graphql?query=%7B__typename%7D", "", append(more, "Origin", origin)...).Header()
	}
	preflight := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type"}
	for _, named := range []bool{false, true} {
		if named {
			options.Origins = []string{"https://portal.example"}
		}
		for origin, allowed := range map[string]bool{
			"https://portal.example": named, "https://portal.example.evil": false, "http://portal.example": false, "https://portal.example:8443": false, "null": false,
		} {
			for _, header := range []http.Header{ask("GET", origin), ask("OPTIONS", origin, preflight...)} {
				want := map[bool]string{true: origin}[allowed]
				if got := header.Get("Access-Control-Allow-Origin"); got != want || header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s, named %t: %v", origin, named, header)
				}
			}
		}
	}
}

func TestAllowances(t *testing.T) {
	m, options := open(t)
	at := now
	options.Clock = func() time.Time { return at }
	options.Throttle = throttle.Options{Restore: 100, Burst: 1_050, Running: 4, Total: 4, Waiting: 4, Identities: 100}
	handler := door.New(m, options)
	page := query("{ products(first: 100) { nodes { title } } }", "")
	type cost struct{ Requested, Limit, Available, RestoreRate int }
	ask := func(body string, headers ...string) (int, cost, http.Header) {
		t.Helper()
		answer := send(handler, body, headers...)
		var a struct{ Extensions struct{ Cost cost } }
		if err := json.Unmarshal(answer.Body.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if throttled := answer.Code == 429; throttled != (codes(t, answer) == "THROTTLED") {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
		return answer.Code, a.Extensions.Cost, answer.Header()
	}
	limit := graph.DefaultLimits.Cost
	each := 10 + len(page)/64 + 101
	left := 1_050
	for left >= each {
		left -= each
		status, got, header := ask(page)
		if want := (cost{101, limit, left, 100}); status != 200 || got != want {
			t.Fatalf("%d %+v, not %+v", status, got, want)
		}
		if got := header.Get("RateLimit-Policy"); got != `"cost";q=1050;w=10` {
			t.Errorf("the policy is %s", got)
		}
	}
	status, got, header := ask(page) // it takes what asking takes, and no more
	left -= 10 + len(page)/64
	wait := (101 - left + 99) / 100
	if want := (cost{101, limit, left, 100}); status != 429 || got != want || header.Get("Retry-After") != itoa(wait) {
		t.Errorf("%d %+v, not %+v; Retry-After %s, not %d", status, got, want, header.Get("Retry-After"), wait)
	}
	if status, _, _ := ask(page, "Authorization", "Bearer bob"); status != 200 {
		t.Errorf("somebody else is %d", status)
	}
	at = at.Add(2 * time.Second)
	if status, _, _ := ask(page); status != 200 {
		t.Errorf("after a while it is %d", status)
	}
	// What costs more than can be saved up is answered, once all is saved up.
	dear := query(`{ billingSummary(month: "2024-09", toMonth: "2024-12") { totalCount } }`, "")
	at = at.Add(time.Minute)
	if status, _, _ := ask(dear, "Authorization", "Bearer bob"); status != 200 {
		t.Errorf("what costs more than can be saved up: %d", status)
	}
	if status, _, _ := ask(dear, "Authorization", "Bearer bob"); status != 429 {
		t.Errorf("the same once more: %d", status)
	}
}

// What is refused costs nothing by its own reckoning, and yet it is not free.
func TestRefusedIsNotFree(t *testing.T) {
	m, options := open(t)
	options.Throttle = throttle.Options{Restore: 10, Burst: 1_200, Running: 1, Total: 1, Waiting: 1, Identities: 100}
	handler := door.New(m, options)
	for i, want := range []int{400, 400, 429} {
		if status := send(handler, query("{ viewer { nothing } }", ""), "Authorization", "Bearer ada", "Accept", "application/graphql-response+json").Code; status != want {
			t.Errorf("refused request %d: %d, not %d", i, status, want)
		}
	}
}

// How much of the schema somebody looks at, only the answer tells: it is charged
// for afterwards.
func TestIntrospectionIsCharged(t *testing.T) {
	m, options := open(t)
	options.Throttle = throttle.Options{Restore: 10, Burst: 1_700, Running: 1, Total: 1, Waiting: 1, Identities: 100}
	handler := door.New(m, options)
	ask := func(document string) int {
		return send(handler, query(document, ""), "Authorization", "Bearer ada").Code
	}
	const whole = "{ __schema { types { name description fields { name description args { name description } } } } }"
	if first, second := ask(whole), ask("{ __typename }"); first != 200 || second != 429 {
		t.Errorf("the whole schema, then hardly anything: %d, %d", first, second)
	}
	handler = door.New(m, options)
	const little = "{ __schema { queryType { name } } }"
	if first, second := ask(little), ask(little); first != 200 || second != 200 {
		t.Errorf("little of the schema, twice: %d, %d", first, second)
	}
}

// Who shares an address with a guesser goes on; the guesser does not.
func TestGuessing(t *testing.T) {
	m, options := open(t)
	at := now
	options.Clock = func() time.Time { return at }
	options.Throttle = throttle.Defaults
	handler := door.New(m, options)
	ask := func(credential string) int {
		return send(handler, query("{ __typename }", ""), "Authorization", "Bearer "+credential).Code
	}
	if status := ask("ada"); status != 200 {
		t.Fatal(status)
	}
	for i := range 60 {
		if status := ask("guess" + itoa(i)); status != 401 {
			t.Fatalf("guess %d: %d", i, status)
		}
	}
	for credential, want := range map[string]int{"guess": 429, "bob": 429, "ada": 200} {
		if status := ask(credential); status != want {
			t.Errorf("%s after 60 guesses: %d, not %d", credential, status, want)
		}
	}
	at = at.Add(time.Second)
	if status := ask("bob"); status != 200 {
		t.Errorf("bob, a second later: %d", status)
	}
}

// Strangers have an allowance each, by the address that a trusted proxy names.
func TestAddresses(t *testing.T) {
	m, options := open(t)
	options.Throttle = throttle.Options{Restore: 10, Burst: 110, Running: 1, Total: 1, Waiting: 1, Identities: 100}
	options.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		name, peer, forwarded, peer2, forwarded2 string
		same                                     bool
	}{
		{"one client", "203.0.113.1:1", "", "203.0.113.1:2", "", true},
		{"two clients", "203.0.113.1:1", "", "203.0.113.2:1", "", false},
		{"a client that makes up addresses", "203.0.113.1:1", "198.51.100.1", "203.0.113.1:1", "198.51.100.2", true},
		{"two clients of a proxy", "10.0.0.1:1", "203.0.113.1", "10.0.0.1:1", "203.0.113.2", false},
		{"one client of two proxies", "10.0.0.1:1", "203.0.113.1", "10.0.0.2:1", "203.0.113.1", true},
		{"one that makes up addresses before a proxy", "10.0.0.1:1", "198.51.100.1, 203.0.113.1", "10.0.0.1:1", "198.51.100.2, 203.0.113.1", true},
		{"through two proxies", "10.0.0.1:1", "203.0.113.1, 10.9.9.9", "10.0.0.2:1", "203.0.113.2, 10.9.9.9", false},
		{"one network of IPv6", "[2001:db8::1]:1", "", "[2001:db8::2]:1", "", true},
		{"two networks of IPv6", "[2001:db8:0:1::1]:1", "", "[2001:db8:0:2::1]:1", "", false},
	} {
		handler := door.New(m, options)
		ask := func(peer, forwarded string) int {
			request := httptest.NewRequest("GET", "/graphql?query="+url.QueryEscape("{__typename}"), nil)
			request.RemoteAddr = peer
			if forwarded != "" {
				request.Header.Set("X-Forwarded-For", forwarded)
			}
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			return answer.Code
		}
		first, second := ask(c.peer, c.forwarded), ask(c.peer2, c.forwarded2)
		if first != 200 || (second == 429) != c.same {
			t.Errorf("%s: %d, then %d", c.name, first, second)
		}
	}
}

func TestPersistedDocuments(t *testing.T) {
	m, options := open(t)
	handler := door.New(m, options)
	const document, hash = "{ viewer { role } }", "2ac1b2ed2b5ae4f1ebd3ab0bb5a0dbd1e4a5c3ac4a2a1bdd2b0a1a2a3a4a5a6a"
	real := hashOf(document)
	extension := func(hash string) string {
		return `"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}`
	}
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"not known yet", "{" + extension(real) + "}", 200, `{"errors":[{"message":"PersistedQueryNotFound","extensions":{"code":"PERSISTED_QUERY_NOT_FOUND"}}]}`},
		{"of another hash", `{"query":"` + document + `",` + extension(hash) + "}", 400, "BAD_REQUEST"},
		{"still not known", "{" + extension(real) + "}", 200, "PersistedQueryNotFound"},
		{"that is not valid", `{"query":"{ nonsense }",` + extension(hashOf("{ nonsense }")) + "}", 200, "GRAPHQL_VALIDATION_FAILED"},
		{"that is not kept", "{" + extension(hashOf("{ nonsense }")) + "}", 200, "PersistedQueryNotFound"},
		{"sent", `{"query":"` + document + `",` + extension(real) + "}", 200, `"OPERATOR"`},
		{"known", "{" + extension(real) + "}", 200, `"OPERATOR"`},
		{"known, in capitals", "{" + extension(strings.ToUpper(real)) + "}", 200, `"OPERATOR"`},
		{"known, by documentId", `{"documentId":"sha256:` + real + `"}`, 200, `"OPERATOR"`},
		{"named twice", `{"documentId":"sha256:` + real + `",` + extension(real) + "}", 400, "send one of them"},
		{"of version 2", `{"extensions":{"persistedQuery":{"version":2,"sha256Hash":"` + real + `"}}}`, 400, "version 1"},
		{"of a short hash", "{" + extension("abc") + "}", 400, "SHA-256"},
		{"by a name", `{"documentId":"viewer"}`, 400, "SHA-256"},
	} {
		if answer := send(handler, c.body); answer.Code != c.status || !strings.Contains(answer.Body.String(), c.want) {
			t.Errorf("%s: %d %s", c.name, answer.Code, answer.Body)
		}
	}
	get := "/graphql?extensions=" + url.QueryEscape(`{"persistedQuery":{"version":1,"sha256Hash":"`+real+`"}}`)
	if answer := do(handler, "GET", get, "", "Authorization", "Bearer bob"); !strings.Contains(answer.Body.String(), `"RESELLER"`) {
		t.Errorf("by GET, to somebody else: %s", answer.Body)
	}
}

func TestTrustedDocuments(t *testing.T) {
	const role, count, name = "{ viewer { role } }", "query Count { products { totalCount } }", "query Name { __typename }"
	trusted, err := door.ReadTrusted(fstest.MapFS{
		"role.graphql":       {Data: []byte(role)},
		"pages/relay.json":   {Data: []byte(`{"count": "` + count + `"}`)},
		"pages/apollo.json":  {Data: []byte(`{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"name","name":"Name","type":"query","body":"` + name + `"}]}`)},
		"pages/more.graphql": {Data: []byte("query More { viewer { subject } }")},
		"README.md":          {Data: []byte("not a document")},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, options := open(t)
	options.Trusted = trusted
	handler := door.New(m, options)
	for body, want := range map[string]string{
		query(role, ""):                                 `"OPERATOR"`,
		query(role+" ", ""):                             "DOCUMENT_NOT_TRUSTED",
		query("{ __typename }", ""):                     "DOCUMENT_NOT_TRUSTED",
		query("{ __schema { types { name } } }", ""):    "DOCUMENT_NOT_TRUSTED",
		`{"documentId":"role"}`:                         `"OPERATOR"`,
		`{"documentId":"pages/more"}`:                   `"ada"`,
		`{"documentId":"count"}`:                        `"totalCount":0`,
		`{"documentId":"name"}`:                         `"Query"`,
		`{"documentId":"sha256:` + hashOf(count) + `"}`: `"totalCount":0`,
		`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hashOf(count) + `"}}}`: `"totalCount":0`,
		`{"query":"{ viewer { role } }","documentId":"count"}`:                                 "DOCUMENT_NOT_TRUSTED",
		`{"documentId":"nothing"}`: "DOCUMENT_NOT_TRUSTED",
		`{"query":"{ __typename }","extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hashOf("{ __typename }") + `"}}}`: "DOCUMENT_NOT_TRUSTED",
	} {
		if answer := send(handler, body); !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s: %s", body, answer.Body)
		}
	}
	_, err = door.ReadTrusted(fstest.MapFS{
		"a.graphql": {Data: []byte("{ nonsense }")}, "b.graphql": {Data: []byte("{")}, "c.graphql": {Data: []byte("fragment F on Viewer { role }")},
		"d.json": {Data: []byte("[]")}, "e.json": {Data: []byte(`{"a": "{ __typename }"}`)},
	})
	for _, file := range []string{"a.graphql", "b.graphql", "c.graphql", "d.json", "e.json"} {
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s is not named: %v", file, err)
		}
	}
	if _, err := door.ReadTrusted(fstest.MapFS{}); err == nil {
		t.Error("an empty folder is taken")
	}
}

// What is written around the data is what encoding/json would write of the whole.
func TestAnswersAreWrittenOnce(t *testing.T) {
	handler := door.New(open(t))
	for _, document := range []string{
		"{ viewer { role } }", "{ __typename }", "{", `{ nodes(ids: ["a"]) { id } privateOffer(id: "x") { name } }`, `{ payouts(month: "x") { totalCount } }`,
	} {
		answer := send(handler, query(document, ""))
		var whole struct {
			Errors     json.RawMessage `json:"errors,omitempty"`
			Data       json.RawMessage `json:"data,omitempty"`
			Extensions json.RawMessage `json:"extensions,omitempty"`
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &whole); err != nil {
			t.Fatalf("%v: %s", err, answer.Body)
		}
		want, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), answer.Body.String()); diff != "" {
			t.Errorf("%s: %s", document, diff)
		}
	}
}
