package money

// Percentage is a margin in hundredths of a percent: 12.5 % is 1250. Valid ones
// go from 0.01 to 100 with at most 2 decimals (rule D6).
type Percentage int32

const wholePercentage Percentage = 100_00

// ParsePercentage reads "12.5" as 12.5 %. ErrPercentageRange outside 0.01 to
// 100, ErrPercentageDecimals for more than 2 decimals, ErrSyntax for the rest.
func ParsePercentage(s string) (Percentage, error) { return parsePercentage(s) }

func parsePercentage[Text string | []byte](text Text) (Percentage, error) {
	d, err := parse(text)
	if err != nil {
		return 0, err
	}
	if d.Sign() <= 0 || d.Cmp(wholePercentage.Decimal()) > 0 {
		return 0, refuse(string(text), ErrPercentageRange, "")
	}
	if d.FractionDigits() > 2 {
		return 0, refuse(string(text), ErrPercentageDecimals, "")
	}
	return Percentage(d.coefficient.lo * power10(2-d.FractionDigits()).lo), nil
}

// Valid reports whether p is within 0.01 to 100 %. The zero Percentage is not.
func (p Percentage) Valid() bool { return 0 < p && p <= wholePercentage }

// Decimal is the number of percents: 12.5 for 12.5 %.
func (p Percentage) Decimal() Decimal { return New(int64(p), 2) }

// String writes the number of percents without trailing zeros: "12.5".
func (p Percentage) String() string { return p.Decimal().String() }

// MarshalText writes what String writes.
func (p Percentage) MarshalText() ([]byte, error) { return p.Decimal().MarshalText() }

// UnmarshalText reads what ParsePercentage reads.
func (p *Percentage) UnmarshalText(text []byte) (err error) {
	*p, err = parsePercentage(text)
	return err
}

// MarshalJSON writes a JSON string.
func (p Percentage) MarshalJSON() ([]byte, error) { return p.Decimal().MarshalJSON() }

// UnmarshalJSON reads a JSON string or a JSON number, both exactly.
func (p *Percentage) UnmarshalJSON(data []byte) error { return p.UnmarshalText(unquote(data)) }

// EffectiveUnitPrice is the wholesale unit price: list × (1 - p/100), exact
// (rule D6). It has at most four fraction digits more than the list price. No
// margin is p = 0. ErrRange when p is negative or above 100, or when the price
// needs more than 38 digits.
func EffectiveUnitPrice(list Decimal, p Percentage) (Decimal, error) {
	if p < 0 || p > wholePercentage {
		return Decimal{}, refuse(p.String()+" %", ErrRange, "not between 0 and 100")
	}
	return list.Mul(New(int64(wholePercentage-p), 4))
}
