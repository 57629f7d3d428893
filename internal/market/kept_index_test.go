package market_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// questions are prices of both products, of a plan and a meter that nobody has,
// and of a product that nobody has.
func questions(at time.Time) (asked []rating.EffectiveQuestion) {
	for _, product := range []string{"mail", "disk", "none"} {
		for _, customer := range []string{"", customer1} {
			for _, what := range []rating.What{
				{PlanID: "flat", Term: models.P1M, Billing: models.Monthly}, {PlanID: "seats", Term: models.P1Y, Billing: models.Monthly},
				{PlanID: "metered", MeterID: "calls"}, {PlanID: "metered", MeterID: "odd"}, {PlanID: "none"}, {PlanID: "metered", MeterID: "none"},
			} {
				what.ProductID, what.Market = product, "US"
				asked = append(asked, rating.EffectiveQuestion{What: what, CustomerTenantID: customer, At: at})
			}
		}
	}
	return asked
}

// told is all that a viewer is told of the margins of a reseller.
func told(t testing.TB, m *market.Market, viewer models.Viewer, reseller string, at time.Time, as market.Consistency) string {
	t.Helper()
	margins, err := m.Margins(background, viewer, reseller, at, nil, as)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for i := range margins {
		fmt.Fprintf(&all, "%+v\n", margins[i])
	}
	answers, err := m.EffectiveMargins(background, viewer, reseller, questions(at), as)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		fmt.Fprintln(&all, a.Violations, a.Currency, a.ListPrice, a.WholesalePrice, a.MarginType, a.Percentage, a.PrivateOfferID, a.PricingLine, a.Candidates())
	}
	return all.String()
}

// history makes something happen to the market: what is refused does not.
type history struct {
	*world
	random *rand.Rand
	n      int
}

func (h *history) step() {
	h.Helper()
	h.n++
	pick := func(of ...string) string { return of[h.random.IntN(len(of))] }
	product, publisher := "mail", "contoso"
	if h.random.IntN(3) == 0 {
		product, publisher = "disk", "fabrikam"
	}
	plan := pick("", "flat", "seats", "metered")
	yes := h.random.IntN(3) > 0
	switch h.random.IntN(12) {
	case 0:
		h.save(models.Record{Publisher: &models.Publisher{ID: publisher, Name: fmt.Sprint("Name ", h.n), Country: "US", PayoutCurrency: "USD", AccountActive: true, Enrolled: true}})
	case 1, 2:
		h.save(models.Record{Product: &models.Product{ID: product, PublisherID: publisher, Title: fmt.Sprint("Title ", h.n), Type: models.SaaS, Published: h.random.IntN(4) > 0, Public: h.random.IntN(4) > 0, Transactable: true, CSPOptIn: models.OptInNone}})
	case 3:
		h.save(models.Record{Plan: &models.Plan{ProductID: product, ID: "seats", Title: fmt.Sprint("Plan ", h.n), PricingModel: models.PerUser}})
	case 4:
		h.save(models.Record{Meter: &models.Meter{ProductID: product, ID: "calls", Title: "calls", Unit: "call", Infrastructure: !yes}})
	case 5:
		h.save(models.Record{Price: &models.Price{ProductID: product, PlanID: "flat", Term: models.P1M, Billing: models.Monthly, Market: "US", Currency: "USD",
			EffectiveFrom: models.MonthOf(h.clock) + models.Month(h.random.IntN(2)), UnitPrice: money.New(h.random.Int64N(100), 1)}})
	case 6, 7:
		offer := offerOf(fmt.Sprint("offer-", h.n), percentage(product, plan, pick("5", "10", "20")), resellerA)
		if yes {
			offer = offerOf(offer.ID, offer.Pricing[0], resellerA, resellerB)
		}
		offer.EndMonth = models.MonthOf(h.clock) + models.Month(h.random.IntN(3))
		if _, err := h.RecordPrivateOffer(background, by(models.System), offer, true, nil); err != nil {
			h.Fatal(err)
		}
	case 8, 9:
		h.work()
	case 10:
		if _, _, err := h.WithdrawPrivateOffer(background, by(models.System), fmt.Sprint("offer-", h.random.IntN(h.n)+1), nil, nil); err != nil {
			h.Fatal(err)
		}
	case 11:
		h.purchases(buy(fmt.Sprint("s", h.n), h.clock.Format(time.RFC3339), "flat"))
		h.clock = h.clock.Add(time.Duration(h.random.IntN(20*24)) * time.Hour)
	}
}

// Whatever happens, what is kept in memory answers as the database does: on the
// instance where it happened, at once, and on another one that follows the log; so
// does one that was built anew.
func TestKeptIndexIsTheDatabase(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		w := newWorld(t, open())
		other := market.New(w.second(open), w.Clock)
		h := history{world: w, random: rand.New(rand.NewPCG(5, 18))}
		fromMemory, hidden := 0, 0
		for range 120 {
			h.step()
			for i, m := range []*market.Market{w.Market, other} {
				if i == 1 || h.random.IntN(2) == 0 {
					w.must(m.Follow(background))
				}
				at := w.clock.Add(time.Duration(h.random.IntN(90)-45) * 24 * time.Hour)
				for _, c := range []struct {
					viewer   models.Viewer
					reseller string
				}{{viewerA, resellerA}, {viewerB, resellerB}, {finance, resellerA}, {models.System, resellerB}} {
					want := told(t, m, c.viewer, c.reseller, at, market.Database)
					if got := told(t, m, c.viewer, c.reseller, at, market.Recent); got != want {
						t.Fatalf("step %d, instance %d, %s: memory says\n%s\nthe database\n%s", h.n, i, c.viewer.Role, got, want)
					}
				}
				if index, _ := m.Kept(); index == nil {
					continue
				} else if index.OnTheMarket(resellerA, nil) {
					fromMemory++
				} else {
					hidden++
				}
			}
		}
		anew := market.New(w.Store, w.Clock)
		w.must(anew.Follow(background))
		for _, reseller := range []string{resellerA, resellerB} {
			followed, _ := other.Kept()
			rebuilt, _ := anew.Kept()
			got, want := followed.Margins(reseller, w.clock, nil), rebuilt.Margins(reseller, w.clock, nil)
			if len(want) == 0 || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				t.Errorf("followed\n%+v\nbuilt anew\n%+v", got, want)
			}
		}
		if fromMemory < 25 || hidden < 10 {
			t.Errorf("the history says little: %d answers from memory, %d of hidden products", fromMemory, hidden)
		}
	})
}

// second is another instance's store on the same database.
func (w *world) second(open func() *store.Store) *store.Store {
	w.Helper()
	s := open()
	count := 0
	w.must(s.Read(background, models.System, func(r *store.Reader) error {
		publishers, err := r.Publishers(nil)
		count = len(publishers)
		return err
	}))
	if count == 0 {
		w.Fatal("another database was opened")
	}
	return s
}

// keeping runs what keeps the index of a market, until stop is called. The log is
// looked at whenever until asks for it, by the market's clock.
func keeping(t testing.TB, m *market.Market) (until func(what string, done func() bool), stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(background)
	ticks := make(chan time.Time)
	var over sync.WaitGroup
	quiet := slog.New(slog.DiscardHandler)
	over.Go(func() { m.Changes.Run(ctx, ticks, quiet) })
	over.Go(func() { m.KeepIndex(ctx, ticks, quiet) })
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); over.Wait() }) }
	t.Cleanup(stop)
	return func(what string, done func() bool) {
		t.Helper()
		for range 1_000_000 {
			if done() {
				return
			}
			ticks <- m.Clock()
		}
		t.Fatal("never ", what)
	}, stop
}

// What another instance changes arrives through the log. As long as that was
// looked at less than a second ago no database is asked, and later it always is.
func TestKeptIndexNeedsNoDatabase(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		w := newWorld(t, open())
		reader := w.second(open)
		other := market.New(reader, w.Clock)
		until, stop := keeping(t, other)
		w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA))
		w.work()
		until("followed", func() bool {
			_, change := other.Kept()
			return change == w.Store.Written() && !other.Changes.Quiet(change).IsZero()
		})
		want := told(t, w.Market, viewerA, resellerA, w.clock, market.Database)
		stop()
		w.must(reader.Close())
		if got := told(t, other, viewerA, resellerA, w.clock, market.Recent); got != want || !strings.Contains(got, "offer") {
			t.Errorf("without a database:\n%s\nwant\n%s", got, want)
		}
		if _, err := other.Margins(background, viewerA, resellerA, w.clock, nil, market.Database); err == nil {
			t.Error("DATABASE was answered without one")
		}
		w.clock = w.clock.Add(time.Second)
		if _, err := other.Margins(background, viewerA, resellerA, w.clock, nil, market.Recent); err == nil {
			t.Error("an index that nobody compared with the log for a second was believed")
		}
	})
}

// An instance whose follower is cut off, or was for so long that the log does not
// reach back, tells nobody what has passed.
func TestKeptIndexCutOff(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		w := newWorld(t, open())
		other := market.New(w.second(open), w.Clock)
		w.must(other.Follow(background))
		w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA))
		w.work()
		same := func(when string) {
			t.Helper()
			got, want := told(t, other, viewerA, resellerA, w.clock, market.Recent), told(t, w.Market, viewerA, resellerA, w.clock, market.Database)
			if got != want || !strings.Contains(got, "offer") {
				t.Errorf("%s:\n%s\nwant\n%s", when, got, want)
			}
		}
		same("cut off")
		w.must(w.Store.Write(background, models.System, func(s *store.Writer) error {
			_, err := s.ForgetChanges(w.clock.AddDate(1, 0, 0))
			return err
		}))
		same("after the log was cut")
		w.must(other.Follow(background))
		if _, change := other.Kept(); change != w.Store.Written() {
			t.Errorf("it holds change %d, not %d", change, w.Store.Written())
		}
		same("built anew")
		if _, err := other.Margins(background, models.Viewer{}, resellerA, w.clock, nil, market.Recent); err == nil {
			t.Error("nobody was answered")
		}
		if got := told(t, other, viewerB, resellerA, w.clock, market.Recent); strings.Contains(got, "offer") {
			t.Errorf("B was told of A's margins: %s", got)
		}
	})
}
