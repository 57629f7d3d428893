package market

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// OfferDocument is what a document says of a private offer: that it is there, as a
// draft or submitted.
type OfferDocument struct {
	// Offer has its ID. Without one it could not be read: then it has faults, and
	// nothing more is said of it.
	Offer models.PrivateOffer
	// Live tells a submitted offer from a draft.
	Live bool
}

// RecordPrivateOffer is RecordPrivateOffers for one.
func (m *Market) RecordPrivateOffer(ctx context.Context, request Request, offer models.PrivateOffer, live bool, faults models.Violations) (Outcome, error) {
	outcomes, refused, err := m.RecordPrivateOffers(ctx, request, []OfferDocument{{offer, live}}, Faults{faults})
	if err != nil || len(outcomes) == 0 {
		answer := Outcome{}
		answer.reject(refused)
		return answer, err
	}
	return outcomes[0], nil
}

// RecordPrivateOffers brings offers to the state that documents say: a draft, or
// submitted. faults are what reading found. Each is answered for itself: ACCEPTED
// where that changes something, a DUPLICATE where the offer is there just so; a
// draft may be saved anew, an offer that was submitted is CONFLICT with other
// content, and so is the id of another publisher's.
func (m *Market) RecordPrivateOffers(ctx context.Context, request Request, documents []OfferDocument, faults Faults) ([]Outcome, models.Violations, error) {
	return change(ctx, m, request, func(w *store.Writer) ([]Outcome, bool, error) {
		outcomes := make([]Outcome, len(documents))
		for i := range documents {
			var err error
			if outcomes[i], err = m.recordOffer(w, &documents[i], faults.of(i)); err != nil {
				return nil, false, err
			}
		}
		return outcomes, accepted(outcomes), nil
	})
}

// recordOffer answers one document, and leaves nothing of it where it is refused.
func (m *Market) recordOffer(w *store.Writer, document *OfferDocument, faults models.Violations) (answer Outcome, err error) {
	if document.Offer.ID == "" && len(faults) > 0 {
		answer.reject(faults)
		return answer, nil
	}
	err = w.Step(func(w *store.Writer) (err error) {
		answer, err = m.bringOffer(w, document, faults)
		return err
	})
	if errors.Is(err, store.ErrDuplicate) {
		err = faults.Merge(violation("id", models.CodeConflict, models.Quote(document.Offer.ID)+" is the id of an offer that is not yours: give it another"))
	}
	if vs := (models.Violations)(nil); errors.As(err, &vs) {
		answer = Outcome{}
		answer.reject(vs)
		return answer, nil
	}
	return answer, err
}

func (m *Market) bringOffer(w *store.Writer, document *OfferDocument, faults models.Violations) (Outcome, error) {
	offer, live := document.Offer, document.Live
	stored, err := w.OfferForUpdate(offer.ID)
	known := err == nil
	same := known && len(faults) == 0 && sameOffer(stored, &offer) && (offer.PublisherID == "" || offer.PublisherID == stored.PublisherID)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return Outcome{}, err
	case same && (stored.SubmittedAt != nil || !live):
		return Outcome{Status: Duplicate}, nil
	case known && stored.SubmittedAt != nil:
		return Outcome{}, faults.Merge(violation("id", models.CodeConflict, models.Quote(offer.ID)+" was submitted with other content and cannot be changed: give a new offer a new id"))
	}
	vs, err := m.judgeOffer(w, &offer, stored, live, faults)
	if err == nil && len(vs) == 0 && !known {
		stored, vs, err = m.createOffer(w, offer, models.OfferEvent{Type: models.EventCreated})
	} else if err == nil && len(vs) == 0 && !same {
		stored, vs, err = m.replaceOffer(w, stored, offer)
	}
	if err == nil && len(vs) == 0 && live {
		vs, err = m.submitOffer(w, stored)
	}
	return Outcome{Status: Accepted}, cmp.Or(err, vs.Err())
}

// judgeOffer finds everything that keeps an offer of a document from the state
// that the document says, at once (D8), and whose it is.
func (m *Market) judgeOffer(w *store.Writer, offer, stored *models.PrivateOffer, live bool, faults models.Violations) (models.Violations, error) {
	if stored != nil && offer.PublisherID == "" && len(offer.Pricing) == 0 {
		offer.PublisherID = stored.PublisherID // nothing is priced that could tell another
	}
	publisher, vs, err := publisherOf(w, offer)
	if err != nil {
		return nil, err
	}
	offer.PublisherID = publisher
	if len(faults) == 0 && !live {
		return vs.Merge(offer.CheckDraft(m.Limits)), nil
	}
	facts, err := submitFacts(w, offer)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return faults.Merge(vs).Merge(offer.CheckFacts(facts)), nil
	}
	return vs.Merge(offer.CheckSubmit(facts, m.Limits, m.Now())), nil
}

// offersAtOnce is how many offers a walk holds: some tens of megabytes of the
// largest.
const offersAtOnce = 100

// EachPrivateOffer hands on the viewer's offers with their states, by id and of
// one snapshot: those that the filter finds and, where statuses has any, that are in
// one of them now. It stops at the first error of yield.
func (m *Market) EachPrivateOffer(ctx context.Context, viewer models.Viewer, filter store.OfferFilter, statuses []models.OfferStatus, yield func(*models.PrivateOffer, models.OfferStatus) error) error {
	now := m.Now()
	return m.Store.Read(ctx, viewer, func(r *store.Reader) error {
		page := store.Page{Limit: offersAtOnce}
		for more := true; more; {
			offers, goesOn, err := r.PrivateOffers(filter, page)
			if err != nil {
				return err
			}
			for i := range offers {
				status := offers[i].Status(now)
				if len(statuses) > 0 && !slices.Contains(statuses, status) {
					continue
				}
				if err := yield(&offers[i], status); err != nil {
					return err
				}
			}
			if more = goesOn; more {
				page.After = store.Key(offers[len(offers)-1])
			}
		}
		return nil
	})
}
