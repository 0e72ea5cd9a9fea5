package rest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Above these numbers of refs in one push GitHub creates no events.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push and #create
const (
	maxBranchEvents = 5000
	maxTagEvents    = 3
)

// Made tells the rest of localhub that refs have changed: by a push over git, or by an operation such as a merge. It brings open pull requests up to
// date and publishes the events. Call it after the change of the refs, and for a merge after the pull request is marked as merged.
func (m *Moving) Made(ctx context.Context, changes ...gitrepo.RefChange) error {
	s := m.s
	repo := m.base.Repository
	changes = slices.DeleteFunc(slices.Clone(changes), func(c gitrepo.RefChange) bool { return c.Old == c.New })
	if len(changes) == 0 {
		return nil
	}
	git, err := s.Git.Open(repo.Owner, repo.Name)
	if err != nil {
		return err
	}
	tracked := s.trackedBranches(repo.ID)
	var events []event.Event
	var receipts []*event.Receipt
	for _, change := range changes {
		base := m.tells(change)
		receipts = append(receipts, base.Receipt)
		change, err := describe(ctx, git, change, tracked)
		if err != nil {
			return err
		}
		events = append(events, refEvents(base, change)...)
		pulls, err := s.followRef(ctx, git, base, change)
		if err != nil {
			return err
		}
		s.pulls.pointPullRefs(ctx, git, pulls, s.Log)
		events = append(events, pulls...)
	}
	if err := s.touch(repo.ID); err != nil {
		return err
	}
	s.Bus.Publish(limitEvents(events)...)
	for _, r := range receipts {
		r.Give()
	}
	return nil
}

// refMove is a change with what git says about it.
type refMove struct {
	gitrepo.RefChange
	branch string   // "" for a tag
	forced bool     // Old is no ancestor of New
	added  []string // commits that came in, when an open pull request waits for the branch

	overtaken bool // the ref has moved on since
}

func describe(ctx context.Context, git *gitrepo.Repo, c gitrepo.RefChange, tracked map[string]bool) (m refMove, err error) {
	m = refMove{RefChange: c}
	m.branch, _ = strings.CutPrefix(c.Ref, "refs/heads/")
	if m.branch == c.Ref {
		m.branch = ""
	}
	if c.Old == gitrepo.Zero || c.New == gitrepo.Zero {
		return m, nil
	}
	if commit, err := git.Commit(ctx, c.New); err == nil && slices.Contains(commit.Parents, c.Old) {
		m.added = []string{c.New} // the usual case costs no git process
		if len(commit.Parents) == 1 {
			return m, nil
		}
	} else if ok, err := git.IsAncestor(ctx, c.Old, c.New); err == nil {
		m.forced = !ok
	}
	if tracked[m.branch] {
		m.added, err = git.LogSHAs(ctx, gitrepo.LogOptions{Tip: c.New, Not: c.Old})
	}
	return m, err
}

// trackedBranches are the base branches of open pull requests.
func (s *Service) trackedBranches(repositoryID int64) map[string]bool {
	bases := map[string]bool{}
	s.DB.View(func(tx *state.Tx) {
		for p := range tx.OpenPulls(repositoryID) {
			bases[p.BaseRef] = true
		}
	})
	return bases
}

func refEvents(base event.Base, m refMove) []event.Event {
	push := event.Push{Base: base, Ref: m.Ref, Before: m.Old, After: m.New, Created: m.Old == gitrepo.Zero, Deleted: m.New == gitrepo.Zero, Forced: m.forced}
	name, kind := m.branch, "branch"
	if m.branch == "" {
		name, kind = strings.TrimPrefix(m.Ref, "refs/tags/"), "tag"
	}
	switch {
	case !strings.HasPrefix(m.Ref, "refs/heads/") && !strings.HasPrefix(m.Ref, "refs/tags/"):
		return nil
	case push.Created:
		return []event.Event{event.Create{Base: base, Ref: name, RefType: kind}, push}
	case push.Deleted:
		return []event.Event{event.Delete{Base: base, Ref: name, RefType: kind}, push}
	}
	return []event.Event{push}
}

// followRef is movePulls for a change that still stands. Two changes of one ref can arrive here in the wrong order; the one that has been overtaken
// must not take a pull request's head back.
func (s *Service) followRef(ctx context.Context, git *gitrepo.Repo, base event.Base, m refMove) ([]event.Event, error) {
	if m.branch == "" || m.Old == gitrepo.Zero {
		return nil, nil // no open pull request has a branch that did not exist
	}
	s.following.Lock()
	defer s.following.Unlock()
	now, err := git.Ref(ctx, m.Ref)
	if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
		return nil, err
	}
	m.overtaken = cmp.Or(now.SHA, gitrepo.Zero) != m.New
	return s.movePulls(base, m, 0)
}

// movePulls brings the open pull requests from and to a branch up to date, as GitHub does: a moved head is a synchronize; a deleted head or base
// closes; and when the head has come into the base by a push, the pull request counts as merged.
//
// With an id, only that pull request.
func (s *Service) movePulls(base event.Base, m refMove, only int64) (events []event.Event, err error) {
	now := s.now()
	err = s.DB.Update(func(tx *state.Tx) error {
		for _, p := range slices.Collect(tx.OpenPulls(base.Repository.ID)) {
			fromHead := p.HeadRepositoryID == base.Repository.ID && p.HeadRef == m.branch
			e := event.PullRequest{Base: base, Before: m.Old, After: m.New}
			switch {
			case only != 0 && p.ID != only:
				continue
			case m.overtaken && (fromHead || m.New == gitrepo.Zero):
				continue
			case m.New == gitrepo.Zero && (fromHead || p.BaseRef == m.branch):
				e.Action, p.State, p.ClosedAt = "closed", "closed", now
			case fromHead:
				e.Action, p.HeadSHA = "synchronize", m.New
			case p.BaseRef == m.branch && slices.Contains(m.added, p.HeadSHA):
				e.Action, p.State, p.ClosedAt = "closed", "closed", now
				p.Merged, p.MergedAt, p.MergedByID, p.MergeCommitSHA = true, now, base.Sender.ID, m.New
			default:
				continue
			}
			p.UpdatedAt = now
			tx.Pulls.Put(p)
			e.Pull = p
			events = append(events, e)
		}
		return nil
	})
	return events, err
}

func (s *Service) touch(repositoryID int64) error {
	return s.DB.Update(func(tx *state.Tx) error {
		if r, ok := tx.Repositories.Get(repositoryID); ok {
			r.PushedAt, r.UpdatedAt = s.now(), s.now()
			tx.Repositories.Put(r)
		}
		return nil
	})
}

// limitEvents leaves out the events that GitHub does not create for very large pushes.
func limitEvents(events []event.Event) []event.Event {
	branches, tags := 0, 0
	for _, e := range events {
		if p, ok := e.(event.Push); ok && strings.HasPrefix(p.Ref, "refs/tags/") {
			tags++
		} else if ok {
			branches++
		}
	}
	return slices.DeleteFunc(events, func(e event.Event) bool {
		tag := false
		switch e := e.(type) {
		case event.Push:
			tag = strings.HasPrefix(e.Ref, "refs/tags/")
		case event.Create:
			tag = e.RefType == "tag"
		case event.Delete:
			tag = e.RefType == "tag"
		default:
			return false
		}
		return tag && tags > maxTagEvents || !tag && branches > maxBranchEvents
	})
}
