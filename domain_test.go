package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDomain checks that docs/domain.md leads somewhere: each row of its table
// names a rule, and scenarios or tests that exist, or says that it is not built
// yet; and each decision is explained.
func TestDomain(t *testing.T) {
	text, err := os.ReadFile("docs/domain.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	tests := declaredTests(t)
	_, table, _ := strings.Cut(page, "|---|---|---|\n")
	rows := strings.Split(strings.TrimSpace(table), "\n")
	if len(rows) < 30 {
		t.Errorf("the table has %d rows: it must have one for each sentence of the seed that states a rule", len(rows))
	}
	for _, row := range rows {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		if len(cells) != 3 || cells[1] == "" {
			t.Errorf("%s\nis not: sentence, rule, proof", row)
			continue
		}
		if strings.HasPrefix(cells[2], "not built yet") {
			continue
		}
		proofs, _, _ := strings.Cut(cells[2], ":")
		for _, proof := range strings.Split(proofs, ", ") {
			_, missing := os.Stat(filepath.Join("testdata/scenarios", proof+".txtar"))
			if missing != nil && !tests[proof] {
				t.Errorf("%s\nis proven by %q, which is neither a scenario nor a test", cells[0], proof)
			}
		}
	}
	for n := range 20 {
		if decision := "**D" + strconv.Itoa(n+1) + "**"; !strings.Contains(page, decision) {
			t.Errorf("decision %s is missing", decision)
		}
	}
}

// declaredTests are the names of the tests of all rooms.
func declaredTests(t *testing.T) map[string]bool {
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	names := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			if entry != nil && entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return err
		}
		source, err := os.ReadFile(path)
		for _, found := range declared.FindAllSubmatch(source, -1) {
			names[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
