package reports

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"fmt"
	"slices"

	"sellthrough/models"
)

// OrderField is something to order billing lines by.
type OrderField string

// The fields. Fees and payouts are not among them, so that the order of lines
// tells a reseller nothing about them.
const (
	OrderMonth             OrderField = "MONTH"
	OrderPublisher         OrderField = "PUBLISHER"
	OrderReseller          OrderField = "RESELLER"
	OrderCustomer          OrderField = "CUSTOMER"
	OrderSubscription      OrderField = "SUBSCRIPTION"
	OrderProduct           OrderField = "PRODUCT"
	OrderPlan              OrderField = "PLAN"
	OrderMeter             OrderField = "METER"
	OrderChargeType        OrderField = "CHARGE_TYPE"
	OrderChargeStart       OrderField = "CHARGE_START"
	OrderCurrency          OrderField = "CURRENCY"
	OrderListSubtotal      OrderField = "LIST_SUBTOTAL"
	OrderMarginAmount      OrderField = "MARGIN_AMOUNT"
	OrderWholesaleSubtotal OrderField = "WHOLESALE_SUBTOTAL"
)

// Order is one field of an order.
type Order struct {
	Field      OrderField
	Descending bool
}

// naturalOrder ends every order, before the event, its part and the line's id:
// the order of exports.
var naturalOrder = []Order{{Field: OrderMonth}, {Field: OrderSubscription}, {Field: OrderChargeStart}, {Field: OrderChargeType}, {Field: OrderPlan}, {Field: OrderMeter}}

// Window says which lines of an order make a page. After and Before are
// positions of earlier pages, both exclusive, empty for none. Backward takes
// the last lines of the range instead of the first.
type Window struct {
	OrderBy       []Order
	After, Before []byte
	Limit         int
	Backward      bool
}

// Placed is a billing line with its position in an order.
type Placed struct {
	Line     models.BillingLine
	Position []byte
}

// PageOfLines is a page of billing lines in order.
type PageOfLines struct {
	Lines []*Placed
	// More tells whether the range goes on beyond the page, in its direction.
	More bool
	// Total counts all lines, whatever the window.
	Total int
}

// Page picks a page out of lines that come in any order. It holds no more than
// one page of them at a time.
func Page(lines Lines, window Window) (PageOfLines, error) {
	order := append(slices.Clone(window.OrderBy), naturalOrder...)
	for _, o := range order {
		if _, ok := orderings[o.Field]; !ok {
			return PageOfLines{}, fmt.Errorf("cannot order by %q", o.Field)
		}
	}
	kept := nearest{backward: window.Backward}
	var page PageOfLines
	var position []byte
	for line := range lines {
		page.Total++
		position = appendPosition(position[:0], order, line)
		if len(window.After) > 0 && bytes.Compare(position, window.After) <= 0 ||
			len(window.Before) > 0 && bytes.Compare(position, window.Before) >= 0 {
			continue
		}
		if len(kept.lines) == window.Limit {
			page.More = true
			if !kept.nearer(position) {
				continue
			}
			heap.Pop(&kept)
		}
		heap.Push(&kept, &Placed{*line, bytes.Clone(position)})
	}
	page.Lines = kept.lines
	slices.SortFunc(page.Lines, func(x, y *Placed) int { return bytes.Compare(x.Position, y.Position) })
	return page, nil
}

// appendPosition writes where a line stands in an order, so that positions
// compare as bytes just as lines compare by the order.
func appendPosition(b []byte, order []Order, line *models.BillingLine) []byte {
	for _, o := range order {
		start := len(b)
		b = orderings[o.Field](b, line)
		if o.Descending {
			for i := start; i < len(b); i++ {
				b[i] ^= 0xff
			}
		}
	}
	// The lines of one event stay together, the credit before the charge.
	b = appendText(appendText(b, line.Key.Source), line.Key.ExternalID)
	return append(appendNumber(b, int64(line.Key.Part)), line.ID()...)
}

var orderings = map[OrderField]func([]byte, *models.BillingLine) []byte{
	OrderMonth:             func(b []byte, l *models.BillingLine) []byte { return appendNumber(b, int64(l.Month)) },
	OrderPublisher:         func(b []byte, l *models.BillingLine) []byte { return appendText(b, l.PublisherID) },
	OrderReseller:          func(b []byte, l *models.BillingLine) []byte { return appendText(b, l.ResellerTenantID) },
	OrderCustomer:          func(b []byte, l *models.BillingLine) []byte { return appendText(b, l.CustomerTenantID) },
	OrderSubscription:      func(b []byte, l *models.BillingLine) []byte { return appendText(b, l.SubscriptionID) },
	OrderProduct:           func(b []byte, l *models.BillingLine) []byte { return appendText(b, l.ProductID) },
	OrderPlan:              func(b []byte, l *models.BillingLine) []byte { return appendText(b, l.PlanID) },
	OrderMeter:             func(b []byte, l *models.BillingLine) []byte { return appendText(b, l.MeterID) },
	OrderChargeType:        func(b []byte, l *models.BillingLine) []byte { return appendText(b, string(l.ChargeType)) },
	OrderChargeStart:       func(b []byte, l *models.BillingLine) []byte { return appendNumber(b, int64(l.ChargeStart)) },
	OrderCurrency:          func(b []byte, l *models.BillingLine) []byte { return appendText(b, string(l.BillingCurrency)) },
	OrderListSubtotal:      func(b []byte, l *models.BillingLine) []byte { return appendNumber(b, l.ListSubtotal) },
	OrderMarginAmount:      func(b []byte, l *models.BillingLine) []byte { return appendNumber(b, l.MarginAmount) },
	OrderWholesaleSubtotal: func(b []byte, l *models.BillingLine) []byte { return appendNumber(b, l.WholesaleSubtotal) },
}

// appendNumber flips the sign bit, so that negative numbers come first.
func appendNumber(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(n)^1<<63)
}

// appendText ends with a zero byte, which no id holds, so that a shorter text
// comes before a longer one that begins with it.
func appendText(b []byte, s string) []byte { return append(append(b, s...), 0) }

// nearest is a heap of the lines of a page that is being filled, the one that
// is farthest from where the page begins on top.
type nearest struct {
	lines    []*Placed
	backward bool
}

// nearer tells whether a line belongs on the page more than the top does.
func (n *nearest) nearer(position []byte) bool {
	return len(n.lines) > 0 && (bytes.Compare(position, n.lines[0].Position) < 0) != n.backward
}

func (n *nearest) Len() int { return len(n.lines) }

func (n *nearest) Less(i, j int) bool {
	later := bytes.Compare(n.lines[i].Position, n.lines[j].Position) > 0
	return later != n.backward
}

func (n *nearest) Swap(i, j int) { n.lines[i], n.lines[j] = n.lines[j], n.lines[i] }

func (n *nearest) Push(line any) { n.lines = append(n.lines, line.(*Placed)) }

func (n *nearest) Pop() any {
	last := n.lines[len(n.lines)-1]
	n.lines = n.lines[:len(n.lines)-1]
	return last
}
