package formats

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// offersOf reads documents that must be good.
func offersOf(tb testing.TB, in io.Reader) (documents []OfferDocument) {
	tb.Helper()
	r := ReadPrivateOffers(in, models.DefaultLimits)
	for record, err := range r.Records() {
		if err != nil || len(record.Violations) > 0 {
			tb.Fatalf("record %d: %v %v\n%s", record.Number, err, record.Violations, record.Raw())
		}
		documents = append(documents, record.Value)
	}
	if warnings := r.Warnings(); len(warnings) > 0 {
		tb.Fatal(warnings)
	}
	return documents
}

// written writes offers in a version and format.
func written(tb testing.TB, format Format, version SchemaVersion, documents []OfferDocument) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := NewOfferWriter(&b, format, version)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range documents {
		status := models.StatusDraft
		if documents[i].Live {
			status = models.StatusLive
		}
		if err := w.Write(&documents[i].Offer, status); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// randomOffer is an offer that passes CheckDraft, with ids and texts as odd as
// those may be.
func randomOffer(rnd *rand.Rand, n int) OfferDocument {
	pick := func(from ...string) string { return from[rnd.IntN(len(from))] }
	guid := func() string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", rnd.Uint32(), rnd.Uint64N(1<<48)) }
	decimal := func() money.Decimal {
		return money.MustParse(pick("0", "1", "999999999999", fmt.Sprint(rnd.Int64N(1e12))) + pick("", ".5", ".000000000000001", fmt.Sprintf(".%015d", rnd.Int64N(1e15))))
	}
	d := OfferDocument{Live: rnd.IntN(2) == 0}
	o := &d.Offer
	o.ID = pick("o", "private-offer/", "é/", "plan/x", guid()+"x") + fmt.Sprint(n)
	o.Name = pick("Spring", `"<&>\`, " a/b ", "\u2028 日本", "state\": \"live") + fmt.Sprint(rnd.IntN(9))
	o.EndMonth = models.NewMonth(2030, time.Month(1+rnd.IntN(12)))
	if rnd.IntN(2) == 0 {
		o.StartMonth = models.NewMonth(2029, time.Month(1+rnd.IntN(12)))
	}
	if rnd.IntN(2) == 0 {
		o.PreparedBy, o.NotificationContacts = "ada@walden.example", []string{"b@walden.example", "a@walden.example"}
	}
	for range rnd.IntN(4) {
		r := models.OfferReseller{ResellerTenantID: guid()}
		for range rnd.IntN(3) {
			r.CustomerTenantIDs = append(r.CustomerTenantIDs, guid())
		}
		o.Resellers = append(o.Resellers, r)
	}
	for i := range rnd.IntN(5) {
		l := models.PricingLine{Position: i + 1, ProductID: pick("wall", "a/b", "product/x", "plan/", guid()) + fmt.Sprint(i)}
		if l.PlanID = pick("", "team", "x/y", "plan/z", l.ProductID+"/p"); l.PlanID == "" || rnd.IntN(2) == 0 {
			l.Percentage = money.Percentage(1 + rnd.IntN(10_000))
			o.Pricing = append(o.Pricing, l)
			continue
		}
		seen := map[string]bool{}
		for range 1 + rnd.IntN(8) {
			a := models.AbsolutePrice{Market: pick("DE", "US", "JP"), Currency: money.Currency(pick("EUR", "USD", "JPY")), UnitPrice: decimal()}
			if rnd.IntN(2) == 0 {
				a.MeterID = pick("scans", "1", "a.b", `q"`, "日本", "resources")
			} else {
				a.Term, a.Billing = models.Term(pick("P1M", "P1Y", "P2Y", "P3Y")), models.Billing(pick("UPFRONT", "MONTHLY"))
				if a.Term != models.P1M && rnd.IntN(2) == 0 {
					a.Billing = models.Annual
				}
			}
			if rnd.IntN(3) == 0 {
				a.IncludedQuantity = decimal()
			}
			if key := fmt.Sprint(a.Market, a.Currency, a.MeterID, a.Term, a.Billing); !seen[key] {
				seen[key] = true
				l.Absolute = append(l.Absolute, a)
			}
		}
		o.Pricing = append(o.Pricing, l)
	}
	if d.Live && (len(o.Pricing) == 0 || len(o.Resellers) == 0) {
		d.Live = false
	}
	return d
}

// Whatever is written is read as it was, and written again as the same bytes: in
// both versions, as a document and a line each.
func TestOffersRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		var offers []OfferDocument
		for n := range rnd.IntN(5) {
			offers = append(offers, randomOffer(rnd, n))
			if vs := offers[n].Offer.CheckDraft(models.DefaultLimits); len(vs) > 0 {
				t.Fatal(seed, vs)
			}
		}
		for _, version := range SchemaVersions {
			for _, format := range []Format{FormatProductIngestion, FormatJSONLines} {
				first := written(t, format, version, offers)
				if len(first) == 0 {
					continue
				}
				read := offersOf(t, bytes.NewReader(first))
				if again := written(t, format, version, read); !bytes.Equal(first, again) {
					t.Fatalf("seed %d, %s %s: written\n%s\nand after reading\n%s", seed, format, version, first, again)
				}
				for i := range offers {
					if want, got := digestOf(offers[i].Offer), digestOf(read[i].Offer); want != got || read[i].Live != offers[i].Live || read[i].Offer.ID != offers[i].Offer.ID {
						t.Fatalf("seed %d: offer %d is read as\n%+v\nwas\n%+v", seed, i, read[i], offers[i])
					}
				}
				if said := bytes.Contains(first, []byte(`"offerPricingType"`)); said && version == Schema20220701 {
					t.Fatalf("a key of the later version in\n%s", first)
				}
			}
		}
	}
}

// digestOf is that of the content, whatever the order of its prices.
func digestOf(o models.PrivateOffer) models.Digest {
	o.Pricing = slices.Clone(o.Pricing)
	for i := range o.Pricing {
		o.Pricing[i].Absolute = slices.SortedFunc(slices.Values(o.Pricing[i].Absolute), func(x, y models.AbsolutePrice) int {
			return strings.Compare(fmt.Sprint(x.MeterID, x.Term, x.Billing, x.Market, x.Currency), fmt.Sprint(y.MeterID, y.Term, y.Billing, y.Market, y.Currency))
		})
	}
	return offerDigest(&o)
}

// The documents as they are written, byte by byte.
func TestOfferWriter(t *testing.T) {
	start, withdrawn := models.NewMonth(2025, 3), time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	offer := &models.PrivateOffer{
		ID: "spring", Name: "Spring <1>", StartMonth: start, EndMonth: start + 2, PreparedBy: "ada@walden.example", NotificationContacts: []string{"ada@walden.example"},
		Pricing: []models.PricingLine{
			{Position: 1, ProductID: "wall", Percentage: 1250},
			{Position: 2, ProductID: "door", PlanID: "door-team", Absolute: []models.AbsolutePrice{
				{Market: "DE", Currency: "EUR", MeterID: "scans", UnitPrice: money.MustParse("0.44729"), IncludedQuantity: money.MustParse("20")},
				{Market: "DE", Currency: "EUR", Term: models.P1Y, Billing: models.Monthly, UnitPrice: money.MustParse("8.99")},
				{Market: "DE", Currency: "EUR", Term: models.P2Y, Billing: models.Upfront, UnitPrice: money.MustParse("160")},
				{Market: "GB", Currency: "GBP", Term: models.P1Y, Billing: models.Monthly, UnitPrice: money.MustParse("0.000000000000001")},
			}},
		},
		Resellers: []models.OfferReseller{
			{ResellerTenantID: "9e1a0c54-3b7d-4f60-8a21-5c6d7e8f9001", CustomerTenantIDs: []string{"1d2c3b4a-5968-4778-8695-a4b3c2d1e0f1"}},
			{ResellerTenantID: "9e1a0c54-3b7d-4f60-8a21-5c6d7e8f9002", WithdrawnAt: &withdrawn},
		},
	}
	for _, version := range SchemaVersions {
		var b bytes.Buffer
		w, err := NewOfferWriter(&b, FormatProductIngestion, version)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			offer  *models.PrivateOffer
			status models.OfferStatus
		}{{offer, models.StatusInProgress}, {&models.PrivateOffer{ID: "empty", Name: "Empty"}, models.StatusDraft},
			{&models.PrivateOffer{ID: "over", Name: "Over", EndMonth: start, Resellers: offer.Resellers[1:]}, models.StatusEnded},
			{&models.PrivateOffer{ID: "gone", Name: "Gone", EndMonth: start, Resellers: offer.Resellers[1:]}, models.StatusWithdrawn}} {
			if err := w.Write(x.offer, x.status); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		golden(t, "written-"+string(version)+".json.golden", b.String())
	}
	for format, want := range map[Format]string{FormatProductIngestion: `{"$schema":"https://schema.mp.microsoft.com/schema/configure/2022-07-01","resources":[` + "\n\n]}\n", FormatJSONLines: ""} {
		if got := string(written(t, format, Schema20230715, nil)); got != want {
			t.Errorf("nothing as %s: %q, want %q", format, got, want)
		}
	}
	if read := offersOf(t, bytes.NewReader(written(t, FormatProductIngestion, Schema20230715, nil))); len(read) > 0 {
		t.Error(read)
	}
	if _, err := NewOfferWriter(io.Discard, FormatCSV, Schema20230715); err == nil || !strings.Contains(err.Error(), `"csv" is not a format of private offers: choose product-ingestion or jsonl`) {
		t.Error(err)
	}
	if _, err := NewOfferWriter(io.Discard, FormatJSONLines, "2021-01-01"); err == nil || !strings.Contains(err.Error(), `"2021-01-01" is not a version`) {
		t.Error(err)
	}
}

// TestOfferWriterFails: a place that takes no more is an error of Close at last.
func TestOfferWriterFails(t *testing.T) {
	w, err := NewOfferWriter(full{}, FormatProductIngestion, Schema20230715)
	if err != nil {
		t.Fatal(err)
	}
	failed := error(nil)
	for range 1000 {
		if failed = w.Write(&models.PrivateOffer{ID: "o", Name: strings.Repeat("n", 500)}, models.StatusDraft); failed != nil {
			break
		}
	}
	if closed := w.Close(); failed == nil || closed == nil {
		t.Errorf("written: %v, closed: %v", failed, closed)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestHostileOffers: each is refused with a word, or read for what it is.
func TestHostileOffers(t *testing.T) {
	const good = `{"privateOfferType":"cspPromotion","id":"o","name":"N","state":"draft","variableStartDate":true}`
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	document := func(resources ...string) string {
		return `{"$schema":"https://schema.mp.microsoft.com/schema/configure/2022-07-01","resources":[` + strings.Join(resources, ",") + `]}`
	}
	deep := strings.Repeat(`[`, 20_000) + strings.Repeat(`]`, 20_000)
	for name, c := range map[string]struct {
		file, want string // contained in what is said
		records    int
	}{
		"a byte order mark":            {"\ufeff" + document(good), "1 {", 1},
		"two documents":                {document(good) + "\n" + document(good), "2 {", 2},
		"keys twice, the last counts":  {with(`"N"`, `"M","name":"L"`), `"Name":"L"`, 1},
		"nested too deep":              {document(with(`"N"`, deep), good), "1 rejected", 2},
		"an unread key that is deep":   {document(with(`"N"`, `"N","x":`+strings.Repeat(`[`, 5_000)+strings.Repeat(`]`, 5_000))), "warning: x: is not known", 1},
		"NaN":                          {document(with(`"N"`, `NaN`), good), "(record) NOT_JSON", 2},
		"infinite":                     {with(`"N"`, `"N","pricing":[{"product":"p","discountType":"percentage","discountPercentage":1e999999999}]`), "pricing.0.discountPercentage PERCENTAGE_OUT_OF_RANGE", 1},
		"a tiny percentage":            {with(`"N"`, `"N","pricing":[{"product":"p","discountType":"percentage","discountPercentage":1e-999999999}]`), "pricing.0.discountPercentage PERCENTAGE_OUT_OF_RANGE", 1},
		"an exact percentage":          {with(`"N"`, `"N","pricing":[{"product":"p","discountType":"percentage","discountPercentage":1250.000e-2}]`), `"Percentage":"12.5"`, 1},
		"a lone surrogate":             {with(`"N"`, `"N\ud800"`), "name INVALID holds a control character or broken UTF-8", 1},
		"a pair of surrogates":         {with(`"N"`, `"N\ud83d\ude00"`), `"Name":"N😀"`, 1},
		"broken UTF-8":                 {with(`"N"`, "\"N\xff\""), "name INVALID_ENCODING", 1},
		"a NUL":                        {with(`"N"`, `"N\u0000"`), "name INVALID holds a control character", 1},
		"an unknown configure version": {strings.Replace(document(good), "configure/2022-07-01", "configure/2099-01-01", 1), `stopped: the document is of schema "https://schema.mp.microsoft.com/schema/configure/2099-01-01": only configure/2022-07-01 is read`, 0},
		"resources that are none":      {`{"resources":{}}`, "1 rejected", 1},
		"cut off":                      {document(good, good)[:200], "stopped: after record 1: the file is not a JSON document from here on", 1},
		"what is beside is no JSON":    {`{"resources":[` + good + `],"x":tru}`, "stopped: after record 1: the file is not a JSON document from here on: what stands beside the resources is not JSON", 1},
		"a long key beside":            {`{"resources":[` + good + `],"x":"` + strings.Repeat("y", 2<<20) + `"}`, "warning: x: is not known beside the resources", 1},
		"a resource too long":          {document(with(`"N"`, `"`+strings.Repeat("y", 2<<20)+`"`), good), "(record) RECORD_TOO_LONG", 2},
		"a list of nothing":            {with(`"N"`, `"N","beneficiaries":[1`+strings.Repeat(",1", 400_000)+`]`), "beneficiaries OUT_OF_RANGE is not read on from entry 50000: the record holds too many", 1},
		"lines of nothing":             {with(`"N"`, `"N","pricing":[{}`+strings.Repeat(",{}", 200_000)+`]`), " more faults: correct these first", 1},
		"a month alone":                {with(`"variableStartDate":true`, `"start":"2030-01","end":"2030-02"`), `end INVALID "2030-02" is a month, not a day: write 2030-02-28`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			said := readers["private-offer"]([]byte(c.file))
			if !strings.Contains(said, c.want) {
				t.Errorf("not said: %s\nbut: %.2000s", c.want, said)
			}
			if records := strings.Count("\n"+said, "\n1 ") + strings.Count("\n"+said, "\n2 "); records != c.records {
				t.Errorf("%d records, want %d: %.2000s", records, c.records, said)
			}
		})
	}
}

// TestPriceBook: an offer finds the prices above it, those of a name that came
// last; of a document of many, the oldest are forgotten.
func TestPriceBook(t *testing.T) {
	prices := func(name, price, filler string) string {
		return `{"$schema":"https://schema.mp.microsoft.com/schema/price-and-availability-private-offer-plan/2023-07-15","resourceName":"` + name + `","planName":"` + filler + `","product":"product/door","plan":"plan/team",
"pricing":{"customMeters":{"meters":{"scans":{"prices":[{"markets":["DE"],"currency":"EUR","price":` + price + `}]}}}}}`
	}
	offer := func(name string) string {
		return `{"privateOfferType":"cspPromotion","name":"N","state":"draft","variableStartDate":true,"pricing":[{"product":"product/door","plan":"plan/team","discountType":"absolute","priceDetails":{"resourceName":"` + name + `"}}]}`
	}
	said := readers["private-offer"]([]byte(`[` + strings.Join([]string{prices("a", "1", ""), prices("a", "2", ""), offer("a"), offer("b"), prices("b", "3", "")}, ",") + `]`))
	if !strings.Contains(said, `"unitPrice":"2"`) || !strings.Contains(said, `4 rejected`) || !strings.Contains(said, `pricing.0.priceDetails NOT_FOUND names prices "b", which do not stand above the offer`) {
		t.Error(said)
	}
	var book priceBook
	d := offerReader{violations: &models.Violations{}, warn: func(string) {}, prices: &book}
	filler := strings.Repeat("x", 1<<19)
	for n := range 100 {
		d.keep(prices(fmt.Sprint(n), "1", filler))
	}
	if n := len(book.byName); n != len(book.order) || n < 20 || n > 32 || book.bytes > mostPriceBytes || book.byName["99"] == nil || book.byName["0"] != nil {
		t.Errorf("%d prices of %d bytes are remembered: %v", n, book.bytes, book.order)
	}
}
