package rating

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// candidate is one pricing line of one published reseller.
type candidate struct {
	*grant
	line *models.PricingLine
}

// grant is what an offer gives one published reseller, whatever its lines: who
// may use it, and when.
type grant struct {
	offerID, publisherID, resellerTenantID string
	customers                              []string // the only ones, none for all
	submittedAt, publishedAt               time.Time
	withdrawnAt                            *time.Time
	// Entitlement charges are priced in [start, end), consumption in whole
	// months, the last one included (D4).
	start, end            time.Time
	firstMonth, lastMonth models.Month
}

// grantOf is nil while the offer is not published for the reseller.
func grantOf(o *models.PrivateOffer, r *models.OfferReseller) *grant {
	start, end, published := o.Window(r, false)
	if !published || o.SubmittedAt == nil {
		return nil
	}
	consumptionStart, _, _ := o.Window(r, true)
	return &grant{
		offerID: o.ID, publisherID: o.PublisherID, resellerTenantID: r.ResellerTenantID, customers: r.CustomerTenantIDs,
		submittedAt: *o.SubmittedAt, publishedAt: *r.PublishedAt, withdrawnAt: earlier(r.WithdrawnAt, o.WithdrawnAt),
		start: start, end: end, firstMonth: models.MonthOf(consumptionStart), lastMonth: o.EndMonth,
	}
}

// question is what the candidates are asked: one price at one instant.
type question struct {
	What
	customer string
	// at is the instant of a purchase or renewal, month that of use.
	at          time.Time
	month       models.Month
	consumption bool
	// recordedAt is when the fact was recorded: a withdrawn offer prices
	// nothing recorded later (D9).
	recordedAt time.Time
	list       money.Decimal
	currency   money.Currency
}

// whenever is later than any withdrawal: usage of a month may be recorded at any
// time, so a withdrawn offer prices none.
var whenever = models.MonthForever.End()

// ask puts the question of one charge at its list price. Usage takes the margin
// of its month (D3).
func ask(what *What, list *models.Price, customer string, at, recordedAt time.Time) question {
	q := question{What: *what, customer: customer, at: at, recordedAt: recordedAt, list: list.UnitPrice, currency: list.Currency}
	if q.consumption = what.MeterID != ""; q.consumption {
		q.month, q.recordedAt = models.MonthOf(at), whenever
	}
	return q
}

func earlier(x, y *time.Time) *time.Time {
	if x == nil || y != nil && y.Before(*x) {
		return y
	}
	return x
}

// compareRank is the order of equals (D1): earliest go-live, then earliest
// submit, then offer id.
func compareRank(x, y candidate) int {
	return cmp.Or(
		x.publishedAt.Compare(y.publishedAt),
		x.submittedAt.Compare(y.submittedAt),
		strings.Compare(x.offerID, y.offerID),
		cmp.Compare(x.line.Position, y.line.Position),
	)
}

// answer is what a candidate makes of the list price.
type answer struct {
	candidate
	unitPrice money.Decimal
	custom    bool
}

// answers tells whether the candidate prices the question, and with what. The
// reason is empty when it does.
func (c candidate) answers(q *question) (answer, models.Reason) {
	switch {
	case !c.covers(q.PlanID):
		return answer{}, models.ReasonOtherPlan
	case !c.isFor(q.customer):
		return answer{}, models.ReasonOtherCustomers
	case q.consumption && q.month < c.firstMonth, !q.consumption && q.at.Before(c.start):
		return answer{}, models.ReasonNotStarted
	case q.consumption && q.month > c.lastMonth, !q.consumption && !q.at.Before(c.end):
		return answer{}, models.ReasonEnded
	case c.withdrawnAt != nil && !q.recordedAt.Before(*c.withdrawnAt):
		return answer{}, models.ReasonWithdrawn
	}
	return c.prices(q)
}

// covers tells whether the line is for the plan.
func (c candidate) covers(planID string) bool { return c.line.PlanID == "" || c.line.PlanID == planID }

// isFor tells whether the customer is one of those that may use it.
func (g *grant) isFor(customer string) bool {
	return len(g.customers) == 0 || slices.Contains(g.customers, customer)
}

// prices is what a candidate that covers the plan makes of the list price, asked
// for whomever and whenever.
func (c candidate) prices(q *question) (answer, models.Reason) {
	if len(c.line.Absolute) > 0 {
		price, ok := c.customPrice(q)
		if !ok {
			return answer{}, models.ReasonPriceNotInLine
		}
		return answer{c, price.UnitPrice, true}, ""
	}
	price, err := money.EffectiveUnitPrice(q.list, c.line.Percentage)
	if err != nil {
		return answer{}, models.ReasonPriceCannotBeExact
	}
	return answer{c, price, false}, ""
}

func (c candidate) customPrice(q *question) (models.AbsolutePrice, bool) {
	for _, p := range c.line.Absolute {
		if p.Market == q.Market && p.Currency == q.currency && p.MeterID == q.MeterID && p.Term == q.Term && p.Billing == q.Billing {
			return p, true
		}
	}
	return models.AbsolutePrice{}, false
}

// better tells whether x beats y, and why (D1): a custom price beats any
// percentage; among custom prices the lowest, among percentages the highest;
// then the order of equals.
func better(x, y *answer) (bool, models.Reason) {
	switch {
	case x.custom != y.custom:
		return x.custom, models.ReasonBeatenByCustom
	case x.custom && x.unitPrice != y.unitPrice:
		return x.unitPrice.Cmp(y.unitPrice) < 0, models.ReasonHigherPrice
	case !x.custom && x.line.Percentage != y.line.Percentage:
		return x.line.Percentage > y.line.Percentage, models.ReasonLowerPercentage
	case !x.publishedAt.Equal(y.publishedAt):
		return x.publishedAt.Before(y.publishedAt), models.ReasonLaterGoLive
	case !x.submittedAt.Equal(y.submittedAt):
		return x.submittedAt.Before(y.submittedAt), models.ReasonLaterSubmit
	}
	return compareRank(x.candidate, y.candidate) < 0, models.ReasonLaterID
}

// best is the answer that counts, and whether there is one.
func best(candidates []candidate, q *question) (winner answer, found bool) {
	for _, c := range candidates {
		if q.consumption && (q.month < c.firstMonth || q.month > c.lastMonth) {
			continue // the same answer, sooner: most are of other months
		}
		a, reason := c.answers(q)
		if reason != "" {
			continue
		}
		if found {
			if wins, _ := better(&a, &winner); !wins {
				continue
			}
		}
		winner, found = a, true
	}
	return winner, found
}

// explain lists every candidate with why it won or lost: the winner first,
// then those that priced the question, then the others.
func explain(candidates []candidate, q *question) []models.Candidate {
	winner, found := best(candidates, q)
	told := make([]models.Candidate, len(candidates))
	// Those that priced the question are told from the front, behind the winner;
	// the others from the back.
	first, last := 0, len(told)
	if found {
		first = 1
	}
	for _, c := range candidates {
		t := models.Candidate{PrivateOfferID: c.offerID, PricingLine: c.line.Position, Type: c.marginType(), Percentage: c.line.Percentage}
		a, reason := c.answers(q)
		t.UnitPrice = a.unitPrice
		place := 0
		switch {
		case reason != "":
			last--
			place, t.Reason = last, reason
		case winner.candidate == c:
			t.Wins, t.Reason = true, models.ReasonBest
		default:
			place = first
			first++
			_, t.Reason = better(&winner, &a)
		}
		t.Message = tell(t.Reason, c, &winner, q)
		told[place] = t
	}
	slices.Reverse(told[last:])
	return told
}

func (c candidate) marginType() models.MarginType {
	if len(c.line.Absolute) > 0 {
		return models.MarginCustomPrice
	}
	return models.MarginPercentage
}

// tell is the sentence behind a reason.
func tell(reason models.Reason, c candidate, winner *answer, q *question) string {
	day := func(t time.Time) string { return t.Format(time.RFC3339) }
	switch reason {
	case models.ReasonBest:
		if winner.custom {
			return "the lowest custom price that applies"
		}
		return "the highest percentage that applies"
	case models.ReasonLowerPercentage:
		return c.line.Percentage.String() + " % is less than " + winner.line.Percentage.String() + " %"
	case models.ReasonHigherPrice:
		return "its custom price is higher than " + winner.unitPrice.String()
	case models.ReasonBeatenByCustom:
		return "a custom price beats any percentage"
	case models.ReasonLaterGoLive:
		return "equal, and went live later, at " + day(c.publishedAt)
	case models.ReasonLaterSubmit:
		return "equal, and was submitted later, at " + day(c.submittedAt)
	case models.ReasonLaterID:
		return "equal in everything, and has the later id"
	case models.ReasonNotStarted:
		if q.consumption {
			return "starts with " + c.firstMonth.String()
		}
		return "starts at " + day(c.start)
	case models.ReasonEnded:
		return "ended at " + day(c.end)
	case models.ReasonWithdrawn:
		return "was withdrawn at " + day(*c.withdrawnAt)
	case models.ReasonOtherPlan:
		return "prices plan " + c.line.PlanID + " only"
	case models.ReasonOtherCustomers:
		return "is for other customers of the reseller"
	case models.ReasonPriceNotInLine:
		return "has no custom price for this market, currency, term or meter"
	case models.ReasonPriceCannotBeExact:
		return "its price has more digits than can be kept exactly"
	}
	return ""
}
