package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os/exec"
	"sync"
	"time"
)

// idleFor is how long a long-lived process lives without being asked.
const idleFor = 30 * time.Second

// process is a git process that answers one request after another, so that a
// request costs no process of its own. It starts when first asked, ends when
// idle, and is started again after a failure.
type process struct {
	dir  string // of the repository
	args []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	answer *bufio.Reader // of out
	stderr bytes.Buffer
	idle   *time.Timer
}

// answerError is a complete answer that says no; the process stays usable.
type answerError struct{ error }

func (e answerError) Unwrap() error { return e.error }

func isAnswer(err error) bool { _, ok := err.(answerError); return ok }

// talk makes one request: exchange writes it to in and reads the answer from
// out, while nobody else does. When it fails, the process is ended, and what it
// said last is in a GitError. A request is not broken off in the middle.
func (p *process) talk(ctx context.Context, exchange func(in io.Writer, out *bufio.Reader) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.start(); err != nil {
		return &GitError{Args: p.args, Code: -1, Err: err}
	}
	cmd, err := p.cmd, exchange(p.in, p.answer)
	if err == nil || isAnswer(err) {
		return err
	}
	p.end()
	return &GitError{Args: p.args, Code: cmd.ProcessState.ExitCode(), Stderr: p.stderr.String(), Err: err}
}

func (p *process) start() error {
	if p.cmd != nil {
		p.idle.Reset(idleFor)
		return nil
	}
	cmd := exec.Command("git", append([]string{"--git-dir=" + p.dir}, p.args...)...)
	p.stderr.Reset()
	cmd.Dir, cmd.Env, cmd.Stderr = p.dir, environment(), &p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.in, p.out, p.answer = cmd, in, out, bufio.NewReaderSize(out, 64<<10)
	p.idle = time.AfterFunc(idleFor, func() { p.close() })
	return nil
}

// end makes the process end by itself, since one that is killed leaves its locks:
// it has nothing to read any more, and nobody reads what it writes. The caller
// holds mu.
func (p *process) end() {
	if p.cmd == nil {
		return
	}
	p.idle.Stop()
	p.in.Close()
	p.out.Close()
	p.cmd.Wait() // how it exits is told where it matters
	p.cmd = nil
}

func (p *process) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	return nil
}
