package market

import (
	"context"
	"slices"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// OfferStatusChange is a step in the life of a private offer.
type OfferStatusChange struct {
	models.StatusChange
	// Offer is as it is now.
	Offer *models.PrivateOffer
	// Change is its number in the log: to follow on from there is to hear of
	// everything after it.
	Change int64
}

// FollowOfferStatus tells of every status change of the offers that the filter
// names and the viewer may see, after a place in the log (Changes.Position), in
// the order in which they were committed, each once. It goes on until tell
// returns false; the error is the context's, store.ErrForgotten where the log has
// forgotten what comes next, or the database's.
func (m *Market) FollowOfferStatus(ctx context.Context, viewer models.Viewer, filter store.OfferFilter, after int64, tell func(*OfferStatusChange) bool) error {
	for {
		changes, err := m.Changes.Next(ctx, after)
		if err != nil {
			return err
		}
		after = changes[len(changes)-1].Number
		steps, err := m.offerStatusChanges(ctx, viewer, filter, changes)
		if err != nil {
			return err
		}
		for i := range steps {
			if !tell(&steps[i]) {
				return nil
			}
		}
	}
}

// offerStatusChanges are those among changes that the viewer is told of. Offers
// and events are read as the viewer: a change names them, and shows nothing.
func (m *Market) offerStatusChanges(ctx context.Context, viewer models.Viewer, filter store.OfferFilter, changes []models.Change) (steps []OfferStatusChange, err error) {
	type event struct {
		offer  string
		number int
	}
	numbers := map[event]int64{}
	named := map[string]bool{}
	for _, c := range changes {
		if c.Kind == models.ChangePrivateOffer && c.Part > 0 && (filter.IDs == nil || slices.Contains(filter.IDs, c.ID)) {
			numbers[event{c.ID, c.Part}], named[c.ID] = c.Number, true
		}
	}
	if len(named) == 0 {
		return nil, nil
	}
	filter.IDs = sortedKeys(named)
	err = m.Store.Read(ctx, viewer, func(r *store.Reader) error {
		offers, _, err := r.PrivateOffers(filter, store.Page{})
		if err != nil {
			return err
		}
		for i := range offers {
			offer := &offers[i]
			history, _, err := r.OfferEvents(store.OfferEventFilter{PrivateOfferID: offer.ID}, store.Page{})
			if err != nil {
				return err
			}
			for _, change := range offer.StatusChanges(history) {
				if number, ok := numbers[event{offer.ID, change.Event.Number}]; ok {
					steps = append(steps, OfferStatusChange{change, offer, number})
				}
			}
		}
		return nil
	})
	slices.SortFunc(steps, func(x, y OfferStatusChange) int { return int(x.Change - y.Change) })
	return steps, err
}
