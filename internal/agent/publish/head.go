package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// maxResults is how many commits are looked through for the creation commit when
// earlier attempts have left results on the branch.
const maxResults = 100

// ErrBranchMoved: the branch holds a commit that is neither the job nor a result of
// an earlier attempt of this run.
var ErrBranchMoved = errors.New("somebody else has pushed to the job's branch")

// job is the branch of the job as GitHub has it now.
type job struct {
	store    storage.Storer
	spec     githubjobs.Spec
	creation *object.Commit
	head     *object.Commit // the creation commit, or the last result of this run
	base     string         // where the base branch was when the job's was read
	joined   []string       // commits of a base that has moved, below the head by what was brought onto them
}

// readJob reads the branch from GitHub. Mostly its head is the creation commit;
// only when it is not, a longer history is read.
func (p *publisher) readJob(ctx context.Context, store storage.Storer) (job, error) {
	branch := p.Job.Branch()
	got, err := p.Repo.Fetch(ctx, branch, 1, store)
	if errors.Is(err, hub.ErrNotFound) {
		return job{}, fmt.Errorf("the branch %s is gone, so its result cannot be delivered: %w", branch, err)
	}
	if err == nil && got.Head != p.JobSHA {
		got, err = p.Repo.Fetch(ctx, branch, maxResults, store)
	}
	if err != nil {
		return job{}, err
	}
	j := job{store: store}
	if j.head, err = object.GetCommit(store, plumbing.NewHash(got.Head)); err != nil {
		return job{}, fmt.Errorf("read commit %s: %w", got.Head, err)
	}
	if j.creation, j.joined, err = p.findCreation(j.head); err != nil {
		return job{}, err
	}
	j.spec, err = githubjobs.ParseSpec(j.creation.Message)
	if err == nil && j.spec.ID != p.Job.ID {
		err = fmt.Errorf("it carries job %s, not %s", j.spec.ID, p.Job.ID)
	}
	if err != nil {
		return job{}, fmt.Errorf("commit %s is not the job's: %w", p.JobSHA, err)
	}
	j.base = got.Branch(j.spec.Base)
	return j, nil
}

// anew says whether the result takes the place of earlier ones; see push.
func (p *publisher) anew() bool { return p.delivers() && p.onto == nil && len(p.job.joined) > 0 }

// findCreation goes down from the head over results of this same run, and over what brought them
// onto a newer base. A second parent is that base; joined are these.
func (p *publisher) findCreation(head *object.Commit) (creation *object.Commit, joined []string, err error) {
	for c := head; ; {
		if c.Hash.String() == p.JobSHA {
			return c, joined, nil
		}
		if c.NumParents() == 2 {
			joined = append(joined, c.ParentHashes[1].String())
		}
		r, err := githubjobs.ParseResult(c.Message)
		if p.isUpdate(c) {
			r, err = githubjobs.Result{ID: p.Job.ID, RunID: p.RunID}, nil
		}
		if err != nil || r.ID != p.Job.ID || r.RunID != p.RunID || c.NumParents() < 1 || c.NumParents() > 2 {
			return nil, nil, fmt.Errorf("%w: %s is on it", ErrBranchMoved, c.Hash)
		}
		if r.Attempt > p.Attempt {
			return nil, nil, fmt.Errorf("%w: attempt %d has delivered a result, this is attempt %d", ErrBranchMoved, r.Attempt, p.Attempt)
		}
		if c, err = c.Parent(0); err != nil {
			return nil, nil, fmt.Errorf("%w: %s is not below its head", ErrBranchMoved, p.JobSHA)
		}
	}
}

// isUpdate says whether the merge gate says to have brought a result of the job onto its base by
// this commit. What it holds is not taken over by anything.
func (p *publisher) isUpdate(c *object.Commit) bool {
	id, _, err := githubjobs.ParseUpdate(c.Message)
	return err == nil && id == p.Job.ID && c.NumParents() == 2
}
