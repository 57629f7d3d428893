package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"sellthrough/internal/auth"
	"sellthrough/internal/door"
	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/internal/telemetry"
	"sellthrough/models"
)

var start = time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC)

// people is an identifier of those who sign in with their role.
type people struct{}

func (people) Viewer(_ context.Context, credential string, _ time.Time) (models.Viewer, error) {
	switch role := models.Role(credential); {
	case slices.Contains(models.Roles, role):
		return models.Viewer{Role: role, Organization: "org-1", Subject: "ada"}, nil
	case credential == "broken":
		return models.Viewer{}, errors.New("the database is away")
	}
	return models.Viewer{}, fmt.Errorf("%w: nobody has it", auth.ErrToken)
}

// server is a market behind a door, watched.
type server struct {
	testing.TB
	*telemetry.Telemetry
	market  *market.Market
	handler http.Handler
	spans   *tracetest.InMemoryExporter
	log     *bytes.Buffer
	now     time.Time
}

func unset(string) (string, bool) { return "", false }

// newServer opens a server on the engine. Its clock goes on by a millisecond
// whenever it is looked at.
func newServer(t testing.TB, dialect string) *server {
	t.Helper()
	s := &server{TB: t, spans: tracetest.NewInMemoryExporter(), log: new(bytes.Buffer), now: start}
	clock := func() time.Time { s.now = s.now.Add(time.Millisecond); return s.now }
	logger := telemetry.NewLogger(s.log, "json", slog.LevelDebug)
	var err error
	s.Telemetry, err = telemetry.New(t.Context(), telemetry.Options{Version: "v1.2.3", Clock: clock, Environment: unset, Logger: logger, Spans: s.spans})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	database, err := store.Open(t.Context(), storetest.Database(t, dialect), store.Options{Watch: s.Transaction})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	s.market = market.New(database, clock)
	s.Watch(s.market)
	s.handler = s.Handler(door.New(s.market, door.Options{
		Identifier: s.Identifier(people{}), Clock: clock, Logger: logger, Observe: s.Observe, Extension: s.GraphQL(),
	}))
	return s
}

// ask posts a document with headers in turns of name and value.
func (s *server) ask(document string, headers ...string) string {
	request := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(fmt.Sprintf(`{"query":%q}`, document)))
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, request)
	return answer.Body.String()
}

// as asks as a role.
func (s *server) as(role models.Role, document string) string {
	return s.ask(document, "Authorization", "Bearer "+string(role))
}

// drive makes every figure show: each kind of work is done once, at least.
func (s *server) drive() {
	s.Helper()
	for range 2 {
		s.as("OPERATOR", "query Who { viewer { role } }")
	}
	s.as("FINANCE", `{ billingSummary(month: "2024-09", groupBy: [PUBLISHER]) { nodes { publisherId } } }`)
	s.as("OPERATOR", `mutation { recordUsage(input: {records: [{source: "s", externalId: "1", occurredAt: "2024-09-01T00:00:00Z", subscriptionId: "none", meterId: "calls", quantity: "1"}]}) { userErrors { code } } }`)
	s.ask("{ products { totalCount } }")
	s.ask("{ viewer { role } }", "Authorization", "Bearer nobody")
	s.ask("{ viewer { role } }", "Authorization", "Bearer broken")
	s.Observe(s.Context(), door.Observation{Viewer: models.Viewer{Role: "RESELLER", Organization: "org-1"}, Status: 429, Codes: []string{"THROTTLED"}})
	s.Stream("websocket")()
	if _, err := s.market.Work(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.notify()
	if err := s.Count(s.Context(), s.market.Store); err != nil {
		s.Fatal(err)
	}
}

// notify tries to deliver a notification, which fails.
func (s *server) notify() {
	s.Helper()
	now := s.market.Now()
	err := s.market.Store.Write(s.Context(), models.System, func(w *store.Writer) error {
		return w.QueueNotifications([]models.Notification{{ID: "n", PrivateOfferID: "offer", EventNumber: 1, Type: models.EventLive,
			Channel: models.ChannelMail, Recipient: "anna@contoso.example", CreatedAt: now, QueuedAt: now, NextAttemptAt: &now}})
	})
	if err != nil {
		s.Fatal(err)
	}
	s.market.Send = map[models.Channel]market.Send{models.ChannelMail: func(context.Context, *models.Notification) models.Delivery {
		return models.Delivery{Outcome: models.OutcomeFailed, StatusCode: 421, Error: "not now"}
	}}
	if done, err := s.market.Deliver(s.Context()); err != nil || done.Failed != 1 {
		s.Fatal(done, err)
	}
}

// What waits, for how long, and how attempts end, is in the figures, and nobody's
// address.
func TestNotificationsAreCounted(t *testing.T) {
	s := newServer(t, "sqlite")
	s.drive()
	families := s.scrape()
	if n := value(families["sellthrough_notification_attempts_total"], "channel", "MAIL", "outcome", "FAILED", "status", "PENDING"); n != 1 {
		t.Errorf("%v attempts failed, want 1", n)
	}
	if n := value(families["sellthrough_notifications"], "channel", "MAIL", "status", "PENDING"); n != 1 {
		t.Errorf("%v notifications wait, want 1", n)
	}
	if at := value(families["sellthrough_notifications_oldest_timestamp_seconds"]); at != float64(s.market.Now().Unix()) {
		t.Errorf("the oldest was queued at %v, want %v", at, s.market.Now().Unix())
	}
}

// scrape reads /metrics as Prometheus does.
func (s *server) scrape() map[string]*dto.MetricFamily {
	s.Helper()
	answer := httptest.NewRecorder()
	s.Metrics().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	return families
}

// value is that of the series whose labels hold all the pairs, summed; for a
// histogram how many values it has seen.
func value(family *dto.MetricFamily, pairs ...string) (sum float64) {
series:
	for _, series := range family.GetMetric() {
		for i := 0; i < len(pairs); i += 2 {
			if !slices.ContainsFunc(series.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == pairs[i] && l.GetValue() == pairs[i+1] }) {
				continue series
			}
		}
		sum += series.GetCounter().GetValue() + series.GetGauge().GetValue() + float64(series.GetHistogram().GetSampleCount())
	}
	return sum
}

// Each figure counts what was driven, on each engine.
func TestFigures(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			s := newServer(t, dialect)
			s.drive()
			families := s.scrape()
			for _, c := range []struct {
				name   string
				labels string
				want   float64
			}{
				{"requests_total", "", 8},
				{"requests_total", "role=OPERATOR type=query status=200", 2},
				{"requests_total", "role=OPERATOR type=mutation status=200", 1},
				{"requests_total", "role=RESELLER status=429", 1},
				{"requests_total", "status=401", 1},
				{"errors_total", "code=UNAUTHENTICATED", 2},
				{"errors_total", "code=INTERNAL", 1},
				{"throttled_total", "role=RESELLER", 1},
				{"request_duration_seconds", "type=mutation", 1},
				{"request_cost", "type=query", 4},
				{"request_bytes", "", 8},
				{"response_bytes", "", 8},
				{"requests_in_flight", "", 0},
				{"root_field_duration_seconds", "field=viewer type=query", 2},
				{"root_field_duration_seconds", "field=recordUsage type=mutation", 1},
				{"documents_total", "result=hit", 1},
				{"documents_total", "result=miss", 3},
				{"authentications_total", "kind=token result=accepted", 4},
				{"authentications_total", "result=refused", 1},
				{"authentications_total", "result=failed", 1},
				{"transaction_duration_seconds", "access=write", 7}, // six of them for the notification: the last finds nothing left to claim
				{"transaction_retries_total", "", 0},
				{"facts_recorded_total", "kind=usage status=REJECTED", 1},
				{"ratings_running", "", 0},
				{"rating_duration_seconds", "result=ok", 1},
				{"worker_duration_seconds", "result=ok", 1},
				{"worker_steps_total", "", 0},
				{"open_buckets", "", 0},
				{"build_info", "version=v1.2.3", 1},
			} {
				pairs := strings.FieldsFunc(c.labels, func(r rune) bool { return r == ' ' || r == '=' })
				family, shown := families["sellthrough_"+c.name]
				if got := value(family, pairs...); !shown || got != c.want {
					t.Errorf("%s{%s} is %v, want %v: %v", c.name, c.labels, got, c.want, family)
				}
			}
			for _, name := range []string{"worker_last_success_timestamp_seconds", "counted_timestamp_seconds"} {
				if got := int64(value(families["sellthrough_"+name])); got < start.Unix() || got > s.now.Unix() {
					t.Errorf("%s is %d, not the clock's", name, got)
				}
			}
			if value(families["sellthrough_database_connections_max"]) < 4 || families["go_goroutines"] == nil || families["process_open_fds"] == nil {
				t.Error("the pools, the runtime or the process are not shown")
			}
		})
	}
}

// A scrape shows nothing of one organisation, and nothing that a client chose.
func TestLabelsAreOurs(t *testing.T) {
	s := newServer(t, "sqlite")
	s.drive()
	s.ask("query MyOwnName { mine: viewer { role } }", "Authorization", "Bearer OPERATOR")
	s.ask("{ noSuchField }", "Authorization", "Bearer OPERATOR")
	for name, family := range s.scrape() {
		for _, series := range family.GetMetric() {
			for _, label := range series.GetLabel() {
				switch value := label.GetValue(); {
				case label.GetName() == "organization", strings.Contains(value, "org-1"), strings.Contains(value, "ada"),
					strings.Contains(value, "MyOwnName"), value == "mine", strings.Contains(value, "noSuchField"):
					t.Errorf("%s has the label %s=%q", name, label.GetName(), value)
				}
			}
		}
	}
}

// Buckets and months are counted at most every 15 seconds, however often somebody
// asks for it.
func TestCount(t *testing.T) {
	s := newServer(t, "sqlite")
	reads := func() float64 { return value(s.scrape()["sellthrough_transaction_duration_seconds"], "access", "read") }
	count := func() float64 {
		before := reads()
		if err := s.Count(t.Context(), s.market.Store); err != nil {
			t.Fatal(err)
		}
		return reads() - before
	}
	if n := count(); n != 1 {
		t.Errorf("the first count reads %v times", n)
	}
	s.now = start.Add(14 * time.Second)
	if n := count(); n != 0 {
		t.Errorf("14 seconds later it reads %v times", n)
	}
	s.now = start.Add(16 * time.Second)
	if n := count(); n != 1 {
		t.Errorf("16 seconds later it reads %v times", n)
	}
}

// A request is one trace, under its caller's, from HTTP down to the transaction.
func TestTrace(t *testing.T) {
	s := newServer(t, "sqlite")
	const caller = "4bf92f3577b34da6a3ce929d0e0e4736"
	s.spans.Reset()
	s.ask(`query Catalogue($secret: [ID!]) { products(where: {ids: $secret}) { totalCount } }`,
		"Authorization", "Bearer OPERATOR", "Traceparent", "00-"+caller+"-00f067aa0ba902b7-01")
	parents := map[string]string{}
	names := map[string]string{"00f067aa0ba902b7": "the caller"}
	spans := s.spans.GetSpans()
	for _, span := range spans {
		names[span.SpanContext.SpanID().String()] = span.Name
		if got := span.SpanContext.TraceID().String(); got != caller {
			t.Errorf("%s is of the trace %s", span.Name, got)
		}
		if span.EndTime.Before(span.StartTime) {
			t.Errorf("%s ends before it starts", span.Name)
		}
	}
	for _, span := range spans {
		parents[span.Name] = names[span.Parent.SpanID().String()]
	}
	want := map[string]string{
		"request": "the caller", "graphql.parse": "request", "graphql.validate": "request", "graphql.execute": "request",
		"query products": "graphql.execute", "store.read": "query products",
	}
	if diff := cmp.Diff(want, parents); diff != "" {
		t.Errorf("spans and their parents, want (-), got (+)\n%s", diff)
	}
	if !strings.Contains(s.log.String(), `"trace_id":"`+caller+`"`) {
		t.Errorf("the log does not name the trace: %s", s.log)
	}
}

// What a job does is in its trace, with how it was answered.
func TestTraceOfJobs(t *testing.T) {
	s := newServer(t, "sqlite")
	s.spans.Reset()
	usage := []models.UsageRecord{{Source: "s", ExternalID: "1", OccurredAt: start, SubscriptionID: "none", MeterID: "calls"}}
	if _, _, err := s.market.RecordUsage(t.Context(), market.Request{Viewer: models.System}, usage, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.market.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, span := range s.spans.GetSpans() {
		line := span.Name
		for _, attribute := range span.Attributes {
			line += fmt.Sprintf(" %s=%s", attribute.Key, attribute.Value.String())
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	want := []string{
		"record usage accepted=0 duplicate=0 rejected=1",
		"store.read attempts=1 db.system.name=sqlite",
		"store.write attempts=1 db.system.name=sqlite",
		"work authorized=0 published=0 failed=0 live=0 ended=0",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("want (-), got (+)\n%s", diff)
	}
}

// Attempts beyond the first are counted, and what was undone is told from what was
// done.
func TestRetries(t *testing.T) {
	s := newServer(t, "sqlite")
	err := s.market.Store.Write(t.Context(), models.System, func(w *store.Writer) error {
		if w.Attempt() < 3 {
			return store.ErrDuplicate
		}
		return store.ErrNotFound
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	families := s.scrape()
	if n := value(families["sellthrough_transaction_retries_total"]); n != 2 {
		t.Errorf("%v attempts again, want 2", n)
	}
	if n := value(families["sellthrough_transaction_duration_seconds"], "access", "write", "result", "undone"); n != 1 {
		t.Errorf("%v transactions undone, want 1", n)
	}
}

// A record counts where it is answered: not when it is only validated, and not when
// its answer is told again.
func TestFactsAreCountedOnce(t *testing.T) {
	s := newServer(t, "sqlite")
	publisher := []models.Record{{Publisher: &models.Publisher{ID: "contoso", Name: "Contoso", Country: "US", PayoutCurrency: "USD"}}}
	key := "once"
	for _, request := range []market.Request{
		{Viewer: models.System, ValidateOnly: true},
		{Viewer: models.System, IdempotencyKey: &key},
		{Viewer: models.System, IdempotencyKey: &key},
		{Viewer: models.System},
	} {
		if outcomes, vs, err := s.market.SaveCatalogue(t.Context(), request, publisher, nil); err != nil || len(vs) > 0 || len(outcomes) != 1 {
			t.Fatal(outcomes, vs, err)
		}
	}
	facts := s.scrape()["sellthrough_facts_recorded_total"]
	for status, want := range map[string]float64{"ACCEPTED": 1, "DUPLICATE": 1, "REJECTED": 0} {
		if n := value(facts, "kind", "catalogue", "status", status); n != want {
			t.Errorf("%v are %s, want %v", n, status, want)
		}
	}
}

// docs/operations.md lists the figures of /metrics, with their labels and help.
func TestFiguresAreDocumented(t *testing.T) {
	s := newServer(t, "sqlite")
	s.drive()
	var rows []string
	for name, family := range s.scrape() {
		if !strings.HasPrefix(name, "sellthrough_") {
			continue
		}
		labels := map[string]bool{}
		for _, series := range family.GetMetric() {
			for _, label := range series.GetLabel() {
				labels[label.GetName()] = true
			}
		}
		sorted := make([]string, 0, len(labels))
		for label := range labels {
			sorted = append(sorted, label)
		}
		slices.Sort(sorted)
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |", name, strings.ToLower(family.GetType().String()), strings.Join(sorted, ", "), family.GetHelp()))
	}
	slices.Sort(rows)
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	written := regexp.MustCompile("(?m)^\\| `sellthrough_.*$").FindAllString(string(text), -1)
	if diff := cmp.Diff(rows, written); diff != "" {
		t.Errorf("the table in docs/operations.md should be\n%s\nand is not: %s", strings.Join(rows, "\n"), diff)
	}
}

// Every figure is on the dashboard, and the dashboard and the alerts ask for no
// other.
func TestDashboard(t *testing.T) {
	s := newServer(t, "sqlite")
	s.drive()
	known := map[string]bool{}
	for name, family := range s.scrape() {
		known[name] = true
		if family.GetType() == dto.MetricType_HISTOGRAM {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				known[name+part] = true
			}
		}
	}
	asked := func(path string) map[string]bool {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		expressions := regexp.MustCompile(`(?m)^\s*"?(?:expr|definition)"?: (.*)$`).FindAllSubmatch(text, -1)
		for _, expression := range expressions {
			for _, name := range regexp.MustCompile(`\b(?:sellthrough|go|process)_[a-z_]+`).FindAllString(string(expression[1]), -1) {
				if name == "go_version" {
					continue // a label
				}
				names[name] = true
				if !known[name] {
					t.Errorf("%s asks for %s, which /metrics does not show", path, name)
				}
			}
		}
		if len(names) == 0 {
			t.Errorf("%s asks for nothing", path)
		}
		return names
	}
	dashboard := asked("../../docs/grafana/sellthrough.json")
	asked("../../docs/grafana/alerts.yml")
	for name := range s.scrape() {
		shown := dashboard[name] || dashboard[name+"_bucket"] || dashboard[name+"_sum"] || dashboard[name+"_count"]
		if strings.HasPrefix(name, "sellthrough_") && !shown {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
}

// The environment says whether and where traces go; what it cannot mean is said
// at start.
func TestEnvironment(t *testing.T) {
	for _, c := range []struct{ environment, want string }{
		{"", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost", "OTEL_EXPORTER_OTLP_ENDPOINT is no address"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=ftp://localhost", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no address"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost OTEL_SDK_DISABLED=true", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost OTEL_TRACES_SAMPLER=always", "OTEL_TRACES_SAMPLER is"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=2", "OTEL_TRACES_SAMPLER_ARG is"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost OTEL_EXPORTER_OTLP_HEADERS=hidden", "OTEL_EXPORTER_OTLP_HEADERS is not a list"},
	} {
		environment := map[string]string{}
		for setting := range strings.FieldsSeq(c.environment) {
			name, value, _ := strings.Cut(setting, "=")
			environment[name] = value
		}
		started, err := telemetry.New(t.Context(), telemetry.Options{
			Clock: func() time.Time { return start }, Logger: slog.New(slog.DiscardHandler),
			Environment: func(name string) (string, bool) { value, set := environment[name]; return value, set },
		})
		switch {
		case err == nil:
			if err := started.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if c.want != "" {
				t.Errorf("%q is accepted", c.environment)
			}
		case c.want == "" || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden"):
			t.Errorf("%q: %v", c.environment, err)
		}
	}
}

// No form of a credential reaches the log, wherever in a line it stands.
func TestRedaction(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.dGhlLXNpZ25hdHVyZQ"
	const key = "st_01hzy3_Q2hlZXJz-dGhlcmU_x9"
	for _, secret := range []struct{ hidden, text string }{
		{jwt, "token " + jwt + " refused"},
		{"dGhlLXNpZ25hdHVyZQ", "Bearer " + jwt},
		{key, `key "` + key + `"`},
		{"aGVsbG8=", "Authorization: Basic aGVsbG8="},
		{"opaque-token", "authorization: bearer opaque-token"},
		{"p4ssw0rd", "mysql://ada:p4ssw0rd@db:3306/market"},
		{"p4ssw0rd", "ada:p4ssw0rd@tcp(db:3306)/market"},
		{"p4ssw0rd", "postgres://:p4ssw0rd@db/market"},
	} {
		for _, form := range []string{"text", "json"} {
			var out bytes.Buffer
			logger := telemetry.NewLogger(&out, form, slog.LevelInfo)
			logger.Info(secret.text)
			logger.With("derived", secret.text).WithGroup("group").Info("text", "text", secret.text, slog.Group("inner", "deep", secret.text))
			logger.Error("error", "error", fmt.Errorf("wrapped: %w", errors.New(secret.text)))
			logger.Info("any", "any", map[string][]string{"Authorization": {secret.text}}, "stringer", stringer(secret.text))
			if strings.Contains(out.String(), secret.hidden) || !strings.Contains(out.String(), "[redacted]") {
				t.Errorf("%s shows %q: %s", form, secret.hidden, &out)
			}
		}
	}
	var out bytes.Buffer
	telemetry.NewLogger(&out, "text", slog.LevelInfo).Info("first_last, bear with me: basically fine", "url", "https://example.test/a:b@c", "n", 3, "d", time.Second)
	if strings.Contains(out.String(), "redacted") || !strings.Contains(out.String(), "n=3 d=1s") {
		t.Errorf("what is no secret is hidden: %s", &out)
	}
	telemetry.NewLogger(io.Discard, "json", slog.LevelInfo).Info("nil", "nil", nil)
}

type stringer string

func (s stringer) String() string { return string(s) }
