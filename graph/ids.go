package graph

import (
	"cmp"
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
	kindAPIKey       = "api-key"
	kindWebhook      = "webhook-endpoint"
	kindNotification = "notification"
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

// nowhere is the id of nothing: no id holds a space.
const nowhere = "no such id"

// within splits the id of a plan or a meter, which is unique in its product:
// plan/mail/basic and mail/basic are basic of mail, basic names no product.
// Meters name one with their kind only, since their own ids may hold slashes.
func within(kind, id string) (productID, ownID string) {
	rest, whole := strings.CutPrefix(id, kind+"/")
	if !whole && (kind != kindPlan || !strings.Contains(rest, "/")) {
		return "", rest
	}
	productID, ownID, _ = strings.Cut(rest, "/")
	return cmp.Or(productID, nowhere), cmp.Or(ownID, nowhere)
}

// ownOf is the bare id of a plan or a meter of the product. An id that names
// another product stays whole: this one has no such plan, and the refusal shows
// both.
func ownOf(kind, id, productID string) string {
	if product, own := within(kind, id); product == "" || product == productID {
		return own
	}
	return id
}

// customerOf splits a customer's id: customer/<reseller>/<tenant> names the
// reseller, the tenant id alone does not.
func customerOf(id string) (resellerTenantID, tenantID string) {
	rest, whole := strings.CutPrefix(id, kindCustomer+"/")
	if !whole {
		return "", bareGUID(kindCustomer, id)
	}
	resellerTenantID, tenantID, _ = strings.Cut(rest, "/")
	return cmp.Or(bareGUID(kindReseller, resellerTenantID), nowhere), cmp.Or(bareGUID(kindCustomer, tenantID), nowhere)
}

// splitPlan splits productId/planId, with or without the kind; ok is false
// where one of the two is missing. No product id holds a slash.
func splitPlan(id string) (productID, planID string, ok bool) {
	productID, planID, _ = strings.Cut(bare(kindPlan, id), "/")
	return productID, planID, productID != "" && planID != ""
}

// narrow adds a condition to one that may be there already: two that differ find
// nothing.
func narrow(condition *string, also string) {
	switch {
	case *condition == "":
		*condition = also
	case also != "" && also != *condition:
		*condition = nowhere
	}
}

// none tells whether a list is given and empty: then nothing can match.
func none[T any](list []T) bool { return list != nil && len(list) == 0 }

// only is a list of the one id that is given, nil for none.
func only(take func(kind, id string) string, kind string, id *string) []string {
	if id == nil {
		return nil
	}
	return []string{take(kind, *id)}
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
