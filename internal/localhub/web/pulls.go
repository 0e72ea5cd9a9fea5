package web

import (
	"strconv"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// pullItem is a pull request in a list.
type pullItem struct {
	Number   int
	URL      string
	Title    string
	State    string // open, draft, merged, closed
	Author   person
	Head     string
	Created  time.Time
	Closed   time.Time
	Comments int
	Labels   []state.Label
}

func (q *request) pullItem(tx *state.Tx, p state.Pull) pullItem {
	item := pullItem{Number: p.Number, URL: q.link("pull", strconv.Itoa(p.Number)), Title: p.Title, State: pullState(p),
		Author: personByID(tx, p.AuthorID), Head: p.HeadRef, Created: p.CreatedAt, Closed: p.ClosedAt, Comments: tx.Comments.Count(p.ID)}
	for _, id := range p.Labels {
		if l, ok := tx.Labels.Get(id); ok {
			item.Labels = append(item.Labels, l)
		}
	}
	return item
}

// pullState is the state that the badge of a pull request shows.
func pullState(p state.Pull) string {
	switch {
	case p.Merged:
		return "merged"
	case p.State == "closed":
		return "closed"
	case p.Draft:
		return "draft"
	}
	return "open"
}

// pullsPage is the data of the list of pull requests.
type pullsPage struct {
	State        string // open or closed
	Open, Closed int
	Pulls        []pullItem
	Paging       paging
}

func showPulls(q *request) error {
	data := pullsPage{State: "open"}
	if q.FormValue("state") == "closed" {
		data.State = "closed"
	}
	p := q.paging(30)
	q.site.DB.View(func(tx *state.Tx) {
		data.Open = tx.OpenPullCount(q.repo.ID)
		data.Closed = tx.Pulls.Count(q.repo.ID) - data.Open
		skip := p.skip()
		for pull := range tx.Pulls.Newest(q.repo.ID) {
			if pull.State != data.State {
				continue
			}
			if skip--; skip >= 0 {
				continue
			}
			if len(data.Pulls) == p.size {
				p = p.with(true)
				break
			}
			data.Pulls = append(data.Pulls, q.pullItem(tx, pull))
		}
	})
	data.Paging = p.with(p.Next != "")
	return q.show("pulls", "Pull requests", data)
}

// redirectIssue: here, all that has a number is a pull request.
func redirectIssue(q *request) error {
	p, err := q.pull()
	if err == nil {
		redirect(q.w, q.Request, q.link("pull", strconv.Itoa(p.Number)))
	}
	return err
}

// pull finds the pull request that the address names.
func (q *request) pull() (p state.Pull, err error) {
	var ok bool
	number, err := strconv.Atoi(q.PathValue("number"))
	if err != nil {
		return p, errNotFound
	}
	q.site.DB.View(func(tx *state.Tx) { p, ok = tx.Pulls.ByName(state.PullName(q.repo.ID, number)) })
	if !ok {
		return p, errNotFound
	}
	return p, nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
