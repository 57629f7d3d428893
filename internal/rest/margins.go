// Package rest is the vendor-shaped face of the API: programs that were written for
// the vendor's list of margins work here once their base URL is changed (rules 4.2).
package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sellthrough/internal/door"
	"sellthrough/internal/formats"
	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/models"
)

// charge is what a list of margins costs, as GraphQL's does.
const charge = 1_000

// maxPage is the most margins on a page that is asked for; without a size there is
// one page.
const maxPage = 1_000

// Documents are what is served, by path.
func Documents(m *market.Market) map[string]door.Document {
	document := func(write func(context.Context, *market.Market, asked, http.ResponseWriter) error, known ...string) door.Document {
		return door.Document{
			Roles: []models.Role{models.RoleReseller, models.RoleFinance, models.RoleOperator}, Scope: models.ScopeMarginsRead, Charge: charge,
			Write: func(ctx context.Context, viewer models.Viewer, query url.Values, w http.ResponseWriter) error {
				a, err := read(viewer, query, m.Now(), known)
				if err != nil {
					return err
				}
				return write(ctx, m, a, w)
			},
		}
	}
	return map[string]door.Document{
		"/v1/margins":          document(search, "pageSize", "after"),
		"/v1/margins/download": document(download, "country", "format", "header"),
	}
}

// asked is a request that was read.
type asked struct {
	viewer   models.Viewer
	query    url.Values
	reseller string
	at       time.Time
	where    models.MarginFilter
}

// filters are the parameters that both documents know.
var filters = []string{
	"resellerTenantId", "at", "status", "publisherId", "productId", "planId", "meterId", "productType", "customerId", "market", "currency",
	"minPercentage", "maxPercentage", "startsFrom", "startsBefore", "endsFrom", "endsBefore", "text", "wins",
}

// read reads the parameters, and tells everything that is wrong with them at once.
func read(viewer models.Viewer, query url.Values, now time.Time, known []string) (asked, error) {
	a := asked{viewer: viewer, query: query, at: now, reseller: strings.ToLower(query.Get("resellerTenantId"))}
	var problems []string
	for _, name := range slices.Sorted(keys(query)) {
		if !slices.Contains(filters, name) && !slices.Contains(known, name) {
			problems = append(problems, "there is no parameter "+models.Quote(name)+": there are "+strings.Join(slices.Concat(known, filters), ", "))
		} else if len(query[name]) > 1 {
			problems = append(problems, name+" is there more than once")
		}
	}
	switch {
	case viewer.Role == models.RoleReseller && a.reseller != "" && a.reseller != viewer.Organization:
		return a, &door.Problem{Status: http.StatusForbidden, Code: "FORBIDDEN", Description: "a RESELLER may ask for its own margins only: leave resellerTenantId out"}
	case viewer.Role == models.RoleReseller:
		a.reseller = viewer.Organization
	case a.reseller == "":
		problems = append(problems, "resellerTenantId is missing: name the reseller whose margins you ask for")
	}
	if at := readOf(query, "at", models.ParseInstant, &problems); at != nil {
		a.at = *at
	}
	a.where = models.MarginFilter{
		PublisherID: query.Get("publisherId"), ProductID: query.Get("productId"), CustomerTenantID: strings.ToLower(query.Get("customerId")),
		Market: query.Get("market"), Currency: money.Currency(query.Get("currency")), Text: query.Get("text"),
		MinPercentage: readOf(query, "minPercentage", money.ParsePercentage, &problems), MaxPercentage: readOf(query, "maxPercentage", money.ParsePercentage, &problems),
		StartsFrom: readOf(query, "startsFrom", models.ParseInstant, &problems), StartsBefore: readOf(query, "startsBefore", models.ParseInstant, &problems),
		EndsFrom: readOf(query, "endsFrom", models.ParseInstant, &problems), EndsBefore: readOf(query, "endsBefore", models.ParseInstant, &problems),
		Wins:     readOf(query, "wins", strconv.ParseBool, &problems),
		Statuses: []models.MarginStatus{models.MarginLive}, // as the vendor lists them
	}
	for _, own := range []struct {
		name               string
		productID, ownerID *string
	}{{"planId", &a.where.PlanProductID, &a.where.PlanID}, {"meterId", &a.where.MeterProductID, &a.where.MeterID}} {
		if text := query.Get(own.name); text != "" {
			if *own.productID, *own.ownerID, _ = strings.Cut(text, "/"); *own.ownerID == "" {
				problems = append(problems, own.name+": write productId/"+own.name)
			}
		}
	}
	if query.Get("status") != "" {
		a.where.Statuses = among(query, "status", models.MarginStatuses, &problems)
	}
	if query.Get("productType") != "" {
		a.where.ProductTypes = among(query, "productType", models.ProductTypes, &problems)
	}
	return a, bad(problems)
}

// readOf reads a parameter, nil where it is not there.
func readOf[T any](query url.Values, name string, parse func(string) (T, error), problems *[]string) *T {
	text := query.Get(name)
	if text == "" {
		return nil
	}
	value, err := parse(text)
	if err != nil {
		*problems = append(*problems, name+": "+err.Error())
	}
	return &value
}

// among reads a list of words, in whatever case, with commas between.
func among[T ~string](query url.Values, name string, all []T, problems *[]string) (chosen []T) {
	for _, text := range strings.Split(query.Get(name), ",") {
		word := T(strings.ToUpper(strings.TrimSpace(text)))
		if chosen = append(chosen, word); !slices.Contains(all, word) {
			*problems = append(*problems, fmt.Sprintf("%s: %s is none of %s", name, models.Quote(text), strings.ToLower(fmt.Sprint(all))))
		}
	}
	return chosen
}

func keys(query url.Values) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range query {
			if !yield(name) {
				return
			}
		}
	}
}

// bad is nil without problems.
func bad(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	return &door.Problem{Status: http.StatusBadRequest, Code: "BAD_REQUEST", Description: strings.Join(problems, "; ")}
}

// search is GET /v1/margins: the vendor's body, all at once as the vendor's, or in
// pages for whoever gives a pageSize.
func search(ctx context.Context, m *market.Market, a asked, w http.ResponseWriter) error {
	size, after := 0, a.query.Get("after")
	if text := a.query.Get("pageSize"); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > maxPage {
			return bad([]string{"pageSize is not a number from 1 to " + strconv.Itoa(maxPage)})
		}
	}
	margins, names, err := m.NamedMargins(ctx, a.viewer, a.reseller, a.at, &a.where)
	if err != nil {
		return err
	}
	answer := formats.MarginSearch{Margins: margins, Names: names, Total: len(margins)}
	if after != "" {
		last := slices.IndexFunc(margins, func(m models.Margin) bool { return m.ID() == after })
		if last < 0 {
			return bad([]string{"after names no margin of this list any more: begin with the first page"})
		}
		answer.Margins = margins[last+1:]
	}
	if size > 0 && len(answer.Margins) > size {
		answer.Margins = answer.Margins[:size]
		next := url.Values{}
		for name := range a.query {
			next.Set(name, a.query.Get(name))
		}
		next.Set("at", a.at.Format(time.RFC3339Nano)) // the pages are of one instant
		next.Set("after", answer.Margins[size-1].ID())
		answer.NextLink = "/v1/margins?" + next.Encode()
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	return formats.WriteMarginSearch(w, answer)
}

// mediaTypes are those of the formats of a download.
var mediaTypes = map[formats.Format]string{
	formats.FormatCSV: "text/csv; charset=utf-8", formats.FormatJSONLines: "application/jsonl; charset=utf-8",
	formats.FormatXLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// download is GET /v1/margins/download?country=US: the vendor's file.
func download(ctx context.Context, m *market.Market, a asked, w http.ResponseWriter) error {
	var problems []string
	country, format, header := a.query.Get("country"), formats.Format(a.query.Get("format")), a.query.Get("header")
	if len(country) != 2 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		problems = append(problems, "country is not an ISO 3166 country of two capital letters, such as US")
	}
	if format == "" {
		format = formats.FormatCSV
	}
	if mediaTypes[format] == "" {
		problems = append(problems, "format is none of csv, jsonl and xlsx")
	}
	if header != "" && header != "true" && header != "false" {
		problems = append(problems, "header is neither true nor false")
	}
	if len(problems) > 0 {
		return bad(problems)
	}
	margins, names, err := m.NamedMargins(ctx, a.viewer, a.reseller, a.at, &a.where)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaTypes[format])
	w.Header().Set("Content-Disposition", `attachment; filename="margins-`+country+`.`+string(format)+`"`)
	table, err := formats.NewMarginDownload(w, format, header == "true")
	if err != nil {
		return err
	}
	for i := range margins {
		if err := formats.WriteMarginDownload(table, &margins[i], names, country); err != nil {
			return err
		}
	}
	return table.Close()
}
