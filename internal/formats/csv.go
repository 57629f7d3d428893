package formats

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// row cuts one CSV row (RFC 4180), which spans lines where a quoted field does.
// Rows are cut here and not by encoding/csv so that one stray quote costs one
// line and never the rest of the file, in bounded memory, and so that the text
// of a row can be kept with it: its fields are parts of one string.
func (t *text) row() (c cut, ok bool) {
	for {
		end := bytes.IndexByte(t.rest(), '\n')
		if end < 0 && t.more() {
			continue
		}
		line := t.rest()
		if end >= 0 {
			line = line[:end]
		}
		if bytes.IndexByte(line, '"') < 0 {
			return t.line()
		}
		break
	}
	for {
		length, why := rowLength(t.rest(), t.failure != nil)
		if why == rowOpen && t.more() {
			continue
		}
		if why == rowOpen && t.err() != nil {
			return c, false
		}
		if why != "" {
			c, ok = t.line()
			c.malformed = why
			return c, ok
		}
		if t.err() != nil && length == t.end-t.start {
			return c, false
		}
		c.text = bytes.TrimSuffix(t.rest()[:length], []byte("\r"))
		c.tooLong = len(c.text) > MaxRecordBytes
		t.start = min(t.start+length+1, t.end)
		return c.headed(), true
	}
}

const rowOpen = "a quoted field does not end"

// rowLength measures the first row of b, its line end left out. last tells that
// nothing follows b. It returns rowOpen when the row goes on behind b, and what
// is wrong when it is no CSV.
func rowLength(b []byte, last bool) (length int, why string) {
	for i := 0; ; i++ { // each turn starts at a field
		if i < len(b) && b[i] == '"' {
			for i++; ; i += 2 {
				quote := bytes.IndexByte(b[i:], '"')
				if quote < 0 {
					return 0, rowOpen
				}
				if i += quote; i+1 >= len(b) || b[i+1] != '"' {
					break
				}
			}
			if i++; bytes.HasPrefix(b[min(i, len(b)):], []byte("\r\n")) {
				i++
			}
		} else {
			next := bytes.IndexAny(b[min(i, len(b)):], ",\n\"")
			if next < 0 {
				next = len(b) - i
			}
			i += next
		}
		switch {
		case i >= len(b) && last, last && string(b[i:]) == "\r":
			return len(b), ""
		case i >= len(b), string(b[i:]) == "\r":
			return 0, rowOpen
		case b[i] == '\n':
			return i, ""
		case b[i] == '"':
			return 0, "a quote stands inside a field that does not begin with one: quote the whole field and double the quotes in it"
		case b[i] != ',':
			return 0, "text follows a closing quote: double the quotes inside a quoted field"
		}
	}
}

// splitRow appends the fields of a row that row has cut. They share its memory.
func splitRow(fields []string, row string) []string {
	for {
		if strings.HasPrefix(row, `"`) {
			end := 1
			doubled := false
			for {
				end += strings.IndexByte(row[end:], '"')
				if end+1 >= len(row) || row[end+1] != '"' {
					break
				}
				doubled = true
				end += 2
			}
			field := row[1:end]
			if doubled {
				field = strings.ReplaceAll(field, `""`, `"`)
			}
			fields = append(fields, field)
			if end+1 >= len(row) {
				return fields
			}
			row = row[end+2:]
			continue
		}
		comma := strings.IndexByte(row, ',')
		if comma < 0 {
			return append(fields, row)
		}
		fields = append(fields, row[:comma])
		row = row[comma+1:]
	}
}

// header is the first row of a CSV file.
type header struct {
	names []string
	// columns is the place in the schema of each field, -1 for those that are
	// not known.
	columns []int
}

// readHeader reads the first row and holds it against the schema. Columns come
// in any order; those that every record needs must be there.
func (t *text) readHeader(s *schema, warn func(string)) (*header, error) {
	c, ok := t.row()
	for ok && len(bytes.TrimSpace(c.text)) == 0 {
		c, ok = t.row()
	}
	switch {
	case !ok && t.err() != nil:
		return nil, t.err()
	case !ok:
		return nil, ErrEmpty
	case c.malformed != "" || c.tooLong:
		return nil, fmt.Errorf("the first line is no header of a CSV file (%s); it should name the columns %s", firstOf(c.malformed, "it is longer than 1 MiB"), s.list(true))
	}
	h := &header{names: splitRow(nil, strings.ToValidUTF8(string(c.text), "\uFFFD"))}
	found := make([]bool, len(s.columns))
	for _, name := range h.names {
		at, known := s.index[name]
		switch {
		case !known:
			h.columns = append(h.columns, -1)
			if !slices.Contains(s.ignored, name) {
				warn("column " + quote(name) + " is not known and was not read")
			}
			continue
		case found[at]:
			return nil, fmt.Errorf("column %s is there twice", quote(name))
		}
		h.columns = append(h.columns, at)
		found[at] = true
	}
	var missing []string
	for i, column := range s.columns {
		if column.required && !found[i] {
			missing = append(missing, column.name)
		}
	}
	if len(missing) == 0 {
		return h, nil
	}
	hint := ""
	if len(h.names) == 1 {
		for _, separator := range ";\t|" {
			if strings.ContainsRune(h.names[0], separator) {
				hint = fmt.Sprintf(" (its columns are separated by %q: separate them by commas)", separator)
			}
		}
	}
	return nil, fmt.Errorf("the file lacks the columns %s%s; it needs %s", strings.Join(missing, ", "), hint, s.list(true))
}

func firstOf(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

// quote shows a value in a message, cut so that no message echoes a file.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
