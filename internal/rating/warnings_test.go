package rating_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/models"
)

// A desk is one publisher with a product of two plans and a meter, two resellers
// and what is on offer.
const (
	deskReseller1, deskReseller2 = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
	deskCustomer1, deskCustomer2 = "cccccccc-0000-4000-8000-000000000001", "cccccccc-0000-4000-8000-000000000002"
	ownID                        = "00000000-0000-4000-8000-0000000000ff"
)

var (
	deskNow     = time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC)
	deskMonth   = models.MonthOf(deskNow)
	deskMarkets = map[string]money.Currency{"US": "USD", "JP": "JPY"}
)

func deskPrices(d dice) (prices []models.Price) {
	for _, market := range []string{"US", "JP"} {
		add := func(plan, meter string, term models.Term, billing models.Billing) {
			if d.oneIn(4, "unpriced") {
				return
			}
			for _, from := range some(d, "effective", []models.Month{deskMonth - 20, deskMonth + 1, deskMonth + 4}) {
				prices = append(prices, models.Price{ProductID: "p", PlanID: plan, MeterID: meter, Term: term, Billing: billing, Market: market,
					Currency: deskMarkets[market], EffectiveFrom: from, UnitPrice: money.MustParse("100")})
			}
		}
		add("a", "", models.P1M, models.Monthly)
		add("a", "", models.P1Y, models.Upfront)
		add("b", "", models.P1M, models.Monthly)
		add("a", "m", "", "")
		add("", "m", "", "")
		add("", "cpu", "", "")
	}
	return prices
}

func deskLines(d dice) (lines []models.PricingLine) {
	scopes := pick(d, "scopes", []string{""}, []string{"a"}, []string{"b"}, []string{"a", "b"})
	for i, plan := range scopes {
		line := models.PricingLine{Position: i + 1, ProductID: "p", PlanID: plan}
		if plan == "" || rapid.Bool().Draw(d.T, "percentage") {
			line.Percentage = money.Percentage(pick(d, "percent", 500, 1000, 2000))
		}
		for line.Percentage == 0 && len(line.Absolute) == 0 {
			for _, market := range some(d, "markets", []string{"US", "JP"}) {
				for _, key := range some(d, "keys", []models.AbsolutePrice{{Term: models.P1M, Billing: models.Monthly}, {Term: models.P1Y, Billing: models.Upfront}, {MeterID: "m"}}) {
					key.Market, key.Currency, key.UnitPrice = market, deskMarkets[market], money.MustParse(pick(d, "price", "80", "90", "120"))
					line.Absolute = append(line.Absolute, key)
				}
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func deskOffer(d dice, id string) models.PrivateOffer {
	o := models.PrivateOffer{ID: id, PublisherID: "contoso", Name: id[30:], Pricing: deskLines(d)}
	if rapid.Bool().Draw(d.T, "specific") {
		o.StartMonth = deskMonth + models.Month(d.number("start", 0, 4)) - 1
	}
	o.EndMonth = deskMonth + models.Month(d.number("end", 0, 6))
	for _, tenant := range some(d, "resellers", []string{deskReseller1, deskReseller2}) {
		r := models.OfferReseller{ResellerTenantID: tenant}
		if d.oneIn(3, "named") {
			r.CustomerTenantIDs = some(d, "customers", []string{deskCustomer1, deskCustomer2})
		}
		o.Resellers = append(o.Resellers, r)
	}
	return o
}

// submitted takes an offer some way from submit to live.
func submitted(d dice, o models.PrivateOffer) models.PrivateOffer {
	at := deskNow.Add(-time.Duration(d.number("hours ago", 1, 1200)) * time.Hour)
	o.SubmittedAt = &at
	for i := range o.Resellers {
		r := &o.Resellers[i]
		expected := at.Add(15 * time.Minute)
		r.ExpectedLiveAt = &expected
		switch d.number("progress", 0, 5) {
		case 0: // waits, late
		case 1:
			soon := deskNow.Add(5 * time.Hour)
			r.ExpectedLiveAt = &soon
		case 2:
			r.FailedAt = &expected
		case 3:
			r.PublishedAt, r.WithdrawnAt = &expected, &expected
		default:
			r.PublishedAt = &expected
		}
	}
	return o
}

// expectedLive is an offer as everybody expects it to be: written here a second
// time, from the rules.
func expectedLive(o models.PrivateOffer) models.PrivateOffer {
	resellers := slices.Clone(o.Resellers)
	for i := range resellers {
		r := &resellers[i]
		if r.PublishedAt != nil || r.FailedAt != nil {
			continue
		}
		live := deskNow.Add(15 * time.Minute)
		if o.SubmittedAt != nil {
			live = deskNow
			if r.ExpectedLiveAt.After(live) {
				live = *r.ExpectedLiveAt
			}
		}
		r.PublishedAt = &live
	}
	o.Resellers = resellers
	if o.SubmittedAt == nil {
		o.SubmittedAt = &deskNow
	}
	return o
}

// asked is every question that two offers could answer differently from now on,
// at every edge.
func asked(prices []models.Price, offers []models.PrivateOffer, reseller string, f func(rating.EffectiveQuestion)) {
	edges := map[time.Time]bool{deskNow: true}
	for m := deskMonth; m < deskMonth+12; m++ {
		edges[m.Start()] = true
	}
	for _, o := range offers {
		for _, r := range o.Resellers {
			if r.PublishedAt != nil {
				edges[*r.PublishedAt] = true
			}
		}
	}
	keys := map[rating.What]bool{}
	for _, p := range prices {
		plans := []string{p.PlanID}
		if p.PlanID == "" {
			plans = []string{"a", "b", "future"}
		}
		for _, plan := range plans {
			keys[rating.What{ProductID: "p", PlanID: plan, MeterID: p.MeterID, Term: p.Term, Billing: p.Billing, Market: p.Market}] = true
		}
	}
	for what := range keys {
		for at := range edges {
			if models.MonthOf(at) < deskMonth || what.MeterID == "" && at.Before(deskNow) {
				continue // past
			}
			for _, customer := range []string{"", deskCustomer1, deskCustomer2} {
				f(rating.EffectiveQuestion{What: what, ResellerTenantID: reseller, CustomerTenantID: customer, At: at})
			}
		}
	}
}

// outcome is what the oracle finds for one reseller and two lines.
type outcome struct{ mine, theirs, theirsAlone bool }

// TestWarningsAgreeWithRating holds SHADOWED, SHADOWS and OVERLAPS against an
// oracle that asks the selection of billing lines for every price, customer and
// instant at which anything changes.
func TestWarningsAgreeWithRating(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := dice{t}
		prices := deskPrices(d)
		own := deskOffer(d, ownID)
		var others []models.PrivateOffer
		for i := range d.number("others", 0, 4) {
			others = append(others, submitted(d, deskOffer(d, fmt.Sprintf("00000000-0000-4000-8000-%012d", i))))
		}
		if rapid.Bool().Draw(t, "submitted") {
			own = submitted(d, own)
		}
		facts := rating.Facts{
			Plans:  []models.Plan{{ProductID: "p", ID: "a"}, {ProductID: "p", ID: "b"}},
			Meters: []models.Meter{{ProductID: "p", ID: "m"}, {ProductID: "p", ID: "cpu", Infrastructure: true}}, Prices: prices,
		}
		warnings := rating.Warnings(&own, &rating.WarningFacts{
			Products:  map[string]models.Product{"p": {ID: "p", PublisherID: "contoso", Published: true, Public: true, Transactable: true, CSPOptIn: models.OptInAny}},
			Resellers: deskResellers(), Catalogue: rating.NewIndex(facts), Others: others, GoLive: models.DefaultGoLive, Now: deskNow,
		})
		got := map[string]bool{}
		for _, w := range warnings {
			for _, r := range w.ResellerTenantIDs {
				switch w.Code {
				case models.WarnShadowed:
					got[fmt.Sprintf("%s line %d for %s", w.Code, w.PricingLine, r[:1])] = true
				case models.WarnShadows, models.WarnOverlaps:
					got[fmt.Sprintf("%s line %d, %s line %d for %s", w.Code, w.PricingLine, w.Others[0].PrivateOfferID, w.Others[0].PricingLine, r[:1])] = true
					got[fmt.Sprintf("%s line %d, %s line %d: %s", w.Code, w.PricingLine, w.Others[0].PrivateOfferID, w.Others[0].PricingLine, w.Wins)] = true
				}
			}
		}
		want := oracleWarnings(facts, own, others)
		if !maps.Equal(got, want) {
			t.Fatalf("now %s\nown %s\nothers %s\ngot  %s\nwant %s", deskNow, told(own), told(others...), sorted(got), sorted(want))
		}
	})
}

func deskResellers() map[string]models.Reseller {
	resellers := map[string]models.Reseller{}
	for _, id := range []string{deskReseller1, deskReseller2} {
		resellers[id] = models.Reseller{TenantID: id, Type: models.DirectBill, InCSPProgram: true}
	}
	return resellers
}

func oracleWarnings(facts rating.Facts, own models.PrivateOffer, others []models.PrivateOffer) map[string]bool {
	want := map[string]bool{}
	if s := own.Status(deskNow); s == models.StatusEnded || s == models.StatusWithdrawn {
		return want
	}
	// A plan that does not exist yet, sold in a market of its own: a product-level
	// line may still win there.
	facts.Plans = append(facts.Plans, models.Plan{ProductID: "p", ID: "future"})
	for _, meter := range []string{"", "m"} {
		future := models.Price{ProductID: "p", PlanID: "future", MeterID: meter, Market: "ZZ", Currency: "USD", EffectiveFrom: deskMonth - 24, UnitPrice: money.MustParse("1")}
		if meter == "" {
			future.Term, future.Billing = models.P1M, models.Monthly
		}
		facts.Prices = append(facts.Prices, future)
	}
	live := []models.PrivateOffer{expectedLive(own)}
	for _, other := range others {
		live = append(live, expectedLive(other))
	}
	facts.Offers = live
	all := rating.NewBook(facts)
	for _, r := range live[0].Resellers {
		if r.WithdrawnAt != nil || r.FailedAt != nil {
			continue
		}
		won, could := map[int]bool{}, map[int]bool{}
		asked(facts.Prices, live, r.ResellerTenantID, func(q rating.EffectiveQuestion) {
			e, err := all.Effective(q)
			if err != nil {
				return
			}
			for _, c := range e.Candidates() {
				if c.PrivateOfferID == ownID && answered(c) {
					could[c.PricingLine] = true
					won[c.PricingLine] = won[c.PricingLine] || c.Wins
				}
			}
		})
		for line := range could {
			if !won[line] {
				want[fmt.Sprintf("SHADOWED line %d for %s", line, r.ResellerTenantID[:1])] = true
			}
		}
		for i := range live[1:] {
			oraclePairs(facts, live[0], live[1+i], r, want)
		}
	}
	wins := map[string]models.WarningSide{}
	for key := range want {
		if line, side, ok := strings.Cut(key, ": "); ok {
			delete(want, key)
			if before, twice := wins[line]; twice && before != models.WarningSide(side) {
				side = string(models.EachInPart)
			}
			wins[line] = models.WarningSide(side)
		}
	}
	for line, side := range wins {
		want[line+": "+string(side)] = true
	}
	return want
}

// oraclePairs asks of two offers alone.
func oraclePairs(facts rating.Facts, own, other models.PrivateOffer, r models.OfferReseller, want map[string]bool) {
	facts.Offers = []models.PrivateOffer{own, other}
	book := rating.NewBook(facts)
	start, _, _ := own.Window(&r, false)
	found := map[[2]int]*outcome{}
	asked(facts.Prices, facts.Offers, r.ResellerTenantID, func(q rating.EffectiveQuestion) {
		e, err := book.Effective(q)
		if err != nil {
			return
		}
		for _, mine := range e.Candidates() {
			for _, theirs := range e.Candidates() {
				if mine.PrivateOfferID != ownID || theirs.PrivateOfferID == ownID {
					continue
				}
				key := [2]int{mine.PricingLine, theirs.PricingLine}
				if found[key] == nil {
					found[key] = &outcome{}
				}
				o := found[key]
				if answered(mine) && answered(theirs) {
					o.mine, o.theirs = o.mine || mine.Wins, o.theirs || theirs.Wins
				}
				ahead := !q.At.Before(start)
				if q.MeterID != "" {
					ahead = models.MonthOf(q.At) >= models.MonthOf(start)
				}
				if theirs.Wins && ahead {
					o.theirsAlone = true
				}
			}
		}
	})
	for key, o := range found {
		line := fmt.Sprintf("line %d, %s line %d", key[0], other.ID, key[1])
		side, code := models.EachInPart, models.WarnOverlaps
		switch {
		case !o.mine && !o.theirs:
			continue
		case o.mine && !o.theirs:
			if side = models.ThisLine; !o.theirsAlone {
				code = models.WarnShadows
			}
		case o.theirs && !o.mine:
			side = models.OtherLine
		}
		want[fmt.Sprintf("%s %s for %s", code, line, r.ResellerTenantID[:1])] = true
		want[fmt.Sprintf("%s %s: %s", code, line, side)] = true
	}
}

func answered(c models.Candidate) bool {
	switch c.Reason {
	case models.ReasonBest, models.ReasonLowerPercentage, models.ReasonHigherPrice, models.ReasonBeatenByCustom,
		models.ReasonLaterGoLive, models.ReasonLaterSubmit, models.ReasonLaterID:
		return true
	}
	return false
}

func sorted(set map[string]bool) string {
	return "\n  " + strings.Join(slices.Sorted(maps.Keys(set)), "\n  ")
}

func told(offers ...models.PrivateOffer) string {
	var b strings.Builder
	for _, o := range offers {
		fmt.Fprintf(&b, "\n  %s %s to %s submitted %v", o.ID, o.StartMonth, o.EndMonth, o.SubmittedAt)
		for _, l := range o.Pricing {
			fmt.Fprintf(&b, "\n    line %d %q %s %v", l.Position, l.PlanID, l.Percentage, l.Absolute)
		}
		for _, r := range o.Resellers {
			fmt.Fprintf(&b, "\n    %s %v %s expected %v published %v", r.ResellerTenantID[:1], r.CustomerTenantIDs, r.Status(), r.ExpectedLiveAt, r.PublishedAt)
		}
	}
	return b.String()
}

// deskBook is a product of two plans, each at 100 dollars a month, and one meter.
func deskBook() *rating.Index {
	facts := rating.Facts{
		Plans:  []models.Plan{{ProductID: "p", ID: "a"}, {ProductID: "p", ID: "b"}},
		Meters: []models.Meter{{ProductID: "p", ID: "m"}},
		Prices: []models.Price{{ProductID: "p", MeterID: "m", Market: "US", Currency: "USD", EffectiveFrom: deskMonth - 20, UnitPrice: money.MustParse("1")}},
	}
	for _, plan := range []string{"a", "b"} {
		facts.Prices = append(facts.Prices, models.Price{ProductID: "p", PlanID: plan, Term: models.P1M, Billing: models.Monthly, Market: "US", Currency: "USD",
			EffectiveFrom: deskMonth - 20, UnitPrice: money.MustParse("100")})
	}
	return rating.NewIndex(facts)
}

// given is an offer of one line for both resellers, live since its start, or
// since the first of the last month.
func given(name, plan, margin, start, end string, changes ...func(*models.PrivateOffer)) models.PrivateOffer {
	line := models.PricingLine{Position: 1, ProductID: "p", PlanID: plan}
	if price, absolute := strings.CutPrefix(margin, "$"); absolute {
		line.Absolute = []models.AbsolutePrice{{Market: "US", Currency: "USD", Term: models.P1M, Billing: models.Monthly, UnitPrice: money.MustParse(price)}}
	} else if err := line.Percentage.UnmarshalText([]byte(margin)); err != nil {
		panic(err)
	}
	o := models.PrivateOffer{ID: name, PublisherID: "contoso", Name: name, EndMonth: month(end), Pricing: []models.PricingLine{line}}
	if start != "" {
		o.StartMonth = month(start)
	}
	live := (deskMonth - 1).Start()
	if o.StartMonth != 0 {
		live = min(o.StartMonth, deskMonth).Start()
	}
	o.SubmittedAt = &live
	for _, tenant := range []string{deskReseller1, deskReseller2} {
		o.Resellers = append(o.Resellers, models.OfferReseller{ResellerTenantID: tenant, AuthorizedAt: &live, PublishedAt: &live})
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func draft(o *models.PrivateOffer) {
	o.SubmittedAt = nil
	for i := range o.Resellers {
		o.Resellers[i] = models.OfferReseller{ResellerTenantID: o.Resellers[i].ResellerTenantID, CustomerTenantIDs: o.Resellers[i].CustomerTenantIDs}
	}
}

func customers(ids ...string) func(*models.PrivateOffer) {
	return func(o *models.PrivateOffer) {
		for i := range o.Resellers {
			o.Resellers[i].CustomerTenantIDs = ids
		}
	}
}

func publisher(id string) func(*models.PrivateOffer) {
	return func(o *models.PrivateOffer) { o.PublisherID = id }
}

// TestWarnings is one case a warning. Now is 10 March 2024; COVERS_FUTURE_PLANS,
// which every margin on a whole product has, is left out of what is wanted.
func TestWarnings(t *testing.T) {
	withdrawn := func(o *models.PrivateOffer) { o.WithdrawnAt = &deskNow }
	failed := func(o *models.PrivateOffer) {
		for i := range o.Resellers {
			o.Resellers[i].PublishedAt, o.Resellers[i].FailedAt = nil, &deskNow
		}
	}
	for _, test := range []struct {
		name   string
		own    models.PrivateOffer
		others []models.PrivateOffer
		want   []string
	}{
		{"nothing else", given("own", "", "10", "", "2024-06", draft), nil, nil},
		{"less than another", given("own", "a", "10", "", "2024-06", draft), []models.PrivateOffer{given("x", "", "20", "", "2024-06")},
			[]string{"SHADOWED x 2024-03-10T12:15 2024-07-01T00:00", "OVERLAPS x OTHER_LINE 2024-03-01T00:00 2024-07-01T00:00"}},
		{"less than two that follow each other", given("own", "a", "10", "", "2024-06", draft),
			[]models.PrivateOffer{given("x", "", "20", "", "2024-04"), given("y", "", "20", "2024-05", "2024-08")},
			[]string{"SHADOWED x y 2024-03-10T12:15 2024-07-01T00:00", "OVERLAPS x OTHER_LINE 2024-03-01T00:00 2024-05-01T00:00", "OVERLAPS y OTHER_LINE 2024-05-01T00:00 2024-07-01T00:00"}},
		{"less than one of each plan: plans to come are left", given("own", "", "10", "", "2024-06", draft),
			[]models.PrivateOffer{given("x", "a", "20", "", "2024-06"), given("y", "b", "20", "", "2024-06")},
			[]string{"OVERLAPS x OTHER_LINE 2024-03-01T00:00 2024-07-01T00:00", "OVERLAPS y OTHER_LINE 2024-03-01T00:00 2024-07-01T00:00"}},
		{"as much as another: the earlier counts", given("own", "a", "20", "", "2024-07", draft), []models.PrivateOffer{given("x", "", "20", "", "2024-06")},
			[]string{"OVERLAPS x OTHER_LINE 2024-03-01T00:00 2024-07-01T00:00"}},
		{"more than another, for longer", given("own", "", "30", "", "2024-07", draft), []models.PrivateOffer{given("x", "", "20", "", "2024-06")},
			[]string{"SHADOWS x THIS_LINE 2024-03-01T00:00 2024-07-01T00:00"}},
		{"more than another, for a while", given("own", "", "30", "2024-04", "2024-05", draft), []models.PrivateOffer{given("x", "", "20", "", "2024-06")},
			[]string{"OVERLAPS x THIS_LINE 2024-04-01T00:00 2024-06-01T00:00"}},
		{"a dearer price beats a percentage, for what it prices", given("own", "a", "$120", "", "2024-06", draft), []models.PrivateOffer{given("x", "a", "20", "", "2024-06")},
			[]string{"ABSOLUTE_ABOVE_LIST 2024-03-01T00:00 2024-07-01T00:00", "OVERLAPS x THIS_LINE 2024-03-10T12:15 2024-07-01T00:00"}},
		{"a percentage against a price: the meter is left", given("own", "a", "99", "", "2024-06", draft), []models.PrivateOffer{given("x", "a", "$99", "", "2024-06")},
			[]string{"OVERLAPS x OTHER_LINE 2024-03-10T12:15 2024-07-01T00:00"}},
		{"two prices: the lower counts", given("own", "a", "$80", "", "2024-06", draft), []models.PrivateOffer{given("x", "a", "$90", "", "2024-06")},
			[]string{"SHADOWS x THIS_LINE 2024-03-10T12:15 2024-07-01T00:00"}},
		{"for other customers", given("own", "", "10", "", "2024-06", draft, customers(deskCustomer1)),
			[]models.PrivateOffer{given("x", "", "20", "", "2024-06", customers(deskCustomer2))}, nil},
		{"for one customer of all", given("own", "", "10", "", "2024-06", draft),
			[]models.PrivateOffer{given("x", "", "20", "", "2024-06", customers(deskCustomer2))}, []string{"OVERLAPS x OTHER_LINE 2024-03-01T00:00 2024-07-01T00:00"}},
		{"another publisher's", given("own", "", "10", "", "2024-06", draft), []models.PrivateOffer{given("x", "", "20", "", "2024-06", publisher("fabrikam"))}, nil},
		{"withdrawn, failed or over", given("own", "", "10", "", "2024-06", draft),
			[]models.PrivateOffer{given("x", "", "20", "", "2024-06", withdrawn), given("y", "", "20", "", "2024-06", failed), given("z", "", "20", "2023-01", "2023-02")}, nil},
		{"another draft", given("own", "", "10", "", "2024-06", draft), []models.PrivateOffer{given("x", "", "20", "", "2024-06", draft)}, nil},
		{"the same draft again", given("own", "", "10", "", "2024-06", draft), []models.PrivateOffer{given("x", "", "10", "", "2024-06", draft)}, []string{"DUPLICATE x"}},
		{"after a gap", given("own", "a", "10", "2024-06", "2024-07", draft), []models.PrivateOffer{given("x", "", "20", "", "2024-03"), given("y", "", "20", "", "2024-04")},
			[]string{"GAP y 2024-05-01T00:00 2024-06-01T00:00"}},
		{"right after", given("own", "a", "10", "2024-06", "2024-07", draft), []models.PrivateOffer{given("x", "", "20", "", "2024-05")}, nil},
		{"a gap of one plan", given("own", "", "10", "2024-06", "2024-07", draft), []models.PrivateOffer{given("x", "a", "20", "", "2024-05"), given("y", "b", "20", "", "2024-04")},
			[]string{"GAP y 2024-05-01T00:00 2024-06-01T00:00"}},
		{"before a gap", given("own", "", "10", "", "2024-05", draft), []models.PrivateOffer{given("x", "", "20", "2024-08", "2024-09")},
			[]string{"GAP x 2024-06-01T00:00 2024-08-01T00:00"}},
		{"long after: no successor", given("own", "", "10", "2025-06", "2025-07", draft), []models.PrivateOffer{given("x", "", "20", "", "2024-04")}, nil},
		{"everything off", given("own", "", "100", "", "2024-06", draft), nil, []string{"PRICE_IS_ZERO"}},
		{"no such price", given("own", "c", "10", "", "2024-06", draft), nil, []string{"NO_LIST_PRICE"}},
		{"a start that has passed", given("own", "", "10", "2024-03", "2024-06", draft), nil, []string{"START_HAS_PASSED"}},
		{"an end that has passed", given("own", "", "10", "", "2024-02", draft), nil, []string{"END_HAS_PASSED"}},
		{"over, and was live", given("own", "", "10", "", "2024-02"), nil, nil},
		{"over, and never was live", given("own", "", "10", "", "2024-02", failed), nil, []string{"ENDED_UNPUBLISHED"}},
	} {
		var got []string
		for _, w := range rating.Warnings(&test.own, &rating.WarningFacts{
			Products:  map[string]models.Product{"p": {ID: "p", PublisherID: "contoso", Published: true, Public: true, Transactable: true, CSPOptIn: models.OptInAny}},
			Resellers: deskResellers(), Catalogue: deskBook(), Others: test.others, GoLive: models.DefaultGoLive, Now: deskNow,
		}) {
			if w.Code == models.WarnFuturePlans {
				continue
			}
			words := []string{string(w.Code)}
			for _, other := range w.Others {
				words = append(words, other.Name)
			}
			if w.Wins != "" && w.Code != models.WarnShadowed {
				words = append(words, string(w.Wins))
			}
			if !w.From.IsZero() {
				words = append(words, w.From.Format("2006-01-02T15:04"), w.To.Format("2006-01-02T15:04"))
			}
			got = append(got, strings.Join(words, " "))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %q\nwant %q", test.name, got, test.want)
		}
	}
}

// TestWarningsAreBounded: an offer with more than can be told says how many more
// there are.
func TestWarningsAreBounded(t *testing.T) {
	own := given("own", "", "10", "", "2024-06", draft)
	var others []models.PrivateOffer
	for i := range 150 {
		others = append(others, given(fmt.Sprintf("x%03d", i), "", "5", "", "2024-07"))
	}
	warnings := rating.Warnings(&own, &rating.WarningFacts{
		Products:  map[string]models.Product{"p": {ID: "p", PublisherID: "contoso", Published: true, Public: true, Transactable: true, CSPOptIn: models.OptInAny}},
		Resellers: deskResellers(), Catalogue: deskBook(), Others: others, GoLive: models.DefaultGoLive, Now: deskNow,
	})
	last := warnings[len(warnings)-1]
	if len(warnings) != models.MaxWarnings+1 || last.Code != models.WarnMore || last.Message != "51 more are not shown: 50 OVERLAPS, 1 COVERS_FUTURE_PLANS" {
		t.Errorf("%d warnings, the last is %s: %s", len(warnings), last.Code, last.Message)
	}
}
