package store

import (
	"encoding/json"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"sellthrough/models"
)

// OfferFilter narrows a list of private offers, as ProductFilter does. Status
// follows from instants, so only its first step can be asked for here.
type OfferFilter struct {
	IDs              []string
	PublisherID      string
	ResellerTenantID string
	ProductID        string
	Text             string // anywhere in name or id; a reseller does not see names
	Submitted        *bool
	// EndingFrom is the earliest last month, 0 for any.
	EndingFrom models.Month
}

func (r *Reader) privateOffers(f OfferFilter) *gorm.DB {
	query := r.in(r.from("private_offers"), "id", f.IDs)
	query = equal(query, "publisher_id", f.PublisherID)
	if f.ResellerTenantID != "" {
		query = query.Where("id IN (SELECT private_offer_id FROM private_offer_resellers WHERE reseller_tenant_id = ?)", f.ResellerTenantID)
	}
	if f.ProductID != "" {
		query = query.Where("id IN (SELECT private_offer_id FROM private_offer_pricing_lines WHERE product_id = ?)", f.ProductID)
	}
	if r.viewer.Role == models.RoleReseller {
		query = r.matching(query, f.Text, "id")
	} else {
		query = r.matching(query, f.Text, "name", "id")
	}
	if f.Submitted != nil && *f.Submitted {
		query = query.Where("submitted_at IS NOT NULL")
	} else if f.Submitted != nil {
		query = query.Where("submitted_at IS NULL")
	}
	if f.EndingFrom != 0 {
		query = query.Where("end_month >= ?", f.EndingFrom)
	}
	return query
}

// PrivateOffers lists offers by id, which is the order of their creation, with
// their pricing lines and resellers. A reseller gets only its own row of those,
// never a draft, and neither name nor contacts.
func (r *Reader) PrivateOffers(filter OfferFilter, page Page) ([]models.PrivateOffer, bool, error) {
	offers, more, err := pageOf[models.PrivateOffer](r, "private_offers", r.privateOffers(filter), page, "id")
	if err != nil {
		return nil, false, err
	}
	return offers, more, r.complete(offers, nil, nil)
}

// CountPrivateOffers counts what PrivateOffers lists.
func (r *Reader) CountPrivateOffers(filter OfferFilter) (int64, error) {
	return count(r, r.privateOffers(filter))
}

// OffersFor are the submitted offers that name one of the resellers (nil: any)
// and end in or after a month, sorted by id: all that can price a charge from
// then on. Withdrawn ones are among them, since they priced what came before.
func (r *Reader) OffersFor(resellerTenantIDs []string, endingFrom models.Month) ([]models.PrivateOffer, error) {
	query := r.from("private_offers").Where("submitted_at IS NOT NULL AND end_month >= ?", endingFrom)
	if resellerTenantIDs != nil {
		// Within the viewer's own rows: who else an offer names must not show, not
		// even in how many queries follow.
		named := r.in(r.from("private_offer_resellers").Select("private_offer_id"), "reseller_tenant_id", resellerTenantIDs)
		query = query.Where("id IN (?)", named)
	}
	offers, err := find[models.PrivateOffer](r, "private_offers", query.Order("id"))
	if err != nil {
		return nil, err
	}
	return offers, r.complete(offers, nil, nil)
}

// Rivals are the offers, drafts among them, that price one of the products for one
// of the resellers, end in or after a month and were not withdrawn as a whole, by
// id. They come with those lines and resellers only, however large they are.
func (r *Reader) Rivals(productIDs, resellerTenantIDs []string, endingFrom models.Month) ([]models.PrivateOffer, error) {
	pricing := r.in(r.from("private_offer_pricing_lines").Select("private_offer_id"), "product_id", productIDs)
	named := r.in(r.from("private_offer_resellers").Select("private_offer_id"), "reseller_tenant_id", resellerTenantIDs)
	offers, err := find[models.PrivateOffer](r, "private_offers",
		r.from("private_offers").Where("withdrawn_at IS NULL AND end_month >= ? AND id IN (?) AND id IN (?)", endingFrom, pricing, named).Order("id"))
	if err != nil {
		return nil, err
	}
	return offers, r.complete(offers, productIDs, resellerTenantIDs)
}

// complete adds pricing lines and resellers to offers, those of the products and
// the tenants named (nil: all), and hides from a reseller what is the publisher's
// own.
func (r *Reader) complete(offers []models.PrivateOffer, productIDs, resellerTenantIDs []string) error {
	if len(offers) == 0 {
		return nil
	}
	ids := make([]string, len(offers))
	byID := make(map[string]*models.PrivateOffer, len(offers))
	for i := range offers {
		ids[i] = offers[i].ID
		byID[ids[i]] = &offers[i]
		if r.viewer.Role == models.RoleReseller {
			offers[i].Name, offers[i].PreparedBy, offers[i].NotificationContacts = "", "", nil
		}
	}
	lines, err := find[models.PricingLine](r, "private_offer_pricing_lines",
		r.in(r.in(r.from("private_offer_pricing_lines"), "private_offer_id", ids), "product_id", productIDs).Order("private_offer_id, position"))
	if err != nil {
		return err
	}
	for _, line := range lines {
		byID[line.PrivateOfferID].Pricing = append(byID[line.PrivateOfferID].Pricing, line)
	}
	resellers, err := find[models.OfferReseller](r, "private_offer_resellers",
		r.in(r.in(r.from("private_offer_resellers"), "private_offer_id", ids), "reseller_tenant_id", resellerTenantIDs).Order("private_offer_id, reseller_tenant_id"))
	if err != nil {
		return err
	}
	for _, reseller := range resellers {
		byID[reseller.PrivateOfferID].Resellers = append(byID[reseller.PrivateOfferID].Resellers, reseller)
	}
	return nil
}

// DueOffer is an offer with a step to take, and its place among those.
type DueOffer struct {
	ID          string
	SubmittedAt time.Time
}

// OffersDue are the offers that have a step to take at the instant now, in order
// of submission, at most limit of those behind the place after (the zero value:
// from the first). They are submitted, neither withdrawn nor recorded as ended,
// and over, or with a reseller that waits, or published and not recorded as live.
func (r *Reader) OffersDue(now time.Time, after DueOffer, limit int) ([]DueOffer, error) {
	const reseller = "EXISTS (SELECT 1 FROM private_offer_resellers w WHERE w.private_offer_id = private_offers.id AND w.withdrawn_at IS NULL AND "
	query := r.from("private_offers").Select("id", "submitted_at").
		Where("submitted_at IS NOT NULL AND withdrawn_at IS NULL AND ended_at IS NULL").
		Where("end_month < ? OR "+reseller+"w.published_at IS NULL AND w.failed_at IS NULL) OR live_at IS NULL AND "+reseller+"w.published_at IS NOT NULL)", models.MonthOf(now))
	if after.ID != "" {
		query = query.Where("submitted_at > ? OR submitted_at = ? AND id > ?", after.SubmittedAt, after.SubmittedAt, after.ID)
	}
	return find[DueOffer](r, "private_offers", query.Order("submitted_at, id").Limit(limit))
}

// CreateOffer stores a new draft with its lines and resellers. A publisher can
// store its own only: others are ErrNotFound.
func (w *Writer) CreateOffer(o *models.PrivateOffer) error {
	if w.viewer.Role == models.RoleReseller || w.viewer.Role == models.RolePublisher && o.PublisherID != w.viewer.Organization {
		return ErrNotFound
	}
	if err := w.db.Table("private_offers").Create(o).Error; err != nil {
		return wrap(err)
	}
	return w.createParts(o)
}

func (w *Writer) createParts(o *models.PrivateOffer) error {
	for i := range o.Pricing {
		o.Pricing[i].PrivateOfferID, o.Pricing[i].Position = o.ID, i+1
	}
	for i := range o.Resellers {
		o.Resellers[i].PrivateOfferID = o.ID
	}
	if len(o.Pricing) > 0 {
		if err := w.db.Table("private_offer_pricing_lines").Create(&o.Pricing).Error; err != nil {
			return wrap(err)
		}
	}
	if len(o.Resellers) > 0 {
		return wrap(w.db.Table("private_offer_resellers").CreateInBatches(&o.Resellers, 500).Error)
	}
	return nil
}

// ReplaceDraft stores a draft anew over the version that the caller saw, and
// counts o.Version up. ErrStale: it has another version, or is a draft no more.
// ErrNotFound: there is no such offer for the viewer.
func (w *Writer) ReplaceDraft(o *models.PrivateOffer, seenVersion int) error {
	stored, err := w.OfferForUpdate(o.ID)
	if err != nil {
		return err
	}
	if stored.Version != seenVersion || stored.SubmittedAt != nil {
		return ErrStale
	}
	o.Version = seenVersion + 1
	for _, table := range []string{"private_offer_pricing_lines", "private_offer_resellers"} {
		if err := w.db.Table(table).Where("private_offer_id = ?", o.ID).Delete(nil).Error; err != nil {
			return wrap(err)
		}
	}
	if err := w.db.Table("private_offers").Clauses(clause.OnConflict{UpdateAll: true}).Create(o).Error; err != nil {
		return wrap(err)
	}
	return w.createParts(o)
}

// DeleteDraft removes a draft for good, with all that it holds, and logs that as a
// change. Lock it first.
// ErrNotFound: there is no such offer for the viewer, or it is a draft no more.
func (w *Writer) DeleteDraft(id string, now time.Time) error {
	if err := w.updateOne(w.from("private_offers").Where("id = ? AND submitted_at IS NULL", id).Delete(nil)); err != nil {
		return err
	}
	for _, table := range []string{"private_offer_pricing_lines", "private_offer_resellers", "private_offer_events"} {
		if err := w.db.Table(table).Where("private_offer_id = ?", id).Delete(nil).Error; err != nil {
			return wrap(err)
		}
	}
	w.changed(models.ChangePrivateOffer, id, 0, now)
	return nil
}

// OfferForUpdate is one offer, whole, locked until the transaction ends.
// ErrNotFound: there is none, or the viewer may not see it.
func (w *Writer) OfferForUpdate(id string) (*models.PrivateOffer, error) {
	return w.lockOffer(id, clause.Locking{Strength: "UPDATE"})
}

// OfferUnlessLocked is OfferForUpdate for whoever would rather go on than wait:
// ErrNotFound also where another transaction has locked the offer, if the engine
// can tell (dialect.skipLocked).
func (w *Writer) OfferUnlessLocked(id string) (*models.PrivateOffer, error) {
	lock := clause.Locking{Strength: "UPDATE"}
	if w.dialect.skipLocked {
		lock.Options = clause.LockingOptionsSkipLocked
	}
	return w.lockOffer(id, lock)
}

func (w *Writer) lockOffer(id string, lock clause.Locking) (*models.PrivateOffer, error) {
	offer, err := one[models.PrivateOffer](w.Reader, "private_offers", w.from("private_offers").Clauses(lock).Where("id = ?", id))
	if err != nil {
		return nil, err
	}
	offers := []models.PrivateOffer{*offer}
	return &offers[0], w.complete(offers, nil, nil)
}

// SaveOfferInstants stores the steps of an offer, when it was last changed, and
// its version. Lock it first (OfferForUpdate).
func (w *Writer) SaveOfferInstants(o *models.PrivateOffer) error {
	return w.updateOne(w.from("private_offers").Where("id = ?", o.ID).
		Select("version", "updated_at", "submitted_at", "live_at", "ended_at", "withdrawn_at").Updates(o))
}

// SaveOfferProgress stores how far an offer has come for these resellers, in one
// statement for all that have come equally far. Lock the offer first.
// ErrNotFound: the offer does not name one of them.
func (w *Writer) SaveOfferProgress(offerID string, resellers []models.OfferReseller) error {
	tenants, steps := map[string][]string{}, map[string]*models.OfferReseller{}
	for i := range resellers {
		step := resellers[i]
		step.PrivateOfferID, step.ResellerTenantID, step.CustomerTenantIDs = "", "", nil
		text, err := json.Marshal(step)
		if err != nil {
			return wrap(err)
		}
		key := string(text)
		tenants[key], steps[key] = append(tenants[key], resellers[i].ResellerTenantID), &step
	}
	for key, step := range steps {
		result := w.in(w.from("private_offer_resellers").Where("private_offer_id = ?", offerID), "reseller_tenant_id", tenants[key]).
			Select("authorized_at", "published_at", "failed_at", "failure_reason", "withdrawn_at", "expected_live_at").Updates(step)
		if result.Error == nil && result.RowsAffected < int64(len(tenants[key])) {
			return ErrNotFound
		}
		if result.Error != nil {
			return wrap(result.Error)
		}
	}
	return nil
}

func (w *Writer) updateOne(result *gorm.DB) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return ErrNotFound
	}
	return wrap(result.Error)
}

// RecordSales keeps the sales whose offer and reseller have none yet. Lock the
// resellers first (LockResellers).
func (w *Writer) RecordSales(sales []models.OfferSale) error {
	if len(sales) == 0 {
		return nil
	}
	return wrap(w.db.Table("private_offer_sales").Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(&sales, 500).Error)
}

// Sales are the first sales of an offer, by reseller; those of every offer for
// the empty id.
func (r *Reader) Sales(offerID string) ([]models.OfferSale, error) {
	query := r.from("private_offer_sales").Order("private_offer_id, reseller_tenant_id")
	if offerID != "" {
		query = query.Where("private_offer_id = ?", offerID)
	}
	return find[models.OfferSale](r, "private_offer_sales", query)
}

// LastWithdrawal is when an offer was last withdrawn from one of the resellers,
// whoever's it was; the zero time if none ever was. Lock the resellers first.
func (w *Writer) LastWithdrawal(resellerTenantIDs []string) (time.Time, error) {
	last, err := one[models.OfferReseller](w.Reader, "private_offer_resellers",
		w.in(w.db.Table("private_offer_resellers").Where("withdrawn_at IS NOT NULL"), "reseller_tenant_id", resellerTenantIDs).Order("withdrawn_at DESC"))
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return *last.WithdrawnAt, nil
}

// AppendOfferEvents writes down what the viewer did to an offer, in the order
// given, gives the events their numbers, and logs each as a change. Lock the offer
// first.
func (w *Writer) AppendOfferEvents(offerID string, events []models.OfferEvent) error {
	last, err := find[models.OfferEvent](w.Reader, "private_offer_events",
		w.from("private_offer_events").Select("number").Where("private_offer_id = ?", offerID).Order("number DESC").Limit(1))
	if err != nil {
		return err
	}
	number := 0
	if len(last) > 0 {
		number = last[0].Number
	}
	for i := range events {
		e := &events[i]
		e.PrivateOfferID, e.Number = offerID, number+1+i
		e.Role, e.Organization, e.Subject = w.viewer.Role, w.viewer.Organization, w.viewer.Subject
		w.changed(models.ChangePrivateOffer, offerID, e.Number, e.OccurredAt)
	}
	return wrap(w.db.Table("private_offer_events").CreateInBatches(&events, 500).Error)
}

// OfferEventFilter narrows the history of an offer. Empty fields do not narrow.
type OfferEventFilter struct {
	PrivateOfferID   string // of this offer, always
	ResellerTenantID string
	Types            []models.OfferEventType
}

func (r *Reader) offerEvents(f OfferEventFilter) *gorm.DB {
	query := r.from("private_offer_events").Where("private_offer_id = ?", f.PrivateOfferID)
	query = equal(query, "reseller_tenant_id", f.ResellerTenantID)
	if len(f.Types) > 0 {
		query = query.Where("type IN ?", f.Types)
	}
	return query
}

// OfferEvents lists the history of an offer by number, which is the order in
// which it happened.
func (r *Reader) OfferEvents(filter OfferEventFilter, page Page) ([]models.OfferEvent, bool, error) {
	return pageOf[models.OfferEvent](r, "private_offer_events", r.offerEvents(filter), page, "number")
}

// CountOfferEvents counts what OfferEvents lists.
func (r *Reader) CountOfferEvents(filter OfferEventFilter) (int64, error) {
	return count(r, r.offerEvents(filter))
}
