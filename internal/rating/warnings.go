package rating

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sellthrough/models"
)

// WarningFacts is what Warnings looks at beside the offer.
type WarningFacts struct {
	// Products and Resellers are those that the offer names, by id; what is not
	// known is absent.
	Products  map[string]models.Product
	Resellers map[string]models.Reseller
	// Catalogue has the plans, meters and prices of the products.
	Catalogue *Index
	// Others may be any offers. Those of the offer's publisher count, and of
	// these the lines and resellers that the offer shares.
	Others []models.PrivateOffer
	GoLive models.GoLive
	Now    time.Time
}

// Warnings tells what the publisher of an offer may not have meant: which of its
// own other offers compete with it, by the comparison that rates billing lines
// (D1, D2), and what else will surprise. A draft is judged as if it were
// submitted now, and whoever is not published as if that came when it is
// expected. They come by kind (models.WarningCodes), line and other offer.
func Warnings(offer *models.PrivateOffer, facts *WarningFacts) []models.OfferWarning {
	w := warner{WarningFacts: facts, offer: offer, draft: offer.SubmittedAt == nil, left: map[models.WarningCode]int{}}
	switch offer.Status(facts.Now) {
	case models.StatusWithdrawn:
		return nil
	case models.StatusEnded:
		w.endedUnpublished()
		return w.told
	}
	w.terms()
	w.names()
	w.lines()
	w.duplicates()
	if offer.EndMonth != 0 { // without an end there is nothing to compare yet
		w.compete()
	}
	return w.bounded()
}

// warner collects the warnings of one offer.
type warner struct {
	*WarningFacts
	offer *models.PrivateOffer
	draft bool
	told  []models.OfferWarning
	// left are those of a kind that has been told as often as can be shown.
	left map[models.WarningCode]int
}

// tell adds a warning. The resellers are all that it holds for, sorted.
func (w *warner) tell(field string, code models.WarningCode, message string, resellers []string) *models.OfferWarning {
	w.told = append(w.told, models.OfferWarning{
		Code: code, Field: strings.Split(field, "."), Message: message,
		ResellerTenantIDs: resellers[:min(len(resellers), models.MaxWarned)], ResellerCount: len(resellers),
	})
	return &w.told[len(w.told)-1]
}

// tellOf is tell for one of the offer's own lines.
func (w *warner) tellOf(i int, field string, code models.WarningCode, message string, resellers []string) *models.OfferWarning {
	told := w.tell("pricing."+strconv.Itoa(i)+field, code, message, resellers)
	line := &w.offer.Pricing[i]
	told.PricingLine, told.ProductID, told.PlanID = i+1, line.ProductID, line.PlanID
	return told
}

// bounded are the warnings in order, and no more than an answer can hold.
func (w *warner) bounded() []models.OfferWarning {
	slices.SortStableFunc(w.told, func(x, y models.OfferWarning) int {
		return cmp.Or(cmp.Compare(slices.Index(models.WarningCodes, x.Code), slices.Index(models.WarningCodes, y.Code)), cmp.Compare(x.PricingLine, y.PricingLine))
	})
	if len(w.told) <= models.MaxWarnings {
		return w.told
	}
	for _, told := range w.told[models.MaxWarnings:] {
		w.left[told.Code]++
	}
	var counts []string
	rest := 0
	for _, code := range models.WarningCodes {
		if n := w.left[code]; n > 0 {
			rest, counts = rest+n, append(counts, strconv.Itoa(n)+" "+string(code))
		}
	}
	w.told = w.told[:models.MaxWarnings]
	w.tell("pricing", models.WarnMore, strconv.Itoa(rest)+" more are not shown: "+strings.Join(counts, ", "), nil)
	return w.told
}

func (w *warner) endedUnpublished() {
	var never []string
	for i := range w.offer.Resellers {
		if r := &w.offer.Resellers[i]; r.PublishedAt == nil && r.WithdrawnAt == nil {
			never = append(never, r.ResellerTenantID)
		}
	}
	if len(never) > 0 {
		w.tell("endMonth", models.WarnEndedUnpublished, "the offer ended before it was published for "+count(len(never), "reseller")+
			": they never had a margin. Clone it for a later end", never)
	}
}

// terms looks at start and end.
func (w *warner) terms() {
	start, end := w.offer.StartMonth, w.offer.EndMonth
	if w.draft && end != 0 && !end.End().After(w.Now) {
		w.tell("endMonth", models.WarnEndHasPassed, end.String()+" is over: choose a later month before you submit", nil)
	}
	if start == 0 {
		return
	}
	if !start.Start().After(w.Now) {
		if w.draft {
			w.tell("startMonth", models.WarnStartHasPassed, start.String()+" has begun: choose an upcoming month, or as soon as possible, before you submit", nil)
		}
		return
	}
	var late []string
	var by time.Time
	for i := range w.offer.Resellers {
		r := &w.offer.Resellers[i]
		if live := w.liveAt(w.offer, r); live.After(start.Start()) && r.WithdrawnAt == nil && r.FailedAt == nil {
			late, by = append(late, r.ResellerTenantID), latest(by, live)
		}
	}
	if len(late) > 0 {
		told := w.tell("startMonth", models.WarnStartMayBeMissed, "publishing may take until "+by.UTC().Format(time.RFC3339)+", when "+start.String()+
			" has begun: "+count(len(late), "reseller")+" may not see the margin at its start. Submit at once, or start a month later", late)
		told.From, told.To = start.Start(), by
	}
}

// names looks at what the offer names: resellers and products that submitting
// would refuse, or has to prepare.
func (w *warner) names() {
	if !w.draft {
		return
	}
	var refused []string
	for i := range w.offer.Resellers {
		r := &w.offer.Resellers[i]
		if !w.Resellers[r.ResellerTenantID].MayHoldMargin() {
			refused = append(refused, r.ResellerTenantID)
		}
	}
	if slices.Sort(refused); len(refused) > 0 {
		w.tell("resellers", models.WarnReseller, count(len(refused), "reseller")+" cannot hold a margin, being no direct bill partner or indirect provider of the CSP program"+
			": submitting will refuse the offer. Choose resellers that are selectable", refused)
	}
	seen := map[string]bool{}
	for i := range w.offer.Pricing {
		id := w.offer.Pricing[i].ProductID
		product, known := w.Products[id]
		if seen[id] {
			continue
		}
		seen[id] = true
		if !known || product.PublisherID != w.offer.PublisherID || !product.Selectable() {
			w.tellOf(i, ".productId", models.WarnProduct, models.Quote(id)+" is not a published, public and transactable product of yours: submitting will refuse the offer", nil)
			continue
		}
		var waiting []string
		for j := range w.offer.Resellers {
			r := w.Resellers[w.offer.Resellers[j].ResellerTenantID]
			if r.MayHoldMargin() && !product.Authorized(r.TenantID) {
				waiting = append(waiting, r.TenantID)
			}
		}
		if slices.Sort(waiting); len(waiting) > 0 {
			w.tellOf(i, ".productId", models.WarnNeedsAuthorizing, models.Quote(id)+" is not opted in for "+count(len(waiting), "reseller")+
				": submitting opts it in for them, and going live may take "+w.GoLive.Authorizing.String()+" instead of "+w.GoLive.Usual.String(), waiting)
		}
	}
}

// lines looks at each line by itself.
func (w *warner) lines() {
	seen := map[string]bool{}
	for i := range w.offer.Pricing {
		line := &w.offer.Pricing[i]
		product, known := w.Products[line.ProductID]
		if !known || product.PublisherID != w.offer.PublisherID {
			continue
		}
		if slices.Equal(product.Marketplaces, []models.Marketplace{models.AppSource}) && !seen[product.ID] {
			w.tellOf(i, ".productId", models.WarnAppSourceOnly, models.Quote(product.ID)+" is listed in AppSource and not in Azure Marketplace"+
				": it may be a while until resellers can buy it in their portal. Ask support if it does not appear", nil)
		}
		seen[product.ID] = true
		if line.PlanID == "" {
			w.tellOf(i, "", models.WarnFuturePlans, "the margin is for all plans of "+models.Quote(product.ID)+", those that you add later too: choose plans to leave any out", nil)
		}
		if isZero(line) {
			w.tellOf(i, "", models.WarnPriceIsZero, "the reseller pays nothing, and nothing is paid out", nil)
		}
		w.trials(i)
		w.listPrices(i)
	}
}

func (w *warner) trials(i int) {
	line := &w.offer.Pricing[i]
	var trials []string
	for _, plan := range w.Catalogue.listing(line.ProductID).plans {
		if plan.TrialDays > 0 && (line.PlanID == "" || line.PlanID == plan.ID) {
			trials = append(trials, models.Quote(plan.ID))
		}
	}
	if len(trials) > 0 {
		w.tellOf(i, "", models.WarnTrialFirst, "a customer's first purchase of "+some(trials)+" is a free trial: the margin counts from the renewal that ends it", nil)
	}
}

// listPrices holds a line to the list prices that it is taken off, or replaces.
func (w *warner) listPrices(i int) {
	line := &w.offer.Pricing[i]
	listing := w.Catalogue.listing(line.ProductID)
	if len(line.Absolute) == 0 && !slices.ContainsFunc(listing.plans, func(p listedPlan) bool { return candidate{line: line}.covers(p.ID) && len(p.listed) > 0 }) {
		w.tellOf(i, "", models.WarnNoListPrice, "nothing of this has a list price that a margin could be taken off: add prices, or choose another plan", nil)
	}
	first, last := models.MonthOf(latest(w.Now, w.offer.StartMonth.Start())), w.offer.EndMonth
	if last == 0 {
		last = models.MonthForever
	}
	for j := range line.Absolute {
		a := &line.Absolute[j]
		field := ".absolute." + strconv.Itoa(j)
		what := What{line.ProductID, line.PlanID, a.MeterID, a.Term, a.Billing, a.Market, a.Currency}
		months := listing.pricedMonths(&what, first, last)
		if len(months) == 0 {
			w.tellOf(i, field, models.WarnNoListPrice, "there is no list price for this market, currency, term, billing or meter: it will never count", nil)
			continue
		}
		for _, month := range months {
			if list, _ := listing.price(&what, month); a.UnitPrice.Cmp(list.UnitPrice) > 0 {
				told := w.tellOf(i, field, models.WarnAbsoluteAboveList, a.UnitPrice.String()+" is above the list price of "+list.UnitPrice.String()+" "+string(a.Currency)+
					", and beats any percentage all the same: the reseller would pay more with the offer than without", nil)
				told.From, told.To = month.Start(), last.End()
				break
			}
		}
	}
}

// pricedMonths are the months of a span in which a list price of the currency
// begins or is in force at the start, ascending.
func (l *listing) pricedMonths(what *What, first, last models.Month) (months []models.Month) {
	candidates := []models.Month{first}
	for _, plan := range []string{what.PlanID, ""} {
		for _, entry := range l.prices[priceKey{plan, what.MeterID, what.Term, what.Billing, what.Market}] {
			if entry.EffectiveFrom > first && entry.EffectiveFrom <= last {
				candidates = append(candidates, entry.EffectiveFrom)
			}
		}
	}
	slices.Sort(candidates)
	for _, month := range slices.Compact(candidates) {
		if list, ok := l.price(what, month); ok && list.Currency == what.Currency {
			months = append(months, month)
		}
	}
	return months
}

// duplicates finds offers that say all that this one says, to all that it says it
// to.
func (w *warner) duplicates() {
	if len(w.offer.Pricing) == 0 || len(w.offer.Resellers) == 0 {
		return
	}
	for i := range w.Others {
		other := &w.Others[i]
		if other.StartMonth != w.offer.StartMonth || other.EndMonth != w.offer.EndMonth || !w.rivals(other) || !says(other, w.offer) {
			continue
		}
		told := w.tell("pricing", models.WarnDuplicate, "says nothing that "+models.Quote(other.Name)+" does not say already: the same margins for the same resellers and months", nil)
		for j := range other.Pricing {
			told.Others = append(told.Others, models.CompetingLine{PrivateOfferID: other.ID, Name: other.Name, PricingLine: other.Pricing[j].Position})
		}
		told.OtherCount = len(told.Others)
	}
}

// rivals tells whether an offer is another one of the publisher's that may count
// with this one, now or once it is submitted.
func (w *warner) rivals(other *models.PrivateOffer) bool {
	if other.ID == w.offer.ID || other.PublisherID != w.offer.PublisherID {
		return false
	}
	status := other.Status(w.Now)
	return status != models.StatusWithdrawn && status != models.StatusEnded
}

// says tells whether x has every line of y for every reseller of y.
func says(x, y *models.PrivateOffer) bool {
	for i := range y.Pricing {
		line := &y.Pricing[i]
		if !slices.ContainsFunc(x.Pricing, func(l models.PricingLine) bool {
			return l.ProductID == line.ProductID && l.PlanID == line.PlanID && l.Percentage == line.Percentage && slices.Equal(l.Absolute, line.Absolute)
		}) {
			return false
		}
	}
	named := make(map[string][]string, len(x.Resellers))
	for i := range x.Resellers {
		if r := &x.Resellers[i]; r.WithdrawnAt == nil && r.FailedAt == nil {
			named[r.ResellerTenantID] = r.CustomerTenantIDs
		}
	}
	for i := range y.Resellers {
		customers, ok := named[y.Resellers[i].ResellerTenantID]
		if !ok || !slices.Equal(customers, y.Resellers[i].CustomerTenantIDs) {
			return false
		}
	}
	return true
}

// met adds up the meetings of two lines over resellers.
type met struct {
	meeting
	members
}

func (m *met) meet(at meeting, by members) { m.meeting, m.members = m.and(at), m.add(by) }

// pair is two lines that compete, with what comes of it for the resellers.
type pair struct {
	offer     *models.PrivateOffer
	line      *models.PricingLine
	overlaps  met // for those to whom both can count
	shadowing met // for those to whom theirs can no longer count
}

// contest is one line against those of the publisher's other offers.
type contest struct {
	*warner
	ahead  horizon
	line   *models.PricingLine
	items  *items
	others []*models.PrivateOffer
	lines  [][]int                        // of each of the others, those that price what line prices
	pairs  [][]*pair                      // for each of lines
	theirs map[*models.PricingLine]*items // what others price, once asked for
	gaps   map[gap]*met

	tenants  []string // whom members are bits of
	shadowed met
	by       map[*models.PricingLine]models.CompetingLine // who shadows
	counted  map[models.WarningCode]int                   // pairs, of all lines
	beating  []side                                       // of one class
}

// compete holds every line against those of the publisher's other offers, those
// that are over among them: a gap may follow.
func (w *warner) compete() {
	var others []*models.PrivateOffer
	for i := range w.Others {
		other := &w.Others[i]
		if other.SubmittedAt != nil && other.WithdrawnAt == nil && other.ID != w.offer.ID && other.PublisherID == w.offer.PublisherID {
			others = append(others, other)
		}
	}
	dealt, tenants := w.classes(w.offer, others)
	ahead, theirs, counted := horizonOf(w.Now), map[*models.PricingLine]*items{}, map[models.WarningCode]int{}
	for i := range w.offer.Pricing {
		line := &w.offer.Pricing[i]
		c := contest{
			warner: w, ahead: ahead, line: line, items: w.Catalogue.itemsOf(line), others: others, theirs: theirs, tenants: tenants,
			gaps: map[gap]*met{}, by: map[*models.PricingLine]models.CompetingLine{}, counted: counted,
		}
		c.match()
		for _, class := range dealt {
			c.hold(class)
		}
		c.tellShadowed(i)
		for n := range c.pairs {
			for _, p := range c.pairs[n] {
				c.tellPair(i, p)
			}
		}
		c.tellGaps(i)
	}
}

// match finds the lines of others that price what the line prices.
func (c *contest) match() {
	c.lines, c.pairs = make([][]int, len(c.others)), make([][]*pair, len(c.others))
	own := candidate{line: c.line}
	for n, other := range c.others {
		for l := range other.Pricing {
			theirs := candidate{line: &other.Pricing[l]}
			if theirs.line.ProductID == c.line.ProductID && (theirs.covers(c.line.PlanID) || own.covers(theirs.line.PlanID)) {
				c.lines[n] = append(c.lines[n], l)
			}
		}
		c.pairs[n] = make([]*pair, len(c.lines[n]))
	}
}

// hold is the contest for one class of resellers.
func (c *contest) hold(class *class) {
	own := side{class.mine, c.line}
	beating, before, after := c.beating[:0], neighbours{}, neighbours{}
	follows := c.follows(own)
	for _, rival := range class.rivals {
		for k, l := range c.lines[rival.offer] {
			theirs := side{rival.terms, &c.others[rival.offer].Pricing[l]}
			if follows {
				before.last(own, theirs, rival.offer)
			}
			after.next(own, theirs, rival.offer)
			at := meet(own, theirs, c.items, c.ahead)
			if !at.mine && !at.theirs {
				continue
			}
			p := &c.pairs[rival.offer][k]
			if *p == nil {
				*p = &pair{offer: c.others[rival.offer], line: theirs.line}
			}
			if at.theirs {
				beating = append(beating, theirs)
			}
			if !at.theirs && c.shadows(own, theirs) {
				(*p).shadowing.meet(at, class.members)
			} else {
				(*p).overlaps.meet(at, class.members)
			}
		}
	}
	if len(beating) > 0 && covered(own, beating, c.items, c.ahead) {
		c.shadowed.meet(meeting{from: latest(own.start, c.Now), to: own.end}, class.members)
		for _, theirs := range beating {
			if _, known := c.by[theirs.line]; !known {
				c.by[theirs.line] = models.CompetingLine{PrivateOfferID: theirs.offerID, PricingLine: theirs.line.Position}
			}
		}
	}
	c.beating = beating
	c.findGaps(own, class, before, after)
}

// shadows tells whether own beats all that theirs could still price from then on.
// It is asked where theirs beats own nowhere.
func (c *contest) shadows(own, theirs side) bool {
	switch {
	case own.end.Before(theirs.end):
		return false
	case own.percentage() && theirs.percentage():
		return theirs.within(own)
	}
	of, ok := c.theirs[theirs.line]
	if !ok {
		of = c.Catalogue.itemsOf(theirs.line)
		c.theirs[theirs.line] = of
	}
	return covered(theirs, []side{own}, of, horizonOf(latest(own.start, c.Now)))
}

func (c *contest) tellShadowed(i int) {
	m := &c.shadowed
	if m.members == nil {
		return
	}
	resellers, n := m.of(c.tenants)
	told := c.tellOf(i, "", models.WarnShadowed, "can never count for "+count(n, "reseller")+
		": other offers beat it wherever it applies. Give more, or leave it out", resellers)
	told.ResellerCount, told.From, told.To = n, m.from, m.to
	names := map[string]string{}
	for _, other := range c.others {
		names[other.ID] = other.Name
	}
	lines := slices.SortedFunc(maps.Values(c.by), func(x, y models.CompetingLine) int {
		return cmp.Or(strings.Compare(x.PrivateOfferID, y.PrivateOfferID), cmp.Compare(x.PricingLine, y.PricingLine))
	})
	for i := range lines {
		lines[i].Name = names[lines[i].PrivateOfferID]
	}
	told.Others, told.OtherCount, told.Wins = lines[:min(len(lines), models.MaxWarned)], len(lines), models.OtherLine
}

func (c *contest) tellPair(i int, p *pair) {
	if p == nil {
		return
	}
	one := func(code models.WarningCode, m *met, wins models.WarningSide, message string) {
		if m.members == nil {
			return
		}
		if c.counted[code]++; c.counted[code] > models.MaxWarnings { // those of earlier lines come first
			c.left[code]++
			return
		}
		resellers, n := m.of(c.tenants)
		told := c.tellOf(i, "", code, message, resellers)
		told.ResellerCount, told.From, told.To, told.Wins = n, m.from, m.to, wins
		told.Others, told.OtherCount = []models.CompetingLine{{PrivateOfferID: p.offer.ID, Name: p.offer.Name, PricingLine: p.line.Position}}, 1
	}
	theirs := "line " + strconv.Itoa(p.line.Position) + " of " + models.Quote(p.offer.Name)
	one(models.WarnShadows, &p.shadowing, models.ThisLine, theirs+" can no longer count once this is live")
	switch m := &p.overlaps; {
	case m.mine && m.theirs:
		one(models.WarnOverlaps, m, models.EachInPart, "competes with "+theirs+": each counts for part of what they share")
	case m.theirs:
		one(models.WarnOverlaps, m, models.OtherLine, "competes with "+theirs+", which counts where both apply")
	default:
		one(models.WarnOverlaps, m, models.ThisLine, "competes with "+theirs+", and counts where both apply")
	}
}

// succession is how long after the end of an offer another can follow it.
const succession = 12 // months

// gap is the time between two offers in which neither counts.
type gap struct {
	other    models.CompetingLine
	plan     string // the other line's
	from, to int64  // seconds since 1970
}

// neighbours are the lines that come last before another, or first after it, by
// plan; "" for the whole product.
type neighbours map[string]neighbour

type neighbour struct {
	side
	offer int
}

// last keeps what ends last of all that began before own.
func (b neighbours) last(own, theirs side, offer int) {
	if !theirs.start.Before(own.start) {
		return
	}
	if known, ok := b[theirs.line.PlanID]; (!ok || theirs.end.After(known.end)) && shareCustomers(own.grant, theirs.grant) {
		b[theirs.line.PlanID] = neighbour{theirs, offer}
	}
}

// next keeps what begins first of all that end after own.
func (b neighbours) next(own, theirs side, offer int) {
	if !theirs.end.After(own.end) {
		return
	}
	if known, ok := b[theirs.line.PlanID]; (!ok || theirs.start.Before(known.start)) && shareCustomers(own.grant, theirs.grant) {
		b[theirs.line.PlanID] = neighbour{theirs, offer}
	}
}

// nearer tells whether of the line's own plan, or else of the whole product, there
// is a neighbour that comes nearer than the one of the plan, or as near.
func (b neighbours) nearer(plan, own string, compare func(x, y neighbour) int) bool {
	other := ""
	if plan == "" {
		other = own
	}
	x, ok := b[other]
	if !ok || other == plan {
		return false
	}
	order := compare(x, b[plan])
	return order > 0 || order == 0 && other == ""
}

// follows tells whether the line starts at a time of its own, so that there can be
// a gap before it.
func (c *contest) follows(own side) bool {
	return own.start.After(c.Now) && c.offer.StartMonth != 0
}

// findGaps finds what lies between the line and those that it follows, or that
// follow it.
func (c *contest) findGaps(own side, class *class, before, after neighbours) {
	for plan, last := range before {
		if last.end.Before(own.start) && models.MonthOf(last.end)+succession > c.offer.StartMonth &&
			!before.nearer(plan, c.line.PlanID, func(x, y neighbour) int { return x.end.Compare(y.end) }) {
			c.gap(last, class, last.end, own.start)
		}
	}
	for plan, next := range after {
		if next.start.After(own.end) && models.MonthOf(own.end)+succession > models.MonthOf(next.start) &&
			!after.nearer(plan, c.line.PlanID, func(x, y neighbour) int { return y.start.Compare(x.start) }) {
			c.gap(next, class, own.end, next.start)
		}
	}
}

func (c *contest) gap(other neighbour, class *class, from, to time.Time) {
	key := gap{
		models.CompetingLine{PrivateOfferID: other.offerID, Name: c.others[other.offer].Name, PricingLine: other.line.Position},
		other.line.PlanID, from.Unix(), to.Unix(),
	}
	if c.gaps[key] == nil {
		c.gaps[key] = &met{}
	}
	c.gaps[key].meet(meeting{from: from, to: to}, class.members)
}

func (c *contest) tellGaps(i int) {
	sorted := slices.SortedFunc(maps.Keys(c.gaps), func(x, y gap) int {
		return cmp.Or(cmp.Compare(x.from, y.from), strings.Compare(x.other.PrivateOfferID, y.other.PrivateOfferID), strings.Compare(x.plan, y.plan), cmp.Compare(x.to, y.to))
	})
	for _, g := range sorted {
		m := c.gaps[g]
		resellers, n := m.of(c.tenants)
		span := m.from.Format(time.DateOnly) + " until " + m.to.Add(-time.Second).Format(time.DateOnly)
		message, field := "follows "+models.Quote(g.other.Name)+" after a gap", "startMonth"
		if m.from.Equal(c.offer.EndMonth.End()) {
			message, field = "is followed by "+models.Quote(g.other.Name)+" after a gap", "endMonth"
		}
		told := c.tellOf(i, "", models.WarnGap, message+": from "+span+" "+count(n, "reseller")+" will pay the list price", resellers)
		told.Field, told.ResellerCount, told.From, told.To = []string{field}, n, m.from, m.to
		told.PlanID = cmp.Or(told.PlanID, g.plan)
		told.Others, told.OtherCount = []models.CompetingLine{g.other}, 1
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// some names the first few.
func some(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
