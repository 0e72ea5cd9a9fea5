package gatekeeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/gate"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// config is what the gate has to know of a job.
func (k *Gatekeeper) config(t githubjobs.ToJudge) gate.Config {
	ran := hub.Ran{Of: t.Of, Base: t.Spec.Base, JobSHA: t.JobSHA, RunID: t.Run.ID, Attempt: t.Run.Attempt}
	return gate.Config{
		Repo: k.Hub, Spec: t.Spec, Job: t.Of, JobSHA: t.JobSHA, Pull: t.Pull.Number, RunID: t.Run.ID, Attempt: t.Run.Attempt, RunURL: t.Run.URL,
		Voucher: func(ctx context.Context) (string, string, error) { return k.Hub.Vouched(ctx, ran) },
		Told:    t.Told, Off: k.Off, Now: k.Now, Wait: patience, Logger: k.Log.With("job_id", t.Of.ID),
	}
}

// errLater is why a judgement is put back.
var errLater = errors.New("GitHub asks to wait for longer than a judgement may take")

// patience waits for what passes soon.
func patience(ctx context.Context, d time.Duration) error {
	if d > longWait {
		return errLater
	}
	return hub.Sleep(ctx, d)
}

// judge judges one pull request, and merges it if it may be. An error is one that may pass.
func (k *Gatekeeper) judge(ctx context.Context, lease store.Lease, e *entry) error {
	done := func() { e.due, e.urgent, e.stays, e.failed = 0, false, false, putOff{} }
	f, err := k.Store.Facts(ctx, k.Project, e.id)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
		done()
		return nil
	}
	if err != nil {
		return err
	}
	t, ok := f.ToJudge(k.Now())
	if !ok {
		done()
		return nil
	}
	if err := lease.Hold(ctx); err != nil {
		return err
	}
	failpoint.Here("gatekeeper/judge")
	cfg := k.config(t)
	cfg.Hold = lease.Hold
	e.parked = false
	cfg.Turn = func(behind bool) int { return k.book.take(e, behind, k.Now()) }
	report, err := gate.Merge(ctx, cfg)
	failpoint.Here("gatekeeper/judged")
	if report.Told != nil {
		// Where the token may make no check runs, this is how the status tells it.
		if err := k.Store.MergeFacts(ctx, k.Project, t.Of.Facts(githubjobs.Facts{Gates: []githubjobs.GateFact{*report.Told}})); err != nil {
			return err
		}
	}
	if errors.Is(err, hub.ErrForbidden) && report.Told != nil && !report.Merged {
		err = nil // it is judged; nothing but the telling is not allowed
	}
	switch {
	case err == nil:
	case ctx.Err() != nil, errors.Is(err, store.ErrLost), errors.Is(err, errLater), hub.Temporary(err):
		e.failed = e.failed.after(k.Now(), err)
		return fmt.Errorf("job %s: %w", e.id, err)
	default:
		k.Log.Error("a pull request can't be judged; it is tried again when something happens, or later", "job_id", e.id, "error", err)
		e.again = k.Now().Add(refused)
	}
	if done(); err == nil {
		e.conclude(report, k.Now())
	}
	k.book.judged(e, report.Ready)
	k.told(t, report)
	return nil
}

// told notes what came of a judgement.
func (k *Gatekeeper) told(t githubjobs.ToJudge, report gate.Report) {
	k.update(func(s *State) {
		s.Judged++
		s.turns = k.book.holders(k.Now())
		if report.Merged {
			s.Merged++
		}
	})
	k.Log.Info("judged", "job_id", t.Of.ID, "pull", t.Pull.Number, "merged", report.Merged, "verdict", report.Title)
	if report.Merged {
		k.Changed()
	}
}
