package auth

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"sellthrough/models"
)

// ProviderOptions are how identity providers are asked. The zero value is right
// for most.
type ProviderOptions struct {
	// Transport carries requests to providers; nil is http.DefaultTransport.
	Transport http.RoundTripper
	// Logger hears of providers that do not answer; nil is silent.
	Logger *slog.Logger
}

// How providers are asked.
const (
	providerTimeout = 10 * time.Second
	maxAnswer       = 1 << 20
	// keysAge is how long keys are believed without asking again.
	keysAge = time.Hour
	// keysPause is the least between two fetches for keys that are not known:
	// anybody can write a kid into a token.
	keysPause = 10 * time.Second
	// longestBackoff bounds the pauses between attempts at a provider that does
	// not answer, which begin with a second.
	longestBackoff = time.Minute
)

// Issuers are the identity providers that are trusted. Each is found when its
// first token comes, and none holds up another.
type Issuers struct{ providers []*provider }

func newIssuers(configs []issuerConfig, options ProviderOptions) *Issuers {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	issuers := &Issuers{}
	for _, config := range configs {
		if len(config.Algorithms) == 0 {
			config.Algorithms = []string{"RS256"}
		}
		if len(config.Subject) == 0 {
			config.Subject = []claimPath{{"sub"}}
		}
		p := &provider{config: config, skew: defaultSkew, logger: options.Logger}
		if config.ClockSkewSeconds != nil {
			p.skew = time.Duration(*config.ClockSkewSeconds) * time.Second
		}
		p.client = &http.Client{
			Timeout: providerTimeout, Transport: careful{options.Transport},
			CheckRedirect: func(r *http.Request, via []*http.Request) error {
				if len(via) > 3 || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
					return errors.New("a provider may not send elsewhere")
				}
				return nil
			},
		}
		issuers.providers = append(issuers.providers, p)
	}
	return issuers
}

// viewer verifies a token with the provider that iss names: by its own name
// before any pattern.
func (i *Issuers) viewer(ctx context.Context, token, iss string, now time.Time) (models.Viewer, error) {
	for _, p := range i.providers {
		if p.config.Issuer == iss {
			return p.viewer(ctx, token, now)
		}
	}
	for _, p := range i.providers {
		before, after, templated := strings.Cut(p.config.Issuer, tenantMark)
		if templated && strings.HasPrefix(iss, before) && strings.HasSuffix(iss, after) && len(iss) > len(before)+len(after) {
			return p.viewer(ctx, token, now)
		}
	}
	return models.Viewer{}, unknownIssuer()
}

// careful bounds what providers answer, and asks none over an open line.
type careful struct{ next http.RoundTripper }

// RoundTrip asks once.
func (c careful) RoundTrip(r *http.Request) (*http.Response, error) {
	if !secure(r.URL) {
		return nil, errors.New("a provider that is not https is not asked")
	}
	next := c.next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxAnswer), response.Body}
	}
	return response, err
}

// provider is one identity provider, with what is known of it so far.
type provider struct {
	config issuerConfig
	skew   time.Duration
	client *http.Client
	logger *slog.Logger

	mutex    sync.Mutex
	keysURL  string // "" until it was discovered
	looking  chan struct{}
	retryAt  time.Time
	failures int

	current, previous *oidc.RemoteKeySet
	since, fetchedAt  time.Time
	asked             time.Time // when keys were asked for last
}

// errUnreachable is not the token's fault.
var errUnreachable = errors.New("the identity provider can't be reached: try again later")

// discovered waits until the provider's keys can be asked for. Of many requests
// one looks, with a context of its own, since it looks for all of them.
func (p *provider) discovered(ctx context.Context, now time.Time) error {
	p.mutex.Lock()
	if p.keysURL != "" {
		p.mutex.Unlock()
		return nil
	}
	if p.looking == nil {
		if now.Before(p.retryAt) {
			p.mutex.Unlock()
			return errUnreachable
		}
		p.looking = make(chan struct{})
		go p.look(context.WithoutCancel(ctx), now, p.looking)
	}
	looking := p.looking
	p.mutex.Unlock()
	select {
	case <-looking:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.keysURL == "" {
		return errUnreachable
	}
	return nil
}

func (p *provider) look(ctx context.Context, now time.Time, done chan struct{}) {
	ctx = oidc.ClientContext(ctx, p.client)
	address := p.config.Issuer
	if p.config.Discovery != "" {
		address = p.config.Discovery
		ctx = oidc.InsecureIssuerURLContext(ctx, p.config.Issuer) // whose discovery says so too, or it is refused
	}
	var said struct {
		Keys string `json:"jwks_uri"`
	}
	found, err := oidc.NewProvider(ctx, address)
	if err == nil {
		err = found.Claims(&said)
	}
	if err == nil && said.Keys == "" {
		err = errors.New("it names no keys")
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if err != nil {
		p.logger.WarnContext(ctx, "identity provider", "issuer", p.config.Issuer, "error", err)
		p.retryAt = now.Add(min(time.Second<<min(p.failures, 10), longestBackoff))
		p.failures++
	} else {
		p.keysURL = said.Keys
	}
	p.looking = nil
	close(done)
}

// keys are those to verify with now. Old ones are replaced, and serve on while
// the provider does not answer.
func (p *provider) keys(now time.Time) (current, previous *oidc.RemoteKeySet) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.current == nil || now.Sub(p.since) >= keysAge {
		p.fetchedAt = time.Time{}
		p.renew(now)
	}
	p.asked = now
	return p.current, p.previous
}

// renew replaces the keys by those that the next fetch brings.
func (p *provider) renew(now time.Time) {
	limited := *p.client
	limited.Transport = paced{p}
	p.previous, p.since = p.current, now
	p.current = oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), &limited), p.keysURL)
}

// overdue renews keys that may be fetched by now. For a moment after a fetch has
// ended go-oidc hands its result to whoever comes next, and so the refusal of one
// that was too soon to a token that comes in time.
func (p *provider) overdue(now time.Time) (renewed *oidc.RemoteKeySet, ok bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if now.Sub(p.fetchedAt) < keysPause {
		return nil, false
	}
	p.renew(now)
	return p.current, true
}

// had drops the keys of before once there are new ones: what a provider has taken
// back is believed no more, also while keys may not be fetched again.
func (p *provider) had(keys *oidc.RemoteKeySet) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.current == keys {
		p.previous = nil
	}
}

// paced lets keys be fetched no more often than each keysPause: anybody can send
// tokens that name keys which do not exist.
type paced struct{ *provider }

var errPaced = errors.New("keys were fetched a moment ago")

// RoundTrip fetches, unless it is too soon.
func (p paced) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mutex.Lock()
	if !p.fetchedAt.IsZero() && p.asked.Sub(p.fetchedAt) < keysPause {
		p.mutex.Unlock()
		return nil, errPaced
	}
	p.fetchedAt = p.asked
	p.mutex.Unlock()
	return p.client.Transport.RoundTrip(r)
}

// VerifySignature verifies with the keys of now, and with those of before where
// the provider does not give new ones. It remembers why it could not.
func (v *verification) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	current, previous := v.keys(v.now)
	payload, err := current.VerifySignature(ctx, token)
	if errors.Is(err, errPaced) {
		if renewed, ok := v.overdue(v.now); ok {
			current, previous = renewed, current
			payload, err = current.VerifySignature(ctx, token)
		}
	}
	switch {
	case err == nil || !unfetched(err):
		v.had(current)
	case previous != nil:
		payload, err = previous.VerifySignature(ctx, token)
	}
	v.err = err
	return payload, err
}

// verification is one token being verified.
type verification struct {
	*provider
	now time.Time
	err error
}

// unfetched tells whether keys could not be had, rather than not fit.
func unfetched(err error) bool { return strings.Contains(err.Error(), "fetching keys") }

func (p *provider) viewer(ctx context.Context, token string, now time.Time) (models.Viewer, error) {
	if err := p.discovered(ctx, now); errors.Is(err, errUnreachable) {
		return models.Viewer{}, refuse("%s", err)
	} else if err != nil {
		return models.Viewer{}, err
	}
	v := &verification{provider: p, now: now}
	// Who, for whom and until when is checked below: go-oidc knows neither several
	// audiences nor a skew of its own.
	verifier := oidc.NewVerifier(p.config.Issuer, v, &oidc.Config{
		SupportedSigningAlgs: p.config.Algorithms, SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true,
	})
	verified, err := verifier.Verify(ctx, token)
	switch {
	case err != nil && ctx.Err() != nil:
		return models.Viewer{}, ctx.Err()
	case err != nil && v.err != nil && unfetched(v.err) && !errors.Is(v.err, errPaced):
		p.logger.WarnContext(ctx, "keys of an identity provider", "issuer", p.config.Issuer, "error", v.err)
		return models.Viewer{}, refuse("%s", errUnreachable)
	case err != nil:
		return models.Viewer{}, refuse("it is not signed with a key and an algorithm that its issuer may use here")
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return models.Viewer{}, refuse("its claims cannot be read")
	}
	expires, err := p.check(claims, verified.Audience, now)
	if err != nil {
		return models.Viewer{}, err
	}
	viewer, err := p.config.viewer(claims)
	viewer.ExpiresAt = expires
	if err != nil {
		return models.Viewer{}, err
	}
	return viewer, nil
}

// check holds the claims that every token has to the configuration, and returns
// when the token ends.
func (p *provider) check(claims map[string]any, audience []string, now time.Time) (expires time.Time, err error) {
	tenant, _ := claims["tid"].(string)
	if issuer := strings.ReplaceAll(p.config.Issuer, tenantMark, tenant); claims["iss"] != issuer || strings.Contains(p.config.Issuer, tenantMark) && !models.IsGUID(tenant) {
		return expires, refuse("its issuer is not that of its tenant")
	}
	if !slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(p.config.Audiences, a) }) {
		return expires, refuse("it was issued for another system: its aud is not one of %s", strings.Join(p.config.Audiences, ", "))
	}
	expires, ok := instantOf(claims["exp"])
	if !ok {
		return expires, refuse("it lacks exp: a token must end")
	}
	if !now.Before(expires.Add(p.skew)) {
		return expires, refuse("it has expired: get a new one")
	}
	for _, name := range []string{"nbf", "iat"} {
		from, ok := instantOf(claims[name])
		if _, said := claims[name]; said && (!ok || now.Add(p.skew).Before(from)) {
			return expires, refuse("it is not good yet, by its %s: compare the clocks", name)
		}
	}
	return expires, nil
}

// instantOf reads a claim that is seconds since 1970.
func instantOf(claim any) (time.Time, bool) {
	seconds, ok := claim.(float64)
	if !ok || math.IsNaN(seconds) || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}

// viewer maps claims to who asks. Where several values fit, none is chosen.
func (c *issuerConfig) viewer(claims map[string]any) (models.Viewer, error) {
	viewer := models.Viewer{Role: c.Role.Fixed, Organization: c.Organization.Fixed, SignIn: models.SignInOIDC}
	for _, path := range c.Subject {
		if texts := textsAt(claims, path); viewer.Subject == "" && len(texts) == 1 && len(texts[0]) <= models.MaxTextLength {
			viewer.Subject = texts[0]
		}
	}
	if viewer.Subject == "" {
		return viewer, refuse("it lacks the claim that names its subject: %v", c.Subject)
	}
	var err error
	if viewer.Role == "" {
		if viewer.Role, err = single("role", c.Role.Claim, textsAt(claims, c.Role.Claim), c.Role.Values); err != nil {
			return viewer, err
		}
	}
	switch {
	case viewer.SeesEverything():
		viewer.Organization = ""
	case viewer.Organization == "":
		table := c.Organization.Values
		values := textsAt(claims, c.Organization.Claim)
		if len(table) == 0 { // each stands for itself
			table = map[string]string{}
			for _, value := range values {
				table[value] = value
			}
		}
		if viewer.Organization, err = single("organisation", c.Organization.Claim, values, table); err != nil {
			return viewer, err
		}
	}
	if models.IsGUID(viewer.Organization) {
		viewer.Organization = strings.ToLower(viewer.Organization) // as stored ids are
	}
	if c.Scopes != nil {
		var scopes []models.Scope
		for _, value := range textsAt(claims, c.Scopes.Claim) {
			for _, word := range strings.Fields(value) {
				scopes = append(scopes, c.Scopes.Values[word]...)
			}
		}
		viewer.Scopes = models.LimitedTo(scopes...)
	}
	if err := check(viewer); err != nil {
		return viewer, refuse("%s", err)
	}
	return viewer, nil
}

// single is what the values stand for, if they stand for one thing.
func single[T ~string](what string, path claimPath, values []string, table map[string]T) (T, error) {
	var found []T
	for _, value := range values {
		if stands, ok := table[value]; ok && stands != "" && !slices.Contains(found, stands) {
			found = append(found, stands)
		}
	}
	switch len(found) {
	case 0:
		return "", refuse("its claim %s names no %s that is known here", path, what)
	case 1:
		return found[0], nil
	}
	slices.Sort(found)
	return "", refuse("its claim %s names more than one %s, %v: it must be clear who asks", path, what, found)
}

// textsAt are the texts of a claim, which is one or a list of them.
func textsAt(claims map[string]any, path claimPath) []string {
	var value any = claims
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var texts []string
		for _, one := range value {
			if text, ok := one.(string); ok {
				texts = append(texts, text)
			}
		}
		return texts
	}
	return nil
}
