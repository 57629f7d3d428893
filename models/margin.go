package models

import (
	"strconv"
	"time"

	"sellthrough/internal/money"
)

// MarginStatus is where a margin stands at an instant.
type MarginStatus string

// The states of a margin that a reseller can see.
const (
	MarginScheduled MarginStatus = "SCHEDULED"
	MarginLive      MarginStatus = "LIVE"
	MarginEnded     MarginStatus = "ENDED"
	MarginWithdrawn MarginStatus = "WITHDRAWN"
)

// MarginStatuses lists every state.
var MarginStatuses = []MarginStatus{MarginScheduled, MarginLive, MarginEnded, MarginWithdrawn}

// Margin is one pricing line of a private offer as one reseller sees it (rules
// 4). It has no field that could show the offer's name.
type Margin struct {
	PrivateOfferID   string
	PricingLine      int
	ResellerTenantID string
	PublisherID      string
	// PublisherName, ProductTitle, ProductType and PlanTitle are what a reseller may
	// read of the catalogue, empty where it may not.
	PublisherName string
	ProductID     string
	ProductTitle  string
	ProductType   ProductType
	// PlanID is empty where the margin covers every plan of the product.
	PlanID    string
	PlanTitle string
	Type      MarginType
	// Percentage is 0 for custom prices.
	Percentage money.Percentage
	// CustomerTenantIDs are the only customers it counts for; empty means all.
	CustomerTenantIDs []string
	// Start is when it begins to price purchases, ConsumptionStart usage: for
	// an offer that started as soon as possible that is the first of the month
	// (D4). End is the last second that belongs to it.
	Start, ConsumptionStart, End time.Time
	Status                       MarginStatus
	// StatusSince is when it came to stand there: when it was published, began to
	// price purchases (or usage, where that is all it prices yet), ended or was
	// withdrawn.
	StatusSince time.Time
	// Wins tells whether at least one of its prices is the one that counts.
	Wins   bool
	Prices []MarginPrice
}

// ID names the margin: the pricing line and the reseller it is for.
func (m *Margin) ID() string {
	return m.PrivateOfferID + "_" + strconv.Itoa(m.PricingLine) + "_" + m.ResellerTenantID
}

// NodeID names it in the whole API.
func (m *Margin) NodeID() string { return "margin/" + m.ID() }

// MarginNames are what files show of the catalogue beside the ids of margins.
type MarginNames struct {
	PricingModels map[PlanKey]PricingModel
	// Units are those of meters, as in "100 emails".
	Units map[MeterKey]string
	// Customers are names by tenant id.
	Customers map[string]string
}

// PlanKey names a plan.
type PlanKey struct{ ProductID, PlanID string }

// MeterKey names a meter.
type MeterKey struct{ ProductID, MeterID string }

// MarginPrice is what a margin makes of one list price.
type MarginPrice struct {
	PlanID   string
	MeterID  string
	Term     Term
	Billing  Billing
	Market   string
	Currency money.Currency
	// ListPrice and WholesalePrice are exact unit prices.
	ListPrice, WholesalePrice money.Decimal
	// IncludedQuantity comes with custom prices, else 0.
	IncludedQuantity money.Decimal
	// Wins is false where another margin beats this one.
	Wins bool
}

// MarginAmount is what a reseller saves with each unit: list price less wholesale
// price, exact. It is negative where a custom price is above the list price.
func (p *MarginPrice) MarginAmount() (money.Decimal, error) { return p.ListPrice.Sub(p.WholesalePrice) }

// MarginPercentage is the same in percent of the list price, rounded half-even to
// two decimals; nil where the list price is 0.
func (p *MarginPrice) MarginPercentage() *money.Decimal {
	hundredths, ok := money.PercentOff(p.ListPrice, p.WholesalePrice)
	if !ok {
		return nil
	}
	share := money.New(hundredths, 2)
	return &share
}

// Candidate is one pricing line that was looked at for one price, and why it
// won or lost (D1).
type Candidate struct {
	PrivateOfferID string
	PricingLine    int
	Type           MarginType
	Percentage     money.Percentage
	// UnitPrice is what the line would make of the list price.
	UnitPrice money.Decimal
	Wins      bool
	// Reason is a stable code, Message the sentence for people.
	Reason  Reason
	Message string
}

// Reason says why a candidate won or lost.
type Reason string

// The reasons.
const (
	ReasonBest               Reason = "BEST"
	ReasonLowerPercentage    Reason = "LOWER_PERCENTAGE"
	ReasonHigherPrice        Reason = "HIGHER_CUSTOM_PRICE"
	ReasonBeatenByCustom     Reason = "BEATEN_BY_CUSTOM_PRICE"
	ReasonLaterGoLive        Reason = "LATER_GO_LIVE"
	ReasonLaterSubmit        Reason = "LATER_SUBMIT"
	ReasonLaterID            Reason = "LATER_ID"
	ReasonNotStarted         Reason = "NOT_STARTED"
	ReasonEnded              Reason = "ENDED"
	ReasonWithdrawn          Reason = "WITHDRAWN"
	ReasonOtherPlan          Reason = "OTHER_PLAN"
	ReasonOtherCustomers     Reason = "OTHER_CUSTOMERS"
	ReasonPriceNotInLine     Reason = "PRICE_NOT_IN_LINE"
	ReasonInfrastructure     Reason = "INFRASTRUCTURE"
	ReasonTrial              Reason = "TRIAL"
	ReasonPriceCannotBeExact Reason = "PRICE_OUT_OF_RANGE"
)

// Step is one step of the arithmetic of a line with its exact value.
type Step struct {
	// Name is what the step makes: "list subtotal".
	Name string
	// Formula shows the operands: "0.0116 × 744".
	Formula string
	// Exact is the value before rounding, every digit, or a fraction "a/b".
	Exact string
	// Rounded is the amount after rounding, empty where nothing is rounded.
	Rounded string
}

// Explanation says how a line came about.
type Explanation struct {
	Candidates []Candidate
	Steps      []Step
}
