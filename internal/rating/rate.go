package rating

import (
	"slices"
	"strings"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// RateMonth yields every billing line of the month: subscription by
// subscription in order of id, its entitlement charges before its usage, usage
// by plan and meter. yield gets a line that is overwritten after it returns; it
// stops the walk by returning false.
//
// Facts that cannot be rated are returned, and make no line (D20): whoever
// totals the lines must refuse while there are any.
func (b *Book) RateMonth(month models.Month, yield func(*models.BillingLine) bool) []models.UnratedFact {
	r := rater{book: b, month: month, yield: yield, start: month.Start(), firstDay: month.FirstDay(), lastDay: month.LastDay()}
	buckets := b.bucketsOf(month)
	for i := range b.accounts {
		a := &b.accounts[i]
		// Buckets and accounts are both in order of subscription.
		for len(buckets) > 0 && buckets[0].SubscriptionID < a.ID {
			r.orphan(&buckets[0])
			buckets = buckets[1:]
		}
		n := 0
		for n < len(buckets) && buckets[n].SubscriptionID == a.ID {
			n++
		}
		if !r.account(a, buckets[:n]) {
			return r.unrated
		}
		buckets = buckets[n:]
	}
	for i := range buckets {
		r.orphan(&buckets[i])
	}
	return r.unrated
}

func (b *Book) bucketsOf(month models.Month) []models.Bucket {
	byMonth := func(k models.Bucket, m models.Month) int { return int(k.Month) - int(m) }
	from, _ := slices.BinarySearchFunc(b.buckets, month, byMonth)
	to, _ := slices.BinarySearchFunc(b.buckets, month+1, byMonth)
	return b.buckets[from:to]
}

// rater is the state of one walk through a month.
type rater struct {
	book              *Book
	month             models.Month
	start             time.Time
	firstDay, lastDay models.Date
	yield             func(*models.BillingLine) bool
	unrated           []models.UnratedFact
	line              models.BillingLine
	// exchange is the last exchange rate looked up: most lines ask for the same.
	exchange struct {
		pricing, billing money.Currency
		month            models.Month
		rate             money.Decimal
	}
}

func (r *rater) account(a *account, buckets []models.Bucket) bool {
	if len(a.violations) > 0 {
		r.refuse(a, "", "", "", models.CodeUnknownFact, a.violations.Error())
		return true
	}
	goOn := r.month < a.first || r.month > a.last || a.charges(r.month, func(c *charge) bool {
		r.entitlement(a, c)
		return r.finish(a, c.basis)
	})
	for i := range buckets {
		if !goOn {
			return false
		}
		r.usage(a, &buckets[i])
		goOn = r.finish(a, basis{r.month, models.ChargeUsage})
	}
	return goOn
}

// entitlement starts the line of an entitlement charge.
func (r *rater) entitlement(a *account, c *charge) {
	r.line = models.BillingLine{
		Key: c.key, ChargeType: c.key.ChargeType, ChargeStart: c.start, ChargeEnd: c.end,
		PlanID: a.PlanID, Term: c.period.Term, Billing: c.period.Billing,
		PricedAt: c.period.Purchase.OccurredAt, RecordedAt: c.period.Purchase.RecordedAt,
		Quantity: c.quantity, ProratedDays: c.prorated, CycleDays: c.cycle, Trial: c.period.Trial,
	}
}

// usage starts the line of a bucket. It is priced by the month of use (D3).
func (r *rater) usage(a *account, k *models.Bucket) {
	r.line = models.BillingLine{
		Key: models.LineKey{
			SubscriptionID: a.ID, ChargeType: models.ChargeUsage, PlanID: k.PlanID, MeterID: k.MeterID, Month: k.Month,
		},
		ChargeType: models.ChargeUsage, ChargeStart: r.firstDay, ChargeEnd: r.lastDay,
		PlanID: k.PlanID, MeterID: k.MeterID, PricedAt: r.start, Quantity: k.Quantity,
	}
}

// finish takes a started line through the one order of steps: parties, list
// price, margin, exchange rate, subtotals, fees.
func (r *rater) finish(a *account, by basis) bool {
	line := &r.line
	line.Month = r.month
	line.PublisherID, line.ResellerTenantID, line.IndirectResellerTenantID = a.PublisherID, a.ResellerTenantID, a.IndirectResellerTenantID
	line.CustomerTenantID, line.SubscriptionID, line.ProductID = a.CustomerTenantID, a.ID, a.ProductID
	line.Market, line.BillingCurrency = a.Market, a.Currency
	line.RoundingPolicy = money.DefaultPolicy
	if code, message := r.rate(a, by); code != "" {
		r.refuse(a, line.Key.Source, line.Key.ExternalID, line.MeterID, code, message)
		return true
	}
	return r.yield(line)
}

func (r *rater) rate(a *account, by basis) (models.Code, string) {
	line := &r.line
	if code, message := price(line, a); code != "" {
		return code, message
	}
	var err error
	if line.ExchangeRate, err = r.exchangeRate(line.PricingCurrency, line.BillingCurrency, by.month); err != nil {
		return models.CodeNoExchangeRate, err.Error()
	}
	if err = subtotals(line); err != nil {
		return models.CodeAmountTooLarge, err.Error()
	}
	return fee(line, a.fees, by)
}

// exchangeRate is the book's.
func (r *rater) exchangeRate(pricing, billing money.Currency, month models.Month) (money.Decimal, error) {
	if pricing == billing {
		return one, nil
	}
	if e := &r.exchange; e.pricing != pricing || e.billing != billing || e.month != month {
		rate, err := r.book.exchangeRate(pricing, billing, month)
		if err != nil {
			return one, err
		}
		e.pricing, e.billing, e.month, e.rate = pricing, billing, month, rate
	}
	return r.exchange.rate, nil
}

// price finds the list price and the margin of the line.
func price(line *models.BillingLine, a *account) (models.Code, string) {
	if line.Trial {
		line.PricingCurrency, line.MarginType = line.BillingCurrency, models.MarginNone
		return "", ""
	}
	what := whatOf(line)
	list, ok := a.listing.price(&what, models.MonthOf(line.PricedAt))
	if !ok {
		return models.CodeNoListPrice, "no list price of " + what.String() + " in " + models.MonthOf(line.PricedAt).String() + ": import one"
	}
	line.PricingCurrency, line.ListUnitPrice = list.Currency, list.UnitPrice
	line.UnitPrice, line.MarginType = list.UnitPrice, models.MarginNone
	if line.MeterID != "" {
		meter, ok := a.listing.meters[line.MeterID]
		if !ok {
			return models.CodeUnknownFact, "meter " + line.MeterID + " is not in the catalogue"
		}
		if line.Infrastructure = meter.Infrastructure; line.Infrastructure {
			return "", "" // D5: never a margin
		}
	}
	q := ask(&what, list, line.CustomerTenantID, line.PricedAt, line.RecordedAt)
	if winner, ok := best(a.candidates, &q); ok {
		line.UnitPrice = winner.unitPrice
		line.MarginType, line.MarginPercentage = winner.marginType(), winner.line.Percentage
		line.PrivateOfferID, line.PricingLine = winner.offerID, winner.line.Position
	}
	return "", ""
}

func whatOf(line *models.BillingLine) What {
	return What{line.ProductID, line.PlanID, line.MeterID, line.Term, line.Billing, line.Market, line.BillingCurrency}
}

// subtotals rounds list and wholesale, each from its own unit price; the margin
// amount is their difference and never rounded itself (D11).
func subtotals(line *models.BillingLine) error {
	list, err := extend(line, line.ListUnitPrice).Round(line.RoundingPolicy)
	if err != nil {
		return err
	}
	wholesale := list
	if line.UnitPrice != line.ListUnitPrice {
		if wholesale, err = extend(line, line.UnitPrice).Round(line.RoundingPolicy); err != nil {
			return err
		}
	}
	margin, err := list.Sub(wholesale)
	if err != nil {
		return err
	}
	line.ListSubtotal, line.WholesaleSubtotal, line.MarginAmount = list.Minor, wholesale.Minor, margin.Minor
	return nil
}

// extend is the charge of the line at a unit price, before rounding.
func extend(line *models.BillingLine, unitPrice money.Decimal) money.Charge {
	return money.Charge{
		UnitPrice: unitPrice, Quantity: line.Quantity, Rate: line.ExchangeRate,
		Numerator: int64(line.ProratedDays), Denominator: int64(line.CycleDays),
		Pricing: line.PricingCurrency, Billing: line.BillingCurrency,
	}
}

// fee splits the wholesale subtotal (D13). Infrastructure is the platform's
// whole (D5).
func fee(line *models.BillingLine, fees []models.AgencyFeeRate, by basis) (models.Code, string) {
	if line.Infrastructure {
		line.InfrastructureFee = line.WholesaleSubtotal
		return "", ""
	}
	rate, ok := agencyFeeRate(fees, line.PrivateOfferID, by)
	if !ok {
		return models.CodeNoAgencyFee, "no agency fee rate for " + by.month.String()
	}
	amount, err := money.Fee(rate, money.Amount{Minor: line.WholesaleSubtotal, Currency: line.BillingCurrency})
	if err != nil {
		return models.CodeAmountTooLarge, err.Error()
	}
	line.AgencyFeeRate, line.AgencyFee = rate, amount.Minor
	line.Payout = line.WholesaleSubtotal - amount.Minor
	return "", ""
}

func (r *rater) refuse(a *account, source, externalID, meter string, code models.Code, message string) {
	r.unrated = append(r.unrated, models.UnratedFact{
		Month: r.month, ResellerTenantID: a.ResellerTenantID, PublisherID: a.PublisherID, SubscriptionID: a.ID,
		PlanID: a.PlanID, BillingCurrency: a.Currency, Source: source, ExternalID: externalID, MeterID: meter, Code: code, Message: message,
	})
}

func (r *rater) orphan(k *models.Bucket) {
	r.unrated = append(r.unrated, models.UnratedFact{
		Month: r.month, ResellerTenantID: k.ResellerTenantID, PublisherID: k.PublisherID, SubscriptionID: k.SubscriptionID,
		PlanID: k.PlanID, MeterID: k.MeterID, Code: models.CodeUnknownFact, Message: "its subscription is not known",
	})
}

// String names the price for people.
func (w *What) String() string {
	var s strings.Builder
	s.WriteString("plan " + w.PlanID + " of product " + w.ProductID)
	if w.MeterID != "" {
		s.WriteString(", meter " + w.MeterID)
	}
	if w.Term != models.TermNone {
		s.WriteString(", term " + string(w.Term) + " billed " + string(w.Billing))
	}
	s.WriteString(", market " + w.Market)
	return s.String()
}

// Sold names the offer that wins a purchase or renewal, or the usage of a
// meter in a month, as of now (D9). ok is false at list price.
func (x *Index) Sold(what What, reseller, customer string, at, recordedAt time.Time) (offerID string, ok bool) {
	listing := x.listing(what.ProductID)
	list, found := listing.price(&what, models.MonthOf(at))
	if !found || listing.infrastructure(what.MeterID) {
		return "", false
	}
	q := ask(&what, list, customer, at, recordedAt)
	winner, ok := best(x.shelf(reseller, what.ProductID).of(what.PlanID), &q)
	if !ok {
		return "", false
	}
	return winner.offerID, true
}
