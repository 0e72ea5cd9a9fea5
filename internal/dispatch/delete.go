package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// errNotLeading answers deletions that were asked for when the dispatcher stopped.
var errNotLeading = fmt.Errorf("%w: no more is pushed", store.ErrLost)

// spareEvery is how often it is looked whether there is room for a deletion.
const spareEvery = time.Second

// deletion asks for branches to be deleted between pushes of jobs.
type deletion struct {
	updates []hub.Update
	done    chan deleted // of capacity 1
}

// deleted is what came of the first updates of a deletion: as many as there was room for.
type deleted struct {
	outcomes []error
	err      error
}

// Delete deletes refs in a push of its own while no job waits for one, and only so often
// that a job which comes next need not wait for it. It returns what came of the first of
// them, as hub.Repository.Push does; there is room for half as many as the pace allows in
// ten seconds. It waits until Run has come to it.
func (d *Dispatcher) Delete(ctx context.Context, updates []hub.Update) ([]error, error) {
	one := &deletion{updates, make(chan deleted, 1)}
	select {
	case d.deletions <- one:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case r := <-one.done:
		return r.outcomes, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// idle deletes what is to be deleted, while no job is to be pushed for some time; see round.
func (d *Dispatcher) idle(ctx context.Context, pause time.Duration) (time.Duration, bool, error) {
	if d.asked == nil {
		return pause, false, nil
	}
	answered, err := d.delete(ctx, d.asked)
	if answered {
		d.asked = nil
		return 0, err == nil, err
	}
	if pause == 0 || pause > spareEvery {
		pause = spareEvery
	}
	return pause, false, nil
}

// forsake answers what was not done.
func (d *Dispatcher) forsake() {
	if d.asked != nil {
		d.asked.done <- deleted{err: errNotLeading}
		d.asked = nil
	}
}

// delete makes the push of a deletion, once there is room for it; then asked is answered.
// The error is that another process may write now.
func (d *Dispatcher) delete(ctx context.Context, asked *deletion) (answered bool, err error) {
	n, ok := d.pace.spare(d.Now(), len(asked.updates))
	if !ok {
		return false, nil
	}
	if err := d.lead.Hold(ctx); err != nil {
		asked.done <- deleted{err: err}
		if errors.Is(err, store.ErrLost) {
			return true, err
		}
		return true, nil
	}
	began := d.Now()
	outcomes, err := d.Hub.Push(ctx, asked.updates[:n], nil)
	d.pace.pushed(began, n)
	asked.done <- deleted{outcomes, err}
	return true, nil
}

// spare is how many of so many refs may be deleted now, so that what is created next finds
// room: half of what a push may hold, and a push is left.
func (p *pace) spare(now time.Time, refs int) (n int, ok bool) {
	if p.limiter.Limit() != rate.Inf && p.limiter.TokensAt(now) < float64(min(2, p.limiter.Burst())) {
		return 0, false
	}
	n, _ = p.room(now, refs)
	if n = min(n, max(1, p.refs/2)); n == 0 {
		return 0, false
	}
	return n, true
}
