package web

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// noon is when the tests' history ends.
var noon = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)

// hub is a state and its repositories, with the handler under test.
type hub struct {
	t       *testing.T
	db      *state.DB
	git     *gitrepo.Store
	handler http.Handler
	logs    map[int64][]byte // by job id
	demo    state.User
	bot     state.User
	now     time.Time
}

// visitor is a Viewer: with a name, the owner of everything.
type visitor string

func (v visitor) Anonymous() bool { return v == "" }

func (v visitor) Allow(repo state.Repository, permission, _ string) error {
	if v == "" && (repo.Private || permission == "repository_hooks") {
		return errors.New("not for you")
	}
	return nil
}

func newHub(t *testing.T) *hub {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, db: db, git: gitrepo.NewStore(t.TempDir()), logs: map[int64][]byte{}, now: noon}
	t.Cleanup(func() {
		if err := errors.Join(h.git.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	h.serve(nil)
	h.demo = h.user("demo", "demo@example.com")
	h.bot = h.user("github-actions[bot]", "bot@example.com")
	return h
}

// serve makes the handler, with the API that its forms call.
func (h *hub) serve(api http.Handler) {
	h.handler = New(Config{API: api, APIPrefix: "/api/v3", DB: h.db, Git: h.git, JobLog: func(job state.Job) ([]byte, error) { return h.logs[job.ID], nil }, ServerURL: "http://hub.test", Now: func() time.Time { return h.now },
		Authenticate: func(r *http.Request) (Viewer, error) {
			_, token, _ := r.BasicAuth()
			if token != "" && token != "right" {
				return nil, errors.New("bad credentials")
			}
			return visitor(token), nil
		}})
}

func (h *hub) update(change func(tx *state.Tx)) {
	h.t.Helper()
	if err := h.db.Update(func(tx *state.Tx) error { change(tx); return nil }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hub) user(login, email string) (u state.User) {
	h.update(func(tx *state.Tx) {
		u = state.User{ID: tx.Users.NextID(), Login: login, Email: email, Type: state.TypeUser}
		tx.Users.Put(u)
	})
	return u
}

// repository makes an empty repository of demo.
func (h *hub) repository(name string, private bool) (r state.Repository) {
	h.t.Helper()
	h.update(func(tx *state.Tx) {
		r = state.Repository{ID: tx.Repositories.NextID(), OwnerID: h.demo.ID, Owner: "demo", Name: name, Private: private, DefaultBranch: "main", AllowSquashMerge: true, AllowRebaseMerge: true,
			Description: "Reports, <b>made</b> by jobs", PushedAt: noon.Add(-time.Hour)}
		tx.Repositories.Put(r)
	})
	if _, err := h.git.Init(h.t.Context(), "demo", name); err != nil {
		h.t.Fatal(err)
	}
	return r
}

// commit writes files (path → content; "-" removes) onto a branch and returns the commit. The branch is made from main when it is new.
func (h *hub) commit(r state.Repository, branch, message string, files map[string]string) string {
	h.t.Helper()
	ctx, repo := h.t.Context(), h.bare(r)
	parent, err := repo.Resolve(ctx, "refs/heads/"+branch)
	if err != nil {
		parent, err = repo.Resolve(ctx, "refs/heads/main")
	}
	var parents []string
	if err == nil {
		parents = []string{parent}
	}
	var edits []gitrepo.TreeEdit
	for path, content := range files {
		edit := gitrepo.TreeEdit{Path: path}
		if content != "-" {
			edit.Mode = "100644"
			edit.SHA, err = repo.CreateBlob(ctx, []byte(content))
			h.must(err)
		}
		edits = append(edits, edit)
	}
	tree, err := repo.CreateTree(ctx, strings.Join(parents, ""), edits)
	h.must(err)
	who := gitrepo.Signature{Name: "Demo", Email: "demo@example.com", When: h.now.Add(-time.Hour)}
	sha, err := repo.CreateCommit(ctx, gitrepo.NewCommit{Tree: tree, Parents: parents, Author: who, Committer: who, Message: message})
	h.must(err)
	h.must(repo.UpdateRefs(ctx, gitrepo.RefUpdate{Ref: "refs/heads/" + branch, New: sha}))
	return sha
}

func (h *hub) bare(r state.Repository) *gitrepo.Repo {
	repo, err := h.git.Open(r.Owner, r.Name)
	h.must(err)
	return repo
}

func (h *hub) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// pull opens a pull request from branch to main.
func (h *hub) pull(r state.Repository, branch, title, body string, edit func(*state.Pull)) (p state.Pull) {
	h.t.Helper()
	ctx := h.t.Context()
	head, err := h.bare(r).Resolve(ctx, "refs/heads/"+branch)
	h.must(err)
	base, err := h.bare(r).Resolve(ctx, "refs/heads/main")
	h.must(err)
	h.update(func(tx *state.Tx) {
		r, _ = tx.Repositories.Get(r.ID)
		r.LastNumber++
		tx.Repositories.Put(r)
		p = state.Pull{ID: tx.Pulls.NextID(), RepositoryID: r.ID, Number: r.LastNumber, Title: title, Body: body, AuthorID: h.bot.ID, State: "open",
			HeadRepositoryID: r.ID, HeadRef: branch, HeadSHA: head, BaseRef: "main", BaseSHA: base, CreatedAt: noon.Add(-30 * time.Minute)}
		if edit != nil {
			edit(&p)
		}
		tx.Pulls.Put(p)
	})
	return p
}

// run makes a workflow run on a branch with one job of the given steps, whose log lines are dealt to them.
func (h *hub) run(r state.Repository, branch, title string, edit func(*state.Run, *state.Job), steps ...[]string) (run state.Run, job state.Job) {
	h.t.Helper()
	sha, err := h.bare(r).Resolve(h.t.Context(), "refs/heads/"+branch)
	h.must(err)
	h.update(func(tx *state.Tx) {
		w, ok := tx.Workflows.ByName(state.WorkflowName(r.ID, ".github/workflows/run-job.yml"))
		if !ok {
			w = state.Workflow{ID: tx.Workflows.NextID(), RepositoryID: r.ID, Name: "Run job", Path: ".github/workflows/run-job.yml", State: "active"}
		}
		w.LastRun++
		tx.Workflows.Put(w)
		start := noon.Add(-20 * time.Minute)
		run = state.Run{ID: tx.Runs.NextID(), RepositoryID: r.ID, WorkflowID: w.ID, Number: w.LastRun, Attempt: 1, Name: "Run job", DisplayTitle: title,
			Path: w.Path, Event: "push", HeadBranch: branch, HeadSHA: sha, Status: "completed", Conclusion: "success", ActorID: h.demo.ID,
			TriggerID: h.demo.ID, CreatedAt: start, StartedAt: start, UpdatedAt: start.Add(95 * time.Second)}
		job = state.Job{ID: tx.CheckRuns.NextID(), RepositoryID: r.ID, RunID: run.ID, Attempt: 1, JobID: "job", Name: "job", RunnerName: "localhub-1",
			Status: "completed", Conclusion: "success", CreatedAt: start, StartedAt: start.Add(time.Second), CompletedAt: start.Add(95 * time.Second)}
		lines := 0
		var log strings.Builder
		for i, step := range steps {
			s := state.Step{Number: i + 1, Name: step[0], Status: "completed", Conclusion: "success", LogFrom: lines, StartedAt: start,
				CompletedAt: start.Add(time.Duration(i) * time.Second)}
			for _, line := range step[1:] {
				log.WriteString("2026-03-05T11:40:00.1234567Z " + line + "\n")
				lines++
			}
			s.LogTo = lines
			job.Steps = append(job.Steps, s)
		}
		if edit != nil {
			edit(&run, &job)
		}
		tx.Runs.Put(run)
		tx.Jobs.Put(job)
		tx.CheckRuns.Put(state.CheckRun{ID: job.ID, RepositoryID: r.ID, JobID: job.ID, Name: job.Name, HeadSHA: sha, Status: job.Status,
			Conclusion: job.Conclusion, StartedAt: job.StartedAt, CompletedAt: job.CompletedAt})
		if log.Len() > 0 {
			h.logs[job.ID] = []byte(log.String())
		}
	})
	return run, job
}
