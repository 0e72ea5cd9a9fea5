//go:build unix

package run

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/config"
	"github.com/githubjobs/githubjobs/internal/agent/disk"
	"github.com/githubjobs/githubjobs/internal/agent/process"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// inContainer is where the work folder is in the container.
const inContainer = work.Dir("/work")

// imageUser is the user of the agent's image, which the task runs as when the
// runner is root. Else the task's files are to be the runner's in the end.
const imageUser = 10001

// dockerSandbox runs the task in a container.
type dockerSandbox struct {
	step Step
	task user
	made *making
}

func (s Step) sandbox() (sandbox, error) {
	if s.Config.Runtime == config.Process {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		if s.Config.OtherUser() {
			return s.newUserSandbox(self)
		}
		return processSandbox{s, self}, nil
	}
	if s.Config.Image == "" {
		return nil, errors.New("GITHUBJOBS_IMAGE is not set; name the agent's image, or set the variable GITHUBJOBS_RUNTIME to process")
	}
	d := dockerSandbox{s, user{os.Getuid(), os.Getgid()}, new(making)}
	if d.task.UID == 0 {
		d.task = user{imageUser, imageUser}
	}
	return d, nil
}

func (d dockerSandbox) describe() string {
	c := d.step.Config
	return fmt.Sprintf("Runtime: docker. The task runs in %s as user %d, without capabilities; memory %s, processors %s, %d processes, disk %s; network: %s.",
		c.Image, d.task.UID, c.Memory, d.cpus(), c.Pids, c.Disk, cmp.Or(d.network(), string(githubjobs.NetworkDefault)))
}

func (d dockerSandbox) cpus() string {
	if d.step.Config.CPUs != "" {
		return d.step.Config.CPUs
	}
	return strconv.Itoa(runtime.NumCPU())
}

func (d dockerSandbox) own(...string) error {
	return hand(d.step.Dir, user{os.Getuid(), os.Getgid()}, d.task)
}

// takeBack gives the runner's user what the task has left.
func (d dockerSandbox) takeBack() error {
	return hand(d.step.Dir, d.task, user{os.Getuid(), os.Getgid()})
}

// name is unique to the attempt: a container of an earlier one is never taken for
// this one's.
func (d dockerSandbox) name() string {
	return fmt.Sprintf("githubjobs-%s-%d-%d", d.step.Spec.ID, d.step.Config.RunID, d.step.Config.RunAttempt)
}

func (d dockerSandbox) perform(ctx context.Context, out io.Writer) (exit process.Exit, err error) {
	defer func() {
		// A container that has come to its end by itself the engine removes (--rm); nothing of it
		// is alive.
		if err != nil || exit.Stopped {
			d.remove(ctx)
		}
	}()
	if err := d.made.wait(func() error { return d.create(ctx) }); err != nil {
		return process.Exit{}, err
	}
	identified := d.identify(ctx)
	exit, err = d.start(ctx, out)
	identified()
	return exit, errors.Join(err, d.takeBack())
}

// create makes the container without starting it, so that what the engine has to
// say is told apart from what the task says.
func (d dockerSandbox) create(ctx context.Context) error {
	args := append([]string{"create"}, d.options()...)
	_, err := d.docker(ctx, append(args, d.step.Config.Image, "keep")...)
	if err != nil && strings.Contains(err.Error(), "is already in use") {
		d.remove(ctx) // left by an agent that was killed
		_, err = d.docker(ctx, append(args, d.step.Config.Image, "keep")...)
	}
	return err
}

// options are the flags of docker create. Nothing is in the container but the
// image, the folders of the task, and the variables of the task.
func (d dockerSandbox) options() []string {
	c, dir := d.step.Config, d.step.Dir
	options := []string{
		"--name", d.name(), "--rm", "--interactive", "--label", "githubjobs.job=" + d.step.Spec.ID, "--pull", "never",
		// Process 1 is the keeper: root, without what makes root powerful. The last
		// capability is for giving up all but the first three, for itself and the task.
		"--user", "0:0", "--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "SETGID", "--cap-add", "KILL", "--cap-add", "SETPCAP",
		"--security-opt", "no-new-privileges",
		"--read-only", "--tmpfs", d.memoryFolder("/tmp", "mode=1777"),
		"--tmpfs", d.memoryFolder(inContainer.Home(), fmt.Sprintf("mode=0700,uid=%d,gid=%d", d.task.UID, d.task.GID)),
		"--memory", c.Memory, "--memory-swap", c.Memory, "--cpus", d.cpus(), "--pids-limit", strconv.Itoa(c.Pids + keeperThreads),
		"--ulimit", "core=0", "--ulimit", fmt.Sprintf("fsize=%d", c.MaxFile()), "--log-driver", "none", "--hostname", "job", "--workdir", inContainer.Tree(),
		"--mount", bind(dir.Base(), inContainer.Base(), true), "--mount", bind(dir.Inputs(), inContainer.Inputs(), true),
		"--mount", bind(dir.Tree(), inContainer.Tree(), false), "--mount", bind(dir.Task(), inContainer.Task(), false),
	}
	if network := d.network(); network != "" {
		options = append(options, "--network", network)
	}
	return options
}

// keeperThreads is how many threads of the keeper count beside the task's processes.
const keeperThreads = 32

// Of a task's room, /tmp and its home get a part each, which are in the container's
// memory: at most maxInMemory, and so many files.
const (
	maxInMemory      = 1 << 30
	maxFilesInMemory = 200_000
)

func (d dockerSandbox) inMemory() disk.Bounds {
	room := d.step.Config.Room()
	return disk.Bounds{Bytes: min(maxInMemory, room.Bytes/8), Files: min(maxFilesInMemory, max(room.Files/8, 1))}
}

// room is what is left for the folders on the disk.
func (d dockerSandbox) room() disk.Bounds {
	room, inMemory := d.step.Config.Room(), d.inMemory()
	return disk.Bounds{Bytes: room.Bytes - 2*inMemory.Bytes, Files: room.Files - 2*inMemory.Files}
}

// memoryFolder writes a mount of a folder in memory in Docker's form.
func (d dockerSandbox) memoryFolder(path, owner string) string {
	b := d.inMemory()
	return fmt.Sprintf("%s:rw,exec,nosuid,nodev,size=%d,nr_inodes=%d,%s", path, b.Bytes, b.Files, owner)
}

// network is that of the container; empty for the engine's own default.
func (d dockerSandbox) network() string {
	if d.step.Spec.Offline() {
		return "none" // Docker's name for a container that has the loopback alone
	}
	return d.step.Config.Network
}

// bind writes a mount in Docker's form, which is a line of CSV.
func bind(from, to string, readOnly bool) string {
	fields := []string{"type=bind", "src=" + from, "dst=" + to}
	if readOnly {
		fields = append(fields, "readonly")
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(fields) // A strings.Builder takes everything.
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// start runs the container to its end. The keeper in it gets its order by the standard
// input, and so no secret of the task's is in the container's description.
func (d dockerSandbox) start(ctx context.Context, out io.Writer) (exit process.Exit, err error) {
	order := keepOrder{Dir: inContainer, Environ: append(d.step.taskEnviron(inContainer, "/tmp"), d.step.secrets.Environ()...), Grace: d.step.Config.Grace, User: &d.task}
	cmd := exec.Command("docker", "start", "--attach", "--interactive", d.name())
	guarded, release := disk.Guard(ctx, d.room(), d.step.Dir.Tree(), d.step.Dir.Task())
	defer release()
	a, err := order.give(guarded, cmd, out, func() {
		if _, err := d.after(ctx, "kill", d.name()); err != nil {
			_ = cmd.Process.Kill() // The container is gone, or the engine is.
		}
	})
	switch {
	case err != nil:
		return exit, err
	case a.told:
		exit, err = a.exit()
		return exit, errors.Join(err, fullOf(guarded))
	case ctx.Err() == nil && !started(d.step.Dir):
		return exit, fmt.Errorf("the container did not start: %s. Check that %s is the agent's image and of the version of the workflow", a.words.line(), d.step.Config.Image)
	}
	_, _ = out.Write(a.words.end) // A Log takes everything.
	return process.Exit{Code: a.code, Stopped: ctx.Err() != nil}, fullOf(guarded)
}

// remove makes sure that the container is gone. The engine removes it by itself when it
// has ended (--rm), and refuses to do so twice before it is done with that.
func (d dockerSandbox) remove(ctx context.Context) {
	for range 100 {
		_, err := d.after(ctx, "rm", "--force", "--volumes", d.name())
		if err == nil || !strings.Contains(err.Error(), "is already in progress") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// after runs a docker command that is needed also when ctx is done.
func (d dockerSandbox) after(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return d.docker(ctx, args...)
}

func (d dockerSandbox) docker(ctx context.Context, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &complaint, time.Second
	err := cmd.Run()
	if err == nil {
		return strings.TrimSpace(out.String()), nil
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("docker %s: %w", args[0], context.Cause(ctx))
	}
	return "", d.explain(args[0], err, strings.TrimSpace(complaint.String()))
}

// explain says what to do about what an engine complains of.
func (d dockerSandbox) explain(command string, err error, complaint string) error {
	const other = "or set the variable GITHUBJOBS_RUNTIME to process"
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("docker is not installed on this runner; use a runner with Docker, " + other)
	case strings.Contains(complaint, "Cannot connect to the Docker daemon"), strings.Contains(complaint, "permission denied while trying to connect"):
		return fmt.Errorf("the Docker engine does not answer (%s); start it and let the runner's user use it, "+other, complaint)
	case strings.Contains(complaint, "No such image"), strings.Contains(complaint, "Unable to find image"):
		return fmt.Errorf("the image %s is not on this runner; check the variable GITHUBJOBS_IMAGE and that it can be pulled", d.step.Config.Image)
	case strings.Contains(complaint, "bind source path does not exist"):
		return fmt.Errorf("the Docker engine does not see the runner's files (%s); give runner and engine the same folder, or set GITHUBJOBS_WORK to one that they share", complaint)
	}
	return fmt.Errorf("docker %s: %w: %s", command, err, complaint)
}
