package door_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"sellthrough/graph/page"
	"sellthrough/internal/door"
	"sellthrough/models"
)

// shelves answers for products: a page of so many that it is sent in pieces, the
// last of which has no title if it is spoiled.
type shelves struct{ spoiled bool }

func (*shelves) ExtensionName() string                   { return "shelves" }
func (*shelves) Validate(graphql.ExecutableSchema) error { return nil }

func (s *shelves) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	if graphql.GetFieldContext(ctx).Field.Name != "products" {
		return next(ctx)
	}
	products := make([]models.Product, 100)
	for i := range products {
		products[i] = models.Product{ID: fmt.Sprint("product-", i), Title: strings.Repeat("long ", 200)}
	}
	if s.spoiled {
		products[99].Title = ""
	}
	list := page.New[models.Product, page.ProductEdge](products, page.Info{}, func(p models.Product) string { return p.ID }, nil)
	return &page.Products{Of: list}, nil
}

// What is large is sent in pieces: all of it as it would be in one, or, where it
// cannot be completed, so that nobody takes it for an answer.
func TestPieces(t *testing.T) {
	const document, interpreted = "{ products { nodes { productId title } } }", "query ($all: Boolean = true) { products @include(if: $all) { nodes { productId title } } }"
	for _, spoiled := range []bool{false, true} {
		m, options := open(t)
		options.Extension = &shelves{spoiled}
		var seen door.Observation
		options.Observe = func(_ context.Context, o door.Observation) { seen = o }
		handler := door.New(m, options)
		server := httptest.NewServer(handler)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(query(document, "")))
		if err != nil {
			t.Fatal(err)
		}
		whole := send(handler, query(interpreted, ""))
		request.Header = http.Header{"Content-Type": {asJSON}, "Authorization": {"Bearer ada"}}
		answer, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		server.Close()
		if spoiled {
			if err == nil || len(body) == 0 || seen.ResponseBytes == 0 || strings.Join(seen.Codes, " ") != "CANCELLED" {
				t.Errorf("%d bytes pass for an answer: %v, seen %+v", len(body), err, seen)
			}
			continue
		}
		if err != nil || answer.ContentLength >= 0 || answer.StatusCode != http.StatusOK || string(body) != whole.Body.String() || seen.ResponseBytes != len(body) {
			t.Errorf("%d, %d bytes, %v; not the %d bytes sent at once", answer.StatusCode, len(body), err, whole.Body.Len())
		}
	}
}
