package rating_test

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

// reasons are the candidates as "offer price REASON: message".
func reasons(candidates []models.Candidate) (list []string) {
	for _, c := range candidates {
		list = append(list, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s: %s", c.PrivateOfferID, c.UnitPrice, c.Reason, c.Message)), " "))
		if c.Wins != (c.Reason == models.ReasonBest) {
			list = append(list, "wins contradicts its reason")
		}
	}
	return list
}

// Why each candidate won or lost: the winner first, then those that priced the
// charge, then the others.
func TestExplainCandidates(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 100")
	k.offer("a", "2021-10-03", "2021-12", absolute("flat P1M MONTHLY 80"))
	k.offer("b", "2021-10-01", "2021-12", absolute("flat P1M MONTHLY 90"))
	k.offer("c", "2021-10-02", "2021-12", percent("100"))
	k.offer("d", "2021-10-04", "2021-12", absolute("flat P1M MONTHLY 80"))
	earlier := instant("2021-10-01")
	k.offer("e", "2021-10-03", "2021-12", absolute("flat P1M MONTHLY 80"))
	k.Offers[0].SubmittedAt = &earlier
	k.offer("f", "2021-10-03", "2021-12", absolute("flat P1M MONTHLY 80")).SubmittedAt = &earlier
	k.offer("g", "2021-10-08", "2021-12", percent("10"))
	k.offer("h", "2021-08-01", "2021-09", percent("10"))
	k.offer("i", "2021-10-01", "2021-12", percent("10")).WithdrawnAt = &earlier
	k.offer("j", "2021-10-01", "2021-12", percent("10", "seats"))
	k.offer("k", "2021-10-01", "2021-12", percent("10")).Resellers[0].CustomerTenantIDs = []string{stranger}
	k.offer("l", "2021-10-01", "2021-12", absolute("flat P1Y MONTHLY 80"))
	want := []string{
		"a 80 BEST: the lowest custom price that applies",
		"b 90 HIGHER_CUSTOM_PRICE: its custom price is higher than 80",
		"c 0 BEATEN_BY_CUSTOM_PRICE: a custom price beats any percentage",
		"f 80 LATER_ID: equal in everything, and has the later id",
		"e 80 LATER_SUBMIT: equal, and was submitted later, at 2021-10-03T00:00:00Z",
		"d 80 LATER_GO_LIVE: equal, and went live later, at 2021-10-04T00:00:00Z",
		"h 0 ENDED: ended at 2021-10-01T00:00:00Z",
		"i 0 WITHDRAWN: was withdrawn at 2021-10-01T00:00:00Z",
		"j 0 OTHER_PLAN: prices plan seats only",
		"k 0 OTHER_CUSTOMERS: is for other customers of the reseller",
		"l 0 PRICE_NOT_IN_LINE: has no custom price for this market, currency, term or meter",
		"g 0 NOT_STARTED: starts at 2021-10-08T00:00:00Z",
	}
	k.buys("flat", "2021-10-07T09:00:00Z new P1M MONTHLY")
	book := rating.NewBook(k.Facts)
	book.RateMonth(month("2021-10"), func(l *models.BillingLine) bool {
		expect(t, reasons(book.Explain(l).Candidates), want...)
		return true
	})
	what := flatMonth
	what.ProductID, what.Market = "p", "US"
	e, err := book.Effective(rating.EffectiveQuestion{What: what, ResellerTenantID: reseller, CustomerTenantID: customer, At: instant("2021-10-07T09:00:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, reasons(e.Candidates()), want...)
}

func TestExplainPercentagesAndUsage(t *testing.T) {
	k := newMarket().price("/m 100").price("/hw 1")
	k.offer("a", "2021-10-03", "2021-12", percent("10"))
	k.offer("b", "2021-10-03", "2021-12", percent("12.5"))
	k.offer("c", "2021-11-03", "2021-12", percent("50"))
	book := rating.NewBook(k.Facts)
	ask := func(meter string) []string {
		e, err := book.Effective(rating.EffectiveQuestion{What: rating.What{ProductID: "p", PlanID: "flat", MeterID: meter, Market: "US"}, ResellerTenantID: reseller, At: instant("2021-10-01")})
		if err != nil {
			t.Fatal(err)
		}
		return reasons(e.Candidates())
	}
	expect(t, ask("m"),
		"b 87.5 BEST: the highest percentage that applies",
		"a 90 LOWER_PERCENTAGE: 10 % is less than 12.5 %",
		"c 0 NOT_STARTED: starts with 2021-11")
	for i, r := range ask("hw") {
		if want := string("abc"[i]) + " 0 INFRASTRUCTURE: infrastructure charges never carry a margin"; r != want {
			t.Errorf("%s, want %s", r, want)
		}
	}
	if _, err := book.Effective(rating.EffectiveQuestion{What: rating.What{ProductID: "p", PlanID: "flat", MeterID: "gone", Market: "US"}}); err != rating.ErrNoListPrice {
		t.Errorf("a meter without a price: %v", err)
	}
}

// Each step with its exact number before rounding (G18 in yen, and a meter).
func TestExplainSteps(t *testing.T) {
	k := newMarket().price("seats P1M MONTHLY 10.08").price("/hw 0.14")
	k.ExchangeRates = []models.ExchangeRate{{Currency: "JPY", Month: month("2021-09"), USDPerUnit: money.MustParse("0.008")}}
	k.offer("o1", "2021-09-01", "2021-12", percent("12.5"))
	k.buys("seats", "2021-09-10T08:00:00Z new 10 P1M MONTHLY", "2021-09-12T08:00:00Z addQuantity 2").Currency = "JPY"
	k.uses("hw", "2021-09", "10")
	book := rating.NewBook(k.Facts)
	var got []string
	book.RateMonth(month("2021-09"), func(l *models.BillingLine) bool {
		if l.ChargeType == models.ChargeAddQuantity && l.Quantity.Sign() > 0 || l.Infrastructure {
			for _, s := range book.Explain(l).Steps {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s: %s = %s -> %s", s.Name, s.Formula, s.Exact, s.Rounded)))
			}
		}
		return true
	})
	expect(t, got,
		"list unit price: price list, 2021-09 = 10.08 ->",
		"unit price after margin: 10.08 × (1 − 12.5/100) = 8.82 ->",
		"list subtotal: 10.08 × 12 × 28/30 × 125 = 14112 -> 14112",
		"wholesale subtotal: 8.82 × 12 × 28/30 × 125 = 12348 -> 12348",
		"margin amount: 14112 − 12348 = 1764 -> 1764",
		"agency fee: 0.03 × 12348 = 370.44 -> 370",
		"payout: 12348 − 370 = 11978 -> 11978",
		"list unit price: price list, 2021-09 = 0.14 ->",
		"list subtotal: 0.14 × 10 × 125 = 175 -> 175",
		"wholesale subtotal: 0.14 × 10 × 125 = 175 -> 175",
		"margin amount: 175 − 175 = 0 -> 0",
		"infrastructure fee: the whole wholesale subtotal = 175 -> 175")
}

// What has no finite decimal is explained as a fraction.
func TestExplainAThird(t *testing.T) {
	k := newMarket().price("seats P1M MONTHLY 10")
	k.offer("o1", "2021-09-01", "2021-12", absolute("seats P1M MONTHLY 9.99"))
	k.buys("seats", "2021-09-10T08:00:00Z new 1 P1M MONTHLY", "2021-09-20T08:00:00Z addQuantity 1")
	book := rating.NewBook(k.Facts)
	book.RateMonth(month("2021-09"), func(l *models.BillingLine) bool {
		if l.Quantity == money.New(2, 0) {
			steps := book.Explain(l).Steps
			if steps[1].Formula != "custom price" || steps[1].Exact != "9.99" || steps[2].Exact != "40/3" || steps[2].Rounded != "13.33" || steps[3].Exact != "13.32" {
				t.Errorf("%+v", steps)
			}
		}
		return true
	})
}

func TestExplainATrial(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 2")
	k.offer("o1", "2021-06-01", "2021-12", percent("10"))
	k.buys("flat", "2021-06-10T09:00:00Z new P1M MONTHLY").TrialDays = 30
	book := rating.NewBook(k.Facts)
	book.RateMonth(month("2021-06"), func(l *models.BillingLine) bool {
		expect(t, reasons(book.Explain(l).Candidates), "o1 0 TRIAL: a trial charges nothing")
		return true
	})
}

// listed are margins as "offer STATUS wins prices".
func listed(margins []models.Margin) (list []string) {
	for _, m := range margins {
		text := fmt.Sprintf("%s %s", m.PrivateOfferID, m.Status)
		for _, p := range m.Prices {
			text += fmt.Sprintf(" %s%s %s->%s", p.PlanID, strings.TrimSuffix("/"+p.MeterID, "/"), p.ListPrice, p.WholesalePrice)
			if p.Wins {
				text += "*"
			}
		}
		list = append(list, text)
	}
	return list
}

// Margins at an instant: scheduled, live, shadowed, ended and withdrawn ones,
// each with what it makes of the list prices; a star where it wins.
func TestMargins(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 100").price("flat P1M MONTHLY 200 2021-12").price("/m 1").price("/hw 1")
	k.Plans = k.Plans[:1]
	withdrawn := instant("2021-10-05")
	k.offer("live", "2021-10-02", "2021-12", percent("10"))
	k.offer("shadowed", "2021-10-01", "2021-12", percent("5"))
	k.offer("scheduled", "2021-10-03", "2021-12", percent("20")).StartMonth = month("2021-12")
	k.offer("ended", "2021-09-01", "2021-09", percent("50"))
	k.offer("withdrawn", "2021-10-04", "2021-12", percent("60")).WithdrawnAt = &withdrawn
	k.offer("tomorrow", "2021-10-08", "2021-12", percent("70"))
	k.offer("other", "2021-10-01", "2021-12", percent("80")).Resellers[0].ResellerTenantID = marketResellers[1]
	o := k.offer("custom", "2021-10-01", "2021-12", absolute("flat/m 0.4"))
	o.Resellers[0].CustomerTenantIDs = []string{customer}
	o.Pricing[0].Absolute[0].IncludedQuantity = money.New(20, 0)
	book := rating.NewBook(k.Facts)
	margins := book.Margins(reseller, instant("2021-10-07"), nil)
	expect(t, listed(margins),
		"ended ENDED flat 100->50 flat/m 1->0.5",
		"shadowed LIVE flat 100->95 flat/m 1->0.95",
		"live LIVE flat 100->90* flat/m 1->0.9", // the usage of October is tomorrow's (D4)
		"withdrawn WITHDRAWN flat 100->40 flat/m 1->0.4",
		"scheduled SCHEDULED flat 200->160 flat/m 1->0.8", // at the price of its start
		"custom LIVE flat/m 1->0.4*")
	custom := margins[len(margins)-1]
	if custom.Prices[0].IncludedQuantity != money.New(20, 0) || custom.Type != models.MarginCustomPrice || !custom.Wins || custom.ID() != "custom_1_"+reseller {
		t.Errorf("%+v", custom)
	}
	live := margins[2]
	if live.Start != instant("2021-10-02") || live.ConsumptionStart != instant("2021-10-01") || live.End.Format(time.RFC3339) != "2021-12-31T23:59:59Z" || live.Percentage != 1000 {
		t.Errorf("%+v", live)
	}
	if i := slices.IndexFunc(book.Margins(reseller, instant("2021-10-08"), nil), func(m models.Margin) bool { return m.PrivateOfferID == "tomorrow" && m.Wins }); i < 0 {
		t.Error("from its go-live the best margin wins")
	}
	if none := book.Margins(marketResellers[2], instant("2021-10-07"), nil); none != nil {
		t.Errorf("a stranger has margins: %+v", none)
	}
}

// A margin is live to the last microsecond of its last month, and withdrawn from
// the instant of its withdrawal.
func TestMarginStatusAtItsEdges(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 100")
	withdrawn := instant("2021-11-05T12:00:00Z")
	k.offer("o1", "2021-10-20T12:00:00Z", "2021-12", percent("10"))
	k.offer("o2", "2021-10-20T12:00:00Z", "2021-12", percent("5")).Resellers[0].WithdrawnAt = &withdrawn
	k.offer("o3", "2021-10-20T12:00:00Z", "2021-12", percent("1")).StartMonth = month("2021-11")
	book := rating.NewBook(k.Facts)
	for at, want := range map[string]string{
		"2021-10-31T23:59:59.999999Z": "LIVE LIVE SCHEDULED",
		"2021-11-01T00:00:00Z":        "LIVE LIVE LIVE",
		"2021-11-05T11:59:59.999999Z": "LIVE LIVE LIVE",
		"2021-11-05T12:00:00Z":        "LIVE WITHDRAWN LIVE",
		"2021-12-31T23:59:59.999999Z": "LIVE WITHDRAWN LIVE",
		"2022-01-01T00:00:00Z":        "ENDED WITHDRAWN ENDED",
	} {
		status := map[string]string{}
		for _, m := range book.Margins(reseller, instant(at), nil) {
			status[m.PrivateOfferID] = string(m.Status)
			if m.Wins != (m.PrivateOfferID == "o1" && m.Status == models.MarginLive) {
				t.Errorf("at %s %s wins: %t", at, m.PrivateOfferID, m.Wins)
			}
		}
		if got := status["o1"] + " " + status["o2"] + " " + status["o3"]; got != want {
			t.Errorf("at %s: %s, want %s", at, got, want)
		}
	}
}

// D4: a margin is live for usage from the first of its month, for purchases from
// its go-live: it is not listed before that.
func TestMarginsInTheMonthOfGoLive(t *testing.T) {
	k := newMarket().price("flat P1M MONTHLY 100").price("/m 1")
	k.Plans = k.Plans[:1]
	k.offer("o1", "2021-10-20T12:00:00Z", "2021-12", percent("10"))
	book := rating.NewBook(k.Facts)
	if margins := book.Margins(reseller, instant("2021-10-20T11:59:59Z"), nil); len(margins) > 0 {
		t.Errorf("before go-live: %+v", margins)
	}
	expect(t, listed(book.Margins(reseller, instant("2021-10-20T12:00:00Z"), nil)), "o1 LIVE flat 100->90* flat/m 1->0.9*")
}
