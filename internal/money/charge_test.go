package money_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sellthrough/internal/money"
)

// usd is a charge in dollars without exchange.
func usd(unit, quantity string) money.Charge {
	return money.Charge{
		UnitPrice: money.MustParse(unit), Quantity: money.MustParse(quantity), Rate: money.New(1, 0),
		Pricing: "USD", Billing: "USD",
	}
}

func prorated(c money.Charge, numerator, denominator int64) money.Charge {
	c.Numerator, c.Denominator = numerator, denominator
	return c
}

// The worked examples of the published documents, by their number in the rules
// (G18 ...); the formulas are those of rule D11.
func TestWorkedExamples(t *testing.T) {
	exchanged := usd("0.125", "100")
	exchanged.Rate, exchanged.Billing = money.MustParse("154.123"), "JPY"
	pennies := usd("0.999", "1") // 0.99 in the pricing currency
	pennies.Rate, pennies.Billing = money.MustParse("1.5"), "EUR"
	seats := usd("2.999", "100")

	for _, test := range []struct {
		name   string
		charge money.Charge
		policy money.Policy
		want   string
		exact  string
	}{
		{"G18 seats", usd("10.08", "10"), money.Truncate, "100.80", "100.8"},
		{"G18 credit of the old seats", prorated(usd("10.08", "-10"), 28, 30), money.Truncate, "-94.08", "-94.08"},
		{"G18 charge of the new seats", prorated(usd("10.08", "12"), 28, 30), money.Truncate, "112.89", "112.896"},
		{"G18 removal, credit", prorated(usd("10.08", "-12"), 28, 30), money.Truncate, "-112.89", "-112.896"},
		{"G18 removal, charge", prorated(usd("10.08", "8"), 28, 30), money.Truncate, "75.26", "75.264"},
		{"G22 tier, truncated", usd("2.5415", "32"), money.Truncate, "81.32", "81.328"},
		{"G22 tier, as published", usd("2.5415", "32"), money.HalfUp, "81.33", "81.328"},
		{"G23 overage", usd("0.1", "50"), money.Truncate, "5.00", "5"},
		{"G24 discount", usd("14.4", "50"), money.Truncate, "720.00", "720"},
		{"G25 marketplace plan", usd("820", "1"), money.Truncate, "820.00", "820"},
		{"G2 virtual machine", usd("1.14", "1"), money.Truncate, "1.14", "1.14"},
		{"exchange into a currency without minor unit", exchanged, money.Truncate, "1926", "1926.5375"},
		{"exchange, half up", exchanged, money.HalfUp, "1927", "1926.5375"},
		{"once: 1.4985", pennies, money.Truncate, "1.49", "1.4985"},
		{"twice: 0.99 x 1.5", pennies, money.TruncateTwice, "1.48", "1.4985"},
		{"once: 299.9", seats, money.Truncate, "299.90", "299.9"},
		{"unit first: 2.99 x 100", seats, money.TruncateUnit, "299.00", "299.9"},
		{"half up on a tie", usd("0.125", "1"), money.HalfUp, "0.13", "0.125"},
		{"half even on a tie, down", usd("0.125", "1"), money.HalfEven, "0.12", "0.125"},
		{"half even on a tie, up", usd("0.135", "1"), money.HalfEven, "0.14", "0.135"},
		{"no finite decimal", prorated(usd("1000", "1"), 1, 3), money.Truncate, "333.33", "1000/3"},
		{"decimal numerator", prorated(usd("10.1", "1"), 7, 30), money.Truncate, "2.35", "7.07/3"},
		{"proration of nothing", prorated(usd("10", "1"), 0, 30), money.Truncate, "0.00", "0"},
		{"trial", usd("0", "1"), money.Truncate, "0.00", "0"},
		{"less than a cent, negative", usd("0.009", "-1"), money.Truncate, "0.00", "-0.009"},
	} {
		got, err := test.charge.Round(test.policy)
		if err != nil || got.String() != test.want || test.charge.Exact() != test.exact {
			t.Errorf("%s: %s of exactly %s, %v; want %s of %s", test.name, got, test.charge.Exact(), err, test.want, test.exact)
		}
	}
}

// G1, G3, G4, G10 and the derived example, rule D13.
func TestFeeExamples(t *testing.T) {
	for _, test := range []struct{ rate, base, want string }{
		{"0.03", "10000", "3.00"}, {"0.2", "10000", "20.00"}, {"0.015", "10000", "1.50"}, {"0.03", "50000", "15.00"},
		{"0.03", "9000", "2.70"}, {"0.03", "150", "0.04"}, {"0.03", "250", "0.08"}, {"0.03", "-250", "-0.08"},
		{"0.03", "50", "0.02"}, {"0.5", "1", "0.00"}, {"0.5", "3", "0.02"}, {"0", "777", "0.00"},
		{"1", "9223372036854775807", "92233720368547758.07"},
	} {
		base, _ := new(big.Int).SetString(test.base, 10)
		got, err := money.Fee(money.MustParse(test.rate), money.Amount{Minor: base.Int64(), Currency: "USD"})
		if err != nil || got.String() != test.want {
			t.Errorf("%s of %s = %s, %v; want %s", test.rate, test.base, got, err, test.want)
		}
	}
	for _, rate := range []string{"-0.01", "1.01", "3"} {
		if _, err := money.Fee(money.MustParse(rate), money.Amount{Minor: 1, Currency: "USD"}); !errors.Is(err, money.ErrRate) {
			t.Errorf("rate %s: %v", rate, err)
		}
	}
}

func TestFeeAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := "0." + rapid.StringMatching(`[0-9]{1,38}`).Draw(t, "rate")
		base := money.Amount{Minor: rapid.Int64Min(-math.MaxInt64).Draw(t, "base"), Currency: "USD"}
		got, err := money.Fee(money.MustParse(rate), base)
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "fee", got.Decimal(), rounded(product(rat(t, rate), rat(t, base.String())), 2, "halfEven"))
		if back, _ := money.Fee(money.MustParse(rate), base.Neg()); back != got.Neg() {
			t.Fatalf("the fee of the reversal is %s, of the charge %s", back, got)
		}
	})
}

// Rule D16.
func TestExchangeRate(t *testing.T) {
	for _, test := range []struct{ pricing, billing, want string }{
		{"1", "1", "1"}, {"1.0842", "1.0842", "1"}, {"1", "3", "0.33333333333333333333"}, {"2", "3", "0.66666666666666666667"},
		{"1.0842", "0.0064", "169.40625"}, {"0.000000000000000000005", "1", ""}, {"0.000000000000000000015", "1", "0.00000000000000000002"},
		{"999999999999", "1", "999999999999"}, {"1000000000000", "1", ""}, {"1e37", "1e37", "1"}, {"1e-38", "1e-38", "1"},
		{"99999999999999999999999999999999999999", "0.00000000000000000000000000000000000001", ""},
	} {
		got, err := money.ExchangeRate(money.MustParse(test.pricing), money.MustParse(test.billing))
		if test.want == "" {
			if !errors.Is(err, money.ErrRange) {
				t.Errorf("%s / %s = %s, %v; want ErrRange", test.pricing, test.billing, got, err)
			}
			continue
		}
		if err != nil || got.String() != test.want {
			t.Errorf("%s / %s = %s, %v; want %s", test.pricing, test.billing, got, err, test.want)
		}
	}
	for _, pair := range [][2]string{{"0", "1"}, {"1", "0"}, {"-1", "1"}, {"1", "-1"}} {
		if _, err := money.ExchangeRate(money.MustParse(pair[0]), money.MustParse(pair[1])); !errors.Is(err, money.ErrRate) {
			t.Errorf("%v: %v", pair, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := decimalText(12, 20, false).Draw(t, "a"), decimalText(12, 20, false).Draw(t, "b")
		ra, rb := rat(t, a), rat(t, b)
		got, err := money.ExchangeRate(money.MustParse(a), money.MustParse(b))
		if ra.Sign() == 0 || rb.Sign() == 0 {
			if !errors.Is(err, money.ErrRate) {
				t.Fatal(err)
			}
			return
		}
		want := rounded(new(big.Rat).Quo(ra, rb), 20, "halfEven")
		if want.Sign() == 0 || want.Cmp(big.NewRat(1e12, 1)) >= 0 {
			if !errors.Is(err, money.ErrRange) {
				t.Fatalf("%s / %s = %s, %v", a, b, got, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, a+" / "+b, got, want)
	})
}

// drawCharge draws factors up to the limits of rule D11, and beyond them up to
// all 38 digits, where the products leave 256 bits.
func drawCharge(t *rapid.T) (c money.Charge, unit, quantity, rate, share *big.Rat) {
	shape := func(integer, fraction int, signed bool) *rapid.Generator[string] {
		return rapid.OneOf(decimalText(integer, fraction, signed), decimalText(3, 2, signed), decimalText(18, 20, signed), decimalText(0, 38, signed))
	}
	u := shape(money.PriceIntegerDigits, money.FractionDigits+4, true).Draw(t, "unit price")
	q := shape(money.QuantityIntegerDigits, money.FractionDigits, true).Draw(t, "quantity")
	r := shape(money.RateIntegerDigits, money.RateFractionDigits, false).Draw(t, "rate")
	if rat(t, r).Sign() == 0 {
		r = "1"
	}
	unit, quantity, rate, share = rat(t, u), rat(t, q), rat(t, r), big.NewRat(1, 1)
	currency := rapid.SampledFrom([]money.Currency{"USD", "JPY", "KWD", "CLF"})
	c = money.Charge{
		UnitPrice: money.MustParse(u), Quantity: money.MustParse(q), Rate: money.MustParse(r),
		Pricing: currency.Draw(t, "pricing"), Billing: currency.Draw(t, "billing"),
	}
	if rapid.Bool().Draw(t, "prorated") {
		c.Denominator = rapid.OneOf(rapid.Int64Range(1, 366), rapid.Int64Min(1)).Draw(t, "denominator")
		c.Numerator = rapid.Int64Range(0, c.Denominator).Draw(t, "numerator")
		share = big.NewRat(c.Numerator, c.Denominator)
	}
	return c, unit, quantity, rate, share
}

func TestRoundAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, unit, quantity, rate, share := drawCharge(t)
		pricing, billing := c.Pricing.MinorDigits(), c.Billing.MinorDigits()
		whole := product(unit, share, quantity, rate)
		want := map[money.Policy]*big.Rat{
			money.Truncate:      rounded(whole, billing, "down"),
			money.HalfUp:        rounded(whole, billing, "halfUp"),
			money.HalfEven:      rounded(whole, billing, "halfEven"),
			money.TruncateTwice: rounded(product(rounded(product(unit, share, quantity), pricing, "down"), rate), billing, "down"),
			money.TruncateUnit:  rounded(product(rounded(product(unit, share, rate), billing, "down"), quantity), billing, "down"),
		}
		limit := rat(t, money.Amount{Minor: math.MaxInt64, Currency: c.Billing}.String())
		reversal := c
		reversal.Quantity = c.Quantity.Neg()
		for _, policy := range money.Policies() {
			got, err := c.Round(policy)
			back, errBack := reversal.Round(policy)
			if new(big.Rat).Abs(want[policy]).Cmp(limit) > 0 {
				if !errors.Is(err, money.ErrRange) || !errors.Is(errBack, money.ErrRange) {
					t.Fatalf("%s of %+v: %s, %v; want ErrRange", policy, c, got, err)
				}
				continue
			}
			if err != nil || errBack != nil {
				t.Fatalf("%s of %+v: %v, %v", policy, c, err, errBack)
			}
			mustEqual(t, string(policy)+" of "+c.Exact(), got.Decimal(), want[policy])
			if back != got.Neg() {
				t.Fatalf("%s: the reversal of %s is %s", policy, got, back)
			}
		}
	})
}

func TestExactAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, unit, quantity, rate, share := drawCharge(t)
		whole := product(unit, share, quantity, rate)
		if numerator, denominator, infinite := strings.Cut(c.Exact(), "/"); infinite {
			d, _ := new(big.Int).SetString(denominator, 10)
			above := rat(t, numerator)
			if whole.Cmp(new(big.Rat).Quo(above, new(big.Rat).SetInt(d))) != 0 {
				t.Fatalf("%s is not %s", c.Exact(), whole)
			}
			tenth := new(big.Int).GCD(nil, nil, d, big.NewInt(10))
			common := new(big.Int).GCD(nil, nil, d, new(big.Int).Abs(above.Num()))
			if tenth.Int64() != 1 || common.Int64() != 1 || strings.HasSuffix(numerator, ".") {
				t.Fatalf("%s is not in lowest terms", c.Exact())
			}
		} else if text, ok := finite(whole); ok && text != c.Exact() {
			t.Fatalf("%s, want %s", c.Exact(), text)
		} else if rat(t, c.Exact()).Cmp(whole) != 0 {
			t.Fatalf("%s is not %s", c.Exact(), whole)
		}

		printed := product(unit, share)
		price := rat(t, c.ProratedUnitPrice())
		if price.Cmp(printed) != 0 && price.Cmp(rounded(printed, 15, "halfEven")) != 0 {
			t.Fatalf("%s is printed as %s", printed, c.ProratedUnitPrice())
		}
		if _, ok := finite(printed); ok && price.Cmp(printed) != 0 {
			t.Fatalf("%s is finite, but printed as %s", printed, c.ProratedUnitPrice())
		}
	})
}

func TestProratedUnitPrice(t *testing.T) {
	for _, test := range []struct {
		charge money.Charge
		want   string
	}{
		{usd("10.08", "12"), "10.08"},
		{prorated(usd("10.08", "12"), 28, 30), "9.408"},
		{prorated(usd("10.08", "12"), 28, 31), "9.104516129032258"},
		{prorated(usd("2", "1"), 1, 3), "0.666666666666667"},
		{prorated(usd("-2", "1"), 1, 3), "-0.666666666666667"},
		{prorated(usd("0.123456789012345", "1"), 1, 4), "0.03086419725308625"},
		{prorated(usd("1", "1"), 1, 0), ""},
	} {
		if got := test.charge.ProratedUnitPrice(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

// Factors at the limits of rule D11 make 93 digits, more than 256 bits hold;
// nothing of them is lost, and an amount that does not fit int64 is refused.
func TestRoundBeyond256Bits(t *testing.T) {
	widest := usd("999999999999.9999999999999999999", "999999999999999.999999999999999")
	widest.Rate = money.MustParse("999999999999.99999999999999999999")
	if got, err := widest.Round(money.Truncate); !errors.Is(err, money.ErrRange) {
		t.Error(got, err)
	}
	if _, fraction, _ := strings.Cut(widest.Exact(), "."); len(fraction) != 54 || len(widest.Exact()) != 93+1 {
		t.Errorf("not 93 digits, 54 of them after the point: %s", widest.Exact())
	}

	// 2 less 10^-37 to the third power is 8 less a little, in 112 digits.
	fine := usd("1.9999999999999999999999999999999999999", "1.9999999999999999999999999999999999999")
	fine.Rate = fine.UnitPrice
	for policy, want := range map[money.Policy]string{money.Truncate: "7.99", money.HalfUp: "8.00"} {
		if got, err := fine.Round(policy); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v; want %s", policy, got, err, want)
		}
	}
}

func TestRoundRefuses(t *testing.T) {
	change := func(f func(*money.Charge)) money.Charge {
		c := usd("1", "1")
		f(&c)
		return c
	}
	for _, test := range []struct {
		charge money.Charge
		policy money.Policy
		want   error
	}{
		{usd("1", "1"), "", money.ErrPolicy},
		{usd("1", "1"), "CEILING", money.ErrPolicy},
		{change(func(c *money.Charge) { c.Rate = money.Zero }), money.Truncate, money.ErrRate},
		{change(func(c *money.Charge) { c.Rate = money.New(-1, 0) }), money.Truncate, money.ErrRate},
		{prorated(usd("1", "1"), 1, 0), money.Truncate, money.ErrProration},
		{prorated(usd("1", "1"), -1, 2), money.Truncate, money.ErrProration},
		{prorated(usd("1", "1"), 1, -2), money.Truncate, money.ErrProration},
		{change(func(c *money.Charge) { c.Billing = "" }), money.Truncate, money.ErrCurrency},
		{change(func(c *money.Charge) { c.Pricing = "" }), money.TruncateTwice, money.ErrCurrency},
		{usd("92233720368547758.08", "1"), money.Truncate, money.ErrRange},
		{usd("92233720368547758.08", "-1"), money.Truncate, money.ErrRange},
	} {
		if got, err := test.charge.Round(test.policy); !errors.Is(err, test.want) || got != (money.Amount{}) {
			t.Errorf("%+v = %s, %v; want %v", test.charge, got, err, test.want)
		}
	}
	if _, err := change(func(c *money.Charge) { c.Pricing = "" }).Round(money.Truncate); err != nil {
		t.Error("only TRUNCATE_TWICE needs the pricing currency:", err)
	}
	if got := prorated(usd("1", "1"), 1, 0).Exact(); got != "" {
		t.Errorf("Exact of no proration is %q", got)
	}
	for _, policy := range money.Policies() {
		if got, err := money.ParsePolicy(string(policy)); got != policy || err != nil {
			t.Error(got, err)
		}
	}
}
