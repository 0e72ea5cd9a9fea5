package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// maxPages is how far GitHub lets a filtered list of runs be read: 1,000 entries.
const maxPages = 10

// workflowRuns is the list of the runs of the job's own workflow.
func (r *Repository) workflowRuns() string {
	return "actions/workflows/" + url.PathEscape(path.Base(r.cfg.WorkflowPath)) + "/runs"
}

// runPage reads one page of a list of runs.
func (r *Repository) runPage(ctx context.Context, list string, filter url.Values, page int) ([]*WorkflowRun, *github.Response, error) {
	query := maps.Clone(filter)
	if query == nil {
		query = url.Values{}
	}
	query.Set("per_page", strconv.Itoa(perPage))
	query.Set("page", strconv.Itoa(page))
	var answer struct {
		Runs []*WorkflowRun `json:"workflow_runs"`
	}
	res, err := r.get(ctx, list+"?"+query.Encode(), &answer)
	return answer.Runs, res, fail(ctx, "list the runs of "+r.FullName(), err)
}

// eachRunPage reads the runs of the job's own workflow that the filter names, newest
// first, until visit wants no more or they are all read. Beyond the 1,000 that GitHub
// shows of a list it asks for those that were created until then; a few runs at the
// seam are visited twice.
func (r *Repository) eachRunPage(ctx context.Context, filter url.Values, visit func([]*WorkflowRun, *github.Response) (more bool, err error)) error {
	const second = "2006-01-02T15:04:05Z"
	filter = maps.Clone(filter)
	if filter == nil {
		filter = url.Values{}
	}
	var until string
	for {
		oldest, err := r.runWindow(ctx, filter, visit)
		if errors.Is(err, ErrNotFound) {
			tally(ctx).noWorkflow.Store(true)
			return nil
		}
		if err != nil || oldest == nil {
			return err
		}
		created := oldest.GetCreatedAt().UTC()
		if created.Format(second) == until {
			// A whole window within one second. GitHub starts at most 500 runs in ten.
			created = created.Add(-time.Second)
		}
		until = created.Format(second)
		filter.Set("created", "*.."+until)
	}
}

// runWindow visits as much of a list as GitHub shows; oldest is the last run of it
// when there may be more.
func (r *Repository) runWindow(ctx context.Context, filter url.Values, visit func([]*WorkflowRun, *github.Response) (bool, error)) (oldest *WorkflowRun, err error) {
	for page := 1; page <= maxPages; page++ {
		runs, res, err := r.runPage(ctx, r.workflowRuns(), filter, page)
		if err != nil {
			return nil, err
		}
		more, err := visit(runs, res)
		if err != nil || !more || len(runs) < perPage {
			return nil, err
		}
		oldest = runs[len(runs)-1]
	}
	return oldest, nil
}

// runsOf reads the runs of one branch, of any workflow: the newest hundred.
func (r *Repository) runsOf(ctx context.Context, branch string) ([]*WorkflowRun, error) {
	runs, _, err := r.runPage(ctx, "actions/runs", url.Values{"branch": {branch}}, 1)
	return runs, err
}

// run reads one run; nil when GitHub does not know it.
func (r *Repository) run(ctx context.Context, id int64) (*WorkflowRun, error) {
	var run WorkflowRun
	_, err := r.get(ctx, fmt.Sprintf("actions/runs/%d", id), &run)
	if err = fail(ctx, fmt.Sprintf("read run %d", id), err); err != nil {
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		return nil, err
	}
	return &run, nil
}

// readRuns finds runs that are new or changed among the newest hundred, or as many
// as were created since; and then those that the caller believes unfinished.
func (s *sweep) readRuns(ctx context.Context) error {
	open, owner := map[int64]bool{}, map[int64]githubjobs.Name{}
	for of, k := range s.known {
		if k.Run != 0 {
			open[k.Run], owner[k.Run] = true, of
		}
	}
	err := s.repo.eachRunPage(ctx, nil, func(runs []*WorkflowRun, res *github.Response) (bool, error) {
		s.see(res)
		s.addRuns(runs, open)
		return len(runs) > 0 && !runs[len(runs)-1].GetCreatedAt().Before(s.since), nil
	})
	if err != nil {
		return err
	}
	for _, status := range []string{"in_progress", "queued", "waiting", "pending"} {
		if len(open) <= fewRuns {
			break
		}
		err := s.repo.eachRunPage(ctx, url.Values{"status": {status}}, func(runs []*WorkflowRun, _ *github.Response) (bool, error) {
			s.addRuns(runs, open)
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(open)) {
		run, err := s.repo.run(ctx, id)
		if err != nil {
			return err
		}
		if run == nil {
			s.lost[owner[id]] = id
		}
		s.addRuns([]*WorkflowRun{run}, open)
	}
	return nil
}

// addRuns takes what a list tells of runs: those that changed since, those of jobs
// whose branch exists (the list may have lagged behind when they were new), and those
// that were still open for the caller, which are ticked off.
func (s *sweep) addRuns(runs []*WorkflowRun, open map[int64]bool) {
	for _, run := range runs {
		if run == nil {
			continue
		}
		of, fact, ok := s.repo.RunFact(run)
		k := s.known[of]
		live := k.Head != "" && !k.Deleted
		wanted := live || open[run.GetID()] || !run.GetUpdatedAt().Before(s.since)
		delete(open, run.GetID())
		if ok && wanted {
			s.add(of, githubjobs.Facts{Runs: []githubjobs.RunFact{fact}})
		}
	}
}

// withRuns adds to results the runs that made them, where no list has told of these:
// somebody re-ran an old job.
func (s *sweep) withRuns(found Found) Found {
	return func(ctx context.Context, facts []githubjobs.Facts) error {
		for i, f := range facts {
			if f.Result == nil || f.Result.Result.RunID == 0 || s.listed(f.Name(), f.Result.Result) {
				continue
			}
			run, err := s.repo.run(ctx, f.Result.Result.RunID)
			if err != nil {
				return err
			}
			if of, fact, ok := s.repo.RunFact(run); ok && of == f.Name() {
				facts[i].Runs = []githubjobs.RunFact{fact}
			}
		}
		return found(ctx, facts)
	}
}

func (s *sweep) listed(of githubjobs.Name, result githubjobs.Result) bool {
	return slices.ContainsFunc(s.facts[of].Runs, func(r githubjobs.RunFact) bool { return r.ID == result.RunID && r.Attempt >= result.Attempt })
}
