package models

import (
	"slices"
	"strings"
	"time"

	"sellthrough/internal/money"
)

// MarginFilter narrows a list of margins: all that is set must hold. Times are
// half open, From inclusive and Before exclusive.
type MarginFilter struct {
	PublisherID, ProductID string
	// PlanProductID and PlanID name a plan that is covered.
	PlanProductID, PlanID string
	// ProductTypes and Statuses are those to list; nil is all, an empty list none.
	ProductTypes []ProductType
	Statuses     []MarginStatus
	// CustomerTenantID is somebody that it counts for: one of its customers, or
	// anybody where it is for all.
	CustomerTenantID string
	// MinPercentage and MaxPercentage are inclusive; custom prices have none.
	MinPercentage, MaxPercentage                   *money.Percentage
	StartsFrom, StartsBefore, EndsFrom, EndsBefore *time.Time
	// Text is in the title of the product or the plan, or the name of the
	// publisher, in whatever case.
	Text string

	// These narrow the prices too, and leave out margins that have none left.
	MeterProductID, MeterID, Market string
	Currency                        money.Currency
	// Wins is whether one of the prices that are left counts.
	Wins *bool
}

// Admits tells whether the filter lets a margin pass, whatever its prices. A nil
// filter lets all pass.
func (f *MarginFilter) Admits(m *Margin) bool {
	switch {
	case f == nil:
		return true
	case f.PublisherID != "" && m.PublisherID != f.PublisherID,
		f.ProductID != "" && m.ProductID != f.ProductID,
		f.PlanID != "" && (m.ProductID != f.PlanProductID || m.PlanID != "" && m.PlanID != f.PlanID),
		f.MeterProductID != "" && m.ProductID != f.MeterProductID,
		f.ProductTypes != nil && !slices.Contains(f.ProductTypes, m.ProductType),
		f.Statuses != nil && !slices.Contains(f.Statuses, m.Status),
		f.CustomerTenantID != "" && len(m.CustomerTenantIDs) > 0 && !slices.Contains(m.CustomerTenantIDs, f.CustomerTenantID),
		f.MinPercentage != nil && (m.Type != MarginPercentage || m.Percentage < *f.MinPercentage),
		f.MaxPercentage != nil && (m.Type != MarginPercentage || m.Percentage > *f.MaxPercentage),
		!between(m.Start, f.StartsFrom, f.StartsBefore), !between(m.End, f.EndsFrom, f.EndsBefore):
		return false
	}
	return f.Text == "" || slices.ContainsFunc([]string{m.ProductTitle, m.PlanTitle, m.PublisherName}, func(title string) bool {
		return strings.Contains(strings.ToLower(title), strings.ToLower(f.Text))
	})
}

func between(t time.Time, from, before *time.Time) bool {
	return (from == nil || !t.Before(*from)) && (before == nil || t.Before(*before))
}

// AdmitsPrice tells whether the filter lets a price pass.
func (f *MarginFilter) AdmitsPrice(meterID, market string, currency money.Currency) bool {
	return f == nil || (f.MeterID == "" || f.MeterID == meterID) &&
		(f.Market == "" || f.Market == market) && (f.Currency == "" || f.Currency == currency)
}

// AdmitsPriced tells whether the filter lets a margin pass that has the prices
// that AdmitsPrice left.
func (f *MarginFilter) AdmitsPriced(m *Margin) bool {
	return f == nil || (f.Wins == nil || m.Wins == *f.Wins) && (len(m.Prices) > 0 || f.MeterID == "" && f.Market == "" && f.Currency == "")
}
