package market

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

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
		return m.createOffer(w, offer)
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

// RecordPrivateOffer brings one offer of a file to the state that the file says:
// a draft, or submitted where live. The offer has its id; faults are what reading
// it found. It is ACCEPTED where that changes something, a DUPLICATE where the
// offer is there just so; a draft may be saved anew, an offer that was submitted
// is CONFLICT with other content.
func (m *Market) RecordPrivateOffer(ctx context.Context, request Request, offer models.PrivateOffer, live bool, faults models.Violations) (Outcome, error) {
	answer, refused, err := change(ctx, m, request, func(w *store.Writer) (Outcome, bool, error) {
		stored, err := w.OfferForUpdate(offer.ID)
		known := err == nil
		same := known && len(faults) == 0 && sameOffer(stored, &offer)
		switch {
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return Outcome{}, false, err
		case same && (stored.SubmittedAt != nil || !live):
			return Outcome{Status: Duplicate}, false, nil
		case known && stored.SubmittedAt != nil:
			return Outcome{}, false, faults.Merge(violation("id", models.CodeConflict, models.Quote(offer.ID)+" was submitted with other content and cannot be changed: give a new offer a new id"))
		}
		vs, err := m.judgeOffer(w, offer, live, faults)
		if err == nil && len(vs) == 0 && !known {
			stored, vs, err = m.createOffer(w, offer)
		} else if err == nil && len(vs) == 0 && !same {
			stored, vs, err = m.replaceOffer(w, stored, offer)
		}
		if err == nil && len(vs) == 0 && live {
			vs, err = m.submitOffer(w, stored)
		}
		return Outcome{Status: Accepted}, true, cmp.Or(err, vs.Err())
	})
	if len(refused) > 0 {
		answer.reject(refused)
	}
	return answer, err
}

// judgeOffer finds everything that keeps an offer of a file from the state that
// the file says, at once (D8).
func (m *Market) judgeOffer(w *store.Writer, offer models.PrivateOffer, live bool, faults models.Violations) (models.Violations, error) {
	publisher, vs, err := publisherOf(w, &offer)
	if err != nil {
		return nil, err
	}
	if len(faults) == 0 && !live {
		return vs.Merge(offer.CheckDraft(m.Limits)), nil
	}
	offer.PublisherID = publisher
	facts, err := submitFacts(w, &offer)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return faults.Merge(vs).Merge(offer.CheckFacts(facts)), nil
	}
	return vs.Merge(offer.CheckSubmit(facts, m.Limits, m.Now())), nil
}

// changeOffer is change for a function that says apart what is violated.
func (m *Market) changeOffer(ctx context.Context, request Request, run func(w *store.Writer) (*models.PrivateOffer, models.Violations, error)) (*models.PrivateOffer, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (*models.PrivateOffer, bool, error) {
		offer, vs, err := run(w)
		return offer, true, cmp.Or(err, vs.Err())
	})
}

func (m *Market) createOffer(w *store.Writer, offer models.PrivateOffer) (*models.PrivateOffer, models.Violations, error) {
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
	return draft, nil, w.CreateOffer(draft)
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
	return draft, nil, w.ReplaceDraft(draft, stored.Version)
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
			return a.ProductID == b.ProductID && a.PlanID == b.PlanID && a.Percentage == b.Percentage && slices.Equal(a.Absolute, b.Absolute)
		}) &&
		slices.EqualFunc(byTenant(x.Resellers), byTenant(y.Resellers), func(a, b models.OfferReseller) bool {
			return a.ResellerTenantID == b.ResellerTenantID && slices.Equal(a.CustomerTenantIDs, b.CustomerTenantIDs)
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
	if viewer := w.Viewer(); viewer.Role == models.RolePublisher {
		if offer.PublisherID != "" && offer.PublisherID != viewer.Organization {
			return "", violation("publisherId", models.CodePublisherNotFound, models.Quote(offer.PublisherID)+" is not your organisation: leave it out"), nil
		}
		return viewer.Organization, nil, nil
	}
	if offer.PublisherID != "" {
		publishers, err := w.Publishers([]string{offer.PublisherID})
		if err != nil || len(publishers) > 0 {
			return offer.PublisherID, nil, err
		}
		return "", violation("publisherId", models.CodePublisherNotFound, models.Quote(offer.PublisherID)+" is not known"), nil
	}
	products, err := productsByID(w.Reader, offer)
	if err != nil {
		return "", nil, err
	}
	var publisher string
	var vs models.Violations
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

// offerFor locks an offer for an action of the desk.
func (m *Market) offerFor(w *store.Writer, action models.OfferAction, id string, seenVersion *int) (*models.PrivateOffer, models.Violations, error) {
	offer, err := w.OfferForUpdate(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, violation("id", models.CodeNotFound, models.Quote(id)+" is not a private offer of yours"), nil
	}
	if err != nil {
		return nil, nil, err
	}
	if status := offer.Status(m.Now()); !status.Allows(action) {
		return nil, violation("id", models.CodeInvalidState, "the offer is "+string(status)+": only a draft can be edited or submitted"), nil
	}
	if seenVersion != nil && *seenVersion != offer.Version {
		return nil, violation("version", models.CodeConflict, "the draft is at version "+strconv.Itoa(offer.Version)+", you saw "+strconv.Itoa(*seenVersion)+": read it again"), nil
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
	offer.SubmittedAt, offer.UpdatedAt = &now, now
	offer.Version++
	return nil, w.SaveOfferInstants(offer)
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

func productsByID(r *store.Reader, offer *models.PrivateOffer) (map[string]models.Product, error) {
	products, _, err := r.Products(store.ProductFilter{IDs: pricedProducts(offer)}, store.Page{})
	byID := make(map[string]models.Product, len(products))
	for _, product := range products {
		byID[product.ID] = product
	}
	return byID, err
}

func resellersByID(r *store.Reader, offer *models.PrivateOffer) (map[string]models.Reseller, error) {
	ids := map[string]bool{}
	for i := range offer.Resellers {
		ids[offer.Resellers[i].ResellerTenantID] = true
	}
	resellers, _, err := r.Resellers(store.ResellerFilter{IDs: sortedKeys(ids)}, store.Page{})
	byID := make(map[string]models.Reseller, len(resellers))
	for _, reseller := range resellers {
		byID[reseller.TenantID] = reseller
	}
	return byID, err
}
