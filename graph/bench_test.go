package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

const (
	benchedOffers = 100
	benchedPrices = 4 // of each product
)

// BenchmarkMarginPage asks for a page of 100 margins with their prices through
// the whole stack: HTTP, token, parse, policy, rating, JSON; from the index that
// the server keeps, and from the database. Every answer is compared with the
// first, which is checked price by price.
func BenchmarkMarginPage(b *testing.B) {
	s := newStage(b, storetest.Open(b, storetest.Database(b, "sqlite")))
	giveMargins(b, s)
	keepIndex(b, s)
	token := "Bearer " + s.token(reseller)
	var want []byte
	for _, consistency := range []market.Consistency{market.Database, market.Recent} {
		body, err := json.Marshal(map[string]string{"query": `{
  margins(first: 100, consistency: ` + string(consistency) + `) { totalCount nodes { id productId percentage start end status wins prices { planId term billing market currency listPrice wholesalePrice wins } } }
}`})
		if err != nil {
			b.Fatal(err)
		}
		ask := func() []byte {
			request := httptest.NewRequest("POST", "/graphql", bytes.NewReader(body))
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", token)
			recorder := httptest.NewRecorder()
			s.handler.ServeHTTP(recorder, request)
			return recorder.Body.Bytes()
		}
		if want == nil {
			want = ask()
			checkMargins(b, want)
		}
		b.Run(string(consistency), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := ask(); !bytes.Equal(got, want) {
					b.Fatalf("the answer changed:\n%s\n%s", got, want)
				}
			}
		})
	}
}

// keepIndex keeps an index as a server does, compared with the log just now.
func keepIndex(b *testing.B, s *stage) {
	b.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ticks := make(chan time.Time)
	var over sync.WaitGroup
	over.Go(func() { s.market.Changes.Run(ctx, ticks, slog.New(slog.DiscardHandler)) })
	over.Go(func() { s.market.KeepIndex(ctx, ticks, slog.New(slog.DiscardHandler)) })
	b.Cleanup(func() { stop(); over.Wait() })
	for s.market.Changes.Quiet(s.market.Store.Written()).IsZero() {
		ticks <- s.now
	}
}

// TestMarginPage keeps the benchmark honest where nobody runs it.
func TestMarginPage(t *testing.T) {
	s := newStage(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	giveMargins(t, s)
	checkMargins(t, s.ask(reseller, `{ margins(first: 100) { totalCount nodes { percentage wins prices { listPrice wholesalePrice wins } } } }`, ""))
}

// giveMargins gives the reseller one margin on each of 100 products.
func giveMargins(t testing.TB, s *stage) {
	t.Helper()
	var catalogue strings.Builder
	catalogue.WriteString(`{"kind":"publisher","id":"contoso","name":"Contoso","country":"US","payoutCurrency":"USD"}
{"kind":"reseller","tenantId":"` + northwind + `","name":"Northwind","type":"DIRECT_BILL","country":"US","billingCurrency":"USD"}
`)
	for i := range benchedOffers {
		fmt.Fprintf(&catalogue, `{"kind":"product","id":"p%03d","publisherId":"contoso","title":"Product %d","type":"SAAS","published":true,"public":true,"transactable":true,"cspOptIn":"ANY"}
{"kind":"plan","productId":"p%03d","id":"basic","title":"Basic","pricingModel":"FLAT_RATE"}
`, i, i, i)
		for j, market := range []string{"US", "CA", "DE", "GB"}[:benchedPrices] {
			fmt.Fprintf(&catalogue, `{"kind":"price","productId":"p%03d","planId":"basic","term":"P1M","billing":"MONTHLY","market":"%s","currency":"USD","unitPrice":"%d.%d","effectiveFrom":"2024-01"}
`, i, market, 10+i, j+1)
		}
	}
	s.importFile("catalogue", catalogue.String())
	ctx := context.Background()
	for i := range benchedOffers {
		offer := models.PrivateOffer{
			ID: fmt.Sprintf("01900000-0000-7000-8000-%012d", i), PublisherID: "contoso", Name: fmt.Sprint("Offer ", i), EndMonth: models.NewMonth(2024, time.December),
			Pricing:   []models.PricingLine{{Position: 1, ProductID: fmt.Sprintf("p%03d", i), Percentage: money.Percentage(100 + i)}},
			Resellers: []models.OfferReseller{{ResellerTenantID: northwind}},
		}
		if outcome, err := s.market.RecordPrivateOffer(ctx, asSystem, offer, true, nil); err != nil || len(outcome.Violations) > 0 {
			t.Fatal(outcome, err)
		}
	}
	if done, err := s.market.Work(ctx); err != nil || done.Live != benchedOffers {
		t.Fatal(done, err)
	}
}

// checkMargins holds each wholesale price to list × (1 − margin), worked out
// anew.
func checkMargins(t testing.TB, answer []byte) {
	t.Helper()
	var r struct {
		Data struct {
			Margins struct {
				TotalCount int
				Nodes      []struct {
					Percentage money.Decimal
					Wins       bool
					Prices     []struct {
						ListPrice, WholesalePrice money.Decimal
						Wins                      bool
					}
				}
			}
		}
	}
	if err := json.Unmarshal(answer, &r); err != nil || r.Data.Margins.TotalCount != benchedOffers || len(r.Data.Margins.Nodes) != benchedOffers {
		t.Fatalf("not %d margins: %v, %.300s", benchedOffers, err, answer)
	}
	hundred := money.New(100, 0)
	for i, m := range r.Data.Margins.Nodes {
		if len(m.Prices) != benchedPrices || !m.Wins || m.Percentage != money.New(int64(100+i), 2) {
			t.Fatalf("margin %d is %+v", i, m)
		}
		for _, p := range m.Prices {
			off, _ := hundred.Sub(m.Percentage)
			scaled, _ := p.WholesalePrice.Mul(hundred)
			if want, _ := p.ListPrice.Mul(off); scaled != want || !p.Wins {
				t.Fatalf("margin %d of %s %%: list %s becomes %s", i, m.Percentage, p.ListPrice, p.WholesalePrice)
			}
		}
	}
}
