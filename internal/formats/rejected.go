package formats

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sellthrough/models"
)

// Rejected writes the rejected file of an import: JSON Lines of
//
//	{"record": 7, "input": ..., "errors": [{"field": "quantity", "code": "QUANTITY_NOT_POSITIVE", "message": "is not above 0"}]}
//
// where field is a dotted path, empty for the record as a whole. The file
// appears under its name only when Close has put it there whole; until then it
// is PATH.*.partial, one for each import that runs. A killed import leaves its
// own behind.
type Rejected struct {
	path    string
	records int
	file    *os.File
	buffer  *bufio.Writer
}

// CreateRejected prepares the rejected file at path. Nothing is on disk before
// the first Add.
func CreateRejected(path string) (*Rejected, error) { return &Rejected{path: path}, nil }

type rejectedRecord struct {
	Record int             `json:"record"`
	Input  json.RawMessage `json:"input"`
	Errors []rejectedError `json:"errors"`
}

type rejectedError struct {
	Field      string      `json:"field"`
	Code       models.Code `json:"code"`
	VendorCode string      `json:"vendorCode,omitempty"`
	Message    string      `json:"message"`
}

// Add writes one record: its number, how it came, and all that is wrong with
// it.
func (r *Rejected) Add(number int, raw json.RawMessage, vs models.Violations) error {
	if r.file == nil {
		file, err := os.CreateTemp(filepath.Dir(r.path), filepath.Base(r.path)+".*.partial")
		if err != nil {
			return err
		}
		r.file, r.buffer = file, bufio.NewWriterSize(file, 1<<16)
	}
	line := rejectedRecord{Record: number, Input: raw, Errors: make([]rejectedError, len(vs))}
	for i, v := range vs {
		line.Errors[i] = rejectedError{v.Path(), v.Code, v.VendorCode, v.Message}
	}
	encoder := json.NewEncoder(r.buffer)
	encoder.SetEscapeHTML(false)
	r.records++
	return encoder.Encode(line)
}

// Close puts the file in place and returns its path and how many records are in
// it. When nothing was rejected there is no file, path is "", and one of an
// earlier run is removed.
func (r *Rejected) Close() (path string, records int, err error) {
	if r.file == nil {
		err := os.Remove(r.path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return "", 0, err
	}
	err = r.buffer.Flush()
	err = errors.Join(err, r.file.Chmod(0o644), r.file.Sync(), r.file.Close())
	if err == nil {
		err = os.Rename(r.file.Name(), r.path)
	}
	return r.path, r.records, err
}
