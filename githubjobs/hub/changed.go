package hub

import (
	"context"
	"errors"
	"time"

	"github.com/google/go-github/v60/github"

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

// Known is what the caller of Changed knows of an attempt of a job already.
type Known struct {
	// Head is the head of its branch whose commits the caller has read;
	// empty when it knows none.
	Head string
	// Deleted says that the caller knows the branch to be gone.
	Deleted bool
	// Run is the id of a run that had not ended when the caller last heard of it; 0 for none.
	Run int64
	// Verdict is the head of a pull request whose verdict the caller wants to know;
	// empty for none. It takes one request.
	Verdict string
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
	// Lost are runs, by the attempts that they are known of, that GitHub does not know.
	Lost map[githubjobs.Name]int64
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
// something happened: one for each hundred runs and pull requests, and one to three for
// each job that changed in a way that the lists do not tell. The calls that every
// read makes have the same addresses every time, and are conditional: while nothing
// happens GitHub answers them by 304.
//
// Known must name every attempt whose branch the caller knows to exist and every one with
// a run that has not ended; of others all is read.
//
// A re-run of a run that is older than the newest hundred shows in no list; a webhook
// tells it, or its result.
func (r *Repository) Changed(ctx context.Context, since time.Time, known map[githubjobs.Name]Known, found Found) (Reading, error) {
	ctx, n := counted(ctx)
	s := &sweep{repo: r, since: since.Add(-overlap), known: known, facts: map[githubjobs.Name]githubjobs.Facts{}, pulls: map[githubjobs.Name][]githubjobs.PullFact{}, lost: map[githubjobs.Name]int64{}}
	err := s.readLists(whenChanged(ctx))
	if len(s.facts) > 0 {
		// What was read before a failure is true, and worth keeping.
		err = errors.Join(err, found(ctx, s.read()))
	}
	if err != nil {
		return Reading{}, err
	}
	if err := r.readWants(ctx, s.wants, s.withRuns(found)); err != nil {
		return Reading{}, err
	}
	reading := n.reading(s.at)
	reading.Lost = s.lost
	return reading, nil
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
	known map[githubjobs.Name]Known
	facts map[githubjobs.Name]githubjobs.Facts
	pulls map[githubjobs.Name][]githubjobs.PullFact // of each attempt, those that were listed
	at    time.Time
	wants []want
	lost  map[githubjobs.Name]int64 // see Reading.Lost
}

func (s *sweep) add(of githubjobs.Name, f githubjobs.Facts) {
	f.ID = of.ID
	s.facts[of] = githubjobs.Merge(s.facts[of], f)
}

// read are the facts that the lists told.
func (s *sweep) read() (list []githubjobs.Facts) {
	for of, f := range s.facts {
		list = append(list, of.Facts(f))
	}
	return list
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
			if of, fact, ok := s.repo.PullFact(pull); ok {
				s.add(of, githubjobs.Facts{Pulls: []githubjobs.PullFact{fact}})
				s.pulls[of] = append(s.pulls[of], fact)
			} else if id, fact, ok := s.repo.UndoFact(pull); ok {
				s.add(githubjobs.Name{ID: id, Attempt: 1}, githubjobs.Facts{Undos: []githubjobs.PullFact{fact}})
			}
		}
		if opts.Page = res.NextPage; opts.Page == 0 {
			return nil
		}
	}
}
