package gate

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// as is go-github in the name of an App.
func (w *world) as(slug string) *github.Client {
	w.t.Helper()
	app := w.install(slug, map[string]string{"checks": "write", "statuses": "write", "pull_requests": "write", "metadata": "read"})
	transport, err := ghinstallation.New(http.DefaultTransport, app.ID, app.InstallationID, app.PrivateKey)
	must(w.t, err)
	transport.BaseURL = w.URL() + "/api/v3"
	client, err := github.NewClient(&http.Client{Transport: transport}).WithEnterpriseURLs(w.URL(), w.URL())
	must(w.t, err)
	return client
}

// person is go-github in the name of somebody with a role in the repository.
func (w *world) person(login, role string) *github.Client {
	w.t.Helper()
	u, err := w.CreateUser(login)
	must(w.t, err)
	must(w.t, w.Configure("alice", "reports", func(r *state.Repository) {
		all := map[int64]string{u.ID: role}
		for id, role := range r.Collaborators {
			all[id] = role
		}
		r.Collaborators = all
	}))
	token, err := w.CreateToken(login, "tests")
	must(w.t, err)
	client, err := github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(w.URL(), w.URL())
	must(w.t, err)
	return client
}

// delivered is a world whose job has a pull request, under a policy with more rules.
func delivered(t *testing.T, rules string) *world {
	t.Helper()
	w := setup(t, allow+rules)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	return w
}

// waits checks that the gate waits, for this reason, without calling anybody.
func (w *world) waits(reason string) {
	w.t.Helper()
	report := w.merge()
	fact := w.verdict(report, neutral, "Not merged yet: ")
	if fact.Code != githubjobs.DiagnosisMergeWaits || !strings.Contains(fact.Title+fact.Summary, reason) || !strings.Contains(fact.Summary, "Pull request #1 is judged again when") {
		w.t.Errorf("%+v, want %q", fact, reason)
	}
	if n := len(w.comments(1)); n != 0 {
		w.t.Errorf("%d comments though nothing is to be mended", n)
	}
}

// refuses checks that the gate refuses, for this reason.
func (w *world) refuses(reason string) {
	w.t.Helper()
	if fact := w.verdict(w.merge(), actionRequired, "Not merged: "); !strings.Contains(fact.Title+fact.Summary, reason) {
		w.t.Errorf("%+v, want %q", fact, reason)
	}
}

func (w *world) verdict(report Report, conclusion, title string) githubjobs.GateFact {
	w.t.Helper()
	of, fact, ok := hub.GateFact(w.check(1))
	if report.Merged || !ok || of != w.cfg.Job || fact.Conclusion != conclusion || fact.Title != report.Title || !strings.HasPrefix(fact.Title, title) {
		w.t.Errorf("report %+v, verdict %q %+v", report, of, fact)
	}
	return fact
}

func (w *world) merges() {
	w.t.Helper()
	if report := w.merge(); !report.Merged || report.SHA != w.git("rev-parse", "main") {
		w.t.Errorf("%+v", report)
	}
}

func (w *world) checks(by *github.Client, name, status, conclusion string) {
	w.t.Helper()
	opts := github.CreateCheckRunOptions{Name: name, HeadSHA: w.cfg.Result, Status: &status}
	if conclusion != "" {
		opts.Conclusion = &conclusion
	}
	_, _, err := by.Checks.CreateCheckRun(w.t.Context(), "alice", "reports", opts)
	must(w.t, err)
}

func (w *world) sets(by *github.Client, context, to string) {
	w.t.Helper()
	_, _, err := by.Repositories.CreateStatus(w.t.Context(), "alice", "reports", w.cfg.Result, &github.RepoStatus{Context: &context, State: &to})
	must(w.t, err)
}

func (w *world) reviews(by *github.Client, event string) *github.PullRequestReview {
	w.t.Helper()
	v, _, err := by.PullRequests.CreateReview(w.t.Context(), "alice", "reports", 1, &github.PullRequestReviewRequest{Event: &event, Body: github.String("Well")})
	must(w.t, err)
	return v
}

func TestARequiredCheckIsAwaited(t *testing.T) {
	t.Parallel()
	w := delivered(t, "  required_checks: [{name: test, app: ci}]\n")
	ci := w.as("ci")
	w.waits(`"test" of ci has not reported`)
	w.checks(w.as("evil"), "test", "completed", "success") // of another app
	w.waits(`"test" of ci has not reported`)
	w.checks(ci, "test", "in_progress", "")
	w.waits(`"test" of ci has not ended`)
	w.checks(ci, "test", "completed", "success")
	w.merges()
}

func TestARequiredCheckThatFails(t *testing.T) {
	t.Parallel()
	w := delivered(t, "  required_checks: all\n")
	ci := w.as("ci")
	w.waits("no check has passed on the head")
	w.checks(ci, "lint", "completed", "success")
	w.checks(ci, "test", "completed", "failure")
	w.refuses(`"test" of ci ended with failure`)
	w.checks(ci, "test", "completed", "success")
	w.merges()
}

func TestARequiredStatus(t *testing.T) {
	t.Parallel()
	w := delivered(t, "  required_checks:\n    - {name: ci/build, creator: 'ci[bot]'}\n")
	ci := w.as("ci")
	w.sets(w.client, "ci/build", "success") // of somebody else
	w.waits(`"ci/build" of ci[bot] has not reported`)
	w.sets(ci, "ci/build", "error")
	w.sets(ci, "ci/build", "pending")
	w.waits(`"ci/build" of ci[bot] has not ended`)
	w.sets(ci, "ci/build", "failure")
	w.refuses(`"ci/build" of ci[bot] ended with failure`)
	w.sets(ci, "ci/build", "success")
	w.sets(w.client, "ci/build", "failure")
	w.merges()
}

func TestRequiredApprovals(t *testing.T) {
	t.Parallel()
	w := delivered(t, "  required_approvals: 1\n")
	bob, eve := w.person("bob", "write"), w.person("eve", "read")
	w.waits("0 of 1 required approvals")
	w.reviews(eve, "APPROVE")
	w.waits("eve has no write access")
	w.reviews(w.as("ci"), "APPROVE")
	w.waits("ci[bot] is no person")
	w.reviews(bob, "REQUEST_CHANGES")
	w.refuses("changes are requested by bob")
	approval := w.reviews(bob, "APPROVE")
	_, _, err := w.client.PullRequests.DismissReview(t.Context(), "alice", "reports", 1, approval.GetID(), &github.PullRequestReviewDismissalRequest{Message: github.String("no")})
	must(t, err)
	if report := w.merge(); report.Merged || !strings.Contains(report.Title, "0 of 1 required approvals") {
		t.Errorf("dismissed: %+v", report)
	}
	w.reviews(bob, "APPROVE")
	w.reviews(bob, "COMMENT")
	w.merges()
}

func TestAHoldLabelHolds(t *testing.T) {
	t.Parallel()
	w := delivered(t, "")
	_, _, err := w.client.Issues.AddLabelsToIssue(t.Context(), "alice", "reports", 1, []string{"Do-Not-Merge"})
	must(t, err)
	w.waits("held by the label Do-Not-Merge")
	_, err = w.client.Issues.RemoveLabelForIssue(t.Context(), "alice", "reports", 1, "do-not-merge")
	must(t, err)
	w.merges()
}

func TestTheMergeWindow(t *testing.T) {
	t.Parallel()
	w := delivered(t, "  windows: [{days: mon-fri, hours: '09:00-17:00', time_zone: Europe/Berlin}]\n")
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) // a Sunday
	w.cfg.Now = func() time.Time { return now }
	w.waits("it opens on Monday 2026-11-23 at 09:00 CET (2026-11-23T08:00:00Z)")
	if report := w.merge(); !report.Again.Equal(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)) || !report.Waits {
		t.Errorf("judged again at %s", report.Again)
	}
	now = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	w.merges()
}

// Who joins facts takes of two verdicts on a head the later one, in whole seconds.
func TestOfTwoVerdictsInASecondTheLaterOneCounts(t *testing.T) {
	t.Parallel()
	w := delivered(t, "  required_approvals: 1\n")
	now := time.Date(2026, 11, 22, 12, 0, 0, 5e8, time.UTC)
	w.cfg.Now = func() time.Time { return now }
	first := w.merge().Told
	w.cfg.Told = first
	_, _, err := w.client.Issues.AddLabelsToIssue(t.Context(), "alice", "reports", 1, []string{"hold"})
	must(t, err)
	second := w.merge().Told
	if first == nil || second == nil || !second.At.After(first.At) {
		t.Errorf("first %+v, second %+v", first, second)
	}
	if f := githubjobs.Merge(githubjobs.Facts{ID: jobID, Gates: []githubjobs.GateFact{*first}}, githubjobs.Facts{ID: jobID, Gates: []githubjobs.GateFact{*second}}); f.Gates[0].Title != second.Title {
		t.Errorf("what counts is %+v", f.Gates)
	}
}

// A head that somebody forced onto the branch is judged as what it is, with its own checks.
func TestAForcePushIsJudgedAgain(t *testing.T) {
	t.Parallel()
	w := delivered(t, "  required_checks: [{name: test, app: ci}]\n")
	w.waits("has not reported")
	w.checks(w.as("ci"), "test", "completed", "success")
	result := w.cfg.Result
	w.update(branch, w.git("commit-tree", "-p", w.sha, "-m", "Forced", result+"^{tree}"))
	w.refuses("somebody pushed to the branch")
	w.update(branch, result)
	w.merges()
}

func TestAFailedAttemptIsNeverMerged(t *testing.T) {
	t.Parallel()
	w := delivered(t, "  required_checks: all\n")
	pull := w.cfg.Pull
	w.cfg.Attempt = 2
	w.publish(githubjobs.OutcomeFailure, nil)
	w.cfg.Pull = pull
	w.checks(w.as("ci"), "test", "completed", "success")
	w.refuses("the newest attempt did not succeed")
}

func TestTheMergeQueue(t *testing.T) {
	t.Parallel()
	w := delivered(t, "")
	must(t, w.Configure("alice", "reports", func(r *state.Repository) {
		r.Protections = map[string]state.Protection{"main": {MergeQueue: true}}
	}))
	main := w.git("rev-parse", "main")
	for range 2 { // and it stays there
		fact := w.verdict(w.merge(), neutral, "Not merged yet: it is in the merge queue of main.")
		if fact.Code != githubjobs.DiagnosisMergeWaits || w.git("rev-parse", "main") != main {
			t.Errorf("%+v, main %s", fact, w.git("rev-parse", "main"))
		}
	}
	must(t, w.MergeQueued(t.Context(), "alice", "reports", 1))
	if w.git("rev-parse", "main") == main {
		t.Error("the queue has not merged it")
	}
	w.merges() // is merged already
}

// What the queue throws out is not put back by itself: that would go on for ever.
func TestWhatTheMergeQueueThrowsOut(t *testing.T) {
	t.Parallel()
	w := delivered(t, "")
	must(t, w.Configure("alice", "reports", func(r *state.Repository) {
		r.Protections = map[string]state.Protection{"main": {MergeQueue: true, Checks: []string{"never"}}}
	}))
	report := w.merge()
	if !report.Waits {
		t.Errorf("%+v", report)
	}
	must(t, w.MergeQueued(t.Context(), "alice", "reports", 1))
	for range 2 {
		if report.Told != nil {
			w.cfg.Told = report.Told // as the server remembers
		}
		if report = w.merge(); report.Merged || report.Waits || report.Title != "Not merged: it has left the merge queue of main." {
			t.Errorf("%+v", report)
		}
	}
	w.cfg.Told = nil // somebody re-runs the job
	if report := w.merge(); !report.Waits {
		t.Errorf("%+v", report)
	}
}

// Without asynchronous merges the queue is for people.
func TestTheMergeQueueOfAnOlderGitHub(t *testing.T) {
	t.Parallel()
	w := delivered(t, "")
	must(t, w.Configure("alice", "reports", func(r *state.Repository) {
		r.Protections = map[string]state.Protection{"main": {MergeQueue: true}}
	}))
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/merge-async") {
			http.Error(rw, `{"message":"Not Found"}`, http.StatusNotFound)
			return
		}
		hub.ServeHTTP(rw, r)
	})
	w.refuses("Changes must be made through the merge queue")
}

func TestGitHubsRulesAreNamed(t *testing.T) {
	t.Parallel()
	w := delivered(t, "")
	must(t, w.Configure("alice", "reports", func(r *state.Repository) {
		r.Protections = map[string]state.Protection{"main": {Approvals: 1}}
	}))
	w.refuses("At least 1 approving review is required by reviewers with write access.")
	must(t, w.Configure("alice", "reports", func(r *state.Repository) { r.Protections = nil }))
	w.merges()
}
