package schedule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// tries is how often a change is made anew that somebody else's came before.
const tries = 20

var (
	// ErrBaseUnknown: the schedule names no base, and the server's is not known yet.
	ErrBaseUnknown = errors.New("the repository's default branch is not known yet: GitHub has not told it since the server's first start. Name a base in the schedule's job, or set BASE_BRANCH")
	// ErrDamaged: what is stored of the schedule cannot be read.
	ErrDamaged = fmt.Errorf("%w: what is stored of the schedule is damaged", store.ErrUnavailable)
	// ErrBusy: Forbid keeps the job from being started.
	ErrBusy = errors.New("the previous job of the schedule has not ended")
	// ErrRefused: no such job is taken now; it is wrapped together with what Admit has said.
	ErrRefused = errors.New("the job is refused")
)

// Begun is what came of a job that was to be started.
type Begun struct {
	Facts githubjobs.Facts // of the job; of the previous one with ErrBusy
	// Again: the job was there already.
	Again bool
}

// key names a job of a schedule. The zero byte keeps it apart from the idempotency keys
// of callers, which hold no control characters.
type key string

func tickKey(name string, tick time.Time) key {
	return key("\x00schedule/" + name + "/" + tick.UTC().Format(time.RFC3339))
}

func triggerKey(name, callers string) key {
	return key("\x00schedule/" + name + "/trigger/" + callers)
}

// TriggerID is the id of the job that Trigger starts for a key of the caller's.
func TriggerID(project, name, callers string) string {
	return githubjobs.KeyedID(project, string(triggerKey(name, callers)))
}

// request tells a job of this key from any other; what the schedule says may change.
func (k key) request() string {
	sum := sha256.Sum256([]byte(k))
	return hex.EncodeToString(sum[:])
}

// Trigger starts a job of a schedule now, paused or not, and obeys its concurrency
// policy. With a key of the caller's, a repeat means the same job. Its error wraps
// store.ErrNotFound, ErrBusy, ErrDamaged, ErrBaseUnknown or ErrRefused, or is the store's.
func (s *Scheduler) Trigger(ctx context.Context, name, callers string) (Begun, error) {
	k := triggerKey(name, callers)
	if callers == "" {
		k = triggerKey(name, "\x00"+githubjobs.NewID(s.Now()))
	}
	var err error
	for range tries {
		var one store.Schedule
		if one, err = s.Store.Schedule(ctx, s.Project, name); err != nil {
			return Begun{}, err
		}
		if one.Damaged {
			return Begun{}, ErrDamaged
		}
		var begun Begun
		if begun, err = s.begin(ctx, one, k, false); !errors.Is(err, store.ErrChanged) {
			return begun, err
		}
	}
	return Begun{}, fmt.Errorf("%w: %w again and again", store.ErrUnavailable, err)
}

// begin starts the job that a key names, unless it is there or the concurrency policy
// keeps it from that, and stores the schedule with it. isTick says that the job is that
// of one.LastTick, whose outcome is set here. It returns store.ErrChanged when somebody
// else has changed the schedule, also by starting a job.
func (s *Scheduler) begin(ctx context.Context, one store.Schedule, k key, isTick bool) (Begun, error) {
	id := githubjobs.KeyedID(s.Project, string(k))
	there, err := s.facts(ctx, id)
	if err != nil {
		return Begun{}, err
	}
	if there.Spec != nil { // stored with a memory of the schedule that was lost
		if !isTick {
			return Begun{Facts: there, Again: true}, nil
		}
		one.LastJob, one.LastTick.JobID, one.LastTick.Outcome = id, id, store.OutcomeStarted
		return Begun{Facts: there, Again: true}, s.Store.SaveSchedule(ctx, s.Project, one, nil)
	}
	previous, err := s.facts(ctx, one.LastJob)
	if err != nil && !errors.Is(err, store.ErrDamaged) { // the store tells of damage
		return Begun{}, err
	}
	decision := Decide(one.Concurrency, previous.Spec != nil && !githubjobs.Reduce(previous, s.Now()).Terminal)
	if decision != Start && isTick && s.unread(previous, one.LastTick.At) {
		return Begun{}, errUnread
	}
	if decision == Skip {
		return s.skip(ctx, one, previous, isTick)
	}
	spec, err := s.spec(ctx, one, k)
	switch {
	case errors.Is(err, ErrRefused) && isTick:
		return Begun{}, s.refuse(ctx, one, err)
	case err != nil:
		return Begun{}, err
	}
	if decision == Replace {
		if err := s.cancel(ctx, one.Name, previous); err != nil {
			return Begun{}, err
		}
	}
	return s.accept(ctx, one, spec, isTick)
}

// refuse notes that a tick starts no job, which would only fail. The previous job is left alone.
func (s *Scheduler) refuse(ctx context.Context, one store.Schedule, why error) error {
	s.Log.Warn("a tick of a schedule starts no job", "schedule", one.Name, "tick", one.LastTick.At, "error", why)
	one.LastTick.Outcome, one.LastTick.Why = store.OutcomeRefused, strings.TrimPrefix(why.Error(), ErrRefused.Error()+": ")
	return s.Store.SaveSchedule(ctx, s.Project, one, nil)
}

// errUnread is why a tick is decided later.
var errUnread = errors.New("GitHub was not read since the tick")

// unread says that a tick is late, since the server was away, and that the previous job may have
// ended meanwhile: GitHub was not read since.
func (s *Scheduler) unread(previous githubjobs.Facts, tick time.Time) bool {
	return late(tick, s.Now()) && !previous.Complete.IsZero() && previous.Complete.Before(tick)
}

func (s *Scheduler) skip(ctx context.Context, one store.Schedule, previous githubjobs.Facts, isTick bool) (Begun, error) {
	if !isTick {
		return Begun{Facts: previous}, fmt.Errorf("%w: %s", ErrBusy, previous.ID)
	}
	s.Log.Info("a tick of a schedule is skipped: the previous job has not ended", "schedule", one.Name, "tick", one.LastTick.At, "job_id", previous.ID)
	one.LastTick.Outcome = store.OutcomeSkipped
	return Begun{Facts: previous}, s.Store.SaveSchedule(ctx, s.Project, one, nil)
}

func (s *Scheduler) accept(ctx context.Context, one store.Schedule, spec githubjobs.Spec, isTick bool) (Begun, error) {
	if one.LastJob = spec.ID; isTick {
		one.LastTick.JobID, one.LastTick.Outcome = spec.ID, store.OutcomeStarted
	}
	failpoint.Here("schedule/start")
	err := s.Store.SaveSchedule(ctx, s.Project, one, &spec)
	if errors.Is(err, store.ErrExists) {
		err = store.ErrChanged // it is found when the schedule is looked at again
	}
	if err != nil {
		return Begun{}, err
	}
	failpoint.Here("schedule/started")
	s.Log.Info("a schedule has started a job", "schedule", one.Name, "job_id", spec.ID, "tick", isTick)
	s.Accepted()
	return Begun{Facts: githubjobs.Facts{ID: spec.ID, Spec: &spec}}, nil
}

// spec is that of the job which a key names. Its error may wrap ErrRefused.
func (s *Scheduler) spec(ctx context.Context, one store.Schedule, k key) (githubjobs.Spec, error) {
	spec := one.Job
	spec.ID, spec.Request, spec.Schedule = githubjobs.KeyedID(s.Project, string(k)), k.request(), one.Name
	if spec.Base == "" {
		base, err := s.Base(ctx)
		if err == nil && base == "" {
			err = ErrBaseUnknown
		}
		if err != nil {
			return spec, err
		}
		spec.Base = base
	}
	spec.Normalize(s.Now())
	if s.Admit != nil {
		if err := s.Admit(ctx, &spec); err != nil {
			return spec, fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return spec, spec.Validate()
}

// cancel asks for the end of a job; the server's other workers see to it.
func (s *Scheduler) cancel(ctx context.Context, name string, f githubjobs.Facts) error {
	if f.CancelAsked() {
		return nil
	}
	asked := &githubjobs.CancelFact{By: "The schedule " + name, Why: "its next job replaces this one", At: s.Now()}
	if err := s.Store.MergeFacts(ctx, s.Project, githubjobs.Facts{ID: f.ID, Cancel: asked}); err != nil {
		return err
	}
	s.Accepted()
	return nil
}

// facts are what is known of a job; the zero value for one that is not known.
func (s *Scheduler) facts(ctx context.Context, id string) (githubjobs.Facts, error) {
	if id == "" {
		return githubjobs.Facts{}, nil
	}
	f, err := s.Store.Facts(ctx, s.Project, id)
	if errors.Is(err, store.ErrNotFound) {
		return githubjobs.Facts{}, nil
	}
	return f, err
}
