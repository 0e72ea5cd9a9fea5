package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// ReadFile reads a file of the repository at a branch or commit: one REST call.
// ErrNotFound: there is no such file, or no such ref. ErrInvalid: it is no file.
func (r *Repository) ReadFile(ctx context.Context, path, ref string) ([]byte, error) {
	op := fmt.Sprintf("read %s at %s", path, ref)
	file, _, _, err := r.client.Repositories.GetContents(ctx, r.cfg.Owner, r.cfg.Name, path, &github.RepositoryContentGetOptions{Ref: ref})
	if err != nil {
		return nil, fail(ctx, op, err)
	}
	if file == nil || file.GetType() != "file" {
		return nil, &Error{Op: op, Kind: ErrInvalid, Message: path + " is not a regular file"}
	}
	content, err := file.GetContent()
	if err != nil {
		return nil, &Error{Op: op, Kind: ErrInvalid, Message: path + " cannot be decoded", Err: err}
	}
	return []byte(content), nil
}

// ReadCommit reads a commit: one REST call.
func (r *Repository) ReadCommit(ctx context.Context, sha string) (*github.Commit, error) {
	c, _, err := r.client.Git.GetCommit(ctx, r.cfg.Owner, r.cfg.Name, sha)
	return c, fail(ctx, fmt.Sprintf("read commit %.7s", sha), err)
}

// Gate is the merge gate's verdict, to be shown as a check run.
type Gate struct {
	Of         githubjobs.Name // the attempt that is judged
	HeadSHA    string
	Conclusion string                   // success, neutral, action_required
	Title      string                   // one sentence
	Summary    string                   // Markdown: what it means and what can be done
	Text       string                   // Markdown: the rules one by one
	Code       githubjobs.DiagnosisCode // what is in the way, for the diagnosis; may be empty
	DetailsURL string
	At         time.Time
}

// CreateCheckRun shows the gate's verdict on its head commit: one REST call.
func (r *Repository) CreateCheckRun(ctx context.Context, g Gate) error {
	g.Summary, g.Text = fit(g.Summary), fit(g.Text)
	name := g.Of.String()
	opts := github.CreateCheckRunOptions{
		Name: GateCheck, HeadSHA: g.HeadSHA, ExternalID: &name,
		Status: github.String("completed"), Conclusion: &g.Conclusion, CompletedAt: &github.Timestamp{Time: g.At},
		Output: &github.CheckRunOutput{Title: &g.Title, Summary: &g.Summary, Text: github.String(withCode(g.Text, g.Code))},
	}
	if g.DetailsURL != "" {
		opts.DetailsURL = &g.DetailsURL
	}
	_, _, err := r.client.Checks.CreateCheckRun(ctx, r.cfg.Owner, r.cfg.Name, opts)
	return fail(ctx, "create the check "+GateCheck, err)
}

// Comment writes the comment of a pull request that bears the marker, an HTML
// comment: an earlier one with the marker is rewritten, so that there is only ever one.
func (r *Repository) Comment(ctx context.Context, pull int, marker, text string) error {
	op := fmt.Sprintf("comment on pull request #%d", pull)
	body := fit(marker + "\n" + text)
	opts := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: perPage}}
	for {
		comments, res, err := r.client.Issues.ListComments(ctx, r.cfg.Owner, r.cfg.Name, pull, opts)
		if err != nil {
			return fail(ctx, op, err)
		}
		for _, c := range comments {
			if strings.HasPrefix(c.GetBody(), marker) {
				_, _, err := r.client.Issues.EditComment(ctx, r.cfg.Owner, r.cfg.Name, c.GetID(), &github.IssueComment{Body: &body})
				return fail(ctx, op, err)
			}
		}
		if opts.Page = res.NextPage; opts.Page == 0 {
			break
		}
	}
	_, _, err := r.client.Issues.CreateComment(ctx, r.cfg.Owner, r.cfg.Name, pull, &github.IssueComment{Body: &body})
	return fail(ctx, op, err)
}

// DeleteBranch deletes a branch: one REST call. One that is gone already is deleted.
func (r *Repository) DeleteBranch(ctx context.Context, branch string) error {
	_, err := r.client.Git.DeleteRef(ctx, r.cfg.Owner, r.cfg.Name, "heads/"+branch)
	err = fail(ctx, "delete branch "+branch, err)
	// GitHub answers 422 "Reference does not exist" for a ref that is not there.
	if e, ok := errors.AsType[*Error](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusUnprocessableEntity && strings.Contains(e.Message, "does not exist")) {
		return nil
	}
	return err
}

// CancelRun asks GitHub to cancel a run: one REST call. That the request is
// accepted does not mean that the run has ended. ErrRunEnded: it cannot be cancelled.
func (r *Repository) CancelRun(ctx context.Context, run int64) error {
	return r.cancel(ctx, run, "cancel")
}

// ForceCancelRun ends a run that does not react to CancelRun (GitHub bypasses the
// conditions that keep its steps going).
func (r *Repository) ForceCancelRun(ctx context.Context, run int64) error {
	return r.cancel(ctx, run, "force-cancel")
}

func (r *Repository) cancel(ctx context.Context, run int64, how string) error {
	req, err := r.client.NewRequest(http.MethodPost, fmt.Sprintf("repos/%s/%s/actions/runs/%d/%s", r.cfg.Owner, r.cfg.Name, run, how), nil)
	if err != nil {
		return err
	}
	_, err = r.client.Do(ctx, req, nil)
	if _, accepted := errors.AsType[*github.AcceptedError](err); accepted {
		return nil
	}
	err = fail(ctx, fmt.Sprintf("%s run %d", how, run), err)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusConflict {
		e.Kind = ErrRunEnded
	}
	return err
}
