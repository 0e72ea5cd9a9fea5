package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/schedule"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	upcoming    = 3  // ticks that an answer tells
	changeTries = 20 // of a change that somebody else's came before
)

// Scheduler starts a job of a schedule now; schedule.Scheduler describes the method.
type Scheduler interface {
	Trigger(ctx context.Context, name, key string) (schedule.Begun, error)
}

// Schedule is the answer that tells of a schedule.
type Schedule struct {
	Name        string            `json:"name" doc:"Names the schedule, and its jobs in their status"`
	Cron        string            `json:"cron" doc:"When a job is started"`
	TimeZone    string            `json:"time_zone" doc:"IANA name of the time zone that cron speaks of"`
	Job         JobRequest        `json:"job" doc:"What each job of the schedule is"`
	Concurrency store.Concurrency `json:"concurrency_policy" doc:"What happens when a job is due and the previous one has not ended"`
	CatchUp     store.CatchUp     `json:"catch_up" doc:"What is made up for after the server was away"`
	Paused      bool              `json:"paused" doc:"No job is started by a tick"`
	Source      store.Source      `json:"source" doc:"Where the schedule is changed: by this API, or in the file .githubjobs.yml on the default branch"`
	CreatedAt   time.Time         `json:"created_at" doc:"When the schedule was made"`
	UpdatedAt   time.Time         `json:"updated_at" doc:"When it was last changed"`
	LastTick    *Tick             `json:"last_tick,omitempty" doc:"The newest tick; left out before the first"`
	LastJobID   string            `json:"last_job_id,omitempty" doc:"The newest job, started by a tick or by hand; left out before the first"`
	NextTicks   []time.Time       `json:"next_ticks" doc:"The next three ticks; none while it is paused"`
}

// Tick is what came of a tick.
type Tick struct {
	At      time.Time     `json:"at" doc:"When the tick was due"`
	Outcome store.Outcome `json:"outcome" doc:"started: its job was accepted; skipped: concurrency_policy forbids it while the previous job has not ended; passed_over: it was late, and catch_up makes up for none; refused: create-job would refuse its job now, and why says what for"`
	Why     string        `json:"why,omitempty" doc:"Why its job was refused, and how to mend it"`
	JobID   string        `json:"job_id,omitempty" doc:"Of the job that it started"`
	Passed  int           `json:"passed_over,omitempty" doc:"How many late ticks before it were passed over with it"`
}

type nameInput struct {
	Name string `path:"name" doc:"1 to 63 of the characters a–z, 0–9 and '-'" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"`
}

type putInput struct {
	Name string `path:"name" doc:"1 to 63 of the characters a–z, 0–9 and '-'" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"`
	body io.Reader
}

var _ huma.Resolver = (*putInput)(nil)

// Resolve implements huma.Resolver.
func (in *putInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.body = http.MaxBytesReader(w, r.Body, maxBody)
	return nil
}

type triggerInput struct {
	Name string `path:"name" doc:"1 to 63 of the characters a–z, 0–9 and '-'" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"`
	Key  string `header:"Idempotency-Key" doc:"Names this request: repeated with the same key it means the same job" minLength:"1" maxLength:"255"`
	head http.Header
	body io.Reader
}

var _ huma.Resolver = (*triggerInput)(nil)

// Resolve implements huma.Resolver.
func (in *triggerInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.head, in.body = r.Header, http.MaxBytesReader(w, r.Body, maxBody)
	return nil
}

type scheduleOutput struct {
	Status int
	Body   Schedule
}

type schedulesOutput struct {
	Body struct {
		Schedules []Schedule `json:"schedules" doc:"All of them, by name"`
	}
}

func (a *api) listSchedules(ctx context.Context, _ *struct{}) (*schedulesOutput, error) {
	list, err := a.Schedules.Schedules(ctx, a.Project)
	if err != nil {
		return nil, a.scheduleProblem(ctx, "", err)
	}
	out := &schedulesOutput{}
	out.Body.Schedules = []Schedule{}
	for _, s := range list {
		if s.Damaged { // the log tells of it
			continue
		}
		out.Body.Schedules = append(out.Body.Schedules, a.tell(s))
	}
	return out, nil
}

func (a *api) getSchedule(ctx context.Context, in *nameInput) (*scheduleOutput, error) {
	s, err := a.Schedules.Schedule(ctx, a.Project, in.Name)
	if err != nil {
		return nil, a.scheduleProblem(ctx, in.Name, err)
	}
	if s.Damaged {
		return nil, damagedSchedule(in.Name)
	}
	return &scheduleOutput{Status: http.StatusOK, Body: a.tell(s)}, nil
}

// putSchedule makes a schedule, or gives it another plan: what the body leaves out
// becomes the default again.
func (a *api) putSchedule(ctx context.Context, in *putInput) (*scheduleOutput, error) {
	if !githubjobs.ValidScheduleName(in.Name) {
		return nil, problem.New(problem.InvalidField, "%q is no name of a schedule: that has 1 to 63 of the characters a–z, 0–9 and '-', and neither begins nor ends with '-'.", shown(in.Name)).OfField("name")
	}
	raw, err := readBody(in.body)
	if err != nil {
		return nil, err
	}
	plan, err := ReadPlan(raw, in.Name, a.DefaultKind)
	if err != nil {
		return nil, err
	}
	if err := a.admitPlan(ctx, in.Name, plan); err != nil {
		return nil, err
	}
	return a.changeSchedule(ctx, in.Name, true, func(p *store.Plan) { *p = plan })
}

func (a *api) pauseSchedule(ctx context.Context, in *putInput) (*scheduleOutput, error) {
	if err := readNothing(in.body); err != nil {
		return nil, err
	}
	return a.changeSchedule(ctx, in.Name, false, func(p *store.Plan) { p.Paused = true })
}

func (a *api) resumeSchedule(ctx context.Context, in *putInput) (*scheduleOutput, error) {
	if err := readNothing(in.body); err != nil {
		return nil, err
	}
	return a.changeSchedule(ctx, in.Name, false, func(p *store.Plan) { p.Paused = false })
}

// changeSchedule changes the plan of a schedule, or makes one.
func (a *api) changeSchedule(ctx context.Context, name string, create bool, change func(*store.Plan)) (*scheduleOutput, error) {
	err := store.ErrChanged
	for i := 0; i < changeTries && errors.Is(err, store.ErrChanged); i++ {
		var s store.Schedule
		out := &scheduleOutput{Status: http.StatusOK}
		s, err = a.Schedules.Schedule(ctx, a.Project, name)
		switch {
		case create && errors.Is(err, store.ErrNotFound):
			if p := a.roomForSchedule(ctx); p != nil {
				return nil, p
			}
			s, err, out.Status = store.Schedule{Name: name, Source: store.SourceAPI}, nil, http.StatusCreated
		case err == nil && s.Damaged && !create:
			return nil, damagedSchedule(name)
		case err == nil && s.Damaged:
			s.Damaged, s.Source = false, store.SourceAPI
		}
		if err != nil {
			break
		}
		if s.Source == store.SourceFile {
			return nil, fromFile(name)
		}
		plan, changed := s.Plan, false
		change(&plan)
		if s, changed, err = schedule.Change(s, plan, a.Now()); err == nil && changed {
			failpoint.Here("schedule/save")
			err = a.Schedules.SaveSchedule(ctx, a.Project, s, nil)
		}
		if err == nil {
			failpoint.Here("schedule/saved")
			a.Scheduled()
			out.Body = a.tell(s)
			return out, nil
		}
	}
	return nil, a.scheduleProblem(ctx, name, err)
}

// deleteSchedule removes a schedule; the jobs that it has started go on.
func (a *api) deleteSchedule(ctx context.Context, in *nameInput) (*struct{}, error) {
	err := store.ErrChanged
	for i := 0; i < changeTries && errors.Is(err, store.ErrChanged); i++ {
		var s store.Schedule
		if s, err = a.Schedules.Schedule(ctx, a.Project, in.Name); err != nil {
			break
		}
		if s.Source == store.SourceFile {
			return nil, fromFile(in.Name)
		}
		if err = a.Schedules.DeleteSchedule(ctx, a.Project, in.Name, s.Revision); err == nil {
			return nil, nil
		}
	}
	return nil, a.scheduleProblem(ctx, in.Name, err)
}

// maxSchedules bounds how many schedules there can be, those of the file included: the leader
// looks at all of them for each tick.
const maxSchedules = 1000

func (a *api) roomForSchedule(ctx context.Context) error {
	list, err := a.Schedules.Schedules(ctx, a.Project)
	if err != nil {
		return a.scheduleProblem(ctx, "", err)
	}
	if len(list) >= maxSchedules {
		return problem.New(problem.TooManySchedules, "The schedule was not made: there are %d, and at most %d can be. Delete one that is not needed, or let one job do the work of several.", len(list), maxSchedules)
	}
	return nil
}

func damagedSchedule(name string) error {
	return problem.New(problem.StorageUnavailable, "What is stored of the schedule %s is damaged, and it starts no job. PUT it again, or DELETE it.", name)
}

func fromFile(name string) error {
	return problem.New(problem.ScheduleFromFile, "The schedule %s stands in .githubjobs.yml on the default branch: change it there. It can be triggered here.", name)
}

// refusal is what Admit has said of a job.
func refusal(err error) error {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p
	}
	return fieldProblem(err)
}

// triggerSchedule answers when the job is durable, as create-job does.
func (a *api) triggerSchedule(ctx context.Context, in *triggerInput) (*createOutput, error) {
	if err := readNothing(in.body); err != nil {
		return nil, err
	}
	key, err := keyFromHeader(in.head)
	if err != nil {
		return nil, err
	}
	if after := a.Full(ctx); after > 0 { // a job that is there already needs no room
		if _, err := a.Jobs.Facts(ctx, a.Project, schedule.TriggerID(a.Project, in.Name, key)); key == "" || err != nil {
			return nil, queueFull(after)
		}
	}
	begun, err := a.Scheduler.Trigger(ctx, in.Name, key)
	switch {
	case errors.Is(err, schedule.ErrBusy):
		return nil, problem.New(problem.ScheduleBusy, "The schedule's concurrency_policy is forbid, and its job %s has not ended. Wait for it, or cancel it.", begun.Facts.ID)
	case errors.Is(err, schedule.ErrBaseUnknown):
		return nil, baseUnknown()
	case errors.Is(err, schedule.ErrDamaged):
		return nil, damagedSchedule(in.Name)
	case errors.Is(err, schedule.ErrRefused):
		return nil, refusal(err)
	case err != nil:
		return nil, a.scheduleProblem(ctx, in.Name, err)
	}
	out := &createOutput{Body: Created{JobID: begun.Facts.ID, Branch: githubjobs.Branch(begun.Facts.ID), Status: githubjobs.Reduce(begun.Facts, a.Now()).Status}}
	if begun.Again {
		out.Replayed = strconv.FormatBool(true)
	}
	return out, nil
}

func (a *api) tell(s store.Schedule) Schedule {
	j := s.Job
	out := Schedule{
		Name: s.Name, Cron: s.Cron, TimeZone: s.TimeZone, Concurrency: s.Concurrency, CatchUp: s.CatchUp, Paused: s.Paused, Source: s.Source,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, LastJobID: s.LastJob, NextTicks: schedule.Upcoming(s, a.Now(), upcoming),
		Job: JobRequest{Job: j.Prompt, Kind: j.Kind, Title: j.Title, TimeoutSeconds: j.TimeoutSeconds, Base: j.Base, Config: j.Config, Labels: j.Labels, Secrets: j.Secrets, BatchID: j.Batch, Priority: j.Priority, Network: j.Network, Retry: retryRequest(j.Retry), PullRequest: pullRequest(j.PullRequest), QueueTTL: j.QueueTTLSeconds,
			ConcurrencyKey: j.ConcurrencyKey, ConcurrencyPolicy: j.ConcurrencyPolicy},
	}
	if t := s.LastTick; !t.At.IsZero() {
		out.LastTick = &Tick{At: t.At, Outcome: t.Outcome, Why: t.Why, JobID: t.JobID, Passed: t.Passed}
	}
	return out
}

// scheduleProblem says why a request about a schedule failed.
func (a *api) scheduleProblem(ctx context.Context, name string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return problem.New(problem.ScheduleNotFound, "There is no schedule %q. GET /api/schedules lists those that there are.", shown(name)).OfField("name")
	}
	a.log(ctx).Error("a request about a schedule", "schedule", name, "error", err)
	if errors.Is(err, store.ErrFull) {
		return problem.New(problem.StorageFull, "Nothing was changed: the disk of the server's database is full.").After(fullRetry)
	}
	return problem.New(problem.StorageUnavailable, "It is not known whether this was done: the server's database is unavailable. Look, or try again.").After(storageRetry)
}
