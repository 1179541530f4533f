// Reads one JSON array a line from stdin, a pattern and texts, and says which of the texts Go's regexp finds to be matched
// by the pattern from end to end: a 1 or 0 for each, or `!` where the pattern is none.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
	"regexp"
)

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var texts []string
		if err := json.Unmarshal(line, &texts); err != nil {
			log.Fatal(err)
		}
		answer := []byte{'!'}
		// Compiled by itself first, so that no pattern can close the group that is put around it.
		if _, err := regexp.Compile(texts[0]); err == nil {
			pattern := regexp.MustCompile(`^(?:` + texts[0] + `)$`)
			answer = answer[:0]
			for _, text := range texts[1:] {
				if pattern.MatchString(text) {
					answer = append(answer, '1')
				} else {
					answer = append(answer, '0')
				}
			}
		}
		out.Write(append(answer, '\n'))
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
}
