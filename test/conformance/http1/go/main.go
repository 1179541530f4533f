// Reads transcripts (u32 length, octets) from stdin and says, one line each, how the server of net/http reads them.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"
)

// transcript is a connection whose client has said everything that it will say.
type transcript struct {
	reader   *bytes.Reader
	written  bytes.Buffer
	messages bytes.Buffer
	broken   string
	closed   chan struct{}
}

func (t *transcript) Read(p []byte) (int, error)       { return t.reader.Read(p) }
func (t *transcript) Write(p []byte) (int, error)      { return t.written.Write(p) }
func (t *transcript) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (t *transcript) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (t *transcript) SetDeadline(time.Time) error      { return nil }
func (t *transcript) SetReadDeadline(time.Time) error  { return nil }
func (t *transcript) SetWriteDeadline(time.Time) error { return nil }
func (t *transcript) Close() error {
	select {
	case <-t.closed:
	default:
		close(t.closed)
	}
	return nil
}

type listener chan net.Conn

func (l listener) Accept() (net.Conn, error) { return <-l, nil }
func (l listener) Close() error              { return nil }
func (l listener) Addr() net.Addr            { return &net.TCPAddr{} }

type key struct{}

func writeFields(out *bytes.Buffer, header http.Header) {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return strings.ToLower(names[i]) < strings.ToLower(names[j]) })
	for _, name := range names {
		lower := strings.ToLower(name)
		for _, value := range header[name] {
			fmt.Fprintf(out, "%s: %s\n", lower, value)
		}
	}
}

func main() {
	log.SetOutput(io.Discard)
	var now *transcript
	server := &http.Server{
		MaxHeaderBytes:               1 << 20,
		DisableGeneralOptionsHandler: true,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t := now
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.broken = "body: " + err.Error()
				panic(http.ErrAbortHandler)
			}
			fmt.Fprintf(&t.messages, "%s\n%s\n%s\n", r.Method, r.RequestURI, r.Host)
			writeFields(&t.messages, r.Header)
			fmt.Fprintf(&t.messages, "\n%d\n", len(body))
			t.messages.Write(body)
			writeFields(&t.messages, r.Trailer)
			t.messages.WriteByte(0)
			w.Header()["Date"] = nil
			w.WriteHeader(299)
		}),
	}
	connections := make(listener)
	go server.Serve(connections)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	defer out.Flush()
	for {
		var length uint32
		if binary.Read(in, binary.BigEndian, &length) != nil {
			return
		}
		octets := make([]byte, length)
		if _, err := io.ReadFull(in, octets); err != nil {
			return
		}
		t := &transcript{reader: bytes.NewReader(octets), closed: make(chan struct{})}
		now = t
		connections <- t
		<-t.closed
		fault := t.broken
		for _, line := range strings.Split(t.written.String(), "\r\n") {
			if strings.HasPrefix(line, "HTTP/1.") && !strings.Contains(line, " 299 ") && !strings.Contains(line, " 100 ") {
				fault = line
			}
		}
		if fault == "" {
			fault = "-"
		}
		fmt.Fprintf(out, "%s %s\n", strings.ReplaceAll(fault, " ", "_"), base64.StdEncoding.EncodeToString(t.messages.Bytes()))
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
}
