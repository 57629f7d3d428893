// Package throttle shares out what a server can do among those who ask, so that
// nobody can take all of it.
package throttle

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"sellthrough/internal/recent"
)

// Options say how much there is to share.
type Options struct {
	// Restore is the cost that each identity gets back in a second, Burst the most
	// that it can save up. Who is not signed in has a tenth of both.
	Restore, Burst int
	// Running is how many requests of one identity run at once, Total how many of
	// all. Further ones wait: at most Waiting of them for a turn among all, and an
	// eighth as many of one identity for one of its own, so that it fills no place
	// of others.
	Running, Total, Waiting int
	// Identities is how many are remembered: those that have been idle for longest
	// are forgotten, and begin anew.
	Identities int
}

// Defaults are good for a server of a few cores. An identity can run a third of a
// core without end, or a month's reports all at once. Few of its requests run at
// once: what all share is processors, and who asks for much must not have them all.
var Defaults = Options{
	Restore: 20_000, Burst: 1_000_000, Running: max(4, 2*runtime.GOMAXPROCS(0)), Total: 64, Waiting: 512, Identities: 20_000,
}

// strangersShare is the part of an identity's allowance that who is not signed in
// has.
const strangersShare = 10

// Throttle remembers what each identity has left. It is safe for many at once.
type Throttle struct {
	options    Options
	identities recent.Map[Identity, *identity]
	turns      chan struct{} // one entry for each request that runs
	waiting    atomic.Int64
}

// Identity is who shares one allowance: all that has the name.
type Identity struct {
	Name string
	// Stranger is an identity that is not signed in: an address.
	Stranger bool
}

type identity struct {
	left    *rate.Limiter
	turns   chan struct{}
	waiting atomic.Int64
}

// New returns a throttle that has forgotten nobody yet.
func New(options Options) *Throttle {
	return &Throttle{
		options:    options,
		identities: recent.Map[Identity, *identity]{Most: max(1, options.Identities/2)},
		turns:      make(chan struct{}, max(1, options.Total)),
	}
}

// Allowance is what an identity has.
type Allowance struct {
	// Wait is how long it must wait until it has what was asked; 0 where it was
	// taken.
	Wait time.Duration
	// Available is the cost that it has left, Burst the most that it can have,
	// Restore what it gets back in a second.
	Available, Burst, Restore int
}

func (t *Throttle) of(who Identity) (*identity, Allowance) {
	a := Allowance{Burst: t.options.Burst, Restore: t.options.Restore}
	if who.Stranger {
		a.Burst, a.Restore = max(1, a.Burst/strangersShare), max(1, a.Restore/strangersShare)
	}
	return t.identities.GetOrPut(who, 1, func() *identity {
		return &identity{left: rate.NewLimiter(rate.Limit(a.Restore), a.Burst), turns: make(chan struct{}, max(1, t.options.Running))}
	}), a
}

// Take takes the cost from what the identity has left, or takes nothing and says
// how long to wait. What costs more than the identity can save up takes all of it:
// otherwise it could never be had.
func (t *Throttle) Take(who Identity, cost int, now time.Time) Allowance {
	known, a := t.of(who)
	reservation := known.left.ReserveN(now, min(cost, a.Burst))
	if a.Wait = reservation.DelayFrom(now); a.Wait > 0 {
		reservation.CancelAt(now)
	}
	a.Available = max(0, int(known.left.TokensAt(now)))
	return a
}

// ErrFull is what Enter returns where too many wait already.
var ErrFull = errors.New("too many requests are waiting")

// Enter waits until a request of the identity may run. The error is ErrFull, or
// the context's. Whoever entered calls leave once.
func (t *Throttle) Enter(ctx context.Context, who Identity) (leave func(), err error) {
	known, _ := t.of(who)
	if err := turn(ctx, known.turns, &known.waiting, max(1, t.options.Waiting/8)); err != nil {
		return nil, err
	}
	if err := turn(ctx, t.turns, &t.waiting, t.options.Waiting); err != nil {
		<-known.turns
		return nil, err
	}
	return func() { <-t.turns; <-known.turns }, nil
}

// turn waits for one of the turns, unless as many as may wait already.
func turn(ctx context.Context, turns chan struct{}, waiting *atomic.Int64, most int) error {
	select {
	case turns <- struct{}{}:
		return nil
	default:
	}
	defer waiting.Add(-1)
	if waiting.Add(1) > int64(most) {
		return ErrFull
	}
	select {
	case turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
