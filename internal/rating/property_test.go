package rating_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sellthrough/internal/rating"
	"sellthrough/models"
)

// Every line is the one that the rules give, and every charge that the rules
// refuse is refused.
func TestLinesAreTheOraclesLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := drawMarket(t)
		lines, refusals := rated(facts)
		want, wantUnrated := oracle(facts)

		var got, expectedLines []string
		for i := range lines {
			got = append(got, fmt.Sprintf("%+v", observed(&lines[i])))
		}
		for _, l := range want {
			expectedLines = append(expectedLines, fmt.Sprintf("%+v", l))
		}
		compareSets(t, "lines", got, expectedLines)

		var gotUnrated, expectedRefusals []string
		for _, u := range refusals {
			gotUnrated = append(gotUnrated, fmt.Sprintf("%+v", expectedUnrated{u.Month.String(), u.SubscriptionID, u.MeterID, u.Code}))
		}
		for _, u := range wantUnrated {
			expectedRefusals = append(expectedRefusals, fmt.Sprintf("%+v", u))
		}
		compareSets(t, "unrated facts", gotUnrated, expectedRefusals)
	})
}

// compareSets compares two lists whose order does not matter.
func compareSets(t *rapid.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	for len(got) > 0 && len(want) > 0 && got[0] == want[0] {
		got, want = got[1:], want[1:]
	}
	for len(got) > 0 && len(want) > 0 && got[len(got)-1] == want[len(want)-1] {
		got, want = got[:len(got)-1], want[:len(want)-1]
	}
	if len(got)+len(want) > 0 {
		t.Fatalf("%s differ\n got\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// D13: list = wholesale + margin and wholesale = fees + payout, on every line;
// and no two lines share an id, nor does a line change it.
func TestLinesConserve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines, _ := rated(drawMarket(t))
		seen := map[string]models.LineKey{}
		for i := range lines {
			if err := lines[i].Check(); err != nil {
				t.Fatal(err)
			}
			if other, twice := seen[lines[i].ID()]; twice {
				t.Fatalf("%+v and %+v have one id", other, lines[i].Key)
			}
			seen[lines[i].ID()] = lines[i].Key
		}
	})
}

// The same facts in another order of arrival give the same lines in the same
// order.
func TestOrderOfArrivalDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := drawMarket(t)
		lines, unrated := rated(facts)
		again, unratedAgain := rated(shuffled(t, facts))
		if !slices.Equal(lines, again) {
			t.Fatalf("other lines:\n%+v\n%+v", lines, again)
		}
		if !slices.Equal(unrated, unratedAgain) {
			t.Fatalf("other refusals:\n%+v\n%+v", unrated, unratedAgain)
		}
	})
}

// Rating again gives the same lines, from the same book and from a new one, and
// leaves the facts as they were.
func TestRatingAgainIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := drawMarket(t)
		before := fmt.Sprintf("%+v", facts)
		book := rating.NewBook(facts)
		for m := firstMonth; m <= lastMonth; m++ {
			var first, second []models.BillingLine
			book.RateMonth(m, func(l *models.BillingLine) bool { first = append(first, *l); return true })
			book.RateMonth(m, func(l *models.BillingLine) bool { second = append(second, *l); return true })
			if !slices.Equal(first, second) {
				t.Fatalf("%s\n%+v\n%+v", m, first, second)
			}
		}
		lines, _ := rated(facts)
		again, _ := rated(facts)
		if !slices.Equal(lines, again) {
			t.Fatalf("%+v\n%+v", lines, again)
		}
		if after := fmt.Sprintf("%+v", facts); after != before {
			t.Fatalf("the facts changed:\n%s\n%s", before, after)
		}
	})
}

// What a reseller pays follows from its own facts: a book that also holds those
// of the others says the same, and so does a book of its own.
func TestOtherResellersDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := drawMarket(t)
		all, _ := rated(facts)
		for _, reseller := range marketResellers {
			alone, _ := rated(of(reseller, facts))
			among := slices.DeleteFunc(slices.Clone(all), func(l models.BillingLine) bool { return l.ResellerTenantID != reseller })
			if !slices.Equal(alone, among) {
				t.Fatalf("reseller %s alone:\n%+v\namong others:\n%+v", reseller, alone, among)
			}
		}
	})
}

// effectiveMargin answers what the line was billed, asked for the same charge.
func TestEffectiveAgreesWithTheLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := drawMarket(t)
		for i := range facts.Subscriptions { // asked at the time, so recorded at the time
			for j := range facts.Subscriptions[i].Purchases {
				p := &facts.Subscriptions[i].Purchases[j]
				p.RecordedAt = p.OccurredAt
			}
		}
		book := rating.NewBook(facts)
		lines, _ := rated(facts)
		for _, l := range lines {
			if l.Trial {
				continue
			}
			e, err := book.Effective(rating.EffectiveQuestion{
				What: rating.What{ProductID: l.ProductID, PlanID: l.PlanID, MeterID: l.MeterID, Term: l.Term, Billing: l.Billing,
					Market: l.Market, Currency: l.BillingCurrency},
				ResellerTenantID: l.ResellerTenantID, CustomerTenantID: l.CustomerTenantID, At: l.PricedAt,
			})
			if err != nil {
				t.Fatal(err)
			}
			if e.ListPrice != l.ListUnitPrice || e.WholesalePrice != l.UnitPrice || e.MarginType != l.MarginType ||
				e.Percentage != l.MarginPercentage || e.PrivateOfferID != l.PrivateOfferID || e.PricingLine != l.PricingLine {
				t.Fatalf("effective margin %+v\nbut the line %+v", e, l)
			}
			winners := slices.DeleteFunc(slices.Clone(e.Candidates()), func(c models.Candidate) bool { return !c.Wins })
			if (len(winners) == 1) != (e.PrivateOfferID != "") || len(winners) > 1 {
				t.Fatalf("%d winners for %+v", len(winners), e)
			}
		}
	})
}

// A margin's price wins where, and only where, effectiveMargin names that margin
// for one of the customers that it is for.
func TestMarginsAgreeWithEffective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := drawMarket(t)
		book, at := rating.NewBook(facts), dice{t}.instant("at")
		for _, reseller := range marketResellers {
			for _, m := range book.Margins(reseller, at, nil) {
				customers := m.CustomerTenantIDs
				if len(customers) == 0 {
					customers = []string{""}
				}
				any := false
				for _, p := range m.Prices {
					named := slices.ContainsFunc(customers, func(customer string) bool {
						e, err := book.Effective(rating.EffectiveQuestion{
							What: rating.What{ProductID: m.ProductID, PlanID: p.PlanID, MeterID: p.MeterID, Term: p.Term, Billing: p.Billing,
								Market: p.Market, Currency: p.Currency},
							ResellerTenantID: reseller, CustomerTenantID: customer, At: at,
						})
						return err == nil && e.PrivateOfferID == m.PrivateOfferID && e.PricingLine == m.PricingLine
					})
					if named != p.Wins {
						t.Fatalf("at %s wins is %t but effective margin says %t:\n%+v\nof %+v", at, p.Wins, named, p, m)
					}
					any = any || p.Wins
				}
				if any != m.Wins {
					t.Fatalf("margin %+v wins is %t", m, m.Wins)
				}
			}
		}
	})
}

// D19, D11: a term cancelled in time comes to nothing, in every column.
func TestACancelledTermSumsToZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := drawMarket(t)
		s := &facts.Subscriptions[0]
		s.TrialDays = 0
		bought, window := s.Purchases[0].OccurredAt, facts.Refunds.Longer
		if s.Purchases[0].Term == models.P1M {
			window = facts.Refunds.Monthly
		}
		s.Purchases = slices.DeleteFunc(s.Purchases, func(p models.Purchase) bool {
			return p.OccurredAt.After(bought.Add(window)) || p.Action == models.ActionRenew || p.Action == models.ActionCancelImmediate
		})
		cancel := s.Purchases[0]
		cancel.Action, cancel.ExternalID, cancel.OccurredAt = models.ActionCancelImmediate, "cancel", bought.Add(window)
		s.Purchases = append(s.Purchases, cancel)
		if terms, ok := commitments(*s, facts.Refunds); !ok || !terms[0].refunded && !terms[0].metered {
			t.Fatalf("not refunded whole: %+v", s.Purchases)
		}
		facts.Buckets = nil
		lines, _ := rated(facts)
		var sum [6]int64
		for _, l := range lines {
			if l.SubscriptionID == s.ID {
				for i, amount := range []int64{l.ListSubtotal, l.MarginAmount, l.WholesaleSubtotal, l.AgencyFee, l.InfrastructureFee, l.Payout} {
					sum[i] += amount
				}
			}
		}
		if sum != [6]int64{} {
			t.Fatalf("list, margin, wholesale, agency fee, infrastructure fee, payout: %v", sum)
		}
	})
}
