package graph

import (
	"context"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// documents keeps parsed and validated documents by their text, in two
// generations: when the young one is full it becomes the old one, and what
// nobody asked for since is gone.
type documents struct {
	sync.Mutex
	young, old map[string]*ast.QueryDocument
}

// generation is how many documents a generation holds, longest the longest text
// in bytes that is kept: together they bound the memory.
const (
	generation = 500
	longest    = 16 << 10
)

// Get finds a document, and keeps it young.
func (d *documents) Get(ctx context.Context, text string) (*ast.QueryDocument, bool) {
	d.Lock()
	defer d.Unlock()
	if document, ok := d.young[text]; ok {
		return document, true
	}
	document, ok := d.old[text]
	if ok {
		d.add(text, document)
	}
	return document, ok
}

// Add keeps a document, unless it is very long.
func (d *documents) Add(ctx context.Context, text string, document *ast.QueryDocument) {
	if len(text) > longest {
		return
	}
	d.Lock()
	defer d.Unlock()
	d.add(text, document)
}

func (d *documents) add(text string, document *ast.QueryDocument) {
	if d.young == nil || len(d.young) >= generation {
		d.old, d.young = d.young, make(map[string]*ast.QueryDocument, generation)
	}
	d.young[text] = document
}
