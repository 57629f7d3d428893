package door

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"sellthrough/graph"
)

// request is what is asked.
type request struct {
	graphql.RawParams
	// documentID names a document that is kept here, "" for none.
	documentID string
	// bytes is the size of the body.
	bytes int
}

// read reads what is asked, within the limits. No refusal ever echoes it.
func read(w http.ResponseWriter, r *http.Request, limits graph.Limits) (asked request, refused *refusal) {
	asked.Headers = r.Header
	var parts map[string]json.RawMessage
	switch r.Method {
	case http.MethodGet:
		parts, refused = readURL(r, limits)
	case http.MethodPost:
		var body []byte
		body, refused = readBody(w, r, limits)
		asked.bytes = len(body)
		if refused == nil {
			parts, refused = members(body)
		}
	default:
		w.Header().Set("Allow", "GET, POST")
		refused = refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "send GET or POST")
	}
	if refused != nil {
		return asked, refused
	}
	named, refused := requestOf(parts, limits)
	named.Headers, named.bytes = asked.Headers, asked.bytes
	return named, refused
}

// requestOf is what the members of a request ask.
func requestOf(parts map[string]json.RawMessage, limits graph.Limits) (asked request, refused *refusal) {
	var problems []string
	for _, part := range []struct {
		name, kind string
		into       any
	}{
		{"query", "text", &asked.Query},
		{"operationName", "text", &asked.OperationName},
		{"documentId", "text", &asked.documentID},
		{"variables", "a JSON object", &asked.Variables},
		{"extensions", "a JSON object", &asked.Extensions},
	} {
		if given, ok := parts[part.name]; ok && decode(given, part.into) != nil {
			problems = append(problems, part.name+" is not "+part.kind)
		}
	}
	if len(asked.OperationName) > limits.OperationName {
		return asked, refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", fmt.Sprintf("operationName has more than %d bytes", limits.OperationName))
	}
	if len(problems) == 0 && asked.Query == "" && asked.documentID == "" && asked.Extensions["persistedQuery"] == nil {
		problems = append(problems, "query is missing: send the GraphQL document in it")
	}
	if len(problems) > 0 {
		return asked, badRequest(problems...)
	}
	return asked, nil
}

// readURL reads a GET: texts as they are, objects as JSON.
func readURL(r *http.Request, limits graph.Limits) (map[string]json.RawMessage, *refusal) {
	if len(r.URL.RawQuery) > limits.Body {
		return nil, refuse(http.StatusRequestURITooLong, "LIMIT_EXCEEDED", "the request is too long: send it by POST")
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || !utf8.ValidString(r.URL.RawQuery) {
		return nil, badRequest("the address cannot be read: percent-encode its parameters")
	}
	parts := map[string]json.RawMessage{}
	for name, given := range values {
		switch {
		case len(given) > 1:
			return nil, badRequest("a parameter is given twice: it must be clear what is asked")
		case given[0] == "":
		case name == "variables" || name == "extensions":
			if refused := bounded([]byte(given[0]), limits); refused != nil {
				return nil, refused
			}
			parts[name] = json.RawMessage(given[0])
		default:
			if !utf8.ValidString(given[0]) {
				return nil, badRequest("the address is not UTF-8")
			}
			parts[name], _ = json.Marshal(given[0])
		}
	}
	return parts, nil
}

// readBody reads the body of a POST.
func readBody(w http.ResponseWriter, r *http.Request, limits graph.Limits) ([]byte, *refusal) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != plainJSON || !utf8Named(parameters) {
		w.Header().Set("Accept-Post", plainJSON)
		return nil, refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "send Content-Type: application/json, in UTF-8")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		w.Header().Set("Accept-Encoding", "identity")
		return nil, refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "send the body as it is: compressed ones are not unpacked")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limits.Body)))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return body, refuse(http.StatusRequestEntityTooLarge, "LIMIT_EXCEEDED", "the request is too large: import files with the command line")
	case err != nil:
		return body, refuse(http.StatusRequestTimeout, "REQUEST_INCOMPLETE", "the request broke off, or took too long to arrive")
	case !utf8.Valid(body):
		return body, badRequest("the body is not UTF-8")
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // some editors begin a text with one
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) > 0 && start[0] == '[' {
		return body, refuse(http.StatusBadRequest, "BATCH_REFUSED", "send one request at a time: an array of them is not answered")
	}
	return body, bounded(body, limits)
}

// bounded refuses JSON that nests too deep or holds too many values, before
// memory is taken for them. It need not be valid.
func bounded(text []byte, limits graph.Limits) *refusal {
	depth, values := 0, 1
	quoted, escaped := false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == '"':
			quoted = true
		case c == '[' || c == '{':
			depth++
			values++
		case c == ']' || c == '}':
			depth--
		case c == ',':
			values++
		}
		if depth > limits.InputDepth {
			return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", fmt.Sprintf("the request's JSON nests deeper than %d levels", limits.InputDepth))
		}
		if values > limits.InputValues {
			return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", fmt.Sprintf("the request's JSON holds more than %d values: send several requests", limits.InputValues))
		}
	}
	return nil
}

// members reads the members of one JSON object by their exact names. One that is
// there twice is refused: it must be clear what is asked, also to a proxy that
// reads the other one.
func members(body []byte) (map[string]json.RawMessage, *refusal) {
	wrong := badRequest(`the body is not a GraphQL request: send {"query": "...", "variables": {...}}`)
	decoder := json.NewDecoder(bytes.NewReader(body))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, wrong
	}
	parts := map[string]json.RawMessage{}
	for decoder.More() {
		name, err := decoder.Token()
		key, ok := name.(string)
		if err != nil || !ok {
			return nil, wrong
		}
		if _, twice := parts[key]; twice {
			return nil, badRequest("a member of the request is there twice: it must be clear what is asked")
		}
		var part json.RawMessage
		if decoder.Decode(&part) != nil {
			return nil, wrong
		}
		parts[key] = part
	}
	if _, err := decoder.Token(); err != nil {
		return nil, wrong
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, wrong
	}
	return parts, nil
}

// decode reads one JSON value with its numbers exact.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}
