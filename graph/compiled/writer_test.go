package compiled_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"sellthrough/graph/compiled"
)

// list writes entries as generated code does, and tells whether all are.
func list(w *compiled.Writer, entries ...string) bool {
	for i, entry := range entries {
		if !w.Next(i) {
			return false
		}
		w.Bytes = append(w.Bytes, entry...)
	}
	return true
}

// An answer of many pieces takes as much memory as one of a few.
func TestWriterSendsWhatItHasGathered(t *testing.T) {
	var sent bytes.Buffer
	largest := 0
	w := compiled.NewWriter([]byte("<"), func(piece []byte) error {
		largest = max(largest, len(piece))
		sent.Write(piece)
		return nil
	})
	entries := slices.Repeat([]string{strings.Repeat("x", 1000)}, 1000)
	w.Begin(t.Context())
	if !list(w, entries...) || !w.Done() || !w.Flushed() || w.Failed() || !w.Holds(nil) {
		t.Errorf("flushed %t, failed %t", w.Flushed(), w.Failed())
	}
	if got := sent.String() + string(w.Bytes); got != "<"+strings.Join(entries, ",") {
		t.Errorf("%d bytes differ", len(got))
	}
	if largest > 40_000 || cap(w.Bytes) > 80_000 {
		t.Errorf("a piece of %d bytes, a buffer of %d", largest, cap(w.Bytes))
	}
}

// What cannot be written is taken back as long as nothing was sent.
func TestWriterTakesBack(t *testing.T) {
	w := compiled.NewWriter([]byte("<"), func([]byte) error { t.Error("sent"); return nil })
	w.Begin(t.Context())
	list(w, `"a"`, "null")
	w.NotNull()
	if w.Done() || w.Failed() || string(w.Bytes) != "<" {
		t.Errorf("%q is left", w.Bytes)
	}
	w.Begin(t.Context())
	w.Null(true)
	if !w.Done() || string(w.Bytes) != "<null" || !w.Holds(w.Bytes[1:]) || w.Holds([]byte("null")) || w.Holds(nil) {
		t.Errorf("%q is written", w.Bytes)
	}
}

// What was sent cannot be taken back, and what cannot be sent ends the answer.
func TestWriterFails(t *testing.T) {
	long := strings.Repeat("x", 40_000)
	w := compiled.NewWriter(nil, func([]byte) error { return nil })
	w.Begin(t.Context())
	list(w, long, "y")
	w.Null(false)
	if !w.Done() || !w.Failed() {
		t.Error("a piece is taken for the whole")
	}
	pieces := 0
	w = compiled.NewWriter(nil, func([]byte) error { pieces++; return errors.New("gone") })
	w.Begin(t.Context())
	if list(w, long, long, long) || !w.Failed() || pieces != 1 {
		t.Errorf("%d pieces to a client that is gone", pieces)
	}
}
