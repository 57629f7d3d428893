// Package auth turns tokens into viewers and back: signed JSON Web Tokens
// (HS256) that name one role and one organisation. It asks no database: a token
// that is signed, in time and complete is believed.
package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"sellthrough/internal/recent"
	"sellthrough/models"
)

// Issuer and audience that every token names.
const issuer = "sellthrough"

// Leeway is how far the clocks of who issues and who verifies may differ.
const Leeway = time.Minute

// MinKeyLength is the least bytes of a signing key: as many as the hash has.
const MinKeyLength = 32

// ErrToken is the refusal of a token. The error that wraps it says why.
var ErrToken = errors.New("the token is not valid")

// Tokens issues and verifies tokens with one signing key.
type Tokens struct {
	key []byte
	// verified are tokens that were good lately, by their SHA-256: the key does not
	// change, and nothing takes a token back before it ends.
	verified recent.Map[[sha256.Size]byte, verified]
}

// verified is what a token was found to say, at an instant.
type verified struct {
	viewer models.Viewer
	at     time.Time
}

// remembered is how many tokens a generation of those verified holds.
const remembered = 10_000

// NewTokens returns tokens signed with the key, of at least MinKeyLength bytes.
func NewTokens(key []byte) (*Tokens, error) {
	if len(key) < MinKeyLength {
		return nil, fmt.Errorf("the signing key has %d bytes: it needs at least %d", len(key), MinKeyLength)
	}
	t := &Tokens{key: key}
	t.verified.Most = remembered
	return t, nil
}

// claims is what a token says.
type claims struct {
	Role         models.Role `json:"role"`
	Organization string      `json:"org,omitempty"`
	jwt.RegisteredClaims
}

// Issue returns a token for the viewer that is good from now for the lifetime.
func (t *Tokens) Issue(viewer models.Viewer, lifetime time.Duration, now time.Time) (string, error) {
	if err := check(viewer); err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		Role: viewer.Role, Organization: viewer.Organization,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Audience: jwt.ClaimStrings{issuer}, Subject: viewer.Subject,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
		},
	})
	return token.SignedString(t.key)
}

// Viewer returns who the token was issued to. Any fault is ErrToken: another
// algorithm than HS256, a wrong signature, another issuer or audience, a token
// without an end, one not yet or no longer good (by more than Leeway), a role
// that does not exist or that lacks its organisation.
func (t *Tokens) Viewer(_ context.Context, token string, now time.Time) (models.Viewer, error) {
	if viewer, good := t.remembers(token, now); good {
		return viewer, nil
	}
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(issuer),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(Leeway), jwt.WithTimeFunc(func() time.Time { return now }),
	)
	if err != nil {
		return models.Viewer{}, fmt.Errorf("%w: %s", ErrToken, reason(err))
	}
	viewer := models.Viewer{
		Role: c.Role, Organization: c.Organization, Subject: c.Subject,
		SignIn: models.SignInServiceToken, ExpiresAt: c.ExpiresAt.UTC(),
	}
	if err := check(viewer); err != nil {
		return models.Viewer{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	t.verified.Put(sha256.Sum256([]byte(token)), verified{viewer, now}, 1)
	return viewer, nil
}

// remembers finds who a token was issued to that was verified before and has not
// ended since. A clock that was set back proves nothing: then it is verified anew.
func (t *Tokens) remembers(token string, now time.Time) (models.Viewer, bool) {
	known, ok := t.verified.Get(sha256.Sum256([]byte(token)))
	return known.viewer, ok && !now.Before(known.at) && now.Before(known.viewer.ExpiresAt.Add(Leeway))
}

// reason tells what a program can mend, and no more.
func reason(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "it has expired: get a new one"
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued), errors.Is(err, jwt.ErrTokenNotValidYet):
		return "it is not good yet: compare the clocks"
	case errors.Is(err, jwt.ErrTokenMalformed):
		return "it is not a JSON Web Token"
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return "it lacks a claim: exp, iss and aud are needed"
	case errors.Is(err, jwt.ErrTokenInvalidIssuer), errors.Is(err, jwt.ErrTokenInvalidAudience):
		return "it was issued for another system"
	}
	return "it was not signed here with HS256"
}

func check(viewer models.Viewer) error {
	if viewer.Valid() {
		return nil
	}
	if viewer.Role == models.RolePublisher || viewer.Role == models.RoleReseller {
		return fmt.Errorf("role %s needs an organization: a publisher id or a reseller's tenant id", viewer.Role)
	}
	return fmt.Errorf("%q is not a role: use PUBLISHER, RESELLER, FINANCE or OPERATOR", string(viewer.Role))
}

type viewerKey struct{}

// WithViewer returns a context that carries who asks.
func WithViewer(ctx context.Context, viewer models.Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, viewer)
}

// ViewerFrom returns who asks; nobody, the zero Viewer, where nothing was said.
func ViewerFrom(ctx context.Context) models.Viewer {
	viewer, _ := ctx.Value(viewerKey{}).(models.Viewer)
	return viewer
}
