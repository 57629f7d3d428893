package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"

	"sellthrough/internal/formats"
	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/models"
)

type importCommand struct {
	What   string `arg:"" name:"kind" help:"catalogue, price-sheet, private-offers, purchases, usage or exchange-rates."`
	File   string `arg:"" help:"The file, - for standard input. .gz and .zst are read as they are."`
	Kind   string `help:"What a catalogue file in CSV holds: publisher, reseller, customer, product, plan, meter, price, agencyFee."`
	Format string `help:"Format of a usage file whose text does not tell: csv, jsonl, metering, daily-rated."`
	JSON   bool   `name:"json" help:"Print the summary as one JSON object."`
}

var usageFormats = []formats.Format{formats.FormatAny, formats.FormatCSV, formats.FormatJSONLines, formats.FormatMetering, formats.FormatDailyRated}

// Run imports the file and prints the summary.
func (i *importCommand) Run(ctx context.Context, p *Program, c *commands) error {
	kind, known := importKinds[i.What]
	if !known {
		return fmt.Errorf("%q is no kind of file: import catalogue, price-sheet, private-offers, purchases, usage or exchange-rates", i.What)
	}
	if !slices.Contains(usageFormats, formats.Format(i.Format)) {
		return fmt.Errorf("--format %q is none: choose csv, jsonl, metering or daily-rated", i.Format)
	}
	input, err := formats.Open(i.File, p.Stdin)
	if err != nil {
		return fmt.Errorf("%s: %w", i.File, fileError(err))
	}
	defer input.Close()
	return c.with(ctx, p, store.Options{}, func(s *session) error {
		began := p.Clock()
		progress := p.progress(input)
		job := importJob{
			market: s.Market, kind: i.Kind, format: formats.Format(i.Format),
			rejectedPath: rejectedPath(i.File), progress: progress.show, warn: func(warning string) { progress.say(warning) },
		}
		done, err := kind(ctx, job, input)
		progress.end()
		return i.finish(p, done, err, p.Clock().Sub(began))
	})
}

// finish prints the summary of what was answered, and turns the end of the
// import into that of the program.
func (i *importCommand) finish(p *Program, done ImportCount, err error, took time.Duration) error {
	if err != nil && done.Records == 0 {
		return &explained{i.File + ": " + explain(fileError(err)), err}
	}
	summary := importSummary{File: i.File, Kind: i.What, ImportCount: done, Seconds: seconds(took)}
	if printed := summary.print(p.Stdout, i.JSON); err == nil {
		err = printed
	}
	switch {
	case err != nil:
		return &explained{fmt.Sprintf("%s: stopped after %d records, which stand; import the file again to go on: %s", i.File, done.Records, explain(fileError(err))), err}
	case done.Rejected > 0:
		return status(StatusFindings)
	}
	return nil
}

// fileError words what the operating system says, without the path, which is
// said already.
func fileError(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// rejectedPath is beside the file.
func rejectedPath(file string) string {
	if file == "-" {
		file = "stdin"
	}
	return file + ".rejected.jsonl"
}

func seconds(d time.Duration) string { return money.New(d.Milliseconds(), 3).String() }

// ImportCount is how the records of a file were answered.
type ImportCount struct {
	Records      int    `json:"records"`
	Accepted     int    `json:"accepted"`
	Duplicates   int    `json:"duplicates"`
	Rejected     int    `json:"rejected"`
	RejectedFile string `json:"rejectedFile"`
}

type importSummary struct {
	File string `json:"file"`
	Kind string `json:"kind"`
	ImportCount
	// Seconds is a decimal number.
	Seconds string `json:"seconds"`
}

func (s *importSummary) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(s)
	}
	_, err := fmt.Fprintf(out, "%s, in %s s\n", s.sentence(), s.Seconds)
	return err
}

func (s *importSummary) sentence() string {
	where := ""
	if s.Rejected > 0 {
		where = " (see " + s.RejectedFile + ")"
	}
	return fmt.Sprintf("%s: %d records: %d accepted, %d duplicates, %d rejected%s", s.File, s.Records, s.Accepted, s.Duplicates, s.Rejected, where)
}

// importJob is an import of one file.
type importJob struct {
	market       *market.Market
	kind         string
	format       formats.Format
	rejectedPath string
	// progress hears how many records are answered, warn what is odd.
	progress func(records int)
	warn     func(warning string)
}

// How many records go into one transaction. What a chunk costs whatever its
// size (locks, subscriptions, buckets) is shared by its records, so large ones
// are faster; but resellers stay locked while it lasts. 50,000 usage records
// take about half a second, and load at three quarters of the bare engine's
// rate, where 10,000 load at half of it (BenchmarkImportUsage).
const (
	catalogueChunk = 1_000
	purchasesChunk = 5_000
	usageChunk     = 50_000
)

// importKinds are the kinds of files, by name.
var importKinds = map[string]func(ctx context.Context, job importJob, in io.Reader) (ImportCount, error){
	"catalogue": func(ctx context.Context, job importJob, in io.Reader) (ImportCount, error) {
		return importCatalogue(ctx, job, formats.ReadCatalogue(in, job.kind))
	},
	"price-sheet": func(ctx context.Context, job importJob, in io.Reader) (ImportCount, error) {
		return importCatalogue(ctx, job, formats.ReadPriceSheet(in))
	},
	"exchange-rates": func(ctx context.Context, job importJob, in io.Reader) (ImportCount, error) {
		return importCatalogue(ctx, job, formats.ReadExchangeRates(in))
	},
	"private-offers": func(ctx context.Context, job importJob, in io.Reader) (ImportCount, error) {
		return importRecords(ctx, job, formats.ReadPrivateOffers(in, job.market.Limits), 1, func(documents []formats.OfferDocument, faults market.Faults) ([]market.Outcome, error) {
			outcome, err := job.market.RecordPrivateOffer(ctx, models.System, documents[0].Offer, documents[0].Live, faults[0])
			return []market.Outcome{outcome}, err
		})
	},
	"purchases": func(ctx context.Context, job importJob, in io.Reader) (ImportCount, error) {
		return importRecords(ctx, job, formats.ReadPurchases(in), purchasesChunk, func(purchases []models.Purchase, faults market.Faults) ([]market.Outcome, error) {
			return job.market.RecordPurchases(ctx, models.System, purchases, faults)
		})
	},
	"usage": func(ctx context.Context, job importJob, in io.Reader) (ImportCount, error) {
		return importRecords(ctx, job, formats.ReadUsage(in, job.format), usageChunk, func(usage []models.UsageRecord, faults market.Faults) ([]market.Outcome, error) {
			return job.market.RecordUsage(ctx, models.System, usage, faults)
		})
	},
}

func importCatalogue(ctx context.Context, job importJob, reader *formats.Reader[models.Record]) (ImportCount, error) {
	return importRecords(ctx, job, reader, catalogueChunk, func(records []models.Record, faults market.Faults) ([]market.Outcome, error) {
		return job.market.SaveCatalogue(ctx, models.System, records, faults)
	})
}

// importRecords streams the records of a file through record, chunk by chunk,
// each in a transaction of its own: a file that is cut off, or a process that
// is killed, leaves whole chunks, and importing it again counts nothing twice.
// While the database works on one chunk, the next is read.
//
// The error is what stopped the import. What was answered before stands and is
// counted.
func importRecords[T any](ctx context.Context, job importJob, reader *formats.Reader[T], size int, record func([]T, market.Faults) ([]market.Outcome, error)) (ImportCount, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var count ImportCount
	rejected, err := formats.CreateRejected(job.rejectedPath)
	if err != nil {
		return count, err
	}
	for chunk := range ahead(ctx, chunks(reader, size)) {
		if err = chunk.err; err == nil {
			err = answer(chunk.records, record, rejected, &count)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			break
		}
		job.progress(count.Records)
	}
	for _, warning := range reader.Warnings() {
		job.warn(warning)
	}
	path, _, closed := rejected.Close()
	count.RejectedFile = path
	return count, errors.Join(err, closed)
}

// chunk is some records of a file, or what stopped it.
type chunk[T any] struct {
	records []formats.Record[T]
	err     error
}

// chunks cuts the records of a file into pieces.
func chunks[T any](reader *formats.Reader[T], size int) iter.Seq[chunk[T]] {
	return func(yield func(chunk[T]) bool) {
		records := make([]formats.Record[T], 0, size)
		for record, err := range reader.Records() {
			if err != nil {
				// What was read before the fault counts.
				_ = (len(records) == 0 || yield(chunk[T]{records: records})) && yield(chunk[T]{err: err})
				return
			}
			if records = append(records, record); len(records) == size {
				if !yield(chunk[T]{records: records}) {
					return
				}
				records = make([]formats.Record[T], 0, size)
			}
		}
		if len(records) > 0 {
			yield(chunk[T]{records: records})
		}
	}
}

// ahead makes the next value of the sequence while the last is being used. The
// sequence is over when the loop over ahead is.
func ahead[V any](ctx context.Context, values iter.Seq[V]) iter.Seq[V] {
	return func(yield func(V) bool) {
		ctx, stop := context.WithCancel(ctx)
		made := make(chan V)
		go func() {
			defer close(made)
			for value := range values {
				select {
				case made <- value:
				case <-ctx.Done():
					return
				}
			}
		}()
		defer func() {
			stop()
			for range made { // until the maker has left, too
			}
		}()
		for value := range made {
			if !yield(value) {
				return
			}
		}
	}
}

// answer records a chunk, and writes the rejected records down in the order of
// the file, each with all that is wrong with it.
func answer[T any](records []formats.Record[T], record func([]T, market.Faults) ([]market.Outcome, error), rejected *formats.Rejected, count *ImportCount) error {
	values, faults := make([]T, len(records)), make(market.Faults, len(records))
	for i := range records {
		values[i], faults[i] = records[i].Value, records[i].Violations
	}
	outcomes, err := record(values, faults)
	if err != nil {
		return err
	}
	for i := range records {
		count.Records++
		switch outcomes[i].Status {
		case market.Accepted:
			count.Accepted++
			continue
		case market.Duplicate:
			count.Duplicates++
			continue
		}
		count.Rejected++
		r := &records[i]
		r.Reject(outcomes[i].Violations[len(faults[i]):]) // the faults have the file's names already
		if err := rejected.Add(r.Number, r.Raw(), r.Violations); err != nil {
			return fmt.Errorf("cannot write the rejected records: %w", err)
		}
	}
	return nil
}

// progress shows how far an import is: a bar on a terminal, else a line now and
// then.
type progress struct {
	program *Program
	input   *formats.Input
	bar     *progressbar.ProgressBar
	last    time.Time
}

const progressEvery = 5 * time.Second

func (p *Program) progress(input *formats.Input) *progress {
	shown := &progress{program: p, input: input, last: p.Clock()}
	if p.Terminal {
		shown.bar = progressbar.NewOptions64(input.Size(),
			progressbar.OptionSetWriter(p.Stderr), progressbar.OptionSetDescription(filepath.Base(input.Name)),
			progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	return shown
}

func (s *progress) show(records int) {
	if s.bar != nil {
		_ = s.bar.Set64(s.input.BytesRead()) // a bar that cannot be drawn stops no import
		return
	}
	if now := s.program.Clock(); now.Sub(s.last) >= progressEvery {
		s.last = now
		of := ""
		if size := s.input.Size(); size > 0 {
			of = fmt.Sprintf(", %d %% of the file", 100*s.input.BytesRead()/size)
		}
		s.say(fmt.Sprintf("%d records%s", records, of))
	}
}

func (s *progress) say(text string) {
	if s.bar != nil {
		_ = s.bar.Clear()
	}
	fmt.Fprintln(s.program.Stderr, s.input.Name+": "+text)
}

func (s *progress) end() {
	if s.bar != nil {
		_ = s.bar.Finish()
	}
}
