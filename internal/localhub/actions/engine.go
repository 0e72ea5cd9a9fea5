// Package actions is GitHub Actions on one machine: it decides which workflows an event starts, queues their jobs for a number of runners, runs them
// with package executor, keeps their logs, and tells what happens on the bus. It may import state, event, faults, gitrepo and shape.
package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Errors of what can't be done to a run as it is.
var (
	ErrNotFound     = errors.New("there is no such workflow run or job")
	ErrCompleted    = errors.New("cannot cancel a workflow run that is completed")
	ErrNotCompleted = errors.New("this workflow is already running")
	ErrBroken       = errors.New("this workflow run can't be run again")
	ErrZombie       = errors.New("cannot cancel a workflow run that hangs")
	ErrNoLog        = errors.New("there is no log (yet, or any more)")
)

// Config says what an Engine works on. All but Env, Grace, Runners and Faults must be set.
type Config struct {
	DB        *state.DB
	Bus       *event.Bus
	Git       *gitrepo.Store
	Payload   func(context.Context, event.Event) (shape.Object, error) // the JSON of an event, as webhooks bear it
	ServerURL string                                                   // without a slash at the end
	DataDir   string                                                   // for logs, keys and the jobs' directories
	Runners   int                                                      // jobs at the same time; default 4
	Env       map[string]string                                        // what steps see of this machine; default Environment()
	Grace     time.Duration                                            // for always() steps of a cancelled job; default GitHub's 5 minutes
	BotID     int64                                                    // the user github-actions[bot]
	Now       func() time.Time
	Log       *slog.Logger
	Faults    *faults.Set // nil: none
}

// Environment picks from this process's environment what steps may see of the machine. path, if any, goes before PATH.
func Environment(path ...string) map[string]string {
	env := map[string]string{}
	for _, name := range []string{"PATH", "LANG", "LC_ALL", "TZ", "DOCKER_HOST", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env[name] = v
		}
	}
	env["LANG"] = cmp.Or(env["LANG"], "C.UTF-8")
	env["PATH"] = strings.Join(append(path, cmp.Or(env["PATH"], "/usr/local/bin:/usr/bin:/bin")), string(os.PathListSeparator))
	return env
}

// Engine runs workflows. Subscribe its Enqueue to the bus and call Run. Its methods are safe for concurrent use.
type Engine struct {
	cfg     Config
	oidc    *Issuer
	secrets *secretBox
	files   fileCache
	links   links
	mark    string // of the processes of this data directory's jobs, see executor.Job.Mark

	inbox struct {
		sync.Mutex
		events []event.Event
		busy   int
		wake   chan struct{}
	}

	// mu is held over every step in the life of a run, its Update and its Publish, so that events come in the order in which things happened.
	mu      sync.Mutex
	ctx     context.Context // of Run
	resumed bool            // what an earlier process left is taken up
	live    map[int64]*liveRun
	queue   []*liveJob // waiting for a runner, oldest first
	free    []int64    // runners without a job
	running sync.WaitGroup
}

// New returns an Engine.
func New(cfg Config) (*Engine, error) {
	cfg.Runners = cmp.Or(cfg.Runners, 4)
	if cfg.Env == nil {
		cfg.Env = Environment()
	}
	e := &Engine{cfg: cfg, live: map[int64]*liveRun{}}
	e.inbox.wake = make(chan struct{}, 1)
	for id := range cfg.Runners {
		e.free = append(e.free, int64(id+1))
	}
	if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
		return nil, fmt.Errorf("actions: %w", err)
	}
	e.oidc = newIssuer(filepath.Join(cfg.DataDir, "oidc.pem"), cfg.ServerURL, cfg.Now)
	var err error
	if e.secrets, err = newSecretBox(filepath.Join(cfg.DataDir, "secrets.key")); err != nil {
		return nil, err
	}
	if e.mark, err = readMark(filepath.Join(cfg.DataDir, "runner")); err != nil {
		return nil, err
	}
	return e, nil
}

// readMark returns the word that marks processes of jobs, which is made when the data directory is new.
func readMark(file string) (string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		text = []byte("github_" + uuid.NewString())
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("actions: %w", err)
	}
	return string(text), nil
}

// Enqueue takes an event from the bus. It returns at once; workflows are started in the order of the events.
func (e *Engine) Enqueue(ev event.Event) {
	switch ev.(type) {
	case event.Push, event.PullRequest, event.Dispatch:
	default:
		return // starts no workflow here
	}
	ev.Told().Receipt.Take()
	e.inbox.Lock()
	e.inbox.events = append(e.inbox.events, ev)
	e.inbox.busy++
	e.inbox.Unlock()
	select {
	case e.inbox.wake <- struct{}{}:
	default: // Run will look anyway
	}
}

// Pending returns how many events and runs are not done yet.
func (e *Engine) Pending() int {
	e.inbox.Lock()
	busy := e.inbox.busy
	e.inbox.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.resumed {
		return busy + len(e.open())
	}
	return busy + len(e.live)
}

// Run works until ctx ends; then it kills what runs and returns. Runs that were in progress are concluded as failed at the next start, as GitHub
// does when it has lost a runner; queued ones are started then.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	e.ctx = ctx
	err := e.resume(ctx)
	e.resumed = true
	e.mu.Unlock()
	defer e.running.Wait()
	if err != nil {
		return fmt.Errorf("actions: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			e.startAll(context.WithoutCancel(ctx)) // The next start takes the runs up.
			return nil
		case <-e.inbox.wake:
			e.startAll(context.WithoutCancel(ctx))
		}
	}
}

// startAll makes the runs of all events that have come. It is not cut short: what
// was pushed must have its runs.
func (e *Engine) startAll(ctx context.Context) {
	e.inbox.Lock()
	events := e.inbox.events
	e.inbox.events = nil
	e.inbox.Unlock()
	for _, ev := range events {
		if err := e.start(ctx, ev); err != nil {
			e.cfg.Log.Error("workflows not started", "event", ev.Name(), "repository", ev.Repo().FullName(), "error", err)
		}
		ev.Told().Receipt.Give()
		e.inbox.Lock()
		e.inbox.busy--
		e.inbox.Unlock()
	}
}

func (e *Engine) now() time.Time { return e.cfg.Now().UTC() }

// transition makes one step in the life of runs: what change does to the state, and the events that it returns, published. The caller holds mu.
func (e *Engine) transition(change func(tx *state.Tx) ([]event.Event, error)) error {
	var events []event.Event
	err := e.cfg.DB.Update(func(tx *state.Tx) (err error) {
		events, err = change(tx)
		return err
	})
	if err == nil {
		e.cfg.Bus.Publish(events...)
	}
	return err
}

// workDir is the directory of a job; logFile its log.
func (e *Engine) workDir(jobID int64) string {
	return filepath.Join(e.cfg.DataDir, "work", fmt.Sprint(jobID))
}

func (e *Engine) logFile(runID, jobID int64) string {
	return filepath.Join(e.cfg.DataDir, "logs", fmt.Sprint(runID), fmt.Sprint(jobID)+".log")
}

// clean removes what a dead process left of its jobs.
func (e *Engine) clean() error {
	executor.KillMarked(e.mark)
	return os.RemoveAll(filepath.Join(e.cfg.DataDir, "work"))
}
