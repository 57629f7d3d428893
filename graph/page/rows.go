package page

import (
	"strings"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/models"
	"sellthrough/reports"
)

// Line is a billing line together with the book that rated it, so that it can
// be explained without reading anything again.
type Line struct {
	*models.BillingLine
	Book *rating.Book
	// Position is its place in the order that was asked for.
	Position []byte
	// FeesHidden keeps fees and payouts out of explanations.
	FeesHidden bool
}

func (l *Line) amount(minor int64) money.Amount {
	return money.Amount{Minor: minor, Currency: l.BillingCurrency}
}

// LineID is the hash that names the line.
func (l *Line) LineID() string { return l.BillingLine.ID() }

// ID is the node id.
func (l *Line) ID() string { return "billing-line/" + l.Month.String() + "/" + l.LineID() }

// EffectiveUnitPrice is the wholesale unit price, prorated.
func (l *Line) EffectiveUnitPrice() string {
	return money.Charge{
		UnitPrice: l.UnitPrice, Numerator: int64(l.ProratedDays), Denominator: int64(l.CycleDays),
	}.ProratedUnitPrice()
}

// ListSubtotal, MarginAmount, WholesaleSubtotal and Payout are the line's
// amounts with their currency.
func (l *Line) ListSubtotal() money.Amount { return l.amount(l.BillingLine.ListSubtotal) }

// MarginAmount is list less wholesale.
func (l *Line) MarginAmount() money.Amount { return l.amount(l.BillingLine.MarginAmount) }

// WholesaleSubtotal is what the reseller is billed.
func (l *Line) WholesaleSubtotal() money.Amount { return l.amount(l.BillingLine.WholesaleSubtotal) }

// Payout is what the publisher is paid.
func (l *Line) Payout() money.Amount { return l.amount(l.BillingLine.Payout) }

// PricingLine is the winner's position, nil at list price.
func (l *Line) PricingLine() *int {
	if l.BillingLine.PricingLine == 0 {
		return nil
	}
	return &l.BillingLine.PricingLine
}

// Fees are what is kept of the line.
func (l *Line) Fees() []Fee {
	fees := reports.Fees(l.BillingLine)
	priced := make([]Fee, len(fees))
	for i, f := range fees {
		priced[i] = Fee{f.Kind, f.Rate, l.amount(f.Amount)}
	}
	return priced
}

// Explanation says how the line came about.
func (l *Line) Explanation() models.Explanation {
	e := l.Book.Explain(l.BillingLine)
	if l.FeesHidden {
		e.Steps = beforeFees(e.Steps)
	}
	return e
}

// beforeFees cuts the steps at the first that tells of a fee.
func beforeFees(steps []models.Step) []models.Step {
	for i, step := range steps {
		if strings.Contains(step.Name, "fee") || strings.Contains(step.Name, "payout") {
			return steps[:i]
		}
	}
	return steps
}

// Fee is one fee on a line.
type Fee struct {
	Kind   reports.FeeKind
	Rate   money.Decimal
	Amount money.Amount
}

// Summary is a row of sums.
type Summary struct {
	reports.Group
	Totals reports.Totals
}

func (s Summary) amount(minor int64) money.Amount {
	return money.Amount{Minor: minor, Currency: s.Currency}
}

// Lines counts the billing lines in the row.
func (s Summary) Lines() int { return s.Totals.Lines }

// ListSubtotal is what the lines would cost without margins.
func (s Summary) ListSubtotal() money.Amount { return s.amount(s.Totals.ListSubtotal) }

// MarginAmount is what margins take off.
func (s Summary) MarginAmount() money.Amount { return s.amount(s.Totals.MarginAmount) }

// WholesaleSubtotal is what is billed.
func (s Summary) WholesaleSubtotal() money.Amount { return s.amount(s.Totals.WholesaleSubtotal) }

// AgencyFee is the agency fees.
func (s Summary) AgencyFee() money.Amount { return s.amount(s.Totals.AgencyFee) }

// OtherFees is all other fees.
func (s Summary) OtherFees() money.Amount { return s.amount(s.Totals.OtherFees) }

// Payout is what publishers are paid.
func (s Summary) Payout() money.Amount { return s.amount(s.Totals.Payout) }

// Payout is what one publisher earns in a month and currency.
type Payout struct{ Row reports.Payout }

func (p Payout) amount(minor int64) money.Amount {
	return money.Amount{Minor: minor, Currency: p.Row.Currency}
}

// Month is that of the charges.
func (p Payout) Month() models.Month { return p.Row.Month }

// PublisherID is who is paid.
func (p Payout) PublisherID() string { return p.Row.PublisherID }

// Currency is that of the charges.
func (p Payout) Currency() money.Currency { return p.Row.Currency }

// Lines counts the billing lines in it.
func (p Payout) Lines() int { return p.Row.Lines }

// Wholesale is what resellers are billed.
func (p Payout) Wholesale() money.Amount { return p.amount(p.Row.Wholesale) }

// AgencyFee is the agency fees.
func (p Payout) AgencyFee() money.Amount { return p.amount(p.Row.AgencyFee) }

// OtherFees is all other fees.
func (p Payout) OtherFees() money.Amount { return p.amount(p.Row.OtherFees) }

// OtherDeductions is what is withheld beyond fees.
func (p Payout) OtherDeductions() money.Amount { return p.amount(p.Row.OtherDeductions) }

// Payout is what the publisher is paid.
func (p Payout) Payout() money.Amount { return p.amount(p.Row.Payout) }

// Status is where it stands.
func (p Payout) Status() reports.PayoutStatus { return p.Row.Status }

// ExpectedMonth is when it is expected to be paid.
func (p Payout) ExpectedMonth() models.Month { return p.Row.ExpectedMonth }

// AgencyFee is what is kept of the lines of one month, publisher, reseller,
// kind, rate and currency.
type AgencyFee struct{ reports.AgencyFee }

// Base is the wholesale subtotal that the fee was taken from.
func (f AgencyFee) Base() money.Amount {
	return money.Amount{Minor: f.AgencyFee.Base, Currency: f.Currency}
}

// Amount is the fee.
func (f AgencyFee) Amount() money.Amount {
	return money.Amount{Minor: f.AgencyFee.Amount, Currency: f.Currency}
}

// Period is a month in which charges are billed.
type Period struct{ Month models.Month }

// FirstDay and LastDay bound the month, both inclusive.
func (p Period) FirstDay() models.Date { return p.Month.FirstDay() }

// LastDay is the last day that belongs to the month.
func (p Period) LastDay() models.Date { return p.Month.LastDay() }

// Effective is the answer to which margin counts for one price of a reseller.
type Effective struct {
	rating.Effective
	ResellerTenantID string
}

// MarginID is the node id of the margin that counts, empty at list price.
func (e Effective) MarginID() string {
	if e.PrivateOfferID == "" {
		return ""
	}
	m := models.Margin{PrivateOfferID: e.PrivateOfferID, PricingLine: e.PricingLine, ResellerTenantID: e.ResellerTenantID}
	return m.NodeID()
}

// QuoteLine is one priced line of a quote, or why it has no price.
type QuoteLine struct {
	Index    int
	Quantity money.Decimal
	// Margin and the amounts are nil where there are errors.
	Margin                                        *Effective
	ListSubtotal, MarginAmount, WholesaleSubtotal *money.Amount
	Errors                                        []models.Violation
}

// OfferReseller is a reseller of a private offer with its progress.
type OfferReseller struct {
	*models.OfferReseller
	// Submitted tells that the offer is: a draft makes no progress.
	Submitted bool
}

// Status is how far the offer has come for the reseller, nil before it is
// submitted.
func (r OfferReseller) Status() *models.ProgressStatus {
	if !r.Submitted {
		return nil
	}
	status := r.OfferReseller.Status()
	return &status
}
