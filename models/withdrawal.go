package models

import (
	"strconv"
	"time"
)

// OfferSale says that a private offer won a purchase, a renewal or usage, and so
// is sold through this reseller for good (D9). The first sale is kept.
type OfferSale struct {
	PrivateOfferID   string    `gorm:"column:private_offer_id;primaryKey"`
	ResellerTenantID string    `gorm:"column:reseller_tenant_id;primaryKey"`
	SubscriptionID   string    `gorm:"column:subscription_id"`
	SoldAt           time.Time `gorm:"column:sold_at"`
	// ChargeType is how it was sold: new, renew or usage.
	ChargeType ChargeType `gorm:"column:charge_type"`
}

// CheckAction refuses an action that the offer's state at the instant now does
// not allow.
func (o *PrivateOffer) CheckAction(action OfferAction, now time.Time) (vs Violations) {
	status := o.Status(now)
	if status.Allows(action) {
		return nil
	}
	need := "only a draft can be edited, submitted or deleted: clone the offer to begin a new one"
	if action == OfferWithdraw || action == OfferRetry {
		need = "only one that is IN_PROGRESS or LIVE can be withdrawn, or published again where that failed"
	}
	vs.Add("id", CodeInvalidState, "the offer is "+string(status)+": "+need)
	return vs
}

// CheckWithdraw finds for whom the offer is withdrawn: the resellers named, or,
// where tenantIDs is nil, all that are left. The violations are everything that
// keeps it from that: each sale is one (D9). Sales are those of this offer.
func (o *PrivateOffer) CheckWithdraw(tenantIDs []string, sales []OfferSale) ([]*OfferReseller, Violations) {
	sold := make(map[string]string, len(sales))
	for _, sale := range sales {
		sold[sale.ResellerTenantID] = sale.String() + ": what is sold cannot be withdrawn"
	}
	return o.choose(tenantIDs, func(s ProgressStatus) bool { return s != ProgressWithdrawn }, sold)
}

// String tells of a sale: who, how and when.
func (s *OfferSale) String() string {
	how := map[ChargeType]string{ChargeNew: " with a purchase", ChargeRenew: " with a renewal", ChargeUsage: " with usage"}[s.ChargeType]
	return "reseller " + Quote(s.ResellerTenantID) + " has sold it" + how + " of subscription " + Quote(s.SubscriptionID) + ", recorded at " + s.SoldAt.Format(time.RFC3339)
}

// CheckRetry finds for whom publishing is tried again: the resellers named, or,
// where tenantIDs is nil, all that failed.
func (o *PrivateOffer) CheckRetry(tenantIDs []string) ([]*OfferReseller, Violations) {
	chosen, vs := o.choose(tenantIDs, func(s ProgressStatus) bool { return s == ProgressFailed }, nil)
	if len(chosen)+len(vs) == 0 {
		vs.Add("id", CodeInvalidState, "publishing has failed for no reseller: there is nothing to try again")
	}
	return chosen, vs
}

// choose picks the resellers that are named, or, where tenantIDs is nil, all
// that are fit; sold says of some by tenant id why they cannot be picked.
func (o *PrivateOffer) choose(tenantIDs []string, fit func(ProgressStatus) bool, sold map[string]string) (chosen []*OfferReseller, vs Violations) {
	pick := func(r *OfferReseller, field string) {
		if reason := sold[r.ResellerTenantID]; reason != "" {
			vs.Add(field, CodeSold, reason)
		}
		chosen = append(chosen, r)
	}
	byTenant := make(map[string]*OfferReseller, len(o.Resellers))
	for i := range o.Resellers {
		r := &o.Resellers[i]
		byTenant[r.ResellerTenantID] = r
		if tenantIDs == nil && fit(r.Status()) {
			pick(r, "id")
		}
	}
	if tenantIDs != nil && len(tenantIDs) == 0 {
		vs.Add("resellers", CodeResellersRequired, "is empty: name at least one reseller, or leave it out")
	}
	seen := map[string]bool{}
	for i, id := range tenantIDs {
		r, field := byTenant[id], "resellers."+strconv.Itoa(i)
		switch {
		case r == nil:
			vs.Add(field, CodeResellerNotFound, Quote(id)+" is not a reseller of this offer")
		case seen[id]:
			vs.Add(field, CodeDuplicateReseller, Quote(id)+" is named twice")
		case !fit(r.Status()):
			vs.Add(field, CodeInvalidState, "the offer is "+string(r.Status())+" for "+Quote(id))
		default:
			pick(r, field)
		}
		seen[id] = true
	}
	return chosen, vs
}

// GoLive is how long an offer takes from submit to LIVE at most (rules 2.3). An
// operator may promise other times.
type GoLive struct {
	// Usual holds where every product is opted in for the reseller already,
	// Authorizing where that must be done first.
	Usual, Authorizing time.Duration
}

// DefaultGoLive are the vendor's times.
var DefaultGoLive = GoLive{Usual: 15 * time.Minute, Authorizing: 6 * time.Hour}

// Await begins to publish the offer for the reseller at the instant now: it notes
// by when the offer is expected to be live, and tells whether the reseller is
// authorised for all of the products already, so that only publishing is left.
// Products are those of the offer.
func (r *OfferReseller) Await(products map[string]Product, times GoLive, now time.Time) (authorized bool) {
	expected, authorized := now.Add(times.Usual), true
	for _, product := range products {
		if !product.Authorized(r.ResellerTenantID) {
			expected, authorized = now.Add(times.Authorizing), false
		}
	}
	r.ExpectedLiveAt, r.AuthorizedAt = &expected, nil
	if authorized {
		r.AuthorizedAt = &now
	}
	return authorized
}

// ExpectedLiveAt is by when the offer was expected to be live for all of its
// resellers that it is not withdrawn for, nil before it is submitted.
func (o *PrivateOffer) ExpectedLiveAt() (latest *time.Time) {
	for i := range o.Resellers {
		r := &o.Resellers[i]
		if r.WithdrawnAt == nil && r.ExpectedLiveAt != nil && (latest == nil || r.ExpectedLiveAt.After(*latest)) {
			latest = r.ExpectedLiveAt
		}
	}
	return latest
}

// EndWarning is what is remarkable about the offer when it ends: that nobody ever
// had its margins, since it was not published before its end passed (D7). Else it
// is empty.
func (o *PrivateOffer) EndWarning() string {
	for i := range o.Resellers {
		if o.Resellers[i].PublishedAt != nil {
			return ""
		}
	}
	return "its end passed before it was published: nobody had its margins"
}
