package store_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
)

// Only a marked database that nobody else has open is erased; any other keeps
// every byte. Tables of other programs in it stay.
func TestErase(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			url := storetest.Database(t, dialect)
			open := func() *store.Store {
				s, err := store.Open(t.Context(), url, store.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			refused := func(want string) {
				t.Helper()
				var said *store.Error
				if err := store.Erase(t.Context(), url, "demo"); !errors.As(err, &said) || !strings.Contains(said.Message, want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if err := store.Erase(t.Context(), url, "demo"); err != nil {
				t.Fatalf("a database that is not there: %v", err)
			}
			s := open()
			write(t, s, func(w *store.Writer) error { return w.SetSetting("other", "1") })
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			before := content(t, url)
			refused("is not marked as the demo's")
			if !bytes.Equal(before, content(t, url)) {
				t.Error("the file of a refused database has changed")
			}

			s = open()
			write(t, s, func(w *store.Writer) error {
				_, err := w.SaveRecord(catalogue()[0], now)
				return errors.Join(err, w.SetSetting("demo", "1"))
			})
			store.Exec(t, s, "CREATE TABLE theirs (id INTEGER PRIMARY KEY)")
			refused("another program has the database")
			if store.Count(t, s, "publishers") != 1 {
				t.Error("a database that another has open lost its rows")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := store.Erase(t.Context(), url, "demo"); err != nil {
				t.Fatal(err)
			}
			refused("is not marked as the demo's") // it holds nothing but their table
			s = open()
			defer s.Close()
			if store.Count(t, s, "theirs")+store.Count(t, s, "publishers")+store.Count(t, s, "settings") != 0 {
				t.Error("rows are left")
			}
		})
	}
}

func content(t *testing.T, url string) []byte {
	path, embedded := strings.CutPrefix(url, "sqlite:")
	if !embedded {
		return nil
	}
	bytes, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
