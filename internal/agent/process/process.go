//go:build unix

// Package process runs one program and sees to it that nothing of it is left
// afterwards: not in its process group, and on Linux not outside of it either.
//
// The package imports the standard library and golang.org/x/sys only.
package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Exit is how a program ended.
type Exit struct {
	// Code is the exit code, as a shell gives it: 128 + n after signal n.
	Code int
	// Stopped: it was told to end, because the context was done.
	Stopped bool
	// Leftovers counts the processes that it left behind and that were killed.
	Leftovers int
}

// Signalled tells whether a shell gives the exit code after a signal: 128 + n. There
// are 64 signals; what is above is a code of the program's own.
func Signalled(code int) bool { return code > 128 && code <= 128+64 }

// Grace is what a program is given that is told to end: first by SIGINT, after three
// quarters of the time by SIGTERM, and at its end it is killed. A runner of GitHub's
// does the same to a step that is cancelled, in 7.5 and 2.5 seconds
// (docs.github.com, "Workflow cancellation reference").
type Grace struct {
	Time time.Duration
	// Cut, when it is closed, ends the time at once. It may be nil.
	Cut <-chan struct{}
}

// hint is after how long the program is told by SIGTERM.
func (g Grace) hint() time.Duration { return g.Time / 4 * 3 }

// Ok reports whether the program ended by itself and well.
func (e Exit) Ok() bool { return e.Code == 0 && !e.Stopped }

// Run starts cmd in a process group of its own, its output going to out in the
// order in which it was written (without its standard error, if that has a file already), and returns when neither it nor any process that
// it started is alive. When ctx is done the group gets SIGINT, then SIGTERM, and after
// grace everything is killed. Its error tells that the program could not be started, or
// that something of it is alive still. A program of another user (As) gets neither
// groups nor capabilities.
//
// On Linux all children of this process count as the program's, so nothing else
// may be started meanwhile; and neither it nor its children can gain privileges
// (no_new_privs).
func Run(ctx context.Context, cmd *exec.Cmd, out io.Writer, grace Grace) (Exit, error) {
	type answer struct {
		exit Exit
		err  error
	}
	done := make(chan answer)
	go func() {
		// The thread is never given back: it has become one that can't gain
		// privileges, and the program dies with it.
		runtime.LockOSThread()
		exit, err := run(ctx, cmd, out, grace)
		done <- answer{exit, err}
	}()
	a := <-done
	return a.exit, a.err
}

func run(ctx context.Context, cmd *exec.Cmd, out io.Writer, grace Grace) (Exit, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return Exit{}, err
	}
	defer reader.Close()
	if cmd.Stdout = writer; cmd.Stderr == nil {
		cmd.Stderr = writer // One pipe, so that the order is kept.
	}
	left, err := restOf(cmd)
	if err == nil {
		defer left.close()
		err = prepare(cmd)
	}
	if err == nil {
		err = cmd.Start()
	}
	writer.Close()
	if err != nil {
		return Exit{}, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(out, reader)
	}()
	exit := wait(ctx, cmd, grace)
	exit.Leftovers, err = left.kill(cmd)
	select {
	case <-copied:
	case <-time.After(2 * time.Second): // Somebody out of reach holds the other end.
		reader.Close()
		<-copied
	}
	return exit, err
}

// wait waits for the program itself, and stops it when ctx is done.
func wait(ctx context.Context, cmd *exec.Cmd, grace Grace) Exit {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // ProcessState says it all.
	}()
	stopped := false
	select {
	case <-ended:
	case <-ctx.Done():
		stopped = true
		grace.end(ended, func(s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) })
		<-ended
	}
	return Exit{Code: codeOf(cmd.ProcessState), Stopped: stopped}
}

// end sends one signal after the other until ended is closed, SIGKILL at the latest.
func (g Grace) end(ended <-chan struct{}, send func(syscall.Signal)) {
	send(syscall.SIGINT)
	for _, next := range []struct {
		after  time.Duration
		signal syscall.Signal
	}{{g.hint(), syscall.SIGTERM}, {g.Time - g.hint(), syscall.SIGKILL}} {
		select {
		case <-ended:
			return
		case <-time.After(next.after):
			send(next.signal)
		case <-g.Cut:
			send(syscall.SIGKILL)
			return
		}
	}
}

func codeOf(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
