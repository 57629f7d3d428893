package market

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// Request is somebody's wish to change something. Every function here that
// changes anything takes one, so that none can forget what it promises: asked
// twice with one key, the change happens once; validated only, it does not
// happen.
type Request struct {
	// Viewer is who asks.
	Viewer models.Viewer
	// IdempotencyKey, if not nil, is the asker's own name for this change: 1 to
	// 255 bytes of printable ASCII. It belongs to the viewer's role and
	// organisation, and is kept for IdempotencyKeyLife at least.
	IdempotencyKey *string
	// Digest tells what is asked for from anything else under the same key: it
	// covers the name of the change and its whole input. Without a key it is of
	// no use.
	Digest models.Digest
	// ValidateOnly does everything and keeps nothing: the answer is what it would
	// have been, with an id that will be another and instants that will be later.
	ValidateOnly bool
}

// IdempotencyKeyLife is how long a change can be asked for again, counted from
// its commit. Later its key may be forgotten, and asking again does it again.
const IdempotencyKeyLife = 7 * 24 * time.Hour

// maxIdempotencyKey bounds a key, in bytes.
const maxIdempotencyKey = 255

// Check tells what is wrong with the request itself, whatever it asks for.
func (r Request) Check() (vs models.Violations) {
	if r.IdempotencyKey == nil {
		return nil
	}
	unfit := func(c rune) bool { return c < ' ' || c > '~' }
	if key := *r.IdempotencyKey; key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, unfit) {
		vs.Add(fieldIdempotencyKey, models.CodeInvalidIdempotencyKey, "is not 1 to 255 printable characters of ASCII: send a random UUID, a new one for each change")
	}
	return vs
}

// fieldIdempotencyKey is where every input has its key.
const fieldIdempotencyKey = "idempotencyKey"

// errValidated undoes a change that was asked for to validate it only.
var errValidated = errors.New("market: validated only")

// change is the one way in which this package changes what is stored: the key,
// the change and its answer are one transaction. run makes the change and its
// answer; it returns Violations as the error where all of it is refused, and
// false where the answer refuses all there was, so that its key stays free.
//
// The answer is kept as JSON, hence T must survive that; what must not be told
// twice is left out of it by its tags.
func change[T any](ctx context.Context, m *Market, request Request, run func(w *store.Writer) (answer T, changed bool, err error)) (T, models.Violations, error) {
	var answer T
	faults := request.Check()
	keyed := request.IdempotencyKey != nil && len(faults) == 0
	err := m.write(ctx, request.Viewer, func(w *store.Writer) error {
		if keyed {
			if again, replayed, err := replay[T](w, request); replayed || err != nil {
				answer = again
				return err
			}
		}
		made, changed, err := run(w)
		answer = made
		if vs := (models.Violations)(nil); errors.As(err, &vs) {
			err = faults.Merge(vs)
		}
		switch {
		case err != nil:
			return err
		case len(faults) > 0:
			return faults
		case request.ValidateOnly:
			return errValidated
		case keyed && changed:
			return keep(w, request, answer, m.Now())
		}
		return nil
	})
	var none T
	switch vs := (models.Violations)(nil); {
	case err == nil, errors.Is(err, errValidated):
		return answer, nil, nil
	case errors.As(err, &vs):
		return none, vs, nil
	}
	return none, nil, err
}

// Rehearse runs f with a market that keeps nothing: what f changes through it, it
// finds changed, and in the end all of it is undone. So a whole file is answered
// as its import would be, whatever the number of its batches. It is for one
// goroutine and models.System; others who write wait until it is over.
func (m *Market) Rehearse(ctx context.Context, f func(rehearsed *Market) error) error {
	return m.Store.Rehearse(ctx, models.System, func(w *store.Writer) error {
		rehearsed := *m
		rehearsed.rehearsal = w
		return f(&rehearsed)
	})
}

// write runs f in a transaction, or in the step of a rehearsal.
func (m *Market) write(ctx context.Context, viewer models.Viewer, f func(w *store.Writer) error) error {
	if m.rehearsal != nil {
		return m.rehearsal.Step(f)
	}
	return m.Store.Write(ctx, viewer, f)
}

// replay is the answer that the key has already, if it has one. Of two that come
// at once with one key both find none, and the later one to keep its answer is
// refused by the key, undone, and run again: then it is here.
func replay[T any](w *store.Writer, request Request) (answer T, replayed bool, err error) {
	digest, text, err := w.KeptAnswer(*request.IdempotencyKey)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return answer, false, nil
	case err != nil:
		return answer, false, err
	case digest != request.Digest:
		return answer, false, violation(fieldIdempotencyKey, models.CodeIdempotencyConflict, "was used with another input: send a new key, or the same input again")
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, false, fmt.Errorf("market: the answer kept for a key cannot be read: %w", err)
	}
	return answer, true, nil
}

func keep(w *store.Writer, request Request, answer any, now time.Time) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("market: the answer cannot be kept: %w", err)
	}
	return w.KeepAnswer(*request.IdempotencyKey, request.Digest, text, now)
}

// record is change for a batch whose records are answered each for itself. Watch
// hears of those that were answered now, not of what is told again or only
// validated.
func record(ctx context.Context, m *Market, facts string, request Request, run func(w *store.Writer) ([]Outcome, error)) (outcomes []Outcome, vs models.Violations, err error) {
	var recorded []Outcome
	if m.Watch != nil {
		job, done := m.Watch.Record(ctx, facts)
		defer func() {
			if err != nil || len(vs) > 0 || request.ValidateOnly || m.rehearsal != nil {
				recorded = nil
			}
			done(recorded, err)
		}()
		ctx = job
	}
	return change(ctx, m, request, func(w *store.Writer) ([]Outcome, bool, error) {
		outcomes, err := run(w)
		recorded = outcomes
		return outcomes, accepted(outcomes), err
	})
}

func accepted(outcomes []Outcome) bool {
	return slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Status == Accepted })
}
