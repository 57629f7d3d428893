package graph

import (
	"context"
	"fmt"
	"slices"
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

// marginKey orders margins as they come: by product, plan, start, offer and
// line.
func marginKey(m models.Margin) string {
	return keyOf(m.ProductID, m.PlanID, m.Start.UTC().Format("2006-01-02T15:04:05.000000"), m.PrivateOfferID, fmt.Sprintf("%06d", m.PricingLine))
}

func marginsWhere(margins []models.Margin, where *generated.MarginWhere) ([]models.Margin, error) {
	if where == nil {
		return margins, nil
	}
	product, plan, ok := splitPlan(value(where.PlanID))
	if where.PlanID != nil && !ok {
		return nil, badPlan("where.planId", *where.PlanID)
	}
	named := bareOf(bare, kindProduct, where.ProductID)
	publisher := bareOf(bare, kindPublisher, where.PublisherID)
	return slices.DeleteFunc(margins, func(m models.Margin) bool {
		switch {
		case publisher != "" && m.PublisherID != publisher,
			named != "" && m.ProductID != named,
			where.PlanID != nil && (m.ProductID != product || m.PlanID != "" && m.PlanID != plan),
			where.Status != nil && !slices.Contains(where.Status, m.Status),
			where.Wins != nil && m.Wins != *where.Wins:
			return true
		}
		return false
	}), nil
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
		vs.Add("customer", market.CodeNotFound, fmt.Sprintf("%.120q is not a customer of reseller %.60q", *line.Customer, resellerTenantID))
	}
	if q := line.Quantity; q != nil && (q.Sign() <= 0 || !q.Fits(money.QuantityIntegerDigits, money.FractionDigits)) {
		vs.Add("quantity", models.CodeOutOfRange, "is not above 0 with at most 15 integer and 15 fraction digits")
	}
	ask.CustomerTenantID, ask.MeterID = tenant, ownOf(kindMeter, value(line.Meter), ask.ProductID)
	ask.Term, ask.Billing, ask.Market, ask.At = value(line.Term), value(line.Billing), line.Market, r.instant(line.At)
	return ask, vs
}

// quote prices lines, each for itself.
func (r *Resolver) quote(ctx context.Context, resellerTenantID string, lines []generated.QuoteLineInput) ([]page.QuoteLine, error) {
	quoted := make([]page.QuoteLine, len(lines))
	asked := make([]rating.EffectiveQuestion, len(lines))
	for i := range lines {
		quoted[i] = page.QuoteLine{Index: i, Quantity: money.New(1, 0)}
		if lines[i].Quantity != nil {
			quoted[i].Quantity = *lines[i].Quantity
		}
		asked[i], quoted[i].Errors = r.quoteLine(resellerTenantID, &lines[i])
	}
	answers, err := r.Market.EffectiveMargins(ctx, auth.ViewerFrom(ctx), resellerTenantID, asked)
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
