package formats

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// Codes of records that files add to those of models.
const (
	// CodeInvalidEncoding: the text is not UTF-8.
	CodeInvalidEncoding models.Code = "INVALID_ENCODING"
	// CodeNotJSON and CodeNotCSV: the text is no record at all.
	CodeNotJSON models.Code = "NOT_JSON"
	CodeNotCSV  models.Code = "NOT_CSV"
	// CodeColumnCount: the row has more or fewer fields than the header.
	CodeColumnCount models.Code = "COLUMN_COUNT"
	// CodeRecordTooLong: more than MaxRecordBytes.
	CodeRecordTooLong models.Code = "RECORD_TOO_LONG"
	// CodeWrongType: a JSON value of another type than the field's.
	CodeWrongType models.Code = "WRONG_TYPE"
	// CodeNotSupported: the vendor's shape allows it, this system does not.
	CodeNotSupported models.Code = "NOT_SUPPORTED"
	// CodeTiersNotSupported: a row of a price sheet with tiers.
	CodeTiersNotSupported models.Code = "TIERS_NOT_SUPPORTED"
)

// schema is what a flat record may hold: a CSV row or a JSON object.
type schema struct {
	columns []column
	index   map[string]int
	// ignored names the columns that are known and not needed; they bring no
	// warning.
	ignored []string
}

// column is one field. A required one must be in the header of a CSV file.
type column struct {
	name     string
	required bool
}

// newSchema makes a schema of names; "?" behind a name makes it optional. The
// accessors of cells find a column by its place, a constant beside the names.
func newSchema(names string, ignored ...string) *schema {
	s := &schema{index: map[string]int{}, ignored: ignored}
	for _, name := range strings.Split(names, ",") {
		name, optional := strings.CutSuffix(strings.TrimSpace(name), "?")
		s.index[name] = len(s.columns)
		s.columns = append(s.columns, column{name, !optional})
	}
	return s
}

// list names the columns, only the required ones if asked.
func (s *schema) list(required bool) string {
	var names []string
	for _, c := range s.columns {
		if c.required || !required {
			names = append(names, c.name)
		}
	}
	return strings.Join(names, ", ")
}

type cellKind uint8

const (
	cellAbsent cellKind = iota
	cellText
	cellNumber
	cellBoolean
	cellArray
	cellObject
)

var cellNames = [...]string{"nothing", "text", "a number", "true or false", "a list", "an object"}

// cell is one field as it came: a CSV field or a JSON value.
type cell struct {
	// text is the content of a text, the JSON of anything else.
	text string
	kind cellKind
}

// cells is one flat record, by the places of its schema, and what is wrong with
// it so far. Every accessor notes what it cannot read and returns the zero
// value.
type cells struct {
	schema *schema
	cells  []cell
	// path is what stands before the names of the fields: "pricing.0.".
	path string
	// fromCSV: what CSV writes as text may be any type.
	fromCSV    bool
	violations *models.Violations
	// other hears of keys that the schema does not hold; nil warns of them.
	other func(name, value string)
	// left, if not nil, is how many entries of lists may still be read, shared by
	// all of a record.
	left *int
}

func newCells(s *schema, path string, vs *models.Violations) *cells {
	return &cells{schema: s, cells: make([]cell, len(s.columns)), path: path, violations: vs}
}

func (c *cells) bad(at int, code models.Code, message string) {
	c.violations.Add(c.path+c.schema.columns[at].name, code, message)
}

// fill takes the fields of a CSV row.
func (c *cells) fill(h *header, fields []string) {
	c.fromCSV = true
	for i, at := range h.columns {
		if at >= 0 {
			c.cells[at] = cell{text: fields[i]}
			if fields[i] != "" {
				c.cells[at].kind = cellText
			}
		}
	}
}

// fillObject takes the members of a valid JSON object; a later member of the
// same name wins. Empty text and null are absent.
func (c *cells) fillObject(object string, warn func(string)) {
	c.fromCSV = false
	clear(c.cells)
	valid := utf8.ValidString(object)
	for name, value := range members(object) {
		at, known := c.schema.index[name]
		if !known {
			if c.other != nil {
				c.other(name, value)
			} else if !slices.Contains(c.schema.ignored, name) {
				warn("key " + quote(name) + " is not known and was not read")
			}
			continue
		}
		c.cells[at] = cell{}
		if valid || utf8.ValidString(value) {
			c.cells[at] = cellOf(value)
		} else {
			c.bad(at, CodeInvalidEncoding, notUTF8)
		}
	}
}

const notUTF8 = "is not UTF-8: save the file as UTF-8"

func cellOf(value string) cell {
	switch value[0] {
	case '"':
		if text := unquote(value); text != "" {
			return cell{text, cellText}
		}
		return cell{}
	case 't', 'f':
		return cell{value, cellBoolean}
	case 'n':
		return cell{}
	case '[':
		return cell{value, cellArray}
	case '{':
		return cell{value, cellObject}
	}
	return cell{value, cellNumber}
}

// checkEncoding notes every field that is not UTF-8 and empties it.
func (c *cells) checkEncoding() {
	for i := range c.cells {
		if !utf8.ValidString(c.cells[i].text) {
			c.bad(i, CodeInvalidEncoding, notUTF8)
			c.cells[i] = cell{}
		}
	}
}

func (c *cells) has(at int) bool { return c.cells[at].kind != cellAbsent }

// expect tells whether the cell is of one of two kinds; absent cells are of
// none.
func (c *cells) expect(at int, kind, or cellKind) bool {
	have := c.cells[at].kind
	if have == kind || have == or {
		return true
	}
	if have != cellAbsent {
		c.bad(at, CodeWrongType, "is "+cellNames[have]+", not "+cellNames[kind])
	}
	return false
}

// text is a text as it stands.
func (c *cells) text(at int) string {
	if !c.expect(at, cellText, cellText) {
		return ""
	}
	return c.cells[at].text
}

// id is a text; one in the form of a GUID is lowered, since ids compare byte by
// byte and programs write GUIDs in either case.
func (c *cells) id(at int) string { return lowerGUID(c.text(at)) }

func lowerGUID(id string) string {
	if models.IsGUID(id) {
		return strings.ToLower(id)
	}
	return id
}

// beyond tells whether a number has more than so many digits before its point:
// whether it is large, or only long.
func beyond(number string, digits int) bool {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(number, "-")), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := strings.TrimLeft(whole+fraction, "0")
	// What cannot be read as an int is out of every range, to the same side.
	shift, _ := strconv.Atoi(exponent)
	return all != "" && shift > digits-len(all)+len(fraction)
}

// number reads a decimal number exactly; tooLarge is the code of one that no
// Decimal can hold.
func (c *cells) number(at int, tooLarge models.Code) money.Decimal {
	if !c.expect(at, cellNumber, cellText) {
		return money.Decimal{}
	}
	d, err := money.Parse(c.cells[at].text)
	switch {
	case errors.Is(err, money.ErrRange) && !beyond(c.cells[at].text, money.QuantityIntegerDigits):
		c.bad(at, models.CodeOutOfRange, quote(c.cells[at].text)+" has more digits after the point than are kept")
	case errors.Is(err, money.ErrRange):
		c.bad(at, tooLarge, quote(c.cells[at].text)+" has more digits before the point than are kept")
	case err != nil:
		c.bad(at, models.CodeInvalid, err.Error())
	}
	return d
}

// needed is number for a field whose absence must not read as 0.
func (c *cells) needed(at int, tooLarge models.Code) money.Decimal {
	if !c.has(at) {
		c.bad(at, models.CodeRequired, "is missing")
	}
	return c.number(at, tooLarge)
}

// instant reads RFC 3339; without a zone it is UTC (D15).
func (c *cells) instant(at int) time.Time {
	s := c.text(at)
	if s == "" {
		return time.Time{}
	}
	if t, ok := fastInstant(s); ok {
		return t
	}
	t, err := models.ParseInstant(s)
	if err != nil {
		c.bad(at, models.CodeInvalid, err.Error())
	}
	return t
}

// fastInstant reads the one spelling that machines write, in UTC and with up to
// 9 fraction digits: 2024-09-30T23:59:59Z. It leaves everything else, and
// whatever looks wrong, to models.ParseInstant.
func fastInstant(s string) (t time.Time, ok bool) {
	if len(s) < 20 || len(s) > 30 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[len(s)-1] != 'Z' {
		return t, false
	}
	digits := func(from, to int) int {
		n := 0
		for i := from; i < to; i++ {
			if s[i] < '0' || s[i] > '9' {
				return -1
			}
			n = n*10 + int(s[i]-'0')
		}
		return n
	}
	year, month, day := digits(0, 4), digits(5, 7), digits(8, 10)
	hour, minute, second := digits(11, 13), digits(14, 16), digits(17, 19)
	if year < 1900 || year > 2999 || month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return t, false
	}
	nanos := 0
	if len(s) > 20 {
		if nanos = digits(20, len(s)-1); nanos < 0 || s[19] != '.' || len(s) == 21 {
			return t, false
		}
		for range 29 - (len(s) - 1) {
			nanos *= 10
		}
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanos/1000*1000, time.UTC), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// month reads YYYY-MM.
func (c *cells) month(at int) models.Month {
	s := c.text(at)
	if s == "" {
		return 0
	}
	m, err := models.ParseMonth(s)
	if err != nil {
		c.bad(at, models.CodeInvalid, err.Error())
	}
	return m
}

// boolean reads true or false; absent is otherwise. CSV may write them in any
// case, as spreadsheets do.
func (c *cells) boolean(at int, otherwise bool) bool {
	if !c.expect(at, cellBoolean, cellText) {
		return otherwise
	}
	switch s := c.cells[at].text; {
	case s == "true", c.fromCSV && strings.EqualFold(s, "true"):
		return true
	case s == "false", c.fromCSV && strings.EqualFold(s, "false"):
		return false
	}
	c.bad(at, models.CodeInvalid, quote(c.cells[at].text)+" is not true or false")
	return otherwise
}

// integer reads a whole number of few digits; absent is 0.
func (c *cells) integer(at int) int {
	if !c.expect(at, cellNumber, cellText) {
		return 0
	}
	n, err := strconv.Atoi(c.cells[at].text)
	if err != nil {
		c.bad(at, models.CodeInvalid, quote(c.cells[at].text)+" is not a whole number")
		return 0
	}
	return n
}

// list reads a JSON array of texts, or CSV text with ";" between entries.
func (c *cells) list(at int) (list []string) {
	if c.cells[at].kind == cellText && c.fromCSV {
		for entry := range strings.SplitSeq(c.cells[at].text, ";") {
			if entry = strings.TrimSpace(entry); entry != "" {
				list = append(list, entry)
			}
		}
		return list
	}
	for i, value := range c.array(at) {
		entry := cellOf(value)
		if entry.kind != cellText {
			c.violations.Add(c.path+c.schema.columns[at].name+"."+strconv.Itoa(i), CodeWrongType, "is "+cellNames[entry.kind]+", not text")
		}
		list = append(list, entry.text)
	}
	return list
}

// ids is a list with its GUIDs lowered.
func (c *cells) ids(at int) []string {
	list := c.list(at)
	for i := range list {
		list[i] = lowerGUID(list[i])
	}
	return list
}

// array returns the elements of a JSON array, still JSON.
func (c *cells) array(at int) (elems []string) {
	if !c.expect(at, cellArray, cellArray) {
		return nil
	}
	for _, value := range elements(c.cells[at].text) {
		if c.left != nil {
			if *c.left == 0 {
				c.bad(at, models.CodeOutOfRange, "is not read on from entry "+strconv.Itoa(len(elems))+": the record holds too many")
				break
			}
			*c.left--
		}
		elems = append(elems, value)
	}
	return elems
}

// merge adds the violations of the value built from the cells, except where the
// field has one already: a number that cannot be read is not also missing.
func merge(found, check models.Violations) models.Violations {
	if len(found) == 0 {
		return check
	}
	seen := make(map[string]bool, len(found))
	for _, v := range found {
		seen[v.Path()] = true
	}
	for _, v := range check {
		known := seen[""]
		for n := range v.Field {
			known = known || seen[strings.Join(v.Field[:n+1], ".")]
		}
		if !known {
			found = append(found, v)
		}
	}
	return found
}
