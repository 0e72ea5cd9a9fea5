package actions

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
)

// cause is an event on a commit, as the planner and the runs need it.
type cause struct {
	base       event.Base
	event      workflow.Event
	only       int64 // the one workflow that may start; 0: any
	ref        string
	headBranch string
	commit     gitrepo.Commit
	title      string // of the run, unless the workflow has a run-name; "": the workflow's name
	payload    func(context.Context) (any, error)
	approval   bool // its runs wait for somebody's approval
}

// causeOf finds the commit of an event; nil when the event starts nothing.
func (e *Engine) causeOf(ctx context.Context, git *gitrepo.Repo, ev event.Event) (*cause, error) {
	switch ev := ev.(type) {
	case event.Push:
		return e.causeOfPush(ctx, git, ev)
	case event.PullRequest:
		return e.causeOfPull(ctx, git, ev)
	case event.Dispatch:
		return e.causeOfDispatch(ctx, git, ev)
	}
	return nil, nil
}

func (e *Engine) causeOfPush(ctx context.Context, git *gitrepo.Repo, p event.Push) (*cause, error) {
	if p.Deleted || !strings.HasPrefix(p.Ref, "refs/heads/") && !strings.HasPrefix(p.Ref, "refs/tags/") {
		return nil, nil
	}
	commit, err := peel(ctx, git, p.After)
	if err != nil {
		return nil, err
	}
	name, _ := refName(p.Ref)
	title, _, _ := strings.Cut(commit.Message, "\n")
	return &cause{
		base: p.Base, ref: p.Ref, headBranch: name, commit: commit, title: title,
		event: workflow.Event{Name: "push", Ref: p.Ref, ByRunToken: p.ByRunToken, Message: commit.Message, Changed: func() ([]string, error) {
			return changedByPush(ctx, git, p, commit)
		}},
		payload: func(ctx context.Context) (any, error) { return e.cfg.Payload(ctx, p) },
	}, nil
}

// peel reads the commit that a pushed object is or, for an annotated tag, names.
func peel(ctx context.Context, git *gitrepo.Repo, sha string) (gitrepo.Commit, error) {
	if kind, _, err := git.ObjectType(ctx, sha); err == nil && kind == "tag" {
		if sha, err = git.Resolve(ctx, sha); err != nil {
			return gitrepo.Commit{}, err
		}
	}
	return git.Commit(ctx, sha)
}

// changedByPush lists the paths for `paths:` filters: between before and after, and for a new branch those of its last commit against the parent.
func changedByPush(ctx context.Context, git *gitrepo.Repo, p event.Push, tip gitrepo.Commit) ([]string, error) {
	from := gitrepo.EmptyTree
	switch {
	case !p.Created:
		from = p.Before
	case len(tip.Parents) > 0:
		from = tip.Parents[0]
	}
	return changedPaths(ctx, git, from, tip.SHA)
}

func changedPaths(ctx context.Context, git *gitrepo.Repo, from, to string) ([]string, error) {
	files, err := git.Diff(ctx, from, to, false)
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
		if f.OldPath != "" {
			paths = append(paths, f.OldPath)
		}
	}
	return paths, err
}

// causeOfPull takes the workflows of the pull request's head. GitHub would take those of a trial merge with the base.
func (e *Engine) causeOfPull(ctx context.Context, git *gitrepo.Repo, p event.PullRequest) (*cause, error) {
	if p.Pull.HeadRepositoryID != p.Repository.ID || p.Action == "closed" {
		return nil, nil
	}
	commit, err := git.Commit(ctx, p.Pull.HeadSHA)
	if err != nil {
		return nil, err
	}
	return &cause{
		base: p.Base, ref: fmt.Sprintf("refs/pull/%d/merge", p.Pull.Number), headBranch: p.Pull.HeadRef, commit: commit, title: p.Pull.Title,
		// What a run opens waits for approval; what it pushes to a pull request starts nothing.
		approval: p.ByRunToken && (p.Action == "opened" || p.Action == "reopened"),
		event: workflow.Event{
			Name: "pull_request", Action: p.Action, Ref: "refs/heads/" + p.Pull.BaseRef, Message: commit.Message,
			ByRunToken: p.ByRunToken && p.Action != "opened" && p.Action != "reopened",
			Changed: func() ([]string, error) {
				base, err := git.MergeBase(ctx, p.Pull.BaseSHA, p.Pull.HeadSHA)
				if err != nil {
					return nil, err
				}
				return changedPaths(ctx, git, base, p.Pull.HeadSHA)
			},
		},
		payload: func(ctx context.Context) (any, error) { return e.cfg.Payload(ctx, p) },
	}, nil
}

func (e *Engine) causeOfDispatch(ctx context.Context, git *gitrepo.Repo, d event.Dispatch) (*cause, error) {
	ref := cmp.Or(d.Ref, "refs/heads/"+d.Repository.DefaultBranch)
	sha, err := git.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	commit, err := git.Commit(ctx, sha)
	if err != nil {
		return nil, err
	}
	name, _ := refName(ref)
	return &cause{
		base: d.Base, ref: ref, headBranch: name, commit: commit, only: d.Workflow.ID, title: d.EventType,
		event:   workflow.Event{Name: d.Name(), Action: d.EventType},
		payload: func(ctx context.Context) (any, error) { return e.cfg.Payload(ctx, d) },
	}, nil
}
