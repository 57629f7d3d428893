package graph_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/vektah/gqlparser/v2/ast"

	"sellthrough/internal/store/storetest"
	"sellthrough/models"
)

// try is one question about one object: a root field with an id in one of its
// arguments.
type try struct {
	root  *ast.Definition
	field *ast.FieldDefinition
	hole
	object object
	query  string // with holeMark where the id goes, selectMark for what is selected
}

const selectMark = "$select"

// tries are all questions of a viewer with all objects there are: for each
// viewer as many, in one order. Mutations are validated only: the market stays
// as it is.
func (m *canaryMarket) tries(viewer models.Viewer) (all []try) {
	m.t.Helper()
	m.as = viewer
	for _, root := range []*ast.Definition{m.schema.Query, m.schema.Mutation} {
		for _, field := range root.Fields {
			// What only operators may change has no owner to tell apart.
			bound := m.may(models.RolePublisher, root, field) || m.may(models.RoleReseller, root, field)
			if strings.HasPrefix(field.Name, "__") || root == m.schema.Mutation && !bound {
				continue
			}
			for _, h := range m.holes(field.Name, argumentsOf(field)) {
				query := "{ " + m.question(field, h.given) + selectMark + "}"
				if root == m.schema.Mutation {
					query = "mutation { " + field.Name + "(" + strings.TrimSuffix(h.given, "}") + ", validateOnly: true})" + selectMark + "}"
				}
				for _, o := range h.objects {
					all = append(all, try{root, field, h, o, query})
				}
			}
		}
	}
	return all
}

// own tells whether the party may learn from the answer that the object exists.
// A list narrows by the ids that its rows hold; all else needs the object itself.
func (t try) own(m *canaryMarket, party string) bool {
	if m.connection(t.field) {
		return t.object.knownTo(party)
	}
	return t.object.seenBy(party)
}

// request asks for all that the viewer may see, about an id.
func (t try) request(m *canaryMarket, viewer models.Viewer, id string) string {
	role := viewer.Role
	if !m.may(role, t.root, t.field) {
		role = models.RoleOperator
	}
	target := m.schema.Types[t.field.Type.Name()]
	selection := " { __typename id }"
	if target.Kind != ast.Interface {
		selection = m.maximal(role, target)[0]
	}
	return strings.NewReplacer(holeMark, strconv.Quote(id), selectMark, selection).Replace(t.query)
}

// The table of everything with everyone: each root field, with each object in
// each argument that can name one, asked by each party. testdata/everyone.txt
// says what they get; -update writes it, and its diff is to be read like a
// contract.
func TestEverythingWithEveryone(t *testing.T) {
	m := newCanaryMarket(t, storetest.Open(t, storetest.Database(t, "sqlite")))
	var b strings.Builder
	b.WriteString(`What everyone gets who asks for anything by any id: how many rows, null, or the
code of the error. - is FORBIDDEN, for nobody UNAUTHENTICATED. Parties and things are those of
testdata/canaries.txtar.

`)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range parties {
		fmt.Fprint(table, p.name, "\t")
	}
	fmt.Fprintln(table, "question")
	tries := make([][]try, len(parties))
	for i, p := range parties {
		tries[i] = m.tries(p.viewer)
	}
	for n, try := range tries[0] {
		if n > 0 && tries[0][n-1].root != try.root {
			_ = table.Flush() // what follows has columns of its own
		}
		for i, p := range parties {
			answer := m.ask(p.viewer, tries[i][n].request(m, p.viewer, try.object.id), "")
			got := outcome(t, try.field.Name, answer)
			fmt.Fprint(table, got, "\t")
			if got == "INTERNAL" || strings.HasPrefix(got, "GRAPHQL_") {
				t.Errorf("%s asks %s: %s", p.name, tries[i][n].request(m, p.viewer, try.object.id), answer)
			}
		}
		fmt.Fprintf(table, "%s %s = %s\n", try.field.Name, try.path, try.object.id)
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/everyone.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(string(want), "\n")
	for i, row := range strings.Split(b.String(), "\n") {
		if !slices.Contains(rows, row) {
			t.Errorf("line %d is not in %s: run with -update, and read who gets what in the diff\n%s", i+1, golden, row)
		}
	}
	if strings.Count(b.String(), "\n") != len(rows)-1 {
		t.Errorf("%s has %d rows, now there are %d: run with -update", golden, len(rows)-1, strings.Count(b.String(), "\n"))
	}
}

// outcome is an answer in a word.
func outcome(t testing.TB, field string, answer []byte) string {
	t.Helper()
	var r struct {
		Data   map[string]json.RawMessage
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal(answer, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Errors) > 0 {
		if code := r.Errors[0].Extensions.Code; code != "FORBIDDEN" && code != "UNAUTHENTICATED" {
			return code
		}
		return "-"
	}
	if string(r.Data[field]) == "null" {
		return "null"
	}
	var nodes []json.RawMessage
	if json.Unmarshal(r.Data[field], &nodes) == nil {
		var line struct{ Errors []struct{ Code string } }
		if len(nodes) == 1 && json.Unmarshal(nodes[0], &line) == nil && len(line.Errors) > 0 {
			return line.Errors[0].Code
		}
		return strconv.Itoa(len(slices.DeleteFunc(nodes, func(n json.RawMessage) bool { return string(n) == "null" })))
	}
	var object struct {
		TotalCount *int
		UserErrors []struct{ Code string }
		Results    []struct{ Errors []struct{ Code string } }
	}
	if err := json.Unmarshal(r.Data[field], &object); err != nil {
		t.Fatal(err)
	}
	for _, result := range object.Results {
		object.UserErrors = append(object.UserErrors, result.Errors...)
	}
	switch {
	case object.TotalCount != nil:
		return strconv.Itoa(*object.TotalCount)
	case len(object.UserErrors) > 0:
		return object.UserErrors[0].Code
	}
	return "ok"
}

// What is another's answers as what does not exist: to the byte, headers
// included, after as many statements of the same words, over as many bytes from
// the database. So neither words nor time tell that it is there.
func TestAnothersIsAsNobodys(t *testing.T) {
	wire := newWire(t, storetest.Database(t, "mysql"))
	m := newCanaryMarket(t, storetest.Open(t, wire.url))
	compared := 0
	for _, p := range parties {
		for _, try := range m.tries(p.viewer) {
			if try.own(m, p.name) || p.name == "nobody" || !m.may(p.viewer.Role, try.root, try.field) {
				continue
			}
			ask := func(id string) (string, traffic) {
				wire.reset()
				recorder := m.send(p.viewer, try.request(m, p.viewer, id), "")
				return try.object.anonymous(told(recorder)), wire.reset()
			}
			another, spent := ask(try.object.id)
			nobodys, spentOnNothing := ask(try.object.twin)
			compared++
			if another != nobodys {
				t.Errorf("%s asks %s for another's, and reads\n%s\nfor %s, which does not exist,\n%s", p.name, try.request(m, p.viewer, try.object.id), another, try.object.twin, nobodys)
			}
			// Fields of one object are asked for side by side.
			slices.Sort(spent.statements)
			slices.Sort(spentOnNothing.statements)
			if !slices.Equal(spent.statements, spentOnNothing.statements) {
				t.Errorf("%s asks %s for another's, and the database hears\n%s\nfor %s, which does not exist,\n%s", p.name, try.request(m, p.viewer, try.object.id),
					strings.Join(spent.statements, "\n"), try.object.twin, strings.Join(spentOnNothing.statements, "\n"))
			} else if spent.bytes != spentOnNothing.bytes {
				t.Errorf("%s asks %s for another's, and the database answers %d bytes, for %s, which does not exist, %d", p.name,
					try.request(m, p.viewer, try.object.id), spent.bytes, try.object.twin, spentOnNothing.bytes)
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d answers were compared", compared)
	}
	if statements := wire.total(); statements < compared {
		t.Errorf("only %d statements were heard in %d comparisons: the wire is not listened to", statements, compared)
	}
}

// anonymous is a text in which the parts that an object's id has and its twin's
// has not are those of the twin, wherever they stand.
func (o object) anonymous(text string) string {
	own, twin := strings.Split(o.id, "/"), strings.Split(o.twin, "/")
	for i := range own {
		if own[i] != twin[i] {
			text = strings.ReplaceAll(text, own[i], twin[i])
		}
	}
	return text
}

var anyGUID = regexp.MustCompile(`0[0-9a-f]{7}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// told is an answer as its reader sees it, without the request's id and the ids
// of drafts that would have been made.
func told(r *httptest.ResponseRecorder) string {
	header := r.Header().Clone()
	header.Del("X-Request-Id")
	body := anyGUID.ReplaceAllStringFunc(r.Body.String(), func(id string) string {
		if strings.HasPrefix(id, anOffer) {
			return id
		}
		return "made"
	})
	return fmt.Sprint(r.Code, header, body)
}

// traffic is what a request costs the database.
type traffic struct {
	statements []string
	bytes      int // of its answers
}

// wire listens between the store and a server of the MySQL family.
type wire struct {
	url string
	sync.Mutex
	traffic
	heard int
}

// newWire listens on the way to the database at the URL.
func newWire(t testing.TB, database string) *wire {
	t.Helper()
	target, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	server := target.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	target.Host = listener.Addr().String()
	w := &wire{url: target.String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				return
			}
			go w.pass(client, upstream)
			go func() {
				defer client.Close()
				_, _ = io.Copy(io.MultiWriter(counter{w}, client), upstream)
			}()
		}
	}()
	return w
}

// The commands of the protocol that carry a statement.
const (
	comQuery   = 0x03
	comPrepare = 0x16
	comExecute = 0x17
)

// pass hands the client's packets on and keeps the words of its statements,
// without their values.
func (w *wire) pass(client, server net.Conn) {
	defer server.Close()
	for {
		header := make([]byte, 4)
		if _, err := io.ReadFull(client, header); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(append(header[:3:3], 0)))
		if _, err := io.ReadFull(client, body); err != nil {
			return
		}
		if header[3] == 0 && len(body) > 0 {
			w.hear(body)
		}
		if _, err := server.Write(append(header, body...)); err != nil {
			return
		}
	}
}

var quoted = regexp.MustCompile(`'[^']*'`)

func (w *wire) hear(command []byte) {
	w.Lock()
	defer w.Unlock()
	switch command[0] {
	case comQuery, comPrepare:
		w.statements = append(w.statements, quoted.ReplaceAllString(string(command[1:]), "?"))
		w.heard++
	case comExecute:
		w.statements = append(w.statements, "execute")
	}
}

// counter counts the bytes of the server's answers.
type counter struct{ *wire }

func (c counter) Write(p []byte) (int, error) {
	c.Lock()
	defer c.Unlock()
	c.bytes += len(p)
	return len(p), nil
}

// reset returns the traffic since the last reset.
func (w *wire) reset() traffic {
	w.Lock()
	defer w.Unlock()
	spent := w.traffic
	w.traffic = traffic{}
	return spent
}

// total is how many statements were heard in all.
func (w *wire) total() int {
	w.Lock()
	defer w.Unlock()
	return w.heard
}
