package formats

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
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
	fault   error
}

// CreateRejected prepares the rejected file at path. It fails where none could
// be written, so that this is known before anything is recorded; nothing is left
// on disk before the first Add. Errors of Rejected name the path and say what it
// was for.
func CreateRejected(path string) (*Rejected, error) {
	r := &Rejected{path: path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, r.cannot(errors.New("is a directory"))
	}
	file, err := r.create()
	if err == nil {
		err = errors.Join(file.Close(), os.Remove(file.Name()))
	}
	if err != nil {
		return nil, r.cannot(err)
	}
	return r, nil
}

func (r *Rejected) create() (*os.File, error) {
	return os.CreateTemp(filepath.Dir(r.path), filepath.Base(r.path)+".*.partial")
}

// cannot leaves out the path that the operating system names: it is another, or
// said already.
func (r *Rejected) cannot(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot write the rejected records to %s: %w", r.path, err)
}

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
// it. After an error there is no file, and every Add returns that error.
func (r *Rejected) Add(number int, raw json.RawMessage, vs models.Violations) error {
	if r.fault != nil {
		return r.fault
	}
	line := rejectedRecord{Record: number, Input: raw, Errors: make([]rejectedError, len(vs))}
	for i, v := range vs {
		line.Errors[i] = rejectedError{v.Path(), v.Code, v.VendorCode, v.Message}
	}
	if err := r.write(line); err != nil {
		r.fault = r.cannot(err)
	}
	return r.fault
}

func (r *Rejected) write(line rejectedRecord) (err error) {
	if r.file == nil {
		if r.file, err = r.create(); err != nil {
			return err
		}
		r.buffer = bufio.NewWriterSize(r.file, 1<<16)
	}
	r.records++
	encoder := json.NewEncoder(r.buffer)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(line)
}

// Close puts the file in place and returns its path and how many records are in
// it. When nothing was rejected there is no file, path is "", and one of an
// earlier run is removed.
func (r *Rejected) Close() (path string, records int, err error) {
	if r.file == nil {
		if r.fault == nil {
			if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				r.fault = r.cannot(err)
			}
		}
		return "", 0, r.fault
	}
	err = errors.Join(r.buffer.Flush(), r.file.Chmod(0o644), r.file.Sync(), r.file.Close())
	if err == nil {
		err = os.Rename(r.file.Name(), r.path)
	}
	if err != nil {
		_ = os.Remove(r.file.Name()) // half of it helps nobody
		if r.fault == nil {
			r.fault = r.cannot(err)
		}
		return "", 0, r.fault
	}
	return r.path, r.records, nil
}
