package graph

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/graph/generated"
	"sellthrough/graph/page"
	"sellthrough/internal/auth"
	"sellthrough/internal/store"
)

// window is what a request says about the page it wants of a list.
type window struct {
	first, last   *int
	after, before *string
}

// bounds is a window whose sizes and cursors have been checked.
type bounds struct {
	limit         int
	after, before string // keys, exclusive, "" for none
	backward      bool
	binding       binding
}

// binding ties cursors to one list of one viewer under one filter and order.
type binding string

// bind names a list with everything that decides which rows it has and in which
// order: whose list it is, to begin with.
func bind(ctx context.Context, list string, decides ...any) binding {
	viewer := auth.ViewerFrom(ctx)
	text, err := json.Marshal(append([]any{list, viewer.Role, viewer.Organization}, decides...))
	if err != nil {
		panic(err) // inputs are plain values
	}
	sum := sha256.Sum256(text)
	return binding(sum[:6])
}

// cursorVersion is the first byte of every cursor.
const cursorVersion = "\x01"

func (b binding) cursor(key string) string {
	text := cursorVersion + string(b) + key
	return cursorEncoding.EncodeToString([]byte(text + checksum(text)))
}

// cursorEncoding knows one spelling of each cursor only.
var cursorEncoding = base64.RawURLEncoding.Strict()

// checksum tells a cursor that was cut or changed from a whole one.
func checksum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return string(sum[:checksumSize])
}

const checksumSize = 4

const codeBadCursor = "BAD_CURSOR"

func badCursor() *gqlerror.Error {
	return Fault(codeBadCursor, "the cursor is not of this list under this filter and order: take it from a page of the same request", nil)
}

func (b binding) key(cursor *string) (string, error) {
	if cursor == nil {
		return "", nil
	}
	decoded, err := cursorEncoding.DecodeString(*cursor)
	if err != nil || len(decoded) < checksumSize {
		return "", badCursor()
	}
	text, sum := string(decoded[:len(decoded)-checksumSize]), string(decoded[len(decoded)-checksumSize:])
	key, ok := strings.CutPrefix(text, cursorVersion+string(b))
	if !ok || key == "" || sum != checksum(text) {
		return "", badCursor()
	}
	return key, nil
}

// bounds checks a window.
func (w window) bounds(b binding, most int) (checked bounds, err error) {
	checked = bounds{limit: defaultPage, binding: b, backward: w.last != nil}
	if w.first != nil && w.last != nil {
		return checked, badInput("first and last do not go together: take one")
	}
	for name, n := range map[string]*int{"first": w.first, "last": w.last} {
		if n == nil {
			continue
		}
		if *n < 1 || *n > most {
			return checked, badInput(fmt.Sprintf("%s is %d: choose 1 to %d", name, *n, most))
		}
		checked.limit = *n
	}
	if checked.after, err = b.key(w.after); err != nil {
		return checked, err
	}
	checked.before, err = b.key(w.before)
	return checked, err
}

// info says what lies beyond a page, in the manner of Relay: more in the
// direction walked, and in the other whether the walk began inside the list.
func (b bounds) info(more bool) page.Info {
	if b.backward {
		return page.Info{HasPreviousPage: more, HasNextPage: b.before != ""}
	}
	return page.Info{HasNextPage: more, HasPreviousPage: b.after != ""}
}

// listed answers a page of a list of the store.
func listed[T store.Listed, E ~struct{ page.Edge[T] }](
	ctx context.Context, r *Resolver, name string, w window, orderBy []generated.KeyOrder, filter any,
	rows func(*store.Reader, store.Page) ([]T, bool, error), count func(*store.Reader) (int64, error),
) (list page.Of[T, E], err error) {
	viewer := auth.ViewerFrom(ctx)
	descending := len(orderBy) > 0 && orderBy[0].Direction == generated.OrderDirectionDesc
	b, err := w.bounds(bind(ctx, name, filter, descending), maxPage)
	if err == nil && !(utf8.ValidString(b.after) && utf8.ValidString(b.before)) {
		err = badCursor() // keys are made of ids
	}
	if err != nil {
		return list, err
	}
	ask := store.Page{After: b.after, Before: b.before, Limit: b.limit, Backward: b.backward != descending}
	if descending {
		ask.After, ask.Before = ask.Before, ask.After
	}
	var nodes []T
	var more bool
	err = r.Market.Store.Read(ctx, viewer, func(reader *store.Reader) (err error) {
		nodes, more, err = rows(reader, ask)
		return err
	})
	if descending {
		slices.Reverse(nodes)
	}
	total := func(ctx context.Context) (n int, err error) {
		err = r.Market.Store.Read(ctx, viewer, func(reader *store.Reader) error {
			counted, err := count(reader)
			n = int(counted)
			return err
		})
		return n, err
	}
	return page.New[T, E](nodes, b.info(more), func(row T) string { return b.binding.cursor(store.Key(row)) }, total), err
}

// sliced answers a page of rows that are all there. key orders rows as they
// come: it compares as bytes.
func sliced[T any, E ~struct{ page.Edge[T] }](w window, b binding, most int, all []T, key func(T) string) (list page.Of[T, E], err error) {
	bounds, err := w.bounds(b, most)
	if err != nil {
		return list, err
	}
	from, to := 0, len(all)
	if bounds.after != "" {
		from = sort.Search(len(all), func(i int) bool { return key(all[i]) > bounds.after })
	}
	if bounds.before != "" {
		to = max(from, sort.Search(len(all), func(i int) bool { return key(all[i]) >= bounds.before }))
	}
	more := to-from > bounds.limit
	if more && bounds.backward {
		from = to - bounds.limit
	} else if more {
		to = from + bounds.limit
	}
	total := func(context.Context) (int, error) { return len(all), nil }
	return page.New[T, E](all[from:to], bounds.info(more), func(row T) string { return b.cursor(key(row)) }, total), nil
}

// keyOf joins texts to a key that compares as they do, one after the other. No
// id holds a zero byte.
func keyOf(parts ...string) string { return strings.Join(parts, "\x00") + "\x00" }
