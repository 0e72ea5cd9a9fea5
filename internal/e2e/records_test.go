package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// records are what localhub has of all jobs, read apart from the product's own code.
type records struct {
	dir   string // a mirror of the repository
	runs  map[string][]*github.WorkflowRun
	pulls map[string][]*github.PullRequest
	heads map[string]string   // of branches, and of the pull requests of those that are gone
	gates map[string][]string // conclusions of githubjobs/merge, by commit
	ends  map[string]result   // by branch
}

// result is what a result commit says, as far as it decides the status.
type result struct {
	Outcome string `json:"status"`
	Files   int    `json:"files_total"`
	Problem *struct{ Reason githubjobs.Reason }
}

// records reads everything, with the faults switched off meanwhile.
func (w *world) records() records {
	w.t.Helper()
	on, seed := w.hub.Faults().List()
	w.hub.Faults().Clear()
	defer func() {
		if _, err := w.hub.Faults().Replace(seed, on...); err != nil {
			w.t.Error(err)
		}
	}()
	r := records{dir: filepath.Join(w.t.TempDir(), "mirror"), runs: map[string][]*github.WorkflowRun{}, pulls: map[string][]*github.PullRequest{},
		heads: map[string]string{}, gates: map[string][]string{}, ends: map[string]result{}}
	w.git("", "clone", "-q", "--mirror", w.remote(), r.dir)
	w.readPulls(r)
	w.readRuns(r)
	for line := range strings.Lines(w.git(r.dir, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads/job")) {
		branch, sha, _ := strings.Cut(strings.TrimSpace(line), " ")
		r.heads[branch] = sha
	}
	for branch, head := range r.heads {
		if end, ok := w.readResult(r.dir, head); ok {
			r.ends[branch] = end
		}
	}
	return r
}

func (w *world) readPulls(r records) {
	w.t.Helper()
	opts := &github.PullRequestListOptions{State: "all", ListOptions: github.ListOptions{PerPage: 100}}
	for opts.Page = 1; opts.Page != 0; {
		pulls, res, err := w.github().PullRequests.List(w.t.Context(), "demo", "reports", opts)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range pulls {
			branch := p.GetHead().GetRef()
			r.pulls[branch] = append(r.pulls[branch], p)
			r.heads[branch] = p.GetHead().GetSHA()
			if p.GetState() == "open" {
				w.readGate(r, p.GetHead().GetSHA())
			}
		}
		opts.Page = res.NextPage
	}
}

func (w *world) readGate(r records, sha string) {
	w.t.Helper()
	checks, _, err := w.github().Checks.ListCheckRunsForRef(w.t.Context(), "demo", "reports", sha, &github.ListCheckRunsOptions{CheckName: github.String("githubjobs/merge")})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range checks.CheckRuns {
		r.gates[sha] = append(r.gates[sha], c.GetConclusion())
	}
}

func (w *world) readRuns(r records) {
	w.t.Helper()
	opts := &github.ListWorkflowRunsOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for opts.Page = 1; opts.Page != 0; {
		runs, res, err := w.github().Actions.ListRepositoryWorkflowRuns(w.t.Context(), "demo", "reports", opts)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, run := range runs.WorkflowRuns {
			r.runs[run.GetHeadBranch()] = append(r.runs[run.GetHeadBranch()], run)
		}
		opts.Page = res.NextPage
	}
}

// readResult finds the newest result commit from a head downwards.
func (w *world) readResult(dir, head string) (end result, ok bool) {
	w.t.Helper()
	for line := range strings.Lines(w.git(dir, "log", "-1", "--format=%B", head)) {
		if text, found := strings.CutPrefix(line, "Job-Result: "); found {
			if err := json.Unmarshal([]byte(text), &end); err != nil {
				w.t.Fatalf("result of %s: %v", head, err)
			}
			return end, true
		}
	}
	return end, false
}

// proves is the state of a job that follows from the records, as docs/state-machine.md tells it.
func (r records) proves(id string) (githubjobs.Status, githubjobs.Reason) {
	branch := githubjobs.Branch(id)
	runs, pulls, end := r.runs[branch], r.pulls[branch], r.ends[branch]
	if len(runs) != 1 || len(pulls) > 1 || runs[0].GetStatus() != "completed" {
		return "", githubjobs.Reason(fmt.Sprintf("%d runs, %d pull requests", len(runs), len(pulls)))
	}
	switch {
	case runs[0].GetConclusion() != "success" && end.Problem != nil:
		return githubjobs.StatusFailed, end.Problem.Reason
	case runs[0].GetConclusion() != "success":
		reason, ok := map[string]githubjobs.Reason{"failure": githubjobs.ReasonTaskFailed, "timed_out": githubjobs.ReasonTimedOut}[end.Outcome]
		if !ok {
			reason = githubjobs.ReasonAgentError
		}
		return githubjobs.StatusFailed, reason
	case len(pulls) == 0 && end.Outcome == "success" && end.Files == 0:
		return githubjobs.StatusCompleted, githubjobs.ReasonNoChanges
	case len(pulls) == 0:
		return "", "a run that ended well, without what it should have made"
	case pulls[0].MergedAt != nil:
		return githubjobs.StatusMerged, githubjobs.ReasonMerged
	case pulls[0].GetState() != "open":
		return githubjobs.StatusCompleted, githubjobs.ReasonPRClosed
	case slices.ContainsFunc(r.gates[pulls[0].GetHead().GetSHA()], func(c string) bool { return c != "success" }):
		return githubjobs.StatusCompleted, githubjobs.ReasonMergeBlocked
	}
	return githubjobs.StatusCompleted, githubjobs.ReasonPROpen
}

// checkRecords holds that GitHub has every job once, nothing besides, and that main holds what was merged, once.
func (w *world) checkRecords(jobs []*chaosJob, r records) {
	w.t.Helper()
	ours := map[string]*chaosJob{}
	for _, job := range jobs {
		ours[githubjobs.Branch(job.id)] = job
	}
	for branch := range r.heads {
		if ours[branch] == nil {
			w.t.Errorf("branch %s is of no job", branch)
		}
	}
	for branch, runs := range r.runs {
		if ours[branch] == nil && strings.HasPrefix(branch, githubjobs.BranchPrefix) {
			w.t.Errorf("%d runs of %s, which is of no job", len(runs), branch)
		}
	}
	merges := map[string]int{}
	for line := range strings.Lines(w.git(r.dir, "log", "--format=%B", "main")) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "Job-Id: "); ok {
			merges[id]++
		}
	}
	dir := w.clone()
	for branch, job := range ours {
		merged, want := job.latest.Status == githubjobs.StatusMerged, 0
		if merged {
			want = 1
		}
		if merges[job.id] != want {
			w.t.Errorf("job %s, %s, is on main %d times", job.id, job.latest.Reason, merges[job.id])
		}
		if _, err := os.Stat(filepath.Join(dir, job.path)); job.path != "" && (err == nil) != merged {
			w.t.Errorf("job %s is %s, and its file on main: %v", job.id, job.latest.Reason, err)
		}
		if spoilt := job.latest.Reason != job.want; spoilt {
			w.t.Logf("job %s was to be %s and is %s/%s: %s", branch, job.want, job.latest.Status, job.latest.Reason, job.latest.Message)
		}
	}
}
