package store

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/gorm/clause"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// UsageDigests are the digests of the records whose keys exist already. It
// looks at the keys alone, the PublisherID among them, and at those of every
// reseller, since a fact is recorded once.
func (w *Writer) UsageDigests(records []models.UsageRecord) (map[FactKey]models.Digest, error) {
	keys := make([]FactKey, len(records))
	for i := range records {
		keys[i] = usageKey(&records[i])
	}
	return w.digests("usage_records", keys)
}

// digestsChunk is how many keys one query looks for. By measurement: 200 are
// slower on MariaDB, 5,000 are not faster where the keys exist.
const digestsChunk = 1000

func (w *Writer) digests(table string, keys []FactKey) (map[FactKey]models.Digest, error) {
	bySource := map[FactKey][]string{} // keys without their external ids
	for _, key := range keys {
		source := FactKey{PublisherID: key.PublisherID, Source: key.Source}
		bySource[source] = append(bySource[source], key.ExternalID)
	}
	found := map[FactKey]models.Digest{}
	for source, ids := range bySource {
		of, owner := "source = ?", []any{source.Source}
		if table == "usage_records" {
			of, owner = "publisher_id = ? AND source = ?", []any{source.PublisherID, source.Source}
		}
		slices.Sort(ids)
		for chunk := range slices.Chunk(ids, digestsChunk) {
			condition := "external_id IN (?" + strings.Repeat(",?", len(chunk)-1) + ")"
			arguments := append(make([]any, 0, len(owner)+len(chunk)), owner...)
			for _, id := range chunk {
				arguments = append(arguments, id)
			}
			if w.dialect.name == sqliteName {
				condition, arguments = "external_id IN (SELECT value FROM json_each(?))", append(slices.Clone(owner), jsonList(chunk))
			}
			err := w.each(table, "SELECT external_id, digest FROM "+table+" WHERE "+of+" AND "+condition, arguments, func(rows *sql.Rows) error {
				key, digest := source, models.Digest{}
				err := rows.Scan(&key.ExternalID, &digest)
				found[key] = digest
				return wrap(err)
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// InsertUsage stores usage records, all or none. ErrDuplicate: the key of one
// of them exists, or two have the same.
//
// Every record needs its PublisherID and ResellerTenantID and must have passed
// its Check.
func (w *Writer) InsertUsage(records []models.UsageRecord) error {
	for i := range records {
		if records[i].PublisherID == "" || records[i].ResellerTenantID == "" {
			return fmt.Errorf("store: usage record %s %s lacks its PublisherID or ResellerTenantID: set them from the subscription", records[i].Source, records[i].ExternalID)
		}
	}
	switch {
	case len(records) == 0:
		return nil
	case w.dialect.name == sqliteName:
		return w.insertEach("INSERT INTO usage_records ("+joinColumns(usageColumns)+") VALUES ("+marks(len(usageColumns))+")",
			len(records), func(i int) []any { return usageValues(&records[i]) })
	case w.dialect.loadData:
		return w.loadUsage(records)
	}
	return w.insertMany("usage_records", usageColumns, "", len(records), func(i int) []any { return usageValues(&records[i]) })
}

func usageValues(u *models.UsageRecord) []any {
	return []any{u.PublisherID, u.Source, u.ExternalID, u.OccurredAt, u.RecordedAt, u.Digest[:], u.ResellerTenantID, u.SubscriptionID, u.MeterID, u.Quantity.String()}
}

// insertEach runs one prepared statement for each row: SQLite's fastest way.
func (w *Writer) insertEach(statement string, n int, values func(i int) []any) error {
	prepared, err := w.tx.PrepareContext(w.ctx, statement)
	if err != nil {
		return wrap(err)
	}
	defer prepared.Close()
	// The driver starts a goroutine to watch a context that can end, for every
	// row; here it is watched between the rows.
	undisturbed := context.WithoutCancel(w.ctx)
	for i := range n {
		if i%1000 == 0 && w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		if _, err := prepared.ExecContext(undisturbed, values(i)...); err != nil {
			return wrap(err)
		}
	}
	return nil
}

// insertMany puts many rows into each statement: what every MySQL server takes.
func (w *Writer) insertMany(table string, columns []string, suffix string, n int, values func(i int) []any) error {
	const rowsEach = 500
	row := "(" + marks(len(columns)) + ")"
	for first := 0; first < n; first += rowsEach {
		last := min(first+rowsEach, n)
		arguments := make([]any, 0, (last-first)*len(columns))
		for i := first; i < last; i++ {
			arguments = append(arguments, values(i)...)
		}
		statement := "INSERT INTO " + table + " (" + joinColumns(columns) + ") VALUES " +
			row + strings.Repeat(", "+row, last-first-1) + suffix
		if _, err := w.tx.ExecContext(w.ctx, statement, arguments...); err != nil {
			return wrap(err)
		}
	}
	return nil
}

func marks(n int) string { return "?" + strings.Repeat(", ?", n-1) }

// loads numbers the readers that are registered with the driver.
var loads atomic.Int64

// loadUsage streams the records with LOAD DATA LOCAL. LOCAL turns every error
// into a warning and goes on, so the rows that arrived are counted, and a
// warning beyond those for duplicates is an error.
func (w *Writer) loadUsage(records []models.UsageRecord) error {
	name := "usage" + strconv.FormatInt(loads.Add(1), 10)
	mysqldriver.RegisterReaderHandler(name, func() io.Reader { return &usageText{records: records} })
	defer mysqldriver.DeregisterReaderHandler(name)
	result, err := w.tx.ExecContext(w.ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' INTO TABLE usage_records CHARACTER SET binary "+
		"FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ("+joinColumns(usageColumns)+")")
	if err != nil {
		return wrap(err)
	}
	loaded, err := result.RowsAffected()
	if err != nil {
		return wrap(err)
	}
	if loaded < int64(len(records)) {
		return ErrDuplicate
	}
	var warnings int64
	if err := w.tx.QueryRowContext(w.ctx, "SELECT @@warning_count").Scan(&warnings); err != nil {
		return wrap(err)
	}
	if warnings > 0 {
		return fmt.Errorf("store: the server changed %d values of usage records while loading", warnings)
	}
	return nil
}

// usageText is the records as lines for LOAD DATA, made while they are sent.
type usageText struct {
	records []models.UsageRecord
	lines   []byte // made and not yet read
	buffer  []byte
}

// Read fills p with the next bytes, many lines at a time.
func (t *usageText) Read(p []byte) (int, error) {
	if len(t.lines) == 0 {
		if len(t.records) == 0 {
			return 0, io.EOF
		}
		t.buffer = t.buffer[:0]
		for len(t.records) > 0 && len(t.buffer) < 64<<10 {
			t.buffer = appendUsage(t.buffer, &t.records[0])
			t.records = t.records[1:]
		}
		t.lines = t.buffer
	}
	n := copy(p, t.lines)
	t.lines = t.lines[n:]
	return n, nil
}

const loadInstant = "2006-01-02 15:04:05.000000"

// appendUsage appends one line, in the order of usageColumns.
func appendUsage(b []byte, u *models.UsageRecord) []byte {
	b = append(appendEscaped(b, u.PublisherID), '\t')
	b = append(appendEscaped(b, u.Source), '\t')
	b = append(appendEscaped(b, u.ExternalID), '\t')
	b = append(u.OccurredAt.UTC().AppendFormat(b, loadInstant), '\t')
	b = append(u.RecordedAt.UTC().AppendFormat(b, loadInstant), '\t')
	b = append(appendEscaped(b, u.Digest[:]), '\t')
	b = append(appendEscaped(b, u.ResellerTenantID), '\t')
	b = append(appendEscaped(b, u.SubscriptionID), '\t')
	b = append(appendEscaped(b, u.MeterID), '\t')
	return append(u.Quantity.AppendTo(b), '\n')
}

// appendEscaped appends a value so that no byte of it ends a field or a line.
func appendEscaped[T string | []byte](b []byte, value T) []byte {
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\', '\t', '\n':
			b = append(b, '\\', c)
		case 0:
			b = append(b, '\\', '0')
		default:
			b = append(b, c)
		}
	}
	return b
}

// BucketsByKey are the buckets with these keys that exist, locked until the
// transaction ends. Lock their resellers first (LockResellers).
func (w *Writer) BucketsByKey(keys []BucketKey) (map[BucketKey]models.Bucket, error) {
	type group struct {
		month    models.Month
		reseller string
	}
	wanted := make(map[BucketKey]bool, len(keys))
	subscriptions := map[group][]string{}
	for _, key := range keys {
		wanted[key] = true
		g := group{key.Month, key.ResellerTenantID}
		subscriptions[g] = append(subscriptions[g], key.SubscriptionID)
	}
	found := make(map[BucketKey]models.Bucket, len(keys))
	for g, ids := range subscriptions {
		slices.Sort(ids)
		for chunk := range slices.Chunk(slices.Compact(ids), 1000) {
			query := w.in(w.from("usage_buckets").Select(bucketColumns), "subscription_id", chunk).
				Where("month = ? AND reseller_tenant_id = ?", g.month, g.reseller).
				Clauses(clause.Locking{Strength: "UPDATE"})
			err := w.stream("usage_buckets", query, func(rows *sql.Rows) error {
				var b models.Bucket
				err := scanBucket(rows, &b)
				if wanted[KeyOf(b)] {
					found[KeyOf(b)] = b
				}
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// SaveBuckets stores buckets with the quantity and the number of records they
// have, over those that exist. Sums are made by the caller, in the same way on
// every engine, while the resellers are locked. A quantity of more than 15
// integer or 15 fraction digits is an error.
func (w *Writer) SaveBuckets(buckets []models.Bucket) error {
	for i := range buckets {
		if !buckets[i].Quantity.Fits(money.QuantityIntegerDigits, money.FractionDigits) {
			return fmt.Errorf("store: bucket %v cannot hold %s", KeyOf(buckets[i]), buckets[i].Quantity)
		}
	}
	if len(buckets) == 0 {
		return nil
	}
	values := func(i int) []any {
		b := &buckets[i]
		month, _ := b.Month.Value() // never fails
		return []any{month, b.ResellerTenantID, b.SubscriptionID, b.PlanID, b.MeterID, b.PublisherID, b.Quantity.String(), b.Records}
	}
	if w.dialect.name == sqliteName {
		return w.insertEach("INSERT INTO usage_buckets ("+joinColumns(bucketColumns)+") VALUES ("+marks(len(bucketColumns))+")"+
			" ON CONFLICT (month, reseller_tenant_id, subscription_id, plan_id, meter_id)"+
			" DO UPDATE SET publisher_id = excluded.publisher_id, quantity = excluded.quantity, records = excluded.records", len(buckets), values)
	}
	return w.insertMany("usage_buckets", bucketColumns,
		" ON DUPLICATE KEY UPDATE publisher_id = VALUES(publisher_id), quantity = VALUES(quantity), records = VALUES(records)", len(buckets), values)
}
