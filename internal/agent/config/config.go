// Package config reads what the agent is told: by GitHub Actions in its GITHUB_
// variables, by the workflow in GITHUBJOBS_ ones, and by the event of the run.
//
// The package imports githubjobs, githubjobs/hub and the agent's actions, disk and work.
package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v10"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/agent/actions"
	"github.com/githubjobs/githubjobs/internal/agent/disk"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// Runtime is where a task is run.
type Runtime string

const (
	// Docker runs the task in a container of the agent's image, without rights.
	Docker Runtime = "docker"
	// Process runs the task as a process of a user of its own.
	Process Runtime = "process"
)

// Config is what all steps of the agent are told. Only Token is not for all: the
// run step must not have it.
type Config struct {
	ServerURL  string `env:"GITHUB_SERVER_URL" envDefault:"https://github.com"`
	APIURL     string `env:"GITHUB_API_URL"` // by default derived from ServerURL
	Repository string `env:"GITHUB_REPOSITORY"`
	SHA        string `env:"GITHUB_SHA"` // the creation commit
	RefName    string `env:"GITHUB_REF_NAME"`
	EventName  string `env:"GITHUB_EVENT_NAME"`
	EventPath  string `env:"GITHUB_EVENT_PATH"`
	RunID      int64  `env:"GITHUB_RUN_ID"`
	RunAttempt int    `env:"GITHUB_RUN_ATTEMPT" envDefault:"1"`
	Token      string `env:"GITHUB_TOKEN"`
	// Secrets are the repository's, as ${{ toJSON(secrets) }} makes them; like Token not for
	// the run step.
	Secrets string `env:"GITHUBJOBS_SECRETS"`
	Summary string `env:"GITHUB_STEP_SUMMARY"`
	Output  string `env:"GITHUB_OUTPUT"`
	// Workflow names the workflow of the run, WorkflowSHA the commit that its file was of.
	Workflow    string `env:"GITHUB_WORKFLOW_REF"`
	WorkflowSHA string `env:"GITHUB_WORKFLOW_SHA"`
	RunnerTemp  string `env:"RUNNER_TEMP"`

	// Result and Pull are what the publish step has handed to the merge step: the result
	// commit and the number of its pull request, 0 for none. Without Result, that step
	// was not asked, as in workflows of earlier versions.
	Result string `env:"GITHUBJOBS_RESULT"`
	Pull   int    `env:"GITHUBJOBS_PULL"`
	// Attest has publish and merge hand over what the job behind them has attested.
	Attest bool `env:"GITHUBJOBS_ATTEST"`

	// Live is the address of the server that is told how the run gets on; empty for none.
	// The two after it are what a step asks GitHub for its proof with; see live.Identity.
	Live          string `env:"GITHUBJOBS_SERVER"`
	IdentityURL   string `env:"ACTIONS_ID_TOKEN_REQUEST_URL"`
	IdentityToken string `env:"ACTIONS_ID_TOKEN_REQUEST_TOKEN"`

	// Work is the folder of the run; by default "githubjobs" in RUNNER_TEMP.
	Work    string  `env:"GITHUBJOBS_WORK"`
	Runtime Runtime `env:"GITHUBJOBS_RUNTIME" envDefault:"docker"`
	// Image is the agent's image, which the docker runtime runs the task in.
	Image string `env:"GITHUBJOBS_IMAGE"`
	// SameUser lets the process runtime run tasks as the runner's own user. They must
	// be trusted: nothing keeps them from the token of the steps that follow. It is of
	// no effect for root, who can run tasks as any user.
	SameUser bool `env:"GITHUBJOBS_UNSAFE_SAME_USER"`
	// Memory, CPUs and Pids bound the container; Pids the process runtime too. Memory is
	// written as Docker does ("4g"); CPUs defaults to all that the machine has.
	Memory string `env:"GITHUBJOBS_MEMORY" envDefault:"4g"`
	CPUs   string `env:"GITHUBJOBS_CPUS"`
	Pids   int    `env:"GITHUBJOBS_PIDS" envDefault:"1024"`
	// FileSize bounds each file that a task writes, in both runtimes; written like Memory.
	FileSize string `env:"GITHUBJOBS_FILE_SIZE" envDefault:"4g"`
	// Disk bounds all files together that a task keeps, in both runtimes; written like
	// Memory. Files bounds how many files and folders these are. The checkout counts.
	Disk  string `env:"GITHUBJOBS_DISK" envDefault:"10g"`
	Files int64  `env:"GITHUBJOBS_FILES" envDefault:"1000000"`
	// Network is the container's network, by name; by default the engine's own default.
	Network string `env:"GITHUBJOBS_NETWORK"`
	// SecretScan has credentials refused in what a task changes, and redacted in what it says.
	SecretScan bool `env:"GITHUBJOBS_SECRET_SCAN" envDefault:"true"`
	// Grace is the time between the request to end (SIGINT, after three quarters of it
	// SIGTERM) and the kill. A cancelled step is killed by GitHub's runner after ten
	// seconds, so it must be well below.
	Grace time.Duration `env:"GITHUBJOBS_GRACE" envDefault:"5s"`
}

// Load reads the configuration from an environment, and says everything that is
// wrong with it, naming variables.
func Load(environ map[string]string) (Config, error) {
	var c Config
	// A variable that is set to nothing, as workflows do, counts as not set.
	given := map[string]string{}
	for name, value := range environ {
		if value != "" {
			given[name] = value
		}
	}
	if err := env.ParseWithOptions(&c, env.Options{Environment: given}); err != nil {
		return c, explain(err)
	}
	c.ServerURL = strings.TrimRight(c.ServerURL, "/")
	if c.APIURL == "" {
		c.APIURL = hub.APIURL(c.ServerURL)
	}
	c.APIURL = strings.TrimRight(c.APIURL, "/")
	c.Live = strings.TrimRight(c.Live, "/")
	return c, c.validate()
}

// explain names the variables instead of the fields of the struct.
func explain(err error) error {
	aggregate, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return err
	}
	variables := map[string]string{"RunID": "GITHUB_RUN_ID", "RunAttempt": "GITHUB_RUN_ATTEMPT", "Pids": "GITHUBJOBS_PIDS", "Files": "GITHUBJOBS_FILES", "Grace": "GITHUBJOBS_GRACE", "Pull": "GITHUBJOBS_PULL",
		"SameUser": "GITHUBJOBS_UNSAFE_SAME_USER", "SecretScan": "GITHUBJOBS_SECRET_SCAN", "Attest": "GITHUBJOBS_ATTEST"}
	var errs []error
	for _, e := range aggregate.Errors {
		if p, ok := errors.AsType[env.ParseError](e); ok {
			e = fmt.Errorf("%s: must be a %s: %w", variables[p.Name], p.Type, p.Err)
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

var (
	repositoryPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-_]*/[A-Za-z0-9._-]+$`)
	shaPattern        = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	memoryPattern     = regexp.MustCompile(`^[0-9]+[bkmgBKMG]?$`)
	cpusPattern       = regexp.MustCompile(`^[0-9]+(?:\.[0-9]+)?$`)
	imagePattern      = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9._/:@-]*$`)
	networkPattern    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
)

func (c Config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	const inActions = "Actions sets it; outside of Actions set it yourself"
	check(isURL(c.ServerURL), "GITHUB_SERVER_URL: %q is not the address of a GitHub, like https://github.com", c.ServerURL)
	check(isURL(c.APIURL), "GITHUB_API_URL: %q is not the address of GitHub's API, like https://api.github.com", c.APIURL)
	check(repositoryPattern.MatchString(c.Repository), "GITHUB_REPOSITORY: %q is not owner/name; "+inActions, c.Repository)
	check(shaPattern.MatchString(c.SHA), "GITHUB_SHA: %q is not the full SHA of a commit; "+inActions, c.SHA)
	check(c.Live == "" || isURL(c.Live), "GITHUBJOBS_SERVER: %q is not the address of a server of jobs, like https://jobs.example.com", c.Live)
	check(c.RefName != "", "GITHUB_REF_NAME is missing; "+inActions)
	check(c.EventPath != "", "GITHUB_EVENT_PATH is missing; "+inActions)
	check(c.RunAttempt >= 1, "GITHUB_RUN_ATTEMPT: %d is not an attempt; the first is 1", c.RunAttempt)
	check(c.RunID >= 0, "GITHUB_RUN_ID: %d is not a run", c.RunID)
	check(c.Runtime == Docker || c.Runtime == Process, "GITHUBJOBS_RUNTIME: %q is unknown; use docker or process", c.Runtime)
	check(c.Image == "" || imagePattern.MatchString(c.Image), "GITHUBJOBS_IMAGE: %q is not the name of an image", c.Image)
	check(memoryPattern.MatchString(c.Memory), "GITHUBJOBS_MEMORY: %q is not a size; write it like 512m or 4g", c.Memory)
	check(memoryPattern.MatchString(c.FileSize) && c.MaxFile() > 0, "GITHUBJOBS_FILE_SIZE: %q is not a size; write it like 512m or 4g", c.FileSize)
	check(memoryPattern.MatchString(c.Disk) && sizeOf(c.Disk) > 0, "GITHUBJOBS_DISK: %q is not a size; write it like 500m or 10g", c.Disk)
	check(c.Files > 0, "GITHUBJOBS_FILES: %d is not a number of files", c.Files)
	check(c.CPUs == "" || cpusPattern.MatchString(c.CPUs), "GITHUBJOBS_CPUS: %q is not a number of processors, like 1.5", c.CPUs)
	check(c.Result == "" || shaPattern.MatchString(c.Result), "GITHUBJOBS_RESULT: %q is not the full SHA of a commit; it is for the output `result` of the publish step", c.Result)
	check(c.Pull == 0 || c.Pull > 0 && c.Result != "", "GITHUBJOBS_PULL: %d is of no use without GITHUBJOBS_RESULT; they are for the outputs of the publish step", c.Pull)
	check(c.Pids > 0, "GITHUBJOBS_PIDS: %d is not a number of processes", c.Pids)
	check(c.Network == "" || networkPattern.MatchString(c.Network), "GITHUBJOBS_NETWORK: %q is not the name of a network", c.Network)
	check(c.Grace >= 0 && c.Grace <= time.Minute, "GITHUBJOBS_GRACE: %s is out of range; give 0s to 1m", c.Grace)
	return errors.Join(errs...)
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == ""
}

// OtherUser tells whether the task runs on this machine as a user of its own.
func (c Config) OtherUser() bool {
	return c.Runtime == Process && (!c.SameUser || os.Getuid() == 0)
}

// MaxFile is FileSize in bytes; 0 when it is no size that can be counted.
func (c Config) MaxFile() int64 { return sizeOf(c.FileSize) }

// Room is how much a task may keep in files, and how many of them.
func (c Config) Room() disk.Bounds { return disk.Bounds{Bytes: sizeOf(c.Disk), Files: c.Files} }

// sizeOf reads a size as Docker writes it; 0 when it is none that can be counted.
func sizeOf(text string) int64 {
	number := strings.TrimRight(text, "bkmgBKMG")
	n, err := strconv.ParseInt(number, 10, 64)
	shift := map[string]int{"k": 10, "m": 20, "g": 30}[strings.ToLower(text[len(number):])]
	if err != nil || n > math.MaxInt64>>shift {
		return 0
	}
	return n << shift
}

// Dir is the work folder of the run.
func (c Config) Dir() (work.Dir, error) {
	if c.Work == "" && c.RunnerTemp != "" && c.OtherUser() {
		return work.Open(fmt.Sprintf("%s %d %d", c.RunnerTemp, c.RunID, c.RunAttempt))
	}
	return work.Default(c.Work, c.RunnerTemp)
}

// Owner and Name are the two parts of Repository.
func (c Config) Owner() string { owner, _, _ := strings.Cut(c.Repository, "/"); return owner }

// Name is the repository's name without its owner.
func (c Config) Name() string { _, name, _ := strings.Cut(c.Repository, "/"); return name }

// CloneURL is the address of the repository for git, without credentials.
func (c Config) CloneURL() string { return c.ServerURL + "/" + c.Repository + ".git" }

// RunURL is the page of the run; empty outside of a run.
func (c Config) RunURL() string {
	if c.RunID == 0 {
		return ""
	}
	return fmt.Sprintf("%s/%s/actions/runs/%d", c.ServerURL, c.Repository, c.RunID)
}

// Spec reads the job from the event of the run, and checks that the run is one of
// that job: started by the push that created the job's branch.
func (c Config) Spec() (githubjobs.Spec, error) {
	push, err := actions.ReadPush(c.EventPath)
	if err != nil {
		return githubjobs.Spec{}, err
	}
	switch {
	case c.EventName != "push" || push.HeadCommit == nil || push.Deleted:
		return githubjobs.Spec{}, fmt.Errorf("the run was started by the event %q, not by the push of a job; run the workflow on: push: branches: ['job/**']", c.EventName)
	case !push.Created:
		return githubjobs.Spec{}, fmt.Errorf("the push did not create the branch %s; give the workflow's job `if: github.event.created`", c.RefName)
	case push.After != c.SHA || push.HeadCommit.ID != c.SHA || push.Ref != "refs/heads/"+c.RefName:
		return githubjobs.Spec{}, fmt.Errorf("the event is of commit %s on %s, the run of %s on %s", push.After, push.Ref, c.SHA, c.RefName)
	}
	spec, err := githubjobs.ParseSpec(push.HeadCommit.Message)
	if err != nil {
		return githubjobs.Spec{}, fmt.Errorf("commit %.12s is not a job: %w", c.SHA, err)
	}
	if of, ok := githubjobs.ParseBranch(c.RefName); !ok || of.ID != spec.ID {
		return githubjobs.Spec{}, fmt.Errorf("the job %s belongs on branch %s, not on %s", spec.ID, githubjobs.Branch(spec.ID), c.RefName)
	}
	return spec, nil
}

// Job names the attempt of the job that the run is of; its branch has been checked by Spec.
func (c Config) Job() githubjobs.Name {
	of, _ := githubjobs.ParseBranch(c.RefName)
	return of
}
