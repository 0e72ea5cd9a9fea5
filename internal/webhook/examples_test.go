package webhook

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/require"
	"github.com/githubjobs/githubjobs/internal/store"
)

// published are all example payloads that GitHub publishes, by event.
func published(t testing.TB) map[string][]json.RawMessage {
	t.Helper()
	raw, err := os.ReadFile(require.NPM(t, require.WebhookExamples))
	if err != nil {
		t.Fatal(err)
	}
	var index []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	all := map[string][]json.RawMessage{}
	for _, event := range index {
		all[event.Name] = event.Examples
	}
	return all
}

// Every example of every event is accepted, and as it is tells nothing: the
// repositories are not ours.
func TestPublishedExamples(t *testing.T) {
	t.Parallel()
	f, all, n := setup(t), published(t), 0
	for event := range events {
		if len(all[event]) == 0 {
			t.Errorf("there is no example of %s", event)
		}
	}
	for event, bodies := range all {
		for _, body := range bodies {
			n++
			if w := f.post(string(body), "X-GitHub-Event", event, "X-GitHub-Delivery", fmt.Sprint("guid-", n)); w.Code != 202 {
				t.Errorf("%s: %d %s", event, w.Code, w.Body)
			}
			got := f.interpret(store.Delivery{Event: event, Body: body, ReceivedAt: now})
			if len(got.facts) > 0 || got.progress != nil || !strings.HasPrefix(got.outcome, "not for us: ") && got.outcome != "ping" {
				t.Errorf("%s: %q, %v", event, got.outcome, got.facts)
			}
		}
	}
	if n < 300 {
		t.Errorf("%d examples only", n)
	}
}

// moved is an example as it would be on the branch of a job in our repository.
func moved(t testing.TB, event string, body []byte) object {
	t.Helper()
	var e object
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	e["repository"].(object)["full_name"] = "Octo/Reports"
	switch event {
	case "push":
		e["ref"] = "refs/heads/job/j1"
	case "create", "delete":
		e["ref"], e["ref_type"] = "job/j1", "branch"
	case "workflow_run":
		run := e["workflow_run"].(object)
		run["head_branch"], run["path"] = "job/j1", ".github/workflows/run-job.yml@job/j1"
		run["repository"].(object)["full_name"], run["head_repository"].(object)["full_name"] = "octo/reports", "octo/reports"
	case "workflow_job":
		e["workflow_job"].(object)["head_branch"] = "job/j1"
	case "check_run":
		check := e["check_run"].(object)
		check["name"], check["external_id"] = "githubjobs/merge", "j1"
	case "check_suite":
		e["check_suite"].(object)["head_branch"] = "job/j1"
	case "pull_request", "pull_request_review":
		pull := e["pull_request"].(object)
		pull["head"].(object)["ref"] = "job/j1"
		pull["head"].(object)["repo"].(object)["full_name"], pull["base"].(object)["repo"].(object)["full_name"] = "octo/reports", "octo/reports"
	}
	return e
}

// The examples of our events become the facts that a person reads in them.
func TestPublishedExamplesBecomeFacts(t *testing.T) {
	t.Parallel()
	f, all := setup(t), published(t)
	for event := range events {
		if wide[event] {
			continue
		}
		for i, body := range all[event] {
			e := moved(t, event, body)
			got := f.interpret(store.Delivery{Event: event, Body: encode(e), ReceivedAt: now})
			want := inWords(event, e)
			if text := said(got); text != want {
				t.Errorf("%s, example %d: %s (%s)\nwant %s", event, i, text, got.outcome, want)
			}
		}
	}
}

// Forks' pull requests and runs with the branch of a job change nothing.
func TestPublishedExamplesOfForks(t *testing.T) {
	t.Parallel()
	f, all := setup(t), published(t)
	for _, event := range []string{"workflow_run", "pull_request", "pull_request_review"} {
		for i, body := range all[event] {
			e := moved(t, event, body)
			if event == "workflow_run" {
				e["workflow_run"].(object)["head_repository"].(object)["full_name"] = "mallory/reports"
			} else {
				e["pull_request"].(object)["head"].(object)["repo"].(object)["full_name"] = "mallory/reports"
			}
			if got := f.interpret(store.Delivery{Event: event, Body: encode(e), ReceivedAt: now}); len(got.facts) > 0 || got.progress != nil {
				t.Errorf("%s, example %d: %v", event, i, got.facts)
			}
		}
	}
}

// said is a reading in words.
func said(got reading) string {
	if p := got.progress; p != nil {
		return fmt.Sprintf("progress of %s: run %d, attempt %d: %s", p.of, p.run, p.attempt, p.status)
	}
	var words []string
	for _, f := range got.facts {
		words = append(words, f.ID)
		if f.Branch != nil {
			words = append(words, fmt.Sprintf("branch %s deleted %t", f.Branch.Head, f.Branch.Deleted))
		}
		for _, r := range f.Runs {
			words = append(words, fmt.Sprintf("run %d %d %s %s %s %s %s", r.ID, r.Attempt, r.Status, r.Conclusion, r.HeadSHA, r.URL, r.At.Format("2006-01-02T15:04:05Z")))
		}
		for _, p := range f.Pulls {
			words = append(words, fmt.Sprintf("pull %d open %t merged %t %s %s %s", p.Number, p.Open, p.Merged, p.HeadSHA, p.URL, p.At.Format("2006-01-02T15:04:05Z")))
		}
		if raw := string(encode(f)); strings.Contains(raw, `"gate`) {
			words = append(words, "a verdict")
		}
	}
	return strings.Join(words, "; ")
}

// inWords says the same of a payload, read field by field.
func inWords(event string, e object) string {
	null := func(v any) string {
		if v == nil {
			return ""
		}
		return v.(string)
	}
	switch event {
	case "push":
		if e["deleted"] == true {
			return fmt.Sprintf("j1; branch %s deleted true", e["before"])
		}
		return fmt.Sprintf("j1; branch %s deleted false", e["after"])
	case "delete":
		return "j1; branch  deleted true"
	case "workflow_run":
		r := e["workflow_run"].(object)
		return fmt.Sprintf("j1; run %.0f %.0f %s %s %s %s %s", r["id"], r["run_attempt"], r["status"], null(r["conclusion"]), r["head_sha"], r["html_url"], r["updated_at"])
	case "workflow_job":
		j := e["workflow_job"].(object)
		attempt, _ := j["run_attempt"].(float64)
		if status := j["status"]; status == "in_progress" || status == "waiting" {
			return fmt.Sprintf("progress of j1: run %.0f, attempt %.0f: %s", j["run_id"], max(attempt, 1), status)
		}
	case "pull_request", "pull_request_review":
		p := e["pull_request"].(object)
		return fmt.Sprintf("j1; pull %.0f open %t merged %t %s %s %s", p["number"], p["state"] == "open", p["merged_at"] != nil, p["head"].(object)["sha"], p["html_url"], p["updated_at"])
	case "check_run":
		if e["check_run"].(object)["status"] == "completed" {
			return "j1; a verdict"
		}
	}
	return ""
}
