package hub

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
)

// secondaryWait is what GitHub asks for when it names no time (docs.github.com,
// "Exceeding the rate limit").
const secondaryWait = time.Minute

// fail turns what a library returned into an Error; nil stays nil. The end of the
// caller's context is returned as it is.
func fail(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), errors.New(op+": not finished"))
	}
	var (
		own  *Error
		rate *github.RateLimitError
		abu  *github.AbuseRateLimitError
		resp *github.ErrorResponse
		inst *ghinstallation.HTTPError
	)
	switch {
	case errors.As(err, &own):
		e := *own
		e.Op = op
		return &e
	case errors.As(err, &rate):
		e := answer(op, rate.Response, rate.Message)
		e.Kind, e.RetryAfter = ErrRateLimited, max(time.Until(rate.Rate.Reset.Time), time.Second)
		return e
	case errors.As(err, &abu):
		e := answer(op, abu.Response, abu.Message)
		e.Kind, e.RetryAfter = ErrRateLimited, secondaryWait
		if abu.RetryAfter != nil {
			e.RetryAfter = max(*abu.RetryAfter, time.Second)
		}
		return e
	case errors.As(err, &resp):
		return answer(op, resp.Response, responseMessage(resp))
	case errors.As(err, &inst) && inst.Response != nil:
		e := answer(op, inst.Response, inst.Message)
		if e.Kind == ErrNotFound || e.Kind == ErrInvalid {
			// GitHub answers 404 for an installation that does not belong to the App.
			e.Kind = ErrUnauthorized
		}
		return e
	}
	return &Error{Op: op, Kind: ErrUnavailable, Err: err}
}

// responseMessage joins GitHub's message with the details that it gives apart.
func responseMessage(r *github.ErrorResponse) string {
	parts := []string{r.Message}
	for _, e := range r.Errors {
		switch {
		case e.Message != "":
			parts = append(parts, e.Message)
		case e.Field != "":
			parts = append(parts, e.Field+" "+e.Code)
		}
	}
	return strings.Join(parts, ": ")
}

// answer describes an HTTP response that was no success.
func answer(op string, r *http.Response, message string) *Error {
	e := &Error{Op: op, Kind: ErrUnavailable, Message: message}
	if r == nil {
		return e
	}
	e.Status, e.RequestID = r.StatusCode, r.Header.Get("X-GitHub-Request-Id")
	if r.Request != nil {
		e.Method, e.URL = r.Request.Method, bareURL(r.Request.URL)
	}
	if after, ok := rateLimit(r, message); ok {
		e.Kind, e.RetryAfter = ErrRateLimited, after
		return e
	}
	e.Kind = kindOf(r.StatusCode)
	return e
}

func kindOf(status int) error {
	switch {
	case status == http.StatusUnauthorized:
		return ErrUnauthorized
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound, status == http.StatusGone:
		return ErrNotFound
	case status >= 500, status == http.StatusRequestTimeout:
		return ErrUnavailable
	}
	return ErrInvalid
}

// rateLimit recognises a rate limit in any of the forms that GitHub gives it: 429,
// or 403 that says so in headers or words; go-github knows some of them only.
func rateLimit(r *http.Response, message string) (after time.Duration, ok bool) {
	says := strings.Contains(strings.ToLower(message), "rate limit") || strings.Contains(message, "abuse detection")
	header := r.Header.Get("Retry-After")
	switch r.StatusCode {
	case http.StatusTooManyRequests:
	case http.StatusForbidden:
		if header == "" && !says {
			return 0, false
		}
	default:
		return 0, false
	}
	if s, err := strconv.Atoi(header); err == nil {
		return max(time.Duration(s)*time.Second, time.Second), true
	}
	if reset, err := strconv.ParseInt(r.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil && r.Header.Get("X-RateLimit-Remaining") == "0" {
		return max(time.Until(time.Unix(reset, 0)), time.Second), true
	}
	return secondaryWait, true
}

func bareURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	bare := *u
	bare.User = nil
	return bare.String()
}
