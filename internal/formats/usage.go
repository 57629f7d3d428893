package formats

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"

	"sellthrough/models"
)

// Format is the shape of a usage file.
type Format string

// The shapes. FormatAny is the project's own columns, CSV or JSON Lines by the
// first byte: { or [ is JSON. The vendor's two are always JSON.
const (
	FormatAny        Format = ""
	FormatCSV        Format = "csv"
	FormatJSONLines  Format = "jsonl"
	FormatMetering   Format = "metering"
	FormatDailyRated Format = "daily-rated"
)

// Formats lists the shapes that can be named.
var Formats = []Format{FormatCSV, FormatJSONLines, FormatMetering, FormatDailyRated}

// ReadUsage reads usage records in one of Formats, or FormatAny. The Digest of
// each good record is set, its RecordedAt is not.
func ReadUsage(in io.Reader, format Format) *Reader[models.UsageRecord] {
	switch format {
	case FormatMetering:
		r := newReader(in, meteringShape)
		r.csv, r.envelope = false, "request"
		return r
	case FormatDailyRated:
		r := newReader(in, dailyRatedShape())
		r.csv, r.envelope = false, "items"
		return r
	}
	r := newReader(in, usageShape)
	r.csv, r.json = format != FormatJSONLines, format != FormatCSV
	return r
}

const (
	usageSource = iota
	usageExternalID
	usageOccurredAt
	usageSubscriptionID
	usageMeterID
	usageQuantity
)

var usageShape = shape[models.UsageRecord]{
	schema: newSchema("source, external_id, occurred_at, subscription_id, meter_id, quantity"),
	parse: func(f *found) (models.UsageRecord, models.Violations) {
		c := f.read()
		return checkUsage(c, nil, models.UsageRecord{
			Source:         c.text(usageSource),
			ExternalID:     c.text(usageExternalID),
			OccurredAt:     c.instant(usageOccurredAt),
			SubscriptionID: c.id(usageSubscriptionID),
			MeterID:        c.id(usageMeterID),
			Quantity:       c.needed(usageQuantity, models.CodeQuantityTooLarge),
		})
	},
}

func checkUsage(c *cells, n naming, u models.UsageRecord) (models.UsageRecord, models.Violations) {
	check := u.Check()
	if n != nil { // the id is made of fields that have their own violations
		check = slices.DeleteFunc(check, func(v models.Violation) bool { return v.Field[0] == "external_id" })
	}
	vs := merge(*c.violations, n.rename(check))
	if len(vs) == 0 {
		u.Digest = u.Fingerprint()
	}
	return u, vs
}

const (
	meteringResourceID = iota
	meteringDimension
	meteringQuantity
	meteringStart
	meteringPlanID
)

var meteringNaming = names("subscription_id", "resourceId", "meter_id", "dimension", "occurred_at", "effectiveStartTime")

// meteringShape is a usage event of the marketplace metering API (rules 3.5).
// There may be one for each resource, dimension and hour, which is therefore
// its identity. planId is the sender's reminder: the plan in force decides.
var meteringShape = shape[models.UsageRecord]{
	schema: newSchema("resourceId, dimension, quantity, effectiveStartTime, planId?",
		"usageEventId", "status", "messageTime", "resourceUri"),
	naming:   meteringNaming,
	identity: "the event of this resourceId, dimension and hour",
	parse: func(f *found) (models.UsageRecord, models.Violations) {
		c := f.read()
		c.text(meteringPlanID)
		u := models.UsageRecord{
			Source:         string(FormatMetering),
			OccurredAt:     c.instant(meteringStart),
			SubscriptionID: c.id(meteringResourceID),
			MeterID:        c.id(meteringDimension),
			Quantity:       c.needed(meteringQuantity, models.CodeQuantityTooLarge),
		}
		u.ExternalID = u.SubscriptionID + "/" + u.MeterID + "/" + u.OccurredAt.Format("2006-01-02T15")
		if len(u.ExternalID) > models.MaxIDLength {
			u.ExternalID = shortID(u.OccurredAt.Format("2006-01-02T15"), hashOf(u.SubscriptionID, u.MeterID))
		}
		return checkUsage(c, meteringNaming, u)
	},
}

const (
	dailySubscriptionID = iota
	dailyMeterID
	dailyQuantity
	dailyUsageDate
	dailyResourceURI
)

var dailyNaming = names("subscription_id", "subscriptionId", "meter_id", "meterId", "occurred_at", "usageDate")

// dailyRatedShape is a daily-rated usage line item (rules 5.4). It has no id of
// its own, so its identity is subscriptionId, resourceUri, meterId, usageDate
// and which of that key in the file it is; since a resourceUri is long, the id
// is usageDate/hash/ordinal. What the vendor's own rating put on the item is
// not read: it is rated here.
func dailyRatedShape() shape[models.UsageRecord] {
	// The hash is cut to 8 bytes here: ten million items stay in some 200 MB,
	// and should two keys ever share one, their ids still differ.
	ordinals := map[uint64]uint32{}
	return shape[models.UsageRecord]{
		schema:   dailySchema,
		naming:   dailyNaming,
		identity: "the item of this subscriptionId, resourceUri, meterId and usageDate",
		parse: func(f *found) (models.UsageRecord, models.Violations) {
			c := f.read()
			u := models.UsageRecord{
				Source:         string(FormatDailyRated),
				OccurredAt:     c.instant(dailyUsageDate),
				SubscriptionID: c.id(dailySubscriptionID),
				MeterID:        c.id(dailyMeterID),
				Quantity:       c.needed(dailyQuantity, models.CodeQuantityTooLarge),
			}
			day := u.OccurredAt.Format("2006-01-02T15:04:05Z")
			key := hashOf(u.SubscriptionID, c.text(dailyResourceURI), u.MeterID, day)
			place := binary.BigEndian.Uint64(key[:8])
			ordinals[place]++
			u.ExternalID = shortID(day[:len("2006-01-02")], key) + "/" + strconv.Itoa(int(ordinals[place]))
			return checkUsage(c, dailyNaming, u)
		},
	}
}

var dailySchema = newSchema("subscriptionId, meterId, quantity, usageDate, resourceUri?", strings.Fields(`
	partnerId partnerName customerId customerName customerDomainName customerCountry invoiceNumber productId skuId
	availabilityId skuName productName publisherName publisherId subscriptionDescription chargeStartDate chargeEndDate
	meterType meterCategory meterSubCategory meterName meterRegion unitOfMeasure resourceLocation consumedService
	resourceGroup tags additionalInfo serviceInfo1 serviceInfo2 mpnId resellerMpnId chargeType unitPrice unitType
	billingPreTaxTotal billingCurrency pricingPreTaxTotal pricingCurrency entitlementId entitlementDescription
	pcToBCExchangeRate pcToBCExchangeRateDate effectiveUnitPrice rateOfPartnerEarnedCredit rateOfCredit creditType
	invoiceLineItemType billingProvider attributes benefitId benefitOrderId benefitType`)...)

// hashOf is a digest of texts, each behind its length, so that no two lists
// share one by shifting a slash.
func hashOf(parts ...string) (d models.Digest) {
	var b []byte
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	copy(d[:], sum[:])
	return d
}

// shortID is an id of bounded length for a key of any: something to read, and
// 32 hexadecimal digits.
func shortID(prefix string, hash models.Digest) string {
	return prefix + "/" + hex.EncodeToString(hash[:])
}
