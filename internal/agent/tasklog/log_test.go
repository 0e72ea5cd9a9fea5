package tasklog

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestShortLogIsKeptAsItIs(t *testing.T) {
	t.Parallel()
	var stream bytes.Buffer
	l := New(&stream, nil)
	fmt.Fprint(l, "one\ntw")
	fmt.Fprint(l, "o\nthree")
	l.Close()
	if got := l.Text(); got != "one\ntwo\nthree" {
		t.Errorf("text %q", got)
	}
	if got := stream.String(); got != "one\ntwo\nthree\n" {
		t.Errorf("stream %q", got)
	}
	if got := l.LastLines(2); got != "two\nthree" {
		t.Errorf("last lines %q", got)
	}
}

// However the output is cut into writes, the same comes out.
func TestWritesMayBeCutAnywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := []string{"a", "secret-1", "secret-12", "over\ntwo lines", "ghs_", "github_pat_", "tokentokentoken", "\n", " ", "é", strings.Repeat("x", 3000)}
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 60).Draw(t, "text"), "")
		render := func(size int) (string, string) {
			var stream bytes.Buffer
			l := New(&stream, []string{"secret-1", "secret-12", "over\ntwo lines"})
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				l.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			l.Close()
			return l.Text(), stream.String()
		}
		wantText, wantStream := render(max(1, len(text)))
		gotText, gotStream := render(rapid.IntRange(1, 5000).Draw(t, "size"))
		if gotText != wantText || gotStream != wantStream {
			t.Fatalf("got %q, want %q", gotText, wantText)
		}
		if strings.Contains(gotText+gotStream, "secret-1") {
			t.Fatal("a secret came through")
		}
	})
}

// What has nothing to mask is not looked at line by line; beyond the stream's bound it is cut at the same line all the same.
func TestLinesPassTogether(t *testing.T) {
	t.Parallel()
	stream := &counter{}
	l := New(stream, []string{"secret-1"})
	chunk := []byte(strings.Repeat("one line\n", 1000))
	l.Write(chunk)
	if stream.writes != 1 {
		t.Errorf("%d writes for one", stream.writes)
	}
	for l.streamed < streamBytes {
		l.Write(chunk)
	}
	if l.streamed >= streamBytes+int64(len("one line\n")) {
		t.Errorf("%d bytes were streamed, the bound is %d", l.streamed, streamBytes)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	secrets := SecretsIn([]string{
		"API_KEY=aBcDeFgH", "GH_TOKEN=aBcDeFgHiJk", "MY_PASSWORD=short", "DB_PASSWORD=line one!\nline two!", "TOKENIZER=harmless1", "PATH=/usr/bin:/bin",
		"DEPLOY_KEY=0123456789", "KEYBOARD=qwertzuiop",
	})
	tests := map[string]string{
		"aBcDeFgH":            "***",
		"xaBcDeFgHiJky":       "x***y",
		"short":               "short",
		"a line one! b":       "a *** b",
		"line two!":           "***",
		"harmless1":           "harmless1",
		"0123456789 /usr/bin": "*** /usr/bin",
		"qwertzuiop":          "qwertzuiop",
		"token ghs_abcdefghijklmnopqrstuv.x-y_z!":        "token ***!",
		"github_pat_11ABCDEFG0abcdefghijkl_more end":     "*** end",
		"ghost_abcdefghijklmnopqrst ghp_short laughs_at": "ghost_abcdefghijklmnopqrst ghp_short laughs_at",
	}
	for text, want := range tests {
		l := New(nil, secrets)
		fmt.Fprintln(l, text)
		l.Close()
		if got := l.Text(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// A secret is masked however a program has encoded it, alone or in the midst of other text.
func TestEncodedSecretsAreMasked(t *testing.T) {
	t.Parallel()
	const secret = "pa$$ word/&<'\"é?+12"
	encodings := map[string]func(string) string{
		"base64":                 func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 without padding": func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
		"base64 for URLs":        func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
		"query":                  url.QueryEscape, "path": url.PathEscape, "HTML": html.EscapeString,
		"lower-case URL": func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
		"hexadecimal":    func(s string) string { return hex.EncodeToString([]byte(s)) },
		"JSON":           func(s string) string { raw, _ := json.Marshal(s); return string(raw) },
		"a shell word":   func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
	}
	for name, encode := range encodings {
		for _, around := range []string{"", "u", "us", "use", "user:"} {
			text := encode(around + secret + around)
			l := New(nil, []string{secret})
			for _, c := range []byte(text) { // split over as many writes as can be
				l.Write([]byte{c})
			}
			l.Close()
			got := l.Text()
			if !strings.Contains(got, "***") || len(got) > len(text)/2+16+4*len(around) {
				t.Errorf("%s of %q: %q became %q", name, around, text, got)
			}
		}
	}
	l := New(nil, []string{"line one!\nline two!"})
	fmt.Fprintln(l, base64.StdEncoding.EncodeToString([]byte("line one!\nline two!")), `"line one!\nline two!"`)
	if l.Close(); l.Text() != `*** "***"` {
		t.Errorf("a secret of two lines: %q", l.Text())
	}
}

// What programs break into lines is masked in each of them, and of JSON what stands in it.
func TestBrokenSecretsAreMasked(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("0123456789 abc-", 20)
	var text strings.Builder
	for _, width := range []int{76, 64} {
		for part := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString([]byte(secret+"\n"))), width) {
			fmt.Fprintf(&text, "%s\n", part)
		}
	}
	for part := range slices.Chunk([]byte(hex.EncodeToString([]byte(secret))), 60) {
		fmt.Fprintf(&text, "%s\n", part)
	}
	l := New(nil, []string{secret, `{"id": "an-account", "key": "one\ntwo-and-two", "list": [["deep-in-it"]]}`})
	fmt.Fprint(l, text.String(), "two-and-two of an-account: deep-in-it\n")
	l.Close()
	for line := range strings.Lines(l.Text()) {
		if rest := strings.TrimSpace(strings.ReplaceAll(line, "***", "")); len(rest) >= MinSecret && rest != "of : " && rest != "of :" {
			t.Errorf("%q is left", rest)
		}
	}
	for value, want := range map[string]bool{"12345": false, "123456": true, "": true, "123456\nab\n": false, "{\n  \"a\": \"bcdefg\"\n}\n": true} {
		if Maskable(value) != want {
			t.Errorf("%q: %t", value, !want)
		}
	}
}

func TestASecretInAnEndlessLineIsMasked(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-s3cr3t-s3cr3t"
	for offset := range 2 * len(secret) {
		var stream bytes.Buffer
		l := New(&stream, []string{secret})
		l.Write([]byte(strings.Repeat("x", lineBytes-len(secret)+offset-len(secret)/2)))
		for _, c := range []byte(secret + strings.Repeat("y", lineBytes)) {
			l.Write([]byte{c})
		}
		l.Close()
		if strings.Contains(stream.String(), "s3cr3t") || !strings.Contains(stream.String(), "x***y") {
			t.Fatalf("offset %d: a secret came through", offset)
		}
	}
}

func TestAHugeLogKeepsItsEnds(t *testing.T) {
	t.Parallel()
	stream := &counter{}
	l := New(stream, nil)
	fmt.Fprintln(l, "the first line")
	chunk := []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 1000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 2000 { // 200 MB
		l.Write(chunk)
	}
	runtime.ReadMemStats(&after)
	fmt.Fprintln(l, "the last line")
	l.Close()
	text := l.Text()
	if !strings.HasPrefix(text, "the first line\n") || !strings.HasSuffix(text, "\nthe last line") || !strings.Contains(text, "bytes are left out here") {
		t.Errorf("text begins %q and ends %q", text[:40], text[len(text)-40:])
	}
	if n := len(text); n > headBytes+tailBytes+100 {
		t.Errorf("text of %d bytes", n)
	}
	if stream.n > streamBytes+1<<20 || !strings.HasSuffix(stream.last, "the last line\n") {
		t.Errorf("%d bytes were streamed, the last %q", stream.n, stream.last)
	}
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

type counter struct {
	n, writes int
	last      string
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	c.writes++
	c.last = string(p[max(0, len(p)-100):])
	return len(p), nil
}

func BenchmarkWrite(b *testing.B) {
	l := New(nil, []string{"secret-1", "secret-2"})
	line := []byte(strings.Repeat("x", 99) + "\n")
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		l.Write(line)
	}
}
