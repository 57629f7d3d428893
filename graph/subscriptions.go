package graph

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/internal/store"
	"sellthrough/models"
)

// Ending is why a subscription ended, for whoever hands its answers on.
type Ending struct{ err *gqlerror.Error }

type endingKey struct{}

// WithEnding returns a context for one operation, and where to find out why it
// ended.
func WithEnding(ctx context.Context) (context.Context, *Ending) {
	ending := &Ending{}
	return context.WithValue(ctx, endingKey{}, ending), ending
}

// Error is why there are no more answers, nil where there just are none. It may be
// asked once there are no more.
func (e *Ending) Error() *gqlerror.Error { return e.err }

// streamed runs a source of answers until the context ends, it ends by itself, or
// fails. Each answer waits until it is taken: a slow client slows its own source
// down, and nothing is kept for it.
func streamed[T any](ctx context.Context, r *Resolver, source func(tell func(T) bool) error) <-chan T {
	answers := make(chan T)
	go func() {
		defer close(answers)
		err := source(func(answer T) bool {
			select {
			case answers <- answer:
				return true
			case <-ctx.Done():
				return false
			}
		})
		if ending, ok := ctx.Value(endingKey{}).(*Ending); ok && err != nil && ctx.Err() == nil {
			ending.err = r.present(ctx, err)
		}
	}()
	return answers
}

// follow is where a subscription begins in the log of changes.
func (r *Resolver) follow(ctx context.Context, after *string) (position int64, err error) {
	places, err := r.placesOf(ctx)
	if err != nil {
		return 0, err
	}
	var number *int64
	if after != nil {
		n, ok := places.number(*after)
		if !ok {
			return 0, Fault(codeBadCursor, "the cursor is not of this subscription: take that of the last answer", nil)
		}
		number = &n
	}
	return r.Market.Changes.Position(ctx, number)
}

// places are the cursors of the log of changes. They are enciphered: a number
// would tell how much others do.
type places struct{ block cipher.Block }

// placesKey is the setting with the key, which all instances share.
const placesKey = "cursor_key"

// placesOf are the cursors of this database.
func (r *Resolver) placesOf(ctx context.Context) (*places, error) {
	if known := r.places.Load(); known != nil {
		return known, nil
	}
	var text string
	err := r.Market.Store.Write(ctx, models.System, func(w *store.Writer) (err error) {
		text, err = w.SettingOrSet(placesKey, func() string {
			key := make([]byte, aes.BlockSize)
			rand.Read(key) // never fails
			return hex.EncodeToString(key)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(text)
	if err != nil {
		return nil, errors.New("the key of cursors is damaged")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the key of cursors is damaged: %w", err)
	}
	r.places.Store(&places{block})
	return r.places.Load(), nil
}

// cursor enciphers a number with zeros before it, by which a cursor that was made
// elsewhere is known.
func (p *places) cursor(number int64) string {
	var b [aes.BlockSize]byte
	binary.BigEndian.PutUint64(b[8:], uint64(number))
	b[0] = cursorVersion[0]
	p.block.Encrypt(b[:], b[:])
	return cursorEncoding.EncodeToString(b[:])
}

func (p *places) number(cursor string) (int64, bool) {
	b, err := cursorEncoding.DecodeString(cursor)
	if err != nil || len(b) != aes.BlockSize {
		return 0, false
	}
	p.block.Decrypt(b, b)
	head, number := binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:]))
	return number, head == uint64(cursorVersion[0])<<56 && number >= 0
}
