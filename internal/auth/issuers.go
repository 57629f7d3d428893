package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sellthrough/models"
)

// issuerConfig is one identity provider of the file that docs/identity.md
// describes.
type issuerConfig struct {
	// Issuer is what a token's iss must be. {tenantid} in it stands for the token's
	// tid, as Microsoft Entra ID writes it.
	Issuer string `json:"issuer"`
	// Discovery is the address before /.well-known/openid-configuration, where it
	// is not the issuer.
	Discovery        string       `json:"discovery"`
	Audiences        []string     `json:"audiences"`
	Algorithms       []string     `json:"algorithms"`
	ClockSkewSeconds *int         `json:"clockSkewSeconds"`
	Role             roleClaim    `json:"role"`
	Organization     orgClaim     `json:"organization"`
	Subject          []claimPath  `json:"subject"`
	Scopes           *scopesClaim `json:"scopes"`
}

type roleClaim struct {
	Claim  claimPath              `json:"claim"`
	Values map[string]models.Role `json:"values"`
	Fixed  models.Role            `json:"fixed"`
}

type orgClaim struct {
	Claim  claimPath         `json:"claim"`
	Values map[string]string `json:"values"`
	Fixed  string            `json:"fixed"`
}

type scopesClaim struct {
	Claim  claimPath                 `json:"claim"`
	Values map[string][]models.Scope `json:"values"`
}

// claimPath names a claim, literally ("https://example.com/roles"), or leads to
// one through objects (["realm_access", "roles"]).
type claimPath []string

// UnmarshalJSON reads either form.
func (p *claimPath) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*p = claimPath{one}
		return nil
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return errors.New("a claim is its name, or a list of names that lead to it")
	}
	*p = names
	return nil
}

// String writes the path for people.
func (p claimPath) String() string { return strings.Join(p, ".") }

// asymmetric are the algorithms that can be allowed: with any other a provider's
// public key could sign.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

const (
	defaultSkew    = time.Minute
	maxSkewSeconds = 300
	tenantMark     = "{tenantid}"
)

// ReadIssuers reads the file of identity providers. What is wrong with it is
// models.Violations: all of it, each with its path, unless it is not the JSON
// that it should be.
func ReadIssuers(file io.Reader, options ProviderOptions) (*Issuers, error) {
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	var config struct {
		Issuers []issuerConfig `json:"issuers"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&config); err != nil {
		return nil, fmt.Errorf("it is not the JSON that it should be: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("it holds more than one JSON value")
	}
	var vs models.Violations
	unknownKeys(&vs, text)
	if len(config.Issuers) == 0 {
		vs.Add("issuers", models.CodeRequired, "is empty: name an identity provider, or leave the file out")
	}
	seen := map[string]bool{}
	for i := range config.Issuers {
		at := "issuers." + strconv.Itoa(i) + "."
		config.Issuers[i].check(&vs, at)
		if name := config.Issuers[i].Issuer; seen[name] {
			vs.Add(at+"issuer", models.CodeInvalid, "is there twice: give an issuer one entry")
		} else {
			seen[name] = true
		}
	}
	if len(vs) > 0 {
		return nil, vs
	}
	return newIssuers(config.Issuers, options), nil
}

// unknownKeys names what the file says and nobody reads: a mistyped condition
// must not be taken for none.
func unknownKeys(vs *models.Violations, text []byte) {
	var file map[string]any
	_ = json.Unmarshal(text, &file) // it was read before
	only := func(at string, object any, known string) map[string]any {
		keys, _ := object.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if !slices.Contains(strings.Fields(known), key) {
				vs.Add(at+key, models.CodeInvalid, "is not known: there is "+known)
			}
		}
		return keys
	}
	list, _ := only("", file, "issuers")["issuers"].([]any)
	for i, entry := range list {
		at := "issuers." + strconv.Itoa(i) + "."
		issuer := only(at, entry, "issuer discovery audiences algorithms clockSkewSeconds role organization subject scopes")
		only(at+"role.", issuer["role"], "claim values fixed")
		only(at+"organization.", issuer["organization"], "claim values fixed")
		only(at+"scopes.", issuer["scopes"], "claim values")
	}
}

func (c *issuerConfig) check(vs *models.Violations, at string) {
	templated := strings.Contains(c.Issuer, tenantMark)
	checkAddress(vs, at+"issuer", strings.ReplaceAll(c.Issuer, tenantMark, "tenant"))
	switch {
	case c.Discovery != "":
		checkAddress(vs, at+"discovery", c.Discovery)
	case templated:
		vs.Add(at+"discovery", models.CodeRequired, "is missing: an issuer with "+tenantMark+" is found elsewhere, such as https://login.microsoftonline.com/organizations/v2.0")
	}
	if len(c.Audiences) == 0 || slices.Contains(c.Audiences, "") {
		vs.Add(at+"audiences", models.CodeRequired, "is empty: name what your tokens are for, or tokens for other programs would be taken")
	}
	for i, algorithm := range c.Algorithms {
		if !slices.Contains(asymmetric, algorithm) {
			vs.Add(at+"algorithms."+strconv.Itoa(i), models.CodeInvalid, models.Quote(algorithm)+" is not allowed: use "+strings.Join(asymmetric, ", "))
		}
	}
	if s := c.ClockSkewSeconds; s != nil && (*s < 0 || *s > maxSkewSeconds) {
		vs.Add(at+"clockSkewSeconds", models.CodeOutOfRange, "is not 0 to 300")
	}
	c.checkRole(vs, at+"role", templated)
	if c.Organization.Fixed != "" && (len(c.Organization.Claim) > 0 || len(c.Organization.Values) > 0) {
		vs.Add(at+"organization", models.CodeInvalid, "has both fixed and a claim: choose one")
	}
	if len(c.Organization.Values) > 0 && len(c.Organization.Claim) == 0 {
		vs.Add(at+"organization.claim", models.CodeRequired, "is missing: say which claim holds the values")
	}
	if c.Organization.Fixed == "" && len(c.Organization.Claim) == 0 && c.needsOrganization() {
		vs.Add(at+"organization", models.CodeRequired, "is missing: a PUBLISHER and a RESELLER have an organisation")
	}
	if named := c.Organization.Fixed != "" || len(c.Organization.Claim) > 0; templated && named && c.needsOrganization() && !slices.Equal(c.Organization.Claim, claimPath{"tid"}) {
		// Whoever administers one of the tenants writes its other claims.
		vs.Add(at+"organization", models.CodeInvalid, "is not the claim tid: of any tenant nothing else says whose it is")
	}
	if c.Scopes != nil {
		c.Scopes.check(vs, at+"scopes")
	}
}

// roles are those that the issuer can give.
func (c *issuerConfig) roles() []models.Role {
	if c.Role.Fixed != "" {
		return []models.Role{c.Role.Fixed}
	}
	return slices.Collect(maps.Values(c.Role.Values))
}

func (c *issuerConfig) needsOrganization() bool {
	return slices.Contains(c.roles(), models.RolePublisher) || slices.Contains(c.roles(), models.RoleReseller)
}

func (c *issuerConfig) checkRole(vs *models.Violations, at string, templated bool) {
	fixed, mapped := c.Role.Fixed != "", len(c.Role.Claim) > 0 && len(c.Role.Values) > 0
	switch {
	case !fixed && !mapped:
		vs.Add(at, models.CodeRequired, "needs a claim and the values that stand for roles, or fixed")
	case fixed && (len(c.Role.Claim) > 0 || len(c.Role.Values) > 0):
		vs.Add(at, models.CodeInvalid, "has both fixed and a claim: choose one")
	}
	for _, role := range slices.Sorted(slices.Values(c.roles())) {
		switch {
		case !slices.Contains(models.Roles, role):
			vs.Add(at, models.CodeInvalid, models.Quote(string(role))+" is not a role: use PUBLISHER, RESELLER, FINANCE or OPERATOR")
		case templated && role != models.RoleReseller && role != models.RolePublisher:
			// Whoever administers one of the tenants assigns its roles.
			vs.Add(at, models.CodeInvalid, string(role)+" cannot be given by any tenant: name your own tenant in an entry of its own")
		}
	}
}

func (s *scopesClaim) check(vs *models.Violations, at string) {
	if len(s.Claim) == 0 || len(s.Values) == 0 {
		vs.Add(at, models.CodeRequired, "needs a claim and the values that stand for scopes")
	}
	for _, value := range slices.Sorted(maps.Keys(s.Values)) {
		for _, scope := range s.Values[value] {
			if !scope.Valid() {
				vs.Add(at+".values", models.CodeInvalid, models.Quote(string(scope))+" is not a scope")
			}
		}
	}
}

func checkAddress(vs *models.Violations, at, text string) {
	address, err := url.Parse(text)
	switch {
	case text == "":
		vs.Add(at, models.CodeRequired, "is missing: the address of the provider")
	case err != nil || address.Host == "" || address.User != nil || address.RawQuery != "" || address.Fragment != "":
		vs.Add(at, models.CodeInvalid, models.Quote(text)+" is not the address of a provider: write https://host/path")
	case !secure(address):
		vs.Add(at, models.CodeInvalid, "is not https: keys that come without it can be anybody's")
	}
}

// secure tells whether nobody between can change what comes from the address.
func secure(address *url.URL) bool {
	ip := net.ParseIP(address.Hostname())
	return address.Scheme == "https" || address.Scheme == "http" && (address.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
