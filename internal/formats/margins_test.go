package formats

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// custom is a margin with two prices, one with more digits than a spreadsheet holds.
func custom() *models.Margin {
	at := time.Date(2024, 9, 5, 10, 0, 0, 0, time.UTC)
	price := func(meter, text string, term models.Term, billing models.Billing) models.MarginPrice {
		return models.MarginPrice{PlanID: "basic", MeterID: meter, Term: term, Billing: billing, Market: "US", Currency: "USD", WholesalePrice: money.MustParse(text)}
	}
	return &models.Margin{
		PrivateOfferID: "offer", PricingLine: 1, ResellerTenantID: "reseller", PublisherName: "=cmd()", ProductID: "mail", PlanID: "basic", Type: models.MarginCustomPrice,
		Start: at, ConsumptionStart: at, End: at, StatusSince: at, Status: models.MarginLive,
		Prices: []models.MarginPrice{price("", "447.29387", models.P1Y, models.Monthly), price("device", "0.123456789012345678", "", "")},
	}
}

// A workbook holds numbers as numbers, to the last digit or as text, and no text
// as a formula.
func TestMarginWorkbook(t *testing.T) {
	var b bytes.Buffer
	table, err := NewMarginDownload(&b, FormatXLSX, false)
	if err != nil {
		t.Fatal(err)
	}
	names := models.MarginNames{Units: map[models.MeterKey]string{{ProductID: "mail", MeterID: "device"}: "1 device"}}
	if err := WriteMarginDownload(table, custom(), names, "US"); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	rows, err := book.GetRows("Sheet1")
	if err != nil || len(rows) != 3 || !slices.Equal(rows[0], MarginDownloadColumns) {
		t.Fatal(err, rows)
	}
	for cell, want := range map[string]struct {
		text string
		kind excelize.CellType
	}{
		"D2": {"=cmd()", excelize.CellTypeInlineString}, "N2": {"Annual", excelize.CellTypeInlineString}, "O2": {"Monthly", excelize.CellTypeInlineString},
		"T2": {"447.29387", excelize.CellTypeUnset}, "T3": {"0.123456789012345678", excelize.CellTypeInlineString}, "R3": {"per 1 device", excelize.CellTypeInlineString},
	} {
		text, err := book.GetCellValue("Sheet1", cell, excelize.Options{RawCellValue: true})
		kind, err2 := book.GetCellType("Sheet1", cell)
		if err != nil || err2 != nil || text != want.text || kind != want.kind {
			t.Errorf("%s is %q of kind %d, want %q of kind %d (%v, %v)", cell, text, kind, want.text, want.kind, err, err2)
		}
	}
	if formula, _ := book.GetCellFormula("Sheet1", "D2"); formula != "" {
		t.Errorf("a name is the formula %q", formula)
	}
}

// What is no format is told, and a row of too few cells.
func TestMarginDownloadRefuses(t *testing.T) {
	if _, err := NewMarginDownload(&bytes.Buffer{}, "pdf", true); err == nil || !strings.Contains(err.Error(), "csv, jsonl or xlsx") {
		t.Error(err)
	}
	for _, format := range []Format{FormatCSV, FormatJSONLines, FormatXLSX} {
		table, err := NewMarginDownload(&bytes.Buffer{}, format, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Write("one"); err == nil {
			t.Errorf("%s takes a row of one cell", format)
		}
	}
}
