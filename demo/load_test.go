package demo

import (
	"io/fs"
	"iter"
	"testing"

	"sellthrough/internal/formats"
	"sellthrough/models"
)

// The story's files are read as anybody's are.

func records(t *testing.T, step Step) iter.Seq[models.Record] {
	file := open(t, step)
	switch step.Import {
	case "price-sheet":
		return good(t, step, formats.ReadPriceSheet(file))
	case "exchange-rates":
		return good(t, step, formats.ReadExchangeRates(file))
	}
	return good(t, step, formats.ReadCatalogue(file, ""))
}

func offers(t *testing.T, step Step) iter.Seq[formats.OfferDocument] {
	return good(t, step, formats.ReadPrivateOffers(open(t, step), models.DefaultLimits))
}

func purchases(t *testing.T, step Step) iter.Seq[models.Purchase] {
	return good(t, step, formats.ReadPurchases(open(t, step)))
}

// usage yields bad records too: the sample has some.
func usage(t *testing.T, step Step) iter.Seq[formats.Record[models.UsageRecord]] {
	return all(t, step, formats.ReadUsage(open(t, step), formats.Format(step.Format)))
}

func open(t *testing.T, step Step) fs.File {
	t.Helper()
	file, err := Files.Open(step.File)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// all yields every record of a file that has no fault as a whole.
func all[T any](t *testing.T, step Step, reader *formats.Reader[T]) iter.Seq[formats.Record[T]] {
	return func(yield func(formats.Record[T]) bool) {
		n := 0
		for record, err := range reader.Records() {
			if err != nil {
				t.Fatalf("%s: %v", step.File, err)
			}
			if n++; !yield(record) {
				return
			}
		}
		if n == 0 {
			t.Errorf("%s: no records", step.File)
		}
		for _, warning := range reader.Warnings() {
			t.Errorf("%s: %s", step.File, warning)
		}
	}
}

// good yields the values of a file in which every record is fit to load.
func good[T any](t *testing.T, step Step, reader *formats.Reader[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for record := range all(t, step, reader) {
			if len(record.Violations) > 0 {
				t.Errorf("%s, record %d: %v", step.File, record.Number, record.Violations)
			} else if !yield(record.Value) {
				return
			}
		}
	}
}
