package rest

import (
	"context"
	"errors"
	"maps"
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
	closed, moving := event.PullRequest{Base: who, Action: "closed"}, s.moving(who)
	err = s.DB.Update(func(tx *state.Tx) error {
		current, _ := tx.Pulls.Get(p.ID)
		current.State, current.Merged, current.MergedAt, current.ClosedAt, current.UpdatedAt = "closed", true, now, now, now
		current.MergedByID, current.MergeCommitSHA, current.Merging = who.Sender.ID, change.New, nil
		// What was merged, whatever has been pushed meanwhile.
		current.HeadSHA, current.BaseSHA = p.HeadSHA, change.Old
		tx.Pulls.Put(current)
		moving.write(tx, change) // what Merging has said until now
		closed.Pull = current
		return nil
	})
	if err != nil {
		return err
	}
	s.pulls.pointPullRefs(ctx, git, []event.Event{closed}, s.Log)
	s.Bus.Publish(closed)
	if err := moving.Made(ctx, change); err != nil {
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
	if _, err := git.Ref(ctx, change.Ref); errors.Is(err, gitrepo.ErrNotFound) {
		return nil
	}
	m, err := s.updateRef(ctx, git, who, change)
	if errors.Is(err, gitrepo.ErrNotFound) || errors.Is(err, gitrepo.ErrRefMoved) {
		return nil
	} else if err != nil {
		return err
	}
	return m.Made(ctx, change)
}

// Heal brings the state to what the refs say, and tells what was not told, where a process was killed after a change of a ref: a merge whose base
// branch has moved is a merge, what was pushed has its events, and the head of an open pull request is where its branch is. Call it before any request
// is answered, when the subscribers are there. What can't be healed is logged.
func (s *Service) Heal(ctx context.Context) {
	untold := s.untold()
	s.healPulls(ctx, s.healMerge)
	for _, id := range slices.Sorted(maps.Keys(untold)) {
		if err := s.tellAgain(ctx, id, untold[id]); err != nil {
			s.Log.ErrorContext(ctx, "changes of refs not told", "repository", id, "error", err)
		}
	}
	s.healPulls(ctx, s.healHead)
}

func (s *Service) healPulls(ctx context.Context, heal func(context.Context, *gitrepo.Repo, state.Repository, state.Pull) error) {
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
				err = heal(ctx, git, r, p)
			}
			if err != nil {
				s.Log.ErrorContext(ctx, "pull request not brought to what its refs say", "repository", r.FullName(), "number", p.Number, "error", err)
			}
		}
	}
}

// healHead makes the head of an open pull request what its branch says.
func (s *Service) healHead(ctx context.Context, git *gitrepo.Repo, r state.Repository, p state.Pull) error {
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
func (s *Service) healMerge(ctx context.Context, git *gitrepo.Repo, r state.Repository, p state.Pull) error {
	if p.Merging == nil {
		return nil
	}
	begun, done := *p.Merging, false
	base, err := git.Ref(ctx, "refs/heads/"+p.BaseRef)
	if err == nil {
		done, err = git.IsAncestor(ctx, begun.New, base.Commit)
	}
	if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
		return err
	}
	if !done {
		return s.setMerging(p.ID, nil)
	}
	who := event.Base{Repository: r, Sender: s.user(begun.ByID), ByRunToken: begun.ByRunToken, InstallationID: begun.InstallationID}
	p.HeadSHA = begun.HeadSHA
	return s.merged(ctx, who, p, gitrepo.RefChange{Ref: "refs/heads/" + p.BaseRef, Old: begun.Old, New: begun.New})
}
