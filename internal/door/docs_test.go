package door_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sellthrough/graph"
)

// The API's documentation names every limit with its value, and every code.
func TestDocumentation(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	api := read("../../docs/api.md")
	l := graph.DefaultLimits
	for _, row := range []struct {
		what string
		most any
		code string
	}{
		{"bytes of a request", l.Body, "LIMIT_EXCEEDED"},
		{"levels of a request's JSON", l.InputDepth, "LIMIT_EXCEEDED"},
		{"values in a request's JSON", l.InputValues, "LIMIT_EXCEEDED"},
		{"bytes of `operationName`", l.OperationName, "LIMIT_EXCEEDED"},
		{"tokens of a document", l.Tokens, "GRAPHQL_PARSE_FAILED"},
		{"operations of a document", l.Operations, "LIMIT_EXCEEDED"},
		{"fragments of a document", l.Fragments, "LIMIT_EXCEEDED"},
		{"fields as they are written", l.Fields, "LIMIT_EXCEEDED"},
		{"fields once fragments are spread", l.Selections, "LIMIT_EXCEEDED"},
		{"levels of fields", l.Depth, "LIMIT_EXCEEDED"},
		{"aliases", l.Aliases, "LIMIT_EXCEEDED"},
		{"directives", l.Directives, "LIMIT_EXCEEDED"},
		{"root fields", l.RootFields, "LIMIT_EXCEEDED"},
		{"cost", l.Cost, "LIMIT_EXCEEDED"},
		{"errors in an answer", l.Errors, ""},
		{"seconds", int(l.Time.Seconds()), "TIMEOUT"},
	} {
		code := ""
		if row.code != "" {
			code = "`" + row.code + "`"
		}
		if line := fmt.Sprintf("| %s | %v | %s |\n", row.what, row.most, code); !strings.Contains(api, line) {
			t.Errorf("docs/api.md lacks %s", line)
		}
	}
	for _, pattern := range []string{"*.go", "../../graph/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal("no files", err)
		}
		for _, file := range files {
			for _, found := range regexp.MustCompile(`(?:refuse\(http\.\w+, |Fault\()"([A-Z_]+)"`).FindAllStringSubmatch(read(file), -1) {
				if !strings.Contains(api, "`"+found[1]+"`") {
					t.Errorf("docs/api.md lacks %s, of %s", found[1], file)
				}
			}
		}
	}
}
