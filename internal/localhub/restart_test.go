package localhub

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

func TestRestartContinues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, dir)
	seed(t, first)
	first.SetVariable("alice", "reports", "MODE", "fast")
	if _, err := first.CreateHook("alice", "reports", "http://127.0.0.1:9/", "s", "push"); err != nil {
		t.Fatal(err)
	}
	token := first.token
	first.stop()
	second := start(t, dir)
	second.token = token
	if _, _, err := second.alice().Git.GetRef(hubtest.Within(t), "alice", "reports", "heads/main"); err != nil {
		t.Errorf("after the restart: %v", err)
	}
	hooks, _, err := second.alice().Repositories.ListHooks(hubtest.Within(t), "alice", "reports", nil)
	if err != nil || len(hooks) != 1 || !strings.HasPrefix(hooks[0].GetPingURL(), second.URL()) {
		t.Errorf("hooks after the restart: %v, %v", hooks, err)
	}
	bob, err := second.CreateUser("bob")
	if err != nil {
		t.Fatal(err)
	}
	alice, _, err := second.alice().Users.Get(hubtest.Within(t), "alice")
	if err != nil || bob.ID <= alice.GetID() {
		t.Errorf("ids: bob %d after alice %d, %v", bob.ID, alice.GetID(), err)
	}
}

// helperDir names, in the environment of a second test process, the data folder on which it runs a localhub until it is killed.
const helperDir = "LOCALHUB_TEST_HELPER_DIR"

// TestHelperProcess is no test: it is the process that TestKill kills.
func TestHelperProcess(t *testing.T) {
	dir := os.Getenv(helperDir)
	if dir == "" {
		return // not the process that TestKill starts
	}
	s, err := New(Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{Server: s, t: t}
	seed(t, h)
	os.Stdout.WriteString("READY " + s.URL() + " " + h.token + "\n")
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// killable is a localhub in a process of its own.
type killable struct {
	cmd    *exec.Cmd
	url    string
	token  string
	client *github.Client
}

// startKillable starts a localhub on dir.
func startKillable(t *testing.T, dir string) *killable {
	t.Helper()
	k := &killable{cmd: exec.Command(os.Args[0], "-test.run=^TestHelperProcess$")}
	k.cmd.Env = append(os.Environ(), helperDir+"="+dir)
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.cmd.Process.Kill() })
	for lines := bufio.NewScanner(out); k.url == "" && lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) == 3 && f[0] == "READY" {
			k.url, k.token = f[1], f[2]
		}
	}
	k.client, err = github.NewClient(nil).WithAuthToken(k.token).WithEnterpriseURLs(k.url, k.url)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := startKillable(t, dir)
	main, _, err := k.client.Git.GetRef(hubtest.Within(t), "alice", "reports", "heads/main")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.client.Git.CreateRef(hubtest.Within(t), "alice", "reports", &github.Reference{Ref: github.String("refs/heads/x"), Object: main.Object}); err != nil {
		t.Fatal(err)
	}
	made, _, err := k.client.Repositories.Create(hubtest.Within(t), "", &github.Repository{Name: github.String("last")})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	k.cmd.Wait() // says that it was killed
	h := start(t, dir)
	h.token = k.token
	if _, _, err := h.alice().Git.GetRef(hubtest.Within(t), "alice", "reports", "heads/x"); err != nil {
		t.Errorf("the branch of the killed process: %v", err)
	}
	last, _, err := h.alice().Repositories.Get(hubtest.Within(t), "alice", "last")
	if err != nil || last.GetID() != made.GetID() {
		t.Errorf("the repository of the killed process: %v, %v", last, err)
	}
}

// deadly is a hook of git's, called in every change of refs, that kills localhub before the change or after it, once a file says so.
const deadly = `#!/bin/sh
case "$1" in
prepared) if [ -e "DIR/kill-before" ]; then rm "DIR/kill-before"; kill -9 PID; exit 1; fi ;;
committed) if [ -e "DIR/kill-after" ]; then rm "DIR/kill-after"; kill -9 PID; fi ;;
esac
`

// A localhub that is killed in a merge, just before or just after the base branch has moved, says after its next start what git says: the pull
// request is merged, or it is open and can be merged.
func TestKillDuringMerge(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"squash", "merge", "rebase"} {
		for _, moment := range []string{"before", "after"} {
			t.Run(method+" "+moment, func(t *testing.T) {
				t.Parallel()
				bin, dir := t.TempDir(), t.TempDir()
				k := startKillable(t, dir)
				script := strings.NewReplacer("DIR", bin, "PID", strconv.Itoa(k.cmd.Process.Pid)).Replace(deadly)
				hooks := filepath.Join(dir, "git", "alice", "reports.git", "hooks")
				if err := errors.Join(os.MkdirAll(hooks, 0o755), os.WriteFile(filepath.Join(hooks, "reference-transaction"), []byte(script), 0o755)); err != nil {
					t.Fatal(err)
				}
				old := k.propose(t)
				if err := os.WriteFile(filepath.Join(bin, "kill-"+moment), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				_, _, err := k.client.PullRequests.Merge(hubtest.Within(t), "alice", "reports", 1, "why", &github.PullRequestOptions{MergeMethod: method})
				if err == nil {
					t.Fatal("the merge was answered")
				}
				k.cmd.Wait() // says that it was killed
				h := start(t, dir)
				h.token = k.token
				h.wantMerge(t, old, moment == "after")
			})
		}
	}
}

// propose opens pull request 1 from the branch x, and returns the head of main.
func (k *killable) propose(t *testing.T) (base string) {
	t.Helper()
	main, _, err := k.client.Git.GetRef(hubtest.Within(t), "alice", "reports", "heads/main")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.client.Git.CreateRef(hubtest.Within(t), "alice", "reports", &github.Reference{Ref: github.String("refs/heads/x"), Object: main.Object}); err != nil {
		t.Fatal(err)
	}
	_, _, err = k.client.Repositories.CreateFile(hubtest.Within(t), "alice", "reports", "report.md",
		&github.RepositoryContentFileOptions{Message: github.String("Report"), Content: []byte("x"), Branch: github.String("x")})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = k.client.PullRequests.Create(hubtest.Within(t), "alice", "reports",
		&github.NewPullRequest{Title: github.String("Report"), Head: github.String("x"), Base: github.String("main")})
	if err != nil {
		t.Fatal(err)
	}
	for mergeable := false; !mergeable; { // the test merge changes refs in the background
		p, _, err := k.client.PullRequests.Get(hubtest.Within(t), "alice", "reports", 1)
		if err != nil {
			t.Fatal(err)
		}
		mergeable = p.GetMergeable()
	}
	return main.GetObject().GetSHA()
}

// wantMerge holds pull request 1 to what git says: merged into main, or not.
func (h *hub) wantMerge(t *testing.T, old string, merged bool) {
	t.Helper()
	main, _, err := h.alice().Git.GetRef(hubtest.Within(t), "alice", "reports", "heads/main")
	if err != nil {
		t.Fatal(err)
	}
	tip := main.GetObject().GetSHA()
	if (tip != old) != merged {
		t.Fatalf("main is at %s and was at %s", tip, old)
	}
	p, _, err := h.alice().PullRequests.Get(hubtest.Within(t), "alice", "reports", 1)
	if err != nil {
		t.Fatal(err)
	}
	if p.GetMerged() != merged || merged != (p.GetState() == "closed") || merged && (p.GetMergeCommitSHA() != tip || p.GetMergedBy().GetLogin() != "alice" || p.MergedAt == nil) {
		t.Errorf("after the restart: %s, merged %v as %s by %s; main is at %s", p.GetState(), p.GetMerged(), p.GetMergeCommitSHA(), p.GetMergedBy().GetLogin(), tip)
	}
	if !merged {
		if _, _, err := h.alice().PullRequests.Merge(hubtest.Within(t), "alice", "reports", 1, "why", nil); err != nil {
			t.Errorf("it can't be merged any more: %v", err)
		}
	}
}
