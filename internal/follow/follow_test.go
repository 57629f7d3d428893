package follow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"sellthrough/internal/follow"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// change makes n changes in one transaction, named after who makes them.
func change(t testing.TB, s *store.Store, who string, n int) {
	t.Helper()
	err := s.Write(context.Background(), models.System, func(w *store.Writer) error {
		for i := range n {
			record := models.Record{Publisher: &models.Publisher{ID: fmt.Sprint(who, "-", i)}}
			if _, err := w.SaveRecord(record, time.Unix(1_700_000_000, 0)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// running is a log that is looked at whenever somebody waits: the channel of ticks
// is always ready.
func running(t testing.TB, s *store.Store) *follow.Log {
	t.Helper()
	log, ticks := follow.New(s), make(chan time.Time)
	ctx, stop := context.WithCancel(context.Background())
	var over sync.WaitGroup
	over.Go(func() { log.Run(ctx, ticks, slog.New(slog.DiscardHandler)) })
	over.Go(func() {
		for ctx.Err() == nil {
			select {
			case ticks <- time.Time{}:
			case <-ctx.Done():
			}
		}
	})
	t.Cleanup(func() { stop(); over.Wait() })
	return log
}

// Many listeners, from different places, hear of every change once and in order,
// whoever makes them and however many at once.
func TestEverybodyHearsEverything(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		ctx, s := context.Background(), open()
		log := running(t, s)
		change(t, s, "before", 3)
		const rounds, each = 20, 5
		last := int64(3 + rounds*each + 1_600) // the last round is more than is kept
		var all sync.WaitGroup
		for listener := range 6 {
			from := int64(listener % 4)
			var after *int64
			if listener < 4 {
				after = &from
			}
			position, err := log.Position(ctx, after)
			if after == nil {
				from = 3
			}
			if err != nil || position != from {
				t.Fatal(position, err)
			}
			all.Go(func() {
				for at := position; at < last; {
					found, err := log.Next(ctx, at)
					if err != nil || len(found) == 0 {
						t.Error(len(found), err)
						return
					}
					for _, c := range found {
						if at++; c.Number != at {
							t.Errorf("%d comes where %d is due", c.Number, at)
							return
						}
					}
				}
			})
		}
		other := open()
		for i := range rounds {
			change(t, other, fmt.Sprint("round-", i), each)
		}
		change(t, other, "many", 1_600)
		all.Wait()
	})
}

// Whoever is too late, or comes with a number from elsewhere, is told so; whoever
// gives up is let go; and without anybody who waits the database is left alone.
func TestWhoCannotFollow(t *testing.T) {
	ctx := context.Background()
	reads := 0
	s, err := store.Open(ctx, storetest.Database(t, "sqlite"), store.Options{Watch: func(_ context.Context, write bool) func(int, error) {
		if !write {
			reads++
		}
		return func(int, error) {}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	change(t, s, "a", 3)
	err = s.Write(ctx, models.System, func(w *store.Writer) error {
		_, err := w.ForgetChanges(time.Unix(1_800_000_000, 0))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	log := follow.New(s)
	for _, after := range []int64{0, 2, 4, -1} {
		if _, err := log.Position(ctx, &after); !errors.Is(err, store.ErrForgotten) {
			t.Errorf("from %d: %v", after, err)
		}
		if _, err := log.Next(ctx, after); !errors.Is(err, store.ErrForgotten) {
			t.Errorf("after %d: %v", after, err)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := log.Next(gone, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("after giving up: %v", err)
	}
	ticks, over, before := make(chan time.Time), make(chan struct{}), reads
	running, stop := context.WithCancel(ctx)
	var said strings.Builder
	go func() { log.Run(running, ticks, slog.New(slog.NewTextHandler(&said, nil))); close(over) }()
	for range 3 {
		ticks <- time.Time{}
	}
	stop()
	<-over
	if reads != before || said.Len() > 0 {
		t.Errorf("nobody waits, and the database is read %d times: %s", reads-before, &said)
	}
}
