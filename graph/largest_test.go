package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// largest is an offer at the limits (D10): 400 resellers, each for 25 customers,
// and 10 pricing lines, of products that must all be opted in.
type largest struct {
	*stage
	wire *wire
	id   string
	// statements are those of the step that was taken last.
	statements int
}

func newLargest(t testing.TB) *largest {
	t.Helper()
	w := newWire(t, storetest.Database(t, "mysql"))
	l := &largest{stage: newStage(t, storetest.Open(t, w.url)), wire: w}
	var catalogue strings.Builder
	catalogue.WriteString(`{"kind":"publisher","id":"contoso","name":"Contoso","country":"US","payoutCurrency":"USD"}` + "\n")
	for i := range models.DefaultLimits.PricingLines {
		fmt.Fprintf(&catalogue, `{"kind":"product","id":"product-%d","publisherId":"contoso","title":"P","type":"SAAS","published":true,"public":true,"transactable":true,"cspOptIn":"NONE"}`+"\n", i)
	}
	for i := range models.DefaultLimits.Resellers {
		fmt.Fprintf(&catalogue, `{"kind":"reseller","tenantId":%q,"name":"R","type":"DIRECT_BILL","country":"US","billingCurrency":"USD"}`+"\n", tenant("e", i))
		for j := range models.DefaultLimits.CustomersEachReseller {
			fmt.Fprintf(&catalogue, `{"kind":"customer","resellerTenantId":%q,"tenantId":%q,"name":"C","country":"US"}`+"\n", tenant("e", i), tenant("f", j))
		}
	}
	l.importFile("catalogue", catalogue.String())
	return l
}

func tenant(letter string, n int) string {
	return strings.Repeat(letter, 8) + fmt.Sprintf("-0000-4000-8000-%012d", n)
}

// steps take the offer through its life over GraphQL; did hears of each step.
func (l *largest) steps(did func(step string)) {
	l.t.Helper()
	var pricing, resellers []any
	for i := range models.DefaultLimits.PricingLines {
		pricing = append(pricing, map[string]any{"scope": map[string]any{"productId": fmt.Sprint("product-", i)}, "margin": map[string]any{"percentage": "10"}})
	}
	for i := range models.DefaultLimits.Resellers {
		var customers []string
		for j := range models.DefaultLimits.CustomersEachReseller {
			customers = append(customers, tenant("f", j))
		}
		resellers = append(resellers, map[string]any{"tenantId": tenant("e", i), "customers": customers})
	}
	for _, step := range []struct {
		mutation string
		input    map[string]any
	}{
		{"createPrivateOffer", map[string]any{"name": "Largest", "endMonth": "2024-12", "pricing": pricing, "resellers": resellers}},
		{"submitPrivateOffer", nil},
		{"", nil}, // the worker's
		{"clonePrivateOffer", map[string]any{"name": "As large"}},
		{"withdrawPrivateOffer", nil},
	} {
		l.wire.reset()
		if step.mutation == "" {
			done, err := l.market.Work(l.t.Context())
			if err != nil || done.Published != models.DefaultLimits.Resellers || done.Live != 1 {
				l.t.Fatal(done, err)
			}
			l.statements = len(l.wire.reset().statements)
			did("publish")
			continue
		}
		l.mutate(step.mutation, step.input)
		l.statements = len(l.wire.reset().statements)
		did(strings.TrimSuffix(step.mutation, "PrivateOffer"))
	}
}

func (l *largest) mutate(name string, input map[string]any) {
	l.t.Helper()
	if input == nil {
		input = map[string]any{}
	}
	if l.id != "" {
		input["id"] = l.id
	}
	variables, err := json.Marshal(map[string]any{"input": input})
	if err != nil {
		l.t.Fatal(err)
	}
	kind := strings.ToUpper(name[:1]) + name[1:] + "Input!"
	answer := essence(l.ask(contoso, "mutation ($input: "+kind+") { "+name+"(input: $input) { privateOffer { id status } userErrors { field code message } } }", string(variables)))
	id := dig(l.t, answer, name+".privateOffer.id") // fails where it was refused
	if l.id == "" {
		l.id = id
	}
}

// An offer at the limits takes as few statements as a small one: none for each
// reseller, one or two for each product that is opted in.
func TestLargestOffer(t *testing.T) {
	most := map[string]int{"create": 13, "submit": 27, "publish": 57, "clone": 16, "withdraw": 17}
	l := newLargest(t)
	l.steps(func(step string) {
		t.Logf("%s: %d statements", step, l.statements)
		if l.statements == 0 || l.statements > most[step] {
			t.Errorf("%s takes %d statements, at most %d are needed", step, l.statements, most[step])
		}
	})
	answer := string(essence(l.ask(contoso, `{ privateOffer(id: "`+l.id+`") { status resellers { status } history { totalCount } } }`, "")))
	// Created, submitted, live and withdrawn; each reseller authorised, published and withdrawn.
	if n := models.DefaultLimits.Resellers; !strings.Contains(answer, fmt.Sprintf(`"totalCount":%d`, 4+3*n)) || strings.Count(answer, `"WITHDRAWN"`) != 1+n {
		t.Errorf("in the end: %.300s", answer)
	}
}

// How long the life of an offer at the limits takes, on MariaDB, step by step.
func BenchmarkLargestOffer(b *testing.B) {
	spent, statements := map[string]float64{}, map[string]int{}
	for b.Loop() {
		b.StopTimer()
		l := newLargest(b)
		b.StartTimer()
		before := b.Elapsed()
		l.steps(func(step string) {
			now := b.Elapsed()
			spent[step], statements[step] = spent[step]+(now-before).Seconds(), l.statements
			before = now
		})
	}
	for step, seconds := range spent {
		b.ReportMetric(1000*seconds/float64(b.N), step+"-ms")
		b.ReportMetric(float64(statements[step]), step+"-statements")
	}
}
