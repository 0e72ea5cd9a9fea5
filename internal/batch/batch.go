// Package batch ends many jobs at once: those that a caller names by their batch and labels,
// and those of a batch of which too many have failed.
//
// It imports githubjobs, internal/store and internal/failpoint.
package batch

import (
	"context"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// chunk is how many jobs are read and written in one go, so that other writes need not wait
// for all of them.
const chunk = 250

// Store is what the package needs of the store; store.Jobs and store.Batches describe the methods.
type Store interface {
	List(ctx context.Context, project string, q store.Query) (store.Page, error)
	FactsOf(ctx context.Context, project string, ids ...string) (map[string]githubjobs.Facts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
	FailingBatches(ctx context.Context, project string) ([]store.Batch, error)
	StopBatch(ctx context.Context, project string, b store.Batch, at time.Time) error
}

// Cancel says which jobs are to be cancelled, and by whom.
type Cancel struct {
	Project string
	// Query filters the jobs by batch, labels and status; its Limit and After are not used.
	Query   store.Query
	By, Why string // see githubjobs.CancelFact
	Most    int    // jobs that are asked to end, at most; 0 for any number
	// Within is about how long it may take; 0 for any time.
	Within time.Duration
	Now    func() time.Time
}

// Canceled counts what came of it.
type Canceled struct {
	Asked  int // jobs that were asked to end
	Before int // that had been asked before, and have not ended
	Ended  int // that came to their end just then
	// More: there may be others; Most were asked, or the time was over.
	More bool
}

// Do asks every job that is not at an end to end. Each is asked once, however often this is
// done, and what was asked when it fails stays so.
func (c Cancel) Do(ctx context.Context, s Store) (done Canceled, err error) {
	// A job that goes on from the one status to the other meanwhile is met twice, or once.
	statuses := []githubjobs.Status{githubjobs.StatusPending, githubjobs.StatusRunning}
	if c.Query.Status != "" {
		statuses = []githubjobs.Status{c.Query.Status}
	}
	began := c.Now()
	for _, status := range statuses {
		q := c.Query
		q.Status, q.Limit, q.After = status, chunk, ""
		for !done.More {
			page, err := s.List(ctx, c.Project, q)
			if err != nil {
				return done, err
			}
			if err := c.ask(ctx, s, page.Jobs, &done); err != nil {
				return done, err
			}
			if q.After = page.Next; q.After == "" {
				break
			}
			done.More = done.More || c.Within > 0 && c.Now().Sub(began) > c.Within
		}
	}
	return done, nil
}

// ask asks the jobs of one page.
func (c Cancel) ask(ctx context.Context, s Store, jobs []store.Listed, done *Canceled) error {
	ids := make([]string, len(jobs))
	for i, l := range jobs {
		ids[i] = l.ID
	}
	known, err := s.FactsOf(ctx, c.Project, ids...)
	if err != nil {
		return err
	}
	now := c.Now()
	var facts []githubjobs.Facts
	for _, id := range ids {
		f, ok := known[id]
		switch {
		case !ok:
		case githubjobs.Reduce(f, now).Terminal:
			done.Ended++
		case f.CancelAsked():
			done.Before++
		case c.Most > 0 && done.Asked+len(facts) == c.Most:
			done.More = true
		default:
			facts = append(facts, githubjobs.Facts{ID: id, Cancel: &githubjobs.CancelFact{By: c.By, Why: c.Why, At: now}})
		}
	}
	if len(facts) == 0 {
		return nil
	}
	failpoint.Here("batch/ask")
	if err := s.MergeFacts(ctx, c.Project, facts...); err != nil {
		return err
	}
	failpoint.Here("batch/asked")
	done.Asked += len(facts)
	return nil
}
