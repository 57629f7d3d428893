package market

import (
	"context"
	"time"

	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// Margins lists the margins of a reseller at an instant, shadowed, scheduled and
// ended ones included, with list and wholesale prices (rules 4), as far as the
// filter lets them pass; nil lets all. A RESELLER viewer sees its own only,
// whatever resellerTenantID says.
func (m *Market) Margins(ctx context.Context, viewer models.Viewer, resellerTenantID string, at time.Time, where *models.MarginFilter, as Consistency) ([]models.Margin, error) {
	index, err := m.marginIndex(ctx, viewer, &resellerTenantID, nil, as)
	if err != nil {
		return nil, err
	}
	return index.Margins(resellerTenantID, at, where), nil
}

// NamedMargins is Margins with what files show of the catalogue beside.
func (m *Market) NamedMargins(ctx context.Context, viewer models.Viewer, resellerTenantID string, at time.Time, where *models.MarginFilter) ([]models.Margin, models.MarginNames, error) {
	index, err := m.marginIndex(ctx, viewer, &resellerTenantID, nil, Recent)
	if err != nil {
		return nil, models.MarginNames{}, err
	}
	margins, restricted := index.Margins(resellerTenantID, at, where), map[string]bool{}
	names := index.Names(margins)
	for i := range margins {
		for _, id := range margins[i].CustomerTenantIDs {
			restricted[id] = true
		}
	}
	if len(restricted) == 0 {
		return margins, names, nil
	}
	names.Customers = make(map[string]string, len(restricted))
	err = m.Store.Read(ctx, viewer, func(r *store.Reader) error {
		customers, _, err := r.Customers(store.CustomerFilter{ResellerTenantID: resellerTenantID, IDs: sortedKeys(restricted)}, store.Page{})
		for i := range customers {
			names.Customers[customers[i].TenantID] = customers[i].Name
		}
		return err
	})
	return margins, names, err
}

// EffectiveAnswer is what one question for a price comes to.
type EffectiveAnswer struct {
	rating.Effective
	// Violations are all the reasons why there is no answer, by the names of the
	// API's arguments.
	Violations models.Violations
}

// EffectiveMargins answers which margin counts for each of many prices, all of
// one reseller, and why each other candidate lost (D1), by the selection that
// rates billing lines. The plan and the meter must exist, as far as the viewer
// sees. A RESELLER viewer asks for itself, whatever resellerTenantID says.
func (m *Market) EffectiveMargins(ctx context.Context, viewer models.Viewer, resellerTenantID string, asked []rating.EffectiveQuestion, as Consistency) ([]EffectiveAnswer, error) {
	products := map[string]bool{}
	for i := range asked {
		products[asked[i].ProductID] = true
	}
	index, err := m.marginIndex(ctx, viewer, &resellerTenantID, sortedKeys(products), as)
	if err != nil {
		return nil, err
	}
	answers := make([]EffectiveAnswer, len(asked))
	for i, ask := range asked {
		ask.ResellerTenantID = resellerTenantID
		answers[i] = effective(index, ask)
	}
	return answers, nil
}

func effective(index *rating.Index, ask rating.EffectiveQuestion) (answer EffectiveAnswer) {
	refuse := answer.Violations.Add
	plan, meter := index.Knows(&ask.What)
	if !plan {
		refuse("plan", models.CodeNotFound, models.Quote(ask.PlanID)+" is not a plan of product "+models.Quote(ask.ProductID)+", or not yours to see")
	}
	if plan && !meter {
		refuse("meter", models.CodeNotFound, models.Quote(ask.MeterID)+" is not a meter of product "+models.Quote(ask.ProductID))
	}
	if len(answer.Violations) > 0 {
		return answer
	}
	var err error
	if answer.Effective, err = index.Effective(ask); err != nil {
		refuse("plan", models.CodeNoListPrice, err.Error())
	}
	return answer
}

// marginFacts loads every offer that names the reseller, and the prices of the
// products; nil stands for all that those offers price, with their titles and
// publishers too.
func (m *Market) marginFacts(ctx context.Context, viewer models.Viewer, resellerTenantID string, products []string) (facts rating.Facts, err error) {
	err = m.Store.Read(ctx, viewer, func(r *store.Reader) (err error) {
		if facts.Offers, err = r.OffersFor([]string{resellerTenantID}, 0); err != nil {
			return err
		}
		if products == nil {
			offers, publishers := make([]*models.PrivateOffer, len(facts.Offers)), map[string]bool{}
			for i := range facts.Offers {
				offers[i] = &facts.Offers[i]
				publishers[offers[i].PublisherID] = true
			}
			products = pricedProducts(offers...)
			if facts.Publishers, err = r.Publishers(sortedKeys(publishers)); err != nil {
				return err
			}
			if facts.Products, _, err = r.Products(store.ProductFilter{IDs: products}, store.Page{}); err != nil {
				return err
			}
		}
		return loadPrices(r, products, &facts)
	})
	return facts, err
}
