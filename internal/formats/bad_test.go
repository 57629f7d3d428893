package formats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"sellthrough/models"
)

const usageHeader = "source,external_id,occurred_at,subscription_id,meter_id,quantity\n"

const usageLine = `{"source":"m","external_id":"e-1","occurred_at":"2024-09-18T22:00:00Z","subscription_id":"s","meter_id":"calls","quantity":1}`

const usageRow = "m,e-1,2024-09-18T22:00:00Z,s,calls,1\n"

// TestStops: what stops a whole file, and what is said of it.
func TestStops(t *testing.T) {
	tests := []struct{ name, kind, file, want string }{
		{"0 bytes", "usage", "", "stopped: the file is empty"},
		{"white space", "usage", " \r\n\n", "stopped: the file is empty"},
		{"a byte order mark alone", "usage", "\xef\xbb\xbf", "stopped: the file is empty"},
		{"UTF-16 with its mark", "usage", "\xff\xfes\x00o\x00", "stopped: the file is UTF-16, not UTF-8: save it as UTF-8"},
		{"UTF-16 without", "purchases", "s\x00o\x00u\x00", "stopped: the file is UTF-16, not UTF-8: save it as UTF-8"},
		{"missing columns", "usage", "source,external_id,quantity\nm,e,1\n",
			"stopped: the file lacks the columns occurred_at, subscription_id, meter_id; it needs source, external_id, occurred_at, subscription_id, meter_id, quantity"},
		{"semicolons", "usage", strings.ReplaceAll(usageHeader, ",", ";"),
			"stopped: the file lacks the columns source, external_id, occurred_at, subscription_id, meter_id, quantity (its columns are separated by ';': separate them by commas); it needs"},
		{"names in another case", "exchange-rate", "currencycode,USDPerUnit,Month\n",
			"stopped: the file lacks the columns CurrencyCode; it needs CurrencyCode, USDPerUnit, Month"},
		{"a column twice", "exchange-rate", "Month,CurrencyCode,USDPerUnit,Month\n", `stopped: column "Month" is there twice`},
		{"a broken header", "usage", "\"source\"x,external_id\n", "stopped: the first line is no header of a CSV file (text follows a closing quote"},
		{"no JSON", "metering", usageHeader, "stopped: the file begins with 's', where JSON begins with { or ["},
		{"no JSON in the catalogue", "catalogue", "id,name\n", "stopped: the file begins with 'i', where JSON begins with { or ["},
		{"a document cut off", "metering", "{\n\"request\": [{\"resourceId\": \"s\", \"dimension\": \"calls\", \"quantity\": 1, \"effectiveStartTime\": \"2024-09-18T22:00:00Z\"}, {\"reso",
			"stopped: after record 1: the file is not a JSON document from here on: it ends inside a value"},
		{"a document without its end", "daily-rated", "{\n\"items\": []", "stopped: the file is not a JSON document from here on: it ends before its last bracket"},
		{"a comma missing", "usage", "[{} {}]", "stopped: after record 1: the file is not a JSON document from here on: a comma or a closing bracket is missing"},
		{"a value missing", "usage", "[,]", `stopped: the file is not a JSON document from here on: "," stands where a value should`},
		{"a colon missing", "metering", "{\n\"request\": [], \"x\" 1}", "stopped: the file is not a JSON document from here on: a colon is missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			said := readers[test.kind]([]byte(test.file))
			if !strings.Contains(said, test.want) {
				t.Errorf("said:\n%s\nwant:\n%s", said, test.want)
			}
		})
	}
}

func TestUnknownKindStops(t *testing.T) {
	said := tell(ReadCatalogue(strings.NewReader("id\n"), "bundle"))
	want := `stopped: "bundle" is not a kind of catalogue record: choose one of publisher, reseller, customer, product, plan, meter, price, agencyFee` + "\n"
	if said != want {
		t.Errorf("said %s, want %s", said, want)
	}
}

// TestBadRecords: what is wrong with one record leaves the others alone.
func TestBadRecords(t *testing.T) {
	long := strings.Repeat("x", MaxRecordBytes)
	tests := []struct {
		name, kind, file string
		want             []string // the lines said, in order; prefixes
	}{
		{"Latin-1", "usage", usageHeader + "m,e-\xe9,2024-09-18T22:00:00Z,s,calls,1\n" + usageRow, []string{
			`1 rejected {"source":"m","external_id":"e-�"`, "    external_id INVALID_ENCODING is not UTF-8: save the file as UTF-8", `2 {"source":"m"`}},
		{"Latin-1 in JSON", "usage", `{"source":"m","external_id":"\u0065-` + "\xe9" + `","occurred_at":"2024-09-18T22:00:00Z","subscription_id":"s","meter_id":"calls","quantity":1}`, []string{
			`1 rejected {"source":"m","external_id":"\u0065-�"`, "    external_id INVALID_ENCODING is not UTF-8: save the file as UTF-8"}},
		{"NUL bytes", "usage", usageHeader + "m,e\x00,2024-09-18T22:00:00Z,s,calls,1\x00\n", []string{
			`1 rejected {"source":"m","external_id":"e\u0000"`, `    quantity INVALID "1\x00": not a decimal number`, "    external_id INVALID_ID"}},
		{"a quote that never ends", "usage", usageHeader + "m,\"e-1,2024-09-18T22:00:00Z,s,calls,1\n" + usageRow + usageRow, []string{
			`1 rejected "m,\"e-1,2024-09-18T22:00:00Z,s,calls,1"`, "    (record) NOT_CSV is no CSV: a quoted field does not end", "2 {", "3 {"}},
		{"a row too long", "usage", usageHeader + "m," + long + "\n" + usageRow, []string{
			`1 rejected "m,xxxxx`, "    (record) RECORD_TOO_LONG is longer than 1 MiB", "2 {"}},
		{"a quoted row too long", "usage", usageHeader + "m,\"" + long + "\",x\n" + usageRow, []string{
			`1 rejected "m,\"xxxxx`, "    (record) ", "2 {"}},
		{"a line too long", "usage", `{"source":"` + long + long + long + "\"}\n" + usageLine, []string{
			`1 rejected "{\"source\":\"xxxx`, "    (record) RECORD_TOO_LONG is longer than 1 MiB", "2 {"}},
		{"an entry too long", "usage", `[{"source":"` + long + long + long + "\"}," + usageLine + "]\n", []string{
			`1 rejected ""`, "    (record) RECORD_TOO_LONG is longer than 1 MiB", "2 {"}},
		{"an entry that is no JSON", "usage", "[{source:1},\n7,\"x\"," + usageLine + "]", []string{
			`1 rejected "{source:1}"`, "    (record) NOT_JSON", "2 rejected \"7\"", "    (record) NOT_JSON is not a JSON object", "3 rejected ", "    (record)", "4 {"}},
		{"nothing but ids", "usage", usageHeader + ",,,,,\n", []string{"1 rejected {",
			"    quantity REQUIRED is missing", "    source REQUIRED is missing", "    external_id REQUIRED is missing",
			"    occurred_at REQUIRED is missing", "    subscription_id REQUIRED is missing", "    meter_id REQUIRED is missing"}},
		{"impossible instants", "usage", usageHeader +
			"m,e,2023-02-29T00:00:00Z,s,calls,1\nm,e,2024-02-29T24:00:00Z,s,calls,1\nm,e,2024-02-29T00:00:60Z,s,calls,1\nm,e,0000-01-01T00:00:00Z,s,calls,1\nm,e,2024-02-29T00:00:00+99:00,s,calls,1\n",
			[]string{"1 rejected", "    occurred_at INVALID", "2 rejected", "    occurred_at INVALID", "3 rejected", "    occurred_at INVALID", "4 rejected", "    occurred_at INVALID", "5 rejected", "    occurred_at INVALID"}},
		{"an id too long", "usage", usageHeader + "m," + long[:129] + ",2024-09-18T22:00:00Z,s,calls,1\n", []string{
			"1 rejected", "    external_id TOO_LONG is longer than 128 bytes"}},
		{"a purchase of 0", "purchases", `{"source":"shop","external_id":"p","occurred_at":"2024-10-03","action":"renew","subscription_id":"s","quantity":0}`, []string{
			"1 rejected", "    quantity QUANTITY_NOT_POSITIVE is not above 0"}},
		{"too many resellers", "private-offer", tooManyResellers(), []string{
			"1 rejected", "    beneficiaries TOO_MANY_RESELLERS holds 401 entries, at most 400 are allowed"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			said := strings.Split(strings.TrimSuffix(readers[test.kind]([]byte(test.file)), "\n"), "\n")
			if len(said) != len(test.want) {
				t.Errorf("said %d lines, want %d:\n%.2000s", len(said), len(test.want), strings.Join(said, "\n"))
			}
			for i := range min(len(said), len(test.want)) {
				if !strings.HasPrefix(said[i], test.want[i]) {
					t.Errorf("line %d is %.300s, want %s", i, said[i], test.want[i])
				}
			}
		})
	}
}

func tooManyResellers() string {
	var b strings.Builder
	b.WriteString(`{"privateOfferType":"cspPromotion","name":"n","state":"draft","variableStartDate":true,"beneficiaries":[`)
	for i := range 401 {
		fmt.Fprintf(&b, `{"id":"9e1a0c54-3b7d-4f60-8a21-%012d"},`, i)
	}
	return strings.TrimSuffix(b.String(), ",") + "]}"
}

// TestSpellings: the same record in every spelling that is allowed is the same
// fact, digest and all.
func TestSpellings(t *testing.T) {
	want := digests(t, usageHeader+"m,e-1,2024-09-18T22:00:00Z,0c6b7e52-4c1d-4e0b-8c70-6b7a54d1e901,calls,1.5\n")
	for name, file := range map[string]string{
		"byte order mark, CRLF, quotes": "\xef\xbb\xbf" + strings.ReplaceAll(usageHeader, "\n", "\r\n") + "\"m\",e-1,\"2024-09-18T22:00:00Z\",0c6b7e52-4c1d-4e0b-8c70-6b7a54d1e901,calls,\"1.5\"\r\n",
		"no last line end":              usageHeader + "m,e-1,2024-09-18T22:00:00Z,0c6b7e52-4c1d-4e0b-8c70-6b7a54d1e901,calls,\"1.5\"",
		"a GUID in capitals":            usageHeader + "m,e-1,2024-09-18T22:00:00Z,0C6B7E52-4C1D-4E0B-8C70-6B7A54D1E901,calls,1.50\n",
		"another zone":                  usageHeader + "m,e-1,2024-09-19T00:00:00.0000009+02:00,0c6b7e52-4c1d-4e0b-8c70-6b7a54d1e901,calls,15e-1\n",
		"no zone, which is UTC":         usageHeader + "m,e-1,2024-09-18T22:00:00,0c6b7e52-4c1d-4e0b-8c70-6b7a54d1e901,calls,1.5\n",
		"JSON Lines":                    `{"quantity":1.5,"source":"m","external_id":"e-1","occurred_at":"2024-09-18T22:00:00.000Z","subscription_id":"0c6b7e52-4c1d-4e0b-8c70-6b7a54d1e901","meter_id":"c\u0061lls"}`,
		"a JSON array":                  "\n[\n{\"quantity\":\"1.5\",\"source\":\"m\",\n\"external_id\":\"e-1\",\"occurred_at\":\"2024-09-18T22:00:00Z\",\"subscription_id\":\"0c6b7e52-4c1d-4e0b-8c70-6b7a54d1e901\",\"meter_id\":\"calls\"}\n]\n",
	} {
		if got := digests(t, file); len(got) != 1 || got[0] != want[0] {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
	}
}

func digests(t *testing.T, file string) (all []models.Digest) {
	t.Helper()
	for record, err := range ReadUsage(strings.NewReader(file), FormatAny).Records() {
		if err != nil || len(record.Violations) > 0 {
			t.Fatal(file, err, record.Violations)
		}
		all = append(all, record.Value.Digest)
	}
	return all
}

// TestAnyChunks: a file reads the same however the bytes arrive, also where a
// row, a quote or a byte order mark lies across two reads.
func TestAnyChunks(t *testing.T) {
	for name, file := range map[string][]byte{
		"csv": usageCSV(50), "quoted": quotedUsageCSV(50), "jsonl": usageJSONLines(50),
		"multi-line": []byte("\xef\xbb\xbf" + usageHeader + "m,\"e\r\n\"\"1\",2024-09-18T22:00:00Z,s,calls,1\r\n\"m\",e,x,\"s\"\r"),
	} {
		whole := tell(ReadUsage(bytes.NewReader(file), FormatAny))
		for size := 1; size < 40; size += 3 {
			if got := tell(ReadUsage(&chunks{file, size}, FormatAny)); got != whole {
				t.Errorf("%s in pieces of %d bytes:\n%s\nwhole:\n%s", name, size, got, whole)
			}
		}
	}
}

// chunks reads at most size bytes a call.
type chunks struct {
	rest []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(c.size, len(p))], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// TestReadFailure: a disk that fails in the middle of a record makes no record
// of the part that was read.
func TestReadFailure(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, part := range []string{"m,e-2,2024-09-18T22:00:00Z,s,calls,12", "m,\"e-2", `m,"e-2",2024-09-18T22:00:00Z,s,calls,12`} {
		said := tell(ReadUsage(io.MultiReader(strings.NewReader(usageHeader+usageRow+part), failing{broken}), FormatAny))
		if !strings.HasSuffix(said, "stopped: after record 1: the file cannot be read on: the disk is gone\n") || strings.Contains(said, "e-2") {
			t.Errorf("%q: said %s", part, said)
		}
	}
	said := tell(ReadUsage(io.MultiReader(strings.NewReader("{}\n{"), failing{io.ErrUnexpectedEOF}), FormatAny))
	if !strings.HasSuffix(said, "stopped: after record 1: the file is cut off: its compression does not end; the records before the cut were read\n") {
		t.Error(said)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestLargeDocument: a document larger than any window streams, also on one
// line, and members before and after the records are stepped over.
func TestLargeDocument(t *testing.T) {
	const n = 20_000
	var b strings.Builder
	b.WriteString(`{"totalCount":20000,"links":{"items":["{[\"}"]},"items":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"subscriptionId":"s","resourceUri":"/machines/%d","meterId":"calls","usageDate":"2024-09-18","quantity":%d,"tags":"x]}"}`, i%100, i+1)
	}
	b.WriteString(`],"attributes":{"objectType":"Collection"}}`)
	ids, records := map[string]bool{}, 0
	for record, err := range ReadUsage(strings.NewReader(b.String()), FormatDailyRated).Records() {
		if err != nil || len(record.Violations) > 0 {
			t.Fatal(record.Number, err, record.Violations)
		}
		records++
		ids[record.Value.ExternalID] = true
	}
	if records != n || len(ids) != n {
		t.Errorf("%d records with %d ids, want %d of both", records, len(ids), n)
	}
}

// TestOfferIdentity: a draft and its submit are one offer, another spelling is
// the same content, another source or content is not.
func TestOfferIdentity(t *testing.T) {
	read := func(document string) OfferDocument {
		for record, err := range ReadPrivateOffers(strings.NewReader(document), models.DefaultLimits).Records() {
			if err != nil || len(record.Violations) > 0 {
				t.Fatal(document, err, record.Violations)
			}
			return record.Value
		}
		t.Fatal("no record in ", document)
		return OfferDocument{}
	}
	document := `{"privateOfferType":"cspPromotion","name":"Spring","state":"draft","variableStartDate":true,"end":"2025-05-31",
		"beneficiaries":[{"id":"9e1a0c54-3b7d-4f60-8a21-5c6d7e8f9001"}],
		"pricing":[{"product":"product/wall","plan":"plan/wall/team","discountType":"percentage","discountPercentage":5}]}`
	draft := read(document)
	same := read(strings.NewReplacer(`"draft"`, `"live"`, "9e1a0c54", "9E1A0C54", `"plan/wall/team"`, `"plan/team"`, `:5}`, `:"5.00"}`, "05-31", "05-31T23:59:59Z").Replace(document))
	if draft.Offer.ID != same.Offer.ID || draft.Digest != same.Digest || draft.Live || !same.Live {
		t.Errorf("a draft and its submit: %+v and %+v", draft, same)
	}
	if other := read(strings.Replace(document, ":5}", ":6}", 1)); other.Offer.ID == draft.Offer.ID || other.Digest == draft.Digest {
		t.Error("another margin is the same offer")
	}
	if other := read(strings.Replace(document, `{"priv`, `{"source":"crm","priv`, 1)); other.Offer.ID == draft.Offer.ID || other.Digest != draft.Digest {
		t.Error("another source should be another offer of the same content")
	}
	if named := read(strings.Replace(document, `{"priv`, `{"id":"private-offer/spring","priv`, 1)); named.Offer.ID != "spring" || named.Digest != draft.Digest {
		t.Errorf("its own id: %s", named.Offer.ID)
	}
}

// TestReject: what the store finds later is said in the file's own words.
func TestReject(t *testing.T) {
	var vs models.Violations
	vs.Add("subscription_id", models.CodeSubscriptionUnknown, "is not known")
	for record := range ReadUsage(strings.NewReader(`{"resourceId":"s","dimension":"calls","quantity":1,"effectiveStartTime":"2024-09-18T22:00:00Z"}`), FormatMetering).Records() {
		record.Reject(vs)
		if got := record.Violations[0].Path(); got != "resourceId" {
			t.Errorf("metering: %s", got)
		}
	}
	// A file without ids of its own is not told of one.
	vs = nil
	vs.Add("external_id", models.CodeUsageConflict, "was recorded with other content")
	for format, want := range map[Format]string{
		FormatAny:        "external_id: was recorded with other content",
		FormatMetering:   ": the event of this resourceId, dimension and hour was recorded with other content",
		FormatDailyRated: ": the item of this subscriptionId, resourceUri, meterId and usageDate was recorded with other content",
	} {
		for record := range ReadUsage(strings.NewReader(`{}`), format).Records() {
			record.Violations = nil
			record.Reject(vs)
			if got := record.Violations[0]; got.Path()+": "+got.Message != want || got.Code != models.CodeUsageConflict {
				t.Errorf("%s: %s: %s, want %s", format, got.Path(), got.Message, want)
			}
		}
	}
	vs = nil
	for _, field := range []string{"endMonth", "resellers.2.customers.1", "resellers.2.tenantId", "pricing.0.absolute.3.unitPrice", "pricing.1.productId"} {
		vs.Add(field, models.CodeInvalid, "")
	}
	got := ""
	for _, v := range naming(offerNaming).rename(vs) {
		got += v.Path() + " "
	}
	want := "end beneficiaries.2.beneficiaryRecipients.1.id beneficiaries.2.id pricing.0.prices.3.price pricing.1.product "
	if got != want {
		t.Errorf("offers: %s, want %s", got, want)
	}
	if vs[0].Path() != "endMonth" {
		t.Error("the caller's violations were renamed in place")
	}
}

// TestLongNumbers: what no Decimal can hold is large, or only long.
func TestLongNumbers(t *testing.T) {
	const large, long = "QUANTITY_TOO_LARGE", "OUT_OF_RANGE"
	for number, want := range map[string]string{
		"1e-400": long, "1E-99999999999999999999": long, "0.1234567890123456789012345678901234567891": long, "-0.001e-60": long,
		"123456789012345.123456789012345678901234567890": long, "0.000000000000000000000000000000000000001": long,
		"1e400": large, "1e+99999999999999999999": large, "1234567890123456789012345678901234567890": large,
		"0.001e60": large, "-1e60": large, "1234567890123456.123456789012345678901234567890": large,
	} {
		row := usageHeader + "\nm,u-1,2024-05-02T10:00:00Z,sub-1,calls," + number + "\n"
		for record := range ReadUsage(strings.NewReader(row), FormatAny).Records() {
			if len(record.Violations) != 1 || string(record.Violations[0].Code) != want {
				t.Errorf("%s: %v, want %s", number, record.Violations, want)
			}
		}
	}
}

// TestFastInstant: the quick reading of instants says what models says, or
// leaves it to it.
func TestFastInstant(t *testing.T) {
	taken := 0
	for _, s := range []string{
		"2024-02-29T23:59:59Z", "2023-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "1899-12-31T00:00:00Z",
		"2999-12-31T23:59:59.999999999Z", "3000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2024-04-31T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z", "2024-13-01T00:00:00Z",
		"2024-01-01T24:00:00Z", "2024-01-01T23:60:00Z", "2024-01-01T23:59:60Z", "2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.1234567Z",
		"2024-01-01T00:00:00.Z", "2024-01-01T00:00:00,5Z", "2024-01-01T00:00:00.12x4Z", "2024-01-01T00:00:00.1234567891Z", "2024-01-01t00:00:00Z",
		"2024-01-01T00:00:00z", "2024-1-01T00:00:000Z", "+024-01-01T00:00:00Z", "2024-01-01T-1:00:00Z", "2024-01-01T00:00:0 Z",
	} {
		got, ok := fastInstant(s)
		want, err := models.ParseInstant(s)
		if ok {
			taken++
		}
		if ok && (err != nil || !got.Equal(want)) {
			t.Errorf("%s: %v, models says %v, %v", s, got, want, err)
		}
	}
	if taken != 5 {
		t.Errorf("took %d of the spellings, want the 5 that are right and usual", taken)
	}
}
