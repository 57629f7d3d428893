package market

import (
	"context"
	"slices"
	"time"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// RecordUsage records a batch of usage in one transaction and answers each
// record for itself, in the order given: a bad one stops nothing. Violations are
// the request's own; with them, or with an error, nothing was recorded.
//
// A record is ACCEPTED once: the same key with the same content is a DUPLICATE
// ever after, with other content USAGE_CONFLICT. Keys are those of one
// publisher: the same under two are two facts. Accepted quantities are added
// to their buckets (D17), and the offers that win them are sold (D9). A
// PUBLISHER records usage of its own subscriptions; others are unknown to it.
//
// A record that has its Digest was checked by whoever made that, as
// internal/formats does while it reads ahead; it is not checked again.
func (m *Market) RecordUsage(ctx context.Context, request Request, records []models.UsageRecord, faults Faults) ([]Outcome, models.Violations, error) {
	checked := make([]checkedUsage, len(records))
	for i := range records {
		c := checkedUsage{record: &records[i], digest: records[i].Digest, violations: faults.of(i)}
		if c.digest == (models.Digest{}) && len(c.violations) == 0 {
			c.violations, c.digest = c.record.Check(), c.record.Fingerprint()
		}
		checked[i] = c
	}
	return record(ctx, m, "usage", request, func(w *store.Writer) ([]Outcome, error) {
		b := usageBatch{Writer: w, market: m, checked: checked, outcomes: make([]Outcome, len(records))}
		return b.outcomes, b.run()
	})
}

// checkedUsage is a record with what can be told of it without the database.
type checkedUsage struct {
	record     *models.UsageRecord
	violations models.Violations
	digest     models.Digest
}

func (c *checkedUsage) key(publisherID string) store.FactKey {
	return store.FactKey{PublisherID: publisherID, Source: c.record.Source, ExternalID: c.record.ExternalID}
}

// usageBatch is one attempt to record a batch.
type usageBatch struct {
	*store.Writer
	market   *Market
	checked  []checkedUsage
	outcomes []Outcome

	now      time.Time
	accounts map[string]*account
	meters   map[meterKey]bool
	// buckets are those of the records that may be accepted, by key and in
	// order of appearance.
	buckets map[store.BucketKey]*models.Bucket
	touched []*models.Bucket
}

// account is a subscription with its life.
type account struct {
	*models.Subscription
	timeline models.Timeline
}

type meterKey struct{ product, meter string }

func (b *usageBatch) run() error {
	if err := b.loadAccounts(); err != nil {
		return err
	}
	for i := range b.checked {
		b.outcomes[i].Violations = b.checked[i].violations.Merge(b.judge(b.checked[i].record))
	}
	if err := b.answerKnown(); err != nil {
		return err
	}
	bucketOf, err := b.loadBuckets()
	if err != nil {
		return err
	}
	accepted := b.accept(bucketOf)
	if len(accepted) == 0 {
		return nil
	}
	if err := b.InsertUsage(accepted); err != nil {
		return err
	}
	b.touched = slices.DeleteFunc(b.touched, func(k *models.Bucket) bool { return k.Records == 0 })
	sums := make([]models.Bucket, len(b.touched))
	for i, bucket := range b.touched {
		sums[i] = *bucket
	}
	if err := b.SaveBuckets(sums); err != nil {
		return err
	}
	return b.sell()
}

// loadAccounts locks the resellers of the batch, then reads the subscriptions:
// their lives must not change until the usage is in. The instant of recording
// is taken under the lock too, so that it is after every withdrawal that came
// first (D9).
func (b *usageBatch) loadAccounts() error {
	named := map[string]bool{}
	for i := range b.checked {
		named[b.checked[i].record.SubscriptionID] = true
	}
	ids := sortedKeys(named)
	resellers, err := b.ResellersOf(ids)
	if err != nil {
		return err
	}
	if err := b.LockResellers(resellers); err != nil {
		return err
	}
	b.now = b.market.Now()
	subscriptions, err := b.SubscriptionsByID(ids)
	if err != nil {
		return err
	}
	b.accounts = make(map[string]*account, len(subscriptions))
	for i := range subscriptions {
		a := &account{Subscription: &subscriptions[i]}
		a.timeline, _ = a.Timeline(b.market.Refunds)
		b.accounts[a.ID] = a
	}
	meters, err := b.Meters(productsOf(subscriptions))
	b.meters = make(map[meterKey]bool, len(meters))
	for _, meter := range meters {
		b.meters[meterKey{meter.ProductID, meter.ID}] = true
	}
	return err
}

// judge tells what the database holds against a record.
func (b *usageBatch) judge(u *models.UsageRecord) (vs models.Violations) {
	if u.SubscriptionID == "" {
		return nil // Check said so
	}
	a := b.accounts[u.SubscriptionID]
	if a == nil {
		vs.Add("subscription_id", models.CodeSubscriptionUnknown, models.Quote(u.SubscriptionID)+" is not known: record its purchase first")
		return vs
	}
	if !u.OccurredAt.IsZero() && a.timeline.At(u.OccurredAt) == nil {
		vs.Add("occurred_at", models.CodeSubscriptionNotActive, "the subscription was not active at "+u.OccurredAt.Format(time.RFC3339))
	}
	if u.MeterID != "" && !b.meters[meterKey{a.ProductID, u.MeterID}] {
		vs.Add("meter_id", models.CodeUnknownMeter, models.Quote(u.MeterID)+" is not a meter of product "+models.Quote(a.ProductID))
	}
	return vs
}

// answerKnown answers the records whose key is recorded already, and refuses
// the rest of those with violations. What is recorded stays a duplicate even if
// it would be refused today, say after a back-dated cancellation.
//
// The first attempt looks up only what it would refuse: most batches hold
// nothing that is known, and where one does the insert says so and Write calls
// again.
func (b *usageBatch) answerKnown() error {
	var ask []models.UsageRecord
	for i := range b.checked {
		if b.mayBeKnown(i) && (b.Attempt() > 1 || len(b.outcomes[i].Violations) > 0) {
			u := *b.checked[i].record
			u.PublisherID = b.accounts[u.SubscriptionID].PublisherID
			ask = append(ask, u)
		}
	}
	known, err := b.UsageDigests(ask)
	if err != nil {
		return err
	}
	for i := range b.checked {
		c, o := &b.checked[i], &b.outcomes[i]
		if b.mayBeKnown(i) {
			if digest, ok := known[c.key(b.accounts[c.record.SubscriptionID].PublisherID)]; ok {
				o.repeats(c.digest == digest, models.CodeUsageConflict)
			}
		}
		if len(o.Violations) > 0 {
			o.Status = Rejected
		}
	}
	return nil
}

// mayBeKnown leaves out records that could never be recorded, and those of
// subscriptions that the viewer does not see, who so learns nothing of others.
func (b *usageBatch) mayBeKnown(i int) bool {
	return len(b.checked[i].violations) == 0 && b.accounts[b.checked[i].record.SubscriptionID] != nil
}

// repeats answers a record whose key was recorded before.
func (o *Outcome) repeats(same bool, conflict models.Code) {
	if same {
		*o = Outcome{Status: Duplicate}
		return
	}
	o.reject(violation("external_id", conflict, "was recorded with other content: correct it with a record of its own, or send the same content"))
}

// loadBuckets reads the buckets that open records go into, and returns that of
// each record, nil for those that are answered.
func (b *usageBatch) loadBuckets() ([]*models.Bucket, error) {
	bucketOf := make([]*models.Bucket, len(b.checked))
	b.buckets = map[store.BucketKey]*models.Bucket{}
	var keys []store.BucketKey
	for i := range b.checked {
		if b.outcomes[i].Status != "" {
			continue
		}
		u := b.checked[i].record
		a := b.accounts[u.SubscriptionID]
		key := store.BucketKey{
			Month: models.MonthOf(u.OccurredAt), ResellerTenantID: a.ResellerTenantID,
			SubscriptionID: a.ID, PlanID: a.PlanID, MeterID: u.MeterID,
		}
		bucket := b.buckets[key]
		if bucket == nil {
			bucket = &models.Bucket{
				Month: key.Month, ResellerTenantID: key.ResellerTenantID, SubscriptionID: key.SubscriptionID,
				PlanID: key.PlanID, MeterID: key.MeterID, PublisherID: a.PublisherID,
			}
			b.buckets[key] = bucket
			b.touched = append(b.touched, bucket)
			keys = append(keys, key)
		}
		bucketOf[i] = bucket
	}
	stored, err := b.BucketsByKey(keys)
	for key, sum := range stored {
		b.buckets[key].Quantity, b.buckets[key].Records = sum.Quantity, sum.Records
	}
	return bucketOf, err
}

// accept adds the open records to their buckets, one after the other, and
// returns those that went in.
func (b *usageBatch) accept(bucketOf []*models.Bucket) []models.UsageRecord {
	accepted := make([]models.UsageRecord, 0, len(b.checked))
	first := make(map[store.FactKey]models.Digest, len(b.checked))
	for i, bucket := range bucketOf {
		if bucket == nil {
			continue
		}
		c, o := &b.checked[i], &b.outcomes[i]
		key := c.key(bucket.PublisherID)
		if digest, twice := first[key]; twice {
			o.repeats(c.digest == digest, models.CodeUsageConflict)
			continue
		}
		sum, err := bucket.Quantity.Add(c.record.Quantity)
		if err != nil || !sum.Fits(money.QuantityIntegerDigits, money.FractionDigits) {
			o.reject(violation("quantity", models.CodeQuantityTooLarge, "makes the month's sum on this meter more than 15 integer digits"))
			continue
		}
		bucket.Quantity = sum
		bucket.Records++
		o.Status = Accepted
		first[key] = c.digest
		u := *c.record
		u.Digest, u.RecordedAt, u.PublisherID, u.ResellerTenantID = c.digest, b.now, bucket.PublisherID, bucket.ResellerTenantID
		accepted = append(accepted, u)
	}
	return accepted
}

// sell records which offers the touched buckets sell (D9).
func (b *usageBatch) sell() error {
	var facts []soldFact
	for _, bucket := range b.touched {
		a := b.accounts[bucket.SubscriptionID]
		facts = append(facts, soldFact{
			account: a, at: bucket.Month.Start(), recordedAt: b.now, charge: models.ChargeUsage,
			what: rating.What{ProductID: a.ProductID, PlanID: bucket.PlanID, MeterID: bucket.MeterID, Market: a.Market, Currency: a.Currency},
		})
	}
	return recordSales(b.Writer, facts, b.now)
}
