package market_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// A sale and a withdrawal that race are told one after the other: exactly one
// wins (D9). The sale that comes second is at list price, the withdrawal that
// comes second names the sale. Sellers and the publisher's desk are two
// instances of the program.
func TestSaleAgainstWithdrawal(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, url string) {
		rounds := 1000
		if strings.HasPrefix(url, "sqlite:") {
			rounds = 100 // it has one writer at a time anyway
		}
		w := newWorld(t, storetest.Open(t, url))
		begun := make(chan struct{}, 1)
		watched, err := store.Open(background, url, store.Options{Watch: func(_ context.Context, write bool) func(int, error) {
			if write {
				begun <- struct{}{}
			}
			return func(int, error) {}
		}})
		w.must(err)
		defer watched.Close()
		desk := market.New(watched, w.Clock)
		races := prepareRaces(w, rounds)
		won := map[bool]int{}
		for i, race := range races {
			won[race.run(w, desk, begun, i)]++
		}
		if won[true] == 0 || won[false] == 0 {
			t.Errorf("sales won %d races, withdrawals %d: nothing was raced", won[true], won[false])
		}
		t.Logf("sales won %d races, withdrawals %d", won[true], won[false])
		priced := map[string]string{}
		for _, line := range w.lines(models.System, "2024-03") {
			priced[line.SubscriptionID] = line.PrivateOfferID
		}
		for _, race := range races {
			want := ""
			if race.sold {
				want = race.id
			}
			if got, ok := priced[race.id]; !ok || got != want {
				t.Errorf("%s: sold is %t, its line is priced by %q", race.id, race.sold, got)
			}
		}
		w.verified()
	})
}

// race is one offer that one reseller may sell; offer and subscription have one
// id.
type race struct {
	id, reseller, customer string
	usage                  bool // what sells it, else a purchase
	sold                   bool // how it went out
}

// prepareRaces makes offers that are live, each for a reseller of its own, and
// the subscriptions of those that usage will sell.
func prepareRaces(w *world, n int) []*race {
	w.Helper()
	races := make([]*race, n)
	var records []models.Record
	var opened []models.Purchase
	for i := range races {
		r := &race{fmt.Sprintf("race-%04d", i), fmt.Sprintf("eeeeeeee-0000-4000-8000-%012d", i), fmt.Sprintf("ffffffff-0000-4000-8000-%012d", i), i%2 == 1, false}
		races[i] = r
		records = append(records,
			models.Record{Reseller: &models.Reseller{TenantID: r.reseller, Name: "R", Type: models.DirectBill, Country: "US", BillingCurrency: "USD", InCSPProgram: true}},
			models.Record{Customer: &models.Customer{ResellerTenantID: r.reseller, TenantID: r.customer, Name: "C", Country: "US"}})
		if r.usage {
			opened = append(opened, r.purchase("metered"))
		}
	}
	w.save(records...)
	w.recordPurchases(opened...)
	w.must(w.Store.Write(background, models.System, func(tx *store.Writer) error {
		for _, r := range races {
			offer := offerOf(r.id, percentage("mail", "", "10"), r.reseller)
			offer.PublisherID, offer.Version, offer.CreatedAt, offer.UpdatedAt = "contoso", 1, w.clock, w.clock
			offer.SubmittedAt, offer.LiveAt = &w.clock, &w.clock
			offer.Resellers[0].AuthorizedAt, offer.Resellers[0].PublishedAt = &w.clock, &w.clock
			if err := tx.CreateOffer(&offer); err != nil {
				return err
			}
		}
		return nil
	}))
	return races
}

func (r *race) purchase(plan string) models.Purchase {
	return buy(r.id, "2024-03-01T00:00:00Z", plan, func(p *models.Purchase) { p.ResellerTenantID, p.CustomerTenantID = r.reseller, r.customer })
}

// run lets a sale and a withdrawal go at once, and holds what is stored after
// both to D9. It tells whether the sale won. A sale needs fewer steps to its lock:
// in three of four rounds it gives the desk the time to begin.
func (r *race) run(w *world, desk *market.Market, begun chan struct{}, round int) bool {
	w.Helper()
	var sale []market.Outcome
	var refused models.Violations
	var saleErr, deskErr error
	runners := []func(){
		func() {
			if round/2%4 > 0 {
				<-begun
				begun <- struct{}{}
			}
			if r.usage {
				sale, _, saleErr = w.RecordUsage(background, by(models.System), []models.UsageRecord{use(r.id, r.id, "2024-03-01T01:00:00Z", "1")}, nil)
			} else {
				sale, _, saleErr = w.RecordPurchases(background, by(models.System), []models.Purchase{r.purchase("flat")}, nil)
			}
		},
		func() {
			var named []string
			if round%3 > 0 {
				named = []string{r.reseller}
			}
			_, refused, deskErr = desk.WithdrawPrivateOffer(background, by(contoso), r.id, named, nil)
		},
	}
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range runners {
		wait.Go(func() {
			<-start
			runners[i]()
		})
	}
	close(start)
	wait.Wait()
	<-begun
	w.must(saleErr)
	w.must(deskErr)
	if sale[0].Status != market.Accepted {
		w.Fatalf("%s: the sale is %s", r.id, short(sale))
	}
	offer := w.offer(r.id)
	withdrawn := offer.Resellers[0].WithdrawnAt != nil && offer.Status(w.clock) == models.StatusWithdrawn
	r.sold = len(w.sold(r.id)) == 1
	if r.sold == withdrawn || withdrawn != (len(refused) == 0) || !withdrawn && refused[0].Code != models.CodeSold {
		w.Fatalf("%s: sold is %t, withdrawn is %t, and the desk was answered %q", r.id, r.sold, withdrawn, codes(refused))
	}
	return r.sold
}

// The sale that comes after a withdrawal is at list price also where the clock
// of the instance that records it is behind (D9).
func TestWithdrawnByAClockThatIsAhead(t *testing.T) {
	onEngines(t, func(w *world) {
		w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA, resellerB))
		w.work()
		ahead := market.New(w.Store, func() time.Time { return w.clock.Add(time.Minute) })
		_, vs, err := ahead.WithdrawPrivateOffer(background, by(contoso), "offer", []string{resellerA}, nil)
		w.must(err)
		w.same("withdrawn", []string{codes(vs)}, []string{""})
		w.recordPurchases(buy("s", "2024-03-01T00:00:00Z", "flat"))
		w.same("sold", w.sold("offer"), nil)
		if lines := w.lines(models.System, "2024-03"); len(lines) != 1 || lines[0].PrivateOfferID != "" {
			t.Errorf("lines: %+v", lines)
		}
		w.verified()
	})
}

// Only their own publisher and operators touch an offer; the sold stays.
func TestDeskOfOthers(t *testing.T) {
	onEngines(t, func(w *world) {
		w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA))
		w.work()
		w.recordPurchases(buy("s", "2024-03-01T00:00:00Z", "flat"))
		answers := func(viewer models.Viewer) (all []string) {
			_, cloned, err := w.ClonePrivateOffer(background, by(viewer), "offer", "Clone", nil)
			w.must(err)
			_, withdrawn, err := w.WithdrawPrivateOffer(background, by(viewer), "offer", nil, nil)
			w.must(err)
			_, removed, err := w.RemovePrivateOfferResellers(background, by(viewer), "offer", []string{resellerA}, "Clone", nil)
			w.must(err)
			_, retried, err := w.RetryPrivateOffer(background, by(viewer), "offer", nil, nil)
			w.must(err)
			_, deleted, err := w.DeletePrivateOffer(background, by(viewer), "offer", 2)
			w.must(err)
			for _, vs := range []models.Violations{cloned, withdrawn, removed, retried, deleted} {
				all = append(all, codes(vs))
			}
			return all
		}
		none := "id:NOT_FOUND"
		w.same("another publisher", answers(fabrikam), []string{none, none, none, none, none})
		w.same("another reseller", answers(viewerB), []string{none, none, none, none, none})
		w.same("its publisher", answers(contoso), []string{"", "id:SOLD", "resellers:RESELLERS_REQUIRED resellers.0:SOLD", "id:INVALID_STATE", "id:INVALID_STATE"})
	})
}

// Who FAILED can be tried again once what was wrong is mended, and is expected to
// be live within the times that the operator promises.
func TestRetry(t *testing.T) {
	onEngines(t, func(w *world) {
		w.GoLive = models.GoLive{Usual: time.Hour, Authorizing: 2 * time.Hour}
		w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA, resellerB))
		left := models.Reseller{TenantID: resellerB, Name: "Left", Type: models.IndirectProvider, Country: "US", BillingCurrency: "EUR"}
		w.save(models.Record{Reseller: &left})
		w.work()
		back := left
		back.InCSPProgram = true
		w.save(models.Record{Reseller: &back})
		w.clock = w.clock.Add(24 * time.Hour)
		_, vs, err := w.RetryPrivateOffer(background, by(contoso), "offer", []string{resellerA, resellerB}, nil)
		w.must(err)
		w.same("of one that is live", []string{codes(vs)}, []string{"resellers.0:INVALID_STATE"})
		offer, vs, err := w.RetryPrivateOffer(background, by(contoso), "offer", nil, nil)
		w.must(err)
		w.same("of all that failed", []string{codes(vs)}, []string{""})
		for i, want := range []time.Time{w.clock.Add(-22 * time.Hour), w.clock.Add(2 * time.Hour)} {
			if got := w.offer("offer").Resellers[i].ExpectedLiveAt; got == nil || !got.Equal(want) {
				t.Errorf("reseller %d is expected at %v, want %v", i, got, want)
			}
		}
		if s := offer.Status(w.clock); s != models.StatusInProgress || offer.Resellers[1].FailureReason != "" {
			t.Errorf("the offer is %s: %+v", s, offer.Resellers[1])
		}
		if done := w.work(); done != (market.Worked{Authorized: 1, Published: 1}) {
			t.Errorf("worked %+v", done)
		}
	})
}
