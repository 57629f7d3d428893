package formats

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func zipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t *testing.T, content []byte) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return encoder.EncodeAll(content, nil)
}

// TestOpen: the same records come out of a file, its compressions and standard
// input, and the bytes on disk are counted.
func TestOpen(t *testing.T) {
	content := usageCSV(2000)
	want := tell(ReadUsage(bytes.NewReader(content), FormatAny))
	for name, file := range map[string][]byte{
		"plain.csv": content, "packed.csv.gz": zipped(t, content), "packed.csv.zst": zstandard(t, content),
		"two members.gz": append(zipped(t, content[:1000]), zipped(t, content[1000:])...),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		if in.Size() != int64(len(file)) || in.Name != path {
			t.Errorf("%s: size %d of %d, name %s", name, in.Size(), len(file), in.Name)
		}
		if got := tell(ReadUsage(in, FormatAny)); got != want {
			t.Errorf("%s: read\n%.500s", name, got)
		}
		if in.BytesRead() != int64(len(file)) {
			t.Errorf("%s: counted %d of %d bytes", name, in.BytesRead(), len(file))
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		in, err = Open(t.Context(), "-", bytes.NewReader(file))
		if err != nil {
			t.Fatal(name, err)
		}
		if got := tell(ReadUsage(in, FormatAny)); got != want || in.Size() != -1 {
			t.Errorf("%s on standard input: size %d, read\n%.500s", name, in.Size(), got)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "none.csv"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error("a file that is not there:", err)
	}
	if _, err := Open(t.Context(), t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Error("a directory:", err)
	}
	if _, err := Open(t.Context(), "-", strings.NewReader("")); !errors.Is(err, ErrEmpty) {
		t.Error("0 bytes:", err)
	}
	if _, err := Open(t.Context(), "-", strings.NewReader("\x1f\x8bno gzip")); err == nil || !strings.Contains(err.Error(), "not readable as gzip") {
		t.Error("broken gzip:", err)
	}
	empty, err := Open(t.Context(), "-", bytes.NewReader(zipped(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if said := tell(ReadUsage(empty, FormatAny)); said != "stopped: the file is empty\n" {
		t.Error("an empty file, packed:", said)
	}
}

// TestCutOff: a packed file that was cut off gives the whole records before the
// cut and says so.
func TestCutOff(t *testing.T) {
	for name, file := range map[string][]byte{"gzip": zipped(t, usageCSV(5000)), "zstd": zstandard(t, usageCSV(5000))} {
		in, err := Open(t.Context(), "-", bytes.NewReader(file[:len(file)/2]))
		if err != nil {
			t.Fatal(err)
		}
		said := tell(ReadUsage(in, FormatAny))
		if strings.Contains(said, "rejected") || !strings.Contains(said, "the file is cut off: its compression does not end") {
			t.Errorf("%s: said %s", name, said[max(0, len(said)-600):])
		}
	}
}

var _ io.ReadCloser = (*Input)(nil)
