package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/models"
)

const (
	marginCount = 50
	lineCount   = 10_000
	// customerCount is how many buy what is billed.
	customerCount = 500
	// reseller is who asks.
	reseller = "4d0a5c8e-0f0b-4f5e-9c3a-2f6b1c7d8e90"
)

// now is when the market is looked at.
var now = time.Date(2024, time.September, 15, 9, 30, 0, 0, time.UTC)

// open makes a market in the folder: 50 products, each with a margin of the
// reseller's and prices for one market; and, where lines are asked for, 10,000
// subscriptions bought this month.
func open(ctx context.Context, folder string, p page, options store.Options) (*market.Market, error) {
	database, err := store.Open(ctx, "sqlite:"+filepath.Join(folder, "market.db"), options)
	if err != nil {
		return nil, err
	}
	m := market.New(database, func() time.Time { return now })
	request := market.Request{Viewer: models.System}
	records := []models.Record{
		{Publisher: &models.Publisher{ID: "contoso", Name: "Contoso", Country: "US", PayoutCurrency: "USD", AccountActive: true, Enrolled: true}},
		{Reseller: &models.Reseller{TenantID: reseller, Name: "Northwind", Type: "DIRECT_BILL", Country: "US", BillingCurrency: "USD", InCSPProgram: true}},
	}
	for i := range marginCount {
		product := fmt.Sprintf("contoso-product-%02d", i)
		records = append(records,
			models.Record{Product: &models.Product{ID: product, PublisherID: "contoso", Title: fmt.Sprint("Product ", i), Type: "SAAS", Published: true, Public: true, Transactable: true, CSPOptIn: "ANY"}},
			models.Record{Plan: &models.Plan{ProductID: product, ID: "standard", Title: "Standard", PricingModel: "PER_USER"}},
			models.Record{Price: &models.Price{
				ProductID: product, PlanID: "standard", Term: "P1M", Billing: "MONTHLY", Market: "US", Currency: "USD",
				UnitPrice: money.New(int64(1000+37*i), 2), EffectiveFrom: models.NewMonth(2024, time.January),
			}})
	}
	for i := range customerCount {
		records = append(records, models.Record{Customer: &models.Customer{ResellerTenantID: reseller, TenantID: customer(i), Name: fmt.Sprint("Customer ", i), Country: "US"}})
	}
	outcomes, _, err := m.SaveCatalogue(ctx, request, records, nil)
	for _, outcome := range outcomes {
		if err == nil && len(outcome.Violations) > 0 {
			err = outcome.Violations
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range marginCount {
		offer := models.PrivateOffer{
			ID: fmt.Sprintf("01900000-0000-7000-8000-%012d", i), PublisherID: "contoso", Name: fmt.Sprint("Offer ", i), EndMonth: models.NewMonth(2024, time.December),
			Pricing:   []models.PricingLine{{Position: 1, ProductID: fmt.Sprintf("contoso-product-%02d", i), PlanID: "standard", Percentage: money.Percentage(100 + 25*i)}},
			Resellers: []models.OfferReseller{{ResellerTenantID: reseller}},
		}
		outcome, err := m.RecordPrivateOffer(ctx, request, offer, true, nil)
		if err == nil && len(outcome.Violations) > 0 {
			err = outcome.Violations
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := m.Work(ctx); err != nil || p.name != "lines" {
		return m, err
	}
	return m, buy(ctx, m, request)
}

func buy(ctx context.Context, m *market.Market, request market.Request) error {
	purchases := make([]models.Purchase, lineCount)
	for i := range purchases {
		purchases[i] = models.Purchase{
			Source: "bench", ExternalID: fmt.Sprint("purchase-", i), OccurredAt: now.Add(-time.Duration(i) * time.Minute), Action: "new",
			SubscriptionID: fmt.Sprintf("subscription-%06d", i), ResellerTenantID: reseller, CustomerTenantID: customer(i % customerCount),
			ProductID: fmt.Sprintf("contoso-product-%02d", i%marginCount), PlanID: "standard", Term: "P1M", Billing: "MONTHLY", Market: "US",
			Quantity: money.New(int64(i%40+1), 0),
		}
	}
	for len(purchases) > 0 {
		batch := purchases[:min(1_000, len(purchases))]
		purchases = purchases[len(batch):]
		outcomes, _, err := m.RecordPurchases(ctx, request, batch, nil)
		for _, outcome := range outcomes {
			if err == nil && len(outcome.Violations) > 0 {
				err = outcome.Violations
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func customer(i int) string { return fmt.Sprintf("7c1f0000-0000-4000-8000-%012d", i) }
