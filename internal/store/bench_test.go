package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

const (
	benchmarkRows  = 100_000
	benchmarkBatch = 20_000
)

// benchmarkUsage are facts as real files have them: ids without order, many
// subscriptions, quantities of 13 digits.
func benchmarkUsage(file string) []models.UsageRecord {
	records := make([]models.UsageRecord, benchmarkRows)
	for i := range records {
		id := sha256.Sum256(fmt.Append(nil, file, i))
		records[i] = models.UsageRecord{
			Source: "meter", ExternalID: fmt.Sprintf("%x-%x-%x", id[:4], id[4:6], id[6:12]), OccurredAt: may.Start().Add(time.Duration(i) * 20 * time.Second),
			RecordedAt: now, PublisherID: "contoso", ResellerTenantID: resellerA, SubscriptionID: fmt.Sprintf("subscription-%04d", i%2000), MeterID: "calls",
			Quantity: money.New(int64(i)*7919+1, 13),
		}
		records[i].Digest = records[i].Fingerprint()
	}
	return records
}

// BenchmarkInsertUsage measures the store's share of an import of 100,000
// facts, in batches of one transaction each: inserted at once ("insert"), and
// looked up before ("look"), as a second attempt does. "bare" is what the engine
// can do in one transaction into an empty table of the same shape: LOAD DATA
// LOCAL of ready text, or a loop of one prepared INSERT. The three take turns,
// and the best of each counts, so that what else the machine does hits none
// alone. Every turn ends with a count of the rows.
func BenchmarkInsertUsage(b *testing.B) {
	records := benchmarkUsage("first")
	text := store.BareText(records)
	batches := func(look bool) func(s *store.Store) error {
		return func(s *store.Store) error {
			for batch := range slices.Chunk(records, benchmarkBatch) {
				err := s.Write(context.Background(), models.System, func(w *store.Writer) error {
					if look {
						if known, err := w.UsageDigests(batch); err != nil || len(known) > 0 {
							return fmt.Errorf("%d known: %w", len(known), err)
						}
					}
					return w.InsertUsage(batch)
				})
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	ways := []struct {
		name   string
		insert func(s *store.Store) error
	}{
		{"bare", func(s *store.Store) error { return store.BareInsert(s, records, text) }},
		{"insert", batches(false)},
		{"look", batches(true)},
	}
	for _, dialect := range storetest.Dialects {
		b.Run(dialect, func(b *testing.B) {
			best := make([]time.Duration, len(ways))
			for b.Loop() {
				for i, way := range ways {
					b.StopTimer()
					s := storetest.Open(b, storetest.Database(b, dialect))
					before := b.Elapsed()
					b.StartTimer()
					if err := way.insert(s); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					if took := b.Elapsed() - before; best[i] == 0 || took < best[i] {
						best[i] = took
					}
					if n := store.Count(b, s, "usage_records"); n != len(records) {
						b.Fatalf("%s: %d rows are there, want %d", way.name, n, len(records))
					}
					b.StartTimer()
				}
			}
			for i, way := range ways {
				b.ReportMetric(float64(len(records))/best[i].Seconds(), way.name+"-rows/s")
				if i > 0 {
					b.ReportMetric(float64(best[i])/float64(best[0]), way.name+"/bare")
				}
			}
		})
	}
}

// BenchmarkUsageDigests looks for 20,000 keys in an empty table and among a
// million rows, of which they are none, or all.
func BenchmarkUsageDigests(b *testing.B) {
	for _, dialect := range storetest.Dialects {
		b.Run(dialect, func(b *testing.B) {
			s := storetest.Open(b, storetest.Database(b, dialect))
			fresh := benchmarkUsage("fresh")[:benchmarkBatch]
			look := func(keys []models.UsageRecord, want int) func(b *testing.B) {
				return func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						write(b, s, func(w *store.Writer) error {
							known, err := w.UsageDigests(keys)
							if len(known) != want {
								return fmt.Errorf("%d are known, want %d", len(known), want)
							}
							return err
						})
					}
					b.ReportMetric(float64(len(keys)*b.N)/b.Elapsed().Seconds(), "keys/s")
				}
			}
			b.Run("empty", look(fresh, 0))
			var last []models.UsageRecord
			for i := range 10 {
				last = benchmarkUsage(fmt.Sprint("file ", i))
				write(b, s, func(w *store.Writer) error { return w.InsertUsage(last) })
			}
			b.Run("million-none", look(fresh, 0))
			b.Run("million-all", look(last[:benchmarkBatch], benchmarkBatch))
		})
	}
}

// BenchmarkBuckets reads and replaces 5,000 buckets.
func BenchmarkBuckets(b *testing.B) {
	for _, dialect := range storetest.Dialects {
		b.Run(dialect, func(b *testing.B) {
			s := storetest.Open(b, storetest.Database(b, dialect))
			var buckets []models.Bucket
			var keys []store.BucketKey
			for i := range 5000 {
				one := bucket(subscriptionA, may, "1.5")
				one.SubscriptionID = fmt.Sprint("subscription-", i)
				buckets = append(buckets, one)
				keys = append(keys, store.KeyOf(one))
			}
			round := func(w *store.Writer) error {
				stored, err := w.BucketsByKey(keys)
				if err != nil {
					return err
				}
				for i, key := range keys {
					if old, ok := stored[key]; ok {
						buckets[i].Quantity = old.Quantity
					}
				}
				return w.SaveBuckets(buckets)
			}
			write(b, s, round)
			b.ReportAllocs()
			for b.Loop() {
				write(b, s, round)
			}
			b.ReportMetric(float64(len(keys)*b.N)/b.Elapsed().Seconds(), "buckets/s")
			if n := store.Count(b, s, "usage_buckets"); n != len(keys) {
				b.Fatalf("%d buckets, want %d", n, len(keys))
			}
		})
	}
}
