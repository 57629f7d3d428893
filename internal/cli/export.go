package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"time"

	"sellthrough/internal/formats"
	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/rating"
	"sellthrough/internal/store"
	"sellthrough/models"
	"sellthrough/reports"
)

type exportCommand struct {
	What      string   `arg:"" name:"kind" help:"billing-lines, margins, payouts, agency-fees or private-offers."`
	Month     string   `help:"The month of the report, YYYY-MM: needed, except for margins and private-offers, which have none." placeholder:"YYYY-MM"`
	Reseller  string   `help:"Only what concerns this reseller." placeholder:"TENANT"`
	Publisher string   `help:"Only what concerns this publisher." placeholder:"ID"`
	At        instant  `help:"Margins as of this instant. Default: now." placeholder:"INSTANT"`
	Status    []string `help:"Private offers in these states only: DRAFT, IN_PROGRESS, LIVE, ENDED, WITHDRAWN." placeholder:"STATUS"`
	Format    string   `help:"csv (the default) or jsonl; of private offers product-ingestion (the default) or jsonl."`
	Schema    string   `name:"schema-version" help:"Version of the schema of private offers: 2022-07-01 or 2023-07-15 (the default)." placeholder:"VERSION"`
	Out       string   `default:"-" help:"File to write, which appears when it is whole; - for standard output." placeholder:"FILE"`
}

// Run writes the report.
func (e *exportCommand) Run(ctx context.Context, p *Program, c *commands) error {
	if e.What == "private-offers" {
		return e.privateOffers(ctx, p, c)
	}
	columns, known := map[string][]string{
		"billing-lines": formats.BillingLineColumns, "margins": formats.MarginColumns,
		"payouts": formats.PayoutColumns, "agency-fees": formats.AgencyFeeColumns,
	}[e.What]
	if !known {
		return fmt.Errorf("%q is no report: export billing-lines, margins, payouts, agency-fees or private-offers", e.What)
	}
	if len(e.Status) > 0 || e.Schema != "" {
		return fmt.Errorf("--status and --schema-version have no meaning for %s: they count for private-offers only", e.What)
	}
	e.Format = cmp.Or(e.Format, string(formats.FormatCSV))
	if e.Format != string(formats.FormatCSV) && e.Format != string(formats.FormatJSONLines) {
		return fmt.Errorf("--format %q is none: choose csv or jsonl", e.Format)
	}
	month, err := e.month()
	if err != nil {
		return err
	}
	e.Reseller = lowerGUID(e.Reseller)
	return c.with(ctx, p, existing, func(s *session) error {
		if err := e.known(ctx, s); err != nil {
			return err
		}
		return e.write(p.Stdout, func(out io.Writer) error {
			return e.report(ctx, s, month, func() (formats.Table, error) {
				return formats.NewTable(out, formats.Format(e.Format), columns)
			})
		})
	})
}

// month is that of the report; margins are as of an instant and have none. A
// flag that a report has no use for is refused: who gives it expects it to count.
func (e *exportCommand) month() (models.Month, error) {
	switch {
	case e.What == "margins" && e.Month != "":
		return 0, errors.New("--month has no meaning for margins, which are as of an instant: use --at")
	case e.What == "margins":
		return 0, nil
	case e.At.at != nil:
		return 0, fmt.Errorf("--at has no meaning for %s, which are of a whole month: it counts for margins only", e.What)
	}
	month, err := models.ParseMonth(e.Month)
	if err != nil {
		err = fmt.Errorf("--month: %w", err)
	}
	return month, err
}

// known refuses a reseller or a publisher that does not exist: a report about
// nobody would be empty and look right.
func (e *exportCommand) known(ctx context.Context, s *session) error {
	if e.Reseller != "" {
		if known, err := s.knows(ctx, models.RoleReseller, e.Reseller); err != nil || !known {
			return cmp.Or(err, fmt.Errorf("--reseller %q is not known", e.Reseller))
		}
	}
	if e.Publisher != "" {
		if known, err := s.knows(ctx, models.RolePublisher, e.Publisher); err != nil || !known {
			return cmp.Or(err, fmt.Errorf("--publisher %q is not known", e.Publisher))
		}
	}
	return nil
}

// write runs f on standard output, or on a file that gets its name when f is
// done: a report is complete or it is not there.
func (e *exportCommand) write(stdout io.Writer, f func(out io.Writer) error) (err error) {
	if e.Out == "-" {
		out := bufio.NewWriterSize(stdout, 1<<16)
		if err := f(out); err != nil {
			return err
		}
		return out.Flush()
	}
	partial := e.Out + ".partial"
	file, err := os.Create(partial)
	if err != nil {
		return fmt.Errorf("--out %s: %w", e.Out, fileError(err))
	}
	if err := errors.Join(f(file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return os.Rename(partial, e.Out)
}

// report writes the rows. Nothing is written before the lines are known to be
// complete.
func (e *exportCommand) report(ctx context.Context, s *session, month models.Month, open func() (formats.Table, error)) error {
	if e.What == "margins" {
		return e.margins(ctx, s, open)
	}
	query := market.LineQuery{From: month, To: month, Where: store.LineFilter{ResellerTenantID: e.Reseller, PublisherID: e.Publisher}}
	return s.Lines(ctx, models.System, query, func(_ *rating.Book, lines iter.Seq[*models.BillingLine]) error {
		table, err := open()
		if err != nil {
			return err
		}
		switch e.What {
		case "billing-lines":
			err = writeLines(table, lines)
		case "payouts":
			err = writePayouts(table, lines)
		case "agency-fees":
			err = writeAgencyFees(table, lines)
		}
		return errors.Join(err, table.Close())
	})
}

func writeLines(table formats.Table, lines reports.Lines) error {
	var row []string
	for line := range lines {
		row = formats.BillingLineRow(row[:0], line)
		if err := table.Write(row...); err != nil {
			return err
		}
	}
	return nil
}

func writePayouts(table formats.Table, lines reports.Lines) error {
	payouts, err := reports.Payouts(lines)
	if err != nil {
		return err
	}
	for _, p := range payouts {
		amount := amountIn(p.Currency)
		err := table.Write(p.PublisherID, string(p.Currency), strconv.Itoa(p.Lines), amount(p.Wholesale), amount(p.AgencyFee), amount(p.OtherFees),
			amount(p.OtherDeductions), amount(p.Payout), string(p.Status), p.ExpectedMonth.String())
		if err != nil {
			return err
		}
	}
	return nil
}

func writeAgencyFees(table formats.Table, lines reports.Lines) error {
	fees, err := reports.AgencyFees(lines)
	if err != nil {
		return err
	}
	for _, f := range fees {
		amount := amountIn(f.Currency)
		if err := table.Write(f.PublisherID, f.ResellerTenantID, string(f.Kind), f.Rate.String(), amount(f.Base), amount(f.Amount), string(f.Currency)); err != nil {
			return err
		}
	}
	return nil
}

// amountIn prints minor units of a currency.
func amountIn(currency money.Currency) func(minor int64) string {
	return func(minor int64) string { return money.Amount{Minor: minor, Currency: currency}.String() }
}

// margins writes the margins of one reseller, or of all by tenant id.
func (e *exportCommand) margins(ctx context.Context, s *session, open func() (formats.Table, error)) error {
	at := s.Now()
	if e.At.at != nil {
		at = *e.At.at
	}
	filter := store.ResellerFilter{}
	if e.Reseller != "" {
		filter.IDs = []string{e.Reseller}
	}
	var resellers []models.Reseller
	err := s.Store.Read(ctx, models.System, func(r *store.Reader) (err error) {
		resellers, _, err = r.Resellers(filter, store.Page{})
		return err
	})
	if err != nil {
		return err
	}
	table, err := open()
	if err != nil {
		return err
	}
	for _, reseller := range resellers {
		margins, err := s.Margins(ctx, models.System, reseller.TenantID, at, &models.MarginFilter{PublisherID: e.Publisher}, market.Database)
		if err != nil {
			return err
		}
		for i := range margins {
			if err := writeMargin(table, &margins[i]); err != nil {
				return err
			}
		}
	}
	return table.Close()
}

// writeMargin writes a row for each price and customer; the customer is empty
// where the margin counts for all.
func writeMargin(table formats.Table, m *models.Margin) error {
	customers := m.CustomerTenantIDs
	if len(customers) == 0 {
		customers = []string{""}
	}
	percentage := ""
	if m.Type == models.MarginPercentage {
		percentage = m.Percentage.String()
	}
	for _, p := range m.Prices {
		start := m.Start
		if p.MeterID != "" {
			start = m.ConsumptionStart
		}
		for _, customer := range customers {
			err := table.Write(m.ID(), string(m.Type), m.ResellerTenantID, m.PublisherID, m.ProductID, p.PlanID, string(p.Term), string(p.Billing), p.MeterID,
				customer, p.Market, string(p.Currency), p.ListPrice.String(), percentage, p.WholesalePrice.String(),
				start.Format(time.RFC3339Nano), m.End.Format(time.RFC3339), string(m.Status), strconv.FormatBool(p.Wins))
			if err != nil {
				return err
			}
		}
	}
	return nil
}
