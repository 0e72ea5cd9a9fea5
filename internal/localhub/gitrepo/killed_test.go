package gitrepo

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// helperDir names, in the environment of a second test process, the repository that it serves until it is killed.
const helperDir = "GITREPO_TEST_HELPER_DIR"

// TestHelperServer is no test: it is the server that TestHooksEndWithTheServer kills. Asked about a ref, it says so and never answers.
func TestHelperServer(t *testing.T) {
	dir := os.Getenv(helperDir)
	if dir == "" {
		return // not the process that the other test starts
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		g, _ := ParseRequest(req)
		r.ServeGit(w, req, g, ServeOptions{Refuse: func(context.Context, RefChange) string {
			os.Stdout.WriteString("ASKED\n")
			select {}
		}})
	}))
	os.Stdout.WriteString("READY " + srv.URL + "/o/r.git\n")
	select {}
}

// No process of a push outlives a server that is killed in the middle of it, however many refs are left to ask about.
func TestHooksEndWithTheServer(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("looks for processes in /proc, which this system has not")
	}
	r := newTestRepo(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperServer$")
	cmd.Env = append(os.Environ(), helperDir+"="+r.Dir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	next := func(prefix string) string {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				return strings.TrimSpace(rest)
			}
		}
		t.Fatalf("the server has ended: %v", lines.Err())
		return ""
	}
	url := next("READY")
	dir := t.TempDir()
	mustGit(t, dir, "init", "-q", ".")
	commitFile(t, dir, "a", "1")
	pushed := make(chan struct{})
	go func() {
		defer close(pushed)
		gitClient(t, dir, "push", "-q", url, "HEAD:refs/heads/a", "HEAD:refs/heads/b", "HEAD:refs/heads/c") // fails: the server dies
	}()
	next("ASKED")
	if len(processesOf(t, r.Dir())) == 0 {
		t.Fatal("no hook is waiting for the answer")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // says that it was killed
	<-pushed
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		left := processesOf(t, r.Dir())
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("processes that outlive the server: %q", left)
		}
	}
	if refs, err := r.Refs(t.Context(), "refs/heads/"); err != nil || len(refs) != 0 {
		t.Errorf("refs that nobody allowed: %v, %v", refs, err)
	}
}

// processesOf lists the commands of the processes whose push has its folder in dir.
func processesOf(t *testing.T, dir string) (commands []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if env, err := os.ReadFile(path); err == nil && strings.Contains(string(env), "LOCALHUB_PUSH="+dir) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline")) // gone meanwhile
			commands = append(commands, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return commands
}

// A hook that comes when nobody listens any more refuses at once.
func TestHookWithoutServer(t *testing.T) {
	t.Parallel()
	r := newTestRepo(t)
	dir := t.TempDir()
	for _, name := range []string{"ask", "answer"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, folder := range map[string]string{"nobody": dir, "no folder": filepath.Join(dir, "gone")} {
		cmd := exec.CommandContext(ctx, filepath.Join(r.Dir(), guardHooks, "update"), "refs/heads/a", Zero, fmt.Sprintf("%040d", 1))
		cmd.Env = append(os.Environ(), "LOCALHUB_PUSH="+folder)
		err := cmd.Run()
		if ctx.Err() != nil {
			t.Fatalf("%s: the hook waits", name)
		}
		if err == nil {
			t.Errorf("%s: the hook allows the ref", name)
		}
	}
}
