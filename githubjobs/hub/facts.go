package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

const perPage = 100 // GitHub's largest page

// Facts reads everything that GitHub knows of one job, with three to five REST
// calls. A job that GitHub knows nothing of gives facts that hold only its id. To
// read many jobs use Changed.
func (r *Repository) Facts(ctx context.Context, id string) (githubjobs.Facts, error) {
	f := githubjobs.Facts{ID: id}
	if !githubjobs.ValidID(id) {
		return f, &Error{Op: "read job " + id, Kind: ErrInvalid, Message: fmt.Sprintf("%q is not a job's id", id)}
	}
	branch := githubjobs.Branch(id)
	runs, err := r.listRuns(ctx, "actions/runs", url.Values{"branch": {branch}}, func(*github.Response) {})
	if err != nil {
		return f, err
	}
	for _, run := range runs {
		if of, fact, ok := r.RunFact(run); ok && of == id {
			f = githubjobs.Merge(f, githubjobs.Facts{ID: id, Runs: []githubjobs.RunFact{fact}})
		}
	}
	pulls, _, err := r.client.PullRequests.List(ctx, r.cfg.Owner, r.cfg.Name, &github.PullRequestListOptions{
		State: "all", Head: r.cfg.Owner + ":" + branch, ListOptions: github.ListOptions{PerPage: perPage},
	})
	if err != nil {
		return f, fail(ctx, "list the pull requests of job "+id, err)
	}
	var newest githubjobs.PullFact
	for _, pull := range pulls {
		if of, fact, ok := r.PullFact(pull); ok && of == id {
			f = githubjobs.Merge(f, githubjobs.Facts{ID: id, Pulls: []githubjobs.PullFact{fact}})
			if fact.Number > newest.Number {
				newest = fact
			}
		}
	}
	head, err := r.head(ctx, branch)
	if err != nil {
		return f, err
	}
	return r.addCommits(ctx, f, head, newest)
}

// addCommits reads what the commits of a job and the gate's check run say. A branch
// that is gone is read through its pull request.
func (r *Repository) addCommits(ctx context.Context, f githubjobs.Facts, head string, pull githubjobs.PullFact) (githubjobs.Facts, error) {
	from := head
	if from == "" {
		from = pull.HeadSHA
	}
	if from == "" {
		return f, nil
	}
	h, err := r.history(ctx, from, f.ID)
	// GitHub may have forgotten the commits of a branch that is gone.
	if err != nil && (head != "" || !errors.Is(err, ErrNotFound)) {
		return f, err
	}
	f.Spec, f.Result = h.spec, h.result
	f.Branch = &githubjobs.BranchFact{Head: head, Moved: head != h.creation, At: h.headAt.UTC()}
	if head == "" {
		f.Branch = &githubjobs.BranchFact{Head: from, Deleted: true, At: pull.At}
	}
	if !pull.Open || pull.Number == 0 {
		return f, nil
	}
	f.Gates, err = r.gates(ctx, f.ID, pull.HeadSHA)
	return f, err
}

// head is where a branch is; empty when there is no such branch.
func (r *Repository) head(ctx context.Context, branch string) (string, error) {
	ref, _, err := r.client.Git.GetRef(ctx, r.cfg.Owner, r.cfg.Name, "refs/heads/"+branch)
	if err = fail(ctx, "read branch "+branch, err); errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return ref.GetObject().GetSHA(), err
}

// gates reads the merge gate's newest verdict on a commit; none when there is none.
func (r *Repository) gates(ctx context.Context, id, sha string) ([]githubjobs.GateFact, error) {
	checks, _, err := r.client.Checks.ListCheckRunsForRef(ctx, r.cfg.Owner, r.cfg.Name, sha, &github.ListCheckRunsOptions{
		CheckName: github.String(GateCheck), ListOptions: github.ListOptions{PerPage: perPage},
	})
	if err = fail(ctx, "read the checks of commit "+sha, err); errors.Is(err, ErrForbidden) {
		return nil, nil // Fine-grained personal tokens can't be given this right; the webhook tells of the verdict too.
	}
	if err != nil {
		return nil, err
	}
	var f githubjobs.Facts
	for _, check := range checks.CheckRuns {
		if of, fact, ok := GateFact(check); ok && of == id {
			f = githubjobs.Merge(f, githubjobs.Facts{Gates: []githubjobs.GateFact{fact}})
		}
	}
	return f.Gates, nil
}

// maxPages is how far GitHub lets any filtered list of runs be read: 1,000 entries.
const maxPages = 10

// listRuns reads a list of runs up to GitHub's cap of 1,000; see is told each answer.
func (r *Repository) listRuns(ctx context.Context, list string, filter url.Values, see func(*github.Response)) ([]*WorkflowRun, error) {
	var all []*WorkflowRun
	filter.Set("per_page", fmt.Sprint(perPage))
	for page := 1; page <= maxPages; page++ {
		filter.Set("page", fmt.Sprint(page))
		var answer struct {
			Runs []*WorkflowRun `json:"workflow_runs"`
		}
		res, err := r.get(ctx, list+"?"+filter.Encode(), &answer)
		if err != nil {
			return nil, fail(ctx, "list the runs of "+r.FullName(), err)
		}
		see(res)
		all = append(all, answer.Runs...)
		if len(answer.Runs) < perPage {
			break
		}
	}
	return all, nil
}

// workflowRuns is the list of the runs of the job's own workflow.
func (r *Repository) workflowRuns() string {
	return "actions/workflows/" + url.PathEscape(path.Base(r.cfg.WorkflowPath)) + "/runs"
}

// get reads what go-github has no method or no field for.
func (r *Repository) get(ctx context.Context, what string, into any) (*github.Response, error) {
	req, err := r.client.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/%s", r.cfg.Owner, r.cfg.Name, what), nil)
	if err != nil {
		return nil, err
	}
	return r.client.Do(ctx, req, into)
}

// answeredAt is GitHub's own time of an answer.
func answeredAt(res *github.Response) time.Time {
	if res == nil {
		return time.Time{}
	}
	at, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
