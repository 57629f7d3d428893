package graph

import (
	"strings"

	"sellthrough/models"
)

// Node ids are the kind, a slash, and the id of the files: product/contoso-mail.
// Inputs take either form.
const (
	kindPublisher    = "publisher"
	kindReseller     = "reseller"
	kindCustomer     = "customer"
	kindProduct      = "product"
	kindPlan         = "plan"
	kindMeter        = "meter"
	kindPrivateOffer = "private-offer"
	kindSubscription = "subscription"
	kindMargin       = "margin"
	kindBillingLine  = "billing-line"
)

func nodeID(kind string, parts ...string) string { return kind + "/" + strings.Join(parts, "/") }

// bare takes the kind off an id.
func bare(kind, id string) string { return strings.TrimPrefix(id, kind+"/") }

// bareGUID is bare for tenants and private offers, whose ids are lowered at
// every door.
func bareGUID(kind, id string) string {
	id = bare(kind, id)
	if models.IsGUID(id) {
		return strings.ToLower(id)
	}
	return id
}

// bareWithin is bare for what is unique in a product: plan/mail/basic and basic
// are both basic.
func bareWithin(kind, id string) string {
	rest, whole := strings.CutPrefix(id, kind+"/")
	if whole {
		_, rest, _ = strings.Cut(rest, "/")
	}
	return rest
}

// splitPlan splits productId/planId, with or without the kind. No product id
// holds a slash.
func splitPlan(id string) (productID, planID string) {
	productID, planID, _ = strings.Cut(bare(kindPlan, id), "/")
	return productID, planID
}

func bareOf(take func(kind, id string) string, kind string, id *string) string {
	if id == nil {
		return ""
	}
	return take(kind, *id)
}

func bareAll(take func(kind, id string) string, kind string, ids []string) []string {
	if ids == nil {
		return nil
	}
	taken := make([]string, len(ids))
	for i, id := range ids {
		taken[i] = take(kind, id)
	}
	return taken
}

// value is what a pointer points to, or the zero value.
func value[T any](p *T) (zero T) {
	if p == nil {
		return zero
	}
	return *p
}
