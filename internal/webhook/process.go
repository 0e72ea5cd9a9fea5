package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	batch      = 64          // deliveries that are processed together; they share a flush
	retryDelay = time.Second // after the store failed
)

// Wake tells that a delivery was recorded. It never blocks.
func (r *Receiver) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run processes deliveries until ctx ends, beginning with what an earlier process left.
func (r *Receiver) Run(ctx context.Context) error {
	r.setRunning(true)
	defer r.setRunning(false)
	for {
		n, err := r.process(ctx)
		var again <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			r.Log.Error("processing webhook deliveries; it will be tried again", "error", err)
		}
		if n == batch && len(r.putOffs) < mostPutOff {
			continue
		}
		if err != nil || len(r.putOffs) > 0 {
			again = time.After(retryDelay)
		}
		select {
		case <-r.wake:
		case <-again:
		case <-ctx.Done():
			return nil
		}
	}
}

// process handles the oldest deliveries, and says how many. Facts may be merged in any order.
// One that fails is put off, and keeps no other from being processed.
func (r *Receiver) process(ctx context.Context) (int, error) {
	limit := batch + len(r.putOffs)
	list, err := r.Store.PendingDeliveries(ctx, r.Project, limit)
	if err != nil {
		return 0, err
	}
	list = r.due(list, len(list) < limit)
	list = list[:min(len(list), batch)]
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, d := range list {
		// They are read one after the other: in a storm, taking deliveries comes before
		// reading them, and what was taken can wait.
		got, err := r.read(ctx, d)
		wg.Go(func() { errs[i] = r.finish(ctx, d, got, err) })
	}
	wg.Wait()
	for i, d := range list {
		r.tried(d, errs[i])
	}
	return len(list), errors.Join(errs...)
}

func (r *Receiver) read(ctx context.Context, d store.Delivery) (reading, error) {
	got := r.interpret(d)
	if got.progress != nil {
		return r.vouched(ctx, *got.progress)
	}
	if got.stir != nil {
		return r.stirred(ctx, d, got)
	}
	return got, nil
}

// finish stores what a delivery told; err is that of reading it.
func (r *Receiver) finish(ctx context.Context, d store.Delivery, got reading, err error) error {
	if err != nil {
		return fmt.Errorf("delivery %s: %w", d.GUID, err)
	}
	if got.rules {
		r.Ruled(ctx, got.branch, got.head)
	}
	failpoint.Here("webhook/finish")
	if err := r.Store.FinishDelivery(ctx, r.Project, d.GUID, got.outcome, got.facts...); err != nil {
		return fmt.Errorf("delivery %s: %w", d.GUID, err)
	}
	failpoint.Here("webhook/finished")
	if got.judge || got.moved != "" {
		r.Stirred(got.moved)
	}
	r.Log.Debug("webhook delivery", "guid", d.GUID, "event", d.Event, "outcome", got.outcome)
	return nil
}

// reading is what an event tells: facts, and in words what it was.
type reading struct {
	facts    []githubjobs.Facts
	outcome  string
	rules    bool      // the repository's own rules may have changed
	branch   string    // on which they did
	head     string    // of that branch
	progress *progress // instead of both: it is for the store to say whether the run is ours
	stir     *stir     // pull requests that may have to be judged anew
	judge    bool      // they have
	moved    string    // a branch that was pushed to and carries no job; "" for none
}

func nothing(format string, args ...any) reading {
	return reading{outcome: fmt.Sprintf(format, args...)}
}

// events are the events that are read; all others are not for us.
var events = map[string]func(*Receiver, store.Delivery) (reading, error){
	"check_run":                 (*Receiver).checkRun,
	"check_suite":               (*Receiver).checkSuite,
	"create":                    (*Receiver).create,
	"delete":                    (*Receiver).delete,
	"installation":              (*Receiver).installation,
	"installation_repositories": (*Receiver).installationRepositories,
	"ping":                      (*Receiver).ping,
	"pull_request":              (*Receiver).pullRequest,
	"pull_request_review":       (*Receiver).pullRequestReview,
	"push":                      (*Receiver).push,
	"status":                    (*Receiver).status,
	"workflow_job":              (*Receiver).workflowJob,
	"workflow_run":              (*Receiver).workflowRun,
}

// wide are the events that are not about one repository.
var wide = map[string]bool{"installation": true, "installation_repositories": true, "ping": true}

// interpret turns a delivery into facts, and says in words what came of it. It
// takes any body, and never fails: a delivery that is not understood tells nothing.
func (r *Receiver) interpret(d store.Delivery) (got reading) {
	defer func() {
		if reason := recover(); reason != nil {
			r.Log.Error("reading a webhook delivery ended in a panic", "guid", d.GUID, "event", d.Event, "panic", reason)
			got = nothing("not understood: the server made a mistake")
		}
	}()
	read, ok := events[d.Event]
	if !ok {
		return nothing("not for us: event %s", d.Event)
	}
	if !wide[d.Event] {
		if other, err := r.checkRepository(d.Body); err != nil || other != "" {
			return refusal(other, err)
		}
	}
	got, err := read(r, d)
	if err == nil {
		err = storable(got.facts)
	}
	if err != nil {
		return refusal("", err)
	}
	return got
}

func refusal(other string, err error) reading {
	if err != nil {
		return nothing("not understood: %v", err)
	}
	return nothing("not for us: %s", other)
}

// checkRepository says what other repository a delivery is about, if it is not
// ours; and learns the default branch of ours.
func (r *Receiver) checkRepository(body []byte) (other string, err error) {
	var about struct {
		Repository struct {
			FullName      string `json:"full_name"`
			DefaultBranch string `json:"default_branch"`
		} `json:"repository"`
	}
	if err := json.Unmarshal(body, &about); err != nil {
		return "", err
	}
	repo := about.Repository
	if !strings.EqualFold(repo.FullName, r.Hub.FullName()) {
		return fmt.Sprintf("repository %q", repo.FullName), nil
	}
	if repo.DefaultBranch != "" {
		r.DefaultBranch(repo.DefaultBranch)
	}
	return "", nil
}

// storable refuses facts that JSON cannot hold, such as years beyond 9999: they
// could never be stored, and the delivery would be tried for ever.
func storable(facts []githubjobs.Facts) error {
	for _, f := range facts {
		if _, err := json.Marshal(f); err != nil {
			return err
		}
	}
	return nil
}
