// Package demo holds the files of the demo market in the project's own formats,
// and the story in which they are loaded. README.md names their source and
// licence; make.go made them.
package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"time"
)

// Files are the files that the story names, and README.md with the notice that
// their licence asks for.
//
//go:embed README.md story.json *.jsonl *.csv metering.json daily-rated.json
var Files embed.FS

// Step is one step of the story. Either it imports a file, or it lets the
// worker do what is due.
type Step struct {
	// At is what the clock shows. Steps are in order; that of the last one is
	// where the demo's clock starts.
	At time.Time `json:"at"`
	// Import is the kind of the file, as `sellthrough import KIND` names it;
	// empty where Work is set.
	Import string `json:"import"`
	// Format is the file's format where its name does not tell ("metering",
	// "daily-rated").
	Format string `json:"format"`
	// File is the name in Files.
	File string `json:"file"`
	// Work authorises, publishes and ends private offers.
	Work bool `json:"work"`
}

// Story returns the steps that make the demo market, in order.
func Story() ([]Step, error) {
	text, err := Files.ReadFile("story.json")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	var steps []Step
	if err := json.Unmarshal(text, &steps); err != nil {
		return nil, fmt.Errorf("demo: story.json: %w", err)
	}
	return steps, nil
}
