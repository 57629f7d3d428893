package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"sellthrough/internal/cli"
)

// command is one run of the program.
func command(arguments ...string) (program cli.Program, stdout, stderr *transcript) {
	stdout, stderr = new(transcript), new(transcript)
	return cli.Program{
		Arguments:   arguments,
		Environment: func(string) (string, bool) { return "", false },
		Stdin:       strings.NewReader(""), Stdout: stdout, Stderr: stderr,
		Clock: time.Now,
		Mount: mount,
	}, stdout, stderr
}

// does runs the program and returns what it prints.
func does(t *testing.T, arguments ...string) string {
	t.Helper()
	program, stdout, stderr := command(arguments...)
	if status := cli.Run(t.Context(), program); status != cli.StatusDone {
		t.Fatalf("%v ended with status %d:\n%s", arguments, status, stderr)
	}
	return stdout.String()
}

// TestCanariesOutsideTheAPI tells the story of testdata/canaries.txtar to the
// program, and looks for canaries in all that it gives out beside GraphQL: the
// exports of what concerns one reseller, and every page that anybody may fetch.
func TestCanariesOutsideTheAPI(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/canaries.txtar")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	database := "sqlite:" + filepath.Join(folder, "market.db")
	var now string
	secrets := map[string]string{} // text to readers
	for _, section := range archive.Files {
		switch step, rest, _ := strings.Cut(section.Name, " "); step {
		case "now":
			now = rest
		case "import":
			file := filepath.Join(folder, rest+".jsonl")
			if err := os.WriteFile(file, section.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			does(t, "import", rest, file, "--database", database, "--now", now)
		case "work":
			does(t, "work", "--database", database, "--now", now)
		case "canaries":
			for line := range strings.Lines(string(section.Data)) {
				if readers, text, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
					secrets[strings.Trim(text, `"`)] = readers
				}
			}
		}
	}
	look := func(where, party, text string) {
		t.Helper()
		for secret, readers := range secrets {
			if strings.HasPrefix(secret, "canary-name") || strings.HasPrefix(secret, "canary-by") || strings.HasPrefix(secret, "canary-contact") {
				readers = "" // no file and no page is an offer's
			}
			if party == "nobody" && len(secret) < 8 {
				continue // programs and pictures are full of such numbers
			}
			if strings.Contains(text, secret) && !strings.Contains(" "+readers+" ", " "+party+" ") {
				t.Errorf("%s holds %s:\n%.300s", where, secret, text)
			}
		}
	}
	for party, tenant := range map[string]string{"northwind": "11111111-1111-4111-8111-111111111111", "tailspin": "22222222-2222-4222-8222-222222222222"} {
		margins := does(t, "export", "margins", "--reseller", tenant, "--database", database, "--now", now)
		look("the margins of "+party, party, margins)
		if !strings.Contains(margins, tenant) {
			t.Errorf("%s has no margins: %s", party, margins)
		}
		// The operator's own document: with fees, which are for no reseller's eyes.
		lines := does(t, "export", "billing-lines", "--month", "2024-09", "--reseller", tenant, "--database", database, "--now", now)
		for fee := range map[string]bool{"32.08": true, "1037.41": true, "30.54": true, "987.60": true, "12.52": true, "404.71": true, "0.03": true} {
			lines = strings.ReplaceAll(lines, ","+fee+",", ",,")
		}
		look("the lines of "+party, party, lines)
	}
	address := serveAt(t, "serve", "--listen", "127.0.0.1:0", "--database", database, "--now", now, "--log-level", "ERROR")
	for _, path := range []string{"/", "/playground", "/playground/", "/schema.graphql", "/metrics", "/healthz", "/readyz", "/demo/tokens", "/graphql", "/graphql?query=%7Bproducts%7Bnodes%7Btitle%7D%7D%7D", "/none"} {
		response, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		look(path, "nobody", string(text))
		for _, asset := range regexp.MustCompile(`(?:src|href)="(/?[^":]+)"`).FindAllSubmatch(text, -1) {
			response, err := http.Get(address + "/" + strings.TrimPrefix(string(asset[1]), "/"))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			look(string(asset[1]), "nobody", string(text))
		}
	}
	// The whole schema, as anybody reads it.
	const introspection = `{"query":"{__schema{description types{name description enumValues{name description} inputFields{name description defaultValue} fields{name description args{name description defaultValue}}} directives{name description args{name description defaultValue}}}}"}`
	response, err := http.Post(address+"/graphql", "application/json", strings.NewReader(introspection))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	schema, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Contains(schema, []byte(`"PrivateOffer"`)) {
		t.Fatalf("no schema: %.300s %v", schema, err)
	}
	look("introspection", "nobody", string(schema))
	if found := regexp.MustCompile(`/(home|root|tmp|var|etc|Users|usr)/|127\.0\.0\.1|localhost|BEGIN [A-Z ]*KEY|eyJ[\w-]{10}|password|mysql:|sqlite:`).FindAll(schema, -1); found != nil {
		t.Errorf("the schema tells of a machine or a key: %q", found)
	}
}

// serveAt runs a command that serves, until the test ends, and returns its URL.
func serveAt(t *testing.T, arguments ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	program, _, stderr := command(arguments...)
	listening, ended := make(chan string, 1), make(chan int, 1)
	program.Listen = func(ctx context.Context, address string) (net.Listener, error) {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err == nil {
			listening <- l.Addr().String()
		}
		return l, err
	}
	go func() { ended <- cli.Run(ctx, program) }()
	t.Cleanup(func() {
		stop()
		if status := <-ended; status != cli.StatusDone {
			t.Errorf("%v ended with status %d:\n%s", arguments, status, stderr)
		}
	})
	select {
	case address := <-listening:
		return "http://" + address
	case status := <-ended:
		ended <- status
		t.Fatalf("%v ended with status %d before it served:\n%s", arguments, status, stderr)
		return ""
	}
}
