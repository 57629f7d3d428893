package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A room is one folder of Go files. It may import the standard library (less [impure], if it is pure)
// and what its row names: other rooms by their whole path, other modules by a path that starts theirs.
type room struct {
	imports string // separated by spaces
	pure    bool   // arithmetic only: no input, output, context or log
	exact   bool   // no floating point
	why     string // completes the sentence "PATH may not import X: ..."
}

// rooms is the architecture: arrows only point down (ARCHITECTURE.md says what lives where).
// It binds what the program is built of; tests may reach further.
var rooms = map[string]room{
	".": {imports: "demo graph internal/auth internal/cli internal/door internal/rest internal/throttle internal/telemetry internal/market internal/store models schema web " +
		"github.com/99designs/gqlgen github.com/alecthomas/kong github.com/vektah/gqlparser",
		why: "package main only reads flags, environment, clock and network, and hands them down"},
	"demo": {imports: "internal/money models",
		why: "it is files and the script that made them, read through the same doors as anybody's"},
	"schema": {why: "it is the contract, and depends on nobody"},
	"web":    {why: "the pages speak only to the public API"},
	"bench": {imports: "bench/textbook internal/auth internal/door internal/market internal/money internal/store internal/telemetry internal/throttle models github.com/99designs/gqlgen",
		why: "it measures the server from outside, and holds nothing that the server needs"},
	"bench/textbook": {imports: "github.com/99designs/gqlgen github.com/vektah/gqlparser",
		why: "it is gqlgen as its documentation shows it, to compare with"},
	"graph/compiled": {imports: "internal/recent github.com/99designs/gqlgen github.com/vektah/gqlparser",
		why: "it is a shorter way to write an answer, and knows neither the trade nor who asks"},
	"graph/generate": {imports: "github.com/99designs/gqlgen github.com/vektah/gqlparser",
		why: "it runs while the program is built, and is no part of it"},
	"graph": {imports: "graph/generated graph/page graph/scalar internal/auth internal/formats internal/market internal/money internal/rating internal/recent internal/store models reports schema " +
		"github.com/99designs/gqlgen github.com/vektah/gqlparser",
		why: "it translates GraphQL and leaves SQL to internal/store"},
	"internal/door": {imports: "graph graph/compiled internal/auth internal/market internal/recent internal/throttle models github.com/99designs/gqlgen github.com/coder/websocket github.com/rs/cors github.com/vektah/gqlparser",
		why: "it is HTTP in front of graph, and knows nothing of the trade"},
	"internal/rest": {imports: "internal/door internal/formats internal/market internal/money models",
		why: "it is the vendor's shape around what the market knows"},
	"internal/telemetry": {imports: "internal/auth internal/door internal/market internal/store models go.opentelemetry.io/otel github.com/99designs/gqlgen github.com/prometheus",
		why: "it is told what happens by hooks, and changes nothing"},
	"internal/throttle": {imports: "internal/recent golang.org/x/time",
		why: "it shares out turns and costs, whatever they are for"},
	"internal/recent": {why: "it is a map that forgets"},
	"graph/generated": {imports: "graph/compiled graph/page graph/scalar internal/market internal/money internal/rating models reports github.com/99designs/gqlgen github.com/vektah/gqlparser",
		why: "it is gqlgen's output over the nouns"},
	"graph/page": {imports: "internal/money internal/rating models reports",
		why: "it is the shapes of lists, filled by graph"},
	"graph/scalar": {imports: "internal/money models github.com/99designs/gqlgen",
		why: "it spells values, and knows nothing else"},
	"internal/cli": {imports: "demo internal/auth internal/formats internal/mail internal/market internal/money internal/rating internal/store internal/telemetry internal/webhook models reports " +
		"github.com/alecthomas/kong github.com/mattn/go-isatty github.com/schollz/progressbar golang.org/x/term",
		why: "a command is load, compute, print, and leaves GraphQL to graph"},
	"internal/auth": {imports: "internal/recent models github.com/coreos/go-oidc github.com/golang-jwt/jwt",
		why: "it turns a credential into a viewer, and asks no database"},
	"internal/webhook": {imports: "models",
		why: "it signs and sends, whatever is said, and stores nothing"},
	"internal/formats": {imports: "internal/money models reports github.com/klauspost/compress github.com/xuri/excelize",
		why: "it turns bytes into records and back, and stores nothing"},
	"internal/mail": {imports: "models github.com/wneessen/go-mail",
		why: "it words notices and speaks SMTP, and decides nothing"},
	"internal/market": {imports: "internal/follow internal/money internal/rating internal/store internal/webhook models reports github.com/google/uuid",
		why: "it is the jobs that two doors need, and must not know the doors"},
	"internal/store": {imports: "internal/money models github.com/go-sql-driver/mysql github.com/google/uuid github.com/pressly/goose golang.org/x/text gorm.io modernc.org/sqlite", exact: true,
		why: "it keeps facts; what they cost is worked out above it"},
	"internal/follow": {imports: "internal/store models",
		why: "it hands on what has changed, whatever that means"},
	"internal/store/storetest": {imports: "internal/store models github.com/go-sql-driver/mysql modernc.org/sqlite",
		why: "it only opens databases for tests, and looks at what is in them"},
	"internal/rating": {imports: "internal/money models", pure: true, exact: true,
		why: "a price follows from its arguments alone"},
	"reports": {imports: "internal/money models", pure: true, exact: true,
		why: "a report is a fold over lines, whoever made them"},
	"models": {imports: "internal/money", pure: true, exact: true,
		why: "the nouns and their rules depend on nothing but exact numbers"},
	"internal/money": {imports: "github.com/holiman/uint256", pure: true, exact: true,
		why: "exact numbers depend on nothing but wide integers"},
}

// impure is what a pure room may not import, with all below it. (database/sql/driver is only an interface of values.)
const impure = "context database/sql io/fs log net os syscall"

// vague are package names that say nothing about what is inside.
const vague = "base common helper helpers manager misc service shared util utils"

func TestArchitecture(t *testing.T) {
	eachFile(t, func(name string, file *ast.File) {
		folder, test := path.Dir(name), strings.HasSuffix(name, "_test.go")
		room, known := rooms[folder]
		if !known {
			t.Errorf("%s is in a room that the table in arch_test.go does not know: give %s a row, or move the file", name, folder)
			return
		}
		if slices.Contains(strings.Fields(vague), file.Name.Name) {
			t.Errorf("%s: package %s says nothing about what is inside: name it after its noun", name, file.Name.Name)
		}
		for _, spec := range file.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if !test && !room.mayImport(target) {
				t.Errorf("%s may not import %s: %s", name, target, room.why)
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.Ident:
				if room.exact && !test && strings.Contains(strings.ToLower(node.Name), "float") {
					t.Errorf("%s uses %s: money is exact decimals, never floating point (rule D11)", name, node.Name)
				}
			case *ast.SelectorExpr:
				called := selector(node)
				if file.Name.Name != "main" && slices.Contains([]string{"time.Now", "time.Since", "time.Until"}, called) {
					t.Errorf("%s uses %s: only package main reads the clock, everybody else is given an instant", name, called)
				}
				if test && called == "time.Sleep" {
					t.Errorf("%s uses %s: a test waits for what it waits for, never for time to pass", name, called)
				}
			}
			return true
		})
	})
}

// A resolver loads, computes and returns: what is longer belongs into internal/market, where the other doors find it too.
func TestResolversAreShort(t *testing.T) {
	const longest, median = 20, 5
	var lengths []int
	eachFile(t, func(name string, file *ast.File) {
		if path.Dir(name) != "graph" || !strings.HasSuffix(name, ".resolvers.go") {
			return
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv == nil || function.Body == nil {
				continue
			}
			lines := files.Position(function.Body.Rbrace).Line - files.Position(function.Body.Lbrace).Line - 1
			lengths = append(lengths, lines)
			if lines > longest {
				t.Errorf("%s: the body of %s has %d lines, at most %d are allowed", name, function.Name.Name, lines, longest)
			}
		}
	})
	slices.Sort(lengths)
	if n := len(lengths); n > 0 && lengths[n/2] > median {
		t.Errorf("half of the %d resolvers have %d lines or more, at most %d are allowed", n, lengths[n/2], median)
	}
}

// mayImport reports whether the room's row, or the standard library, covers the import path.
func (r room) mayImport(target string) bool {
	if own, ok := strings.CutPrefix(target, "sellthrough/"); ok {
		return slices.Contains(strings.Fields(r.imports), own)
	}
	within := func(parent string) bool { return target == parent || strings.HasPrefix(target, parent+"/") }
	if standard := !strings.Contains(strings.Split(target, "/")[0], "."); standard {
		return !r.pure || target == "database/sql/driver" || !slices.ContainsFunc(strings.Fields(impure), within)
	}
	return slices.ContainsFunc(strings.Fields(r.imports), within)
}

var files = token.NewFileSet()

// selector writes package.Name, or variable.Method, and "" for anything deeper.
func selector(node *ast.SelectorExpr) string {
	if ident, ok := node.X.(*ast.Ident); ok {
		return ident.Name + "." + node.Sel.Name
	}
	return ""
}

// eachFile visits every Go file of the module, in order.
func eachFile(t *testing.T, visit func(name string, file *ast.File)) {
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err == nil {
			visit(filepath.ToSlash(name), file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
