package money_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sellthrough/internal/money"
)

var nines = strings.Repeat("9", 38)

func TestParse(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"0", "0"}, {"-0", "0"}, {"0.000", "0"}, {"0e999999999999999999999", "0"},
		{"12.50", "12.5"}, {"-12.5", "-12.5"}, {"007", "7"}, {"100.00", "100"},
		{"4e-7", "0.0000004"}, {"1E3", "1000"}, {"1e+3", "1000"}, {"12.5e1", "125"}, {"-1.50e-2", "-0.015"},
		{"0.447290000000000", "0.44729"}, {"820", "820"},
		{nines, nines}, {"-0." + nines, "-0." + nines},
		{"1e37", "1" + strings.Repeat("0", 37)},
		{"1." + strings.Repeat("0", 60), "1"}, {strings.Repeat("0", 60) + "1", "1"},
		{"0." + strings.Repeat("0", 60) + "1e60", "0.1"},
		{"18446744073709551616", "18446744073709551616"},
		{"10000000000000000000", "10000000000000000000"},
		{"123456789012345678901234567890.12345678", "123456789012345678901234567890.12345678"},
	} {
		got, err := money.Parse(test.text)
		if err != nil || got.String() != test.want {
			t.Errorf("Parse(%q) = %v, %v; want %s", test.text, got, err, test.want)
		}
		if back, err := money.ParseBytes([]byte(got.String())); err != nil || back != got {
			t.Errorf("%s is not the one representation: %#v, %#v", test.want, back, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "-", ".", "+1", "--1", ".5", "5.", "-.5", "1e", "1e+", "e5", "1.e5", " 1", "1 ", "1_000", "1,000", "1.2.3",
		"0x10", "NaN", "Inf", "-inf", "١", "1\x00", "1e1.5", "\"1\"", "$1", "1/3",
	} {
		if d, err := money.Parse(text); !errors.Is(err, money.ErrSyntax) || !d.IsZero() {
			t.Errorf("Parse(%q) = %v, %v; want ErrSyntax", text, d, err)
		}
	}
	for _, text := range []string{
		"1" + nines, "0.1" + nines, "1e38", "1e-39", "1e999999999999999999999", "-1e-999999999999999999999",
		"1" + strings.Repeat("0", 38), "1." + strings.Repeat("0", 38) + "1", nines + ".1",
	} {
		if d, err := money.Parse(text); !errors.Is(err, money.ErrRange) || !d.IsZero() {
			t.Errorf("Parse(%q) = %v, %v; want ErrRange", text, d, err)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	long := strings.Repeat("1", 60)
	_, syntax := money.Parse("12,5\n")
	_, tooLong := money.Parse(long)
	_, decimals := money.ParsePercentage("12.505")
	_, margin := money.ParsePercentage("100.01")
	_, code := money.ParseCurrency("usd")
	_, policy := money.ParsePolicy("CEILING")
	_, mismatch := money.Amount{Minor: 1, Currency: "USD"}.Add(money.Amount{Minor: 1, Currency: "EUR"})
	for _, test := range []struct {
		err  error
		want string
	}{
		{syntax, `"12,5\n": not a decimal number`},
		{tooLong, long[:48] + "…: more than 38 digits"},
		{money.MustParse("1234567890123.5").Check(money.PriceIntegerDigits, money.FractionDigits), "1234567890123.5: more than 12 integer digits"},
		{money.MustParse("0.1234567890123456").Check(money.PriceIntegerDigits, money.FractionDigits), "0.1234567890123456: more than 15 fraction digits"},
		{decimals, "12.505: more than 2 decimals"},
		{margin, "100.01: not between 0.01 and 100"},
		{code, `"usd": not an ISO 4217 currency code`},
		{policy, `"CEILING": not a rounding policy`},
		{mismatch, `amounts of two currencies are never combined: "USD" and "EUR"`},
	} {
		if test.err == nil || test.err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", test.err, test.want)
		}
	}
}

func TestNew(t *testing.T) {
	for _, test := range []struct {
		got  money.Decimal
		want string
	}{
		{money.New(125, 1), "12.5"}, {money.New(-500, 2), "-5"}, {money.New(0, 9), "0"},
		{money.New(math.MinInt64, 0), "-9223372036854775808"}, {money.New(math.MaxInt64, 38), "0.00000000000000000009223372036854775807"},
		{money.New(10, 39), "0." + strings.Repeat("0", 37) + "1"}, {money.Decimal{}, "0"}, {money.Zero, "0"},
	} {
		if test.got.String() != test.want || test.got != money.MustParse(test.want) {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
}

func TestDigits(t *testing.T) {
	for _, test := range []struct {
		text              string
		integer, fraction int
	}{
		{"0", 0, 0}, {"0.5", 0, 1}, {"0.05", 0, 2}, {"1", 1, 0}, {"-10.25", 2, 2}, {"1e37", 38, 0},
		{"999999999999.123456789012345", 12, 15}, {"18446744073709551615", 20, 0}, {"18446744073709551616", 20, 0},
		{nines, 38, 0}, {"1e-38", 0, 38},
	} {
		d := money.MustParse(test.text)
		if d.IntegerDigits() != test.integer || d.FractionDigits() != test.fraction {
			t.Errorf("%s has %d and %d digits", test.text, d.IntegerDigits(), d.FractionDigits())
		}
		if !d.Fits(test.integer, test.fraction) || d.Fits(test.integer-1, test.fraction) || d.Fits(test.integer, test.fraction-1) {
			t.Errorf("Fits does not agree for %s", test.text)
		}
		if d.Check(test.integer, test.fraction) != nil || !errors.Is(d.Check(test.integer, test.fraction-1), money.ErrRange) {
			t.Errorf("Check does not agree for %s", test.text)
		}
	}
	for n, power := 1, "1"; n <= 38; n, power = n+1, power+"0" {
		if got := money.MustParse(power).IntegerDigits(); got != n {
			t.Errorf("10^%d has %d digits", n-1, got)
		}
		if got := money.MustParse(nines[:n]).IntegerDigits(); got != n {
			t.Errorf("10^%d - 1 has %d digits", n, got)
		}
	}
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := anyDecimal().Draw(t, "text")
		d, err := money.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "Parse", d, rat(t, text))
		if back := money.MustParse(d.String()); back != d {
			t.Fatalf("%s came back as %s", d, back)
		}
		if got := string(d.AppendTo([]byte("is "))); got != "is "+d.String() {
			t.Fatalf("AppendTo wrote %q", got)
		}
		var fromJSON, fromNumber, scanned money.Decimal
		data, err := json.Marshal(d)
		if err != nil || string(data) != `"`+d.String()+`"` {
			t.Fatalf("JSON %s, %v", data, err)
		}
		value, err := d.Value()
		for _, err := range []error{err, json.Unmarshal(data, &fromJSON), json.Unmarshal([]byte(d.String()), &fromNumber), scanned.Scan(value)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if fromJSON != d || fromNumber != d || scanned != d {
			t.Fatalf("%s came back as %s, %s, %s", d, fromJSON, fromNumber, scanned)
		}
	})
}

func TestArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyDecimal().Draw(t, "a")
		b := rapid.OneOf(anyDecimal(), decimalText(15, 15, true), rapid.Just(a)).Draw(t, "b")
		x, y, rx, ry := money.MustParse(a), money.MustParse(b), rat(t, a), rat(t, b)

		check := func(operator string, want *big.Rat) func(money.Decimal, error) {
			return func(got money.Decimal, err error) {
				switch {
				case representable(want) && err != nil:
					t.Fatalf("%s %s %s: %v", a, operator, b, err)
				case representable(want):
					mustEqual(t, a+operator+b, got, want)
					if back := money.MustParse(got.String()); back != got {
						t.Fatalf("%s is not in canonical form", got)
					}
				case !errors.Is(err, money.ErrRange) || got != money.Zero:
					t.Fatalf("%s %s %s = %s, %v; want ErrRange", a, operator, b, got, err)
				}
			}
		}
		check("+", new(big.Rat).Add(rx, ry))(x.Add(y))
		check("-", new(big.Rat).Sub(rx, ry))(x.Sub(y))
		check("*", new(big.Rat).Mul(rx, ry))(x.Mul(y))
		check("neg", new(big.Rat).Neg(rx))(x.Neg(), nil)
		if got, want := x.Cmp(y), rx.Cmp(ry); got != want || (x == y) != (want == 0) {
			t.Fatalf("%s Cmp %s = %d, want %d", a, b, got, want)
		}
		if x.Sign() != rx.Sign() || x.IsZero() != (rx.Sign() == 0) {
			t.Fatalf("sign of %s", a)
		}
	})
}

func TestJSONRefuses(t *testing.T) {
	for _, data := range []string{`null`, `true`, `""`, `"1\u0030"`, `{}`, `[1]`, `"`, `"1`, `1"`} {
		var d money.Decimal
		if err := d.UnmarshalJSON([]byte(data)); !errors.Is(err, money.ErrSyntax) {
			t.Errorf("UnmarshalJSON(%s) = %v, %v", data, d, err)
		}
	}
	var optional struct{ Price *money.Decimal }
	if err := json.Unmarshal([]byte(`{"Price":null}`), &optional); err != nil || optional.Price != nil {
		t.Error("a *Decimal takes null", err)
	}
	if err := json.Unmarshal([]byte(`{"Price":0.1000000000000000055511151231257827}`), &optional); err != nil ||
		optional.Price.String() != "0.1000000000000000055511151231257827" {
		t.Error("a JSON number is read exactly", optional.Price, err)
	}
}

func TestScan(t *testing.T) {
	var d money.Decimal
	for _, value := range []any{"12.500", []byte("12.500000000000000")} {
		if err := d.Scan(value); err != nil || d != money.New(125, 1) {
			t.Error(d, err)
		}
	}
	if err := d.Scan(int64(math.MinInt64)); err != nil || d.String() != "-9223372036854775808" {
		t.Error(d, err)
	}
	for _, value := range []any{nil, true, floating()} {
		if err := d.Scan(value); !errors.Is(err, money.ErrSyntax) {
			t.Errorf("Scan(%v) = %v", value, err)
		}
	}
}

// floating is what a driver hands out for a DOUBLE column.
func floating() any {
	var value any
	_ = json.Unmarshal([]byte("12.5"), &value)
	return value
}

func TestDecimalIsAMapKey(t *testing.T) {
	seen := map[money.Decimal]int{}
	for _, text := range []string{"1", "1.0", "1e0", "0.1e1", "10e-1"} {
		seen[money.MustParse(text)]++
	}
	if len(seen) != 1 {
		t.Error(seen)
	}
}

func TestMustParsePanics(t *testing.T) {
	for _, f := range []func(){func() { money.MustParse("one") }, func() { money.New(1, 39) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
}
