// Package cli is the commands of the program (files.md). A command is load,
// compute, print. Flags, clock, streams and network come in with Program; only
// package main reads them from the machine.
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
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/telemetry"
	"sellthrough/models"
)

// Exit statuses.
const (
	// StatusDone: everything is done, also where all records were there before.
	StatusDone = 0
	// StatusFindings: done, and records were rejected or differences found.
	StatusFindings = 1
	// StatusFailed: it could not start, or stopped before its end.
	StatusFailed = 2
)

// Program is one run of the program: everything that it takes from the machine.
type Program struct {
	Arguments   []string
	Environment func(name string) (value string, set bool)
	Stdin       io.Reader
	Stdout      io.Writer
	Stderr      io.Writer
	// Terminal tells whether Stderr is one, and so shows a progress bar.
	Terminal bool
	// Clock is the machine's.
	Clock func() time.Time
	// Listen opens the port to serve on.
	Listen func(ctx context.Context, address string) (net.Listener, error)
	// Mount adds the pages and the API to a server.
	Mount   func(mux *http.ServeMux, site Site) error
	Version string
}

// Site is what the pages and the API are served from.
type Site struct {
	Market *market.Market
	// Tokens are those of the embedded mode, for who issues some.
	Tokens *auth.Tokens
	// Identity says who asks, by whatever credential.
	Identity *auth.Identity
	// Clock is the machine's, which the lifetimes of tokens are measured with.
	Clock     func() time.Time
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
	Guard     Guard
	// Closing is closed when the server is about to end, and then waits for Open,
	// the WebSockets that are left.
	Closing <-chan struct{}
	Open    *sync.WaitGroup
}

// commands is the command line.
type commands struct {
	Database   string  `help:"Database: sqlite:PATH or mysql://user:password@host:port/name. Default: sqlite:sellthrough.db, for demo sqlite:sellthrough-demo.db." placeholder:"URL"`
	Now        instant `help:"Freeze the clock at this instant (RFC 3339). Lifetimes of tokens use the machine's clock all the same." placeholder:"INSTANT"`
	SigningKey string  `help:"Key that signs tokens, 32 bytes or more. Default: one that is made once and kept in the database." placeholder:"KEY"`
	// What goes to the programs of publishers (docs/api.md, Webhooks).
	WebhookKey   string         `help:"Key that seals the secrets of webhook endpoints, 32 bytes or more. Default: one that is made once and kept in the database." placeholder:"KEY"`
	WebhookAllow []netip.Prefix `help:"Networks that webhooks may be sent to though they are not public, by plain http too." placeholder:"ADDRESS/BITS"`
	// How long submitting is promised to take, as expectedLiveAt tells (rules 2.3).
	GoLive            time.Duration `default:"15m" help:"By when a submitted offer is expected to be live." placeholder:"DURATION"`
	GoLiveAuthorizing time.Duration `default:"6h" help:"The same where a product must be opted in, or a reseller authorised." placeholder:"DURATION"`
	Verbose           bool          `help:"Show the whole of an error, in the words of the database too."`

	Serve   serveCommand   `cmd:"" default:"withargs" help:"Serve the API and the playground, and do what is due each second (the default)."`
	Demo    demoCommand    `cmd:"" help:"Load a ready market into an embedded database and serve it."`
	Work    workCommand    `cmd:"" help:"Do everything that is due at this instant: authorise, publish, go live, end."`
	Import  importCommand  `cmd:"" help:"Import a file. What is rejected goes to a file beside it."`
	Export  exportCommand  `cmd:"" help:"Export a report."`
	Token   tokenCommand   `cmd:"" help:"Print a token, and nothing else."`
	APIKey  apiKeyCommand  `cmd:"" name:"api-key" help:"Make, list and revoke the API keys of programs."`
	Migrate migrateCommand `cmd:"" help:"Bring the database's schema up to date."`
	Verify  verifyCommand  `cmd:"" help:"Work everything out again from the raw facts, and print what differs."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

const environmentPrefix = "SELLTHROUGH_"

// instant is a flag that takes what models.ParseInstant reads; at is nil where
// it is not set. (An embedded time would bring its own ways of being read.)
type instant struct{ at *time.Time }

// UnmarshalText reads the flag.
func (i *instant) UnmarshalText(text []byte) error {
	at, err := models.ParseInstant(string(text))
	i.at = &at
	return err
}

// status is the exit status of a command that has said all there is to say.
type status int

// Error is never shown.
func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// Run runs the command that the arguments name, and returns the exit status.
func Run(ctx context.Context, p Program) int {
	err := p.run(ctx)
	var code status
	switch {
	case err == nil:
		return StatusDone
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil: // whatever words the database has for it
		err = errors.Join(err, ctx.Err())
	}
	fmt.Fprintln(p.Stderr, "sellthrough: "+explain(err))
	return StatusFailed
}

// explained is an error with the words for whoever runs the program.
type explained struct {
	text  string
	cause error
}

// Error is what the text hides: --verbose shows it.
func (e *explained) Error() string { return e.cause.Error() }

// explain words an error for whoever runs the program.
func explain(err error) string {
	var parse *kong.ParseError
	var unrated *market.UnratedError
	var said *explained
	switch {
	case errors.As(err, &said):
		return said.text
	case errors.Is(err, context.Canceled):
		return "it was told to stop"
	case strings.Contains(err.Error(), "store: "): // so begins what is no user's business
		return "the database failed; --verbose shows its own words"
	case errors.As(err, &parse):
		return err.Error() + "; see sellthrough --help"
	case errors.As(err, &unrated):
		var text strings.Builder
		fmt.Fprintf(&text, "%d facts cannot be rated, so there is no report:", len(unrated.Facts))
		const most = 10
		for i, fact := range unrated.Facts {
			if i == most {
				fmt.Fprintf(&text, "\n  and %d more", len(unrated.Facts)-most)
				break
			}
			fmt.Fprintf(&text, "\n  %s, subscription %s: %s (%s)", fact.Month, fact.SubscriptionID, fact.Message, fact.Code)
		}
		return text.String()
	}
	return err.Error()
}

func (p *Program) run(ctx context.Context) (err error) {
	var c commands
	// kong ends the process itself after --help.
	defer func() {
		if code, ended := recover().(status); ended {
			err = code
		}
	}()
	parser, err := kong.New(&c,
		kong.Name("sellthrough"),
		kong.Description("Private offers between software vendors and cloud resellers: margins, wholesale bills, payouts. Every flag can be set in the environment: "+
			environmentPrefix+"DATABASE is --database."),
		kong.Writers(p.Stdout, p.Stderr),
		kong.Exit(func(code int) { panic(status(code)) }),
		kong.Resolvers(kong.ResolverFunc(p.fromEnvironment)),
		kong.UsageOnError(),
		kong.Vars(keyVariables()),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(p.Arguments)
	if err != nil {
		return err
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err = parsed.Run(p, &c); err != nil && c.Verbose && !errors.As(err, new(status)) {
		fmt.Fprintln(p.Stderr, err)
	}
	return err
}

func (p *Program) fromEnvironment(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name := environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
	if value, set := p.Environment(name); set && value != "" {
		return value, nil
	}
	return nil, nil
}

// The names of what goes with a database.
const (
	settingKey    = "signing_key"
	settingSeal   = "webhook_key"
	settingOffset = "clock_offset" // of the demo, as time.Duration writes it
)

// session is an open database with the clock that counts on it.
type session struct {
	*market.Market
	frozen    bool
	logger    *slog.Logger
	telemetry *telemetry.Telemetry
	keys      *auth.Keys // of a server
	issuers   *auth.Issuers
}

// existing is for commands that are worth nothing on a database that they would
// have to make: its name is mistyped, and "all well" would be a lie.
var existing = store.Options{Existing: true}

// open opens the database, and says what happens to it where the environment
// wants traces. Who asks closes it.
func (c *commands) open(ctx context.Context, p *Program, options store.Options) (*session, error) {
	if c.GoLive <= 0 || c.GoLiveAuthorizing <= 0 {
		return nil, errors.New("--go-live and --go-live-authorizing are durations above 0, such as 15m")
	}
	s := &session{frozen: c.Now.at != nil, logger: options.Logger}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.telemetry, err = telemetry.New(ctx, telemetry.Options{Version: p.Version, Clock: p.Clock, Environment: p.Environment, Logger: s.logger}); err != nil {
		return nil, err
	}
	options.Watch = s.telemetry.Transaction
	database, err := store.Open(ctx, c.database(defaultDatabase), options)
	if err != nil {
		return nil, errors.Join(err, s.telemetry.Close(ctx))
	}
	s.Market = market.New(database, nil)
	s.Market.GoLive = models.GoLive{Usual: c.GoLive, Authorizing: c.GoLiveAuthorizing}
	s.CredentialClock = p.Clock
	s.telemetry.Watch(s.Market)
	if s.Clock, err = c.clock(ctx, p, database); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

// close closes the database, and delivers what is left of the traces.
func (s *session) close(ctx context.Context) error {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := s.telemetry.Close(ctx); err != nil {
		s.logger.WarnContext(ctx, "telemetry", "error", err) // what was done stands, told or not
	}
	return s.Store.Close()
}

const (
	defaultDatabase = "sqlite:sellthrough.db"
	demoDatabase    = "sqlite:sellthrough-demo.db"
)

func (c *commands) database(otherwise string) string {
	if c.Database == "" {
		return otherwise
	}
	return c.Database
}

// clock is frozen where --now says so, else the machine's, moved by what the
// demo keeps with its database.
func (c *commands) clock(ctx context.Context, p *Program, database *store.Store) (func() time.Time, error) {
	if c.Now.at != nil {
		at := *c.Now.at
		return func() time.Time { return at }, nil
	}
	var offset time.Duration
	err := database.Read(ctx, models.System, func(r *store.Reader) error {
		text, set, err := r.Setting(settingOffset)
		if err == nil && set {
			offset, err = time.ParseDuration(text)
		}
		return err
	})
	return func() time.Time { return p.Clock().Add(offset) }, err
}

// with opens the database for f.
func (c *commands) with(ctx context.Context, p *Program, options store.Options, f func(s *session) error) (err error) {
	s, err := c.open(ctx, p, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	return f(s)
}
