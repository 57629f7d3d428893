package market

import (
	"slices"
	"time"

	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// soldFact is a purchase, a renewal or usage that an offer may win.
type soldFact struct {
	*account
	what rating.What
	// at decides the margin (D3), recordedAt whether a withdrawal came first.
	at, recordedAt time.Time
	charge         models.ChargeType
}

// recordSales decides which offer wins each fact as of now, and stores that it
// is sold (D9): once sold stays sold. The resellers are locked, as withdrawing
// locks them, so that a sale and a withdrawal never both succeed.
func recordSales(w *store.Writer, facts []soldFact, now time.Time) error {
	if len(facts) == 0 {
		return nil
	}
	resellers, products := map[string]bool{}, map[string]bool{}
	earliest := models.MonthForever
	for _, f := range facts {
		resellers[f.ResellerTenantID], products[f.ProductID] = true, true
		earliest = min(earliest, models.MonthOf(f.at))
	}
	book, err := offersBook(w, sortedKeys(resellers), sortedKeys(products), earliest)
	if err != nil || book == nil {
		return err
	}
	var sales []models.OfferSale
	known := map[models.OfferSale]bool{}
	for _, f := range facts {
		offer, ok := book.Sold(f.what, f.ResellerTenantID, f.CustomerTenantID, f.at, f.recordedAt)
		if pair := (models.OfferSale{PrivateOfferID: offer, ResellerTenantID: f.ResellerTenantID}); ok && !known[pair] {
			known[pair] = true
			pair.SubscriptionID, pair.SoldAt, pair.ChargeType = f.ID, now, f.charge
			sales = append(sales, pair)
		}
	}
	return w.RecordSales(sales)
}

// offersBook holds what decides a winner: offers, prices and meters. It is nil
// where no offer prices any of the products for any of the resellers.
func offersBook(w *store.Writer, resellers, products []string, earliest models.Month) (*rating.Book, error) {
	offers, err := w.OffersFor(resellers, earliest)
	if err != nil {
		return nil, err
	}
	priced := map[string]bool{}
	for i := range offers {
		for j := range offers[i].Pricing {
			if id := offers[i].Pricing[j].ProductID; slices.Contains(products, id) {
				priced[id] = true
			}
		}
	}
	if len(priced) == 0 {
		return nil, nil
	}
	facts := rating.Facts{Offers: offers}
	if facts.Meters, err = w.Meters(sortedKeys(priced)); err != nil {
		return nil, err
	}
	if facts.Prices, err = w.Prices(sortedKeys(priced)); err != nil {
		return nil, err
	}
	return rating.NewBook(facts), nil
}

// recordingInstant is the instant at which facts of the resellers are recorded:
// now, but never before a withdrawal that was first to take their lock, though
// it was another instance's, whose clock is ahead (D9). Lock the resellers first.
func (m *Market) recordingInstant(w *store.Writer, resellers []string) (time.Time, error) {
	withdrawn, err := w.LastWithdrawal(resellers)
	if now := m.Now(); now.After(withdrawn) {
		return now, err
	}
	return withdrawn, err
}
