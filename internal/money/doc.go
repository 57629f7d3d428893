// Package money holds exact decimals, percentages, currencies and rounded
// amounts, and the one place where a charge is rounded.
//
// A [Decimal] is exact: prices, quantities, exchange rates. An [Amount] is
// rounded: whole minor units of one currency. A [Charge] is the bridge from
// the first to the second, and [Charge.Round] is its only gate (rule D11).
//
// Nothing here uses floating point, and nothing is cut in silence: a value that
// cannot be kept exactly is refused with an error. docs/money.md has the
// formulas and the reasons.
package money
