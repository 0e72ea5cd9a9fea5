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

// choose returns the files that the event starts, and those that are broken.
func (e *Engine) choose(c *cause, files []parsed) ([]parsed, error) {
	var chosen []parsed
	for _, f := range files {
		if !e.mayRun(c, f.path) || c.base.Again && e.ran(c, f.path) {
			continue
		}
		starts := c.event.Name == "push" && !c.event.ByRunToken && !workflow.SkipsCI(c.event.Message) // whatever a broken file says
		if f.err == nil {
			var err error
			if starts, err = f.file.Starts(c.event); err != nil {
				return nil, err
			}
		}
		if starts && !e.neverStarts(c, f.path) {
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

// ran tells whether an earlier process has made the run of a change.
func (e *Engine) ran(c *cause, path string) (found bool) {
	e.cfg.DB.View(func(tx *state.Tx) {
		for run := range tx.Runs.Newest(c.base.Repository.ID) {
			found = found || run.Change == c.base.Change && run.Path == path && run.Event == c.event.Name && run.Ref == c.ref
		}
	})
	return found
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
		case run.Zombie:
			return events, nil
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
		CreatedAt: now, UpdatedAt: now, StartedAt: now, Zombie: e.isZombie(c, f.path), Change: c.base.Change,
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
