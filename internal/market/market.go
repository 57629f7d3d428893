// Package market is the jobs that two doors need, GraphQL and the command line:
// record facts, move private offers along, rate months, list margins, verify.
//
// Each job is one function: load, compute, save. What is computed comes from
// models and rating, which are pure; what is loaded and saved goes through
// internal/store, bound to the viewer who asks.
package market

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"sellthrough/internal/follow"
	"sellthrough/internal/store"
	"sellthrough/internal/webhook"
	"sellthrough/models"
)

// Market is a store with what the jobs need besides. Its only state is an index
// of what the store holds (KeepIndex), which may be thrown away at any time: any
// number of them, in any number of processes, may share a database.
type Market struct {
	Store *store.Store
	// Clock tells the instant of recording.
	Clock func() time.Time
	// CredentialClock is the machine's, by which API keys live and what is kept in
	// memory grows old; nil is Clock.
	CredentialClock func() time.Time
	// Limits are those of private offers (D10), Refunds those of D19.
	Limits  models.Limits
	Refunds models.RefundPolicy
	// GoLive is how long submitting is promised to take (rules 2.3).
	GoLive models.GoLive
	// Send carries notifications to their recipients, by channel. What has a
	// channel that is missing here waits until it is given up.
	Send map[models.Channel]Send
	// Webhooks sends to the programs of publishers, and keeps their secrets.
	// Whoever asks for an endpoint to be made or changed sets it, and whoever sends.
	Webhooks *webhook.Sender
	// Watch hears of the jobs; nil hears nothing.
	Watch Watch
	// Changes is the log that others follow; a server runs it.
	Changes *follow.Log

	// kept is the last index of all margins, nil where nobody follows the log.
	kept *atomic.Pointer[keptIndex]
	// rehearsal is the transaction that takes all changes and is undone, nil for
	// each change its own.
	rehearsal *store.Writer
}

// New returns a market with the limits and times of the rules (D10, D19, 2.3).
func New(s *store.Store, clock func() time.Time) *Market {
	return &Market{Store: s, Clock: clock, Limits: models.DefaultLimits, Refunds: models.DefaultRefundPolicy, GoLive: models.DefaultGoLive, Changes: follow.New(s), kept: new(atomic.Pointer[keptIndex])}
}

// Watch hears of each job when it begins, and by done when it has ended. The
// context that it returns is the job's. It is safe for concurrent use.
type Watch interface {
	// Record hears that facts of a kind (usage, purchases, catalogue) come in, and
	// how those were answered that were looked at.
	Record(ctx context.Context, facts string) (job context.Context, done func(answers []Outcome, err error))
	// Rate hears that months are rated, from loading their facts on.
	Rate(ctx context.Context) (job context.Context, done func(err error))
	// Work hears of one look at what is due.
	Work(ctx context.Context) (job context.Context, done func(worked Worked, err error))
	// Deliver hears of one attempt to deliver a notification, and where that left it.
	Deliver(ctx context.Context, channel models.Channel) (job context.Context, done func(delivery models.Delivery, left models.NotificationStatus))
}

// Now is the instant that the clock shows, in UTC and in the microseconds that
// every engine keeps.
func (m *Market) Now() time.Time { return m.Clock().UTC().Truncate(time.Microsecond) }

// Status is what became of one record.
type Status string

// The answers. A DUPLICATE is there already with the same content, so that the
// same file or call may be sent again (files.md).
const (
	Accepted  Status = "ACCEPTED"
	Duplicate Status = "DUPLICATE"
	Rejected  Status = "REJECTED"
)

// Outcome is the answer for one record. A REJECTED one has every violation that
// could be seen at once, and left the database as it was.
type Outcome struct {
	Status     Status
	Violations models.Violations
	// Warning is what an ACCEPTED record has brought about that its sender may
	// not want, empty for nothing.
	Warning string
}

// Faults are what reading found wrong with the records of a batch, by position:
// everything that can be seen in the record alone, as its Check would say. A
// record with faults is never accepted; it is told what the market holds
// against it as well, behind its faults. Nil stands for no faults: then the
// records are checked here.
type Faults []models.Violations

func (f Faults) of(i int) models.Violations {
	if i < len(f) {
		return f[i]
	}
	return nil
}

// reject turns the outcome into a refusal.
func (o *Outcome) reject(vs models.Violations) {
	o.Status, o.Violations = Rejected, append(o.Violations, vs...)
}

// violation is one refusal of a whole record or input.
func violation(field string, code models.Code, message string) models.Violations {
	var vs models.Violations
	vs.Add(field, code, message)
	return vs
}

// productsOf are the products of the subscriptions, sorted.
func productsOf(subscriptions []models.Subscription) []string {
	ids := map[string]bool{}
	for i := range subscriptions {
		ids[subscriptions[i].ProductID] = true
	}
	return sortedKeys(ids)
}

// sortedKeys is never nil: to the store, nil stands for everything.
func sortedKeys(set map[string]bool) []string {
	keys := slices.AppendSeq(make([]string, 0, len(set)), maps.Keys(set))
	slices.Sort(keys)
	return keys
}
