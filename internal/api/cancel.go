package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// maxWhy bounds the words that a caller gives for a cancel, in characters.
const maxWhy = 200

// CancelRequest is the body of cancel-job and of retry-job, which may be left out.
type CancelRequest struct {
	Reason string `json:"reason,omitempty" doc:"Why, in one line of words that the status repeats" maxLength:"200"`
}

// controlInput and controlOutput are those of requests that move one job, such as cancel and retry.
type controlInput struct {
	JobID string `path:"job_id"`
	body  io.Reader
}

var _ huma.Resolver = (*controlInput)(nil)

// Resolve implements huma.Resolver.
func (in *controlInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.body = http.MaxBytesReader(w, r.Body, maxBody)
	return nil
}

type controlOutput struct {
	Status int
	Body   githubjobs.Job
}

// cancelJob keeps the request and answers with the job as it is now: 202 while the job
// goes on until its end, 200 when it was cancelled before. What GitHub has to be asked
// for is done apart from the request.
func (a *api) cancelJob(ctx context.Context, in *controlInput) (*controlOutput, error) {
	why, err := readWhy(in.body)
	if err != nil {
		return nil, err
	}
	f, p := a.facts(ctx, in.JobID)
	if p != nil {
		return nil, p
	}
	now := a.Now()
	switch j := githubjobs.Reduce(f, now); {
	case j.Reason == githubjobs.ReasonCanceled && j.Terminal:
		return &controlOutput{Status: http.StatusOK, Body: j}, nil
	case j.Terminal:
		return nil, problem.New(problem.JobEnded, "The job can't be cancelled any more: it is %s (%s). %s", j.Status, j.Reason, j.Message)
	case f.CancelAsked():
		return &controlOutput{Status: http.StatusAccepted, Body: j}, nil
	}
	asked := githubjobs.Facts{ID: f.ID, Cancel: &githubjobs.CancelFact{By: "A caller of the API", Why: why, At: now}}
	failpoint.Here("cancel/ask")
	if err := a.Jobs.MergeFacts(ctx, a.Project, asked); err != nil {
		return nil, a.cancelProblem(ctx, err)
	}
	failpoint.Here("cancel/asked")
	a.Canceled()
	return &controlOutput{Status: http.StatusAccepted, Body: githubjobs.Reduce(githubjobs.Merge(f, asked), now)}, nil
}

// facts reads what is known of the job that a path names.
func (a *api) facts(ctx context.Context, id string) (githubjobs.Facts, *problem.Error) {
	if !githubjobs.ValidID(id) {
		return githubjobs.Facts{}, problem.New(problem.JobNotFound, "There is no job %q. %s", shown(id), idHelp(id)).OfField("job_id")
	}
	f, err := a.Jobs.Facts(ctx, a.Project, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return f, a.noJob(id)
	case err != nil:
		a.log(ctx).Error("reading a job", "job_id", id, "error", err)
		return f, problem.New(problem.StorageUnavailable, "The job could not be read: the server's database is unavailable.").After(storageRetry)
	}
	return f, nil
}

// cancelProblem says why a request to cancel was not kept.
func (a *api) cancelProblem(ctx context.Context, err error) *problem.Error {
	a.log(ctx).Error("storing a request to cancel", "error", err)
	return notStored(err, "The job was not cancelled")
}

// readWhy reads the body of cancel-job, strictly; an empty one says nothing.
func readWhy(body io.Reader) (string, error) {
	raw, err := readBody(body)
	if err != nil || len(bytes.TrimSpace(raw)) == 0 {
		return "", err
	}
	fields, err := decodeObject(raw, `{"reason": "not wanted any more"}`)
	if err != nil {
		return "", err
	}
	var why string
	for name, value := range fields {
		if name != "reason" {
			return "", problem.New(problem.UnknownField, "There is no field %q. The only field is reason.", shown(name)).OfField(shown(name))
		}
		if err := readLine(value, &why); err != nil {
			return "", problem.New(problem.InvalidField, "reason %s", err).OfField("reason")
		}
	}
	return why, nil
}

// readNothing refuses what is said to a request that has no fields, so that nobody takes it for heard.
func readNothing(body io.Reader) error {
	raw, err := readBody(body)
	if err != nil || len(bytes.TrimSpace(raw)) == 0 {
		return err
	}
	fields, err := decodeObject(raw, `{}`)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		return problem.New(problem.UnknownField, "There is no field %q: this request has none. Send it without a body.", shown(name)).OfField(shown(name))
	}
	return nil
}

func readLine(raw json.RawMessage, into *string) error {
	if string(raw) == "null" {
		return nil
	}
	if err := text(raw, into); err != nil {
		return err
	}
	switch *into = strings.TrimSpace(*into); {
	case utf8.RuneCountInString(*into) > maxWhy:
		return errors.New("has more than 200 characters")
	case strings.ContainsFunc(*into, unicode.IsControl):
		return errors.New("must be one line without control characters")
	}
	return nil
}
