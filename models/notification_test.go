package models_test

import (
	"fmt"
	"testing"
	"time"

	"sellthrough/models"
)

// Each wait is twice the one before, and 6 hours in the end, with up to a quarter
// more that differs from notification to notification.
func TestRetryDelay(t *testing.T) {
	for attempt, least := range map[int]time.Duration{
		1: 30 * time.Second, 2: time.Minute, 3: 2 * time.Minute, 9: 128 * time.Minute, 10: 256 * time.Minute, 11: 6 * time.Hour, 12: 6 * time.Hour, 1000: 6 * time.Hour,
	} {
		delays := map[time.Duration]bool{}
		for i := range 100 {
			id := fmt.Sprint(i)
			delay := models.RetryDelay(id, attempt)
			if delay < least || delay >= least+least/4 {
				t.Errorf("after attempt %d: %v, want from %v to a quarter more", attempt, delay, least)
			}
			if again := models.RetryDelay(id, attempt); again != delay {
				t.Errorf("after attempt %d: %v, and then %v", attempt, delay, again)
			}
			delays[delay] = true
		}
		if len(delays) < 90 {
			t.Errorf("after attempt %d: 100 notifications have only %d delays", attempt, len(delays))
		}
	}
}

// What a late answer of an earlier attempt changes: arrived is arrived, but its
// failure says nothing of the attempt that runs since.
func TestSettleLate(t *testing.T) {
	queued := time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC)
	lease := queued.Add(time.Hour)
	second := func() models.Notification {
		return models.Notification{ID: "n", QueuedAt: queued, AttemptCount: 2, NextAttemptAt: &queued, LeasedUntil: &lease}
	}
	for _, failure := range []models.DeliveryOutcome{models.OutcomeFailed, models.OutcomeRefused} {
		n := second()
		n.Settle(1, models.Delivery{Outcome: failure, Error: "late"}, queued)
		if n.LeasedUntil != &lease || n.LastError != "" || n.Status() != models.NotificationPending {
			t.Errorf("the first attempt, %s late, changed the second: %+v", failure, n)
		}
	}
	n := second()
	n.Settle(1, models.Delivery{Outcome: models.OutcomeDelivered}, queued)
	if n.Status() != models.NotificationDelivered || n.NextAttemptAt != nil {
		t.Errorf("it arrived with the first attempt: %+v", n)
	}
	n.Settle(2, models.Delivery{Outcome: models.OutcomeFailed, Error: "later still"}, lease)
	if n.Status() != models.NotificationDelivered || !n.DeliveredAt.Equal(queued) {
		t.Errorf("the second attempt failed, and it arrived all the same: %+v", n)
	}
	n.Settle(2, models.Delivery{Outcome: models.OutcomeDelivered}, lease)
	if !n.DeliveredAt.Equal(queued) {
		t.Errorf("it arrived twice, first at %v: %+v", queued, n)
	}
}
