package rating

import (
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// charge is one entitlement charge before it is priced.
type charge struct {
	key        models.LineKey
	period     *models.TermPeriod
	event      time.Time // the billing event: decides the month it belongs to
	start, end models.Date
	quantity   money.Decimal
	// prorated of cycle days are charged; 0 of 0 is the whole cycle.
	prorated, cycle int
	basis           basis
}

// basis chooses the exchange rate and the fee of a charge: by its own month and
// type, or by those of what a refund reverses, so that the refund is its exact
// negative (D11).
type basis struct {
	month      models.Month
	chargeType models.ChargeType
}

// charges yields the entitlement charges of the account whose billing event
// lies in the month, term by term in order of time: the purchase or renewal,
// the cycles that the system derives, changes of quantity, refunds (D18, D19).
func (a *account) charges(month models.Month, yield func(*charge) bool) bool {
	for i := range a.timeline {
		period := &a.timeline[i]
		if period.Metered {
			continue
		}
		if !a.ownCharges(period, month, yield) || !a.refunds(period, month, yield) {
			return false
		}
	}
	return true
}

// ownCharges yields what a term costs in the month, refunds left aside.
func (a *account) ownCharges(p *models.TermPeriod, month models.Month, yield func(*charge) bool) bool {
	if models.MonthOf(p.Purchase.OccurredAt) == month {
		if c := a.opening(p); !yield(&c) {
			return false
		}
	}
	if p.Trial {
		return true // seats that change during a trial cost nothing
	}
	if k, ok := cycleIn(p, month); ok {
		if c := a.cycle(p, k); p.Cancelled == nil || c.event.Before(p.Cancelled.OccurredAt) {
			if !yield(&c) {
				return false
			}
		}
	}
	for i := range p.Changes {
		if models.MonthOf(p.Changes[i].Purchase.OccurredAt) != month {
			continue
		}
		for _, c := range a.change(p, &p.Changes[i]) {
			if !yield(&c) {
				return false
			}
		}
	}
	return true
}

// opening is the charge of the purchase or renewal itself: the first cycle, or
// the line of 0 of a trial (D5).
func (a *account) opening(p *models.TermPeriod) charge {
	chargeType := models.ChargeNew
	if p.Purchase.Action == models.ActionRenew {
		chargeType = models.ChargeRenew
	}
	c := a.charge(p, p.Purchase, chargeType)
	c.quantity, c.start, c.end = p.Quantity, p.Start, p.End
	if !p.Trial {
		_, c.end = p.Cycle(0)
	}
	return c
}

// cycle is charge cycle k of the term, k from 1. Its billing event is the start
// of its first day.
func (a *account) cycle(p *models.TermPeriod, k int) charge {
	c := a.charge(p, p.Purchase, models.ChargeCycle)
	c.start, c.end = p.Cycle(k)
	c.event = c.start.Start()
	c.basis.month = models.MonthOf(c.event)
	c.key.Month, c.key.Cycle = c.basis.month, k
	c.quantity = p.QuantityOn(c.start)
	return c
}

// change is the pair of lines of a change of quantity: the credit of the old
// units and the charge of the new, for the days that remain of the cycle, the
// day of the change included (D18, example G18).
func (a *account) change(p *models.TermPeriod, ch *models.QuantityChange) [2]charge {
	chargeType := models.ChargeAddQuantity
	if ch.Purchase.Action == models.ActionRemoveQuantity {
		chargeType = models.ChargeRemoveQuantity
	}
	day := models.DateOf(ch.Purchase.OccurredAt)
	k := p.CycleAt(day)
	first, last := p.Cycle(k)
	credit := a.charge(p, ch.Purchase, chargeType)
	credit.start, credit.end = day, last
	credit.prorated, credit.cycle = int(last-day)+1, int(last-first)+1
	credit.key.Cycle = k
	debit := credit
	credit.quantity, debit.quantity = ch.Before.Neg(), ch.After
	debit.key.Part = 1
	return [2]charge{credit, debit}
}

// refunds yields the exact negative of everything that a cancelled term has
// charged, where the cancellation came in time (D19). A refund is known by what
// it reverses, which nothing else does.
func (a *account) refunds(p *models.TermPeriod, month models.Month, yield func(*charge) bool) bool {
	if !p.Refunded || p.Trial || models.MonthOf(p.Cancelled.OccurredAt) != month {
		return true
	}
	goOn := true
	reverse := func(c *charge) bool {
		if c.event.After(p.Cancelled.OccurredAt) {
			return true
		}
		r := *c
		r.event = p.Cancelled.OccurredAt
		r.quantity = c.quantity.Neg()
		r.key.ChargeType = models.ChargeCancelImmediate
		goOn = yield(&r)
		return goOn
	}
	for m := models.MonthOf(p.Purchase.OccurredAt); m <= month && goOn; m++ {
		a.ownCharges(p, m, reverse)
	}
	return goOn
}

func (a *account) charge(p *models.TermPeriod, event *models.Purchase, chargeType models.ChargeType) charge {
	month := models.MonthOf(event.OccurredAt)
	return charge{
		key: models.LineKey{
			SubscriptionID: a.ID, ChargeType: chargeType, Source: event.Source, ExternalID: event.ExternalID, Month: month,
		},
		period: p,
		event:  event.OccurredAt,
		basis:  basis{month, chargeType},
	}
}

// cycleIn is the derived charge cycle that starts in the month, if one does.
// Cycles start whole months after the anchor, so there is at most one.
func cycleIn(p *models.TermPeriod, month models.Month) (k int, ok bool) {
	months := p.Billing.CycleMonths(p.Term)
	since := int(month-p.Anchor.Month()) - p.MonthsBefore
	if months == 0 || since <= 0 || since%months != 0 {
		return 0, false
	}
	k = since / months
	return k, k < p.Cycles()
}
