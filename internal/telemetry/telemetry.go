// Package telemetry is what an operator sees of a running program: figures for
// Prometheus, traces by OTLP, lines of log. It is the only room that knows
// OpenTelemetry; the others tell it what they do through hooks of their own.
//
// What a client chooses is no label of any figure, and what is nobody else's
// business is in none of the three: no organisation in a figure, no document, no
// variable, no credential anywhere.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
)

// Options are what telemetry starts from. Every field but Spans is needed.
type Options struct {
	// Version of the program, as its build information shows it.
	Version string
	// Clock is the machine's: durations are measured with it.
	Clock func() time.Time
	// Environment is the program's. OpenTelemetry's names in it say whether and
	// where traces go: see docs/operations.md.
	Environment func(name string) (value string, set bool)
	// Logger hears of traces that cannot be delivered.
	Logger *slog.Logger
	// Spans gets every span at once, whatever the environment says: for tests.
	Spans trace.SpanExporter
}

// Telemetry is the figures and traces of one running program. It is safe for
// concurrent use.
type Telemetry struct {
	clock    func() time.Time
	logger   *slog.Logger
	registry *prometheus.Registry
	meters   *sdkmetric.MeterProvider
	figures  *figures
	// traces is nil where nobody asked for any.
	traces *trace.TracerProvider
}

// New starts telemetry. Who starts it calls Close. An error says which name of
// the environment holds what cannot be used.
func New(ctx context.Context, options Options) (*Telemetry, error) {
	t := &Telemetry{clock: options.Clock, logger: options.Logger, registry: prometheus.NewRegistry()}
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var err error
	if t.meters, t.figures, err = newFigures(t.registry, options.Version); err != nil {
		return nil, err
	}
	if t.traces, err = newTraces(ctx, options); err != nil {
		return nil, errors.Join(err, t.meters.Shutdown(ctx))
	}
	if t.traces != nil {
		// The exporter works by itself and has nobody else to tell. There is one
		// such place in a process, and one Telemetry.
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { t.logger.Warn("telemetry", "error", err) }))
	}
	return t, nil
}

// Close delivers what is left of the traces, as long as the context lasts.
func (t *Telemetry) Close(ctx context.Context) error {
	err := t.meters.Shutdown(ctx)
	if t.traces != nil {
		err = errors.Join(err, t.traces.Shutdown(ctx))
	}
	return err
}

// Metrics answers a scrape by Prometheus: our figures, those of the Go runtime
// and of the process. It asks no database.
func (t *Telemetry) Metrics() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: t.registry})
}
