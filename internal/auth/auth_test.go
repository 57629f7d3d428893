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

var (
	now    = time.Date(2024, 9, 15, 12, 0, 0, 0, time.UTC)
	key    = []byte(strings.Repeat("k", MinKeyLength))
	viewer = models.Viewer{Role: models.RoleReseller, Organization: "34771906-9711-4196-9f60-4af380fd5042", Subject: "billing-bot"}
)

func tokens(t *testing.T) *Tokens {
	t.Helper()
	tokens, err := NewTokens(key)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestIssuedTokensAreBelieved(t *testing.T) {
	tokens := tokens(t)
	for _, want := range []models.Viewer{
		viewer,
		{Role: models.RolePublisher, Organization: "contoso"},
		{Role: models.RoleFinance},
		{Role: models.RoleOperator, Subject: "ada"},
	} {
		token, err := tokens.Issue(want, time.Hour, now)
		if err != nil {
			t.Fatal(err)
		}
		want.SignIn, want.ExpiresAt = models.SignInServiceToken, now.Add(time.Hour)
		for _, at := range []time.Time{now.Add(-Leeway), now, now.Add(time.Hour + Leeway - time.Second)} {
			if got, err := tokens.Viewer(t.Context(), token, at); err != nil || got != want {
				t.Errorf("at %s the token of %v is %v, %v", at, want, got, err)
			}
		}
	}
}

func TestTokensAreRefused(t *testing.T) {
	tokens := tokens(t)
	good, err := tokens.Issue(viewer, time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	claimed := func(change func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{"iss": issuer, "aud": issuer, "role": "OPERATOR", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		change(c)
		return c
	}
	sign := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	hs256 := func(change func(jwt.MapClaims)) string { return sign(jwt.SigningMethodHS256, key, claimed(change)) }
	same := func(jwt.MapClaims) {}
	for name, c := range map[string]struct {
		token string
		at    time.Time
		want  string
	}{
		"expired":             {good, now.Add(time.Hour + Leeway), "expired"},
		"not yet issued":      {good, now.Add(-Leeway - time.Second), "compare the clocks"},
		"not yet good":        {hs256(func(c jwt.MapClaims) { c["nbf"] = now.Add(time.Hour).Unix() }), now, "compare the clocks"},
		"empty":               {"", now, "not a JSON Web Token"},
		"no token":            {"a.b", now, "not a JSON Web Token"},
		"other key":           {sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", MinKeyLength)), claimed(same)), now, "not signed here"},
		"algorithm none":      {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claimed(same)), now, "not signed here"},
		"algorithm HS384":     {sign(jwt.SigningMethodHS384, key, claimed(same)), now, "not signed here"},
		"signature cut":       {good[:len(good)-2], now, ""},
		"without end":         {hs256(func(c jwt.MapClaims) { delete(c, "exp") }), now, "lacks a claim"},
		"other issuer":        {hs256(func(c jwt.MapClaims) { c["iss"] = "elsewhere" }), now, "another system"},
		"other audience":      {hs256(func(c jwt.MapClaims) { c["aud"] = "elsewhere" }), now, "another system"},
		"unknown role":        {hs256(func(c jwt.MapClaims) { c["role"] = "ADMIN" }), now, `"ADMIN" is not a role`},
		"reseller of nothing": {hs256(func(c jwt.MapClaims) { c["role"] = "RESELLER" }), now, "needs an organization"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tokens.Viewer(t.Context(), c.token, c.at)
			if !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, not %q", err, c.want)
			}
			if got != (models.Viewer{}) {
				t.Errorf("the viewer is %v, not nobody", got)
			}
		})
	}
}

func TestTokensAreForValidViewersOnly(t *testing.T) {
	for _, viewer := range []models.Viewer{{}, {Role: "ADMIN"}, {Role: models.RolePublisher}, {Role: models.RoleReseller}} {
		if token, err := tokens(t).Issue(viewer, time.Hour, now); err == nil {
			t.Errorf("%v got the token %s", viewer, token)
		}
	}
}

func TestShortKeysAreRefused(t *testing.T) {
	if _, err := NewTokens(key[1:]); err == nil {
		t.Error("a key of 31 bytes is taken")
	}
}

func TestContextCarriesTheViewer(t *testing.T) {
	if got := ViewerFrom(context.Background()); got != (models.Viewer{}) {
		t.Errorf("without a viewer it is %v", got)
	}
	if got := ViewerFrom(WithViewer(context.Background(), viewer)); got != viewer {
		t.Errorf("got %v", got)
	}
}

// A token that was good is remembered, and yet good at no instant that it was not
// issued for.
func TestVerifiedTokensEnd(t *testing.T) {
	tokens := tokens(t)
	token, err := tokens.Issue(viewer, time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	identity := &Identity{Tokens: tokens}
	for _, c := range []struct {
		at   time.Time
		good bool
	}{
		{now, true}, {now.Add(time.Minute), true}, {now.Add(-2 * Leeway), false}, {now.Add(time.Hour + Leeway - 1), true},
		{now.Add(time.Hour + Leeway), false}, {now.Add(24 * time.Hour), false}, {now.Add(2 * time.Minute), true},
	} {
		if _, err := identity.Viewer(t.Context(), token, c.at); (err == nil) != c.good || err != nil && !errors.Is(err, ErrToken) {
			t.Errorf("at %s: %v", c.at, err)
		}
	}
	if _, err := identity.Viewer(t.Context(), token[:len(token)-2]+"xx", now); !errors.Is(err, ErrToken) {
		t.Errorf("another signature: %v", err)
	}
}
