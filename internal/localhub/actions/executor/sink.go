package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nektos/act/pkg/model"
	"github.com/nektos/act/pkg/runner"
	"github.com/sirupsen/logrus"
)

// sink turns act's log into steps, lines and annotations for the Recorder. It is called by the job's goroutine, by the one that reads the output of a
// step, and, when the job is cancelled, by one of act's; mu makes them take turns. Methods that say so take it, others are called with it.
type sink struct {
	mu      sync.Mutex
	rec     Recorder
	job     Job
	secrets []string                     // longest first
	masks   []string                     // what ::add-mask:: has named so far
	results map[string]*model.StepResult // act's, by step id

	steps   []*model.Step
	index   map[string]int // step id → number
	current int            // number of the running step; 0 before set-up, len+2 at "Complete job"
	done    int            // the last step that is finished
	result  string         // the current step's, once act has told it
	ended   time.Time
	failed  string // the last error written, so that act's repetition of it is not
}

func newSink(rec Recorder, job Job) *sink {
	secrets := append(slices.Collect(maps.Values(job.secrets())), job.Env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
	return &sink{rec: rec, job: job, secrets: maskable(secrets), index: map[string]int{}}
}

// name takes the steps, whose ids act uses in its log.
func (s *sink) name(steps []*model.Step) { s.steps = steps }

// setUp begins the job. It takes mu.
func (s *sink) setUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, step := range s.steps {
		s.index[step.ID] = i + 2
	}
	s.begin(1, "Set up job")
	s.print("Runner name: '" + s.job.RunnerName + "'")
	for _, note := range s.job.Notes {
		s.print(note)
	}
	s.print("Prepare workflow directory")
	s.print("Complete job name: " + s.job.Name)
}

// begin finishes the step before, if any, and starts this one. Steps between are skipped.
func (s *sink) begin(number int, name string) {
	now := time.Now()
	s.finish(now)
	for s.done+1 < number {
		s.done++
		s.rec.StepFinished(s.done, s.outcome(s.done, Skipped), now)
	}
	s.current, s.result, s.failed = number, "", ""
	s.rec.StepStarted(number, name, now)
}

// finish ends the running step.
func (s *sink) finish(now time.Time) {
	if s.current <= s.done {
		return
	}
	if s.ended.IsZero() {
		s.ended = now
	}
	conclusion := s.result
	if conclusion == "" {
		conclusion = Success
		if s.failed != "" {
			conclusion = Failure
		}
	}
	s.done = s.current
	s.rec.StepFinished(s.current, conclusion, s.ended)
	s.ended = time.Time{}
}

// outcome is act's conclusion of a step, or the one given when act has none.
func (s *sink) outcome(number int, otherwise string) string {
	if i := number - 2; i >= 0 && i < len(s.steps) {
		if r := s.results[s.steps[i].ID]; r != nil && r.Conclusion == model.StepStatusFailure {
			return Failure
		}
	}
	return otherwise
}

// close ends the job: what has not run is skipped, "Complete job" is done. It takes mu.
func (s *sink) close(conclusion string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.current == 0 {
		s.begin(1, "Set up job")
	}
	if s.current == 1 && conclusion == Cancelled {
		s.result = Cancelled
	}
	last := len(s.steps) + 2
	s.begin(last, "Complete job")
	s.print("Cleaning up orphan processes")
	s.finish(now)
}

// fail writes an error that ends the job before any step. It takes mu.
func (s *sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == 0 {
		s.begin(1, "Set up job")
	}
	for part := range strings.SplitSeq(err.Error(), "\n") {
		s.print("##[error]" + part)
	}
	s.failed = err.Error()
	s.result = Failure
	s.rec.Annotate(Annotation{Level: "failure", Message: s.mask(err.Error())})
}

// cancelled marks the job as told to stop. It takes mu.
func (s *sink) cancelled(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	message := errCancelled.Error()
	if errors.Is(cause, errTimedOut) {
		message = fmt.Sprintf("The job running on runner %s has exceeded the maximum execution time of %v minutes.", s.job.RunnerName, s.job.timeout().Minutes())
	}
	s.rec.Annotate(Annotation{Level: "failure", Message: message})
}

// Format implements logrus.Formatter; it writes nothing, the Recorder has it. It takes mu.
func (s *sink) Format(e *logrus.Entry) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.TrimRight(e.Message, "\r\n")
	if e.Context != nil {
		s.masks = *runner.Masks(e.Context)
	}
	s.follow(e, text)
	command, isCommand := e.Data["command"].(string)
	switch {
	case isCommand:
		s.command(command, e.Data)
	case e.Data["raw_output"] == true:
		s.print(text)
	case e.Level <= logrus.ErrorLevel:
		s.errorf(errors.New(text))
	}
	return nil, nil
}

// follow notices where act is.
func (s *sink) follow(e *logrus.Entry, text string) {
	ids, _ := e.Data["stepID"].([]string)
	if len(ids) != 1 || e.Data["stage"] != "Main" {
		return
	}
	number := s.index[ids[0]]
	if number > s.current && (strings.HasPrefix(text, "⭐ Run ") || e.Level <= logrus.ErrorLevel) {
		s.begin(number, s.shown(number, e.Data["step"]))
	}
	if _, told := e.Data["stepResult"]; told && number == s.current {
		s.ended = time.Now()
		s.result = s.told(ids[0])
	}
}

// told is the conclusion that act gives a step, in GitHub's words.
func (s *sink) told(id string) string {
	r := s.results[id]
	switch {
	case r == nil || r.Conclusion == model.StepStatusSuccess:
		return Success
	case r.Conclusion == model.StepStatusSkipped:
		return Skipped
	case s.failed == errCancelled.Error():
		return Cancelled
	}
	return Failure
}

// shown is the name of a step after evaluation.
func (s *sink) shown(number int, evaluated any) string {
	step := s.steps[number-2]
	if name, ok := evaluated.(string); ok && step.Name != "" {
		return s.mask(name)
	}
	return s.mask(stepName(step))
}

// report is errorf for an error outside of act's log. It takes mu.
func (s *sink) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errorf(err)
}

// say prints lines. It takes mu.
func (s *sink) say(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range lines {
		s.print(line)
	}
}

// errorf writes an error into the log of the running step, once.
func (s *sink) errorf(err error) {
	text := err.Error()
	if text == s.failed || strings.HasPrefix(text, context.Canceled.Error()) {
		return
	}
	s.failed = text
	if s.result == Success {
		s.result = Failure // the step's process was fine; what it left in GITHUB_ENV or GITHUB_OUTPUT was not
	}
	for part := range strings.SplitSeq(text, "\n") {
		s.print("##[error]" + part)
	}
	s.rec.Annotate(Annotation{Level: "failure", Message: s.mask(text)})
}

// print writes one line into the log of the running step.
func (s *sink) print(line string) { s.rec.Line(max(s.current, 1), time.Now(), s.mask(line)) }

// running is the name of the step that runs, timeout its `timeout-minutes`, stepEnv its `env`. Only the job's goroutine asks, which alone sets current.
func (s *sink) running() string            { return stepName(s.step()) }
func (s *sink) timeout() string            { return s.step().TimeoutMinutes }
func (s *sink) stepEnv() map[string]string { return s.step().Environment() }

// quietStep tells that the running step is a checkout, whose script is ours and of no interest.
func (s *sink) quietStep() bool { return s.step().Run == checkoutScript }

func (s *sink) step() *model.Step {
	if i := s.current - 2; i >= 0 && i < len(s.steps) {
		return s.steps[i]
	}
	return &model.Step{}
}

func (s *sink) mask(text string) string {
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	for _, secret := range maskable(s.masks) {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// inJSON is how a secret stands in what toJSON makes, which GitHub masks too.
func inJSON(secret string) string {
	raw, err := json.Marshal(secret)
	if err != nil {
		return secret // a text is always encoded
	}
	return string(raw[1 : len(raw)-1])
}

// maskable returns what must not be seen of the secrets, longest first: each whole, also in JSON, and each line of it.
func maskable(secrets []string) []string {
	var all []string
	for _, secret := range secrets {
		all = append(all, secret, inJSON(secret))
		for line := range strings.Lines(secret) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	all = slices.DeleteFunc(all, func(s string) bool { return strings.TrimSpace(s) == "" })
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}
