package rating

import (
	"encoding/binary"
	"slices"
	"strings"
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
	flat  []item // kinds, of all plans
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
	for _, kinds := range found.kinds {
		found.flat = append(found.flat, kinds...)
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

// percentages tells whether all lines are percentages, to which every item of a
// kind is the same.
func percentages(lines ...candidate) bool {
	return !slices.ContainsFunc(lines, func(c candidate) bool { return len(c.line.Absolute) > 0 })
}

// span is when the candidate prices an item, as far as that lies ahead, half
// open. Consumption of the current month is ahead, whenever it was recorded: its
// price is worked out late (D4).
func (c candidate) span(q *item, now time.Time) (from, to time.Time) {
	if q.consumption {
		return latest(c.firstMonth.Start(), models.MonthOf(now).Start(), q.since), c.lastMonth.End()
	}
	return latest(c.start, now, q.since), c.end
}

func latest(first time.Time, more ...time.Time) time.Time {
	for _, t := range more {
		if t.After(first) {
			first = t
		}
	}
	return first
}

// beats tells whether c prices the item and counts rather than the other, which
// prices it too (D1).
func (c candidate) beats(other candidate, q *item) bool {
	if !c.covers(q.PlanID) {
		return false
	}
	own, reason := c.prices(&q.question)
	if reason != "" {
		return false
	}
	theirs, _ := other.prices(&q.question)
	wins, _ := better(&own, &theirs)
	return wins
}

// meeting is where two lines compete for one reseller.
type meeting struct {
	mine, theirs bool // wins somewhere
	from, to     time.Time
}

// meet tells where two candidates of one reseller price the same items for the
// same customers, and which of them counts.
func meet(mine, theirs candidate, of *items, now time.Time) (m meeting) {
	if mine.line.ProductID != theirs.line.ProductID || !shareCustomers(mine.grant, theirs.grant) {
		return m
	}
	common := of.all
	if percentages(mine, theirs) {
		plan := planToCome
		if mine.line.PlanID != "" {
			plan = mine.line.PlanID
		} else if theirs.line.PlanID != "" {
			plan = theirs.line.PlanID
		}
		common = of.kinds[plan]
	}
	for i := range common {
		q := &common[i]
		if !theirs.covers(q.PlanID) {
			continue
		}
		if _, reason := theirs.prices(&q.question); reason != "" {
			continue
		}
		from, to := mine.span(q, now)
		starts, ends := theirs.span(q, now)
		if from = latest(from, starts); ends.Before(to) {
			to = ends
		}
		if from.Before(to) {
			beaten := theirs.beats(mine, q)
			m = m.and(meeting{!beaten, beaten, from, to})
		}
	}
	return m
}

// and is two meetings in one.
func (m meeting) and(more meeting) meeting {
	if m.from.IsZero() || more.from.Before(m.from) {
		m.from = more.from
	}
	return meeting{m.mine || more.mine, m.theirs || more.theirs, m.from, latest(m.to, more.to)}
}

func shareCustomers(x, y *grant) bool {
	return len(x.customers) == 0 || slices.ContainsFunc(x.customers, y.isFor)
}

// covered tells whether the others beat mine wherever it could count from now
// on: for every item, customer and instant one of them does.
func covered(mine candidate, others []candidate, of *items, now time.Time) bool {
	list := of.all
	if percentages(mine) && percentages(others...) {
		list = of.flat
	}
	customers := customersOf(mine, others)
	for i := range list {
		q := &list[i]
		from, to := mine.span(q, now)
		if !from.Before(to) {
			continue
		}
		beating := slices.DeleteFunc(slices.Clone(others), func(c candidate) bool { return !c.beats(mine, q) })
		for _, customer := range customers {
			if !spanned(beating, q, customer, from, to, now) {
				return false
			}
		}
	}
	return true
}

// customersOf are those between whom the margins differ; "" is anybody else.
func customersOf(mine candidate, others []candidate) []string {
	if len(mine.customers) > 0 {
		return mine.customers
	}
	customers := []string{""}
	for _, c := range others {
		customers = append(customers, c.customers...)
	}
	slices.Sort(customers)
	return slices.Compact(customers)
}

// spanned tells whether the candidates together price the item for the customer
// at every instant from and before to.
func spanned(candidates []candidate, q *item, customer string, from, to, now time.Time) bool {
	for from.Before(to) {
		reached := from
		for _, c := range candidates {
			if starts, ends := c.span(q, now); !starts.After(from) && ends.After(reached) && c.isFor(customer) {
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

// class is a set of resellers to whom the publisher's offers are all the same, so
// that one of them answers for all.
type class struct {
	mine   *grant
	rivals []rival
	tenant []string
}

// rival is another offer for the resellers of a class.
type rival struct {
	*grant
	offer *models.PrivateOffer
}

// classes deals the resellers of an offer out by what they have of the others.
// Both sides are as they will be (WarningFacts.expect).
func classes(mine *models.PrivateOffer, others []*models.PrivateOffer) []*class {
	place := make(map[string]int, len(mine.Resellers))
	each := make([]class, 0, len(mine.Resellers))
	keys := make([][]byte, 0, len(mine.Resellers))
	for i := range mine.Resellers {
		id := mine.Resellers[i].ResellerTenantID
		if _, twice := place[id]; twice {
			continue // no draft is saved like this, but asked about it may be
		}
		g := grantOf(mine, &mine.Resellers[i])
		place[id] = len(each)
		each = append(each, class{mine: g})
		keys = append(keys, g.key(nil, -1))
	}
	for n, other := range others {
		for i := range other.Resellers {
			if at, shared := place[other.Resellers[i].ResellerTenantID]; shared {
				g := grantOf(other, &other.Resellers[i])
				each[at].rivals = append(each[at].rivals, rival{g, other})
				keys[at] = g.key(keys[at], n)
			}
		}
	}
	known := map[string]*class{}
	var found []*class
	for i := range each {
		c, ok := known[string(keys[i])]
		if !ok {
			c = &each[i]
			known[string(keys[i])], found = c, append(found, c)
		}
		c.tenant = append(c.tenant, each[i].mine.resellerTenantID)
	}
	return found
}

// key adds all in which an offer can differ from reseller to reseller.
func (g *grant) key(key []byte, offer int) []byte {
	key = binary.AppendVarint(key, int64(offer))
	key = binary.AppendVarint(key, g.publishedAt.UnixNano())
	key = binary.AppendUvarint(key, uint64(len(g.customers)))
	return append(key, strings.Join(g.customers, "")...)
}

// isZero tells whether the line leaves nothing of a list price.
func isZero(line *models.PricingLine) bool {
	return line.Percentage == money.Percentage(100_00) ||
		slices.ContainsFunc(line.Absolute, func(a models.AbsolutePrice) bool { return a.UnitPrice.IsZero() })
}
