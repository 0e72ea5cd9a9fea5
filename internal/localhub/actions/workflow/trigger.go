package workflow

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/nektos/act/pkg/workflowpattern"
	"gopkg.in/yaml.v3"
)

// Trigger is one event under `on:`.
type Trigger struct {
	Event          string    `yaml:"-"`
	Types          oneOrMany `yaml:"types"`
	Branches       oneOrMany `yaml:"branches"`
	BranchesIgnore oneOrMany `yaml:"branches-ignore"`
	Tags           oneOrMany `yaml:"tags"`
	TagsIgnore     oneOrMany `yaml:"tags-ignore"`
	Paths          oneOrMany `yaml:"paths"`
	PathsIgnore    oneOrMany `yaml:"paths-ignore"`
	// Inputs are those of workflow_dispatch.
	Inputs map[string]Input `yaml:"inputs"`
}

// Input is an input of workflow_dispatch.
type Input struct {
	Required bool     `yaml:"required"`
	Default  string   `yaml:"default"`
	Type     string   `yaml:"type"` // string, boolean, choice, number, environment
	Options  []string `yaml:"options"`
}

// Event is what happened.
type Event struct {
	Name       string // push, pull_request, workflow_dispatch, repository_dispatch
	Action     string // the activity type (opened), or the event_type of a repository_dispatch
	Ref        string // push: the full ref; pull_request: refs/heads/ and the base branch
	Deleted    bool   // the ref was deleted
	ByRunToken bool   // caused with a GITHUB_TOKEN
	Message    string // of the head commit
	// Changed returns the paths that changed; it is called only when a workflow asks for paths.
	Changed func() ([]string, error)
}

// triggers reads `on:` in its three forms: one event, a list, a map.
func triggers(on *yaml.Node) ([]Trigger, error) {
	var list []Trigger
	switch on.Kind {
	case yaml.ScalarNode:
		list = []Trigger{{Event: on.Value}}
	case yaml.SequenceNode:
		for _, event := range on.Content {
			list = append(list, Trigger{Event: event.Value})
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(on.Content); i += 2 {
			t := Trigger{Event: on.Content[i].Value}
			if body := on.Content[i+1]; body.Kind == yaml.MappingNode {
				if err := body.Decode(&t); err != nil {
					return nil, fmt.Errorf("invalid workflow file: on.%s: %w", t.Event, err)
				}
			}
			list = append(list, t)
		}
	default:
		return nil, errors.New("invalid workflow file: on is missing")
	}
	for _, t := range list {
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("invalid workflow file: on.%s: %w", t.Event, err)
		}
	}
	return list, nil
}

func (t Trigger) check() error {
	for _, pair := range []struct {
		name         string
		with, ignore []string
	}{{"branches", t.Branches, t.BranchesIgnore}, {"tags", t.Tags, t.TagsIgnore}, {"paths", t.Paths, t.PathsIgnore}} {
		if pair.with != nil && pair.ignore != nil {
			return fmt.Errorf("you may only define one of `%s` and `%s-ignore`", pair.name, pair.name)
		}
		if _, err := workflowpattern.CompilePatterns(slices.Concat(pair.with, pair.ignore)...); err != nil {
			return err
		}
	}
	return nil
}

// Trigger returns the file's trigger for an event.
func (f *File) Trigger(event string) (Trigger, bool) {
	i := slices.IndexFunc(f.Triggers, func(t Trigger) bool { return t.Event == event })
	if i < 0 {
		return Trigger{}, false
	}
	return f.Triggers[i], true
}

// Starts tells whether the event starts the workflow. The error is that of e.Changed.
func (f *File) Starts(e Event) (bool, error) {
	t, ok := f.Trigger(e.Name)
	if !ok || e.Deleted || e.silenced() {
		return false, nil
	}
	switch e.Name {
	case "push":
		return t.push(e)
	case "pull_request", "pull_request_target":
		return t.pull(e)
	case "repository_dispatch":
		return len(t.Types) == 0 || slices.Contains(t.Types, e.Action), nil
	}
	return true, nil
}

// silenced tells whether nothing starts whatever the workflows say: what is done with a GITHUB_TOKEN starts none, so that runs do not start runs
// for ever, except for dispatches; and the author can say so in the commit message.
func (e Event) silenced() bool {
	switch e.Name {
	case "workflow_dispatch", "repository_dispatch":
		return false
	}
	return e.ByRunToken || SkipsCI(e.Message)
}

func (t Trigger) push(e Event) (bool, error) {
	branch, isBranch := strings.CutPrefix(e.Ref, "refs/heads/")
	tag, isTag := strings.CutPrefix(e.Ref, "refs/tags/")
	ofBranches := t.Branches != nil || t.BranchesIgnore != nil
	ofTags := t.Tags != nil || t.TagsIgnore != nil
	switch {
	case isTag: // paths are not looked at for tags
		return (ofTags || !ofBranches && !t.filtersPaths()) && pass(t.Tags, t.TagsIgnore, tag), nil
	case !isBranch || ofTags && !ofBranches || !pass(t.Branches, t.BranchesIgnore, branch):
		return false, nil
	}
	return t.changed(e)
}

func (t Trigger) pull(e Event) (bool, error) {
	types := []string(t.Types)
	if len(types) == 0 {
		types = []string{"opened", "synchronize", "reopened"}
	}
	if !slices.Contains(types, e.Action) || !pass(t.Branches, t.BranchesIgnore, strings.TrimPrefix(e.Ref, "refs/heads/")) {
		return false, nil
	}
	return t.changed(e)
}

func (t Trigger) filtersPaths() bool { return t.Paths != nil || t.PathsIgnore != nil }

func (t Trigger) changed(e Event) (bool, error) {
	if !t.filtersPaths() || e.Changed == nil {
		return true, nil
	}
	paths, err := e.Changed()
	if err != nil {
		return false, err
	}
	return pass(t.Paths, t.PathsIgnore, paths...), nil
}

// pass applies GitHub's filter patterns to names.
func pass(with, ignore []string, names ...string) bool {
	// Patterns were checked by Parse.
	include, _ := workflowpattern.CompilePatterns(with...)
	exclude, _ := workflowpattern.CompilePatterns(ignore...)
	trace := &workflowpattern.EmptyTraceWriter{}
	return !workflowpattern.Skip(include, names, trace) && !workflowpattern.Filter(exclude, names, trace)
}

var (
	skipWords   = regexp.MustCompile(`(?i)\[(skip ci|ci skip|no ci|skip actions|actions skip)\]`)
	skipTrailer = regexp.MustCompile(`(?im)^skip-checks:[ \t]*true[ \t]*$`)
)

// SkipsCI tells whether the commit message asks for no workflow: one of GitHub's words anywhere, or the trailer in the last paragraph.
// https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
func SkipsCI(message string) bool {
	paragraphs := strings.Split(strings.TrimSpace(strings.ReplaceAll(message, "\r\n", "\n")), "\n\n")
	last := paragraphs[len(paragraphs)-1]
	return skipWords.MatchString(message) || len(paragraphs) > 1 && skipTrailer.MatchString(last)
}
