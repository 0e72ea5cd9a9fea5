package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// counted is a script that runs the first of the given commands at its first run, the
// second at its second, and the last at all further ones.
func counted(t *testing.T, commands ...string) string {
	t.Helper()
	dir := openDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "n=$(ls %s | wc -l)\ntouch %s/$n\ncase $n in\n", dir, dir)
	for i, c := range commands {
		pattern := fmt.Sprint(i)
		if i == len(commands)-1 {
			pattern = "*"
		}
		fmt.Fprintf(&b, "%s) %s ;;\n", pattern, c)
	}
	return b.String() + "esac"
}

// retried creates a job of a script with a policy; more are its other fields.
func (w *world) retried(script, policy string, more ...string) string {
	w.t.Helper()
	text, err := json.Marshal(script)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.create(fmt.Sprintf(`{"job": "Try", "kind": "command", "config": {"script": %s}, "retry": %s%s}`, text, policy, strings.Join(append([]string{""}, more...), ", ")))
}

// checkAttempts holds a job to having made each of its attempts once, on a branch of its own.
func (w *world) checkAttempts(job githubjobs.Job, reasons ...githubjobs.Reason) {
	w.t.Helper()
	if job.Attempt != len(reasons) || len(reasons) > 1 && len(job.Attempts) != len(reasons) {
		w.t.Fatalf("%d attempts, want %d: %+v", job.Attempt, len(reasons), job)
	}
	records := w.records()
	for i, want := range reasons {
		branch := githubjobs.Name{ID: job.ID, Attempt: i + 1}.Branch()
		if n := len(records.runs[branch]); n != 1 {
			w.t.Errorf("%s has %d runs, want one", branch, n)
		}
		if len(reasons) == 1 {
			break
		}
		if a := job.Attempts[i]; a.Reason != want || a.Number != i+1 || a.Branch != branch || a.RunURL == "" {
			w.t.Errorf("attempt %d is %+v, want %s", i+1, a, want)
		}
	}
	if runs := records.runs[(githubjobs.Name{ID: job.ID, Attempt: len(reasons) + 1}).Branch()]; len(runs) > 0 {
		w.t.Errorf("there was an attempt more: %v", runs)
	}
}

const writeTried = "mkdir -p reports && echo done > reports/tried-$$.txt"

// TestRetry has attempts fail in all ways, and each job go the way of its policy.
func TestRetry(t *testing.T) {
	t.Parallel()
	w := start(t, options{runners: 3})
	thrice := w.retried(counted(t, "exit 1", "exit 1", writeTried), `{"backoff_limit": 3, "backoff_seconds": 1}`)
	slow := w.retried(counted(t, "sleep 600", writeTried), `{"backoff_limit": 1, "backoff_seconds": 1, "retry_on": ["timed_out"]}`, `"timeout_seconds": 1`)
	code := w.retried("exit 3", `{"backoff_limit": 3, "backoff_seconds": 1, "retry_on": ["exit_code:75", "timed_out"]}`)
	spent := w.retried("exit 75", `{"backoff_limit": 1, "backoff_seconds": 1, "retry_on": ["exit_code:75"]}`)
	dropped := w.retried("exit 1", `{"backoff_limit": 3, "backoff_seconds": 3600}`)

	w.until("a job waits for its next attempt", func() bool { return w.status(dropped).Reason == githubjobs.ReasonRetrying })
	if job := w.status(dropped); job.Status != githubjobs.StatusPending || job.Terminal || job.NextAttemptAt.IsZero() || job.Attempt != 1 || *job.ExitCode != 1 {
		t.Errorf("between two attempts: %+v", job)
	}
	w.cancel(dropped)
	if job := w.wait(dropped); job.Reason != githubjobs.ReasonCanceled || !strings.Contains(job.Message, "not wanted any more") {
		t.Errorf("cancelled between two attempts: %s: %s", job.Reason, job.Message)
	}
	if refs := w.records().heads["job/"+dropped+".2"]; refs != "" {
		t.Error("a job that was cancelled between two attempts made another")
	}

	job := w.wait(thrice)
	w.checkAttempts(job, githubjobs.ReasonTaskFailed, githubjobs.ReasonTaskFailed, githubjobs.ReasonMerged)
	if job.Status != githubjobs.StatusMerged || job.Branch != "job/"+thrice+".3" || len(job.ChangedFiles) != 1 || *job.ExitCode != 0 {
		t.Errorf("the third attempt: %+v", job)
	}
	w.checkAttempts(w.wait(slow), githubjobs.ReasonTimedOut, githubjobs.ReasonMerged)
	w.checkAttempts(w.wait(code), githubjobs.ReasonTaskFailed)
	w.checkAttempts(w.wait(spent), githubjobs.ReasonTaskFailed, githubjobs.ReasonTaskFailed)

	// A server that has lost its database tells all of this again, field by field.
	w.idle()
	w.upToDate()
	before := map[string]string{}
	for _, id := range []string{thrice, slow, code, spent} {
		_, answer := w.call(http.MethodGet, "/api/jobs/status?job_id="+id, nil)
		before[id] = string(answer)
	}
	w.server.kill()
	w.loseDatabase()
	w.startServer()
	w.upToDate()
	for id, want := range before {
		if _, answer := w.call(http.MethodGet, "/api/jobs/status?job_id="+id, nil); string(answer) != want {
			t.Errorf("rebuilt %s\nlost    %s", answer, want)
		}
	}
}

// TestRetryKilledAtItsPush kills the server around the push of a second attempt: before it,
// when GitHub has it and the store does not know, and when the store does.
func TestRetryKilledAtItsPush(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"dispatch/push", "dispatch/pushed", "dispatch/stored"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := start(t, options{noServer: true})
			var id string
			w.dieAt(point+":2", func() {
				if code, _ := w.call(http.MethodGet, "/healthz", nil); id == "" && code == http.StatusOK {
					id = w.retried(counted(t, "exit 1", "exit 1", writeTried), `{"backoff_limit": 2, "backoff_seconds": 1}`)
				}
			})
			w.startServer()
			w.checkAttempts(w.wait(id), githubjobs.ReasonTaskFailed, githubjobs.ReasonTaskFailed, githubjobs.ReasonMerged)
		})
	}
}

// TestRetryByHand attempts a failed job once more, and makes another like it.
func TestRetryByHand(t *testing.T) {
	t.Parallel()
	w := start(t, options{})
	script, err := json.Marshal(counted(t, "exit 1", writeTried))
	if err != nil {
		t.Fatal(err)
	}
	id := w.create(fmt.Sprintf(`{"job": "Try", "kind": "command", "config": {"script": %s}}`, script))
	if job := w.wait(id); job.Reason != githubjobs.ReasonTaskFailed {
		t.Fatalf("%s: %s", job.Reason, job.Message)
	}
	for range 2 {
		if code, answer := w.call(http.MethodPost, "/api/jobs/"+id+"/retry", []byte(`{"reason":"once more"}`)); code != http.StatusAccepted && code != http.StatusConflict {
			t.Fatalf("retry answered %d %s", code, answer)
		}
	}
	w.until("the second attempt ends", func() bool { job := w.status(id); return job.Terminal && job.Attempt == 2 })
	w.checkAttempts(*w.status(id), githubjobs.ReasonTaskFailed, githubjobs.ReasonMerged)
	if code, answer := w.call(http.MethodPost, "/api/jobs/"+id+"/retry", nil); code != http.StatusConflict || !strings.Contains(string(answer), "its pull request is merged") {
		t.Errorf("retry of a merged job answered %d %s", code, answer)
	}

	code, answer := w.call(http.MethodPost, "/api/jobs/"+id+"/replay", []byte(`{"config": {"script": "mkdir -p reports && echo 2 > reports/replayed.txt"}}`))
	var made struct {
		ID string `json:"job_id"`
	}
	if err := json.Unmarshal(answer, &made); err != nil || code != http.StatusOK || made.ID == id {
		t.Fatalf("replay answered %d %s", code, answer)
	}
	if job := w.wait(made.ID); job.Status != githubjobs.StatusMerged || job.ReplayOf != id || job.ChangedFiles[0] != "reports/replayed.txt" || job.Title != "Try" {
		t.Errorf("%+v", job)
	}
}

// TestRetryZombie lets an attempt come back that was given up long ago: in the middle of its
// task when the next attempt begins, and from its beginning when that has begun. It can
// neither publish nor merge, and changes nothing about the job.
func TestRetryZombie(t *testing.T) {
	t.Parallel()
	w := start(t, options{runners: 2})
	gates := openDir(t)
	if err := os.Chmod(gates, 0o777); err != nil {
		t.Fatal(err)
	}
	wait := func(gate string) string {
		return fmt.Sprintf("touch %[1]s-begun; until [ -e %[1]s ]; do sleep 0.05; done; mkdir -p reports; echo %[2]s > reports/%[2]s.txt", filepath.Join(gates, gate), gate)
	}
	open := func(gate string) {
		if err := os.WriteFile(filepath.Join(gates, gate), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	id := w.retried(counted(t, "exit 1", wait("zombie"), wait("living")), `{"backoff_limit": 1, "backoff_seconds": 3600}`)
	w.until("the job waits for its next attempt", func() bool { return w.status(id).Reason == githubjobs.ReasonRetrying })
	first := w.status(id).Evidence.RunID
	w.rerun(first)
	w.until("the first attempt works again", func() bool { return w.status(id).Reason == githubjobs.ReasonRunning })
	w.until("its task has begun", func() bool { _, err := os.Stat(filepath.Join(gates, "zombie-begun")); return err == nil })
	// Somebody starts the next attempt without waiting for the end of it.
	w.git(w.records().dir, "push", "-q", w.remote(), w.creation(id)+":refs/heads/job/"+id+".2")
	w.until("the second attempt runs", func() bool { job := w.status(id); return job.Attempt == 2 && job.Reason == githubjobs.ReasonRunning })
	open("zombie")
	w.until("the first attempt has come to its end", func() bool { return w.runEnded(first) })
	if job := w.status(id); job.Attempt != 2 || job.Reason != githubjobs.ReasonRunning || job.PullURL != "" {
		t.Errorf("the end of the first attempt made the job %+v", job)
	}
	w.rerun(first) // which finds at once that it is too late
	w.until("the first attempt has ended again", func() bool { return w.runEnded(first) })
	open("living")
	job := w.wait(id)
	if job.Status != githubjobs.StatusMerged || job.Attempt != 2 || job.ChangedFiles[0] != "reports/living.txt" {
		t.Errorf("%+v", job)
	}
	records := w.records()
	if n := len(records.pulls["job/"+id]); n != 0 {
		t.Errorf("the first attempt has opened %d pull requests", n)
	}
	if len(records.runs["job/"+id+".2"]) != 1 {
		t.Errorf("%d runs of the second attempt", len(records.runs["job/"+id+".2"]))
	}
}

// creation is the commit that created the first attempt of a job.
func (w *world) creation(id string) string {
	w.t.Helper()
	return strings.TrimSpace(w.git(w.records().dir, "log", "--format=%H", "--grep=^Job-Spec: ", "-1", "job/"+id))
}

func (w *world) rerun(run int64) {
	w.t.Helper()
	if _, err := w.github().Actions.RerunWorkflowByID(w.t.Context(), "demo", "reports", run); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) runEnded(run int64) bool {
	w.t.Helper()
	got, _, err := w.github().Actions.GetWorkflowRunByID(w.t.Context(), "demo", "reports", run)
	if err != nil {
		w.t.Fatal(err)
	}
	return got.GetStatus() == "completed"
}

// TestRetryOutlivesTheServer kills the server while a job waits for its next attempt, once
// with its database, and expects each attempt to be made once all the same.
func TestRetryOutlivesTheServer(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]bool{"killed": false, "killed, and its database lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, options{runners: 2})
			var ids []string
			for range 3 {
				ids = append(ids, w.retried(counted(t, "exit 1", "exit 1", writeTried), `{"backoff_limit": 2, "backoff_seconds": 3}`))
			}
			for _, id := range ids {
				w.until("the job waits for its next attempt", func() bool { return w.status(id).Reason == githubjobs.ReasonRetrying })
			}
			w.server.kill()
			if lose {
				w.loseDatabase()
			}
			w.startServer()
			for _, id := range ids {
				w.until("the job is known again", func() bool {
					code, _ := w.call(http.MethodGet, "/api/jobs/status?job_id="+id, nil)
					return code == http.StatusOK
				})
				w.checkAttempts(w.wait(id), githubjobs.ReasonTaskFailed, githubjobs.ReasonTaskFailed, githubjobs.ReasonMerged)
			}
		})
	}
}
