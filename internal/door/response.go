package door

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"sellthrough/graph/compiled"
)

// unwritable is the answer where an answer cannot be written as JSON.
const unwritable = `{"errors":[{"message":"the answer cannot be written","extensions":{"code":"INTERNAL"}}]}`

// reply is the answer of one request on its way out. Where the data is large it is
// sent while it is made; else all is sent at once.
type reply struct {
	http.ResponseWriter
	media  string
	writer *compiled.Writer
	// leave is called before the first byte is sent: a slow client keeps no turn.
	leave  func()
	length int // of what was sent of the body
}

// opening begins an answer that has data and no errors.
const opening = `{"data":`

// buffers are those of writers that are done, pieceful what a buffer may have grown
// to and still be kept.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const pieceful = 256 << 10

// newReply returns the reply and what to call when it is done.
func newReply(w http.ResponseWriter, media string) (r *reply, done func()) {
	buffer := buffers.Get().(*[]byte)
	r = &reply{ResponseWriter: w, media: media, leave: func() {}}
	r.writer = compiled.NewWriter(append((*buffer)[:0], opening...), r.send)
	return r, func() {
		if *buffer = r.writer.Bytes; cap(*buffer) <= pieceful {
			buffers.Put(buffer)
		}
	}
}

// send sends a part of an answer that goes on.
func (r *reply) send(part []byte) error {
	if r.length == 0 {
		r.leave()
		r.begin(http.StatusOK)
	}
	written, err := r.Write(part)
	r.length += written
	return err
}

// begin sends the header. Without a length, the answer comes in chunks.
func (r *reply) begin(status int) {
	header := r.Header()
	header.Set("Content-Type", r.media+"; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	r.WriteHeader(status)
}

// finish sends the answer, or what is left of it. The data is JSON already and is
// sent as it is; only what is around it is written here. There is no data where
// nothing ran.
func (r *reply) finish(status int, response *graphql.Response) {
	if len(response.Errors) == 0 && r.writer.Holds(response.Data) {
		if after, err := trailer(response.Extensions); err == nil {
			r.writer.Bytes = append(r.writer.Bytes, after...)
			r.end(status, r.writer.Bytes)
			return
		}
	}
	before, after, err := envelope(response)
	data := response.Data
	if err != nil {
		status, before, data, after = http.StatusInternalServerError, []byte(unwritable), nil, nil
	}
	r.end(status, before, data, after)
}

// end sends the last parts.
func (r *reply) end(status int, parts ...[]byte) {
	if r.length == 0 {
		whole := 0
		for _, part := range parts {
			whole += len(part)
		}
		r.Header().Set("Content-Length", strconv.Itoa(whole))
		r.begin(status)
	}
	for _, part := range parts {
		written, err := r.Write(part)
		r.length += written
		if err != nil {
			return // the client is gone
		}
	}
}

// envelope is what stands around the data of an answer: errors first, as people
// look for them, and extensions.
func envelope(response *graphql.Response) (before, after []byte, err error) {
	outside := struct {
		Errors     gqlerror.List  `json:"errors,omitempty"`
		Extensions map[string]any `json:"extensions,omitempty"`
	}{Errors: response.Errors}
	if response.Data == nil {
		outside.Extensions = response.Extensions
		before, err = json.Marshal(outside)
		return before, nil, err
	}
	if before, err = json.Marshal(outside); err != nil {
		return nil, nil, err
	}
	before = before[:len(before)-1]
	if len(before) > 1 {
		before = append(before, ',')
	}
	before = append(before, opening[1:]...)
	after, err = trailer(response.Extensions)
	return before, after, err
}

// trailer is what follows the data of an answer and ends its object.
func trailer(extensions map[string]any) ([]byte, error) {
	if len(extensions) == 0 {
		return []byte("}"), nil
	}
	after, err := json.Marshal(extensions)
	return append(append([]byte(`,"extensions":`), after...), '}'), err
}
