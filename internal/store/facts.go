package store

import (
	"database/sql"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"sellthrough/models"
)

// FactKey is the identity of a purchase or a usage record. PublisherID is that
// of usage, "" for purchases: two publishers know nothing of each other's keys,
// and purchases come from the marketplace alone.
type FactKey struct{ PublisherID, Source, ExternalID string }

func usageKey(u *models.UsageRecord) FactKey { return FactKey{u.PublisherID, u.Source, u.ExternalID} }

// SubscriptionFilter narrows a list of subscriptions, as ProductFilter does.
type SubscriptionFilter struct {
	IDs              []string
	ResellerTenantID string
	CustomerTenantID string
	PublisherID      string
	ProductID        string
}

func (r *Reader) subscriptions(f SubscriptionFilter) *gorm.DB {
	query := r.in(r.from("subscriptions"), "id", f.IDs)
	query = equal(query, "reseller_tenant_id", f.ResellerTenantID)
	query = equal(query, "customer_tenant_id", f.CustomerTenantID)
	query = equal(query, "publisher_id", f.PublisherID)
	return equal(query, "product_id", f.ProductID)
}

// Subscriptions lists subscriptions by id, with their purchases in order of
// occurrence.
func (r *Reader) Subscriptions(filter SubscriptionFilter, page Page) ([]models.Subscription, bool, error) {
	subscriptions, more, err := pageOf[models.Subscription](r, "subscriptions", r.subscriptions(filter), page, "id")
	if err != nil || len(subscriptions) == 0 {
		return nil, false, err
	}
	ids := make([]string, len(subscriptions))
	for i := range subscriptions {
		ids[i] = subscriptions[i].ID
	}
	purchases, err := find[models.Purchase](r, "purchases",
		r.in(r.from("purchases"), "subscription_id", ids).Order("subscription_id, occurred_at, source, external_id"))
	if err != nil {
		return nil, false, err
	}
	attach(subscriptions, purchases)
	return subscriptions, more, nil
}

// CountSubscriptions counts what Subscriptions lists.
func (r *Reader) CountSubscriptions(filter SubscriptionFilter) (int64, error) {
	return count(r, r.subscriptions(filter))
}

// attach gives each purchase to its subscription. Both are sorted by the
// subscription's id.
func attach(subscriptions []models.Subscription, purchases []models.Purchase) {
	next := 0
	for i := range subscriptions {
		for next < len(purchases) && purchases[next].SubscriptionID < subscriptions[i].ID {
			next++
		}
		first := next
		for next < len(purchases) && purchases[next].SubscriptionID == subscriptions[i].ID {
			next++
		}
		subscriptions[i].Purchases = slices.Clip(purchases[first:next])
	}
}

// LineFilter is what a query for billing lines can narrow before rating. Empty
// fields do not.
type LineFilter struct {
	PublisherID              string
	ResellerTenantID         string
	IndirectResellerTenantID string
	CustomerTenantID         string
	SubscriptionID           string
	ProductID                string
}

// where narrows a query on subscriptions.
func (f LineFilter) where(query *gorm.DB) *gorm.DB {
	query = equal(query, "publisher_id", f.PublisherID)
	query = equal(query, "reseller_tenant_id", f.ResellerTenantID)
	query = equal(query, "indirect_reseller_tenant_id", f.IndirectResellerTenantID)
	query = equal(query, "customer_tenant_id", f.CustomerTenantID)
	query = equal(query, "id", f.SubscriptionID)
	return equal(query, "product_id", f.ProductID)
}

// SubscriptionsIn are the subscriptions that can have charges in the months
// from and to, both included, sorted by id, with all their purchases in order
// of occurrence.
func (r *Reader) SubscriptionsIn(from, to models.Month, where LineFilter) ([]models.Subscription, error) {
	alive := func() *gorm.DB {
		return where.where(r.from("subscriptions").Where("first_month <= ? AND last_month >= ?", to, from))
	}
	return r.lives(alive(), r.from("purchases").Where("subscription_id IN (?)", alive().Select("id")))
}

// lives scans subscriptions, sorted by id, and their purchases, in order of
// occurrence, by hand: there may be very many.
func (r *Reader) lives(subscriptions, purchases *gorm.DB) ([]models.Subscription, error) {
	var found []models.Subscription
	err := r.stream("subscriptions", subscriptions.Select(subscriptionColumns).Order("id"), func(rows *sql.Rows) error {
		var s models.Subscription
		err := scanSubscription(rows, &s)
		found = append(found, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	var bought []models.Purchase
	err = r.stream("purchases", purchases.Select(purchaseColumns).Order("subscription_id, occurred_at, source, external_id"), func(rows *sql.Rows) error {
		var p models.Purchase
		err := scanPurchase(rows, &p)
		bought = append(bought, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	attach(found, bought)
	return found, nil
}

// Buckets are the buckets of the months from and to, both included, sorted by
// month, subscription, plan and meter.
func (r *Reader) Buckets(from, to models.Month, where LineFilter) ([]models.Bucket, error) {
	query := r.from("usage_buckets").Where("month BETWEEN ? AND ?", from, to)
	query = equal(query, "publisher_id", where.PublisherID)
	query = equal(query, "reseller_tenant_id", where.ResellerTenantID)
	query = equal(query, "subscription_id", where.SubscriptionID)
	if where.CustomerTenantID+where.ProductID+where.IndirectResellerTenantID != "" {
		query = query.Where("subscription_id IN (?)", where.where(r.db.Table("subscriptions").Select("id")))
	}
	var buckets []models.Bucket
	err := r.stream("usage_buckets", query.Select(bucketColumns).Order("month, subscription_id, plan_id, meter_id"), func(rows *sql.Rows) error {
		var b models.Bucket
		err := scanBucket(rows, &b)
		if err == nil {
			buckets = append(buckets, b)
		}
		return err
	})
	return buckets, err
}

// CountBuckets counts the buckets, and the months that they are of.
func (r *Reader) CountBuckets() (buckets, months int64, err error) {
	var count struct{ Buckets, Months int64 }
	err = r.from("usage_buckets").Select("COUNT(*) AS buckets, COUNT(DISTINCT month) AS months").Find(&count).Error
	return count.Buckets, count.Months, wrap(err)
}

// Months are the months that can have billing lines, sorted: those of buckets,
// and of subscriptions from their first to their last month, an open end
// counting for no month by itself.
func (r *Reader) Months() ([]models.Month, error) {
	var spans []struct{ FirstMonth, LastMonth models.Month }
	err := r.from("subscriptions").Distinct("first_month", "last_month").Find(&spans).Error
	if err != nil {
		return nil, wrap(err)
	}
	var used []models.Month
	if err := r.from("usage_buckets").Distinct("month").Pluck("month", &used).Error; err != nil {
		return nil, wrap(err)
	}
	r.rows["subscriptions"] += len(spans)
	r.rows["usage_buckets"] += len(used)
	for _, span := range spans {
		last := span.LastMonth
		if last == models.MonthForever {
			last = span.FirstMonth
		}
		for month := span.FirstMonth; month <= last; month++ {
			used = append(used, month)
		}
	}
	slices.Sort(used)
	return slices.Compact(used), nil
}

// UsageFilter names the usage to list. SubscriptionID is required.
type UsageFilter struct {
	SubscriptionID string
	Month          models.Month // 0 for all
	MeterID        string
}

func (r *Reader) usage(f UsageFilter) *gorm.DB {
	query := r.from("usage_records").Where("subscription_id = ?", f.SubscriptionID)
	if f.Month != 0 {
		query = query.Where("occurred_at >= ? AND occurred_at < ?", f.Month.Start(), f.Month.End())
	}
	return equal(query, "meter_id", f.MeterID)
}

// Usage lists the usage records of a subscription in order of occurrence, then
// of their keys.
func (r *Reader) Usage(filter UsageFilter, page Page) ([]models.UsageRecord, bool, error) {
	return pageOf[models.UsageRecord](r, "usage_records", r.usage(filter), page, "occurred_at", "publisher_id", "source", "external_id")
}

// CountUsage counts what Usage lists.
func (r *Reader) CountUsage(filter UsageFilter) (int64, error) { return count(r, r.usage(filter)) }

// EachUsage hands over every usage record, sorted by publisher,
// source and external id. The record is overwritten by the next; no other query can run meanwhile.
func (r *Reader) EachUsage(f func(*models.UsageRecord) error) error {
	var u models.UsageRecord
	return r.stream("usage_records", r.from("usage_records").Select(usageColumns).Order("publisher_id, source, external_id"), func(rows *sql.Rows) error {
		if err := scanUsage(rows, &u); err != nil {
			return err
		}
		return f(&u)
	})
}

// stream runs a query and hands over row after row. Of damaged rows it tells at
// the end.
func (r *Reader) stream(table string, query *gorm.DB, scan func(rows *sql.Rows) error) error {
	rows, err := query.Rows()
	if err != nil {
		return wrap(err)
	}
	defer rows.Close()
	var damaged Damaged
	for rows.Next() {
		r.rows[table]++
		err := scan(rows)
		if more, ok := err.(Damaged); ok {
			damaged = append(damaged, more...)
		} else if err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil || len(damaged) == 0 {
		return wrap(err)
	}
	return damaged
}

// Columns and scans go together. gorm would cost two microseconds a row.
var (
	subscriptionColumns = []string{"id", "publisher_id", "reseller_tenant_id", "indirect_reseller_tenant_id", "customer_tenant_id", "product_id", "plan_id",
		"market", "currency", "pricing_model", "trial_days", "first_month", "last_month"}
	purchaseColumns = []string{"source", "external_id", "occurred_at", "recorded_at", "digest", "action", "subscription_id", "reseller_tenant_id",
		"indirect_reseller_tenant_id", "customer_tenant_id", "product_id", "plan_id", "term", "billing", "market", "currency", "quantity"}
	usageColumns  = []string{"publisher_id", "source", "external_id", "occurred_at", "recorded_at", "digest", "reseller_tenant_id", "subscription_id", "meter_id", "quantity"}
	bucketColumns = []string{"month", "reseller_tenant_id", "subscription_id", "plan_id", "meter_id", "publisher_id", "quantity", "records"}
)

func scanSubscription(rows *sql.Rows, s *models.Subscription) error {
	return scanRow(rows, "subscriptions", 1, &s.ID, &s.PublisherID, &s.ResellerTenantID, &s.IndirectResellerTenantID, &s.CustomerTenantID, &s.ProductID, &s.PlanID,
		&s.Market, &s.Currency, &s.PricingModel, &s.TrialDays, &s.FirstMonth, &s.LastMonth)
}

func scanPurchase(rows *sql.Rows, p *models.Purchase) error {
	return scanRow(rows, "purchases", 2, &p.Source, &p.ExternalID, &p.OccurredAt, &p.RecordedAt, &p.Digest, &p.Action, &p.SubscriptionID, &p.ResellerTenantID,
		&p.IndirectResellerTenantID, &p.CustomerTenantID, &p.ProductID, &p.PlanID, &p.Term, &p.Billing, &p.Market, &p.Currency, &p.Quantity)
}

func scanUsage(rows *sql.Rows, u *models.UsageRecord) error {
	return scanRow(rows, "usage_records", 3, &u.PublisherID, &u.Source, &u.ExternalID, &u.OccurredAt, &u.RecordedAt, &u.Digest, &u.ResellerTenantID, &u.SubscriptionID, &u.MeterID, &u.Quantity)
}

func scanBucket(rows *sql.Rows, b *models.Bucket) error {
	return scanRow(rows, "usage_buckets", 5, &b.Month, &b.ResellerTenantID, &b.SubscriptionID, &b.PlanID, &b.MeterID, &b.PublisherID, &b.Quantity, &b.Records)
}

// LockResellers makes this transaction the only one that records facts of
// these resellers or withdraws offers from them, until it ends. Always lock all
// at once: they are locked in one order, so that two never wait for each other.
// SQLite has one writer anyway.
func (w *Writer) LockResellers(tenantIDs []string) error {
	if w.dialect.name == sqliteName || len(tenantIDs) == 0 {
		return nil
	}
	ids := slices.Compact(slices.Sorted(slices.Values(tenantIDs)))
	var locked []string
	return wrap(w.db.Table("resellers").Where("tenant_id IN ?", ids).Order("tenant_id").
		Clauses(clause.Locking{Strength: "UPDATE"}).Pluck("tenant_id", &locked).Error)
}

// InsertPurchase stores one purchase. ErrDuplicate: its key exists.
func (w *Writer) InsertPurchase(p *models.Purchase) error {
	return wrap(w.db.Table("purchases").Create(p).Error)
}

// PurchasesByKey are the digests of the purchases among the keys that exist.
// Keys are the same for every viewer, since a fact is recorded once.
func (w *Writer) PurchasesByKey(keys []FactKey) (map[FactKey]models.Digest, error) {
	return w.digests("purchases", keys)
}

// SaveSubscription stores a subscription, new or changed, without its
// purchases.
func (w *Writer) SaveSubscription(s *models.Subscription) error {
	return wrap(w.db.Table("subscriptions").Clauses(clause.OnConflict{UpdateAll: true}).Create(s).Error)
}

// NewPurchasesOfPlan are a customer's purchases (action new) of a plan, in
// order of occurrence: the first has the trial (D5).
func (w *Writer) NewPurchasesOfPlan(resellerTenantID, customerTenantID, productID, planID string) ([]models.Purchase, error) {
	return find[models.Purchase](w.Reader, "purchases", w.from("purchases").
		Where("reseller_tenant_id = ? AND customer_tenant_id = ? AND product_id = ? AND plan_id = ? AND action = ?",
			resellerTenantID, customerTenantID, productID, planID, models.ActionNew).
		Order("occurred_at, source, external_id"))
}

// BucketKey is the identity of a bucket.
type BucketKey struct {
	Month            models.Month
	ResellerTenantID string
	SubscriptionID   string
	PlanID           string
	MeterID          string
}

// KeyOf is the identity of the bucket.
func KeyOf(b models.Bucket) BucketKey {
	return BucketKey{b.Month, b.ResellerTenantID, b.SubscriptionID, b.PlanID, b.MeterID}
}

// joinColumns writes a list of columns.
func joinColumns(columns []string) string { return strings.Join(columns, ", ") }
