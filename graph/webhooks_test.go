package graph_test

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// hook stores an endpoint of Contoso's.
func (s *stage) hook(id string) {
	s.t.Helper()
	endpoint := models.WebhookEndpoint{ID: id, PublisherID: "contoso", URL: "https://hooks.contoso.example/" + id, Description: "Old", CreatedAt: s.now, UpdatedAt: s.now}
	s.write(func(w *store.Writer) error { return w.CreateWebhook(&endpoint) })
}

// hooked makes an endpoint for Contoso by the API.
func (s *stage) hooked(input string) (id, secret string) {
	s.t.Helper()
	answer := essence(s.ask(contoso, `mutation { createWebhookEndpoint(input: {url: "https://hooks.contoso.example/offers"`+input+`}) { webhookEndpoint { id } secret userErrors { message } } }`, ""))
	return dig(s.t, answer, "createWebhookEndpoint.webhookEndpoint.id"), dig(s.t, answer, "createWebhookEndpoint.secret")
}

// A secret is told once: when it is made, to whoever makes it, and nowhere after;
// what is kept of it is sealed.
func TestWebhookEndpoints(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, url string) {
		s := newStage(t, storetest.Open(t, url))
		s.importFile("catalogue", contosoCatalogue(t))
		id, secret := s.hooked(`, idempotencyKey: "k", eventTypes: [LIVE, LIVE, ENDED]`)
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(raw) != 32 || !strings.HasPrefix(secret, "whsec_") {
			t.Fatalf("the secret %q", secret)
		}
		rotated := essence(s.ask(contoso, `mutation { rotateWebhookSecret(input: {id: "`+id+`"}) { webhookEndpoint { previousSecretUntil } secret userErrors { code } } }`, ""))
		other := dig(t, rotated, "rotateWebhookSecret.secret")
		if want := s.now.Add(24 * time.Hour).Format(time.RFC3339); dig(t, rotated, "rotateWebhookSecret.webhookEndpoint.previousSecretUntil") != want || other == secret {
			t.Errorf("rotated: %s, want another secret beside the old one until %s", rotated, want)
		}
		var told strings.Builder
		for _, viewer := range []models.Viewer{contoso, finance, operator} {
			told.Write(s.ask(viewer, `{ webhookEndpoints { nodes { id webhookEndpointId publisherId url description eventTypes createdAt updatedAt previousSecretUntil disabledAt disabledReason } totalCount } node(id: "`+id+`") { id } }`, ""))
		}
		again := string(s.ask(contoso, `mutation { createWebhookEndpoint(input: {url: "https://hooks.contoso.example/offers", idempotencyKey: "k", eventTypes: [LIVE, LIVE, ENDED]}) { webhookEndpoint { id } secret } }`, ""))
		if !strings.Contains(again, `{"webhookEndpoint":{"id":"`+id+`"},"secret":null}`) {
			t.Errorf("asked again it answers %s", again)
		}
		validated := string(s.ask(contoso, `mutation { createWebhookEndpoint(input: {url: "https://x.example", validateOnly: true}) { webhookEndpoint { id } secret } rotateWebhookSecret(input: {id: "`+id+`", validateOnly: true}) { secret } }`, ""))
		if strings.Contains(validated, "whsec_") {
			t.Errorf("validated only, it makes up a secret: %s", validated)
		}
		if !strings.Contains(told.String(), `"eventTypes":["ENDED","LIVE"]`) {
			t.Errorf("the types: %s", told.String())
		}
		kept, _ := json.Marshal(storetest.Dump(t, url))
		for _, one := range []string{secret, other} {
			bare := strings.TrimPrefix(one, "whsec_")
			if strings.Contains(told.String()+string(kept), bare) {
				t.Error("a secret is told again, or kept as it is")
			}
		}
		if answer := string(s.ask(reseller, `{ webhookEndpoints { totalCount } }`, "")); !strings.Contains(answer, "FORBIDDEN") {
			t.Errorf("a reseller: %s", answer)
		}
	})
}

// What is absent stays, null and empty clear; off is off, with its reason.
func TestChangingWebhookEndpoints(t *testing.T) {
	s := newStage(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	s.importFile("catalogue", contosoCatalogue(t))
	id, _ := s.hooked(`, description: "ERP", eventTypes: [LIVE]`)
	state := func(change string) string {
		answer := s.ask(contoso, `mutation { updateWebhookEndpoint(input: {id: "`+id+`"`+change+`}) { webhookEndpoint { url description eventTypes disabledAt disabledReason } userErrors { field code } } }`, "")
		return strings.TrimSuffix(strings.TrimPrefix(string(essence(answer)), `{"updateWebhookEndpoint":{"webhookEndpoint":`), `,"userErrors":[]}}`)
	}
	for _, c := range []struct{ change, want string }{
		{``, `{"url":"https://hooks.contoso.example/offers","description":"ERP","eventTypes":["LIVE"],"disabledAt":null,"disabledReason":null}`},
		{`, enabled: false`, `{"url":"https://hooks.contoso.example/offers","description":"ERP","eventTypes":["LIVE"],"disabledAt":"2024-09-01T00:00:00Z","disabledReason":"SWITCHED_OFF"}`},
		{`, eventTypes: []`, `{"url":"https://hooks.contoso.example/offers","description":"ERP","eventTypes":null,"disabledAt":"2024-09-01T00:00:00Z","disabledReason":"SWITCHED_OFF"}`},
		{`, enabled: true, description: null, eventTypes: [FAILED, ENDED]`, `{"url":"https://hooks.contoso.example/offers","description":null,"eventTypes":["ENDED","FAILED"],"disabledAt":null,"disabledReason":null}`},
		{`, url: "https://new.example", eventTypes: null`, `{"url":"https://new.example","description":null,"eventTypes":null,"disabledAt":null,"disabledReason":null}`},
		{`, url: "http://me@10.0.0.1/#x", description: "` + strings.Repeat("x", 501) + `"`, `null,"userErrors":[{"field":["url"],"code":"INVALID_URL"},{"field":["url"],"code":"INVALID_URL"},{"field":["url"],"code":"URL_NOT_HTTPS"},{"field":["url"],"code":"URL_NOT_PUBLIC"},{"field":["description"],"code":"TOO_LONG"}]}}`},
	} {
		if got := state(c.change); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.change, got, c.want)
		}
	}
}

// A publisher has ten, an operator makes them for whom it names, and nobody for
// another.
func TestMostWebhookEndpoints(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := newStage(t, open())
		s.importFile("catalogue", contosoCatalogue(t))
		codes := func(viewer models.Viewer, publisher string) string {
			answer := string(essence(s.ask(viewer, `mutation { createWebhookEndpoint(input: {url: "https://x.example"`+publisher+`}) { userErrors { field code } } }`, "")))
			return strings.TrimSuffix(strings.TrimPrefix(answer, `{"createWebhookEndpoint":{"userErrors":`), `}}`)
		}
		for i := range 9 {
			if got := codes(contoso, ""); got != "[]" {
				t.Fatal(strconv.Itoa(i) + got)
			}
		}
		for _, c := range []struct {
			viewer          models.Viewer
			publisher, want string
		}{
			{contoso, `, publisherId: "fabrikam"`, `[{"field":["publisherId"],"code":"PUBLISHER_NOT_FOUND"}]`},
			{operator, ``, `[{"field":["publisherId"],"code":"REQUIRED"}]`},
			{operator, `, publisherId: "nobody"`, `[{"field":["publisherId"],"code":"PUBLISHER_NOT_FOUND"}]`},
			{operator, `, publisherId: "publisher/contoso"`, `[]`},
			{contoso, ``, `[{"field":["publisherId"],"code":"TOO_MANY_WEBHOOK_ENDPOINTS"}]`},
		} {
			if got := codes(c.viewer, c.publisher); got != c.want {
				t.Errorf("%s %s: %s, want %s", c.viewer.Role, c.publisher, got, c.want)
			}
		}
	})
}
