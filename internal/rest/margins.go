// Package rest is the vendor-shaped face of the API: programs that were written for
// the vendor's list of margins work here once their base URL is changed (rules 4.2).
package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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
				a := asked{viewer: viewer, query: query, at: m.Now()}
				if err := a.read(known); err != nil {
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
	// problems are all that is wrong with it.
	problems []string
}

// filters are the parameters that both documents know.
var filters = []string{
	"resellerTenantId", "at", "status", "publisherId", "productId", "planId", "meterId", "productType", "customerId", "market", "currency",
	"minPercentage", "maxPercentage", "startsFrom", "startsBefore", "endsFrom", "endsBefore", "text", "wins",
}

// read reads the parameters that both documents know; those of one alone are its
// own to read. The error is that the viewer may not ask for another reseller's.
func (a *asked) read(known []string) error {
	query := a.query
	a.reseller = strings.ToLower(query.Get("resellerTenantId"))
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(filters, name) && !slices.Contains(known, name) {
			a.wrong("there is no parameter " + models.Quote(name) + ": there are " + strings.Join(slices.Concat(known, filters), ", "))
		} else if len(query[name]) > 1 {
			a.wrong(name + " is there more than once")
		}
	}
	switch {
	case a.viewer.Role == models.RoleReseller && a.reseller != "" && a.reseller != a.viewer.Organization:
		return &door.Problem{Status: http.StatusForbidden, Code: "FORBIDDEN", Description: "a RESELLER may ask for its own margins only: leave resellerTenantId out"}
	case a.viewer.Role == models.RoleReseller:
		a.reseller = a.viewer.Organization
	case a.reseller == "":
		a.wrong("resellerTenantId is missing: name the reseller whose margins you ask for")
	}
	if at := readOf(a, "at", models.ParseInstant); at != nil {
		a.at = *at
	}
	a.where = models.MarginFilter{
		PublisherID: query.Get("publisherId"), ProductID: query.Get("productId"), CustomerTenantID: strings.ToLower(query.Get("customerId")),
		Market: query.Get("market"), Currency: money.Currency(query.Get("currency")), Text: query.Get("text"),
		MinPercentage: readOf(a, "minPercentage", money.ParsePercentage), MaxPercentage: readOf(a, "maxPercentage", money.ParsePercentage),
		StartsFrom: readOf(a, "startsFrom", models.ParseInstant), StartsBefore: readOf(a, "startsBefore", models.ParseInstant),
		EndsFrom: readOf(a, "endsFrom", models.ParseInstant), EndsBefore: readOf(a, "endsBefore", models.ParseInstant),
		Wins:     readOf(a, "wins", parseBool),
		Statuses: []models.MarginStatus{models.MarginLive}, // as the vendor lists them
	}
	for _, own := range []struct {
		name               string
		productID, ownerID *string
	}{{"planId", &a.where.PlanProductID, &a.where.PlanID}, {"meterId", &a.where.MeterProductID, &a.where.MeterID}} {
		if text := query.Get(own.name); text != "" {
			if *own.productID, *own.ownerID, _ = strings.Cut(text, "/"); *own.ownerID == "" {
				a.wrong(own.name + ": write productId/" + own.name)
			}
		}
	}
	if query.Get("status") != "" {
		a.where.Statuses = among(a, "status", models.MarginStatuses)
	}
	if query.Get("productType") != "" {
		a.where.ProductTypes = among(a, "productType", models.ProductTypes)
	}
	return nil
}

func (a *asked) wrong(problem string) { a.problems = append(a.problems, problem) }

// refused tells everything that is wrong at once, nil where nothing is.
func (a *asked) refused() error {
	if len(a.problems) == 0 {
		return nil
	}
	return &door.Problem{Status: http.StatusBadRequest, Code: "BAD_REQUEST", Description: strings.Join(a.problems, "; ")}
}

// parseBool reads true and false.
func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, errors.New("is neither true nor false")
	}
	return text == "true", nil
}

// readOf reads a parameter, nil where it is not there.
func readOf[T any](a *asked, name string, parse func(string) (T, error)) *T {
	text := a.query.Get(name)
	if text == "" {
		return nil
	}
	value, err := parse(text)
	if err != nil {
		a.wrong(name + ": " + err.Error())
	}
	return &value
}

// among reads a list of words, in whatever case, with commas between.
func among[T ~string](a *asked, name string, all []T) (chosen []T) {
	for _, text := range strings.Split(a.query.Get(name), ",") {
		word := T(strings.ToUpper(strings.TrimSpace(text)))
		if chosen = append(chosen, word); !slices.Contains(all, word) {
			a.wrong(fmt.Sprintf("%s: %s is none of %s", name, models.Quote(text), strings.ToLower(fmt.Sprint(all))))
		}
	}
	return chosen
}

// search is GET /v1/margins: the vendor's body, all at once as the vendor's, or in
// pages for whoever gives a pageSize.
func search(ctx context.Context, m *market.Market, a asked, w http.ResponseWriter) error {
	size, after := readOf(&a, "pageSize", parseSize), a.query.Get("after")
	if err := a.refused(); err != nil {
		return err
	}
	margins, names, err := m.NamedMargins(ctx, a.viewer, a.reseller, a.at, &a.where)
	if err != nil {
		return err
	}
	answer := formats.MarginSearch{Margins: margins, Names: names, Total: len(margins)}
	if after != "" {
		last := slices.IndexFunc(margins, func(m models.Margin) bool { return m.ID() == after })
		if last < 0 {
			a.wrong("after names no margin of this list any more: begin with the first page")
			return a.refused()
		}
		answer.Margins = margins[last+1:]
	}
	if size != nil && len(answer.Margins) > *size {
		answer.Margins = answer.Margins[:*size]
		next := maps.Clone(a.query)
		next.Set("at", a.at.Format(time.RFC3339Nano)) // the pages are of one instant
		next.Set("after", answer.Margins[*size-1].ID())
		answer.NextLink = "/v1/margins?" + next.Encode()
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	return formats.WriteMarginSearch(w, answer)
}

func parseSize(text string) (int, error) {
	size, err := strconv.Atoi(text)
	if err != nil || size < 1 || size > maxPage {
		err = fmt.Errorf("is not a number from 1 to %d", maxPage)
	}
	return size, err
}

// mediaTypes are those of the formats of a download.
var mediaTypes = map[formats.Format]string{
	formats.FormatCSV: "text/csv; charset=utf-8", formats.FormatJSONLines: "application/jsonl; charset=utf-8",
	formats.FormatXLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// download is GET /v1/margins/download?country=US: the vendor's file.
func download(ctx context.Context, m *market.Market, a asked, w http.ResponseWriter) error {
	country, format, header := a.query.Get("country"), formats.Format(cmp.Or(a.query.Get("format"), string(formats.FormatCSV))), readOf(&a, "header", parseBool)
	if len(country) != 2 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		a.wrong("country is not an ISO 3166 country of two capital letters, such as US")
	}
	if mediaTypes[format] == "" {
		a.wrong("format is none of csv, jsonl and xlsx")
	}
	if err := a.refused(); err != nil {
		return err
	}
	margins, names, err := m.NamedMargins(ctx, a.viewer, a.reseller, a.at, &a.where)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaTypes[format])
	w.Header().Set("Content-Disposition", `attachment; filename="margins-`+country+`.`+string(format)+`"`)
	table, err := formats.NewMarginDownload(w, format, header != nil && *header)
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
