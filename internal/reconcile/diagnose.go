package reconcile

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	// lookEvery is the time between two looks for what keeps stuck jobs.
	lookEvery = 5 * time.Minute
	// scanEvery is the time between two scans of the store while no job is stuck, and
	// at least between two tries of a look that failed.
	scanEvery = time.Minute
	// page is how many jobs are read from the store, or written to it, at once, and mostStuck how many of
	// them are looked up: where more are stuck, these tell why.
	page      = 500
	mostStuck = 1000
	// hookSlack is how long before a job's push was noted its webhook may have come.
	hookSlack = time.Minute
)

// DiagnoserHub looks up what keeps jobs; see hub.Repository.
type DiagnoserHub interface {
	// Diagnose returns, also with an error, what it could look up.
	Diagnose(ctx context.Context, questions []githubjobs.Question) (map[string]githubjobs.Findings, error)
}

// DiagnoserStore is what the Diagnoser needs of the store; package store describes
// the methods.
type DiagnoserStore interface {
	Active(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error)
	Counts(ctx context.Context, project string) (store.Counts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
}

// DiagnoserOptions are what a Diagnoser is made of. Every field must be set.
type DiagnoserOptions struct {
	Project string
	Hub     DiagnoserHub
	Store   DiagnoserStore
	Log     *slog.Logger
	Now     func() time.Time
}

// Diagnoser looks for what keeps stuck jobs from getting on. It asks GitHub at most
// once every five minutes, and never while no job is stuck.
type Diagnoser struct {
	DiagnoserOptions
	wake chan struct{}
	// Used by Run alone.
	due  time.Time                      // of the next look
	last map[string]githubjobs.Findings // what was stored of the jobs that were stuck
}

// NewDiagnoser returns a diagnoser; Run makes it work.
func NewDiagnoser(o DiagnoserOptions) *Diagnoser {
	return &Diagnoser{DiagnoserOptions: o, wake: make(chan struct{}, 1)}
}

// Wake tells that GitHub was read: what is stuck now is so in truth. It never blocks.
func (d *Diagnoser) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run looks after each Wake, as often as is due, until ctx ends.
func (d *Diagnoser) Run(ctx context.Context) error {
	for {
		select {
		case <-d.wake:
		case <-ctx.Done():
			return nil
		}
		if d.Now().Before(d.due) {
			continue
		}
		stuck, err := d.Once(ctx)
		wait := scanEvery
		switch {
		case err != nil && ctx.Err() == nil:
			wait = max(hub.RetryAfter(err), scanEvery)
			d.Log.Warn("what keeps stuck jobs could not be looked up; it will be tried again", "error", err)
		case stuck > 0:
			wait = lookEvery
		}
		d.due = d.Now().Add(wait)
	}
}

// Once looks up what keeps the jobs that are stuck now, and stores what is new. It
// asks GitHub nothing when none is. It returns how many are.
func (d *Diagnoser) Once(ctx context.Context) (stuck int, err error) {
	questions, err := d.stuck(ctx)
	if err != nil || len(questions) == 0 {
		d.last = nil
		return 0, err
	}
	counts, err := d.Store.Counts(ctx, d.Project)
	if err != nil {
		return 0, err
	}
	now := d.Now().UTC()
	found, failed := d.Hub.Diagnose(ctx, questions)
	questions = slices.DeleteFunc(questions, func(q githubjobs.Question) bool { _, told := found[q.ID]; return !told })
	news := d.news(questions, found, counts.LastDelivery, now)
	for batch := range slices.Chunk(news, page) {
		failpoint.Here("diagnose/found")
		if err := d.Store.MergeFacts(ctx, d.Project, batch...); err != nil {
			return 0, err
		}
		failpoint.Here("diagnose/stored")
	}
	d.last = found
	d.Log.Info("looked up what keeps stuck jobs", "jobs", len(questions), "news", len(news))
	return len(questions), failed
}

// news makes facts of what was found, as far as it is not stored already.
func (d *Diagnoser) news(questions []githubjobs.Question, found map[string]githubjobs.Findings, delivery, now time.Time) (news []githubjobs.Facts) {
	for _, q := range questions {
		f := found[q.ID]
		f.Webhooks = githubjobs.Is(delivery.After(q.Since.Add(-hookSlack)))
		found[q.ID] = f
		if old, known := d.last[q.ID]; known && reflect.DeepEqual(old, f) {
			continue
		}
		f.At = now
		news = append(news, githubjobs.Facts{ID: q.ID, Attempt: q.Attempt, Findings: &f})
	}
	return news
}

// stuck lists what is to be asked about the jobs that are stuck.
func (d *Diagnoser) stuck(ctx context.Context) (questions []githubjobs.Question, err error) {
	now := d.Now()
	for after := ""; len(questions) < mostStuck; {
		list, err := d.Store.Active(ctx, d.Project, after, page)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			if q, ok := githubjobs.Ask(f, now); ok {
				questions = append(questions, q)
			}
			after = f.ID
		}
		if len(list) < page {
			break
		}
	}
	return questions, nil
}
