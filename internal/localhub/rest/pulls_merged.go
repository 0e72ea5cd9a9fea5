package rest

import (
	"context"
	"errors"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func (s *Service) setMerging(id int64, to *state.Merging) error {
	return s.DB.Update(func(tx *state.Tx) error {
		if p, ok := tx.Pulls.Get(id); ok {
			p.Merging = to
			tx.Pulls.Put(p)
		}
		return nil
	})
}

// merged makes the state say what git says already: p, as it was when its merge began, is merged by who, and change moved its base branch.
func (s *Service) merged(ctx context.Context, who event.Base, p state.Pull, change gitrepo.RefChange) error {
	git, err := s.Git.Open(who.Repository.Owner, who.Repository.Name)
	if err != nil {
		return err
	}
	now := s.now()
	closed := event.PullRequest{Base: who, Action: "closed"}
	err = s.DB.Update(func(tx *state.Tx) error {
		current, _ := tx.Pulls.Get(p.ID)
		current.State, current.Merged, current.MergedAt, current.ClosedAt, current.UpdatedAt = "closed", true, now, now, now
		current.MergedByID, current.MergeCommitSHA, current.Merging = who.Sender.ID, change.New, nil
		// What was merged, whatever has been pushed meanwhile.
		current.HeadSHA, current.BaseSHA = p.HeadSHA, change.Old
		tx.Pulls.Put(current)
		closed.Pull = current
		return nil
	})
	if err != nil {
		return err
	}
	s.pulls.pointPullRefs(ctx, git, []event.Event{closed}, s.Log)
	s.Bus.Publish(closed)
	if err := s.RefsChanged(ctx, who, change); err != nil {
		return err
	}
	if who.Repository.DeleteBranchOnMerge && p.HeadRepositoryID == who.Repository.ID {
		return s.deleteMerged(ctx, git, who, p)
	}
	return nil
}

// deleteMerged deletes the branch that was merged, unless it has moved on or is needed.
func (s *Service) deleteMerged(ctx context.Context, git *gitrepo.Repo, who event.Base, p state.Pull) error {
	if p.HeadRef == who.Repository.DefaultBranch {
		return nil
	}
	change := gitrepo.RefChange{Ref: "refs/heads/" + p.HeadRef, Old: p.HeadSHA, New: gitrepo.Zero}
	err := git.DeleteRef(ctx, change.Ref, change.Old)
	if errors.Is(err, gitrepo.ErrNotFound) || errors.Is(err, gitrepo.ErrRefMoved) {
		return nil
	} else if err != nil {
		return err
	}
	return s.RefsChanged(ctx, who, change)
}

// Heal brings open pull requests to what the refs say, where a process was killed between a change of a ref and the change of the state: a merge
// whose base branch has moved is a merge, and a head that was pushed or deleted is where it is. Call it before any request is answered. What can't be
// healed is logged.
func (s *Service) Heal(ctx context.Context) {
	var repositories []state.Repository
	pulls := map[int64][]state.Pull{}
	s.DB.View(func(tx *state.Tx) {
		for _, r := range tx.Repositories.All() {
			if pulls[r.ID] = slices.Collect(tx.OpenPulls(r.ID)); len(pulls[r.ID]) > 0 {
				repositories = append(repositories, r)
			}
		}
	})
	for _, r := range repositories {
		git, err := s.Git.Open(r.Owner, r.Name)
		for _, p := range pulls[r.ID] {
			if err == nil {
				err = s.healPull(ctx, git, r, p)
			}
			if err != nil {
				s.Log.ErrorContext(ctx, "pull request not brought to what its refs say", "repository", r.FullName(), "number", p.Number, "error", err)
			}
		}
	}
}

func (s *Service) healPull(ctx context.Context, git *gitrepo.Repo, r state.Repository, p state.Pull) error {
	if p.Merging != nil {
		if done, err := s.healMerge(ctx, git, r, p); err != nil || done {
			return err
		}
	}
	if p.HeadRepositoryID != r.ID {
		return nil
	}
	now := gitrepo.Zero
	ref, err := git.Ref(ctx, "refs/heads/"+p.HeadRef)
	if err == nil {
		now = ref.Commit
	} else if !errors.Is(err, gitrepo.ErrNotFound) {
		return err
	}
	if now == p.HeadSHA {
		return nil
	}
	m := refMove{RefChange: gitrepo.RefChange{Ref: "refs/heads/" + p.HeadRef, Old: p.HeadSHA, New: now}, branch: p.HeadRef}
	events, err := s.movePulls(event.Base{Repository: r, Sender: s.user(p.AuthorID)}, m, p.ID)
	s.pulls.pointPullRefs(ctx, git, events, s.Log)
	s.Bus.Publish(events...)
	return err
}

// healMerge ends a merge that an earlier process has begun: the commit that it made for this is on the base branch, or never will be.
func (s *Service) healMerge(ctx context.Context, git *gitrepo.Repo, r state.Repository, p state.Pull) (done bool, err error) {
	begun := *p.Merging
	base, err := git.Ref(ctx, "refs/heads/"+p.BaseRef)
	if err == nil {
		done, err = git.IsAncestor(ctx, begun.New, base.Commit)
	}
	if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
		return false, err
	}
	if !done {
		return false, s.setMerging(p.ID, nil)
	}
	who := event.Base{Repository: r, Sender: s.user(begun.ByID), ByRunToken: begun.ByRunToken, InstallationID: begun.InstallationID}
	p.HeadSHA = begun.HeadSHA
	return true, s.merged(ctx, who, p, gitrepo.RefChange{Ref: "refs/heads/" + p.BaseRef, Old: begun.Old, New: begun.New})
}
