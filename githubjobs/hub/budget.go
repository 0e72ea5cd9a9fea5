package hub

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Budget is what is left of GitHub's primary rate limit for the credentials, as the
// newest answer of the REST API told it.
type Budget struct {
	Limit     int       // requests an hour; 0 while no answer has told
	Remaining int       // until Reset
	Reset     time.Time // when there are Limit requests again
}

// Budget says what is left of the primary rate limit. It makes no request.
func (r *Repository) Budget() Budget {
	r.meter.mu.Lock()
	defer r.meter.mu.Unlock()
	return r.meter.budget
}

// meter is a transport that counts requests and notes the budget.
type meter struct {
	base   http.RoundTripper
	mu     sync.Mutex
	budget Budget
}

// RoundTrip implements http.RoundTripper.
func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	tally(r.Context()).requests.Add(1)
	res, err := m.base.RoundTrip(r)
	// What a GitHub App asks for itself counts on a budget of its own.
	if err == nil && !strings.Contains(r.URL.Path, "/app/") {
		m.note(res.Header)
	}
	return res, err
}

func (m *meter) note(h http.Header) {
	if resource := h.Get("X-RateLimit-Resource"); resource != "" && resource != "core" {
		return
	}
	limit, err := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	if err != nil {
		return
	}
	remaining, err := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	if err != nil {
		return
	}
	reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.budget = Budget{Limit: limit, Remaining: remaining, Reset: time.Unix(reset, 0).UTC()}
}
