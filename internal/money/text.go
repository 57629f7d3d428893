package money

import (
	"database/sql/driver"
	"fmt"
	"math/bits"
	"strconv"
)

// Parse reads a decimal number: an optional minus sign, digits, optionally a
// point with digits, optionally an exponent, as JSON writes numbers ("-12.5",
// "4e-7", "1E3"). Leading zeros are allowed; spaces, a plus sign, ".5", "5.",
// NaN, Inf, hexadecimal and underscores are not (ErrSyntax). A number that
// needs more than 38 digits in all, or after the point, is refused (ErrRange).
func Parse(s string) (Decimal, error) { return parse(s) }

// ParseBytes is Parse for a slice of bytes. It does not allocate.
func ParseBytes(b []byte) (Decimal, error) { return parse(b) }

// MustParse is Parse for tests and constants; it panics where Parse refuses.
func MustParse(s string) Decimal {
	d, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

func parse[Text string | []byte](text Text) (Decimal, error) {
	i, n := 0, len(text)
	negative := n > 0 && text[0] == '-'
	if negative {
		i++
	}
	var number digitReader
	start := i
	for ; i < n && isDigit(text[i]); i++ {
		number.take(text[i] - '0')
	}
	if i == start {
		return Decimal{}, refuse(string(text), ErrSyntax, "")
	}
	exponent := 0
	if i < n && text[i] == '.' {
		i++
		start = i
		for ; i < n && isDigit(text[i]); i++ {
			number.take(text[i] - '0')
		}
		if i == start {
			return Decimal{}, refuse(string(text), ErrSyntax, "")
		}
		exponent = start - i
	}
	if i < n && (text[i] == 'e' || text[i] == 'E') {
		i++
		minus := i < n && text[i] == '-'
		if minus || i < n && text[i] == '+' {
			i++
		}
		const huge = 1 << 40 // beyond the length of any text, so no digits bring it back
		start = i
		written := 0
		for ; i < n && isDigit(text[i]); i++ {
			written = min(written*10+int(text[i]-'0'), huge)
		}
		if i == start {
			return Decimal{}, refuse(string(text), ErrSyntax, "")
		}
		if minus {
			written = -written
		}
		exponent += written
	}
	if i != n {
		return Decimal{}, refuse(string(text), ErrSyntax, "")
	}
	d, ok := number.decimal(exponent, negative)
	if !ok {
		return Decimal{}, refuse(string(text), ErrRange, tooManyDigits)
	}
	return d, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// digitReader collects digits into a coefficient without trailing zeros: a zero
// waits until another digit shows that it is needed.
type digitReader struct {
	coefficient uint128
	taken       int // digits in the coefficient
	zeros       int // zeros waiting
	tooLong     bool
}

func (r *digitReader) take(digit byte) {
	switch {
	case digit == 0:
		if r.taken > 0 {
			r.zeros++
		}
		return
	case r.tooLong || r.taken+r.zeros+1 > maxDigits:
		r.tooLong = true
		return
	}
	for ; r.zeros > 0; r.zeros-- {
		r.coefficient = r.coefficient.times10plus(0)
		r.taken++
	}
	r.coefficient = r.coefficient.times10plus(digit)
	r.taken++
}

// decimal is the number read × 10^exponent.
func (r *digitReader) decimal(exponent int, negative bool) (Decimal, bool) {
	exponent += r.zeros
	switch {
	case r.tooLong:
		return Decimal{}, false
	case r.taken == 0:
		return Decimal{}, true
	case exponent < 0:
		return Decimal{r.coefficient, uint8(-exponent), negative}, exponent >= -maxDigits
	case r.taken+exponent > maxDigits:
		return Decimal{}, false
	}
	return Decimal{r.coefficient.times(power10(exponent)), 0, negative}, true
}

// String writes plain digits: no exponent, no trailing zeros, "0" for zero.
func (d Decimal) String() string {
	var buffer [maxDigits + 3]byte
	return string(d.AppendTo(buffer[:0]))
}

// AppendTo appends the text of String to b.
func (d Decimal) AppendTo(b []byte) []byte {
	if d.negative {
		b = append(b, '-')
	}
	return appendPoint(b, d.coefficient, int(d.scale))
}

// appendPoint appends coefficient / 10^scale with exactly scale fraction digits.
func appendPoint(b []byte, coefficient uint128, scale int) []byte {
	var text [maxDigits + 1]byte
	i := len(text)
	const chunk = 10_000_000_000_000_000_000 // the largest power of ten below 2^64
	high, low := uint64(0), coefficient.lo
	if coefficient.hi != 0 || coefficient.lo >= chunk {
		high, low = bits.Div64(coefficient.hi, coefficient.lo, chunk) // hi < 10^38 / 2^64 < chunk
	}
	for fraction := scale; high|low != 0 || fraction >= 0; fraction-- {
		if len(text)-i == 19 {
			low, high = high, 0
		}
		i--
		text[i] = byte('0' + low%10)
		low /= 10
	}
	point := len(text) - scale
	b = append(b, text[i:point]...)
	if scale > 0 {
		b = append(b, '.')
		b = append(b, text[point:]...)
	}
	return b
}

func moreThan(limit int, kind string) string {
	return "more than " + strconv.Itoa(limit) + " " + kind + " digits"
}

// MarshalText writes what String writes.
func (d Decimal) MarshalText() ([]byte, error) { return d.AppendTo(nil), nil }

// AppendText writes what String writes.
func (d Decimal) AppendText(b []byte) ([]byte, error) { return d.AppendTo(b), nil }

// UnmarshalText reads what Parse reads.
func (d *Decimal) UnmarshalText(text []byte) (err error) {
	*d, err = ParseBytes(text)
	return err
}

// MarshalJSON writes a JSON string, "12.5": a JSON number would be read back
// through a float by most readers.
func (d Decimal) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, maxDigits+5), '"')
	return append(d.AppendTo(b), '"'), nil
}

// UnmarshalJSON reads a JSON string or a JSON number, both exactly. It refuses
// null: what may be missing is a *Decimal.
func (d *Decimal) UnmarshalJSON(data []byte) error { return d.UnmarshalText(unquote(data)) }

// unquote takes the quotes off a JSON string. An escape inside is left, and no
// number has one.
func unquote(data []byte) []byte {
	if n := len(data); n >= 2 && data[0] == '"' && data[n-1] == '"' {
		return data[1 : n-1]
	}
	return data
}

// Scan reads a database value: text or an integer, never a float or NULL.
func (d *Decimal) Scan(value any) (err error) {
	switch v := value.(type) {
	case string:
		*d, err = Parse(v)
	case []byte:
		*d, err = ParseBytes(v)
	case int64:
		*d = New(v, 0)
	default:
		err = fmt.Errorf("a decimal is stored as text or integer, not as %T: %w", value, ErrSyntax)
	}
	return err
}

// Value gives the database the text of String.
func (d Decimal) Value() (driver.Value, error) { return d.String(), nil }
