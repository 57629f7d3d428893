package rating_test

// The oracle: from facts to billing lines a second time, written from the rules
// alone and without internal/money's arithmetic. It is meant to be obviously
// right: one pass over purchases, one over charges, fractions of math/big, and
// a linear search wherever something is looked up.

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"time"

	"sellthrough/internal/rating"
	"sellthrough/models"
)

// expected is what the rules say a billing line is. Every number is text, so
// that lines compare with == and print well.
type expected struct {
	Month, ChargeType, Start, End                    string
	Publisher, Reseller, Customer, Subscription      string
	Product, Plan, Meter, Market                     string
	Infrastructure, Trial                            bool
	Quantity, ListUnitPrice, UnitPrice, ExchangeRate string
	Share                                            string // of the cycle, "1" for the whole
	PricingCurrency, BillingCurrency                 string
	MarginType, Percentage, Offer                    string
	Line                                             int
	List, Margin, Wholesale                          int64
	FeeRate                                          string
	AgencyFee, InfrastructureFee, Payout             int64
	PricedAt                                         string
}

// expectedUnrated is one charge that the rules refuse to rate (D20).
type expectedUnrated struct {
	Month, Subscription, Meter string
	Code                       models.Code
}

func rat(d fmt.Stringer) *big.Rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic("not a number: " + d.String())
	}
	return r
}

// round brings x to whole multiples of 10^-digits and returns how many: toward
// zero, or to the nearest with halves to even.
func round(x *big.Rat, digits int, halfEven bool) *big.Int {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	scaled := new(big.Rat).Mul(x, new(big.Rat).SetInt(scale))
	quotient, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int)) // toward zero
	if halfEven {
		twice := new(big.Int).Abs(new(big.Int).Lsh(rest, 1))
		switch twice.Cmp(scaled.Denom()) {
		case 1:
			quotient.Add(quotient, big.NewInt(int64(scaled.Sign())))
		case 0:
			if quotient.Bit(0) == 1 {
				quotient.Add(quotient, big.NewInt(int64(scaled.Sign())))
			}
		}
	}
	return quotient
}

var oracleMinorDigits = map[string]int{"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}

// Days are midnights, months "2006-01".
func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
func monthOf(t time.Time) string  { return t.UTC().Format("2006-01") }

// addMonths keeps the day of the anchor where the month has it (D15).
func addMonths(anchor time.Time, months int) time.Time {
	first := time.Date(anchor.Year(), anchor.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, months, 0)
	last := first.AddDate(0, 1, -1)
	return first.AddDate(0, 0, min(anchor.Day(), last.Day())-1)
}

func days(first, last time.Time) int64 { return int64(last.Sub(first)/(24*time.Hour)) + 1 }

// A commitment is one term: who bought it, its charge cycles, and what happened
// inside it.
type commitment struct {
	bought         models.Purchase
	first, last    time.Time // days, both inclusive; last is zero for "no end"
	cycles         [][2]time.Time
	trial, metered bool
	term           models.Term
	billing        models.Billing
	anchor         time.Time
	anchorMonths   int // months from anchor to the day after last
	quantity       *big.Rat
	changes        []change
	cancelled      *models.Purchase
	refunded       bool
}

type change struct {
	purchase      models.Purchase
	before, after *big.Rat
}

func (c *commitment) now() *big.Rat {
	if len(c.changes) > 0 {
		return c.changes[len(c.changes)-1].after
	}
	return c.quantity
}

func (c *commitment) runsAt(at time.Time) bool {
	day := dayOf(at)
	if day.Before(c.first) || !c.last.IsZero() && day.After(c.last) {
		return false
	}
	return c.cancelled == nil || at.Before(c.cancelled.OccurredAt)
}

var oracleTermMonths = map[models.Term]int{"P1M": 1, "P1Y": 12, "P2Y": 24, "P3Y": 36}

// lay puts the charge cycles of a term that begins months after its anchor.
func (c *commitment) lay(anchor time.Time, months int) {
	length := oracleTermMonths[c.term]
	step := map[models.Billing]int{"UPFRONT": length, "MONTHLY": 1, "ANNUAL": 12}[c.billing]
	for m := 0; m < length; m += step {
		c.cycles = append(c.cycles, [2]time.Time{addMonths(anchor, months+m), addMonths(anchor, months+m+step).AddDate(0, 0, -1)})
	}
	c.anchor, c.anchorMonths = anchor, months+length
	c.last = addMonths(anchor, months+length).AddDate(0, 0, -1)
}

// commitments folds the purchases of a subscription (D17, D18). ok is false
// where they contradict each other.
func commitments(s models.Subscription, refunds models.RefundPolicy) (list []*commitment, ok bool) {
	purchases := slices.Clone(s.Purchases)
	rank := map[models.Action]int{"new": 0, "renew": 1, "addQuantity": 2, "removeQuantity": 3, "cancelImmediate": 4}
	slices.SortFunc(purchases, func(a, b models.Purchase) int {
		return cmp.Or(a.OccurredAt.Compare(b.OccurredAt), cmp.Compare(rank[a.Action], rank[b.Action]),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.ExternalID, b.ExternalID))
	})
	for _, p := range purchases {
		if (p.Action == "new") != (len(list) == 0) {
			return list, false
		}
		var running *commitment
		for _, c := range list {
			if c.runsAt(p.OccurredAt) {
				running = c
			}
		}
		switch p.Action {
		case "new":
			c := &commitment{bought: p, first: dayOf(p.OccurredAt), term: p.Term, billing: p.Billing, quantity: rat(p.Quantity)}
			if c.quantity.Sign() == 0 {
				c.quantity = big.NewRat(1, 1)
			}
			switch {
			case s.PricingModel == models.Usage:
				c.metered = true
			case s.TrialDays > 0:
				c.trial = true
				c.last = c.first.AddDate(0, 0, s.TrialDays-1)
			default:
				c.lay(c.first, 0)
			}
			list = append(list, c)
		case "renew":
			previous := list[len(list)-1]
			if previous.metered || previous.cancelled != nil || previous.first.After(dayOf(p.OccurredAt)) {
				return list, false
			}
			c := &commitment{bought: p, term: cmp.Or(p.Term, previous.term), billing: cmp.Or(p.Billing, previous.billing), quantity: rat(p.Quantity)}
			if c.quantity.Sign() == 0 {
				c.quantity = previous.now()
			}
			c.first = previous.last.AddDate(0, 0, 1)
			switch late := dayOf(p.OccurredAt).After(c.first); {
			case late:
				c.first = dayOf(p.OccurredAt)
				c.lay(c.first, 0)
			case previous.trial:
				c.lay(c.first, 0)
			default:
				c.lay(previous.anchor, previous.anchorMonths)
			}
			list = append(list, c)
		case "addQuantity", "removeQuantity":
			if running == nil || running.metered || s.PricingModel != models.PerUser {
				return list, false
			}
			before, delta := running.now(), rat(p.Quantity)
			if p.Action == "removeQuantity" {
				delta.Neg(delta)
				if after := new(big.Rat).Add(before, delta); after.Sign() <= 0 {
					return list, false
				}
				if !mayRemove(running, p, refunds) {
					return list, false
				}
			}
			running.changes = append(running.changes, change{p, before, new(big.Rat).Add(before, delta)})
		case "cancelImmediate":
			if running == nil {
				return list, false
			}
			for _, c := range list {
				if c != running && !c.first.After(running.first) {
					continue
				}
				window := refunds.Longer
				if c.term == models.P1M {
					window = refunds.Monthly
				}
				since := c.bought.OccurredAt
				if since.Before(c.first) {
					since = c.first
				}
				cancel := p
				c.cancelled = &cancel
				notBegun := c != running
				inTime := p.OccurredAt.Sub(since) <= window
				c.refunded = notBegun || inTime && !c.trial && !c.metered
			}
		}
	}
	return list, true
}

// mayRemove holds the seats removed to those bought within the window (D19).
func mayRemove(c *commitment, p models.Purchase, refunds models.RefundPolicy) bool {
	since := c.bought.OccurredAt
	if since.Before(c.first) {
		since = c.first
	}
	if p.OccurredAt.Sub(since) <= refunds.Seats {
		return true
	}
	old := c.quantity
	for _, ch := range c.changes {
		if p.OccurredAt.Sub(ch.purchase.OccurredAt) > refunds.Seats {
			old = ch.after
		}
	}
	young := new(big.Rat).Sub(c.now(), old)
	return rat(p.Quantity).Cmp(young) <= 0
}

// charge is one line before it has a price.
type charge struct {
	kind        string
	month       string
	first, last time.Time
	quantity    *big.Rat
	days, of    int64
	reverses    *charge
}

// charges lists what a commitment is billed, in the order of its life.
func (c *commitment) charges() (list []*charge) {
	if c.metered {
		return nil
	}
	if c.trial {
		return []*charge{{kind: "new", month: monthOf(c.bought.OccurredAt), first: c.first, last: c.last, quantity: c.quantity, days: 1, of: 1}}
	}
	for k, cycle := range c.cycles {
		made := charge{kind: "cycleCharge", month: monthOf(cycle[0]), first: cycle[0], last: cycle[1], quantity: c.quantity, days: 1, of: 1}
		if k == 0 {
			made.kind, made.month = string(c.bought.Action), monthOf(c.bought.OccurredAt)
		} else if c.cancelled != nil && !cycle[0].Before(c.cancelled.OccurredAt) {
			break
		}
		for _, ch := range c.changes {
			if k > 0 && ch.purchase.OccurredAt.Before(cycle[0]) {
				made.quantity = ch.after
			}
		}
		list = append(list, &made)
	}
	for _, ch := range c.changes {
		day := dayOf(ch.purchase.OccurredAt)
		for _, cycle := range c.cycles {
			if day.Before(cycle[0]) || day.After(cycle[1]) {
				continue
			}
			credit := charge{kind: string(ch.purchase.Action), month: monthOf(day), first: day, last: cycle[1],
				quantity: new(big.Rat).Neg(ch.before), days: days(day, cycle[1]), of: days(cycle[0], cycle[1])}
			debit := credit
			debit.quantity = ch.after
			list = append(list, &credit, &debit)
		}
	}
	if c.refunded {
		for _, made := range slices.Clone(list) {
			back := *made
			back.kind, back.month, back.reverses = "cancelImmediate", monthOf(c.cancelled.OccurredAt), made
			list = append(list, &back)
		}
	}
	return list
}

// listPrice is the price of one charge in force in a month (rules 3.3): the
// plan's own, for meters else the product's.
func listPrice(f rating.Facts, product, plan, meter string, term models.Term, billing models.Billing, market, month string) (models.Price, bool) {
	for _, level := range []string{plan, ""} {
		if level == "" && meter == "" {
			break
		}
		var best models.Price
		for _, p := range f.Prices {
			if p.ProductID == product && p.PlanID == level && p.MeterID == meter && p.Term == term && p.Billing == billing &&
				p.Market == market && p.EffectiveFrom.String() <= month && p.EffectiveFrom >= best.EffectiveFrom {
				best = p
			}
		}
		if best.EffectiveFrom != 0 {
			return best, true
		}
	}
	return models.Price{}, false
}

// win is the pricing line that counts, or none (zero Offer).
type win struct {
	kind, percentage, offer string
	line                    int
	price                   *big.Rat
	goLive, submit          time.Time
	hundredths              int64
}

// bestMargin chooses among all pricing lines (D1). at is the purchase's instant,
// or for consumption any instant of the month of use; recorded is when the
// purchase came in.
func bestMargin(f rating.Facts, list models.Price, product, plan string, reseller, customer string, at, recorded time.Time, consumption bool) win {
	none := win{kind: "NONE", percentage: "0", price: rat(list.UnitPrice)}
	for _, m := range f.Meters {
		if m.ProductID == product && m.ID == list.MeterID && m.Infrastructure {
			return none // D5
		}
	}
	var absolutes, percentages []win
	for _, o := range f.Offers {
		for _, r := range o.Resellers {
			if r.ResellerTenantID != reseller || r.PublishedAt == nil || o.SubmittedAt == nil {
				continue
			}
			if len(r.CustomerTenantIDs) > 0 && !slices.Contains(r.CustomerTenantIDs, customer) {
				continue
			}
			gone := func(w *time.Time) bool { return w != nil && (consumption || recorded.After(*w)) } // D9
			if gone(o.WithdrawnAt) || gone(r.WithdrawnAt) {
				continue
			}
			if !inWindow(o, *r.PublishedAt, at, consumption) {
				continue
			}
			for _, l := range o.Pricing {
				if l.ProductID != product || l.PlanID != "" && l.PlanID != plan {
					continue
				}
				w := win{offer: o.ID, line: l.Position, goLive: *r.PublishedAt, submit: *o.SubmittedAt, hundredths: int64(l.Percentage)}
				if len(l.Absolute) == 0 {
					w.kind, w.percentage = "PERCENTAGE", l.Percentage.String()
					w.price = new(big.Rat).Mul(rat(list.UnitPrice), big.NewRat(10000-w.hundredths, 10000))
					percentages = append(percentages, w)
				}
				for _, a := range l.Absolute {
					if a.Market == list.Market && a.Currency == list.Currency && a.Term == list.Term && a.Billing == list.Billing && a.MeterID == list.MeterID {
						w.kind, w.percentage, w.price = "CUSTOM_PRICE", "0", rat(a.UnitPrice)
						absolutes = append(absolutes, w)
					}
				}
			}
		}
	}
	tie := func(a, b win) int {
		return cmp.Or(a.goLive.Compare(b.goLive), a.submit.Compare(b.submit), cmp.Compare(a.offer, b.offer), cmp.Compare(a.line, b.line))
	}
	switch {
	case len(absolutes) > 0:
		return slices.MinFunc(absolutes, func(a, b win) int { return cmp.Or(a.price.Cmp(b.price), tie(a, b)) })
	case len(percentages) > 0:
		return slices.MinFunc(percentages, func(a, b win) int { return cmp.Or(cmp.Compare(b.hundredths, a.hundredths), tie(a, b)) })
	}
	return none
}

// inWindow is D4.
func inWindow(o models.PrivateOffer, goLive, at time.Time, consumption bool) bool {
	month := monthOf(at)
	if month > o.EndMonth.String() {
		return false
	}
	switch {
	case o.StartMonth != 0:
		return month >= o.StartMonth.String()
	case consumption:
		return month >= monthOf(goLive)
	}
	return !at.Before(goLive)
}

// feeRate is D13: offer, product, publisher, default; then a named charge type;
// then the later date.
func feeRate(f rating.Facts, publisher, product, offer, kind, month string) (*big.Rat, bool) {
	var best models.AgencyFeeRate
	var bestRank []int
	for _, r := range f.AgencyFees {
		if r.EffectiveFrom.String() > month || r.PrivateOfferID != "" && r.PrivateOfferID != offer ||
			r.ProductID != "" && r.ProductID != product || r.PublisherID != "" && r.PublisherID != publisher ||
			r.ChargeType != "" && string(r.ChargeType) != kind {
			continue
		}
		rank := []int{0, 0, int(r.EffectiveFrom)}
		switch {
		case r.PrivateOfferID != "":
			rank[0] = 3
		case r.ProductID != "":
			rank[0] = 2
		case r.PublisherID != "":
			rank[0] = 1
		}
		if r.ChargeType != "" {
			rank[1] = 1
		}
		if bestRank == nil || slices.Compare(rank, bestRank) > 0 {
			best, bestRank = r, rank
		}
	}
	if bestRank == nil {
		return nil, false
	}
	return rat(best.Rate), true
}

// exchange is D16: pricing over billing in US dollars, 20 digits, half-even.
func exchange(f rating.Facts, pricing, billing, month string) (*big.Rat, bool) {
	if pricing == billing {
		return big.NewRat(1, 1), true
	}
	usd := func(currency string) *big.Rat {
		if currency == "USD" {
			return big.NewRat(1, 1)
		}
		for _, r := range f.ExchangeRates {
			if string(r.Currency) == currency && r.Month.String() == month {
				return rat(r.USDPerUnit)
			}
		}
		return nil
	}
	p, b := usd(pricing), usd(billing)
	if p == nil || b == nil {
		return nil, false
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)
	return new(big.Rat).SetFrac(round(new(big.Rat).Quo(p, b), 20, true), scale), true
}

// text writes a fraction so that equal numbers are equal texts.
func text(x *big.Rat) string { return x.RatString() }

// oracle is every line and every refusal of all months.
func oracle(f rating.Facts) (lines []expected, unrated []expectedUnrated) {
	for _, s := range f.Subscriptions {
		base := expected{Publisher: s.PublisherID, Reseller: s.ResellerTenantID, Customer: s.CustomerTenantID, Subscription: s.ID,
			Product: s.ProductID, Plan: s.PlanID, Market: s.Market, BillingCurrency: string(s.Currency)}
		terms, _ := commitments(s, f.Refunds)
		for _, c := range terms {
			lines, unrated = oracleTerm(f, s, base, c, lines, unrated)
		}
	}
	for _, b := range f.Buckets {
		i := slices.IndexFunc(f.Subscriptions, func(s models.Subscription) bool { return s.ID == b.SubscriptionID })
		s := f.Subscriptions[i]
		line := expected{Publisher: s.PublisherID, Reseller: s.ResellerTenantID, Customer: s.CustomerTenantID, Subscription: s.ID,
			Product: s.ProductID, Plan: b.PlanID, Meter: b.MeterID, Market: s.Market, BillingCurrency: string(s.Currency), ChargeType: "usage",
			Month: b.Month.String(), Start: b.Month.String() + "-01", End: b.Month.Start().AddDate(0, 1, -1).Format(time.DateOnly)}
		for _, m := range f.Meters {
			if m.ProductID == s.ProductID && m.ID == b.MeterID {
				line.Infrastructure = m.Infrastructure
			}
		}
		list, ok := listPrice(f, s.ProductID, b.PlanID, b.MeterID, "", "", s.Market, b.Month.String())
		if !ok {
			unrated = append(unrated, expectedUnrated{b.Month.String(), s.ID, b.MeterID, models.CodeNoListPrice})
			continue
		}
		at := b.Month.Start()
		margin := bestMargin(f, list, s.ProductID, b.PlanID, s.ResellerTenantID, s.CustomerTenantID, at, at, true)
		if code := line.price(f, list, margin, rat(b.Quantity), 1, 1, at); code != "" {
			unrated = append(unrated, expectedUnrated{b.Month.String(), s.ID, b.MeterID, code})
			continue
		}
		lines = append(lines, line)
	}
	return lines, unrated
}

func oracleTerm(f rating.Facts, s models.Subscription, base expected, c *commitment, lines []expected, unrated []expectedUnrated) ([]expected, []expectedUnrated) {
	at := c.bought.OccurredAt
	list, priced := listPrice(f, s.ProductID, s.PlanID, "", c.term, c.billing, s.Market, monthOf(at))
	margin := bestMargin(f, list, s.ProductID, s.PlanID, s.ResellerTenantID, s.CustomerTenantID, at, c.bought.RecordedAt, false)
	made, refused := map[*charge]expected{}, map[*charge]models.Code{}
	for _, ch := range c.charges() {
		line := base
		line.Month, line.ChargeType = ch.month, ch.kind
		line.Start, line.End = ch.first.Format(time.DateOnly), ch.last.Format(time.DateOnly)
		code := models.Code("")
		switch {
		case c.trial:
			line.trial(c.quantity, at)
		case !priced:
			code = models.CodeNoListPrice
		case ch.reverses != nil:
			original, ok := made[ch.reverses]
			if !ok { // what it reverses cannot be rated, so neither can this
				code = refused[ch.reverses]
				break
			}
			line = original.negative()
			line.Month, line.ChargeType = ch.month, ch.kind
		default:
			code = line.price(f, list, margin, ch.quantity, ch.days, ch.of, at)
		}
		if code != "" {
			refused[ch] = code
			unrated = append(unrated, expectedUnrated{ch.month, s.ID, "", code})
			continue
		}
		made[ch] = line
		lines = append(lines, line)
	}
	return lines, unrated
}

func (l *expected) trial(quantity *big.Rat, at time.Time) {
	l.Trial = true
	l.Quantity, l.PricedAt = text(quantity), at.UTC().Format(time.RFC3339Nano)
	l.Share, l.MarginType, l.Percentage = "1", "NONE", "0"
	l.ListUnitPrice, l.UnitPrice = "0", "0"
}

// price fills in the money (D11, D13, D16).
func (l *expected) price(f rating.Facts, list models.Price, margin win, quantity *big.Rat, days, of int64, at time.Time) models.Code {
	rate, ok := exchange(f, string(list.Currency), l.BillingCurrency, l.Month)
	if !ok {
		return models.CodeNoExchangeRate
	}
	fee, ok := feeRate(f, l.Publisher, l.Product, margin.offer, l.ChargeType, l.Month)
	if l.Infrastructure {
		fee, ok = new(big.Rat), true
	}
	if !ok {
		return models.CodeNoAgencyFee
	}
	fits := true
	amount := func(unitPrice *big.Rat) int64 {
		exact := new(big.Rat).Mul(unitPrice, quantity)
		exact.Mul(exact, big.NewRat(days, of)).Mul(exact, rate)
		minor := round(exact, oracleMinorDigits[l.BillingCurrency], false)
		fits = fits && minor.IsInt64()
		return minor.Int64()
	}
	l.List, l.Wholesale = amount(rat(list.UnitPrice)), amount(margin.price)
	if !fits {
		return models.CodeAmountTooLarge // refused, never cut (D11)
	}
	l.Margin = l.List - l.Wholesale
	if l.Infrastructure {
		l.InfrastructureFee = l.Wholesale
	} else {
		l.AgencyFee = round(new(big.Rat).Mul(fee, new(big.Rat).SetInt64(l.Wholesale)), 0, true).Int64()
	}
	l.Payout = l.Wholesale - l.AgencyFee - l.InfrastructureFee
	l.PricingCurrency, l.ExchangeRate, l.FeeRate = string(list.Currency), text(rate), text(fee)
	l.Quantity, l.ListUnitPrice, l.UnitPrice = text(quantity), rat(list.UnitPrice).RatString(), text(margin.price)
	l.Share = text(big.NewRat(days, of))
	l.MarginType, l.Percentage, l.Offer, l.Line = margin.kind, margin.percentage, margin.offer, margin.line
	l.PricedAt = at.UTC().Format(time.RFC3339Nano)
	return ""
}

func (l expected) negative() expected {
	quantity, _ := new(big.Rat).SetString(l.Quantity)
	l.Quantity = text(quantity.Neg(quantity))
	for _, amount := range []*int64{&l.List, &l.Margin, &l.Wholesale, &l.AgencyFee, &l.InfrastructureFee, &l.Payout} {
		*amount = -*amount
	}
	return l
}

// observed is a line of the code under test in the oracle's words.
func observed(l *models.BillingLine) expected {
	share := "1"
	if l.CycleDays != 0 {
		share = text(big.NewRat(int64(l.ProratedDays), int64(l.CycleDays)))
	}
	e := expected{
		Month: l.Month.String(), ChargeType: string(l.ChargeType), Start: l.ChargeStart.String(), End: l.ChargeEnd.String(),
		Publisher: l.PublisherID, Reseller: l.ResellerTenantID, Customer: l.CustomerTenantID, Subscription: l.SubscriptionID,
		Product: l.ProductID, Plan: l.PlanID, Meter: l.MeterID, Market: l.Market, Infrastructure: l.Infrastructure, Trial: l.Trial,
		Quantity: text(rat(l.Quantity)), ListUnitPrice: text(rat(l.ListUnitPrice)), UnitPrice: text(rat(l.UnitPrice)),
		ExchangeRate: text(rat(l.ExchangeRate)), Share: share,
		PricingCurrency: string(l.PricingCurrency), BillingCurrency: string(l.BillingCurrency),
		MarginType: string(l.MarginType), Percentage: l.MarginPercentage.String(), Offer: l.PrivateOfferID, Line: l.PricingLine,
		List: l.ListSubtotal, Margin: l.MarginAmount, Wholesale: l.WholesaleSubtotal,
		FeeRate: text(rat(l.AgencyFeeRate)), AgencyFee: l.AgencyFee, InfrastructureFee: l.InfrastructureFee, Payout: l.Payout,
		PricedAt: l.PricedAt.UTC().Format(time.RFC3339Nano),
	}
	if l.Trial { // a trial has no price, so nothing to convert or to charge a fee on
		e.PricingCurrency, e.ExchangeRate, e.FeeRate = "", "", ""
	}
	return e
}
