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

// ChangesStatus tells whether an event changes the status of an offer, or of one
// of its resellers. Drafts come, change and go without.
func (e OfferEventType) ChangesStatus() bool {
	switch e {
	case EventSubmitted, EventAuthorized, EventPublished, EventFailed, EventRetried, EventLive, EventWithdrawn, EventEnded:
		return true
	}
	return false
}

// StatusChange is an event with the states before and after it.
type StatusChange struct {
	Event         OfferEvent
	Before, After OfferStatus
	// ResellerBefore and ResellerAfter are those of the reseller that it happened
	// to, empty where it happened to the offer as a whole.
	ResellerBefore, ResellerAfter ProgressStatus
}

// StatusChanges walks the history of an offer, whole and from its first event on,
// and returns the events that change a status. Status is here what was recorded:
// LIVE from the event LIVE on, ENDED from the event ENDED on, and WITHDRAWN once
// no reseller is left.
func (o *PrivateOffer) StatusChanges(history []OfferEvent) []StatusChange {
	w := statusWalk{resellers: len(o.Resellers), steps: map[string]ProgressStatus{}, authorized: map[string]bool{}, of: map[ProgressStatus]int{}}
	var changes []StatusChange
	for _, event := range history {
		if !event.Type.ChangesStatus() {
			continue
		}
		change := StatusChange{Event: event, Before: w.status(), ResellerBefore: w.step(event.ResellerTenantID)}
		w.take(event)
		change.After, change.ResellerAfter = w.status(), w.step(event.ResellerTenantID)
		changes = append(changes, change)
	}
	return changes
}

// statusWalk is where an offer stands within its history.
type statusWalk struct {
	resellers                         int
	submitted, live, withdrawn, ended bool
	steps                             map[string]ProgressStatus // of the resellers that have taken one
	authorized                        map[string]bool
	of                                map[ProgressStatus]int // how many of steps are at it
}

func (w *statusWalk) take(event OfferEvent) {
	id := event.ResellerTenantID
	switch event.Type {
	case EventSubmitted:
		w.submitted = true
	case EventLive:
		w.live = true
	case EventEnded:
		w.ended = true
	case EventAuthorized:
		w.authorized[id] = true
		w.move(id, PublishInProgress)
	case EventPublished:
		w.move(id, ProgressLive)
	case EventFailed:
		w.move(id, ProgressFailed)
	case EventRetried:
		if w.authorized[id] {
			w.move(id, PublishInProgress)
		} else {
			w.move(id, AuthorizationInProgress)
		}
	case EventWithdrawn:
		w.withdrawn = w.withdrawn || id == ""
		w.move(id, ProgressWithdrawn)
	}
}

func (w *statusWalk) move(id string, to ProgressStatus) {
	if id == "" {
		return
	}
	if from, moved := w.steps[id]; moved {
		w.of[from]--
	}
	w.steps[id] = to
	w.of[to]++
}

func (w *statusWalk) step(id string) ProgressStatus {
	if id == "" {
		return ""
	}
	if step, moved := w.steps[id]; moved {
		return step
	}
	return AuthorizationInProgress
}

func (w *statusWalk) status() OfferStatus {
	settled := w.of[ProgressLive] + w.of[ProgressFailed] + w.of[ProgressWithdrawn]
	switch {
	case !w.submitted:
		return StatusDraft
	case w.withdrawn:
		return StatusWithdrawn
	case w.ended:
		return StatusEnded
	case w.live && settled == w.resellers && (w.of[ProgressLive] > 0 || w.of[ProgressWithdrawn] == w.resellers):
		return StatusLive
	}
	return StatusInProgress
}

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
