package gitrepo

import "sync"

const (
	maxCached = 16 << 10 // bytes of an object that is remembered: a commit, hardly ever more
	maxCache  = 8 << 20  // bytes of all; then everything is forgotten
	cacheCost = 200      // bytes of an object besides its content
)

// objectCache remembers small objects by their full SHA: what that names never
// changes. The zero value is ready.
type objectCache struct {
	mu    sync.Mutex
	known map[string]object // by verb and SHA
	size  int
}

func (c *objectCache) get(verb, sha string) (obj object, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	obj, ok = c.known[verb+sha]
	if !ok && verb == "info" {
		obj, ok = c.known["contents"+sha]
	}
	return obj, ok
}

// put remembers the answer to expr, if that is the object's SHA.
func (c *objectCache) put(verb, expr string, obj object) {
	if expr != obj.sha || len(obj.data) > maxCached {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cost := len(obj.data) + cacheCost
	if c.known == nil || c.size+cost > maxCache {
		c.known, c.size = map[string]object{}, 0
	}
	if _, had := c.known[verb+expr]; !had {
		c.known[verb+expr] = obj
		c.size += cost
	}
}
