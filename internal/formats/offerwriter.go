package formats

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// FormatProductIngestion is one document of the vendor's product ingestion:
// `{"$schema": ".../configure/2022-07-01", "resources": [...]}`.
const FormatProductIngestion Format = "product-ingestion"

// OfferWriter writes private offers as ReadPrivateOffers reads them, one resource a
// line: the same offers give the same bytes, and what is read from those is
// written as those again.
//
// An offer says what its publisher decided. What has happened to it is not in the
// format, but for its state; resellers that it was withdrawn from are left out.
// Numbers are JSON numbers, as the vendor wants them, with every digit.
type OfferWriter struct {
	out     *bufio.Writer
	version SchemaVersion
	// envelope is what stands before the next resource: the beginning of the
	// document, or a comma; nothing for JSON Lines.
	envelope, next string
}

// NewOfferWriter begins a document on w: FormatProductIngestion, or
// FormatJSONLines for resources alone.
func NewOfferWriter(w io.Writer, format Format, version SchemaVersion) (*OfferWriter, error) {
	if !slices.Contains(SchemaVersions, version) {
		return nil, fmt.Errorf("%s is not a version of the schema: choose %s or %s", quote(string(version)), Schema20220701, Schema20230715)
	}
	o := &OfferWriter{out: bufio.NewWriterSize(w, 1<<16), version: version}
	switch format {
	case FormatProductIngestion:
		o.envelope = `{"$schema":"` + schemaHost + configureSchema + `","resources":[` + "\n"
		o.next = o.envelope
	case FormatJSONLines:
	default:
		return nil, fmt.Errorf("%s is not a format of private offers: choose %s or %s", quote(string(format)), FormatProductIngestion, FormatJSONLines)
	}
	return o, nil
}

// Write writes an offer that is in a state, and above it the absolute prices of
// its lines. An offer that was submitted is `live` to the vendor, until it is
// withdrawn.
func (w *OfferWriter) Write(o *models.PrivateOffer, status models.OfferStatus) error {
	for i := range o.Pricing {
		if len(o.Pricing[i].Absolute) > 0 {
			if err := w.resource(w.prices(o, i)); err != nil {
				return err
			}
		}
	}
	return w.resource(w.offer(o, status))
}

// Close ends the document and writes what is buffered; the io.Writer stays open.
func (w *OfferWriter) Close() error {
	if w.envelope != "" {
		if w.next == w.envelope {
			w.out.WriteString(w.envelope)
		}
		w.out.WriteString("\n]}\n")
	}
	return w.out.Flush()
}

func (w *OfferWriter) resource(resource any) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(resource); err != nil {
		return err
	}
	w.out.WriteString(w.next) // the buffer keeps its first error
	text := line.Bytes()
	if w.envelope != "" {
		text = bytes.TrimSuffix(text, []byte("\n"))
		w.next = ",\n"
	}
	_, err := w.out.Write(text)
	return err
}

func (w *OfferWriter) schema(name string) string { return schemaHost + name + "/" + string(w.version) }

// The resources, as the vendor names and orders their keys.
type (
	offerResource struct {
		Schema               string                `json:"$schema"`
		ID                   string                `json:"id"`
		PrivateOfferType     string                `json:"privateOfferType"`
		Name                 string                `json:"name"`
		State                string                `json:"state"`
		VariableStartDate    bool                  `json:"variableStartDate"`
		Start                string                `json:"start,omitempty"`
		End                  string                `json:"end,omitempty"`
		PreparedBy           string                `json:"preparedBy,omitempty"`
		NotificationContacts []string              `json:"notificationContacts"`
		Beneficiaries        []beneficiaryResource `json:"beneficiaries"`
		Pricing              []pricingResource     `json:"pricing"`
	}
	beneficiaryResource struct {
		ID         string              `json:"id"`
		Recipients []recipientResource `json:"beneficiaryRecipients,omitempty"`
	}
	recipientResource struct {
		ID   string `json:"id"`
		Type string `json:"recipientType"`
	}
	pricingResource struct {
		Product      string        `json:"product"`
		Plan         string        `json:"plan,omitempty"`
		DiscountType string        `json:"discountType"`
		Percentage   json.Number   `json:"discountPercentage,omitempty"`
		PriceDetails *priceDetails `json:"priceDetails,omitempty"`
	}
	priceDetails struct {
		ResourceName string `json:"resourceName"`
	}
	priceResource struct {
		Schema           string `json:"$schema"`
		ResourceName     string `json:"resourceName"`
		Product          string `json:"product"`
		Plan             string `json:"plan"`
		OfferPricingType string `json:"offerPricingType,omitempty"`
		Pricing          struct {
			Recurrent *recurrentResource `json:"recurrentPrice,omitempty"`
			Meters    *metersResource    `json:"customMeters,omitempty"`
		} `json:"pricing"`
	}
	recurrentResource struct {
		InputOption string              `json:"priceInputOption"`
		Prices      []termPriceResource `json:"prices"`
	}
	termPriceResource struct {
		BillingTerm   *periodResource  `json:"billingTerm"`
		PaymentOption *periodResource  `json:"paymentOption,omitempty"`
		Prices        []marketResource `json:"prices"`
	}
	periodResource struct {
		Type  string `json:"type"`
		Value int    `json:"value"`
	}
	metersResource struct {
		InputOption string                   `json:"priceInputOption"`
		Meters      map[string]meterResource `json:"meters"`
	}
	meterResource struct {
		Prices []meterPriceResource `json:"prices"`
	}
	meterPriceResource struct {
		Prices []marketResource `json:"prices"`
	}
	marketResource struct {
		Markets  []string    `json:"markets"`
		Currency string      `json:"currency"`
		Price    json.Number `json:"price"`
		// Included is ours: the vendor includes quantities by term, not by market.
		Included json.Number `json:"includedQuantity,omitempty"`
	}
)

func (w *OfferWriter) offer(o *models.PrivateOffer, status models.OfferStatus) offerResource {
	r := offerResource{
		Schema: w.schema(offerSchemaName), ID: "private-offer/" + o.ID, PrivateOfferType: "cspPromotion", Name: o.Name, State: "live",
		VariableStartDate: o.StartMonth == 0, PreparedBy: o.PreparedBy,
		NotificationContacts: append([]string{}, o.NotificationContacts...), Beneficiaries: []beneficiaryResource{}, Pricing: []pricingResource{},
	}
	switch status {
	case models.StatusDraft:
		r.State = "draft"
	case models.StatusWithdrawn:
		r.State = "withdrawn"
	}
	if o.StartMonth != 0 {
		r.Start = o.StartMonth.FirstDay().String()
	}
	if o.EndMonth != 0 {
		r.End = o.EndMonth.LastDay().String()
	}
	for i := range o.Resellers {
		if o.Resellers[i].WithdrawnAt != nil && status != models.StatusWithdrawn {
			continue
		}
		b := beneficiaryResource{ID: o.Resellers[i].ResellerTenantID}
		for _, id := range o.Resellers[i].CustomerTenantIDs {
			b.Recipients = append(b.Recipients, recipientResource{id, "cspCustomer"})
		}
		r.Beneficiaries = append(r.Beneficiaries, b)
	}
	for i := range o.Pricing {
		l := &o.Pricing[i]
		p := pricingResource{Product: "product/" + l.ProductID, DiscountType: "percentage"}
		if l.PlanID != "" {
			p.Plan = planOf(l)
		}
		if len(l.Absolute) > 0 {
			p.DiscountType, p.PriceDetails = "absolute", &priceDetails{pricesName(o, i)}
		} else {
			p.Percentage = json.Number(l.Percentage.String())
		}
		r.Pricing = append(r.Pricing, p)
	}
	return r
}

func planOf(l *models.PricingLine) string { return "plan/" + l.ProductID + "/" + l.PlanID }

// pricesName is how the line of an offer names its absolute prices.
func pricesName(o *models.PrivateOffer, line int) string { return o.ID + "-" + strconv.Itoa(line+1) }

// prices are the absolute prices of a line: what recurs by term and payment, in
// the order of the line, and meters by their ids.
func (w *OfferWriter) prices(o *models.PrivateOffer, line int) priceResource {
	l := &o.Pricing[line]
	r := priceResource{Schema: w.schema(priceSchemaName), ResourceName: pricesName(o, line), Product: "product/" + l.ProductID, Plan: planOf(l)}
	if w.version != Schema20220701 {
		r.OfferPricingType = "editExistingOfferPricingOnly"
	}
	const perMarket = "perMarket"
	type charge struct {
		term    models.Term
		billing models.Billing
	}
	places := map[charge]int{}
	for _, a := range l.Absolute {
		market := marketResource{Markets: []string{a.Market}, Currency: string(a.Currency), Price: number(a.UnitPrice)}
		if !a.IncludedQuantity.IsZero() {
			market.Included = number(a.IncludedQuantity)
		}
		if a.MeterID != "" {
			if r.Pricing.Meters == nil {
				r.Pricing.Meters = &metersResource{InputOption: perMarket, Meters: map[string]meterResource{}}
			}
			meter := r.Pricing.Meters.Meters[a.MeterID]
			if meter.Prices == nil {
				meter.Prices = []meterPriceResource{{}}
			}
			meter.Prices[0].Prices = append(meter.Prices[0].Prices, market)
			r.Pricing.Meters.Meters[a.MeterID] = meter
			continue
		}
		if r.Pricing.Recurrent == nil {
			r.Pricing.Recurrent = &recurrentResource{InputOption: perMarket}
		}
		recurrent := r.Pricing.Recurrent
		at, known := places[charge{a.Term, a.Billing}]
		if !known {
			at = len(recurrent.Prices)
			places[charge{a.Term, a.Billing}] = at
			recurrent.Prices = append(recurrent.Prices, termPriceResource{BillingTerm: terms[a.Term], PaymentOption: payments[a.Billing]})
		}
		recurrent.Prices[at].Prices = append(recurrent.Prices[at].Prices, market)
	}
	return r
}

var terms = map[models.Term]*periodResource{models.P1M: {"month", 1}, models.P1Y: {"year", 1}, models.P2Y: {"year", 2}, models.P3Y: {"year", 3}}

// payments are how often a price is paid; once for the term where there is none.
var payments = map[models.Billing]*periodResource{models.Monthly: {"month", 1}, models.Annual: {"year", 1}}

func number(d money.Decimal) json.Number { return json.Number(d.String()) }
