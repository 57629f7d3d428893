package formats

import (
	"io"
	"strings"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// ReadPriceSheet reads the vendor's price sheet, a CSV file (files.md). Each
// record is a Price of a plan's own charge: the sheet has no meters. Products
// and plans must exist already; the sheet's titles make none.
//
// The list price is `ERP Price` (what the end customer pays) where the sheet
// has it, else UnitPrice. It counts from the month of EffectiveStartDate; a
// date that is not the first of its month counts from the next, since list
// prices change at the first only (D17). EffectiveEndDate ends nothing: a price
// holds until the next entry of its key. Rows with tiers are refused.
func ReadPriceSheet(in io.Reader) *Reader[models.Record] {
	r := newReader(in, priceSheetShape)
	r.json = false
	return r
}

const (
	sheetProductID = iota
	sheetSkuID
	sheetTerm
	sheetBilling
	sheetMarket
	sheetCurrency
	sheetUnitPrice
	sheetListPrice
	sheetTierMin
	sheetTierMax
	sheetStart
	sheetEnd
)

var priceSheetNaming = names("productId", "ProductId", "planId", "SkuId", "term", "TermDuration", "billing", "BillingPlan",
	"market", "Market", "currency", "Currency", "unitPrice", "UnitPrice", "effectiveFrom", "EffectiveStartDate")

var priceSheetShape = shape[models.Record]{
	schema: newSchema(`ProductId, SkuId, TermDuration, BillingPlan, Market, Currency, UnitPrice, ERP Price?,
		PricingTierRangeMin?, PricingTierRangeMax?, EffectiveStartDate, EffectiveEndDate?`,
		"ProductTitle", "SkuTitle", "Publisher", "SkuDescription", "UnitOfMeasure", "Tags", "ChangeIndicator",
		"PreviousValues", "Segment"),
	naming: priceSheetNaming,
	parse: func(f *found) (models.Record, models.Violations) {
		c := f.read()
		for _, at := range []int{sheetTierMin, sheetTierMax} {
			if c.has(at) {
				c.bad(at, CodeTiersNotSupported, "the price depends on the quantity: prices with tiers are not supported, give one price for all quantities")
			}
		}
		price := models.Price{
			ProductID: c.id(sheetProductID),
			PlanID:    c.id(sheetSkuID),
			Term:      models.Term(c.text(sheetTerm)),
			Billing:   models.Billing(strings.ToUpper(c.text(sheetBilling))),
			Market:    c.text(sheetMarket),
			Currency:  money.Currency(c.text(sheetCurrency)),
		}
		naming, listPrice := priceSheetNaming, c.number(sheetListPrice, models.CodeOutOfRange)
		if c.has(sheetListPrice) {
			price.UnitPrice = listPrice
			naming = func(field []string) []string {
				if field = priceSheetNaming(field); field[0] == "UnitPrice" {
					return []string{"ERP Price"}
				}
				return field
			}
		} else {
			price.UnitPrice = c.needed(sheetUnitPrice, models.CodeOutOfRange)
		}
		start, end := c.usDate(sheetStart), c.usDate(sheetEnd)
		if !start.IsZero() {
			price.EffectiveFrom = models.MonthOf(start)
			if start.Day() != 1 {
				price.EffectiveFrom++
			}
			if !end.IsZero() && end.Before(start) {
				c.bad(sheetEnd, models.CodeInvalid, "is before EffectiveStartDate")
			}
		}
		record := models.Record{Price: &price}
		return record, merge(*c.violations, naming.rename(record.Check()))
	},
}

// usDate reads the vendor's month/day/year with or without a time, UTC.
func (c *cells) usDate(at int) time.Time {
	s := c.text(at)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{"1/2/2006 3:04:05 PM", "1/2/2006", "1/2/2006 15:04:05", "1/2/2006 3:04 PM", "1/2/2006 15:04"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1900 {
			return t
		}
	}
	c.bad(at, models.CodeInvalid, quote(s)+" is not a date: write month/day/year, such as 2/1/2019 12:00:00 AM")
	return time.Time{}
}
