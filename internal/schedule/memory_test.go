package schedule

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

var errDown = errors.New("the database is down")

// memory is a store in memory, so that the clock of the tests can be stopped. The real
// ones pass storetest, and internal/server tests the wiring.
type memory struct {
	mu        sync.Mutex
	schedules map[string]store.Schedule
	jobs      map[string]githubjobs.Facts
	order     []string  // of the jobs
	complete  time.Time // until then all is known of the jobs; zero for always
	// fail says of a save whether it fails before it is made, or after: the answer is lost.
	fail func(job *githubjobs.Spec) (before, after error)
}

func newMemory() *memory {
	return &memory{schedules: map[string]store.Schedule{}, jobs: map[string]githubjobs.Facts{}, fail: func(*githubjobs.Spec) (error, error) { return nil, nil }}
}

func (m *memory) Schedules(context.Context, string) (list []store.Schedule, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.schedules {
		list = append(list, s)
	}
	return list, nil
}

func (m *memory) Schedule(_ context.Context, _, name string) (store.Schedule, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.schedules[name]
	if !ok {
		return s, store.ErrNotFound
	}
	return s, nil
}

func (m *memory) SaveSchedule(_ context.Context, _ string, s store.Schedule, job *githubjobs.Spec) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, after := m.fail(job)
	if before != nil {
		return before
	}
	if m.schedules[s.Name].Revision != s.Revision {
		return store.ErrChanged
	}
	if job != nil {
		if m.jobs[job.ID].Spec != nil {
			return store.ErrExists
		}
		m.jobs[job.ID] = githubjobs.Merge(m.jobs[job.ID], githubjobs.Facts{ID: job.ID, Spec: job})
		m.order = append(m.order, job.ID)
	}
	s.Revision++
	m.schedules[s.Name] = s
	return after
}

func (m *memory) DeleteSchedule(_ context.Context, _, name string, _ int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.schedules, name)
	return nil
}

func (m *memory) Facts(_ context.Context, _, id string) (githubjobs.Facts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.jobs[id]
	if f.Spec == nil {
		return f, store.ErrNotFound
	}
	f.Complete = m.complete
	return f, nil
}

func (m *memory) MergeFacts(_ context.Context, _ string, facts ...githubjobs.Facts) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range facts {
		m.jobs[f.ID] = githubjobs.Merge(m.jobs[f.ID], f)
	}
	return nil
}

// end ends a job; it is failed.
func (m *memory) end(id string) {
	_ = m.MergeFacts(context.Background(), "p", githubjobs.Facts{ID: id, Dispatch: &githubjobs.Dispatch{Refused: "no", At: time.Now()}})
}

// created are the times at which jobs were created, in their order.
func (m *memory) created() (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range m.order {
		list = append(list, m.jobs[id].Spec.CreatedAt.Format("15:04:05"))
	}
	return list
}

func (m *memory) last() store.Schedule {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.schedules["s"]
}
