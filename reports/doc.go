// Package reports makes documents of billing lines. Every report is a fold
// over the same lines, so they reconcile by construction: each total is the sum
// of its lines.
//
// It is pure. Amounts of two currencies are never added: the currency is always
// part of the group (D16). A total that does not fit is an error, never a
// wrapped number.
package reports
