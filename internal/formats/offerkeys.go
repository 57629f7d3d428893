package formats

import (
	"slices"
	"strings"
)

// SchemaVersion is a version of the vendor's schemas of private offers and their
// prices. The document around them has one of its own (configureSchema).
type SchemaVersion string

// The versions. A document that names none may have the keys of both.
const (
	Schema20220701 SchemaVersion = "2022-07-01"
	Schema20230715 SchemaVersion = "2023-07-15"
)

// SchemaVersions lists every version, the latest last.
var SchemaVersions = []SchemaVersion{Schema20220701, Schema20230715}

// Where schemas are, and their names, each with its version behind a slash.
const (
	schemaHost      = "https://schema.mp.microsoft.com/schema/"
	configureSchema = "configure/2022-07-01"
	offerSchemaName = "private-offer"
	priceSchemaName = "price-and-availability-private-offer-plan"
)

// versionOf reads the URL of a schema of a name, whichever host it is on.
func versionOf(url, name string) (version SchemaVersion, named bool) {
	at := strings.LastIndex(url, "/"+name+"/")
	if at < 0 {
		return "", false
	}
	return SchemaVersion(url[at+len(name)+2:]), true
}

// otherKey is a key of the vendor's schema that says nothing of a reseller's
// margin: it belongs to offers of other kinds, or to what the vendor answers.
type otherKey struct {
	// only is the one version that has the key, "" for both.
	only SchemaVersion
	// refused tells that an offer which says this is another offer than one that
	// does not; about is then what to do, else what is lost. Without either the key
	// may stand there for nothing.
	refused bool
	about   string
	// usual is a value that says nothing, besides null, false and what is empty.
	usual string
}

var pricingTypeKey = otherKey{only: Schema20230715, refused: true, usual: `"editExistingOfferPricingOnly"`,
	about: "only the prices of plans that exist can be changed: write editExistingOfferPricingOnly, or leave it out"}

var offerKeys = map[string]otherKey{
	"resourceName": {}, "description": {}, "lastModified": {}, "validations": {},
	"schema": {only: Schema20220701}, "_etag": {only: Schema20220701}, "eTag": {only: Schema20230715},
	"termsAndConditionsDocSasUrl":      {about: "terms and conditions are not kept here"},
	"termsAndConditionsDocs":           {only: Schema20230715, about: "terms and conditions are not kept here"},
	"originatorTermsAndConditionsDocs": {only: Schema20230715, about: "terms and conditions are not kept here"},
	"acceptanceLinks":                  {about: "a reseller's offer needs no acceptance"},
	"salesNote":                        {only: Schema20230715, about: "it is of multiparty offers"},
	"acceptBy":                         {refused: true, about: "a reseller's offer needs no acceptance: leave it out"},
	"subState":                         {only: Schema20230715, refused: true, about: "a reseller's offer waits for nobody: leave it out"},
	"upgradedFrom":                     {refused: true, about: "customers' offers only are upgraded: clone the offer, and leave this out"},
	"customerContractRenewal":          {only: Schema20230715, refused: true, about: "customers' offers only have the fee of renewals: leave it out"},
	"partners":                         {only: Schema20230715, refused: true, about: "it is of multiparty offers: name resellers in beneficiaries"},
	"originatorPricing":                {only: Schema20230715, refused: true, about: "it is of multiparty offers: write pricing"},
	"offerPricingType":                 pricingTypeKey,
}

var pricingKeys = map[string]otherKey{
	"productName": {only: Schema20230715}, "planName": {only: Schema20230715},
	"featureAvailabilityId": {only: Schema20220701}, "availabilityInstanceId": {only: Schema20220701},
	"markupPercentage": {only: Schema20230715, refused: true, about: "it is of multiparty offers: leave it out"},
	"basePlan":         {only: Schema20230715, refused: true, about: "no plan is made for an offer: price one that exists as plan"},
	"newPlanDetails":   {only: Schema20230715, refused: true, about: "no plan is made for an offer: price one that exists as plan"},
}

var priceKeys = map[string]otherKey{
	"planName": {}, "lifecycleState": {}, "validations": {}, "visibility": {},
	"offerPricingType":    pricingTypeKey,
	"softwareReservation": {only: Schema20230715, refused: true, about: "reservations of virtual machines have no prices here"},
}

var recurrentKeys = map[string]otherKey{
	"recurrentPriceMode": {}, // that of the plan
	"userLimits":         {only: Schema20230715, refused: true, about: "an offer cannot limit users: leave it out"},
}

var meterKeys = map[string]otherKey{
	"billingTerm":   {refused: true, about: "a meter has one price for every term"},
	"paymentOption": {refused: true, about: "a meter has one price for every term"},
}

// silent tells whether a JSON value says nothing.
func (k otherKey) silent(value string) bool {
	value = strings.Trim(value, " \t\r\n")
	return value == k.usual || slices.Contains([]string{"null", "false", `""`}, value) ||
		(value[0] == '[' || value[0] == '{') && strings.Trim(value, " \t\r\n[]{}") == ""
}

// other hears of a key that the schema of an object does not hold. strict is for
// prices, which might rest on what is not known.
func (d offerReader) other(keys map[string]otherKey, strict bool, path, name, value string) {
	key, known := keys[name]
	field := path + name
	switch {
	case !known && strict:
		d.add(field, CodeNotSupported, "notSupported", "is not known, and the price may rest on it: leave it out")
	case !known:
		d.warn(spread(field) + ": is not known and was not read")
	case key.silent(value):
	case key.refused:
		d.add(field, CodeNotSupported, "notSupported", "is not supported: "+key.about)
	case key.only != "" && d.version != "" && key.only != d.version:
		d.warn(spread(field) + ": is no key of " + offerSchemaName + "/" + string(d.version) + " and was not read")
	case key.about != "":
		d.warn(spread(field) + ": was not read: " + key.about)
	}
}

// spread stars the positions of a path, so that a key is said once a file.
func spread(path string) string {
	steps := strings.Split(path, ".")
	for i, step := range steps {
		if step != "" && strings.Trim(step, "0123456789") == "" {
			steps[i] = "*"
		}
	}
	return strings.Join(steps, ".")
}
