package models

import "time"

// OfferWarning is one thing that the publisher of a private offer may not have
// meant. Warnings forbid nothing (D2): they name what competes with what, for
// whom and when. No reseller sees one.
type OfferWarning struct {
	Code WarningCode
	// Field is the path of what it is about from the root of the offer, as in a
	// Violation.
	Field []string
	// Message says what will happen and what to do.
	Message string
	// PricingLine is the position of the offer's own line, 0 where it is about
	// none.
	PricingLine       int
	ProductID, PlanID string
	// Others are the lines of the publisher's other offers that it is about, at
	// most MaxWarned of OtherCount.
	Others     []CompetingLine
	OtherCount int
	// Wins says which line counts where two compete, "" where none do.
	Wins WarningSide
	// ResellerTenantIDs are the resellers that it holds for, sorted, at most
	// MaxWarned of ResellerCount; none where it holds for all that the offer
	// names, whoever they are.
	ResellerTenantIDs []string
	ResellerCount     int
	// From and To bound when it holds, half open; zero where it always does.
	From, To time.Time
}

// CompetingLine is a pricing line of another offer of the same publisher.
type CompetingLine struct {
	PrivateOfferID string
	Name           string
	PricingLine    int
}

// MaxWarned is how many resellers, and how many lines, one warning names.
const MaxWarned = 10

// MaxWarnings is how many warnings an offer has at most; a last one more tells of
// the others.
const MaxWarnings = 100

// WarningSide says which of two lines counts.
type WarningSide string

// The sides.
const (
	ThisLine   WarningSide = "THIS_LINE"
	OtherLine  WarningSide = "OTHER_LINE"
	EachInPart WarningSide = "EACH_IN_PART"
)

// WarningCode names a kind of warning. Codes are part of the API.
type WarningCode string

// The warnings, in the order in which they are told.
const (
	WarnEndHasPassed      WarningCode = "END_HAS_PASSED"
	WarnStartHasPassed    WarningCode = "START_HAS_PASSED"
	WarnEndedUnpublished  WarningCode = "ENDED_UNPUBLISHED"
	WarnProduct           WarningCode = "PRODUCT_NOT_SELECTABLE"
	WarnReseller          WarningCode = "RESELLER_NOT_SELECTABLE"
	WarnNoListPrice       WarningCode = "NO_LIST_PRICE"
	WarnPriceIsZero       WarningCode = "PRICE_IS_ZERO"
	WarnAbsoluteAboveList WarningCode = "ABSOLUTE_ABOVE_LIST"
	WarnShadowed          WarningCode = "SHADOWED"
	WarnDuplicate         WarningCode = "DUPLICATE"
	WarnShadows           WarningCode = "SHADOWS"
	WarnOverlaps          WarningCode = "OVERLAPS"
	WarnGap               WarningCode = "GAP"
	WarnStartMayBeMissed  WarningCode = "START_MAY_BE_MISSED"
	WarnNeedsAuthorizing  WarningCode = "NEEDS_AUTHORIZATION"
	WarnAppSourceOnly     WarningCode = "APPSOURCE_ONLY"
	WarnTrialFirst        WarningCode = "TRIAL_FIRST"
	WarnFuturePlans       WarningCode = "COVERS_FUTURE_PLANS"
	WarnMore              WarningCode = "MORE_WARNINGS"
)

// WarningCodes lists every kind in the order in which warnings are told.
var WarningCodes = []WarningCode{
	WarnEndHasPassed, WarnStartHasPassed, WarnEndedUnpublished, WarnProduct, WarnReseller, WarnNoListPrice, WarnPriceIsZero,
	WarnAbsoluteAboveList, WarnShadowed, WarnDuplicate, WarnShadows, WarnOverlaps, WarnGap, WarnStartMayBeMissed,
	WarnNeedsAuthorizing, WarnAppSourceOnly, WarnTrialFirst, WarnFuturePlans, WarnMore,
}
