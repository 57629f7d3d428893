package market

import (
	"context"
	"time"

	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// Margins lists the margins of a reseller at an instant, shadowed, scheduled and
// ended ones included, with list and wholesale prices (rules 4). A RESELLER
// viewer sees its own only, whatever resellerTenantID says.
func (m *Market) Margins(ctx context.Context, viewer models.Viewer, resellerTenantID string, at time.Time) ([]models.Margin, error) {
	book, err := m.marginBook(ctx, viewer, &resellerTenantID, "")
	if err != nil {
		return nil, err
	}
	return book.Margins(resellerTenantID, at), nil
}

// EffectiveMargin answers which margin counts for one price at one instant, and
// why each other candidate lost (D1), by the selection that rates billing lines.
// A RESELLER viewer asks for itself. rating.ErrNoListPrice where there is no
// price to take a margin off.
func (m *Market) EffectiveMargin(ctx context.Context, viewer models.Viewer, ask rating.EffectiveQuestion) (rating.Effective, error) {
	book, err := m.marginBook(ctx, viewer, &ask.ResellerTenantID, ask.ProductID)
	if err != nil {
		return rating.Effective{}, err
	}
	return book.Effective(ask)
}

// marginBook loads every offer that names the reseller, and the prices of the
// product, or of all that those offers price.
func (m *Market) marginBook(ctx context.Context, viewer models.Viewer, resellerTenantID *string, productID string) (*rating.Book, error) {
	if viewer.Role == models.RoleReseller {
		*resellerTenantID = viewer.Organization
	}
	facts := rating.Facts{Refunds: m.Refunds}
	err := m.Store.Read(ctx, viewer, func(r *store.Reader) (err error) {
		if facts.Offers, err = r.OffersFor([]string{*resellerTenantID}, 0); err != nil {
			return err
		}
		products := []string{productID}
		if productID == "" {
			offers := make([]*models.PrivateOffer, len(facts.Offers))
			for i := range facts.Offers {
				offers[i] = &facts.Offers[i]
			}
			products = pricedProducts(offers...)
		}
		return loadPrices(r, products, &facts)
	})
	if err != nil {
		return nil, err
	}
	return rating.NewBook(facts), nil
}
