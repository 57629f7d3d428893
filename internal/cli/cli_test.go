package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/cli"
	"sellthrough/internal/store"
	"sellthrough/internal/store/storetest"
	"sellthrough/models"
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

// Every refusal says what is wrong, and ends with its status.
func TestRefusals(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	on := func(arguments ...string) ran { return run(t, append(arguments, "--database", database)...) }
	market(t, database)
	missing := filepath.Join(t.TempDir(), "missing.csv")
	for _, c := range []struct {
		name      string
		arguments []string
		says      string
	}{
		{"an unknown kind", []string{"import", "invoices", "x.csv"}, `"invoices" is no kind of file`},
		{"a file that is not there", []string{"import", "usage", missing}, missing + ": no such file"},
		{"a folder", []string{"import", "usage", t.TempDir()}, "is a directory"},
		{"a file of 0 bytes", []string{"import", "usage", file(t, "empty.csv", "")}, "the file is empty"},
		{"a file without its columns", []string{"import", "usage", file(t, "wrong.csv", "a,b\n1,2\n")}, "occurred_at"},
		{"another encoding", []string{"import", "usage", file(t, "utf16.csv", "\xff\xfes\x00o\x00"), "--json"}, "UTF-16"},
		{"an unknown format", []string{"import", "usage", file(t, "x.csv", usageHeader), "--format", "xml"}, "xml"},
		{"a place for rejected records that cannot be", []string{"import", "usage", file(t, "u.csv", usageHeader), "--rejected", filepath.Join(missing, "x.jsonl")}, "cannot write the rejected records to " + filepath.Join(missing, "x.jsonl") + ": no such file"},
		{"an unknown report", []string{"export", "invoices", "--month", "2024-05"}, `"invoices" is no report`},
		{"no month", []string{"export", "payouts"}, "--month"},
		{"a month that is none", []string{"export", "payouts", "--month", "2024-13"}, "2024-13"},
		{"an unknown table", []string{"export", "payouts", "--month", "2024-05", "--format", "xlsx"}, `"xlsx"`},
		{"an unknown reseller", []string{"export", "margins", "--reseller", customer}, customer},
		{"an unknown reseller of a bill", []string{"export", "billing-lines", "--month", "2024-05", "--reseller", customer}, `--reseller "` + customer + `" is not known`},
		{"an unknown publisher", []string{"export", "payouts", "--month", "2024-05", "--publisher", "nobody"}, `--publisher "nobody" is not known`},
		{"a bill as of an instant", []string{"export", "billing-lines", "--month", "2024-05", "--at", "2024-05-03"}, "--at has no meaning for billing-lines"},
		{"margins of a month", []string{"export", "margins", "--month", "2024-05"}, "--month has no meaning for margins"},
		{"a place that cannot be written", []string{"export", "payouts", "--month", "2024-05", "--out", filepath.Join(missing, "x")}, "no such file"},
		{"an unknown role", []string{"token", "--role", "KING"}, `"KING"`},
		{"a role without its organisation", []string{"token", "--role", "RESELLER"}, "organization"},
		{"a reseller that is no GUID", []string{"token", "--role", "RESELLER", "--organization", "nope"}, `--organization "nope" is no tenant id`},
		{"a reseller that is not known", []string{"token", "--role", "RESELLER", "--organization", customer}, `--organization "` + customer + `" is no reseller of this database`},
		{"a publisher that is not known", []string{"token", "--role", "PUBLISHER", "--organization", "nope"}, `--organization "nope" is no publisher of this database`},
		{"no role", []string{"token"}, "--role"},
		{"a short key", []string{"token", "--role", "FINANCE", "--signing-key", "short"}, "32"},
		{"a clock that is none", []string{"work", "--now", "noon"}, "noon"},
		{"an unknown command", []string{"frobnicate"}, "frobnicate"},
		{"an unknown flag", []string{"work", "--fast"}, "--fast"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := on(c.arguments...).must(t, 2)
			r.says(t, r.stderr, c.says)
			if r.stdout != "" && !slices.Contains(c.arguments, "--json") {
				t.Errorf("on standard output: %s", r.stdout)
			}
		})
	}
	for _, c := range []struct{ database, says string }{
		{"sqlite:" + filepath.Join(missing, "x.db"), "no folder"},
		{"postgres://localhost/x", "unknown scheme"},
		{"mysql://root:secret@127.0.0.1:1/x", "no server answers"},
	} {
		r := run(t, "migrate", "--database", c.database).must(t, 2)
		r.says(t, r.stderr, c.says)
		if strings.Contains(r.stderr, "secret") {
			t.Errorf("the password is shown: %s", r.stderr)
		}
	}
}

// A database that nobody has made is a mistyped one: what reads from it says so
// and leaves nothing behind.
func TestMistypedDatabase(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		for _, arguments := range [][]string{
			{"verify"}, {"work"}, {"export", "payouts", "--month", "2024-05"}, {"export", "margins"}, {"token", "--role", "FINANCE"},
		} {
			r := run(t, append(arguments, "--database", database)...).must(t, 2)
			r.says(t, r.stderr, "there is no database at ").says(t, r.stderr, ": import, migrate, serve or demo make one")
			if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
				if _, err := os.Stat(path); err == nil || r.stdout != "" {
					t.Errorf("%s: made the database, or said %q", arguments[0], r.stdout)
				}
			}
		}
		run(t, "migrate", "--database", database).must(t, 0)
		run(t, "verify", "--database", database).must(t, 0)
	})
}

// A database that fails is named in our words; its own are there for who asks.
func TestDatabaseFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	market(t, "sqlite:"+path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DROP TABLE usage_records"); err != nil {
		t.Fatal(err)
	}
	usage := file(t, "usage.csv", usageHeader+"m,u-1,2024-05-02T10:00:00Z,metered-1,calls,1\n")
	for _, arguments := range [][]string{{"import", "usage", usage}, {"verify"}} {
		arguments = append(arguments, "--database", "sqlite:"+path)
		r := run(t, arguments...).must(t, 2)
		r.says(t, r.stderr, "the database failed")
		if strings.Contains(r.stderr, "no such table") {
			t.Errorf("in the driver's words: %s", r.stderr)
		}
		r = run(t, append(arguments, "--verbose")...).must(t, 2)
		r.says(t, r.stderr, "no such table")
	}
}

// The environment sets what the command line leaves out.
func TestEnvironment(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	p := program("import", "private-offers", file(t, "offers.jsonl", offer))
	p.Environment = func(name string) (string, bool) {
		value, ok := map[string]string{"SELLTHROUGH_DATABASE": database, "SELLTHROUGH_NOW": "2024-04-20T00:00:00Z"}[name]
		return value, ok
	}
	runProgram(p).must(t, 0)
	p.Arguments = []string{"work"}
	runProgram(p).must(t, 0)
	p.Arguments = []string{"export", "margins", "--at", "2024-04-21"}
	r := runProgram(p).must(t, 0)
	r.says(t, r.stdout, "2024-04-20T00:00:00Z,2024-06-30T23:59:59Z,LIVE,true")
	// A flag wins over the environment; --at wins over both clocks.
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{nil, ",LIVE,true"}, {[]string{"--now", "2024-07-01T00:00:00Z"}, ",ENDED,false"},
		{[]string{"--now", "2024-07-01", "--at", "2024-06-30T23:59:59Z"}, ",LIVE,true"}, {[]string{"--at=2024-07-01T02:00:00+02:00"}, ",ENDED,false"},
	} {
		p.Arguments = append([]string{"export", "margins"}, c.flags...)
		r = runProgram(p).must(t, 0)
		r.says(t, r.stdout, c.want)
	}
}

// A report that cannot be whole is not written, and says which facts are to
// blame (D20).
func TestReportsAreWhole(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	run(t, "import", "catalogue", file(t, "meter.jsonl", `{"kind":"meter","productId":"mail","id":"odd","title":"Odd","unit":"one"}`), "--database", database).must(t, 0)
	run(t, "import", "usage", file(t, "usage.csv", usageHeader+"m,u-1,2024-05-02T10:00:00Z,metered-1,odd,1\n"), "--database", database).must(t, 0)
	out := filepath.Join(t.TempDir(), "lines.csv")
	r := run(t, "export", "billing-lines", "--month", "2024-05", "--database", database, "--out", out).must(t, 2)
	r.says(t, r.stderr, "NO_LIST_PRICE").says(t, r.stderr, "metered-1")
	if left, _ := filepath.Glob(out + "*"); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
	if r := run(t, "export", "billing-lines", "--month", "2024-05", "--database", database); r.stdout != "" {
		t.Errorf("wrote %s", r.stdout)
	}
	// Nothing differs, but who verifies hears of it.
	r = run(t, "verify", "--database", database).must(t, 0)
	r.says(t, r.stdout, "(1 facts cannot be rated): 0 differences\nnote: cannot be rated: 2024-05, subscription metered-1: ").says(t, r.stdout, "(NO_LIST_PRICE)\n")
	var usage strings.Builder
	usage.WriteString(usageHeader)
	for i := range 6 {
		id := fmt.Sprintf("odd-%d", i)
		run(t, "import", "catalogue", file(t, "meter.jsonl", `{"kind":"meter","productId":"mail","id":"`+id+`","title":"Odd","unit":"one"}`), "--database", database).must(t, 0)
		fmt.Fprintf(&usage, "m,%s,2024-05-02T10:00:00Z,metered-1,%s,1\n", id, id)
	}
	run(t, "import", "usage", file(t, "usage.csv", usage.String()), "--database", database).must(t, 0)
	r = run(t, "verify", "--database", database).must(t, 0)
	if r.says(t, r.stdout, "note: and 2 more\n"); strings.Count(r.stdout, "note: cannot be rated") != 5 {
		t.Errorf("want the first 5: %s", r.stdout)
	}
}

// What is exported for one reseller or one publisher holds nothing of another.
func TestReportsOfOne(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	const other = "bbbbbbbb-0000-4000-8000-000000000002"
	swap := strings.NewReplacer(reseller, other, "contoso", "fabrikam", `"mail"`, `"post"`, ",mail,", ",post,", "flat-1", "flat-2", "metered-1", "metered-2", "p-", "q-")
	run(t, "import", "catalogue", file(t, "others.jsonl", swap.Replace(catalogue)), "--database", database).must(t, 0)
	run(t, "import", "purchases", file(t, "others.csv", swap.Replace(purchases)), "--database", database).must(t, 0)
	both := strings.ReplaceAll(offer, `{"id":"`+reseller+`"}`, `{"id":"`+reseller+`"},{"id":"`+other+`"}`)
	run(t, "import", "private-offers", file(t, "ours.jsonl", both), "--database", database).must(t, 0)
	run(t, "import", "private-offers", file(t, "theirs.jsonl", strings.NewReplacer("11111111", "22222222", "product/mail", "product/post").Replace(both)), "--database", database).must(t, 0)
	run(t, "work", "--database", database).must(t, 0)
	for _, report := range [][]string{
		{"export", "billing-lines", "--month", "2024-05"}, {"export", "payouts", "--month", "2024-05"},
		{"export", "agency-fees", "--month", "2024-05"}, {"export", "margins"},
	} {
		rows := func(flags ...string) []string {
			r := run(t, append(append(report, "--database", database), flags...)...).must(t, 0)
			return strings.Split(strings.TrimSpace(r.stdout), "\n")[1:]
		}
		for _, of := range []struct{ flag, id, publisher, reseller string }{
			{"--reseller", strings.ToUpper(reseller), "contoso", reseller}, {"--reseller", other, "fabrikam", other},
			{"--publisher", "contoso", "contoso", reseller}, {"--publisher", "fabrikam", "fabrikam", other},
		} {
			var want []string
			for _, row := range rows() {
				// Payouts name no reseller; each publisher here sells through one.
				mine := strings.Contains(row, of.publisher) && (report[1] == "payouts" || of.flag == "--publisher" || strings.Contains(row, of.reseller))
				if report[1] == "margins" && of.flag == "--reseller" {
					mine = strings.Contains(row, of.reseller)
				}
				if mine {
					want = append(want, row)
				}
			}
			if got := rows(of.flag, of.id); len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s %s %s:\n%s\nwant\n%s", report[1], of.flag, of.id, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// Standard input, compressed files, warnings, and a rejected file that goes
// when nothing is rejected any more.
func TestImportInputs(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	database := "sqlite:test.db"
	market(t, database)
	p := program("import", "usage", "-", "--database", database)
	p.Stdin = strings.NewReader(usageHeader + "m,u-1,2024-05-02T10:00:00Z,metered-1,calls,1\nm,u-2,2024-05-02T10:00:00Z,metered-1,none,1\n")
	r := runProgram(p).must(t, 1)
	r.says(t, r.stdout, "-: 2 records: 1 accepted, 0 duplicates, 1 rejected (see stdin.rejected.jsonl)")
	if text, _ := os.ReadFile("stdin.rejected.jsonl"); !strings.Contains(string(text), `"code":"METER_UNKNOWN"`) {
		t.Errorf("rejected: %s", text)
	}
	p.Stdin = strings.NewReader("source,external_id,occurred_at,subscription_id,meter_id,quantity,colour\nm,u-1,2024-05-02T10:00:00Z,metered-1,calls,1,red\n")
	r = runProgram(p).must(t, 0)
	r.says(t, r.stdout, "0 accepted, 1 duplicates").says(t, r.stderr, "colour")
	if _, err := os.Stat("stdin.rejected.jsonl"); err == nil {
		t.Error("the rejected file of the run before is left")
	}
}

// With --json an import prints one object whatever happens.
func TestOneObject(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	missing := filepath.Join(t.TempDir(), "missing.csv")
	for _, c := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"usage", missing}, missing + ": no such file or directory"},
		{[]string{"usage", file(t, "empty.csv", "")}, "the file is empty"},
		{[]string{"usage", t.TempDir()}, "is a directory"},
		{[]string{"usage", file(t, "wrong.csv", "a,b\n1,2\n")}, "occurred_at"},
		{[]string{"invoices", missing}, `"invoices" is no kind of file`},
		{[]string{"usage", file(t, "x.csv", usageHeader), "--database", "postgres://x/y"}, "unknown scheme"},
		{[]string{"usage", file(t, "y.csv", usageHeader), "--rejected", filepath.Join(missing, "r.jsonl")}, "cannot write the rejected records to "},
	} {
		r := run(t, append([]string{"import", "--json", "--database", database}, c.arguments...)...).must(t, 2)
		var got map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Errorf("%v: %v in %q", c.arguments, err, r.stdout)
			continue
		}
		message, _ := got["error"].(string)
		r.says(t, message, c.says).says(t, r.stderr, c.says)
		for _, key := range []string{"records", "accepted", "duplicates", "rejected"} {
			if got[key] != 0. {
				t.Errorf("%v: %s is %v", c.arguments, key, got[key])
			}
		}
		if got["file"] != c.arguments[1] || got["kind"] != c.arguments[0] || got["rejectedFile"] != "" || got["seconds"] != "0" {
			t.Errorf("%v: %v", c.arguments, got)
		}
	}
	r := run(t, "import", "usage", missing, "--database", database).must(t, 2)
	if r.stdout != "" {
		t.Errorf("without --json: %s", r.stdout)
	}
}

// Rejected records go where they are told to; where they cannot be written, all
// that was answered is counted, and the file is not to blame.
func TestRejectedPath(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	usage := file(t, "usage.csv", usageHeader+"m,u-1,2024-05-02T10:00:00Z,metered-1,calls,1\nm,u-2,2024-05-02T10:00:00Z,metered-1,none,1\n"+
		"m,u-3,2024-05-02T10:00:00Z,metered-1,calls,1\n")
	out := filepath.Join(t.TempDir(), "out.jsonl")
	r := run(t, "import", "usage", usage, "--database", database, "--rejected", out).must(t, 1)
	r.says(t, r.stdout, "2 accepted, 0 duplicates, 1 rejected (see "+out+")")
	if text, _ := os.ReadFile(out); !strings.Contains(string(text), "METER_UNKNOWN") {
		t.Errorf("rejected: %s", text)
	}
	// The folder is gone when the first record is rejected, though it was
	// there when the import began.
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	out = filepath.Join(folder, "out.jsonl")
	p := program("import", "usage", "-", "--database", database, "--rejected", out)
	in, pipe := io.Pipe()
	p.Stdin = in
	go func() {
		io.WriteString(pipe, usageHeader+strings.Repeat("m,u-1,2024-05-02T10:00:00Z,metered-1,calls,1\n", 50_000)) // a chunk
		if err := os.Remove(folder); err != nil {
			t.Error(err)
		}
		io.WriteString(pipe, "m,u-2,2024-05-02T10:00:00Z,metered-1,none,1\nm,u-4,2024-05-02T10:00:00Z,metered-1,calls,1\n")
		pipe.Close()
	}()
	r = runProgram(p).must(t, 2)
	r.says(t, r.stdout, "-: 50002 records: 1 accepted, 50000 duplicates, 1 rejected, in")
	r.says(t, r.stderr, "-: stopped after 50002 records, which stand; import the file again to go on: cannot write the rejected records to "+out+": no such file")
}

// Two imports of one file at the same time reject the same records, and leave
// one rejected file that is whole.
func TestImportTwiceAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		market(t, database)
		var text strings.Builder
		text.WriteString(usageHeader)
		const rejected = 3_000
		for i := range rejected {
			fmt.Fprintf(&text, "m,u-%d,2024-05-02T10:00:00Z,metered-1,none,1\nm,v-%d,2024-05-02T10:00:00Z,metered-1,calls,1\n", i, i)
		}
		path := file(t, "usage.csv", text.String())
		if err := os.WriteFile(path+".rejected.jsonl.1.partial", []byte("of an import that was killed"), 0o600); err != nil {
			t.Fatal(err)
		}
		ended := make(chan ran)
		for range 2 {
			go func() { ended <- runProgram(program("import", "usage", path, "--database", database)) }()
		}
		for range 2 {
			r := (<-ended).must(t, 1)
			r.says(t, r.stdout, fmt.Sprintf("%d rejected (see %s.rejected.jsonl)", rejected, path))
		}
		lines, err := os.ReadFile(path + ".rejected.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(lines)) {
			var record struct{ Record int }
			if err := json.Unmarshal([]byte(line), &record); err != nil || record.Record != 2*n+1 {
				t.Fatalf("line %d: %s, %v", n+1, line, err)
			}
			n++
		}
		left, _ := filepath.Glob(path + ".rejected.jsonl*")
		if n != rejected || len(left) != 2 {
			t.Errorf("%d records rejected, files %v", n, left)
		}
	})
}

// Order inside a file of purchases does not matter: a change may stand more than
// a chunk before what it changes, and what rests on it with it.
func TestPurchasesInAnyOrder(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	run(t, "import", "catalogue", file(t, "seats.jsonl", `{"kind":"plan","productId":"mail","id":"seats","title":"Seats","pricingModel":"PER_USER"}`), "--database", database).must(t, 0)
	var text strings.Builder
	header, _, _ := strings.Cut(purchases, "\n")
	text.WriteString(header + "\n")
	row := func(id, at, action, subscription, quantity string) {
		parties := ",,,,,,,"
		if action == "new" {
			parties = "," + reseller + "," + customer + ",mail,seats,P1M,MONTHLY,US"
		}
		fmt.Fprintf(&text, "crm,%s,%s,%s,%s%s,,%s\n", id, at, action, subscription, parties, quantity)
	}
	row("add", "2024-05-02T00:00:00Z", "addQuantity", "late", "5")
	row("nobody", "2024-05-02T00:00:00Z", "addQuantity", "nobody", "5")
	for i := range 5_000 {
		row(fmt.Sprint("n-", i), "2024-05-01T00:00:00Z", "new", fmt.Sprint("s-", i), "1")
	}
	row("remove", "2024-05-03T00:00:00Z", "removeQuantity", "late", "4") // 2 and 5 less 4
	row("new", "2024-05-01T00:00:00Z", "new", "late", "2")
	path := file(t, "purchases.csv", text.String())
	r := run(t, "import", "purchases", path, "--database", database).must(t, 1)
	r.says(t, r.stdout, "5004 records: 5003 accepted, 0 duplicates, 1 rejected")
	lines, _ := os.ReadFile(path + ".rejected.jsonl")
	if !strings.HasPrefix(string(lines), `{"record":2,`) || strings.Count(string(lines), "SUBSCRIPTION_UNKNOWN") != 1 {
		t.Errorf("rejected: %s", lines)
	}
	r = run(t, "import", "purchases", path, "--database", database).must(t, 1)
	r.says(t, r.stdout, "0 accepted, 5003 duplicates, 1 rejected")
}

// Validated only, a file of any number of chunks is answered as its import would
// be, later records that need earlier ones included, and nothing is written.
func TestImportValidateOnly(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		r := run(t, "import", "catalogue", file(t, "catalogue.jsonl", catalogue), "--validate-only", "--database", database).must(t, 2)
		r.says(t, r.stderr, "there is no database at ")
		market(t, database)
		var plans, usage strings.Builder
		for i := range 2_500 {
			fmt.Fprintf(&plans, `{"kind":"plan","productId":"many-%d","id":"one","title":"One","pricingModel":"USAGE"}`+"\n", i-1_500) // of a chunk before
			fmt.Fprintf(&plans, `{"kind":"product","id":"many-%d","publisherId":"contoso","title":"Many","type":"SAAS","published":true,"public":true,"transactable":true,"cspOptIn":"ANY"}`+"\n", i)
		}
		usage.WriteString(usageHeader)
		for i := range 50_003 { // the last two are in the second chunk, and stand in the first
			fmt.Fprintf(&usage, "m,u-%d,2024-05-02T10:00:00Z,metered-1,calls,%d\n", i%50_001, 1+i/50_002)
		}
		for _, c := range []struct{ kind, file, text, says string }{
			{"catalogue", "plans.jsonl", plans.String(), "5000 records: 3500 accepted, 0 duplicates, 1500 rejected"},
			{"private-offers", "offers.jsonl", offer, "1 records: 1 accepted, 0 duplicates, 0 rejected"},
			{"usage", "usage.csv", usage.String(), "50003 records: 50001 accepted, 1 duplicates, 1 rejected"},
		} {
			path := file(t, c.file, c.text)
			ask := func(arguments ...string) (answer, rejected string) {
				r := runProgram(program(append([]string{"import", c.kind, path, "--database", database}, arguments...)...))
				text, _ := os.ReadFile(path + ".rejected.jsonl")
				if answer, _, _ = strings.Cut(r.stdout, ", in "); r.status > 1 {
					t.Fatal(r.stderr)
				}
				return answer, string(text)
			}
			before := storetest.Dump(t, database)
			foreseen, wouldReject := ask("--validate-only")
			if changes := storetest.Changes(before, storetest.Dump(t, database)); len(changes) > 0 {
				t.Errorf("%s: %d rows were written, such as %s", c.kind, len(changes), changes[0])
			}
			done, rejected := ask()
			if !strings.Contains(done, c.says) || foreseen != done+", validated only" || rejected != wouldReject {
				t.Errorf("%s: foreseen %s, done %s, want %s; %d and %d bytes rejected", c.kind, foreseen, done, c.says, len(wouldReject), len(rejected))
			}
			again, _ := ask("--validate-only") // all of it is there now
			if !strings.Contains(again, " 0 accepted, ") {
				t.Errorf("%s again: %s", c.kind, again)
			}
		}
	})
}

// A process that is killed in the middle of an import, at any place, leaves
// nothing half done: the same file imported again counts every record once.
func TestKilledImport(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		market(t, database)
		var text strings.Builder
		text.WriteString(usageHeader)
		const records = 60_000 // more than one chunk
		for i := range records {
			fmt.Fprintf(&text, "m,%d,2024-05-%02dT10:00:00Z,metered-1,calls,0.25\n", i, i%9+1)
		}
		path := file(t, "usage.csv", text.String())
		arguments, err := json.Marshal([]string{"import", "usage", "-", "--database", database})
		if err != nil {
			t.Fatal(err)
		}
		// The child gets a part of the file through a pipe and waits for more.
		// It is killed before the first chunk is whole, while that is being
		// recorded, and when it is there and the second has begun.
		for _, kill := range []struct {
			share    int
			recorded int64
		}{{10, 0}, {95, 0}, {95, 1}} {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), childVariable+"="+string(arguments))
			child.Dir = t.TempDir()
			in, err := child.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(in, text.String()[:text.Len()*kill.share/100]); err != nil {
				t.Fatal(err)
			}
			for recorded(t, database) < kill.recorded {
			}
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := child.Wait(); err == nil {
				t.Fatal("the child was not killed")
			}
		}
		r := run(t, "import", "usage", path, "--database", database).must(t, 0)
		r.says(t, r.stdout, "60000 records: 10000 accepted, 50000 duplicates, 0 rejected")
		r = run(t, "import", "usage", path, "--database", database).must(t, 0)
		r.says(t, r.stdout, "60000 records: 0 accepted, 60000 duplicates, 0 rejected")
		r = run(t, "export", "billing-lines", "--month", "2024-05", "--database", database).must(t, 0)
		r.says(t, r.stdout, ",15000,USD,USD,1,0.5,") // 60,000 times 0.25
		run(t, "verify", "--database", database).must(t, 0)
	})
}

// recorded counts the usage records that are there for good.
func recorded(t *testing.T, database string) (n int64) {
	t.Helper()
	s, err := store.Open(context.Background(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Read(context.Background(), models.System, func(r *store.Reader) error {
		n, err = r.CountUsage(store.UsageFilter{SubscriptionID: "metered-1"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// An import that is told to stop does so between chunks, and goes on later.
func TestStoppedImport(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		market(t, database)
		ctx, cancel := context.WithCancel(context.Background())
		var lines strings.Builder
		for i := range 2_500 {
			fmt.Fprintf(&lines, `{"kind":"meter","productId":"mail","id":"m-%d","title":"M","unit":"one"}`+"\n", i)
		}
		path := file(t, "meters.jsonl", lines.String())
		p := program("import", "catalogue", path, "--database", database)
		var stdout, stderr bytes.Buffer
		p.Stdout, p.Stderr = &stdout, &stderr
		calls := 0
		p.Clock = func() time.Time { // asked when a transaction begins and ends and within, among others: this is in the second chunk's
			if calls++; calls == 10 {
				cancel()
			}
			return now
		}
		if status := cli.Run(ctx, p); status != 2 {
			t.Fatalf("status %d: %s%s", status, stdout.String(), stderr.String())
		}
		ran{stderr: stderr.String()}.says(t, stderr.String(), "records, which stand; import the file again to go on: it was told to stop")
		r := run(t, "import", "catalogue", path, "--database", database).must(t, 0)
		if strings.Contains(r.stdout, "2500 accepted") || strings.Contains(r.stdout, " 0 accepted") {
			t.Errorf("want some chunks of the first run to be there: %s", r.stdout)
		}
	})
}

// An import that waits for a silent pipe ends when it is told to, before its
// first byte and after it.
func TestStoppedAtPipe(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	for _, begun := range []string{"", usageHeader, usageHeader + "m,u-1,2024-05-02T10:00:00Z,metered-1,calls,1\n"} {
		ctx, cancel := context.WithCancel(context.Background())
		in, pipe := io.Pipe()
		p := program("import", "usage", "-", "--json", "--database", database)
		var stdout, stderr bytes.Buffer
		p.Stdin, p.Stdout, p.Stderr = in, &stdout, &stderr
		go func() {
			io.WriteString(pipe, begun)
			cancel()
		}()
		if status := cli.Run(ctx, p); status != 2 || !strings.Contains(stderr.String(), "it was told to stop") || !strings.Contains(stdout.String(), `it was told to stop"}`) {
			t.Errorf("%q: status %d: %s%s", begun, status, stdout.String(), stderr.String())
		}
		pipe.Close()
	}
}

// A token is printed and nothing else, signed with the key that the database
// keeps.
func TestToken(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	first := run(t, "token", "--role", "reseller", "--organization", strings.ToUpper(reseller), "--database", database).must(t, 0).stdout
	second := run(t, "token", "--role", "RESELLER", "--organization", reseller, "--database", database, "--now", "1999-01-01T00:00:00Z").must(t, 0).stdout
	if first != second || strings.Count(first, ".") != 2 || strings.Count(first, "\n") != 1 {
		t.Errorf("tokens %q and %q", first, second)
	}
}

// The server answers, works each second unless the clock is frozen, and stops
// when it is told to.
func TestServe(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	market(t, database)
	run(t, "import", "private-offers", file(t, "offers.jsonl", offer), "--database", database).must(t, 0)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	p := program("serve", "--listen", "127.0.0.1:0", "--database", database)
	address := make(chan string, 1)
	p.Listen = func(ctx context.Context, text string) (net.Listener, error) {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", text)
		if err == nil {
			address <- l.Addr().String()
		}
		return l, err
	}
	p.Mount = func(mux *http.ServeMux, site cli.Site) error {
		mux.HandleFunc("GET /site", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, site.Market.Now().Format(time.RFC3339)) })
		return nil
	}
	worked := make(waitFor, 1)
	p.Stdout, p.Stderr = io.Discard, worked
	ended := make(chan int)
	go func() { ended <- cli.Run(ctx, p) }()
	base := "http://" + <-address
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n", "/site": "2024-05-10T12:00:00Z"} {
		response, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 200 || string(body) != want {
			t.Errorf("%s: %d %q", path, response.StatusCode, body)
		}
	}
	<-worked
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("status %d", status)
	}
	r := run(t, "work", "--database", database).must(t, 0)
	r.says(t, r.stdout, "0 resellers authorised, 0 published")
}

// waitFor hears of the worker's first step.
type waitFor chan struct{}

// Write looks at one line of the log.
func (w waitFor) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("msg=work")) {
		w <- struct{}{}
	}
	return len(line), nil
}

// The demo loads once, and the commands that follow see its clock.
func TestDemo(t *testing.T) {
	folder := t.TempDir()
	database := "sqlite:" + filepath.Join(folder, "demo.db")
	demo := func() (stdout string, tokens []map[string]string) {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		p := program("demo", "--listen", "127.0.0.1:0", "--database", database)
		address := make(chan string, 1)
		p.Listen = func(ctx context.Context, text string) (net.Listener, error) {
			l, err := new(net.ListenConfig).Listen(ctx, "tcp", text)
			if err != nil {
				close(address)
				return l, err
			}
			address <- l.Addr().String()
			return l, nil
		}
		var out, errs bytes.Buffer
		p.Stdout, p.Stderr = &out, &errs
		ended := make(chan int, 1)
		go func() { ended <- cli.Run(ctx, p) }()
		var at string
		select {
		case at = <-address:
		case status := <-ended:
			t.Fatalf("status %d: %s", status, errs.String())
		}
		response, err := http.Get("http://" + at + "/demo/tokens")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&tokens); err != nil {
			t.Fatal(err)
		}
		stop()
		<-ended
		return out.String(), tokens
	}
	stdout, tokens := demo()
	for _, want := range []string{"/graphql", "/playground", "its clock shows 2024-11-20T09:00:00Z", "PUBLISHER, ", "RESELLER, ", "FINANCE, ", "OPERATOR, ", "curl -s http://"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in %s", want, stdout)
		}
	}
	if len(tokens) != 4 || tokens[0]["role"] != "PUBLISHER" || tokens[0]["organization"] == "" || tokens[3]["token"] == "" {
		t.Errorf("tokens: %v", tokens)
	}
	if rejected, _ := filepath.Glob(filepath.Join(folder, "*.rejected.jsonl")); len(rejected) != 1 {
		t.Errorf("rejected files: %v", rejected)
	}
	run(t, "verify", "--database", database).must(t, 0)
	for _, month := range []string{"2024-09", "2024-10", "2024-11"} {
		r := run(t, "export", "payouts", "--month", month, "--database", database).must(t, 0)
		if strings.Count(r.stdout, "\n") < 10 {
			t.Errorf("%s: %s", month, r.stdout)
		}
	}
	again, _ := demo()
	if !strings.Contains(again, "its clock shows 2024-11-20T09:00:00Z") {
		t.Errorf("the second start: %s", again)
	}
	other := "sqlite:" + filepath.Join(folder, "other.db")
	market(t, other)
	r := run(t, "demo", "--database", other).must(t, 2)
	r.says(t, r.stderr, "holds a market already")
}

// A demo that starts over forgets what was done to it, also on a server. Another
// market is refused and keeps what it has, and so is a demo that runs.
func TestDemoReset(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		t.Chdir(t.TempDir()) // where the rejected records of a server's demo go
		market(t, database)
		r := run(t, "demo", "--reset", "--database", database).must(t, 2)
		r.says(t, r.stderr, "is not marked as the demo's: nothing was erased")
		run(t, "token", "--role", "PUBLISHER", "--organization", "contoso", "--database", database).must(t, 0)
	})
	engines(t, func(t *testing.T, database string) {
		t.Chdir(t.TempDir())
		served := 0
		demo := func(whileItRuns func(), arguments ...string) ran {
			p := program(append([]string{"demo", "--database", database}, arguments...)...)
			p.Listen = func(context.Context, string) (net.Listener, error) {
				served++
				whileItRuns()
				return nil, errors.New("seen enough")
			}
			return runProgram(p)
		}
		demo(func() {
			r := run(t, "demo", "--reset", "--database", database).must(t, 2)
			r.says(t, r.stderr, "open: stop it first; nothing was erased")
		})
		run(t, "import", "catalogue", file(t, "catalogue.jsonl", catalogue), "--database", database).must(t, 0)
		r := demo(func() {}, "--reset")
		r.says(t, r.stderr, "Loading the demo market")
		if served != 2 {
			t.Errorf("served %d times, want 2", served)
		}
		r = run(t, "token", "--role", "PUBLISHER", "--organization", "contoso", "--database", database).must(t, 2)
		r.says(t, r.stderr, "is no publisher of this database")
	})
}

// A key is printed once, listed without its secret, and revoked.
func TestAPIKeys(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "m.db")
	market(t, database)
	key := strings.TrimSpace(run(t, "api-key", "create", "--name", "meter reader", "--role", "publisher", "--organization", "contoso", "--scopes", "facts_write,CATALOGUE_READ", "--days", "30", "--database", database).must(t, 0).stdout)
	id, whole := models.APIKeyID(key)
	if !whole {
		t.Fatalf("%q is no key", key)
	}
	list := run(t, "api-key", "list", "--database", database).must(t, 0)
	for _, want := range []string{id, "good", "PUBLISHER", "contoso", "2024-06-09", "never", "[CATALOGUE_READ FACTS_WRITE]", "meter reader"} {
		list.says(t, list.stdout, want)
	}
	if strings.Contains(list.stdout, key[len(key)-20:]) {
		t.Errorf("the secret is listed: %s", list.stdout)
	}
	revoked := run(t, "api-key", "revoke", id, "--database", database).must(t, 0)
	revoked.says(t, revoked.stdout, id+" is revoked since 2024-05-10T12:00:00Z: meter reader")
	again := run(t, "api-key", "list", "--database", database).must(t, 0)
	again.says(t, again.stdout, "revoked")
	for want, arguments := range map[string][]string{
		"is not an API key": {"revoke", "nothing"},
		`--scopes "KING" is not a scope; --days is too far`:      {"create", "--name", "x", "--role", "FINANCE", "--scopes", "KING", "--days", "731"},
		`--organization "nobody" is no PUBLISHER of this market`: {"create", "--name", "x", "--role", "PUBLISHER", "--organization", "nobody", "--scopes", "FACTS_READ"},
	} {
		r := run(t, append(append([]string{"api-key"}, arguments...), "--database", database)...).must(t, 2)
		r.says(t, r.stderr, want)
	}
}

// Every fault of the file of identity providers is told before anything listens.
func TestIdentityFile(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "m.db")
	broken := file(t, "identity.json", `{"issuers": [{"issuer": "http://login.example", "role": {"fixed": "KING"}}]}`)
	r := run(t, "serve", "--listen", "127.0.0.1:0", "--identity", broken, "--database", database).must(t, 2)
	for _, want := range []string{"--identity " + broken, "issuers.0.issuer: is not https", "issuers.0.audiences: is empty", `"KING" is not a role`} {
		r.says(t, r.stderr, want)
	}
	run(t, "serve", "--identity", broken+".none", "--database", database).must(t, 2)
}
