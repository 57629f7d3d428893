package graph_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// deskAction is what the desk can ask of a private offer that is there.
type deskAction struct{ name, mutation, input string }

// deskActions have $version in the place of the version that was seen. Both
// resellers of the offers below are named where one is chosen.
var deskActions = []deskAction{
	{"update", "updatePrivateOffer", `version: $version, name: "Renamed"`},
	{"submit", "submitPrivateOffer", `version: $version`},
	{"clone", "clonePrivateOffer", `version: $version, name: "Clone"`},
	{"withdraw", "withdrawPrivateOffer", `version: $version`},
	{"withdraw one", "withdrawPrivateOffer", `version: $version, resellers: ["` + northwind + `"]`},
	{"remove one", "removePrivateOfferResellers", `version: $version, resellers: ["` + northwind + `"], name: "Without"`},
	{"retry", "retryPrivateOffer", `version: $version`},
	{"delete", "deletePrivateOffer", `version: $version`},
}

// deskState is a state of an offer for Northwind and Tailspin, and how an offer
// comes there. The steps of all offers are taken together: before the worker
// comes the first time, while Tailspin is not in the program, and when it has
// come.
type deskState struct {
	status, resellers string
	// submit is when it is submitted: 0 never, 1 before the worker comes, 2 while
	// Tailspin is out of the program, 3 while both are, 4 after the worker came.
	submit int
	// then brings it there from what the worker left.
	then func(s *stage, id string)
}

var deskStates = []deskState{
	{"DRAFT", "", 0, nil},
	{"IN_PROGRESS", "both AUTHORIZATION_IN_PROGRESS", 4, nil},
	{"IN_PROGRESS", "one PUBLISH_IN_PROGRESS", 4, func(s *stage, id string) {
		s.progress(id, northwind, func(r *models.OfferReseller) { r.AuthorizedAt = &s.now })
	}},
	{"IN_PROGRESS", "one LIVE", 4, func(s *stage, id string) {
		s.progress(id, northwind, func(r *models.OfferReseller) { r.AuthorizedAt, r.PublishedAt = &s.now, &s.now })
	}},
	{"IN_PROGRESS", "both FAILED", 3, nil},
	{"LIVE", "both LIVE", 1, nil},
	{"LIVE", "one LIVE, one FAILED", 2, nil},
	{"LIVE", "one LIVE, one WITHDRAWN", 1, func(s *stage, id string) { s.withdraw(id, tailspin) }},
	{"LIVE", "one has sold it", 1, func(s *stage, id string) {
		s.write(func(w *store.Writer) error {
			return w.RecordSales([]models.OfferSale{{PrivateOfferID: id, ResellerTenantID: northwind, SubscriptionID: "s", SoldAt: s.now, ChargeType: models.ChargeNew}})
		})
	}},
	{"ENDED", "both LIVE", 1, nil},
	{"WITHDRAWN", "both WITHDRAWN", 1, func(s *stage, id string) { s.withdraw(id, northwind, tailspin) }},
}

func (s *stage) write(f func(w *store.Writer) error) {
	s.t.Helper()
	if err := s.market.Store.Write(s.t.Context(), models.System, f); err != nil {
		s.t.Fatal(err)
	}
}

// progress changes how far an offer has come for a reseller.
func (s *stage) progress(id, tenantID string, change func(r *models.OfferReseller)) {
	s.t.Helper()
	s.write(func(w *store.Writer) error {
		offer, err := w.OfferForUpdate(id)
		if err != nil {
			return err
		}
		for i := range offer.Resellers {
			if offer.Resellers[i].ResellerTenantID == tenantID {
				change(&offer.Resellers[i])
			}
		}
		return w.SaveOfferProgress(id, offer.Resellers)
	})
}

func (s *stage) withdraw(id string, tenantIDs ...string) {
	s.t.Helper()
	if _, vs, err := s.market.WithdrawPrivateOffer(s.t.Context(), asSystem, id, tenantIDs, nil); err != nil || len(vs) > 0 {
		s.t.Fatal(vs, err)
	}
}

// inProgram puts resellers into the CSP program, or takes them out of it.
func (s *stage) inProgram(in bool, tenantIDs ...string) {
	s.t.Helper()
	for _, id := range tenantIDs {
		s.importFile("catalogue", fmt.Sprintf(`{"kind":"reseller","tenantId":%q,"name":"R","type":"DIRECT_BILL","country":"US","billingCurrency":"USD","inCspProgram":%t}`, id, in))
	}
}

// offerIn is the id of the offer that an action is tried on in a state.
func offerIn(state, action int) string {
	return fmt.Sprintf("01900000-0000-7000-8000-%06d%06d", state, action)
}

// bringAbout makes an offer for each action in each state.
func (s *stage) bringAbout() {
	s.t.Helper()
	step := func(submit int) {
		for i, state := range deskStates {
			for j := range deskActions {
				if state.submit != submit {
					continue
				}
				offer := models.PrivateOffer{ID: offerIn(i, j), PublisherID: "contoso", Name: "Offer", EndMonth: models.NewMonth(2024, time.December),
					Pricing:   []models.PricingLine{{ProductID: "desk", Percentage: 1000}},
					Resellers: []models.OfferReseller{{ResellerTenantID: northwind}, {ResellerTenantID: tailspin}}}
				if state.status == "ENDED" {
					offer.EndMonth = models.NewMonth(2024, time.September)
				}
				if outcome, err := s.market.RecordPrivateOffer(s.t.Context(), asSystem, offer, submit > 0, nil); err != nil || len(outcome.Violations) > 0 {
					s.t.Fatal(outcome, err)
				}
			}
		}
	}
	work := func() {
		if _, err := s.market.Work(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
	s.now = time.Date(2024, 9, 5, 10, 0, 0, 0, time.UTC)
	step(0)
	step(1)
	work()
	step(2)
	s.inProgram(false, tailspin)
	work()
	s.inProgram(true, tailspin)
	step(3)
	s.inProgram(false, northwind, tailspin)
	work()
	s.inProgram(true, northwind, tailspin)
	s.now = time.Date(2024, 10, 1, 0, 0, 0, 0, time.UTC)
	work()
	// Closed again, so that who comes now waits to be authorised.
	s.importFile("catalogue", `{"kind":"product","id":"desk","publisherId":"contoso","title":"Contoso Desk","type":"SAAS","published":true,"public":true,"transactable":true,"cspOptIn":"NONE"}`)
	step(4)
	for i, state := range deskStates {
		for j := range deskActions {
			if state.then != nil {
				state.then(s, offerIn(i, j))
			}
		}
	}
}

// Every action of the desk in every state of an offer (rules 2.4), over GraphQL:
// what it answers, that what is refused changes nothing, and that this is the
// table of docs/api.md, which -update writes.
func TestEveryActionInEveryState(t *testing.T) {
	a := newAsker(t)
	for _, field := range a.schema.Mutation.Fields {
		input := a.schema.Types[field.Arguments[0].Type.Name()]
		known := false
		for _, action := range deskActions {
			known = known || action.mutation == field.Name
		}
		if strings.Contains(field.Name, "PrivateOffer") && input.Fields.ForName("id") != nil && !known {
			t.Errorf("%s is no action of this table: add it", field.Name)
		}
	}
	storetest.Databases(t, func(t *testing.T, url string) {
		s := newStage(t, storetest.Open(t, url))
		catalogue, err := os.ReadFile(scenarios + "/contoso.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		s.importFile("catalogue", string(catalogue))
		s.inProgram(true, northwind, tailspin)
		s.bringAbout()
		table := statesHead()
		for i, state := range deskStates {
			row := "| " + strings.TrimSuffix(state.status+", "+state.resellers, ", ") + " |"
			for j, action := range deskActions {
				row += " " + s.try(state, action, offerIn(i, j), url) + " |"
			}
			table += row + "\n"
		}
		holdTable(t, table)
	})
}

func statesHead() string {
	head, line := "| state, and of its resellers |", "|---|"
	for _, action := range deskActions {
		head, line = head+" "+action.name+" |", line+"---|"
	}
	return head + "\n" + line + "\n"
}

// try asks for the action and returns the state that it leads to, or the code of
// its refusal.
func (s *stage) try(state deskState, action deskAction, id, url string) string {
	s.t.Helper()
	var was struct {
		PrivateOffer struct {
			Version int
			Status  string
		}
	}
	s.read(`{ privateOffer(id: "`+id+`") { version status } }`, &was)
	if was.PrivateOffer.Status != state.status {
		s.t.Fatalf("%s, %s: the offer is %s", state.status, state.resellers, was.PrivateOffer.Status)
	}
	result := "privateOffer { status }"
	switch action.mutation {
	case "deletePrivateOffer":
		result = "deletedPrivateOfferId"
	case "removePrivateOfferResellers":
		result += " clone { status }"
	}
	before := storetest.Dump(s.t, url)
	input := strings.ReplaceAll(action.input, "$version", fmt.Sprint(was.PrivateOffer.Version))
	var answer map[string]struct {
		PrivateOffer, Clone   *struct{ Status string }
		DeletedPrivateOfferID *string
		UserErrors            []struct{ Code string }
	}
	s.read(`mutation { `+action.mutation+`(input: {id: "`+id+`", `+input+`}) { `+result+` userErrors { code } } }`, &answer)
	changes := storetest.Changes(before, storetest.Dump(s.t, url))
	got := answer[action.mutation]
	switch {
	case len(got.UserErrors) > 0:
		if len(changes) > 0 || got.PrivateOffer != nil || got.DeletedPrivateOfferID != nil {
			s.t.Errorf("%s in %s, %s is refused and wrote\n%s", action.name, state.status, state.resellers, strings.Join(changes, "\n"))
		}
		return "`" + got.UserErrors[0].Code + "`"
	case len(changes) == 0:
		s.t.Errorf("%s in %s, %s changed nothing", action.name, state.status, state.resellers)
	case got.Clone != nil:
		return got.PrivateOffer.Status + " and a " + got.Clone.Status
	case got.PrivateOffer == nil:
		return "gone"
	case action.mutation == "clonePrivateOffer":
		return "a " + got.PrivateOffer.Status
	}
	return got.PrivateOffer.Status
}

func (s *stage) read(query string, into any) {
	s.t.Helper()
	if err := json.Unmarshal(essence(s.ask(contoso, query, "")), into); err != nil {
		s.t.Fatal(query, err)
	}
}

// holdTable holds the table of docs/api.md that begins like this one to it.
func holdTable(t *testing.T, table string) {
	t.Helper()
	const page = "../docs/api.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), statesHead())
	if !found {
		t.Fatalf("%s has no table that begins with\n%s", page, statesHead())
	}
	rows, after, _ := strings.Cut(rest, "\n\n")
	if statesHead()+rows+"\n" == table {
		return
	}
	if !*update {
		t.Fatalf("%s has\n%s\nwant\n%s", page, statesHead()+rows, table)
	}
	if err := os.WriteFile(page, []byte(before+table+"\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
