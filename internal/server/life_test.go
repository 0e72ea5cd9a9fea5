package server

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

// deliver does what an agent does at the end of its run: the result commit with one
// changed file, the pull request, the verdict. It returns the pull request's number.
func (g *github) deliver(t *testing.T, r *hub.Repository, id string) (pull int, head string) {
	t.Helper()
	branch := githubjobs.Branch(id)
	parent := g.git(t, "rev-parse", branch)
	blob := g.git(t, "hash-object", "-w", "--stdin")
	tree := g.git(t, "rev-parse", parent+"^{tree}")
	tree = mktree(t, g, tree, blob)
	now := time.Now()
	message := githubjobs.FormatResult("Daily activity report", githubjobs.Result{
		ID: id, Attempt: 1, Outcome: githubjobs.OutcomeSuccess, StartedAt: now, FinishedAt: now,
		ChangedFiles: []string{"report.md"}, FilesTotal: 1, Log: "written", Summary: "A quiet day.",
	})
	commit, err := r.Commit(tree, parent, message, now)
	check(t, err)
	head = commit.Hash().String()
	refs, err := r.Push(t.Context(), []hub.Update{{Ref: "refs/heads/" + branch, Old: parent, New: head}}, []plumbing.EncodedObject{commit})
	check(t, err)
	check(t, refs[0])
	p, err := r.OpenPull(t.Context(), hub.NewPull{Title: "Daily activity report", Head: branch, Base: "main"})
	check(t, err)
	return p.GetNumber(), head
}

// mktree adds report.md to a tree.
func mktree(t *testing.T, g *github, tree, blob string) string {
	t.Helper()
	entries := g.git(t, "ls-tree", tree) + "\n100644 blob " + blob + "\treport.md\n"
	return g.gitInput(t, entries, "mktree")
}

// A job goes through its life by webhooks alone: GitHub is never read for it.
func TestLifeByWebhooks(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.ReconcileInterval = time.Hour
	s := start(t, cfg)
	g.hook(t, s)
	agent, err := hub.New(hub.Config{ServerURL: g.URL(), Owner: "demo", Name: "reports", Token: g.token})
	check(t, err)
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })

	id := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, id).Evidence.BranchSHA != "" })
	g.ResetRequests()
	pull, head := g.deliver(t, agent, id)
	eventually(t, "the result and the pull request are known", func() bool {
		j := s.status(t, id)
		return j.Evidence.ResultSHA == head && j.PullURL != ""
	})
	j := s.status(t, id)
	if j.Log != "written" || j.Summary != "A quiet day." || !slices.Equal(j.ChangedFiles, []string{"report.md"}) || !strings.HasSuffix(j.PullURL, "/demo/reports/pull/1") {
		t.Errorf("job %+v", j)
	}
	sha, err := agent.MergePull(t.Context(), hub.MergeRequest{Number: pull, SHA: head, Method: "squash", Title: "Report"})
	check(t, err)
	eventually(t, "merged", func() bool { return s.status(t, id).Status == githubjobs.StatusMerged })
	check(t, agent.DeleteBranch(t.Context(), githubjobs.Branch(id)))
	eventually(t, "the branch's end and its last head are known", func() bool {
		e := s.status(t, id).Evidence
		return e.BranchDeleted && e.BranchSHA == head
	})
	j = s.status(t, id)
	if !j.Terminal || j.Status != githubjobs.StatusMerged || j.Evidence.MergeSHA != sha {
		t.Errorf("job %+v", j)
	}
	for _, r := range g.Requests() {
		if r.Kind == localhub.RequestREST && r.Method == "GET" { // the agent of this test writes only
			t.Errorf("GitHub was read: %s", r.Path)
		}
	}
}

// The same life without any webhook: reading GitHub tells all of it.
func TestLifeByReading(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.ReconcileInterval = minInterval
	s := start(t, cfg)
	agent, err := hub.New(hub.Config{ServerURL: g.URL(), Owner: "demo", Name: "reports", Token: g.token})
	check(t, err)
	id := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	pull, head := g.deliver(t, agent, id)
	eventually(t, "the result is known", func() bool { return s.status(t, id).Evidence.ResultSHA == head })
	_, err = agent.MergePull(t.Context(), hub.MergeRequest{Number: pull, SHA: head, Method: "squash", Title: "Report"})
	check(t, err)
	check(t, agent.DeleteBranch(t.Context(), githubjobs.Branch(id)))
	eventually(t, "merged, and the branch gone", func() bool {
		j := s.status(t, id)
		return j.Status == githubjobs.StatusMerged && j.Evidence.BranchDeleted
	})
}

// A redelivered and a forged delivery change nothing.
func TestForgedDelivery(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s := start(t, g.config(t))
	id := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	var answer map[string]string
	res := call(t, "POST", s.URL()+"/webhooks/github", `{"repository":{"full_name":"demo/reports"},"ref_type":"branch","ref":"job/`+id+`"}`, &answer,
		"X-GitHub-Event", "delete", "X-GitHub-Delivery", "forged", "X-Hub-Signature-256", "sha256="+strings.Repeat("00", 32))
	if res.StatusCode != 401 || answer["code"] != "invalid_signature" {
		t.Errorf("%d %v", res.StatusCode, answer)
	}
	if j := s.status(t, id); j.Reason != githubjobs.ReasonPushed || j.Evidence.BranchDeleted {
		t.Errorf("job %+v", j)
	}
}
