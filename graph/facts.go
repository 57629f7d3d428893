package graph

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"sellthrough/graph/generated"
	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/models"
)

func subscriptionFilter(where *generated.SubscriptionWhere) store.SubscriptionFilter {
	if where == nil {
		return store.SubscriptionFilter{}
	}
	reseller, customer := customerOf(value(where.CustomerTenantID))
	filter := store.SubscriptionFilter{
		IDs: bareAll(bare, kindSubscription, where.Ids), PublisherID: bareOf(bare, kindPublisher, where.PublisherID),
		ResellerTenantID: bareOf(bareGUID, kindReseller, where.ResellerTenantID),
		CustomerTenantID: customer, ProductID: bareOf(bare, kindProduct, where.ProductID),
	}
	narrow(&filter.ResellerTenantID, reseller)
	return filter
}

// usageFilter asks which product the subscription is of where the meter's id
// names one: usage itself does not say.
func (r *Resolver) usageFilter(ctx context.Context, where generated.UsageWhere) (store.UsageFilter, error) {
	product, meter := within(kindMeter, value(where.MeterID))
	filter := store.UsageFilter{SubscriptionID: bare(kindSubscription, where.SubscriptionID), Month: value(where.Month), MeterID: meter}
	if product == "" {
		return filter, nil
	}
	products, err := r.productsOf(ctx, []string{filter.SubscriptionID})
	if products[filter.SubscriptionID] != product {
		filter.MeterID = nowhere
	}
	return filter, err
}

// productsOf finds the product of each subscription that the viewer sees.
func (r *Resolver) productsOf(ctx context.Context, subscriptions []string) (map[string]string, error) {
	products := map[string]string{}
	err := r.Market.Store.Read(ctx, auth.ViewerFrom(ctx), func(reader *store.Reader) error {
		found, err := reader.SubscriptionsByID(subscriptions)
		for i := range found {
			products[found[i].ID] = found[i].ProductID
		}
		return err
	})
	return products, err
}

// Codes of values that cannot be read at all.
const (
	codeInvalidInstant models.Code = "INVALID_INSTANT"
	codeInvalidNumber  models.Code = "INVALID_NUMBER"
)

func purchaseFact(in generated.PurchaseInput) (p models.Purchase, vs models.Violations) {
	p = models.Purchase{
		Source: in.Source, ExternalID: in.ExternalID, Action: in.Action, SubscriptionID: bare(kindSubscription, in.SubscriptionID),
		ResellerTenantID:         bareOf(bareGUID, kindReseller, in.ResellerTenantID),
		IndirectResellerTenantID: bareOf(bareGUID, kindReseller, in.IndirectResellerTenantID),
		ProductID:                bareOf(bare, kindProduct, in.ProductID),
		Term:                     value(in.Term), Billing: value(in.Billing), Market: value(in.Market), Currency: value(in.Currency),
	}
	p.OccurredAt = readInstant(&vs, "occurred_at", in.OccurredAt)
	// What a node id names beside, the record need not repeat, and may not deny.
	reseller, customer := customerOf(value(in.CustomerTenantID))
	p.ResellerTenantID, p.CustomerTenantID = cmp.Or(p.ResellerTenantID, reseller), customer
	if reseller != "" && reseller != p.ResellerTenantID {
		vs.Add("customer_tenant_id", models.CodeUnknownCustomer, fmt.Sprintf("%.120q is not a customer of reseller %.60q", *in.CustomerTenantID, p.ResellerTenantID))
	}
	product, _ := within(kindPlan, value(in.PlanID))
	p.ProductID = cmp.Or(p.ProductID, product)
	p.PlanID = ownOf(kindPlan, value(in.PlanID), p.ProductID)
	if in.Quantity != nil {
		read := len(vs)
		p.Quantity = readNumber(&vs, "quantity", *in.Quantity)
		if p.Quantity.IsZero() && len(vs) == read { // none at all would be 1 (D18)
			vs.Add("quantity", models.CodeQuantityNotPositive, "is not above 0: leave it out to buy 1")
		}
	}
	return p, vs
}

// usageReader reads usage records. A meter's id that names another product than
// the subscription's stays whole: no product has such a meter.
func (r *Resolver) usageReader(ctx context.Context, in []generated.UsageRecordInput) (func(generated.UsageRecordInput) (models.UsageRecord, models.Violations), error) {
	var subscriptions []string
	for i := range in {
		if product, _ := within(kindMeter, in[i].MeterID); product != "" {
			subscriptions = append(subscriptions, bare(kindSubscription, in[i].SubscriptionID))
		}
	}
	var products map[string]string
	if len(subscriptions) > 0 {
		var err error
		if products, err = r.productsOf(ctx, subscriptions); err != nil {
			return nil, err
		}
	}
	return func(u generated.UsageRecordInput) (models.UsageRecord, models.Violations) {
		return usageFact(u, products[bare(kindSubscription, u.SubscriptionID)])
	}, nil
}

func usageFact(in generated.UsageRecordInput, productID string) (u models.UsageRecord, vs models.Violations) {
	u = models.UsageRecord{
		Source: in.Source, ExternalID: in.ExternalID, SubscriptionID: bare(kindSubscription, in.SubscriptionID),
		MeterID: ownOf(kindMeter, in.MeterID, productID),
	}
	u.OccurredAt = readInstant(&vs, "occurred_at", in.OccurredAt)
	u.Quantity = readNumber(&vs, "quantity", in.Quantity)
	return u, vs
}

func readInstant(vs *models.Violations, field, text string) time.Time {
	t, err := models.ParseInstant(text)
	if err != nil {
		vs.Add(field, codeInvalidInstant, err.Error())
	}
	return t
}

func readNumber(vs *models.Violations, field, text string) money.Decimal {
	d, err := money.Parse(text)
	if err != nil {
		vs.Add(field, codeInvalidNumber, err.Error())
	}
	return d
}

// readFacts reads the records of an input, with all that is wrong with each of
// those that cannot be read: the others are checked where they are recorded.
func readFacts[In, Fact any](in []In, read func(In) (Fact, models.Violations), check func(*Fact) models.Violations) ([]Fact, market.Faults) {
	facts, faults := make([]Fact, len(in)), make(market.Faults, len(in))
	for i := range in {
		if facts[i], faults[i] = read(in[i]); len(faults[i]) > 0 {
			faults[i] = faults[i].Merge(check(&facts[i]))
		}
	}
	return facts, faults
}

func purchaseAnswer(in []generated.PurchaseInput, outcomes []market.Outcome, refused models.Violations) *generated.RecordPurchasesPayload {
	p := &generated.RecordPurchasesPayload{UserErrors: refused}
	for i, o := range outcomes {
		result := generated.PurchaseResult{
			Index: i, Source: &in[i].Source, ExternalID: &in[i].ExternalID, Status: o.Status, Errors: apiFields(o.Violations),
		}
		if o.Warning != "" {
			result.Warning = &o.Warning
		}
		p.Results = append(p.Results, result)
	}
	p.Accepted, p.Duplicates, p.Rejected = tally(outcomes)
	return p
}

func usageAnswer(in []generated.UsageRecordInput, outcomes []market.Outcome, refused models.Violations) *generated.RecordUsagePayload {
	p := &generated.RecordUsagePayload{UserErrors: refused}
	for i, o := range outcomes {
		p.Results = append(p.Results, generated.UsageResult{
			Index: i, Source: &in[i].Source, ExternalID: &in[i].ExternalID, Status: o.Status, Errors: apiFields(o.Violations),
		})
	}
	p.Accepted, p.Duplicates, p.Rejected = tally(outcomes)
	return p
}

// apiFields turns the files' names of fields into the API's: external_id is
// externalId here.
func apiFields(vs models.Violations) []models.Violation {
	renamed := make([]models.Violation, len(vs))
	for i, v := range vs {
		path := make([]string, len(v.Field))
		for j, name := range v.Field {
			path[j] = apiField(name)
		}
		v.Field = path
		renamed[i] = v
	}
	return renamed
}

func apiField(name string) string {
	switch name {
	case "CurrencyCode":
		return "currency"
	case "USDPerUnit":
		return "usdPerUnit"
	case "Month":
		return "month"
	}
	words := strings.Split(name, "_")
	for i := 1; i < len(words); i++ {
		if words[i] != "" {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
	}
	return strings.Join(words, "")
}
