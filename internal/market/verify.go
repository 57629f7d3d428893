package market

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
	"sellthrough/reports"
)

// VerifySummary counts what Verify went through. Unrated facts are no
// difference: they are named by UnratedFacts.
type VerifySummary struct {
	Subscriptions, Purchases, UsageRecords, Buckets, Months, Lines, Unrated, Differences int
}

// Verify works everything out again from the raw facts, in one snapshot, and
// reports whatever differs from what is stored, a sentence each: facts whose
// content is not that of their digest, subscriptions whose purchases make
// another life, buckets that are not the sum of their usage records, sales of
// offers that were never published. Then it rates every month, checks each line
// (D13), and compares the totals of the reports with the sums of the lines.
func (m *Market) Verify(ctx context.Context, report func(difference string)) (VerifySummary, error) {
	v := verification{market: m, report: report, publishers: map[string]string{}, history: map[string][]models.CatalogueChange{}}
	err := m.Store.Read(ctx, models.System, func(r *store.Reader) error {
		v.Reader = r
		return v.facts()
	})
	if damaged := store.Damaged(nil); errors.As(err, &damaged) {
		// What cannot be read is a difference, and nothing more can be told.
		for _, one := range damaged {
			v.differs("%s", store.Damaged{one}.Error())
		}
		return v.summary, nil
	}
	if err != nil {
		return v.summary, err
	}
	for _, month := range v.months {
		if err := v.month(month); err != nil {
			return v.summary, err
		}
	}
	return v.summary, nil
}

type verification struct {
	*store.Reader
	market  *Market
	report  func(string)
	summary VerifySummary
	loaded  rating.Facts
	byID    map[string]*models.Subscription
	months  []models.Month
	book    *rating.Book
	// publishers are the owners of products, by product id.
	publishers map[string]string
	// history holds what the catalogue was asked for, by kind and key.
	history map[string][]models.CatalogueChange
}

func (v *verification) differs(format string, values ...any) {
	v.summary.Differences++
	v.report(fmt.Sprintf(format, values...))
}

// facts compares what is derived and stored with the facts it follows from.
func (v *verification) facts() (err error) {
	if v.months, err = v.Months(); err != nil {
		return err
	}
	all := LineQuery{From: 1, To: models.MonthForever}
	if v.loaded, err = v.market.facts(v.Reader, all); err != nil {
		return err
	}
	v.book = rating.NewBook(v.loaded)
	v.byID = make(map[string]*models.Subscription, len(v.loaded.Subscriptions))
	for i := range v.loaded.Subscriptions {
		v.byID[v.loaded.Subscriptions[i].ID] = &v.loaded.Subscriptions[i]
	}
	products, _, err := v.Products(store.ProductFilter{IDs: productsOf(v.loaded.Subscriptions)}, store.Page{})
	if err != nil {
		return err
	}
	for _, product := range products {
		v.publishers[product.ID] = product.PublisherID
	}
	orphans, err := v.OrphanPurchases()
	if err != nil {
		return err
	}
	for _, p := range orphans {
		v.differs("purchase %s %s: its subscription %s is missing", p.Source, p.ExternalID, p.SubscriptionID)
	}
	if err := v.subscriptions(); err != nil {
		return err
	}
	sums, err := v.usage()
	if err != nil {
		return err
	}
	v.buckets(sums)
	return v.sales()
}

func (v *verification) subscriptions() error {
	firsts := v.firsts()
	for i := range v.loaded.Subscriptions {
		s := &v.loaded.Subscriptions[i]
		v.summary.Subscriptions++
		v.summary.Purchases += len(s.Purchases)
		for j := range s.Purchases {
			if p := &s.Purchases[j]; p.Fingerprint() != p.Digest {
				v.differs("purchase %s %s: its content is not what was recorded", p.Source, p.ExternalID)
			}
		}
		timeline, vs := s.Timeline(v.market.Refunds)
		if len(vs) > 0 {
			v.differs("subscription %s: its purchases do not make a life: %s", s.ID, vs.Error())
		}
		if first, last := timeline.Span(); first != s.FirstMonth || last != s.LastMonth {
			v.differs("subscription %s: stored with charges from %s to %s, its purchases say %s to %s", s.ID, s.FirstMonth, s.LastMonth, first, last)
		}
		if opening := openingOf(s); opening != nil {
			if err := v.opening(s, opening, firsts[trialKeyOf(opening)] == opening); err != nil {
				return err
			}
		}
	}
	return nil
}

// openingOf is the purchase that a subscription began with.
func openingOf(s *models.Subscription) *models.Purchase {
	i := slices.IndexFunc(s.Purchases, func(p models.Purchase) bool { return p.Action == models.ActionNew })
	if i < 0 {
		return nil // its timeline has said so
	}
	return &s.Purchases[i]
}

// firsts are the first purchases of each customer on each plan, which may be
// trials (D5).
func (v *verification) firsts() map[trialKey]*models.Purchase {
	firsts := map[trialKey]*models.Purchase{}
	for i := range v.loaded.Subscriptions {
		if p := openingOf(&v.loaded.Subscriptions[i]); p != nil {
			if first := firsts[trialKeyOf(p)]; first == nil || comesBefore(p, first) {
				firsts[trialKeyOf(p)] = p
			}
		}
	}
	return firsts
}

// opening compares what a subscription keeps for life (D17) with the purchase it
// began with, and with what the catalogue has said of its plan and reseller.
func (v *verification) opening(s *models.Subscription, p *models.Purchase, first bool) error {
	for _, kept := range []struct{ name, stored, told string }{
		{"publisher", s.PublisherID, v.publishers[p.ProductID]},
		{"reseller", s.ResellerTenantID, p.ResellerTenantID},
		{"indirect reseller", s.IndirectResellerTenantID, p.IndirectResellerTenantID},
		{"customer", s.CustomerTenantID, p.CustomerTenantID},
		{"product", s.ProductID, p.ProductID},
		{"plan", s.PlanID, p.PlanID},
		{"market", s.Market, p.Market},
	} {
		if kept.stored != kept.told {
			v.differs("subscription %s: stored with %s %q, its purchase says %q", s.ID, kept.name, kept.stored, kept.told)
		}
	}
	plans, err := told[models.Plan](v, "plan", p.ProductID+"/"+p.PlanID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(plans, func(x models.Plan) bool { return x.PricingModel == s.PricingModel }) {
		v.differs("subscription %s: stored with pricing model %s, which its plan never had", s.ID, s.PricingModel)
	}
	trial := first && slices.ContainsFunc(plans, func(x models.Plan) bool { return x.TrialDays == s.TrialDays })
	if none := !first && s.TrialDays == 0; !trial && !none {
		v.differs("subscription %s: stored with %d trial days, its plan and the customer's other purchases say otherwise", s.ID, s.TrialDays)
	}
	resellers, err := told[models.Reseller](v, "reseller", p.ResellerTenantID)
	if err != nil {
		return err
	}
	billed := func(x models.Reseller) bool { return s.Currency == cmp.Or(p.Currency, x.BillingCurrency) }
	if !slices.ContainsFunc(resellers, billed) {
		v.differs("subscription %s: stored with billing currency %s, which neither its purchase nor its reseller says", s.ID, s.Currency)
	}
	return nil
}

// told are all versions of a catalogue record that its history holds.
func told[T any](v *verification, kind, key string) ([]T, error) {
	changes, ok := v.history[kind+" "+key]
	if !ok {
		var err error
		if changes, err = v.CatalogueHistory(kind, key); err != nil {
			return nil, err
		}
		v.history[kind+" "+key] = changes
	}
	versions := make([]T, len(changes))
	for i, change := range changes {
		if err := json.Unmarshal([]byte(change.Document), &versions[i]); err != nil {
			v.differs("history of %s %s: %v", kind, key, err)
		}
	}
	return versions, nil
}

// usage adds every usage record up again.
func (v *verification) usage() (map[store.BucketKey]models.Bucket, error) {
	sums := map[store.BucketKey]models.Bucket{}
	err := v.EachUsage(func(u *models.UsageRecord) error {
		v.summary.UsageRecords++
		if u.Fingerprint() != u.Digest {
			v.differs("usage record %s %s: its content is not what was recorded", u.Source, u.ExternalID)
		}
		s := v.byID[u.SubscriptionID]
		if s == nil {
			v.differs("usage record %s %s: subscription %s is not known", u.Source, u.ExternalID, u.SubscriptionID)
			return nil
		}
		if u.PublisherID != s.PublisherID {
			v.differs("usage record %s %s: stored for publisher %s, its subscription is of %s", u.Source, u.ExternalID, u.PublisherID, s.PublisherID)
		}
		if u.ResellerTenantID != s.ResellerTenantID {
			v.differs("usage record %s %s: stored for reseller %s, its subscription is %s's", u.Source, u.ExternalID, u.ResellerTenantID, s.ResellerTenantID)
		}
		key := store.BucketKey{
			Month: models.MonthOf(u.OccurredAt), ResellerTenantID: s.ResellerTenantID, SubscriptionID: s.ID, PlanID: s.PlanID, MeterID: u.MeterID,
		}
		sum := sums[key]
		var err error
		if sum.Quantity, err = sum.Quantity.Add(u.Quantity); err != nil {
			return err
		}
		sum.PublisherID = s.PublisherID
		sum.Records++
		sums[key] = sum
		return nil
	})
	return sums, err
}

func (v *verification) buckets(sums map[store.BucketKey]models.Bucket) {
	for _, stored := range v.loaded.Buckets {
		v.summary.Buckets++
		key := store.KeyOf(stored)
		sum, ok := sums[key]
		delete(sums, key)
		switch {
		case !ok:
			v.differs("%s: holds %s, and there is no usage record for it", bucketName(key), stored.Quantity)
		case sum.Quantity != stored.Quantity || sum.Records != stored.Records:
			v.differs("%s: holds %s of %d records, its usage records are %s of %d", bucketName(key), stored.Quantity, stored.Records, sum.Quantity, sum.Records)
		case sum.PublisherID != stored.PublisherID:
			v.differs("%s: stored for publisher %s, its subscription is of %s", bucketName(key), stored.PublisherID, sum.PublisherID)
		}
	}
	var missing []string
	for key, sum := range sums {
		missing = append(missing, fmt.Sprintf("%s: is missing, its usage records are %s of %d", bucketName(key), sum.Quantity, sum.Records))
	}
	slices.Sort(missing)
	for _, sentence := range missing {
		v.differs("%s", sentence)
	}
}

func bucketName(key store.BucketKey) string {
	return fmt.Sprintf("bucket of %s, subscription %s, plan %s, meter %s", key.Month, key.SubscriptionID, key.PlanID, key.MeterID)
}

// sales checks that what is sold could be (D9).
func (v *verification) sales() error {
	sales, err := v.Sales("")
	if err != nil {
		return err
	}
	progress := map[models.OfferSale]*models.OfferReseller{}
	for i := range v.loaded.Offers {
		for j := range v.loaded.Offers[i].Resellers {
			r := &v.loaded.Offers[i].Resellers[j]
			progress[models.OfferSale{PrivateOfferID: v.loaded.Offers[i].ID, ResellerTenantID: r.ResellerTenantID}] = r
		}
	}
	for _, sale := range sales {
		r := progress[models.OfferSale{PrivateOfferID: sale.PrivateOfferID, ResellerTenantID: sale.ResellerTenantID}]
		if r == nil || r.PublishedAt == nil || sale.SoldAt.Before(*r.PublishedAt) {
			v.differs("private offer %s: sold by reseller %s, for whom it was not live then", sale.PrivateOfferID, sale.ResellerTenantID)
		}
		if s := v.byID[sale.SubscriptionID]; s == nil || s.ResellerTenantID != sale.ResellerTenantID {
			v.differs("private offer %s: sold with subscription %s, which is not one of reseller %s", sale.PrivateOfferID, sale.SubscriptionID, sale.ResellerTenantID)
		}
	}
	return nil
}

// month rates a month and compares its reports with its lines.
func (v *verification) month(month models.Month) error {
	query := LineQuery{From: month, To: month}
	lines := query.lines(v.book)
	// The lines are added up here and by the reports, each in its own way.
	sums := map[string]*[6]int64{}
	unrated := v.book.RateMonth(month, func(line *models.BillingLine) bool {
		v.summary.Lines++
		if err := line.Check(); err != nil {
			v.differs("%s: %v", month, err)
		}
		sum := sums[string(line.BillingCurrency)]
		if sum == nil {
			sum = &[6]int64{}
			sums[string(line.BillingCurrency)] = sum
		}
		for i, amount := range [6]int64{line.ListSubtotal, line.MarginAmount, line.WholesaleSubtotal, line.AgencyFee, line.InfrastructureFee, line.Payout} {
			sum[i] += amount
		}
		return true
	})
	v.summary.Months++
	v.summary.Unrated += len(unrated)
	compare := func(name, currency string, got, want int64) {
		if got != want {
			v.differs("%s: %s in %s is %d minor units, the lines are %d", month, name, currency, got, want)
		}
	}
	summaries, err := reports.Summarize(lines)
	if err != nil {
		return err
	}
	for _, s := range summaries {
		c := string(s.Currency)
		compare("billed at list price", c, s.ListSubtotal, sums[c][0])
		compare("margin", c, s.MarginAmount, sums[c][1])
		compare("billed", c, s.WholesaleSubtotal, sums[c][2])
	}
	payouts, err := reports.Payouts(lines)
	if err != nil {
		return err
	}
	paid := map[string]int64{}
	for _, p := range payouts {
		paid[string(p.Currency)] += p.Payout
	}
	fees, err := reports.AgencyFees(lines)
	if err != nil {
		return err
	}
	kept := map[string]int64{}
	for _, f := range fees {
		kept[string(f.Currency)] += f.Amount
	}
	for c, sum := range sums {
		compare("paid out", c, paid[c], sum[5])
		compare("fees", c, kept[c], sum[3]+sum[4])
	}
	return nil
}
