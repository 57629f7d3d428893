package graph

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sellthrough/graph/generated"
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
		Text: value(where.Text), Types: where.Types,
	}
	if none(where.Types) {
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

// bareRecord takes the kinds off the ids of a record and lowers its GUIDs.
func bareRecord(record models.Record) models.Record {
	switch {
	case record.Publisher != nil:
		record.Publisher.ID = bare(kindPublisher, record.Publisher.ID)
	case record.Reseller != nil:
		record.Reseller.TenantID = bareGUID(kindReseller, record.Reseller.TenantID)
	case record.Customer != nil:
		record.Customer.ResellerTenantID = bareGUID(kindReseller, record.Customer.ResellerTenantID)
		if reseller, tenant := customerOf(record.Customer.TenantID); reseller == "" || reseller == record.Customer.ResellerTenantID {
			record.Customer.TenantID = tenant
		}
	case record.Product != nil:
		record.Product.ID = bare(kindProduct, record.Product.ID)
		record.Product.PublisherID = bare(kindPublisher, record.Product.PublisherID)
		record.Product.AuthorizedResellers = bareAll(bareGUID, kindReseller, record.Product.AuthorizedResellers)
	case record.Plan != nil:
		record.Plan.ProductID = bare(kindProduct, record.Plan.ProductID)
	case record.Meter != nil:
		record.Meter.ProductID = bare(kindProduct, record.Meter.ProductID)
	case record.Price != nil:
		record.Price.ProductID = bare(kindProduct, record.Price.ProductID)
		record.Price.PlanID = ownOf(kindPlan, record.Price.PlanID, record.Price.ProductID)
		record.Price.MeterID = ownOf(kindMeter, record.Price.MeterID, record.Price.ProductID)
	case record.AgencyFee != nil:
		record.AgencyFee.PublisherID = bare(kindPublisher, record.AgencyFee.PublisherID)
		record.AgencyFee.ProductID = bare(kindProduct, record.AgencyFee.ProductID)
		record.AgencyFee.PrivateOfferID = bareGUID(kindPrivateOffer, record.AgencyFee.PrivateOfferID)
	}
	return record
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
