package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

const perPage = 100 // GitHub's largest page

// Facts reads everything that GitHub knows of one job, with five to eight REST calls and
// as many as three to five for each attempt after the first. A job that GitHub knows
// nothing of gives facts that hold only its id. To read many jobs use Changed.
func (r *Repository) Facts(ctx context.Context, id string) (githubjobs.Facts, error) {
	f := githubjobs.Facts{ID: id}
	if !githubjobs.ValidID(id) {
		return f, &Error{Op: "read job " + id, Kind: ErrInvalid, Message: fmt.Sprintf("%q is not a job's id", id)}
	}
	later, err := r.laterBranches(ctx, githubjobs.Name{ID: id, Attempt: 1})
	if err != nil {
		return f, err
	}
	last := 1
	if len(later) > 0 {
		last = later[len(later)-1].Attempt
	}
	for n := 1; n <= githubjobs.MaxAttempts; n++ {
		of := githubjobs.Name{ID: id, Attempt: n}
		one, err := r.factsOf(ctx, of, n == 1 || slices.Contains(later, of))
		if err != nil {
			return f, err
		}
		f = githubjobs.Merge(f, of.Facts(one))
		if n >= last && len(one.Runs) == 0 {
			break
		}
	}
	return r.addUndo(ctx, f)
}

// addUndo reads what takes back the merge of a job that was merged: one REST call.
func (r *Repository) addUndo(ctx context.Context, f githubjobs.Facts) (githubjobs.Facts, error) {
	if !slices.ContainsFunc(f.Present().Pulls, func(p githubjobs.PullFact) bool { return p.Merged }) {
		return f, nil
	}
	pulls, err := r.undosOf(ctx, f.ID)
	for _, pull := range pulls {
		if id, fact, ok := r.UndoFact(pull); ok && id == f.ID {
			f = githubjobs.Merge(f, githubjobs.Facts{ID: id, Undos: []githubjobs.PullFact{fact}})
		}
	}
	return f, err
}

// factsOf reads one attempt: whether there is one shows in its runs, unless its branch exists.
func (r *Repository) factsOf(ctx context.Context, name githubjobs.Name, exists bool) (githubjobs.Facts, error) {
	id, branch := name.ID, name.Branch()
	f := githubjobs.Facts{ID: id}
	runs, err := r.runsOf(ctx, branch)
	if err != nil || len(runs) == 0 && !exists {
		return f, err
	}
	for _, run := range runs {
		if of, fact, ok := r.RunFact(run); ok && of == name {
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
		if of, fact, ok := r.PullFact(pull); ok && of == name {
			f = githubjobs.Merge(f, githubjobs.Facts{ID: id, Pulls: []githubjobs.PullFact{fact}})
			if fact.Number > newest.Number {
				newest = fact
			}
		}
	}
	head, at, err := r.head(ctx, branch)
	if err != nil {
		return f, err
	}
	return r.addCommits(ctx, f, name, head, newest, at)
}

// addCommits reads what the commits of a job and the gate's check run say. A branch
// that is gone is read through its pull request. at is GitHub's time, at which the
// branch stood there.
func (r *Repository) addCommits(ctx context.Context, f githubjobs.Facts, of githubjobs.Name, head string, pull githubjobs.PullFact, at time.Time) (githubjobs.Facts, error) {
	var err error
	switch {
	case head != "":
		f, err = r.addHead(ctx, f, githubjobs.BranchFact{Head: head, Seen: at})
	case pull.HeadSHA != "":
		f, err = r.addHead(ctx, f, githubjobs.BranchFact{Head: pull.HeadSHA, Deleted: true, At: pull.At, Seen: at})
	}
	if err != nil || !pull.Open {
		return f, err
	}
	f.Gates, err = r.gates(ctx, of, pull.HeadSHA)
	return f, err
}

// addHead reads the commits at the head of a branch and adds what they say.
func (r *Repository) addHead(ctx context.Context, f githubjobs.Facts, branch githubjobs.BranchFact) (githubjobs.Facts, error) {
	h, err := r.history(ctx, branch.Head, f.ID)
	// GitHub may have forgotten the commits of a branch that is gone.
	if err != nil && !(branch.Deleted && errors.Is(err, ErrNotFound)) {
		return f, err
	}
	if !branch.Deleted {
		branch.Moved, branch.At = branch.Head != h.creation, h.headAt.UTC()
	}
	if h.creation != "" {
		f.Created = []string{h.creation}
	}
	branch.Read = err == nil
	f.Spec, f.Result, f.Updates, f.Branch = h.spec, h.result, h.updates, &branch
	return f, nil
}

// head is where a branch is, and GitHub's time of the answer; empty when there is no
// such branch.
func (r *Repository) head(ctx context.Context, branch string) (sha string, at time.Time, err error) {
	ref, res, err := r.client.Git.GetRef(ctx, r.cfg.Owner, r.cfg.Name, "refs/heads/"+branch)
	if err = fail(ctx, "read branch "+branch, err); errors.Is(err, ErrNotFound) {
		err = nil
	}
	return ref.GetObject().GetSHA(), answeredAt(res), err
}

// gates reads the merge gate's newest verdict on a commit; none when there is none.
func (r *Repository) gates(ctx context.Context, name githubjobs.Name, sha string) ([]githubjobs.GateFact, error) {
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
		if of, fact, ok := GateFact(check); ok && of == name {
			f = githubjobs.Merge(f, githubjobs.Facts{Gates: []githubjobs.GateFact{fact}})
		}
	}
	return f.Gates, nil
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
