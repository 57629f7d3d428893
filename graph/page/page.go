// Package page holds what stands on a page of a list: connections with their
// edges, and rows whose amounts know their currency.
package page

import (
	"context"

	"sellthrough/models"
)

// Info says where a page begins and ends.
type Info struct {
	HasNextPage, HasPreviousPage bool
	// StartCursor and EndCursor are empty on an empty page.
	StartCursor, EndCursor string
}

// Edge is a row with its cursor.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// Of is a page of rows of type T with edges of type E.
type Of[T any, E ~struct{ Edge[T] }] struct {
	Nodes    []T
	PageInfo Info
	cursor   func(T) string
	count    func(context.Context) (int, error)
}

// New makes a page. cursor writes a row's cursor, count is asked only where the
// request selects totalCount.
func New[T any, E ~struct{ Edge[T] }](nodes []T, info Info, cursor func(T) string, count func(context.Context) (int, error)) Of[T, E] {
	if n := len(nodes); n > 0 {
		info.StartCursor, info.EndCursor = cursor(nodes[0]), cursor(nodes[n-1])
	}
	return Of[T, E]{nodes, info, cursor, count}
}

// Edges are the rows with their cursors.
func (p Of[T, E]) Edges() []E {
	edges := make([]E, len(p.Nodes))
	for i, node := range p.Nodes {
		edges[i] = E(struct{ Edge[T] }{Edge[T]{p.cursor(node), node}})
	}
	return edges
}

// TotalCount is how many rows match in all.
func (p Of[T, E]) TotalCount(ctx context.Context) (int, error) { return p.count(ctx) }

// ResellerFacets are the values that a list of resellers can be narrowed by.
type ResellerFacets struct{ Regions, Skills, Competencies []models.Facet }

// Facets are the values that the list can be narrowed by.
func (r Resellers) Facets(ctx context.Context) (ResellerFacets, error) { return r.Count(ctx) }

// Node is whatever has an id of its own: one of the nouns of the schema that
// implement Node.
type Node any

// The connections of the schema and their edges.
type (
	Products struct {
		Of[models.Product, ProductEdge]
	}
	ProductEdge struct{ Edge[models.Product] }

	Resellers struct {
		Of[models.Reseller, ResellerEdge]
		// Count is asked only where the request selects facets.
		Count func(context.Context) (ResellerFacets, error)
	}
	ResellerEdge struct{ Edge[models.Reseller] }

	Customers struct {
		Of[models.Customer, CustomerEdge]
	}
	CustomerEdge struct{ Edge[models.Customer] }

	PrivateOffers struct {
		Of[models.PrivateOffer, PrivateOfferEdge]
	}
	PrivateOfferEdge struct{ Edge[models.PrivateOffer] }

	APIKeys struct {
		Of[models.APIKey, APIKeyEdge]
	}
	APIKeyEdge struct{ Edge[models.APIKey] }

	WebhookEndpoints struct {
		Of[models.WebhookEndpoint, WebhookEndpointEdge]
	}
	WebhookEndpointEdge struct{ Edge[models.WebhookEndpoint] }

	OfferEvents struct {
		Of[models.OfferEvent, OfferEventEdge]
	}
	OfferEventEdge struct{ Edge[models.OfferEvent] }

	Notifications struct {
		Of[models.Notification, NotificationEdge]
	}
	NotificationEdge struct{ Edge[models.Notification] }

	Margins struct {
		Of[models.Margin, MarginEdge]
	}
	MarginEdge struct{ Edge[models.Margin] }

	Subscriptions struct {
		Of[models.Subscription, SubscriptionEdge]
	}
	SubscriptionEdge struct{ Edge[models.Subscription] }

	UsageRecords struct {
		Of[models.UsageRecord, UsageRecordEdge]
	}
	UsageRecordEdge struct{ Edge[models.UsageRecord] }

	Periods struct {
		Of[Period, PeriodEdge]
	}
	PeriodEdge struct{ Edge[Period] }

	UnratedFacts struct {
		Of[models.UnratedFact, UnratedFactEdge]
	}
	UnratedFactEdge struct{ Edge[models.UnratedFact] }

	Lines struct {
		Of[*Line, LineEdge]
	}
	LineEdge struct{ Edge[*Line] }

	Summaries struct {
		Of[Summary, SummaryEdge]
	}
	SummaryEdge struct{ Edge[Summary] }

	Payouts struct{ Of[Payout, PayoutEdge] }

	PayoutEdge struct{ Edge[Payout] }

	AgencyFees struct {
		Of[AgencyFee, AgencyFeeEdge]
	}
	AgencyFeeEdge struct{ Edge[AgencyFee] }
)
