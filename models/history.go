package models

import (
	"bytes"
	"encoding/json"
	"time"

	"sellthrough/internal/money"
)

// OfferEvent is one thing that happened to a private offer. Events are written
// in the transaction of what they tell, and never changed; no reseller sees
// one.
type OfferEvent struct {
	PrivateOfferID string `gorm:"column:private_offer_id;primaryKey"`
	// Number is the event's place in the history of its offer, from 1 without
	// a gap.
	Number     int            `gorm:"column:number;primaryKey"`
	Type       OfferEventType `gorm:"column:type"`
	OccurredAt time.Time      `gorm:"column:occurred_at"`
	// ResellerTenantID is the reseller that it happened to, empty where it
	// happened to the offer as a whole.
	ResellerTenantID string `gorm:"column:reseller_tenant_id"`
	// Role, Organization and Subject are the viewer's who did it; the worker
	// is an OPERATOR named system.
	Role         Role   `gorm:"column:role"`
	Organization string `gorm:"column:organization"`
	Subject      string `gorm:"column:subject"`
	// Reason is why publishing FAILED, and what is remarkable about the end of an
	// offer that ENDED unpublished.
	Reason string `gorm:"column:reason"`
	// SourceID is the offer that this one was CLONED from.
	SourceID string `gorm:"column:source_id"`
	// Changes are what CREATED, CLONED and UPDATED made of the draft.
	Changes []OfferChange `gorm:"column:changes;serializer:json"`
}

// OfferEventType says what happened.
type OfferEventType string

// The events. AUTHORIZED, PUBLISHED, FAILED and RETRIED happen to one reseller;
// WITHDRAWN to each reseller, and to the offer once no reseller is left.
const (
	EventCreated    OfferEventType = "CREATED"
	EventCloned     OfferEventType = "CLONED"
	EventUpdated    OfferEventType = "UPDATED"
	EventSubmitted  OfferEventType = "SUBMITTED"
	EventAuthorized OfferEventType = "AUTHORIZED"
	EventPublished  OfferEventType = "PUBLISHED"
	EventFailed     OfferEventType = "FAILED"
	EventRetried    OfferEventType = "RETRIED"
	EventLive       OfferEventType = "LIVE"
	EventWithdrawn  OfferEventType = "WITHDRAWN"
	EventEnded      OfferEventType = "ENDED"
)

// OfferChange is what became of one field of a draft.
type OfferChange struct {
	// Field has the name that it has in inputs: endMonth.
	Field string `json:"field"`
	// Before and After are JSON texts, null where there was or is nothing.
	Before string `json:"before"`
	After  string `json:"after"`
}

// OfferChanges lists the fields in which two drafts differ, in the order of the
// inputs. Before may be the zero offer: then all that is set differs.
func OfferChanges(before, after *PrivateOffer) []OfferChange {
	changes := []OfferChange{}
	was, is := before.fields(), after.fields()
	for i := range is {
		if x, y := text(was[i].value), text(is[i].value); x != y {
			changes = append(changes, OfferChange{is[i].name, x, y})
		}
	}
	return changes
}

type offerField struct {
	name  string
	value any
}

// fields are what a publisher decides of an offer.
func (o *PrivateOffer) fields() []offerField {
	type line struct {
		ProductID  string           `json:"productId"`
		PlanID     string           `json:"planId,omitempty"`
		Percentage money.Percentage `json:"percentage,omitzero"`
		Absolute   []AbsolutePrice  `json:"absolute,omitempty"`
	}
	type reseller struct {
		TenantID  string   `json:"tenantId"`
		Customers []string `json:"customers,omitempty"`
	}
	var lines []line
	for _, l := range o.Pricing {
		lines = append(lines, line{l.ProductID, l.PlanID, l.Percentage, l.Absolute})
	}
	var resellers []reseller
	for _, r := range o.Resellers {
		resellers = append(resellers, reseller{r.ResellerTenantID, r.CustomerTenantIDs})
	}
	return []offerField{
		{"name", orNull(o.Name)}, {"startMonth", orNull(o.StartMonth)}, {"endMonth", orNull(o.EndMonth)}, {"preparedBy", orNull(o.PreparedBy)},
		{"notificationContacts", listOrNull(o.NotificationContacts)}, {"pricing", listOrNull(lines)}, {"resellers", listOrNull(resellers)},
	}
}

func orNull[T comparable](value T) any {
	if value == *new(T) {
		return nil
	}
	return value
}

func listOrNull[T any](list []T) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

// text writes a value as JSON, as it is: a name with an ampersand keeps it.
func text(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // texts, months, percentages and decimals always encode
	return string(bytes.TrimSpace(b.Bytes()))
}
