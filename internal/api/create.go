package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// When it is worth to try again what the database did not take.
const (
	fullRetry    = time.Minute
	storageRetry = 5 * time.Second
)

// JobRequest is what a caller says of a job, or of each job of a schedule.
type JobRequest struct {
	Job            string             `json:"job" doc:"What is to be done, in words" minLength:"1"`
	Kind           githubjobs.Kind    `json:"kind,omitempty" doc:"The sort of task" enum:"command,report"`
	Title          string             `json:"title,omitempty" doc:"One line; by default the first line of job" maxLength:"72"`
	Config         json.RawMessage    `json:"config,omitempty" doc:"The kind's own settings"`
	TimeoutSeconds int                `json:"timeout_seconds,omitempty" doc:"Bounds the task itself, not the time in GitHub's queue" minimum:"1" maximum:"20700"`
	Base           string             `json:"base,omitempty" doc:"The branch that the result is merged into; by default the server's"`
	Secrets        []string           `json:"secrets,omitempty" doc:"Names of the repository's secrets that the task gets as variables: NAME is the secret AGENT_NAME. The policy on the base branch must allow them" maxItems:"32"`
	Labels         []string           `json:"labels,omitempty" doc:"Words by which the job is found again; letters, digits and . _ : / = -" maxItems:"20"`
	BatchID        string             `json:"batch_id,omitempty" doc:"Names the jobs that belong together with this one; a–z, 0–9 and -" maxLength:"63"`
	Priority       int                `json:"priority,omitempty" doc:"Orders the jobs that wait for their push, the highest first" minimum:"-100" maximum:"100" default:"0"`
	Network        githubjobs.Network `json:"network,omitempty" doc:"What the task may reach: what the runner gives it (default), or nothing (none)" enum:"default,none" default:"default"`
	Retry          *RetryRequest      `json:"retry,omitempty" doc:"When the job is attempted again by itself, after an attempt has failed; never by default"`
	QueueTTL       int                `json:"queue_ttl_seconds,omitempty" doc:"Bounds the time from the creation, or from delay_until, to the start of the task; a job that has not begun by then fails as never_started" minimum:"1" maximum:"2592000"`

	PromptRequest

	ConcurrencyKey    string                       `json:"concurrency_key,omitempty" doc:"Of the jobs with the same key one at a time is on GitHub; letters, digits and . _ : / = -" maxLength:"63"`
	ConcurrencyPolicy githubjobs.ConcurrencyPolicy `json:"concurrency_policy,omitempty" doc:"What the job does to older ones of its key: wait until they have ended (queue), cancel all of them (cancel_in_progress), or cancel those that wait and let the running one go on (keep_newest)" enum:"queue,cancel_in_progress,keep_newest" default:"queue"`

	PullRequest *PullRequest `json:"pull_request,omitempty" doc:"What the pull request is to be like"`
}

// CreateRequest is the body of create-job.
type CreateRequest struct {
	JobRequest
	DependencyRequest
	DelayUntil     time.Time `json:"delay_until,omitzero" doc:"The job is not pushed before this time"`
	IdempotencyKey string    `json:"idempotency_key,omitempty" doc:"Names this request: repeated with the same key it means the same job. The header Idempotency-Key says the same" minLength:"1" maxLength:"255"`
}

// Created is the answer of create-job.
type Created struct {
	JobID  string            `json:"job_id"`
	Branch string            `json:"branch"`
	Status githubjobs.Status `json:"status" doc:"pending, or where the job stands that the idempotency key already names" enum:"pending,running,completed,failed,merged"`
}

// createInput keeps the body apart from huma, which would judge its content type.
type createInput struct {
	Key  string `header:"Idempotency-Key" doc:"Names this request: repeated with the same key it means the same job" minLength:"1" maxLength:"255"`
	head http.Header
	body io.Reader
}

var _ huma.Resolver = (*createInput)(nil)

// Resolve implements huma.Resolver.
func (in *createInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.head, in.body = r.Header, http.MaxBytesReader(w, r.Body, maxBody)
	return nil
}

type createOutput struct {
	Replayed string `header:"Idempotency-Replayed" doc:"true: the key named this job already, and none was created" enum:"true"`
	Body     Created
}

// createJob answers when the job is durable, whether GitHub is reachable or not.
func (a *api) createJob(ctx context.Context, in *createInput) (*createOutput, error) {
	spec, err := a.readSpec(ctx, in)
	if err != nil {
		return nil, err
	}
	return a.accept(ctx, spec)
}

// accept stores a new job.
func (a *api) accept(ctx context.Context, spec githubjobs.Spec) (*createOutput, error) {
	if err := a.choose(ctx, &spec); err != nil {
		return a.unlessRepeated(ctx, spec, err)
	}
	if after := a.Full(ctx); after > 0 {
		return a.unlessRepeated(ctx, spec, queueFull(after))
	}
	if p := a.secretsProblem(ctx, spec); p != nil {
		return nil, p
	}
	failpoint.Here("create/accept")
	err := a.Jobs.Accept(ctx, a.Project, spec)
	switch {
	case errors.Is(err, store.ErrExists) && spec.Request != "":
		return a.repeated(ctx, spec)
	case errors.Is(err, store.ErrDependency):
		return nil, a.dependencyProblem("job", err)
	case err != nil:
		return nil, a.storeProblem(ctx, err)
	}
	failpoint.Here("create/accepted")
	a.Accepted()
	return &createOutput{Body: Created{JobID: spec.ID, Branch: githubjobs.Branch(spec.ID), Status: githubjobs.StatusPending}}, nil
}

// unlessRepeated refuses a new job. A request whose key was used before has its job.
func (a *api) unlessRepeated(ctx context.Context, spec githubjobs.Spec, refusal error) (*createOutput, error) {
	if spec.Request != "" {
		if _, err := a.Jobs.Facts(ctx, a.Project, spec.ID); err == nil {
			return a.repeated(ctx, spec)
		}
	}
	return nil, refusal
}

func queueFull(after time.Duration) error {
	return problem.New(problem.QueueFull, "The job was not created: so many wait to be pushed to GitHub that it would not be their turn in time. Try again when Retry-After has passed.").After(after)
}

// readSpec makes the spec of a job from the caller's body.
func (a *api) readSpec(ctx context.Context, in *createInput) (githubjobs.Spec, error) {
	raw, err := readBody(in.body)
	if err != nil {
		return githubjobs.Spec{}, err
	}
	r := request{spec: githubjobs.Spec{Kind: a.DefaultKind}}
	if err := decodeCreate(raw, &r); err != nil {
		return r.spec, err
	}
	return a.complete(ctx, in.head, r)
}

// complete fills in what the caller has left out, and the id.
func (a *api) complete(ctx context.Context, head http.Header, r request) (githubjobs.Spec, error) {
	header, err := keyFromHeader(head)
	if err != nil {
		return r.spec, err
	}
	key, err := oneKey(header, r.key)
	if err != nil {
		return r.spec, err
	}
	spec := r.spec
	if spec.Base == "" {
		if spec.Base, err = a.Base(ctx); err != nil {
			return spec, a.storeProblem(ctx, err)
		}
	}
	if spec.Base == "" {
		return spec, baseUnknown()
	}
	now := a.Now()
	spec.ID = githubjobs.NewID(now)
	if key != "" {
		spec.ID, spec.Request = githubjobs.KeyedID(a.Project, key), r.fingerprint
	}
	spec.Normalize(now)
	return spec, fieldProblem(spec.Validate())
}

func baseUnknown() error {
	return problem.New(problem.BaseUnknown, "The repository's default branch is not known yet: since the server's first start GitHub has not told it; GET /readyz says why. Try again, name a base, or set BASE_BRANCH.").After(10 * time.Second)
}

func readBody(body io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, problem.New(problem.BodyTooLarge, "The body has more than %d bytes. A job carries at most %d; put long material into a file of the repository and name the file.", maxBody, githubjobs.MaxSpecBytes)
	}
	if err != nil {
		return nil, problem.New(problem.InvalidBody, "The body could not be read to its end: %s.", err)
	}
	return raw, nil
}

// fieldProblem tells everything that is wrong with a spec in one answer.
func fieldProblem(err error) error {
	if err == nil {
		return nil
	}
	list := []error{err}
	for i := 0; i < len(list); i++ {
		if joined, ok := list[i].(interface{ Unwrap() []error }); ok {
			list = append(list[:i], append(joined.Unwrap(), list[i+1:]...)...)
			i--
		}
	}
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = e.Error()
	}
	p := problem.New(problem.InvalidField, "%s", strings.Join(texts, "; "))
	if f, ok := errors.AsType[*githubjobs.FieldError](err); ok {
		p.Field = f.Field
	}
	return p
}

// storeProblem says why a job was not stored. Nothing is lost: the caller knows
// that there is no job.
func (a *api) storeProblem(ctx context.Context, err error) error {
	a.log(ctx).Error("storing a job", "error", err)
	switch {
	case errors.Is(err, store.ErrFull):
		return problem.New(problem.StorageFull, "The job was not created: the disk of the server's database is full.").After(fullRetry)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem.New(problem.StorageUnavailable, "The job was not created: the server's database is unavailable.").After(storageRetry)
	}
	return problem.New(problem.Internal, "The job was not created: the server made a mistake; its log tells more under the request id in X-Request-Id.")
}
