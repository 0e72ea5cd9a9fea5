package hub

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRESTErrorsAreTyped(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		header map[string]string
		body   string
		kind   error
		after  time.Duration
	}{
		"429":                   {429, map[string]string{"Retry-After": "9"}, `{"message":"slow down"}`, ErrRateLimited, 9 * time.Second},
		"403, known to library": {403, nil, `{"message":"You have exceeded a secondary rate limit","documentation_url":"https://docs.github.com/x#secondary-rate-limits"}`, ErrRateLimited, time.Minute},
		"403, in words":         {403, nil, `{"message":"You have exceeded a secondary rate limit."}`, ErrRateLimited, time.Minute},
		"403, by header":        {403, map[string]string{"Retry-After": "3"}, `{"message":"wait"}`, ErrRateLimited, 3 * time.Second},
		"403":                   {403, nil, `{"message":"Resource not accessible by integration"}`, ErrForbidden, 0},
		"401":                   {401, nil, `{"message":"Bad credentials"}`, ErrUnauthorized, 0},
		"404":                   {404, nil, `{"message":"Not Found"}`, ErrNotFound, 0},
		"502":                   {502, nil, `<html>`, ErrUnavailable, 0},
		"422":                   {422, nil, `{"message":"Validation Failed","errors":[{"field":"base","code":"invalid"}]}`, ErrInvalid, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for k, v := range test.header {
					w.Header().Set(k, v)
				}
				w.Header().Set("X-GitHub-Request-Id", "AB:12")
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}))
			defer server.Close()
			repo, err := New(Config{ServerURL: server.URL, Owner: "o", Name: "r", Token: "the-token"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = repo.Check(t.Context())
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Kind != test.kind || e.RequestID != "AB:12" || e.Status != test.status {
				t.Fatalf("%+v: %v", e, err)
			}
			if got := RetryAfter(err); got > test.after || got < test.after-2*time.Second {
				t.Errorf("retry after %v, want %v", got, test.after)
			}
			if strings.Contains(e.Error()+e.Public(), "the-token") || strings.Contains(e.Public(), server.URL) {
				t.Errorf("%s\n%s", e.Error(), e.Public())
			}
		})
	}
}

func TestTheEndOfTheCallersContextIsNotTemporary(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.repo.Submit(ctx, orders("x", 1))
	if !errors.Is(err, context.Canceled) || Temporary(err) {
		t.Errorf("%v", err)
	}
}

// With MaxWait a call waits for a secondary limit and is made again, body and all.
func TestMaxWaitRidesOutASecondaryLimit(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.submit(spec("abc"))
	f.addFileAsUser("job/abc")
	var tries atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/pulls") && tries.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message":"You have exceeded a secondary rate limit"}`)
			return
		}
		f.Handler().ServeHTTP(w, r)
	}))
	defer front.Close()
	repo, err := New(Config{ServerURL: front.URL, Owner: "alice", Name: "reports", Token: f.token, MaxWait: 5 * time.Second})
	f.must(err)
	if _, err := repo.OpenPull(t.Context(), NewPull{Title: "T", Head: "job/abc", Base: "main"}); err != nil || tries.Load() != 2 {
		t.Errorf("%d tries: %v", tries.Load(), err)
	}
}

// What this package finds by itself GitHub has not refused, and nobody is told that it has.
func TestOwnChecksSpeakForThemselves(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err           *Error
		public, error string
	}{
		"GitHub's": {&Error{Op: "open a pull request", Kind: ErrInvalid, Method: "POST", URL: "/pulls", Status: 422, Message: "Validation Failed"},
			"GitHub refused the request: Validation Failed", "open a pull request: GitHub refused the request: Validation Failed (POST /pulls: 422)"},
		"GitHub's, without words": {&Error{Op: "read it", Kind: ErrInvalid, Method: "GET", URL: "/x", Status: 400, Err: io.EOF},
			"GitHub refused the request", "read it: GitHub refused the request: EOF (GET /x: 400)"},
		"our own": {&Error{Op: "take back the merge", Kind: ErrInvalid, Message: "files changed in more than 9 folders; revert it with git", Err: io.EOF},
			"files changed in more than 9 folders; revert it with git", "take back the merge: files changed in more than 9 folders; revert it with git"},
		"not found by GitHub": {&Error{Op: "read it", Kind: ErrNotFound, Method: "GET", URL: "/x", Status: 404, Message: "Not Found"},
			"GitHub does not know this: Not Found. Check owner and name of the repository, and that the token may see it: GitHub answers 404 also for what a token may not see.", "read it: GitHub does not know this: Not Found (GET /x: 404)"},
		"not found by us": {&Error{Op: "submit j1", Kind: ErrNotFound, Message: `the repository has no branch "x" to start from; push it, or name another base`},
			`the repository has no branch "x" to start from; push it, or name another base`, `submit j1: the repository has no branch "x" to start from; push it, or name another base`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.err.Public(); got != test.public {
				t.Errorf("%q, want %q", got, test.public)
			}
			if got := test.err.Error(); got != test.error {
				t.Errorf("%q, want %q", got, test.error)
			}
		})
	}
}
