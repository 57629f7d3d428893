package graph

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sellthrough/graph/generated"
	"sellthrough/graph/page"
	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/models"
)

// resellerAsked is the reseller whose margins are asked for: a reseller's own,
// which it may name, or the one that another viewer must name.
func resellerAsked(ctx context.Context, id *string) (string, error) {
	viewer, named := auth.ViewerFrom(ctx), bareOf(bareGUID, kindReseller, id)
	switch {
	case viewer.Role != models.RoleReseller && named == "":
		return "", badInput("resellerTenantId is missing: name the reseller whose margins you ask for")
	case viewer.Role != models.RoleReseller, named == viewer.Organization:
		return named, nil
	case named == "":
		return viewer.Organization, nil
	}
	return "", Fault("FORBIDDEN", "a RESELLER may ask for its own margins only: leave resellerTenantId out", nil)
}

// instant is the one asked about, or now.
func (r *Resolver) instant(at *time.Time) time.Time {
	if at != nil {
		return *at
	}
	return r.Market.Now()
}

// marginOrderings write what margins are sorted by, so that it compares as bytes.
var marginOrderings = map[generated.MarginOrderField]func(*models.Margin) string{
	generated.MarginOrderFieldEnd:              func(m *models.Margin) string { return sortableInstant(m.End) },
	generated.MarginOrderFieldStart:            func(m *models.Margin) string { return sortableInstant(m.Start) },
	generated.MarginOrderFieldMarginPercentage: func(m *models.Margin) string { return sortableNumber(largestSaving(m)) },
	generated.MarginOrderFieldTitle: func(m *models.Margin) string {
		return keyOf(strings.ToLower(m.ProductTitle), strings.ToLower(m.PlanTitle))
	},
}

// marginKey orders margins as they are asked for, and then by product, plan,
// start, offer and line.
func marginKey(orderBy []generated.MarginOrder) func(models.Margin) string {
	return func(m models.Margin) string {
		var key strings.Builder
		for _, o := range orderBy {
			part := []byte(marginOrderings[o.Field](&m))
			for i := range part {
				if o.Direction == generated.OrderDirectionDesc {
					part[i] ^= 0xff
				}
			}
			key.Write(part)
		}
		key.WriteString(keyOf(m.ProductID, m.PlanID, sortableInstant(m.Start), m.PrivateOfferID, fmt.Sprintf("%06d", m.PricingLine)))
		return key.String()
	}
}

// sortBy sorts rows by their keys, each of which is worked out once.
func sortBy[T any](rows []T, key func(T) string) {
	type keyed struct {
		key string
		row T
	}
	all := make([]keyed, len(rows))
	for i, row := range rows {
		all[i] = keyed{key(row), row}
	}
	slices.SortFunc(all, func(x, y keyed) int { return strings.Compare(x.key, y.key) })
	for i := range all {
		rows[i] = all[i].row
	}
}

func sortableInstant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000") }

// sortableNumber flips the sign bit, so that negative numbers come first.
func sortableNumber(n int64) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63))
}

// largestSaving is the largest part of a list price that one of its prices saves,
// in hundredths of a percent; less than any where it has no price.
func largestSaving(m *models.Margin) int64 {
	if m.Type == models.MarginPercentage && len(m.Prices) > 0 {
		return int64(m.Percentage)
	}
	largest := int64(math.MinInt64)
	for i := range m.Prices {
		if share, ok := money.PercentOff(m.Prices[i].ListPrice, m.Prices[i].WholesalePrice); ok {
			largest = max(largest, share)
		}
	}
	return largest
}

// marginFilter reads a filter. What it names need not exist: it finds nothing then.
func marginFilter(resellerTenantID string, where *generated.MarginWhere) (*models.MarginFilter, error) {
	if where == nil {
		return nil, nil
	}
	product, plan, ok := splitPlan(value(where.PlanID))
	if where.PlanID != nil && !ok {
		return nil, badPlan("where.planId", *where.PlanID)
	}
	meterProduct, meter := within(kindMeter, value(where.MeterID))
	reseller, customer := customerOf(value(where.Customer))
	filter := &models.MarginFilter{
		PublisherID: bareOf(bare, kindPublisher, where.PublisherID), ProductID: bareOf(bare, kindProduct, where.ProductID),
		PlanProductID: product, PlanID: plan, ProductTypes: where.ProductType, Statuses: where.Status, CustomerTenantID: customer,
		MinPercentage: where.MinPercentage, MaxPercentage: where.MaxPercentage,
		StartsFrom: where.StartsFrom, StartsBefore: where.StartsBefore, EndsFrom: where.EndsFrom, EndsBefore: where.EndsBefore,
		Text: value(where.Text), MeterProductID: meterProduct, MeterID: meter, Market: value(where.Market), Currency: value(where.Currency), Wins: where.Wins,
	}
	if reseller != "" && reseller != resellerTenantID {
		filter.Statuses = []models.MarginStatus{} // another's customer: nothing counts for it
	}
	return filter, nil
}

func badPlan(argument, id string) error {
	return badInput(fmt.Sprintf("%s is %.60q, which names no plan: write productId/planId", argument, id))
}

// quoteLine names the price that is asked for.
func (r *Resolver) quoteLine(resellerTenantID string, line *generated.QuoteLineInput) (ask rating.EffectiveQuestion, vs models.Violations) {
	var ok bool
	if ask.ProductID, ask.PlanID, ok = splitPlan(line.Plan); !ok {
		vs.Add("plan", models.CodeInvalidID, fmt.Sprintf("%.60q names no plan: write productId/planId", line.Plan))
	}
	reseller, tenant := customerOf(value(line.Customer))
	if reseller != "" && reseller != resellerTenantID {
		vs.Add("customer", models.CodeNotFound, fmt.Sprintf("%.120q is not a customer of reseller %.60q", *line.Customer, resellerTenantID))
	}
	if q := line.Quantity; q != nil && (q.Sign() <= 0 || !q.Fits(money.QuantityIntegerDigits, money.FractionDigits)) {
		vs.Add("quantity", models.CodeOutOfRange, "is not above 0 with at most 15 integer and 15 fraction digits")
	}
	ask.CustomerTenantID, ask.MeterID = tenant, ownOf(kindMeter, value(line.Meter), ask.ProductID)
	ask.Term, ask.Billing, ask.Market, ask.At = value(line.Term), value(line.Billing), line.Market, r.instant(line.At)
	return ask, vs
}

// quote prices lines, each for itself.
func (r *Resolver) quote(ctx context.Context, resellerTenantID string, lines []generated.QuoteLineInput, as market.Consistency) ([]page.QuoteLine, error) {
	quoted := make([]page.QuoteLine, len(lines))
	asked := make([]rating.EffectiveQuestion, len(lines))
	for i := range lines {
		quoted[i] = page.QuoteLine{Index: i, Quantity: money.New(1, 0)}
		if lines[i].Quantity != nil {
			quoted[i].Quantity = *lines[i].Quantity
		}
		asked[i], quoted[i].Errors = r.quoteLine(resellerTenantID, &lines[i])
	}
	answers, err := r.Market.EffectiveMargins(ctx, auth.ViewerFrom(ctx), resellerTenantID, asked, as)
	if err != nil {
		return nil, err
	}
	for i := range answers {
		fill(&quoted[i], &answers[i], resellerTenantID)
	}
	return quoted, nil
}

// fill writes the answer into its line.
func fill(line *page.QuoteLine, answer *market.EffectiveAnswer, resellerTenantID string) {
	refused := models.Violations(line.Errors).Merge(answer.Violations)
	if len(refused) == 0 {
		list, wholesale, err := answer.Subtotals(line.Quantity)
		margin, lost := list.Sub(wholesale)
		if err != nil || lost != nil {
			refused.Add("quantity", models.CodeAmountTooLarge, "comes to more than can be kept exactly: split the line")
		} else {
			line.Margin = &page.Effective{Effective: answer.Effective, ResellerTenantID: resellerTenantID}
			line.ListSubtotal, line.MarginAmount, line.WholesaleSubtotal = &list, &margin, &wholesale
		}
	}
	line.Errors = apiFields(refused)
}

// sole is the margin of a quote of one line, or the fault that it has none.
func sole(quoted []page.QuoteLine, err error) (*page.Effective, error) {
	switch {
	case err != nil:
		return nil, err
	case len(quoted[0].Errors) == 0:
		return quoted[0].Margin, nil
	}
	refused := quoted[0].Errors[0]
	switch refused.Code {
	case models.CodeInvalidID:
		return nil, badInput("plan " + refused.Message)
	case models.CodeNoListPrice:
		return nil, rating.ErrNoListPrice
	}
	return nil, Fault("NOT_FOUND", refused.Path()+" "+refused.Message, nil)
}

// priced are the reasons of candidates that priced the question: the others
// have no unit price.
var priced = map[models.Reason]bool{
	models.ReasonBest: true, models.ReasonLowerPercentage: true, models.ReasonHigherPrice: true, models.ReasonBeatenByCustom: true,
	models.ReasonLaterGoLive: true, models.ReasonLaterSubmit: true, models.ReasonLaterID: true,
}
