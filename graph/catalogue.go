package graph

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sellthrough/graph/generated"
	"sellthrough/graph/page"
	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/models"
)

func productFilter(where *generated.ProductWhere) store.ProductFilter {
	if where == nil {
		return store.ProductFilter{}
	}
	filter := store.ProductFilter{
		IDs: bareAll(bare, kindProduct, where.Ids), PublisherID: bareOf(bare, kindPublisher, where.PublisherID),
		Text: value(where.Text), Types: where.Types, Marketplaces: where.Marketplaces, Transactable: where.Transactable, Selectable: where.Selectable,
	}
	if none(where.Types) || none(where.Marketplaces) {
		filter.IDs = []string{}
	}
	return filter
}

func resellerFilter(where *generated.ResellerWhere) store.ResellerFilter {
	if where == nil {
		return store.ResellerFilter{}
	}
	filter := store.ResellerFilter{
		IDs: bareAll(bareGUID, kindReseller, where.TenantIds), Text: value(where.Text), Types: where.Types,
		Regions: where.Regions, Skills: where.Skills, Competencies: where.Competencies, Country: value(where.Country),
		Selectable: where.Selectable,
	}
	if none(where.Types) || none(where.Regions) || none(where.Skills) || none(where.Competencies) {
		filter.IDs = []string{}
	}
	return filter
}

// customerRows lists customers. A node id names the reseller too, so each row is
// held to the ids it may come from.
func customerRows(where *generated.CustomerWhere) (
	rows func(*store.Reader, store.Page) ([]models.Customer, bool, error), count func(*store.Reader) (int64, error),
) {
	if where == nil {
		where = &generated.CustomerWhere{}
	}
	filter := store.CustomerFilter{
		IDs: bareAll(bareCustomer, kindCustomer, where.TenantIds), ResellerTenantID: bareOf(bareGUID, kindReseller, where.ResellerTenantID),
		Text: value(where.Text),
	}
	rows = func(reader *store.Reader, ask store.Page) ([]models.Customer, bool, error) {
		return reader.Customers(filter, ask)
	}
	named := func(c *models.Customer) bool {
		return slices.ContainsFunc(where.TenantIds, func(id string) bool {
			reseller, tenant := customerOf(id)
			return tenant == c.TenantID && (reseller == "" || reseller == c.ResellerTenantID)
		})
	}
	if !slices.ContainsFunc(where.TenantIds, func(id string) bool { return strings.HasPrefix(id, kindCustomer+"/") }) {
		return rows, func(reader *store.Reader) (int64, error) { return reader.CountCustomers(filter) }
	}
	return sieved(rows, named)
}

// bareCustomer is a customer's tenant id, without its reseller.
func bareCustomer(_, id string) string {
	_, tenant := customerOf(id)
	return tenant
}

// publishersOf finds the publisher of each product.
func (r *Resolver) publishersOf(ctx context.Context, products []*models.Product) ([]*models.Publisher, error) {
	byID := map[string]*models.Publisher{}
	ids := make([]string, len(products))
	for i, product := range products {
		ids[i] = product.PublisherID
	}
	err := r.Market.Store.Read(ctx, auth.ViewerFrom(ctx), func(reader *store.Reader) error {
		publishers, err := reader.Publishers(ids)
		for i := range publishers {
			byID[publishers[i].ID] = &publishers[i]
		}
		return err
	})
	found := make([]*models.Publisher, len(products))
	for i, product := range products {
		found[i] = byID[product.PublisherID]
	}
	return found, err
}

// resellerFacets are what the resellers of a filter can be narrowed by.
func (r *Resolver) resellerFacets(filter store.ResellerFilter) func(context.Context) (page.ResellerFacets, error) {
	return func(ctx context.Context) (facets page.ResellerFacets, err error) {
		err = r.Market.Store.Read(ctx, auth.ViewerFrom(ctx), func(reader *store.Reader) (err error) {
			if facets.Regions, err = reader.ResellerFacets(filter, "regions"); err != nil {
				return err
			}
			if facets.Skills, err = reader.ResellerFacets(filter, "skills"); err != nil {
				return err
			}
			facets.Competencies, err = reader.ResellerFacets(filter, "competencies")
			return err
		})
		return facets, err
	}
}

// transactable tells of each plan whether the marketplace bills for it, having
// read what their products cost at once.
func (r *Resolver) transactable(ctx context.Context, plans []*models.Plan) ([]bool, error) {
	prices, meters := map[string][]models.Price{}, map[string][]models.Meter{}
	products := make([]string, len(plans))
	for i, plan := range plans {
		products[i] = plan.ProductID
	}
	slices.Sort(products)
	products = slices.Compact(products)
	err := r.Market.Store.Read(ctx, auth.ViewerFrom(ctx), func(reader *store.Reader) error {
		listed, err := reader.Prices(products)
		if err != nil {
			return err
		}
		metered, err := reader.Meters(products)
		for _, p := range listed {
			prices[p.ProductID] = append(prices[p.ProductID], p)
		}
		for _, m := range metered {
			meters[m.ProductID] = append(meters[m.ProductID], m)
		}
		return err
	})
	found := make([]bool, len(plans))
	for i, plan := range plans {
		found[i] = plan.Transactable(prices[plan.ProductID], meters[plan.ProductID])
	}
	return found, err
}

// plansOf deals out the plans of products, those that are transactable, or are
// not, where that is asked for.
func (r *Resolver) plansOf(ctx context.Context, products []*models.Product, transactable *bool) ([][]models.Plan, error) {
	dealt, err := eachProduct(ctx, r, products, (*store.Reader).Plans, func(p models.Plan) string { return p.ProductID })
	if err != nil || transactable == nil {
		return dealt, err
	}
	var plans []*models.Plan
	for _, some := range dealt {
		for i := range some {
			plans = append(plans, &some[i])
		}
	}
	found, err := r.transactable(ctx, plans)
	next := 0
	for i, some := range dealt {
		dealt[i] = slices.DeleteFunc(slices.Clone(some), func(models.Plan) bool {
			next++
			return found[next-1] != *transactable
		})
	}
	return dealt, err
}

// eachProduct reads what belongs to products in one query and deals it out.
func eachProduct[T any](ctx context.Context, r *Resolver, products []*models.Product, read func(*store.Reader, []string) ([]T, error), product func(T) string) ([][]T, error) {
	place := make(map[string][]int, len(products))
	ids := make([]string, len(products))
	for i, p := range products {
		ids[i] = p.ID
		place[p.ID] = append(place[p.ID], i)
	}
	dealt := make([][]T, len(products))
	err := r.Market.Store.Read(ctx, auth.ViewerFrom(ctx), func(reader *store.Reader) error {
		rows, err := read(reader, ids)
		for _, row := range rows {
			for _, i := range place[product(row)] {
				dealt[i] = append(dealt[i], row)
			}
		}
		return err
	})
	return dealt, err
}

// catalogueRecord reads a record, takes the kinds off its ids and lowers its
// GUIDs.
func catalogueRecord(in generated.CatalogueRecordInput) (record models.Record, vs models.Violations) {
	record = models.Record{
		Publisher: in.Publisher, Reseller: in.Reseller, Customer: in.Customer, Product: in.Product, Plan: in.Plan, Meter: in.Meter,
	}
	switch {
	case in.Publisher != nil:
		in.Publisher.ID = bare(kindPublisher, in.Publisher.ID)
	case in.Reseller != nil:
		in.Reseller.TenantID = bareGUID(kindReseller, in.Reseller.TenantID)
	case in.Customer != nil:
		in.Customer.ResellerTenantID = bareGUID(kindReseller, in.Customer.ResellerTenantID)
		if reseller, tenant := customerOf(in.Customer.TenantID); reseller == "" || reseller == in.Customer.ResellerTenantID {
			in.Customer.TenantID = tenant
		}
	case in.Product != nil:
		in.Product.ID = bare(kindProduct, in.Product.ID)
		in.Product.PublisherID = bare(kindPublisher, in.Product.PublisherID)
		in.Product.AuthorizedResellers = bareAll(bareGUID, kindReseller, in.Product.AuthorizedResellers)
	case in.Plan != nil:
		in.Plan.ProductID = bare(kindProduct, in.Plan.ProductID)
	case in.Meter != nil:
		in.Meter.ProductID = bare(kindProduct, in.Meter.ProductID)
	case in.Price != nil:
		product := bare(kindProduct, in.Price.ProductID)
		record.Price = &models.Price{
			ProductID: product, PlanID: ownOf(kindPlan, value(in.Price.PlanID), product), MeterID: ownOf(kindMeter, value(in.Price.MeterID), product),
			Term: value(in.Price.Term), Billing: value(in.Price.Billing), Market: in.Price.Market, Currency: in.Price.Currency,
			UnitPrice: readNumber(&vs, "unitPrice", in.Price.UnitPrice), EffectiveFrom: readMonth(&vs, "effectiveFrom", in.Price.EffectiveFrom),
		}
	case in.AgencyFee != nil:
		record.AgencyFee = &models.AgencyFeeRate{
			PublisherID: bareOf(bare, kindPublisher, in.AgencyFee.PublisherID), ProductID: bareOf(bare, kindProduct, in.AgencyFee.ProductID),
			PrivateOfferID: bareOf(bareGUID, kindPrivateOffer, in.AgencyFee.PrivateOfferID), ChargeType: value(in.AgencyFee.ChargeType),
			Rate: readNumber(&vs, "rate", in.AgencyFee.Rate), EffectiveFrom: readMonth(&vs, "effectiveFrom", in.AgencyFee.EffectiveFrom),
		}
	case in.ExchangeRate != nil:
		record.ExchangeRate = &models.ExchangeRate{
			Currency:   in.ExchangeRate.Currency,
			USDPerUnit: readNumber(&vs, "USDPerUnit", in.ExchangeRate.UsdPerUnit), Month: readMonth(&vs, "Month", in.ExchangeRate.Month),
		}
	}
	return record, vs
}

func readMonth(vs *models.Violations, field, text string) models.Month {
	month, err := models.ParseMonth(text)
	if err != nil {
		vs.Add(field, models.CodeInvalid, err.Error())
	}
	return month
}

func catalogueAnswer(records []models.Record, outcomes []market.Outcome, refused models.Violations) *generated.RecordCataloguePayload {
	p := &generated.RecordCataloguePayload{UserErrors: refused}
	for i, o := range outcomes {
		p.Results = append(p.Results, generated.CatalogueResult{
			Index: i, Kind: records[i].Kind(), Key: records[i].Key(), Status: o.Status, Errors: apiFields(o.Violations),
		})
	}
	p.Accepted, p.Duplicates, p.Rejected = tally(outcomes)
	return p
}

// codeTooMany refuses a batch as a whole.
const codeTooMany models.Code = "TOO_MANY_RECORDS"

// tooMany refuses a batch of more than maxBatch records, and what else is wrong
// with the request.
func tooMany(request market.Request, field string, n int) (vs models.Violations) {
	if n > maxBatch {
		vs = request.Check()
		vs.Add(field, codeTooMany, fmt.Sprintf("holds %d records, at most %d are allowed in one call: send several, or import a file", n, maxBatch))
	}
	return vs
}

func tally(outcomes []market.Outcome) (accepted, duplicates, rejected int) {
	for _, o := range outcomes {
		switch o.Status {
		case market.Accepted:
			accepted++
		case market.Duplicate:
			duplicates++
		default:
			rejected++
		}
	}
	return accepted, duplicates, rejected
}
