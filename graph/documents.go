package graph

import (
	"context"

	"github.com/vektah/gqlparser/v2/ast"

	"sellthrough/internal/recent"
)

// documents keeps parsed and validated documents by their text.
type documents struct {
	recent.Map[string, *ast.QueryDocument]
}

// generation is how many bytes of text a generation of documents holds, longest
// the longest text that is kept.
const (
	generation = 4 << 20
	longest    = 16 << 10
)

// Get finds a document, and keeps it young.
func (d *documents) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	return d.Map.Get(text)
}

// Add keeps a document, unless it is very long.
func (d *documents) Add(_ context.Context, text string, document *ast.QueryDocument) {
	if len(text) <= longest {
		// What is parsed is some thirty times its text, and small texts have their share too.
		d.Put(text, document, len(text)+256)
	}
}
