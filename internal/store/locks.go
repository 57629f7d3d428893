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
	for ids := range slices.Chunk(subscriptionIDs, 1000) {
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

// ProductsForUpdate are the products with these ids, sorted, locked until the
// transaction ends: what is changed in them then overwrites nobody's change.
func (w *Writer) ProductsForUpdate(ids []string) ([]models.Product, error) {
	return find[models.Product](w.Reader, "products",
		w.in(w.from("products"), "id", ids).Order("id").Clauses(clause.Locking{Strength: "UPDATE"}))
}
