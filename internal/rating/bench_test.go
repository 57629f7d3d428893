package rating_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/models"
)

var (
	benchMonth   = models.NewMonth(2024, time.September)
	benchMeters  = []string{"calls", "storage", "traffic"}
	benchSizes   = []int{1_000, 100_000, 1_000_000}
	benchOffers  = 8 // of each reseller, of which two apply to any line
	benchSellers = 50
)

// benchMarket is a market whose one month has the given number of lines: for
// each subscription the monthly charge of a year and three meters, half of them
// converted from dollars to euros, all with a margin that beats another.
//
// It also returns what the wholesale of the month comes to, in plain 64-bit
// integers: prices have 4 fraction digits, margins 4 as a factor, quantities 3,
// and the exchange rate is 0.8.
func benchMarket(lines int) (f rating.Facts, wholesale int64) {
	f = rating.Facts{
		Plans: []models.Plan{{ProductID: "p", ID: "team", PricingModel: models.PerUser}},
		ExchangeRates: []models.ExchangeRate{
			{Currency: "EUR", Month: benchMonth, USDPerUnit: money.MustParse("1.25")},
		},
		AgencyFees: []models.AgencyFeeRate{
			{EffectiveFrom: models.NewMonth(1900, time.January), Rate: money.MustParse("0.2")},
			{EffectiveFrom: models.NewMonth(2021, time.July), Rate: money.MustParse("0.03")},
		},
		Refunds: models.DefaultRefundPolicy,
	}
	price := func(meter string, term models.Term, billing models.Billing, tenThousandths int64) {
		plan := "team"
		if meter != "" {
			plan = ""
		}
		f.Prices = append(f.Prices, models.Price{ProductID: "p", PlanID: plan, MeterID: meter, Term: term, Billing: billing,
			Market: "US", Currency: "USD", EffectiveFrom: benchMonth - 24, UnitPrice: money.New(tenThousandths, 4)})
	}
	prices := map[string]int64{"": 99_900, "calls": 116, "storage": 4_701, "traffic": 12_345}
	price("", models.P1Y, models.Monthly, prices[""])
	for _, meter := range benchMeters {
		f.Meters = append(f.Meters, models.Meter{ProductID: "p", ID: meter})
		price(meter, "", "", prices[meter])
	}
	live := (benchMonth - 12).Start()
	for i := range benchOffers {
		o := models.PrivateOffer{ID: fmt.Sprintf("o%d", i), PublisherID: "v", SubmittedAt: &live, StartMonth: benchMonth - models.Month(2*i), EndMonth: benchMonth - models.Month(2*i) + 3,
			Pricing: []models.PricingLine{{Position: 1, ProductID: "p", Percentage: money.Percentage(1000 + i)}}}
		for r := range benchSellers {
			o.Resellers = append(o.Resellers, models.OfferReseller{ResellerTenantID: fmt.Sprint("r", r), PublishedAt: &live})
		}
		f.Offers = append(f.Offers, o)
	}
	// Usage in September: offers 0 (from September) and 1 (July to October): the
	// higher percentage is 10.01 %. Seats were bought in March: offers 3 and 4,
	// hence 10.04 %.
	keep := func(meter string) int64 {
		if meter == "" {
			return 10_000 - 1_004
		}
		return 10_000 - 1_001
	}
	add := func(meter string, thousandths int64, euros bool) {
		exact := prices[meter] * keep(meter) * thousandths // 11 fraction digits
		if euros {
			wholesale += exact * 8 / 10 / 1_000_000_000
		} else {
			wholesale += exact / 1_000_000_000
		}
	}
	bought := time.Date(2024, 3, 17, 12, 0, 0, 0, time.UTC)
	for i := range (lines + 3) / 4 {
		s := models.Subscription{ID: fmt.Sprintf("s%07d", i), PublisherID: "v", ResellerTenantID: fmt.Sprint("r", i%benchSellers), CustomerTenantID: fmt.Sprint("c", i%1000),
			ProductID: "p", PlanID: "team", Market: "US", Currency: "USD", PricingModel: models.PerUser}
		euros := i%2 == 1
		if euros {
			s.Currency = "EUR"
		}
		seats := int64(i%40 + 1)
		s.Purchases = []models.Purchase{{Source: "desk", ExternalID: s.ID, SubscriptionID: s.ID, Action: models.ActionNew, OccurredAt: bought, RecordedAt: bought,
			Term: models.P1Y, Billing: models.Monthly, Quantity: money.New(seats, 0)}}
		f.Subscriptions = append(f.Subscriptions, s)
		add("", seats*1000, euros)
		for j, meter := range benchMeters {
			thousandths := int64(i*(j+7)%999_983 + 1)
			f.Buckets = append(f.Buckets, models.Bucket{Month: benchMonth, ResellerTenantID: s.ResellerTenantID, SubscriptionID: s.ID,
				PlanID: "team", MeterID: meter, PublisherID: "v", Quantity: money.New(thousandths, 3), Records: 1})
			add(meter, thousandths, euros)
		}
	}
	return f, wholesale
}

// BenchmarkLine is one line of usage from its bucket: list price, eight pricing
// lines of which two compete, exchange rate, two roundings and a fee.
func BenchmarkLine(b *testing.B) {
	facts, _ := benchMarket(4)
	facts.Subscriptions[0].Currency = "EUR"
	facts.Subscriptions[0].Purchases[0].OccurredAt = benchMonth.End()
	facts.Buckets = facts.Buckets[2:]
	facts.Buckets[0].Quantity = money.MustParse("1234.567")
	book := rating.NewBook(facts)
	var wholesale int64
	lines := 0
	b.ReportAllocs()
	for b.Loop() {
		book.RateMonth(benchMonth, func(l *models.BillingLine) bool {
			wholesale = l.WholesaleSubtotal
			lines++
			return true
		})
	}
	// 1.2345 × 0.8999 × 1234.567 × 0.8 = 1097.21...
	if wholesale != 109_721 || lines != b.N {
		b.Fatalf("%d lines of %d", lines, wholesale)
	}
}

// BenchmarkRateMonth rates a month of many lines on one core.
func BenchmarkRateMonth(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			facts, want := benchMarket(size)
			book := rating.NewBook(facts)
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				lines, wholesale := 0, int64(0)
				unrated := book.RateMonth(benchMonth, func(l *models.BillingLine) bool {
					lines++
					wholesale += l.WholesaleSubtotal
					return true
				})
				if lines != size || wholesale != want || len(unrated) > 0 {
					b.Fatalf("%d lines of %d, want %d of %d; %v", lines, wholesale, size, want, unrated)
				}
			}
			runtime.ReadMemStats(&after)
			rated := float64(b.N) * float64(size)
			b.ReportMetric(rated/b.Elapsed().Seconds(), "lines/s")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/rated, "allocs/line")
		})
	}
}

// BenchmarkNewBook indexes the facts of the same months.
func BenchmarkNewBook(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			facts, want := benchMarket(size)
			var book *rating.Book
			b.ReportAllocs()
			for b.Loop() {
				book = rating.NewBook(facts)
			}
			var wholesale int64
			book.RateMonth(benchMonth, func(l *models.BillingLine) bool { wholesale += l.WholesaleSubtotal; return true })
			if wholesale != want {
				b.Fatalf("%d, want %d", wholesale, want)
			}
			b.ReportMetric(float64(b.N)*float64(size)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// BenchmarkMargins lists the margins of one reseller.
func BenchmarkMargins(b *testing.B) {
	facts, _ := benchMarket(4)
	book := rating.NewBook(facts)
	at := benchMonth.Start().AddDate(0, 0, 10)
	b.ReportAllocs()
	for b.Loop() {
		wins, prices := 0, 0
		for _, m := range book.Margins("r7", at, nil) {
			for _, p := range m.Prices {
				prices++
				if p.Wins {
					wins++
				}
			}
		}
		// Eight margins of four prices; the one of 10.01 % wins them all.
		if prices != 4*benchOffers || wins != 4 {
			b.Fatalf("%d of %d prices win", wins, prices)
		}
	}
}
