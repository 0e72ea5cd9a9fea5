package localhub

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

func TestConditionalRequestsAreFree(t *testing.T) {
	t.Parallel()
	h := setup(t)
	const path = "/repos/alice/reports/branches"
	first, _ := h.request(path)
	tag := first.Header.Get("Etag")
	if tag == "" || first.Header.Get("X-Ratelimit-Used") != "1" || first.Header.Get("X-Ratelimit-Limit") != "5000" {
		t.Fatalf("first answer: %v", first.Header)
	}
	second, body := h.request(path, "If-None-Match", tag)
	if second.StatusCode != 304 || body != "" || second.Header.Get("X-Ratelimit-Used") != "1" {
		t.Errorf("second answer: %d %q, used %s", second.StatusCode, body, second.Header.Get("X-Ratelimit-Used"))
	}
	other, err := h.CreateToken("alice", "other")
	if err != nil {
		t.Fatal(err)
	}
	third, _ := h.request(path, "If-None-Match", tag, "Authorization", "Bearer "+other)
	if third.StatusCode != 200 {
		t.Errorf("with another token of the same user: %d, want 200", third.StatusCode)
	}
	dir := h.clone(h.token)
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/new")
	fourth, _ := h.request(path, "If-None-Match", tag)
	if fourth.StatusCode != 200 {
		t.Errorf("after a push: %d, want 200", fourth.StatusCode)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	clock := newClock()
	h := setup(t, func(c *Config) { c.Now, c.Limits = clock.now, rest.Limits{Personal: 2} })
	h.get("/user")
	h.get("/user")
	res, body := h.request("/user")
	if res.StatusCode != 403 || res.Header.Get("X-Ratelimit-Remaining") != "0" || res.Header.Get("X-Ratelimit-Reset") == "" {
		t.Errorf("third request: %d %s %v", res.StatusCode, body, res.Header)
	}
	_, _, err := h.alice().Users.Get(hubtest.Within(t), "")
	if err == nil {
		t.Error("go-github sees no rate limit")
	}
	limits, _, err := h.alice().RateLimit.Get(hubtest.Within(t))
	if err != nil || limits.GetCore().Remaining != 0 || limits.GetCore().Limit != 2 {
		t.Errorf("GET /rate_limit: %v, %v", limits, err)
	}
	clock.add(time.Hour + time.Second)
	if res, _ := h.request("/user"); res.StatusCode != 200 {
		t.Errorf("an hour later: %d", res.StatusCode)
	}
}

func TestUnknownOperationIsLoud(t *testing.T) {
	t.Parallel()
	h := setup(t)
	res, body := h.request("/repos/alice/reports/projects")
	var answer struct{ Message string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 501 || answer.Message != "localhub does not have GET /repos/alice/reports/projects" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	h := setup(t)
	res, _ := h.request("/repos/none/none", "X-GitHub-Api-Version", "2022-11-28")
	for _, name := range []string{"X-Github-Request-Id", "X-Ratelimit-Limit", "X-Github-Api-Version-Selected"} {
		if res.Header.Get(name) == "" {
			t.Errorf("no %s in %v", name, res.Header)
		}
	}
	if res.StatusCode != 404 {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.ResetRequests()
	h.get("/user")
	h.clone(h.token)
	http.Get(h.URL() + "/alice/reports/pull/1")
	if n := h.CountRequests(RequestREST); n != 1 {
		t.Errorf("%d REST requests, want 1", n)
	}
	if n := h.CountRequests(RequestGit); n < 2 {
		t.Errorf("%d git requests, want at least 2", n)
	}
	first := h.Requests()[0]
	if first.Method != "GET" || first.Path != "/api/v3/user" || first.Status != 200 || first.UserAgent == "" {
		t.Errorf("first request: %+v", first)
	}
	h.ResetRequests()
	if len(h.Requests()) != 0 {
		t.Error("requests after the reset")
	}
}
