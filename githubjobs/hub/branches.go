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
	for of, head := range heads {
		w, k := want{of: of}, s.known[of]
		if k.Head != head || k.Deleted {
			w.branch = githubjobs.BranchFact{Head: head, Seen: s.at}
		}
		pulls, listed := s.pulls[of]
		if w.branch.Head != "" || listed {
			w.gateOf = openHead(pulls)
		}
		w.gateOf = cmp.Or(w.gateOf, k.Verdict)
		s.want(w)
		s.wants = append(s.wants, mergedHeads(of, pulls, head, k.Head)...)
	}
	for of := range s.pulls {
		if _, exists := heads[of]; !exists {
			s.goneWithPulls(of)
		}
	}
	for of, k := range s.known {
		_, exists := heads[of]
		_, listed := s.pulls[of]
		if !exists && !listed && k.Head != "" && !k.Deleted {
			s.gone(of, githubjobs.BranchFact{Head: k.Head, At: s.at})
		}
	}
	s.readLostBranches(heads)
	return nil
}

// readLostBranches asks for the creation commits of jobs of which only a run is
// left: the branch is gone, and there is no pull request.
func (s *sweep) readLostBranches(heads map[githubjobs.Name]string) {
	for of, f := range s.facts {
		_, exists := heads[of]
		_, listed := s.pulls[of]
		if n := len(f.Runs); !exists && !listed && n > 0 && s.known[of].Head == "" {
			s.gone(of, githubjobs.BranchFact{Head: f.Runs[n-1].HeadSHA, At: f.Runs[n-1].At})
		}
	}
}

// goneWithPulls notes a branch of which pull requests are left: the newest tells where
// it stood last, the others what was merged before.
func (s *sweep) goneWithPulls(of githubjobs.Name) {
	newest := newestOf(s.pulls[of])
	s.gone(of, githubjobs.BranchFact{Head: newest.HeadSHA, At: newest.At})
	s.wants = append(s.wants, mergedHeads(of, s.pulls[of], newest.HeadSHA, s.known[of].Head)...)
}

// gone notes a branch that does not exist any more. Its last commits are read where
// they were missed.
func (s *sweep) gone(of githubjobs.Name, last githubjobs.BranchFact) {
	last.Deleted, last.Seen = true, s.at
	switch k := s.known[of]; {
	case k.Head != last.Head:
		s.want(want{of: of, branch: last, gateOf: openHead(s.pulls[of])})
	case !k.Deleted:
		last.Read = true // the caller has
		s.add(of, githubjobs.Facts{Branch: &last})
	}
}

// listHeads reads the branches of all jobs: one call, however many there are (GitHub
// does not page this list).
func (r *Repository) listHeads(ctx context.Context, see func(*github.Response)) (map[githubjobs.Name]string, error) {
	refs, res, err := r.client.Git.ListMatchingRefs(ctx, r.cfg.Owner, r.cfg.Name, &github.ReferenceListOptions{Ref: "heads/" + githubjobs.BranchPrefix})
	if err != nil {
		return nil, fail(ctx, "list the branches of "+r.FullName(), err)
	}
	see(res)
	heads := map[githubjobs.Name]string{}
	for _, ref := range refs {
		if of, ok := githubjobs.ParseBranch(strings.TrimPrefix(ref.GetRef(), "refs/heads/")); ok {
			heads[of] = ref.GetObject().GetSHA()
		}
	}
	return heads, nil
}
