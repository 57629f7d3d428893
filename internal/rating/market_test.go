package rating_test

// Small random markets: few names, so that things overlap, and every oddity
// that the rules speak of: month ends, trials, price changes, overlapping and
// withdrawn offers, three currencies of 0, 2 and 3 minor digits.

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"

	"pgregory.net/rapid"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/models"
)

var (
	marketResellers  = []string{"11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002", "33333333-0000-4000-8000-000000000003"}
	marketCustomers  = []string{"cccccccc-0000-4000-8000-000000000001", "cccccccc-0000-4000-8000-000000000002"}
	marketCurrencies = map[string]money.Currency{"US": "USD", "JP": "JPY", "KW": "KWD"}
	marketProducts   = []string{"backup", "ledger"}

	// Everything is bought between these two instants; the agency fee changes
	// between them.
	marketOpens = time.Date(2021, 4, 1, 0, 0, 0, 0, time.UTC)
	marketEnds  = time.Date(2021, 12, 31, 23, 59, 59, 0, time.UTC)
	firstMonth  = models.MonthOf(marketOpens) - 1
	lastMonth   = models.MonthOf(marketEnds) + 40
	// A life ends before this month, however often it is renewed early.
	endOfTime = firstMonth + 12*25
)

// terms are the ways in which a plan can be bought.
var terms = []struct {
	Term    models.Term
	Billing models.Billing
}{{"P1M", "MONTHLY"}, {"P1M", "UPFRONT"}, {"P1Y", "MONTHLY"}, {"P1Y", "ANNUAL"}, {"P1Y", "UPFRONT"}, {"P2Y", "ANNUAL"}, {"P3Y", "UPFRONT"}}

// dice are draws with short names.
type dice struct{ *rapid.T }

// number is drawn evenly, bit by bit; rapid's own ranges prefer small ones, and
// a market of small numbers has no margins in it.
func (d dice) number(label string, least, most int) int {
	return rapid.Custom(func(t *rapid.T) (n int) {
		for range bits.Len(uint(most-least)) + 3 {
			n <<= 1
			if rapid.Bool().Draw(t, "bit") {
				n++
			}
		}
		return least + n%(most-least+1)
	}).Draw(d.T, label)
}

// oneIn is true in one of n cases.
func (d dice) oneIn(n int, label string) bool { return d.number(label, 1, n) == n }

func pick[V any](d dice, label string, from ...V) V { return from[d.number(label, 0, len(from)-1)] }

// some is a subset in the order of from.
func some[V any](d dice, label string, from []V) (chosen []V) {
	for _, v := range from {
		if rapid.Bool().Draw(d.T, label) {
			chosen = append(chosen, v)
		}
	}
	return chosen
}

// instant likes the edges: firsts and lasts of months and of days.
func (d dice) instant(label string) time.Time {
	at := marketOpens.AddDate(0, 0, d.number(label+" day", 0, int(marketEnds.Sub(marketOpens).Hours()/24)))
	switch d.number(label+" edge", 0, 5) {
	case 0:
		at = models.MonthOf(at).Start()
	case 1:
		at = models.MonthOf(at).End().Add(-time.Microsecond)
	case 2:
		at = models.MonthOf(at).LastDay().Start()
	}
	return at.Add(time.Duration(d.number(label+" second", 0, 863)) * 100 * time.Second).Truncate(time.Microsecond)
}

func (d dice) month(label string) models.Month {
	return models.MonthOf(marketOpens) + models.Month(d.number(label, 0, 8))
}

// decimal has up to 6 digits before and after the point.
func (d dice) decimal(label string, most int64) money.Decimal {
	scale := d.number(label+" scale", 0, 6)
	return money.New(rapid.Int64Range(0, most).Draw(d.T, label), uint8(scale))
}

// drawMarket makes a market; it may hold facts that cannot be rated.
func drawMarket(t *rapid.T) rating.Facts {
	d := dice{t}
	f := rating.Facts{Refunds: models.DefaultRefundPolicy}
	if d.oneIn(3, "long refunds") {
		f.Refunds = models.RefundPolicy{Monthly: 72 * time.Hour, Longer: 100 * 24 * time.Hour, Seats: 45 * 24 * time.Hour}
	}
	for _, id := range marketProducts {
		f.Meters = append(f.Meters, models.Meter{ProductID: id, ID: "calls"}, models.Meter{ProductID: id, ID: "hardware", Infrastructure: true})
		for _, p := range []models.Plan{{ID: "flat", PricingModel: models.FlatRate}, {ID: "seats", PricingModel: models.PerUser, TrialDays: 30}, {ID: "metered", PricingModel: models.Usage}} {
			p.ProductID = id
			f.Plans = append(f.Plans, p)
			f.Prices = append(f.Prices, d.prices(p)...)
		}
	}
	f.ExchangeRates = d.exchangeRates()
	for i := range d.number("offers", 0, 9) {
		f.Offers = append(f.Offers, d.offer(i))
	}
	f.AgencyFees = d.fees(f.Offers)
	for i := range d.number("subscriptions", 1, 4) {
		s := d.subscription(fmt.Sprintf("s%d", i+1), f)
		f.Subscriptions = append(f.Subscriptions, s)
		f.Buckets = append(f.Buckets, d.buckets(s)...)
	}
	return f
}

// prices are those of a plan and of its meters in every market, some with a
// change and one in twelve missing. They come from one draw, so that a failing
// market is short to read.
func (d dice) prices(plan models.Plan) (prices []models.Price) {
	r := rand.New(rand.NewPCG(uint64(d.number("price list of "+plan.ID, 0, 1000)), 0))
	unitPrice := func() money.Decimal { return money.New(r.Int64N(100_000_000), uint8(r.IntN(7))) }
	add := func(p models.Price) {
		p.ProductID = plan.ProductID
		for _, market := range []string{"US", "JP", "KW"} {
			p.Market, p.Currency = market, marketCurrencies[market]
			if r.IntN(12) == 0 {
				continue
			}
			p.EffectiveFrom, p.UnitPrice = firstMonth-12, unitPrice()
			prices = append(prices, p)
			if r.IntN(2) == 0 {
				p.EffectiveFrom, p.UnitPrice = models.MonthOf(marketOpens)+models.Month(r.IntN(9)), unitPrice()
				prices = append(prices, p)
			}
		}
	}
	if plan.PricingModel != models.Usage {
		for _, t := range terms {
			add(models.Price{PlanID: plan.ID, Term: t.Term, Billing: t.Billing})
		}
	}
	for _, meter := range []string{"calls", "hardware"} {
		if plan.ID == "flat" {
			add(models.Price{MeterID: meter}) // the product's, once
		} else if r.IntN(3) == 0 {
			add(models.Price{PlanID: plan.ID, MeterID: meter})
		}
	}
	return prices
}

func (d dice) exchangeRates() (rates []models.ExchangeRate) {
	for _, c := range []money.Currency{"JPY", "KWD", "EUR"} {
		usd := rapid.IntRange(1, 5_000_000).Draw(d.T, "rate of "+string(c))
		hole := firstMonth + models.Month(d.number("rate missing", 0, 200))
		for m := firstMonth; m <= lastMonth; m++ {
			usd++
			if m != hole {
				rates = append(rates, models.ExchangeRate{Currency: c, Month: m, USDPerUnit: money.New(int64(usd), 6)})
			}
		}
	}
	return rates
}

// fees are the schedule of D13 with overrides of each level.
func (d dice) fees(offers []models.PrivateOffer) []models.AgencyFeeRate {
	fees := []models.AgencyFeeRate{
		{EffectiveFrom: models.NewMonth(1900, time.January), Rate: money.MustParse("0.2")},
		{EffectiveFrom: models.NewMonth(2021, time.July), Rate: money.MustParse("0.03")},
	}
	for range d.number("fee overrides", 0, 4) {
		fee := models.AgencyFeeRate{EffectiveFrom: d.month("fee from"), Rate: money.New(int64(d.number("fee", 0, 1000)), 4)}
		switch level := d.number("fee level", 0, 3); {
		case level == 1:
			fee.PublisherID = pick(d, "fee publisher", "publisher-1", "publisher-2")
		case level == 2:
			fee.ProductID = pick(d, "fee product", marketProducts...)
		case level == 3 && len(offers) > 0:
			fee.PrivateOfferID = pick(d, "fee offer", offers...).ID
		}
		if d.oneIn(2, "fee of a charge type") {
			fee.ChargeType = pick(d, "fee charge type", models.ChargeTypes...)
		}
		same := func(o models.AgencyFeeRate) bool { o.Rate = fee.Rate; return o == fee }
		if !slices.ContainsFunc(fees, same) { // one entry a key
			fees = append(fees, fee)
		}
	}
	return fees
}

func (d dice) offer(i int) models.PrivateOffer {
	submitted := d.instant("submitted")
	o := models.PrivateOffer{ID: fmt.Sprintf("offer-%d", i+1), PublisherID: "publisher-1", SubmittedAt: &submitted, EndMonth: d.month("end") + 3}
	if d.oneIn(8, "draft") {
		o.SubmittedAt = nil
	}
	if d.oneIn(2, "specific month") {
		o.StartMonth = o.EndMonth - models.Month(d.number("length", 0, 8))
	}
	if d.oneIn(8, "withdrawn") {
		at := d.instant("withdrawn at").Add(time.Microsecond)
		o.WithdrawnAt = &at
	}
	for _, id := range marketResellers {
		r := models.OfferReseller{PrivateOfferID: o.ID, ResellerTenantID: id}
		switch d.number("reseller of offer", 0, 9) {
		case 0:
			continue
		case 1:
			failed := d.instant("failed")
			r.FailedAt, r.FailureReason = &failed, "the partner centre is closed"
		case 2:
			gone := d.instant("reseller withdrawn").Add(time.Microsecond)
			r.WithdrawnAt = &gone
			fallthrough
		default:
			live := pick(d, "go live", submitted, d.instant("live"))
			r.PublishedAt = &live
		}
		if d.oneIn(4, "restricted") {
			r.CustomerTenantIDs = some(d, "customer of offer", marketCustomers)
		}
		o.Resellers = append(o.Resellers, r)
	}
	o.Pricing = d.pricing(o.ID)
	return o
}

func (d dice) pricing(offerID string) (lines []models.PricingLine) {
	for _, product := range some(d, "product of offer", marketProducts) {
		plans := []string{""}
		if !d.oneIn(3, "product level") {
			plans = some(d, "plan of offer", []string{"flat", "seats", "metered"})
		}
		for _, plan := range plans {
			l := models.PricingLine{PrivateOfferID: offerID, Position: len(lines) + 1, ProductID: product, PlanID: plan}
			if plan != "" && d.oneIn(2, "absolute") {
				l.Absolute = d.absolute(plan)
			}
			if len(l.Absolute) == 0 {
				l.Percentage = money.Percentage(pick(d, "percentage", 1, 1000, 1000, 1250, 3333, 10000, d.number("any percentage", 1, 10000)))
			}
			lines = append(lines, l)
		}
	}
	return lines
}

func (d dice) absolute(plan string) (prices []models.AbsolutePrice) {
	for _, market := range some(d, "absolute market", []string{"US", "JP", "KW"}) {
		a := models.AbsolutePrice{Market: market, Currency: marketCurrencies[market]}
		for _, meter := range some(d, "absolute meter", []string{"calls", "hardware"}) {
			a.MeterID, a.UnitPrice = meter, d.decimal("absolute price", 9999999)
			prices = append(prices, a)
		}
		if a.MeterID = ""; plan != "metered" {
			for _, t := range some(d, "absolute term", terms) {
				a.Term, a.Billing, a.UnitPrice = t.Term, t.Billing, d.decimal("absolute price", 9999999)
				prices = append(prices, a)
			}
		}
	}
	return prices
}

// subscription buys a plan and then does what can be done, mostly.
func (d dice) subscription(id string, f rating.Facts) models.Subscription {
	plan := pick(d, "plan", f.Plans...)
	market := pick(d, "market", "US", "JP", "KW")
	s := models.Subscription{
		ID: id, ResellerTenantID: pick(d, "reseller", marketResellers...), CustomerTenantID: pick(d, "customer", marketCustomers...),
		ProductID: plan.ProductID, PlanID: plan.ID, PricingModel: plan.PricingModel, Market: market,
		Currency: pick(d, "billing currency", marketCurrencies[market], "USD", "JPY", "KWD", "EUR"),
	}
	s.PublisherID = fmt.Sprintf("publisher-%d", slices.Index(marketProducts, plan.ProductID)+1)
	if plan.TrialDays > 0 && d.oneIn(3, "trial") {
		s.TrialDays = plan.TrialDays
	}
	at := d.instant("bought")
	d.purchase(&s, models.ActionNew, at)
	for range d.number("more purchases", 0, 6) {
		at = at.Add(pick(d, "pause", time.Duration(0), time.Minute, 11*time.Hour, 24*time.Hour, 27*24*time.Hour, 365*24*time.Hour, time.Duration(d.number("hours", 0, 24*40))*time.Hour))
		d.purchase(&s, pick(d, "action", models.ActionRenew, models.ActionAddQuantity, models.ActionAddQuantity, models.ActionRemoveQuantity, models.ActionCancelImmediate), at)
	}
	return s
}

// purchase appends a purchase unless it contradicts the earlier ones.
func (d dice) purchase(s *models.Subscription, action models.Action, at time.Time) {
	p := models.Purchase{
		Source: "desk", ExternalID: fmt.Sprintf("%s-%d", s.ID, len(s.Purchases)+1), SubscriptionID: s.ID, Action: action, OccurredAt: at,
		RecordedAt: at.Add(time.Duration(d.number("late by hours", 0, 24*20)) * time.Hour).Truncate(time.Hour), // never at the microsecond of a withdrawal
	}
	switch action {
	case models.ActionNew, models.ActionRenew:
		if s.PricingModel != models.Usage && (action == models.ActionNew || d.oneIn(2, "other term")) {
			t := pick(d, "term", terms...)
			p.Term, p.Billing = t.Term, t.Billing
		}
		if s.PricingModel == models.PerUser {
			p.Quantity = money.New(int64(d.number("quantity", 0, 200)), 0)
		}
	case models.ActionAddQuantity, models.ActionRemoveQuantity:
		p.Quantity = money.New(int64(d.number("change", 1, 50)), 0)
	}
	s.Purchases = append(s.Purchases, p)
	if _, ok := commitments(*s, models.DefaultRefundPolicy); !ok {
		s.Purchases = s.Purchases[:len(s.Purchases)-1]
	}
}

func (d dice) buckets(s models.Subscription) (buckets []models.Bucket) {
	for range d.number("months of usage", 0, 3) {
		b := models.Bucket{
			Month: d.month("month of usage"), ResellerTenantID: s.ResellerTenantID, SubscriptionID: s.ID, PublisherID: s.PublisherID,
			PlanID: s.PlanID, MeterID: pick(d, "meter", "calls", "calls", "hardware"), Quantity: d.decimal("usage", 999999999), Records: 1,
		}
		same := func(o models.Bucket) bool { return o.Month == b.Month && o.MeterID == b.MeterID }
		if !slices.ContainsFunc(buckets, same) {
			buckets = append(buckets, b)
		}
	}
	return buckets
}

// rated is every line of every month, and every refusal.
func rated(f rating.Facts) (lines []models.BillingLine, unrated []models.UnratedFact) {
	book := rating.NewBook(f)
	for m := firstMonth; m <= endOfTime; m++ {
		unrated = append(unrated, book.RateMonth(m, func(l *models.BillingLine) bool {
			lines = append(lines, *l)
			return true
		})...)
	}
	return lines, unrated
}

// shuffled is the same facts in another order of arrival.
func shuffled(t *rapid.T, f rating.Facts) rating.Facts {
	mix(t, &f.Plans)
	mix(t, &f.Meters)
	mix(t, &f.Prices)
	mix(t, &f.Offers)
	mix(t, &f.Buckets)
	mix(t, &f.ExchangeRates)
	mix(t, &f.AgencyFees)
	mix(t, &f.Subscriptions)
	for i := range f.Subscriptions {
		mix(t, &f.Subscriptions[i].Purchases)
	}
	for i := range f.Offers {
		mix(t, &f.Offers[i].Pricing)
		mix(t, &f.Offers[i].Resellers)
	}
	return f
}

// mix turns a copy of the list by a drawn number of places and reverses it in
// half of the cases: enough to disturb every pair, and cheap to draw.
func mix[V any](t *rapid.T, list *[]V) {
	mixed := slices.Clone(*list)
	if len(mixed) > 1 {
		by := rapid.IntRange(0, len(mixed)-1).Draw(t, "turn")
		mixed = append(mixed[by:], mixed[:by:by]...)
		if rapid.Bool().Draw(t, "reverse") {
			slices.Reverse(mixed)
		}
	}
	*list = mixed
}

// of keeps the facts of one reseller; the catalogue stays.
func of(reseller string, f rating.Facts) rating.Facts {
	f.Subscriptions = slices.DeleteFunc(slices.Clone(f.Subscriptions), func(s models.Subscription) bool { return s.ResellerTenantID != reseller })
	f.Buckets = slices.DeleteFunc(slices.Clone(f.Buckets), func(b models.Bucket) bool { return b.ResellerTenantID != reseller })
	f.Offers = slices.Clone(f.Offers)
	for i := range f.Offers {
		f.Offers[i].Resellers = slices.DeleteFunc(slices.Clone(f.Offers[i].Resellers), func(r models.OfferReseller) bool { return r.ResellerTenantID != reseller })
	}
	return f
}
