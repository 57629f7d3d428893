package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
	"golang.org/x/text/unicode/norm"
	"gorm.io/driver/mysql"
	"gorm.io/driver/sqlite"
	sqlitedriver "modernc.org/sqlite"
)

// dialect is everything in which the engines differ, beside the bulk paths of
// bulk.go. The queries are the same.
type dialect struct {
	name  string
	goose goose.Dialect
	// types writes out the {words} of the migrations.
	types *strings.Replacer
	// lock keeps other processes from migrating until release is called.
	lock func(ctx context.Context, db *sql.DB) (release func(failed error) error, err error)
	// readOnly and readWrite are how transactions begin.
	readOnly, readWrite *sql.TxOptions
	// tables names the tables of the database, the engine's own left out.
	tables string
	// exclude keeps everybody else out until release, if nobody else is in.
	exclude func(ctx context.Context, db *sql.DB) (alone bool, err error)
	release func(ctx context.Context, db *sql.DB) error
	// fold is what a column is compared by where people look for it: letters
	// match in either case, and with or without their accents.
	fold string
	// folded does to a text what fold does to a column, as far as the engine
	// does not do it.
	folded func(string) string
	// loadData tells whether the server takes LOAD DATA LOCAL.
	loadData bool
	// skipLocked tells whether the server passes over rows that others have
	// locked, if asked to. SQLite has one writer, and no such rows.
	skipLocked bool
}

const (
	sqliteName = "sqlite"
	mysqlName  = "mysql"
)

var sqliteDialect = dialect{
	name:  sqliteName,
	goose: goose.DialectSQLite3,
	types: strings.NewReplacer(
		"{id}", "TEXT",
		"{key}", "TEXT",
		"{word}", "TEXT",
		"{text}", "TEXT",
		"{long}", "TEXT",
		"{bool}", "INTEGER",
		"{integer}", "INTEGER",
		// Text keeps every digit; SQLite's NUMERIC would make floats.
		"{decimal}", "TEXT",
		"{rate}", "TEXT",
		// Microseconds since 1970 as an integer, which orders right; the
		// declared type tells the driver to hand out time.Time.
		"{instant}", "DATETIME",
		"{digest}", "BLOB",
		"{table}", "WITHOUT ROWID",
	),
	lock:    lockSQLite,
	fold:    "fold(%s)",
	folded:  folded,
	tables:  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
	exclude: excludeSQLite,
	release: commitSQLite,
	// The writer's connection begins with IMMEDIATE (see sqliteTarget).
	readOnly:  &sql.TxOptions{ReadOnly: true},
	readWrite: nil,
}

var mysqlDialect = dialect{
	name:  mysqlName,
	goose: goose.DialectMySQL,
	types: strings.NewReplacer(
		// Binary columns compare byte by byte on every server.
		"{id}", "VARBINARY(128)",
		"{key}", "VARBINARY(600)",
		"{word}", "VARBINARY(32)",
		"{text}", "VARCHAR(500)",
		"{long}", "MEDIUMTEXT",
		"{bool}", "TINYINT",
		"{integer}", "BIGINT",
		"{decimal}", "DECIMAL(38,15)",
		"{rate}", "DECIMAL(38,20)",
		"{instant}", "DATETIME(6)",
		"{digest}", "BINARY(16)",
		"{table}", "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci",
	),
	lock: lockMySQL,
	// Ids are binary columns. The collation of the tables does the rest.
	fold:     "CONVERT(%s USING utf8mb4)",
	folded:   norm.NFC.String,
	tables:   "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
	exclude:  excludeMySQL,
	release:  releaseMySQL,
	readOnly: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	// A writer must see what others committed while it waited for a lock.
	// REPEATABLE READ would show it the world before, and takes gap locks.
	readWrite: &sql.TxOptions{Isolation: sql.LevelReadCommitted},
}

// like is the condition that a column holds a pattern, escaped by escapeLike.
func (d dialect) like(column string) string {
	return strings.Replace(d.fold, "%s", column, 1) + " LIKE ? ESCAPE '!'"
}

// folded is a text in lower case and without accents. SQLite itself knows the
// letters of ASCII only.
func folded(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return strings.ToLower(text)
	}
	bare := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
	return strings.ReplaceAll(norm.NFC.String(bare), "ß", "s") // as the collation has it
}

func init() {
	sqlitedriver.MustRegisterDeterministicScalarFunction("fold", 1, func(_ *sqlitedriver.FunctionContext, arguments []driver.Value) (driver.Value, error) {
		if text, ok := arguments[0].(string); ok {
			return folded(text), nil
		}
		return arguments[0], nil
	})
}

// retryable tells whether the whole transaction is worth another attempt.
func (d dialect) retryable(err error) bool {
	if errors.Is(err, ErrDuplicate) {
		return true
	}
	if e := (*mysqldriver.MySQLError)(nil); errors.As(err, &e) {
		// Deadlock, lock timeout, and MariaDB's "changed since last read".
		return e.Number == 1213 || e.Number == 1205 || e.Number == 1020
	}
	const busy, locked = 5, 6 // SQLITE_BUSY, SQLITE_LOCKED
	code := sqliteCode(err) & 0xff
	return code == busy || code == locked
}

// isDuplicate tells whether a row with the same primary key exists.
func isDuplicate(err error) bool {
	if e := (*mysqldriver.MySQLError)(nil); errors.As(err, &e) {
		return e.Number == 1062
	}
	const primaryKey, unique = 1555, 2067 // SQLITE_CONSTRAINT_...
	code := sqliteCode(err)
	return code == primaryKey || code == unique
}

// sqliteCode is SQLite's extended result code, 0 for other errors.
func sqliteCode(err error) int {
	if e := (*sqlitedriver.Error)(nil); errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// sqliteTarget is an embedded database: one file, and the log beside it.
type sqliteTarget struct {
	path string
	// private databases live in a folder of their own until Close. SQLite's
	// own memory databases are one connection each, or block readers while
	// someone writes; a file behaves here as it does for users.
	private bool
}

func (t sqliteTarget) place() string { return t.path }

func (t sqliteTarget) exists() bool {
	_, err := os.Stat(t.path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (t sqliteTarget) open(ctx context.Context, s *Store) error {
	s.dialect = sqliteDialect
	// FULL: what was answered "accepted" must survive a power cut, not only
	// the end of the process.
	synchronous := "FULL"
	if t.private {
		folder, err := os.MkdirTemp("", "sellthrough-")
		if err != nil {
			return &Error{"cannot make a folder for the private database: is the temporary folder writable?"}
		}
		s.discard = func() error { return os.RemoveAll(folder) }
		t.path, synchronous = filepath.Join(folder, "private.db"), "OFF"
	}
	if folder := filepath.Dir(t.path); !isFolder(folder) {
		return &Error{"cannot open the database " + t.path + ": there is no folder " + folder}
	}
	shared := t.dsn()
	var err error
	s.writer, err = openSQLite(ctx, shared+"&_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous("+synchronous+")&_pragma=cache_size(-65536)")
	if err == nil {
		// One connection, so that writers of this process wait in line rather
		// than poll.
		s.writer.sql.SetMaxOpenConns(1)
	}
	if err == nil {
		s.readers, err = openSQLite(ctx, shared+"&_query_only=1&_pragma=cache_size(-16384)")
	}
	if err != nil {
		return t.explain(ctx, err)
	}
	connections := max(4, 2*runtime.GOMAXPROCS(0))
	s.readers.sql.SetMaxOpenConns(connections)
	s.readers.sql.SetMaxIdleConns(connections)
	return nil
}

// openSQLite connects. Of processes that turn a new file to WAL at once, all but
// one are refused without a wait, whatever the busy timeout: they ask again.
func openSQLite(ctx context.Context, dsn string) (*pool, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	const attempts = 8 // some five seconds
	for attempt := 1; ; attempt++ {
		err := db.PingContext(ctx)
		if err == nil {
			break
		}
		if attempt == attempts || !sqliteDialect.retryable(err) || pause(ctx, attempt) != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return newPool(db, sqlite.New(sqlite.Config{Conn: db}))
}

func (t sqliteTarget) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	reason := "the file cannot be read as a database"
	switch sqliteCode(err) & 0xff {
	case 26: // SQLITE_NOTADB
		reason = "the file is not a SQLite database"
	case 8, 14, 3: // SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM
		reason = "the file or its folder may not be read and written"
	case 5, 6: // SQLITE_BUSY, SQLITE_LOCKED
		reason = "another program holds it locked"
	case 11: // SQLITE_CORRUPT
		reason = "the file is damaged"
	}
	return &Error{"cannot open the database " + t.path + ": " + reason}
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// lockSQLite puts everything that migrations do into one transaction that is
// the only writer. The pool has one connection, so goose gets that one.
func lockSQLite(ctx context.Context, db *sql.DB) (func(error) error, error) {
	if _, err := db.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	return func(failed error) error {
		end := "COMMIT"
		if failed != nil {
			end = "ROLLBACK"
		}
		_, err := db.ExecContext(context.WithoutCancel(ctx), end)
		return err
	}, nil
}

// mysqlTarget is a server that speaks the MySQL protocol.
type mysqlTarget struct{ user, password, address, name string }

func (t mysqlTarget) place() string { return t.address + "/" + t.name }

func (t mysqlTarget) open(ctx context.Context, s *Store) error {
	s.dialect = mysqlDialect
	db, err := t.connect()
	if err != nil {
		return err
	}
	const connections = 16
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(30 * time.Minute) // before servers and proxies drop them
	s.readers, err = newPool(db, mysql.New(mysql.Config{Conn: db, SkipInitializeWithVersion: true}))
	if err != nil {
		return err
	}
	s.writer = s.readers
	if err := db.PingContext(ctx); err != nil {
		return t.explain(ctx, err)
	}
	// A server without the variable does not know the statement either.
	var localInfile bool
	err = db.QueryRowContext(ctx, "SELECT @@local_infile").Scan(&localInfile)
	s.dialect.loadData = err == nil && localInfile
	// Of MariaDB before 10.6 and MySQL before 8 it is no SQL, and TiDB refuses it.
	var one int
	err = db.QueryRowContext(ctx, "SELECT n FROM (SELECT 1 AS n) row_ FOR UPDATE SKIP LOCKED").Scan(&one)
	s.dialect.skipLocked = err == nil
	return ctx.Err()
}

// connect prepares the connections and makes none yet.
func (t mysqlTarget) connect() (*sql.DB, error) {
	config := mysqldriver.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr, config.DBName = t.user, t.password, "tcp", t.address, t.name
	config.Timeout = 10 * time.Second
	config.ParseTime, config.Loc = true, time.UTC
	// One round trip a query, not two.
	config.InterpolateParams = true
	// An UPDATE counts the rows it found, as on SQLite, not those it changed.
	config.ClientFoundRows = true
	config.Logger = &mysqldriver.NopLogger{}
	config.Params = map[string]string{
		"time_zone": "'+00:00'",
		"sql_mode":  "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
	}
	connector, err := mysqldriver.NewConnector(config)
	if err != nil {
		return nil, &Error{"cannot use the database " + t.String() + ": " + urlForms}
	}
	return sql.OpenDB(connector), nil
}

// String is the URL without the password.
func (t mysqlTarget) String() string { return "mysql://" + t.user + "@" + t.address + "/" + t.name }

func (t mysqlTarget) explain(ctx context.Context, err error) error {
	reason := "the server does not answer as a MySQL server does"
	var refused *mysqldriver.MySQLError
	var network net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &refused):
		switch refused.Number {
		case 1045, 1044, 1698:
			reason = "the server refuses this user and password"
		case 1049:
			reason = "the server has no database of this name: create it first"
		case 1040, 1203:
			reason = "the server has too many connections"
		default:
			reason = fmt.Sprintf("the server answers with error %d", refused.Number)
		}
	case errors.As(err, &network):
		reason = "no server answers there"
	}
	return &Error{"cannot open the database " + t.String() + ": " + reason}
}

// lockMySQL takes a named lock of the server, which ends with the connection.
func lockMySQL(ctx context.Context, db *sql.DB) (func(error) error, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	const name, seconds = "CONCAT('sellthrough.', LEFT(SHA1(DATABASE()), 40))", 300
	var got sql.NullInt64
	err = conn.QueryRowContext(ctx, "SELECT GET_LOCK("+name+", ?)", seconds).Scan(&got)
	if err == nil && got.Int64 != 1 {
		err = errors.New("another process has been migrating for more than five minutes")
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func(error) error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK("+name+")")
		return errors.Join(err, conn.Close())
	}, nil
}
