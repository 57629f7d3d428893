package formats

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sellthrough/models"
)

var update = flag.Bool("update", false, "write the golden files anew")

// readers are the doors for files: how the tests read each kind.
var readers = map[string]func(file []byte) string{
	"usage":         func(b []byte) string { return tell(ReadUsage(bytes.NewReader(b), FormatAny)) },
	"metering":      func(b []byte) string { return tell(ReadUsage(bytes.NewReader(b), FormatMetering)) },
	"daily-rated":   func(b []byte) string { return tell(ReadUsage(bytes.NewReader(b), FormatDailyRated)) },
	"purchases":     func(b []byte) string { return tell(ReadPurchases(bytes.NewReader(b))) },
	"catalogue":     func(b []byte) string { return tell(ReadCatalogue(bytes.NewReader(b), "")) },
	"resellers":     func(b []byte) string { return tell(ReadCatalogue(bytes.NewReader(b), "reseller")) },
	"price-sheet":   func(b []byte) string { return tell(ReadPriceSheet(bytes.NewReader(b))) },
	"exchange-rate": func(b []byte) string { return tell(ReadExchangeRates(bytes.NewReader(b))) },
	"private-offer": func(b []byte) string {
		return tell(ReadPrivateOffers(bytes.NewReader(b), models.DefaultLimits))
	},
}

// tell writes down everything that a reader says of a file: each record with
// its value or its faults, the warnings, and what stopped it.
func tell[T any](r *Reader[T]) string {
	var b bytes.Buffer
	for record, err := range r.Records() {
		if err != nil {
			fmt.Fprintf(&b, "stopped: %v\n", err)
			break
		}
		if len(record.Violations) == 0 {
			value, _ := json.Marshal(shown(record.Value))
			fmt.Fprintf(&b, "%d %s\n", record.Number, value)
			continue
		}
		fmt.Fprintf(&b, "%d rejected %s\n", record.Number, record.Raw())
		for _, v := range record.Violations {
			fmt.Fprintf(&b, "    %s %s %s\n", firstOf(v.Path(), "(record)"), v.Code, v.Message)
		}
	}
	for _, warning := range r.Warnings() {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	return b.String()
}

// shown leaves the kinds that a catalogue record is not out of its JSON.
func shown(value any) any {
	type record struct {
		Publisher    *models.Publisher     `json:"publisher,omitempty"`
		Reseller     *models.Reseller      `json:"reseller,omitempty"`
		Customer     *models.Customer      `json:"customer,omitempty"`
		Product      *models.Product       `json:"product,omitempty"`
		Plan         *models.Plan          `json:"plan,omitempty"`
		Meter        *models.Meter         `json:"meter,omitempty"`
		Price        *models.Price         `json:"price,omitempty"`
		AgencyFee    *models.AgencyFeeRate `json:"agencyFee,omitempty"`
		ExchangeRate *models.ExchangeRate  `json:"exchangeRate,omitempty"`
	}
	if r, ok := value.(models.Record); ok {
		return record(r)
	}
	return value
}

// TestGolden reads every file of testdata, good and bad records alike, and
// holds what is said of it against the file beside it.
func TestGolden(t *testing.T) {
	files := map[string]string{
		"usage.csv": "usage", "usage.jsonl": "usage", "metering.json": "metering", "metering.jsonl": "metering",
		"daily-rated.json": "daily-rated", "purchases.csv": "purchases", "purchases.jsonl": "purchases",
		"catalogue.jsonl": "catalogue", "resellers.csv": "resellers", "price-sheet.csv": "price-sheet",
		"exchange-rates.csv": "exchange-rate", "private-offer.json": "private-offer", "private-offers.jsonl": "private-offer",
		"private-offer-2022-07-01.json": "private-offer", "private-offer-2023-07-15.json": "private-offer",
	}
	for name, kind := range files {
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".golden", readers[kind](file))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update accepts):\n%s", name, diff)
	}
}
