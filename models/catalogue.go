package models

import (
	"slices"
	"strings"
	"time"

	"sellthrough/internal/money"
)

// Publisher is a software vendor (ISV): it owns products, sets list prices,
// gives margins and is paid. AccountActive and Enrolled are prerequisites 1
// and 2 of a private offer.
type Publisher struct {
	ID             string         `gorm:"column:id;primaryKey" json:"id"`
	Name           string         `gorm:"column:name" json:"name"`
	Country        string         `gorm:"column:country" json:"country"`
	PayoutCurrency money.Currency `gorm:"column:payout_currency" json:"payoutCurrency"`
	AccountActive  bool           `gorm:"column:account_active" json:"accountActive"`
	Enrolled       bool           `gorm:"column:enrolled" json:"enrolled"`
}

// ResellerType says how a partner takes part in the CSP program.
type ResellerType string

// Only the first two are billed by the marketplace and may hold a margin
// (rules 1).
const (
	DirectBill       ResellerType = "DIRECT_BILL"
	IndirectProvider ResellerType = "INDIRECT_PROVIDER"
	IndirectReseller ResellerType = "INDIRECT_RESELLER"
)

// Reseller is a CSP partner, known by its tenant id: it buys at the wholesale
// price and sets its own customer price, which is stored nowhere.
type Reseller struct {
	TenantID        string         `gorm:"column:tenant_id;primaryKey" json:"tenantId"`
	Name            string         `gorm:"column:name" json:"name"`
	Type            ResellerType   `gorm:"column:type" json:"type"`
	Country         string         `gorm:"column:country" json:"country"`
	BillingCurrency money.Currency `gorm:"column:billing_currency" json:"billingCurrency"`
	Regions         []string       `gorm:"column:regions;serializer:json" json:"regions,omitempty"`
	Skills          []string       `gorm:"column:skills;serializer:json" json:"skills,omitempty"`
	Competencies    []string       `gorm:"column:competencies;serializer:json" json:"competencies,omitempty"`
	InCSPProgram    bool           `gorm:"column:in_csp_program" json:"inCspProgram"`
}

// MayHoldMargin tells whether private offers can name this reseller
// (prerequisite 5, rules 2.1).
func (r Reseller) MayHoldMargin() bool {
	return r.InCSPProgram && (r.Type == DirectBill || r.Type == IndirectProvider)
}

// Facet is a value that a list can be narrowed by, and how many of it have it.
type Facet struct {
	Value string
	Count int
}

// Customer is an end customer of one reseller. It never sees a margin or a
// wholesale price.
type Customer struct {
	ResellerTenantID string `gorm:"column:reseller_tenant_id;primaryKey" json:"resellerTenantId"`
	TenantID         string `gorm:"column:tenant_id;primaryKey" json:"tenantId"`
	Name             string `gorm:"column:name" json:"name"`
	Country          string `gorm:"column:country" json:"country"`
}

// ProductType is the kind of marketplace listing.
type ProductType string

// The transactable kinds (seed, "Supported offer types").
const (
	SaaS             ProductType = "SAAS"
	VirtualMachine   ProductType = "VIRTUAL_MACHINE"
	AzureApplication ProductType = "AZURE_APPLICATION"
)

// ProductTypes lists every kind.
var ProductTypes = []ProductType{SaaS, VirtualMachine, AzureApplication}

// Marketplace is a storefront that lists a product.
type Marketplace string

// The two storefronts.
const (
	AzureMarketplace Marketplace = "AZURE_MARKETPLACE"
	AppSource        Marketplace = "APPSOURCE"
)

// CSPOptIn says which partners may sell a product (rules 2.1).
type CSPOptIn string

// The three settings.
const (
	OptInAny      CSPOptIn = "ANY"
	OptInSelected CSPOptIn = "SELECTED"
	OptInNone     CSPOptIn = "NONE"
)

// Product is one marketplace listing (the vendor's user interface calls it an
// "offer"). It holds plans and meters.
type Product struct {
	ID           string        `gorm:"column:id;primaryKey" json:"id"`
	PublisherID  string        `gorm:"column:publisher_id" json:"publisherId"`
	Title        string        `gorm:"column:title" json:"title"`
	Type         ProductType   `gorm:"column:type" json:"type"`
	Marketplaces []Marketplace `gorm:"column:marketplaces;serializer:json" json:"marketplaces,omitempty"`
	Published    bool          `gorm:"column:published" json:"published"`
	Public       bool          `gorm:"column:public" json:"public"`
	Transactable bool          `gorm:"column:transactable" json:"transactable"`
	CSPOptIn     CSPOptIn      `gorm:"column:csp_opt_in" json:"cspOptIn"`
	// AuthorizedResellers counts only while CSPOptIn is SELECTED.
	AuthorizedResellers []string `gorm:"column:authorized_resellers;serializer:json" json:"authorizedResellers,omitempty"`
}

// Selectable tells whether private offers can price this product (prerequisite
// 3, rules 2.1).
func (p Product) Selectable() bool { return p.Published && p.Public && p.Transactable }

// Authorized tells whether the reseller may sell the product today.
func (p Product) Authorized(resellerTenantID string) bool {
	switch p.CSPOptIn {
	case OptInAny:
		return true
	case OptInSelected:
		return slices.Contains(p.AuthorizedResellers, resellerTenantID)
	}
	return false
}

// Authorize lets the reseller sell the product and opts the product in for
// that reseller only (D8), never for all. It reports whether that changed
// anything.
func (p *Product) Authorize(resellerTenantID string) bool {
	if p.Authorized(resellerTenantID) {
		return false
	}
	if p.CSPOptIn == OptInNone {
		p.AuthorizedResellers = nil
	}
	p.CSPOptIn = OptInSelected
	p.AuthorizedResellers = append(slices.Clip(p.AuthorizedResellers), resellerTenantID)
	slices.Sort(p.AuthorizedResellers)
	return true
}

// PricingModel says what a plan charges for.
type PricingModel string

// The pricing models.
const (
	FlatRate PricingModel = "FLAT_RATE"
	PerUser  PricingModel = "PER_USER"
	Usage    PricingModel = "USAGE"
)

// Plan is one version of a product with its own price (the vendor's SKU).
type Plan struct {
	ProductID    string       `gorm:"column:product_id;primaryKey" json:"productId"`
	ID           string       `gorm:"column:id;primaryKey" json:"id"`
	Title        string       `gorm:"column:title" json:"title"`
	PricingModel PricingModel `gorm:"column:pricing_model" json:"pricingModel"`
	// TrialDays is the length of the free trial of a customer's first
	// purchase, 0 for none (D5).
	TrialDays int `gorm:"column:trial_days" json:"trialDays"`
}

// Transactable tells whether the marketplace bills anything for the plan: it has a
// list price, above zero, of its own or of a meter. Plans that are free, or whose
// licence is brought along, have none. Prices and meters are those of its product.
func (p *Plan) Transactable(prices []Price, meters []Meter) bool {
	bought, billed := p.PricingModel == Usage, false
	for i := range prices {
		price := &prices[i]
		infrastructure := slices.ContainsFunc(meters, func(m Meter) bool { return m.ID == price.MeterID && m.Infrastructure })
		if price.PlanID != p.ID && price.PlanID != "" || infrastructure {
			continue
		}
		bought = bought || price.MeterID == ""
		billed = billed || price.UnitPrice.Sign() > 0
	}
	return bought && billed
}

// Meter is one billable dimension of a product.
type Meter struct {
	ProductID string `gorm:"column:product_id;primaryKey" json:"productId"`
	ID        string `gorm:"column:id;primaryKey" json:"id"`
	Title     string `gorm:"column:title" json:"title"`
	Unit      string `gorm:"column:unit" json:"unit"`
	// Infrastructure marks the platform's own hardware charges: never a
	// margin, an agency fee or a payout (D5).
	Infrastructure bool `gorm:"column:infrastructure" json:"infrastructure"`
}

// Term is the length of one commitment as an ISO 8601 duration. Empty for
// meters and for plans that only meter.
type Term string

// The terms.
const (
	TermNone Term = ""
	P1M      Term = "P1M"
	P1Y      Term = "P1Y"
	P2Y      Term = "P2Y"
	P3Y      Term = "P3Y"
)

// Months is the length of the term, 0 for TermNone.
func (t Term) Months() int {
	switch t {
	case P1M:
		return 1
	case P1Y:
		return 12
	case P2Y:
		return 24
	case P3Y:
		return 36
	}
	return 0
}

// Billing says how often a term is charged; a list price is the price of one
// such charge (D18). Empty for meters and for plans that only meter.
type Billing string

// The billing frequencies: once for the term, each year, each month.
const (
	BillingNone Billing = ""
	Upfront     Billing = "UPFRONT"
	Annual      Billing = "ANNUAL"
	Monthly     Billing = "MONTHLY"
)

// CycleMonths is the length of one charge cycle of a term under this billing.
func (b Billing) CycleMonths(t Term) int {
	switch b {
	case Monthly:
		return 1
	case Annual:
		return 12
	}
	return t.Months()
}

// Price is a list price: of a plan's own charge (MeterID empty, Term and
// Billing set) or of one unit of a meter (Term and Billing empty), in one
// market and currency, from the first of a month until the next entry of the
// same key (rules 3.3). An empty PlanID with a meter prices it for every plan
// of the product that has no own entry.
type Price struct {
	ProductID     string         `gorm:"column:product_id;primaryKey" json:"productId"`
	PlanID        string         `gorm:"column:plan_id;primaryKey" json:"planId,omitempty"`
	MeterID       string         `gorm:"column:meter_id;primaryKey" json:"meterId,omitempty"`
	Term          Term           `gorm:"column:term;primaryKey" json:"term,omitempty"`
	Billing       Billing        `gorm:"column:billing;primaryKey" json:"billing,omitempty"`
	Market        string         `gorm:"column:market;primaryKey" json:"market"`
	Currency      money.Currency `gorm:"column:currency;primaryKey" json:"currency"`
	EffectiveFrom Month          `gorm:"column:effective_from;primaryKey" json:"effectiveFrom"`
	UnitPrice     money.Decimal  `gorm:"column:unit_price" json:"unitPrice"`
}

// AgencyFeeRate is one entry of the fee schedule (D13). Empty ids and an empty
// charge type mean "any". The entry counts from the first of EffectiveFrom.
type AgencyFeeRate struct {
	PublisherID    string     `gorm:"column:publisher_id;primaryKey" json:"publisherId,omitempty"`
	ProductID      string     `gorm:"column:product_id;primaryKey" json:"productId,omitempty"`
	PrivateOfferID string     `gorm:"column:private_offer_id;primaryKey" json:"privateOfferId,omitempty"`
	ChargeType     ChargeType `gorm:"column:charge_type;primaryKey" json:"chargeType,omitempty"`
	EffectiveFrom  Month      `gorm:"column:effective_from;primaryKey" json:"effectiveFrom"`
	// Rate is a fraction: 0.03 is 3 %.
	Rate money.Decimal `gorm:"column:rate" json:"rate"`
}

// ExchangeRate is the value of one unit of a currency in US dollars for a
// whole month (rules 3.4).
type ExchangeRate struct {
	Currency   money.Currency `gorm:"column:currency;primaryKey" json:"currency"`
	Month      Month          `gorm:"column:month;primaryKey" json:"month"`
	USDPerUnit money.Decimal  `gorm:"column:usd_per_unit" json:"usdPerUnit"`
}

// Codes of catalogue records.
const (
	CodeInvalidCountry      Code = "INVALID_COUNTRY"
	CodeInvalidCurrency     Code = "INVALID_CURRENCY"
	CodeTermBilling         Code = "TERM_AND_BILLING_MISMATCH"
	CodeUnknownPrivateOffer Code = "PRIVATE_OFFER_UNKNOWN"
)

// Record is one catalogue record: exactly one pointer is set.
type Record struct {
	Publisher    *Publisher
	Reseller     *Reseller
	Customer     *Customer
	Product      *Product
	Plan         *Plan
	Meter        *Meter
	Price        *Price
	AgencyFee    *AgencyFeeRate
	ExchangeRate *ExchangeRate
}

// Kind names what the record is, as files do ("publisher", "agencyFee").
func (r Record) Kind() string {
	switch {
	case r.Publisher != nil:
		return "publisher"
	case r.Reseller != nil:
		return "reseller"
	case r.Customer != nil:
		return "customer"
	case r.Product != nil:
		return "product"
	case r.Plan != nil:
		return "plan"
	case r.Meter != nil:
		return "meter"
	case r.Price != nil:
		return "price"
	case r.AgencyFee != nil:
		return "agencyFee"
	case r.ExchangeRate != nil:
		return "exchangeRate"
	}
	return ""
}

// Key is the identity of the record within its kind: a later record with the
// same key updates the earlier one.
func (r Record) Key() string {
	switch {
	case r.Publisher != nil:
		return r.Publisher.ID
	case r.Reseller != nil:
		return r.Reseller.TenantID
	case r.Customer != nil:
		return r.Customer.ResellerTenantID + "/" + r.Customer.TenantID
	case r.Product != nil:
		return r.Product.ID
	case r.Plan != nil:
		return r.Plan.ProductID + "/" + r.Plan.ID
	case r.Meter != nil:
		return r.Meter.ProductID + "/" + r.Meter.ID
	case r.Price != nil:
		p := r.Price
		return strings.Join([]string{p.ProductID, p.PlanID, p.MeterID, string(p.Term), string(p.Billing), p.Market, string(p.Currency), p.EffectiveFrom.String()}, "/")
	case r.AgencyFee != nil:
		f := r.AgencyFee
		return strings.Join([]string{f.PublisherID, f.ProductID, f.PrivateOfferID, string(f.ChargeType), f.EffectiveFrom.String()}, "/")
	case r.ExchangeRate != nil:
		return string(r.ExchangeRate.Currency) + "/" + r.ExchangeRate.Month.String()
	}
	return ""
}

// Check returns every violation that can be seen in the record alone; whether
// the ids it names exist is the store's to check.
func (r Record) Check() Violations {
	var vs Violations
	switch {
	case r.Publisher != nil:
		r.Publisher.check(&vs)
	case r.Reseller != nil:
		r.Reseller.check(&vs)
	case r.Customer != nil:
		r.Customer.check(&vs)
	case r.Product != nil:
		r.Product.check(&vs)
	case r.Plan != nil:
		r.Plan.check(&vs)
	case r.Meter != nil:
		r.Meter.check(&vs)
	case r.Price != nil:
		r.Price.check(&vs)
	case r.AgencyFee != nil:
		r.AgencyFee.check(&vs)
	case r.ExchangeRate != nil:
		r.ExchangeRate.check(&vs)
	default:
		vs.Add("kind", CodeRequired, "is missing")
	}
	return vs
}

func (p *Publisher) check(vs *Violations) {
	vs.checkID("id", p.ID)
	vs.checkText("name", p.Name, true)
	vs.checkCountry("country", p.Country)
	vs.checkCurrency("payoutCurrency", p.PayoutCurrency)
}

func (r *Reseller) check(vs *Violations) {
	vs.checkGUID("tenantId", r.TenantID)
	vs.checkText("name", r.Name, true)
	checkOneOf(vs, "type", r.Type, DirectBill, IndirectProvider, IndirectReseller)
	vs.checkCountry("country", r.Country)
	vs.checkCurrency("billingCurrency", r.BillingCurrency)
}

func (c *Customer) check(vs *Violations) {
	vs.checkGUID("tenantId", c.TenantID)
	vs.checkGUID("resellerTenantId", c.ResellerTenantID)
	vs.checkText("name", c.Name, true)
	vs.checkCountry("country", c.Country)
}

func (p *Product) check(vs *Violations) {
	vs.checkID("id", p.ID)
	if strings.Contains(p.ID, "/") {
		vs.Add("id", CodeInvalidID, "holds a slash")
	}
	vs.checkID("publisherId", p.PublisherID)
	vs.checkText("title", p.Title, true)
	checkOneOf(vs, "type", p.Type, ProductTypes...)
	for _, m := range p.Marketplaces {
		checkOneOf(vs, "marketplaces", m, AzureMarketplace, AppSource)
	}
	checkOneOf(vs, "cspOptIn", p.CSPOptIn, OptInAny, OptInSelected, OptInNone)
	for _, id := range p.AuthorizedResellers {
		vs.checkGUID("authorizedResellers", id)
	}
}

func (p *Plan) check(vs *Violations) {
	vs.checkID("productId", p.ProductID)
	vs.checkID("id", p.ID)
	if strings.Contains(p.ID, "/") {
		vs.Add("id", CodeInvalidID, "holds a slash")
	}
	vs.checkText("title", p.Title, true)
	checkOneOf(vs, "pricingModel", p.PricingModel, FlatRate, PerUser, Usage)
	if p.TrialDays < 0 || p.TrialDays > 366 {
		vs.Add("trialDays", CodeOutOfRange, "is not 0 to 366 days")
	}
}

func (m *Meter) check(vs *Violations) {
	vs.checkID("productId", m.ProductID)
	vs.checkID("id", m.ID)
	vs.checkText("title", m.Title, true)
	vs.checkText("unit", m.Unit, true)
}

func (p *Price) check(vs *Violations) {
	vs.checkID("productId", p.ProductID)
	if p.MeterID == "" || p.PlanID != "" {
		vs.checkID("planId", p.PlanID)
	}
	if p.MeterID != "" {
		vs.checkID("meterId", p.MeterID)
	}
	vs.checkTerm("", p.Term, p.Billing, p.MeterID)
	vs.checkCountry("market", p.Market)
	vs.checkCurrency("currency", p.Currency)
	vs.checkUnitPrice("unitPrice", p.UnitPrice)
	if p.EffectiveFrom == 0 {
		vs.Add("effectiveFrom", CodeRequired, "is missing")
	}
}

func (f *AgencyFeeRate) check(vs *Violations) {
	for _, id := range []struct{ field, value string }{{"publisherId", f.PublisherID}, {"productId", f.ProductID}, {"privateOfferId", f.PrivateOfferID}} {
		if id.value != "" {
			vs.checkID(id.field, id.value)
		}
	}
	if f.ChargeType != "" {
		checkOneOf(vs, "chargeType", f.ChargeType, ChargeTypes...)
	}
	if f.Rate.Sign() < 0 || f.Rate.Cmp(money.New(1, 0)) > 0 || f.Rate.FractionDigits() > 6 {
		vs.Add("rate", CodeOutOfRange, "is not a fraction from 0 to 1 with at most 6 decimals (0.03 is 3 %)")
	}
	if f.EffectiveFrom == 0 {
		vs.Add("effectiveFrom", CodeRequired, "is missing")
	}
}

func (r *ExchangeRate) check(vs *Violations) {
	vs.checkCurrency("CurrencyCode", r.Currency)
	if r.USDPerUnit.Sign() <= 0 || !r.USDPerUnit.Fits(money.PriceIntegerDigits, money.RateFractionDigits) {
		vs.Add("USDPerUnit", CodeOutOfRange, "is not a number above 0 with at most 12 integer and 20 fraction digits")
	}
	if r.Month == 0 {
		vs.Add("Month", CodeRequired, "is missing")
	}
}

// checkTerm adds a violation unless term and billing fit each other and the
// thing priced: both for a plan's own charge, neither for a meter. prefix is the
// path before the two fields, with its dot.
func (vs *Violations) checkTerm(prefix string, term Term, billing Billing, meterID string) {
	if meterID != "" {
		if term != TermNone || billing != BillingNone {
			vs.Add(prefix+"term", CodeTermBilling, "a meter has no term and no billing")
		}
		return
	}
	checkOneOf(vs, prefix+"term", term, P1M, P1Y, P2Y, P3Y)
	checkOneOf(vs, prefix+"billing", billing, Upfront, Monthly, Annual)
	if billing == Annual && term == P1M {
		vs.Add(prefix+"billing", CodeTermBilling, "a term of one month cannot be billed by the year")
	}
}

// checkUnitPrice adds a violation unless the price is 0 or more within the
// digits that are kept (D11).
func (vs *Violations) checkUnitPrice(field string, price money.Decimal) {
	if price.Sign() < 0 || !price.Fits(money.PriceIntegerDigits, money.FractionDigits) {
		vs.Add(field, CodeOutOfRange, "is not a price of 0 or more with at most 12 integer and 15 fraction digits")
	}
}

func (vs *Violations) checkCountry(field, country string) {
	if len(country) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' || country[1] > 'Z' {
		vs.Add(field, CodeInvalidCountry, Quote(country)+" is not an ISO 3166 country of two capital letters")
	}
}

func (vs *Violations) checkCurrency(field string, c money.Currency) {
	if _, err := money.ParseCurrency(string(c)); err != nil {
		vs.Add(field, CodeInvalidCurrency, err.Error())
	}
}

func checkOneOf[T ~string](vs *Violations, field string, value T, allowed ...T) {
	if !slices.Contains(allowed, value) {
		names := make([]string, len(allowed))
		for i, a := range allowed {
			names[i] = string(a)
		}
		code := CodeInvalid
		if value == "" {
			code = CodeRequired
		}
		vs.Add(field, code, Quote(string(value))+" is not one of "+strings.Join(names, ", "))
	}
}

// PriceAt returns the entry in force in a month among entries of one key
// sorted by EffectiveFrom, and whether there is one.
func PriceAt(entries []Price, month Month) (Price, bool) {
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].EffectiveFrom <= month {
			return entries[i], true
		}
	}
	return Price{}, false
}

// CatalogueChange is one entry of the catalogue's history: what a record
// became, when, and by whom.
type CatalogueChange struct {
	ID         string    `gorm:"column:id;primaryKey"`
	Kind       string    `gorm:"column:kind"`
	Key        string    `gorm:"column:record_key"`
	RecordedAt time.Time `gorm:"column:recorded_at"`
	// Document is the whole record after the change, as JSON.
	Document string `gorm:"column:document"`
}
