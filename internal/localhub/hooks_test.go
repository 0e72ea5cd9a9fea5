package localhub

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// receiver is a webhook receiver that checks signatures with go-github and keeps what came, in order of arrival.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []received
	hold chan struct{} // when set, answers wait until it is closed
	came chan struct{} // holds something after each delivery
	t    *testing.T
}

type received struct {
	event, guid string
	payload     any // as go-github parses it
	raw         map[string]any
	header      http.Header
}

const hookSecret = "it's a secret"

func newReceiver(t *testing.T) *receiver {
	r, recorder := &receiver{came: make(chan struct{}, 1), t: t}, wire.Watch(t)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := github.ValidatePayload(req, []byte(hookSecret))
		if err != nil {
			t.Errorf("payload of %s: %v", github.WebHookType(req), err)
			return
		}
		payload, err := github.ParseWebHook(github.WebHookType(req), body)
		if err != nil {
			t.Errorf("payload of %s: %v", github.WebHookType(req), err)
			return
		}
		recorder.Webhook(github.WebHookType(req), body)
		var raw map[string]any
		json.Unmarshal(body, &raw)
		r.mu.Lock()
		r.got = append(r.got, received{github.WebHookType(req), github.DeliveryID(req), payload, raw, req.Header})
		hold := r.hold
		r.mu.Unlock()
		select {
		case r.came <- struct{}{}:
		default: // who waits will look anyway
		}
		if hold != nil {
			<-hold
		}
		io.WriteString(w, "thanks")
	}))
	t.Cleanup(r.Close)
	return r
}

// all is what came, in the order in which it happened; deliveries may overtake each other.
func (r *receiver) all() []received {
	all := r.arrived()
	slices.SortStableFunc(all, func(a, b received) int { return strings.Compare(a.guid, b.guid) })
	return all
}

// arrived is what came, in order of arrival.
func (r *receiver) arrived() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// await waits until so many deliveries have come.
func (r *receiver) await(n int) {
	r.t.Helper()
	late := time.After(time.Minute)
	for len(r.arrived()) < n {
		select {
		case <-r.came:
		case <-late:
			r.t.Fatalf("%d deliveries have come, want %d: %v", len(r.arrived()), n, r.events())
		}
	}
}

func (r *receiver) events() (names []string) {
	for _, g := range r.all() {
		names = append(names, g.event)
	}
	return names
}

// hooked is a localhub whose alice/reports tells a receiver of these events.
func hooked(t *testing.T, events ...string) (*hub, *receiver) {
	t.Helper()
	h, r := setup(t), newReceiver(t)
	h.idle()
	if _, err := h.CreateHook("alice", "reports", r.URL, hookSecret, events...); err != nil {
		t.Fatal(err)
	}
	return h, r
}

func (h *hub) idle() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute) // a thousand deliveries under the race detector
	defer cancel()
	if err := h.WaitIdle(ctx); err != nil {
		h.t.Fatal(err)
	}
}

func TestPushPayload(t *testing.T) {
	t.Parallel()
	h, r := hooked(t, "*")
	dir := h.clone(h.token)
	before := h.git(dir, "rev-parse", "HEAD")
	h.commit(dir, "a.txt", "a\n", "Add a\n\nWhy not.")
	h.git(dir, "mv", "README.md", "README")
	after := h.commit(dir, "a.txt", "b\n", "Rename and change")
	h.git(dir, "push", "-q", "origin", "HEAD:main")
	h.idle()
	if got := r.events(); !slices.Equal(got, []string{"push"}) {
		t.Fatalf("events %v, want one push", got)
	}
	p := r.all()[0].payload.(*github.PushEvent)
	if p.GetRef() != "refs/heads/main" || p.GetBefore() != before || p.GetAfter() != after || p.GetCreated() || p.GetForced() || len(p.Commits) != 2 {
		t.Errorf("push: %v", p)
	}
	if c := p.Commits[0]; c.GetMessage() != "Add a\n\nWhy not." || !slices.Equal(c.Added, []string{"a.txt"}) || c.GetTreeID() == "" || !c.GetDistinct() {
		t.Errorf("first commit: %v", c)
	}
	if c := p.GetHeadCommit(); c.GetID() != after || !slices.Equal(c.Modified, []string{"a.txt"}) || !slices.Equal(c.Removed, []string{"README.md"}) {
		t.Errorf("head commit: %v", c)
	}
	if p.GetPusher().GetName() != "alice" || p.GetSender().GetLogin() != "alice" || p.GetRepo().GetFullName() != "alice/reports" ||
		p.GetCompare() != h.URL()+"/alice/reports/compare/"+before[:12]+"..."+after[:12] || p.GetRepo().GetPushedAt().IsZero() {
		t.Errorf("push: pusher %v, sender %v, repository %v, compare %s", p.Pusher, p.Sender, p.Repo, p.GetCompare())
	}
	header := r.all()[0].header
	if !strings.HasPrefix(header.Get("User-Agent"), "GitHub-Hookshot/") || header.Get("X-GitHub-Hook-ID") == "" ||
		header.Get("X-GitHub-Hook-Installation-Target-Type") != "repository" {
		t.Errorf("headers: %v", header)
	}
}

// TestJobBranch is the product's own case: a branch made of one commit with its parent's tree.
func TestJobBranch(t *testing.T) {
	t.Parallel()
	h, r := hooked(t, "push", "create", "delete")
	dir := h.clone(h.token)
	main := h.git(dir, "rev-parse", "HEAD")
	h.git(dir, "commit", "-q", "--allow-empty", "-m", "job: x\n\nJob-Spec: {}")
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/job/x")
	h.git(dir, "push", "-q", "origin", ":refs/heads/job/x")
	h.idle()
	if got := r.events(); !slices.Equal(got, []string{"create", "push", "delete", "push"}) {
		t.Fatalf("events %v", got)
	}
	all := r.all()
	if c := all[0].payload.(*github.CreateEvent); c.GetRef() != "job/x" || c.GetRefType() != "branch" || c.GetMasterBranch() != "main" {
		t.Errorf("create: %v", c)
	}
	p := all[1].payload.(*github.PushEvent)
	if !p.GetCreated() || p.GetBefore() != strings.Repeat("0", 40) || len(p.Commits) != 1 || p.GetHeadCommit().GetMessage() != "job: x\n\nJob-Spec: {}" ||
		len(p.HeadCommit.Added)+len(p.HeadCommit.Modified)+len(p.HeadCommit.Removed) != 0 {
		t.Errorf("push: %v", p)
	}
	if d := all[2].payload.(*github.DeleteEvent); d.GetRef() != "job/x" {
		t.Errorf("delete: %v", d)
	}
	gone := all[3]
	if p := gone.payload.(*github.PushEvent); !p.GetDeleted() || p.HeadCommit != nil || len(p.Commits) != 0 {
		t.Errorf("push of the deletion: %v", p)
	}
	if v, there := gone.raw["head_commit"]; !there || v != nil {
		t.Errorf("head_commit of the deletion is %v, want null", v)
	}
	h.git(dir, "push", "-q", "origin", main+":refs/heads/same")
	h.idle()
	same := r.all()[5].raw
	if same["base_ref"] != "refs/heads/main" || len(same["commits"].([]any)) != 0 || same["head_commit"].(map[string]any)["id"] != main {
		t.Errorf("push of a branch without commits of its own: %v", same)
	}
}

func TestWorkflowPayloads(t *testing.T) {
	t.Parallel()
	h, r := hooked(t, "workflow_run", "workflow_job")
	dir := h.clone(h.token)
	sha := h.commit(dir, ".github/workflows/ci.yml", "name: CI\non: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n    - run: exit 3\n", "Add CI")
	h.git(dir, "push", "-q", "origin", "HEAD:main")
	h.idle()
	seen := map[string][]string{}
	for _, g := range r.all() {
		seen[g.event] = append(seen[g.event], g.raw["action"].(string))
		switch p := g.payload.(type) {
		case *github.WorkflowRunEvent:
			run := p.GetWorkflowRun()
			if run.GetHeadSHA() != sha || run.GetRunAttempt() != 1 || p.GetWorkflow().GetPath() != ".github/workflows/ci.yml" ||
				run.GetHTMLURL() != h.URL()+"/alice/reports/actions/runs/"+itoa(run.GetID()) {
				t.Errorf("workflow_run %s: %v", p.GetAction(), run)
			}
			if p.GetAction() == "completed" && (run.GetStatus() != "completed" || run.GetConclusion() != "failure") {
				t.Errorf("completed run: %s, %s", run.GetStatus(), run.GetConclusion())
			}
		case *github.WorkflowJobEvent:
			if p.GetWorkflowJob().GetName() != "build" || p.GetWorkflowJob().GetHeadSHA() != sha {
				t.Errorf("workflow_job %s: %v", p.GetAction(), p.GetWorkflowJob())
			}
		}
	}
	if want := []string{"requested", "in_progress", "completed"}; !slices.Equal(seen["workflow_run"], want) {
		t.Errorf("workflow_run: %v, want %v", seen["workflow_run"], want)
	}
	if want := []string{"queued", "in_progress", "completed"}; !slices.Equal(seen["workflow_job"], want) {
		t.Errorf("workflow_job: %v, want %v", seen["workflow_job"], want)
	}
}

func TestForcedAndManyCommits(t *testing.T) {
	t.Parallel()
	h, r := hooked(t, "push")
	dir := h.clone(h.token)
	first := h.commit(dir, "a.txt", "1\n", "One")
	h.git(dir, "push", "-q", "origin", "HEAD:main")
	h.git(dir, "reset", "-q", "--hard", "HEAD~1")
	for i := range 3 {
		h.commit(dir, "b.txt", strings.Repeat("x\n", i+1), "More")
	}
	h.git(dir, "push", "-q", "--force", "origin", "HEAD:main")
	h.idle()
	p := r.all()[1].payload.(*github.PushEvent)
	if !p.GetForced() || p.GetBefore() != first || len(p.Commits) != 3 || p.Commits[2].GetID() != p.GetAfter() {
		t.Errorf("forced push: %v", p)
	}
}

func TestThousandBranchesInOnePush(t *testing.T) {
	t.Parallel()
	h, r := hooked(t, "push")
	dir := h.clone(h.token)
	h.git(dir, "commit", "-q", "--allow-empty", "-m", "job: x") // the tree of its parent, as all jobs have
	var updates strings.Builder
	for i := range 1000 {
		updates.WriteString("create refs/heads/job/" + itoa(int64(i)) + " HEAD\n")
	}
	if err := stdinGit(h, dir, updates.String(), "update-ref", "--stdin"); err != nil {
		t.Fatal(err)
	}
	h.ResetRequests()
	start := time.Now()
	h.git(dir, "push", "-q", "origin", "refs/heads/job/*:refs/heads/job/*")
	pushes := h.CountRequests(RequestGit)
	pushed := time.Since(start)
	h.idle()
	t.Logf("pushed in %v, all delivered after %v", pushed, time.Since(start))
	if n := len(r.all()); n != 1000 {
		t.Errorf("%d deliveries, want 1000", n)
	}
	if pushes > 4 {
		t.Errorf("%d git requests for one push", pushes)
	}
}

func TestRESTAndRunTokensPublishToo(t *testing.T) {
	t.Parallel()
	h, r := hooked(t, "push")
	c := h.client(h.runToken(map[string]string{"contents": "write"}))
	if _, _, err := c.Repositories.CreateFile(hubtest.Within(t), "alice", "reports", "x.txt",
		&github.RepositoryContentFileOptions{Message: github.String("Add x"), Content: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	h.idle()
	p := r.all()[0].payload.(*github.PushEvent)
	if p.GetSender().GetLogin() != "github-actions[bot]" || p.GetHeadCommit().GetMessage() != "Add x" || !slices.Equal(p.HeadCommit.Added, []string{"x.txt"}) {
		t.Errorf("push: %v", p)
	}
}
