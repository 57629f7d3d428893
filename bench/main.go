// Command bench measures how much of a machine's time an answer takes: the same
// page of margins, or of billing lines, from a handler that has its bytes ready,
// from one written by hand, from gqlgen as its documentation shows it, and from
// this server. Each is a process of its own on 127.0.0.1; they are asked in turns,
// in one run, so that what else the machine does hits all of them.
//
//	go run ./bench -page margins
//	go run ./bench -page lines -rounds 5
//
// It prints a table in Markdown (docs/benchmarks.md): medians over the rounds, of
// requests a second of the server's processor, the median and 99th percentile of
// an answer's time under all connections, allocations a request, and the most
// memory that the server ever had. An answer that differs ends the run.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	var (
		asked       = flag.String("page", "margins", "what is asked for: "+strings.Join(names(pages, pageName), ", "))
		rounds      = flag.Int("rounds", 7, "turns of each server, 1 to 100")
		each        = flag.Duration("each", time.Second, "how long a turn takes, up to a minute")
		connections = flag.Int("connections", 64, "open connections, each asking without a pause, 1 to 1,000")
		only        = flag.String("only", "", "names of servers, separated by commas; empty means all")
		profile     = flag.String("profile", "", "folder for a CPU profile of each server's last turn")
		serve       = flag.String("serve", "", "become the server of this name: for this program's own use")
		folder      = flag.String("folder", "", "where the server finds its page: for this program's own use")
	)
	flag.Parse()
	err := errors.New("see -help")
	if wanted, ok := named(pages, pageName, *asked); ok && 1 <= *rounds && *rounds <= 100 && 0 < *each && *each <= time.Minute && 1 <= *connections && *connections <= 1_000 {
		if *serve != "" {
			err = become(*serve, wanted, *folder, *profile)
		} else {
			err = compare(wanted, *rounds, *each, *connections, strings.Split(*only, ","), *profile)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// measured is what the turns of one server came to, one entry a turn.
type measured struct {
	requests, perCPUSecond, p50, p99, allocations []float64
	peakBytes                                     int64
}

// compare runs the servers in turns and prints what they came to.
func compare(p page, rounds int, each time.Duration, connections int, only []string, profile string) error {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var running []*child
	defer func() {
		for _, c := range running {
			c.end()
		}
	}()
	wanted := func(name string) bool { return only[0] == "" || slices.Contains(only, name) }
	// The first server works the answer out, the others get it from there.
	for i, name := range names(servers, serverName) {
		if i > 0 && !wanted(name) {
			continue
		}
		c, err := start(name, p, folder, profile)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		running = append(running, c)
		if i == 0 {
			if err := p.keep(folder, c.address, c.token); err != nil {
				return err
			}
		}
	}
	want, err := os.ReadFile(filepath.Join(folder, dataFile))
	if err != nil {
		return err
	}
	if !wanted(running[0].name) {
		running[0].end()
		running = running[1:]
	}
	results := map[string]*measured{}
	for round := range rounds + 1 {
		for i := range running {
			c := running[(i+round)%len(running)] // none always comes behind the same
			d := driver{address: c.address, request: p.request(c.token), want: want, connections: connections}
			if round == 0 { // to warm up: pools, caches, processor
				if _, err := d.drive(each / 4); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				continue
			}
			before := c.ask("usage")
			if profile != "" && round == rounds {
				c.ask("profile")
			}
			took, err := d.drive(each)
			after := c.ask("usage")
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if c.err != nil {
				return fmt.Errorf("%s: %w", c.name, c.err)
			}
			m := results[c.name]
			if m == nil {
				m = &measured{}
				results[c.name] = m
			}
			n := float64(len(took))
			slices.Sort(took)
			m.requests = append(m.requests, n/each.Seconds())
			m.perCPUSecond = append(m.perCPUSecond, n/(after.CPU-before.CPU).Seconds())
			m.p50 = append(m.p50, took[len(took)/2].Seconds()*1e3)
			m.p99 = append(m.p99, took[len(took)*99/100].Seconds()*1e3)
			m.allocations = append(m.allocations, float64(after.Allocations-before.Allocations)/n)
			m.peakBytes = max(m.peakBytes, after.PeakBytes)
		}
	}
	show(os.Stdout, p, len(want), results)
	return nil
}

// show prints the table. Ratios are the medians of those of each round, in which
// both ran within seconds.
func show(out io.Writer, p page, size int, results map[string]*measured) {
	fmt.Fprintf(out, "%s: %d bytes of data\n\n", p.name, size)
	fmt.Fprintln(out, "| server | requests / CPU-second | CPU µs / request | of ready bytes | of by hand | × textbook | p50 ms | p99 ms | p99 of ready bytes | allocations | peak MB |")
	fmt.Fprintln(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, name := range names(servers, serverName) {
		m := results[name]
		if m == nil {
			continue
		}
		ratio := func(other string, of func(*measured) []float64) string {
			if results[other] == nil {
				return ""
			}
			ratios := make([]float64, len(of(m)))
			for i := range ratios {
				ratios[i] = of(m)[i] / of(results[other])[i]
			}
			return fmt.Sprintf("%.2f", median(ratios))
		}
		perCPU := func(m *measured) []float64 { return m.perCPUSecond }
		p99 := func(m *measured) []float64 { return m.p99 }
		fmt.Fprintf(out, "| %s | %.0f | %.1f | %s | %s | %s | %.2f | %.1f | %s | %.0f | %d |\n", name, median(m.perCPUSecond), 1e6/median(m.perCPUSecond),
			ratio("ready", perCPU), ratio("by-hand", perCPU), ratio("textbook", perCPU), median(m.p50), median(m.p99), ratio("ready", p99), median(m.allocations), m.peakBytes>>20)
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// child is a server in a process of its own.
type child struct {
	name, address, token string
	command              *exec.Cmd
	in                   io.WriteCloser
	out                  *bufio.Scanner
	err                  error
}

// start starts this program as a server, and waits until it serves.
func start(name string, p page, folder, profile string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{name: name, command: exec.Command(self, "-serve", name, "-page", p.name, "-folder", folder, "-profile", profile)}
	c.command.Stderr = os.Stderr
	if c.in, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	c.out = bufio.NewScanner(out)
	if !c.out.Scan() {
		c.end()
		return nil, errors.New("it does not start")
	}
	c.address, c.token, _ = strings.Cut(c.out.Text(), " ")
	return c, nil
}

// ask sends a word and reads what the server says about itself. What fails is
// kept in c.err.
func (c *child) ask(word string) (u usage) {
	if _, err := fmt.Fprintln(c.in, word); err != nil {
		c.err = err
	} else if !c.out.Scan() {
		c.err = errors.New("it has ended")
	} else {
		c.err = json.Unmarshal(c.out.Bytes(), &u)
	}
	return u
}

// end ends the process: it ends itself once nobody talks to it.
func (c *child) end() {
	c.in.Close()
	_ = c.command.Wait()
}
