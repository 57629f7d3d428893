package models

import "time"

// Change says that something which others follow has changed, and what to read
// again to know how. It holds nothing else: whoever follows reads as itself.
//
// Changes are numbered from 1 in the order of their commits, without a gap. So
// whoever knows a number, and reads what comes after it, misses nothing and reads
// nothing twice, on any instance and after a restart.
type Change struct {
	Number int64 `gorm:"column:number;primaryKey"`
	// OccurredAt is when the change was made, by the clock of who made it: in
	// another order than Number where clocks differ.
	OccurredAt time.Time  `gorm:"column:occurred_at"`
	Kind       ChangeKind `gorm:"column:kind"`
	// ID is the thing to read again; Kind says what it is.
	ID string `gorm:"column:id"`
	// Part is the number of the event of a private offer, 0 for other kinds and
	// for a draft that was deleted.
	Part int `gorm:"column:part"`
}

// ChangeKind says what has changed, and so what a change's ID is.
type ChangeKind string

// The kinds. A transaction that changes many plans, meters or prices of a product,
// or many customers of a reseller, is one change of each such kind.
const (
	ChangePrivateOffer ChangeKind = "PRIVATE_OFFER" // its id
	ChangePublisher    ChangeKind = "PUBLISHER"     // its id
	ChangeReseller     ChangeKind = "RESELLER"      // its tenant id
	ChangeCustomer     ChangeKind = "CUSTOMER"      // the tenant id of its reseller
	ChangeProduct      ChangeKind = "PRODUCT"       // its id
	ChangePlan         ChangeKind = "PLAN"          // the id of its product
	ChangeMeter        ChangeKind = "METER"         // the id of its product
	ChangePrice        ChangeKind = "PRICE"         // the id of its product
	ChangeAgencyFee    ChangeKind = "AGENCY_FEE"    // empty: the schedule as a whole
	ChangeExchangeRate ChangeKind = "EXCHANGE_RATE" // the currency
)
