package store_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// Every test of this file runs on every engine.

const (
	resellerA = "aaaaaaaa-0000-4000-8000-000000000001"
	resellerB = "bbbbbbbb-0000-4000-8000-000000000002"
	customerA = "cccccccc-0000-4000-8000-000000000001"
	customerB = "cccccccc-0000-4000-8000-000000000002"
)

var (
	// The finest instant that is kept.
	now  = time.Date(2024, 3, 10, 12, 30, 15, 123456000, time.UTC)
	may  = month("2024-05")
	june = month("2024-06")
	july = month("2024-07")

	publisher1 = models.Viewer{Role: models.RolePublisher, Organization: "contoso"}
	publisher2 = models.Viewer{Role: models.RolePublisher, Organization: "fabrikam"}
	viewerA    = models.Viewer{Role: models.RoleReseller, Organization: resellerA}
	viewerB    = models.Viewer{Role: models.RoleReseller, Organization: resellerB}
	finance    = models.Viewer{Role: models.RoleFinance}
)

func month(s string) models.Month {
	m, err := models.ParseMonth(s)
	if err != nil {
		panic(err)
	}
	return m
}

func read(t testing.TB, s *store.Store, viewer models.Viewer, f func(r *store.Reader)) {
	t.Helper()
	if err := s.Read(context.Background(), viewer, func(r *store.Reader) error { f(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, s *store.Store, f func(w *store.Writer) error) {
	t.Helper()
	if err := s.Write(context.Background(), models.System, f); err != nil {
		t.Fatal(err)
	}
}

// must takes what a method of the store returns.
func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if difference := cmp.Diff(want, got, cmp.Comparer(func(a, b money.Decimal) bool { return a == b })); difference != "" {
		t.Errorf("%s (-want +got):\n%s", what, difference)
	}
}

func fails(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// catalogue is a market of two publishers and two resellers that have nothing
// to do with each other: contoso sells through A, fabrikam through B.
func catalogue() []models.Record {
	var records []models.Record
	add := func(r models.Record) { records = append(records, r) }
	for _, p := range []struct{ id, product, reseller, customer string }{
		{"contoso", "mail", resellerA, customerA},
		{"fabrikam", "disk", resellerB, customerB},
	} {
		add(models.Record{Publisher: &models.Publisher{ID: p.id, Name: strings.ToUpper(p.id), Country: "US", PayoutCurrency: "USD", AccountActive: true, Enrolled: true}})
		add(models.Record{Reseller: &models.Reseller{TenantID: p.reseller, Name: "Partner of " + p.id, Type: models.DirectBill, Country: "DE", BillingCurrency: "EUR",
			Regions: []string{"EMEA", p.id}, Skills: []string{"100%_sure!"}, InCSPProgram: true}})
		add(models.Record{Customer: &models.Customer{ResellerTenantID: p.reseller, TenantID: p.customer, Name: "Customer of " + p.id, Country: "FR"}})
		add(models.Record{Product: &models.Product{ID: p.product, PublisherID: p.id, Title: "Product " + p.product, Type: models.SaaS,
			Marketplaces: []models.Marketplace{models.AppSource}, Published: p.id == "contoso", Public: true, Transactable: true, CSPOptIn: models.OptInNone}})
		add(models.Record{Plan: &models.Plan{ProductID: p.product, ID: "basic", Title: "Basic", PricingModel: models.PerUser, TrialDays: 30}})
		add(models.Record{Meter: &models.Meter{ProductID: p.product, ID: "calls", Title: "Calls", Unit: "1,000 calls"}})
		add(models.Record{Price: &models.Price{ProductID: p.product, PlanID: "basic", Term: models.P1Y, Billing: models.Monthly, Market: "DE", Currency: "EUR",
			EffectiveFrom: may, UnitPrice: money.MustParse("123456789012.123456789012345")}})
		add(models.Record{Price: &models.Price{ProductID: p.product, MeterID: "calls", Market: "DE", Currency: "EUR",
			EffectiveFrom: may, UnitPrice: money.MustParse("0.000000000000001")}})
	}
	add(models.Record{ExchangeRate: &models.ExchangeRate{Currency: "EUR", Month: june, USDPerUnit: money.MustParse("1.08123456789012345678")}})
	add(models.Record{AgencyFee: &models.AgencyFeeRate{PublisherID: "contoso", EffectiveFrom: june, Rate: money.MustParse("0.025")}})
	return records
}

func offer(id, publisherID, product, reseller, customer string) *models.PrivateOffer {
	published := now.Add(time.Hour)
	return &models.PrivateOffer{
		ID: id, PublisherID: publisherID, Name: "Secret of " + publisherID, StartMonth: may, EndMonth: july, PreparedBy: "x@" + publisherID + ".com",
		NotificationContacts: []string{"y@" + publisherID + ".com"}, CreatedAt: now, UpdatedAt: now, SubmittedAt: &now,
		Pricing: []models.PricingLine{
			{ProductID: product, Percentage: 1250},
			{ProductID: product, PlanID: "basic", Absolute: []models.AbsolutePrice{{Market: "DE", Currency: "EUR", MeterID: "calls", UnitPrice: money.MustParse("0.5")}}},
		},
		Resellers: []models.OfferReseller{
			{ResellerTenantID: reseller, CustomerTenantIDs: []string{customer}, AuthorizedAt: &now, PublishedAt: &published},
			{ResellerTenantID: "dddddddd-0000-4000-8000-000000000009", FailedAt: &now, FailureReason: "not in the program"},
		},
	}
}

func purchase(id string, s models.Subscription) models.Purchase {
	p := models.Purchase{Source: "crm", ExternalID: id, OccurredAt: now, RecordedAt: now.Add(time.Microsecond), Action: models.ActionNew, SubscriptionID: s.ID,
		ResellerTenantID: s.ResellerTenantID, CustomerTenantID: s.CustomerTenantID, ProductID: s.ProductID, PlanID: s.PlanID, Term: models.P1Y,
		Billing: models.Monthly, Market: s.Market, Currency: s.Currency, Quantity: money.New(7, 0)}
	p.Digest = p.Fingerprint()
	return p
}

func usage(id string, s models.Subscription, at time.Time) models.UsageRecord {
	u := models.UsageRecord{PublisherID: s.PublisherID, Source: "meter", ExternalID: id, OccurredAt: at, RecordedAt: now, ResellerTenantID: s.ResellerTenantID, SubscriptionID: s.ID,
		MeterID: "calls", Quantity: money.MustParse("999999999999999.999999999999999")}
	u.Digest = u.Fingerprint()
	return u
}

func bucket(s models.Subscription, m models.Month, quantity string) models.Bucket {
	return models.Bucket{Month: m, ResellerTenantID: s.ResellerTenantID, SubscriptionID: s.ID, PlanID: s.PlanID, MeterID: "calls", PublisherID: s.PublisherID,
		Quantity: money.MustParse(quantity), Records: 1}
}

var (
	subscriptionA = models.Subscription{ID: "sub-a", PublisherID: "contoso", ResellerTenantID: resellerA, CustomerTenantID: customerA, ProductID: "mail", PlanID: "basic",
		Market: "DE", Currency: "EUR", PricingModel: models.PerUser, TrialDays: 30, FirstMonth: month("2024-03"), LastMonth: june}
	subscriptionB = models.Subscription{ID: "sub-b", PublisherID: "fabrikam", ResellerTenantID: resellerB, CustomerTenantID: customerB, ProductID: "disk", PlanID: "basic",
		Market: "DE", Currency: "EUR", PricingModel: models.Usage, FirstMonth: month("2024-03"), LastMonth: models.MonthForever}
)

// fill stores one of everything for each side of the market.
func fill(t testing.TB, s *store.Store) {
	write(t, s, func(w *store.Writer) (err error) {
		for i, owner := range []models.Viewer{publisher1, publisher2, viewerA, viewerB, finance, models.System} {
			err = errors.Join(err, w.CreateAPIKey(&models.APIKey{
				ID: strconv.Itoa(i), Name: "of " + owner.Organization, Role: owner.Role, Organization: owner.Organization,
				Scopes: models.LimitedTo(models.ScopeFactsRead, models.ScopeMarginsRead), CreatedAt: now, ExpiresAt: now.AddDate(1, 0, 0),
				SecretHash: strings.Repeat("0", 64),
			}))
		}
		return err
	})
	write(t, s, func(w *store.Writer) error {
		return errors.Join(w.CreateWebhook(&models.WebhookEndpoint{ID: "hook-a", PublisherID: "contoso", URL: "https://contoso.example", CreatedAt: now, UpdatedAt: now}),
			w.CreateWebhook(&models.WebhookEndpoint{ID: "hook-b", PublisherID: "fabrikam", URL: "https://fabrikam.example", CreatedAt: now, UpdatedAt: now}))
	})
	write(t, s, func(w *store.Writer) error {
		outcomes, err := w.SaveRecords(catalogue(), now)
		if err != nil {
			return err
		}
		for i, o := range outcomes {
			if o.Saved != store.Created {
				return fmt.Errorf("record %d: %v %w", i, o.Saved, o.Violations)
			}
		}
		for _, side := range []struct {
			subscription models.Subscription
			offer        *models.PrivateOffer
		}{
			{subscriptionA, offer("offer-a", "contoso", "mail", resellerA, customerA)},
			{subscriptionB, offer("offer-b", "fabrikam", "disk", resellerB, customerB)},
		} {
			bought := purchase(side.subscription.ID, side.subscription)
			told := models.Notification{ID: "of-" + side.offer.ID, PrivateOfferID: side.offer.ID, EventNumber: 1, Type: models.EventLive, Channel: models.ChannelMail,
				Recipient: "x@" + side.offer.PublisherID, Notice: models.Notice{PublisherID: side.offer.PublisherID, EndMonth: may}, CreatedAt: now, QueuedAt: now, NextAttemptAt: &now}
			sale := models.OfferSale{PrivateOfferID: side.offer.ID, ResellerTenantID: side.subscription.ResellerTenantID, SubscriptionID: side.subscription.ID, SoldAt: now, ChargeType: models.ChargeRenew}
			err := errors.Join(
				w.SaveSubscription(&side.subscription),
				w.InsertPurchase(&bought),
				w.InsertUsage([]models.UsageRecord{usage(side.subscription.ID, side.subscription, now)}),
				w.SaveBuckets([]models.Bucket{bucket(side.subscription, may, "1.5")}),
				w.CreateOffer(side.offer),
				w.RecordSales([]models.OfferSale{sale}),
				w.AppendOfferEvents(side.offer.ID, []models.OfferEvent{{Type: models.EventSubmitted, OccurredAt: now}}),
				w.QueueNotifications([]models.Notification{told}))
			if err != nil {
				return err
			}
		}
		_, err = w.ClaimNotifications(models.Channels, nil, now, now, 2)
		return err
	})
}

func filled(t *testing.T, f func(t *testing.T, s *store.Store)) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		fill(t, s)
		f(t, s)
	})
}

// What was written is read back, to the last digit and microsecond.
func TestRoundTrip(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		read(t, s, finance, func(r *store.Reader) {
			var got []models.Record
			for _, p := range must[[]models.Publisher](t)(r.Publishers(nil)) {
				got = append(got, models.Record{Publisher: &p})
			}
			resellers, _, err := r.Resellers(store.ResellerFilter{}, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range resellers {
				got = append(got, models.Record{Reseller: &p})
			}
			customers, _, err := r.Customers(store.CustomerFilter{}, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range customers {
				got = append(got, models.Record{Customer: &c})
			}
			products, _, err := r.Products(store.ProductFilter{}, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range products {
				got = append(got, models.Record{Product: &p})
			}
			for _, p := range must[[]models.Plan](t)(r.Plans(nil)) {
				got = append(got, models.Record{Plan: &p})
			}
			for _, m := range must[[]models.Meter](t)(r.Meters(nil)) {
				got = append(got, models.Record{Meter: &m})
			}
			for _, p := range must[[]models.Price](t)(r.Prices(nil)) {
				got = append(got, models.Record{Price: &p})
			}
			for _, x := range must[[]models.ExchangeRate](t)(r.ExchangeRates(may, july)) {
				got = append(got, models.Record{ExchangeRate: &x})
			}
			for _, f := range must[[]models.AgencyFeeRate](t)(r.AgencyFees()) {
				got = append(got, models.Record{AgencyFee: &f})
			}
			want := append(catalogue(),
				models.Record{AgencyFee: &models.AgencyFeeRate{EffectiveFrom: month("1900-01"), Rate: money.MustParse("0.2")}},
				models.Record{AgencyFee: &models.AgencyFeeRate{EffectiveFrom: month("2021-07"), Rate: money.MustParse("0.03")}})
			byKey := func(a, b models.Record) int { return strings.Compare(a.Kind()+a.Key(), b.Kind()+b.Key()) }
			slices.SortFunc(got, byKey)
			slices.SortFunc(want, byKey)
			equal(t, "catalogue", got, want)

			offers, _, err := r.PrivateOffers(store.OfferFilter{}, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			stored := offer("offer-a", "contoso", "mail", resellerA, customerA)
			for i := range stored.Pricing {
				stored.Pricing[i].PrivateOfferID, stored.Pricing[i].Position = stored.ID, i+1
			}
			for i := range stored.Resellers {
				stored.Resellers[i].PrivateOfferID = stored.ID
			}
			equal(t, "offer", offers[0], *stored)

			subscriptions := must[[]models.Subscription](t)(r.SubscriptionsIn(may, may, store.LineFilter{}))
			want1 := subscriptionA
			want1.Purchases = []models.Purchase{purchase("sub-a", subscriptionA)}
			equal(t, "subscription", subscriptions[0], want1)
			listed, _, err := r.Subscriptions(store.SubscriptionFilter{}, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "another way to subscriptions", listed, subscriptions)
			equal(t, "another way to subscriptions", must[[]models.Subscription](t)(r.SubscriptionsByID([]string{"sub-b", "sub-a"})), subscriptions)

			records, _, err := r.Usage(store.UsageFilter{SubscriptionID: "sub-a"}, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "usage", records, []models.UsageRecord{usage("sub-a", subscriptionA, now)})
			equal(t, "buckets", must[[]models.Bucket](t)(r.Buckets(may, may, store.LineFilter{})),
				[]models.Bucket{bucket(subscriptionA, may, "1.5"), bucket(subscriptionB, may, "1.5")})
		})
	})
}

// A record that is saved again as it is leaves no trace; a change is kept with
// what the record became; a reference to nothing is a violation.
func TestSaveRecord(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		later := now.Add(time.Hour)
		changed := catalogue()[4] // plan of contoso
		changed.Plan.Title = "Basic, renamed"
		write(t, s, func(w *store.Writer) error {
			outcomes := must[[]store.RecordOutcome](t)(w.SaveRecords(catalogue(), later))
			for i, o := range outcomes {
				if o.Saved != store.Unchanged {
					t.Errorf("%s: %v, want Unchanged", catalogue()[i].Key(), o.Saved)
				}
			}
			equal(t, "changed", must[store.Saved](t)(w.SaveRecord(changed, later)), store.Updated)
			history := must[[]models.CatalogueChange](t)(w.CatalogueHistory("plan", "mail/basic"))
			var documents []string
			for _, c := range history {
				documents = append(documents, c.RecordedAt.Format(time.TimeOnly)+" "+c.Document)
			}
			equal(t, "history", documents, []string{
				`12:30:15 {"productId":"mail","id":"basic","title":"Basic","pricingModel":"PER_USER","trialDays":30}`,
				`13:30:15 {"productId":"mail","id":"basic","title":"Basic, renamed","pricingModel":"PER_USER","trialDays":30}`,
			})
			return nil
		})
		write(t, s, func(w *store.Writer) error {
			outcomes := saved(t, w,
				models.Record{Customer: &models.Customer{ResellerTenantID: "nobody", TenantID: customerA}},
				models.Record{Product: &models.Product{ID: "p", PublisherID: "nobody", AuthorizedResellers: []string{"comes later"}}},
				models.Record{Plan: &models.Plan{ProductID: "MAIL", ID: "p"}},
				models.Record{Meter: &models.Meter{ProductID: "mail ", ID: "p"}},
				models.Record{Price: &models.Price{ProductID: "mail", PlanID: "none", MeterID: "none"}},
				models.Record{AgencyFee: &models.AgencyFeeRate{PublisherID: "nobody", ProductID: "none", PrivateOfferID: "none", EffectiveFrom: june}},
				models.Record{AgencyFee: &models.AgencyFeeRate{PublisherID: "contoso", ProductID: "mail", PrivateOfferID: "offer-a", EffectiveFrom: june}},
				models.Record{Publisher: &models.Publisher{ID: "nobody"}},
				models.Record{Product: &models.Product{ID: "p", PublisherID: "nobody"}},
			)
			equal(t, "outcomes", outcomes, []string{
				"0 resellerTenantId RESELLER_UNKNOWN",
				"0 publisherId PUBLISHER_UNKNOWN",
				"0 productId PRODUCT_UNKNOWN",
				"0 productId PRODUCT_UNKNOWN",
				"0 planId PLAN_UNKNOWN meterId METER_UNKNOWN",
				"0 publisherId PUBLISHER_UNKNOWN productId PRODUCT_UNKNOWN privateOfferId PRIVATE_OFFER_UNKNOWN",
				"1", "1", "1",
			})
			return nil
		})
	})
}

// A product keeps its publisher, whatever else changes: what was sold of it
// holds that publisher.
func TestProductKeepsItsPublisher(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		moved, renamed := *catalogue()[3].Product, *catalogue()[3].Product
		moved.PublisherID, moved.Title, renamed.Title = "fabrikam", "Moved", "Renamed"
		write(t, s, func(w *store.Writer) error {
			equal(t, "outcomes", saved(t, w, models.Record{Product: &moved}, models.Record{Product: &renamed}), []string{"0 publisherId CONFLICT", "2"})
			return nil
		})
		read(t, s, finance, func(r *store.Reader) {
			products, _, err := r.Products(store.ProductFilter{IDs: []string{"mail"}}, store.Page{})
			fails(t, "products", err, nil)
			equal(t, "product", products, []models.Product{renamed})
		})
		// Two that create it at once are told apart, too.
		together(t, 2, func(i int) error {
			product := renamed
			product.ID, product.PublisherID = "new", []string{"contoso", "fabrikam"}[i]
			return s.Write(context.Background(), models.System, func(w *store.Writer) error {
				_, err := w.SaveRecords([]models.Record{{Product: &product}}, now)
				return err
			})
		})
		read(t, s, finance, func(r *store.Reader) {
			equal(t, "history", len(must[[]models.CatalogueChange](t)(r.CatalogueHistory("product", "new"))), 1)
		})
	})
}

// saved saves the records and tells of each what that did, and its violations.
func saved(t *testing.T, w *store.Writer, records ...models.Record) (lines []string) {
	t.Helper()
	for _, o := range must[[]store.RecordOutcome](t)(w.SaveRecords(records, now)) {
		line := fmt.Sprint(o.Saved)
		for _, v := range o.Violations {
			line += " " + v.Path() + " " + string(v.Code)
		}
		lines = append(lines, line)
	}
	return lines
}

// Ids that differ in one byte are different ids.
func TestIDsCompareByteByByte(t *testing.T) {
	ids := []string{"A", "a", "a\u0301", "á", "ä", "ß", "ss", "ß'", `a\`, `a\\`, "a;--", "a%", "a_", "a?"}
	filled(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(w *store.Writer) error {
			var records []models.UsageRecord
			for i, id := range ids {
				records = append(records, usage(id, subscriptionA, now.Add(time.Duration(i)*time.Microsecond)))
				records[i].MeterID = id
			}
			if err := w.InsertUsage(records); err != nil {
				return err
			}
			digests := must[map[store.FactKey]models.Digest](t)(w.UsageDigests(append(records, usage("new", subscriptionA, now))))
			equal(t, "found", len(digests), len(ids))
			for _, u := range records {
				equal(t, u.ExternalID, digests[store.FactKey{PublisherID: u.PublisherID, Source: u.Source, ExternalID: u.ExternalID}], u.Digest)
			}
			return nil
		})
		read(t, s, finance, func(r *store.Reader) {
			for _, id := range ids {
				found, _, err := r.Usage(store.UsageFilter{SubscriptionID: "sub-a", MeterID: id}, store.Page{})
				if err != nil || len(found) != 1 || found[0].ExternalID != id {
					t.Errorf("%q: %v %v", id, found, err)
				}
			}
		})
	})
}

// The same key under two publishers is two facts, and either sees its own.
func TestUsageKeysOfPublishers(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		mine, theirs := usage("same", subscriptionA, now), usage("same", subscriptionB, now)
		write(t, s, func(w *store.Writer) error {
			if err := w.InsertUsage([]models.UsageRecord{mine}); err != nil {
				return err
			}
			equal(t, "before", must[map[store.FactKey]models.Digest](t)(w.UsageDigests([]models.UsageRecord{theirs})), map[store.FactKey]models.Digest{})
			if err := w.InsertUsage([]models.UsageRecord{theirs}); err != nil {
				return err
			}
			equal(t, "after", must[map[store.FactKey]models.Digest](t)(w.UsageDigests([]models.UsageRecord{theirs, mine})), map[store.FactKey]models.Digest{
				{PublisherID: "contoso", Source: "meter", ExternalID: "same"}:  mine.Digest,
				{PublisherID: "fabrikam", Source: "meter", ExternalID: "same"}: theirs.Digest,
			})
			return nil
		})
		for _, viewer := range []models.Viewer{publisher1, publisher2, finance} {
			read(t, s, viewer, func(r *store.Reader) {
				var keys []string
				fails(t, "each", r.EachUsage(func(u *models.UsageRecord) error {
					keys = append(keys, u.PublisherID+" "+u.ExternalID)
					return nil
				}), nil)
				want := []string{"contoso same", "contoso sub-a", "fabrikam same", "fabrikam sub-b"}
				equal(t, string(viewer.Role), keys, slices.DeleteFunc(want, func(key string) bool { return !strings.HasPrefix(key, viewer.Organization) }))
			})
		}
	})
}

// Pages put together are the list, forward and backward, whatever their size.
func TestPages(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(w *store.Writer) error {
			var records []models.UsageRecord
			for i := range 10 {
				// Three instants that many records share; .1 s sorts after .09 s.
				at := now.Add(time.Duration(i/4) * 10 * time.Millisecond)
				records = append(records, usage(fmt.Sprint("u", i), subscriptionA, at))
				c := models.Customer{ResellerTenantID: []string{resellerA, resellerB}[i%2], TenantID: fmt.Sprint("t", i), Name: "n", Country: "DE"}
				if _, err := w.SaveRecord(models.Record{Customer: &c}, now); err != nil {
					return err
				}
			}
			return w.InsertUsage(records)
		})
		read(t, s, finance, func(r *store.Reader) {
			pages(t, func(p store.Page) ([]models.UsageRecord, bool, error) {
				return r.Usage(store.UsageFilter{SubscriptionID: "sub-a"}, p)
			})
			pages(t, func(p store.Page) ([]models.Customer, bool, error) { return r.Customers(store.CustomerFilter{}, p) })
			pages(t, func(p store.Page) ([]models.Product, bool, error) { return r.Products(store.ProductFilter{}, p) })
			pages(t, func(p store.Page) ([]models.Reseller, bool, error) {
				return r.Resellers(store.ResellerFilter{}, p)
			})
			pages(t, func(p store.Page) ([]models.PrivateOffer, bool, error) {
				return r.PrivateOffers(store.OfferFilter{}, p)
			})
			pages(t, func(p store.Page) ([]models.Subscription, bool, error) {
				return r.Subscriptions(store.SubscriptionFilter{}, p)
			})
			var vs models.Violations
			if _, _, err := r.Usage(store.UsageFilter{SubscriptionID: "sub-a"}, store.Page{After: "yesterday p x y"}); !errors.As(err, &vs) {
				t.Errorf("a broken key: %v, want violations", err)
			}
		})
	})
}

func pages[T store.Listed](t *testing.T, list func(store.Page) ([]T, bool, error)) {
	t.Helper()
	all, more, err := list(store.Page{})
	if err != nil || more || len(all) < 2 {
		t.Fatal(len(all), more, err)
	}
	keys := func(rows []T) (keys []string) {
		for _, row := range rows {
			keys = append(keys, store.Key(row))
		}
		return keys
	}
	for limit := 1; limit <= len(all)+1; limit++ {
		var forward, backward []T
		for page, more := (store.Page{Limit: limit}), true; more; {
			var rows []T
			if rows, more, err = list(page); err != nil {
				t.Fatal(err)
			}
			forward = append(forward, rows...)
			page.After = store.Key(rows[len(rows)-1])
		}
		for page, more := (store.Page{Limit: limit, Backward: true}), true; more; {
			var rows []T
			if rows, more, err = list(page); err != nil {
				t.Fatal(err)
			}
			backward = append(slices.Clone(rows), backward...)
			page.Before = store.Key(rows[0])
		}
		equal(t, fmt.Sprintf("%T by %d", all, limit), keys(forward), keys(all))
		equal(t, fmt.Sprintf("%T by %d backward", all, limit), keys(backward), keys(all))
	}
}

// Text matches anywhere in either case, and its % and _ are themselves.
func TestFilters(t *testing.T) {
	yes, no := true, false
	filled(t, func(t *testing.T, s *store.Store) {
		read(t, s, finance, func(r *store.Reader) {
			for _, c := range []struct {
				filter store.ProductFilter
				want   int64
			}{
				{store.ProductFilter{}, 2},
				{store.ProductFilter{Text: "PRODUCT"}, 2},
				{store.ProductFilter{Text: "duct mai"}, 1},
				{store.ProductFilter{Text: "%"}, 0},
				{store.ProductFilter{Text: "disk", PublisherID: "contoso"}, 0},
				{store.ProductFilter{IDs: []string{}}, 0},
				{store.ProductFilter{IDs: []string{"mail", "none"}}, 1},
				{store.ProductFilter{Published: &no}, 1},
				{store.ProductFilter{Public: &yes, Types: []models.ProductType{models.SaaS}, CSPOptIn: models.OptInNone}, 2},
			} {
				products, _, err := r.Products(c.filter, store.Page{})
				if n := must[int64](t)(r.CountProducts(c.filter)); err != nil || n != c.want || int64(len(products)) != n {
					t.Errorf("%+v: %d products, counted %d, want %d (%v)", c.filter, len(products), n, c.want, err)
				}
			}
			for _, c := range []struct {
				filter store.ResellerFilter
				want   int64
			}{
				{store.ResellerFilter{Regions: []string{"EMEA"}}, 2},
				{store.ResellerFilter{Regions: []string{"none", "contoso"}, Country: "DE"}, 1},
				{store.ResellerFilter{Regions: []string{"cont"}}, 0},
				{store.ResellerFilter{Skills: []string{"100%_sure!"}, Text: "of CONTOSO"}, 1},
				{store.ResellerFilter{Skills: []string{"100"}}, 0},
				{store.ResellerFilter{Competencies: []string{"x"}}, 0},
				{store.ResellerFilter{Types: []models.ResellerType{models.DirectBill}, InCSPProgram: &yes}, 2},
			} {
				if n := must[int64](t)(r.CountResellers(c.filter)); n != c.want {
					t.Errorf("%+v: %d resellers, want %d", c.filter, n, c.want)
				}
			}
			equal(t, "customers", must[int64](t)(r.CountCustomers(store.CustomerFilter{ResellerTenantID: resellerA, Text: "contoso"})), int64(1))
			equal(t, "offers", must[int64](t)(r.CountPrivateOffers(store.OfferFilter{Text: "secret", Submitted: &yes, ResellerTenantID: resellerA, ProductID: "mail", EndingFrom: july})), int64(1))
			equal(t, "drafts", must[int64](t)(r.CountPrivateOffers(store.OfferFilter{Submitted: &no})), int64(0))
			equal(t, "subscriptions", must[int64](t)(r.CountSubscriptions(store.SubscriptionFilter{CustomerTenantID: customerB, ProductID: "disk"})), int64(1))
			equal(t, "usage", must[int64](t)(r.CountUsage(store.UsageFilter{SubscriptionID: "sub-a", Month: month("2024-04")})), int64(0))
			for _, where := range []store.LineFilter{
				{PublisherID: "fabrikam"}, {ResellerTenantID: resellerB}, {CustomerTenantID: customerB}, {SubscriptionID: "sub-b"}, {ProductID: "disk"},
			} {
				buckets := must[[]models.Bucket](t)(r.Buckets(may, may, where))
				subscriptions := must[[]models.Subscription](t)(r.SubscriptionsIn(may, may, where))
				if len(buckets) != 1 || buckets[0].SubscriptionID != "sub-b" || len(subscriptions) != 1 || subscriptions[0].ID != "sub-b" {
					t.Errorf("%+v: %v %v", where, buckets, subscriptions)
				}
			}
			equal(t, "after the end", len(must[[]models.Subscription](t)(r.SubscriptionsIn(july, july, store.LineFilter{}))), 1)
			equal(t, "months", must[[]models.Month](t)(r.Months()), []models.Month{month("2024-03"), month("2024-04"), may, june})
		})
	})
}

// A text that cannot be looked for is refused alike on every engine.
func TestPatterns(t *testing.T) {
	long, nul := strings.Repeat("%", 201), "a\x00b"
	filled(t, func(t *testing.T, s *store.Store) {
		read(t, s, finance, func(r *store.Reader) {
			refused := func(want string, err error) {
				t.Helper()
				var vs models.Violations
				if !errors.As(err, &vs) || vs.Error() != err.Error() || len(vs) != 1 || vs[0].Path()+" "+string(vs[0].Code) != want {
					t.Errorf("%v, want %s", err, want)
				}
			}
			list := func(text string) error {
				_, _, err := r.Products(store.ProductFilter{Text: text}, store.Page{})
				return err
			}
			count := func(filter store.ResellerFilter) error { _, err := r.CountResellers(filter); return err }
			refused("text TOO_LONG", list(long))
			refused("text TOO_LONG", list(strings.Repeat("x", 60_000)))
			refused("text INVALID", list(nul))
			refused("text INVALID", count(store.ResellerFilter{Text: "\x00"}))
			refused("skills TOO_LONG", count(store.ResellerFilter{Skills: []string{long}}))
			refused("skills INVALID", count(store.ResellerFilter{Skills: []string{nul}}))
			equal(t, "200 bytes", list(long[:200]), nil)
			equal(t, "200 bytes", count(store.ResellerFilter{Skills: []string{strings.Repeat("\x01", 200)}}), nil)
		})
	})
}

// A value that cannot be read is named, and the rows beside it are read.
func TestDamaged(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		value, want := "'abc'", store.Damaged{{Table: "usage_buckets", Key: "202405/" + resellerA + "/sub-a/basic/calls", Column: "quantity"}}
		if s.Dialect() == "mysql" { // whose columns hold numbers only: the largest is read as it is
			value, want = "99999999999999999999999", nil
		}
		store.Exec(t, s, "UPDATE usage_buckets SET quantity = "+value+" WHERE subscription_id = 'sub-a'")
		read(t, s, finance, func(r *store.Reader) {
			buckets, err := r.Buckets(may, may, store.LineFilter{})
			var damaged store.Damaged
			errors.As(err, &damaged)
			equal(t, "damaged", damaged, want)
			if len(buckets) != 2-len(want) || slices.ContainsFunc(buckets, func(k models.Bucket) bool {
				return k.SubscriptionID == "sub-a" && k.Quantity != money.MustParse(value)
			}) {
				t.Errorf("the good rows: %+v, %v", buckets, err)
			}
		})
	})
}

// A thousand ids and more go into one question, on every engine.
func TestManyIDs(t *testing.T) {
	var ids []string
	for i := range 40_000 {
		ids = append(ids, fmt.Sprint("none-", i))
	}
	ids = append(ids, "sub-a")
	filled(t, func(t *testing.T, s *store.Store) {
		read(t, s, finance, func(r *store.Reader) {
			got, _, err := r.Subscriptions(store.SubscriptionFilter{IDs: ids}, store.Page{})
			if err != nil || len(got) != 1 || len(got[0].Purchases) != 1 {
				t.Error(got, err)
			}
		})
	})
}

// scopeMethods are all methods of a Reader that return rows, and how many of
// those belong to the sides of contoso/A and of fabrikam/B.
func scopeMethods(r *store.Reader) map[string]func() (any, error) {
	page := func(rows any, _ bool, err error) (any, error) { return rows, err }
	plain := func(rows any, err error) (any, error) { return rows, err }
	return map[string]func() (any, error){
		"Publishers":     func() (any, error) { return plain(r.Publishers(nil)) },
		"Resellers":      func() (any, error) { return page(r.Resellers(store.ResellerFilter{}, store.Page{})) },
		"Customers":      func() (any, error) { return page(r.Customers(store.CustomerFilter{}, store.Page{})) },
		"Products":       func() (any, error) { return page(r.Products(store.ProductFilter{}, store.Page{})) },
		"Plans":          func() (any, error) { return plain(r.Plans(nil)) },
		"Meters":         func() (any, error) { return plain(r.Meters(nil)) },
		"Prices":         func() (any, error) { return plain(r.Prices(nil)) },
		"PrivateOffers":  func() (any, error) { return page(r.PrivateOffers(store.OfferFilter{}, store.Page{})) },
		"Rivals":         func() (any, error) { return plain(r.Rivals(nil, nil, may)) },
		"ResellerFacets": func() (any, error) { return plain(r.ResellerFacets(store.ResellerFilter{}, "regions")) },
		"OffersFor":      func() (any, error) { return plain(r.OffersFor(nil, may)) },
		"OfferEvents": func() (any, error) {
			a, _, err := r.OfferEvents(store.OfferEventFilter{PrivateOfferID: "offer-a"}, store.Page{})
			b, _, errB := r.OfferEvents(store.OfferEventFilter{PrivateOfferID: "offer-b"}, store.Page{})
			return both(a, err)(b, errB)
		},
		"CountOfferEvents": func() (any, error) {
			a, err := r.CountOfferEvents(store.OfferEventFilter{PrivateOfferID: "offer-a"})
			b, errB := r.CountOfferEvents(store.OfferEventFilter{PrivateOfferID: "offer-b"})
			return a + b, errors.Join(err, errB)
		},
		"Notifications":        func() (any, error) { return page(r.Notifications(store.NotificationFilter{}, store.Page{})) },
		"CountNotifications":   func() (any, error) { return plain(r.CountNotifications(store.NotificationFilter{})) },
		"NotificationAttempts": func() (any, error) { return plain(r.NotificationAttempts([]string{"of-offer-a", "of-offer-b"})) },
		"CountBacklog":         func() (any, error) { b, err := r.CountBacklog(); return b.Pending[models.ChannelMail], err },
		"OffersDue":            func() (any, error) { return plain(r.OffersDue(now, store.DueOffer{}, 9)) },
		"Sales":                func() (any, error) { return both(r.Sales("offer-a"))(r.Sales("offer-b")) },
		"Subscriptions":        func() (any, error) { return page(r.Subscriptions(store.SubscriptionFilter{}, store.Page{})) },
		"SubscriptionsByID":    func() (any, error) { return plain(r.SubscriptionsByID([]string{"sub-b", "sub-a", "none"})) },
		"OrphanPurchases":      func() (any, error) { return plain(r.OrphanPurchases()) },
		"SubscriptionsIn":      func() (any, error) { return plain(r.SubscriptionsIn(may, may, store.LineFilter{})) },
		"Buckets":              func() (any, error) { return plain(r.Buckets(may, may, store.LineFilter{})) },
		"Usage": func() (any, error) {
			a, _, err := r.Usage(store.UsageFilter{SubscriptionID: "sub-a"}, store.Page{})
			b, _, errB := r.Usage(store.UsageFilter{SubscriptionID: "sub-b"}, store.Page{})
			return append(a, b...), errors.Join(err, errB)
		},
		"EachUsage": func() (any, error) {
			var rows []models.UsageRecord
			err := r.EachUsage(func(u *models.UsageRecord) error { rows = append(rows, *u); return nil })
			return rows, err
		},
		"CatalogueHistory": func() (any, error) {
			return both(r.CatalogueHistory("product", "mail"))(r.CatalogueHistory("product", "disk"))
		},
		"CountProducts":      func() (any, error) { return plain(r.CountProducts(store.ProductFilter{})) },
		"CountResellers":     func() (any, error) { return plain(r.CountResellers(store.ResellerFilter{})) },
		"CountCustomers":     func() (any, error) { return plain(r.CountCustomers(store.CustomerFilter{})) },
		"CountPrivateOffers": func() (any, error) { return plain(r.CountPrivateOffers(store.OfferFilter{})) },
		"CountSubscriptions": func() (any, error) { return plain(r.CountSubscriptions(store.SubscriptionFilter{})) },
		"CountUsage": func() (any, error) {
			a, err := r.CountUsage(store.UsageFilter{SubscriptionID: "sub-a"})
			b, errB := r.CountUsage(store.UsageFilter{SubscriptionID: "sub-b"})
			return a + b, errors.Join(err, errB)
		},
		"CountBuckets": func() (any, error) { buckets, _, err := r.CountBuckets(); return buckets, err },
		"Months":       func() (any, error) { return plain(r.Months()) },
		"Changes":      func() (any, error) { return plain(r.Changes(0, 1000)) },
		// The same for every viewer, and no organisation's own.
		"LastChange":     func() (any, error) { return plain(r.LastChange()) },
		"ExchangeRates":  func() (any, error) { return plain(r.ExchangeRates(may, july)) },
		"AgencyFees":     func() (any, error) { return plain(r.AgencyFees()) },
		"APIKeys":        func() (any, error) { keys, _, err := r.APIKeys(store.APIKeyFilter{}, store.Page{}); return keys, err },
		"CountAPIKeys":   func() (any, error) { return plain(r.CountAPIKeys(store.APIKeyFilter{})) },
		"Webhooks":       func() (any, error) { return page(r.Webhooks(store.WebhookFilter{}, store.Page{})) },
		"CountWebhooks":  func() (any, error) { return plain(r.CountWebhooks(store.WebhookFilter{})) },
		"KnownCustomers": func() (any, error) { return plain(r.KnownCustomers(nil)) },
		"Setting":        func() (any, error) { _, ok, err := r.Setting("x"); return ok, err },
		"RowsRead":       func() (any, error) { return len(r.RowsRead()) > 100, nil },
		"Viewer":         func() (any, error) { return r.Viewer().Subject, nil },
	}
}

func both[T any](a []T, errA error) func(b []T, errB error) (any, error) {
	return func(b []T, errB error) (any, error) { return append(a, b...), errors.Join(errA, errB) }
}

// Every role is asked everything for somebody else's rows. Fabrikam's product
// is not published, so that only B, who bought it, sees it.
func TestScope(t *testing.T) {
	sees := map[string]map[models.Viewer]int{}
	for name, n := range map[string][5]int{
		//                 contoso fabrikam A  B  finance
		"Publishers":           {1, 1, 2, 2, 2},
		"Resellers":            {2, 2, 1, 1, 2},
		"Customers":            {1, 1, 1, 1, 2},
		"Products":             {1, 1, 1, 2, 2},
		"Plans":                {1, 1, 1, 2, 2},
		"Meters":               {1, 1, 1, 2, 2},
		"Prices":               {2, 2, 2, 4, 4},
		"PrivateOffers":        {1, 1, 1, 1, 2},
		"OffersFor":            {1, 1, 1, 1, 2},
		"Rivals":               {1, 1, 1, 1, 2},
		"ResellerFacets":       {3, 3, 2, 2, 3},
		"OffersDue":            {1, 1, 1, 1, 2},
		"OfferEvents":          {1, 1, 0, 0, 2},
		"CountOfferEvents":     {1, 1, 0, 0, 2},
		"Notifications":        {1, 1, 0, 0, 2},
		"CountNotifications":   {1, 1, 0, 0, 2},
		"NotificationAttempts": {1, 1, 0, 0, 2},
		"CountBacklog":         {1, 1, 0, 0, 2},
		"NotificationsDue":     {},
		"Sales":                {1, 1, 1, 1, 2},
		"Subscriptions":        {1, 1, 1, 1, 2},
		"SubscriptionsByID":    {1, 1, 1, 1, 2},
		"SubscriptionsIn":      {1, 1, 1, 1, 2},
		"Buckets":              {1, 1, 1, 1, 2},
		"Usage":                {1, 1, 1, 1, 2},
		"EachUsage":            {1, 1, 1, 1, 2},
		"CatalogueHistory":     {0, 0, 0, 0, 2},
		"CountProducts":        {1, 1, 1, 2, 2},
		"CountResellers":       {2, 2, 1, 1, 2},
		"CountCustomers":       {1, 1, 1, 1, 2},
		"CountPrivateOffers":   {1, 1, 1, 1, 2},
		"CountSubscriptions":   {1, 1, 1, 1, 2},
		"CountUsage":           {1, 1, 1, 1, 2},
		"CountBuckets":         {1, 1, 1, 1, 2},
		"Months":               {4, 2, 4, 2, 4},
		"ExchangeRates":        {1, 1, 1, 1, 1},
		"AgencyFees":           {3, 2, 3, 3, 3},
		"APIKeys":              {1, 1, 1, 1, 1},
		"CountAPIKeys":         {1, 1, 1, 1, 1},
		"Webhooks":             {1, 1, 0, 0, 2},
		"CountWebhooks":        {1, 1, 0, 0, 2},
		"OrphanPurchases":      {},
		"AnswersBefore":        {},
		"Changes":              {0, 0, 0, 0, 18},
		"LastChange":           {18, 18, 18, 18, 18},
		"ChangesBefore":        {},
		"KnownCustomers":       {},
		"Setting":              {},
		"RowsRead":             {},
		"Viewer":               {},
	} {
		sees[name] = map[models.Viewer]int{publisher1: n[0], publisher2: n[1], viewerA: n[2], viewerB: n[3], finance: n[4], models.System: n[4]}
	}
	// An operator sees everybody's, finance no more than its own.
	for _, name := range []string{"APIKeys", "CountAPIKeys"} {
		sees[name][models.System] = 6
	}
	reader := reflect.TypeFor[*store.Reader]()
	for i := range reader.NumMethod() {
		if _, ok := sees[reader.Method(i).Name]; !ok {
			t.Errorf("Reader.%s is not asked here", reader.Method(i).Name)
		}
	}
	filled(t, func(t *testing.T, s *store.Store) {
		for _, viewer := range []models.Viewer{publisher1, publisher2, viewerA, viewerB, finance, models.System} {
			read(t, s, viewer, func(r *store.Reader) {
				for name, ask := range scopeMethods(r) {
					answer, err := ask()
					if err != nil {
						t.Fatal(name, err)
					}
					got := 0
					switch v := reflect.ValueOf(answer); v.Kind() {
					case reflect.Slice:
						got = v.Len()
					case reflect.Int64:
						got = int(v.Int())
					}
					if want := sees[name][viewer]; got != want {
						t.Errorf("%s %s: %s sees %d rows, want %d", viewer.Role, viewer.Organization, name, got, want)
					}
					stranger := map[models.Viewer][]string{publisher1: {"fabrikam", resellerB}, publisher2: {"contoso", resellerA}, viewerA: {"fabrikam", resellerB}, viewerB: {resellerA}}[viewer]
					public := map[models.Role][]string{models.RolePublisher: {"Resellers", "ResellerFacets"}, models.RoleReseller: {"Publishers"}}[viewer.Role]
					for _, word := range stranger {
						if strings.Contains(fmt.Sprintf("%+v", answer), word) && !slices.Contains(public, name) {
							t.Errorf("%s %s: %s shows %s: %+v", viewer.Role, viewer.Organization, name, word, answer)
						}
					}
				}
			})
		}
		read(t, s, viewerA, func(r *store.Reader) {
			offers := must[[]models.PrivateOffer](t)(r.OffersFor([]string{resellerA}, may))
			if o := offers[0]; len(o.Resellers) != 1 || o.Resellers[0].ResellerTenantID != resellerA || o.Name != "" || o.PreparedBy != "" || o.NotificationContacts != nil {
				t.Errorf("a reseller sees %+v", o)
			}
			equal(t, "by a name that it does not know", must[int64](t)(r.CountPrivateOffers(store.OfferFilter{Text: "Secret"})), int64(0))
		})
		for _, nobody := range []models.Viewer{{}, {Role: models.RoleReseller}, {Role: "ROOT", Organization: "x"}} {
			if err := s.Read(context.Background(), nobody, func(*store.Reader) error { t.Error("nobody reads"); return nil }); err != store.ErrNobody {
				t.Errorf("%v: %v, want ErrNobody", nobody, err)
			}
			if err := s.Write(context.Background(), nobody, func(*store.Writer) error { t.Error("nobody writes"); return nil }); err != store.ErrNobody {
				t.Errorf("%v: %v, want ErrNobody", nobody, err)
			}
		}
	})
}

// A draft is replaced only over the version that was seen; the worker's steps
// are stored apart; only the first sale counts (D7, D9).
func TestOfferLife(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		draft := offer("offer-c", "contoso", "mail", resellerA, customerA)
		draft.SubmittedAt = nil
		as := func(viewer models.Viewer, f func(w *store.Writer) error) error { return s.Write(ctx, viewer, f) }
		create := func(w *store.Writer) error { return w.CreateOffer(draft) }
		fails(t, "a reseller creates", as(viewerA, create), store.ErrNotFound)
		fails(t, "another publisher creates", as(publisher2, create), store.ErrNotFound)
		fails(t, "its publisher creates", as(publisher1, create), nil)
		read(t, s, viewerA, func(r *store.Reader) {
			equal(t, "a reseller sees no draft", must[int64](t)(r.CountPrivateOffers(store.OfferFilter{IDs: []string{"offer-c"}})), int64(0))
		})

		changed := *draft
		changed.Name, changed.Pricing, changed.Resellers = "New name", draft.Pricing[:1], nil
		replace := func(seen int) func(w *store.Writer) error {
			return func(w *store.Writer) error { o := changed; return w.ReplaceDraft(&o, seen) }
		}
		fails(t, "of another publisher", as(publisher2, replace(0)), store.ErrNotFound)
		fails(t, "replace", as(publisher1, replace(0)), nil)
		fails(t, "the same again", as(publisher1, replace(0)), store.ErrStale)
		write(t, s, func(w *store.Writer) error {
			o := must[*models.PrivateOffer](t)(w.OfferForUpdate("offer-c"))
			if o.Name != "New name" || o.Version != 1 || len(o.Pricing) != 1 || len(o.Resellers) != 0 {
				t.Errorf("replaced: %+v", o)
			}
			o.SubmittedAt = &now
			return w.SaveOfferInstants(o)
		})
		fails(t, "submitted", as(publisher1, replace(1)), store.ErrStale)
		fails(t, "unknown", as(publisher1, func(w *store.Writer) error { _, err := w.OfferForUpdate("x"); return err }), store.ErrNotFound)

		write(t, s, func(w *store.Writer) error {
			o := must[*models.PrivateOffer](t)(w.OfferForUpdate("offer-a"))
			o.Resellers[1].FailedAt, o.Resellers[1].FailureReason, o.Resellers[1].AuthorizedAt = nil, "", &now
			o.LiveAt = &now
			return errors.Join(w.SaveOfferInstants(o), w.SaveOfferProgress(o.ID, o.Resellers))
		})
		due := func(at time.Time) (ids []string) {
			read(t, s, finance, func(r *store.Reader) {
				var after store.DueOffer
				for { // one by one, as in batches
					batch := must[[]store.DueOffer](t)(r.OffersDue(at, after, 1))
					if len(batch) == 0 {
						return
					}
					after = batch[0]
					ids = append(ids, after.ID)
				}
			})
			return ids
		}
		equal(t, "one waits, one was never recorded as live", due(now), []string{"offer-a", "offer-b"})
		write(t, s, func(w *store.Writer) error {
			o := must[*models.PrivateOffer](t)(w.OfferForUpdate("offer-a"))
			o.Resellers[1].PublishedAt = &now
			return w.SaveOfferProgress(o.ID, o.Resellers[1:])
		})
		equal(t, "none of offer-a waits", due(now), []string{"offer-b"})
		equal(t, "over", due(july.End()), []string{"offer-a", "offer-b", "offer-c"})
		fails(t, "progress of a stranger", as(models.System, func(w *store.Writer) error {
			return w.SaveOfferProgress("offer-a", []models.OfferReseller{{ResellerTenantID: "x"}})
		}), store.ErrNotFound)

		write(t, s, func(w *store.Writer) error {
			return w.RecordSales([]models.OfferSale{{PrivateOfferID: "offer-a", ResellerTenantID: resellerA, SubscriptionID: "later", SoldAt: now.Add(time.Hour)}})
		})
		read(t, s, finance, func(r *store.Reader) {
			equal(t, "sales", must[[]models.OfferSale](t)(r.Sales("offer-a")), []models.OfferSale{{PrivateOfferID: "offer-a", ResellerTenantID: resellerA, SubscriptionID: "sub-a", SoldAt: now, ChargeType: models.ChargeRenew}})
			equal(t, "known customers", must[map[string]bool](t)(r.KnownCustomers([]models.OfferReseller{
				{ResellerTenantID: resellerA, CustomerTenantIDs: []string{customerA, customerB}}, {ResellerTenantID: resellerB},
			})), map[string]bool{resellerA + "/" + customerA: true})
		})
	})
}

// A draft is deleted with all that it holds, by its own publisher, and nothing
// else ever is.
func TestDeleteDraft(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		tables := []string{"private_offers", "private_offer_pricing_lines", "private_offer_resellers", "private_offer_events"}
		counts := func() (n []int) {
			for _, table := range tables {
				n = append(n, store.Count(t, s, table))
			}
			return n
		}
		before := counts()
		draft := offer("offer-c", "contoso", "mail", resellerA, customerA)
		draft.SubmittedAt = nil
		write(t, s, func(w *store.Writer) error {
			return errors.Join(w.CreateOffer(draft), w.AppendOfferEvents("offer-c", []models.OfferEvent{{Type: models.EventCreated, OccurredAt: now}}))
		})
		deleted := func(viewer models.Viewer, id string) error {
			return s.Write(context.Background(), viewer, func(w *store.Writer) error { return w.DeleteDraft(id, now) })
		}
		fails(t, "another publisher deletes", deleted(publisher2, "offer-c"), store.ErrNotFound)
		fails(t, "its reseller deletes", deleted(viewerA, "offer-c"), store.ErrNotFound)
		fails(t, "what is submitted", deleted(publisher1, "offer-a"), store.ErrNotFound)
		fails(t, "its publisher deletes", deleted(publisher1, "offer-c"), nil)
		fails(t, "again", deleted(publisher1, "offer-c"), store.ErrNotFound)
		equal(t, "rows", counts(), before)
	})
}

// The history of an offer counts on without a gap, says who wrote it, and comes
// in pages.
func TestOfferEvents(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		changes := []models.OfferChange{{Field: "name", Before: "null", After: `"Ä & Ö"`}}
		person := models.Viewer{Role: models.RolePublisher, Organization: "contoso", Subject: "anna"}
		fails(t, "write", s.Write(context.Background(), person, func(w *store.Writer) error {
			return errors.Join(
				w.AppendOfferEvents("offer-a", []models.OfferEvent{{Type: models.EventCloned, OccurredAt: now, SourceID: "offer-b", Changes: changes}}),
				w.AppendOfferEvents("offer-a", []models.OfferEvent{
					{Type: models.EventFailed, OccurredAt: now, ResellerTenantID: resellerA, Reason: "not in the program"}, {Type: models.EventLive, OccurredAt: now},
				}))
		}), nil)
		read(t, s, person, func(r *store.Reader) {
			all := func(f store.OfferEventFilter, page store.Page) (events []models.OfferEvent) {
				f.PrivateOfferID = "offer-a"
				events, _, err := r.OfferEvents(f, page)
				if err != nil {
					t.Fatal(err)
				}
				return events
			}
			of := models.OfferEvent{PrivateOfferID: "offer-a", OccurredAt: now, Role: models.RolePublisher, Organization: "contoso", Subject: "anna"}
			cloned, failed, live := of, of, of
			cloned.Number, cloned.Type, cloned.SourceID, cloned.Changes = 2, models.EventCloned, "offer-b", changes
			failed.Number, failed.Type, failed.ResellerTenantID, failed.Reason = 3, models.EventFailed, resellerA, "not in the program"
			live.Number, live.Type = 4, models.EventLive
			equal(t, "after the first", all(store.OfferEventFilter{}, store.Page{After: "1"}), []models.OfferEvent{cloned, failed, live})
			equal(t, "the last but one", all(store.OfferEventFilter{}, store.Page{Before: "4", Limit: 1, Backward: true}), []models.OfferEvent{failed})
			equal(t, "of a reseller", all(store.OfferEventFilter{ResellerTenantID: resellerA}, store.Page{}), []models.OfferEvent{failed})
			equal(t, "of two types", all(store.OfferEventFilter{Types: []models.OfferEventType{models.EventLive, models.EventCloned}}, store.Page{}), []models.OfferEvent{cloned, live})
			if _, _, err := r.OfferEvents(store.OfferEventFilter{PrivateOfferID: "offer-a"}, store.Page{After: "x"}); !errors.As(err, new(models.Violations)) {
				t.Errorf("a cursor of nothing: %v", err)
			}
		})
	})
}

// The last withdrawal from some resellers, by whatever publisher.
func TestLastWithdrawal(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		last := func(viewer models.Viewer, resellers ...string) (at time.Time) {
			fails(t, "ask", s.Write(context.Background(), viewer, func(w *store.Writer) (err error) {
				at, err = w.LastWithdrawal(resellers)
				return err
			}), nil)
			return at
		}
		equal(t, "none yet", last(models.System, resellerA, resellerB), time.Time{})
		later := now.Add(time.Minute)
		for id, at := range map[string]time.Time{"offer-a": now, "offer-b": later} {
			write(t, s, func(w *store.Writer) error {
				o := must[*models.PrivateOffer](t)(w.OfferForUpdate(id))
				o.Resellers[0].WithdrawnAt = &at
				return w.SaveOfferProgress(id, o.Resellers[:1])
			})
		}
		equal(t, "of A", last(publisher2, resellerA), now)
		equal(t, "of both", last(viewerA, resellerA, resellerB), later)
	})
}

// Purchases and buckets are found by key; a bucket is replaced whole.
func TestFacts(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		first := purchase("sub-a", subscriptionA)
		write(t, s, func(w *store.Writer) error {
			digests := must[map[store.FactKey]models.Digest](t)(w.PurchasesByKey([]store.FactKey{{Source: "crm", ExternalID: "sub-a"}, {Source: "CRM", ExternalID: "sub-a"}}))
			equal(t, "purchases", digests, map[store.FactKey]models.Digest{{Source: "crm", ExternalID: "sub-a"}: first.Digest})
			equal(t, "trial", must[[]models.Purchase](t)(w.NewPurchasesOfPlan(resellerA, customerA, "mail", "basic")), []models.Purchase{first})

			moved := subscriptionA
			moved.LastMonth = models.MonthForever
			if err := w.SaveSubscription(&moved); err != nil {
				return err
			}
			grown, added := bucket(subscriptionA, may, "999999999999999.999999999999999"), bucket(subscriptionA, june, "2")
			grown.Records = 2
			if err := w.SaveBuckets([]models.Bucket{grown, added}); err != nil {
				return err
			}
			keys := []store.BucketKey{store.KeyOf(grown), store.KeyOf(added), store.KeyOf(bucket(subscriptionA, july, "1"))}
			equal(t, "buckets", must[map[store.BucketKey]models.Bucket](t)(w.BucketsByKey(keys)),
				map[store.BucketKey]models.Bucket{keys[0]: grown, keys[1]: added})
			for _, tooLong := range []string{"1000000000000000", "0.0000000000000001"} {
				if err := w.SaveBuckets([]models.Bucket{bucket(subscriptionA, june, tooLong)}); err == nil {
					t.Errorf("a bucket holds %s", tooLong)
				}
			}
			return nil
		})
		if err := s.Write(context.Background(), models.System, func(w *store.Writer) error { return w.InsertPurchase(&first) }); err != store.ErrDuplicate {
			t.Errorf("%v, want ErrDuplicate", err)
		}
	})
}

// Usage is stored all or not at all: on MariaDB, LOAD DATA LOCAL by itself
// would leave doubles out and cut what is too long.
func TestInsertUsageAllOrNothing(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		if s.Dialect() == "mysql" && !store.LoadsData(s) {
			t.Error("the server refuses LOAD DATA LOCAL: start it with local_infile=1")
		}
		insertUsageAllOrNothing(t, s)
		store.WithoutLoadData(s)
		insertUsageAllOrNothing(t, s)
		many := make([]models.UsageRecord, 1001) // more than one statement takes
		for i := range many {
			many[i] = usage(fmt.Sprint("many-", i), subscriptionB, june.Start())
		}
		write(t, s, func(w *store.Writer) error { return w.InsertUsage(many) })
		read(t, s, finance, func(r *store.Reader) {
			got, _, err := r.Usage(store.UsageFilter{SubscriptionID: "sub-b", Month: june}, store.Page{})
			slices.SortFunc(many, func(a, b models.UsageRecord) int { return strings.Compare(a.ExternalID, b.ExternalID) })
			fails(t, "usage", err, nil)
			equal(t, "usage", got, many)
		})
	})
}

func insertUsageAllOrNothing(t *testing.T, s *store.Store) {
	long := usage("long", subscriptionA, now)
	long.MeterID = strings.Repeat("x", 129)
	stray := usage("stray", subscriptionA, now)
	stray.ResellerTenantID = ""
	ownerless := usage("ownerless", subscriptionA, now)
	ownerless.PublisherID = ""
	good := func(id string) models.UsageRecord { return usage(id, subscriptionA, now) }
	insert := func(records ...models.UsageRecord) error {
		return s.Write(context.Background(), models.System, func(w *store.Writer) error { return w.InsertUsage(records) })
	}
	fails(t, "exists already", insert(good("1"), good("sub-a"), good("2")), store.ErrDuplicate)
	fails(t, "twice in one", insert(good("1"), good("1")), store.ErrDuplicate)
	for _, u := range []models.UsageRecord{stray, ownerless} {
		if err := insert(good("1"), u); err == nil {
			t.Error("usage of nobody is stored: " + u.ExternalID)
		}
	}
	if err := insert(good("1"), long); err == nil && s.Dialect() == "mysql" {
		t.Error("an id of 129 bytes was cut")
	} else if err == nil { // SQLite keeps any length whole
		store.Exec(t, s, "DELETE FROM usage_records WHERE external_id IN ('1', 'long')")
	}
	read(t, s, finance, func(r *store.Reader) {
		equal(t, "usage", must[int64](t)(r.CountUsage(store.UsageFilter{SubscriptionID: "sub-a"})), int64(1))
	})
}

// Reports of an open month read buckets, never usage.
func TestRowsRead(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		read(t, s, finance, func(r *store.Reader) {
			must[[]models.Bucket](t)(r.Buckets(may, may, store.LineFilter{}))
			must[[]models.Subscription](t)(r.SubscriptionsIn(may, may, store.LineFilter{}))
			equal(t, "rows read", r.RowsRead(), map[string]int{"usage_buckets": 2, "subscriptions": 2, "purchases": 2})
			_, _, err := r.Usage(store.UsageFilter{SubscriptionID: "sub-a"}, store.Page{})
			fails(t, "usage", err, nil)
			equal(t, "usage read", r.RowsRead()["usage_records"], 1)
		})
	})
}

func TestSettings(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		write(t, s, func(w *store.Writer) error {
			equal(t, "made", must[string](t)(w.SettingOrSet("key", func() string { return "first" })), "first")
			equal(t, "kept", must[string](t)(w.SettingOrSet("key", func() string { return "second" })), "first")
			return errors.Join(w.SetSetting("key", "third"), w.SetSetting("clock", strings.Repeat("é", 5000)))
		})
		read(t, open(), viewerA, func(r *store.Reader) {
			for name, want := range map[string]string{"key": "third", "clock": strings.Repeat("é", 5000), "KEY": ""} {
				value, ok, err := r.Setting(name)
				if value != want || ok != (want != "") || err != nil {
					t.Errorf("%s: %q %v %v", name, value, ok, err)
				}
			}
		})
	})
}

// A key is read back as it was stored, found by who signs in, revoked once and
// only by those who may see it; its last use moves forward.
func TestAPIKeys(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		found := func(id string) models.APIKey {
			t.Helper()
			return *must[*models.APIKey](t)(s.APIKeyByID(ctx, id))
		}
		want := models.APIKey{
			ID: "2", Name: "of " + resellerA, Role: models.RoleReseller, Organization: resellerA,
			Scopes: models.LimitedTo(models.ScopeFactsRead, models.ScopeMarginsRead), CreatedAt: now, ExpiresAt: now.AddDate(1, 0, 0),
			SecretHash: strings.Repeat("0", 64),
		}
		equal(t, "read back", found("2"), want)
		if _, err := s.APIKeyByID(ctx, "none"); err != store.ErrNotFound {
			t.Errorf("an unknown key is %v", err)
		}
		later := now.Add(time.Hour)
		as := func(viewer models.Viewer, f func(w *store.Writer) error) error { return s.Write(ctx, viewer, f) }
		revoke := func(id string, at time.Time) func(w *store.Writer) error {
			return func(w *store.Writer) error { _, err := w.RevokeAPIKey(id, at); return err }
		}
		for _, stranger := range []models.Viewer{publisher1, viewerB, finance} {
			fails(t, "a stranger revokes", as(stranger, revoke("2", now)), store.ErrNotFound)
		}
		equal(t, "still good", found("2"), want)
		fails(t, "its own", as(viewerA, revoke("2", now)), nil)
		fails(t, "again", as(models.System, revoke("2", later)), nil)
		want.RevokedAt = &now
		for _, at := range []time.Time{later, now} {
			fails(t, "used", as(models.System, func(w *store.Writer) error {
				return w.UseAPIKeys(map[string]time.Time{"2": at, "none": at})
			}), nil)
		}
		want.LastUsedAt = &later
		equal(t, "revoked and used", found("2"), want)
		fails(t, "for somebody else", as(viewerA, func(w *store.Writer) error {
			return w.CreateAPIKey(&models.APIKey{ID: "x", Role: models.RoleReseller, Organization: resellerB, Scopes: want.Scopes})
		}), store.ErrNotFound)
		if err := as(models.System, func(w *store.Writer) error { return w.CreateAPIKey(&models.APIKey{ID: "x"}) }); err == nil {
			t.Error("a key that is not limited is stored")
		}
	})
}

// Of several instances that claim at once, no two get the same notification, and
// together they get all; what was claimed is free again when its lease ends.
func TestClaimNotifications(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		stores := []*store.Store{open(), open(), open()}
		fill(t, stores[0])
		const each = 40
		var queue []models.Notification
		for i := range each {
			at := now.Add(time.Duration(i) * time.Microsecond)
			queue = append(queue, models.Notification{ID: fmt.Sprintf("n%02d", i), PrivateOfferID: "offer-a", EventNumber: 1, Type: models.EventLive,
				Channel: models.ChannelMail, Recipient: strconv.Itoa(i) + "@contoso.example", CreatedAt: now, QueuedAt: now, NextAttemptAt: &at})
		}
		write(t, stores[0], func(w *store.Writer) error { return w.QueueNotifications(queue) })
		fails(t, "queued twice", stores[0].Write(context.Background(), models.System, func(w *store.Writer) error {
			again := queue[0]
			again.ID = "again"
			return w.QueueNotifications([]models.Notification{again})
		}), store.ErrDuplicate)

		claim := func(s *store.Store, at time.Time, limit int) (claimed []models.Notification) {
			write(t, s, func(w *store.Writer) (err error) {
				claimed, err = w.ClaimNotifications(models.Channels, []string{"5@contoso.example"}, at, at.Add(time.Minute), limit)
				return err
			})
			return claimed
		}
		equal(t, "before the first is due", len(claim(stores[0], now.Add(-time.Second), 100)), 0)
		var mutex sync.Mutex
		var instances sync.WaitGroup
		claims := map[string]int{}
		later := now.Add(time.Second)
		for i := range 6 {
			instances.Go(func() {
				for range each { // what others hold is passed over: a claim may come back empty
					for _, n := range claim(stores[i%3], later, 3) {
						mutex.Lock()
						claims[n.ID]++
						mutex.Unlock()
					}
				}
			})
		}
		instances.Wait()
		for _, n := range claim(stores[0], later, 100) {
			claims[n.ID]++
		}
		equal(t, "claimed", len(claims), each+1) // those of fill too, and none of the busy
		equal(t, "of who is busy", claims["n05"], 0)
		for id, times := range claims {
			equal(t, id+" was claimed", times, 1)
		}
		write(t, stores[0], func(w *store.Writer) error {
			claimed, err := w.ClaimNotifications(models.Channels, nil, later, later.Add(time.Minute), 100)
			equal(t, "left", len(claimed), 1)
			return err
		})
		read(t, stores[1], models.System, func(r *store.Reader) {
			equal(t, "due while all are leased", must[bool](t)(r.NotificationsDue(later)), false)
			equal(t, "due when the leases end", must[bool](t)(r.NotificationsDue(later.Add(time.Minute))), true)
		})
		again := claim(stores[1], later.Add(time.Minute), 100)
		equal(t, "claimed again", len(again), each+1)
		equal(t, "the first due is the first claimed", again[0].ID, "n00")
		equal(t, "its attempts", again[0].AttemptCount, 2)
		read(t, stores[2], models.System, func(r *store.Reader) {
			log := must[[]models.NotificationAttempt](t)(r.NotificationAttempts([]string{"n00"}))
			equal(t, "its log", log, []models.NotificationAttempt{{NotificationID: "n00", Number: 1, StartedAt: later}, {NotificationID: "n00", Number: 2, StartedAt: later.Add(time.Minute)}})
			backlog := must[store.Backlog](t)(r.CountBacklog())
			equal(t, "the backlog", backlog.Pending[models.ChannelMail], int64(each+2))
			equal(t, "the oldest", backlog.Oldest.UTC(), now)
		})
	})
}

// An endpoint is read back to the last field, changed as a whole, and gone for
// good.
func TestWebhooks(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		want := models.WebhookEndpoint{
			ID: "hook", PublisherID: "contoso", URL: "https://hooks.contoso.example/?" + strings.Repeat("x", 1900), Description: "Ærø",
			EventTypes: []models.OfferEventType{models.EventLive, models.EventEnded}, Secret: "sealed", CreatedAt: now, UpdatedAt: now,
		}
		check := func() {
			t.Helper()
			read(t, s, publisher1, func(r *store.Reader) {
				rows, _, err := r.Webhooks(store.WebhookFilter{IDs: []string{"hook"}, PublisherID: "contoso"}, store.Page{})
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "endpoints", rows, []models.WebhookEndpoint{want})
			})
		}
		write(t, s, func(w *store.Writer) error { return w.CreateWebhook(&want) })
		check()
		want.Rotate("sealed anew", now.Add(time.Hour))
		want.Enable(false, models.WebhookGone, now.Add(time.Hour))
		want.URL, want.Description, want.EventTypes = "https://other.example", "", nil
		write(t, s, func(w *store.Writer) error { return w.SaveWebhook(&want) })
		check()
		want.Enable(true, "", now.Add(2*time.Hour))
		write(t, s, func(w *store.Writer) error { return w.SaveWebhook(&want) })
		check()
		err := s.Write(context.Background(), publisher2, func(w *store.Writer) error { _, err := w.WebhookForUpdate("hook"); return err })
		if err != store.ErrNotFound {
			t.Errorf("another publisher's: %v", err)
		}
		write(t, s, func(w *store.Writer) error { return w.DeleteWebhook("hook") })
		err = s.Write(context.Background(), publisher1, func(w *store.Writer) error { _, err := w.WebhookForUpdate("hook"); return err })
		if err != store.ErrNotFound {
			t.Errorf("what was deleted: %v", err)
		}
	})
}
