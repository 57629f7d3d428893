package market

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"sellthrough/internal/store"
	"sellthrough/internal/webhook"
	"sellthrough/models"
)

// NewWebhook is an endpoint that has a new secret.
type NewWebhook struct {
	Endpoint models.WebhookEndpoint
	// Secret is what receivers verify with. It is told once, to whoever makes or
	// rotates it, as NewAPIKey.Text is.
	Secret string `json:"-"`
}

// CreateWebhookEndpoint makes an endpoint of a publisher: the viewer's own, or the
// one that an operator names. Violations are those of its URL and description,
// PUBLISHER_NOT_FOUND, and TOO_MANY_WEBHOOK_ENDPOINTS.
func (m *Market) CreateWebhookEndpoint(ctx context.Context, request Request, endpoint models.WebhookEndpoint) (*NewWebhook, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (*NewWebhook, bool, error) {
		id, err := uuid.NewV7() // in order of creation, which is the order of the list
		if err != nil {
			return nil, false, err
		}
		publisher, vs, err := publisherNamed(w, endpoint.PublisherID)
		if err == nil && len(vs) == 0 && publisher == "" {
			vs.Add("publisherId", models.CodeRequired, "is missing: name the publisher whose offers are to be heard of")
		}
		vs = append(vs, m.checkWebhook(&endpoint)...)
		if err := cmp.Or(err, vs.Err()); err != nil {
			return nil, false, err
		}
		has, err := w.CountWebhooks(store.WebhookFilter{PublisherID: publisher})
		if err == nil && has >= models.MaxWebhookEndpoints {
			err = violation("publisherId", models.CodeTooManyWebhooks, fmt.Sprintf("has %d endpoints already: delete those that nobody needs", has))
		}
		if err != nil {
			return nil, false, err
		}
		endpoint.ID, endpoint.PublisherID, endpoint.CreatedAt = id.String(), publisher, m.Now()
		endpoint.UpdatedAt = endpoint.CreatedAt
		made := &NewWebhook{Endpoint: endpoint}
		made.Secret, made.Endpoint.Secret = m.Webhooks.NewSecret(endpoint.ID)
		return quiet(made, request), true, w.CreateWebhook(&made.Endpoint)
	})
}

// quiet keeps a secret from whoever only asks what would be: it is none.
func quiet(made *NewWebhook, request Request) *NewWebhook {
	if request.ValidateOnly {
		made.Secret = ""
	}
	return made
}

func (m *Market) checkWebhook(e *models.WebhookEndpoint) models.Violations {
	return append(m.Webhooks.CheckURL("url", e.URL), e.Check()...)
}

// UpdateWebhookEndpoint changes an endpoint as change does, which may set its URL,
// description and event types, and whether it is enabled. The violations are
// NOT_FOUND and those of its URL and description.
func (m *Market) UpdateWebhookEndpoint(ctx context.Context, request Request, id string, set func(e *models.WebhookEndpoint)) (*models.WebhookEndpoint, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (*models.WebhookEndpoint, bool, error) {
		endpoint, err := webhookFor(w, id)
		if err != nil {
			return nil, false, err
		}
		set(endpoint)
		if vs := m.checkWebhook(endpoint); len(vs) > 0 {
			return nil, false, vs
		}
		endpoint.UpdatedAt = m.Now()
		return endpoint, true, w.SaveWebhook(endpoint)
	})
}

// RotateWebhookSecret gives an endpoint another secret; the one that it replaces
// signs beside it for models.WebhookSecretOverlap. The violation is NOT_FOUND.
func (m *Market) RotateWebhookSecret(ctx context.Context, request Request, id string) (*NewWebhook, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (*NewWebhook, bool, error) {
		endpoint, err := webhookFor(w, id)
		if err != nil {
			return nil, false, err
		}
		secret, sealed := m.Webhooks.NewSecret(endpoint.ID)
		endpoint.Rotate(sealed, m.Now())
		return quiet(&NewWebhook{*endpoint, secret}, request), true, w.SaveWebhook(endpoint)
	})
}

// DeleteWebhookEndpoint removes an endpoint for good, and returns its id. What
// waits to be sent there is not sent any more. The violation is NOT_FOUND.
func (m *Market) DeleteWebhookEndpoint(ctx context.Context, request Request, id string) (string, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (string, bool, error) {
		endpoint, err := webhookFor(w, id)
		if err != nil {
			return "", false, err
		}
		return endpoint.ID, true, w.DeleteWebhook(endpoint.ID)
	})
}

// webhookFor locks an endpoint to change it.
func webhookFor(w *store.Writer, id string) (*models.WebhookEndpoint, error) {
	endpoint, err := w.WebhookForUpdate(id)
	if errors.Is(err, store.ErrNotFound) {
		err = violation("id", models.CodeNotFound, models.Quote(id)+" is not a webhook endpoint of yours")
	}
	return endpoint, err
}

// webhookNotices are what the endpoints of the offer's publisher hear of events,
// each of each event that it listens to.
func webhookNotices(w *store.Writer, offer *models.PrivateOffer, events []models.OfferEvent) (queue []models.Notification, err error) {
	endpoints, _, err := w.Webhooks(store.WebhookFilter{PublisherID: offer.PublisherID}, store.Page{})
	if err != nil {
		return nil, err
	}
	for _, event := range events {
		for i := range endpoints {
			if !endpoints[i].Hears(event.Type) {
				continue
			}
			n, err := queued(event, models.ChannelWebhook, endpoints[i].ID, models.Notice{
				Type: event.Type, OccurredAt: event.OccurredAt, PrivateOfferID: offer.ID, PublisherID: offer.PublisherID,
				StartMonth: offer.StartMonth, EndMonth: offer.EndMonth, Status: offer.Status(event.OccurredAt),
				ResellerTenantID: event.ResellerTenantID, FailureReason: event.Reason,
			})
			if err != nil {
				return nil, err
			}
			queue = append(queue, n)
		}
	}
	return queue, nil
}

// webhookBody is what a program is sent: the shape of Standard Webhooks, with
// what it needs to know whether it has to ask for more. It follows from what was
// stored with the event, so each attempt says the same.
type webhookBody struct {
	// Type is the kind of object and what happened to it: private_offer.live.
	Type string `json:"type"`
	// Timestamp is the instant of the event.
	Timestamp time.Time   `json:"timestamp"`
	Data      webhookData `json:"data"`
}

type webhookData struct {
	PrivateOfferID   string             `json:"privateOfferId"`
	PublisherID      string             `json:"publisherId"`
	EventNumber      int                `json:"eventNumber"`
	Status           models.OfferStatus `json:"status"`
	StartMonth       *models.Month      `json:"startMonth"`
	EndMonth         *models.Month      `json:"endMonth"`
	ResellerTenantID *string            `json:"resellerTenantId"`
	FailureReason    *string            `json:"failureReason"`
}

func bodyOf(n *models.Notification) ([]byte, error) {
	return json.Marshal(webhookBody{
		Type: "private_offer." + strings.ToLower(string(n.Type)), Timestamp: n.Notice.OccurredAt.UTC(),
		Data: webhookData{
			PrivateOfferID: n.PrivateOfferID, PublisherID: n.Notice.PublisherID, EventNumber: n.EventNumber, Status: n.Notice.Status,
			StartMonth: unlessZero(n.Notice.StartMonth), EndMonth: unlessZero(n.Notice.EndMonth),
			ResellerTenantID: unlessZero(n.Notice.ResellerTenantID), FailureReason: unlessZero(n.Notice.FailureReason),
		},
	})
}

// unlessZero is nil for the zero value, which JSON then says as null.
func unlessZero[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// SendWebhook carries a notification of the channel WEBHOOK to its endpoint as
// that is now: its URL and secrets may have changed since the event. An endpoint
// that answers 410 Gone is disabled. It is a Send.
func (m *Market) SendWebhook(ctx context.Context, n *models.Notification) models.Delivery {
	var endpoint models.WebhookEndpoint
	err := m.Store.Read(ctx, models.System, func(r *store.Reader) error {
		found, _, err := r.Webhooks(store.WebhookFilter{IDs: []string{n.Recipient}}, store.Page{})
		if err == nil && len(found) == 0 {
			err = store.ErrNotFound
		}
		if err == nil {
			endpoint = found[0]
		}
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return models.Delivery{Outcome: models.OutcomeRefused, Error: "the endpoint was deleted"}
	case err != nil:
		return failed("this server could not read the endpoint")
	case endpoint.DisabledAt != nil:
		return models.Delivery{Outcome: models.OutcomeRefused, Error: "the endpoint is disabled: enable it, then redeliver"}
	}
	body, err := bodyOf(n)
	if err != nil {
		return failed("this server could not write the message")
	}
	result, err := m.Webhooks.Send(ctx, m.CredentialNow(), webhook.Message{ID: n.ID, URL: endpoint.URL, Body: body}, endpoint.ID, endpoint.Secrets(m.Now())...)
	switch {
	case err != nil:
		return failed("the secret cannot be opened with the webhook key of this server: rotate it, or ask whoever runs the server for the former key")
	case result.Delivered():
		return models.Delivery{Outcome: models.OutcomeDelivered, StatusCode: result.StatusCode}
	case result.Gone():
		return m.gone(ctx, endpoint, result)
	}
	return models.Delivery{Outcome: models.OutcomeFailed, StatusCode: result.StatusCode, Error: result.Fault, RetryAfter: result.RetryAfter}
}

// failed is a delivery that is tried again.
func failed(why string) models.Delivery {
	return models.Delivery{Outcome: models.OutcomeFailed, Error: why}
}

// gone disables an endpoint that wants no more, unless it has moved meanwhile.
func (m *Market) gone(ctx context.Context, answered models.WebhookEndpoint, result webhook.Result) models.Delivery {
	err := m.Store.Write(ctx, models.System, func(w *store.Writer) error {
		endpoint, err := w.WebhookForUpdate(answered.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && endpoint.URL != answered.URL {
			return nil
		}
		if err != nil {
			return err
		}
		now := m.Now()
		endpoint.Enable(false, models.WebhookGone, now)
		endpoint.UpdatedAt = now
		return w.SaveWebhook(endpoint)
	})
	delivery := models.Delivery{Outcome: models.OutcomeRefused, StatusCode: result.StatusCode, Error: result.Fault + ": it wants no more messages"}
	if err != nil { // or the next message would find it enabled
		delivery.Outcome = models.OutcomeFailed
	}
	return delivery
}
