package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"sellthrough/models"
)

// ProductFilter narrows a list of products. Empty fields do not narrow; IDs nil
// does not, IDs empty finds nothing.
type ProductFilter struct {
	IDs          []string
	PublisherID  string
	Text         string // anywhere in title or id
	Types        []models.ProductType
	Marketplaces []models.Marketplace // one of these lists it
	Published    *bool
	Public       *bool
	Transactable *bool
	// Selectable is models.Product.Selectable.
	Selectable *bool
	CSPOptIn   models.CSPOptIn
}

func (r *Reader) products(f ProductFilter) *gorm.DB {
	query := r.in(r.from("products"), "id", f.IDs)
	query = equal(query, "publisher_id", f.PublisherID)
	query = equal(query, "csp_opt_in", string(f.CSPOptIn))
	query = r.matching(query, f.Text, "title", "id")
	query = listing(r, query, "marketplaces", f.Marketplaces)
	query = either(query, "published = 1 AND public = 1 AND transactable = 1", f.Selectable)
	if len(f.Types) > 0 {
		query = query.Where("type IN ?", f.Types)
	}
	for _, flag := range []struct {
		column string
		value  *bool
	}{{"published", f.Published}, {"public", f.Public}, {"transactable", f.Transactable}} {
		if flag.value != nil {
			query = query.Where(flag.column+" = ?", *flag.value)
		}
	}
	return query
}

// Products lists products by id.
func (r *Reader) Products(filter ProductFilter, page Page) ([]models.Product, bool, error) {
	return pageOf[models.Product](r, "products", r.products(filter), page, "id")
}

// CountProducts counts what Products lists.
func (r *Reader) CountProducts(filter ProductFilter) (int64, error) {
	return count(r, r.products(filter))
}

// Plans are the plans of the products, sorted by product and id; nil means of
// every product.
func (r *Reader) Plans(productIDs []string) ([]models.Plan, error) {
	return find[models.Plan](r, "plans", r.in(r.from("plans"), "product_id", productIDs).Order("product_id, id"))
}

// Meters are the meters of the products, sorted by product and id; nil means
// of every product.
func (r *Reader) Meters(productIDs []string) ([]models.Meter, error) {
	return find[models.Meter](r, "meters", r.in(r.from("meters"), "product_id", productIDs).Order("product_id, id"))
}

// Prices are the list prices of the products, those of one key together and
// sorted by EffectiveFrom; nil means of every product.
func (r *Reader) Prices(productIDs []string) ([]models.Price, error) {
	return find[models.Price](r, "prices", r.in(r.from("prices"), "product_id", productIDs).
		Order("product_id, plan_id, meter_id, term, billing, market, currency, effective_from"))
}

// Publishers are the publishers with these ids, sorted; nil means all.
func (r *Reader) Publishers(ids []string) ([]models.Publisher, error) {
	return find[models.Publisher](r, "publishers", r.in(r.from("publishers"), "id", ids).Order("id"))
}

// ResellerFilter narrows a list of resellers, as ProductFilter does. Of
// Regions, Skills and Competencies a reseller needs one each.
type ResellerFilter struct {
	IDs          []string
	Text         string // anywhere in name or tenant id
	Types        []models.ResellerType
	Country      string
	Regions      []string
	Skills       []string
	Competencies []string
	InCSPProgram *bool
	// Selectable is models.Reseller.MayHoldMargin.
	Selectable *bool
}

func (r *Reader) resellers(f ResellerFilter) *gorm.DB {
	query := r.in(r.from("resellers"), "tenant_id", f.IDs)
	query = equal(query, "country", f.Country)
	query = r.matching(query, f.Text, "name", "tenant_id")
	query = either(query, "in_csp_program = 1 AND type IN ('DIRECT_BILL', 'INDIRECT_PROVIDER')", f.Selectable)
	if len(f.Types) > 0 {
		query = query.Where("type IN ?", f.Types)
	}
	if f.InCSPProgram != nil {
		query = query.Where("in_csp_program = ?", *f.InCSPProgram)
	}
	query = listing(r, query, "regions", f.Regions)
	query = listing(r, query, "skills", f.Skills)
	return listing(r, query, "competencies", f.Competencies)
}

// either narrows a query to rows for which the condition holds, or does not; nil
// leaves it.
func either(query *gorm.DB, condition string, holds *bool) *gorm.DB {
	switch {
	case holds == nil:
		return query
	case *holds:
		return query.Where(condition)
	}
	return query.Where("NOT (" + condition + ")")
}

// listing narrows a query to rows whose column, a JSON list of texts, holds one
// of the values, spelled as people do (dialect.fold).
func listing[T ~string](r *Reader, query *gorm.DB, column string, values []T) *gorm.DB {
	if len(values) == 0 {
		return query
	}
	alternatives := make([]string, len(values))
	arguments := make([]any, len(values))
	for i, value := range values {
		checkPattern(query, column, string(value))
		quoted, _ := json.Marshal(value) // strings always marshal
		alternatives[i], arguments[i] = r.dialect.like(column), "%"+escapeLike(r.dialect.folded(string(quoted)))+"%"
	}
	return query.Where(strings.Join(alternatives, " OR "), arguments...)
}

// Resellers lists resellers by tenant id.
func (r *Reader) Resellers(filter ResellerFilter, page Page) ([]models.Reseller, bool, error) {
	return pageOf[models.Reseller](r, "resellers", r.resellers(filter), page, "tenant_id")
}

// CountResellers counts what Resellers lists.
func (r *Reader) CountResellers(filter ResellerFilter) (int64, error) {
	return count(r, r.resellers(filter))
}

// MaxFacets is how many values ResellerFacets returns at most.
const MaxFacets = 100

// ResellerFacets are the values that a column has among the resellers of a filter,
// the commonest first: regions, skills or competencies. What the filter says of
// the column itself is left aside, so that a menu keeps its choices.
func (r *Reader) ResellerFacets(filter ResellerFilter, column string) ([]models.Facet, error) {
	switch column {
	case "regions":
		filter.Regions = nil
	case "skills":
		filter.Skills = nil
	case "competencies":
		filter.Competencies = nil
	}
	var groups []struct {
		Texts string
		Count int
	}
	err := r.resellers(filter).Where(column + " IS NOT NULL").Select(column + " AS texts, COUNT(*) AS count").Group(column).Find(&groups).Error
	if err != nil {
		return nil, wrap(err)
	}
	counted := map[string]int{}
	for _, group := range groups {
		var values []string
		if err := json.Unmarshal([]byte(group.Texts), &values); err != nil {
			return nil, wrap(err)
		}
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			counted[value] += group.Count
		}
	}
	facets := make([]models.Facet, 0, len(counted))
	for value, n := range counted {
		facets = append(facets, models.Facet{Value: value, Count: n})
	}
	slices.SortFunc(facets, func(x, y models.Facet) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Value, y.Value))
	})
	return facets[:min(len(facets), MaxFacets)], nil
}

// CustomerFilter narrows a list of customers, as ProductFilter does.
type CustomerFilter struct {
	IDs              []string // the customers' tenant ids
	ResellerTenantID string
	Text             string // anywhere in name or tenant id
	Country          string
}

func (r *Reader) customers(f CustomerFilter) *gorm.DB {
	query := r.in(r.from("customers"), "tenant_id", f.IDs)
	query = equal(query, "reseller_tenant_id", f.ResellerTenantID)
	query = equal(query, "country", f.Country)
	if r.viewer.Role == models.RolePublisher { // which knows customers by id only
		return r.matching(query, f.Text, "tenant_id")
	}
	return r.matching(query, f.Text, "name", "tenant_id")
}

// Customers lists customers by reseller and tenant id.
func (r *Reader) Customers(filter CustomerFilter, page Page) ([]models.Customer, bool, error) {
	return pageOf[models.Customer](r, "customers", r.customers(filter), page, "reseller_tenant_id", "tenant_id")
}

// CountCustomers counts what Customers lists.
func (r *Reader) CountCustomers(filter CustomerFilter) (int64, error) {
	return count(r, r.customers(filter))
}

// KnownCustomers tells which customers that an offer names exist, as
// "reseller/customer", for models.SubmitFacts. It is not bound to the viewer: a
// publisher may name a customer that has bought nothing from it yet, and learns
// no more than that the id it wrote is one.
func (r *Reader) KnownCustomers(resellers []models.OfferReseller) (map[string]bool, error) {
	known := map[string]bool{}
	named, customers := []string{}, []string{}
	for _, reseller := range resellers {
		if len(reseller.CustomerTenantIDs) > 0 {
			named, customers = append(named, reseller.ResellerTenantID), append(customers, reseller.CustomerTenantIDs...)
		}
	}
	if len(named) == 0 {
		return known, nil
	}
	// One question for all, whose answer may hold pairs that nobody named.
	rows, err := find[models.Customer](r, "customers", r.in(r.in(r.db.Table("customers"), "reseller_tenant_id", named), "tenant_id", customers))
	for _, row := range rows {
		known[row.ResellerTenantID+"/"+row.TenantID] = true
	}
	return known, err
}

// ExchangeRates are the rates of the months from and to, both included, sorted
// by currency and month. They are the same for every viewer.
func (r *Reader) ExchangeRates(from, to models.Month) ([]models.ExchangeRate, error) {
	return find[models.ExchangeRate](r, "exchange_rates",
		r.from("exchange_rates").Where("month BETWEEN ? AND ?", from, to).Order("currency, month"))
}

// AgencyFees is the fee schedule as far as it concerns lines that the viewer
// may see. A reseller's lines cannot be rated without, so it gets all of it; the
// door shows it no fee.
func (r *Reader) AgencyFees() ([]models.AgencyFeeRate, error) {
	return find[models.AgencyFeeRate](r, "agency_fees",
		r.from("agency_fees").Order("publisher_id, product_id, private_offer_id, charge_type, effective_from"))
}

// CatalogueHistory is what became of one record, oldest first. Kind and key
// are those of models.Record.
func (r *Reader) CatalogueHistory(kind, key string) ([]models.CatalogueChange, error) {
	return find[models.CatalogueChange](r, "catalogue_changes",
		r.from("catalogue_changes").Where("kind = ? AND record_key = ?", kind, key).Order("recorded_at, id"))
}

// Saved is what saving a record did.
type Saved int

// The outcomes of SaveRecord. Rejected goes with violations.
const (
	Rejected Saved = iota
	Created
	Updated
	Unchanged
)

// RecordOutcome is the answer to one record of SaveRecords.
type RecordOutcome struct {
	Saved      Saved
	Violations models.Violations
}

// SaveRecords saves one record after the other; later ones may name earlier
// ones. A record that names what does not exist is Rejected and does not stop
// the rest.
func (w *Writer) SaveRecords(records []models.Record, now time.Time) ([]RecordOutcome, error) {
	outcomes := make([]RecordOutcome, len(records))
	for i, record := range records {
		saved, err := w.SaveRecord(record, now)
		if vs := (models.Violations)(nil); errors.As(err, &vs) {
			outcomes[i].Violations = vs
			continue
		}
		if err != nil {
			return nil, err
		}
		outcomes[i].Saved = saved
	}
	return outcomes, nil
}

// SaveRecord creates or updates one catalogue record, and adds what it became
// to the history and to the log of changes. References to what does not exist, and a product that another
// publisher has, are models.Violations; the record itself is taken as checked.
// An unchanged record leaves no trace.
func (w *Writer) SaveRecord(record models.Record, now time.Time) (Saved, error) {
	vs, err := w.checkReferences(record)
	if err != nil {
		return Rejected, err
	}
	if len(vs) > 0 {
		return Rejected, vs
	}
	saved, document, err := w.saveRow(record)
	if err != nil {
		return Rejected, err
	}
	w.known[record.Kind()+" "+record.Key()] = true
	if saved == Unchanged {
		return saved, nil
	}
	w.changedBy(record, now)
	id, err := uuid.NewV7()
	if err != nil {
		return Rejected, wrap(err)
	}
	return saved, wrap(w.db.Table("catalogue_changes").Create(&models.CatalogueChange{
		ID: id.String(), Kind: record.Kind(), Key: record.Key(), RecordedAt: now, Document: document,
	}).Error)
}

// checkReferences looks up every id that the record names; only a product may
// name resellers that come later. A fee is not such: it would never count where
// an id is mistyped, and nobody would be told.
func (w *Writer) checkReferences(record models.Record) (models.Violations, error) {
	var vs models.Violations
	var failed error
	need := func(kind, table, field, id string, code models.Code, key clause.Eq, more ...clause.Expression) {
		if failed != nil || id == "" {
			return
		}
		name := kind + " " + id
		if !w.known[name] {
			n, err := count(w.Reader, w.db.Table(table).Where(clause.And(append(more, key)...)).Limit(1))
			if failed = err; err != nil {
				return
			}
			w.known[name] = n > 0
		}
		if !w.known[name] {
			vs.Add(field, code, `"`+id+`" is not known: record the `+kind+" first")
		}
	}
	publisher := func(id string) {
		need("publisher", "publishers", "publisherId", id, models.CodeUnknownPublisher, clause.Eq{Column: "id", Value: id})
	}
	product := func(id string) {
		need("product", "products", "productId", id, models.CodeUnknownProduct, clause.Eq{Column: "id", Value: id})
	}
	ofProduct := func(kind, table, field, productID, id string, code models.Code) {
		if id != "" {
			need(kind, table, field, productID+"/"+id, code, clause.Eq{Column: "id", Value: id}, clause.Eq{Column: "product_id", Value: productID})
		}
	}
	switch {
	case record.Customer != nil:
		id := record.Customer.ResellerTenantID
		need("reseller", "resellers", "resellerTenantId", id, models.CodeUnknownReseller, clause.Eq{Column: "tenant_id", Value: id})
	case record.Product != nil:
		publisher(record.Product.PublisherID)
	case record.Plan != nil:
		product(record.Plan.ProductID)
	case record.Meter != nil:
		product(record.Meter.ProductID)
	case record.Price != nil:
		p := record.Price
		product(p.ProductID)
		ofProduct("plan", "plans", "planId", p.ProductID, p.PlanID, models.CodeUnknownPlan)
		ofProduct("meter", "meters", "meterId", p.ProductID, p.MeterID, models.CodeUnknownMeter)
	case record.AgencyFee != nil:
		f := record.AgencyFee
		publisher(f.PublisherID)
		product(f.ProductID)
		need("private offer", "private_offers", "privateOfferId", f.PrivateOfferID, models.CodeUnknownPrivateOffer, clause.Eq{Column: "id", Value: f.PrivateOfferID})
	}
	return vs, failed
}

func (w *Writer) saveRow(record models.Record) (Saved, string, error) {
	switch {
	case record.Publisher != nil:
		return upsert(w, "publishers", record.Publisher)
	case record.Reseller != nil:
		return upsert(w, "resellers", record.Reseller)
	case record.Customer != nil:
		return upsert(w, "customers", record.Customer)
	case record.Product != nil:
		return upsert(w, "products", record.Product)
	case record.Plan != nil:
		return upsert(w, "plans", record.Plan)
	case record.Meter != nil:
		return upsert(w, "meters", record.Meter)
	case record.Price != nil:
		return upsert(w, "prices", record.Price)
	case record.AgencyFee != nil:
		return upsert(w, "agency_fees", record.AgencyFee)
	case record.ExchangeRate != nil:
		return upsert(w, "exchange_rates", record.ExchangeRate)
	}
	return Rejected, "", errors.New("store: an empty catalogue record")
}

// upsert writes a row unless it is there already just so, and returns it as
// JSON, in which two rows are compared.
func upsert[T any](w *Writer, table string, row *T) (Saved, string, error) {
	document, err := json.Marshal(row)
	if err != nil {
		return Rejected, "", wrap(err)
	}
	key, err := primaryKey(w.db, row)
	if err != nil {
		return Rejected, "", err
	}
	// Locked, so that of two that change a record one comes after the other.
	before, err := one[T](w.Reader, table, w.db.Table(table).Clauses(clause.Locking{Strength: "UPDATE"}).Where(key))
	saved := Updated
	switch {
	case errors.Is(err, ErrNotFound):
		saved = Created
	case err != nil:
		return Rejected, "", err
	default:
		old, err := json.Marshal(before)
		if err != nil {
			return Rejected, "", wrap(err)
		}
		if string(old) == string(document) {
			return Unchanged, "", nil
		}
		if err := keeps(before, row).Err(); err != nil {
			return Rejected, "", err
		}
	}
	query := w.db.Table(table)
	if saved == Updated { // one that another writer creates meanwhile is ErrDuplicate, and found by the next attempt
		query = query.Clauses(clause.OnConflict{UpdateAll: true})
	}
	return saved, string(document), wrap(query.Create(row).Error)
}

// keeps returns what the change of a record takes from others. Subscriptions,
// offers and buckets hold the publisher of their product.
func keeps(before, after any) (vs models.Violations) {
	old, ok := before.(*models.Product)
	if ok && old.PublisherID != after.(*models.Product).PublisherID {
		vs.Add("publisherId", models.CodeConflict, "is not the publisher of this product so far: a product keeps its publisher, so list it again under another id")
	}
	return vs
}

// primaryKey is the condition that finds the row, empty columns included
// (gorm's own leaves those out).
func primaryKey[T any](db *gorm.DB, row *T) (clause.Expression, error) {
	statement := &gorm.Statement{DB: db}
	if err := statement.Parse(row); err != nil {
		return nil, wrap(err)
	}
	var all []clause.Expression
	value := reflect.ValueOf(row).Elem()
	for _, field := range statement.Schema.PrimaryFields {
		v, _ := field.ValueOf(db.Statement.Context, value)
		all = append(all, clause.Eq{Column: clause.Column{Name: field.DBName}, Value: v})
	}
	return clause.And(all...), nil
}
