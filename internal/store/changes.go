package store

import (
	"errors"
	"time"

	"sellthrough/models"
)

// ErrForgotten: what came after this number of the log of changes is not known
// any more, or the number was never given. Whoever follows has to begin anew.
var ErrForgotten = errors.New("store: the log of changes does not reach back so far")

// The rows of counters.
const (
	lastChange      = "changes"
	forgottenChange = "changes.forgotten"
)

// changed notes a change, which Write logs when its function is done. The same
// change is logged once in a transaction, wherever in it it was made first.
func (w *Writer) changed(kind models.ChangeKind, id string, part int, at time.Time) {
	change := models.Change{OccurredAt: at, Kind: kind, ID: id, Part: part}
	key := models.Change{Kind: kind, ID: id, Part: part}
	if w.noted == nil {
		w.noted = map[models.Change]bool{}
	}
	if !w.noted[key] {
		w.noted[key] = true
		w.changes = append(w.changes, change)
	}
}

// changedBy notes what a catalogue record changes.
func (w *Writer) changedBy(record models.Record, at time.Time) {
	kind, id := models.ChangeAgencyFee, ""
	switch {
	case record.Publisher != nil:
		kind, id = models.ChangePublisher, record.Publisher.ID
	case record.Reseller != nil:
		kind, id = models.ChangeReseller, record.Reseller.TenantID
	case record.Customer != nil:
		kind, id = models.ChangeCustomer, record.Customer.ResellerTenantID
	case record.Product != nil:
		kind, id = models.ChangeProduct, record.Product.ID
	case record.Plan != nil:
		kind, id = models.ChangePlan, record.Plan.ProductID
	case record.Meter != nil:
		kind, id = models.ChangeMeter, record.Meter.ProductID
	case record.Price != nil:
		kind, id = models.ChangePrice, record.Price.ProductID
	case record.ExchangeRate != nil:
		kind, id = models.ChangeExchangeRate, string(record.ExchangeRate.Currency)
	}
	w.changed(kind, id, 0, at)
}

// logChanges gives the changes of the transaction their numbers, and returns the
// last of them, 0 where there is none. It is the last thing before the commit:
// from here on, everybody else who changes something waits for the counter, and
// nobody who has it waits for anything else.
func (w *Writer) logChanges() (last int64, err error) {
	if len(w.changes) == 0 {
		return 0, nil
	}
	if _, err := w.tx.ExecContext(w.ctx, "UPDATE counters SET value = value + ? WHERE name = ?", len(w.changes), lastChange); err != nil {
		return 0, wrap(err)
	}
	if last, err = w.counter(lastChange); err != nil {
		return 0, err
	}
	first := last - int64(len(w.changes)) + 1
	return last, w.insertRows("changes", []string{"number", "occurred_at", "kind", "id", "part"}, len(w.changes), func(i int) []any {
		c := &w.changes[i]
		return []any{first + int64(i), c.OccurredAt, c.Kind, c.ID, c.Part}
	})
}

func (r *Reader) counter(name string) (value int64, err error) {
	err = r.tx.QueryRowContext(r.ctx, "SELECT value FROM counters WHERE name = ?", name).Scan(&value)
	return value, wrap(err)
}

// LastChange is the number of the last change, 0 before the first. It is the same
// for every viewer.
func (r *Reader) LastChange() (int64, error) { return r.counter(lastChange) }

// Changes are the changes after a number, exclusive, in the order of their numbers,
// which is that of their commits; at most limit of them. Only who sees everything
// sees them. ErrForgotten: some of them were deleted, or the number was never
// given.
func (r *Reader) Changes(after int64, limit int) ([]models.Change, error) {
	if !r.viewer.SeesEverything() {
		return nil, nil
	}
	forgotten, err := r.counter(forgottenChange)
	if err != nil {
		return nil, err
	}
	last, err := r.counter(lastChange)
	switch {
	case err != nil:
		return nil, err
	case after < forgotten || after > last:
		return nil, ErrForgotten
	case after == last:
		return nil, nil
	}
	return find[models.Change](r, "changes", r.from("changes").Where("number > ?", after).Order("number").Limit(limit))
}

// ChangesBefore tells whether the oldest change that is kept is older than an
// instant, exclusive.
func (r *Reader) ChangesBefore(at time.Time) (bool, error) {
	oldest, err := one[models.Change](r, "changes", r.from("changes").Order("number"))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && oldest.OccurredAt.Before(at), err
}

// ForgetChanges deletes the oldest changes, at most a thousand, as far as they are
// older than an instant, exclusive, and tells whether there may be more.
func (w *Writer) ForgetChanges(before time.Time) (more bool, err error) {
	// The counter of those who forget comes first, so that two of them take turns,
	// and nobody who only changes something waits.
	forgotten, err := w.counterForUpdate(forgottenChange)
	if err != nil {
		return false, err
	}
	oldest, err := find[models.Change](w.Reader, "changes", w.from("changes").Where("number > ?", forgotten).Order("number").Limit(forgottenAtOnce))
	if err != nil {
		return false, err
	}
	last, n := forgotten, 0
	for n < len(oldest) && oldest[n].OccurredAt.Before(before) {
		last = oldest[n].Number
		n++
	}
	if n == 0 {
		return false, nil
	}
	if _, err := w.tx.ExecContext(w.ctx, "UPDATE counters SET value = ? WHERE name = ?", last, forgottenChange); err != nil {
		return false, wrap(err)
	}
	_, err = w.tx.ExecContext(w.ctx, "DELETE FROM changes WHERE number <= ?", last)
	return n == forgottenAtOnce, wrap(err)
}

// counterForUpdate is a counter, locked until the transaction ends.
func (w *Writer) counterForUpdate(name string) (int64, error) {
	if _, err := w.tx.ExecContext(w.ctx, "UPDATE counters SET value = value WHERE name = ?", name); err != nil {
		return 0, wrap(err)
	}
	return w.counter(name)
}
