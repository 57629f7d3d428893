package market_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

var background = context.Background()

// A draft is created, edited under its version and submitted once; each refusal
// has its code.
func TestDraftToSubmit(t *testing.T) {
	onEngines(t, func(w *world) {
		draft := offerOf("", percentage("mail", "", "10"), resellerA)
		created, vs, err := w.CreatePrivateOffer(background, by(contoso), draft)
		w.must(err)
		if len(vs) > 0 || created.PublisherID != "contoso" || created.Version != 1 || created.ID == "" || !created.CreatedAt.Equal(w.clock) {
			t.Fatalf("created %+v, %s", created, codes(vs))
		}
		refused := func(what string, vs models.Violations, err error, want string) {
			t.Helper()
			w.must(err)
			if got := codes(vs); got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		draft.ID = created.ID
		_, vs, err = w.UpdatePrivateOffer(background, by(contoso), draft, 7)
		refused("a version that was not seen", vs, err, "version:CONFLICT")
		_, vs, err = w.UpdatePrivateOffer(background, by(fabrikam), draft, 1)
		refused("somebody else's", vs, err, "id:NOT_FOUND")
		broken := draft
		broken.Name, broken.PreparedBy, broken.NotificationContacts = " ", "me", []string{"you"}
		_, vs, err = w.UpdatePrivateOffer(background, by(contoso), broken, 1)
		refused("everything at once", vs, err, "name:NAME_REQUIRED preparedBy:INVALID_EMAIL notificationContacts.0:INVALID_EMAIL")
		foreign := draft
		foreign.PublisherID = "fabrikam"
		_, vs, err = w.UpdatePrivateOffer(background, by(models.System), foreign, 1)
		refused("another publisher", vs, err, "publisherId:CONFLICT")

		draft.Resellers = append(draft.Resellers, models.OfferReseller{ResellerTenantID: resellerC}, models.OfferReseller{ResellerTenantID: resellerB, CustomerTenantIDs: []string{customer1}})
		draft.Pricing = append(draft.Pricing, percentage("disk", "", "5"))
		updated, vs, err := w.UpdatePrivateOffer(background, by(contoso), draft, 1)
		refused("half done", vs, err, "")
		if updated.Version != 2 || len(updated.Pricing) != 2 {
			t.Errorf("updated %+v", updated)
		}
		_, vs, err = w.SubmitPrivateOffer(background, by(contoso), draft.ID, nil)
		refused("submit, everything at once", vs, err,
			"pricing.1.productId:PRODUCT_NOT_FOUND resellers.1.customers.0:CUSTOMER_NOT_FOUND resellers.2.tenantId:RESELLER_IS_INDIRECT")

		draft = offerOf(draft.ID, percentage("mail", "", "10"), resellerA)
		draft.Resellers[0].CustomerTenantIDs = []string{customer1} // who has bought nothing of contoso's yet
		_, vs, err = w.UpdatePrivateOffer(background, by(contoso), draft, 2)
		refused("mended", vs, err, "")
		seen := 2
		_, vs, err = w.SubmitPrivateOffer(background, by(contoso), draft.ID, &seen)
		refused("submit of another version", vs, err, "version:CONFLICT")
		seen = 3
		submitted, vs, err := w.SubmitPrivateOffer(background, by(contoso), draft.ID, &seen)
		refused("submit", vs, err, "")
		if submitted.Status(w.clock) != models.StatusInProgress || !submitted.SubmittedAt.Equal(w.clock) {
			t.Errorf("submitted %+v", submitted)
		}
		_, vs, err = w.SubmitPrivateOffer(background, by(contoso), draft.ID, nil)
		refused("submit again", vs, err, "id:INVALID_STATE")
		_, vs, err = w.UpdatePrivateOffer(background, by(contoso), draft, 4)
		refused("edit after", vs, err, "id:INVALID_STATE")
	})
}

// Who owns a new offer.
func TestPublisherOfAnOffer(t *testing.T) {
	onEngines(t, func(w *world) {
		create := func(viewer models.Viewer, publisher string, products ...string) string {
			t.Helper()
			offer := models.PrivateOffer{Name: "x", PublisherID: publisher}
			for _, p := range products {
				offer.Pricing = append(offer.Pricing, percentage(p, "", "10"))
			}
			created, vs, err := w.CreatePrivateOffer(background, by(viewer), offer)
			w.must(err)
			if len(vs) > 0 {
				return codes(vs)
			}
			return created.PublisherID
		}
		w.same("publishers", []string{
			create(contoso, "", "mail"),
			create(contoso, "contoso"),
			create(contoso, "fabrikam"),
			create(models.System, "fabrikam"),
			create(models.System, "nobody"),
			create(models.System, "", "mail"),
			create(models.System, "", "mail", "disk", "nothing"),
			create(models.System, ""),
		}, []string{
			"contoso", "contoso", "publisherId:PUBLISHER_NOT_FOUND",
			"fabrikam", "publisherId:PUBLISHER_NOT_FOUND", "contoso",
			"pricing.1.productId:MIXED_PUBLISHERS pricing.2.productId:PRODUCT_NOT_FOUND", "publisherId:REQUIRED",
		})
	})
}

// The same document imported again changes nothing; a draft may change, what
// was submitted may not.
func TestRecordPrivateOffer(t *testing.T) {
	onEngines(t, func(w *world) {
		record := func(what string, offer models.PrivateOffer, live bool, want string) {
			t.Helper()
			outcome, err := w.RecordPrivateOffer(background, by(models.System), offer, live, nil)
			w.must(err)
			w.same(what, short([]market.Outcome{outcome}), []string{want})
		}
		offer := offerOf("offer", percentage("mail", "", "10"), resellerB, resellerA)
		unnamed := offer
		unnamed.Name = ""
		indirect := offerOf("offer", percentage("mail", "", "10"), resellerC)
		record("bad", unnamed, false, "REJECTED name:NAME_REQUIRED")
		record("not fit to submit", indirect, true, "REJECTED resellers.0.tenantId:RESELLER_IS_INDIRECT")
		w.read(models.System, func(r *store.Reader) error {
			n, err := r.CountPrivateOffers(store.OfferFilter{})
			if n != 0 {
				t.Errorf("%d offers are left by refused ones", n)
			}
			return err
		})
		record("draft", offer, false, "ACCEPTED")
		record("draft again", offer, false, "DUPLICATE")
		changed := offer
		changed.Name = "Other"
		record("draft changed", changed, false, "ACCEPTED")
		record("submitted", changed, true, "ACCEPTED")
		record("submitted again", changed, true, "DUPLICATE")
		record("as a draft, after", changed, false, "DUPLICATE")
		record("changed after", offer, true, "REJECTED id:CONFLICT")
		w.work()
		record("submitted again, when live", changed, true, "DUPLICATE")
	})
}

// Each document of a batch is answered for itself, and what is refused leaves
// nothing; an id that another publisher has is no fault of the database.
func TestRecordPrivateOffers(t *testing.T) {
	onEngines(t, func(w *world) {
		offer := func(id, product string) market.OfferDocument {
			return market.OfferDocument{Offer: offerOf(id, percentage(product, "", "10"), resellerA), Live: true}
		}
		draft := func(d market.OfferDocument) market.OfferDocument { d.Live = false; return d }
		unread := models.Violations{{Field: []string{}, Code: "NOT_JSON"}}
		record := func(what string, as models.Viewer, documents []market.OfferDocument, faults market.Faults, want ...string) {
			t.Helper()
			for _, request := range []market.Request{{Viewer: as, ValidateOnly: true}, by(as)} {
				outcomes, refused, err := w.RecordPrivateOffers(background, request, documents, faults)
				w.must(err)
				if len(refused) > 0 {
					t.Fatal(refused)
				}
				w.same(what, short(outcomes), want)
			}
		}
		indirect := offer("c", "mail")
		indirect.Offer.Resellers = append(indirect.Offer.Resellers, models.OfferReseller{ResellerTenantID: resellerC})
		record("as a publisher", contoso, []market.OfferDocument{offer("a", "mail"), {}, indirect, offer("a", "mail"), draft(offer("d", "mail")), offer("e", "mail")},
			market.Faults{nil, unread},
			"ACCEPTED", "REJECTED :NOT_JSON", "REJECTED resellers.1.tenantId:RESELLER_IS_INDIRECT", "DUPLICATE", "ACCEPTED", "ACCEPTED")
		other := offer("a", "mail")
		other.Offer.Name = "Other"
		empty := market.OfferDocument{Offer: models.PrivateOffer{ID: "d", Name: "Nothing yet", EndMonth: models.NewMonth(2030, 1)}}
		fabrikam := models.Viewer{Role: models.RolePublisher, Organization: "fabrikam", Subject: "test"}
		record("as another", fabrikam, []market.OfferDocument{draft(other), draft(offer("d", "mail")), offer("f", "mail")}, nil,
			"REJECTED id:CONFLICT", "REJECTED id:CONFLICT", "REJECTED pricing.0.productId:PRODUCT_NOT_FOUND")
		record("as the system", models.System, []market.OfferDocument{draft(other), empty, {Offer: models.PrivateOffer{ID: "g", Name: "Whose?"}}}, nil,
			"REJECTED id:CONFLICT", "ACCEPTED", "REJECTED publisherId:REQUIRED")
		moved := empty
		moved.Offer.PublisherID = "fabrikam"
		record("moved", models.System, []market.OfferDocument{moved}, nil, "REJECTED publisherId:CONFLICT")

		var got []string
		each := func(as models.Viewer, statuses ...models.OfferStatus) string {
			t.Helper()
			got = nil
			w.must(w.EachPrivateOffer(background, as, store.OfferFilter{}, statuses, func(o *models.PrivateOffer, status models.OfferStatus) error {
				got = append(got, o.ID+":"+string(status))
				return nil
			}))
			return strings.Join(got, " ")
		}
		w.same("all", []string{each(contoso), each(models.System, models.StatusDraft), each(fabrikam)}, []string{"a:IN_PROGRESS d:DRAFT e:IN_PROGRESS", "d:DRAFT", ""})
	})
}

// More offers than a walk holds are walked all the same, and a walk ends where it
// is told to.
func TestEachPrivateOffer(t *testing.T) {
	onEngines(t, func(w *world) {
		const n = 205
		documents := make([]market.OfferDocument, n)
		for i := range documents {
			documents[i].Offer = models.PrivateOffer{ID: fmt.Sprintf("%03d", i), Name: "N", PublisherID: "contoso"}
		}
		if _, refused, err := w.RecordPrivateOffers(background, by(models.System), documents, nil); err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
		seen, enough := 0, errors.New("enough")
		walk := func(most int) error {
			seen = 0
			return w.EachPrivateOffer(background, contoso, store.OfferFilter{}, nil, func(o *models.PrivateOffer, _ models.OfferStatus) error {
				if o.ID != fmt.Sprintf("%03d", seen) {
					t.Errorf("offer %d is %s", seen, o.ID)
				}
				if seen++; seen == most {
					return enough
				}
				return nil
			})
		}
		if err := walk(0); err != nil || seen != n {
			t.Error(seen, err)
		}
		if err := walk(150); !errors.Is(err, enough) || seen != 150 {
			t.Error(seen, err)
		}
	})
}

// The worker authorises the named resellers only (D8), publishes, and writes
// down why it could not.
func TestWork(t *testing.T) {
	onEngines(t, func(w *world) {
		w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA, resellerB))
		w.submit(offerOf("other", percentage("disk", "", "10"), resellerB))
		w.save(models.Record{Reseller: &models.Reseller{TenantID: resellerB, Name: "Left", Type: models.IndirectProvider, Country: "US", BillingCurrency: "EUR"}})
		w.setClock("2024-03-01T00:10:00Z")
		if done := w.work(); done != (market.Worked{Authorized: 1, Published: 1, Failed: 2, Live: 1}) {
			t.Errorf("worked %+v", done)
		}
		offer, other := w.offer("offer"), w.offer("other")
		if s := offer.Status(w.clock); s != models.StatusLive || !offer.LiveAt.Equal(w.clock) {
			t.Errorf("offer is %s, live at %v", s, offer.LiveAt)
		}
		if r := offer.Resellers[1]; r.Status() != models.ProgressFailed || r.FailureReason == "" || r.PublishedAt != nil {
			t.Errorf("reseller B: %+v", r)
		}
		if s := other.Status(w.clock); s != models.StatusInProgress {
			t.Errorf("the other offer is %s", s)
		}
		w.read(models.System, func(r *store.Reader) error {
			products, _, err := r.Products(store.ProductFilter{IDs: []string{"mail"}}, store.Page{})
			if p := products[0]; p.CSPOptIn != models.OptInSelected || !slices.Equal(p.AuthorizedResellers, []string{resellerA}) { // B failed, and is let in nowhere
				t.Errorf("mail: %+v", p)
			}
			return err
		})
		if done := w.work(); done != (market.Worked{}) {
			t.Errorf("again: %+v", done)
		}
		w.setClock("2025-01-01T00:00:00Z")
		if done := w.work(); done != (market.Worked{Ended: 2}) {
			t.Errorf("after the end: %+v", done)
		}
		if s := w.offer("offer").Status(w.clock); s != models.StatusEnded {
			t.Errorf("offer is %s", s)
		}
		if done := w.work(); done != (market.Worked{}) {
			t.Errorf("after the end, again: %+v", done)
		}
	})
}

// An offer whose end passes before it is published ends unpublished (D7).
func TestEndsBeforeItIsPublished(t *testing.T) {
	onEngines(t, func(w *world) {
		w.submit(offerOf("offer", percentage("mail", "", "10"), resellerA))
		w.setClock("2025-01-01T00:00:00Z")
		if done := w.work(); done != (market.Worked{Ended: 1}) {
			t.Errorf("worked %+v", done)
		}
		if r := w.offer("offer").Resellers[0]; r.PublishedAt != nil {
			t.Errorf("published %v", r.PublishedAt)
		}
	})
}

// Several instances take every step once, and lose no authorisation of a
// product that many offers open.
func TestWorkOfSeveralInstances(t *testing.T) {
	const instances, offers = 4, 12
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		w := newWorld(t, open())
		var all []string
		for i := range offers {
			id := "eeeeeeee-0000-4000-8000-0000000000" + string([]byte{'0' + byte(i/10), '0' + byte(i%10)})
			all = append(all, id)
			w.save(models.Record{Reseller: &models.Reseller{TenantID: id, Name: "R", Type: models.DirectBill, Country: "US", BillingCurrency: "USD", InCSPProgram: true}})
			w.submit(offerOf(id, percentage("mail", "", "10"), id))
		}
		var wait sync.WaitGroup
		done := make([]market.Worked, instances)
		for i := range instances {
			instance := market.New(open(), w.Clock)
			wait.Go(func() {
				var err error
				if done[i], err = instance.Work(background); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		var sum market.Worked
		for _, d := range done {
			sum.Authorized, sum.Published, sum.Live = sum.Authorized+d.Authorized, sum.Published+d.Published, sum.Live+d.Live
		}
		if sum != (market.Worked{Authorized: offers, Published: offers, Live: offers}) {
			t.Errorf("worked %+v in all", sum)
		}
		w.read(models.System, func(r *store.Reader) error {
			products, _, err := r.Products(store.ProductFilter{IDs: []string{"mail"}}, store.Page{})
			w.same("authorised", products[0].AuthorizedResellers, all)
			return err
		})
	})
}

// offer reads an offer back.
func (w *world) offer(id string) *models.PrivateOffer {
	w.Helper()
	offer := &models.PrivateOffer{}
	w.read(models.System, func(r *store.Reader) error {
		offers, _, err := r.PrivateOffers(store.OfferFilter{IDs: []string{id}}, store.Page{})
		if err == nil && len(offers) == 1 {
			offer = &offers[0]
		}
		return err
	})
	return offer
}
