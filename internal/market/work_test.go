package market_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// submitted stores offers of mail that wait for reseller A, submitted a second
// after each other, and returns their ids in that order.
func (w *world) submitted(n int) (ids []string) {
	w.Helper()
	w.must(w.Store.Write(background, models.System, func(tx *store.Writer) error {
		for i := range n {
			at := w.clock.Add(time.Duration(i-n) * time.Second)
			offer := offerOf(fmt.Sprintf("offer-%04d", i), percentage("mail", "", "10"), resellerA)
			offer.PublisherID, offer.Version, offer.CreatedAt, offer.UpdatedAt, offer.SubmittedAt = "contoso", 1, at, at, &at
			if err := tx.CreateOffer(&offer); err != nil {
				return err
			}
			ids = append(ids, offer.ID)
		}
		return nil
	}))
	return ids
}

// history writes the events of an offer "number TYPE"; their numbers have no gap.
func (w *world) history(id string) (all []string) {
	w.Helper()
	w.read(models.System, func(r *store.Reader) error {
		events, _, err := r.OfferEvents(store.OfferEventFilter{PrivateOfferID: id}, store.Page{})
		for _, e := range events {
			all = append(all, fmt.Sprint(e.Number, " ", e.Type))
		}
		return err
	})
	return all
}

func (w *world) sameHistory(ids []string, want ...string) {
	w.Helper()
	for _, id := range ids {
		if got := w.history(id); !slices.Equal(got, want) {
			w.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

// Instances that work at once on hundreds of offers take each step once: each is
// once in the history, whose numbers have no gap (issue 4, point 2).
func TestEachTransitionOnce(t *testing.T) {
	const instances, offers = 4, 300
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		w := newWorld(t, open())
		ids := w.submitted(offers)
		var all []*market.Market
		for range instances {
			all = append(all, market.New(open(), w.Clock))
		}
		work := func() (sum market.Worked) {
			var wait sync.WaitGroup
			done := make([]market.Worked, instances)
			for i, instance := range all {
				wait.Go(func() {
					var err error
					if done[i], err = instance.Work(background); err != nil {
						t.Error(err)
					}
				})
			}
			wait.Wait()
			for _, d := range done {
				sum.Authorized, sum.Published, sum.Failed = sum.Authorized+d.Authorized, sum.Published+d.Published, sum.Failed+d.Failed
				sum.Live, sum.Ended = sum.Live+d.Live, sum.Ended+d.Ended
			}
			return sum
		}
		if got, want := work(), (market.Worked{Authorized: offers, Published: offers, Live: offers}); got != want {
			t.Errorf("worked %+v, want %+v", got, want)
		}
		w.sameHistory(ids, "1 AUTHORIZED", "2 PUBLISHED", "3 LIVE")
		w.setClock("2025-01-01T00:00:00Z")
		if got, want := work(), (market.Worked{Ended: offers}); got != want {
			t.Errorf("worked %+v, want %+v", got, want)
		}
		w.sameHistory(ids, "1 AUTHORIZED", "2 PUBLISHED", "3 LIVE", "4 ENDED")
		if got := work(); got != (market.Worked{}) {
			t.Errorf("worked %+v again", got)
		}
	})
}

// onMariaDB runs f where rows are locked one by one.
func onMariaDB(t *testing.T, f func(w *world, url string)) {
	t.Helper()
	url := storetest.Database(t, "mysql")
	f(newWorld(t, storetest.Open(t, url)), url)
}

// interrupted is another instance that, the moment it holds the first offer and
// has written nothing yet, calls f. An instance asks its clock when it begins, and
// under the lock of each offer.
func (w *world) interrupted(url string, f func()) *market.Market {
	w.Helper()
	asked := 0
	return market.New(storetest.Open(w, url), func() time.Time {
		if asked++; asked == 2 {
			f()
		}
		return w.clock
	})
}

// What one instance works at keeps no other waiting: it does all the rest.
func TestInstancesDoNotWait(t *testing.T) {
	onMariaDB(t, func(w *world, url string) {
		ids := w.submitted(120)
		first := w.interrupted(url, func() {
			// It would wait for the first for ever, since that waits for it.
			ctx, cancel := context.WithTimeout(background, time.Minute)
			defer cancel()
			rest, err := w.Work(ctx)
			w.must(err)
			if n := len(ids) - 1; rest != (market.Worked{Authorized: n, Published: n, Live: n}) {
				t.Errorf("the others worked %+v", rest)
			}
		})
		done, err := first.Work(background)
		w.must(err)
		if done != (market.Worked{Authorized: 1, Published: 1, Live: 1}) {
			t.Errorf("the first worked %+v", done)
		}
		w.sameHistory(ids, "1 AUTHORIZED", "2 PUBLISHED", "3 LIVE")
	})
}

// An instance that is stopped, or whose connection dies, while it works at an
// offer leaves nothing half done, and the offer to whoever comes next.
func TestInstanceDies(t *testing.T) {
	onMariaDB(t, func(w *world, url string) {
		server := storetest.Dial(t, url)
		defer server.Close()
		ids := w.submitted(60)
		dies := w.interrupted(url, func() {
			var connection int
			w.must(server.QueryRow(`SELECT trx_mysql_thread_id FROM information_schema.innodb_trx JOIN information_schema.processlist
				ON id = trx_mysql_thread_id WHERE db = DATABASE() AND trx_rows_locked > 0`).Scan(&connection))
			_, err := server.Exec(fmt.Sprint("KILL ", connection))
			w.must(err)
		})
		done, err := dies.Work(background)
		if err == nil || !strings.HasPrefix(err.Error(), "private offer "+ids[0]+": ") || strings.Count(err.Error(), "private offer") != 1 {
			t.Errorf("it heard %v", err)
		}
		// It found another connection, and did the rest.
		if n := len(ids) - 1; done != (market.Worked{Authorized: n, Published: n, Live: n}) {
			t.Errorf("it worked %+v", done)
		}
		w.sameHistory(ids[:1])

		w.setClock("2025-01-01T00:00:00Z")
		ctx, stop := context.WithCancel(background)
		if done, err := w.interrupted(url, stop).Work(ctx); done != (market.Worked{}) || err == nil {
			t.Errorf("the one that is stopped worked %+v, %v", done, err)
		}
		if done := w.work(); done != (market.Worked{Ended: len(ids)}) {
			t.Errorf("the next worked %+v", done)
		}
		w.sameHistory(ids[:1], "1 ENDED")
		w.sameHistory(ids[1:], "1 AUTHORIZED", "2 PUBLISHED", "3 LIVE", "4 ENDED")
	})
}

// An offer that cannot be worked at stops no other, is told of once a call, and is
// tried again by the next.
func TestWorkGoesOn(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, url string) {
		w := newWorld(t, storetest.Open(t, url))
		server := storetest.Dial(t, url)
		defer server.Close()
		damage := func(text string) {
			_, err := server.Exec("UPDATE private_offer_pricing_lines SET absolute = '" + text + "' WHERE private_offer_id IN ('offer-0000', 'offer-0002')")
			w.must(err)
		}
		ids := w.submitted(4)
		damage("{")
		for _, want := range []int{2, 0} {
			done, err := w.Work(background)
			if err == nil || strings.Count(err.Error(), "private offer offer-0000: ") != 1 || strings.Count(err.Error(), "private offer") != 2 {
				t.Errorf("the errors are %v", err)
			}
			if done != (market.Worked{Authorized: want, Published: want, Live: want}) {
				t.Errorf("worked %+v", done)
			}
		}
		damage("null")
		w.work()
		w.sameHistory(ids, "1 AUTHORIZED", "2 PUBLISHED", "3 LIVE")
	})
}

// A worker that comes back after three months does all that is due, as of now:
// what was not published goes live now, and what is over ends, with a warning
// where nobody ever had its margins (D7). The life of a margin does not depend on
// the worker that records it.
func TestCatchUp(t *testing.T) {
	onEngines(t, func(w *world) {
		ending := func(id, end string) models.PrivateOffer {
			o := offerOf(id, percentage("mail", "", "10"), resellerA)
			o.EndMonth = month(end)
			return o
		}
		w.submit(ending("published", "2024-04"))
		w.work()
		w.submit(ending("lapsed", "2024-05"))
		w.submit(ending("late", "2024-12"))
		w.setClock("2024-06-10T12:00:00Z")
		if status := w.offer("published").Status(w.clock); status != models.StatusEnded {
			t.Errorf("before anybody works it is %s", status)
		}
		if done := w.work(); done != (market.Worked{Published: 1, Live: 1, Ended: 2}) {
			t.Errorf("worked %+v", done)
		}
		for id, want := range map[string][2]string{
			"published": {"2024-03-01T00:00:00Z", "2024-06-10T12:00:00Z"},
			"lapsed":    {"", "2024-06-10T12:00:00Z"},
			"late":      {"2024-06-10T12:00:00Z", ""},
		} {
			o := w.offer(id)
			if got := [2]string{written(o.LiveAt), written(o.EndedAt)}; got != want {
				t.Errorf("%s was live and ended at %q, want %q", id, got, want)
			}
		}
		w.read(models.System, func(r *store.Reader) error {
			for id, want := range map[string]string{"published": "", "lapsed": "its end passed before it was published: nobody had its margins"} {
				ends, _, err := r.OfferEvents(store.OfferEventFilter{PrivateOfferID: id, Types: []models.OfferEventType{models.EventEnded}}, store.Page{})
				if err != nil || len(ends) != 1 || ends[0].Reason != want {
					t.Errorf("%s: %v %+v, want the warning %q", id, err, ends, want)
				}
			}
			return nil
		})
	})
}

func written(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Format(time.RFC3339)
}
