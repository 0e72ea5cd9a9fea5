package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
)

// opening counts the requests that open pull requests, by the path and what came of them.
type opening struct {
	mu    sync.Mutex
	calls []string
}

func (o *opening) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/repos/demo/reports/pulls") {
			h.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		o.mu.Lock()
		o.calls = append(o.calls, fmt.Sprint(answer.Code))
		o.mu.Unlock()
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()) // an error means that the client has gone
	})
}

// A workflow that may open no pull request leaves it to the server, which opens the same one, once.
func TestServerOpensThePullRequest(t *testing.T) {
	t.Parallel()
	var tries opening
	w := start(t, options{wrap: tries.wrap})
	if _, err := w.hub.Faults().Add(faults.Fault{Kind: faults.ForbidPulls}); err != nil {
		t.Fatal(err)
	}
	id := w.create(`{"job": "Write for @demo", "kind": "command", "pull_request": {"labels": ["report"]}, "config": {"script": "mkdir -p src && echo 1 > src/a.txt; echo done"}}`)
	job := w.wait(id)
	if job.Status != githubjobs.StatusCompleted || job.PullURL == "" || len(job.ChangedFiles) != 1 {
		t.Fatalf("%+v", job)
	}
	client := github.NewClient(nil).WithAuthToken(w.token)
	client, err := client.WithEnterpriseURLs(w.hub.URL(), w.hub.URL())
	if err != nil {
		t.Fatal(err)
	}
	pull, _, err := client.PullRequests.Get(t.Context(), "demo", "reports", job.Evidence.Pull)
	if err != nil {
		t.Fatal(err)
	}
	if pull.GetUser().GetLogin() != "demo" || pull.GetHead().GetSHA() != job.Evidence.ResultSHA || len(pull.Labels) != 1 || strings.Contains(pull.GetTitle(), "@demo") {
		t.Errorf("opened %s by %s at %s, labels %v", pull.GetTitle(), pull.GetUser().GetLogin(), pull.GetHead().GetSHA(), pull.Labels)
	}
	for _, part := range []string{"| added | `src/a.txt` | 2 B |", "done", job.RunURL} {
		if !strings.Contains(pull.GetBody(), part) {
			t.Errorf("the body lacks %q:\n%s", part, pull.GetBody())
		}
	}
	tries.mu.Lock()
	defer tries.mu.Unlock()
	if got := strings.Join(tries.calls, " "); got != "403 201" {
		t.Errorf("pull requests were opened with the answers %s", got)
	}
}
