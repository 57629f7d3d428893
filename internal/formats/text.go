package formats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxRecordBytes bounds the text of one record. A longer one is a violation of
// that record; it is skipped without being held in memory.
const MaxRecordBytes = 1 << 20

// headBytes is how much of a record that is too long is kept to show.
const headBytes = 200

// text is a window on a file: the cutting of records out of a stream. What a
// method returns is valid until the next call.
type text struct {
	in         io.Reader
	window     []byte
	start, end int   // window[start:end] is not cut yet
	failure    error // why no more can be read, io.EOF at the end
}

func newText(in io.Reader) *text {
	return &text{in: in, window: make([]byte, 1<<16)}
}

func (t *text) rest() []byte { return t.window[t.start:t.end] }

// more reads on. It is false at the end of the file, and when the window holds
// more than the longest record.
func (t *text) more() bool {
	if t.failure != nil || t.end-t.start > MaxRecordBytes {
		return false
	}
	if t.end == len(t.window) {
		if t.start == 0 {
			t.window = append(t.window, make([]byte, len(t.window))...)
		} else {
			t.end = copy(t.window, t.rest())
			t.start = 0
		}
	}
	for range 100 {
		n, err := t.in.Read(t.window[t.end:])
		t.end += n
		if err != nil {
			t.failure = err
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	t.failure = io.ErrNoProgress
	return false
}

// err is why the file could not be read to its end, nil at the end. A reader
// asks it before it trusts a last record that no line end closes.
func (t *text) err() error {
	switch {
	case t.failure == nil || t.failure == io.EOF:
		return nil
	case errors.Is(t.failure, io.ErrUnexpectedEOF):
		return errors.New("the file is cut off: its compression does not end; the records before the cut were read")
	}
	return fmt.Errorf("the file cannot be read on: %w", t.failure)
}

// begin looks at the first bytes: it steps over a UTF-8 byte order mark,
// refuses UTF-16 and what holds nothing, and returns the first byte that is no
// white space.
func (t *text) begin() (first byte, err error) {
	for t.end-t.start < 4 && t.more() {
	}
	head := t.rest()
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		t.start += 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")),
		len(head) > 1 && (head[0] == 0) != (head[1] == 0):
		return 0, errors.New("the file is UTF-16, not UTF-8: save it as UTF-8")
	}
	for at := 0; ; {
		for ; at < t.end-t.start; at++ {
			if c := t.rest()[at]; !isSpace(c) {
				return c, nil
			}
		}
		if !t.more() {
			if err := t.err(); err != nil {
				return 0, err
			}
			if t.failure == nil {
				return 0, errors.New("the file begins with more than 1 MiB of white space")
			}
			return 0, ErrEmpty
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// cut is a piece of the file: one record, still text.
type cut struct {
	text []byte
	// tooLong tells that text is only the head of a record beyond
	// MaxRecordBytes; the rest was skipped.
	tooLong bool
	// malformed says why text, one line, is no record.
	malformed string
}

// line cuts one line, without its end. ok is false at the end of the file.
func (t *text) line() (c cut, ok bool) {
	for seen := 0; ; {
		if i := bytes.IndexByte(t.rest()[seen:], '\n'); i >= 0 {
			c.text = bytes.TrimSuffix(t.rest()[:seen+i], []byte("\r"))
			t.start += seen + i + 1
			c.tooLong = len(c.text) > MaxRecordBytes
			return c.headed(), true
		}
		seen = t.end - t.start
		if !t.more() {
			break
		}
	}
	if t.failure == nil { // the window is full
		c = cut{text: bytes.Clone(t.rest()[:headBytes]), tooLong: true}
		t.skipLine()
		return c, t.err() == nil
	}
	c.text = bytes.TrimSuffix(t.rest(), []byte("\r"))
	c.tooLong = len(c.text) > MaxRecordBytes
	t.start = t.end
	return c.headed(), len(c.text) > 0 && t.err() == nil
}

func (c cut) headed() cut {
	if c.tooLong {
		c.text = c.text[:headBytes]
	}
	return c
}

// skipLine drops everything up to the next line end.
func (t *text) skipLine() {
	for {
		if i := bytes.IndexByte(t.rest(), '\n'); i >= 0 {
			t.start += i + 1
			return
		}
		t.start = t.end
		if !t.more() {
			return
		}
	}
}
