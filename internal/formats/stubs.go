package formats

import (
	"errors"
	"io"

	"encoding/json"
	"sellthrough/models"
)

// ErrEmpty is the refusal of a file of 0 bytes.
var ErrEmpty = errors.New("the file is empty")

// Format is the shape of a usage file.
type Format string

// The shapes. FormatAny looks at the first byte: { or [ is JSON, else CSV.
const (
	FormatAny        Format = ""
	FormatCSV        Format = "csv"
	FormatJSONLines  Format = "jsonl"
	FormatMetering   Format = "metering"
	FormatDailyRated Format = "daily-rated"
)

// Input is an open file with its compression undone.
type Input struct{ Name string }

// Open opens the file at path, or stdin for "-".
func Open(path string, stdin io.Reader) (*Input, error) { return nil, ErrEmpty }

// Read reads the file's own bytes, decompressed.
func (in *Input) Read(p []byte) (int, error) { return 0, io.EOF }

// Close closes the file.
func (in *Input) Close() error { return nil }

// Size is the bytes on disk, -1 when unknown.
func (in *Input) Size() int64 { return -1 }

// BytesRead is how many bytes on disk have been consumed; any goroutine may ask.
func (in *Input) BytesRead() int64 { return 0 }

// OfferDocument is one private offer of a product-ingestion document.
type OfferDocument struct {
	// Live tells `state: live` (submit it) from `state: draft` (save it).
	Live bool
	// Offer has its ID always: the document's, or one made of source and
	// content hash. PublisherID is empty: it follows from the products.
	Offer models.PrivateOffer
	// Digest is the hash of the content, id and state left out.
	Digest models.Digest
}

// ReadUsage reads usage records.
func ReadUsage(in io.Reader, format Format) *Reader[models.UsageRecord] { return nil }

// ReadPurchases reads purchases, CSV or JSON Lines.
func ReadPurchases(in io.Reader) *Reader[models.Purchase] { return nil }

// ReadCatalogue reads catalogue records: JSON Lines whose `kind` says what each
// is, or CSV (or JSON Lines) of the one kind given.
func ReadCatalogue(in io.Reader, kind string) *Reader[models.Record] { return nil }

// ReadPriceSheet reads the vendor's price sheet; each record is a Price.
func ReadPriceSheet(in io.Reader) *Reader[models.Record] { return nil }

// ReadExchangeRates reads CurrencyCode, USDPerUnit, Month; each record is an ExchangeRate.
func ReadExchangeRates(in io.Reader) *Reader[models.Record] { return nil }

// ReadPrivateOffers reads product-ingestion documents.
func ReadPrivateOffers(in io.Reader, limits models.Limits) *Reader[OfferDocument] { return nil }

// Rejected writes the rejected records of an import.
type Rejected struct{}

// CreateRejected prepares the rejected file at path.
func CreateRejected(path string) (*Rejected, error) { return nil, nil }

// Add writes one rejected record.
func (r *Rejected) Add(number int, raw json.RawMessage, vs models.Violations) error { return nil }

// Close puts the file in place; path is "" when nothing was rejected.
func (r *Rejected) Close() (path string, records int, err error) { return "", 0, nil }

// Table writes rows of text cells as CSV or JSON Lines.
type Table interface {
	// Write writes one row, a cell for each column.
	Write(cells ...string) error
	// Close writes what is buffered; it does not close the io.Writer.
	Close() error
}

// NewTable writes to w as "csv" or "jsonl".
func NewTable(w io.Writer, format string, columns []string) (Table, error) { return nil, nil }

// The columns of the exports, in order (files.md, Out).
var (
	BillingLineColumns []string
	MarginColumns      []string
	PayoutColumns      []string
	AgencyFeeColumns   []string
)

// BillingLineRow appends the cells of one line to dst.
func BillingLineRow(dst []string, l *models.BillingLine) []string { return dst }
