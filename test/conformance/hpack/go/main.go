// Encodes and decodes header blocks with golang.org/x/net/http2/hpack, one command a line:
//
//	N                    a new connection
//	E SIZE NAME,VALUE,…  encodes fields (hexadecimal), having set the table's size unless SIZE is -; answers the block
//	D BLOCK              decodes a block; answers fields, or "error"
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
)

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	decoder := hpack.NewDecoder(4096, nil)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		switch words[0] {
		case "N":
			encoder = hpack.NewEncoder(&block)
			decoder = hpack.NewDecoder(4096, nil)
		case "E":
			if size, err := strconv.Atoi(words[1]); err == nil {
				encoder.SetMaxDynamicTableSize(uint32(size))
			}
			block.Reset()
			texts := strings.Split(words[2], ",")
			for i := 0; i+1 < len(texts); i += 2 {
				name := text(texts[i])
				encoder.WriteField(hpack.HeaderField{Name: name, Value: text(texts[i+1]), Sensitive: name == "authorization"})
			}
			fmt.Fprintf(out, "%x\n", block.Bytes())
		case "D":
			fields, err := decoder.DecodeFull([]byte(text(words[1])))
			if err != nil {
				fmt.Fprintln(out, "error")
				break
			}
			texts := make([]string, 0, 2*len(fields))
			for _, field := range fields {
				texts = append(texts, hex.EncodeToString([]byte(field.Name)), hex.EncodeToString([]byte(field.Value)))
			}
			fmt.Fprintln(out, strings.Join(texts, ","))
		}
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
}

func text(digits string) string {
	octets, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return string(octets)
}
