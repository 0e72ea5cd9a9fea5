// Package workflow reads workflow files and decides what they ask for: which events start them, with which permissions, one at a time or not.
// All of it is pure. The package imports nothing else of this module.
package workflow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nektos/act/pkg/model"
	"gopkg.in/yaml.v3"
)

// Folder is where GitHub looks for workflow files.
const Folder = ".github/workflows"

// File is a workflow file that is valid.
type File struct {
	Path        string
	Source      []byte
	Name        string // its `name`, or else its path
	RunName     string // `run-name`, may hold expressions
	Triggers    []Trigger
	Permissions *Permissions // nil: not said
	Concurrency *Concurrency // nil: not said
	Jobs        []Job        // in the order of the file
}

// Job is a job as it stands in the file, before any expression is evaluated.
type Job struct {
	ID          string
	Needs       []string
	If          string
	Permissions *Permissions
	Concurrency *Concurrency
}

// Job returns the job with this id; the zero Job when there is none.
func (f *File) Job(id string) Job {
	for _, job := range f.Jobs {
		if job.ID == id {
			return job
		}
	}
	return Job{}
}

// RunsWhenCancelled tells whether the job's `if` is to be evaluated although the run is cancelled.
func (j Job) RunsWhenCancelled() bool {
	text := strings.ToLower(j.If)
	return strings.Contains(text, "always()") || strings.Contains(text, "cancelled()")
}

// IsFile tells whether path is one that GitHub takes for a workflow file.
func IsFile(path string) bool {
	name, ok := strings.CutPrefix(path, Folder+"/")
	return ok && !strings.Contains(name, "/") && (strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml"))
}

// Parse reads and checks a workflow file. An error is meant for the author of the file.
func Parse(path string, source []byte) (*File, error) {
	root, err := decode(source)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path, Source: source, Name: path}
	w, err := Model(root)
	if err != nil {
		return nil, err
	}
	var raw rawFile
	if err := root.Decode(&raw); err != nil {
		return nil, fmt.Errorf("invalid workflow file: %w", err)
	}
	if raw.Name != "" {
		f.Name = raw.Name
	}
	f.RunName, f.Concurrency = raw.RunName, raw.Concurrency.spec()
	if f.Permissions, err = raw.Permissions.parse(); err != nil {
		return nil, err
	}
	if f.Triggers, err = triggers(&raw.On); err != nil {
		return nil, err
	}
	if f.Jobs, err = raw.jobs(); err != nil {
		return nil, err
	}
	return f, checkSteps(w, f.Jobs)
}

// checkSteps finds the steps that act's schema lets pass but nobody can run.
func checkSteps(w *model.Workflow, jobs []Job) error {
	for _, job := range jobs {
		for i, step := range w.GetJob(job.ID).Steps {
			if step == nil || step.Type() == model.StepTypeInvalid {
				return fmt.Errorf("invalid workflow file: job '%s': step %d needs either run or uses", job.ID, i+1)
			}
		}
	}
	return nil
}

func decode(source []byte) (*yaml.Node, error) {
	var root yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(source)).Decode(&root)
	if errors.Is(err, io.EOF) {
		return nil, errors.New("invalid workflow file: it is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("invalid workflow file: %w", err)
	}
	return &root, nil
}

func init() {
	// By default act ends the whole process when a workflow holds a value of the wrong type.
	model.OnDecodeNodeError = func(yaml.Node, any, error) {}
}

// Model checks the file against act's schema of workflows and returns act's model of it.
func Model(root *yaml.Node) (*model.Workflow, error) {
	w := &model.Workflow{}
	if err := root.Decode(w); err != nil {
		return nil, schemaError(err)
	}
	return w, nil
}

// Again returns act's model of a file that Model has accepted before, without checking it anew: that takes longer than all the rest.
func Again(root *yaml.Node) (*model.Workflow, error) {
	if hasAlias(root) {
		return Model(root) // which also resolves them
	}
	type unchecked model.Workflow // has no UnmarshalYAML
	w := &unchecked{}
	err := root.Decode(w)
	return (*model.Workflow)(w), err
}

func hasAlias(node *yaml.Node) bool {
	return node.Kind == yaml.AliasNode || slices.ContainsFunc(node.Content, hasAlias)
}

// schemaError keeps of act's explanation, which tells how each alternative of the schema does not fit, the innermost reason for the first one.
func schemaError(err error) error {
	first, _, _ := strings.Cut(err.Error(), "\n")
	if i := strings.LastIndex(first, "Line: "); i > 0 {
		first = first[i:]
	}
	return errors.New("invalid workflow file: " + first)
}

type rawFile struct {
	Name        string         `yaml:"name"`
	RunName     string         `yaml:"run-name"`
	On          yaml.Node      `yaml:"on"`
	Permissions rawPermissions `yaml:"permissions"`
	Concurrency rawConcurrency `yaml:"concurrency"`
	Jobs        yaml.Node      `yaml:"jobs"`
}

type rawJob struct {
	Needs       oneOrMany      `yaml:"needs"`
	If          string         `yaml:"if"`
	Permissions rawPermissions `yaml:"permissions"`
	Concurrency rawConcurrency `yaml:"concurrency"`
}

// jobs reads the jobs in the order of the file and checks that their needs can be met.
func (f *rawFile) jobs() ([]Job, error) {
	var jobs []Job
	for i := 0; i+1 < len(f.Jobs.Content); i += 2 {
		var raw rawJob
		if err := f.Jobs.Content[i+1].Decode(&raw); err != nil {
			return nil, fmt.Errorf("invalid workflow file: %w", err)
		}
		permissions, err := raw.Permissions.parse()
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, Job{ID: f.Jobs.Content[i].Value, Needs: raw.Needs, If: raw.If, Permissions: permissions, Concurrency: raw.Concurrency.spec()})
	}
	return jobs, checkNeeds(jobs)
}

func checkNeeds(jobs []Job) error {
	if len(jobs) == 0 {
		return errors.New("invalid workflow file: it has no jobs")
	}
	settled := map[string]bool{}
	for range jobs {
		for _, job := range jobs {
			settled[job.ID] = settled[job.ID] || !slices.ContainsFunc(job.Needs, func(id string) bool { return !settled[id] })
		}
	}
	for _, job := range jobs {
		for _, id := range job.Needs {
			if !slices.ContainsFunc(jobs, func(j Job) bool { return j.ID == id }) {
				return fmt.Errorf("invalid workflow file: job '%s' depends on unknown job '%s'", job.ID, id)
			}
		}
	}
	for _, job := range jobs {
		if !settled[job.ID] {
			return fmt.Errorf("invalid workflow file: job '%s' depends on itself by way of its needs", job.ID)
		}
	}
	return nil
}

// oneOrMany is a string or a list of them.
type oneOrMany []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (o *oneOrMany) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*o = []string{node.Value}
		return nil
	}
	return node.Decode((*[]string)(o))
}

// Concurrency lets one run (or job) of a group run at a time.
type Concurrency struct {
	Group            string // may hold expressions
	CancelInProgress string // "true", "false" or an expression
}

type rawConcurrency struct{ *Concurrency }

func (r rawConcurrency) spec() *Concurrency { return r.Concurrency }

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *rawConcurrency) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		r.Concurrency = &Concurrency{Group: node.Value}
		return nil
	}
	var spec struct {
		Group  string `yaml:"group"`
		Cancel string `yaml:"cancel-in-progress"`
	}
	err := node.Decode(&spec)
	r.Concurrency = &Concurrency{Group: spec.Group, CancelInProgress: spec.Cancel}
	return err
}
