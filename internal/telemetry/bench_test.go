package telemetry_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"sellthrough/internal/door"
	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/internal/telemetry"
	"sellthrough/models"
)

// asked are requests that the overhead is measured on: the cheapest there is, and
// a small page from the database.
var asked = map[string]struct{ query, answer string }{
	"viewer":   {"{ viewer { role } }", `{"data":{"viewer":{"role":"OPERATOR"}},`},
	"products": {"{ products(first: 20) { nodes { id title } } }", `{"data":{"products":{"nodes":[{"id":"`},
}

// BenchmarkOverhead is what it costs a request to be watched. The same request is
// answered by three servers in turns: one that nobody watches, one with figures,
// which is how a program runs without further settings, one that keeps all its
// traces too. Shown are medians, and what they are above the first's in percent.
// Every answer is compared with the first.
func BenchmarkOverhead(b *testing.B) {
	for _, name := range []string{"viewer", "products"} {
		b.Run(name, func(b *testing.B) {
			// One answer takes less than the machine's noise: several are timed together.
			const together = 5
			servers := []http.Handler{unwatched(b), watched(b, nil), watched(b, discarded{})}
			took := make([][]float64, len(servers))
			want := answerOf(servers[0], asked[name].query)
			if !bytes.HasPrefix(want, []byte(asked[name].answer)) {
				b.Fatalf("%s", want)
			}
			for turn := 0; b.Loop(); turn++ {
				for i := range servers {
					i = (i + turn) % len(servers) // none always comes behind the same
					began := b.Elapsed()
					for range together {
						if got := answerOf(servers[i], asked[name].query); !bytes.Equal(got, want) {
							b.Fatalf("server %d answers\n%s\nnot\n%s", i, got, want)
						}
					}
					took[i] = append(took[i], float64(b.Elapsed()-began)/together)
				}
			}
			for i, unit := range []string{"unwatched", "figures", "traced"} {
				slices.Sort(took[i])
				b.ReportMetric(median(took[i])/float64(time.Microsecond), unit+"-µs")
				if i > 0 {
					b.ReportMetric(100*(median(took[i])/median(took[0])-1), unit+"-%")
				}
			}
		})
	}
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// TestWatchedAnswersAreTheSame keeps the benchmark honest where nobody runs it.
func TestWatchedAnswersAreTheSame(t *testing.T) {
	for name, c := range asked {
		want := answerOf(unwatched(t), c.query)
		if !bytes.HasPrefix(want, []byte(c.answer)) {
			t.Errorf("%s: %s", name, want)
		}
		for _, spans := range []sdktrace.SpanExporter{nil, discarded{}} {
			if got := answerOf(watched(t, spans), c.query); !bytes.Equal(got, want) {
				t.Errorf("%s: watched %s, unwatched %s", name, got, want)
			}
		}
	}
}

// discarded is a collector that keeps nothing.
type discarded struct{}

func (discarded) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discarded) Shutdown(context.Context) error                             { return nil }

func answerOf(handler http.Handler, query string) []byte {
	request := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(fmt.Appendf(nil, `{"query":%q}`, query)))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer OPERATOR")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer.Body.Bytes()
}

func unwatched(t testing.TB) http.Handler {
	m, options := stocked(t, store.Options{})
	return door.New(m, options)
}

func watched(t testing.TB, spans sdktrace.SpanExporter) http.Handler {
	t.Helper()
	w, err := telemetry.New(t.Context(), telemetry.Options{Clock: wallClock(t), Environment: unset, Logger: slog.New(slog.DiscardHandler), Spans: spans})
	if err != nil {
		t.Fatal(err)
	}
	m, options := stocked(t, store.Options{Watch: w.Transaction})
	w.Watch(m)
	options.Identifier, options.Observe, options.Extension = w.Identifier(people{}), w.Observe, w.GraphQL()
	return w.Handler(door.New(m, options))
}

// wallClock goes on by what a benchmark has taken, and stands still in a test.
func wallClock(t testing.TB) func() time.Time {
	if b, ok := t.(*testing.B); ok {
		return func() time.Time { return start.Add(b.Elapsed()) }
	}
	return func() time.Time { return start }
}

// stocked is a market with products, and how a door to it opens: with its log
// written, and thrown away.
func stocked(t testing.TB, options store.Options) (*market.Market, door.Options) {
	t.Helper()
	database, err := store.Open(t.Context(), storetest.Database(t, "sqlite"), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	m := market.New(database, func() time.Time { return start })
	records := []models.Record{{Publisher: &models.Publisher{ID: "contoso", Name: "Contoso", Country: "US", PayoutCurrency: "USD"}}}
	for i := range 20 {
		records = append(records, models.Record{Product: &models.Product{
			ID: fmt.Sprintf("p%02d", i), PublisherID: "contoso", Title: fmt.Sprintf("Product %d", i), Type: "SAAS", CSPOptIn: "ANY",
		}})
	}
	outcomes, _, err := m.SaveCatalogue(t.Context(), market.Request{Viewer: models.System}, records, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, outcome := range outcomes {
		if outcome.Status != market.Accepted {
			t.Fatalf("record %d: %v", i, outcome.Violations)
		}
	}
	return m, door.Options{Identifier: people{}, Clock: wallClock(t), Logger: telemetry.NewLogger(io.Discard, "text", slog.LevelInfo)}
}
