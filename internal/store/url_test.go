package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// What cannot be opened is said in words, without the password and without
// a driver's text.
func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"":                                  "no database is named",
		"sales.db":                          "no scheme",
		"sqlite:":                           "names no file",
		"postgres://x:hush@h/db":            "unknown scheme",
		"sqlite:" + folder + "/none/x.db":   "there is no folder",
		"sqlite:" + folder:                  "cannot open the database",
		"sqlite:" + text:                    "not a SQLite database",
		"mysql://user:hush@host/a/b":        "names no database",
		"mysql://user:hush@host":            "names no database",
		"mysql://user:hush@/db":             "names no host",
		"mysql://host/db":                   "names no user",
		"mysql://user:hush@host/db?tls=1":   "takes no options",
		"mysql://user:hush%zz@host/db":      "reserved characters",
		"mysql://user:hush@host:port/db":    "reserved characters",
		"mysql://user:hush@127.0.0.1:1/db":  "no server answers there",
		"mysql://user:hu/sh@127.0.0.1:1/db": "reserved characters",
	} {
		_, err := store.Open(context.Background(), url, store.Options{})
		var e *store.Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
	}
	url := storetest.Database(t, "mysql")
	wrong := strings.Replace(url, "://", "://nobody:hush@", 1)
	wrong = wrong[:strings.Index(wrong, "hush@")+5] + wrong[strings.LastIndex(wrong, "@")+1:]
	for url, want := range map[string]string{url + "x": "no database of this name", wrong: "refuses this user and password"} {
		_, err := store.Open(context.Background(), url, store.Options{})
		var e *store.Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A file may have any name, and a private database is gone after Close.
func TestSQLiteFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "50% of a?b#c é.db")
	write(t, storetest.Open(t, "sqlite:"+path), func(w *store.Writer) error { return w.SetSetting("x", "y") })
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	one, err := store.Open(context.Background(), "sqlite::memory:", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, one, func(w *store.Writer) error { return w.SetSetting("x", "y") })
	read(t, storetest.Open(t, "sqlite::memory:"), models.System, func(r *store.Reader) {
		if _, ok, err := r.Setting("x"); ok || err != nil {
			t.Errorf("private databases are the same one: %v %v", ok, err)
		}
	})
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 1 {
		t.Errorf("%v are left, want those of the other: %v", left, err)
	}
}
