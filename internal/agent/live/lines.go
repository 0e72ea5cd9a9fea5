package live

import (
	"bytes"
	"io"
	"sync"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Tee returns a writer that passes on what it gets to w, and tells it line by line. It
// never fails by what is told.
func (s *Session) Tee(w io.Writer) io.Writer {
	if s == nil {
		return w
	}
	return &tee{next: w, session: s}
}

type tee struct {
	next    io.Writer
	session *Session

	mu   sync.Mutex
	line []byte
}

// Write implements io.Writer.
func (t *tee) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			t.line = append(t.line, rest...)
			break
		}
		t.line = append(t.line, rest[:i]...)
		t.flush()
		rest = rest[i+1:]
	}
	if len(t.line) > githubjobs.MaxEventText { // which may be a long one's beginning
		t.flush()
	}
	return t.next.Write(p)
}

func (t *tee) flush() {
	t.session.Line(string(t.line))
	t.line = t.line[:0]
}
