package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/failpoint"
)

// recordTime bounds the storing of what a push did when the server is going down.
const recordTime = 10 * time.Second

// submit pushes jobs and stores what came of it. An error is one of the whole push.
func (d *Dispatcher) submit(ctx context.Context, orders []githubjobs.Order) error {
	began := d.Now()
	failpoint.Here("dispatch/push")
	results, err := d.Hub.Submit(ctx, orders)
	failpoint.Here("dispatch/pushed")
	d.pace.pushed(began, len(orders))
	if err != nil {
		d.doubt(orders)
		return fmt.Errorf("pushing %d jobs: %w", len(orders), err)
	}
	facts, again := d.judge(orders, results)
	if len(facts) < len(orders) && again != nil {
		d.Log.Warn("GitHub did not take some jobs; they will be tried again", "jobs", len(orders)-len(facts), "error", again)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := d.Store.MergeFacts(ctx, d.Project, facts...); err != nil {
		d.doubt(orders)
		return fmt.Errorf("storing what came of the push of %d jobs: %w", len(orders), err)
	}
	failpoint.Here("dispatch/stored")
	for _, o := range orders {
		delete(d.unsure, o.Spec.ID)
	}
	d.push = retry{}
	d.update(func(s *State) {
		s.LastPush, s.Problem, s.Since = d.Now(), nil, time.Time{}
		s.Pushes, s.Pushed = s.Pushes+1, s.Pushed+len(facts)
	})
	d.Log.Info("pushed jobs", "jobs", len(orders), "done", len(facts), "duration", d.Now().Sub(began))
	return nil
}

// doubt notes that the jobs may be on GitHub, and the store does not know it.
func (d *Dispatcher) doubt(orders []githubjobs.Order) {
	for _, o := range orders {
		d.unsure[o.Spec.ID] = d.Now()
	}
}

// judge makes facts of what is decided and delays the rest; again is one of the
// errors of those.
func (d *Dispatcher) judge(orders []githubjobs.Order, results []hub.Submission) (facts []githubjobs.Facts, again error) {
	now, refused := d.Now(), false
	defer func() { d.narrow(len(orders), refused) }()
	for i, r := range results {
		f := githubjobs.Facts{ID: orders[i].Spec.ID, Attempt: orders[i].Attempt, Dispatch: &githubjobs.Dispatch{At: now}}
		switch {
		case r.Err == nil && r.Created:
			// The commit's date is that of the order. Whatever GitHub tells outranks this.
			f.Created = []string{r.SHA}
			f.Branch = &githubjobs.BranchFact{Head: r.SHA, At: orders[i].At.Truncate(time.Second)}
		case r.Err == nil:
			d.Log.Info("the job's branch was there already", "job_id", r.ID)
			f.Spec = r.Found
		case errors.Is(r.Err, hub.ErrRefused) && len(orders) > 1:
			refused, again = true, r.Err
			continue
		case orders[i].Attempt < 2 && keyed(r.Err) != nil:
			d.Log.Warn("the job of this idempotency key is another one, which stays", "job_id", r.ID, "error", r.Err)
			f.Spec = keyed(r.Err).Spec
		case permanent(r.Err):
			d.Log.Error("GitHub refused a job", "job_id", r.ID, "error", r.Err)
			f.Dispatch.Refused = refusal(r.Err)
		default:
			d.delayed[r.ID] = d.delayed[r.ID].after(now, hub.RetryAfter(r.Err))
			again = r.Err
			continue
		}
		delete(d.delayed, r.ID)
		facts = append(facts, f)
	}
	return facts, again
}

// narrow halves the next push after one of several refs in which some were refused,
// and widens it after one in which none was. A hook or rule may refuse a whole push
// for one of its refs, or for their number: only a job that is refused alone is
// refused for what it is.
func (d *Dispatcher) narrow(refs int, refused bool) {
	if refused {
		d.most = max(1, refs/2)
	} else {
		d.most = min(2*d.most, d.pace.refs)
	}
}

// permanent says whether no repetition can bring the job to GitHub. Credentials
// that are not accepted and rights that are missing are not among these: a person
// mends them, and the jobs go out then.
func permanent(err error) bool {
	if _, ok := errors.AsType[*hub.TakenError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*githubjobs.FieldError](err); ok {
		return true
	}
	if e, ok := errors.AsType[*hub.Error](err); ok && errors.Is(err, hub.ErrNotFound) {
		return e.Status == 0 // hub's own finding about the base, not a 404 that may pass
	}
	return errors.Is(err, hub.ErrRefused) || errors.Is(err, hub.ErrInvalid)
}

// keyed is the error that an idempotency key was used before for another request. The
// ref decides: the id names the job that is on GitHub, and a caller that repeats its
// request from now on is told so.
func keyed(err error) *hub.TakenError {
	if e, ok := errors.AsType[*hub.TakenError](err); ok && e.Keyed() {
		return e
	}
	return nil
}

// refusal is the text for the job's caller.
func refusal(err error) string {
	if e, ok := errors.AsType[*hub.Error](err); ok {
		return e.Message
	}
	return err.Error()
}
