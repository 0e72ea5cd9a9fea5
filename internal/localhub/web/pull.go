package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// maxPullCommits is how many commits of a pull request are shown, as on GitHub.
const maxPullCommits = 250

// pullPage is the data of a pull request's three pages.
type pullPage struct {
	pullItem
	View             string // conversation, commits or files
	Base             string
	BaseURL, HeadURL string // HeadURL is empty when the branch is gone
	HeadSHA          string
	HeadAt           string // address of the head commit
	Counts           gitrepo.Comparison
	Forms            pullForms
	MergedBy         person
	MergedAt         time.Time
	MergeSHA         string
	MergeURL         string

	Body     template.HTML // conversation
	Timeline []remark
	Checks   []checkItem
	Merge    mergeBox
	Commits  []commitItem // commits
	More     int          // commits not shown
	Diff     diff         // files
}

// remark is a comment or a review.
type remark struct {
	ID     string // of its element, as GitHub's addresses name it
	Author person
	Verb   string
	Tone   string
	When   time.Time
	HTML   template.HTML
}

// mergeBox says whether the pull request can be merged.
type mergeBox struct {
	Tone, Icon  string
	Title, Text string
	Conflicts   []string
}

// pullPage is what the three pages have in common.
func (q *request) pullPage(view string) (state.Pull, pullPage, string, error) {
	p, err := q.pull()
	if err != nil {
		return p, pullPage{}, "", err
	}
	page := pullPage{View: view, Base: p.BaseRef, BaseURL: q.link("tree", p.BaseRef), HeadSHA: p.HeadSHA, HeadAt: q.link("commit", p.HeadSHA),
		MergedAt: p.MergedAt, MergeSHA: p.MergeCommitSHA, MergeURL: q.link("commit", p.MergeCommitSHA)}
	q.site.DB.View(func(tx *state.Tx) {
		page.pullItem = q.pullItem(tx, p)
		page.MergedBy = personByID(tx, p.MergedByID)
	})
	if _, err := q.git.Ref(q.Context(), "refs/heads/"+p.HeadRef); err == nil && p.HeadRepositoryID == q.repo.ID {
		page.HeadURL = q.link("tree", p.HeadRef)
	}
	base, err := q.pullBase(p)
	if err != nil {
		return p, page, base, err
	}
	page.Counts, err = q.git.Compare(q.Context(), base, p.HeadSHA)
	if errors.Is(err, gitrepo.ErrUnrelated) {
		err = nil
	}
	return p, page, base, err
}

// pullBase is the commit to compare with: the tip of the base branch while the pull request is open, afterwards what that was.
func (q *request) pullBase(p state.Pull) (string, error) {
	if p.State != "open" {
		return p.BaseSHA, nil
	}
	ref, err := q.git.Ref(q.Context(), "refs/heads/"+p.BaseRef)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return p.BaseSHA, nil
	}
	return ref.Commit, err
}

func showPull(q *request) error {
	if number, ok := strings.CutSuffix(q.PathValue("number"), ".diff"); ok {
		return q.servePullDiff(number)
	}
	p, page, base, err := q.pullPage("conversation")
	if err != nil {
		return err
	}
	page.Body = q.text(p.Body)
	page.Timeline = q.timeline(p)
	page.Checks = q.checks(p.HeadSHA)
	if page.Merge, err = q.mergeBox(q.Context(), p, base, page.Checks); err != nil {
		return err
	}
	page.Forms = q.pullForms(p, page)
	return q.show("pull", pullTitle(p), page)
}

func pullTitle(p state.Pull) string { return fmt.Sprintf("%s · Pull request #%d", p.Title, p.Number) }

func showPullCommits(q *request) error {
	p, page, base, err := q.pullPage("commits")
	if err != nil {
		return err
	}
	commits, err := q.git.Log(q.Context(), gitrepo.LogOptions{Tip: p.HeadSHA, Not: base, OldestFirst: true})
	if err != nil {
		return err
	}
	shown := commits[:min(len(commits), maxPullCommits)]
	page.Commits, page.More = q.items(shown), len(commits)-len(shown)
	return q.show("pull", pullTitle(p), page)
}

func showPullFiles(q *request) error {
	p, page, _, err := q.pullPage("files")
	if err != nil {
		return err
	}
	if from := page.Counts.MergeBase; from != "" {
		if page.Diff, err = q.diff(q.Context(), from, p.HeadSHA); err != nil {
			return err
		}
	}
	return q.show("pull", pullTitle(p), page)
}

// timeline is all that was said, oldest first.
func (q *request) timeline(p state.Pull) (all []remark) {
	var comments []state.Comment
	var reviews []state.Review
	people := map[int64]person{}
	q.site.DB.View(func(tx *state.Tx) {
		comments = slices.Collect(tx.Comments.Of(p.ID))
		reviews = slices.Collect(tx.Reviews.Of(p.ID))
		for _, c := range comments {
			people[c.AuthorID] = personByID(tx, c.AuthorID)
		}
		for _, r := range reviews {
			people[r.AuthorID] = personByID(tx, r.AuthorID)
		}
	})
	for _, c := range comments {
		all = append(all, remark{"issuecomment-" + itoa(c.ID), people[c.AuthorID], "commented", "", c.CreatedAt, q.text(c.Body)})
	}
	for _, r := range reviews {
		if r.State == "PENDING" {
			continue // only its author may see it
		}
		verb, tone := reviewWords(r.State)
		all = append(all, remark{"pullrequestreview-" + itoa(r.ID), people[r.AuthorID], verb, tone, r.SubmittedAt, q.text(r.Body)})
	}
	slices.SortStableFunc(all, func(a, b remark) int { return a.When.Compare(b.When) })
	return all
}

func reviewWords(reviewState string) (verb, tone string) {
	switch reviewState {
	case "APPROVED":
		return "approved these changes", "good"
	case "CHANGES_REQUESTED":
		return "requested changes", "bad"
	case "DISMISSED":
		return "left a review that was dismissed", "quiet"
	}
	return "reviewed", ""
}

// mergeBox tries the merge of an open pull request; nothing changes.
func (q *request) mergeBox(ctx context.Context, p state.Pull, base string, checks []checkItem) (mergeBox, error) {
	switch pullState(p) {
	case "merged":
		return mergeBox{Tone: "done", Icon: "merged", Title: "Merged", Text: "The changes are on " + p.BaseRef + "."}, nil
	case "closed":
		return mergeBox{Tone: "bad", Icon: "closed", Title: "Closed", Text: "Closed without being merged."}, nil
	}
	_, err := q.git.MergeTree(ctx, base, p.HeadSHA)
	conflict, isConflict := errors.AsType[*gitrepo.ConflictError](err)
	switch {
	case isConflict:
		return mergeBox{Tone: "bad", Icon: "failure", Title: "This branch has conflicts with " + p.BaseRef,
			Text: "It can't be merged before somebody resolves them:", Conflicts: conflict.Paths}, nil
	case errors.Is(err, gitrepo.ErrUnrelated):
		return mergeBox{Tone: "bad", Icon: "failure", Title: "This branch can't be merged",
			Text: "It has no history in common with " + p.BaseRef + "."}, nil
	case err != nil:
		return mergeBox{}, err
	case p.Draft:
		return mergeBox{Tone: "quiet", Icon: "pull", Title: "This pull request is a draft", Text: "Drafts can't be merged. There are no conflicts."}, nil
	}
	return mergeable(p, checks), nil
}

// mergeable is the box of a pull request without conflicts: what its checks say.
func mergeable(p state.Pull, checks []checkItem) mergeBox {
	box := mergeBox{Tone: "good", Icon: "success", Title: "No conflicts with " + p.BaseRef}
	var failed, waiting, wanting int
	for _, c := range checks {
		switch {
		case c.Outcome == "action_required":
			wanting++
		case looks[c.Outcome].tone == "bad":
			failed++
		case looks[c.Outcome].tone == "busy", looks[c.Outcome].tone == "warn":
			waiting++
		}
	}
	switch {
	case len(checks) == 0:
		box.Text = "It can be merged. There are no checks on its head."
	case failed > 0:
		box.Tone, box.Icon = "warn", "action"
		box.Text = fmt.Sprintf("It can be merged, but %d of %s failed.", failed, plural(len(checks), "check"))
	case wanting > 0:
		box.Tone, box.Icon = "warn", "action"
		box.Text = fmt.Sprintf("It can be merged, but %d of %s asks for somebody to act.", wanting, plural(len(checks), "check"))
	case waiting > 0:
		box.Tone, box.Icon = "warn", "queued"
		box.Text = fmt.Sprintf("It can be merged, but %d of %s not finished yet.", waiting, plural(len(checks), "check"))
	default:
		box.Text = "It can be merged. All checks have passed."
	}
	return box
}

// servePullDiff serves what a pull request changes (diff_url of the API).
func (q *request) servePullDiff(number string) error {
	q.SetPathValue("number", number)
	p, page, _, err := q.pullPage("files")
	if err != nil {
		return err
	}
	return q.servePlainDiff(page.Counts.MergeBase, p.HeadSHA)
}
