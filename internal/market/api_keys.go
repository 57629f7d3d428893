package market

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// NewAPIKey is a key as it is made.
type NewAPIKey struct {
	Key models.APIKey
	// Text is the key itself. It is told once, to whoever makes the key: no store
	// keeps it, so an answer that is replayed lacks it, and so does a key that was
	// not made.
	Text string `json:"-"`
}

// CreateAPIKey makes a key of the name for a role and its organisation, with
// the scopes; what is empty is the viewer's own, and ExpiresAt is
// models.DefaultAPIKeyDays from now where it is zero. Violations are all those of
// models.APIKey.Check, ORGANIZATION_NOT_FOUND, and TOO_MANY_API_KEYS.
func (m *Market) CreateAPIKey(ctx context.Context, request Request, key models.APIKey, scopes []models.Scope) (*NewAPIKey, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (*NewAPIKey, bool, error) {
		now, viewer := m.CredentialNow(), request.Viewer
		if key.Role == "" {
			key.Role = viewer.Role
		}
		if key.Role == viewer.Role && key.Organization == "" {
			key.Organization = viewer.Organization
		}
		if key.ExpiresAt.IsZero() {
			key.ExpiresAt = now.AddDate(0, 0, models.DefaultAPIKeyDays)
		}
		random := make([]byte, models.APIKeyIDBytes+models.APIKeySecretBytes)
		rand.Read(random) // never fails
		made := &NewAPIKey{}
		key.ID, made.Text = models.NewAPIKeyText(random)
		key.Scopes, key.CreatedAt, key.CreatedBy, key.SecretHash = models.LimitedTo(scopes...), now, viewer.Subject, models.HashAPIKey(made.Text)
		vs := key.Check(viewer, scopes, now)
		unknown, err := organizationOf(w.Reader, key)
		if err = cmp.Or(err, vs.Merge(unknown).Err()); err != nil {
			return nil, false, err
		}
		good, err := w.CountAPIKeys(store.APIKeyFilter{Role: key.Role, Organization: key.Organization, GoodAt: now})
		if err == nil && good >= maxAPIKeys {
			err = violation("organization", models.CodeTooManyAPIKeys, fmt.Sprintf("has %d keys already: revoke those that nobody uses", good))
		}
		if err != nil {
			return nil, false, err
		}
		if made.Key = key; request.ValidateOnly {
			made.Text = ""
		}
		return made, true, w.CreateAPIKey(&key)
	})
}

// maxAPIKeys is about the most keys that are good at once for one role of one
// organisation: calls that come at once may each make the last.
const maxAPIKeys = 200

// organizationOf refuses a key for an organisation that does not exist: it would
// see an empty market and no fault.
func organizationOf(r *store.Reader, key models.APIKey) (models.Violations, error) {
	known := 1
	switch {
	case key.Organization == "":
	case key.Role == models.RolePublisher:
		publishers, err := r.Publishers([]string{key.Organization})
		if err != nil {
			return nil, err
		}
		known = len(publishers)
	case key.Role == models.RoleReseller:
		resellers, _, err := r.Resellers(store.ResellerFilter{IDs: []string{key.Organization}}, store.Page{})
		if err != nil {
			return nil, err
		}
		known = len(resellers)
	}
	if known > 0 {
		return nil, nil
	}
	return violation("organization", models.CodeOrganizationNotOne, models.Quote(key.Organization)+" is no "+string(key.Role)+" of this market"), nil
}

// RevokeAPIKey revokes a key for good: it is refused from the next request on,
// everywhere. Revoking again changes nothing. The violation is NOT_FOUND.
func (m *Market) RevokeAPIKey(ctx context.Context, request Request, id string) (*models.APIKey, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) (*models.APIKey, bool, error) {
		key, err := w.RevokeAPIKey(id, m.CredentialNow())
		if errors.Is(err, store.ErrNotFound) {
			err = violation("id", models.CodeNotFound, models.Quote(id)+" is not an API key of yours")
		}
		return key, err == nil, err
	})
}

// RecordAPIKeyUses notes when keys were used last.
func (m *Market) RecordAPIKeyUses(ctx context.Context, uses map[string]time.Time) error {
	if len(uses) == 0 {
		return nil
	}
	return m.Store.Write(ctx, models.System, func(w *store.Writer) error { return w.UseAPIKeys(uses) })
}

// CredentialNow is the instant by which credentials live: the machine's, also
// where the market's clock stands still or shows another time.
func (m *Market) CredentialNow() time.Time {
	if m.CredentialClock == nil {
		return m.Now()
	}
	return m.CredentialClock().UTC().Truncate(time.Microsecond)
}
