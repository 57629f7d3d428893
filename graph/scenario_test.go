package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"sellthrough/internal/auth"
	"sellthrough/internal/door"
	"sellthrough/internal/formats"
	"sellthrough/internal/market"
	"sellthrough/internal/rest"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/internal/webhook"
	"sellthrough/models"
)

var update = flag.Bool("update", false, "rewrite the answers of scenarios with what the program answers; read the diff like a contract")

const scenarios = "../testdata/scenarios"

// TestScenarios tells every story of testdata/scenarios on every engine.
// README.md there says how a story is written.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(scenarios + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			storetest.Engines(t, func(t *testing.T, open func() *store.Store) { tell(t, file, open()) })
		})
	}
}

// story is a scenario while it is told.
type story struct {
	*stage
	captured map[string]string
	answer   json.RawMessage // the last one
}

func tell(t *testing.T, file string, s *store.Store) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	st := &story{stage: newStage(t, s), captured: map[string]string{}}
	for i := range archive.Files {
		section := &archive.Files[i]
		if got, ok := st.step(section.Name, st.fill(string(section.Data))); ok {
			section.Data = st.compare(section, got)
		}
		if t.Failed() {
			break
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// step takes one step of a story. Steps with an outcome return it.
func (s *story) step(name, body string) (outcome string, told bool) {
	s.t.Helper()
	words := strings.Fields(name)
	switch words[0] {
	case "now":
		now, err := time.Parse(time.RFC3339, words[1])
		if err != nil {
			s.t.Fatal(err)
		}
		s.now = now
	case "import":
		if len(words) > 2 && words[2] == "from" {
			text, err := os.ReadFile(filepath.Join(scenarios, words[3]))
			if err != nil {
				s.t.Fatal(err)
			}
			body = string(text)
		}
		s.importFile(words[1], body)
	case "work":
		done, err := s.market.Work(context.Background())
		if err != nil {
			s.t.Fatal(err)
		}
		return fmt.Sprintf("authorized %d, published %d, failed %d, live %d, ended %d\n", done.Authorized, done.Published, done.Failed, done.Live, done.Ended), true
	case "deliver":
		return s.deliver(slices.Contains(words, "failing"), slices.Contains(words, "refused")), true
	case "ask":
		query, variables, _ := strings.Cut(body, "\nvariables ")
		s.answer = essence(s.ask(viewerOf(words[1:]), query, variables))
	case "get":
		s.answer = s.get(viewerOf(words[1:len(words)-1]), s.fill(words[len(words)-1]))
	case "capture":
		s.captured["$"+words[1]] = dig(s.t, s.answer, words[2])
	case "answer":
		return pretty(s.answer, ""), true
	default:
		s.t.Fatalf("a story has no step %q", name)
	}
	return "", false
}

// compare holds an outcome to what the story says, as JSON where it is JSON.
func (s *story) compare(section *txtar.File, got string) []byte {
	s.t.Helper()
	want := s.fill(string(section.Data))
	var x, y any
	same := json.Unmarshal([]byte(want), &x) == nil && json.Unmarshal([]byte(got), &y) == nil && reflect.DeepEqual(x, y)
	if same || strings.TrimSpace(want) == strings.TrimSpace(got) {
		return section.Data
	}
	if *update {
		for name, value := range s.captured {
			got = strings.ReplaceAll(got, value, name)
		}
		return []byte(got)
	}
	s.t.Errorf("%s\ngot:\n%s\nwant:\n%s", section.Name, got, want)
	return section.Data
}

// fill puts captured values in the place of their names.
func (s *story) fill(text string) string {
	names := slices.Sorted(maps.Keys(s.captured))
	for _, name := range slices.Backward(names) { // $offers before $offer
		text = strings.ReplaceAll(text, name, s.captured[name])
	}
	return text
}

// viewerOf reads "RESELLER <tenant>"; "nobody" is the zero Viewer.
func viewerOf(words []string) models.Viewer {
	if words[0] == "nobody" {
		return models.Viewer{}
	}
	viewer := models.Viewer{Role: models.Role(words[0])}
	if len(words) > 1 {
		viewer.Organization = words[1]
	}
	return viewer
}

// dig finds the value at a dotted path of an answer.
func dig(t testing.TB, answer json.RawMessage, path string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				t.Fatalf("%s: there is no %q in %s", path, name, answer)
			}
			value = v[i]
		}
	}
	text, ok := value.(string)
	if !ok {
		t.Fatalf("%s is no text in %s", path, answer)
	}
	return text
}

// essence is an answer without what differs from run to run: its data, or its
// errors by code.
func essence(response []byte) json.RawMessage {
	var r struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Path       []any
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(response, &r); err != nil {
		return response
	}
	if len(r.Errors) == 0 {
		return r.Data
	}
	type problem struct {
		Code    string `json:"code"`
		Path    []any  `json:"path,omitempty"`
		Message string `json:"message"`
	}
	var problems []problem
	for _, e := range r.Errors {
		problems = append(problems, problem{e.Extensions.Code, e.Path, e.Message})
	}
	text, err := marshal(map[string]any{"errors": problems})
	if err != nil {
		return response
	}
	return text
}

func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}

// pretty writes JSON for people: what fits a line stays on it.
func pretty(raw json.RawMessage, indent string) string {
	var flat bytes.Buffer
	if json.Compact(&flat, raw) != nil {
		return string(raw)
	}
	text := spaced(flat.String())
	if len(indent)+len(text) <= 110 || text[0] != '{' && text[0] != '[' {
		return text + "\n"
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	open, _ := decoder.Token()
	var b strings.Builder
	fmt.Fprintln(&b, open)
	for decoder.More() {
		b.WriteString(indent + "  ")
		if open == json.Delim('{') {
			key, _ := decoder.Token()
			fmt.Fprintf(&b, "%q: ", key)
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return string(raw)
		}
		b.WriteString(strings.TrimSuffix(pretty(value, indent+"  "), "\n"))
		if decoder.More() {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	end, _ := decoder.Token()
	fmt.Fprintf(&b, "%s%v\n", indent, end)
	return b.String()
}

// spaced puts a space behind commas and colons outside of texts.
func spaced(flat string) string {
	var b strings.Builder
	quoted, escaped := false, false
	for _, c := range flat {
		b.WriteRune(c)
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ':'):
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// stage is a market behind the whole stack, with a clock that stands still.
type stage struct {
	t       testing.TB
	market  *market.Market
	tokens  *auth.Tokens
	keys    *auth.Keys
	handler http.Handler
	now     time.Time
}

func newStage(t testing.TB, s *store.Store) *stage {
	tokens, err := auth.NewTokens([]byte(strings.Repeat("k", auth.MinKeyLength)))
	if err != nil {
		t.Fatal(err)
	}
	st := &stage{t: t, tokens: tokens, now: time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC)}
	st.market = market.New(s, func() time.Time { return st.now })
	if st.market.Webhooks, err = webhook.New(webhook.Options{Key: []byte(strings.Repeat("k", webhook.MinKeyLength))}); err != nil {
		t.Fatal(err)
	}
	st.handler = door.New(st.market, door.Options{
		Documents:  rest.Documents(st.market),
		Identifier: st.identity(), Clock: func() time.Time { return st.now }, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	return st
}

// identity knows the stage's tokens and API keys.
func (s *stage) identity() *auth.Identity {
	s.keys = auth.NewKeys(func(ctx context.Context, id string) (*models.APIKey, bool, error) {
		key, err := s.market.Store.APIKeyByID(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, false, nil
		}
		return key, err == nil, err
	})
	return &auth.Identity{Tokens: s.tokens, Keys: s.keys}
}

// get reads a document as the viewer: its body, or why there is none.
func (s *stage) get(viewer models.Viewer, path string) []byte {
	s.t.Helper()
	request := httptest.NewRequest("GET", path, nil)
	if viewer.Valid() {
		request.Header.Set("Authorization", "Bearer "+s.token(viewer))
	}
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, request)
	if recorder.Code == http.StatusOK {
		return recorder.Body.Bytes()
	}
	var problem struct{ Code, Description string }
	if err := json.Unmarshal(recorder.Body.Bytes(), &problem); err != nil {
		s.t.Fatal(err)
	}
	text, err := marshal(map[string]any{"status": recorder.Code, "code": problem.Code, "description": problem.Description})
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// ask sends a request as the viewer and returns the answer's body.
func (s *stage) ask(viewer models.Viewer, query, variables string) []byte {
	s.t.Helper()
	return s.send(viewer, query, variables).Body.Bytes()
}

func (s *stage) send(viewer models.Viewer, query, variables string) *httptest.ResponseRecorder {
	s.t.Helper()
	body := map[string]any{"query": query}
	if variables != "" {
		body["variables"] = json.RawMessage(variables)
	}
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.post(viewer, text)
}

func (s *stage) post(viewer models.Viewer, body []byte) *httptest.ResponseRecorder {
	s.t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	if viewer != (models.Viewer{}) {
		token, err := s.tokens.Issue(viewer, time.Hour, s.now)
		if err != nil {
			s.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, request)
	return recorder
}

// asSystem is who imports.
var asSystem = market.Request{Viewer: models.System}

// importFile records a file of the trade; every record must be accepted.
func (s *stage) importFile(kind, text string) {
	s.t.Helper()
	ctx, in := context.Background(), strings.NewReader(text)
	var outcomes []market.Outcome
	var err error
	switch kind {
	case "private-offers":
		for _, d := range records(s.t, formats.ReadPrivateOffers(in, s.market.Limits)) {
			outcome, failed := s.market.RecordPrivateOffer(ctx, asSystem, d.Offer, d.Live, nil)
			outcomes, err = append(outcomes, outcome), errors.Join(err, failed)
		}
	case "catalogue":
		outcomes, _, err = s.market.SaveCatalogue(ctx, asSystem, records(s.t, formats.ReadCatalogue(in, "")), nil)
	case "exchange-rates":
		outcomes, _, err = s.market.SaveCatalogue(ctx, asSystem, records(s.t, formats.ReadExchangeRates(in)), nil)
	case "purchases":
		outcomes, _, err = s.market.RecordPurchases(ctx, asSystem, records(s.t, formats.ReadPurchases(in)), nil)
	case "usage":
		outcomes, _, err = s.market.RecordUsage(ctx, asSystem, records(s.t, formats.ReadUsage(in, formats.FormatAny)), nil)
	default:
		s.t.Fatalf("cannot import %q", kind)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	for i, o := range outcomes {
		if o.Status == market.Rejected {
			s.t.Fatalf("import %s: record %d is rejected: %v", kind, i+1, o.Violations)
		}
	}
}

func records[T any](t testing.TB, reader *formats.Reader[T]) (values []T) {
	t.Helper()
	for record, err := range reader.Records() {
		if err != nil || len(record.Violations) > 0 {
			t.Fatalf("record %d: %v %v", record.Number, err, record.Violations)
		}
		values = append(values, record.Value)
	}
	return values
}
