package rating

import (
	"strconv"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// Explain says how a line of this book came about: which pricing lines were
// candidates and why each lost, and every step of the arithmetic with its
// exact number before rounding.
func (b *Book) Explain(line *models.BillingLine) models.Explanation {
	candidates := b.shelf(line.ResellerTenantID, line.ProductID).all
	var told []models.Candidate
	switch {
	case line.Trial:
		told = dismiss(candidates, models.ReasonTrial, "a trial charges nothing")
	case line.Infrastructure:
		told = dismiss(candidates, models.ReasonInfrastructure, "infrastructure charges never carry a margin")
	default:
		what := whatOf(line)
		list := models.Price{UnitPrice: line.ListUnitPrice, Currency: line.PricingCurrency}
		q := ask(&what, &list, line.CustomerTenantID, line.PricedAt, line.RecordedAt)
		told = explain(candidates, &q)
	}
	return models.Explanation{Candidates: told, Steps: steps(line)}
}

// steps follows the order of rater.finish.
func steps(line *models.BillingLine) []models.Step {
	amount := func(minor int64) string {
		return money.Amount{Minor: minor, Currency: line.BillingCurrency}.String()
	}
	subtotal := func(name string, unitPrice money.Decimal, minor int64) models.Step {
		c := extend(line, unitPrice)
		return models.Step{Name: name, Formula: formula(c), Exact: c.Exact(), Rounded: amount(minor)}
	}
	all := []models.Step{{Name: "list unit price", Formula: "price list, " + models.MonthOf(line.PricedAt).String(), Exact: line.ListUnitPrice.String()}}
	switch line.MarginType {
	case models.MarginPercentage:
		all = append(all, models.Step{Name: "unit price after margin", Exact: line.UnitPrice.String(),
			Formula: line.ListUnitPrice.String() + " × (1 − " + line.MarginPercentage.String() + "/100)"})
	case models.MarginCustomPrice:
		all = append(all, models.Step{Name: "unit price after margin", Exact: line.UnitPrice.String(), Formula: "custom price"})
	}
	all = append(all,
		subtotal("list subtotal", line.ListUnitPrice, line.ListSubtotal),
		subtotal("wholesale subtotal", line.UnitPrice, line.WholesaleSubtotal),
		models.Step{Name: "margin amount", Formula: amount(line.ListSubtotal) + " − " + amount(line.WholesaleSubtotal),
			Exact: amount(line.MarginAmount), Rounded: amount(line.MarginAmount)},
	)
	if line.Infrastructure {
		return append(all, models.Step{Name: "infrastructure fee", Formula: "the whole wholesale subtotal",
			Exact: amount(line.InfrastructureFee), Rounded: amount(line.InfrastructureFee)})
	}
	return append(all,
		models.Step{Name: "agency fee", Formula: line.AgencyFeeRate.String() + " × " + amount(line.WholesaleSubtotal),
			Exact: exactFee(line), Rounded: amount(line.AgencyFee)},
		models.Step{Name: "payout", Formula: amount(line.WholesaleSubtotal) + " − " + amount(line.AgencyFee),
			Exact: amount(line.Payout), Rounded: amount(line.Payout)},
	)
}

func exactFee(line *models.BillingLine) string {
	wholesale := money.Amount{Minor: line.WholesaleSubtotal, Currency: line.BillingCurrency}.Decimal()
	return money.Charge{UnitPrice: line.AgencyFeeRate, Quantity: wholesale, Rate: one}.Exact()
}

func formula(c money.Charge) string {
	s := c.UnitPrice.String() + " × " + c.Quantity.String()
	if c.Denominator != 0 {
		s += " × " + strconv.FormatInt(c.Numerator, 10) + "/" + strconv.FormatInt(c.Denominator, 10)
	}
	if c.Rate != one {
		s += " × " + c.Rate.String()
	}
	return s
}
