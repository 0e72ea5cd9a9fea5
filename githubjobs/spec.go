package githubjobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a Spec. GitHub itself sets none on a commit message; these keep a
// job one small git object.
const (
	MaxSpecBytes   = 64 << 10 // of the encoded Job-Spec line
	MaxTitleRunes  = 72
	DefaultTimeout = 30 * time.Minute
	MaxTimeout     = 345 * time.Minute // a hosted runner ends a job at 360 minutes; the rest is for publish and merge
	MaxPriority    = 100               // and as much below 0
	MaxDelay       = 366 * 24 * time.Hour
	MaxQueueTTL    = 30 * 24 * time.Hour
	specVersion    = 1
)

// Spec is what a caller asked for. It is written once, into the creation commit,
// and never changes afterwards.
type Spec struct {
	Version int    `json:"v"`    // of this format; 1
	ID      string `json:"id"`   // see ValidID
	Kind    Kind   `json:"kind"` // which task the agent runs
	Title   string `json:"title"`
	// Prompt is the caller's text in full, exactly as it came.
	Prompt string `json:"prompt,omitempty"`
	// Config is the kind's own settings, a JSON object; see Kind.Validate.
	Config json.RawMessage `json:"config,omitempty"`
	// TimeoutSeconds bounds the task itself, not the time in GitHub's queue.
	TimeoutSeconds int       `json:"timeout_seconds"`
	Base           string    `json:"base"` // branch that the result is merged into
	CreatedAt      time.Time `json:"created_at"`
	// Priority orders the jobs that wait for their push, the highest first; 0 unless given.
	Priority int `json:"priority,omitempty"`
	// DelayUntil is before when the job is not pushed; zero for at once.
	DelayUntil time.Time `json:"delay_until,omitzero"`
	// QueueTTLSeconds bounds the time from the creation, or from DelayUntil, to the start of
	// the task. A job that has not begun by then is given up. 0 means without limit.
	QueueTTLSeconds int `json:"queue_ttl_seconds,omitempty"`
	// Network is what the task may reach; empty means NetworkDefault.
	Network Network `json:"network,omitempty"`
	// Secrets are the names of the repository's secrets that the task gets, sorted, without
	// SecretPrefix; those only that the base branch's policy allows.
	Secrets []string `json:"secrets,omitempty"`
	// Labels are the caller's words for finding the job again, sorted; see ValidLabel.
	Labels []string `json:"labels,omitempty"`
	// Batch names the jobs that belong together with this one; empty for none.
	Batch string `json:"batch_id,omitempty"`
	// DependsOn are the ids of the jobs that must be done before this one is pushed, sorted.
	DependsOn []string `json:"depends_on,omitempty"`
	// OnDependencyFailure is what becomes of it when one of them has failed; empty for DependencyFail.
	OnDependencyFailure DependencyPolicy `json:"on_dependency_failure,omitempty"`
	// ConcurrencyKey names the jobs of which one at a time is on GitHub; see ValidConcurrencyKey.
	ConcurrencyKey string `json:"concurrency_key,omitempty"`
	// ConcurrencyPolicy is what it does to the others of its key; empty for ConcurrencyQueue.
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrency_policy,omitempty"`
	// Member is the job's place in that batch, where the batch was created as a whole.
	Member *Member `json:"member,omitempty"`
	// PullRequest says what its pull request is to be like; nil for nothing special.
	PullRequest *PullRequest `json:"pull_request,omitempty"`
	// Retry says when the job is attempted again by itself; nil for never.
	Retry *Retry `json:"retry,omitempty"`
	// ReplayOf is the id of the job that this one repeats, by whoever asked for that.
	ReplayOf string `json:"replay_of,omitempty"`
	// Request tells the request that an idempotency key belongs to from any other: the
	// SHA-256, in hexadecimal, of what the caller sent. It is empty for a job without a key.
	Request string `json:"request,omitempty"`
	// Schedule is the name of the schedule that the job is of; see ValidScheduleName.
	Schedule string `json:"schedule,omitempty"`
}

// SameRequest says whether two specs of one id come from the same request: a caller
// that repeats it with its idempotency key means the job that is there already, also
// when a server that lost its store made a second spec of it, at a later time.
func (s Spec) SameRequest(other Spec) bool {
	if s.Request != "" || other.Request != "" {
		return s.ID == other.ID && s.Request == other.Request
	}
	return FormatSpec(s) == FormatSpec(other)
}

var requestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Timeout is the time that the task may take.
func (s Spec) Timeout() time.Duration { return time.Duration(s.TimeoutSeconds) * time.Second }

// FieldError says which field of an input is wrong and how to mend it.
type FieldError struct {
	Field   string // as the caller wrote it in JSON
	Message string // what is wrong and what is accepted
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func fieldErrorf(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// Normalize folds the white space of the title and fills what a caller may leave
// out: version, title (first line of the prompt), timeout and creation time.
func (s *Spec) Normalize(now time.Time) {
	s.Version = specVersion
	s.Title = strings.Join(strings.Fields(s.Title), " ")
	if s.Title == "" {
		s.Title = TitleOf(s.Prompt)
	}
	if s.TimeoutSeconds == 0 {
		s.TimeoutSeconds = int(DefaultTimeout / time.Second)
	}
	if s.CreatedAt.IsZero() {
		s.CreatedAt = now
	}
	s.Labels, s.DependsOn = normalSet(s.Labels), normalSet(s.DependsOn)
	s.Secrets = normalSet(s.Secrets)
	if s.Network == NetworkDefault {
		s.Network = ""
	}
	s.Retry, s.PullRequest = s.Retry.normal(), s.PullRequest.normal()
	s.DelayUntil = s.DelayUntil.UTC().Truncate(time.Millisecond)
	s.CreatedAt = s.CreatedAt.UTC().Truncate(time.Millisecond)
}

// Validate reports everything that is wrong with the spec, each as a FieldError.
func (s Spec) Validate() error {
	var errs []error
	if s.Version != specVersion {
		errs = append(errs, fieldErrorf("v", "%d is not a version known here; the newest is %d", s.Version, specVersion))
	}
	if !ValidID(s.ID) {
		errs = append(errs, fieldErrorf("id", "%q must match %s", s.ID, idPattern))
	}
	errs = append(errs, validateText("title", s.Title), validateText("job", s.Prompt))
	errs = append(errs, validateTitle(s.Title))
	if limit := int(MaxTimeout / time.Second); s.TimeoutSeconds < 1 || s.TimeoutSeconds > limit {
		errs = append(errs, fieldErrorf("timeout_seconds", "%d is out of range; give 1 to %d", s.TimeoutSeconds, limit))
	}
	errs = append(errs, s.Kind.Validate(s.Config), validateBase(s.Base), s.validateNetwork())
	errs = append(errs, s.validateGroups()...)
	errs = append(errs, s.validateSecrets()...)
	errs = append(errs, s.validateMember())
	errs = append(errs, s.validateQueue()...)
	errs = append(errs, s.validateOrder()...)
	errs = append(errs, s.Retry.validate()...)
	errs = append(errs, s.PullRequest.validate()...)
	if s.ReplayOf != "" && !ValidID(s.ReplayOf) {
		errs = append(errs, fieldErrorf("replay_of", "%.80q must match %s", s.ReplayOf, idPattern))
	}
	if s.Request != "" && !requestPattern.MatchString(s.Request) {
		errs = append(errs, fieldErrorf("request", "%q is no SHA-256 in hexadecimal", s.Request))
	}
	if s.Schedule != "" && !ValidScheduleName(s.Schedule) {
		errs = append(errs, fieldErrorf("schedule", "%q must match %s", s.Schedule, schedulePattern))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if n := len(encodeJSONLine(s)); n > MaxSpecBytes {
		return fieldErrorf("job", "the whole spec takes %d bytes as it is written into the commit, where characters that GitHub acts upon, such as @ and #, count six; at most %d are carried. Put long material into a file of the repository and name the file", n, MaxSpecBytes)
	}
	return nil
}

// validateQueue validates what decides when the job is pushed.
func (s Spec) validateQueue() (errs []error) {
	if s.Priority < -MaxPriority || s.Priority > MaxPriority {
		errs = append(errs, fieldErrorf("priority", "%d is out of range; give %d to %d", s.Priority, -MaxPriority, MaxPriority))
	}
	if s.DelayUntil.Sub(s.CreatedAt) > MaxDelay {
		errs = append(errs, fieldErrorf("delay_until", "%s is more than a year away", s.DelayUntil.Format(time.RFC3339)))
	}
	if limit := int(MaxQueueTTL / time.Second); s.QueueTTLSeconds < 0 || s.QueueTTLSeconds > limit {
		errs = append(errs, fieldErrorf("queue_ttl_seconds", "%d is out of range; give 1 to %d", s.QueueTTLSeconds, limit))
	}
	return errs
}

// Delayed says whether the job is not to be pushed yet.
func (s Spec) Delayed(now time.Time) bool { return now.Before(s.DelayUntil) }

// StartBy is by when the task must have begun; zero for no limit.
func (s Spec) StartBy() time.Time {
	if s.QueueTTLSeconds == 0 {
		return time.Time{}
	}
	return later(s.CreatedAt, s.DelayUntil).Add(time.Duration(s.QueueTTLSeconds) * time.Second)
}

func validateTitle(title string) error {
	switch n := utf8.RuneCountInString(title); {
	case title == "":
		return fieldErrorf("title", "is missing, and the job's text has no line to make one of")
	case n > MaxTitleRunes:
		return fieldErrorf("title", "has %d characters; at most %d are shown on GitHub", n, MaxTitleRunes)
	case TitleOf(title) != title:
		return fieldErrorf("title", "must be one line without control characters, and without those that turn the direction of the text around them (U+202A to U+202E, U+2066 to U+2069)")
	}
	return nil
}

func validateText(field, s string) error {
	if !utf8.ValidString(s) {
		return fieldErrorf(field, "is not valid UTF-8")
	}
	if strings.ContainsRune(s, 0) {
		return fieldErrorf(field, "holds a NUL character")
	}
	return nil
}

// validateBase is the part of git check-ref-format that a branch name can break.
func validateBase(base string) error {
	if name, ok := strings.CutPrefix(base, "refs/heads/"); ok {
		return fieldErrorf("base", "is the name of a branch, without refs/heads/: %q", name)
	}
	bad := base == "" || base == "@" || base == "HEAD" || len(base) > 244 || strings.HasPrefix(base, "refs/") || strings.HasPrefix(base, "-") || strings.HasPrefix(base, "/") || strings.HasSuffix(base, "/") ||
		strings.HasSuffix(base, ".") || strings.HasSuffix(base, ".lock") || strings.HasPrefix(base, ".") ||
		strings.Contains(base, "..") || strings.Contains(base, "//") || strings.Contains(base, "@{") ||
		strings.Contains(base, "/.") || strings.ContainsAny(base, " ~^:?*[\\\x7f") || strings.ContainsFunc(base, unicode.IsControl)
	if bad || strings.HasPrefix(base, BranchPrefix) {
		return fieldErrorf("base", "%q is not a branch that a job can be merged into", base)
	}
	return nil
}

// TitleOf makes a title of a text: its first line that is not blank, white space
// folded, control characters and those that turn the direction of text dropped, cut
// to MaxTitleRunes with an ellipsis.
func TitleOf(text string) string {
	for line := range strings.Lines(text) {
		line = strings.Join(strings.FieldsFunc(strings.Map(keepDirection, line), func(r rune) bool {
			return unicode.IsSpace(r) || unicode.IsControl(r)
		}), " ")
		if line == "" {
			continue
		}
		if r := []rune(line); len(r) > MaxTitleRunes {
			return strings.TrimSpace(string(r[:MaxTitleRunes-1])) + "…"
		}
		return line
	}
	return ""
}

// keepDirection drops the characters with which a text shows another order than it
// has (Unicode Standard Annex 9: embeddings, overrides and isolates): a title stands
// amid other text, which it could turn around.
func keepDirection(r rune) rune {
	if r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
		return -1
	}
	return r
}
