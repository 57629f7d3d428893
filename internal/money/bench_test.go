package money_test

import (
	"testing"

	"sellthrough/internal/money"
)

// Numbers as they come every day, and numbers at the limits of rule D11.
const (
	usualPrice, usualQuantity, usualRate = "10.08", "12", "1.0842"
	fullPrice, fullQuantity, fullRate    = "1234567.123456789012345", "54321.543210987654321", "1.01234567890123456789"
)

func usualCharge() money.Charge {
	c := prorated(usd(usualPrice, usualQuantity), 28, 30)
	c.Rate = money.MustParse(usualRate)
	return c
}

func fullCharge() money.Charge {
	c := usd(fullPrice, fullQuantity)
	c.Rate = money.MustParse(fullRate)
	return c
}

// The common path takes no memory, also not at the limits of rule D11.
func TestNoAllocations(t *testing.T) {
	text := []byte(fullPrice)
	price, quantity := money.MustParse(fullPrice), money.MustParse(fullQuantity)
	share := money.MustParse("0.8875")
	buffer := make([]byte, 0, 64)
	amount := money.Amount{Minor: 12345, Currency: "USD"}
	for name, f := range map[string]func(){
		"Parse":              func() { _, _ = money.Parse(fullPrice) },
		"ParseBytes":         func() { _, _ = money.ParseBytes(text) },
		"AppendTo":           func() { price.AppendTo(buffer) },
		"Add":                func() { _, _ = price.Add(quantity) },
		"Sub":                func() { _, _ = price.Sub(quantity) },
		"Mul":                func() { _, _ = price.Mul(share) },
		"Cmp":                func() { price.Cmp(quantity) },
		"EffectiveUnitPrice": func() { _, _ = money.EffectiveUnitPrice(price, 1250) },
		"Fee":                func() { _, _ = money.Fee(money.New(3, 2), amount) },
		"ExchangeRate":       func() { _, _ = money.ExchangeRate(money.New(10842, 4), money.New(3, 0)) },
		"Amount.Add":         func() { _, _ = amount.Add(amount) },
		"Amount.AppendTo":    func() { amount.AppendTo(buffer) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	for _, policy := range money.Policies() {
		for name, charge := range map[string]money.Charge{"usual": usualCharge(), "full": fullCharge()} {
			if n := testing.AllocsPerRun(100, func() { _, _ = charge.Round(policy) }); n != 0 {
				t.Errorf("Round(%s) of the %s charge allocates %v times", policy, name, n)
			}
		}
	}
}

func answer(b *testing.B, got any, err error, want string) {
	b.Helper()
	if text := got.(interface{ String() string }).String(); err != nil || text != want {
		b.Fatalf("got %s, %v; want %s", text, err, want)
	}
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{"usual": usualPrice, "full": fullPrice} {
		b.Run(name, func(b *testing.B) {
			var d money.Decimal
			var err error
			for b.Loop() {
				d, err = money.Parse(text)
			}
			answer(b, d, err, text)
		})
	}
}

func BenchmarkAppendTo(b *testing.B) {
	d, buffer := money.MustParse(fullPrice), make([]byte, 0, 64)
	for b.Loop() {
		buffer = d.AppendTo(buffer[:0])
	}
	if string(buffer) != fullPrice {
		b.Fatal(string(buffer))
	}
}

func BenchmarkAdd(b *testing.B) {
	for name, test := range map[string][3]string{
		"usual": {usualPrice, usualQuantity, "22.08"}, "full": {fullPrice, fullQuantity, "1288888.666667776666666"},
	} {
		b.Run(name, func(b *testing.B) {
			x, y := money.MustParse(test[0]), money.MustParse(test[1])
			var d money.Decimal
			var err error
			for b.Loop() {
				d, err = x.Add(y)
			}
			answer(b, d, err, test[2])
		})
	}
}

func BenchmarkMul(b *testing.B) {
	for name, test := range map[string][3]string{
		"usual": {usualPrice, usualQuantity, "120.96"}, "full": {fullPrice, "0.8875", "1095678.3220679002484561875"},
	} {
		b.Run(name, func(b *testing.B) {
			x, y := money.MustParse(test[0]), money.MustParse(test[1])
			var d money.Decimal
			var err error
			for b.Loop() {
				d, err = x.Mul(y)
			}
			answer(b, d, err, test[2])
		})
	}
}

func BenchmarkRound(b *testing.B) {
	beyond := fullCharge() // 112 digits
	beyond.UnitPrice = money.MustParse("1.9999999999999999999999999999999999999")
	beyond.Quantity, beyond.Rate = beyond.UnitPrice, beyond.UnitPrice
	for _, test := range []struct {
		name   string
		charge money.Charge
		policy money.Policy
		want   string
	}{
		{"usual", usualCharge(), money.Truncate, "122.40"},
		{"usual twice", usualCharge(), money.TruncateTwice, "122.39"},
		{"full", fullCharge(), money.Truncate, "67891536908.41"},
		{"beyond 256 bits", beyond, money.Truncate, "7.99"},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			var a money.Amount
			var err error
			for b.Loop() {
				a, err = test.charge.Round(test.policy)
			}
			answer(b, a, err, test.want)
		})
	}
}
