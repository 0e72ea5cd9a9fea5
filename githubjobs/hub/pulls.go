package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// NewPull describes a pull request to be opened.
type NewPull struct {
	Title string
	Body  string // Markdown
	Head  string // branch of this repository
	Base  string // branch to be merged into
	Draft bool   // nothing merges it until a person says that it is ready
}

// maxText is GitHub's limit for the text of a pull request, of a comment and of
// the output of a check run, in characters; a longer one is refused.
const maxText = 65_535

// fit cuts a text to what GitHub takes.
func fit(text string) string {
	if utf8.RuneCountInString(text) <= maxText {
		return text
	}
	const note = "\n\n… (cut)"
	return string([]rune(text)[:maxText-utf8.RuneCountInString(note)]) + note
}

// OpenPull opens a pull request: one REST call. ErrPullExists: there is an open one
// from the branch to this base; FindPull finds it. ErrPullsForbidden: a setting or
// a permission forbids it. ErrNoDrafts: the repository has none. ErrInvalid: mostly the
// base branch is gone.
func (r *Repository) OpenPull(ctx context.Context, p NewPull) (*github.PullRequest, error) {
	p.Body = fit(p.Body)
	pull, _, err := r.client.PullRequests.Create(ctx, r.cfg.Owner, r.cfg.Name, &github.NewPullRequest{
		Title: &p.Title, Body: &p.Body, Head: &p.Head, Base: &p.Base, Draft: &p.Draft,
	})
	err = fail(ctx, "open a pull request from "+p.Head, err)
	if e, ok := errors.AsType[*Error](err); ok {
		switch {
		case e.Kind == ErrInvalid && strings.Contains(e.Message, "already exists"):
			e.Kind = ErrPullExists
		case e.Kind == ErrInvalid && strings.Contains(strings.ToLower(e.Message), "draft pull requests are not supported"):
			e.Kind = ErrNoDrafts
		case e.Kind == ErrForbidden:
			e.Kind = ErrPullsForbidden
		}
	}
	return pull, err
}

// OpenFor is the pull request of an attempt of a job: the newest that there is, an open one
// before a closed one; else one that is opened. Two REST calls at most, three when somebody
// else opens one meanwhile.
func (r *Repository) OpenFor(ctx context.Context, of githubjobs.Name, p NewPull) (githubjobs.PullFact, error) {
	pull, err := r.FindPull(ctx, of, p.Base)
	if errors.Is(err, ErrNotFound) {
		pull, err = r.OpenPull(ctx, p)
	}
	if errors.Is(err, ErrPullExists) {
		pull, err = r.FindPull(ctx, of, p.Base)
	}
	_, fact, _ := r.PullFact(pull)
	return fact, err
}

// FindPull finds the newest pull request of an attempt of a job into its base branch, an
// open one before a closed one: one REST call. ErrNotFound: it has none.
func (r *Repository) FindPull(ctx context.Context, name githubjobs.Name, base string) (*github.PullRequest, error) {
	op := "find the pull request of job " + name.String()
	pulls, _, err := r.client.PullRequests.List(ctx, r.cfg.Owner, r.cfg.Name, &github.PullRequestListOptions{
		State: "all", Head: r.cfg.Owner + ":" + name.Branch(), Base: base, ListOptions: github.ListOptions{PerPage: perPage},
	})
	if err != nil {
		return nil, fail(ctx, op, err)
	}
	var found *github.PullRequest
	for _, pull := range pulls {
		of, fact, ok := r.PullFact(pull)
		if !ok || of != name || pull.GetBase().GetRef() != base {
			continue
		}
		if found == nil || fact.Open && found.GetState() != "open" || fact.Open == (found.GetState() == "open") && fact.Number > found.GetNumber() {
			found = pull
		}
	}
	if found == nil {
		return nil, &Error{Op: op, Kind: ErrNotFound, Message: fmt.Sprintf("there is no pull request from %s into %s", name.Branch(), base)}
	}
	return found, nil
}

// Pull reads one pull request; this also makes GitHub compute whether it can be merged.
func (r *Repository) Pull(ctx context.Context, number int) (*github.PullRequest, error) {
	pull, _, err := r.client.PullRequests.Get(ctx, r.cfg.Owner, r.cfg.Name, number)
	return pull, fail(ctx, fmt.Sprintf("read pull request #%d", number), err)
}

// EditPull gives a pull request another title and body: one REST call.
func (r *Repository) EditPull(ctx context.Context, number int, title, body string) error {
	_, _, err := r.client.PullRequests.Edit(ctx, r.cfg.Owner, r.cfg.Name, number, &github.PullRequest{Title: &title, Body: &body})
	return fail(ctx, fmt.Sprintf("edit pull request #%d", number), err)
}

// Pauses between the reads of Mergeable: GitHub mostly knows within a second.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 3 * time.Second
	// MergeableWithin is how long Mergeable asks at most.
	MergeableWithin = 30 * time.Second
)

// Mergeable reads a pull request until GitHub knows whether it can be merged, with
// growing pauses for at most MergeableWithin. What is returned then may still not
// say (its Mergeable is nil).
func (r *Repository) Mergeable(ctx context.Context, number int, wait Wait) (*github.PullRequest, error) {
	for pause, spent := firstPause, time.Duration(0); ; pause = min(2*pause, lastPause) {
		pull, err := r.Pull(ctx, number)
		if err != nil || pull.Mergeable != nil || pull.GetState() != "open" || spent >= MergeableWithin {
			return pull, err
		}
		if err := wait(ctx, pause); err != nil {
			return pull, err
		}
		spent += pause
	}
}

// MergeRequest says what is to be merged, and how.
type MergeRequest struct {
	Number  int
	SHA     string // the head that was judged; GitHub merges no other
	Method  string // squash, merge or rebase
	Title   string
	Message string
}

// MergePull merges a pull request at one head: one REST call. It returns the SHA of
// the merge. ErrHeadMoved: the head is another; judge again. ErrBaseMoved: try
// again. ErrNotMergeable: a conflict, or a rule of the repository, as the message says.
func (r *Repository) MergePull(ctx context.Context, m MergeRequest) (sha string, err error) {
	result, _, err := r.client.PullRequests.Merge(ctx, r.cfg.Owner, r.cfg.Name, m.Number, m.Message, &github.PullRequestOptions{
		CommitTitle: m.Title, SHA: m.SHA, MergeMethod: m.Method, DontDefaultIfBlank: m.Message == "",
	})
	err = fail(ctx, fmt.Sprintf("merge pull request #%d", m.Number), err)
	if e, ok := errors.AsType[*Error](err); ok {
		switch {
		case e.Status == http.StatusMethodNotAllowed && strings.Contains(e.Message, "Base branch was modified"):
			e.Kind = ErrBaseMoved
		case e.Status == http.StatusMethodNotAllowed:
			e.Kind = ErrNotMergeable
		case e.Status == http.StatusConflict:
			e.Kind = ErrHeadMoved
		}
	}
	return result.GetSHA(), err
}

// pullFiles lists the changed files of a pull request at the head that it has just now, as
// many as GitHub shows: at most 3,000. See Difference for those of one head.
func (r *Repository) pullFiles(ctx context.Context, number int) ([]*github.CommitFile, error) {
	var all []*github.CommitFile
	opts := &github.ListOptions{PerPage: perPage}
	for {
		files, res, err := r.client.PullRequests.ListFiles(ctx, r.cfg.Owner, r.cfg.Name, number, opts)
		if err != nil {
			return nil, fail(ctx, fmt.Sprintf("list the files of pull request #%d", number), err)
		}
		all = append(all, files...)
		if opts.Page = res.NextPage; opts.Page == 0 {
			return all, nil
		}
	}
}
