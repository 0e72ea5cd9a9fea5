package webhook

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// A job of a workflow moves a run of ours on, and no other: not one that is unknown
// (it may be a fork's), not another attempt, and not one that got on without it.
func TestWorkflowJobMovesKnownRuns(t *testing.T) {
	t.Parallel()
	queued := githubjobs.RunFact{ID: 9, Attempt: 2, Status: "queued", HeadSHA: "abc", URL: "https://github.com/octo/reports/actions/runs/9", StartedAt: created, At: created.Add(time.Second)}
	for name, c := range map[string]struct {
		known  string // status of the run that is known; none when empty
		job    object
		status string // of the run afterwards
		says   string
	}{
		"a runner has taken it":   {"queued", object{"run_id": 9, "run_attempt": 2, "status": "in_progress"}, "in_progress", "run 9, attempt 2: in_progress, by its job"},
		"it waits for a person":   {"requested", object{"run_id": 9, "run_attempt": 2, "status": "waiting"}, "waiting", "waiting, by its job"},
		"it went on":              {"waiting", object{"run_id": 9, "run_attempt": 2, "status": "in_progress"}, "in_progress", "in_progress, by its job"},
		"late":                    {"completed", object{"run_id": 9, "run_attempt": 2, "status": "in_progress"}, "completed", "known to be completed"},
		"waiting after all":       {"in_progress", object{"run_id": 9, "run_attempt": 2, "status": "waiting"}, "in_progress", "known to be in_progress"},
		"another attempt":         {"queued", object{"run_id": 9, "run_attempt": 3, "status": "in_progress"}, "queued", "not known as one of job j1"},
		"a fork's, of same name":  {"queued", object{"run_id": 10, "run_attempt": 2, "status": "in_progress", "head_sha": "abc"}, "queued", "not known as one of job j1"},
		"of a run that is unseen": {"", object{"run_id": 9, "run_attempt": 2, "status": "in_progress"}, "", "not known as one of job j1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			spec, err := githubjobs.ParseSpec(specMessage("j1"))
			if err != nil {
				t.Fatal(err)
			}
			facts := githubjobs.Facts{ID: "j1", Spec: &spec}
			if run := queued; c.known != "" {
				run.Status = c.known
				facts.Runs = []githubjobs.RunFact{run}
			}
			if err := f.store.MergeFacts(t.Context(), "p", facts); err != nil {
				t.Fatal(err)
			}
			d := store.Delivery{Project: "p", GUID: "g", Event: "workflow_job", ReceivedAt: now, Body: encode(object{"action": c.job["status"], "repository": ours,
				"workflow_job": with(c.job, "head_branch", "job/j1", "workflow_name", "run-job", "started_at", "2026-11-21T11:05:00Z")})}
			if err := f.store.RecordDelivery(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			if err := f.handle(t, d); err != nil {
				t.Fatal(err)
			}
			got, err := f.store.Facts(t.Context(), "p", "j1")
			if err != nil {
				t.Fatal(err)
			}
			var want []githubjobs.RunFact
			if run := queued; c.status != "" {
				run.Status = c.status
				want = append(want, run)
			}
			if a, b := string(encode(got.Runs)), string(encode(want)); a != b {
				t.Errorf("runs %s\nwant %s", a, b)
			}
			done, err := f.store.Delivery(t.Context(), "p", "g")
			if err != nil || !strings.Contains(done.Outcome, c.says) {
				t.Errorf("outcome %q, %v, want %q", done.Outcome, err, c.says)
			}
		})
	}
}

// unreadable is a store in which the facts of every job are damaged.
type unreadable struct{ Store }

func (unreadable) Facts(context.Context, string, string) (githubjobs.Facts, error) {
	return githubjobs.Facts{}, store.ErrDamaged
}

// A delivery about a job that cannot be read is done with: it must not be tried for
// ever, in the way of others.
func TestWorkflowJobOfADamagedJob(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Store = unreadable{f.store}
	d := store.Delivery{Project: "p", GUID: "g", Event: "workflow_job", ReceivedAt: now, Body: encode(object{"action": "in_progress", "repository": ours,
		"workflow_job": object{"run_id": 9, "run_attempt": 1, "status": "in_progress", "head_branch": "job/j1", "workflow_name": "run-job"}})}
	if err := f.store.RecordDelivery(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := f.handle(t, d); err != nil {
		t.Fatal(err)
	}
	if d, err := f.store.Delivery(t.Context(), "p", "g"); err != nil || d.FinishedAt.IsZero() || !strings.Contains(d.Outcome, "damaged") {
		t.Errorf("delivery %+v, %v", d, err)
	}
}
