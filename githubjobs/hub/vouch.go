package hub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// ResultNotice is the title of the notice by which `agent publish` says, on the page of
// its run, which commit it has pushed. GitHub keeps notices as annotations of the job's
// check run, and lets nothing but the run itself make them.
const ResultNotice = "githubjobs: result"

// Ran names what a job's run did: who vouches for a result.
type Ran struct {
	Of   githubjobs.Name
	Base string // branch that the job is for
	// JobSHA is the creation commit, RunID and Attempt the run that it started.
	JobSHA  string
	RunID   int64
	Attempt int
}

// Vouched is the result commit for which the job's own run vouches: it ran the workflow of
// the base branch, it succeeded, and it named exactly one commit. Where that is not so, sha
// is empty, and why says in words what is missing. It takes seven REST calls, fewer where
// something is missing; all of them are free of quota while nothing changes.
//
// That a commit says to be a result proves nothing, nor does a check run: whoever may push
// can copy the one and, by a workflow of their own, make the other. A run can't be made to
// say what its workflow does not say; so it must be the workflow of the base.
func (r *Repository) Vouched(ctx context.Context, ran Ran) (sha, why string, err error) {
	ctx = whenChanged(ctx)
	for _, ask := range []func(context.Context, Ran) (string, error){r.doubtRun, r.doubtWorkflow} {
		if why, err = ask(ctx, ran); err != nil || why != "" {
			return "", why, err
		}
	}
	return r.named(ctx, ran)
}

// doubtRun says why the run is not the one that the job's commit started, or not at its good end.
func (r *Repository) doubtRun(ctx context.Context, ran Ran) (why string, err error) {
	run, err := r.run(ctx, ran.RunID)
	if err != nil {
		return "", err
	}
	of, fact, ok := r.RunFact(run)
	switch {
	case run == nil:
		return "the run of the job is not known to GitHub any more", nil
	case !ok || of != ran.Of || fact.HeadSHA != ran.JobSHA || run.GetEvent() != "push":
		return "the run is not the one that the job's commit has started", nil
	case fact.Attempt != ran.Attempt || fact.Status != "completed" || fact.Conclusion != "success":
		return "the run of the job has not come to a good end, or runs again", nil
	}
	return "", nil
}

// doubtWorkflow says why the run may not have run the workflow of the base branch. The
// creation commit has the same tree as its parent, and the parent is on the base.
func (r *Repository) doubtWorkflow(ctx context.Context, ran Ran) (why string, err error) {
	job, err := r.ReadCommit(ctx, ran.JobSHA)
	if err != nil {
		return "", err
	}
	if len(job.Parents) != 1 {
		return "the job's commit does not stand on the base branch", nil
	}
	before, err := r.ReadCommit(ctx, job.Parents[0].GetSHA())
	if err != nil {
		return "", err
	}
	if before.GetTree().GetSHA() != job.GetTree().GetSHA() {
		return "the job's commit changes files, and so may have changed the workflow that ran", nil
	}
	on, err := r.isOn(ctx, job.Parents[0].GetSHA(), ran.Base)
	switch {
	case errors.Is(err, ErrNotFound):
		return "the base branch is gone", nil
	case err != nil:
		return "", err
	case !on:
		return fmt.Sprintf("the job's commit does not stand on %s", ran.Base), nil
	}
	return "", nil
}

// maxVouchers bounds the jobs of a run whose notices are read: the workflow has two, of which
// the second one is mostly skipped.
const maxVouchers = 5

// named is the one commit that the notices of the run name.
func (r *Repository) named(ctx context.Context, ran Ran) (sha, why string, err error) {
	jobs, _, err := r.client.Actions.ListWorkflowJobsAttempt(ctx, r.cfg.Owner, r.cfg.Name, ran.RunID, int64(ran.Attempt), &github.ListOptions{PerPage: perPage})
	if err != nil {
		return "", "", fail(ctx, "list the jobs of the run", err)
	}
	if jobs.GetTotalCount() > maxVouchers {
		return "", "the run has too many jobs to ask all of them for its result", nil
	}
	for _, job := range jobs.Jobs {
		if job.GetConclusion() == "skipped" { // it says nothing
			continue
		}
		check, err := checkOf(job)
		if err != nil {
			return "", "", err
		}
		notes, res, err := r.client.Checks.ListCheckRunAnnotations(ctx, r.cfg.Owner, r.cfg.Name, check, &github.ListOptions{PerPage: perPage})
		switch err = fail(ctx, "read the notices of the run", err); {
		case errors.Is(err, ErrForbidden):
			return "", "the server may not read the notices of the run: it needs the permission Checks: read, which a GitHub App or a classic token can have", nil
		case err != nil:
			return "", "", err
		case res.NextPage != 0:
			return "", "the run has made too many notices to tell which names its result", nil
		}
		for _, note := range notes {
			if note.GetTitle() != ResultNotice || note.GetMessage() == sha {
				continue
			}
			if !isSHA(note.GetMessage()) || sha != "" {
				return "", "the notices of the run do not name one result", nil
			}
			sha = note.GetMessage()
		}
	}
	if sha == "" {
		return "", "the run has not named its result: its agent is older than the server; update the agent's image", nil
	}
	return sha, "", nil
}

// checkOf is the id of the check run in which GitHub keeps the notices of a job.
func checkOf(job *github.WorkflowJob) (int64, error) {
	u, err := url.Parse(job.GetCheckRunURL())
	if err != nil {
		return 0, &Error{Op: "read a job of the run", Kind: ErrInvalid, Message: "GitHub tells of a job of the run without the address of its check run"}
	}
	id, err := strconv.ParseInt(path.Base(u.Path), 10, 64)
	if err != nil {
		return 0, &Error{Op: "read a job of the run", Kind: ErrInvalid, Message: "GitHub tells of a job of the run without the id of its check run"}
	}
	return id, nil
}
