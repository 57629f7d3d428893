package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// story writes purchases as lines of "instant action [quantity] [term billing]".
func story(t testing.TB, s models.Subscription, lines ...string) models.Subscription {
	t.Helper()
	s.ID = "s1"
	for i, line := range lines {
		words := strings.Fields(line)
		p := models.Purchase{Source: "desk", ExternalID: fmt.Sprint(i + 1), SubscriptionID: s.ID, OccurredAt: instant(t, words[0]), Action: models.Action(words[1])}
		p.RecordedAt = p.OccurredAt
		words = words[2:]
		if len(words)%2 == 1 {
			p.Quantity = money.MustParse(words[0])
			words = words[1:]
		}
		if len(words) == 2 {
			p.Term, p.Billing = models.Term(words[0]), models.Billing(words[1])
		}
		s.Purchases = append(s.Purchases, p)
	}
	return s
}

var (
	seats    = models.Subscription{PricingModel: models.PerUser}
	flat     = models.Subscription{PricingModel: models.FlatRate}
	metered  = models.Subscription{PricingModel: models.Usage}
	withTry  = models.Subscription{PricingModel: models.PerUser, TrialDays: 30}
	oneMonth = "2021-01-31T10:00:00Z new 10 P1M MONTHLY"
	oneYear  = "2021-01-31T10:00:00Z new 10 P1Y MONTHLY"
)

// told is a life in words: each term with its days, quantity and end.
func told(life models.Timeline) (terms []string) {
	for i := range life {
		p := &life[i]
		text := fmt.Sprintf("%s..%s %s", p.Start, p.End, p.Quantity)
		if p.End == models.DateForever {
			text = fmt.Sprintf("%s.. %s", p.Start, p.Quantity)
		}
		for _, c := range p.Changes {
			text += fmt.Sprintf(" %s->%s", c.Before, c.After)
		}
		switch {
		case p.Refunded:
			text += " refunded"
		case p.Cancelled != nil:
			text += " cancelled"
		case p.Trial:
			text += " trial"
		case p.Metered:
			text += " metered"
		}
		terms = append(terms, text)
	}
	return terms
}

// Every action in the situations that it can meet (D17, D18, D19).
func TestTimeline(t *testing.T) {
	for _, c := range []struct {
		name  string
		of    models.Subscription
		story []string
		want  []string
		code  models.Code // of the last purchase, none when it fits
	}{
		{"new", seats, []string{oneMonth}, []string{"2021-01-31..2021-02-27 10"}, ""},
		{"new without a quantity", flat, []string{"2021-01-31T10:00:00Z new P1Y UPFRONT"}, []string{"2021-01-31..2022-01-30 1"}, ""},
		{"new on a plan that meters", metered, []string{"2021-01-31T10:00:00Z new"}, []string{"2021-01-31.. 1 metered"}, ""},
		{"new with a trial", withTry, []string{"2021-06-10T10:00:00Z new 5 P1M MONTHLY"}, []string{"2021-06-10..2021-07-09 5 trial"}, ""}, // G27
		{"new twice", seats, []string{oneMonth, "2021-03-01T00:00:00Z new 10 P1M MONTHLY"}, nil, models.CodeSubscriptionExists},

		{"renew before anything", seats, []string{"2021-01-31T10:00:00Z renew"}, nil, models.CodeSubscriptionUnknown},
		{"renew on the day after the end keeps the anchor", seats, []string{oneMonth, "2021-02-28T00:00:00Z renew"}, []string{"2021-01-31..2021-02-27 10", "2021-02-28..2021-03-30 10"}, ""},
		{"renew before the end waits for it", seats, []string{oneMonth, "2021-02-10T00:00:00Z renew"}, []string{"2021-01-31..2021-02-27 10", "2021-02-28..2021-03-30 10"}, ""},
		{"renew late starts anew", seats, []string{oneMonth, "2021-03-05T00:00:00Z renew"}, []string{"2021-01-31..2021-02-27 10", "2021-03-05..2021-04-04 10"}, ""},
		{"renew with another quantity and term", seats, []string{oneMonth, "2021-02-28T00:00:00Z renew 7 P1Y ANNUAL"}, []string{"2021-01-31..2021-02-27 10", "2021-02-28..2022-02-27 7"}, ""},
		{"renew takes the seats in force", seats, []string{oneMonth, "2021-02-02T00:00:00Z addQuantity 5", "2021-02-28T00:00:00Z renew"}, []string{"2021-01-31..2021-02-27 10 10->15", "2021-02-28..2021-03-30 15"}, ""},
		{"renew twice before the end", seats, []string{oneMonth, "2021-02-10T00:00:00Z renew", "2021-02-11T00:00:00Z renew"}, nil, models.CodeRenewalAlreadyRecorded},
		{"renew after a cancellation", seats, []string{oneMonth, "2021-02-10T00:00:00Z cancelImmediate", "2021-02-11T00:00:00Z renew"}, nil, models.CodeSubscriptionNotActive},
		{"renew on a plan that meters", metered, []string{"2021-01-31T10:00:00Z new", "2021-02-28T00:00:00Z renew"}, nil, models.CodeRenewalNotPossible},
		{"renew ends a trial", withTry, []string{"2021-06-10T10:00:00Z new 5 P1M MONTHLY", "2021-07-10T00:00:00Z renew"}, []string{"2021-06-10..2021-07-09 5 trial", "2021-07-10..2021-08-09 5"}, ""},
		{"renew during a trial waits for its end", withTry, []string{"2021-06-10T10:00:00Z new 5 P1M MONTHLY", "2021-06-20T00:00:00Z renew"}, []string{"2021-06-10..2021-07-09 5 trial", "2021-07-10..2021-08-09 5"}, ""},

		{"add seats", seats, []string{oneYear, "2021-05-01T00:00:00Z addQuantity 3"}, []string{"2021-01-31..2022-01-30 10 10->13"}, ""},
		{"add to a flat rate", flat, []string{oneYear, "2021-05-01T00:00:00Z addQuantity 3"}, nil, models.CodeInvalid},
		{"add to a plan that meters", metered, []string{"2021-01-31T10:00:00Z new", "2021-05-01T00:00:00Z addQuantity 3"}, nil, models.CodeSubscriptionNotActive},
		{"add after the end", seats, []string{oneMonth, "2021-02-28T00:00:00Z addQuantity 3"}, nil, models.CodeSubscriptionNotActive},
		{"add in the last second", seats, []string{oneMonth, "2021-02-27T23:59:59Z addQuantity 3"}, []string{"2021-01-31..2021-02-27 10 10->13"}, ""},
		{"add before the purchase on its day", seats, []string{"2021-01-31T09:00:00Z addQuantity 3", oneMonth}, nil, models.CodeSubscriptionUnknown},
		{"add beyond 15 digits", seats, []string{oneYear, "2021-05-01T00:00:00Z addQuantity 999999999999990"}, nil, models.CodeQuantityTooLarge},
		{"add after an early renewal", seats, []string{oneMonth, "2021-02-10T00:00:00Z renew", "2021-02-11T00:00:00Z addQuantity 3"}, []string{"2021-01-31..2021-02-27 10 10->13", "2021-02-28..2021-03-30 10"}, ""},

		{"remove within 7 days", seats, []string{oneYear, "2021-02-07T10:00:00Z removeQuantity 4"}, []string{"2021-01-31..2022-01-30 10 10->6"}, ""},
		{"remove after 7 days", seats, []string{oneYear, "2021-02-07T10:00:01Z removeQuantity 4"}, nil, models.CodeRefundWindowClosed},
		{"remove what was added within 7 days", seats, []string{oneYear, "2021-05-01T00:00:00Z addQuantity 3", "2021-05-08T00:00:00Z removeQuantity 3"}, []string{"2021-01-31..2022-01-30 10 10->13 13->10"}, ""},
		{"remove more than was added within 7 days", seats, []string{oneYear, "2021-05-01T00:00:00Z addQuantity 3", "2021-05-02T00:00:00Z removeQuantity 4"}, nil, models.CodeRefundWindowClosed},
		{"remove again what was removed", seats, []string{oneYear, "2021-05-01T00:00:00Z addQuantity 3", "2021-05-02T00:00:00Z removeQuantity 3", "2021-05-03T00:00:00Z removeQuantity 1"}, nil, models.CodeRefundWindowClosed},
		{"remove within 7 days of a renewal", seats, []string{oneMonth, "2021-02-28T00:00:00Z renew", "2021-03-07T00:00:00Z removeQuantity 4"}, []string{"2021-01-31..2021-02-27 10", "2021-02-28..2021-03-30 10 10->6"}, ""},
		{"remove all", seats, []string{oneMonth, "2021-02-01T00:00:00Z removeQuantity 10"}, nil, models.CodeQuantityExceeded},
		{"remove more than all", seats, []string{oneMonth, "2021-02-01T00:00:00Z removeQuantity 11"}, nil, models.CodeQuantityExceeded},

		{"cancel a month within a day", seats, []string{oneMonth, "2021-02-01T10:00:00Z cancelImmediate"}, []string{"2021-01-31..2021-02-27 10 refunded"}, ""},
		{"cancel a month later", seats, []string{oneMonth, "2021-02-01T10:00:01Z cancelImmediate"}, []string{"2021-01-31..2021-02-27 10 cancelled"}, ""},
		{"cancel a year within 14 days", seats, []string{oneYear, "2021-02-14T10:00:00Z cancelImmediate"}, []string{"2021-01-31..2022-01-30 10 refunded"}, ""},
		{"cancel a year later", seats, []string{oneYear, "2021-02-14T10:00:01Z cancelImmediate"}, []string{"2021-01-31..2022-01-30 10 cancelled"}, ""},
		{"cancel a renewal within a day of its start", seats, []string{oneMonth, "2021-02-10T00:00:00Z renew", "2021-03-01T00:00:00Z cancelImmediate"}, []string{"2021-01-31..2021-02-27 10", "2021-02-28..2021-03-30 10 refunded"}, ""},
		{"cancel before a renewed term begins", seats, []string{oneMonth, "2021-02-10T00:00:00Z renew", "2021-02-20T00:00:00Z cancelImmediate"}, []string{"2021-01-31..2021-02-27 10 cancelled", "2021-02-28..2021-03-30 10 refunded"}, ""},
		{"cancel a plan that meters", metered, []string{"2021-01-31T10:00:00Z new", "2021-02-01T00:00:00Z cancelImmediate"}, []string{"2021-01-31.. 1 cancelled"}, ""},
		{"cancel a trial", withTry, []string{"2021-06-10T10:00:00Z new 5 P1M MONTHLY", "2021-06-10T11:00:00Z cancelImmediate"}, []string{"2021-06-10..2021-07-09 5 cancelled"}, ""},
		{"cancel before anything", seats, []string{"2021-06-10T10:00:00Z cancelImmediate"}, nil, models.CodeSubscriptionUnknown},
		{"cancel after the end", seats, []string{oneMonth, "2021-02-28T00:00:00Z cancelImmediate"}, nil, models.CodeSubscriptionNotActive},
		{"cancel twice", seats, []string{oneMonth, "2021-02-10T00:00:00Z cancelImmediate", "2021-02-11T00:00:00Z cancelImmediate"}, nil, models.CodeSubscriptionNotActive},
		{"a term without a renewal ends", seats, []string{oneMonth}, []string{"2021-01-31..2021-02-27 10"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := story(t, c.of, c.story...)
			life, vs := s.Timeline(models.DefaultRefundPolicy)
			switch {
			case c.code == "" && len(vs) > 0:
				t.Fatal(vs)
			case c.code != "" && (len(vs) != 1 || vs[0].Code != c.code || vs[0].Message == ""):
				t.Fatalf("violations %v, want %s", vs, c.code)
			case c.code == "" && !slices.Equal(told(life), c.want):
				t.Errorf("life\n got %q\nwant %q", told(life), c.want)
			}
			slices.Reverse(s.Purchases) // the order of arrival changes nothing (D17)
			if again, vsAgain := s.Timeline(models.DefaultRefundPolicy); !slices.Equal(told(again), told(life)) || len(vsAgain) != len(vs) {
				t.Errorf("in another order of arrival\n got %q %v\nwant %q %v", told(again), vsAgain, told(life), vs)
			}
		})
	}
}

// D19 is configurable.
func TestD19_RefundsAreConfigurable(t *testing.T) {
	s := story(t, seats, oneMonth, "2021-02-03T10:00:00Z cancelImmediate")
	life, _ := s.Timeline(models.RefundPolicy{Monthly: 72 * time.Hour})
	if !life[0].Refunded {
		t.Error("72 hours after the purchase nothing comes back")
	}
}

// A subscription is active from 00:00 of its first day to the end of its last,
// or to the instant of its cancellation.
func TestTimelineAt(t *testing.T) {
	life, _ := ptr(story(t, seats, oneMonth, "2021-03-05T12:00:00Z renew", "2021-03-20T12:00:00Z cancelImmediate")).Timeline(models.DefaultRefundPolicy)
	for at, start := range map[string]string{
		"2021-01-30T23:59:59Z": "", "2021-01-31T00:00:00Z": "2021-01-31", "2021-02-27T23:59:59.999999Z": "2021-01-31",
		"2021-02-28T00:00:00Z": "", "2021-03-04T23:59:59Z": "", "2021-03-05T00:00:00Z": "2021-03-05",
		"2021-03-20T11:59:59.999999Z": "2021-03-05", "2021-03-20T12:00:00Z": "",
	} {
		got := ""
		if p := life.At(instant(t, at)); p != nil {
			got = p.Start.String()
		}
		if got != start {
			t.Errorf("at %s the term of %q is in force, want %q", at, got, start)
		}
	}
}

func TestCycles(t *testing.T) {
	for _, c := range []struct {
		term    models.Term
		billing models.Billing
		cycles  []string
	}{
		{models.P1M, models.Monthly, []string{"2021-01-31..2021-02-27"}},
		{models.P1M, models.Upfront, []string{"2021-01-31..2021-02-27"}},
		{models.P2Y, models.Annual, []string{"2021-01-31..2022-01-30", "2022-01-31..2023-01-30"}},
		{models.P3Y, models.Upfront, []string{"2021-01-31..2024-01-30"}},
		{models.P1Y, models.Monthly, []string{"2021-01-31..2021-02-27", "2021-02-28..2021-03-30", "2021-03-31..2021-04-29", "2021-04-30..2021-05-30",
			"2021-05-31..2021-06-29", "2021-06-30..2021-07-30", "2021-07-31..2021-08-30", "2021-08-31..2021-09-29", "2021-09-30..2021-10-30",
			"2021-10-31..2021-11-29", "2021-11-30..2021-12-30", "2021-12-31..2022-01-30"}},
	} {
		life, _ := ptr(story(t, seats, fmt.Sprintf("2021-01-31T10:00:00Z new 10 %s %s", c.term, c.billing))).Timeline(models.DefaultRefundPolicy)
		var got []string
		for k := range life[0].Cycles() {
			first, last := life[0].Cycle(k)
			got = append(got, first.String()+".."+last.String())
			if life[0].CycleAt(first) != k || life[0].CycleAt(last) != k {
				t.Errorf("%s %s: cycle %d does not hold its own days", c.term, c.billing, k)
			}
		}
		if !slices.Equal(got, c.cycles) {
			t.Errorf("%s %s\n got %q\nwant %q", c.term, c.billing, got, c.cycles)
		}
	}
	for _, of := range []models.Subscription{metered, withTry} {
		if life, _ := ptr(story(t, of, "2021-01-31T10:00:00Z new")).Timeline(models.DefaultRefundPolicy); life[0].Cycles() != 0 {
			t.Error("a trial, or a plan that meters, has charge cycles")
		}
	}
}

func TestQuantityOn(t *testing.T) {
	life, _ := ptr(story(t, seats, oneYear, "2021-02-28T08:00:00Z addQuantity 5", "2021-03-01T00:00:00Z removeQuantity 5")).Timeline(models.DefaultRefundPolicy)
	for day, want := range map[string]string{"2021-01-31": "10", "2021-02-28": "10", "2021-03-01": "15", "2021-03-02": "10"} {
		if got := life[0].QuantityOn(date(t, day)).String(); got != want {
			t.Errorf("%s units at the start of %s, want %s", got, day, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		of          models.Subscription
		story       []string
		first, last string
	}{
		{seats, []string{oneMonth}, "2021-01", "2021-02"},
		{seats, []string{oneYear, "2021-02-01T00:00:00Z cancelImmediate"}, "2021-01", "2022-01"},
		{seats, []string{oneMonth, "2021-02-10T00:00:00Z renew"}, "2021-01", "2021-03"},
		{metered, []string{"2021-01-31T10:00:00Z new", "2021-02-01T00:00:00Z cancelImmediate"}, "2021-01", "9999-12"},
	} {
		life, _ := ptr(story(t, c.of, c.story...)).Timeline(models.DefaultRefundPolicy)
		if first, last := life.Span(); first.String() != c.first || last.String() != c.last {
			t.Errorf("%q spans %s to %s, want %s to %s", c.story, first, last, c.first, c.last)
		}
	}
}

func ptr[V any](v V) *V { return &v }
