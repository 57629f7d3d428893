// Package follow lets many listeners of one process follow the log of changes,
// which is polled once for all of them, and only while somebody waits.
//
// Each listener keeps its own place, the number of the last change that it knows,
// and asks for what comes after it. So nobody is held up by a slow one, nothing is
// kept for it, and it misses nothing: it reads on in the log where it left off.
package follow

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// most is how many changes are read or handed over at once, kept how many of the
// latest are in memory, for those who keep up.
const (
	most = 500
	kept = 1_500
)

// Log is the log of changes of one database. It is safe for many at once.
type Log struct {
	store *store.Store

	lock sync.Mutex
	// recent are the latest changes up to last, without a gap; they mean nothing
	// before the first look at the database.
	recent []models.Change
	last   int64
	known  bool
	// looked is the tick of the last look that found out all up to last, quiet
	// what was last before that came to be known, and the tick that found no more.
	looked time.Time
	quiet  struct {
		last   int64
		looked time.Time
	}
	// news is closed, and replaced, when there is something after last.
	news    chan struct{}
	waiting int
}

// New returns the log of the database. Nobody hears anything before Run runs.
func New(s *store.Store) *Log { return &Log{store: s, news: make(chan struct{})} }

// Run looks for changes at each tick, as long as somebody waits for them, until
// the context ends. What cannot be read is logged, and read at the next tick.
func (l *Log) Run(ctx context.Context, ticks <-chan time.Time, logger *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-ticks:
			if err := l.look(ctx, at); err != nil && ctx.Err() == nil {
				logger.ErrorContext(ctx, "changes cannot be followed", "error", err)
			}
		}
	}
}

// Quiet is the latest tick at which no change after a number was there to be
// found: whoever knows the changes up to that number knew all of them then. It is
// zero where that is not known.
func (l *Log) Quiet(number int64) time.Time {
	l.lock.Lock()
	defer l.lock.Unlock()
	switch {
	case l.known && number >= l.last:
		return l.looked
	case l.known && number >= l.quiet.last:
		return l.quiet.looked
	}
	return time.Time{}
}

// Position is where to begin: after the number if there is one, or else at the
// present. store.ErrForgotten: the log does not reach back so far, or has never
// come so far.
func (l *Log) Position(ctx context.Context, after *int64) (position int64, err error) {
	err = l.store.Read(ctx, models.System, func(r *store.Reader) (err error) {
		if after == nil {
			position, err = r.LastChange()
			return err
		}
		position = *after
		_, err = r.Changes(position, 1)
		return err
	})
	return position, err
}

// Next returns the changes after a number, in their order, at most 500; it
// waits until there is one. The error is the context's, store.ErrForgotten where
// the caller has fallen too far behind, or the database's.
func (l *Log) Next(ctx context.Context, after int64) ([]models.Change, error) {
	for {
		found, covered, news := l.after(after)
		if !covered {
			var err error
			if found, err = l.read(ctx, after); err != nil {
				return nil, err
			}
		}
		if len(found) > 0 {
			return found, nil
		}
		if err := l.wait(ctx, news); err != nil {
			return nil, err
		}
	}
}

// after finds what comes after a number among the recent changes; covered tells
// whether they reach from there to the last one that is known. What is found out
// later is told by closing news.
func (l *Log) after(number int64) (found []models.Change, covered bool, news <-chan struct{}) {
	l.lock.Lock()
	defer l.lock.Unlock()
	begin := l.last - int64(len(l.recent))
	if !l.known || number < begin || number > l.last {
		return nil, false, l.news
	}
	rest := l.recent[number-begin:]
	return slices.Clone(rest[:min(len(rest), most)]), true, l.news
}

func (l *Log) wait(ctx context.Context, news <-chan struct{}) error {
	l.count(1)
	defer l.count(-1)
	select {
	case <-news:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Log) count(n int) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.waiting += n
}

func (l *Log) read(ctx context.Context, after int64) (found []models.Change, err error) {
	err = l.store.Read(ctx, models.System, func(r *store.Reader) (err error) {
		found, err = r.Changes(after, most)
		return err
	})
	return found, err
}

// look reads what came since the last look, and wakes those who wait if that is
// anything.
func (l *Log) look(ctx context.Context, at time.Time) error {
	l.lock.Lock()
	known, last, waiting := l.known, l.last, l.waiting
	l.lock.Unlock()
	if waiting == 0 {
		return nil
	}
	if known {
		found, err := l.read(ctx, last)
		if err == nil {
			l.add(found, last, at)
		}
		if !errors.Is(err, store.ErrForgotten) {
			return err
		}
	}
	// The first look, or the first after a very long time. Those who wait look for
	// themselves, each from its own place.
	last, err := l.Position(ctx, nil)
	if err == nil {
		l.begin(last, at)
	}
	return err
}

func (l *Log) begin(last int64, at time.Time) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.recent, l.last, l.known = nil, last, true
	l.looked, l.quiet.last, l.quiet.looked = at, last, at
	l.tell()
}

func (l *Log) add(found []models.Change, after int64, at time.Time) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.last != after {
		return // somebody began anew meanwhile
	}
	if len(found) == 0 {
		l.looked = at
		return
	}
	l.quiet.last, l.quiet.looked = l.last, l.looked
	if len(l.recent)+len(found) > kept {
		l.recent = slices.Clone(l.recent[max(0, len(l.recent)+len(found)-kept/2):])
	}
	l.recent, l.last = append(l.recent, found...), found[len(found)-1].Number
	if l.looked = at; len(found) == most {
		l.looked = time.Time{} // there may be more
	}
	l.tell()
}

func (l *Log) tell() {
	close(l.news)
	l.news = make(chan struct{})
}
