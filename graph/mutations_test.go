package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// sample is how the tests below ask for one mutation, on a peopled stage with
// three drafts of Contoso's. Inputs are JSON objects, without idempotencyKey and
// validateOnly.
type sample struct {
	// viewer asks.
	viewer models.Viewer
	// input changes something, and another does too once input has.
	input, another string
	// refused is refused as it is, or in all its records.
	refused string
	// stale names a version that is not the latest once input has been done; for
	// inputs that have one.
	stale string
	// repeats tells that doing it again without a key answers the same.
	repeats bool
}

const (
	draftA     = "01900000-0000-7000-8000-00000000000a"
	draftB     = "01900000-0000-7000-8000-00000000000b"
	draftEmpty = "01900000-0000-7000-8000-00000000000e"
	keyA       = "aaaaaaaaaaaaaaaa"
	keyB       = "bbbbbbbbbbbbbbbb"
	hookA      = "01900000-0000-7000-8000-00000000001a"
	hookB      = "01900000-0000-7000-8000-00000000001b"
	noteA      = "01900000-0000-7000-8000-00000000002a"
	noteB      = "01900000-0000-7000-8000-00000000002b"
	// offerUnsold is live for three resellers, offerFailed for none of three.
	offerUnsold = "01900000-0000-7000-8000-0000000000a0"
	offerFailed = "01900000-0000-7000-8000-0000000000f0"
)

// documentOf is an offer as a document, for Northwind.
func documentOf(id, product, state string) string {
	return `{"privateOfferType":"cspPromotion","id":"` + id + `","name":"From a file","state":"` + state + `","variableStartDate":true,"end":"2025-06-30","beneficiaries":[{"id":"` + northwind +
		`"}],"pricing":[{"product":"product/` + product + `","discountType":"percentage","discountPercentage":12.5}]}`
}

// samples has one for every mutation. One that is missing fails the tests below.
var samples = map[string]sample{
	"createApiKey": {
		viewer:  contoso,
		input:   `{"name": "nightly", "scopes": ["FACTS_WRITE", "CATALOGUE_READ"], "expiresAt": "2025-01-01"}`,
		another: `{"name": "nightly", "role": "PUBLISHER", "organization": "publisher/contoso", "scopes": ["MARGINS_READ"]}`,
		refused: `{"name": "nightly", "scopes": ["API_KEYS_WRITE"]}`,
	},
	"revokeApiKey": {
		viewer:  contoso,
		input:   `{"id": "api-key/` + keyA + `"}`,
		another: `{"id": "` + keyB + `"}`,
		refused: `{"id": "nothing"}`,
		repeats: true,
	},
	"createWebhookEndpoint": {
		viewer:  contoso,
		input:   `{"url": "https://hooks.contoso.example/offers", "description": "ERP", "eventTypes": ["LIVE", "ENDED"]}`,
		another: `{"publisherId": "publisher/contoso", "url": "https://other.contoso.example"}`,
		refused: `{"url": "http://127.0.0.1/"}`,
	},
	"updateWebhookEndpoint": {
		viewer:  contoso,
		input:   `{"id": "webhook-endpoint/` + hookA + `", "url": "https://new.contoso.example/", "description": null, "eventTypes": ["FAILED"], "enabled": false}`,
		another: `{"id": "` + hookB + `", "enabled": false}`,
		refused: `{"id": "` + hookA + `", "url": "ftp://contoso.example"}`,
		repeats: true,
	},
	"rotateWebhookSecret": {
		viewer:  contoso,
		input:   `{"id": "webhook-endpoint/` + hookA + `"}`,
		another: `{"id": "` + hookB + `"}`,
		refused: `{"id": "nothing"}`,
		repeats: true,
	},
	"deleteWebhookEndpoint": {
		viewer:  contoso,
		input:   `{"id": "webhook-endpoint/` + hookA + `"}`,
		another: `{"id": "` + hookB + `"}`,
		refused: `{"id": "nothing"}`,
	},
	"redeliverNotification": {
		viewer:  contoso,
		input:   `{"id": "notification/` + noteA + `"}`,
		another: `{"id": "` + noteB + `"}`,
		refused: `{"id": "nothing"}`,
		repeats: true,
	},
	"createPrivateOffer": {
		viewer: contoso,
		input: `{"name": "Draft", "startMonth": "2024-11", "endMonth": "2025-01", "preparedBy": "anna@contoso.example", "notificationContacts": ["b@contoso.example"],
			"pricing": [{"scope": {"productId": "secret"}, "margin": {"percentage": "12.5"}}, {"scope": {"planId": "mail/basic"}, "margin": {"absolute": [
				{"market": "US", "currency": "USD", "term": "P1M", "billing": "MONTHLY", "unitPrice": "0.000000000000001"}, {"market": "US", "currency": "USD", "meterId": "emails", "unitPrice": 2}]}}],
			"resellers": [{"tenantId": "` + northwind + `", "customers": ["` + alpine + `"]}, {"tenantId": "` + tailspin + `"}]}`,
		another: `{"name": "Draft", "startMonth": null}`,
		refused: `{"name": "Draft", "pricing": [{"scope": {"productId": "secret"}, "margin": {"percentage": "101"}}]}`,
	},
	"updatePrivateOffer": {
		viewer:  contoso,
		input:   `{"id": "` + draftA + `", "version": 1, "name": "Renamed", "resellers": [{"tenantId": "` + tailspin + `"}]}`,
		another: `{"id": "` + draftA + `", "version": 2, "notificationContacts": null}`,
		refused: `{"id": "` + draftA + `", "version": 1, "pricing": [{"scope": {"productId": "secret"}, "margin": {"percentage": "0"}}]}`,
		stale:   `{"id": "` + draftA + `", "version": 1, "name": "Lost"}`,
	},
	"submitPrivateOffer": {
		viewer:  contoso,
		input:   `{"id": "` + draftA + `", "version": 1}`,
		another: `{"id": "` + draftB + `"}`,
		refused: `{"id": "` + draftEmpty + `"}`,
		stale:   `{"id": "` + draftEmpty + `", "version": 7}`,
	},
	"clonePrivateOffer": {
		viewer:  contoso,
		input:   `{"id": "` + offerID + `", "name": "Clone", "version": 2}`,
		another: `{"id": "` + draftA + `", "name": "Other"}`,
		refused: `{"id": "` + offerID + `", "name": "Project Blue"}`,
		stale:   `{"id": "` + offerID + `", "name": "Lost", "version": 1}`,
	},
	"withdrawPrivateOffer": {
		viewer:  contoso,
		input:   `{"id": "` + offerUnsold + `", "resellers": ["` + tailspin + `"], "version": 2}`,
		another: `{"id": "` + offerUnsold + `"}`,
		refused: `{"id": "` + offerID + `"}`, // sold
		stale:   `{"id": "` + offerUnsold + `", "version": 2}`,
	},
	"removePrivateOfferResellers": {
		viewer:  contoso,
		input:   `{"id": "` + offerUnsold + `", "resellers": ["` + tailspin + `"], "name": "Without", "version": 2}`,
		another: `{"id": "` + offerUnsold + `", "resellers": ["` + sakura + `"], "name": "Without both"}`,
		refused: `{"id": "` + offerUnsold + `", "resellers": [], "name": "Unsold"}`,
		stale:   `{"id": "` + offerUnsold + `", "resellers": ["` + sakura + `"], "name": "Lost", "version": 2}`,
	},
	"retryPrivateOffer": {
		viewer:  contoso,
		input:   `{"id": "` + offerFailed + `", "resellers": ["` + tailspin + `"], "version": 2}`,
		another: `{"id": "` + offerFailed + `"}`,
		refused: `{"id": "` + offerID + `"}`,
		stale:   `{"id": "` + offerFailed + `", "version": 2}`,
	},
	"importPrivateOffers": {
		viewer:  contoso,
		input:   `{"document": ` + strconv.Quote(`{"$schema":"https://schema.mp.microsoft.com/schema/configure/2022-07-01","resources":[`+documentOf("spring", "mail", "live")+`,`+documentOf("autumn", "nothing", "live")+`,1]}`) + `}`,
		another: `{"document": ` + strconv.Quote(documentOf("winter", "secret", "draft")) + `, "publisherId": "contoso"}`,
		refused: `{"document": ` + strconv.Quote(documentOf("autumn", "nothing", "live")) + `}`,
	},
	"deletePrivateOffer": {
		viewer:  contoso,
		input:   `{"id": "` + draftA + `", "version": 1}`,
		another: `{"id": "` + draftB + `", "version": 1}`,
		refused: `{"id": "` + offerID + `", "version": 2}`,
		stale:   `{"id": "` + draftB + `", "version": 7}`,
	},
	"recordPurchases": {
		viewer: operator,
		input: `{"purchases": [{"source": "shop", "externalId": "r", "occurredAt": "2024-10-02", "action": "RENEW", "subscriptionId": "secret-subscription"},
			{"source": "shop", "externalId": "bad", "occurredAt": "yesterday", "action": "RENEW", "subscriptionId": "secret-subscription"}]}`,
		another: `{"purchases": [{"source": "shop", "externalId": "c", "occurredAt": "2024-10-03", "action": "CANCEL_IMMEDIATE", "subscriptionId": "secret-subscription"}]}`,
		refused: `{"purchases": [{"source": "shop", "externalId": "r", "occurredAt": "2024-10-02", "action": "RENEW", "subscriptionId": "nothing"}]}`,
	},
	"recordUsage": {
		viewer:  contoso,
		input:   `{"records": [{"source": "probe", "externalId": "1", "occurredAt": "2024-09-05T01:02:03.456789Z", "subscriptionId": "secret-subscription", "meterId": "emails", "quantity": "1.50"}]}`,
		another: `{"records": [{"source": "probe", "externalId": "2", "occurredAt": "2024-09-05", "subscriptionId": "secret-subscription", "meterId": "emails", "quantity": 2}]}`,
		refused: `{"records": [{"source": "probe", "externalId": "1", "occurredAt": "2024-09-05", "subscriptionId": "secret-subscription", "meterId": "emails", "quantity": "-1"}]}`,
	},
	"recordCatalogue": {
		viewer:  operator,
		input:   `{"records": [{"publisher": {"id": "litware", "name": "Litware", "country": "US", "payoutCurrency": "USD"}}, {"plan": {"productId": "none", "id": "x", "title": "X", "pricingModel": "USAGE"}}]}`,
		another: `{"records": [{"publisher": {"id": "litware", "name": "Litware", "country": "US", "payoutCurrency": "USD", "enrolled": false}}]}`,
		refused: `{"records": [{"product": {"id": "new", "publisherId": "nobody", "title": "New", "type": "SAAS", "published": true, "public": true, "transactable": true, "cspOptIn": "ANY"}}]}`,
	},
}

// Every mutation that the schema has keeps what all of them promise: validated
// only, it changes nothing and answers as if it had; asked twice with one key, it
// happens once and answers the same; one key is for one input; refused, it leaves
// its key free; a key is its organisation's own; a stale version is CONFLICT.
func TestEveryMutation(t *testing.T) {
	a := newAsker(t)
	for _, field := range a.schema.Mutation.Fields {
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		sample, ok := samples[field.Name]
		if !ok {
			t.Errorf("there is no sample of mutation %s: add one to samples in mutations_test.go", field.Name)
			continue
		}
		t.Run(field.Name, func(t *testing.T) {
			storetest.Databases(t, func(t *testing.T, url string) {
				tryMutation(newTrial(t, url, a, field, sample))
			})
		})
	}
	for name := range samples {
		if a.schema.Mutation.Fields.ForName(name) == nil {
			t.Errorf("there is a sample of %s, which is no mutation", name)
		}
	}
}

func tryMutation(m *trial) {
	first := strings.Repeat("k ~", 85) // 255 bytes, the most
	keyed := with{key: &first}
	validated := with{key: &first, validateOnly: true}

	// Validated, refused and mistaken, it writes nothing, and the key is free.
	foreseen := m.unchanged("validated only", func() string { return m.ask(m.input, with{validateOnly: true}) })
	m.same("validated with a key", unnamed(m.unchanged("validated with a key", func() string { return m.ask(m.input, validated) })), unnamed(foreseen))
	for _, how := range []with{{}, keyed, validated} {
		if answer := m.unchanged("refused", func() string { return m.ask(m.refused, how) }); !refusal.MatchString(answer) {
			m.t.Errorf("the refused input is not refused: %s", answer)
		}
	}
	for _, key := range []string{"", "ä", "tab\t", first + "k"} {
		m.wants("INVALID_IDEMPOTENCY_KEY", m.unchanged("a bad key", func() string { return m.ask(m.input, with{key: &key}) }))
	}

	// With a key, it happens once and is answered the same, however it is asked.
	done := m.changed("done", func() string { return m.ask(m.input, keyed) })
	m.same("what was foreseen", unnamed(foreseen), unnamed(done))
	for what, again := range map[string]func() string{
		"asked again":            func() string { return m.ask(m.input, keyed) },
		"validated after it was": func() string { return m.ask(m.input, validated) },
		"asked by a literal":     func() string { return m.literally(m.input, keyed) },
		"asked by the header":    func() string { return m.ask(m.input, with{header: &first}) },
		"asked by both":          func() string { return m.ask(m.input, with{key: &first, header: &first}) },
	} {
		m.same(what, m.unchanged(what, again), done)
	}
	m.now = m.now.AddDate(0, 0, 6)
	m.same("days later", m.unchanged("days later", func() string { return m.ask(m.input, keyed) }), done)

	// One key is for one input.
	for _, input := range []string{m.another, m.refused} {
		for _, how := range []with{keyed, validated, {header: &first}} {
			m.wants("IDEMPOTENCY_CONFLICT", m.unchanged("another input", func() string { return m.ask(input, how) }))
		}
	}

	// The header is for one mutation, and agrees with the input.
	second, third := "second", "third"
	for what, answer := range map[string]func() string{
		"header and key differ": func() string { return m.ask(m.another, with{key: &third, header: &second}) },
		"two mutations": func() string {
			return m.send(m.document("a", m.another)+m.document("b", m.another), with{header: &second})
		},
	} {
		if got := m.unchanged(what, answer); !strings.Contains(got, `"BAD_USER_INPUT"`) {
			m.t.Errorf("%s: %s", what, got)
		}
	}
	if m.stale != "" {
		m.wants("CONFLICT", m.unchanged("a stale version", func() string { return m.ask(m.stale, with{key: &second}) }))
	}
	byHeader := m.changed("by the header", func() string { return m.ask(m.another, with{header: &second}) })
	m.same("by the key", m.unchanged("by the key", func() string { return m.ask(m.another, with{key: &second}) }), byHeader)

	// A key is its organisation's own.
	for _, other := range []models.Viewer{contoso, fabrikam, reseller, other, finance, operator} {
		if other == m.viewer || !m.may(other.Role, m.schema.Mutation, m.field) {
			continue
		}
		if answer := m.asked(other, m.input, keyed); strings.Contains(answer, "IDEMPOTENCY") || answer == done && !m.repeats {
			m.t.Errorf("%s %s meets the key of %s: %s", other.Role, other.Organization, m.viewer.Role, answer)
		}
	}
	m.same("after others came", m.unchanged("after others came", func() string { return m.ask(m.input, keyed) }), done)
}

// Two inputs are the same where the schema reads them the same, however they are
// spelled; a key is for one mutation.
func TestSpellingsOfOneInput(t *testing.T) {
	s := peopled(t)
	if outcome, err := s.market.RecordPrivateOffer(t.Context(), asSystem, models.PrivateOffer{ID: draftA, PublisherID: "contoso", Name: "A"}, false, nil); err != nil || len(outcome.Violations) > 0 {
		t.Fatal(outcome, err)
	}
	const litware = `{id: "litware", name: "Litware", country: "US", payoutCurrency: "USD"`
	record := func(publisher, more string) string {
		return `recordCatalogue(input: {records: [{publisher: ` + publisher + `}], idempotencyKey: "k"` + more + `}) { accepted userErrors { code } }`
	}
	const accepted, conflict = `{"accepted":1,"userErrors":[]}`, `"code":"IDEMPOTENCY_CONFLICT"`
	for _, c := range []struct{ query, variables, want string }{
		{"mutation { " + record(litware+"}", "") + " }", "", accepted},
		{"mutation { other: " + record(litware+", enrolled: true, accountActive: true}", ", validateOnly: false") + " }", "", accepted},
		{"mutation ($p: PublisherInput!, $v: Boolean!) { " + record("$p", ", validateOnly: $v") + " }", `{"v": true, "p": {"payoutCurrency": "USD", "country": "US", "name": "Litware", "id": "litware"}}`, accepted},
		{"mutation ($name: String = \"Litware\") { " + record(strings.Replace(litware, `"Litware"`, "$name", 1)+"}", "") + " }", "", accepted},
		{"mutation { " + record(litware+", enrolled: false}", "") + " }", "", conflict},
		{"mutation { " + record(strings.Replace(litware, "Litware", "litware", 1)+"}", "") + " }", "", conflict},
		{`mutation { createPrivateOffer(input: {name: "x", publisherId: "contoso", idempotencyKey: "k"}) { userErrors { code } } }`, "", conflict},
		{`mutation { createPrivateOffer(input: {name: "x", publisherId: "contoso", idempotencyKey: "n"}) { userErrors { code } } }`, "", `[]`},
		{`mutation { createPrivateOffer(input: {name: "x", publisherId: "contoso", endMonth: null, idempotencyKey: "n"}) { userErrors { code } } }`, "", conflict},
		{`mutation { updatePrivateOffer(input: {id: "` + draftA + `", version: 1, idempotencyKey: "m"}) { userErrors { code } } }`, "", `[]`},
		{`mutation { submitPrivateOffer(input: {id: "` + draftA + `", version: 1, idempotencyKey: "m"}) { userErrors { code } } }`, "", conflict},
	} {
		if answer := string(essence(s.ask(operator, c.query, c.variables))); !strings.Contains(answer, c.want) {
			t.Errorf("%s\n got %s\nwant %s", c.query, answer, c.want)
		}
	}
}

// A refusal as a whole, or of a record.
var refusal = regexp.MustCompile(`"(userErrors|errors)":\[\{`)

// unnamed is an answer without the ids that are made up for new things.
func unnamed(answer string) string { return madeUp.ReplaceAllString(answer, "an id") }

var madeUp = regexp.MustCompile(`"apiKeyId":"[a-z2-7]{16}"|api-key/[a-z2-7]{16}|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// trial is one mutation on a stage of its own.
type trial struct {
	*stage
	asker
	sample
	field *ast.FieldDefinition
	url   string
}

func newTrial(t *testing.T, url string, a asker, field *ast.FieldDefinition, sample sample) *trial {
	s := newStage(t, storetest.Open(t, url))
	s.people()
	for _, draft := range []models.PrivateOffer{
		{ID: draftA, Name: "A", Pricing: []models.PricingLine{{ProductID: "mail", Percentage: 1000}}, Resellers: []models.OfferReseller{{ResellerTenantID: northwind}}},
		{ID: draftB, Name: "B", Pricing: []models.PricingLine{{ProductID: "mail", Percentage: 2000}}, Resellers: []models.OfferReseller{{ResellerTenantID: tailspin}}},
		{ID: draftEmpty, Name: "Empty"},
	} {
		draft.PublisherID, draft.EndMonth = "contoso", models.NewMonth(2025, 6)
		if outcome, err := s.market.RecordPrivateOffer(t.Context(), asSystem, draft, false, nil); err != nil || len(outcome.Violations) > 0 {
			t.Fatal(outcome, err)
		}
	}
	for _, id := range []string{keyA, keyB} {
		key := models.APIKey{ID: id, Name: id, Role: contoso.Role, Organization: contoso.Organization, Scopes: models.LimitedTo(models.ScopeFactsRead), CreatedAt: s.now, ExpiresAt: s.now.AddDate(1, 0, 0)}
		if err := s.market.Store.Write(t.Context(), models.System, func(w *store.Writer) error { return w.CreateAPIKey(&key) }); err != nil {
			t.Fatal(err)
		}
	}
	s.hook(hookB)
	s.publish(offerUnsold, true)
	s.publish(offerFailed, false)
	s.note(noteB, offerUnsold)
	return &trial{s, a, sample, field, url}
}

// publish submits an offer of Contoso's for three resellers and lets the worker
// come, who can publish it or not.
func (s *stage) publish(id string, can bool) {
	s.t.Helper()
	program := func(in bool) {
		for tenant, kind := range map[string]string{northwind: "DIRECT_BILL", tailspin: "INDIRECT_PROVIDER", sakura: "DIRECT_BILL"} {
			s.importFile("catalogue", fmt.Sprintf(`{"kind":"reseller","tenantId":%q,"name":"R","type":%q,"country":"US","billingCurrency":"USD","inCspProgram":%t}`, tenant, kind, in))
		}
	}
	offer := models.PrivateOffer{ID: id, PublisherID: "contoso", Name: "Unsold", EndMonth: models.NewMonth(2025, 6),
		Pricing:   []models.PricingLine{{ProductID: "mail", Percentage: 100}},
		Resellers: []models.OfferReseller{{ResellerTenantID: northwind}, {ResellerTenantID: tailspin}, {ResellerTenantID: sakura}}}
	if outcome, err := s.market.RecordPrivateOffer(s.t.Context(), asSystem, offer, true, nil); err != nil || len(outcome.Violations) > 0 {
		s.t.Fatal(outcome, err)
	}
	program(can)
	if done, err := s.market.Work(s.t.Context()); err != nil || done.Published+done.Failed != 3 {
		s.t.Fatal(done, err)
	}
	program(true)
}

// with is how a mutation is asked for.
type with struct {
	key, header  *string
	validateOnly bool
}

// input adds the fields that say how to ask.
func (w with) input(t testing.TB, input string) json.RawMessage {
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(input), &object); err != nil {
		t.Fatalf("the sample %s: %v", input, err)
	}
	if w.key != nil {
		object["idempotencyKey"], _ = json.Marshal(*w.key)
	}
	if w.validateOnly {
		object["validateOnly"] = json.RawMessage("true")
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ask asks for the mutation with everything that its payload has.
func (m *trial) ask(input string, how with) string { return m.asked(m.viewer, input, how) }

func (m *trial) asked(viewer models.Viewer, input string, how with) string {
	m.t.Helper()
	query := "mutation ($input: " + m.field.Arguments[0].Type.String() + ") { " + m.field.Name + "(input: $input) " + m.payload(viewer.Role) + " }"
	return m.deliver(viewer, map[string]any{"query": query, "variables": map[string]any{"input": how.input(m.t, input)}}, how)
}

// payload selects everything that the answer holds. What comes in pages it does
// not hold: that is read when it is asked for.
func (m *trial) payload(role models.Role) string {
	kept := m.asker
	kept.kept = true
	return kept.below(role, m.schema.Types[m.field.Type.Name()])
}

// literally asks with the input written into the document.
func (m *trial) literally(input string, how with) string {
	m.t.Helper()
	return m.send(m.document(m.field.Name, string(how.input(m.t, input))), how)
}

func (m *trial) document(alias, input string) string {
	var value any
	decoder := json.NewDecoder(strings.NewReader(input))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		m.t.Fatal(err)
	}
	return alias + ": " + m.field.Name + "(input: " + m.literal(m.field.Arguments[0].Type, value) + ")" + m.payload(m.viewer.Role) + " "
}

func (m *trial) send(fields string, how with) string {
	m.t.Helper()
	return m.deliver(m.viewer, map[string]any{"query": "mutation { " + fields + "}"}, how)
}

func (m *trial) deliver(viewer models.Viewer, body map[string]any, how with) string {
	m.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		m.t.Fatal(err)
	}
	request := httptest.NewRequest("POST", "/graphql", bytes.NewReader(text))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+m.token(viewer))
	if how.header != nil {
		request.Header.Set("Idempotency-Key", *how.header)
	}
	recorder := httptest.NewRecorder()
	m.handler.ServeHTTP(recorder, request)
	return toldOnce.ReplaceAllString(string(essence(recorder.Body.Bytes())), `"secret":null`)
}

// toldOnce is what no answer repeats (TestAPIKeys and TestWebhookEndpoints look
// at it).
var toldOnce = regexp.MustCompile(`"secret":"(st_[a-z2-7_]+|whsec_[A-Za-z0-9+/=]+)"`)

// literal writes a JSON value as GraphQL does: names and enum values unquoted.
// What has a default, and a list of one, is written the shorter way.
func (m *trial) literal(of *ast.Type, value any) string {
	switch v := value.(type) {
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = m.literal(of.Elem, v[i])
		}
		if len(parts) == 1 {
			return parts[0]
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		fields := m.schema.Types[of.Name()].Fields
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+": "+m.literal(fields.ForName(name).Type, v[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case string:
		if m.schema.Types[of.Name()].Kind == ast.Enum {
			return v
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// unchanged and changed hold an answer to what was written meanwhile.
func (m *trial) unchanged(what string, ask func() string) string {
	m.t.Helper()
	answer, changes := m.watch(ask)
	if len(changes) > 0 {
		m.t.Errorf("%s: it answered %s and wrote\n%s", what, answer, strings.Join(changes, "\n"))
	}
	return answer
}

func (m *trial) changed(what string, ask func() string) string {
	m.t.Helper()
	answer, changes := m.watch(ask)
	kept := slices.ContainsFunc(changes, func(row string) bool { return strings.HasPrefix(row, "+ idempotency_keys:") })
	if len(changes) < 2 || !kept {
		m.t.Errorf("%s: it answered %s and wrote only %q, want a change and its key", what, answer, changes)
	}
	return answer
}

func (m *trial) watch(ask func() string) (answer string, changes []string) {
	m.t.Helper()
	before := storetest.Dump(m.t, m.url)
	answer = ask()
	return answer, storetest.Changes(before, storetest.Dump(m.t, m.url))
}

func (m *trial) same(what, got, want string) {
	m.t.Helper()
	if got != want {
		m.t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// wants holds an answer to one error of the whole input.
func (m *trial) wants(code, answer string) {
	m.t.Helper()
	var data map[string]struct {
		UserErrors []struct {
			Field   []string
			Code    string
			Message string
		}
	}
	if err := json.Unmarshal([]byte(answer), &data); err != nil {
		m.t.Errorf("%s: %v", answer, err)
		return
	}
	errors := data[m.field.Name].UserErrors
	field := map[string]string{"CONFLICT": "version"}[code]
	if field == "" {
		field = "idempotencyKey"
	}
	if len(errors) != 1 || errors[0].Code != code || !slices.Equal(errors[0].Field, []string{field}) || errors[0].Message == "" {
		m.t.Errorf("%s, want %s at %s alone", answer, code, field)
	}
}
