package money

import (
	"math/big"

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
		var product uint256.Int
		if _, overflow := product.MulOverflow(&x.small, y); !overflow {
			x.small = product
			return
		}
	}
	x.large = new(big.Int).Mul(x.toBig(), y.ToBig())
}

// timesPower10 multiplies x by 10^n, n >= 0.
func (x *wide) timesPower10(n int) {
	for ; n > 0; n -= len(powers) - 1 {
		x.times(&powers[min(n, len(powers)-1)])
	}
}

// divide is x / divisor, rounded to a whole number; the divisor is not 0.
func (x *wide) divide(divisor *wide, to direction) wide {
	if x.large != nil || divisor.large != nil {
		return divideBig(x.toBig(), divisor.toBig(), to)
	}
	var quotient, rest, lack uint256.Int
	quotient.DivMod(&x.small, &divisor.small, &rest)
	lack.Sub(&divisor.small, &rest) // rest ? lack is 2 × rest ? divisor without overflow
	if to.awayFromZero(rest.Cmp(&lack), quotient[0]&1 == 1) {
		quotient.AddUint64(&quotient, 1)
	}
	return wide{small: quotient}
}

func divideBig(x, divisor *big.Int, to direction) wide {
	quotient, rest := new(big.Int).QuoRem(x, divisor, new(big.Int))
	lack := new(big.Int).Sub(divisor, rest)
	if to.awayFromZero(rest.Cmp(lack), quotient.Bit(0) == 1) {
		quotient.Add(quotient, big.NewInt(1))
	}
	if small, overflow := uint256.FromBig(quotient); !overflow {
		return wide{small: *small}
	}
	return wide{large: quotient}
}
