package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	_ "modernc.org/sqlite"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// dieWhileSweeping lets the server die while it removes old webhook deliveries.
func dieWhileSweeping(w *world, point string) {
	w.t.Helper()
	body, id := keyed(point, "true")
	w.startServer()
	w.create(body)
	w.until("it is pushed, and its webhook processed", func() bool {
		if w.status(id).Reason != githubjobs.ReasonPushed {
			return false
		}
		code, answer := w.call(http.MethodGet, "/readyz", nil)
		var ready struct {
			LastWebhook time.Time `json:"last_webhook"`
			Pending     int       `json:"pending_deliveries"`
		}
		return code == http.StatusOK && json.Unmarshal(answer, &ready) == nil && !ready.LastWebhook.IsZero() && ready.Pending == 0
	})
	w.server.kill()
	w.sql(`UPDATE deliveries SET received_at = 1 WHERE finished_at > 0`)
	w.dieAt(point, func() {})
	w.startServer()
	if job := w.status(id); job == nil || job.Evidence.BranchSHA == "" {
		w.t.Errorf("%s: the job is %+v", point, job)
	}
	if n := w.moves(githubjobs.Branch(id)); n != 1 {
		w.t.Errorf("%s: the branch was created or moved %d times", point, n)
	}
	w.until("old deliveries are gone, with their bodies", func() bool {
		return w.count(`SELECT count(*) FROM deliveries WHERE received_at = 1`)+w.count(`SELECT count(*) FROM delivery_bodies WHERE seq NOT IN (SELECT seq FROM deliveries)`) == 0
	})
}

// dieWhileForgetting lets the server die while it removes a job that ended long ago; its key stays taken.
func dieWhileForgetting(w *world, point string) {
	w.t.Helper()
	body, id := keyed(point, "true")
	body = strings.Replace(body, "{", fmt.Sprintf(`{"delay_until":%q,`, time.Now().Add(time.Hour).Format(time.RFC3339)), 1)
	w.startServer()
	w.create(body)
	w.cancel(id)
	w.wait(id)
	w.server.kill()
	w.sql(`UPDATE jobs SET updated_at = 1`)
	w.dieAt(point, func() {})
	w.startServer()
	w.until("the job is removed", func() bool {
		code, _ := w.call(http.MethodGet, "/api/jobs/status?job_id="+id, nil)
		return code == http.StatusNotFound
	})
	if again := w.create(body); again != id {
		w.t.Errorf("%s: the key names job %s, and before %s", point, again, id)
	}
	if jobs, kept := w.count(`SELECT count(*) FROM jobs`), w.count(`SELECT count(*) FROM swept_jobs`); jobs != 0 || kept == 0 || len(w.jobBranches()) != 0 {
		w.t.Errorf("%s: there are %d jobs, %d keys and branches %v", point, jobs, kept, w.jobBranches())
	}
}

// dieWhileKeeping lets the server die while it deletes the branch of a job that has ended.
func dieWhileKeeping(w *world, point string) {
	w.t.Helper()
	body, id := keyed(point, "true")
	w.dieAt(point, func() { w.call(http.MethodPost, "/api/create-job", []byte(body)) })
	w.startServer()
	if again := w.create(body); again != id {
		w.t.Fatalf("%s: the key names job %s, and before the server died %s", point, again, id)
	}
	w.until("the branch is gone, and known to be", func() bool { return len(w.jobBranches()) == 0 && w.status(id).Evidence.BranchDeleted })
	job := w.wait(id)
	if job.Reason != githubjobs.ReasonNoChanges || job.Summary == "" && job.FinishedAt.IsZero() {
		w.t.Errorf("%s: the job is %s: %s", point, job.Reason, job.Message)
	}
	w.checkOneRun(point, job)
}
