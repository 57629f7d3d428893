package market

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// RecordPurchases records a batch of purchases in one transaction and answers
// each record for itself, in the order given. They take effect in the order in
// which they occurred, so a batch may hold a subscription's purchase and its
// changes in any order. Violations are the request's own; with them, or with an
// error, nothing was recorded.
//
// A record is ACCEPTED once: the same key with the same content is a DUPLICATE
// ever after, with other content PURCHASE_CONFLICT. A record that does not fit
// the life of its subscription, as known with it, is refused (D17). Offers that
// win an accepted purchase or renewal are sold (D9).
func (m *Market) RecordPurchases(ctx context.Context, request Request, records []models.Purchase, faults Faults) ([]Outcome, models.Violations, error) {
	return record(ctx, m, "purchases", request, func(w *store.Writer) ([]Outcome, error) {
		b := purchaseBatch{Writer: w, market: m, records: records, faults: faults, outcomes: make([]Outcome, len(records))}
		return b.outcomes, b.run()
	})
}

// purchaseBatch is one attempt to record a batch.
type purchaseBatch struct {
	*store.Writer
	market   *Market
	records  []models.Purchase
	faults   Faults
	outcomes []Outcome

	now       time.Time
	known     map[store.FactKey]models.Digest
	resellers map[string]models.Reseller
	customers map[customerKey]bool
	products  map[string]models.Product
	plans     map[planKey]models.Plan
	// accounts are the subscriptions of the batch, with what it adds to them.
	accounts map[string]*purchased
	accepted []*models.Purchase
	firsts   map[trialKey]*models.Purchase
}

type (
	customerKey struct{ reseller, customer string }
	planKey     struct{ product, plan string }
	// trialKey is what only one trial is given for: a customer and a plan (D5).
	trialKey struct {
		customerKey
		planKey
	}
)

// purchased is a subscription that the batch may change.
type purchased struct {
	account
	// fresh subscriptions are not stored yet.
	fresh, changed bool
	// retold tells that its trial was taken away, so that all its purchases
	// are priced anew.
	retold bool
}

func (b *purchaseBatch) run() error {
	if err := b.load(); err != nil {
		return err
	}
	for _, i := range b.inOrder() {
		if err := b.record(&b.records[i], b.faults.of(i), &b.outcomes[i]); err != nil {
			return err
		}
	}
	return b.save()
}

// inOrder are the positions of the records as they take effect: by instant,
// those of one instant by action.
func (b *purchaseBatch) inOrder() []int {
	order := make([]int, len(b.records))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		x, y := &b.records[i], &b.records[j]
		return cmp.Or(
			x.OccurredAt.Compare(y.OccurredAt),
			cmp.Compare(slices.Index(models.Actions, x.Action), slices.Index(models.Actions, y.Action)),
		)
	})
	return order
}

// load locks the resellers of the batch, then reads what its records name.
func (b *purchaseBatch) load() error {
	subscriptions, resellers, customers, products := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	keys := make([]store.FactKey, len(b.records))
	for i := range b.records {
		p := &b.records[i]
		keys[i] = factKey(p)
		subscriptions[p.SubscriptionID], products[p.ProductID], customers[p.CustomerTenantID] = true, true, true
		resellers[p.ResellerTenantID], resellers[p.IndirectResellerTenantID] = true, true
	}
	owners, err := b.ResellersOf(sortedKeys(subscriptions))
	if err != nil {
		return err
	}
	locked := append(sortedKeys(resellers), owners...)
	if err := b.LockResellers(locked); err != nil {
		return err
	}
	if b.now, err = b.market.recordingInstant(b.Writer, locked); err != nil {
		return err
	}
	if b.known, err = b.PurchasesByKey(keys); err != nil {
		return err
	}
	b.accounts, b.firsts = map[string]*purchased{}, map[trialKey]*models.Purchase{}
	if err := b.loadAccounts(sortedKeys(subscriptions)); err != nil {
		return err
	}
	return b.loadCatalogue(sortedKeys(resellers), sortedKeys(customers), sortedKeys(products))
}

func factKey(p *models.Purchase) store.FactKey {
	return store.FactKey{Source: p.Source, ExternalID: p.ExternalID}
}

func (b *purchaseBatch) loadAccounts(ids []string) error {
	subscriptions, err := b.SubscriptionsByID(ids)
	for i := range subscriptions {
		b.accounts[subscriptions[i].ID] = &purchased{account: account{Subscription: &subscriptions[i]}}
	}
	return err
}

func (b *purchaseBatch) loadCatalogue(resellerIDs, customerIDs, productIDs []string) error {
	resellers, _, err := b.Resellers(store.ResellerFilter{IDs: resellerIDs}, store.Page{})
	if err != nil {
		return err
	}
	customers, _, err := b.Customers(store.CustomerFilter{IDs: customerIDs}, store.Page{})
	if err != nil {
		return err
	}
	products, _, err := b.Products(store.ProductFilter{IDs: productIDs}, store.Page{})
	if err != nil {
		return err
	}
	plans, err := b.Plans(productIDs)
	b.resellers, b.customers = map[string]models.Reseller{}, map[customerKey]bool{}
	b.products, b.plans = map[string]models.Product{}, map[planKey]models.Plan{}
	for _, r := range resellers {
		b.resellers[r.TenantID] = r
	}
	for _, c := range customers {
		b.customers[customerKey{c.ResellerTenantID, c.TenantID}] = true
	}
	for _, p := range products {
		b.products[p.ID] = p
	}
	for _, p := range plans {
		b.plans[planKey{p.ProductID, p.ID}] = p
	}
	return err
}

// record answers one record and, if it is accepted, adds it to its
// subscription.
func (b *purchaseBatch) record(p *models.Purchase, faults models.Violations, o *Outcome) error {
	vs := faults
	if len(vs) == 0 {
		vs = p.Check()
	}
	digest := p.Fingerprint()
	if stored, ok := b.known[factKey(p)]; ok && len(vs) == 0 {
		o.repeats(stored == digest, models.CodePurchaseConflict)
		return nil
	}
	fact := *p
	fact.Digest, fact.RecordedAt = digest, b.now
	before := b.accounts[p.SubscriptionID]
	switch {
	case p.Action != models.ActionNew:
		vs = vs.Merge(b.judgeChange(p, before))
	case before != nil:
		vs = vs.Merge(violation("subscription_id", models.CodeSubscriptionExists, models.Quote(p.SubscriptionID)+" was bought already"))
	default:
		vs = vs.Merge(b.judgeNew(p))
	}
	if len(vs) > 0 {
		o.reject(vs)
		return nil
	}
	vs, err := b.apply(&fact, before)
	if err != nil || len(vs) > 0 {
		o.reject(vs)
		return err
	}
	o.Status = Accepted
	b.known[factKey(p)] = digest
	b.accepted = append(b.accepted, &fact)
	if p.Action == models.ActionCancelImmediate {
		o.Warning, err = b.outlived(p)
	}
	return err
}

// outlived warns of usage that was accepted before its subscription turned out
// to be cancelled: it stays billed (D17).
func (b *purchaseBatch) outlived(cancel *models.Purchase) (string, error) {
	last, _, err := b.Usage(store.UsageFilter{SubscriptionID: cancel.SubscriptionID}, store.Page{Limit: 1, Backward: true})
	if err != nil || len(last) == 0 || last[0].OccurredAt.Before(cancel.OccurredAt) {
		return "", err
	}
	return "subscription " + models.Quote(cancel.SubscriptionID) + " has usage after its cancellation at " + cancel.OccurredAt.Format(time.RFC3339) +
		", until " + last[0].OccurredAt.Format(time.RFC3339) + ": it was accepted, and stays billed", nil
}

// judgeNew tells what the catalogue holds against a first purchase.
func (b *purchaseBatch) judgeNew(p *models.Purchase) (vs models.Violations) {
	reseller, known := b.resellers[p.ResellerTenantID]
	if models.IsGUID(p.ResellerTenantID) {
		switch {
		case !known:
			vs.Add("reseller_tenant_id", models.CodeUnknownReseller, models.Quote(p.ResellerTenantID)+" is not a known reseller: import it first")
		case reseller.Type == models.IndirectReseller:
			vs.Add("reseller_tenant_id", models.CodeResellerNotBilled, models.Quote(p.ResellerTenantID)+" is an indirect reseller, which is never billed: name its provider, and this one as indirect_reseller_tenant_id")
		}
	}
	if _, ok := b.resellers[p.IndirectResellerTenantID]; !ok && models.IsGUID(p.IndirectResellerTenantID) {
		vs.Add("indirect_reseller_tenant_id", models.CodeUnknownReseller, models.Quote(p.IndirectResellerTenantID)+" is not a known reseller: import it first")
	}
	if known && models.IsGUID(p.CustomerTenantID) && !b.customers[customerKey{p.ResellerTenantID, p.CustomerTenantID}] {
		vs.Add("customer_tenant_id", models.CodeUnknownCustomer, models.Quote(p.CustomerTenantID)+" is not a customer of this reseller: import it first")
	}
	if p.ProductID == "" || p.PlanID == "" {
		return vs // Check said so
	}
	if _, ok := b.products[p.ProductID]; !ok {
		vs.Add("product_id", models.CodeUnknownProduct, models.Quote(p.ProductID)+" is not a known product: import it first")
		return vs
	}
	plan, ok := b.plans[planKey{p.ProductID, p.PlanID}]
	switch {
	case !ok:
		vs.Add("plan_id", models.CodeUnknownPlan, models.Quote(p.PlanID)+" is not a plan of product "+models.Quote(p.ProductID)+": import it first")
	case plan.PricingModel != models.Usage && p.Term == models.TermNone && p.Billing == models.BillingNone:
		vs.Add("term", models.CodeTermBilling, "is missing, with billing: the plan is not one that only meters")
	}
	return vs
}

// judgeChange tells what its subscription holds against a later purchase: it
// must exist, and what the record repeats of it must be true.
func (b *purchaseBatch) judgeChange(p *models.Purchase, s *purchased) (vs models.Violations) {
	if p.SubscriptionID == "" || p.Action == "" {
		return nil // Check said so
	}
	if s == nil {
		vs.Add("subscription_id", models.CodeSubscriptionUnknown, models.Quote(p.SubscriptionID)+" is not known at "+p.OccurredAt.Format(time.RFC3339)+": record its purchase first")
		return vs
	}
	for _, repeated := range []struct{ field, said, kept string }{
		{"reseller_tenant_id", p.ResellerTenantID, s.ResellerTenantID},
		{"indirect_reseller_tenant_id", p.IndirectResellerTenantID, s.IndirectResellerTenantID},
		{"customer_tenant_id", p.CustomerTenantID, s.CustomerTenantID},
		{"product_id", p.ProductID, s.ProductID},
		{"plan_id", p.PlanID, s.PlanID},
		{"market", p.Market, s.Market},
		{"currency", string(p.Currency), string(s.Currency)},
	} {
		if repeated.said != "" && repeated.said != repeated.kept {
			vs.Add(repeated.field, models.CodeSubscriptionMismatch, models.Quote(repeated.said)+" is not that of the subscription, "+models.Quote(repeated.kept)+", which it keeps for life")
		}
	}
	return vs
}

// apply folds the life of the subscription with the record in it, and keeps it
// if it fits. before is nil for a first purchase.
func (b *purchaseBatch) apply(p *models.Purchase, before *purchased) (models.Violations, error) {
	s := b.open(p)
	if before != nil {
		*s.Subscription = *before.Subscription
		s.fresh, s.retold = before.fresh, before.retold
	}
	var robbed *purchased
	if before == nil {
		var err error
		if robbed, err = b.giveTrial(p, s.Subscription); err != nil {
			return nil, err
		}
	}
	s.Purchases = append(slices.Clip(s.Purchases), *p)
	if vs := s.fold(b.market.Refunds); len(vs) > 0 {
		if other := s.Misfit(b.market.Refunds); factKey(other) != factKey(p) {
			return violation("occurred_at", models.CodeConflict, "breaks a record that is there already, "+models.Quote(other.ExternalID)+" of "+models.Quote(other.Source)+
				" at "+other.OccurredAt.Format(time.RFC3339)+": "+vs.Error()), nil
		}
		return vs, nil
	}
	if robbed != nil {
		if vs := robbed.fold(b.market.Refunds); len(vs) > 0 {
			return violation("occurred_at", models.CodeConflict, "takes the trial from subscription "+models.Quote(robbed.ID)+", which then breaks: "+vs.Error()), nil
		}
		b.accounts[robbed.ID] = robbed
	}
	b.accounts[s.ID] = s
	if before == nil {
		b.keepFirst(p)
	}
	return nil, nil
}

// open is the subscription that a first purchase makes.
func (b *purchaseBatch) open(p *models.Purchase) *purchased {
	return &purchased{fresh: true, account: account{Subscription: &models.Subscription{
		ID: p.SubscriptionID, PublisherID: b.products[p.ProductID].PublisherID,
		ResellerTenantID: p.ResellerTenantID, IndirectResellerTenantID: p.IndirectResellerTenantID, CustomerTenantID: p.CustomerTenantID,
		ProductID: p.ProductID, PlanID: p.PlanID, Market: p.Market,
		Currency:     cmp.Or(p.Currency, b.resellers[p.ResellerTenantID].BillingCurrency), // D16
		PricingModel: b.plans[planKey{p.ProductID, p.PlanID}].PricingModel,
	}}}
}

// fold works out the life of the subscription and what is derived from it.
func (s *purchased) fold(refunds models.RefundPolicy) (vs models.Violations) {
	if s.timeline, vs = s.Timeline(refunds); len(vs) > 0 {
		return vs
	}
	s.FirstMonth, s.LastMonth = s.timeline.Span()
	s.changed = true
	return nil
}

// giveTrial makes the subscription a trial if its purchase is the customer's
// first of the plan (D5), whatever was recorded first. The subscription that
// had the trial till now is returned without it.
func (b *purchaseBatch) giveTrial(p *models.Purchase, s *models.Subscription) (robbed *purchased, err error) {
	days := b.plans[planKey{p.ProductID, p.PlanID}].TrialDays
	if days == 0 {
		return nil, nil
	}
	first, err := b.firstOfPlan(p)
	if err != nil {
		return nil, err
	}
	if first != nil && !comesBefore(p, first) {
		return nil, nil
	}
	s.TrialDays = days
	if first == nil {
		return nil, nil
	}
	if b.accounts[first.SubscriptionID] == nil {
		if err := b.loadAccounts([]string{first.SubscriptionID}); err != nil {
			return nil, err
		}
	}
	holder := b.accounts[first.SubscriptionID]
	if holder == nil || holder.TrialDays == 0 {
		return nil, nil
	}
	copied := *holder.Subscription
	copied.TrialDays = 0
	return &purchased{account: account{Subscription: &copied}, fresh: holder.fresh, retold: true}, nil
}

// firstOfPlan is the customer's first purchase of the plan so far, nil if this
// would be the only one.
func (b *purchaseBatch) firstOfPlan(p *models.Purchase) (*models.Purchase, error) {
	key := trialKeyOf(p)
	if first, ok := b.firsts[key]; ok {
		return first, nil
	}
	stored, err := b.NewPurchasesOfPlan(p.ResellerTenantID, p.CustomerTenantID, p.ProductID, p.PlanID)
	var first *models.Purchase
	for i := range stored {
		if first == nil || comesBefore(&stored[i], first) {
			first = &stored[i]
		}
	}
	b.firsts[key] = first
	return first, err
}

// keepFirst remembers an accepted purchase if it is now the first of its plan.
func (b *purchaseBatch) keepFirst(p *models.Purchase) {
	key := trialKeyOf(p)
	if first, asked := b.firsts[key]; asked && (first == nil || comesBefore(p, first)) {
		b.firsts[key] = p
	}
}

func trialKeyOf(p *models.Purchase) trialKey {
	return trialKey{customerKey{p.ResellerTenantID, p.CustomerTenantID}, planKey{p.ProductID, p.PlanID}}
}

func comesBefore(x, y *models.Purchase) bool {
	return cmp.Or(x.OccurredAt.Compare(y.OccurredAt), strings.Compare(x.SubscriptionID, y.SubscriptionID)) < 0
}

// save stores what was accepted, and which offers it sells.
func (b *purchaseBatch) save() error {
	if err := b.InsertPurchases(b.accepted); err != nil {
		return err
	}
	news := make(map[store.FactKey]bool, len(b.accepted))
	for _, p := range b.accepted {
		news[factKey(p)] = true
	}
	var opened []*models.Subscription
	var facts []soldFact
	for _, id := range slices.Sorted(maps.Keys(b.accounts)) {
		s := b.accounts[id]
		switch {
		case !s.changed:
			continue
		case s.fresh:
			opened = append(opened, s.Subscription)
		default:
			if err := b.SaveSubscription(s.Subscription); err != nil {
				return err
			}
		}
		for i := range s.timeline {
			if period := &s.timeline[i]; s.retold || news[factKey(period.Purchase)] {
				facts = append(facts, s.sale(period)...)
			}
		}
	}
	if err := b.InsertSubscriptions(opened); err != nil {
		return err
	}
	return recordSales(b.Writer, facts, b.now)
}

// sale is the term as something that an offer can win: nothing, if it is a
// trial or makes no line (D5, D18).
func (s *purchased) sale(period *models.TermPeriod) []soldFact {
	if period.Trial || period.Metered {
		return nil
	}
	return []soldFact{{
		account: &s.account, at: period.Purchase.OccurredAt, recordedAt: period.Purchase.RecordedAt,
		charge: models.ChargeType(period.Purchase.Action), // new and renew are the same words
		what: rating.What{
			ProductID: s.ProductID, PlanID: s.PlanID, Term: period.Term, Billing: period.Billing,
			Market: s.Market, Currency: s.Currency,
		},
	}}
}
