package formats

import (
	"io"
	"strings"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// ReadExchangeRates reads the vendor's monthly rates (rules 3.4), CSV or JSON
// Lines: CurrencyCode, USDPerUnit and Month, the last as YYYY-MM or as the
// vendor's YYYYMM. Each record is an ExchangeRate.
func ReadExchangeRates(in io.Reader) *Reader[models.Record] {
	return newReader(in, exchangeRateShape)
}

var exchangeRateShape = shape[models.Record]{
	schema: newSchema("CurrencyCode, USDPerUnit, Month"),
	parse: func(f *found) (models.Record, models.Violations) {
		c := f.read()
		if month := c.cells[2].text; len(month) == len("200601") && strings.Trim(month, "0123456789") == "" {
			c.cells[2] = cell{month[:4] + "-" + month[4:], cellText}
		}
		record := models.Record{ExchangeRate: &models.ExchangeRate{
			Currency:   money.Currency(c.text(0)),
			USDPerUnit: c.needed(1, models.CodeOutOfRange),
			Month:      c.month(2),
		}}
		return record, merge(*c.violations, record.Check())
	},
}
