package graph

import (
	"context"

	"sellthrough/graph/generated"
	"sellthrough/internal/auth"
	"sellthrough/internal/store"
	"sellthrough/models"
)

func notificationFilter(where *generated.NotificationWhere) (filter store.NotificationFilter) {
	if where == nil {
		return filter
	}
	return store.NotificationFilter{
		IDs: bareAll(bareGUID, kindNotification, where.Ids), PrivateOfferID: bareOf(bareGUID, kindPrivateOffer, where.PrivateOfferID),
		Channel: value(where.Channel), Statuses: where.Status,
	}
}

// attemptsOf reads the delivery logs of notifications at once.
func (r *Resolver) attemptsOf(ctx context.Context, notifications []*models.Notification) ([][]models.NotificationAttempt, error) {
	place, ids := make(map[string][]int, len(notifications)), make([]string, len(notifications))
	for i, n := range notifications {
		ids[i] = n.ID
		place[n.ID] = append(place[n.ID], i)
	}
	dealt := make([][]models.NotificationAttempt, len(notifications))
	err := r.Market.Store.Read(ctx, auth.ViewerFrom(ctx), func(reader *store.Reader) error {
		attempts, err := reader.NotificationAttempts(ids)
		for _, attempt := range attempts {
			for _, i := range place[attempt.NotificationID] {
				dealt[i] = append(dealt[i], attempt)
			}
		}
		return err
	})
	return dealt, err
}
