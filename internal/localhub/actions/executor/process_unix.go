//go:build unix

package executor

import (
	"bytes"
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
}{{syscall.SIGINT, 7500 * time.Millisecond}, {syscall.SIGTERM, 2500 * time.Millisecond}}

// inGroup makes cmd the head of a process group.
func inGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// end interrupts the group, then terminates, then kills it, and returns when its first process has ended.
func (s *session) end(cmd *exec.Cmd, exited <-chan error) {
	group := cmd.Process.Pid
	defer syscall.Kill(-group, syscall.SIGKILL) // also what the step's own process left behind
	for _, step := range signals {
		if s.hard.Err() != nil {
			break
		}
		_ = syscall.Kill(-group, step.signal) // it may be gone
		select {
		case <-exited:
			return
		case <-s.hard.Done():
		case <-time.After(step.wait):
		}
	}
	_ = syscall.Kill(-group, syscall.SIGKILL)
	<-exited
}

// killLeftovers ends what the job left behind: the process groups of its steps, and processes elsewhere that bear the job's mark.
func (s *session) killLeftovers() {
	for _, group := range s.groups {
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
	if len(s.groups) == 0 {
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
		time.Sleep(time.Millisecond) // for the kernel to end them
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
