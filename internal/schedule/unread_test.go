package schedule

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// A server that was away has not been told that the previous job of a schedule has ended. It makes up
// for a tick once GitHub was read: then it neither skips the tick for that job, nor cancels it.
func TestCatchUpAfterARead(t *testing.T) {
	t.Parallel()
	for _, policy := range []store.Concurrency{store.Forbid, store.Replace} {
		for _, ended := range []bool{true, false} {
			t.Run(fmt.Sprint(policy, ended), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					m := newMemory()
					m.schedules["s"] = minutely(func(s *store.Schedule) { s.Concurrency, s.Cron = policy, "0 * * * *" })
					stop := run(t, newScheduler(m))
					time.Sleep(time.Hour + time.Minute)
					stop()
					first := m.order[0]
					m.complete = time.Now()
					time.Sleep(2*time.Hour + 20*time.Minute) // it is away
					stop = run(t, newScheduler(m))
					time.Sleep(time.Minute)
					synctest.Wait()
					if l := m.last(); l.LastTick.JobID != first || m.canceled(first) {
						t.Errorf("before the read: %+v, cancelled %t", l.LastTick, m.canceled(first))
					}
					m.mu.Lock()
					m.complete = time.Now()
					m.mu.Unlock()
					if ended {
						_ = m.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: first, Dispatch: &githubjobs.Dispatch{Refused: "no", At: time.Now()}})
					}
					time.Sleep(time.Minute)
					stop()
					want := store.OutcomeStarted
					if policy == store.Forbid && !ended {
						want = store.OutcomeSkipped
					}
					if l := m.last(); l.LastTick.At.Format("15:04") != "03:00" || l.LastTick.Outcome != want || m.canceled(first) != (policy == store.Replace && !ended) {
						t.Errorf("after it: %+v, cancelled %t", l.LastTick, m.canceled(first))
					}
				})
			})
		}
	}
}

// canceled says whether somebody has asked to cancel a job.
func (m *memory) canceled(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.jobs[id].Cancel != nil
}
