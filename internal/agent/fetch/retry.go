package fetch

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// attempts is how often a request is made before its failure counts.
const attempts = 4

// maxWait bounds the wait that an answer can ask for: a job that waits longer for
// its inputs had better fail and say why.
const maxWait = 90 * time.Second

// retry repeats reads that failed in passing: no answer, a server error, or a
// limit that is over soon.
type retry struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	for attempt := 0; ; attempt++ {
		resp, err := r.next.RoundTrip(req)
		if req.Method != http.MethodGet || attempt == attempts-1 || req.Context().Err() != nil {
			return resp, err
		}
		wait := backoff(attempt + 1)
		if err == nil {
			asked, again := askedToWait(resp)
			if !again {
				return resp, nil
			}
			wait = max(wait, asked)
			resp.Body.Close()
		}
		if sleepErr := sleep(req.Context(), wait); sleepErr != nil {
			return nil, sleepErr
		}
	}
}

// askedToWait tells whether an answer is worth another request, and how long to
// wait before it. A limit without Retry-After is the hourly one: it is not waited for.
func askedToWait(resp *http.Response) (time.Duration, bool) {
	if resp.StatusCode >= 500 {
		return 0, resp.StatusCode != http.StatusNotImplemented
	}
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	wait := time.Duration(seconds) * time.Second
	return wait, err == nil && wait <= maxWait
}

// pause waits before an attempt; before the first one it does not.
func pause(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return ctx.Err()
	}
	return sleep(ctx, backoff(attempt))
}

func backoff(attempt int) time.Duration { return 250 * time.Millisecond << (2 * (attempt - 1)) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
