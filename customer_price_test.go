package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	graphql "github.com/vektah/gqlparser/v2/ast"

	"sellthrough/internal/cli"
	"sellthrough/internal/store/storetest"
	"sellthrough/schema"
)

// customerPrice matches what a place for the price that a reseller's customer pays
// could be called, in lower case without what is no letter.
var customerPrice = regexp.MustCompile(`(customer|consumer|enduser|resale|resell|retail|selling)[a-z]*(price|cost|amount|total|charge)|price[a-z]*(customer|consumer|enduser)|markup`)

// markupPercentage is a key of other kinds of offers, which documents with it are
// refused for.
func isCustomerPrice(name string) bool {
	return name != "markupPercentage" && customerPrice.MatchString(regexp.MustCompile(`[^a-z]`).ReplaceAllString(strings.ToLower(name), ""))
}

// "You continue to set your customer price and invoice your customer outside of
// the marketplace" (seed, Overview): no customer price is stored anywhere. No
// table has a column for one, the API no field, the files no name; and what a file
// brings all the same is told of and not kept.
func TestNoCustomerPrice(t *testing.T) {
	for _, name := range []string{"customer_price", "customerUnitPrice", "Resale price", "retail_price", "markup_percent", "priceToCustomer", "reseller_total"} {
		if !isCustomerPrice(name) {
			t.Errorf("the test would not notice %q", name)
		}
	}
	places := map[string][]string{"tables": columnNames(t), "API": schemaNames(t), "files": formatNames(t)}
	for place, names := range places {
		if len(names) < 100 {
			t.Errorf("%s: only %d names were found", place, len(names))
		}
		for _, name := range names {
			if isCustomerPrice(name) {
				t.Errorf("%s: %q looks like the price that a customer pays, which is nobody's business here", place, name)
			}
		}
	}
	folder := t.TempDir()
	database := filepath.Join(folder, "market.db")
	does(t, "import", "catalogue", "testdata/scenarios/contoso.jsonl", "--database", "sqlite:"+database)
	file := filepath.Join(folder, "purchases.csv")
	const canary = "4242.4242"
	text := "source,external_id,occurred_at,action,subscription_id,reseller_tenant_id,customer_tenant_id,product_id,plan_id,term,billing,market,currency,quantity,customer_price\n" +
		"shop,1,2024-09-02,new,s1,11111111-1111-4111-8111-111111111111,aaaaaaaa-0000-4000-8000-000000000001,mail,basic,P1M,MONTHLY,US,USD,," + canary + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	program, stdout, stderr := command("import", "purchases", file, "--database", "sqlite:"+database)
	if status := cli.Run(t.Context(), program); status != cli.StatusDone || !strings.Contains(stdout.String()+stderr.String(), "customer_price") {
		t.Errorf("status %d, the column is not told of:\n%s%s", status, stdout, stderr)
	}
	if rows := strings.Join(storetest.Dump(t, "sqlite:"+database), "\n"); strings.Contains(rows, canary) || !strings.Contains(rows, "s1") {
		t.Errorf("the database holds the customer's price, or not the purchase:\n%s", rows)
	}
}

// columnNames are the columns of all tables, as they are made.
func columnNames(t *testing.T) (names []string) {
	url := storetest.Database(t, "sqlite")
	if err := storetest.Open(t, url).Close(); err != nil {
		t.Fatal(err)
	}
	db := storetest.Dial(t, url)
	defer db.Close()
	rows, err := db.Query("SELECT t.name || '.' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// schemaNames are the names of the API's fields, arguments and values.
func schemaNames(t *testing.T) (names []string) {
	s, err := gqlparser.LoadSchema(&graphql.Source{Name: "schema.graphql", Input: schema.Source()})
	if err != nil {
		t.Fatal(err)
	}
	for _, definition := range s.Types {
		if definition.BuiltIn {
			continue
		}
		for _, field := range definition.Fields {
			names = append(names, field.Name)
			for _, argument := range field.Arguments {
				names = append(names, argument.Name)
			}
		}
		for _, value := range definition.EnumValues {
			names = append(names, value.Name)
		}
	}
	return names
}

// formatNames are the texts in the room of the files that could name a column or
// a key.
func formatNames(t *testing.T) (names []string) {
	files, err := filepath.Glob("internal/formats/*.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^[A-Za-z][A-Za-z_ ]*$`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && name.MatchString(text) {
					names = append(names, text)
				}
			}
			return true
		})
	}
	return names
}
