package localhub

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

// RequestKind is what a request was for.
type RequestKind string

const (
	RequestGit  RequestKind = "git"
	RequestREST RequestKind = "rest"
	RequestPage RequestKind = "page"
)

// Request is one HTTP request that localhub has answered.
type Request struct {
	Time      time.Time
	Kind      RequestKind
	Method    string
	Path      string // with the query
	UserAgent string
	Status    int // 0: the connection was cut without an answer
}

// maxRequests is how many requests are remembered; the oldest are forgotten first.
const maxRequests = 20000

// requestLog remembers requests. It is safe for concurrent use.
type requestLog struct {
	mu   sync.Mutex
	list []Request
}

// Requests returns the requests answered since the last ResetRequests (the newest 20,000), oldest first.
func (s *Server) Requests() []Request {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	return slices.Clone(s.requests.list)
}

// CountRequests returns how many requests of a kind there were since the last ResetRequests.
func (s *Server) CountRequests(kind RequestKind) (n int) {
	for _, r := range s.Requests() {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

// ResetRequests forgets all requests.
func (s *Server) ResetRequests() {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	s.requests.list = nil
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) >= maxRequests {
		l.list = slices.Clone(l.list[maxRequests/10:])
	}
	l.list = append(l.list, r)
}

func (l *requestLog) record(now func() time.Time, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		entry := Request{Time: now().UTC(), Kind: kindOf(r), Method: r.Method, Path: r.URL.RequestURI(), UserAgent: r.UserAgent()}
		// Before the answer is complete, so that a client that has it finds its request in the log.
		rec.before = func() { entry.Status = rec.status; l.add(entry) }
		defer func() {
			if cut := recover(); cut != nil {
				rec.status = 0
				rec.once()
				panic(cut)
			}
			rec.once()
		}()
		next.ServeHTTP(rec, r)
	})
}

func kindOf(r *http.Request) RequestKind {
	if _, ok := gitrepo.ParseRequest(r); ok {
		return RequestGit
	}
	if strings.HasPrefix(r.URL.Path, rest.Prefix+"/") {
		return RequestREST
	}
	return RequestPage
}

// statusRecorder sees the status of an answer and calls before ahead of its first byte.
type statusRecorder struct {
	http.ResponseWriter
	status int
	before func()
}

func (s *statusRecorder) once() {
	if s.before != nil {
		s.before()
		s.before = nil
	}
}

func (s *statusRecorder) WriteHeader(status int) {
	if s.before != nil {
		s.status = status
	}
	s.once()
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusRecorder) Write(data []byte) (int, error) {
	s.once()
	return s.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach what is below.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Flush passes on what git sends as it comes.
func (s *statusRecorder) Flush() {
	s.once()
	http.NewResponseController(s.ResponseWriter).Flush()
}
