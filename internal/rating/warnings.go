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
	w := warner{WarningFacts: facts, offer: offer, draft: offer.SubmittedAt == nil}
	switch offer.Status(facts.Now) {
	case models.StatusWithdrawn:
		return nil
	case models.StatusEnded:
		w.endedUnpublished()
		return w.told
	}
	w.mine = facts.expect(offer)
	w.terms()
	w.names()
	w.lines()
	w.duplicates()
	if offer.EndMonth != 0 { // without an end there is nothing to compare yet
		w.compete()
	}
	return w.bounded()
}

// expect is an offer as it will be if all goes well: submitted now, and published
// for each reseller by when that is expected. Those for whom it is withdrawn or
// failed are left out.
func (f *WarningFacts) expect(offer *models.PrivateOffer) *models.PrivateOffer {
	expected := *offer
	if offer.SubmittedAt == nil {
		expected.SubmittedAt = &f.Now
	}
	expected.Resellers = make([]models.OfferReseller, 0, len(offer.Resellers))
	priced := map[string]models.Product{}
	for i := range offer.Pricing {
		if product, ok := f.Products[offer.Pricing[i].ProductID]; ok {
			priced[product.ID] = product
		}
	}
	for _, r := range offer.Resellers {
		switch r.Status() {
		case models.ProgressWithdrawn, models.ProgressFailed:
			continue
		case models.ProgressLive:
		default:
			if offer.SubmittedAt == nil {
				r.Expect(priced, f.GoLive, f.Now)
			}
			live := f.Now
			if r.ExpectedLiveAt != nil {
				live = latest(live, *r.ExpectedLiveAt)
			}
			r.PublishedAt = &live
		}
		expected.Resellers = append(expected.Resellers, r)
	}
	return &expected
}

// warner collects the warnings of one offer.
type warner struct {
	*WarningFacts
	offer *models.PrivateOffer
	mine  *models.PrivateOffer // as it is expected to be
	draft bool
	told  []models.OfferWarning
}

// tell adds a warning. The resellers are all that it holds for.
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
	left := map[models.WarningCode]int{}
	for _, told := range w.told[models.MaxWarnings:] {
		left[told.Code]++
	}
	var counts []string
	for _, code := range models.WarningCodes {
		if left[code] > 0 {
			counts = append(counts, strconv.Itoa(left[code])+" "+string(code))
		}
	}
	rest := len(w.told) - models.MaxWarnings
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
	for i := range w.mine.Resellers {
		if r := &w.mine.Resellers[i]; r.PublishedAt.After(start.Start()) {
			late, by = append(late, r.ResellerTenantID), latest(by, *r.PublishedAt)
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
	if len(line.Absolute) == 0 && !slices.ContainsFunc(listing.plans, func(p plan) bool { return candidate{line: line}.covers(p.ID) && len(p.listed) > 0 }) {
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
		if !w.rivals(other) || !says(other, w.offer) {
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

// says tells whether x has every line of y for every reseller of y, in the same
// months.
func says(x, y *models.PrivateOffer) bool {
	if x.StartMonth != y.StartMonth || x.EndMonth != y.EndMonth {
		return false
	}
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
	resellers []string
}

func (m *met) add(at meeting, resellers []string) {
	m.meeting, m.resellers = m.and(at), append(m.resellers, resellers...)
}

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
	line  *models.PricingLine
	items *items
	// pairs has a place for each line of the others, those of an offer from first
	// on.
	pairs    []*pair
	first    map[*models.PrivateOffer]int
	theirs   map[*models.PricingLine]*items // what others price, once asked for
	shadowed met
	by       map[models.CompetingLine]bool // who shadows
	gaps     map[gap]*met
}

// compete holds every line against those of the publisher's other offers.
func (w *warner) compete() {
	first, theirs, lines := map[*models.PrivateOffer]int{}, map[*models.PricingLine]*items{}, 0
	others := w.expectOthers()
	for _, other := range others {
		first[other] = lines
		lines += len(other.Pricing)
	}
	dealt := classes(w.mine, others)
	for i := range w.mine.Pricing {
		line := &w.mine.Pricing[i]
		c := contest{w, line, w.Catalogue.itemsOf(line), make([]*pair, lines), first, theirs, met{}, map[models.CompetingLine]bool{}, map[gap]*met{}}
		for _, class := range dealt {
			c.hold(class)
		}
		w.tellShadowed(i, &c)
		for _, p := range c.pairs {
			w.tellPair(i, p)
		}
		w.tellGaps(i, c.gaps)
	}
}

// expectOthers are the publisher's other offers as they will be, those that have
// ended included.
func (w *warner) expectOthers() (others []*models.PrivateOffer) {
	for i := range w.Others {
		other := &w.Others[i]
		if other.SubmittedAt == nil || other.WithdrawnAt != nil || other.ID == w.offer.ID || other.PublisherID != w.offer.PublisherID {
			continue
		}
		expected := w.expect(other)
		// What was not published before its end never will be.
		expected.Resellers = slices.DeleteFunc(expected.Resellers, func(r models.OfferReseller) bool { return !r.PublishedAt.Before(other.EndMonth.End()) })
		others = append(others, expected)
	}
	return others
}

// hold is the contest for one class of resellers.
func (c *contest) hold(class *class) {
	own := candidate{class.mine, c.line}
	var beating []candidate
	for _, rival := range class.rivals {
		for l := range rival.offer.Pricing {
			theirs := candidate{rival.grant, &rival.offer.Pricing[l]}
			at := meet(own, theirs, c.items, c.Now)
			if !at.mine && !at.theirs {
				continue
			}
			p := c.pair(rival.offer, l)
			if at.theirs {
				beating = append(beating, theirs)
			}
			if !at.theirs && c.shadows(own, theirs) {
				p.shadowing.add(at, class.tenant)
			} else {
				p.overlaps.add(at, class.tenant)
			}
		}
	}
	if len(beating) > 0 && covered(own, beating, c.items, c.Now) {
		c.shadowed.add(meeting{from: latest(own.start, c.Now), to: own.end}, class.tenant)
		for _, theirs := range beating {
			c.by[models.CompetingLine{PrivateOfferID: theirs.offerID, PricingLine: theirs.line.Position}] = true
		}
	}
	c.findGaps(own, class)
}

func (c *contest) pair(offer *models.PrivateOffer, line int) *pair {
	place := &c.pairs[c.first[offer]+line]
	if *place == nil {
		*place = &pair{offer: offer, line: &offer.Pricing[line]}
	}
	return *place
}

// shadows tells whether own beats all that theirs could still price from then on.
func (c *contest) shadows(own, theirs candidate) bool {
	if own.end.Before(theirs.end) {
		return false
	}
	of, ok := c.theirs[theirs.line]
	if !ok {
		of = c.Catalogue.itemsOf(theirs.line)
		c.theirs[theirs.line] = of
	}
	return covered(theirs, []candidate{own}, of, latest(own.start, c.Now))
}

func (w *warner) tellShadowed(i int, c *contest) {
	m := &c.shadowed
	if len(m.resellers) == 0 {
		return
	}
	slices.Sort(m.resellers)
	told := w.tellOf(i, "", models.WarnShadowed, "can never count for "+count(len(m.resellers), "reseller")+
		": other offers beat it wherever it applies. Raise it, or leave it out", m.resellers)
	told.From, told.To = m.from, m.to
	names := map[string]string{}
	for offer := range c.first {
		names[offer.ID] = offer.Name
	}
	lines := slices.SortedFunc(maps.Keys(c.by), func(x, y models.CompetingLine) int {
		return cmp.Or(strings.Compare(x.PrivateOfferID, y.PrivateOfferID), cmp.Compare(x.PricingLine, y.PricingLine))
	})
	for i := range lines {
		lines[i].Name = names[lines[i].PrivateOfferID]
	}
	told.Others, told.OtherCount, told.Wins = lines[:min(len(lines), models.MaxWarned)], len(lines), models.OtherLine
}

func (w *warner) tellPair(i int, p *pair) {
	if p == nil {
		return
	}
	one := func(code models.WarningCode, m *met, wins models.WarningSide, message string) {
		if len(m.resellers) == 0 {
			return
		}
		slices.Sort(m.resellers)
		told := w.tellOf(i, "", code, message, m.resellers)
		told.From, told.To, told.Wins = m.from, m.to, wins
		told.Others, told.OtherCount = []models.CompetingLine{{PrivateOfferID: p.offer.ID, Name: p.offer.Name, PricingLine: p.line.Position}}, 1
	}
	theirs := "line " + strconv.Itoa(p.line.Position) + " of " + models.Quote(p.offer.Name)
	one(models.WarnShadows, &p.shadowing, models.ThisLine, theirs+" can no longer count once this is live")
	switch m := &p.overlaps; {
	case m.mine && m.theirs:
		one(models.WarnOverlaps, m, models.EachInPart, "competes with "+theirs+": each counts for part of what they share")
	case m.theirs:
		one(models.WarnOverlaps, m, models.OtherLine, "competes with "+theirs+", which counts while both last")
	default:
		one(models.WarnOverlaps, m, models.ThisLine, "competes with "+theirs+", and counts while both last")
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

// neighbour is a line of another offer.
type neighbour struct {
	candidate
	offer *models.PrivateOffer
}

// findGaps finds what lies between the line and those that it follows, or that
// follow it.
func (c *contest) findGaps(own candidate, class *class) {
	before, after := neighbours{}, neighbours{}
	for _, rival := range class.rivals {
		for l := range rival.offer.Pricing {
			theirs := neighbour{candidate{rival.grant, &rival.offer.Pricing[l]}, rival.offer}
			if theirs.line.ProductID != own.line.ProductID || !theirs.covers(own.line.PlanID) && !own.covers(theirs.line.PlanID) || !shareCustomers(own.grant, theirs.grant) {
				continue
			}
			plan := theirs.line.PlanID
			if last, known := before[plan]; theirs.start.Before(own.start) && (!known || theirs.end.After(last.end)) {
				before[plan] = theirs
			}
			if next, known := after[plan]; theirs.end.After(own.end) && (!known || theirs.start.Before(next.start)) {
				after[plan] = theirs
			}
		}
	}
	ahead := own.start.After(c.Now) && c.offer.StartMonth != 0
	for plan, last := range before {
		wider, known := before[""]
		if known && plan != "" && !wider.end.Before(last.end) || !ahead {
			continue // told of the product
		}
		if plan == "" && own.line.PlanID != "" && before[own.line.PlanID].grant != nil && before[own.line.PlanID].end.After(last.end) {
			continue // told of the plan
		}
		if last.end.Before(own.start) && models.MonthOf(last.end)+succession > c.offer.StartMonth {
			c.gap(last, class, last.end, own.start)
		}
	}
	for plan, next := range after {
		wider, known := after[""]
		if known && plan != "" && !wider.start.After(next.start) {
			continue
		}
		if plan == "" && own.line.PlanID != "" && after[own.line.PlanID].grant != nil && after[own.line.PlanID].start.Before(next.start) {
			continue
		}
		if next.start.After(own.end) && models.MonthOf(own.end)+succession > models.MonthOf(next.start) {
			c.gap(next, class, own.end, next.start)
		}
	}
}

func (c *contest) gap(other neighbour, class *class, from, to time.Time) {
	key := gap{models.CompetingLine{PrivateOfferID: other.offerID, Name: other.offer.Name, PricingLine: other.line.Position}, other.line.PlanID, from.Unix(), to.Unix()}
	if c.gaps[key] == nil {
		c.gaps[key] = &met{}
	}
	c.gaps[key].add(meeting{from: from, to: to}, class.tenant)
}

func (w *warner) tellGaps(i int, gaps map[gap]*met) {
	sorted := slices.SortedFunc(maps.Keys(gaps), func(x, y gap) int {
		return cmp.Or(cmp.Compare(x.from, y.from), strings.Compare(x.other.PrivateOfferID, y.other.PrivateOfferID), strings.Compare(x.plan, y.plan), cmp.Compare(x.to, y.to))
	})
	for _, g := range sorted {
		m := gaps[g]
		slices.Sort(m.resellers)
		span := m.from.Format(time.DateOnly) + " until " + m.to.Add(-time.Second).Format(time.DateOnly)
		message, field := "follows "+models.Quote(g.other.Name)+" after a gap", "startMonth"
		if m.from.Equal(w.mine.EndMonth.End()) {
			message, field = "is followed by "+models.Quote(g.other.Name)+" after a gap", "endMonth"
		}
		told := w.tellOf(i, "", models.WarnGap, message+": from "+span+" "+count(len(m.resellers), "reseller")+" will pay the list price", m.resellers)
		told.Field, told.From, told.To = []string{field}, m.from, m.to
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
