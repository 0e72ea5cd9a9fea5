// Package gitrepo is one bare git repository, read and written through the real
// git binary, and served over smart HTTP by the real git http-backend. What it
// answers is what git answers: diffs, merges and refusals are not imitated.
//
// Every git process gets a clean environment, so neither the configuration of
// the machine nor that of the user changes an answer. Object reads and changes
// of refs go through one long-lived process each per repository; everything else
// costs one process of a few milliseconds, as little as the operation needs.
//
// Functions that take a commit take its full SHA; only [Repo.Resolve] accepts
// what a person types. So no name from outside is ever an argument that git
// could read as an option.
//
// It imports the standard library only, and no sibling package.
package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// minMinor is the oldest git 2.x that has "merge-tree --write-tree".
const minMinor = 38

// settings is the whole configuration that git sees, besides the repository's
// own file, which nobody but this package writes.
var settings = [][2]string{
	{"safe.directory", "*"},
	// A crash of the machine may cost the last objects; a crash of the process may not.
	{"core.fsync", "none"},
	{"core.quotePath", "false"},
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"receive.autogc", "false"},
	{"transfer.fsckObjects", "true"},
	{"receive.maxInputSize", "2g"},
	// GitHub answers "deny updating a hidden ref" to a push to refs/pull/*.
	{"receive.hideRefs", "refs/pull"},
	{"uploadpack.allowFilter", "true"},
	{"uploadpack.allowAnySHA1InWant", "true"},
	{"uploadpack.allowReachableSHA1InWant", "true"},
	{"uploadpack.allowTipSHA1InWant", "true"},
	{"http.receivepack", "true"},
	{"http.uploadpack", "true"},
	{"http.getanyfile", "false"},
	{"init.defaultBranch", "main"},
}

// environment is the environment of a git process, with more settings on top.
func environment(more ...[2]string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=/nonexistent",
		"LC_ALL=C",
		"TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_DEFAULT_REF_FORMAT=files", // Repo.Ref reads them
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_LITERAL_PATHSPECS=1",
		"GIT_NO_REPLACE_OBJECTS=1",
	}
	n := 0
	for _, list := range [][][2]string{settings, more} {
		for _, kv := range list {
			i := strconv.Itoa(n)
			env = append(env, "GIT_CONFIG_KEY_"+i+"="+kv[0], "GIT_CONFIG_VALUE_"+i+"="+kv[1])
			n++
		}
	}
	return append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(n))
}

// GitError is a git command that failed in a way that has no error value of its
// own here.
type GitError struct {
	Args   []string
	Code   int // exit code; -1 when the process was killed or never started
	Stderr string
	Err    error
}

func (e *GitError) Error() string {
	said := strings.TrimSpace(e.Stderr)
	if said == "" {
		said = e.Err.Error()
	}
	return fmt.Sprintf("git %s: %s", strings.Join(e.Args, " "), said)
}

func (e *GitError) Unwrap() error { return e.Err }

// command is one git process to be.
type command struct {
	args  []string
	stdin io.Reader
	env   []string // on top of the clean environment
}

// git runs git in the repository and returns what it wrote.
func (r *Repo) git(ctx context.Context, args ...string) ([]byte, error) {
	return r.run(ctx, command{args: args})
}

func (r *Repo) run(ctx context.Context, c command) ([]byte, error) {
	var out bytes.Buffer
	err := r.stream(ctx, c, func(stdout io.Reader) error {
		_, err := out.ReadFrom(stdout)
		return err
	})
	return out.Bytes(), err
}

// stream runs git and lets read consume its output while it runs. When read
// stops early with an error, the process is killed and that error returned.
func (r *Repo) stream(ctx context.Context, c command, read func(io.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", append([]string{"--git-dir=" + r.dir}, c.args...)...)
	cmd.Dir, cmd.Env = r.dir, append(environment(), c.env...)
	cmd.Stdin, cmd.Stderr = c.stdin, &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return &GitError{Args: c.args, Code: -1, Err: err}
	}
	readErr := read(stdout)
	if readErr != nil {
		cancel()
	}
	if err := cmd.Wait(); err != nil && readErr == nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return &GitError{Args: c.args, Code: cmd.ProcessState.ExitCode(), Stderr: stderr.String(), Err: err}
	}
	return readErr
}

// exitCode is the exit code inside err, or -1.
func exitCode(err error) int {
	var ge *GitError
	if errors.As(err, &ge) {
		return ge.Code
	}
	return -1
}

// installation is the git of this machine: checked once, where its programs are.
var installation = sync.OnceValues(func() (execPath string, err error) {
	out, err := exec.Command("git", "version").Output()
	if err != nil {
		return "", fmt.Errorf("git is needed on PATH: install git 2.%d or newer: %w", minMinor, err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "git version ")
	if !newEnough(version) {
		return "", fmt.Errorf("git %s is too old: install git 2.%d or newer (it has merge-tree --write-tree)", version, minMinor)
	}
	path, err := exec.Command("git", "--exec-path").Output()
	return strings.TrimSpace(string(path)), err
})

// newEnough reports whether a version such as "2.39.5" has all that we use.
func newEnough(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (major > 2 || major == 2 && minor >= minMinor)
}
