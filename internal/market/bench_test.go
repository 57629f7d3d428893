package market_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"sellthrough/internal/cli"
	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

const (
	benchmarkRows          = 100_000
	benchmarkSubscriptions = 2_000
)

// benchmarkUsage are facts as real files have them: ids without order, many
// subscriptions, quantities of many digits.
func benchmarkUsage() []models.UsageRecord {
	records := make([]models.UsageRecord, benchmarkRows)
	for i := range records {
		id := sha256.Sum256(fmt.Append(nil, i))
		records[i] = models.UsageRecord{
			Source: "meter", ExternalID: fmt.Sprintf("%x-%x-%x", id[:4], id[4:6], id[6:12]), OccurredAt: month("2024-05").Start().Add(time.Duration(i) * 20 * time.Second),
			SubscriptionID: fmt.Sprintf("subscription-%04d", i%benchmarkSubscriptions), MeterID: "calls",
			Quantity: money.New(int64(i)*7919+1, 13),
		}
	}
	return records
}

// benchmarkMarket has the subscriptions of the records, and an offer that the
// usage sells.
func benchmarkMarket(b *testing.B, url string) {
	w := newWorld(b, storetest.Open(b, url))
	w.setClock("2024-05-01T00:00:00Z")
	w.submit(offerOf("offer-1", percentage("mail", "", "10"), resellerA))
	w.work()
	purchases := make([]models.Purchase, benchmarkSubscriptions)
	for i := range purchases {
		purchases[i] = buy(fmt.Sprintf("subscription-%04d", i), "2024-05-01T00:00:00Z", "metered")
	}
	w.recordPurchases(purchases...)
}

// BenchmarkImportUsage imports a file of 100,000 usage records as a user does:
// read, checked, exactly once, durable, added to buckets, decided which offers
// are sold. "bare" is what the engine can do with the same rows, ready made, in
// one transaction into an empty table of the same shape: LOAD DATA LOCAL, or a
// loop of one prepared INSERT. The two take turns, and the median of each counts,
// so that what else the machine does hits neither alone. "again" is the same
// file once more. Every turn ends with a count of the rows and a check of the
// sums.
func BenchmarkImportUsage(b *testing.B) {
	records := benchmarkUsage()
	path := filepath.Join(b.TempDir(), "usage.csv")
	if err := os.WriteFile(path, usageCSV(records), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, dialect := range storetest.Dialects {
		b.Run(dialect, func(b *testing.B) {
			var bare, imported, again []time.Duration
			timed := func(turns *[]time.Duration, f func()) {
				before := b.Elapsed()
				b.StartTimer()
				f()
				b.StopTimer()
				*turns = append(*turns, b.Elapsed()-before)
			}
			b.StopTimer()
			for range b.N {
				url := storetest.Database(b, dialect)
				benchmarkMarket(b, url)
				insert := bareInsert(b, dialect, url, records)
				timed(&bare, insert)
				timed(&imported, func() { importUsage(b, url, path, 0) })
				checkImported(b, url, records)
				timed(&again, func() { importUsage(b, url, path, 0) })
				checkImported(b, url, records)
			}
			rate := func(turns []time.Duration) float64 {
				slices.Sort(turns)
				return benchmarkRows / turns[len(turns)/2].Seconds()
			}
			b.ReportMetric(rate(bare), "bare-rows/s")
			b.ReportMetric(rate(imported), "import-rows/s")
			b.ReportMetric(rate(again), "again-rows/s")
			b.ReportMetric(rate(imported)/rate(bare), "import/bare")
		})
	}
}

func usageCSV(records []models.UsageRecord) []byte {
	var text bytes.Buffer
	text.WriteString("source,external_id,occurred_at,subscription_id,meter_id,quantity\n")
	for _, u := range records {
		fmt.Fprintf(&text, "%s,%s,%s,%s,%s,%s\n", u.Source, u.ExternalID, u.OccurredAt.Format(time.RFC3339), u.SubscriptionID, u.MeterID, u.Quantity)
	}
	return text.Bytes()
}

// importUsage runs the command.
func importUsage(b *testing.B, database, path string, want int) {
	var stdout, stderr bytes.Buffer
	status := cli.Run(context.Background(), cli.Program{
		Arguments:   []string{"import", "usage", path, "--database", database},
		Environment: func(string) (string, bool) { return "", false },
		Stdin:       strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		Clock:  func() time.Time { return instant("2024-06-01T00:00:00Z") },
		Listen: func(context.Context, string) (net.Listener, error) { return nil, net.ErrClosed },
		Mount:  func(*http.ServeMux, cli.Site) error { return nil },
	})
	if status != want {
		b.Fatalf("status %d: %s%s", status, stdout.String(), stderr.String())
	}
}

// checkImported checks the number of rows, and the buckets against sums of its
// own.
func checkImported(b *testing.B, url string, records []models.UsageRecord) {
	sums := map[string]money.Decimal{}
	for _, u := range records {
		sum, err := sums[u.SubscriptionID].Add(u.Quantity)
		if err != nil {
			b.Fatal(err)
		}
		sums[u.SubscriptionID] = sum
	}
	s := storetest.Open(b, url)
	err := s.Read(context.Background(), models.System, func(r *store.Reader) error {
		rows := 0
		if err := r.EachUsage(func(*models.UsageRecord) error { rows++; return nil }); err != nil {
			return err
		}
		buckets, err := r.Buckets(1, models.MonthForever, store.LineFilter{})
		if err != nil {
			return err
		}
		if rows != len(records) || len(buckets) != len(sums) {
			b.Fatalf("%d rows in %d buckets, want %d in %d", rows, len(buckets), len(records), len(sums))
		}
		for _, bucket := range buckets {
			if bucket.Quantity != sums[bucket.SubscriptionID] || bucket.Records != int64(len(records)/len(sums)) {
				b.Fatalf("%s: %s of %d, want %s", bucket.SubscriptionID, bucket.Quantity, bucket.Records, sums[bucket.SubscriptionID])
			}
		}
		sales, err := r.Sales("offer-1")
		if len(sales) != 1 {
			b.Fatalf("%d sales, want 1", len(sales))
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// bareInsert prepares everything for the bare engine but the insert, which it
// returns.
func bareInsert(b *testing.B, dialect, target string, records []models.UsageRecord) func() {
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	if dialect == "sqlite" {
		db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(target, "sqlite:")+".bare?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate&_pragma=cache_size(-65536)")
		must(err)
		b.Cleanup(func() { db.Close() })
		db.SetMaxOpenConns(1)
		_, err = db.Exec("ATTACH DATABASE ? AS full", strings.TrimPrefix(target, "sqlite:"))
		must(err)
		for _, object := range []string{"usage_records", "usage_records_subscription"} {
			var statement string
			must(db.QueryRow("SELECT sql FROM full.sqlite_master WHERE name = ?", object).Scan(&statement))
			_, err = db.Exec(statement)
			must(err)
		}
		return func() {
			tx, err := db.BeginTx(ctx, nil)
			must(err)
			statement, err := tx.Prepare("INSERT INTO main.usage_records (" + bareColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
			must(err)
			for i := range records {
				u := &records[i]
				_, err := statement.Exec("contoso", u.Source, u.ExternalID, u.OccurredAt.UnixMicro(), u.OccurredAt.UnixMicro(), u.Digest[:], resellerA, u.SubscriptionID, u.MeterID, u.Quantity.String())
				must(err)
			}
			must(tx.Commit())
		}
	}
	u, err := url.Parse(target)
	must(err)
	config := mysqldriver.NewConfig()
	config.User, config.Net, config.Addr, config.DBName = u.User.Username(), "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	config.Passwd, _ = u.User.Password()
	connector, err := mysqldriver.NewConnector(config)
	must(err)
	db := sql.OpenDB(connector)
	b.Cleanup(func() { db.Close() })
	_, err = db.Exec("CREATE TABLE bare LIKE usage_records")
	must(err)
	text := bareText(records)
	mysqldriver.RegisterReaderHandler("bare", func() io.Reader { return bytes.NewReader(text) })
	return func() {
		_, err := db.Exec("LOAD DATA LOCAL INFILE 'Reader::bare' INTO TABLE bare CHARACTER SET binary (" + bareColumns + ")")
		must(err)
	}
}

const bareColumns = "publisher_id, source, external_id, occurred_at, recorded_at, digest, reseller_tenant_id, subscription_id, meter_id, quantity"

func bareText(records []models.UsageRecord) []byte {
	escape := strings.NewReplacer("\\", "\\\\", "\t", "\\\t", "\n", "\\\n", "\x00", "\\0")
	var text bytes.Buffer
	for i := range records {
		u := &records[i]
		at := u.OccurredAt.Format("2006-01-02 15:04:05.000000")
		digest := u.Fingerprint()
		fmt.Fprintf(&text, "contoso\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", u.Source, u.ExternalID, at, at, escape.Replace(string(digest[:])), resellerA, u.SubscriptionID, u.MeterID, u.Quantity)
	}
	return text.Bytes()
}

// How long instances take for 300 offers that are due, on MariaDB.
func BenchmarkWork(b *testing.B) {
	for _, instances := range []int{1, 2, 4} {
		b.Run(fmt.Sprint(instances), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				url := storetest.Database(b, "mysql")
				w := newWorld(b, storetest.Open(b, url))
				w.submitted(300)
				var all []*market.Market
				for range instances {
					all = append(all, market.New(storetest.Open(b, url), w.Clock))
				}
				b.StartTimer()
				var wait sync.WaitGroup
				for _, instance := range all {
					wait.Go(func() {
						if _, err := instance.Work(background); err != nil {
							b.Error(err)
						}
					})
				}
				wait.Wait()
			}
		})
	}
}
