package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Hub reads a file of the repository; see hub.Repository.
type Hub interface {
	WatchedFile(ctx context.Context, name, branch string) ([]byte, error)
}

// FileStore is what a File needs of the store; package store describes the methods.
type FileStore interface {
	store.Schedules
	Project(ctx context.Context, project string) (store.Project, error)
}

// FileOptions are what a File is made of. Every field must be set.
type FileOptions struct {
	Project string
	Hub     Hub
	Store   FileStore
	// Base is that of Options; the file stands on this branch.
	Base func(ctx context.Context) (string, error)
	// Read reads what a JSON object says of the schedule of a name. Its error is for
	// people.
	Read func(raw []byte, name string) (store.Plan, error)
	// Every is how often the file is looked at although no push was heard of.
	Every time.Duration
	// Changed is called after a schedule was changed.
	Changed func()
	Log     *slog.Logger
	Now     func() time.Time
}

// File makes the schedules of .githubjobs.yml on the base branch those of the project.
type File struct {
	FileOptions
	wake chan struct{}
	// Used by Run alone.
	read     bool      // the file was read since Run began
	head     string    // of the branch, as the store knew it when the file was last read
	next     time.Time // when it is read again anyway
	failures int       // in a row

	mu    sync.Mutex
	state FileState
	rules *rules // nil while they are not known
}

// FileState says how reading the file gets on.
type FileState struct {
	// Problem says why the schedules in force are not those of the file; empty while they are.
	Problem string
	Since   time.Time // of Problem
}

// NewFile returns a File; Run makes it work.
func NewFile(o FileOptions) *File { return &File{FileOptions: o, wake: make(chan struct{}, 1)} }

// Wake tells that the branch was pushed to; that another server told it is found within
// seconds. It never blocks.
func (f *File) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// State says how reading the file gets on.
func (f *File) State() FileState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// Run reads the file at once, and whenever the branch was pushed to, until ctx ends.
// Only the leader of the project runs it.
func (f *File) Run(ctx context.Context) error {
	f.read, f.next = false, time.Time{}
	defer f.forget()
	for ctx.Err() == nil {
		err := f.round(ctx)
		if ctx.Err() != nil {
			break
		}
		pause := longest
		if f.failures++; err == nil {
			f.failures = 0
		} else {
			f.next = time.Time{} // what failed is done again
			pause = max(min(retryMin<<min(f.failures-1, 10), retryFile), hub.RetryAfter(err))
			f.Log.Error("reading the schedules of "+policy.Path+" failed; it will be tried again", "error", err, "again_in", pause)
		}
		wait(ctx, pause, f.wake, f.failures > 0)
	}
	return nil
}

const (
	lag       = 20 * time.Second // of GitHub's answers behind its webhooks, and more
	retryFile = 5 * time.Minute  // between two reads that fail, at most
)

// round reads the file if there is a reason to.
func (f *File) round(ctx context.Context) error {
	p, err := f.Store.Project(ctx, f.Project)
	if err != nil {
		return err
	}
	branch, err := f.Base(ctx)
	if err != nil || branch == "" || p.BaseHead == f.head && f.Now().Before(f.next) {
		return err // without a name there is nothing to read yet
	}
	document, err := f.Hub.WatchedFile(ctx, policy.Path, branch)
	if err != nil && !errors.Is(err, hub.ErrNoFile) {
		f.note(hub.Public(err))
		return err
	}
	f.settle(p.BaseHead)
	f.learn(branch, document)
	plans, err := f.plans(document)
	if err != nil { // which only another push can mend
		if f.note(err.Error()) {
			f.Log.Warn("the schedules of "+policy.Path+" are not taken; the last good ones stay in force", "branch", branch, "error", err)
		}
		return nil
	}
	if err := f.apply(ctx, plans); err != nil {
		f.note("the database is unavailable")
		return err
	}
	f.note("")
	return nil
}

// settle decides when the file is read again although no push is heard of: soon after
// one was, since GitHub's answers may lag behind its webhooks.
func (f *File) settle(head string) {
	pause := f.Every
	if f.read && head != f.head {
		pause = min(pause, lag)
	}
	f.read, f.head, f.next = true, head, f.Now().Add(pause)
}

// note says whether the problem is news.
func (f *File) note(problem string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state.Problem == problem {
		return false
	}
	f.state = FileState{Problem: problem}
	if problem != "" {
		f.state.Since = f.Now()
	}
	return true
}

// plans are the plans of a document, by name: all of them, or none.
func (f *File) plans(document []byte) (map[string]store.Plan, error) {
	list, err := policy.Schedules(document)
	if err != nil {
		return nil, err
	}
	plans := map[string]store.Plan{}
	for _, one := range list {
		if !githubjobs.ValidScheduleName(one.Name) {
			return nil, fmt.Errorf("%s: %q is no name of a schedule: that has 1 to 63 of the characters a–z, 0–9 and '-', and neither begins nor ends with '-'", policy.Path, one.Name)
		}
		plan, err := f.Read(one.Plan, one.Name)
		if err != nil {
			return nil, fmt.Errorf("%s: schedule %s: %w", policy.Path, one.Name, err)
		}
		plans[one.Name] = plan
	}
	return plans, nil
}

// apply makes the plans those of the project. One of a name that the API gave becomes
// the file's; one of the file's that is not there any more goes.
func (f *File) apply(ctx context.Context, plans map[string]store.Plan) error {
	list, err := f.Store.Schedules(ctx, f.Project)
	if err != nil {
		return err
	}
	known := map[string]store.Schedule{}
	for _, one := range list {
		known[one.Name] = one
		if _, wanted := plans[one.Name]; one.Source != store.SourceFile || wanted {
			continue
		}
		if err := f.Store.DeleteSchedule(ctx, f.Project, one.Name, one.Revision); err != nil {
			return err
		}
		f.Log.Info("a schedule is not in "+policy.Path+" any more, and gone", "schedule", one.Name)
	}
	for name, plan := range plans {
		before := known[name]
		before.Name = name
		after, changed, err := Change(before, plan, f.Now())
		if err != nil {
			return err
		}
		if !changed && before.Source == store.SourceFile {
			continue
		}
		after.Source = store.SourceFile
		failpoint.Here("file/save")
		if err := f.Store.SaveSchedule(ctx, f.Project, after, nil); err != nil {
			return err
		}
		failpoint.Here("file/saved")
		f.Log.Info("a schedule of "+policy.Path+" is in force", "schedule", name)
		f.Changed()
	}
	return nil
}
