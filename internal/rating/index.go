package rating

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// Index is a catalogue and the margins that resellers hold on it, arranged to
// be asked. It is immutable and safe for concurrent use: With makes another one,
// which shares with it all that stays.
type Index struct {
	products   map[string]*listing
	resellers  map[string]*holdings
	publishers map[string]string // names by id
}

// NewIndex indexes the catalogue and the offers of the facts.
func NewIndex(facts Facts) *Index {
	named := map[string]bool{}
	for i := range facts.Products {
		named[facts.Products[i].ID] = true
	}
	for i := range facts.Plans {
		named[facts.Plans[i].ProductID] = true
	}
	for i := range facts.Meters {
		named[facts.Meters[i].ProductID] = true
	}
	for i := range facts.Prices {
		named[facts.Prices[i].ProductID] = true
	}
	return new(Index).With(slices.Collect(maps.Keys(named)), facts)
}

// With returns an index in which these products are what the facts say of them,
// and nothing else, and so are the offers that the facts hold. Whatever the facts
// do not name stays as it was. A submitted offer keeps its lines and its
// resellers for life; what becomes of it is in its instants.
func (x *Index) With(products []string, facts Facts) *Index {
	next := &Index{maps.Clone(x.products), maps.Clone(x.resellers), maps.Clone(x.publishers)}
	if next.products == nil {
		next.products, next.resellers, next.publishers = map[string]*listing{}, map[string]*holdings{}, map[string]string{}
	}
	for id, listing := range listings(products, facts) {
		next.products[id] = listing
	}
	for i := range facts.Publishers {
		next.publishers[facts.Publishers[i].ID] = facts.Publishers[i].Name
	}
	next.hold(facts.Offers)
	return next
}

// OnTheMarket tells whether all of the products, nil standing for those on which
// the reseller holds margins, are shown to every reseller. Those that nobody
// knows are.
func (x *Index) OnTheMarket(resellerTenantID string, products []string) bool {
	if held := x.resellers[resellerTenantID]; products == nil && held != nil {
		products = held.products
	}
	return !slices.ContainsFunc(products, func(id string) bool {
		l := x.products[id]
		return l != nil && !(l.product.Published && l.product.Public)
	})
}

// listing is one product as it is sold.
type listing struct {
	product models.Product // its id alone where the facts do not have it
	plans   []listedPlan   // by id
	meters  map[string]*models.Meter
	prices  map[priceKey][]models.Price // by effective month
}

// listedPlan is a plan with every price that a margin on it touches: its own, and the
// product's for meters that it does not price itself.
type listedPlan struct {
	models.Plan
	listed []listedPrice
}

type priceKey struct {
	plan, meter string
	term        models.Term
	billing     models.Billing
	market      string
}

type listedPrice struct {
	priceKey
	currency money.Currency
}

// unlisted stands for products that nobody knows.
var unlisted = &listing{}

func (x *Index) listing(product string) *listing {
	if l := x.products[product]; l != nil {
		return l
	}
	return unlisted
}

// plan is the plan with the id, nil if there is none.
func (l *listing) plan(id string) *listedPlan {
	at, ok := slices.BinarySearchFunc(l.plans, id, func(p listedPlan, id string) int { return strings.Compare(p.ID, id) })
	if !ok {
		return nil
	}
	return &l.plans[at]
}

// listings sorts what the facts say of products by product.
func listings(products []string, facts Facts) map[string]*listing {
	all := make(map[string]*listing, len(products))
	for _, id := range products {
		all[id] = &listing{product: models.Product{ID: id}, meters: map[string]*models.Meter{}, prices: map[priceKey][]models.Price{}}
	}
	for _, p := range facts.Products {
		if l := all[p.ID]; l != nil {
			l.product = p
		}
	}
	for _, p := range facts.Plans {
		if l := all[p.ProductID]; l != nil {
			l.plans = append(l.plans, listedPlan{Plan: p})
		}
	}
	for i := range facts.Meters {
		if l := all[facts.Meters[i].ProductID]; l != nil {
			meter := facts.Meters[i]
			l.meters[meter.ID] = &meter
		}
	}
	for _, p := range facts.Prices {
		if l := all[p.ProductID]; l != nil {
			key := priceKey{p.PlanID, p.MeterID, p.Term, p.Billing, p.Market}
			l.prices[key] = append(l.prices[key], p)
		}
	}
	for _, l := range all {
		l.arrange()
	}
	return all
}

// arrange sorts the listing and finds the prices under each plan. Infrastructure
// never carries a margin (D5).
func (l *listing) arrange() {
	slices.SortFunc(l.plans, func(x, y listedPlan) int { return strings.Compare(x.ID, y.ID) })
	for key, entries := range l.prices {
		slices.SortFunc(entries, func(x, y models.Price) int {
			return cmp.Or(cmp.Compare(x.EffectiveFrom, y.EffectiveFrom), strings.Compare(string(y.Currency), string(x.Currency)))
		})
		if l.infrastructure(key.meter) {
			continue
		}
		for i := range l.plans {
			p := &l.plans[i]
			own := key
			own.plan = p.ID
			if key.plan != "" && key.plan != p.ID || key.plan == "" && l.prices[own] != nil {
				continue
			}
			for _, entry := range entries {
				p.listed = append(p.listed, listedPrice{own, entry.Currency})
			}
		}
	}
	for i := range l.plans {
		p := &l.plans[i]
		slices.SortFunc(p.listed, compareListed)
		p.listed = slices.Compact(p.listed)
	}
}

func compareListed(x, y listedPrice) int {
	return cmp.Or(
		strings.Compare(x.plan, y.plan),
		strings.Compare(x.meter, y.meter),
		cmp.Compare(x.term.Months(), y.term.Months()),
		strings.Compare(string(x.billing), string(y.billing)),
		strings.Compare(x.market, y.market),
		strings.Compare(string(x.currency), string(y.currency)),
	)
}

func (l *listing) infrastructure(meter string) bool {
	m := l.meters[meter]
	return m != nil && m.Infrastructure
}

// What names one price: a plan's own charge, or a unit of a meter, in a market.
type What struct {
	ProductID, PlanID, MeterID string
	Term                       models.Term
	Billing                    models.Billing
	Market                     string
	// Currency is preferred where the market has prices in several, which no
	// market should have (rules 1); otherwise the market's own is found.
	Currency money.Currency
}

// price finds the list price in force in the month. A meter without a price of
// its own in the plan takes the product's.
func (l *listing) price(what *What, month models.Month) (*models.Price, bool) {
	key := priceKey{what.PlanID, what.MeterID, what.Term, what.Billing, what.Market}
	list := inForce(l.prices[key], what.Currency, month)
	if list == nil && what.MeterID != "" {
		key.plan = ""
		list = inForce(l.prices[key], what.Currency, month)
	}
	return list, list != nil
}

// inForce is the latest entry that counts in the month, in the preferred
// currency if there is one; nil where there is none.
func inForce(entries []models.Price, preferred money.Currency, month models.Month) (latest *models.Price) {
	for i := len(entries) - 1; i >= 0; i-- {
		switch p := &entries[i]; {
		case p.EffectiveFrom > month:
		case p.Currency == preferred:
			return p
		case latest == nil:
			latest = p
		}
	}
	return latest
}

// holdings are the margins of one reseller by product.
type holdings struct {
	products []string // sorted
	shelves  map[string]*shelf
}

// shelf is what one reseller holds on one product.
type shelf struct {
	all    []candidate            // in the order of equals (D1)
	listed []candidate            // by plan, start, offer and line
	plans  map[string][]candidate // those that cover a plan that has lines of its own; "" for any other
}

// of are the candidates that cover the plan.
func (s *shelf) of(plan string) []candidate {
	if own, ok := s.plans[plan]; ok {
		return own
	}
	return s.plans[""]
}

var empty = &shelf{}

func (x *Index) shelf(reseller, product string) *shelf {
	if held := x.resellers[reseller]; held != nil {
		if s := held.shelves[product]; s != nil {
			return s
		}
	}
	return empty
}

// hold puts offers in the place of what was known of them. What it changes it
// has copied: the maps of resellers are the only part that is its own.
func (x *Index) hold(offers []models.PrivateOffer) {
	type place struct{ reseller, product string }
	replaced := make(map[string]bool, len(offers))
	added := map[place][]candidate{}
	for i := range offers {
		o := &offers[i]
		replaced[o.ID] = true
		lines := x.lines(o)
		for j := range o.Resellers {
			g := grantOf(o, &o.Resellers[j])
			if g == nil {
				continue
			}
			for k := range lines {
				p := place{g.resellerTenantID, lines[k].ProductID}
				added[p] = append(added[p], candidate{g, &lines[k]})
			}
		}
	}
	copied := map[string]*holdings{}
	for p, candidates := range added {
		held := copied[p.reseller]
		if held == nil {
			held = &holdings{shelves: map[string]*shelf{}}
			if before := x.resellers[p.reseller]; before != nil {
				held.shelves = maps.Clone(before.shelves)
			}
			copied[p.reseller], x.resellers[p.reseller] = held, held
		}
		for _, c := range x.shelfIn(held, p.product).all {
			if !replaced[c.offerID] {
				candidates = append(candidates, c)
			}
		}
		held.shelves[p.product] = newShelf(candidates)
	}
	for _, held := range copied {
		held.products = slices.Sorted(maps.Keys(held.shelves))
	}
}

func (x *Index) shelfIn(held *holdings, product string) *shelf {
	if s := held.shelves[product]; s != nil {
		return s
	}
	return empty
}

// lines are the offer's pricing lines, held apart from the offer and with the
// texts that are there already, so that a million of them fit.
func (x *Index) lines(o *models.PrivateOffer) []models.PricingLine {
	lines := slices.Clone(o.Pricing)
	for i := range lines {
		l := &lines[i]
		l.PrivateOfferID = o.ID
		listing := x.products[l.ProductID]
		if listing == nil {
			continue
		}
		l.ProductID = listing.product.ID
		if plan := listing.plan(l.PlanID); plan != nil {
			l.PlanID = plan.ID
		}
	}
	return lines
}

func newShelf(all []candidate) *shelf {
	slices.SortFunc(all, compareRank)
	s := &shelf{all: all, listed: slices.Clone(all), plans: map[string][]candidate{"": nil}}
	slices.SortFunc(s.listed, func(x, y candidate) int {
		return cmp.Or(
			strings.Compare(x.line.PlanID, y.line.PlanID),
			x.start.Compare(y.start),
			strings.Compare(x.offerID, y.offerID),
			cmp.Compare(x.line.Position, y.line.Position),
		)
	})
	for _, c := range all {
		s.plans[c.line.PlanID] = nil
	}
	for plan := range s.plans {
		var covering []candidate
		for _, c := range all {
			if c.line.PlanID == "" || c.line.PlanID == plan {
				covering = append(covering, c)
			}
		}
		s.plans[plan] = slices.Clip(covering)
	}
	return s
}
