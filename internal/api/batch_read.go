package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	defaultResults = 100
	// maxResultsSize is about how many bytes a page of results has at most: it ends before its
	// limit where the results are long.
	maxResultsSize = 8 << 20
)

type batchPath struct {
	BatchID string `path:"batch_id" doc:"The id that create-batch returned, or the batch_id of jobs"`
}

type readBatchInput struct{ batchPath }

type listBatchesInput struct {
	Limit  int    `query:"limit" doc:"How many batches a page has" minimum:"1" maximum:"1000" default:"50"`
	Cursor string `query:"cursor" doc:"The field next of the page before"`
}

type resultsInput struct {
	batchPath
	From  int `query:"from" doc:"The index of the first result" minimum:"0" maximum:"10000" default:"0"`
	Limit int `query:"limit" doc:"How many results a page has at most; it has fewer where they are long" minimum:"1" maximum:"1000" default:"100"`
}

type readBatchOutput struct{ Body Batch }
type listBatchesOutput struct{ Body BatchList }
type resultsOutput struct{ Body BatchResults }

// BatchList is a page of batches, the newest first.
type BatchList struct {
	Batches []Batch `json:"batches" doc:"The newest first"`
	Next    string  `json:"next,omitempty" doc:"The cursor of the next page; left out of the last one"`
}

// BatchResults is a page of results, by index.
type BatchResults struct {
	BatchID string        `json:"batch_id" doc:"Names the batch"`
	Total   int           `json:"total" doc:"How many jobs it was created with"`
	Results []BatchResult `json:"results" doc:"By index; jobs that the server does not know are left out"`
	Next    *int          `json:"next,omitempty" doc:"The index from which to go on; left out of the last page"`
}

// BatchResult is what came of one job of a batch so far; its log is in its status.
type BatchResult struct {
	Index        int               `json:"index" doc:"The job's place in the batch, from 0"`
	Name         string            `json:"name,omitempty" doc:"The name that the request gave it; left out where it gave none"`
	JobID        string            `json:"job_id" doc:"Names the job"`
	Branch       string            `json:"branch" doc:"The branch that carries the job, job/{job_id}"`
	Status       githubjobs.Status `json:"status" doc:"Where the job stands" enum:"pending,running,completed,failed,merged"`
	Reason       githubjobs.Reason `json:"reason" doc:"Why the job has its status"`
	Terminal     bool              `json:"terminal" doc:"Whether the job is at an end"`
	Title        string            `json:"title" doc:"One line"`
	Message      string            `json:"message" doc:"The reason in words"`
	PullURL      string            `json:"pr_url" doc:"The pull request; empty until there is one"`
	RunURL       string            `json:"run_url" doc:"The workflow run; empty until there is one"`
	ChangedFiles []string          `json:"changed_files" doc:"The files that the task changed; cut where there are very many"`
	FilesTotal   int               `json:"changed_files_total" doc:"How many files the task changed, also where the list was cut"`
	ExitCode     *int              `json:"exit_code,omitempty" doc:"Of the task; left out until it has ended"`
	Summary      string            `json:"summary" doc:"What the task says that it did, in Markdown; empty until it has ended"`
	Usage        *githubjobs.Usage `json:"usage,omitempty" doc:"What the task used of a language model, as it tells; left out where none was used"`
}

// parameters reads the parameters of a request that has each of them once at most, strictly.
func parameters(query string, known ...string) (url.Values, *problem.Error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, problem.New(problem.InvalidField, "The parameters can't be read: %s.", err)
	}
	for name, given := range values {
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			return nil, problem.New(problem.UnknownField, "There is no parameter %q; this takes none.", shown(name)).OfField(shown(name))
		case !slices.Contains(known, name):
			return nil, problem.New(problem.UnknownField, "There is no parameter %q. The parameters are %s.", shown(name), strings.Join(known, ", ")).OfField(shown(name))
		case len(given) > 1:
			return nil, problem.New(problem.InvalidField, "%s is given %d times; give it once.", name, len(given)).OfField(name)
		}
	}
	return values, nil
}

// number reads a parameter that is a whole number within bounds.
func number(values url.Values, name string, least, most, otherwise int) (int, *problem.Error) {
	if !values.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(values.Get(name))
	if err != nil || n < least || n > most {
		return 0, problem.New(problem.InvalidField, "%s %q is out of range; give %d to %d", name, shown(values.Get(name)), least, most).OfField(name)
	}
	return n, nil
}

// answerWith makes a handler of a function that reads the request itself.
func answerWith[T any](read func(*http.Request) (T, *problem.Error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, p := read(r)
		if p != nil {
			p.Write(w)
			return
		}
		w.Header()["Content-Type"] = jsonType
		// An error here is the caller's connection, on which nobody can be told of it.
		_ = json.NewEncoder(w).Encode(out)
	}
}

// readBatchCounts answers from one row, whatever the number of jobs.
func (a *api) readBatchCounts(r *http.Request) (Batch, *problem.Error) {
	if _, p := parameters(r.URL.RawQuery); p != nil {
		return Batch{}, p
	}
	b, p := a.batch(r.Context(), r.PathValue("batch_id"))
	return tellBatch(b), p
}

func (a *api) batch(ctx context.Context, id string) (store.Batch, *problem.Error) {
	if !githubjobs.ValidBatch(id) {
		return store.Batch{}, batchNotFound(id)
	}
	b, err := a.Batches.Batch(ctx, a.Project, id)
	if err != nil {
		return b, a.batchProblem(ctx, id, err)
	}
	return b, nil
}

func batchNotFound(id string) *problem.Error {
	return problem.New(problem.BatchNotFound, "There is no batch %q. GET /api/batches lists those that there are.", shown(id)).OfField("batch_id")
}

// batchProblem says why a batch could not be read.
func (a *api) batchProblem(ctx context.Context, id string, err error) *problem.Error {
	if errors.Is(err, store.ErrNotFound) {
		return batchNotFound(id)
	}
	a.log(ctx).Error("reading a batch", "batch_id", id, "error", err)
	return problem.New(problem.StorageUnavailable, "The batch could not be read: the server's database is unavailable.").After(storageRetry)
}

// queryProblem is the error of a query that cannot be.
func queryProblem(err error) *problem.Error {
	return problem.New(problem.InvalidField, "%s.", strings.TrimPrefix(err.Error(), store.ErrQuery.Error()+": "))
}

func (a *api) listBatches(r *http.Request) (BatchList, *problem.Error) {
	list := BatchList{Batches: []Batch{}}
	values, p := parameters(r.URL.RawQuery, "cursor", "limit")
	if p != nil {
		return list, p
	}
	limit, p := number(values, "limit", 1, store.MaxPage, store.DefaultPage)
	if p != nil {
		return list, p
	}
	found, next, err := a.Batches.ListBatches(r.Context(), a.Project, store.Cursor(values.Get("cursor")), limit)
	switch {
	case errors.Is(err, store.ErrQuery):
		return list, queryProblem(err).OfField("cursor")
	case err != nil:
		return list, a.batchProblem(r.Context(), "", err)
	}
	for _, b := range found {
		list.Batches = append(list.Batches, tellBatch(b))
	}
	list.Next = string(next)
	return list, nil
}

// batchResults finds the jobs by their ids, which say the index.
func (a *api) batchResults(r *http.Request) (BatchResults, *problem.Error) {
	out := BatchResults{Results: []BatchResult{}}
	values, p := parameters(r.URL.RawQuery, "from", "limit")
	if p != nil {
		return out, p
	}
	from, p := number(values, "from", 0, githubjobs.MaxBatch, 0)
	if p != nil {
		return out, p
	}
	limit, p := number(values, "limit", 1, store.MaxPage, defaultResults)
	if p != nil {
		return out, p
	}
	b, p := a.batch(r.Context(), r.PathValue("batch_id"))
	if p != nil {
		return out, p
	}
	if b.Size == 0 {
		return out, problem.New(problem.BatchNotIndexed, "The batch %s was named job by job, so its jobs have no index. GET /api/jobs?batch_id=%s lists them, the newest first.", b.ID, b.ID).OfField("batch_id")
	}
	out.BatchID, out.Total = b.ID, b.Size
	return out, a.results(r.Context(), &out, from, min(from+limit, b.Size))
}

// resultChunk is how many jobs are read at a time.
const resultChunk = 200

// results fills a page with the jobs of some indexes.
func (a *api) results(ctx context.Context, out *BatchResults, from, to int) *problem.Error {
	size := 0
	for from < to {
		end := min(from+resultChunk, to)
		ids := make([]string, 0, end-from)
		for i := from; i < end; i++ {
			ids = append(ids, githubjobs.MemberID(out.BatchID, i))
		}
		known, err := a.Batches.FactsOf(ctx, a.Project, ids...)
		if err != nil {
			return a.batchProblem(ctx, out.BatchID, err)
		}
		for _, id := range ids {
			if f, ok := known[id]; ok {
				one := resultOf(from, githubjobs.Reduce(f, a.Now()))
				if m := f.Spec.Member; m != nil {
					one.Name = m.Name
				}
				out.Results, size = append(out.Results, one), size+one.size()
			}
			if from++; size >= maxResultsSize {
				to = from
				break
			}
		}
	}
	if from < out.Total {
		out.Next = &from
	}
	return nil
}

func resultOf(index int, j githubjobs.Job) BatchResult {
	return BatchResult{
		Index: index, JobID: j.ID, Branch: j.Branch, Status: j.Status, Reason: j.Reason, Terminal: j.Terminal, Title: j.Title, Message: j.Message,
		PullURL: j.PullURL, RunURL: j.RunURL, ChangedFiles: j.ChangedFiles, FilesTotal: j.FilesTotal, ExitCode: j.ExitCode, Summary: j.Summary, Usage: j.Usage,
	}
}

// size is about how many bytes the result has in JSON.
func (r BatchResult) size() int {
	n := 400 + len(r.Title) + len(r.Message) + len(r.Summary)
	for _, f := range r.ChangedFiles {
		n += len(f) + 3
	}
	return n
}
