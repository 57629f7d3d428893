package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/cli"
	"sellthrough/internal/store/storetest"
)

// TestSecretsStaySecret sends secrets by every way that leads into a running
// program, and looks for each in all that comes out of it: answers, log, figures,
// and traces, as a collector gets them. Only who sent a value may see it again,
// in the message that refuses it.
func TestSecretsStaySecret(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			var traces transcript
			collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(&traces, r.Body)
				_, _ = io.WriteString(&traces, r.Header.Get("Collector-Key"))
			}))
			defer collector.Close()
			database := storetest.Database(t, dialect)
			secrets := []string{"c0llector-pa55word", "5igning-key-that-nobody-may-see-0123456789"}
			program := serve(t, database, map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": strings.Replace(collector.URL, "://", "://ada:"+secrets[0]+"@", 1),
				"OTEL_EXPORTER_OTLP_HEADERS":  "Collector-Key=key-of-the-collector", "OTEL_TRACES_SAMPLER": "always_on",
				"SELLTHROUGH_SIGNING_KEY": secrets[1], "SELLTHROUGH_LOG_FORMAT": "json", "SELLTHROUGH_LOG_LEVEL": "DEBUG",
			})
			token := program.token(t)
			answers := new(bytes.Buffer)
			secret := func(text string) string { secrets = append(secrets, text); return text }
			var quoted []string
			value := func(text string) string { quoted = append(quoted, text); return secret(text) }
			send := func(method, path, body string, headers ...string) {
				request, err := http.NewRequestWithContext(t.Context(), method, "http://"+program.api+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Content-Type", "application/json")
				request.Header.Set("Authorization", "Bearer "+token)
				for i := 0; i < len(headers); i += 2 {
					request.Header.Set(headers[i], headers[i+1])
				}
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				if _, err := io.Copy(answers, response.Body); err != nil {
					t.Fatal(err)
				}
			}
			secrets = append(secrets, token)
			document := func(text string, variables map[string]any) string {
				body, _ := json.Marshal(map[string]any{"query": text, "variables": variables})
				return string(body)
			}
			const viewer = `{"query":"{ viewer { role } }"}`
			send("POST", "/graphql", viewer)
			// In headers.
			send("POST", "/graphql", viewer, "Authorization", "Bearer "+secret("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiT1BFUkFUT1IifQ.bm90LXNpZ25lZC1oZXJl"))
			send("POST", "/graphql", viewer, "Authorization", "Bearer "+secret("st_0123456789abcdef_c2VjcmV0LW9mLWEta2V5"))
			send("POST", "/graphql", viewer, "Authorization", "Basic "+secret("YWRhOm9wZW4tc2VzYW1l"))
			send("POST", "/graphql", viewer, "Cookie", "session="+secret("c00kie-of-a-browser"))
			send("POST", "/graphql", viewer, "Idempotency-Key", secret("idempotency-key-0f-somebody"))
			send("POST", "/graphql", viewer, "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
				"Tracestate", "vendor="+secret("state-0f-a-stranger"), "Baggage", "user="+secret("baggage-0f-a-stranger"))
			send("POST", "/graphql", viewer, "User-Agent", secret("agent-0f-a-stranger"))
			send("POST", "/graphql", viewer, "X-Request-Id", secret("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiRklOQU5DRSJ9.aW4tdGhlLXJlcXVlc3QtaWQ"))
			// In documents, their names and their variables.
			send("POST", "/graphql", document(`{ product: node(id: "`+secret("literal-0f-a-document")+`") { id } }`, nil))
			send("POST", "/graphql", document(`mutation { submitPrivateOffer(input: {id: "`+secret("literal-0f-a-mutation")+`"}) { userErrors { code } } }`, nil))
			send("POST", "/graphql", document(`query `+secret("st_0123456789abcdef_bmFtZS1vZi1hbi1vcGVyYXRpb24")+` { viewer { role } }`, nil))
			send("POST", "/graphql", `{"query":"{ viewer { role } }","operationName":"`+value("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.b3BlcmF0aW9uLW5hbWU")+`"}`)
			send("POST", "/graphql", document(`query ($ids: [ID!]) { products(where: {ids: $ids}) { totalCount } }`, map[string]any{"ids": []string{secret("variable-0f-a-query")}}))
			send("POST", "/graphql", document(`query ($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": secret("variable-0f-a-node"), "more": secret("variable-that-nobody-declared")}))
			send("POST", "/graphql", document(`query ($month: Month!) { billingSummary(month: $month, groupBy: [PUBLISHER]) { nodes { publisherId } } }`, map[string]any{"month": value("variable-0f-another-form")}))
			send("POST", "/graphql", document(`query ($first: Int) { products(first: $first) { totalCount } }`, map[string]any{"first": secret("variable-0f-another-type")}))
			// In bodies that are no request, and in addresses.
			send("POST", "/graphql", `{"query": "{ viewer", "`+secret("body-that-breaks-0ff")+`"`)
			send("POST", "/graphql", secret("body-0f-plain-text"), "Content-Type", "text/plain")
			send("GET", "/graphql?access_token="+secret("token-0f-an-address")+"&query="+url.QueryEscape("{ viewer { role } }"), "")
			send("GET", "/"+secret("path-0f-an-address"), "")
			figures := program.get(t, "/metrics", program.metrics)
			program.stop(t)
			if !strings.Contains(figures, "sellthrough_requests_total") {
				t.Error("no figures")
			}
			if got := traces.String(); !strings.Contains(got, "graphql.execute") || !strings.Contains(got, "key-of-the-collector") {
				t.Errorf("no traces, or without their header: %q", got)
			}
			if !strings.Contains(program.log.String(), `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`) {
				t.Errorf("the log does not name the trace:\n%s", &program.log)
			}
			for _, secret := range secrets {
				for place, text := range map[string]string{"the log": program.log.String(), "the figures": figures, "the traces": traces.String(), "the answers": answers.String()} {
					if at := strings.Index(text, secret); at >= 0 && (place != "the answers" || !slices.Contains(quoted, secret)) {
						t.Errorf("%s show %s: ...%q", place, secret, text[max(0, at-200):min(len(text), at+len(secret)+100)])
					}
				}
			}
		})
	}
}

// serving is a server with its figures on an address of their own.
type serving struct {
	api, metrics string
	log          transcript
	stop         func(t *testing.T)
	database     string
	environment  func(name string) (string, bool)
}

// serve runs the serve command until stop is called.
func serve(t *testing.T, database string, environment map[string]string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	listening, ended := make(chan string, 2), make(chan int, 1)
	s := &serving{database: database, environment: func(name string) (string, bool) { value, set := environment[name]; return value, set }}
	go func() {
		ended <- cli.Run(ctx, cli.Program{
			Arguments:   []string{"serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--database", database},
			Environment: s.environment, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &s.log,
			Clock: time.Now, Mount: mount,
			Listen: func(ctx context.Context, address string) (net.Listener, error) {
				l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
				if err == nil {
					listening <- l.Addr().String()
				}
				return l, err
			},
		})
	}()
	s.stop = func(t *testing.T) {
		t.Helper()
		cancel()
		if status := <-ended; status != cli.StatusDone {
			t.Errorf("the server ended with status %d:\n%s", status, &s.log)
		}
	}
	for _, address := range []*string{&s.api, &s.metrics} {
		select {
		case *address = <-listening:
		case status := <-ended:
			t.Fatalf("the server ended with status %d before it served:\n%s", status, &s.log)
		}
	}
	return s
}

// token is an operator's.
func (s *serving) token(t *testing.T) string {
	t.Helper()
	var stdout, stderr transcript
	if status := cli.Run(t.Context(), cli.Program{
		Arguments: []string{"token", "--role", "operator", "--database", s.database}, Environment: s.environment,
		Stdout: &stdout, Stderr: &stderr, Clock: time.Now,
	}); status != cli.StatusDone {
		t.Fatal(stderr.String())
	}
	return strings.TrimSpace(stdout.String())
}

// get reads a page of one of the addresses.
func (s *serving) get(t *testing.T, path, address string) string {
	t.Helper()
	response, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Figures that have an address of their own are on no other, and nothing else is
// there.
func TestMetricsApart(t *testing.T) {
	s := serve(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"), nil)
	defer s.stop(t)
	for _, c := range []struct {
		address, path string
		shown         bool
	}{{s.metrics, "/metrics", true}, {s.api, "/metrics", false}, {s.metrics, "/graphql", false}, {s.api, "/healthz", true}} {
		if text := s.get(t, c.path, c.address); strings.Contains(text, "404 page not found") == c.shown {
			t.Errorf("%s of %s: %.100s", c.path, c.address, text)
		}
	}
}
