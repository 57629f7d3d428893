package money

// Currency is an ISO 4217 alphabetic code in capitals, such as "USD".
type Currency string

// ParseCurrency reads a code of the table in currency_table.go, in capitals.
// ErrCurrency for any other text.
func ParseCurrency(s string) (Currency, error) {
	if c := Currency(s); c.Valid() {
		return c, nil
	}
	return "", refuse(s, ErrCurrency, "")
}

// Valid reports whether c is in the table.
func (c Currency) Valid() bool { return c.MinorDigits() >= 0 }
