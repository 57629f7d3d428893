package main

import (
	"fmt"
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	gql "github.com/vektah/gqlparser/v2/ast"

	"sellthrough/graph"
	"sellthrough/models"
	"sellthrough/schema"
)

// Every test that docs/security.md rests on is one of ours.
func TestSecurityNamesTests(t *testing.T) {
	text := read(t, "docs/security.md")
	var known []string
	eachFile(t, func(name string, file *ast.File) {
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil {
				known = append(known, f.Name.Name)
			}
		}
	})
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(text, -1)
	if len(named) < 20 {
		t.Errorf("docs/security.md names %d tests", len(named))
	}
	for _, name := range named {
		if !slices.Contains(known, name[1]) {
			t.Errorf("docs/security.md rests on %s, which is no test: name the one that proves it now", name[1])
		}
	}
}

// The table of root fields in docs/security.md is the schema's.
func TestSecurityShowsThePolicy(t *testing.T) {
	loaded, err := gqlparser.LoadSchema(&gql.Source{Name: "schema.graphql", Input: schema.Source()})
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| root field | PUBLISHER | RESELLER | FINANCE | OPERATOR | scope |\n|---|:-:|:-:|:-:|:-:|---|\n")
	for _, row := range graph.PolicyTable(loaded) {
		if !slices.Contains([]string{"Query", "Mutation", "Subscription"}, row.Type) {
			continue
		}
		fmt.Fprintf(&want, "| `%s.%s` |", row.Type, row.Field)
		for _, role := range models.Roles {
			mark := ""
			if slices.Contains(row.Roles, role) {
				mark = "x"
			}
			fmt.Fprintf(&want, " %s |", mark)
		}
		fmt.Fprintf(&want, " %s |\n", row.Scope)
	}
	if text := read(t, "docs/security.md"); !strings.Contains(text, want.String()) {
		t.Errorf("docs/security.md does not show who may ask for what as the schema says it; put this there:\n%s", want.String())
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
