package cli

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are pipes of this process.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A client that is slow to say what it wants, or to hear the answer, is left
// behind after a while. (Time runs only when everybody waits.)
func TestSlowClients(t *testing.T) {
	const start = "POST / HTTP/1.1\r\nHost: x\r\n"
	for name, c := range map[string]struct {
		// drip is sent a byte a second after what is sent at once.
		atOnce, drip string
		silent       bool // does not read the answer
		within       time.Duration
	}{
		"nothing is said":        {"", "", false, headerTimeout},
		"headers drip":           {start, "X-Slow: " + strings.Repeat("x", 1000), false, headerTimeout},
		"the body drips":         {start + "Content-Length: 1000\r\n\r\n", strings.Repeat("x", 1000), false, requestTimeout},
		"the body stops":         {start + "Content-Length: 1000\r\n\r\nx", "", false, requestTimeout},
		"the body has no end":    {start + "Transfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\nx\r\n", 1000), false, requestTimeout},
		"the answer is not read": {start + "Content-Length: 0\r\n\r\n", "", true, requestTimeout},
		"nothing more is asked":  {start + "Content-Length: 0\r\n\r\n", "", false, idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := pipes{make(chan net.Conn), make(chan struct{})}
				server := (&session{logger: slog.New(slog.DiscardHandler)}).server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)); err == nil {
						_, _ = w.Write(make([]byte, 1<<20))
					}
				}))
				go server.Serve(listener)
				defer server.Close()
				ours, theirs := net.Pipe()
				listener.connections <- theirs
				late := time.After(c.within + 2*time.Second)
				var dripping sync.WaitGroup
				dripping.Go(func() {
					io.WriteString(ours, c.atOnce)
					for i := range c.drip {
						<-time.After(time.Second)
						if _, err := ours.Write([]byte(c.drip[i : i+1])); err != nil {
							return
						}
					}
				})
				left := make(chan error, 1)
				go func() {
					if c.silent {
						<-time.After(c.within + time.Second)
					}
					_, err := io.Copy(io.Discard, ours)
					left <- err
				}()
				select {
				case err := <-left:
					if err != nil {
						t.Error(err)
					}
				case <-late:
					t.Errorf("it holds the connection for more than %v", c.within)
				}
				ours.Close()
				dripping.Wait()
			})
		})
	}
}
