package graph

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sellthrough/graph/generated"
	"sellthrough/internal/auth"
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
	return "", fault("FORBIDDEN", "a RESELLER may ask for its own margins only: leave resellerTenantId out", nil)
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

func marginsWhere(margins []models.Margin, where *generated.MarginWhere) []models.Margin {
	if where == nil {
		return margins
	}
	product, plan := splitPlan(value(where.PlanID))
	named := bareOf(bare, kindProduct, where.ProductID)
	publisher := bareOf(bare, kindPublisher, where.PublisherID)
	return slices.DeleteFunc(margins, func(m models.Margin) bool {
		switch {
		case publisher != "" && m.PublisherID != publisher,
			named != "" && m.ProductID != named,
			where.PlanID != nil && (m.ProductID != product || m.PlanID != "" && m.PlanID != plan),
			len(where.Status) > 0 && !slices.Contains(where.Status, m.Status),
			where.Wins != nil && m.Wins != *where.Wins:
			return true
		}
		return false
	})
}

// priced are the reasons of candidates that priced the question: the others
// have no unit price.
var priced = map[models.Reason]bool{
	models.ReasonBest: true, models.ReasonLowerPercentage: true, models.ReasonHigherPrice: true, models.ReasonBeatenByCustom: true,
	models.ReasonLaterGoLive: true, models.ReasonLaterSubmit: true, models.ReasonLaterID: true,
}
