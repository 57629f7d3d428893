package models

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sellthrough/internal/money"
)

// Subscription is what a reseller bought for a customer. It keeps its parties,
// product, market and billing currency for life (D16, D17); everything else
// follows from its purchases.
type Subscription struct {
	ID                       string         `gorm:"column:id;primaryKey" json:"id"`
	PublisherID              string         `gorm:"column:publisher_id" json:"publisherId"`
	ResellerTenantID         string         `gorm:"column:reseller_tenant_id" json:"resellerTenantId"`
	IndirectResellerTenantID string         `gorm:"column:indirect_reseller_tenant_id" json:"indirectResellerTenantId"`
	CustomerTenantID         string         `gorm:"column:customer_tenant_id" json:"customerTenantId"`
	ProductID                string         `gorm:"column:product_id" json:"productId"`
	PlanID                   string         `gorm:"column:plan_id" json:"planId"`
	Market                   string         `gorm:"column:market" json:"market"`
	Currency                 money.Currency `gorm:"column:currency" json:"currency"`
	// PricingModel and TrialDays are those of the plan when it was bought.
	// TrialDays is 0 unless this is the customer's first purchase of the plan
	// (D5).
	PricingModel PricingModel `gorm:"column:pricing_model" json:"pricingModel"`
	TrialDays    int          `gorm:"column:trial_days" json:"trialDays"`
	// FirstMonth and LastMonth bound the months in which it can have charges,
	// both inclusive; LastMonth is MonthForever while it has no end. They are
	// derived from the purchases and stored to be searched.
	FirstMonth Month `gorm:"column:first_month" json:"-"`
	LastMonth  Month `gorm:"column:last_month" json:"-"`
	// Purchases are its facts in order of occurrence.
	Purchases []Purchase `gorm:"-" json:"-"`
}

// MonthForever stands for "no end" in Subscription.LastMonth.
var MonthForever = NewMonth(9999, time.December)

// DateForever is the last day of a period without an end.
var DateForever = MonthForever.LastDay()

// RefundPolicy is how long after a purchase money comes back (D19), counted
// from the purchase, the renewal or the start of the term, whichever is
// latest; the last instant is included.
type RefundPolicy struct {
	// Monthly and Longer bound a whole refund by cancelImmediate for terms of
	// one month and for longer ones.
	Monthly, Longer time.Duration
	// Seats bounds the removal of seats.
	Seats time.Duration
}

// DefaultRefundPolicy is that of D19: 1 day, 14 days, and 7 days for seats.
var DefaultRefundPolicy = RefundPolicy{Monthly: 24 * time.Hour, Longer: 14 * 24 * time.Hour, Seats: 7 * 24 * time.Hour}

// TermPeriod is one commitment of a subscription: from a purchase or renewal
// to its end, with the changes inside it. Days are inclusive.
type TermPeriod struct {
	// Purchase is the `new` or `renew` that began it and fixed its price and
	// margin (D3).
	Purchase *Purchase
	// Anchor and MonthsBefore place its charge cycles: cycle k starts
	// MonthsBefore + k cycles after Anchor, so that short months do not shift
	// the day (D15).
	Anchor       Date
	MonthsBefore int
	Start, End   Date
	Term         Term
	Billing      Billing
	// Trial periods charge nothing; Metered periods (plans that only meter)
	// make no line at all and have no end (D5, D18).
	Trial, Metered bool
	// Quantity is the units at the start.
	Quantity money.Decimal
	Changes  []QuantityChange
	// Cancelled is the cancelImmediate that ended the period early, nil
	// otherwise; Refunded tells whether it gives everything back (D19).
	Cancelled *Purchase
	Refunded  bool
}

// QuantityChange is an addQuantity or removeQuantity inside a term.
type QuantityChange struct {
	Purchase      *Purchase
	Before, After money.Decimal
}

// Cycle returns the days of charge cycle k of the period, k from 0, both
// inclusive.
func (p *TermPeriod) Cycle(k int) (first, last Date) {
	months := p.Billing.CycleMonths(p.Term)
	from := p.MonthsBefore + k*months
	return p.Anchor.AddMonths(from), p.Anchor.AddMonths(from+months) - 1
}

// Cycles is how many charge cycles the period has.
func (p *TermPeriod) Cycles() int {
	if p.Trial || p.Metered || p.Term == TermNone {
		return 0
	}
	return p.Term.Months() / p.Billing.CycleMonths(p.Term)
}

// CycleAt is the index of the charge cycle that holds the day.
func (p *TermPeriod) CycleAt(day Date) int {
	k := 0
	for k+1 < p.Cycles() {
		if first, _ := p.Cycle(k + 1); day < first {
			break
		}
		k++
	}
	return k
}

// QuantityOn is the units in force at the start of the day.
func (p *TermPeriod) QuantityOn(day Date) money.Decimal {
	quantity := p.Quantity
	for _, c := range p.Changes {
		if DateOf(c.Purchase.OccurredAt) >= day {
			break
		}
		quantity = c.After
	}
	return quantity
}

func (p *TermPeriod) quantityNow() money.Decimal {
	if n := len(p.Changes); n > 0 {
		return p.Changes[n-1].After
	}
	return p.Quantity
}

// holds tells whether the period is in force at the instant: from 00:00 of its
// first day to the end of its last, or to the instant of its cancellation.
func (p *TermPeriod) holds(at time.Time) bool {
	day := DateOf(at)
	return day >= p.Start && day <= p.End && (p.Cancelled == nil || at.Before(p.Cancelled.OccurredAt))
}

// Timeline is the life of a subscription: its terms in order. Between them it
// may have gaps, in which it is not active.
type Timeline []TermPeriod

// At returns the term in force at the instant, or nil.
func (t Timeline) At(at time.Time) *TermPeriod {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].holds(at) {
			return &t[i]
		}
	}
	return nil
}

// Timeline folds the purchases of the subscription into its life. It is a
// function of the facts alone: the order of arrival does not matter (D17).
// The violation of the first purchase that does not fit is returned, with the
// life so far.
func (s *Subscription) Timeline(policy RefundPolicy) (Timeline, Violations) {
	terms, _, vs := s.fold(policy)
	return terms, vs
}

// Misfit is the first purchase, in order of occurrence, that does not fit the
// life of the subscription, nil where all do.
func (s *Subscription) Misfit(policy RefundPolicy) *Purchase {
	_, misfit, _ := s.fold(policy)
	return misfit
}

func (s *Subscription) fold(policy RefundPolicy) (Timeline, *Purchase, Violations) {
	purchases := make([]*Purchase, len(s.Purchases))
	for i := range s.Purchases {
		purchases[i] = &s.Purchases[i]
	}
	slices.SortStableFunc(purchases, comparePurchases)
	fold := timelineFold{subscription: s, policy: policy}
	for _, p := range purchases {
		if vs := fold.apply(p); len(vs) > 0 {
			return fold.terms, p, vs
		}
	}
	return fold.terms, nil, nil
}

// Span returns the months in which a life can have charges, for FirstMonth and
// LastMonth. A cancellation does not shorten it: usage accepted before a
// back-dated one stays billed (D17).
func (t Timeline) Span() (first, last Month) {
	for i := range t {
		from := MonthOf(t[i].Purchase.OccurredAt)
		to := MonthForever
		if t[i].End != DateForever {
			to = t[i].End.Month()
		}
		if first == 0 || from < first {
			first = from
		}
		last = max(last, from, to)
		if t[i].Cancelled != nil {
			last = max(last, MonthOf(t[i].Cancelled.OccurredAt))
		}
	}
	return first, last
}

func comparePurchases(a, b *Purchase) int {
	return cmp.Or(
		a.OccurredAt.Compare(b.OccurredAt),
		cmp.Compare(slices.Index(Actions, a.Action), slices.Index(Actions, b.Action)),
		strings.Compare(a.Source, b.Source),
		strings.Compare(a.ExternalID, b.ExternalID),
	)
}

// timelineFold is the state while purchases are applied in order.
type timelineFold struct {
	subscription *Subscription
	policy       RefundPolicy
	terms        Timeline
}

func (f *timelineFold) apply(p *Purchase) (vs Violations) {
	if p.Action != ActionNew && len(f.terms) == 0 {
		vs.Add("subscription_id", CodeSubscriptionUnknown, Quote(p.SubscriptionID)+" was not bought before "+p.OccurredAt.Format(time.RFC3339))
		return vs
	}
	switch p.Action {
	case ActionNew:
		f.open(p, &vs)
	case ActionRenew:
		f.renew(p, &vs)
	case ActionAddQuantity:
		f.change(p, 1, &vs)
	case ActionRemoveQuantity:
		f.change(p, -1, &vs)
	case ActionCancelImmediate:
		f.cancel(p, &vs)
	}
	return vs
}

func (f *timelineFold) open(p *Purchase, vs *Violations) {
	if len(f.terms) > 0 {
		vs.Add("subscription_id", CodeSubscriptionExists, Quote(p.SubscriptionID)+" was bought already, on "+f.terms[0].Start.String())
		return
	}
	day := DateOf(p.OccurredAt)
	period := TermPeriod{Purchase: p, Anchor: day, Start: day, Term: p.Term, Billing: p.Billing, Quantity: orOne(p.Quantity)}
	switch {
	case f.subscription.PricingModel == Usage:
		period.Metered, period.End = true, DateForever
	case f.subscription.TrialDays > 0:
		period.Trial, period.End = true, day+Date(f.subscription.TrialDays)-1
	default:
		period.End = day.AddMonths(p.Term.Months()) - 1
	}
	f.terms = append(f.terms, period)
}

func (f *timelineFold) renew(p *Purchase, vs *Violations) {
	last := &f.terms[len(f.terms)-1]
	day := DateOf(p.OccurredAt)
	switch {
	case last.Metered:
		vs.Add("action", CodeRenewalNotPossible, "a plan that only meters has no term to renew")
		return
	case last.Cancelled != nil:
		vs.Add("action", CodeSubscriptionNotActive, "the subscription was cancelled at "+last.Cancelled.OccurredAt.Format(time.RFC3339))
		return
	case last.Start > day:
		vs.Add("action", CodeRenewalAlreadyRecorded, "the term from "+last.Start.String()+" is renewed already")
		return
	}
	// A renewal before the end waits for it; a late one starts on its own day,
	// which is then the new anchor.
	period := TermPeriod{Purchase: p, Anchor: last.Anchor, MonthsBefore: last.MonthsBefore + last.Term.Months(), Start: last.End + 1}
	if last.Trial || day > period.Start {
		period.Start = max(day, last.End+1)
		period.Anchor, period.MonthsBefore = period.Start, 0
	}
	period.Term, period.Billing = cmp.Or(p.Term, last.Term), cmp.Or(p.Billing, last.Billing)
	period.Quantity = p.Quantity
	if period.Quantity.IsZero() {
		period.Quantity = last.quantityNow()
	}
	period.End = period.Anchor.AddMonths(period.MonthsBefore+period.Term.Months()) - 1
	f.terms = append(f.terms, period)
}

func (f *timelineFold) change(p *Purchase, sign int, vs *Violations) {
	period := f.terms.At(p.OccurredAt)
	if period == nil || period.Metered {
		vs.Add("subscription_id", CodeSubscriptionNotActive, "no term with a quantity is in force at "+p.OccurredAt.Format(time.RFC3339))
		return
	}
	if f.subscription.PricingModel != PerUser {
		vs.Add("action", CodeInvalid, "only a plan priced per user has a quantity to change")
		return
	}
	before := period.quantityNow()
	delta := p.Quantity
	if sign < 0 {
		delta = delta.Neg()
		if p.Quantity.Cmp(before) >= 0 {
			vs.Add("quantity", CodeQuantityExceeded, "removes all of the "+before.String()+" units in force: use cancelImmediate")
			return
		}
		if open := f.removable(period, p.OccurredAt); p.Quantity.Cmp(open) > 0 {
			vs.Add("quantity", CodeRefundWindowClosed, fmt.Sprintf("only %s units were bought within %d days and can be removed (D19)", open, int(f.policy.Seats.Hours()/24)))
			return
		}
	}
	after, err := before.Add(delta)
	if err != nil || !after.Fits(money.QuantityIntegerDigits, 0) {
		vs.Add("quantity", CodeQuantityTooLarge, "makes more than 15 integer digits")
		return
	}
	period.Changes = append(period.Changes, QuantityChange{Purchase: p, Before: before, After: after})
}

// removable is how many of the units in force were bought within the window
// for seats: all of them while the term itself is that young.
func (f *timelineFold) removable(period *TermPeriod, at time.Time) money.Decimal {
	since := at.Add(-f.policy.Seats)
	now := period.quantityNow()
	if !period.bought().Before(since) {
		return now
	}
	then := period.Quantity
	for _, c := range period.Changes {
		if c.Purchase.OccurredAt.Before(since) {
			then = c.After
		}
	}
	recent, err := now.Sub(then)
	if err != nil || recent.Sign() < 0 {
		return money.Zero
	}
	return recent
}

// bought is the instant from which refunds of the term are counted.
func (p *TermPeriod) bought() time.Time {
	if start := p.Start.Start(); p.Purchase.OccurredAt.Before(start) {
		return start
	}
	return p.Purchase.OccurredAt
}

func (f *timelineFold) cancel(p *Purchase, vs *Violations) {
	period := f.terms.At(p.OccurredAt)
	if period == nil {
		vs.Add("subscription_id", CodeSubscriptionNotActive, "no term is in force at "+p.OccurredAt.Format(time.RFC3339))
		return
	}
	for i := range f.terms {
		t := &f.terms[i]
		// A renewed term that has not begun goes with the one in force, and is
		// given back whole.
		if t == period || t.Start > period.Start {
			window := f.policy.Longer
			if t.Term == P1M {
				window = f.policy.Monthly
			}
			t.Cancelled = p
			t.Refunded = t != period || (!t.Trial && !t.Metered && !p.OccurredAt.After(t.bought().Add(window)))
		}
	}
}

func orOne(quantity money.Decimal) money.Decimal {
	if quantity.IsZero() {
		return money.New(1, 0)
	}
	return quantity
}
