package models

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
	// Subject names the person or program, for the logs.
	Subject string
}

// System is the viewer that the command line and the worker act as: whoever
// can open the database sees all of it.
var System = Viewer{Role: RoleOperator, Subject: "system"}

// SeesEverything tells whether the viewer is bound to no organisation.
func (v Viewer) SeesEverything() bool {
	return v.Role == RoleFinance || v.Role == RoleOperator
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
