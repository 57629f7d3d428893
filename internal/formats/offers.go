package formats

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// OfferDocument is one private offer of a product-ingestion document.
type OfferDocument struct {
	// Live tells `state: live`, which submits the offer, from `state: draft`,
	// which saves it.
	Live bool
	// Offer always has an ID: the document's, else one made of its source and
	// content, so that the same file imported again is the same offer. The
	// ids in it stand without their `product/` and `plan/`. PublisherID is
	// empty: it is that of the products.
	Offer models.PrivateOffer
	// Digest is the hash of the content, id and state left out: a draft and
	// its submit are the same offer.
	Digest models.Digest
}

// ReadPrivateOffers reads product-ingestion documents (rules 2.2, 2.6), of either
// of SchemaVersions: one document `{"resources": [...]}`, a bare resource, an array
// of resources, or one of them a line. Every violation of CheckDraft, under limits,
// is among those of the record, in the document's own field names.
//
// Prices that an offer names are resources of their own above it. They are no
// record where they can be read, so that numbers are missing; those that cannot
// are one, rejected and with an offer that has no ID.
//
// A key that is not read is among the Warnings, or refused where the offer would be
// another without it.
func ReadPrivateOffers(in io.Reader, limits models.Limits) *Reader[OfferDocument] {
	var prices priceBook
	r := newReader(in, shape[OfferDocument]{naming: offerNaming, parse: func(f *found) (OfferDocument, models.Violations) {
		var vs models.Violations
		left := mostEntries
		d := offerReader{violations: &vs, warn: f.warn, left: &left, prices: &prices}
		if isPrices(f.object) {
			d.keep(f.object)
			f.skip = len(vs) == 0
			return OfferDocument{}, foremost(vs)
		}
		document, paths := d.offer(f.object, limits)
		f.naming = paths.naming
		return document, foremost(vs)
	}})
	r.csv, r.envelope, r.around = false, "resources", r.aroundOffers
	return r
}

// mostEntries bounds the lists of one resource: three times what the limits of an
// offer come to, that a text of nothing but brackets costs no more.
const mostEntries = 50_000

// foremost bounds what can be said of one resource: a list of a thousand things that
// are none needs no thousand sentences more.
func foremost(vs models.Violations) models.Violations {
	const most = 1_000
	if len(vs) <= most {
		return vs
	}
	return append(vs[:most:most], models.Violation{Field: []string{}, Code: models.CodeInvalid,
		Message: "has " + strconv.Itoa(len(vs)-most) + " more faults: correct these first"})
}

// aroundOffers hears of the members of a document beside its resources.
func (r *Reader[T]) aroundOffers(name, value string) error {
	switch {
	case name == "$schema" && strings.HasPrefix(value, `"`):
		if url := unquote(value); !strings.HasSuffix(url, "/"+configureSchema) {
			return fmt.Errorf("the document is of schema %s: only %s is read", quote(url), configureSchema)
		}
	default:
		r.warn(name + ": is not known beside the resources and was not read")
	}
	return nil
}

const (
	offerSchemaURL = iota
	offerType
	offerID
	offerSource
	offerName
	offerState
	offerVariableStart
	offerStart
	offerEnd
	offerPreparedBy
	offerContacts
	offerBeneficiaries
	offerPricing
)

var offerSchema = newSchema(`$schema, privateOfferType, id, source, name, state, variableStartDate, start, end, preparedBy,
	notificationContacts, beneficiaries, pricing`)

var beneficiarySchema = newSchema("id, beneficiaryRecipients")

var recipientSchema = newSchema("id, recipientType")

// describedKeys are those of who is named in words too.
var describedKeys = map[string]otherKey{"description": {}}

const (
	pricingProduct = iota
	pricingPlan
	pricingType
	pricingPercentage
	pricingPrices
	pricingDetails
)

var pricingSchema = newSchema("product, plan, discountType, discountPercentage, prices, priceDetails")

const (
	priceMarket = iota
	priceCurrency
	priceTerm
	priceBilling
	priceMeter
	pricePrice
	priceIncluded
)

var absolutePriceSchema = newSchema("market, currency, term, billing, meter, price, includedQuantity")

// offer reads one private offer, and where in the document its absolute prices
// stand.
func (d offerReader) offer(object string, limits models.Limits) (OfferDocument, pricePaths) {
	vs := d.violations
	c := newCells(offerSchema, "", vs)
	// The version says what else may stand here, so it is read first.
	for name, value := range members(object) {
		if name == "$schema" && value[0] == '"' {
			d.version, _ = versionOf(unquote(value), offerSchemaName)
		}
	}
	d.fill(c, offerKeys, object)
	d.checkVersion(c, offerSchemaURL, offerSchemaName)
	d.checkKind(c)
	document := OfferDocument{Live: d.state(c)}
	o := &document.Offer
	o.Name = c.text(offerName)
	o.PreparedBy = c.text(offerPreparedBy)
	o.NotificationContacts = c.list(offerContacts)
	o.StartMonth = d.start(c)
	o.EndMonth = d.end(c)
	d.each(beneficiarySchema, describedKeys, c, offerBeneficiaries, func(b *cells) { o.Resellers = append(o.Resellers, d.reseller(b)) })
	paths := pricePaths{}
	d.each(pricingSchema, pricingKeys, c, offerPricing, func(p *cells) {
		o.Pricing = append(o.Pricing, d.pricingLine(p, len(o.Pricing)+1, paths))
	})
	check := naming(paths.naming).rename(o.CheckDraft(limits))
	// A margin that cannot be read is not also a missing one.
	unread := map[string]bool{}
	for _, v := range *vs {
		if len(v.Field) > 2 {
			unread[v.Field[0]+"."+v.Field[1]] = true
		}
	}
	check = slices.DeleteFunc(check, func(v models.Violation) bool {
		return v.Code == models.CodePercentageOrAbsolute && unread[v.Path()]
	})
	*vs = merge(*vs, check)
	if document.Live {
		*vs = merge(*vs, missing(o))
	}
	document.Digest = offerDigest(o)
	o.ID = lowerGUID(strings.TrimPrefix(c.text(offerID), "private-offer/"))
	if o.ID == "" {
		identity := hashOf(c.text(offerSource), string(document.Digest[:]))
		o.ID = "offer-" + hex.EncodeToString(identity[:])
	}
	return document, paths
}

// missing is what a submit will need: it is said here too, so that a document
// with other faults hears of all of them at once (D8).
func missing(o *models.PrivateOffer) (vs models.Violations) {
	add := func(field string, code models.Code, message string) {
		vs = append(vs, models.Violation{Field: []string{field}, Code: code, VendorCode: "schemaValidationError", Message: message})
	}
	if o.EndMonth == 0 {
		add("end", models.CodeEndRequired, "is missing: give the last day of the offer")
	}
	if len(o.Resellers) == 0 {
		add("beneficiaries", models.CodeResellersRequired, "is empty: name at least one reseller")
	}
	if len(o.Pricing) == 0 {
		add("pricing", models.CodePricingRequired, "is empty: price at least one product or plan")
	}
	return vs
}

// offerDigest hashes what the document says of the offer, whatever its
// spelling.
func offerDigest(o *models.PrivateOffer) models.Digest {
	type line struct {
		Product, Plan, Percentage string
		Absolute                  []models.AbsolutePrice
	}
	type reseller struct {
		Tenant    string
		Customers []string
	}
	content := struct {
		Name, PreparedBy string
		Start, End       models.Month
		Contacts         []string
		Pricing          []line
		Resellers        []reseller
	}{Name: o.Name, PreparedBy: o.PreparedBy, Start: o.StartMonth, End: o.EndMonth, Contacts: o.NotificationContacts}
	for _, l := range o.Pricing {
		content.Pricing = append(content.Pricing, line{l.ProductID, l.PlanID, l.Percentage.String(), l.Absolute})
	}
	for _, r := range o.Resellers {
		content.Resellers = append(content.Resellers, reseller{r.ResellerTenantID, r.CustomerTenantIDs})
	}
	canonical, _ := json.Marshal(content) // plain values always marshal
	return hashOf(string(canonical))
}

// offerReader collects the violations of one resource.
type offerReader struct {
	violations *models.Violations
	warn       func(string)
	// version is that of the resource's schema, "" where it names none.
	version SchemaVersion
	// strict refuses keys that are not known.
	strict bool
	// left is how many entries of lists may still be read.
	left   *int
	prices *priceBook
}

// keep reads prices and remembers them for the offers below.
func (d offerReader) keep(object string) {
	name, id, prices := d.resource(object)
	d.prices.keep(name, prices)
	d.prices.keep(id, prices)
}

// object reads the members of a nested object; nil, with a violation, if it is
// none. path is that of the object, with its dot.
func (d offerReader) object(s *schema, keys map[string]otherKey, path, value string) *cells {
	if value[0] != '{' {
		d.add(strings.TrimSuffix(path, "."), CodeWrongType, "", "is "+cellNames[cellOf(value).kind]+", not an object")
		return nil
	}
	c := newCells(s, path, d.violations)
	d.fill(c, keys, value)
	return c
}

func (d offerReader) fill(c *cells, keys map[string]otherKey, object string) {
	c.left = d.left
	c.other = func(name, value string) { d.other(keys, d.strict, c.path, name, value) }
	c.fillObject(object, d.warn)
}

func (d offerReader) add(field string, code models.Code, vendorCode, message string) {
	d.violations.Add(field, code, message)
	(*d.violations)[len(*d.violations)-1].VendorCode = vendorCode
}

// checkVersion refuses other schemas, and versions that are not known.
func (d offerReader) checkVersion(c *cells, at int, name string) {
	url := c.text(at)
	if url == "" {
		return
	}
	version, named := versionOf(url, name)
	switch {
	case !named:
		c.bad(at, CodeNotSupported, quote(url)+" is not the schema of a private offer, nor of its prices")
	case !slices.Contains(SchemaVersions, version):
		c.bad(at, CodeNotSupported, quote(name+"/"+string(version))+" is not supported: write "+name+"/"+string(Schema20220701)+" or "+name+"/"+string(Schema20230715))
	default:
		return
	}
	(*d.violations)[len(*d.violations)-1].VendorCode = "notSupported"
}

// checkKind refuses documents of other kinds than CSP private offers. The vendor's
// answers spell what is one of a few words in either case.
func (d offerReader) checkKind(c *cells) {
	switch kind := c.text(offerType); {
	case kind == "" && !c.has(offerType):
		d.add("privateOfferType", models.CodeRequired, "schemaValidationError", "is missing: write cspPromotion")
	case !strings.EqualFold(kind, "cspPromotion") && kind != "":
		d.add("privateOfferType", CodeNotSupported, "notSupported", quote(kind)+" is not supported: only cspPromotion is")
	}
}

func (d offerReader) state(c *cells) (live bool) {
	switch state := strings.ToLower(c.text(offerState)); {
	case state == "live":
		return true
	case state == "withdrawn" || state == "deleted":
		d.add("state", CodeNotSupported, "notSupported", quote(state)+" is no state to bring an offer to: withdraw it, or delete the draft, where it is")
	case state == "" && !c.has(offerState):
		d.add("state", models.CodeRequired, "schemaValidationError", "is missing: write draft to save the offer or live to submit it")
	case state != "draft" && state != "":
		d.add("state", CodeNotSupported, "notSupported", quote(state)+" is not supported: write draft to save the offer or live to submit it")
	}
	return false
}

// start is the month of a "specific month", 0 for "as soon as possible".
func (d offerReader) start(c *cells) models.Month {
	soon := c.boolean(offerVariableStart, false)
	switch {
	case soon && c.has(offerStart):
		d.add("start", models.CodeStartNotAllowed, "businessValidationError", "must be absent when variableStartDate is true (as soon as possible)")
		return 0
	case soon:
		return 0
	case !c.has(offerStart):
		d.add("start", models.CodeStartRequired, "businessValidationError", "is missing: give the first day of a month, or set variableStartDate to true to start as soon as possible")
		return 0
	}
	day, ok := c.day(offerStart)
	if ok && day != day.Month().FirstDay() {
		d.add("start", models.CodeStartNotFirstOfMonth, "businessValidationError", day.String()+" is not the first day of a month: write "+day.Month().FirstDay().String()+" or "+(day.Month()+1).FirstDay().String())
	}
	return month(day, ok)
}

func (d offerReader) end(c *cells) models.Month {
	if !c.has(offerEnd) {
		return 0
	}
	day, ok := c.day(offerEnd)
	if ok && day != day.Month().LastDay() {
		d.add("end", models.CodeEndNotLastOfMonth, "businessValidationError", day.String()+" is not the last day of a month: write "+day.Month().LastDay().String())
	}
	return month(day, ok)
}

func month(day models.Date, ok bool) models.Month {
	if !ok {
		return 0
	}
	return day.Month()
}

// day reads a day, written alone or as an instant in it.
func (c *cells) day(at int) (day models.Date, ok bool) {
	s := c.text(at)
	if s == "" {
		return 0, false
	}
	day, err := models.ParseDate(s)
	if err == nil {
		return day, true
	}
	if t, errInstant := models.ParseInstant(s); errInstant == nil {
		return models.DateOf(t), true
	}
	if m, errMonth := models.ParseMonth(s); errMonth == nil {
		day = m.FirstDay()
		if at == offerEnd {
			day = m.LastDay()
		}
		c.bad(at, models.CodeInvalid, quote(s)+" is a month, not a day: write "+day.String())
		return 0, false
	}
	c.bad(at, models.CodeInvalid, err.Error())
	return 0, false
}

func (d offerReader) reseller(b *cells) models.OfferReseller {
	r := models.OfferReseller{ResellerTenantID: b.id(0)}
	d.each(recipientSchema, describedKeys, b, 1, func(recipient *cells) {
		if kind := recipient.text(1); !strings.EqualFold(kind, "cspCustomer") {
			d.add(recipient.path+"recipientType", CodeNotSupported, "notSupported", quote(kind)+" is not supported: only cspCustomer is")
		}
		r.CustomerTenantIDs = append(r.CustomerTenantIDs, recipient.id(0))
	})
	return r
}

// scope is the product or plan that is priced.
func (d offerReader) scope(c *cells, product, plan int) (l models.PricingLine) {
	l.ProductID = lowerGUID(strings.TrimPrefix(c.text(product), "product/"))
	id := strings.TrimPrefix(c.text(plan), "plan/")
	of, rest, both := strings.Cut(id, "/")
	if own, is := strings.CutPrefix(id, l.ProductID+"/"); is && l.ProductID != "" {
		of, rest, both = l.ProductID, own, true // ids may hold a slash themselves
	}
	switch {
	case !both:
		rest = id
	case l.ProductID == "":
		l.ProductID = lowerGUID(of)
	case lowerGUID(of) != l.ProductID:
		c.bad(plan, models.CodeInvalid, "names a plan of product "+quote(of)+", the line is for "+quote(l.ProductID))
	}
	l.PlanID = lowerGUID(rest)
	return l
}

// pricePaths are where the absolute prices of an offer's lines stand in the
// document, by the position of the line from 0; lines whose prices stand in the
// line itself have none.
type pricePaths map[string][]string

// naming is offerNaming, which also finds prices that stand elsewhere.
func (paths pricePaths) naming(field []string) []string {
	if len(field) < 3 || field[0] != "pricing" || field[2] != "absolute" || paths[field[1]] == nil {
		return offerNaming(field)
	}
	named := []string{"pricing", field[1], "priceDetails"}
	if len(field) > 3 {
		n, _ := strconv.Atoi(field[3])
		named = append(named, strings.Split(paths[field[1]][n], ".")...)
	}
	if len(field) > 4 {
		if name := map[string]string{"market": "markets", "currency": "currency", "unitPrice": "price", "includedQuantity": "includedQuantity"}[field[4]]; name != "" {
			named = append(named, name)
		}
	}
	return named
}

func (d offerReader) pricingLine(p *cells, position int, paths pricePaths) models.PricingLine {
	l := d.scope(p, pricingProduct, pricingPlan)
	l.Position = position
	switch kind := strings.ToLower(p.text(pricingType)); {
	case kind == "percentage":
		l.Percentage = d.percentage(p)
		for _, at := range []int{pricingPrices, pricingDetails} {
			if p.has(at) {
				p.bad(at, models.CodePercentageOrAbsolute, "must be absent when discountType is percentage")
			}
		}
	case kind == "absolute":
		if p.has(pricingPercentage) {
			p.bad(pricingPercentage, models.CodePercentageOrAbsolute, "must be absent when discountType is absolute")
		}
		if p.has(pricingDetails) && p.has(pricingPrices) {
			p.bad(pricingPrices, models.CodePercentageOrAbsolute, "must be absent where priceDetails names the prices")
		}
		if !p.has(pricingDetails) {
			l.Absolute = d.inline(p)
		} else if found := d.details(p, l); found != nil {
			l.Absolute = found.prices
			paths[strings.Split(p.path, ".")[1]] = found.paths
		}
	case kind == "" && !p.has(pricingType):
		p.bad(pricingType, models.CodeRequired, "is missing: write percentage or absolute")
	case kind != "":
		p.bad(pricingType, CodeNotSupported, quote(kind)+" is not supported: write percentage or absolute")
	}
	return l
}

func (d offerReader) percentage(p *cells) money.Percentage {
	if !p.has(pricingPercentage) {
		p.bad(pricingPercentage, models.CodeRequired, "is missing: give the margin in percent, 0.01 to 100")
		return 0
	}
	if !p.expect(pricingPercentage, cellNumber, cellText) {
		return 0
	}
	percentage, err := money.ParsePercentage(p.cells[pricingPercentage].text)
	field := p.path + "discountPercentage"
	switch {
	case errors.Is(err, money.ErrPercentageDecimals):
		d.add(field, models.CodePercentageDecimals, "businessValidationError", err.Error())
	case errors.Is(err, money.ErrPercentageRange), errors.Is(err, money.ErrRange):
		d.add(field, models.CodePercentageOutOfRange, "businessValidationError", err.Error())
	case err != nil:
		p.bad(pricingPercentage, models.CodeInvalid, err.Error())
	}
	return percentage
}

// inline reads prices that stand in the line itself, as this project writes them.
func (d offerReader) inline(p *cells) (absolute []models.AbsolutePrice) {
	if !p.has(pricingPrices) {
		p.bad(pricingPrices, models.CodeRequired, "is missing: name the prices in priceDetails, or list them, each with market, currency, term and billing (or meter) and price")
	}
	d.each(absolutePriceSchema, nil, p, pricingPrices, func(c *cells) {
		absolute = append(absolute, models.AbsolutePrice{
			Market:           c.text(priceMarket),
			Currency:         money.Currency(c.text(priceCurrency)),
			Term:             models.Term(c.text(priceTerm)),
			Billing:          models.Billing(c.text(priceBilling)),
			MeterID:          c.id(priceMeter),
			UnitPrice:        c.needed(pricePrice, models.CodeOutOfRange),
			IncludedQuantity: c.number(priceIncluded, models.CodeOutOfRange),
		})
	})
	return absolute
}

// offerNames are the document's words for those of models.PrivateOffer. The
// publisher is that of the products.
var offerNames = map[string]string{
	"startMonth": "start", "endMonth": "end", "resellers": "beneficiaries", "tenantId": "id",
	"customers": "beneficiaryRecipients", "publisherId": "pricing", "productId": "product", "planId": "plan",
	"percentage": "discountPercentage", "absolute": "prices", "unitPrice": "price",
}

// offerNaming turns the paths of models.PrivateOffer into those of the
// document, also for what is found at submit.
func offerNaming(field []string) []string {
	renamed := slices.Clone(field)
	for i, name := range field {
		renamed[i] = firstOf(offerNames[name], name)
	}
	if len(field) == 4 && field[2] == "customers" {
		renamed = append(renamed, "id")
	}
	return renamed
}
