package localhub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// changeWorkflow runs for pushes of the branch b0 alone.
const changeWorkflow = "on: {push: {branches: [b0]}}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"

// prepareChange makes a killable localhub on dir, with a workflow and a hook, whose repository kills it in or after a change of refs, in the way that
// script, a git hook of this name, says.
func prepareChange(t *testing.T, dir string, r *receiver, hook, script string) *killable {
	t.Helper()
	k := startKillable(t, dir)
	_, _, err := k.client.Repositories.CreateFile(hubtest.Within(t), "alice", "reports", ".github/workflows/ci.yml",
		&github.RepositoryContentFileOptions{Message: github.String("CI"), Content: []byte(changeWorkflow)})
	if err != nil {
		t.Fatal(err)
	}
	awaitStored(t, dir, `kind='ref_change'`, func(n int) bool { return n == 0 })
	_, _, err = k.client.Repositories.CreateHook(hubtest.Within(t), "alice", "reports", &github.Hook{Active: github.Bool(true), Events: []string{"push", "create"},
		Config: &github.HookConfig{URL: &r.URL, Secret: github.String(hookSecret), ContentType: github.String("json")}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "git", "alice", "reports.git", hook)
	script = strings.ReplaceAll(script, "PID", strconv.Itoa(k.cmd.Process.Pid))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(script), 0o755)); err != nil {
		t.Fatal(err)
	}
	return k
}

// afterChange starts localhub on dir again, twice, and wants each of the branches created and pushed exactly once by alice, and b0 run if it is one.
func (r *receiver) afterChange(t *testing.T, dir, token string, branches ...string) {
	t.Helper()
	var want []string
	for _, b := range branches {
		want = append(want, "create "+b+" by alice", "push refs/heads/"+b+" by alice")
	}
	slices.Sort(want)
	for start2 := range 2 {
		h := start(t, dir)
		h.token = token
		h.idle()
		var got []string
		for _, g := range r.all() {
			if g.event != "ping" {
				got = append(got, fmt.Sprintf("%s %v by %v", g.event, g.raw["ref"], g.raw["sender"].(map[string]any)["login"]))
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("after start %d: received %v, want %v", start2+1, got, want)
		}
		runs, _, err := h.alice().Actions.ListRepositoryWorkflowRuns(hubtest.Within(t), "alice", "reports", nil)
		if err != nil || runs.GetTotalCount() != min(1, len(branches)) {
			t.Errorf("after start %d: %d runs, %v", start2+1, runs.GetTotalCount(), err)
		}
		h.wantClean(t)
		h.stop()
	}
}

// wantClean wants an empty journal, and nothing left of pushes.
func (h *hub) wantClean(t *testing.T) {
	t.Helper()
	left := -1
	for deadline := time.Now().Add(time.Minute); left != 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		h.db.View(func(tx *state.Tx) { left = len(tx.RefChanges.All()) })
	}
	temp, err := filepath.Glob(filepath.Join(h.cfg.DataDir, "git", "*", "*", "localhub-temp", "*"))
	if left != 0 || len(temp) != 0 || err != nil {
		t.Errorf("%d changes are not told; left behind: %v, %v", left, temp, err)
	}
}

// TestKillBetweenChangeAndNews: a localhub that is killed after git has changed refs tells of it after its next start, once; killed before, it does not.
func TestKillBetweenChangeAndNews(t *testing.T) {
	t.Parallel()
	kill := func(state string) string {
		return "#!/bin/sh\nif [ \"$1\" = " + state + " ]; then rm \"$0\"; kill -9 PID; exit 1; fi\n"
	}
	for state, branches := range map[string][]string{"prepared": nil, "committed": {"b0"}} {
		t.Run("operation "+state, func(t *testing.T) {
			t.Parallel()
			dir, r := t.TempDir(), newReceiver(t)
			k := prepareChange(t, dir, r, "hooks/reference-transaction", kill(state))
			main, _, err := k.client.Git.GetRef(hubtest.Within(t), "alice", "reports", "heads/main")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := k.client.Git.CreateRef(hubtest.Within(t), "alice", "reports", &github.Reference{Ref: github.String("refs/heads/b0"), Object: main.Object}); err == nil {
				t.Fatal("the request was answered")
			}
			k.cmd.Wait() // says that it was killed
			r.afterChange(t, dir, k.token, branches...)
		})
	}
	for hook, branches := range map[string][]string{"pre-receive": nil, "post-receive": {"b0", "b1"}} {
		t.Run("push "+hook, func(t *testing.T) {
			t.Parallel()
			dir, r := t.TempDir(), newReceiver(t)
			k := prepareChange(t, dir, r, "localhub-hooks/report/"+hook, "#!/bin/sh\nkill -9 PID\nexit 1\n")
			clone := &hub{Server: &Server{}, t: t}
			clone.cfg.ServerURL = k.url
			at := clone.clone(k.token)
			if out, err := hubtest.TryGit(t.Context(), at, "push", "-q", "origin", "HEAD:refs/heads/b0", "HEAD:refs/heads/b1"); err == nil {
				t.Fatalf("the push was answered: %s", out)
			}
			k.cmd.Wait() // says that it was killed
			if err := os.Remove(filepath.Join(dir, "git", "alice", "reports.git", "localhub-hooks", "report", hook)); err != nil {
				t.Fatal(err)
			}
			r.afterChange(t, dir, k.token, branches...)
		})
	}
}

// TestToldChangeIsNotToldAgain: a localhub that is killed when deliveries and runs are on record, and only the journal has not been cleared, adds none.
func TestToldChangeIsNotToldAgain(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), newReceiver(t)
	h := start(t, dir)
	seed(t, h)
	at := h.clone(h.token)
	h.commit(at, ".github/workflows/ci.yml", changeWorkflow, "CI")
	if _, err := h.CreateHook("alice", "reports", r.URL, hookSecret, "push", "create"); err != nil {
		t.Fatal(err)
	}
	h.git(at, "push", "-q", "origin", "HEAD:refs/heads/b0")
	h.idle()
	h.wantClean(t)
	err := h.db.Update(func(tx *state.Tx) error {
		repo, _ := tx.Repositories.ByName("alice/reports")
		for _, d := range tx.Deliveries.All() {
			if d.Event == "push" {
				tx.RefChanges.Put(state.RefChange{ID: d.Change, Push: d.Change, RepositoryID: repo.ID, SenderID: repo.OwnerID,
					Ref: "refs/heads/b0", Old: strings.Repeat("0", 40), New: h.git(at, "rev-parse", "HEAD")})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.stop()
	r.afterChange(t, dir, h.token, "b0")
}
