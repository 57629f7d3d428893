package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// with asks with a credential as it is.
func (s *stage) with(credential, query string) string {
	s.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do("POST", "/graphql", string(body), "Content-Type", "application/json", "Authorization", "Bearer "+credential).Body.String()
}

// makeKey makes a key of the viewer's own and returns its text and node id.
func (s *stage) makeKey(viewer models.Viewer, rest string) (text, id string) {
	s.t.Helper()
	answer := essence(s.ask(viewer, `mutation { createApiKey(input: {name: "test", `+rest+`}) { apiKey { id } secret userErrors { message } } }`, ""))
	return dig(s.t, answer, "createApiKey.secret"), dig(s.t, answer, "createApiKey.apiKey.id")
}

// A key is told once, acts as its maker within its scopes, is listed with its
// last use, and is refused from the request after its revocation on, by every
// instance.
func TestAPIKeys(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s, elsewhere := newStage(t, open()), newStage(t, open())
		s.importFile("catalogue", contosoCatalogue(t))
		text, id := s.makeKey(contoso, `scopes: [CATALOGUE_READ, API_KEYS_READ]`)
		who := s.with(text, `{ viewer { role organization organizationName subject signIn limited scopes expiresAt queries mutations } }`)
		want := `{"data":{"viewer":{"role":"PUBLISHER","organization":"contoso","organizationName":"Contoso","subject":"` + id + `","signIn":"API_KEY","limited":true,` +
			`"scopes":["CATALOGUE_READ","API_KEYS_READ"],"expiresAt":"2025-09-01T00:00:00Z","queries":["apiKeys","customers","node","nodes","products","resellers","viewer"],"mutations":[]}}`
		if !strings.HasPrefix(who, want) {
			t.Errorf("the key is\n%s\nnot\n%s", who, want)
		}
		list := `{ apiKeys { nodes { id name role organization scopes createdBy createdAt expiresAt revokedAt lastUsedAt } totalCount } }`
		noted := func() string {
			t.Helper()
			if err := s.keys.Flush(func(uses map[string]time.Time) error { return s.market.RecordAPIKeyUses(context.Background(), uses) }); err != nil {
				t.Fatal(err)
			}
			answer := s.with(text, list)
			if strings.Contains(answer, text[len(text)-20:]) {
				t.Errorf("the secret is shown again: %s", answer)
			}
			return dig(t, essence([]byte(answer)), "apiKeys.nodes.0.lastUsedAt")
		}
		for minutes, used := range []string{"00", "00", "02", "02", "04"} { // within a minute of the last nothing is written
			s.now = time.Date(2024, 9, 1, 0, minutes, 0, 0, time.UTC).Add(-time.Duration(minutes%2) * time.Second)
			s.with(text, list)
			if got := noted(); got != "2024-09-01T00:"+used+":00Z" {
				t.Errorf("after %d minutes it was last used %s, want minute %s", minutes, got, used)
			}
		}
		if answer := elsewhere.with(text, "{ viewer { role } }"); !strings.Contains(answer, `"PUBLISHER"`) {
			t.Errorf("another instance does not know the key: %s", answer)
		}
		for _, stranger := range []models.Viewer{fabrikam, reseller, finance} {
			for _, query := range []string{list, `{ node(id: "` + id + `") { id } }`, `mutation { revokeApiKey(input: {id: "` + id + `"}) { apiKey { id name } userErrors { code } } }`} {
				if answer := string(s.ask(stranger, query, "")); strings.Contains(answer, `"name"`) || strings.Contains(answer, `"id":"`) {
					t.Errorf("%s %s reads %s", stranger.Role, stranger.Organization, answer)
				}
			}
		}
		s.ask(operator, `mutation { revokeApiKey(input: {id: "`+id+`"}) { userErrors { code } } }`, "")
		for _, instance := range []*stage{s, elsewhere} {
			if answer := instance.with(text, "{ viewer { role } }"); !strings.Contains(answer, `"UNAUTHENTICATED"`) || !strings.Contains(answer, "revoked") {
				t.Errorf("a revoked key is answered %s", answer)
			}
		}
		// Only who has the secret learns that.
		random := make([]byte, models.APIKeyIDBytes+models.APIKeySecretBytes)
		_, unknown := models.NewAPIKeyText(random)
		if answer := s.with(unknown, "{ viewer { role } }"); !strings.Contains(answer, "no such API key") {
			t.Errorf("an unknown key is answered %s", answer)
		}
		if answer := s.with(text[:len(text)-1]+"x", "{ viewer { role } }"); !strings.Contains(answer, "checksum") {
			t.Errorf("a mistyped key is answered %s", answer)
		}
		expiring, _ := s.makeKey(finance, `scopes: [REPORTS_READ], expiresAt: "2024-09-02"`)
		for at, good := range map[time.Time]bool{time.Date(2024, 9, 1, 23, 59, 59, 0, time.UTC): true, time.Date(2024, 9, 2, 0, 0, 0, 0, time.UTC): false} {
			s.now = at
			if answer := s.with(expiring, "{ viewer { role } }"); strings.Contains(answer, `"FINANCE"`) != good || strings.Contains(answer, "expired") == good {
				t.Errorf("at %s a key that ends on the 2nd is answered %s", at, answer)
			}
		}
	})
}

// contosoCatalogue is the catalogue of the scenarios.
func contosoCatalogue(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(scenarios + "/contoso.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A key cannot be more than its maker: every refusal at once, by its code.
// Keys are bounded by organisation: each is one more credential to lose, and one
// more row.
func TestMostAPIKeys(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := newStage(t, open())
		s.importFile("catalogue", contosoCatalogue(t))
		create := func(viewer models.Viewer) (*market.NewAPIKey, string) {
			made, vs, err := s.market.CreateAPIKey(context.Background(), market.Request{Viewer: viewer}, models.APIKey{Name: "one of many"}, []models.Scope{models.ScopeCatalogueRead})
			if err != nil {
				t.Fatal(err)
			}
			if len(vs) > 0 {
				return nil, string(vs[0].Code)
			}
			return made, ""
		}
		first, _ := create(contoso)
		for i := range 199 {
			if _, code := create(contoso); code != "" {
				t.Fatalf("key %d: %s", i+2, code)
			}
		}
		if _, code := create(contoso); code != "TOO_MANY_API_KEYS" {
			t.Errorf("key 201: %q", code)
		}
		if _, code := create(finance); code != "" {
			t.Errorf("another's first key: %s", code)
		}
		if _, _, err := s.market.RevokeAPIKey(context.Background(), market.Request{Viewer: contoso}, first.Key.ID); err != nil {
			t.Fatal(err)
		}
		if _, code := create(contoso); code != "" {
			t.Errorf("after one was revoked: %s", code)
		}
	})
}

func TestAPIKeysAreRefused(t *testing.T) {
	s := newStage(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	s.importFile("catalogue", contosoCatalogue(t))
	for input, want := range map[string]string{
		`name: "", scopes: []`: "REQUIRED SCOPES_REQUIRED",
		`name: "x", role: OPERATOR, scopes: [FACTS_READ, API_KEYS_WRITE]`:                                                   "ROLE_NOT_YOURS SCOPE_NOT_FOR_KEYS",
		`name: "x", organization: "fabrikam", scopes: [FACTS_READ], expiresAt: "2024-09-01"`:                                "ROLE_NOT_YOURS EXPIRES_IN_PAST",
		`name: "x", scopes: [FACTS_READ], expiresAt: "2026-09-01T00:00:00.000001Z"`:                                         "EXPIRES_TOO_LATE",
		`name: "x", scopes: [FACTS_READ], expiresAt: "2026-09-01"`:                                                          "",
		`name: "x", organization: "publisher/contoso", role: PUBLISHER, scopes: [FACTS_READ]`:                               "",
		`name: "` + strings.Repeat("x", 501) + `", role: RESELLER, organization: "` + northwind + `", scopes: [FACTS_READ]`: "TOO_LONG ROLE_NOT_YOURS",
	} {
		s.refusedKey(t, contoso, input, want)
	}
	for input, want := range map[string]string{
		`name: "x", role: RESELLER, scopes: [FACTS_READ]`:                                    "ORGANIZATION_REQUIRED",
		`name: "x", role: RESELLER, organization: "` + northwind + `", scopes: [FACTS_READ]`: "",
		`name: "x", role: PUBLISHER, organization: "nobody", scopes: [FACTS_READ]`:           "ORGANIZATION_NOT_FOUND",
		`name: "x", role: FINANCE, organization: "contoso", scopes: [FACTS_READ]`:            "INVALID",
	} {
		s.refusedKey(t, operator, input, want)
	}
}

func (s *stage) refusedKey(t *testing.T, viewer models.Viewer, input, want string) {
	t.Helper()
	answer := s.ask(viewer, `mutation { createApiKey(input: {`+input+`}) { apiKey { id } userErrors { code } } }`, "")
	var got struct {
		Data struct {
			CreateApiKey struct {
				ApiKey     *struct{ ID string }
				UserErrors []struct{ Code string }
			}
		}
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err, string(answer))
	}
	var codes []string
	for _, e := range got.Data.CreateApiKey.UserErrors {
		codes = append(codes, e.Code)
	}
	if made := got.Data.CreateApiKey.ApiKey != nil; strings.Join(codes, " ") != want || made != (want == "") {
		t.Errorf("%s %s is answered %s, want %q", viewer.Role, input, answer, want)
	}
}

// Each scope alone, for each root field: what lacks its scope is FORBIDDEN and
// names it, and a node whose kind is out of scope is not there.
func TestEveryRootFieldWithEveryScope(t *testing.T) {
	a, s := newAsker(t), peopled(t)
	line := aLine(t, s)
	for _, scope := range models.AllScopes {
		if scope == models.ScopeAPIKeysWrite {
			continue
		}
		credential, _ := s.makeKey(operator, fmt.Sprintf("scopes: [%s]", scope))
		a.roots(func(operation string, root *ast.Definition, field *ast.FieldDefinition) {
			needs := a.seen[root.Name+"."+field.Name].Scope
			query := operation + " { " + field.Name + strings.ReplaceAll(arguments[field.Name], "$line", line) + " { __typename } }"
			answer := s.with(credential, query)
			if refused := strings.Contains(answer, `"FORBIDDEN"`) && strings.Contains(answer, `"scopes":["`+string(needs)+`"]`); refused != (needs != "" && needs != scope) {
				t.Errorf("with %s alone %s is answered %s", scope, query, answer)
			}
		})
		answer := s.with(credential, "{ nodes"+strings.ReplaceAll(arguments["nodes"], "$line", line)+" { __typename } }")
		for _, kind := range a.schema.PossibleTypes["Node"] {
			needs := a.seen[kind.Name+".id"].Scope
			if there := strings.Contains(answer, `"`+kind.Name+`"`); there != (needs == scope) && kind.Name != "ApiKey" && kind.Name != "Meter" { // arguments names none of these
				t.Errorf("with %s alone nodes hold a %s: %t", scope, kind.Name, there)
			}
			if query := `{ node(id: "x/y") { ... on ` + kind.Name + ` { id } } }`; needs != scope && !strings.Contains(s.with(credential, query), `"FORBIDDEN"`) {
				t.Errorf("with %s alone %s is not refused", scope, query)
			}
		}
	}
	// Paths that lead from one capability into another need both.
	credential, _ := s.makeKey(operator, "scopes: [PRIVATE_OFFERS_WRITE]")
	answer := s.with(credential, `mutation { submitPrivateOffer(input: {id: "x"}) { privateOffer { name } userErrors { code } } }`)
	if !strings.Contains(answer, `"scopes":["PRIVATE_OFFERS_READ"]`) {
		t.Errorf("who may only write reads: %s", answer)
	}
	if !slices.Contains(models.AllScopes, a.seen["Mutation.createApiKey"].Scope) {
		t.Error("createApiKey needs no scope")
	}
}
