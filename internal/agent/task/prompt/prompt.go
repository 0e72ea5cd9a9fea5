//go:build unix

// Package prompt is the kind of job whose text is done by a coding agent. What the agent
// leaves in the checkout is the result.
package prompt

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/agent/process"
	"github.com/githubjobs/githubjobs/internal/agent/task"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// depth is enough for `git log` to be of use, as for a script.
const depth = 50

const (
	choiceName     = "choice.json" // in inputs/
	maxChoiceBytes = 256 << 10
)

// Kind implements task.Kind and task.Chooser.
type Kind struct{}

// Depth implements task.Kind.
func (Kind) Depth() int { return depth }

// Fetch implements task.Kind. What is needed comes by Choose.
func (Kind) Fetch(context.Context, task.Repository, githubjobs.Spec, string) error { return nil }

// Choose implements task.Chooser. The spec holds what the server knew when it took the
// job; the policy has the last word.
func (Kind) Choose(spec githubjobs.Spec, rules policy.Policy, inputs string) (anyOf []string, mend string, err error) {
	c, err := spec.PromptConfig()
	if err != nil {
		return nil, "", err
	}
	choice, err := engine.Choose(rules.Prompt.Engines, c, githubjobs.PromptConfig(rules.Prompt.PromptChoice))
	if err != nil {
		return nil, "", task.Deny(fmt.Errorf("no engine can do the job: %w", err))
	}
	if spec.Offline() && len(choice.Keys) > 0 {
		return nil, "", task.Deny(fmt.Errorf("the job has network: none, with which %s can't reach its model; leave it out", choice.Engine))
	}
	if err := choice.CheckAddress(rules.Prompt.AllowsAddress, spec.Base); err != nil {
		return nil, "", task.Deny(err)
	}
	raw, err := json.Marshal(choice)
	if err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(filepath.Join(inputs, choiceName), raw, 0o644); err != nil {
		return nil, "", err
	}
	if len(choice.Keys) > 0 {
		mend = choice.NeedsKey()
	}
	return choice.Keys, mend, nil
}

// Run implements task.Kind.
func (Kind) Run(ctx context.Context, t task.Task) (task.Report, error) {
	raw, err := work.ReadFile(t.Inputs, choiceName, maxChoiceBytes)
	if err != nil {
		return task.Report{}, fmt.Errorf("read which engine was chosen: %w", err)
	}
	var choice engine.Choice
	if err := json.Unmarshal(raw, &choice); err != nil {
		return task.Report{}, fmt.Errorf("read which engine was chosen: %w", err)
	}
	e, ok := engine.Find(choice.Engine)
	if !ok {
		return task.Report{}, fmt.Errorf("this agent knows no engine %q; the agent's version is older than the server's", choice.Engine)
	}
	s := session{Task: t, engine: e, choice: choice}
	return s.run(ctx)
}

// session is one run of an engine.
type session struct {
	task.Task
	engine engine.Engine
	choice engine.Choice
}

func (s session) run(ctx context.Context) (task.Report, error) {
	cmd, err := s.command()
	if err != nil {
		return task.Report{}, err
	}
	if in, ok := cmd.Stdin.(io.Closer); ok {
		defer in.Close()
	}
	s.describe(cmd)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out := newStream(s.engine.Output, s.Log, s.choice.MaxTurns, stop)
	out.mark = lookup(s.Environ, "JOB_EVENT")
	exit, err := s.perform(ctx, cmd, out)
	if err != nil {
		return task.Report{}, err
	}
	out.close()
	return s.report(out, exit)
}

// perform runs the engine. What it writes to its standard error goes to the log as it is,
// and can't come between the events.
func (s session) perform(ctx context.Context, cmd *exec.Cmd, out *stream) (process.Exit, error) {
	if s.engine.Output == engine.OutputText {
		return process.Run(ctx, cmd, out, process.Grace{Time: s.Grace})
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return process.Exit{}, err
	}
	defer reader.Close()
	cmd.Stderr = writer
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(out.plain(), reader) // A log takes everything.
	}()
	exit, err := process.Run(ctx, cmd, out, process.Grace{Time: s.Grace})
	writer.Close()
	if err != nil { // Something that could not be ended may hold the other end.
		reader.Close()
	}
	<-copied
	return exit, err
}

// describe says in the log what is about to be done.
func (s session) describe(cmd *exec.Cmd) {
	line := "Engine: " + s.engine.Name
	for _, part := range []struct{ name, value string }{{"provider", s.choice.Provider}, {"model", s.choice.Model}, {"address", s.choice.BaseURL}} {
		if part.value != "" {
			line += ", " + part.name + " " + part.value
		}
	}
	if s.choice.MaxTurns > 0 {
		line += fmt.Sprintf(", at most %d turns", s.choice.MaxTurns)
	}
	fmt.Fprintf(s.Log, "%s (%s)\n", line, filepath.Base(cmd.Path))
}

// report puts together what the engine said and how it ended.
func (s session) report(out *stream, exit process.Exit) (task.Report, error) {
	r := task.Report{Summary: out.told.text}
	u := out.told.usage
	u.Engine, u.Provider, u.Turns = s.engine.Name, s.choice.Provider, cmp.Or(out.told.turns, u.Turns)
	if u.Model == "" {
		u.Model = s.choice.Model
	}
	if u.Validate() == nil {
		r.Usage = &u
	}
	code, why := exit.Code, out.told.failure
	switch {
	case out.exceeded:
		return r, &task.ExitError{Code: max(code, 1), Message: fmt.Sprintf("stopped after %d turns, the job's max_turns", s.choice.MaxTurns)}
	case exit.Stopped:
		return r, &task.ExitError{Code: max(code, 1)}
	case why != "":
		return r, &task.ExitError{Code: max(code, 1), Message: s.engine.Name + ": " + why}
	case code != 0:
		return r, &task.ExitError{Code: code, Message: fmt.Sprintf("exit code %d", code)}
	case s.engine.Output != engine.OutputText && !out.told.ended:
		return r, &task.ExitError{Code: 1, Message: s.engine.Name + " ended without saying how the work ended"}
	case s.engine.Output != engine.OutputText && out.told.turns == 0: // A text such as /clear is a command to some engines.
		return r, &task.ExitError{Code: 1, Message: s.engine.Name + " ended without an answer of its model"}
	}
	return r, nil
}

// key is the first of the choice's variables that holds something.
func (s session) key() (name, value string, err error) {
	for _, name := range s.choice.Keys {
		if value := lookup(s.Environ, name); value != "" {
			return name, value, nil
		}
	}
	if len(s.choice.Keys) == 0 {
		return "", "", nil
	}
	return "", "", &task.ExitError{Code: exitConfig, Message: fmt.Sprintf("%s has no key for its model. %s", s.engine.Name, s.choice.NeedsKey())}
}

// exitConfig is the exit code of a program that is not configured (sysexits.h, EX_CONFIG).
const exitConfig = 78

func lookup(environ []string, name string) string {
	for _, variable := range environ {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

var errNoHome = errors.New("HOME is not set")
