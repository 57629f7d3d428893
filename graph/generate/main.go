// Command generate is gqlgen with one more file: the code by which plain objects
// write themselves (graph/compiled). It runs in the module's folder:
//
//	go generate ./graph
package main

import (
	"fmt"
	"os"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
)

func main() {
	settings, err := config.LoadConfigFromDefaultLocations()
	if err == nil {
		err = api.Generate(settings, api.AddPlugin(writers{}))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
