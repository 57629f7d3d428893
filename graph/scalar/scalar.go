// Package scalar spells the values of the API: how each scalar and enum of the
// schema is read from a request and written to an answer.
//
// An empty text, month or instant is written as null: a field that may not be
// null then becomes an error rather than an empty answer. Values are read
// exactly, never through a float.
package scalar

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// Error is the refusal of a value in a request. Its text is fit to be shown.
type Error struct{ Message string }

// Error says what is wrong with the value.
func (e *Error) Error() string { return e.Message }

func refuse(err error) error { return &Error{err.Error()} }

// text takes a string out of a request. Whole JSON numbers and those of
// variables arrive with every digit; a number with a point in the query text
// does not.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int:
		return strconv.Itoa(v), nil
	}
	return "", refuse(errors.New(`a value that must be exact is written as a string, such as "12.5"`))
}

func quoted(s string) graphql.Marshaler {
	if s == "" {
		return graphql.Null
	}
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(s)) })
}

func unmarshal[T any](v any, parse func(string) (T, error)) (value T, err error) {
	s, err := text(v)
	if err != nil {
		return value, err
	}
	if value, err = parse(s); err != nil {
		return value, refuse(err)
	}
	return value, nil
}

// MarshalID writes an id, "" as null.
func MarshalID(id string) graphql.Marshaler {
	if id == "" {
		return graphql.Null
	}
	return graphql.MarshalString(id)
}

// UnmarshalID reads an id.
func UnmarshalID(v any) (string, error) { return text(v) }

// MarshalString writes a text, "" as null.
func MarshalString(s string) graphql.Marshaler { return MarshalID(s) }

// UnmarshalString reads a text.
func UnmarshalString(v any) (string, error) { return graphql.UnmarshalString(v) }

// MarshalDecimal writes a number without trailing zeros.
func MarshalDecimal(d money.Decimal) graphql.Marshaler { return quoted(d.String()) }

// UnmarshalDecimal reads a number exactly.
func UnmarshalDecimal(v any) (money.Decimal, error) { return unmarshal(v, money.Parse) }

// MarshalDecimalText writes a number that is spelled already, "" as null.
func MarshalDecimalText(s string) graphql.Marshaler { return quoted(s) }

// UnmarshalDecimalText takes a number as it is spelled, for records that answer
// for their own values.
func UnmarshalDecimalText(v any) (string, error) { return text(v) }

// MarshalPercentage writes percents, none as null.
func MarshalPercentage(p money.Percentage) graphql.Marshaler {
	if p == 0 {
		return graphql.Null
	}
	return quoted(p.String())
}

// UnmarshalPercentage reads 0.01 to 100 with at most 2 decimals.
func UnmarshalPercentage(v any) (money.Percentage, error) {
	return unmarshal(v, money.ParsePercentage)
}

// MarshalPercentageText writes percents that are spelled already, "" as null.
func MarshalPercentageText(s string) graphql.Marshaler { return quoted(s) }

// UnmarshalPercentageText takes percents as they are spelled, for inputs that
// tell all their violations at once.
func UnmarshalPercentageText(v any) (string, error) { return text(v) }

// MarshalMonth writes YYYY-MM, none as null.
func MarshalMonth(m models.Month) graphql.Marshaler { return quoted(m.String()) }

// UnmarshalMonth reads YYYY-MM.
func UnmarshalMonth(v any) (models.Month, error) { return unmarshal(v, models.ParseMonth) }

// MarshalMonthText writes a month that is spelled already, "" as null.
func MarshalMonthText(s string) graphql.Marshaler { return quoted(s) }

// UnmarshalMonthText takes a month as it is spelled, for records that answer for
// their own values.
func UnmarshalMonthText(v any) (string, error) { return text(v) }

// MarshalDate writes YYYY-MM-DD.
func MarshalDate(d models.Date) graphql.Marshaler { return quoted(d.String()) }

// UnmarshalDate reads YYYY-MM-DD.
func UnmarshalDate(v any) (models.Date, error) { return unmarshal(v, models.ParseDate) }

// MarshalDateTime writes RFC 3339 in UTC, none as null.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return quoted(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalDateTime reads RFC 3339; without an offset it is UTC (D15).
func UnmarshalDateTime(v any) (time.Time, error) { return unmarshal(v, models.ParseInstant) }

// MarshalDateTimeText writes an instant that is spelled already, "" as null.
func MarshalDateTimeText(s string) graphql.Marshaler { return quoted(s) }

// UnmarshalDateTimeText takes an instant as it is spelled, for records that
// answer for their own values.
func UnmarshalDateTimeText(v any) (string, error) { return text(v) }

// MarshalCurrency writes a currency, none as null.
func MarshalCurrency(c money.Currency) graphql.Marshaler { return quoted(string(c)) }

// UnmarshalCurrency takes a currency as it is spelled: records and prices answer
// for theirs, and the door refuses a filter by one that does not exist.
func UnmarshalCurrency(v any) (money.Currency, error) {
	s, err := text(v)
	return money.Currency(s), err
}

// MarshalTerm writes a term, none as null.
func MarshalTerm(t models.Term) graphql.Marshaler { return quoted(string(t)) }

// UnmarshalTerm reads a term; the schema has checked that it is one.
func UnmarshalTerm(v any) (models.Term, error) {
	s, err := text(v)
	return models.Term(s), err
}

// MarshalBilling writes how often a term is charged, none as null.
func MarshalBilling(b models.Billing) graphql.Marshaler { return quoted(string(b)) }

// UnmarshalBilling reads how often a term is charged; the schema has checked it.
func UnmarshalBilling(v any) (models.Billing, error) {
	s, err := text(v)
	return models.Billing(s), err
}

// MarshalChargeType writes a charge type, none as null: cycleCharge is
// CYCLE_CHARGE here.
func MarshalChargeType(c models.ChargeType) graphql.Marshaler { return quoted(screaming(string(c))) }

// UnmarshalChargeType reads a charge type; the schema has checked it.
func UnmarshalChargeType(v any) (models.ChargeType, error) {
	s, err := text(v)
	return models.ChargeType(camel(s)), err
}

// MarshalAction writes an action: addQuantity is ADD_QUANTITY here.
func MarshalAction(a models.Action) graphql.Marshaler { return quoted(screaming(string(a))) }

// UnmarshalAction reads an action; the schema has checked it.
func UnmarshalAction(v any) (models.Action, error) {
	s, err := text(v)
	return models.Action(camel(s)), err
}

// screaming turns the trade's camelCase into an enum's SCREAMING_SNAKE.
func screaming(s string) string {
	var b strings.Builder
	for _, r := range s {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToUpper(string(r)))
	}
	return b.String()
}

// camel is the inverse of screaming.
func camel(s string) string {
	words := strings.Split(strings.ToLower(s), "_")
	for i := 1; i < len(words); i++ {
		if words[i] != "" {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
	}
	return strings.Join(words, "")
}
