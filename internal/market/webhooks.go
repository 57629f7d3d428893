package market

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"sellthrough/internal/store"
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
		publisher, vs, err := webhookOwner(w, endpoint.PublisherID)
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

// webhookOwner is the publisher that a new endpoint is for.
func webhookOwner(w *store.Writer, named string) (string, models.Violations, error) {
	own := w.Viewer().Organization
	switch {
	case w.Viewer().Role == models.RolePublisher && (named == "" || named == own):
		return own, nil, nil
	case w.Viewer().Role == models.RolePublisher:
		return "", violation("publisherId", models.CodePublisherNotFound, models.Quote(named)+" is not your organisation: leave it out"), nil
	case named == "":
		return "", violation("publisherId", models.CodeRequired, "is missing: name the publisher whose offers are to be heard of"), nil
	}
	publishers, err := w.Publishers([]string{named})
	if err != nil || len(publishers) > 0 {
		return named, nil, err
	}
	return "", violation("publisherId", models.CodePublisherNotFound, models.Quote(named)+" is not known"), nil
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
