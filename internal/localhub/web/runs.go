package web

import (
	"path"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// runItem is a workflow run in a list, or one attempt of it.
type runItem struct {
	ID              int64
	URL             string
	Title           string
	Workflow        string
	Number, Attempt int
	Event           string
	Outcome         string
	Branch          string
	BranchURL       string
	SHA, CommitURL  string
	Actor           person
	Created         time.Time
	Started         time.Time
	Ended           time.Time // zero while it runs
}

func (q *request) runItem(tx *state.Tx, r state.Run) runItem {
	item := runItem{ID: r.ID, URL: q.link("actions/runs", itoa(r.ID)), Title: r.DisplayTitle, Workflow: r.Name, Number: r.Number, Attempt: r.Attempt,
		Event: r.Event, Outcome: outcome(r.Status, r.Conclusion), Branch: r.HeadBranch, BranchURL: q.link("tree", r.HeadBranch), SHA: r.HeadSHA,
		CommitURL: q.link("commit", r.HeadSHA), Actor: personByID(tx, r.TriggerID), Created: r.CreatedAt, Started: r.StartedAt}
	if r.Status == "completed" {
		item.Ended = r.UpdatedAt
	}
	if item.Title == "" {
		item.Title = r.Name
	}
	return item
}

// live says that the run will still change.
func live(r state.Run) bool { return r.Status != "completed" }

// runsPage is the data of the list of runs.
type runsPage struct {
	Workflows []workflowItem
	Current   workflowItem // zero: all
	Branch    string       // only runs on it
	All       string       // address of the unfiltered list
	Runs      []runItem
	Paging    paging
}

type workflowItem struct {
	Name, URL string
	File      string // its path in the repository
	ID        int64
}

// showRuns lists the runs, newest first: all, or those of one workflow, or those on the branch ?branch= (as a search on GitHub).
func showRuns(q *request) error {
	data := runsPage{All: q.link("actions"), Branch: q.FormValue("branch")}
	p := q.paging(25)
	busy := false
	q.site.DB.View(func(tx *state.Tx) {
		data.Workflows = q.workflows(tx)
		if i := slices.IndexFunc(data.Workflows, func(w workflowItem) bool { return path.Base(w.File) == q.PathValue("file") }); i >= 0 {
			data.Current = data.Workflows[i]
		}
		skip := p.skip()
		for r := range tx.Runs.Newest(q.repo.ID) {
			if data.Current.ID != 0 && r.WorkflowID != data.Current.ID || data.Branch != "" && r.HeadBranch != data.Branch {
				continue
			}
			if skip--; skip >= 0 {
				continue
			}
			if len(data.Runs) == p.size {
				p = p.with(true)
				break
			}
			busy = busy || live(r)
			data.Runs = append(data.Runs, q.runItem(tx, r))
		}
	})
	if q.PathValue("file") != "" && data.Current.ID == 0 {
		return errNotFound
	}
	data.Paging = p.with(p.Next != "")
	return q.showLive("runs", "Workflow runs", data, busy)
}

func (q *request) workflows(tx *state.Tx) (all []workflowItem) {
	for w := range tx.Workflows.Of(q.repo.ID) {
		all = append(all, workflowItem{Name: w.Name, URL: q.link("actions/workflows", path.Base(w.Path)), File: w.Path, ID: w.ID})
	}
	return all
}
