package web

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// checkItem is a check run or a commit status.
type checkItem struct {
	Name, Outcome  string
	URL            string // of its details; empty: none
	App            string
	Title          string // of its output, or the description of a status
	Summary, Text  template.HTML
	Annotations    []annotation
	Started, Ended time.Time
}

// annotation points at a place in a file.
type annotation struct {
	state.Annotation
	URL  string // of the line
	Tone string
}

// checks are the newest check run of each name, and the newest status of each context, on a commit.
func (q *request) checks(sha string) []checkItem {
	var runs []state.CheckRun
	var items []checkItem
	q.site.DB.View(func(tx *state.Tx) {
		seen := map[string]bool{}
		for c := range tx.CheckRuns.Newest(q.repo.ID) {
			key := appName(tx, c.AppID) + "/" + c.Name
			if c.HeadSHA == sha && !seen[key] {
				seen[key] = true
				runs = append(runs, c)
			}
		}
		for s := range tx.Statuses.Newest(q.repo.ID) {
			if s.SHA == sha && !seen["status/"+s.Context] {
				seen["status/"+s.Context] = true
				items = append(items, checkItem{Name: s.Context, Outcome: s.State, URL: httpAddress(s.TargetURL), App: personByID(tx, s.CreatorID).Login,
					Title: s.Description, Ended: s.UpdatedAt})
			}
		}
	})
	for _, c := range runs {
		items = append(items, q.checkItem(c))
	}
	slices.SortFunc(items, func(a, b checkItem) int { return strings.Compare(a.Name, b.Name) })
	return items
}

// checkItem shows a check run. It must be called outside of View: it renders Markdown.
func (q *request) checkItem(c state.CheckRun) checkItem {
	item := checkItem{Name: c.Name, Outcome: outcome(c.Status, c.Conclusion), URL: q.link("runs", itoa(c.ID)), Title: c.Title,
		Summary: q.text(c.Summary), Text: q.text(c.Text), Started: c.StartedAt, Ended: c.CompletedAt}
	q.site.DB.View(func(tx *state.Tx) {
		item.App = appName(tx, c.AppID)
		if job, ok := tx.Jobs.Get(c.ID); ok && c.JobID != 0 {
			item.URL = q.jobURL(job)
		}
	})
	for _, a := range c.Annotations {
		item.Annotations = append(item.Annotations, q.annotation(c.HeadSHA, a))
	}
	return item
}

func (q *request) annotation(sha string, a state.Annotation) annotation {
	tone := map[string]string{"failure": "bad", "warning": "warn"}[a.Level]
	if tone == "" {
		tone = "busy"
	}
	item := annotation{Annotation: a, Tone: tone}
	if a.Path != "" && a.Path != ".github" { // what belongs to no file is said of .github
		item.URL = q.link("blob", sha, a.Path) + "#L" + itoa(int64(a.StartLine))
	}
	return item
}

// text renders Markdown that is not a file of the repository.
func (q *request) text(source string) template.HTML {
	if strings.TrimSpace(source) == "" {
		return ""
	}
	return q.site.markdown.render(source, place{})
}

func appName(tx *state.Tx, id int64) string {
	if app, ok := tx.Apps.Get(id); ok {
		return app.Name
	}
	return "GitHub Actions"
}

// httpAddress is address when it is one that a link may lead to.
func httpAddress(address string) string {
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
		return address
	}
	return ""
}

// showCheck is the page of one check run. That of a workflow's job is the job's.
func showCheck(q *request) error {
	id := q.number("check")
	var check state.CheckRun
	var job state.Job
	q.site.DB.View(func(tx *state.Tx) {
		check, _ = tx.CheckRuns.Get(id)
		job, _ = tx.Jobs.Get(check.JobID)
	})
	if check.ID == 0 || check.RepositoryID != q.repo.ID {
		return errNotFound
	}
	if job.ID != 0 {
		redirect(q.w, q.Request, q.jobURL(job))
		return nil
	}
	data := struct {
		Check     checkItem
		SHA       string
		CommitURL string
	}{q.checkItem(check), check.HeadSHA, q.link("commit", check.HeadSHA)}
	return q.showLive("check", check.Name, data, check.Status != "completed")
}
