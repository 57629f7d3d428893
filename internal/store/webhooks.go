package store

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"sellthrough/models"
)

// WebhookFilter narrows a list of webhook endpoints, as ProductFilter does.
type WebhookFilter struct {
	IDs         []string
	PublisherID string
}

func (r *Reader) webhooks(f WebhookFilter) *gorm.DB {
	return equal(r.in(r.from("webhook_endpoints"), "id", f.IDs), "publisher_id", f.PublisherID)
}

// Webhooks lists endpoints by id, which is their order of creation.
func (r *Reader) Webhooks(filter WebhookFilter, page Page) ([]models.WebhookEndpoint, bool, error) {
	return pageOf[models.WebhookEndpoint](r, "webhook_endpoints", r.webhooks(filter), page, "id")
}

// CountWebhooks counts what Webhooks lists.
func (r *Reader) CountWebhooks(filter WebhookFilter) (int64, error) {
	return count(r, r.webhooks(filter))
}

// WebhookForUpdate locks one endpoint. ErrNotFound: there is none that the viewer
// may see.
func (w *Writer) WebhookForUpdate(id string) (*models.WebhookEndpoint, error) {
	return one[models.WebhookEndpoint](w.Reader, "webhook_endpoints",
		w.from("webhook_endpoints").Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id))
}

// CreateWebhook stores a new endpoint.
func (w *Writer) CreateWebhook(e *models.WebhookEndpoint) error {
	return wrap(w.db.Table("webhook_endpoints").Create(e).Error)
}

// SaveWebhook stores all of an endpoint that WebhookForUpdate returned.
func (w *Writer) SaveWebhook(e *models.WebhookEndpoint) error {
	return wrap(w.db.Table("webhook_endpoints").Where("id = ?", e.ID).Select("*").Updates(e).Error)
}

// DeleteWebhook removes an endpoint that WebhookForUpdate returned, its secrets
// included.
func (w *Writer) DeleteWebhook(id string) error {
	return wrap(w.db.Table("webhook_endpoints").Where("id = ?", id).Delete(nil).Error)
}
