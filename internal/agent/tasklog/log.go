// Package tasklog takes the output of a task: masks secrets, passes it on to the
// step's log, and keeps its beginning and its end. However much a task writes,
// neither memory nor disk grows beyond a fixed bound.
//
// The package imports the standard library and githubjobs.
package tasklog

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Bounds of what is kept and passed on.
const (
	headBytes   = 128 << 10
	tailBytes   = 512 << 10
	streamBytes = 8 << 20  // into the step's log
	lineBytes   = 64 << 10 // of a line; a longer one is broken
	closeBytes  = 16 << 10 // of the end, shown when the stream was cut
)

// Log is an io.Writer for the output of one task. It may be used from several
// goroutines.
type Log struct {
	mu       sync.Mutex
	mask     Mask
	line     []byte // the unfinished line
	head     []byte
	tail     ring
	stream   io.Writer
	streamed int64
	total    int64
	open     bool // the last line in the stream has no end yet
}

// New returns a log that passes on to stream what it gets, the secrets masked.
func New(stream io.Writer, secrets []string) *Log {
	return &Log{stream: stream, mask: NewMask(secrets), tail: ring{buf: make([]byte, 0, tailBytes)}}
}

// Write implements io.Writer. It never fails: a step's log that can't be written
// must not stop the task.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	if end := bytes.IndexByte(p, '\n') + 1; len(l.line) > 0 {
		l.lines(p[:end])
		p = p[end:]
	}
	if whole := bytes.LastIndexByte(p, '\n') + 1; len(l.line) == 0 && l.plain(p[:whole]) {
		l.emit(p[:whole])
		p = p[whole:]
	}
	l.lines(p)
	return n, nil
}

// plain says whether whole lines pass together as they would one by one: without anything
// to mask, and all or none of them into the stream.
func (l *Log) plain(lines []byte) bool {
	return !l.mask.finds(lines) && (l.streamed >= streamBytes || l.streamed+int64(len(lines)) < streamBytes)
}

// lines takes a text line by line; its last line may have no end yet.
func (l *Log) lines(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.line = append(l.line, p...)
			l.breakLine()
			return
		}
		l.line = append(l.line, p[:i+1]...)
		l.flush(len(l.line))
		p = p[i+1:]
	}
}

// breakLine passes on the most of a line that has become too long. What is held
// back may be the beginning of a secret.
func (l *Log) breakLine() {
	for len(l.line) > lineBytes {
		l.flush(len(l.line) - lineBytes/4)
	}
}

// flush passes on the first n bytes of the line, masked.
func (l *Log) flush(n int) {
	whole := n == len(l.line)
	masked := l.mask.apply(bytes.Clone(l.line))
	if whole {
		l.emit(masked)
		l.line = l.line[:0]
		return
	}
	// Masking changes lengths, so it is the masked text that is cut.
	cut := max(0, len(masked)-lineBytes/4)
	l.emit(masked[:cut])
	l.line = append(l.line[:0], masked[cut:]...)
}

func (l *Log) emit(p []byte) {
	l.total += int64(len(p))
	if room := headBytes - len(l.head); room > 0 {
		take := min(room, len(p))
		l.head = append(l.head, p[:take]...)
		l.tail.write(p[take:])
	} else {
		l.tail.write(p)
	}
	l.pass(p)
}

func (l *Log) pass(p []byte) {
	if l.stream == nil || len(p) == 0 || l.streamed >= streamBytes {
		return
	}
	if l.streamed += int64(len(p)); l.streamed >= streamBytes {
		p = fmt.Appendf(bytes.Clone(p), "\n… the task writes more than %d MiB; the rest is not shown, but its end\n", streamBytes>>20)
	}
	_, _ = l.stream.Write(p)
	l.open = p[len(p)-1] != '\n'
}

// Mask returns a text with the secrets of the log masked, line by line as they are there.
func (l *Log) Mask(text string) string { return l.mask.Text(text) }

// Close passes on what is left, and ends the last line.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush(len(l.line))
	if l.stream == nil {
		return
	}
	if l.streamed >= streamBytes {
		end := l.tail.bytes()
		end = end[max(0, len(end)-closeBytes):]
		if i := bytes.IndexByte(end, '\n'); i >= 0 {
			end = end[i+1:]
		}
		_, _ = l.stream.Write(end)
		l.open = len(end) > 0 && end[len(end)-1] != '\n'
	}
	if l.open {
		_, _ = l.stream.Write([]byte("\n"))
		l.open = false
	}
}

// Text returns the beginning and the end of the log as plain text, and says in
// between how much is missing.
func (l *Log) Text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	tail := l.tail.bytes()
	missing := l.total - int64(len(l.head)) - int64(len(tail))
	if missing == 0 {
		return githubjobs.PlainText(string(l.head) + string(tail))
	}
	return githubjobs.PlainText(fmt.Sprintf("%s\n… (%d bytes are left out here) …\n%s", l.head, missing, tail))
}

// LastLines returns the last n lines that are not blank.
func (l *Log) LastLines(n int) string {
	l.mu.Lock()
	end := l.tail.bytes()
	if len(end) == 0 {
		end = l.head
	}
	text := githubjobs.PlainText(string(end[max(0, len(end)-closeBytes):]))
	l.mu.Unlock()
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \t\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// ring keeps the last bytes that were written to it.
type ring struct {
	buf  []byte
	next int // where the oldest byte is, once the buffer is full
}

func (r *ring) write(p []byte) {
	if len(p) >= cap(r.buf) {
		p = p[len(p)-cap(r.buf):]
	}
	if room := cap(r.buf) - len(r.buf); room > 0 {
		take := min(room, len(p))
		r.buf = append(r.buf, p[:take]...)
		p = p[take:]
	}
	for len(p) > 0 {
		n := copy(r.buf[r.next:], p)
		r.next = (r.next + n) % len(r.buf)
		p = p[n:]
	}
}

func (r *ring) bytes() []byte {
	return append(bytes.Clone(r.buf[r.next:]), r.buf[:r.next]...)
}
