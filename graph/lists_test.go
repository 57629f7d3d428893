package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sellthrough/graph/page"
	"sellthrough/internal/store"
	"sellthrough/models"
)

type edge struct{ page.Edge[models.UnratedFact] }

func key(f models.UnratedFact) string { return keyOf(f.SubscriptionID) }

func facts(n int) []models.UnratedFact {
	rows := make([]models.UnratedFact, n)
	for i := range rows {
		rows[i].SubscriptionID = fmt.Sprintf("s%04d", i)
	}
	return rows
}

// Walking a list by pages of any size, forward or back, meets every row once,
// in order, and knows where it ends.
func TestPagesCoverTheList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := facts(rapid.IntRange(0, 30).Draw(t, "rows"))
		size := rapid.IntRange(1, 31).Draw(t, "size")
		back := rapid.Bool().Draw(t, "back")
		var walked []models.UnratedFact
		w := window{first: &size}
		if back {
			w = window{last: &size}
		}
		for more := true; more; {
			list, err := sliced[models.UnratedFact, edge](w, bind(context.Background(), "facts"), maxReport, all, key)
			if err != nil {
				t.Fatal(err)
			}
			if total, _ := list.TotalCount(context.Background()); total != len(all) {
				t.Fatalf("totalCount is %d of %d", total, len(all))
			}
			if back {
				walked, more = append(slices.Clone(list.Nodes), walked...), list.PageInfo.HasPreviousPage
				w.before = &list.PageInfo.StartCursor
			} else {
				walked, more = append(walked, list.Nodes...), list.PageInfo.HasNextPage
				w.after = &list.PageInfo.EndCursor
			}
			if edges := list.Edges(); len(edges) != len(list.Nodes) || len(edges) > 0 && edges[0].Cursor != list.PageInfo.StartCursor {
				t.Fatalf("edges are not the nodes: %v", edges)
			}
		}
		if !slices.Equal(walked, all) {
			t.Fatalf("walked %v of %v", walked, all)
		}
	})
}

// A cursor holds where its row is gone, and between two cursors lies what lies
// between their rows.
func TestCursorsArePlaces(t *testing.T) {
	all, b := facts(10), bind(context.Background(), "facts")
	after, before := b.cursor(key(all[2])), b.cursor(key(all[6]))
	rest := slices.Delete(slices.Clone(all), 2, 3)
	list, err := sliced[models.UnratedFact, edge](window{after: &after, before: &before}, b, maxReport, rest, key)
	if err != nil || !slices.Equal(list.Nodes, all[3:6]) {
		t.Errorf("%v, %v", list.Nodes, err)
	}
}

// A cursor belongs to one list under one filter and order.
func TestCursorsAreBound(t *testing.T) {
	one := 1
	list, err := sliced[models.UnratedFact, edge](window{first: &one}, bind(context.Background(), "facts", "x", 1), maxReport, facts(3), key)
	if err != nil {
		t.Fatal(err)
	}
	cursor := list.PageInfo.EndCursor
	for name, c := range map[string]struct {
		binding binding
		cursor  string
	}{
		"another list":   {bind(context.Background(), "others", "x", 1), cursor},
		"another filter": {bind(context.Background(), "facts", "y", 1), cursor},
		"another order":  {bind(context.Background(), "facts", "x", 2), cursor},
		"cut":            {bind(context.Background(), "facts", "x", 1), cursor[:4]},
		"cut by one":     {bind(context.Background(), "facts", "x", 1), cursor[:len(cursor)-1]},
		"made up":        {bind(context.Background(), "facts", "x", 1), cursorEncoding.EncodeToString([]byte(cursorVersion + string(bind(context.Background(), "facts", "x", 1)) + "junk"))},
		"empty":          {bind(context.Background(), "facts", "x", 1), ""},
		"no base64":      {bind(context.Background(), "facts", "x", 1), "§"},
		"other version":  {bind(context.Background(), "facts", "x", 1), "Ag" + cursor[2:]},
	} {
		if _, err := sliced[models.UnratedFact, edge](window{after: &c.cursor}, c.binding, maxReport, facts(3), key); err == nil {
			t.Errorf("%s: the cursor is taken", name)
		}
	}
}

// A list of which only some rows pass is walked as if the others were not there.
func TestSieve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := make([]models.PrivateOffer, rapid.IntRange(0, 2*maxPage+5).Draw(t, "rows"))
		for i := range all {
			all[i].ID, all[i].Version = fmt.Sprintf("o%04d", i), rapid.IntRange(0, 1).Draw(t, "passes")
		}
		passes := func(o *models.PrivateOffer) bool { return o.Version == 1 }
		ask := store.Page{Limit: rapid.IntRange(1, 20).Draw(t, "limit"), Backward: rapid.Bool().Draw(t, "backward")}
		if n := len(all); n > 0 && rapid.Bool().Draw(t, "inside") {
			ask.After, ask.Before = all[n/4].ID, all[n-1].ID
		}
		got, more, err := sieve(pagesOf(all), passes)(nil, ask)
		if err != nil {
			t.Fatal(err)
		}
		want, wantMore, _ := pagesOf(slices.DeleteFunc(slices.Clone(all), func(o models.PrivateOffer) bool { return !passes(&o) }))(nil, ask)
		if more != wantMore || !slices.EqualFunc(got, want, func(x, y models.PrivateOffer) bool { return x.ID == y.ID }) {
			t.Fatalf("%d rows, more %v, not %d, %v", len(got), more, len(want), wantMore)
		}
	})
}

// pagesOf is a list in memory, as the store would page it.
func pagesOf(all []models.PrivateOffer) func(*store.Reader, store.Page) ([]models.PrivateOffer, bool, error) {
	return func(_ *store.Reader, ask store.Page) ([]models.PrivateOffer, bool, error) {
		rows := slices.DeleteFunc(slices.Clone(all), func(o models.PrivateOffer) bool {
			return ask.After != "" && o.ID <= ask.After || ask.Before != "" && o.ID >= ask.Before
		})
		switch more := len(rows) > ask.Limit; {
		case !more || ask.Limit == 0:
			return rows, false, nil
		case ask.Backward:
			return rows[len(rows)-ask.Limit:], true, nil
		}
		return rows[:ask.Limit], true, nil
	}
}

// No more ratings run at once than there are turns, and who waits for one waits
// no longer than its request may take.
func TestRatingsTakeTurns(t *testing.T) {
	r := &Resolver{turns: make(chan struct{}, 1)}
	err := r.rate(context.Background(), func() error {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return r.rate(ctx, func() error { t.Error("a second rating runs"); return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("who waited got %v", err)
	}
	ran := false
	if err := r.rate(context.Background(), func() error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("the turn was not given back: %v", err)
	}
}

// The lines of a month are found by rating it once.
func TestMonthsOfLines(t *testing.T) {
	ids := []string{"billing-line/2024-09/a", "billing-line/2024-09/b", "product/x", "billing-line/2024-10/a", "billing-line/x/a", "margin/2024-11"}
	if got := fmt.Sprint(monthsOf(ids)); got != "[2024-09 2024-10]" {
		t.Errorf("%s", got)
	}
}

// The margins of a reseller are found by rating them once.
func TestResellersOfMargins(t *testing.T) {
	ids := []string{"margin/o_1_x", "margin/o_2_x", "product/o_1_z", "margin/o_1_y", "margin/", "margin/o_1_"}
	if got := fmt.Sprint(marginResellersOf(ids)); got != "[x y]" {
		t.Errorf("%s", got)
	}
}

func TestIDs(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{bare(kindProduct, "product/mail"), "mail"},
		{bare(kindProduct, "mail"), "mail"},
		{bareGUID(kindReseller, "reseller/11111111-AAAA-4111-8111-111111111111"), "11111111-aaaa-4111-8111-111111111111"},
		{bareGUID(kindReseller, "Not-A-Guid"), "Not-A-Guid"},
		{ownOf(kindMeter, "meter/mail/a/b", "mail"), "a/b"},
		{ownOf(kindMeter, "a/b", "mail"), "a/b"},
		{ownOf(kindMeter, "meter/desk/a", "mail"), "meter/desk/a"},
		{ownOf(kindPlan, "mail/basic", "mail"), "basic"},
		{ownOf(kindPlan, "desk/basic", "mail"), "desk/basic"},
		{bareCustomer(kindCustomer, "customer/11111111-1111-4111-8111-111111111111/AAAAAAAA-0000-4000-8000-000000000001"), "aaaaaaaa-0000-4000-8000-000000000001"},
		{bareCustomer(kindCustomer, "AAAAAAAA-0000-4000-8000-000000000001"), "aaaaaaaa-0000-4000-8000-000000000001"},
		{nodeID(kindPlan, "mail", "basic"), "plan/mail/basic"},
	} {
		if c.got != c.want {
			t.Errorf("%s, not %s", c.got, c.want)
		}
	}
	for _, id := range []string{"plan/mail/basic", "mail/basic"} {
		if product, plan, ok := splitPlan(id); product != "mail" || plan != "basic" || !ok {
			t.Errorf("%s is plan %q of %q", id, plan, product)
		}
	}
	for _, id := range []string{"", "/", "mail", "mail/", "/basic", "plan/mail", "plan/", "plan//basic"} {
		if product, plan, ok := splitPlan(id); ok {
			t.Errorf("%s is plan %q of %q", id, plan, product)
		}
	}
	for id, want := range map[string][2]string{
		"basic": {"", "basic"}, "mail/basic": {"mail", "basic"}, "plan/mail/basic": {"mail", "basic"},
		"plan/mail/": {"mail", nowhere}, "plan/mail": {"mail", nowhere}, "/basic": {nowhere, "basic"},
	} {
		if product, own := within(kindPlan, id); product != want[0] || own != want[1] {
			t.Errorf("%s is %q of %q", id, own, product)
		}
	}
}
