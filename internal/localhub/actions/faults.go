package actions

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// errRunnerDied is what GitHub says of a runner that it does not hear of any more.
var errRunnerDied = errors.New("The self-hosted runner lost communication with the server. Verify the machine is running and has a healthy network connection.")

func (c *cause) occasion(path string) faults.Occasion {
	name := c.event.Name
	if c.event.Action != "" {
		name += "." + c.event.Action
	}
	return faults.Occasion{Repository: c.base.Repository.FullName(), Event: name, Ref: c.ref, Workflow: path}
}

// neverStarts tells whether a run that is due is lost before it is there.
func (e *Engine) neverStarts(c *cause, path string) bool {
	_, ok := e.cfg.Faults.Strike(faults.NeverStart, c.occasion(path))
	return ok
}

// isZombie tells whether a new run will never be taken by a runner.
func (e *Engine) isZombie(c *cause, path string) bool {
	_, ok := e.cfg.Faults.Strike(faults.Zombie, c.occasion(path))
	return ok
}

// mortal records a job whose runner may die.
type mortal struct {
	*record
	at   faults.Occasion
	kill func()
	died atomic.Bool
}

// mortal wraps the record of a job that runs.
func (e *Engine) mortal(live *liveJob, log *record) *mortal {
	m := &mortal{record: log, kill: live.kill}
	e.cfg.DB.View(func(tx *state.Tx) {
		run, _ := tx.Runs.Get(live.run.id)
		repo, _ := tx.Repositories.Get(run.RepositoryID)
		m.at = faults.Occasion{Repository: repo.FullName(), Ref: run.Ref, Workflow: run.Path}
	})
	return m
}

// StepStarted implements executor.Recorder.
func (m *mortal) StepStarted(number int, name string, at time.Time) {
	m.record.StepStarted(number, name, at)
	o := m.at
	o.Step = name
	hit, ok := m.engine.cfg.Faults.Strike(faults.LoseRunner, o)
	switch {
	case !ok:
	case hit.Delay == 0:
		m.die()
	default:
		time.AfterFunc(time.Duration(hit.Delay), m.die)
	}
}

func (m *mortal) die() {
	m.died.Store(true)
	m.kill()
}

// lost is how GitHub concludes a job when its runner has died; ok is false where it has not, or too late to matter.
func (m *mortal) lost() (executor.Result, error, bool) {
	i := slices.IndexFunc(m.steps, func(s state.Step) bool { return s.Conclusion != executor.Success && s.Conclusion != executor.Skipped })
	if !m.died.Load() || i < 0 {
		return executor.Result{}, nil, false
	}
	m.steps = lostSteps(m.steps, m.lines, m.engine.now())
	m.steps[i].Conclusion = executor.Failure
	for j := range m.steps[i+1:] {
		m.steps[i+1+j].Conclusion = executor.Skipped
	}
	return executor.Result{Conclusion: executor.Failure}, errRunnerDied, true
}
