package formats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// entries cuts the records out of a JSON document: the elements of an array at
// the top, those of the array under the envelope's key (`{"items": [...]}`), or
// objects one after the other. It holds one entry in memory, never the
// document.
type entries struct {
	text     *text
	envelope string // the key, "" where none is known
	around   func(name, value string) error
	inObject bool // inside an envelope
	inArray  bool
	behind   bool // an element or member was read: a comma or an end follows
}

var errDocument = errors.New("the file is not a JSON document from here on")

// next cuts the next entry. ok is false at the end of the document.
func (e *entries) next() (c cut, ok bool, err error) {
	for {
		first, more := e.text.peek()
		if !more {
			if err := e.text.err(); err != nil {
				return c, false, err
			}
			if e.inArray || e.inObject {
				return c, false, fmt.Errorf("%w: it ends before its last bracket", errDocument)
			}
			return c, false, nil
		}
		if (e.inArray || e.inObject) && e.behind && first == ',' {
			e.text.start++
			e.behind = false
			continue
		}
		switch {
		case e.inArray && first == ']':
			e.inArray, e.behind = false, true
			e.text.start++
		case !e.inArray && e.inObject && first == '}':
			e.inObject, e.behind = false, false
			e.text.start++
		case (e.inArray || e.inObject) && e.behind:
			return c, false, fmt.Errorf("%w: a comma or a closing bracket is missing", errDocument)
		case e.inArray:
			e.behind = true
			return e.text.value()
		case e.inObject:
			if err := e.member(); err != nil {
				return c, false, err
			}
		case first == '[':
			e.inArray, e.behind = true, false
			e.text.start++
		case first == '{' && e.text.enveloped(e.envelope):
			e.inObject, e.behind = true, false
			e.text.start++
		default:
			return e.text.value()
		}
	}
}

// member steps into the envelope's array, or over another member.
func (e *entries) member() error {
	key, ok, err := e.text.value()
	if err != nil || !ok {
		return err
	}
	name := string(key.text)
	isEnvelope := name == `"`+e.envelope+`"`
	if colon, ok := e.text.peek(); !ok || colon != ':' {
		return fmt.Errorf("%w: a colon is missing", errDocument)
	}
	e.text.start++
	if first, ok := e.text.peek(); ok && isEnvelope && first == '[' {
		e.text.start++
		e.inArray, e.behind = true, false
		return nil
	}
	e.behind = true
	value, ok, err := e.text.value()
	if err != nil || !ok || e.around == nil {
		return err
	}
	if !json.Valid([]byte(name)) || name[0] != '"' || !value.tooLong && !json.Valid(value.text) {
		return fmt.Errorf("%w: what stands beside the %s is not JSON", errDocument, e.envelope)
	}
	return e.around(unquote(name), string(value.text))
}

// peek returns the next byte that is no white space, without cutting it.
func (t *text) peek() (byte, bool) {
	for {
		for ; t.start < t.end; t.start++ {
			if c := t.window[t.start]; !isSpace(c) {
				return c, true
			}
		}
		if !t.more() {
			return 0, false
		}
	}
}

// value cuts one JSON value by its brackets alone; whether it is JSON inside is
// for json.Valid.
func (t *text) value() (c cut, ok bool, err error) {
	if _, ok := t.peek(); !ok {
		return c, false, firstError(t.err(), fmt.Errorf("%w: it ends where a value should stand", errDocument))
	}
	var b brackets
	for seen := 0; ; {
		n, done := b.scan(t.rest()[seen:])
		seen += n
		if done {
			if seen == 0 {
				return c, false, fmt.Errorf("%w: %s stands where a value should", errDocument, quote(string(t.rest()[:1])))
			}
			c.text = t.rest()[:seen]
			c.tooLong = c.tooLong || seen > MaxRecordBytes
			t.start += seen
			if c.tooLong {
				c.text = nil
			}
			return c, true, nil
		}
		if t.more() {
			continue
		}
		if t.failure != nil {
			if b.depth == 0 && !b.inString && t.err() == nil { // a number or word at the very end
				c.text = t.rest()
				t.start = t.end
				return c, true, nil
			}
			return c, false, firstError(t.err(), fmt.Errorf("%w: it ends inside a value", errDocument))
		}
		// Longer than any record may be: find its end without keeping it.
		c.tooLong = true
		t.start, seen = t.end, 0
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// brackets follows the nesting of one JSON value through pieces of its text.
type brackets struct {
	depth             int
	begun             bool
	inString, escaped bool
}

// scan reads on; done tells that the value ends n bytes into b.
func (s *brackets) scan(b []byte) (n int, done bool) {
	for i, c := range b {
		switch {
		case s.escaped:
			s.escaped = false
		case s.inString:
			switch c {
			case '\\':
				s.escaped = true
			case '"':
				s.inString = false
				if s.depth == 0 {
					return i + 1, true
				}
			}
		case c == '"':
			if s.depth == 0 && s.begun {
				return i, true
			}
			s.inString = true
		case c == '{' || c == '[':
			if s.depth == 0 && s.begun {
				return i, true
			}
			s.depth++
		case c == '}' || c == ']':
			if s.depth == 0 {
				return i, true
			}
			if s.depth--; s.depth == 0 {
				return i + 1, true
			}
		case s.depth == 0 && (c == ',' || c == ':' || isSpace(c)):
			return i, true
		}
		s.begun = true
	}
	return len(b), false
}

// enveloped tells whether the object that begins here holds an array under the
// key, as far as the window reaches.
func (t *text) enveloped(key string) bool {
	if key == "" {
		return false
	}
	for t.more() {
	}
	ahead := &text{window: t.window, start: t.start + 1, end: t.end, failure: io.EOF}
	for {
		name, ok, err := ahead.value()
		if colon, more := ahead.peek(); err != nil || !ok || !more || colon != ':' {
			return false
		}
		ahead.start++
		first, more := ahead.peek()
		if !more {
			return false
		}
		if string(name.text) == `"`+key+`"` && first == '[' {
			return true
		}
		if _, ok, err := ahead.value(); err != nil || !ok {
			return false
		}
		if comma, more := ahead.peek(); !more || comma != ',' {
			return false
		}
		ahead.start++
	}
}

// oneALine tells JSON Lines from one document spread over lines, by the first
// line: a document leaves it open.
func (t *text) oneALine(envelope string) bool {
	if first, ok := t.peek(); !ok || first == '[' {
		return false
	}
	if t.enveloped(envelope) {
		return false
	}
	for bytes.IndexByte(t.rest(), '\n') < 0 && t.more() {
	}
	line, _, _ := bytes.Cut(t.rest(), []byte("\n"))
	line = bytes.TrimSpace(line)
	return len(line) <= MaxRecordBytes && !bytes.ContainsAny(line[len(line)-1:], "{[,:")
}

// members walks the members of a JSON object that json.Valid has accepted, in
// order. Keys are unquoted; values are their text.
func members(object string) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for key, value := range elements(object) {
			if !yield(unquote(key), value) {
				return
			}
		}
	}
}

// elements walks the parts of a valid JSON object (key, value) or array ("",
// value).
func elements(nested string) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		inner := strings.Trim(nested, " \t\r\n")
		isObject := inner[0] == '{'
		inner = inner[1 : len(inner)-1]
		for {
			inner = strings.TrimLeft(inner, " \t\r\n,")
			if inner == "" {
				return
			}
			key := ""
			if isObject {
				n := valueLength(inner)
				key, inner = inner[:n], strings.TrimLeft(inner[n:], " \t\r\n:")
			}
			n := valueLength(inner)
			if !yield(key, inner[:n]) {
				return
			}
			inner = inner[n:]
		}
	}
}

// valueLength measures the valid JSON value at the start of s.
func valueLength(s string) int {
	switch s[0] {
	case '"':
		for i := 1; ; i++ {
			switch s[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch s[i] {
			case '"':
				i += valueLength(s[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	if i := strings.IndexAny(s, ",]} \t\r\n"); i >= 0 {
		return i
	}
	return len(s)
}

// unquote reads a valid JSON string.
func unquote(quoted string) string {
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(quoted), &s) // valid by contract
	return s
}
