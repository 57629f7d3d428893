package formats

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// Table writes rows of cells, one cell for each column.
//
// CSV is RFC 4180 with a header and lines that end in a line feed alone, so
// that line tools read it too. JSON Lines holds one object a line with every
// column in its order: numbers as strings, so that no reader takes them for
// floats, booleans as true and false, and null for an empty cell.
type Table interface {
	Write(cells ...string) error
	// Close writes what is buffered; the io.Writer stays open.
	Close() error
}

// NewTable begins a table on w; format is "csv" or "jsonl".
func NewTable(w io.Writer, format Format, columns []string) (Table, error) {
	switch format {
	case FormatCSV:
		t := &csvTable{csv.NewWriter(w), len(columns)}
		return t, t.Write(columns...)
	case FormatJSONLines:
		t := &jsonTable{out: bufio.NewWriterSize(w, 1<<16)}
		for _, name := range columns {
			t.keys = append(t.keys, append(appendJSON(nil, name), ':'))
			t.boolean = append(t.boolean, booleanColumns[name])
		}
		return t, nil
	}
	return nil, fmt.Errorf("%s is not a format of exports: choose csv or jsonl", quote(string(format)))
}

type csvTable struct {
	out     *csv.Writer
	columns int
}

func (t *csvTable) Write(cells ...string) error {
	if len(cells) != t.columns {
		return wrongCells(len(cells), t.columns)
	}
	return t.out.Write(cells)
}

func (t *csvTable) Close() error {
	t.out.Flush()
	return t.out.Error()
}

type jsonTable struct {
	out     *bufio.Writer
	keys    [][]byte // each with its colon
	boolean []bool
	line    []byte
}

func (t *jsonTable) Write(cells ...string) error {
	if len(cells) != len(t.keys) {
		return wrongCells(len(cells), len(t.keys))
	}
	line := t.line[:0]
	for i, cell := range cells {
		line = append(line, "{,"[min(i, 1)])
		line = append(line, t.keys[i]...)
		switch {
		case cell == "":
			line = append(line, "null"...)
		case t.boolean[i]:
			line = append(line, cell...)
		default:
			line = appendJSON(line, cell)
		}
	}
	t.line = append(line, "}\n"...)
	_, err := t.out.Write(t.line)
	return err
}

func (t *jsonTable) Close() error { return t.out.Flush() }

func wrongCells(cells, columns int) error {
	return fmt.Errorf("formats: a row of %d cells for %d columns", cells, columns)
}

// booleanColumns are the columns of true and false.
var booleanColumns = map[string]bool{"infrastructure": true, "wins": true}

// The columns of the exports, in order (files.md, "Out").
var (
	BillingLineColumns = []string{
		"line_id", "month", "charge_type", "charge_start", "charge_end", "publisher_id", "reseller_tenant_id",
		"indirect_reseller_tenant_id", "customer_tenant_id", "subscription_id", "product_id", "plan_id", "meter_id",
		"infrastructure", "quantity", "pricing_currency", "billing_currency", "exchange_rate", "list_unit_price",
		"margin_type", "margin_percentage", "effective_unit_price", "list_subtotal", "margin_amount",
		"wholesale_subtotal", "agency_fee_rate", "agency_fee", "other_fees", "payout", "rounding_policy",
		"private_offer_id", "pricing_line", "adjusts_line_id", "reason_code"}
	MarginColumns = []string{
		"id", "type", "reseller_tenant_id", "publisher_id", "product_id", "plan_id", "term", "billing", "meter_id",
		"customer_tenant_id", "market", "currency", "list_price", "margin_percentage", "wholesale_price", "start",
		"end", "status", "wins"}
	PayoutColumns = []string{
		"publisher_id", "currency", "lines", "wholesale", "agency_fee", "other_fees", "other_deductions", "payout",
		"status", "expected_month"}
	AgencyFeeColumns = []string{"publisher_id", "reseller_tenant_id", "kind", "rate", "base", "amount", "currency"}
)

// BillingLineRow appends the cells of one line to dst, in the order of
// BillingLineColumns.
//
// Money has the minor digits of billing_currency; unit prices, quantity and
// rates are exact, without trailing zeros. effective_unit_price is that of the
// days charged; where it has no finite decimal (1000/3) it is printed to 15
// fraction digits, and nothing is computed from it. margin_percentage is 0
// without a margin and empty for a custom price; the cells of what a line does
// not have (a meter, a private offer) are empty.
func BillingLineRow(dst []string, l *models.BillingLine) []string {
	amount := func(minor int64) string { return money.Amount{Minor: minor, Currency: l.BillingCurrency}.String() }
	percentage := l.MarginPercentage.String()
	if l.MarginType == models.MarginCustomPrice {
		percentage = ""
	}
	pricingLine := ""
	if l.PricingLine != 0 {
		pricingLine = strconv.Itoa(l.PricingLine)
	}
	effective := money.Charge{UnitPrice: l.UnitPrice, Numerator: int64(l.ProratedDays), Denominator: int64(l.CycleDays)}.ProratedUnitPrice()
	return append(dst,
		l.ID(), l.Month.String(), string(l.ChargeType), l.ChargeStart.String(), l.ChargeEnd.String(),
		l.PublisherID, l.ResellerTenantID, l.IndirectResellerTenantID, l.CustomerTenantID,
		l.SubscriptionID, l.ProductID, l.PlanID, l.MeterID,
		strconv.FormatBool(l.Infrastructure), l.Quantity.String(),
		string(l.PricingCurrency), string(l.BillingCurrency), l.ExchangeRate.String(), l.ListUnitPrice.String(),
		string(l.MarginType), percentage, effective,
		amount(l.ListSubtotal), amount(l.MarginAmount), amount(l.WholesaleSubtotal),
		l.AgencyFeeRate.String(), amount(l.AgencyFee), amount(l.OtherFees()), amount(l.Payout),
		string(l.RoundingPolicy), l.PrivateOfferID, pricingLine, l.AdjustsLineID, l.ReasonCode)
}
