package formats

import (
	"encoding/hex"
	"encoding/json"
	"errors"
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

// ReadPrivateOffers reads product-ingestion documents (rules 2.2, 2.6): one
// document `{"resources": [...]}`, a bare resource, an array of resources, or
// one of them a line. Every violation of CheckDraft, under limits, is among
// those of the record, in the document's own field names.
func ReadPrivateOffers(in io.Reader, limits models.Limits) *Reader[OfferDocument] {
	r := newReader(in, shape[OfferDocument]{naming: offerNaming, parse: func(f *found) (OfferDocument, models.Violations) {
		return readOffer(f, limits)
	}})
	r.csv, r.envelope = false, "resources"
	return r
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
	notificationContacts, beneficiaries, pricing`, "resourceName", "description", "eTag", "lastModified")

var beneficiarySchema = newSchema("id, beneficiaryRecipients", "description")

var recipientSchema = newSchema("id, recipientType", "description")

const (
	pricingProduct = iota
	pricingPlan
	pricingType
	pricingPercentage
	pricingPrices
)

var pricingSchema = newSchema("product, plan, discountType, discountPercentage, prices")

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

func readOffer(f *found, limits models.Limits) (OfferDocument, models.Violations) {
	var vs models.Violations
	d := offerReader{violations: &vs, warn: f.warn}
	c := d.object(offerSchema, "", f.object)
	d.checkKind(c)
	document := OfferDocument{Live: d.state(c)}
	o := &document.Offer
	o.Name = c.text(offerName)
	o.PreparedBy = c.text(offerPreparedBy)
	o.NotificationContacts = c.list(offerContacts)
	o.StartMonth = d.start(c)
	o.EndMonth = d.end(c)
	for i, value := range c.array(offerBeneficiaries) {
		if b := d.object(beneficiarySchema, "beneficiaries."+strconv.Itoa(i)+".", value); b != nil {
			o.Resellers = append(o.Resellers, d.reseller(b))
		}
	}
	for i, value := range c.array(offerPricing) {
		if p := d.object(pricingSchema, "pricing."+strconv.Itoa(i)+".", value); p != nil {
			o.Pricing = append(o.Pricing, d.pricingLine(p, i+1))
		}
	}
	check := naming(offerNaming).rename(o.CheckDraft(limits))
	// A margin that cannot be read is not also a missing one.
	check = slices.DeleteFunc(check, func(v models.Violation) bool {
		return v.Code == models.CodePercentageOrAbsolute && slices.ContainsFunc(vs, func(s models.Violation) bool {
			return len(s.Field) > 2 && slices.Equal(s.Field[:2], v.Field)
		})
	})
	vs = merge(vs, check)
	if document.Live {
		vs = merge(vs, missing(o))
	}
	document.Digest = offerDigest(o)
	o.ID = strings.TrimPrefix(c.id(offerID), "private-offer/")
	if o.ID == "" {
		identity := hashOf(c.text(offerSource), string(document.Digest[:]))
		o.ID = "offer-" + hex.EncodeToString(identity[:])
	}
	return document, vs
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

// offerReader collects the violations of one document.
type offerReader struct {
	violations *models.Violations
	warn       func(string)
}

// object reads the members of a nested object; nil, with a violation, if it is
// none. path is that of the object, with its dot.
func (d offerReader) object(s *schema, path, value string) *cells {
	if value[0] != '{' {
		d.add(strings.TrimSuffix(path, "."), CodeWrongType, "", "is "+cellNames[cellOf(value).kind]+", not an object")
		return nil
	}
	c := newCells(s, path, d.violations)
	c.fillObject(value, d.warn)
	return c
}

func (d offerReader) add(field string, code models.Code, vendorCode, message string) {
	d.violations.Add(field, code, message)
	(*d.violations)[len(*d.violations)-1].VendorCode = vendorCode
}

// checkKind refuses documents of other kinds than CSP private offers.
func (d offerReader) checkKind(c *cells) {
	if url := c.text(offerSchemaURL); url != "" && !strings.Contains(url, "/private-offer/") {
		d.add("$schema", CodeNotSupported, "notSupported", quote(url)+" is not the schema of a private offer")
	}
	switch kind := c.text(offerType); {
	case kind == "" && !c.has(offerType):
		d.add("privateOfferType", models.CodeRequired, "schemaValidationError", "is missing: write cspPromotion")
	case kind != "cspPromotion" && kind != "":
		d.add("privateOfferType", CodeNotSupported, "notSupported", quote(kind)+" is not supported: only cspPromotion is")
	}
}

func (d offerReader) state(c *cells) (live bool) {
	switch state := c.text(offerState); {
	case state == "live":
		return true
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
	c.bad(at, models.CodeInvalid, err.Error())
	return 0, false
}

func (d offerReader) reseller(b *cells) models.OfferReseller {
	r := models.OfferReseller{ResellerTenantID: b.id(0)}
	for i, value := range b.array(1) {
		path := b.path + "beneficiaryRecipients." + strconv.Itoa(i) + "."
		recipient := d.object(recipientSchema, path, value)
		if recipient == nil {
			continue
		}
		if kind := recipient.text(1); kind != "cspCustomer" {
			d.add(path+"recipientType", CodeNotSupported, "notSupported", quote(kind)+" is not supported: only cspCustomer is")
		}
		r.CustomerTenantIDs = append(r.CustomerTenantIDs, recipient.id(0))
	}
	return r
}

func (d offerReader) pricingLine(p *cells, position int) models.PricingLine {
	l := models.PricingLine{Position: position, ProductID: strings.TrimPrefix(p.text(pricingProduct), "product/")}
	product, plan, both := strings.Cut(strings.TrimPrefix(p.text(pricingPlan), "plan/"), "/")
	if !both {
		product, plan = "", product
	}
	switch {
	case l.ProductID == "":
		l.ProductID = product
	case product != "" && lowerGUID(product) != lowerGUID(l.ProductID):
		p.bad(pricingPlan, models.CodeInvalid, "names a plan of product "+quote(product)+", the line is for "+quote(l.ProductID))
	}
	l.ProductID, l.PlanID = lowerGUID(l.ProductID), lowerGUID(plan)
	switch kind := p.text(pricingType); {
	case kind == "percentage":
		l.Percentage = d.percentage(p)
		if p.has(pricingPrices) {
			p.bad(pricingPrices, models.CodePercentageOrAbsolute, "must be absent when discountType is percentage")
		}
	case kind == "absolute":
		if p.has(pricingPercentage) {
			p.bad(pricingPercentage, models.CodePercentageOrAbsolute, "must be absent when discountType is absolute")
		}
		l.Absolute = d.prices(p)
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

func (d offerReader) prices(p *cells) (absolute []models.AbsolutePrice) {
	if !p.has(pricingPrices) {
		p.bad(pricingPrices, models.CodeRequired, "is missing: list the prices, each with market, currency, term and billing (or meter) and price")
	}
	for i, value := range p.array(pricingPrices) {
		c := d.object(absolutePriceSchema, p.path+"prices."+strconv.Itoa(i)+".", value)
		if c == nil {
			continue
		}
		absolute = append(absolute, models.AbsolutePrice{
			Market:           c.text(priceMarket),
			Currency:         money.Currency(c.text(priceCurrency)),
			Term:             models.Term(c.text(priceTerm)),
			Billing:          models.Billing(c.text(priceBilling)),
			MeterID:          c.id(priceMeter),
			UnitPrice:        c.needed(pricePrice, models.CodeOutOfRange),
			IncludedQuantity: c.number(priceIncluded, models.CodeOutOfRange),
		})
	}
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
