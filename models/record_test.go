package models_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// good is a record of each kind that passes; each test spoils one field.
func good(kind string) models.Record {
	switch kind {
	case "publisher":
		return models.Record{Publisher: &models.Publisher{ID: "contoso", Name: "Contoso", Country: "US", PayoutCurrency: "USD"}}
	case "reseller":
		return models.Record{Reseller: &models.Reseller{TenantID: tenant(1), Name: "Northwind", Type: models.DirectBill, Country: "DE", BillingCurrency: "EUR"}}
	case "customer":
		return models.Record{Customer: &models.Customer{ResellerTenantID: tenant(1), TenantID: tenant(2), Name: "Fourth Coffee", Country: "JP"}}
	case "product":
		return models.Record{Product: &models.Product{ID: "backup", PublisherID: "contoso", Title: "Backup", Type: models.SaaS, CSPOptIn: models.OptInAny}}
	case "plan":
		return models.Record{Plan: &models.Plan{ProductID: "backup", ID: "basic", Title: "Basic", PricingModel: models.FlatRate}}
	case "meter":
		return models.Record{Meter: &models.Meter{ProductID: "backup", ID: "calls", Title: "Calls", Unit: "100 calls"}}
	case "price":
		return models.Record{Price: &models.Price{ProductID: "backup", PlanID: "basic", Term: models.P1M, Billing: models.Monthly, Market: "US", Currency: "USD", UnitPrice: money.New(5, 0), EffectiveFrom: models.NewMonth(2021, 1)}}
	case "agencyFee":
		return models.Record{AgencyFee: &models.AgencyFeeRate{EffectiveFrom: models.NewMonth(2021, 7), Rate: money.New(3, 2)}}
	case "exchangeRate":
		return models.Record{ExchangeRate: &models.ExchangeRate{Currency: "AED", Month: models.NewMonth(2019, 9), USDPerUnit: money.MustParse("0.27224589249009701")}}
	}
	return models.Record{}
}

var kinds = []string{"publisher", "reseller", "customer", "product", "plan", "meter", "price", "agencyFee", "exchangeRate"}

func TestCatalogueRecords(t *testing.T) {
	keys := map[string]bool{}
	for _, kind := range kinds {
		r := good(kind)
		if vs := r.Check(); len(vs) > 0 {
			t.Errorf("%s: %v", kind, vs)
		}
		if r.Kind() != kind || keys[kind+r.Key()] {
			t.Errorf("%s is a %s with key %q", kind, r.Kind(), r.Key())
		}
		keys[kind+r.Key()] = true
	}
	var none models.Record
	if got := codes(none.Check()); !slices.Equal(got, []string{"kind REQUIRED"}) || none.Kind() != "" || none.Key() != "" {
		t.Errorf("an empty record: %q", got)
	}
}

func TestCatalogueRefuses(t *testing.T) {
	long := strings.Repeat("x", 129)
	for _, c := range []struct {
		kind  string
		spoil func(models.Record)
		want  string // violations, by comma
	}{
		{"publisher", func(r models.Record) { r.Publisher.ID = "" }, "id REQUIRED"},
		{"publisher", func(r models.Record) { r.Publisher.ID = long }, "id TOO_LONG"},
		{"publisher", func(r models.Record) { r.Publisher.ID = long[1:] }, ""},
		{"publisher", func(r models.Record) { r.Publisher.ID = "con toso" }, "id INVALID_ID"},
		{"publisher", func(r models.Record) { r.Publisher.ID = "con\x7ftoso" }, "id INVALID_ID"},
		{"publisher", func(r models.Record) { r.Publisher.ID = "con\xfftoso" }, "id INVALID_ID"},
		{"publisher", func(r models.Record) { r.Publisher.ID = "köln" }, ""},
		{"publisher", func(r models.Record) { *r.Publisher = models.Publisher{} }, "id REQUIRED, name REQUIRED, country INVALID_COUNTRY, payoutCurrency INVALID_CURRENCY"},
		{"reseller", func(r models.Record) { r.Reseller.TenantID = "northwind" }, "tenantId INVALID_GUID invalidId"},
		{"reseller", func(r models.Record) { r.Reseller.TenantID = strings.ReplaceAll(tenant(1), "-", "") }, "tenantId INVALID_GUID invalidId"},
		{"reseller", func(r models.Record) { r.Reseller.TenantID = strings.Replace(tenant(1), "0", "g", 1) }, "tenantId INVALID_GUID invalidId"},
		{"reseller", func(r models.Record) { r.Reseller.TenantID = strings.Replace(tenant(1), "-", "0", 1) }, "tenantId INVALID_GUID invalidId"},
		{"reseller", func(r models.Record) { r.Reseller.Type = "DISTRIBUTOR" }, "type INVALID"},
		{"reseller", func(r models.Record) { r.Reseller.Type = "" }, "type REQUIRED"},
		{"reseller", func(r models.Record) { r.Reseller.Country, r.Reseller.BillingCurrency = "de", "eur" }, "country INVALID_COUNTRY, billingCurrency INVALID_CURRENCY"},
		{"reseller", func(r models.Record) { r.Reseller.BillingCurrency = "XAU" }, "billingCurrency INVALID_CURRENCY"},
		{"customer", func(r models.Record) { *r.Customer = models.Customer{Country: "JPN"} }, "tenantId REQUIRED, resellerTenantId REQUIRED, name REQUIRED, country INVALID_COUNTRY"},
		{"product", func(r models.Record) { r.Product.ID = "back/up" }, "id INVALID_ID"},
		{"product", func(r models.Record) { r.Product.Type, r.Product.CSPOptIn = "VM", "SOME" }, "type INVALID, cspOptIn INVALID"},
		{"product", func(r models.Record) { r.Product.Marketplaces = []models.Marketplace{"EBAY"} }, "marketplaces INVALID"},
		{"product", func(r models.Record) { r.Product.AuthorizedResellers = []string{"x"} }, "authorizedResellers INVALID_GUID invalidId"},
		{"plan", func(r models.Record) { r.Plan.ID = "a/b" }, "id INVALID_ID"},
		{"plan", func(r models.Record) { r.Plan.TrialDays = 366 }, ""},
		{"plan", func(r models.Record) { r.Plan.TrialDays = 367 }, "trialDays OUT_OF_RANGE"},
		{"plan", func(r models.Record) { r.Plan.TrialDays = -1 }, "trialDays OUT_OF_RANGE"},
		{"plan", func(r models.Record) { r.Plan.PricingModel = "TIERED" }, "pricingModel INVALID"},
		{"meter", func(r models.Record) { r.Meter.Unit = "" }, "unit REQUIRED"},
		{"price", func(r models.Record) { r.Price.UnitPrice = money.MustParse("999999999999.999999999999999") }, ""}, // D11: 12 and 15 digits
		{"price", func(r models.Record) { r.Price.UnitPrice = money.MustParse("1000000000000") }, "unitPrice OUT_OF_RANGE"},
		{"price", func(r models.Record) { r.Price.UnitPrice = money.MustParse("0.0000000000000001") }, "unitPrice OUT_OF_RANGE"},
		{"price", func(r models.Record) { r.Price.UnitPrice = money.MustParse("-1") }, "unitPrice OUT_OF_RANGE"},
		{"price", func(r models.Record) { r.Price.UnitPrice = money.Zero }, ""},
		{"price", func(r models.Record) { r.Price.Term = "P5Y" }, "term INVALID"},
		{"price", func(r models.Record) { r.Price.Billing = models.Annual }, "billing TERM_AND_BILLING_MISMATCH"},
		{"price", func(r models.Record) { r.Price.Term, r.Price.Billing = "", "" }, "term REQUIRED, billing REQUIRED"},
		{"price", func(r models.Record) { r.Price.PlanID = "" }, "planId REQUIRED"},
		{"price", func(r models.Record) {
			r.Price.PlanID, r.Price.MeterID, r.Price.Term, r.Price.Billing = "", "calls", "", ""
		}, ""},
		{"price", func(r models.Record) { r.Price.MeterID = "calls" }, "term TERM_AND_BILLING_MISMATCH"},
		{"price", func(r models.Record) {
			r.Price.PlanID, r.Price.MeterID, r.Price.Term, r.Price.Billing = "", "ca lls", "", ""
		}, "meterId INVALID_ID"},
		{"price", func(r models.Record) { r.Price.EffectiveFrom = 0 }, "effectiveFrom REQUIRED"},
		{"agencyFee", func(r models.Record) { r.AgencyFee.Rate = money.New(1, 0) }, ""},
		{"agencyFee", func(r models.Record) { r.AgencyFee.Rate = money.Zero }, ""},
		{"agencyFee", func(r models.Record) { r.AgencyFee.Rate = money.MustParse("1.000001") }, "rate OUT_OF_RANGE"},
		{"agencyFee", func(r models.Record) { r.AgencyFee.Rate = money.MustParse("-0.03") }, "rate OUT_OF_RANGE"},
		{"agencyFee", func(r models.Record) { r.AgencyFee.Rate = money.MustParse("0.0000001") }, "rate OUT_OF_RANGE"},
		{"agencyFee", func(r models.Record) { r.AgencyFee.ChargeType = "newish" }, "chargeType INVALID"},
		{"agencyFee", func(r models.Record) { r.AgencyFee.PublisherID, r.AgencyFee.EffectiveFrom = "a b", 0 }, "publisherId INVALID_ID, effectiveFrom REQUIRED"},
		{"exchangeRate", func(r models.Record) { r.ExchangeRate.USDPerUnit = money.Zero }, "USDPerUnit OUT_OF_RANGE"},
		{"exchangeRate", func(r models.Record) { r.ExchangeRate.USDPerUnit = money.New(1, 20) }, ""},
		{"exchangeRate", func(r models.Record) { r.ExchangeRate.USDPerUnit = money.New(1, 21) }, "USDPerUnit OUT_OF_RANGE"},
		{"exchangeRate", func(r models.Record) { r.ExchangeRate.Currency, r.ExchangeRate.Month = "???", 0 }, "CurrencyCode INVALID_CURRENCY, Month REQUIRED"},
	} {
		r := good(c.kind)
		c.spoil(r)
		if got := strings.Join(codes(r.Check()), ", "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.kind, got, c.want)
		}
	}
}

func purchase() *models.Purchase {
	return &models.Purchase{Source: "desk", ExternalID: "1", OccurredAt: now, Action: models.ActionNew, SubscriptionID: "s1",
		ResellerTenantID: tenant(1), CustomerTenantID: tenant(2), ProductID: "backup", PlanID: "basic", Term: models.P1M, Billing: models.Monthly, Market: "US"}
}

func TestPurchaseRecords(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*models.Purchase)
		want  string
	}{
		{"new", func(*models.Purchase) {}, ""},
		{"an empty record", func(p *models.Purchase) { *p = models.Purchase{} }, "source REQUIRED, external_id REQUIRED, occurred_at REQUIRED, action REQUIRED, subscription_id REQUIRED"},
		{"new without parties", func(p *models.Purchase) {
			*p = models.Purchase{Source: "desk", ExternalID: "1", OccurredAt: now, Action: models.ActionNew, SubscriptionID: "s1"}
		}, "reseller_tenant_id REQUIRED, customer_tenant_id REQUIRED, product_id REQUIRED, plan_id REQUIRED, market INVALID_COUNTRY"},
		{"renew needs no parties", func(p *models.Purchase) {
			*p = models.Purchase{Source: "desk", ExternalID: "1", OccurredAt: now, Action: models.ActionRenew, SubscriptionID: "s1"}
		}, ""},
		{"an action of later", func(p *models.Purchase) { p.Action = "convert" }, "action ACTION_NOT_SUPPORTED"},
		{"an action of nobody", func(p *models.Purchase) { p.Action = "buy" }, "action INVALID"},
		{"no whole number", func(p *models.Purchase) { p.Quantity = money.MustParse("1.5") }, "quantity QUANTITY_NOT_WHOLE"},
		{"a negative number", func(p *models.Purchase) { p.Quantity = money.New(-1, 0) }, "quantity QUANTITY_NOT_POSITIVE"},
		{"15 digits", func(p *models.Purchase) { p.Quantity = money.New(999_999_999_999_999, 0) }, ""},
		{"16 digits", func(p *models.Purchase) { p.Quantity = money.New(1_000_000_000_000_000, 0) }, "quantity QUANTITY_TOO_LARGE"},
		{"a change without a quantity", func(p *models.Purchase) { p.Action = models.ActionAddQuantity }, "quantity QUANTITY_NOT_POSITIVE"},
		{"a year by the year", func(p *models.Purchase) { p.Term, p.Billing = models.P1Y, models.Annual }, ""},
		{"a month by the year", func(p *models.Purchase) { p.Billing = models.Annual }, "billing TERM_AND_BILLING_MISMATCH"},
		{"a term without billing", func(p *models.Purchase) { p.Billing = "" }, "billing REQUIRED"},
		{"no term: a plan that meters", func(p *models.Purchase) { p.Term, p.Billing = "", "" }, ""},
		{"no currency code", func(p *models.Purchase) { p.Currency = "usd" }, "currency INVALID_CURRENCY"},
		{"an indirect reseller that is no tenant", func(p *models.Purchase) { p.IndirectResellerTenantID = "x" }, "indirect_reseller_tenant_id INVALID_GUID invalidId"},
	} {
		p := purchase()
		c.spoil(p)
		if got := strings.Join(codes(p.Check()), ", "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func usage() *models.UsageRecord {
	return &models.UsageRecord{Source: "meter", ExternalID: "1", OccurredAt: now, SubscriptionID: "s1", MeterID: "calls", Quantity: money.MustParse("0.5")}
}

func TestUsageRecords(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*models.UsageRecord)
		want  string
	}{
		{"usage", func(*models.UsageRecord) {}, ""},
		{"an empty record", func(u *models.UsageRecord) { *u = models.UsageRecord{} }, "source REQUIRED, external_id REQUIRED, occurred_at REQUIRED, subscription_id REQUIRED, meter_id REQUIRED, quantity QUANTITY_NOT_POSITIVE"},
		{"a negative quantity", func(u *models.UsageRecord) { u.Quantity = money.New(-1, 0) }, "quantity QUANTITY_NOT_POSITIVE"},
		{"15 and 15 digits", func(u *models.UsageRecord) { u.Quantity = money.MustParse("999999999999999.999999999999999") }, ""},
		{"16 integer digits", func(u *models.UsageRecord) { u.Quantity = money.MustParse("1000000000000000") }, "quantity QUANTITY_TOO_LARGE"},
		{"16 fraction digits", func(u *models.UsageRecord) { u.Quantity = money.New(1, 16) }, "quantity QUANTITY_TOO_LARGE"},
	} {
		u := usage()
		c.spoil(u)
		if got := strings.Join(codes(u.Check()), ", "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// The same content has the same digest, and every field that the sender says
// changes it; when it was recorded, and by whom it is billed, do not.
func TestFingerprints(t *testing.T) {
	seen := map[models.Digest]string{purchase().Fingerprint(): "the purchase itself", usage().Fingerprint(): "the usage itself"}
	differs := func(name string, d models.Digest) {
		if other, ok := seen[d]; ok {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d] = name
	}
	for name, change := range map[string]func(*models.Purchase){
		"source": func(p *models.Purchase) { p.Source = "x" }, "external id": func(p *models.Purchase) { p.ExternalID = "x" },
		"source and id moved": func(p *models.Purchase) { p.Source, p.ExternalID = "desk1", "" },
		"instant":             func(p *models.Purchase) { p.OccurredAt = now.Add(time.Microsecond) },
		"action":              func(p *models.Purchase) { p.Action = "x" }, "subscription": func(p *models.Purchase) { p.SubscriptionID = "x" },
		"reseller": func(p *models.Purchase) { p.ResellerTenantID = "x" }, "indirect": func(p *models.Purchase) { p.IndirectResellerTenantID = "x" },
		"customer": func(p *models.Purchase) { p.CustomerTenantID = "x" }, "product": func(p *models.Purchase) { p.ProductID = "x" },
		"plan": func(p *models.Purchase) { p.PlanID = "x" }, "term": func(p *models.Purchase) { p.Term = "x" }, "billing": func(p *models.Purchase) { p.Billing = "x" },
		"market": func(p *models.Purchase) { p.Market = "x" }, "currency": func(p *models.Purchase) { p.Currency = "x" }, "quantity": func(p *models.Purchase) { p.Quantity = money.New(2, 0) },
	} {
		p := purchase()
		change(p)
		differs("purchase, other "+name, p.Fingerprint())
	}
	for name, change := range map[string]func(*models.UsageRecord){
		"source": func(u *models.UsageRecord) { u.Source = "x" }, "external id": func(u *models.UsageRecord) { u.ExternalID = "x" },
		"instant":      func(u *models.UsageRecord) { u.OccurredAt = now.Add(time.Microsecond) },
		"subscription": func(u *models.UsageRecord) { u.SubscriptionID = "x" }, "meter": func(u *models.UsageRecord) { u.MeterID = "x" },
		"quantity": func(u *models.UsageRecord) { u.Quantity = money.MustParse("0.51") },
	} {
		u := usage()
		change(u)
		differs("usage, other "+name, u.Fingerprint())
	}
	p, u := purchase(), usage()
	p.RecordedAt, p.OccurredAt = now, now.In(time.FixedZone("JST", 9*3600))
	u.RecordedAt, u.ResellerTenantID, u.Quantity = now, tenant(1), money.MustParse("0.500")
	if p.Fingerprint() != purchase().Fingerprint() || u.Fingerprint() != usage().Fingerprint() {
		t.Error("what the sender did not say changes the digest")
	}
	var back models.Digest
	if v, _ := p.Fingerprint().Value(); back.Scan(v) != nil || back != p.Fingerprint() || back.Scan("text") == nil || back.Scan([]byte{1}) == nil {
		t.Error("a digest is not stored as it is")
	}
}

// A line's id is a hash of its key: every part of the key counts, also where two
// texts meet.
func TestLineIDs(t *testing.T) {
	key := models.LineKey{SubscriptionID: "s1", ChargeType: models.ChargeNew, Source: "desk", ExternalID: "1", Month: models.NewMonth(2021, 10)}
	ids := map[string]bool{}
	for _, change := range []func(*models.LineKey){
		func(*models.LineKey) {}, func(k *models.LineKey) { k.SubscriptionID = "s2" }, func(k *models.LineKey) { k.ChargeType = models.ChargeRenew },
		func(k *models.LineKey) { k.Source = "shop" }, func(k *models.LineKey) { k.ExternalID = "2" }, func(k *models.LineKey) { k.Source, k.ExternalID = "desk1", "" },
		func(k *models.LineKey) { k.PlanID = "basic" }, func(k *models.LineKey) { k.MeterID = "basic" }, func(k *models.LineKey) { k.Month++ },
		func(k *models.LineKey) { k.Cycle = 1 }, func(k *models.LineKey) { k.Part = 1 },
	} {
		k := key
		change(&k)
		if id := k.ID(); ids[id] || len(id) != 32 || id != (&models.BillingLine{Key: k}).ID() {
			t.Errorf("%+v has id %s", k, id)
		}
		ids[k.ID()] = true
	}
}

// D13: the equalities of a line.
func TestD13_LineCheck(t *testing.T) {
	line := models.BillingLine{ListSubtotal: 10000, MarginAmount: 1000, WholesaleSubtotal: 9000, AgencyFee: 270, Payout: 8730}
	if err := line.Check(); err != nil {
		t.Error(err)
	}
	infrastructure := models.BillingLine{Infrastructure: true, ListSubtotal: 14, WholesaleSubtotal: 14, InfrastructureFee: 14}
	if err := infrastructure.Check(); err != nil || infrastructure.OtherFees() != 14 {
		t.Error(err)
	}
	for name, broken := range map[string]models.BillingLine{
		"list is not wholesale + margin":    {ListSubtotal: 1},
		"wholesale is not agency fee":       {ListSubtotal: 1, WholesaleSubtotal: 1},
		"infrastructure carries a margin":   {Infrastructure: true, ListSubtotal: 1, MarginAmount: 1},
		"infrastructure carries a margin, ": {Infrastructure: true, ListSubtotal: 1, WholesaleSubtotal: 1, Payout: 1},
	} {
		if err := broken.Check(); err == nil || !strings.Contains(err.Error(), strings.Fields(name)[0]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPriceAt(t *testing.T) {
	entries := []models.Price{{EffectiveFrom: models.NewMonth(2021, 1), UnitPrice: money.New(1, 0)}, {EffectiveFrom: models.NewMonth(2021, 7), UnitPrice: money.New(2, 0)}}
	for text, want := range map[string]string{"2020-12": "", "2021-01": "1", "2021-06": "1", "2021-07": "2", "2030-01": "2"} {
		got := ""
		if p, ok := models.PriceAt(entries, month(t, text)); ok {
			got = p.UnitPrice.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// One organisation a viewer, and none for those who see everything.
func TestViewers(t *testing.T) {
	for _, c := range []struct {
		viewer        models.Viewer
		valid, everyt bool
	}{
		{models.Viewer{}, false, false},
		{models.Viewer{Role: models.RolePublisher}, false, false},
		{models.Viewer{Role: models.RolePublisher, Organization: "contoso"}, true, false},
		{models.Viewer{Role: models.RoleReseller, Organization: tenant(1)}, true, false},
		{models.Viewer{Role: models.RoleReseller}, false, false},
		{models.Viewer{Role: models.RoleFinance}, true, true},
		{models.Viewer{Role: models.RoleOperator}, true, true},
		{models.Viewer{Role: "ADMIN", Organization: "x"}, false, false},
		{models.System, true, true},
	} {
		if c.viewer.Valid() != c.valid || c.viewer.SeesEverything() != c.everyt {
			t.Errorf("%+v: valid %t, sees everything %t", c.viewer, c.viewer.Valid(), c.viewer.SeesEverything())
		}
	}
}

// Violations travel as one error that names every path, and never echo a whole
// file.
func TestViolations(t *testing.T) {
	var vs models.Violations
	if vs.Err() != nil {
		t.Error("nothing violated is an error")
	}
	vs.Add("pricing.0.percentage", models.CodeOutOfRange, "is too much")
	vs.Add("name", models.CodeRequired, "is missing")
	if got := vs.Err().Error(); got != "pricing.0.percentage: is too much (OUT_OF_RANGE); name: is missing (REQUIRED)" {
		t.Error(got)
	}
	p := purchase()
	p.ResellerTenantID = strings.Repeat("ü", 100_000)
	if message := p.Check()[0].Message; len(message) > 200 || strings.ContainsRune(message, '\uFFFD') {
		t.Errorf("a message of %d bytes", len(message))
	}
}
