package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/cli"
	"sellthrough/internal/store/storetest"
)

// now is what the machine's clock shows in these tests.
var now = time.Date(2024, 5, 10, 12, 0, 0, 0, time.UTC)

// childVariable makes the test binary the program itself: it runs the command
// line that the variable holds, as JSON.
const childVariable = "SELLTHROUGH_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		var arguments []string
		if err := json.Unmarshal([]byte(text), &arguments); err != nil {
			panic(err)
		}
		p := program(arguments...)
		p.Stdin, p.Stdout, p.Stderr = os.Stdin, os.Stdout, os.Stderr
		os.Exit(cli.Run(context.Background(), p))
	}
	os.Exit(m.Run())
}

func program(arguments ...string) cli.Program {
	return cli.Program{
		Arguments:   arguments,
		Environment: func(string) (string, bool) { return "", false },
		Stdin:       strings.NewReader(""),
		Clock:       func() time.Time { return now },
		Listen: func(ctx context.Context, address string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", address)
		},
		Mount: func(*http.ServeMux, cli.Site) error { return nil },
	}
}

// ran is what one run of the program left.
type ran struct {
	status         int
	stdout, stderr string
}

func run(t testing.TB, arguments ...string) ran {
	t.Helper()
	return runProgram(program(arguments...))
}

func runProgram(p cli.Program) ran {
	var stdout, stderr bytes.Buffer
	p.Stdout, p.Stderr = &stdout, &stderr
	status := cli.Run(context.Background(), p)
	return ran{status, stdout.String(), stderr.String()}
}

// must fails the test unless the run ended with the status.
func (r ran) must(t testing.TB, status int) ran {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d\nstdout: %s\nstderr: %s", r.status, status, r.stdout, r.stderr)
	}
	return r
}

func (r ran) says(t testing.TB, stream, want string) ran {
	t.Helper()
	if !strings.Contains(stream, want) {
		t.Errorf("%q is not in %q", want, stream)
	}
	return r
}

// file writes a file of the test and returns its path.
func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	reseller = "aaaaaaaa-0000-4000-8000-000000000001"
	customer = "cccccccc-0000-4000-8000-000000000001"
)

// catalogue is one publisher that sells mail, with calls, through one reseller.
const catalogue = `{"kind":"publisher","id":"contoso","name":"Contoso","country":"US","payoutCurrency":"USD"}
{"kind":"reseller","tenantId":"` + reseller + `","name":"Northwind","type":"DIRECT_BILL","country":"US","billingCurrency":"USD"}
{"kind":"customer","resellerTenantId":"` + reseller + `","tenantId":"` + customer + `","name":"Adatum","country":"US"}
{"kind":"product","id":"mail","publisherId":"contoso","title":"Mail","type":"SAAS","published":true,"public":true,"transactable":true,"cspOptIn":"NONE"}
{"kind":"plan","productId":"mail","id":"flat","title":"Flat","pricingModel":"FLAT_RATE"}
{"kind":"plan","productId":"mail","id":"metered","title":"Metered","pricingModel":"USAGE"}
{"kind":"meter","productId":"mail","id":"calls","title":"Calls","unit":"call"}
{"kind":"price","productId":"mail","planId":"flat","term":"P1M","billing":"MONTHLY","market":"US","currency":"USD","unitPrice":"100","effectiveFrom":"2024-01"}
{"kind":"price","productId":"mail","meterId":"calls","market":"US","currency":"USD","unitPrice":"0.5","effectiveFrom":"2024-01"}
`

const purchases = `source,external_id,occurred_at,action,subscription_id,reseller_tenant_id,customer_tenant_id,product_id,plan_id,term,billing,market,currency,quantity
crm,p-1,2024-05-01T08:00:00Z,new,flat-1,` + reseller + `,` + customer + `,mail,flat,P1M,MONTHLY,US,USD,1
crm,p-2,2024-05-01T09:00:00Z,new,metered-1,` + reseller + `,` + customer + `,mail,metered,,,US,USD,
`

const offer = `{"id":"11111111-1111-4111-8111-111111111111","state":"live","name":"Spring","privateOfferType":"cspPromotion","variableStartDate":true,"end":"2024-06-30",
"beneficiaries":[{"id":"` + reseller + `"}],"pricing":[{"product":"product/mail","discountType":"percentage","discountPercentage":10}]}`

const usageHeader = "source,external_id,occurred_at,subscription_id,meter_id,quantity\n"

// engines runs f on a fresh database of each engine.
func engines(t *testing.T, f func(t *testing.T, database string)) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) { f(t, storetest.Database(t, dialect)) })
	}
}

// market imports the market of these tests.
func market(t testing.TB, database string) {
	t.Helper()
	run(t, "import", "catalogue", file(t, "catalogue.jsonl", catalogue), "--database", database).must(t, 0)
	run(t, "import", "purchases", file(t, "purchases.csv", purchases), "--database", database).must(t, 0)
}

// From an empty database to a bill, with nothing but the command line.
func TestFromFilesToReports(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		on := func(arguments ...string) ran { return run(t, append(arguments, "--database", database)...) }
		market(t, database)
		offers := file(t, "offers.jsonl", offer)
		on("import", "private-offers", offers).must(t, 0).says(t, on("import", "private-offers", offers).stdout, "1 duplicates")
		done := on("work").must(t, 0)
		done.says(t, done.stdout, "1 resellers authorised, 1 published, 0 failed; 1 offers went live, 0 ended")

		usage := file(t, "usage.csv", usageHeader+"m,u-1,2024-05-02T10:00:00Z,metered-1,calls,10\nm,u-2,2024-05-03T10:00:00Z,metered-1,calls,0.5\n"+
			"m,u-3,2024-05-03T10:00:00Z,nobody,calls,-1\n")
		imported := on("import", "usage", usage, "--json").must(t, 1)
		var summary map[string]any
		if err := json.Unmarshal([]byte(imported.stdout), &summary); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]any{"file": usage, "kind": "usage", "records": 3., "accepted": 2., "duplicates": 0., "rejected": 1., "rejectedFile": usage + ".rejected.jsonl", "seconds": "0"} {
			if summary[key] != want {
				t.Errorf("%s: %v, want %v", key, summary[key], want)
			}
		}
		rejected, err := os.ReadFile(usage + ".rejected.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range []string{"QUANTITY_NOT_POSITIVE", `"record":3`, `"subscription_id":"nobody"`} {
			if !strings.Contains(string(rejected), code) {
				t.Errorf("%s is not in %s", code, rejected)
			}
		}

		lines := on("export", "billing-lines", "--month", "2024-05").must(t, 0).stdout
		if rows := strings.Split(strings.TrimSpace(lines), "\n"); len(rows) != 3 {
			t.Fatalf("%d rows, want a header and 2:\n%s", len(rows), lines)
		}
		// 10.5 calls at 0.5 less 10 %: usage is priced for the whole month of
		// the go-live (D4), the purchase was before it.
		for _, cells := range []string{",usage,2024-05-01,2024-05-31,", ",10.5,USD,USD,1,0.5,PERCENTAGE,10,0.45,5.25,0.53,4.72,0.03,0.14,0.00,4.58,", ",NONE,0,100,100.00,0.00,100.00,0.03,3.00,0.00,97.00,"} {
			if !strings.Contains(lines, cells) {
				t.Errorf("%s is not in\n%s", cells, lines)
			}
		}
		out := filepath.Join(t.TempDir(), "payouts.jsonl")
		on("export", "payouts", "--month", "2024-05", "--format", "jsonl", "--out", out).must(t, 0)
		payouts, _ := os.ReadFile(out)
		if want := `{"publisher_id":"contoso","currency":"USD","lines":"2","wholesale":"104.72","agency_fee":"3.14","other_fees":"0.00","other_deductions":"0.00","payout":"101.58","status":"UNCOLLECTED","expected_month":"2024-08"}` + "\n"; string(payouts) != want {
			t.Errorf("payouts:\n%s, want\n%s", payouts, want)
		}
		fees := on("export", "agency-fees", "--month", "2024-05").must(t, 0).stdout
		if want := "publisher_id,reseller_tenant_id,kind,rate,base,amount,currency\ncontoso," + reseller + ",AGENCY,0.03,104.72,3.14,USD\n"; fees != want {
			t.Errorf("fees:\n%s, want\n%s", fees, want)
		}
		margins := on("export", "margins", "--reseller", reseller).must(t, 0).stdout
		if strings.Count(margins, "\n") != 4 || !strings.Contains(margins, ",mail,metered,,,calls,,US,USD,0.5,10,0.45,2024-05-01T00:00:00Z,2024-06-30T23:59:59Z,LIVE,true\n") {
			t.Errorf("margins:\n%s", margins)
		}
		verified := on("verify").must(t, 0)
		verified.says(t, verified.stdout, "2 subscriptions with 2 purchases, 2 usage records in 1 buckets, 2 lines in 1 months (0 facts cannot be rated): 0 differences")
	})
}
