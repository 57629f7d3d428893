package rating_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/models"
)

// history is a market that becomes what it is step by step: products are listed
// and relisted, offers published, failed and withdrawn for one reseller after the
// other, in any order.
type history struct {
	facts rating.Facts // as they are after the steps so far
	index *rating.Index
}

// drawHistory takes a market apart and puts it together again in random steps,
// some of them twice, and some first with facts that are corrected later.
func drawHistory(t *rapid.T, check func(h *history)) {
	d, whole := dice{t}, drawMarket(t)
	for _, id := range marketProducts {
		whole.Products = append(whole.Products, models.Product{ID: id, PublisherID: "publisher-1", Title: strings.ToUpper(id)})
	}
	h := &history{index: new(rating.Index)}
	product := func(id string, wrong bool) {
		of := func(f rating.Facts) (own rating.Facts) {
			for _, p := range f.Products {
				if p.ID == id {
					own.Products = append(own.Products, p)
				}
			}
			for _, p := range f.Plans {
				if p.ProductID == id {
					own.Plans = append(own.Plans, p)
				}
			}
			for _, m := range f.Meters {
				if m.ProductID == id {
					m.Infrastructure = m.Infrastructure != wrong
					own.Meters = append(own.Meters, m)
				}
			}
			for i, p := range f.Prices {
				if p.ProductID == id && !(wrong && i%3 == 0) {
					own.Prices = append(own.Prices, p)
				}
			}
			return own
		}
		own, f := of(whole), &h.facts
		f.Products = slices.DeleteFunc(f.Products, func(p models.Product) bool { return p.ID == id })
		f.Plans = slices.DeleteFunc(f.Plans, func(p models.Plan) bool { return p.ProductID == id })
		f.Meters = slices.DeleteFunc(f.Meters, func(m models.Meter) bool { return m.ProductID == id })
		f.Prices = slices.DeleteFunc(f.Prices, func(p models.Price) bool { return p.ProductID == id })
		f.Products, f.Plans = append(f.Products, own.Products...), append(f.Plans, own.Plans...)
		f.Meters, f.Prices = append(f.Meters, own.Meters...), append(f.Prices, own.Prices...)
		h.index = h.index.With([]string{id}, own)
	}
	offers := func(changed ...models.PrivateOffer) {
		for _, o := range changed {
			h.facts.Offers = slices.DeleteFunc(h.facts.Offers, func(known models.PrivateOffer) bool { return known.ID == o.ID })
			h.facts.Offers = append(h.facts.Offers, o)
		}
		h.index = h.index.With(nil, rating.Facts{Offers: changed})
	}
	// Every offer is submitted first, then published reseller by reseller, then
	// withdrawn: the steps of one in this order, those of several mixed.
	var steps [][]func()
	for _, o := range whole.Offers {
		bare := func() models.PrivateOffer {
			early := o
			early.WithdrawnAt, early.Resellers = nil, slices.Clone(o.Resellers)
			return early
		}
		var own []func()
		for i := range len(o.Resellers) + 1 { // the first i are published
			own = append(own, func() {
				early := bare()
				for j := range early.Resellers {
					early.Resellers[j].WithdrawnAt = nil
					if j >= i {
						early.Resellers[j].PublishedAt = nil
					}
				}
				offers(early)
			})
		}
		own = append(own, func() { offers(bare()) }, func() { offers(o) })
		steps = append(steps, own)
	}
	for _, id := range marketProducts {
		steps = append(steps, []func(){func() { product(id, true) }, func() { product(id, false) }})
	}
	for len(steps) > 0 {
		i := d.number("whose step", 0, len(steps)-1)
		steps[i][0]()
		if steps[i] = steps[i][1:]; len(steps[i]) == 0 {
			steps = slices.Delete(steps, i, i+1)
		}
		if d.oneIn(6, "look") || len(steps) == 0 {
			check(h)
		}
	}
}

// An index that follows a history step by step answers as a book that is made of
// all the facts at once, at any instant.
func TestIndexIsTheBook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := dice{t}
		drawHistory(t, func(h *history) {
			book, at := rating.NewBook(h.facts), d.instant("at")
			for _, reseller := range marketResellers {
				got, want := h.index.Margins(reseller, at, nil), book.Margins(reseller, at, nil)
				if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
					t.Fatalf("%s holds at %s\n got %+v\nwant %+v", reseller, at, got, want)
				}
				ask := rating.EffectiveQuestion{ResellerTenantID: reseller, At: at, CustomerTenantID: pick(d, "customer asked", "", marketCustomers[0], marketCustomers[1])}
				ask.ProductID, ask.PlanID = pick(d, "product asked", marketProducts...), pick(d, "plan asked", "flat", "seats", "metered", "later")
				ask.Market = pick(d, "market asked", "US", "JP", "KW")
				if ask.MeterID = pick(d, "meter asked", "", "calls", "hardware"); ask.MeterID == "" {
					term := pick(d, "term asked", terms...)
					ask.Term, ask.Billing = term.Term, term.Billing
				}
				sameEffective(t, h.index, book.Index, ask)
			}
		})
	})
}

func sameEffective(t *rapid.T, got, want *rating.Index, ask rating.EffectiveQuestion) {
	t.Helper()
	is, err := got.Effective(ask)
	should, wrong := want.Effective(ask)
	if err != wrong {
		t.Fatalf("%+v: %v, want %v", ask, err, wrong)
	}
	if err != nil {
		return
	}
	words := func(e rating.Effective) string {
		return fmt.Sprintf("%s %s %s %s %s %s %d %+v", e.Currency, e.ListPrice, e.WholesalePrice, e.MarginType, e.Percentage, e.PrivateOfferID, e.PricingLine, e.Candidates())
	}
	if words(is) != words(should) {
		t.Fatalf("%+v\n got %s\nwant %s", ask, words(is), words(should))
	}
	if told := is.Candidates(); len(told) > 0 && told[0].Wins != (is.PrivateOfferID != "") {
		t.Fatalf("%+v: the winner is %q, and the explanation begins with %+v", ask, is.PrivateOfferID, told[0])
	}
}

// An index that was handed out stays as it is, whatever comes after it.
func TestIndexIsImmutable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := dice{t}.instant("at")
		told := func(x *rating.Index) (words []string) {
			for _, reseller := range marketResellers {
				words = append(words, fmt.Sprintf("%+v", x.Margins(reseller, at, nil)))
			}
			return words
		}
		var handedOut []*rating.Index
		var said [][]string
		drawHistory(t, func(h *history) {
			handedOut, said = append(handedOut, h.index), append(said, told(h.index))
		})
		for i, x := range handedOut {
			if again := told(x); !slices.Equal(again, said[i]) {
				t.Fatalf("said\n%s\nand later\n%s", said[i], again)
			}
		}
	})
}

// fullIndex is 5,000 margins for each of so many resellers: 100 products of 5
// plans with a price each, 10 margins on a plan, no pricing line shared between
// resellers, up to 10 lines to an offer.
func fullIndex(resellers int) (index *rating.Index, ask rating.EffectiveQuestion) {
	const products, plans, each = 100, 5, 10
	live := (benchMonth - 12).Start()
	f := rating.Facts{}
	var names []string
	for p := range products {
		id := fmt.Sprintf("product-%03d", p)
		names = append(names, id)
		f.Products = append(f.Products, models.Product{ID: id, PublisherID: "contoso", Title: "Product " + id})
		for k := range plans {
			plan := fmt.Sprintf("plan-%d", k)
			f.Plans = append(f.Plans, models.Plan{ProductID: id, ID: plan, PricingModel: models.PerUser})
			f.Prices = append(f.Prices, models.Price{ProductID: id, PlanID: plan, Term: models.P1Y, Billing: models.Monthly, Market: "US", Currency: "USD",
				EffectiveFrom: benchMonth - 24, UnitPrice: money.New(int64(99_900+k), 4)})
		}
	}
	index = new(rating.Index).With(names, f)
	tenant := func(r int) string { return fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", r) }
	for r := range resellers {
		var offers []models.PrivateOffer
		for line := range products * plans * each {
			if line%10 == 0 {
				offers = append(offers, models.PrivateOffer{ID: fmt.Sprintf("%08d-0000-4000-8000-%012d", r, line), PublisherID: strings.Clone("contoso"), SubmittedAt: new(time.Time),
					StartMonth: benchMonth - 2, EndMonth: benchMonth + models.Month(line%12), Name: "An offer with a name of its own", NotificationContacts: []string{"sales@contoso.example"},
					Resellers: []models.OfferReseller{{ResellerTenantID: tenant(r), PublishedAt: new(time.Time)}}})
				o := &offers[len(offers)-1]
				*o.SubmittedAt, *o.Resellers[0].PublishedAt = live, live
			}
			o := &offers[len(offers)-1]
			// Neighbours in an offer are on other products: an offer prices a plan once.
			o.Pricing = append(o.Pricing, models.PricingLine{PrivateOfferID: strings.Clone(o.ID), Position: len(o.Pricing) + 1,
				ProductID: fmt.Sprintf("product-%03d", line%products), PlanID: fmt.Sprintf("plan-%d", line/products%plans), Percentage: money.Percentage(1 + line)})
		}
		index = index.With(nil, rating.Facts{Offers: offers})
	}
	return index, rating.EffectiveQuestion{
		What:             rating.What{ProductID: names[42], PlanID: "plan-3", Term: models.P1Y, Billing: models.Monthly, Market: "US"},
		ResellerTenantID: tenant(0), At: benchMonth.Start().AddDate(0, 0, 10),
	}
}

// BenchmarkEffective resolves one margin of a reseller that holds 5,000, of which
// 10 are on the plan asked.
func BenchmarkEffective(b *testing.B) {
	index, ask := fullIndex(1)
	e, err := index.Effective(ask)
	if told := e.Candidates(); err != nil || len(told) != 50 || e.Percentage != 4843 {
		b.Fatalf("%v, %d candidates, %s", err, len(told), e.Percentage)
	}
	b.ReportAllocs()
	for b.Loop() {
		if e, err = index.Effective(ask); err != nil || e.Percentage != 4843 {
			b.Fatal(e.Percentage, err)
		}
	}
}

// BenchmarkHolder lists the margins of a reseller that holds 5,000.
func BenchmarkHolder(b *testing.B) {
	index, ask := fullIndex(1)
	b.ReportAllocs()
	for b.Loop() {
		if n := len(index.Margins(ask.ResellerTenantID, ask.At, nil)); n != 5000 {
			b.Fatal(n)
		}
	}
}

// BenchmarkQuote resolves 1,000 margins, with the explanation of each.
func BenchmarkQuote(b *testing.B) {
	index, ask := fullIndex(1)
	b.ReportAllocs()
	for b.Loop() {
		for i := range 1000 {
			ask.ProductID = fmt.Sprintf("product-%03d", i%100)
			e, err := index.Effective(ask)
			if err != nil || !e.Candidates()[0].Wins {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkIndexSize holds 200 resellers with 5,000 margins each, and puts one
// more offer in.
func BenchmarkIndexSize(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	index, ask := fullIndex(200)
	size := heap() - before
	live := benchMonth.Start()
	o := models.PrivateOffer{ID: "new", PublisherID: "contoso", SubmittedAt: &live, EndMonth: benchMonth, Pricing: []models.PricingLine{{Position: 1, ProductID: ask.ProductID, Percentage: 9000}},
		Resellers: []models.OfferReseller{{ResellerTenantID: ask.ResellerTenantID, PublishedAt: &live}}}
	for b.Loop() {
		next := index.With(nil, rating.Facts{Offers: []models.PrivateOffer{o}})
		if e, err := next.Effective(ask); err != nil || e.PrivateOfferID != "new" {
			b.Fatal(e, err)
		}
	}
	b.ReportMetric(float64(size)/(1<<20), "MiB")
}
