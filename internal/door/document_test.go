package door_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sellthrough/internal/door"
	"sellthrough/models"
)

// A document that fails before its first byte is a problem in words, and after it
// no answer at all: half of one never looks whole.
func TestDocumentThatFails(t *testing.T) {
	document := func(write func(w io.Writer) error) door.Document {
		return door.Document{Roles: []models.Role{models.RoleOperator}, Write: func(_ context.Context, _ models.Viewer, _ url.Values, w http.ResponseWriter) error { return write(w) }}
	}
	m, options := open(t)
	options.Documents = map[string]door.Document{
		"/early": document(func(io.Writer) error { return errors.New("secret words of the database") }),
		"/late": document(func(w io.Writer) error {
			io.WriteString(w, "half")
			return errors.New("secret words of the database")
		}),
		"/problem": document(func(io.Writer) error {
			return &door.Problem{Status: 404, Code: "NOT_FOUND", Description: "there is none"}
		}),
	}
	handler := door.New(m, options)
	ask := func(method, path string) (recorder *httptest.ResponseRecorder, aborted any) {
		defer func() { aborted = recover() }()
		return do(handler, method, path, "", "Authorization", "Bearer ada"), nil
	}
	for _, c := range []struct {
		method, path string
		status       int
		says         string
	}{
		{"GET", "/early", 500, `"code":"INTERNAL"`}, {"GET", "/problem", 404, `{"code":"NOT_FOUND","description":"there is none","requestId":"`},
		{"POST", "/problem", 405, `"code":"METHOD_NOT_ALLOWED"`},
	} {
		recorder, aborted := ask(c.method, c.path)
		if body := recorder.Body.String(); aborted != nil || recorder.Code != c.status || !strings.Contains(body, c.says) || strings.Contains(body, "secret") {
			t.Errorf("%s %s: %d %s (%v)", c.method, c.path, recorder.Code, body, aborted)
		}
	}
	if _, aborted := ask("GET", "/late"); aborted != http.ErrAbortHandler {
		t.Errorf("half a document ends with %v", aborted)
	}
}
