package gitrepo

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// wanted reads the changes that a push asks for. They stand before its pack; the
// body is left as if nobody had read it. What is malformed is left to git.
func wanted(req *http.Request) (changes []RefChange) {
	if req.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gzip.NewReader(req.Body)
		if err != nil {
			return nil // git says so
		}
		req.Header.Del("Content-Encoding")
		req.Body, req.ContentLength = io.NopCloser(plain), -1
	}
	var read bytes.Buffer
	in, body := io.TeeReader(req.Body, &read), req.Body
	defer func() { req.Body = io.NopCloser(io.MultiReader(&read, body)) }()
	for {
		line, ok := readPacket(in)
		if !ok {
			return changes
		}
		line, _, _ = strings.Cut(line, "\x00") // the capabilities
		if f := strings.Fields(line); len(f) == 3 && IsSHA(f[0]) && IsSHA(f[1]) {
			changes = append(changes, RefChange{Ref: f[2], Old: f[0], New: f[1]})
		}
	}
}

// readPacket reads one pkt-line; a flush packet, like an error, is not ok.
func readPacket(in io.Reader) (payload string, ok bool) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return "", false
	}
	n, err := strconv.ParseUint(string(head[:]), 16, 16)
	if err != nil || n < 4 {
		return "", false
	}
	text := make([]byte, n-4)
	_, err = io.ReadFull(in, text)
	return string(text), err == nil
}
