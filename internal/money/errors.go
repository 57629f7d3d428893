package money

import (
	"errors"
	"fmt"
	"strconv"
)

// Reasons for a refusal. The error returned is usually a [*ValueError] that
// also names the value; errors.Is finds the reason behind it.
var (
	ErrSyntax             = errors.New("not a decimal number")
	ErrRange              = errors.New("out of range")
	ErrRate               = errors.New("not a positive rate")
	ErrProration          = errors.New("not a proration")
	ErrPolicy             = errors.New("not a rounding policy")
	ErrCurrency           = errors.New("not an ISO 4217 currency code")
	ErrPercentageRange    = errors.New("not between 0.01 and 100")
	ErrPercentageDecimals = errors.New("more than 2 decimals")
)

// ValueError names a refused value and tells why it was refused.
type ValueError struct {
	Value string // shortened when long
	Text  string // what is wrong with it, such as "more than 12 integer digits"
	Err   error  // the reason: one of the Err variables of this package
}

// Error reads "1234567890123: more than 12 integer digits".
func (e *ValueError) Error() string { return e.Value + ": " + e.Text }

// Unwrap gives the reason to errors.Is.
func (e *ValueError) Unwrap() error { return e.Err }

// MismatchError is the refusal to combine amounts of two currencies (rule D16).
type MismatchError struct{ A, B Currency }

// Error names both currencies.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("amounts of two currencies are never combined: %q and %q", string(e.A), string(e.B))
}

// refuse builds a ValueError; text "" stands for the reason's own words.
func refuse(value string, reason error, text string) error {
	const longest = 48
	if len(value) > longest {
		value = value[:longest] + "…"
	}
	if reason == ErrSyntax || reason == ErrCurrency || reason == ErrPolicy {
		value = strconv.Quote(value) // may hold anything, also control characters
	}
	if text == "" {
		text = reason.Error()
	}
	return &ValueError{Value: value, Text: text, Err: reason}
}
