package store

import (
	"database/sql"
	"fmt"
	"strings"
)

// Damage is a value of a stored fact that cannot be read. Key are the values of
// the row's primary key, as they are stored.
type Damage struct{ Table, Key, Column string }

// Damaged are the values that cannot be read among rows that were asked for.
// Buckets returns the other rows beside it, and EachUsage has handed them over.
type Damaged []Damage

// Error names each, a sentence for whoever runs the program.
func (d Damaged) Error() string {
	parts := make([]string, len(d))
	for i, one := range d {
		parts[i] = fmt.Sprintf("the database is damaged: table %s, row %s: its %s cannot be read", one.Table, one.Key, one.Column)
	}
	return strings.Join(parts, "; ")
}

// scanRow scans a row, and finds the value where that fails. The first columns
// are the table's key.
func scanRow(rows *sql.Rows, table string, keys int, destinations ...any) error {
	err := rows.Scan(destinations...)
	if err == nil {
		return nil
	}
	values := make([]any, len(destinations))
	raw := make([]any, len(destinations))
	for i := range values {
		raw[i] = &values[i]
	}
	columns, failed := rows.Columns()
	if failed != nil || rows.Scan(raw...) != nil {
		return wrap(err)
	}
	key := make([]string, keys)
	for i := range key {
		key[i] = fmt.Sprint(values[i])
		if text, ok := values[i].([]byte); ok {
			key[i] = string(text)
		}
	}
	for i := range raw {
		kept := raw[i]
		raw[i] = destinations[i]
		if rows.Scan(raw...) != nil {
			return Damaged{{table, strings.Join(key, "/"), columns[i]}}
		}
		raw[i] = kept
	}
	return wrap(err)
}
