package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sellthrough/internal/formats"
	"sellthrough/internal/store"
	"sellthrough/models"
)

// privateOffers writes offers as documents: all that the database holds or, for a
// publisher, all that it may see.
func (e *exportCommand) privateOffers(ctx context.Context, p *Program, c *commands) error {
	if e.Month != "" || e.At.at != nil {
		return errors.New("--month and --at have no meaning for private-offers, which are as they are now")
	}
	var statuses []models.OfferStatus
	for _, name := range e.Status {
		status := models.OfferStatus(strings.ToUpper(name))
		if !slices.Contains(models.OfferStatuses, status) {
			return fmt.Errorf("--status %q is none: choose DRAFT, IN_PROGRESS, LIVE, ENDED or WITHDRAWN", name)
		}
		statuses = append(statuses, status)
	}
	open := func(out io.Writer) (*formats.OfferWriter, error) {
		return formats.NewOfferWriter(out, cmp.Or(formats.Format(e.Format), formats.FormatProductIngestion), cmp.Or(formats.SchemaVersion(e.Schema), formats.Schema20230715))
	}
	if _, err := open(io.Discard); err != nil {
		return err
	}
	e.Reseller = lowerGUID(e.Reseller)
	return c.with(ctx, p, existing, func(s *session) error {
		if err := e.known(ctx, s); err != nil {
			return err
		}
		viewer := models.System
		if e.Publisher != "" {
			viewer = models.Viewer{Role: models.RolePublisher, Organization: e.Publisher, Subject: "command line"}
		}
		return e.write(p.Stdout, func(out io.Writer) error {
			documents, err := open(out)
			if err != nil {
				return err
			}
			err = s.EachPrivateOffer(ctx, viewer, store.OfferFilter{ResellerTenantID: e.Reseller}, statuses, documents.Write)
			return cmp.Or(err, documents.Close())
		})
	})
}
