// Package models holds the nouns of the trade and their rules: catalogue,
// private offer, purchase, usage, subscription and billing line. It is pure:
// no database, no network, no clock. What happens "now" is always an argument.
//
// Struct tags name the columns of internal/store; nothing here depends on it.
// Rule numbers (D1, 2.2, ...) are those of docs/domain.md.
package models
