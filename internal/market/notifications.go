package market

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// announce writes down what happened to an offer, which is locked and as it is
// since, and queues what is said of it: one transaction with what it tells, so
// that whatever is told happened, and whatever happened is told.
//
// Recipients hear of an offer that goes live, ends or is withdrawn, once each. An
// offer that is withdrawn from some resellers only is told once for all of them.
// Programs hear of every event that their endpoint listens to.
func (m *Market) announce(w *store.Writer, offer *models.PrivateOffer, events ...models.OfferEvent) error {
	if len(events) == 0 {
		return nil
	}
	if err := w.AppendOfferEvents(offer.ID, events); err != nil {
		return err
	}
	queue, err := webhookNotices(w, offer, events)
	if err != nil {
		return err
	}
	last := events[len(events)-1]
	if !last.Type.Notices() || len(offer.NotificationContacts) == 0 {
		return w.QueueNotifications(queue)
	}
	notice, err := notice(w, offer, events)
	if err != nil {
		return err
	}
	for _, contact := range offer.NotificationContacts {
		n, err := queued(last, models.ChannelMail, contact, notice)
		if err != nil {
			return err
		}
		queue = append(queue, n)
	}
	return w.QueueNotifications(queue)
}

// queued is a notification of an event that is due at once.
func queued(event models.OfferEvent, channel models.Channel, recipient string, notice models.Notice) (models.Notification, error) {
	id, err := uuid.NewV7() // in order of creation, which is the order of the list
	return models.Notification{
		ID: id.String(), PrivateOfferID: notice.PrivateOfferID, EventNumber: event.Number, Type: event.Type, Channel: channel, Recipient: recipient,
		Notice: notice, CreatedAt: event.OccurredAt, QueuedAt: event.OccurredAt, NextAttemptAt: &event.OccurredAt,
	}, err
}

// notice is what is said of the last of the events.
func notice(w *store.Writer, offer *models.PrivateOffer, events []models.OfferEvent) (models.Notice, error) {
	publishers, err := w.Publishers([]string{offer.PublisherID})
	if err != nil {
		return models.Notice{}, err
	}
	products, err := productsByID(w.Reader, offer)
	if err != nil {
		return models.Notice{}, err
	}
	resellers, err := resellersByID(w.Reader, offer)
	if err != nil {
		return models.Notice{}, err
	}
	var publisher models.Publisher
	if len(publishers) > 0 {
		publisher = publishers[0]
	}
	last := events[len(events)-1]
	var withdrawn []string
	if last.Type == models.EventWithdrawn && last.ResellerTenantID != "" { // else nobody is left
		for _, event := range events {
			withdrawn = append(withdrawn, event.ResellerTenantID)
		}
	}
	return models.NewNotice(last, offer, publisher, products, resellers, withdrawn), nil
}

// Send carries one notification to its recipient, within the context, and never
// panics. It is safe for concurrent use.
type Send func(ctx context.Context, n *models.Notification) models.Delivery

// An attempt has sendTimeout, and whoever claimed a notification has it for
// longer than that, so that it is claimed again only if the claimer is gone.
const (
	sendTimeout = 30 * time.Second
	sendLease   = 2 * time.Minute
	// sendAtOnce is how many notifications one instance sends at once by each
	// channel, one to each recipient.
	sendAtOnce = 16
)

// unserved is why a notification is given up that nobody could send.
const unserved = "no server is configured that sends such notifications"

// Delivered counts what Deliver did: notifications that arrived, that failed and
// are tried again, and that are given up.
type Delivered struct{ Delivered, Failed, Dead int }

// Deliver sends every notification that is due, each at least once: what was
// being sent when an instance ended is sent again once its lease is over. Any
// number of instances may deliver at once, and no two send the same meanwhile.
// Nothing is sent inside a transaction. Who is slow keeps others waiting as little
// as can be: each channel has places of its own, and each recipient one of them.
// It returns when nothing is due, or the context ends; what is being sent then is
// cut off, and tried again.
func (m *Market) Deliver(ctx context.Context) (all Delivered, err error) {
	channels := slices.Sorted(maps.Keys(m.Send))
	due := false
	err = m.Store.Read(ctx, models.System, func(r *store.Reader) (err error) {
		due, err = r.NotificationsDue(m.Now())
		return err
	})
	if err != nil || !due {
		return all, err
	}
	err = m.Store.Write(ctx, models.System, func(w *store.Writer) error {
		now := m.Now()
		given, err := w.GiveUpNotifications(channels, now.Add(-models.NotificationPatience), now, unserved)
		all.Dead = int(given)
		return err
	})
	if err != nil {
		return all, err
	}
	type sent struct {
		*models.Notification
		left models.NotificationStatus
		err  error
	}
	arrivals, busy := make(chan sent), map[string]models.Channel{} // by recipient
	for due := true; ; due = err == nil {
		for due {
			var n *models.Notification
			n, err = m.claim(ctx, channels, busy)
			if due = n != nil; due {
				busy[n.Recipient] = n.Channel
				go func() {
					left, err := m.deliver(ctx, n)
					arrivals <- sent{n, left, err}
				}()
			}
		}
		if len(busy) == 0 {
			return all, err
		}
		one := <-arrivals
		delete(busy, one.Recipient)
		err = errors.Join(err, one.err)
		switch one.left {
		case models.NotificationDelivered:
			all.Delivered++
		case models.NotificationPending:
			all.Failed++
		case models.NotificationDead:
			all.Dead++
		}
	}
}

// claim takes the next notification that is due, by a channel that has a place
// left, to a recipient who is not busy; nil if there is none.
func (m *Market) claim(ctx context.Context, channels []models.Channel, busy map[string]models.Channel) (*models.Notification, error) {
	places := map[models.Channel]int{}
	for _, channel := range busy {
		places[channel]++
	}
	open := slices.DeleteFunc(slices.Clone(channels), func(c models.Channel) bool { return places[c] == sendAtOnce })
	if len(open) == 0 {
		return nil, nil
	}
	var claimed []models.Notification
	err := m.Store.Write(ctx, models.System, func(w *store.Writer) (err error) {
		now := m.Now()
		claimed, err = w.ClaimNotifications(open, slices.Collect(maps.Keys(busy)), now, now.Add(sendLease), 1)
		return err
	})
	if err != nil || len(claimed) == 0 {
		return nil, err
	}
	return &claimed[0], nil
}

// deliver sends what was claimed and records how that went. It returns where that
// left the notification, nothing if that could not be recorded.
func (m *Market) deliver(ctx context.Context, n *models.Notification) (left models.NotificationStatus, err error) {
	var delivery models.Delivery
	if m.Watch != nil {
		job, done := m.Watch.Deliver(ctx, n.Channel)
		defer func() { done(delivery, left) }()
		ctx = job
	}
	began := m.Now()
	sending, cancel := context.WithTimeout(ctx, sendTimeout)
	delivery = m.Send[n.Channel](sending, n)
	cancel()
	now := m.Now()
	attempt := models.NotificationAttempt{
		NotificationID: n.ID, Number: n.AttemptCount, Outcome: delivery.Outcome,
		DurationMilliseconds: now.Sub(began).Milliseconds(), StatusCode: delivery.StatusCode, Error: delivery.Error,
	}
	// What arrived is written down though the program is told to stop: else it
	// would be sent again.
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	err = m.Store.Write(recording, models.System, func(w *store.Writer) error {
		stored, err := w.NotificationForUpdate(n.ID)
		if err != nil {
			return err
		}
		stored.Settle(attempt.Number, delivery, now)
		left = stored.Status()
		return errors.Join(w.SaveNotification(stored), w.SaveNotificationAttempt(&attempt))
	})
	if err != nil {
		left = ""
	}
	return left, err
}

// RedeliverNotification makes a notification due again, whether it was
// delivered, is DEAD or waits, and returns it. The violations are NOT_FOUND and
// INVALID_STATE (it is being sent now).
func (m *Market) RedeliverNotification(ctx context.Context, request Request, id string) (*models.Notification, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (*models.Notification, bool, error) {
		n, err := w.NotificationForUpdate(id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, false, violation("id", models.CodeNotFound, models.Quote(id)+" is not a notification of yours")
		}
		if err != nil {
			return nil, false, err
		}
		if err := n.Redeliver(m.Now()).Err(); err != nil {
			return nil, false, err
		}
		return n, true, w.SaveNotification(n)
	})
}
