package formats

import (
	"slices"
	"strconv"
	"strings"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// priceBook holds the prices that stand above the offers of a document, each a
// resource of its own, which an offer names in priceDetails. Of two with one name
// the later counts; the oldest are forgotten, so that a document may be as long as
// it likes.
type priceBook struct {
	byName map[string]*planPrices
	order  []string // names, the oldest first
	bytes  int
}

// mostPriceBytes bounds the text of the resources that a book remembers.
const mostPriceBytes = 16 << 20

// planPrices are the absolute prices of one plan.
type planPrices struct {
	product, plan string
	prices        []models.AbsolutePrice
	// paths are where each price stands in the resource.
	paths []string
	// refused tells that something in the resource cannot be read.
	refused bool
	bytes   int
}

func (b *priceBook) keep(name string, prices *planPrices) {
	if name == "" {
		return
	}
	if b.byName == nil {
		b.byName = map[string]*planPrices{}
	}
	if old := b.byName[name]; old != nil {
		b.bytes -= old.bytes
		b.order = slices.DeleteFunc(b.order, func(n string) bool { return n == name })
	}
	b.byName[name], b.order = prices, append(b.order, name)
	for b.bytes += prices.bytes; b.bytes > mostPriceBytes && len(b.order) > 1; b.order = b.order[1:] {
		b.bytes -= b.byName[b.order[0]].bytes
		delete(b.byName, b.order[0])
	}
}

const (
	priceSchemaURL = iota
	priceResourceName
	priceID
	priceProduct
	pricePlan
	pricePricing
)

var (
	priceSchema = newSchema("$schema, resourceName, id, product, plan, pricing")
	// Of the resource: pricing, what recurs and its prices, meters and theirs.
	planPricingSchema = newSchema("recurrentPrice, customMeters")
	recurrentSchema   = newSchema("priceInputOption, prices")
	termPriceSchema   = newSchema("billingTerm, paymentOption, prices, pricePerPaymentInUsd")
	metersSchema      = newSchema("priceInputOption, meters")
	meterPriceSchema  = newSchema("prices, includedQuantities, pricePerPaymentInUsd")
	marketSchema      = newSchema("markets, currency, price, includedQuantity, prices, pricePerPaymentInUsd")
	includedSchema    = newSchema("billingTerm, quantity, isInfinite")
	periodSchema      = newSchema("type, value")
	detailsSchema     = newSchema("resourceName")
)

// isPrices tells the prices of a plan from an offer.
func isPrices(object string) bool {
	for name, value := range members(object) {
		if name == "$schema" && value[0] == '"' {
			_, is := versionOf(unquote(value), priceSchemaName)
			return is
		}
	}
	return false
}

// resource reads the prices of one plan; offers name them by name or id.
func (d offerReader) resource(object string) (name, id string, prices *planPrices) {
	prices = &planPrices{bytes: len(object)}
	d.strict = true
	c := d.object(priceSchema, priceKeys, "", object)
	d.checkVersion(c, priceSchemaURL, priceSchemaName)
	if name, id = c.text(priceResourceName), c.text(priceID); !c.has(priceResourceName) && !c.has(priceID) {
		c.bad(priceResourceName, models.CodeRequired, "is missing: an offer names its prices by it")
	}
	line := d.scope(c, priceProduct, pricePlan)
	if line.PlanID == "" {
		c.bad(pricePlan, models.CodeRequired, "is missing: absolute prices need a plan")
	}
	prices.product, prices.plan = line.ProductID, line.PlanID
	if pricing := d.nested(planPricingSchema, nil, c, pricePricing); pricing != nil {
		if recurrent := d.nested(recurrentSchema, recurrentKeys, pricing, 0); recurrent != nil {
			d.terms(recurrent, prices)
		}
		if meters := d.nested(metersSchema, nil, pricing, 1); meters != nil {
			d.meters(meters, prices)
		}
	}
	if len(prices.prices) == 0 && len(*d.violations) == 0 {
		c.bad(pricePricing, models.CodeRequired, "holds no price")
	}
	prices.refused = len(*d.violations) > 0
	return name, id, prices
}

// nested is the object in a cell, nil where there is none.
func (d offerReader) nested(s *schema, keys map[string]otherKey, c *cells, at int) *cells {
	if !c.expect(at, cellObject, cellObject) {
		return nil
	}
	return d.object(s, keys, c.path+c.schema.columns[at].name+".", c.cells[at].text)
}

// each reads the objects of a list. What is none is said to be none, and read as an
// empty one of which nothing more is said, so that the others keep their positions.
func (d offerReader) each(s *schema, keys map[string]otherKey, c *cells, at int, read func(*cells)) {
	for i, value := range c.array(at) {
		object := d.object(s, keys, c.path+c.schema.columns[at].name+"."+strconv.Itoa(i)+".", value)
		if object == nil {
			object = newCells(s, "", &models.Violations{})
		}
		read(object)
	}
}

// inMarkets refuses prices that the vendor turns into those of each market by
// its own exchange rates.
func (d offerReader) inMarkets(c *cells, option, inUSD int) {
	if option >= 0 && c.has(option) && c.text(option) != "perMarket" {
		c.bad(option, CodeNotSupported, quote(c.text(option))+" is not supported: write perMarket, and for each price its markets, currency and price")
	}
	if inUSD >= 0 && c.has(inUSD) {
		c.bad(inUSD, CodeNotSupported, "is not supported: list prices, each with its markets, currency and price")
	}
}

func (d offerReader) terms(recurrent *cells, into *planPrices) {
	d.inMarkets(recurrent, 0, -1)
	d.each(termPriceSchema, nil, recurrent, 1, func(c *cells) {
		d.inMarkets(c, -1, 3)
		price := models.AbsolutePrice{}
		price.Term, price.Billing = d.charge(c)
		d.markets(c, 2, 3, price, into)
	})
}

func (d offerReader) meters(meters *cells, into *planPrices) {
	d.inMarkets(meters, 0, -1)
	if !meters.expect(1, cellObject, cellObject) {
		return
	}
	for id, value := range members(meters.cells[1].text) {
		c := d.object(meterPriceSchema, meterKeys, meters.path+"meters."+id+".", value)
		if c == nil {
			continue
		}
		d.inMarkets(c, -1, 2)
		d.markets(c, 0, 2, models.AbsolutePrice{MeterID: lowerGUID(id), IncludedQuantity: d.included(c)}, into)
	}
}

// markets reads the prices of one charge. The vendor's meters have them one list
// deeper than its terms.
func (d offerReader) markets(c *cells, at, inUSD int, price models.AbsolutePrice, into *planPrices) {
	if !c.has(at) && !c.has(inUSD) {
		c.bad(at, models.CodeRequired, "is missing: list the prices, each with its markets, currency and price")
	}
	d.each(marketSchema, nil, c, at, func(m *cells) {
		d.inMarkets(m, -1, 5)
		if m.has(4) {
			d.markets(m, 4, 5, price, into)
			return
		}
		each := price
		each.Currency, each.UnitPrice = money.Currency(m.text(1)), m.needed(2, models.CodeOutOfRange)
		if m.has(3) {
			each.IncludedQuantity = m.number(3, models.CodeOutOfRange)
		}
		if !m.has(0) {
			m.bad(0, models.CodeRequired, "is missing: name the markets by their countries, two capital letters each")
		}
		for _, market := range m.list(0) {
			each.Market = strings.ToUpper(market)
			into.prices, into.paths = append(into.prices, each), append(into.paths, strings.TrimSuffix(m.path, "."))
		}
	})
}

// included is the quantity that comes with every term.
func (d offerReader) included(meter *cells) (all money.Decimal) {
	first := true
	d.each(includedSchema, nil, meter, 1, func(c *cells) {
		d.period(c, 0)
		if c.boolean(2, false) {
			c.bad(2, CodeNotSupported, "is not supported: give the quantity that is included")
			return
		}
		quantity := c.needed(1, models.CodeOutOfRange)
		if !c.has(1) {
			return
		}
		if !first && quantity.Cmp(all) != 0 {
			c.bad(1, CodeNotSupported, "is not that of the other terms: a meter includes one quantity, whatever the term")
		}
		all, first = quantity, false
	})
	return all
}

// charge is what a price is for: the term, and how often it is paid. Without a
// payment option, or with one as long as the term, it is paid once.
func (d offerReader) charge(c *cells) (models.Term, models.Billing) {
	if !c.has(0) {
		c.bad(0, models.CodeRequired, `is missing: write {"type": "year", "value": 1} for a year`)
	}
	term := d.period(c, 0)
	if term != "" && !slices.Contains([]string{"P1M", "P1Y", "P2Y", "P3Y"}, term) {
		c.bad(0, CodeNotSupported, term+" is not supported: only 1 month, and 1 to 3 years are")
	}
	switch payment := d.period(c, 1); payment {
	case "P1M":
		return models.Term(term), models.Monthly
	case "P1Y":
		return models.Term(term), models.Annual
	case "", term:
	default:
		c.bad(1, CodeNotSupported, payment+" is not supported: pay by the month, by the year, or once for the term")
	}
	return models.Term(term), models.Upfront
}

// period reads {"type": "year", "value": 1} as P1Y, "" where there is none.
func (d offerReader) period(c *cells, at int) string {
	p := d.nested(periodSchema, nil, c, at)
	if p == nil {
		return ""
	}
	unit, known := map[string]string{"month": "M", "year": "Y"}[p.text(0)]
	if !known {
		p.bad(0, CodeNotSupported, quote(p.text(0))+" is not supported: write month or year")
		return ""
	}
	// The vendor writes some whole numbers with a fraction of 0.
	return "P" + p.needed(1, models.CodeOutOfRange).String() + unit
}

// details are the prices that a line names: by the name of their resource, or as
// the vendor's answers do, by its id.
func (d offerReader) details(p *cells, line models.PricingLine) *planPrices {
	var name string
	if p.cells[pricingDetails].kind == cellText {
		name = p.text(pricingDetails)
	} else if named := d.nested(detailsSchema, nil, p, pricingDetails); named != nil {
		if name = named.text(0); name == "" {
			named.bad(0, models.CodeRequired, "is missing: name the resource of the prices")
		}
	}
	if name == "" {
		return nil
	}
	prices := d.prices.byName[name]
	switch {
	case prices == nil:
		p.bad(pricingDetails, models.CodeNotFound, "names prices "+quote(name)+", which do not stand above the offer: put their resource ("+priceSchemaName+") before it")
		return nil
	case prices.refused:
		p.bad(pricingDetails, models.CodeInvalid, "names prices "+quote(name)+" that were rejected: correct them first")
		return nil
	case prices.product != line.ProductID || prices.plan != line.PlanID:
		p.bad(pricingDetails, models.CodeInvalid, "names prices of "+quote(prices.product+"/"+prices.plan)+", the line is for "+quote(line.ProductID+"/"+line.PlanID))
	}
	return prices
}
