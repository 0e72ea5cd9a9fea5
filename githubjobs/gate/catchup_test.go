package gate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

const (
	upToDate  = "  up_to_date: true\n"
	withCheck = upToDate + "  required_checks: [{name: test, app: ci}]\n"
)

// head is where the job's branch is.
func (w *world) head() string { return w.git("rev-parse", branch) }

// lines are what a file of main says.
func (w *world) file(name string) string { return w.git("show", "main:"+name) }

// A workflow brings the result onto a base that has moved since it was published, and merges it.
func TestTheBaseIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]string{"by a squash": upToDate, "by a merge": upToDate + "  method: merge\n", "by a rebase": upToDate + "  method: rebase\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := delivered(t, rules)
			w.cfg.Silent = true
			base := w.commit("main", map[string]string{"other.md": "other\n", "reports/old.md": "two\n", "docs/a/b.md": "deep\n"})
			report := w.merge()
			if !report.Merged || report.SHA != w.git("rev-parse", "main") {
				t.Fatalf("%+v", report)
			}
			if w.file("other.md") != "other" || w.file("reports/old.md") != "two" || w.file("docs/a/b.md") != "deep" || w.file("reports/daily.md") != "# Daily" {
				t.Error("the base has lost something")
			}
			if got := w.git("diff", "--name-status", base, "main"); got != "A\treports/daily.md" {
				t.Errorf("merged: %s", got)
			}
			if got := w.git("for-each-ref", "refs/heads/job"); got != "" {
				t.Errorf("the branch is still there: %s", got)
			}
		})
	}
}

// What publish has brought onto a newer base is a merge commit, which a rebase would leave out.
func TestARebaseLosesNothing(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]string{"as it is": "", "on a newer base": upToDate} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, allow+"  method: rebase\n"+rules)
			w.commit("main", map[string]string{"other.md": "other\n"})
			w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
			w.commit("main", map[string]string{"more.md": "more\n"})
			w.merges()
			if w.file("reports/daily.md") != "# Daily" || w.file("other.md") != "other" || w.file("more.md") != "more" {
				t.Error("main has lost something")
			}
		})
	}
}

// Each time the base moves once more there is one commit more, on a commit of the base and with
// nothing but the result.
func TestTheBaseMovesWhileItIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	moves := 0
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		hub.ServeHTTP(rw, r)
		if strings.HasSuffix(r.URL.Path, "/git-receive-pack") && moves < 3 {
			moves++
			w.commit("main", map[string]string{fmt.Sprintf("other%d.md", moves): "x\n"})
		}
	})
	w.commit("main", map[string]string{"other.md": "x\n"})
	if report := w.merge(); !report.Merged || moves != 3 || w.file("other3.md") != "x" {
		t.Errorf("%d moves, %+v", moves, report)
	}
}

// A push whose answer is lost is the same push when it is tried again.
func TestAnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	w.commit("main", map[string]string{"other.md": "other\n"})
	pushes := 0
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		if pushed := strings.HasSuffix(r.URL.Path, "/git-receive-pack"); pushed {
			if pushes++; pushes == 1 {
				hub.ServeHTTP(httptest.NewRecorder(), r)
				http.Error(rw, "Bad Gateway", http.StatusBadGateway)
				return
			}
		}
		hub.ServeHTTP(rw, r)
	})
	w.merges()
	p, _, err := w.client.PullRequests.Get(t.Context(), "alice", "reports", 1)
	must(t, err)
	if head := p.GetHead().GetSHA(); pushes < 2 || w.git("rev-parse", head+"^") != w.cfg.Result {
		t.Errorf("%d pushes, merged was %s", pushes, w.git("log", "--format=%h %p %s", head))
	}
}

func TestABaseThatIsTooFast(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	moves := 0
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		hub.ServeHTTP(rw, r)
		if strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
			moves++
			w.commit("main", map[string]string{fmt.Sprintf("other%d.md", moves): "x\n"})
		}
	})
	w.commit("main", map[string]string{"other.md": "x\n"})
	report := w.merge()
	fact := w.verdict(report, neutral, "Not merged yet: the head lacks 1 commit ")
	if moves != maxPushes || report.Ready || report.Again.IsZero() || fact.Code != githubjobs.DiagnosisMergeWaits || !strings.Contains(fact.Summary, "5 times") {
		t.Errorf("%d moves, %+v", moves, report)
	}
	// It is gone on with, and not at once for ever.
	if report = w.merge(); report.Merged {
		t.Fatalf("%+v", report)
	}
	before := w.head()
	if report = w.merge(); report.Merged || w.head() != before || !strings.Contains(report.Summary, "10 times") {
		t.Errorf("%+v", report)
	}
	w.cfg.Now = func() time.Time { return report.Again }
	if report = w.merge(); report.Merged || moves != 15 || w.git("rev-parse", branch+"~5") != w.cfg.Result {
		t.Errorf("%d moves, %+v", moves, report)
	}
}

// What both sides have changed nobody merges but a person.
func TestAFileThatBothHaveChanged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, job, base, reason string
	}{
		"in conflict":      {"one\n", "job\n", "base\n", "reports/daily.md changed on main meanwhile"},
		"in other lines":   {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "job\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\nbase\n", "Lines are not merged without a person"},
		"in the same ways": {"one\n", "same\n", "same\n", "main already has these changes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, allow+upToDate)
			w.onto(map[string]string{"reports/daily.md": test.before})
			w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": test.job})
			base := w.commit("main", map[string]string{"reports/daily.md": test.base})
			report, head := w.merge(), w.head()
			if said := report.Title + report.Summary; report.Merged || head != w.cfg.Result || w.git("rev-parse", "main") != base || !strings.Contains(said, test.reason) || !strings.Contains(said, "reports/daily.md") && test.job != test.base {
				t.Errorf("%+v", report)
			}
		})
	}
}

// onto puts files onto main and begins the job there.
func (w *world) onto(files map[string]string) {
	w.t.Helper()
	base := w.commit("main", files)
	message := w.git("log", "-1", "--format=%B", w.sha)
	w.sha = w.git("commit-tree", "-p", base, "-m", message, base+"^{tree}")
	w.git("update-ref", "refs/heads/"+branch, w.sha)
	w.cfg.JobSHA = w.sha
	for name, content := range files {
		write(w.t, w.tree+"/"+name, content)
	}
}

// Where checks are asked for the workflow leaves it to the server, whose push starts them.
func TestChecksOnWhatIsBroughtOntoTheBase(t *testing.T) {
	t.Parallel()
	w := delivered(t, withCheck)
	ci := w.as("ci")
	w.checks(ci, "test", "completed", "success") // on a head that nobody merges
	w.commit("main", map[string]string{"other.md": "other\n"})
	w.cfg.Silent = true
	report := w.merge()
	if fact := w.verdict(report, neutral, "Not merged yet: the head lacks 1 commit "); !report.Waits || w.head() != w.cfg.Result || !strings.Contains(fact.Summary, "A server with `MERGE=on`") {
		t.Errorf("%+v", report)
	}
	w.cfg.Silent = false
	report = w.merge()
	if w.head() == w.cfg.Result || !report.Waits || !strings.Contains(report.Title, `"test" of ci has not reported`) || report.Stays {
		t.Errorf("%+v", report)
	}
	brought := w.head()
	result := w.cfg.Result
	w.cfg.Result = brought
	w.checks(ci, "test", "completed", "failure")
	w.cfg.Result = result
	if report = w.merge(); report.Merged || !report.Stays || !strings.Contains(report.Title, `"test" of ci ended with failure`) {
		t.Errorf("%+v", report)
	}
	w.commit("main", map[string]string{"more.md": "other\n"})
	if report = w.merge(); report.Merged || w.head() != brought {
		t.Errorf("brought onto the base although a check has failed: %+v", report)
	}
	w.cfg.Result = brought
	w.checks(ci, "test", "completed", "success")
	w.cfg.Result = result
	if report = w.merge(); report.Merged || w.git("rev-parse", branch+"^") != brought {
		t.Errorf("%+v", report)
	}
	w.cfg.Result = w.head()
	w.checks(ci, "test", "completed", "success")
	w.cfg.Result = result
	w.merges()
}

// Who has approved the result has approved what carries it.
func TestAnApprovalIsCarried(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate+"  required_approvals: 1\n")
	w.commit("main", map[string]string{"other.md": "other\n"})
	report := w.merge()
	if report.Merged || w.head() != w.cfg.Result || !report.Stays || !strings.Contains(report.Summary, "it can be brought onto the newest commits of its base") {
		t.Errorf("brought onto the base before it is approved: %+v", report)
	}
	w.reviews(w.person("bob", "write"), "APPROVE")
	w.merges()
}

// A rule of GitHub's may ask for it where the policy does not.
func TestARuleOfGitHubsAsksForAnUpToDateHead(t *testing.T) {
	t.Parallel()
	w := delivered(t, "")
	must(t, w.Configure("alice", "reports", func(r *state.Repository) {
		r.Protections = map[string]state.Protection{"main": {UpToDate: true}}
	}))
	w.commit("main", map[string]string{"other.md": "other\n"})
	w.cfg.Silent = true
	if report := w.merge(); report.Merged || !report.Waits || !strings.Contains(report.Title, "GitHub's rules ask for a head") {
		t.Errorf("%+v", report)
	}
	w.cfg.Silent = false
	w.merges()
}

// The button on GitHub's page makes the same merge.
func TestTheButtonUpdateBranch(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	w.commit("main", map[string]string{"other.md": "other\n"})
	_, _, err := w.client.PullRequests.UpdateBranch(t.Context(), "alice", "reports", 1, nil)
	if _, accepted := err.(*github.AcceptedError); err != nil && !accepted {
		t.Fatal(err)
	}
	w.commit("main", map[string]string{"more.md": "more\n"})
	w.merges()
	if w.file("more.md") != "more" {
		t.Error("the base has lost a file")
	}
}

// One after the other is brought onto the base.
func TestTurns(t *testing.T) {
	t.Parallel()
	w := delivered(t, withCheck)
	var asked []bool
	first := 7
	w.cfg.Turn = func(behind bool) int { asked = append(asked, behind); return first }
	if report := w.merge(); !report.Waits || fmt.Sprint(asked) != "[false]" {
		t.Errorf("asked %v: %+v", asked, report)
	}
	w.commit("main", map[string]string{"other.md": "other\n"})
	if report := w.merge(); !report.Waits || w.head() != w.cfg.Result || !strings.Contains(report.Summary, "pull request #7 went first") || fmt.Sprint(asked) != "[false true]" {
		t.Errorf("asked %v: %+v", asked, report)
	}
	first = 0
	if report := w.merge(); !report.Waits || w.head() == w.cfg.Result || fmt.Sprint(asked) != "[false true true false]" {
		t.Errorf("asked %v: %+v", asked, report)
	}
}

// A branch that GitHub does not let the gate push to.
func TestAHeadThatCantBeBroughtOntoTheBase(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	w.commit("main", map[string]string{"other.md": "other\n"})
	w.cfg.Repo = w.hub(w.URL(), w.install("reader", map[string]string{"contents": "read", "pull_requests": "write", "checks": "write", "metadata": "read"}))
	report := w.merge()
	if fact := w.verdict(report, actionRequired, "Not merged: the head lacks 1 commit "); report.Ready || !strings.Contains(fact.Summary, "press *Update branch* on pull request #1") {
		t.Errorf("%+v", fact)
	}
}

// A change that is too large to be looked at is left to a person.
func TestAChangeOfTooManyFolders(t *testing.T) {
	t.Parallel()
	w := setup(t, allow+upToDate)
	before, job, base := map[string]string{}, map[string]string{}, map[string]string{}
	for n := range 102 {
		path := fmt.Sprintf("reports/%d/daily.md", n)
		before[path], job[path], base[fmt.Sprintf("reports/%d/other.md", n)] = fmt.Sprintln("one", n), fmt.Sprintln("job", n), "base\n"
	}
	w.onto(before)
	w.publish(githubjobs.OutcomeSuccess, job)
	w.commit("main", base)
	if report := w.merge(); report.Merged || w.head() != w.cfg.Result || !strings.Contains(report.Summary, "files changed in more than 100 folders; press Update branch") {
		t.Errorf("%+v", report)
	}
}

// What the gate pushes says of itself what it is, and the branch reads as before.
func TestWhatIsPushedIsRead(t *testing.T) {
	t.Parallel()
	w := delivered(t, withCheck)
	for n := range 2 {
		w.cfg.Now = func() time.Time { return time.Now().Add(time.Duration(n) * anewAfter) }
		w.commit("main", map[string]string{"other.md": w.git("rev-parse", "main")})
		w.merge()
	}
	f, err := w.repo.Facts(t.Context(), jobID)
	must(t, err)
	if f.Result == nil || f.Result.SHA != w.cfg.Result || len(f.Updates) != 2 || f.Branch.Head != w.head() || len(f.Created) != 1 || f.Created[0] != w.sha {
		t.Errorf("%+v", f)
	}
	for _, u := range f.Updates {
		if u.Result != w.cfg.Result || u.SHA != w.head() && u.SHA != w.git("rev-parse", branch+"^") {
			t.Errorf("%+v", u)
		}
	}
	chain, why, err := w.repo.Carries(t.Context(), w.cfg.Job, "main", w.head(), w.cfg.Result)
	if err != nil || len(chain) != 3 || chain[2] != w.cfg.Result {
		t.Errorf("%v %s %v", chain, why, err)
	}
	if _, why, err = w.repo.Carries(t.Context(), w.cfg.Job, "main", w.head(), w.sha); err != nil || why == "" {
		t.Errorf("carries the creation commit: %q, %v", why, err)
	}
}
