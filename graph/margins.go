package graph

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sellthrough/graph/generated"
	"sellthrough/internal/auth"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
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

// effectiveQuestion names the price that is asked for. The plan, the meter and
// the customer must exist, as far as the viewer sees: a price of the whole
// product would stand in for that of a plan that does not.
func (r *Resolver) effectiveQuestion(ctx context.Context, resellerTenantID, planID string, meterID, customer *string) (ask rating.EffectiveQuestion, err error) {
	var ok bool
	if ask.ProductID, ask.PlanID, ok = splitPlan(planID); !ok {
		return ask, badPlan("plan", planID)
	}
	reseller, tenant := customerOf(value(customer))
	if reseller != "" && reseller != resellerTenantID {
		return ask, Fault("NOT_FOUND", fmt.Sprintf("%.120q is not a customer of reseller %.60q", *customer, resellerTenantID), nil)
	}
	ask.ResellerTenantID, ask.CustomerTenantID = resellerTenantID, tenant
	ask.MeterID = ownOf(kindMeter, value(meterID), ask.ProductID)
	var plans []models.Plan
	var meters []models.Meter
	err = r.Market.Store.Read(ctx, auth.ViewerFrom(ctx), func(reader *store.Reader) (err error) {
		if plans, err = reader.Plans([]string{ask.ProductID}); err != nil {
			return err
		}
		meters, err = reader.Meters([]string{ask.ProductID})
		return err
	})
	switch {
	case err != nil:
	case !slices.ContainsFunc(plans, func(p models.Plan) bool { return p.ID == ask.PlanID }):
		err = Fault("NOT_FOUND", fmt.Sprintf("plan %.60q is not one of product %.60q, or not yours to see", ask.PlanID, ask.ProductID), nil)
	case ask.MeterID != "" && !slices.ContainsFunc(meters, func(m models.Meter) bool { return m.ID == ask.MeterID }):
		err = Fault("NOT_FOUND", fmt.Sprintf("meter %.120q is not one of product %.60q", ask.MeterID, ask.ProductID), nil)
	}
	return ask, err
}

// priced are the reasons of candidates that priced the question: the others
// have no unit price.
var priced = map[models.Reason]bool{
	models.ReasonBest: true, models.ReasonLowerPercentage: true, models.ReasonHigherPrice: true, models.ReasonBeatenByCustom: true,
	models.ReasonLaterGoLive: true, models.ReasonLaterSubmit: true, models.ReasonLaterID: true,
}
