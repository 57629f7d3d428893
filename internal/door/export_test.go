package door

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

// WaysToWrite compares two ways of writing an answer with the data.
func WaysToWrite(b *testing.B, data []byte) {
	response := &graphql.Response{Data: data, Extensions: map[string]any{"cost": 1}}
	check := func(b *testing.B, body []byte) {
		b.SetBytes(int64(len(body)))
		if len(body) < len(data) || !json.Valid(body) {
			b.Fatalf("%.300s", body)
		}
	}
	b.Run("once", func(b *testing.B) {
		var answer *httptest.ResponseRecorder
		for b.Loop() {
			answer = httptest.NewRecorder()
			reply, done := newReply(answer, plainJSON)
			reply.finish(200, response)
			done()
		}
		check(b, answer.Body.Bytes())
	})
	b.Run("marshalled", func(b *testing.B) {
		var answer *httptest.ResponseRecorder
		for b.Loop() {
			answer = httptest.NewRecorder()
			body, err := json.Marshal(response)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = answer.Write(body)
		}
		check(b, answer.Body.Bytes())
	})
}
