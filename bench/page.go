package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// page is what is asked for.
type page struct {
	name, query string
	// rows is how many the answer must have.
	rows int
}

// pages are the two that the targets are about.
var pages = []page{
	{name: "margins", rows: marginCount, query: `{ margins(first: 50) { nodes { id publisherId productId planId percentage start end prices { planId market currency listPrice wholesalePrice } } } }`},
	{name: "lines", rows: lineCount, query: `{ billingLines(month: "2024-09", first: 10000) { nodes {
  lineId month chargeType chargeStart customerTenantId subscriptionId productId planId quantity listUnitPrice marginPercentage billingCurrency
  listSubtotal { amount currencyCode } wholesaleSubtotal { amount currencyCode }
} } }`},
}

// named finds one of the things by its name.
func named[T any](things []T, name func(T) string, wanted string) (thing T, known bool) {
	for _, t := range things {
		if name(t) == wanted {
			return t, true
		}
	}
	return thing, false
}

func names[T any](things []T, name func(T) string) []string {
	all := make([]string, len(things))
	for i, t := range things {
		all[i] = name(t)
	}
	return all
}

func pageName(p page) string { return p.name }

func bodyOf(query string) []byte {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		panic(err) // a text is JSON
	}
	return body
}

// request is the page's request as a client of HTTP/1.1 sends it.
func (p page) request(token string) []byte {
	body := bodyOf(p.query)
	return fmt.Appendf(nil, "POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAccept: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", token, len(body), body)
}

// keep asks the server for the page, checks how much came, and keeps the data of
// the answer for the others.
func (p page) keep(folder, address, token string) error {
	body, err := fetch(address, token, p.query)
	if err != nil {
		return err
	}
	data, _, found := bytes.Cut(bytes.TrimPrefix(body, []byte(`{"data":`)), []byte(`,"extensions":`))
	var parsed map[string]struct{ Nodes []json.RawMessage }
	if err := json.Unmarshal(data, &parsed); err != nil || !found {
		return fmt.Errorf("it answers %.300q", body)
	}
	for _, list := range parsed {
		if len(list.Nodes) != p.rows {
			return fmt.Errorf("there are %d rows, not %d", len(list.Nodes), p.rows)
		}
	}
	return os.WriteFile(filepath.Join(folder, dataFile), data, 0o600)
}

// dataFile holds the data of the answer.
const dataFile = "data"

// root is the field that a page asks for.
func (p page) root() string {
	root, _, _ := strings.Cut(strings.TrimPrefix(p.query, "{ "), "(")
	return root
}
