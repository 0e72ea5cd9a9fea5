package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// ErrChanged: what is to be replaced is not there any more as it was read.
var ErrChanged = errors.New("it was changed meanwhile")

// Schedules are the schedules of every project. They are the server's own: GitHub
// knows nothing of them.
type Schedules interface {
	// Schedules lists the schedules of a project, by name. What cannot be read of one keeps
	// no other from being listed; see Schedule.Damaged.
	Schedules(ctx context.Context, project string) ([]Schedule, error)
	// Schedule returns one of them, or ErrNotFound.
	Schedule(ctx context.Context, project, name string) (Schedule, error)
	// SaveSchedule replaces the schedule that has this Revision, or adds a new one where
	// it is 0, and in the same transaction accepts the job that the schedule starts, if
	// there is one. It writes nothing and returns ErrChanged when the schedule has
	// another revision by now, ErrExists when the id of the job is taken.
	SaveSchedule(ctx context.Context, project string, s Schedule, job *githubjobs.Spec) error
	// DeleteSchedule removes the schedule that has this revision; else it returns ErrChanged.
	DeleteSchedule(ctx context.Context, project, name string, revision int64) error
}

// Schedule starts a job at every tick of its cron expression.
type Schedule struct {
	Name     string `json:"-"` // see githubjobs.ValidScheduleName
	Revision int64  `json:"-"` // changes at every write; 0 for one that is not stored
	// Damaged: what is stored of the schedule cannot be read. Nothing else is known of it,
	// and it starts no job until it is saved anew.
	Damaged bool `json:"-"`

	Plan
	Source    Source    `json:"source"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // when its plan last changed
	// Since is until when ticks are decided, or do not count: those before the schedule
	// was made, was given other times, or was paused.
	Since time.Time `json:"since"`
	// LastTick is the newest tick that was decided; its time is zero while there is none.
	LastTick Tick `json:"last_tick"`
	// LastJob is the id of the newest job of the schedule, that of a tick or not.
	LastJob string `json:"last_job,omitempty"`
}

// Plan is what a person says of a schedule.
type Plan struct {
	Cron     string `json:"cron"`
	TimeZone string `json:"time_zone"` // IANA name
	// Job is what every job of the schedule is made of. It has no id, and no base where
	// that is the server's.
	Job         githubjobs.Spec `json:"job"`
	Concurrency Concurrency     `json:"concurrency_policy"`
	CatchUp     CatchUp         `json:"catch_up"`
	Paused      bool            `json:"paused"`
}

// Tick is what came of one tick.
type Tick struct {
	At      time.Time `json:"at"`
	Outcome Outcome   `json:"outcome"`
	JobID   string    `json:"job_id,omitempty"` // of the job that it started
	Why     string    `json:"why,omitempty"`    // its job was refused, for people
	// Passed counts the ticks before it that were passed over together with it.
	Passed int `json:"passed,omitempty"`
}

// Outcome is what came of a tick.
type Outcome string

const (
	OutcomeStarted Outcome = "started"     // its job was accepted
	OutcomeSkipped Outcome = "skipped"     // by Forbid: the previous job had not ended
	OutcomePassed  Outcome = "passed_over" // by CatchUp: it was late
	OutcomeRefused Outcome = "refused"     // its job would fail for want of something that is known
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{OutcomeStarted, OutcomeSkipped, OutcomePassed, OutcomeRefused}
}

// Concurrency says what happens when a job is due and the previous one of the schedule
// has not ended.
type Concurrency string

const (
	Allow   Concurrency = "allow"   // both run
	Forbid  Concurrency = "forbid"  // the new one is not started
	Replace Concurrency = "replace" // the previous one is cancelled
)

// Concurrencies lists every policy, the default first.
func Concurrencies() []Concurrency { return []Concurrency{Allow, Forbid, Replace} }

// CatchUp says what happens to ticks that came while no server ran.
type CatchUp string

const (
	CatchUpLast CatchUp = "last" // the newest of them is made up for
	CatchUpNone CatchUp = "none" // none is
	CatchUpAll  CatchUp = "all"  // all are, up to a bound
)

// CatchUps lists every policy, the default first.
func CatchUps() []CatchUp { return []CatchUp{CatchUpLast, CatchUpNone, CatchUpAll} }

// Source says where a schedule is written.
type Source string

const (
	SourceAPI  Source = "api"
	SourceFile Source = "file" // .githubjobs.yml on the default branch
)

// Sources lists every source.
func Sources() []Source { return []Source{SourceAPI, SourceFile} }

// Encode is the schedule as a store keeps it, beside name and revision.
func (s Schedule) Encode() (string, error) {
	raw, err := json.Marshal(s)
	return string(raw), err
}

// DecodeSchedule reads what Encode wrote. One that cannot be read is Damaged, and told of
// once.
func (d *Damage) DecodeSchedule(project, name string, revision int64, raw string) Schedule {
	s := Schedule{Name: name, Revision: revision}
	err := json.Unmarshal([]byte(raw), &s)
	if err == nil && s.Cron == "" {
		err = errors.New("it has no cron expression")
	}
	if err == nil {
		return s
	}
	d.tell(jobKey{project, "schedule " + name}, "what is stored of a schedule cannot be read; it starts no job. Put it again, or delete it", "project", project, "schedule", name, "error", err)
	return Schedule{Name: name, Revision: revision, Damaged: true}
}
