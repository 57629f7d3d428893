package formats

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// TestRejected: the file appears whole at Close, holds what files.md says, and
// one of an earlier run goes when nothing was rejected.
func TestRejected(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.csv.rejected.jsonl")
	reject := func(file string) (string, int) {
		t.Helper()
		out, err := CreateRejected(path)
		if err != nil {
			t.Fatal(err)
		}
		for record := range ReadUsage(strings.NewReader(file), FormatAny).Records() {
			if len(record.Violations) > 0 {
				if err := out.Add(record.Number, record.Raw(), record.Violations); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := os.Stat(path); err == nil && strings.Contains(file, "<b>") {
			t.Error("the file is there before Close")
		}
		at, n, err := out.Close()
		if err != nil {
			t.Fatal(err)
		}
		return at, n
	}
	bad := usageHeader + usageRow + "m,e-2,2024-09-18T22:00:00Z,<b>,,-1\nm,\"e\n"
	if at, n := reject(bad); at != path || n != 2 {
		t.Errorf("%d records in %q", n, at)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"record":2,"input":{"source":"m","external_id":"e-2","occurred_at":"2024-09-18T22:00:00Z","subscription_id":"<b>","meter_id":"","quantity":"-1"},"errors":[{"field":"meter_id","code":"REQUIRED","message":"is missing"},{"field":"quantity","code":"QUANTITY_NOT_POSITIVE","message":"is not above 0"}]}
{"record":3,"input":"m,\"e","errors":[{"field":"","code":"NOT_CSV","message":"is no CSV: a quoted field does not end"}]}
`
	if string(got) != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
	if at, n := reject(usageHeader + usageRow); at != "" || n != 0 {
		t.Errorf("%d records in %q, want none", n, at)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func exportedLine() *models.BillingLine {
	return &models.BillingLine{
		Key:   models.LineKey{SubscriptionID: "sub-17", ChargeType: models.ChargeAddQuantity, Source: "shop", ExternalID: "p-2", Month: models.NewMonth(2024, time.September), Part: 1},
		Month: models.NewMonth(2024, time.September), ChargeType: models.ChargeAddQuantity,
		ChargeStart: models.DateOf(time.Date(2024, 9, 3, 0, 0, 0, 0, time.UTC)), ChargeEnd: models.DateOf(time.Date(2024, 9, 30, 0, 0, 0, 0, time.UTC)),
		PublisherID: "walden", ResellerTenantID: "9e1a0c54-3b7d-4f60-8a21-5c6d7e8f9001", CustomerTenantID: "1d2c3b4a-5968-4778-8695-a4b3c2d1e0f1",
		SubscriptionID: "sub-17", ProductID: "wall", PlanID: "wall, team", Quantity: money.MustParse("12"), ProratedDays: 28, CycleDays: 30,
		PricingCurrency: "EUR", BillingCurrency: "JPY", ExchangeRate: money.MustParse("156.52173913043478260870"),
		ListUnitPrice: money.MustParse("10"), UnitPrice: money.MustParse("10"),
		MarginType: models.MarginNone, RoundingPolicy: money.Truncate,
		ListSubtotal: 17530, WholesaleSubtotal: 17530, AgencyFeeRate: money.MustParse("0.03"), AgencyFee: 526, Payout: 17004,
	}
}

// TestExport holds both formats against golden files: the columns of files.md
// in order, every cell the same in both.
func TestExport(t *testing.T) {
	custom := exportedLine()
	custom.BillingCurrency, custom.ExchangeRate = "EUR", money.New(1, 0)
	custom.ProratedDays, custom.CycleDays = 0, 0
	custom.MarginType, custom.PrivateOfferID, custom.PricingLine = models.MarginCustomPrice, "autumn", 2
	custom.Infrastructure = true
	percentage := exportedLine()
	percentage.MarginType, percentage.MarginPercentage, percentage.UnitPrice = models.MarginPercentage, 1250, money.MustParse("8.75")
	percentage.BillingCurrency = "KWD"
	written := map[Format]string{}
	for _, format := range []Format{FormatCSV, FormatJSONLines} {
		var b bytes.Buffer
		table, err := NewTable(&b, format, BillingLineColumns)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []*models.BillingLine{exportedLine(), custom, percentage} {
			if err := table.Write(BillingLineRow(nil, line)...); err != nil {
				t.Fatal(err)
			}
		}
		if table.Write("too", "few") == nil {
			t.Error("a row of 2 cells was written")
		}
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
		written[format] = b.String()
		golden(t, "billing-lines."+string(format)+".golden", b.String())
	}
	rows, err := csv.NewReader(strings.NewReader(written[FormatCSV])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(written[FormatJSONLines]), "\n") {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatal(err)
		}
		for j, name := range rows[0] {
			want := any(rows[i+1][j])
			switch {
			case want == "":
				want = nil
			case name == "infrastructure":
				want = want == "true"
			}
			if !reflect.DeepEqual(object[name], want) {
				t.Errorf("line %d, %s: %v in JSON, %v in CSV", i, name, object[name], want)
			}
		}
	}
	if _, err := NewTable(&bytes.Buffer{}, "xlsx", MarginColumns); err == nil {
		t.Error("xlsx was accepted")
	}
}

// TestEmptyExport: a report without rows is a header, not an empty file.
func TestEmptyExport(t *testing.T) {
	for format, want := range map[Format]string{FormatCSV: strings.Join(AgencyFeeColumns, ",") + "\n", FormatJSONLines: ""} {
		var b bytes.Buffer
		table, err := NewTable(&b, format, AgencyFeeColumns)
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Close(); err != nil || b.String() != want {
			t.Errorf("%s: %v %q", format, err, b.String())
		}
	}
}

// TestDocumentation: docs/files.md names the columns as they are.
func TestDocumentation(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "files.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, columns := range [][]string{BillingLineColumns, MarginColumns, PayoutColumns, AgencyFeeColumns} {
		if !strings.Contains(string(document), "\n"+strings.Join(columns, ", ")+"\n") {
			t.Errorf("docs/files.md does not list %s", strings.Join(columns, ", "))
		}
	}
	for _, s := range []*schema{usageShape.schema, meteringShape.schema, purchaseShape.schema, priceSheetShape.schema, exchangeRateShape.schema, offerSchema, beneficiarySchema, recipientSchema, pricingSchema, absolutePriceSchema,
		priceSchema, planPricingSchema, recurrentSchema, termPriceSchema, metersSchema, meterPriceSchema, marketSchema, includedSchema, periodSchema, detailsSchema} {
		for _, column := range s.columns {
			if !strings.Contains(string(document), column.name) {
				t.Errorf("docs/files.md does not name %s", column.name)
			}
		}
	}
	for _, keys := range []map[string]otherKey{offerKeys, pricingKeys, priceKeys, recurrentKeys, meterKeys} {
		for key, other := range keys {
			if (other.refused || other.about != "") && !strings.Contains(string(document), key) {
				t.Errorf("docs/files.md does not name %s", key)
			}
		}
	}
	for _, kind := range CatalogueKinds {
		for _, column := range catalogueKinds[kind].schema.columns {
			if !strings.Contains(string(document), column.name) {
				t.Errorf("docs/files.md does not name %s of %s", column.name, kind)
			}
		}
	}
}
