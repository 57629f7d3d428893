package telemetry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	oteltrace "go.opentelemetry.io/otel/trace"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// Transaction is store.Options.Watch: a span and a duration for each transaction.
func (t *Telemetry) Transaction(ctx context.Context, write bool) (done func(attempts int, err error)) {
	access := "read"
	if write {
		access = "write"
	}
	began := t.clock()
	_, span := t.start(ctx, "store."+access, oteltrace.WithSpanKind(oteltrace.SpanKindClient))
	return func(attempts int, err error) {
		result := "done"
		if err != nil {
			result = "undone"
		}
		t.figures.transactionSeconds.Record(ctx, t.clock().Sub(began).Seconds(), labels("access", access, "result", result))
		t.figures.retries.Add(ctx, int64(attempts-1))
		span.SetAttributes(attribute.Int("attempts", attempts), attribute.String("db.system.name", t.engine()))
		end(span, err)
	}
}

// engine is the database's, once it is known.
func (t *Telemetry) engine() string {
	if database := t.figures.database.Load(); database != nil {
		return database.Dialect()
	}
	return "unknown"
}

// Watch shows the pools of the database from now on, and makes the market tell
// what it does.
func (t *Telemetry) Watch(m *market.Market) {
	t.figures.database.Store(m.Store)
	m.Watch = t
}

// Record is market.Watch's.
func (t *Telemetry) Record(ctx context.Context, facts string) (context.Context, func(answers []market.Outcome, err error)) {
	ctx, span := t.start(ctx, "record "+facts)
	return ctx, func(answers []market.Outcome, err error) {
		counts := map[market.Status]int{}
		for i := range answers {
			counts[answers[i].Status]++
		}
		for _, status := range []market.Status{market.Accepted, market.Duplicate, market.Rejected} {
			t.figures.facts.Add(ctx, int64(counts[status]), labels("kind", facts, "status", string(status)))
			span.SetAttributes(attribute.Int(strings.ToLower(string(status)), counts[status]))
		}
		end(span, err)
	}
}

// Rate is market.Watch's.
func (t *Telemetry) Rate(ctx context.Context) (context.Context, func(err error)) {
	began := t.clock()
	ctx, span := t.start(ctx, "rate")
	t.figures.ratingsRunning.Add(ctx, 1)
	return ctx, func(err error) {
		result := resultOf(err)
		if unrated := (*market.UnratedError)(nil); errors.As(err, &unrated) {
			result = "unrated"
		}
		t.figures.ratingsRunning.Add(ctx, -1)
		t.figures.ratingSeconds.Record(ctx, t.clock().Sub(began).Seconds(), labels("result", result))
		end(span, err)
	}
}

// Work is market.Watch's.
func (t *Telemetry) Work(ctx context.Context) (context.Context, func(worked market.Worked, err error)) {
	began := t.clock()
	ctx, span := t.start(ctx, "work")
	return ctx, func(worked market.Worked, err error) {
		now := t.clock()
		t.figures.workSeconds.Record(ctx, now.Sub(began).Seconds(), labels("result", resultOf(err)))
		if err == nil {
			t.figures.lastWork.Store(now.Unix())
		}
		for _, step := range []struct {
			kind string
			n    int
		}{{"authorized", worked.Authorized}, {"published", worked.Published}, {"failed", worked.Failed}, {"live", worked.Live}, {"ended", worked.Ended}} {
			t.figures.workSteps.Add(ctx, int64(step.n), labels("step", step.kind))
			span.SetAttributes(attribute.Int(step.kind, step.n))
		}
		end(span, err)
	}
}

// Deliver is market.Watch's.
func (t *Telemetry) Deliver(ctx context.Context, channel models.Channel) (context.Context, func(delivery models.Delivery, left models.NotificationStatus)) {
	began := t.clock()
	ctx, span := t.start(ctx, "deliver "+string(channel))
	return ctx, func(delivery models.Delivery, left models.NotificationStatus) {
		t.figures.deliverySeconds.Record(ctx, t.clock().Sub(began).Seconds(), labels("channel", string(channel), "outcome", string(delivery.Outcome)))
		t.figures.deliveries.Add(ctx, 1, labels("channel", string(channel), "outcome", string(delivery.Outcome), "status", string(left)))
		span.SetAttributes(attribute.String("outcome", string(delivery.Outcome)), attribute.Int("status_code", delivery.StatusCode))
		if delivery.Outcome != models.OutcomeDelivered {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Count counts what only the database knows, for the gauges that show it: a
// scrape never asks the database, however often one comes. Whoever works calls
// it as often as it likes; it counts at most every 15 seconds.
func (t *Telemetry) Count(ctx context.Context, database *store.Store) error {
	const least = 15
	now, last := t.clock().Unix(), t.figures.sampled.Load()
	if last != 0 && now-last < least {
		return nil
	}
	return database.Read(ctx, models.System, func(r *store.Reader) error {
		buckets, months, err := r.CountBuckets()
		if err != nil {
			return err
		}
		backlog, err := r.CountBacklog()
		if err != nil {
			return err
		}
		t.figures.openBuckets.Store(buckets)
		t.figures.openMonths.Store(months)
		t.figures.backlog.Store(&backlog)
		t.figures.sampled.Store(now)
		return nil
	})
}

func resultOf(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}

// end ends a span. What went wrong is in the log, under its trace_id: errors hold
// words of others, which would leave the machine with the span.
func end(span oteltrace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// labels are names and values in turns, at most three pairs. A set of them is
// made once and kept: there are as many as there are series, whose number is
// bounded by what the values come from.
func labels(namesAndValues ...string) metric.MeasurementOption {
	var key [6]string
	copy(key[:], namesAndValues)
	if known, ok := labelSets.Load(key); ok {
		return known.(metric.MeasurementOption)
	}
	var pairs []attribute.KeyValue
	for pair := range slices.Chunk(namesAndValues, 2) {
		pairs = append(pairs, attribute.String(pair[0], pair[1]))
	}
	made := metric.WithAttributeSet(attribute.NewSet(pairs...))
	labelSets.Store(key, made)
	return made
}

var labelSets sync.Map // of metric.MeasurementOption by [6]string
