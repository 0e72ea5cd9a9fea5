package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Push notes a push of deletions beside those of jobs.
func (g *github) Push(_ context.Context, updates []hub.Update, _ []plumbing.EncodedObject) ([]error, error) {
	g.mu.Lock()
	p := push{at: time.Now()}
	for _, u := range updates {
		p.ids = append(p.ids, "-"+u.Ref)
	}
	g.pushes = append(g.pushes, p)
	g.mu.Unlock()
	time.Sleep(g.takes)
	return make([]error, len(updates)), nil
}

func (s submitter) Push(context.Context, []hub.Update, []plumbing.EncodedObject) ([]error, error) {
	return nil, errors.New("nothing is to be deleted here")
}

func refs(n int) []hub.Update {
	list := make([]hub.Update, n)
	for i := range list {
		list[i] = hub.Update{Ref: fmt.Sprint("refs/heads/job/", i), Old: "a"}
	}
	return list
}

// deleteAll deletes as housekeeping does, and says how long it took.
func deleteAll(t *testing.T, d *Dispatcher, n int) time.Duration {
	t.Helper()
	began := time.Now()
	for left := refs(n); len(left) > 0; {
		outcomes, err := d.Delete(t.Context(), left)
		if err != nil || len(outcomes) == 0 {
			t.Fatalf("%d outcomes, %v", len(outcomes), err)
		}
		left = left[len(outcomes):]
	}
	return time.Since(began)
}

// Twenty thousand branches go in eighty pushes, at GitHub's pace; no two pushes overlap, and a job that comes meanwhile is pushed at once.
func TestDeletionsLeaveRoomForJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{takes: 300 * time.Millisecond}
		m, d := setup(t, g)
		done := make(chan time.Duration)
		go func() { done <- deleteAll(t, d, 20_000) }()
		var took time.Duration
		for n := 0; took == 0; n++ {
			select {
			case took = <-done:
			case <-time.After(47 * time.Second):
				created := time.Now()
				m.add(fmt.Sprint("job-", n))
				d.Wake()
				time.Sleep(time.Second)
				synctest.Wait()
				g.mu.Lock()
				last := g.pushes[len(g.pushes)-1]
				g.mu.Unlock()
				if last.ids[0] != fmt.Sprint("job-", n) || last.at.Sub(created) > g.takes {
					t.Errorf("job %d came at %s, the last push is of %s: %s", n, created, last.at, last.ids[0])
				}
			}
		}
		deletions := 0
		for i, p := range g.pushes {
			if i > 0 && p.at.Before(g.pushes[i-1].at.Add(g.takes)) {
				t.Errorf("push %d begins at %s, the one before at %s", i, p.at, g.pushes[i-1].at)
			}
			if strings.HasPrefix(p.ids[0], "-") {
				deletions++
			}
		}
		if deletions != 80 || took > 20*time.Minute {
			t.Errorf("20,000 branches took %d pushes and %s", deletions, took)
		}
	})
}

// Jobs that wait are pushed before anything is deleted.
func TestJobsBeforeDeletions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		m, d := setup(t, g)
		m.add(ids(2_000, "job-")...)
		go func() { deleteAll(t, d, 10) }()
		synctest.Wait()
		d.Wake()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		jobs := 0
		for _, p := range g.pushes {
			if p.ids[0][0] != '-' {
				jobs += len(p.ids)
			} else if jobs != 0 && jobs < 2_000 {
				t.Errorf("branches were deleted after %d jobs", jobs)
			}
		}
		if jobs != 2_000 {
			t.Errorf("%d jobs were pushed", jobs)
		}
	})
}

func TestDeletionWithoutTheLead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		m := &memory{lost: store.ErrLost}
		d := New(Options{Project: "p", Hub: g, Store: m, Reader: &reader{}, Pace: GitHubsPace, Now: time.Now})
		ended := make(chan error)
		go func() { ended <- d.Run(t.Context(), m.lead()) }()
		if _, err := d.Delete(t.Context(), refs(1)); !errors.Is(err, store.ErrLost) {
			t.Errorf("the deletion: %v", err)
		}
		if err := <-ended; !errors.Is(err, store.ErrLost) || len(g.pushes) != 0 {
			t.Errorf("the dispatcher: %v, %d pushes", err, len(g.pushes))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := d.Delete(ctx, refs(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a deletion while nobody pushes: %v", err)
		}
	})
}
