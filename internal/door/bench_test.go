package door_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"sellthrough/internal/door"
	"sellthrough/internal/throttle"
)

// A request through the whole door, with an answer of 1 MB: the schema by
// introspection, ten times.
func BenchmarkRequest(b *testing.B) {
	m, options := open(b)
	options.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	handler := door.New(m, options)
	for name, document := range map[string]string{
		"small": "{ viewer { role } }",
		"large": "{ " + numbered(10, "a%d: __schema { types { name description fields { name description args { name description type { name kind ofType { name kind } } } type { name kind ofType { name kind } } } } } ") + "}",
	} {
		b.Run(name, func(b *testing.B) {
			body := query(document, "")
			var answer *httptest.ResponseRecorder
			for b.Loop() {
				answer = send(handler, body)
			}
			b.SetBytes(int64(answer.Body.Len()))
			if answer.Code != 200 || !json.Valid(answer.Body.Bytes()) || strings.HasPrefix(answer.Body.String(), `{"errors"`) {
				b.Fatalf("%d %.300s", answer.Code, answer.Body)
			}
		})
	}
}

// What writing an answer of 1 MB takes, once around the data as the door does,
// and marshalled as a whole, which gqlgen's transports do.
func BenchmarkWrite(b *testing.B) {
	row, err := json.Marshal(map[string]string{"id": "billing-line/2024-09/x", "amount": "123.45", "text": strings.Repeat("text ", 20)})
	if err != nil {
		b.Fatal(err)
	}
	door.WaysToWrite(b, []byte("["+strings.Repeat(string(row)+",", 7_000)+"null]"))
}

// What the throttle takes of a small request.
func BenchmarkThrottledRequest(b *testing.B) {
	m, options := open(b)
	options.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	options.Throttle = throttle.Defaults
	options.Throttle.Burst = 1 << 50
	handler := door.New(m, options)
	body := query("{ viewer { role } }", "")
	for b.Loop() {
		if answer := send(handler, body); answer.Code != 200 {
			b.Fatal(answer.Body)
		}
	}
}
