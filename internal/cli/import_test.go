package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

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
	_, err := importRecords(ctx, job, reader, 1, func([]models.Record, market.Faults) ([]market.Outcome, error) {
		cancel()
		return nil, errors.New("store: interrupted (9)")
	})
	if err == nil || explain(err) != "it was told to stop" {
		t.Errorf("%v", err)
	}
}
