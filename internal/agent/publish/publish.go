package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/agent/leak"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
	"github.com/githubjobs/githubjobs/internal/agent/tasklog"
)

// Config says what is to be published, and where. What identifies the job comes
// from the runner, never from the task.
type Config struct {
	Repo *hub.Repository
	// Tree is the task's folder.
	Tree string
	// Job and JobSHA are the attempt of the job and its creation commit, from the push event.
	Job    githubjobs.Name
	JobSHA string
	// RunID, Attempt and RunURL are the run's (GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT).
	RunID   int64
	Attempt int
	RunURL  string
	// Workflow and WorkflowSHA are of the run too; see githubjobs.Ran.
	Workflow, WorkflowSHA string
	// Attest is told in the result; see githubjobs.Ran.
	Attest bool
	// MaxFileBytes and MaxTotalBytes default to DefaultMaxFileBytes and
	// DefaultMaxTotalBytes.
	MaxFileBytes  int64
	MaxTotalBytes int64
	// AllowSecrets: credentials in what the task has changed and said are let through.
	AllowSecrets bool
	// Secrets are those that the task got: they are refused in its changes, whatever else is
	// let through. SecretsMissing says why they are not known; then no changes are published.
	Secrets        secret.Set
	SecretsMissing error
	// Now and Wait default to the machine's clock; Logger to slog.Default().
	Now    func() time.Time
	Wait   hub.Wait
	Logger *slog.Logger
}

// Report is what was published.
type Report struct {
	SHA     string // the last result commit
	Raw     []byte // that commit, as git has it
	Result  githubjobs.Result
	Changed []string // paths that the task changed
	Pull    int      // number of the pull request; 0 when there is none
	PullURL string
	// Problem is set when the task succeeded and its result could not be delivered.
	Problem *githubjobs.Problem
	// Warnings are what went wrong beside, and keeps nothing from being delivered.
	Warnings []string
}

// NotDelivered: the result commit is on GitHub and says what kept the task's result
// from getting any further.
type NotDelivered struct{ Problem githubjobs.Problem }

func (e *NotDelivered) Error() string { return e.Problem.Message }

// publisher is one call of Publish.
type publisher struct {
	Config
	job    job
	given  []given
	labels []string     // to be put on the pull request
	mask   tasklog.Mask // of the secrets that the task got
	result githubjobs.Result
	scan   scan
	parent string        // head of the branch as this call knows it
	tree   plumbing.Hash // of that head
	onto   *onto         // nil: the result stands on the commit from which the job began
	report Report
}

// Publish writes the result of an attempt to GitHub: always a result commit, and for
// a task that succeeded and changed something also the changes and a pull request.
// Of the result's fields the job, the run and what was changed are filled in here.
//
// The report tells what was done, also with an error. The error is a *NotDelivered
// when the result commit says what went wrong; any other error left the job without
// a result commit, or without news of its pull request.
func Publish(ctx context.Context, cfg Config, result githubjobs.Result) (Report, error) {
	p := &publisher{Config: cfg.withDefaults(), result: result, given: givenSecrets(cfg.Secrets), mask: tasklog.NewMask(cfg.Secrets.Values())}
	if !cfg.AllowSecrets {
		go leak.Prepare()
	}
	// It takes commits and trees: the content of files stays on GitHub.
	store := memory.NewStorage()
	if err := p.retry(ctx, func() (err error) { p.job, err = p.readJob(ctx, store); return err }); err != nil {
		return Report{}, err
	}
	p.parent, p.tree = p.job.head.Hash.String(), p.job.head.TreeHash
	p.complete()
	p.redact(ctx)
	p.collect(ctx)
	err := p.deliver(ctx)
	return p.report, err
}

func (c Config) withDefaults() Config {
	if c.MaxFileBytes == 0 {
		c.MaxFileBytes = DefaultMaxFileBytes
	}
	if c.MaxTotalBytes == 0 {
		c.MaxTotalBytes = DefaultMaxTotalBytes
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = hub.Sleep
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// complete fills in what the task's side has no say in.
func (p *publisher) complete() {
	r := &p.result
	r.ID, r.RunID, r.Attempt, r.Problem = p.Job.ID, p.RunID, p.Attempt, nil
	r.Ran = p.ran()
	r.SetFiles(nil)
	now := p.Now().UTC().Truncate(time.Millisecond)
	if r.FinishedAt.IsZero() {
		r.FinishedAt = now
	}
	if r.StartedAt.IsZero() {
		r.StartedAt = r.FinishedAt
	}
}

// collect compares the task's folder with the job's commit, if the task succeeded.
func (p *publisher) collect(ctx context.Context) {
	if p.result.Outcome != githubjobs.OutcomeSuccess {
		return
	}
	if p.result.Problem = p.unsearched(); p.result.Problem != nil {
		return
	}
	var err error
	p.scan, err = scanTree(ctx, p.Tree, baseline{p.job.store, p.job.creation.TreeHash}, p.MaxFileBytes, p.MaxTotalBytes, p.finder())
	if err == nil {
		err = p.judgeLeaks(ctx)
	}
	if err != nil {
		p.Logger.Error("the task's changes cannot be read", "error", err)
		p.result.Outcome, p.result.Error = githubjobs.OutcomeError, "the task's changes cannot be read: "+err.Error()
		return
	}
	if p.judgeGiven(); len(p.scan.refused) > 0 {
		p.result.Problem = &githubjobs.Problem{Reason: githubjobs.ReasonPolicyDenied, Message: p.mask.Text(refusal(p.scan.refused))}
		return
	}
	p.tell()
	p.rebase(ctx)
}

// tell says in result and report what is changed.
func (p *publisher) tell() {
	p.report.Changed = nil
	for _, c := range p.scan.changes {
		p.report.Changed = append(p.report.Changed, c.path)
	}
	p.result.SetFiles(p.report.Changed)
}

// maxNamed bounds how many refused paths a message names.
const maxNamed = 10

func refusal(refused []refusedPath) string {
	lines := []string{"The task succeeded, but its changes hold what no job may publish, so nothing of them was published."}
	for i, r := range refused {
		if i == maxNamed {
			lines = append(lines, fmt.Sprintf("And %d more.", len(refused)-maxNamed))
			break
		}
		lines = append(lines, fmt.Sprintf("%q: %s.", short(r.path), r.why))
	}
	return strings.Join(append(lines, "Let the task leave these paths alone, or list those that are by-products in .gitignore."), " ")
}

func short(path string) string {
	const limit = 200
	if len(path) <= limit {
		return path
	}
	return strings.ToValidUTF8(path[:limit], "") + "…"
}

// delivers says whether there are changes to be brought onto the branch.
func (p *publisher) delivers() bool {
	return p.result.Outcome == githubjobs.OutcomeSuccess && p.result.Problem == nil
}

// deliver pushes the result and opens the pull request.
func (p *publisher) deliver(ctx context.Context) error {
	changed, anew := p.delivers() && len(p.scan.changes) > 0, p.anew()
	if changed {
		p.makeLabels(ctx)
	}
	err := p.push(ctx)
	if e, ok := errors.AsType[*hub.Error](err); ok && e.Kind == hub.ErrRefused && (changed || anew) {
		// Rules of the repository look at content, such as push protection for secrets, or forbid forced pushes.
		what := "the task's changes"
		if anew {
			what = "the result, which takes the place of an earlier one by a forced push"
		}
		p.report.Changed = nil
		p.result.SetFiles(nil)
		return p.notDelivered(ctx, githubjobs.ReasonPushRefused, "GitHub refused "+what+": "+e.Message+". The rules that refused them stand in the repository's Settings → Rules and Settings → Code security.")
	}
	if err != nil {
		return err
	}
	if p.result.Problem != nil {
		p.report.Problem = p.result.Problem
		return &NotDelivered{*p.result.Problem}
	}
	if !changed {
		return nil
	}
	return p.openPull(ctx)
}

// notDelivered says in a result commit of its own what went wrong.
func (p *publisher) notDelivered(ctx context.Context, reason githubjobs.Reason, message string) error {
	p.result.Problem = &githubjobs.Problem{Reason: reason, Message: message}
	if reason == githubjobs.ReasonPRForbidden {
		p.result.SetChanges(shownChanges(p.scan.changes))
		p.result.Lacks = "" // who opens it in place of this run may make labels, or says so
	}
	p.report.Problem = p.result.Problem
	if err := p.push(ctx); err != nil {
		return errors.Join(&NotDelivered{*p.result.Problem}, err)
	}
	return &NotDelivered{*p.result.Problem}
}

// push puts a result commit on top of the branch. Without changes to deliver its
// tree is its parent's. A result that stands on the commit from which the job began takes
// the place of earlier ones that a newer base came in with: above that base its tree would
// take back what others have done there.
func (p *publisher) push(ctx context.Context) error {
	parent, tree, objects, more := p.parent, p.tree, []plumbing.EncodedObject(nil), []string(nil)
	if p.delivers() {
		b, base := treeBuilder{store: p.job.store}, p.job.creation.TreeHash
		switch {
		case p.onto != nil:
			base, more = p.onto.tree, []string{p.onto.sha}
		case p.anew():
			parent = p.JobSHA
		}
		made, err := b.root(base, p.scan.changes)
		if err != nil {
			return err
		}
		tree, objects = made, append(b.made, p.scan.blobs...)
	}
	message := githubjobs.FormatResult(p.job.spec.Title, p.result)
	commit, err := p.Repo.Commit(tree.String(), parent, message, p.Now(), more...)
	if err != nil {
		return err
	}
	sha := commit.Hash().String()
	update := hub.Update{Ref: "refs/heads/" + p.Job.Branch(), Old: p.parent, New: sha}
	err = p.retry(ctx, func() error {
		results, err := p.Repo.PushOf(ctx, p.Job, []hub.Update{update}, append(objects, commit))
		if err != nil {
			return err
		}
		return results[0]
	})
	if err != nil {
		return fmt.Errorf("push the result: %w", err)
	}
	p.parent, p.tree, p.report.SHA, p.report.Result = sha, tree, sha, p.result
	if p.report.Raw, err = bytesOf(commit); err != nil {
		return err
	}
	p.Logger.Info("result pushed", "commit", sha, "outcome", p.result.Outcome, "files", p.result.FilesTotal)
	return nil
}

func (p *publisher) retry(ctx context.Context, do func() error) error {
	return hub.Retry(ctx, p.Wait, p.Logger, do)
}

// openPull opens the pull request, or brings the one that an earlier attempt opened
// up to date.
func (p *publisher) openPull(ctx context.Context) error {
	title, body := pullText(p)
	var pull *github.PullRequest
	err := p.retry(ctx, func() (err error) {
		pull, err = p.Repo.OpenPull(ctx, hub.NewPull{Title: title, Body: body, Head: p.Job.Branch(), Base: p.job.spec.Base, Draft: p.job.spec.Pull().Draft})
		return err
	})
	switch {
	case errors.Is(err, hub.ErrPullExists):
		if pull, err = p.Repo.FindPull(ctx, p.Job, p.job.spec.Base); err != nil {
			return err
		}
		if err := p.Repo.EditPull(ctx, pull.GetNumber(), title, body); err != nil {
			p.Logger.Warn("the pull request keeps its old text", "pull", pull.GetNumber(), "error", err)
		}
	case errors.Is(err, hub.ErrPullsForbidden), errors.Is(err, hub.ErrNoDrafts):
		return p.notDelivered(ctx, githubjobs.ReasonPRForbidden,
			"The result is on the branch "+p.Job.Branch()+", but the pull request could not be opened: "+hub.Public(err)+" Then re-run the job.")
	case err != nil:
		return err
	}
	p.report.Pull, p.report.PullURL = pull.GetNumber(), pull.GetHTMLURL()
	p.Logger.Info("pull request", "number", p.report.Pull, "url", p.report.PullURL)
	p.label(ctx)
	return nil
}
