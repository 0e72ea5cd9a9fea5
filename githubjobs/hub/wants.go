package hub

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// want is an attempt of a job whose commits or verdict must be read.
type want struct {
	of     githubjobs.Name
	branch githubjobs.BranchFact // whose commits are read; none when Head is empty
	aside  bool                  // it is no longer where the branch stands, or stood last
	gateOf string                // the head whose verdict is read; empty for none
}

// openHead is the head of the newest pull request, if a verdict may stand on it.
func openHead(pulls []githubjobs.PullFact) string {
	if p := newestOf(pulls); p.Open {
		return p.HeadSHA
	}
	return ""
}

func newestOf(pulls []githubjobs.PullFact) (newest githubjobs.PullFact) {
	for _, p := range pulls {
		if p.Number > newest.Number {
			newest = p
		}
	}
	return newest
}

// mergedHeads wants the commits that were merged and that the branch does not hold any
// more, for the results among them: somebody deleted the branch and created it anew.
func mergedHeads(of githubjobs.Name, pulls []githubjobs.PullFact, known ...string) (wants []want) {
	for _, p := range pulls {
		if p.Merged && !slices.Contains(known, p.HeadSHA) {
			wants = append(wants, want{of: of, branch: githubjobs.BranchFact{Head: p.HeadSHA, Deleted: true}, aside: true})
		}
	}
	return wants
}

func (s *sweep) want(w want) {
	if w.branch.Head != "" || w.gateOf != "" {
		s.wants = append(s.wants, w)
	}
}

// readWants reads what only single commits and checks tell, and hands it on by the
// hundred.
func (r *Repository) readWants(ctx context.Context, wants []want, found Found) error {
	slices.SortFunc(wants, func(a, b want) int { return strings.Compare(a.of.String(), b.of.String()) })
	for some := range slices.Chunk(wants, perPage) {
		facts := make([]githubjobs.Facts, len(some))
		g, each := errgroup.WithContext(ctx)
		g.SetLimit(parallel)
		for i, w := range some {
			g.Go(func() (err error) {
				facts[i], err = r.readWant(each, w)
				return err
			})
		}
		err := g.Wait()
		// What was read is handed on also when the rest failed.
		facts = slices.DeleteFunc(facts, func(f githubjobs.Facts) bool { return f.ID == "" })
		if len(facts) > 0 {
			err = errors.Join(err, found(ctx, facts))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Repository) readWant(ctx context.Context, w want) (f githubjobs.Facts, err error) {
	f.ID = w.of.ID
	if w.branch.Head != "" {
		f, err = r.addHead(ctx, f, w.branch)
		if errors.Is(err, ErrNotFound) {
			// It was deleted in the meantime; the next read tells what became of it.
			return w.of.Facts(f), nil
		}
		if w.aside {
			f.Branch = nil
		}
	}
	if err == nil && w.gateOf != "" {
		f.Gates, err = r.gates(ctx, w.of, w.gateOf)
	}
	if err != nil {
		return githubjobs.Facts{}, err
	}
	return w.of.Facts(f), nil
}
