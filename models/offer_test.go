package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

const (
	publisherID = "contoso"
	productID   = "backup"
	vmID        = "appliance"
)

// tenant is the n-th tenant id.
func tenant(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

var now = time.Date(2021, 10, 7, 12, 0, 0, 0, time.UTC) // the day of the seed

// offer is a draft that may be submitted; each test breaks what it is about.
func offer() *models.PrivateOffer {
	return &models.PrivateOffer{
		ID: "o1", PublisherID: publisherID, Name: "Autumn", EndMonth: models.NewMonth(2021, 12),
		Pricing:   []models.PricingLine{{PrivateOfferID: "o1", Position: 1, ProductID: productID, Percentage: 1000}},
		Resellers: []models.OfferReseller{{PrivateOfferID: "o1", ResellerTenantID: tenant(1)}},
	}
}

// world is what the offer is submitted into.
func world() models.SubmitFacts {
	sellable := models.Product{PublisherID: publisherID, Published: true, Public: true, Transactable: true, CSPOptIn: models.OptInNone}
	facts := models.SubmitFacts{
		Publisher: &models.Publisher{ID: publisherID, AccountActive: true, Enrolled: true},
		Products:  map[string]models.Product{},
		Plans: map[string]models.Plan{
			productID + "/basic": {ProductID: productID, ID: "basic", PricingModel: models.FlatRate},
			productID + "/trial": {ProductID: productID, ID: "trial", PricingModel: models.FlatRate, TrialDays: 30},
			vmID + "/basic":      {ProductID: vmID, ID: "basic", PricingModel: models.Usage},
		},
		Resellers: map[string]models.Reseller{},
		Customers: map[string]bool{},
	}
	for id, kind := range map[string]models.ProductType{productID: models.SaaS, vmID: models.VirtualMachine} {
		sellable.ID, sellable.Type = id, kind
		facts.Products[id] = sellable
		for _, plan := range []string{"basic", "trial"} {
			facts.Prices = append(facts.Prices, models.Price{ProductID: id, PlanID: plan, Term: models.P1M, Billing: models.Monthly, Market: "US", Currency: "USD"})
		}
	}
	facts.Prices = append(facts.Prices, models.Price{ProductID: productID, MeterID: "calls", Market: "US", Currency: "USD"})
	for n := range 402 {
		facts.Resellers[tenant(n)] = models.Reseller{TenantID: tenant(n), Type: models.DirectBill, InCSPProgram: true}
		facts.Customers[tenant(1)+"/"+tenant(n)] = true
	}
	return facts
}

// codes are the violations as "path CODE vendorCode".
func codes(vs models.Violations) (list []string) {
	for _, v := range vs {
		list = append(list, strings.TrimSpace(v.Path()+" "+string(v.Code)+" "+v.VendorCode))
	}
	return list
}

func TestADraftThatMayBeSubmitted(t *testing.T) {
	if vs := offer().CheckSubmit(world(), models.DefaultLimits, now); len(vs) > 0 {
		t.Fatal(vs)
	}
	// A product without opt-in and a reseller without authorisation are no
	// errors: submit heals both (D8).
	if p := world().Products[productID]; p.CSPOptIn != models.OptInNone || p.Authorized(tenant(1)) {
		t.Fatal("the test proves nothing: the product is opted in")
	}
}

// Every violation of rules 2.2 and 2.7, one at a time: the offer holds what its
// neighbour without the violation does not.
func TestSubmitRefuses(t *testing.T) {
	absolute := func(o *models.PrivateOffer, product, plan string) *models.AbsolutePrice {
		o.Pricing[0] = models.PricingLine{Position: 1, ProductID: product, PlanID: plan,
			Absolute: []models.AbsolutePrice{{Market: "US", Currency: "USD", Term: models.P1M, Billing: models.Monthly, UnitPrice: money.New(80, 0)}}}
		return &o.Pricing[0].Absolute[0]
	}
	for _, c := range []struct {
		name  string
		spoil func(*models.PrivateOffer, *models.SubmitFacts)
		want  []string // none: allowed
	}{
		{"no name", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Name = "  " }, []string{"name NAME_REQUIRED schemaValidationError"}},
		{"a name of 500 bytes", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Name = strings.Repeat("n", 500) }, nil},
		{"a name of 501 bytes", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Name = strings.Repeat("n", 501) }, []string{"name TOO_LONG"}},
		{"a name of two lines", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Name = "a\nb" }, []string{"name INVALID"}},
		{"no end", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.EndMonth = 0 }, []string{"endMonth END_REQUIRED schemaValidationError"}},
		{"ends this month", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.EndMonth = models.NewMonth(2021, 10) }, nil},
		{"ended last month", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.EndMonth = models.NewMonth(2021, 9) }, []string{"endMonth END_IN_PAST businessValidationError"}},
		{"starts next month", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.StartMonth = models.NewMonth(2021, 11) }, nil},
		{"starts this month", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.StartMonth = models.NewMonth(2021, 10) }, []string{"startMonth START_NOT_IN_FUTURE businessValidationError"}},
		{"starts and ends in one month", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.StartMonth = o.EndMonth }, nil},
		{"ends before it starts", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.StartMonth = o.EndMonth + 1 }, []string{"endMonth END_BEFORE_START businessValidationError"}},
		{"no pricing", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing = nil }, []string{"pricing PRICING_REQUIRED schemaValidationError"}},
		{"no reseller", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Resellers = nil }, []string{"resellers RESELLERS_REQUIRED schemaValidationError"}},

		{"not an email of who prepared it", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.PreparedBy = "ann" }, []string{"preparedBy INVALID_EMAIL invalidRequest"}},
		{"5 contacts", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.NotificationContacts = contacts(5) }, nil},
		{"6 contacts", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.NotificationContacts = contacts(6) }, []string{"notificationContacts TOO_MANY_CONTACTS collectionLimitExceeded"}},
		{"a contact twice", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			o.NotificationContacts = []string{"ann@contoso.com", "Ann@Contoso.com"}
		}, []string{"notificationContacts.1 DUPLICATE_CONTACT"}},
		{"a contact that is none", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.NotificationContacts = []string{"ann@contoso"} }, []string{"notificationContacts.0 INVALID_EMAIL invalidRequest"}},

		{"10 pricing lines", func(o *models.PrivateOffer, f *models.SubmitFacts) { o.Pricing = pricing(10, f) }, nil},
		{"11 pricing lines", func(o *models.PrivateOffer, f *models.SubmitFacts) { o.Pricing = pricing(11, f) }, []string{"pricing TOO_MANY_PRICING_LINES collectionLimitExceeded"}},
		{"the least margin", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing[0].Percentage = 1 }, nil},
		{"the whole price", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing[0].Percentage = 10000 }, nil},
		{"more than the whole price", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing[0].Percentage = 10001 }, []string{"pricing.0.percentage PERCENTAGE_OUT_OF_RANGE businessValidationError"}},
		{"a negative margin", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing[0].Percentage = -1 }, []string{"pricing.0.percentage PERCENTAGE_OUT_OF_RANGE businessValidationError"}},
		{"no margin", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing[0].Percentage = 0 }, []string{"pricing.0 PERCENTAGE_OR_ABSOLUTE"}},
		{"a percentage and a price", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			absolute(o, productID, "basic")
			o.Pricing[0].Percentage = 1000
		}, []string{"pricing.0 PERCENTAGE_OR_ABSOLUTE"}},
		{"a plan twice", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			o.Pricing[0].PlanID = "basic"
			o.Pricing = append(o.Pricing, o.Pricing[0])
		}, []string{"pricing.1 DUPLICATE_PRICING_LINE businessValidationError"}},
		{"a product and its plan", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			o.Pricing = append(o.Pricing, models.PricingLine{ProductID: productID, PlanID: "basic", Percentage: 500})
		}, []string{"pricing.1 PRODUCT_AND_PLAN_LEVEL businessValidationError"}},
		{"two plans of a product", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			o.Pricing[0].PlanID = "basic"
			o.Pricing = append(o.Pricing, models.PricingLine{ProductID: productID, PlanID: "trial", Percentage: 500})
		}, nil},
		{"a plan id with a space", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing[0].PlanID = "a b" }, []string{"pricing.0.planId INVALID_ID", "pricing.0.planId PLAN_NOT_FOUND resourceNotFound"}},
		{"an unknown plan", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing[0].PlanID = "gold" }, []string{"pricing.0.planId PLAN_NOT_FOUND resourceNotFound"}},
		{"an unknown product", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing[0].ProductID = "restore" }, []string{"pricing.0.productId PRODUCT_NOT_FOUND resourceNotFound"}},
		{"no product", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Pricing[0].ProductID = "" }, []string{"pricing.0.productId REQUIRED", "pricing.0.productId PRODUCT_NOT_FOUND resourceNotFound"}},
		{"another publisher's product", func(_ *models.PrivateOffer, f *models.SubmitFacts) {
			setProduct(f, func(p *models.Product) { p.PublisherID = "fabrikam" })
		}, []string{"pricing.0.productId PRODUCT_NOT_FOUND resourceNotFound"}},
		{"a product that is not sold", func(_ *models.PrivateOffer, f *models.SubmitFacts) {
			setProduct(f, func(p *models.Product) { p.Published, p.Public, p.Transactable = false, false, false })
		}, []string{"pricing.0.productId PRODUCT_NOT_PUBLISHED invalidEntityStatus", "pricing.0.productId PRODUCT_NOT_PUBLIC invalidEntityStatus", "pricing.0.productId PRODUCT_NOT_TRANSACTABLE invalidEntityStatus"}},

		{"an absolute price", func(o *models.PrivateOffer, _ *models.SubmitFacts) { absolute(o, productID, "basic") }, nil},
		{"an absolute price of 0", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			absolute(o, productID, "basic").UnitPrice = money.Zero
		}, nil},
		{"an absolute price of a meter", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			a := absolute(o, productID, "basic")
			a.Term, a.Billing, a.MeterID = "", "", "calls"
		}, nil},
		{"a negative absolute price", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			absolute(o, productID, "basic").UnitPrice = money.New(-1, 0)
		}, []string{"pricing.0.absolute.0.unitPrice OUT_OF_RANGE"}},
		{"an absolute price of 13 integer digits", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			absolute(o, productID, "basic").UnitPrice = money.New(1_000_000_000_000, 0)
		}, []string{"pricing.0.absolute.0.unitPrice OUT_OF_RANGE"}},
		{"an absolute price of 16 fraction digits", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			absolute(o, productID, "basic").UnitPrice = money.New(1, 16)
		}, []string{"pricing.0.absolute.0.unitPrice OUT_OF_RANGE"}},
		{"a negative included quantity", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			absolute(o, productID, "basic").IncludedQuantity = money.New(-1, 0)
		}, []string{"pricing.0.absolute.0.includedQuantity OUT_OF_RANGE"}},
		{"an absolute price on product level", func(o *models.PrivateOffer, _ *models.SubmitFacts) { absolute(o, productID, "") }, []string{"pricing.0.absolute ABSOLUTE_PRICE_NEEDS_PLAN notSupported"}},
		{"an absolute price on a virtual machine", func(o *models.PrivateOffer, _ *models.SubmitFacts) { absolute(o, vmID, "basic") }, []string{"pricing.0.absolute ABSOLUTE_PRICE_ON_VIRTUAL_MACHINE notSupported"}},
		{"an absolute price on a plan with a trial", func(o *models.PrivateOffer, _ *models.SubmitFacts) { absolute(o, productID, "trial") }, []string{"pricing.0.absolute ABSOLUTE_PRICE_ON_TRIAL_PLAN notSupported"}},
		{"an absolute price of an unknown term", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			absolute(o, productID, "basic").Term = models.P3Y
		}, []string{"pricing.0.absolute.0 ABSOLUTE_PRICE_WITHOUT_LIST_PRICE notSupported"}},
		{"an absolute price of an unknown meter", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			a := absolute(o, productID, "basic")
			a.Term, a.Billing, a.MeterID = "", "", "mails"
		}, []string{"pricing.0.absolute.0 ABSOLUTE_PRICE_WITHOUT_LIST_PRICE notSupported"}},
		{"an absolute price of a meter with a term", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			absolute(o, productID, "basic").MeterID = "calls"
		}, []string{"pricing.0.absolute.0.term TERM_AND_BILLING_MISMATCH", "pricing.0.absolute.0 ABSOLUTE_PRICE_WITHOUT_LIST_PRICE notSupported"}},
		{"an absolute price in no market and currency", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			a := absolute(o, productID, "basic")
			a.Market, a.Currency = "us", "usd"
		}, []string{"pricing.0.absolute.0.market INVALID_COUNTRY", "pricing.0.absolute.0.currency INVALID_CURRENCY", "pricing.0.absolute.0 ABSOLUTE_PRICE_WITHOUT_LIST_PRICE notSupported"}},
		{"an absolute price twice", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			a := absolute(o, productID, "basic")
			o.Pricing[0].Absolute = append(o.Pricing[0].Absolute, *a)
		}, []string{"pricing.0.absolute.1 DUPLICATE_ABSOLUTE_PRICE"}},

		{"400 resellers", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Resellers = resellers(400) }, nil},
		{"401 resellers", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Resellers = resellers(401) }, []string{"resellers TOO_MANY_RESELLERS collectionLimitExceeded"}},
		{"a reseller twice", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Resellers = append(o.Resellers, o.Resellers[0]) }, []string{"resellers.1.tenantId DUPLICATE_RESELLER"}},
		{"a reseller that is no tenant id", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Resellers[0].ResellerTenantID = "northwind" }, []string{"resellers.0.tenantId INVALID_GUID invalidId"}},
		{"an unknown reseller", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Resellers[0].ResellerTenantID = tenant(999) }, []string{"resellers.0.tenantId RESELLER_NOT_FOUND resourceNotFound"}},
		{"an indirect reseller", func(_ *models.PrivateOffer, f *models.SubmitFacts) {
			setReseller(f, func(r *models.Reseller) { r.Type = models.IndirectReseller })
		}, []string{"resellers.0.tenantId RESELLER_IS_INDIRECT invalidResource"}},
		{"an indirect provider", func(_ *models.PrivateOffer, f *models.SubmitFacts) {
			setReseller(f, func(r *models.Reseller) { r.Type = models.IndirectProvider })
		}, nil},
		{"a reseller outside the program", func(_ *models.PrivateOffer, f *models.SubmitFacts) {
			setReseller(f, func(r *models.Reseller) { r.InCSPProgram = false })
		}, []string{"resellers.0.tenantId RESELLER_NOT_IN_CSP_PROGRAM invalidResource"}},
		{"25 customers", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Resellers[0].CustomerTenantIDs = tenants(25) }, nil},
		{"26 customers", func(o *models.PrivateOffer, _ *models.SubmitFacts) { o.Resellers[0].CustomerTenantIDs = tenants(26) }, []string{"resellers.0.customers TOO_MANY_CUSTOMERS collectionLimitExceeded"}},
		{"a customer twice", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			o.Resellers[0].CustomerTenantIDs = []string{tenant(1), tenant(1)}
		}, []string{"resellers.0.customers.1 DUPLICATE_CUSTOMER"}},
		{"an unknown customer", func(o *models.PrivateOffer, _ *models.SubmitFacts) {
			o.Resellers[0].CustomerTenantIDs = []string{tenant(999)}
		}, []string{"resellers.0.customers.0 CUSTOMER_NOT_FOUND resourceNotFound"}},

		{"an unknown publisher", func(_ *models.PrivateOffer, f *models.SubmitFacts) { f.Publisher = nil }, []string{"publisherId PUBLISHER_NOT_FOUND resourceNotFound"}},
		{"a publisher without account and enrolment", func(_ *models.PrivateOffer, f *models.SubmitFacts) {
			f.Publisher = &models.Publisher{ID: publisherID}
		}, []string{"publisherId PUBLISHER_NOT_ACTIVE invalidEntityStatus", "publisherId PUBLISHER_NOT_ENROLLED invalidEntityStatus"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, facts := offer(), world()
			c.spoil(o, &facts)
			if got := codes(o.CheckSubmit(facts, models.DefaultLimits, now)); !slices.Equal(got, c.want) {
				t.Errorf("violations\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

// ALL violations at once (D8), in the order of the fields, and the draft tells
// only of what is broken, not of what is missing.
func TestD8_EveryViolationAtOnce(t *testing.T) {
	o := &models.PrivateOffer{
		PublisherID: publisherID, NotificationContacts: []string{"?"}, PreparedBy: "?",
		StartMonth: models.NewMonth(2021, 10), EndMonth: models.NewMonth(2021, 8),
		Pricing:   []models.PricingLine{{ProductID: "gone", Percentage: 20000}, {ProductID: "gone", PlanID: "x"}},
		Resellers: []models.OfferReseller{{ResellerTenantID: "?", CustomerTenantIDs: []string{"?"}}, {ResellerTenantID: tenant(999)}},
	}
	draft := []string{
		"name NAME_REQUIRED schemaValidationError",
		"endMonth END_BEFORE_START businessValidationError",
		"preparedBy INVALID_EMAIL invalidRequest",
		"notificationContacts.0 INVALID_EMAIL invalidRequest",
		"pricing.0.percentage PERCENTAGE_OUT_OF_RANGE businessValidationError",
		"pricing.1 PERCENTAGE_OR_ABSOLUTE",
		"pricing.1 PRODUCT_AND_PLAN_LEVEL businessValidationError",
		"resellers.0.tenantId INVALID_GUID invalidId",
		"resellers.0.customers.0 INVALID_GUID invalidId",
	}
	if got := codes(o.CheckDraft(models.DefaultLimits)); !slices.Equal(got, draft) {
		t.Errorf("draft\n got %q\nwant %q", got, draft)
	}
	submit := append(draft,
		"startMonth START_NOT_IN_FUTURE businessValidationError",
		"endMonth END_IN_PAST businessValidationError",
		"publisherId PUBLISHER_NOT_ACTIVE invalidEntityStatus",
		"pricing.0.productId PRODUCT_NOT_FOUND resourceNotFound",
		"pricing.1.productId PRODUCT_NOT_FOUND resourceNotFound",
		"resellers.1.tenantId RESELLER_NOT_FOUND resourceNotFound",
	)
	facts := world()
	facts.Publisher.AccountActive = false
	vs := o.CheckSubmit(facts, models.DefaultLimits, now)
	if got := codes(vs); !slices.Equal(got, submit) {
		t.Errorf("submit\n got %q\nwant %q", got, submit)
	}
	for _, v := range vs {
		if v.Message == "" || v.Code != models.Code(strings.ToUpper(string(v.Code))) {
			t.Errorf("%+v has no message, or a code that is not SCREAMING_SNAKE", v)
		}
	}
	if (&models.PrivateOffer{Name: "half done"}).CheckDraft(models.DefaultLimits) != nil {
		t.Error("a draft cannot be saved half done")
	}
}

// D10: limits are configuration.
func TestD10_LimitsAreConfiguration(t *testing.T) {
	if models.DefaultLimits != (models.Limits{PricingLines: 10, Resellers: 400, NotificationContacts: 5, CustomersEachReseller: 25}) {
		t.Errorf("the defaults are not the seed's: %+v", models.DefaultLimits)
	}
	o, limits := offer(), models.DefaultLimits
	o.Resellers = resellers(51)
	limits.Resellers = 50
	if got := codes(o.CheckDraft(limits)); !slices.Equal(got, []string{"resellers TOO_MANY_RESELLERS collectionLimitExceeded"}) {
		t.Errorf("51 resellers with a limit of 50: %q", got)
	}
}

// Every state times every action (rules 2.4, D9).
func TestStateMachine(t *testing.T) {
	allowed := map[models.OfferStatus][]models.OfferAction{
		models.StatusDraft:      {models.OfferUpdate, models.OfferSubmit, models.OfferClone, models.OfferDelete},
		models.StatusInProgress: {models.OfferClone, models.OfferWithdraw, models.OfferRetry},
		models.StatusLive:       {models.OfferClone, models.OfferWithdraw, models.OfferRetry},
		models.StatusEnded:      {models.OfferClone},
		models.StatusWithdrawn:  {models.OfferClone},
	}
	if len(allowed) != len(models.OfferStatuses) {
		t.Fatal("a state is missing here")
	}
	for _, status := range models.OfferStatuses {
		for _, action := range models.OfferActions {
			if got, want := status.Allows(action), slices.Contains(allowed[status], action); got != want {
				t.Errorf("%s in %s: allowed is %t, want %t", action, status, got, want)
			}
		}
		if status.Allows("PUBLISH") {
			t.Errorf("an unknown action is allowed in %s", status)
		}
	}
}

// D7: the status follows from the instants of the offer and of its resellers.
func TestD7_Status(t *testing.T) {
	const (
		waiting    = models.AuthorizationInProgress
		authorized = models.PublishInProgress
		live       = models.ProgressLive
		failed     = models.ProgressFailed
		withdrawn  = models.ProgressWithdrawn
	)
	ended := models.NewMonth(2021, 12).End()
	for _, c := range []struct {
		name      string
		resellers []models.ProgressStatus
		at        time.Time
		want      models.OfferStatus
	}{
		{"nobody authorised", []models.ProgressStatus{waiting}, now, models.StatusInProgress},
		{"authorised", []models.ProgressStatus{authorized}, now, models.StatusInProgress},
		{"published", []models.ProgressStatus{live}, now, models.StatusLive},
		{"one of two", []models.ProgressStatus{live, authorized}, now, models.StatusInProgress},
		{"all but the failed", []models.ProgressStatus{live, failed}, now, models.StatusLive},
		{"all but the withdrawn", []models.ProgressStatus{live, withdrawn}, now, models.StatusLive},
		{"only failed", []models.ProgressStatus{failed, failed}, now, models.StatusInProgress}, // retryable
		{"failed and withdrawn", []models.ProgressStatus{failed, withdrawn}, now, models.StatusInProgress},
		{"all withdrawn", []models.ProgressStatus{withdrawn, withdrawn}, now, models.StatusWithdrawn},
		{"the last second", []models.ProgressStatus{live}, ended.Add(-time.Second), models.StatusLive},
		{"past the end", []models.ProgressStatus{live}, ended, models.StatusEnded},
		{"never published, past the end", []models.ProgressStatus{waiting}, ended, models.StatusEnded},
		{"withdrawn, past the end", []models.ProgressStatus{withdrawn}, ended, models.StatusWithdrawn},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := offer()
			o.SubmittedAt, o.Resellers = &now, nil
			for _, s := range c.resellers {
				r := progress(s)
				if r.Status() != s {
					t.Fatalf("the reseller is %s, want %s", r.Status(), s)
				}
				o.Resellers = append(o.Resellers, r)
			}
			if got := o.Status(c.at); got != c.want {
				t.Errorf("status %s, want %s", got, c.want)
			}
			o.WithdrawnAt = &now
			if got := o.Status(c.at); got != models.StatusWithdrawn {
				t.Errorf("withdrawn, but the status is %s", got)
			}
			o.SubmittedAt = nil
			if got := o.Status(c.at); got != models.StatusDraft {
				t.Errorf("never submitted, but the status is %s", got)
			}
		})
	}
}

// Live also before its start: its margins are then scheduled (D7).
func TestD7_LiveBeforeItsStart(t *testing.T) {
	o := offer()
	o.SubmittedAt, o.StartMonth, o.Resellers = &now, models.NewMonth(2021, 12), []models.OfferReseller{progress(models.ProgressLive)}
	if got := o.Status(now); got != models.StatusLive {
		t.Errorf("status %s", got)
	}
}

// D4: where the two kinds of charges start, and where both end.
func TestD4_Window(t *testing.T) {
	goLive := time.Date(2021, 10, 20, 17, 49, 25, 134681000, time.UTC)
	r := models.OfferReseller{PublishedAt: &goLive}
	asap, specific := offer(), offer()
	specific.StartMonth = models.NewMonth(2021, 11)
	for _, c := range []struct {
		name        string
		offer       *models.PrivateOffer
		consumption bool
		start       string
	}{
		{"as soon as possible, purchases", asap, false, "2021-10-20T17:49:25.134681Z"},
		{"as soon as possible, usage", asap, true, "2021-10-01T00:00:00Z"},
		{"specific month, purchases", specific, false, "2021-11-01T00:00:00Z"},
		{"specific month, usage", specific, true, "2021-11-01T00:00:00Z"},
	} {
		start, end, ok := c.offer.Window(&r, c.consumption)
		if !ok || start.Format(time.RFC3339Nano) != c.start || end.Format(time.RFC3339) != "2022-01-01T00:00:00Z" {
			t.Errorf("%s: [%s, %s) %t", c.name, start.Format(time.RFC3339Nano), end, ok)
		}
	}
	if _, _, ok := asap.Window(&models.OfferReseller{}, true); ok {
		t.Error("a reseller that is not published has a window")
	}
}

// R6: a margin counts for any customer unless restricted.
func TestIncludes(t *testing.T) {
	all, some := models.OfferReseller{}, models.OfferReseller{CustomerTenantIDs: []string{tenant(1)}}
	if !all.Includes(tenant(2)) || !all.Includes("") || !some.Includes(tenant(1)) || some.Includes(tenant(2)) || some.Includes("") {
		t.Error("a margin counts for the wrong customers")
	}
}

// D8: submit opts the product in for that reseller only.
func TestD8_Authorize(t *testing.T) {
	for _, c := range []struct {
		optIn   models.CSPOptIn
		before  []string
		changed bool
		after   []string
	}{
		{models.OptInAny, nil, false, nil},
		{models.OptInNone, nil, true, []string{tenant(1)}},
		{models.OptInNone, []string{tenant(2)}, true, []string{tenant(1)}}, // the list counted for nothing
		{models.OptInSelected, []string{tenant(2)}, true, []string{tenant(1), tenant(2)}},
		{models.OptInSelected, []string{tenant(1)}, false, []string{tenant(1)}},
	} {
		p := models.Product{CSPOptIn: c.optIn, AuthorizedResellers: c.before}
		if changed := p.Authorize(tenant(1)); changed != c.changed || !slices.Equal(p.AuthorizedResellers, c.after) || !p.Authorized(tenant(1)) {
			t.Errorf("%s %v: changed %t, now %s %v", c.optIn, c.before, changed, p.CSPOptIn, p.AuthorizedResellers)
		}
		if p.CSPOptIn != models.OptInAny && p.Authorized(tenant(3)) {
			t.Errorf("%s: another reseller is authorised too", c.optIn)
		}
	}
}

// What held at submit may no longer hold when the worker publishes.
func TestPublishCheck(t *testing.T) {
	facts := world()
	if reason := models.PublishCheck(offer(), facts.Resellers[tenant(1)], facts.Products); reason != "" {
		t.Error(reason)
	}
	if models.PublishCheck(offer(), models.Reseller{Type: models.IndirectReseller, InCSPProgram: true}, facts.Products) == "" {
		t.Error("an indirect reseller may hold a margin")
	}
	if models.PublishCheck(offer(), models.Reseller{Type: models.DirectBill}, facts.Products) == "" {
		t.Error("a reseller that left the program may hold a margin")
	}
	setProduct(&facts, func(p *models.Product) { p.Published = false })
	if models.PublishCheck(offer(), facts.Resellers[tenant(1)], facts.Products) == "" {
		t.Error("a product that is no longer published can be priced")
	}
}

func TestEmails(t *testing.T) {
	for address, good := range map[string]bool{
		"ann@contoso.com": true, "a.b+c@mail.contoso.co.uk": true, "ann@contoso.münchen.de": true,
		"": false, "ann": false, "@contoso.com": false, "ann@": false, "ann@contoso": false, "ann@@contoso.com": false,
		"ann@.contoso.com": false, "ann@contoso.com.": false, "ann@contoso..com": false, "ann smith@contoso.com": false,
		"ann@contoso.com\r\nBcc: all@contoso.com": false, "<ann@contoso.com>": false, "ann@contoso.com,bob@contoso.com": false, "a\x00b@contoso.com": false,
		strings.Repeat("a", 242) + "@contoso.com": true, strings.Repeat("a", 243) + "@contoso.com": false,
	} {
		o := offer()
		o.PreparedBy = address
		if got := len(o.CheckDraft(models.DefaultLimits)) == 0; got != good && address != "" {
			t.Errorf("%q is accepted: %t", address, got)
		}
	}
}

func progress(s models.ProgressStatus) (r models.OfferReseller) {
	at := now
	switch s {
	case models.PublishInProgress:
		r.AuthorizedAt = &at
	case models.ProgressLive:
		r.AuthorizedAt, r.PublishedAt = &at, &at
	case models.ProgressFailed:
		r.AuthorizedAt, r.FailedAt, r.FailureReason = &at, &at, "the partner centre is closed"
	case models.ProgressWithdrawn:
		r.AuthorizedAt, r.PublishedAt, r.WithdrawnAt = &at, &at, &at
	}
	return r
}

func contacts(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("contact%d@contoso.com", i))
	}
	return list
}

func tenants(n int) (list []string) {
	for i := range n {
		list = append(list, tenant(i))
	}
	return list
}

func resellers(n int) (list []models.OfferReseller) {
	for _, id := range tenants(n) {
		list = append(list, models.OfferReseller{ResellerTenantID: id})
	}
	return list
}

func pricing(n int, f *models.SubmitFacts) (lines []models.PricingLine) {
	for i := range n {
		plan := fmt.Sprintf("plan%d", i)
		f.Plans[productID+"/"+plan] = models.Plan{ProductID: productID, ID: plan}
		lines = append(lines, models.PricingLine{Position: i + 1, ProductID: productID, PlanID: plan, Percentage: 1000})
	}
	return lines
}

func setProduct(f *models.SubmitFacts, change func(*models.Product)) {
	p := f.Products[productID]
	change(&p)
	f.Products[productID] = p
}

func setReseller(f *models.SubmitFacts, change func(*models.Reseller)) {
	r := f.Resellers[tenant(1)]
	change(&r)
	f.Resellers[tenant(1)] = r
}
