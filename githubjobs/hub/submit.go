package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Submission is what came of submitting an attempt of a job.
type Submission struct {
	ID      string
	Attempt int
	Branch  string
	// SHA is the creation commit; empty when Err is set.
	SHA string
	// BaseSHA is the creation commit's parent.
	BaseSHA string
	// Created says that this very push made the branch; else it was there before.
	Created bool
	// Found is the spec that the branch carried before, where that had to be read. It may be
	// of an earlier time than the one submitted; see githubjobs.Spec.SameRequest.
	Found *githubjobs.Spec
	// Err is nil when the job is on GitHub now. Temporary(Err) says whether to try
	// again. It is a *TakenError when the branch carries another job.
	Err error
}

// TakenError: the job's branch exists and was made by somebody for something else.
type TakenError struct {
	Branch string
	Head   string
	// Spec is what the branch carries; nil when it carries no job.
	Spec *githubjobs.Spec
}

func (e *TakenError) Error() string {
	if e.Spec == nil {
		return fmt.Sprintf("the branch %s exists already and carries no job; delete it or use another id", e.Branch)
	}
	if e.Keyed() {
		return fmt.Sprintf("the idempotency key of the job was used before, for the one created %s on the branch %s, with another body", e.Spec.CreatedAt.Format(time.RFC3339), e.Branch)
	}
	return fmt.Sprintf("the branch %s carries another job of the same id, created %s", e.Branch, e.Spec.CreatedAt.Format(time.RFC3339))
}

// Keyed says that the branch carries the job of an idempotency key: the first one with
// that key, which stays what the id names.
func (e *TakenError) Keyed() bool { return e.Spec != nil && e.Spec.Request != "" }

// Submit puts attempts of jobs on GitHub, all in one push: two HTTP requests for any number of
// jobs and no REST call, as long as the commits that the bases are at have been met
// before (one REST read for each that has not; see LearnBase). Specs may name
// different bases; an empty one means Base.
//
// A job is one commit, the same on every try while the base stands still; so a try
// that is repeated after a crash finds what the first one did. A branch that exists
// with another head costs one REST read, which tells our job from another's.
//
// The result has one entry for each order, in their order. The error is that of the whole
// push: nothing is known of any job then, and all may be submitted again.
func (r *Repository) Submit(ctx context.Context, orders []githubjobs.Order) ([]Submission, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	base, err := r.Base(ctx)
	if err != nil {
		return nil, err
	}
	push, err := r.openPush(ctx)
	if err != nil {
		return nil, err
	}
	results := make([]Submission, len(orders))
	batch := submitBatch{repo: r, push: push, base: base, failed: map[string]error{}, update: map[string]int{}}
	for i, o := range orders {
		results[i] = batch.prepare(ctx, o)
	}
	if len(batch.updates) == 0 {
		return results, nil
	}
	outcomes, err := push.send(ctx, batch.updates, batch.objects)
	if err != nil {
		return nil, err
	}
	for i := range results {
		k, sent := batch.update[results[i].Branch]
		if !sent || results[i].Err != nil {
			continue
		}
		results[i].Created = outcomes[k] == nil
		if outcomes[k] != nil {
			results[i].SHA, results[i].Err = "", outcomes[k]
		}
	}
	return results, nil
}

// submitBatch collects what one push carries.
type submitBatch struct {
	repo    *Repository
	push    *receiver
	base    string           // for specs that name none
	failed  map[string]error // bases whose tree could not be read
	updates []Update
	objects []plumbing.EncodedObject
	update  map[string]int // branch → its index in updates
}

// prepare adds the order to the push, unless there is nothing to do or no way.
func (b *submitBatch) prepare(ctx context.Context, o githubjobs.Order) Submission {
	spec := &o.Spec
	if spec.Base == "" {
		spec.Base = b.base
	}
	s := Submission{ID: spec.ID, Attempt: o.Name().Attempt, Branch: o.Name().Branch()}
	if s.Err = spec.Validate(); s.Err != nil {
		return s
	}
	head := b.push.ref("refs/heads/" + s.Branch)
	if s.BaseSHA = b.push.ref("refs/heads/" + spec.Base); s.BaseSHA == "" && head == "" {
		s.Err = &Error{Op: "submit " + spec.ID, Kind: ErrNotFound, Message: fmt.Sprintf("the repository has no branch %q to start from; push it, or name another base", spec.Base)}
		return s
	}
	if head != "" {
		return b.existing(ctx, s, o, head)
	}
	commit, err := b.commit(ctx, o, s.BaseSHA)
	if err != nil {
		s.Err = err
		return s
	}
	s.SHA = commit.Hash().String()
	if k, twice := b.update[s.Branch]; twice {
		if b.updates[k].New != s.SHA {
			s.Err = &TakenError{Branch: s.Branch, Head: b.updates[k].New, Spec: spec}
		}
		return s
	}
	b.update[s.Branch] = len(b.updates)
	b.updates = append(b.updates, Update{Ref: "refs/heads/" + s.Branch, New: s.SHA})
	b.objects = append(b.objects, commit)
	return s
}

// existing decides about a branch that is there already: ours, or taken.
func (b *submitBatch) existing(ctx context.Context, s Submission, o githubjobs.Order, head string) Submission {
	if tree, known := b.repo.trees.get(s.BaseSHA); known {
		if c, err := b.repo.creationCommit(o, s.BaseSHA, tree); err == nil && c.Hash().String() == head {
			s.SHA = head
			return s
		}
	}
	// The base moved since, or the agent has put its result on top.
	history, err := b.repo.history(ctx, head, o.Spec.ID)
	switch {
	case err != nil:
		s.Err = err
	case history.spec == nil || !history.spec.SameRequest(o.Spec):
		s.Err = &TakenError{Branch: s.Branch, Head: head, Spec: history.spec}
	default:
		s.SHA, s.BaseSHA, s.Found = history.creation, history.base, history.spec
	}
	return s
}

func (b *submitBatch) commit(ctx context.Context, o githubjobs.Order, base string) (plumbing.EncodedObject, error) {
	if err := b.failed[base]; err != nil {
		return nil, err
	}
	tree, err := b.repo.treeOf(ctx, base)
	if err != nil {
		b.failed[base] = err
		return nil, err
	}
	return b.repo.creationCommit(o, base, tree)
}

// creationCommit is the commit that is the job: its base's tree, its spec as the
// message. Nothing in it depends on when or where it is made.
func (r *Repository) creationCommit(o githubjobs.Order, base, tree string) (plumbing.EncodedObject, error) {
	return r.Commit(tree, base, githubjobs.FormatAttempt(o.Spec, o.Attempt), o.At)
}

// Commit builds a commit object by the configured author. Mostly it has one parent.
func (r *Repository) Commit(tree, parent, message string, at time.Time, more ...string) (plumbing.EncodedObject, error) {
	by := object.Signature{Name: r.cfg.Author.Name, Email: r.cfg.Author.Email, When: at.UTC()}
	commit := object.Commit{
		Author: by, Committer: by, Message: message,
		TreeHash: plumbing.NewHash(tree), ParentHashes: []plumbing.Hash{plumbing.NewHash(parent)},
	}
	for _, parent := range more {
		commit.ParentHashes = append(commit.ParentHashes, plumbing.NewHash(parent))
	}
	encoded := &plumbing.MemoryObject{}
	if err := commit.Encode(encoded); err != nil {
		return nil, fmt.Errorf("encode a commit: %w", err)
	}
	return encoded, nil
}

// treeOf is the tree of a commit: from the cache, else by one REST read.
func (r *Repository) treeOf(ctx context.Context, commit string) (string, error) {
	if tree, ok := r.trees.get(commit); ok {
		return tree, nil
	}
	c, _, err := r.client.Git.GetCommit(ctx, r.cfg.Owner, r.cfg.Name, commit)
	if err != nil {
		return "", fail(ctx, "read commit "+commit, err)
	}
	tree := c.GetTree().GetSHA()
	if !isSHA(tree) {
		return "", &Error{Op: "read commit " + commit, Kind: ErrUnavailable, Message: "the answer names no tree"}
	}
	r.trees.add(commit, tree)
	return tree, nil
}

// history is what the newest commits of a job's branch say.
type history struct {
	spec     *githubjobs.Spec
	creation string // SHA of the commit that carries the spec
	base     string // its parent
	result   *githubjobs.ResultFact
	updates  []githubjobs.UpdateFact
	headAt   time.Time // committer date of the head
}

// history reads the newest hundred commits of a job's branch from its head downwards,
// where a job has a creation commit and one or two result commits for each attempt:
// one REST call. A result that was brought onto a newer base stands above that base's
// commits too; where these are too many, the way down is taken past them by another call.
func (r *Repository) history(ctx context.Context, head, id string) (h history, err error) {
	for from, merges := head, 0; from != "" && h.creation == "" && merges <= maxMerges; merges++ {
		if from, err = r.readHistory(ctx, from, id, &h); err != nil {
			return h, err
		}
	}
	return h, nil
}

// maxMerges bounds how often results of one branch were brought onto a newer base: by agents,
// which do it once in an attempt, and by the merge gate.
const maxMerges = 5 + MaxCatchUps

// readHistory reads on from a commit. next is where to read on, where a merge has put
// another branch's commits between the job's.
func (r *Repository) readHistory(ctx context.Context, from, id string, h *history) (next string, err error) {
	commits, _, err := r.client.Repositories.ListCommits(ctx, r.cfg.Owner, r.cfg.Name, &github.CommitsListOptions{
		SHA: from, ListOptions: github.ListOptions{PerPage: perPage},
	})
	if err != nil {
		return "", fail(ctx, "read the commits of job "+id, err)
	}
	for _, c := range commits {
		at := c.GetCommit().GetCommitter().GetDate().Time
		if h.headAt.IsZero() {
			h.headAt = at
		}
		message := c.GetCommit().GetMessage()
		if fact, ok := ResultFact(c.GetSHA(), message, at); ok && fact.Result.ID == id {
			h.result = githubjobs.Merge(githubjobs.Facts{Result: h.result}, githubjobs.Facts{Result: &fact}).Result
		}
		if fact, ok := UpdateFact(c.GetSHA(), id, message); ok {
			h.updates = append(h.updates, fact)
		}
		spec, err := githubjobs.ParseSpec(message)
		if errors.Is(err, githubjobs.ErrNoSpec) {
			continue
		}
		if err != nil || spec.ID != id {
			continue // that of another job, which somebody merged into this branch
		}
		h.spec, h.creation = &spec, c.GetSHA()
		if len(c.Parents) > 0 {
			h.base = c.Parents[0].GetSHA()
		}
		return "", nil // below there is only the base's history
	}
	if len(commits) < perPage {
		return "", nil // all there is
	}
	return below(from, commits), nil
}

// below is the first commit that is not in the page, on the way by first parents down from
// a commit that is; empty where there is no merge on that way, which could have filled the
// page with commits of another branch.
func below(from string, page []*github.RepositoryCommit) string {
	parents := make(map[string][]*github.Commit, len(page))
	for _, c := range page {
		parents[c.GetSHA()] = c.Parents
	}
	merges := 0
	for at := from; ; {
		up, known := parents[at]
		switch {
		case !known && merges > 0:
			return at
		case len(up) == 0:
			return ""
		case len(up) > 1:
			merges++
		}
		at = up[0].GetSHA()
	}
}
