package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"sellthrough/graph/generated"
	"sellthrough/internal/cli"
)

// TestREADME runs the demo as a newcomer would, asks it every query that
// README.md shows, as the role it names, and expects the answer that it shows.
func TestREADME(t *testing.T) {
	demo := startDemo(t)
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)As (?:a )?([A-Z]+)[^`]*```graphql\n(.*?)```\n+```json\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(shown) != 3 {
		t.Fatalf("README.md shows %d queries with their answers, expected one for each of 3 users", len(shown))
	}
	for _, s := range shown {
		var want any
		if err := json.Unmarshal([]byte(s[3]), &want); err != nil {
			t.Fatalf("the answer shown to a %s is not JSON: %v", s[1], err)
		}
		if diff := cmp.Diff(want, demo.ask(t, s[1], s[2])); diff != "" {
			t.Errorf("as %s: README.md shows (-) and the demo answers (+)\n%s", s[1], diff)
		}
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// cursor is opaque: how it is made may change at any time.
var cursor = regexp.MustCompile(`"endCursor": "[^"]*"`)

// TestExamples asks the demo every worked example of the playground, as the
// role that its folder names, and compares the answer with the one that
// testdata/examples keeps.
func TestExamples(t *testing.T) {
	demo := startDemo(t)
	files, err := filepath.Glob("web/examples/*/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	var kept []string
	for _, file := range files {
		query, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		role := filepath.Base(filepath.Dir(file))
		answer, err := json.MarshalIndent(demo.ask(t, strings.ToUpper(role), string(query)), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		answer = cursor.ReplaceAll(answer, []byte(`"endCursor": "…"`))
		if bytes.Contains(answer, []byte(`"nodes": []`)) {
			t.Errorf("%s shows an empty list: %s", file, answer)
		}
		golden := filepath.Join("testdata/examples", role, strings.TrimSuffix(filepath.Base(file), ".graphql")+".json")
		kept = append(kept, golden)
		if *update {
			if err := errors.Join(os.MkdirAll(filepath.Dir(golden), 0o755), os.WriteFile(golden, append(answer, '\n'), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(answer)+"\n"); diff != "" {
			t.Errorf("%s (-want +got; -update accepts):\n%s", golden, diff)
		}
	}
	if found, _ := filepath.Glob("testdata/examples/*/*"); len(found) != len(kept) {
		t.Errorf("testdata/examples holds %d answers to %d examples", len(found), len(kept))
	}
}

// TestWelcome asks the query that the demo prints for pasting.
func TestWelcome(t *testing.T) {
	demo := startDemo(t)
	printed := regexp.MustCompile(`-d '(\{"query":.*\})'`).FindStringSubmatch(demo.welcome())
	if printed == nil {
		t.Fatalf("the demo prints no query:\n%s", demo.welcome())
	}
	var body struct{ Query string }
	if err := json.Unmarshal([]byte(printed[1]), &body); err != nil {
		t.Fatal(err)
	}
	demo.ask(t, "FINANCE", body.Query)
}

// TestPublishedSchema asks for /schema.graphql: it is the whole contract that the
// program was generated from, with its directives, and comes once.
func TestPublishedSchema(t *testing.T) {
	demo := startDemo(t)
	get := func(tag string) (*http.Response, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+demo.address+"/schema.graphql", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("If-None-Match", tag)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(text)
	}
	answer, text := get("")
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/graphql; charset=utf-8" {
		t.Errorf("answered %d, %s", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	if again, _ := get(answer.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("the same schema again is answered %d, want 304", again.StatusCode)
	}
	published, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: text})
	if err != nil {
		t.Fatal(err)
	}
	written := func(schema *ast.Schema) string {
		var out strings.Builder
		formatter.NewFormatter(&out).FormatSchema(schema)
		return out.String()
	}
	if diff := cmp.Diff(written(generated.NewExecutableSchema(generated.Config{}).Schema()), written(published)); diff != "" {
		t.Errorf("what is published (+) is not what runs (-):\n%s", diff)
	}
}

// running is a demo that serves.
type running struct {
	address string
	tokens  map[string]string
	welcome func() string
}

// startDemo runs the demo command on a free port until the test ends.
func startDemo(t *testing.T) running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	listening, ended := make(chan string, 1), make(chan int, 1)
	var stdout, stderr transcript
	go func() {
		ended <- cli.Run(ctx, cli.Program{
			Arguments:   []string{"demo", "--listen", "127.0.0.1:0", "--database", "sqlite:" + filepath.Join(t.TempDir(), "demo.db")},
			Environment: func(string) (string, bool) { return "", false },
			Stdin:       strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
			Clock: time.Now,
			Listen: func(ctx context.Context, address string) (net.Listener, error) {
				l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
				if err == nil {
					listening <- l.Addr().String()
				}
				return l, err
			},
			Mount: mount,
		})
	}()
	t.Cleanup(func() {
		stop()
		if status := <-ended; status != cli.StatusDone {
			t.Errorf("the demo ended with status %d:\n%s", status, stderr.String())
		}
	})
	demo := running{tokens: map[string]string{}, welcome: stdout.String}
	select {
	case demo.address = <-listening:
	case status := <-ended:
		ended <- status
		t.Fatalf("the demo ended with status %d before it served:\n%s", status, stderr.String())
	}
	var tokens []struct{ Role, Token string }
	answer, err := http.Get("http://" + demo.address + "/demo/tokens")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		demo.tokens[token.Role] = token.Token
	}
	return demo
}

// ask posts a query and returns its data; errors fail the test.
func (r running) ask(t *testing.T, role, query string) any {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"query": query})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.address+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.tokens[role])
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Data, Errors any }
	if err := json.Unmarshal(text, &answer); err != nil || answer.Errors != nil {
		t.Fatalf("as %s: %s\nanswers %s", role, query, text)
	}
	return answer.Data
}

// transcript keeps what a running program prints.
type transcript struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.text.String()
}
