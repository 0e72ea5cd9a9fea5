package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/require"
)

// cancel asks for the end of a job, which must be taken.
func (w *world) cancel(id string) {
	w.t.Helper()
	code, answer := w.call(http.MethodPost, "/api/jobs/"+id+"/cancel", []byte(`{"reason":"not wanted any more"}`))
	var job githubjobs.Job
	if err := json.Unmarshal(answer, &job); err != nil || code != http.StatusAccepted || job.ID != id {
		w.t.Fatalf("cancelling %s answered %d %s", id, code, answer)
	}
}

func sleeper(command string) string {
	return fmt.Sprintf(`{"job": "Sleep", "kind": "command", "config": {"script": "echo begun; (setsid %[1]s &); %[1]s"}}`, command)
}

// TestCancel cancels jobs wherever they are: in the middle of their task, which is gone with all of its processes then; queued behind that one; and
// accepted while GitHub takes no push, which then never comes.
func TestCancel(t *testing.T) {
	t.Parallel()
	testCancel(t, "")
}

// TestCancelInDocker does the same where the task is a container.
func TestCancelInDocker(t *testing.T) {
	t.Parallel()
	testCancel(t, require.Docker(t))
}

func testCancel(t *testing.T, image string) {
	w := start(t, options{image: image})
	command := fmt.Sprintf("sleep %d.5", 100_000+rand.N(800_000))
	running := w.create(sleeper(command))
	w.until("the task runs", func() bool { return alive(t, command) != "" })
	w.until("that is known", func() bool { return w.status(running).Reason == githubjobs.ReasonRunning })
	queued := w.create(writeReport)
	w.until("the second job is queued", func() bool { return w.status(queued).Reason == githubjobs.ReasonQueued })
	if _, err := w.hub.Faults().Add(faults.Fault{Kind: faults.ServerError, Operation: "git-*"}); err != nil {
		t.Fatal(err)
	}
	accepted := w.create(writeReport)
	for _, id := range []string{accepted, queued, running} {
		w.cancel(id)
	}
	w.hub.Faults().Clear()
	for name, id := range map[string]string{"running": running, "queued": queued, "accepted": accepted} {
		job := w.wait(id)
		if job.Status != githubjobs.StatusFailed || job.Reason != githubjobs.ReasonCanceled || job.PullURL != "" || !strings.Contains(job.Message, "not wanted any more") {
			t.Errorf("the %s job is %s/%s: %s", name, job.Status, job.Reason, job.Message)
		}
	}
	w.until("nothing of the task lives", func() bool { return alive(t, command) == "" })
	w.idle()
	dir, err := w.hub.RepositoryPath("demo", "reports")
	if err != nil {
		t.Fatal(err)
	}
	if refs := w.git(dir, "for-each-ref", "refs/heads/"+githubjobs.Branch(accepted)); refs != "" {
		t.Errorf("the job that was cancelled before its push is on GitHub: %s", refs)
	}
	if code, answer := w.call(http.MethodPost, "/api/jobs/"+queued+"/cancel", nil); code != http.StatusOK {
		t.Errorf("cancelling a cancelled job answered %d %s", code, answer)
	}
	if code, answer := w.call(http.MethodPost, "/api/jobs/"+w.wait(w.create(writeReport)).ID+"/cancel", nil); code != http.StatusConflict {
		t.Errorf("cancelling a merged job answered %d %s", code, answer)
	}
}
