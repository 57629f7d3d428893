package market

import (
	"context"

	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// succession is how long an offer that has ended is looked back at, in months.
const succession = 12

// OfferWarnings tells of each offer what its publisher may not have meant (D2):
// rating.Warnings, held against the publisher's other offers as they are stored
// now. The offers may be drafts that are not stored, as validateOnly leaves them.
// However many they are, each kind of fact is read once, and of the other offers
// only what they share with these.
func (m *Market) OfferWarnings(ctx context.Context, viewer models.Viewer, offers []*models.PrivateOffer) ([][]models.OfferWarning, error) {
	facts := rating.WarningFacts{GoLive: m.GoLive, Now: m.Now()}
	err := m.Store.Read(ctx, viewer, func(r *store.Reader) (err error) {
		products, resellers := pricedProducts(offers...), namedResellers(offers...)
		var catalogue rating.Facts
		if err := loadPrices(r, products, &catalogue); err != nil {
			return err
		}
		facts.Catalogue = rating.NewIndex(catalogue)
		if facts.Products, err = productsByID(r, offers...); err != nil {
			return err
		}
		if facts.Resellers, err = resellersByID(r, offers...); err != nil {
			return err
		}
		facts.Others, err = r.Rivals(products, resellers, models.MonthOf(facts.Now)-succession)
		return err
	})
	warnings := make([][]models.OfferWarning, len(offers))
	for i := range offers {
		if err == nil {
			warnings[i] = rating.Warnings(offers[i], &facts)
		}
	}
	return warnings, err
}
