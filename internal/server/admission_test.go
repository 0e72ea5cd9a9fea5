package server

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

func TestRoom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ drain, wait, want time.Duration }{
		{0, 0, 0},
		{time.Hour, 0, 0},
		{time.Hour + time.Minute, 0, time.Minute},
		{time.Hour, 5 * time.Minute, 5 * time.Minute},
		{time.Hour, -5 * time.Minute, 0}, // what GitHub asked is over
		{time.Hour + time.Millisecond, 0, time.Second},
	} {
		if got := room(c.drain, c.wait, time.Hour); got != c.want {
			t.Errorf("drain %s, wait %s: %s, want %s", c.drain, c.wait, got, c.want)
		}
	}
}

// A queue that can't drain in time takes no more jobs, and says when it will; a repeated
// request still gets its job. When GitHub can be reached again the queue empties, and
// jobs are taken.
func TestQueueIsFull(t *testing.T) {
	t.Parallel()
	hub := startGitHub(t)
	cfg := hub.config(t)
	// Three jobs take half a minute at this pace.
	cfg.RefsPer10Seconds, cfg.MaxQueueTime, cfg.BaseBranch = 1, 25*time.Second, "main"
	good := cfg.GitHubServerURL
	cfg.GitHubServerURL = "http://127.0.0.1:9" // nothing listens there: jobs wait
	s := start(t, cfg)
	const keyed = `{"job":"first","idempotency_key":"first"}`
	id := s.create(t, keyed)
	s.create(t, `{"job":"second"}`)
	s.create(t, `{"job":"third"}`)
	var answer struct{ Code string }
	var res *http.Response
	eventually(t, "no more jobs are taken", func() bool {
		res = call(t, "POST", s.URL()+"/api/create-job", `{"job":"one too many"}`, &answer)
		return res.StatusCode == http.StatusTooManyRequests
	})
	if after, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || after < 5 || after > 300 || answer.Code != "queue_full" {
		t.Errorf("code %q, Retry-After %q", answer.Code, res.Header.Get("Retry-After"))
	}
	if again := s.create(t, keyed); again != id {
		t.Errorf("the repeated request got %s, want %s", again, id)
	}
	s.stop()
	cfg.GitHubServerURL, cfg.RefsPer10Seconds = good, 500
	s = start(t, cfg)
	eventually(t, "the queue is empty", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	eventually(t, "jobs are taken again", func() bool {
		return call(t, "POST", s.URL()+"/api/create-job", `{"job":"another"}`, nil).StatusCode == http.StatusOK
	})
}
