package localhub

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// TestEveryFault shows the effect of each kind of fault to a real client: go-github, git, or a webhook receiver.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	tests := map[faults.Kind]func(*testing.T){
		faults.DropDelivery: testDropDelivery, faults.VanishDelivery: testVanishDelivery, faults.DoubleDelivery: testDoubleDelivery,
		faults.DelayDelivery: testDelayDelivery, faults.ReorderDelivery: testReorderDelivery,
		faults.Latency: testLatency, faults.ServerError: testServerError, faults.PrimaryLimit: testPrimaryLimit, faults.SecondaryLimit: testSecondaryLimit,
		faults.CutBefore: testCutBefore, faults.CutAfter: testCutAfter, faults.RefuseRef: testRefuseRef, faults.ForbidPulls: testForbidPulls,
		faults.NeverStart: testNeverStart, faults.Zombie: testZombie, faults.LoseRunner: testLoseRunner, faults.SkewClock: testSkewClock,
	}
	for _, info := range faults.Kinds() {
		t.Run(string(info.Kind), func(t *testing.T) {
			t.Parallel()
			if tests[info.Kind] == nil {
				t.Fatal("there is no test of it")
			}
			tests[info.Kind](t)
		})
	}
}

// fault switches one fault on.
func (h *hub) fault(f faults.Fault) {
	h.t.Helper()
	if _, err := h.Faults().Add(f); err != nil {
		h.t.Fatal(err)
	}
}

// struck holds how often the fault with this id struck.
func (h *hub) struck(id, want int) {
	h.t.Helper()
	list, _ := h.Faults().List()
	for _, f := range list {
		if f.ID == id && f.Struck != want {
			h.t.Errorf("%s struck %d times of %d, want %d", f.Kind, f.Struck, f.Matched, want)
		}
	}
}

func testLatency(t *testing.T) {
	h := setup(t)
	h.fault(faults.Fault{Kind: faults.Latency, Operation: "users/get-authenticated", Delay: faults.Duration(300 * time.Millisecond), Count: 1})
	began := time.Now()
	if _, _, err := h.alice().Users.Get(hubtest.Within(t), ""); err != nil || time.Since(began) < 300*time.Millisecond {
		t.Errorf("answered after %s, %v", time.Since(began), err)
	}
}

func testServerError(t *testing.T) {
	h := setup(t)
	c, ctx := h.alice(), hubtest.Within(t)
	h.fault(faults.Fault{Kind: faults.ServerError, Path: "*/pulls", Method: "get", Count: 2})
	h.fault(faults.Fault{Kind: faults.ServerError, Operation: "git-push*", Status: 503, Count: 1})
	for range 2 {
		_, _, err := c.PullRequests.List(ctx, "alice", "reports", nil)
		hubtest.WantStatus(t, err, 502, "Server Error")
	}
	if _, _, err := c.PullRequests.List(ctx, "alice", "reports", nil); err != nil {
		t.Errorf("after two failures: %v", err)
	}
	dir := h.clone(h.token)
	if out, err := hubtest.TryGit(ctx, dir, "push", "origin", "HEAD:refs/heads/x"); err == nil || !strings.Contains(out, "503") {
		t.Errorf("git says %q, %v", out, err)
	}
	h.git(dir, "push", "origin", "HEAD:refs/heads/x")
}

func testPrimaryLimit(t *testing.T) {
	h := setup(t)
	h.fault(faults.Fault{Kind: faults.PrimaryLimit, Operation: "*/*", Count: 1, Delay: faults.Duration(30 * time.Second)})
	_, _, err := h.alice().Users.Get(hubtest.Within(t), "")
	limit, ok := errors.AsType[*github.RateLimitError](err)
	if !ok || limit.Rate.Remaining != 0 || time.Until(limit.Rate.Reset.Time) > time.Minute || time.Until(limit.Rate.Reset.Time) < 5*time.Second {
		t.Fatalf("go-github sees %v", err)
	}
	h.fault(faults.Fault{Kind: faults.PrimaryLimit, Status: 429, Count: 1})
	res, body := h.request("/user")
	if res.StatusCode != 429 || res.Header.Get("X-Ratelimit-Remaining") != "0" || !strings.Contains(body, "API rate limit exceeded") {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, body)
	}
}

func testSecondaryLimit(t *testing.T) {
	h := setup(t)
	user := func() error { _, _, err := h.alice().Users.Get(hubtest.Within(t), ""); return err }
	h.fault(faults.Fault{Kind: faults.SecondaryLimit, Count: 1, RetryAfter: faults.Duration(7 * time.Second),
		Documentation: "https://docs.github.com/rest/overview/resources-in-the-rest-api#secondary-rate-limits"})
	abuse, ok := errors.AsType[*github.AbuseRateLimitError](user())
	if !ok || abuse.GetRetryAfter() != 7*time.Second {
		t.Errorf("go-github sees %v", abuse)
	}
	h.fault(faults.Fault{Kind: faults.SecondaryLimit, Count: 1, Documentation: "https://developer.github.com/v3/#abuse-rate-limits"})
	abuse, ok = errors.AsType[*github.AbuseRateLimitError](user())
	if !ok || abuse.Response.Header.Get("Retry-After") != "" || abuse.Response.Header.Get("X-Ratelimit-Remaining") == "0" {
		t.Errorf("without retry-after go-github sees %v", abuse)
	}
	h.fault(faults.Fault{Kind: faults.SecondaryLimit, Count: 20, Status: 429})
	seen := map[string]bool{}
	for range 20 {
		res, body := h.request("/user")
		var answer struct{ Message, Documentation_URL string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || res.StatusCode != 429 || !strings.Contains(answer.Message, "secondary rate limit") {
			t.Fatalf("%d %s %v", res.StatusCode, body, err)
		}
		seen[answer.Documentation_URL] = true
	}
	if len(seen) < 2 {
		t.Errorf("20 answers name only %v", seen)
	}
}

// branch makes a branch over the API; hasBranch is nil where there is one.
func (h *hub) branch(name string) error {
	sha := h.git("", "ls-remote", h.remote(h.token), "refs/heads/main")[:40]
	_, _, err := h.alice().Git.CreateRef(hubtest.Within(h.t), "alice", "reports", &github.Reference{Ref: github.String("refs/heads/" + name), Object: &github.GitObject{SHA: &sha}})
	return err
}

func (h *hub) hasBranch(name string) error {
	_, _, err := h.alice().Git.GetRef(hubtest.Within(h.t), "alice", "reports", "heads/"+name)
	return err
}

func testCutBefore(t *testing.T) {
	h := setup(t)
	h.fault(faults.Fault{Kind: faults.CutBefore, Operation: "git/create-ref", Count: 1})
	err := h.branch("lost")
	if _, answered := errors.AsType[*github.ErrorResponse](err); err == nil || answered {
		t.Errorf("go-github sees %v", err)
	}
	if got := h.Requests(); got[len(got)-1].Method != "POST" || got[len(got)-1].Status != 0 {
		t.Errorf("on record: %v", got[len(got)-1])
	}
	hubtest.WantStatus(t, h.hasBranch("lost"), 404, "")
}

func testCutAfter(t *testing.T) {
	h := setup(t)
	h.fault(faults.Fault{Kind: faults.CutAfter, Operation: "git/create-ref", Count: 1})
	if err := h.branch("made"); err == nil {
		t.Error("go-github sees an answer")
	}
	if err := h.hasBranch("made"); err != nil {
		t.Errorf("the branch was not made: %v", err)
	}
	h.fault(faults.Fault{Kind: faults.CutAfter, Operation: "git-push", Count: 1})
	dir := h.clone(h.token)
	if out, err := hubtest.TryGit(hubtest.Within(t), dir, "push", "origin", "HEAD:refs/heads/x"); err == nil {
		t.Errorf("git sees an answer: %s", out)
	}
	if refs := h.git(dir, "ls-remote", "origin", "refs/heads/x"); refs == "" {
		t.Error("the branch was not pushed")
	}
}

func testRefuseRef(t *testing.T) {
	h := setup(t)
	h.fault(faults.Fault{Kind: faults.RefuseRef, Ref: "refs/heads/job/*", Count: 1})
	h.fault(faults.Fault{Kind: faults.RefuseRef, Ref: "refs/heads/locked/*", Reason: "push declined due to repository rule violations"})
	dir, ctx := h.clone(h.token), hubtest.Within(t)
	out, err := hubtest.TryGit(ctx, dir, "push", "origin", "HEAD:refs/heads/job/1", "HEAD:refs/heads/other", "HEAD:refs/heads/locked/1")
	for _, want := range []string{"[remote rejected] HEAD -> job/1 (failed)", "[new branch]      HEAD -> other",
		"[remote rejected] HEAD -> locked/1 (push declined due to repository rule violations)"} {
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("git says %v without %q:\n%s", err, want, out)
		}
	}
	h.git(dir, "push", "origin", "HEAD:refs/heads/job/1")
	sha := h.git(dir, "rev-parse", "HEAD")
	_, _, err = h.alice().Git.CreateRef(ctx, "alice", "reports", &github.Reference{Ref: github.String("refs/heads/locked/2"), Object: &github.GitObject{SHA: &sha}})
	hubtest.WantStatus(t, err, 422, "push declined")
}

func testForbidPulls(t *testing.T) {
	h := setup(t)
	if err := h.Configure("alice", "reports", func(r *state.Repository) { r.Actions.CanApprovePullRequestReviews = true }); err != nil {
		t.Fatal(err)
	}
	dir := h.clone(h.token)
	h.commit(dir, "a.txt", "a", "Add a")
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/job/1")
	h.fault(faults.Fault{Kind: faults.ForbidPulls, Repository: "alice/*", Count: 1})
	run := h.client(h.runToken(map[string]string{"contents": "write", "pull_requests": "write"}))
	pull := &github.NewPullRequest{Title: github.String("Add a"), Head: github.String("job/1"), Base: github.String("main")}
	_, _, err := run.PullRequests.Create(hubtest.Within(t), "alice", "reports", pull)
	hubtest.WantStatus(t, err, 403, "GitHub Actions is not permitted to create or approve pull requests.")
	if _, _, err = run.PullRequests.Create(hubtest.Within(t), "alice", "reports", pull); err != nil {
		t.Errorf("after the fault: %v", err)
	}
}

// startRuns pushes a workflow and returns the runs that there are then.
func (h *hub) startRuns() []*github.WorkflowRun {
	h.t.Helper()
	dir := h.clone(h.token)
	h.commit(dir, ".github/workflows/ci.yml", "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n    - run: 'true'\n    - name: Wait\n      run: sleep 60\n    - run: 'true'\n", "Add CI")
	h.git(dir, "push", "-q", "origin", "HEAD:main")
	h.idle()
	return h.allRuns()
}

func (h *hub) allRuns() []*github.WorkflowRun {
	h.t.Helper()
	runs, _, err := h.alice().Actions.ListRepositoryWorkflowRuns(hubtest.Within(h.t), "alice", "reports", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return runs.WorkflowRuns
}

func testNeverStart(t *testing.T) {
	h := setup(t)
	h.fault(faults.Fault{Kind: faults.NeverStart, Event: "push", Ref: "refs/heads/main", Workflow: "*/ci.yml"})
	if runs := h.startRuns(); len(runs) != 0 {
		t.Errorf("runs: %v", runs)
	}
	h.struck(1, 1)
}

func testZombie(t *testing.T) {
	h := setup(t)
	h.fault(faults.Fault{Kind: faults.Zombie})
	runs := h.startRuns()
	if len(runs) != 1 || runs[0].GetStatus() != "queued" {
		t.Fatalf("runs: %v", runs)
	}
	h.Faults().Clear()
	c, ctx, id := h.alice(), hubtest.Within(t), runs[0].GetID()
	_, err := c.Actions.CancelWorkflowRunByID(ctx, "alice", "reports", id)
	hubtest.WantStatus(t, err, 409, "Cannot cancel")
	_, err = c.Actions.RerunWorkflowByID(ctx, "alice", "reports", id)
	hubtest.WantStatus(t, err, 403, "already running")
	h.stop()
	again := start(t, h.cfg.DataDir)
	again.token = h.token
	again.idle()
	if runs := again.allRuns(); len(runs) != 1 || runs[0].GetStatus() != "queued" {
		t.Errorf("after a restart: %v", runs)
	}
}

func testLoseRunner(t *testing.T) {
	h := setup(t)
	h.fault(faults.Fault{Kind: faults.LoseRunner, Step: "Wait", Delay: faults.Duration(100 * time.Millisecond)})
	runs := h.startRuns()
	if len(runs) != 1 || runs[0].GetConclusion() != "failure" {
		t.Fatalf("runs: %v", runs)
	}
	jobs, _, err := h.alice().Actions.ListWorkflowJobs(hubtest.Within(t), "alice", "reports", runs[0].GetID(), nil)
	if err != nil || len(jobs.Jobs) != 1 {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range jobs.Jobs[0].Steps {
		steps = append(steps, s.GetName()+" "+s.GetConclusion())
	}
	if got := fmt.Sprint(steps); !strings.Contains(got, "Run true success") || strings.Contains(got, "Wait success") || !strings.HasSuffix(got, "skipped]") {
		t.Errorf("steps: %s", got)
	}
	notes, _, err := h.alice().Checks.ListCheckRunAnnotations(hubtest.Within(t), "alice", "reports", jobs.Jobs[0].GetID(), nil)
	if err != nil || len(notes) == 0 || !strings.Contains(notes[len(notes)-1].GetMessage(), "lost communication") {
		t.Errorf("annotations: %v, %v", notes, err)
	}
}

func testSkewClock(t *testing.T) {
	h, r := hooked(t, "push")
	h.fault(faults.Fault{Kind: faults.SkewClock, Skew: faults.Duration(-2 * time.Hour)})
	if _, err := h.CreateRepository("alice", "late", rest.RepositoryOptions{}); err != nil {
		t.Fatal(err)
	}
	repo, _, err := h.alice().Repositories.Get(hubtest.Within(t), "alice", "late")
	if age := time.Since(repo.GetCreatedAt().Time); err != nil || age < time.Hour {
		t.Errorf("created %s ago, %v", age, err)
	}
	h.pushBranches(1)
	h.idle()
	got := r.all()
	if at := time.Unix(int64(got[0].raw["repository"].(map[string]any)["pushed_at"].(float64)), 0); time.Since(at) < time.Hour {
		t.Errorf("the delivery says %s", at)
	}
}
