package money

import (
	"math/bits"

	"github.com/holiman/uint256"
)

// How many digits the kinds of numbers may have (rule D11). More is refused,
// never rounded: see [Decimal.Check].
const (
	PriceIntegerDigits    = 12 // unit prices, before the point
	QuantityIntegerDigits = 15 // quantities, also the sum in a bucket
	RateIntegerDigits     = 12 // exchange rates
	FractionDigits        = 15 // unit prices and quantities, after the point
	RateFractionDigits    = 20 // exchange rates
)

// Decimal is an exact decimal number: coefficient / 10^scale, with at most 38
// digits in all and at most 38 after the point (rule D11).
//
// The zero value is 0. Every number has one representation, without trailing
// zeros, so == compares numbers and a Decimal can be a map key.
type Decimal struct {
	coefficient uint128
	scale       uint8
	negative    bool // never set on 0
}

// Zero is the number 0, the same as Decimal{}.
var Zero Decimal

// New returns coefficient / 10^scale, for constants in code: New(125, 1) is
// 12.5. It panics when the number needs more than 38 digits after the point.
func New(coefficient int64, scale uint8) Decimal {
	d, ok := canonical(uint128{lo: magnitude(coefficient)}, int(scale), coefficient < 0)
	if !ok {
		panic("money.New: more than 38 digits after the point")
	}
	return d
}

// magnitude is the absolute value of v, also of the smallest int64.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// canonical makes the one representation of coefficient / 10^scale, and reports
// whether a Decimal can hold it.
func canonical(coefficient uint128, scale int, negative bool) (Decimal, bool) {
	if coefficient.isZero() {
		return Decimal{}, true
	}
	for scale > 0 && coefficient.lo&1 == 0 { // a multiple of ten is even
		quotient, rest := coefficient.quoRem10()
		if rest != 0 {
			break
		}
		coefficient, scale = quotient, scale-1
	}
	if scale > maxDigits || !coefficient.less(power10(maxDigits)) {
		return Decimal{}, false
	}
	return Decimal{coefficient, uint8(scale), negative}, true
}

// narrow is canonical for a coefficient of 256 bits, such as a product.
func narrow(coefficient *uint256.Int, scale int, negative bool) (Decimal, bool) {
	ten := &powers[1]
	for coefficient[2]|coefficient[3] != 0 {
		if scale == 0 {
			return Decimal{}, false
		}
		var quotient, rest uint256.Int
		quotient.DivMod(coefficient, ten, &rest)
		if !rest.IsZero() {
			return Decimal{}, false
		}
		*coefficient, scale = quotient, scale-1
	}
	return canonical(uint128{coefficient[1], coefficient[0]}, scale, negative)
}

// IsZero reports whether d is 0.
func (d Decimal) IsZero() bool { return d == Decimal{} }

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.negative:
		return -1
	case d.IsZero():
		return 0
	}
	return 1
}

// Neg is -d.
func (d Decimal) Neg() Decimal {
	d.negative = !d.negative && !d.IsZero()
	return d
}

// Cmp is -1 when d < o, 0 when they are equal, 1 when d > o.
func (d Decimal) Cmp(o Decimal) int {
	switch {
	case d == o:
		return 0
	case d.Sign() != o.Sign():
		return compare(d.Sign() < o.Sign())
	case d.scale == o.scale:
		return compare(d.coefficient.less(o.coefficient) != d.negative)
	}
	a, b, _ := align(d, o)
	return compare(a.Lt(&b) != d.negative)
}

func compare(less bool) int {
	if less {
		return -1
	}
	return 1
}

// Add is d + o, exact. ErrRange when the sum needs more than 38 digits.
func (d Decimal) Add(o Decimal) (Decimal, error) {
	sum, ok := add(d, o)
	if !ok {
		return Decimal{}, refuse(d.String()+" + "+o.String(), ErrRange, tooManyDigits)
	}
	return sum, nil
}

// Sub is d - o, exact. ErrRange when the difference needs more than 38 digits.
func (d Decimal) Sub(o Decimal) (Decimal, error) {
	difference, ok := add(d, o.Neg())
	if !ok {
		return Decimal{}, refuse(d.String()+" - "+o.String(), ErrRange, tooManyDigits)
	}
	return difference, nil
}

// Mul is d × o, exact. ErrRange when the product needs more than 38 digits.
func (d Decimal) Mul(o Decimal) (Decimal, error) {
	product, ok := mul(d, o)
	if !ok {
		return Decimal{}, refuse(d.String()+" × "+o.String(), ErrRange, tooManyDigits)
	}
	return product, nil
}

const tooManyDigits = "more than 38 digits"

func add(d, o Decimal) (Decimal, bool) {
	if d.negative == o.negative && d.coefficient.hi|o.coefficient.hi == 0 {
		if d.scale < o.scale {
			d, o = o, d
		}
		if n := int(d.scale - o.scale); n <= 19 { // 64 bits × 10^19 + 64 bits fit 128
			hi, lo := bits.Mul64(o.coefficient.lo, power10(n).lo)
			lo, carry := bits.Add64(lo, d.coefficient.lo, 0)
			return canonical(uint128{hi + carry, lo}, int(d.scale), d.negative)
		}
	}
	a, b, scale := align(d, o)
	switch {
	case d.negative == o.negative:
		a.Add(&a, &b)
	case a.Lt(&b):
		a.Sub(&b, &a)
		d.negative = o.negative
	default:
		a.Sub(&a, &b)
	}
	return narrow(&a, scale, d.negative)
}

// align brings two coefficients to the larger scale. Below 10^38 × 10^38 each,
// they and their sum fit 256 bits.
func align(d, o Decimal) (a, b uint256.Int, scale int) {
	a, b, scale = d.coefficient.wide(), o.coefficient.wide(), int(max(d.scale, o.scale))
	if n := scale - int(d.scale); n > 0 {
		a.Mul(&a, &powers[n])
	}
	if n := scale - int(o.scale); n > 0 {
		b.Mul(&b, &powers[n])
	}
	return a, b, scale
}

func mul(d, o Decimal) (Decimal, bool) {
	scale, negative := int(d.scale)+int(o.scale), d.negative != o.negative
	if d.coefficient.hi|o.coefficient.hi == 0 {
		return canonical(d.coefficient.times(o.coefficient), scale, negative)
	}
	a, b := d.coefficient.wide(), o.coefficient.wide()
	a.Mul(&a, &b) // 128 × 128 bits fit 256
	return narrow(&a, scale, negative)
}

// IntegerDigits counts the digits before the point; a number below 1 has none.
func (d Decimal) IntegerDigits() int {
	return max(0, d.coefficient.digits()-int(d.scale))
}

// FractionDigits counts the digits after the point; trailing zeros are none.
func (d Decimal) FractionDigits() int { return int(d.scale) }

// Fits reports whether d has at most that many digits before and after the point.
func (d Decimal) Fits(integerDigits, fractionDigits int) bool {
	return d.IntegerDigits() <= integerDigits && d.FractionDigits() <= fractionDigits
}

// Check is Fits with an error that names the number and the limit it breaks:
// "1234567890123: more than 12 integer digits" (ErrRange).
func (d Decimal) Check(integerDigits, fractionDigits int) error {
	switch {
	case d.IntegerDigits() > integerDigits:
		return refuse(d.String(), ErrRange, moreThan(integerDigits, "integer"))
	case d.FractionDigits() > fractionDigits:
		return refuse(d.String(), ErrRange, moreThan(fractionDigits, "fraction"))
	}
	return nil
}
