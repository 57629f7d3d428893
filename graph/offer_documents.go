package graph

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sellthrough/graph/generated"
	"sellthrough/internal/formats"
	"sellthrough/internal/market"
	"sellthrough/models"
)

// maxOffers is how many offers one document may bring in one call.
const maxOffers = 100

const codeUnreadable models.Code = "UNREADABLE_DOCUMENT"

// importOffers reads a document, records its offers in one transaction, and
// answers each in the words of the document.
func (r *Resolver) importOffers(ctx context.Context, input generated.ImportPrivateOffersInput) (*generated.ImportPrivateOffersPayload, error) {
	request := r.request(ctx)
	payload := &generated.ImportPrivateOffersPayload{}
	records, refused := r.readOffers(input.Document, payload)
	if len(refused) > 0 {
		payload.UserErrors = append(request.Check(), refused...)
		return payload, nil
	}
	documents, faults := make([]market.OfferDocument, len(records)), make(market.Faults, len(records))
	for i := range records {
		documents[i] = market.OfferDocument{Offer: records[i].Value.Offer, Live: records[i].Value.Live}
		documents[i].Offer.PublisherID = bareOf(bare, kindPublisher, input.PublisherID)
		faults[i] = records[i].Violations
	}
	outcomes, refused, err := r.Market.RecordPrivateOffers(ctx, request, documents, faults)
	payload.UserErrors = refused
	for i := range outcomes {
		payload.Results = append(payload.Results, offerResult(&records[i], outcomes[i], input.PublisherID != nil))
	}
	payload.Accepted, payload.Duplicates, payload.Rejected = tally(outcomes)
	return payload, err
}

// readOffers reads the resources of a document, or says why it is refused.
func (r *Resolver) readOffers(document string, payload *generated.ImportPrivateOffersPayload) (records []formats.Record[formats.OfferDocument], vs models.Violations) {
	reader := formats.ReadPrivateOffers(strings.NewReader(document), r.Market.Limits)
	for record, err := range reader.Records() {
		if err != nil {
			vs.Add("document", codeUnreadable, "cannot be read: "+err.Error())
			break
		}
		if len(records) == maxOffers {
			vs.Add("document", codeTooMany, fmt.Sprintf("holds more than %d offers: send several, or import a file", maxOffers))
			break
		}
		records = append(records, record)
	}
	payload.Warnings = reader.Warnings()
	return records, vs
}

func offerResult(record *formats.Record[formats.OfferDocument], o market.Outcome, publisherNamed bool) generated.ImportPrivateOfferResult {
	result := generated.ImportPrivateOfferResult{Index: record.Number - 1, Status: o.Status}
	if id := record.Value.Offer.ID; id != "" {
		result.PrivateOfferID = &id
	}
	// What reading found has the document's names already. An answer that is told
	// again may have fewer of them: limits are configuration.
	for _, v := range o.Violations[min(len(record.Violations), len(o.Violations)):] {
		if v.Path() == "publisherId" && publisherNamed {
			record.Violations = append(record.Violations, v) // the input says it, not the document
		} else {
			record.Reject(models.Violations{v})
		}
	}
	if o.Status == market.Rejected {
		result.Errors = record.Violations
	}
	return result
}

// offerDocument is an offer as a document of its own.
func offerDocument(offer *models.PrivateOffer, status models.OfferStatus, version generated.PrivateOfferSchemaVersion) (string, error) {
	at := slices.Index(generated.AllPrivateOfferSchemaVersion, version) // in the order of formats
	var text strings.Builder
	w, err := formats.NewOfferWriter(&text, formats.FormatProductIngestion, formats.SchemaVersions[at])
	if err != nil {
		return "", err
	}
	if err := w.Write(offer, status); err != nil {
		return "", err
	}
	err = w.Close()
	return text.String(), err
}
