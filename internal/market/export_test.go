package market

import (
	"context"

	"sellthrough/internal/rating"
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

// Follow brings the index that is kept up to what is committed, as KeepIndex does.
func (m *Market) Follow(ctx context.Context) error {
	kept, err := m.followed(ctx, m.kept.Load())
	if err == nil {
		m.kept.Store(kept)
	}
	return err
}

// Kept is the index that is kept and the last change that it holds, nil and -1
// where there is none.
func (m *Market) Kept() (*rating.Index, int64) {
	if kept := m.kept.Load(); kept != nil {
		return kept.Index, kept.change
	}
	return nil, -1
}
