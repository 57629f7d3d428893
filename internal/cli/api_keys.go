package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/models"
)

type apiKeyCommand struct {
	Create apiKeyCreateCommand `cmd:"" help:"Make a key, and print it and nothing else. It is shown this once."`
	List   apiKeyListCommand   `cmd:"" help:"List all keys, without their secrets."`
	Revoke apiKeyRevokeCommand `cmd:"" help:"Revoke a key for good: it is refused from the next request on."`
}

type apiKeyCreateCommand struct {
	Name         string   `required:"" help:"What it is for: the program that will use it."`
	Role         string   `required:"" help:"PUBLISHER, RESELLER, FINANCE or OPERATOR."`
	Organization string   `help:"The publisher's id, or the reseller's tenant id." placeholder:"ID"`
	Scopes       []string `required:"" help:"What it may do, separated by commas: ${scopes}." placeholder:"SCOPE"`
	Days         int      `default:"${key_days}" help:"How many days it is good, at most ${max_key_days}."`
}

// keyVariables are what the help of the commands names.
func keyVariables() map[string]string {
	var names []string
	for _, scope := range models.AllScopes {
		if scope != models.ScopeAPIKeysWrite {
			names = append(names, string(scope))
		}
	}
	return map[string]string{
		"scopes": strings.Join(names, ", "), "key_days": fmt.Sprint(models.DefaultAPIKeyDays), "max_key_days": fmt.Sprint(models.MaxAPIKeyDays),
	}
}

// atDatabase is how whoever can open the database asks.
var atDatabase = models.Viewer{Role: models.RoleOperator, Subject: "command line"}

// Run makes the key.
func (a *apiKeyCreateCommand) Run(ctx context.Context, p *Program, c *commands) error {
	return c.with(ctx, p, existing, func(s *session) error {
		key := models.APIKey{
			Name: a.Name, Role: models.Role(strings.ToUpper(a.Role)), Organization: lowerGUID(a.Organization), ExpiresAt: s.CredentialNow().AddDate(0, 0, a.Days),
		}
		scopes := make([]models.Scope, len(a.Scopes))
		for i, scope := range a.Scopes {
			scopes[i] = models.Scope(strings.ToUpper(strings.TrimSpace(scope)))
		}
		made, vs, err := s.CreateAPIKey(ctx, market.Request{Viewer: atDatabase}, key, scopes)
		if err = cmp.Or(err, refusedKey(vs)); err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.Stdout, made.Text)
		return err
	})
}

// refusedKey words violations by the flags that they are about.
func refusedKey(vs models.Violations) error {
	if len(vs) == 0 {
		return nil
	}
	flags := map[string]string{"expiresAt": "days", "id": "the id"}
	parts := make([]string, len(vs))
	for i, v := range vs {
		flag := cmp.Or(flags[v.Field[0]], v.Field[0])
		parts[i] = "--" + flag + " " + v.Message
		if flag == "the id" {
			parts[i] = v.Message
		}
	}
	return fmt.Errorf("%s", strings.Join(parts, "; "))
}

type apiKeyListCommand struct{}

// Run lists the keys.
func (*apiKeyListCommand) Run(ctx context.Context, p *Program, c *commands) error {
	return c.with(ctx, p, existing, func(s *session) error {
		var keys []models.APIKey
		err := s.Store.Read(ctx, models.System, func(r *store.Reader) (err error) {
			keys, _, err = r.APIKeys(store.APIKeyFilter{}, store.Page{})
			return err
		})
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "id\tstate\trole\torganization\texpiresAt\tlastUsedAt\tscopes\tname")
		for i := range keys {
			k := &keys[i]
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%v\t%s\n", k.ID, keyState(k, s.CredentialNow()), k.Role, cmp.Or(k.Organization, "-"),
				k.ExpiresAt.UTC().Format(time.DateOnly), instantText(k.LastUsedAt), k.Scopes.List(), k.Name)
		}
		return table.Flush()
	})
}

func keyState(k *models.APIKey, now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.Ended(now) != nil:
		return "expired"
	}
	return "good"
}

func instantText(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return at.UTC().Format(time.RFC3339)
}

type apiKeyRevokeCommand struct {
	ID string `arg:"" help:"The key's id: what stands in it after st_."`
}

// Run revokes the key.
func (a *apiKeyRevokeCommand) Run(ctx context.Context, p *Program, c *commands) error {
	return c.with(ctx, p, existing, func(s *session) error {
		key, vs, err := s.RevokeAPIKey(ctx, market.Request{Viewer: atDatabase}, strings.TrimPrefix(a.ID, "api-key/"))
		if err = cmp.Or(err, refusedKey(vs)); err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.Stdout, "%s is revoked since %s: %s\n", key.ID, instantText(key.RevokedAt), key.Name)
		return err
	})
}
