//go:build unix

// Package agent is the program that a run of the workflow calls, step by step:
// fetch, run, publish, merge. Each step is a package of its own; this one reads
// the command line and the environment, and turns errors into exit codes.
//
// It may import every package of the agent, and nothing of the server.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/actions"
	"github.com/githubjobs/githubjobs/internal/agent/config"
	"github.com/githubjobs/githubjobs/internal/agent/fetch"
	"github.com/githubjobs/githubjobs/internal/agent/run"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// Exit codes of the agent.
const (
	ExitOK    = 0
	ExitTask  = 1 // the task failed, took too long or was cancelled, or its result could not be delivered
	ExitUsage = 2 // the command line, the environment or the event is not what it must be
	ExitError = 3 // the agent could not do its work
)

const usage = `githubjobs agent: does one job of githubjobs in a run of GitHub Actions.

Usage: agent <step>

  fetch     bring the repository and the inputs of the job into the work folder   (needs GITHUB_TOKEN)
  run       do the task there and save its outcome                                (must have no token)
  publish   push the result commit and open the pull request                      (needs GITHUB_TOKEN)
  merge     judge the pull request by the base branch's policy, and merge it      (needs GITHUB_TOKEN)
  verify    check the receipt of a job; agent verify --help tells more               (outside of Actions, without a token)
  version   print the version
  help      print this text

The steps read what Actions sets (GITHUB_REPOSITORY, GITHUB_SHA, GITHUB_EVENT_PATH, ...) and:

  GITHUBJOBS_SERVER    address of the server that is told how the job gets on (default: none is)
  GITHUBJOBS_WORK      work folder of the run            (default: githubjobs in RUNNER_TEMP)
  GITHUBJOBS_RUNTIME   docker or process                 (default: docker)
  GITHUBJOBS_IMAGE     image that the docker runtime uses
  GITHUBJOBS_MEMORY    memory of the container           (default: 4g)
  GITHUBJOBS_CPUS      processors of the container       (default: all)
  GITHUBJOBS_PIDS      processes of the task             (default: 1024)
  GITHUBJOBS_FILE_SIZE bytes of each file that it writes (default: 4g)
  GITHUBJOBS_DISK      bytes of all files that it keeps  (default: 10g)
  GITHUBJOBS_FILES     how many files these may be       (default: 1000000)
  GITHUBJOBS_ATTEST    true: publish and merge hand over what the workflow's next job has GitHub attest
  GITHUBJOBS_SECRET_SCAN
                       false: what looks like a credential may be published
  GITHUBJOBS_NETWORK   network of the container          (default: the engine's)
  GITHUBJOBS_SECRETS   the repository's secrets as JSON, for fetch and publish alone; a task gets those that its job
                       names and the policy allows
  GITHUBJOBS_UNSAFE_SAME_USER
                       true: the process runtime may run tasks as this user, for every one of them is trusted
  GITHUBJOBS_GRACE     time between the request to end and the kill (default: 5s)

Exit codes: 0 done; 1 the task did not succeed, or its result was not delivered; 2 wrong usage or configuration;
3 the agent could not do its work.
`

// Program is the agent with what it takes from its process.
type Program struct {
	Args           []string // without the program's name
	Environ        []string
	Stdout, Stderr io.Writer
}

// usageError is what the caller of the agent can mend.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errTask: the task did not succeed, or was not delivered. The step has told why.
var errTask = errors.New("the task did not succeed")

// job is what every step is about.
type job struct {
	Program
	config config.Config
	spec   githubjobs.Spec
	dir    work.Dir
}

var steps = map[string]func(context.Context, job) error{
	"fetch":   telling(githubjobs.PhaseFetching, fetchStep),
	"run":     runStep,
	"publish": telling(githubjobs.PhasePublishing, publishStep),
	"merge":   telling(githubjobs.PhaseMerging, mergeStep),
}

// Main does what the command line says and returns the exit code. SIGINT and
// SIGTERM end a step in good order.
func Main(p Program) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// The task's user, who is another one in a container, must be able to read.
	syscall.Umask(0o022)
	err := p.main(ctx)
	switch _, wrongUse := errors.AsType[usageError](err); {
	case err == nil:
		return ExitOK
	case errors.Is(err, errTask):
		return ExitTask
	case wrongUse:
		p.complain("githubjobs agent: wrong usage or configuration", err)
		return ExitUsage
	}
	p.complain("githubjobs agent", err)
	return ExitError
}

// complain says what went wrong: in a run of Actions as an annotation, else as
// programs do.
func (p Program) complain(title string, err error) {
	if slices.Contains(p.Environ, "GITHUB_ACTIONS=true") {
		actions.To(p.Stdout).Error(title, err.Error())
		return
	}
	fmt.Fprintf(p.Stderr, "%s: %v\n", title, err)
}

func (p Program) main(ctx context.Context) error {
	if len(p.Args) == 0 {
		fmt.Fprint(p.Stderr, usage)
		return usageError{errors.New("no step is given; name one: agent fetch, run, publish or merge")}
	}
	name := p.Args[0]
	switch name {
	case "help", "-h", "--help":
		fmt.Fprint(p.Stdout, usage)
		return nil
	case "version", "--version":
		fmt.Fprintln(p.Stdout, Version())
		return nil
	case "verify":
		os.Exit(p.verify(ctx))
	case "task": // The inside of run; not for people.
		os.Exit(p.inside(ctx))
	case "keep": // Its keeper, as root; for people neither.
		os.Exit(run.Keep(ctx, os.Stdin, p.Stdout, p.Stderr))
	}
	step, known := steps[name]
	if !known || len(p.Args) > 1 {
		fmt.Fprint(p.Stderr, usage)
		return usageError{fmt.Errorf("no such command: agent %s", strings.Join(p.Args, " "))}
	}
	if name == "run" {
		if err := run.RefuseTokens(p.Environ); err != nil {
			return usageError{err}
		}
	}
	j, err := p.job()
	if err != nil {
		return usageError{err}
	}
	if name != "run" && j.config.Token == "" {
		return usageError{fmt.Errorf("GITHUB_TOKEN is not set; give the step that runs `agent %s` the line GITHUB_TOKEN: ${{ github.token }} in its `env`", name)}
	}
	return step(ctx, j)
}

// job reads configuration and event.
func (p Program) job() (job, error) {
	environ := map[string]string{}
	for _, variable := range p.Environ {
		name, value, _ := strings.Cut(variable, "=")
		environ[name] = value
	}
	c, err := config.Load(environ)
	if err != nil {
		return job{}, err
	}
	spec, err := c.Spec()
	if err != nil {
		return job{}, err
	}
	dir, err := c.Dir()
	return job{p, c, spec, dir}, err
}

func fetchStep(ctx context.Context, j job) error {
	kind, ok := kinds[j.spec.Kind]
	if !ok {
		return fmt.Errorf("this agent (%s) knows no kind %q", Version(), j.spec.Kind)
	}
	repo, err := j.repository()
	if err != nil {
		return err
	}
	return fetch.Step{Config: j.config, Spec: j.spec, Dir: j.dir, Kind: kind, Repo: repo, Logger: j.logger(), Stdout: j.Stdout}.Run(ctx)
}

func runStep(ctx context.Context, j job) error {
	commands := actions.To(j.Stdout)
	commands.Printf("Job %s: %s (kind %s, at most %s)", j.spec.ID, j.spec.Title, j.spec.Kind, j.spec.Timeout())
	result, err := run.Step{Config: j.config, Spec: j.spec, Dir: j.dir, Environ: j.Environ, Stdout: j.Stdout}.Run(ctx)
	switch {
	case err != nil:
		return err
	case result.Outcome == githubjobs.OutcomeSuccess:
		return nil
	}
	return errTask
}

// inside is what the runtime starts: it does the task in the work folder that is
// named.
func (p Program) inside(ctx context.Context) int {
	if len(p.Args) < 2 {
		fmt.Fprint(p.Stderr, usage)
		return ExitUsage
	}
	return run.Inside(ctx, work.Dir(p.Args[1]), kinds, p.Stdout)
}

// version is set by release builds: -ldflags "-X …/internal/agent.version=v1.2.3".
var version string

// Version is the version that the build was given, else that of the module, with
// the commit where the build knows it.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(v, s.Value[:min(12, len(s.Value))]) {
			v += " " + s.Value
		}
	}
	return v
}
