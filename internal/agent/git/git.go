// Package git runs the git binary in a closed environment: no configuration of
// the machine or the user, no hooks, no prompts, and credentials that are never
// written to a disk or an argument list.
//
// The package imports the standard library only; the agent's steps and kinds may
// import it.
package git

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Git runs commands in one folder.
type Git struct {
	// Dir is the git folder itself (base.git, tree/.git). It is named to git, so
	// git looks for no other and does not ask who owns it.
	Dir string
	// Tree is the work tree, for commands that need one.
	Tree string
	// Remote and Token give access to repositories below the address Remote.
	Remote, Token string
}

// fixed is configuration that holds for every command, and wins over that of the
// repository.
var fixed = [][2]string{
	{"core.hooksPath", os.DevNull}, {"core.fsmonitor", "false"}, {"core.attributesFile", os.DevNull},
	{"core.excludesFile", os.DevNull}, {"core.autocrlf", "false"}, {"core.pager", "cat"},
	{"credential.helper", ""}, {"gc.auto", "0"}, {"maintenance.auto", "false"}, {"fetch.recurseSubmodules", "false"},
	// Local paths, ssh and helpers that a repository could name are of no use here.
	{"protocol.allow", "never"}, {"protocol.http.allow", "always"}, {"protocol.https.allow", "always"},
	// A redirect would carry the credentials to wherever it points.
	{"http.followRedirects", "false"},
	// A connection that stands still for a minute is given up.
	{"http.lowSpeedLimit", "1"}, {"http.lowSpeedTime", "60"},
}

// inherited are the variables of the agent that git gets: where programs are, and
// how the network is reached.
var inherited = []string{
	"PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
}

func (g Git) environ() []string {
	env := []string{
		"LC_ALL=C", "HOME=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=false", "GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0",
	}
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if g.Dir != "" {
		env = append(env, "GIT_DIR="+g.Dir)
	}
	if g.Tree != "" {
		env = append(env, "GIT_WORK_TREE="+g.Tree)
	}
	config := fixed
	if g.Token != "" {
		basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + g.Token))
		config = append(config[:len(config):len(config)],
			[2]string{"http." + strings.TrimRight(g.Remote, "/") + "/.extraHeader", "Authorization: Basic " + basic})
	}
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(config)))
	for i, c := range config {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, c[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, c[1]))
	}
	return env
}

// Run runs a command and returns what it wrote. The error of a command that
// failed holds the last lines that git wrote about it.
func (g Git) Run(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	err := g.Stream(ctx, &out, args...)
	return out.String(), err
}

// Stream is Run for output that may be large.
func (g Git) Stream(ctx context.Context, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	var complaint bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = g.environ(), out, &complaint
	cmd.WaitDelay = 2 * time.Second
	if g.Tree != "" {
		cmd.Dir = g.Tree
	}
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("git %s: %w", args[0], context.Cause(ctx))
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("git is not installed on this machine: %w", err)
	}
	return &Error{Command: args[0], Message: lastLines(complaint.String(), 3), Err: err}
}

// Error is a git command that ended badly.
type Error struct {
	Command string
	Message string // the last lines that git wrote
	Err     error
}

func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("git %s: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("git %s: %s", e.Command, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(s, "\r", "\n")), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
