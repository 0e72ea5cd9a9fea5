// Package executor runs one job of a workflow on this machine, on nektos/act in host mode.
//
// act decides what a step does (expressions, files of GITHUB_ENV and GITHUB_OUTPUT, workflow commands, local actions); this package supplies what
// surrounds it: a closed environment, processes that can be stopped whole, a log as GitHub writes it. It needs no network and no Docker. Of this module
// it imports workflow only, so that it can be tested and measured alone.
package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nektos/act/pkg/common"
	"github.com/nektos/act/pkg/model"
	"github.com/nektos/act/pkg/runner"
)

// Conclusions of jobs and steps, in GitHub's words.
const (
	Success   = "success"
	Failure   = "failure"
	Cancelled = "cancelled"
	Skipped   = "skipped"
)

// Recorder is told what happens while it happens. Steps are numbered as on GitHub: 1 is "Set up job", the last is "Complete job". Calls come one at a
// time.
type Recorder interface {
	// StepStarted tells that a step began, with its name after evaluation.
	StepStarted(number int, name string, at time.Time)
	// StepFinished tells its conclusion; skipped steps are finished without having started.
	StepFinished(number int, conclusion string, at time.Time)
	// Line is one line of a step's log, secrets masked, without a newline.
	Line(number int, at time.Time, text string)
	// Annotate tells of an error, a warning or a notice.
	Annotate(Annotation)
	// Summary is what a step wrote to GITHUB_STEP_SUMMARY (Markdown, secrets masked).
	Summary(number int, markdown string)
}

// Annotation is a message that GitHub shows on the page of a run.
type Annotation struct {
	Level   string // "failure", "warning" or "notice"
	Title   string
	Message string
	File    string
	Line    int
}

// Result is how a job ended.
type Result struct {
	Conclusion string // success, failure or cancelled
	Outputs    map[string]string
}

// Control stops a job from outside.
type Control struct {
	// Cancel asks for an orderly end: the running step is interrupted, steps with always() or cancelled() still run.
	Cancel context.Context
	// Grace is how long those may take before everything is killed; 0 means GitHub's 5 minutes.
	Grace time.Duration
}

const gitHubGrace = 5 * time.Minute

// Run performs the job and returns when nothing of it runs any more. When ctx ends, everything is killed at once.
func Run(ctx context.Context, job Job, control Control, rec Recorder) (result Result) {
	hard, kill := context.WithCancel(ctx)
	defer kill()
	s := newSession(job, rec, hard)
	defer s.killLeftovers()
	defer func() {
		if p := recover(); p != nil { // act panics on expressions that are not closed
			result = s.crashed(fmt.Errorf("%v", p))
		}
	}()
	soft, stop := s.softContext(control, kill)
	defer stop()
	return s.run(common.WithJobCancelContext(hard, silent{soft}))
}

// Steps returns the names of the steps of the job as they are known before it runs, "Set up job" and "Complete job" included.
func (j Job) Steps() ([]string, error) {
	w, err := j.parse()
	if err != nil {
		return nil, err
	}
	names := []string{"Set up job"}
	for _, step := range w.GetJob(j.ID).Steps {
		names = append(names, stepName(step))
	}
	return append(names, "Complete job"), nil
}

// stepName is what GitHub shows: the name, or "Run " and the first line of what is run.
func stepName(step *model.Step) string {
	switch {
	case step == nil:
		return "Run"
	case step.Name != "":
		return step.Name
	case step.Uses != "":
		return "Run " + step.Uses
	}
	first, _, _ := strings.Cut(strings.TrimSpace(step.Run), "\n")
	return "Run " + first
}

// softContext is done when the job is cancelled or its time is up. After the grace period everything is killed.
func (s *session) softContext(control Control, kill context.CancelFunc) (context.Context, context.CancelFunc) {
	cancel := control.Cancel
	if cancel == nil {
		cancel = context.Background()
	}
	soft, stop := context.WithTimeoutCause(cancel, s.job.timeout(), errTimedOut)
	grace := control.Grace
	if grace == 0 {
		grace = gitHubGrace
	}
	ended := make(chan struct{})
	unhook := context.AfterFunc(soft, func() {
		select {
		case <-ended:
		case <-time.After(grace):
			kill()
		}
	})
	s.soft = soft
	return soft, func() {
		unhook()
		close(ended)
		stop()
	}
}

// silent is a context that ends without telling. act would otherwise look at it in a goroutine of its own, which changes the job's state while the job
// goes on. So act asks at the start of each step only, and the steps' processes are watched by this package.
type silent struct{ context.Context }

// Done implements context.Context.
func (silent) Done() <-chan struct{} { return nil }

var errTimedOut = errors.New("the job has exceeded the maximum execution time")

// run prepares the directories and hands the job to act.
func (s *session) run(ctx context.Context) Result {
	if err := s.prepare(); err != nil {
		return s.crashed(err)
	}
	ctx = runner.WithJobLoggerFactory(ctx, s)
	ctx = runner.WithJobLogger(ctx, s.job.ID, s.job.Name, s.rc.Config, &s.rc.Masks, s.job.Matrix)
	ctx = common.WithJobErrorContainer(&seizing{Context: ctx, seize: s.seize})
	perform, err := s.rc.Executor()
	if err != nil {
		return s.crashed(err)
	}
	s.sink.setUp()
	err = perform(ctx)
	return s.conclude(ctx, err)
}

// prepare parses the workflow, makes the job's directories and act's run context.
func (s *session) prepare() error {
	w, err := s.job.parse()
	if err != nil {
		return err
	}
	job := w.GetJob(s.job.ID)
	s.sink.name(job.Steps)
	if err := refuse(job); err != nil {
		return err
	}
	adapt(job)
	for _, dir := range []string{s.workspace(), s.temp(), s.home(), s.toolCache()} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return fmt.Errorf("prepare the job's directory: %w", err)
		}
	}
	s.rc = s.job.runContext(w, s.config(job))
	s.sink.results = s.rc.StepResults
	s.before = maps.Clone(s.rc.GetEnv())
	return nil
}

// crashed ends a job that could not even be set up.
func (s *session) crashed(err error) Result {
	s.sink.fail(err)
	s.sink.close(Failure)
	return Result{Conclusion: Failure}
}

// conclude turns act's outcome into GitHub's.
func (s *session) conclude(ctx context.Context, err error) Result {
	if err == nil {
		err = common.JobError(ctx)
	}
	job := s.rc.Run.Job()
	result := Result{Conclusion: Success, Outputs: job.Outputs}
	switch {
	case s.stopped() && (err != nil || s.rc.Cancelled):
		result.Conclusion = Cancelled
		s.sink.cancelled(context.Cause(s.soft))
	case err != nil || job.Result == Failure:
		result.Conclusion = Failure
	}
	s.sink.close(result.Conclusion)
	return result
}

// stopped tells whether the job was told to end before its time.
func (s *session) stopped() bool { return s.soft.Err() != nil || s.hard.Err() != nil }

func (s *session) workspace() string {
	name := filepath.Base(s.job.GitHub.Repository)
	return filepath.Join(s.job.Dir, "work", name, name)
}
func (s *session) temp() string      { return filepath.Join(s.job.Dir, "work", "_temp") }
func (s *session) home() string      { return filepath.Join(s.job.Dir, "home") }
func (s *session) toolCache() string { return filepath.Join(s.job.Dir, "work", "_tool") }
