package formats

import (
	"encoding/json"
	"iter"

	"sellthrough/models"
)

// Record is one record of a file: a value that is fit to store, or violations.
type Record[T any] struct {
	// Number counts records from 1: data rows of CSV, non-empty lines of JSON
	// Lines, entries of a document.
	Number int
	// Value is what was read. It is worth using only without Violations.
	Value T
	// Violations is everything wrong with the record alone, under the file's
	// own field names. Whether the ids it names exist is the store's to say;
	// Reject adds that.
	Violations models.Violations

	origin origin
}

// Raw is the record as it came, for the rejected file: a JSON object (a CSV row
// as column: text), or a JSON string where the text is no record at all. It is
// built when asked for.
func (r *Record[T]) Raw() json.RawMessage { return r.origin.raw() }

// Reject adds violations that were found after reading, such as an unknown
// subscription, and turns their fields into the file's own names.
func (r *Record[T]) Reject(vs models.Violations) {
	r.Violations = append(r.Violations, r.origin.rename(vs)...)
}

// Reader reads the records of one file, once, in order.
type Reader[T any] struct {
	warnings []string
}

// Records yields every record. A non-nil error is the last thing yielded: the
// file cannot be read on from there, and the records before it stand.
func (r *Reader[T]) Records() iter.Seq2[Record[T], error] {
	return func(yield func(Record[T], error) bool) {}
}

// Warnings is what the reader noticed in the file that makes no record bad,
// such as a column it does not know; each is said once a file. It is complete
// after the last record.
func (r *Reader[T]) Warnings() []string { return r.warnings }

type origin struct{}

func (o origin) raw() json.RawMessage                          { return nil }
func (o origin) rename(vs models.Violations) models.Violations { return vs }
