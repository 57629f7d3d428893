package graph

import (
	"context"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// organizationName is the name of the viewer's organisation, nil where the
// catalogue knows none.
func (r *Resolver) organizationName(ctx context.Context, viewer *models.Viewer) (name *string, err error) {
	err = r.Market.Store.Read(ctx, *viewer, func(reader *store.Reader) error {
		switch viewer.Role {
		case models.RolePublisher:
			rows, err := reader.Publishers([]string{viewer.Organization})
			if len(rows) == 1 {
				name = &rows[0].Name
			}
			return err
		case models.RoleReseller:
			rows, _, err := reader.Resellers(store.ResellerFilter{IDs: []string{viewer.Organization}}, store.Page{})
			if len(rows) == 1 {
				name = &rows[0].Name
			}
			return err
		}
		return nil
	})
	return name, err
}
