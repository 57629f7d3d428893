package store

import (
	"context"
	"database/sql"
	"net"
	"net/url"
	"strings"
)

// target is a database that a URL names.
type target interface {
	// open connects and fills the store's dialect and pools.
	open(ctx context.Context, s *Store) error
	// alone opens one connection, for who must not share the database.
	alone(ctx context.Context) (*sql.DB, dialect, error)
	// place names it to users, without who opens it.
	place() string
}

const urlForms = "write sqlite:PATH or mysql://user:password@host:port/name"

// parseURL reads the two forms. Its errors never repeat the password.
func parseURL(text string) (target, error) {
	scheme, rest, ok := strings.Cut(text, ":")
	switch {
	case text == "":
		return nil, &Error{"no database is named: " + urlForms}
	case !ok:
		return nil, &Error{"the database has no scheme: " + urlForms}
	case scheme == "sqlite":
		// sqlite:PATH is documented; sqlite://PATH is what many write.
		path := strings.TrimPrefix(rest, "//")
		if path == "" {
			return nil, &Error{"the database names no file: write sqlite:PATH"}
		}
		return sqliteTarget{path: path, private: path == ":memory:"}, nil
	case scheme == "mysql":
		return parseMySQL(text)
	}
	return nil, &Error{"the database has an unknown scheme, since neither sqlite nor mysql stands before the colon: " + urlForms}
}

func parseMySQL(text string) (target, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The error would repeat the whole URL.
		return nil, &Error{"the database is no URL (write reserved characters of the password as %40 for @, %2F for /, %3A for :): " + urlForms}
	}
	t := mysqlTarget{user: u.User.Username(), name: strings.TrimPrefix(u.Path, "/")}
	t.password, _ = u.User.Password()
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	t.address = net.JoinHostPort(u.Hostname(), port)
	switch {
	case u.Hostname() == "":
		return nil, &Error{"the database names no host: " + urlForms}
	case t.user == "":
		return nil, &Error{"the database names no user: " + urlForms}
	case t.name == "" || strings.Contains(t.name, "/"):
		return nil, &Error{"the database URL names no database after the host: " + urlForms}
	case u.RawQuery != "" || u.Fragment != "":
		return nil, &Error{"the database URL takes no options after ? or #: " + urlForms}
	}
	return t, nil
}
