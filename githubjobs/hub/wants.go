package hub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

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

// unreadable of a hundred commits or checks end a read: then it is not one that GitHub fails
// to tell of.
const unreadable = 5

// readWants reads what only single commits and checks tell, and hands it on by the
// hundred. One that can't be read keeps none of the others from being told; the read has
// failed all the same.
func (r *Repository) readWants(ctx context.Context, wants []want, found Found) error {
	slices.SortFunc(wants, func(a, b want) int { return strings.Compare(a.of.String(), b.of.String()) })
	var failed error
	for some := range slices.Chunk(wants, perPage) {
		facts, enough, err := r.readEach(ctx, some)
		// What was read is handed on also when the rest failed.
		facts = slices.DeleteFunc(facts, func(f githubjobs.Facts) bool { return f.ID == "" })
		if len(facts) > 0 {
			if err := found(ctx, facts); err != nil {
				return errors.Join(failed, err)
			}
		}
		if failed = errors.Join(err, failed); enough {
			return failed
		}
	}
	return failed
}

// readEach reads some. It leaves off (enough) when GitHub asks to wait or fails often.
func (r *Repository) readEach(ctx context.Context, some []want) (facts []githubjobs.Facts, enough bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	facts = make([]githubjobs.Facts, len(some))
	var mu sync.Mutex
	var errs []error
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, w := range some {
		g.Go(func() error {
			one, err := r.readWant(ctx, w)
			mu.Lock()
			defer mu.Unlock()
			if facts[i] = one; err == nil || enough {
				return nil
			}
			errs = append([]error{err}, errs...) // the newest tells how long to wait
			if enough = RetryAfter(err) > 0 || len(errs) == unreadable || ctx.Err() != nil; enough {
				cancel() // the others would fail too
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	return facts, enough, errors.Join(errs...)
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
