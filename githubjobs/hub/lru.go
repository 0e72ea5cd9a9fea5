package hub

import (
	"container/list"
	"sync"
)

const (
	// maxKnownTrees bounds the trees of commits; each base branch that jobs start from takes one
	// entry for each of its commits that a push met.
	maxKnownTrees = 1024
	// maxProved bounds what caughtUp remembers: one entry for each time that a result was
	// brought onto its base.
	maxProved = 1024
)

// lru remembers what never changes, the least recently used forgotten first.
type lru struct {
	mu    sync.Mutex
	limit int
	order *list.List // of [2]string{key, value}, most recently used first
	byKey map[string]*list.Element
}

func newLRU(limit int) *lru {
	return &lru{limit: limit, order: list.New(), byKey: map[string]*list.Element{}}
}

func (m *lru) get(key string) (value string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.byKey[key]
	if !ok {
		return "", false
	}
	m.order.MoveToFront(e)
	return e.Value.([2]string)[1], true
}

func (m *lru) add(key, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.byKey[key]; ok {
		m.order.MoveToFront(e)
		return
	}
	m.byKey[key] = m.order.PushFront([2]string{key, value})
	if m.order.Len() > m.limit {
		oldest := m.order.Remove(m.order.Back()).([2]string)
		delete(m.byKey, oldest[0])
	}
}
