package models

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// Scope names one capability of the API. A program's credential may be limited
// to some of them, within what its role may do anyway.
type Scope string

// The scopes. Reading and writing are apart: who may write need not read.
const (
	ScopeCatalogueRead      Scope = "CATALOGUE_READ"
	ScopeCatalogueWrite     Scope = "CATALOGUE_WRITE"
	ScopePrivateOffersRead  Scope = "PRIVATE_OFFERS_READ"
	ScopePrivateOffersWrite Scope = "PRIVATE_OFFERS_WRITE"
	ScopeMarginsRead        Scope = "MARGINS_READ"
	ScopeFactsRead          Scope = "FACTS_READ"
	ScopeFactsWrite         Scope = "FACTS_WRITE"
	ScopeReportsRead        Scope = "REPORTS_READ"
	ScopeAPIKeysRead        Scope = "API_KEYS_READ"
	// ScopeAPIKeysWrite is never an API key's own: a key makes no keys.
	ScopeAPIKeysWrite  Scope = "API_KEYS_WRITE"
	ScopeWebhooksRead  Scope = "WEBHOOKS_READ"
	ScopeWebhooksWrite Scope = "WEBHOOKS_WRITE"
)

// AllScopes lists every scope, in the order in which documents name them. New
// ones are added at the end.
var AllScopes = []Scope{
	ScopeCatalogueRead, ScopeCatalogueWrite, ScopePrivateOffersRead, ScopePrivateOffersWrite, ScopeMarginsRead,
	ScopeFactsRead, ScopeFactsWrite, ScopeReportsRead, ScopeAPIKeysRead, ScopeAPIKeysWrite,
	ScopeWebhooksRead, ScopeWebhooksWrite,
}

// Scopes limits a viewer to some capabilities. The zero value limits nothing;
// one that LimitedTo made allows what it names and nothing else, even if that
// is nothing. Scopes compare with ==.
type Scopes uint32

// limited tells Scopes that allow nothing from those that limit nothing.
const limited Scopes = 1 << 31

// LimitedTo allows the scopes and nothing else. Those that do not exist allow
// nothing.
func LimitedTo(scopes ...Scope) Scopes {
	set := limited
	for _, scope := range scopes {
		set |= bitOf(scope)
	}
	return set
}

func bitOf(scope Scope) Scopes {
	for i, known := range AllScopes {
		if known == scope {
			return 1 << i
		}
	}
	return 0
}

// Valid tells whether the scope exists.
func (s Scope) Valid() bool { return bitOf(s) != 0 }

// Limited tells whether anything is left out.
func (s Scopes) Limited() bool { return s != 0 }

// Allows tells whether the scope is among them, or none is left out. The empty
// scope is what needs none.
func (s Scopes) Allows(scope Scope) bool {
	return s == 0 || scope == "" || s&bitOf(scope) != 0
}

// List are the scopes that are allowed, in the order of AllScopes.
func (s Scopes) List() []Scope {
	list := make([]Scope, 0, len(AllScopes))
	for _, scope := range AllScopes {
		if s.Allows(scope) {
			list = append(list, scope)
		}
	}
	return list
}

// Value stores scopes as their names, separated by spaces.
func (s Scopes) Value() (driver.Value, error) {
	if !s.Limited() {
		return nil, errors.New("scopes that limit nothing are not stored")
	}
	names := make([]string, 0, len(AllScopes))
	for _, scope := range s.List() {
		names = append(names, string(scope))
	}
	return strings.Join(names, " "), nil
}

// Scan reads what Value has stored. Whatever it reads is limited.
func (s *Scopes) Scan(value any) error {
	var text string
	switch value := value.(type) {
	case string:
		text = value
	case []byte:
		text = string(value)
	default:
		return fmt.Errorf("%T holds no scopes", value)
	}
	set := limited
	for _, name := range strings.Fields(text) {
		if !Scope(name).Valid() {
			return fmt.Errorf("%s is not a scope", Quote(name))
		}
		set |= bitOf(Scope(name))
	}
	*s = set
	return nil
}
