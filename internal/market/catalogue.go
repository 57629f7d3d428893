package market

import (
	"context"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// SaveCatalogue creates and updates catalogue records in one transaction and
// answers each for itself, in the order given; later ones may name earlier
// ones. A record that changes nothing is a DUPLICATE. Violations are the
// request's own; with them, or with an error, nothing was saved.
func (m *Market) SaveCatalogue(ctx context.Context, request Request, records []models.Record, faults Faults) ([]Outcome, models.Violations, error) {
	return record(ctx, m, "catalogue", request, func(w *store.Writer) ([]Outcome, error) {
		outcomes := make([]Outcome, len(records))
		good, places := make([]models.Record, 0, len(records)), make([]int, 0, len(records))
		for i, record := range records {
			vs := faults.of(i)
			if len(vs) == 0 {
				vs = record.Check()
			}
			if len(vs) > 0 {
				outcomes[i].reject(vs)
				continue
			}
			good, places = append(good, record), append(places, i)
		}
		saved, err := w.SaveRecords(good, m.Now())
		for i, s := range saved {
			switch o := &outcomes[places[i]]; s.Saved {
			case store.Created, store.Updated:
				o.Status = Accepted
			case store.Unchanged:
				o.Status = Duplicate
			default:
				o.reject(s.Violations)
			}
		}
		return outcomes, err
	})
}
