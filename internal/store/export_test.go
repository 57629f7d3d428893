package store

import (
	"context"
	"strings"
	"testing"
)

// Exec runs a statement behind the store's back.
func Exec(t testing.TB, s *Store, statement string) {
	t.Helper()
	if _, err := s.writer.sql.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// Retryable tells whether Write would try again after the error.
func Retryable(s *Store, err error) bool { return s.dialect.retryable(err) }

// Busy is the error of a writer of another process that waited in vain.
func Busy(t testing.TB, s *Store) error {
	t.Helper()
	var path string
	if err := s.readers.sql.QueryRow("SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	other, err := openSQLite("file:" + path + "?_txlock=immediate&_pragma=busy_timeout(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer other.sql.Close()
	tx, err := s.writer.sql.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	_, err = other.sql.BeginTx(context.Background(), nil)
	if err == nil || !strings.Contains(err.Error(), "locked") {
		t.Fatalf("%v, want busy", err)
	}
	return err
}
