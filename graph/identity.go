package graph

import (
	"context"

	"sellthrough/graph/generated"
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

// newAPIKey reads a key to be made, and the scopes that it is to have.
func newAPIKey(in generated.CreateAPIKeyInput) (models.APIKey, []models.Scope) {
	key := models.APIKey{Name: in.Name, Role: value(in.Role), ExpiresAt: value(in.ExpiresAt)}
	if in.Organization != nil {
		key.Organization = bareGUID(kindReseller, bare(kindPublisher, *in.Organization))
	}
	return key, in.Scopes
}

func apiKeyFilter(where *generated.APIKeyWhere) store.APIKeyFilter {
	if where == nil {
		return store.APIKeyFilter{}
	}
	filter := store.APIKeyFilter{IDs: bareAll(bare, kindAPIKey, where.Ids), Role: value(where.Role)}
	if where.Organization != nil {
		filter.Organization = bareGUID(kindReseller, bare(kindPublisher, *where.Organization))
	}
	return filter
}

// given is nil for an empty text.
func given[T ~string](text T) *T {
	if text == "" {
		return nil
	}
	return &text
}
