package demo

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"time"

	"sellthrough/internal/money"
	"sellthrough/models"
)

func content(t *testing.T, step Step) []byte {
	t.Helper()
	text, err := Files.ReadFile(step.File)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func rows(t *testing.T, step Step) iter.Seq[map[string]string] {
	t.Helper()
	table, err := csv.NewReader(bytes.NewReader(content(t, step))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(map[string]string) bool) {
		for _, line := range table[1:] {
			row := map[string]string{}
			for i, name := range table[0] {
				row[name] = line[i]
			}
			if !yield(row) {
				return
			}
		}
	}
}

func unmarshal(t *testing.T, text []byte, value any) {
	t.Helper()
	if err := json.Unmarshal(text, value); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

func good(t *testing.T, what string, vs models.Violations) {
	t.Helper()
	if len(vs) > 0 {
		t.Errorf("%s: %v", what, vs)
	}
}

func month(t *testing.T, text string) models.Month {
	t.Helper()
	m, err := models.ParseMonth(text)
	if err != nil {
		t.Error(err)
	}
	return m
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := models.ParseInstant(text)
	if err != nil {
		t.Error(err)
	}
	return at
}

func records(t *testing.T, step Step) iter.Seq[models.Record] {
	return func(yield func(models.Record) bool) {
		if step.Import == "price-sheet" {
			for row := range rows(t, step) {
				r := models.Record{Price: &models.Price{ProductID: row["ProductId"], PlanID: row["SkuId"], Term: models.Term(row["TermDuration"]), Billing: models.Billing(strings.ToUpper(row["BillingPlan"])),
					Market: row["Market"], Currency: money.Currency(row["Currency"]), UnitPrice: money.MustParse(row["ERP Price"]), EffectiveFrom: models.NewMonth(2019, 2)}}
				good(t, "price", r.Check())
				if !yield(r) {
					return
				}
			}
			return
		}
		if strings.HasSuffix(step.File, ".csv") {
			for row := range rows(t, step) {
				r := models.Record{ExchangeRate: &models.ExchangeRate{Currency: money.Currency(row["CurrencyCode"]), Month: month(t, row["Month"]), USDPerUnit: money.MustParse(row["USDPerUnit"])}}
				good(t, "rate", r.Check())
				if !yield(r) {
					return
				}
			}
			return
		}
		for line := range bytes.Lines(content(t, step)) {
			var kind struct {
				Kind string `json:"kind"`
			}
			unmarshal(t, line, &kind)
			var r models.Record
			switch kind.Kind {
			case "publisher":
				unmarshal(t, line, &r.Publisher)
			case "reseller":
				unmarshal(t, line, &r.Reseller)
			case "customer":
				unmarshal(t, line, &r.Customer)
			case "product":
				unmarshal(t, line, &r.Product)
			case "plan":
				unmarshal(t, line, &r.Plan)
			case "meter":
				unmarshal(t, line, &r.Meter)
			case "price":
				unmarshal(t, line, &r.Price)
			case "agencyFee":
				unmarshal(t, line, &r.AgencyFee)
			}
			good(t, string(line), r.Check())
			if !yield(r) {
				return
			}
		}
	}
}

func offers(t *testing.T, step Step) iter.Seq2[models.PrivateOffer, bool] {
	return func(yield func(models.PrivateOffer, bool) bool) {
		for line := range bytes.Lines(content(t, step)) {
			var d struct {
				ID, Name, State, Start, End, PreparedBy string
				VariableStartDate                       bool
				NotificationContacts                    []string
				Beneficiaries                           []struct {
					ID                    string
					BeneficiaryRecipients []struct{ ID string }
				}
				Pricing []struct {
					Product, Plan      string
					DiscountPercentage json.Number
					Prices             []struct {
						Market, Meter           string
						Currency                money.Currency
						Term                    models.Term
						Billing                 models.Billing
						Price, IncludedQuantity money.Decimal
					}
				}
			}
			unmarshal(t, line, &d)
			o := models.PrivateOffer{ID: strings.TrimPrefix(d.ID, "private-offer/"), Name: d.Name, PreparedBy: d.PreparedBy, NotificationContacts: d.NotificationContacts}
			if d.VariableStartDate == (d.Start != "") {
				t.Errorf("%s: start and variableStartDate contradict each other", d.Name)
			}
			if d.Start != "" {
				o.StartMonth = models.MonthOf(instant(t, d.Start))
			}
			o.EndMonth = models.MonthOf(instant(t, d.End))
			if o.EndMonth.LastDay().String() != d.End {
				t.Errorf("%s: %s is not the last of a month", d.Name, d.End)
			}
			for _, b := range d.Beneficiaries {
				r := models.OfferReseller{ResellerTenantID: b.ID}
				for _, c := range b.BeneficiaryRecipients {
					r.CustomerTenantIDs = append(r.CustomerTenantIDs, c.ID)
				}
				o.Resellers = append(o.Resellers, r)
			}
			for i, p := range d.Pricing {
				l := models.PricingLine{Position: i + 1, ProductID: strings.TrimPrefix(p.Product, "product/")}
				if p.Plan != "" {
					l.PlanID = strings.TrimPrefix(p.Plan, "plan/"+l.ProductID+"/")
				}
				if p.DiscountPercentage != "" {
					var err error
					if l.Percentage, err = money.ParsePercentage(p.DiscountPercentage.String()); err != nil {
						t.Error(err)
					}
				}
				for _, a := range p.Prices {
					l.Absolute = append(l.Absolute, models.AbsolutePrice{Market: a.Market, Currency: a.Currency, Term: a.Term, Billing: a.Billing, MeterID: a.Meter, UnitPrice: a.Price, IncludedQuantity: a.IncludedQuantity})
				}
				o.Pricing = append(o.Pricing, l)
			}
			if !yield(o, d.State == "live") {
				return
			}
		}
	}
}

func purchases(t *testing.T, step Step) iter.Seq[models.Purchase] {
	return func(yield func(models.Purchase) bool) {
		for r := range rows(t, step) {
			p := models.Purchase{Source: r["source"], ExternalID: r["external_id"], OccurredAt: instant(t, r["occurred_at"]), Action: models.Action(r["action"]),
				SubscriptionID: r["subscription_id"], ResellerTenantID: r["reseller_tenant_id"], IndirectResellerTenantID: r["indirect_reseller_tenant_id"],
				CustomerTenantID: r["customer_tenant_id"], ProductID: r["product_id"], PlanID: r["plan_id"], Term: models.Term(r["term"]), Billing: models.Billing(r["billing"]),
				Market: r["market"], Currency: money.Currency(r["currency"])}
			if r["quantity"] != "" {
				p.Quantity = money.MustParse(r["quantity"])
			}
			good(t, p.ExternalID, p.Check())
			if !yield(p) {
				return
			}
		}
	}
}

func usage(t *testing.T, step Step) iter.Seq2[models.UsageRecord, models.Violations] {
	return func(yield func(models.UsageRecord, models.Violations) bool) {
		if step.Format == "metering" {
			var batch struct {
				Request []struct {
					ResourceID, Dimension, EffectiveStartTime, PlanID string
					Quantity                                          money.Decimal
				}
			}
			unmarshal(t, content(t, step), &batch)
			for _, e := range batch.Request {
				u := models.UsageRecord{Source: "metering", ExternalID: e.ResourceID + "/" + e.Dimension + "/" + e.EffectiveStartTime[:13], OccurredAt: instant(t, e.EffectiveStartTime),
					SubscriptionID: e.ResourceID, MeterID: e.Dimension, Quantity: e.Quantity}
				if !yield(u, u.Check()) {
					return
				}
			}
			return
		}
		if step.Format == "daily-rated" {
			var batch struct {
				Items []struct {
					SubscriptionID, MeterID, UsageDate string
					Quantity                           money.Decimal
				}
			}
			unmarshal(t, content(t, step), &batch)
			for _, e := range batch.Items {
				u := models.UsageRecord{Source: "daily-rated", ExternalID: e.SubscriptionID + "/" + e.MeterID + "/" + e.UsageDate, OccurredAt: instant(t, e.UsageDate),
					SubscriptionID: e.SubscriptionID, MeterID: e.MeterID, Quantity: e.Quantity}
				if !yield(u, u.Check()) {
					return
				}
			}
			return
		}
		for r := range rows(t, step) {
			u := models.UsageRecord{Source: r["source"], ExternalID: r["external_id"], OccurredAt: instant(t, r["occurred_at"]), SubscriptionID: r["subscription_id"],
				MeterID: r["meter_id"], Quantity: money.MustParse(r["quantity"])}
			if !yield(u, u.Check()) {
				return
			}
		}
	}
}
