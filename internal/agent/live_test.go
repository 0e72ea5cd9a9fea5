//go:build unix

package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// hearer is GitHub's issuer and a server of jobs in one.
type hearer struct {
	*httptest.Server
	mu     sync.Mutex
	events []githubjobs.Event
}

func newHearer(t *testing.T) *hearer {
	h := &hearer{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /request", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer id-secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"value":"proof"}`)
	})
	mux.HandleFunc("POST /api/live/token", func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		last := int64(0)
		if n := len(h.events); n > 0 {
			last = h.events[n-1].Seq
		}
		fmt.Fprintf(w, `{"job_id":"the-job","capability":"gjl_CAPABILITY","last_seq":%d}`, last)
	})
	mux.HandleFunc("POST /api/live/the-job/events", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Events []githubjobs.Event }
		if json.NewDecoder(r.Body).Decode(&body) != nil || r.Header.Get("Authorization") != "Bearer gjl_CAPABILITY" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.events = append(h.events, body.Events...)
		fmt.Fprint(w, `{"last_seq":0}`)
	})
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

// What a run tells is masked as its log is, and the task can reach neither what it is told by nor what that was got for.
func TestLive(t *testing.T) {
	t.Parallel()
	const script = `env; cat /proc/$PPID/environ | tr '\0' '\n' || true; cat ../grant.json || true; ls .. || true
		echo "the password is correct-horse"; echo "${JOB_EVENT}progress 1/2 of correct-horse"; echo "${JOB_EVENT}meta k=$(printf %s correct-horse | base64)"; sleep 0.1`
	f := setup(t, script, nil)
	h := newHearer(t)
	f.environ["GITHUBJOBS_SERVER"], f.environ["MY_PASSWORD"] = h.URL, "correct-horse"
	f.environ["ACTIONS_ID_TOKEN_REQUEST_URL"], f.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = h.URL+"/request?api-version=2.0", "id-secret"
	f.step("fetch", ExitOK)
	if out := f.step("run", ExitUsage); !strings.Contains(out, "ACTIONS_ID_TOKEN_REQUEST_TOKEN") {
		t.Errorf("the step that could prove to be the run says\n%s", out)
	}
	delete(f.environ, "ACTIONS_ID_TOKEN_REQUEST_URL")
	delete(f.environ, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	out := f.step("run", ExitOK)
	h.mu.Lock()
	defer h.mu.Unlock()
	raw, err := json.Marshal(h.events)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"correct-horse", "id-secret", "gjl_CAPABILITY", "ACTIONS_ID_TOKEN"} {
		if strings.Contains(string(raw), secret) || strings.Contains(out, secret) || strings.Contains(f.outcome().Result.Log, secret) {
			t.Errorf("%q was told or logged:\n%s\n%s", secret, raw, out)
		}
	}
	want := map[string]bool{"phase fetching": true, "phase running": true, "log the password is ***": true, "progress of ***": true, "metadata ***": true}
	var seqs []int64
	for _, e := range h.events {
		delete(want, string(e.Type)+" "+e.Text)
		seqs = append(seqs, e.Seq)
	}
	if len(want) > 0 || !slices.IsSorted(seqs) || seqs[0] != 1 || seqs[len(seqs)-1] != int64(len(seqs)) {
		t.Errorf("missing: %v; told with the numbers %v: %s", want, seqs, raw)
	}
}
