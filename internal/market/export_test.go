package market

import (
	"context"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// RowsRead loads the facts of a query as Lines does, and counts the rows read
// by table.
func (m *Market) RowsRead(viewer models.Viewer, query LineQuery) (rows map[string]int, err error) {
	err = m.Store.Read(context.Background(), viewer, func(r *store.Reader) error {
		_, err := m.facts(r, query)
		rows = r.RowsRead()
		return err
	})
	return rows, err
}

// Change is change.
func Change[T any](ctx context.Context, m *Market, request Request, run func(w *store.Writer) (T, bool, error)) (T, models.Violations, error) {
	return change(ctx, m, request, run)
}
