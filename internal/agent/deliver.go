//go:build unix

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/gate"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
	"github.com/githubjobs/githubjobs/internal/agent/actions"
	"github.com/githubjobs/githubjobs/internal/agent/publish"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
)

func publishStep(ctx context.Context, j job) error {
	repo, err := j.repository()
	if err != nil {
		return err
	}
	secrets, missing := secret.Named(j.config.Secrets, j.spec.Secrets)
	if missing == nil {
		missing = j.keysMissing()
	}
	report, err := publish.Publish(ctx, publish.Config{
		Secrets: j.withKeys(secrets), SecretsMissing: missing,
		Repo: repo, Tree: j.dir.Tree(), Job: j.config.Job(), JobSHA: j.config.SHA,
		RunID: j.config.RunID, Attempt: j.config.RunAttempt, RunURL: j.config.RunURL(), Workflow: j.config.Workflow, WorkflowSHA: j.config.WorkflowSHA, Attest: j.config.Attest, AllowSecrets: !j.config.SecretScan, Logger: j.logger(),
	}, j.result())
	commands := actions.To(j.Stdout)
	// Nothing needs the folder any more; a run that is run again begins with a new one.
	if removed := j.dir.Remove(); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
		commands.Warning("The work folder is left behind", removed.Error())
	}
	if report.SHA != "" {
		err = errors.Join(err, j.handOver(report))
	}
	notDelivered, ok := errors.AsType[*publish.NotDelivered](err)
	if ok && notDelivered.Problem.Reason == githubjobs.ReasonPRForbidden {
		// All of the work is on the branch, and the server may open what this workflow may not.
		commands.Warning("The pull request is left to the server", notDelivered.Problem.Message)
		j.summarize("### The pull request is left to the server\n\n" + markdown.Block(notDelivered.Problem.Message))
		return nil
	}
	if ok {
		commands.Error("The result was not delivered", notDelivered.Problem.Message)
		j.summarize("### The result was not delivered\n\n" + markdown.Block(notDelivered.Problem.Message))
		return errTask
	}
	if err != nil {
		return err
	}
	for _, warning := range report.Warnings {
		commands.Warning("The pull request", warning)
	}
	switch {
	case report.PullURL != "":
		commands.Notice("Pull request", report.PullURL)
		j.summarize(fmt.Sprintf("### Pull request [#%d](%s)\n\n%d files changed.", report.Pull, report.PullURL, len(report.Changed)))
	case len(report.Changed) == 0:
		commands.Printf("Pushed the result %.12s; there is nothing to merge", report.SHA)
	default:
		commands.Printf("Pushed the result %.12s", report.SHA)
	}
	return nil
}

// handOver tells the merge step what there is to merge; and the server, by a notice that
// nothing but this run can make.
func (j job) handOver(report publish.Report) error {
	actions.To(j.Stdout).Notice(hub.ResultNotice, report.SHA)
	err := actions.SetOutput(j.config.Output, "result", report.SHA)
	if err == nil && report.Pull != 0 {
		err = actions.SetOutput(j.config.Output, "pull", strconv.Itoa(report.Pull))
	}
	return errors.Join(err, j.attestResult(report))
}

func mergeStep(ctx context.Context, j job) error {
	repo, err := j.repository()
	if err != nil {
		return err
	}
	report, err := gate.Merge(ctx, gate.Config{
		Repo: repo, Spec: j.spec, Job: j.config.Job(), JobSHA: j.config.SHA, Result: j.config.Result, Pull: j.config.Pull, RunID: j.config.RunID, Attempt: j.config.RunAttempt, RunURL: j.config.RunURL(), Silent: true, Logger: j.logger(),
	})
	if err != nil {
		return err
	}
	commands := actions.To(j.Stdout)
	for _, warning := range report.Warnings {
		commands.Warning("After the merge", warning.Error())
	}
	switch {
	case report.Merged:
		commands.Notice("Merged", report.Title)
		if err := j.attestMerge(ctx, repo, report.SHA); err != nil {
			commands.Warning("The merge is not attested", err.Error())
		}
	case report.Waits:
		commands.Notice("Not merged yet", report.Title)
	case report.Pull != 0:
		commands.Warning("Not merged", report.Title)
	default:
		commands.Printf("%s", report.Title)
		return nil
	}
	j.summarize("### " + report.Title + "\n\n" + report.Summary + "\n\n" + report.Rules)
	return nil
}

// result is what the run step left. If that is missing or damaged, the attempt
// failed all the same, and the result says so.
func (j job) result() githubjobs.Result {
	outcome, err := j.dir.Load()
	switch {
	case err != nil:
	case !sameSpec(outcome.Spec, j.spec):
		err = errors.New("the outcome is that of another job")
	case outcome.Result.RunID != j.config.RunID || outcome.Result.Attempt != j.config.RunAttempt:
		err = fmt.Errorf("the outcome is that of attempt %d of run %d", outcome.Result.Attempt, outcome.Result.RunID)
	}
	if err != nil {
		return githubjobs.Result{Outcome: githubjobs.OutcomeError, ExitCode: -1, Error: err.Error()}
	}
	return outcome.Result
}

func sameSpec(a, b githubjobs.Spec) bool {
	one, err := json.Marshal(a)
	other, otherErr := json.Marshal(b)
	return err == nil && otherErr == nil && bytes.Equal(one, other)
}

// actionsBot is the account whose token the run has, as GitHub itself names it in commits.
var actionsBot = hub.Identity{Name: "github-actions[bot]", Email: "41898282+github-actions[bot]@users.noreply.github.com"}

// maxWait is how long a step waits for GitHub's secondary limits: longer than these
// mostly last, and short beside the time of a job.
const maxWait = 10 * time.Minute

func (j job) repository() (*hub.Repository, error) {
	return hub.New(hub.Config{
		ServerURL: j.config.ServerURL, APIURL: j.config.APIURL, Owner: j.config.Owner(), Name: j.config.Name(),
		Base: j.spec.Base, Token: j.config.Token, Author: actionsBot, MaxWait: maxWait, Logger: j.logger(),
	})
}

// logger writes into the log of the step, which the runner stamps with the time.
func (j job) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(actions.Plain(j.Stdout), &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			return slog.Attr{}
		}
		return a
	}}))
}

func (j job) summarize(markdown string) {
	if err := actions.AppendSummary(j.config.Summary, strings.TrimSpace(markdown)); err != nil {
		actions.To(j.Stdout).Warning("No summary", err.Error())
	}
}
