package door_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sellthrough/graph"
	"sellthrough/internal/auth"
	"sellthrough/internal/door"
	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/throttle"
	"sellthrough/models"
)

// patience bounds what a test waits for; it is reached only where that never comes.
const patience = 30 * time.Second

// live is a server whose connections stay open, and a market in which something
// happens.
type live struct {
	testing.TB
	*httptest.Server
	market *market.Market
	// beat looks after every connection that is open.
	beat    chan time.Time
	closing chan struct{}
	open    *sync.WaitGroup
	// revoked is whether ada's credential is no longer good.
	revoked atomic.Bool
	// began and ended hear of subscriptions.
	began, ended chan struct{}
	offers       int
}

// Viewer makes live an Identifier, of everybody.
func (l *live) Viewer(ctx context.Context, credential string, now time.Time) (models.Viewer, error) {
	if l.revoked.Load() && credential == "ada" {
		return models.Viewer{}, fmt.Errorf("%w: it was revoked", auth.ErrToken)
	}
	return everybody.Viewer(ctx, credential, now)
}

func serve(t testing.TB, change func(*door.Options)) *live {
	t.Helper()
	m, _ := open(t)
	l := serveMarket(t, m, change)
	_, _, err := m.SaveCatalogue(t.Context(), market.Request{Viewer: models.System}, []models.Record{
		{Publisher: &models.Publisher{ID: "contoso", Name: "Contoso", Country: "US", PayoutCurrency: "USD", AccountActive: true, Enrolled: true}},
		{Reseller: &models.Reseller{TenantID: "11111111-1111-4111-8111-111111111111", Name: "R", Type: models.DirectBill, Country: "US", BillingCurrency: "USD", InCSPProgram: true}},
		{Product: &models.Product{ID: "mail", PublisherID: "contoso", Title: "M", Type: models.SaaS, Published: true, Public: true, Transactable: true, CSPOptIn: models.OptInNone}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func serveMarket(t testing.TB, m *market.Market, change func(*door.Options)) *live {
	t.Helper()
	_, options := open(t)
	l := &live{TB: t, market: m, beat: make(chan time.Time), closing: make(chan struct{}), open: &sync.WaitGroup{},
		began: make(chan struct{}, 1_000), ended: make(chan struct{}, 1_000)}
	options.Stream = func(kind string) func() {
		if kind != "subscription" {
			return func() {}
		}
		l.began <- struct{}{}
		return func() { l.ended <- struct{}{} }
	}
	options.Identifier, options.Closing, options.Open = l, l.closing, l.open
	options.Logger = slog.New(slog.DiscardHandler)
	options.Beat = func() (<-chan time.Time, func()) { return l.beat, func() {} }
	if change != nil {
		change(&options)
	}
	ctx, stop := context.WithCancel(context.Background())
	ticks := make(chan time.Time)
	var following sync.WaitGroup
	following.Go(func() { m.Changes.Run(ctx, ticks, slog.New(slog.DiscardHandler)) })
	following.Go(func() {
		for ctx.Err() == nil {
			select {
			case ticks <- time.Time{}:
			case <-ctx.Done():
			}
		}
	})
	l.Server = httptest.NewServer(door.New(m, options))
	t.Cleanup(func() { l.CloseClientConnections(); l.Close(); l.open.Wait(); stop(); following.Wait() })
	return l
}

// submit submits one more offer: one step.
func (l *live) submit() {
	l.Helper()
	l.offers++
	request := market.Request{Viewer: models.System}
	offer, vs, err := l.market.CreatePrivateOffer(context.Background(), request, models.PrivateOffer{
		Name: fmt.Sprint("Offer ", l.offers), EndMonth: models.MonthOf(now) + 1, Pricing: []models.PricingLine{{ProductID: "mail", Percentage: 1000}},
		Resellers: []models.OfferReseller{{ResellerTenantID: "11111111-1111-4111-8111-111111111111"}},
	})
	if err == nil && len(vs) == 0 {
		_, vs, err = l.market.SubmitPrivateOffer(context.Background(), request, offer.ID, nil)
	}
	if err != nil || len(vs) > 0 {
		l.Fatal(vs, err)
	}
}

// work takes all steps that are due: each reseller is authorised and published,
// and each offer goes live.
func (l *live) work() {
	l.Helper()
	if _, err := l.market.Work(context.Background()); err != nil {
		l.Fatal(err)
	}
}

// wire is a WebSocket of a client.
type wire struct {
	testing.TB
	*websocket.Conn
	ctx context.Context
}

func (l *live) dial(headers ...string) (*wire, *http.Response) {
	l.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	l.Cleanup(cancel)
	options := &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{}}
	for i := 0; i < len(headers); i += 2 {
		options.HTTPHeader.Set(headers[i], headers[i+1])
	}
	if protocol := options.HTTPHeader.Get("Sec-Websocket-Protocol"); protocol != "" {
		options.Subprotocols = []string{protocol}
	}
	conn, answer, err := websocket.Dial(ctx, l.URL, options)
	if err != nil {
		if answer == nil {
			l.Fatal(err)
		}
		return nil, answer
	}
	l.Cleanup(func() { conn.CloseNow() })
	return &wire{l, conn, ctx}, answer
}

// connect is a connection of ada's, acknowledged.
func (l *live) connect() *wire {
	l.Helper()
	w, _ := l.dial()
	w.say(`{"type":"connection_init","payload":{"Authorization":"Bearer ada"}}`)
	w.hears(`{"type":"connection_ack"}`)
	return w
}

func (w *wire) say(text string) {
	w.Helper()
	if err := w.Write(w.ctx, websocket.MessageText, []byte(text)); err != nil {
		w.Fatal(err)
	}
}

func (w *wire) hear() string {
	w.Helper()
	_, text, err := w.Read(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// hears fails the test unless each text is in one message after the other.
func (w *wire) hears(texts ...string) {
	w.Helper()
	for _, text := range texts {
		if got := w.hear(); !strings.Contains(got, text) {
			w.Fatalf("%s, want %s", got, text)
		}
	}
}

// closes fails the test unless the connection is closed with the code, perhaps
// after messages.
func (w *wire) closes(code websocket.StatusCode, reason string) {
	w.Helper()
	for {
		_, _, err := w.Read(w.ctx)
		if err == nil {
			continue
		}
		var closed websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != code || !strings.Contains(closed.Reason, reason) {
			w.Errorf("%v, want it closed with %d %s", err, code, reason)
		}
		return
	}
}

const steps = `subscription { privateOfferStatusChanged { event { type } statusBefore statusAfter resellerStatusBefore resellerStatusAfter } }`

func subscribe(id, document string) string {
	text, err := json.Marshal(map[string]any{"id": id, "type": "subscribe", "payload": map[string]any{"query": document}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func step(event, before, after, resellerBefore, resellerAfter string) string {
	quoted := func(text string) string {
		if text == "" {
			return "null"
		}
		return `"` + text + `"`
	}
	return fmt.Sprintf(`"data":{"privateOfferStatusChanged":{"event":{"type":%q},"statusBefore":%q,"statusAfter":%q,"resellerStatusBefore":%s,"resellerStatusAfter":%s}}`,
		event, before, after, quoted(resellerBefore), quoted(resellerAfter))
}

// life is what an offer with one reseller goes through.
var life = []string{
	step("SUBMITTED", "DRAFT", "IN_PROGRESS", "", ""),
	step("AUTHORIZED", "IN_PROGRESS", "IN_PROGRESS", "AUTHORIZATION_IN_PROGRESS", "PUBLISH_IN_PROGRESS"),
	step("PUBLISHED", "IN_PROGRESS", "IN_PROGRESS", "PUBLISH_IN_PROGRESS", "LIVE"),
	step("LIVE", "IN_PROGRESS", "LIVE", "", ""),
}

// A subscription over a WebSocket hears of an offer's life in order; queries,
// mutations and refusals are answered beside it; a completed one hears no more.
func TestWebSocket(t *testing.T) {
	l := serve(t, nil)
	w := l.connect()
	w.say(`{"type":"ping","payload":{"n":1}}`)
	w.hears(`{"type":"pong","payload":{"n":1}}`)
	w.say(`{"type":"pong"}`)
	w.say(subscribe("s", steps))
	<-l.began
	l.submit()
	l.work()
	w.hears(life...)
	w.say(subscribe("q", `{ viewer { subject } }`))
	w.hears(`{"id":"q","type":"next","payload":{"data":{"viewer":{"subject":"ada"}},"extensions":{"cost":`, `{"id":"q","type":"complete"}`)
	w.say(subscribe("q", `mutation { deletePrivateOffer(input: {id: "none", version: 1}) { userErrors { code } } }`))
	w.hears(`"userErrors":[{"code":"NOT_FOUND"}]`, `{"id":"q","type":"complete"}`)
	w.say(`{"type":"complete","id":"s"}`)
	<-l.ended
	l.submit()
	w.say(`{"type":"complete","id":"unknown"}`)
	for document, code := range map[string]string{
		`{`:                     "GRAPHQL_PARSE_FAILED",
		`{ nothing }`:           "GRAPHQL_VALIDATION_FAILED",
		`subscription { nope }`: "GRAPHQL_VALIDATION_FAILED",
		`subscription { privateOfferStatusChanged(after: "x") { cursor } }`:                               "BAD_CURSOR",
		`subscription { privateOfferStatusChanged(after: "AAAAAAAAAAAAAAAAAAAAAA") { cursor } }`:          "BAD_CURSOR",
		`subscription { a: privateOfferStatusChanged { cursor } b: privateOfferStatusChanged { cursor }}`: "GRAPHQL_VALIDATION_FAILED",
		`subscription { __typename }`: "GRAPHQL_VALIDATION_FAILED",
	} {
		w.say(subscribe("e", document))
		if got := w.hear(); !strings.HasPrefix(got, `{"id":"e","type":"error","payload":[{"message":`) || !strings.Contains(got, `"code":"`+code+`"`) {
			t.Errorf("%s: %s, want %s", document, got, code)
		}
	}
	w.Close(websocket.StatusNormalClosure, "")
}

// Whoever goes on from a cursor, on any connection to any instance, gets exactly
// what comes after it; one that is too old is refused.
func TestGoOnFromACursor(t *testing.T) {
	l := serve(t, nil)
	w := l.connect()
	const document = `subscription { privateOfferStatusChanged(%s) { cursor event { type } privateOffer { name status } } }`
	w.say(subscribe("s", strings.Replace(document, "(%s)", "", 1)))
	<-l.began
	l.submit()
	l.work()
	l.submit()
	l.work()
	var cursors, told []string
	for range 2 * len(life) {
		answer := w.hear()
		var m struct {
			Payload struct {
				Data struct {
					PrivateOfferStatusChanged struct{ Cursor string }
				}
			}
		}
		if err := json.Unmarshal([]byte(answer), &m); err != nil {
			t.Fatal(err)
		}
		cursors, told = append(cursors, m.Payload.Data.PrivateOfferStatusChanged.Cursor), append(told, answer)
	}
	// Another instance is another door, with a log of its own.
	other := serveMarket(t, market.New(l.market.Store, l.market.Clock), nil)
	for i, cursor := range cursors {
		w := other.connect()
		w.say(subscribe("s", fmt.Sprintf(document, `after: "`+cursor+`"`)))
		<-other.began
		if i == len(cursors)-1 {
			l.submit()
			w.hears(`"SUBMITTED"`)
			continue
		}
		for _, want := range told[i+1:] {
			// What the offer is by now may be more than what it was then.
			want, _, _ := strings.Cut(want, `,"privateOffer"`)
			w.hears(want)
		}
	}
	err := l.market.Store.Write(t.Context(), models.System, func(w *store.Writer) error {
		_, err := w.ForgetChanges(now.Add(time.Hour))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.say(subscribe("old", fmt.Sprintf(document, `after: "`+cursors[0]+`"`)))
	for got := w.hear(); ; got = w.hear() {
		if strings.Contains(got, `"id":"old"`) {
			if !strings.Contains(got, `"code":"CURSOR_FORGOTTEN"`) {
				t.Error(got)
			}
			return
		}
	}
}

// A WebSocket on which the protocol is broken is closed with the protocol's code.
func TestSocketIsClosed(t *testing.T) {
	const hello = `{"type":"connection_init","payload":{"Authorization":"Bearer ada"}}`
	l := serve(t, func(o *door.Options) { o.Limits = graph.DefaultLimits; o.Limits.Body = 10_000 })
	for name, c := range map[string]struct {
		say    []string
		code   websocket.StatusCode
		reason string
	}{
		"no JSON":                        {[]string{`hello`}, 4400, "Invalid message"},
		"no object":                      {[]string{`[]`}, 4400, "Invalid message"},
		"no type":                        {[]string{`{}`}, 4400, "type is none"},
		"another type":                   {[]string{hello, `{"type":"start","id":"1"}`}, 4400, "type is none"},
		"a server's message":             {[]string{hello, `{"type":"next","id":"1","payload":{}}`}, 4400, "type is none"},
		"type twice":                     {[]string{`{"type":"ping","type":"pong"}`}, 4400, "Invalid message"},
		"type a number":                  {[]string{`{"type":1}`}, 4400, "type is not text"},
		"id a number":                    {[]string{hello, `{"type":"subscribe","id":1,"payload":{"query":"{ __typename }"}}`}, 4400, "id is not text"},
		"no id":                          {[]string{hello, `{"type":"subscribe","payload":{"query":"{ __typename }"}}`}, 4400, "id is not 1 to"},
		"a long id":                      {[]string{hello, subscribe(strings.Repeat("i", 256), "{ __typename }")}, 4400, "id is not 1 to"},
		"no payload":                     {[]string{hello, `{"type":"subscribe","id":"1"}`}, 4400, "payload"},
		"no query":                       {[]string{hello, `{"type":"subscribe","id":"1","payload":{}}`}, 4400, "query is missing"},
		"query a number":                 {[]string{hello, `{"type":"subscribe","id":"1","payload":{"query":1}}`}, 4400, "query is not text"},
		"deep":                           {[]string{strings.Repeat("[", 50)}, 4400, "nests deeper"},
		"large":                          {[]string{`{"type":"ping","payload":"` + strings.Repeat("x", 12_000) + `"}`}, websocket.StatusMessageTooBig, ""},
		"before init":                    {[]string{subscribe("1", "{ __typename }")}, 4401, "Unauthorized"},
		"init twice":                     {[]string{hello, hello}, 4429, "Too many initialisation requests"},
		"nobody":                         {[]string{`{"type":"connection_init"}`}, 4403, "Forbidden: send a token"},
		"nobody, with a payload":         {[]string{`{"type":"connection_init","payload":{"x":1}}`}, 4403, "Forbidden: send a token"},
		"payload no object":              {[]string{`{"type":"connection_init","payload":[1]}`}, 4400, "not an object"},
		"Authorization twice":            {[]string{`{"type":"connection_init","payload":{"authorization":"Bearer ada","Authorization":"Bearer bob"}}`}, 4400, "not one text"},
		"Authorization a number":         {[]string{`{"type":"connection_init","payload":{"authorization":1}}`}, 4400, "not one text"},
		"not Bearer":                     {[]string{`{"type":"connection_init","payload":{"authorization":"Basic ada"}}`}, 4403, "Forbidden"},
		"a wrong token":                  {[]string{`{"type":"connection_init","payload":{"authorization":"Bearer eve"}}`}, 4403, "Forbidden: the token is not valid"},
		"a fault of ours shows nothing":  {[]string{`{"type":"connection_init","payload":{"authorization":"Bearer broken"}}`}, 4403, "Forbidden: something went wrong"},
		"two operations of one id":       {[]string{hello, subscribe("1", steps), subscribe("1", steps)}, 4409, "Subscriber for 1 already exists"},
		"two of one id, one not allowed": {[]string{hello, subscribe("1", steps), `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","operationName":"` + strings.Repeat("x", 300) + `"}}`}, 4409, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := l.dial()
			w.TB = t
			for _, text := range c.say {
				w.say(text)
			}
			w.closes(c.code, c.reason)
		})
	}
	w, _ := l.dial()
	if err := w.Write(w.ctx, websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	w.closes(4400, "not a text")
	w, _ = l.dial("Authorization", "Bearer ada")
	w.say(hello)
	w.closes(4400, "one in the payload")
	w, _ = l.dial("Authorization", "Bearer ada")
	w.say(`{"type":"connection_init"}`)
	w.hears("connection_ack")

	late, _ := l.dial()
	reading := make(chan struct{})
	go func() { late.closes(4408, "Connection initialisation timeout"); close(reading) }()
	w.CloseNow()
	for range 100 {
		select {
		case l.beat <- time.Time{}: // of one connection after the other
			continue
		case <-reading:
		}
		return
	}
	t.Error("a client that says nothing is still connected")
}

// What is refused before it is a WebSocket is refused as any request is.
func TestSocketIsRefused(t *testing.T) {
	l := serve(t, func(o *door.Options) {
		o.Origins = []string{"https://portal.example"}
		o.Streams = door.Streams{Each: 2, Total: 3, Operations: 2}
	})
	for name, c := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"another site":           {[]string{"Origin", "https://evil.example"}, 403, "ORIGIN_REFUSED"},
		"this site by http":      {[]string{"Origin", "http://portal.example"}, 403, "ORIGIN_REFUSED"},
		"no site":                {[]string{"Origin", "null"}, 403, "ORIGIN_REFUSED"},
		"the protocol before":    {[]string{"Sec-WebSocket-Protocol", "graphql-ws"}, 400, "BAD_REQUEST"},
		"a wrong token":          {[]string{"Authorization", "Bearer eve"}, 401, "UNAUTHENTICATED"},
		"a token in another way": {[]string{"Authorization", "Basic ada"}, 401, "UNAUTHENTICATED"},
	} {
		w, answer := l.dial(c.headers...)
		if w != nil || answer.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", name, answer.StatusCode, c.status)
			continue
		}
		body, _ := io.ReadAll(answer.Body)
		if !strings.Contains(string(body), `"code":"`+c.code+`"`) {
			t.Errorf("%s: %s, want %s", name, body, c.code)
		}
	}
	for _, origin := range []string{"https://portal.example", l.URL} {
		w, _ := l.dial("Origin", origin)
		w.CloseNow()
	}
	l.open.Wait()

	// Two of ada's, whoever's address they come from; a third is refused, and so is
	// a fourth of anybody's.
	one, two := l.connect(), l.connect()
	three, _ := l.dial()
	three.say(`{"type":"connection_init","payload":{"Authorization":"Bearer ada"}}`)
	three.closes(websocket.StatusTryAgainLater, "too many connections")
	if _, answer := l.dial("Authorization", "Bearer ada"); answer.StatusCode != 429 {
		t.Error(answer.StatusCode)
	}
	l.dial("Authorization", "Bearer bob")
	if _, answer := l.dial(); answer.StatusCode != 503 {
		t.Error(answer.StatusCode)
	}
	one.CloseNow()
	for _, id := range []string{"1", "2"} {
		two.say(subscribe(id, steps))
	}
	two.say(subscribe("3", steps))
	two.hears(`{"id":"3","type":"error","payload":[{"message":"2 operations run over this connection: complete one first","extensions":{"code":"TOO_MANY_OPERATIONS"}}]}`)
	two.say(`{"type":"complete","id":"1"}`)
	two.say(subscribe("3", `{ viewer { subject } }`))
	two.hears(`"ada"`)
}

// events opens a stream of server-sent events.
func (l *live) events(body string, headers ...string) *events {
	l.Helper()
	request, err := http.NewRequest(http.MethodPost, l.URL, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	for i, pairs := 0, append([]string{"Content-Type", asJSON, "Accept", "text/event-stream", "Authorization", "Bearer ada"}, headers...); i < len(pairs); i += 2 {
		request.Header.Set(pairs[i], pairs[i+1])
	}
	answer, err := l.Client().Do(request)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { answer.Body.Close() })
	return &events{l, answer, bufio.NewScanner(answer.Body)}
}

// events are the server-sent events of one answer.
type events struct {
	testing.TB
	*http.Response
	lines *bufio.Scanner
}

// hear is the next event, name and data, without comments; "" at the end.
func (e *events) hear() string {
	var lines []string
	for e.lines.Scan() {
		switch line := e.lines.Text(); {
		case strings.HasPrefix(line, ":"):
		case line != "":
			lines = append(lines, line)
		case len(lines) > 0:
			return strings.Join(lines, "|")
		}
	}
	return ""
}

func (e *events) hears(texts ...string) {
	e.Helper()
	for _, text := range texts {
		if got := e.hear(); !strings.Contains(got, text) {
			e.Fatalf("%q, want %q", got, text)
		}
	}
}

// timed notes which times are set for a connection.
type timed struct {
	*httptest.ResponseRecorder
	read, write []time.Time
}

func (t *timed) SetReadDeadline(at time.Time) error { t.read = append(t.read, at); return nil }

func (t *timed) SetWriteDeadline(at time.Time) error { t.write = append(t.write, at); return nil }

// An answer that stays open is not bound to the times that a server gives a
// request.
func TestEventsTakeTheirTime(t *testing.T) {
	request := httptest.NewRequest("POST", "/graphql", strings.NewReader(query(`{ viewer { subject } }`, "")))
	request.Header = http.Header{"Content-Type": {asJSON}, "Accept": {"text/event-stream"}, "Authorization": {"Bearer ada"}}
	answer := &timed{ResponseRecorder: httptest.NewRecorder()}
	door.New(open(t)).ServeHTTP(answer, request)
	lifted := []time.Time{{}}
	if !slices.Equal(answer.read, lifted) || !slices.Equal(answer.write, lifted) || !answer.Flushed {
		t.Errorf("times for reading %v, for writing %v", answer.read, answer.write)
	}
}

// Over server-sent events a subscription has an event for each step; a query and a
// refusal have one.
func TestEvents(t *testing.T) {
	l := serve(t, nil)
	e := l.events(query(steps, ""))
	<-l.began
	if kind := e.Header.Get("Content-Type"); e.StatusCode != 200 || kind != "text/event-stream; charset=utf-8" || e.Header.Get("X-Request-Id") == "" {
		t.Error(e.StatusCode, e.Header)
	}
	for range 10 {
		l.beat <- time.Time{} // a comment
		l.submit()
		l.work()
		e.hears(life...)
	}
	for _, c := range []struct {
		body    string
		headers []string
		events  []string
	}{
		{query(`{ viewer { subject } }`, ""), nil, []string{`event: next|data: {"data":{"viewer":{"subject":"ada"}},"extensions":{"cost":`, "event: complete|data: "}},
		{query(`{ viewer { subject } }`, ""), []string{"Accept", "application/json;q=0.5, text/event-stream"}, []string{"event: next|", "event: complete|"}},
		{query(`{ nope }`, ""), nil, []string{`event: next|data: {"errors":[{"message":`, "event: complete|"}},
		{query(`subscription { privateOfferStatusChanged(after: "") { cursor } }`, ""), nil, []string{`"code":"BAD_CURSOR"`, "event: complete|"}},
		{query(steps, ""), []string{"Authorization", "Bearer bob"}, []string{`"code":"FORBIDDEN"`, "event: complete|"}},
		{query(steps, ""), []string{"Authorization", ""}, []string{`"code":"UNAUTHENTICATED"`, "event: complete|"}},
		{query(`{ __typename }`, ""), []string{"Authorization", ""}, []string{`"__typename":"Query"`, "event: complete|"}},
	} {
		e := l.events(c.body, c.headers...)
		if e.hears(c.events...); e.StatusCode != 200 || e.hear() != "" {
			t.Errorf("%s: %d", c.body, e.StatusCode)
		}
	}
	for _, c := range []struct {
		body    string
		headers []string
		status  int
		code    string
	}{
		{query(steps, ""), []string{"Authorization", "Bearer eve"}, 401, "UNAUTHENTICATED"},
		{`{`, nil, 400, "BAD_REQUEST"},
		{query(steps, ""), []string{"Content-Type", "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{query(steps, ""), []string{"Accept", asJSON}, 406, "NOT_ACCEPTABLE"},
		{query(steps, ""), []string{"Accept", "*/*"}, 406, "NOT_ACCEPTABLE"},
		{query(steps, ""), []string{"Accept", "text/event-stream;q=0.1, application/json"}, 406, "NOT_ACCEPTABLE"},
	} {
		e := l.events(c.body, c.headers...)
		body, _ := io.ReadAll(e.Body)
		if e.StatusCode != c.status || e.Header.Get("Content-Type") != "application/json; charset=utf-8" || !strings.Contains(string(body), `"code":"`+c.code+`"`) {
			t.Errorf("%s %v: %d %s", c.body, c.headers, e.StatusCode, body)
		}
	}
	for document, want := range map[string]string{`{ viewer { subject } }`: "ada", `mutation { deletePrivateOffer(input: {id: "none", version: 1}) { userErrors { code } } }`: "METHOD_NOT_ALLOWED"} {
		answer := do(l.Config.Handler, "GET", "/graphql?query="+url.QueryEscape(document), "", "Authorization", "Bearer ada", "Accept", "text/event-stream")
		if body := answer.Body.String(); !strings.Contains(body, want) || !strings.HasSuffix(body, "event: complete\ndata: \n\n") {
			t.Errorf("GET %s: %s", document, body)
		}
	}
}

// A connection ends with its credential, as soon as it is looked after; and with
// the server, so that clients connect again: a stream is cut then, not completed.
func TestConnectionsEnd(t *testing.T) {
	l := serve(t, nil)
	w, e := l.connect(), l.events(query(steps, ""))
	w.say(subscribe("s", steps))
	<-l.began
	<-l.began
	heard := make(chan struct{})
	go func() { // a client that reads answers pings
		w.closes(4403, "the credential is no longer good: sign in again")
		close(heard)
	}()
	l.beat <- time.Time{}
	l.beat <- time.Time{}
	l.revoked.Store(true)
	for ended := 0; ended < 2; {
		select {
		case l.beat <- time.Time{}:
		case <-l.ended:
			ended++
		}
	}
	e.hears(`event: next|data: {"errors":[{"message":"the credential is no longer good: sign in again","extensions":{"code":"UNAUTHENTICATED"}}]}`, "event: complete|")
	<-heard

	l.revoked.Store(false)
	w, e = l.connect(), l.events(query(steps, ""))
	w.say(subscribe("s", steps))
	<-l.began
	<-l.began
	close(l.closing)
	w.closes(websocket.StatusGoingAway, "the server is being stopped: connect again")
	if got := e.hear(); got != "" {
		t.Errorf("a stream that is cut says %s", got)
	}
	<-l.ended
	<-l.ended
	l.open.Wait()
}

// Who has spent its allowance is told the rest later, and loses nothing.
func TestSlowSubscription(t *testing.T) {
	var clock atomic.Int64
	clock.Store(now.UnixMilli())
	l := serve(t, func(o *door.Options) {
		o.Throttle = throttle.Options{Restore: 100, Burst: 100, Running: 4, Total: 4, Waiting: 4, Identities: 4}
		o.Clock = func() time.Time { return time.UnixMilli(clock.Load()) }
	})
	e := l.events(query(steps, "")) // 10 for asking, 2 for the body, 2 for the operation
	<-l.began
	var offers []string
	for range 4 {
		l.submit()
		l.work()
		offers = append(offers, life...)
	}
	// Some 12 for each step: not all can be paid for at once.
	e.hears(offers[:6]...)
	heard := make(chan struct{})
	go func() { e.hears(offers[6:]...); close(heard) }()
	for {
		select {
		case <-heard:
			if spent := clock.Load() - now.UnixMilli(); spent < 700 {
				t.Errorf("%d steps are told within %d ms", len(offers), spent)
			}
			return
		case <-time.After(time.Millisecond):
			clock.Add(10)
		}
	}
}
