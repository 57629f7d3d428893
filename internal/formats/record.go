package formats

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

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
	// own field names; an empty Field means the record as a whole. Whether the
	// ids it names exist is the store's to say; Reject adds that.
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
	vs = r.origin.naming.rename(vs)
	for _, v := range vs {
		if r.origin.identity != "" && v.Path() == "external_id" {
			v.Field, v.Message = []string{}, r.origin.identity+" "+v.Message
		}
		r.Violations = append(r.Violations, v)
	}
}

// origin is where a record came from.
type origin struct {
	text   string
	header *header // of a CSV row
	// unreadable text is no record: it is shown as it is.
	unreadable bool
	naming     naming
	identity   string
}

func (o origin) raw() json.RawMessage {
	switch {
	case o.unreadable || o.header == nil && !json.Valid([]byte(o.text)):
		return appendJSON(nil, o.text)
	case o.header == nil:
		var compact bytes.Buffer
		_ = json.Compact(&compact, []byte(strings.ToValidUTF8(o.text, "\uFFFD"))) // valid: asked above
		return compact.Bytes()
	}
	object := []byte{'{'}
	for i, field := range splitRow(nil, o.text) {
		if i > 0 {
			object = append(object, ',')
		}
		object = append(appendJSON(object, o.header.names[i]), ':')
		object = appendJSON(object, field)
	}
	return append(object, '}')
}

// appendJSON appends s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			var escaped bytes.Buffer
			encoder := json.NewEncoder(&escaped)
			encoder.SetEscapeHTML(false)
			_ = encoder.Encode(strings.ToValidUTF8(s, "\uFFFD")) // a string always encodes
			return append(b, bytes.TrimSuffix(escaped.Bytes(), []byte("\n"))...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// naming turns the field names of models into those of a file; nil where they
// are the same.
type naming func(field []string) []string

func (n naming) rename(vs models.Violations) models.Violations {
	if n == nil {
		return vs
	}
	vs = slices.Clone(vs)
	for i := range vs {
		vs[i].Field = n(vs[i].Field)
	}
	return vs
}

// names makes a naming of flat records from pairs of model name, file name.
func names(pairs ...string) naming {
	return func(field []string) []string {
		for i := 0; i < len(pairs); i += 2 {
			if len(field) > 0 && field[0] == pairs[i] {
				return append([]string{pairs[i+1]}, field[1:]...)
			}
		}
		return field
	}
}

// Reader reads the records of one file, once, in order.
type Reader[T any] struct {
	text  *text
	shape shape[T]
	// csv and json say what the file may be; both: its first byte decides.
	csv, json bool
	// envelope is the key under which the vendor's documents hold the records.
	envelope string
	// around, if not nil, hears of the other members of the envelope; an error
	// stops the file.
	around func(name, value string) error
	// refusal is why the file is not read at all.
	refusal  error
	warnings []string
}

// shape is how records of one kind are read.
type shape[T any] struct {
	// schema of a CSV row; JSON objects may have another (the catalogue's
	// kinds do), so parse is told what was cut.
	schema *schema
	// parse understands the record and returns everything wrong with it, in
	// the names of the file.
	parse func(found *found) (T, models.Violations)
	// naming is for violations that are found later.
	naming naming
	// identity says what tells one record from another where the file has no
	// external_id to blame.
	identity string
}

// found is one record cut from the file, to be understood.
type found struct {
	// cells hold a CSV row; for JSON they are empty until fillObject.
	cells *cells
	// object is the text of a JSON object, "" for a CSV row.
	object string
	warn   func(string)
	// What parse may say besides: that this is no record of its own, and how its
	// fields are named where not as the shape's.
	skip   bool
	naming naming
}

// read fills the cells of the schema, whichever the file's kind.
func (f *found) read() *cells {
	if f.object != "" {
		f.cells.fillObject(f.object, f.warn)
	}
	return f.cells
}

// Records yields every record. A non-nil error is the last thing yielded: the
// file cannot be read on from there, and the records before it stand.
func (r *Reader[T]) Records() iter.Seq2[Record[T], error] {
	return func(yield func(Record[T], error) bool) {
		if err := r.each(func(record Record[T]) bool { return yield(record, nil) }); err != nil {
			yield(Record[T]{}, err)
		}
	}
}

// Warnings is what the reader noticed in the file that makes no record bad,
// such as a column it does not know; each is said once a file. It is complete
// after the last record.
func (r *Reader[T]) Warnings() []string { return r.warnings }

// mostWarnings bounds what a file of changing keys can make us say.
const mostWarnings = 50

func (r *Reader[T]) warn(warning string) {
	if len(r.warnings) < mostWarnings && !slices.Contains(r.warnings, warning) {
		r.warnings = append(r.warnings, warning)
	}
}

func (r *Reader[T]) each(yield func(Record[T]) bool) error {
	if r.refusal != nil {
		return r.refusal
	}
	first, err := r.text.begin()
	switch {
	case err != nil:
		return err
	case r.json && (first == '{' || first == '['):
		return r.eachObject(first, yield)
	case !r.csv:
		return fmt.Errorf("the file begins with %q, where JSON begins with { or [", first)
	}
	h, err := r.text.readHeader(r.shape.schema, r.warn)
	if err != nil {
		return err
	}
	return r.eachRow(h, yield)
}

func (r *Reader[T]) eachRow(h *header, yield func(Record[T]) bool) error {
	var vs models.Violations
	var fields []string
	f := &found{cells: newCells(r.shape.schema, "", &vs), warn: r.warn}
	for number := 1; ; number++ {
		c, ok := r.text.row()
		for ok && len(c.text) == 0 {
			c, ok = r.text.row()
		}
		if !ok {
			return after(number-1, r.text.err())
		}
		vs = nil
		record := Record[T]{Number: number, origin: origin{text: string(c.text), header: h, naming: r.shape.naming, identity: r.shape.identity}}
		if c.malformed == "" && !c.tooLong {
			fields = splitRow(fields[:0], record.origin.text)
		}
		switch {
		case c.tooLong:
			unreadable(&record, CodeRecordTooLong, "is longer than 1 MiB")
		case c.malformed != "":
			unreadable(&record, CodeNotCSV, "is no CSV: "+c.malformed)
		case len(fields) != len(h.names):
			unreadable(&record, CodeColumnCount, "has "+strconv.Itoa(len(fields))+" fields where the header has "+strconv.Itoa(len(h.names)))
		default:
			f.cells.fill(h, fields)
			if !utf8.ValidString(record.origin.text) {
				f.cells.checkEncoding()
			}
			record.Value, record.Violations = r.shape.parse(f)
		}
		if !yield(record) {
			return nil
		}
	}
}

// after says behind which record a file became unreadable.
func after(number int, err error) error {
	if err == nil || number == 0 {
		return err
	}
	return fmt.Errorf("after record %d: %w", number, err)
}

// unreadable rejects a text that is no record.
func unreadable[T any](record *Record[T], code models.Code, message string) {
	record.origin.unreadable = true
	record.Violations = models.Violations{{Field: []string{}, Code: code, Message: message}}
}

func (r *Reader[T]) eachObject(first byte, yield func(Record[T]) bool) error {
	next := (&entries{text: r.text, envelope: r.envelope, around: r.around}).next
	if first != '[' && (r.envelope == "" || r.text.oneALine(r.envelope)) {
		next = func() (c cut, ok bool, err error) {
			for ok = true; ok && len(c.text) == 0; {
				c, ok = r.text.line()
				c.text = bytes.TrimSpace(c.text)
			}
			return c, ok, r.text.err()
		}
	}
	var vs models.Violations
	f := &found{warn: r.warn}
	if r.shape.schema != nil {
		f.cells = newCells(r.shape.schema, "", &vs)
	}
	for number := 1; ; number++ {
		c, ok, err := next()
		if !ok || err != nil {
			return after(number-1, err)
		}
		vs = nil
		record := Record[T]{Number: number, origin: origin{text: string(c.text), naming: r.shape.naming, identity: r.shape.identity}}
		switch {
		case c.tooLong:
			unreadable(&record, CodeRecordTooLong, "is longer than 1 MiB")
		case !json.Valid(c.text):
			unreadable(&record, CodeNotJSON, "is not JSON: write one object a line, names and texts in double quotes")
		case record.origin.text[0] != '{':
			unreadable(&record, CodeNotJSON, "is not a JSON object")
		default:
			f.object, f.skip, f.naming = record.origin.text, false, r.shape.naming
			record.Value, record.Violations = r.shape.parse(f)
			record.origin.naming = f.naming
			if f.skip {
				continue
			}
		}
		if !yield(record) {
			return nil
		}
	}
}

func newReader[T any](in io.Reader, shape shape[T]) *Reader[T] {
	return &Reader[T]{text: newText(in), shape: shape, csv: true, json: true}
}
