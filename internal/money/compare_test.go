package money_test

import (
	"math/big"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/quagmt/udecimal"
	"github.com/shopspring/decimal"

	"sellthrough/internal/money"
)

// The libraries of docs/adr/0001, with the same charge: list price × (1 -
// margin) × quantity × exchange rate, truncated to cents.

type chargeText struct{ list, margin, kept, quantity, rate, want string } // kept is 1 - margin

var compared = map[string]chargeText{
	"usual":  {"100.00", "10", "0.9", "12.5", "1.0842", "1219.72"},
	"digits": {"1234567.123456789012345", "11.25", "0.8875", "54321.543210987654321", "1.01234567890123456789", "60253739006.21"},
}

func apdNumber(t testing.TB, text string) *apd.Decimal {
	d, _, err := apd.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func bigInt(t testing.TB, text string) (*big.Int, int) {
	d := apdNumber(t, text)
	return d.Coeff.MathBigInt(), int(-d.Exponent)
}

// uNumber cuts a text to the 19 fraction digits that udecimal can read.
func uNumber(t testing.TB, text string) udecimal.Decimal {
	if d, err := udecimal.Parse(text); err == nil {
		return d
	}
	d, err := udecimal.Parse(text[:len(text)-1])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func BenchmarkDecimalLibraries(b *testing.B) {
	for name, c := range compared {
		var got string
		check := func(b *testing.B) {
			if got != c.want {
				b.Fatalf("got %s, want %s", got, c.want)
			}
		}
		b.Run(name+"/sellthrough", func(b *testing.B) {
			list, quantity, rate := money.MustParse(c.list), money.MustParse(c.quantity), money.MustParse(c.rate)
			margin, err := money.ParsePercentage(c.margin)
			b.ReportAllocs()
			var a money.Amount
			for b.Loop() {
				unit, _ := money.EffectiveUnitPrice(list, margin)
				a, err = money.Charge{UnitPrice: unit, Quantity: quantity, Rate: rate, Billing: "USD"}.Round(money.Truncate)
			}
			answer(b, a, err, c.want)
		})
		b.Run(name+"/apd", func(b *testing.B) {
			context := apd.BaseContext.WithPrecision(100)
			context.Rounding = apd.RoundDown
			list, kept, quantity, rate := apdNumber(b, c.list), apdNumber(b, c.kept), apdNumber(b, c.quantity), apdNumber(b, c.rate)
			b.ReportAllocs()
			var d apd.Decimal
			for b.Loop() {
				_, _ = context.Mul(&d, list, kept)
				_, _ = context.Mul(&d, &d, quantity)
				_, _ = context.Mul(&d, &d, rate)
				_, _ = context.Quantize(&d, &d, -2)
			}
			got = d.Text('f')
			check(b)
		})
		b.Run(name+"/shopspring", func(b *testing.B) {
			list, kept, quantity, rate := decimal.RequireFromString(c.list), decimal.RequireFromString(c.kept),
				decimal.RequireFromString(c.quantity), decimal.RequireFromString(c.rate)
			b.ReportAllocs()
			var d decimal.Decimal
			for b.Loop() {
				d = list.Mul(kept).Mul(quantity).Mul(rate).Truncate(2)
			}
			got = d.StringFixed(2)
			check(b)
		})
		b.Run(name+"/udecimal", func(b *testing.B) { // not exact beyond 19 fraction digits
			list, kept, quantity, rate := uNumber(b, c.list), uNumber(b, c.kept), uNumber(b, c.quantity), uNumber(b, c.rate)
			b.ReportAllocs()
			var d udecimal.Decimal
			for b.Loop() {
				d = list.Mul(kept).Mul(quantity).Mul(rate).Trunc(2)
			}
			got = d.StringFixed(2)
			check(b)
		})
		b.Run(name+"/math-big", func(b *testing.B) {
			list, scale1 := bigInt(b, c.list)
			kept, scale2 := bigInt(b, c.kept)
			quantity, scale3 := bigInt(b, c.quantity)
			rate, scale4 := bigInt(b, c.rate)
			divisor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale1+scale2+scale3+scale4-2)), nil)
			b.ReportAllocs()
			var minor int64
			for b.Loop() {
				p := new(big.Int).Mul(list, kept)
				p.Mul(p, quantity)
				p.Mul(p, rate)
				p.Quo(p, divisor)
				minor = p.Int64()
			}
			got = money.Amount{Minor: minor, Currency: "USD"}.String()
			check(b)
		})
	}
}

// TestUdecimalCutsInSilence is why the fastest of them is not used: a product
// keeps 19 fraction digits, and nobody is told. Here it costs the whole line.
func TestUdecimalCutsInSilence(t *testing.T) {
	const unit, quantity, rate = "0.0009765625", "0.0009765625", "10485.76" // 2^-10, 2^-10, 2^20 / 100
	factor := udecimal.MustParse(unit)
	if product := factor.Mul(udecimal.MustParse(quantity)).String(); product != "0.0000009536743164062" { // ...40625
		t.Errorf("udecimal keeps %s: read ADR 0001 again", product)
	}
	if cut := factor.Mul(udecimal.MustParse(quantity)).Mul(udecimal.MustParse(rate)).Trunc(2); !cut.IsZero() {
		t.Errorf("udecimal is exact here (%s): read ADR 0001 again", cut)
	}
	if _, err := udecimal.Parse("0.33333333333333333333"); err == nil {
		t.Error("udecimal reads a rate of 20 fraction digits: read ADR 0001 again")
	}
	c := usd(unit, quantity)
	c.Rate = money.MustParse(rate)
	if got, err := c.Round(money.Truncate); err != nil || got.String() != "0.01" || c.Exact() != "0.01" {
		t.Errorf("ours is %s, %v", got, err)
	}
}
