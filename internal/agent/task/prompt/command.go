//go:build unix

package prompt

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs/engine"
	"github.com/githubjobs/githubjobs/internal/agent/task"
)

// placeholder is what stands for the job's text in a command of the caller's.
const placeholder = "{prompt}"

// command makes the engine's command. No shell has a part in it: the job's text is one
// argument, or the standard input, whatever stands in it.
func (s session) command() (*exec.Cmd, error) {
	home := lookup(s.Environ, "HOME")
	if home == "" {
		return nil, errNoHome
	}
	name, value, err := s.key()
	if err != nil {
		return nil, err
	}
	in, err := s.engine.Invoke(engine.Settings{PromptConfig: s.choice.PromptConfig, Key: name, KeyValue: value, Home: home})
	if err != nil {
		return nil, err
	}
	if in.Program == "" {
		in.Program, in.Args = s.choice.Command[0], s.choice.Command[1:]
	}
	path, err := s.find(in.Program)
	if err != nil {
		return nil, err
	}
	for name, content := range in.Files {
		if err := writeFile(filepath.Join(home, name), content); err != nil {
			return nil, err
		}
	}
	args, asArgument := s.withPrompt(in.Args)
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = s.Tree, append(s.Environ[:len(s.Environ):len(s.Environ)], in.Environ...)
	if !asArgument {
		cmd.Stdin, err = s.promptFile()
	}
	return cmd, err
}

// find looks for the program in PATH, or in the checkout where it is named by a path.
func (s session) find(program string) (string, error) {
	if strings.Contains(program, "/") && !filepath.IsAbs(program) {
		program = filepath.Join(s.Tree, program)
	}
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		return path, nil
	case s.engine.Package == "":
		return "", &task.ExitError{Code: 127, Message: fmt.Sprintf("the program of the engine %s can't be run: %v", s.engine.Name, err)}
	}
	return "", &task.ExitError{Code: 127, Message: fmt.Sprintf("the program %s of the engine %s is not in PATH: use the agent's image, which has it, or install it on the runner (npm install --global %s@%s)",
		s.engine.Program, s.engine.Name, s.engine.Package, s.engine.Version())}
}

// withPrompt puts the job's text where a command of the caller's wants it.
func (s session) withPrompt(args []string) (filled []string, found bool) {
	if s.engine.Program != "" {
		return args, false
	}
	for _, arg := range args {
		found = found || strings.Contains(arg, placeholder)
		filled = append(filled, strings.ReplaceAll(arg, placeholder, s.Spec.Prompt))
	}
	return filled, found
}

// promptFile is the job's text, to be read. It is outside of the checkout.
func (s session) promptFile() (*os.File, error) {
	path := filepath.Join(s.Scratch, "prompt")
	if err := writeFile(path, s.Spec.Prompt); err != nil {
		return nil, err
	}
	return os.Open(path)
}

func writeFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return fmt.Errorf("prepare the engine: %w", err)
	}
	return nil
}
