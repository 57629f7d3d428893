package models

import (
	"hash/fnv"
	"time"
)

// Notification is one message about an event of a private offer to one
// recipient. It is queued in the transaction of the event, says what held then
// whatever becomes of the offer, and is sent until it has arrived or is given
// up.
type Notification struct {
	ID             string `gorm:"column:id;primaryKey"`
	PrivateOfferID string `gorm:"column:private_offer_id"`
	// EventNumber is the place of the event in the history of the offer.
	EventNumber int            `gorm:"column:event_number"`
	Type        OfferEventType `gorm:"column:type"`
	Channel     Channel        `gorm:"column:channel"`
	// Recipient is a mail address, or whatever else the channel knows its
	// recipients by. Each hears of an event once.
	Recipient string `gorm:"column:recipient"`
	// Notice is what the message says.
	Notice Notice `gorm:"column:notice;serializer:json"`
	// CreatedAt is the instant of the event, QueuedAt that of the last
	// redelivery or, without one, the same: patience is counted from there.
	CreatedAt time.Time `gorm:"column:created_at;autoCreateTime:false"`
	QueuedAt  time.Time `gorm:"column:queued_at"`
	// AttemptCount counts the attempts, those included that were cut off.
	AttemptCount int `gorm:"column:attempt_count"`
	// NextAttemptAt is when it is due, nil once it is DELIVERED or DEAD.
	NextAttemptAt *time.Time `gorm:"column:next_attempt_at"`
	// LeasedUntil is how long whoever claimed it last has it alone: an attempt
	// runs, or was cut off. Nil while nobody has it.
	LeasedUntil *time.Time `gorm:"column:leased_until"`
	// DeliveredAt is when it arrived, DeadAt when it was given up; never both.
	DeliveredAt *time.Time `gorm:"column:delivered_at"`
	DeadAt      *time.Time `gorm:"column:dead_at"`
	// LastError is why the last attempt failed, empty if it did not: words of
	// this program, without anything secret.
	LastError string `gorm:"column:last_error"`
}

// Channel is a way to recipients.
type Channel string

// The channels.
const (
	// ChannelMail goes to addresses.
	ChannelMail Channel = "MAIL"
	// ChannelWebhook goes to programs, by the id of their endpoint.
	ChannelWebhook Channel = "WEBHOOK"
)

// Channels lists every channel.
var Channels = []Channel{ChannelMail, ChannelWebhook}

// NotificationStatus is where a notification stands.
type NotificationStatus string

// The states. Redelivering makes a notification PENDING again.
const (
	NotificationPending   NotificationStatus = "PENDING"
	NotificationDelivered NotificationStatus = "DELIVERED"
	NotificationDead      NotificationStatus = "DEAD"
)

// Status follows from what happened to the notification.
func (n *Notification) Status() NotificationStatus {
	switch {
	case n.DeliveredAt != nil:
		return NotificationDelivered
	case n.DeadAt != nil:
		return NotificationDead
	}
	return NotificationPending
}

// NotificationAttempt is one attempt to deliver a notification: a line of the
// delivery log. It is written before anything is sent.
type NotificationAttempt struct {
	NotificationID string `gorm:"column:notification_id;primaryKey"`
	// Number counts the attempts of the notification from 1.
	Number    int       `gorm:"column:number;primaryKey"`
	StartedAt time.Time `gorm:"column:started_at"`
	// Outcome is empty while the attempt runs, and for good if it was cut off:
	// then nobody knows whether the message arrived.
	Outcome DeliveryOutcome `gorm:"column:outcome"`
	// DurationMilliseconds is how long it took by the clock of the market.
	DurationMilliseconds int64 `gorm:"column:duration_milliseconds"`
	// StatusCode is the recipient's answer as its protocol numbers it (SMTP: 250;
	// HTTP: 204), 0 where there was none.
	StatusCode int `gorm:"column:status_code"`
	// Error is why it failed, as in Notification.LastError.
	Error string `gorm:"column:error"`
}

// DeliveryOutcome is how an attempt ended.
type DeliveryOutcome string

// The outcomes. What FAILED is tried again until patience ends; what was REFUSED
// never: the recipient does not want it, or does not exist.
const (
	OutcomeDelivered DeliveryOutcome = "DELIVERED"
	OutcomeFailed    DeliveryOutcome = "FAILED"
	OutcomeRefused   DeliveryOutcome = "REFUSED"
)

// Delivery is what a channel reports of one attempt.
type Delivery struct {
	Outcome DeliveryOutcome
	// StatusCode and Error are those of NotificationAttempt.
	StatusCode int
	Error      string
	// RetryAfter is how long the recipient asks to be left alone after what FAILED,
	// 0 where it does not ask.
	RetryAfter time.Duration
}

// How often delivery is tried: after half a minute, and then each time after
// twice as long as before, 6 hours at most, until patience has ended.
const (
	firstRetry = 30 * time.Second
	lastRetry  = 6 * time.Hour
	// NotificationPatience is how long a notification that fails is tried. It is
	// given up with the attempt after which the next would come later.
	NotificationPatience = 72 * time.Hour
)

// RetryDelay is how long to wait after an attempt, counted from 1, that failed.
// Up to a quarter of the time is added, which differs by notification and
// attempt and is always the same for one: what failed together does not come
// back together.
func RetryDelay(notificationID string, attempt int) time.Duration {
	delay := lastRetry
	if doublings := attempt - 1; doublings < 10 { // 30 s doubled ten times is more than 6 h
		delay = firstRetry << max(0, doublings)
	}
	hash := fnv.New64a()
	hash.Write([]byte(notificationID))
	hash.Write([]byte{byte(attempt), byte(attempt >> 8)})
	return delay + time.Duration(hash.Sum64()%uint64(delay/4))
}

// Settle records how the attempt with the number ended, at the instant now.
//
// That it arrived counts whoever was meant to have it by then. A failure counts
// only for the latest attempt: an earlier one was cut off by the clock, and
// somebody else is at it.
func (n *Notification) Settle(number int, d Delivery, now time.Time) {
	switch {
	case d.Outcome == OutcomeDelivered:
		if n.DeliveredAt == nil {
			n.DeliveredAt = &now
		}
		n.DeadAt, n.NextAttemptAt, n.LeasedUntil, n.LastError = nil, nil, nil, ""
	case number != n.AttemptCount || n.Status() != NotificationPending:
	default:
		n.LeasedUntil, n.LastError = nil, d.Error
		next := now.Add(max(RetryDelay(n.ID, number), d.RetryAfter))
		if n.NextAttemptAt = &next; d.Outcome == OutcomeRefused || next.After(n.QueuedAt.Add(NotificationPatience)) {
			n.DeadAt, n.NextAttemptAt = &now, nil
		}
	}
}

// Redeliver makes a notification due at the instant now, as if it had just been
// queued. The violation INVALID_STATE: it is being sent already.
func (n *Notification) Redeliver(now time.Time) (vs Violations) {
	if n.Status() == NotificationPending && n.LeasedUntil != nil && n.LeasedUntil.After(now) {
		vs.Add("id", CodeInvalidState, "the notification is being sent now: wait until "+n.LeasedUntil.Format(time.RFC3339))
		return vs
	}
	n.QueuedAt, n.NextAttemptAt, n.LeasedUntil = now, &now, nil
	n.DeliveredAt, n.DeadAt, n.LastError = nil, nil, ""
	return nil
}

// Notice is what a notification says: the offer as it was when the event
// happened. It is stored as JSON: fields are added, never renamed.
type Notice struct {
	Type       OfferEventType `json:"type"`
	OccurredAt time.Time      `json:"occurredAt"`

	PrivateOfferID   string `json:"privateOfferId"`
	PrivateOfferName string `json:"privateOfferName"`
	PublisherID      string `json:"publisherId"`
	PublisherName    string `json:"publisherName"`
	// Products are those priced, each once, by id.
	Products []NoticeProduct `json:"products"`
	// StartMonth is 0 for "as soon as possible".
	StartMonth Month `json:"startMonth,omitempty"`
	EndMonth   Month `json:"endMonth"`
	// Resellers counts all that the offer names, Live those that it is published
	// for and not withdrawn from.
	Resellers int `json:"resellers"`
	Live      int `json:"live"`
	// Failed are those for whom publishing failed. Withdrawn are those from whom
	// this event withdrew the offer, empty where it withdrew the whole.
	Failed    []NoticeReseller `json:"failed,omitempty"`
	Withdrawn []NoticeReseller `json:"withdrawn,omitempty"`

	// Programs hear of each event, and of nothing that they can ask for: Status is
	// the offer's, ResellerTenantID whom the event happened to, empty for the offer
	// as a whole, and FailureReason why publishing FAILED. Mails leave them empty.
	Status           OfferStatus `json:"status,omitempty"`
	ResellerTenantID string      `json:"resellerTenantId,omitempty"`
	FailureReason    string      `json:"failureReason,omitempty"`
}

// NoticeProduct is a product that an offer prices.
type NoticeProduct struct {
	ProductID string `json:"productId"`
	Title     string `json:"title"`
}

// NoticeReseller is a reseller that a notice names.
type NoticeReseller struct {
	TenantID string `json:"tenantId"`
	Name     string `json:"name"`
	// FailureReason is why publishing failed.
	FailureReason string `json:"failureReason,omitempty"`
}

// Notices tells whether recipients hear of an event of this type: an offer that
// becomes live, ends or is withdrawn (rules 2.2).
func (t OfferEventType) Notices() bool {
	return t == EventLive || t == EventEnded || t == EventWithdrawn
}

// NewNotice is what is said of the offer as it is now, after the event. Products
// and resellers by id hold what the offer names; names that are missing are left
// empty. withdrawn are the tenant ids of those from whom the event withdrew the
// offer while others stayed.
func NewNotice(event OfferEvent, offer *PrivateOffer, publisher Publisher, products map[string]Product, resellers map[string]Reseller, withdrawn []string) Notice {
	n := Notice{
		Type: event.Type, OccurredAt: event.OccurredAt, PrivateOfferID: offer.ID, PrivateOfferName: offer.Name,
		PublisherID: offer.PublisherID, PublisherName: publisher.Name, StartMonth: offer.StartMonth, EndMonth: offer.EndMonth,
		Products: []NoticeProduct{}, Resellers: len(offer.Resellers),
	}
	seen := map[string]bool{}
	for i := range offer.Pricing {
		if id := offer.Pricing[i].ProductID; !seen[id] {
			seen[id] = true
			n.Products = append(n.Products, NoticeProduct{id, products[id].Title})
		}
	}
	for i := range offer.Resellers {
		r := &offer.Resellers[i]
		switch r.Status() {
		case ProgressLive:
			n.Live++
		case ProgressFailed:
			n.Failed = append(n.Failed, NoticeReseller{r.ResellerTenantID, resellers[r.ResellerTenantID].Name, r.FailureReason})
		}
	}
	for _, id := range withdrawn {
		n.Withdrawn = append(n.Withdrawn, NoticeReseller{TenantID: id, Name: resellers[id].Name})
	}
	return n
}
