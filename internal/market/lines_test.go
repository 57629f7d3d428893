package market_test

import (
	"errors"
	"iter"
	"testing"

	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// A report is complete or it is an error, whatever part of it is asked for;
// what the fact cannot be in stays available (D20).
func TestUnrated(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("s", "2024-03-01T00:00:00Z", "flat"), buy("u", "2024-04-01T00:00:00Z", "unpriced"))
		w.recordUsage(use("1", "s", "2024-03-05T00:00:00Z", "1"), use("2", "s", "2024-03-05T00:00:00Z", "1", func(u *models.UsageRecord) { u.MeterID = "odd" }))
		ask := func(query market.LineQuery) (n int) {
			t.Helper()
			if query.From == 0 {
				query.From, query.To = month("2024-03"), month("2024-03")
			}
			err := w.Lines(background, models.System, query, func(_ *rating.Book, lines iter.Seq[*models.BillingLine]) error {
				for range lines {
					n++
				}
				return nil
			})
			if unrated := (*market.UnratedError)(nil); errors.As(err, &unrated) {
				return -len(unrated.Facts)
			}
			w.must(err)
			return n
		}
		for _, c := range []struct {
			name  string
			query market.LineQuery
			want  int // lines, or minus the unrated facts
		}{
			{"all of the month", market.LineQuery{}, -1},
			{"two months", market.LineQuery{From: month("2024-03"), To: month("2024-04")}, -2},
			{"usage", market.LineQuery{ChargeTypes: []models.ChargeType{models.ChargeUsage}}, -1},
			{"purchases", market.LineQuery{ChargeTypes: []models.ChargeType{models.ChargeNew, models.ChargeRenew}}, 1},
			{"another meter", market.LineQuery{MeterID: "calls"}, 1},
			{"another subscription", market.LineQuery{Where: store.LineFilter{SubscriptionID: "u"}}, 0},
			{"its currency", market.LineQuery{Currency: "USD"}, -1},
			{"another currency", market.LineQuery{Currency: "EUR"}, 0},
			{"another plan", market.LineQuery{PlanID: "seats"}, 0},
			{"infrastructure, which it may be", market.LineQuery{Infrastructure: new(bool)}, -1},
			{"an earlier month", market.LineQuery{From: month("2024-02"), To: month("2024-02")}, 0},
		} {
			if got := ask(c.query); got != c.want {
				t.Errorf("%s: %d, want %d", c.name, got, c.want)
			}
		}
		facts, err := w.UnratedFacts(background, models.System, month("2024-03"))
		w.must(err)
		if len(facts) != 1 || facts[0].MeterID != "odd" || facts[0].Code != models.CodeNoListPrice {
			t.Errorf("unrated: %+v", facts)
		}
		// The price comes later, and the report is whole.
		w.save(models.Record{Price: &models.Price{ProductID: "mail", MeterID: "odd", Market: "US", Currency: "USD", EffectiveFrom: month("2024-03"), UnitPrice: money.MustParse("1")}})
		if got := ask(market.LineQuery{}); got != 3 {
			t.Errorf("%d lines, want 3", got)
		}
		w.verified()
	})
}

// Every viewer gets the lines that are its own, rated the same.
func TestLinesOfViewers(t *testing.T) {
	onEngines(t, func(w *world) {
		w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA, resellerB))
		w.work()
		w.save(models.Record{ExchangeRate: &models.ExchangeRate{Currency: "EUR", Month: month("2024-03"), USDPerUnit: money.MustParse("1.25")}})
		ofB := func(p *models.Purchase) { p.ResellerTenantID, p.CustomerTenantID = resellerB, customer3 }
		w.recordPurchases(
			buy("a-mail", "2024-03-02T00:00:00Z", "flat"), buy("b-mail", "2024-03-02T00:00:00Z", "flat", ofB),
			buy("a-disk", "2024-03-02T00:00:00Z", "flat", func(p *models.Purchase) { p.ProductID = "disk" }),
		)
		// What a reseller bought stays rated when it leaves the market.
		w.save(models.Record{Product: &models.Product{ID: "mail", PublisherID: "contoso", Title: "mail", Type: models.SaaS, CSPOptIn: models.OptInAny}})
		for _, c := range []struct {
			viewer models.Viewer
			want   []string
		}{
			{models.System, []string{"a-disk 10.00 USD", "a-mail 9.00 USD", "b-mail 7.20 EUR"}},
			{finance, []string{"a-disk 10.00 USD", "a-mail 9.00 USD", "b-mail 7.20 EUR"}},
			{viewerA, []string{"a-disk 10.00 USD", "a-mail 9.00 USD"}},
			{viewerB, []string{"b-mail 7.20 EUR"}},
			{contoso, []string{"a-mail 9.00 USD", "b-mail 7.20 EUR"}},
			{fabrikam, []string{"a-disk 10.00 USD"}},
		} {
			var got []string
			for _, line := range w.lines(c.viewer, "2024-03") {
				amount := money.Amount{Minor: line.WholesaleSubtotal, Currency: line.BillingCurrency}
				got = append(got, line.SubscriptionID+" "+amount.String()+" "+string(line.BillingCurrency))
			}
			w.same(string(c.viewer.Role)+" "+c.viewer.Organization, got, c.want)
		}
		for _, nobody := range []models.Viewer{{}, {Role: models.RoleReseller}} {
			err := w.Lines(background, nobody, market.LineQuery{From: month("2024-03"), To: month("2024-03")}, nil)
			if !errors.Is(err, store.ErrNobody) {
				t.Errorf("%+v: %v", nobody, err)
			}
		}
	})
}

// A reseller asks for its own margins, whatever it names.
func TestMarginsOfAReseller(t *testing.T) {
	onEngines(t, func(w *world) {
		w.submit(offerOf("both", percentage("mail", "", "10"), resellerA, resellerB))
		w.submit(offerOf("only-a", percentage("mail", "flat", "20"), resellerA))
		w.work()
		ids := func(viewer models.Viewer, reseller string) (ids []string) {
			margins, err := w.Margins(background, viewer, reseller, w.clock, nil, market.Database)
			w.must(err)
			for i := range margins {
				ids = append(ids, margins[i].PrivateOfferID+" "+margins[i].ResellerTenantID[:1])
			}
			return ids
		}
		w.same("A", ids(viewerA, ""), []string{"both a", "only-a a"})
		w.same("A names B", ids(viewerA, resellerB), []string{"both a", "only-a a"})
		w.same("B", ids(viewerB, resellerB), []string{"both b"})
		w.same("finance asks for B", ids(finance, resellerB), []string{"both b"})

		ask := rating.EffectiveQuestion{
			What:             rating.What{ProductID: "mail", PlanID: "flat", Term: models.P1M, Billing: models.Monthly, Market: "US"},
			ResellerTenantID: resellerA, At: w.clock,
		}
		answers, err := w.EffectiveMargins(background, finance, resellerA, []rating.EffectiveQuestion{ask}, market.Database)
		w.must(err)
		effective := answers[0]
		if effective.PrivateOfferID != "only-a" || effective.WholesalePrice != money.New(8, 0) || len(effective.Candidates()) != 2 {
			t.Errorf("A: %+v", effective)
		}
		answers, err = w.EffectiveMargins(background, viewerB, resellerA, []rating.EffectiveQuestion{ask}, market.Database)
		w.must(err)
		effective = answers[0]
		if effective.PrivateOfferID != "both" || len(effective.Candidates()) != 1 {
			t.Errorf("B: %+v", effective)
		}
		abroad, unknown, odd := ask, ask, ask
		abroad.Market, unknown.PlanID, odd.MeterID = "DE", "later", "later"
		answers, err = w.EffectiveMargins(background, finance, resellerA, []rating.EffectiveQuestion{abroad, ask, unknown, odd}, market.Database)
		w.must(err)
		for i, want := range []string{"plan:NO_LIST_PRICE", "", "plan:NOT_FOUND", "meter:NOT_FOUND"} {
			if got := codes(answers[i].Violations); got != want {
				t.Errorf("question %d: %s, want %s", i, got, want)
			}
		}
	})
}

// Verify finds whatever is stored otherwise than the raw facts say.
// tampered changes the subscription of TestVerifyFinds behind the market's back.
func tampered(change func(*models.Subscription)) func(w *store.Writer) error {
	return func(w *store.Writer) error {
		subscriptions, err := w.SubscriptionsByID([]string{"s"})
		change(&subscriptions[0])
		return errors.Join(err, w.SaveSubscription(&subscriptions[0]))
	}
}

func TestVerifyFinds(t *testing.T) {
	cases := []struct {
		name   string
		tamper func(w *store.Writer) error
		want   string
	}{
		{"a wrong sum", func(w *store.Writer) error {
			return w.SaveBuckets([]models.Bucket{{Month: month("2024-03"), ResellerTenantID: resellerA, SubscriptionID: "s", PlanID: "metered", MeterID: "calls", PublisherID: "contoso", Quantity: money.New(8, 0), Records: 1}})
		}, "bucket of 2024-03, subscription s, plan metered, meter calls: holds 8 of 1 records, its usage records are 7 of 1"},
		{"a bucket of nothing", func(w *store.Writer) error {
			return w.SaveBuckets([]models.Bucket{{Month: month("2024-04"), ResellerTenantID: resellerA, SubscriptionID: "s", PlanID: "metered", MeterID: "calls", PublisherID: "contoso", Quantity: money.New(1, 0), Records: 1}})
		}, "bucket of 2024-04, subscription s, plan metered, meter calls: holds 1, and there is no usage record for it"},
		{"usage without a bucket", func(w *store.Writer) error {
			u := use("2", "s", "2024-05-01T00:00:00Z", "3")
			u.Digest, u.PublisherID, u.ResellerTenantID = u.Fingerprint(), "contoso", resellerA
			return w.InsertUsage([]models.UsageRecord{u})
		}, "bucket of 2024-05, subscription s, plan metered, meter calls: is missing, its usage records are 3 of 1"},
		{"changed usage", func(w *store.Writer) error {
			u := use("2", "s", "2024-03-20T00:00:00Z", "3")
			u.PublisherID, u.ResellerTenantID = "contoso", resellerA
			err := w.InsertUsage([]models.UsageRecord{u})
			return errors.Join(err, w.SaveBuckets([]models.Bucket{{Month: month("2024-03"), ResellerTenantID: resellerA, SubscriptionID: "s", PlanID: "metered", MeterID: "calls", PublisherID: "contoso", Quantity: money.New(10, 0), Records: 2}}))
		}, "usage record meter 2: its content is not what was recorded"},
		{"a wrong span", tampered(func(s *models.Subscription) { s.FirstMonth = month("2024-01") }),
			"subscription s: stored with charges from 2024-01 to 9999-12, its purchases say 2024-03 to 9999-12"},
		{"a purchase of nothing", func(w *store.Writer) error {
			p := buy("gone", "2024-03-01T00:00:00Z", "flat")
			p.Digest, p.RecordedAt = p.Fingerprint(), p.OccurredAt
			return w.InsertPurchase(&p)
		}, "purchase crm gone/new: its subscription gone is missing"},
		{"another customer", tampered(func(s *models.Subscription) { s.CustomerTenantID = customer2 }),
			`subscription s: stored with customer "` + customer2 + `", its purchase says "` + customer1 + `"`},
		{"another currency", tampered(func(s *models.Subscription) { s.Currency = "KWD" }),
			"subscription s: stored with billing currency KWD, which neither its purchase nor its reseller says"},
		{"a trial that is none", tampered(func(s *models.Subscription) { s.TrialDays = 30 }),
			"subscription s: stored with 30 trial days, its plan and the customer's other purchases say otherwise"},
		{"a sale of an offer that was not live", func(w *store.Writer) error {
			return w.RecordSales([]models.OfferSale{{PrivateOfferID: "offer", ResellerTenantID: resellerA, SubscriptionID: "s", SoldAt: instant("2024-02-01T00:00:00Z")}})
		}, "private offer offer: sold by reseller " + resellerA + ", for whom it was not live then"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEngines(t, func(w *world) {
				w.recordPurchases(buy("s", "2024-03-01T00:00:00Z", "metered"))
				w.recordUsage(use("1", "s", "2024-03-20T00:00:00Z", "7"))
				w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA))
				w.work()
				w.verified()
				w.must(w.Store.Write(background, models.System, c.tamper))
				var found []string
				summary, err := w.Verify(background, func(difference string) { found = append(found, difference) })
				w.must(err)
				w.same("found", found, []string{c.want})
				if summary.Differences != 1 {
					t.Errorf("summary %+v", summary)
				}
			})
		})
	}
}
