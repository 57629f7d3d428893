package formats

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"sellthrough/models"
)

// MarginDownloadColumns are the columns of the vendor's download of margins (rules
// 4.2). The vendor's file has no header, so the names are ours.
var MarginDownloadColumns = []string{
	"Id", "Country", "Type", "PublisherName", "ProductId", "ProductTitle", "SkuId", "SkuTitle", "ProductType", "CustomerId", "CustomerName",
	"MarginPercentage", "PricingModel", "TermDuration", "BillingPlan", "IncludedMeterQuantities", "MeterType", "UnitOfMeasure", "Currency", "CustomPrice",
	"StartDate", "EndDate", "Status", "StatusDate"}

// NewMarginDownload begins a download of margins on w. CSV is written as the vendor
// writes it: every cell quoted, lines that end in a line feed, a header only where
// one is asked for. Other formats are those of NewTable, and always name their
// columns.
func NewMarginDownload(w io.Writer, format Format, header bool) (Table, error) {
	switch format {
	case FormatXLSX:
		return newWorkbook(w, MarginDownloadColumns)
	case FormatJSONLines:
		return NewTable(w, format, MarginDownloadColumns)
	case FormatCSV:
	default:
		return nil, fmt.Errorf("%s is not a format of downloads: choose csv, jsonl or xlsx", quote(string(format)))
	}
	t := &quotedTable{bufio.NewWriterSize(w, 1<<15), len(MarginDownloadColumns)}
	if header {
		return t, t.Write(MarginDownloadColumns...)
	}
	return t, nil
}

// quotedTable is CSV with quotes around every cell.
type quotedTable struct {
	out     *bufio.Writer
	columns int
}

func (t *quotedTable) Write(cells ...string) error {
	if len(cells) != t.columns {
		return wrongCells(len(cells), t.columns)
	}
	for i, cell := range cells {
		if i > 0 {
			t.out.WriteByte(',')
		}
		t.out.WriteByte('"')
		t.out.WriteString(strings.ReplaceAll(cell, `"`, `""`))
		t.out.WriteByte('"')
	}
	return t.out.WriteByte('\n') // a writer that failed fails for good
}

func (t *quotedTable) Close() error { return t.out.Flush() }

// WriteMarginDownload writes the rows of one margin in a country: one for each
// customer that it is restricted to, or one for all; of custom prices one for each
// price there. A percentage counts in every country.
func WriteMarginDownload(t Table, m *models.Margin, names models.MarginNames, country string) error {
	customers := m.CustomerTenantIDs
	if len(customers) == 0 {
		customers = []string{""}
	}
	for _, customer := range customers {
		row := func(percentage string, start time.Time, price ...string) error {
			cells := []string{m.ID(), country, vendorMarginTypes[m.Type], m.PublisherName, m.ProductID, m.ProductTitle, m.PlanID, m.PlanTitle,
				vendorProductTypes[m.ProductType], customer, names.Customers[customer], percentage}
			cells = append(append(cells, price...), vendorTime(start), vendorTime(m.End), strings.ToLower(string(m.Status)), vendorTime(m.StatusSince))
			return t.Write(cells...)
		}
		if m.Type == models.MarginPercentage {
			if err := row(withFraction(m.Percentage.String()), m.Start, make([]string, 8)...); err != nil {
				return err
			}
			continue
		}
		for i := range m.Prices {
			p := &m.Prices[i]
			if p.Market != country {
				continue
			}
			start, included, unit := m.Start, strings.Join(includedIn(m, country), "; "), ""
			if p.MeterID != "" {
				start, included, unit = m.ConsumptionStart, "", perUnit(names.Units[models.MeterKey{ProductID: m.ProductID, MeterID: p.MeterID}])
			}
			err := row("", start, vendorPricingModels[names.PricingModels[models.PlanKey{ProductID: m.ProductID, PlanID: p.PlanID}]], vendorTerms[p.Term], billingPlan(p),
				included, p.MeterID, unit, string(p.Currency), p.WholesalePrice.String())
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// MarginSearch is the answer of the vendor's list of margins.
type MarginSearch struct {
	Margins []models.Margin
	Names   models.MarginNames
	// Total counts all that match, on whatever page.
	Total int
	// NextLink is where the next page is, empty for none. The vendor has none.
	NextLink string
}

// WriteMarginSearch writes the body of the vendor's GET /v1/margins, field for
// field, as it goes (rules 4.2). The vendor's pages call one field by two names, so
// it is there by both: marginPercentage and percentageMargin.
func WriteMarginSearch(w io.Writer, s MarginSearch) error {
	out := bufio.NewWriterSize(w, 1<<15)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	out.WriteString(`{"pageSize":` + strconv.Itoa(len(s.Margins)) + `,"totalSize":` + strconv.Itoa(s.Total))
	if s.NextLink != "" {
		out.WriteString(`,"nextLink":`)
		if err := encoder.Encode(s.NextLink); err != nil {
			return err
		}
	}
	out.WriteString(`,"results":[`)
	for i := range s.Margins {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(searched(&s.Margins[i], s.Names)); err != nil {
			return err
		}
	}
	out.WriteString("]}\n")
	return out.Flush()
}

type vendorMargin struct {
	ID            string      `json:"id"`
	Type          string      `json:"type"`
	ProductID     string      `json:"productId"`
	PublisherName string      `json:"publisherName"`
	ProductTitle  string      `json:"productTitle"`
	SKUTitle      string      `json:"skuTitle,omitempty"`
	SKUID         string      `json:"skuId,omitempty"`
	ProductType   string      `json:"productType"`
	Percentage    json.Number `json:"marginPercentage,omitempty"`
	AlsoCalled    json.Number `json:"percentageMargin,omitempty"`

	Prices *vendorPrices `json:"priceConfiguration,omitempty"`
	// Customers are ours: the vendor's answer does not say for whom a margin is.
	Customers  []vendorCustomer `json:"customers,omitempty"`
	Start      string           `json:"startDate"`
	End        string           `json:"endDate"`
	Status     string           `json:"status"`
	StatusDate string           `json:"statusDate"`
}

type vendorCustomer struct {
	ID   string `json:"customerId"`
	Name string `json:"customerName,omitempty"`
}

type vendorPrices struct {
	PricingModel string           `json:"pricingModel"`
	Purchase     []vendorPurchase `json:"purchase"`
	Consumption  []vendorUse      `json:"consumption"`
}

type vendorPurchase struct {
	Term string `json:"termDuration"`
	// BillingPlan is ours, where a term is charged in parts: the vendor's has none.
	BillingPlan string           `json:"billingPlan,omitempty"`
	Included    []string         `json:"includedMeterQuantities"`
	Start       string           `json:"startDate"`
	End         string           `json:"endDate"`
	Markets     []vendorMarketed `json:"marketSetPrices"`
}

type vendorUse struct {
	Meter   string           `json:"meterType"`
	Unit    string           `json:"unitofMeasure"`
	Start   string           `json:"startDate"`
	End     string           `json:"endDate"`
	Markets []vendorMarketed `json:"marketSetPrices"`
}

type vendorMarketed struct {
	Markets  []string    `json:"markets"`
	Currency string      `json:"currency"`
	Price    json.Number `json:"customPrice"`
}

func searched(m *models.Margin, names models.MarginNames) vendorMargin {
	v := vendorMargin{
		ID: m.ID(), Type: vendorMarginTypes[m.Type], ProductID: m.ProductID, PublisherName: m.PublisherName, ProductTitle: m.ProductTitle,
		SKUTitle: m.PlanTitle, SKUID: m.PlanID, ProductType: vendorProductTypes[m.ProductType],
		Start: instantText(m.Start), End: instantText(m.End), Status: strings.ToLower(string(m.Status)), StatusDate: instantText(m.StatusSince),
	}
	for _, id := range m.CustomerTenantIDs {
		v.Customers = append(v.Customers, vendorCustomer{id, names.Customers[id]})
	}
	if m.Type == models.MarginPercentage {
		v.Percentage = json.Number(withFraction(m.Percentage.String()))
		v.AlsoCalled = v.Percentage
		return v
	}
	v.Prices = &vendorPrices{PricingModel: vendorPricingModels[names.PricingModels[models.PlanKey{ProductID: m.ProductID, PlanID: m.PlanID}]], Purchase: []vendorPurchase{}, Consumption: []vendorUse{}}
	for i := range m.Prices {
		if p := &m.Prices[i]; p.MeterID == "" {
			v.Prices.purchase(m, p)
		} else {
			v.Prices.use(m, p, perUnit(names.Units[models.MeterKey{ProductID: m.ProductID, MeterID: p.MeterID}]))
		}
	}
	return v
}

// purchase adds a price to those of its term that come with the same quantities.
func (v *vendorPrices) purchase(m *models.Margin, p *models.MarginPrice) {
	term, billing, included := vendorTerms[p.Term], billingPlan(p), includedIn(m, p.Market)
	for i := range v.Purchase {
		if of := &v.Purchase[i]; of.Term == term && of.BillingPlan == billing && slices.Equal(of.Included, included) {
			of.Markets = marketed(of.Markets, p)
			return
		}
	}
	v.Purchase = append(v.Purchase, vendorPurchase{term, billing, included, instantText(m.Start), instantText(m.End), marketed(nil, p)})
}

func (v *vendorPrices) use(m *models.Margin, p *models.MarginPrice, unit string) {
	for i := range v.Consumption {
		if of := &v.Consumption[i]; of.Meter == p.MeterID {
			of.Markets = marketed(of.Markets, p)
			return
		}
	}
	v.Consumption = append(v.Consumption, vendorUse{p.MeterID, unit, instantText(m.ConsumptionStart), instantText(m.End), marketed(nil, p)})
}

// marketed adds a price to the markets that have the same one.
func marketed(sets []vendorMarketed, p *models.MarginPrice) []vendorMarketed {
	price := json.Number(p.WholesalePrice.String())
	for i := range sets {
		if sets[i].Currency == string(p.Currency) && sets[i].Price == price {
			sets[i].Markets = append(sets[i].Markets, p.Market)
			return sets
		}
	}
	return append(sets, vendorMarketed{[]string{p.Market}, string(p.Currency), price})
}

// includedIn is what comes with the margin's terms in a market: "20 device".
func includedIn(m *models.Margin, market string) []string {
	included := []string{}
	for i := range m.Prices {
		if p := &m.Prices[i]; p.Market == market && p.MeterID != "" && !p.IncludedQuantity.IsZero() {
			included = append(included, p.IncludedQuantity.String()+" "+p.MeterID)
		}
	}
	return included
}

// billingPlan says how a term is charged that is not charged at once.
func billingPlan(p *models.MarginPrice) string {
	if p.Billing.CycleMonths(p.Term) == p.Term.Months() {
		return ""
	}
	return map[models.Billing]string{models.Monthly: "Monthly", models.Annual: "Annual"}[p.Billing]
}

func perUnit(unit string) string {
	if unit == "" {
		return ""
	}
	return "per " + unit
}

// The vendor's words. Those for one month, flat rates, both types of margin and
// software are in its examples; the others are ours.
var (
	vendorMarginTypes   = map[models.MarginType]string{models.MarginPercentage: "Percentage", models.MarginCustomPrice: "CustomPrice"}
	vendorProductTypes  = map[models.ProductType]string{models.SaaS: "SaaS", models.VirtualMachine: "Virtual Machine", models.AzureApplication: "Azure Application"}
	vendorPricingModels = map[models.PricingModel]string{models.FlatRate: "Flat rate", models.PerUser: "Per user", models.Usage: "Usage"}
	vendorTerms         = map[models.Term]string{models.P1M: "Monthly", models.P1Y: "Annual", models.P2Y: "2-year", models.P3Y: "3-year"}
)

// withFraction writes a whole number as the vendor does: 10.0.
func withFraction(number string) string {
	if strings.Contains(number, ".") {
		return number
	}
	return number + ".0"
}

// vendorTime writes an instant as the vendor's download does: 8/14/2023 6:09:28 PM,
// UTC. The vendor leaves out what is less than a second.
func vendorTime(t time.Time) string { return t.UTC().Format("1/2/2006 3:04:05 PM") }

func instantText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
