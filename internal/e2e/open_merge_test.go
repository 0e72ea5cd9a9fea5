package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// The tests in this file go the whole way of a job whose workflow may open no pull request: the
// server opens it, and then the server merges it, as the policy of the base branch allows.

// hears records what webhooks tell of pull requests, as "action by whom", sorted: GitHub promises
// no order of deliveries.
func (w *world) hears() func() []string {
	w.t.Helper()
	var mu sync.Mutex
	var heard []string
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.t.Error(err)
			return
		}
		event, err := github.ParseWebHook(r.Header.Get("X-GitHub-Event"), body)
		if err != nil {
			w.t.Error(err)
			return
		}
		e, is := event.(*github.PullRequestEvent)
		if !is {
			return
		}
		what := e.GetAction()
		if e.GetPullRequest().GetMerged() {
			what = "merged"
		}
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, what+" by "+e.GetSender().GetLogin())
	}))
	w.t.Cleanup(receiver.Close)
	if _, err := w.hub.CreateHook("demo", "reports", receiver.URL, webhookSecret, "pull_request"); err != nil {
		w.t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Sorted(slices.Values(heard))
	}
}

// reasons polls a job until it is merged, and returns what it was told to be, without repeats.
func (w *world) reasons(id string) <-chan []githubjobs.Reason {
	all := make(chan []githubjobs.Reason, 1)
	go func() {
		var seen []githubjobs.Reason
		defer func() { all <- seen }()
		for end := time.Now().Add(deadline); time.Now().Before(end) && w.t.Context().Err() == nil; time.Sleep(5 * time.Millisecond) {
			_, answer := w.call(http.MethodGet, "/api/jobs/status?job_id="+id, nil)
			_, rest, _ := strings.Cut(string(answer), `"reason":"`)
			reason, _, found := strings.Cut(rest, `"`)
			if found && (len(seen) == 0 || seen[len(seen)-1] != githubjobs.Reason(reason)) {
				seen = append(seen, githubjobs.Reason(reason))
			}
			if reason == string(githubjobs.ReasonMerged) {
				return
			}
		}
	}()
	return all
}

func opensPull(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/repos/demo/reports/pulls")
}

func mergesPull(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/merge")
}

const labelledReport = `{"job": "Write", "kind": "command", "pull_request": {"labels": ["report", "daily"], "draft": DRAFT}, "config": {"script": "mkdir -p reports && echo 1 > reports/a.txt"}}`

// TestServerOpensAndMerges: publishing, pr_open and merged are told one after the other, each for as
// long as it is so, by the API and by GitHub's own events.
func TestServerOpensAndMerges(t *testing.T) {
	t.Parallel()
	w := start(t, options{noServer: true, noPulls: true})
	heard := w.hears()
	mayOpen, mayMerge := make(chan struct{}), make(chan struct{})
	var merges atomic.Int64
	toHub := newProxy(t, w.hub.URL(), func(m moment, r *http.Request, _ int) {
		switch {
		case m == before && opensPull(r):
			<-mayOpen
		case m == before && mergesPull(r):
			merges.Add(1)
			<-mayMerge
		}
	})
	w.env = append(w.env, "GITHUB_SERVER_URL="+toHub.URL)
	w.startServer()
	id := w.create(strings.Replace(labelledReport, "DRAFT", "false", 1))
	told := w.reasons(id)
	w.until("the run has ended, and the server is about to open the pull request", func() bool {
		j := w.status(id)
		return j.Reason == githubjobs.ReasonPublishing && strings.Contains(j.Message, "the server opens it")
	})
	if got := heard(); len(got) != 0 {
		t.Errorf("webhooks told %q before anything was opened", got)
	}
	close(mayOpen)
	w.until("the pull request is open", func() bool { return w.status(id).Reason == githubjobs.ReasonPROpen })
	if j := w.status(id); j.Status != githubjobs.StatusCompleted || j.PullURL == "" || j.Evidence.RunConclusion != "success" {
		t.Errorf("%+v", j)
	}
	w.until("the server merges", func() bool { return merges.Load() > 0 })
	close(mayMerge)
	w.until("the job is merged", func() bool { return w.status(id).Status == githubjobs.StatusMerged })
	all := <-told
	at := slices.Index(all, githubjobs.ReasonPublishing)
	if at < 0 || !slices.Equal(all[at:], []githubjobs.Reason{githubjobs.ReasonPublishing, githubjobs.ReasonPROpen, githubjobs.ReasonMerged}) {
		t.Errorf("the job was %q", all)
	}
	w.idle()
	if got, want := heard(), []string{"labeled by demo", "labeled by demo", "merged by demo", "opened by demo"}; !slices.Equal(got, want) {
		t.Errorf("webhooks told %q, want %q", got, want)
	}
	job := *w.status(id)
	w.checkAgainstGitHub(job)
	if merges.Load() != 1 || w.commitsOf(id) != 1 || w.contentOfMain("reports/a.txt") != "1\n" {
		t.Errorf("%d merges, %d commits on main", merges.Load(), w.commitsOf(id))
	}
}

// TestServerOpensOnceThoughKilled: the server is killed when GitHub has opened the pull request and
// nobody has stored it. The next one finds it, labels it, leaves it while it is a draft, and
// merges it once it is none.
func TestServerOpensOnceThoughKilled(t *testing.T) {
	t.Parallel()
	w := start(t, options{noServer: true, noPulls: true})
	heard := w.hears()
	var armed atomic.Int64
	armed.Store(1)
	toHub := newProxy(t, w.hub.URL(), func(m moment, r *http.Request, _ int) {
		if m == after && opensPull(r) && armed.CompareAndSwap(1, 0) {
			w.server.kill()
		}
	})
	w.env = append(w.env, "GITHUB_SERVER_URL="+toHub.URL)
	w.startServer()
	id := w.create(strings.Replace(labelledReport, "DRAFT", "true", 1))
	w.until("the server is killed", func() bool { return armed.Load() == 0 })
	<-w.server.done
	w.startServer()
	w.until("the pull request is known", func() bool { j := w.status(id); return j != nil && j.Reason == githubjobs.ReasonPROpen })
	w.until("it has its labels", func() bool {
		return slices.Equal(heard(), []string{"labeled by demo", "labeled by demo", "opened by demo"})
	})
	w.idle()
	job := *w.status(id)
	if list := w.pulls(id); len(list) != 1 || !list[0].GetDraft() || list[0].GetNumber() != job.Evidence.Pull || !strings.Contains(job.Message, "is a draft") {
		t.Errorf("%d pull requests; the job says %s", len(list), job.Message)
	}
	w.checkAgainstGitHub(job)
	if err := w.hub.MarkReady("demo", "demo", "reports", job.Evidence.Pull); err != nil {
		t.Fatal(err)
	}
	w.until("the job is merged", func() bool { return w.status(id).Status == githubjobs.StatusMerged })
	w.checkAgainstGitHub(*w.status(id))
	if n := w.commitsOf(id); n != 1 || len(w.pulls(id)) != 1 {
		t.Errorf("main has %d commits of the job", n)
	}
}

// pulls are the pull requests of a job, open or not.
func (w *world) pulls(id string) []*github.PullRequest {
	w.t.Helper()
	list, _, err := w.github().PullRequests.List(w.t.Context(), "demo", "reports", &github.PullRequestListOptions{State: "all", Head: "demo:" + githubjobs.Branch(id)})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}
