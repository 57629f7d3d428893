package store

import (
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"sellthrough/models"
)

// NotificationFilter narrows a list of notifications, as ProductFilter does.
type NotificationFilter struct {
	IDs            []string
	PrivateOfferID string
	Channel        models.Channel
	// Statuses are those to list; nil is all, an empty list none.
	Statuses []models.NotificationStatus
}

// standing says in SQL what models.Notification.Status says.
var standing = map[models.NotificationStatus]string{
	models.NotificationPending:   "next_attempt_at IS NOT NULL",
	models.NotificationDelivered: "delivered_at IS NOT NULL",
	models.NotificationDead:      "dead_at IS NOT NULL",
}

func (r *Reader) notifications(f NotificationFilter) *gorm.DB {
	query := r.in(r.from("notifications"), "id", f.IDs)
	query = equal(equal(query, "private_offer_id", f.PrivateOfferID), "channel", string(f.Channel))
	if f.Statuses == nil {
		return query
	}
	alternatives := []string{"1 = 0"}
	for _, status := range f.Statuses {
		alternatives = append(alternatives, standing[status])
	}
	return query.Where(strings.Join(alternatives, " OR "))
}

// Notifications lists notifications by id, which is the order in which they were
// queued first. No reseller sees any.
func (r *Reader) Notifications(filter NotificationFilter, page Page) ([]models.Notification, bool, error) {
	return pageOf[models.Notification](r, "notifications", r.notifications(filter), page, "id")
}

// CountNotifications counts what Notifications lists.
func (r *Reader) CountNotifications(filter NotificationFilter) (int64, error) {
	return count(r, r.notifications(filter))
}

// dueNotifications are those that somebody may claim at the instant now.
func (r *Reader) dueNotifications(now time.Time) *gorm.DB {
	return r.from("notifications").Where("next_attempt_at <= ? AND (leased_until IS NULL OR leased_until <= ?)", now, now)
}

// NotificationsDue tells whether any notification waits at the instant now, of
// whatever channel.
func (r *Reader) NotificationsDue(now time.Time) (bool, error) {
	_, err := one[models.Notification](r, "notifications", r.dueNotifications(now).Select("id"))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// NotificationAttempts is the delivery log of some notifications, by
// notification and number.
func (r *Reader) NotificationAttempts(notificationIDs []string) ([]models.NotificationAttempt, error) {
	return find[models.NotificationAttempt](r, "notification_attempts",
		r.in(r.from("notification_attempts"), "notification_id", notificationIDs).Order("notification_id, number"))
}

// QueueNotifications stores new notifications. One whose event, channel and
// recipient are queued already is ErrDuplicate.
func (w *Writer) QueueNotifications(notifications []models.Notification) error {
	if len(notifications) == 0 {
		return nil
	}
	return wrap(w.db.Table("notifications").CreateInBatches(&notifications, 100).Error)
}

// ClaimNotifications takes at most limit notifications of the channels, to none of
// the busy recipients, that are due at the instant now, those due first first, for
// one attempt each: they are the caller's alone until the lease ends. It returns
// them as they are then, and writes the attempt down, so that one that is cut off
// shows. Of any number of instances no two get the same; what others are taking is
// passed over.
func (w *Writer) ClaimNotifications(channels []models.Channel, busy []string, now, leaseUntil time.Time, limit int) ([]models.Notification, error) {
	query := w.dueNotifications(now).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Where("channel IN ?", channels)
	if len(busy) > 0 {
		query = query.Where("recipient NOT IN ?", busy)
	}
	claimed, err := find[models.Notification](w.Reader, "notifications", query.Order("next_attempt_at, id").Limit(limit))
	if err != nil || len(claimed) == 0 {
		return nil, err
	}
	attempts := make([]models.NotificationAttempt, len(claimed))
	ids := make([]string, len(claimed))
	for i := range claimed {
		n := &claimed[i]
		n.AttemptCount++
		n.LeasedUntil = &leaseUntil
		ids[i] = n.ID
		attempts[i] = models.NotificationAttempt{NotificationID: n.ID, Number: n.AttemptCount, StartedAt: now}
	}
	err = w.from("notifications").Where("id IN ?", ids).
		Updates(map[string]any{"attempt_count": gorm.Expr("attempt_count + 1"), "leased_until": leaseUntil}).Error
	if err != nil {
		return nil, wrap(err)
	}
	return claimed, wrap(w.db.Table("notification_attempts").Create(&attempts).Error)
}

// NotificationForUpdate is one notification, locked until the transaction ends.
// ErrNotFound: there is none, or the viewer may not see it.
func (w *Writer) NotificationForUpdate(id string) (*models.Notification, error) {
	return one[models.Notification](w.Reader, "notifications",
		w.from("notifications").Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id))
}

// SaveNotification stores where a notification stands. Lock it first.
func (w *Writer) SaveNotification(n *models.Notification) error {
	return w.updateOne(w.from("notifications").Where("id = ?", n.ID).
		Select("queued_at", "next_attempt_at", "leased_until", "delivered_at", "dead_at", "last_error").Updates(n))
}

// SaveNotificationAttempt stores how an attempt that was claimed ended.
func (w *Writer) SaveNotificationAttempt(a *models.NotificationAttempt) error {
	return w.updateOne(w.from("notification_attempts").Where("notification_id = ? AND number = ?", a.NotificationID, a.Number).
		Select("outcome", "duration_milliseconds", "status_code", "error").Updates(a))
}

// GiveUpNotifications makes those DEAD that were queued before an instant and
// wait at the instant now, for the reason given, and returns how many those were.
// Those of the channels named are left to whoever tries them.
func (w *Writer) GiveUpNotifications(channels []models.Channel, queuedBefore, now time.Time, reason string) (int64, error) {
	query := w.dueNotifications(now).Where("queued_at <= ?", queuedBefore)
	if len(channels) > 0 {
		query = query.Where("channel NOT IN ?", channels)
	}
	result := query.Updates(map[string]any{"dead_at": now, "next_attempt_at": nil, "leased_until": nil, "last_error": reason})
	return result.RowsAffected, wrap(result.Error)
}

// Backlog is what waits to be delivered, and what never will be, by channel.
type Backlog struct {
	Pending, Dead map[models.Channel]int64
	// Oldest is when the notification was queued that waits longest, nil if none
	// waits.
	Oldest *time.Time
}

// CountBacklog counts the notifications that are not delivered.
func (r *Reader) CountBacklog() (Backlog, error) {
	b := Backlog{Pending: map[models.Channel]int64{}, Dead: map[models.Channel]int64{}}
	for status, counts := range map[models.NotificationStatus]map[models.Channel]int64{models.NotificationPending: b.Pending, models.NotificationDead: b.Dead} {
		var found []struct {
			Channel models.Channel
			Count   int64
		}
		if err := r.from("notifications").Where(standing[status]).Select("channel, COUNT(*) AS count").Group("channel").Find(&found).Error; err != nil {
			return b, wrap(err)
		}
		for _, row := range found {
			counts[row.Channel] = row.Count
		}
	}
	oldest, err := one[models.Notification](r, "notifications",
		r.from("notifications").Select("queued_at").Where(standing[models.NotificationPending]).Order("queued_at"))
	if errors.Is(err, ErrNotFound) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	b.Oldest = &oldest.QueuedAt
	return b, nil
}
