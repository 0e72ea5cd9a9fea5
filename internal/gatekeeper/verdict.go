package gatekeeper

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/gate"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

const (
	// fresh is for how long a verdict that was asked for is told again.
	fresh = 10 * time.Second
	// maxVerdicts bounds how many verdicts are kept for that.
	maxVerdicts = 256
	// eachAsked and burstAsked bound what callers make the server ask GitHub.
	eachAsked  = time.Second
	burstAsked = 10
	// answerIn is how long a caller waits for a verdict at most.
	answerIn = 45 * time.Second
)

var (
	// ErrNothingToJudge: the job has no open pull request of a run that has ended.
	ErrNothingToJudge = errors.New("there is no pull request to judge")
	// ErrBusy: callers ask for more than the server asks GitHub for them; see Busy.
	ErrBusy = errors.New("too much is asked of GitHub")
)

// Busy is after what time it is worth to ask again, after ErrBusy.
const Busy = burstAsked * eachAsked / 2

// verdicts are those that callers asked for.
type verdicts struct {
	flight singleflight.Group
	asked  *rate.Limiter

	mu   sync.Mutex
	kept map[string]kept // by job
}

type kept struct {
	seen string
	gate.Judgement
}

// Verdict says what the gate would do about a job's pull request now, and changes nothing. With
// a policy it judges by that instead of the one on the base branch. One by the base's policy is
// told again for ten seconds. It takes some twelve requests to GitHub. Its error is
// ErrNothingToJudge, ErrBusy, or one of hub.
func (k *Gatekeeper) Verdict(ctx context.Context, f githubjobs.Facts, instead *policy.Policy) (gate.Judgement, error) {
	t, ok := f.ToJudge(k.Now())
	if !ok {
		return gate.Judgement{}, ErrNothingToJudge
	}
	if instead != nil {
		return k.ask(ctx, t, instead)
	}
	if j, ok := k.verdicts.get(f.ID, t.Seen, k.Now()); ok {
		return j, nil
	}
	found, err, _ := k.verdicts.flight.Do(f.ID+" "+t.Seen, func() (any, error) {
		// Whoever asks first may go; the others wait for the same answer.
		j, err := k.ask(context.WithoutCancel(ctx), t, nil)
		if err == nil {
			k.verdicts.put(f.ID, t.Seen, j)
		}
		return j, err
	})
	return found.(gate.Judgement), err
}

func (k *Gatekeeper) ask(ctx context.Context, t githubjobs.ToJudge, instead *policy.Policy) (gate.Judgement, error) {
	if !k.verdicts.asked.AllowN(k.Now(), 1) {
		return gate.Judgement{}, ErrBusy
	}
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	cfg := k.config(t)
	cfg.Turn = func(bool) int { // which it neither takes nor waits for
		if first := k.State().turns[t.Spec.Base]; first != t.Pull.Number {
			return first
		}
		return 0
	}
	j, err := gate.Judge(ctx, cfg, instead)
	if err == nil && (j.Pull == 0 || j.Merged || j.Closed) {
		err = ErrNothingToJudge // since the facts were told
	}
	return j, err
}

func (v *verdicts) get(id, seen string, now time.Time) (gate.Judgement, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	found, ok := v.kept[id]
	return found.Judgement, ok && found.seen == seen && now.Sub(found.At) < fresh
}

func (v *verdicts) put(id, seen string, j gate.Judgement) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kept == nil || len(v.kept) >= maxVerdicts {
		v.kept = map[string]kept{}
	}
	v.kept[id] = kept{seen, j}
}
