package telemetry

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// figures are the instruments, under the names that /metrics shows. Their labels
// take values from sets that this program bounds: roles, types of operation,
// root fields of the schema, error codes, statuses.
type figures struct {
	requests        metric.Int64Counter
	errors          metric.Int64Counter
	throttled       metric.Int64Counter
	requestSeconds  metric.Float64Histogram
	requestCost     metric.Int64Histogram
	requestBytes    metric.Int64Histogram
	responseBytes   metric.Int64Histogram
	inFlight        metric.Int64UpDownCounter
	fieldSeconds    metric.Float64Histogram
	documents       metric.Int64Counter
	authentications metric.Int64Counter
	streams         metric.Int64UpDownCounter
	answers         metric.Int64Counter

	transactionSeconds metric.Float64Histogram
	retries            metric.Int64Counter

	facts          metric.Int64Counter
	ratingsRunning metric.Int64UpDownCounter
	ratingSeconds  metric.Float64Histogram

	workSeconds metric.Float64Histogram
	workSteps   metric.Int64Counter

	deliverySeconds metric.Float64Histogram
	deliveries      metric.Int64Counter
	backlog         atomic.Pointer[store.Backlog]

	// lastWork is when the worker last finished a run without an error, sampled
	// when the database was last counted: seconds since 1970, 0 for never.
	lastWork, sampled       atomic.Int64
	openBuckets, openMonths atomic.Int64

	database atomic.Pointer[store.Store]
}

// Limits of the buckets of histograms.
var (
	requestBounds     = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	transactionBounds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
	costBounds        = []float64{1, 10, 100, 1_000, 5_000, 10_000, 50_000, 100_000, 250_000}
	byteBounds        = []float64{256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20}
)

// maxSeries bounds the series of one instrument, should a set not be as bounded
// as it was thought: what is beyond is counted together.
const maxSeries = 1_000

// newFigures makes the instruments and registers them. A name that is wrong is an
// error at start.
func newFigures(registry *prometheus.Registry, version string) (*sdkmetric.MeterProvider, *figures, error) {
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo(),
		exporter.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithoutSuffixes)) // a name is written here as it is shown
	if err != nil {
		return nil, nil, err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithCardinalityLimit(maxSeries))
	m := maker{meter: provider.Meter(scope)}
	f := &figures{
		requests:        m.counter("sellthrough_requests_total", "GraphQL requests answered, by role (empty: nobody signed in), operation type (empty: refused before it was known) and HTTP status."),
		errors:          m.counter("sellthrough_errors_total", "Requests whose answer holds an error, by its code. Violations of an input are answers, and not among them."),
		throttled:       m.counter("sellthrough_throttled_total", "Requests refused because their identity had spent its budget, by role."),
		requestSeconds:  m.seconds("sellthrough_request_duration_seconds", "How long GraphQL requests took, by operation type.", requestBounds),
		requestCost:     m.sizes("sellthrough_request_cost", "What GraphQL requests were reckoned to cost, by operation type.", costBounds),
		requestBytes:    m.sizes("sellthrough_request_bytes", "Bodies of GraphQL requests.", byteBounds),
		responseBytes:   m.sizes("sellthrough_response_bytes", "Bodies of GraphQL answers.", byteBounds),
		inFlight:        m.level("sellthrough_requests_in_flight", "GraphQL requests being answered now."),
		fieldSeconds:    m.seconds("sellthrough_root_field_duration_seconds", "How long root fields took, by operation type and field.", requestBounds),
		documents:       m.counter("sellthrough_documents_total", "Documents to run, by whether one parsed and validated before was used (result hit or miss)."),
		authentications: m.counter("sellthrough_authentications_total", "Credentials presented, by kind (token, api_key) and result (accepted, refused, failed)."),
		streams:         m.level("sellthrough_streams_open", "What stays open now, by kind: websocket and event_stream are connections, subscription is what runs over them."),
		answers:         m.counter("sellthrough_subscription_answers_total", "Answers sent to subscriptions that have ended."),

		transactionSeconds: m.seconds("sellthrough_transaction_duration_seconds", "How long database transactions took with all their attempts, by access (read, write) and result (done, undone: the job refused it, or it failed).", transactionBounds),
		retries:            m.counter("sellthrough_transaction_retries_total", "Attempts beyond the first of database transactions: deadlocks, lock timeouts, keys taken meanwhile."),

		facts:          m.counter("sellthrough_facts_recorded_total", "Records answered, by kind (usage, purchases, catalogue) and status."),
		ratingsRunning: m.level("sellthrough_ratings_running", "Ratings of months running now."),
		ratingSeconds:  m.seconds("sellthrough_rating_duration_seconds", "How long rating months took, loading included, by result (ok, unrated, error).", requestBounds),

		workSeconds: m.seconds("sellthrough_worker_duration_seconds", "How long runs of the worker took, by result (ok, error).", transactionBounds),
		workSteps:   m.counter("sellthrough_worker_steps_total", "Steps that the worker took, by kind."),

		deliverySeconds: m.seconds("sellthrough_notification_duration_seconds", "How long attempts to deliver notifications took, by channel and outcome.", requestBounds),
		deliveries:      m.counter("sellthrough_notification_attempts_total", "Attempts to deliver notifications, by channel, outcome (DELIVERED, FAILED, REFUSED) and the status that they left (PENDING: tried again; DEAD: given up)."),
	}
	m.whole("sellthrough_worker_last_success_timestamp_seconds", "When the worker last ran without an error, in seconds since 1970.", f.lastWork.Load)
	m.whole("sellthrough_open_buckets", "Usage buckets that can still change, when last counted.", f.openBuckets.Load)
	m.whole("sellthrough_open_months", "Months that have usage and can still change, when last counted.", f.openMonths.Load)
	m.whole("sellthrough_counted_timestamp_seconds", "When buckets and months were last counted, in seconds since 1970.", f.sampled.Load)
	m.queue(f)
	m.pools(f)
	built := metric.WithAttributeSet(attribute.NewSet(attribute.String("version", version), attribute.String("go_version", runtime.Version())))
	_, err = m.meter.Int64ObservableGauge("sellthrough_build_info", metric.WithDescription("1, with the version of the program and of Go."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error { o.Observe(1, built); return nil }))
	m.keep(err)
	return provider, f, m.err
}

// maker makes instruments and keeps the first error.
type maker struct {
	meter metric.Meter
	err   error
}

func (m *maker) keep(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *maker) counter(name, what string) metric.Int64Counter {
	made, err := m.meter.Int64Counter(name, metric.WithDescription(what))
	m.keep(err)
	return made
}

func (m *maker) level(name, what string) metric.Int64UpDownCounter {
	made, err := m.meter.Int64UpDownCounter(name, metric.WithDescription(what))
	m.keep(err)
	made.Add(context.Background(), 0) // shown from the start
	return made
}

func (m *maker) seconds(name, what string, bounds []float64) metric.Float64Histogram {
	made, err := m.meter.Float64Histogram(name, metric.WithDescription(what), metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(bounds...))
	m.keep(err)
	return made
}

func (m *maker) sizes(name, what string, bounds []float64) metric.Int64Histogram {
	made, err := m.meter.Int64Histogram(name, metric.WithDescription(what), metric.WithExplicitBucketBoundaries(bounds...))
	m.keep(err)
	return made
}

func (m *maker) whole(name, what string, value func() int64) {
	_, err := m.meter.Int64ObservableGauge(name, metric.WithDescription(what),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error { o.Observe(value()); return nil }))
	m.keep(err)
}

// queue shows the notifications that are not delivered.
func (m *maker) queue(f *figures) {
	queued, err := m.meter.Int64ObservableGauge("sellthrough_notifications", metric.WithDescription("Notifications that are not delivered, by channel and status (PENDING, DEAD), when last counted."))
	m.keep(err)
	oldest, err := m.meter.Int64ObservableGauge("sellthrough_notifications_oldest_timestamp_seconds", metric.WithDescription("When the PENDING notification was queued that waits longest, in seconds since 1970; absent where none waits."))
	m.keep(err)
	_, err = m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		backlog := f.backlog.Load()
		if backlog == nil {
			return nil
		}
		for status, counts := range map[models.NotificationStatus]map[models.Channel]int64{models.NotificationPending: backlog.Pending, models.NotificationDead: backlog.Dead} {
			for _, channel := range models.Channels {
				o.ObserveInt64(queued, counts[channel], metric.WithAttributes(attribute.String("channel", string(channel)), attribute.String("status", string(status))))
			}
		}
		if backlog.Oldest != nil {
			o.ObserveInt64(oldest, backlog.Oldest.Unix())
		}
		return nil
	}, queued, oldest)
	m.keep(err)
}

// pools shows the connections to the database, which the driver counts itself.
func (m *maker) pools(f *figures) {
	connections, err := m.meter.Int64ObservableGauge("sellthrough_database_connections", metric.WithDescription("Connections to the database, by pool and state (in_use, idle)."))
	m.keep(err)
	most, err := m.meter.Int64ObservableGauge("sellthrough_database_connections_max", metric.WithDescription("Most connections that a pool may open."))
	m.keep(err)
	waits, err := m.meter.Int64ObservableCounter("sellthrough_database_waits_total", metric.WithDescription("Transactions that had to wait for a connection, by pool."))
	m.keep(err)
	waited, err := m.meter.Float64ObservableCounter("sellthrough_database_wait_seconds_total", metric.WithDescription("Time spent waiting for a connection, by pool."), metric.WithUnit("s"))
	m.keep(err)
	_, err = m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		database := f.database.Load()
		if database == nil {
			return nil
		}
		for name, pool := range database.Pools() {
			of := attribute.String("pool", name)
			o.ObserveInt64(connections, int64(pool.InUse), metric.WithAttributes(of, attribute.String("state", "in_use")))
			o.ObserveInt64(connections, int64(pool.Idle), metric.WithAttributes(of, attribute.String("state", "idle")))
			o.ObserveInt64(most, int64(pool.MaxOpenConnections), metric.WithAttributes(of))
			o.ObserveInt64(waits, pool.WaitCount, metric.WithAttributes(of))
			o.ObserveFloat64(waited, pool.WaitDuration.Seconds(), metric.WithAttributes(of))
		}
		return nil
	}, connections, most, waits, waited)
	m.keep(err)
}
