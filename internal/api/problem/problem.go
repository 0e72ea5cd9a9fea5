// Package problem is the shape of every error that the server answers, and the
// closed set of their codes. It imports the standard library only.
package problem

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Code names a sort of error for programs; the text is for people and may change.
type Code string

const (
	Unauthorized       Code = "unauthorized"           // no API key, or one that is not known
	InvalidJSON        Code = "invalid_json"           // the body is no JSON, or no object
	InvalidField       Code = "invalid_field"          // a field or parameter has a value that is not accepted
	UnknownField       Code = "unknown_field"          // a field that the endpoint does not have
	MissingField       Code = "missing_field"          // a field or parameter that must be given
	InvalidBody        Code = "invalid_body"           // the body could not be read
	BodyTooLarge       Code = "body_too_large"         // the body is over the endpoint's limit
	DeliveryTooLarge   Code = "delivery_too_large"     // a webhook larger than any of GitHub's
	JobNotFound        Code = "job_not_found"          // no job has that id
	RouteNotFound      Code = "route_not_found"        // no endpoint has that path
	MethodNotAllowed   Code = "method_not_allowed"     // the endpoint has other methods
	InvalidSignature   Code = "invalid_signature"      // a webhook that is not signed with our secret
	InvalidDelivery    Code = "invalid_delivery"       // a webhook without GitHub's headers
	WebhooksDisabled   Code = "webhooks_disabled"      // no webhook secret is configured
	KeyReused          Code = "idempotency_key_reused" // the key belongs to a request with another body
	NoReceipt          Code = "no_receipt"             // the job is not at its end, or nothing of it came to GitHub
	NoAttestation      Code = "no_attestation"         // GitHub's attestation of the job's result is not kept
	NoReceiptKey       Code = "no_receipt_key"         // the server has no key to sign receipts with
	SecretNotAllowed   Code = "secret_not_allowed"     // the policy does not let jobs have a secret that the job names
	AddressNotAllowed  Code = "address_not_allowed"    // the policy does not let the key of an engine be sent there
	SecretNotSet       Code = "secret_not_set"         // the repository has no value for a secret that the job names
	DependencyNotFound Code = "dependency_not_found"   // the job depends on one that there is not
	DependencyUnknown  Code = "dependency_unknown"     // whether there is a job that it depends on is not known yet
	JobEnded           Code = "job_ended"              // the job has ended and can't be cancelled
	NotRetryable       Code = "not_retryable"          // the job can't be attempted again as it stands
	NotMerged          Code = "not_merged"             // the job has merged nothing that could be taken back
	NothingToUndo      Code = "nothing_to_undo"        // the base holds nothing of what the job has merged
	UndoConflict       Code = "undo_conflict"          // what the job has merged was changed since
	NothingToJudge     Code = "nothing_to_judge"       // the job has no open pull request of a run that has ended
	InvalidPolicy      Code = "invalid_policy"         // the policy of a dry run is not valid
	TooManyVerdicts    Code = "too_many_verdicts"      // callers ask for more than the server asks GitHub for them
	GitHubUnavailable  Code = "github_unavailable"     // GitHub does not answer now
	GitHubRefused      Code = "github_refused"         // GitHub does not let the server do this
	QueueFull          Code = "queue_full"             // more jobs wait than can be pushed in time
	BatchNotFound      Code = "batch_not_found"        // no job is of that batch
	BatchNotIndexed    Code = "batch_not_indexed"      // the batch was named job by job, which have no index
	BatchTooLarge      Code = "batch_too_large"        // more jobs than may ever wait at the same time
	TooManyBatches     Code = "too_many_batches"       // more bytes of batches at once than there is room for
	ScheduleNotFound   Code = "schedule_not_found"     // no schedule has that name
	ScheduleFromFile   Code = "schedule_from_file"     // the schedule is changed in the repository
	ScheduleBusy       Code = "schedule_busy"          // the schedule forbids a job beside the previous one
	TooManySchedules   Code = "too_many_schedules"     // there are as many schedules as there may be
	TooManyDeliveries  Code = "too_many_deliveries"    // more webhooks at once than there is room for
	BaseUnknown        Code = "base_unknown"           // the default branch is not known yet
	StorageFull        Code = "storage_full"           // the database's disk is full
	StorageUnavailable Code = "storage_unavailable"    // the database cannot be used
	StatusFailed       Code = "status_failed"          // the status could not be read
	NoModelKey         Code = "no_model_key"           // the coding agent would have no key for its model
	Internal           Code = "internal_error"         // a mistake of the server's
)

// What runs tell of themselves.
const (
	InvalidIdentity     Code = "invalid_identity"     // the token proves no run of a job
	IdentityUnavailable Code = "identity_unavailable" // a run's token cannot be checked
	InvalidCapability   Code = "invalid_capability"   // the capability is not that of the job's attempt
	AttemptOver         Code = "attempt_over"         // the attempt has nothing more to tell
	TooManyEvents       Code = "too_many_events"      // an attempt makes more requests than it may
	TooManyListeners    Code = "too_many_listeners"   // as many clients listen as may
)

// statuses is the one table from code to HTTP status.
var statuses = map[Code]int{
	Unauthorized: http.StatusUnauthorized, InvalidJSON: http.StatusBadRequest, InvalidField: http.StatusBadRequest,
	UnknownField: http.StatusBadRequest, MissingField: http.StatusBadRequest, InvalidBody: http.StatusBadRequest,
	// Callers of create-job get 400 for whatever is wrong with a body, its size included.
	BodyTooLarge: http.StatusBadRequest, DeliveryTooLarge: http.StatusRequestEntityTooLarge, JobNotFound: http.StatusNotFound, RouteNotFound: http.StatusNotFound,
	MethodNotAllowed: http.StatusMethodNotAllowed, InvalidSignature: http.StatusUnauthorized,
	InvalidDelivery: http.StatusBadRequest, WebhooksDisabled: http.StatusServiceUnavailable,
	TooManyDeliveries: http.StatusServiceUnavailable,
	BaseUnknown:       http.StatusServiceUnavailable, DependencyUnknown: http.StatusServiceUnavailable, StorageFull: http.StatusInsufficientStorage,
	QueueFull: http.StatusTooManyRequests, TooManyBatches: http.StatusServiceUnavailable,
	BatchNotFound: http.StatusNotFound, BatchNotIndexed: http.StatusConflict, BatchTooLarge: http.StatusBadRequest,
	NoModelKey:         http.StatusUnprocessableEntity,
	DependencyNotFound: http.StatusUnprocessableEntity, SecretNotAllowed: http.StatusUnprocessableEntity, SecretNotSet: http.StatusUnprocessableEntity, AddressNotAllowed: http.StatusUnprocessableEntity,
	NotMerged: http.StatusConflict, NothingToUndo: http.StatusConflict, UndoConflict: http.StatusConflict,
	NothingToJudge: http.StatusConflict, InvalidPolicy: http.StatusUnprocessableEntity, TooManyVerdicts: http.StatusTooManyRequests,
	GitHubUnavailable: http.StatusServiceUnavailable, GitHubRefused: http.StatusBadGateway,
	NoReceipt: http.StatusConflict, NoAttestation: http.StatusNotFound, NoReceiptKey: http.StatusServiceUnavailable,
	KeyReused: http.StatusConflict, JobEnded: http.StatusConflict, NotRetryable: http.StatusConflict,
	ScheduleNotFound: http.StatusNotFound, ScheduleFromFile: http.StatusConflict, ScheduleBusy: http.StatusConflict, TooManySchedules: http.StatusConflict,
	InvalidIdentity: http.StatusUnauthorized, IdentityUnavailable: http.StatusServiceUnavailable, InvalidCapability: http.StatusUnauthorized,
	AttemptOver: http.StatusConflict, TooManyEvents: http.StatusTooManyRequests, TooManyListeners: http.StatusServiceUnavailable,
	StorageUnavailable: http.StatusServiceUnavailable, StatusFailed: http.StatusInternalServerError,
	Internal: http.StatusInternalServerError,
}

// Status is the HTTP status that belongs to the code.
func (c Code) Status() int { return statuses[c] }

// Codes lists every code.
func Codes() []Code {
	codes := make([]Code, 0, len(statuses))
	for c := range statuses {
		codes = append(codes, c)
	}
	return codes
}

// Error is an error as callers see it. It implements huma.StatusError and
// huma.HeadersError.
type Error struct {
	// Message says what is wrong and, where the caller can act, how to mend it.
	Message string `json:"error" doc:"What is wrong and, where you can act, how to mend it"`
	// Code is empty where the published contract gives the body as the message alone.
	Code Code `json:"code,omitempty" doc:"Names the sort of error, for programs"`
	// Field is the field or parameter that is wrong.
	Field string `json:"field,omitempty" doc:"The field or parameter that is wrong"`
	// Mistakes are several that a body has; the first of them is Message, Code and Field.
	Mistakes []Mistake `json:"mistakes,omitempty" doc:"The mistakes of a body that makes several jobs, at most 20 of them; the first is told by the fields beside this one, too"`

	status     int
	retryAfter time.Duration
	asksForKey bool // and not for a signature, which no header can ask for
}

// Mistake is one of several things that are wrong with a body.
type Mistake struct {
	Message string `json:"error" doc:"What is wrong and how to mend it"`
	Code    Code   `json:"code" doc:"Names the sort of error, for programs"`
	Field   string `json:"field" doc:"The field that is wrong, such as jobs[17].timeout_seconds"`
}

// Several makes one error of several; there must be at least one.
func Several(list []*Error) *Error {
	first := *list[0]
	if len(list) > 1 {
		for _, e := range list {
			first.Mistakes = append(first.Mistakes, Mistake{e.Message, e.Code, e.Field})
		}
	}
	return &first
}

// New makes an error of a code.
func New(code Code, format string, args ...any) *Error {
	e := &Error{Message: fmt.Sprintf(format, args...), Code: code, status: code.Status(), asksForKey: code == Unauthorized}
	if code == Unauthorized || code == StatusFailed {
		e.Code = ""
	}
	return e
}

// OfField names the field that is wrong.
func (e *Error) OfField(name string) *Error {
	e.Field = name
	return e
}

// After says when it is worth to try again.
func (e *Error) After(d time.Duration) *Error {
	e.retryAfter = d
	return e
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// GetStatus is the HTTP status of the answer.
func (e *Error) GetStatus() int { return e.status }

// GetHeaders are the headers of the answer that belong to the error.
func (e *Error) GetHeaders() http.Header {
	h := http.Header{}
	if e.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.retryAfter+time.Second-1)/time.Second)))
	}
	if e.asksForKey {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// Write answers a request with the error.
func (e *Error) Write(w http.ResponseWriter) {
	for name, values := range e.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	// An error here is the caller's connection, which nobody can answer any more.
	_ = json.NewEncoder(w).Encode(e)
}
