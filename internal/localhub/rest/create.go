package rest

import (
	"cmp"
	"context"
	"errors"
	"os"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// RepositoryOptions are the choices when a repository is created.
type RepositoryOptions struct {
	Description   string `json:"description"`
	Private       bool   `json:"private"`
	AutoInit      bool   `json:"auto_init"` // with a first commit that holds a README
	DefaultBranch string `json:"-"`         // default main
}

// CreateRepository makes a repository of owner with GitHub's default settings. A name that is taken is an *Error, 422.
func (s *Service) CreateRepository(ctx context.Context, owner state.User, name string, o RepositoryOptions) (state.Repository, error) {
	taken := false
	s.DB.View(func(tx *state.Tx) { _, taken = tx.Repositories.ByName(state.RepositoryName(owner.Login, name)) })
	if taken {
		return state.Repository{}, errNameTaken()
	}
	git, err := s.initGit(ctx, owner.Login, name)
	if err != nil {
		return state.Repository{}, err
	}
	repo := state.Repository{
		OwnerID: owner.ID, Owner: owner.Login, Name: name, Description: o.Description, Private: o.Private,
		DefaultBranch: cmp.Or(o.DefaultBranch, "main"), AllowMergeCommit: true, AllowSquashMerge: true, AllowRebaseMerge: true,
		Actions:   state.ActionsSettings{Enabled: true, DefaultPermissions: "read"},
		CreatedAt: s.now(), UpdatedAt: s.now(), PushedAt: s.now(),
	}
	if err := git.SetDefaultBranch(ctx, repo.DefaultBranch); err != nil {
		return state.Repository{}, err
	}
	err = s.DB.Update(func(tx *state.Tx) error {
		if _, taken := tx.Repositories.ByName(state.RepositoryName(owner.Login, name)); taken {
			return errNameTaken()
		}
		repo.ID = tx.Repositories.NextID()
		tx.Repositories.Put(repo)
		return nil
	})
	if err == nil && o.AutoInit {
		err = s.firstCommit(ctx, git, repo, owner)
	}
	return repo, err
}

func errNameTaken() *Error {
	return Invalid("Repository creation failed.", FieldError{Resource: "Repository", Field: "name", Code: "custom",
		Message: "name already exists on this account"})
}

// initGit makes the git repository; what an earlier process left of one that it could not finish is taken away.
func (s *Service) initGit(ctx context.Context, owner, name string) (*gitrepo.Repo, error) {
	git, err := s.Git.Init(ctx, owner, name)
	if errors.Is(err, os.ErrExist) {
		if err := s.Git.Remove(owner, name); err != nil {
			return nil, err
		}
		return s.Git.Init(ctx, owner, name)
	}
	return git, err
}

func (s *Service) firstCommit(ctx context.Context, git *gitrepo.Repo, repo state.Repository, owner state.User) error {
	blob, err := git.CreateBlob(ctx, []byte("# "+repo.Name+"\n"+repo.Description))
	if err != nil {
		return err
	}
	tree, err := git.CreateTree(ctx, "", []gitrepo.TreeEdit{{Path: "README.md", Mode: "100644", SHA: blob}})
	if err != nil {
		return err
	}
	who := signature(owner, s.now())
	sha, err := git.CreateCommit(ctx, gitrepo.NewCommit{Tree: tree, Author: who, Committer: who, Message: "Initial commit"})
	if err != nil {
		return err
	}
	ref := "refs/heads/" + repo.DefaultBranch
	base, change := event.Base{Repository: repo, Sender: owner}, gitrepo.RefChange{Ref: ref, Old: gitrepo.Zero, New: sha}
	m, err := s.updateRef(ctx, git, base, change)
	if err != nil {
		return err
	}
	return m.Made(ctx, change)
}
