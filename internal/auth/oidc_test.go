package auth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"sellthrough/models"
)

// idp is a provider of the test's own, whose answers can be bent.
type idp struct {
	*httptest.Server
	mutex   sync.Mutex
	keys    map[string]*rsa.PrivateKey
	fetched int
	broken  bool
	issuer  string // as discovery says, "" for its address
}

func newIDP(t testing.TB) *idp {
	p := &idp{keys: map[string]*rsa.PrivateKey{}}
	p.rotate(t, "first")
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		switch {
		case p.broken:
			w.WriteHeader(http.StatusBadGateway)
		case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
			issuer := p.issuer
			if issuer == "" {
				issuer = p.URL
			}
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":%q,"token_endpoint":%q}`, issuer, p.URL+"/keys", p.URL+"/a", p.URL+"/t")
		case r.URL.Path == "/keys":
			p.fetched++
			var keys []string
			for id, key := range p.keys {
				keys = append(keys, fmt.Sprintf(`{"kty":"RSA","use":"sig","kid":%q,"n":%q,"e":%q}`, id,
					base64.RawURLEncoding.EncodeToString(key.N.Bytes()), base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())))
			}
			fmt.Fprintf(w, `{"keys":[%s]}`, strings.Join(keys, ","))
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// rotate replaces all keys by one.
func (p *idp) rotate(t testing.TB, id string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	clear(p.keys)
	p.keys[id] = key
}

func (p *idp) breaks(broken bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.broken = broken
}

// sign signs claims with the key of the id, or with another that says to be it.
func (p *idp) sign(t testing.TB, method jwt.SigningMethod, id string, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	token.Header["kid"] = id
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var key any = p.keys[id]
	switch {
	case method == jwt.SigningMethodNone:
		key = jwt.UnsafeAllowNoneSignatureType
	case method == jwt.SigningMethodHS256: // the public key, taken for a secret
		key = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&p.keys[id].PublicKey)})
	case p.keys[id] == nil:
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		key = other
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (p *idp) rs256(t testing.TB, claims map[string]any) string {
	t.Helper()
	return p.sign(t, jwt.SigningMethodRS256, "first", claims)
}

func issuers(t *testing.T, config string) *Identity {
	t.Helper()
	found, err := ReadIssuers(strings.NewReader(config), ProviderOptions{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	return &Identity{Tokens: tokens(t), Issuers: found}
}

const tenant = "34771906-9711-4196-9f60-4af380fd5042"

// presets are the configurations of docs/identity.md, with claims as each
// provider writes them.
var presets = map[string]struct{ config, claims string }{
	"Microsoft Entra ID": {`{"issuers": [{
		"issuer": "ISSUER/{tenantid}/v2.0", "discovery": "ISSUER/organizations/v2.0", "audiences": ["6e74172b-be56-4843-9ff4-e66a39bb12e3"],
		"role": {"claim": "roles", "values": {"Sellthrough.Reseller": "RESELLER"}}, "organization": {"claim": "tid"}, "subject": ["oid", "sub"]}]}`,
		`{"iss": "ISSUER/` + tenant + `/v2.0", "tid": "` + tenant + `", "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3", "roles": ["Sellthrough.Reseller"], "oid": "billing-bot", "ver": "2.0"}`},
	"Keycloak": {`{"issuers": [{
		"issuer": "ISSUER", "audiences": ["sellthrough"], "role": {"claim": ["realm_access", "roles"], "values": {"csp-reseller": "RESELLER", "isv": "PUBLISHER"}},
		"organization": {"claim": "groups", "values": {"/tailspin": "` + tenant + `"}}, "subject": ["preferred_username"]}]}`,
		`{"iss": "ISSUER", "aud": ["account", "sellthrough"], "azp": "web", "realm_access": {"roles": ["offline_access", "csp-reseller"]}, "groups": ["/all", "/tailspin"], "preferred_username": "billing-bot"}`},
	"Auth0": {`{"issuers": [{
		"issuer": "ISSUER/", "audiences": ["https://api.example.com"], "role": {"claim": "https://example.com/roles", "values": {"reseller": "RESELLER"}},
		"organization": {"claim": "org_id", "values": {"org_9ybsU1dN2dKfDkBi": "` + tenant + `"}}, "scopes": {"claim": "scope", "values": {"read:margins": ["MARGINS_READ"], "read:all": ["FACTS_READ", "REPORTS_READ"]}}}]}`,
		`{"iss": "ISSUER/", "aud": ["https://api.example.com", "https://example.eu.auth0.com/userinfo"], "https://example.com/roles": ["reseller"], "org_id": "org_9ybsU1dN2dKfDkBi", "scope": "openid read:margins", "sub": "billing-bot"}`},
}

func claimsOf(t testing.TB, text string) map[string]any {
	t.Helper()
	claims := map[string]any{}
	if err := json.Unmarshal([]byte(text), &claims); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]time.Time{"iat": now, "nbf": now, "exp": now.Add(time.Hour)} {
		claims[name] = at.Unix()
	}
	return claims
}

func TestProvidersAreBelieved(t *testing.T) {
	for name, preset := range presets {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t)
			p.issuer = strings.ReplaceAll(map[string]string{"Microsoft Entra ID": "ISSUER/{tenantid}/v2.0", "Auth0": "ISSUER/"}[name], "ISSUER", p.URL)
			identity := issuers(t, strings.ReplaceAll(preset.config, "ISSUER", p.URL))
			token := p.rs256(t, claimsOf(t, strings.ReplaceAll(preset.claims, "ISSUER", p.URL)))
			got, err := identity.Viewer(t.Context(), token, now)
			want := models.Viewer{Role: models.RoleReseller, Organization: tenant, Subject: "billing-bot", SignIn: models.SignInOIDC, ExpiresAt: now.Add(time.Hour)}
			if name == "Auth0" {
				want.Scopes = models.LimitedTo(models.ScopeMarginsRead)
			}
			if err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestHostileTokens(t *testing.T) {
	p := newIDP(t)
	identity := issuers(t, strings.ReplaceAll(presets["Keycloak"].config, "ISSUER", p.URL))
	base := claimsOf(t, strings.ReplaceAll(presets["Keycloak"].claims, "ISSUER", p.URL))
	with := func(name string, value any) map[string]any {
		claims := maps.Clone(base)
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		return claims
	}
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	good := p.rs256(t, base)
	for name, c := range map[string]struct{ token, want string }{
		"good":                   {good, ""},
		"ends within the skew":   {p.rs256(t, with("exp", at(-59*time.Second))), ""},
		"begins within the skew": {p.rs256(t, with("nbf", at(60*time.Second))), ""},
		"ended":                  {p.rs256(t, with("exp", at(-60*time.Second))), "expired"},
		"not yet":                {p.rs256(t, with("nbf", at(61*time.Second))), "compare the clocks"},
		"issued in the future":   {p.rs256(t, with("iat", at(time.Hour))), "compare the clocks"},
		"without end":            {p.rs256(t, with("exp", nil)), "lacks exp"},
		"endless":                {p.rs256(t, with("exp", 1e300)), ""},
		"wrong audience":         {p.rs256(t, with("aud", "account")), "another system"},
		"without audience":       {p.rs256(t, with("aud", nil)), "another system"},
		"wrong issuer":           {p.rs256(t, with("iss", p.URL+"/x")), "not trusted"},
		"two roles":              {p.rs256(t, with("realm_access", map[string]any{"roles": []string{"isv", "csp-reseller"}})), "more than one role"},
		"no role":                {p.rs256(t, with("realm_access", nil)), "names no role"},
		"role of another shape":  {p.rs256(t, with("realm_access", []string{"isv"})), "names no role"},
		"no organisation":        {p.rs256(t, with("groups", []string{"/other"})), "names no organisation"},
		"no subject":             {p.rs256(t, with("preferred_username", nil)), "subject"},
		"none":                   {p.sign(t, jwt.SigningMethodNone, "first", base), "not signed"},
		"public key as secret":   {p.sign(t, jwt.SigningMethodHS256, "first", base), "not signed"},
		"RS512":                  {p.sign(t, jwt.SigningMethodRS512, "first", base), "not signed"},
		"signature of another":   {good[:strings.LastIndexByte(good, '.')] + p.rs256(t, with("x", 1))[strings.LastIndexByte(p.rs256(t, with("x", 1)), '.'):], "not signed"},
		"unknown key":            {p.sign(t, jwt.SigningMethodRS256, "garbage", base), "not signed"},
		"huge":                   {good + strings.Repeat("x", MaxCredentialLength), "more than"},
	} {
		got, err := identity.Viewer(t.Context(), c.token, now)
		if name == "endless" { // beyond what seconds can be
			c.want = "exp"
		}
		if c.want == "" && (err != nil || got.Organization != tenant) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if c.want != "" && (!errors.Is(err, ErrToken) || !strings.Contains(err.Error(), c.want) || got != (models.Viewer{})) {
			t.Errorf("%s: %v, %v, want %q", name, got, err, c.want)
		}
	}
}

// A new key is found by its first token; a flood of tokens with keys that do not
// exist fetches no more than once in keysPause.
func TestKeysRotate(t *testing.T) {
	p := newIDP(t)
	identity := issuers(t, strings.ReplaceAll(presets["Keycloak"].config, "ISSUER", p.URL))
	claims := claimsOf(t, strings.ReplaceAll(presets["Keycloak"].claims, "ISSUER", p.URL))
	claims["exp"] = now.AddDate(1, 0, 0).Unix()
	believed := func(token string, at time.Time, want bool) {
		t.Helper()
		if _, err := identity.Viewer(t.Context(), token, at); (err == nil) != want {
			t.Errorf("at %s: %v", at, err)
		}
	}
	first := p.rs256(t, claims)
	believed(first, now, true)
	garbage := p.sign(t, jwt.SigningMethodRS256, "garbage", claims)
	for range 100 {
		believed(garbage, now.Add(time.Second), false)
	}
	if p.fetched != 1 {
		t.Errorf("keys were fetched %d times, want 1", p.fetched)
	}
	p.rotate(t, "second")
	second := p.sign(t, jwt.SigningMethodRS256, "second", claims)
	believed(second, now.Add(keysPause-time.Second), false)
	believed(second, now.Add(keysPause), true)
	believed(first, now.Add(keysPause), false)
	if p.fetched != 2 {
		t.Errorf("keys were fetched %d times, want 2", p.fetched)
	}
	// Keys outlive a provider that is down, and not one that has taken them back.
	p.breaks(true)
	believed(second, now.Add(2*keysAge), true)
	p.breaks(false)
	p.rotate(t, "third")
	believed(second, now.Add(4*keysAge), false)
	third := p.sign(t, jwt.SigningMethodRS256, "third", claims)
	believed(third, now.Add(4*keysAge), true)
	p.rotate(t, "fourth")
	for range 3 { // however often it is tried before keys may be fetched again
		believed(third, now.Add(6*keysAge), false)
	}
}

// A provider that does not answer holds up nobody else, is asked again later,
// and is not asked again at once.
func TestProviderThatIsDown(t *testing.T) {
	up, down := newIDP(t), newIDP(t)
	down.breaks(true)
	entry := func(p *idp) string {
		list := strings.ReplaceAll(presets["Keycloak"].config, "ISSUER", p.URL)
		return strings.TrimSuffix(strings.TrimPrefix(list, `{"issuers": [`), "]}")
	}
	identity := issuers(t, `{"issuers": [`+entry(down)+","+entry(up)+"]}")
	token := func(p *idp) string {
		return p.rs256(t, claimsOf(t, strings.ReplaceAll(presets["Keycloak"].claims, "ISSUER", p.URL)))
	}
	for at, want := range map[time.Duration]string{0: "can't be reached"} {
		if _, err := identity.Viewer(t.Context(), token(down), now.Add(at)); !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), want) {
			t.Errorf("down: %v", err)
		}
	}
	if _, err := identity.Viewer(t.Context(), token(up), now); err != nil {
		t.Errorf("the other provider: %v", err)
	}
	down.breaks(false)
	if _, err := identity.Viewer(t.Context(), token(down), now); err == nil {
		t.Error("it was asked again at once")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = identity.Viewer(cancelled, token(down), now.Add(time.Second)) // looks on for the others
	if _, err := identity.Viewer(t.Context(), token(down), now.Add(time.Second)); err != nil {
		t.Errorf("it is up again: %v", err)
	}
}

// Every fault of the file is told at once, with its path.
func TestIssuersAreChecked(t *testing.T) {
	_, err := ReadIssuers(strings.NewReader(`{"issuer": 1, "issuers": [
		{"issuer": "http://login.example", "algorithms": ["RS256", "HS256"], "clockSkewSeconds": 301, "role": {"fixed": "KING", "claim": "x"}, "audience": "x"},
		{"issuer": "https://login.example/{tenantid}/v2.0", "audiences": ["a"], "role": {"claim": "roles", "values": {"o": "OPERATOR", "r": "RESELLER"}}, "scopes": {"claim": "scp", "values": {"x": ["ALL"]}}}
	]}`), ProviderOptions{})
	var vs models.Violations
	if !errors.As(err, &vs) {
		t.Fatal(err)
	}
	var got []string
	for _, v := range vs {
		got = append(got, v.Path())
	}
	want := "issuer issuers.0.audience issuers.0.issuer issuers.0.audiences issuers.0.algorithms.1 issuers.0.clockSkewSeconds issuers.0.role issuers.0.role " +
		"issuers.1.discovery issuers.1.role issuers.1.organization issuers.1.scopes.values"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %v\nwant %s\n%v", got, want, err)
	}
	for _, text := range []string{"", "[]", `{"issuers": []}`, `{"issuers": [{"role": 7}]}`, `{} {}`} {
		if _, err := ReadIssuers(strings.NewReader(text), ProviderOptions{}); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// zitadel's example provider hands out the tokens of a real flow.
type zitadel struct{ *storage.Storage }

func (z zitadel) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	client, err := z.Storage.ClientCredentials(ctx, id, secret)
	return signed{client}, err
}

func (z zitadel) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{"groups": []string{"publishers"}, "organization": "contoso"}, nil
}

// signed is a client whose access tokens are JSON Web Tokens.
type signed struct{ op.Client }

func (signed) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

func TestRealProvider(t *testing.T) {
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer server.Close()
	issuer := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	handler = exampleop.SetupServer(issuer, zitadel{storage.NewStorage(storage.NewUserStore(issuer))}, nil, false)
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"openid"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("sid1", "verysecret")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("no token: %s, %v", response.Status, err)
	}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(answer.AccessToken, &claims); err != nil {
		t.Fatal(err)
	}
	identity := issuers(t, `{"issuers": [{"issuer": "`+issuer+`", "audiences": ["sid1"], "role": {"claim": "groups", "values": {"publishers": "PUBLISHER"}}, "organization": {"claim": "organization"}}]}`)
	got, err := identity.Viewer(t.Context(), answer.AccessToken, claims.IssuedAt.Time)
	want := models.Viewer{Role: models.RolePublisher, Organization: "contoso", Subject: "sid1", SignIn: models.SignInOIDC, ExpiresAt: claims.ExpiresAt.UTC()}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := identity.Viewer(t.Context(), answer.AccessToken, claims.ExpiresAt.Add(time.Minute)); !errors.Is(err, ErrToken) {
		t.Errorf("after its end it is %v", err)
	}
}

// Whoever administers one of many tenants writes each claim but tid: no other can
// say whose tokens are.
func TestTenantsNameNobodyElse(t *testing.T) {
	for _, c := range []struct {
		organization string
		good         bool
	}{
		{`{"claim": "tid"}`, true},
		{`{"claim": "tid", "values": {"34771906-9711-4196-9f60-4af380fd5042": "contoso"}}`, true},
		{`{"claim": "extn.reseller"}`, false},
		{`{"claim": ["tid", "id"]}`, false},
		{`{"fixed": "contoso"}`, false},
	} {
		_, err := ReadIssuers(strings.NewReader(`{"issuers": [{"issuer": "https://login.example/{tenantid}/v2.0", "discovery": "https://login.example/organizations/v2.0",
			"audiences": ["a"], "role": {"claim": "roles", "values": {"r": "RESELLER"}}, "organization": `+c.organization+`}]}`), ProviderOptions{})
		if good := err == nil; good != c.good {
			t.Errorf("%s: %v", c.organization, err)
		}
	}
}
