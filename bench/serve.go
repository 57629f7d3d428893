package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"sellthrough/bench/textbook"
	"sellthrough/internal/auth"
	"sellthrough/internal/door"
	"sellthrough/internal/store"
	"sellthrough/internal/telemetry"
	"sellthrough/internal/throttle"
	"sellthrough/models"
)

// server is one of those that are compared.
type server struct {
	name string
	make func(ctx context.Context, p page, folder string) (handler http.Handler, token string, err error)
}

// servers are all of them. The first works the answer out for the others.
var servers = []server{
	{"whole", func(ctx context.Context, p page, folder string) (http.Handler, string, error) {
		return watched(ctx, p, folder, false)
	}},
	{"ready", ready},
	{"by-hand", byHand},
	{"textbook", func(_ context.Context, _ page, folder string) (http.Handler, string, error) {
		answers, err := readAnswers(folder)
		return textbook.New(answers), "nobody", err
	}},
	{"held", func(ctx context.Context, p page, folder string) (http.Handler, string, error) {
		return watched(ctx, p, folder, true)
	}},
	{"held-bare", bare},
}

func serverName(s server) string { return s.name }

// usage is what a process has used since it began.
type usage struct {
	CPU         time.Duration // user and system
	Allocations uint64
	PeakBytes   int64 // most memory that it had
}

// become serves until nobody talks to it any more.
func become(name string, p page, folder, profiles string) error {
	s, known := named(servers, serverName, name)
	if !known {
		return fmt.Errorf("there is no server %q", name)
	}
	own, err := os.MkdirTemp(folder, name)
	if err != nil {
		return err
	}
	handler, token, err := s.make(context.Background(), p, own)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { failed <- server.Serve(listener) }()
	fmt.Println(listener.Addr(), token)
	for words := bufio.NewScanner(os.Stdin); words.Scan(); {
		if words.Text() == "profile" {
			file, err := os.Create(filepath.Join(profiles, p.name+"-"+name+".pprof"))
			if err == nil {
				err = pprof.StartCPUProfile(file)
			}
			if err != nil {
				return err
			}
			defer file.Close()
			defer pprof.StopCPUProfile()
		}
		if err := json.NewEncoder(os.Stdout).Encode(used()); err != nil {
			return err
		}
	}
	select {
	case err = <-failed:
	default:
	}
	return errors.Join(err, server.Close())
}

func used() usage {
	var now syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &now) // cannot fail for oneself
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return usage{
		CPU: time.Duration(now.Utime.Nano() + now.Stime.Nano()), Allocations: memory.Mallocs, PeakBytes: now.Maxrss << 10,
	}
}

// ready is the floor: a handler that has the bytes.
func ready(_ context.Context, _ page, folder string) (http.Handler, string, error) {
	data, err := os.ReadFile(filepath.Join(folder, "..", dataFile))
	body := append(append([]byte(`{"data":`), data...), '}')
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}), "nobody", err
}

func readAnswers(folder string) (textbook.Answers, error) {
	data, err := os.ReadFile(filepath.Join(folder, "..", dataFile))
	if err != nil {
		return textbook.Answers{}, err
	}
	return textbook.Read(data)
}

// byHand writes the rows by code that can write nothing else.
func byHand(_ context.Context, p page, folder string) (http.Handler, string, error) {
	answers, err := readAnswers(folder)
	buffers := sync.Pool{New: func() any { return new([]byte) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		buffer := buffers.Get().(*[]byte)
		body := (*buffer)[:0]
		if p.name == "margins" {
			body = appendMargins(body, answers.Margins.Nodes)
		} else {
			body = appendLines(w, body, answers.BillingLines.Nodes)
		}
		_, _ = w.Write(body)
		*buffer = body
		buffers.Put(buffer)
	}), "nobody", err
}

func appendMargins(b []byte, margins []*textbook.Margin) []byte {
	b = append(b, `{"data":{"margins":{"nodes":[`...)
	for i, m := range margins {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, `{"id":`, m.ID)
		b = appendText(b, `,"publisherId":`, m.PublisherID)
		b = appendText(b, `,"productId":`, m.ProductID)
		b = appendNullable(b, `,"planId":`, m.PlanID)
		b = appendNullable(b, `,"percentage":`, m.Percentage)
		b = appendText(b, `,"start":`, m.Start)
		b = appendText(b, `,"end":`, m.End)
		b = append(b, `,"prices":[`...)
		for j, p := range m.Prices {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendText(b, `{"planId":`, p.PlanID)
			b = appendText(b, `,"market":`, p.Market)
			b = appendText(b, `,"currency":`, p.Currency)
			b = appendText(b, `,"listPrice":`, p.ListPrice)
			b = appendText(b, `,"wholesalePrice":`, p.WholesalePrice)
			b = append(b, '}')
		}
		b = append(b, "]}"...)
	}
	return append(b, "]}}}"...)
}

func appendLines(out io.Writer, b []byte, lines []*textbook.BillingLine) []byte {
	b = append(b, `{"data":{"billingLines":{"nodes":[`...)
	for i, l := range lines {
		if len(b) > 32<<10 {
			_, _ = out.Write(b)
			b = b[:0]
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, `{"lineId":`, l.LineID)
		b = appendText(b, `,"month":`, l.Month)
		b = appendText(b, `,"chargeType":`, l.ChargeType)
		b = appendText(b, `,"chargeStart":`, l.ChargeStart)
		b = appendText(b, `,"customerTenantId":`, l.CustomerTenantID)
		b = appendText(b, `,"subscriptionId":`, l.SubscriptionID)
		b = appendText(b, `,"productId":`, l.ProductID)
		b = appendText(b, `,"planId":`, l.PlanID)
		b = appendText(b, `,"quantity":`, l.Quantity)
		b = appendText(b, `,"listUnitPrice":`, l.ListUnitPrice)
		b = appendNullable(b, `,"marginPercentage":`, l.MarginPercentage)
		b = appendText(b, `,"billingCurrency":`, l.BillingCurrency)
		b = appendText(b, `,"listSubtotal":{"amount":`, l.ListSubtotal.Amount)
		b = appendText(b, `,"currencyCode":`, l.ListSubtotal.CurrencyCode)
		b = appendText(b, `},"wholesaleSubtotal":{"amount":`, l.WholesaleSubtotal.Amount)
		b = appendText(b, `,"currencyCode":`, l.WholesaleSubtotal.CurrencyCode)
		b = append(b, "}}"...)
	}
	return append(b, "]}}}"...)
}

func appendText(b []byte, name, text string) []byte {
	b = append(append(b, name...), '"')
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			return strconv.AppendQuote(b[:len(b)-1], text)
		}
	}
	return append(append(b, text...), '"')
}

func appendNullable(b []byte, name string, text *string) []byte {
	if text == nil {
		return append(append(b, name...), "null"...)
	}
	return appendText(b, name, *text)
}

// watched is this server as it runs: with tokens, allowances, limits, figures, and
// a log that goes nowhere. Where the answer is held, the database is asked once.
func watched(ctx context.Context, p page, folder string, hold bool) (http.Handler, string, error) {
	logger := telemetry.NewLogger(io.Discard, "text", slog.LevelInfo)
	watch, err := telemetry.New(ctx, telemetry.Options{Clock: time.Now, Environment: func(string) (string, bool) { return "", false }, Logger: logger})
	if err != nil {
		return nil, "", err
	}
	m, err := open(ctx, folder, p, store.Options{Watch: watch.Transaction})
	if err != nil {
		return nil, "", err
	}
	watch.Watch(m)
	tokens, err := auth.NewTokens([]byte("a key of the benchmark, which is public"))
	if err != nil {
		return nil, "", err
	}
	token, err := tokens.Issue(models.Viewer{Role: models.RoleReseller, Organization: reseller, Subject: "bench"}, time.Hour, time.Now())
	options := door.Options{
		Identifier: watch.Identifier(&auth.Identity{Tokens: tokens}), Clock: time.Now, Logger: logger, Observe: watch.Observe, Extension: watch.GraphQL(), Throttle: throttle.Defaults,
	}
	options.Throttle.Restore, options.Throttle.Burst, options.Throttle.Running = 1<<40, 1<<40, options.Throttle.Total
	if hold {
		options.Extension = &held{watching: options.Extension.(watching), root: p.root()}
	}
	return watch.Handler(door.New(m, options)), token, err
}

// bare is this server without tokens, allowances, limits, figures and log, with
// its answer held.
func bare(ctx context.Context, p page, folder string) (http.Handler, string, error) {
	m, err := open(ctx, folder, p, store.Options{})
	if err != nil {
		return nil, "", err
	}
	return door.New(m, door.Options{Identifier: anybody{}, Clock: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler), Extension: &held{root: p.root()}}), "nobody", nil
}

// anybody takes whoever asks for the reseller.
type anybody struct{}

// Viewer is the reseller.
func (anybody) Viewer(context.Context, string, time.Time) (models.Viewer, error) {
	return models.Viewer{Role: models.RoleReseller, Organization: reseller, Subject: "bench"}, nil
}

// watching is what telemetry's extension does.
type watching interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
	graphql.RootFieldInterceptor
}

// held keeps what the resolver of the root field returned first, so that only what
// is around it is measured.
type held struct {
	watching
	root   string
	once   sync.Once
	answer any
	err    error
}

// ExtensionName and Validate make held an extension of gqlgen's executor.
func (h *held) ExtensionName() string { return "Held" }

// Validate has nothing to check.
func (h *held) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation and InterceptRootField are those of whoever watches.
func (h *held) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if h.watching == nil {
		return next(ctx)
	}
	return h.watching.InterceptOperation(ctx, next)
}

// InterceptRootField is that of whoever watches.
func (h *held) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if h.watching == nil {
		return next(ctx)
	}
	return h.watching.InterceptRootField(ctx, next)
}

// InterceptField answers for the root field.
func (h *held) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	if field := graphql.GetFieldContext(ctx); field.Object != "Query" || field.Field.Name != h.root {
		return next(ctx)
	}
	h.once.Do(func() { h.answer, h.err = next(ctx) })
	return h.answer, h.err
}
