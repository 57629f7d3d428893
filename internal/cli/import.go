package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"sellthrough/internal/formats"
	"sellthrough/internal/market"
	"sellthrough/internal/money"
	"sellthrough/internal/store"
	"sellthrough/models"
)

type importCommand struct {
	What      string `arg:"" name:"kind" help:"catalogue, price-sheet, private-offers, purchases, usage or exchange-rates."`
	File      string `arg:"" help:"The file, - for standard input. .gz and .zst are read as they are."`
	Kind      string `help:"What a catalogue file in CSV holds: publisher, reseller, customer, product, plan, meter, price, agencyFee."`
	Format    string `help:"Format of a usage file whose text does not tell: csv, jsonl, metering, daily-rated."`
	Rejected  string `help:"Where rejected records go. Default: beside the file, under its name and .rejected.jsonl." placeholder:"PATH"`
	Publisher string `help:"Whose the private offers are. Default: their products' publisher; needed where one prices nothing yet." placeholder:"ID"`
	JSON      bool   `name:"json" help:"Print one JSON object: the summary, or why there was nothing to sum up."`

	ValidateOnly bool `help:"Answer every record as the import would, and record nothing; the rejected ones are written down. The whole file is one transaction, and others who record wait for its end."`
}

var usageFormats = []formats.Format{formats.FormatAny, formats.FormatCSV, formats.FormatJSONLines, formats.FormatMetering, formats.FormatDailyRated}

// Run imports the file and prints the summary.
func (i *importCommand) Run(ctx context.Context, p *Program, c *commands) error {
	began := p.Clock()
	done, err := i.run(ctx, p, c)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	summary := importSummary{File: i.File, Kind: i.What, ImportCount: done, ValidateOnly: i.ValidateOnly, Seconds: seconds(p.Clock().Sub(began))}
	if err != nil {
		summary.Error = explain(err)
	}
	// Who reads JSON gets an object whatever happens; others get no summary of
	// nothing.
	if i.JSON || err == nil || done.Records > 0 {
		if printed := summary.print(p.Stdout, i.JSON); err == nil {
			err = printed
		}
	}
	if err == nil && done.Rejected > 0 {
		return status(StatusFindings)
	}
	return err
}

// run imports the file and counts what was answered, also when it is stopped.
func (i *importCommand) run(ctx context.Context, p *Program, c *commands) (done ImportCount, err error) {
	kind, known := importKinds[i.What]
	if !known {
		return done, fmt.Errorf("%q is no kind of file: import catalogue, price-sheet, private-offers, purchases, usage or exchange-rates", i.What)
	}
	if !slices.Contains(usageFormats, formats.Format(i.Format)) {
		return done, fmt.Errorf("--format %q is none: choose csv, jsonl, metering or daily-rated", i.Format)
	}
	if i.Publisher != "" && i.What != "private-offers" {
		return done, fmt.Errorf("--publisher has no meaning for %s: it counts for private-offers only", i.What)
	}
	input, err := formats.Open(ctx, i.File, p.Stdin)
	if err != nil {
		return done, i.fault(0, err)
	}
	defer input.Close()
	options := store.Options{}
	if i.ValidateOnly {
		options = store.Options{Existing: true, SkipMigrations: true} // tables are written, too
	}
	err = c.with(ctx, p, options, func(s *session) error {
		if i.Publisher != "" {
			if known, err := s.knows(ctx, models.RolePublisher, i.Publisher); err != nil || !known {
				return cmp.Or(err, fmt.Errorf("--publisher %q is not known", i.Publisher))
			}
		}
		progress := p.progress(input)
		job := importJob{
			market: s.Market, kind: i.Kind, format: formats.Format(i.Format), publisher: i.Publisher,
			rejectedPath: cmp.Or(i.Rejected, rejectedPath(i.File)), progress: progress.show, warn: func(warning string) { progress.say(warning) },
		}
		if i.ValidateOnly {
			err = s.Rehearse(ctx, func(rehearsed *market.Market) (err error) {
				job.market = rehearsed
				done, err = kind(ctx, job, input)
				return err
			})
		} else {
			done, err = kind(ctx, job, input)
		}
		progress.end()
		return i.fault(done.Records, err)
	})
	return done, err
}

// fault says what stopped the import, and where.
func (i *importCommand) fault(records int, err error) error {
	switch {
	case err == nil:
		return nil
	case records == 0:
		return &explained{i.File + ": " + explain(fileError(err)), err}
	case i.ValidateOnly:
		return &explained{fmt.Sprintf("%s: stopped after %d records, of which none is recorded: %s", i.File, records, explain(fileError(err))), err}
	}
	return &explained{fmt.Sprintf("%s: stopped after %d records, which stand; import the file again to go on: %s", i.File, records, explain(fileError(err))), err}
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

// rejectedPath is beside the file; beside a pipe is where the program runs.
func rejectedPath(file string) string {
	if file == "-" || strings.HasPrefix(file, "/dev/") {
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
	// ValidateOnly says that nothing of it was recorded.
	ValidateOnly bool `json:"validateOnly,omitempty"`
	// Seconds is a decimal number.
	Seconds string `json:"seconds"`
	// Error is what stopped the import.
	Error string `json:"error,omitempty"`
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
	if s.RejectedFile != "" {
		where = " (see " + s.RejectedFile + ")"
	}
	if s.ValidateOnly {
		where += ", validated only"
	}
	return fmt.Sprintf("%s: %d records: %d accepted, %d duplicates, %d rejected%s", s.File, s.Records, s.Accepted, s.Duplicates, s.Rejected, where)
}

// importJob is an import of one file.
type importJob struct {
	market       *market.Market
	kind         string
	format       formats.Format
	publisher    string // whose the offers are, "" for those of their products
	rejectedPath string
	// mostHeld is how many records that the market refuses are tried once more
	// at the end of the file, since what they need may stand behind them.
	mostHeld int
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
	offersChunk    = 20
	catalogueChunk = 1_000
	purchasesChunk = 5_000
	usageChunk     = 50_000
)

// mostPurchasesHeld bounds what a file of mistakes can make us keep in memory:
// some 100 MB.
const mostPurchasesHeld = 100_000

// asSystem is who imports: whoever can open the database.
var asSystem = market.Request{Viewer: models.System}

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
		return importRecords(ctx, job, formats.ReadPrivateOffers(in, job.market.Limits), offersChunk, func(read []formats.OfferDocument, faults market.Faults) ([]market.Outcome, models.Violations, error) {
			documents := make([]market.OfferDocument, len(read))
			for i := range read {
				documents[i] = market.OfferDocument{Offer: read[i].Offer, Live: read[i].Live}
				documents[i].Offer.PublisherID = job.publisher
			}
			return job.market.RecordPrivateOffers(ctx, asSystem, documents, faults)
		})
	},
	"purchases": func(ctx context.Context, job importJob, in io.Reader) (ImportCount, error) {
		job.mostHeld = mostPurchasesHeld
		return importRecords(ctx, job, formats.ReadPurchases(in), purchasesChunk, func(purchases []models.Purchase, faults market.Faults) ([]market.Outcome, models.Violations, error) {
			return job.market.RecordPurchases(ctx, asSystem, purchases, faults)
		})
	},
	"usage": func(ctx context.Context, job importJob, in io.Reader) (ImportCount, error) {
		return importRecords(ctx, job, formats.ReadUsage(in, job.format), usageChunk, func(usage []models.UsageRecord, faults market.Faults) ([]market.Outcome, models.Violations, error) {
			return job.market.RecordUsage(ctx, asSystem, usage, faults)
		})
	},
}

func importCatalogue(ctx context.Context, job importJob, reader *formats.Reader[models.Record]) (ImportCount, error) {
	return importRecords(ctx, job, reader, catalogueChunk, func(records []models.Record, faults market.Faults) ([]market.Outcome, models.Violations, error) {
		return job.market.SaveCatalogue(ctx, asSystem, records, faults)
	})
}

// recorder records a chunk and answers each record of it.
type recorder[T any] func(records []T, faults market.Faults) ([]market.Outcome, models.Violations, error)

// importRecords streams the records of a file through record, chunk by chunk,
// each in a transaction of its own: a file that is cut off, or a process that
// is killed, leaves whole chunks, and importing it again counts nothing twice.
// While the database works on one chunk, the next is read.
//
// The error is what stopped the import. What was answered before stands and is
// counted.
func importRecords[T any](ctx context.Context, job importJob, reader *formats.Reader[T], size int, record recorder[T]) (ImportCount, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	rejected, err := formats.CreateRejected(job.rejectedPath)
	if err != nil {
		return ImportCount{}, err
	}
	a := answers[T]{record: record, rejected: rejected, warn: job.warn, mostHeld: job.mostHeld}
	var unreadable error
	for chunk := range ahead(ctx, chunks(reader, size)) {
		if unreadable = chunk.err; unreadable != nil {
			break
		}
		// A file of one chunk was in order at once.
		if len(chunk.records) < size && len(a.held) == 0 {
			a.mostHeld = 0
		}
		if err = cmp.Or(a.answer(chunk.records), ctx.Err()); err != nil {
			break
		}
		job.progress(a.count.Records)
	}
	// A reader that is told to stop may have no time to say so: what looks like
	// the end of the file is none.
	if err = cmp.Or(err, ctx.Err()); err == nil {
		err = a.answerHeld(size)
	}
	for _, warning := range reader.Warnings() {
		job.warn(warning)
	}
	path, _, closed := rejected.Close()
	a.count.RejectedFile = path
	if err = cmp.Or(err, unreadable, closed); err != nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err) // whatever words the database has for it
	}
	return a.count, err
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

// answers are those to the records of one file.
type answers[T any] struct {
	record   recorder[T]
	rejected *formats.Rejected
	warn     func(warning string)
	count    ImportCount
	// held are records that wait for the end of the file; they are not counted.
	held     []formats.Record[T]
	mostHeld int
}

// answer records a chunk, and writes the rejected records down in the order of
// the file, each with all that is wrong with it.
func (a *answers[T]) answer(records []formats.Record[T]) error {
	values, faults := make([]T, len(records)), make(market.Faults, len(records))
	for i := range records {
		values[i], faults[i] = records[i].Value, records[i].Violations
	}
	outcomes, _, err := a.record(values, faults) // only a key can be refused, and there is none
	if err != nil {
		return err
	}
	for i := range records {
		r := &records[i]
		switch outcomes[i].Status {
		case market.Accepted:
			a.count.Accepted++
			if warning := outcomes[i].Warning; warning != "" {
				a.warn("record " + strconv.Itoa(r.Number) + ": " + warning)
			}
		case market.Duplicate:
			a.count.Duplicates++
		default:
			if len(faults[i]) == 0 && len(a.held) < a.mostHeld {
				a.held = append(a.held, *r)
				continue
			}
			r.Reject(outcomes[i].Violations[len(faults[i]):]) // the faults have the file's names already
			a.count.Rejected++
			// What was answered counts, written down or not.
			err = cmp.Or(err, a.rejected.Add(r.Number, r.Raw(), r.Violations))
		}
		a.count.Records++
	}
	return err
}

// answerHeld tries the records that waited once more, and for good: all the
// others of the file are there now.
func (a *answers[T]) answerHeld(size int) error {
	a.mostHeld = 0
	for records := range slices.Chunk(a.held, size) {
		if err := a.answer(records); err != nil {
			return err
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
