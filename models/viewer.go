package models

import "time"

// Role says which desk a viewer sits at. A viewer has one role and, for
// PUBLISHER and RESELLER, one organisation.
type Role string

// The roles.
const (
	RolePublisher Role = "PUBLISHER"
	RoleReseller  Role = "RESELLER"
	RoleFinance   Role = "FINANCE"
	RoleOperator  Role = "OPERATOR"
)

// Roles lists every role, in the order in which documents name them.
var Roles = []Role{RolePublisher, RoleReseller, RoleFinance, RoleOperator}

// Viewer is who asks. The zero Viewer is nobody and sees nothing.
type Viewer struct {
	Role Role
	// Organization is the publisher id of a PUBLISHER and the tenant id of a
	// RESELLER, empty for the others.
	Organization string
	// Subject names the person or program, for the logs: api-key/<id> for an API
	// key.
	Subject string
	// Scopes limits what a program may do; the zero value limits nothing.
	Scopes Scopes
	// SignIn is the kind of credential, "" for the program itself.
	SignIn SignIn
	// ExpiresAt is when the credential ends, exclusive; zero where there is none.
	ExpiresAt time.Time
}

// SignIn says by which kind of credential a viewer is known.
type SignIn string

// The kinds of credentials.
const (
	SignInServiceToken SignIn = "SERVICE_TOKEN"
	SignInOIDC         SignIn = "OIDC"
	SignInAPIKey       SignIn = "API_KEY"
)

// System is the viewer that the command line and the worker act as: whoever
// can open the database sees all of it.
var System = Viewer{Role: RoleOperator, Subject: "system"}

// SeesEverything tells whether the viewer is bound to no organisation.
func (v Viewer) SeesEverything() bool {
	return v.Role == RoleFinance || v.Role == RoleOperator
}

// MayActFor tells whether the viewer may hand on a role with its organisation:
// an operator each, all others their own.
func (v Viewer) MayActFor(role Role, organization string) bool {
	return v.Role == RoleOperator || v.Role == role && v.Organization == organization
}

// Valid tells whether the role exists and has an organisation where it needs
// one.
func (v Viewer) Valid() bool {
	switch v.Role {
	case RolePublisher, RoleReseller:
		return v.Organization != ""
	case RoleFinance, RoleOperator:
		return true
	}
	return false
}
