//go:build unix

package run

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/githubjobs/githubjobs/internal/agent/disk"
	"github.com/githubjobs/githubjobs/internal/agent/process"
)

// keeperPatience is how long the keeper may take to end what is left of a task,
// before it is left to itself.
const keeperPatience = 15 * time.Second

// answer is what came of a keeper.
type answer struct {
	kept
	told  bool      // else it has said nothing that can be read
	code  int       // exit code of the command, -1 after a signal
	words lastWrite // what it said beside the task's output
}

// exit is how the task ended, as the keeper tells it.
func (a answer) exit() (process.Exit, error) {
	switch {
	case a.Full != nil:
		return a.kept.Exit, a.Full
	case a.Error != "":
		return a.kept.Exit, errors.New(a.Error)
	}
	return a.kept.Exit, nil
}

// fullOf is why the context is done, when that is want of room; else nil.
func fullOf(ctx context.Context) error {
	if full, ok := errors.AsType[*disk.Full](context.Cause(ctx)); ok {
		return full
	}
	return nil
}

// give has the keeper that cmd starts run the task, whose output goes to out, and
// waits for its end. The standard input of cmd is the line that the keeper lives on:
// when this process is killed it is cut, and the keeper ends everything. When ctx is
// done the keeper is told to stop the task; if it is not done with that after the
// task's grace and a time of its own, the line is cut and force called. Want of room
// gives no grace. The error is that cmd could not be started.
func (o keepOrder) give(ctx context.Context, cmd *exec.Cmd, out io.Writer, force func()) (a answer, err error) {
	order, err := json.Marshal(o)
	if err != nil {
		return a, err
	}
	line, err := cmd.StdinPipe()
	if err != nil {
		return a, err
	}
	cmd.Stdout, cmd.Stderr = out, &a.words
	// A session of its own: the signals of the step are for the agent, and sudo is not to
	// look for a terminal.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return a, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // What it says counts.
	}()
	given := make(chan struct{})
	go func() {
		defer close(given)
		_, _ = line.Write(append(order, '\n')) // A keeper that is gone says why.
	}()
	watch(ctx, ended, o.Grace+keeperPatience,
		func() {
			go func() {
				<-given
				if fullOf(ctx) != nil {
					_ = line.Close()
					return
				}
				_, _ = io.WriteString(line, "stop\n")
			}()
		},
		func() {
			_ = line.Close()
			force()
		})
	a.code = cmd.ProcessState.ExitCode()
	words := strings.TrimSpace(string(a.words.end))
	a.told = json.Unmarshal([]byte(words[strings.LastIndexByte(words, '\n')+1:]), &a.kept) == nil
	return a, nil
}

// lastWrite remembers the end of what was written.
type lastWrite struct{ end []byte }

func (l *lastWrite) Write(p []byte) (int, error) {
	const most = 16 << 10
	l.end = append(l.end, p[max(0, len(p)-most):]...)
	l.end = l.end[max(0, len(l.end)-most):]
	return len(p), nil
}

func (l *lastWrite) line() string {
	lines := strings.Split(strings.TrimSpace(string(l.end)), "\n")
	return strings.TrimRight(strings.TrimSpace(lines[len(lines)-1]), ".")
}
