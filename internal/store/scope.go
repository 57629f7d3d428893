package store

import (
	"strings"

	"sellthrough/models"
)

// scope is the one place that says who sees which rows: a condition on a
// table for the viewer, "" where there is no limit. Every query of a Reader
// begins with it (Reader.from). The log of changes is for who sees everything.
// Exchange rates and settings are nobody's own and
// not bound; doors show them or not.
//
// The condition holds for a viewer that is Valid.
func scope(viewer models.Viewer, table string) (condition string, arguments []any) {
	switch table {
	case "exchange_rates", "settings":
		return "", nil
	}
	switch viewer.Role {
	case models.RoleFinance:
		if table != "api_keys" {
			return "", nil
		}
		condition = "role = 'FINANCE'" // who reads everything reads no credentials of others
	case models.RoleOperator:
		return "", nil
	case models.RolePublisher:
		condition = publisherScope[table]
	case models.RoleReseller:
		condition = resellerScope[table]
	}
	switch condition {
	case "":
		return "1 = 0", nil // a table that nobody thought of
	case everything:
		return "", nil
	}
	for range strings.Count(condition, "?") {
		arguments = append(arguments, viewer.Organization)
	}
	return condition, arguments
}

// everything marks a table that the role sees whole.
const everything = "everything"

// Each mark stands for the viewer's organisation.
var publisherScope = map[string]string{
	"publishers": "id = ?",
	// A publisher picks the resellers of an offer among all.
	"resellers": everything,
	"customers": "EXISTS (SELECT 1 FROM subscriptions WHERE subscriptions.publisher_id = ?" +
		" AND subscriptions.reseller_tenant_id = customers.reseller_tenant_id AND subscriptions.customer_tenant_id = customers.tenant_id)",
	"products": "publisher_id = ?",
	"plans":    "product_id IN (SELECT id FROM products WHERE publisher_id = ?)",
	"meters":   "product_id IN (SELECT id FROM products WHERE publisher_id = ?)",
	"prices":   "product_id IN (SELECT id FROM products WHERE publisher_id = ?)",
	// Those of products and offers alone have no publisher.
	"agency_fees":                 "publisher_id IN ('', ?)",
	"private_offers":              "publisher_id = ?",
	"private_offer_pricing_lines": "private_offer_id IN (SELECT id FROM private_offers WHERE publisher_id = ?)",
	"private_offer_resellers":     "private_offer_id IN (SELECT id FROM private_offers WHERE publisher_id = ?)",
	"private_offer_sales":         "private_offer_id IN (SELECT id FROM private_offers WHERE publisher_id = ?)",
	"private_offer_events":        "private_offer_id IN (SELECT id FROM private_offers WHERE publisher_id = ?)",
	"notifications":               "private_offer_id IN (SELECT id FROM private_offers WHERE publisher_id = ?)",
	"notification_attempts": "notification_id IN (SELECT id FROM notifications WHERE private_offer_id IN" +
		" (SELECT id FROM private_offers WHERE publisher_id = ?))",
	"subscriptions":     "publisher_id = ?",
	"purchases":         "subscription_id IN (SELECT id FROM subscriptions WHERE publisher_id = ?)",
	"usage_records":     "publisher_id = ?",
	"usage_buckets":     "publisher_id = ?",
	"webhook_endpoints": "publisher_id = ?",
	"api_keys":          "role = 'PUBLISHER' AND organization = ?",
	"idempotency_keys":  "role = 'PUBLISHER' AND organization = ?",
}

// resellerOffers are the offers that a reseller may know of: drafts are the
// publisher's own.
const resellerOffers = "SELECT private_offer_id FROM private_offer_resellers WHERE reseller_tenant_id = ?"

// resellerProducts are the products on the market, and those that were when
// the reseller bought them.
const resellerProducts = "(published = 1 AND public = 1) OR id IN (SELECT product_id FROM subscriptions WHERE reseller_tenant_id = ?)"

var resellerScope = map[string]string{
	"publishers": everything,
	"resellers":  "tenant_id = ?",
	"customers":  "reseller_tenant_id = ?",
	"products":   resellerProducts,
	"plans":      "product_id IN (SELECT id FROM products WHERE " + resellerProducts + ")",
	"meters":     "product_id IN (SELECT id FROM products WHERE " + resellerProducts + ")",
	"prices":     "product_id IN (SELECT id FROM products WHERE " + resellerProducts + ")",
	// Needed to rate its lines; the door shows it no fee.
	"agency_fees":                 everything,
	"private_offers":              "submitted_at IS NOT NULL AND id IN (" + resellerOffers + ")",
	"private_offer_pricing_lines": "private_offer_id IN (SELECT id FROM private_offers WHERE submitted_at IS NOT NULL) AND private_offer_id IN (" + resellerOffers + ")",
	"private_offer_resellers":     "reseller_tenant_id = ? AND private_offer_id IN (SELECT id FROM private_offers WHERE submitted_at IS NOT NULL)",
	"private_offer_sales":         "reseller_tenant_id = ?",
	"subscriptions":               "reseller_tenant_id = ?",
	"purchases":                   "subscription_id IN (SELECT id FROM subscriptions WHERE reseller_tenant_id = ?)",
	"usage_records":               "reseller_tenant_id = ?",
	"usage_buckets":               "reseller_tenant_id = ?",
	"api_keys":                    "role = 'RESELLER' AND organization = ?",
	"idempotency_keys":            "role = 'RESELLER' AND organization = ?",
}
