package rating_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/models"
)

// largestDesk is a draft at the limits, 400 resellers and 10 lines, and 1,000
// offers of the same publisher with 10 lines each for some of the resellers.
func largestDesk(each int) (models.PrivateOffer, *rating.WarningFacts) {
	random := rand.New(rand.NewPCG(1, 2))
	var facts rating.Facts
	products := map[string]models.Product{}
	for p := range 10 {
		id := fmt.Sprintf("product-%d", p)
		products[id] = models.Product{ID: id, PublisherID: "contoso", Published: true, Public: true, Transactable: true, CSPOptIn: models.OptInAny}
		for plan := range 10 {
			facts.Plans = append(facts.Plans, models.Plan{ProductID: id, ID: fmt.Sprint(plan)})
			for _, market := range []string{"US", "JP", "DE", "GB", "FR"} {
				facts.Prices = append(facts.Prices, models.Price{ProductID: id, PlanID: fmt.Sprint(plan), Term: models.P1M, Billing: models.Monthly,
					Market: market, Currency: "USD", EffectiveFrom: deskMonth - 20, UnitPrice: money.MustParse("100")})
			}
		}
	}
	resellers := map[string]models.Reseller{}
	offer := func(id string, named []int) models.PrivateOffer {
		o := models.PrivateOffer{ID: id, PublisherID: "contoso", Name: id, EndMonth: deskMonth + models.Month(random.IntN(24))}
		for p := range 10 {
			line := models.PricingLine{Position: p + 1, ProductID: fmt.Sprintf("product-%d", p), Percentage: money.Percentage(1 + random.IntN(3000))}
			if random.IntN(2) == 0 {
				line.PlanID = fmt.Sprint(random.IntN(10))
			}
			o.Pricing = append(o.Pricing, line)
		}
		for _, i := range named {
			tenant := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)
			resellers[tenant] = models.Reseller{TenantID: tenant, Type: models.DirectBill, InCSPProgram: true}
			o.Resellers = append(o.Resellers, models.OfferReseller{ResellerTenantID: tenant})
		}
		return o
	}
	own := offer("own", random.Perm(400))
	own.EndMonth = deskMonth + 12
	var others []models.PrivateOffer
	for i := range 1000 {
		other := offer(fmt.Sprintf("other-%d", i), random.Perm(400)[:each])
		live := deskNow.AddDate(0, -random.IntN(12), 0)
		other.SubmittedAt = &live
		for j := range other.Resellers {
			other.Resellers[j].PublishedAt = &live
		}
		others = append(others, other)
	}
	return own, &rating.WarningFacts{Products: products, Resellers: resellers, Catalogue: rating.NewIndex(facts), Others: others, GoLive: models.DefaultGoLive, Now: deskNow}
}

// BenchmarkWarnings judges a draft at the limits against 1,000 other offers.
func BenchmarkWarnings(b *testing.B) {
	for _, each := range []int{10, 40, 400} {
		own, facts := largestDesk(each)
		b.Run(fmt.Sprintf("%d resellers each", each), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if warnings := rating.Warnings(&own, facts); len(warnings) != models.MaxWarnings+1 {
					b.Fatal(len(warnings), "warnings")
				}
			}
		})
	}
}
