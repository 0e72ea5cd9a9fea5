package hub

import (
	"cmp"
	"context"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// readBranches compares the branches of jobs with what the caller knows.
func (s *sweep) readBranches(ctx context.Context) error {
	heads, err := s.repo.listHeads(ctx, s.see)
	if err != nil {
		return err
	}
	for id, head := range heads {
		w, k := want{id: id}, s.known[id]
		if k.Head != head || k.Deleted {
			w.branch = githubjobs.BranchFact{Head: head, Seen: s.at}
		}
		pulls, listed := s.pulls[id]
		if w.branch.Head != "" || listed {
			w.gateOf = openHead(pulls)
		}
		w.gateOf = cmp.Or(w.gateOf, k.Verdict)
		s.want(w)
		s.wants = append(s.wants, mergedHeads(id, pulls, head, k.Head)...)
	}
	for id := range s.pulls {
		if _, exists := heads[id]; !exists {
			s.goneWithPulls(id)
		}
	}
	for id, k := range s.known {
		_, exists := heads[id]
		_, listed := s.pulls[id]
		if !exists && !listed && k.Head != "" && !k.Deleted {
			s.gone(id, githubjobs.BranchFact{Head: k.Head, At: s.at})
		}
	}
	s.readLostBranches(heads)
	return nil
}

// readLostBranches asks for the creation commits of jobs of which only a run is
// left: the branch is gone, and there is no pull request.
func (s *sweep) readLostBranches(heads map[string]string) {
	for id, f := range s.facts {
		_, exists := heads[id]
		_, listed := s.pulls[id]
		if n := len(f.Runs); !exists && !listed && n > 0 && s.known[id].Head == "" {
			s.gone(id, githubjobs.BranchFact{Head: f.Runs[n-1].HeadSHA, At: f.Runs[n-1].At})
		}
	}
}

// goneWithPulls notes a branch of which pull requests are left: the newest tells where
// it stood last, the others what was merged before.
func (s *sweep) goneWithPulls(id string) {
	newest := newestOf(s.pulls[id])
	s.gone(id, githubjobs.BranchFact{Head: newest.HeadSHA, At: newest.At})
	s.wants = append(s.wants, mergedHeads(id, s.pulls[id], newest.HeadSHA, s.known[id].Head)...)
}

// gone notes a branch that does not exist any more. Its last commits are read where
// they were missed.
func (s *sweep) gone(id string, last githubjobs.BranchFact) {
	last.Deleted, last.Seen = true, s.at
	switch k := s.known[id]; {
	case k.Head != last.Head:
		s.want(want{id: id, branch: last, gateOf: openHead(s.pulls[id])})
	case !k.Deleted:
		last.Read = true // the caller has
		s.add(id, githubjobs.Facts{Branch: &last})
	}
}

// listHeads reads the branches of all jobs: one call, however many there are (GitHub
// does not page this list).
func (r *Repository) listHeads(ctx context.Context, see func(*github.Response)) (map[string]string, error) {
	refs, res, err := r.client.Git.ListMatchingRefs(ctx, r.cfg.Owner, r.cfg.Name, &github.ReferenceListOptions{Ref: "heads/" + githubjobs.BranchPrefix})
	if err != nil {
		return nil, fail(ctx, "list the branches of "+r.FullName(), err)
	}
	see(res)
	heads := map[string]string{}
	for _, ref := range refs {
		if id, ok := githubjobs.ParseBranch(strings.TrimPrefix(ref.GetRef(), "refs/heads/")); ok {
			heads[id] = ref.GetObject().GetSHA()
		}
	}
	return heads, nil
}
