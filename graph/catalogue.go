package graph

import (
	"context"
	"fmt"

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
	return store.ProductFilter{
		IDs: bareAll(bare, kindProduct, where.Ids), PublisherID: bareOf(bare, kindPublisher, where.PublisherID),
		Text: value(where.Text), Types: where.Types,
	}
}

func resellerFilter(where *generated.ResellerWhere) store.ResellerFilter {
	if where == nil {
		return store.ResellerFilter{}
	}
	return store.ResellerFilter{
		IDs: bareAll(bareGUID, kindReseller, where.TenantIds), Text: value(where.Text), Types: where.Types,
		Regions: where.Regions, Skills: where.Skills, Competencies: where.Competencies, Country: value(where.Country),
	}
}

func customerFilter(where *generated.CustomerWhere) store.CustomerFilter {
	if where == nil {
		return store.CustomerFilter{}
	}
	return store.CustomerFilter{
		IDs: bareAll(bareCustomer, kindCustomer, where.TenantIds), ResellerTenantID: bareOf(bareGUID, kindReseller, where.ResellerTenantID),
		Text: value(where.Text),
	}
}

// bareCustomer is a customer's tenant id, also out of its node id, which names
// the reseller first.
func bareCustomer(kind, id string) string { return bareGUID(kind, bareWithin(kind, id)) }

func customerTenant(id *string) string { return bareOf(bareCustomer, kindCustomer, id) }

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
		record.Customer.TenantID = bareCustomer(kindCustomer, record.Customer.TenantID)
		record.Customer.ResellerTenantID = bareGUID(kindReseller, record.Customer.ResellerTenantID)
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
		record.Price.PlanID = bareWithin(kindPlan, record.Price.PlanID)
		record.Price.MeterID = bareWithin(kindMeter, record.Price.MeterID)
	case record.AgencyFee != nil:
		record.AgencyFee.PublisherID = bare(kindPublisher, record.AgencyFee.PublisherID)
		record.AgencyFee.ProductID = bare(kindProduct, record.AgencyFee.ProductID)
		record.AgencyFee.PrivateOfferID = bareGUID(kindPrivateOffer, record.AgencyFee.PrivateOfferID)
	}
	return record
}

func catalogueAnswer(records []models.Record, outcomes []market.Outcome) *generated.RecordCataloguePayload {
	p := &generated.RecordCataloguePayload{}
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

// tooMany refuses a batch of more than maxBatch records.
func tooMany(field string, n int) (vs models.Violations) {
	if n > maxBatch {
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
