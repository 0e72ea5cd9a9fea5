package hub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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

// Changes is what Changed has found.
type Changes struct {
	// Facts holds, by job id, what may be new; to be merged into what is known.
	Facts map[string]githubjobs.Facts
	// At is GitHub's time of the read; give it as since the next time.
	At time.Time
}

// Changed reads what has changed in the repository since a time: the branches of
// jobs, the runs of their workflow, their pull requests, and the commits and
// verdicts that the caller does not know. A zero since reads everything that GitHub
// keeps.
//
// It takes some five REST calls, and one or two more for each job that changed in a
// way that the lists do not tell. Known must name every job whose branch the caller
// knows to exist and every job with a run that has not ended; of others all is read.
//
// With an error the changes hold what was read until then, which is true and worth
// keeping: a read of many jobs may hardly ever go through as a whole. They have no At.
func (r *Repository) Changed(ctx context.Context, since time.Time, known map[string]Known) (Changes, error) {
	if !since.IsZero() {
		since = since.Add(-overlap)
	}
	s := &sweep{repo: r, since: since, known: known, facts: map[string]githubjobs.Facts{}, pulls: map[string]githubjobs.PullFact{}}
	for _, step := range []func(context.Context) error{s.readRuns, s.readPulls, s.readBranches, s.readCommits} {
		if err := step(ctx); err != nil {
			return Changes{Facts: s.facts}, err
		}
	}
	return Changes{Facts: s.facts, At: s.at}, nil
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
	head   string // of its branch; empty: gone
	at     time.Time
	commit bool
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
	heads, err := s.listHeads(ctx)
	if err != nil {
		return err
	}
	for id, head := range heads {
		k := s.known[id]
		w := want{id: id, head: head, commit: k.Head != head}
		if k.Deleted {
			w.commit, w.at = true, s.at // it was restored: that is news of now
		}
		if pull, listed := s.pulls[id]; w.commit || listed && pull.Open {
			s.wants = append(s.wants, w)
		}
	}
	for id, pull := range s.pulls {
		if _, exists := heads[id]; exists {
			continue
		}
		if s.known[id].Head != pull.HeadSHA { // its last commits were missed, and the branch is gone
			s.wants = append(s.wants, want{id: id, commit: true})
		} else if !s.known[id].Deleted {
			s.add(id, githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: s.known[id].Head, Deleted: true, At: pull.At}})
		}
	}
	for id, k := range s.known {
		_, exists := heads[id]
		_, listed := s.pulls[id]
		if !exists && !listed && k.Head != "" && !k.Deleted {
			s.add(id, githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: k.Head, Deleted: true, At: s.at}})
		}
	}
	return nil
}

// listHeads reads the branches of all jobs: one call, however many there are. GitHub does not page this list.
func (s *sweep) listHeads(ctx context.Context) (map[string]string, error) {
	heads := map[string]string{}
	opts := &github.ReferenceListOptions{Ref: "heads/" + githubjobs.BranchPrefix}
	refs, res, err := s.repo.client.Git.ListMatchingRefs(ctx, s.repo.cfg.Owner, s.repo.cfg.Name, opts)
	if err != nil {
		return nil, fail(ctx, "list the branches of "+s.repo.FullName(), err)
	}
	s.see(res)
	for _, ref := range refs {
		if id, ok := githubjobs.ParseBranch(strings.TrimPrefix(ref.GetRef(), "refs/heads/")); ok {
			heads[id] = ref.GetObject().GetSHA()
		}
	}
	return heads, nil
}

// readCommits reads what only single commits and checks tell.
func (s *sweep) readCommits(ctx context.Context) error {
	slices.SortFunc(s.wants, func(a, b want) int { return strings.Compare(a.id, b.id) })
	found := make([]githubjobs.Facts, len(s.wants))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, w := range s.wants {
		g.Go(func() error {
			f, err := s.readWant(ctx, w)
			if err == nil {
				found[i] = f
			}
			return err
		})
	}
	err := g.Wait()
	for _, f := range found {
		if f.ID != "" {
			s.add(f.ID, f)
		}
	}
	return err
}

func (s *sweep) readWant(ctx context.Context, w want) (f githubjobs.Facts, err error) {
	f.ID = w.id
	if w.commit {
		f, err = s.repo.addCommits(ctx, f, w.head, s.pulls[w.id])
		if errors.Is(err, ErrNotFound) {
			// It was deleted in the meantime; the next read tells what became of it.
			return githubjobs.Facts{ID: w.id}, nil
		}
		if f.Branch != nil && w.at.After(f.Branch.At) {
			f.Branch.At, f.Branch.Restored = w.at, true // It was away in between.
		}
		return f, err
	}
	f.Gates, err = s.repo.gates(ctx, w.id, s.pulls[w.id].HeadSHA)
	return f, err
}

// readRuns finds new runs by their creation, runs that are in progress by their
// status, and asks for the rest of those that the caller believes unfinished.
func (s *sweep) readRuns(ctx context.Context) error {
	seen := map[int64]bool{}
	if err := s.readNewRuns(ctx, seen); err != nil {
		return err
	}
	var open []int64
	for _, k := range s.known {
		if k.Run != 0 && !seen[k.Run] {
			open = append(open, k.Run)
		}
	}
	if len(open) > fewRuns {
		for _, status := range []string{"in_progress", "queued"} {
			runs, err := s.repo.listRuns(ctx, s.repo.workflowRuns(), url.Values{"status": {status}}, s.see)
			if err != nil {
				return err
			}
			s.addRuns(runs, seen)
		}
	}
	slices.Sort(open)
	for _, id := range slices.Compact(open) {
		if seen[id] {
			continue
		}
		var run WorkflowRun
		_, err := s.repo.get(ctx, fmt.Sprintf("actions/runs/%d", id), &run)
		if err = fail(ctx, fmt.Sprintf("read run %d", id), err); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		s.addRuns([]*WorkflowRun{&run}, seen)
	}
	return nil
}

func (s *sweep) addRuns(runs []*WorkflowRun, seen map[int64]bool) {
	for _, run := range runs {
		seen[run.GetID()] = true
		if id, fact, ok := s.repo.RunFact(run); ok {
			s.add(id, githubjobs.Facts{Runs: []githubjobs.RunFact{fact}})
		}
	}
}

// readNewRuns reads the runs that were created since, newest first. GitHub shows
// 1,000 entries of a filtered list; older ones are asked for by their creation.
func (s *sweep) readNewRuns(ctx context.Context, seen map[int64]bool) error {
	const second = "2006-01-02T15:04:05Z"
	from, until := "*", "*"
	if !s.since.IsZero() {
		from = s.since.UTC().Format(second)
	}
	for {
		filter := url.Values{"created": {from + ".." + until}}
		if from == until {
			filter = url.Values{}
		}
		runs, err := s.repo.listRuns(ctx, s.repo.workflowRuns(), filter, s.see)
		if errors.Is(err, ErrNotFound) {
			return nil // the workflow has never run
		}
		if err != nil {
			return err
		}
		fresh := slices.ContainsFunc(runs, func(run *WorkflowRun) bool { return !seen[run.GetID()] })
		s.addRuns(runs, seen)
		if len(runs) < maxPages*perPage || !fresh {
			return nil
		}
		until = runs[len(runs)-1].GetCreatedAt().UTC().Format(second)
	}
}
