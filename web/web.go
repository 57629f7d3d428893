// Package web serves the pages that the binary carries: built beforehand by npm
// (see build.mjs), committed in dist, embedded here. Nothing is fetched from
// elsewhere when they run, and nothing but Go is needed to build the binary.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

//go:embed dist
var dist embed.FS

//go:embed examples/*/*.graphql
var examples embed.FS

// policy lets a page run its own script and style, and speak to its own
// server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// How long browsers keep what they got: a name with a hash in it never changes
// its content, any other is asked for again.
const (
	forever    = "public, max-age=31536000, immutable"
	revalidate = "no-cache"
)

// Playground serves the GraphiQL page at /playground and what belongs to it
// below: the script and the style, whose names hold a hash of their content,
// licenses.txt, and examples.json with the worked examples as
// [{role, title, query}], those of a role together. The page asks POST /graphql,
// and GET /demo/tokens ([{role, organization, name, token}], 404 outside the
// demo) for tokens to offer. Mount it at "/playground" and "/playground/".
func Playground() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "The playground answers GET and HEAD.", http.StatusMethodNotAllowed)
			return
		}
		_, name, below := strings.Cut(r.URL.Path, "/playground/")
		switch {
		case below && name == "": // the page's own addresses are relative to the folder above
			header.Set("Location", "../playground")
			w.WriteHeader(http.StatusMovedPermanently)
		case below && name == "examples.json":
			serve(w, r, name, exampleList(), revalidate)
		case below && name == "licenses.txt":
			serve(w, r, name, built(name), revalidate)
		case below:
			serve(w, r, name, built("assets/"+path.Base(name)), forever)
		default:
			serve(w, r, "playground.html", built("playground.html"), revalidate)
		}
	})
}

// built is a file of dist, nil if there is none.
func built(name string) []byte {
	content, err := dist.ReadFile("dist/" + name)
	if err != nil {
		return nil
	}
	return content
}

// example is a worked example as the page gets it.
type example struct {
	Role  string `json:"role"`
	Title string `json:"title"`
	Query string `json:"query"`
}

// headline is the first line of an example: who asks, and what.
var headline = regexp.MustCompile(`^# As (?:an? )?([A-Z]+): (.*)`)

// exampleList is the examples as a JSON list, by role in the order in which the
// demo offers its tokens. Reading what is embedded, and writing text as JSON,
// cannot fail; a test sees to the headlines.
func exampleList() []byte {
	list := []example{}
	for _, role := range []string{"publisher", "reseller", "finance", "operator"} {
		entries, _ := examples.ReadDir("examples/" + role)
		for _, entry := range entries {
			query, _ := examples.ReadFile("examples/" + role + "/" + entry.Name())
			if found := headline.FindSubmatch(query); found != nil {
				list = append(list, example{string(found[1]), string(found[2]), string(query)})
			}
		}
	}
	text, _ := json.Marshal(list)
	return text
}

// serve answers with the content, of the type that the name's ending says; nil
// is not found.
func serve(w http.ResponseWriter, r *http.Request, name string, content []byte, cache string) {
	if content == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", cache)
	if cache == revalidate {
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(content)))
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
