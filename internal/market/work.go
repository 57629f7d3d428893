package market

import (
	"context"
	"errors"
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
// live and which ended (D7), and forgets old idempotency keys and changes. Each offer is one
// transaction that locks it, so any number of instances may work at once and each
// step is taken once. The steps taken before an error stand, and are counted.
func (m *Market) Work(ctx context.Context) (all Worked, err error) {
	if m.Watch != nil {
		job, done := m.Watch.Work(ctx)
		defer func() { done(all, err) }()
		ctx = job
	}
	var due []string
	old := false
	now := m.Now()
	err = m.Store.Read(ctx, models.System, func(r *store.Reader) (err error) {
		if due, err = r.OffersDue(now); err == nil {
			old, err = r.AnswersBefore(now.Add(-IdempotencyKeyLife))
		}
		if err == nil && !old {
			old, err = r.ChangesBefore(now.Add(-ChangeLife))
		}
		return err
	})
	for _, id := range due {
		if err != nil {
			break
		}
		var done Worked
		err = m.Store.Write(ctx, models.System, func(w *store.Writer) (err error) {
			done, err = m.workOn(w, id)
			return err
		})
		if err == nil {
			all.add(done)
		}
	}
	if err == nil && old {
		err = m.forget(ctx, now)
	}
	return all, err
}

// ChangeLife is how far back the log of changes reaches at least.
const ChangeLife = 30 * 24 * time.Hour

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

// workOn takes the steps of one offer that are due.
func (m *Market) workOn(w *store.Writer, id string) (done Worked, err error) {
	offer, err := w.OfferForUpdate(id)
	if errors.Is(err, store.ErrNotFound) {
		return done, nil
	}
	if err != nil || offer.SubmittedAt == nil || offer.WithdrawnAt != nil || offer.EndedAt != nil {
		return done, err
	}
	// Under the lock, so that no step is dated before the one it follows.
	now := m.Now()
	var events []models.OfferEvent
	if now.Before(offer.EndMonth.End()) {
		// An offer whose end passed before it was published ends unpublished.
		if events, err = m.publish(w, offer, now, &done); err != nil {
			return done, err
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
		events = append(events, models.OfferEvent{Type: models.EventEnded, OccurredAt: now})
	}
	if len(events) > 0 {
		if err := w.AppendOfferEvents(offer.ID, events); err != nil {
			return done, err
		}
	}
	if done.Live+done.Ended == 0 {
		return done, nil
	}
	offer.UpdatedAt = now
	return done, w.SaveOfferInstants(offer)
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
	products, err := w.ProductsForUpdate(pricedProducts(offer))
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
