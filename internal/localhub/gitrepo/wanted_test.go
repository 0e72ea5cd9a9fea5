package gitrepo

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What a push asks for is read, and git still gets every byte of it.
func TestWanted(t *testing.T) {
	t.Parallel()
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	commands := packet(Zero+" "+a+" refs/heads/x\x00 report-status agent=git/2\n") + packet(a+" "+b+" refs/heads/y\n") + "0000"
	want := []RefChange{{Ref: "refs/heads/x", Old: Zero, New: a}, {Ref: "refs/heads/y", Old: a, New: b}}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	io.WriteString(zip, commands+"PACK...")
	zip.Close()
	for name, c := range map[string]struct {
		body, encoding, left string
		want                 []RefChange
	}{
		"plain":     {body: commands + "PACK...", left: commands + "PACK...", want: want},
		"packed":    {body: packed.String(), encoding: "gzip", left: commands + "PACK...", want: want},
		"shallow":   {body: packet("shallow "+a+"\n") + commands, left: packet("shallow "+a+"\n") + commands, want: want},
		"probe":     {body: "0000", left: "0000"},
		"cut":       {body: commands[:len(commands)-20], left: commands[:len(commands)-20], want: want[:1]},
		"malformed": {body: "zzzz", left: "zzzz"},
		"empty":     {},
	} {
		req, err := http.NewRequest("POST", "/", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.encoding != "" {
			req.Header.Set("Content-Encoding", c.encoding)
		}
		got := wanted(req)
		left, err := io.ReadAll(req.Body)
		if fmt.Sprint(got) != fmt.Sprint(c.want) || string(left) != c.left || err != nil || req.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %v, and git gets %q, %v", name, got, left, err)
		}
	}
}
