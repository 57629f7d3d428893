package money_test

import (
	"testing"

	"sellthrough/internal/money"
)

// Hundredths of a percent, half-even; nothing where there is no list price.
func TestPercentOff(t *testing.T) {
	for _, c := range []struct {
		list, price string
		want        int64
		ok          bool
	}{
		{"100", "80", 20_00, true},
		{"1", "0.75", 25_00, true},
		{"3", "2", 33_33, true},
		{"3", "1", 66_67, true},
		{"80000", "79999.6", 0, true},                   // 0.0005 %, to the even 0.00
		{"80000", "79998.8", 0, true},                   // 0.0015 % is 0.15 hundredths
		{"20000", "19999", 0, true},                     // 0.005 %: half a hundredth, to the even 0
		{"20000", "19997", 2, true},                     // 0.015 %: one and a half, to the even 2
		{"100", "100", 0, true},                         // no margin
		{"100", "0", 100_00, true},                      // all of it
		{"100", "112.5", -12_50, true},                  // a custom price above the list price
		{"0", "0", 0, false},                            // of nothing
		{"0.000000000000001", "999999999999", 0, false}, // more than can be kept
	} {
		got, ok := money.PercentOff(money.MustParse(c.list), money.MustParse(c.price))
		if got != c.want || ok != c.ok {
			t.Errorf("%s of %s: %d, %t, want %d, %t", c.price, c.list, got, ok, c.want, c.ok)
		}
	}
}
