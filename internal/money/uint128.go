package money

import (
	"math/bits"

	"github.com/holiman/uint256"
)

// maxDigits is what a Decimal's coefficient holds: every number of 38 decimal
// digits fits 128 bits, not every number of 39.
const maxDigits = 38

// uint128 is an unsigned integer of 128 bits, the coefficient of a Decimal.
type uint128 struct{ hi, lo uint64 }

func (x uint128) isZero() bool { return x.hi|x.lo == 0 }

func (x uint128) less(y uint128) bool {
	return x.hi < y.hi || x.hi == y.hi && x.lo < y.lo
}

// wide gives the same number 256 bits.
func (x uint128) wide() uint256.Int { return uint256.Int{x.lo, x.hi} }

// times10plus is x × 10 + digit. The caller knows that it fits.
func (x uint128) times10plus(digit byte) uint128 {
	hi, lo := bits.Mul64(x.lo, 10)
	lo, carry := bits.Add64(lo, uint64(digit), 0)
	return uint128{x.hi*10 + hi + carry, lo}
}

// times is x × y. The caller knows that it fits.
func (x uint128) times(y uint128) uint128 {
	hi, lo := bits.Mul64(x.lo, y.lo)
	return uint128{hi + x.hi*y.lo + x.lo*y.hi, lo}
}

// quoRem10 is the quotient and the remainder of x by 10.
func (x uint128) quoRem10() (uint128, uint64) {
	if x.hi == 0 {
		return uint128{0, x.lo / 10}, x.lo % 10
	}
	hi, rest := x.hi/10, x.hi%10
	lo, rest := bits.Div64(rest, x.lo, 10)
	return uint128{hi, lo}, rest
}

// digits counts the decimal digits of x; zero has none.
func (x uint128) digits() int {
	length := 64 + bits.Len64(x.hi)
	if x.hi == 0 {
		length = bits.Len64(x.lo)
	}
	n := length * 1233 >> 12 // log10(2) = 1233/4096, close enough for 128 bits
	if x.less(power10(n)) {
		return n
	}
	return n + 1
}

// powers holds 10^0 to 10^77, every power of ten that fits 256 bits.
var powers = func() (table [78]uint256.Int) {
	table[0].SetOne()
	for i := 1; i < len(table); i++ {
		table[i].Mul(&table[i-1], uint256.NewInt(10))
	}
	return table
}()

// power10 is 10^n for n from 0 to maxDigits.
func power10(n int) uint128 { return uint128{powers[n][1], powers[n][0]} }
