package models

import (
	"slices"
	"time"
)

// WebhookEndpoint is where programs of a publisher hear what happens to its
// private offers.
type WebhookEndpoint struct {
	ID          string `gorm:"column:id;primaryKey" json:"id"`
	PublisherID string `gorm:"column:publisher_id" json:"publisherId"`
	URL         string `gorm:"column:url" json:"url"`
	Description string `gorm:"column:description" json:"description"`
	// EventTypes are those that it hears of, nil for all.
	EventTypes []OfferEventType `gorm:"column:event_types;serializer:json" json:"eventTypes"`
	// Secret signs what is sent, sealed with the installation's key. PreviousSecret
	// signs beside it until PreviousUntil, exclusive, so that receivers can change
	// from one to the other.
	Secret         string     `gorm:"column:secret" json:"-"`
	PreviousSecret string     `gorm:"column:previous_secret" json:"-"`
	PreviousUntil  *time.Time `gorm:"column:previous_until" json:"previousUntil"`
	CreatedAt      time.Time  `gorm:"column:created_at;autoCreateTime:false" json:"createdAt"`
	UpdatedAt      time.Time  `gorm:"column:updated_at;autoUpdateTime:false" json:"updatedAt"`
	// DisabledAt is since when nothing is sent there, and DisabledReason why; nil
	// and "" where it is.
	DisabledAt     *time.Time            `gorm:"column:disabled_at" json:"disabledAt"`
	DisabledReason WebhookDisabledReason `gorm:"column:disabled_reason" json:"disabledReason"`
}

// WebhookDisabledReason says why nothing is sent to an endpoint.
type WebhookDisabledReason string

// The reasons.
const (
	// WebhookSwitchedOff: its owner did.
	WebhookSwitchedOff WebhookDisabledReason = "SWITCHED_OFF"
	// WebhookGone: it answered 410 Gone.
	WebhookGone WebhookDisabledReason = "GONE"
)

// Codes of webhook endpoints.
const (
	CodeInvalidURL      Code = "INVALID_URL"
	CodeURLNotHTTPS     Code = "URL_NOT_HTTPS"
	CodeURLNotPublic    Code = "URL_NOT_PUBLIC"
	CodeTooManyWebhooks Code = "TOO_MANY_WEBHOOK_ENDPOINTS"
)

// MaxWebhookEndpoints is about the most endpoints that a publisher has: calls that
// come at once may each make the last.
const MaxWebhookEndpoints = 10

// WebhookSecretOverlap is how long a secret that was replaced signs beside the new
// one.
const WebhookSecretOverlap = 24 * time.Hour

// Hears tells whether events of the type are sent to the endpoint.
func (e *WebhookEndpoint) Hears(event OfferEventType) bool {
	return e.DisabledAt == nil && (len(e.EventTypes) == 0 || slices.Contains(e.EventTypes, event))
}

// Secrets are those that sign at an instant, sealed, the newest first.
func (e *WebhookEndpoint) Secrets(now time.Time) []string {
	if e.PreviousUntil != nil && now.Before(*e.PreviousUntil) {
		return []string{e.Secret, e.PreviousSecret}
	}
	return []string{e.Secret}
}

// Rotate replaces the secret by another, sealed like it. The one that it replaces
// signs until WebhookSecretOverlap from now; one that was replaced before signs no
// more.
func (e *WebhookEndpoint) Rotate(sealed string, now time.Time) {
	until := now.Add(WebhookSecretOverlap)
	e.Secret, e.PreviousSecret, e.PreviousUntil, e.UpdatedAt = sealed, e.Secret, &until, now
}

// Enable sends to the endpoint again, or stops that for a reason. What it is
// already it stays, with the reason that it has.
func (e *WebhookEndpoint) Enable(enabled bool, reason WebhookDisabledReason, now time.Time) {
	switch {
	case enabled:
		e.DisabledAt, e.DisabledReason = nil, ""
	case e.DisabledAt == nil:
		e.DisabledAt, e.DisabledReason = &now, reason
	}
}

// Check finds what is wrong with an endpoint, but for its URL: where messages may
// go the sender knows.
func (e *WebhookEndpoint) Check() (vs Violations) {
	vs.checkText("description", e.Description, false)
	return vs
}
