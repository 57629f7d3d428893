package store

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"sellthrough/models"
)

// Page asks for a piece of a list. Lists are sorted by their key, ascending,
// and walked by keyset: a page costs the same wherever it lies.
type Page struct {
	// After and Before bound the page, both exclusive; "" is the end of the
	// list. They are keys of rows (Key), also of rows that are gone.
	After, Before string
	// Limit is the most rows to return, 0 for all.
	Limit int
	// Backward takes the last rows before Before rather than the first after
	// After. They come in ascending order all the same.
	Backward bool
}

// Listed are the rows that come in pages.
type Listed interface {
	models.Publisher | models.Product | models.Reseller | models.Customer | models.PrivateOffer | models.OfferEvent | models.Subscription | models.UsageRecord | models.APIKey | models.Notification | models.WebhookEndpoint
}

// Key is the place of a row in its list, for Page. It is opaque.
func Key[T Listed](row T) string {
	switch row := any(row).(type) {
	case models.Publisher:
		return row.ID
	case models.Product:
		return row.ID
	case models.Reseller:
		return row.TenantID
	case models.Customer:
		return joinKey(row.ResellerTenantID, row.TenantID)
	case models.PrivateOffer:
		return row.ID
	case models.OfferEvent:
		return strconv.Itoa(row.Number)
	case models.Subscription:
		return row.ID
	case models.APIKey:
		return row.ID
	case models.Notification:
		return row.ID
	case models.WebhookEndpoint:
		return row.ID
	case models.UsageRecord:
		return joinKey(row.OccurredAt.UTC().Format(time.RFC3339Nano), row.PublisherID, row.Source, row.ExternalID)
	}
	panic("store: a list without a key")
}

// No id holds a space (models.Violations.checkID).
func joinKey(parts ...string) string { return strings.Join(parts, " ") }

// pageOf runs a query for a page in the order of the columns, and tells whether
// there is more in the direction that was asked for.
func pageOf[T Listed](r *Reader, table string, query *gorm.DB, page Page, columns ...string) ([]T, bool, error) {
	for _, bound := range []struct{ key, comparison string }{{page.After, " > ?"}, {page.Before, " < ?"}} {
		if bound.key == "" {
			continue
		}
		condition, arguments, err := beyond(columns, bound.key, bound.comparison)
		if err != nil {
			return nil, false, err
		}
		query = query.Where(condition, arguments...)
	}
	direction := ""
	if page.Backward {
		direction = " DESC"
	}
	for _, column := range columns {
		query = query.Order(column + direction)
	}
	if page.Limit > 0 {
		query = query.Limit(page.Limit + 1)
	}
	rows, err := find[T](r, table, query)
	if err != nil {
		return nil, false, err
	}
	more := page.Limit > 0 && len(rows) > page.Limit
	if more {
		rows = rows[:page.Limit]
	}
	if page.Backward {
		slices.Reverse(rows)
	}
	return rows, more, nil
}

// beyond is a > ? OR (a = ? AND b > ?) ...: comparing (a, b) with (?, ?) would
// keep some engines from using the index.
func beyond(columns []string, key, comparison string) (string, []any, error) {
	parts := strings.Split(key, " ")
	if len(parts) != len(columns) {
		return "", nil, badKey
	}
	values := make([]any, len(parts))
	for i, part := range parts {
		values[i] = part
		if columns[i] == "occurred_at" {
			at, err := models.ParseInstant(part)
			if err != nil {
				return "", nil, badKey
			}
			values[i] = at
		}
		if columns[i] == "number" {
			number, err := strconv.Atoi(part)
			if err != nil {
				return "", nil, badKey
			}
			values[i] = number
		}
	}
	var alternatives []string
	var arguments []any
	for i := range columns {
		var all []string
		for j := range i {
			all = append(all, columns[j]+" = ?")
			arguments = append(arguments, values[j])
		}
		all = append(all, columns[i]+comparison)
		arguments = append(arguments, values[i])
		alternatives = append(alternatives, "("+strings.Join(all, " AND ")+")")
	}
	return strings.Join(alternatives, " OR "), arguments, nil
}

var badKey = models.Violations{{Field: []string{"after"}, Code: models.CodeInvalid, Message: "is not the cursor of a row in this list: take it from an answer"}}

// count is the number of rows that a query finds.
func count(r *Reader, query *gorm.DB) (int64, error) {
	var n int64
	err := query.Count(&n).Error
	return n, wrap(err)
}

// in narrows a query to rows whose column is one of the values; nil leaves it
// as it is, an empty list finds nothing.
func (r *Reader) in(query *gorm.DB, column string, values []string) *gorm.DB {
	if values == nil {
		return query
	}
	// SQLite binds at most 32,766 values to a statement.
	if r.dialect.name == sqliteName && len(values) > 1000 {
		return query.Where(column+" IN (SELECT value FROM json_each(?))", jsonList(values))
	}
	return query.Where(column+" IN ?", values)
}

// equal narrows a query to rows whose column has the value; "" leaves it.
func equal(query *gorm.DB, column, value string) *gorm.DB {
	if value == "" {
		return query
	}
	return query.Where(column+" = ?", value)
}

// matching narrows a query to rows with the text anywhere in one of the columns,
// spelled as people do (dialect.fold).
func (r *Reader) matching(query *gorm.DB, text string, columns ...string) *gorm.DB {
	if text == "" {
		return query
	}
	checkPattern(query, "text", text)
	pattern := "%" + escapeLike(r.dialect.folded(text)) + "%"
	alternatives := make([]string, len(columns))
	arguments := make([]any, len(columns))
	for i, column := range columns {
		alternatives[i], arguments[i] = r.dialect.like(column), pattern
	}
	return query.Where(strings.Join(alternatives, " OR "), arguments...)
}

// MaxPattern bounds a text to look for, in bytes. No name is much longer, and
// SQLite gives up on long patterns.
const MaxPattern = 200

// checkPattern makes the query fail with models.Violations for a text that
// cannot be looked for. To SQLite a pattern ends before a NUL, and would match
// all.
func checkPattern(query *gorm.DB, field, text string) {
	var vs models.Violations
	if len(text) > MaxPattern {
		vs.Add(field, models.CodeTooLong, "is longer than 200 bytes: look for less")
	}
	if strings.Contains(text, "\x00") {
		vs.Add(field, models.CodeInvalid, "holds a NUL character, as no name does")
	}
	if len(vs) > 0 {
		_ = query.AddError(vs) // kept in the query, and returned by whatever runs it
	}
}

// escapeLike makes a text match itself in LIKE ... ESCAPE '!'.
func escapeLike(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}
