package market_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/models"
)

// Each record of a batch is answered for itself, with every reason at once, and
// a bad one stops nothing.
func TestRecordUsage(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(
			buy("metered", "2024-03-01T10:00:00Z", "metered"),
			buy("month", "2024-03-01T10:00:00Z", "flat"),
			buy("cancelled", "2024-03-01T10:00:00Z", "metered"),
			change(models.ActionCancelImmediate, "cancelled", "2024-03-05T10:00:00Z"),
			buy("other", "2024-03-01T10:00:00Z", "metered", func(p *models.Purchase) { p.ProductID = "disk" }),
		)
		meter := func(id string) func(*models.UsageRecord) { return func(u *models.UsageRecord) { u.MeterID = id } }
		cases := []struct {
			record models.UsageRecord
			want   string
		}{
			{use("1", "metered", "2024-03-02T00:00:00Z", "1.5"), "ACCEPTED"},
			{use("2", "metered", "2024-03-31T23:59:59.999999Z", "0.000000000000001"), "ACCEPTED"},
			{use("3", "metered", "2024-04-01T00:00:00Z", "2"), "ACCEPTED"}, // its own month (D15)
			{use("1", "metered", "2024-03-02T00:00:00Z", "1.5"), "DUPLICATE"},
			{use("1", "metered", "2024-03-02T00:00:00Z", "1.6"), "REJECTED external_id:USAGE_CONFLICT"},
			{use("4", "metered", "2024-03-01T09:59:59Z", "1"), "ACCEPTED"}, // the day of purchase counts whole
			{use("5", "metered", "2024-02-29T23:59:59Z", "1"), "REJECTED occurred_at:SUBSCRIPTION_NOT_ACTIVE"},
			{use("6", "month", "2024-03-31T12:00:00Z", "1"), "ACCEPTED"},
			{use("7", "month", "2024-04-01T00:00:00Z", "1"), "REJECTED occurred_at:SUBSCRIPTION_NOT_ACTIVE"}, // no renewal
			{use("8", "cancelled", "2024-03-05T09:59:59Z", "1"), "ACCEPTED"},
			{use("9", "cancelled", "2024-03-05T10:00:00Z", "1"), "REJECTED occurred_at:SUBSCRIPTION_NOT_ACTIVE"},
			{use("10", "nobody", "2024-03-02T00:00:00Z", "1"), "REJECTED subscription_id:SUBSCRIPTION_UNKNOWN"},
			{use("11", "metered", "2024-03-02T00:00:00Z", "1", meter("mystery")), "REJECTED meter_id:METER_UNKNOWN"},
			{use("12", "metered", "2024-03-02T00:00:00Z", "1", meter("odd")), "ACCEPTED"}, // no price yet: unrated, not refused (D20)
			{use("13", "cancelled", "2024-04-01T00:00:00Z", "-1", meter("mystery")), "REJECTED quantity:QUANTITY_NOT_POSITIVE occurred_at:SUBSCRIPTION_NOT_ACTIVE meter_id:METER_UNKNOWN"},
			{models.UsageRecord{}, "REJECTED source:REQUIRED external_id:REQUIRED occurred_at:REQUIRED subscription_id:REQUIRED meter_id:REQUIRED quantity:QUANTITY_NOT_POSITIVE"},
			{use("14", "other", "2024-03-02T00:00:00Z", "3"), "ACCEPTED"},
			{use("15", "metered", "2024-03-03T00:00:00Z", "999999999999999"), "REJECTED quantity:QUANTITY_TOO_LARGE"}, // with the 1.5 and 1 before
			{use("16", "metered", "2024-03-03T00:00:00Z", "4"), "ACCEPTED"},
		}
		records, want := make([]models.UsageRecord, len(cases)), make([]string, len(cases))
		for i, c := range cases {
			records[i], want[i] = c.record, c.want
		}
		w.same("first call", w.usage(models.System, records...), want)
		sums := []string{
			"2024-03 cancelled calls 1/1", "2024-03 metered calls 6.500000000000001/4", "2024-03 metered odd 1/1",
			"2024-03 month calls 1/1", "2024-03 other calls 3/1", "2024-04 metered calls 2/1",
		}
		w.same("buckets", w.buckets(), sums)

		// The same call again adds nothing, and says so of what is there.
		for i := range want {
			if want[i] == "ACCEPTED" {
				want[i] = "DUPLICATE"
			}
		}
		w.same("second call", w.usage(models.System, records...), want)
		w.same("buckets after the second call", w.buckets(), sums)
		w.verified()
	})
}

// What was accepted stays a duplicate, and stays billed, after a back-dated
// cancellation; what comes later is refused (D17).
func TestBackDatedCancellation(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("s", "2024-03-01T10:00:00Z", "metered"))
		early, late := use("1", "s", "2024-03-20T00:00:00Z", "7"), use("2", "s", "2024-03-21T00:00:00Z", "1")
		w.recordUsage(early)
		outcomes, _, err := w.RecordPurchases(background, by(models.System), []models.Purchase{change(models.ActionCancelImmediate, "s", "2024-03-10T00:00:00Z")}, nil)
		w.must(err)
		if outcomes[0].Status != market.Accepted || !strings.Contains(outcomes[0].Warning, "until 2024-03-20") {
			w.Errorf("the cancellation is answered %+v", outcomes[0])
		}
		w.same("after", w.usage(models.System, early, late), []string{"DUPLICATE", "REJECTED occurred_at:SUBSCRIPTION_NOT_ACTIVE"})
		w.same("buckets", w.buckets(), []string{"2024-03 s calls 7/1"})
		if lines := w.lines(models.System, "2024-03"); len(lines) != 1 || lines[0].ListSubtotal != 350 {
			w.Errorf("lines: %+v", lines)
		}
		w.verified()
	})
}

// A publisher records usage of its own subscriptions; others it cannot tell
// from none, also where it guesses the key of a record.
func TestUsageOfOthers(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("s", "2024-03-01T10:00:00Z", "metered"))
		u := use("1", "s", "2024-03-20T00:00:00Z", "7")
		unknown := []string{"REJECTED subscription_id:SUBSCRIPTION_UNKNOWN"}
		w.same("fabrikam", w.usage(fabrikam, u), unknown)
		w.same("contoso", w.usage(contoso, u), []string{"ACCEPTED"})
		w.same("fabrikam again", w.usage(fabrikam, u), unknown)
		w.same("contoso again", w.usage(contoso, u), []string{"DUPLICATE"})
		w.same("buckets", w.buckets(), []string{"2024-03 s calls 7/1"})
	})
}

// What one publisher recorded neither blocks nor shows itself to another that
// uses the same key: they are two facts.
func TestUsageKeysOfOthers(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(
			buy("s", "2024-03-01T10:00:00Z", "metered"),
			buy("theirs", "2024-03-01T10:00:00Z", "metered", func(p *models.Purchase) { p.ProductID = "disk" }),
		)
		mine, theirs := use("1", "s", "2024-03-20T00:00:00Z", "7"), use("1", "theirs", "2024-03-20T00:00:00Z", "3")
		w.same("fabrikam", w.usage(fabrikam, theirs), []string{"ACCEPTED"})
		w.same("contoso", w.usage(contoso, mine), []string{"ACCEPTED"})
		w.same("both again", w.usage(models.System, mine, theirs), []string{"DUPLICATE", "DUPLICATE"})
		mine.Quantity, theirs.ExternalID = money.New(8, 0), "2"
		twin := theirs
		twin.SubscriptionID = "s"
		w.same("in one batch", w.usage(models.System, mine, theirs, twin), []string{"REJECTED external_id:USAGE_CONFLICT", "ACCEPTED", "ACCEPTED"})
		w.same("buckets", w.buckets(), []string{"2024-03 s calls 10/2", "2024-03 theirs calls 6/2"})
		w.verified()
	})
}

// Programs that send the same and other records at once count each once.
func TestUsageAtOnce(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("s", "2024-03-01T10:00:00Z", "metered"), buy("t", "2024-03-01T10:00:00Z", "metered"))
		const programs, rounds = 4, 5
		var wait sync.WaitGroup
		for program := range programs {
			wait.Go(func() {
				for round := range rounds {
					_, _, err := w.RecordUsage(context.Background(), by(models.System), []models.UsageRecord{
						use(fmt.Sprint("shared-", round), "s", "2024-03-20T00:00:00Z", "1"),
						use(fmt.Sprint("own-", program, "-", round), "t", "2024-03-20T00:00:00Z", "0.5"),
					}, nil)
					if err != nil {
						w.Error(err)
					}
				}
			})
		}
		wait.Wait()
		w.same("buckets", w.buckets(), []string{"2024-03 s calls 5/5", "2024-03 t calls 10/20"})
		w.verified()
	})
}

// A report of an open month reads buckets, and no usage record, however many
// there are.
func TestReportsReadNoUsage(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("s", "2024-03-01T10:00:00Z", "metered"))
		records := make([]models.UsageRecord, 500)
		for i := range records {
			records[i] = use(fmt.Sprint(i), "s", "2024-03-20T00:00:00Z", "1")
		}
		w.recordUsage(records...)
		read := w.rowsRead("2024-03")
		if read["usage_records"] != 0 || read["usage_buckets"] != 1 {
			w.Errorf("rows read: %v", read)
		}
		lines := w.lines(models.System, "2024-03")
		if len(lines) != 1 || lines[0].Quantity != money.New(500, 0) {
			w.Errorf("lines: %+v", lines)
		}
	})
}

// A transaction that is cut off leaves nothing, and the same batch can be sent
// again.
func TestUsageCutOff(t *testing.T) {
	onEngines(t, func(w *world) {
		w.recordPurchases(buy("s", "2024-03-01T10:00:00Z", "metered"))
		batch := []models.UsageRecord{use("1", "s", "2024-03-20T00:00:00Z", "1"), use("2", "s", "2024-03-20T00:00:00Z", "1")}
		ctx, cancel := context.WithCancel(context.Background())
		frozen := w.Market.Clock
		w.Market.Clock = func() time.Time { cancel(); return frozen() } // in the middle of the transaction
		if _, _, err := w.RecordUsage(ctx, by(models.System), batch, nil); err == nil {
			w.Fatal("a cancelled call succeeded")
		}
		w.Market.Clock = frozen
		w.same("buckets", w.buckets(), nil)
		w.recordUsage(batch...)
		w.same("buckets", w.buckets(), []string{"2024-03 s calls 2/2"})
		w.verified()
	})
}
