package models

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"time"

	"sellthrough/internal/money"
)

// Action is what a purchase record does to its subscription, in the
// marketplace's own words (rules 5.3).
type Action string

// The actions that are supported.
const (
	ActionNew             Action = "new"
	ActionRenew           Action = "renew"
	ActionAddQuantity     Action = "addQuantity"
	ActionRemoveQuantity  Action = "removeQuantity"
	ActionCancelImmediate Action = "cancelImmediate"
)

// Actions lists the supported actions in the order in which those of one
// instant take effect.
var Actions = []Action{ActionNew, ActionRenew, ActionAddQuantity, ActionRemoveQuantity, ActionCancelImmediate}

// laterActions are known to the trade and not yet supported here.
var laterActions = []Action{"convert", "changeBillingPlan", "moveQuantity", "extendTerm", "customerCredit"}

// Digest is the first 16 bytes of the SHA-256 of a fact's content, in a
// canonical form that does not depend on the file it came in. The same key
// with the same digest is the same fact; with another digest it is a conflict.
type Digest [16]byte

// Value stores the 16 bytes.
func (d Digest) Value() (driver.Value, error) { return d[:], nil }

// Scan reads what Value wrote.
func (d *Digest) Scan(value any) error {
	bytes, ok := value.([]byte)
	if !ok || len(bytes) != len(d) {
		return fmt.Errorf("digest: cannot read %T as %d bytes", value, len(d))
	}
	copy(d[:], bytes)
	return nil
}

// Purchase is one fact about a subscription: it was bought, renewed, changed
// or cancelled. Facts are appended and never changed.
type Purchase struct {
	// Source and ExternalID identify the fact: the program that sent it, and
	// its id there.
	Source     string `gorm:"column:source;primaryKey" json:"source"`
	ExternalID string `gorm:"column:external_id;primaryKey" json:"external_id"`
	// OccurredAt is the billing event: it decides month, price and margin (D15).
	OccurredAt time.Time `gorm:"column:occurred_at" json:"occurred_at"`
	// RecordedAt is when we learned of it.
	RecordedAt     time.Time `gorm:"column:recorded_at" json:"-"`
	Digest         Digest    `gorm:"column:digest" json:"-"`
	Action         Action    `gorm:"column:action" json:"action"`
	SubscriptionID string    `gorm:"column:subscription_id" json:"subscription_id"`
	// The parties and the market count on `new`; later actions may repeat them.
	ResellerTenantID         string         `gorm:"column:reseller_tenant_id" json:"reseller_tenant_id"`
	IndirectResellerTenantID string         `gorm:"column:indirect_reseller_tenant_id" json:"indirect_reseller_tenant_id,omitempty"`
	CustomerTenantID         string         `gorm:"column:customer_tenant_id" json:"customer_tenant_id"`
	ProductID                string         `gorm:"column:product_id" json:"product_id"`
	PlanID                   string         `gorm:"column:plan_id" json:"plan_id"`
	Term                     Term           `gorm:"column:term" json:"term,omitempty"`
	Billing                  Billing        `gorm:"column:billing" json:"billing,omitempty"`
	Market                   string         `gorm:"column:market" json:"market"`
	Currency                 money.Currency `gorm:"column:currency" json:"currency,omitempty"`
	// Quantity is the seats bought, or added or removed by a change; always
	// positive, whole, and 1 when absent from `new` (D18).
	Quantity money.Decimal `gorm:"column:quantity" json:"quantity"`
}

// Codes of purchase records.
const (
	CodeActionNotSupported     Code = "ACTION_NOT_SUPPORTED"
	CodeQuantityNotPositive    Code = "QUANTITY_NOT_POSITIVE"
	CodeQuantityNotWhole       Code = "QUANTITY_NOT_WHOLE"
	CodeQuantityTooLarge       Code = "QUANTITY_TOO_LARGE"
	CodeQuantityExceeded       Code = "QUANTITY_EXCEEDED"
	CodeSubscriptionExists     Code = "SUBSCRIPTION_EXISTS"
	CodeSubscriptionUnknown    Code = "SUBSCRIPTION_UNKNOWN"
	CodeSubscriptionNotActive  Code = "SUBSCRIPTION_NOT_ACTIVE"
	CodeSubscriptionMismatch   Code = "SUBSCRIPTION_MISMATCH"
	CodeRenewalAlreadyRecorded Code = "RENEWAL_ALREADY_RECORDED"
	CodeRenewalNotPossible     Code = "RENEWAL_NOT_POSSIBLE"
	CodeRefundWindowClosed     Code = "REFUND_WINDOW_CLOSED"
	CodePurchaseConflict       Code = "PURCHASE_CONFLICT"
	CodeUsageConflict          Code = "USAGE_CONFLICT"
	CodeUnknownReseller        Code = "RESELLER_UNKNOWN"
	CodeUnknownCustomer        Code = "CUSTOMER_UNKNOWN"
	CodeUnknownProduct         Code = "PRODUCT_UNKNOWN"
	CodeUnknownPlan            Code = "PLAN_UNKNOWN"
	CodeUnknownMeter           Code = "METER_UNKNOWN"
	CodeUnknownPublisher       Code = "PUBLISHER_UNKNOWN"
	CodeResellerNotBilled      Code = "RESELLER_NOT_BILLED"
)

// Check returns every violation that can be seen in the record alone.
func (p *Purchase) Check() Violations {
	var vs Violations
	vs.checkID("source", p.Source)
	vs.checkID("external_id", p.ExternalID)
	if p.OccurredAt.IsZero() {
		vs.Add("occurred_at", CodeRequired, "is missing")
	}
	for _, later := range laterActions {
		if p.Action == later {
			vs.Add("action", CodeActionNotSupported, Quote(string(p.Action))+" is not supported yet")
			return vs
		}
	}
	checkOneOf(&vs, "action", p.Action, Actions...)
	vs.checkID("subscription_id", p.SubscriptionID)
	// Later actions may repeat what `new` must say.
	first := p.Action == ActionNew
	if first || p.ResellerTenantID != "" {
		vs.checkGUID("reseller_tenant_id", p.ResellerTenantID)
	}
	if first || p.CustomerTenantID != "" {
		vs.checkGUID("customer_tenant_id", p.CustomerTenantID)
	}
	if first || p.ProductID != "" {
		vs.checkID("product_id", p.ProductID)
	}
	if first || p.PlanID != "" {
		vs.checkID("plan_id", p.PlanID)
	}
	if first || p.Market != "" {
		vs.checkCountry("market", p.Market)
	}
	if p.IndirectResellerTenantID != "" {
		vs.checkGUID("indirect_reseller_tenant_id", p.IndirectResellerTenantID)
	}
	if p.Currency != "" {
		vs.checkCurrency("currency", p.Currency)
	}
	if p.Term != TermNone || p.Billing != BillingNone {
		vs.checkTerm("", p.Term, p.Billing, "")
	}
	p.checkQuantity(&vs)
	return vs
}

func (p *Purchase) checkQuantity(vs *Violations) {
	optional := p.Action != ActionAddQuantity && p.Action != ActionRemoveQuantity
	switch {
	case p.Quantity.IsZero() && optional:
	case p.Quantity.Sign() <= 0:
		vs.Add("quantity", CodeQuantityNotPositive, "is not above 0: a change names the units it adds or removes (D18)")
	case p.Quantity.FractionDigits() > 0:
		vs.Add("quantity", CodeQuantityNotWhole, "is not a whole number of units")
	case !p.Quantity.Fits(money.QuantityIntegerDigits, 0):
		vs.Add("quantity", CodeQuantityTooLarge, "has more than 15 integer digits")
	}
}

// Fingerprint is the digest of everything that the sender said.
func (p *Purchase) Fingerprint() Digest {
	h := newFingerprint()
	h.text(p.Source, p.ExternalID, string(p.Action), p.SubscriptionID, p.ResellerTenantID, p.IndirectResellerTenantID,
		p.CustomerTenantID, p.ProductID, p.PlanID, string(p.Term), string(p.Billing), p.Market, string(p.Currency))
	h.instant(p.OccurredAt)
	h.number(p.Quantity)
	return h.sum()
}

// UsageRecord is one fact of consumption on a meter.
type UsageRecord struct {
	// PublisherID is that of the subscription, set by who records it: Source
	// and ExternalID identify the fact among those of this publisher.
	PublisherID string `gorm:"column:publisher_id;primaryKey" json:"-"`
	Source      string `gorm:"column:source;primaryKey" json:"source"`
	ExternalID  string `gorm:"column:external_id;primaryKey" json:"external_id"`
	// OccurredAt decides the month (D15).
	OccurredAt time.Time `gorm:"column:occurred_at" json:"occurred_at"`
	RecordedAt time.Time `gorm:"column:recorded_at" json:"-"`
	Digest     Digest    `gorm:"column:digest" json:"-"`
	// ResellerTenantID is that of the subscription, set by who records it: the
	// sender does not say it, and the fact can then be found by reseller.
	ResellerTenantID string `gorm:"column:reseller_tenant_id" json:"-"`
	SubscriptionID   string `gorm:"column:subscription_id" json:"subscription_id"`
	MeterID          string `gorm:"column:meter_id" json:"meter_id"`
	// Quantity is above 0, with at most 15 integer and 15 fraction digits.
	Quantity money.Decimal `gorm:"column:quantity" json:"quantity"`
}

// Check returns every violation that can be seen in the record alone.
func (u *UsageRecord) Check() Violations {
	var vs Violations
	vs.checkID("source", u.Source)
	vs.checkID("external_id", u.ExternalID)
	if u.OccurredAt.IsZero() {
		vs.Add("occurred_at", CodeRequired, "is missing")
	}
	vs.checkID("subscription_id", u.SubscriptionID)
	vs.checkID("meter_id", u.MeterID)
	if u.Quantity.Sign() <= 0 {
		vs.Add("quantity", CodeQuantityNotPositive, "is not above 0")
	} else if !u.Quantity.Fits(money.QuantityIntegerDigits, money.FractionDigits) {
		vs.Add("quantity", CodeQuantityTooLarge, "has more than 15 integer or 15 fraction digits")
	}
	return vs
}

// Fingerprint is the digest of everything that the sender said.
func (u *UsageRecord) Fingerprint() Digest {
	h := newFingerprint()
	h.text(u.Source, u.ExternalID, u.SubscriptionID, u.MeterID)
	h.instant(u.OccurredAt)
	h.number(u.Quantity)
	return h.sum()
}

// fingerprint collects the canonical form of a fact: each text behind its
// length, instants in microseconds, numbers without trailing zeros.
type fingerprint struct{ buffer []byte }

func newFingerprint() fingerprint { return fingerprint{make([]byte, 0, 512)} }

func (f *fingerprint) text(values ...string) {
	for _, v := range values {
		f.buffer = binary.AppendUvarint(f.buffer, uint64(len(v)))
		f.buffer = append(f.buffer, v...)
	}
}

func (f *fingerprint) instant(t time.Time) {
	f.buffer = binary.BigEndian.AppendUint64(f.buffer, uint64(t.UnixMicro()))
}

func (f *fingerprint) number(d money.Decimal) {
	start := len(f.buffer)
	f.buffer = append(f.buffer, 0)
	f.buffer = d.AppendTo(f.buffer)
	f.buffer[start] = byte(len(f.buffer) - start)
}

func (f *fingerprint) sum() (d Digest) {
	full := sha256.Sum256(f.buffer)
	copy(d[:], full[:])
	return d
}
