package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"sellthrough/models"
)

// The kind of a credential follows from its shape and issuer; no other kind
// looks at it, and no key that is wrong says whether it exists.
func TestIdentity(t *testing.T) {
	id, text := models.NewAPIKeyText([]byte(strings.Repeat("r", models.APIKeyIDBytes+models.APIKeySecretBytes)))
	other := []byte(strings.Repeat("r", models.APIKeyIDBytes) + strings.Repeat("s", models.APIKeySecretBytes))
	_, wrong := models.NewAPIKeyText(other)
	stored := &models.APIKey{
		ID: id, Role: models.RoleReseller, Organization: viewer.Organization, Scopes: models.LimitedTo(models.ScopeFactsRead),
		ExpiresAt: now.Add(time.Hour), SecretHash: models.HashAPIKey(text),
	}
	looked := 0
	var broken error
	keys := NewKeys(func(_ context.Context, asked string) (*models.APIKey, bool, error) {
		looked++
		return stored, asked == id, broken
	})
	identity := &Identity{Tokens: tokens(t), Keys: keys}
	foreign, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "https://login.example", "aud": issuer, "role": "OPERATOR", "exp": now.Add(time.Hour).Unix()}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	service, err := tokens(t).Issue(viewer, time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	for credential, want := range map[string]string{
		text: "", service: "",
		wrong:                    "no such API key",
		text[:len(text)-1]:       "not a whole API key",
		"st_" + service:          "not a whole API key",
		strings.ToUpper(text):    "neither an API key nor a JSON Web Token",
		"":                       "neither an API key nor a JSON Web Token",
		"a.!.c":                  "neither an API key nor a JSON Web Token",
		foreign:                  "its issuer is not trusted here",
		service[:len(service)-2]: "not",
		strings.Repeat("x", MaxCredentialLength+1): "more than 16384 bytes",
	} {
		got, err := identity.Viewer(t.Context(), credential, now)
		if want == "" && (err != nil || got.Organization != viewer.Organization) {
			t.Errorf("%.40q is %v, %v", credential, got, err)
		}
		if want != "" && (!errors.Is(err, ErrToken) || !strings.Contains(err.Error(), want) || got != (models.Viewer{})) {
			t.Errorf("%.40q is %v, %v, want %q", credential, got, err, want)
		}
	}
	if looked != 2 {
		t.Errorf("the keys were looked up %d times, want only for the 2 whole ones", looked)
	}
	if got, err := identity.Viewer(t.Context(), text, stored.ExpiresAt); !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired key is %v, %v", got, err)
	}
	broken = errors.New("no database")
	if _, err := identity.Viewer(t.Context(), text, now); err == nil || errors.Is(err, ErrToken) {
		t.Errorf("a fault is a refusal: %v", err)
	}

	// What could not be noted is kept for the next time.
	if err := keys.Flush(func(map[string]time.Time) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("the fault is %v", err)
	}
	var noted map[string]time.Time
	note := func(uses map[string]time.Time) error { noted = uses; return nil }
	if err := keys.Flush(note); err != nil || len(noted) != 1 || !noted[id].Equal(now) {
		t.Errorf("noted are %v, %v", noted, err)
	}
	noted = nil
	if err := keys.Flush(note); err != nil || noted != nil {
		t.Errorf("nothing was used, and noted are %v, %v", noted, err)
	}
}
