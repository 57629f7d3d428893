// Package storetest gives tests fresh databases on every engine. The server of
// the MySQL family comes from the environment; without one a test fails, since
// an engine that nobody tests is not supported.
package storetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"sellthrough/internal/store"
)

// Environment names the variable with the URL of a server for tests, such as
// mysql://root@127.0.0.1:3306/test. Its user must be allowed to create
// databases.
const Environment = "SELLTHROUGH_TEST_MYSQL"

// Dialects lists the engines, as Store.Dialect names them.
var Dialects = []string{"sqlite", "mysql"}

// Engines runs f as a subtest on each engine. open opens the subtest's own
// database, empty at first; called again, it opens another Store on the same.
// Stores and database are gone when the subtest ends.
func Engines(t *testing.T, f func(t *testing.T, open func() *store.Store)) {
	t.Helper()
	Databases(t, func(t *testing.T, url string) {
		f(t, func() *store.Store { return Open(t, url) })
	})
}

// Databases runs f as a subtest on each engine, with the URL of the subtest's
// own empty database.
func Databases(t *testing.T, f func(t *testing.T, url string)) {
	t.Helper()
	for _, dialect := range Dialects {
		t.Run(dialect, func(t *testing.T) { f(t, Database(t, dialect)) })
	}
}

// Open opens the database at url and closes it when the test ends.
func Open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Database makes an empty database of the dialect, and returns its URL for
// store.Open. It is gone when the test ends.
func Database(t testing.TB, dialect string) string {
	t.Helper()
	if dialect == "sqlite" {
		return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	}
	text := os.Getenv(Environment)
	if text == "" {
		t.Fatal("no MySQL server to test with: run ./test.sh, which starts one, or set " + Environment + " to mysql://user:password@host:port/name")
	}
	server, err := url.Parse(text)
	if err != nil {
		t.Fatal(Environment + " is no URL: write mysql://user:password@host:port/name")
	}
	db := Dial(t, server.String())
	name := "sellthrough_test_" + rand.Text()
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("the server of %s: %v", Environment, err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE " + name); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	server.Path = "/" + name
	return server.String()
}
