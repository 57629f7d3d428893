package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sellthrough/internal/store/storetest"
)

// drafts and offers of two states, with absolute prices, and one that prices
// nothing.
const documents = `{"$schema":"https://schema.mp.microsoft.com/schema/configure/2022-07-01","resources":[
{"$schema":"https://schema.mp.microsoft.com/schema/private-offer/2023-07-15","id":"autumn","privateOfferType":"cspPromotion","name":"Autumn","state":"draft","variableStartDate":true,"acceptanceLinks":["x"],
 "pricing":[{"product":"product/mail","discountType":"percentage","discountPercentage":12.50}]},
{"$schema":"https://schema.mp.microsoft.com/schema/price-and-availability-private-offer-plan/2023-07-15","resourceName":"flat","product":"product/mail","plan":"plan/flat","pricing":{
 "recurrentPrice":{"priceInputOption":"perMarket","prices":[{"billingTerm":{"type":"month","value":1},"paymentOption":{"type":"month","value":1},"prices":[{"markets":["US"],"currency":"USD","price":80}]}]},
 "customMeters":{"priceInputOption":"perMarket","meters":{"calls":{"includedQuantities":[{"billingTerm":{"type":"month","value":1},"quantity":10}],"prices":[{"prices":[{"markets":["US"],"currency":"USD","price":0.1}]}]}}}}},
{"$schema":"https://schema.mp.microsoft.com/schema/private-offer/2022-07-01","id":"private-offer/spring","privateOfferType":"cspPromotion","name":"Spring","state":"Live","variableStartDate":false,"start":"2024-06-01","end":"2024-08-31",
 "preparedBy":"ada@contoso.example","notificationContacts":["ada@contoso.example"],"beneficiaries":[{"id":"` + reseller + `","beneficiaryRecipients":[{"id":"` + customer + `","recipientType":"cspCustomer"}]}],
 "pricing":[{"product":"product/mail","plan":"plan/mail/flat","discountType":"Absolute","priceDetails":{"resourceName":"flat"}}]}
]}`

// What is exported can be imported into an empty installation, where the export
// is the same; into the same one it is there already.
func TestOffersOutAndIn(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		market(t, database)
		on := func(database string, arguments ...string) ran {
			return run(t, append(arguments, "--database", database)...)
		}
		in := on(database, "import", "private-offers", file(t, "offers.json", documents)).must(t, 0)
		in.says(t, in.stdout, "2 records: 2 accepted, 0 duplicates, 0 rejected")
		in.says(t, in.stderr, "acceptanceLinks: was not read")
		nothing := `{"privateOfferType":"cspPromotion","id":"winter","name":"Winter","state":"draft","variableStartDate":true}`
		path := file(t, "nothing.json", nothing)
		refused := on(database, "import", "private-offers", path).must(t, 1)
		refused.says(t, refused.stdout, "1 rejected")
		for _, says := range []string{"1 accepted", "1 duplicates"} {
			r := on(database, "import", "private-offers", path, "--publisher", "contoso").must(t, 0)
			r.says(t, r.stdout, says)
		}
		for _, flags := range [][]string{{}, {"--schema-version", "2022-07-01"}, {"--format", "jsonl"}, {"--publisher", "contoso", "--reseller", strings.ToUpper(reseller), "--schema-version", "2023-07-15"}} {
			export := append([]string{"export", "private-offers"}, flags...)
			first := on(database, export...).must(t, 0).stdout
			if wants := len(flags) < 4; strings.Contains(first, `"private-offer/winter"`) != wants || strings.Count(first, `"priceDetails":{"resourceName":"spring-1"}`) != 1 {
				t.Fatalf("%v:\n%s", flags, first)
			}
			copied := file(t, "export.json", first)
			offers := strings.Count(first, `"privateOfferType"`)
			again := on(database, "import", "private-offers", copied).must(t, 0)
			again.says(t, again.stdout, fmt.Sprintf("%d records: 0 accepted, %d duplicates, 0 rejected", offers, offers))

			empty := "sqlite:" + filepath.Join(t.TempDir(), "empty.db")
			market(t, empty)
			on(empty, "import", "private-offers", copied, "--publisher", "contoso", "--validate-only").must(t, 0)
			moved := on(empty, "import", "private-offers", copied, "--publisher", "contoso").must(t, 0)
			moved.says(t, moved.stdout, fmt.Sprintf("%d records: %d accepted, 0 duplicates, 0 rejected", offers, offers))
			if second := on(empty, export...).must(t, 0).stdout; second != first {
				t.Errorf("%v: exported\n%s\nand from there\n%s", flags, first, second)
			}
		}
		on(database, "work").must(t, 0)
		for _, c := range []struct{ flags, has, lacks string }{
			{"--status live", "spring", "autumn"}, {"--status DRAFT,ENDED", "autumn", "spring"}, {"--status DRAFT --status LIVE", "autumn", "nothing"},
		} {
			out := filepath.Join(t.TempDir(), "out.json")
			on(database, append([]string{"export", "private-offers", "--out", out}, strings.Fields(c.flags)...)...).must(t, 0)
			text, err := os.ReadFile(out)
			if err != nil || !strings.Contains(string(text), "private-offer/"+c.has) || strings.Contains(string(text), "private-offer/"+c.lacks) {
				t.Errorf("%s: %v\n%s", c.flags, err, text)
			}
		}
	})
}

// A publisher's export holds nothing of another, and one that does not exist has
// none.
func TestOffersOfOne(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	swap := strings.NewReplacer("contoso", "fabrikam", `"mail"`, `"post"`, "product/mail", "product/post", "11111111", "22222222", "Spring", "Secret")
	run(t, "import", "catalogue", file(t, "others.jsonl", swap.Replace(catalogue)), "--database", database).must(t, 0)
	run(t, "import", "private-offers", file(t, "both.jsonl", strings.ReplaceAll(offer+"\n"+swap.Replace(offer), ",\n", ",")), "--database", database).must(t, 0)
	for publisher, wants := range map[string][2]string{"contoso": {"Spring", "Secret"}, "fabrikam": {"Secret", "Spring"}} {
		got := run(t, "export", "private-offers", "--publisher", publisher, "--database", database).must(t, 0).stdout
		if !strings.Contains(got, wants[0]) || strings.Contains(got, wants[1]) {
			t.Errorf("%s: %s", publisher, got)
		}
	}
	for _, c := range []struct {
		says      string
		arguments []string
	}{
		{`--publisher "nobody" is not known`, []string{"export", "private-offers", "--publisher", "nobody"}},
		{`--status "SOLD" is none`, []string{"export", "private-offers", "--status", "SOLD"}},
		{`"2021-01-01" is not a version`, []string{"export", "private-offers", "--schema-version", "2021-01-01"}},
		{`"csv" is not a format of private offers`, []string{"export", "private-offers", "--format", "csv"}},
		{"--month and --at have no meaning for private-offers", []string{"export", "private-offers", "--month", "2024-05"}},
		{"--status and --schema-version have no meaning for payouts", []string{"export", "payouts", "--month", "2024-05", "--status", "LIVE"}},
		{`--publisher "nobody" is not known`, []string{"import", "private-offers", file(t, "nobody.json", offer), "--publisher", "nobody"}},
		{"--publisher has no meaning for usage", []string{"import", "usage", file(t, "usage.csv", usageHeader), "--publisher", "contoso"}},
	} {
		r := run(t, append(c.arguments, "--database", database)...).must(t, 2)
		r.says(t, r.stderr, c.says)
	}
}

// Rejected resources are written down as they came, prices among them; what
// stands in one transaction with them is kept.
func TestRejectedOffers(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		market(t, database)
		broken := strings.NewReplacer(`"priceInputOption":"perMarket","prices":[{"b`, `"priceInputOption":"usd","prices":[{"b`).Replace(documents)
		path := file(t, "offers.json", broken)
		before := storetest.Dump(t, database)
		foreseen := run(t, "import", "private-offers", path, "--database", database, "--validate-only").must(t, 1)
		foreseen.says(t, foreseen.stdout, "3 records: 1 accepted, 0 duplicates, 2 rejected")
		if changes := storetest.Changes(before, storetest.Dump(t, database)); len(changes) > 0 {
			t.Errorf("validating wrote %v", changes)
		}
		r := run(t, "import", "private-offers", path, "--database", database).must(t, 1)
		r.says(t, r.stdout, "3 records: 1 accepted, 0 duplicates, 2 rejected")
		rejected, err := os.ReadFile(path + ".rejected.jsonl")
		if err != nil || strings.Count(string(rejected), "\n") != 2 {
			t.Fatal(string(rejected), err)
		}
		for _, says := range []string{
			`{"record":2,"input":{"$schema":"https://schema.mp.microsoft.com/schema/price-and-availability-private-offer-plan/2023-07-15"`,
			`"errors":[{"field":"pricing.recurrentPrice.priceInputOption","code":"NOT_SUPPORTED","message":"\"usd\" is not supported: write perMarket, and for each price its markets, currency and price"}]`,
			`"errors":[{"field":"pricing.0.priceDetails","code":"INVALID","message":"names prices \"flat\" that were rejected: correct them first"}]`,
		} {
			if !strings.Contains(string(rejected), says) {
				t.Errorf("not said: %s\nbut\n%s", says, rejected)
			}
		}
	})
}
