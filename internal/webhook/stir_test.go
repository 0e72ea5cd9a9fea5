package webhook

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// waiting are the facts of a job that waits for a verdict, or for its run.
func waiting(id string, ended bool) githubjobs.Facts {
	at := now.Add(-time.Hour)
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "x", Base: "main"}
	spec.Normalize(at)
	created, head := strings.Repeat("a", 40), strings.Repeat("b", 40)
	f := githubjobs.Facts{
		ID: id, Spec: &spec, Created: []string{created}, Branch: &githubjobs.BranchFact{Head: head, Moved: true, At: at, Seen: at, Read: true},
		Runs:   []githubjobs.RunFact{{ID: 1, Attempt: 1, Status: "in_progress", HeadSHA: created, At: at}},
		Pulls:  []githubjobs.PullFact{{Number: 1, Open: true, Base: "main", ToDefault: true, HeadSHA: head, At: at}},
		Result: &githubjobs.ResultFact{SHA: head, At: at, Result: githubjobs.Result{Version: 1, ID: id, Attempt: 1, RunID: 1, Outcome: githubjobs.OutcomeSuccess, FilesTotal: 1}},
	}
	if ended {
		f.Runs[0].Status, f.Runs[0].Conclusion = "completed", "success"
	}
	return f
}

// What a verdict may depend on makes the pull request be judged anew: once its run has ended,
// which judges itself.
func TestEventsThatStir(t *testing.T) {
	t.Parallel()
	const (
		repository = `"repository":{"full_name":"octo/reports","default_branch":"main"}`
		pull       = `"pull_request":{"number":1,"state":"open","updated_at":"2026-11-21T07:00:00Z","head":{"ref":"job/$","sha":"bb","repo":{"full_name":"octo/reports"}},"base":{"ref":"main","repo":{"full_name":"octo/reports","default_branch":"main"}}}`
	)
	for name, test := range map[string]struct {
		event, body string
		stirs       bool
	}{
		"a check":                {"check_run", `{"check_run":{"name":"ci","status":"completed","conclusion":"success","check_suite":{"head_branch":"job/$"}}`, true},
		"a check, by its pull":   {"check_run", `{"check_run":{"name":"ci","status":"completed","pull_requests":[{"head":{"ref":"job/$"}}]}`, true},
		"a check that goes on":   {"check_run", `{"check_run":{"name":"ci","status":"in_progress","check_suite":{"head_branch":"job/$"}}`, false},
		"the gate's own":         {"check_run", `{"check_run":{"name":"githubjobs/merge","status":"completed","check_suite":{"head_branch":"job/$"}}`, false},
		"a check of another":     {"check_run", `{"check_run":{"name":"ci","status":"completed","check_suite":{"head_branch":"main"}}`, false},
		"a suite":                {"check_suite", `{"check_suite":{"status":"completed","head_branch":"job/$"}`, true},
		"a suite that goes on":   {"check_suite", `{"check_suite":{"status":"in_progress","head_branch":"job/$"}`, false},
		"a suite of Actions":     {"check_suite", `{"check_suite":{"status":"completed","head_branch":"job/$","app":{"slug":"github-actions"}}`, false},
		"a status":               {"status", `{"state":"success","branches":[{"name":"main"},{"name":"job/$"}]`, true},
		"a status of another":    {"status", `{"state":"success","branches":[{"name":"main"}]`, false},
		"a review":               {"pull_request_review", `{"action":"submitted",` + pull, true},
		"a label":                {"pull_request", `{"action":"labeled",` + pull, true},
		"a pull request, closed": {"pull_request", `{"action":"closed",` + strings.Replace(pull, "open", "closed", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			for id, ended := range map[string]bool{"ended": true, "running": false} {
				if err := f.store.MergeFacts(t.Context(), "p", waiting(id, ended)); err != nil {
					t.Fatal(err)
				}
				d := store.Delivery{Project: "p", GUID: id, Event: test.event, ReceivedAt: now, Body: []byte(strings.ReplaceAll(test.body, "$", id) + "," + repository + "}")}
				if err := f.store.RecordDelivery(t.Context(), d); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := f.process(t.Context()); err != nil {
				t.Fatal(err)
			}
			for id, stirs := range map[string]bool{"ended": test.stirs, "running": false} {
				facts, err := f.store.Facts(t.Context(), "p", id)
				if err != nil || (facts.Stirred != nil) != stirs {
					t.Errorf("job %s: %+v, %v", id, facts.Stirred, err)
				}
			}
			if want := []string{""}; test.stirs != slices.Equal(f.stirred, want) {
				t.Errorf("told %q", f.stirred)
			}
		})
	}
}

func TestAPushToABaseIsTold(t *testing.T) {
	t.Parallel()
	f := setup(t)
	body := `{"ref":"refs/heads/main","after":"aa","head_commit":{"id":"aa"},"repository":{"full_name":"octo/reports"}}`
	if err := f.store.RecordDelivery(t.Context(), store.Delivery{Project: "p", GUID: "1", Event: "push", ReceivedAt: now, Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.process(t.Context()); err != nil || !slices.Equal(f.stirred, []string{"main"}) {
		t.Errorf("told %q, %v", f.stirred, err)
	}
}
