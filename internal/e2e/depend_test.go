package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// order makes the body of a job that runs a script, with more fields.
func order(script string, more map[string]any) string {
	body := map[string]any{"job": "Work", "kind": "command", "config": map[string]string{"script": script}}
	for name, value := range more {
		body[name] = value
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // what the tests give is always JSON
	}
	return string(raw)
}

// after makes a job that writes a report of its name, from those of the jobs before it.
func (w *world) after(name string, before map[string]string) (id string) {
	w.t.Helper()
	script, on := "mkdir -p reports && echo "+name+" > reports/"+name, []string{}
	for other, id := range before {
		script, on = "grep -q "+other+" reports/"+other+" && "+script, append(on, id)
	}
	return w.create(order(script, map[string]any{"depends_on": on}))
}

// mergedBefore holds that the jobs were merged in this order.
func (w *world) mergedBefore(ids ...string) {
	w.t.Helper()
	log := w.git(w.bare(), "log", "--reverse", "--format=%B", "main")
	for i, id := range ids {
		at := strings.Index(log, "Job-Id: "+id)
		if at < 0 || i > 0 && at < strings.Index(log, "Job-Id: "+ids[i-1]) {
			w.t.Errorf("%v were not merged in this order", ids)
		}
	}
}

// TestDependencies runs a diamond, whose jobs need what those before them have merged, and jobs that depend on one that fails.
func TestDependencies(t *testing.T) {
	t.Parallel()
	w := start(t, options{runners: 2})
	a := w.after("a", nil)
	b, c := w.after("b", map[string]string{"a": a}), w.after("c", map[string]string{"a": a})
	d := w.after("d", map[string]string{"b": b, "c": c})
	if job := w.status(d); job.Reason != githubjobs.ReasonBlockedByDependency || job.Terminal || !slices.Contains(job.DependsOn, b) {
		t.Errorf("%+v", job)
	}
	bad := w.create(order("exit 3", nil))
	fails := w.create(order("true", map[string]any{"depends_on": []string{bad, a}}))
	skips := w.create(order("true", map[string]any{"depends_on": []string{bad}, "on_dependency_failure": "skip"}))
	last := w.create(order("true", map[string]any{"depends_on": []string{fails, skips}}))
	for id, want := range map[string]githubjobs.Reason{a: "merged", b: "merged", c: "merged", d: "merged", bad: "task_failed", fails: "dependency_failed", skips: "skipped", last: "dependency_failed"} {
		if job := w.wait(id); job.Reason != want {
			t.Errorf("job %s is %s (%s), want %s", id, job.Reason, job.Message, want)
		}
	}
	w.mergedBefore(a, b, d)
	w.mergedBefore(a, c, d)
	for _, id := range []string{fails, skips, last} {
		if slices.Contains(w.jobBranches(), id) || !strings.Contains(w.status(id).Message, "which it depends on, is ") {
			t.Errorf("job %s: branches %v, message %q", id, w.jobBranches(), w.status(id).Message)
		}
	}
	code, answer := w.call(http.MethodPost, "/api/create-job", []byte(order("true", map[string]any{"depends_on": []string{"nobody"}})))
	if code != http.StatusUnprocessableEntity || !strings.Contains(string(answer), "nobody") {
		t.Errorf("%d %s", code, answer)
	}
}

// runOf is the one run of a job, as localhub knows it.
func (w *world) runOf(id string) *github.WorkflowRun {
	w.t.Helper()
	runs, _, err := w.github().Actions.ListRepositoryWorkflowRuns(context.Background(), "demo", "reports", &github.ListWorkflowRunsOptions{Branch: githubjobs.Branch(id)})
	if err != nil || runs.GetTotalCount() != 1 {
		w.t.Fatalf("runs of %s: %+v, %v", id, runs, err)
	}
	return runs.WorkflowRuns[0]
}

// TestConcurrencyKeys: of the jobs of one key one at a time has a run, while there are runners for all.
func TestConcurrencyKeys(t *testing.T) {
	t.Parallel()
	w := start(t, options{runners: 4})
	keyed := func(key, policy, script string) string {
		return w.create(order(script, map[string]any{"concurrency_key": key, "concurrency_policy": policy}))
	}
	runs := func(id string) {
		w.until("it runs", func() bool { return w.status(id).Reason == githubjobs.ReasonRunning })
	}
	var queued []string
	for range 3 {
		queued = append(queued, keyed("deploy", "queue", "sleep 1.2"))
	}
	oldest := keyed("newest", "keep_newest", "sleep 3")
	replaced := keyed("cancel", "cancel_in_progress", "sleep 600")
	runs(oldest)
	passed := keyed("newest", "keep_newest", "true")
	w.until("it waits", func() bool { return w.status(passed).Reason == githubjobs.ReasonBlockedByConcurrency })
	newest := keyed("newest", "keep_newest", "true")
	runs(replaced)
	replacing := keyed("cancel", "cancel_in_progress", "true")
	for id, want := range map[string]githubjobs.Reason{
		queued[0]: "no_changes", queued[1]: "no_changes", queued[2]: "no_changes",
		oldest: "no_changes", passed: "canceled", newest: "no_changes", replaced: "canceled", replacing: "no_changes",
	} {
		if job := w.wait(id); job.Reason != want {
			t.Errorf("job %s is %s (%s), want %s", id, job.Reason, job.Message, want)
		}
	}
	for _, pair := range [][2]string{{queued[0], queued[1]}, {queued[1], queued[2]}, {oldest, newest}, {replaced, replacing}} {
		ended, began := w.runOf(pair[0]).GetUpdatedAt().Time, w.runOf(pair[1]).GetCreatedAt().Time
		if began.Before(ended) {
			t.Errorf("the run of %s began at %s, and that of %s ended at %s", pair[1], began, pair[0], ended)
		}
	}
	failing := keyed("again", "queue", "exit 1")
	w.wait(failing)
	running := keyed("again", "queue", "sleep 2")
	runs(running)
	if code, answer := w.call(http.MethodPost, "/api/jobs/"+failing+"/retry", nil); code != http.StatusAccepted {
		t.Fatalf("retry answered %d %s", code, answer)
	}
	w.until("it waits", func() bool { return w.status(failing).Reason == githubjobs.ReasonBlockedByConcurrency })
	ended, again := w.wait(running), w.wait(failing)
	if again.Attempt != 2 || again.Reason != githubjobs.ReasonTaskFailed || again.StartedAt.Before(ended.FinishedAt.Truncate(time.Second)) {
		t.Errorf("the second attempt began at %s, and the job before it ended at %s: %+v", again.StartedAt, ended.FinishedAt, again)
	}
	for id, newer := range map[string]string{passed: newest, replaced: replacing} {
		if message := w.status(id).Message; !strings.Contains(message, "The job "+newer+" asked for that") {
			t.Errorf("job %s: %q", id, message)
		}
	}
}

// TestDependenciesOnTwoServers: one server takes jobs and webhooks, another one leads, and is killed on the way.
func TestDependenciesOnTwoServers(t *testing.T) {
	t.Parallel()
	variable, _ := postgresSchema(t)
	w := start(t, options{noServer: true})
	hooked := w.addr
	f := w.startFleet(1, variable)
	w.until("the first server leads", func() bool { return f.role(0) == "leader" })
	f.members = append(f.members, &member{addr: hooked})
	f.start(1)
	w.until("the second one stands in reserve", func() bool { return f.role(1) == "reserve" })
	chain := map[string]string{}
	var ids []string
	for i := range 4 {
		name, before := fmt.Sprint("c", i), map[string]string{}
		if i > 0 {
			last := fmt.Sprint("c", i-1)
			before[last] = chain[last]
		}
		chain[name] = w.after(name, before)
		ids = append(ids, chain[name])
	}
	w.wait(ids[0])
	ended := time.Now()
	w.until("the second job is on its way", func() bool { return w.status(ids[1]).Reason != githubjobs.ReasonBlockedByDependency })
	t.Logf("the second job was released %s after the end of the first was seen", time.Since(ended).Round(time.Millisecond))
	f.kill(0)
	for _, id := range ids {
		if job := w.wait(id); job.Status != githubjobs.StatusMerged {
			t.Errorf("job %s is %s: %s", id, job.Reason, job.Message)
		}
	}
	w.mergedBefore(ids...)
}

// dieWhileHolding lets the server die between the end of a job and the release of the one that depends on it.
func dieWhileHolding(w *world, point string) {
	w.t.Helper()
	first, firstID := keyed(point+" 1", "mkdir -p reports && echo 1 > "+file(point))
	_, secondID := keyed(point+" 2", "")
	second := order("grep -q 1 "+file(point)+" && echo 2 >> "+file(point), map[string]any{"depends_on": []string{firstID}, "idempotency_key": point + " 2"})
	w.dieAt(point, func() {
		w.call(http.MethodPost, "/api/create-job", []byte(first))
		w.call(http.MethodPost, "/api/create-job", []byte(second))
	})
	w.startServer()
	for body, want := range map[string]string{second: secondID, first: firstID} {
		if got := w.create(body); got != want {
			w.t.Fatalf("%s: the key names job %s, not %s", point, got, want)
		}
	}
	for _, id := range []string{firstID, secondID} {
		job := w.wait(id)
		if job.Status != githubjobs.StatusMerged {
			w.t.Errorf("%s: the job is %s/%s: %s", point, job.Status, job.Reason, job.Message)
		}
		w.checkOneRun(point, job)
	}
	w.mergedBefore(firstID, secondID)
}
