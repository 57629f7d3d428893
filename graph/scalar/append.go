package scalar

import (
	"strconv"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// The functions below write what their Marshal namesakes write, behind the bytes:
// graph/compiled needs no more of a value.

// AppendString writes a text, "" as null.
func AppendString(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	b = append(b, '"')
	clean := 0 // up to here all is written
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[clean:i]...)
		clean = i + 1
		switch c {
		case '\t':
			b = append(b, `\t`...)
		case '\r':
			b = append(b, `\r`...)
		case '\n':
			b = append(b, `\n`...)
		case '\\', '"':
			b = append(b, '\\', c)
		default:
			const digits = "0123456789ABCDEF"
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[clean:]...), '"')
}

// AppendID writes an id, "" as null.
func AppendID(b []byte, id string) []byte { return AppendString(b, id) }

// AppendInt writes a whole number.
func AppendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// AppendBoolean writes true or false.
func AppendBoolean(b []byte, is bool) []byte { return strconv.AppendBool(b, is) }

// AppendDecimal writes a number without trailing zeros.
func AppendDecimal(b []byte, d money.Decimal) []byte {
	return append(d.AppendTo(append(b, '"')), '"')
}

// AppendDecimalText writes a number that is spelled already, "" as null.
func AppendDecimalText(b []byte, s string) []byte { return AppendString(b, s) }

// AppendPercentage writes percents, none as null.
func AppendPercentage(b []byte, p money.Percentage) []byte {
	if p == 0 {
		return append(b, "null"...)
	}
	return AppendDecimal(b, p.Decimal())
}

// AppendPercentageText writes percents that are spelled already, "" as null.
func AppendPercentageText(b []byte, s string) []byte { return AppendString(b, s) }

// AppendMonth writes YYYY-MM, none as null.
func AppendMonth(b []byte, m models.Month) []byte { return AppendString(b, m.String()) }

// AppendMonthText writes a month that is spelled already, "" as null.
func AppendMonthText(b []byte, s string) []byte { return AppendString(b, s) }

// AppendDate writes YYYY-MM-DD.
func AppendDate(b []byte, d models.Date) []byte {
	return append(d.Start().AppendFormat(append(b, '"'), time.DateOnly), '"')
}

// AppendDateTime writes RFC 3339 in UTC, none as null.
func AppendDateTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	return append(t.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// AppendDateTimeText writes an instant that is spelled already, "" as null.
func AppendDateTimeText(b []byte, s string) []byte { return AppendString(b, s) }

// AppendCurrency writes a currency, none as null.
func AppendCurrency(b []byte, c money.Currency) []byte { return AppendString(b, string(c)) }

// AppendTerm writes a term, none as null.
func AppendTerm(b []byte, t models.Term) []byte { return AppendString(b, string(t)) }

// AppendBilling writes how often a term is charged, none as null.
func AppendBilling(b []byte, billing models.Billing) []byte {
	return AppendString(b, string(billing))
}

// AppendChargeType writes a charge type, none as null: cycleCharge is
// CYCLE_CHARGE here.
func AppendChargeType(b []byte, c models.ChargeType) []byte {
	return AppendString(b, screaming(string(c)))
}

// AppendAction writes an action: addQuantity is ADD_QUANTITY here.
func AppendAction(b []byte, a models.Action) []byte { return AppendString(b, screaming(string(a))) }
