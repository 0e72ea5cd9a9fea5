//go:build unix

package prompt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
)

const (
	maxEvent = 4 << 20 // bytes of a line that is read as an event
	maxInput = 300     // characters that are shown of what a tool is called with
)

// told is what the events of an engine have told so far.
type told struct {
	text    string // the model's last words
	failure string // why the work failed, for people
	ended   bool   // the engine has said that the work is over
	turns   int    // answers of the model
	usage   githubjobs.Usage
}

// format reads the events of one engine.
type format interface {
	// event takes one JSON object and returns what of it is to be seen, line by line.
	event(raw []byte, t *told) (lines []string)
}

// formats are all that engine.Outputs names.
var formats = map[engine.Output]func() format{
	engine.OutputClaude:   func() format { return &claude{} },
	engine.OutputCodex:    func() format { return codex{} },
	engine.OutputGemini:   func() format { return &gemini{} },
	engine.OutputOpencode: func() format { return opencode{} },
}

// stream takes the output of an engine: it turns events into lines of the log, and
// counts. What is no event goes to the log as it is.
type stream struct {
	mu     sync.Mutex
	log    io.Writer
	format format // nil for text
	told   told
	line   []byte
	cut    int // bytes that the line has beyond maxEvent

	most     int // turns; 0 for any number
	stop     func()
	exceeded bool
	mark     string // begins a line that tells of the task; empty for none
	counted  int    // turns that were told
}

func newStream(output engine.Output, log io.Writer, most int, stop func()) *stream {
	s := &stream{log: log, most: most, stop: stop}
	if f, ok := formats[output]; ok {
		s.format = f()
	}
	return s
}

// plain is the log itself, for what is no event. It may be used beside Write.
func (s *stream) plain() io.Writer { return plain{s} }

type plain struct{ s *stream }

func (p plain) Write(b []byte) (int, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.s.log.Write(b)
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.format == nil {
		return s.log.Write(p)
	}
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.keep(p)
			break
		}
		s.keep(p[:i])
		s.end()
		p = p[i+1:]
	}
	return n, nil
}

func (s *stream) keep(p []byte) {
	take := min(len(p), maxEvent-len(s.line))
	s.line = append(s.line, p[:take]...)
	s.cut += len(p) - take
}

// end takes a line that is complete.
func (s *stream) end() {
	line := bytes.TrimSpace(s.line)
	switch {
	case s.cut > 0:
		fmt.Fprintf(s.log, "(An event of %d bytes is not shown.)\n", len(s.line)+s.cut)
	case len(line) == 0:
	case line[0] != '{' || !json.Valid(line):
		fmt.Fprintf(s.log, "%s\n", s.line)
	default:
		for _, text := range s.format.event(line, &s.told) {
			fmt.Fprintf(s.log, "%s\n", strings.TrimRight(text, "\n"))
		}
	}
	s.line, s.cut = s.line[:0], 0
	s.count()
}

// count tells how many of the turns are used up, and ends what goes on after the last.
func (s *stream) count() {
	if done := min(s.told.turns, s.most); done > s.counted && s.mark != "" {
		s.counted = done
		fmt.Fprintf(s.log, "%sprogress %d/%d turns\n", s.mark, done, s.most)
	}
	if s.most > 0 && s.told.turns > s.most && !s.exceeded {
		s.exceeded = true
		s.stop()
	}
}

// close takes what is left.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.format != nil && len(s.line) > 0 {
		s.end()
	}
}

// say is the model's words: they are shown, and the last ones are the summary.
func (t *told) say(text string) []string {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	t.text = text
	return []string{text}
}

// using shows the call of a tool.
func using(name string, input json.RawMessage) []string {
	var compact bytes.Buffer
	if json.Compact(&compact, input) != nil {
		compact.Reset()
	}
	return []string{strings.TrimSpace("→ " + name + " " + short(compact.String(), maxInput))}
}

// trouble shows what went wrong, and goes on.
func trouble(format string, args ...any) []string {
	return []string{"✗ " + short(fmt.Sprintf(format, args...), maxInput)}
}

// short is the text in one line of at most n characters.
func short(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}
