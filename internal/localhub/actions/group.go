package actions

import (
	"errors"
	"maps"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// admit lets a run start, or wait for the one of its concurrency group that runs. Of those that wait, the newest stays and the others are cancelled;
// with cancelRunning so is the one that runs. The caller holds mu.
func (e *Engine) admit(live *liveRun, cancelRunning bool) error {
	others := e.group(live)
	e.live[live.id] = live
	var errs []error
	for _, other := range others {
		if other.pending || cancelRunning {
			errs = append(errs, e.cancel(other, e.cfg.BotID, false))
		}
	}
	if len(e.group(live)) > 0 {
		live.pending = true
		errs = append(errs, e.setStatus(live, "pending"))
	}
	return errors.Join(append(errs, e.advance(live))...)
}

// group are the other runs of the same concurrency group, oldest first.
func (e *Engine) group(live *liveRun) []*liveRun {
	var others []*liveRun
	for _, id := range slices.Sorted(maps.Keys(e.live)) {
		other := e.live[id]
		if live.group != "" && other != live && other.group == live.group && other.repositoryID == live.repositoryID {
			others = append(others, other)
		}
	}
	return others
}

// release starts the run that waited for this one. The caller holds mu.
func (e *Engine) release(ended *liveRun) error {
	for _, next := range e.group(ended) {
		if !next.pending {
			return nil // another of the group runs
		}
	}
	for _, next := range e.group(ended) {
		next.pending = false
		return errors.Join(e.setStatus(next, "queued"), e.advance(next))
	}
	return nil
}

func (e *Engine) setStatus(live *liveRun, status string) error {
	return e.cfg.DB.Update(func(tx *state.Tx) error {
		if run, ok := tx.Runs.Get(live.id); ok {
			run.Status, run.UpdatedAt = status, e.now()
			tx.Runs.Put(run)
			setSuite(tx, run)
		}
		return nil
	})
}
