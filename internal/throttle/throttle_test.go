package throttle

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

var (
	start   = time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC)
	options = Options{Restore: 10, Burst: 100, Running: 2, Total: 3, Waiting: 1, Identities: 10}
	ada     = Identity{Name: "ada"}
	bob     = Identity{Name: "bob"}
)

func TestTake(t *testing.T) {
	throttle := New(options)
	after := 0 * time.Second
	for i, c := range []struct {
		who   Identity
		after time.Duration
		cost  int
		want  Allowance
	}{
		{ada, 0, 100, Allowance{0, 0, 100, 10}},
		{ada, 0, 1, Allowance{100 * time.Millisecond, 0, 100, 10}},
		{ada, 0, 50, Allowance{5 * time.Second, 0, 100, 10}},
		{bob, 0, 40, Allowance{0, 60, 100, 10}},
		{ada, 4 * time.Second, 50, Allowance{time.Second, 40, 100, 10}},
		{ada, time.Second, 50, Allowance{0, 0, 100, 10}},
		{bob, 0, 0, Allowance{0, 100, 100, 10}}, // never more than it can save up
		// What costs more than that takes all.
		{bob, 0, 1000, Allowance{0, 0, 100, 10}},
		{bob, 5 * time.Second, 1000, Allowance{5 * time.Second, 50, 100, 10}},
		{bob, 5 * time.Second, 1000, Allowance{0, 0, 100, 10}},
		// A stranger has a tenth, and shares nothing with who signs in by that name.
		{Identity{"ada", true}, 0, 10, Allowance{0, 0, 10, 1}},
		{Identity{"ada", true}, 0, 1, Allowance{time.Second, 0, 10, 1}},
	} {
		after += c.after
		if got := throttle.Take(c.who, c.cost, start.Add(after)); got != c.want {
			t.Errorf("step %d: %+v, not %+v", i, got, c.want)
		}
	}
}

// Thousands of others cost nobody who goes on asking its allowance, and no memory.
func TestIdentitiesAreBounded(t *testing.T) {
	throttle := New(options)
	throttle.Take(ada, 100, start)
	for i := range 10_000 {
		throttle.Take(Identity{fmt.Sprint(i), true}, 1, start)
		if got := throttle.Take(ada, 1, start); got.Wait == 0 {
			t.Fatalf("after %d others ada has an allowance again", i)
		}
	}
}

func TestEnter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle := New(options)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		enter := func(who Identity) func() {
			leave, err := throttle.Enter(ctx, who)
			if err != nil {
				t.Fatal(err)
			}
			return leave
		}
		first, second := enter(ada), enter(ada)
		entered := make(chan func())
		go func() { entered <- enter(ada) }() // has two running: waits
		synctest.Wait()
		select {
		case <-entered:
			t.Fatal("three requests of one identity run at once")
		default:
		}
		bobs := enter(bob) // ada's wait keeps nobody else out
		if _, err := throttle.Enter(ctx, ada); !errors.Is(err, ErrFull) {
			t.Errorf("a second one of ada's that would wait: %v", err)
		}
		first()
		third := <-entered
		given := make(chan error)
		go func() {
			_, err := throttle.Enter(ctx, bob) // three run in all: waits
			given <- err
		}()
		synctest.Wait()
		if _, err := throttle.Enter(ctx, Identity{Name: "eve"}); !errors.Is(err, ErrFull) {
			t.Errorf("a second one that would wait for any turn: %v", err)
		}
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
		second()
		third()
		bobs()
		ctx = t.Context()
		for _, leave := range []func(){enter(bob), enter(bob), enter(ada)} { // all turns are free again
			defer leave()
		}
	})
}
