package localhub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// withGit answers git's requests and passes all others on.
func (s *Server) withGit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g, ok := gitrepo.ParseRequest(r); ok {
			o := faults.Occasion{Repository: g.Owner + "/" + g.Name, Operation: gitOperation(g)}
			s.faults.Serve(w, r, o, s.cfg.Now, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serveGit(w, r, g) }))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// gitOperation is what a fault calls a request of git's: git-push-refs, git-push, git-fetch-refs or git-fetch.
func gitOperation(g gitrepo.Request) string {
	name := "git-fetch"
	if g.Write {
		name = "git-push"
	}
	if g.Advertise {
		name += "-refs"
	}
	return name
}

// serveGit lets in who may fetch or push, as GitHub does, and tells of what a push changed before the client is answered.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request, g gitrepo.Request) {
	actor, err := s.rest.Authenticate(r)
	var repo state.Repository
	s.db.View(func(tx *state.Tx) { repo, _ = tx.Repositories.ByName(state.RepositoryName(g.Owner, g.Name)) })
	if err == nil {
		err = mayGit(actor, repo, g.Write)
	}
	if err != nil {
		refuseGit(w, err)
		return
	}
	git, err := s.git.Open(repo.Owner, repo.Name)
	if err != nil {
		s.cfg.Logger.ErrorContext(r.Context(), "git repository", "name", repo.FullName(), "error", err)
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	base := actor.Event(repo)
	var push *rest.Moving
	options := gitrepo.ServeOptions{
		RefuseWorkflows: actor.Limited() && actor.Allow(repo, "workflows", "write") != nil,
		Logger:          s.cfg.Logger,
		BeforePush: func(_ context.Context, wanted []gitrepo.RefChange) (err error) {
			push, err = s.rest.Moving(base, wanted...)
			return err
		},
		OnPush: func(ctx context.Context, changes []gitrepo.RefChange) {
			if err := push.Made(ctx, changes...); err != nil {
				s.cfg.Logger.ErrorContext(ctx, "push received but not announced", "name", repo.FullName(), "error", err)
			}
		},
	}
	if s.faults.Has(faults.RefuseRef) {
		options.Refuse = func(_ context.Context, c gitrepo.RefChange) string {
			hit, ok := s.faults.Strike(faults.RefuseRef, faults.Occasion{Repository: repo.FullName(), Ref: c.Ref})
			if !ok {
				return ""
			}
			return cmp.Or(hit.Reason, "failed")
		}
	}
	git.ServeGit(w, r, g, options)
	if push != nil {
		push.End()
	}
}

// mayGit decides as rest does, in the words that git shows to people.
func mayGit(actor rest.Actor, repo state.Repository, write bool) error {
	level := "read"
	if write {
		level = "write"
	}
	err := actor.Allow(repo, "contents", level)
	e, ok := errors.AsType[*rest.Error](err)
	switch {
	case err == nil && write && repo.Archived:
		return rest.Forbidden("This repository was archived so it is read-only.")
	case !ok:
		return err
	case actor.Anonymous():
		return &rest.Error{Status: http.StatusUnauthorized, Message: "Authentication required"}
	case e.Status == http.StatusNotFound:
		return &rest.Error{Status: http.StatusNotFound, Message: "Repository not found."}
	}
	return rest.Forbidden(fmt.Sprintf("Permission to %s.git denied to %s.", repo.FullName(), actor.User.Login))
}

func refuseGit(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if e, ok := errors.AsType[*rest.Error](err); ok {
		status = e.Status
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
	}
	http.Error(w, err.Error(), status)
}
