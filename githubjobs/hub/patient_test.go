package hub

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// script answers requests one after the other.
type script struct {
	answers []func() (*http.Response, error)
	times   []time.Duration // of each request, since the first
	began   time.Time
}

func (s *script) RoundTrip(*http.Request) (*http.Response, error) {
	if len(s.times) == 0 {
		s.began = time.Now()
	}
	answer := s.answers[min(len(s.times), len(s.answers)-1)]
	s.times = append(s.times, time.Since(s.began))
	return answer()
}

func status(code int, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		w := httptest.NewRecorder()
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, "{}")
		return w.Result(), nil
	}
}

func cut() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func TestPatientReads(t *testing.T) {
	t.Parallel()
	second := time.Second
	for name, c := range map[string]struct {
		answers []func() (*http.Response, error)
		status  int // 0: an error
		times   []time.Duration
	}{
		"a good answer":        {[]func() (*http.Response, error){status(200)}, 200, []time.Duration{0}},
		"one bad gateway":      {[]func() (*http.Response, error){status(502), status(200)}, 200, []time.Duration{0, second / 4}},
		"a cut connection":     {[]func() (*http.Response, error){cut, status(200)}, 200, []time.Duration{0, second / 4}},
		"down":                 {[]func() (*http.Response, error){cut}, 0, []time.Duration{0, second / 4, 5 * second / 4, 21 * second / 4}},
		"down with an answer":  {[]func() (*http.Response, error){status(503)}, 503, []time.Duration{0, second / 4, 5 * second / 4, 21 * second / 4}},
		"a secondary limit":    {[]func() (*http.Response, error){status(403, "Retry-After", "2"), status(200)}, 200, []time.Duration{0, 2 * second}},
		"a long one":           {[]func() (*http.Response, error){status(429, "Retry-After", "60"), status(200)}, 429, []time.Duration{0}},
		"no right":             {[]func() (*http.Response, error){status(403), status(200)}, 403, []time.Duration{0}},
		"nothing there":        {[]func() (*http.Response, error){status(404), status(200)}, 404, []time.Duration{0}},
		"not in this GitHub":   {[]func() (*http.Response, error){status(501), status(200)}, 501, []time.Duration{0}},
		"a limit of this hour": {[]func() (*http.Response, error){status(403, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(1<<40, 10)), status(200)}, 403, []time.Duration{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, _ := counted(t.Context())
				s := &script{answers: c.answers}
				res, err := patient{s}.RoundTrip(httptest.NewRequestWithContext(ctx, "GET", "/", nil))
				if got := statusOf(res); got != c.status || (err != nil) != (c.status == 0) {
					t.Errorf("status %d, error %v, want %d", got, err, c.status)
				}
				if !equalTimes(s.times, c.times) {
					t.Errorf("requests after %v, want %v", s.times, c.times)
				}
			})
		})
	}
}

func statusOf(res *http.Response) int {
	if res == nil {
		return 0
	}
	return res.StatusCode
}

func equalTimes(a, b []time.Duration) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A primary limit that is about to be reset is waited for.
func TestPatientUntilReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, _ := counted(t.Context())
		reset := strconv.FormatInt(time.Now().Add(3*time.Second).Unix(), 10)
		s := &script{answers: []func() (*http.Response, error){status(403, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reset), status(200)}}
		res, err := patient{s}.RoundTrip(httptest.NewRequestWithContext(ctx, "GET", "/", nil))
		if err != nil || res.StatusCode != 200 || len(s.times) != 2 || s.times[1] < 3*time.Second || s.times[1] > 5*time.Second {
			t.Errorf("%v after %v", err, s.times)
		}
	})
}

// What is no read, or writes, is never repeated; and a reader who has gone is not waited for.
func TestNotPatient(t *testing.T) {
	t.Parallel()
	s := &script{answers: []func() (*http.Response, error){status(502)}}
	ctx, _ := counted(t.Context())
	for _, r := range []*http.Request{httptest.NewRequestWithContext(ctx, "POST", "/", nil), httptest.NewRequest("GET", "/", nil)} {
		if res, err := (patient{s}).RoundTrip(r); err != nil || res.StatusCode != 502 {
			t.Errorf("%v", err)
		}
	}
	if len(s.times) != 2 {
		t.Errorf("%d requests, want 2", len(s.times))
	}
	gone, cancel := context.WithCancelCause(ctx)
	s.answers = []func() (*http.Response, error){func() (*http.Response, error) { cancel(errors.New("gone")); return cut() }}
	if _, err := (patient{s}).RoundTrip(httptest.NewRequestWithContext(gone, "GET", "/", nil)); err == nil || len(s.times) != 3 {
		t.Errorf("%v after %d requests", err, len(s.times))
	}
}
