package githubjobs

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a Retry.
const (
	MaxBackoffLimit = 10
	DefaultBackoff  = 10 * time.Second
	MaxBackoff      = time.Hour // between two attempts, before jitter
	exitCodePrefix  = "exit_code:"
	maxExitCode     = 255
)

// Retry says what becomes of a job whose attempt has failed. It stands in the spec with
// nothing left out, so that every server decides the same for as long as the job lives.
type Retry struct {
	// BackoffLimit is how many attempts may follow the first by themselves.
	BackoffLimit int `json:"backoff_limit"`
	// BackoffSeconds is the time from the end of the first attempt to the second; it
	// doubles with each attempt, up to MaxBackoff. See Spec.Backoff.
	BackoffSeconds int `json:"backoff_seconds"`
	// On are the failures after which there is another attempt: reasons, see Retryable,
	// and exit_code:N for a task that failed with this code; sorted.
	On []string `json:"retry_on"`
}

// Retryable lists the reasons after which a job may be attempted again by itself. Those
// of people and of rules are not among them: no repetition mends them.
func Retryable() []Reason {
	return []Reason{ReasonAgentError, ReasonNeverStarted, ReasonRunDeleted, ReasonStartupFailure, ReasonTaskFailed, ReasonTimedOut}
}

// defaultRetryOn is every failure that nobody has caused by hand.
func defaultRetryOn() (on []string) {
	for _, r := range Retryable() {
		if r != ReasonRunDeleted {
			on = append(on, string(r))
		}
	}
	return on
}

// normal fills what a caller may leave out; no retry at all has one form.
func (r *Retry) normal() *Retry {
	if r == nil || r.BackoffLimit == 0 && r.BackoffSeconds == 0 && len(r.On) == 0 {
		return nil
	}
	n := *r
	if n.BackoffSeconds == 0 {
		n.BackoffSeconds = int(DefaultBackoff / time.Second)
	}
	if n.On = slices.Compact(slices.Sorted(slices.Values(n.On))); len(n.On) == 0 {
		n.On = defaultRetryOn()
	}
	return &n
}

func (r *Retry) validate() (errs []error) {
	if r == nil {
		return nil
	}
	if r.BackoffLimit < 1 || r.BackoffLimit > MaxBackoffLimit {
		errs = append(errs, fieldErrorf("retry.backoff_limit", "%d is out of range; give 1 to %d, or leave retry out for no further attempt", r.BackoffLimit, MaxBackoffLimit))
	}
	if limit := int(MaxBackoff / time.Second); r.BackoffSeconds < 1 || r.BackoffSeconds > limit {
		errs = append(errs, fieldErrorf("retry.backoff_seconds", "%d is out of range; give 1 to %d", r.BackoffSeconds, limit))
	}
	if len(r.On) > maxExitCode {
		errs = append(errs, fieldErrorf("retry.retry_on", "are %d; give at most %d", len(r.On), maxExitCode))
		return errs
	}
	for i, on := range r.On {
		if err := validRetryOn(on); err != "" {
			errs = append(errs, fieldErrorf(fmt.Sprintf("retry.retry_on[%d]", i), "%s", err))
		}
	}
	return errs
}

// validRetryOn says what is wrong with one failure of retry_on; empty when nothing is.
func validRetryOn(on string) string {
	words := make([]string, 0, len(Retryable()))
	for _, r := range Retryable() {
		words = append(words, string(r))
	}
	if slices.Contains(words, on) {
		return ""
	}
	accepted := "give some of " + strings.Join(words, ", ") + " and " + exitCodePrefix + "N"
	if code, is := strings.CutPrefix(on, exitCodePrefix); is {
		n, err := strconv.Atoi(code)
		if err != nil || n < 1 || n > maxExitCode || strconv.Itoa(n) != code {
			return fmt.Sprintf("%.80q names no exit code; write %s1 to %s%d", on, exitCodePrefix, exitCodePrefix, maxExitCode)
		}
		return ""
	}
	if r := Reason(on); r.Status() == StatusFailed {
		return fmt.Sprintf("%q is not mended by another attempt; %s", on, accepted)
	}
	return fmt.Sprintf("%.80q is no failure; %s", on, accepted)
}

// covers says whether another attempt is wanted after one that failed like this.
func (r *Retry) covers(reason Reason, exitCode *int) bool {
	return slices.Contains(r.On, string(reason)) ||
		reason == ReasonTaskFailed && exitCode != nil && slices.Contains(r.On, exitCodePrefix+strconv.Itoa(*exitCode))
}

// Backoff is the time from the end of an attempt to the next one: BackoffSeconds,
// doubled for each attempt before, at most MaxBackoff; of that at least half, and of the
// other half a part that the job's id decides. So jobs that failed together do not come
// back together, and every server finds the same time.
func (s Spec) Backoff(attempt int) time.Duration {
	if s.Retry == nil {
		return 0
	}
	full := MaxBackoff
	if shift := attempt - 1; shift < 12 { // a second doubled twelve times is more than an hour
		full = min(full, time.Duration(s.Retry.BackoffSeconds)*time.Second<<max(shift, 0))
	}
	sum := sha256.Sum256([]byte(Name{s.ID, attempt + 1}.String()))
	part := float64(binary.BigEndian.Uint32(sum[:])) / (1 << 32)
	return (full/2 + time.Duration(part*float64(full/2))).Truncate(time.Millisecond)
}

// judge decides the job by its present attempt: whether that is the last one is seen
// here. next is when another follows; zero when none does.
func (v view) judge(now time.Time) (reason Reason, message string, next time.Time) {
	reason, message = v.decide(now)
	if !v.retries(reason) {
		return reason, message, time.Time{}
	}
	next = v.over().Add(v.Spec.Backoff(v.number))
	when := "begins at " + next.UTC().Format(time.RFC3339)
	if !now.Before(next) {
		when = "is due and will be pushed"
	}
	return ReasonRetrying, fmt.Sprintf("%s. Attempt %d of at most %d %s.", strings.TrimSuffix(message, "."), v.number+1, max(v.Spec.Retry.BackoffLimit+1, v.number+1), when), next
}

// retries says whether another attempt follows one that has ended like this. What has a
// pull request already is for people to see to, and who deletes the branch of an attempt
// wants no other.
func (v view) retries(reason Reason) bool {
	if v.Spec == nil || v.Spec.Retry == nil || v.number > v.Spec.Retry.BackoffLimit || v.number >= MaxAttempts || v.Branch != nil && v.Branch.Deleted {
		return false
	}
	if v.pull != nil || reason == ReasonNeverStarted && v.expired() {
		return false
	}
	var code *int
	if v.result != nil && v.result.Result.ExitCode >= 0 {
		code = &v.result.Result.ExitCode
	}
	return reason.Status() == StatusFailed && v.Spec.Retry.covers(reason, code)
}

// over is when the attempt ended, by GitHub's clock: of one that has failed.
func (v view) over() time.Time {
	if at, ok := v.moved(); ok {
		return at
	}
	return v.pushedAt().Add(NeverStarted)
}

// askedFor says that an attempt waits for its push which somebody has asked for.
func (v view) askedFor() string {
	if v.Asked == nil {
		return fmt.Sprintf("Attempt %d is stored and will be pushed.", v.number)
	}
	why := ""
	if v.Asked.Why != "" {
		why = " (" + v.Asked.Why + ")"
	}
	return fmt.Sprintf("%s asked for attempt %d at %s%s; it is stored and will be pushed.", v.Asked.By, v.number, v.Asked.At.UTC().Format(time.RFC3339), why)
}

// attempts tells of every attempt, where there is more than one.
func (f Facts) attempts(now time.Time) (list []Attempt) {
	numbers := f.numbers()
	if len(numbers) < 2 {
		return nil
	}
	for _, n := range numbers {
		v := viewOfOne(f.Of(n), n)
		var j Job
		v.from = f.wantedAt(n)
		v.describe(&j)
		reason, _ := v.decide(now)
		a := Attempt{Number: n, Branch: Name{f.ID, n}.Branch(), Reason: reason, RunURL: j.RunURL, PullURL: j.PullURL, StartedAt: j.StartedAt}
		if reason.Status().Terminal() {
			a.FinishedAt = j.FinishedAt
		}
		list = append(list, a)
	}
	return list
}

// Waits says which attempt of the job is to be pushed now; ok is false for none, also
// when there is an attempt that others hold back. One that is cancelled waits too:
// whoever pushes drops it, so that no job is both.
func (f Facts) Waits(now time.Time) (o Order, ok bool) {
	v := viewOf(f)
	if v.Spec == nil {
		return Order{}, false
	}
	if v.untouched() {
		o = NewOrder(*v.Spec)
		o.Drop = v.Drop(now)
		if v.number > 1 {
			o.Attempt, o.At, o.Asked = v.number, v.from, v.Asked != nil
		}
		return o, o.Drop != nil || v.Holding(now) == HeldByNothing
	}
	if v.Spec.Retry == nil {
		return Order{}, false
	}
	_, _, next := v.judge(now)
	o = Order{Spec: *v.Spec, Attempt: v.number + 1, At: next}
	if v.stopped() {
		o.Drop = &Dispatch{Dropped: true, At: now}
	}
	return o, !next.IsZero() && (o.Drop != nil || !now.Before(next))
}

// stopped: somebody has asked to cancel the job, and so wants no other attempt either.
func (v view) stopped() bool {
	c := v.cancel()
	return c != nil && !c.Expired
}

// AskAgain says why nobody can ask for another attempt now; nil when one may. While a job
// waits for its next attempt, asking makes it begin at once.
func (f Facts) AskAgain(now time.Time) error {
	v := viewOf(f)
	reason, _, _ := v.judge(now)
	switch {
	case v.number >= MaxAttempts:
		return fmt.Errorf("it has had %d attempts, and no job has more", v.number)
	case v.pull != nil && v.pull.Merged:
		return errors.New("its pull request is merged")
	case v.pull != nil && v.pull.Open && reason.Status().Terminal():
		return fmt.Errorf("its pull request %s is open; merge it, or close it first", v.pull.URL)
	case reason == ReasonRetrying && !v.untouched(), reason.Status() == StatusFailed, reason == ReasonPRClosed:
		return nil
	case reason.Status() == StatusCompleted:
		return fmt.Errorf("it has succeeded (%s)", reason)
	}
	return fmt.Errorf("its attempt %d has not ended: it is %s (%s)", v.number, reason.Status(), reason)
}

// untouched: nothing of the attempt is on GitHub, nor was it decided that nothing will be.
func (v view) untouched() bool {
	return v.Dispatch == nil && v.Branch == nil && v.result == nil && len(v.Runs)+len(v.Pulls) == 0
}
