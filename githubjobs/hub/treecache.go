package hub

import (
	"container/list"
	"sync"
)

// maxKnownTrees bounds the cache; each base branch that jobs start from takes one
// entry for each of its commits that a push met.
const maxKnownTrees = 1024

// treeCache remembers the tree of commits, the least recently used forgotten first.
type treeCache struct {
	mu    sync.Mutex
	limit int
	order *list.List // of [2]string{commit, tree}, most recently used first
	byKey map[string]*list.Element
}

func newTreeCache(limit int) *treeCache {
	return &treeCache{limit: limit, order: list.New(), byKey: map[string]*list.Element{}}
}

func (c *treeCache) get(commit string) (tree string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[commit]
	if !ok {
		return "", false
	}
	c.order.MoveToFront(e)
	return e.Value.([2]string)[1], true
}

func (c *treeCache) add(commit, tree string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[commit]; ok {
		c.order.MoveToFront(e)
		return
	}
	c.byKey[commit] = c.order.PushFront([2]string{commit, tree})
	if c.order.Len() > c.limit {
		oldest := c.order.Remove(c.order.Back()).([2]string)
		delete(c.byKey, oldest[0])
	}
}
