package models

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"sellthrough/internal/money"
)

// PrivateOffer is a time-bound set of margins that one publisher gives to a
// set of resellers. Its status is not stored: it follows from the instants in
// it and in its resellers (D7).
type PrivateOffer struct {
	ID          string `gorm:"column:id;primaryKey"`
	PublisherID string `gorm:"column:publisher_id"`
	// Name is the publisher's own; no reseller ever sees it.
	Name string `gorm:"column:name"`
	// StartMonth is the month of a "specific month" start, 0 for "as soon as
	// possible" (rules 2.2).
	StartMonth Month `gorm:"column:start_month"`
	// EndMonth is the last month of the offer: it ends with the month's last
	// instant (D4).
	EndMonth             Month    `gorm:"column:end_month"`
	PreparedBy           string   `gorm:"column:prepared_by"`
	NotificationContacts []string `gorm:"column:notification_contacts;serializer:json"`
	// Version counts the saves of a draft; a save names the version it saw.
	Version   int       `gorm:"column:version"`
	CreatedAt time.Time `gorm:"column:created_at;autoCreateTime:false"`
	UpdatedAt time.Time `gorm:"column:updated_at;autoUpdateTime:false"`
	// SubmittedAt is when it left DRAFT, nil before.
	SubmittedAt *time.Time `gorm:"column:submitted_at"`
	// LiveAt and EndedAt are when the worker recorded those transitions, for
	// whoever follows them; they do not decide the status.
	LiveAt  *time.Time `gorm:"column:live_at"`
	EndedAt *time.Time `gorm:"column:ended_at"`
	// WithdrawnAt is when the whole offer was withdrawn.
	WithdrawnAt *time.Time `gorm:"column:withdrawn_at"`

	Pricing   []PricingLine   `gorm:"-"`
	Resellers []OfferReseller `gorm:"-"`
}

// PricingLine is one margin of a private offer: for a product with all its
// current and future plans, or for one plan of it (R2). It holds either a
// percentage or absolute prices.
type PricingLine struct {
	PrivateOfferID string `gorm:"column:private_offer_id;primaryKey"`
	// Position is the line's place in the offer, from 1.
	Position  int    `gorm:"column:position;primaryKey"`
	ProductID string `gorm:"column:product_id"`
	// PlanID is empty for a product-level line.
	PlanID string `gorm:"column:plan_id"`
	// Percentage is the margin off the list price, 0 where Absolute is set.
	Percentage money.Percentage `gorm:"column:percentage_hundredths" json:",omitzero"`
	// Absolute replaces list prices by market, currency, term and meter.
	Absolute []AbsolutePrice `gorm:"column:absolute;serializer:json"`
}

// AbsolutePrice is a custom price of a plan-level line: of the plan's own
// charge, or of one unit of a meter.
type AbsolutePrice struct {
	Market    string         `json:"market"`
	Currency  money.Currency `json:"currency"`
	Term      Term           `json:"term,omitempty"`
	Billing   Billing        `json:"billing,omitempty"`
	MeterID   string         `json:"meterId,omitempty"`
	UnitPrice money.Decimal  `json:"unitPrice"`
	// IncludedQuantity is shown, never subtracted (D18).
	IncludedQuantity money.Decimal `json:"includedQuantity"`
}

// OfferReseller is one beneficiary of an offer with its own progress.
type OfferReseller struct {
	PrivateOfferID   string `gorm:"column:private_offer_id;primaryKey"`
	ResellerTenantID string `gorm:"column:reseller_tenant_id;primaryKey"`
	// CustomerTenantIDs restricts the margin to these customers of the
	// reseller; empty means all.
	CustomerTenantIDs []string `gorm:"column:customer_tenant_ids;serializer:json"`
	// AuthorizedAt, PublishedAt, FailedAt and WithdrawnAt are the steps taken.
	// PublishedAt is the go-live instant of this reseller (D4).
	AuthorizedAt  *time.Time `gorm:"column:authorized_at"`
	PublishedAt   *time.Time `gorm:"column:published_at"`
	FailedAt      *time.Time `gorm:"column:failed_at"`
	FailureReason string     `gorm:"column:failure_reason"`
	WithdrawnAt   *time.Time `gorm:"column:withdrawn_at"`
	// ExpectedLiveAt is by when PublishedAt was expected to come (GoLive), nil
	// before the offer is submitted.
	ExpectedLiveAt *time.Time `gorm:"column:expected_live_at"`
}

// OfferStatus is the state of a private offer (D7).
type OfferStatus string

// The states. Deleted drafts are gone and have none.
const (
	StatusDraft      OfferStatus = "DRAFT"
	StatusInProgress OfferStatus = "IN_PROGRESS"
	StatusLive       OfferStatus = "LIVE"
	StatusEnded      OfferStatus = "ENDED"
	StatusWithdrawn  OfferStatus = "WITHDRAWN"
)

// OfferStatuses lists every state in the order of life.
var OfferStatuses = []OfferStatus{StatusDraft, StatusInProgress, StatusLive, StatusEnded, StatusWithdrawn}

// OfferAction is what the publisher can ask of an offer.
type OfferAction string

// The actions of the desk (seed).
const (
	OfferUpdate   OfferAction = "UPDATE"
	OfferSubmit   OfferAction = "SUBMIT"
	OfferClone    OfferAction = "CLONE"
	OfferWithdraw OfferAction = "WITHDRAW"
	OfferDelete   OfferAction = "DELETE"
	// OfferRetry is ours: the seed knows no failures (D7).
	OfferRetry OfferAction = "RETRY"
)

// OfferActions lists every action.
var OfferActions = []OfferAction{OfferUpdate, OfferSubmit, OfferClone, OfferWithdraw, OfferDelete, OfferRetry}

// Allows is the state machine of rules 2.4: whether the desk may take the
// action in this state. Withdrawing also needs that nobody has sold the offer
// (D9).
func (s OfferStatus) Allows(action OfferAction) bool {
	switch action {
	case OfferUpdate, OfferSubmit, OfferDelete:
		return s == StatusDraft
	case OfferClone:
		return true
	case OfferWithdraw, OfferRetry:
		return s == StatusLive || s == StatusInProgress
	}
	return false
}

// ProgressStatus is how far an offer has come for one reseller (rules 2.5).
type ProgressStatus string

// The steps.
const (
	AuthorizationInProgress ProgressStatus = "AUTHORIZATION_IN_PROGRESS"
	PublishInProgress       ProgressStatus = "PUBLISH_IN_PROGRESS"
	ProgressLive            ProgressStatus = "LIVE"
	ProgressFailed          ProgressStatus = "FAILED"
	ProgressWithdrawn       ProgressStatus = "WITHDRAWN"
)

// Status is the state of the offer at the instant now (D7).
func (o *PrivateOffer) Status(now time.Time) OfferStatus {
	switch {
	case o.SubmittedAt == nil:
		return StatusDraft
	case o.WithdrawnAt != nil:
		return StatusWithdrawn
	}
	published, waiting, withdrawn := 0, 0, 0
	for i := range o.Resellers {
		switch o.Resellers[i].Status() {
		case ProgressLive:
			published++
		case ProgressWithdrawn:
			withdrawn++
		case AuthorizationInProgress, PublishInProgress:
			waiting++
		}
	}
	switch {
	case withdrawn == len(o.Resellers):
		return StatusWithdrawn
	case !now.Before(o.EndMonth.End()):
		return StatusEnded
	case published > 0 && waiting == 0:
		return StatusLive
	}
	return StatusInProgress
}

// Status is the step that the reseller has reached.
func (r *OfferReseller) Status() ProgressStatus {
	switch {
	case r.WithdrawnAt != nil:
		return ProgressWithdrawn
	case r.PublishedAt != nil:
		return ProgressLive
	case r.FailedAt != nil:
		return ProgressFailed
	case r.AuthorizedAt != nil:
		return PublishInProgress
	}
	return AuthorizationInProgress
}

// Includes tells whether the margin counts for the customer.
func (r *OfferReseller) Includes(customerTenantID string) bool {
	return len(r.CustomerTenantIDs) == 0 || slices.Contains(r.CustomerTenantIDs, customerTenantID)
}

// Window returns from when to when the offer prices charges of a reseller, half
// open (D4). Entitlement charges start with the go-live instant or with the
// specific month; consumption charges with the first day of that month. ok is
// false while the reseller is not published.
func (o *PrivateOffer) Window(r *OfferReseller, consumption bool) (start, end time.Time, ok bool) {
	if r.PublishedAt == nil {
		return start, end, false
	}
	end = o.EndMonth.End()
	switch {
	case o.StartMonth != 0:
		start = o.StartMonth.Start()
	case consumption:
		start = MonthOf(*r.PublishedAt).Start()
	default:
		start = *r.PublishedAt
	}
	return start, end, true
}

// Limits are the sizes of a private offer (D10). The seed's values are the
// defaults; an operator may configure others.
type Limits struct {
	PricingLines          int
	Resellers             int
	NotificationContacts  int
	CustomersEachReseller int
}

// DefaultLimits are the seed's.
var DefaultLimits = Limits{PricingLines: 10, Resellers: 400, NotificationContacts: 5, CustomersEachReseller: 25}

// Codes of private offers.
const (
	CodeNameRequired           Code = "NAME_REQUIRED"
	CodeEndRequired            Code = "END_REQUIRED"
	CodePricingRequired        Code = "PRICING_REQUIRED"
	CodeResellersRequired      Code = "RESELLERS_REQUIRED"
	CodeStartRequired          Code = "START_REQUIRED"
	CodeStartNotAllowed        Code = "START_NOT_ALLOWED"
	CodeStartNotFirstOfMonth   Code = "START_NOT_FIRST_OF_MONTH"
	CodeStartNotInFuture       Code = "START_NOT_IN_FUTURE"
	CodeEndNotLastOfMonth      Code = "END_NOT_LAST_OF_MONTH"
	CodeEndBeforeStart         Code = "END_BEFORE_START"
	CodeEndInPast              Code = "END_IN_PAST"
	CodeTooManyPricingLines    Code = "TOO_MANY_PRICING_LINES"
	CodeTooManyResellers       Code = "TOO_MANY_RESELLERS"
	CodeTooManyContacts        Code = "TOO_MANY_CONTACTS"
	CodeTooManyCustomers       Code = "TOO_MANY_CUSTOMERS"
	CodeInvalidEmail           Code = "INVALID_EMAIL"
	CodePercentageOutOfRange   Code = "PERCENTAGE_OUT_OF_RANGE"
	CodePercentageDecimals     Code = "PERCENTAGE_TOO_MANY_DECIMALS"
	CodePercentageOrAbsolute   Code = "PERCENTAGE_OR_ABSOLUTE"
	CodeDuplicatePricingLine   Code = "DUPLICATE_PRICING_LINE"
	CodeProductAndPlanLevel    Code = "PRODUCT_AND_PLAN_LEVEL"
	CodeDuplicateReseller      Code = "DUPLICATE_RESELLER"
	CodeDuplicateCustomer      Code = "DUPLICATE_CUSTOMER"
	CodeDuplicateContact       Code = "DUPLICATE_CONTACT"
	CodeDuplicateAbsolutePrice Code = "DUPLICATE_ABSOLUTE_PRICE"
	CodeProductNotFound        Code = "PRODUCT_NOT_FOUND"
	CodePlanNotFound           Code = "PLAN_NOT_FOUND"
	CodeResellerNotFound       Code = "RESELLER_NOT_FOUND"
	CodeCustomerNotFound       Code = "CUSTOMER_NOT_FOUND"
	CodePublisherNotFound      Code = "PUBLISHER_NOT_FOUND"
	CodePublisherNotActive     Code = "PUBLISHER_NOT_ACTIVE"
	CodePublisherNotEnrolled   Code = "PUBLISHER_NOT_ENROLLED"
	CodeProductNotPublished    Code = "PRODUCT_NOT_PUBLISHED"
	CodeProductNotPublic       Code = "PRODUCT_NOT_PUBLIC"
	CodeProductNotTransactable Code = "PRODUCT_NOT_TRANSACTABLE"
	CodeResellerIndirect       Code = "RESELLER_IS_INDIRECT"
	CodeResellerNotInProgram   Code = "RESELLER_NOT_IN_CSP_PROGRAM"
	CodeAbsoluteNotPlanLevel   Code = "ABSOLUTE_PRICE_NEEDS_PLAN"
	CodeAbsoluteOnVM           Code = "ABSOLUTE_PRICE_ON_VIRTUAL_MACHINE"
	CodeAbsoluteOnTrial        Code = "ABSOLUTE_PRICE_ON_TRIAL_PLAN"
	CodeAbsoluteUnknownPrice   Code = "ABSOLUTE_PRICE_WITHOUT_LIST_PRICE"
	CodeInvalidState           Code = "INVALID_STATE"
	CodeMixedPublishers        Code = "MIXED_PUBLISHERS"
	CodeNameNotNew             Code = "NAME_NOT_NEW"
	CodeSold                   Code = "SOLD"
)

// CheckDraft returns every violation that no draft may have: broken values,
// doubles and limits. What is merely missing is left to CheckSubmit, so that a
// draft can be saved half done.
func (o *PrivateOffer) CheckDraft(limits Limits) Violations {
	var vs Violations
	if o.ID != "" { // else the system makes one
		vs.checkID("id", o.ID)
	}
	if strings.TrimSpace(o.Name) == "" {
		vs.Add("name", CodeNameRequired, "is missing: give the offer a name that you will know it by")
	} else {
		vs.checkText("name", o.Name, true)
	}
	for _, month := range []struct {
		field string
		value Month
	}{{"startMonth", o.StartMonth}, {"endMonth", o.EndMonth}} {
		if month.value < 0 {
			vs.Add(month.field, CodeInvalid, "is not a month: write YYYY-MM")
		}
	}
	if o.EndMonth > 0 && o.StartMonth > 0 && o.EndMonth < o.StartMonth {
		vs.Add("endMonth", CodeEndBeforeStart, "is before the start "+o.StartMonth.String())
	}
	if o.PreparedBy != "" && !isEmail(o.PreparedBy) {
		vs.Add("preparedBy", CodeInvalidEmail, Quote(o.PreparedBy)+" is not an email address")
	}
	o.checkContacts(&vs, limits)
	o.checkPricing(&vs, limits)
	o.checkResellers(&vs, limits)
	return vs
}

func (o *PrivateOffer) checkContacts(vs *Violations, limits Limits) {
	checkLimit(vs, "notificationContacts", len(o.NotificationContacts), limits.NotificationContacts, CodeTooManyContacts)
	seen := map[string]bool{}
	for i, contact := range o.NotificationContacts {
		field := "notificationContacts." + strconv.Itoa(i)
		if !isEmail(contact) {
			vs.Add(field, CodeInvalidEmail, Quote(contact)+" is not an email address")
		} else if seen[strings.ToLower(contact)] {
			vs.Add(field, CodeDuplicateContact, Quote(contact)+" is named twice")
		}
		seen[strings.ToLower(contact)] = true
	}
}

func (o *PrivateOffer) checkPricing(vs *Violations, limits Limits) {
	checkLimit(vs, "pricing", len(o.Pricing), limits.PricingLines, CodeTooManyPricingLines)
	type scope struct{ product, plan string }
	seen := map[scope]bool{}
	for i := range o.Pricing {
		line := &o.Pricing[i]
		field := "pricing." + strconv.Itoa(i)
		vs.checkID(field+".productId", line.ProductID)
		if line.PlanID != "" {
			vs.checkID(field+".planId", line.PlanID)
		}
		line.checkMargin(vs, field)
		if seen[scope{line.ProductID, line.PlanID}] {
			vs.Add(field, CodeDuplicatePricingLine, "prices the same product or plan as an earlier line")
		}
		seen[scope{line.ProductID, line.PlanID}] = true
	}
	for i := range o.Pricing {
		if line := &o.Pricing[i]; line.PlanID != "" && seen[scope{line.ProductID, ""}] {
			vs.Add("pricing."+strconv.Itoa(i), CodeProductAndPlanLevel, "the offer also prices the whole product "+Quote(line.ProductID)+": keep one of the two")
		}
	}
}

func (l *PricingLine) checkMargin(vs *Violations, field string) {
	if (l.Percentage != 0) == (len(l.Absolute) > 0) {
		vs.Add(field, CodePercentageOrAbsolute, "needs either a percentage or absolute prices")
	}
	if l.Percentage != 0 && !l.Percentage.Valid() {
		vs.Add(field+".percentage", CodePercentageOutOfRange, "is not from 0.01 to 100")
	}
	if len(l.Absolute) > 0 && l.PlanID == "" {
		vs.Add(field+".absolute", CodeAbsoluteNotPlanLevel, "absolute prices need a plan: a product-level line takes a percentage")
	}
	type key struct {
		market, meter string
		currency      money.Currency
		term          Term
		billing       Billing
	}
	seen := map[key]bool{}
	for i, a := range l.Absolute {
		at := field + ".absolute." + strconv.Itoa(i)
		vs.checkCountry(at+".market", a.Market)
		vs.checkCurrency(at+".currency", a.Currency)
		if a.MeterID != "" {
			vs.checkID(at+".meterId", a.MeterID)
		}
		vs.checkTerm(at+".", a.Term, a.Billing, a.MeterID)
		vs.checkUnitPrice(at+".unitPrice", a.UnitPrice)
		if a.IncludedQuantity.Sign() < 0 || !a.IncludedQuantity.Fits(money.QuantityIntegerDigits, money.FractionDigits) {
			vs.Add(at+".includedQuantity", CodeOutOfRange, "is not 0 or more with at most 15 integer and 15 fraction digits")
		}
		k := key{a.Market, a.MeterID, a.Currency, a.Term, a.Billing}
		if seen[k] {
			vs.Add(at, CodeDuplicateAbsolutePrice, "prices the same charge as an earlier entry")
		}
		seen[k] = true
	}
}

func (o *PrivateOffer) checkResellers(vs *Violations, limits Limits) {
	checkLimit(vs, "resellers", len(o.Resellers), limits.Resellers, CodeTooManyResellers)
	seen := map[string]bool{}
	for i := range o.Resellers {
		r := &o.Resellers[i]
		field := "resellers." + strconv.Itoa(i)
		vs.checkGUID(field+".tenantId", r.ResellerTenantID)
		if seen[r.ResellerTenantID] {
			vs.Add(field+".tenantId", CodeDuplicateReseller, Quote(r.ResellerTenantID)+" is named twice")
		}
		seen[r.ResellerTenantID] = true
		checkLimit(vs, field+".customers", len(r.CustomerTenantIDs), limits.CustomersEachReseller, CodeTooManyCustomers)
		customers := map[string]bool{}
		for j, customer := range r.CustomerTenantIDs {
			at := field + ".customers." + strconv.Itoa(j)
			vs.checkGUID(at, customer)
			if customers[customer] {
				vs.Add(at, CodeDuplicateCustomer, Quote(customer)+" is named twice")
			}
			customers[customer] = true
		}
	}
}

// SubmitFacts is what CheckSubmit needs to know of the world, looked up by id.
// Ids that do not exist, or that the publisher may not use, are absent.
type SubmitFacts struct {
	Publisher *Publisher
	Products  map[string]Product
	// Plans by product id and plan id, "product/plan".
	Plans     map[string]Plan
	Resellers map[string]Reseller
	// Customers by reseller and customer tenant, "reseller/customer".
	Customers map[string]bool
	// Prices are the list prices of the products named.
	Prices []Price
}

// CheckSubmit returns every violation that keeps the offer from being
// submitted at the instant now (D8, rules 2.7), those of CheckDraft and
// CheckFacts included.
func (o *PrivateOffer) CheckSubmit(facts SubmitFacts, limits Limits, now time.Time) Violations {
	vs := o.CheckDraft(limits)
	o.checkTerms(&vs, now)
	if len(o.Pricing) == 0 {
		vs.Add("pricing", CodePricingRequired, "is empty: price at least one product or plan")
	}
	if len(o.Resellers) == 0 {
		vs.Add("resellers", CodeResellersRequired, "is empty: name at least one reseller")
	}
	return append(vs, o.CheckFacts(facts)...)
}

// CheckFacts returns what the market holds against the offer: publisher,
// products, plans, resellers and customers that are unknown, or not what rules
// 2.1 ask for. A product that is not opted in and a reseller that is not
// authorised are no violations: the worker heals both (D8).
func (o *PrivateOffer) CheckFacts(facts SubmitFacts) Violations {
	var vs Violations
	o.checkPublisher(&vs, facts)
	for i := range o.Pricing {
		o.Pricing[i].checkFacts(&vs, "pricing."+strconv.Itoa(i), o.PublisherID, facts)
	}
	for i := range o.Resellers {
		o.Resellers[i].checkFacts(&vs, "resellers."+strconv.Itoa(i), facts)
	}
	return vs
}

func (o *PrivateOffer) checkPublisher(vs *Violations, facts SubmitFacts) {
	switch p := facts.Publisher; {
	case o.PublisherID == "": // it follows from products that are unknown, which is said there
	case p == nil:
		vs.Add("publisherId", CodePublisherNotFound, Quote(o.PublisherID)+" is not known")
	default:
		if !p.AccountActive {
			vs.Add("publisherId", CodePublisherNotActive, "the publisher's account is not active")
		}
		if !p.Enrolled {
			vs.Add("publisherId", CodePublisherNotEnrolled, "the publisher is not enrolled in the marketplace program")
		}
	}
}

func (o *PrivateOffer) checkTerms(vs *Violations, now time.Time) {
	if o.StartMonth != 0 && !o.StartMonth.Start().After(now) {
		vs.Add("startMonth", CodeStartNotInFuture, o.StartMonth.String()+" has begun: choose an upcoming month, or leave it out to start as soon as possible")
	}
	switch {
	case o.EndMonth == 0:
		vs.Add("endMonth", CodeEndRequired, "is missing: choose the last month of the offer")
	case !o.EndMonth.End().After(now):
		vs.Add("endMonth", CodeEndInPast, o.EndMonth.String()+" is over")
	}
}

func (l *PricingLine) checkFacts(vs *Violations, field, publisherID string, facts SubmitFacts) {
	product, ok := facts.Products[l.ProductID]
	if !ok || product.PublisherID != publisherID {
		vs.Add(field+".productId", CodeProductNotFound, Quote(l.ProductID)+" is not a product of this publisher")
		return
	}
	if !product.Published {
		vs.Add(field+".productId", CodeProductNotPublished, Quote(l.ProductID)+" is not published")
	}
	if !product.Public {
		vs.Add(field+".productId", CodeProductNotPublic, Quote(l.ProductID)+" is not publicly available")
	}
	if !product.Transactable {
		vs.Add(field+".productId", CodeProductNotTransactable, Quote(l.ProductID)+" is not transactable")
	}
	if l.PlanID == "" {
		return
	}
	plan, ok := facts.Plans[l.ProductID+"/"+l.PlanID]
	if !ok {
		vs.Add(field+".planId", CodePlanNotFound, Quote(l.PlanID)+" is not a plan of "+Quote(l.ProductID))
		return
	}
	if len(l.Absolute) > 0 {
		l.checkAbsolute(vs, field+".absolute", product, plan, facts.Prices)
	}
}

// checkAbsolute holds absolute prices to rules 2.2: not for virtual machines,
// not for plans with a trial, and only for charges that have a list price.
func (l *PricingLine) checkAbsolute(vs *Violations, field string, product Product, plan Plan, prices []Price) {
	if product.Type == VirtualMachine {
		vs.Add(field, CodeAbsoluteOnVM, "virtual machines take a percentage only")
	}
	if plan.TrialDays > 0 {
		vs.Add(field, CodeAbsoluteOnTrial, "plans with a trial take a percentage only")
	}
	for i, a := range l.Absolute {
		listed := slices.ContainsFunc(prices, func(p Price) bool {
			return p.ProductID == l.ProductID && (p.PlanID == l.PlanID || p.PlanID == "" && a.MeterID != "") &&
				p.MeterID == a.MeterID && p.Term == a.Term && p.Billing == a.Billing && p.Market == a.Market && p.Currency == a.Currency
		})
		if !listed {
			vs.Add(field+"."+strconv.Itoa(i), CodeAbsoluteUnknownPrice, "the plan has no list price for this market, currency, term, billing or meter: an offer cannot add one")
		}
	}
}

func (r *OfferReseller) checkFacts(vs *Violations, field string, facts SubmitFacts) {
	if !IsGUID(r.ResellerTenantID) {
		return // CheckDraft said so
	}
	reseller, ok := facts.Resellers[r.ResellerTenantID]
	switch {
	case !ok:
		vs.Add(field+".tenantId", CodeResellerNotFound, Quote(r.ResellerTenantID)+" is not a known reseller")
		return
	case reseller.Type == IndirectReseller:
		vs.Add(field+".tenantId", CodeResellerIndirect, Quote(r.ResellerTenantID)+" is an indirect reseller: name its provider")
	case !reseller.InCSPProgram:
		vs.Add(field+".tenantId", CodeResellerNotInProgram, Quote(r.ResellerTenantID)+" is not part of the CSP program")
	}
	for i, customer := range r.CustomerTenantIDs {
		if IsGUID(customer) && !facts.Customers[r.ResellerTenantID+"/"+customer] {
			vs.Add(field+".customers."+strconv.Itoa(i), CodeCustomerNotFound, Quote(customer)+" is not a customer of this reseller")
		}
	}
}

func checkLimit(vs *Violations, field string, n, most int, code Code) {
	if n > most {
		vs.Add(field, code, "holds "+strconv.Itoa(n)+" entries, at most "+strconv.Itoa(most)+" are allowed")
	}
}

// isEmail accepts one @ between a local part and a domain with a dot. Whether
// mail arrives there only sending shows.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && len(s) <= 254 && strings.Contains(domain, ".") && !slices.Contains(strings.Split(domain, "."), "") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\uFFFD' || strings.ContainsRune("<>,;\"", r) }) &&
		!strings.Contains(domain, "@")
}

// PublishCheck says why an offer cannot be published for a reseller today: what
// held at submit may no longer hold when the worker comes. Empty means it can.
func PublishCheck(offer *PrivateOffer, reseller Reseller, products map[string]Product) string {
	if !reseller.MayHoldMargin() {
		return "the reseller is no longer part of the CSP program, or is billed through a provider"
	}
	for i := range offer.Pricing {
		product, ok := products[offer.Pricing[i].ProductID]
		if !ok || !product.Published || !product.Public || !product.Transactable {
			return "product " + offer.Pricing[i].ProductID + " is no longer published, public and transactable"
		}
	}
	return ""
}
