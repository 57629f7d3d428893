package graph

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"sellthrough/graph/generated"
	"sellthrough/graph/page"
	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
	"sellthrough/reports"
)

// asked is which lines a report is of.
type asked struct {
	Month   models.Month
	ToMonth *models.Month
	Where   *generated.BillingLineWhere
}

// query is asked in the market's words.
func (a asked) query() (q market.LineQuery, err error) {
	q = market.LineQuery{From: a.Month, To: a.Month}
	if a.ToMonth != nil {
		q.To = *a.ToMonth
	}
	if q.To < q.From || q.To-q.From >= maxMonths {
		return q, badInput(fmt.Sprintf("toMonth is %s: choose %s or up to %d months later", q.To, q.From, maxMonths-1))
	}
	where := a.Where
	if where == nil {
		return q, nil
	}
	q.Where = store.LineFilter{
		PublisherID: bareOf(bare, kindPublisher, where.PublisherID), ResellerTenantID: bareOf(bareGUID, kindReseller, where.ResellerTenantID),
		IndirectResellerTenantID: bareOf(bareGUID, kindReseller, where.IndirectResellerTenantID),
		SubscriptionID:           bareOf(bare, kindSubscription, where.SubscriptionID), ProductID: bareOf(bare, kindProduct, where.ProductID),
	}
	reseller, customer := customerOf(value(where.CustomerTenantID))
	planProduct, plan := within(kindPlan, value(where.PlanID))
	meterProduct, meter := within(kindMeter, value(where.MeterID))
	q.Where.CustomerTenantID, q.PlanID, q.MeterID = customer, plan, meter
	narrow(&q.Where.ResellerTenantID, reseller)
	narrow(&q.Where.ProductID, planProduct)
	narrow(&q.Where.ProductID, meterProduct)
	if none(where.ChargeTypes) {
		q.Where.ProductID = nowhere
	}
	q.PrivateOfferID, q.ChargeTypes = bareOf(bareGUID, kindPrivateOffer, where.PrivateOfferID), where.ChargeTypes
	q.Currency, q.Infrastructure = value(where.BillingCurrency), where.Infrastructure
	return q, nil
}

// lines hands over the rated lines of the query, all of them or an error.
func (r *Resolver) lines(ctx context.Context, query market.LineQuery, f func(*rating.Book, iter.Seq[*models.BillingLine]) error) error {
	return r.rate(ctx, func() error { return r.Market.Lines(ctx, auth.ViewerFrom(ctx), query, f) })
}

// fold makes a report of the lines asked for.
func fold[Row, Shown any](ctx context.Context, r *Resolver, a asked, report func(reports.Lines) ([]Row, error), show func(Row) Shown) ([]Shown, error) {
	query, err := a.query()
	if err != nil {
		return nil, err
	}
	var shown []Shown
	err = r.lines(ctx, query, func(_ *rating.Book, lines iter.Seq[*models.BillingLine]) error {
		rows, err := report(lines)
		for _, row := range rows {
			shown = append(shown, show(row))
		}
		return err
	})
	return shown, err
}

// summaries is the one report behind billingSummary, payoutSummary and
// agencyFeeSummary: they show other columns of the same sums.
func (r *Resolver) summaries(ctx context.Context, name string, a asked, groupBy []reports.Dimension, w window) (*page.Summaries, error) {
	rows, err := fold(ctx, r, a,
		func(lines reports.Lines) ([]reports.Summary, error) { return reports.Summarize(lines, groupBy...) },
		func(s reports.Summary) page.Summary { return page.Summary{Group: s.Group, Totals: s.Totals} })
	if err != nil {
		return nil, err
	}
	list, err := sliced[page.Summary, page.SummaryEdge](w, bind(ctx, name, a, groupBy), maxReport, rows, summaryKey)
	return &page.Summaries{Of: list}, err
}

// linesPage answers a page of billing lines.
func (r *Resolver) linesPage(ctx context.Context, a asked, orderBy []generated.BillingLineOrder, w window) (list page.Of[*page.Line, page.LineEdge], err error) {
	query, err := a.query()
	if err != nil {
		return list, err
	}
	b, err := w.bounds(bind(ctx, "billingLines", a, orderBy), maxReport)
	if err != nil {
		return list, err
	}
	ask := reports.Window{Limit: b.limit, After: []byte(b.after), Before: []byte(b.before), Backward: b.backward}
	for _, o := range orderBy {
		ask.OrderBy = append(ask.OrderBy, reports.Order{Field: o.Field, Descending: o.Direction == generated.OrderDirectionDesc})
	}
	viewer := auth.ViewerFrom(ctx)
	err = r.lines(ctx, query, func(book *rating.Book, lines iter.Seq[*models.BillingLine]) error {
		picked, err := reports.Page(lines, ask)
		if err != nil {
			return err
		}
		nodes := make([]*page.Line, len(picked.Lines))
		for i, placed := range picked.Lines {
			nodes[i] = r.line(viewer, book, &placed.Line)
			nodes[i].Position = placed.Position
		}
		total := func(context.Context) (int, error) { return picked.Total, nil }
		list = page.New[*page.Line, page.LineEdge](nodes, b.info(picked.More), func(l *page.Line) string { return b.binding.cursor(string(l.Position)) }, total)
		return nil
	})
	return list, err
}

func (r *Resolver) line(viewer models.Viewer, book *rating.Book, line *models.BillingLine) *page.Line {
	return &page.Line{BillingLine: line, Book: book, FeesHidden: !r.policy.sees(viewer, "BillingLine", "fees")}
}

// periods are the months that hold facts, the latest first: up to the current
// one, or to the last that has usage. Terms reach further, into months that have
// nothing to bill yet.
func (r *Resolver) periods(ctx context.Context) (periods []page.Period, err error) {
	last := models.MonthOf(r.Market.Now())
	err = r.Market.Store.Read(ctx, auth.ViewerFrom(ctx), func(reader *store.Reader) error {
		ahead, err := reader.Buckets(last+1, models.MonthForever, store.LineFilter{})
		if err != nil {
			return err
		}
		if len(ahead) > 0 {
			last = ahead[len(ahead)-1].Month
		}
		months, err := reader.Months()
		for _, month := range slices.Backward(months) {
			if month <= last {
				periods = append(periods, page.Period{Month: month})
			}
		}
		return err
	})
	return periods, err
}

// unratedFacts are those of a month, sorted by their keys.
func (r *Resolver) unratedFacts(ctx context.Context, month models.Month) (facts []models.UnratedFact, err error) {
	err = r.rate(ctx, func() (err error) {
		facts, err = r.Market.UnratedFacts(ctx, auth.ViewerFrom(ctx), month)
		return err
	})
	slices.SortFunc(facts, func(x, y models.UnratedFact) int { return strings.Compare(unratedKey(x), unratedKey(y)) })
	return facts, err
}

// The keys below order rows as their reports do.

func summaryKey(s page.Summary) string {
	return keyOf(s.Month.String(), s.PublisherID, s.ResellerTenantID, s.CustomerTenantID, s.ProductID, s.PlanID, s.MeterID,
		s.PrivateOfferID, string(s.ChargeType), string(s.Currency))
}

func payoutKey(p page.Payout) string {
	return keyOf(p.Row.Month.String(), p.Row.PublisherID, string(p.Row.Currency))
}

// Rates are fractions from 0 to 1 without trailing zeros: as texts they compare
// as numbers.
func agencyFeeKey(f page.AgencyFee) string {
	return keyOf(f.Month.String(), f.PublisherID, f.ResellerTenantID, string(f.Kind), f.Rate.String(), string(f.Currency))
}

func unratedKey(f models.UnratedFact) string {
	return keyOf(f.SubscriptionID, f.Source, f.ExternalID, f.MeterID, string(f.Code), f.Message)
}

// periodKey counts down, since the latest month comes first.
func periodKey(p page.Period) string { return fmt.Sprintf("%06d", 999999-int(p.Month)) }
