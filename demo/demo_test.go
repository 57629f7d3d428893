package demo

import (
	"maps"
	"path"
	"slices"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/models"
)

// market is what the story makes, in memory.
type market struct {
	publishers    map[string]models.Publisher
	products      map[string]models.Product
	plans         map[string]models.Plan
	meters        map[string]models.Meter
	resellers     map[string]models.Reseller
	customers     map[string]bool
	prices        []models.Price
	rates         []models.ExchangeRate
	fees          []models.AgencyFeeRate
	offers        []models.PrivateOffer
	subscriptions map[string]*models.Subscription
	lives         map[string]models.Timeline
	usage         []models.UsageRecord
	rejected      map[models.Code]int
}

// tell loads the whole story, checking every record as an import would.
func tell(t *testing.T) *market {
	t.Helper()
	steps, err := Story()
	if err != nil {
		t.Fatal(err)
	}
	m := &market{
		publishers: map[string]models.Publisher{}, products: map[string]models.Product{}, plans: map[string]models.Plan{}, meters: map[string]models.Meter{},
		resellers: map[string]models.Reseller{}, customers: map[string]bool{}, subscriptions: map[string]*models.Subscription{},
		lives: map[string]models.Timeline{}, rejected: map[models.Code]int{},
	}
	for _, step := range steps {
		switch {
		case step.Work:
			m.work(step.At)
		case step.Import == "catalogue" || step.Import == "price-sheet" || step.Import == "exchange-rates":
			for record := range records(t, step) {
				m.catalogue(t, record)
			}
		case step.Import == "private-offers":
			m.submit(t, step)
		case step.Import == "purchases":
			m.purchase(t, step)
		case step.Import == "usage":
			m.consume(t, step)
		default:
			t.Fatalf("step at %s does nothing: %+v", step.At, step)
		}
	}
	return m
}

func (m *market) catalogue(t *testing.T, record models.Record) {
	t.Helper()
	known := func(what string, ok bool) {
		if !ok {
			t.Errorf("%s %s names an unknown %s", record.Kind(), record.Key(), what)
		}
	}
	switch {
	case record.Publisher != nil:
		m.publishers[record.Key()] = *record.Publisher
	case record.Reseller != nil:
		m.resellers[record.Key()] = *record.Reseller
	case record.Customer != nil:
		known("reseller", has(m.resellers, record.Customer.ResellerTenantID))
		m.customers[record.Key()] = true
	case record.Product != nil:
		known("publisher", has(m.publishers, record.Product.PublisherID))
		for _, id := range record.Product.AuthorizedResellers {
			known("reseller", has(m.resellers, id))
		}
		m.products[record.Key()] = *record.Product
	case record.Plan != nil:
		known("product", has(m.products, record.Plan.ProductID))
		m.plans[record.Key()] = *record.Plan
	case record.Meter != nil:
		known("product", has(m.products, record.Meter.ProductID))
		m.meters[record.Key()] = *record.Meter
	case record.Price != nil:
		p := record.Price
		known("product", has(m.products, p.ProductID))
		known("plan", p.PlanID == "" || has(m.plans, p.ProductID+"/"+p.PlanID))
		known("meter", p.MeterID == "" || has(m.meters, p.ProductID+"/"+p.MeterID))
		m.prices = append(m.prices, *p)
	case record.AgencyFee != nil:
		known("publisher", has(m.publishers, record.AgencyFee.PublisherID))
		m.fees = append(m.fees, *record.AgencyFee)
	case record.ExchangeRate != nil:
		m.rates = append(m.rates, *record.ExchangeRate)
	}
}

// submit saves drafts and submits the others: neither may break a rule.
func (m *market) submit(t *testing.T, step Step) {
	t.Helper()
	for document := range offers(t, step) {
		o := document.Offer
		o.PublisherID = m.products[o.Pricing[0].ProductID].PublisherID
		violations := o.CheckDraft(models.DefaultLimits)
		if document.Live {
			publisher := m.publishers[o.PublisherID]
			violations = o.CheckSubmit(models.SubmitFacts{
				Publisher: &publisher, Products: m.products, Plans: m.plans, Resellers: m.resellers, Customers: m.customers, Prices: m.prices,
			}, models.DefaultLimits, step.At)
			o.SubmittedAt = &step.At
		}
		if len(violations) > 0 {
			t.Errorf("%s, offer %q: %v", step.File, o.Name, violations)
		}
		m.offers = append(m.offers, o)
	}
}

// work publishes everything that was submitted.
func (m *market) work(at time.Time) {
	for i := range m.offers {
		for j := range m.offers[i].Resellers {
			if r := &m.offers[i].Resellers[j]; m.offers[i].SubmittedAt != nil && r.PublishedAt == nil {
				r.AuthorizedAt, r.PublishedAt = &at, &at
			}
		}
	}
}

func (m *market) purchase(t *testing.T, step Step) {
	t.Helper()
	first := map[string]bool{} // customer and plan: who gets the trial (D5)
	for p := range purchases(t, step) {
		p.RecordedAt = step.At
		if p.OccurredAt.After(step.At) {
			t.Errorf("purchase %s is told before it happens", p.ExternalID)
		}
		s := m.subscriptions[p.SubscriptionID]
		if p.Action == models.ActionNew {
			plan, ok := m.plans[p.ProductID+"/"+p.PlanID]
			if !ok || !has(m.customers, p.ResellerTenantID+"/"+p.CustomerTenantID) || !m.resellers[p.ResellerTenantID].MayHoldMargin() {
				t.Errorf("purchase %s names an unknown plan or customer, or a reseller that is not billed", p.ExternalID)
			}
			if id := p.IndirectResellerTenantID; id != "" && m.resellers[id].Type != models.IndirectReseller {
				t.Errorf("purchase %s: %s is no indirect reseller", p.ExternalID, id)
			}
			s = &models.Subscription{
				ID: p.SubscriptionID, PublisherID: m.products[p.ProductID].PublisherID, ResellerTenantID: p.ResellerTenantID,
				IndirectResellerTenantID: p.IndirectResellerTenantID, CustomerTenantID: p.CustomerTenantID,
				ProductID: p.ProductID, PlanID: p.PlanID, Market: p.Market, Currency: p.Currency, PricingModel: plan.PricingModel,
			}
			if key := p.CustomerTenantID + "/" + p.ProductID + "/" + p.PlanID; !first[key] {
				s.TrialDays, first[key] = plan.TrialDays, true
			}
			m.subscriptions[s.ID] = s
		}
		if s == nil {
			t.Errorf("purchase %s is of a subscription that nobody bought", p.ExternalID)
			continue
		}
		s.Purchases = append(s.Purchases, p)
	}
	for id, s := range m.subscriptions {
		life, violations := s.Timeline(models.DefaultRefundPolicy)
		if len(violations) > 0 {
			t.Errorf("subscription %s: %v", id, violations)
		}
		m.lives[id] = life
		s.FirstMonth, s.LastMonth = life.Span()
	}
}

func (m *market) consume(t *testing.T, step Step) {
	t.Helper()
	for record := range usage(t, step) {
		u := record.Value
		s := m.subscriptions[u.SubscriptionID]
		if u.OccurredAt.After(step.At) {
			t.Errorf("usage %s is told before it happens", u.ExternalID)
		}
		switch {
		case s == nil || m.lives[s.ID].At(u.OccurredAt) == nil:
			t.Errorf("usage %s belongs to no live subscription", u.ExternalID)
		case len(record.Violations) > 0:
			for _, v := range record.Violations {
				m.rejected[v.Code]++
			}
		case !has(m.meters, s.ProductID+"/"+u.MeterID):
			m.rejected[models.CodeUnknownMeter]++
		default:
			m.usage = append(m.usage, u)
		}
	}
}

// book rates the market as the program would.
func (m *market) book(t *testing.T) *rating.Book {
	t.Helper()
	facts := rating.Facts{
		Plans: slices.Collect(maps.Values(m.plans)), Meters: slices.Collect(maps.Values(m.meters)),
		Prices: m.prices, Offers: m.offers, ExchangeRates: m.rates, Refunds: models.DefaultRefundPolicy,
		AgencyFees: append(m.fees, models.AgencyFeeRate{EffectiveFrom: models.NewMonth(2021, time.July), Rate: money.MustParse("0.03")}),
	}
	for _, s := range m.subscriptions {
		facts.Subscriptions = append(facts.Subscriptions, *s)
	}
	type key struct {
		month               models.Month
		subscription, meter string
	}
	buckets := map[key]*models.Bucket{}
	for _, u := range m.usage {
		s := m.subscriptions[u.SubscriptionID]
		k := key{models.MonthOf(u.OccurredAt), s.ID, u.MeterID}
		if buckets[k] == nil {
			buckets[k] = &models.Bucket{Month: k.month, ResellerTenantID: s.ResellerTenantID, SubscriptionID: s.ID, PlanID: s.PlanID, MeterID: u.MeterID, PublisherID: s.PublisherID}
		}
		sum, err := buckets[k].Quantity.Add(u.Quantity)
		if err != nil {
			t.Fatal(err)
		}
		buckets[k].Quantity, buckets[k].Records = sum, buckets[k].Records+1
	}
	for _, b := range buckets {
		facts.Buckets = append(facts.Buckets, *b)
	}
	return rating.NewBook(facts)
}

func TestStoryIsInOrder(t *testing.T) {
	steps, err := Story()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for i, step := range steps {
		if step.Work == (step.Import != "") || (step.Import != "") != (step.File != "") {
			t.Errorf("step %d neither imports a file nor works, or both: %+v", i, step)
		}
		if i > 0 && !step.At.After(steps[i-1].At) {
			t.Errorf("step %d is not after the one before", i)
		}
		told[step.File] = true
	}
	if last := steps[len(steps)-1]; !last.Work || !last.At.Equal(time.Date(2024, time.November, 20, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("the clock starts at %s", last.At)
	}
	files, err := Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := file.Name(); name != "README.md" && name != "story.json" && !told[name] {
			t.Errorf("nobody loads %s", path.Base(name))
		}
	}
}

// Every record is good, except the usage that the sample itself spoils.
func TestEveryRecordIsFitToLoad(t *testing.T) {
	m := tell(t)
	want := map[models.Code]int{models.CodeQuantityNotPositive: 88}
	if !maps.Equal(m.rejected, want) {
		t.Errorf("rejected usage: %v, want %v", m.rejected, want)
	}
	if len(m.usage) != 2500+22+100 {
		t.Errorf("%d usage records are accepted", len(m.usage))
	}
}

// Every report has something to show: each kind of charge, margin and status
// occurs, and everything can be rated.
func TestTheMarketShowsEverything(t *testing.T) {
	m := tell(t)
	book := m.book(t)
	seen := map[string]int{}
	for _, month := range []models.Month{models.NewMonth(2024, time.August), models.NewMonth(2024, time.September), models.NewMonth(2024, time.October), models.NewMonth(2024, time.November)} {
		unrated := book.RateMonth(month, func(line *models.BillingLine) bool {
			if err := line.Check(); err != nil {
				t.Error(err)
			}
			seen["charge "+string(line.ChargeType)]++
			seen["margin "+string(line.MarginType)]++
			seen["month "+line.Month.String()]++
			seen["currencies "+string(line.PricingCurrency)+" "+string(line.BillingCurrency)]++
			seen["fee rate "+line.AgencyFeeRate.String()]++
			seen["reseller "+string(m.resellers[line.ResellerTenantID].Type)]++
			seen["publisher "+line.PublisherID]++
			if line.Infrastructure {
				seen["infrastructure"]++
			}
			if line.MarginAmount < 0 && line.WholesaleSubtotal > 0 {
				seen["dearer than the list"]++
			}
			if line.MeterID == "" && line.ChargeType == models.ChargeRenew {
				seen["renewal of "+line.PlanID+" at "+line.ListUnitPrice.String()+" "+string(line.PricingCurrency)]++
			}
			if line.PrivateOfferID != "" {
				seen["offer "+line.PrivateOfferID]++
			}
			return true
		})
		for _, fact := range unrated {
			t.Errorf("%s: %s %s %s: %s", month, fact.SubscriptionID, fact.ExternalID, fact.MeterID, fact.Message)
		}
	}
	want := []string{"margin NONE", "margin PERCENTAGE", "margin CUSTOM_PRICE", "infrastructure", "dearer than the list",
		"currencies USD USD", "currencies EUR EUR", "currencies JPY JPY", "currencies USD EUR", "fee rate 0.02", "fee rate 0.03", "fee rate 0.015",
		"reseller DIRECT_BILL", "reseller INDIRECT_PROVIDER", "renewal of standard at 10.08 USD", "renewal of standard at 11.2 USD"}
	for _, chargeType := range models.ChargeTypes {
		want = append(want, "charge "+string(chargeType))
	}
	for id := range m.publishers {
		want = append(want, "publisher "+id)
	}
	now := time.Date(2024, time.November, 20, 9, 0, 0, 0, time.UTC)
	for i := range m.offers {
		o := &m.offers[i]
		seen["status "+string(o.Status(now))]++
		// What has begun has also priced something, or why is it there.
		if o.SubmittedAt != nil && o.StartMonth <= models.MonthOf(now) && o.Name != losing {
			want = append(want, "offer "+o.ID)
		}
	}
	want = append(want, "status DRAFT", "status LIVE", "status ENDED")
	for _, what := range want {
		if seen[what] == 0 {
			t.Errorf("nothing shows %s", what)
		}
	}
	if t.Failed() {
		for _, what := range slices.Sorted(maps.Keys(seen)) {
			t.Logf("%5d %s", seen[what], what)
		}
	}
}

// losing is the offer that is there to lose.
const losing = "EC2 product: 10 % for Larkspur (loses to the plan's 12.75 %)"

func has[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}
