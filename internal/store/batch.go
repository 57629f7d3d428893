package store

import (
	"slices"

	"gorm.io/gorm/clause"

	"sellthrough/models"
)

// ResellersOf are the resellers of the subscriptions, for LockResellers: what a
// subscription keeps for life may be read before the lock (D17).
func (w *Writer) ResellersOf(subscriptionIDs []string) ([]string, error) {
	var resellers []string
	for ids := range slices.Chunk(subscriptionIDs, idsChunk) {
		var found []string
		err := w.in(w.from("subscriptions"), "id", ids).Distinct().Pluck("reseller_tenant_id", &found).Error
		if err != nil {
			return nil, wrap(err)
		}
		w.rows["subscriptions"] += len(found)
		resellers = append(resellers, found...)
	}
	return resellers, nil
}

// idsChunk is how many ids one query looks for, for the reason of digestsChunk.
const idsChunk = 1000

// SubscriptionsByID are the subscriptions with these ids, sorted, with their
// purchases in order of occurrence: Subscriptions for the batches of an import,
// scanned by hand.
func (r *Reader) SubscriptionsByID(ids []string) ([]models.Subscription, error) {
	var subscriptions []models.Subscription
	for ids := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(ids))), idsChunk) {
		found, err := r.lives(r.in(r.from("subscriptions"), "id", ids), r.in(r.from("purchases"), "subscription_id", ids))
		if err != nil {
			return nil, err
		}
		subscriptions = append(subscriptions, found...)
	}
	return subscriptions, nil
}

// OrphanPurchases are the purchases whose subscription is not stored: none, in
// a database that nobody has tampered with.
func (r *Reader) OrphanPurchases() ([]models.Purchase, error) {
	return find[models.Purchase](r, "purchases", r.from("purchases").
		Where("NOT EXISTS (SELECT 1 FROM subscriptions WHERE subscriptions.id = purchases.subscription_id)").Order("source, external_id"))
}

// ProductsForUpdate are the products with these ids, sorted, locked until the
// transaction ends: what is changed in them then overwrites nobody's change.
func (w *Writer) ProductsForUpdate(ids []string) ([]models.Product, error) {
	return find[models.Product](w.Reader, "products",
		w.in(w.from("products"), "id", ids).Order("id").Clauses(clause.Locking{Strength: "UPDATE"}))
}

// InsertPurchases stores purchases, all or none. ErrDuplicate: the key of one of
// them exists.
func (w *Writer) InsertPurchases(purchases []*models.Purchase) error {
	return w.insertRows("purchases", purchaseColumns, len(purchases), func(i int) []any {
		p := purchases[i]
		return []any{p.Source, p.ExternalID, p.OccurredAt, p.RecordedAt, p.Digest[:], p.Action, p.SubscriptionID, p.ResellerTenantID,
			p.IndirectResellerTenantID, p.CustomerTenantID, p.ProductID, p.PlanID, p.Term, p.Billing, p.Market, p.Currency, p.Quantity}
	})
}

// InsertSubscriptions stores new subscriptions, without their purchases, all or
// none. ErrDuplicate: one of them exists, perhaps with another reseller, whose
// lock the caller does not have.
func (w *Writer) InsertSubscriptions(subscriptions []*models.Subscription) error {
	return w.insertRows("subscriptions", subscriptionColumns, len(subscriptions), func(i int) []any {
		s := subscriptions[i]
		return []any{s.ID, s.PublisherID, s.ResellerTenantID, s.IndirectResellerTenantID, s.CustomerTenantID, s.ProductID, s.PlanID,
			s.Market, s.Currency, s.PricingModel, s.TrialDays, s.FirstMonth, s.LastMonth}
	})
}

// insertRows inserts many rows in the way that suits the engine.
func (w *Writer) insertRows(table string, columns []string, n int, values func(i int) []any) error {
	if w.dialect.name == sqliteName && n > 0 {
		return w.insertEach("INSERT INTO "+table+" ("+joinColumns(columns)+") VALUES ("+marks(len(columns))+")", n, values)
	}
	return w.insertMany(table, columns, "", n, values)
}
