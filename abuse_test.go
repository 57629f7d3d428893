package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var abuseTime = flag.Duration("abuse", 400*time.Millisecond, "how long each class of TestAbuse lasts; 10s makes the table of docs/security.md")

// childVariable makes the test binary the program itself: it runs the command
// line that the variable holds, as JSON.
const childVariable = "SELLTHROUGH_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		var arguments []string
		if err := json.Unmarshal([]byte(text), &arguments); err != nil {
			panic(err)
		}
		os.Args = append(os.Args[:1], arguments...)
		main()
		return
	}
	os.Exit(m.Run())
}

// target is a server in a process of its own.
type target struct {
	address string
	pid     int
	tokens  map[string]string // by role
}

// newTarget serves the demo market, with every limit as it comes.
func newTarget(t *testing.T) target {
	t.Helper()
	arguments, _ := json.Marshal([]string{"demo", "--listen", "127.0.0.1:0", "--database", "sqlite:" + filepath.Join(t.TempDir(), "demo.db"), "--log-level", "ERROR"})
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+string(arguments))
	child.Stderr = t.Output()
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Signal(os.Interrupt)
		if err := child.Wait(); err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	served := target{pid: child.Process.Pid, tokens: map[string]string{}}
	lines := bufio.NewScanner(stdout)
	for address := regexp.MustCompile(`http://(\S+)/graphql`); served.address == "" && lines.Scan(); {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			served.address = found[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	if served.address == "" {
		t.Fatal("the server does not serve")
	}
	response, err := http.Get("http://" + served.address + "/demo/tokens")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var tokens []struct{ Role, Token string }
	if err := json.NewDecoder(response.Body).Decode(&tokens); err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		served.tokens[token.Role] = token.Token
	}
	return served
}

// peak is the most memory that the process had since the last call, in MiB.
func (s target) peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatal("the system does not tell how much memory a process has")
	}
	kibibytes, _ := strconv.Atoi(string(found[1]))
	const resetPeak = "5"
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.pid), []byte(resetPeak), 0); err != nil {
		t.Fatal(err)
	}
	return kibibytes >> 10
}

// client asks from one address of the loopback network, so that who attacks and
// who is hurt are not one to the server.
func client(from string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return &http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64}}
}

const attackersAddress = "127.0.0.66"

// attacker is one of those who attack at once.
type attacker struct {
	target
	*http.Client
	n       int // which one
	answers *sync.Map
}

// post sends a body as a role, "" for nobody, and counts how it was answered.
func (a attacker) post(ctx context.Context, role string, body []byte) {
	token := a.tokens[role]
	if role == "" {
		token = ""
	}
	a.send(ctx, token, body)
}

func (a attacker) send(ctx context.Context, token string, body []byte) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.address+"/graphql", bytes.NewReader(body))
	if err != nil {
		return
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/graphql-response+json") // tells by its status
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := a.Do(request)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	count, _ := a.answers.LoadOrStore(response.StatusCode, new(atomic.Int64))
	count.(*atomic.Int64).Add(1)
}

// document asks a document.
func document(query string) []byte {
	body, _ := json.Marshal(map[string]string{"query": query})
	return body
}

// dial opens a connection that nobody reads or writes by HTTP's rules.
func (a attacker) dial(ctx context.Context) net.Conn {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(attackersAddress)}}
	c, err := dialer.DialContext(ctx, "tcp", a.address)
	if err != nil {
		return nil
	}
	return c
}

// hold opens many connections, sends each the start of a request and then a
// byte every now and then, until the attack ends.
func (a attacker) hold(ctx context.Context, connections int, start, more string) {
	var open []net.Conn
	for range connections {
		if c := a.dial(ctx); c != nil {
			_, _ = io.WriteString(c, start)
			open = append(open, c)
		}
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for more != "" && ctx.Err() == nil {
		select {
		case <-tick.C:
			for _, c := range open {
				_, _ = io.WriteString(c, more)
			}
		case <-ctx.Done():
		}
	}
	<-ctx.Done()
	for _, c := range open {
		_ = c.Close()
	}
}

func many(n int, thing func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(thing(i))
	}
	return b.String()
}

// start of a request, whose body is announced to be of the length.
func (a attacker) start(length int) string {
	return "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + a.tokens["PUBLISHER"] + "\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(length) + "\r\n\r\n"
}

// attacks are the classes of abuse. Each runs in 8 at once, over and over, until
// its time is over.
var attacks = map[string]func(ctx context.Context, a attacker, round int){
	"alias flood": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "PUBLISHER", document("{"+many(900, func(i int) string { return fmt.Sprintf("a%d:viewer{role} ", i) })+"}"))
	},
	"directive flood": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "PUBLISHER", document("{viewer{role"+strings.Repeat(" @include(if:true)", 900)+"}}"))
	},
	"field flood": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "PUBLISHER", document("{products{nodes{"+strings.Repeat("title ", 4900)+"}}}"))
	},
	"fragments that double": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "PUBLISHER", document("{viewer{...f0}}"+many(40, func(i int) string { return fmt.Sprintf(" fragment f%d on Viewer{...f%d ...f%d}", i, i+1, i+1) })+" fragment f40 on Viewer{role}"))
	},
	"fragment cycles": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "PUBLISHER", document("{viewer{...f0}}"+many(200, func(i int) string { return fmt.Sprintf(" fragment f%d on Viewer{...f%d}", i, (i+1)%200) })))
	},
	"deep nesting": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "", document(strings.Repeat("{a", 2400)+strings.Repeat("}", 2400)))
	},
	"deep lists of values": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "PUBLISHER", []byte(`{"query":"query($v:[ID!]!){nodes(ids:$v){id}}","variables":{"v":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`}}`))
	},
	"circular introspection": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "", document("{__schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}"))
	},
	"huge bodies": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "PUBLISHER", bytes.Repeat([]byte("x"), 8<<20))
	},
	"huge variables": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "PUBLISHER", []byte(`{"query":"query($v:[ID!]!){nodes(ids:$v){id}}","variables":{"v":[`+strings.Repeat(`"product/x",`, 80_000)+`"x"]}}`))
	},
	"batches": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "PUBLISHER", []byte("["+strings.Repeat(`{"query":"{viewer{role}}"},`, 30_000)+`{"query":"{viewer{role}}"}]`))
	},
	"reports of 36 months": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "FINANCE", document(`{billingSummary(month:"2022-01",toMonth:"2024-12",groupBy:[MONTH,PUBLISHER,RESELLER,CUSTOMER,PRODUCT,PLAN,METER]){totalCount nodes{payout{amount}}}}`))
	},
	"whole pages of everything": func(ctx context.Context, a attacker, _ int) {
		a.post(ctx, "FINANCE", document(`{products(first:100){nodes{plans{title}meters{title}prices{unitPrice}}}subscriptions(first:100){nodes{purchases{source}}}}`))
	},
	"searches like patterns": func(ctx context.Context, a attacker, _ int) {
		text, _ := json.Marshal(strings.Repeat("%_a", 66))
		a.post(ctx, "FINANCE", document("{products(where:{text:"+string(text)+"}){totalCount} privateOffers(where:{text:"+string(text)+"}){totalCount}}"))
	},
	"documents never seen": func(ctx context.Context, a attacker, round int) {
		a.post(ctx, "PUBLISHER", document(fmt.Sprintf("query q%d_%d{viewer{role}}", a.n, round)+strings.Repeat(" # padding", 1500)))
	},
	"persisted queries never seen": func(ctx context.Context, a attacker, round int) {
		a.post(ctx, "PUBLISHER", []byte(fmt.Sprintf(`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"%064x"}}}`, round*8+a.n)))
	},
	"guessed tokens": func(ctx context.Context, a attacker, round int) {
		a.send(ctx, fmt.Sprintf("eyJhbGciOiJIUzI1NiJ9.%d.%d", a.n, round), document("{viewer{role}}"))
	},
	"garbage": func(ctx context.Context, a attacker, round int) {
		if c := a.dial(ctx); c != nil {
			_, _ = c.Write(bytes.Repeat([]byte{byte(round), 0xff, 0, '\r'}, 4096))
			_ = c.Close()
		}
	},
	"slow headers": func(ctx context.Context, a attacker, _ int) {
		a.hold(ctx, 60, "POST /graphql HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n")
	},
	"slow bodies": func(ctx context.Context, a attacker, _ int) {
		a.hold(ctx, 60, a.start(1<<20), "x")
	},
	"readers that do not read": func(ctx context.Context, a attacker, _ int) {
		body := document(`{__schema{types{name description fields{name description type{name ofType{name}} args{name description type{name}}}}}}`)
		a.hold(ctx, 30, a.start(len(body))+string(body), "")
	},
	"connections": func(ctx context.Context, a attacker, _ int) {
		a.hold(ctx, 100, "", "")
	},
}

// victim asks ten times a second, which is within its allowance, as whoever has
// nothing to do with the attack, and tells how long it took each time.
func victim(ctx context.Context, t *testing.T, s target, c *http.Client, want string) (times []time.Duration) {
	const query = `{margins(first:5){nodes{id wins percentage prices{listPrice wholesalePrice}}}}`
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for ; ctx.Err() == nil; <-pace.C {
		request, err := http.NewRequest(http.MethodPost, "http://"+s.address+"/graphql", bytes.NewReader(document(query)))
		if err != nil {
			t.Error(err)
			return nil
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+s.tokens["RESELLER"])
		began := time.Now()
		response, err := c.Do(request)
		if err != nil {
			t.Errorf("the victim gets no answer: %v", err)
			return times
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		times = append(times, time.Since(began))
		var answer struct{ Data json.RawMessage }
		if err != nil || json.Unmarshal(body, &answer) != nil || string(answer.Data) != want && want != "" || len(answer.Data) < 100 {
			t.Errorf("the victim is answered %d %.300s %v", response.StatusCode, body, err)
			return times
		}
		if want == "" {
			want = string(answer.Data)
		}
	}
	return times
}

// at is the time below which the share of times lies.
func at(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(len(times)-1, len(times)*percent/100)]
}

// TestAbuse attacks a server in each class for a while, and asks it meanwhile as
// somebody else: who is answered, rightly, by a server whose memory is bounded.
//
//	go test . -run TestAbuse -abuse 10s -v
func TestAbuse(t *testing.T) {
	s := newTarget(t)
	const mostMiB = 512
	mine := client("127.0.0.1")
	alone, stop := context.WithTimeout(t.Context(), *abuseTime)
	baseline := victim(alone, t, s, mine, "")
	stop()
	var table strings.Builder
	row := func(class string, times []time.Duration, answers *sync.Map) {
		var told []string
		counts := map[int]int64{}
		answers.Range(func(status, n any) bool { counts[status.(int)] = n.(*atomic.Int64).Load(); return true })
		for _, status := range slices.Sorted(maps.Keys(counts)) {
			told = append(told, fmt.Sprintf("%d × %d", counts[status], status))
		}
		memory := s.peak(t)
		fmt.Fprintf(&table, "| %s | %s | %.1f | %.1f | %.1f | %d |\n", class, strings.Join(told, ", "), milliseconds(at(times, 50)), milliseconds(at(times, 99)),
			milliseconds(at(times, 99))/max(0.001, milliseconds(at(baseline, 99))), memory)
		if memory > mostMiB {
			t.Errorf("%s: the server took %d MiB, most are %d", class, memory, mostMiB)
		}
		if len(times) == 0 {
			t.Errorf("%s: the victim was never answered", class)
		}
	}
	row("nobody attacks", baseline, new(sync.Map))
	for _, class := range slices.Sorted(maps.Keys(attacks)) {
		answers := new(sync.Map)
		ctx, stop := context.WithTimeout(t.Context(), *abuseTime)
		var crowd sync.WaitGroup
		theirs := client(attackersAddress)
		for n := range 8 {
			crowd.Go(func() {
				for round := 0; ctx.Err() == nil; round++ {
					attacks[class](ctx, attacker{s, theirs, n, answers}, round)
				}
			})
		}
		times := victim(ctx, t, s, mine, "")
		stop()
		crowd.Wait()
		theirs.CloseIdleConnections()
		row(class, times, answers)
	}
	response, err := mine.Get("http://" + s.address + "/readyz")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the server is not what it was: %v", err)
	}
	_ = response.Body.Close()
	t.Logf("\n| attack, 8 at once for %s | answers | victim p50, ms | p99, ms | p99 to none | peak memory, MiB |\n|---|---|--:|--:|--:|--:|\n%s", *abuseTime, table.String())
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
