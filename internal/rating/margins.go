package rating

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// Margins lists every margin of the reseller at an instant, shadowed and
// scheduled ones included: one for each pricing line of each offer that was
// published for it by then. They come by product, plan, start, offer and line.
func (b *Book) Margins(resellerTenantID string, at time.Time) []models.Margin {
	var margins []models.Margin
	for key, candidates := range b.lines {
		if key.reseller != resellerTenantID {
			continue
		}
		for i := range candidates {
			if c := &candidates[i]; !c.reseller.PublishedAt.After(at) {
				margins = append(margins, b.margin(c, candidates, at))
			}
		}
	}
	slices.SortFunc(margins, func(x, y models.Margin) int {
		return cmp.Or(
			strings.Compare(x.ProductID, y.ProductID),
			strings.Compare(x.PlanID, y.PlanID),
			x.Start.Compare(y.Start),
			strings.Compare(x.PrivateOfferID, y.PrivateOfferID),
			cmp.Compare(x.PricingLine, y.PricingLine),
		)
	})
	return margins
}

func (b *Book) margin(c *candidate, candidates []candidate, at time.Time) models.Margin {
	m := models.Margin{
		PrivateOfferID: c.offer.ID, PricingLine: c.line.Position,
		ResellerTenantID: c.reseller.ResellerTenantID, PublisherID: c.offer.PublisherID,
		ProductID: c.line.ProductID, PlanID: c.line.PlanID,
		Type: c.marginType(), Percentage: c.line.Percentage, CustomerTenantIDs: c.reseller.CustomerTenantIDs,
		Start: c.start, ConsumptionStart: c.firstMonth.Start(), End: c.end.Add(-time.Second),
		Status: c.status(at),
	}
	for _, key := range b.pricesUnder(c) {
		if p, ok := b.marginPrice(c, candidates, key, at); ok {
			m.Wins = m.Wins || p.Wins
			m.Prices = append(m.Prices, p)
		}
	}
	return m
}

// status is the margin's state. It is live as soon as it prices anything, and
// consumption may start before purchases (D4).
func (c *candidate) status(at time.Time) models.MarginStatus {
	switch {
	case c.withdrawnAt != nil && !at.Before(*c.withdrawnAt):
		return models.MarginWithdrawn
	case !at.Before(c.end):
		return models.MarginEnded
	case models.MonthOf(at) < c.firstMonth:
		return models.MarginScheduled
	}
	return models.MarginLive
}

// pricesUnder are the list prices that the pricing line touches, those of each
// plan it covers: the plan's own, and the product's for meters that the plan
// does not price itself. Infrastructure never carries a margin (D5).
func (b *Book) pricesUnder(c *candidate) []listedPrice {
	var prices []listedPrice
	for _, plan := range b.plans[c.line.ProductID] {
		if c.line.PlanID != "" && c.line.PlanID != plan.ID {
			continue
		}
		for _, listed := range b.listed[c.line.ProductID] {
			own := listed
			own.plan = plan.ID
			switch m := b.meters[meterKey{listed.product, listed.meter}]; {
			case listed.plan != plan.ID && listed.plan != "",
				listed.plan == "" && b.prices[own.priceKey] != nil, // the plan prices it itself
				m != nil && m.Infrastructure:
			default:
				prices = append(prices, own)
			}
		}
	}
	slices.SortFunc(prices, compareListed)
	return prices
}

// marginPrice is what the line makes of one list price at the instant, or at
// its start while it is only scheduled. ok is false where there is no list
// price yet, or where a custom price list leaves it out.
func (b *Book) marginPrice(c *candidate, candidates []candidate, key listedPrice, at time.Time) (models.MarginPrice, bool) {
	consumption := key.meter != ""
	start := c.start
	if consumption {
		start = c.firstMonth.Start()
	}
	then := at
	if then.Before(start) {
		then = start
	}
	if !then.Before(c.end) {
		then = c.end.Add(-time.Microsecond)
	}
	what := What{key.product, key.plan, key.meter, key.term, key.billing, key.market, key.currency}
	list, ok := b.listPrice(&what, models.MonthOf(then))
	if !ok || list.Currency != key.currency {
		return models.MarginPrice{}, false
	}
	q := ask(&what, list, "", then, then)
	q.recordedAt = time.Time{} // before any withdrawal
	if len(c.reseller.CustomerTenantIDs) > 0 {
		q.customer = c.reseller.CustomerTenantIDs[0]
	}
	a, reason := c.answers(&q)
	if reason != "" {
		return models.MarginPrice{}, false
	}
	p := models.MarginPrice{
		PlanID: key.plan, MeterID: key.meter, Term: key.term, Billing: key.billing, Market: key.market,
		Currency: list.Currency, ListPrice: list.UnitPrice, WholesalePrice: a.unitPrice,
	}
	if custom, ok := c.customPrice(&q); ok {
		p.IncludedQuantity = custom.IncludedQuantity
	}
	p.Wins = wins(c, candidates, &what, list, at)
	return p, true
}

// wins tells whether the candidate is the one that counts at the instant, for
// at least one of the customers that it is for.
func wins(c *candidate, candidates []candidate, what *What, list *models.Price, at time.Time) bool {
	customers := c.reseller.CustomerTenantIDs
	if len(customers) == 0 {
		customers = []string{""}
	}
	return slices.ContainsFunc(customers, func(customer string) bool {
		q := ask(what, list, customer, at, at)
		winner, found := best(candidates, &q)
		return found && winner.candidate.offer == c.offer && winner.line == c.line
	})
}

// EffectiveQuestion asks which margin counts for one price.
type EffectiveQuestion struct {
	What
	ResellerTenantID string
	// CustomerTenantID may be empty: then only margins for all customers
	// compete.
	CustomerTenantID string
	// At is the instant of the purchase, or any instant of the month of use.
	At time.Time
}

// Effective is the answer: the list price, what it becomes, and every
// candidate with why it won or lost.
type Effective struct {
	Currency                  money.Currency
	ListPrice, WholesalePrice money.Decimal
	MarginType                models.MarginType
	Percentage                money.Percentage
	// PrivateOfferID and PricingLine name the winner, empty and 0 at list.
	PrivateOfferID string
	PricingLine    int
	Candidates     []models.Candidate
}

// ErrNoListPrice says that the price asked for does not exist.
var ErrNoListPrice = errors.New("there is no list price for this plan, term, billing, meter and market at that time")

// Effective answers which margin counts for one price at one instant (D1), by
// the same selection that rates billing lines. ErrNoListPrice where there is
// no price to take a margin off.
func (b *Book) Effective(asked EffectiveQuestion) (Effective, error) {
	list, ok := b.listPrice(&asked.What, models.MonthOf(asked.At))
	if !ok {
		return Effective{}, ErrNoListPrice
	}
	q := ask(&asked.What, list, asked.CustomerTenantID, asked.At, asked.At)
	e := Effective{Currency: list.Currency, ListPrice: list.UnitPrice, WholesalePrice: list.UnitPrice, MarginType: models.MarginNone}
	candidates := b.lines[marginKey{asked.ResellerTenantID, asked.ProductID}]
	if m := b.meters[meterKey{asked.ProductID, asked.MeterID}]; m != nil && m.Infrastructure {
		e.Candidates = dismiss(candidates, models.ReasonInfrastructure, "infrastructure charges never carry a margin")
		return e, nil
	}
	e.Candidates = explain(candidates, &q)
	if winner, ok := best(candidates, &q); ok {
		e.WholesalePrice, e.MarginType, e.Percentage = winner.unitPrice, winner.marginType(), winner.line.Percentage
		e.PrivateOfferID, e.PricingLine = winner.offer.ID, winner.line.Position
	}
	return e, nil
}

// dismiss tells of every candidate that it lost for one and the same reason.
func dismiss(candidates []candidate, reason models.Reason, message string) []models.Candidate {
	told := make([]models.Candidate, len(candidates))
	for i := range candidates {
		c := &candidates[i]
		told[i] = models.Candidate{
			PrivateOfferID: c.offer.ID, PricingLine: c.line.Position, Type: c.marginType(), Percentage: c.line.Percentage,
			Reason: reason, Message: message,
		}
	}
	return told
}
