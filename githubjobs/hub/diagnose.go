package hub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// newLooks is how many jobs one call of Diagnose asks about by themselves; what it
// has learnt of a job it keeps, and comes to the others in later calls.
const newLooks = 10

// Diagnose looks for what keeps jobs from getting on: the settings of Actions, the
// state of the workflow, its newest run, the runners; and, of a few jobs that are
// new to it, the commit or the run. It takes at most six REST calls, and one or two
// for each of these few. What the token may not see stands in Unknown.
//
// With an error come the findings of those jobs that could be asked about: one that GitHub
// fails to tell of keeps the others from nothing.
//
// The caller sets Findings.At and Findings.Webhooks.
func (r *Repository) Diagnose(ctx context.Context, questions []githubjobs.Question) (map[string]githubjobs.Findings, error) {
	l := &look{repo: r, left: newLooks}
	if err := l.repository(ctx, questions); err != nil {
		return nil, err
	}
	found := make(map[string]githubjobs.Findings, len(questions))
	var errs []error
	for _, q := range questions {
		f, err := l.job(ctx, q)
		if err == nil {
			found[q.ID] = f
			continue
		}
		errs = append([]error{fmt.Errorf("job %s: %w", q.ID, err)}, errs...) // the newest tells how long to wait
		if RetryAfter(err) > 0 || ctx.Err() != nil {
			break
		}
		if len(errs) == unreadable {
			l.left = 0 // the others are told what is known without asking
		}
	}
	return found, errors.Join(errs...)
}

// look is one call of Diagnose.
type look struct {
	repo    *Repository
	left    int                 // jobs that may be asked about by themselves
	all     githubjobs.Findings // what holds for all jobs
	idle    githubjobs.Findings // and for those without a run besides
	runners []*github.Runner
	seen    bool     // the runners may be seen
	hidden  []string // Unknown of jobs with a run
}

// repository looks up what holds for the whole repository.
func (l *look) repository(ctx context.Context, questions []githubjobs.Question) error {
	if len(questions) == 0 {
		return nil
	}
	steps := []func(context.Context) error{l.readActions, l.readWorkflow}
	if slices.ContainsFunc(questions, func(q githubjobs.Question) bool { return q.Run == 0 }) {
		steps = append(steps, l.readNewestRun, l.readToken)
	}
	if slices.ContainsFunc(questions, func(q githubjobs.Question) bool { return q.Run != 0 }) {
		steps = append(steps, l.readRunners)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// hiddenBy says, in words, what an error keeps from being seen. It returns an error
// that has nothing to do with rights as it is: it is worth another try.
func hiddenBy(ctx context.Context, what string, err error) (unknown []string, other error) {
	switch err = fail(ctx, "look up "+what, err); {
	case err == nil:
		return nil, nil
	case errors.Is(err, ErrForbidden), errors.Is(err, ErrNotFound), errors.Is(err, ErrInvalid):
		e, _ := errors.AsType[*Error](err)
		return []string{fmt.Sprintf("%s (GitHub answered %d)", what, e.Status)}, nil
	}
	return nil, err
}

func (l *look) readActions(ctx context.Context) error {
	var answer struct {
		Enabled bool `json:"enabled"`
	}
	_, err := l.repo.get(ctx, "actions/permissions", &answer)
	unknown, other := hiddenBy(ctx, "whether Actions is enabled", err)
	if err == nil {
		l.all.Actions = githubjobs.Is(answer.Enabled)
	}
	l.all.Unknown = append(l.all.Unknown, unknown...)
	return other
}

// readWorkflow reads the state of the workflow. GitHub does not know a workflow that
// was never on the default branch and never ran.
func (l *look) readWorkflow(ctx context.Context) error {
	file := l.repo.cfg.WorkflowPath
	l.all.Path = file
	var answer struct {
		State string `json:"state"`
	}
	_, err := l.repo.get(ctx, "actions/workflows/"+url.PathEscape(path.Base(file)), &answer)
	if errors.Is(fail(ctx, "", err), ErrNotFound) {
		return nil
	}
	unknown, other := hiddenBy(ctx, "the state of the workflow", err)
	l.all.Workflow, l.all.Unknown = answer.State, append(l.all.Unknown, unknown...)
	return other
}

func (l *look) readNewestRun(ctx context.Context) error {
	var answer struct {
		Runs []*WorkflowRun `json:"workflow_runs"`
	}
	_, err := l.repo.get(ctx, l.repo.workflowRuns()+"?per_page=1", &answer)
	if errors.Is(fail(ctx, "", err), ErrNotFound) {
		return nil // it has never run
	}
	unknown, other := hiddenBy(ctx, "the runs of the workflow", err)
	l.idle.Unknown = append(l.idle.Unknown, unknown...)
	if len(answer.Runs) > 0 {
		l.idle.OtherRun = utc(answer.Runs[0].GetCreatedAt())
	}
	return other
}

// readToken tells a person's token from one of an installation: GitHub says only to
// the first whose it is. A server with a GitHub App makes its own tokens, so one
// that was handed to it is that of a run.
func (l *look) readToken(ctx context.Context) error {
	r := l.repo
	if r.cfg.App != nil {
		l.idle.RunToken = githubjobs.No
		return nil
	}
	known, ok := r.looks.tokens.get(struct{}{})
	if !ok {
		_, _, err := r.client.Users.Get(ctx, "")
		if err = fail(ctx, "look up whose the token is", err); err != nil && !errors.Is(err, ErrForbidden) {
			return err
		}
		known = githubjobs.Is(err != nil)
		r.looks.tokens.add(struct{}{}, known)
	}
	l.idle.RunToken = known
	return nil
}

func (l *look) readRunners(ctx context.Context) error {
	opts := &github.ListOptions{PerPage: perPage}
	for range maxPages {
		list, res, err := l.repo.client.Actions.ListRunners(ctx, l.repo.cfg.Owner, l.repo.cfg.Name, opts)
		if err != nil {
			unknown, other := hiddenBy(ctx, "the repository's runners", err)
			l.hidden = unknown
			return other
		}
		l.runners = append(l.runners, list.Runners...)
		if opts.Page = res.NextPage; opts.Page == 0 {
			break
		}
	}
	l.seen = true
	return nil
}

// job adds what is looked up for one job alone.
func (l *look) job(ctx context.Context, q githubjobs.Question) (githubjobs.Findings, error) {
	f := l.all
	f.Unknown = slices.Clone(f.Unknown)
	if q.Run != 0 {
		f.Unknown = append(f.Unknown, l.hidden...)
		err := l.readLabels(ctx, q.Run, &f)
		if f.Labels != nil && l.seen {
			f.Runners = l.count(f.Labels)
		}
		return f, err
	}
	f.OtherRun, f.RunToken, f.Unknown = l.idle.OtherRun, l.idle.RunToken, append(f.Unknown, l.idle.Unknown...)
	if q.Head == "" {
		return f, nil
	}
	return f, l.readCommit(ctx, q.Head, &f)
}

// readLabels reads what a run asks of its runner.
func (l *look) readLabels(ctx context.Context, run int64, f *githubjobs.Findings) error {
	if labels, known := l.repo.looks.labels.get(run); known {
		f.Labels = labels
		return nil
	}
	if l.left == 0 {
		return nil
	}
	l.left--
	list, _, err := l.repo.client.Actions.ListWorkflowJobs(ctx, l.repo.cfg.Owner, l.repo.cfg.Name, run, &github.ListWorkflowJobsOptions{Filter: "latest"})
	if err != nil {
		unknown, other := hiddenBy(ctx, "the labels that the run asks for", err)
		f.Unknown = append(f.Unknown, unknown...)
		return other
	}
	for _, job := range list.Jobs {
		if job.GetStatus() != "completed" && len(job.Labels) > 0 {
			f.Labels = job.Labels
			l.repo.looks.labels.add(run, job.Labels)
			return nil
		}
	}
	return nil
}

// count counts the runners that have all of the labels, which GitHub compares
// without regard to case.
func (l *look) count(labels []string) *githubjobs.RunnerCount {
	c := &githubjobs.RunnerCount{}
	for _, r := range l.runners {
		fits := !slices.ContainsFunc(labels, func(want string) bool {
			return !slices.ContainsFunc(r.Labels, func(has *github.RunnerLabels) bool { return strings.EqualFold(has.GetName(), want) })
		})
		switch {
		case !fits:
			continue
		case r.GetStatus() == "online" && r.GetBusy():
			c.Busy++
			fallthrough
		case r.GetStatus() == "online":
			c.Online++
		}
		c.All++
	}
	return c
}

// readCommit reads whether a job's commit can start the workflow.
func (l *look) readCommit(ctx context.Context, sha string, f *githubjobs.Findings) error {
	looks := &l.repo.looks
	if known, ok := looks.commits.get(sha); ok {
		f.File, f.Skip = known.file, known.skip
		return nil
	}
	if l.left == 0 {
		return nil
	}
	l.left--
	commit, _, err := l.repo.client.Git.GetCommit(ctx, l.repo.cfg.Owner, l.repo.cfg.Name, sha)
	if err != nil {
		unknown, other := hiddenBy(ctx, "the job's commit", err)
		f.Unknown = append(f.Unknown, unknown...)
		return other
	}
	tree := commit.GetTree().GetSHA()
	file, known := looks.trees.get(tree)
	if !known {
		_, err := l.repo.ReadFile(ctx, l.repo.cfg.WorkflowPath, sha)
		// The commit was to be seen, so what is not found is not there.
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrInvalid) {
			unknown, other := hiddenBy(ctx, "the workflow file", err)
			f.Unknown = append(f.Unknown, unknown...)
			return other
		}
		file = githubjobs.Is(err == nil)
		looks.trees.add(tree, file)
	}
	f.File, f.Skip = file, githubjobs.Is(githubjobs.SkipsActions(commit.GetMessage()))
	looks.commits.add(sha, commitLook{f.File, f.Skip})
	return nil
}
