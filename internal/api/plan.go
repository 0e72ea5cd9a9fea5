package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/schedule"
	"github.com/githubjobs/githubjobs/internal/store"
)

const planExample = `{"cron": "30 6 * * 1-5", "time_zone": "Europe/Berlin", "job": ` + example + `}`

// ScheduleRequest is the body that makes or changes a schedule.
type ScheduleRequest struct {
	Cron        string            `json:"cron" doc:"Five fields: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly" minLength:"1" maxLength:"200"`
	TimeZone    string            `json:"time_zone,omitempty" doc:"IANA name of the time zone that cron speaks of; by default UTC"`
	Job         JobRequest        `json:"job" doc:"What each job of the schedule is, as create-job takes it"`
	Concurrency store.Concurrency `json:"concurrency_policy,omitempty" doc:"When a job is due and the previous one has not ended: allow starts it (the default), forbid does not, replace cancels the previous one" enum:"allow,forbid,replace"`
	CatchUp     store.CatchUp     `json:"catch_up,omitempty" doc:"What is made up for after the server was away: the last tick (the default), none, or all of them, up to 100" enum:"last,none,all"`
	Paused      bool              `json:"paused,omitempty" doc:"No job is started by a tick"`
}

// planFields are the fields of a schedule, each with the way it is read.
var planFields = map[string]func(json.RawMessage, *store.Plan) error{
	"cron":               func(raw json.RawMessage, p *store.Plan) error { return text(raw, &p.Cron) },
	"time_zone":          func(raw json.RawMessage, p *store.Plan) error { return text(raw, &p.TimeZone) },
	"job":                func(raw json.RawMessage, p *store.Plan) error { return readJob(raw, &p.Job) },
	"concurrency_policy": func(raw json.RawMessage, p *store.Plan) error { return text(raw, &p.Concurrency) },
	"catch_up":           func(raw json.RawMessage, p *store.Plan) error { return text(raw, &p.CatchUp) },
	"paused":             func(raw json.RawMessage, p *store.Plan) error { return flag(raw, &p.Paused) },
}

// ReadPlan reads what a JSON object says of the schedule of a name, strictly. kind is
// that of jobs that name none. Its error is a *problem.Error.
func ReadPlan(raw []byte, name string, kind githubjobs.Kind) (store.Plan, error) {
	p := store.Plan{TimeZone: "UTC", Concurrency: store.Concurrencies()[0], CatchUp: store.CatchUps()[0], Job: githubjobs.Spec{Kind: kind}}
	fields, err := decodeObject(raw, planExample)
	if err != nil {
		return p, err
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		read, ok := planFields[field]
		if !ok {
			return p, unknownField(field, slices.Sorted(maps.Keys(planFields)))
		}
		if string(fields[field]) == "null" {
			continue
		}
		if err := read(fields[field], &p); err != nil {
			return p, inField(field, err)
		}
	}
	for field, value := range map[string]string{"cron": p.Cron, "job": p.Job.Prompt} {
		if strings.TrimSpace(value) == "" {
			return p, problem.New(problem.MissingField, "%s is missing; a schedule looks like %s", field, planExample).OfField(field)
		}
	}
	p.Cron = strings.Join(strings.Fields(p.Cron), " ")
	if err := schedule.Check(p); err != nil {
		return p, fieldProblem(err)
	}
	if err := fieldProblem(schedule.CheckJob(name, p)); err != nil {
		return p, inField("job", err)
	}
	return p, nil
}

// inField is the error of a field, or of one within it.
func inField(field string, err error) error {
	if inner, ok := errors.AsType[*problem.Error](err); ok {
		inner.Message = field + ": " + inner.Message
		inner.Field = strings.TrimSuffix(field+"."+inner.Field, ".")
		return inner
	}
	return problem.New(problem.InvalidField, "%s %s", field, err).OfField(field)
}

// readJob reads the job of a schedule, which is what create-job takes, but for the key
// and the time, which are the schedule's own, and for what is meant for one job alone.
func readJob(raw json.RawMessage, spec *githubjobs.Spec) error {
	if typeOf(raw) != "an object" {
		return fmt.Errorf("must be an object such as %s, not %s", example, typeOf(raw))
	}
	r := request{spec: *spec}
	if err := decodeCreate(raw, &r); err != nil {
		return err
	}
	if !r.spec.DelayUntil.IsZero() {
		return problem.New(problem.InvalidField, "the jobs of a schedule start at its ticks; leave delay_until out.").OfField("delay_until")
	}
	if len(r.spec.DependsOn) > 0 || r.spec.OnDependencyFailure != "" {
		return problem.New(problem.InvalidField, "the jobs of a schedule depend on no others; leave depends_on and on_dependency_failure out.").OfField("depends_on")
	}
	if r.key != "" {
		return problem.New(problem.InvalidField, "the jobs of a schedule have keys of their own; leave %s out.", keyField).OfField(keyField)
	}
	*spec = r.spec
	return nil
}

func flag(raw json.RawMessage, into *bool) error {
	if typeOf(raw) != "true or false" {
		return fmt.Errorf("must be true or false, not %s", typeOf(raw))
	}
	return json.Unmarshal(raw, into)
}
