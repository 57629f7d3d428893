package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"time"

	"sellthrough/internal/auth"
	"sellthrough/internal/store"
	"sellthrough/internal/telemetry"
	"sellthrough/models"
)

type serveCommand struct {
	Listen   string `default:"127.0.0.1:8080" help:"Address to serve on." placeholder:"HOST:PORT"`
	Identity string `help:"File of the identity providers whose tokens are taken (docs/identity.md)." placeholder:"FILE"`
	watching `set:"log_level=INFO"`
	Guard    `set:"suggestions=false"`
	mailing
}

// Guard is what the API answers, and to whom.
type Guard struct {
	Introspection    string         `default:"anyone" enum:"anyone,signed-in" help:"Who may ask for the schema: anyone, or only whoever is signed-in."`
	Suggestions      bool           `default:"${suggestions}" negatable:"" help:"Let errors name the fields and values that may have been meant."`
	TrustedDocuments string         `help:"Answer only the documents in this folder: *.graphql, and manifests *.json." placeholder:"FOLDER"`
	CorsOrigin       []string       `help:"Sites whose pages may ask from a browser, with a token." placeholder:"https://HOST"`
	TrustedProxies   []netip.Prefix `help:"Networks of the proxies whose X-Forwarded-For is believed." placeholder:"ADDRESS/BITS"`
	LimitCost        int            `default:"250000" help:"Most that a request may cost." placeholder:"COST"`
	LimitRate        int            `default:"20000" help:"Cost that whoever asks gets back each second; 0 throttles nobody." placeholder:"COST"`
	LimitBurst       int            `default:"1000000" help:"Most cost that whoever asks can save up." placeholder:"COST"`
}

// check names every flag that makes no sense.
func (g *Guard) check() error {
	var problems []error
	if g.LimitCost < 1 {
		problems = append(problems, errors.New("--limit-cost is 1 or more"))
	}
	if g.LimitRate < 0 {
		problems = append(problems, errors.New("--limit-rate is 0 or more"))
	}
	if g.LimitBurst < max(1, g.LimitRate) {
		problems = append(problems, errors.New("--limit-burst is at least --limit-rate, and 1 or more"))
	}
	for _, origin := range g.CorsOrigin {
		if site, err := url.Parse(origin); err != nil || site.Scheme == "" || site.Host == "" || origin != site.Scheme+"://"+site.Host {
			problems = append(problems, fmt.Errorf("--cors-origin %q is not one site: write https://host, or https://host:port", origin))
		}
	}
	return errors.Join(problems...)
}

// watching is how a server is watched.
type watching struct {
	MetricsListen string     `help:"Serve /metrics here instead of beside the API." placeholder:"HOST:PORT"`
	LogFormat     string     `default:"text" enum:"text,json" help:"Form of the log on standard error: text or json."`
	LogLevel      slog.Level `default:"${log_level}" help:"Least level of what is logged: DEBUG, INFO, WARN or ERROR." placeholder:"LEVEL"`
}

func (w *watching) logger(p *Program) *slog.Logger {
	return telemetry.NewLogger(p.Stderr, w.LogFormat, w.LogLevel)
}

// Run serves until the context ends.
func (s *serveCommand) Run(ctx context.Context, p *Program, c *commands) (err error) {
	if err := s.Guard.check(); err != nil {
		return err
	}
	senders, err := s.senders()
	if err != nil {
		return err
	}
	session, err := c.open(ctx, p, store.Options{Logger: s.logger(p)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.close(ctx)) }()
	if session.Send = senders; senders == nil {
		session.logger.InfoContext(ctx, "no mails are sent: --smtp names no server; what would be sent waits, and is given up after three days")
	}
	session.issuers, err = readIssuers(s.Identity, session.logger)
	if err != nil {
		return err
	}
	site, err := c.site(ctx, p, session, s.Guard)
	if err != nil {
		return err
	}
	return p.serve(ctx, session, s.Listen, s.MetricsListen, site, http.NewServeMux(), func(address string) {
		fmt.Fprintf(p.Stderr, "Serving http://%s/graphql, playground at http://%s/playground\n", address, address)
	})
}

func (c *commands) site(ctx context.Context, p *Program, s *session, guard Guard) (Site, error) {
	tokens, err := c.tokens(ctx, s)
	if err != nil {
		return Site{}, err
	}
	err = c.webhooks(ctx, p, s)
	s.keys = auth.NewKeys(s.apiKey)
	identity := &auth.Identity{Tokens: tokens, Keys: s.keys, Issuers: s.issuers}
	return Site{Market: s.Market, Tokens: tokens, Identity: identity, Clock: p.Clock, Logger: s.logger, Telemetry: s.telemetry, Guard: guard}, err
}

// readIssuers reads the file of identity providers, "" for none.
func readIssuers(path string, logger *slog.Logger) (*auth.Issuers, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--identity: %w", err)
	}
	defer file.Close()
	issuers, err := auth.ReadIssuers(file, auth.ProviderOptions{Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("--identity %s: %w", path, err)
	}
	return issuers, nil
}

// apiKey finds the key that somebody signs in with.
func (s *session) apiKey(ctx context.Context, id string) (*models.APIKey, bool, error) {
	key, err := s.Store.APIKeyByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	return key, err == nil, err
}

// followInterval is how often changes are looked for while somebody follows them,
// retryInterval how long an index that cannot be kept up to date waits.
const (
	followInterval = 250 * time.Millisecond
	retryInterval  = time.Second
)

// How long a connection may take, and how long open requests have at the end.
const (
	headerTimeout   = 10 * time.Second
	requestTimeout  = 60 * time.Second
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 10 * time.Second
)

// serve serves the site on the address, and works, until the context ends; then
// it lets open requests finish. Figures are at /metrics of the same address, or of
// metricsAddress alone. ready hears the address once it listens.
func (p *Program) serve(ctx context.Context, s *session, address, metricsAddress string, site Site, mux *http.ServeMux, ready func(address string)) error {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.readyz)
	apart := mux
	if metricsAddress != "" {
		apart = http.NewServeMux()
	}
	apart.Handle("GET /metrics", s.telemetry.Metrics())
	closing := make(chan struct{})
	site.Closing, site.Open = closing, &sync.WaitGroup{}
	if err := p.Mount(mux, site); err != nil {
		return err
	}
	listener, err := p.listen(ctx, address)
	if err != nil {
		return err
	}
	servers := map[*http.Server]net.Listener{s.server(mux): listener}
	if apart != mux {
		beside, err := p.listen(ctx, metricsAddress)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		servers[s.server(apart)] = beside
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var working sync.WaitGroup
	working.Go(func() { s.workEachSecond(ctx) })
	working.Go(func() { s.deliverEachSecond(ctx) })
	working.Go(func() {
		tick := time.NewTicker(followInterval)
		defer tick.Stop()
		s.Changes.Run(ctx, tick.C, s.logger)
	})
	working.Go(func() {
		retry := time.NewTicker(retryInterval)
		defer retry.Stop()
		s.KeepIndex(ctx, retry.C, s.logger)
	})
	ended := make(chan error, len(servers))
	ready(listener.Addr().String()) // who connects now waits in the listener's queue
	for server, listener := range servers {
		go func() { ended <- server.Serve(listener) }()
	}
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	close(closing)
	for server := range servers {
		err = errors.Join(err, server.Shutdown(shutdown))
	}
	stop()
	working.Wait()
	site.Open.Wait()
	s.noteKeys(shutdown)
	return err
}

func (p *Program) listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := p.Listen(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, networkError(err))
	}
	return listener, nil
}

func (s *session) server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
}

// networkError leaves out the address, which is said already.
func networkError(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Err
	}
	return err
}

// readyz tells whether the database answers.
func (s *session) readyz(w http.ResponseWriter, r *http.Request) {
	err := s.Store.Read(r.Context(), models.System, func(reader *store.Reader) error {
		_, _, err := reader.Setting(settingKey)
		return err
	})
	if err != nil {
		s.logger.ErrorContext(r.Context(), "the database does not answer", "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ready\n")
}

// workEachSecond does what is due until the context ends, unless the clock is
// frozen, and counts what figures show. What fails is due again the next second.
func (s *session) workEachSecond(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if !s.frozen {
			s.work(ctx)
		}
		s.noteKeys(ctx)
		if err := s.telemetry.Count(ctx, s.Store); err != nil && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "count", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// noteKeys notes when API keys were used last, apart from the requests that used
// them.
func (s *session) noteKeys(ctx context.Context) {
	err := s.keys.Flush(func(uses map[string]time.Time) error { return s.RecordAPIKeyUses(ctx, uses) })
	if err != nil && ctx.Err() == nil {
		s.logger.ErrorContext(ctx, "API keys", "error", err)
	}
}

func (s *session) work(ctx context.Context) {
	done, err := s.Work(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.logger.ErrorContext(ctx, "work", "error", err)
	case done.Authorized+done.Published+done.Failed+done.Live+done.Ended > 0:
		s.logger.InfoContext(ctx, "work", "authorized", done.Authorized, "published", done.Published, "failed", done.Failed, "live", done.Live, "ended", done.Ended)
	}
}
