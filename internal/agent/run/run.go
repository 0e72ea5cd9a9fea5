//go:build unix

// Package run does the task of a job: it checks the job's commit out, starts the
// task in a runtime with a deadline, captures the log, and saves the outcome. No
// token is in its environment, or it refuses to begin.
//
// The package has two programs in it. Run is the outer one, the step of the
// workflow; it starts Inside, in a container or as a process, and trusts nothing
// that comes out of it.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
	"github.com/githubjobs/githubjobs/internal/agent/actions"
	"github.com/githubjobs/githubjobs/internal/agent/config"
	"github.com/githubjobs/githubjobs/internal/agent/disk"
	"github.com/githubjobs/githubjobs/internal/agent/git"
	"github.com/githubjobs/githubjobs/internal/agent/live"
	"github.com/githubjobs/githubjobs/internal/agent/process"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
	"github.com/githubjobs/githubjobs/internal/agent/tasklog"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// Step is the run step of one run.
type Step struct {
	Config config.Config
	Spec   githubjobs.Spec
	Dir    work.Dir
	// Environ is the environment of the step. Nothing of it reaches the task but
	// what is allowed by name; what looks secret in it is masked in the log.
	Environ []string
	// Stdout is the log of the step.
	Stdout io.Writer

	secrets secret.Set      // what the task gets of the repository's
	session *live.Session   // tells the server how the task gets on; nil for none
	mark    string          // see live.Variable
	ran     *githubjobs.Ran // what the task was run by
}

// sandbox is where a task runs.
type sandbox interface {
	// describe says for the log what the task can and can't do there.
	describe() string
	// own gives the folders that the task may write to the user that it runs as.
	own(folders ...string) error
	// perform runs Inside, its output going to out, and returns when nothing of it
	// is alive. When ctx is done it asks the task to end, and after a grace kills it.
	perform(ctx context.Context, out io.Writer) (process.Exit, error)
}

// errDeadline is why a task is stopped that takes too long.
var errDeadline = errors.New("the deadline of the job")

// Run does the task and saves the outcome, whatever happens. The result says how
// the task ended; the error, which is nil in most cases, that not even the outcome
// could be saved.
func (s Step) Run(ctx context.Context) (githubjobs.Result, error) {
	result := s.newResult()
	if err := s.Dir.Save(work.Outcome{Spec: s.Spec, Result: result}); err != nil {
		return result, err
	}
	secrets, err := s.Dir.TakeSecrets()
	session, grantErr := s.begin()
	err = errors.Join(err, grantErr)
	s.secrets, s.session, s.mark = secrets, session, live.NewMark()
	s.ran = &githubjobs.Ran{Runtime: string(s.Config.Runtime)}
	defer s.end(session)
	log := tasklog.New(session.Tee(s.Stdout), append(tasklog.SecretsIn(s.Environ), s.secrets.Values()...))
	if err == nil {
		s.perform(ctx, log, &result)
	} else {
		s.conclude(ctx, process.Exit{}, err, &result)
	}
	result.FinishedAt = now()
	result.Log = log.Text()
	hide(log, &result)
	if result.Summary == "" && result.Log != "" {
		result.Summary = markdown.Block(log.LastLines(summaryLines))
	}
	err = s.Dir.Save(work.Outcome{Spec: s.Spec, Result: result})
	s.tell(result)
	return result, err
}

// newResult is the result that stands until there is a better one: when the agent
// is killed, it is what publish finds.
func (s Step) newResult() githubjobs.Result {
	at := now()
	return githubjobs.Result{
		Version: 1, ID: s.Spec.ID, Attempt: s.Config.RunAttempt, RunID: s.Config.RunID,
		Outcome: githubjobs.OutcomeError, ExitCode: -1, StartedAt: at, FinishedAt: at,
		Error: "the agent was killed before the task had ended",
	}
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// perform does the task and fills in how it ended.
func (s Step) perform(ctx context.Context, log *tasklog.Log, result *githubjobs.Result) {
	box, err := s.sandbox()
	if err == nil {
		err = s.prepare(ctx, box)
	}
	if err != nil {
		if a, ok := box.(ahead); ok {
			a.abandon(ctx)
		}
		s.conclude(ctx, process.Exit{}, err, result)
		return
	}
	commands := actions.To(s.Stdout)
	commands.Printf("%s", box.describe())
	if note := s.secretsNote(); note != "" {
		commands.Printf("%s", note)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Spec.Timeout(), errDeadline)
	defer cancel()
	result.StartedAt = now()
	resume := commands.Stop()
	identified := s.identify()
	out, flush := s.told(log)
	exit, err := box.perform(ctx, out)
	flush()
	log.Close()
	identified()
	result.Ran = s.ran
	resume()
	s.conclude(ctx, exit, err, result)
	if result.Outcome == githubjobs.OutcomeFailure && strings.HasPrefix(result.Error, "exit code ") {
		result.Error = withLastLine(result.Error, log.LastLines(1))
	}
	s.cleanUp()
}

// maxLastLine bounds, in characters, what is quoted of a task's last words.
const maxLastLine = 200

// withLastLine adds what the task said last: mostly why it failed.
func withLastLine(why, line string) string {
	if r := []rune(strings.TrimSpace(line)); len(r) > maxLastLine {
		line = string(r[:maxLastLine-1]) + "…"
	}
	switch line = strings.TrimSpace(line); {
	case line == "":
		return why
	case strings.Contains(why, ": "):
		return why + " (" + line + ")"
	}
	return why + ": " + line
}

// prepare makes the checkout and the folders of the task.
func (s Step) prepare(ctx context.Context, box sandbox) error {
	for _, path := range []string{s.Dir.Tree(), s.Dir.Task(), s.Dir.Home()} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	if a, ok := box.(ahead); ok {
		a.begin(ctx)
	}
	if err := git.Checkout(ctx, s.Dir.Base(), s.Dir.Tree(), s.Config.RefName, s.Config.SHA); err != nil {
		return err
	}
	if err := saveOrder(s.Dir, order{Spec: s.Spec, Commit: s.Config.SHA, Repository: s.Config.Repository, Server: s.Config.ServerURL, Grace: s.Config.Grace}); err != nil {
		return err
	}
	return box.own(s.Dir.Tree(), s.Dir.Task(), s.Dir.Home())
}

// conclude tells from what happened how the task ended.
func (s Step) conclude(ctx context.Context, exit process.Exit, err error, result *githubjobs.Result) {
	report, told := loadReport(s.Dir)
	result.ExitCode, result.Error = exit.Code, ""
	full, isFull := errors.AsType[*disk.Full](err)
	if err != nil && !isFull { // It did not run, or not to its end.
		result.ExitCode = -1
	}
	switch {
	case isFull:
		result.Outcome, result.Error = githubjobs.OutcomeFailure, full.Error()
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), errDeadline) && (exit.Stopped || err != nil):
		result.Outcome = githubjobs.OutcomeTimedOut
		result.Error = fmt.Sprintf("stopped after %s, the job's timeout_seconds", s.Spec.Timeout())
	case ctx.Err() != nil && (exit.Stopped || err != nil):
		result.Outcome, result.Error = githubjobs.OutcomeCanceled, "the run was cancelled"
	case err != nil:
		result.Outcome, result.Error = githubjobs.OutcomeError, err.Error()
	case exit.Code == 0:
		result.Outcome = githubjobs.OutcomeSuccess
	default:
		result.Outcome, result.Error = githubjobs.OutcomeFailure, fmt.Sprintf("exit code %d", exit.Code)
		if told && report.Error != "" {
			result.Error = report.Error
		} else if process.Signalled(exit.Code) {
			result.Error += fmt.Sprintf(": ended by signal %d", exit.Code-128)
		}
		switch {
		case exit.Code == 137 && s.Config.Runtime == config.Docker:
			result.Error += "; in a container mostly because memory ran out, which GITHUBJOBS_MEMORY limits"
		case exit.Code == fileTooLarge:
			result.Error += "; a file grew larger than GITHUBJOBS_FILE_SIZE lets it"
		}
	}
	if told {
		result.Summary, result.Stats, result.Usage = report.Summary, report.Stats, report.Usage
	}
}

// fileTooLarge is the exit code after the signal for that.
const fileTooLarge = 128 + int(syscall.SIGXFSZ)

// cleanUp makes the checkout readable again, and takes back what the task may have
// planted in the files through which a step sets variables for the next ones.
func (s Step) cleanUp() {
	readable(s.Dir.Tree())
	for _, path := range commandFiles(s.Environ) {
		_ = os.Remove(path) // It may have become a link.
		if f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); err == nil {
			f.Close()
		}
	}
}

// commandFiles are the files through which a step sets variables for the next ones.
func commandFiles(environ []string) (paths []string) {
	for _, name := range []string{"GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"} {
		if path := lookup(environ, name); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// readable gives the owner the right to read what the task took it from. What
// can't be changed is left for publish to complain about by name.
func readable(tree string) {
	_ = filepath.WalkDir(tree, func(path string, entry os.DirEntry, err error) error {
		if entry == nil || err != nil && !entry.IsDir() {
			return nil
		}
		info, infoErr := os.Lstat(path)
		switch {
		case infoErr != nil:
		case info.IsDir() && info.Mode().Perm()&0o700 != 0o700:
			if os.Chmod(path, info.Mode().Perm()|0o700) == nil && err != nil {
				readable(path)
			}
		case info.Mode().IsRegular() && info.Mode().Perm()&0o400 == 0:
			_ = os.Chmod(path, info.Mode().Perm()|0o400)
		}
		return nil
	})
}
