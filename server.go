// Command sellthrough is private offers between software vendors and cloud
// resellers: margins, wholesale bills, payouts. See README.md.
//
// This file is the only one that reads the command line, the environment, the
// clock and the network; everything below gets them as values.
package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"sellthrough/graph"
	"sellthrough/internal/cli"
	"sellthrough/internal/door"
	"sellthrough/internal/rest"
	"sellthrough/internal/throttle"
	"sellthrough/schema"
	"sellthrough/web"
)

func main() {
	// The second signal ends the process, whatever it is doing.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Run(ctx, cli.Program{
		Arguments:   os.Args[1:],
		Environment: os.LookupEnv,
		Stdin:       os.Stdin,
		Stdout:      os.Stdout,
		Stderr:      os.Stderr,
		Terminal:    isTerminal(os.Stderr),
		Clock:       time.Now,
		Listen: func(ctx context.Context, address string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", address)
		},
		Mount:   mount,
		Version: version(),
	}))
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// mount adds the API and the pages.
func mount(mux *http.ServeMux, site cli.Site) error {
	watch := site.Telemetry
	options := door.Options{
		Identifier: watch.Identifier(site.Identity), Clock: site.Clock, Logger: site.Logger, Observe: watch.Observe, Stream: watch.Stream, Extension: watch.GraphQL(),
		Closing: site.Closing, Open: site.Open,
		IntrospectionSignedIn: site.Guard.Introspection == "signed-in", Suggestions: site.Guard.Suggestions,
		Origins: site.Guard.CorsOrigin, Proxies: site.Guard.TrustedProxies, Limits: graph.DefaultLimits,
	}
	options.Limits.Cost = site.Guard.LimitCost
	if site.Guard.LimitRate > 0 {
		options.Throttle = throttle.Defaults
		options.Throttle.Restore, options.Throttle.Burst = site.Guard.LimitRate, site.Guard.LimitBurst
	}
	if folder := site.Guard.TrustedDocuments; folder != "" {
		trusted, err := door.ReadTrusted(os.DirFS(folder))
		if err != nil {
			return fmt.Errorf("--trusted-documents %s:\n%w", folder, err)
		}
		options.Trusted = trusted
	}
	options.Documents = rest.Documents(site.Market)
	api := watch.Handler(door.New(site.Market, options))
	mux.Handle("/graphql", api)
	for path := range options.Documents {
		mux.Handle(path, api)
	}
	mux.Handle("/playground", web.Playground())
	mux.Handle("/playground/", web.Playground())
	source := schema.Source()
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(source)))
	mux.HandleFunc("GET /schema.graphql", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/graphql; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "schema.graphql", time.Time{}, strings.NewReader(source))
	})
	mux.Handle("GET /{$}", http.RedirectHandler("/playground", http.StatusFound))
	return nil
}

// version is the module's, or the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var commit string
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			commit = setting.Value
		}
	}
	if info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return cmp.Or(commit, info.Main.Version)
}
