package gate

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// A run that is run again when its first result was brought onto a newer base, and now can't
// be: its result takes the place of the first one, and its merge takes nothing back.
func TestMergeOfARunAgainThatStaysOnTheJobsCommit(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.commit("main", map[string]string{"theirs.md": "theirs\n", "reports/old.md": "two\n"})
	first := w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# First\n"})
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/compare/") {
			http.NotFound(rw, r)
			return
		}
		w.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	w.repo, w.cfg.Attempt = w.hub(front.URL, w.app), 2
	second := w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Second\n"})
	if got := w.git("log", "-1", "--format=%P", branch); got != w.sha || second.Pull != first.Pull {
		t.Fatalf("parents %s, want %s; pull requests #%d and #%d", got, w.sha, first.Pull, second.Pull)
	}
	w.cfg.Result = "" // so that the gate looks below the head itself
	if report := w.merge(); !report.Merged {
		t.Fatalf("%+v", report)
	}
	for file, want := range map[string]string{"theirs.md": "theirs", "reports/old.md": "two", "reports/daily.md": "# Second"} {
		if got := w.git("show", "main:"+file); got != want {
			t.Errorf("%s is %q after the merge, want %q", file, got, want)
		}
	}
}
