package money_test

import (
	"errors"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sellthrough/internal/money"
)

var grammar = regexp.MustCompile(`^-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$`)

// FuzzParse checks every text against the grammar, the limit of 38 digits and
// the value that math/big reads.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		d, err := money.Parse(text)
		fromBytes, errBytes := money.ParseBytes([]byte(text))
		if fromBytes != d || (err == nil) != (errBytes == nil) {
			t.Fatalf("Parse and ParseBytes differ on %q", text)
		}
		parts := grammar.FindStringSubmatch(text)
		if parts == nil {
			if !errors.Is(err, money.ErrSyntax) {
				t.Fatalf("Parse(%q) = %v, %v; want ErrSyntax", text, d, err)
			}
			return
		}
		digits := strings.TrimLeft(parts[1]+parts[2], "0")
		kept := strings.TrimRight(digits, "0")
		exponent, huge := strconv.Atoi("0" + strings.TrimLeft(parts[3], "+-"))
		if strings.HasPrefix(parts[3], "-") {
			exponent = -exponent
		}
		exponent += len(digits) - len(kept) - len(parts[2])
		fits := kept == "" || huge == nil && exponent >= -38 && len(kept)+max(0, exponent) <= 38
		if fits != (err == nil) || err != nil && !errors.Is(err, money.ErrRange) {
			t.Fatalf("Parse(%q) = %v, %v; fits is %v", text, d, err, fits)
		}
		if err != nil {
			return
		}
		if back, err := money.Parse(d.String()); back != d || err != nil {
			t.Fatalf("%q became %s, then %s, %v", text, d, back, err)
		}
		if kept != "" && len(text) < 200 {
			want, _ := new(big.Rat).SetString(text)
			if got, _ := new(big.Rat).SetString(d.String()); want.Cmp(got) != 0 {
				t.Fatalf("Parse(%q) = %s", text, d)
			}
		}
	})
}

// FuzzParsePercentage checks that a percentage is taken exactly when it is a
// decimal from 0.01 to 100 with at most 2 decimals, and why it is not.
func FuzzParsePercentage(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		p, err := money.ParsePercentage(text)
		d, notDecimal := money.Parse(text)
		switch {
		case notDecimal != nil:
			if err == nil || err.Error() != notDecimal.Error() {
				t.Fatalf("ParsePercentage(%q) = %v, %v", text, p, err)
			}
		case d.Cmp(money.New(0, 0)) <= 0 || d.Cmp(money.New(100, 0)) > 0:
			if !errors.Is(err, money.ErrPercentageRange) {
				t.Fatalf("ParsePercentage(%q) = %v, %v", text, p, err)
			}
		case d.FractionDigits() > 2:
			if !errors.Is(err, money.ErrPercentageDecimals) {
				t.Fatalf("ParsePercentage(%q) = %v, %v", text, p, err)
			}
		case err != nil || !p.Valid() || p.Decimal() != d:
			t.Fatalf("ParsePercentage(%q) = %v, %v", text, p, err)
		}
	})
}
