package models_test

import (
	"strings"
	"testing"

	"sellthrough/models"
)

// The status that follows from the history of an offer, event by event.
func TestStatusChanges(t *testing.T) {
	for name, c := range map[string]struct{ resellers, history, want string }{
		"a draft": {"a", "CREATED UPDATED CLONED", ""},
		"one reseller": {"a", "CREATED UPDATED SUBMITTED AUTHORIZED/a PUBLISHED/a LIVE ENDED", `
			SUBMITTED DRAFT>IN_PROGRESS
			AUTHORIZED/a IN_PROGRESS>IN_PROGRESS AUTHORIZATION_IN_PROGRESS>PUBLISH_IN_PROGRESS
			PUBLISHED/a IN_PROGRESS>IN_PROGRESS PUBLISH_IN_PROGRESS>LIVE
			LIVE IN_PROGRESS>LIVE
			ENDED LIVE>ENDED`},
		"one of two fails, and is tried again": {"a b", "SUBMITTED AUTHORIZED/a PUBLISHED/a FAILED/b LIVE RETRIED/b AUTHORIZED/b PUBLISHED/b", `
			SUBMITTED DRAFT>IN_PROGRESS
			AUTHORIZED/a IN_PROGRESS>IN_PROGRESS AUTHORIZATION_IN_PROGRESS>PUBLISH_IN_PROGRESS
			PUBLISHED/a IN_PROGRESS>IN_PROGRESS PUBLISH_IN_PROGRESS>LIVE
			FAILED/b IN_PROGRESS>IN_PROGRESS AUTHORIZATION_IN_PROGRESS>FAILED
			LIVE IN_PROGRESS>LIVE
			RETRIED/b LIVE>IN_PROGRESS FAILED>AUTHORIZATION_IN_PROGRESS
			AUTHORIZED/b IN_PROGRESS>IN_PROGRESS AUTHORIZATION_IN_PROGRESS>PUBLISH_IN_PROGRESS
			PUBLISHED/b IN_PROGRESS>LIVE PUBLISH_IN_PROGRESS>LIVE`},
		"authorised, then failed": {"a", "SUBMITTED AUTHORIZED/a FAILED/a RETRIED/a", `
			SUBMITTED DRAFT>IN_PROGRESS
			AUTHORIZED/a IN_PROGRESS>IN_PROGRESS AUTHORIZATION_IN_PROGRESS>PUBLISH_IN_PROGRESS
			FAILED/a IN_PROGRESS>IN_PROGRESS PUBLISH_IN_PROGRESS>FAILED
			RETRIED/a IN_PROGRESS>IN_PROGRESS FAILED>PUBLISH_IN_PROGRESS`},
		"withdrawn, one after the other": {"a b", "SUBMITTED AUTHORIZED/a PUBLISHED/a AUTHORIZED/b PUBLISHED/b LIVE WITHDRAWN/a WITHDRAWN/b WITHDRAWN", `
			SUBMITTED DRAFT>IN_PROGRESS
			AUTHORIZED/a IN_PROGRESS>IN_PROGRESS AUTHORIZATION_IN_PROGRESS>PUBLISH_IN_PROGRESS
			PUBLISHED/a IN_PROGRESS>IN_PROGRESS PUBLISH_IN_PROGRESS>LIVE
			AUTHORIZED/b IN_PROGRESS>IN_PROGRESS AUTHORIZATION_IN_PROGRESS>PUBLISH_IN_PROGRESS
			PUBLISHED/b IN_PROGRESS>IN_PROGRESS PUBLISH_IN_PROGRESS>LIVE
			LIVE IN_PROGRESS>LIVE
			WITHDRAWN/a LIVE>LIVE LIVE>WITHDRAWN
			WITHDRAWN/b LIVE>LIVE LIVE>WITHDRAWN
			WITHDRAWN LIVE>WITHDRAWN`},
		"withdrawn from the only one that was not failed": {"a b", "SUBMITTED AUTHORIZED/a PUBLISHED/a FAILED/b LIVE WITHDRAWN/a", `
			SUBMITTED DRAFT>IN_PROGRESS
			AUTHORIZED/a IN_PROGRESS>IN_PROGRESS AUTHORIZATION_IN_PROGRESS>PUBLISH_IN_PROGRESS
			PUBLISHED/a IN_PROGRESS>IN_PROGRESS PUBLISH_IN_PROGRESS>LIVE
			FAILED/b IN_PROGRESS>IN_PROGRESS AUTHORIZATION_IN_PROGRESS>FAILED
			LIVE IN_PROGRESS>LIVE
			WITHDRAWN/a LIVE>IN_PROGRESS LIVE>WITHDRAWN`},
		"ended unpublished": {"a", "SUBMITTED ENDED", `
			SUBMITTED DRAFT>IN_PROGRESS
			ENDED IN_PROGRESS>ENDED`},
	} {
		t.Run(name, func(t *testing.T) {
			var offer models.PrivateOffer
			for _, id := range strings.Fields(c.resellers) {
				offer.Resellers = append(offer.Resellers, models.OfferReseller{ResellerTenantID: id})
			}
			var history []models.OfferEvent
			for i, word := range strings.Fields(c.history) {
				kind, reseller, _ := strings.Cut(word, "/")
				history = append(history, models.OfferEvent{Number: i + 1, Type: models.OfferEventType(kind), ResellerTenantID: reseller})
			}
			var got []string
			for _, change := range offer.StatusChanges(history) {
				line := string(change.Event.Type)
				if id := change.Event.ResellerTenantID; id != "" {
					line += "/" + id
				}
				line += " " + string(change.Before) + ">" + string(change.After)
				if change.ResellerAfter != "" {
					line += " " + string(change.ResellerBefore) + ">" + string(change.ResellerAfter)
				}
				got = append(got, line)
			}
			var want []string
			for line := range strings.Lines(c.want) {
				if line = strings.TrimSpace(line); line != "" {
					want = append(want, line)
				}
			}
			if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}
