package formats

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// ReadCatalogue reads catalogue records. With kind "" the file is JSON Lines
// and the `kind` of each line says what it is; with one of CatalogueKinds it is
// a CSV file of that kind, or JSON Lines that need not repeat it. Any other
// kind stops the file.
func ReadCatalogue(in io.Reader, kind string) *Reader[models.Record] {
	r := newReader(in, catalogueShape(kind))
	if r.csv = kind != ""; r.csv && !slices.Contains(CatalogueKinds, kind) {
		r.refusal = fmt.Errorf("%s is not a kind of catalogue record: choose one of %s", quote(kind), strings.Join(CatalogueKinds, ", "))
	}
	return r
}

// CatalogueKinds lists the kinds of catalogue records.
var CatalogueKinds = []string{"publisher", "reseller", "customer", "product", "plan", "meter", "price", "agencyFee"}

// catalogueKind is how one kind of record is read. Its first column, kind, is
// what a line of JSON says; the others are numbered from 1.
type catalogueKind struct {
	schema *schema
	record func(c *cells) models.Record
}

var catalogueKinds = map[string]catalogueKind{
	"publisher": {
		newSchema("kind?, id, name, country, payoutCurrency, accountActive?, enrolled?"),
		func(c *cells) models.Record {
			return models.Record{Publisher: &models.Publisher{
				ID: c.id(1), Name: c.text(2), Country: c.text(3), PayoutCurrency: money.Currency(c.text(4)),
				AccountActive: c.boolean(5, true), Enrolled: c.boolean(6, true)}}
		},
	},
	"reseller": {
		newSchema("kind?, tenantId, name, type, country, billingCurrency, regions?, skills?, competencies?, inCspProgram?"),
		func(c *cells) models.Record {
			return models.Record{Reseller: &models.Reseller{
				TenantID: c.id(1), Name: c.text(2), Type: models.ResellerType(c.text(3)), Country: c.text(4), BillingCurrency: money.Currency(c.text(5)),
				Regions: c.list(6), Skills: c.list(7), Competencies: c.list(8), InCSPProgram: c.boolean(9, true)}}
		},
	},
	"customer": {
		newSchema("kind?, tenantId, resellerTenantId, name, country"),
		func(c *cells) models.Record {
			return models.Record{Customer: &models.Customer{TenantID: c.id(1), ResellerTenantID: c.id(2), Name: c.text(3), Country: c.text(4)}}
		},
	},
	"product": {
		newSchema("kind?, id, publisherId, title, type, marketplaces?, published?, public?, transactable?, cspOptIn, authorizedResellers?"),
		func(c *cells) models.Record {
			var marketplaces []models.Marketplace
			for _, m := range c.list(5) {
				marketplaces = append(marketplaces, models.Marketplace(m))
			}
			return models.Record{Product: &models.Product{
				ID: c.id(1), PublisherID: c.id(2), Title: c.text(3), Type: models.ProductType(c.text(4)), Marketplaces: marketplaces,
				Published: c.boolean(6, false), Public: c.boolean(7, false), Transactable: c.boolean(8, false),
				CSPOptIn: models.CSPOptIn(c.text(9)), AuthorizedResellers: c.ids(10)}}
		},
	},
	"plan": {
		newSchema("kind?, productId, id, title, pricingModel, trialDays?"),
		func(c *cells) models.Record {
			return models.Record{Plan: &models.Plan{
				ProductID: c.id(1), ID: c.id(2), Title: c.text(3), PricingModel: models.PricingModel(c.text(4)), TrialDays: c.integer(5)}}
		},
	},
	"meter": {
		newSchema("kind?, productId, id, title, unit, infrastructure?"),
		func(c *cells) models.Record {
			return models.Record{Meter: &models.Meter{
				ProductID: c.id(1), ID: c.id(2), Title: c.text(3), Unit: c.text(4), Infrastructure: c.boolean(5, false)}}
		},
	},
	"price": {
		newSchema("kind?, productId, planId?, meterId?, term?, billing?, market, currency, unitPrice, effectiveFrom"),
		func(c *cells) models.Record {
			return models.Record{Price: &models.Price{
				ProductID: c.id(1), PlanID: c.id(2), MeterID: c.id(3), Term: models.Term(c.text(4)), Billing: models.Billing(c.text(5)),
				Market: c.text(6), Currency: money.Currency(c.text(7)), UnitPrice: c.needed(8, models.CodeOutOfRange), EffectiveFrom: c.month(9)}}
		},
	},
	"agencyFee": {
		newSchema("kind?, publisherId?, productId?, privateOfferId?, chargeType?, rate, effectiveFrom"),
		func(c *cells) models.Record {
			return models.Record{AgencyFee: &models.AgencyFeeRate{
				PublisherID: c.id(1), ProductID: c.id(2), PrivateOfferID: c.id(3), ChargeType: models.ChargeType(c.text(4)),
				Rate: c.needed(5, models.CodeOutOfRange), EffectiveFrom: c.month(6)}}
		},
	},
}

// kindSchema finds the kind of a line before its other members are read.
var kindSchema = newSchema("kind")

func catalogueShape(kind string) shape[models.Record] {
	// One set of cells a kind and file, filled anew for each record.
	sets := map[string]*cells{}
	return shape[models.Record]{
		schema: catalogueKinds[kind].schema,
		parse: func(f *found) (models.Record, models.Violations) {
			vs := models.Violations{}
			c := f.cells
			if f.object != "" {
				said := newCells(kindSchema, "", &vs)
				said.fillObject(f.object, func(string) {})
				name := firstOf(said.text(0), kind)
				if kind != "" && name != kind {
					said.bad(0, models.CodeInvalid, quote(name)+" is not the kind of this file, "+kind)
				}
				if _, known := catalogueKinds[name]; !known && len(vs) == 0 {
					code := models.CodeInvalid
					if name == "" {
						code = models.CodeRequired
					}
					said.bad(0, code, quote(name)+" is not one of "+strings.Join(CatalogueKinds, ", "))
				}
				if len(vs) > 0 {
					return models.Record{}, vs
				}
				if sets[name] == nil {
					sets[name] = newCells(catalogueKinds[name].schema, "", nil)
				}
				c = sets[name]
				c.violations = &vs
				c.fillObject(f.object, f.warn)
				record := catalogueKinds[name].record(c)
				return record, merge(vs, record.Check())
			}
			if c.has(0) && c.text(0) != kind {
				c.bad(0, models.CodeInvalid, quote(c.text(0))+" is not the kind of this file, "+kind)
			}
			record := catalogueKinds[kind].record(c)
			return record, merge(*c.violations, record.Check())
		},
	}
}
