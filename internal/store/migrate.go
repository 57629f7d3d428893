package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var embedded embed.FS

// Migrate brings the schema of a database up to date and returns the versions
// it went from and to. Open does the same; this is for whoever wants to do it
// apart. The errors are those of Open.
func Migrate(ctx context.Context, url string, options Options) (from, to int64, err error) {
	s, err := connect(ctx, url, options)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.migrate(ctx)
}

// Version is the number of the last migration that the database has seen.
func (s *Store) Version(ctx context.Context) (int64, error) {
	migrations, err := s.migrations()
	if err != nil {
		return 0, err
	}
	version, err := migrations.GetDBVersion(ctx)
	return version, wrap(err)
}

// made refuses a database without a schema.
func (s *Store) made(ctx context.Context, url string) error {
	version, err := s.Version(ctx)
	if err != nil || version > 0 {
		return err
	}
	target, err := parseURL(url)
	if err != nil {
		return err
	}
	return notMade(target)
}

func notMade(t target) error {
	return &Error{"there is no database at " + t.place() + ": import, migrate, serve or demo make one"}
}

// ready makes sure that the schema is the one this program was written for.
func (s *Store) ready(ctx context.Context, skipMigrations bool) error {
	if !skipMigrations {
		_, _, err := s.migrate(ctx)
		return err
	}
	migrations, err := s.migrations()
	if err != nil {
		return err
	}
	version, err := migrations.GetDBVersion(ctx)
	if err != nil {
		return wrap(err)
	}
	if newest := newest(migrations); version != newest {
		return &Error{fmt.Sprintf("the database's schema is version %d and this program needs %d: run the migrate command", version, newest)}
	}
	return nil
}

func (s *Store) migrate(ctx context.Context) (from, to int64, err error) {
	migrations, err := s.migrations()
	if err != nil {
		return 0, 0, err
	}
	release, err := s.dialect.lock(ctx, s.writer.sql)
	if err != nil {
		return 0, 0, wrap(err)
	}
	defer func() { err = errors.Join(err, wrap(release(err))) }()
	if from, err = migrations.GetDBVersion(ctx); err != nil {
		return 0, 0, wrap(err)
	}
	to = newest(migrations)
	if from > to {
		return from, from, &Error{fmt.Sprintf("the database's schema is version %d, and this program knows none after %d: use a newer program", from, to)}
	}
	results, err := migrations.Up(ctx)
	if err != nil {
		return from, from, wrap(err)
	}
	for _, result := range results {
		s.logger.InfoContext(ctx, "migration applied", "version", result.Source.Version, "file", result.Source.Path)
	}
	return from, to, nil
}

// migrations are the embedded files in this database's dialect. The lock is
// taken around them, hence none of goose's own; and no transactions, which the
// MySQL family ends at every CREATE, while SQLite's lock is one.
func (s *Store) migrations() (*goose.Provider, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, wrap(err)
	}
	provider, err := goose.NewProvider(s.dialect.goose, s.writer.sql, dialectFiles{files, s.dialect.types},
		goose.WithIsolateDDL(true), goose.WithDisableGlobalRegistry(true))
	return provider, wrap(err)
}

func newest(migrations *goose.Provider) int64 {
	sources := migrations.ListSources()
	return sources[len(sources)-1].Version
}

// dialectFiles are files with the {words} for types written out.
type dialectFiles struct {
	fs.FS
	types *strings.Replacer
}

// Open opens a file for reading in the dialect.
func (d dialectFiles) Open(name string) (fs.File, error) {
	file, err := d.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	return dialectFile{file, strings.NewReader(d.types.Replace(string(text)))}, nil
}

type dialectFile struct {
	fs.File
	text io.Reader
}

// Read reads the text in the dialect.
func (f dialectFile) Read(p []byte) (int, error) { return f.text.Read(p) }
