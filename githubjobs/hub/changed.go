package hub

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/githubjobs"
)

const (
	// overlap is how far before `since` is read again: clocks differ, and GitHub's
	// lists lag behind its events by seconds.
	overlap = 2 * time.Minute
	// parallel bounds the REST calls in flight; GitHub allows 100 to all clients together.
	parallel = 4
	// fewRuns is how many runs are read one by one rather than found in lists.
	fewRuns = 3
)

// Known is what the caller of Changed knows of a job already.
type Known struct {
	// Head is the head of the job's branch whose commits the caller has read;
	// empty when it knows none.
	Head string
	// Deleted says that the caller knows the branch to be gone.
	Deleted bool
	// Run is the id of a run that had not ended when the caller last heard of it; 0 for none.
	Run int64
}

// Reading is what a read of the repository came to.
type Reading struct {
	// At is GitHub's time of the read; give it as since the next time.
	At time.Time
	// Requests is how many requests it took, Unchanged how many of them were answered
	// by 304, which cost no primary quota.
	Requests, Unchanged int
	// NoWorkflow says that GitHub does not know the workflow that runs jobs: its file
	// has never been on the default branch, or has another name.
	NoWorkflow bool
}

// Quiet says that GitHub answered every request of the read by 304: nothing at all
// has happened in the repository since the read before.
func (r Reading) Quiet() bool {
	told := r.Requests - r.Unchanged
	if r.NoWorkflow {
		told-- // GitHub answers 404 each time
	}
	return r.Requests > 0 && told == 0
}

// Found takes facts as they are read, to be merged into what is known.
type Found func(context.Context, []githubjobs.Facts) error

// Changed reads what has changed in the repository since a time: the branches of
// jobs, the runs of their workflow, their pull requests, and the commits and
// verdicts that the caller does not know. To read everything use Everything.
//
// It takes three REST calls, whatever the number of jobs, and further ones where
// something happened: one for each hundred runs and pull requests, and one or two for
// each job that changed in a way that the lists do not tell. The calls that every
// read makes have the same addresses every time, and are conditional: while nothing
// happens GitHub answers them by 304.
//
// Known must name every job whose branch the caller knows to exist and every job with
// a run that has not ended; of others all is read.
//
// A re-run of a run that is older than the newest hundred shows in no list; a webhook
// tells it, or what it does to branch and pull request.
func (r *Repository) Changed(ctx context.Context, since time.Time, known map[string]Known, found Found) (Reading, error) {
	ctx, n := counted(ctx)
	s := &sweep{repo: r, since: since.Add(-overlap), known: known, facts: map[string]githubjobs.Facts{}, pulls: map[string]githubjobs.PullFact{}}
	err := s.readLists(whenChanged(ctx))
	if len(s.facts) > 0 {
		// What was read before a failure is true, and worth keeping.
		err = errors.Join(err, found(ctx, slices.Collect(maps.Values(s.facts))))
	}
	if err != nil {
		return Reading{}, err
	}
	if err := r.readWants(ctx, s.wants, found); err != nil {
		return Reading{}, err
	}
	return n.reading(s.at), nil
}

func (s *sweep) readLists(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.readRuns, s.readPulls, s.readBranches} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sweep is one read of a repository. Runs and pull requests are read before the
// branches: what happens in between shows as a branch that moved, and is read.
type sweep struct {
	repo  *Repository
	since time.Time
	known map[string]Known
	facts map[string]githubjobs.Facts
	pulls map[string]githubjobs.PullFact // the newest of each job that was listed
	at    time.Time
	wants []want
}

// want is a job whose commits or verdict must be read.
type want struct {
	id     string
	branch githubjobs.BranchFact // whose commits are read; none when Head is empty
	gateOf string                // the head whose verdict is read; empty for none
}

func (s *sweep) add(id string, f githubjobs.Facts) {
	f.ID = id
	s.facts[id] = githubjobs.Merge(s.facts[id], f)
}

// see notes GitHub's time; the earliest answer counts, so that nothing is missed.
func (s *sweep) see(res *github.Response) {
	if at := answeredAt(res); s.at.IsZero() && !at.IsZero() {
		s.at = at
	}
}

func (s *sweep) readPulls(ctx context.Context) error {
	opts := &github.PullRequestListOptions{State: "all", Sort: "updated", Direction: "desc", ListOptions: github.ListOptions{PerPage: perPage}}
	for {
		pulls, res, err := s.repo.client.PullRequests.List(ctx, s.repo.cfg.Owner, s.repo.cfg.Name, opts)
		if err != nil {
			return fail(ctx, "list the pull requests of "+s.repo.FullName(), err)
		}
		s.see(res)
		for _, pull := range pulls {
			if pull.GetUpdatedAt().Before(s.since) {
				return nil
			}
			if id, fact, ok := s.repo.PullFact(pull); ok {
				s.add(id, githubjobs.Facts{Pulls: []githubjobs.PullFact{fact}})
				if fact.Number > s.pulls[id].Number {
					s.pulls[id] = fact
				}
			}
		}
		if opts.Page = res.NextPage; opts.Page == 0 {
			return nil
		}
	}
}

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
		pull, listed := s.pulls[id]
		if w.branch.Head != "" || listed {
			w.gateOf = openHead(pull)
			s.want(w)
		}
	}
	for id, pull := range s.pulls {
		if _, exists := heads[id]; !exists {
			s.gone(id, githubjobs.BranchFact{Head: pull.HeadSHA, At: pull.At})
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

// gone notes a branch that does not exist any more. Its last commits are read where
// they were missed.
func (s *sweep) gone(id string, last githubjobs.BranchFact) {
	last.Deleted, last.Seen = true, s.at
	switch k := s.known[id]; {
	case k.Head != last.Head:
		s.want(want{id: id, branch: last, gateOf: openHead(s.pulls[id])})
	case !k.Deleted:
		s.add(id, githubjobs.Facts{Branch: &last})
	}
}

// openHead is the head of a pull request that a verdict may stand on.
func openHead(pull githubjobs.PullFact) string {
	if pull.Open {
		return pull.HeadSHA
	}
	return ""
}

func (s *sweep) want(w want) {
	if w.branch.Head != "" || w.gateOf != "" {
		s.wants = append(s.wants, w)
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

// readWants reads what only single commits and checks tell, and hands it on by the
// hundred.
func (r *Repository) readWants(ctx context.Context, wants []want, found Found) error {
	slices.SortFunc(wants, func(a, b want) int { return strings.Compare(a.id, b.id) })
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
	f.ID = w.id
	if w.branch.Head != "" {
		f, err = r.addHead(ctx, f, w.branch)
		if errors.Is(err, ErrNotFound) {
			// It was deleted in the meantime; the next read tells what became of it.
			return githubjobs.Facts{ID: w.id}, nil
		}
	}
	if err == nil && w.gateOf != "" {
		f.Gates, err = r.gates(ctx, w.id, w.gateOf)
	}
	if err != nil {
		return githubjobs.Facts{}, err
	}
	return f, nil
}
