package hub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// What went wrong, for errors.Is. Every error of this package that comes from
// GitHub is an *Error that wraps one of these.
var (
	// ErrRateLimited: GitHub asks to wait; RetryAfter says how long. Temporary.
	ErrRateLimited = errors.New("GitHub's rate limit is reached")
	// ErrUnavailable: GitHub could not be reached or failed by itself. Temporary.
	ErrUnavailable = errors.New("GitHub cannot be reached")
	// ErrUnauthorized: GitHub does not accept the credentials.
	ErrUnauthorized = errors.New("GitHub does not accept the credentials")
	// ErrForbidden: the credentials are good and lack a right.
	ErrForbidden = errors.New("GitHub does not permit this")
	// ErrNotFound: it does not exist, or the credentials may not see it. Without a Status it is this
	// package that has not found it in what GitHub told, and Message says what.
	ErrNotFound = errors.New("GitHub does not know this")
	// ErrInvalid: GitHub refused the content of the request. Without a Status it was not GitHub:
	// this package can't use what it has read, and Message says why.
	ErrInvalid = errors.New("GitHub refused the request")

	// ErrNotMergeable: the pull request cannot be merged as it stands (405).
	ErrNotMergeable = errors.New("the pull request cannot be merged")
	// ErrBaseMoved: the base branch moved during the merge (405); try again. Temporary.
	ErrBaseMoved = errors.New("the base branch moved during the merge")
	// ErrHeadMoved: the head is not the commit that was to be merged (409).
	ErrHeadMoved = errors.New("the head branch moved")
	// ErrPullsForbidden: the repository lets no workflow open pull requests.
	ErrPullsForbidden = errors.New("the repository does not let workflows open pull requests")
	// ErrPullExists: there is an open pull request from this branch already.
	ErrPullExists = errors.New("there is a pull request from this branch already")
	// ErrNoDrafts: the repository's plan has no drafts (422).
	ErrNoDrafts = errors.New("the repository has no draft pull requests")
	// ErrNoFile: the branch is there, and has no such file.
	ErrNoFile = errors.New("there is no such file")
	// ErrCrosswise: two commits have parted more than once; see Repository.Difference.
	ErrCrosswise = errors.New("the history was merged crosswise")
	// ErrRunEnded: the run cannot be cancelled, mostly because it has ended (409).
	ErrRunEnded = errors.New("the run cannot be cancelled")

	// ErrSuperseded: a later attempt of the job has begun, and this one counts no more.
	ErrSuperseded = errors.New("a later attempt of the job has begun")

	// ErrRefused: GitHub refused to move a ref, for good.
	ErrRefused = errors.New("GitHub refused the ref")
	// ErrRefBusy: GitHub did not move a ref this time. Temporary.
	ErrRefBusy = errors.New("GitHub could not move the ref this time")
	// ErrRefMoved: the ref is not where the update expected it.
	ErrRefMoved = errors.New("the ref is not where it was expected")
)

// mends says, for each kind of failure in which a person can act, what to do.
var mends = map[error]string{
	ErrRateLimited:    "Nothing needs to be done: the request is tried again after the time that GitHub asks for.",
	ErrUnavailable:    "Nothing needs to be done if GitHub recovers (see githubstatus.com); else check the server URL and the network.",
	ErrUnauthorized:   "Check that the token has not expired and was copied in full; for a GitHub App, that id, installation id and private key belong together.",
	ErrForbidden:      "Give the token, or the GitHub App, the permission that the message names: contents, pull requests, actions and checks are used.",
	ErrNotFound:       "Check owner and name of the repository, and that the token may see it: GitHub answers 404 also for what a token may not see.",
	ErrPullsForbidden: `Turn on "Allow GitHub Actions to create and approve pull requests" in the repository's Settings → Actions → General; if it is greyed out, the organisation forbids it. The workflow also needs "pull-requests: write" in its permissions.`,
	ErrNoDrafts:       "GitHub has them in public repositories, and in private ones by plan. Submit the job without pull_request.draft.",
	ErrSuperseded:     "Nothing needs to be done: the later attempt delivers the job's result. What this one has done counts no more.",
	ErrCrosswise:      "Submit the job again, which then begins on the newest commit of its base, or merge by hand.",
	ErrRunEnded:       "A run that has ended needs no cancelling; one that hangs can be force-cancelled.",
}

// Error is a failure at GitHub. Error() is for operators; Public() for callers.
type Error struct {
	Op        string // what was attempted
	Kind      error  // one of the errors above
	Method    string
	URL       string // without credentials
	Status    int    // of HTTP; 0 when there was no answer
	RequestID string // GitHub's, for its support
	Message   string // GitHub's own words; without a Status this package's
	// RetryAfter is how long GitHub asks to wait, with ErrRateLimited.
	RetryAfter time.Duration
	Err        error // the cause, where there is one besides GitHub's answer
}

func (e *Error) Error() string {
	s := e.Op + ": " + e.what()
	if e.Message == "" && e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Status != 0 {
		s += fmt.Sprintf(" (%s %s: %d", e.Method, e.URL, e.Status)
		if e.RequestID != "" {
			s += ", request " + e.RequestID
		}
		s += ")"
	}
	return s
}

// Unwrap lets errors.Is find the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// own says whether this package has found it: GitHub has refused nothing, and Message says all.
func (e *Error) own() bool {
	return e.Status == 0 && e.Message != "" && (e.Kind == ErrInvalid || e.Kind == ErrNotFound)
}

// what tells what went wrong.
func (e *Error) what() string {
	switch {
	case e.own():
		return e.Message
	case e.Message == "":
		return e.Kind.Error()
	}
	return e.Kind.Error() + ": " + e.Message
}

// Public is the message without addresses and request ids, with the mend.
func (e *Error) Public() string {
	s := e.what()
	if mend := mends[e.Kind]; mend != "" && !e.own() {
		s = strings.TrimSuffix(s, ".") + ". " + mend
	}
	return s
}

// Temporary says whether the same request may succeed later.
func (e *Error) Temporary() bool {
	switch e.Kind {
	case ErrRateLimited, ErrUnavailable, ErrBaseMoved, ErrRefBusy:
		return true
	}
	return false
}

// Temporary says whether what failed may succeed when it is tried again. The end
// of the caller's own context is not temporary.
func Temporary(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Temporary() && !errors.Is(err, context.Canceled)
}

// RetryAfter is how long GitHub asks to wait before the next request; 0 when the
// error does not say.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// Public is the part of an error that may be shown to callers, with the mend.
func Public(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Public()
	}
	return "the request to GitHub failed"
}
