package actions

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// logTime is how GitHub writes the time before each line of a log.
const logTime = "2006-01-02T15:04:05.0000000Z"

// record writes down what a job does: its steps into the state, its log into a file. It implements executor.Recorder.
type record struct {
	engine      *Engine
	ctx         context.Context // of Engine.Run
	jobID       int64
	file        *os.File
	out         *bufio.Writer
	lines       int
	steps       []state.Step
	annotations []state.Annotation
	summary     string
	err         error // the first that happened
}

func (e *Engine) record(live *liveJob) (*record, error) {
	path := e.logFile(live.run.id, live.id)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	r := &record{engine: e, ctx: e.ctx, jobID: live.id, file: file, out: bufio.NewWriter(file)}
	e.cfg.DB.View(func(tx *state.Tx) {
		job, _ := tx.Jobs.Get(live.id)
		r.steps = slices.Clone(job.Steps)
	})
	return r, nil
}

// StepStarted implements executor.Recorder.
func (r *record) StepStarted(number int, name string, at time.Time) {
	r.step(number, func(s *state.Step) {
		s.Name, s.Status, s.StartedAt, s.LogFrom, s.LogTo = name, "in_progress", at.UTC(), r.lines, r.lines
	})
}

// StepFinished implements executor.Recorder.
func (r *record) StepFinished(number int, conclusion string, at time.Time) {
	r.step(number, func(s *state.Step) {
		if s.StartedAt.IsZero() {
			s.StartedAt, s.LogFrom, s.LogTo = at.UTC(), r.lines, r.lines
		}
		s.Status, s.Conclusion, s.CompletedAt = "completed", conclusion, at.UTC()
	})
}

// step changes one step and stores all. When the process is about to end, nothing more is stored: the job is lost as it stood.
func (r *record) step(number int, change func(*state.Step)) {
	for len(r.steps) < number { // a job that could not be read has no known steps
		r.steps = append(r.steps, state.Step{Number: len(r.steps) + 1, Status: "queued"})
	}
	r.steps = slices.Clone(r.steps) // the state holds the old slice
	change(&r.steps[number-1])
	r.keep(r.out.Flush())
	if r.ctx.Err() != nil {
		return
	}
	r.keep(r.engine.cfg.DB.Update(func(tx *state.Tx) error {
		if job, ok := tx.Jobs.Get(r.jobID); ok {
			job.Steps = r.steps
			tx.Jobs.Put(job)
		}
		return nil
	}))
}

// Line implements executor.Recorder.
func (r *record) Line(number int, at time.Time, text string) {
	_, err := fmt.Fprintf(r.out, "%s %s\n", at.UTC().Format(logTime), text)
	r.keep(err)
	r.keep(r.out.Flush())
	r.lines++
	if number <= len(r.steps) {
		r.steps = slices.Clone(r.steps)
		r.steps[number-1].LogTo = r.lines
	}
}

// Annotate implements executor.Recorder. GitHub keeps 10 errors and 10 warnings of a step; here it is 50 of a job.
func (r *record) Annotate(a executor.Annotation) {
	if len(r.annotations) >= 50 {
		return
	}
	line, file := max(a.Line, 1), a.File
	if file == "" {
		file = ".github"
	}
	r.annotations = append(r.annotations, state.Annotation{Path: file, StartLine: line, EndLine: line, Level: a.Level, Title: a.Title, Message: a.Message})
}

// Summary implements executor.Recorder. As on GitHub, a summary above 1 MiB is left out.
func (r *record) Summary(_ int, markdown string) {
	if len(r.summary)+len(markdown) > 1<<20 {
		r.Annotate(executor.Annotation{Level: "failure", Message: "$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k"})
		return
	}
	r.summary = strings.TrimPrefix(r.summary+"\n"+markdown, "\n")
}

func (r *record) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// close ends the log. Its error is the first that happened while recording.
func (r *record) close() error {
	return errors.Join(r.err, r.out.Flush(), r.file.Close())
}
