package money

import "strconv"

// Charge is one charge before rounding:
//
//	UnitPrice × Quantity × Numerator/Denominator × Rate
//
// Nothing of it is rounded until Round, which divides once (rule D11).
type Charge struct {
	UnitPrice Decimal // in the pricing currency: list price or EffectiveUnitPrice
	Quantity  Decimal // negative for a credit
	Rate      Decimal // exchange rate from pricing to billing currency, 1 when they are equal (rule D16)

	// The share of the cycle that is charged, 28 of 30 days; 0/0 is the whole.
	Numerator, Denominator int64

	Pricing Currency // only TRUNCATE_TWICE needs it
	Billing Currency // of the amount
}

// Round makes the charge an amount in the billing currency. It is the only
// place where a charge is rounded (rule D11). All policies treat both signs
// alike, so a charge of a negative quantity is the exact negative of its
// positive.
//
// Errors: ErrRate, ErrProration, ErrPolicy, ErrCurrency for a charge that is
// none; ErrRange for an amount that does not fit int64.
func (c Charge) Round(p Policy) (Amount, error) {
	if err := c.check(p); err != nil {
		return Amount{}, err
	}
	digits := c.Billing.MinorDigits()
	value := exactly(c.UnitPrice)
	value.prorated(c.Numerator, c.Denominator)
	switch p {
	case TruncateTwice:
		value.times(c.Quantity).round(c.Pricing.MinorDigits(), down).times(c.Rate).round(digits, down)
	case TruncateUnit:
		value.times(c.Rate).round(digits, down).times(c.Quantity).round(digits, down)
	case HalfUp:
		value.times(c.Quantity).times(c.Rate).round(digits, halfUp)
	case HalfEven:
		value.times(c.Quantity).times(c.Rate).round(digits, halfEven)
	default:
		value.times(c.Quantity).times(c.Rate).round(digits, down)
	}
	minor, ok := value.units()
	if !ok {
		return Amount{}, refuse(value.String()+" "+string(c.Billing), ErrRange, tooLarge)
	}
	return Amount{minor, c.Billing}, nil
}

func (c Charge) check(p Policy) error {
	switch {
	case !p.Valid():
		return refuse(string(p), ErrPolicy, "")
	case c.Rate.Sign() <= 0:
		return refuse(c.Rate.String(), ErrRate, "")
	case !c.prorationValid():
		return refuse(strconv.FormatInt(c.Numerator, 10)+"/"+strconv.FormatInt(c.Denominator, 10), ErrProration, "")
	case !c.Billing.Valid():
		return refuse(string(c.Billing), ErrCurrency, "")
	case p == TruncateTwice && !c.Pricing.Valid():
		return refuse(string(c.Pricing), ErrCurrency, "")
	}
	return nil
}

func (c Charge) prorationValid() bool {
	return c.Numerator >= 0 && c.Denominator > 0 || c.Numerator == 0 && c.Denominator == 0
}

// Exact is the whole value before rounding, for explanations: "112.896", with
// every digit when it is a finite decimal. When the proration leaves none, it
// is a finite decimal over the smallest whole number: "1000/3", "10.1/3". It
// is "" for a proration that Round refuses.
func (c Charge) Exact() string {
	if !c.prorationValid() {
		return ""
	}
	value := exactly(c.UnitPrice)
	return value.prorated(c.Numerator, c.Denominator).times(c.Quantity).times(c.Rate).String()
}

// ProratedUnitPrice is UnitPrice × Numerator/Denominator for printing: exact
// when it is a finite decimal, otherwise to the nearest 15 fraction digits
// (halves cannot occur). Nothing is computed from this text. It is "" for a
// proration that Round refuses.
func (c Charge) ProratedUnitPrice() string {
	if !c.prorationValid() {
		return ""
	}
	unit := exactly(c.UnitPrice)
	if !unit.prorated(c.Numerator, c.Denominator).finite() {
		unit.round(FractionDigits, halfEven)
	}
	return unit.String()
}

// Fee is a share of an amount, rate × base, rounded half-even to the minor unit
// (rule D13). The rate is a fraction, 0.03 for 3 %, from 0 to 1; others are
// ErrRate.
func Fee(rate Decimal, base Amount) (Amount, error) {
	if rate.negative || power10(int(rate.scale)).less(rate.coefficient) {
		return Amount{}, refuse(rate.String(), ErrRate, "not a share between 0 and 1")
	}
	fee := exactly(rate)
	minor, _ := fee.times(New(base.Minor, 0)).round(0, halfEven).units() // at most base
	return Amount{minor, base.Currency}, nil
}

// ExchangeRate is usdPerPricing / usdPerBilling, rounded half-even to 20
// fraction digits: the number shown is the number used (rule D16). Both must be
// positive (ErrRate). A rate of more than 12 integer digits, or one that rounds
// to 0, is ErrRange.
func ExchangeRate(usdPerPricing, usdPerBilling Decimal) (Decimal, error) {
	for _, rate := range [...]Decimal{usdPerPricing, usdPerBilling} {
		if rate.Sign() <= 0 {
			return Decimal{}, refuse(rate.String(), ErrRate, "")
		}
	}
	quotient := exactly(usdPerPricing)
	rate, ok := quotient.per(usdPerBilling).round(RateFractionDigits, halfEven).decimal()
	if !ok || rate.IsZero() || !rate.Fits(RateIntegerDigits, RateFractionDigits) {
		return Decimal{}, refuse(usdPerPricing.String()+" / "+usdPerBilling.String(), ErrRange,
			"not a rate of at most 12 integer and 20 fraction digits")
	}
	return rate, nil
}

// PercentOff is how far a price lies below the list price, in hundredths of a
// percent of the list price, rounded half-even; negative where it lies above. It is
// false where the list price is not positive, or the answer is too long to keep.
func PercentOff(list, price Decimal) (hundredths int64, ok bool) {
	off, err := list.Sub(price)
	if err != nil || list.Sign() <= 0 {
		return 0, false
	}
	share := exactly(off)
	return share.times(New(100_00, 0)).per(list).round(0, halfEven).units()
}
