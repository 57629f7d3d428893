package door

import (
	"net/http/httptest"
	"testing"

	"sellthrough/models"
)

// Whoever makes another key makes no other allowance.
func TestKeysShareAnAllowance(t *testing.T) {
	d, r := &door{}, httptest.NewRequest("POST", "/graphql", nil)
	of := func(role models.Role, organization, subject string, by models.SignIn) any {
		return d.identity(models.Viewer{Role: role, Organization: organization, Subject: subject, SignIn: by}, r)
	}
	one := of(models.RoleReseller, "a", "api-key/1", models.SignInAPIKey)
	if one != of(models.RoleReseller, "a", "api-key/2", models.SignInAPIKey) {
		t.Error("each key has an allowance of its own")
	}
	for name, other := range map[string]any{
		"another organisation": of(models.RoleReseller, "b", "api-key/1", models.SignInAPIKey),
		"another role":         of(models.RolePublisher, "a", "api-key/1", models.SignInAPIKey),
		"a person":             of(models.RoleReseller, "a", "ada", models.SignInOIDC),
	} {
		if one == other {
			t.Errorf("%s shares the allowance of the keys", name)
		}
	}
}
