package graph_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"sellthrough/graph"
	"sellthrough/internal/money"
	"sellthrough/models"
	"sellthrough/schema"
)

const (
	northwind = "11111111-1111-4111-8111-111111111111" // the reseller whose things are looked for
	tailspin  = "22222222-2222-4222-8222-222222222222" // another one
	alpine    = "aaaaaaaa-0000-4000-8000-000000000001" // Northwind's customer
	offerID   = "01900000-0000-7000-8000-000000000001"
)

var (
	contoso   = models.Viewer{Role: models.RolePublisher, Organization: "contoso"}
	fabrikam  = models.Viewer{Role: models.RolePublisher, Organization: "fabrikam"}
	reseller  = models.Viewer{Role: models.RoleReseller, Organization: northwind}
	other     = models.Viewer{Role: models.RoleReseller, Organization: tailspin}
	finance   = models.Viewer{Role: models.RoleFinance}
	operator  = models.Viewer{Role: models.RoleOperator}
	strangers = []models.Viewer{fabrikam, other}
)

// What only the parties of the peopled stage may read. The figures occur
// nowhere else: list 1234.56, 10 % margin, wholesale 1111.10, fee 33.33, payout
// 1077.77.
var (
	offerSecrets  = []string{"Project Blue", "blue@contoso.example", "white@contoso.example"}
	feeSecrets    = []string{"33.33", "1077.77", `"0.03"`, "0.03 ×"}
	nameSecrets   = []string{"Alpine Ski House"}
	marketSecrets = []string{offerID, alpine, "secret-subscription", "1111.1", "123.46", "secret-usage", "Contoso Secret"}
	// Resellers are known to publishers, who pick them for offers.
	everySecret = slices.Concat(offerSecrets, feeSecrets, nameSecrets, marketSecrets)
)

// peopled is a stage on which Contoso has given Northwind a margin, and
// Northwind has sold.
func peopled(t testing.TB) *stage {
	t.Helper()
	s := empty(t)
	s.people()
	return s
}

func (s *stage) people() {
	s.t.Helper()
	t := s.t
	catalogue, err := os.ReadFile(scenarios + "/contoso.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	s.importFile("catalogue", string(catalogue)+`{"kind":"plan","productId":"secret","id":"own","title":"Own","pricingModel":"FLAT_RATE"}
{"kind":"price","productId":"mail","planId":"basic","term":"P1M","billing":"MONTHLY","market":"US","currency":"USD","unitPrice":"1234.56","effectiveFrom":"2024-09"}
`)
	ctx, live := context.Background(), models.PrivateOffer{
		ID: offerID, PublisherID: "contoso", Name: "Project Blue", PreparedBy: "blue@contoso.example",
		NotificationContacts: []string{"white@contoso.example"}, EndMonth: models.NewMonth(2024, time.December),
		Pricing:   []models.PricingLine{{Position: 1, ProductID: "mail", Percentage: money.Percentage(1000)}},
		Resellers: []models.OfferReseller{{ResellerTenantID: northwind}},
	}
	if outcome, err := s.market.RecordPrivateOffer(ctx, asSystem, live, true, nil); err != nil || len(outcome.Violations) > 0 {
		t.Fatal(outcome, err)
	}
	if _, err := s.market.Work(ctx); err != nil {
		t.Fatal(err)
	}
	s.hook(hookA)
	s.note(noteA, offerID)
	s.importFile("purchases", `{"source":"shop","external_id":"secret-purchase","occurred_at":"2024-09-02T00:00:00Z","action":"new","subscription_id":"secret-subscription","reseller_tenant_id":"`+northwind+`","customer_tenant_id":"`+alpine+`","product_id":"mail","plan_id":"basic","term":"P1M","billing":"MONTHLY","market":"US","currency":"USD"}`)
	s.importFile("usage", `{"source":"probe","external_id":"secret-usage","occurred_at":"2024-09-03T00:00:00Z","subscription_id":"secret-subscription","meter_id":"emails","quantity":"123.46"}`)
}

// arguments fill the root fields' arguments with what belongs to Contoso and
// Northwind. A field that is not here makes the tests below fail.
var arguments = map[string]string{
	"viewer": "", "apiKeys": "", "webhookEndpoints": "", "notifications": "", "products": "", "resellers": "", "customers": "", "subscriptions": "", "privateOffers": "", "billingPeriods": "",
	"node": `(id: "private-offer/` + offerID + `")`,
	"nodes": `(ids: ["publisher/contoso", "product/secret", "plan/secret/own", "reseller/` + northwind + `", "customer/` + northwind + "/" + alpine + `",
		"private-offer/` + offerID + `", "subscription/secret-subscription", "margin/` + offerID + "_1_" + northwind + `", "webhook-endpoint/` + hookA + `", "notification/` + noteA + `", "$line"])`,
	"privateOffer":     `(id: "` + offerID + `")`,
	"margins":          `(resellerTenantId: "` + northwind + `")`,
	"effectiveMargin":  `(resellerTenantId: "` + northwind + `", customer: "` + alpine + `", plan: "mail/basic", term: P1M, billing: MONTHLY, market: "US")`,
	"effectiveMargins": `(resellerTenantId: "` + northwind + `", lines: [{customer: "` + alpine + `", plan: "mail/basic", term: P1M, billing: MONTHLY, market: "US"}])`,
	"usage":            `(where: {subscriptionId: "secret-subscription"})`,
	"unratedFacts":     `(month: "2024-09")`,
	"billingLines":     `(month: "2024-09")`,
	"billingSummary":   `(month: "2024-09", groupBy: [MONTH, PUBLISHER, RESELLER, CUSTOMER, PRODUCT, PLAN, METER, PRIVATE_OFFER, CHARGE_TYPE])`,
	"payouts":          `(month: "2024-09")`,
	"payoutSummary":    `(month: "2024-09", groupBy: [RESELLER, CUSTOMER, PRIVATE_OFFER])`,
	"agencyFees":       `(month: "2024-09")`,
	"agencyFeeSummary": `(month: "2024-09", groupBy: [RESELLER, CUSTOMER, PRIVATE_OFFER])`,

	"createApiKey":                `(input: {name: "x", organization: "contoso", scopes: [FACTS_READ]})`,
	"revokeApiKey":                `(input: {id: "nothing"})`,
	"createWebhookEndpoint":       `(input: {url: "https://hooks.contoso.example", publisherId: "contoso"})`,
	"updateWebhookEndpoint":       `(input: {id: "` + hookA + `", enabled: false})`,
	"rotateWebhookSecret":         `(input: {id: "` + hookA + `"})`,
	"deleteWebhookEndpoint":       `(input: {id: "` + hookA + `"})`,
	"redeliverNotification":       `(input: {id: "` + noteA + `"})`,
	"createPrivateOffer":          `(input: {name: "x", publisherId: "contoso", pricing: [{scope: {productId: "secret"}, margin: {percentage: "1"}}]})`,
	"updatePrivateOffer":          `(input: {id: "` + offerID + `", version: 1, name: "x"})`,
	"submitPrivateOffer":          `(input: {id: "` + offerID + `"})`,
	"withdrawEligibility":         `(privateOfferId: "` + offerID + `")`,
	"clonePrivateOffer":           `(input: {id: "` + offerID + `", name: "x"})`,
	"withdrawPrivateOffer":        `(input: {id: "` + offerID + `"})`,
	"removePrivateOfferResellers": `(input: {id: "` + offerID + `", resellers: ["` + northwind + `"], name: "x"})`,
	"retryPrivateOffer":           `(input: {id: "` + offerID + `"})`,
	"importPrivateOffers":         `(input: {document: ` + strconv.Quote(documentOf("spring", "secret", "draft")) + `})`,
	"deletePrivateOffer":          `(input: {id: "` + offerID + `", version: 2})`,
	"recordUsage":                 `(input: {records: [{source: "x", externalId: "1", occurredAt: "2024-09-05", subscriptionId: "secret-subscription", meterId: "emails", quantity: "1"}]})`,
	"recordPurchases":             `(input: {purchases: [{source: "shop", externalId: "r", occurredAt: "2024-10-02", action: RENEW, subscriptionId: "secret-subscription"}]})`,
	"recordCatalogue":             `(input: {records: [{publisher: {id: "contoso", name: "Contoso", country: "US", payoutCurrency: "USD"}}]})`,
}

// asker writes requests for everything that a role may select.
type asker struct {
	schema *ast.Schema
	seen   map[string]graph.Visibility
	// kept leaves out what is read when it is asked for: pages, and warnings.
	kept bool
}

func newAsker(t testing.TB) asker {
	t.Helper()
	s, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: schema.Source()})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]graph.Visibility{}
	for _, row := range graph.PolicyTable(s) {
		seen[row.Type+"."+row.Field] = row
	}
	return asker{schema: s, seen: seen}
}

// everything selects every field of a type that the role may see, to the
// leaves.
func (a asker) everything(role models.Role, object *ast.Definition) string {
	var fields []string
	for _, field := range object.Fields {
		if strings.HasPrefix(field.Name, "__") || field.Name == "edges" || !a.may(role, object, field) || a.kept && (field.Arguments.ForName("first") != nil || field.Name == "warnings") {
			continue
		}
		fields = append(fields, field.Name+a.below(role, a.schema.Types[field.Type.Name()]))
	}
	return strings.Join(fields, " ")
}

func (a asker) below(role models.Role, object *ast.Definition) string {
	if object.IsLeafType() {
		return ""
	}
	return " { " + a.everything(role, object) + " }"
}

func (a asker) may(role models.Role, object *ast.Definition, field *ast.FieldDefinition) bool {
	row, known := a.seen[object.Name+"."+field.Name]
	return !known || slices.Contains(row.Roles, role)
}

// requests select everything below one root field; where the role may not see
// the field itself, as much as an operator would. What is behind an interface
// takes a request each.
func (a asker) requests(t testing.TB, role models.Role, operation string, root *ast.Definition, field *ast.FieldDefinition, line string) (requests []string) {
	t.Helper()
	filled, ok := arguments[field.Name]
	if !ok {
		t.Fatalf("policy_test.go does not know how to ask for %s: add it to arguments", field.Name)
	}
	if !a.may(role, root, field) {
		role = models.RoleOperator
	}
	start := operation + " { " + field.Name + strings.ReplaceAll(filled, "$line", line)
	target := a.schema.Types[field.Type.Name()]
	if target.Kind != ast.Interface {
		return []string{start + a.below(role, target) + " }"}
	}
	for _, implementor := range a.schema.PossibleTypes[target.Name] {
		if a.may(role, implementor, implementor.Fields.ForName("id")) {
			requests = append(requests, start+" { __typename ... on "+implementor.Name+a.below(role, implementor)+" } }")
		}
	}
	return requests
}

// reads asks for everything below a root field, and joins the answers.
func (a asker) reads(s *stage, viewer models.Viewer, operation string, root *ast.Definition, field *ast.FieldDefinition, line string) string {
	s.t.Helper()
	var read strings.Builder
	for _, request := range a.requests(s.t, viewer.Role, operation, root, field, line) {
		read.Write(s.ask(viewer, request, ""))
		read.WriteString("\n")
	}
	return read.String()
}

// roots visits every root field.
func (a asker) roots(visit func(operation string, root *ast.Definition, field *ast.FieldDefinition)) {
	for operation, root := range map[string]*ast.Definition{"query": a.schema.Query, "mutation": a.schema.Mutation} {
		for _, field := range root.Fields {
			if !strings.HasPrefix(field.Name, "__") {
				visit(operation, root, field)
			}
		}
	}
}

// aLine is the node id of a billing line of Northwind.
func aLine(t testing.TB, s *stage) string {
	t.Helper()
	return dig(t, essence(s.ask(operator, `{ billingLines(month: "2024-09") { nodes { id } } }`, "")), "billingLines.nodes.0.id")
}

// Every root field with every role, for somebody else's object: what the role
// may not ask for is FORBIDDEN, and what it may ask for holds nothing of it.
func TestEveryRootFieldForSomebodyElsesObject(t *testing.T) {
	a, s := newAsker(t), peopled(t)
	line := aLine(t, s)
	a.roots(func(operation string, root *ast.Definition, field *ast.FieldDefinition) {
		for _, viewer := range append(strangers, models.Viewer{}) {
			answer := a.reads(s, viewer, operation, root, field, line)
			switch {
			case viewer.Role == "":
				if !strings.Contains(answer, `"UNAUTHENTICATED"`) {
					t.Errorf("nobody asks for %s and gets %s", field.Name, answer)
				}
			case !a.may(viewer.Role, root, field):
				if !strings.Contains(answer, `"FORBIDDEN"`) {
					t.Errorf("a %s asks for %s and gets %s", viewer.Role, field.Name, answer)
				}
			default:
				for _, secret := range everySecret {
					// A refusal may repeat what was asked for.
					if strings.Contains(essentialData(answer), secret) && !strings.Contains(arguments[field.Name], secret) {
						t.Errorf("a %s asks for %s and reads %q in %s", viewer.Role, field.Name, secret, answer)
					}
				}
				if strings.Contains(answer, `"INTERNAL"`) {
					t.Errorf("a %s asks for %s: %s", viewer.Role, field.Name, answer)
				}
			}
		}
	})
}

// essentialData is the data of answers, without errors.
func essentialData(answers string) (data string) {
	decoder := json.NewDecoder(strings.NewReader(answers))
	for decoder.More() {
		var r struct{ Data json.RawMessage }
		if decoder.Decode(&r) != nil {
			return answers
		}
		data += string(r.Data)
	}
	return data
}

// Nothing above is vacuous: those who may do see it.
func TestThePartiesSeeTheirOwn(t *testing.T) {
	a, s := newAsker(t), peopled(t)
	line := aLine(t, s)
	for _, c := range []struct {
		viewer  models.Viewer
		secrets []string
	}{
		{contoso, slices.Concat(offerSecrets, feeSecrets, marketSecrets)},
		{reseller, slices.Concat(nameSecrets, marketSecrets[:len(marketSecrets)-1])}, // an unpublished product is the publisher's
		{finance, everySecret},
		{operator, everySecret},
	} {
		var read strings.Builder
		a.roots(func(operation string, root *ast.Definition, field *ast.FieldDefinition) {
			if operation == "query" && a.may(c.viewer.Role, root, field) {
				answer := a.reads(s, c.viewer, operation, root, field, line)
				read.WriteString(answer)
				if strings.Contains(answer, `"errors":[{`) {
					t.Errorf("a %s asks for %s: %s", c.viewer.Role, field.Name, answer)
				}
			}
		})
		for _, secret := range c.secrets {
			if !strings.Contains(read.String(), secret) {
				t.Errorf("a %s never reads %q", c.viewer.Role, secret)
			}
		}
	}
}

// Finance reads everything and changes nothing but its own API keys.
func TestFinanceIsReadOnly(t *testing.T) {
	a, s := newAsker(t), peopled(t)
	a.roots(func(operation string, root *ast.Definition, field *ast.FieldDefinition) {
		own := strings.HasSuffix(field.Name, "ApiKey") // its credentials are its own
		if a.may(finance.Role, root, field) != (operation == "query" || own) {
			t.Errorf("finance and %s %s", operation, field.Name)
		}
		if operation == "mutation" && !own {
			if answer := a.reads(s, finance, operation, root, field, ""); !strings.Contains(answer, `"FORBIDDEN"`) {
				t.Errorf("finance asks for %s and gets %s", field.Name, answer)
			}
		}
	})
}

// A reseller reads everything it may about its own margins and lines, and never
// an offer's name, a fee, a rate or a payout; its publisher reads no customer's
// name.
func TestSecretsBetweenTheParties(t *testing.T) {
	a, s := newAsker(t), peopled(t)
	line := aLine(t, s)
	for _, c := range []struct {
		viewer  models.Viewer
		secrets []string
	}{
		{reseller, slices.Concat(offerSecrets, feeSecrets)},
		{contoso, nameSecrets},
	} {
		a.roots(func(operation string, root *ast.Definition, field *ast.FieldDefinition) {
			if operation == "mutation" || !a.may(c.viewer.Role, root, field) {
				return
			}
			answer := a.reads(s, c.viewer, operation, root, field, line)
			for _, secret := range c.secrets {
				if strings.Contains(answer, secret) {
					t.Errorf("a %s asks for %s and reads %q in %s", c.viewer.Role, field.Name, secret, answer)
				}
			}
		})
	}
	// Nor can it find out by asking whether.
	for _, query := range []string{
		`{ node(id: "private-offer/` + offerID + `") { id } }`,
		`{ node(id: "private-offer/01900000-0000-7000-8000-00000000000f") { id } }`,
	} {
		if answer := essentialData(string(s.ask(reseller, query, ""))); answer != `{"node":null}` {
			t.Errorf("%s answers %s", query, answer)
		}
	}
}

// Selecting a field that the role may not see is refused wherever it stands:
// each such field of each type, by each way that leads to it.
func TestEveryHiddenFieldIsRefused(t *testing.T) {
	a, s := newAsker(t), peopled(t)
	line := aLine(t, s)
	for _, viewer := range []models.Viewer{contoso, reseller, finance} {
		a.roots(func(operation string, root *ast.Definition, field *ast.FieldDefinition) {
			if operation == "mutation" || !a.may(viewer.Role, root, field) {
				return
			}
			start := operation + " { " + field.Name + strings.ReplaceAll(arguments[field.Name], "$line", line)
			for _, way := range a.hidden(viewer.Role, a.schema.Types[field.Type.Name()]) {
				query := start + way + " }"
				if answer := string(s.ask(viewer, query, "")); !strings.Contains(answer, `"FORBIDDEN"`) {
					t.Errorf("a %s asks %s and gets %s", viewer.Role, query, answer)
				}
			}
		})
	}
}

// hidden are selections that lead to a field that the role may not see.
func (a asker) hidden(role models.Role, object *ast.Definition) (ways []string) {
	if object.IsLeafType() {
		return nil
	}
	for _, field := range object.Fields {
		target := a.schema.Types[field.Type.Name()]
		if !a.may(role, object, field) {
			ways = append(ways, " { "+field.Name+a.below(models.RoleOperator, target)+" }")
			continue
		}
		for _, way := range a.hidden(role, target) {
			ways = append(ways, " { "+field.Name+way+" }")
		}
	}
	for _, implementor := range a.schema.PossibleTypes[object.Name] {
		if object.Kind == ast.Interface {
			for _, way := range a.hidden(role, implementor) {
				ways = append(ways, " { ... on "+implementor.Name+way+" }")
			}
		}
	}
	return ways
}

// The table of who sees what, for people: testdata/policy.txt. -update writes
// it.
func TestPolicyTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("Fields that not every role may select, from the schema's @visible, or that need a\nscope of a credential that is limited to scopes, from its @scope.\n\n")
	fmt.Fprintf(&b, "%-46s PUBLISHER RESELLER FINANCE OPERATOR scope\n", "")
	for _, row := range graph.PolicyTable(newAsker(t).schema) {
		if len(row.Roles) == len(models.Roles) && row.Scope == "" {
			continue
		}
		fmt.Fprintf(&b, "%-46s", row.Type+"."+row.Field)
		for _, role := range models.Roles {
			mark := "-"
			if slices.Contains(row.Roles, role) {
				mark = "x"
			}
			fmt.Fprintf(&b, " %-*s", len(role), mark)
		}
		fmt.Fprintf(&b, " %s\n", cmp.Or(row.Scope, "-"))
	}
	got := b.String()
	const golden = "testdata/policy.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != got {
		t.Errorf("%s differs (%v): run with -update and read the diff\n%s", golden, err, got)
	}
}

// A root field without @visible is seen by nobody, so each carries it.
func TestEveryRootFieldIsVisibleToSomebody(t *testing.T) {
	a := newAsker(t)
	a.roots(func(_ string, root *ast.Definition, field *ast.FieldDefinition) {
		if len(a.seen[root.Name+"."+field.Name].Roles) == 0 {
			t.Errorf("%s.%s is visible to nobody: give it @visible", root.Name, field.Name)
		}
	})
}
