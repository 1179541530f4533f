// A server of net/http, HTTP/2 with prior knowledge included: `detection PORT` writes a line of JSON for each request that
// it serves.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

type served struct {
	Port        int    `json:"port"`
	Identity    string `json:"identity"`
	Certificate string `json:"certificate"`
	Request     string `json:"request"`
}

var writing sync.Mutex

func serve(response http.ResponseWriter, request *http.Request) {
	_, port, _ := net.SplitHostPort(request.RemoteAddr)
	number, _ := strconv.Atoi(port)
	target := request.RequestURI[:min(len(request.RequestURI), 80)]
	line, _ := json.Marshal(served{
		Port:        number,
		Identity:    strings.Join(request.Header.Values("L5d-Client-Id"), ", "),
		Certificate: strings.Join(request.Header.Values("X-Forwarded-Client-Cert"), ", "),
		Request:     request.Method + " " + target + " " + request.Proto,
	})
	writing.Lock()
	os.Stdout.Write(append(line, '\n'))
	writing.Unlock()
	fmt.Fprintln(response, "served")
}

func main() {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Addr:      "127.0.0.1:" + os.Args[1],
		Handler:   http.HandlerFunc(serve),
		Protocols: protocols,
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	log.Fatal(server.ListenAndServe())
}
