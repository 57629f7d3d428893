package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"sellthrough/models"
)

// MaxCredentialLength bounds a credential, in bytes.
const MaxCredentialLength = 16 << 10

// Identity finds out who a credential stands for, whatever its kind. The kind
// follows from its shape and, of a JSON Web Token, from who says to have issued
// it; then that kind alone verifies it. Nothing is tried one after the other,
// so no kind can be taken in by a credential made for another.
type Identity struct {
	// Tokens are what this system issues itself.
	Tokens *Tokens
	// Keys are API keys, nil for none.
	Keys *Keys
	// Issuers are the identity providers that are trusted, nil for none.
	Issuers *Issuers
}

// Viewer returns who the credential was issued to, as of now. A refusal is
// ErrToken and says why, where that helps nobody but its owner; any other error
// is a fault of this system.
func (i *Identity) Viewer(ctx context.Context, credential string, now time.Time) (models.Viewer, error) {
	if len(credential) > MaxCredentialLength {
		return models.Viewer{}, refuse("it has more than %d bytes", MaxCredentialLength)
	}
	if strings.HasPrefix(credential, models.APIKeyPrefix) && i.Keys != nil {
		return i.Keys.viewer(ctx, credential, now)
	}
	if viewer, good := i.Tokens.remembers(credential, now); good {
		return viewer, nil // only what our own key has signed is remembered
	}
	switch iss, ok := issuerOf(credential); {
	case !ok:
		return models.Viewer{}, refuse("it is neither an API key nor a JSON Web Token")
	case iss == issuer:
		return i.Tokens.Viewer(ctx, credential, now)
	case i.Issuers != nil:
		return i.Issuers.viewer(ctx, credential, iss, now)
	default:
		return models.Viewer{}, unknownIssuer()
	}
}

func unknownIssuer() error {
	return refuse("it was issued for another system: its issuer is not trusted here")
}

// refuse is an ErrToken.
func refuse(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", ErrToken, fmt.Sprintf(format, arguments...))
}

// issuerOf reads who a JSON Web Token says has issued it. Nothing of it is
// verified yet.
func issuerOf(credential string) (iss string, ok bool) {
	parts := strings.Split(credential, ".")
	if len(parts) != 3 {
		return "", false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", false
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	err = json.Unmarshal(payload, &claims)
	return claims.Issuer, err == nil
}

// Keys verifies API keys. Each request looks its key up, so that a revoked one
// is refused from then on, on every instance.
type Keys struct {
	// find returns the key of an id, false where there is none.
	find func(ctx context.Context, id string) (*models.APIKey, bool, error)

	mutex sync.Mutex
	used  map[string]time.Time
}

// NewKeys returns keys that are looked up by find, which returns false for an id
// that no key has.
func NewKeys(find func(ctx context.Context, id string) (key *models.APIKey, known bool, err error)) *Keys {
	return &Keys{find: find, used: map[string]time.Time{}}
}

// viewer tells no more than that a key is wrong to whoever does not have its
// secret: not whether it exists, nor that it has ended.
func (k *Keys) viewer(ctx context.Context, text string, now time.Time) (models.Viewer, error) {
	id, whole := models.APIKeyID(text)
	if !whole {
		return models.Viewer{}, refuse("it is not a whole API key: its checksum differs, so letters are missing or mistyped")
	}
	key, known, err := k.find(ctx, id)
	if err != nil {
		return models.Viewer{}, fmt.Errorf("looking up an API key: %w", err)
	}
	if !known {
		key = &models.APIKey{} // compared all the same
	}
	if matches := key.Matches(text); !known || !matches {
		return models.Viewer{}, refuse("no such API key is known")
	}
	if err := key.Ended(now); err != nil {
		return models.Viewer{}, refuse("%s", err)
	}
	if key.LastUsedAt == nil || now.Sub(*key.LastUsedAt) >= models.APIKeyUseInterval {
		k.mutex.Lock()
		k.used[id] = now.UTC().Truncate(time.Microsecond)
		k.mutex.Unlock()
	}
	return key.Viewer(), nil
}

// Flush hands over when keys were used last, as far as that is not noted yet, to
// be noted apart from any request. What cannot be noted waits for the next time.
func (k *Keys) Flush(note func(uses map[string]time.Time) error) error {
	k.mutex.Lock()
	uses := maps.Clone(k.used)
	clear(k.used)
	k.mutex.Unlock()
	if len(uses) == 0 {
		return nil
	}
	err := note(uses)
	if err == nil {
		return nil
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for id, at := range uses {
		if k.used[id].Before(at) {
			k.used[id] = at
		}
	}
	return errors.Join(errors.New("when API keys were used last is not noted"), err)
}
