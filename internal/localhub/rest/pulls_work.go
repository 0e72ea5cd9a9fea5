package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// maxRebase is how many commits GitHub rebases at most when it merges.
const maxRebase = 100

// pullWork is what the service knows of pull requests beside the state: all of it can be computed again. The zero value is ready.
type pullWork struct {
	mu       sync.Mutex
	answers  map[int64]*mergeAnswer // by pull request id
	counts   map[[2]string]gitrepo.Comparison
	turns    map[int64]chan struct{} // by repository id: who holds the token may merge
	running  sync.WaitGroup
	shutdown bool
}

// mergeAnswer is a test merge of one head into one base: under way until done is closed.
type mergeAnswer struct {
	base, head string
	done       chan struct{}
	result     shape.Mergeability
	err        error
}

// close waits for the computations under way; none is started after it.
func (w *pullWork) close() {
	w.mu.Lock()
	w.shutdown = true
	w.mu.Unlock()
	w.running.Wait()
}

// mergeability is as on GitHub: the first reading after a change of head or base starts the computation and says "not known yet"; the next ones
// have the answer (and wait the few milliseconds until it is there).
func (w *pullWork) mergeability(ctx context.Context, git *gitrepo.Repo, p state.Pull, base string) (shape.Mergeability, error) {
	w.mu.Lock()
	a := w.answers[p.ID]
	if a == nil || a.base != base || a.head != p.HeadSHA {
		w.start(git, p, base)
		w.mu.Unlock()
		return shape.Mergeability{}, nil
	}
	w.mu.Unlock()
	select {
	case <-a.done:
	case <-ctx.Done():
		return shape.Mergeability{}, ctx.Err()
	}
	if a.err != nil {
		w.forget(p.ID, a)
	}
	return a.result, a.err
}

// start begins a computation; the caller holds mu.
func (w *pullWork) start(git *gitrepo.Repo, p state.Pull, base string) {
	if w.shutdown {
		return
	}
	if w.answers == nil {
		w.answers = map[int64]*mergeAnswer{}
	}
	a := &mergeAnswer{base: base, head: p.HeadSHA, done: make(chan struct{})}
	w.answers[p.ID] = a
	w.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		defer close(a.done)
		a.result, a.err = testMerge(ctx, git, p, base)
	})
}

// forget drops an answer, so that the next reading starts anew.
func (w *pullWork) forget(id int64, a *mergeAnswer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answers[id] == a {
		delete(w.answers, id)
	}
}

// drop forgets what is known of a pull request that is no longer open.
func (w *pullWork) drop(id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.answers, id)
}

// testMerge tries the merge and leaves its commit at refs/pull/N/merge.
func testMerge(ctx context.Context, git *gitrepo.Repo, p state.Pull, base string) (shape.Mergeability, error) {
	who := gitrepo.Signature{Name: "GitHub", Email: "noreply@github.com", When: time.Now().UTC()}
	sha, err := git.Merge(ctx, base, p.HeadSHA, gitrepo.NewCommit{
		Author: who, Committer: who, Message: fmt.Sprintf("Merge %s into %s", p.HeadSHA, base),
	})
	if conflicts(err) {
		return shape.Mergeability{Known: true}, nil
	} else if err != nil {
		return shape.Mergeability{}, err
	}
	if err := git.UpdateRefs(ctx, gitrepo.RefUpdate{Ref: pullRef(p.Number, "merge"), New: sha}); err != nil {
		return shape.Mergeability{}, err
	}
	m := shape.Mergeability{Known: true, Mergeable: true, TestMerge: sha}
	n, err := git.Count(ctx, p.HeadSHA, base)
	if err == nil && n <= maxRebase {
		_, err = git.Rebase(ctx, base, p.HeadSHA, who)
		m.Rebaseable = err == nil
	}
	if conflicts(err) {
		err = nil
	}
	return m, err
}

// conflicts reports whether err says that two commits cannot be merged.
func conflicts(err error) bool {
	_, conflict := errors.AsType[*gitrepo.ConflictError](err)
	return conflict || errors.Is(err, gitrepo.ErrUnrelated) || errors.Is(err, gitrepo.ErrDiffers)
}

// mergeableState is GitHub's mergeable_state.
func mergeableState(tx *state.Tx, r state.Repository, p state.Pull, m shape.Mergeability, behind bool) string {
	rules := r.Protections[p.BaseRef]
	switch {
	case !m.Known:
		return "unknown"
	case !m.Mergeable:
		return "dirty"
	case p.Draft:
		return "draft"
	case missing(tx, r, rules, p) != "":
		return "blocked"
	case rules.UpToDate && behind:
		return "behind"
	case !checksPassed(tx, p.RepositoryID, p.HeadSHA):
		return "unstable"
	}
	return "clean"
}

// compare is git's Compare, remembered: two commits always compare the same.
func (w *pullWork) compare(ctx context.Context, git *gitrepo.Repo, base, head string) (gitrepo.Comparison, error) {
	key := [2]string{git.Dir() + base, head}
	w.mu.Lock()
	c, ok := w.counts[key]
	w.mu.Unlock()
	if ok {
		return c, nil
	}
	c, err := git.Compare(ctx, base, head)
	if err != nil {
		return c, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.counts == nil || len(w.counts) >= 1000 {
		w.counts = map[[2]string]gitrepo.Comparison{}
	}
	w.counts[key] = c
	return c, nil
}

// turn waits until nobody else merges in the repository. Merges take turns, so that two at once both see the base that they merge into; against
// pushes, the old value of the branch guards them.
func (w *pullWork) turn(ctx context.Context, repositoryID int64) (release func(), err error) {
	w.mu.Lock()
	if w.turns == nil {
		w.turns = map[int64]chan struct{}{}
	}
	turn := w.turns[repositoryID]
	if turn == nil {
		turn = make(chan struct{}, 1)
		w.turns[repositoryID] = turn
	}
	w.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func pullRef(number int, which string) string { return fmt.Sprintf("refs/pull/%d/%s", number, which) }

// pointPullRefs keeps refs/pull/N/head at the head of the pull requests in events; of those no longer open it forgets the test merge.
func (w *pullWork) pointPullRefs(ctx context.Context, git *gitrepo.Repo, events []event.Event, log *slog.Logger) {
	var updates []gitrepo.RefUpdate
	for _, e := range events {
		e, ok := e.(event.PullRequest)
		switch {
		case !ok:
		case e.Pull.State == "open":
			updates = append(updates, gitrepo.RefUpdate{Ref: pullRef(e.Pull.Number, "head"), New: e.Pull.HeadSHA})
		default:
			w.drop(e.Pull.ID)
			if _, err := git.Ref(ctx, pullRef(e.Pull.Number, "merge")); err == nil {
				updates = append(updates, gitrepo.RefUpdate{Ref: pullRef(e.Pull.Number, "merge"), New: gitrepo.Zero})
			}
		}
	}
	if len(updates) == 0 {
		return
	}
	if err := git.UpdateRefs(ctx, updates...); err != nil {
		// These refs only mirror the state: the push that moved the branch stands.
		log.ErrorContext(ctx, "refs/pull not updated", "dir", git.Dir(), "error", err)
	}
}
