package live

import (
	"bytes"
	"crypto/rand"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Variable names the variable of the task that holds its mark: a line of the task's output
// that begins with it tells something of the task.
const Variable = "JOB_EVENT"

// NewMark makes a mark that no text has by chance.
func NewMark() string { return "job-event-" + rand.Text() + ":" }

// maxTold bounds a line with a mark, in bytes.
const maxTold = 2 << 10

// Told reads what a task tells of itself out of its output:
//
//	<mark>progress 3/10 reading files
//	<mark>meta rows=1200
//
// What is no such line stays what it is; the mark is taken away in any case, so that the
// log tells the same to people.
type Told struct {
	// Next gets the output without marks.
	Next io.Writer
	Mark string
	// Mask hides secrets.
	Mask    func(string) string
	Session *Session

	mu    sync.Mutex
	held  []byte // the beginning of a line, which may be a mark, or a line that had one
	state state
}

type state int

const (
	begin  state = iota // held is a part of a mark, or nothing
	marked              // held is what came after it
	plain               // the rest of the line is of no interest
)

// Write implements io.Writer.
func (t *Told) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		if whole := t.unmarked(p); whole > 0 {
			if _, err := t.Next.Write(p[:whole]); err != nil {
				return n - len(p), err
			}
			p = p[whole:]
			continue
		}
		end := bytes.IndexByte(p, '\n') + 1
		line := p[:max(end, 0)]
		if end == 0 {
			line = p
		}
		if err := t.part(line, end > 0); err != nil {
			return n - len(p), err
		}
		p = p[len(line):]
	}
	return n, nil
}

// unmarked is how many bytes of p are whole lines without a mark, which can be passed on together.
func (t *Told) unmarked(p []byte) int {
	if t.state != begin || len(t.held) > 0 {
		return 0
	}
	if i := bytes.Index(p, []byte(t.Mark)); i >= 0 {
		p = p[:i]
	}
	return bytes.LastIndexByte(p, '\n') + 1
}

// part takes a part of a line; last says that the line ends with it.
func (t *Told) part(p []byte, last bool) (err error) {
	if t.state == begin {
		t.held = append(t.held, p...)
		p = nil
		switch {
		case bytes.HasPrefix(t.held, []byte(t.Mark)):
			t.state, t.held = marked, t.held[len(t.Mark):]
		case last || !strings.HasPrefix(t.Mark, string(t.held)):
			t.state, p, t.held = plain, t.held, nil
		default:
			return nil
		}
	}
	if t.state == marked {
		t.held = append(t.held, p...)
		if !last && len(t.held) <= maxTold {
			return nil
		}
		if last && len(t.held) <= maxTold {
			t.tell(string(bytes.TrimRight(t.held, "\r\n")))
		}
		t.state, p, t.held = plain, t.held, nil
	}
	_, err = t.Next.Write(p)
	if last {
		t.state = begin
	}
	return err
}

// Flush passes on what is held of an unfinished line.
func (t *Told) Flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == marked {
		t.tell(string(t.held))
	}
	_, _ = t.Next.Write(t.held) // a log takes everything
	t.state, t.held = begin, nil
}

// tell reads a line that had a mark.
func (t *Told) tell(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "progress":
		numbers, text, _ := strings.Cut(rest, " ")
		of, total, ok := strings.Cut(numbers, "/")
		done, err := strconv.ParseInt(of, 10, 64)
		all, allErr := strconv.ParseInt(total, 10, 64)
		if ok && err == nil && allErr == nil && 0 <= done && done <= all && 1 <= all && all <= githubjobs.MaxProgress {
			t.Session.Progress(done, all, githubjobs.OneLine(t.Mask(strings.TrimSpace(text)), githubjobs.MaxProgressText))
		}
	case "meta":
		key, value, ok := strings.Cut(rest, "=")
		if ok && githubjobs.ValidMetadataKey(key) && t.Mask(key) == key {
			t.Session.Metadata(key, githubjobs.OneLine(t.Mask(value), githubjobs.MaxMetadataValue))
		}
	}
}
