package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// listInput describes the parameters in /openapi.json; listParameters reads them.
type listInput struct {
	Status  githubjobs.Status `query:"status" doc:"Jobs of this status" enum:"pending,running,completed,failed,merged"`
	Reason  githubjobs.Reason `query:"reason" doc:"Jobs of this reason"`
	Kind    githubjobs.Kind   `query:"kind" doc:"Jobs of this kind"`
	BatchID string            `query:"batch_id" doc:"Jobs of this batch"`
	Label   []string          `query:"label,explode" doc:"Jobs that have this label; of several all"`
	Since   time.Time         `query:"since" doc:"Jobs created at this time or later"`
	Until   time.Time         `query:"until" doc:"Jobs created before this time"`
	Cursor  string            `query:"cursor" doc:"Where the page before ended: its next"`
	Limit   int               `query:"limit" doc:"How many jobs at most" minimum:"1" maximum:"1000" default:"50"`
}

// ListedJob is a job in a listing; the status tells the rest of it.
type ListedJob struct {
	JobID     string            `json:"job_id" doc:"Names the job in every other request"`
	Branch    string            `json:"branch" doc:"The branch that carries the present attempt: job/{job_id}, and from the second on job/{job_id}.{attempt}"`
	Attempt   int               `json:"attempt" doc:"The present attempt, from 1" minimum:"1"`
	Status    githubjobs.Status `json:"status" doc:"Where the job stands" enum:"pending,running,completed,failed,merged"`
	Reason    githubjobs.Reason `json:"reason" doc:"Why the job has its status"`
	Terminal  bool              `json:"terminal" doc:"Whether the job is at an end"`
	Kind      githubjobs.Kind   `json:"kind" doc:"The sort of task"`
	Title     string            `json:"title" doc:"One line"`
	CreatedAt time.Time         `json:"created_at" doc:"When the job was created"`
	UpdatedAt time.Time         `json:"updated_at" doc:"When the server learnt the newest of what it knows of the job"`
}

// JobList is a page of jobs, the newest first.
type JobList struct {
	Jobs []ListedJob `json:"jobs" doc:"The newest first" nullable:"false"`
	Next string      `json:"next,omitempty" doc:"The cursor of the next page; left out of the last one"`
}

type listOutput struct{ Body JobList }

// listJobs answers from an index of the store, whatever the number of jobs.
func (a *api) listJobs(w http.ResponseWriter, r *http.Request) {
	list, p := a.readList(r.Context(), r.URL.RawQuery)
	if p != nil {
		p.Write(w)
		return
	}
	w.Header()["Content-Type"] = jsonType
	// An error here is the caller's connection, on which nobody can be told of it.
	_ = json.NewEncoder(w).Encode(list)
}

func (a *api) readList(ctx context.Context, query string) (*JobList, *problem.Error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, problem.New(problem.InvalidField, "The parameters can't be read: %s.", err)
	}
	q, p := readQuery(values)
	if p != nil {
		return nil, p
	}
	page, err := a.Jobs.List(ctx, a.Project, q)
	if errors.Is(err, store.ErrQuery) {
		return nil, queryProblem(err)
	}
	if err != nil {
		a.log(ctx).Error("listing jobs", "error", err)
		return nil, problem.New(problem.StorageUnavailable, "The jobs could not be listed: the server's database is unavailable.").After(storageRetry)
	}
	list := &JobList{Jobs: make([]ListedJob, len(page.Jobs)), Next: string(page.Next)}
	for i, l := range page.Jobs {
		list.Jobs[i] = ListedJob{
			JobID: l.ID, Branch: githubjobs.Name{ID: l.ID, Attempt: l.Attempt}.Branch(), Attempt: l.Attempt, Status: l.Status, Reason: l.Reason, Terminal: l.Status.Terminal(),
			Kind: l.Kind, Title: l.Title, CreatedAt: l.CreatedAt, UpdatedAt: l.UpdatedAt,
		}
	}
	return list, nil
}

// listParameters are the parameters of list-jobs, each with the way it is read.
var listParameters = map[string]func(string, *store.Query) error{
	"status":   func(s string, q *store.Query) error { q.Status = githubjobs.Status(s); return nil },
	"reason":   func(s string, q *store.Query) error { q.Reason = githubjobs.Reason(s); return nil },
	"kind":     func(s string, q *store.Query) error { q.Kind = githubjobs.Kind(s); return nil },
	"batch_id": func(s string, q *store.Query) error { q.Batch = s; return nil },
	"label":    func(s string, q *store.Query) error { q.Labels = append(q.Labels, s); return nil },
	"since":    func(s string, q *store.Query) error { return readTime(s, &q.Since) },
	"until":    func(s string, q *store.Query) error { return readTime(s, &q.Until) },
	"cursor":   func(s string, q *store.Query) error { q.After = store.Cursor(s); return nil },
	"limit":    readLimit,
}

// readQuery reads the parameters, strictly: a filter that is misspelt must not list
// everything.
func readQuery(values url.Values) (q store.Query, p *problem.Error) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		read, ok := listParameters[name]
		if !ok {
			return q, problem.New(problem.UnknownField, "There is no parameter %q. The parameters are %s.", shown(name), strings.Join(slices.Sorted(maps.Keys(listParameters)), ", ")).OfField(shown(name))
		}
		if len(values[name]) > 1 && name != "label" {
			return q, problem.New(problem.InvalidField, "%s is given %d times; give it once.", name, len(values[name])).OfField(name)
		}
		for _, value := range values[name] {
			if value == "" {
				return q, problem.New(problem.InvalidField, "%s is empty; leave it out to list jobs whatever it is.", name).OfField(name)
			}
			if err := read(value, &q); err != nil {
				return q, problem.New(problem.InvalidField, "%s %s", name, err).OfField(name)
			}
		}
	}
	return q, nil
}

func readTime(s string, into *time.Time) (err error) {
	if *into, err = time.Parse(time.RFC3339, s); err != nil {
		return fmt.Errorf("%q is not a time such as 2026-11-21T08:00:00Z (RFC 3339; write + as %%2B)", shown(s))
	}
	return nil
}

func readLimit(s string, q *store.Query) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > store.MaxPage {
		return fmt.Errorf("%q is out of range; give 1 to %d", shown(s), store.MaxPage)
	}
	q.Limit = n
	return nil
}
