package money_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sellthrough/internal/money"
)

// The oracle computes with math/big.Rat and shares no code with the package:
// it reads the text of decimals, and rounds by its own rule.

func rat(t interface{ Fatalf(string, ...any) }, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("the oracle cannot read %q", text)
	}
	return r
}

func product(factors ...*big.Rat) *big.Rat {
	p := big.NewRat(1, 1)
	for _, f := range factors {
		p.Mul(p, f)
	}
	return p
}

// rounded is r with so many fraction digits, by "down", "halfUp" or "halfEven".
func rounded(r *big.Rat, digits int, how string) *big.Rat {
	shift := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	scaled := product(r, shift)
	scaled.Abs(scaled)
	whole := new(big.Int).Quo(scaled.Num(), scaled.Denom())
	fraction := new(big.Rat).Sub(scaled, new(big.Rat).SetInt(whole))
	half := fraction.Cmp(big.NewRat(1, 2))
	if how == "halfUp" && half >= 0 || how == "halfEven" && (half > 0 || half == 0 && whole.Bit(0) == 1) {
		whole.Add(whole, big.NewInt(1))
	}
	if r.Sign() < 0 {
		whole.Neg(whole)
	}
	return new(big.Rat).Quo(new(big.Rat).SetInt(whole), shift)
}

// decimalText draws a decimal with up to that many digits before and after the
// point, often the largest, often with zeros at its ends.
func decimalText(integer, fraction int, signed bool) *rapid.Generator[string] {
	digits := func(t *rapid.T, label string, longest int) string {
		return rapid.OneOf(
			rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), 0, longest, -1),
			rapid.Just(strings.Repeat("9", longest)),
			rapid.StringOfN(rapid.RuneFrom([]rune("05")), 0, min(longest, 4), -1),
		).Draw(t, label)
	}
	return rapid.Custom(func(t *rapid.T) string {
		text := digits(t, "integer", integer)
		if text == "" {
			text = "0"
		}
		if after := digits(t, "fraction", fraction); after != "" {
			text += "." + after
		}
		if signed && rapid.Bool().Draw(t, "negative") {
			text = "-" + text
		}
		return text
	})
}

// anyDecimal fits 38 digits in all, split in every way.
func anyDecimal() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		fraction := rapid.IntRange(0, 38).Draw(t, "fraction digits")
		return decimalText(38-fraction, fraction, true).Draw(t, "decimal")
	})
}

// representable tells whether a Decimal can hold r, by its definition.
func representable(r *big.Rat) bool {
	text, exact := finite(r)
	if !exact {
		return false
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	whole = strings.TrimLeft(whole, "0")
	significant := strings.TrimLeft(whole+fraction, "0")
	return len(fraction) <= 38 && len(significant) <= 38
}

// finite writes r as the shortest plain decimal, and tells whether it is one.
func finite(r *big.Rat) (string, bool) {
	const enough = 200
	text := r.FloatString(enough)
	back, _ := new(big.Rat).SetString(text)
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	if text == "-0" {
		text = "0"
	}
	return text, back.Cmp(r) == 0
}

func mustEqual(t *rapid.T, what string, got money.Decimal, want *big.Rat) {
	t.Helper()
	if text, _ := finite(want); got.String() != text {
		t.Fatalf("%s = %s, want %s", what, got, text)
	}
}

func TestRepresentableIsRight(t *testing.T) {
	for text, want := range map[string]bool{
		"1e37": true, "1e38": false, "1e-38": true, "1e-39": false, "1/3": false,
		"99999999999999999999999999999999999999": true, "-0.00000000000000000000000000000000000001": true,
		"10000000000000000000.0000000000000000001": false,
	} {
		if got := representable(rat(t, text)); got != want {
			t.Errorf("representable(%s) = %v", text, got)
		}
	}
}
