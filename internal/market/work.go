package market

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// Worked counts the steps that Work took: resellers authorised, published and
// failed, offers that went live and that ended.
type Worked struct{ Authorized, Published, Failed, Live, Ended int }

func (w *Worked) add(x Worked) {
	w.Authorized += x.Authorized
	w.Published += x.Published
	w.Failed += x.Failed
	w.Live += x.Live
	w.Ended += x.Ended
}

// Work does everything that is due at this instant: it authorises the resellers
// of submitted offers, publishes the offers for them, records which offers went
// live and which ended (D7), and forgets old idempotency keys and changes. What was
// due while nobody worked is done now, and recorded as of now.
//
// Each offer is one transaction that locks it, the longest due first, and skips
// it where somebody else has it (ADR 15): any number of instances may work at
// once, none waits for another, and each step is taken once. What fails for one
// offer holds up no other and is tried again by the next call; the error joins
// all that failed. The steps that were taken stand, and are counted.
func (m *Market) Work(ctx context.Context) (all Worked, err error) {
	if m.Watch != nil {
		job, done := m.Watch.Work(ctx)
		defer func() { done(all, err) }()
		ctx = job
	}
	now, old := m.Now(), false
	var due []store.DueOffer
	for {
		var after store.DueOffer
		if len(due) > 0 {
			after = due[len(due)-1]
		}
		failed := m.Store.Read(ctx, models.System, func(r *store.Reader) (err error) {
			if due, err = r.OffersDue(now, after, workBatch); err == nil && after.ID == "" {
				old, err = outlived(r, now)
			}
			return err
		})
		if failed != nil {
			return all, errors.Join(err, failed)
		}
		for _, offer := range due {
			done, failed := m.workOn(ctx, offer.ID)
			if ctx.Err() != nil {
				return all, errors.Join(err, failed)
			}
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("private offer %s: %w", offer.ID, failed))
			}
			all.add(done)
		}
		if len(due) < workBatch {
			break
		}
	}
	if old {
		err = errors.Join(err, m.forget(ctx, now))
	}
	return all, err
}

// workBatch is how many offers are looked up at once. Few, since what another
// instance has done by then is not looked at in vain.
const workBatch = 50

// ChangeLife is how far back the log of changes reaches at least.
const ChangeLife = 30 * 24 * time.Hour

// outlived tells whether something is older than it is kept for.
func outlived(r *store.Reader, now time.Time) (bool, error) {
	old, err := r.AnswersBefore(now.Add(-IdempotencyKeyLife))
	if err != nil || old {
		return old, err
	}
	return r.ChangesBefore(now.Add(-ChangeLife))
}

// forget deletes what is kept for a time only, some at a time.
func (m *Market) forget(ctx context.Context, now time.Time) (err error) {
	for more := true; more && err == nil; {
		err = m.Store.Write(ctx, models.System, func(w *store.Writer) error {
			answers, err := w.ForgetAnswers(now.Add(-IdempotencyKeyLife))
			if err != nil {
				return err
			}
			changes, err := w.ForgetChanges(now.Add(-ChangeLife))
			more = answers || changes
			return err
		})
	}
	return err
}

// workOn takes the steps of one offer that are due, in a transaction of its own.
func (m *Market) workOn(ctx context.Context, id string) (done Worked, err error) {
	err = m.Store.Write(ctx, models.System, func(w *store.Writer) (err error) {
		done = Worked{}
		offer, err := w.OfferUnlessLocked(id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil || offer.SubmittedAt == nil || offer.WithdrawnAt != nil || offer.EndedAt != nil {
			return err
		}
		return m.step(w, offer, &done)
	})
	if err != nil {
		return Worked{}, err
	}
	return done, nil
}

// step takes the steps of an offer that is locked.
func (m *Market) step(w *store.Writer, offer *models.PrivateOffer, done *Worked) (err error) {
	// Under the lock, so that no step is dated before the one it follows.
	now := m.Now()
	var events []models.OfferEvent
	if now.Before(offer.EndMonth.End()) {
		// An offer whose end passed before it was published ends unpublished.
		if events, err = m.publish(w, offer, now, done); err != nil {
			return err
		}
	}
	switch status := offer.Status(now); {
	case status == models.StatusLive && offer.LiveAt == nil:
		offer.LiveAt = &now
		done.Live++
		events = append(events, models.OfferEvent{Type: models.EventLive, OccurredAt: now})
	case status == models.StatusEnded:
		offer.EndedAt = &now
		done.Ended++
		events = append(events, models.OfferEvent{Type: models.EventEnded, OccurredAt: now, Reason: offer.EndWarning()})
	}
	if err := m.announce(w, offer, events...); err != nil {
		return err
	}
	if done.Live+done.Ended == 0 {
		return nil
	}
	offer.UpdatedAt = now
	return w.SaveOfferInstants(offer)
}

// publish takes each waiting reseller of the offer through its two steps. What
// keeps one from being published is written down as its failure, and holds
// nobody else up.
func (m *Market) publish(w *store.Writer, offer *models.PrivateOffer, now time.Time, done *Worked) (events []models.OfferEvent, err error) {
	var waiting []*models.OfferReseller
	for i := range offer.Resellers {
		if s := offer.Resellers[i].Status(); s == models.AuthorizationInProgress || s == models.PublishInProgress {
			waiting = append(waiting, &offer.Resellers[i])
		}
	}
	if len(waiting) == 0 {
		return nil, nil
	}
	products, err := productsToOpen(w, offer, waiting)
	if err != nil {
		return nil, err
	}
	resellers, err := resellersByID(w.Reader, offer)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]models.Product, len(products))
	opened := map[string]bool{}
	progress := make([]models.OfferReseller, len(waiting))
	tell := func(event models.OfferEventType, reseller *models.OfferReseller) {
		events = append(events, models.OfferEvent{Type: event, OccurredAt: now, ResellerTenantID: reseller.ResellerTenantID, Reason: reseller.FailureReason})
	}
	for _, product := range products {
		byID[product.ID] = product
	}
	for i, reseller := range waiting {
		// Who cannot be published is not let in either.
		if reason := models.PublishCheck(offer, resellers[reseller.ResellerTenantID], byID); reason != "" {
			reseller.FailedAt, reseller.FailureReason = &now, reason
			done.Failed++
			tell(models.EventFailed, reseller)
		} else {
			if reseller.AuthorizedAt == nil {
				reseller.AuthorizedAt = &now
				done.Authorized++
				tell(models.EventAuthorized, reseller)
			}
			for j := range products {
				if products[j].Authorize(reseller.ResellerTenantID) {
					opened[products[j].ID] = true
				}
			}
			reseller.PublishedAt = &now
			done.Published++
			tell(models.EventPublished, reseller)
		}
		progress[i] = *reseller
	}
	for i := range products {
		if opened[products[i].ID] {
			if _, err := w.SaveRecord(models.Record{Product: &products[i]}, now); err != nil {
				return nil, err
			}
		}
	}
	return events, w.SaveOfferProgress(offer.ID, progress)
}

// productsToOpen are the products that an offer prices, locked if one of them has
// yet to be opened for somebody. Where all are open, offers of one product do not
// wait for each other.
func productsToOpen(w *store.Writer, offer *models.PrivateOffer, waiting []*models.OfferReseller) ([]models.Product, error) {
	ids := pricedProducts(offer)
	products, _, err := w.Products(store.ProductFilter{IDs: ids}, store.Page{})
	if err != nil {
		return nil, err
	}
	for i := range products {
		for _, reseller := range waiting {
			if !products[i].Authorized(reseller.ResellerTenantID) {
				return w.ProductsForUpdate(ids)
			}
		}
	}
	return products, nil
}
