package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// changesAfter are the changes after a number, without their numbers and
// instants; it fails the test where numbers have a gap.
func changesAfter(t *testing.T, s *store.Store, after int64) (found []models.Change) {
	t.Helper()
	read(t, s, finance, func(r *store.Reader) {
		for _, c := range must[[]models.Change](t)(r.Changes(after, 1000)) {
			if after++; c.Number != after {
				t.Errorf("change %d comes where %d is due", c.Number, after)
			}
			c.Number, c.OccurredAt = 0, time.Time{}
			found = append(found, c)
		}
	})
	return found
}

func lastChange(t *testing.T, s *store.Store) (last int64) {
	t.Helper()
	read(t, s, publisher1, func(r *store.Reader) { last = must[int64](t)(r.LastChange()) })
	return last
}

// Each change that others follow is logged with its commit, once in a
// transaction, and what is undone leaves no trace.
func TestChanges(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		before := lastChange(t, s)
		save := func(w *store.Writer, records ...models.Record) error {
			outcomes, err := w.SaveRecords(records, now)
			for _, o := range outcomes {
				if len(o.Violations) > 0 {
					t.Error(o.Violations)
				}
			}
			return err
		}
		price := func(unitPrice int64) models.Record {
			return models.Record{Price: &models.Price{ProductID: "mail", PlanID: "basic", Market: "US", Currency: "USD", EffectiveFrom: may, UnitPrice: money.New(unitPrice, 0)}}
		}
		records := []models.Record{
			{Publisher: &models.Publisher{ID: "p", Name: "P", Country: "US", PayoutCurrency: "USD"}},
			{Reseller: &models.Reseller{TenantID: "r", Name: "R", Country: "US", BillingCurrency: "USD"}},
			{Customer: &models.Customer{ResellerTenantID: "r", TenantID: "c1", Name: "C", Country: "US"}},
			{Customer: &models.Customer{ResellerTenantID: "r", TenantID: "c2", Name: "C", Country: "US"}},
			{Product: &models.Product{ID: "q", PublisherID: "p", Title: "Q"}},
			{Plan: &models.Plan{ProductID: "q", ID: "one"}},
			{Plan: &models.Plan{ProductID: "q", ID: "two"}},
			{Meter: &models.Meter{ProductID: "q", ID: "calls"}},
			price(1), price(2),
			{AgencyFee: &models.AgencyFeeRate{ProductID: "q", EffectiveFrom: may}},
			{ExchangeRate: &models.ExchangeRate{Currency: "JPY", Month: july}},
		}
		write(t, s, func(w *store.Writer) error { return save(w, records...) })
		write(t, s, func(w *store.Writer) error { return save(w, records[:2]...) }) // unchanged
		undone := errors.New("undone")
		fails(t, "undone", s.Write(ctx, models.System, func(w *store.Writer) error { return errors.Join(save(w, price(3)), undone) }), undone)
		fails(t, "rehearsed", s.Rehearse(ctx, models.System, func(w *store.Writer) error {
			return w.Step(func(w *store.Writer) error { return save(w, price(3)) })
		}), nil)
		draft := offer("offer-c", "contoso", "mail", resellerA, customerA)
		draft.SubmittedAt = nil
		write(t, s, func(w *store.Writer) error {
			return errors.Join(w.CreateOffer(draft), w.AppendOfferEvents("offer-c", []models.OfferEvent{
				{Type: models.EventCreated, OccurredAt: now}, {Type: models.EventUpdated, OccurredAt: now},
			}))
		})
		write(t, s, func(w *store.Writer) error { return w.DeleteDraft("offer-c", now) })

		equal(t, "changes", changesAfter(t, s, before), []models.Change{
			{Kind: models.ChangePublisher, ID: "p"}, {Kind: models.ChangeReseller, ID: "r"}, {Kind: models.ChangeCustomer, ID: "r"},
			{Kind: models.ChangeProduct, ID: "q"}, {Kind: models.ChangePlan, ID: "q"}, {Kind: models.ChangeMeter, ID: "q"}, {Kind: models.ChangePrice, ID: "mail"},
			{Kind: models.ChangeAgencyFee}, {Kind: models.ChangeExchangeRate, ID: "JPY"},
			{Kind: models.ChangePrivateOffer, ID: "offer-c", Part: 1}, {Kind: models.ChangePrivateOffer, ID: "offer-c", Part: 2},
			{Kind: models.ChangePrivateOffer, ID: "offer-c"},
		})
		read(t, s, finance, func(r *store.Reader) {
			two := must[[]models.Change](t)(r.Changes(before+1, 2))
			if len(two) != 2 || two[0].Number != before+2 || !two[0].OccurredAt.Equal(now) || two[1].Kind != models.ChangeCustomer {
				t.Errorf("two after the first: %+v", two)
			}
		})
	})
}

// The log forgets its oldest changes, and says so to whoever comes back too late,
// or with a number that it never gave.
func TestForgetChanges(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		made := 0
		change := func(n int, at time.Time) {
			write(t, s, func(w *store.Writer) error {
				for range n {
					made++
					record := models.Record{Publisher: &models.Publisher{ID: fmt.Sprint("p", made)}}
					if _, err := w.SaveRecord(record, at); err != nil {
						return err
					}
				}
				return nil
			})
		}
		changes := func(after int64) (n int, err error) {
			read(t, s, finance, func(r *store.Reader) {
				var found []models.Change
				found, err = r.Changes(after, 10_000)
				n = len(found)
			})
			return n, err
		}
		forget := func(before time.Time) (more, old bool) {
			read(t, s, models.System, func(r *store.Reader) { old = must[bool](t)(r.ChangesBefore(before)) })
			write(t, s, func(w *store.Writer) (err error) { more, err = w.ForgetChanges(before); return err })
			return more, old
		}
		if more, old := forget(now); more || old {
			t.Error("there is nothing to forget", more, old)
		}
		day := 24 * time.Hour
		change(1002, now)
		change(3, now.Add(day))
		change(1, now) // by a clock that is behind: kept until those before it are old
		change(2, now.Add(2*day))
		for _, step := range []struct {
			before    time.Time
			more, old bool
			left      int
			after     int64
		}{
			{now, false, false, 1008, 0},
			{now.Add(time.Hour), true, true, 8, 1000},
			{now.Add(time.Hour), false, true, 6, 1002},
			{now.Add(time.Hour), false, false, 6, 1002},
			{now.Add(day + 1), false, true, 2, 1006},
			{now.Add(9 * day), false, true, 0, 1008},
		} {
			if more, old := forget(step.before); more != step.more || old != step.old {
				t.Errorf("before %v: %v, %v", step.before, more, old)
			}
			n, err := changes(step.after)
			equal(t, fmt.Sprint("left before ", step.before), n, step.left)
			fails(t, "from there", err, nil)
			if step.after > 0 {
				_, err = changes(step.after - 1)
				fails(t, "one earlier", err, store.ErrForgotten)
			}
		}
		_, err := changes(1009)
		fails(t, "a number that was never given", err, store.ErrForgotten)
		equal(t, "numbers go on", lastChange(t, s), int64(1008))
	})
}

// Of many who write at once, in several processes, some of whom undo what they
// did: whoever follows by the last number sees every change that was committed,
// once, and numbers without a gap.
func TestFollowChanges(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		const writers, each = 8, 40
		stores := []*store.Store{open(), open(), open()}
		follower := open()
		ctx, undone := context.Background(), errors.New("undone")
		var left atomic.Int64
		left.Store(writers)
		seen := make(chan []models.Change, 1)
		go func() {
			var all []models.Change
			for over := false; ; {
				var found []models.Change
				err := follower.Read(ctx, models.System, func(r *store.Reader) (err error) {
					found, err = r.Changes(int64(len(all)), 7)
					return err
				})
				if err != nil {
					t.Error(err)
					break
				}
				if all = append(all, found...); len(found) == 0 {
					if over {
						break
					}
					over = left.Load() == 0 // once more after the last has ended
				}
			}
			seen <- all
		}()
		together(t, writers, func(i int) error {
			defer left.Add(-1)
			for j := range each {
				err := stores[i%len(stores)].Write(ctx, models.System, func(w *store.Writer) error {
					for k := range 1 + j%3 {
						record := models.Record{Publisher: &models.Publisher{ID: fmt.Sprintf("%d-%d-%d", i, j, k)}}
						if _, err := w.SaveRecord(record, now); err != nil {
							return err
						}
					}
					if j%5 == 4 {
						return undone
					}
					return nil
				})
				if err != nil && err != undone {
					return err
				}
			}
			return nil
		})
		want := map[string]bool{}
		for i := range writers {
			for j := range each {
				for k := range 1 + j%3 {
					if j%5 != 4 {
						want[fmt.Sprintf("%d-%d-%d", i, j, k)] = true
					}
				}
			}
		}
		all := <-seen
		if len(all) != len(want) {
			t.Errorf("%d changes were seen of %d", len(all), len(want))
		}
		for i, c := range all {
			if c.Number != int64(i+1) || !want[c.ID] {
				t.Fatalf("change %d is %+v", i+1, c)
			}
			delete(want, c.ID)
		}
	})
}
