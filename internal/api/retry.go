package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// RetryRequest says when a job is attempted again by itself.
type RetryRequest struct {
	BackoffLimit   int      `json:"backoff_limit" doc:"How many attempts may follow the first" minimum:"0" maximum:"10"`
	BackoffSeconds int      `json:"backoff_seconds,omitempty" doc:"From the end of the first attempt to the second; doubled with each attempt, up to an hour. Of that, half to all is waited" minimum:"1" maximum:"3600" default:"10"`
	RetryOn        []string `json:"retry_on,omitempty" doc:"After which failures: agent_error, never_started, run_deleted, startup_failure, task_failed, timed_out, and exit_code:N for a task that failed with this code. By default all of them but run_deleted" maxItems:"255"`
}

// retryRequest is a policy as a caller writes it; nil for none.
func retryRequest(r *githubjobs.Retry) *RetryRequest {
	if r == nil {
		return nil
	}
	return &RetryRequest{r.BackoffLimit, r.BackoffSeconds, r.On}
}

const retryExample = `{"backoff_limit": 3, "retry_on": ["timed_out", "exit_code:75"]}`

// retryFields are the fields of a policy, each with the way it is read.
var retryFields = map[string]func(json.RawMessage, *githubjobs.Retry) error{
	"backoff_limit": func(raw json.RawMessage, r *githubjobs.Retry) error {
		return whole(raw, "", 0, githubjobs.MaxBackoffLimit, &r.BackoffLimit)
	},
	"backoff_seconds": func(raw json.RawMessage, r *githubjobs.Retry) error {
		return whole(raw, " of seconds", 1, int(githubjobs.MaxBackoff.Seconds()), &r.BackoffSeconds)
	},
	"retry_on": func(raw json.RawMessage, r *githubjobs.Retry) error { return texts(raw, &r.On) },
}

// readRetry reads a policy, strictly.
func readRetry(raw json.RawMessage, into **githubjobs.Retry) error {
	if typeOf(raw) != "an object" {
		return fmt.Errorf("must be an object such as %s, not %s", retryExample, typeOf(raw))
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	var r githubjobs.Retry
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		read, ok := retryFields[name]
		if !ok {
			return unknownField(name, slices.Sorted(maps.Keys(retryFields)))
		}
		if string(fields[name]) == "null" {
			continue
		}
		if err := read(fields[name], &r); err != nil {
			return inField(name, err)
		}
	}
	if fields["backoff_limit"] == nil {
		return problem.New(problem.MissingField, "backoff_limit is missing; say how many attempts may follow the first, as in %s", retryExample).OfField("backoff_limit")
	}
	*into = &r
	return nil
}

// retryJob asks for one more attempt, whatever the job's policy says, and answers with
// the job as it is then. To ask again while that attempt waits for its push asks nothing.
func (a *api) retryJob(ctx context.Context, in *controlInput) (*controlOutput, error) {
	why, err := readWhy(in.body)
	if err != nil {
		return nil, err
	}
	f, p := a.facts(ctx, in.JobID)
	if p != nil {
		return nil, p
	}
	now := a.Now()
	if o, _ := f.Waits(now); o.Asked && o.Drop == nil { // also while it waits for its turn
		return &controlOutput{Status: http.StatusAccepted, Body: githubjobs.Reduce(f, now)}, nil
	}
	if err := f.AskAgain(now); err != nil {
		return nil, problem.New(problem.NotRetryable, "The job can't be attempted again: %s.", err)
	}
	next := githubjobs.Name{ID: f.ID, Attempt: f.Name().Attempt + 1}
	asked := next.Facts(githubjobs.Facts{Asked: &githubjobs.AskedFact{By: "A caller of the API", Why: why, At: now}})
	if err := a.Jobs.MergeFacts(ctx, a.Project, asked); err != nil {
		a.log(ctx).Error("storing a request for another attempt", "error", err)
		return nil, notStored(err, "The request was not kept")
	}
	a.Accepted()
	return &controlOutput{Status: http.StatusAccepted, Body: githubjobs.Reduce(githubjobs.Merge(f, asked), now)}, nil
}

// ReplayRequest is the body of replay-job, which may be left out: what is to be other
// than it was.
type ReplayRequest struct{ CreateRequest }

type replayInput struct {
	JobID string `path:"job_id"`
	createInput
}

// replayJob creates a new job like one that there is, with what the caller says otherwise.
func (a *api) replayJob(ctx context.Context, in *replayInput) (*createOutput, error) {
	f, p := a.facts(ctx, in.JobID)
	if p != nil {
		return nil, p
	}
	raw, err := readBody(in.body)
	if err != nil {
		return nil, err
	}
	r := request{spec: blueprint(*f.Spec)}
	if err := decodeReplay(raw, f.Spec, &r); err != nil {
		return nil, err
	}
	spec, err := a.complete(ctx, in.head, r)
	if err != nil {
		return nil, err
	}
	return a.accept(ctx, spec)
}

// blueprint is what a new job takes over from another. Not its time, and not that it
// was one of a batch or of a schedule: those count the jobs that they made.
func blueprint(s githubjobs.Spec) githubjobs.Spec {
	s.ReplayOf, s.ID, s.Request, s.Schedule, s.Batch, s.Member = s.ID, "", "", "", "", nil
	s.CreatedAt, s.DelayUntil = time.Time{}, time.Time{}
	return s
}

// decodeReplay reads what is to be other than in the old job. A title that was made of
// its text goes with the text, and settings go with their kind.
func decodeReplay(raw []byte, old *githubjobs.Spec, r *request) error {
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	fields, err := decodeObject(raw, `{"timeout_seconds": 3600}`)
	if err != nil {
		return err
	}
	given := func(name string) bool { return fields[name] != nil && string(fields[name]) != "null" }
	if given("job") && old.Title == githubjobs.TitleOf(old.Prompt) {
		r.spec.Title = ""
	}
	if given("kind") {
		r.spec.Config = nil
	}
	if err := decodeFields(fields, createFields, r); err != nil {
		return err
	}
	id, err := json.Marshal(r.spec.ReplayOf)
	if err != nil {
		return err
	}
	fields["replay_of"] = id // the same body for another job is another request
	r.fingerprint, err = fingerprint(fields)
	return err
}

// notStored says that something was not kept, and why.
func notStored(err error, what string) *problem.Error {
	if errors.Is(err, store.ErrFull) {
		return problem.New(problem.StorageFull, "%s: the disk of the server's database is full.", what).After(fullRetry)
	}
	return problem.New(problem.StorageUnavailable, "%s: the server's database is unavailable.", what).After(storageRetry)
}
