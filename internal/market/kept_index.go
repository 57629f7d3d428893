package market

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// Consistency says what an answer about margins must be as new as.
type Consistency string

const (
	// Recent is as new as every change made through the same process, and as
	// those of others up to a second ago.
	Recent Consistency = "RECENT"
	// Database is as new as everything that is committed.
	Database Consistency = "DATABASE"
)

// staleAfter is how long what is kept may go without having been compared with
// the log of changes.
const staleAfter = time.Second

// keptIndex is an index of the whole catalogue and of all margins, as they were
// after a change. It is never changed, but replaced.
type keptIndex struct {
	*rating.Index
	change int64
}

// KeepIndex keeps an index of all margins in memory, from which Margins and
// EffectiveMargins are answered, until the context ends: it is built at once, and
// brought up to date whenever Changes, which must run, tells of news. Readers
// never wait for that; whatever it does not hold yet they ask the database for.
// What fails is logged, and tried again at the next of the retries.
func (m *Market) KeepIndex(ctx context.Context, retries <-chan time.Time, logger *slog.Logger) {
	for ctx.Err() == nil {
		kept, err := m.followed(ctx, m.kept.Load())
		if err == nil {
			m.kept.Store(kept)
			_, err = m.Changes.Next(ctx, kept.change)
		}
		if err == nil || errors.Is(err, store.ErrForgotten) || ctx.Err() != nil {
			continue
		}
		logger.ErrorContext(ctx, "the index of margins cannot be kept up to date", "error", err)
		select {
		case <-retries:
		case <-ctx.Done():
		}
	}
}

// followed is the index of what is committed now, made from an older one by what
// has changed since, or from everything where there is none or where the log does
// not reach back to it. One snapshot holds the changes and the facts: a
// transaction shows as a whole or not at all.
func (m *Market) followed(ctx context.Context, before *keptIndex) (next *keptIndex, err error) {
	err = m.Store.Read(ctx, models.System, func(r *store.Reader) error {
		last, err := r.LastChange()
		if err != nil {
			return err
		}
		var touched *touched
		if before != nil {
			touched, err = touchedSince(r, before.change, last)
		}
		switch {
		case err != nil && !errors.Is(err, store.ErrForgotten):
			return err
		case err != nil || before == nil:
			facts, err := everything(r)
			next = &keptIndex{rating.NewIndex(facts), last}
			return err
		}
		facts, err := touched.facts(r)
		next = &keptIndex{before.With(sortedKeys(touched.products), facts), last}
		return err
	})
	return next, err
}

// everything loads all that an index holds.
func everything(r *store.Reader) (facts rating.Facts, err error) {
	if facts.Publishers, err = r.Publishers(nil); err != nil {
		return facts, err
	}
	if facts.Products, _, err = r.Products(store.ProductFilter{}, store.Page{}); err != nil {
		return facts, err
	}
	if err := loadPrices(r, nil, &facts); err != nil {
		return facts, err
	}
	facts.Offers, err = r.OffersFor(nil, 0)
	return facts, err
}

// touched are the ids of what has changed.
type touched struct{ publishers, products, offers map[string]bool }

// touchedSince reads what the changes after one up to another have touched.
func touchedSince(r *store.Reader, after, last int64) (*touched, error) {
	const atOnce = 1_000
	t := &touched{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for {
		changes, err := r.Changes(after, atOnce)
		if err != nil {
			return nil, err
		}
		for i := range changes {
			switch c := &changes[i]; c.Kind {
			case models.ChangePublisher:
				t.publishers[c.ID] = true
			case models.ChangeProduct, models.ChangePlan, models.ChangeMeter, models.ChangePrice:
				t.products[c.ID] = true
			case models.ChangePrivateOffer:
				t.offers[c.ID] = true
			}
			after = changes[i].Number
		}
		if after >= last {
			return t, nil
		}
	}
}

// facts loads what was touched, as it is now.
func (t *touched) facts(r *store.Reader) (facts rating.Facts, err error) {
	if len(t.publishers) > 0 {
		if facts.Publishers, err = r.Publishers(sortedKeys(t.publishers)); err != nil {
			return facts, err
		}
	}
	if products := sortedKeys(t.products); len(products) > 0 {
		if facts.Products, _, err = r.Products(store.ProductFilter{IDs: products}, store.Page{}); err != nil {
			return facts, err
		}
		if err := loadPrices(r, products, &facts); err != nil {
			return facts, err
		}
	}
	if len(t.offers) > 0 {
		facts.Offers, _, err = r.PrivateOffers(store.OfferFilter{IDs: sortedKeys(t.offers)}, store.Page{})
	}
	return facts, err
}

// recent is the index that is kept, if it is as new as Recent asks. It was
// compared with the log less than a second ago, or else is now, in one statement.
func (m *Market) recent(ctx context.Context) (*rating.Index, error) {
	kept := m.kept.Load()
	if kept == nil || kept.change < m.Store.Written() {
		return nil, nil
	}
	now := m.CredentialClock
	if now == nil {
		now = m.Clock
	}
	if age := now().Sub(m.Changes.Quiet(kept.change)); 0 <= age && age < staleAfter {
		return kept.Index, nil
	}
	last := int64(0)
	err := m.Store.Read(ctx, models.System, func(r *store.Reader) (err error) {
		last, err = r.LastChange()
		return err
	})
	if err != nil || last != kept.change {
		return nil, err
	}
	return kept.Index, nil
}

// marginIndex is an index of at least what the viewer may see of a reseller's
// margins and of the products, nil standing for those that the margins are on.
// The reseller of a RESELLER viewer is itself, whoever was named.
//
// What is kept holds everything, so it answers who sees everything, and a
// reseller about itself as long as it sees all of these products: the database
// answers everybody else.
func (m *Market) marginIndex(ctx context.Context, viewer models.Viewer, resellerTenantID *string, products []string, as Consistency) (*rating.Index, error) {
	if !viewer.Valid() {
		return nil, store.ErrNobody
	}
	if viewer.Role == models.RoleReseller {
		*resellerTenantID = viewer.Organization
	}
	if as != Database && (viewer.SeesEverything() || viewer.Role == models.RoleReseller) {
		index, err := m.recent(ctx)
		if err != nil {
			return nil, err
		}
		if index != nil && (viewer.SeesEverything() || index.OnTheMarket(*resellerTenantID, products)) {
			return index, nil
		}
	}
	facts, err := m.marginFacts(ctx, viewer, *resellerTenantID, products)
	if err != nil {
		return nil, err
	}
	return rating.NewIndex(facts), nil
}
