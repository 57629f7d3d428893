//go:build ignore

// Make writes the files of the demo market from the FOCUS sample data. Run it
// from the root of the repository:
//
//	go run demo/make.go PATH-TO/focus-1.0-sample-1000.csv
//
// The same sample gives the same bytes. README.md says what is taken from the
// sample as it stands and what is invented here.
package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run demo/make.go PATH-TO/focus-1.0-sample-1000.csv")
	}
	sample, err := readSample(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	customers := assignCustomers(sample)
	save("catalogue.jsonl", catalogue(sample, customers))
	save("price-sheet.csv", priceSheet())
	save("exchange-rates.csv", exchangeRates())
	save("purchases.csv", purchases(sample, customers))
	save("usage.csv", usage(sample))
	save("metering.json", metering())
	save("daily-rated.json", dailyRated())
	for _, day := range slices.Sorted(maps.Keys(offersByDay)) {
		save("offers-"+day+".jsonl", jsonLines(offersByDay[day]))
	}
}

// The figures that turn a sample of a few dollars into a market.
var (
	// usageFactor multiplies every quantity of the sample: as a power of ten it
	// keeps the sample's digits recognisable.
	usageFactor = money.New(10_000, 0)
	// euroPrice and yenPrice make list prices of other markets from those in
	// US dollars: once, exactly, never again.
	euroPrice = money.MustParse("0.92")
	yenPrice  = money.New(150, 0)
	one       = money.New(1, 0)
	// months are those over which the sample's one month is repeated.
	months = []time.Month{time.September, time.October, time.November}
	// loadedAt is when the story loads the usage: what is not over by then
	// cannot be in the file.
	loadedAt = instant("2024-11-20T08:00:00Z")
)

// row is one line of the sample. Its instants are in UTC without saying so.
type row struct {
	id, publisher, service, meter, unit, description, account string
	price                                                     money.Decimal
	priced                                                    bool
	quantity                                                  money.Decimal
	start, end                                                time.Time
}

func readSample(path string) ([]row, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, err
	}
	column := map[string]int{}
	for i, name := range lines[0] {
		column[name] = i
	}
	var rows []row
	for _, line := range lines[1:] {
		get := func(name string) string {
			if text := line[column[name]]; text != "NULL" {
				return text
			}
			return ""
		}
		r := row{
			id: get("Id"), publisher: get("PublisherName"), service: get("ServiceName"), unit: get("PricingUnit"),
			description: get("ChargeDescription"), account: get("SubAccountName"),
			// One provider has no price ids: there the SKU itself is the meter.
			meter:    cmp.Or(get("SkuPriceId"), get("SkuId")),
			quantity: money.MustParse(get("PricingQuantity")),
			start:    instant(get("ChargePeriodStart")), end: instant(get("ChargePeriodEnd")),
		}
		if price := get("ListUnitPrice"); price != "" {
			r.price, r.priced = money.MustParse(price), true
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(a.start.Compare(b.start), strings.Compare(a.id, b.id)) })
	return rows, nil
}

func (r row) product() string { return slug(r.service) + publishers[r.publisher].suffix }

// publishers are the sample's by name, one of the vendor's own samples, and one
// that is invented.
var publishers = map[string]struct{ suffix, country, currency string }{
	"Amazon Web Services, Inc.":        {"", "US", "USD"},
	"Amazon Web Services Canada, Inc.": {"-canada", "CA", "CAD"},
	"Amazon Web Services EMEA SARL":    {"-emea", "LU", "EUR"},
	"Microsoft":                        {"", "US", "USD"},
	"Oracle":                           {"", "US", "USD"},
	"Red Hat Inc.":                     {"", "US", "USD"},
	testAlto:                           {"", "US", "USD"},
	alderPeak:                          {"", "US", "USD"},
}

const (
	testAlto  = "Test Alto Networks, Inc."
	alderPeak = "Alder Peak Software"
)

// The resellers, all invented: two of each type.
var (
	larkspur    = reseller("Larkspur Cloud Services", models.DirectBill, "US", "USD", "North America", "Azure", "Cloud Platform")
	rheintal    = reseller("Rheintal Systemhaus", models.DirectBill, "DE", "EUR", "Western Europe", "Azure", "Application Development")
	brightwater = reseller("Brightwater Distribution", models.IndirectProvider, "US", "USD", "North America", "Modern Work", "Cloud Platform")
	hakone      = reseller("Hakone Distribution", models.IndirectProvider, "JP", "JPY", "Asia", "Azure", "Data Analytics")
	cedarHill   = reseller("Cedar Hill IT", models.IndirectReseller, "US", "USD", "North America", "Modern Work", "")
	minato      = reseller("Minato Techworks", models.IndirectReseller, "JP", "JPY", "Asia", "Business Applications", "")

	resellers = []models.Reseller{larkspur, rheintal, brightwater, hakone, cedarHill, minato}
)

func reseller(name string, kind models.ResellerType, country string, currency money.Currency, region, skill, competency string) models.Reseller {
	r := models.Reseller{
		TenantID: guid("reseller", name), Name: name, Type: kind, Country: country, BillingCurrency: currency,
		Regions: []string{region}, Skills: []string{skill}, InCSPProgram: true,
	}
	if competency != "" {
		r.Competencies = []string{competency}
	}
	return r
}

// desk is where a customer buys: from whom, in which market.
type desk struct {
	reseller, indirect models.Reseller
	market             string
	currency           money.Currency // of billing
}

var (
	viaLarkspur    = desk{larkspur, models.Reseller{}, "US", "USD"}
	viaRheintal    = desk{rheintal, models.Reseller{}, "DE", "EUR"}
	viaPoland      = desk{rheintal, models.Reseller{}, "PL", "EUR"} // listed in USD, billed in EUR
	viaBrightwater = desk{brightwater, cedarHill, "US", "USD"}
	viaHakone      = desk{hakone, minato, "JP", "JPY"}
)

// deskOf places the largest sub accounts by hand; the others take turns.
var deskOf = map[string]desk{
	"Atlas Orion": viaLarkspur, "Orion Odyssey": viaLarkspur, "Nimbus Pioneer": viaLarkspur, "crowddev": viaLarkspur, "cloudnativecoop": viaLarkspur,
	"Orion Zenith": viaRheintal, "Nimbus Orion": viaRheintal, "Atlas Nimbus": viaRheintal,
	"Odyssey Horizon": viaPoland, "Voyager Horizon": viaPoland,
	"Orion Pioneer": viaBrightwater, "Pioneer Voyager": viaBrightwater, "Pioneer Zenith": viaBrightwater,
	"Pioneer Nimbus": viaHakone, "Orion Nimbus": viaHakone,
}

var turns = []desk{viaLarkspur, viaRheintal, viaBrightwater, viaLarkspur, viaHakone, viaBrightwater}

// markets lists prices: the currency, and the factor on the price in dollars.
var markets = []struct {
	market   string
	currency money.Currency
	factor   money.Decimal
}{{"US", "USD", one}, {"DE", "EUR", euroPrice}, {"PL", "USD", one}, {"JP", "JPY", yenPrice}}

// assignCustomers makes every sub account of the sample a customer.
func assignCustomers(rows []row) map[string]desk {
	count := map[string]int{}
	for _, r := range rows {
		count[r.account]++
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), strings.Compare(a, b))
	})
	customers := map[string]desk{}
	turn := 0
	for _, name := range names {
		if d, ok := deskOf[name]; ok {
			customers[name] = d
			continue
		}
		customers[name] = turns[turn%len(turns)]
		turn++
	}
	return customers
}

// productTypes, optIns: what the sample does not say of its services.
var productTypes = map[string]models.ProductType{
	"Amazon Elastic Compute Cloud": models.VirtualMachine, "Virtual Machines": models.VirtualMachine,
	"Virtual Machine Scale Sets": models.VirtualMachine, "COMPUTE": models.VirtualMachine,
	"Red Hat OpenShift Service on AWS": models.VirtualMachine,
}

// optIn leaves most products open to every partner, Oracle's to one, and Red
// Hat's to nobody, so that a private offer has to open it.
func optIn(publisher string) (models.CSPOptIn, []string) {
	switch publisher {
	case "Oracle":
		return models.OptInSelected, []string{larkspur.TenantID}
	case "Red Hat Inc.":
		return models.OptInNone, nil
	}
	return models.OptInAny, nil
}

// infrastructure marks the block storage of the largest compute product as the
// platform's own hardware (rule D5).
func infrastructure(r row) bool {
	return r.publisher == "Amazon Web Services, Inc." && r.service == "Amazon Elastic Compute Cloud" &&
		slices.Contains([]string{"GB-Months", "IOPS-Months", "GiB/Second-Months", "IOs"}, r.unit)
}

var payAsYouGo = "pay-as-you-go"

func catalogue(rows []row, customers map[string]desk) []byte {
	var out lines
	for _, name := range slices.Sorted(maps.Keys(publishers)) {
		p := publishers[name]
		out.add("publisher", models.Publisher{ID: slug(name), Name: name, Country: p.country, PayoutCurrency: money.Currency(p.currency), AccountActive: true, Enrolled: true})
	}
	for _, r := range resellers {
		out.add("reseller", r)
	}
	for _, name := range slices.Sorted(maps.Keys(customers)) {
		d := customers[name]
		out.add("customer", models.Customer{TenantID: guid("customer", name), ResellerTenantID: d.reseller.TenantID, Name: name, Country: d.market})
	}
	sampleProducts(&out, rows, customers)
	vendorProducts(&out)
	alderPeakProducts(&out)
	from := month("2024-01")
	out.add("agencyFee", models.AgencyFeeRate{PublisherID: slug("Red Hat Inc."), EffectiveFrom: from, Rate: money.MustParse("0.02")})
	out.add("agencyFee", models.AgencyFeeRate{PublisherID: slug(alderPeak), ChargeType: models.ChargeRenew, EffectiveFrom: month("2024-10"), Rate: money.MustParse("0.015")})
	return out.Bytes()
}

// sampleProducts writes each service with one plan, its SKUs as meters and
// their list prices in the markets where it is sold.
func sampleProducts(out *lines, rows []row, customers map[string]desk) {
	meters := map[string]map[string]row{}
	sold := map[string]map[string]bool{}
	for _, r := range rows {
		id := r.product()
		if meters[id] == nil {
			meters[id], sold[id] = map[string]row{}, map[string]bool{"US": true}
		}
		sold[id][customers[r.account].market] = true
		if r.priced {
			meters[id][r.meter] = r
		}
	}
	for _, id := range slices.Sorted(maps.Keys(meters)) {
		ids := slices.Sorted(maps.Keys(meters[id]))
		first := meters[id][ids[0]]
		product := models.Product{
			ID: id, PublisherID: slug(first.publisher), Title: first.service, Type: cmp.Or(productTypes[first.service], models.AzureApplication),
			Marketplaces: []models.Marketplace{models.AzureMarketplace}, Published: true, Public: true, Transactable: true,
		}
		product.CSPOptIn, product.AuthorizedResellers = optIn(first.publisher)
		out.add("product", product)
		out.add("plan", models.Plan{ProductID: id, ID: payAsYouGo, Title: "Pay as you go", PricingModel: models.Usage})
		for _, meter := range ids {
			r := meters[id][meter]
			out.add("meter", models.Meter{ProductID: id, ID: meter, Title: title(r.description), Unit: r.unit, Infrastructure: infrastructure(r)})
			for _, m := range markets {
				if sold[id][m.market] {
					out.add("price", models.Price{ProductID: id, MeterID: meter, Market: m.market, Currency: m.currency, EffectiveFrom: month("2024-01"), UnitPrice: times(r.price, m.factor)})
				}
			}
		}
	}
}

// The two products of the marketplace's own documentation samples.
const (
	communications = "CFQ7TTC0HDK0"
	firewall       = "vm-series-next-generation-firewall"
	firewallPlan   = "bundle-2-payg"
)

// vendorProducts writes the product of the price sheet, whose prices are in
// priceSheet, and a virtual machine with its licence, at the price with 13
// decimals of the daily-rated sample, and its hardware, at the 0.14 of the
// documentation's example.
func vendorProducts(out *lines) {
	listed := models.Product{Marketplaces: []models.Marketplace{models.AzureMarketplace}, Published: true, Public: true, Transactable: true, CSPOptIn: models.OptInAny}
	seats, vm := listed, listed
	seats.ID, seats.PublisherID, seats.Title, seats.Type = communications, slug("Microsoft"), "Advanced Communications", models.SaaS
	seats.Marketplaces = []models.Marketplace{models.AppSource}
	out.add("product", seats)
	out.add("plan", models.Plan{ProductID: communications, ID: "0001", Title: "Advanced Communications", PricingModel: models.PerUser})
	vm.ID, vm.PublisherID, vm.Title, vm.Type = firewall, slug(testAlto), "VM-Series Next Generation Firewall", models.VirtualMachine
	out.add("product", vm)
	out.add("plan", models.Plan{ProductID: firewall, ID: firewallPlan, Title: "VM-Series Next-Generation Firewall (Bundle 2 PAYG)", PricingModel: models.Usage})
	out.add("meter", models.Meter{ProductID: firewall, ID: "4core", Title: "1 Compute Hour - 4core", Unit: "1 Hour"})
	out.add("meter", models.Meter{ProductID: firewall, ID: "4core-hardware", Title: "Azure compute of the machine", Unit: "1 Hour", Infrastructure: true})
	for _, meter := range []struct{ id, price string }{{"4core", "1.2799888920023"}, {"4core-hardware", "0.14"}} {
		out.add("price", models.Price{ProductID: firewall, MeterID: meter.id, Market: "US", Currency: "USD", EffectiveFrom: month("2024-01"), UnitPrice: money.MustParse(meter.price)})
	}
}

// priceSheet has the vendor's columns and the figures of its sample: the list
// price is the ERP Price.
func priceSheet() []byte {
	table := [][]string{{"ProductTitle", "ProductId", "SkuId", "SkuTitle", "Publisher", "SkuDescription", "UnitOfMeasure", "TermDuration", "BillingPlan",
		"Market", "Currency", "UnitPrice", "PricingTierRangeMin", "PricingTierRangeMax", "EffectiveStartDate", "EffectiveEndDate", "Tags", "ERP Price"}}
	for _, m := range markets {
		unit, list := times(money.MustParse("115.2"), m.factor).String(), times(money.New(144, 0), m.factor).String()
		table = append(table, []string{"Advanced Communications", communications, "0001", "Advanced Communications", "Microsoft", "Meetings and calls, by the seat.", "",
			"P1Y", "Annual", m.market, string(m.currency), unit, "", "", "2/1/2019 12:00:00 AM", "12/31/2025 11:59:59 PM", "License", list})
	}
	return table2csv(table)
}

// alderPeakProducts writes the invented vendor: seats, a flat rate with meters,
// and a product that is not published yet.
func alderPeakProducts(out *lines) {
	for _, p := range []struct {
		id, title string
		published bool
		plans     []models.Plan
	}{
		{"alder-desk", "Alder Desk", true, []models.Plan{
			{ID: "starter", Title: "Starter, 30 days free", PricingModel: models.PerUser, TrialDays: 30},
			{ID: "standard", Title: "Standard", PricingModel: models.PerUser},
			{ID: "premium", Title: "Premium", PricingModel: models.PerUser},
		}},
		{"alder-metrics", "Alder Metrics", true, []models.Plan{
			{ID: "basic", Title: "Basic", PricingModel: models.FlatRate},
			{ID: "enterprise", Title: "Enterprise", PricingModel: models.FlatRate},
		}},
		{"alder-beacon", "Alder Beacon (preview)", false, []models.Plan{
			{ID: "preview", Title: "Preview", PricingModel: models.PerUser},
		}},
	} {
		product := models.Product{
			ID: p.id, PublisherID: slug(alderPeak), Title: p.title, Type: models.SaaS,
			Marketplaces: []models.Marketplace{models.AzureMarketplace, models.AppSource},
			Published:    p.published, Public: true, Transactable: true, CSPOptIn: models.OptInAny,
		}
		if p.id == "alder-metrics" {
			product.CSPOptIn, product.AuthorizedResellers = models.OptInSelected, []string{larkspur.TenantID, brightwater.TenantID}
		}
		out.add("product", product)
		for _, plan := range p.plans {
			plan.ProductID = p.id
			out.add("plan", plan)
		}
	}
	out.add("meter", models.Meter{ProductID: "alder-metrics", ID: "events", Title: "Events above the plan's own", Unit: "1,000 events"})
	out.add("meter", models.Meter{ProductID: "alder-metrics", ID: "retention", Title: "Data kept longer than 30 days", Unit: "GB-month"})
	for _, p := range []struct {
		product, plan, meter string
		term                 models.Term
		billing              models.Billing
		from                 string
		usd, eur, jpy        string // PL lists in USD; "" where not sold
	}{
		{"alder-desk", "starter", "", models.P1M, models.Monthly, "2024-01", "6.50", "6.10", "980"},
		{"alder-desk", "standard", "", models.P1M, models.Monthly, "2024-01", "10.08", "9.49", "1480"},
		{"alder-desk", "standard", "", models.P1M, models.Monthly, "2024-11", "11.20", "10.49", "1640"},
		{"alder-desk", "standard", "", models.P1Y, models.Monthly, "2024-01", "8.40", "7.90", "1240"},
		{"alder-desk", "premium", "", models.P1M, models.Monthly, "2024-01", "24.00", "22.50", "3600"},
		{"alder-desk", "premium", "", models.P1Y, models.Upfront, "2024-01", "249.00", "229.00", "36000"},
		{"alder-desk", "premium", "", models.P3Y, models.Annual, "2024-01", "219.00", "199.00", "32000"},
		{"alder-metrics", "basic", "", models.P1M, models.Monthly, "2024-01", "250.00", "235.00", "37000"},
		{"alder-metrics", "enterprise", "", models.P1Y, models.Upfront, "2024-01", "9600.00", "8990.00", "1400000"},
		{"alder-metrics", "", "events", "", "", "2024-01", "0.04", "0.037", "6"},
		{"alder-metrics", "", "events", "", "", "2024-10", "0.035", "0.0325", "5.25"},
		{"alder-metrics", "", "retention", "", "", "2024-01", "0.299", "0.276", "44.5"},
		{"alder-beacon", "preview", "", models.P1M, models.Monthly, "2024-11", "5.00", "", ""},
	} {
		for _, in := range []struct {
			market   string
			currency money.Currency
			price    string
		}{{"US", "USD", p.usd}, {"DE", "EUR", p.eur}, {"PL", "USD", p.usd}, {"JP", "JPY", p.jpy}} {
			if in.price != "" {
				out.add("price", models.Price{
					ProductID: p.product, PlanID: p.plan, MeterID: p.meter, Term: p.term, Billing: p.billing,
					Market: in.market, Currency: in.currency, EffectiveFrom: month(p.from), UnitPrice: money.MustParse(in.price),
				})
			}
		}
	}
}

// exchangeRates are invented, near those of the time.
func exchangeRates() []byte {
	table := [][]string{{"CurrencyCode", "USDPerUnit", "Month"}}
	for i, month := range []string{"2024-08", "2024-09", "2024-10", "2024-11"} {
		table = append(table,
			[]string{"CAD", []string{"0.7324", "0.7382", "0.7270", "0.7160"}[i], month},
			[]string{"EUR", []string{"1.1012", "1.1106", "1.0904", "1.0632"}[i], month},
			[]string{"JPY", []string{"0.006836", "0.006989", "0.006683", "0.006510"}[i], month},
			[]string{"USD", "1", month})
	}
	return table2csv(table)
}

// subscriptionID names a pay-as-you-go subscription readably. Those of SaaS
// plans are GUIDs, as the metering API and daily-rated usage have them.
func (r row) subscriptionID() string { return slug(r.account) + "." + r.product() }

func subscriptionGUID(customer, product, plan string) string {
	return guid("subscription", customer, product, plan)
}

// seats are the subscriptions of other plans, all invented: every action and every kind
// of charge occurs.
var seats = []struct {
	customer, product, plan string
	term                    models.Term
	billing                 models.Billing
	events                  []event
}{
	// Seats prorated within a cycle of 30 days, then two renewals, the last at
	// the new price of November.
	{"Atlas Orion", "alder-desk", "standard", models.P1M, models.Monthly, []event{
		{"2024-09-03T09:15:00Z", "new", 10}, {"2024-09-05T13:40:00Z", "addQuantity", 2}, {"2024-09-09T08:05:00Z", "removeQuantity", 4},
		{"2024-10-03T00:00:00Z", "renew", 0}, {"2024-11-03T00:00:00Z", "renew", 0}}},
	// A trial that becomes paid, with more seats.
	{"Orion Zenith", "alder-desk", "starter", models.P1M, models.Monthly, []event{
		{"2024-09-10T10:00:00Z", "new", 25}, {"2024-10-10T00:00:00Z", "renew", 40}, {"2024-11-10T00:00:00Z", "renew", 0}}},
	// A trial that nobody renews.
	{"Atlas Nimbus", "alder-desk", "starter", models.P1M, models.Monthly, []event{{"2024-10-21T15:20:00Z", "new", 8}}},
	// A year billed by the month, anchored on the 31st; seats added later keep
	// price and margin of the purchase.
	{"Orion Pioneer", "alder-desk", "standard", models.P1Y, models.Monthly, []event{
		{"2024-08-31T16:30:00Z", "new", 40}, {"2024-10-15T11:00:00Z", "addQuantity", 5}}},
	// The same in a market listed in dollars and billed in euros.
	{"Odyssey Horizon", "alder-desk", "standard", models.P1Y, models.Monthly, []event{{"2024-09-18T07:45:00Z", "new", 15}}},
	// A year paid at once, seats added and partly given back in their window.
	{"Orion Odyssey", "alder-desk", "premium", models.P1Y, models.Upfront, []event{
		{"2024-09-16T12:00:00Z", "new", 100}, {"2024-11-04T09:30:00Z", "addQuantity", 20}, {"2024-11-08T17:10:00Z", "removeQuantity", 5}}},
	// Three years paid by the year.
	{"Nimbus Orion", "alder-desk", "premium", models.P3Y, models.Annual, []event{{"2024-10-01T08:00:00Z", "new", 60}}},
	// Cancelled within 14 days: all of it comes back.
	{"Nimbus Pioneer", "alder-desk", "premium", models.P1Y, models.Upfront, []event{
		{"2024-10-07T14:00:00Z", "new", 12}, {"2024-10-15T09:00:00Z", "cancelImmediate", 0}}},
	// Cancelled ten days into a month: nothing comes back.
	{"Pioneer Voyager", "alder-desk", "standard", models.P1M, models.Monthly, []event{
		{"2024-10-02T10:10:00Z", "new", 6}, {"2024-10-12T18:00:00Z", "cancelImmediate", 0}}},
	// Whole yen.
	{"Pioneer Nimbus", "alder-desk", "standard", models.P1M, models.Monthly, []event{
		{"2024-09-20T02:00:00Z", "new", 30}, {"2024-10-01T03:30:00Z", "addQuantity", 7}, {"2024-10-20T00:00:00Z", "renew", 0}}},
	// Flat rates with meters; the October renewal is recorded before its term.
	{"Atlas Orion", "alder-metrics", "enterprise", models.P1Y, models.Upfront, []event{{"2024-09-02T09:00:00Z", "new", 0}}},
	{"Pioneer Zenith", "alder-metrics", "basic", models.P1M, models.Monthly, []event{
		{"2024-09-12T08:00:00Z", "new", 0}, {"2024-10-09T08:00:00Z", "renew", 0}, {"2024-11-12T00:00:00Z", "renew", 0}}},
	{"Orion Zenith", "alder-metrics", "basic", models.P1M, models.Monthly, []event{
		{"2024-09-05T08:00:00Z", "new", 0}, {"2024-10-05T00:00:00Z", "renew", 0}, {"2024-11-05T00:00:00Z", "renew", 0}}},
	{"Orion Nimbus", "alder-metrics", "basic", models.P1M, models.Monthly, []event{
		{"2024-10-08T01:00:00Z", "new", 0}, {"2024-11-08T00:00:00Z", "renew", 0}}},
	// The products of the vendor's samples: seats by the year, and a virtual
	// machine that only meters.
	{"Orion Pioneer", communications, "0001", models.P1Y, models.Annual, []event{{"2024-09-23T09:00:00Z", "new", 18}}},
	{"Pioneer Zenith", firewall, firewallPlan, "", "", []event{{"2024-09-30T16:00:00Z", "new", 0}}},
}

type event struct {
	at       string
	action   models.Action
	quantity int64 // 0 leaves it out
}

var purchaseColumns = []string{"source", "external_id", "occurred_at", "action", "subscription_id", "reseller_tenant_id", "indirect_reseller_tenant_id",
	"customer_tenant_id", "product_id", "plan_id", "term", "billing", "market", "currency", "quantity"}

// purchases opens one pay-as-you-go subscription for each customer and service
// of the sample, some days before the sample begins, and adds the seats.
func purchases(rows []row, customers map[string]desk) []byte {
	var facts [][]string
	add := func(externalID, at string, action models.Action, subscription, customer, product, plan string, term models.Term, billing models.Billing, quantity int64) {
		fact := []string{"demo", externalID, at, string(action), subscription}
		if d := customers[customer]; action == models.ActionNew {
			fact = append(fact, d.reseller.TenantID, d.indirect.TenantID, guid("customer", customer), product, plan, string(term), string(billing), d.market, string(d.currency))
		} else {
			fact = append(fact, "", "", "", "", "", "", "", "", "")
		}
		amount := ""
		if quantity != 0 {
			amount = fmt.Sprint(quantity)
		}
		facts = append(facts, append(fact, amount))
	}
	opened := map[string]row{}
	for _, r := range rows {
		opened[r.subscriptionID()] = r
	}
	for i, id := range slices.Sorted(maps.Keys(opened)) {
		at := instant("2024-08-26T08:00:00Z").Add(time.Duration(i) * 17 * time.Minute)
		r := opened[id]
		add(id, at.Format(time.RFC3339), models.ActionNew, id, r.account, r.product(), payAsYouGo, "", "", 0)
	}
	for _, s := range seats {
		for i, e := range s.events {
			name := fmt.Sprintf("%s.%s-%s.%d", slug(s.customer), slug(s.product), s.plan, i+1)
			add(name, e.at, e.action, subscriptionGUID(s.customer, s.product, s.plan), s.customer, s.product, s.plan, s.term, s.billing, e.quantity)
		}
	}
	slices.SortStableFunc(facts, func(a, b []string) int { return strings.Compare(a[2], b[2]) })
	return table2csv(append([][]string{purchaseColumns}, facts...))
}

// usage repeats the sample's month in each of the months, as far as it is over.
// Lines without a positive quantity or a price stay: import must reject them.
func usage(rows []row) []byte {
	table := [][]string{{"source", "external_id", "occurred_at", "subscription_id", "meter_id", "quantity"}}
	for _, month := range months {
		for _, r := range rows {
			at := time.Date(2024, month, r.start.Day(), r.start.Hour(), r.start.Minute(), r.start.Second(), 0, time.UTC)
			if over := at.Add(r.end.Sub(r.start)); over.After(loadedAt) {
				continue
			}
			table = append(table, []string{"focus-sample", at.Format("2006-01/") + r.id, at.Format(time.RFC3339), r.subscriptionID(), r.meter, times(r.quantity, usageFactor).String()})
		}
	}
	return table2csv(table)
}

// metering is a batch in the shape of the marketplace metering API: usage of
// Alder Metrics. Its times have no zone and mean UTC.
func metering() []byte {
	type event struct {
		ResourceID         string      `json:"resourceId"`
		Quantity           json.Number `json:"quantity"`
		Dimension          string      `json:"dimension"`
		EffectiveStartTime string      `json:"effectiveStartTime"`
		PlanID             string      `json:"planId"`
	}
	var batch struct {
		Request []event `json:"request"`
	}
	for _, e := range []struct{ customer, plan, day, events, retention string }{
		{"Atlas Orion", "enterprise", "2024-09-14T06:00:00", "18240.5", "812.25"},
		{"Atlas Orion", "enterprise", "2024-10-14T06:00:00", "21377.0", "1204.0"},
		{"Atlas Orion", "enterprise", "2024-11-14T06:00:00", "19903.75", "1530.125"},
		{"Pioneer Zenith", "basic", "2024-09-20T08:30:14", "410.0", "36.5"},
		{"Pioneer Zenith", "basic", "2024-10-20T08:30:14", "385.333", "41.0"},
		{"Pioneer Zenith", "basic", "2024-11-15T08:30:14", "402.0", "44.0"},
		{"Orion Zenith", "basic", "2024-09-25T23:33:10", "1250.0", "120.0"},
		{"Orion Zenith", "basic", "2024-10-25T23:33:10", "1311.0", "133.7"},
		{"Orion Zenith", "basic", "2024-11-16T23:33:10", "1298.0", "140.2"},
		{"Orion Nimbus", "basic", "2024-10-22T03:00:00", "777.0", "58.9"},
		{"Orion Nimbus", "basic", "2024-11-18T03:00:00", "640.0", "61.4"},
	} {
		id := subscriptionGUID(e.customer, "alder-metrics", e.plan)
		batch.Request = append(batch.Request,
			event{id, json.Number(e.events), "events", e.day, e.plan},
			event{id, json.Number(e.retention), "retention", e.day, e.plan})
	}
	text, err := json.MarshalIndent(batch, "", "  ")
	if err != nil {
		log.Fatal(err)
	}
	return append(text, '\n')
}

// dailyRated is usage in the shape of the vendor's daily-rated line items: the
// virtual machine runs day and night.
func dailyRated() []byte {
	type item struct {
		PublisherName   string      `json:"publisherName"`
		ProductName     string      `json:"productName"`
		SubscriptionID  string      `json:"subscriptionId"`
		ResourceURI     string      `json:"resourceUri"`
		ChargeStartDate string      `json:"chargeStartDate"`
		ChargeEndDate   string      `json:"chargeEndDate"`
		UsageDate       string      `json:"usageDate"`
		MeterID         string      `json:"meterId"`
		UnitOfMeasure   string      `json:"unitOfMeasure"`
		Quantity        json.Number `json:"quantity"`
	}
	subscription := subscriptionGUID("Pioneer Zenith", firewall, firewallPlan)
	var items []string
	for day := instant("2024-10-01"); day.AddDate(0, 0, 1).Before(loadedAt); day = day.AddDate(0, 0, 1) {
		month := models.MonthOf(day)
		for _, meter := range []string{"4core", "4core-hardware"} {
			items = append(items, string(marshal(item{
				testAlto, "VM-Series Next Generation Firewall", subscription,
				"/subscriptions/" + subscription + "/resourceGroups/edge/providers/Microsoft.Compute/virtualMachines/firewall-1",
				month.Start().Format(time.RFC3339), month.End().Format(time.RFC3339), day.Format(time.RFC3339), meter, "1 Hour", "24.0",
			})))
		}
	}
	return fmt.Appendf(nil, "{\"totalCount\": %d, \"items\": [\n%s\n]}\n", len(items), strings.Join(items, ",\n"))
}

// offer is a product-ingestion document of a private offer.
type offer struct {
	Schema               string        `json:"$schema"`
	ID                   string        `json:"id"`
	PrivateOfferType     string        `json:"privateOfferType"`
	Name                 string        `json:"name"`
	State                string        `json:"state"`
	VariableStartDate    bool          `json:"variableStartDate"`
	Start                string        `json:"start,omitempty"`
	End                  string        `json:"end,omitempty"`
	PreparedBy           string        `json:"preparedBy"`
	NotificationContacts []string      `json:"notificationContacts"`
	Beneficiaries        []beneficiary `json:"beneficiaries,omitempty"`
	Pricing              []pricing     `json:"pricing"`
}

type beneficiary struct {
	ID          string      `json:"id"`
	Description string      `json:"description"`
	Recipients  []recipient `json:"beneficiaryRecipients,omitempty"`
}

type recipient struct {
	ID   string `json:"id"`
	Type string `json:"recipientType"`
}

type pricing struct {
	Product    string          `json:"product"`
	Plan       string          `json:"plan,omitempty"`
	Type       string          `json:"discountType"`
	Percentage json.Number     `json:"discountPercentage,omitempty"`
	Prices     []absolutePrice `json:"prices,omitempty"`
}

type absolutePrice struct {
	Market   string         `json:"market"`
	Currency money.Currency `json:"currency"`
	Term     models.Term    `json:"term,omitempty"`
	Billing  models.Billing `json:"billing,omitempty"`
	Meter    string         `json:"meter,omitempty"`
	Price    string         `json:"price"`
	Included string         `json:"includedQuantity,omitempty"`
}

// offersByDay are the private offers by the day on which they are submitted,
// all invented.
var offersByDay = map[string][]offer{
	"2024-08-21": {
		promote("amazon-web-services-inc", "EC2 launch month: 8 % in September (ended)", "2024-09-01", "2024-09-30",
			to(larkspur, rheintal), percent("amazon-elastic-compute-cloud", "", "8")),
		promote("amazon-web-services-inc", "EC2 all partners: 5 % until the end of the year", "2024-09-01", "2024-12-31",
			to(larkspur, rheintal, brightwater, hakone), percent("amazon-elastic-compute-cloud", "", "5"), percent("amazon-relational-database-service", "", "7.5")),
		promote("microsoft", "Azure storage: 6.25 %, tables at a price of their own", "2024-09-01", "2025-02-28",
			to(brightwater), percent("virtual-machines", "", "6.25"),
			absolute("storage-accounts", payAsYouGo,
				absolutePrice{Market: "US", Currency: "USD", Meter: "1017069", Price: "0.038"},
				absolutePrice{Market: "US", Currency: "USD", Meter: "611182811", Price: "0.0175"})),
		promote("microsoft", "Advanced Communications: 5 %", asSoonAsPossible, "2025-08-31",
			to(brightwater, larkspur), percent(communications, "0001", "5")),
		promote("red-hat-inc", "OpenShift for Brightwater: opens the product to one partner", asSoonAsPossible, "2025-08-31",
			to(brightwater), percent("red-hat-openshift-service-on-aws", "", "12")),
		promote("alder-peak-software", "Desk, every plan: 15 %", asSoonAsPossible, "2025-06-30",
			to(larkspur, rheintal, brightwater, hakone), percent("alder-desk", "", "15")),
		promote("alder-peak-software", "Desk Premium, strategic partners: 20 %", "2024-09-01", "2024-10-31",
			to(larkspur), percent("alder-desk", "premium", "20")),
		promote("alder-peak-software", "Metrics everywhere: 10 %", asSoonAsPossible, "2025-06-30",
			to(larkspur, rheintal, brightwater, hakone), percent("alder-metrics", "", "10")),
		promote("alder-peak-software", "Metrics Basic in Germany: a price of its own", "2024-09-01", "2025-06-30",
			to(rheintal), absolute("alder-metrics", "basic",
				absolutePrice{Market: "DE", Currency: "EUR", Term: models.P1M, Billing: models.Monthly, Price: "199.00"},
				absolutePrice{Market: "DE", Currency: "EUR", Meter: "events", Price: "0.03", Included: "1000"},
				// Dearer than the list, and it still wins (rule D1).
				absolutePrice{Market: "DE", Currency: "EUR", Meter: "retention", Price: "0.29"})),
	},
	"2024-09-12": {
		promote("amazon-web-services-inc", "Load balancing for two customers: 25 %, as soon as possible", asSoonAsPossible, "2025-03-31",
			to(larkspur).only("Atlas Orion", "Orion Odyssey"), percent("elastic-load-balancing", "", "25")),
	},
	"2024-10-14": {
		promote("amazon-web-services-inc", "EC2 pay as you go: 12.75 % for Larkspur (overlaps two offers)", "2024-11-01", "2025-01-31",
			to(larkspur), percent("amazon-elastic-compute-cloud", payAsYouGo, "12.75"), percent("amazoncloudwatch", "", "9.99")),
		promote("amazon-web-services-inc", "EC2 product: 10 % for Larkspur (loses to the plan's 12.75 %)", "2024-11-01", "2024-11-30",
			to(larkspur), percent("amazon-elastic-compute-cloud", "", "10")),
		promote("test-alto-networks-inc", "Firewall licence: 10 % from November", "2024-11-01", "2025-10-31",
			to(brightwater, hakone), percent(firewall, firewallPlan, "10")),
	},
	"2024-11-18": {
		promote("amazon-web-services-inc", "EC2 winter: 18 % from December (scheduled)", "2024-12-01", "2025-05-31",
			to(larkspur, rheintal), percent("amazon-elastic-compute-cloud", "", "18"), percent("amazon-virtual-private-cloud", payAsYouGo, "4")),
		draft(promote("alder-peak-software", "Desk spring campaign (draft)", "2025-03-01", "2025-05-31",
			nil, percent("alder-desk", "starter", "50"))),
	},
}

const asSoonAsPossible = ""

func promote(publisher, name, start, end string, to beneficiaries, lines ...pricing) offer {
	return offer{
		Schema: "https://schema.mp.microsoft.com/schema/private-offer/2023-07-15",
		ID:     "private-offer/" + guid("private-offer", name), PrivateOfferType: "cspPromotion", Name: name, State: "live",
		VariableStartDate: start == asSoonAsPossible, Start: start, End: end,
		PreparedBy: "desk@" + publisher + ".example", NotificationContacts: []string{"desk@" + publisher + ".example"},
		Beneficiaries: to, Pricing: lines,
	}
}

func draft(o offer) offer { o.State = "draft"; return o }

type beneficiaries []beneficiary

func to(resellers ...models.Reseller) (all beneficiaries) {
	for _, r := range resellers {
		all = append(all, beneficiary{ID: r.TenantID, Description: r.Name})
	}
	return all
}

// only restricts the margin to named customers of the resellers.
func (all beneficiaries) only(customers ...string) beneficiaries {
	for i := range all {
		for _, name := range customers {
			all[i].Recipients = append(all[i].Recipients, recipient{guid("customer", name), "cspCustomer"})
		}
	}
	return all
}

func percent(product, plan, percentage string) pricing {
	return pricing{Product: "product/" + product, Plan: planRef(product, plan), Type: "percentage", Percentage: json.Number(percentage)}
}

func absolute(product, plan string, prices ...absolutePrice) pricing {
	return pricing{Product: "product/" + product, Plan: planRef(product, plan), Type: "absolute", Prices: prices}
}

func planRef(product, plan string) string {
	if plan == "" {
		return ""
	}
	return "plan/" + product + "/" + plan
}

// lines collects JSON Lines.
type lines struct{ bytes.Buffer }

// add writes one catalogue record: its kind, then its fields.
func (l *lines) add(kind string, record any) {
	text := marshal(record)
	fmt.Fprintf(l, "{\"kind\":%q,%s\n", kind, text[1:])
}

func jsonLines(offers []offer) []byte {
	var out bytes.Buffer
	for _, o := range offers {
		out.Write(append(marshal(o), '\n'))
	}
	return out.Bytes()
}

func marshal(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		log.Fatal(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

func table2csv(table [][]string) []byte {
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(table); err != nil {
		log.Fatal(err)
	}
	return out.Bytes()
}

func save(name string, content []byte) {
	if err := os.WriteFile(filepath.Join("demo", name), content, 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%8d  demo/%s\n", len(content), name)
}

// guid derives a GUID from words: version 8, the one for own schemes.
func guid(words ...string) string {
	sum := sha256.Sum256([]byte("sellthrough demo/" + strings.Join(words, "/")))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

func slug(name string) string {
	return strings.Trim(notSlug.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// title is a charge description as it stands, cut to a length that fits a table.
func title(description string) string {
	const most = 80
	if len(description) <= most {
		return description
	}
	return description[:strings.LastIndexByte(description[:most], ' ')] + " …"
}

func times(a, b money.Decimal) money.Decimal {
	product, err := a.Mul(b)
	if err != nil {
		log.Fatal(err)
	}
	return product
}

func month(text string) models.Month {
	m, err := models.ParseMonth(text)
	if err != nil {
		log.Fatal(err)
	}
	return m
}

func instant(text string) time.Time {
	at, err := models.ParseInstant(text)
	if err != nil {
		log.Fatal(err)
	}
	return at
}
