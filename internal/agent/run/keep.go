//go:build unix

package run

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/githubjobs/githubjobs/internal/agent/disk"
	"github.com/githubjobs/githubjobs/internal/agent/process"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// keepOrder is what the keeper is told: one line of JSON on its standard input. The
// word stop on the next one asks the task to end; the end of the input ends it.
type keepOrder struct {
	Dir       work.Dir      `json:"dir"`
	Environ   []string      `json:"environ"`
	Grace     time.Duration `json:"grace"`
	Processes int           `json:"processes,omitempty"`
	FileSize  int64         `json:"file_size,omitempty"` // in bytes, of each file
	Room      disk.Bounds   `json:"room"`                // of the task's folders together
	Offline   bool          `json:"offline,omitempty"`
	// User is whom the task runs as in a container, which has its bounds and network from
	// the engine, and the task's files from the user who started it. Elsewhere the keeper
	// picks one and sees to all that itself.
	User *user `json:"user,omitempty"`
}

// user is a user and its group.
type user struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
}

// kept is what the keeper answers: one line of JSON on its standard error.
type kept struct {
	Exit  process.Exit `json:"exit"`
	Full  *disk.Full   `json:"full,omitempty"` // why the keeper itself has ended the task
	Error string       `json:"error,omitempty"`
}

// Keep is the keeper of a task: root's process that runs Inside as a user whom
// nothing else on this machine belongs to, and leaves no process and no file of that
// user in the work folder. The task's output goes to out. In the docker runtime it is
// process 1 of the container.
func Keep(ctx context.Context, in io.Reader, out, answer io.Writer) int {
	var k kept
	exit, err := keep(ctx, bufio.NewReader(in), out)
	k.Exit = exit
	if full, ok := errors.AsType[*disk.Full](err); ok {
		k.Full = full
	} else if err != nil {
		k.Error = err.Error()
	}
	if err := json.NewEncoder(answer).Encode(k); err != nil {
		return 1
	}
	return 0
}

func keep(ctx context.Context, in *bufio.Reader, out io.Writer) (exit process.Exit, err error) {
	runtime.GOMAXPROCS(min(2, runtime.GOMAXPROCS(0))) // It has little to do, and threads are counted.
	process.Reserve()
	line, err := in.ReadBytes('\n')
	if err != nil {
		return exit, fmt.Errorf("read the order: %w", err)
	}
	var o keepOrder
	if err := json.Unmarshal(line, &o); err != nil {
		return exit, fmt.Errorf("read the order: %w", err)
	}
	if o.User != nil {
		return o.runInContainer(ctx, in, out)
	}
	owner, err := ownerOf(o.Dir)
	if err != nil {
		return exit, err
	}
	uid, err := process.FreeUser()
	if err != nil {
		return exit, err
	}
	if err := process.Limit(o.Processes, o.FileSize); err != nil {
		return exit, err
	}
	task := user{int(uid), int(uid)}
	defer func() { err = errors.Join(err, hand(o.Dir, task, owner), admit(o.Dir, owner, 0o700)) }()
	// Only this task's user comes in: others that run here now are not to see it.
	if err := errors.Join(hand(o.Dir, owner, task), admit(o.Dir, user{owner.UID, task.GID}, 0o710)); err != nil {
		return exit, err
	}
	// Root can look into every folder. In a container the one outside of it counts.
	guarded, release := disk.Guard(ctx, o.Room, o.Dir.Tree(), o.Dir.Task(), o.Dir.Home())
	defer release()
	exit, err = o.run(guarded, in, out, task)
	return exit, errors.Join(err, fullOf(guarded))
}

// runInContainer is for process 1 of a container, all of which is this task's.
func (o keepOrder) runInContainer(ctx context.Context, in *bufio.Reader, out io.Writer) (process.Exit, error) {
	if o.User.UID <= 0 {
		return process.Exit{}, errors.New("a task is never run as root")
	}
	if os.Getpid() != 1 {
		return process.Exit{}, errors.New("this is not process 1 of a container")
	}
	if err := process.Confine(); err != nil {
		return process.Exit{}, err
	}
	o.Environ = append(os.Environ(), o.Environ...) // The image's PATH is the task's.
	return o.run(ctx, in, out, *o.User)
}

// run runs the task as the user, until it ends or in says that it must.
func (o keepOrder) run(ctx context.Context, in *bufio.Reader, out io.Writer, as user) (process.Exit, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cut, end := context.WithCancel(context.Background())
	defer end()
	go obey(in, cancel, end)
	// What fills the disk is not given time to write more.
	defer context.AfterFunc(ctx, func() {
		if fullOf(ctx) != nil {
			end()
		}
	})()
	return process.Run(ctx, o.command(as), out, process.Grace{Time: o.Grace, Cut: cut.Done()})
}

// obey stops the task when it is told to, and cuts its grace when the input ends:
// the agent is gone then.
func obey(in *bufio.Reader, stop, cut func()) {
	_, err := in.ReadBytes('\n')
	stop()
	for err == nil {
		_, err = in.ReadBytes('\n')
	}
	cut()
}

// command starts this very program again, which the task's user may have no way to.
func (o keepOrder) command(as user) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{"agent", "task", string(o.Dir)}
	cmd.Dir, cmd.Env = o.Dir.Tree(), o.Environ
	process.As(cmd, uint32(as.UID), uint32(as.GID))
	if o.Offline {
		process.Offline(cmd)
	}
	return cmd
}

// ownerOf is to whom the work folder belongs: the one who started the keeper.
func ownerOf(dir work.Dir) (owner user, err error) {
	caller := os.Getuid()
	if id := os.Getenv("SUDO_UID"); id != "" {
		if caller, err = strconv.Atoi(id); err != nil {
			return owner, fmt.Errorf("SUDO_UID: %w", err)
		}
	}
	info, err := os.Lstat(string(dir))
	if err != nil {
		return owner, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != caller {
		return owner, fmt.Errorf("%s is not a folder of user %d, who started the task", dir, caller)
	}
	return user{int(stat.Uid), int(stat.Gid)}, nil
}

// admit says who may come into the work folder: its owner, and as far as mode says the group.
func admit(dir work.Dir, who user, mode os.FileMode) error {
	return errors.Join(os.Lchown(string(dir), who.UID, who.GID), os.Chmod(string(dir), mode))
}
