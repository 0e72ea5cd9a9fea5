package actions

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// lostMessage is what GitHub says of a runner that it does not hear of any more.
const lostMessage = "The self-hosted runner lost communication with the server: localhub was stopped while the job ran. Re-run the job."

// lose concludes a run that was in progress when its process died. The step that was interrupted says so in its log too: there people look.
func (e *Engine) lose(run state.Run) error {
	var jobs []state.Job
	e.cfg.DB.View(func(tx *state.Tx) {
		jobs = slices.DeleteFunc(slices.Collect(tx.Jobs.Of(run.ID)), func(j state.Job) bool { return j.Status == "completed" })
	})
	now := e.now()
	logged := map[int64]int{} // lines in the log of each job
	for _, job := range jobs {
		if job.Status == "in_progress" {
			lines, err := e.endLog(job, now)
			if err != nil {
				e.cfg.Log.Warn("interrupted job's log", "job", job.ID, "error", err)
			}
			logged[job.ID] = lines
		}
	}
	return e.transition(func(tx *state.Tx) ([]event.Event, error) {
		var events []event.Event
		for _, job := range jobs {
			result := executor.Result{Conclusion: executor.Failure}
			reason := error(errors.New(lostMessage))
			if job.Status != "in_progress" {
				result.Conclusion, reason = executor.Cancelled, nil
			}
			job.Steps = lostSteps(job.Steps, logged[job.ID], now)
			tx.Jobs.Put(job)
			events = append(events, e.conclusion(tx, job.ID, result, nil, reason)...)
		}
		return append(events, e.complete(tx, run, executor.Failure)...), nil
	})
}

// endLog adds lostMessage to the log of an interrupted job, and returns how many lines the log has then; 0 when there is none.
func (e *Engine) endLog(job state.Job, at time.Time) (lines int, err error) {
	path := e.logFile(job.RunID, job.ID)
	log, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	last := fmt.Sprintf("%s ##[error]%s\n", at.UTC().Format(logTime), lostMessage)
	if len(log) > 0 && log[len(log)-1] != '\n' { // killed in the middle of a line
		last = "\n" + last
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return 0, err
	}
	_, err = file.WriteString(last)
	return bytes.Count(log, []byte("\n")) + strings.Count(last, "\n"), errors.Join(err, file.Close())
}

// lostSteps closes the steps of a job whose runner is gone; all that its log has since the interrupted step began belongs to that.
func lostSteps(steps []state.Step, logged int, at time.Time) []state.Step {
	steps = slices.Clone(steps)
	for i, s := range steps {
		switch s.Status {
		case "in_progress":
			steps[i].Conclusion, steps[i].CompletedAt = executor.Failure, at
			steps[i].LogTo = max(s.LogTo, logged)
		case "queued":
			steps[i].Conclusion = executor.Skipped
		}
		steps[i].Status = "completed"
	}
	return steps
}
