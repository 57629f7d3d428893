package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/formats"
	"sellthrough/internal/market"
	"sellthrough/models"
)

// An import that is told to stop says so, whatever words the database has for
// it: SQLite calls it an interrupt.
func TestStoppedInTheDatabase(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader := formats.ReadExchangeRates(strings.NewReader("CurrencyCode,USDPerUnit,Month\nEUR,1.1,2024-05\n"))
	job := importJob{rejectedPath: filepath.Join(t.TempDir(), "rejected.jsonl"), progress: func(int) {}, warn: func(string) {}}
	_, err := importRecords(ctx, job, reader, 1, func([]models.Record, market.Faults) ([]market.Outcome, models.Violations, error) {
		cancel()
		return nil, nil, errors.New("store: interrupted (9)")
	})
	if err == nil || explain(err) != "it was told to stop" {
		t.Errorf("%v", err)
	}
}

// The demo shows how to go on, and never a password.
func TestWelcome(t *testing.T) {
	for database, want := range map[string]string{
		"sqlite:sellthrough-demo.db":                     "sellthrough verify --database 'sqlite:sellthrough-demo.db'",
		"mysql://anna:s3cret@db.example:3306/market":     "put its URL into SELLTHROUGH_DATABASE, then sellthrough verify",
		"mysql://anna:s3cret%40x@db.example:3306/market": "put its URL into SELLTHROUGH_DATABASE, then sellthrough verify",
		"mysql://anna:s3cr@et@db.example:3306/market":    "put its URL into SELLTHROUGH_DATABASE, then sellthrough verify",
	} {
		var out strings.Builder
		(&Program{Stdout: &out}).welcome("127.0.0.1:8080", database, time.Time{}, nil)
		if !strings.Contains(out.String(), "Other commands on it: "+want+"\n") || strings.Contains(out.String(), "s3cr") || strings.Contains(out.String(), "anna") {
			t.Errorf("%s:\n%s", database, out.String())
		}
	}
}
