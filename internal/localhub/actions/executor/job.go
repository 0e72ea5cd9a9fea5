package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/nektos/act/pkg/common"
	"github.com/nektos/act/pkg/model"
	"github.com/nektos/act/pkg/runner"
	"github.com/sirupsen/logrus"
	"gopkg.in/yaml.v3"
)

// Job is one job of a workflow run, with all that its expressions may ask for.
type Job struct {
	Source []byte // the workflow file
	// Checked says that workflow.Parse has accepted Source, so that it need not be checked again.
	Checked bool
	ID      string // the job's key in it
	Name    string // as shown; may be empty before Expand has told it
	Matrix  map[string]any
	Needs   map[string]Need // the jobs that it needs, also indirectly
	GitHub  GitHub
	Event   []byte // the event's payload, JSON
	Token   string // github.token
	Secrets map[string]string
	Vars    map[string]string
	// Env is added to every step; a workflow can't override it.
	Env map[string]string
	// Base is what the machine gives: PATH, LANG, … Nothing else of this process's environment reaches a step.
	Base map[string]string
	// Dir is the job's own directory. The caller removes it afterwards.
	Dir string
	// Mark begins RUNNER_TRACKING_ID, by which KillMarked finds processes; it may be empty.
	Mark string
	// Notes are lines for the log of "Set up job".
	Notes []string
	// RunnerName is shown in the log and in RUNNER_NAME.
	RunnerName string
	// Cancelled makes cancelled() true for the job's `if`.
	Cancelled bool
}

// Need is what is known of a job that is needed.
type Need struct {
	Result  string // success, failure, cancelled, skipped
	Outputs map[string]string
}

// Expansion is what a job becomes once those that it needs are done.
type Expansion struct {
	Enabled bool // false: its `if` says no
	Jobs    []Expanded
	// FailFast cancels the other jobs of the matrix when one fails. MaxParallel is 0 for no limit.
	FailFast    bool
	MaxParallel int
}

// Expanded is one job of a matrix, or the only one.
type Expanded struct {
	Name            string
	Matrix          map[string]any
	Labels          []string // runs-on
	ContinueOnError bool
}

// parse reads the workflow anew: act writes results and defaults into its model, so no two jobs may share one.
func (j Job) parse() (*model.Workflow, error) {
	var root yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(j.Source)).Decode(&root); err != nil {
		return nil, fmt.Errorf("read the workflow file: %w", err)
	}
	j.GitHub.substitute(&root)
	read := workflow.Model
	if j.Checked {
		read = workflow.Again
	}
	w, err := read(&root)
	if err != nil {
		return nil, err
	}
	if w.Name == "" {
		w.Name = j.GitHub.Workflow
	}
	if w.GetJob(j.ID) == nil {
		return nil, fmt.Errorf("the workflow has no job %q", j.ID)
	}
	for id, need := range j.Needs {
		if job := w.GetJob(id); job != nil {
			job.Result, job.Outputs = need.Result, maps.Clone(need.Outputs)
		}
	}
	return w, nil
}

// runContext makes what act calls the context of a job.
func (j Job) runContext(w *model.Workflow, config *runner.Config) *runner.RunContext {
	rc := &runner.RunContext{
		Config:      config,
		Run:         &model.Run{Workflow: w, JobID: j.ID},
		EventJSON:   string(j.Event),
		StepResults: map[string]*model.StepResult{},
		Matrix:      j.Matrix,
		Name:        j.Name,
		JobName:     j.Name,
		Cancelled:   j.Cancelled,
	}
	rc.ExprEval = rc.NewExpressionEvaluator(quiet(context.Background(), nil))
	return rc
}

// Expand evaluates the job's `if`, its matrix, and for each combination the name and the labels.
func (j Job) Expand() (expansion Expansion, err error) {
	defer recovered(&err)
	w, err := j.parse()
	if err != nil {
		return Expansion{}, err
	}
	complaints := &complaints{}
	ctx := quiet(context.Background(), complaints)
	job := w.GetJob(j.ID)
	rc := j.runContext(w, j.config())
	expansion.Enabled, err = runner.EvalBool(ctx, rc.ExprEval, job.If.Value, defaultCheck)
	if err != nil {
		return Expansion{}, fmt.Errorf("if: %s: %w", job.If.Value, err)
	}
	if !expansion.Enabled {
		expansion.Jobs = []Expanded{{Name: job.Name, Labels: job.RunsOn()}}
		return expansion, nil
	}
	if err := j.expandMatrix(ctx, rc, job, &expansion); err != nil {
		return Expansion{}, err
	}
	return expansion, complaints.err()
}

func (j Job) expandMatrix(ctx context.Context, rc *runner.RunContext, job *model.Job, out *Expansion) error {
	if job.Strategy != nil {
		if err := rc.ExprEval.EvaluateYamlNode(ctx, &job.Strategy.RawMatrix); err != nil {
			return fmt.Errorf("matrix: %w", err)
		}
	}
	matrices, err := job.GetMatrixes()
	if err != nil {
		return err
	}
	if job.Strategy != nil {
		out.FailFast = job.Strategy.FailFast
		if job.Strategy.MaxParallelString != "" {
			out.MaxParallel = job.Strategy.MaxParallel
		}
	}
	extra, err := j.jobExtras()
	if err != nil {
		return err
	}
	for _, matrix := range sorted(matrices) {
		one := j
		one.Matrix = matrix
		expanded, err := one.expandOne(ctx, rc, extra, len(matrix) > 0)
		if err != nil {
			return err
		}
		out.Jobs = append(out.Jobs, expanded)
	}
	return nil
}

// expandOne evaluates the name, labels and continue-on-error of one combination, each on a model of its own.
func (j Job) expandOne(ctx context.Context, shared *runner.RunContext, extra jobExtras, inMatrix bool) (Expanded, error) {
	w, err := j.parse()
	if err != nil {
		return Expanded{}, err
	}
	job := w.GetJob(j.ID)
	rc := j.runContext(w, shared.Config)
	name := rc.ExprEval.Interpolate(ctx, job.Name)
	if inMatrix && name == job.Name {
		name += " (" + strings.Join(matrixValues(j.Matrix), ", ") + ")"
	}
	if err := rc.ExprEval.EvaluateYamlNode(ctx, &job.RawRunsOn); err != nil {
		return Expanded{}, fmt.Errorf("runs-on: %w", err)
	}
	out := Expanded{Name: name, Matrix: j.Matrix, Labels: job.RunsOn()}
	if extra.ContinueOnError != "" {
		out.ContinueOnError, err = runner.EvalBool(ctx, rc.ExprEval, extra.ContinueOnError, noCheck)
	}
	return out, err
}

// Interpolate evaluates a text of the workflow that stands outside of a step (run-name, concurrency.group) in the job's context.
func (j Job) Interpolate(text string) (value string, err error) {
	if !strings.Contains(text, "${{") {
		return text, nil
	}
	defer recovered(&err)
	w, err := j.parse()
	if err != nil {
		return "", err
	}
	var node yaml.Node
	if err := node.Encode(text); err != nil {
		return "", err
	}
	j.GitHub.substitute(&node)
	complaints := &complaints{}
	rc := j.runContext(w, j.config())
	value = rc.ExprEval.Interpolate(quiet(context.Background(), complaints), node.Value)
	return value, complaints.err()
}

// timeout is the job's `timeout-minutes`, by default GitHub's 6 hours.
func (j Job) timeout() time.Duration {
	extra, err := j.jobExtras()
	if err == nil && extra.Timeout != "" {
		text, err := j.Interpolate(extra.Timeout)
		if minutes, perr := strconv.ParseFloat(text, 64); err == nil && perr == nil && minutes > 0 {
			return time.Duration(minutes * float64(time.Minute))
		}
	}
	return 6 * time.Hour
}

// jobExtras are keys of a job that act's model does not hold.
type jobExtras struct {
	ContinueOnError string `yaml:"continue-on-error"`
	Timeout         string `yaml:"timeout-minutes"`
}

func (j Job) jobExtras() (jobExtras, error) {
	var file struct {
		Jobs map[string]jobExtras `yaml:"jobs"`
	}
	err := yaml.Unmarshal(j.Source, &file)
	return file.Jobs[j.ID], err
}

// complaints collects what act only logs: expressions that it can't evaluate.
type complaints struct{ list []error }

func (c *complaints) Format(e *logrus.Entry) ([]byte, error) {
	if e.Level <= logrus.ErrorLevel {
		c.list = append(c.list, errors.New(e.Message))
	}
	return nil, nil
}

func (c *complaints) err() error { return errors.Join(c.list...) }

// quiet gives act a logger that writes nowhere, so that it does not use the process's standard one.
func quiet(ctx context.Context, format logrus.Formatter) context.Context {
	if format == nil {
		format = &complaints{}
	}
	return common.WithLogger(ctx, newLogger(format))
}

func newLogger(format logrus.Formatter) *logrus.Logger {
	return &logrus.Logger{Out: io.Discard, Formatter: format, Hooks: logrus.LevelHooks{}, Level: logrus.InfoLevel}
}

func recovered(err *error) {
	if p := recover(); p != nil { // act panics on expressions that are not closed
		*err = fmt.Errorf("invalid expression: %v", p)
	}
}
