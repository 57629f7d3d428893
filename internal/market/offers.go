package market

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// CreatePrivateOffer stores a new draft and returns it with its id. A publisher
// creates its own; an operator names the publisher in offer.PublisherID, or
// leaves it to follow from the products that are priced.
//
// Violations are all those that no draft may have (models.CheckDraft); nothing
// is stored then.
func (m *Market) CreatePrivateOffer(ctx context.Context, request Request, offer models.PrivateOffer) (*models.PrivateOffer, models.Violations, error) {
	return m.changeOffer(ctx, request, func(w *store.Writer) (*models.PrivateOffer, models.Violations, error) {
		return m.createOffer(w, offer, models.OfferEvent{Type: models.EventCreated})
	})
}

// UpdatePrivateOffer replaces the draft with offer.ID, of which the caller saw
// seenVersion, and returns it with its new version. Besides those of a draft
// the violations are NOT_FOUND, INVALID_STATE (it is a draft no more) and
// CONFLICT (it was saved since).
func (m *Market) UpdatePrivateOffer(ctx context.Context, request Request, offer models.PrivateOffer, seenVersion int) (*models.PrivateOffer, models.Violations, error) {
	return m.changeOffer(ctx, request, func(w *store.Writer) (*models.PrivateOffer, models.Violations, error) {
		stored, vs, err := m.offerFor(w, models.OfferUpdate, offer.ID, &seenVersion)
		if err != nil || len(vs) > 0 {
			return stored, vs, err
		}
		return m.replaceOffer(w, stored, offer)
	})
}

// SubmitPrivateOffer submits a draft: from then on it cannot be edited, and the
// worker authorises its resellers and publishes it (D8). seenVersion, if not
// nil, must be the draft's. The violations are all those of
// models.CheckSubmit, or NOT_FOUND, INVALID_STATE, CONFLICT.
func (m *Market) SubmitPrivateOffer(ctx context.Context, request Request, id string, seenVersion *int) (*models.PrivateOffer, models.Violations, error) {
	return m.changeOffer(ctx, request, func(w *store.Writer) (*models.PrivateOffer, models.Violations, error) {
		offer, vs, err := m.offerFor(w, models.OfferSubmit, id, seenVersion)
		if err != nil || len(vs) > 0 {
			return offer, vs, err
		}
		vs, err = m.submitOffer(w, offer)
		return offer, vs, err
	})
}

// ClonePrivateOffer stores a new draft that says what an offer says, in whatever
// state that is, under another name (rules 2.4). A start that has passed is
// cloned too: submitting will refuse it. seenVersion, if not nil, must be the
// offer's. The violations are NOT_FOUND, CONFLICT, NAME_NOT_NEW and those that no
// draft may have.
func (m *Market) ClonePrivateOffer(ctx context.Context, request Request, id, name string, seenVersion *int) (*models.PrivateOffer, models.Violations, error) {
	return m.changeOffer(ctx, request, func(w *store.Writer) (*models.PrivateOffer, models.Violations, error) {
		source, vs, err := m.offerFor(w, models.OfferClone, id, seenVersion)
		if err != nil || len(vs) > 0 {
			return nil, vs, err
		}
		return m.cloneOffer(w, source, name, nil)
	})
}

// cloneOffer makes a draft of an offer, less some of its resellers.
func (m *Market) cloneOffer(w *store.Writer, source *models.PrivateOffer, name string, without []string) (*models.PrivateOffer, models.Violations, error) {
	if strings.EqualFold(strings.TrimSpace(name), strings.TrimSpace(source.Name)) {
		return nil, violation("name", models.CodeNameNotNew, "is the name of the offer that is cloned: choose another"), nil
	}
	draft := draftOf(source)
	draft.ID, draft.Name, draft.PublisherID = "", name, source.PublisherID
	draft.Resellers = slices.DeleteFunc(draft.Resellers, func(r models.OfferReseller) bool { return slices.Contains(without, r.ResellerTenantID) })
	return m.createOffer(w, *draft, models.OfferEvent{Type: models.EventCloned, SourceID: source.ID})
}

// DeletePrivateOffer removes a draft, of which the caller saw seenVersion, for
// good, its history included, and returns its id. The violations are NOT_FOUND,
// INVALID_STATE (it is a draft no more) and CONFLICT (it was saved since).
func (m *Market) DeletePrivateOffer(ctx context.Context, request Request, id string, seenVersion int) (string, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (string, bool, error) {
		draft, vs, err := m.offerFor(w, models.OfferDelete, id, &seenVersion)
		if err := cmp.Or(err, vs.Err()); err != nil {
			return "", false, err
		}
		return draft.ID, true, w.DeleteDraft(draft.ID, m.Now())
	})
}

// WithdrawPrivateOffer takes an offer back, from the resellers named or, where
// tenantIDs is nil, from all: from this instant on they have no margin. What has
// been sold cannot be withdrawn (D9); the violations name every sale that stands
// against it (SOLD), besides NOT_FOUND, INVALID_STATE, CONFLICT and those of
// models.CheckWithdraw. seenVersion, if not nil, must be the offer's.
func (m *Market) WithdrawPrivateOffer(ctx context.Context, request Request, id string, tenantIDs []string, seenVersion *int) (*models.PrivateOffer, models.Violations, error) {
	return m.changeOffer(ctx, request, func(w *store.Writer) (*models.PrivateOffer, models.Violations, error) {
		offer, vs, err := m.offerFor(w, models.OfferWithdraw, id, seenVersion)
		if err != nil || len(vs) > 0 {
			return nil, vs, err
		}
		vs, err = m.withdrawOffer(w, offer, tenantIDs)
		return offer, vs, err
	})
}

func (m *Market) withdrawOffer(w *store.Writer, offer *models.PrivateOffer, tenantIDs []string) (models.Violations, error) {
	locked := tenantIDs
	if locked == nil {
		for i := range offer.Resellers {
			locked = append(locked, offer.Resellers[i].ResellerTenantID)
		}
	}
	// Whoever records a sale holds these locks while it decides and stores it:
	// either it is stored by now, or it will find the offer withdrawn.
	if err := w.LockResellers(locked); err != nil {
		return nil, err
	}
	sales, err := w.Sales(offer.ID)
	if err != nil {
		return nil, err
	}
	chosen, vs := offer.CheckWithdraw(tenantIDs, sales)
	if len(vs) > 0 {
		return vs, nil
	}
	now := m.Now()
	var changed []models.OfferReseller
	var events []models.OfferEvent
	for _, reseller := range chosen {
		reseller.WithdrawnAt = &now
		changed = append(changed, *reseller)
		events = append(events, models.OfferEvent{Type: models.EventWithdrawn, ResellerTenantID: reseller.ResellerTenantID})
	}
	if offer.Status(now) == models.StatusWithdrawn { // nobody is left
		offer.WithdrawnAt = &now
		events = append(events, models.OfferEvent{Type: models.EventWithdrawn})
	}
	return nil, m.saveOffer(w, offer, changed, now, events...)
}

// Removal is what RemovePrivateOfferResellers makes: the offer, withdrawn for
// those removed, and its clone without them.
type Removal struct{ Offer, Clone *models.PrivateOffer }

// RemovePrivateOfferResellers takes resellers out of an offer in the way that
// the vendor's FAQ leads there, in one transaction: a draft of the offer without
// them, under another name, and the withdrawal for them. Whoever has sold the
// offer stays, since the violations are those of WithdrawPrivateOffer and
// ClonePrivateOffer together. At least one reseller must be left.
func (m *Market) RemovePrivateOfferResellers(ctx context.Context, request Request, id string, tenantIDs []string, name string, seenVersion *int) (Removal, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (Removal, bool, error) {
		offer, vs, err := m.offerFor(w, models.OfferWithdraw, id, seenVersion)
		if err := cmp.Or(err, vs.Err()); err != nil {
			return Removal{}, false, err
		}
		clone, vs, err := m.cloneOffer(w, offer, name, tenantIDs)
		if err != nil {
			return Removal{}, false, err
		}
		if clone != nil && len(clone.Resellers) == 0 {
			vs.Add("resellers", models.CodeResellersRequired, "leaves none: withdraw the offer as a whole")
		}
		more, err := m.withdrawOffer(w, offer, tenantIDs)
		return Removal{offer, clone}, true, cmp.Or(err, append(vs, more...).Err())
	})
}

// WithdrawEligibility tells whether WithdrawPrivateOffer would withdraw an offer
// now, and if not why: all that it would answer, and the sales behind it.
// store.ErrNotFound: there is no such offer for the viewer.
func (m *Market) WithdrawEligibility(ctx context.Context, viewer models.Viewer, id string, tenantIDs []string) (sales []models.OfferSale, vs models.Violations, err error) {
	err = m.Store.Read(ctx, viewer, func(r *store.Reader) error {
		offers, _, err := r.PrivateOffers(store.OfferFilter{IDs: []string{id}}, store.Page{})
		if err != nil || len(offers) == 0 {
			return cmp.Or(err, store.ErrNotFound)
		}
		all, err := r.Sales(id)
		if err != nil {
			return err
		}
		vs = offers[0].CheckAction(models.OfferWithdraw, m.Now())
		_, more := offers[0].CheckWithdraw(tenantIDs, all)
		vs = append(vs, more...)
		for _, sale := range all {
			if tenantIDs == nil || slices.Contains(tenantIDs, sale.ResellerTenantID) {
				sales = append(sales, sale)
			}
		}
		return nil
	})
	return sales, vs, err
}

// RetryPrivateOffer lets the worker try again to publish an offer for resellers
// for whom that FAILED: those named or, where tenantIDs is nil, all (D7). The
// violations are NOT_FOUND, INVALID_STATE, CONFLICT and those of
// models.CheckRetry. seenVersion, if not nil, must be the offer's.
func (m *Market) RetryPrivateOffer(ctx context.Context, request Request, id string, tenantIDs []string, seenVersion *int) (*models.PrivateOffer, models.Violations, error) {
	return m.changeOffer(ctx, request, func(w *store.Writer) (*models.PrivateOffer, models.Violations, error) {
		offer, vs, err := m.offerFor(w, models.OfferRetry, id, seenVersion)
		if err != nil || len(vs) > 0 {
			return nil, vs, err
		}
		chosen, vs := offer.CheckRetry(tenantIDs)
		if len(vs) > 0 {
			return nil, vs, nil
		}
		products, err := productsByID(w.Reader, offer)
		if err != nil {
			return nil, nil, err
		}
		now := m.Now()
		var changed []models.OfferReseller
		var events []models.OfferEvent
		for _, reseller := range chosen {
			reseller.FailedAt, reseller.FailureReason = nil, ""
			events = append(events, models.OfferEvent{Type: models.EventRetried, ResellerTenantID: reseller.ResellerTenantID})
			events = append(events, await(reseller, products, m.GoLive, now)...)
			changed = append(changed, *reseller)
		}
		return offer, nil, m.saveOffer(w, offer, changed, now, events...)
	})
}

// changeOffer is change for a function that says apart what is violated.
func (m *Market) changeOffer(ctx context.Context, request Request, run func(w *store.Writer) (*models.PrivateOffer, models.Violations, error)) (*models.PrivateOffer, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (*models.PrivateOffer, bool, error) {
		offer, vs, err := run(w)
		return offer, true, cmp.Or(err, vs.Err())
	})
}

// createOffer stores a new draft; event says how it came about.
func (m *Market) createOffer(w *store.Writer, offer models.PrivateOffer, event models.OfferEvent) (*models.PrivateOffer, models.Violations, error) {
	if offer.ID == "" {
		id, err := uuid.NewV7() // in order of creation, which is the order of the list
		if err != nil {
			return nil, nil, err
		}
		offer.ID = id.String()
	}
	vs := offer.CheckDraft(m.Limits)
	publisher, more, err := publisherOf(w, &offer)
	if vs = append(vs, more...); err != nil || len(vs) > 0 {
		return nil, vs, err
	}
	now := m.Now()
	draft := draftOf(&offer)
	draft.PublisherID, draft.Version, draft.CreatedAt, draft.UpdatedAt = publisher, 1, now, now
	if err := w.CreateOffer(draft); err != nil {
		return nil, nil, err
	}
	event.OccurredAt, event.Changes = now, models.OfferChanges(&models.PrivateOffer{}, draft)
	return draft, nil, m.announce(w, draft, event)
}

func (m *Market) replaceOffer(w *store.Writer, stored *models.PrivateOffer, offer models.PrivateOffer) (*models.PrivateOffer, models.Violations, error) {
	vs := offer.CheckDraft(m.Limits)
	if offer.PublisherID != "" && offer.PublisherID != stored.PublisherID {
		vs.Add("publisherId", models.CodeConflict, "is not the publisher of the offer, "+models.Quote(stored.PublisherID)+": an offer keeps its publisher")
	}
	if len(vs) > 0 {
		return stored, vs, nil
	}
	draft := draftOf(&offer)
	draft.PublisherID, draft.CreatedAt, draft.UpdatedAt = stored.PublisherID, stored.CreatedAt, m.Now()
	if err := w.ReplaceDraft(draft, stored.Version); err != nil {
		return nil, nil, err
	}
	return draft, nil, m.announce(w, draft, models.OfferEvent{
		Type: models.EventUpdated, OccurredAt: draft.UpdatedAt, Changes: models.OfferChanges(stored, draft),
	})
}

// draftOf is what a publisher decides of an offer, without steps taken.
func draftOf(offer *models.PrivateOffer) *models.PrivateOffer {
	draft := &models.PrivateOffer{
		ID: offer.ID, Name: offer.Name, StartMonth: offer.StartMonth, EndMonth: offer.EndMonth,
		PreparedBy: offer.PreparedBy, NotificationContacts: slices.Clone(offer.NotificationContacts),
		Pricing: slices.Clone(offer.Pricing),
	}
	for _, r := range offer.Resellers {
		draft.Resellers = append(draft.Resellers, models.OfferReseller{
			ResellerTenantID: r.ResellerTenantID, CustomerTenantIDs: slices.Clone(r.CustomerTenantIDs),
		})
	}
	return draft
}

// sameOffer tells whether two offers say the same, whoever keeps them.
func sameOffer(x, y *models.PrivateOffer) bool {
	return x.Name == y.Name && x.StartMonth == y.StartMonth && x.EndMonth == y.EndMonth && x.PreparedBy == y.PreparedBy &&
		slices.Equal(x.NotificationContacts, y.NotificationContacts) &&
		slices.EqualFunc(x.Pricing, y.Pricing, func(a, b models.PricingLine) bool {
			return a.ProductID == b.ProductID && a.PlanID == b.PlanID && a.Percentage == b.Percentage && slices.Equal(byCharge(a.Absolute), byCharge(b.Absolute))
		}) &&
		slices.EqualFunc(byTenant(x.Resellers), byTenant(y.Resellers), func(a, b models.OfferReseller) bool {
			return a.ResellerTenantID == b.ResellerTenantID && slices.Equal(a.CustomerTenantIDs, b.CustomerTenantIDs)
		})
}

// byCharge are absolute prices in one order: that in which a line lists them says
// nothing, and documents have another.
func byCharge(prices []models.AbsolutePrice) []models.AbsolutePrice {
	return slices.SortedFunc(slices.Values(prices), func(x, y models.AbsolutePrice) int {
		return cmp.Or(cmp.Compare(x.MeterID, y.MeterID), cmp.Compare(x.Term, y.Term), cmp.Compare(x.Billing, y.Billing),
			cmp.Compare(x.Market, y.Market), cmp.Compare(x.Currency, y.Currency))
	})
}

// byTenant are the resellers in the order in which the store returns them.
func byTenant(resellers []models.OfferReseller) []models.OfferReseller {
	return slices.SortedFunc(slices.Values(resellers), func(x, y models.OfferReseller) int {
		return strings.Compare(x.ResellerTenantID, y.ResellerTenantID)
	})
}

// publisherOf finds who owns a new offer: the viewer, or the publisher that is
// named, or the one whose products are priced (D8: all belong to one).
func publisherOf(w *store.Writer, offer *models.PrivateOffer) (string, models.Violations, error) {
	publisher, vs, err := publisherNamed(w, offer.PublisherID)
	if err != nil || len(vs) > 0 || publisher != "" {
		return publisher, vs, err
	}
	products, err := productsByID(w.Reader, offer)
	if err != nil {
		return "", nil, err
	}
	for i := range offer.Pricing {
		field := "pricing." + strconv.Itoa(i) + ".productId"
		product, known := products[offer.Pricing[i].ProductID]
		switch {
		case !known:
			vs.Add(field, models.CodeProductNotFound, models.Quote(offer.Pricing[i].ProductID)+" is not a known product")
		case publisher == "":
			publisher = product.PublisherID
		case publisher != product.PublisherID:
			vs.Add(field, models.CodeMixedPublishers, "belongs to publisher "+models.Quote(product.PublisherID)+", the first product to "+models.Quote(publisher)+": make an offer for each")
		}
	}
	if publisher == "" && len(vs) == 0 {
		vs.Add("publisherId", models.CodeRequired, "is missing: name the publisher, or price one of its products")
	}
	return publisher, vs, nil
}

// publisherNamed finds whom something new is for: the viewer's own organisation,
// or the publisher that another viewer names; "" where it names none.
func publisherNamed(w *store.Writer, named string) (string, models.Violations, error) {
	viewer := w.Viewer()
	switch {
	case viewer.Role == models.RolePublisher && (named == "" || named == viewer.Organization):
		return viewer.Organization, nil, nil
	case viewer.Role == models.RolePublisher:
		return "", violation("publisherId", models.CodePublisherNotFound, models.Quote(named)+" is not your organisation: leave it out"), nil
	case named == "":
		return "", nil, nil
	}
	publishers, err := w.Publishers([]string{named})
	if err != nil || len(publishers) > 0 {
		return named, nil, err
	}
	return "", violation("publisherId", models.CodePublisherNotFound, models.Quote(named)+" is not known"), nil
}

// offerFor locks an offer for an action of the desk.
func (m *Market) offerFor(w *store.Writer, action models.OfferAction, id string, seenVersion *int) (*models.PrivateOffer, models.Violations, error) {
	offer, err := w.OfferForUpdate(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, violation("id", models.CodeNotFound, models.Quote(id)+" is not a private offer of yours"), nil
	}
	if err != nil {
		return nil, nil, err
	}
	if vs := offer.CheckAction(action, m.Now()); len(vs) > 0 {
		return nil, vs, nil
	}
	if seenVersion != nil && *seenVersion != offer.Version {
		return nil, violation("version", models.CodeConflict, "the offer is at version "+strconv.Itoa(offer.Version)+", you saw "+strconv.Itoa(*seenVersion)+": read it again"), nil
	}
	return offer, nil, nil
}

func (m *Market) submitOffer(w *store.Writer, offer *models.PrivateOffer) (models.Violations, error) {
	facts, err := submitFacts(w, offer)
	if err != nil {
		return nil, err
	}
	now := m.Now()
	if vs := offer.CheckSubmit(facts, m.Limits, now); len(vs) > 0 {
		return vs, nil
	}
	offer.SubmittedAt = &now
	events := []models.OfferEvent{{Type: models.EventSubmitted}}
	for i := range offer.Resellers {
		events = append(events, await(&offer.Resellers[i], facts.Products, m.GoLive, now)...)
	}
	return nil, m.saveOffer(w, offer, offer.Resellers, now, events...)
}

// await begins to publish an offer for a reseller. Who is authorised already has
// taken that step now; the worker authorises the others.
func await(reseller *models.OfferReseller, products map[string]models.Product, times models.GoLive, now time.Time) []models.OfferEvent {
	if !reseller.Await(products, times, now) {
		return nil
	}
	return []models.OfferEvent{{Type: models.EventAuthorized, ResellerTenantID: reseller.ResellerTenantID}}
}

// saveOffer stores what the desk did to a submitted offer and some of its
// resellers, and the events that tell of it.
func (m *Market) saveOffer(w *store.Writer, offer *models.PrivateOffer, changed []models.OfferReseller, now time.Time, events ...models.OfferEvent) error {
	offer.UpdatedAt = now
	offer.Version++
	if err := w.SaveOfferInstants(offer); err != nil {
		return err
	}
	if err := w.SaveOfferProgress(offer.ID, changed); err != nil {
		return err
	}
	for i := range events {
		events[i].OccurredAt = now
	}
	return m.announce(w, offer, events...)
}

// submitFacts looks up everything that an offer names.
func submitFacts(w *store.Writer, offer *models.PrivateOffer) (facts models.SubmitFacts, err error) {
	publishers, err := w.Publishers([]string{offer.PublisherID})
	if err != nil {
		return facts, err
	}
	if len(publishers) > 0 {
		facts.Publisher = &publishers[0]
	}
	if facts.Products, err = productsByID(w.Reader, offer); err != nil {
		return facts, err
	}
	plans, err := w.Plans(pricedProducts(offer))
	if err != nil {
		return facts, err
	}
	facts.Plans = make(map[string]models.Plan, len(plans))
	for _, plan := range plans {
		facts.Plans[plan.ProductID+"/"+plan.ID] = plan
	}
	if facts.Resellers, err = resellersByID(w.Reader, offer); err != nil {
		return facts, err
	}
	if facts.Customers, err = w.KnownCustomers(offer.Resellers); err != nil {
		return facts, err
	}
	facts.Prices, err = w.Prices(pricedProducts(offer))
	return facts, err
}

// pricedProducts are the products that an offer prices, sorted.
func pricedProducts(offers ...*models.PrivateOffer) []string {
	ids := map[string]bool{}
	for _, offer := range offers {
		for i := range offer.Pricing {
			ids[offer.Pricing[i].ProductID] = true
		}
	}
	return sortedKeys(ids)
}

func productsByID(r *store.Reader, offers ...*models.PrivateOffer) (map[string]models.Product, error) {
	products, _, err := r.Products(store.ProductFilter{IDs: pricedProducts(offers...)}, store.Page{})
	byID := make(map[string]models.Product, len(products))
	for _, product := range products {
		byID[product.ID] = product
	}
	return byID, err
}

// namedResellers are the resellers that offers name, sorted.
func namedResellers(offers ...*models.PrivateOffer) []string {
	ids := map[string]bool{}
	for _, offer := range offers {
		for i := range offer.Resellers {
			ids[offer.Resellers[i].ResellerTenantID] = true
		}
	}
	return sortedKeys(ids)
}

func resellersByID(r *store.Reader, offers ...*models.PrivateOffer) (map[string]models.Reseller, error) {
	resellers, _, err := r.Resellers(store.ResellerFilter{IDs: namedResellers(offers...)}, store.Page{})
	byID := make(map[string]models.Reseller, len(resellers))
	for _, reseller := range resellers {
		byID[reseller.TenantID] = reseller
	}
	return byID, err
}
