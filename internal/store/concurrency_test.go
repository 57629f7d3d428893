package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// together runs f n times at once and fails the test with every error.
func together(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Processes that start at the same moment apply each migration once.
func TestMigrateOnce(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			url := storetest.Database(t, dialect)
			stores := make([]*store.Store, 4)
			together(t, len(stores), func(i int) (err error) {
				stores[i], err = store.Open(context.Background(), url, store.Options{})
				return err
			})
			for _, s := range stores {
				version, err := s.Version(context.Background())
				if err != nil || version != store.Newest(t) {
					t.Error(version, err)
				}
				read(t, s, finance, func(r *store.Reader) {
					// A seed that ran twice would have failed.
					if fees := must[[]models.AgencyFeeRate](t)(r.AgencyFees()); len(fees) != 2 {
						t.Error(fees)
					}
				})
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			from, to, err := store.Migrate(context.Background(), url, store.Options{})
			if from != store.Newest(t) || to != store.Newest(t) || err != nil {
				t.Error(from, to, err)
			}
		})
	}
}

// A schema that this program does not know, or does not want to touch, is
// refused with a sentence that says what to do.
func TestSchemaOfAnotherVersion(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			url := storetest.Database(t, dialect)
			_, err := store.Open(context.Background(), url, store.Options{SkipMigrations: true})
			wantMessage(t, err, fmt.Sprintf("the database's schema is version 0 and this program needs %d: run the migrate command", store.Newest(t)))
			s := storetest.Open(t, url)
			store.Exec(t, s, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
			_, err = store.Open(context.Background(), url, store.Options{})
			wantMessage(t, err, fmt.Sprintf("the database's schema is version 99, and this program knows none after %d: use a newer program", store.Newest(t)))
		})
	}
}

func wantMessage(t *testing.T, err error, want string) {
	t.Helper()
	var e *store.Error
	if !errors.As(err, &e) || e.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Whoever gives up, or is told to stop, hears that, and not how the driver
// takes it.
func TestContextEnds(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		signal := errors.New("terminated")
		for name, in := range map[string]func(ctx context.Context, f func(r *store.Reader) error) error{
			"read": func(ctx context.Context, f func(r *store.Reader) error) error { return s.Read(ctx, models.System, f) },
			"write": func(ctx context.Context, f func(r *store.Reader) error) error {
				return s.Write(ctx, models.System, func(w *store.Writer) error { return f(w.Reader) })
			},
		} {
			ctx, cancel := context.WithCancelCause(context.Background())
			var inside error
			err := in(ctx, func(r *store.Reader) error {
				cancel(signal)
				for inside == nil { // the pool hears of it a little later
					_, inside = r.Months()
				}
				_, inside = r.Months()
				return inside
			})
			if want := "store: context canceled: terminated"; !errors.Is(err, signal) || !errors.Is(err, context.Canceled) || err.Error() != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
			fails(t, name+" again", in(ctx, func(*store.Reader) error { return nil }), signal)
		}
	})
}

// recordUsage is the path of a fact as a caller writes it: look, insert, add to
// the buckets, under the reseller's lock.
func recordUsage(w *store.Writer, records []models.UsageRecord) error {
	if err := w.LockResellers([]string{resellerB, resellerA}); err != nil {
		return err
	}
	known, err := w.UsageDigests(records)
	if err != nil {
		return err
	}
	var fresh []models.UsageRecord
	for _, u := range records {
		if _, ok := known[store.FactKey{PublisherID: u.PublisherID, Source: u.Source, ExternalID: u.ExternalID}]; !ok {
			fresh = append(fresh, u)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := w.InsertUsage(fresh); err != nil {
		return err
	}
	b := bucket(subscriptionA, june, "0")
	b.Records = 0
	key := store.KeyOf(b)
	buckets, err := w.BucketsByKey([]store.BucketKey{key})
	if err != nil {
		return err
	}
	if stored, ok := buckets[key]; ok {
		b = stored
	}
	for _, u := range fresh {
		if b.Quantity, err = b.Quantity.Add(u.Quantity); err != nil {
			return err
		}
		b.Records++
	}
	return w.SaveBuckets([]models.Bucket{b})
}

// Writers that send the same facts at the same time count each once, with the
// lock and, with it forgotten, by the primary key.
func TestExactlyOnce(t *testing.T) {
	const writers, batches, size = 4, 10, 25
	storetest.Engines(t, func(t *testing.T, open func() *store.Store) {
		fill(t, open())
		stores := []*store.Store{open(), open()} // two processes
		together(t, writers, func(writer int) error {
			for batch := range batches {
				var records []models.UsageRecord
				for i := range size {
					// Writers start at different batches and overlap by half.
					u := usage(fmt.Sprint("once-", ((batch+writer)%batches)*size/2+i), subscriptionA, june.Start())
					u.Quantity = money.MustParse("0.000000000000001")
					records = append(records, u)
				}
				err := stores[writer%2].Write(context.Background(), models.System, func(w *store.Writer) error { return recordUsage(w, records) })
				if err != nil {
					return err
				}
			}
			return nil
		})
		read(t, stores[0], finance, func(r *store.Reader) {
			facts := must[int64](t)(r.CountUsage(store.UsageFilter{SubscriptionID: "sub-a", Month: june}))
			const distinct = (batches-1)*size/2 + size
			equal(t, "facts", facts, int64(distinct))
			b := bucket(subscriptionA, june, fmt.Sprintf("0.%015d", facts))
			b.Records = facts
			equal(t, "bucket", must[[]models.Bucket](t)(r.Buckets(june, june, store.LineFilter{})), []models.Bucket{b})
		})
	})
}

// A reader goes on seeing what was there when it began to read.
func TestSnapshot(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		read(t, s, finance, func(r *store.Reader) {
			before := must[[]models.Bucket](t)(r.Buckets(may, july, store.LineFilter{}))
			write(t, s, func(w *store.Writer) error {
				return errors.Join(
					w.SaveBuckets([]models.Bucket{bucket(subscriptionA, may, "9"), bucket(subscriptionA, june, "9")}),
					w.InsertUsage([]models.UsageRecord{usage("later", subscriptionA, now)}))
			})
			equal(t, "buckets", must[[]models.Bucket](t)(r.Buckets(may, july, store.LineFilter{})), before)
			equal(t, "usage", must[int64](t)(r.CountUsage(store.UsageFilter{SubscriptionID: "sub-a"})), int64(1))
			read(t, s, finance, func(r *store.Reader) {
				equal(t, "a new reader", must[int64](t)(r.CountUsage(store.UsageFilter{SubscriptionID: "sub-a"})), int64(2))
			})
		})
	})
}

// A reader cannot write, whatever it tries.
func TestReadersAreReadOnly(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		err := s.Read(context.Background(), models.System, func(r *store.Reader) error {
			return (&store.Writer{Reader: r}).SetSetting("x", "y")
		})
		if err == nil {
			t.Error("a reader wrote")
		}
	})
}

// Nothing of a failed write stays, and its error comes back as it is.
func TestRollback(t *testing.T) {
	mine := errors.New("mine")
	filled(t, func(t *testing.T, s *store.Store) {
		calls := 0
		err := s.Write(context.Background(), models.System, func(w *store.Writer) error {
			calls++
			return errors.Join(w.SetSetting("x", "y"), mine)
		})
		if !errors.Is(err, mine) || calls != 1 {
			t.Error(calls, err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = s.Write(context.Background(), models.System, func(w *store.Writer) error {
				if err := w.SetSetting("x", "y"); err != nil {
					return err
				}
				panic("mine")
			})
		}()
		read(t, s, finance, func(r *store.Reader) {
			if _, ok, err := r.Setting("x"); ok || err != nil {
				t.Error(ok, err)
			}
		})
	})
}

// A duplicate is tried again, so that a function that looks first finds it, and
// given up after three more attempts.
func TestRetryOfDuplicates(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		var attempts []int
		insert := func(look bool) func(w *store.Writer) error {
			return func(w *store.Writer) error {
				attempts = append(attempts, w.Attempt())
				if look && w.Attempt() > 1 {
					return nil
				}
				return w.InsertUsage([]models.UsageRecord{usage("sub-a", subscriptionA, now)})
			}
		}
		fails(t, "looks", s.Write(context.Background(), models.System, insert(true)), nil)
		fails(t, "does not look", s.Write(context.Background(), models.System, insert(false)), store.ErrDuplicate)
		equal(t, "attempts", attempts, []int{1, 2, 1, 2, 3, 4})
		ctx, cancel := context.WithCancel(context.Background())
		fails(t, "cancelled", s.Write(ctx, models.System, func(w *store.Writer) error { cancel(); return store.ErrDuplicate }), context.Canceled)
	})
}

// Two writers that lock two offers crosswise meet in a deadlock on the MySQL
// family; the one that loses is tried again and nobody hears of it.
func TestRetryOfDeadlocks(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		if s.Dialect() == "sqlite" {
			// One writer at a time cannot meet another.
			equal(t, "busy is tried again", store.Retryable(s, fmt.Errorf("store: %w", store.Busy(t, s))), true)
			return
		}
		var mutex sync.Mutex
		attempts := 0
		var both sync.WaitGroup // both hold their first lock
		both.Add(2)
		ids := [2]string{"offer-a", "offer-b"}
		together(t, 2, func(i int) error {
			return s.Write(context.Background(), models.System, func(w *store.Writer) error {
				mutex.Lock()
				attempts++
				mutex.Unlock()
				if _, err := w.OfferForUpdate(ids[i]); err != nil {
					return err
				}
				if w.Attempt() == 1 {
					both.Done()
					both.Wait()
				}
				o, err := w.OfferForUpdate(ids[1-i])
				if err != nil {
					return err
				}
				o.Version += 10
				return w.SaveOfferInstants(o)
			})
		})
		equal(t, "attempts", attempts, 3)
		read(t, s, finance, func(r *store.Reader) {
			offers := must[[]models.PrivateOffer](t)(r.OffersFor(nil, may))
			equal(t, "versions", []int{offers[0].Version, offers[1].Version}, []int{10, 10})
		})
	})
}

// A sale and a withdrawal that race lock the same reseller: one comes after the
// other and sees what it did (D9).
func TestResellerLock(t *testing.T) {
	filled(t, func(t *testing.T, s *store.Store) {
		const each = 10
		together(t, 4, func(i int) error {
			for range each {
				err := s.Write(context.Background(), models.System, func(w *store.Writer) error {
					// Any order of naming them is the same order of locking.
					resellers := [][]string{{resellerA, resellerB}, {resellerB, resellerA, resellerB}}[i%2]
					if err := w.LockResellers(resellers); err != nil {
						return err
					}
					value, _, err := w.Setting("counter")
					if err != nil {
						return err
					}
					return w.SetSetting("counter", value+"x")
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		read(t, s, finance, func(r *store.Reader) {
			value, _, err := r.Setting("counter")
			if err != nil || len(value) != 4*each {
				t.Errorf("%d of %d counted (%v)", len(value), 4*each, err)
			}
		})
	})
}
