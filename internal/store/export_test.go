package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"

	"sellthrough/models"
)

// Count counts the rows of a table.
func Count(t testing.TB, s *Store, table string) (n int) {
	t.Helper()
	if err := s.readers.sql.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// BareText is what BareInsert sends to a MySQL server, made beforehand.
func BareText(records []models.UsageRecord) (text []byte) {
	for i := range records {
		text = appendUsage(text, &records[i])
	}
	return text
}

// BareInsert stores the records in the fastest way that the engine has, in one
// transaction, with nothing around it.
func BareInsert(s *Store, records []models.UsageRecord, text []byte) error {
	tx, err := s.writer.sql.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if s.dialect.name == sqliteName {
		statement, err := tx.Prepare("INSERT INTO usage_records (" + joinColumns(usageColumns) + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
		if err != nil {
			return err
		}
		for i := range records {
			u := &records[i]
			if _, err := statement.Exec(u.PublisherID, u.Source, u.ExternalID, u.OccurredAt, u.RecordedAt, u.Digest[:], u.ResellerTenantID, u.SubscriptionID, u.MeterID, u.Quantity.String()); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	mysqldriver.RegisterReaderHandler("bare", func() io.Reader { return bytes.NewReader(text) })
	defer mysqldriver.DeregisterReaderHandler("bare")
	if _, err := tx.Exec("LOAD DATA LOCAL INFILE 'Reader::bare' INTO TABLE usage_records CHARACTER SET binary (" + joinColumns(usageColumns) + ")"); err != nil {
		return err
	}
	return tx.Commit()
}

// Newest is the version that the last migration brings a schema to.
func Newest(t testing.TB) int64 {
	t.Helper()
	files, err := embedded.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	var version int64
	if _, err := fmt.Sscanf(files[len(files)-1].Name(), "%d_", &version); err != nil {
		t.Fatal(err)
	}
	return version
}

// Exec runs a statement behind the store's back.
func Exec(t testing.TB, s *Store, statement string) {
	t.Helper()
	if _, err := s.writer.sql.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// WithoutLoadData makes the store treat its server as one that refuses LOAD
// DATA LOCAL.
func WithoutLoadData(s *Store) { s.dialect.loadData = false }

// LoadsData tells whether usage goes in by LOAD DATA LOCAL.
func LoadsData(s *Store) bool { return s.dialect.loadData }

// Retryable tells whether Write would try again after the error.
func Retryable(s *Store, err error) bool { return s.dialect.retryable(err) }

// Busy is the error of a writer of another process that waited in vain.
func Busy(t testing.TB, s *Store) error {
	t.Helper()
	var path string
	if err := s.readers.sql.QueryRow("SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	other, err := openSQLite(context.Background(), "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(0)")
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
