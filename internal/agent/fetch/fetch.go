// Package fetch brings everything that a job needs from GitHub into the work
// folder, while nothing of the job runs yet: the repository at the job's commit,
// and what the job's kind asks of the API. It is the only step that reads with the
// token before the task.
//
// The package imports githubjobs and the agent's own packages.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
	"golang.org/x/oauth2"
	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/agent/actions"
	"github.com/githubjobs/githubjobs/internal/agent/config"
	"github.com/githubjobs/githubjobs/internal/agent/git"
	"github.com/githubjobs/githubjobs/internal/agent/task"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// Step is the fetch step of one run.
type Step struct {
	Config config.Config
	Spec   githubjobs.Spec
	Dir    work.Dir
	Kind   task.Kind
	// Repo is the job's repository; it is asked for the policy where the job names secrets.
	Repo   *hub.Repository
	Logger *slog.Logger
	// Stdout is the log of the step.
	Stdout io.Writer
}

// Run empties the work folder and fills it. When it fails it saves an outcome that
// says why, so that publish can tell it.
func (s Step) Run(ctx context.Context) error {
	began := time.Now().UTC()
	err := s.Dir.Reset()
	if err == nil {
		err = s.fetch(ctx)
	}
	if err == nil {
		actions.To(s.Stdout).Printf("Fetched %s at %.12s (%s)", s.Config.Repository, s.Config.SHA, time.Since(began).Round(time.Millisecond))
		return nil
	}
	result := githubjobs.Result{
		Version: 1, ID: s.Spec.ID, Attempt: s.Config.RunAttempt, RunID: s.Config.RunID, ExitCode: -1,
		Outcome: githubjobs.OutcomeError, Error: err.Error(), StartedAt: began, FinishedAt: time.Now().UTC(),
	}
	if refused, ok := errors.AsType[*task.Refused](err); ok {
		result.Refused = refused.Reason
	}
	if errors.Is(err, context.Canceled) {
		result.Outcome, result.Error = githubjobs.OutcomeCanceled, "the run was cancelled"
	}
	return errors.Join(err, s.Dir.Save(work.Outcome{Spec: s.Spec, Result: result}))
}

// fetch asks git and the API at the same time.
func (s Step) fetch(ctx context.Context) error {
	group, together := errgroup.WithContext(ctx)
	group.Go(func() error { return s.clone(together) })
	group.Go(func() error {
		repo, err := s.repository()
		if err != nil {
			return err
		}
		return s.Kind.Fetch(together, repo, s.Spec, s.Dir.Inputs())
	})
	group.Go(func() error { return s.secrets(together) })
	if err := group.Wait(); err != nil {
		return err
	}
	if reader, ok := s.Kind.(task.Reader); ok {
		return reader.Read(ctx, task.Task{Spec: s.Spec, Commit: s.Config.SHA, Base: s.Dir.Base(), Inputs: s.Dir.Inputs()})
	}
	return nil
}

// repository is the job's repository at the API. Answers of the API that tell of
// a passing trouble are asked for again.
func (s Step) repository() (task.Repository, error) {
	base, err := url.Parse(s.Config.APIURL + "/")
	if err != nil {
		return task.Repository{}, err
	}
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: s.Config.Token})
	httpClient := oauth2.NewClient(context.Background(), source)
	httpClient.Transport = &retry{next: httpClient.Transport}
	httpClient.Timeout = 2 * time.Minute
	client := github.NewClient(httpClient)
	client.BaseURL, client.UserAgent = base, "githubjobs-agent"
	return task.Repository{Client: client, Owner: s.Config.Owner(), Name: s.Config.Name()}, nil
}

// clone makes the bare repository. Only the job's commit is asked for, by its SHA:
// when a run is run again, the branch has moved on, or is gone.
func (s Step) clone(ctx context.Context) error {
	g := git.Git{Dir: s.Dir.Base(), Remote: s.Config.ServerURL, Token: s.Config.Token}
	if _, err := g.Run(ctx, "init", "--quiet", "--bare", "--template=", "--initial-branch="+s.Config.RefName); err != nil {
		return err
	}
	args := []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head"}
	if depth := s.Kind.Depth(); depth > 0 {
		args = append(args, fmt.Sprintf("--depth=%d", depth))
	}
	args = append(args, s.Config.CloneURL(), s.Config.SHA+":refs/heads/"+s.Config.RefName)
	err := s.newest(ctx, g)
	if err == nil {
		err = again(ctx, func() error {
			_, err := g.Run(ctx, args...)
			return err
		})
	}
	return explain(err, s.Config.Repository)
}

// newest refuses an attempt of the job after which another has begun: nothing that it
// does can count any more.
func (s Step) newest(ctx context.Context, g git.Git) error {
	var refs string
	err := again(ctx, func() (err error) {
		refs, err = g.Run(ctx, "ls-remote", s.Config.CloneURL(), "refs/heads/"+githubjobs.Branch(s.Spec.ID)+".*")
		return err
	})
	if err != nil {
		return err
	}
	for line := range strings.Lines(refs) {
		_, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		of, ok := githubjobs.ParseBranch(strings.TrimPrefix(ref, "refs/heads/"))
		if ok && of.ID == s.Spec.ID && of.Attempt > s.Config.Job().Attempt {
			return supersededError{of, s.Config.Job()}
		}
	}
	return nil
}

// supersededError: a later attempt of the job has begun.
type supersededError struct{ by, of githubjobs.Name }

func (e supersededError) Error() string {
	return fmt.Sprintf("attempt %d of the job has begun, on the branch %s: this is attempt %d, and counts no more", e.by.Attempt, e.by.Branch(), e.of.Attempt)
}

// again does what may fail in a way that passes, a few times.
func again(ctx context.Context, do func() error) (err error) {
	for attempt := range attempts {
		if err = pause(ctx, attempt); err != nil {
			return err
		}
		if err = do(); err == nil || !passing(err) {
			break
		}
	}
	return err
}

// refusals are what git says when asking again would not help.
var refusals = []string{
	"Authentication failed", "terminal prompts disabled", "could not read Username", "not found", "error: 403", "error: 401",
	"not our ref", "unable to update url base from redirection",
}

// passing tells whether git failed in a way that may be gone in a moment.
func passing(err error) bool {
	_, ok := errors.AsType[*git.Error](err)
	return ok && !refused(err)
}

func refused(err error) bool {
	return slices.ContainsFunc(refusals, func(r string) bool { return strings.Contains(err.Error(), r) })
}

func explain(err error, repository string) error {
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(supersededError)):
		return err
	case strings.Contains(err.Error(), "not our ref"):
		return fmt.Errorf("the job's commit is not in %s any more: its branch was deleted, or forced to another commit: %w", repository, err)
	case refused(err):
		return fmt.Errorf("%s can't be read; check that the workflow's `permissions` say contents: write: %w", repository, err)
	}
	return fmt.Errorf("fetch %s: %w", repository, err)
}
