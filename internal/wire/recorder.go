package wire

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/githubjobs/githubjobs/internal/require"
)

// Prefix is where a GitHub that is not github.com has its API.
const Prefix = "/api/v3"

// Recorder notes what goes over the wire.
type Recorder struct {
	t testing.TB
	d *Description // nil where GitHub's description cannot be had

	mu      sync.Mutex
	seen    []Seen
	told    map[string]bool
	checked map[string]int // how often, by operation and status, or by event
}

// enough is how many of one sort a recorder checks: tests of load send thousands that are alike.
const enough = 200

// Seen is one exchange that was recorded.
type Seen struct {
	Operation string // its id
	Path      string
	UserAgent string
	Status    int
}

// Watch returns a recorder whose every problem is an error of the test. Without GitHub's description (see
// require.TryNPM) it holds nothing to anything.
func Watch(t testing.TB) *Recorder {
	t.Helper()
	r := &Recorder{t: t, told: map[string]bool{}, checked: map[string]int{}}
	if file, ok := require.TryNPM(t, require.OpenAPI); ok {
		r.d = load(t, file)
	}
	return r
}

// Seen returns what was recorded so far.
func (r *Recorder) Seen() []Seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// Wrap returns a handler that records requests to the API below Prefix, and passes all on.
func (r *Recorder) Wrap(next http.Handler) http.Handler {
	if r.d == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		path, ok := strings.CutPrefix(req.URL.EscapedPath(), Prefix)
		if !ok {
			next.ServeHTTP(w, req)
			return
		}
		e := Exchange{Method: req.Method, Path: path, Query: req.URL.Query(), Header: req.Header.Clone()}
		var err error
		if e.Body, err = io.ReadAll(req.Body); err != nil {
			return // the client has gone
		}
		req.Body = io.NopCloser(bytes.NewReader(e.Body))
		kept := &keeper{ResponseWriter: w, status: http.StatusOK}
		kept.ended = func() {
			e.Status, e.Answer, e.AnswerHeader = kept.status, kept.body.Bytes(), w.Header()
			e.Gone = req.Context().Err() != nil
			r.record(e)
		}
		next.ServeHTTP(kept, req)
		kept.end()
	})
}

func (r *Recorder) record(e Exchange) {
	op, values, ok := r.d.Operation(e.Method, e.Path)
	var problems []string
	if r.wants(op.ID + e.Method + strconv.Itoa(e.Status)) {
		problems = r.d.check(op, values, ok, e)
	}
	agent := e.Header.Get("User-Agent")
	use(op.ID, agent)
	r.mu.Lock()
	r.seen = append(r.seen, Seen{Operation: op.ID, Path: e.Path, UserAgent: agent, Status: e.Status})
	r.mu.Unlock()
	problems = append(problems, unlisted(op.ID, agent)...)
	r.tell(e.Method+" "+e.Path+" ("+op.ID+")", op.ID, problems)
}

// Webhook holds a payload to GitHub's description of the event.
func (r *Recorder) Webhook(event string, payload []byte) {
	if r.d != nil && r.wants(event) {
		r.tell("webhook "+event, event, r.d.Webhook(event, payload))
	}
}

// wants says whether there were not enough of this sort.
func (r *Recorder) wants(sort string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checked[sort]++
	return r.checked[sort] <= enough
}

// tell makes errors of problems, of the same one in many exchanges only one.
func (r *Recorder) tell(what, of string, problems []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range problems {
		if told := of + p; !r.told[told] {
			r.told[told] = true
			r.t.Errorf("%s: %s", what, p)
		}
	}
}

// Operations lists the ids of the operations that were answered with success to clients of this user agent ("" for all).
func Operations(seen []Seen, userAgent string) []string {
	ids := map[string]bool{}
	for _, s := range seen {
		if s.Status < 400 && strings.HasPrefix(s.UserAgent, userAgent) {
			ids[s.Operation] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// keeper keeps a copy of an answer.
type keeper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	ended  func()
}

func (k *keeper) end() { k.ended() }

func (k *keeper) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

func (k *keeper) Write(data []byte) (int, error) {
	k.body.Write(data)
	return k.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach what is below.
func (k *keeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }
