package formats

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"sellthrough/models"
)

// seed gives a fuzz target the golden inputs whose names match.
func seed(f *testing.F, patterns ...string) {
	f.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil || len(paths) == 0 {
			f.Fatal(pattern, err)
		}
		for _, path := range paths {
			file, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(file)
		}
	}
}

// checkRecords reads a file of any bytes and holds what is true of every
// record: it is numbered in order, it has a good value or violations that say
// what is wrong and can be written, and good values are counted and returned.
func checkRecords[T any](t *testing.T, r *Reader[T], check func(*T) models.Violations) (good []T) {
	t.Helper()
	number := 0
	for record, err := range r.Records() {
		if err != nil {
			if err.Error() == "" {
				t.Fatal("stopped without a word")
			}
			break
		}
		// What is no record of its own has a number too.
		if number++; record.Number < number {
			t.Fatalf("record %d is numbered %d", number, record.Number)
		}
		number = record.Number
		if !json.Valid(record.Raw()) {
			t.Fatalf("record %d: Raw is no JSON: %s", number, record.Raw())
		}
		for _, v := range record.Violations {
			if v.Code == "" || v.Message == "" || v.Field == nil {
				t.Fatalf("record %d: a violation that says nothing: %+v", number, v)
			}
		}
		if len(record.Violations) == 0 {
			if vs := check(&record.Value); len(vs) > 0 {
				t.Fatalf("record %d passed with %v: %s", number, vs, record.Raw())
			}
			good = append(good, record.Value)
		}
	}
	return good
}

func csvOf(t *testing.T, header []string, rows [][]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(append([][]string{header}, rows...)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzReadUsage: no bytes make it panic, and what it reads from any shape it
// reads again, digest and all, when written as CSV and as JSON Lines.
func FuzzReadUsage(f *testing.F) {
	seed(f, "usage.csv", "usage.jsonl", "metering.json*", "daily-rated.json")
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, format := range append([]Format{FormatAny}, Formats...) {
			good := checkRecords(t, ReadUsage(bytes.NewReader(file), format), (*models.UsageRecord).Check)
			var rows [][]string
			var lines bytes.Buffer
			for _, u := range good {
				rows = append(rows, []string{u.Source, u.ExternalID, u.OccurredAt.Format("2006-01-02T15:04:05.999999Z07:00"), u.SubscriptionID, u.MeterID, u.Quantity.String()})
				line, err := json.Marshal(u)
				if err != nil {
					t.Fatal(err)
				}
				lines.Write(append(line, '\n'))
			}
			header := []string{"source", "external_id", "occurred_at", "subscription_id", "meter_id", "quantity"}
			sameUsage(t, good, checkRecords(t, ReadUsage(bytes.NewReader(csvOf(t, header, rows)), FormatCSV), (*models.UsageRecord).Check))
			sameUsage(t, good, checkRecords(t, ReadUsage(&lines, FormatJSONLines), (*models.UsageRecord).Check))
		}
	})
}

func sameUsage(t *testing.T, want, got []models.UsageRecord) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records read again, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Digest != want[i].Digest {
			t.Fatalf("read again:\n%+v\nwas\n%+v", got[i], want[i])
		}
	}
}

// FuzzReadPurchases: as FuzzReadUsage, by way of JSON Lines.
func FuzzReadPurchases(f *testing.F) {
	seed(f, "purchases.*")
	f.Fuzz(func(t *testing.T, file []byte) {
		good := checkRecords(t, ReadPurchases(bytes.NewReader(file)), (*models.Purchase).Check)
		var lines bytes.Buffer
		for i := range good {
			object, err := json.Marshal(good[i])
			if err != nil {
				t.Fatal(err)
			}
			if good[i].Quantity.IsZero() { // an absent quantity stays absent
				object = bytes.Replace(object, []byte(`"quantity":"0"`), []byte(`"quantity":null`), 1)
			}
			lines.Write(append(object, '\n'))
		}
		again := checkRecords(t, ReadPurchases(&lines), (*models.Purchase).Check)
		if len(again) != len(good) {
			t.Fatalf("%d records read again, want %d", len(again), len(good))
		}
		for i := range good {
			if again[i].Digest != good[i].Digest {
				t.Fatalf("read again:\n%+v\nwas\n%+v", again[i], good[i])
			}
		}
	})
}

// FuzzReadCatalogue: every kind, as JSON Lines and as CSV of any kind; what is
// read from JSON Lines is the same when its JSON is read.
func FuzzReadCatalogue(f *testing.F) {
	seed(f, "catalogue.jsonl", "resellers.csv", "price-sheet.csv", "exchange-rates.csv")
	f.Fuzz(func(t *testing.T, file []byte) {
		check := func(r *models.Record) models.Violations { return r.Check() }
		checkRecords(t, ReadPriceSheet(bytes.NewReader(file)), check)
		checkRecords(t, ReadExchangeRates(bytes.NewReader(file)), check)
		for _, kind := range append([]string{""}, CatalogueKinds...) {
			var lines bytes.Buffer
			good := checkRecords(t, ReadCatalogue(bytes.NewReader(file), kind), check)
			for _, r := range good {
				line, err := json.Marshal(shown(r)) // {"plan": {...}}
				if err != nil {
					t.Fatal(err)
				}
				var inner map[string]json.RawMessage
				if err := json.Unmarshal(line, &inner); err != nil {
					t.Fatal(err)
				}
				object := inner[r.Kind()]
				lines.WriteString(`{"kind":"` + r.Kind() + `",`)
				lines.Write(append(object[1:], '\n'))
			}
			again := checkRecords(t, ReadCatalogue(&lines, ""), check)
			if len(again) != len(good) {
				t.Fatalf("%d records read again, want %d", len(again), len(good))
			}
			for i := range good {
				want, _ := json.Marshal(shown(good[i]))
				got, _ := json.Marshal(shown(again[i]))
				if !bytes.Equal(got, want) {
					t.Fatalf("read again:\n%s\nwas\n%s", got, want)
				}
			}
		}
	})
}

// FuzzReadPrivateOffers: a document that passes is a draft that can be saved, and
// its digest and identity are those of the same bytes read again, and of what is
// written of it; that is read and written as it is.
func FuzzReadPrivateOffers(f *testing.F) {
	seed(f, "private-offer*.json*")
	f.Fuzz(func(t *testing.T, file []byte) {
		check := func(d *OfferDocument) models.Violations {
			if d.Offer.ID == "" {
				t.Fatal("an offer without an id")
			}
			return d.Offer.CheckDraft(models.DefaultLimits)
		}
		good := checkRecords(t, ReadPrivateOffers(bytes.NewReader(file), models.DefaultLimits), check)
		again := checkRecords(t, ReadPrivateOffers(&chunks{file, 7}, models.DefaultLimits), check)
		if len(again) != len(good) {
			t.Fatalf("%d documents in pieces of 7 bytes, %d whole", len(again), len(good))
		}
		for _, version := range SchemaVersions {
			out := written(t, FormatProductIngestion, version, good)
			read := offersOf(t, bytes.NewReader(out))
			if once := written(t, FormatProductIngestion, version, read); !bytes.Equal(out, once) {
				t.Fatalf("written\n%s\nand again\n%s", out, once)
			}
			for i := range good {
				if digestOf(read[i].Offer) != digestOf(good[i].Offer) || read[i].Offer.ID != good[i].Offer.ID || read[i].Live != good[i].Live {
					t.Fatalf("written and read:\n%+v\nwas\n%+v", read[i], good[i])
				}
			}
		}
		for i := range good {
			if good[i].Digest != again[i].Digest || good[i].Offer.ID != again[i].Offer.ID {
				t.Fatalf("read again:\n%+v\nwas\n%+v", again[i], good[i])
			}
		}
	})
}
