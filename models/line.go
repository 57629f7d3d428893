package models

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sellthrough/internal/money"
)

// ChargeType is what made a billing line, in the marketplace's own words
// (rules 5.3).
type ChargeType string

// The charge types that exist so far.
const (
	ChargeNew             ChargeType = "new"
	ChargeRenew           ChargeType = "renew"
	ChargeCycle           ChargeType = "cycleCharge"
	ChargeAddQuantity     ChargeType = "addQuantity"
	ChargeRemoveQuantity  ChargeType = "removeQuantity"
	ChargeCancelImmediate ChargeType = "cancelImmediate"
	ChargeUsage           ChargeType = "usage"
)

// ChargeTypes lists every charge type.
var ChargeTypes = []ChargeType{ChargeNew, ChargeRenew, ChargeCycle, ChargeAddQuantity, ChargeRemoveQuantity, ChargeCancelImmediate, ChargeUsage}

// MarginType says how the wholesale price came about.
type MarginType string

// The margin types.
const (
	MarginNone        MarginType = "NONE"
	MarginPercentage  MarginType = "PERCENTAGE"
	MarginCustomPrice MarginType = "CUSTOM_PRICE"
)

// Bucket is the usage of one subscription, plan, meter and month, added up
// (D17). Open months are rated from buckets, never from usage records.
type Bucket struct {
	Month            Month         `gorm:"column:month;primaryKey"`
	ResellerTenantID string        `gorm:"column:reseller_tenant_id;primaryKey"`
	SubscriptionID   string        `gorm:"column:subscription_id;primaryKey"`
	PlanID           string        `gorm:"column:plan_id;primaryKey"`
	MeterID          string        `gorm:"column:meter_id;primaryKey"`
	PublisherID      string        `gorm:"column:publisher_id"`
	Quantity         money.Decimal `gorm:"column:quantity"`
	// Records is how many usage records are in it.
	Records int64 `gorm:"column:records"`
}

// LineKey identifies a billing line for life: the fact or bucket it comes from
// and, within that, which charge.
type LineKey struct {
	SubscriptionID string
	ChargeType     ChargeType
	// Source and ExternalID name the purchase; empty for usage lines.
	Source, ExternalID string
	// PlanID and MeterID name the bucket of usage lines.
	PlanID, MeterID string
	Month           Month
	// Cycle is the charge cycle within the term, from 0. Part tells the lines
	// of one event apart: the credit (0) and the charge (1) of a change of
	// quantity. A refund has the key of the line that it reverses, with its own
	// charge type.
	Cycle, Part int
}

// ID is the line's id: a hash of its key, so that it is the same before and
// after a close (files.md). 32 hexadecimal digits.
func (k LineKey) ID() string {
	h := newFingerprint()
	h.text(k.SubscriptionID, string(k.ChargeType), k.Source, k.ExternalID, k.PlanID, k.MeterID,
		k.Month.String(), strconv.Itoa(k.Cycle), strconv.Itoa(k.Part))
	sum := sha256.Sum256(h.buffer)
	return hex.EncodeToString(sum[:16])
}

// BillingLine is one rated charge (D12): what a reseller is billed, and how it
// splits. Every amount is in minor units of BillingCurrency.
type BillingLine struct {
	Key        LineKey
	Month      Month
	ChargeType ChargeType
	// ChargeStart and ChargeEnd are days, both inclusive.
	ChargeStart, ChargeEnd Date

	PublisherID, ResellerTenantID, IndirectResellerTenantID, CustomerTenantID string
	SubscriptionID, ProductID, PlanID, MeterID                                string
	Infrastructure                                                            bool
	// Trial lines are of amount 0 and have no price (D5).
	Trial   bool
	Market  string
	Term    Term
	Billing Billing

	// PricedAt is the instant whose list price and margin count (D3): that of
	// the purchase or renewal, or the first of the month for usage. RecordedAt
	// is when the purchase was recorded, zero for usage.
	PricedAt, RecordedAt time.Time

	// Quantity is negative on credits and refunds.
	Quantity money.Decimal
	// ProratedDays of CycleDays are charged; both 0 when the whole cycle is.
	ProratedDays, CycleDays int

	PricingCurrency, BillingCurrency money.Currency
	ExchangeRate                     money.Decimal
	// ListUnitPrice and UnitPrice are those of a whole charge cycle, before
	// and after the margin, in PricingCurrency. EffectiveUnitPrice on the bill
	// is UnitPrice prorated.
	ListUnitPrice, UnitPrice money.Decimal
	MarginType               MarginType
	MarginPercentage         money.Percentage
	RoundingPolicy           money.Policy

	ListSubtotal, MarginAmount, WholesaleSubtotal int64
	AgencyFeeRate                                 money.Decimal
	AgencyFee, InfrastructureFee, Payout          int64

	// PrivateOfferID and PricingLine name the winner, empty and 0 at list
	// price.
	PrivateOfferID string
	PricingLine    int

	AdjustsLineID, ReasonCode string
}

// ID is the hash of the line's key.
func (l *BillingLine) ID() string { return l.Key.ID() }

// OtherFees is every fee that is not the agency fee.
func (l *BillingLine) OtherFees() int64 { return l.InfrastructureFee }

// Check proves the equalities of D13 on the line: list = wholesale + margin,
// wholesale = fees + payout.
func (l *BillingLine) Check() error {
	var broken []string
	if l.ListSubtotal != l.WholesaleSubtotal+l.MarginAmount {
		broken = append(broken, fmt.Sprintf("list %d is not wholesale %d + margin %d", l.ListSubtotal, l.WholesaleSubtotal, l.MarginAmount))
	}
	if l.WholesaleSubtotal != l.AgencyFee+l.OtherFees()+l.Payout {
		broken = append(broken, fmt.Sprintf("wholesale %d is not agency fee %d + other fees %d + payout %d", l.WholesaleSubtotal, l.AgencyFee, l.OtherFees(), l.Payout))
	}
	if l.Infrastructure && (l.AgencyFee != 0 || l.Payout != 0 || l.MarginAmount != 0) {
		broken = append(broken, "infrastructure carries a margin, an agency fee or a payout")
	}
	if len(broken) > 0 {
		return errors.New("line " + l.ID() + ": " + strings.Join(broken, ", "))
	}
	return nil
}

// UnratedFact is a purchase or a bucket that cannot become a line, and why
// (D20). It does not hide: totals that would contain it are errors.
type UnratedFact struct {
	Month            Month
	ResellerTenantID string
	PublisherID      string
	SubscriptionID   string
	// PlanID and BillingCurrency are those of the line that it would make.
	PlanID          string
	BillingCurrency money.Currency
	// Source and ExternalID name the purchase, MeterID the bucket.
	Source, ExternalID, MeterID string
	Code                        Code
	Message                     string
}

// Codes of unrated facts.
const (
	CodeNoListPrice    Code = "NO_LIST_PRICE"
	CodeNoExchangeRate Code = "NO_EXCHANGE_RATE"
	CodeNoAgencyFee    Code = "NO_AGENCY_FEE_RATE"
	CodeAmountTooLarge Code = "AMOUNT_TOO_LARGE"
	CodeUnknownFact    Code = "FACT_INCONSISTENT"
)
