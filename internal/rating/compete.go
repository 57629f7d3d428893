package rating

import (
	"maps"
	"math/bits"
	"slices"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// item is one price that a pricing line may be asked for.
type item struct {
	question
	// since is when it has a list price: before, it cannot be asked for.
	since time.Time
}

// items are all that a pricing line can price as the catalogue is.
type items struct {
	all []item
	// kinds has one item of entitlement and one of consumption for each plan that
	// has such: to percentages, all of a kind are the same.
	kinds map[string][]item
}

// planToCome stands for plans that a product does not have yet, which
// product-level lines cover too. No id holds a space.
const planToCome = "plan to come"

func (x *Index) itemsOf(line *models.PricingLine) *items {
	c, listing := candidate{line: line}, x.listing(line.ProductID)
	found := items{kinds: map[string][]item{}}
	for i := range listing.plans {
		if !c.covers(listing.plans[i].ID) {
			continue
		}
		for _, listed := range listing.plans[i].listed {
			what := What{line.ProductID, listed.plan, listed.meter, listed.term, listed.billing, listed.market, listed.currency}
			one := item{question{What: what, currency: listed.currency, consumption: listed.meter != ""}, listing.since(listed)}
			if _, reason := c.prices(&one.question); reason == "" {
				found.add(one)
			}
		}
	}
	if line.PlanID == "" && len(line.Absolute) == 0 {
		what := What{ProductID: line.ProductID, PlanID: planToCome}
		found.add(item{question: question{What: what}})
		found.add(item{question: question{What: what, consumption: true}})
	}
	return &found
}

func (c *items) add(one item) {
	c.all = append(c.all, one)
	kinds := c.kinds[one.PlanID]
	if i := slices.IndexFunc(kinds, func(k item) bool { return k.consumption == one.consumption }); i < 0 {
		c.kinds[one.PlanID] = append(kinds, one)
	} else if one.since.Before(kinds[i].since) {
		kinds[i].since = one.since
	}
}

// since is from when on there is a list price.
func (l *listing) since(listed listedPrice) time.Time {
	first := models.MonthForever
	keys := []priceKey{listed.priceKey}
	if listed.meter != "" { // the product's holds until the plan has its own
		shared := listed.priceKey
		shared.plan = ""
		keys = append(keys, shared)
	}
	for _, key := range keys {
		for _, entry := range l.prices[key] {
			if entry.Currency == listed.currency {
				first = min(first, entry.EffectiveFrom)
			}
		}
	}
	return first.Start()
}

// terms are what an offer gives a reseller, with the instant from which on it
// prices consumption. Resellers with the same terms share them.
type terms struct {
	*grant
	consumption time.Time
}

// side is one line of the two that are compared.
type side struct {
	*terms
	line *models.PricingLine
}

func (s side) candidate() candidate { return candidate{s.grant, s.line} }

func (s side) percentage() bool { return len(s.line.Absolute) == 0 }

// horizon is now. Consumption of its month is still ahead, whenever it was
// recorded: its price is worked out late (D4).
type horizon struct{ now, month time.Time }

func horizonOf(now time.Time) horizon { return horizon{now, models.MonthOf(now).Start()} }

// span is when the side prices an item, as far as that lies ahead, half open.
func (s side) span(q *item, ahead horizon) (from, to time.Time) {
	if q.consumption {
		return latest(s.consumption, ahead.month, q.since), s.end
	}
	return latest(s.start, ahead.now, q.since), s.end
}

func latest(first time.Time, more ...time.Time) time.Time {
	for _, t := range more {
		if t.After(first) {
			first = t
		}
	}
	return first
}

// answers tells whether the side prices the item, for whomever and whenever.
func (s side) answers(q *item) (answer, bool) {
	c := s.candidate()
	if !c.covers(q.PlanID) {
		return answer{}, false
	}
	a, reason := c.prices(&q.question)
	return a, reason == ""
}

// beats tells whether s prices the item and counts rather than the other, which
// prices it too (D1).
func (s side) beats(other side, q *item) bool {
	own, priced := s.answers(q)
	if !priced {
		return false
	}
	theirs, _ := other.answers(q)
	wins, _ := better(&own, &theirs)
	return wins
}

// beatsPercentage is beats for two percentages, between which it does not depend
// on the item.
func (s side) beatsPercentage(other side) bool {
	wins, _ := better(&answer{candidate: s.candidate()}, &answer{candidate: other.candidate()})
	return wins
}

// within tells whether other is for every plan and customer that s is for.
func (s side) within(other side) bool {
	return (other.line.PlanID == "" || other.line.PlanID == s.line.PlanID) &&
		(len(other.customers) == 0 || len(s.customers) > 0 && !slices.ContainsFunc(s.customers, func(c string) bool { return !other.isFor(c) }))
}

// meeting is where two lines compete for one reseller.
type meeting struct {
	mine, theirs bool // wins somewhere
	from, to     time.Time
}

// and is two meetings in one.
func (m meeting) and(more meeting) meeting {
	if m.from.IsZero() || more.from.Before(m.from) {
		m.from = more.from
	}
	return meeting{m.mine || more.mine, m.theirs || more.theirs, m.from, latest(m.to, more.to)}
}

// meet tells where two sides of one reseller price the same items for the same
// customers, and which of them counts.
func meet(mine, theirs side, of *items, ahead horizon) (m meeting) {
	if !shareCustomers(mine.grant, theirs.grant) {
		return m
	}
	common, flat, beaten := of.all, mine.percentage() && theirs.percentage(), false
	if flat {
		plan := planToCome
		if mine.line.PlanID != "" {
			plan = mine.line.PlanID
		} else if theirs.line.PlanID != "" {
			plan = theirs.line.PlanID
		}
		common, beaten = of.kinds[plan], theirs.beatsPercentage(mine)
	}
	for i := range common {
		q := &common[i]
		if !flat {
			if _, priced := theirs.answers(q); !priced {
				continue
			}
			beaten = theirs.beats(mine, q)
		}
		from, to := mine.span(q, ahead)
		starts, ends := theirs.span(q, ahead)
		if from = latest(from, starts); ends.Before(to) {
			to = ends
		}
		if from.Before(to) {
			m = m.and(meeting{!beaten, beaten, from, to})
		}
	}
	return m
}

func shareCustomers(x, y *grant) bool {
	return len(x.customers) == 0 || slices.ContainsFunc(x.customers, y.isFor)
}

// covered tells whether the others beat mine wherever it could count from now on:
// for every item, customer and instant one of them does. Where all are percentages
// each of the others must be known to beat mine.
func covered(mine side, others []side, of *items, ahead horizon) bool {
	list, flat := of.all, mine.percentage() && !slices.ContainsFunc(others, func(s side) bool { return !s.percentage() })
	switch {
	case flat && mine.line.PlanID == "": // who beats it there beats it on every plan
		list = of.kinds[planToCome]
	case flat:
		list = of.kinds[mine.line.PlanID]
	}
	customers := customersOf(mine, others)
	beating := make([]side, 0, len(others))
	for i := range list {
		q := &list[i]
		from, to := mine.span(q, ahead)
		if !from.Before(to) {
			continue
		}
		beating = beating[:0]
		for _, s := range others {
			if flat && (s.line.PlanID == "" || s.line.PlanID == q.PlanID) || !flat && s.beats(mine, q) {
				beating = append(beating, s)
			}
		}
		for _, customer := range customers {
			if !spanned(beating, q, customer, from, to, ahead) {
				return false
			}
		}
	}
	return true
}

// customersOf are those between whom the margins differ; "" is anybody else.
func customersOf(mine side, others []side) []string {
	if len(mine.customers) > 0 {
		return mine.customers
	}
	customers := []string{""}
	for _, s := range others {
		customers = append(customers, s.customers...)
	}
	slices.Sort(customers)
	return slices.Compact(customers)
}

// spanned tells whether the sides together price the item for the customer at
// every instant from and before to.
func spanned(sides []side, q *item, customer string, from, to time.Time, ahead horizon) bool {
	for from.Before(to) {
		reached := from
		for _, s := range sides {
			if starts, ends := s.span(q, ahead); ends.After(reached) && !starts.After(from) && s.isFor(customer) {
				reached = ends
			}
		}
		if !reached.After(from) {
			return false
		}
		from = reached
	}
	return true
}

// members are some of the resellers of an offer, a bit each, in the order of their
// tenant ids.
type members []uint64

func (m members) add(more members) members {
	if m == nil {
		m = make(members, len(more))
	}
	for i := range more {
		m[i] |= more[i]
	}
	return m
}

// of are the first of the members among all, and how many there are.
func (m members) of(all []string) (some []string, n int) {
	for i, word := range m {
		n += bits.OnesCount64(word)
		for ; word != 0 && len(some) < models.MaxWarned; word &= word - 1 {
			some = append(some, all[i*64+bits.TrailingZeros64(word)])
		}
	}
	return some, n
}

// class is a set of resellers to whom the publisher's offers are all the same, so
// that one of them answers for all.
type class struct {
	mine   *terms
	rivals []rival
	members
}

// rival is another offer for the resellers of a class.
type rival struct {
	*terms
	offer int // its place among the others
}

// classes deals the resellers of an offer out by what they have of the others.
// Both are taken as they will be if all goes well (liveAt). Tenants are the
// resellers, sorted.
func (f *WarningFacts) classes(mine *models.PrivateOffer, others []*models.PrivateOffer) (found []*class, tenants []string) {
	// What resellers have in common is a path: the last offer that they share, and
	// the path before.
	type path struct {
		before *path
		rival
	}
	type branch struct {
		from *path
		by   *terms
	}
	at := map[string]*path{} // by tenant
	deal := func(offer *models.PrivateOffer, n int, named func(tenant string) bool) {
		branches := map[branch]*path{}
		f.each(offer, named, func(tenant string, t *terms) {
			b := branch{at[tenant], t}
			if branches[b] == nil {
				branches[b] = &path{b.from, rival{t, n}}
			}
			at[tenant] = branches[b]
		})
	}
	deal(mine, -1, func(tenant string) bool { return at[tenant] == nil }) // no draft is saved with one twice, but asked about it may be
	for n, other := range others {
		deal(other, n, func(tenant string) bool { return at[tenant] != nil })
	}
	tenants = slices.Sorted(maps.Keys(at))
	known := map[*path]*class{}
	for i, tenant := range tenants {
		c := known[at[tenant]]
		if c == nil {
			c = &class{members: make(members, (len(tenants)+63)/64)}
			for p := at[tenant]; p != nil; p = p.before {
				c.mine, c.rivals = p.terms, append(c.rivals, p.rival)
			}
			c.rivals = c.rivals[:len(c.rivals)-1] // the last is the offer itself
			known[at[tenant]], found = c, append(found, c)
		}
		c.members[i/64] |= 1 << (i % 64)
	}
	return found, tenants
}

// each goes through the resellers of an offer for whom it is, or will be,
// published before its end.
func (f *WarningFacts) each(offer *models.PrivateOffer, named func(tenant string) bool, yield func(tenant string, t *terms)) {
	submitted := *offer
	if offer.SubmittedAt == nil {
		submitted.SubmittedAt = &f.Now
	}
	var last *terms
	for i := range offer.Resellers {
		r := &offer.Resellers[i]
		if r.WithdrawnAt != nil || r.PublishedAt == nil && r.FailedAt != nil || !named(r.ResellerTenantID) {
			continue
		}
		live := f.liveAt(offer, r)
		if last == nil || !last.publishedAt.Equal(live) || !slices.Equal(last.customers, r.CustomerTenantIDs) {
			published := *r
			published.PublishedAt = &live
			g := grantOf(&submitted, &published)
			last = &terms{g, g.firstMonth.Start()}
		}
		if live.Before(last.end) {
			yield(r.ResellerTenantID, last)
		}
	}
}

// liveAt is when an offer went live for a reseller, or is expected to.
func (f *WarningFacts) liveAt(offer *models.PrivateOffer, r *models.OfferReseller) time.Time {
	switch {
	case r.PublishedAt != nil:
		return *r.PublishedAt
	case offer.SubmittedAt == nil:
		expected := models.OfferReseller{ResellerTenantID: r.ResellerTenantID}
		expected.Await(f.productsOf(offer), f.GoLive, f.Now)
		return *expected.ExpectedLiveAt
	case r.ExpectedLiveAt != nil:
		return latest(f.Now, *r.ExpectedLiveAt)
	}
	return f.Now
}

func (f *WarningFacts) productsOf(offer *models.PrivateOffer) map[string]models.Product {
	priced := map[string]models.Product{}
	for i := range offer.Pricing {
		if product, ok := f.Products[offer.Pricing[i].ProductID]; ok {
			priced[product.ID] = product
		}
	}
	return priced
}

// isZero tells whether the line leaves nothing of a list price.
func isZero(line *models.PricingLine) bool {
	return line.Percentage == money.Percentage(100_00) ||
		slices.ContainsFunc(line.Absolute, func(a models.AbsolutePrice) bool { return a.UnitPrice.IsZero() })
}
