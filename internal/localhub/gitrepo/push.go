package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// receive answers git-receive-pack. The answer is held back until the push is
// done: it is small, the refusals' reasons are put into it, and whoever listens
// for pushes knows of this one before the client does. A client that goes away
// meanwhile does not lose the event of a push that happened.
func (r *Repo) receive(w http.ResponseWriter, req *http.Request, o ServeOptions) {
	ctx := context.WithoutCancel(req.Context())
	select {
	case r.pushes <- struct{}{}:
		defer func() { <-r.pushes }()
	case <-req.Context().Done():
		return
	}
	in := req.Clone(ctx)
	var err error
	if o.BeforePush != nil {
		err = o.BeforePush(ctx, wanted(in))
	}
	var p *push
	if err == nil {
		p, err = r.startPush(ctx, o)
	}
	if err != nil {
		o.logger().Error("git push", "dir", r.dir, "error", err)
		http.Error(w, "the push could not be received", http.StatusInternalServerError)
		return
	}
	answer := &heldAnswer{header: http.Header{}}
	r.backend(answer, in, "git-receive-pack", o, p.env()...)
	changes, err := p.finish()
	if err != nil {
		o.logger().Error("git push", "dir", r.dir, "error", err)
	}
	if len(changes) > 0 && o.OnPush != nil {
		o.OnPush(ctx, changes)
	}
	answer.send(w, p.reasons)
}

// push is a push while it is received: a folder through which the hooks speak.
type push struct {
	dir     string
	hooks   string
	reasons map[string]string // of refused refs
	pipes   []*os.File
	asking  sync.WaitGroup
}

func (r *Repo) startPush(ctx context.Context, o ServeOptions) (*push, error) {
	dir, err := r.tempDir("push-")
	if err != nil {
		return nil, err
	}
	p := &push{dir: dir, hooks: filepath.Join(r.dir, filepath.FromSlash(reportHooks)), reasons: map[string]string{}}
	if !o.guarded() {
		return p, nil
	}
	p.hooks = filepath.Join(r.dir, filepath.FromSlash(guardHooks))
	for _, name := range []string{"ask", "answer"} {
		path := filepath.Join(dir, name)
		err := syscall.Mkfifo(path, 0o600)
		if err == nil {
			var pipe *os.File
			// Open for both: neither end waits for the other, nor sees an early end.
			if pipe, err = os.OpenFile(path, os.O_RDWR, 0); err == nil {
				p.pipes = append(p.pipes, pipe)
			}
		}
		if err != nil {
			_, closeErr := p.finish()
			return nil, errors.Join(err, closeErr)
		}
	}
	p.asking.Go(func() {
		p.answer(func(c RefChange) string { return r.refusal(ctx, c, o) })
	})
	return p, nil
}

// answer replies to the update hook, ref by ref, until the pipes are closed.
func (p *push) answer(refusal func(RefChange) string) {
	in := bufio.NewScanner(p.pipes[0])
	for in.Scan() {
		var c RefChange
		if _, err := fmt.Sscan(in.Text(), &c.Ref, &c.Old, &c.New); err != nil {
			continue
		}
		verdict := "ok"
		if reason := refusal(c); reason != "" {
			p.reasons[c.Ref] = strings.Join(strings.Fields(reason), " ")
			verdict = "no"
		}
		io.WriteString(p.pipes[1], verdict+"\n")
	}
}

func (p *push) env() []string {
	return append(environment([2]string{"core.hooksPath", p.hooks}), "LOCALHUB_PUSH="+p.dir)
}

// finish reads what changed and takes the folder away.
func (p *push) finish() ([]RefChange, error) {
	for _, pipe := range p.pipes {
		pipe.Close()
	}
	p.asking.Wait()
	text, err := os.ReadFile(filepath.Join(p.dir, "changed"))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	var changes []RefChange
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 {
			changes = append(changes, RefChange{Ref: f[2], Old: f[0], New: f[1]})
		}
	}
	return changes, errors.Join(err, os.RemoveAll(p.dir))
}

// heldAnswer is a response that is sent later.
type heldAnswer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (h *heldAnswer) Header() http.Header         { return h.header }
func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }
func (h *heldAnswer) WriteHeader(code int)        { h.code = code }

func (h *heldAnswer) send(w http.ResponseWriter, reasons map[string]string) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	if h.code == 0 {
		h.code = http.StatusInternalServerError
	}
	body := h.body.Bytes()
	if len(reasons) > 0 && h.code == http.StatusOK {
		body = explainRefusals(body, reasons)
	}
	w.WriteHeader(h.code)
	w.Write(body) // a client that has gone is no error of ours
}
