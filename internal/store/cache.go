package store

import (
	"container/list"
	"hash/maphash"
	"sync"

	"github.com/githubjobs/githubjobs/githubjobs"
)

const (
	shards       = 32
	factsFactor  = 2    // decoded facts take about this many times the bytes of their JSON,
	factsMinimum = 1024 // and this many bytes at least
)

// Cache keeps the decoded facts of the jobs that were read last, by project and id,
// within a bound of bytes. All methods may be called concurrently.
//
// A store that alone writes its database calls Forget after every commit and before
// the writer has its answer. One that shares its database compares Version with the
// row's at every read.
type Cache struct {
	seed   maphash.Seed
	shards [shards]shard
}

// Cached are the facts of a job and the version of the row that they were read from.
// They are shared: nobody may change what they refer to.
type Cached struct {
	Facts   githubjobs.Facts
	Version int64
}

type jobKey struct{ project, id string }

type shard struct {
	mu      sync.Mutex
	jobs    map[jobKey]*list.Element
	order   list.List // of *cachedJob, the one read last in front
	bytes   int
	max     int
	forgets uint64 // how often Forget was called
}

type cachedJob struct {
	Cached
	key   jobKey
	bytes int
}

// NewCache returns a cache that takes about max bytes of memory.
func NewCache(max int) *Cache {
	c := &Cache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].jobs, c.shards[i].max = map[jobKey]*list.Element{}, max/shards
	}
	return c
}

func (c *Cache) shard(project, id string) *shard {
	return &c.shards[maphash.String(c.seed, id)%shards]
}

// Ticket shows that nothing was forgotten between a Get and the Put that follows.
type Ticket uint64

// Get returns what is kept of a job. Where nothing is, the ticket belongs to the Put
// of what the database is then asked for.
func (c *Cache) Get(project, id string) (Cached, bool, Ticket) {
	s := c.shard(project, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.jobs[jobKey{project, id}]
	if !ok {
		return Cached{}, false, Ticket(s.forgets)
	}
	s.order.MoveToFront(e)
	return e.Value.(*cachedJob).Cached, true, Ticket(s.forgets)
}

// Put keeps facts that were read from size bytes of JSON. It does not when a Forget
// came after the ticket was given: the row may have been read before that write.
func (c *Cache) Put(project, id string, v Cached, size int, t Ticket) {
	size = size*factsFactor + factsMinimum
	s := c.shard(project, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if Ticket(s.forgets) != t || size > s.max {
		return
	}
	key := jobKey{project, id}
	s.remove(s.jobs[key])
	s.jobs[key] = s.order.PushFront(&cachedJob{v, key, size})
	for s.bytes += size; s.bytes > s.max; {
		s.remove(s.order.Back())
	}
}

// Forget drops a job that was written.
func (c *Cache) Forget(project, id string) {
	s := c.shard(project, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgets++
	s.remove(s.jobs[jobKey{project, id}])
}

func (s *shard) remove(e *list.Element) {
	if e == nil {
		return
	}
	j := s.order.Remove(e).(*cachedJob)
	delete(s.jobs, j.key)
	s.bytes -= j.bytes
}
