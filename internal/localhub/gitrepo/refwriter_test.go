package gitrepo

import (
	"errors"
	"fmt"
	"testing"
)

// Changes of refs share a process, which a refused change or its own age replaces.
func TestRefWriter(t *testing.T) {
	t.Parallel()
	r := newTestRepo(t)
	sha, err := r.CreateCommit(t.Context(), NewCommit{Tree: EmptyTree, Message: "x\n"})
	if err != nil {
		t.Fatal(err)
	}
	create := func(name string) error { return r.CreateRef(t.Context(), "refs/heads/"+name, sha) }
	if err := create("a"); err != nil {
		t.Fatal(err)
	}
	first := r.writer.cmd.Process.Pid
	if err := create("b"); err != nil || r.writer.cmd.Process.Pid != first {
		t.Errorf("second change: %v, by a process of its own", err)
	}
	if err := create("a"); !errors.Is(err, ErrRefExists) {
		t.Errorf("a again: %v, want ErrRefExists", err)
	}
	if err := r.UpdateRefs(t.Context(), RefUpdate{Ref: "refs/heads/c", New: sha, Old: Zero}, RefUpdate{Ref: "refs/heads/a", New: sha, Old: Zero}); !errors.Is(err, ErrRefExists) {
		t.Errorf("c and a: %v, want ErrRefExists", err)
	}
	r.writer.made = maxTransactions - 1
	for i := range 3 {
		if err := create(fmt.Sprint("d", i)); err != nil {
			t.Error(err)
		}
	}
	refs, err := r.Refs(t.Context(), "refs/heads/")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, ref := range refs {
		names = append(names, ref.Name[len("refs/heads/"):])
	}
	if got := fmt.Sprint(names); got != "[a b d0 d1 d2]" {
		t.Errorf("branches %s", got)
	}
}

// What the cache remembers is what git says, until there is too much of it.
func TestObjectCache(t *testing.T) {
	t.Parallel()
	var c objectCache
	sha := func(i int) string { return fmt.Sprintf("%040d", i) }
	c.put("contents", sha(1), object{sha: sha(1), kind: "commit", size: 2, data: []byte("hi")})
	c.put("contents", "main", object{sha: sha(2), kind: "commit"})
	c.put("contents", sha(3), object{sha: sha(3), kind: "blob", data: make([]byte, maxCached+1)})
	if obj, ok := c.get("info", sha(1)); !ok || obj.kind != "commit" || obj.size != 2 {
		t.Errorf("info of a known object: %+v, %v", obj, ok)
	}
	for _, expr := range []string{"main", sha(2), sha(3)} {
		if obj, ok := c.get("contents", expr); ok {
			t.Errorf("%s is remembered as %+v", expr, obj)
		}
	}
	for i := range maxCache / maxCached {
		c.put("contents", sha(10+i), object{sha: sha(10 + i), data: make([]byte, maxCached)})
	}
	if _, ok := c.get("contents", sha(1)); ok || c.size > maxCache {
		t.Errorf("%d bytes are remembered", c.size)
	}
}
