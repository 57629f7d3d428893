package graph_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/tools/txtar"

	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// The tenants of testdata/canaries.txtar.
const (
	wingtip  = "33333333-3333-4333-8333-333333333333" // buys through Tailspin
	sakura   = "44444444-4444-4444-8444-444444444444" // holds nothing: its offer failed
	bellows  = "bbbbbbbb-0000-4000-8000-000000000001"
	common   = "cccccccc-0000-4000-8000-000000000001" // a customer of Northwind and of Tailspin
	quiet    = "dddddddd-0000-4000-8000-000000000001"
	nobodys  = "eeeeeeee-0000-4000-8000-000000000001" // nothing has this id
	anOffer  = "01900000-0000-7000-8000-00000000000"  // and a digit
	aHook    = "01900000-0000-7000-8000-00000000001"  // and a digit
	aNote    = "01900000-0000-7000-8000-00000000002"  // and a digit
	noOffers = anOffer + "f"
)

// parties are everybody who asks, by the names that canaries.txtar and the
// golden table give them.
var parties = []struct {
	name   string
	viewer models.Viewer
}{
	{"contoso", contoso},
	{"fabrikam", fabrikam},
	{"newcomer", models.Viewer{Role: models.RolePublisher, Organization: "newcomer"}},
	{"northwind", reseller},
	{"tailspin", other},
	{"wingtip", models.Viewer{Role: models.RoleReseller, Organization: wingtip}},
	{"sakura", models.Viewer{Role: models.RoleReseller, Organization: sakura}},
	{"stranger", models.Viewer{Role: models.RoleReseller, Organization: nobodys}},
	{"finance", finance},
	{"operator", operator},
	{"nobody", models.Viewer{}},
}

// secret is a text that occurs once in the market, and who may read it; finance
// and operators may read everything.
type secret struct {
	text    string
	readers []string
}

func (s secret) readBy(party string) bool {
	return party == "finance" || party == "operator" || slices.Contains(s.readers, party)
}

// canaryMarket is a market in which every secret is a canary.
type canaryMarket struct {
	*stage
	asker
	secrets []secret
	objects map[string][]object // by kind
	cursors map[string]string   // an operator's, by root field
	as      models.Viewer       // who asks
}

func newCanaryMarket(t testing.TB, s *store.Store) *canaryMarket {
	t.Helper()
	archive, err := txtar.ParseFile("../testdata/canaries.txtar")
	if err != nil {
		t.Fatal(err)
	}
	m := &canaryMarket{stage: newStage(t, s), asker: newAsker(t), cursors: map[string]string{}, as: operator}
	told := &story{stage: m.stage}
	for _, section := range archive.Files {
		body := string(section.Data)
		if section.Name == "canaries" {
			m.secrets = readSecrets(t, body)
		} else if got, ok := told.step(section.Name, body); ok && got != body {
			t.Fatalf("%s: %s, not %s", section.Name, got, body)
		}
	}
	key := models.APIKey{ID: "canarycanarykeya", Name: "canary-key", Role: models.RoleFinance, Scopes: models.LimitedTo(models.ScopeFactsRead), CreatedAt: m.now, ExpiresAt: m.now.AddDate(1, 0, 0)}
	if err := s.Write(t.Context(), models.System, func(w *store.Writer) error { return w.CreateAPIKey(&key) }); err != nil {
		t.Fatal(err)
	}
	m.objects = m.named()
	for i, endpoint := range []models.WebhookEndpoint{
		{ID: aHook + "1", PublisherID: "contoso", URL: "https://canary-webhook-contoso.example/", Description: "canary-webhook-of-contoso"},
		{ID: aHook + "2", PublisherID: "fabrikam", URL: "https://canary-webhook-fabrikam.example/", Description: "canary-webhook-of-fabrikam"},
	} {
		endpoint.CreatedAt, endpoint.UpdatedAt, endpoint.Secret, endpoint.PreviousSecret = m.now, m.now, "canary-webhook-secret", "canary-webhook-previous"
		if err := s.Write(t.Context(), models.System, func(w *store.Writer) error { return w.CreateWebhook(&endpoint) }); err != nil {
			t.Fatal(err)
		}
		m.objects["webhook-endpoint"] = append(m.objects["webhook-endpoint"], object{"webhook-endpoint/" + endpoint.ID, endpoint.PublisherID, "", "webhook-endpoint/" + aHook + strconv.Itoa(8+i)})
	}
	for i, offer := range []string{anOffer + "1", anOffer + "4"} {
		id := aNote + strconv.Itoa(i+1)
		m.note(id, offer)
		m.objects["notification"] = append(m.objects["notification"], object{"notification/" + id, []string{"contoso", "fabrikam"}[i], "", "notification/" + aNote + strconv.Itoa(8+i)})
	}
	m.objects["api-key"] = []object{{"api-key/" + key.ID, "", "", "api-key/canarycanarykeyb"}}
	m.roots(func(operation string, root *ast.Definition, field *ast.FieldDefinition) {
		if m.connection(field) {
			question := m.question(field, "first: 1")
			m.cursors[field.Name] = dig(t, essence(m.ask(operator, "{ "+question+" { pageInfo { endCursor } } }", "")), field.Name+".pageInfo.endCursor")
		}
	})
	return m
}

func readSecrets(t testing.TB, body string) (secrets []secret) {
	t.Helper()
	for line := range strings.Lines(body) {
		readers, text, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if !ok {
			t.Fatalf("%q does not say who may read what", line)
		}
		secrets = append(secrets, secret{text, strings.Fields(readers)})
	}
	return secrets
}

// object is something that an argument can name.
type object struct {
	id string // the node id
	// sees are the parties that may see it, knows those in whose rows it is
	// named besides.
	sees, knows string
	// twin is an id as long, of nothing.
	twin string
}

func (o object) seenBy(party string) bool {
	return party == "finance" || party == "operator" || slices.Contains(strings.Fields(o.sees), party)
}

func (o object) knownTo(party string) bool {
	return o.seenBy(party) || slices.Contains(strings.Fields(o.knows), party)
}

const resellers = "northwind tailspin wingtip sakura stranger"

// named are the objects of the market, with who may see them: what the tables of
// these tests rest on. Those in quotes nobody has.
func (m *canaryMarket) named() map[string][]object {
	guid := func(kind, id, sees, knows string) object {
		return object{kind + "/" + id, sees, knows, kind + "/" + id[:len(id)-1] + "f"}
	}
	objects := map[string][]object{
		"publisher": {{"publisher/contoso", "contoso " + resellers, "", "publisher/nothing"}, {"publisher/fabrikam", "fabrikam " + resellers, "", "publisher/nobodies"}},
		"reseller": {
			guid("reseller", northwind, "northwind contoso fabrikam newcomer", ""), guid("reseller", tailspin, "tailspin contoso fabrikam newcomer", ""),
			guid("reseller", wingtip, "wingtip contoso fabrikam newcomer", "tailspin"), guid("reseller", sakura, "sakura contoso fabrikam newcomer", ""),
		},
		"customer": {
			guid("customer", northwind+"/"+alpine, "northwind contoso", ""), guid("customer", tailspin+"/"+bellows, "tailspin contoso fabrikam", ""),
			// Who knows the tenant by one reseller, knows it.
			guid("customer", northwind+"/"+common, "northwind contoso", "tailspin fabrikam"),
			guid("customer", tailspin+"/"+common, "tailspin fabrikam", "northwind contoso"),
			guid("customer", sakura+"/"+quiet, "sakura", ""),
		},
		"private-offer": {
			guid("private-offer", anOffer+"1", "contoso", "northwind"), guid("private-offer", anOffer+"2", "contoso", "tailspin"),
			guid("private-offer", anOffer+"3", "contoso", "northwind"), guid("private-offer", anOffer+"4", "fabrikam", "tailspin"),
			guid("private-offer", anOffer+"5", "contoso", ""), guid("private-offer", anOffer+"6", "fabrikam", ""),
			guid("private-offer", anOffer+"7", "contoso", "northwind"),
		},
	}
	for _, p := range []struct{ id, sees, twin string }{
		{"mail", "contoso " + resellers, "none"}, {"maps", "fabrikam " + resellers, "none"}, {"hidden", "contoso", "no-one"},
		{"attic", "fabrikam", "xxxxx"}, {"retired", "contoso northwind", "nothing"},
	} {
		objects["product"] = append(objects["product"], object{"product/" + p.id, p.sees, "", "product/" + p.twin})
		objects["plan"] = append(objects["plan"], object{"plan/" + p.id + "/basic", p.sees, "", "plan/" + p.twin + "/basic"})
		objects["meter"] = append(objects["meter"], object{"meter/" + p.id + "/calls", p.sees, "", "meter/" + p.id + "/xxxxx"})
	}
	lines := essence(m.ask(operator, `{ billingLines(month: "2024-09") { nodes { id subscriptionId } } }`, ""))
	for i, s := range []struct{ id, sees string }{
		{"northwind", "contoso northwind"}, {"northwind", "contoso northwind"}, {"retired", "contoso northwind"}, {"shared", "fabrikam tailspin"},
		{"tailspin", "fabrikam tailspin"}, {"tailspin", "fabrikam tailspin"}, {"wingtip", "contoso tailspin"}, {"wingtip", "contoso tailspin"},
	} {
		id := "subscription/canary-subscription-" + s.id
		if known := objects["subscription"]; len(known) == 0 || known[len(known)-1].id != id {
			objects["subscription"] = append(known, object{id, s.sees, "", id[:len(id)-2] + "xx"})
		}
		place := fmt.Sprintf("billingLines.nodes.%d.", i)
		if got := dig(m.t, lines, place+"subscriptionId"); "subscription/"+got != id {
			m.t.Fatalf("line %d is of %s, not of %s", i, got, id)
		}
		line := dig(m.t, lines, place+"id")
		objects["billing-line"] = append(objects["billing-line"], object{line, s.sees, "", line[:len(line)-4] + "0000"})
	}
	// Drafts and failures give nobody a margin, nor does an offer for another.
	for _, x := range []struct{ offer, tenant, sees string }{
		{"1", northwind, "northwind"}, {"2", tailspin, "tailspin"}, {"3", northwind, "northwind"}, {"4", tailspin, "tailspin"}, {"7", northwind, "northwind"},
		{"3", sakura, "'"}, {"5", northwind, "'"}, {"1", tailspin, "'"},
	} {
		o := object{"margin/" + anOffer + x.offer + "_1_" + x.tenant, x.sees, "", "margin/" + noOffers + "_1_" + x.tenant}
		objects["margin"] = append(objects["margin"], o)
	}
	return objects
}

// kindOf says what an argument of type ID names, by Input.field or by the
// argument's name. "" names nothing of ours.
var kindOf = map[string]string{
	"publisherId": "publisher", "productId": "product", "plan": "plan", "planId": "plan", "meter": "meter", "meterId": "meter",
	"resellerTenantId": "reseller", "indirectResellerTenantId": "reseller", "customer": "customer", "customers": "customer",
	"customerTenantId": "customer", "subscriptionId": "subscription", "privateOfferId": "private-offer",
	"ProductWhere.ids": "product", "ResellerWhere.tenantIds": "reseller", "CustomerWhere.tenantIds": "customer",
	"PrivateOfferWhere.ids": "private-offer", "SubscriptionWhere.ids": "subscription", "PrivateOfferResellerInput.tenantId": "reseller",
	"UpdatePrivateOfferInput.id": "private-offer", "SubmitPrivateOfferInput.id": "private-offer", "privateOffer.id": "private-offer",
	"ClonePrivateOfferInput.id": "private-offer", "WithdrawPrivateOfferInput.id": "private-offer", "RemovePrivateOfferResellersInput.id": "private-offer",
	"RetryPrivateOfferInput.id": "private-offer", "DeletePrivateOfferInput.id": "private-offer",
	"withdrawEligibility.resellers": "reseller", "WithdrawPrivateOfferInput.resellers": "reseller", "RemovePrivateOfferResellersInput.resellers": "reseller",
	"RetryPrivateOfferInput.resellers": "reseller",
	"organization":                     "publisher", "ApiKeyWhere.ids": "api-key", "RevokeApiKeyInput.id": "api-key",
	"WebhookEndpointWhere.ids": "webhook-endpoint", "UpdateWebhookEndpointInput.id": "webhook-endpoint", "RotateWebhookSecretInput.id": "webhook-endpoint",
	"DeleteWebhookEndpointInput.id": "webhook-endpoint", "NotificationWhere.ids": "notification", "RedeliverNotificationInput.id": "notification",
	"node.id": "any", "nodes.ids": "any", "externalId": "",
}

// objectsOf are those that an argument can name.
func (m *canaryMarket) objectsOf(owner, name string) []object {
	m.t.Helper()
	kind, known := kindOf[owner+"."+name]
	if !known {
		kind, known = kindOf[name]
	}
	switch {
	case !known:
		m.t.Fatalf("%s.%s names something by its id: say in kindOf of canary_test.go what, and add objects of a new kind to named", owner, name)
	case kind == "any":
		var all []object
		for _, kind := range slices.Sorted(maps.Keys(m.objects)) {
			all = append(all, m.objects[kind]...)
		}
		return all
	}
	return m.objects[kind]
}

func (m *canaryMarket) connection(field *ast.FieldDefinition) bool {
	return strings.HasSuffix(field.Type.Name(), "Connection")
}

// givens are values for arguments that must be given, by name or by type.
var givens = map[string]string{
	"url": `"https://x.example"`, "month": `"2024-09"`, "unratedFacts.month": `"2024-10"`, "market": `"US"`, "name": `"x"`, "plan": `"mail/basic"`, "planId": `"plan/mail/basic"`, "productId": `"mail"`,
	"subscriptionId": `"canary-subscription-northwind"`, "meterId": `"calls"`, "privateOffer.id": `"` + anOffer + `1"`, "privateOfferId": `"` + anOffer + `1"`, "node.id": `"product/mail"`, "nodes.ids": `["product/mail"]`,
	"tenantId": `"` + northwind + `"`, "RemovePrivateOfferResellersInput.resellers": `["` + northwind + `"]`, "id": `"` + anOffer + `5"`, "source": `"probe"`, "externalId": `"1"`, "percentage": `"1"`,
	"occurredAt": `"2024-09-05"`, "quantity": `"1"`, "currency": "\"USD\"", "unitPrice": `"1"`, "version": "1",
	"document": strconv.Quote(documentOf("canary", "calls", "draft")),
}

// sample is a value for an argument.
func (m *canaryMarket) sample(owner string, name string, of *ast.Type) string {
	m.t.Helper()
	if text, ok := givens[owner+"."+name]; ok {
		return text
	}
	if text, ok := givens[name]; ok {
		return text
	}
	if of.Elem != nil {
		return "[" + m.sample(owner, name, of.Elem) + "]"
	}
	switch definition := m.schema.Types[of.Name()]; definition.Kind {
	case ast.InputObject:
		return "{" + m.required(definition.Name, fieldsOf(definition), "") + "}"
	case ast.Enum:
		return definition.EnumValues[0].Name
	}
	m.t.Fatalf("%s.%s must be given: add a value to givens of canary_test.go", owner, name)
	return ""
}

// argument is an argument of a field, or a field of an input.
type argument struct {
	name    string
	of      *ast.Type
	needed  bool
	instead bool // one of those of which one is needed
}

func argumentsOf(field *ast.FieldDefinition) (list []argument) {
	for _, a := range field.Arguments {
		list = append(list, argument{a.Name, a.Type, a.Type.NonNull && a.DefaultValue == nil, false})
	}
	return list
}

func fieldsOf(input *ast.Definition) (list []argument) {
	for i, f := range input.Fields {
		one := input.Directives.ForName("oneOf") != nil
		list = append(list, argument{f.Name, f.Type, f.Type.NonNull && f.DefaultValue == nil || one && i == 0, one})
	}
	return list
}

// required fills the arguments that must be given, but one.
func (m *canaryMarket) required(owner string, list []argument, but string) string {
	m.t.Helper()
	instead := slices.ContainsFunc(list, func(a argument) bool { return a.name == but && a.instead })
	var given []string
	for _, a := range list {
		if a.needed && a.name != but && !instead {
			given = append(given, a.name+": "+m.sample(owner, a.name, a.of))
		}
	}
	return strings.Join(given, ", ")
}

// question is a root field with what it needs and an argument besides.
func (m *canaryMarket) question(field *ast.FieldDefinition, given string) string {
	m.t.Helper()
	name, _, _ := strings.Cut(given, ":")
	list := m.required(field.Name, argumentsOf(field), name)
	// Who holds no margins itself says whose it asks for.
	if m.as.SeesEverything() && field.Arguments.ForName("resellerTenantId") != nil && name != "resellerTenantId" {
		list = strings.TrimPrefix(list+`, resellerTenantId: "`+tailspin+`"`, ", ")
	}
	switch {
	case list != "" && given != "":
		list += ", " + given
	case list == "":
		list = given
	}
	if list == "" {
		return field.Name
	}
	return field.Name + "(" + list + ")"
}

// hole is a place in a question where an id goes.
type hole struct {
	path    string // where.publisherId
	objects []object
	given   string // where: {publisherId: "$id"}
}

const holeMark = `"$id"`

// holes are the places in the arguments of a field, or the fields of an input,
// that name an object.
func (m *canaryMarket) holes(owner string, list []argument) (found []hole) {
	m.t.Helper()
	for _, a := range list {
		definition := m.schema.Types[a.of.Name()]
		var inside []hole
		switch {
		case definition.Name == "ID":
			if objects := m.objectsOf(owner, a.name); objects != nil {
				inside = []hole{{a.name, objects, holeMark}}
			}
		case definition.Kind == ast.InputObject:
			fields := fieldsOf(definition)
			for _, h := range m.holes(definition.Name, fields) {
				name, _, _ := strings.Cut(h.path, ".")
				given := strings.Join(slices.DeleteFunc([]string{m.required(definition.Name, fields, name), h.given}, func(s string) bool { return s == "" }), ", ")
				inside = append(inside, hole{a.name + "." + h.path, h.objects, "{" + given + "}"})
			}
		}
		for _, h := range inside {
			if a.of.Elem != nil {
				h.given = "[" + h.given + "]"
			}
			h.given = a.name + ": " + h.given
			found = append(found, h)
		}
	}
	return found
}

// values are literals for an argument, as different as they come.
func (m *canaryMarket) values(root, owner string, a argument) (literals []string) {
	m.t.Helper()
	definition := m.schema.Types[a.of.Name()]
	switch {
	case definition.Kind == ast.Enum:
		for _, value := range definition.EnumValues {
			literals = append(literals, value.Name)
		}
	case definition.Kind == ast.InputObject:
		fields := fieldsOf(definition)
		for _, f := range fields {
			for _, value := range m.values(root, definition.Name, f) {
				given := strings.Join(slices.DeleteFunc([]string{m.required(definition.Name, fields, f.name), f.name + ": " + value}, func(s string) bool { return s == "" }), ", ")
				literals = append(literals, "{"+given+"}")
			}
		}
	case definition.Name == "ID":
		for _, o := range m.objectsOf(owner, a.name) {
			literals = append(literals, strconv.Quote(o.id))
		}
	case definition.Name == "Boolean":
		literals = []string{"true", "false"}
	case definition.Name == "Int":
		literals = []string{"1", "100"}
	case a.name == "toMonth":
		literals = []string{`"2024-09"`}
	case definition.Name == "Month":
		literals = []string{`"2024-09"`, `"2024-10"`}
	case definition.Name == "DateTime":
		literals = []string{`"2024-08-15"`, `"2024-09-15"`}
	case definition.Name == "CurrencyCode":
		literals = []string{`"USD"`}
	case a.name == "after" || a.name == "before":
		literals = []string{strconv.Quote(m.cursors[root])}
	default:
		literals = []string{`"US"`, `"canary"`, `"nothing"`}
	}
	if a.of.Elem != nil {
		for i := range literals {
			literals[i] = "[" + literals[i] + "]"
		}
		literals = append(literals, "[]")
	}
	return literals
}

// maximal selects all that the role may see of a type, nodes and edges, to the
// leaves: one selection, or one for each type behind an interface, whose fields
// would not agree.
func (m *canaryMarket) maximal(role models.Role, object *ast.Definition) (selections []string) {
	switch {
	case object.IsLeafType():
		return []string{""}
	case object.Kind == ast.Interface:
		for _, behind := range m.schema.PossibleTypes[object.Name] {
			if m.may(role, behind, behind.Fields.ForName("id")) {
				selections = append(selections, " { __typename id ... on "+behind.Name+m.maximal(role, behind)[0]+" }")
			}
		}
		return selections
	}
	fields := []string{"__typename"}
	for _, field := range object.Fields {
		if !strings.HasPrefix(field.Name, "__") && m.may(role, object, field) {
			fields = append(fields, field.Name+m.maximal(role, m.schema.Types[field.Type.Name()])[0])
		}
	}
	return []string{" { " + strings.Join(fields, " ") + " }"}
}

// watch looks for canaries in what a party got. What the request itself held
// may come back.
type watch struct {
	*canaryMarket
	party string
	sung  map[string]bool
}

func (w *watch) look(request string, answer []byte) {
	w.t.Helper()
	for _, s := range w.secrets {
		if !bytes.Contains(answer, []byte(s.text)) || strings.Contains(request, strings.Trim(s.text, `"`)) {
			continue
		}
		if !s.readBy(w.party) && !w.sung[s.text] {
			w.t.Errorf("%s asks %s\nand reads %s in %s", w.party, request, s.text, answer)
		}
		w.sung[s.text] = true
	}
	if bytes.Contains(answer, []byte(`"INTERNAL"`)) {
		w.t.Errorf("%s asks %s\nand gets %s", w.party, request, answer)
	}
}

// Every party asks every query that it may ask, with every argument, value of
// an enum, order, filter and object there is, for everything that it may select:
// it reads the secrets that are its own, all of them, and no other.
func TestCanaries(t *testing.T) {
	for _, p := range parties {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			m := newCanaryMarket(t, storetest.Open(t, storetest.Database(t, "sqlite")))
			m.as = p.viewer
			w := &watch{m, p.name, map[string]bool{}}
			for _, field := range m.schema.Query.Fields {
				if strings.HasPrefix(field.Name, "__") {
					continue
				}
				role := p.viewer.Role
				if !m.may(role, m.schema.Query, field) {
					role = models.RoleOperator
				}
				selections := m.maximal(role, m.schema.Types[field.Type.Name()])
				for _, question := range m.questions(field) {
					for _, selection := range selections {
						query := "{ " + question + selection + " }"
						w.look(query, m.ask(p.viewer, query, ""))
					}
				}
			}
			for _, s := range m.secrets {
				if s.readBy(p.name) != w.sung[s.text] && p.name != "nobody" {
					t.Errorf("%s may read %s: %v, and does: %v", p.name, s.text, s.readBy(p.name), w.sung[s.text])
				}
			}
		})
	}
}

// questions ask one thing in every way.
func (m *canaryMarket) questions(field *ast.FieldDefinition) []string {
	m.t.Helper()
	asked := []string{m.question(field, "")}
	for _, a := range argumentsOf(field) {
		for _, value := range m.values(field.Name, field.Name, a) {
			asked = append(asked, m.question(field, a.name+": "+value))
		}
	}
	return asked
}

// A text that is looked for finds nothing that its viewer may not read: the
// answer for a canary is, to the byte, that for a text of nothing.
func TestSearchTellsNothing(t *testing.T) {
	m := newCanaryMarket(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	searched := 0
	for _, field := range m.schema.Query.Fields {
		if !m.connection(field) {
			continue // a quote names its market, and looks for nothing
		}
		for _, a := range argumentsOf(field) {
			where := m.schema.Types[a.of.Name()]
			if where.Kind != ast.InputObject {
				continue
			}
			for _, f := range fieldsOf(where) {
				if f.of.Name() != "String" {
					continue
				}
				form := "%s"
				if f.of.Elem != nil {
					form = "[%s]"
				}
				searched++
				for _, p := range parties {
					m.as = p.viewer
					if !m.may(p.viewer.Role, m.schema.Query, field) {
						continue
					}
					find := func(text string) []byte {
						return m.ask(p.viewer, "{ "+m.question(field, a.name+": {"+f.name+": "+fmt.Sprintf(form, strconv.Quote(text))+"}")+" { totalCount nodes { __typename } pageInfo { hasNextPage endCursor } } }", "")
					}
					nothing := find("there is no such text")
					for _, s := range m.secrets {
						if text := strings.Trim(s.text, `"`); !s.readBy(p.name) && !bytes.Equal(find(text), nothing) {
							t.Errorf("%s looks in %s.%s for %s: %s, not %s", p.name, field.Name, f.name, text, find(text), nothing)
						}
					}
				}
			}
		}
	}
	if searched < 4 {
		t.Errorf("only %d texts can be looked for", searched)
	}
	if found := string(m.ask(contoso, `{ privateOffers(where: {text: "canary-name-blue"}) { totalCount } }`, "")); !strings.Contains(found, `"totalCount":1`) {
		t.Errorf("its own offer is not found: %s", found)
	}
}

// What is broken on purpose is answered without a word of what is there.
func TestBrokenRequestsTellNothing(t *testing.T) {
	m := newCanaryMarket(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	long := strings.Repeat("9", 2000)
	for _, p := range parties {
		m.as = p.viewer
		w := &watch{m, p.name, map[string]bool{}}
		ask := func(query string) { w.look(query, m.ask(p.viewer, query, "")) }
		for _, field := range m.schema.Query.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			leaf := " { __typename }"
			for _, h := range m.holes(field.Name, argumentsOf(field)) {
				kind, _, _ := strings.Cut(h.objects[0].id, "/")
				for _, id := range []string{
					"", "/", kind + "/", kind + "//", kind + "/%", kind + "/\x00", kind + "/' OR 1=1 --", kind + "/" + long, kind + "/_1_", "*", kind + "/" + strings.ToUpper(northwind),
					kind + "/../" + kind, "billing-line/2024-09/%", "billing-line/2024-09/", "billing-line/9999-99/0", "margin/__", "customer/" + northwind + "/",
				} {
					ask("{ " + m.question(field, strings.ReplaceAll(h.given, holeMark, strconv.Quote(id))) + leaf + " }")
				}
			}
			if m.connection(field) {
				for _, cursor := range []string{"", "x", "AQ", m.cursors[field.Name] + "A", m.cursors[field.Name][2:], long} {
					ask("{ " + m.question(field, "after: "+strconv.Quote(cursor)) + leaf + " }")
				}
			}
			ask("{ " + field.Name + " }")
			ask("{ " + field.Name + "(none: 1)" + leaf + " }")
			ask("{ " + m.question(field, "") + " { none } }")
			ask("{ " + m.question(field, "") + " { ... on PrivateOffer { name } } }")
		}
		for _, query := range []string{
			"", "{", "{ canary }", "query { __schema { canary } }", `{ __type(name: "PrivateOffer") { fields { name defaultValue } } }`,
			"mutation { canary }", "subscription { privateOffers }", `{ node(id: 1) { ... on PrivateOffer { name } } }`, "fragment f on PrivateOffer { name } { ...f }",
			`query ($id: ID!) { node(id: $id) { id } }`, "\x00", "{ a:a }", "{ privateOffers { nodes { name } }",
		} {
			ask(query)
		}
	}
}

// A cursor is of its viewer's list: that of another organisation is refused as
// one that was made up.
func TestCursorOfAnotherViewer(t *testing.T) {
	m := newCanaryMarket(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	for _, field := range m.schema.Query.Fields {
		for _, p := range parties {
			if !m.connection(field) || !m.may(p.viewer.Role, m.schema.Query, field) {
				continue
			}
			m.as = p.viewer
			ask := func(cursor string) string {
				return string(m.ask(p.viewer, "{ "+m.question(field, "after: "+strconv.Quote(cursor))+" { totalCount } }", ""))
			}
			refused := ask("AQ")
			if got := ask(m.cursors[field.Name]); p.name != "operator" && got != refused {
				t.Errorf("%s goes on with an operator's cursor in %s: %s, not %s", p.name, field.Name, got, refused)
			} else if p.name == "operator" && strings.Contains(got, `"errors"`) {
				t.Errorf("its own cursor in %s is refused: %s", field.Name, got)
			}
		}
	}
}

// What cannot be rated keeps back the reports of its parties only, and is named
// to nobody else.
func TestUnratedFactsOfOthers(t *testing.T) {
	m := newCanaryMarket(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	for _, p := range parties {
		for _, field := range []string{"billingLines", "billingSummary", "payouts", "agencyFees"} {
			if !m.may(p.viewer.Role, m.schema.Query, m.schema.Query.Fields.ForName(field)) {
				continue
			}
			answer := string(m.ask(p.viewer, "{ "+field+`(month: "2024-10") { totalCount } }`, ""))
			party := slices.Contains([]string{"contoso", "northwind", "finance", "operator"}, p.name)
			if strings.Contains(answer, `"UNRATED_FACTS"`) != party || strings.Contains(answer, "unpriced") != party {
				t.Errorf("%s asks for %s of a month with a fact of contoso and northwind that cannot be rated: %s", p.name, field, answer)
			}
		}
	}
}

// The lists of margins that are no GraphQL tell nobody what is another's either.
func TestDocumentsTellNothing(t *testing.T) {
	m := newCanaryMarket(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	told := map[string]int{}
	for _, p := range parties {
		for _, path := range []string{"/v1/margins?", "/v1/margins?pageSize=1&", "/v1/margins/download?country=US&", "/v1/margins/download?country=US&format=jsonl&"} {
			for _, more := range []string{"", "resellerTenantId=" + northwind, "resellerTenantId=" + tailspin, "customerId=" + bellows, "text=canary"} {
				body := string(m.get(p.viewer, path+"status=scheduled,live,ended,withdrawn&"+more))
				for _, s := range m.secrets {
					switch text := strings.Trim(s.text, `"`); {
					case !strings.Contains(body, text) || strings.Contains(more, text):
					case s.readBy(p.name):
						told[p.name]++
					default:
						t.Errorf("%s reads %s in %s%s: %s", p.name, text, path, more, body)
					}
				}
			}
		}
	}
	for _, name := range []string{"northwind", "tailspin", "finance", "operator"} {
		if told[name] == 0 {
			t.Errorf("%s is told nothing of its own", name)
		}
	}
}
