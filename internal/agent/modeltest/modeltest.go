// Package modeltest is a language model that says what a test has written down. It
// speaks the streaming protocols of Anthropic (Messages), OpenAI (Responses and chat
// completions) and Google (generateContent), on loopback, so that the real coding agents
// talk to it.
//
// Only tests import it. It imports the standard library.
package modeltest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Step is what the model does when it is asked: exactly one of Say, Read, Edit, Shell, Tool,
// Refuse and Status.
type Step struct {
	Say   string // words; the conversation ends with them
	Read  string // a file's path
	Edit  *Edit
	Shell string // a command line
	Tool  *Tool  // one that is called whatever the agent has offered
	// Refuse ends the conversation as a provider does that finds the request improper.
	Refuse bool
	// Status answers with an HTTP error; RetryAfter is its header in seconds, -1 for none.
	Status, RetryAfter int
	// Again repeats the step for as long as it is asked.
	Again bool
}

// Edit replaces Old in a file by New. Old must stand there once.
type Edit struct{ Path, Old, New string }

// Tool is a call of a tool by its name.
type Tool struct {
	Name  string
	Input any
}

// Ask is what a request says that belongs to the script.
type Ask struct {
	Path  string // of the request
	Model string
	Key   string // the API key, whichever header it came in
	Body  string
}

// Server is a scripted model.
type Server struct {
	URL  string // without a path
	Port int

	mu    sync.Mutex
	steps []Step
	asks  []Ask
	other int // requests that are none of the script, such as for a title
}

// New starts a model that is reachable at an address of this machine's, and ends with the test.
func New(t testing.TB, steps ...Step) *Server {
	t.Helper()
	s := &Server{steps: steps}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	s.URL, s.Port = server.URL, listener.Addr().(*net.TCPAddr).Port
	return s
}

// Asks are the requests that the script has answered, in their order.
func (s *Server) Asks() []Ask {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Ask(nil), s.asks...)
}

// Usage of every answer.
const (
	InputTokens  = 100
	OutputTokens = 10
)

// protocol is one of the wire formats.
type protocol interface {
	// answer writes what the step is in this format.
	answer(w io.Writer, step Step, offered []tool)
	// fail is the body of an HTTP error.
	fail(status int) string
	// tools are those that the request offers, and the model that it names.
	tools(body []byte) (offered []tool, model string)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p, model := protocolOf(r.URL.Path)
	if p == nil || r.Method != http.MethodPost {
		http.Error(w, `{"error":{"message":"there is nothing here"}}`, http.StatusNotFound)
		return
	}
	offered, named := p.tools(body)
	if model == "" {
		model = named
	}
	step, ok := s.next(r, model, body, len(offered) > 0)
	switch {
	case !ok:
		step = Step{Say: "Done."}
	case step.Status != 0:
		if step.RetryAfter >= 0 {
			w.Header().Set("Retry-After", strconv.Itoa(step.RetryAfter))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(step.Status)
		_, _ = io.WriteString(w, p.fail(step.Status))
		return
	}
	if wantsWhole(p, r, body) {
		w.Header().Set("Content-Type", "application/json")
		p.(whole).whole(w, step, offered)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	p.answer(w, step, offered)
}

// whole is a protocol that can answer without a stream.
type whole interface {
	whole(w io.Writer, step Step, offered []tool)
}

func wantsWhole(p protocol, r *http.Request, body []byte) bool {
	if _, ok := p.(whole); !ok {
		return false
	}
	if _, ok := p.(gemini); ok {
		return !strings.HasSuffix(r.URL.Path, ":streamGenerateContent")
	}
	var request struct{ Stream bool }
	return json.Unmarshal(body, &request) == nil && !request.Stream
}

// next takes the next step of the script. What is asked without tools is a side matter.
func (s *Server) next(r *http.Request, model string, body []byte, main bool) (Step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !main {
		s.other++
		return Step{}, false
	}
	key := r.Header.Get("X-Api-Key") + r.Header.Get("X-Goog-Api-Key") + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.asks = append(s.asks, Ask{r.URL.Path, model, key, string(body)})
	if len(s.steps) == 0 {
		return Step{}, false
	}
	step := s.steps[0]
	if !step.Again {
		s.steps = s.steps[1:]
	}
	return step, true
}

func protocolOf(path string) (p protocol, model string) {
	switch {
	case strings.HasSuffix(path, "/messages"):
		return anthropic{}, ""
	case strings.HasSuffix(path, "/responses"):
		return responses{}, ""
	case strings.HasSuffix(path, "/chat/completions"):
		return chat{}, ""
	case strings.HasSuffix(path, ":streamGenerateContent"), strings.HasSuffix(path, ":generateContent"):
		name, _, _ := strings.Cut(path[strings.LastIndexByte(path, '/')+1:], ":")
		return gemini{}, name
	}
	return nil, ""
}

// event writes one server-sent event; name may be empty.
func event(w io.Writer, name string, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	if name != "" {
		fmt.Fprintf(w, "event: %s\n", name)
	}
	fmt.Fprintf(w, "data: %s\n\n", raw)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

type object = map[string]any
