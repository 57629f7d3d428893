package reports_test

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sellthrough/internal/money"
	"sellthrough/models"
	"sellthrough/reports"
)

// drawLines makes lines as rating does, few names and many: every line conserves
// (D13), and every line has a key of its own.
func drawLines(t *rapid.T) []models.BillingLine {
	one := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	lines := make([]models.BillingLine, rapid.IntRange(0, 60).Draw(t, "lines"))
	for i := range lines {
		l := &lines[i]
		l.Month = models.NewMonth(2021, 10) + models.Month(rapid.IntRange(0, 2).Draw(t, "month"))
		l.PublisherID, l.ResellerTenantID = one("publisher", "v", "w"), one("reseller", "r1", "r2", "r1x")
		l.CustomerTenantID, l.SubscriptionID = one("customer", "c1", "c2"), one("subscription", "s", "s1", "s2")
		l.ProductID, l.PlanID, l.MeterID = one("product", "p", "p1"), one("plan", "flat", "seats"), one("meter", "", "m")
		l.PrivateOfferID = one("offer", "", "o1", "o2")
		l.ChargeType = rapid.SampledFrom(models.ChargeTypes).Draw(t, "type")
		l.ChargeStart = l.Month.FirstDay() + models.Date(rapid.IntRange(0, 3).Draw(t, "day"))
		l.BillingCurrency = money.Currency(one("currency", "USD", "JPY", "KWD"))
		amount := rapid.Int64Range(-1_000_000, 1_000_000)
		l.WholesaleSubtotal, l.MarginAmount = amount.Draw(t, "wholesale"), amount.Draw(t, "margin")
		l.ListSubtotal = l.WholesaleSubtotal + l.MarginAmount
		if l.Infrastructure = one("kind", "software", "software", "infrastructure") == "infrastructure"; l.Infrastructure {
			l.ListSubtotal, l.MarginAmount, l.InfrastructureFee = l.WholesaleSubtotal, 0, l.WholesaleSubtotal
		} else {
			l.AgencyFeeRate = money.MustParse(one("rate", "0.03", "0.2", "0.015"))
			l.AgencyFee = rapid.Int64Range(0, max(1, l.WholesaleSubtotal)).Draw(t, "fee")
			l.Payout = l.WholesaleSubtotal - l.AgencyFee
		}
		l.Key = models.LineKey{SubscriptionID: l.SubscriptionID, ChargeType: l.ChargeType, ExternalID: fmt.Sprint(i / 2), Month: l.Month, Cycle: i, Part: i % 2}
	}
	return lines
}

// reused yields every line in one and the same place, as rating does.
func reused(lines []models.BillingLine) reports.Lines {
	return func(yield func(*models.BillingLine) bool) {
		var line models.BillingLine
		for i := range lines {
			if line = lines[i]; !yield(&line) {
				return
			}
		}
	}
}

var dimensions = []reports.Dimension{reports.ByMonth, reports.ByPublisher, reports.ByReseller, reports.ByCustomer, reports.ByProduct, reports.ByPlan,
	reports.ByMeter, reports.ByCurrency, reports.ByPrivateOffer, reports.ByChargeType}

// contains tells whether a line belongs to a row of a summary by the dimensions.
func contains(g reports.Group, by []reports.Dimension, l *models.BillingLine) bool {
	same := map[reports.Dimension]bool{
		reports.ByMonth: g.Month == l.Month, reports.ByPublisher: g.PublisherID == l.PublisherID, reports.ByReseller: g.ResellerTenantID == l.ResellerTenantID,
		reports.ByCustomer: g.CustomerTenantID == l.CustomerTenantID && g.ResellerTenantID == l.ResellerTenantID,
		reports.ByProduct:  g.ProductID == l.ProductID, reports.ByPlan: g.PlanID == l.PlanID && g.ProductID == l.ProductID,
		reports.ByMeter: g.MeterID == l.MeterID && g.ProductID == l.ProductID, reports.ByCurrency: true,
		reports.ByPrivateOffer: g.PrivateOfferID == l.PrivateOfferID, reports.ByChargeType: g.ChargeType == l.ChargeType,
	}
	for _, d := range by {
		if !same[d] {
			return false
		}
	}
	return g.Currency == l.BillingCurrency // D16: always part of the group
}

// Each total is the sum of its lines, each line is in one row, and every
// equality of a line holds for every row (D13).
func TestSummariesAreTheSumOfTheirLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := drawLines(t)
		by := rapid.SliceOfNDistinct(rapid.SampledFrom(dimensions), 0, 4, rapid.ID).Draw(t, "by")
		rows, err := reports.Summarize(reused(lines), by...)
		if err != nil {
			t.Fatal(err)
		}
		counted := 0
		for _, row := range rows {
			var want reports.Totals
			for i := range lines {
				if l := &lines[i]; contains(row.Group, by, l) {
					want.Lines++
					want.ListSubtotal += l.ListSubtotal
					want.MarginAmount += l.MarginAmount
					want.WholesaleSubtotal += l.WholesaleSubtotal
					want.AgencyFee += l.AgencyFee
					want.OtherFees += l.InfrastructureFee
					want.Payout += l.Payout
				}
			}
			if row.Totals != want {
				t.Fatalf("%+v\nwant %+v", row, want)
			}
			if row.ListSubtotal != row.WholesaleSubtotal+row.MarginAmount || row.WholesaleSubtotal != row.AgencyFee+row.OtherFees+row.Payout {
				t.Fatalf("%+v does not conserve", row)
			}
			counted += row.Lines
		}
		if counted != len(lines) {
			t.Fatalf("%d of %d lines are in the rows", counted, len(lines))
		}
	})
}

// Payouts, agency fees and billing fold the same lines, so they reconcile; and
// the order of the lines changes nothing.
func TestReportsReconcile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := drawLines(t)
		payouts, err := reports.Payouts(reused(lines))
		if err != nil {
			t.Fatal(err)
		}
		fees, err := reports.AgencyFees(reused(lines))
		if err != nil {
			t.Fatal(err)
		}
		type key struct {
			month     models.Month
			publisher string
			currency  money.Currency
		}
		wholesale, agency, other, count := map[key]int64{}, map[key]int64{}, map[key]int64{}, 0
		for _, f := range fees {
			k := key{f.Month, f.PublisherID, f.Currency}
			wholesale[k] += f.Base
			count += f.Lines
			if f.Kind == reports.FeeInfrastructure {
				if other[k] += f.Amount; f.Amount != f.Base || f.Rate != money.New(1, 0) {
					t.Fatalf("infrastructure is not the platform's whole: %+v", f)
				}
			} else {
				agency[k] += f.Amount
			}
		}
		for _, p := range payouts {
			k := key{p.Month, p.PublisherID, p.Currency}
			if p.Wholesale != wholesale[k] || p.AgencyFee != agency[k] || p.OtherFees != other[k] {
				t.Fatalf("payout %+v, fee report %d %d %d", p, wholesale[k], agency[k], other[k])
			}
			if p.Wholesale != p.AgencyFee+p.OtherFees+p.OtherDeductions+p.Payout {
				t.Fatalf("%+v does not conserve", p)
			}
			if p.Status != reports.Uncollected || p.ExpectedMonth != p.Month+3 {
				t.Fatalf("%+v: rules 6.2 pay in month 4", p)
			}
			count -= p.Lines
		}
		if count != 0 {
			t.Fatalf("fees and payouts differ by %d lines", count)
		}
		slices.Reverse(lines)
		payoutsAgain, _ := reports.Payouts(reused(lines))
		feesAgain, _ := reports.AgencyFees(reused(lines))
		if !slices.Equal(payouts, payoutsAgain) || !slices.Equal(fees, feesAgain) {
			t.Fatal("the order of the lines changes the reports")
		}
	})
}

// The fees of a line are its wholesale less its payout.
func TestFeesOfALine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, l := range drawLines(t) {
			sum := int64(0)
			fees := reports.Fees(&l)
			for _, f := range fees {
				sum += f.Amount
				if !slices.Contains(reports.FeeKinds, f.Kind) {
					t.Fatalf("%s is no kind of fee", f.Kind)
				}
			}
			if len(fees) != 1 || sum != l.WholesaleSubtotal-l.Payout {
				t.Fatalf("%+v of %+v", fees, l)
			}
		}
	})
}

// A total that does not fit is an error, never a wrapped number, in any column
// and in either direction.
func TestTotalTooLarge(t *testing.T) {
	for _, amount := range []int64{math.MaxInt64, -math.MaxInt64} {
		for name, line := range map[string]models.BillingLine{
			"list":           {ListSubtotal: amount},
			"margin":         {MarginAmount: amount},
			"wholesale":      {WholesaleSubtotal: amount},
			"agency fee":     {AgencyFee: amount},
			"infrastructure": {InfrastructureFee: amount},
			"payout":         {Payout: amount},
		} {
			if _, err := reports.Summarize(reused([]models.BillingLine{line})); err != nil {
				t.Errorf("%s of %d: %v", name, amount, err)
			}
			three := reused([]models.BillingLine{line, line, line})
			if rows, err := reports.Summarize(three); !errors.Is(err, reports.ErrTotalTooLarge) || len(rows) > 0 {
				t.Errorf("%s of three times %d: %v, %v", name, amount, rows, err)
			}
			if rows, err := reports.Payouts(three); !errors.Is(err, reports.ErrTotalTooLarge) || len(rows) > 0 {
				t.Errorf("payouts, %s: %v, %v", name, rows, err)
			}
			if rows, err := reports.AgencyFees(three); !errors.Is(err, reports.ErrTotalTooLarge) || len(rows) > 0 {
				t.Errorf("agency fees, %s: %v, %v", name, rows, err)
			}
		}
	}
}

func TestNothingComesToNothing(t *testing.T) {
	none := reused(nil)
	summaries, _ := reports.Summarize(none, reports.ByMonth)
	payouts, _ := reports.Payouts(none)
	fees, _ := reports.AgencyFees(none)
	page, _ := reports.Page(none, reports.Window{Limit: 10})
	if len(summaries)+len(payouts)+len(fees)+len(page.Lines)+page.Total != 0 || page.More {
		t.Error("no lines make a report")
	}
	if _, err := reports.Summarize(none, "MOON"); err == nil || !strings.Contains(err.Error(), "MOON") {
		t.Errorf("grouping by the moon: %v", err)
	}
	if _, err := reports.Page(none, reports.Window{OrderBy: []reports.Order{{Field: "PAYOUT"}}}); err == nil {
		t.Error("lines can be ordered by payout, which a reseller must not see")
	}
}

var orderFields = []reports.OrderField{reports.OrderMonth, reports.OrderPublisher, reports.OrderReseller, reports.OrderCustomer, reports.OrderSubscription,
	reports.OrderProduct, reports.OrderPlan, reports.OrderMeter, reports.OrderChargeType, reports.OrderChargeStart, reports.OrderCurrency,
	reports.OrderListSubtotal, reports.OrderMarginAmount, reports.OrderWholesaleSubtotal}

// Pages walk through all lines exactly once, in order, forward and backward, for
// any order and any size of page.
func TestPagesWalkThroughAllLinesOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := drawLines(t)
		window := reports.Window{Limit: rapid.IntRange(1, 20).Draw(t, "limit")}
		for _, f := range rapid.SliceOfN(rapid.SampledFrom(orderFields), 0, 3).Draw(t, "fields") {
			window.OrderBy = append(window.OrderBy, reports.Order{Field: f, Descending: rapid.Bool().Draw(t, "descending")})
		}
		forward := slices.Collect(walk(t, lines, window))
		window.Backward = true
		backward := slices.Collect(walk(t, lines, window))
		slices.Reverse(backward)

		want := slices.Clone(lines)
		slices.SortFunc(want, func(x, y models.BillingLine) int { return compareLines(window.OrderBy, &x, &y) })
		if !slices.Equal(forward, want) {
			t.Fatalf("forward:\n%v\nwant\n%v", forward, want)
		}
		if !slices.Equal(backward, want) {
			t.Fatalf("backward:\n%v\nwant\n%v", backward, want)
		}
	})
}

// walk turns page after page; backward it yields each page from its end.
func walk(t *rapid.T, lines []models.BillingLine, window reports.Window) iter.Seq[models.BillingLine] {
	return func(yield func(models.BillingLine) bool) {
		for pages := 0; ; pages++ {
			page, err := reports.Page(reused(lines), window)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Lines) > window.Limit || page.Total != len(lines) || pages > len(lines) || page.More && len(page.Lines) < window.Limit {
				t.Fatalf("page %d of %d lines: %d lines, more %t", pages, page.Total, len(page.Lines), page.More)
			}
			placed := slices.Clone(page.Lines)
			if window.Backward {
				slices.Reverse(placed)
			}
			for _, p := range placed {
				if !yield(p.Line) {
					return
				}
			}
			if !page.More {
				return
			}
			if last := placed[len(placed)-1].Position; window.Backward {
				window.Before = last
			} else {
				window.After = last
			}
		}
	}
}

// compareLines is the order that a page promises: the fields asked for, then
// month, subscription, day, type, plan and meter, then the event, the credit
// before the charge, and at last the id.
func compareLines(by []reports.Order, x, y *models.BillingLine) int {
	for _, o := range append(slices.Clone(by), reports.Order{Field: reports.OrderMonth}, reports.Order{Field: reports.OrderSubscription}, reports.Order{Field: reports.OrderChargeStart},
		reports.Order{Field: reports.OrderChargeType}, reports.Order{Field: reports.OrderPlan}, reports.Order{Field: reports.OrderMeter}) {
		c := 0
		number := func(a, b int64) { c = int(min(1, max(-1, a-b))) }
		switch o.Field {
		case reports.OrderMonth:
			number(int64(x.Month), int64(y.Month))
		case reports.OrderPublisher:
			c = strings.Compare(x.PublisherID, y.PublisherID)
		case reports.OrderReseller:
			c = strings.Compare(x.ResellerTenantID, y.ResellerTenantID)
		case reports.OrderCustomer:
			c = strings.Compare(x.CustomerTenantID, y.CustomerTenantID)
		case reports.OrderSubscription:
			c = strings.Compare(x.SubscriptionID, y.SubscriptionID)
		case reports.OrderProduct:
			c = strings.Compare(x.ProductID, y.ProductID)
		case reports.OrderPlan:
			c = strings.Compare(x.PlanID, y.PlanID)
		case reports.OrderMeter:
			c = strings.Compare(x.MeterID, y.MeterID)
		case reports.OrderChargeType:
			c = strings.Compare(string(x.ChargeType), string(y.ChargeType))
		case reports.OrderChargeStart:
			number(int64(x.ChargeStart), int64(y.ChargeStart))
		case reports.OrderCurrency:
			c = strings.Compare(string(x.BillingCurrency), string(y.BillingCurrency))
		case reports.OrderListSubtotal:
			number(x.ListSubtotal, y.ListSubtotal)
		case reports.OrderMarginAmount:
			number(x.MarginAmount, y.MarginAmount)
		case reports.OrderWholesaleSubtotal:
			number(x.WholesaleSubtotal, y.WholesaleSubtotal)
		}
		if o.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(
		strings.Compare(x.Key.Source, y.Key.Source), strings.Compare(x.Key.ExternalID, y.Key.ExternalID), cmp.Compare(x.Key.Part, y.Key.Part),
		strings.Compare(x.ID(), y.ID()),
	)
}

// A page of no lines tells whether there are any.
func TestPageOfNothing(t *testing.T) {
	page, err := reports.Page(reused(make([]models.BillingLine, 3)), reports.Window{})
	if err != nil || len(page.Lines) != 0 || !page.More || page.Total != 3 {
		t.Errorf("%+v, %v", page, err)
	}
}
