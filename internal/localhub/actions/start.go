package actions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Conclusions of runs that never had a job.
const (
	startupFailure = "startup_failure"
	actionRequired = "action_required"
)

// cause is an event on a commit, as the planner and the runs need it.
type cause struct {
	base       event.Base
	event      workflow.Event
	only       int64 // the one workflow that may start; 0: any
	ref        string
	headBranch string
	commit     gitrepo.Commit
	title      string // of the run, unless the workflow has a run-name; "": the workflow's name
	payload    func(context.Context) (any, error)
	approval   bool // its runs wait for somebody's approval
}

// start starts the workflows that an event asks for.
func (e *Engine) start(ctx context.Context, ev event.Event) error {
	git, err := e.cfg.Git.Open(ev.Repo().Owner, ev.Repo().Name)
	if err != nil {
		return err
	}
	c, err := e.causeOf(ctx, git, ev)
	if err != nil || c == nil {
		return err
	}
	files, err := e.files.at(ctx, git, c.commit.Tree)
	if err != nil {
		return err
	}
	if err := e.register(c, files); err != nil {
		return err
	}
	chosen, err := e.choose(c, files)
	if err != nil || len(chosen) == 0 {
		return err
	}
	body, err := c.payload(ctx)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return e.create(c, chosen, payload)
}

// causeOf finds the commit of an event; nil when the event starts nothing.
func (e *Engine) causeOf(ctx context.Context, git *gitrepo.Repo, ev event.Event) (*cause, error) {
	switch ev := ev.(type) {
	case event.Push:
		return e.causeOfPush(ctx, git, ev)
	case event.PullRequest:
		return e.causeOfPull(ctx, git, ev)
	case event.Dispatch:
		return e.causeOfDispatch(ctx, git, ev)
	}
	return nil, nil
}

func (e *Engine) causeOfPush(ctx context.Context, git *gitrepo.Repo, p event.Push) (*cause, error) {
	if p.Deleted || !strings.HasPrefix(p.Ref, "refs/heads/") && !strings.HasPrefix(p.Ref, "refs/tags/") {
		return nil, nil
	}
	commit, err := peel(ctx, git, p.After)
	if err != nil {
		return nil, err
	}
	name, _ := refName(p.Ref)
	title, _, _ := strings.Cut(commit.Message, "\n")
	return &cause{
		base: p.Base, ref: p.Ref, headBranch: name, commit: commit, title: title,
		event: workflow.Event{Name: "push", Ref: p.Ref, ByRunToken: p.ByRunToken, Message: commit.Message, Changed: func() ([]string, error) {
			return changedByPush(ctx, git, p, commit)
		}},
		payload: func(ctx context.Context) (any, error) { return e.cfg.Payload(ctx, p) },
	}, nil
}

// peel reads the commit that a pushed object is or, for an annotated tag, names.
func peel(ctx context.Context, git *gitrepo.Repo, sha string) (gitrepo.Commit, error) {
	if kind, _, err := git.ObjectType(ctx, sha); err == nil && kind == "tag" {
		if sha, err = git.Resolve(ctx, sha); err != nil {
			return gitrepo.Commit{}, err
		}
	}
	return git.Commit(ctx, sha)
}

// changedByPush lists the paths for `paths:` filters: between before and after, and for a new branch those of its last commit against the parent.
func changedByPush(ctx context.Context, git *gitrepo.Repo, p event.Push, tip gitrepo.Commit) ([]string, error) {
	from := gitrepo.EmptyTree
	switch {
	case !p.Created:
		from = p.Before
	case len(tip.Parents) > 0:
		from = tip.Parents[0]
	}
	return changedPaths(ctx, git, from, tip.SHA)
}

func changedPaths(ctx context.Context, git *gitrepo.Repo, from, to string) ([]string, error) {
	files, err := git.Diff(ctx, from, to, false)
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
		if f.OldPath != "" {
			paths = append(paths, f.OldPath)
		}
	}
	return paths, err
}

// causeOfPull takes the workflows of the pull request's head. GitHub would take those of a trial merge with the base.
func (e *Engine) causeOfPull(ctx context.Context, git *gitrepo.Repo, p event.PullRequest) (*cause, error) {
	if p.Pull.HeadRepositoryID != p.Repository.ID || p.Action == "closed" {
		return nil, nil
	}
	commit, err := git.Commit(ctx, p.Pull.HeadSHA)
	if err != nil {
		return nil, err
	}
	return &cause{
		base: p.Base, ref: fmt.Sprintf("refs/pull/%d/merge", p.Pull.Number), headBranch: p.Pull.HeadRef, commit: commit, title: p.Pull.Title,
		// What a run opens waits for approval; what it pushes to a pull request starts nothing.
		approval: p.ByRunToken && (p.Action == "opened" || p.Action == "reopened"),
		event: workflow.Event{
			Name: "pull_request", Action: p.Action, Ref: "refs/heads/" + p.Pull.BaseRef, Message: commit.Message,
			ByRunToken: p.ByRunToken && p.Action != "opened" && p.Action != "reopened",
			Changed: func() ([]string, error) {
				base, err := git.MergeBase(ctx, p.Pull.BaseSHA, p.Pull.HeadSHA)
				if err != nil {
					return nil, err
				}
				return changedPaths(ctx, git, base, p.Pull.HeadSHA)
			},
		},
		payload: func(ctx context.Context) (any, error) { return e.cfg.Payload(ctx, p) },
	}, nil
}

func (e *Engine) causeOfDispatch(ctx context.Context, git *gitrepo.Repo, d event.Dispatch) (*cause, error) {
	ref := cmp.Or(d.Ref, "refs/heads/"+d.Repository.DefaultBranch)
	sha, err := git.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	commit, err := git.Commit(ctx, sha)
	if err != nil {
		return nil, err
	}
	name, _ := refName(ref)
	return &cause{
		base: d.Base, ref: ref, headBranch: name, commit: commit, only: d.Workflow.ID, title: d.EventType,
		event:   workflow.Event{Name: d.Name(), Action: d.EventType},
		payload: func(ctx context.Context) (any, error) { return e.cfg.Payload(ctx, d) },
	}, nil
}

// choose returns the files that the event starts, and those that are broken.
func (e *Engine) choose(c *cause, files []parsed) ([]parsed, error) {
	var chosen []parsed
	for _, f := range files {
		if !e.mayRun(c, f.path) {
			continue
		}
		starts := c.event.Name == "push" && !c.event.ByRunToken && !workflow.SkipsCI(c.event.Message) // whatever a broken file says
		if f.err == nil {
			var err error
			if starts, err = f.file.Starts(c.event); err != nil {
				return nil, err
			}
		}
		if starts {
			chosen = append(chosen, f)
		}
	}
	return chosen, nil
}

// mayRun tells whether Actions and this workflow are enabled, and a dispatch means it.
func (e *Engine) mayRun(c *cause, path string) (ok bool) {
	e.cfg.DB.View(func(tx *state.Tx) {
		repo, _ := tx.Repositories.Get(c.base.Repository.ID)
		w, _ := tx.Workflows.ByName(state.WorkflowName(repo.ID, path))
		ok = repo.Actions.Enabled && !strings.HasPrefix(w.State, "disabled") && (c.only == 0 || c.only == w.ID)
	})
	return ok
}

// register keeps the list of a repository's workflows: what stands on the default branch, and what has ever run.
func (e *Engine) register(c *cause, files []parsed) error {
	onDefault := c.event.Name == "push" && c.ref == "refs/heads/"+c.base.Repository.DefaultBranch
	if !onDefault {
		return nil
	}
	return e.cfg.DB.Update(func(tx *state.Tx) error {
		for _, f := range files {
			e.workflowRecord(tx, c.base.Repository.ID, f, true)
		}
		for _, w := range slices.Collect(tx.Workflows.Of(c.base.Repository.ID)) {
			if !slices.ContainsFunc(files, func(f parsed) bool { return f.path == w.Path }) && w.State != "deleted" {
				w.State, w.UpdatedAt = "deleted", e.now()
				tx.Workflows.Put(w)
			}
		}
		return nil
	})
}

// workflowRecord finds or makes the record of a workflow file.
func (e *Engine) workflowRecord(tx *state.Tx, repositoryID int64, f parsed, onDefault bool) state.Workflow {
	w, ok := tx.Workflows.ByName(state.WorkflowName(repositoryID, f.path))
	before := w
	if !ok {
		w = state.Workflow{ID: tx.Workflows.NextID(), RepositoryID: repositoryID, Path: f.path, State: "active", CreatedAt: e.now(), UpdatedAt: e.now()}
	}
	if !ok || onDefault {
		w.Name = f.name()
	}
	if onDefault && w.State == "deleted" {
		w.State = "active"
	}
	if w != before {
		w.UpdatedAt = e.now()
		tx.Workflows.Put(w)
	}
	return w
}

// create makes the runs of an event, and starts them.
func (e *Engine) create(c *cause, files []parsed, payload []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, f := range files {
		live, err := e.createRun(c, f, payload)
		if err == nil && live != nil {
			err = e.admit(live, e.cancelsInProgress(live))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// createRun records one run. It returns nil when the run is over already.
func (e *Engine) createRun(c *cause, f parsed, payload []byte) (live *liveRun, err error) {
	err = e.transition(func(tx *state.Tx) ([]event.Event, error) {
		run := e.newRun(tx, c, f, payload)
		events := []event.Event{}
		if f.err == nil {
			if err := e.describe(tx, &run, c, f.file); err != nil {
				run.Error = err.Error()
			}
		}
		tx.Runs.Put(run)
		setSuite(tx, run)
		events = append(events, runEvent(tx, run, "requested"))
		switch {
		case run.Error != "":
			return append(events, e.complete(tx, run, startupFailure)...), nil
		case c.approval:
			return append(events, e.complete(tx, run, actionRequired)...), nil
		}
		live = &liveRun{id: run.ID, repositoryID: run.RepositoryID, group: run.Group, file: f.file, waiting: f.file.Jobs}
		return events, nil
	})
	return live, err
}

func (e *Engine) newRun(tx *state.Tx, c *cause, f parsed, payload []byte) state.Run {
	now := e.now()
	w := e.workflowRecord(tx, c.base.Repository.ID, f, false)
	w.LastRun++
	tx.Workflows.Put(w)
	suite := state.CheckSuite{ID: tx.CheckSuites.NextID(), RepositoryID: w.RepositoryID, HeadBranch: c.headBranch, HeadSHA: c.commit.SHA, Status: "queued",
		CreatedAt: now, UpdatedAt: now}
	tx.CheckSuites.Put(suite)
	run := state.Run{
		ID: tx.Runs.NextID(), RepositoryID: w.RepositoryID, WorkflowID: w.ID, Number: w.LastRun, Attempt: 1, SuiteID: suite.ID, Name: f.name(),
		DisplayTitle: cmp.Or(c.title, f.name()), Path: f.path, Event: c.event.Name, Payload: payload, HeadBranch: c.headBranch, HeadSHA: c.commit.SHA,
		HeadCommit: headCommit(c.commit), Ref: c.ref, Status: "queued", ActorID: c.base.Sender.ID, TriggerID: c.base.Sender.ID,
		CreatedAt: now, UpdatedAt: now, StartedAt: now,
	}
	if f.err != nil {
		run.Error = f.err.Error()
	}
	return run
}

func headCommit(c gitrepo.Commit) state.HeadCommit {
	return state.HeadCommit{
		Tree: c.Tree, Message: strings.TrimRight(c.Message, "\n"), AuthorName: c.Author.Name, AuthorEmail: c.Author.Email,
		CommitterName: c.Committer.Name, CommitterEmail: c.Committer.Email, When: c.Committer.When.UTC(),
	}
}

// describe evaluates what a workflow says of its runs: their title, and which of them exclude each other.
func (e *Engine) describe(tx *state.Tx, run *state.Run, c *cause, file *workflow.File) error {
	if file.RunName == "" && file.Concurrency == nil {
		return nil
	}
	context := e.expressionContext(tx, *run, file)
	title, err := context.Interpolate(file.RunName)
	if err != nil {
		return fmt.Errorf("run-name: %w", err)
	}
	run.DisplayTitle = cmp.Or(strings.TrimSpace(title), run.DisplayTitle)
	if file.Concurrency != nil {
		if run.Group, err = context.Interpolate(file.Concurrency.Group); err != nil {
			return fmt.Errorf("concurrency: %w", err)
		}
	}
	return nil
}

// cancelsInProgress evaluates `cancel-in-progress` of a run's workflow.
func (e *Engine) cancelsInProgress(live *liveRun) bool {
	if live.file.Concurrency == nil {
		return false
	}
	var context executor.Job
	e.cfg.DB.View(func(tx *state.Tx) {
		run, _ := tx.Runs.Get(live.id)
		context = e.expressionContext(tx, run, live.file)
	})
	value, err := context.Interpolate(live.file.Concurrency.CancelInProgress)
	return err == nil && value == "true"
}
