package market_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

const (
	resellerA = "aaaaaaaa-0000-4000-8000-00000000000a" // direct bill, USD
	resellerB = "bbbbbbbb-0000-4000-8000-00000000000b" // indirect provider, EUR
	resellerC = "cccccccc-0000-4000-8000-00000000000c" // indirect, below B
	customer1 = "dddddddd-0000-4000-8000-000000000001" // of A
	customer2 = "dddddddd-0000-4000-8000-000000000002" // of A
	customer3 = "dddddddd-0000-4000-8000-000000000003" // of B
)

var (
	contoso  = models.Viewer{Role: models.RolePublisher, Organization: "contoso"}
	fabrikam = models.Viewer{Role: models.RolePublisher, Organization: "fabrikam"}
	viewerA  = models.Viewer{Role: models.RoleReseller, Organization: resellerA}
	viewerB  = models.Viewer{Role: models.RoleReseller, Organization: resellerB}
	finance  = models.Viewer{Role: models.RoleFinance}
)

func month(s string) models.Month {
	m, err := models.ParseMonth(s)
	if err != nil {
		panic(err)
	}
	return m
}

func instant(s string) time.Time {
	t, err := models.ParseInstant(s)
	if err != nil {
		panic(err)
	}
	return t
}

// world is a market with a clock that a test sets.
type world struct {
	testing.TB
	*market.Market
	clock time.Time
}

// newWorld fills an empty store with the catalogue.
func newWorld(t testing.TB, s *store.Store) *world {
	t.Helper()
	w := &world{TB: t, clock: instant("2024-03-01T00:00:00Z")}
	w.Market = market.New(s, func() time.Time { return w.clock })
	for i, o := range w.save(catalogue()...) {
		if o != "ACCEPTED" {
			t.Fatalf("catalogue record %d: %s", i, o)
		}
	}
	return w
}

// onEngines runs f with a world on each engine.
func onEngines(t *testing.T, f func(w *world)) {
	t.Helper()
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) { f(newWorld(t, open())) })
}

func (w *world) setClock(at string) { w.clock = instant(at) }

// catalogue is contoso with mail, fabrikam with disk.
func catalogue() (records []models.Record) {
	add := func(r models.Record) { records = append(records, r) }
	for _, id := range []string{"contoso", "fabrikam"} {
		add(models.Record{Publisher: &models.Publisher{ID: id, Name: id, Country: "US", PayoutCurrency: "USD", AccountActive: true, Enrolled: true}})
	}
	for _, r := range []struct {
		id       string
		kind     models.ResellerType
		currency money.Currency
	}{{resellerA, models.DirectBill, "USD"}, {resellerB, models.IndirectProvider, "EUR"}, {resellerC, models.IndirectReseller, "USD"}} {
		add(models.Record{Reseller: &models.Reseller{TenantID: r.id, Name: "Partner " + r.id[:1], Type: r.kind, Country: "US", BillingCurrency: r.currency, InCSPProgram: true}})
	}
	for _, c := range [][2]string{{resellerA, customer1}, {resellerA, customer2}, {resellerB, customer3}} {
		add(models.Record{Customer: &models.Customer{ResellerTenantID: c[0], TenantID: c[1], Name: "Customer", Country: "US"}})
	}
	product := func(id, publisher string) {
		add(models.Record{Product: &models.Product{ID: id, PublisherID: publisher, Title: id, Type: models.SaaS, Published: true, Public: true, Transactable: true, CSPOptIn: models.OptInNone}})
	}
	product("mail", "contoso")
	product("disk", "fabrikam")
	plan := func(product, id string, model models.PricingModel, trialDays int) {
		add(models.Record{Plan: &models.Plan{ProductID: product, ID: id, Title: id, PricingModel: model, TrialDays: trialDays}})
	}
	price := func(product, plan, meter string, term models.Term, billing models.Billing, unitPrice string) {
		add(models.Record{Price: &models.Price{ProductID: product, PlanID: plan, MeterID: meter, Term: term, Billing: billing,
			Market: "US", Currency: "USD", EffectiveFrom: month("2024-01"), UnitPrice: money.MustParse(unitPrice)}})
	}
	meter := func(product, id string, infrastructure bool) {
		add(models.Record{Meter: &models.Meter{ProductID: product, ID: id, Title: id, Unit: "unit", Infrastructure: infrastructure}})
	}
	for _, id := range []string{"mail", "disk"} {
		plan(id, "flat", models.FlatRate, 0)
		plan(id, "seats", models.PerUser, 0)
		plan(id, "trial", models.PerUser, 30)
		plan(id, "metered", models.Usage, 0)
		plan(id, "unpriced", models.FlatRate, 0)
		meter(id, "calls", false)
		meter(id, "cpu", true)
		meter(id, "odd", false) // has no price
		for _, p := range []string{"flat", "seats", "trial"} {
			price(id, p, "", models.P1M, models.Monthly, "10")
			price(id, p, "", models.P1Y, models.Monthly, "9")
		}
		price(id, "", "calls", "", "", "0.5")
		price(id, "", "cpu", "", "", "0.14")
	}
	return records
}

// short writes outcomes as "ACCEPTED" or "REJECTED field:CODE field:CODE".
func short(outcomes []market.Outcome) []string {
	words := make([]string, len(outcomes))
	for i, o := range outcomes {
		words[i] = strings.TrimSpace(string(o.Status) + " " + codes(o.Violations))
	}
	return words
}

func codes(vs models.Violations) string {
	words := make([]string, len(vs))
	for i, v := range vs {
		words[i] = v.Path() + ":" + string(v.Code)
	}
	return strings.Join(words, " ")
}

// by is a request that happens each time it is made.
func by(viewer models.Viewer) market.Request { return market.Request{Viewer: viewer} }

func (w *world) save(records ...models.Record) []string {
	w.Helper()
	outcomes, _, err := w.SaveCatalogue(context.Background(), by(models.System), records, nil)
	w.must(err)
	return short(outcomes)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// buy is a purchase of mail by customer 1 of reseller A, with its subscription
// in the id.
func buy(subscription, at, plan string, changes ...func(*models.Purchase)) models.Purchase {
	p := models.Purchase{
		Source: "crm", ExternalID: subscription + "/new", OccurredAt: instant(at), Action: models.ActionNew, SubscriptionID: subscription,
		ResellerTenantID: resellerA, CustomerTenantID: customer1, ProductID: "mail", PlanID: plan, Market: "US", Quantity: money.New(1, 0),
		Term: models.P1M, Billing: models.Monthly,
	}
	if plan == "metered" {
		p.Term, p.Billing = "", ""
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

// change is a later purchase record.
func change(action models.Action, subscription, at string, changes ...func(*models.Purchase)) models.Purchase {
	p := models.Purchase{Source: "crm", ExternalID: subscription + "/" + string(action) + "/" + at, OccurredAt: instant(at), Action: action, SubscriptionID: subscription}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func quantity(n int64) func(*models.Purchase) {
	return func(p *models.Purchase) { p.Quantity = money.New(n, 0) }
}

// use is a usage record on calls.
func use(id, subscription, at, quantity string, changes ...func(*models.UsageRecord)) models.UsageRecord {
	u := models.UsageRecord{Source: "meter", ExternalID: id, OccurredAt: instant(at), SubscriptionID: subscription, MeterID: "calls", Quantity: money.MustParse(quantity)}
	for _, change := range changes {
		change(&u)
	}
	return u
}

// purchases records and returns the short outcomes; recordPurchases wants all
// accepted.
func (w *world) purchases(records ...models.Purchase) []string {
	w.Helper()
	outcomes, _, err := w.RecordPurchases(context.Background(), by(models.System), records, nil)
	w.must(err)
	return short(outcomes)
}

func (w *world) recordPurchases(records ...models.Purchase) {
	w.Helper()
	for i, o := range w.purchases(records...) {
		if o != "ACCEPTED" {
			w.Fatalf("%s: %s", records[i].ExternalID, o)
		}
	}
}

func (w *world) usage(viewer models.Viewer, records ...models.UsageRecord) []string {
	w.Helper()
	outcomes, _, err := w.RecordUsage(context.Background(), by(viewer), records, nil)
	w.must(err)
	return short(outcomes)
}

func (w *world) recordUsage(records ...models.UsageRecord) {
	w.Helper()
	for i, o := range w.usage(models.System, records...) {
		if o != "ACCEPTED" {
			w.Fatalf("%s: %s", records[i].ExternalID, o)
		}
	}
}

func percentage(product, plan, percent string) models.PricingLine {
	p, err := money.ParsePercentage(percent)
	if err != nil {
		panic(err)
	}
	return models.PricingLine{ProductID: product, PlanID: plan, Percentage: p}
}

// offerOf is an offer that starts as soon as possible and ends with 2024.
func offerOf(id string, line models.PricingLine, resellers ...string) models.PrivateOffer {
	o := models.PrivateOffer{ID: id, Name: "Offer " + id, EndMonth: month("2024-12"), Pricing: []models.PricingLine{line}}
	for _, r := range resellers {
		o.Resellers = append(o.Resellers, models.OfferReseller{ResellerTenantID: r})
	}
	return o
}

// submit creates and submits an offer.
func (w *world) submit(o models.PrivateOffer) {
	w.Helper()
	outcome, err := w.RecordPrivateOffer(context.Background(), by(models.System), o, true, nil)
	w.must(err)
	if outcome.Status != market.Accepted {
		w.Fatalf("offer %s: %s", o.ID, codes(outcome.Violations))
	}
}

func (w *world) work() market.Worked {
	w.Helper()
	done, err := w.Work(context.Background())
	w.must(err)
	return done
}

func (w *world) read(viewer models.Viewer, f func(r *store.Reader) error) {
	w.Helper()
	w.must(w.Store.Read(context.Background(), viewer, f))
}

// verified fails the test if anything differs from the raw facts.
func (w *world) verified() {
	w.Helper()
	_, err := w.Verify(context.Background(), func(difference string) { w.Errorf("verify: %s", difference) })
	w.must(err)
}

// buckets are written "month subscription meter quantity/records".
func (w *world) buckets() []string {
	w.Helper()
	var all []string
	w.read(models.System, func(r *store.Reader) error {
		buckets, err := r.Buckets(1, models.MonthForever, store.LineFilter{})
		for _, b := range buckets {
			all = append(all, b.Month.String()+" "+b.SubscriptionID+" "+b.MeterID+" "+b.Quantity.String()+"/"+money.New(b.Records, 0).String())
		}
		return err
	})
	return all
}

// sold are the sales of an offer, "reseller's first letter subscription".
func (w *world) sold(offerID string) []string {
	w.Helper()
	var all []string
	w.read(models.System, func(r *store.Reader) error {
		sales, err := r.Sales(offerID)
		for _, s := range sales {
			all = append(all, s.ResellerTenantID[:1]+" "+s.SubscriptionID)
		}
		return err
	})
	return all
}

// same compares lists of words.
func (w *world) same(what string, got, want []string) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// lines are the billing lines of a month.
func (w *world) lines(viewer models.Viewer, m string) []models.BillingLine {
	w.Helper()
	var all []models.BillingLine
	query := market.LineQuery{From: month(m), To: month(m)}
	w.must(w.Lines(context.Background(), viewer, query, func(_ *rating.Book, lines iter.Seq[*models.BillingLine]) error {
		for line := range lines {
			all = append(all, *line)
		}
		return nil
	}))
	return all
}

// rowsRead counts what a report of the month reads, by table.
func (w *world) rowsRead(m string) map[string]int {
	w.Helper()
	rows, err := w.RowsRead(models.System, market.LineQuery{From: month(m), To: month(m)})
	w.must(err)
	return rows
}
