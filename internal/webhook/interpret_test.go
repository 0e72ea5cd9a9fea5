package webhook

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

var created = time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC)

func specMessage(id string) string {
	s := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "Daily report", Base: "main"}
	s.Normalize(created)
	return githubjobs.FormatSpec(s)
}

func resultMessage(id string) string {
	return githubjobs.FormatResult("Daily report", githubjobs.Result{
		ID: id, Attempt: 1, RunID: 9, Outcome: githubjobs.OutcomeSuccess, StartedAt: created, FinishedAt: created, Log: "all is well",
		ChangedFiles: []string{"reports/a.md"}, FilesTotal: 1,
	})
}

func updateMessage(id string) string {
	return githubjobs.FormatUpdate(githubjobs.Name{ID: id, Attempt: 1}, "main", strings.Repeat("b", 40))
}

type object = map[string]any

var ours = object{"full_name": "Octo/Reports", "default_branch": "main", "pushed_at": 1795260000}

// with adds to an object without changing it.
func with(base object, pairs ...any) object {
	o := object{}
	for k, v := range base {
		o[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

func commit(id, message string) object {
	return object{"id": id, "tree_id": strings.Repeat("e", 40), "message": message, "timestamp": "2026-11-21T12:00:00+01:00"}
}

func TestInterpret(t *testing.T) {
	t.Parallel()
	sha := strings.Repeat("a", 40)
	push := object{"ref": "refs/heads/job/j1", "before": strings.Repeat("0", 40), "after": sha, "created": true, "deleted": false, "repository": ours,
		"commits": []object{}, "head_commit": commit(sha, specMessage("j1"))}
	fork := object{"full_name": "mallory/reports"}
	run := object{"id": 9, "run_attempt": 2, "path": ".github/workflows/run-job.yml@job/j1", "head_branch": "job/j1", "head_sha": sha, "status": "completed",
		"conclusion": "success", "html_url": "https://github.com/octo/reports/actions/runs/9", "run_started_at": "2026-11-21T11:01:00Z",
		"updated_at": "2026-11-21T11:02:00Z", "repository": ours, "head_repository": ours}
	pull := object{"number": 4, "state": "closed", "merged": true, "merged_at": "2026-11-21T11:03:00Z", "merge_commit_sha": "feed", "updated_at": "2026-11-21T11:03:00Z",
		"html_url": "https://github.com/octo/reports/pull/4", "head": object{"ref": "job/j1", "sha": sha, "repo": ours}, "base": object{"ref": "main", "repo": ours}}
	verdict := object{"name": "githubjobs/merge", "status": "completed", "conclusion": "neutral", "external_id": "j1", "head_sha": sha,
		"completed_at": "2026-11-21T11:04:00Z", "output": object{"title": "Not merged", "summary": "a path"}}
	at := time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC)
	deleted := time.Date(2026, 11, 21, 12, 40, 0, 0, time.UTC)
	pushed := time.Unix(1795260000, 0).UTC()
	spec, _ := githubjobs.ParseSpec(specMessage("j1"))
	result, _ := hub.ResultFact(sha, resultMessage("j1"), at)

	for name, c := range map[string]struct {
		event string
		body  any
		want  *githubjobs.Facts
		says  string
	}{
		"creation":           {"push", push, &githubjobs.Facts{Spec: &spec, Created: []string{sha}, Branch: &githubjobs.BranchFact{Head: sha, At: at, Seen: pushed}}, "created"},
		"creation elsewhere": {"push", with(push, "repository", fork), nil, `not for us: repository "mallory/reports"`},
		"a spec of another":  {"push", with(push, "head_commit", commit(sha, specMessage("j2"))), nil, "carries the spec of job j2"},
		"a branch by hand":   {"push", with(push, "head_commit", commit(sha, "Fix")), &githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: sha, At: at, Seen: pushed}}, "branch at"},
		"a spec later":       {"push", with(push, "created", false), &githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: sha, Moved: true, At: at, Seen: pushed}}, "branch at"},
		"result":             {"push", with(push, "created", false, "head_commit", commit(sha, resultMessage("j1"))), &githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: sha, Moved: true, At: at, Seen: pushed}, Result: &result}, "result success"},
		"brought onto the base": {"push", with(push, "created", false, "head_commit", commit(sha, updateMessage("j1"))), &githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: sha, Moved: true, At: at, Seen: pushed},
			Updates: []githubjobs.UpdateFact{{SHA: sha, Result: strings.Repeat("b", 40)}}}, "result brought onto its base"},
		"another job's brought there": {"push", with(push, "created", false, "head_commit", commit(sha, updateMessage("j2"))), &githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: sha, Moved: true, At: at, Seen: pushed}}, "branch at"},
		"result of another":           {"push", with(push, "created", false, "head_commit", commit(sha, resultMessage("j2"))), &githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: sha, Moved: true, At: at, Seen: pushed}}, "branch at"},
		"deletion":                    {"push", with(push, "created", false, "deleted", true, "before", sha, "head_commit", nil), &githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: sha, Deleted: true, At: pushed, Seen: pushed}}, "deleted"},
		"base":                        {"push", with(push, "ref", "refs/heads/main"), nil, "learnt the tree of main"},
		"tag":                         {"push", with(push, "ref", "refs/tags/job/j1"), nil, "not for us"},
		"a wrong id":                  {"push", with(push, "ref", "refs/heads/job/J1"), nil, "learnt"},
		"a later attempt":             {"push", with(push, "ref", "refs/heads/job/j1.2"), &githubjobs.Facts{Attempt: 2, Spec: &spec, Created: []string{sha}, Branch: &githubjobs.BranchFact{Head: sha, At: at, Seen: pushed}}, "job j1.2: created"},
		"its deletion":                {"delete", object{"ref": "job/j1.2", "ref_type": "branch", "repository": with(ours, "pushed_at", "2026-11-21T12:40:00Z")}, &githubjobs.Facts{Attempt: 2, Branch: &githubjobs.BranchFact{Deleted: true, At: deleted, Seen: deleted}}, "job j1.2: branch deleted"},
		"its run":                     {"workflow_run", object{"workflow_run": with(run, "head_branch", "job/j1.2"), "repository": ours}, &githubjobs.Facts{Attempt: 2, Runs: []githubjobs.RunFact{{ID: 9, Attempt: 2, Status: "completed", Conclusion: "success", HeadSHA: sha, URL: "https://github.com/octo/reports/actions/runs/9", StartedAt: at.Add(time.Minute), At: at.Add(2 * time.Minute)}}}, "job j1.2: run 9"},
		"its verdict":                 {"check_run", object{"check_run": with(verdict, "external_id", "j1.2"), "repository": ours}, &githubjobs.Facts{Attempt: 2, Gates: []githubjobs.GateFact{{HeadSHA: sha, Conclusion: "neutral", Title: "Not merged", Summary: "a path", At: at.Add(4 * time.Minute)}}}, "job j1.2: verdict"},
		"no attempt":                  {"push", with(push, "ref", "refs/heads/job/j1.02"), nil, "learnt"},
		"branch created":              {"create", object{"ref": "job/j1", "ref_type": "branch", "repository": ours}, nil, "a push tells more"},
		"branch deleted":              {"delete", object{"ref": "job/j1", "ref_type": "branch", "repository": with(ours, "pushed_at", "2026-11-21T12:40:00Z")}, &githubjobs.Facts{Branch: &githubjobs.BranchFact{Deleted: true, At: deleted, Seen: deleted}}, "deleted"},
		"tag deleted":                 {"delete", object{"ref": "job/j1", "ref_type": "tag", "repository": ours}, nil, "not for us"},
		"run": {"workflow_run", object{"action": "completed", "workflow_run": run, "repository": ours}, &githubjobs.Facts{Runs: []githubjobs.RunFact{{ID: 9, Attempt: 2,
			Status: "completed", Conclusion: "success", HeadSHA: sha, URL: "https://github.com/octo/reports/actions/runs/9", StartedAt: at.Add(time.Minute), At: at.Add(2 * time.Minute)}}}, "run 9, attempt 2"},
		"run of a fork":    {"workflow_run", object{"workflow_run": with(run, "head_repository", fork), "repository": ours}, nil, "not for us"},
		"another workflow": {"workflow_run", object{"workflow_run": with(run, "path", ".github/workflows/ci.yml"), "repository": ours}, nil, "not for us"},
		"run of a branch":  {"workflow_run", object{"workflow_run": with(run, "head_branch", "main"), "repository": ours}, nil, "not for us"},
		"no run":           {"workflow_run", object{"repository": ours}, nil, "not for us"},
		"pull request": {"pull_request", object{"action": "closed", "pull_request": pull, "repository": ours}, &githubjobs.Facts{Pulls: []githubjobs.PullFact{{Number: 4,
			URL: "https://github.com/octo/reports/pull/4", Merged: true, MergedAt: at.Add(3 * time.Minute), MergeSHA: "feed", HeadSHA: sha, Base: "main", ToDefault: true, At: at.Add(3 * time.Minute)}}}, "pull request 4 closed"},
		"pull of a fork":  {"pull_request", object{"pull_request": with(pull, "head", object{"ref": "job/j1", "sha": sha, "repo": fork}), "repository": ours}, nil, "not for us"},
		"pull of no fork": {"pull_request", object{"pull_request": with(pull, "head", object{"ref": "job/j1", "sha": sha, "repo": nil}), "repository": ours}, nil, "not for us"},
		"verdict": {"check_run", object{"action": "completed", "check_run": verdict, "repository": ours}, &githubjobs.Facts{Gates: []githubjobs.GateFact{{HeadSHA: sha, Conclusion: "neutral",
			Title: "Not merged", Summary: "a path", At: at.Add(4 * time.Minute)}}}, "verdict neutral"},
		"a suite":            {"check_suite", object{"check_suite": object{"status": "completed", "head_branch": "job/j1", "head_sha": sha}, "repository": ours}, nil, "not for us: a check suite"},
		"review":             {"pull_request_review", object{"action": "submitted", "pull_request": with(pull, "merged", nil), "repository": ours}, &githubjobs.Facts{Pulls: []githubjobs.PullFact{{Number: 4, URL: "https://github.com/octo/reports/pull/4", Merged: true, MergedAt: at.Add(3 * time.Minute), MergeSHA: "feed", HeadSHA: sha, Base: "main", ToDefault: true, At: at.Add(3 * time.Minute)}}}, "a review of pull request 4 was submitted"},
		"review of a fork":   {"pull_request_review", object{"pull_request": with(pull, "head", object{"ref": "job/j1", "sha": sha, "repo": fork}), "repository": ours}, nil, "not for us"},
		"installed":          {"installation", object{"action": "created", "installation": object{"id": 7}, "repositories": []object{ours}}, nil, "not for us: installation 7: created"},
		"fewer repositories": {"installation_repositories", object{"action": "removed", "installation": object{"id": 7}, "repositories_removed": []object{ours}}, nil, "installation 7: repositories removed"},
		"a workflow job":     {"workflow_job", object{"workflow_job": object{"status": "completed", "head_branch": "job/j1"}, "repository": ours}, nil, "a workflow job is completed"},
		"a job of main":      {"workflow_job", object{"workflow_job": object{"status": "in_progress", "head_branch": "main"}, "repository": ours}, nil, `a job of branch "main"`},
		"older Enterprise":   {"workflow_run", object{"workflow_run": with(run, "path", ""), "workflow": object{"path": ".github/workflows/ci.yml"}, "repository": ours}, nil, "not for us"},
		"another check":      {"check_run", object{"check_run": with(verdict, "name", "lint"), "repository": ours}, nil, `check "lint"`},
		"ping":               {"ping", object{"zen": "Keep it logically awesome."}, nil, "ping"},
		"a merge group":      {"merge_group", object{"action": "checks_requested", "repository": ours}, nil, "not for us: event merge_group"},
		"a repository label": {"label", object{"action": "created", "repository": ours}, nil, "not for us: event label"},
		"another event":      {"star", object{"repository": ours}, nil, "not for us: event star"},
		"a wrong shape":      {"push", object{"repository": ours, "head_commit": "x"}, nil, "not understood"},
		"a list":             {"push", []int{1}, nil, "not understood"},
		"null":               {"pull_request", nil, nil, "not for us"},
		"null commits":       {"push", with(push, "commits", []any{nil}), &githubjobs.Facts{Spec: &spec, Created: []string{sha}, Branch: &githubjobs.BranchFact{Head: sha, At: at, Seen: pushed}}, "created"},
		"a far year":         {"workflow_run", object{"workflow_run": with(run, "updated_at", "9999-12-31T23:59:59-01:00"), "repository": ours}, nil, "not understood"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			body, err := json.Marshal(c.body)
			if err != nil {
				t.Fatal(err)
			}
			got := f.interpret(store.Delivery{Project: "p", GUID: "g", Event: c.event, ReceivedAt: now, Body: body})
			facts, outcome := got.facts, got.outcome
			if !strings.Contains(outcome, c.says) {
				t.Errorf("outcome %q does not say %q", outcome, c.says)
			}
			var want []githubjobs.Facts
			if c.want != nil {
				c.want.ID = "j1"
				want = []githubjobs.Facts{*c.want}
			}
			if a, b := fmt.Sprintf("%s", encode(facts)), fmt.Sprintf("%s", encode(want)); a != b {
				t.Errorf("facts %s\nwant  %s", a, b)
			}
		})
	}
}

func encode(v any) []byte {
	raw, _ := json.Marshal(v)
	return raw
}

// A push that may have changed the repository's rules is told before its delivery counts
// as processed; one whose commits tell that it has not is not.
func TestRuled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const file = ".githubjobs.yml"
	report := object{"added": []string{"reports/a.md"}, "modified": []string{"sub/" + file}}
	pushes := map[string]object{
		"unsaid": {}, "forced": {"forced": true, "commits": []object{report}}, "new": {"created": true, "commits": []object{report}},
		"added": {"commits": []object{report, {"added": []string{file}}}}, "modified": {"commits": []object{{"modified": []string{file}}}},
		"removed": {"commits": []object{{"removed": []string{file}}}}, "many": {"commits": slices.Repeat([]object{report}, maxCommits)},
		"other": {"commits": []object{report}}, "job/j": {},
	}
	for branch, e := range pushes {
		e["ref"], e["after"], e["repository"] = "refs/heads/"+branch, "x", ours
		d := store.Delivery{Project: "p", GUID: branch, Event: "push", ReceivedAt: now, Body: encode(e)}
		if err := f.store.RecordDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := f.process(t.Context()); err != nil || n != len(pushes) {
		t.Fatalf("processed %d, %v", n, err)
	}
	if slices.Sort(f.ruled); !slices.Equal(f.ruled, []string{"added x", "forced x", "many x", "modified x", "new x", "removed x", "unsaid x"}) {
		t.Errorf("told %q", f.ruled)
	}
}

func TestLearns(t *testing.T) {
	t.Parallel()
	f := setup(t)
	body := encode(object{"ref": "refs/heads/main", "after": "x", "repository": ours, "head_commit": commit(strings.Repeat("c", 40), "Fix")})
	f.interpret(store.Delivery{Event: "push", Body: body})
	if want := []string{strings.Repeat("c", 40) + " " + strings.Repeat("e", 40)}; !reflect.DeepEqual(f.hub.learnt, want) {
		t.Errorf("learnt %v, want %v", f.hub.learnt, want)
	}
	if !reflect.DeepEqual(f.branches, []string{"main"}) {
		t.Errorf("default branches %v", f.branches)
	}
}

// The push of a deletion tells more than the delete event of the same moment, in
// whichever order they come.
func TestDeletionKeepsTheHead(t *testing.T) {
	t.Parallel()
	f := setup(t)
	push := f.interpret(store.Delivery{Event: "push", Body: encode(object{"ref": "refs/heads/job/j1", "deleted": true, "before": "abc", "repository": ours})}).facts
	del := f.interpret(store.Delivery{Event: "delete", Body: encode(object{"ref": "job/j1", "ref_type": "branch", "repository": ours})}).facts
	if len(push) != 1 || len(del) != 1 {
		t.Fatalf("facts %v, %v", push, del)
	}
	for _, merged := range []githubjobs.Facts{githubjobs.Merge(push[0], del[0]), githubjobs.Merge(del[0], push[0])} {
		if merged.Branch.Head != "abc" || !merged.Branch.Deleted {
			t.Errorf("branch %+v", merged.Branch)
		}
	}
}

// examples are payloads of GitHub's own, by event.
func examples(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/github/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	found := map[string][]byte{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(file), ".json")] = raw
	}
	return found
}

// All are taken, and understood as what they would be in a repository of ours. See
// TestPublishedExamples for all examples of GitHub's.
func TestGitHubsExamples(t *testing.T) {
	t.Parallel()
	f, all := setup(t), examples(t)
	for event, body := range all {
		if w := f.post(string(body), "X-GitHub-Event", event, "X-GitHub-Delivery", strings.ReplaceAll(event, "_", "-")); w.Code != 202 {
			t.Errorf("%s: %d %s", event, w.Code, w.Body)
		}
		body = bytes.ReplaceAll(body, []byte("Codertocat/Hello-World"), []byte("octo/reports"))
		body = bytes.ReplaceAll(body, []byte("octo-org/octo-repo"), []byte("octo/reports"))
		got := f.interpret(store.Delivery{Event: event, Body: body, ReceivedAt: now})
		facts, outcome := got.facts, got.outcome
		if len(facts) != 0 || strings.HasPrefix(outcome, "not understood") || strings.Contains(outcome, "repository \"") {
			t.Errorf("%s: %q, %v", event, outcome, facts)
		}
	}
}

// FuzzInterpret: no body makes a panic, an answer of 5xx, or facts that cannot be stored.
func FuzzInterpret(f *testing.F) {
	fix := setup(f)
	sha := strings.Repeat("a", 40)
	for event := range events {
		f.Add(event, []byte(`{}`))
		f.Add(event, encode(object{"repository": ours}))
	}
	for event, body := range examples(f) {
		f.Add(event, body)
	}
	f.Add("push", encode(object{"ref": "refs/heads/job/j1", "after": sha, "created": true, "repository": ours, "head_commit": commit(sha, specMessage("j1")), "commits": []any{nil, commit(sha, resultMessage("j1"))}}))
	f.Add("push", encode(object{"ref": "refs/heads/job/j1", "deleted": true, "before": sha, "repository": ours}))
	f.Add("workflow_run", encode(object{"repository": ours, "workflow_run": object{"id": 1, "path": ".github/workflows/run-job.yml", "head_branch": "job/j1", "updated_at": 99999999999999, "repository": ours, "head_repository": ours}}))
	f.Add("pull_request", encode(object{"repository": ours, "pull_request": object{"number": -1, "head": object{"ref": "job/j1", "repo": ours}, "base": object{"repo": ours}}}))
	f.Add("check_run", encode(object{"repository": ours, "check_run": object{"name": "githubjobs/merge", "status": "completed", "external_id": "j1"}}))
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		w := fix.post(string(body), "X-GitHub-Event", event, "X-GitHub-Delivery", hex.EncodeToString(sign("", append([]byte(event), body...))))
		if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		got := fix.interpret(store.Delivery{Event: event, Body: body, ReceivedAt: now})
		facts, outcome := got.facts, got.outcome
		if outcome == "" && got.progress == nil || strings.Contains(outcome, "made a mistake") {
			t.Errorf("outcome %q", outcome)
		}
		for _, fact := range facts {
			if !githubjobs.ValidID(fact.ID) || bytes.Equal(encode(fact), nil) {
				t.Errorf("facts %+v", fact)
			}
		}
		if err := fix.store.MergeFacts(t.Context(), "p", facts...); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestBrokenJSON: what only looks like JSON is taken, found out and done with, whatever
// event it claims to be.
func TestBrokenJSON(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for event := range events {
		for _, body := range []string{`{"repository":}`, `{"repository":{"full_name":"octo/reports"},"ref":}`, "{\x00}", `{}}`} {
			got := f.interpret(store.Delivery{Project: "p", GUID: "g", Event: event, ReceivedAt: now, Body: []byte(body)})
			if len(got.facts) != 0 || got.progress != nil || event != "ping" && !strings.HasPrefix(got.outcome, "not understood: ") {
				t.Errorf("%s %q: %+v", event, body, got)
			}
		}
	}
}
