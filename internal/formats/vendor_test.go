package formats

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVendorSamples reads the vendors' published samples where they lie beside
// the checkout. They are not part of the project; where they are absent nothing
// is checked here, and the golden files, of the same shapes, stand for them.
func TestVendorSamples(t *testing.T) {
	samples := filepath.Join("..", "..", "..", "shared", "data", "microsoft")
	if _, err := os.Stat(samples); err != nil {
		t.Log("no samples beside the checkout: ", err)
		return
	}
	tests := []struct {
		file, kind string
		want       []string // contained in what is said, each once a record
		records    int
		good       int
	}{
		{"batch-usage-event.json", "metering", []string{`"external_id":"6c1f1e0a-5a31-4a0c-9d7c-0f1a2b3c4d52/email/2018-11-01T23"`, `"quantity":"39"`}, 2, 2},
		{"usage-event.json", "metering", []string{`"occurred_at":"2018-12-01T08:30:14Z"`, `"quantity":"5"`}, 1, 1},
		{"daily-rated-usage.json", "daily-rated", []string{`"meter_id":"4core","quantity":"24"`, `"occurred_at":"2019-01-02T00:00:00Z"`}, 2, 2},
		{"price-sheet.csv", "price-sheet", []string{`"term":"P1Y","billing":"ANNUAL","market":"US","currency":"USD","effectiveFrom":"2019-02","unitPrice":"144"`}, 1, 1},
		{"private-offer-configure.json", "private-offer", []string{
			"    start START_NOT_FIRST_OF_MONTH 2022-01-31 is not the first day of a month",
			`    beneficiaries.0.id INVALID_GUID "xxxxxxx-0a32-4b44-b904-39dd964dd790" is not a tenant id`}, 1, 0},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join(samples, test.file))
			if err != nil {
				t.Fatal(err)
			}
			said := readers[test.kind](file)
			rejected := strings.Count(said, " rejected ")
			if good := strings.Count("\n"+said, "\n") - 1 - strings.Count(said, "    ") - rejected; rejected+good != test.records || good != test.good {
				t.Errorf("%d records, %d good; want %d and %d", rejected+good, good, test.records, test.good)
			}
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("not said: %s", want)
				}
			}
			if strings.Contains(said, "warning") || t.Failed() {
				t.Errorf("said:\n%s", said)
			}
		})
	}
	// The answers of the vendor's services are no requests: every file is
	// refused by every reader with a word, never with a panic.
	paths, err := filepath.Glob(filepath.Join(samples, "..", "*", "*"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for kind, read := range readers {
			if said := read(bytes.Clone(file)); said == "" {
				t.Errorf("%s as %s: not a word", path, kind)
			}
		}
	}
}
