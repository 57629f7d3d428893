package graph_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// note is a mail about an offer that arrived an hour ago.
func (s *stage) note(id, offerID string) {
	s.t.Helper()
	then := s.now.Add(-time.Hour)
	n := models.Notification{
		ID: id, PrivateOfferID: offerID, EventNumber: 1, Type: models.EventLive, Channel: models.ChannelMail, Recipient: id + "@mail.example",
		Notice: models.Notice{Type: models.EventLive, PrivateOfferID: offerID}, CreatedAt: then, QueuedAt: then, DeliveredAt: &then,
	}
	s.write(func(w *store.Writer) error { return w.QueueNotifications([]models.Notification{n}) })
}

// deliver sends what is due to recipients that fail, refuse or take it, and says
// what was sent, in order.
func (s *stage) deliver(failing, refused bool) string {
	s.t.Helper()
	answer := map[models.Channel]models.Delivery{
		models.ChannelMail:    {Outcome: models.OutcomeDelivered, StatusCode: 250},
		models.ChannelWebhook: {Outcome: models.OutcomeDelivered, StatusCode: 204},
	}
	switch {
	case failing:
		answer[models.ChannelMail] = models.Delivery{Outcome: models.OutcomeFailed, StatusCode: 451, Error: "the server is busy"}
		answer[models.ChannelWebhook] = models.Delivery{Outcome: models.OutcomeFailed, StatusCode: 503, Error: "the endpoint answered 503"}
	case refused:
		answer[models.ChannelMail] = models.Delivery{Outcome: models.OutcomeRefused, StatusCode: 550, Error: "there is no such mailbox"}
		answer[models.ChannelWebhook] = models.Delivery{Outcome: models.OutcomeRefused, StatusCode: 410, Error: "the endpoint is gone"}
	}
	var lock sync.Mutex
	var said []string
	send := func(_ context.Context, n *models.Notification) models.Delivery {
		lock.Lock()
		defer lock.Unlock()
		said = append(said, fmt.Sprintf("%s %s %s %s\n", n.Channel, n.Recipient, n.Type, answer[n.Channel].Outcome))
		return answer[n.Channel]
	}
	s.market.Send = map[models.Channel]market.Send{models.ChannelMail: send, models.ChannelWebhook: send}
	if _, err := s.market.Deliver(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(said)
	return strings.Join(said, "")
}
