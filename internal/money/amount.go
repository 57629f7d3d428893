package money

import "math"

// Amount is rounded money: whole minor units of one currency. 120.00 USD is
// {12000, "USD"}, 120 JPY is {120, "JPY"}.
//
// Minor lies between -(2^63 - 1) and 2^63 - 1, so that every amount has its
// exact negative (rule D11); this package never makes the smallest int64.
type Amount struct {
	Minor    int64
	Currency Currency
}

// Add is a + b. Two currencies are a *MismatchError (rule D16); a sum beyond
// int64 is ErrRange.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, &MismatchError{a.Currency, b.Currency}
	}
	sum := a.Minor + b.Minor
	if (sum > a.Minor) != (b.Minor > 0) && b.Minor != 0 || sum == math.MinInt64 {
		return Amount{}, refuse(a.String()+" + "+b.String(), ErrRange, tooLarge)
	}
	return Amount{sum, a.Currency}, nil
}

// Sub is a - b, with the errors of Add.
func (a Amount) Sub(b Amount) (Amount, error) { return a.Add(b.Neg()) }

const tooLarge = "more minor units than 64 bits hold"

// Neg is the exact negative, a reversal (rule D11).
func (a Amount) Neg() Amount { return Amount{-a.Minor, a.Currency} }

// IsZero reports whether a is 0 of its currency.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// Sign is -1, 0 or 1.
func (a Amount) Sign() int {
	switch {
	case a.Minor < 0:
		return -1
	case a.Minor > 0:
		return 1
	}
	return 0
}

// Decimal is the same money as a number of major units: 120 for 120.00 USD.
func (a Amount) Decimal() Decimal { return New(a.Minor, a.scale()) }

// String writes the number with all minor digits and without the currency:
// "120.00" for USD, "120" for JPY.
func (a Amount) String() string { return string(a.AppendTo(nil)) }

// AppendTo appends the text of String to b.
func (a Amount) AppendTo(b []byte) []byte {
	if a.Minor < 0 {
		b = append(b, '-')
	}
	return appendPoint(b, uint128{lo: magnitude(a.Minor)}, int(a.scale()))
}

// scale counts the minor digits; an unknown currency has none to show.
func (a Amount) scale() uint8 { return uint8(max(0, a.Currency.MinorDigits())) }
