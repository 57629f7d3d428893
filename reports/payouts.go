package reports

import (
	"cmp"
	"strings"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// PayoutStatus is where a publisher's earnings stand (rules 6.3).
type PayoutStatus string

// Uncollected: the reseller has not paid the invoice yet. It is the only status
// until invoices and their payments are recorded.
const Uncollected PayoutStatus = "UNCOLLECTED"

// PayoutStatuses lists every status.
var PayoutStatuses = []PayoutStatus{Uncollected}

// Payout is what one publisher earns in one month and billing currency, and
// what was kept from it. Wholesale = AgencyFee + OtherFees + OtherDeductions +
// Payout. Amounts are minor units of Currency.
type Payout struct {
	Month       models.Month
	PublisherID string
	Currency    money.Currency
	// Lines counts the billing lines in it.
	Lines     int
	Wholesale int64
	AgencyFee int64
	// OtherFees is every other kind of fee, infrastructure among them (D5).
	OtherFees int64
	// OtherDeductions is what is withheld beyond fees; nothing yet is.
	OtherDeductions int64
	Payout          int64
	Status          PayoutStatus
	// ExpectedMonth is when the vendor's calendar pays it, by the 15th: month 1
	// use, month 2 invoice, month 3 collection, month 4 payout (rules 6.2).
	ExpectedMonth models.Month
}

// monthsToPayout is from the month of the charge to that of the payout.
const monthsToPayout = 3

// Payouts folds lines into one payout a month, publisher and currency, in that
// order.
func Payouts(lines Lines) ([]Payout, error) {
	summaries, err := Summarize(lines, ByMonth, ByPublisher)
	payouts := make([]Payout, len(summaries))
	for i, s := range summaries {
		payouts[i] = Payout{
			Month: s.Month, PublisherID: s.PublisherID, Currency: s.Currency, Lines: s.Lines,
			Wholesale: s.WholesaleSubtotal, AgencyFee: s.AgencyFee, OtherFees: s.OtherFees, Payout: s.Payout,
			Status: Uncollected, ExpectedMonth: s.Month + monthsToPayout,
		}
	}
	return payouts, err
}

// FeeKind is a kind of fee (D5, D13).
type FeeKind string

// The kinds of fee on a line.
const (
	FeeAgency         FeeKind = "AGENCY"
	FeeInfrastructure FeeKind = "INFRASTRUCTURE"
)

// FeeKinds lists every kind of fee.
var FeeKinds = []FeeKind{FeeAgency, FeeInfrastructure}

// AgencyFee is what the marketplace keeps from the lines of one month,
// publisher, reseller, kind and rate. Base and Amount are minor units of
// Currency.
type AgencyFee struct {
	Month            models.Month
	PublisherID      string
	ResellerTenantID string
	Kind             FeeKind
	// Rate is a fraction; 1 for infrastructure, which is the platform's whole.
	Rate     money.Decimal
	Currency money.Currency
	Lines    int
	// Base is the wholesale subtotal that the fee was taken from.
	Base   int64
	Amount int64
}

// feeKey is what fees are grouped by.
type feeKey struct {
	month               models.Month
	publisher, reseller string
	kind                FeeKind
	rate                money.Decimal
	currency            money.Currency
}

// AgencyFees folds lines into one row a month, publisher, reseller, kind, rate
// and currency, in that order.
func AgencyFees(lines Lines) ([]AgencyFee, error) {
	rows, err := fold(lines, feeKeyOf, compareFeeKeys)
	fees := make([]AgencyFee, len(rows))
	for i, r := range rows {
		fees[i] = AgencyFee{
			Month: r.key.month, PublisherID: r.key.publisher, ResellerTenantID: r.key.reseller,
			Kind: r.key.kind, Rate: r.key.rate, Currency: r.key.currency,
			Lines: r.Lines, Base: r.WholesaleSubtotal, Amount: r.AgencyFee + r.OtherFees,
		}
	}
	return fees, err
}

func feeKeyOf(line *models.BillingLine) feeKey {
	fee := Fees(line)[0]
	return feeKey{line.Month, line.PublisherID, line.ResellerTenantID, fee.Kind, fee.Rate, line.BillingCurrency}
}

func compareFeeKeys(x, y feeKey) int {
	return cmp.Or(
		cmp.Compare(x.month, y.month),
		strings.Compare(x.publisher, y.publisher),
		strings.Compare(x.reseller, y.reseller),
		strings.Compare(string(x.kind), string(y.kind)),
		x.rate.Cmp(y.rate),
		strings.Compare(string(x.currency), string(y.currency)),
	)
}

// Fee is one fee on a line. Amount is in minor units of the line's billing
// currency.
type Fee struct {
	Kind   FeeKind
	Rate   money.Decimal
	Amount int64
}

// Fees lists the fees of a line; every line has one (D5, D13).
func Fees(line *models.BillingLine) []Fee {
	if line.Infrastructure {
		return []Fee{{FeeInfrastructure, money.New(1, 0), line.InfrastructureFee}}
	}
	return []Fee{{FeeAgency, line.AgencyFeeRate, line.AgencyFee}}
}
