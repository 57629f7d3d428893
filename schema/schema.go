// Package schema holds the contract: GraphQL's own definition language and
// nothing else, one file a capability, each plugging itself in with `extend
// type Query`.
package schema

import (
	"embed"
	"strings"
)

//go:embed *.graphqls
var files embed.FS

// Source is the whole schema as one document, in order of file names, as
// GET /schema.graphql answers it.
func Source() string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // embedded at build time
	}
	var source strings.Builder
	for _, entry := range entries {
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			panic(err)
		}
		source.WriteString("# " + entry.Name() + "\n\n")
		source.Write(text)
		source.WriteString("\n")
	}
	return source.String()
}
