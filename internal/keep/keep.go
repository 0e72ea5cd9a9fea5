// Package keep deletes the branches of jobs that have ended and that nothing needs any
// more: GitHub recommends at most 5,000 branches, and each push reads the list of all.
// Which branch that is githubjobs.Facts.Retire decides; the dispatcher makes the pushes.
//
// It imports githubjobs, githubjobs/hub and internal/store.
package keep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	page = 500 // jobs that are read together
	// batch is how many branches are deleted together.
	batch    = 250
	minEvery = time.Second
	maxEvery = 10 * time.Minute
	retryMax = 10 * time.Minute
)

// Recommended is how many branches GitHub recommends at most (docs.github.com, "Repository
// limits").
const Recommended = 5000

// Hub deletes refs; see dispatch.Dispatcher.
type Hub interface {
	Delete(ctx context.Context, updates []hub.Update) ([]error, error)
}

// Store is what the package needs of the store; store.Jobs describes the methods.
type Store interface {
	Live(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error)
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
}

// Options are what a Keeper is made of. Every field must be set.
type Options struct {
	Project string
	Hub     Hub
	Store   Store
	// Keep is for how long branches are kept; nothing is deleted where Keep.Branch is 0.
	Keep githubjobs.Retention
	Log  *slog.Logger
	Now  func() time.Time
}

// Keeper deletes the branches of one project.
type Keeper struct {
	Options
	failures int // in a row; used by Run alone

	mu    sync.Mutex
	state State
}

// State says how the keeper gets on.
type State struct {
	Branches int       // of jobs on GitHub, when they were last counted
	At       time.Time // of that; zero while they were not
	Deleted  int       // branches, since the start
	Problem  error     // of the last look; nil when that went through
	Since    time.Time // of Problem
}

// New returns a keeper; Run makes it work.
func New(o Options) *Keeper { return &Keeper{Options: o} }

// State says how the keeper gets on.
func (k *Keeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

func (k *Keeper) update(change func(*State)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.state)
}

// Run looks for branches to delete again and again until ctx ends. It may be called again
// after it has returned. Only the leader of the project runs it.
func (k *Keeper) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := k.Once(ctx)
		if ctx.Err() != nil || errors.Is(err, store.ErrLost) {
			break // who leads by now goes on
		}
		pause := min(max(k.Keep.Branch/10, minEvery), maxEvery)
		if k.Keep.Branch == 0 {
			pause = maxEvery
		}
		if k.note(err); err != nil {
			pause = max(min(pause<<min(k.failures-1, 6), retryMax), hub.RetryAfter(err))
			k.Log.Error("deleting the branches of ended jobs failed; it will be tried again", "error", err, "again_in", pause)
		}
		_ = hub.Sleep(ctx, pause) // its error is that ctx ended
	}
	return nil
}

func (k *Keeper) note(err error) {
	k.failures++
	k.update(func(s *State) {
		switch {
		case err == nil:
			s.Problem, s.Since, k.failures = nil, time.Time{}, 0
		case s.Problem == nil:
			s.Since = k.Now()
			fallthrough
		default:
			s.Problem = err
		}
	})
}

// Once deletes every branch that may be deleted now.
func (k *Keeper) Once(ctx context.Context) error {
	due, err := k.look(ctx)
	if err != nil {
		return err
	}
	deleted, began := 0, k.Now()
	var refused error
	for len(due) > 0 && err == nil {
		some := due[:min(batch, len(due))]
		due = due[len(some):]
		var n int
		var why error
		n, why, err = k.delete(ctx, some)
		deleted, refused = deleted+n, errors.Join(refused, why)
	}
	if deleted > 0 {
		k.Log.Info("deleted branches of ended jobs", "branches", deleted, "duration", k.Now().Sub(began))
	}
	return errors.Join(err, refused)
}

// look counts the branches, and lists the jobs whose branch may be deleted.
func (k *Keeper) look(ctx context.Context) (due []string, err error) {
	branches, now := 0, k.Now()
	for after := ""; ; {
		list, err := k.Store.Live(ctx, k.Project, after, page)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			after = f.ID
			branches += len(f.Branches())
			if k.Keep.Branch > 0 && len(f.Retire(k.Keep, now)) > 0 {
				due = append(due, f.ID)
			}
		}
		if len(list) < page {
			break
		}
	}
	k.update(func(s *State) { s.Branches, s.At = branches, now })
	return due, nil
}

// delete deletes the branches of a few jobs, unless something has happened to them since
// they were listed. refused is why GitHub did not delete one of them; the error is that of
// the whole.
//
// That a branch may go is stored before it does: should the server die in between, the
// deletion still says nothing about the job.
func (k *Keeper) delete(ctx context.Context, ids []string) (n int, refused, err error) {
	facts, updates, err := k.retire(ctx, ids)
	if err != nil || len(facts) == 0 {
		return 0, nil, err
	}
	failpoint.Here("keep/retire")
	if err := k.Store.MergeFacts(ctx, k.Project, facts...); err != nil {
		return 0, nil, fmt.Errorf("storing which branches are deleted: %w", err)
	}
	failpoint.Here("keep/retired")
	for len(updates) > 0 {
		outcomes, err := k.Hub.Delete(ctx, updates)
		if err != nil {
			return n, refused, err
		}
		failpoint.Here("keep/deleted")
		gone, why := k.gone(facts[:len(outcomes)], outcomes)
		if err := k.Store.MergeFacts(ctx, k.Project, gone...); err != nil {
			return n, refused, fmt.Errorf("storing which branches were deleted: %w", err)
		}
		failpoint.Here("keep/stored")
		n, refused = n+len(gone), errors.Join(refused, why)
		k.update(func(s *State) { s.Deleted, s.Branches = s.Deleted+len(gone), s.Branches-len(gone) })
		facts, updates = facts[len(outcomes):], updates[len(outcomes):]
	}
	return n, refused, nil
}

// retire makes the facts that branches may be deleted, and the updates that do so.
func (k *Keeper) retire(ctx context.Context, ids []string) (facts []githubjobs.Facts, updates []hub.Update, err error) {
	now := k.Now().UTC()
	for _, id := range ids {
		f, err := k.Store.Facts(ctx, k.Project, id)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, one := range f.Retire(k.Keep, now) {
			facts = append(facts, one)
			updates = append(updates, hub.Update{Ref: "refs/heads/" + one.Name().Branch(), Old: one.Retired.Branch.Head})
		}
	}
	return facts, updates, nil
}

// gone makes the facts of the branches that were deleted. why is the error of one that GitHub
// refused to delete; one that has moved is told by the next read of GitHub.
func (k *Keeper) gone(facts []githubjobs.Facts, outcomes []error) (gone []githubjobs.Facts, why error) {
	now := k.Now().UTC()
	for i, err := range outcomes {
		switch {
		case errors.Is(err, hub.ErrRefMoved):
			k.Log.Info("the branch of an ended job has moved, and stays", "job_id", facts[i].ID, "error", err)
			continue
		case err != nil:
			why = err
			continue
		}
		fact := *facts[i].Retired
		fact.Done = true
		// It outranks what was known, and nothing that GitHub tells later.
		deleted := githubjobs.BranchFact{Head: fact.Branch.Head, Deleted: true, At: now, Seen: fact.Branch.Seen, Read: true}
		gone = append(gone, githubjobs.Facts{ID: facts[i].ID, Attempt: facts[i].Attempt, Retired: &fact, Branch: &deleted})
	}
	return gone, why
}
