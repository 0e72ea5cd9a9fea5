package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/batch"
	"github.com/githubjobs/githubjobs/internal/store"
)

// How many jobs one request asks to end, two of the largest batches, and how long it may take: it
// must be answered in time.
const (
	mostCanceled = 2 * githubjobs.MaxBatch
	cancelTime   = 30 * time.Second
)

const cancelExample = `{"labels": ["nightly"], "reason": "not wanted any more"}`

// CancelJobsRequest is the body of cancel-jobs.
type CancelJobsRequest struct {
	Labels  []string          `json:"labels,omitempty" doc:"Cancels jobs that have all of these labels" maxItems:"20"`
	BatchID string            `json:"batch_id,omitempty" doc:"Cancels jobs of this batch" maxLength:"63"`
	Status  githubjobs.Status `json:"status,omitempty" doc:"Cancels jobs with this status only" enum:"pending,running"`
	Reason  string            `json:"reason,omitempty" doc:"Why, in one line of words that the status of each job repeats" maxLength:"200"`
}

// Canceled is the answer to a request that cancels several jobs.
type Canceled struct {
	Matched int  `json:"matched" doc:"How many jobs were found that had not ended"`
	Asked   int  `json:"asked" doc:"How many of them are asked to end by this request"`
	Before  int  `json:"asked_before" doc:"How many were asked before, and have not ended yet"`
	Ended   int  `json:"ended" doc:"How many came to their end just then"`
	More    bool `json:"more" doc:"There may be more jobs than one request asks to end: repeat it"`
}

type cancelJobsInput struct{ body io.Reader }

type cancelBatchInput struct {
	BatchID string `path:"batch_id" doc:"The id that create-batch returned, or the batch_id of jobs"`
	body    io.Reader
}

var (
	_ huma.Resolver = (*cancelJobsInput)(nil)
	_ huma.Resolver = (*cancelBatchInput)(nil)
)

// Resolve implements huma.Resolver.
func (in *cancelJobsInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.body = http.MaxBytesReader(w, r.Body, maxBody)
	return nil
}

// Resolve implements huma.Resolver.
func (in *cancelBatchInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.body = http.MaxBytesReader(w, r.Body, maxBody)
	return nil
}

type canceledOutput struct {
	Status int
	Body   Canceled
}

// cancelBatch asks all jobs of a batch to end.
func (a *api) cancelBatch(ctx context.Context, in *cancelBatchInput) (*canceledOutput, error) {
	why, err := readWhy(in.body)
	if err != nil {
		return nil, err
	}
	if _, p := a.batch(ctx, in.BatchID); p != nil {
		return nil, p
	}
	return a.cancelAll(ctx, store.Query{Batch: in.BatchID}, why)
}

// cancelJobs asks the jobs with some labels, or of a batch, to end.
func (a *api) cancelJobs(ctx context.Context, in *cancelJobsInput) (*canceledOutput, error) {
	raw, err := readBody(in.body)
	if err != nil {
		return nil, err
	}
	q, why, err := decodeCancel(raw)
	if err != nil {
		return nil, err
	}
	if q.Batch != "" {
		if _, p := a.batch(ctx, q.Batch); p != nil {
			return nil, p
		}
	}
	return a.cancelAll(ctx, q, why)
}

// cancelAll answers as cancelJob does: 202 while jobs go on until their end. What was asked
// when it fails is asked, and a repeat goes on.
func (a *api) cancelAll(ctx context.Context, q store.Query, why string) (*canceledOutput, error) {
	done, err := batch.Cancel{Project: a.Project, Query: q, By: "A caller of the API", Why: why, Most: mostCanceled, Within: cancelTime, Now: a.Now}.Do(ctx, a.Batches)
	if done.Asked > 0 {
		a.Canceled()
	}
	if err != nil {
		p := a.cancelProblem(ctx, err)
		p.Message = fmt.Sprintf("%d jobs are cancelled, and others not: %s Repeat the request to go on.", done.Asked, p.Message)
		return nil, p
	}
	out := &canceledOutput{Status: http.StatusOK, Body: Canceled{Matched: done.Asked + done.Before + done.Ended, Asked: done.Asked, Before: done.Before, Ended: done.Ended, More: done.More}}
	if done.Asked+done.Before > 0 {
		out.Status = http.StatusAccepted
	}
	return out, nil
}

// cancelFields are the fields of cancel-jobs, each with the way it is read.
var cancelFields = map[string]func(json.RawMessage, *store.Query, *string) error{
	"labels":   func(raw json.RawMessage, q *store.Query, _ *string) error { return texts(raw, &q.Labels) },
	"batch_id": func(raw json.RawMessage, q *store.Query, _ *string) error { return text(raw, &q.Batch) },
	"status":   func(raw json.RawMessage, q *store.Query, _ *string) error { return readActive(raw, &q.Status) },
	"reason":   func(raw json.RawMessage, _ *store.Query, why *string) error { return readLine(raw, why) },
}

func readActive(raw json.RawMessage, into *githubjobs.Status) error {
	if err := text(raw, into); err != nil {
		return err
	}
	if *into != githubjobs.StatusPending && *into != githubjobs.StatusRunning {
		return fmt.Errorf("%q can't be cancelled; give pending or running, or leave it out for both", shown(string(*into)))
	}
	return nil
}

// decodeCancel reads the body of cancel-jobs, strictly: what is misspelt must not cancel more
// than was meant, and nothing at all must not cancel everything.
func decodeCancel(raw []byte) (q store.Query, why string, err error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = []byte("{}")
	}
	fields, err := decodeObject(raw, cancelExample)
	if err != nil {
		return q, "", err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		read, ok := cancelFields[name]
		if !ok {
			return q, "", unknownField(name, slices.Sorted(maps.Keys(cancelFields)))
		}
		if string(fields[name]) == "null" {
			continue
		}
		if err := read(fields[name], &q, &why); err != nil {
			return q, "", inField(name, err)
		}
	}
	if len(q.Labels) == 0 && q.Batch == "" {
		return q, "", problem.New(problem.MissingField, "Neither labels nor batch_id says which jobs are to be cancelled; a request that cancels all of them is not taken. Send an object such as %s", cancelExample).OfField("labels")
	}
	if err := q.Validate(); err != nil {
		return q, "", queryProblem(err)
	}
	return q, why, nil
}
