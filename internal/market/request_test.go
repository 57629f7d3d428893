package market_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// under is a request with a key; each key stands for one input here.
func under(viewer models.Viewer, key string) market.Request {
	return market.Request{Viewer: viewer, IdempotencyKey: &key, Digest: models.Digest{1}}
}

// However many ask at once with one key, it happens once and all are answered
// the same.
func TestOneKeyAtOnce(t *testing.T) {
	const rounds, askers = 150, 4
	onEngines(t, func(w *world) {
		for round := range rounds {
			request := under(contoso, fmt.Sprint("offer ", round))
			answers := make([]string, askers)
			w.together(askers, func(i int) error {
				offer, vs, err := w.CreatePrivateOffer(background, request, models.PrivateOffer{Name: fmt.Sprint("Offer ", round)})
				if offer != nil {
					answers[i] = fmt.Sprintf("%+v", *offer)
				}
				return errorOf(vs, err)
			})
			if len(slices.Compact(answers)) != 1 || answers[0] == "" {
				w.Fatalf("round %d: %q", round, answers)
			}
		}
		w.read(contoso, func(r *store.Reader) error {
			n, err := r.CountPrivateOffers(store.OfferFilter{})
			if n != rounds {
				w.Errorf("%d offers of %d keys", n, rounds)
			}
			return err
		})
	})
}

// The same for facts, which have keys of their own beside.
func TestOneKeyAtOnceForUsage(t *testing.T) {
	const rounds, askers = 100, 4
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("s", "2024-03-01T00:00:00Z", "metered"))
		for round := range rounds {
			request := under(models.System, fmt.Sprint("usage ", round))
			w.together(askers, func(int) error {
				outcomes, vs, err := w.RecordUsage(background, request, []models.UsageRecord{use(fmt.Sprint(round), "s", "2024-03-05T00:00:00Z", "1")}, nil)
				if err == nil && len(vs) == 0 && outcomes[0].Status != market.Accepted { // a duplicate was not the first
					return fmt.Errorf("round %d: %s", round, outcomes[0].Status)
				}
				return errorOf(vs, err)
			})
		}
		w.same("buckets", w.buckets(), []string{"2024-03 s calls 100/100"})
	})
}

// together runs f n times at once and fails the test with every error.
func (w *world) together(n int, f func(i int) error) {
	w.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if err := f(i); err != nil {
				w.Error(err)
			}
		})
	}
	all.Wait()
}

func errorOf(vs models.Violations, err error) error {
	if err == nil {
		err = vs.Err()
	}
	return err
}

// killed names the database of a process that is to be killed.
const killed = "SELLTHROUGH_TEST_KILLED"

// A process that is killed after the change and its key were written, and before
// they were committed, leaves neither: asked again, the change happens.
func TestKilledBeforeTheCommit(t *testing.T) {
	if url := os.Getenv(killed); url != "" {
		waitToBeKilled(t, url)
		return
	}
	storetest.Databases(t, func(t *testing.T, url string) {
		w := newWorld(t, storetest.Open(t, url))
		before := storetest.Dump(t, url)
		process := exec.Command(os.Args[0], "-test.run=^TestKilledBeforeTheCommit$")
		process.Env = append(os.Environ(), killed+"="+url)
		out, err := process.StdoutPipe()
		w.must(err)
		w.must(process.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		w.must(process.Process.Kill())
		_ = process.Wait() // "killed"
		if line != "written\n" {
			t.Fatal(line, err)
		}
		if changes := storetest.Changes(before, storetest.Dump(t, url)); len(changes) > 0 {
			t.Errorf("it left %q", changes)
		}
		for range 2 {
			offer, vs, err := w.CreatePrivateOffer(background, under(contoso, "k"), models.PrivateOffer{Name: "Once"})
			w.must(errorOf(vs, err))
			if offer.Name != "Once" {
				t.Errorf("%+v", offer)
			}
		}
		w.read(contoso, func(r *store.Reader) error {
			n, err := r.CountPrivateOffers(store.OfferFilter{})
			if n != 1 {
				t.Errorf("%d offers", n)
			}
			return err
		})
	})
}

func waitToBeKilled(t *testing.T, url string) {
	m := market.New(storetest.Open(t, url), func() time.Time { return instant("2024-03-01T00:00:00Z") })
	_, _, err := market.Change(background, m, under(contoso, "k"), func(w *store.Writer) (string, bool, error) {
		offer := models.PrivateOffer{ID: "killed", PublisherID: "contoso", Name: "Once", Version: 1, CreatedAt: m.Now(), UpdatedAt: m.Now()}
		if err := w.CreateOffer(&offer); err != nil {
			return "", false, err
		}
		if err := w.KeepAnswer("k", models.Digest{1}, []byte(`"killed"`), m.Now()); err != nil {
			return "", false, err
		}
		fmt.Println("written")
		select {} // the parent kills
	})
	t.Fatal(err)
}

// Work forgets keys after seven days, and not before.
func TestWorkForgetsKeys(t *testing.T) {
	onEngines(t, func(w *world) {
		create := func() string {
			offer, vs, err := w.CreatePrivateOffer(background, under(contoso, "k"), models.PrivateOffer{Name: "Draft"})
			w.must(errorOf(vs, err))
			return offer.ID
		}
		first := create()
		w.clock = w.clock.Add(market.IdempotencyKeyLife)
		w.work()
		if again := create(); again != first {
			w.Errorf("within its life the key made another offer")
		}
		w.clock = w.clock.Add(time.Microsecond)
		w.work()
		if again := create(); again == first {
			w.Errorf("the key is kept for ever")
		}
	})
}

// A key is checked with the rest of the input, and told with it.
func TestAllViolationsAtOnce(t *testing.T) {
	onEngines(t, func(w *world) {
		for _, key := range []string{"", "ü", "line\n", "\x7f", strings.Repeat("k", 256)} {
			_, vs, err := w.CreatePrivateOffer(background, under(contoso, key), models.PrivateOffer{NotificationContacts: []string{"nobody"}})
			w.must(err)
			if codes(vs) != "idempotencyKey:INVALID_IDEMPOTENCY_KEY name:NAME_REQUIRED notificationContacts.0:INVALID_EMAIL" {
				w.Errorf("%q: %s", key, codes(vs))
			}
		}
	})
}
