package money

import (
	"math"
	"math/big"
	"strings"

	"github.com/holiman/uint256"
)

// fraction is ± numerator / (denominator × 10^scale), exact: a product on its
// way to being rounded. Each method changes f and returns it, so that a formula
// reads from left to right.
type fraction struct {
	numerator   wide
	denominator uint128 // never 0
	scale       int
	negative    bool
}

// exactly starts a formula with one number.
func exactly(d Decimal) fraction {
	return fraction{wide{small: d.coefficient.wide()}, uint128{lo: 1}, int(d.scale), d.negative}
}

func (f *fraction) times(d Decimal) *fraction {
	factor := d.coefficient.wide()
	f.numerator.times(&factor)
	f.scale += int(d.scale)
	f.negative = f.negative != d.negative
	return f
}

// prorated multiplies by numerator / denominator, neither negative; 0/0 stands
// for the whole. It comes before any other denominator.
func (f *fraction) prorated(numerator, denominator int64) *fraction {
	if numerator != denominator {
		f.numerator.times(&uint256.Int{uint64(numerator)})
		f.denominator = uint128{lo: uint64(denominator)}
	}
	return f
}

// per divides by a positive number; it comes before any other denominator.
func (f *fraction) per(d Decimal) *fraction {
	f.denominator = d.coefficient
	f.scale -= int(d.scale)
	return f
}

// round is the one division: it leaves a whole number of units of 10^-digits.
func (f *fraction) round(digits int, to direction) *fraction {
	divisor := wide{small: f.denominator.wide()}
	f.numerator.timesPower10(digits - f.scale)
	divisor.timesPower10(f.scale - digits)
	f.numerator.divide(&divisor, to)
	f.denominator, f.scale = uint128{lo: 1}, digits
	return f
}

// units is the numerator with its sign, for a rounded fraction that fits int64.
// The smallest int64 is left out: its negative would not fit.
func (f *fraction) units() (int64, bool) {
	if f.numerator.large != nil || !f.numerator.small.IsUint64() || f.numerator.small.Uint64() > math.MaxInt64 {
		return 0, false
	}
	units := int64(f.numerator.small.Uint64())
	if f.negative {
		return -units, true
	}
	return units, true
}

// decimal is a rounded fraction as a Decimal, if one can hold it.
func (f *fraction) decimal() (Decimal, bool) {
	if f.numerator.large != nil {
		return Decimal{}, false
	}
	return narrow(&f.numerator.small, f.scale, f.negative)
}

// lowest splits f into a finite decimal, digits / 10^scale, and a divisor in
// lowest terms without a factor 2 or 5: what no decimal can express. The
// divisor is 1 when f is a finite decimal.
func (f *fraction) lowest() (digits *big.Int, scale int, divisor *big.Int) {
	above, below := f.numerator, wide{small: f.denominator.wide()}
	above.timesPower10(-f.scale)
	below.timesPower10(f.scale)
	ratio := new(big.Rat).SetFrac(above.toBig(), below.toBig()) // reduces
	digits, divisor = ratio.Num(), ratio.Denom()
	twos, fives := extract(divisor, big.NewInt(2)), extract(divisor, big.NewInt(5))
	scale = max(twos, fives)
	digits.Mul(digits, power(2, scale-twos))
	digits.Mul(digits, power(5, scale-fives))
	return digits, scale, divisor
}

// extract divides n by factor as often as it can, and tells how often.
func extract(n, factor *big.Int) (times int) {
	quotient, rest := new(big.Int).QuoRem(n, factor, new(big.Int))
	for ; rest.Sign() == 0; times++ {
		n.Set(quotient)
		quotient.QuoRem(n, factor, rest)
	}
	return times
}

func power(base int64, exponent int) *big.Int {
	return new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(exponent)), nil)
}

// String is the exact value: "112.896", or "10.1/3" when no finite decimal is.
func (f *fraction) String() string {
	digits, scale, divisor := f.lowest()
	text := digits.String()
	if len(text) <= scale {
		text = strings.Repeat("0", scale+1-len(text)) + text
	}
	if point := len(text) - scale; scale > 0 {
		text = text[:point] + "." + text[point:]
	}
	if f.negative && digits.Sign() != 0 {
		text = "-" + text
	}
	if divisor.IsInt64() && divisor.Int64() == 1 {
		return text
	}
	return text + "/" + divisor.String()
}

// finite reports whether f is a finite decimal.
func (f *fraction) finite() bool {
	_, _, divisor := f.lowest()
	return divisor.IsInt64() && divisor.Int64() == 1
}
