package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// prepare makes this process the one that orphans of the program come to, so that
// a daemon can be found whatever session it moved to.
func prepare(cmd *exec.Cmd) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the reaper of orphans: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up the gaining of privileges: %w", err)
	}
	if err := closeInherited(); err != nil {
		return fmt.Errorf("close what this process was given open: %w", err)
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// A session of its own has no terminal, so that nothing can be typed into this one's.
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
	if cmd.SysProcAttr.Unshareflags&unix.CLONE_NEWNET != 0 {
		cmd.SysProcAttr.Unshareflags &^= unix.CLONE_NEWNET
		if err := leaveNetwork(); err != nil {
			return err
		}
	}
	if cmd.SysProcAttr.Credential != nil {
		return dropCapabilities()
	}
	return nil
}

// closeInherited keeps files that this process was started with, open and marked to
// be passed on, from the program.
func closeInherited() error {
	names, err := readNames("/proc/self/fd")
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return err
}

// Shield keeps other processes of this user from reading this one: its memory and
// its environment under /proc. Root can still do so.
func Shield() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// rest is what may be left of a program when it has ended.
type rest struct {
	uid    uint32 // whose processes they all are; 0 for descendants of this one alone
	killer *killer
}

// restOf is called before the program is started.
func restOf(cmd *exec.Cmd) (r rest, err error) {
	if cmd.SysProcAttr == nil || cmd.SysProcAttr.Credential == nil {
		return r, nil
	}
	r.uid = cmd.SysProcAttr.Credential.Uid
	r.killer, err = newKiller(r.uid)
	return r, err
}

// kill kills every descendant of this process until none is left, for at most
// ten seconds, and returns how many there were. Of a program of another user it
// kills every process of that user.
func (r rest) kill(*exec.Cmd) (killed int, err error) {
	found := map[int]bool{}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		alive := reap(os.Getpid())
		if r.killer != nil {
			alive = append(alive, ofUser(r.uid)...)
			if len(alive) > 0 {
				err = r.killer.kill()
			}
		}
		for _, pid := range alive {
			found[pid] = true
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		switch {
		case len(alive) == 0:
			return len(found), nil
		case time.Now().After(end):
			return len(found), errors.Join(fmt.Errorf("processes do not end though they were killed: %v", alive), err)
		}
	}
}

func (r rest) close() {
	if r.killer != nil {
		r.killer.close()
	}
}

// reap collects the children that have ended, and lists the descendants that have not.
func reap(self int) (alive []int) {
	for _, p := range descendants(self) {
		switch {
		case p.state != 'Z':
			alive = append(alive, p.pid)
		case p.parent == self:
			_, _ = syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
		}
	}
	return alive
}

type proc struct {
	pid, parent int
	state       byte
}

// descendants lists the processes below root, from /proc.
func descendants(root int) []proc {
	names, err := readNames("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]proc{}
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, ok := readStat(pid); ok {
				children[p.parent] = append(children[p.parent], p)
			}
		}
	}
	var all []proc
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		for _, p := range children[queue[0]] {
			all = append(all, p)
			queue = append(queue, p.pid)
		}
	}
	return all
}

func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// readStat reads state and parent of a process. The name before them is in
// parentheses and may hold anything, parentheses too. Source: proc(5).
func readStat(pid int) (proc, bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return proc{}, false
	}
	stat := string(raw)
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return proc{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	return proc{pid: pid, parent: parent, state: fields[0][0]}, err == nil
}
