package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"sellthrough/schema"
	"sellthrough/web"
)

func get(t *testing.T, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	web.Playground().ServeHTTP(recorder, request)
	return recorder
}

func TestThePageIsWholeWithoutTheInternet(t *testing.T) {
	page := get(t, "/playground")
	if page.Code != http.StatusOK || page.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("the page is answered %d, %s", page.Code, page.Header().Get("Content-Type"))
	}
	links := regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1)
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
	for _, link := range links {
		if link[1] == "data:," { // no icon
			continue
		}
		asset := get(t, "/"+link[1])
		if asset.Code != http.StatusOK || asset.Body.Len() == 0 {
			t.Errorf("%s is answered %d with %d bytes", link[1], asset.Code, asset.Body.Len())
		}
		if got, want := asset.Header().Get("Content-Type"), types[filepath.Ext(link[1])]; got != want {
			t.Errorf("%s is of type %q, want %q", link[1], got, want)
		}
		if cache := asset.Header().Get("Cache-Control"); !strings.Contains(cache, "immutable") {
			t.Errorf("%s has a hash in its name and is cached %q", link[1], cache)
		}
		delete(types, filepath.Ext(link[1]))
	}
	if len(types) > 0 {
		t.Errorf("the page names no file of the kinds %v", types)
	}
}

func TestThePageIsAskedForAgainAndComesOnce(t *testing.T) {
	first := get(t, "/playground")
	if cache := first.Header().Get("Cache-Control"); cache != "no-cache" {
		t.Errorf("the page is cached %q", cache)
	}
	if again := get(t, "/playground", "If-None-Match", first.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("the same page again is answered %d, want 304", again.Code)
	}
}

func TestThePageTalksToItsOwnServerOnly(t *testing.T) {
	for _, path := range []string{"/playground", "/playground/licenses.txt", "/playground/missing.js"} {
		policy := get(t, path).Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy+";", want+";") {
				t.Errorf("%s: the policy %q lacks %s", path, policy, want)
			}
		}
	}
}

func TestOtherRequests(t *testing.T) {
	for path, want := range map[string]int{
		"/playground/missing.js":      http.StatusNotFound,
		"/playground/playground.html": http.StatusNotFound,
		"/playground/":                http.StatusMovedPermanently,
		"/playground/licenses.txt":    http.StatusOK,
		"/playground/examples.json":   http.StatusOK,
	} {
		if got := get(t, path).Code; got != want {
			t.Errorf("%s is answered %d, want %d", path, got, want)
		}
	}
	recorder := httptest.NewRecorder()
	web.Playground().ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/playground", nil))
	if recorder.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST is answered %d, want 405", recorder.Code)
	}
}

// An example is a valid operation of the contract that changes nothing, and its
// first line says who asks what, with the role that its folder is named after.
func TestExamples(t *testing.T) {
	var served []struct{ Role, Title, Query string }
	if err := json.Unmarshal(get(t, "/playground/examples.json").Body.Bytes(), &served); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("examples/*/*")
	if err != nil || len(files) != len(served) {
		t.Errorf("%d of %d examples are served: the first line of each must be \"# As a ROLE: what it asks\" (%v)", len(served), len(files), err)
	}
	contract, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: schema.Source()})
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]int{}
	for _, example := range served {
		counted[example.Role]++
		if example.Title == "" || !strings.Contains(example.Query, example.Role+": "+example.Title) {
			t.Errorf("%q of %s is not the first line of %s", example.Title, example.Role, example.Query)
		}
		document, err := gqlparser.LoadQueryWithRules(contract, example.Query, rules.NewDefaultRules())
		if err != nil {
			t.Errorf("%s: %v", example.Title, err)
			continue
		}
		if document.Operations[0].Operation == ast.Mutation && !strings.Contains(example.Query, "validateOnly: true") {
			t.Errorf("%s changes the market: add validateOnly: true", example.Title)
		}
	}
	for _, file := range files {
		role := strings.ToUpper(filepath.Base(filepath.Dir(file)))
		if text, err := os.ReadFile(file); err != nil || !regexp.MustCompile("^# As (an? )?"+role+": ").Match(text) {
			t.Errorf("%s does not begin with \"# As a %s: \" (%v)", file, role, err)
		}
	}
	for _, role := range []string{"PUBLISHER", "RESELLER", "FINANCE", "OPERATOR"} {
		if counted[role] < 4 {
			t.Errorf("%d examples for %s, want at least 4", counted[role], role)
		}
	}
}
