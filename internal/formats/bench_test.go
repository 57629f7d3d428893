package formats

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// usageLines writes n usage records in a shape: row(i) is the text of one.
func usageLines(n int, header string, row func(i int) string) []byte {
	var b bytes.Buffer
	b.WriteString(header)
	for i := range n {
		b.WriteString(row(i))
	}
	return b.Bytes()
}

func usageCSV(n int) []byte {
	return usageLines(n, "source,external_id,occurred_at,subscription_id,meter_id,quantity\n", func(i int) string {
		return fmt.Sprintf("meterd,event-%08d,2024-09-%02dT%02d:30:00Z,6c1f1e0a-5a31-4a0c-9d7c-%012d,lcu-hours,%d.002007490000001\n", i, i%30+1, i%24, i%1000, i%7)
	})
}

func quotedUsageCSV(n int) []byte {
	return usageLines(n, "\"source\",\"external_id\",\"occurred_at\",\"subscription_id\",\"meter_id\",\"quantity\"\r\n", func(i int) string {
		return fmt.Sprintf("\"meterd\",\"event-%08d\",\"2024-09-%02dT%02d:30:00Z\",\"6c1f1e0a-5a31-4a0c-9d7c-%012d\",\"lcu-hours\",\"%d.002007490000001\"\r\n", i, i%30+1, i%24, i%1000, i%7)
	})
}

func usageJSONLines(n int) []byte {
	return usageLines(n, "", func(i int) string {
		return fmt.Sprintf(`{"source":"meterd","external_id":"event-%08d","occurred_at":"2024-09-%02dT%02d:30:00Z","subscription_id":"6c1f1e0a-5a31-4a0c-9d7c-%012d","meter_id":"lcu-hours","quantity":%d.002007490000001}`+"\n", i, i%30+1, i%24, i%1000, i%7)
	})
}

// benchmarkUsage reads, checks and fingerprints n records an iteration and
// holds the sum of their quantities against the one they were written with.
func benchmarkUsage(b *testing.B, write func(n int) []byte) {
	const n = 10_000
	file := write(n)
	want := money.Zero
	for i := range n {
		want, _ = want.Add(money.MustParse(fmt.Sprintf("%d.002007490000001", i%7)))
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		records, sum := 0, money.Zero
		for record, err := range ReadUsage(bytes.NewReader(file), FormatAny).Records() {
			if err != nil || len(record.Violations) > 0 || record.Value.Digest == (models.Digest{}) {
				b.Fatal(record.Number, err, record.Violations)
			}
			records++
			sum, _ = sum.Add(record.Value.Quantity)
		}
		if records != n || sum != want {
			b.Fatalf("read %d records of %s, want %d of %s", records, sum, n, want)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkReadUsageCSV(b *testing.B)       { benchmarkUsage(b, usageCSV) }
func BenchmarkReadUsageCSVQuoted(b *testing.B) { benchmarkUsage(b, quotedUsageCSV) }
func BenchmarkReadUsageJSONLines(b *testing.B) { benchmarkUsage(b, usageJSONLines) }

func BenchmarkWriteBillingLines(b *testing.B) {
	for _, format := range []Format{FormatCSV, FormatJSONLines} {
		b.Run(string(format), func(b *testing.B) {
			var once bytes.Buffer
			writeLines(b, &once, format, 1)
			rows := strings.Count(once.String(), "wholesale-test")
			if rows != 1 {
				b.Fatalf("wrote %d lines, want 1:\n%s", rows, once.String())
			}
			b.ReportAllocs()
			for b.Loop() {
				writeLines(b, io.Discard, format, 1000)
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

func writeLines(tb testing.TB, w io.Writer, format Format, n int) {
	table, err := NewTable(w, format, BillingLineColumns)
	if err != nil {
		tb.Fatal(err)
	}
	line := models.BillingLine{
		Month: models.NewMonth(2024, 9), ChargeType: models.ChargeUsage, ReasonCode: "wholesale-test",
		BillingCurrency: "USD", PricingCurrency: "USD", ExchangeRate: money.New(1, 0),
		ListUnitPrice: money.MustParse("0.008"), UnitPrice: money.MustParse("0.0072"), Quantity: money.MustParse("120.5"),
		MarginType: models.MarginPercentage, MarginPercentage: 1000, RoundingPolicy: money.Truncate,
	}
	var cells []string
	for range n {
		cells = BillingLineRow(cells[:0], &line)
		if err := table.Write(cells...); err != nil {
			tb.Fatal(err)
		}
	}
	if err := table.Close(); err != nil {
		tb.Fatal(err)
	}
}

// 10,000 offers of 10 lines for 4 resellers, a tenth of the lines with absolute
// prices: some 35 MB.
func BenchmarkPrivateOffers(b *testing.B) {
	const n = 10_000
	offer := OfferDocument{Live: true}
	offer.Offer.Name, offer.Offer.EndMonth = "Spring", models.NewMonth(2030, 6)
	for i := range 10 {
		line := models.PricingLine{Position: i + 1, ProductID: fmt.Sprint("product-", i), PlanID: "team", Percentage: 1250}
		if i == 0 {
			line.Percentage = 0
			for _, market := range []string{"DE", "FR", "IT", "ES"} {
				line.Absolute = append(line.Absolute, models.AbsolutePrice{Market: market, Currency: "EUR", Term: models.P1Y, Billing: models.Monthly, UnitPrice: money.MustParse("8.99")})
			}
		}
		offer.Offer.Pricing = append(offer.Offer.Pricing, line)
	}
	for i := range 4 {
		offer.Offer.Resellers = append(offer.Offer.Resellers, models.OfferReseller{ResellerTenantID: fmt.Sprintf("9e1a0c54-3b7d-4f60-8a21-%012d", i), CustomerTenantIDs: []string{"1d2c3b4a-5968-4778-8695-a4b3c2d1e0f1"}})
	}
	write := func(out io.Writer) {
		w, err := NewOfferWriter(out, FormatProductIngestion, Schema20230715)
		if err != nil {
			b.Fatal(err)
		}
		for i := range n {
			offer.Offer.ID = strconv.Itoa(i)
			if err := w.Write(&offer.Offer, models.StatusLive); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	var file bytes.Buffer
	write(&file)
	b.Run("Read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, records := ReadPrivateOffers(bytes.NewReader(file.Bytes()), models.DefaultLimits), 0
			for record, err := range r.Records() {
				if err != nil || len(record.Violations) > 0 || len(record.Value.Offer.Pricing[0].Absolute) != 4 {
					b.Fatal(err, record.Violations)
				}
				records++
			}
			if records != n {
				b.Fatal(records)
			}
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "offers/s")
	})
	b.Run("Write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			write(io.Discard)
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "offers/s")
	})
}
