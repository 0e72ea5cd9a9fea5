//go:build unix

package executor

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// signals is how GitHub's runner ends a step that is cancelled.
var signals = []struct {
	signal syscall.Signal
	wait   time.Duration
}{{syscall.SIGINT, 7500 * time.Millisecond}, {syscall.SIGTERM, 2500 * time.Millisecond}, {syscall.SIGKILL, 0}}

// perform runs cmd as a process group, which it ends when ctx ends.
func (s *session) perform(ctx context.Context, cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	group := cmd.Process.Pid
	s.groups.Lock()
	s.groups.ids = append(s.groups.ids, group)
	s.groups.Unlock()
	exited := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.endGroup(ctx, group, exited)
	}()
	err := cmd.Wait()
	close(exited)
	<-ended
	return err
}

// endGroup waits for the process to exit; when ctx ends before, it interrupts the group, then terminates, then kills it.
func (s *session) endGroup(ctx context.Context, group int, exited <-chan struct{}) {
	select {
	case <-exited:
		return
	case <-ctx.Done():
	}
	for _, step := range signals {
		if s.hard.Err() != nil {
			break
		}
		_ = syscall.Kill(-group, step.signal)
		select {
		case <-exited:
		case <-s.hard.Done():
		case <-time.After(step.wait):
			continue
		}
		break
	}
	_ = syscall.Kill(-group, syscall.SIGKILL) // also what the step's own process left behind
}

// killLeftovers ends what the job left behind: the process groups of its steps, and processes elsewhere that bear the job's mark.
func (s *session) killLeftovers() {
	s.groups.Lock()
	defer s.groups.Unlock()
	for _, group := range s.groups.ids {
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
	if len(s.groups.ids) == 0 {
		return
	}
	KillMarked(s.tracking)
}

// KillMarked kills every process of jobs whose Mark, or RUNNER_TRACKING_ID, begins with mark: those that an earlier process of ours left behind when it
// was killed. It works on Linux only.
func KillMarked(mark string) {
	for range 5 { // a process may start others while we look
		if !killMarked([]byte("RUNNER_TRACKING_ID=" + mark)) {
			return
		}
	}
}

// killMarked kills all processes that have the variable in their environment, and tells whether there were any. It needs Linux's /proc.
func killMarked(variable []byte) bool {
	found := false
	proc, err := os.Open("/proc")
	if err != nil {
		return false
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1) // those that could be read
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if env, err := os.ReadFile("/proc/" + name + "/environ"); err == nil && bytes.Contains(env, variable) {
			found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
		}
	}
	return found
}

func exitCode(err *exec.ExitError) int {
	if status, ok := err.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return err.ExitCode()
}
