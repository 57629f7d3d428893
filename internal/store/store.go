// Package store keeps the facts: catalogue, private offers, purchases, usage
// and the buckets that usage is added up in. It is the only importer of gorm
// and of the database drivers, and holds one repository of queries for SQLite
// and for what speaks the MySQL protocol; where the two differ is dialect.go.
//
// Everything happens inside Read or Write. Both are bound to a viewer: what is
// read through them is limited to what the viewer's organisation may see, in
// one place (scope.go).
//
// The store adds nothing up and prices nothing. Numbers go in and come out
// exact; instants keep microseconds; ids compare byte by byte.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"sellthrough/models"
)

// What a caller may want to tell apart. Every other error of this package
// begins with "store: ", may hold a driver's text, and is no user's business.
var (
	// ErrNotFound: no such row, or none that the viewer may see.
	ErrNotFound = errors.New("store: not found")
	// ErrStale: the row has changed since the caller read it.
	ErrStale = errors.New("store: changed since it was read")
	// ErrNobody: the viewer has no role, or lacks its organisation.
	ErrNobody = errors.New("store: the viewer is nobody")
	// ErrDuplicate: a fact with this key exists. Write tries again, so that a
	// function that looks first finds it.
	ErrDuplicate = errors.New("store: the key exists already")
)

// Error says why a database cannot be opened, in words for whoever started the
// program. It never holds a password or a driver's text.
type Error struct{ Message string }

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Options are how Open opens. The zero value is right for most.
type Options struct {
	// Logger hears of applied migrations and of retried transactions; nil is
	// silent.
	Logger *slog.Logger
	// SkipMigrations leaves the schema as it is. Open then refuses a database
	// that is not up to date.
	SkipMigrations bool
	// Existing refuses a database that nobody has made yet, where Open would
	// make it: to read from a mistyped one would find nothing, and no fault.
	Existing bool
	// Watch hears of each transaction when Read or Write begins it, and by done,
	// with the number of its attempts, when it has ended. Nil hears nothing.
	Watch func(ctx context.Context, write bool) (done func(attempts int, err error))
}

// Store is one open database. It is safe for concurrent use.
type Store struct {
	dialect dialect
	logger  *slog.Logger
	watch   func(ctx context.Context, write bool) (done func(attempts int, err error))
	// readers and writer are two pools, since SQLite takes one writer at a
	// time beside any number of readers. On the MySQL family they are the same.
	readers, writer *pool
	// discard removes a private database at Close.
	discard func() error
	// written is the last change that this store has committed.
	written atomic.Int64
}

// pool is one pool of connections with gorm over it.
type pool struct {
	sql  *sql.DB
	gorm *gorm.DB
}

// Open connects to a database and brings its schema up to date, under a lock,
// so that any number of processes may start at once.
//
// The url is sqlite:PATH (the file is made if missing), sqlite::memory: for a
// private database that is gone at Close, or
// mysql://user:password@host:port/name. What is wrong with it is an *Error.
func Open(ctx context.Context, url string, options Options) (*Store, error) {
	s, err := connect(ctx, url, options)
	if err != nil {
		return nil, err
	}
	if options.Existing {
		err = s.made(ctx, url)
	}
	if err == nil {
		err = s.ready(ctx, options.SkipMigrations)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect opens the pools and leaves the schema alone.
func connect(ctx context.Context, url string, options Options) (*Store, error) {
	target, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	if file, ok := target.(sqliteTarget); ok && options.Existing && !file.exists() {
		return nil, notMade(target)
	}
	s := &Store{logger: options.Logger, watch: options.Watch}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.watch == nil {
		s.watch = func(context.Context, bool) func(int, error) { return func(int, error) {} }
	}
	if err := target.open(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newPool puts gorm over the connections: no associations, no hooks, no
// transactions of its own, no log.
func newPool(db *sql.DB, dialector gorm.Dialector) (*pool, error) {
	g, err := gorm.Open(dialector, &gorm.Config{
		Logger: logger.Discard,
		// Every instant is the caller's: columns that gorm would fill in by
		// itself are switched off in models.
		NowFunc:                func() time.Time { return time.Time{} },
		SkipDefaultTransaction: true,
		TranslateError:         true,
		DisableAutomaticPing:   true,
	})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return &pool{sql: db, gorm: g}, nil
}

// Close ends every connection. A private database is gone then.
func (s *Store) Close() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.sql.Close())
	}
	if s.writer != nil && s.writer != s.readers {
		errs = append(errs, s.writer.sql.Close())
	}
	if s.discard != nil {
		errs = append(errs, s.discard())
	}
	return wrap(errors.Join(errs...))
}

// Dialect is "sqlite" or "mysql".
func (s *Store) Dialect() string { return s.dialect.name }

// Pools are the figures of each pool of connections by its name: readers and
// writer, or shared where they are the same.
func (s *Store) Pools() map[string]sql.DBStats {
	if s.readers == s.writer {
		return map[string]sql.DBStats{"shared": s.readers.sql.Stats()}
	}
	return map[string]sql.DBStats{"readers": s.readers.sql.Stats(), "writer": s.writer.sql.Stats()}
}

// Reader reads one consistent snapshot as one viewer. It is valid only inside
// the function that Read or Write calls, and for one goroutine.
type Reader struct {
	ctx     context.Context
	viewer  models.Viewer
	dialect dialect
	tx      *sql.Tx
	db      *gorm.DB
	rows    map[string]int
}

// Writer is a Reader inside a transaction that may also write. On the MySQL
// family it reads what is committed at each query; rows that a decision rests
// on are locked first (LockResellers, OfferForUpdate, BucketsByKey).
type Writer struct {
	*Reader
	attempt int
	// depth counts the steps around.
	depth int
	// known remembers which records SaveRecord found to exist.
	known map[string]bool
	// changes are to be logged with the commit, noted which those are.
	changes []models.Change
	noted   map[models.Change]bool
}

// Read runs f on one consistent snapshot. An invalid viewer is ErrNobody. The
// error of f is returned as it is, unless the context is done: then it is the
// context's, with its cause.
func (s *Store) Read(ctx context.Context, viewer models.Viewer, f func(r *Reader) error) error {
	if !viewer.Valid() {
		return ErrNobody
	}
	done := s.watch(ctx, false)
	err := ended(ctx, s.read(ctx, viewer, f))
	done(1, err)
	return err
}

func (s *Store) read(ctx context.Context, viewer models.Viewer, f func(r *Reader) error) error {
	tx, err := s.readers.sql.BeginTx(ctx, s.dialect.readOnly)
	if err != nil {
		return wrap(err)
	}
	defer tx.Rollback() // nothing to commit
	return f(s.readers.reader(ctx, s.dialect, viewer, tx))
}

// ended names the context's end where that is why something failed: drivers say
// then that the transaction is over, or the connection.
func ended(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("store: %w: %w", ctx.Err(), cause)
	}
	return fmt.Errorf("store: %w", context.Cause(ctx))
}

// retries is how often Write tries again after a deadlock, a lock timeout, a
// busy database or a duplicate.
const retries = 3

// Write runs f in one transaction, which is committed when f returns nil and
// rolled back otherwise. The error of f is returned as it is, unless the context
// is done: then it is the context's, with its cause.
//
// After a deadlock, a lock timeout, a busy database or an ErrDuplicate the
// whole of f runs again, at most three times more: f must not change anything
// but through w. A Write inside f would wait for itself.
func (s *Store) Write(ctx context.Context, viewer models.Viewer, f func(w *Writer) error) error {
	if !viewer.Valid() {
		return ErrNobody
	}
	done := s.watch(ctx, true)
	attempts, err := s.writeUntilDone(ctx, viewer, f)
	done(attempts, err)
	return err
}

func (s *Store) writeUntilDone(ctx context.Context, viewer models.Viewer, f func(w *Writer) error) (attempt int, err error) {
	for attempt = 1; ; attempt++ {
		err := ended(ctx, s.write(ctx, viewer, attempt, f))
		if err == nil || ctx.Err() != nil || attempt > retries || !s.dialect.retryable(err) {
			return attempt, err
		}
		s.logger.DebugContext(ctx, "transaction is tried again", "attempt", attempt, "reason", err)
		if err := pause(ctx, attempt); err != nil {
			return attempt, ended(ctx, err)
		}
	}
}

func (s *Store) write(ctx context.Context, viewer models.Viewer, attempt int, f func(w *Writer) error) error {
	tx, err := s.writer.sql.BeginTx(ctx, s.dialect.readWrite)
	if err != nil {
		return wrap(err)
	}
	defer tx.Rollback() // does nothing after a commit
	w := s.writer.reader(ctx, s.dialect, viewer, tx).writer(attempt)
	if err := f(w); err != nil {
		return err
	}
	last, err := w.logChanges()
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return wrap(err)
	}
	// Before the caller hears of the commit: what it reads next must hold it.
	for written := s.written.Load(); written < last && !s.written.CompareAndSwap(written, last); {
		written = s.written.Load()
	}
	return nil
}

// Written is the number of the last change that was committed through this store,
// not by another process: 0 before the first. Whoever keeps what was read holds a
// caller's own changes if it is as new as this.
func (s *Store) Written() int64 { return s.written.Load() }

func (r *Reader) writer(attempt int) *Writer {
	return &Writer{Reader: r, attempt: attempt, known: map[string]bool{}}
}

// errRehearsed undoes what was only rehearsed.
var errRehearsed = errors.New("store: rehearsed")

// Rehearse runs f in one transaction and keeps nothing of it. f runs once, and
// writes step by step (Writer.Step). Others who write wait meanwhile: all of
// them on SQLite, those who need the same rows elsewhere. The error of f is
// returned as Write would.
func (s *Store) Rehearse(ctx context.Context, viewer models.Viewer, f func(w *Writer) error) error {
	if !viewer.Valid() {
		return ErrNobody
	}
	err := s.write(ctx, viewer, 1, func(w *Writer) error { return cmp.Or(f(w), errRehearsed) })
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return ended(ctx, err)
}

// Step runs f inside the transaction as Write runs a transaction: where f fails,
// what it wrote is undone, but nothing before it, and after an ErrDuplicate it
// runs again. A step may have steps.
func (w *Writer) Step(f func(w *Writer) error) error {
	savepoint := "step" + strconv.Itoa(w.depth) // of two with one name some engines forget the first
	for attempt := 1; ; attempt++ {
		if _, err := w.tx.ExecContext(w.ctx, "SAVEPOINT "+savepoint); err != nil {
			return wrap(err)
		}
		step := w.Reader.writer(attempt)
		step.depth = w.depth + 1
		err := f(step)
		if err == nil {
			_, err := w.tx.ExecContext(w.ctx, "RELEASE SAVEPOINT "+savepoint)
			return wrap(err)
		}
		if _, undone := w.tx.ExecContext(w.ctx, "ROLLBACK TO SAVEPOINT "+savepoint); undone != nil {
			return errors.Join(err, wrap(undone))
		}
		if attempt > retries || !errors.Is(err, ErrDuplicate) {
			return err
		}
	}
}

// pause waits a few milliseconds, longer after each attempt and never the same
// for two writers that met.
func pause(ctx context.Context, attempt int) error {
	most := 10 * time.Millisecond << attempt
	timer := time.NewTimer(most/4 + rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pool) reader(ctx context.Context, d dialect, viewer models.Viewer, tx *sql.Tx) *Reader {
	db := p.gorm.Session(&gorm.Session{NewDB: true, Context: ctx})
	db.Statement.ConnPool = tx
	return &Reader{ctx: ctx, viewer: viewer, dialect: d, tx: tx, db: db, rows: map[string]int{}}
}

// Viewer is who reads.
func (r *Reader) Viewer() models.Viewer { return r.viewer }

// RowsRead counts the rows read so far, by table: a test proves with it that
// reports of an open month read no usage record.
func (r *Reader) RowsRead() map[string]int { return r.rows }

// Attempt is 1 the first time Write runs its function, and counts up with each
// retry. A bulk import skips looking for duplicates on the first: inserting
// finds them too, and most files hold none.
func (w *Writer) Attempt() int { return w.attempt }

// from starts a query on a table, bound to what the viewer may see.
func (r *Reader) from(table string) *gorm.DB {
	query := r.db.Table(table)
	if condition, arguments := scope(r.viewer, table); condition != "" {
		query = query.Where(condition, arguments...)
	}
	return query
}

// find runs a query and counts its rows.
func find[T any](r *Reader, table string, query *gorm.DB) ([]T, error) {
	var rows []T
	err := query.Find(&rows).Error
	r.rows[table] += len(rows)
	return rows, wrap(err)
}

// one runs a query for the only row; none is ErrNotFound.
func one[T any](r *Reader, table string, query *gorm.DB) (*T, error) {
	rows, err := find[T](r, table, query.Limit(1))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrNotFound
	}
	return &rows[0], nil
}

// each runs a query and hands over row after row; scan must not keep what it
// is given. No other query can run meanwhile.
func (r *Reader) each(table, query string, arguments []any, scan func(rows *sql.Rows) error) error {
	rows, err := r.tx.QueryContext(r.ctx, query, arguments...)
	if err != nil {
		return wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		r.rows[table]++
		if err := scan(rows); err != nil {
			return err
		}
	}
	return wrap(rows.Err())
}

// wrap marks an error as the store's, and names the kinds that callers know.
func wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gorm.ErrDuplicatedKey), isDuplicate(err):
		return ErrDuplicate
	case errors.Is(err, gorm.ErrRecordNotFound), errors.Is(err, sql.ErrNoRows):
		return ErrNotFound
	case errors.As(err, new(models.Violations)):
		return err
	}
	return fmt.Errorf("store: %w", err)
}
