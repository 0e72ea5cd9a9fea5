package report

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"
	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/task"
)

// Bounds of what is asked of the API: GitHub tells of at most 1,000 runs that
// match a filter.
const (
	perPage        = 100
	maxPages       = 10
	maxInputsBytes = 32 << 20
	inputsName     = "report.json"
)

// inputs are what the API told of the period and of the one before.
type inputs struct {
	Pulls     []pull `json:"pulls"` // merged ones
	PullsCut  bool   `json:"pulls_cut,omitempty"`
	Runs      []run  `json:"runs"` // completed ones
	RunsCut   bool   `json:"runs_cut,omitempty"`
	NoActions bool   `json:"no_actions,omitempty"` // the API does not tell of runs
}

type pull struct {
	Number   int       `json:"number"`
	Title    string    `json:"title"`
	Author   string    `json:"author"`
	URL      string    `json:"url"`
	Head     string    `json:"head"`
	Base     string    `json:"base"`
	MergedAt time.Time `json:"merged_at"`
	MergeSHA string    `json:"merge_sha"`
}

// ofJob says whether the pull request is a job's result.
func (p pull) ofJob() bool { return isJob(p.Head) }

// mark names the job of those commits that a person made by merging a job's pull
// request: their message is the person's, and may say nothing of the job.
func (in inputs) mark(commits []commit) []commit {
	jobs := map[string]string{}
	for _, p := range in.Pulls {
		if of, ok := githubjobs.ParseBranch(p.Head); ok && p.MergeSHA != "" {
			jobs[p.MergeSHA] = of.ID
		}
	}
	commits = slices.Clone(commits)
	for i, c := range commits {
		commits[i].JobID = cmp.Or(c.JobID, jobs[c.SHA])
	}
	return commits
}

type run struct {
	ID         int64     `json:"id"`
	Workflow   string    `json:"workflow"`
	Branch     string    `json:"branch"`
	Event      string    `json:"event"`
	Title      string    `json:"title"`
	Conclusion string    `json:"conclusion"`
	URL        string    `json:"url"`
	CreatedAt  time.Time `json:"created_at"`
	StartedAt  time.Time `json:"started_at"`
	EndedAt    time.Time `json:"ended_at"`
}

// ofJob says whether the run is one of a job, this one too.
func (r run) ofJob() bool { return isJob(r.Branch) }

func isJob(branch string) bool {
	_, ok := githubjobs.ParseBranch(branch)
	return ok
}

// Fetch implements task.Kind.
func (Kind) Fetch(ctx context.Context, repo task.Repository, spec githubjobs.Spec, folder string) error {
	span, err := spanOf(spec)
	if err != nil {
		return err
	}
	var in inputs
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { in.Pulls, in.PullsCut, err = mergedPulls(ctx, repo, span); return err })
	group.Go(func() (err error) {
		in.Runs, in.RunsCut, err = completedRuns(ctx, repo, span)
		if e, ok := errors.AsType[*github.ErrorResponse](err); ok && (e.Response.StatusCode == http.StatusForbidden || e.Response.StatusCode == http.StatusNotFound) {
			in.NoActions, err = true, nil // The token may not read them; the report says so.
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, inputsName), raw, 0o644)
}

// mergedPulls asks for the closed pull requests, those that changed last first,
// until none can have been merged in either span.
func mergedPulls(ctx context.Context, repo task.Repository, s span) (pulls []pull, cut bool, err error) {
	from := s.previous().From
	options := &github.PullRequestListOptions{
		State: "closed", Sort: "updated", Direction: "desc", ListOptions: github.ListOptions{PerPage: perPage},
	}
	for range maxPages {
		page, resp, err := repo.Client.PullRequests.List(ctx, repo.Owner, repo.Name, options)
		if err != nil {
			return nil, false, fmt.Errorf("list pull requests: %w", err)
		}
		for _, p := range page {
			if p.GetUpdatedAt().Before(from) {
				return pulls, false, nil
			}
			if at := p.GetMergedAt().UTC(); !p.GetMergedAt().IsZero() && !at.Before(from) && at.Before(s.To) {
				pulls = append(pulls, pull{
					Number: p.GetNumber(), Title: p.GetTitle(), Author: p.GetUser().GetLogin(), URL: p.GetHTMLURL(),
					Head: p.GetHead().GetRef(), Base: p.GetBase().GetRef(), MergedAt: at,
					MergeSHA: p.GetMergeCommitSHA(),
				})
			}
		}
		if resp.NextPage == 0 {
			return pulls, false, nil
		}
		options.Page = resp.NextPage
	}
	return pulls, true, nil
}

// completedRuns asks for the runs that were created in either span and have ended.
func completedRuns(ctx context.Context, repo task.Repository, s span) (runs []run, cut bool, err error) {
	from, last := s.previous().From, s.To.Add(-time.Second)
	options := &github.ListWorkflowRunsOptions{
		Status: "completed", Created: from.Format(time.RFC3339) + ".." + last.Format(time.RFC3339),
		ListOptions: github.ListOptions{PerPage: perPage},
	}
	for range maxPages {
		page, resp, err := repo.Client.Actions.ListRepositoryWorkflowRuns(ctx, repo.Owner, repo.Name, options)
		if err != nil {
			return nil, false, fmt.Errorf("list workflow runs: %w", err)
		}
		for _, r := range page.WorkflowRuns {
			at := r.GetCreatedAt().UTC()
			if r.GetStatus() != "completed" || at.Before(from) || !at.Before(s.To) {
				continue
			}
			runs = append(runs, run{
				ID: r.GetID(), Workflow: r.GetName(), Branch: r.GetHeadBranch(), Event: r.GetEvent(), Title: r.GetDisplayTitle(),
				Conclusion: r.GetConclusion(), URL: r.GetHTMLURL(), CreatedAt: at,
				StartedAt: r.GetRunStartedAt().UTC(), EndedAt: r.GetUpdatedAt().UTC(),
			})
		}
		if resp.NextPage == 0 {
			// GitHub lists 1,000 runs and then ends, whatever their number.
			return runs, page.GetTotalCount() > perPage*maxPages, nil
		}
		options.Page = resp.NextPage
	}
	return runs, true, nil
}

func loadInputs(folder string) (in inputs, err error) {
	f, err := os.Open(filepath.Join(folder, inputsName))
	if err != nil {
		return in, fmt.Errorf("read the report's inputs: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxInputsBytes)).Decode(&in); err != nil {
		return in, fmt.Errorf("read the report's inputs: %w", err)
	}
	return in, nil
}
