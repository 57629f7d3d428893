package market_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

func TestRecordPurchases(t *testing.T) {
	type record = models.Purchase
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("old", "2024-01-10T00:00:00Z", "seats", func(p *record) { p.Term = models.P1Y; p.Quantity = money.New(5, 0) }))
		cases := []struct {
			record record
			want   string
		}{
			{buy("flat", "2024-03-01T00:00:00Z", "flat"), "ACCEPTED"},
			{buy("flat", "2024-03-01T00:00:00Z", "flat"), "DUPLICATE"},
			{buy("flat", "2024-03-01T00:00:00Z", "flat", quantity(2)), "REJECTED external_id:PURCHASE_CONFLICT"},
			{buy("flat", "2024-03-02T00:00:00Z", "flat", func(p *record) { p.ExternalID = "flat/again" }), "REJECTED subscription_id:SUBSCRIPTION_EXISTS"},
			{buy("p", "2024-03-01T00:00:00Z", "flat", func(p *record) { p.ResellerTenantID = resellerC }), "REJECTED reseller_tenant_id:RESELLER_NOT_BILLED customer_tenant_id:CUSTOMER_UNKNOWN"},
			{buy("p", "2024-03-01T00:00:00Z", "flat", func(p *record) { p.ResellerTenantID = customer1 }), "REJECTED reseller_tenant_id:RESELLER_UNKNOWN"},
			{buy("p", "2024-03-01T00:00:00Z", "flat", func(p *record) { p.CustomerTenantID = customer3 }), "REJECTED customer_tenant_id:CUSTOMER_UNKNOWN"},
			{buy("p", "2024-03-01T00:00:00Z", "flat", func(p *record) { p.IndirectResellerTenantID = customer1 }), "REJECTED indirect_reseller_tenant_id:RESELLER_UNKNOWN"},
			{buy("p", "2024-03-01T00:00:00Z", "flat", func(p *record) { p.ProductID = "nothing" }), "REJECTED product_id:PRODUCT_UNKNOWN"},
			{buy("p", "2024-03-01T00:00:00Z", "nothing"), "REJECTED plan_id:PLAN_UNKNOWN"},
			{buy("p", "2024-03-01T00:00:00Z", "flat", func(p *record) { p.Term, p.Billing = "", "" }), "REJECTED term:TERM_AND_BILLING_MISMATCH"},
			{buy("p", "2024-03-01T00:00:00Z", "flat", quantity(-1), func(p *record) { p.ProductID, p.Market, p.CustomerTenantID = "nothing", "usa", "me" }),
				"REJECTED customer_tenant_id:INVALID_GUID market:INVALID_COUNTRY quantity:QUANTITY_NOT_POSITIVE product_id:PRODUCT_UNKNOWN"},
			{change(models.ActionRenew, "nobody", "2024-03-01T00:00:00Z"), "REJECTED subscription_id:SUBSCRIPTION_UNKNOWN"},
			{change("convert", "old", "2024-03-01T00:00:00Z"), "REJECTED action:ACTION_NOT_SUPPORTED"},
			{change(models.ActionAddQuantity, "old", "2024-03-03T00:00:00Z", quantity(3), func(p *record) { p.Market, p.ProductID, p.PlanID = "DE", "disk", "seats" }),
				"REJECTED product_id:SUBSCRIPTION_MISMATCH market:SUBSCRIPTION_MISMATCH"},
			{change(models.ActionAddQuantity, "old", "2024-03-04T00:00:00Z", quantity(3)), "ACCEPTED"},
			{change(models.ActionRemoveQuantity, "old", "2024-03-05T00:00:00Z", quantity(4)), "REJECTED quantity:REFUND_WINDOW_CLOSED"}, // 3 are younger than 7 days (D19)
			{change(models.ActionRemoveQuantity, "old", "2024-03-06T00:00:00Z", quantity(3)), "ACCEPTED"},
			{change(models.ActionRemoveQuantity, "old", "2024-03-07T00:00:00Z", quantity(5)), "REJECTED quantity:QUANTITY_EXCEEDED"},
			{change(models.ActionAddQuantity, "old", "2024-03-08T00:00:00Z"), "REJECTED quantity:QUANTITY_NOT_POSITIVE"},
			{change(models.ActionAddQuantity, "flat", "2024-03-08T00:00:00Z", quantity(1)), "REJECTED action:INVALID"},
			{change(models.ActionCancelImmediate, "flat", "2024-03-09T00:00:00Z"), "ACCEPTED"},
			{change(models.ActionRenew, "flat", "2024-03-10T00:00:00Z"), "REJECTED action:SUBSCRIPTION_NOT_ACTIVE"},
			{change(models.ActionCancelImmediate, "flat", "2024-02-01T00:00:00Z"), "REJECTED subscription_id:SUBSCRIPTION_UNKNOWN"}, // before it was bought
			{models.Purchase{}, "REJECTED source:REQUIRED external_id:REQUIRED occurred_at:REQUIRED action:REQUIRED subscription_id:REQUIRED"},
		}
		records, want := make([]record, len(cases)), make([]string, len(cases))
		for i, c := range cases {
			records[i], want[i] = c.record, c.want
		}
		w.same("first call", w.purchases(records...), want)
		for i := range want {
			if want[i] == "ACCEPTED" {
				want[i] = "DUPLICATE"
			}
		}
		w.same("second call", w.purchases(records...), want)
		w.verified()
	})
}

// A batch takes effect in the order of the facts, whatever the order of the
// records.
func TestPurchasesOfABatchInAnyOrder(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(
			change(models.ActionCancelImmediate, "s", "2024-03-20T00:00:00Z"),
			change(models.ActionAddQuantity, "s", "2024-03-10T00:00:00Z", quantity(2)),
			buy("s", "2024-03-01T00:00:00Z", "seats"),
		)
		if lines := w.lines(models.System, "2024-03"); len(lines) != 3 {
			t.Errorf("%d lines, want the purchase and the pair of the change", len(lines))
		}
	})
}

// The customer's first purchase of a plan is the trial, whichever is recorded
// first, in one call or in several (D5).
func TestTrialOrder(t *testing.T) {
	purchases := []models.Purchase{
		buy("b", "2024-03-02T00:00:00Z", "trial"),
		buy("a", "2024-03-02T00:00:00Z", "trial"), // the same instant: the lesser id
		buy("c", "2024-03-03T00:00:00Z", "trial"),
		buy("d", "2024-03-01T00:00:00Z", "trial", func(p *models.Purchase) { p.CustomerTenantID = customer2 }),
		buy("e", "2024-03-01T00:00:00Z", "seats"),
	}
	want := "a:30 b:0 c:0 d:30 e:0"
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		base := newWorld(t, s)
		round := 0
		rapid.Check(t, func(t *rapid.T) {
			// Every round has ids of its own.
			round++
			order := rapid.Permutation(purchases).Draw(t, "order")
			together := rapid.Bool().Draw(t, "together")
			product := fmt.Sprint("product-", round)
			base.save(
				models.Record{Product: &models.Product{ID: product, PublisherID: "contoso", Title: "x", Type: models.SaaS, CSPOptIn: models.OptInAny}},
				models.Record{Plan: &models.Plan{ProductID: product, ID: "trial", Title: "x", PricingModel: models.PerUser, TrialDays: 30}},
				models.Record{Plan: &models.Plan{ProductID: product, ID: "seats", Title: "x", PricingModel: models.PerUser}},
			)
			prefix := fmt.Sprint(round, "-")
			batch := make([]models.Purchase, len(order))
			for i, p := range order {
				p.SubscriptionID, p.ExternalID, p.ProductID = prefix+p.SubscriptionID, prefix+p.ExternalID, product
				batch[i] = p
			}
			if together {
				base.recordPurchases(batch...)
			} else {
				for _, p := range batch {
					base.recordPurchases(p)
				}
			}
			got := ""
			base.read(models.System, func(r *store.Reader) error {
				subscriptions, _, err := r.Subscriptions(store.SubscriptionFilter{ProductID: product}, store.Page{})
				for _, s := range subscriptions {
					got += fmt.Sprintf(" %s:%d", s.ID[len(prefix):], s.TrialDays)
				}
				return err
			})
			if got != " "+want {
				t.Fatalf("trials:%s, want %s", got, want)
			}
		})
		base.verified()
	})
}

// Taking a trial away must not break what was accepted on it: the earlier
// purchase is refused instead.
func TestTrialThatCannotMove(t *testing.T) {
	onEngines(t, func(w *world) {
		w.save(models.Record{Plan: &models.Plan{ProductID: "mail", ID: "long", Title: "long", PricingModel: models.PerUser, TrialDays: 60}})
		w.recordPurchases(
			buy("s", "2024-03-10T00:00:00Z", "long"),
			change(models.ActionAddQuantity, "s", "2024-05-01T00:00:00Z", quantity(1)), // in the trial; a month would be over
		)
		w.same("earlier", w.purchases(buy("r", "2024-03-01T00:00:00Z", "long")), []string{"REJECTED occurred_at:CONFLICT"})
		w.verified()
	})
}

// What a fact sells is decided when it is recorded (D9).
func TestSold(t *testing.T) {
	cases := []struct {
		name string
		tell func(w *world)
		want []string // reseller and subscription
	}{
		{"a purchase after the go-live", func(w *world) { w.recordPurchases(buy("s", "2024-03-02T00:00:00Z", "flat")) }, []string{"a s"}},
		{"a purchase from before, recorded after", func(w *world) { w.recordPurchases(buy("s", "2024-02-29T00:00:00Z", "flat")) }, nil},
		{"a plan that only meters is no sale", func(w *world) { w.recordPurchases(buy("s", "2024-03-02T00:00:00Z", "metered")) }, nil},
		{"its usage is", func(w *world) {
			w.recordPurchases(buy("s", "2024-03-02T00:00:00Z", "metered"))
			w.recordUsage(use("1", "s", "2024-03-02T00:00:00Z", "1"))
		}, []string{"a s"}},
		{"usage of the go-live's month, from before it", func(w *world) {
			w.recordPurchases(buy("s", "2024-03-01T00:00:00Z", "metered"))
			w.recordUsage(use("1", "s", "2024-03-01T00:00:01Z", "1"))
		}, []string{"a s"}},
		{"infrastructure never has a margin", func(w *world) {
			w.recordPurchases(buy("s", "2024-03-02T00:00:00Z", "metered"))
			w.recordUsage(use("1", "s", "2024-03-02T00:00:00Z", "1", func(u *models.UsageRecord) { u.MeterID = "cpu" }))
		}, nil},
		{"a trial is no sale", func(w *world) { w.recordPurchases(buy("s", "2024-03-02T00:00:00Z", "trial")) }, nil},
		{"the renewal that ends it is", func(w *world) {
			w.recordPurchases(buy("s", "2024-03-02T00:00:00Z", "trial"), change(models.ActionRenew, "s", "2024-04-01T00:00:00Z"))
		}, []string{"a s"}},
		{"a trial that becomes a purchase is", func(w *world) {
			w.recordPurchases(buy("s", "2024-03-03T00:00:00Z", "trial"))
			w.recordPurchases(buy("r", "2024-03-02T00:00:00Z", "trial"))
		}, []string{"a s"}},
		{"another reseller's purchase", func(w *world) {
			w.recordPurchases(buy("s", "2024-03-02T00:00:00Z", "flat", func(p *models.Purchase) { p.ResellerTenantID, p.CustomerTenantID = resellerB, customer3 }))
		}, nil},
		{"another publisher's product", func(w *world) {
			w.recordPurchases(buy("s", "2024-03-02T00:00:00Z", "flat", func(p *models.Purchase) { p.ProductID = "disk" }))
		}, nil},
		{"only the winner is sold", func(w *world) {
			w.submit(offerOf("better", percentage("mail", "", "20"), resellerA))
			w.work()
			w.recordPurchases(buy("s", "2024-03-05T00:00:00Z", "flat"))
			w.same("better", w.sold("better"), []string{"a s"})
		}, nil},
		{"once sold stays sold, with its first subscription", func(w *world) {
			w.recordPurchases(buy("s", "2024-03-02T00:00:00Z", "flat"))
			w.recordPurchases(buy("r", "2024-03-03T00:00:00Z", "flat"), change(models.ActionCancelImmediate, "s", "2024-03-02T01:00:00Z"))
		}, []string{"a s"}},
		{"a rejected purchase sells nothing", func(w *world) { w.purchases(buy("s", "2024-03-02T00:00:00Z", "nothing")) }, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEngines(t, func(w *world) {
				w.setClock("2024-03-01T12:00:00Z")
				w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA))
				w.same("before", w.sold("offer"), nil)
				if done := w.work(); done != (market.Worked{Authorized: 1, Published: 1, Live: 1}) {
					t.Fatalf("worked %+v", done)
				}
				w.setClock("2024-03-05T00:00:00Z")
				c.tell(w)
				w.same("sold", w.sold("offer"), c.want)
				w.verified()
			})
		})
	}
}

// What is recorded before the go-live sells nothing, also where the offer then
// prices it (D4, D9).
func TestNotSoldByWhatCameBefore(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("s", "2024-03-01T00:00:00Z", "metered"))
		w.recordUsage(use("1", "s", "2024-03-01T00:00:01Z", "10"))
		w.setClock("2024-03-20T00:00:00Z")
		w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA))
		w.work()
		w.same("sold", w.sold("offer"), nil)
		if lines := w.lines(models.System, "2024-03"); len(lines) != 1 || lines[0].PrivateOfferID != "offer" || lines[0].WholesaleSubtotal != 450 {
			t.Errorf("lines: %+v", lines)
		}
	})
}

// Two resellers that buy under one id at once do not share a lock; still one of
// them has the subscription and the other is refused.
func TestOneIdOfTwoResellers(t *testing.T) {
	onEngines(t, func(w *world) {
		for round := range 10 {
			id := fmt.Sprint("s-", round)
			buys := []models.Purchase{
				buy(id, "2024-03-01T00:00:00Z", "flat"),
				buy(id, "2024-03-01T00:00:00Z", "flat", func(p *models.Purchase) {
					p.ExternalID, p.ResellerTenantID, p.CustomerTenantID = id+"/b", resellerB, customer3
				}),
			}
			answers := make([]string, len(buys))
			var wait sync.WaitGroup
			for i := range buys {
				wait.Go(func() {
					outcomes, _, err := w.RecordPurchases(context.Background(), by(models.System), buys[i:i+1], nil)
					if err != nil {
						t.Error(err)
						return
					}
					answers[i] = short(outcomes)[0]
				})
			}
			wait.Wait()
			slices.Sort(answers)
			w.same(id, answers, []string{"ACCEPTED", "REJECTED subscription_id:SUBSCRIPTION_EXISTS"})
		}
		w.verified()
	})
}

// A record that cannot be read is told of what the market holds against it as
// well, and is never accepted (D8).
func TestFaultsAndFacts(t *testing.T) {
	onEngines(t, func(w *world) {
		fault := models.Violations{{Field: []string{"quantity"}, Code: "INVALID_NUMBER"}}
		bought, _, err := w.RecordPurchases(background, by(models.System), []models.Purchase{
			buy("s", "2024-03-01T00:00:00Z", "seats", func(p *models.Purchase) { p.ProductID, p.PlanID = "nothing", "nothing" }),
		}, market.Faults{fault})
		w.must(err)
		w.same("purchase", short(bought), []string{"REJECTED quantity:INVALID_NUMBER product_id:PRODUCT_UNKNOWN"})
		used, _, err := w.RecordUsage(background, by(models.System), []models.UsageRecord{use("1", "nothing", "2024-03-01T00:00:00Z", "1")}, market.Faults{fault})
		w.must(err)
		w.same("usage", short(used), []string{"REJECTED quantity:INVALID_NUMBER subscription_id:SUBSCRIPTION_UNKNOWN"})
		nobody := offerOf("offer", percentage("nothing", "", "10"), "99999999-9999-4999-8999-999999999999")
		offered, err := w.RecordPrivateOffer(background, by(models.System), nobody, true, fault)
		w.must(err)
		w.same("offer", short([]market.Outcome{offered}), []string{
			"REJECTED quantity:INVALID_NUMBER pricing.0.productId:PRODUCT_NOT_FOUND resellers.0.tenantId:RESELLER_NOT_FOUND"})
	})
}

// A back-dated fact that breaks a later one names it.
func TestBreaksALaterFact(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("s", "2024-03-01T00:00:00Z", "seats", quantity(10)),
			change(models.ActionAddQuantity, "s", "2024-03-20T00:00:00Z", quantity(2)))
		outcomes, _, err := w.RecordPurchases(background, by(models.System), []models.Purchase{change(models.ActionCancelImmediate, "s", "2024-03-10T00:00:00Z")}, nil)
		w.must(err)
		w.same("cancel", short(outcomes), []string{"REJECTED occurred_at:CONFLICT"})
		if message := outcomes[0].Violations[0].Message; !strings.Contains(message, "2024-03-20") {
			t.Errorf("the message does not name the later record: %s", message)
		}
	})
}
