package localhub

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
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
	if _, _, err := second.alice().Git.GetRef(within(t), "alice", "reports", "heads/main"); err != nil {
		t.Errorf("after the restart: %v", err)
	}
	hooks, _, err := second.alice().Repositories.ListHooks(within(t), "alice", "reports", nil)
	if err != nil || len(hooks) != 1 || !strings.HasPrefix(hooks[0].GetPingURL(), second.URL()) {
		t.Errorf("hooks after the restart: %v, %v", hooks, err)
	}
	bob, err := second.CreateUser("bob")
	if err != nil {
		t.Fatal(err)
	}
	alice, _, err := second.alice().Users.Get(within(t), "alice")
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

func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$")
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	var url, token string
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) == 3 && f[0] == "READY" {
			url, token = f[1], f[2]
		}
	}
	c, err := github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(url, url)
	if err != nil {
		t.Fatal(err)
	}
	main, _, err := c.Git.GetRef(within(t), "alice", "reports", "heads/main")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Git.CreateRef(within(t), "alice", "reports", &github.Reference{Ref: github.String("refs/heads/x"), Object: main.Object}); err != nil {
		t.Fatal(err)
	}
	made, _, err := c.Repositories.Create(within(t), "", &github.Repository{Name: github.String("last")})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // says that it was killed
	h := start(t, dir)
	h.token = token
	if _, _, err := h.alice().Git.GetRef(within(t), "alice", "reports", "heads/x"); err != nil {
		t.Errorf("the branch of the killed process: %v", err)
	}
	last, _, err := h.alice().Repositories.Get(within(t), "alice", "last")
	if err != nil || last.GetID() != made.GetID() {
		t.Errorf("the repository of the killed process: %v, %v", last, err)
	}
}
