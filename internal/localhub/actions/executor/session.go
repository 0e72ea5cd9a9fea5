package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/nektos/act/pkg/common"
	"github.com/nektos/act/pkg/container"
	"github.com/nektos/act/pkg/model"
	"github.com/nektos/act/pkg/runner"
	"github.com/sirupsen/logrus"
)

// session is one job while it runs.
type session struct {
	job      Job
	sink     *sink
	hard     context.Context // done: kill everything at once
	soft     context.Context // done: the job was cancelled or timed out
	rc       *runner.RunContext
	before   map[string]string // the job's variables before act adds those of this process
	env      *environment
	tracking string // RUNNER_TRACKING_ID: marks every process of the job

	groups []int // process groups of the job's steps
}

func newSession(job Job, rec Recorder, hard context.Context) *session {
	s := &session{job: job, hard: hard, soft: hard, tracking: job.Mark + "_" + uuid.NewString()}
	s.sink = newSink(rec, job)
	return s
}

// WithJobLogger implements act's JobLoggerFactory: all that act has to say goes to the sink.
func (s *session) WithJobLogger() *logrus.Logger { return newLogger(s.sink) }

// config is act's configuration for evaluating expressions; of the `github` context, act takes the most from variables.
func (j Job) config() *runner.Config {
	env := j.GitHub.variables()
	env["SHA_REF"] = j.GitHub.SHA // act's name for github.sha
	return &runner.Config{
		Actor:           j.GitHub.Actor,
		EventName:       j.GitHub.EventName,
		DefaultBranch:   j.GitHub.DefaultBranch,
		GitHubInstance:  "github.com", // the addresses in env decide
		RemoteName:      "origin",
		Env:             env,
		Secrets:         j.secrets(),
		Vars:            j.Vars,
		Token:           j.Token,
		InsecureSecrets: true, // masking is the sink's, longest secret first
		LogOutput:       true,
		NoSkipCheckout:  true,
		ActionCache:     noActions{},
		Workdir:         j.Dir,
	}
}

// config is act's configuration for running the job.
func (s *session) config(job *model.Job) *runner.Config {
	config := s.job.config()
	config.Workdir = s.workspace()
	config.ActionCacheDir = s.job.Dir + "/act"
	config.AutoRemove = true
	maps.Copy(config.Env, s.job.Env)
	config.Platforms = map[string]string{}
	for _, label := range job.RunsOn() {
		config.Platforms[strings.ToLower(label)] = "-self-hosted"
	}
	return config
}

func (j Job) secrets() map[string]string {
	secrets := maps.Clone(j.Secrets)
	if secrets == nil {
		secrets = map[string]string{}
	}
	secrets["github_token"] = j.Token // in small letters, as GitHub's toJSON(secrets) shows it; names are found in any case
	return secrets
}

// seizing is the job's context. act asks it for the cancel context before each part of a job: first thing after it has made its own host
// environment, and before it starts any process. That is the moment to put ours in its place.
type seizing struct {
	context.Context
	seize func()
}

func (c *seizing) Value(key any) any {
	if key == common.JobCancelCtxVal {
		c.seize()
	}
	return c.Context.Value(key)
}

// seize replaces act's host environment, which hands this process's variables to every step and runs them on a terminal.
func (s *session) seize() {
	host, ok := s.rc.JobContainer.(*container.HostEnvironment)
	if !ok {
		return
	}
	s.env = &environment{session: s, HostEnvironment: &container.HostEnvironment{
		Path: s.workspace(), Workdir: s.workspace(), TmpDir: s.temp(), ToolCache: s.toolCache(), ActPath: host.ActPath, StdOut: host.StdOut,
	}}
	s.rc.JobContainer = s.env
	s.rc.Env = s.variables()
}

// variables are those of the job: the workflow's and the job's own `env`, what the machine gives, and GitHub's. act evaluates them twice more (for
// the job, for the step), so they are escaped twice: text of an event that looks like an expression must stay text.
func (s *session) variables() map[string]string {
	ctx := quiet(context.Background(), s.sink)
	eval := s.rc.NewExpressionEvaluator(ctx)
	env := maps.Clone(s.job.Base)
	if env == nil {
		env = map[string]string{}
	}
	env["HOME"] = s.home()
	for k, v := range s.before {
		if literal, ok := s.rc.Config.Env[k]; ok {
			env[k] = literal
		} else {
			env[k] = eval.Interpolate(ctx, v)
		}
	}
	maps.Copy(env, s.fixed())
	for k, v := range env {
		env[k] = escape(escape(v))
	}
	return env
}

// fixed are the variables that a workflow can't change.
func (s *session) fixed() map[string]string {
	env := s.job.GitHub.variables()
	maps.Copy(env, s.job.Env)
	env["CI"] = "true"
	env["GITHUB_JOB"] = s.job.ID
	env["GITHUB_WORKSPACE"] = s.workspace()
	env["RUNNER_WORKSPACE"] = s.workspace()[:strings.LastIndexByte(s.workspace(), '/')]
	env["RUNNER_TEMP"] = s.temp()
	env["RUNNER_TOOL_CACHE"] = s.toolCache()
	env["RUNNER_NAME"] = s.job.RunnerName
	env["RUNNER_OS"] = runnerOS()
	env["RUNNER_ARCH"] = runnerArch()
	env["RUNNER_ENVIRONMENT"] = "self-hosted"
	env["RUNNER_TRACKING_ID"] = s.tracking
	return env
}

// escape makes text survive one evaluation by act unchanged.
func escape(text string) string { return strings.ReplaceAll(text, "${{", "${{ '${{' }}") }

func runnerOS() string {
	switch runtime.GOOS {
	case "darwin":
		return "macOS"
	case "windows":
		return "Windows"
	}
	return "Linux"
}

func runnerArch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "X64"
	case "arm64":
		return "ARM64"
	}
	return strings.ToUpper(runtime.GOARCH)
}

// refuse tells what a job asks for that can't be had on one machine without network.
func refuse(job *model.Job) error {
	switch {
	case job.Uses != "":
		return fmt.Errorf("uses: %s: reusable workflows are not supported here; write the steps into the workflow itself", job.Uses)
	case job.Container() != nil:
		return errors.New("container: jobs run directly on this machine; start the container in a step: run: docker run --rm …")
	case len(job.Services) > 0:
		return errors.New("services: jobs run directly on this machine; start the service in a step: run: docker run -d …")
	case len(job.RunsOn()) == 0:
		return errors.New("runs-on is missing")
	}
	for i, step := range job.Steps {
		if step == nil || step.Type() == model.StepTypeInvalid {
			return fmt.Errorf("step %d needs either run or uses", i+1)
		}
		if err := refuseAction(step); err != nil {
			return err
		}
	}
	return nil
}

func refuseAction(step *model.Step) error {
	switch step.Type() {
	case model.StepTypeRun, model.StepTypeUsesActionLocal:
		return nil
	case model.StepTypeUsesActionRemote:
		if isCheckout(step) {
			return nil
		}
		_, err := noActions{}.Fetch(context.Background(), "", strings.SplitN(step.Uses, "@", 2)[0], step.Uses, "")
		return err
	}
	return fmt.Errorf("uses: %s: not supported here; use run: docker run --rm …", step.Uses)
}

// adapt rewrites what act would do otherwise than GitHub.
func adapt(job *model.Job) {
	job.If.Value = "always()" // decided already, by Expand
	// So is the runner. act asks for an image for each label, and skips a job without one; an expression would not be found.
	_ = job.RawRunsOn.Encode("self-hosted") // A string can always be encoded.
	ids := map[string]bool{}
	for i, step := range job.Steps {
		if step.ID == "" || ids[step.ID] {
			step.ID = fmt.Sprintf("__step_%d", i+1)
		}
		ids[step.ID] = true
		if isCheckout(step) {
			asCheckout(step)
		}
	}
}

// own returns the names of the variables that the workflow itself sets, for the log.
func (s *session) own(step map[string]string) []string {
	names := map[string]bool{}
	for k := range s.before {
		if _, given := s.rc.Config.Env[k]; !given && k != "ACT" {
			names[k] = true
		}
	}
	for k := range s.rc.GlobalEnv {
		names[k] = true
	}
	for k := range step {
		names[k] = true
	}
	return slices.Sorted(maps.Keys(names))
}
