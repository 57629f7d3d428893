package rating_test

// One test a decision of the domain rules, and the worked examples that concern
// what exists. A market is written as text, and what it comes to as well.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/models"
)

const (
	reseller = "11111111-0000-4000-8000-000000000001"
	customer = "cccccccc-0000-4000-8000-000000000001"
	stranger = "cccccccc-0000-4000-8000-000000000009"
)

func instant(s string) time.Time {
	t, err := models.ParseInstant(s)
	if err != nil {
		panic(err)
	}
	return t
}

func month(s string) models.Month {
	m, err := models.ParseMonth(s)
	if err != nil {
		panic(err)
	}
	return m
}

// market is facts under construction: product p of publisher v with a flat plan,
// a plan of seats and one that only meters, the meter m and the platform's own
// meter hw. Prices count since 2020, fees as D13 has them.
type market struct{ rating.Facts }

func newMarket() *market {
	return &market{rating.Facts{
		Plans: []models.Plan{
			{ProductID: "p", ID: "flat", PricingModel: models.FlatRate},
			{ProductID: "p", ID: "seats", PricingModel: models.PerUser},
			{ProductID: "p", ID: "metered", PricingModel: models.Usage},
		},
		Meters: []models.Meter{{ProductID: "p", ID: "m"}, {ProductID: "p", ID: "hw", Infrastructure: true}},
		AgencyFees: []models.AgencyFeeRate{
			{EffectiveFrom: month("1900-01"), Rate: money.MustParse("0.2")},
			{EffectiveFrom: month("2021-07"), Rate: money.MustParse("0.03")},
		},
		Refunds: models.DefaultRefundPolicy,
	}}
}

// price adds a list price: "flat P1M MONTHLY 100 [from]" or "/m 0.5" of every
// plan or "flat/m 0.5" of one, in US dollars.
func (k *market) price(words string) *market {
	f := strings.Fields(words)
	p := models.Price{ProductID: "p", Market: "US", Currency: "USD", EffectiveFrom: month("2020-01")}
	p.PlanID, p.MeterID, _ = strings.Cut(f[0], "/")
	f = f[1:]
	if p.MeterID == "" {
		p.Term, p.Billing, f = models.Term(f[0]), models.Billing(f[1]), f[2:]
	}
	p.UnitPrice = money.MustParse(f[0])
	if len(f) > 1 {
		p.EffectiveFrom = month(f[1])
	}
	k.Prices = append(k.Prices, p)
	return k
}

// offer adds a private offer of one line for the reseller: live since an instant
// until the end of a month.
func (k *market) offer(id, live, end string, line models.PricingLine) *models.PrivateOffer {
	at := instant(live)
	submitted := at
	line.PrivateOfferID, line.Position, line.ProductID = id, 1, "p"
	k.Offers = append(k.Offers, models.PrivateOffer{
		ID: id, PublisherID: "v", SubmittedAt: &submitted, EndMonth: month(end), Pricing: []models.PricingLine{line},
		Resellers: []models.OfferReseller{{PrivateOfferID: id, ResellerTenantID: reseller, PublishedAt: &at}},
	})
	return &k.Offers[len(k.Offers)-1]
}

// percent is a line for the product, or for one plan of it.
func percent(p string, plan ...string) models.PricingLine {
	percentage, err := money.ParsePercentage(p)
	if err != nil {
		panic(err)
	}
	return models.PricingLine{Percentage: percentage, PlanID: strings.Join(plan, "")}
}

// absolute is a line of one price: "flat P1M MONTHLY 80" or "flat/m 0.4".
func absolute(words string) models.PricingLine {
	p := newMarket().price(words).Prices[0]
	return models.PricingLine{PlanID: p.PlanID, Absolute: []models.AbsolutePrice{
		{Market: p.Market, Currency: p.Currency, Term: p.Term, Billing: p.Billing, MeterID: p.MeterID, UnitPrice: p.UnitPrice},
	}}
}

// buys adds a subscription and its purchases, each "instant action [quantity]
// [term billing]".
func (k *market) buys(plan string, purchases ...string) *models.Subscription {
	id := fmt.Sprintf("s%d", len(k.Subscriptions)+1)
	i := slices.IndexFunc(k.Plans, func(p models.Plan) bool { return p.ID == plan })
	s := models.Subscription{ID: id, PublisherID: "v", ResellerTenantID: reseller, CustomerTenantID: customer,
		ProductID: "p", PlanID: plan, PricingModel: k.Plans[i].PricingModel, Market: "US", Currency: "USD"}
	for n, line := range purchases {
		f := strings.Fields(line)
		p := models.Purchase{Source: "desk", ExternalID: fmt.Sprintf("%s-%d", id, n+1), SubscriptionID: id, OccurredAt: instant(f[0]), RecordedAt: instant(f[0]), Action: models.Action(f[1])}
		if f = f[2:]; len(f)%2 == 1 {
			p.Quantity, f = money.MustParse(f[0]), f[1:]
		}
		if len(f) == 2 {
			p.Term, p.Billing = models.Term(f[0]), models.Billing(f[1])
		}
		s.Purchases = append(s.Purchases, p)
	}
	k.Subscriptions = append(k.Subscriptions, s)
	return &k.Subscriptions[len(k.Subscriptions)-1]
}

// uses adds the usage of a month to the last subscription.
func (k *market) uses(meter, inMonth, quantity string) *market {
	s := k.Subscriptions[len(k.Subscriptions)-1]
	k.Buckets = append(k.Buckets, models.Bucket{Month: month(inMonth), ResellerTenantID: s.ResellerTenantID, SubscriptionID: s.ID,
		PlanID: s.PlanID, MeterID: meter, PublisherID: s.PublisherID, Quantity: money.MustParse(quantity), Records: 1})
	return k
}

// bill is what the months come to, a line each:
// "month type start..end quantity × unit price = list - margin = wholesale - fee = payout offer".
func (k *market) bill(t *testing.T, months ...string) (bill []string) {
	t.Helper()
	book := rating.NewBook(k.Facts)
	for _, m := range months {
		unrated := book.RateMonth(month(m), func(l *models.BillingLine) bool {
			if err := l.Check(); err != nil {
				t.Error(err)
			}
			bill = append(bill, words(l))
			return true
		})
		for _, u := range unrated {
			bill = append(bill, fmt.Sprintf("%s UNRATED %s", u.Month, u.Code))
		}
	}
	return bill
}

func words(l *models.BillingLine) string {
	amount := func(minor int64) string { return money.Amount{Minor: minor, Currency: l.BillingCurrency}.String() }
	unit := l.UnitPrice.String()
	if l.CycleDays != 0 {
		unit += fmt.Sprintf("·%d/%d", l.ProratedDays, l.CycleDays)
	}
	if l.PricingCurrency != l.BillingCurrency {
		unit += "·" + l.ExchangeRate.String()
	}
	text := fmt.Sprintf("%s %s %s..%s %s × %s = %s - %s = %s - %s = %s %s", l.Month, l.ChargeType, l.ChargeStart, l.ChargeEnd, l.Quantity, unit,
		amount(l.ListSubtotal), amount(l.MarginAmount), amount(l.WholesaleSubtotal), amount(l.AgencyFee+l.InfrastructureFee), amount(l.Payout), l.PrivateOfferID)
	return strings.TrimSpace(text)
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// winner is the offer that wins a month of meter m, "" at list price.
func (k *market) winner(t *testing.T, what rating.What, at string) string {
	t.Helper()
	what.ProductID, what.Market = "p", "US"
	e, err := rating.NewBook(k.Facts).Effective(rating.EffectiveQuestion{What: what, ResellerTenantID: reseller, CustomerTenantID: customer, At: instant(at)})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(e.PrivateOfferID + " " + e.WholesalePrice.String())
}

var flatMonth = rating.What{PlanID: "flat", Term: models.P1M, Billing: models.Monthly}

// The one example that no source has whole: list, margin, wholesale, fee, payout.
func TestDerivedExample(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 100")
	k.offer("o1", "2021-10-01", "2021-12", percent("10"))
	k.buys("flat", "2021-10-07T09:00:00Z new P1M MONTHLY")
	expect(t, k.bill(t, "2021-10"), "2021-10 new 2021-10-07..2021-11-06 1 × 90 = 100.00 - 10.00 = 90.00 - 2.70 = 87.30 o1")
}

func TestG1_AgencyModel(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 100")
	k.buys("flat", "2021-10-07T09:00:00Z new P1M MONTHLY")
	expect(t, k.bill(t, "2021-10"), "2021-10 new 2021-10-07..2021-11-06 1 × 100 = 100.00 - 0.00 = 100.00 - 3.00 = 97.00")
}

func TestG2_InfrastructureIsThePlatforms(t *testing.T) {
	k := newMarket().price("/m 1").price("/hw 0.14")
	k.buys("metered", "2021-10-01T00:00:00Z new")
	k.uses("m", "2021-10", "1").uses("hw", "2021-10", "1")
	expect(t, k.bill(t, "2021-10"),
		"2021-10 usage 2021-10-01..2021-10-31 1 × 0.14 = 0.14 - 0.00 = 0.14 - 0.14 = 0.00",
		"2021-10 usage 2021-10-01..2021-10-31 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97")
}

func TestG3_TwentyPercentBeforeJuly2021(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 100")
	k.buys("flat", "2021-06-30T23:59:59Z new P1M MONTHLY", "2021-07-30T00:00:00Z renew")
	expect(t, k.bill(t, "2021-06", "2021-07"),
		"2021-06 new 2021-06-30..2021-07-29 1 × 100 = 100.00 - 0.00 = 100.00 - 20.00 = 80.00",
		"2021-07 renew 2021-07-30..2021-08-29 1 × 100 = 100.00 - 0.00 = 100.00 - 3.00 = 97.00")
}

func TestG18_SeatsProrated(t *testing.T) {
	k := newMarket().price("seats P1M MONTHLY 10.08")
	k.buys("seats", "2021-09-10T08:00:00Z new 10 P1M MONTHLY", "2021-09-12T08:00:00Z addQuantity 2", "2021-09-12T09:00:00Z removeQuantity 4")
	expect(t, k.bill(t, "2021-09"),
		"2021-09 new 2021-09-10..2021-10-09 10 × 10.08 = 100.80 - 0.00 = 100.80 - 3.02 = 97.78",
		"2021-09 addQuantity 2021-09-12..2021-10-09 -10 × 10.08·28/30 = -94.08 - 0.00 = -94.08 - -2.82 = -91.26",
		"2021-09 addQuantity 2021-09-12..2021-10-09 12 × 10.08·28/30 = 112.89 - 0.00 = 112.89 - 3.39 = 109.50",
		"2021-09 removeQuantity 2021-09-12..2021-10-09 -12 × 10.08·28/30 = -112.89 - 0.00 = -112.89 - -3.39 = -109.50",
		"2021-09 removeQuantity 2021-09-12..2021-10-09 8 × 10.08·28/30 = 75.26 - 0.00 = 75.26 - 2.26 = 73.00")
}

func TestG22_TierIsTruncated(t *testing.T) {
	k := newMarket().price("seats P1M MONTHLY 2.99")
	k.offer("o1", "2023-10-01", "2023-12", percent("15"))
	k.buys("seats", "2023-10-07T09:00:00Z new 32 P1M MONTHLY")
	expect(t, k.bill(t, "2023-10"), "2023-10 new 2023-10-07..2023-11-06 32 × 2.5415 = 95.68 - 14.36 = 81.32 - 2.44 = 78.88 o1")
}

func TestG24_DiscountLine(t *testing.T) {
	k := newMarket().price("seats P1M MONTHLY 16")
	k.offer("o1", "2022-01-01", "2022-12", percent("10"))
	k.buys("seats", "2022-02-21T09:00:00Z new 50 P1M MONTHLY")
	expect(t, k.bill(t, "2022-02"), "2022-02 new 2022-02-21..2022-03-20 50 × 14.4 = 800.00 - 80.00 = 720.00 - 21.60 = 698.40 o1")
}

func TestG25_ThirdPartyLine(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 820")
	k.buys("flat", "2022-02-21T09:00:00Z new P1M MONTHLY")
	expect(t, k.bill(t, "2022-02"), "2022-02 new 2022-02-21..2022-03-20 1 × 820 = 820.00 - 0.00 = 820.00 - 24.60 = 795.40")
}

func TestG27_TrialThenPaid(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 2")
	k.buys("flat", "2021-06-10T09:00:00Z new P1M MONTHLY", "2021-07-10T00:00:00Z renew").TrialDays = 30
	expect(t, k.bill(t, "2021-06", "2021-07"),
		"2021-06 new 2021-06-10..2021-07-09 1 × 0 = 0.00 - 0.00 = 0.00 - 0.00 = 0.00",
		"2021-07 renew 2021-07-10..2021-08-09 1 × 2 = 2.00 - 0.00 = 2.00 - 0.06 = 1.94")
}

func TestG27_CancelledTheSameDay(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 10")
	k.buys("flat", "2021-10-07T09:00:00Z new P1M MONTHLY", "2021-10-07T17:00:00Z cancelImmediate")
	expect(t, k.bill(t, "2021-10"),
		"2021-10 new 2021-10-07..2021-11-06 1 × 10 = 10.00 - 0.00 = 10.00 - 0.30 = 9.70",
		"2021-10 cancelImmediate 2021-10-07..2021-11-06 -1 × 10 = -10.00 - 0.00 = -10.00 - -0.30 = -9.70")
}

// D1: who wins, pair by pair.
func TestD1_Selection(t *testing.T) {
	later := func(o *models.PrivateOffer) {
		at := o.Resellers[0].PublishedAt.Add(time.Hour)
		o.Resellers[0].PublishedAt = &at
	}
	for _, c := range []struct {
		name  string
		offer func(*market)
		want  string
	}{
		{"no offer: list", func(k *market) {}, "100"},
		{"the higher percentage", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10"))
			k.offer("o2", "2021-10-02", "2021-12", percent("12.5"))
		}, "o2 87.5"},
		{"product level beats plan level by percentage", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10", "flat"))
			k.offer("o2", "2021-10-02", "2021-12", percent("12.5"))
		}, "o2 87.5"},
		{"plan level beats product level by percentage", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10"))
			k.offer("o2", "2021-10-02", "2021-12", percent("12.5", "flat"))
		}, "o2 87.5"},
		{"another plan does not compete", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10"))
			k.offer("o2", "2021-10-02", "2021-12", percent("50", "seats"))
		}, "o1 90"},
		{"an absolute price beats a cheaper percentage", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("50"))
			k.offer("o2", "2021-10-02", "2021-12", absolute("flat P1M MONTHLY 80"))
		}, "o2 80"},
		{"an absolute price above list still counts", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("50"))
			k.offer("o2", "2021-10-02", "2021-12", absolute("flat P1M MONTHLY 120"))
		}, "o2 120"},
		{"the lowest absolute price", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", absolute("flat P1M MONTHLY 80"))
			k.offer("o2", "2021-10-02", "2021-12", absolute("flat P1M MONTHLY 79.99"))
		}, "o2 79.99"},
		{"an absolute price of another term does not compete", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10"))
			k.offer("o2", "2021-10-02", "2021-12", absolute("flat P1Y MONTHLY 80"))
		}, "o1 90"},
		{"an absolute price in another currency does not compete", func(k *market) {
			line := absolute("flat P1M MONTHLY 80")
			line.Absolute[0].Currency = "EUR"
			k.offer("o1", "2021-10-01", "2021-12", line)
		}, "100"},
		{"an absolute price in another market does not compete", func(k *market) {
			line := absolute("flat P1M MONTHLY 80")
			line.Absolute[0].Market = "DE"
			k.offer("o1", "2021-10-01", "2021-12", line)
		}, "100"},
		{"a tie goes to the earliest go-live", func(k *market) {
			later(k.offer("o1", "2021-10-01", "2021-12", percent("10")))
			k.offer("o2", "2021-10-01", "2021-12", percent("10"))
		}, "o2 90"},
		{"then to the earliest submit", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10"))
			earlier := instant("2021-09-30")
			k.offer("o2", "2021-10-01", "2021-12", percent("10")).SubmittedAt = &earlier
		}, "o2 90"},
		{"then to the first id", func(k *market) {
			k.offer("o2", "2021-10-01", "2021-12", percent("10"))
			k.offer("o1", "2021-10-01", "2021-12", percent("10"))
		}, "o1 90"},
		{"a draft does not compete", func(k *market) { k.offer("o1", "2021-10-01", "2021-12", percent("10")).SubmittedAt = nil }, "100"},
		{"a reseller that is not published has no margin", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10")).Resellers[0].PublishedAt = nil
		}, "100"},
		{"another reseller's margin does not count", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10")).Resellers[0].ResellerTenantID = marketResellers[1]
		}, "100"},
		{"for this customer and for all compete as equals", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10")).Resellers[0].CustomerTenantIDs = []string{customer}
			k.offer("o2", "2021-10-02", "2021-12", percent("11"))
		}, "o2 89"},
		{"for other customers does not compete", func(k *market) {
			k.offer("o1", "2021-10-01", "2021-12", percent("10")).Resellers[0].CustomerTenantIDs = []string{stranger}
		}, "100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newMarket().price("flat P1M MONTHLY 100")
			c.offer(k)
			if got := k.winner(t, flatMonth, "2021-10-07"); got != c.want {
				t.Errorf("%s wins, want %s", got, c.want)
			}
		})
	}
}

// D1: with an absolute price above list the margin amount is negative.
func TestD1_NegativeMargin(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 100")
	k.offer("o1", "2021-10-01", "2021-12", absolute("flat P1M MONTHLY 120"))
	k.buys("flat", "2021-10-07T09:00:00Z new P1M MONTHLY")
	expect(t, k.bill(t, "2021-10"), "2021-10 new 2021-10-07..2021-11-06 1 × 120 = 100.00 - -20.00 = 120.00 - 3.60 = 116.40 o1")
}

// D2: overlapping offers are legal; each counts where the better one does not.
func TestD2_Overlap(t *testing.T) {
	k := newMarket().price("/m 1")
	k.offer("o1", "2021-09-01", "2021-12", percent("10"))
	k.offer("o2", "2021-10-01", "2021-10", percent("20"))
	k.buys("metered", "2021-09-01T00:00:00Z new")
	k.uses("m", "2021-09", "1").uses("m", "2021-10", "1").uses("m", "2021-11", "1")
	expect(t, k.bill(t, "2021-09", "2021-10", "2021-11"),
		"2021-09 usage 2021-09-01..2021-09-30 1 × 0.9 = 1.00 - 0.10 = 0.90 - 0.03 = 0.87 o1",
		"2021-10 usage 2021-10-01..2021-10-31 1 × 0.8 = 1.00 - 0.20 = 0.80 - 0.02 = 0.78 o2",
		"2021-11 usage 2021-11-01..2021-11-30 1 × 0.9 = 1.00 - 0.10 = 0.90 - 0.03 = 0.87 o1")
}

// D3, rules 3.2: an annual term billed by the month keeps list price and margin,
// seats added after the offer ended keep both, the renewal takes both anew, and
// usage of the same subscription takes those of its own month.
func TestD3_EntitlementLocksUsageFloats(t *testing.T) {
	k := newMarket().price("seats P1Y MONTHLY 10").price("seats P1Y MONTHLY 20 2021-11").price("seats/m 1").price("seats/m 2 2021-11")
	k.offer("o1", "2021-10-01", "2021-10", percent("10"))
	k.buys("seats", "2021-10-07T09:00:00Z new 3 P1Y MONTHLY", "2021-11-07T09:00:00Z addQuantity 1", "2022-10-07T00:00:00Z renew")
	k.uses("m", "2021-10", "5").uses("m", "2021-11", "5")
	expect(t, k.bill(t, "2021-10", "2021-11", "2021-12", "2022-10"),
		"2021-10 new 2021-10-07..2021-11-06 3 × 9 = 30.00 - 3.00 = 27.00 - 0.81 = 26.19 o1",
		"2021-10 usage 2021-10-01..2021-10-31 5 × 0.9 = 5.00 - 0.50 = 4.50 - 0.14 = 4.36 o1",
		"2021-11 cycleCharge 2021-11-07..2021-12-06 3 × 9 = 30.00 - 3.00 = 27.00 - 0.81 = 26.19 o1",
		"2021-11 addQuantity 2021-11-07..2021-12-06 -3 × 9·30/30 = -30.00 - -3.00 = -27.00 - -0.81 = -26.19 o1",
		"2021-11 addQuantity 2021-11-07..2021-12-06 4 × 9·30/30 = 40.00 - 4.00 = 36.00 - 1.08 = 34.92 o1",
		"2021-11 usage 2021-11-01..2021-11-30 5 × 2 = 10.00 - 0.00 = 10.00 - 0.30 = 9.70",
		"2021-12 cycleCharge 2021-12-07..2022-01-06 4 × 9 = 40.00 - 4.00 = 36.00 - 1.08 = 34.92 o1",
		"2022-10 renew 2022-10-07..2022-11-06 4 × 20 = 80.00 - 0.00 = 80.00 - 2.40 = 77.60")
}

// Rules 3.2: each case in time that concerns what exists.
func TestTimeRules(t *testing.T) {
	specific := func(m string) func(*models.PrivateOffer) {
		return func(o *models.PrivateOffer) { o.StartMonth = month(m) }
	}
	for _, c := range []struct {
		name  string
		live  string
		end   string
		offer func(*models.PrivateOffer)
		what  rating.What
		at    string
		want  string
	}{
		{"purchase before go-live", "2021-10-20T12:00:00Z", "2021-12", nil, flatMonth, "2021-10-20T11:59:59.999999Z", "100"},
		{"purchase at go-live", "2021-10-20T12:00:00Z", "2021-12", nil, flatMonth, "2021-10-20T12:00:00Z", "o1 90"},
		{"purchase in the last microsecond", "2021-10-20T12:00:00Z", "2021-12", nil, flatMonth, "2021-12-31T23:59:59.999999Z", "o1 90"},
		{"purchase after the end", "2021-10-20T12:00:00Z", "2021-12", nil, flatMonth, "2022-01-01T00:00:00Z", "100"},
		{"renewal inside the window", "2021-10-20T12:00:00Z", "2021-12", nil, flatMonth, "2021-11-20T12:00:00Z", "o1 90"},
		{"specific month, before", "2021-10-20T12:00:00Z", "2021-12", specific("2021-11"), flatMonth, "2021-10-31T23:59:59.999999Z", "100"},
		{"specific month, from the 1st", "2021-10-20T12:00:00Z", "2021-12", specific("2021-11"), flatMonth, "2021-11-01T00:00:00Z", "o1 90"},
		{"usage before go-live in its month", "2021-10-20T12:00:00Z", "2021-12", nil, rating.What{PlanID: "flat", MeterID: "m"}, "2021-10-01T00:00:00Z", "o1 0.9"},
		{"usage in the month before", "2021-10-20T12:00:00Z", "2021-12", nil, rating.What{PlanID: "flat", MeterID: "m"}, "2021-09-30T23:59:59Z", "1"},
		{"usage in the last month", "2021-10-20T12:00:00Z", "2021-12", nil, rating.What{PlanID: "flat", MeterID: "m"}, "2021-12-31T23:59:59Z", "o1 0.9"},
		{"usage after the end", "2021-10-20T12:00:00Z", "2021-12", nil, rating.What{PlanID: "flat", MeterID: "m"}, "2022-01-01T00:00:00Z", "1"},
		{"usage, specific month, before", "2021-10-20T12:00:00Z", "2021-12", specific("2021-11"), rating.What{PlanID: "flat", MeterID: "m"}, "2021-10-25T00:00:00Z", "1"},
		{"usage, specific month", "2021-10-20T12:00:00Z", "2021-12", specific("2021-11"), rating.What{PlanID: "flat", MeterID: "m"}, "2021-11-25T00:00:00Z", "o1 0.9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newMarket().price("flat P1M MONTHLY 100").price("/m 1")
			o := k.offer("o1", c.live, c.end, percent("10"))
			if c.offer != nil {
				c.offer(o)
			}
			if got := k.winner(t, c.what, c.at); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Annual upfront: margin if the billing event occurs during the offer, for the
// whole year; a monthly term pays list from its first renewal after the end.
func TestTimeRules_BillingEvent(t *testing.T) {
	k := newMarket().price("flat P1Y UPFRONT 1200").price("flat P1M MONTHLY 100")
	k.offer("o1", "2021-10-01", "2021-10", percent("10"))
	k.buys("flat", "2021-10-31T23:59:59Z new P1Y UPFRONT")
	k.buys("flat", "2021-10-31T23:59:59Z new P1M MONTHLY", "2021-11-30T00:00:00Z renew")
	expect(t, k.bill(t, "2021-10", "2021-11"),
		"2021-10 new 2021-10-31..2022-10-30 1 × 1080 = 1200.00 - 120.00 = 1080.00 - 32.40 = 1047.60 o1",
		"2021-10 new 2021-10-31..2021-11-29 1 × 90 = 100.00 - 10.00 = 90.00 - 2.70 = 87.30 o1",
		"2021-11 renew 2021-11-30..2021-12-30 1 × 100 = 100.00 - 0.00 = 100.00 - 3.00 = 97.00")
}

// D4: usage recorded before go-live in its month is priced too.
func TestD4_AsSoonAsPossibleCoversTheWholeMonthOfUsage(t *testing.T) {
	k := newMarket().price("/m 1")
	k.offer("o1", "2022-01-31T17:49:25.134681Z", "2028-08", percent("10"))
	k.buys("metered", "2021-12-05T00:00:00Z new")
	k.uses("m", "2021-12", "100").uses("m", "2022-01", "100")
	expect(t, k.bill(t, "2021-12", "2022-01"),
		"2021-12 usage 2021-12-01..2021-12-31 100 × 1 = 100.00 - 0.00 = 100.00 - 3.00 = 97.00",
		"2022-01 usage 2022-01-01..2022-01-31 100 × 0.9 = 100.00 - 10.00 = 90.00 - 2.70 = 87.30 o1")
}

// D5: no margin, no agency fee and no payout on infrastructure, whatever the
// offer says; and a trial is one line of 0.
func TestD5_InfrastructureAndTrials(t *testing.T) {
	k := newMarket().price("flat/hw 2").price("flat P1M MONTHLY 100")
	k.offer("o1", "2021-10-01", "2021-12", percent("10"))
	k.offer("o2", "2021-10-01", "2021-12", absolute("flat/hw 1"))
	k.buys("flat", "2021-10-07T09:00:00Z new P1M MONTHLY").TrialDays = 30
	k.uses("hw", "2021-10", "10")
	expect(t, k.bill(t, "2021-10"),
		"2021-10 new 2021-10-07..2021-11-05 1 × 0 = 0.00 - 0.00 = 0.00 - 0.00 = 0.00",
		"2021-10 usage 2021-10-01..2021-10-31 10 × 2 = 20.00 - 0.00 = 20.00 - 20.00 = 0.00")
	if got := k.winner(t, rating.What{PlanID: "flat", MeterID: "hw"}, "2021-10-07"); got != "2" {
		t.Errorf("infrastructure costs %s", got)
	}
	for _, m := range rating.NewBook(k.Facts).Margins(reseller, instant("2021-10-07"), nil) {
		if i := slices.IndexFunc(m.Prices, func(p models.MarginPrice) bool { return p.MeterID == "hw" }); i >= 0 {
			t.Errorf("a margin on infrastructure is listed: %+v", m.Prices[i])
		}
	}
}

// D6: 0.01 to 100 percent, exact.
func TestD6_PercentagesAreExact(t *testing.T) {
	for percentage, want := range map[string]string{"0.01": "o1 0.1159884000010438956", "33.33": "o1 0.0773372000006960348", "99.99": "o1 0.0000116000000001044", "100": "o1 0"} {
		k := newMarket().price("flat P1M MONTHLY 0.116000000001044")
		k.offer("o1", "2021-10-01", "2021-12", percent(percentage))
		if got := k.winner(t, flatMonth, "2021-10-07"); got != want {
			t.Errorf("%s %%: %s, want %s", percentage, got, want)
		}
	}
}

// D9: a withdrawn offer prices nothing recorded after the withdrawal, whatever
// its date; what was recorded before keeps its margin for the whole term. Usage
// may come in at any time, so none of it is priced.
func TestD9_Withdrawn(t *testing.T) {
	for _, whole := range []bool{true, false} {
		k := newMarket().price("flat P1Y MONTHLY 100").price("/m 1")
		o := k.offer("o1", "2021-10-01", "2021-12", percent("10"))
		withdrawn := instant("2021-10-20T12:00:00Z")
		if whole {
			o.WithdrawnAt = &withdrawn
		} else {
			o.Resellers[0].WithdrawnAt = &withdrawn
		}
		before := k.buys("flat", "2021-10-07T09:00:00Z new P1Y MONTHLY")
		before.Purchases[0].RecordedAt = withdrawn.Add(-time.Microsecond)
		after := k.buys("flat", "2021-10-07T09:00:00Z new P1Y MONTHLY")
		after.Purchases[0].RecordedAt = withdrawn.Add(time.Microsecond)
		k.uses("m", "2021-10", "1").uses("m", "2021-11", "1")
		expect(t, k.bill(t, "2021-10", "2021-11"),
			"2021-10 new 2021-10-07..2021-11-06 1 × 90 = 100.00 - 10.00 = 90.00 - 2.70 = 87.30 o1",
			"2021-10 new 2021-10-07..2021-11-06 1 × 100 = 100.00 - 0.00 = 100.00 - 3.00 = 97.00",
			"2021-10 usage 2021-10-01..2021-10-31 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97",
			"2021-11 cycleCharge 2021-11-07..2021-12-06 1 × 90 = 100.00 - 10.00 = 90.00 - 2.70 = 87.30 o1",
			"2021-11 cycleCharge 2021-11-07..2021-12-06 1 × 100 = 100.00 - 0.00 = 100.00 - 3.00 = 97.00",
			"2021-11 usage 2021-11-01..2021-11-30 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97")
	}
}

// D9: what a sale names is what the line is billed.
func TestD9_Sold(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 100").price("/m 1").price("/hw 1")
	k.offer("o1", "2021-10-20T12:00:00Z", "2021-12", percent("10"))
	book := rating.NewBook(k.Facts)
	for _, c := range []struct {
		what rating.What
		at   string
		want string
	}{
		{flatMonth, "2021-10-20T12:00:00Z", "o1"},
		{flatMonth, "2021-10-20T11:00:00Z", ""},
		{rating.What{PlanID: "flat", MeterID: "m"}, "2021-10-02T00:00:00Z", "o1"},
		{rating.What{PlanID: "flat", MeterID: "hw"}, "2021-10-02T00:00:00Z", ""},
		{rating.What{PlanID: "gold", Term: models.P1M, Billing: models.Monthly}, "2021-10-20T12:00:00Z", ""},
	} {
		c.what.ProductID, c.what.Market = "p", "US"
		offer, ok := book.Sold(c.what, reseller, customer, instant(c.at), instant("2021-10-25"))
		if offer != c.want || ok != (c.want != "") {
			t.Errorf("%+v at %s is sold by %q", c.what, c.at, offer)
		}
	}
}

// D11: truncated toward zero to the minor unit, list and wholesale each from its
// own unit price; margin is their difference.
func TestD11_RoundedOnce(t *testing.T) {
	for _, c := range []struct {
		currency   money.Currency
		price, use string
		want       string
	}{
		{"USD", "0.0116", "744.75", "744.75 × 0.01044 = 8.63 - 0.86 = 7.77 - 0.23 = 7.54"}, // 8.6391, 7.77519
		{"USD", "0.009", "1", "1 × 0.0081 = 0.00 - 0.00 = 0.00 - 0.00 = 0.00"},             // "truncate a meter less than $0.01 to zero"
		{"JPY", "0.99", "10", "10 × 0.891 = 9 - 1 = 8 - 0 = 8"},                            // 9.9, 8.91
		{"KWD", "0.44729", "7", "7 × 0.402561 = 3.131 - 0.314 = 2.817 - 0.085 = 2.732"},    // 3.13103, 2.817927
	} {
		k := newMarket().price("/m " + c.price)
		k.Prices[0].Currency = c.currency
		k.offer("o1", "2021-10-01", "2021-12", percent("10"))
		k.buys("metered", "2021-10-01T00:00:00Z new").Currency = c.currency
		k.uses("m", "2021-10", c.use)
		expect(t, k.bill(t, "2021-10"), "2021-10 usage 2021-10-01..2021-10-31 "+c.want+" o1")
	}
}

// D11: a reversal is the exact negative of what it reverses, fees included, also
// across a month with another exchange rate and another fee.
func TestD11_ReversalIsTheExactNegative(t *testing.T) {
	k := newMarket().price("seats P1Y MONTHLY 10.08")
	k.AgencyFees = append(k.AgencyFees, models.AgencyFeeRate{ChargeType: models.ChargeCancelImmediate, EffectiveFrom: month("2021-01"), Rate: money.MustParse("0.5")})
	k.ExchangeRates = []models.ExchangeRate{
		{Currency: "JPY", Month: month("2021-06"), USDPerUnit: money.MustParse("0.0091")},
		{Currency: "JPY", Month: month("2021-07"), USDPerUnit: money.MustParse("0.0089")},
	}
	k.buys("seats", "2021-06-25T08:00:00Z new 3 P1Y MONTHLY", "2021-06-27T08:00:00Z addQuantity 2", "2021-07-02T08:00:00Z cancelImmediate").Currency = "JPY"
	expect(t, k.bill(t, "2021-06", "2021-07"),
		"2021-06 new 2021-06-25..2021-07-24 3 × 10.08·109.89010989010989010989 = 3323 - 0 = 3323 - 665 = 2658",
		"2021-06 addQuantity 2021-06-27..2021-07-24 -3 × 10.08·28/30·109.89010989010989010989 = -3101 - 0 = -3101 - -620 = -2481",
		"2021-06 addQuantity 2021-06-27..2021-07-24 5 × 10.08·28/30·109.89010989010989010989 = 5169 - 0 = 5169 - 1034 = 4135",
		"2021-07 cancelImmediate 2021-06-25..2021-07-24 -3 × 10.08·109.89010989010989010989 = -3323 - 0 = -3323 - -665 = -2658",
		"2021-07 cancelImmediate 2021-06-27..2021-07-24 3 × 10.08·28/30·109.89010989010989010989 = 3101 - 0 = 3101 - 620 = 2481",
		"2021-07 cancelImmediate 2021-06-27..2021-07-24 -5 × 10.08·28/30·109.89010989010989010989 = -5169 - 0 = -5169 - -1034 = -4135")
}

// D12: a line of amount 0 is still a line.
func TestD12_ZeroIsALine(t *testing.T) {
	k := newMarket().price("/m 0")
	k.buys("metered", "2021-10-01T00:00:00Z new")
	k.uses("m", "2021-10", "5")
	expect(t, k.bill(t, "2021-10"), "2021-10 usage 2021-10-01..2021-10-31 5 × 0 = 0.00 - 0.00 = 0.00 - 0.00 = 0.00")
}

// D13: the fee is rounded half-even to the minor unit, and the payout is what is
// left.
func TestD13_FeeIsRoundedHalfEven(t *testing.T) {
	for price, want := range map[string]string{
		"0.50": "0.50 - 0.02 = 0.48", // 0.015
		"1.50": "1.50 - 0.04 = 1.46", // 0.045
		"2.50": "2.50 - 0.08 = 2.42", // 0.075
		"0.16": "0.16 - 0.00 = 0.16", // 0.0048
		"0.17": "0.17 - 0.01 = 0.16", // 0.0051
	} {
		k := newMarket().price("/m " + price)
		k.buys("metered", "2021-10-01T00:00:00Z new")
		k.uses("m", "2021-10", "1")
		if got := k.bill(t, "2021-10")[0]; !strings.HasSuffix(got, " = "+want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// D13: offer beats product beats publisher beats default; a named charge type
// beats any; the later effective date beats the earlier.
func TestD13_WhichFeeRate(t *testing.T) {
	rates := map[string]models.AgencyFeeRate{
		"publisher":       {PublisherID: "v"},
		"publisher usage": {PublisherID: "v", ChargeType: models.ChargeUsage},
		"publisher later": {PublisherID: "v", EffectiveFrom: month("2021-10")},
		"other publisher": {PublisherID: "w"},
		"product":         {ProductID: "p"},
		"other product":   {ProductID: "q"},
		"offer":           {PrivateOfferID: "o1"},
		"offer new":       {PrivateOfferID: "o1", ChargeType: models.ChargeNew},
		"other offer":     {PrivateOfferID: "o2"},
		"future offer":    {PrivateOfferID: "o1", EffectiveFrom: month("2021-11")},
		"default usage":   {ChargeType: models.ChargeUsage},
		"default renew":   {ChargeType: models.ChargeRenew},
	}
	for _, c := range []struct{ of, want string }{
		{"", "0.03"},
		{"other publisher, other product, other offer, future offer, default renew", "0.03"},
		{"default usage", "default usage"},
		{"default usage, publisher", "publisher"},
		{"publisher, publisher usage", "publisher usage"},
		{"publisher usage, publisher later", "publisher usage"},
		{"publisher, publisher later", "publisher later"},
		{"publisher usage, product", "product"},
		{"publisher usage, product, offer", "offer"},
		{"product, offer new", "product"},
	} {
		k := newMarket().price("/m 1")
		k.offer("o1", "2021-10-01", "2021-12", percent("10"))
		k.buys("metered", "2021-10-01T00:00:00Z new")
		k.uses("m", "2021-10", "1")
		names := map[string]string{"0.03": "0.03"}
		for i, name := range strings.Split(c.of, ", ") {
			if fee, ok := rates[name]; ok {
				fee.EffectiveFrom = max(fee.EffectiveFrom, month("2021-08"))
				fee.Rate = money.New(int64(i+1), 1)
				names[fee.Rate.String()] = name
				k.AgencyFees = append(k.AgencyFees, fee)
			}
		}
		rating.NewBook(k.Facts).RateMonth(month("2021-10"), func(l *models.BillingLine) bool {
			if got := names[l.AgencyFeeRate.String()]; got != c.want {
				t.Errorf("of %q counts %q, want %q", c.of, got, c.want)
			}
			return true
		})
	}
}

// D14's payout runs and D12's closing come later; what a line tells them is here.
func TestD14_PayoutIsOnTheLine(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 50")
	k.buys("flat", "2021-10-07T09:00:00Z new P1M MONTHLY")
	rating.NewBook(k.Facts).RateMonth(month("2021-10"), func(l *models.BillingLine) bool {
		if l.Payout != 4850 || l.BillingCurrency != "USD" || l.PublisherID != "v" {
			t.Errorf("%d %s for %s", l.Payout, l.BillingCurrency, l.PublisherID)
		}
		return true
	})
}

// D15: an entitlement line belongs whole to the month of its billing event, and
// charge cycles keep the day of purchase as their anchor.
func TestD15_MonthsAndAnchors(t *testing.T) {
	k := newMarket().price("flat P1Y MONTHLY 1")
	k.buys("flat", "2022-01-31T23:59:59Z new P1Y MONTHLY")
	expect(t, k.bill(t, "2022-01", "2022-02", "2022-03", "2022-04", "2022-12", "2023-01"),
		"2022-01 new 2022-01-31..2022-02-27 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97",
		"2022-02 cycleCharge 2022-02-28..2022-03-30 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97",
		"2022-03 cycleCharge 2022-03-31..2022-04-29 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97",
		"2022-04 cycleCharge 2022-04-30..2022-05-30 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97",
		"2022-12 cycleCharge 2022-12-31..2023-01-30 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97")
}

// D16: the rate is that of the line's month, half-even to 20 digits; a US dollar
// is worth one; equal currencies need no rate.
func TestD16_ExchangeRates(t *testing.T) {
	k := newMarket().price("/m 10")
	k.ExchangeRates = []models.ExchangeRate{
		{Currency: "JPY", Month: month("2021-10"), USDPerUnit: money.MustParse("0.0088")},
		{Currency: "JPY", Month: month("2021-11"), USDPerUnit: money.MustParse("0.0090")},
	}
	k.buys("metered", "2021-10-01T00:00:00Z new").Currency = "JPY"
	k.uses("m", "2021-10", "1").uses("m", "2021-11", "1").uses("m", "2021-12", "1")
	expect(t, k.bill(t, "2021-10", "2021-11", "2021-12"),
		"2021-10 usage 2021-10-01..2021-10-31 1 × 10·113.63636363636363636364 = 1136 - 0 = 1136 - 34 = 1102",
		"2021-11 usage 2021-11-01..2021-11-30 1 × 10·111.11111111111111111111 = 1111 - 0 = 1111 - 33 = 1078",
		"2021-12 UNRATED NO_EXCHANGE_RATE")
}

// D16: pricing currency is that of the list price. Where a market changes its
// currency, the latest price counts, unless the bill is in the other one.
func TestD16_MarketThatChangesItsCurrency(t *testing.T) {
	k := newMarket().price("/m 7.5").price("/m 1 2023-01")
	k.Prices[0].Market, k.Prices[0].Currency = "HR", "USD"
	k.Prices[1].Market, k.Prices[1].Currency = "HR", "EUR"
	for _, c := range []struct {
		month   string
		billing money.Currency
		want    money.Currency
	}{{"2022-12", "EUR", "USD"}, {"2023-01", "EUR", "EUR"}, {"2023-01", "JPY", "EUR"}, {"2023-01", "USD", "USD"}} {
		e, err := rating.NewBook(k.Facts).Effective(rating.EffectiveQuestion{
			What: rating.What{ProductID: "p", PlanID: "flat", MeterID: "m", Market: "HR", Currency: c.billing}, At: month(c.month).Start()})
		if err != nil || e.Currency != c.want {
			t.Errorf("%s billed in %s is priced in %s, want %s; %v", c.month, c.billing, e.Currency, c.want, err)
		}
	}
}

// D17: usage that was accepted stays billed, also outside the life as known now.
func TestD17_AcceptedUsageStaysBilled(t *testing.T) {
	k := newMarket().price("/m 1")
	k.buys("metered", "2021-09-01T00:00:00Z new", "2021-09-02T00:00:00Z cancelImmediate")
	k.uses("m", "2021-10", "1")
	expect(t, k.bill(t, "2021-10"), "2021-10 usage 2021-10-01..2021-10-31 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97")
}

// D18: unitPrice is the price of one charge; cycle charges are derived, renewals
// never; a plan that only meters makes no line of its own.
func TestD18_Charges(t *testing.T) {
	k := newMarket().price("flat P2Y ANNUAL 1200").price("flat P3Y UPFRONT 3000")
	k.buys("flat", "2021-10-07T09:00:00Z new P2Y ANNUAL")
	k.buys("flat", "2021-10-07T09:00:00Z new P3Y UPFRONT")
	k.buys("metered", "2021-10-07T09:00:00Z new")
	var months []string
	for m := month("2021-10"); m < month("2025-12"); m++ {
		months = append(months, m.String())
	}
	expect(t, k.bill(t, months...),
		"2021-10 new 2021-10-07..2022-10-06 1 × 1200 = 1200.00 - 0.00 = 1200.00 - 36.00 = 1164.00",
		"2021-10 new 2021-10-07..2024-10-06 1 × 3000 = 3000.00 - 0.00 = 3000.00 - 90.00 = 2910.00",
		"2022-10 cycleCharge 2022-10-07..2023-10-06 1 × 1200 = 1200.00 - 0.00 = 1200.00 - 36.00 = 1164.00")
}

// D19: after the window nothing comes back, and no further cycle is charged.
func TestD19_NoRefundLater(t *testing.T) {
	k := newMarket().price("flat P1Y MONTHLY 10")
	k.buys("flat", "2021-10-07T09:00:00Z new P1Y MONTHLY", "2021-11-20T09:00:00Z cancelImmediate")
	expect(t, k.bill(t, "2021-10", "2021-11", "2021-12"),
		"2021-10 new 2021-10-07..2021-11-06 1 × 10 = 10.00 - 0.00 = 10.00 - 0.30 = 9.70",
		"2021-11 cycleCharge 2021-11-07..2021-12-06 1 × 10 = 10.00 - 0.00 = 10.00 - 0.30 = 9.70")
}

// D19: one cancellation gives back two terms, and each line keeps an id of its
// own.
func TestD19_RefundOfTwoTerms(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 10")
	k.buys("flat", "2021-10-07T09:00:00Z new P1M MONTHLY", "2021-10-07T10:00:00Z renew", "2021-10-07T17:00:00Z cancelImmediate")
	ids := map[string]bool{}
	sum := int64(0)
	rating.NewBook(k.Facts).RateMonth(month("2021-10"), func(l *models.BillingLine) bool {
		ids[l.ID()] = true
		sum += l.WholesaleSubtotal
		return true
	})
	if len(ids) != 4 || sum != 0 {
		t.Errorf("%d lines come to %d, want 4 of 0", len(ids), sum)
	}
}

// D20: what cannot be rated does not hide.
func TestD20_UnratedFacts(t *testing.T) {
	k := newMarket().price("/m 1")
	k.buys("flat", "2021-10-07T09:00:00Z new P1Y MONTHLY") // no price
	k.buys("metered", "2021-10-07T09:00:00Z new").Currency = "EUR"
	k.uses("m", "2021-10", "1")                                     // no rate
	k.uses("gone", "2021-10", "1")                                  // no price of this meter
	k.buys("seats", "2021-10-07T09:00:00Z addQuantity 3")           // nothing to add to
	k.buys("metered", "2021-10-07T09:00:00Z new").Currency = "USD"  // good, no line of its own
	k.uses("m", "2021-10", "999999999999999.999999999999999")       // fits
	k.Prices[0].UnitPrice = money.MustParse("999999999999.9999999") // does not
	k.Buckets = append(k.Buckets, models.Bucket{Month: month("2021-10"), SubscriptionID: "zz", MeterID: "m", Quantity: money.New(1, 0)})
	book := rating.NewBook(k.Facts)
	var got []string
	for _, m := range []string{"2021-10", "2021-11"} {
		for _, u := range book.RateMonth(month(m), func(*models.BillingLine) bool { t.Error("a line"); return true }) {
			if u.Message == "" || u.Month != month(m) {
				t.Errorf("%+v does not say what is missing", u)
			}
			got = append(got, strings.Join(strings.Fields(fmt.Sprintln(u.Month, u.SubscriptionID, u.ExternalID, u.MeterID, u.Code)), " "))
		}
	}
	expect(t, got,
		"2021-10 s1 s1-1 NO_LIST_PRICE", "2021-10 s2 gone NO_LIST_PRICE", "2021-10 s2 m NO_EXCHANGE_RATE", "2021-10 s3 FACT_INCONSISTENT",
		"2021-10 s4 m AMOUNT_TOO_LARGE", "2021-10 zz m FACT_INCONSISTENT",
		"2021-11 s1 s1-1 NO_LIST_PRICE", "2021-11 s3 FACT_INCONSISTENT")
}

func TestD20_NoFeeRate(t *testing.T) {
	k := newMarket().price("/m 1")
	k.AgencyFees = nil
	k.buys("metered", "2021-10-07T09:00:00Z new")
	k.uses("m", "2021-10", "1")
	expect(t, k.bill(t, "2021-10"), "2021-10 UNRATED NO_AGENCY_FEE_RATE")
}

// Rules 3.3: a plan's own price of a meter comes before the product's, and one
// that has not begun leaves the product's in force.
func TestMeterPriceOfThePlanComesFirst(t *testing.T) {
	k := newMarket().price("/m 1").price("metered/m 2 2021-11")
	k.buys("metered", "2021-10-01T00:00:00Z new")
	k.uses("m", "2021-10", "1").uses("m", "2021-11", "1")
	expect(t, k.bill(t, "2021-10", "2021-11"),
		"2021-10 usage 2021-10-01..2021-10-31 1 × 1 = 1.00 - 0.00 = 1.00 - 0.03 = 0.97",
		"2021-11 usage 2021-11-01..2021-11-30 1 × 2 = 2.00 - 0.00 = 2.00 - 0.06 = 1.94")
}

// A walk that is stopped stops, and goes over months without facts in silence.
func TestRateMonthStops(t *testing.T) {
	k := newMarket().price("/m 1").price("flat P1M MONTHLY 1")
	k.buys("flat", "2021-10-01T00:00:00Z new P1M MONTHLY")
	k.uses("m", "2021-10", "1")
	k.buys("flat", "2021-10-01T00:00:00Z new P1M MONTHLY")
	for stop := 1; stop <= 3; stop++ {
		lines := 0
		rating.NewBook(k.Facts).RateMonth(month("2021-10"), func(*models.BillingLine) bool { lines++; return lines < stop })
		if lines != stop {
			t.Errorf("stopped after %d lines, went on to %d", stop, lines)
		}
	}
	if unrated := rating.NewBook(rating.Facts{}).RateMonth(month("2021-10"), func(*models.BillingLine) bool { t.Error("a line"); return true }); unrated != nil {
		t.Error(unrated)
	}
}
