package models_test

import (
	"testing"

	"sellthrough/models"
)

// No scopes limit nothing, an empty limit allows nothing, and both survive being
// stored only where they limit.
func TestScopes(t *testing.T) {
	var all models.Scopes
	if all.Limited() || !all.Allows(models.ScopeFactsWrite) || len(all.List()) != len(models.AllScopes) {
		t.Error("the zero value limits")
	}
	if _, err := all.Value(); err == nil {
		t.Error("what limits nothing is stored")
	}
	for _, set := range []models.Scopes{models.LimitedTo(), models.LimitedTo("KING"), models.LimitedTo(models.ScopeFactsRead, models.ScopeAPIKeysWrite)} {
		stored, err := set.Value()
		if err != nil {
			t.Fatal(err)
		}
		var back models.Scopes
		if err := back.Scan(stored); err != nil || back != set || !back.Limited() || back.Allows(models.ScopeFactsWrite) || !back.Allows("") {
			t.Errorf("%v is read back as %v, %v", set.List(), back.List(), err)
		}
	}
	var back models.Scopes
	for _, broken := range []any{"KING", nil, 7} {
		if back.Scan(broken) == nil {
			t.Errorf("%v are scopes", broken)
		}
	}
}
