package models

import (
	"slices"
	"strings"
)

// Violation is one broken rule of one record or input. Every check returns all
// of them at once (D8).
type Violation struct {
	// Field is the path of the offending field from the root of the record or
	// input, list positions as decimal numbers: ["pricing", "0", "percentage"].
	Field []string `json:"field"`
	// Code is the stable SCREAMING_SNAKE code, one a kind of violation.
	Code Code `json:"code"`
	// VendorCode is the marketplace's own word for it (rules 2.7), where it
	// has one.
	VendorCode string `json:"vendorCode,omitempty"`
	// Message says what is wrong and what to do.
	Message string `json:"message"`
}

// Code names a kind of violation. Codes are part of the API: they are added,
// never renamed.
type Code string

// Path is the field in one word: pricing.0.percentage.
func (v Violation) Path() string { return strings.Join(v.Field, ".") }

// Violations is every broken rule of one record, in the order of its fields.
// An empty list means the record is good.
type Violations []Violation

// Add appends one violation; field is a dotted path. The marketplace's own word
// is added where it has one.
func (vs *Violations) Add(field string, code Code, message string) {
	*vs = append(*vs, Violation{Field: strings.Split(field, "."), Code: code, VendorCode: vendorCodes[code], Message: message})
}

// Merge returns the violations and, of more, those of fields that none of them
// names: what is wrong already needs no second reason.
func (vs Violations) Merge(more Violations) Violations {
	merged := slices.Clip(vs)
	known := make(map[string]bool, len(vs))
	for _, v := range vs {
		known[v.Path()] = true
	}
	for _, v := range more {
		if !known[v.Path()] {
			merged = append(merged, v)
		}
	}
	return merged
}

// Error lists every violation, so that Violations can travel as an error.
func (vs Violations) Error() string {
	parts := make([]string, len(vs))
	for i, v := range vs {
		parts[i] = v.Path() + ": " + v.Message + " (" + string(v.Code) + ")"
	}
	return strings.Join(parts, "; ")
}

// Err is nil when nothing is violated.
func (vs Violations) Err() error {
	if len(vs) == 0 {
		return nil
	}
	return vs
}

// Codes that any record can have.
const (
	CodeRequired    Code = "REQUIRED"
	CodeInvalid     Code = "INVALID"
	CodeTooLong     Code = "TOO_LONG"
	CodeInvalidID   Code = "INVALID_ID"
	CodeInvalidGUID Code = "INVALID_GUID"
	CodeNotFound    Code = "NOT_FOUND"
	CodeOutOfRange  Code = "OUT_OF_RANGE"
	CodeConflict    Code = "CONFLICT"
)

// Codes that any change can have, whatever it asks for.
const (
	CodeIdempotencyConflict   Code = "IDEMPOTENCY_CONFLICT"
	CodeInvalidIdempotencyKey Code = "INVALID_IDEMPOTENCY_KEY"
)

// MaxIDLength bounds every id that outside systems choose, in bytes.
const MaxIDLength = 128

// MaxTextLength bounds names and titles, in bytes.
const MaxTextLength = 500

// checkID adds a violation unless id is 1 to MaxIDLength bytes of printable
// ASCII without space, or of letters beyond ASCII: ids compare byte by byte.
func (vs *Violations) checkID(field, id string) {
	switch {
	case id == "":
		vs.Add(field, CodeRequired, "is missing")
	case len(id) > MaxIDLength:
		vs.Add(field, CodeTooLong, "is longer than 128 bytes")
	case strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\uFFFD' }):
		vs.Add(field, CodeInvalidID, "holds a space, a control character or broken UTF-8")
	}
}

func (vs *Violations) checkText(field, text string, required bool) {
	switch {
	case text == "" && required:
		vs.Add(field, CodeRequired, "is missing")
	case len(text) > MaxTextLength:
		vs.Add(field, CodeTooLong, "is longer than 500 bytes")
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '\uFFFD' }):
		vs.Add(field, CodeInvalid, "holds a control character or broken UTF-8")
	}
}

func (vs *Violations) checkGUID(field, id string) {
	if id == "" {
		vs.Add(field, CodeRequired, "is missing")
	} else if !IsGUID(id) {
		vs.Add(field, CodeInvalidGUID, Quote(id)+" is not a tenant id: write a GUID such as 34771906-9711-4196-9f60-4af380fd5042")
	}
}

// IsGUID tells whether s is a GUID in its plain form of 36 characters, in
// either case. The door lowers GUIDs, since stored ids compare byte by byte.
func IsGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return false
			}
		}
	}
	return true
}

// Quote shows a value in a message, cut so that no message echoes a whole
// file.
func Quote(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return `"` + s + `"`
}

// vendorCodes are the marketplace's own words for violations (rules 2.6, 2.7).
var vendorCodes = map[Code]string{
	CodeNameRequired:           "schemaValidationError",
	CodeNameNotNew:             "schemaValidationError",
	CodeEndRequired:            "schemaValidationError",
	CodePricingRequired:        "schemaValidationError",
	CodeResellersRequired:      "schemaValidationError",
	CodeStartRequired:          "businessValidationError",
	CodeStartNotAllowed:        "businessValidationError",
	CodeStartNotFirstOfMonth:   "businessValidationError",
	CodeStartNotInFuture:       "businessValidationError",
	CodeEndNotLastOfMonth:      "businessValidationError",
	CodeEndBeforeStart:         "businessValidationError",
	CodeEndInPast:              "businessValidationError",
	CodePercentageOutOfRange:   "businessValidationError",
	CodePercentageDecimals:     "businessValidationError",
	CodeDuplicatePricingLine:   "businessValidationError",
	CodeProductAndPlanLevel:    "businessValidationError",
	CodeMixedPublishers:        "businessValidationError",
	CodeSold:                   "businessValidationError",
	CodeTooManyPricingLines:    "collectionLimitExceeded",
	CodeTooManyResellers:       "collectionLimitExceeded",
	CodeTooManyContacts:        "collectionLimitExceeded",
	CodeTooManyCustomers:       "collectionLimitExceeded",
	CodeInvalidEmail:           "invalidRequest",
	CodeConflict:               "invalidRequest",
	CodeInvalidGUID:            "invalidId",
	CodeInvalidState:           "invalidState",
	CodePublisherNotActive:     "invalidEntityStatus",
	CodePublisherNotEnrolled:   "invalidEntityStatus",
	CodeProductNotPublished:    "invalidEntityStatus",
	CodeProductNotPublic:       "invalidEntityStatus",
	CodeProductNotTransactable: "invalidEntityStatus",
	CodeAbsoluteNotPlanLevel:   "notSupported",
	CodeAbsoluteOnVM:           "notSupported",
	CodeAbsoluteOnTrial:        "notSupported",
	CodeAbsoluteUnknownPrice:   "notSupported",
	CodeResellerIndirect:       "invalidResource",
	CodeResellerNotInProgram:   "invalidResource",
	CodeNotFound:               "resourceNotFound",
	CodePublisherNotFound:      "resourceNotFound",
	CodeProductNotFound:        "resourceNotFound",
	CodePlanNotFound:           "resourceNotFound",
	CodeResellerNotFound:       "resourceNotFound",
	CodeCustomerNotFound:       "resourceNotFound",
}
