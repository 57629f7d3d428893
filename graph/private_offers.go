package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"sellthrough/graph/generated"
	"sellthrough/internal/auth"
	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// offer reads one private offer. One that does not exist, or is not the
// viewer's, has its id and nothing else: what it is used for says NOT_FOUND.
func (r *Resolver) offer(ctx context.Context, id string) (models.PrivateOffer, error) {
	offer := models.PrivateOffer{ID: id}
	err := r.Market.Store.Read(ctx, auth.ViewerFrom(ctx), func(reader *store.Reader) error {
		offers, _, err := reader.PrivateOffers(store.OfferFilter{IDs: []string{id}}, store.Page{})
		if len(offers) == 1 {
			offer = offers[0]
		}
		return err
	})
	return offer, err
}

// offerRows lists offers. Their status follows from instants (D7), so it is
// asked of each.
func (r *Resolver) offerRows(where *generated.PrivateOfferWhere) (
	rows func(*store.Reader, store.Page) ([]models.PrivateOffer, bool, error), count func(*store.Reader) (int64, error),
) {
	if where == nil {
		where = &generated.PrivateOfferWhere{}
	}
	filter := store.OfferFilter{
		IDs: bareAll(bareGUID, kindPrivateOffer, where.Ids), PublisherID: bareOf(bare, kindPublisher, where.PublisherID),
		ResellerTenantID: bareOf(bareGUID, kindReseller, where.ResellerTenantID), Text: value(where.Text),
	}
	rows = func(reader *store.Reader, ask store.Page) ([]models.PrivateOffer, bool, error) {
		return reader.PrivateOffers(filter, ask)
	}
	if none(where.Status) {
		filter.IDs = []string{}
	}
	if len(where.Status) == 0 {
		return rows, func(reader *store.Reader) (int64, error) { return reader.CountPrivateOffers(filter) }
	}
	now := r.Market.Now()
	return sieved(rows, func(o *models.PrivateOffer) bool { return slices.Contains(where.Status, o.Status(now)) })
}

// eventRows lists the history of an offer.
func eventRows(offerID string, resellerTenantID *string, types []models.OfferEventType) (
	rows func(*store.Reader, store.Page) ([]models.OfferEvent, bool, error), count func(*store.Reader) (int64, error), filter store.OfferEventFilter,
) {
	filter = store.OfferEventFilter{PrivateOfferID: offerID, ResellerTenantID: bareOf(bareGUID, kindReseller, resellerTenantID), Types: types}
	if none(types) {
		filter.PrivateOfferID = nowhere
	}
	rows = func(reader *store.Reader, ask store.Page) ([]models.OfferEvent, bool, error) {
		return reader.OfferEvents(filter, ask)
	}
	return rows, func(reader *store.Reader) (int64, error) { return reader.CountOfferEvents(filter) }, filter
}

// sieved lists and counts those rows of a list that pass.
func sieved[T store.Listed](rows func(*store.Reader, store.Page) ([]T, bool, error), passes func(*T) bool) (
	func(*store.Reader, store.Page) ([]T, bool, error), func(*store.Reader) (int64, error),
) {
	kept := sieve(rows, passes)
	return kept, func(reader *store.Reader) (int64, error) {
		all, _, err := kept(reader, store.Page{})
		return int64(len(all)), err
	}
}

// sieve lists those rows of a list that pass, page by page.
func sieve[T store.Listed](rows func(*store.Reader, store.Page) ([]T, bool, error), passes func(*T) bool) func(*store.Reader, store.Page) ([]T, bool, error) {
	return func(reader *store.Reader, ask store.Page) (kept []T, more bool, err error) {
		step := ask
		step.Limit = maxPage
		for {
			got, goesOn, err := rows(reader, step)
			if err != nil {
				return nil, false, err
			}
			if ask.Backward {
				slices.Reverse(got)
			}
			for i := range got {
				if !passes(&got[i]) {
					continue
				}
				if more = ask.Limit > 0 && len(kept) == ask.Limit; more {
					break
				}
				kept = append(kept, got[i])
			}
			if more || !goesOn {
				break
			}
			if last := store.Key(got[len(got)-1]); ask.Backward {
				step.Before = last
			} else {
				step.After = last
			}
		}
		if ask.Backward {
			slices.Reverse(kept)
		}
		return kept, more, nil
	}
}

// newOffer reads a new draft. own are the violations of values that cannot be
// read.
func newOffer(in generated.CreatePrivateOfferInput) (offer models.PrivateOffer, own models.Violations) {
	offer = models.PrivateOffer{
		Name: in.Name, PublisherID: bareOf(bare, kindPublisher, in.PublisherID),
		StartMonth: offerMonth(&own, "startMonth", in.StartMonth), EndMonth: offerMonth(&own, "endMonth", in.EndMonth),
		PreparedBy: value(in.PreparedBy), NotificationContacts: in.NotificationContacts,
		Pricing: pricingLines(&own, in.Pricing), Resellers: offerResellers(&own, in.Resellers),
	}
	return offer, own
}

// changeOffer changes what the input names.
func changeOffer(offer *models.PrivateOffer, in generated.UpdatePrivateOfferInput) (own models.Violations) {
	if name, ok := in.Name.ValueOK(); ok {
		offer.Name = value(name)
	}
	if month, ok := in.StartMonth.ValueOK(); ok {
		offer.StartMonth = offerMonth(&own, "startMonth", month)
	}
	if month, ok := in.EndMonth.ValueOK(); ok {
		offer.EndMonth = offerMonth(&own, "endMonth", month)
	}
	if preparedBy, ok := in.PreparedBy.ValueOK(); ok {
		offer.PreparedBy = value(preparedBy)
	}
	if contacts, ok := in.NotificationContacts.ValueOK(); ok {
		offer.NotificationContacts = contacts
	}
	if pricing, ok := in.Pricing.ValueOK(); ok {
		offer.Pricing = pricingLines(&own, pricing)
	}
	if resellers, ok := in.Resellers.ValueOK(); ok {
		offer.Resellers = offerResellers(&own, resellers)
	}
	return own
}

// What is refused below is left in the offer as no draft can hold it, so that
// nothing is saved: a percentage, price or month of -1, a tenant id that is no GUID,
// a plan of no product, an id with a space.

// offerMonth reads a month, 0 for none.
func offerMonth(vs *models.Violations, field string, text *string) models.Month {
	if text == nil {
		return 0
	}
	month, err := models.ParseMonth(*text)
	if err != nil {
		vs.Add(field, models.CodeInvalid, fmt.Sprintf("%.60q is not a month: write YYYY-MM", *text))
		return -1
	}
	return month
}

// offerNumber reads a price or a quantity.
func offerNumber(vs *models.Violations, field, text string) money.Decimal {
	number, err := money.Parse(text)
	if err != nil {
		vs.Add(field, models.CodeOutOfRange, err.Error())
		return money.New(-1, 0)
	}
	return number
}

func offerResellers(vs *models.Violations, in []generated.PrivateOfferResellerInput) []models.OfferReseller {
	resellers := make([]models.OfferReseller, len(in))
	for i, r := range in {
		resellers[i].ResellerTenantID = bareGUID(kindReseller, r.TenantID)
		for j, id := range r.Customers {
			reseller, customer := customerOf(id)
			if reseller != "" && reseller != resellers[i].ResellerTenantID {
				vs.Add(fmt.Sprintf("resellers.%d.customers.%d", i, j), models.CodeCustomerNotFound,
					fmt.Sprintf("%.120q is not a customer of reseller %.60q", id, resellers[i].ResellerTenantID))
				customer = id
			}
			resellers[i].CustomerTenantIDs = append(resellers[i].CustomerTenantIDs, customer)
		}
	}
	return resellers
}

const unreadable money.Percentage = -1

func pricingLines(vs *models.Violations, in []generated.PricingLineInput) []models.PricingLine {
	lines := make([]models.PricingLine, len(in))
	for i, l := range in {
		field := "pricing." + strconv.Itoa(i)
		line := models.PricingLine{Position: i + 1, ProductID: bareOf(bare, kindProduct, l.Scope.ProductID)}
		if id := l.Scope.PlanID; id != nil {
			var ok bool
			if line.ProductID, line.PlanID, ok = splitPlan(*id); !ok {
				line.ProductID, line.PlanID = "", cmp.Or(*id, "/")
				vs.Add(field+".productId", models.CodeInvalid, fmt.Sprintf("%.60q names no plan: write productId/planId, or give productId for the whole product", *id))
			}
		}
		for j, a := range l.Margin.Absolute {
			at := field + ".absolute." + strconv.Itoa(j)
			product, meter := within(kindMeter, value(a.MeterID))
			if product != "" && product != line.ProductID {
				meter = nowhere
				vs.Add(at+".meterId", models.CodeInvalid, fmt.Sprintf("is a meter of product %.60q, not of %.60q", product, line.ProductID))
			}
			line.Absolute = append(line.Absolute, models.AbsolutePrice{
				Market: a.Market, Currency: a.Currency, Term: value(a.Term), Billing: value(a.Billing), MeterID: meter,
				UnitPrice:        offerNumber(vs, at+".unitPrice", a.UnitPrice),
				IncludedQuantity: offerNumber(vs, at+".includedQuantity", a.IncludedQuantity),
			})
		}
		if l.Margin.Percentage != nil {
			line.Percentage = readPercentage(vs, field+".percentage", *l.Margin.Percentage)
		}
		lines[i] = line
	}
	return lines
}

func readPercentage(vs *models.Violations, field, text string) money.Percentage {
	p, err := money.ParsePercentage(text)
	switch {
	case err == nil:
		return p
	case errors.Is(err, money.ErrPercentageDecimals):
		vs.Add(field, models.CodePercentageDecimals, err.Error()+": round it")
	default:
		vs.Add(field, models.CodePercentageOutOfRange, err.Error()+": write 12.5 for 12.5 %")
	}
	(*vs)[len(*vs)-1].VendorCode = "businessValidationError"
	return unreadable
}

// warnings are those of each offer, under the names of the inputs.
func (r *Resolver) warnings(ctx context.Context, offers []*models.PrivateOffer) ([][]models.OfferWarning, error) {
	warnings, err := r.Market.OfferWarnings(ctx, auth.ViewerFrom(ctx), offers)
	for i, offer := range offers {
		for j := range warnings[i] {
			warnings[i][j].Field = offerField(offer, warnings[i][j].Field)
		}
	}
	return warnings, err
}

// offerErrors puts violations under the names of the input: what cannot be read
// in place of what the rules make of it.
func offerErrors(offer *models.PrivateOffer, own, vs models.Violations) []models.Violation {
	shown := make([]models.Violation, 0, len(vs))
	for _, v := range vs {
		if i := slices.IndexFunc(own, func(o models.Violation) bool { return o.Path() == v.Path() }); i >= 0 {
			v = own[i]
		}
		v.Field = offerField(offer, v.Field)
		shown = append(shown, v)
	}
	return shown
}

// offerField is the path in the input of a field of the offer: scope and margin
// are levels of their own there.
func offerField(offer *models.PrivateOffer, path []string) []string {
	if len(path) < 3 || path[0] != "pricing" {
		return path
	}
	level := "margin"
	if path[2] == "productId" || path[2] == "planId" {
		level = "scope"
	}
	named := slices.Insert(slices.Clone(path), 2, level)
	if i, err := strconv.Atoi(path[1]); err == nil && i < len(offer.Pricing) && path[2] == "productId" && offer.Pricing[i].PlanID != "" {
		named[3] = "planId"
	}
	return named
}
