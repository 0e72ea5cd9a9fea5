package hub

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

func repository(t *testing.T) *Repository {
	t.Helper()
	r, err := New(Config{Owner: "Octo", Name: "Reports", Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func edited(t *testing.T, document string, edit map[string]any, into any) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(document), &m); err != nil {
		t.Fatal(err)
	}
	for k, v := range edit {
		m[k] = v
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

const runJSON = `{"id": 5, "run_attempt": 2, "status": "completed", "conclusion": "failure", "head_branch": "job/abc", "head_sha": "s",
	"path": ".github/workflows/run-job.yml", "html_url": "https://github.com/octo/reports/actions/runs/5",
	"run_started_at": "2026-11-21T08:00:00Z", "updated_at": "2026-11-21T09:01:00+01:00",
	"repository": {"full_name": "octo/reports"}, "head_repository": {"full_name": "octo/reports"}}`

func TestRunFact(t *testing.T) {
	t.Parallel()
	r := repository(t)
	var run WorkflowRun
	edited(t, runJSON, map[string]any{"path": ".github/workflows/run-job.yml@main"}, &run)
	id, got, ok := r.RunFact(&run)
	want := githubjobs.RunFact{ID: 5, Attempt: 2, Status: "completed", Conclusion: "failure", HeadSHA: "s",
		URL: "https://github.com/octo/reports/actions/runs/5", StartedAt: created, At: created.Add(time.Minute)}
	if !ok || id != (githubjobs.Name{ID: "abc", Attempt: 1}) || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, %+v, %v", id, got, ok)
	}
	for name, edit := range map[string]map[string]any{
		"another workflow":   {"path": ".github/workflows/ci.yml"},
		"no job's branch":    {"head_branch": "main"},
		"of a fork":          {"head_repository": map[string]any{"full_name": "eve/reports"}},
		"fork deleted":       {"head_repository": nil},
		"another repository": {"repository": map[string]any{"full_name": "octo/other"}},
	} {
		var run WorkflowRun
		edited(t, runJSON, edit, &run)
		if id, _, ok := r.RunFact(&run); ok {
			t.Errorf("%s: taken as a run of job %q", name, id)
		}
	}
	if _, _, ok := r.RunFact(nil); ok {
		t.Error("no run is a run")
	}
}

const pullJSON = `{"number": 3, "state": "closed", "html_url": "u", "merged_at": "2026-11-21T08:00:00Z", "merge_commit_sha": "m",
	"updated_at": "2026-11-21T08:01:00Z", "head": {"ref": "job/abc", "sha": "s", "repo": {"full_name": "octo/reports"}},
	"base": {"ref": "main", "repo": {"full_name": "octo/reports", "default_branch": "main"}}}`

func TestPullFact(t *testing.T) {
	t.Parallel()
	r := repository(t)
	var pull github.PullRequest
	edited(t, pullJSON, nil, &pull)
	id, got, ok := r.PullFact(&pull)
	want := githubjobs.PullFact{Number: 3, URL: "u", Merged: true, MergedAt: created, MergeSHA: "m", HeadSHA: "s", Base: "main", ToDefault: true, At: created.Add(time.Minute)}
	if !ok || id != (githubjobs.Name{ID: "abc", Attempt: 1}) || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, %+v, %v", id, got, ok)
	}
	var open github.PullRequest
	edited(t, pullJSON, map[string]any{"state": "open", "merged_at": nil}, &open)
	if _, got, _ := r.PullFact(&open); !got.Open || got.Merged || got.MergeSHA != "" {
		t.Errorf("the SHA of a test merge is none of a merge: %+v", got)
	}
	ours := map[string]any{"full_name": "octo/reports"}
	for name, head := range map[string]any{
		"a fork":         map[string]any{"ref": "job/abc", "repo": map[string]any{"full_name": "eve/reports"}},
		"a deleted fork": map[string]any{"ref": "job/abc", "repo": nil},
		"another branch": map[string]any{"ref": "feature", "repo": ours},
		"no job's name":  map[string]any{"ref": "job/ABC", "repo": ours},
	} {
		var pull github.PullRequest
		edited(t, pullJSON, map[string]any{"head": head}, &pull)
		if id, _, ok := r.PullFact(&pull); ok {
			t.Errorf("%s: taken as the pull request of job %q", name, id)
		}
	}
}

func TestGateFact(t *testing.T) {
	t.Parallel()
	const document = `{"name": "githubjobs/merge", "external_id": "abc", "status": "completed", "conclusion": "neutral", "head_sha": "s",
		"completed_at": "2026-11-21T08:00:00Z", "output": {"title": "T", "summary": "S"}}`
	var check github.CheckRun
	edited(t, document, nil, &check)
	id, got, ok := GateFact(&check)
	if want := (githubjobs.GateFact{HeadSHA: "s", Conclusion: "neutral", Title: "T", Summary: "S", At: created}); !ok || id != (githubjobs.Name{ID: "abc", Attempt: 1}) || got != want {
		t.Errorf("%q, %+v, %v", id, got, ok)
	}
	for name, edit := range map[string]map[string]any{
		"another check": {"name": "ci"}, "not completed": {"status": "in_progress"}, "no job": {"external_id": "../x"},
	} {
		var check github.CheckRun
		edited(t, document, edit, &check)
		if _, _, ok := GateFact(&check); ok {
			t.Errorf("%s: taken as a verdict", name)
		}
	}
}

func TestResultFact(t *testing.T) {
	t.Parallel()
	message := githubjobs.FormatResult("x", githubjobs.Result{ID: "abc", Attempt: 1, Outcome: githubjobs.OutcomeFailure, Log: "log", Summary: "sum"})
	got, ok := ResultFact("s", message, created.Local())
	if !ok || got.SHA != "s" || got.Log != "log" || got.Summary != "sum" || got.Result.Log != "" || got.At != created {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := ResultFact("s", githubjobs.FormatSpec(spec("abc")), created); ok {
		t.Error("a creation commit is taken for a result")
	}
}

// The code goes through a check run's text and back; a text that is anything else has none.
func TestGateCode(t *testing.T) {
	t.Parallel()
	for _, code := range append(githubjobs.DiagnosisCodes(), "") {
		if got := codeOf(withCode("| Rule |", code)); got != code {
			t.Errorf("%q became %q", code, got)
		}
	}
	for _, text := range []string{"", "| Rule |", "<!-- githubjobs: unheard_of -->\n", "<!-- githubjobs: policy_missing", "x <!-- githubjobs: policy_missing -->\n"} {
		if got := codeOf(text); got != "" {
			t.Errorf("%q has the code %q", text, got)
		}
	}
	if got := codeOf("<!-- githubjobs: policy_missing -->\r\nx"); got != githubjobs.DiagnosisPolicyMissing {
		t.Errorf("with the line ends of a browser: %q", got)
	}
}
