package hub

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// Bounds of what one request of a read is repeated for.
const (
	patience    = 15 * time.Second       // the longest wait that GitHub may ask for
	firstAgain  = 250 * time.Millisecond // each pause is four times the one before
	repetitions = 3
)

// patient is a transport that repeats a request of a read which fails for a reason that
// passes: no answer, an answer of 5xx, a limit that is over within seconds. A read of a
// busy repository is made of hundreds of requests; were it given up for each that
// fails, it would never come to its end. Other requests are passed on as they are.
type patient struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet || r.Context().Value(countsKey{}) == nil {
		return p.base.RoundTrip(r)
	}
	for try, pause := 0, firstAgain; ; try, pause = try+1, 4*pause {
		res, err := p.base.RoundTrip(r)
		wait, again := repeatAfter(res, err, pause, time.Now())
		if !again || try == repetitions || r.Context().Err() != nil {
			return res, err
		}
		if res != nil {
			io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
			res.Body.Close()
		}
		if err := Sleep(r.Context(), wait); err != nil {
			return nil, err
		}
	}
}

// repeatAfter says whether a request may be repeated, and after what time.
func repeatAfter(res *http.Response, err error, pause time.Duration, now time.Time) (wait time.Duration, again bool) {
	switch {
	case err != nil:
		return pause, true
	case res.StatusCode >= http.StatusInternalServerError && res.StatusCode != http.StatusNotImplemented:
		return pause, true
	case res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusTooManyRequests:
		return 0, false
	}
	asked := askedToWait(res.Header, now)
	return max(asked, pause), asked > 0 && asked <= patience
}

// askedToWait is how long GitHub asks to wait by its headers; 0 when it does not
// (docs.github.com, "Best practices for using the REST API").
func askedToWait(h http.Header, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || h.Get("X-RateLimit-Remaining") != "0" {
		return 0
	}
	return max(time.Unix(reset, 0).Sub(now), 0) + time.Second // the header is in whole seconds
}
