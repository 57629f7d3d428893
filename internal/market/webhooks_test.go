package market_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/internal/webhook"
	"sellthrough/models"
)

// receiver is a program of Contoso's: a server that answers what it is told, and
// keeps what it was sent.
type receiver struct {
	sync.Mutex
	url    string
	answer func(w http.ResponseWriter)
	got    []message
}

type message struct {
	header http.Header
	body   string
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{answer: func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		r.Lock()
		defer r.Unlock()
		r.got = append(r.got, message{request.Header.Clone(), string(body)})
		r.answer(w)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// answers sets the status of all later answers.
func (r *receiver) answers(status int) {
	r.answer = func(w http.ResponseWriter) { w.WriteHeader(status) }
}

func sends(t testing.TB, m *market.Market, key string) {
	t.Helper()
	sender, err := webhook.New(webhook.Options{Key: []byte(strings.Repeat(key, webhook.MinKeyLength)), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	m.Webhooks, m.Send = sender, map[models.Channel]market.Send{models.ChannelWebhook: m.SendWebhook}
}

// hook makes an endpoint and returns its secret.
func (w *world) hook(viewer models.Viewer, url string, types ...models.OfferEventType) (models.WebhookEndpoint, string) {
	w.Helper()
	made, vs, err := w.CreateWebhookEndpoint(background, by(viewer), models.WebhookEndpoint{URL: url, EventTypes: types})
	w.must(err)
	w.must(vs.Err())
	return made.Endpoint, made.Secret
}

func (w *world) deliver() market.Delivered {
	w.Helper()
	done, err := w.Deliver(background)
	w.must(err)
	return done
}

// deliverNext lets the clock come to the next attempt of the only notification.
func (w *world) deliverNext() models.Notification {
	w.Helper()
	w.clock = *w.notifications()[0].NextAttemptAt
	w.deliver()
	return w.notifications()[0]
}

func onEnginesSending(t *testing.T, f func(w *world, r *receiver)) {
	t.Helper()
	onEngines(t, func(w *world) {
		sends(w, w.Market, "k")
		f(w, newReceiver(w))
	})
}

func verifies(t testing.TB, secret string, m message) bool {
	t.Helper()
	reference, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return reference.VerifyIgnoringTimestamp([]byte(m.body), m.header) == nil
}

// Every event is queued with what it tells, once for each endpoint of the offer's
// publisher that listens to it, and for nobody else's.
func TestWhatProgramsHear(t *testing.T) {
	onEnginesSending(t, func(w *world, r *receiver) {
		all, _ := w.hook(contoso, r.url)
		some, _ := w.hook(contoso, r.url, models.EventLive, models.EventFailed)
		off, _ := w.hook(contoso, r.url)
		w.hook(fabrikam, r.url)
		_, vs, err := w.UpdateWebhookEndpoint(background, by(contoso), off.ID, func(e *models.WebhookEndpoint) { e.Enable(false, models.WebhookSwitchedOff, w.clock) })
		w.must(err)
		w.must(vs.Err())
		names := map[string]string{all.ID: "all", some.ID: "some"}
		heard := func() (lines []string) {
			for _, n := range w.notifications() {
				lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s #%d %s %.1s %s", names[n.Recipient], n.Type, n.EventNumber, n.Notice.Status, n.Notice.ResellerTenantID, n.Notice.FailureReason)))
			}
			slices.Sort(lines)
			return lines
		}
		w.submit(toldOf("offer", nil, resellerA, resellerB))
		w.same("submitted", heard(), []string{"all: CREATED #1 DRAFT", "all: SUBMITTED #2 IN_PROGRESS"})
		w.save(models.Record{Reseller: &models.Reseller{TenantID: resellerB, Name: "Partner b", Type: models.IndirectProvider, Country: "US", BillingCurrency: "EUR"}})
		w.work()
		const why = "the reseller is no longer part of the CSP program, or is billed through a provider"
		w.same("published", heard(), []string{
			"all: AUTHORIZED #3 LIVE a", "all: CREATED #1 DRAFT", "all: FAILED #5 LIVE b " + why, "all: LIVE #6 LIVE", "all: PUBLISHED #4 LIVE a", "all: SUBMITTED #2 IN_PROGRESS",
			"some: FAILED #5 LIVE b " + why, "some: LIVE #6 LIVE",
		})
	})
}

// A message says what held at the event, under one id, whenever it arrives; the
// log has each attempt.
func TestWebhookDelivery(t *testing.T) {
	onEnginesSending(t, func(w *world, r *receiver) {
		_, secret := w.hook(contoso, r.url, models.EventLive)
		w.submit(toldOf("offer", nil, resellerA))
		w.setClock("2024-03-01T00:00:01.5Z")
		w.work()
		r.answers(http.StatusInternalServerError)
		if done := w.deliver(); done != (market.Delivered{Failed: 1}) {
			w.Fatalf("delivered %+v", done)
		}
		_, vs, err := w.WithdrawPrivateOffer(background, by(contoso), "offer", nil, nil)
		w.must(err)
		w.must(vs.Err())
		r.answers(http.StatusNoContent)
		n := w.deliverNext()
		if n.Status() != models.NotificationDelivered || len(r.got) != 2 {
			w.Fatalf("%d attempts left %+v", len(r.got), n)
		}
		const body = `{"type":"private_offer.live","timestamp":"2024-03-01T00:00:01.5Z","data":{"privateOfferId":"offer","publisherId":"contoso","eventNumber":5,"status":"LIVE",` +
			`"startMonth":null,"endMonth":"2024-12","resellerTenantId":null,"failureReason":null}}`
		for i, m := range r.got {
			if m.body != body || m.header.Get("webhook-id") != n.ID || !verifies(w, secret, m) {
				w.Errorf("attempt %d: %s %v", i+1, m.body, m.header)
			}
			if !json.Valid([]byte(m.body)) {
				w.Errorf("attempt %d is no JSON", i+1)
			}
		}
		if first, second := r.got[0].header.Get("webhook-timestamp"), r.got[1].header.Get("webhook-timestamp"); first == second {
			w.Error("both attempts were signed at one instant")
		}
		w.read(contoso, func(reader *store.Reader) error {
			log, err := reader.NotificationAttempts([]string{n.ID})
			if len(log) != 2 || log[0].StatusCode != 500 || log[0].Outcome != models.OutcomeFailed || log[1].StatusCode != 204 || log[1].Outcome != models.OutcomeDelivered || log[1].Error != "" {
				w.Errorf("the log: %+v", log)
			}
			return err
		})
		_, vs, err = w.RedeliverNotification(background, by(contoso), n.ID)
		w.must(err)
		w.must(vs.Err())
		w.deliver()
		if len(r.got) != 3 || r.got[2].header.Get("webhook-id") != n.ID || r.got[2].body != body {
			w.Errorf("redelivered: %+v", r.got)
		}
	})
}

// A receiver that says how long it wants to be left alone is, within a day.
func TestWebhookRetryAfter(t *testing.T) {
	onEnginesSending(t, func(w *world, r *receiver) {
		w.hook(contoso, r.url, models.EventSubmitted)
		w.submit(toldOf("offer", nil, resellerA))
		for asked, least := range map[string]time.Duration{"7200": 2 * time.Hour, "9999999": 24 * time.Hour, "1": 30 * time.Second} {
			r.answer = func(response http.ResponseWriter) {
				response.Header().Set("Retry-After", asked)
				response.WriteHeader(http.StatusServiceUnavailable)
			}
			w.clock = *w.notifications()[0].NextAttemptAt
			_, vs, err := w.RedeliverNotification(background, by(contoso), w.notifications()[0].ID) // patience begins anew
			w.must(err)
			w.must(vs.Err())
			w.deliver()
			if wait := w.notifications()[0].NextAttemptAt.Sub(w.clock); wait < least || asked != "1" && wait > least+time.Minute {
				w.Errorf("asked for %s s, it waits %v", asked, wait)
			}
		}
	})
}

// Gone is gone: the endpoint is disabled, what waits for it is given up, and it
// can be enabled again. Unless it has moved meanwhile.
func TestWebhookGone(t *testing.T) {
	onEnginesSending(t, func(w *world, r *receiver) {
		endpoint, _ := w.hook(contoso, r.url, models.EventCreated, models.EventSubmitted)
		now := func() (e models.WebhookEndpoint) {
			w.read(contoso, func(reader *store.Reader) error {
				found, _, err := reader.Webhooks(store.WebhookFilter{IDs: []string{endpoint.ID}}, store.Page{})
				if len(found) == 1 {
					e = found[0]
				}
				return err
			})
			return e
		}
		set := func(change func(e *models.WebhookEndpoint)) {
			w.Helper()
			_, vs, err := w.UpdateWebhookEndpoint(background, by(contoso), endpoint.ID, change)
			w.must(err)
			w.must(vs.Err())
		}
		r.answers(http.StatusGone)
		w.submit(toldOf("offer", nil, resellerA))
		if done := w.deliver(); done != (market.Delivered{Dead: 2}) {
			w.Errorf("delivered %+v", done)
		}
		if e := now(); e.DisabledReason != models.WebhookGone || e.DisabledAt == nil {
			w.Errorf("not disabled: %+v", e)
		}
		w.submit(toldOf("unheard", nil, resellerA))
		if len(w.notifications()) != 2 {
			w.Error("a disabled endpoint is told on")
		}
		set(func(e *models.WebhookEndpoint) { e.Enable(true, "", w.clock) })
		moved := newReceiver(w)
		r.answer = func(response http.ResponseWriter) {
			set(func(e *models.WebhookEndpoint) { e.URL = moved.url }) // while the message is on its way
			response.WriteHeader(http.StatusGone)
		}
		_, vs, err := w.RedeliverNotification(background, by(contoso), w.notifications()[0].ID)
		w.must(err)
		w.must(vs.Err())
		w.deliver()
		if e := now(); e.DisabledAt != nil {
			w.Error("the address that it left has disabled it")
		}
		_, vs, err = w.RedeliverNotification(background, by(contoso), w.notifications()[0].ID)
		w.must(err)
		w.must(vs.Err())
		if done := w.deliver(); done != (market.Delivered{Delivered: 1}) || len(moved.got) != 1 {
			w.Errorf("where it moved arrives %+v", done)
		}
	})
}

// What waits for an endpoint that was deleted or switched off is given up, and says
// so; what waits elsewhere is not.
func TestWebhookEndpointsThatEnd(t *testing.T) {
	onEnginesSending(t, func(w *world, r *receiver) {
		deleted, _ := w.hook(contoso, r.url, models.EventSubmitted)
		off, _ := w.hook(contoso, r.url, models.EventSubmitted)
		w.hook(contoso, r.url, models.EventSubmitted)
		w.submit(toldOf("offer", nil, resellerA))
		_, vs, err := w.DeleteWebhookEndpoint(background, by(contoso), deleted.ID)
		w.must(err)
		w.must(vs.Err())
		_, vs, err = w.UpdateWebhookEndpoint(background, by(contoso), off.ID, func(e *models.WebhookEndpoint) { e.Enable(false, models.WebhookSwitchedOff, w.clock) })
		w.must(err)
		w.must(vs.Err())
		if done := w.deliver(); done != (market.Delivered{Delivered: 1, Dead: 2}) || len(r.got) != 1 {
			w.Errorf("delivered %+v, %d arrived", done, len(r.got))
		}
		for _, n := range w.notifications() {
			want := map[string]string{deleted.ID: "deleted", off.ID: "disabled"}[n.Recipient]
			if !strings.Contains(n.LastError, want) || (n.LastError == "") != (want == "") {
				w.Errorf("%s: %q", n.Recipient, n.LastError)
			}
		}
	})
}

// While a secret is rotated both sign; a day later the new one does, alone. A
// secret that another key has sealed signs nothing, and says why.
func TestWebhookRotation(t *testing.T) {
	onEnginesSending(t, func(w *world, r *receiver) {
		endpoint, old := w.hook(contoso, r.url, models.EventSubmitted)
		rotated, vs, err := w.RotateWebhookSecret(background, by(contoso), endpoint.ID)
		w.must(err)
		w.must(vs.Err())
		began := w.clock
		for i, c := range []struct {
			after time.Duration
			old   bool
		}{{0, true}, {models.WebhookSecretOverlap - time.Microsecond, true}, {models.WebhookSecretOverlap, false}} {
			w.clock = began.Add(c.after)
			w.submit(toldOf(fmt.Sprint("offer-", i), nil, resellerA))
			w.deliver()
			if len(r.got) != i+1 {
				w.Fatalf("%d messages arrived, want %d", len(r.got), i+1)
			}
			if m := r.got[i]; !verifies(w, rotated.Secret, m) || verifies(w, old, m) != c.old {
				w.Errorf("after %v: signed %s", c.after, m.header.Get("webhook-signature"))
			}
		}
		sends(w, w.Market, "x")
		w.submit(toldOf("offer-x", nil, resellerA))
		if done := w.deliver(); done != (market.Delivered{Failed: 1}) || len(r.got) != 3 {
			w.Errorf("with another key: %+v, %d arrived", done, len(r.got))
		}
		all := w.notifications()
		if last := all[len(all)-1]; !strings.Contains(last.LastError, "rotate it") {
			w.Errorf("with another key: %q", last.LastError)
		}
	})
}

// Several instances send each message once.
func TestWebhooksOnSeveralInstances(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		w := newWorld(t, open())
		sends(w, w.Market, "k")
		r := newReceiver(w)
		w.hook(contoso, r.url)
		w.hook(contoso, r.url, models.EventLive)
		const offers = 10
		for i := range offers {
			w.submit(toldOf(fmt.Sprint("offer-", i), nil, resellerA))
		}
		w.work()
		var instances sync.WaitGroup
		for range 3 {
			instance := market.New(open(), w.Clock)
			sends(w, instance, "k")
			instances.Go(func() {
				if _, err := instance.Deliver(background); err != nil {
					t.Error(err)
				}
			})
		}
		instances.Wait()
		times := map[string]int{}
		for _, m := range r.got {
			times[m.header.Get("webhook-id")]++
		}
		// Created, submitted, authorised, published, live; and live once more.
		if len(r.got) != 6*offers || len(times) != 6*offers {
			t.Errorf("%d messages under %d ids arrived, want %d", len(r.got), len(times), 6*offers)
		}
	})
}
