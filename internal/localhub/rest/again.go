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

// untold are the changes of refs that an earlier process has written down, by repository.
func (s *Service) untold() map[int64][]state.RefChange {
	left := map[int64][]state.RefChange{}
	s.DB.View(func(tx *state.Tx) {
		for _, c := range tx.RefChanges.All() {
			left[c.RepositoryID] = append(left[c.RepositoryID], c)
		}
	})
	return left
}

// tellAgain tells of those that git has made. Who was told already knows them by their ids.
func (s *Service) tellAgain(ctx context.Context, repositoryID int64, left []state.RefChange) error {
	var r state.Repository
	s.DB.View(func(tx *state.Tx) { r, _ = tx.Repositories.Get(repositoryID) })
	git, err := s.Git.Open(r.Owner, r.Name)
	if err != nil {
		return err
	}
	now := map[string]string{}
	for _, c := range left {
		ref, err := git.Ref(ctx, c.Ref)
		if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
			return err
		}
		if now[c.Ref] = ref.SHA; err != nil {
			now[c.Ref] = gitrepo.Zero
		}
	}
	made := happened(left, now)
	for len(left) > 0 {
		n := 1
		for n < len(left) && left[n].Push == left[0].Push {
			n++
		}
		if err := s.tellPush(ctx, r, left[:n], made); err != nil {
			return err
		}
		left = left[n:]
	}
	return nil
}

// tellPush tells of those changes of one push that were made, and forgets the others.
func (s *Service) tellPush(ctx context.Context, r state.Repository, push []state.RefChange, made map[int64]bool) error {
	c := push[0]
	m := s.moving(event.Base{Repository: r, Sender: s.user(c.SenderID), ByRunToken: c.ByRunToken, InstallationID: c.InstallationID})
	m.base.Again = true
	var changes []gitrepo.RefChange
	for _, c := range push {
		change := gitrepo.RefChange{Ref: c.Ref, Old: c.Old, New: c.New}
		m.ids[change] = c.ID
		if made[c.ID] {
			changes = append(changes, change)
		}
	}
	err := m.Made(ctx, changes...)
	if err == nil {
		m.End()
	}
	return err
}

// happened are the ids of those of the changes, oldest first, that lead to what the refs are now: for the others git was not asked, or it has refused.
func happened(written []state.RefChange, now map[string]string) map[int64]bool {
	made, at := map[int64]bool{}, maps.Clone(now)
	for _, c := range slices.Backward(written) {
		if c.New == at[c.Ref] {
			at[c.Ref], made[c.ID] = c.Old, true
		}
	}
	return made
}
