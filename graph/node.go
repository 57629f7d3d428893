package graph

import (
	"context"
	"iter"
	"slices"
	"strings"

	"sellthrough/graph/page"
	"sellthrough/internal/auth"
	"sellthrough/internal/market"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// nodeTypes names the object behind each kind of id: who may not see the object
// does not learn whether it exists.
var nodeTypes = map[string]string{
	kindPublisher: "Publisher", kindReseller: "Reseller", kindCustomer: "Customer", kindProduct: "Product", kindPlan: "Plan",
	kindMeter: "Meter", kindPrivateOffer: "PrivateOffer", kindSubscription: "ProductSubscription", kindMargin: "Margin", kindBillingLine: "BillingLine",
	kindAPIKey: "ApiKey", kindWebhook: "WebhookEndpoint", kindNotification: "Notification",
}

// nodes finds whatever has the ids, nil for each that does not exist or is not
// the viewer's to see.
func (r *Resolver) nodes(ctx context.Context, ids []string) ([]page.Node, error) {
	lines, err := r.lineNodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	margins, err := r.marginNodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	nodes := make([]page.Node, len(ids))
	for i, id := range ids {
		if line := lines[id]; line != nil {
			nodes[i] = line
		} else if margin := margins[id]; margin != nil {
			nodes[i] = margin
		} else if nodes[i], err = r.node(ctx, id); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// node finds what is neither a billing line nor a margin.
func (r *Resolver) node(ctx context.Context, id string) (page.Node, error) {
	viewer := auth.ViewerFrom(ctx)
	kind, rest, _ := strings.Cut(id, "/")
	object, known := nodeTypes[kind]
	if !known || rest == "" || !r.policy.sees(viewer, object, "id") {
		return nil, nil
	}
	if kind == kindMargin || kind == kindBillingLine {
		return nil, nil
	}
	var found page.Node
	err := r.Market.Store.Read(ctx, viewer, func(reader *store.Reader) (err error) {
		found, err = readNode(reader, kind, id)
		return err
	})
	return found, err
}

func readNode(r *store.Reader, kind, id string) (page.Node, error) {
	first, second, _ := strings.Cut(bare(kind, id), "/")
	switch kind {
	case kindPublisher:
		rows, err := r.Publishers([]string{bare(kind, id)})
		return the(rows, err)
	case kindReseller:
		rows, _, err := r.Resellers(store.ResellerFilter{IDs: []string{bareGUID(kind, id)}}, store.Page{})
		return the(rows, err)
	case kindCustomer:
		filter := store.CustomerFilter{IDs: []string{strings.ToLower(second)}, ResellerTenantID: strings.ToLower(first)}
		rows, _, err := r.Customers(filter, store.Page{})
		return the(rows, err)
	case kindProduct:
		rows, _, err := r.Products(store.ProductFilter{IDs: []string{bare(kind, id)}}, store.Page{})
		return the(rows, err)
	case kindPlan:
		rows, err := r.Plans([]string{first})
		return that(rows, err, func(p models.Plan) bool { return p.ID == second })
	case kindMeter:
		rows, err := r.Meters([]string{first})
		return that(rows, err, func(m models.Meter) bool { return m.ID == second })
	case kindPrivateOffer:
		rows, _, err := r.PrivateOffers(store.OfferFilter{IDs: []string{bareGUID(kind, id)}}, store.Page{})
		return the(rows, err)
	case kindAPIKey:
		rows, _, err := r.APIKeys(store.APIKeyFilter{IDs: []string{bare(kind, id)}}, store.Page{})
		return the(rows, err)
	case kindWebhook:
		rows, _, err := r.Webhooks(store.WebhookFilter{IDs: []string{bareGUID(kind, id)}}, store.Page{})
		return the(rows, err)
	case kindNotification:
		rows, _, err := r.Notifications(store.NotificationFilter{IDs: []string{bareGUID(kind, id)}}, store.Page{})
		return the(rows, err)
	case kindSubscription:
		rows, _, err := r.Subscriptions(store.SubscriptionFilter{IDs: []string{bare(kind, id)}}, store.Page{})
		return the(rows, err)
	}
	return nil, nil
}

// the is the only row, or nothing.
func the[T any](rows []T, err error) (page.Node, error) {
	return that(rows, err, func(T) bool { return true })
}

// that is the row that is meant, or nothing.
func that[T any](rows []T, err error, meant func(T) bool) (page.Node, error) {
	for i := range rows {
		if err == nil && meant(rows[i]) {
			return &rows[i], nil
		}
	}
	return nil, err
}

// marginNodes finds the margins among the ids, <offer>_<line>_<reseller>, as of
// now. Those of a reseller are rated once, however many of them are asked for.
func (r *Resolver) marginNodes(ctx context.Context, ids []string) (map[string]*models.Margin, error) {
	viewer, now := auth.ViewerFrom(ctx), r.Market.Now()
	if !r.policy.sees(viewer, nodeTypes[kindMargin], "id") {
		return nil, nil
	}
	found := map[string]*models.Margin{}
	for _, reseller := range marginResellersOf(ids) {
		if viewer.Role == models.RoleReseller && reseller != viewer.Organization {
			continue // another's: there is nothing to see, and its own need not be rated
		}
		margins, err := r.Market.Margins(ctx, viewer, reseller, now, nil, market.Recent)
		if err != nil {
			return nil, err
		}
		for i := range margins {
			found[margins[i].NodeID()] = &margins[i]
		}
	}
	return found, nil
}

// marginResellersOf are the resellers of the margins among the ids, each once.
func marginResellersOf(ids []string) (resellers []string) {
	for _, id := range ids {
		kind, rest, _ := strings.Cut(id, "/")
		reseller := rest[strings.LastIndexByte(rest, '_')+1:]
		if kind == kindMargin && reseller != "" && !slices.Contains(resellers, reseller) {
			resellers = append(resellers, reseller)
		}
	}
	return resellers
}

// lineNodes finds the billing lines among the ids, <month>/<hash>. Each month is
// rated once, however many of its lines are asked for. A fact that cannot be
// rated is an error: nobody knows whether it is a line that was asked for.
func (r *Resolver) lineNodes(ctx context.Context, ids []string) (map[string]*page.Line, error) {
	viewer := auth.ViewerFrom(ctx)
	if !r.policy.sees(viewer, nodeTypes[kindBillingLine], "id") {
		return nil, nil
	}
	found, wanted := map[string]*page.Line{}, map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	for _, month := range monthsOf(ids) {
		err := r.lines(ctx, market.LineQuery{From: month, To: month}, func(book *rating.Book, lines iter.Seq[*models.BillingLine]) error {
			for line := range lines {
				if id := nodeID(kindBillingLine, month.String(), line.ID()); wanted[id] {
					own := *line
					found[id] = r.line(viewer, book, &own)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// monthsOf are the months of the billing lines among the ids, each once.
func monthsOf(ids []string) (months []models.Month) {
	for _, id := range ids {
		kind, rest, _ := strings.Cut(id, "/")
		text, _, _ := strings.Cut(rest, "/")
		month, err := models.ParseMonth(text)
		if kind == kindBillingLine && err == nil && !slices.Contains(months, month) {
			months = append(months, month)
		}
	}
	return months
}
