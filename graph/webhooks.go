package graph

import (
	"slices"

	"sellthrough/graph/generated"
	"sellthrough/internal/store"
	"sellthrough/models"
)

func newWebhook(in generated.CreateWebhookEndpointInput) models.WebhookEndpoint {
	return models.WebhookEndpoint{
		PublisherID: bareOf(bare, kindPublisher, in.PublisherID), URL: in.URL, Description: value(in.Description), EventTypes: eventTypes(in.EventTypes),
	}
}

// webhookChange sets what is given and leaves the rest.
func (r *Resolver) webhookChange(in generated.UpdateWebhookEndpointInput) func(e *models.WebhookEndpoint) {
	return func(e *models.WebhookEndpoint) {
		if in.URL != nil {
			e.URL = *in.URL
		}
		if text, set := in.Description.ValueOK(); set {
			e.Description = value(text)
		}
		if types, set := in.EventTypes.ValueOK(); set {
			e.EventTypes = eventTypes(types)
		}
		if in.Enabled != nil {
			e.Enable(*in.Enabled, models.WebhookSwitchedOff, r.Market.Now())
		}
	}
}

// eventTypes are those of a list, each once; none are all, nil.
func eventTypes(types []models.OfferEventType) []models.OfferEventType {
	if len(types) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(types)))
}

func webhookFilter(where *generated.WebhookEndpointWhere) store.WebhookFilter {
	if where == nil {
		return store.WebhookFilter{}
	}
	return store.WebhookFilter{IDs: bareAll(bareGUID, kindWebhook, where.Ids), PublisherID: bareOf(bare, kindPublisher, where.PublisherID)}
}
