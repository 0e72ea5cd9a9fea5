package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/nektos/act/pkg/common"
	"github.com/nektos/act/pkg/container"
	"github.com/nektos/act/pkg/lookpath"
	"github.com/nektos/act/pkg/runner"
)

// environment is where act runs the steps of a job: plain processes with a closed environment, each step a process group of its own.
type environment struct {
	*container.HostEnvironment
	session *session
	script  *container.FileEntry // the script of the step that comes next
}

// Copy implements act's ExecutionsEnvironment. The script of a step is remembered for the log.
func (e *environment) Copy(dest string, files ...*container.FileEntry) common.Executor {
	for _, f := range files {
		if f.Mode == 0o755 && strings.HasPrefix(f.Name, "workflow/") {
			e.script = f
		}
	}
	return e.HostEnvironment.Copy(dest, files...)
}

// Exec implements act's ExecutionsEnvironment.
func (e *environment) Exec(command []string, env map[string]string, _, workdir string) common.Executor {
	return func(ctx context.Context) error {
		if isNodeProbe(command) {
			return e.whereIsNode(command[0])
		}
		err := e.run(ctx, command, e.closed(env), e.directory(workdir))
		if err != nil {
			e.session.sink.report(err)
		}
		return err
	}
}

// UpdateFromEnv implements act's ExecutionsEnvironment. What a step writes to GITHUB_ENV is text, not an expression.
func (e *environment) UpdateFromEnv(path string, env *map[string]string) common.Executor {
	return func(ctx context.Context) error {
		if err := e.HostEnvironment.UpdateFromEnv(path, env)(ctx); err != nil {
			return err
		}
		if filepath.Base(path) == "envs.txt" {
			for k, v := range *env {
				(*env)[k] = escape(v)
			}
		}
		return nil
	}
}

// DefaultPathVariable implements act's ExecutionsEnvironment.
func (e *environment) DefaultPathVariable() string { return e.session.job.Base["PATH"] }

// GetRunnerContext is the `runner` context.
func (e *environment) GetRunnerContext(context.Context) map[string]any {
	return map[string]any{
		"name": e.session.job.RunnerName, "os": runnerOS(), "arch": runnerArch(), "environment": "self-hosted",
		"temp": e.session.temp(), "tool_cache": e.session.toolCache(),
	}
}

// closed removes what act adds of its own and restores what a workflow must not change.
func (e *environment) closed(env map[string]string) map[string]string {
	env = maps.Clone(env)
	for _, name := range []string{"ACT", "SHA_REF", "ImageOS", "RUNNER_PERFLOG"} {
		if _, given := e.session.before[name]; !given || name == "ACT" || name == "SHA_REF" {
			delete(env, name)
		}
	}
	if env["GITHUB_ACTION_PATH"] == "" {
		delete(env, "GITHUB_ACTION_PATH")
	}
	env["GITHUB_EVENT_PATH"] = filepath.Join(e.GetActPath(), "workflow", "event.json")
	maps.Copy(env, e.session.fixed())
	return env
}

func (e *environment) directory(workdir string) string {
	if filepath.IsAbs(workdir) {
		return workdir
	}
	return filepath.Join(e.Path, workdir)
}

// isNodeProbe recognises act's question for the path of node, which it asks for every job by starting node.
func isNodeProbe(command []string) bool {
	return len(command) == 4 && command[0] == "node" && command[3] == "console.log(process.execPath)"
}

func (e *environment) whereIsNode(name string) error {
	path, err := lookpath.LookPath2(name, pathOf(e.session.job.Base))
	if err == nil {
		_, err = fmt.Fprintln(e.StdOut, path)
	}
	return err
}

// pathOf lets act's lookpath search the PATH of a step.
type pathOf map[string]string

// Getenv implements lookpath.Env.
func (p pathOf) Getenv(name string) string { return p[name] }

// run starts the command and waits for its end. Its error is what GitHub writes in the log.
func (e *environment) run(ctx context.Context, command []string, env map[string]string, dir string) error {
	e.announce(command, env)
	if ctx.Err() != nil {
		return errCancelled
	}
	path, err := lookpath.LookPath2(command[0], pathOf(env))
	if err != nil {
		return fmt.Errorf("%s: command not found in PATH", command[0])
	}
	cmd := exec.Command(path)
	cmd.Args, cmd.Dir, cmd.Env = command, dir, list(env)
	return e.explain(ctx, e.capture(ctx, cmd, func() bool { return e.goesOn(ctx, env) }))
}

var statusChecks = regexp.MustCompile(`(?i)\b(success|failure)\(\s*\)`)

// goesOn tells whether the running step goes on although the job was cancelled: its `if` is evaluated again, with cancelled() true.
func (e *environment) goesOn(ctx context.Context, env map[string]string) bool {
	condition := strings.ToLower(e.session.sink.step().If.Value)
	if !strings.Contains(condition, "always()") && !strings.Contains(condition, "cancelled()") {
		return false
	}
	rc := e.session.rc
	rc.Cancelled = true
	condition = statusChecks.ReplaceAllString(e.session.sink.step().If.Value, "false")
	yes, err := runner.EvalBool(ctx, rc.NewExpressionEvaluatorWithEnv(ctx, env), condition, noCheck)
	return yes && err == nil
}

// capture runs cmd with its output going to the log. When the process has ended, it waits a little for the output of those that it left behind.
func (e *environment) capture(ctx context.Context, cmd *exec.Cmd, goesOn func() bool) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		out := &lastByte{w: e.StdOut}
		_, _ = io.Copy(out, r) // ends with the pipe
		out.end()
	}()
	cmd.Stdout, cmd.Stderr = w, w
	err = e.session.perform(ctx, cmd, goesOn)
	patience := 5 * time.Second
	if errors.Is(err, errStopped) {
		patience = 100 * time.Millisecond
	}
	_ = w.Close()
	select {
	case <-copied:
	case <-time.After(patience):
	}
	_ = r.Close()
	<-copied
	return err
}

var errCancelled = errors.New("The operation was canceled.") //nolint:staticcheck // GitHub's words

func (e *environment) explain(ctx context.Context, err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errStopped) && !e.session.stopped():
		return fmt.Errorf("The action '%s' has timed out after %s minutes.", e.session.sink.running(), e.session.sink.timeout()) //nolint:staticcheck
	case errors.Is(err, errStopped) || ctx.Err() != nil:
		return errCancelled
	case errors.As(err, &exit):
		return fmt.Errorf("Process completed with exit code %d.", exitCode(exit)) //nolint:staticcheck // GitHub's words
	case os.IsNotExist(err):
		return fmt.Errorf("working directory %s does not exist", e.Path)
	}
	return err
}

// announce writes what GitHub writes before a step's own output: the script, the shell, the variables.
func (e *environment) announce(command []string, env map[string]string) {
	sink := e.session.sink
	script := e.script
	e.script = nil
	if script == nil || sink.quietStep() {
		return
	}
	body := strings.Split(strings.Trim(script.Body, "\n"), "\n")
	lines := []string{"##[group]Run " + body[0]}
	for _, line := range body {
		lines = append(lines, "\x1b[36;1m"+line+"\x1b[0m")
	}
	file := filepath.Join(e.GetActPath(), script.Name)
	lines = append(lines, "shell: "+strings.ReplaceAll(strings.Join(command, " "), file, "{0}"))
	if names := e.session.own(sink.stepEnv()); len(names) > 0 {
		lines = append(lines, "env:")
		for _, name := range names {
			lines = append(lines, "  "+name+": "+env[name])
		}
	}
	sink.say(append(lines, "##[endgroup]")...)
}

func list(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for k, v := range env {
		out = append(out, k+"="+v)
	}
	return out
}

// lastByte completes the last line of an output.
type lastByte struct {
	w    io.Writer
	last byte
}

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.last = p[len(p)-1]
	}
	return l.w.Write(p)
}

func (l *lastByte) end() {
	if l.last != 0 && l.last != '\n' {
		_, _ = l.w.Write([]byte{'\n'})
	}
}
