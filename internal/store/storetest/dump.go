package storetest

import (
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // to look at a file behind the store's back
)

// Dump is every row of every table, "table: values", sorted: where nothing was
// written between two of them, they are equal. It looks past the store, at what
// is committed in the database at the URL.
func Dump(t testing.TB, target string) (rows []string) {
	t.Helper()
	db := Dial(t, target)
	defer db.Close()
	list := "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
	if strings.HasPrefix(target, "sqlite:") {
		list = "SELECT name FROM sqlite_schema WHERE type = 'table'"
	}
	for _, name := range query(t, db, list) {
		for _, row := range query(t, db, "SELECT * FROM "+name) {
			rows = append(rows, name+": "+row)
		}
	}
	slices.Sort(rows)
	return rows
}

// Changes are the rows that only one of two dumps has: "- " what is gone, "+ "
// what is new.
func Changes(before, after []string) (changes []string) {
	count := map[string]int{}
	for _, row := range before {
		count[row]--
	}
	for _, row := range after {
		count[row]++
	}
	for _, row := range slices.Sorted(maps.Keys(count)) {
		switch n := count[row]; {
		case n < 0:
			changes = append(changes, "- "+row)
		case n > 0:
			changes = append(changes, "+ "+row)
		}
	}
	return changes
}

// Dial connects to the database at the URL behind the store's back. Close it.
func Dial(t testing.TB, target string) *sql.DB {
	t.Helper()
	if path, ok := strings.CutPrefix(target, "sqlite:"); ok {
		db, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	server, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	config := mysqldriver.NewConfig()
	config.User = server.User.Username()
	config.Passwd, _ = server.User.Password()
	config.Net, config.Addr, config.DBName = "tcp", server.Host, strings.TrimPrefix(server.Path, "/")
	connector, err := mysqldriver.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(connector)
}

// query writes each row's values as one text.
func query(t testing.TB, db *sql.DB, text string) (all []string) {
	t.Helper()
	rows, err := db.Query(text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values, places := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(values))
		for i, value := range values {
			texts[i] = fmt.Sprintf("%q", value)
		}
		if len(texts) == 1 {
			texts[0] = string(values[0])
		}
		all = append(all, strings.Join(texts, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
