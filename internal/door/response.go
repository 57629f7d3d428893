package door

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// unwritable is the answer where an answer cannot be written as JSON.
const unwritable = `{"errors":[{"message":"the answer cannot be written","extensions":{"code":"INTERNAL"}}]}`

// write sends the answer, and returns the length of its body. The data is JSON
// already and is sent as it is; only what is around it is written here. There is
// no data where nothing ran.
func write(w http.ResponseWriter, media string, status int, response *graphql.Response) (length int) {
	before, after, err := envelope(response)
	data := response.Data
	if err != nil {
		status, before, data, after = http.StatusInternalServerError, []byte(unwritable), nil, nil
	}
	header := w.Header()
	header.Set("Content-Type", media+"; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(before)+len(data)+len(after)))
	w.WriteHeader(status)
	for _, part := range [][]byte{before, data, after} {
		written, err := w.Write(part)
		length += written
		if err != nil {
			break // the client is gone
		}
	}
	return length
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
	before = append(before, `"data":`...)
	outside.Errors, outside.Extensions = nil, response.Extensions
	if after, err = json.Marshal(outside); err != nil {
		return nil, nil, err
	}
	if len(after) > len("{}") {
		after[0] = ',' // what follows the data continues its object
		return before, after, nil
	}
	return before, []byte("}"), nil
}
