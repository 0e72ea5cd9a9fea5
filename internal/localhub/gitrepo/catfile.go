package gitrepo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// readerIdle is how long the object reader lives without being asked.
const readerIdle = 30 * time.Second

// catFile is a long-lived "git cat-file --batch-command": an object read costs
// no process. It starts when first asked, ends when idle, and is started again
// after a failure. Requests are answered one after another.
type catFile struct {
	dir string

	mu   sync.Mutex
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	idle *time.Timer
}

// object is one answer: what the object is and, when asked for, its content.
type object struct {
	sha, kind string
	size      int64
	data      []byte
}

// read asks for an object by an expression that the caller has checked. verb is
// "info" or "contents".
func (c *catFile) read(ctx context.Context, verb, expr string) (object, error) {
	if strings.ContainsAny(expr, "\n\x00") || expr == "" {
		return object{}, fmt.Errorf("%w: %q", ErrBadName, expr)
	}
	if err := ctx.Err(); err != nil {
		return object{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.start(); err != nil {
		return object{}, err
	}
	kill := c.cmd.Process
	stop := context.AfterFunc(ctx, func() { kill.Kill() })
	obj, err := c.ask(verb, expr)
	if !stop() {
		// The process was told to die; the next request gets a new one.
		c.end()
		return object{}, context.Cause(ctx)
	}
	if err != nil && !isAnswer(err) {
		c.end()
	}
	return obj, err
}

// answerError is a complete answer that says no; the process stays usable.
type answerError struct{ error }

func (e answerError) Unwrap() error { return e.error }

func isAnswer(err error) bool { _, ok := err.(answerError); return ok }

func (c *catFile) ask(verb, expr string) (object, error) {
	if _, err := io.WriteString(c.in, verb+" "+expr+"\n"); err != nil {
		return object{}, fmt.Errorf("git cat-file: %w", err)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return object{}, fmt.Errorf("git cat-file: %w", err)
	}
	f := strings.Fields(line)
	if len(f) != 3 || !IsSHA(f[0]) {
		return object{}, answerError{fmt.Errorf("%s: %w", expr, ErrNotFound)}
	}
	obj := object{sha: f[0], kind: f[1]}
	if obj.size, err = strconv.ParseInt(f[2], 10, 64); err != nil {
		return object{}, fmt.Errorf("git cat-file: %q: %w", line, err)
	}
	if verb == "contents" {
		obj.data = make([]byte, obj.size+1) // and the newline after it
		if _, err := io.ReadFull(c.out, obj.data); err != nil {
			return object{}, fmt.Errorf("git cat-file: %w", err)
		}
		obj.data = obj.data[:obj.size]
	}
	return obj, nil
}

func (c *catFile) start() error {
	if c.cmd != nil {
		c.idle.Reset(readerIdle)
		return nil
	}
	cmd := exec.Command("git", "--git-dir="+c.dir, "cat-file", "--batch-command")
	cmd.Dir, cmd.Env = c.dir, environment()
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("git cat-file: %w", err)
	}
	c.cmd, c.in, c.out = cmd, in, bufio.NewReaderSize(out, 64<<10)
	c.idle = time.AfterFunc(readerIdle, func() { c.close() })
	return nil
}

// end stops the process; the caller holds mu.
func (c *catFile) end() {
	if c.cmd == nil {
		return
	}
	c.idle.Stop()
	c.in.Close()
	c.cmd.Process.Kill()
	c.cmd.Wait() // its exit says only that it was killed
	c.cmd = nil
}

func (c *catFile) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
	return nil
}
