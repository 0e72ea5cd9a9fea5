package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// checkSecrets looks for the repository's secrets, line by line, where nobody may find
// them: in what jobs are told, in all commits, and in the logs of all runs.
func (w *world) checkSecrets(secrets map[string]string, jobs []githubjobs.Job) {
	w.t.Helper()
	if len(secrets) == 0 {
		return
	}
	places := map[string]string{"the commits": w.git(w.bare(), "log", "--all", "-p", "--format=%H%n%B")}
	for _, job := range jobs {
		raw, err := json.Marshal(job)
		if err != nil {
			w.t.Fatal(err)
		}
		places["the status of "+job.ID], places["the log of "+job.ID] = string(raw), w.runLog(job.Evidence.RunID)
	}
	for name, value := range secrets {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "---") {
				continue
			}
			for place, text := range places {
				if strings.Contains(text, line) {
					w.t.Errorf("%s is in %s", name, place)
				}
			}
		}
	}
}

// runLog is the log of a run: of all its jobs that ran, as GitHub has them.
func (w *world) runLog(run int64) (text string) {
	w.t.Helper()
	var list *github.Jobs
	w.until("the jobs of the run have ended", func() (ended bool) {
		var err error
		list, _, err = w.github().Actions.ListWorkflowJobs(w.t.Context(), "demo", "reports", run, nil)
		return err == nil && len(list.Jobs) > 0 && !slices.ContainsFunc(list.Jobs, func(j *github.WorkflowJob) bool { return j.GetStatus() != "completed" })
	})
	for _, job := range list.Jobs {
		if job.GetConclusion() != "skipped" {
			text += w.jobLog(job.GetID())
		}
	}
	if !strings.Contains(text, "agent") {
		w.t.Errorf("the log of run %d says nothing: %q", run, text)
	}
	return text
}

func (w *world) jobLog(job int64) string {
	w.t.Helper()
	var text []byte
	w.until("the log is there", func() bool {
		at, _, err := w.github().Actions.GetWorkflowJobLogs(w.t.Context(), "demo", "reports", job, 1)
		if err != nil {
			return false
		}
		res, err := http.Get(at.String())
		if err != nil {
			return false
		}
		defer res.Body.Close()
		text, err = io.ReadAll(res.Body)
		return err == nil && res.StatusCode == http.StatusOK
	})
	return string(text)
}

// TestASecretThatThePolicyDoesNotAllow: once the server knows the policy, it refuses the job;
// on a branch whose policy it does not know, the agent does.
func TestASecretThatThePolicyDoesNotAllow(t *testing.T) {
	t.Parallel()
	w := start(t, options{secrets: map[string]string{"AGENT_ADMIN": "the-admin-key-is-not-for-jobs"}})
	w.git(w.bare(), "branch", "release", "main")
	failed := w.wait(w.create(`{"job": "x", "kind": "command", "base": "release", "secrets": ["ADMIN"], "config": {"script": "echo ran"}}`))
	if failed.Reason != githubjobs.ReasonPolicyDenied || !strings.Contains(failed.Message, "does not let jobs have the secret ADMIN; add it to .githubjobs.yml on release as secrets: {allow: [ADMIN]}") || strings.Contains(failed.Log, "ran") {
		t.Errorf("the job is %s: %s", failed.Reason, failed.Message)
	}
	later := time.Now().Add(time.Hour).Format(time.RFC3339)
	w.until("the server refuses the secret", func() bool {
		code, answer := w.call(http.MethodPost, "/api/create-job", []byte(`{"job": "x", "delay_until": "`+later+`", "secrets": ["ADMIN"]}`))
		return code == http.StatusUnprocessableEntity && strings.Contains(string(answer), "secret_not_allowed")
	})
}
