package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// TestKeysOutliveBranches: branches of ended jobs are deleted, but for that of a job whose key nothing else on GitHub remembers. After
// the loss of the database each key still means its job, and none runs again.
func TestKeysOutliveBranches(t *testing.T) {
	t.Parallel()
	w := start(t, options{runners: 2, environment: []string{"BRANCH_TTL=1s", "KEY_TTL=100h", "RECONCILE_INTERVAL=250ms"}})
	closedBody, closed := keyed("closed", "mkdir -p src && echo 1 > src/a.txt")
	emptyBody, empty := keyed("empty", "true")
	for _, body := range []string{closedBody, emptyBody} {
		w.create(body)
	}
	unkeyed := w.create(`{"job":"Work","kind":"command","config":{"script":"true"}}`)
	open := w.create(`{"job":"Work","kind":"command","config":{"script":"mkdir -p src && echo 2 > src/b.txt"}}`)
	want := map[string]githubjobs.Reason{closed: githubjobs.ReasonPRClosed, empty: githubjobs.ReasonNoChanges, unkeyed: githubjobs.ReasonNoChanges, open: githubjobs.ReasonMergeBlocked}
	w.closePull(w.wait(closed))
	for id, reason := range want {
		w.until("job "+id+" is "+string(reason), func() bool { return w.status(id).Reason == reason })
	}
	stay := []string{empty, open}
	slices.Sort(stay)
	w.until("two branches are gone", func() bool { return slices.Equal(w.jobBranches(), stay) })
	for id, reason := range want {
		w.until("the deletion is known", func() bool { return w.status(id).Evidence.BranchDeleted != slices.Contains(stay, id) })
		if job := w.status(id); job.Reason != reason || !job.Terminal || job.FinishedAt.IsZero() {
			t.Errorf("with its branch deleted the job is %s, before %s: %s", job.Reason, reason, job.Message)
		}
	}
	if job := w.status(closed); !strings.Contains(strings.Join(job.ChangedFiles, ""), "src/a.txt") {
		t.Errorf("the result is not told any more: %+v", job)
	}
	before := *w.status(closed)
	failed := w.create(`{"job":"Work","kind":"command","config":{"script":"exit 3"}}`)
	w.until("the branch of the failed job is gone", func() bool { job := w.status(failed); return job.Terminal && job.Evidence.BranchDeleted })
	if code, answer := w.call(http.MethodPost, "/api/jobs/"+failed+"/retry", nil); code/100 != 2 {
		t.Errorf("attempting it again answered %d %s", code, answer)
	}
	w.until("the second attempt has ended, and its branch is gone too", func() bool {
		job := w.status(failed)
		return job.Attempt == 2 && job.Reason == githubjobs.ReasonTaskFailed && job.Evidence.BranchDeleted && slices.Equal(w.jobBranches(), stay)
	})

	w.server.kill()
	w.loseDatabase()
	w.startServer()
	for body, id := range map[string]string{closedBody: closed, emptyBody: empty} {
		if again := w.create(body); again != id {
			t.Errorf("the key names %s, and before %s", again, id)
		}
	}
	for id, reason := range want {
		if id == unkeyed { // of which nothing but its run is left
			continue
		}
		w.until("job "+id+" is known again", func() bool {
			code, _ := w.call(http.MethodGet, "/api/jobs/status?job_id="+id, nil)
			return code == http.StatusOK
		})
		w.until("job "+id+" is "+string(reason)+" again", func() bool { return w.status(id).Reason == reason })
		job := *w.status(id)
		w.checkOneRun("the job", job)
	}
	if after := *w.status(closed); after.Log != before.Log || after.PullURL != before.PullURL || after.Evidence != before.Evidence {
		t.Errorf("told %+v, before the loss %+v", after, before)
	}
	if left := w.jobBranches(); !slices.Equal(left, stay) {
		t.Errorf("branches %v, want %v", left, stay)
	}
}
