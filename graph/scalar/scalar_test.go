package scalar

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"sellthrough/internal/money"
	"sellthrough/models"
)

func written(m graphql.Marshaler) string {
	var b strings.Builder
	m.MarshalGQL(&b)
	return b.String()
}

func TestValuesAreWritten(t *testing.T) {
	for want, m := range map[string]graphql.Marshaler{
		`"0.0116"`:                      MarshalDecimal(money.MustParse("0.01160")),
		`"0"`:                           MarshalDecimal(money.Zero),
		`"120.00"`:                      MarshalDecimalText("120.00"),
		`"12.5"`:                        MarshalPercentage(1250),
		`"2024-09"`:                     MarshalMonth(models.NewMonth(2024, time.September)),
		`"2024-09-30"`:                  MarshalDate(models.NewMonth(2024, time.September).LastDay()),
		`"2024-09-30T23:59:59Z"`:        MarshalDateTime(time.Date(2024, 10, 1, 1, 59, 59, 0, time.FixedZone("", 7200))),
		`"2024-01-01T00:00:00.000001Z"`: MarshalDateTime(time.Date(2024, 1, 1, 0, 0, 0, 1000, time.UTC)),
		`"USD"`:                         MarshalCurrency("USD"),
		`"P1Y"`:                         MarshalTerm(models.P1Y),
		`"UPFRONT"`:                     MarshalBilling(models.Upfront),
		`"CYCLE_CHARGE"`:                MarshalChargeType(models.ChargeCycle),
		`"CANCEL_IMMEDIATE"`:            MarshalAction(models.ActionCancelImmediate),
		`"a\"b"`:                        MarshalID(`a"b`),
	} {
		if got := written(m); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}

func TestEmptyIsNull(t *testing.T) {
	for name, m := range map[string]graphql.Marshaler{
		"id": MarshalID(""), "text": MarshalString(""), "number": MarshalDecimalText(""), "percentage": MarshalPercentage(0),
		"month": MarshalMonth(0), "instant": MarshalDateTime(time.Time{}), "currency": MarshalCurrency(""),
		"term": MarshalTerm(""), "billing": MarshalBilling(""), "charge type": MarshalChargeType(""),
	} {
		if m != graphql.Null {
			t.Errorf("an empty %s is %s", name, written(m))
		}
	}
}

// Numbers are read to the last digit, whichever way they come, and never
// through a float.
func TestNumbersAreReadExactly(t *testing.T) {
	for _, v := range []any{"0.1", json.Number("0.1"), "0.10"} {
		if d, err := UnmarshalDecimal(v); err != nil || d != money.New(1, 1) {
			t.Errorf("%v is %v, %v", v, d, err)
		}
	}
	if d, err := UnmarshalDecimal(int64(12)); err != nil || d != money.New(12, 0) {
		t.Errorf("12 is %v, %v", d, err)
	}
	for _, v := range []any{1.5, nil, true, []any{"1"}, map[string]any{}, "1,5", "", "1e400"} {
		var refused *Error
		if d, err := UnmarshalDecimal(v); !errors.As(err, &refused) || refused.Message == "" {
			t.Errorf("%v is %v, %v", v, d, err)
		}
	}
}

func TestValuesAreRead(t *testing.T) {
	read := func(v any, err error) string { return fmt.Sprint(v, " ", err) }
	for _, c := range []struct{ got, want string }{
		{read(UnmarshalPercentage("12.5")), "12.5 <nil>"},
		{read(UnmarshalPercentage("100.01")), "0 100.01: not between 0.01 and 100"},
		{read(UnmarshalPercentageText("ten")), "ten <nil>"},
		{read(UnmarshalMonth("2024-09")), "2024-09 <nil>"},
		{read(UnmarshalMonth("2024-9")), ` "2024-9" is not a month: write YYYY-MM`},
		{read(UnmarshalDate("2024-02-30")), `1970-01-01 "2024-02-30" is not a day: write YYYY-MM-DD`},
		{read(UnmarshalDateTime("2024-09-30T23:59:59")), "2024-09-30 23:59:59 +0000 UTC <nil>"},
		{read(UnmarshalDateTimeText("yesterday")), "yesterday <nil>"},
		{read(UnmarshalCurrency("usd")), "usd <nil>"}, // answered for by its record, INVALID_CURRENCY
		{read(UnmarshalTerm("P1M")), "P1M <nil>"},
		{read(UnmarshalBilling("ANNUAL")), "ANNUAL <nil>"},
		{read(UnmarshalChargeType("REMOVE_QUANTITY")), "removeQuantity <nil>"},
		{read(UnmarshalAction("NEW")), "new <nil>"},
		{read(UnmarshalID(json.Number("7"))), "7 <nil>"},
		{read(UnmarshalDecimalText("many")), "many <nil>"},
	} {
		if c.got != c.want {
			t.Errorf("%s, not %s", c.got, c.want)
		}
	}
}

// The API's spelling of the trade's words leads back to them.
func TestEnumsRoundTrip(t *testing.T) {
	for _, c := range models.ChargeTypes {
		if back, err := UnmarshalChargeType(strings.Trim(written(MarshalChargeType(c)), `"`)); err != nil || back != c {
			t.Errorf("%s comes back as %s, %v", c, back, err)
		}
	}
	for _, a := range models.Actions {
		if back, err := UnmarshalAction(strings.Trim(written(MarshalAction(a)), `"`)); err != nil || back != a {
			t.Errorf("%s comes back as %s, %v", a, back, err)
		}
	}
}
