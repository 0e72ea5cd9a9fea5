package hub

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Full says how everything is to be read.
type Full struct {
	// Has says whether the caller knows an attempt of a job, with the commits up to a head;
	// with an empty head, whether it knows the attempt at all. What it has is not read again, so
	// that a read that was broken off goes on where it was.
	Has func(ctx context.Context, of githubjobs.Name, head string) (bool, error)
	// Found takes the facts, at most a few hundred at a time, as they are read. What
	// it was given counts as known at the next call of Has.
	Found Found
	// Progress is told how far the read is.
	Progress func(Progress)
}

// Progress says how far a read of everything is.
type Progress struct {
	At       time.Time // GitHub's time at which the read began
	Branches int       // of jobs, on GitHub
	Read     int       // of these, so far
	Pulls    int       // pull requests, so far
	Runs     int       // so far
}

// Everything reads all jobs that GitHub still knows: from their branches, their pull
// requests of any state, and their runs. It takes one REST call for each hundred pull
// requests and for each hundred runs, one for each job, and one for each open pull
// request. It holds no more than the names of the branches and one page of a list.
//
// What happens during the read is found by Changed since the time of the Reading.
func (r *Repository) Everything(ctx context.Context, o Full) (Reading, error) {
	ctx, n := counted(ctx)
	f := &full{Full: o, repo: r}
	for _, step := range []func(context.Context) error{f.readBranches, f.readPulls, f.readRuns} {
		if err := step(ctx); err != nil {
			return Reading{}, err
		}
	}
	return n.reading(f.at), nil
}

// full is one read of everything.
type full struct {
	Full
	repo  *Repository
	at    time.Time                  // GitHub's, of the first answer
	heads map[githubjobs.Name]string // of the branches that exist
	done  Progress
}

func (f *full) see(res *github.Response) {
	if f.at.IsZero() {
		f.at = answeredAt(res)
	}
}

func (f *full) readBranches(ctx context.Context) (err error) {
	if f.heads, err = f.repo.listHeads(ctx, f.see); err != nil {
		return err
	}
	f.done.Branches, f.done.At = len(f.heads), f.at
	f.Progress(f.done)
	names := slices.SortedFunc(maps.Keys(f.heads), func(a, b githubjobs.Name) int { return strings.Compare(a.String(), b.String()) })
	for some := range slices.Chunk(names, perPage) {
		var wants []want
		for _, of := range some {
			wants = append(wants, want{of: of, branch: githubjobs.BranchFact{Head: f.heads[of], Seen: f.at}})
		}
		if err := f.read(ctx, wants); err != nil {
			return err
		}
		f.done.Read += len(some)
		f.Progress(f.done)
	}
	return nil
}

func (f *full) found(ctx context.Context, facts []githubjobs.Facts) error {
	if len(facts) == 0 {
		return nil
	}
	return f.Found(ctx, facts)
}

// read reads the commits and verdicts that the caller does not have.
func (f *full) read(ctx context.Context, wants []want) error {
	var missing []want
	for _, w := range wants {
		if w.branch.Head != "" {
			has, err := f.Has(ctx, w.of, w.branch.Head)
			if err != nil {
				return err
			}
			if has {
				w.branch = githubjobs.BranchFact{}
			}
		}
		if w.branch.Head != "" || w.gateOf != "" {
			missing = append(missing, w)
		}
	}
	return f.repo.readWants(ctx, missing, f.Found)
}

// readPulls reads the oldest first: new ones come at the end, and move no page.
func (f *full) readPulls(ctx context.Context) error {
	opts := &github.PullRequestListOptions{State: "all", Sort: "created", Direction: "asc", ListOptions: github.ListOptions{PerPage: perPage}}
	for {
		pulls, res, err := f.repo.client.PullRequests.List(ctx, f.repo.cfg.Owner, f.repo.cfg.Name, opts)
		if err != nil {
			return fail(ctx, "list the pull requests of "+f.repo.FullName(), err)
		}
		if err := f.addPulls(ctx, pulls); err != nil {
			return err
		}
		if opts.Page = res.NextPage; opts.Page == 0 {
			return nil
		}
	}
}

func (f *full) addPulls(ctx context.Context, pulls []*github.PullRequest) error {
	var facts []githubjobs.Facts
	newest, merged := map[githubjobs.Name]want{}, []want(nil) // the newest pull request of an attempt stands last
	for _, pull := range pulls {
		if id, fact, ok := f.repo.UndoFact(pull); ok {
			facts = append(facts, githubjobs.Facts{ID: id, Undos: []githubjobs.PullFact{fact}})
			continue
		}
		of, fact, ok := f.repo.PullFact(pull)
		if !ok {
			continue
		}
		facts = append(facts, of.Facts(githubjobs.Facts{Pulls: []githubjobs.PullFact{fact}}))
		w := want{of: of, gateOf: openHead([]githubjobs.PullFact{fact})}
		head, exists := f.heads[of]
		if !exists {
			w.branch = githubjobs.BranchFact{Head: fact.HeadSHA, Deleted: true, At: fact.At, Seen: f.at}
		}
		if exists && fact.Merged && fact.HeadSHA != head {
			merged = append(merged, mergedHeads(of, []githubjobs.PullFact{fact})...)
		}
		newest[of] = w
	}
	if err := f.found(ctx, facts); err != nil {
		return err
	}
	f.done.Pulls += len(pulls)
	f.Progress(f.done)
	return f.read(ctx, slices.AppendSeq(merged, maps.Values(newest)))
}

// readRuns reads all runs; and the creation commits of jobs of which nothing but a
// run is left.
func (f *full) readRuns(ctx context.Context) error {
	return f.repo.eachRunPage(ctx, nil, func(runs []*WorkflowRun, _ *github.Response) (bool, error) {
		var facts []githubjobs.Facts
		lost := map[githubjobs.Name]want{}
		for _, run := range runs {
			of, fact, ok := f.repo.RunFact(run)
			if !ok {
				continue
			}
			facts = append(facts, of.Facts(githubjobs.Facts{Runs: []githubjobs.RunFact{fact}}))
			known, err := f.Has(ctx, of, "")
			if err != nil {
				return false, err
			}
			if _, exists := f.heads[of]; !exists && !known {
				lost[of] = want{of: of, branch: githubjobs.BranchFact{Head: fact.HeadSHA, Deleted: true, At: fact.At, Seen: f.at}}
			}
		}
		if err := f.found(ctx, facts); err != nil {
			return false, err
		}
		f.done.Runs += len(runs)
		f.Progress(f.done)
		return true, f.read(ctx, slices.Collect(maps.Values(lost)))
	})
}
