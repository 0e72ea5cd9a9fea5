package gate

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func (w *world) protect(rules state.Protection) {
	w.t.Helper()
	must(w.t, w.Configure("alice", "reports", func(r *state.Repository) {
		r.Protections = map[string]state.Protection{"main": rules}
	}))
}

// The merge queue merges onto the newest base. A push to the branch would take a pull request out
// of it, and put back what it has thrown out.
func TestTheMergeQueueIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	w.protect(state.Protection{MergeQueue: true, Checks: []string{"never"}})
	w.cfg.Turn = func(bool) int { return 0 }
	expect := func(title string) {
		t.Helper()
		w.commit("main", map[string]string{"other.md": w.git("rev-parse", "main")})
		report := w.merge()
		if report.Told != nil {
			w.cfg.Told = report.Told
		}
		if report.Merged || report.Ready || report.Title != title {
			t.Errorf("%+v, want %q", report, title)
		}
	}
	expect("Not merged yet: it is in the merge queue of main.")
	head := w.head() // it was brought onto the base before it came into the queue
	if head == w.cfg.Result {
		t.Error("the head lacks commits of the base")
	}
	expect("Not merged yet: it is in the merge queue of main.")
	must(t, w.MergeQueued(t.Context(), "alice", "reports", 1))
	expect("Not merged: it has left the merge queue of main.")
	expect("Not merged: it has left the merge queue of main.")
	if w.head() != head {
		t.Error("the gate has pushed to a pull request of the queue")
	}
}

// Checks that a rule of GitHub's asks for start anew on a head that was brought onto the base.
func TestChecksOfGitHubsRulesAreAwaited(t *testing.T) {
	t.Parallel()
	w := delivered(t, "")
	w.protect(state.Protection{UpToDate: true, Checks: []string{"test"}})
	ci, result := w.as("ci"), w.cfg.Result
	w.refuses(`Required status check "test" is expected.`) // nobody says that it will come
	comments := len(w.comments(1))
	w.checks(ci, "test", "completed", "success")
	w.commit("main", map[string]string{"other.md": "other\n"})
	asked := 0
	w.cfg.Turn = func(bool) int { asked++; return 0 }
	report := w.merge()
	if fact := w.verdict(report, neutral, "Not merged yet: checks that GitHub's rules for main ask for have not ended."); w.head() == result || !report.Ready || !report.Waits || asked != 2 || fact.Code != githubjobs.DiagnosisMergeWaits {
		t.Errorf("asked %d times, %+v", asked, report)
	}
	w.cfg.Result = w.head()
	w.checks(ci, "test", "in_progress", "")
	w.cfg.Result = result
	if report = w.merge(); !report.Ready {
		t.Errorf("%+v", report)
	}
	if n := len(w.comments(1)); n != comments {
		t.Errorf("%d comments more though nothing is to be mended", n-comments)
	}
	w.cfg.Result = w.head()
	w.checks(ci, "test", "completed", "failure")
	w.cfg.Result = result
	if w.refuses(`Required status check "test" is failing.`); w.merge().Ready {
		t.Error("a check has failed, and it keeps its turn")
	}
}

func TestChecksUnderWay(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		`Required status check "test" is expected.`:                                                                           true,
		"Repository rule violations found\n\nRequired status check \"is a test\" is in progress.\n\n":                         true,
		"2 of 3 required status checks are pending.":                                                                          true,
		"2 of 3 required status checks have not succeeded: 1 expected and 1 pending.":                                         true,
		"2 of 2 required status checks have not succeeded: 1 expected and 1 failing.":                                         false,
		`Required status check "test" is failing.`:                                                                            false,
		`Required status check "test" was not set by the expected GitHub app.`:                                                false,
		"At least 1 approving review is required by reviewers with write access. Required status check \"test\" is expected.": false,
		"Changes must be made through the merge queue":                                                                        false,
	} {
		if got := checksUnderWay(message); got != want {
			t.Errorf("%s: %t", message, got)
		}
	}
}

// Only who waits for nothing but checks keeps the turn.
func TestWhoKeepsTheTurn(t *testing.T) {
	t.Parallel()
	w := delivered(t, withCheck)
	w.cfg.Turn = func(bool) int { return 0 }
	w.commit("main", map[string]string{"other.md": "other\n"})
	if report := w.merge(); !report.Ready || w.head() == w.cfg.Result {
		t.Errorf("%+v", report)
	}
	_, _, err := w.client.Issues.AddLabelsToIssue(t.Context(), "alice", "reports", 1, []string{"hold"})
	must(t, err)
	if report := w.merge(); report.Ready || !report.Waits {
		t.Errorf("somebody holds it: %+v", report)
	}
	_, err = w.client.Issues.RemoveLabelForIssue(t.Context(), "alice", "reports", 1, "hold")
	must(t, err)
	w.cfg.Now = func() time.Time { return time.Now().Add(anewAfter) }
	// Both have changed the file: a person is needed.
	w.commit("main", map[string]string{"reports/daily.md": "base\n"})
	if report := w.merge(); report.Ready || report.Waits {
		t.Errorf("%+v", report)
	}
}

// A dry run tells what would be done, and does nothing.
func TestJudgeOfAHeadThatLags(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	w.commit("main", map[string]string{"other.md": "other\n"})
	j, err := Judge(t.Context(), w.cfg, nil)
	must(t, err)
	if j.Allowed || w.head() != w.cfg.Result || !strings.HasPrefix(j.Title, "Not merged yet: the head lacks 1 commit ") || !strings.Contains(j.Explain, "The gate brings the result onto the newest `main`") {
		t.Errorf("%+v", j)
	}
}

// A server that merges nothing promises nothing, and whose turn it is a verdict tells.
func TestJudgeSaysWhoBringsItOntoTheBase(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	w.commit("main", map[string]string{"other.md": "other\n"})
	w.cfg.Turn = func(bool) int { return 7 }
	if j := w.judge(nil); !strings.Contains(j.Explain, "pull request #7 went first") {
		t.Errorf("%+v", j)
	}
	w.cfg.Turn, w.cfg.Off = nil, true
	if j := w.judge(nil); !strings.Contains(j.Explain, "runs with `MERGE=off`") || strings.Contains(j.Explain, "The gate brings") {
		t.Errorf("%+v", j)
	}
}

// On a busy base the checks of a head that was brought onto it come to their end.
func TestChecksAreNotStartedAnewAtEachPush(t *testing.T) {
	t.Parallel()
	w := delivered(t, withCheck)
	asked := 0
	w.cfg.Turn = func(bool) int { asked++; return 0 }
	move := func() Report {
		w.commit("main", map[string]string{"other.md": w.git("rev-parse", "main")})
		return w.merge()
	}
	move()
	brought, result := w.head(), w.cfg.Result
	asked = 0
	report := move()
	if fact := w.verdict(report, neutral, "Not merged yet: "); brought == result || w.head() != brought || !report.Ready || report.Again.IsZero() || report.Stays || asked != 1 || fact.Code != githubjobs.DiagnosisMergeWaits {
		t.Errorf("%+v", report)
	}
	w.cfg.Result = brought
	w.checks(w.as("ci"), "test", "completed", "success")
	w.cfg.Result = result
	if report = w.merge(); !report.Ready || w.git("rev-parse", branch+"^") != brought {
		t.Errorf("its checks have ended, and it is not brought onto the base: %+v", report)
	}
	brought = w.head()
	w.cfg.Now = func() time.Time { return time.Now().Add(anewAfter) }
	if move(); w.git("rev-parse", branch+"^") != brought {
		t.Error("checks that never end are waited for for ever")
	}
}

// Nor does a workflow push what no checks would start on where GitHub asks for them.
func TestAWorkflowLeavesChecksOfGitHubsRulesToTheServer(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	w.protect(state.Protection{Checks: []string{"test"}})
	w.commit("main", map[string]string{"other.md": "other\n"})
	w.cfg.Silent = true
	report := w.merge()
	if fact := w.verdict(report, neutral, "Not merged yet: the head lacks 1 commit "); w.head() != w.cfg.Result || !strings.Contains(fact.Summary, "A server with `MERGE=on`") {
		t.Errorf("%+v", report)
	}
	w.cfg.Silent = false
	if report = w.merge(); w.head() == w.cfg.Result || !report.Ready {
		t.Errorf("%+v", report)
	}
	result := w.cfg.Result
	w.cfg.Result = w.head()
	w.checks(w.as("ci"), "test", "completed", "success")
	w.cfg.Result = result
	w.merges()
}

// Workflows know no turns: of those that end together each comes back after a pause of its own, and
// more often than the server, which has another call.
func TestWorkflowsThatEndTogether(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	w.cfg.Silent = true
	moves, longest := 0, time.Duration(0)
	wait := w.cfg.Wait
	w.cfg.Wait = func(ctx context.Context, d time.Duration) error {
		longest = max(longest, d)
		return wait(ctx, d)
	}
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		hub.ServeHTTP(rw, r)
		if strings.HasSuffix(r.URL.Path, "/git-receive-pack") && moves < 8 {
			moves++
			w.commit("main", map[string]string{fmt.Sprintf("other%d.md", moves): "x\n"})
		}
	})
	w.commit("main", map[string]string{"other.md": "x\n"})
	if report := w.merge(); !report.Merged || moves != 8 || longest < firstPause {
		t.Errorf("%d moves, longest pause %s, %+v", moves, longest, report)
	}
}

// A head that GitHub does not show holds up nobody for long.
func TestAHeadThatIsNotShown(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	stale, pushed := []byte(nil), 0
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		pull := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/pulls/1")
		switch {
		case pull && pushed > 0:
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write(stale)
			return
		case pull:
			r.Header.Del("If-None-Match")
			answer := httptest.NewRecorder()
			hub.ServeHTTP(answer, r)
			stale = answer.Body.Bytes()
			_, _ = rw.Write(stale)
			return
		case strings.HasSuffix(r.URL.Path, "/git-receive-pack"):
			pushed++
		}
		hub.ServeHTTP(rw, r)
	})
	w.commit("main", map[string]string{"other.md": "x\n"})
	report := w.merge()
	if pushed != 1 || report.Merged || report.Ready || !report.Waits || report.Again.IsZero() || !strings.Contains(report.Title, "GitHub does not show yet") {
		t.Errorf("%d pushes, %+v", pushed, report)
	}
}
