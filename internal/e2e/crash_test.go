package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// crash is a point at which the server is killed: at the nth request of this kind,
// before it is passed on or after it was answered.
type crash struct {
	name string
	at   moment
	nth  int
	is   func(*http.Request) bool
	// hooks: the request is a webhook delivery to the server, not one of the server to GitHub.
	hooks bool
	// late: the server stays down until GitHub has nothing left to do.
	late bool
}

func crashes() []crash {
	advertise := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/info/refs") }
	push := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/git-receive-pack") }
	delivery := func(r *http.Request) bool { return r.URL.Path == "/webhooks/github" }
	var all []crash
	for _, m := range []moment{before, after} {
		all = append(all, crash{name: "advertisement", at: m, nth: 1, is: advertise}, crash{name: "push", at: m, nth: 1, is: push})
		all = append(all, crash{name: "push", at: m, nth: 1, is: push, late: true})
		for nth := 1; nth <= 12; nth++ {
			all = append(all, crash{name: "delivery", at: m, nth: nth, is: delivery, hooks: true, late: nth%4 == 1})
		}
	}
	return all
}

// TestServerKilledBetweenSteps kills the server with SIGKILL at each step of a job's
// way, starts it again, and expects one branch, one run, one pull request, merged.
func TestServerKilledBetweenSteps(t *testing.T) {
	t.Parallel()
	for _, c := range crashes() {
		t.Run(fmt.Sprintf("%s %s %d late %t", c.at, c.name, c.nth, c.late), func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c crash) run(t *testing.T) {
	w := start(t, options{noServer: true})
	killed := make(chan struct{})
	var once sync.Once
	var count int
	var mu sync.Mutex
	watch := func(m moment, r *http.Request, _ int) {
		if m != c.at || !c.is(r) {
			return
		}
		mu.Lock()
		count++
		reached := count == c.nth
		mu.Unlock()
		if reached {
			once.Do(func() {
				w.server.kill()
				close(killed)
			})
		}
	}
	pass := func(moment, *http.Request, int) {}
	toHub, toServer := newProxy(t, w.hub.URL(), pick(!c.hooks, watch, pass)), newProxy(t, "http://"+w.addr, pick(c.hooks, watch, pass))
	w.env = append(w.env, "GITHUB_SERVER_URL="+toHub.URL)
	w.pointHook(toServer.URL + "/webhooks/github")
	w.startServer()
	id := w.create(`{"job": "Write", "kind": "command", "config": {"script": "mkdir -p reports && echo 1 > reports/a.txt"}}`)
	select {
	case <-killed:
	case <-time.After(deadline):
		t.Fatalf("the server was not killed within %s: the request never came", deadline)
	}
	if c.late {
		w.idle()
	}
	w.startServer()
	job := w.wait(id)
	if job.Status != githubjobs.StatusMerged || len(job.ChangedFiles) != 1 {
		t.Errorf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
	}
	w.checkAgainstGitHub(job)
	w.checkOnce(job)
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// idle waits until localhub has no run and no delivery left.
func (w *world) idle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if err := w.hub.WaitIdle(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// pointHook sends the repository's deliveries elsewhere.
func (w *world) pointHook(url string) {
	w.t.Helper()
	client := w.github()
	hooks, _, err := client.Repositories.ListHooks(context.Background(), "demo", "reports", nil)
	if err != nil || len(hooks) != 1 {
		w.t.Fatalf("hooks: %v, %v", hooks, err)
	}
	change := &github.Hook{Config: hooks[0].Config}
	change.Config.URL, change.Config.Secret = &url, github.String(webhookSecret)
	if _, _, err := client.Repositories.EditHook(context.Background(), "demo", "reports", hooks[0].GetID(), change); err != nil {
		w.t.Fatal(err)
	}
}

// checkOnce holds that nothing of the job was done twice.
func (w *world) checkOnce(job githubjobs.Job) {
	w.t.Helper()
	client, ctx := w.github(), context.Background()
	pulls, _, err := client.PullRequests.List(ctx, "demo", "reports", &github.PullRequestListOptions{State: "all"})
	if err != nil || len(pulls) != 1 {
		w.t.Errorf("there are %d pull requests (%v), want 1", len(pulls), err)
	}
	runs, _, err := client.Actions.ListRepositoryWorkflowRuns(ctx, "demo", "reports", &github.ListWorkflowRunsOptions{Branch: job.Branch})
	if err != nil || runs.GetTotalCount() != 1 {
		w.t.Errorf("there are %d runs of %s (%v), want 1", runs.GetTotalCount(), job.Branch, err)
	}
}

// github is a client of the REST API as the repository's owner.
func (w *world) github() *github.Client {
	w.t.Helper()
	client, err := github.NewClient(nil).WithAuthToken(w.token).WithEnterpriseURLs(w.hub.URL(), w.hub.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}
