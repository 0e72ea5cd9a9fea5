package hold

import (
	"context"
	"errors"
	"slices"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// see looks at jobs, each for itself.
func (l *look) see(ctx context.Context, list []githubjobs.Facts) error {
	var dependents []githubjobs.Facts
	for _, f := range list {
		switch held := f.Holding(l.now); {
		case f.Present().Cancel != nil:
		case held == githubjobs.HeldByTurn:
			arrived := l.keys[f.Spec.ConcurrencyKey]
			if f.Unseen(l.now) {
				arrived = append(arrived, f)
			}
			l.keys[f.Spec.ConcurrencyKey] = arrived
		case held == githubjobs.HeldByDependency:
			dependents = append(dependents, f)
		}
	}
	unmet, err := l.decide(ctx, dependents)
	if err != nil {
		return err
	}
	return l.fail(ctx, unmet)
}

// follow looks at what waits for the jobs that have ended.
func (l *look) follow(ctx context.Context, ends []store.End) error {
	ids := make([]string, len(ends))
	for i, e := range ends {
		if ids[i] = e.ID; e.Key != "" {
			l.keys[e.Key] = l.keys[e.Key] // which adds it
		}
	}
	if err := l.read(ctx, ids); err != nil {
		return err
	}
	var unmet []string
	for _, id := range ids {
		more, err := l.dependents(ctx, id)
		if err != nil {
			return err
		}
		unmet = append(unmet, more...)
	}
	return l.fail(ctx, unmet)
}

// fail ends what depends on jobs that will never be done, and what depends on that, and so on.
func (l *look) fail(ctx context.Context, unmet []string) error {
	for len(unmet) > 0 {
		more, err := l.dependents(ctx, unmet[0])
		if err != nil {
			return err
		}
		unmet = append(unmet[1:], more...)
	}
	return nil
}

// dependents looks at the jobs that wait for one of which something is known now. It
// returns the ids of those that will never be done.
func (l *look) dependents(ctx context.Context, id string) (unmet []string, err error) {
	for place := (store.Place{}); ; {
		list, err := l.Store.Members(ctx, l.Project, store.Dependents(id), place, batch)
		if err != nil || len(list) == 0 {
			return unmet, err
		}
		place = store.PlaceOf(list[len(list)-1])
		list = slices.DeleteFunc(list, func(f githubjobs.Facts) bool { return !l.concerns(f, id) })
		more, err := l.decide(ctx, list)
		if err != nil {
			return unmet, err
		}
		unmet = append(unmet, more...)
	}
}

// concerns says whether what is known of a job changes anything for one that waits for
// it: not while it waits for others that it named at its last look.
func (l *look) concerns(f githubjobs.Facts, id string) bool {
	if l.known[f.ID].Unmet != "" { // decided in this round
		return false
	}
	return f.Hold == nil || !l.known[id].Done || slices.Contains(f.Hold.After, id)
}

// decide looks at jobs that depend on others, and returns the ids of those that will
// never be done.
func (l *look) decide(ctx context.Context, list []githubjobs.Facts) (unmet []string, err error) {
	var ids []string
	for _, f := range list {
		ids = append(ids, f.Awaits()...)
	}
	if err := l.read(ctx, ids); err != nil {
		return nil, err
	}
	for _, f := range list {
		var awaited []githubjobs.Dependency
		for _, id := range f.Awaits() {
			d, known := l.known[id]
			if !known {
				if d, err = l.unknown(ctx, f, id); err != nil {
					return nil, err
				}
			}
			awaited = append(awaited, d)
		}
		hold := githubjobs.LookAt(awaited, l.now)
		switch {
		case hold.Unmet != "":
			l.Log.Info("a job is never started, for one that it depends on", "job_id", f.ID, "because", hold.Unmet)
			unmet, l.acted = append(unmet, f.ID), true
			l.known[f.ID] = githubjobs.Facts{ID: f.ID, Spec: f.Spec, Hold: &hold}.Dependency(l.now)
		case hold.Met:
			l.acted = true
		case f.Hold != nil && slices.Equal(f.Hold.After, hold.After):
			continue // nothing new
		}
		if err := l.keep(ctx, githubjobs.Facts{ID: f.ID, Hold: &hold}); err != nil {
			return nil, err
		}
	}
	return unmet, nil
}

// read reads the jobs of which nothing was read in this round, as they are in the database.
func (l *look) read(ctx context.Context, ids []string) error {
	var missing []string
	for _, id := range ids {
		if _, known := l.known[id]; !known {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	for part := range slices.Chunk(slices.Compact(missing), batch) {
		found, err := l.Store.FactsOf(ctx, l.Project, part...)
		if err != nil {
			return err
		}
		for id, f := range found {
			l.known[id] = f.Dependency(l.now)
		}
	}
	return nil
}

// unknown is a dependency of which nothing could be read. The job was accepted when it
// was known; if GitHub was read since and does not know it, it is gone for good.
func (l *look) unknown(ctx context.Context, f githubjobs.Facts, id string) (githubjobs.Dependency, error) {
	_, err := l.Store.Facts(ctx, l.Project, id)
	switch {
	case errors.Is(err, store.ErrNotFound) && l.Complete().After(f.Spec.CreatedAt):
		return githubjobs.GoneDependency(id), nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDamaged):
		err = nil
	}
	return githubjobs.Dependency{ID: id}, err
}
