package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sellthrough/internal/store"
	"sellthrough/models"
)

type serveCommand struct {
	Listen string `default:"127.0.0.1:8080" help:"Address to serve on." placeholder:"HOST:PORT"`
}

// Run serves until the context ends.
func (s *serveCommand) Run(ctx context.Context, p *Program, c *commands) (err error) {
	logger := slog.New(slog.NewTextHandler(p.Stderr, nil))
	session, err := c.open(ctx, p, store.Options{Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Store.Close()) }()
	site, err := c.site(ctx, p, session)
	if err != nil {
		return err
	}
	return p.serve(ctx, session, s.Listen, site, http.NewServeMux(), func(address string) {
		fmt.Fprintf(p.Stderr, "Serving http://%s/graphql, playground at http://%s/playground\n", address, address)
	})
}

func (c *commands) site(ctx context.Context, p *Program, s *session) (Site, error) {
	tokens, err := c.tokens(ctx, s)
	return Site{Market: s.Market, Tokens: tokens, Clock: p.Clock, Logger: s.logger}, err
}

// How long a connection may take, and how long open requests have at the end.
const (
	headerTimeout   = 10 * time.Second
	requestTimeout  = 60 * time.Second
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 10 * time.Second
)

// serve serves the site on the address, and works, until the context ends; then
// it lets open requests finish. ready hears the address once it listens.
func (p *Program) serve(ctx context.Context, s *session, address string, site Site, mux *http.ServeMux, ready func(address string)) error {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.readyz)
	if err := p.Mount(mux, site); err != nil {
		return err
	}
	listener, err := p.Listen(ctx, address)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", address, networkError(err))
	}
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		if !s.frozen {
			s.workEachSecond(ctx)
		}
	}()
	ended := make(chan error, 1)
	ready(listener.Addr().String()) // who connects now waits in the listener's queue
	go func() { ended <- server.Serve(listener) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err = server.Shutdown(shutdown)
	}
	stop()
	<-worked
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
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

// workEachSecond does what is due until the context ends. A step that fails is
// due again the next second.
func (s *session) workEachSecond(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		done, err := s.Work(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.logger.ErrorContext(ctx, "work", "error", err)
		case done.Authorized+done.Published+done.Failed+done.Live+done.Ended > 0:
			s.logger.InfoContext(ctx, "work", "authorized", done.Authorized, "published", done.Published, "failed", done.Failed, "live", done.Live, "ended", done.Ended)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
