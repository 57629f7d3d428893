package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// driver asks one server the same again and again.
type driver struct {
	address     string
	request     []byte // a whole request of HTTP/1.1
	want        []byte // the data of its answer
	connections int
}

// drive keeps every connection asking until the time is over, and returns what
// each answer took. Every answer is compared with what is wanted.
func (d *driver) drive(long time.Duration) (took []time.Duration, err error) {
	var lock sync.Mutex
	var all sync.WaitGroup
	until := time.Now().Add(long)
	for range d.connections {
		all.Go(func() {
			mine, failed := d.connection(until)
			lock.Lock()
			defer lock.Unlock()
			took, err = append(took, mine...), errors.Join(err, failed)
		})
	}
	all.Wait()
	return took, err
}

func (d *driver) connection(until time.Time) (took []time.Duration, err error) {
	connection, err := net.Dial("tcp", d.address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	in := bufio.NewReaderSize(connection, 64<<10)
	body := make([]byte, 0, len(d.want)+4<<10)
	for began := time.Now(); began.Before(until); {
		if _, err := connection.Write(d.request); err != nil {
			return nil, err
		}
		if body, err = answer(in, body[:0]); err != nil {
			return nil, err
		}
		if err := right(body, d.want); err != nil {
			return nil, err
		}
		now := time.Now()
		took, began = append(took, now.Sub(began)), now
	}
	return took, nil
}

// right checks an answer: the data that is wanted, and nothing beside it but what
// it cost.
func right(body, want []byte) error {
	data, ok := bytes.CutPrefix(body, []byte(`{"data":`))
	rest, same := bytes.CutPrefix(data, want)
	if !ok || !same || !bytes.Equal(rest, []byte("}")) && !bytes.HasPrefix(rest, []byte(`,"extensions":{"cost":`)) {
		return fmt.Errorf("it answers %.300q", body)
	}
	return nil
}

var (
	lengthHeader  = []byte("Content-Length: ")
	chunkedHeader = []byte("Transfer-Encoding: chunked")
)

// answer reads one answer of HTTP/1.1. It costs a tenth of what net/http's client
// takes, which would be taken from the servers.
func answer(in *bufio.Reader, body []byte) ([]byte, error) {
	length, chunked := -1, false
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		line = bytes.TrimSuffix(line, []byte("\r\n"))
		switch {
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")):
			return nil, fmt.Errorf("%s", line)
		case bytes.HasPrefix(line, lengthHeader):
			if length, err = number(line[len(lengthHeader):], 10); err != nil {
				return nil, err
			}
		case bytes.Equal(line, chunkedHeader):
			chunked = true
		}
		if len(line) == 0 && !chunked {
			return more(in, body, length)
		}
		if len(line) == 0 {
			return chunks(in, body)
		}
	}
}

// chunks reads a body that comes in chunks.
func chunks(in *bufio.Reader, body []byte) ([]byte, error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		length, err := number(bytes.TrimSuffix(line, []byte("\r\n")), 16)
		if err != nil {
			return nil, err
		}
		if body, err = more(in, body, length); err != nil {
			return nil, err
		}
		if _, err := in.Discard(len("\r\n")); err != nil || length == 0 {
			return body, err
		}
	}
}

func more(in *bufio.Reader, body []byte, length int) ([]byte, error) {
	if length < 0 {
		return nil, errors.New("it does not say how long its answer is")
	}
	at := len(body)
	if free := cap(body) - at; free < length {
		body = append(body, make([]byte, length)...)
	}
	body = body[:at+length]
	_, err := io.ReadFull(in, body[at:])
	return body, err
}

func number(text []byte, base int) (n int, err error) {
	for _, c := range text {
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c)
		if digit < 0 || digit >= base {
			return 0, fmt.Errorf("%q is no length", text)
		}
		n = n*base + digit
	}
	return n, nil
}

// fetch asks once, as anybody would.
func fetch(address, token, query string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/graphql", bytes.NewReader(bodyOf(query)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}
