package models_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"sellthrough/models"
)

// No text that a sender chooses reaches an engine unbounded: each field of each
// record, made too long, is refused by the record's own check. Otherwise one
// engine would refuse what the other takes.
func TestEveryTextIsBounded(t *testing.T) {
	long := strings.Repeat("x", 600)
	records := map[string]func() (record any, check func() models.Violations){
		"catalogue publisher": func() (any, func() models.Violations) {
			r := &models.Publisher{}
			return r, models.Record{Publisher: r}.Check
		},
		"catalogue reseller": func() (any, func() models.Violations) {
			r := &models.Reseller{}
			return r, models.Record{Reseller: r}.Check
		},
		"catalogue customer": func() (any, func() models.Violations) {
			r := &models.Customer{}
			return r, models.Record{Customer: r}.Check
		},
		"catalogue product": func() (any, func() models.Violations) {
			r := &models.Product{}
			return r, models.Record{Product: r}.Check
		},
		"catalogue plan":  func() (any, func() models.Violations) { r := &models.Plan{}; return r, models.Record{Plan: r}.Check },
		"catalogue meter": func() (any, func() models.Violations) { r := &models.Meter{}; return r, models.Record{Meter: r}.Check },
		"catalogue price": func() (any, func() models.Violations) { r := &models.Price{}; return r, models.Record{Price: r}.Check },
		"catalogue agency fee": func() (any, func() models.Violations) {
			r := &models.AgencyFeeRate{}
			return r, models.Record{AgencyFee: r}.Check
		},
		"catalogue rate": func() (any, func() models.Violations) {
			r := &models.ExchangeRate{}
			return r, models.Record{ExchangeRate: r}.Check
		},
		"usage record":  func() (any, func() models.Violations) { r := &models.UsageRecord{}; return r, r.Check },
		"private offer": func() (any, func() models.Violations) { r := &models.PrivateOffer{}; return r, checkOf(r) },
		"purchase, new": func() (any, func() models.Violations) {
			r := &models.Purchase{Action: models.ActionNew}
			return r, r.Check
		},
		"purchase, renew": func() (any, func() models.Violations) {
			r := &models.Purchase{Action: models.ActionRenew}
			return r, r.Check
		},
		"purchase, addQuantity": func() (any, func() models.Violations) {
			r := &models.Purchase{Action: models.ActionAddQuantity}
			return r, r.Check
		},
	}
	// Set by the system, never by a sender.
	derived := map[string]bool{"UsageRecord.PublisherID": true, "UsageRecord.ResellerTenantID": true, "PrivateOffer.PublisherID": true}
	for name, fresh := range records {
		empty, check := fresh()
		before := map[string]bool{}
		for _, v := range check() {
			before[v.Path()+v.Message] = true
		}
		kind := reflect.TypeOf(empty).Elem()
		for i := range kind.NumField() {
			field := kind.Field(i)
			if field.Type.Kind() != reflect.String || derived[kind.Name()+"."+field.Name] {
				continue
			}
			record, check := fresh()
			reflect.ValueOf(record).Elem().Field(i).SetString(long)
			found := false
			for _, v := range check() {
				found = found || !before[v.Path()+v.Message]
			}
			if !found {
				t.Errorf("%s: %s of %d bytes is not refused", name, field.Name, len(long))
			}
		}
	}
}

func checkOf(o *models.PrivateOffer) func() models.Violations {
	return func() models.Violations {
		return o.CheckSubmit(models.SubmitFacts{}, models.DefaultLimits, time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC))
	}
}
