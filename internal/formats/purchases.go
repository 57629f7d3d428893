package formats

import (
	"io"
	"strings"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// ReadPurchases reads purchases, CSV or JSON Lines by the first byte. The
// Digest of each good record is set, its RecordedAt is not.
func ReadPurchases(in io.Reader) *Reader[models.Purchase] {
	return newReader(in, purchaseShape)
}

const (
	purchaseSource = iota
	purchaseExternalID
	purchaseOccurredAt
	purchaseAction
	purchaseSubscriptionID
	purchaseReseller
	purchaseIndirectReseller
	purchaseCustomer
	purchaseProductID
	purchasePlanID
	purchaseTerm
	purchaseBilling
	purchaseMarket
	purchaseCurrency
	purchaseQuantity
)

var purchaseShape = shape[models.Purchase]{
	// What later actions will need is known already and needs no warning.
	schema: newSchema(`source, external_id, occurred_at, action, subscription_id, reseller_tenant_id,
		indirect_reseller_tenant_id?, customer_tenant_id, product_id, plan_id, term?, billing?, market, currency?, quantity`,
		"target_subscription_id", "term_end", "amount", "corrects_external_id"),
	parse: func(f *found) (models.Purchase, models.Violations) {
		c := f.read()
		p := models.Purchase{
			Source:                   c.text(purchaseSource),
			ExternalID:               c.text(purchaseExternalID),
			OccurredAt:               c.instant(purchaseOccurredAt),
			Action:                   actionOf(c.text(purchaseAction)),
			SubscriptionID:           c.id(purchaseSubscriptionID),
			ResellerTenantID:         c.id(purchaseReseller),
			IndirectResellerTenantID: c.id(purchaseIndirectReseller),
			CustomerTenantID:         c.id(purchaseCustomer),
			ProductID:                c.id(purchaseProductID),
			PlanID:                   c.id(purchasePlanID),
			Term:                     models.Term(c.text(purchaseTerm)),
			Billing:                  models.Billing(c.text(purchaseBilling)),
			Market:                   c.text(purchaseMarket),
			Currency:                 money.Currency(c.text(purchaseCurrency)),
			Quantity:                 c.units(purchaseQuantity),
		}
		vs := merge(*c.violations, p.Check())
		if len(vs) == 0 {
			p.Digest = p.Fingerprint()
		}
		return p, vs
	},
}

// units reads a number of seats. Absent is 1 where a quantity may be absent
// (D18), so a 0 that is written down is a mistake to say here.
func (c *cells) units(at int) money.Decimal {
	before := len(*c.violations)
	quantity := c.number(at, models.CodeQuantityTooLarge)
	if c.has(at) && quantity.IsZero() && len(*c.violations) == before {
		c.bad(at, models.CodeQuantityNotPositive, "is not above 0")
	}
	return quantity
}

// actionOf also reads the spelling of the GraphQL enum: ADD_QUANTITY is
// addQuantity.
func actionOf(s string) models.Action {
	if s == "" || s != strings.ToUpper(s) {
		return models.Action(s)
	}
	words := strings.Split(strings.ToLower(s), "_")
	for i := 1; i < len(words); i++ {
		if words[i] != "" {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
	}
	return models.Action(strings.Join(words, ""))
}
