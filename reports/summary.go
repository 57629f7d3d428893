package reports

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"sellthrough/internal/money"
	"sellthrough/models"
)

// Lines is what reports fold. A line may be overwritten once the next one is
// asked for.
type Lines = iter.Seq[*models.BillingLine]

// Dimension is something to group lines by.
type Dimension string

// The dimensions. The currency is always part of the group.
const (
	ByMonth        Dimension = "MONTH"
	ByPublisher    Dimension = "PUBLISHER"
	ByReseller     Dimension = "RESELLER"
	ByCustomer     Dimension = "CUSTOMER"
	ByProduct      Dimension = "PRODUCT"
	ByPlan         Dimension = "PLAN"
	ByMeter        Dimension = "METER"
	ByCurrency     Dimension = "CURRENCY"
	ByPrivateOffer Dimension = "PRIVATE_OFFER"
	ByChargeType   Dimension = "CHARGE_TYPE"
)

// Group is what the lines of one row have in common; what was not grouped by is
// empty. A plan and a meter carry their product, a customer its reseller, since
// their ids are unique only there.
type Group struct {
	Month            models.Month
	PublisherID      string
	ResellerTenantID string
	CustomerTenantID string
	ProductID        string
	PlanID           string
	MeterID          string
	PrivateOfferID   string
	ChargeType       models.ChargeType
	Currency         money.Currency
}

// Totals are sums over lines, in minor units of the group's currency.
type Totals struct {
	Lines             int
	ListSubtotal      int64
	MarginAmount      int64
	WholesaleSubtotal int64
	AgencyFee         int64
	OtherFees         int64
	Payout            int64
}

// Summary is one row of a summary.
type Summary struct {
	Group
	Totals
}

// ErrTotalTooLarge says that a total does not fit 64 bits of minor units.
var ErrTotalTooLarge = errors.New("a total is larger than 9.2e18 minor units: narrow the report")

// Summarize folds lines into one row a group, ordered by the group's fields.
func Summarize(lines Lines, by ...Dimension) ([]Summary, error) {
	key, err := grouping(by)
	if err != nil {
		return nil, err
	}
	rows, err := fold(lines, key, compareGroups)
	summaries := make([]Summary, len(rows))
	for i, r := range rows {
		summaries[i] = Summary{r.key, r.Totals}
	}
	return summaries, err
}

// row is one group of a fold.
type row[K any] struct {
	key K
	Totals
}

// fold adds lines up by a comparable key. It is the one place where amounts of
// lines are summed.
func fold[K comparable](lines Lines, key func(*models.BillingLine) K, compare func(K, K) int) ([]row[K], error) {
	index := map[K]int{}
	var rows []row[K]
	for line := range lines {
		k := key(line)
		i, ok := index[k]
		if !ok {
			i = len(rows)
			index[k] = i
			rows = append(rows, row[K]{key: k})
		}
		if !rows[i].add(line) {
			return nil, ErrTotalTooLarge
		}
	}
	slices.SortFunc(rows, func(x, y row[K]) int { return compare(x.key, y.key) })
	return rows, nil
}

// grouping returns the function that takes from a line what is grouped by.
func grouping(by []Dimension) (func(*models.BillingLine) Group, error) {
	takes := make([]func(*Group, *models.BillingLine), len(by))
	for i, d := range by {
		take, ok := dimensions[d]
		if !ok {
			return nil, fmt.Errorf("cannot group by %q", d)
		}
		takes[i] = take
	}
	return func(line *models.BillingLine) Group {
		g := Group{Currency: line.BillingCurrency}
		for _, take := range takes {
			take(&g, line)
		}
		return g
	}, nil
}

var dimensions = map[Dimension]func(*Group, *models.BillingLine){
	ByMonth:     func(g *Group, l *models.BillingLine) { g.Month = l.Month },
	ByPublisher: func(g *Group, l *models.BillingLine) { g.PublisherID = l.PublisherID },
	ByReseller:  func(g *Group, l *models.BillingLine) { g.ResellerTenantID = l.ResellerTenantID },
	ByCustomer: func(g *Group, l *models.BillingLine) {
		g.ResellerTenantID, g.CustomerTenantID = l.ResellerTenantID, l.CustomerTenantID
	},
	ByProduct:      func(g *Group, l *models.BillingLine) { g.ProductID = l.ProductID },
	ByPlan:         func(g *Group, l *models.BillingLine) { g.ProductID, g.PlanID = l.ProductID, l.PlanID },
	ByMeter:        func(g *Group, l *models.BillingLine) { g.ProductID, g.MeterID = l.ProductID, l.MeterID },
	ByCurrency:     func(*Group, *models.BillingLine) {},
	ByPrivateOffer: func(g *Group, l *models.BillingLine) { g.PrivateOfferID = l.PrivateOfferID },
	ByChargeType:   func(g *Group, l *models.BillingLine) { g.ChargeType = l.ChargeType },
}

func compareGroups(x, y Group) int {
	return cmp.Or(
		cmp.Compare(x.Month, y.Month),
		strings.Compare(x.PublisherID, y.PublisherID),
		strings.Compare(x.ResellerTenantID, y.ResellerTenantID),
		strings.Compare(x.CustomerTenantID, y.CustomerTenantID),
		strings.Compare(x.ProductID, y.ProductID),
		strings.Compare(x.PlanID, y.PlanID),
		strings.Compare(x.MeterID, y.MeterID),
		strings.Compare(x.PrivateOfferID, y.PrivateOfferID),
		strings.Compare(string(x.ChargeType), string(y.ChargeType)),
		strings.Compare(string(x.Currency), string(y.Currency)),
	)
}

// add adds a line, and tells whether every sum still fits.
func (t *Totals) add(line *models.BillingLine) bool {
	t.Lines++
	fits := true
	for _, sum := range [...]struct {
		to     *int64
		amount int64
	}{
		{&t.ListSubtotal, line.ListSubtotal},
		{&t.MarginAmount, line.MarginAmount},
		{&t.WholesaleSubtotal, line.WholesaleSubtotal},
		{&t.AgencyFee, line.AgencyFee},
		{&t.OtherFees, line.OtherFees()},
		{&t.Payout, line.Payout},
	} {
		before := *sum.to
		*sum.to += sum.amount
		fits = fits && (*sum.to > before) == (sum.amount > 0)
	}
	return fits
}
