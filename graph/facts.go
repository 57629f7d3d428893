package graph

import (
	"strings"
	"time"

	"sellthrough/graph/generated"
	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/models"
)

func subscriptionFilter(where *generated.SubscriptionWhere) store.SubscriptionFilter {
	if where == nil {
		return store.SubscriptionFilter{}
	}
	return store.SubscriptionFilter{
		IDs: bareAll(bare, kindSubscription, where.Ids), PublisherID: bareOf(bare, kindPublisher, where.PublisherID),
		ResellerTenantID: bareOf(bareGUID, kindReseller, where.ResellerTenantID),
		CustomerTenantID: customerTenant(where.CustomerTenantID), ProductID: bareOf(bare, kindProduct, where.ProductID),
	}
}

func usageFilter(where generated.UsageWhere) store.UsageFilter {
	return store.UsageFilter{
		SubscriptionID: bare(kindSubscription, where.SubscriptionID), Month: value(where.Month),
		MeterID: bareOf(bareWithin, kindMeter, where.MeterID),
	}
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
		CustomerTenantID:         customerTenant(in.CustomerTenantID),
		ProductID:                bareOf(bare, kindProduct, in.ProductID), PlanID: bareOf(bareWithin, kindPlan, in.PlanID),
		Term: value(in.Term), Billing: value(in.Billing), Market: value(in.Market), Currency: value(in.Currency),
	}
	p.OccurredAt = readInstant(&vs, "occurred_at", in.OccurredAt)
	if in.Quantity != nil {
		p.Quantity = readNumber(&vs, "quantity", *in.Quantity)
	}
	return p, vs
}

func usageFact(in generated.UsageRecordInput) (u models.UsageRecord, vs models.Violations) {
	u = models.UsageRecord{
		Source: in.Source, ExternalID: in.ExternalID, SubscriptionID: bare(kindSubscription, in.SubscriptionID),
		MeterID: bareWithin(kindMeter, in.MeterID),
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

func purchaseAnswer(in []generated.PurchaseInput, outcomes []market.Outcome) *generated.RecordPurchasesPayload {
	p := &generated.RecordPurchasesPayload{}
	for i, o := range outcomes {
		p.Results = append(p.Results, generated.PurchaseResult{
			Index: i, Source: &in[i].Source, ExternalID: &in[i].ExternalID, Status: o.Status, Errors: apiFields(o.Violations),
		})
	}
	p.Accepted, p.Duplicates, p.Rejected = tally(outcomes)
	return p
}

func usageAnswer(in []generated.UsageRecordInput, outcomes []market.Outcome) *generated.RecordUsagePayload {
	p := &generated.RecordUsagePayload{}
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
