package market

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// LineQuery asks for billing lines. What is empty does not narrow.
type LineQuery struct {
	// From and To are months, both included.
	From, To models.Month
	// Where narrows by what the facts say.
	Where store.LineFilter
	// The rest narrows by what rating finds out.
	PlanID, MeterID string
	ChargeTypes     []models.ChargeType
	PrivateOfferID  string
	Currency        money.Currency
	Infrastructure  *bool
}

// UnratedError says that a report cannot be made, because facts that belong in
// it cannot be rated (D20). It names them all.
type UnratedError struct{ Facts []models.UnratedFact }

// Error names the first fact.
func (e *UnratedError) Error() string {
	first := e.Facts[0]
	return fmt.Sprintf("%d facts cannot be rated, the first in %s: %s", len(e.Facts), first.Month, first.Message)
}

// Lines rates the months of the query from one consistent snapshot, as far as
// the viewer may see, and hands the book and the lines to f. The lines come by
// month, subscription, charge; each is overwritten by the next, and the
// sequence may be walked more than once. The database is not read meanwhile.
//
// If a fact that belongs in the query cannot be rated, Lines returns an
// *UnratedError and does not call f: whoever totals lines has all of them, or
// none (D20). To know that, every line is rated once before f sees the first;
// a line costs less to rate again than to keep.
func (m *Market) Lines(ctx context.Context, viewer models.Viewer, query LineQuery, f func(book *rating.Book, lines iter.Seq[*models.BillingLine]) error) (err error) {
	if m.Watch != nil {
		job, done := m.Watch.Rate(ctx)
		defer func() { done(err) }()
		ctx = job
	}
	book, unrated, err := m.rate(ctx, viewer, query)
	if err != nil {
		return err
	}
	if len(unrated) > 0 {
		return &UnratedError{unrated}
	}
	return f(book, query.lines(book))
}

// UnratedFacts lists the facts of a month that cannot be rated, as far as the
// viewer may see (D20).
func (m *Market) UnratedFacts(ctx context.Context, viewer models.Viewer, month models.Month) ([]models.UnratedFact, error) {
	_, unrated, err := m.rate(ctx, viewer, LineQuery{From: month, To: month})
	return unrated, err
}

// rate loads the facts of the query and finds those that cannot be rated.
func (m *Market) rate(ctx context.Context, viewer models.Viewer, query LineQuery) (*rating.Book, []models.UnratedFact, error) {
	var facts rating.Facts
	err := m.Store.Read(ctx, viewer, func(r *store.Reader) (err error) {
		facts, err = m.facts(r, query)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	book := rating.NewBook(facts)
	var unrated []models.UnratedFact
	for month := query.From; month <= query.To; month++ {
		for _, fact := range book.RateMonth(month, func(*models.BillingLine) bool { return true }) {
			if query.concerns(&fact) {
				unrated = append(unrated, fact)
			}
		}
	}
	return book, unrated, nil
}

// lines are the rated lines that the query asks for.
func (q *LineQuery) lines(book *rating.Book) iter.Seq[*models.BillingLine] {
	return func(yield func(*models.BillingLine) bool) {
		goOn := true
		for month := q.From; month <= q.To && goOn; month++ {
			book.RateMonth(month, func(line *models.BillingLine) bool {
				goOn = !q.matches(line) || yield(line)
				return goOn
			})
		}
	}
}

func (q *LineQuery) matches(line *models.BillingLine) bool {
	return (q.PlanID == "" || q.PlanID == line.PlanID) &&
		(q.MeterID == "" || q.MeterID == line.MeterID) &&
		(len(q.ChargeTypes) == 0 || slices.Contains(q.ChargeTypes, line.ChargeType)) &&
		(q.PrivateOfferID == "" || q.PrivateOfferID == line.PrivateOfferID) &&
		(q.Currency == "" || q.Currency == line.BillingCurrency) &&
		(q.Infrastructure == nil || *q.Infrastructure == line.Infrastructure)
}

// concerns tells whether a fact without a line could have made one that the
// query asks for. In doubt it could: a report that may be short is an error.
func (q *LineQuery) concerns(fact *models.UnratedFact) bool {
	switch {
	case fact.Code == models.CodeUnknownFact: // the whole subscription is out
		return true
	case q.PlanID != "" && q.PlanID != fact.PlanID, q.Currency != "" && q.Currency != fact.BillingCurrency:
		return false
	case fact.MeterID != "":
		return (q.MeterID == "" || q.MeterID == fact.MeterID) &&
			(len(q.ChargeTypes) == 0 || slices.Contains(q.ChargeTypes, models.ChargeUsage))
	}
	return q.MeterID == "" && (len(q.ChargeTypes) == 0 || slices.ContainsFunc(q.ChargeTypes, func(c models.ChargeType) bool { return c != models.ChargeUsage }))
}

// facts loads what the months of the query are rated from: subscriptions,
// buckets, and all that decides their price. Usage records are not among it.
func (m *Market) facts(r *store.Reader, q LineQuery) (facts rating.Facts, err error) {
	facts.Refunds = m.Refunds
	if facts.Subscriptions, err = r.SubscriptionsIn(q.From, q.To, q.Where); err != nil {
		return facts, err
	}
	if facts.Buckets, err = r.Buckets(q.From, q.To, q.Where); err != nil {
		return facts, err
	}
	if err := addOutlived(r, &facts); err != nil {
		return facts, err
	}
	// Prices and margins count from the purchase, refunds from what they give
	// back: both may lie long before the month.
	earliest := q.From
	for i := range facts.Subscriptions {
		earliest = min(earliest, facts.Subscriptions[i].FirstMonth)
	}
	var resellers []string
	if q.Where.ResellerTenantID != "" {
		resellers = []string{q.Where.ResellerTenantID}
	}
	if facts.Offers, err = r.OffersFor(resellers, earliest); err != nil {
		return facts, err
	}
	if facts.ExchangeRates, err = r.ExchangeRates(earliest, q.To); err != nil {
		return facts, err
	}
	if facts.AgencyFees, err = r.AgencyFees(); err != nil {
		return facts, err
	}
	return facts, loadPrices(r, productsOf(facts.Subscriptions), &facts)
}

// addOutlived adds the subscriptions of buckets that lie outside their life as
// known today: what was accepted stays billed (D17).
func addOutlived(r *store.Reader, facts *rating.Facts) error {
	present := make(map[string]bool, len(facts.Subscriptions))
	for i := range facts.Subscriptions {
		present[facts.Subscriptions[i].ID] = true
	}
	missing := map[string]bool{}
	for i := range facts.Buckets {
		if id := facts.Buckets[i].SubscriptionID; !present[id] {
			missing[id] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	more, err := r.SubscriptionsByID(sortedKeys(missing))
	facts.Subscriptions = append(facts.Subscriptions, more...)
	return err
}

// loadPrices loads what the products cost.
func loadPrices(r *store.Reader, products []string, facts *rating.Facts) (err error) {
	if facts.Plans, err = r.Plans(products); err != nil {
		return err
	}
	if facts.Meters, err = r.Meters(products); err != nil {
		return err
	}
	facts.Prices, err = r.Prices(products)
	return err
}
