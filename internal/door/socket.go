package door

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"

	"sellthrough/graph"
	"sellthrough/internal/auth"
	"sellthrough/models"
)

// protocol is the subprotocol that is spoken over WebSocket, and the only one.
const protocol = "graphql-transport-ws"

// The codes with which a WebSocket is closed from here: those of the protocol, and
// for what it does not name those of WebSocket itself.
const (
	closeBadRequest   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401 // asked before connection_init was acknowledged
	closeForbidden    websocket.StatusCode = 4403 // the credential is missing, wrong, or no longer good
	closeInitTimeout  websocket.StatusCode = 4408
	closeTwice        websocket.StatusCode = 4409 // two operations of one id
	closeInitTwice    websocket.StatusCode = 4429
)

// initBeats is how many beats a client has for its connection_init.
const initBeats = 2

// messageCharge is what each message takes from an allowance; what an operation
// takes comes beside.
const messageCharge = 1

// longestOperationID bounds what a client may call an operation, in bytes.
const longestOperationID = 255

// upgrades tells whether a request asks for a WebSocket.
func upgrades(r *http.Request) bool {
	return r.Method == http.MethodGet && slices.ContainsFunc(strings.Split(r.Header.Get("Connection"), ","), func(option string) bool {
		return strings.EqualFold(strings.TrimSpace(option), "upgrade")
	}) && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// stranger tells whether a page elsewhere made a browser connect. No cookie is
// ever let through, and yet who means to be asked says so.
func (d *door) stranger(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(d.options.Origins, origin) {
		return false
	}
	site, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(site.Host, r.Host)
}

// closing is why a socket is closed from here.
type closing struct {
	code   websocket.StatusCode
	reason string
}

// Error says both.
func (c *closing) Error() string { return fmt.Sprintf("%d: %s", c.code, c.reason) }

// socket is one WebSocket and what runs over it.
type socket struct {
	*door
	request    *http.Request
	connection *websocket.Conn
	ctx        context.Context // ends with the connection

	lock         sync.Mutex
	acknowledged bool
	viewer       models.Viewer
	credential   string
	leave        func() // gives back the place that it has among those that stay open
	running      map[string]context.CancelFunc
	operations   sync.WaitGroup
}

// socket answers what comes over a WebSocket, until it is closed. Before
// connection_init it counts as its address's, or the viewer's whose header it came
// with.
func (d *door) socket(w http.ResponseWriter, r *http.Request, viewer models.Viewer, credential string) *refusal {
	switch {
	case d.stranger(r):
		return refuse(http.StatusForbidden, "ORIGIN_REFUSED", "pages of this site may not connect: the operator names those that may")
	case !slices.ContainsFunc(r.Header.Values("Sec-WebSocket-Protocol"), func(named string) bool {
		return slices.ContainsFunc(strings.Split(named, ","), func(name string) bool { return strings.TrimSpace(name) == protocol })
	}):
		return refuse(http.StatusBadRequest, "BAD_REQUEST", "the subprotocol is not "+protocol+": it is the only one")
	}
	purse := d.purse(viewer, r, w.Header())
	if refused := purse.take(askingCharge, graph.Cost{}); refused != nil {
		return refused
	}
	leave, refused := d.admit(purse.who)
	if refused != nil {
		return refused
	}
	d.options.Open.Add(1)
	defer d.options.Open.Done()
	// The origin was looked at above.
	connection, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}, InsecureSkipVerify: true})
	if err != nil {
		leave()
		return nil // it has said why
	}
	defer d.options.Stream("websocket")()
	const around = 1 << 10 // what a message has beside the request in it
	connection.SetReadLimit(int64(d.options.Limits.Body + around))
	ctx, cancel := context.WithCancel(r.Context()) // which ends only with the server
	s := &socket{door: d, request: r, connection: connection, ctx: ctx, viewer: viewer, credential: credential, leave: leave, running: map[string]context.CancelFunc{}}
	s.serve(cancel)
	return nil
}

// serve reads messages until the connection is closed by either side, and ends
// everything that runs over it.
func (s *socket) serve(cancel context.CancelFunc) {
	var tending sync.WaitGroup
	tending.Go(func() {
		beats := 0
		err := s.tend(s.ctx, s.credentials, func() error {
			if beats++; beats >= initBeats && !s.ready() {
				return &closing{closeInitTimeout, "Connection initialisation timeout"}
			}
			limited, cancel := context.WithTimeout(s.ctx, patience)
			defer cancel()
			if s.connection.Ping(limited) != nil {
				return errSilent
			}
			return nil
		})
		s.close(err)
	})
	s.close(s.read())
	cancel()
	tending.Wait()
	s.operations.Wait()
	s.leave()
	s.connection.CloseNow()
}

// close closes the connection with what the error stands for.
func (s *socket) close(err error) {
	var told *closing
	switch {
	case errors.As(err, &told):
		s.connection.Close(told.code, told.reason)
	case errors.Is(err, errClosing):
		s.connection.Close(websocket.StatusGoingAway, errClosing.Error())
	case errors.Is(err, errCredential):
		s.connection.Close(closeForbidden, errCredential.Error())
	case err != nil:
		s.connection.CloseNow()
	}
}

func (s *socket) ready() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.acknowledged
}

func (s *socket) credentials() (string, models.Viewer) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.credential, s.viewer
}

// message is one message of the protocol, in either direction.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// read takes messages one after the other, and returns why no more are taken.
func (s *socket) read() error {
	for {
		kind, text, err := s.connection.Read(s.ctx)
		if err != nil {
			return err
		}
		if kind != websocket.MessageText || !utf8.Valid(text) {
			return badMessage("it is not a text")
		}
		if refused := bounded(text, s.options.Limits); refused != nil {
			return badMessage(refused.message)
		}
		m, err := messageOf(text)
		if err == nil {
			err = s.take(m, len(text))
		}
		if err != nil {
			return err
		}
	}
}

func messageOf(text []byte) (m message, err error) {
	parts, refused := members(text)
	if refused != nil {
		return m, badMessage("it is not a JSON object whose members are there once")
	}
	m.Payload = parts["payload"]
	for name, into := range map[string]*string{"id": &m.ID, "type": &m.Type} {
		if given, ok := parts[name]; ok && decode(given, into) != nil {
			return m, badMessage(name + " is not text")
		}
	}
	return m, nil
}

func badMessage(why string) error {
	return &closing{closeBadRequest, shortened("Invalid message: " + why)}
}

// take does what a message says.
func (s *socket) take(m message, bytes int) error {
	_, viewer := s.credentials()
	if s.purse(viewer, s.request, http.Header{}).take(messageCharge, graph.Cost{}) != nil {
		return &closing{websocket.StatusTryAgainLater, "your allowance is used up"}
	}
	switch m.Type {
	case "connection_init":
		return s.initialise(m)
	case "ping":
		return s.send(message{Type: "pong", Payload: m.Payload})
	case "pong":
		return nil
	case "subscribe":
		return s.subscribe(m, bytes)
	case "complete":
		s.lock.Lock()
		defer s.lock.Unlock()
		if cancel, ok := s.running[m.ID]; ok {
			cancel()
			delete(s.running, m.ID)
		}
		return nil
	}
	return badMessage("type is none that a client sends")
}

// initialise finds out who connects: by the header that the connection came with,
// or, since a browser cannot send one, by Authorization in the payload.
func (s *socket) initialise(m message) error {
	if s.ready() {
		return &closing{closeInitTwice, "Too many initialisation requests"}
	}
	authorization, err := authorizationOf(m.Payload)
	if err != nil {
		return err
	}
	credential, viewer := s.credentials()
	switch {
	case authorization != "" && credential != "":
		return badMessage("there is a credential in the header and one in the payload: it must be clear who asks")
	case authorization == "" && credential == "":
		return &closing{closeForbidden, "Forbidden: send a token as Authorization in the payload of connection_init"}
	case authorization != "":
		var refused *refusal
		if viewer, credential, refused = s.identify(s.ctx, s.request, authorization); refused != nil {
			return &closing{closeForbidden, shortened("Forbidden: " + refused.message)}
		}
		leave, refused := s.admit(s.identity(viewer, s.request))
		if refused != nil {
			return &closing{websocket.StatusTryAgainLater, shortened(refused.message)}
		}
		s.leave()
		s.leave = leave
	}
	s.lock.Lock()
	s.acknowledged, s.viewer, s.credential = true, viewer, credential
	s.lock.Unlock()
	return s.send(message{Type: "connection_ack"})
}

// shortened is a text that a close frame has room for.
func shortened(text string) string {
	const most = 123
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// authorizationOf is the member Authorization of a payload, "" for none. Its name
// is a header's, so it may be written in any case, but only once.
func authorizationOf(payload json.RawMessage) (authorization string, err error) {
	if len(payload) == 0 || string(payload) == "null" {
		return "", nil
	}
	parts, refused := members(payload)
	if refused != nil {
		return "", badMessage("the payload of connection_init is not an object")
	}
	for name, given := range parts {
		if !strings.EqualFold(name, "Authorization") {
			continue
		}
		if authorization != "" || decode(given, &authorization) != nil {
			return "", badMessage("Authorization is not one text")
		}
	}
	return authorization, nil
}

// subscribe begins an operation, of whatever type.
func (s *socket) subscribe(m message, bytes int) error {
	if !s.ready() {
		return &closing{closeUnauthorized, "Unauthorized"}
	}
	if m.ID == "" || len(m.ID) > longestOperationID {
		return badMessage(fmt.Sprintf("id is not 1 to %d bytes", longestOperationID))
	}
	parts, refused := members(m.Payload)
	if refused != nil {
		return badMessage("the payload of subscribe is not an object")
	}
	asked, refused := requestOf(parts, s.options.Limits)
	asked.bytes = bytes
	if refused != nil && refused.code == "BAD_REQUEST" {
		return badMessage(refused.message)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	viewer, refused, err := s.enter(m.ID, cancel, refused)
	switch {
	case err != nil:
		cancel()
		return err
	case refused != nil:
		cancel()
		_, response := refused.answer(http.Header{})
		return s.send(message{ID: m.ID, Type: "error", Payload: errorsOf(response)})
	}
	s.operations.Go(func() {
		defer cancel()
		s.operate(ctx, m.ID, &asked, viewer)
	})
	return nil
}

// enter gives an operation its id, unless it is refused, as it may have been
// before.
func (s *socket) enter(id string, cancel context.CancelFunc, before *refusal) (viewer models.Viewer, refused *refusal, err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	_, runs := s.running[id]
	switch {
	case runs:
		return viewer, nil, &closing{closeTwice, shortened("Subscriber for " + id + " already exists")}
	case before != nil:
		return viewer, before, nil
	case len(s.running) >= s.options.Streams.Operations:
		return viewer, refuse(http.StatusTooManyRequests, "TOO_MANY_OPERATIONS", fmt.Sprintf("%d operations run over this connection: complete one first", len(s.running))), nil
	}
	if refused = s.purse(s.viewer, s.request, http.Header{}).take(askingCharge, graph.Cost{}); refused == nil {
		s.running[id] = cancel
	}
	return s.viewer, refused, nil
}

// operate runs one operation and sends its answers.
func (s *socket) operate(ctx context.Context, id string, asked *request, viewer models.Viewer) {
	ctx = auth.WithViewer(graphql.StartOperationTrace(ctx), viewer)
	seen := &Observation{RequestID: graph.RequestID(ctx), Method: "WEBSOCKET", Viewer: viewer, RequestBytes: asked.bytes}
	asked.Headers = http.Header{}
	final := s.door.operate(ctx, s.purse(viewer, s.request, http.Header{}), asked, seen, false, func(response *graphql.Response) bool {
		return ctx.Err() == nil && s.send(message{ID: id, Type: "next", Payload: text(response)}) == nil
	})
	s.lock.Lock()
	completed := ctx.Err() != nil // by the client, or with the connection: the id may be another's by now
	if !completed {
		delete(s.running, id)
	}
	s.lock.Unlock()
	switch {
	case completed:
	case final != nil:
		s.send(message{ID: id, Type: "error", Payload: errorsOf(final)})
	default:
		s.send(message{ID: id, Type: "complete"})
	}
}

// errorsOf are the errors of an answer that is nothing else.
func errorsOf(response *graphql.Response) json.RawMessage {
	text, err := json.Marshal(response.Errors)
	if err != nil {
		return json.RawMessage(`[{"message":"the answer cannot be written","extensions":{"code":"INTERNAL"}}]`)
	}
	return text
}

// send writes one message. A client that does not read it in time is let go: so it
// is when the connection's own context ends, but not with that of an operation.
func (s *socket) send(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	return s.connection.Write(ctx, websocket.MessageText, text)
}
