package faults

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// documentations are the addresses by which GitHub and its releases tell a secondary limit from other refusals.
var documentations = []string{
	"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
	"https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
	"https://docs.github.com/en/rest/overview/resources-in-the-rest-api#secondary-rate-limits",
	"https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits",
	"https://developer.github.com/v3/#abuse-rate-limits",
}

const primaryDocumentation = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"

// Serve answers a request: by next, or as the faults have it that strike. now is the clock of the answers.
func (s *Set) Serve(w http.ResponseWriter, r *http.Request, o Occasion, now func() time.Time, next http.Handler) {
	o.Method, o.Path = r.Method, r.URL.Path
	if hit, ok := s.Strike(Latency, o); ok {
		select {
		case <-time.After(time.Duration(hit.Delay)):
		case <-r.Context().Done():
			return
		}
	}
	for _, fail := range []struct {
		kind   Kind
		answer func(http.ResponseWriter, *http.Request, Hit, func() time.Time)
	}{{CutBefore, cut}, {ServerError, serverError}, {PrimaryLimit, primary}, {SecondaryLimit, secondary}} {
		if hit, ok := s.Strike(fail.kind, o); ok {
			fail.answer(w, r, hit, now)
			return
		}
	}
	if _, ok := s.Strike(CutAfter, o); ok {
		next.ServeHTTP(nowhere{}, r)
		panic(http.ErrAbortHandler)
	}
	next.ServeHTTP(w, r)
}

// cut ends the connection without a byte: the one way that net/http has for it.
func cut(http.ResponseWriter, *http.Request, Hit, func() time.Time) { panic(http.ErrAbortHandler) }

func serverError(w http.ResponseWriter, r *http.Request, hit Hit, _ func() time.Time) {
	status := cmp.Or(hit.Status, http.StatusBadGateway)
	answer(w, r, status, "Server Error", "")
}

func primary(w http.ResponseWriter, r *http.Request, hit Hit, now func() time.Time) {
	reset := now().Add(time.Duration(cmp.Or(hit.Delay, Duration(time.Minute))))
	limits(w.Header(), 0, reset)
	answer(w, r, cmp.Or(hit.Status, http.StatusForbidden), "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, please include "+
		"the request ID "+requestID(hit)+".", primaryDocumentation)
}

func secondary(w http.ResponseWriter, r *http.Request, hit Hit, now func() time.Time) {
	if hit.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(time.Duration(hit.RetryAfter)/time.Second)))
	}
	limits(w.Header(), 4321, now().Add(time.Hour))
	answer(w, r, cmp.Or(hit.Status, http.StatusForbidden), "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach "+
		"out to GitHub Support for help, please include the request ID "+requestID(hit)+".",
		cmp.Or(hit.Documentation, documentations[hit.IntN(len(documentations))]))
}

func limits(h http.Header, remaining int, reset time.Time) {
	h.Set("X-Ratelimit-Limit", "5000")
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-Ratelimit-Used", strconv.Itoa(5000-remaining))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	h.Set("X-Ratelimit-Resource", "core")
}

func requestID(hit Hit) string {
	return fmt.Sprintf("%04X:%06X:%X", hit.IntN(1<<16), hit.IntN(1<<24), hit.Uint32())
}

// answer refuses a request as the API does, or to git in plain text.
func answer(w http.ResponseWriter, r *http.Request, status int, message, documentation string) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		http.Error(w, message, status)
		return
	}
	body := map[string]string{"message": message, "status": strconv.Itoa(status)}
	if documentation != "" {
		body["documentation_url"] = documentation
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // an error means that the client has gone
}

// nowhere is an answer that nobody gets.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
