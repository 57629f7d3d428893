package formats

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// ErrEmpty is the refusal of a file that holds nothing.
var ErrEmpty = errors.New("the file is empty")

// Input is an open file, read without its compression.
type Input struct {
	// Name is the path, "-" for standard input.
	Name string

	content io.Reader
	size    int64
	read    atomic.Int64
	close   []func() error
}

// Open opens the file at path, or stdin for "-". What starts with the magic
// bytes of gzip or Zstandard is decompressed, whatever its name. The error of a
// file of 0 bytes is ErrEmpty. The caller closes the Input.
//
// Reading standard input or a pipe ends when the context does, also while nobody
// writes to it.
func Open(ctx context.Context, path string, stdin io.Reader) (*Input, error) {
	in := &Input{Name: path, size: -1}
	file := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		in.close = append(in.close, f.Close)
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			err = &os.PathError{Op: "read", Path: path, Err: errors.New("is a directory")}
		}
		if err != nil {
			return nil, errors.Join(err, in.Close())
		}
		if info.Mode().IsRegular() {
			in.size = info.Size()
		}
		file = f
	}
	if in.size < 0 {
		file = in.interruptible(ctx, file)
	}
	if err := in.decompress(bufio.NewReaderSize(counted{file, &in.read}, 1<<16)); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// interruptible reads ahead of whoever reads, who can so be told to stop while
// the other end is silent. What waits for that end is left waiting.
func (in *Input) interruptible(ctx context.Context, file io.Reader) io.Reader {
	out, pipe := io.Pipe()
	stop := context.AfterFunc(ctx, func() { pipe.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(pipe, file)
		pipe.CloseWithError(err) // nil is the end of the file
	}()
	in.close = append(in.close, func() error { stop(); return out.Close() })
	return out
}

// counted adds up what passes, for the progress bar.
type counted struct {
	io.Reader
	total *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.total.Add(int64(n))
	return n, err
}

func (in *Input) decompress(file *bufio.Reader) error {
	magic, err := file.Peek(4)
	if len(magic) == 0 {
		if err == io.EOF {
			return ErrEmpty
		}
		return err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		content, err := gzip.NewReader(file)
		if err != nil {
			return fmt.Errorf("the file is not readable as gzip: %w", err)
		}
		in.content = content
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		// One goroutine: the other core is the database's.
		content, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return fmt.Errorf("the file is not readable as Zstandard: %w", err)
		}
		in.content = content
		in.close = append(in.close, func() error { content.Close(); return nil })
	default:
		in.content = file
	}
	return nil
}

// Read reads the decompressed bytes. A compressed file that was cut off ends
// with io.ErrUnexpectedEOF.
func (in *Input) Read(p []byte) (int, error) { return in.content.Read(p) }

// Close closes the file; standard input stays open.
func (in *Input) Close() error {
	var errs []error
	for _, f := range in.close {
		errs = append(errs, f())
	}
	in.close = nil
	return errors.Join(errs...)
}

// Size is the bytes on disk, -1 for standard input and pipes.
func (in *Input) Size() int64 { return in.size }

// BytesRead is how many bytes on disk have been consumed, compressed as they
// are. Any goroutine may ask.
func (in *Input) BytesRead() int64 { return in.read.Load() }
