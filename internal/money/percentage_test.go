package money_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sellthrough/internal/money"
)

func TestParsePercentage(t *testing.T) {
	for _, test := range []struct {
		text string
		want money.Percentage
		err  error
	}{
		{"12.5", 1250, nil}, {"0.01", 1, nil}, {"100", 10000, nil}, {"10.00", 1000, nil}, {"33.33", 3333, nil}, {"1e1", 1000, nil},
		{"0", 0, money.ErrPercentageRange}, {"-5", 0, money.ErrPercentageRange}, {"100.01", 0, money.ErrPercentageRange},
		{"1e30", 0, money.ErrPercentageRange}, {"100.001", 0, money.ErrPercentageRange},
		{"0.001", 0, money.ErrPercentageDecimals}, {"12.505", 0, money.ErrPercentageDecimals},
		{"", 0, money.ErrSyntax}, {"12.5%", 0, money.ErrSyntax}, {"1e99", 0, money.ErrRange},
	} {
		got, err := money.ParsePercentage(test.text)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("ParsePercentage(%q) = %d, %v", test.text, got, err)
		}
	}
}

func TestPercentageTexts(t *testing.T) {
	for p := money.Percentage(1); p <= 10000; p++ {
		if back, err := money.ParsePercentage(p.String()); back != p || err != nil || !p.Valid() {
			t.Fatalf("%d became %q, %d, %v", p, p, back, err)
		}
	}
	for _, p := range []money.Percentage{0, -1, 10001} {
		if p.Valid() {
			t.Errorf("%d is valid", p)
		}
	}
	var both struct{ Text, Number money.Percentage }
	if err := json.Unmarshal([]byte(`{"Text":"12.5","Number":12.5}`), &both); err != nil || both.Text != 1250 || both.Number != 1250 {
		t.Error(both, err)
	}
	if data, err := json.Marshal(both); err != nil || string(data) != `{"Text":"12.5","Number":"12.5"}` {
		t.Errorf("%s, %v", data, err)
	}
	if text, err := both.Text.MarshalText(); err != nil || string(text) != "12.5" {
		t.Errorf("%s, %v", text, err)
	}
	if err := json.Unmarshal([]byte(`{"Text":"12.555"}`), &both); !errors.Is(err, money.ErrPercentageDecimals) {
		t.Error(err)
	}
}

// Rule D6: list × (1 - m/100), exact.
func TestEffectiveUnitPrice(t *testing.T) {
	for _, test := range []struct {
		list string
		p    money.Percentage
		want string
	}{
		{"100.00", 1000, "90"}, {"16", 1000, "14.4"}, {"2.99", 1500, "2.5415"}, {"820", 0, "820"}, {"820", 10000, "0"},
		{"0.123456789012345", 1, "0.1234444433334437655"}, {"999999999999.999999999999999", 3333, "666699999999.9999999999999993333"},
	} {
		got, err := money.EffectiveUnitPrice(money.MustParse(test.list), test.p)
		if err != nil || got.String() != test.want {
			t.Errorf("%s less %s %% = %s, %v; want %s", test.list, test.p, got, err, test.want)
		}
	}
	for _, p := range []money.Percentage{-1, 10001} {
		if _, err := money.EffectiveUnitPrice(money.New(1, 0), p); !errors.Is(err, money.ErrRange) {
			t.Error(p, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		list := decimalText(money.PriceIntegerDigits, money.FractionDigits, false).Draw(t, "list")
		p := rapid.Int64Range(1, 10000).Draw(t, "p")
		got, err := money.EffectiveUnitPrice(money.MustParse(list), money.Percentage(p))
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "price", got, product(rat(t, list), new(big.Rat).SetFrac64(10000-p, 10000)))
	})
}
