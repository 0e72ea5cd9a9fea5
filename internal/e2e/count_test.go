package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

// TestStatusReadsCallNoGitHub reads the status of a finished and of an unknown job
// many times and counts what localhub received.
func TestStatusReadsCallNoGitHub(t *testing.T) {
	t.Parallel()
	w := start(t, options{environment: []string{"RECONCILE_INTERVAL=1h"}})
	id := w.create(`{"job": "Look", "kind": "command", "config": {"script": "true"}}`)
	w.wait(id)
	w.idle()
	// What the server reads once after its start, as late as it likes, is no answer to a caller.
	w.until("the server reads the schedules of .githubjobs.yml", func() bool {
		return slices.ContainsFunc(w.hub.Requests(), func(r localhub.Request) bool { return strings.Contains(r.Path, "/git/blobs/") })
	})
	w.hub.ResetRequests()
	for range 200 {
		if job := w.status(id); job.Status != githubjobs.StatusCompleted {
			t.Fatalf("the job is %s", job.Status)
		}
		if code, _ := w.call("GET", "/api/jobs/status?job_id=unknown", nil); code != 404 {
			t.Fatalf("an unknown job answers %d", code)
		}
	}
	if got := w.hub.Requests(); len(got) != 0 {
		t.Errorf("400 status reads made %d requests to GitHub: %v", len(got), got)
	}
}

// TestSubmitCostsTwoRequests counts what submitting 1 and 1,000 jobs costs in
// steady state: two git requests and no REST call.
func TestSubmitCostsTwoRequests(t *testing.T) {
	t.Parallel()
	w := start(t, options{noServer: true, files: map[string]string{".github/workflows/run-job.yml": ""}})
	repository, err := hub.New(hub.Config{ServerURL: w.hub.URL(), Owner: "demo", Name: "reports", Token: w.token})
	if err != nil {
		t.Fatal(err)
	}
	submitReports(t, repository, 1) // what is cached from then on: the tree of the base
	for _, n := range []int{1, 1000, 1} {
		w.hub.ResetRequests()
		submitReports(t, repository, n)
		git, rest := w.hub.CountRequests(localhub.RequestGit), w.hub.CountRequests(localhub.RequestREST)
		if git != 2 || rest != 0 {
			t.Errorf("%d jobs cost %d git and %d REST requests, want 2 and 0", n, git, rest)
		}
	}
	refs := strings.Count(w.git("", "ls-remote", w.remote(), "refs/heads/job/*"), "\n")
	if refs != 1003 {
		t.Errorf("%d branches of jobs are to be seen, want 1,003", refs)
	}
}

// submitReports submits n jobs, all of which must be made by this very call.
func submitReports(t *testing.T, repository *hub.Repository, n int) {
	t.Helper()
	specs := make([]githubjobs.Spec, n)
	for i := range specs {
		specs[i] = githubjobs.Spec{ID: githubjobs.NewID(time.Now()), Kind: githubjobs.KindReport, Prompt: fmt.Sprint("Report ", i), Base: "main"}
		specs[i].Normalize(time.Now())
	}
	submissions, err := repository.Submit(t.Context(), githubjobs.NewOrders(specs...))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range submissions {
		if s.Err != nil || !s.Created {
			t.Fatalf("job %s: created %t, %v", s.ID, s.Created, s.Err)
		}
	}
}
