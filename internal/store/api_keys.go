package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"sellthrough/models"
)

// APIKeyFilter narrows a list of API keys, as ProductFilter does.
type APIKeyFilter struct {
	IDs          []string
	Role         models.Role
	Organization string
	// GoodAt, where it is set, leaves out what is revoked, and what has ended by
	// then.
	GoodAt time.Time
}

// APIKeyByID finds the key that somebody signs in with, before anybody is known:
// one statement by primary key, so that a key that is revoked is refused from
// the next request on. ErrNotFound: there is none.
func (s *Store) APIKeyByID(ctx context.Context, id string) (*models.APIKey, error) {
	var keys []models.APIKey
	db := s.readers.gorm.Session(&gorm.Session{NewDB: true, Context: ctx})
	if err := db.Table("api_keys").Where("id = ?", id).Limit(1).Find(&keys).Error; err != nil {
		return nil, ended(ctx, wrap(err))
	}
	if len(keys) == 0 {
		return nil, ErrNotFound
	}
	return &keys[0], nil
}

func (r *Reader) apiKeys(f APIKeyFilter) *gorm.DB {
	query := r.in(r.from("api_keys"), "id", f.IDs)
	if !f.GoodAt.IsZero() {
		query = query.Where("revoked_at IS NULL AND expires_at > ?", f.GoodAt)
	}
	return equal(equal(query, "role", string(f.Role)), "organization", f.Organization)
}

// APIKeys lists keys by id. Nobody but an operator sees those of another role.
func (r *Reader) APIKeys(filter APIKeyFilter, page Page) ([]models.APIKey, bool, error) {
	return pageOf[models.APIKey](r, "api_keys", r.apiKeys(filter), page, "id")
}

// CountAPIKeys counts what APIKeys lists.
func (r *Reader) CountAPIKeys(filter APIKeyFilter) (int64, error) {
	return count(r, r.apiKeys(filter))
}

// CreateAPIKey stores a new key. One that the viewer may not hand on is
// ErrNotFound.
func (w *Writer) CreateAPIKey(k *models.APIKey) error {
	if !w.viewer.MayActFor(k.Role, k.Organization) {
		return ErrNotFound
	}
	return wrap(w.db.Table("api_keys").Create(k).Error)
}

// RevokeAPIKey revokes a key as of an instant and returns it. The first
// revocation stands. ErrNotFound: there is none that the viewer may see.
func (w *Writer) RevokeAPIKey(id string, at time.Time) (*models.APIKey, error) {
	query := func() *gorm.DB { return w.from("api_keys").Where("id = ?", id) }
	if err := query().Where("revoked_at IS NULL").Update("revoked_at", at).Error; err != nil {
		return nil, wrap(err)
	}
	return one[models.APIKey](w.Reader, "api_keys", query())
}

// UseAPIKeys notes when keys were used last. An instant before one that is noted
// already changes nothing.
func (w *Writer) UseAPIKeys(uses map[string]time.Time) error {
	var errs []error
	for id, at := range uses {
		errs = append(errs, wrap(w.from("api_keys").Where("id = ? AND (last_used_at IS NULL OR last_used_at < ?)", id, at).Update("last_used_at", at).Error))
	}
	return errors.Join(errs...)
}
