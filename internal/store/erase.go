package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// Erase drops every table that migrations made in the database at url, and
// leaves those of others alone. It does so only if the database carries the
// setting mark, and nobody else has it open: another database is refused with an
// *Error, and nothing of it has changed. A database that is not there, or holds
// no table, is left as it is.
func Erase(ctx context.Context, url, mark string) (err error) {
	target, err := parseURL(url)
	if err != nil {
		return err
	}
	if file, ok := target.(sqliteTarget); ok && (file.private || !file.exists()) {
		return nil
	}
	db, dialect, err := target.alone(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wrap(db.Close())) }()
	empty, marked, err := marked(ctx, db, dialect, mark)
	if err != nil || empty {
		return wrap(err)
	}
	if !marked {
		return &Error{"the database " + target.place() + " is not marked as the " + mark + "'s: nothing was erased"}
	}
	alone, err := dialect.seize(ctx, db)
	if err != nil {
		return wrap(err)
	}
	if !alone {
		return &Error{"another program has the database " + target.place() + " open: stop it first; nothing was erased"}
	}
	tables, err := madeTables()
	if err != nil {
		return wrap(err)
	}
	// The mark goes last: what was cut off can be done again.
	for _, table := range append(tables, "settings") {
		if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+table); err != nil {
			return wrap(err)
		}
	}
	return wrap(dialect.release(ctx, db))
}

// seize takes the database for one connection alone, and tells whether it could:
// it asks for as long as a program that was just stopped may need to let go.
func (d dialect) seize(ctx context.Context, db *sql.DB) (bool, error) {
	const attempts = 6 // more than a second
	for attempt := 1; ; attempt++ {
		alone, err := d.exclude(ctx, db)
		if alone || err != nil && !d.retryable(err) {
			return alone, err
		}
		if attempt == attempts {
			return false, nil
		}
		if err := pause(ctx, attempt); err != nil {
			return false, err
		}
	}
}

// marked tells whether the database holds no table at all, and whether it has
// the setting.
func marked(ctx context.Context, db *sql.DB, d dialect, mark string) (empty, marked bool, err error) {
	rows, err := db.QueryContext(ctx, d.tables)
	if err != nil {
		return false, false, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return false, false, err
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || !slices.Contains(names, "settings") {
		return len(names) == 0, false, err
	}
	var found int
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM settings WHERE name = ?", mark).Scan(&found)
	return false, found > 0, err
}

var createTable = regexp.MustCompile(`(?m)^CREATE TABLE IF NOT EXISTS (\w+)`)

// madeTables are the tables that migrations make, and goose's own, but settings.
func madeTables() ([]string, error) {
	tables := []string{"goose_db_version"}
	files, err := fs.Glob(embedded, "migrations/*.sql")
	for _, file := range files {
		text, readErr := embedded.ReadFile(file)
		err = errors.Join(err, readErr)
		for _, found := range createTable.FindAllStringSubmatch(string(text), -1) {
			tables = append(tables, found[1])
		}
	}
	return slices.DeleteFunc(tables, func(name string) bool { return name == "settings" }), err
}

// oneConnection opens a pool of a single connection.
func oneConnection(ctx context.Context, db *sql.DB, explain func(context.Context, error) error) (*sql.DB, error) {
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(explain(ctx, err), db.Close())
	}
	return db, nil
}

// alone opens the file as it is, without turning it into anything.
func (t sqliteTarget) alone(ctx context.Context) (*sql.DB, dialect, error) {
	db, err := sql.Open("sqlite", t.dsn()+"&mode=rw")
	if err == nil {
		db, err = oneConnection(ctx, db, t.explain)
	}
	return db, sqliteDialect, err
}

func (t mysqlTarget) alone(ctx context.Context) (*sql.DB, dialect, error) {
	db, err := t.connect()
	if err == nil {
		db, err = oneConnection(ctx, db, t.explain)
	}
	return db, mysqlDialect, err
}

// excludeSQLite begins a transaction that nobody sees a part of. A file that
// others have open cannot leave WAL: their idle connections lock nothing else.
func excludeSQLite(ctx context.Context, db *sql.DB) (alone bool, err error) {
	var mode string
	err = db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if err == nil {
		_, err = db.ExecContext(ctx, "BEGIN EXCLUSIVE")
	}
	return err == nil, err
}

func commitSQLite(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "COMMIT")
	return err
}

// excludeMySQL tells whether no other connection is on the database. Without
// more privileges a user sees none but its own.
func excludeMySQL(ctx context.Context, db *sql.DB) (alone bool, err error) {
	var others int
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()").Scan(&others)
	return others == 0, err
}

// releaseMySQL has nothing to end: DROP TABLE ends every transaction.
func releaseMySQL(context.Context, *sql.DB) error { return nil }

// dsn is what every connection to the file begins with.
func (t sqliteTarget) dsn() string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(t.path) +
		"?_time_integer_format=unix_micro&_inttotime=1&_dqs=0&_pragma=busy_timeout(10000)"
}
