package money_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"sellthrough/internal/money"
)

func TestCurrency(t *testing.T) {
	for code, digits := range map[string]int{
		"USD": 2, "EUR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "CLF": 4, "TWD": 2, "RUB": 2, "HRK": 2,
		"": -1, "usd": -1, "US": -1, "USDX": -1, "XXX": -1, "XAU": -1,
	} {
		c, err := money.ParseCurrency(code)
		if digits < 0 {
			if !errors.Is(err, money.ErrCurrency) || c != "" || money.Currency(code).Valid() || money.Currency(code).MinorDigits() != -1 {
				t.Errorf("%q is taken: %v, %v", code, c, err)
			}
			continue
		}
		if err != nil || string(c) != code || c.MinorDigits() != digits {
			t.Errorf("%q has %d digits, %v", code, c.MinorDigits(), err)
		}
	}
}

func TestAmountTexts(t *testing.T) {
	for _, test := range []struct {
		amount       money.Amount
		text, number string
	}{
		{money.Amount{Minor: 12000, Currency: "USD"}, "120.00", "120"},
		{money.Amount{Minor: 120, Currency: "JPY"}, "120", "120"},
		{money.Amount{Minor: 1, Currency: "KWD"}, "0.001", "0.001"},
		{money.Amount{Minor: -5, Currency: "USD"}, "-0.05", "-0.05"},
		{money.Amount{Minor: 0, Currency: "USD"}, "0.00", "0"},
		{money.Amount{Minor: math.MaxInt64, Currency: "USD"}, "92233720368547758.07", "92233720368547758.07"},
		{money.Amount{Minor: 7, Currency: "nobody's"}, "7", "7"},
	} {
		if test.amount.String() != test.text || test.amount.Decimal().String() != test.number ||
			string(test.amount.AppendTo([]byte("x"))) != "x"+test.text {
			t.Errorf("%+v is %s, %s", test.amount, test.amount, test.amount.Decimal())
		}
	}
}

func TestAmountArithmetic(t *testing.T) {
	usd := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "USD"} }

	var mismatch *money.MismatchError
	if _, err := usd(1).Add(money.Amount{Minor: 1, Currency: "EUR"}); !errors.As(err, &mismatch) || mismatch.A != "USD" || mismatch.B != "EUR" {
		t.Error(err)
	}
	if _, err := usd(1).Sub(money.Amount{}); !errors.As(err, &mismatch) {
		t.Error("an amount without currency is no zero", err)
	}

	edge := rapid.OneOf(rapid.Int64Min(-math.MaxInt64), rapid.Int64Range(math.MaxInt64-2, math.MaxInt64),
		rapid.Int64Range(-math.MaxInt64, -math.MaxInt64+2), rapid.Int64Range(-2, 2))
	rapid.Check(t, func(t *rapid.T) {
		a, b := usd(edge.Draw(t, "a")), usd(edge.Draw(t, "b"))
		check := func(got money.Amount, err error, want money.Decimal) {
			limit := money.New(math.MaxInt64, 2)
			if want.Cmp(limit) > 0 || want.Cmp(limit.Neg()) < 0 {
				if !errors.Is(err, money.ErrRange) {
					t.Fatalf("%s, %s: %v", a, b, err)
				}
				return
			}
			if err != nil || got.Decimal() != want || got.Currency != "USD" {
				t.Fatalf("%s, %s: %s, %v", a, b, got, err)
			}
		}
		x, y := a.Decimal(), b.Decimal()
		sum, err := a.Add(b)
		want, _ := x.Add(y)
		check(sum, err, want)
		difference, err := a.Sub(b)
		want, _ = x.Sub(y)
		check(difference, err, want)
		check(a.Neg(), nil, x.Neg())
		if a.Sign() != x.Sign() || a.IsZero() != x.IsZero() {
			t.Fatal("sign of", a)
		}
	})
}
