package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v60/github"
)

// Queued is how a merge stands that GitHub does in its own time.
type Queued struct {
	Status  string // pending, enqueued, merged, failed
	Message string // GitHub's words
	SHA     string // of the merge, once it is merged
}

// EnqueuedWithin is how long Enqueue waits for GitHub to take a pull request.
const EnqueuedWithin = 30 * time.Second

// asyncMerge is what GitHub answers about an asynchronous merge (go-github has no
// methods for them; GitHub has them since October 2026, and GitHub Enterprise Server
// has not).
type asyncMerge struct {
	Status  string `json:"status"`
	Details struct {
		Message string `json:"message"`
		UUID    string `json:"uuid"`
		SHA     string `json:"sha"`
	} `json:"details"`
}

// Enqueue puts a pull request into the merge queue of its base, at one head: one REST
// call, and one more for each look whether it is there, with growing pauses. That it is
// enqueued does not mean that it is merged. ErrNotFound: this GitHub can't be asked.
func (r *Repository) Enqueue(ctx context.Context, m MergeRequest, wait Wait) (Queued, error) {
	op := fmt.Sprintf("put pull request #%d into the merge queue", m.Number)
	path := fmt.Sprintf("repos/%s/%s/pulls/%d/merge-async", r.cfg.Owner, r.cfg.Name, m.Number)
	got, err := r.async(ctx, op, http.MethodPut, path, map[string]string{
		"merge_action": "merge_queue", "merge_method": m.Method, "sha": m.SHA, "commit_title": m.Title, "commit_message": m.Message,
	})
	for pause, spent := firstPause, time.Duration(0); err == nil && got.Status == "pending" && got.Details.UUID != "" && spent < EnqueuedWithin; pause = min(2*pause, lastPause) {
		if err := wait(ctx, pause); err != nil {
			return Queued{}, err
		}
		spent += pause
		id := got.Details.UUID
		if got, err = r.async(ctx, op, http.MethodGet, path+"/"+id, nil); got.Details.UUID == "" {
			got.Details.UUID = id
		}
	}
	return Queued{got.Status, got.Details.Message, got.Details.SHA}, err
}

// async makes a request about an asynchronous merge. That it can't be done (400), or was
// asked for before (409), is an answer like others.
func (r *Repository) async(ctx context.Context, op, method, path string, body any) (got asyncMerge, err error) {
	req, err := r.client.NewRequest(method, path, body)
	if err != nil {
		return got, err
	}
	_, err = r.client.Do(ctx, req, &got)
	if accepted, ok := errors.AsType[*github.AcceptedError](err); ok {
		return got, json.Unmarshal(accepted.Raw, &got)
	}
	if e, ok := errors.AsType[*github.ErrorResponse](err); ok && (e.Response.StatusCode == http.StatusBadRequest || e.Response.StatusCode == http.StatusConflict) {
		if json.NewDecoder(e.Response.Body).Decode(&got) == nil && got.Status != "" {
			return got, nil
		}
	}
	return got, fail(ctx, op, err)
}
