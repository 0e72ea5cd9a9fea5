package hub

import (
	"sync"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// looks keeps what Diagnose has read of things that never change: commits and trees
// by their SHA, what runs ask of their runners, and whose the token is.
type looks struct {
	commits memo[string, commitLook]
	trees   memo[string, githubjobs.Answer] // whether a tree holds the workflow file
	labels  memo[int64, []string]
	tokens  memo[struct{}, githubjobs.Answer]
}

// commitLook is what a job's commit says about its run.
type commitLook struct{ file, skip githubjobs.Answer }

// maxLooks bounds each memo; one that is full begins anew.
const maxLooks = 5000

// memo is a bounded map for concurrent use. Its zero value is empty.
type memo[K comparable, V any] struct {
	mu    sync.Mutex
	known map[K]V
}

func (m *memo[K, V]) get(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.known[key]
	return v, ok
}

func (m *memo[K, V]) add(key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxLooks {
		m.known = map[K]V{}
	}
	m.known[key] = v
}
