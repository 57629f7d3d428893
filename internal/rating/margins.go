package rating

import (
	"errors"
	"slices"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// Margins lists every margin of the reseller at an instant, shadowed and
// scheduled ones included: one for each pricing line of each offer that was
// published for it by then, as far as the filter lets it pass; nil lets all. They
// come by product, plan, start, offer and line.
func (x *Index) Margins(resellerTenantID string, at time.Time, where *models.MarginFilter) []models.Margin {
	var margins []models.Margin
	held := x.resellers[resellerTenantID]
	if held == nil {
		return nil
	}
	for _, product := range held.products {
		shelf, listing := held.shelves[product], x.listing(product)
		for _, c := range shelf.listed {
			if c.publishedAt.After(at) {
				continue
			}
			m := listing.margin(c, at)
			m.PublisherName = x.publishers[m.PublisherID]
			if !where.Admits(&m) {
				continue
			}
			listing.fill(&m, c, shelf, at, where)
			if where.AdmitsPriced(&m) {
				margins = append(margins, m)
			}
		}
	}
	return margins
}

// Names are what files show beside the margins of what is in the index: nothing
// of customers.
func (x *Index) Names(margins []models.Margin) models.MarginNames {
	names := models.MarginNames{PricingModels: map[models.PlanKey]models.PricingModel{}, Units: map[models.MeterKey]string{}}
	named := map[string]bool{}
	for i := range margins {
		product := margins[i].ProductID
		if named[product] {
			continue
		}
		named[product] = true
		listing := x.listing(product)
		for j := range listing.plans {
			names.PricingModels[models.PlanKey{ProductID: product, PlanID: listing.plans[j].ID}] = listing.plans[j].PricingModel
		}
		for id, meter := range listing.meters {
			names.Units[models.MeterKey{ProductID: product, MeterID: id}] = meter.Unit
		}
	}
	return names
}

// margin is all of a margin but its prices.
func (l *listing) margin(c candidate, at time.Time) models.Margin {
	m := models.Margin{
		PrivateOfferID: c.offerID, PricingLine: c.line.Position,
		ResellerTenantID: c.resellerTenantID, PublisherID: c.publisherID,
		ProductID: c.line.ProductID, ProductTitle: l.product.Title, ProductType: l.product.Type, PlanID: c.line.PlanID,
		Type: c.marginType(), Percentage: c.line.Percentage, CustomerTenantIDs: c.customers,
		Start: c.start, ConsumptionStart: c.firstMonth.Start(), End: c.end.Add(-time.Second),
		Status: c.status(at),
	}
	switch m.Status {
	case models.MarginWithdrawn:
		m.StatusSince = *c.withdrawnAt
	case models.MarginEnded:
		m.StatusSince = c.end
	case models.MarginScheduled:
		m.StatusSince = c.publishedAt
	default:
		if m.StatusSince = c.start; m.StatusSince.After(at) {
			m.StatusSince = m.ConsumptionStart
		}
	}
	if plan := l.plan(c.line.PlanID); plan != nil {
		m.PlanTitle = plan.Title
	}
	return m
}

// fill works out the prices that the filter lets pass.
func (l *listing) fill(m *models.Margin, c candidate, s *shelf, at time.Time, where *models.MarginFilter) {
	for i := range l.plans {
		plan := &l.plans[i]
		if c.line.PlanID != "" && c.line.PlanID != plan.ID {
			continue
		}
		rivals := s.of(plan.ID)
		for _, key := range plan.listed {
			if !where.AdmitsPrice(key.meter, key.market, key.currency) {
				continue
			}
			if p, ok := l.marginPrice(c, rivals, key, at); ok {
				m.Wins = m.Wins || p.Wins
				m.Prices = append(m.Prices, p)
			}
		}
	}
}

// status is the margin's state. It is live as soon as it prices anything, and
// consumption may start before purchases (D4).
func (c candidate) status(at time.Time) models.MarginStatus {
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

// marginPrice is what the line makes of one list price at the instant, or at
// its start while it is only scheduled. ok is false where there is no list
// price yet, or where a custom price list leaves it out.
func (l *listing) marginPrice(c candidate, rivals []candidate, key listedPrice, at time.Time) (models.MarginPrice, bool) {
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
	what := What{c.line.ProductID, key.plan, key.meter, key.term, key.billing, key.market, key.currency}
	list, ok := l.price(&what, models.MonthOf(then))
	if !ok || list.Currency != key.currency {
		return models.MarginPrice{}, false
	}
	q := ask(&what, list, "", then, then)
	q.recordedAt = time.Time{} // before any withdrawal
	if len(c.customers) > 0 {
		q.customer = c.customers[0]
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
	p.Wins = wins(c, rivals, &what, list, at)
	return p, true
}

// wins tells whether the candidate is the one that counts at the instant, for
// at least one of the customers that it is for.
func wins(c candidate, rivals []candidate, what *What, list *models.Price, at time.Time) bool {
	customers := c.customers
	if len(customers) == 0 {
		customers = []string{""}
	}
	return slices.ContainsFunc(customers, func(customer string) bool {
		q := ask(what, list, customer, at, at)
		winner, found := best(rivals, &q)
		return found && winner.candidate == c
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

// Effective is the answer: the list price, what it becomes, and by which line.
type Effective struct {
	Currency                  money.Currency
	ListPrice, WholesalePrice money.Decimal
	MarginType                models.MarginType
	Percentage                money.Percentage
	// PrivateOfferID and PricingLine name the winner, empty and 0 at list.
	PrivateOfferID string
	PricingLine    int

	asked          question
	looked         []candidate
	infrastructure bool
}

// Candidates are all that were looked at, with why each won or lost: the winner
// first, then those that priced the question, then the others.
func (e Effective) Candidates() []models.Candidate {
	if e.infrastructure {
		return dismiss(e.looked, models.ReasonInfrastructure, "infrastructure charges never carry a margin")
	}
	return explain(e.looked, &e.asked)
}

// ErrNoListPrice says that the price asked for does not exist.
var ErrNoListPrice = errors.New("there is no list price for this plan, term, billing, meter and market at that time")

// Knows tells whether the product has the plan, and the meter if one is named: a
// price of the whole product would stand in for that of a plan that is none.
func (x *Index) Knows(what *What) (plan, meter bool) {
	l := x.listing(what.ProductID)
	plan = l.plan(what.PlanID) != nil
	return plan, what.MeterID == "" || l.meters[what.MeterID] != nil
}

// Effective answers which margin counts for one price at one instant (D1), by
// the same selection that rates billing lines. ErrNoListPrice where there is
// no price to take a margin off.
func (x *Index) Effective(asked EffectiveQuestion) (Effective, error) {
	listing, shelf := x.listing(asked.ProductID), x.shelf(asked.ResellerTenantID, asked.ProductID)
	list, ok := listing.price(&asked.What, models.MonthOf(asked.At))
	if !ok {
		return Effective{}, ErrNoListPrice
	}
	e := Effective{
		Currency: list.Currency, ListPrice: list.UnitPrice, WholesalePrice: list.UnitPrice, MarginType: models.MarginNone,
		asked: ask(&asked.What, list, asked.CustomerTenantID, asked.At, asked.At), looked: shelf.all,
		infrastructure: listing.infrastructure(asked.MeterID),
	}
	if e.infrastructure {
		return e, nil
	}
	if winner, ok := best(shelf.of(asked.PlanID), &e.asked); ok {
		e.WholesalePrice, e.MarginType, e.Percentage = winner.unitPrice, winner.marginType(), winner.line.Percentage
		e.PrivateOfferID, e.PricingLine = winner.offerID, winner.line.Position
	}
	return e, nil
}

// Subtotals are what a quantity comes to at list and at wholesale price for one
// charge, in the pricing currency: each rounded as a line of a bill is (D11).
// Errors are those of money.Charge.Round.
func (e *Effective) Subtotals(quantity money.Decimal) (list, wholesale money.Amount, err error) {
	charge := money.Charge{UnitPrice: e.ListPrice, Quantity: quantity, Rate: one, Pricing: e.Currency, Billing: e.Currency}
	if list, err = charge.Round(money.DefaultPolicy); err != nil {
		return list, wholesale, err
	}
	charge.UnitPrice = e.WholesalePrice
	wholesale, err = charge.Round(money.DefaultPolicy)
	return list, wholesale, err
}

// dismiss tells of every candidate that it lost for one and the same reason.
func dismiss(candidates []candidate, reason models.Reason, message string) []models.Candidate {
	told := make([]models.Candidate, len(candidates))
	for i, c := range candidates {
		told[i] = models.Candidate{
			PrivateOfferID: c.offerID, PricingLine: c.line.Position, Type: c.marginType(), Percentage: c.line.Percentage,
			Reason: reason, Message: message,
		}
	}
	return told
}
