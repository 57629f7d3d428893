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
	Publishers    []models.Publisher
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
	*Index
	rates    map[rateKey]money.Decimal
	accounts []account // by subscription id
	buckets  []models.Bucket
}

type rateKey struct {
	currency money.Currency
	month    models.Month
}

// account is a subscription with its life and with what may count for it.
type account struct {
	*models.Subscription
	timeline    models.Timeline
	violations  models.Violations
	first, last models.Month // of its life
	listing     *listing
	candidates  []candidate
	fees        []models.AgencyFeeRate
}

// NewBook indexes facts.
func NewBook(facts Facts) *Book {
	b := &Book{
		Index:    NewIndex(facts),
		rates:    make(map[rateKey]money.Decimal, len(facts.ExchangeRates)),
		accounts: make([]account, len(facts.Subscriptions)),
	}
	for _, r := range facts.ExchangeRates {
		b.rates[rateKey{r.Currency, r.Month}] = r.USDPerUnit
	}
	fees := newFeeSchedule(facts.AgencyFees)
	for i := range facts.Subscriptions {
		a := account{Subscription: &facts.Subscriptions[i]}
		a.timeline, a.violations = a.Timeline(facts.Refunds)
		a.first, a.last = a.timeline.Span()
		a.listing, a.candidates = b.listing(a.ProductID), b.shelf(a.ResellerTenantID, a.ProductID).all
		a.fees = fees.of(a.PublisherID, a.ProductID)
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

// feeSchedule is the schedule of agency fees, sorted so that of the entries
// that apply to a charge the first is the one that counts (D13): the offer's
// before the product's before the publisher's before the default; a named
// charge type before any; the later effective date before the earlier.
type feeSchedule struct {
	entries []models.AgencyFeeRate
	found   map[[2]string][]models.AgencyFeeRate // by publisher and product
}

func newFeeSchedule(entries []models.AgencyFeeRate) *feeSchedule {
	s := feeSchedule{slices.Clone(entries), map[[2]string][]models.AgencyFeeRate{}}
	slices.SortFunc(s.entries, func(x, y models.AgencyFeeRate) int {
		return cmp.Or(
			namedFirst(x.PrivateOfferID, y.PrivateOfferID),
			namedFirst(x.ProductID, y.ProductID),
			namedFirst(x.PublisherID, y.PublisherID),
			namedFirst(string(x.ChargeType), string(y.ChargeType)),
			cmp.Compare(y.EffectiveFrom, x.EffectiveFrom),
		)
	})
	return &s
}

// namedFirst orders what is named before what is left open.
func namedFirst(x, y string) int { return cmp.Compare(min(len(y), 1), min(len(x), 1)) }

// of is the part of the schedule that can apply to a product.
func (s *feeSchedule) of(publisher, product string) []models.AgencyFeeRate {
	key := [2]string{publisher, product}
	fees, ok := s.found[key]
	if !ok {
		for _, f := range s.entries {
			if (f.PublisherID == "" || f.PublisherID == publisher) && (f.ProductID == "" || f.ProductID == product) {
				fees = append(fees, f)
			}
		}
		s.found[key] = fees
	}
	return fees
}

// agencyFeeRate is the first of the fees that applies to a charge won by an
// offer, or by none.
func agencyFeeRate(fees []models.AgencyFeeRate, privateOfferID string, by basis) (money.Decimal, bool) {
	for i := range fees {
		f := &fees[i]
		if f.EffectiveFrom <= by.month && (f.PrivateOfferID == "" || f.PrivateOfferID == privateOfferID) &&
			(f.ChargeType == "" || f.ChargeType == by.chargeType) {
			return f.Rate, true
		}
	}
	return money.Zero, false
}
