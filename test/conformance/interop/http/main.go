// An echo server and a client of net/http: `http server PORT` (HTTP/1.1 and HTTP/2 with prior knowledge on one port) and
// `http client h1|h2c PORT`.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fields writes fields sorted by name, values in their order.
func fields(to io.Writer, prefix string, header http.Header) {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(to, "%s%s: %s\n", prefix, strings.ToLower(name), strings.Join(header[name], " | "))
	}
}

// echo answers with what it has seen. `/status/N` chooses the status, `/hints` sends 103 first, `/trailers` has trailers.
func echo(response http.ResponseWriter, request *http.Request) {
	// What the mesh tells about the client, and what is about a connection alone (RFC 9110, section 7.6.1).
	local := append(strings.Split(request.Header.Get("Connection"), ","), "Connection", "L5d-Client-Id", "X-Forwarded-Client-Cert")
	for _, name := range local {
		request.Header.Del(strings.TrimSpace(name))
	}
	header := response.Header()
	header.Set("X-Seen", request.Method+" "+request.RequestURI)
	header.Add("X-Two", "first")
	header.Add("X-Two", "second, third")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	if request.URL.Path == "/hints" {
		header.Set("Link", "</style.css>; rel=preload")
		response.WriteHeader(http.StatusEarlyHints)
		header.Del("Link")
	}
	if request.URL.Path == "/early" {
		// Before the body has come.
		response.WriteHeader(http.StatusForbidden)
		fmt.Fprintln(response, "refused without reading")
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		log.Printf("body: %v", err)
	}
	status := http.StatusOK
	if text, ok := strings.CutPrefix(request.URL.Path, "/status/"); ok {
		status, _ = strconv.Atoi(text)
		if status >= 300 && status < 400 && status != 304 {
			header.Set("Location", "/moved")
		}
	}
	if request.URL.Path == "/trailers" {
		header.Set("Trailer", "X-Sum")
	}
	response.WriteHeader(status)
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return
	}
	fmt.Fprintf(response, "%s %s %s\nhost: %s\n", request.Method, request.RequestURI, request.Proto, request.Host)
	fields(response, "", request.Header)
	fmt.Fprintf(response, "length %d, coding %v\n", request.ContentLength, request.TransferEncoding)
	fmt.Fprintf(response, "%d octets %x\n", len(body), sha256.Sum256(body))
	fields(response, "trailer ", request.Trailer)
	if request.URL.Path == "/large" {
		response.Write(bytes.Repeat([]byte("0123456789abcde\n"), 1<<16))
	}
	if request.URL.Path == "/trailers" {
		header.Set("X-Sum", "42")
	}
}

func serve(port string) {
	server := &http.Server{Addr: "127.0.0.1:" + port, Handler: http.HandlerFunc(echo), Protocols: protocols("both")}
	log.Fatal(server.ListenAndServe())
}

func protocols(name string) *http.Protocols {
	chosen := new(http.Protocols)
	chosen.SetHTTP1(name != "h2c")
	chosen.SetUnencryptedHTTP2(name != "h1")
	return chosen
}

// show writes an answer as the client sees it.
func show(to io.Writer, response *http.Response, err error) {
	if err != nil {
		fmt.Fprintf(to, "error: %v\n", err)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Fprintf(to, "%s %s length %d\n", response.Proto, response.Status, response.ContentLength)
	fields(to, "", response.Header)
	if len(body) > 8000 {
		body = []byte(fmt.Sprintf("%d octets ending in %q\n", len(body), body[len(body)-16:]))
	}
	to.Write(body)
	fields(to, "trailer ", response.Trailer)
	if err != nil {
		fmt.Fprintf(to, "error: %v\n", err)
	}
}

func client(name, port string) {
	transport := &http.Transport{Protocols: protocols(name), ExpectContinueTimeout: 5 * time.Second}
	http := &http.Client{Transport: transport, Timeout: 30 * time.Second, CheckRedirect: noRedirect}
	base := "http://127.0.0.1:" + port
	for _, each := range cases {
		fmt.Printf("## %s\n", each.name)
		request := each.request(base)
		request.Header.Set("X-Two", "first")
		request.Header.Add("X-Two", "second")
		trace := &httptrace.ClientTrace{
			Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
				fmt.Printf("interim %d %s\n", code, header.Get("Link"))
				return nil
			},
		}
		response, err := http.Do(request.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
		show(os.Stdout, response, err)
	}
	fmt.Println("## 100 at once")
	var all sync.WaitGroup
	answers := make([]string, 100)
	for i := range answers {
		all.Add(1)
		go func() {
			defer all.Done()
			var text strings.Builder
			response, err := http.Post(fmt.Sprintf("%s/many/%d", base, i), "text/plain", strings.NewReader(strconv.Itoa(i)))
			show(&text, response, err)
			answers[i] = text.String()
		}()
	}
	all.Wait()
	fmt.Print(strings.Join(answers, ""))
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

type testCase struct {
	name    string
	request func(base string) *http.Request
}

func simple(method, path string) func(string) *http.Request {
	return func(base string) *http.Request { return made(method, base+path, nil) }
}

func made(method, url string, body io.Reader) *http.Request {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		log.Fatal(err)
	}
	return request
}

// unknown hides a body's length.
type unknown struct{ io.Reader }

var cases = []testCase{
	{"GET", simple("GET", "/a%20b/%C3%A9?q=1&r=%2F")},
	{"HEAD", simple("HEAD", "/head")},
	{"DELETE", simple("DELETE", "/thing")},
	{"an extension method", simple("PROPFIND", "/dav")},
	{"POST with a length", func(base string) *http.Request {
		return made("POST", base+"/post", bytes.NewReader(bytes.Repeat([]byte("x"), 1_000_000)))
	}},
	{"POST without a length", func(base string) *http.Request {
		return made("POST", base+"/post", unknown{bytes.NewReader(bytes.Repeat([]byte("y"), 200_000))})
	}},
	{"an empty POST", func(base string) *http.Request { return made("POST", base+"/post", http.NoBody) }},
	{"trailers of the request", func(base string) *http.Request {
		request := made("POST", base+"/post", unknown{strings.NewReader("body")})
		request.Trailer = http.Header{"X-Checksum": {"abc"}}
		return request
	}},
	{"trailers of the answer", simple("GET", "/trailers")},
	{"Expect: 100-continue", func(base string) *http.Request {
		request := made("PUT", base+"/put", strings.NewReader("after the go-ahead"))
		request.Header.Set("Expect", "100-continue")
		return request
	}},
	{"an expectation refused", func(base string) *http.Request {
		request := made("PUT", base+"/early", strings.NewReader("never sent"))
		request.Header.Set("Expect", "100-continue")
		return request
	}},
	{"103 Early Hints", simple("GET", "/hints")},
	{"204", simple("GET", "/status/204")},
	{"302", simple("GET", "/status/302")},
	{"304", simple("GET", "/status/304")},
	{"404", simple("GET", "/status/404")},
	{"503", simple("GET", "/status/503")},
	{"an answer of 1 MiB", simple("GET", "/large")},
	{"a large header", func(base string) *http.Request {
		request := made("GET", base+"/header", nil)
		request.Header.Set("X-Large", strings.Repeat("z", 30_000))
		return request
	}},
	{"another Host", func(base string) *http.Request {
		request := made("GET", base+"/host", nil)
		request.Host = "shop.example"
		return request
	}},
}

func main() {
	if os.Args[1] == "server" {
		serve(os.Args[2])
	} else {
		client(os.Args[2], os.Args[3])
	}
}
