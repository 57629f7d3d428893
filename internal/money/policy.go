package money

// Policy names the way in which a charge becomes an amount (rule D11). It is
// stored on the line, so a line can always be computed again.
type Policy string

// The policies; docs/money.md has their formulas and sources.
const (
	Truncate      Policy = "TRUNCATE"       // the product, cut toward zero once
	TruncateTwice Policy = "TRUNCATE_TWICE" // cut in pricing currency, then in billing currency
	TruncateUnit  Policy = "TRUNCATE_UNIT"  // the unit price is cut first, then multiplied
	HalfUp        Policy = "HALF_UP"        // the product, to the nearest, halves away from zero
	HalfEven      Policy = "HALF_EVEN"      // the product, to the nearest, halves to the even neighbour

	DefaultPolicy = Truncate
)

// Policies lists all policies, the default first.
func Policies() []Policy {
	return []Policy{Truncate, TruncateTwice, TruncateUnit, HalfUp, HalfEven}
}

// ParsePolicy reads the name of a policy. ErrPolicy for any other text.
func ParsePolicy(s string) (Policy, error) {
	if p := Policy(s); p.Valid() {
		return p, nil
	}
	return "", refuse(s, ErrPolicy, "")
}

// Valid reports whether p is one of the named policies; "" is none.
func (p Policy) Valid() bool {
	switch p {
	case Truncate, TruncateTwice, TruncateUnit, HalfUp, HalfEven:
		return true
	}
	return false
}

// direction says where a quotient that is no whole number goes.
type direction uint8

const (
	down     direction = iota // toward zero
	halfUp                    // nearest, halves away from zero
	halfEven                  // nearest, halves to the even neighbour
)

// awayFromZero decides on a quotient, by what is left over compared with half
// the divisor (-1, 0, 1) and by whether the quotient is odd.
func (d direction) awayFromZero(half int, odd bool) bool {
	switch d {
	case halfUp:
		return half >= 0
	case halfEven:
		return half > 0 || half == 0 && odd
	}
	return false
}
