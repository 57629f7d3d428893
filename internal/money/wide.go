package money

import (
	"math/big"
	"math/bits"

	"github.com/holiman/uint256"
)

// wide is a non-negative integer of any size: 256 bits in place, and math/big
// for the rare product beyond them, so that nothing is ever cut.
type wide struct {
	small uint256.Int
	large *big.Int // never changed once set; nil while small is enough
}

// toBig is the same number as a big.Int, which the caller may not change.
func (x *wide) toBig() *big.Int {
	if x.large != nil {
		return x.large
	}
	return x.small.ToBig()
}

// times multiplies x by y.
func (x *wide) times(y *uint256.Int) {
	if x.large == nil {
		if x.small.IsUint64() && y.IsUint64() { // most of them
			x.small[1], x.small[0] = bits.Mul64(x.small[0], y[0])
			return
		}
		var product uint256.Int
		if _, overflow := product.MulOverflow(&x.small, y); !overflow {
			x.small = product
			return
		}
	}
	x.large = new(big.Int).Mul(x.toBig(), y.ToBig())
}

// timesPower10 multiplies x by 10^n; nothing happens for n <= 0.
func (x *wide) timesPower10(n int) {
	for ; n > 0; n -= len(powers) - 1 {
		x.times(&powers[min(n, len(powers)-1)])
	}
}

// divide divides x by a divisor that is not 0, rounded to a whole number.
func (x *wide) divide(divisor *wide, to direction) {
	if x.large != nil || divisor.large != nil {
		x.divideBig(divisor.toBig(), to)
		return
	}
	var rest, lack uint256.Int
	x.small.DivMod(&x.small, &divisor.small, &rest)
	if to == down {
		return
	}
	lack.Sub(&divisor.small, &rest) // rest ? lack is 2 × rest ? divisor without overflow
	if to.awayFromZero(rest.Cmp(&lack), x.small[0]&1 == 1) {
		x.small.AddUint64(&x.small, 1)
	}
}

func (x *wide) divideBig(divisor *big.Int, to direction) {
	quotient, rest := new(big.Int).QuoRem(x.toBig(), divisor, new(big.Int))
	lack := new(big.Int).Sub(divisor, rest)
	if to.awayFromZero(rest.Cmp(lack), quotient.Bit(0) == 1) {
		quotient.Add(quotient, big.NewInt(1))
	}
	x.large = quotient
	if !x.small.SetFromBig(quotient) { // it fits 256 bits again
		x.large = nil
	}
}
