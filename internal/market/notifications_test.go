package market_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// notifications lists all, as the system sees them.
func (w *world) notifications() (all []models.Notification) {
	w.Helper()
	w.read(models.System, func(r *store.Reader) (err error) {
		all, _, err = r.Notifications(store.NotificationFilter{}, store.Page{})
		return err
	})
	return all
}

// told writes what is queued: to whom, about what, and whom that names.
func (w *world) told() (lines []string) {
	w.Helper()
	for _, n := range w.notifications() {
		line := fmt.Sprintf("%s to %s: %s #%d at %s, %d of %d live", n.Status(), n.Recipient, n.Type, n.EventNumber, n.CreatedAt.Format(time.DateTime), n.Notice.Live, n.Notice.Resellers)
		for _, r := range n.Notice.Failed {
			line += ", failed for " + r.Name + " since " + r.FailureReason
		}
		for _, r := range n.Notice.Withdrawn {
			line += ", withdrawn from " + r.Name
		}
		lines = append(lines, line)
	}
	return lines
}

// toldOf is an offer with contacts.
func toldOf(id string, contacts []string, resellers ...string) models.PrivateOffer {
	o := offerOf(id, percentage("mail", "", "10"), resellers...)
	o.NotificationContacts = contacts
	return o
}

// "emails are sent when your private offer moves to Live, Ended or is Withdrawn":
// of the offer, not of each reseller, and once to each contact.
func TestWhatIsTold(t *testing.T) {
	onEngines(t, func(w *world) {
		w.submit(toldOf("offer", []string{"a@contoso.example", "b@contoso.example"}, resellerA, resellerB))
		w.submit(toldOf("silent", nil, resellerA))
		w.same("submitted", w.told(), nil)
		w.save(models.Record{Reseller: &models.Reseller{TenantID: resellerB, Name: "Partner b", Type: models.IndirectProvider, Country: "US", BillingCurrency: "EUR"}})
		w.setClock("2024-03-01T00:00:01Z")
		w.work()
		live := "LIVE #6 at 2024-03-01 00:00:01, 1 of 2 live, failed for Partner b since the reseller is no longer part of the CSP program, or is billed through a provider"
		queued := []string{"PENDING to a@contoso.example: " + live, "PENDING to b@contoso.example: " + live}
		w.same("live", w.told(), queued)
		w.work()
		w.same("once", w.told(), queued)

		w.save(models.Record{Reseller: &models.Reseller{TenantID: resellerB, Name: "Renamed", Type: models.IndirectProvider, Country: "US", BillingCurrency: "EUR", InCSPProgram: true}})
		_, vs, err := w.RetryPrivateOffer(background, by(contoso), "offer", nil, nil)
		w.must(err)
		w.must(vs.Err())
		w.work()
		w.same("what was said stays as it was, and an offer goes live once", w.told(), queued)

		w.setClock("2024-03-02T00:00:00Z")
		_, vs, err = w.WithdrawPrivateOffer(background, by(contoso), "offer", []string{resellerB}, nil)
		w.must(err)
		w.must(vs.Err())
		some := "WITHDRAWN #10 at 2024-03-02 00:00:00, 1 of 2 live, withdrawn from Renamed"
		queued = append(queued, "PENDING to a@contoso.example: "+some, "PENDING to b@contoso.example: "+some)
		w.same("withdrawn from one", w.told(), queued)
		_, vs, err = w.WithdrawPrivateOffer(background, by(contoso), "offer", nil, nil)
		w.must(err)
		w.must(vs.Err())
		all := "WITHDRAWN #12 at 2024-03-02 00:00:00, 0 of 2 live"
		queued = append(queued, "PENDING to a@contoso.example: "+all, "PENDING to b@contoso.example: "+all)
		w.same("withdrawn from all", w.told(), queued)

		w.submit(toldOf("ends", []string{"c@contoso.example"}, resellerA))
		w.work()
		w.setClock("2025-01-01T00:00:00Z")
		w.work()
		queued = append(queued, "PENDING to c@contoso.example: LIVE #5 at 2024-03-02 00:00:00, 1 of 1 live", "PENDING to c@contoso.example: ENDED #6 at 2025-01-01 00:00:00, 1 of 1 live")
		w.same("ended", w.told(), queued)
	})
}

// post is a recipient who counts what arrives.
type post struct {
	sync.Mutex
	arrived map[string]int
}

func (p *post) send(_ context.Context, n *models.Notification) models.Delivery {
	p.Lock()
	defer p.Unlock()
	p.arrived[n.ID]++
	return models.Delivery{Outcome: models.OutcomeDelivered, StatusCode: 250}
}

// Whatever number of instances deliver, each notification arrives, and exactly
// once where no instance dies.
func TestDeliverOnSeveralInstances(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		w := newWorld(t, open())
		const offers = 25
		for i := range offers {
			w.submit(toldOf(fmt.Sprintf("offer-%02d", i), []string{"a@contoso.example", "b@contoso.example", "c@contoso.example"}, resellerA))
		}
		w.work()
		recipient := &post{arrived: map[string]int{}}
		var instances sync.WaitGroup
		var mutex sync.Mutex
		var sum market.Delivered
		for range 4 {
			instance := market.New(open(), w.Clock)
			instance.Send = map[models.Channel]market.Send{models.ChannelMail: recipient.send}
			instances.Go(func() {
				done, err := instance.Deliver(background)
				if err != nil {
					t.Error(err)
				}
				mutex.Lock()
				defer mutex.Unlock()
				sum.Delivered += done.Delivered
				sum.Failed += done.Failed
				sum.Dead += done.Dead
			})
		}
		instances.Wait()
		if want := (market.Delivered{Delivered: 3 * offers}); sum != want {
			t.Errorf("the instances count %+v, want %+v", sum, want)
		}
		if len(recipient.arrived) != 3*offers {
			t.Errorf("%d notifications arrived, want %d", len(recipient.arrived), 3*offers)
		}
		for id, times := range recipient.arrived {
			if times != 1 {
				t.Errorf("%s arrived %d times", id, times)
			}
		}
		for _, n := range w.notifications() {
			if n.Status() != models.NotificationDelivered || n.AttemptCount != 1 || !n.DeliveredAt.Equal(w.clock) || n.LeasedUntil != nil {
				t.Errorf("%+v", n)
			}
		}
	})
}

// An instance that is gone once it has sent, before it could record that, leaves
// the notification to another, when its lease is over and not before: it arrives
// at least once.
func TestDeliverAfterAnInstanceDied(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		w := newWorld(t, open())
		w.submit(toldOf("offer", []string{"a@contoso.example"}, resellerA))
		w.work()
		recipient := &post{arrived: map[string]int{}}
		doomed := open()
		dying := market.New(doomed, w.Clock)
		dying.Send = map[models.Channel]market.Send{models.ChannelMail: func(ctx context.Context, n *models.Notification) models.Delivery {
			delivery := recipient.send(ctx, n)
			w.must(doomed.Close())
			return delivery
		}}
		if done, err := dying.Deliver(background); err == nil || done != (market.Delivered{}) {
			t.Errorf("an instance that is gone answers %+v, %v", done, err)
		}
		w.Send = map[models.Channel]market.Send{models.ChannelMail: recipient.send}
		deliver := func(what string, want market.Delivered) {
			t.Helper()
			done, err := w.Deliver(background)
			w.must(err)
			if done != want {
				t.Errorf("%s: %+v, want %+v", what, done, want)
			}
		}
		w.clock = w.clock.Add(2*time.Minute - time.Microsecond)
		deliver("while the lease lasts", market.Delivered{})
		w.clock = w.clock.Add(time.Microsecond)
		deliver("when it is over", market.Delivered{Delivered: 1})
		deliver("then", market.Delivered{})
		n := w.notifications()[0]
		if recipient.arrived[n.ID] != 2 {
			t.Errorf("it arrived %d times, want 2", recipient.arrived[n.ID])
		}
		w.read(models.System, func(r *store.Reader) error {
			log, err := r.NotificationAttempts([]string{n.ID})
			if len(log) != 2 || log[0].Outcome != "" || log[1].Outcome != models.OutcomeDelivered {
				t.Errorf("the log does not show the attempt that was cut off: %+v", log)
			}
			return err
		})
	})
}

// What fails is tried again, later and later, and given up after three days; what
// is refused is given up at once; both can be delivered anew.
func TestDeliverAgainAndAgain(t *testing.T) {
	onEngines(t, func(w *world) {
		w.submit(toldOf("offer", []string{"a@contoso.example"}, resellerA))
		w.work()
		began := w.clock
		answer := models.Delivery{Outcome: models.OutcomeFailed, StatusCode: 451, Error: "greylisted"}
		w.Send = map[models.Channel]market.Send{models.ChannelMail: func(context.Context, *models.Notification) models.Delivery { return answer }}
		deliver := func(what string, want market.Delivered) models.Notification {
			w.Helper()
			done, err := w.Deliver(background)
			w.must(err)
			if done != want {
				w.Errorf("%s: %+v, want %+v", what, done, want)
			}
			return w.notifications()[0]
		}
		redeliver := func() string {
			w.Helper()
			_, vs, err := w.RedeliverNotification(background, by(contoso), w.notifications()[0].ID)
			w.must(err)
			return codes(vs)
		}
		n := deliver("first", market.Delivered{Failed: 1})
		for n.AttemptCount < 3 {
			w.clock = n.NextAttemptAt.Add(-time.Microsecond)
			deliver("too early", market.Delivered{})
			w.clock = *n.NextAttemptAt
			n = deliver("again", market.Delivered{Failed: 1})
		}
		if n.LastError != "greylisted" || n.Status() != models.NotificationPending {
			w.Errorf("after three failures: %+v", n)
		}
		for n.NextAttemptAt != nil {
			w.clock = *n.NextAttemptAt
			_, err := w.Deliver(background)
			w.must(err)
			n = w.notifications()[0]
		}
		lasted := w.clock.Sub(began)
		if n.Status() != models.NotificationDead || lasted < 64*time.Hour || lasted > models.NotificationPatience || n.AttemptCount < 19 || n.AttemptCount > 21 {
			w.Errorf("given up after %v and %d attempts: %+v", lasted, n.AttemptCount, n)
		}
		w.same("delivered anew", []string{redeliver()}, []string{""})
		answer = models.Delivery{Outcome: models.OutcomeRefused, StatusCode: 550, Error: "nobody of this name"}
		if n = deliver("refused", market.Delivered{Dead: 1}); n.Status() != models.NotificationDead || n.LastError != "nobody of this name" {
			w.Errorf("refused: %+v", n)
		}
		w.same("and once more", []string{redeliver()}, []string{""})
		answer = models.Delivery{Outcome: models.OutcomeDelivered, StatusCode: 250}
		if n = deliver("at last", market.Delivered{Delivered: 1}); n.Status() != models.NotificationDelivered || n.LastError != "" || n.DeadAt != nil {
			w.Errorf("delivered: %+v", n)
		}
		w.same("also what was delivered", []string{redeliver()}, []string{""})

		// Others' notifications are none, and what is being sent is left alone.
		_, vs, err := w.RedeliverNotification(background, by(fabrikam), n.ID)
		w.must(err)
		w.same("another's", []string{codes(vs)}, []string{"id:NOT_FOUND"})
		w.Send[models.ChannelMail] = func(context.Context, *models.Notification) models.Delivery {
			w.same("while it is sent", []string{redeliver()}, []string{"id:INVALID_STATE"})
			return answer
		}
		deliver("the last time", market.Delivered{Delivered: 1})
	})
}

// What no instance can send waits, and is given up after three days.
func TestDeliverWithoutAServer(t *testing.T) {
	onEngines(t, func(w *world) {
		w.submit(toldOf("offer", []string{"a@contoso.example"}, resellerA))
		w.work()
		w.clock = w.clock.Add(models.NotificationPatience - time.Microsecond)
		if done, err := w.Deliver(background); err != nil || done != (market.Delivered{}) {
			w.Errorf("%+v, %v", done, err)
		}
		w.clock = w.clock.Add(time.Microsecond)
		if done, err := w.Deliver(background); err != nil || done != (market.Delivered{Dead: 1}) {
			w.Errorf("%+v, %v", done, err)
		}
		n := w.notifications()[0]
		if n.Status() != models.NotificationDead || n.AttemptCount != 0 || n.LastError != "no server is configured that sends such notifications" {
			w.Errorf("%+v", n)
		}
	})
}

// Who hangs has one place: everybody else is served meanwhile, by the same channel
// and by others.
func TestDeliverPastWhoHangs(t *testing.T) {
	onEngines(t, func(w *world) {
		const offers = 20
		for i := range offers {
			w.submit(toldOf(fmt.Sprintf("offer-%02d", i), []string{"slow@contoso.example", "quick@contoso.example"}, resellerA))
		}
		w.work()
		release, quick := make(chan struct{}), make(chan struct{}, offers)
		var hanging atomic.Int32
		w.Send = map[models.Channel]market.Send{models.ChannelMail: func(_ context.Context, n *models.Notification) models.Delivery {
			if strings.HasPrefix(n.Recipient, "slow") {
				if hanging.Add(1) > 1 {
					w.Error("who hangs is sent to twice at once")
				}
				<-release
				hanging.Add(-1)
			} else {
				quick <- struct{}{}
			}
			return models.Delivery{Outcome: models.OutcomeDelivered, StatusCode: 250}
		}}
		ended := make(chan market.Delivered)
		go func() {
			done, err := w.Deliver(background)
			w.must(err)
			ended <- done
		}()
		for range offers {
			<-quick
		}
		close(release)
		if done := <-ended; done != (market.Delivered{Delivered: 2 * offers}) {
			w.Errorf("%+v", done)
		}
	})
}
