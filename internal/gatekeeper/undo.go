package gatekeeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/failpoint"
)

// ErrNotMerged: the job has merged nothing, and there is nothing to take back.
var ErrNotMerged = errors.New("the job is not merged")

// Undone is what takes back the merge of a job.
type Undone struct {
	githubjobs.Undo
	Opened bool   // by this very call
	Why    string // it is not merged; empty where it is
}

const (
	undoTries = 4           // to merge, while the base moves
	undoPause = time.Second // between them
)

// Undo opens the pull request that takes back what a job has merged, or finds the one that there
// is, and merges it where the policy of the base branch says so. Any server may do it, at the same
// time too. Its error is ErrNotMerged, ErrBusy, a *hub.ConflictError, or another of hub.
func (k *Gatekeeper) Undo(ctx context.Context, f githubjobs.Facts) (Undone, error) {
	v, ok := k.reverts(f)
	if !ok {
		return Undone{}, ErrNotMerged
	}
	if !k.verdicts.asked.AllowN(k.Now(), 1) {
		return Undone{}, ErrBusy
	}
	// Who asked may go: what is begun is brought to its end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerIn)
	defer cancel()
	pull, opened, err := k.Hub.OpenRevert(ctx, v)
	if err != nil {
		return Undone{}, err
	}
	failpoint.Here("undo/opened")
	u := Undone{Opened: opened}
	if pull.GetState() == "open" {
		if u.Why, err = k.mergeUndo(ctx, v, pull.GetNumber()); err == nil && u.Why == "" {
			pull, err = k.Hub.Pull(ctx, pull.GetNumber())
		}
		if err != nil {
			u.Why = hub.Public(err)
			k.Log.Warn("what takes a job back can't be merged", "job_id", f.ID, "pull", pull.GetNumber(), "error", err)
		}
	}
	_, fact, ok := k.Hub.UndoFact(pull)
	if !ok {
		return Undone{}, fmt.Errorf("pull request #%d is not one that takes a job back", pull.GetNumber())
	}
	told := githubjobs.Facts{ID: f.ID, Undos: []githubjobs.PullFact{fact}}
	if err := k.Store.MergeFacts(ctx, k.Project, told); err != nil {
		return Undone{}, err
	}
	u.Undo = *githubjobs.Reduce(githubjobs.Merge(f, told), k.Now()).Undo
	if u.Merged {
		u.Why = ""
	} else if !u.Open {
		u.Why = "somebody has closed it; reopen it on GitHub, or revert with git"
	}
	k.Changed()
	return u, nil
}

// reverts says what there is to take back; ok is false where there is nothing.
func (k *Gatekeeper) reverts(f githubjobs.Facts) (v hub.Revert, ok bool) {
	job := githubjobs.Reduce(f, k.Now())
	if job.Status != githubjobs.StatusMerged || job.Evidence.MergeSHA == "" || f.Spec == nil {
		return v, false
	}
	v = hub.Revert{Spec: *f.Spec, Pull: job.Evidence.Pull, Merge: job.Evidence.MergeSHA, Base: f.Spec.Base, At: k.Now()}
	for _, p := range f.Present().Pulls {
		if p.Number == v.Pull && p.Base != "" {
			v.Base = p.Base
		}
	}
	return v, true
}

// mergeUndo merges the pull request if the policy says so; why says that it does not.
func (k *Gatekeeper) mergeUndo(ctx context.Context, v hub.Revert, number int) (why string, err error) {
	_, document, err := k.Hub.WatchedFileAt(ctx, policy.Path, v.Base)
	if err != nil && !errors.Is(err, hub.ErrNoFile) {
		return "", err
	}
	p, err := policy.Parse(document)
	if err != nil {
		return err.Error(), nil
	}
	if ok, why := p.MergesUndo(); !ok {
		return why, nil
	}
	v.Holds = p.Merge.Holds
	for try := 1; ; try++ {
		_, err = k.Hub.MergeRevert(ctx, v, number, patience)
		if err == nil || try == undoTries || !hub.Temporary(err) && !errors.Is(err, hub.ErrHeadMoved) {
			return "", err
		}
		if err := patience(ctx, max(undoPause, hub.RetryAfter(err))); err != nil {
			return "", err
		}
	}
}
