package hold

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// turns looks at the jobs of one concurrency key. Who holds it is read first: a job that
// comes to hold it meanwhile is one that this keeper has opened.
func (l *look) turns(ctx context.Context, key string) error {
	holders, err := l.Store.Members(ctx, l.Project, store.Holders(key), store.Place{}, batch)
	if err != nil {
		return err
	}
	waiting, err := l.waiting(ctx, key)
	if err != nil || len(waiting) == 0 {
		return err
	}
	turns := githubjobs.TakeTurns(holders, waiting)
	for _, f := range slices.Concat(holders, waiting) {
		id, newer := f.ID, turns.Cancel[f.ID]
		if newer == "" {
			continue
		}
		l.Log.Info("a job is cancelled for a newer one of its concurrency key", "job_id", id, "newer", newer)
		why := fmt.Sprintf("it is newer, and has the concurrency_key %q too", key)
		l.acted = true
		if err := l.keep(ctx, githubjobs.Facts{ID: id, Cancel: &githubjobs.CancelFact{By: "The job " + newer, Why: why, At: l.after(f)}}); err != nil {
			return err
		}
	}
	before := turns.Open
	if len(holders) > 0 {
		before = holders[0].ID
	}
	for _, f := range waiting {
		hold := githubjobs.HoldFact{Met: true, Queued: true, Open: f.ID == turns.Open, Attempt: f.Name().Attempt, At: l.now}
		switch {
		case turns.Cancel[f.ID] != "", f.Queued() && !hold.Open:
			continue
		case hold.Open:
			l.acted = true
		default:
			hold.After = []string{before}
		}
		if err := l.keep(ctx, githubjobs.Facts{ID: f.ID, Hold: &hold}); err != nil {
			return err
		}
	}
	// The next look at the key must find what was decided here.
	return l.flush(ctx)
}

// after is now, or the moment after somebody asked for the present attempt of a job, by
// whichever server's clock: a request to cancel that was older would not be about it.
func (l *look) after(f githubjobs.Facts) time.Time {
	if asked := f.Present().Asked; asked != nil && !asked.At.Before(l.now) {
		return asked.At.Add(time.Millisecond)
	}
	return l.now
}

// waiting reads the part of a queue that has to be looked at: its first job, and those
// that have come since the last look. All of it, if one of these may take the place of
// others.
func (l *look) waiting(ctx context.Context, key string) ([]githubjobs.Facts, error) {
	first, err := l.Store.Members(ctx, l.Project, store.Queue(key), store.Place{}, 1)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	arrived := l.keys[key]
	if first[0].Unseen(l.now) {
		arrived = append(arrived, first[0])
	}
	if len(arrived) == 0 {
		return first, nil
	}
	oldest := arrived[0].Spec.CreatedAt
	for _, f := range arrived {
		if f.Spec.ConcurrencyPolicy != "" && f.Spec.ConcurrencyPolicy != githubjobs.ConcurrencyQueue {
			return l.queue(ctx, key, store.Place{})
		}
		if f.Spec.CreatedAt.Before(oldest) {
			oldest = f.Spec.CreatedAt
		}
	}
	rest, err := l.queue(ctx, key, store.Place{CreatedAt: oldest}) // which is before all jobs of that time
	if len(rest) > 0 && rest[0].ID != first[0].ID {
		rest = append(first, rest...)
	}
	return rest, err
}

// queue reads a queue from a place on.
func (l *look) queue(ctx context.Context, key string, place store.Place) (list []githubjobs.Facts, err error) {
	for {
		page, err := l.Store.Members(ctx, l.Project, store.Queue(key), place, batch)
		if err != nil || len(page) == 0 {
			return list, err
		}
		list, place = append(list, page...), store.PlaceOf(page[len(page)-1])
	}
}
