// Package rating turns facts into billing lines: which margin applies (D1 to
// D6), and what a charge comes to (D11 to D13).
//
// It is pure. A Book is built from facts and asked questions; it reads no
// clock, no database and no context, so the same facts give the same lines in
// any order of arrival.
package rating
