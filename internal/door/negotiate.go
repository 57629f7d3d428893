package door

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The media types of an answer. Clients that name eventStream are answered by
// server-sent events. Clients that name graphQLJSON read the status as
// well: it is 400 and above where nothing ran. To others a well-formed request is
// 200, whatever GraphQL says of it.
const (
	graphQLJSON = "application/graphql-response+json"
	plainJSON   = "application/json"
	eventStream = "text/event-stream"
)

// negotiate chooses the media type of the answer by the Accept header: the one
// of the higher quality; of equals eventStream if it is named, else graphQLJSON if
// that is, else plainJSON. It is "" where the client takes none of them, or not in UTF-8.
func negotiate(r *http.Request) string {
	accepted := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accepted) == "" {
		return plainJSON
	}
	named, graphQL := quality(accepted, graphQLJSON)
	_, plain := quality(accepted, plainJSON)
	follows, events := quality(accepted, eventStream)
	switch {
	case follows && events > 0 && events >= max(graphQL, plain):
		return eventStream
	case graphQL > plain, graphQL == plain && named && graphQL > 0:
		return graphQLJSON
	case plain > 0:
		return plainJSON
	}
	return ""
}

// quality is how much a client likes a media type, from 0, not at all, to 1; the
// most specific range that covers it decides. named tells whether that is the
// type itself. A range that cannot be read covers nothing.
func quality(accepted, media string) (named bool, q float64) {
	kind, _, _ := strings.Cut(media, "/")
	decided := 0
	for ranged := range strings.SplitSeq(accepted, ",") {
		name, parameters, err := mime.ParseMediaType(ranged)
		specific := map[string]int{"*/*": 1, kind + "/*": 2, media: 3}[name]
		if err != nil || specific == 0 || specific < decided || !utf8Named(parameters) {
			continue
		}
		weight := 1.0
		if text, ok := parameters["q"]; ok {
			if weight, err = strconv.ParseFloat(text, 64); err != nil || !(0 <= weight && weight <= 1) {
				continue
			}
		}
		decided, q = specific, weight
	}
	return decided == 3, q
}

// utf8Named tells whether the parameters of a media type name UTF-8, or no
// charset.
func utf8Named(parameters map[string]string) bool {
	charset, named := parameters["charset"]
	return !named || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// forgeable tells whether a page elsewhere could have made a browser send the
// request with its user's cookie: it carries one, and nothing that a browser asks
// about before it sends it. (Nobody is known by a cookie here. A proxy in front
// may sign people in by one.)
func forgeable(r *http.Request) bool {
	if r.Header.Get("Cookie") == "" || r.Header.Get("X-Requested-With") != "" || r.Header.Get("Apollo-Require-Preflight") != "" {
		return false
	}
	switch media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media {
	case "", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain":
		return true
	}
	return false
}
