package rating

import (
	"cmp"
	"slices"
	"strings"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// Facts are what a Book is built from. The slices may come in any order and
// are not changed. Facts about other resellers or months do no harm.
type Facts struct {
	Products      []models.Product
	Plans         []models.Plan
	Meters        []models.Meter
	Prices        []models.Price
	Offers        []models.PrivateOffer
	Subscriptions []models.Subscription
	Buckets       []models.Bucket
	ExchangeRates []models.ExchangeRate
	AgencyFees    []models.AgencyFeeRate
	Refunds       models.RefundPolicy
}

// Book is a set of facts, indexed to answer what a month comes to and which
// margin applies. It is immutable and safe for concurrent use.
type Book struct {
	products map[string]*models.Product
	plans    map[string][]*models.Plan // by product
	meters   map[meterKey]*models.Meter
	prices   map[priceKey][]models.Price // by effective month
	priced   map[string][]priceKey       // the keys of a product, sorted
	rates    map[rateKey]money.Decimal
	fees     []models.AgencyFeeRate
	lines    map[marginKey][]candidate
	accounts []account // by subscription id
	buckets  []models.Bucket
}

type meterKey struct{ product, meter string }

type priceKey struct {
	product, plan, meter string
	term                 models.Term
	billing              models.Billing
	market               string
	currency             money.Currency
}

type rateKey struct {
	currency money.Currency
	month    models.Month
}

type marginKey struct{ reseller, product string }

// account is a subscription with its life.
type account struct {
	*models.Subscription
	timeline   models.Timeline
	violations models.Violations
}

// NewBook indexes facts.
func NewBook(facts Facts) *Book {
	b := &Book{
		products: make(map[string]*models.Product, len(facts.Products)),
		plans:    map[string][]*models.Plan{},
		meters:   make(map[meterKey]*models.Meter, len(facts.Meters)),
		prices:   make(map[priceKey][]models.Price, len(facts.Prices)),
		priced:   map[string][]priceKey{},
		rates:    make(map[rateKey]money.Decimal, len(facts.ExchangeRates)),
		fees:     slices.Clone(facts.AgencyFees),
		lines:    map[marginKey][]candidate{},
		accounts: make([]account, len(facts.Subscriptions)),
	}
	for i := range facts.Products {
		b.products[facts.Products[i].ID] = &facts.Products[i]
	}
	for i := range facts.Plans {
		p := &facts.Plans[i]
		b.plans[p.ProductID] = append(b.plans[p.ProductID], p)
	}
	for _, plans := range b.plans {
		slices.SortFunc(plans, func(x, y *models.Plan) int { return strings.Compare(x.ID, y.ID) })
	}
	for i := range facts.Meters {
		m := &facts.Meters[i]
		b.meters[meterKey{m.ProductID, m.ID}] = m
	}
	for _, r := range facts.ExchangeRates {
		b.rates[rateKey{r.Currency, r.Month}] = r.USDPerUnit
	}
	b.indexPrices(facts.Prices)
	b.indexOffers(facts.Offers)
	for i := range facts.Subscriptions {
		a := account{Subscription: &facts.Subscriptions[i]}
		a.timeline, a.violations = a.Timeline(facts.Refunds)
		b.accounts[i] = a
	}
	slices.SortFunc(b.accounts, func(x, y account) int { return strings.Compare(x.ID, y.ID) })
	b.buckets = facts.Buckets
	if !slices.IsSortedFunc(b.buckets, compareBuckets) {
		b.buckets = slices.Clone(b.buckets)
		slices.SortFunc(b.buckets, compareBuckets)
	}
	return b
}

// compareBuckets is the order in which the lines of buckets come.
func compareBuckets(x, y models.Bucket) int {
	return cmp.Or(
		cmp.Compare(x.Month, y.Month),
		strings.Compare(x.SubscriptionID, y.SubscriptionID),
		strings.Compare(x.PlanID, y.PlanID),
		strings.Compare(x.MeterID, y.MeterID),
	)
}

func (b *Book) indexPrices(prices []models.Price) {
	for _, p := range prices {
		key := priceKey{p.ProductID, p.PlanID, p.MeterID, p.Term, p.Billing, p.Market, p.Currency}
		if b.prices[key] == nil {
			b.priced[p.ProductID] = append(b.priced[p.ProductID], key)
		}
		b.prices[key] = append(b.prices[key], p)
	}
	for _, entries := range b.prices {
		slices.SortFunc(entries, func(x, y models.Price) int { return cmp.Compare(x.EffectiveFrom, y.EffectiveFrom) })
	}
	for _, keys := range b.priced {
		slices.SortFunc(keys, comparePriceKeys)
	}
}

func comparePriceKeys(x, y priceKey) int {
	return cmp.Or(
		strings.Compare(x.plan, y.plan),
		strings.Compare(x.meter, y.meter),
		cmp.Compare(x.term.Months(), y.term.Months()),
		strings.Compare(string(x.billing), string(y.billing)),
		strings.Compare(x.market, y.market),
		strings.Compare(string(x.currency), string(y.currency)),
	)
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

// listPrice finds the list price in force in the month. A meter without a
// price of its own in the plan takes the product's.
func (b *Book) listPrice(what What, month models.Month) (models.Price, bool) {
	if p, ok := b.listPriceOf(what, month); ok || what.MeterID == "" {
		return p, ok
	}
	what.PlanID = ""
	return b.listPriceOf(what, month)
}

func (b *Book) listPriceOf(what What, month models.Month) (models.Price, bool) {
	key := priceKey{what.ProductID, what.PlanID, what.MeterID, what.Term, what.Billing, what.Market, what.Currency}
	if p, ok := models.PriceAt(b.prices[key], month); ok {
		return p, true
	}
	for _, k := range b.priced[what.ProductID] {
		key.currency = k.currency
		if k == key {
			if p, ok := models.PriceAt(b.prices[k], month); ok {
				return p, true
			}
		}
	}
	return models.Price{}, false
}

// exchangeRate is what one unit of the pricing currency is worth in the billing
// currency in the month (D16). Equal currencies need no rate, and a US dollar
// is worth one.
func (b *Book) exchangeRate(pricing, billing money.Currency, month models.Month) (money.Decimal, error) {
	if pricing == billing {
		return one, nil
	}
	from, ok := b.usdPerUnit(pricing, month)
	if !ok {
		return one, &missingRate{pricing, month}
	}
	to, ok := b.usdPerUnit(billing, month)
	if !ok {
		return one, &missingRate{billing, month}
	}
	return money.ExchangeRate(from, to)
}

func (b *Book) usdPerUnit(c money.Currency, month models.Month) (money.Decimal, bool) {
	rate, ok := b.rates[rateKey{c, month}]
	if !ok && c == "USD" {
		return one, true
	}
	return rate, ok
}

type missingRate struct {
	currency money.Currency
	month    models.Month
}

func (m *missingRate) Error() string {
	return "no exchange rate of " + string(m.currency) + " for " + m.month.String() + ": import exchange-rates"
}

var one = money.New(1, 0)

// agencyFeeRate finds the entry of the fee schedule that counts (D13): the
// offer's beats the product's beats the publisher's beats the default; a named
// charge type beats any; the later effective date beats the earlier.
func (b *Book) agencyFeeRate(line *models.BillingLine, by basis) (money.Decimal, bool) {
	var best *models.AgencyFeeRate
	for i := range b.fees {
		f := &b.fees[i]
		if f.EffectiveFrom <= by.month && feeApplies(f, line, by.chargeType) && (best == nil || compareFees(f, best) > 0) {
			best = f
		}
	}
	if best == nil {
		return money.Zero, false
	}
	return best.Rate, true
}

func feeApplies(f *models.AgencyFeeRate, line *models.BillingLine, chargeType models.ChargeType) bool {
	return (f.PublisherID == "" || f.PublisherID == line.PublisherID) &&
		(f.ProductID == "" || f.ProductID == line.ProductID) &&
		(f.PrivateOfferID == "" || f.PrivateOfferID == line.PrivateOfferID) &&
		(f.ChargeType == "" || f.ChargeType == chargeType)
}

func compareFees(x, y *models.AgencyFeeRate) int {
	return cmp.Or(
		compareSet(x.PrivateOfferID, y.PrivateOfferID),
		compareSet(x.ProductID, y.ProductID),
		compareSet(x.PublisherID, y.PublisherID),
		compareSet(string(x.ChargeType), string(y.ChargeType)),
		cmp.Compare(x.EffectiveFrom, y.EffectiveFrom),
	)
}

// compareSet orders what is named above what is left open.
func compareSet(x, y string) int { return cmp.Compare(min(len(x), 1), min(len(y), 1)) }
