// Package hubtest is what the tests of localhub's packages share: a git client, and GitHub's error answers.
//
// Only tests import it. It imports nothing of this module.
package hubtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

// Within is a context that ends with the test, or after a minute: enough for a single step, also on a busy machine.
func Within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TryGit runs git in dir as Alice, without the machine's configuration, and returns all that it says.
func TryGit(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Alice", "GIT_AUTHOR_EMAIL=alice@example.com", "GIT_COMMITTER_NAME=Alice", "GIT_COMMITTER_EMAIL=alice@example.com")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Git is TryGit where it must not fail.
func Git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := TryGit(t.Context(), dir, args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(out)
}

// Commit writes files, by path, and commits them with all else that has changed in dir. It returns the commit.
func Commit(t *testing.T, dir, message string, files map[string]string) string {
	t.Helper()
	for path, content := range files {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	Git(t, dir, "add", "-A")
	Git(t, dir, "commit", "-q", "--allow-empty", "-m", message)
	return Git(t, dir, "rev-parse", "HEAD")
}

// WantStatus checks for GitHub's answer with this status and, in what it says, this text.
func WantStatus(t *testing.T, err error, status int, text string) {
	t.Helper()
	e, ok := errors.AsType[*github.ErrorResponse](err)
	if !ok {
		t.Errorf("error %v, want a %d", err, status)
		return
	}
	if e.Response.StatusCode != status || !strings.Contains(fmt.Sprint(e.Message, e.Errors), text) {
		t.Errorf("%d %q %v, want %d %q", e.Response.StatusCode, e.Message, e.Errors, status, text)
	}
}
