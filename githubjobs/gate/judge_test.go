package gate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

func (w *world) judge(instead *policy.Policy) Judgement {
	w.t.Helper()
	j, err := Judge(w.t.Context(), w.cfg, instead)
	must(w.t, err)
	return j
}

// Who judges comes to the verdict of who merges, and changes nothing.
func TestJudgeChangesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	published := w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	main := w.git("rev-parse", "main")
	w.ResetRequests()
	j := w.judge(nil)
	if !j.Allowed || j.HeadSHA != published.SHA || j.PolicySHA != main || j.Pull != published.Pull || !j.Verdict.Allowed() {
		t.Errorf("%+v", j)
	}
	strict, err := policy.Parse([]byte("merge:\n  enabled: true\n  paths: {allow: ['docs/**']}\n"))
	must(t, err)
	if j = w.judge(&strict); j.Allowed || j.PolicySHA != "" || !strings.Contains(j.Title, "not among merge.paths.allow: reports/daily.md") {
		t.Errorf("by another policy: %+v", j)
	}
	for _, r := range w.Requests() {
		if r.Method != "GET" {
			t.Errorf("%s %s", r.Method, r.Path)
		}
	}
	if w.git("rev-parse", "main") != main {
		t.Error("the base has moved")
	}
	if report := w.merge(); !report.Merged {
		t.Fatalf("%+v", report)
	}
	if j = w.judge(nil); !j.Merged || j.Allowed || j.Closed {
		t.Errorf("after the merge: %+v", j)
	}
}

func TestJudgeWithoutAPullRequest(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, nil)
	if j := w.judge(nil); j.Pull != 0 || j.Allowed || !strings.Contains(j.Title, "no pull request") {
		t.Errorf("%+v", j)
	}
}

func TestJudgeByAPolicyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := setup(t, "merge: [")
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	if j := w.judge(nil); j.Allowed || !strings.Contains(j.Title, "is not valid") || len(j.Verdict.Findings) != 0 {
		t.Errorf("%+v", j)
	}
	good, err := policy.Parse([]byte(allow))
	must(t, err)
	if j := w.judge(&good); !j.Allowed {
		t.Errorf("by a good one: %+v", j)
	}
}

// A caller that was not there when the result was published asks who vouches for it.
func TestTheVoucherDecidesWhichResultIsMerged(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	published := w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.cfg.Result = ""
	answer := func(sha, why string, err error) func(context.Context) (string, string, error) {
		return func(context.Context) (string, string, error) { return sha, why, err }
	}
	w.cfg.Voucher = answer("", "the run says nothing", nil)
	if report := w.merge(); report.Merged || !strings.Contains(report.Title, "nobody vouches for the job's result: the run says nothing") {
		t.Errorf("%+v", report)
	}
	if n := len(w.comments(published.Pull)); n != 0 {
		t.Errorf("%d comments about what nobody there can mend", n)
	}
	w.cfg.Voucher = answer("", "", errors.New("broken"))
	if report, err := Merge(t.Context(), w.cfg); err == nil || report.Merged {
		t.Errorf("%+v, %v", report, err)
	}
	w.cfg.Voucher = answer(w.sha, "", nil) // the creation commit is no result
	if report := w.merge(); report.Merged {
		t.Errorf("%+v", report)
	}
	w.cfg.Voucher = answer(published.SHA, "", nil)
	lost := errors.New("another one leads")
	w.cfg.Hold = func(context.Context) error { return lost }
	if report, err := Merge(t.Context(), w.cfg); !errors.Is(err, lost) || report.Merged {
		t.Errorf("%+v, %v", report, err)
	}
	w.cfg.Hold = func(context.Context) error { return nil }
	if report := w.merge(); !report.Merged || report.Told == nil || report.Told.Conclusion != "success" {
		t.Errorf("%+v", report)
	}
}

func TestTheSameVerdictIsToldOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, allow+"  max_files: 1\n")
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/a": "", "reports/b": ""})
	first := w.merge()
	_, fact, _ := hub.GateFact(w.check(first.Pull))
	last := fact
	w.cfg.Told = &last
	told := fact.At
	w.cfg.Now = func() time.Time { return told } // a verdict may follow within the same second
	w.ResetRequests()
	if again := w.merge(); again.Merged || again.Title != first.Title {
		t.Errorf("%+v", again)
	}
	for _, r := range w.Requests() {
		if r.Method != "GET" {
			t.Errorf("%s %s", r.Method, r.Path)
		}
	}
	w.commit("main", map[string]string{".githubjobs.yml": "merge: {enabled: false}\n"})
	report := w.merge()
	if report.Told == nil || !report.Told.At.After(w.cfg.Told.At) {
		t.Errorf("the new verdict is of %v, the one before of %v", report.Told, w.cfg.Told.At)
	}
	if _, fact, _ = hub.GateFact(w.check(first.Pull)); fact.Title != report.Title || fact.Title == first.Title {
		t.Errorf("another verdict was not told: %+v", fact)
	}
}
