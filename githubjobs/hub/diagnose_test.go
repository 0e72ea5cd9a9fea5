package hub

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// What is looked up of a job without a run, and of one that has a run. What comes of
// it is tested in internal/reconcile.
func TestDiagnose(t *testing.T) {
	f := setup(t)
	gate := filepath.Join(t.TempDir(), "gate")
	without := f.submit(spec("without"))[0]
	f.workflow("run-job.yml", "until [ -e "+gate+" ]; do sleep 0.02; done")
	f.submit(spec("with"))
	questions := []githubjobs.Question{{ID: "without", Head: without.SHA}, {ID: "with"}}
	var got map[string]githubjobs.Findings
	// The run, and then its job, begin after the push is answered.
	for deadline := time.Now().Add(20 * time.Second); got["with"].Labels == nil && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, r := range f.facts("with").Runs {
			questions[1].Run = r.ID
		}
		var err error
		got, err = f.repo.Diagnose(t.Context(), questions)
		f.must(err)
	}
	f.must(os.WriteFile(gate, nil, 0o600))
	f.idle()
	if a := got["without"]; a.File != githubjobs.No || a.Actions != githubjobs.Yes || a.RunToken != githubjobs.No || a.Workflow != "active" {
		t.Errorf("without a workflow: %+v", a)
	}
	if a := got["with"]; strings.Join(a.Labels, " ") != "ubuntu-latest" || a.Runners == nil || len(a.Unknown) != 0 {
		t.Errorf("with a run: %+v", a)
	}
}

// A job of which GitHub fails to tell keeps no other from its findings.
func TestDiagnoseSparesTheOthers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var questions []githubjobs.Question
	for _, s := range f.submit(specs("a", 3)...) {
		f.must(s.Err)
		questions = append(questions, githubjobs.Question{ID: s.ID, Head: s.SHA})
	}
	repo := f.behind(func(localhub http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.String(), questions[0].Head) {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			localhub.ServeHTTP(w, r)
		})
	})
	got, err := repo.Diagnose(t.Context(), questions)
	if !Temporary(err) || !strings.Contains(err.Error(), questions[0].ID) {
		t.Errorf("the look says %v", err)
	}
	if _, told := got[questions[0].ID]; told || len(got) != 2 || got[questions[1].ID].File != githubjobs.No || got[questions[2].ID].File != githubjobs.No {
		t.Errorf("found %+v", got)
	}
}
