package publish

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/storage/memory"
	"pgregory.net/rapid"
)

// files draws a set of paths none of which is a folder of another.
func files(t *rapid.T, label string) map[string]entry {
	paths := rapid.SliceOfN(rapid.SampledFrom([]string{
		"a", "a/b", "a/b/c", "a/d", "a-b", "a.b", "a0", "b", "b/a", "b/a/a/a", "c/x", "c/y", "A/b",
	}), 0, 8).Draw(t, label)
	set := map[string]entry{}
	for _, p := range paths {
		blocked := false
		for q := range set {
			blocked = blocked || strings.HasPrefix(p+"/", q+"/") || strings.HasPrefix(q+"/", p+"/")
		}
		if !blocked {
			n := rapid.IntRange(0, 2).Draw(t, "content of "+p)
			set[p] = entry{filemode.Regular, plumbing.ComputeHash(plumbing.BlobObject, fmt.Append(nil, n))}
		}
	}
	return set
}

func additions(set map[string]entry) []change {
	var list []change
	for p, e := range set {
		list = append(list, change{path: p, status: 'A', entry: e})
	}
	return list
}

// Applying what changed to a base gives the tree that the result has from scratch,
// and makes no tree that the base has already.
func TestChangesMakeTheTreeThatTheResultHas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		store := memory.NewStorage()
		from, to := files(t, "base"), files(t, "result")
		first := treeBuilder{store: store}
		base, err := first.root(plumbing.ZeroHash, additions(from))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range first.made {
			store.SetEncodedObject(o)
		}
		var changes []change
		for p, e := range to {
			if old, ok := from[p]; !ok {
				changes = append(changes, change{path: p, status: 'A', entry: e})
			} else if old != e {
				changes = append(changes, change{path: p, status: 'M', entry: e})
			}
		}
		for p := range from {
			if _, ok := to[p]; !ok {
				changes = append(changes, change{path: p, status: 'D'})
			}
		}
		changed, scratch := treeBuilder{store: store}, treeBuilder{store: memory.NewStorage()}
		got, err := changed.root(base, changes)
		if err != nil {
			t.Fatal(err)
		}
		want, err := scratch.root(plumbing.ZeroHash, additions(to))
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("from %v to %v: tree %s, want %s", from, to, got, want)
		}
		for _, o := range changed.made {
			if store.HasEncodedObject(o.Hash()) == nil && len(to) > 0 {
				t.Fatalf("tree %s is sent though the base has it", o.Hash())
			}
		}
	})
}

func TestNamesThatCanBeTakenForDotGit(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		".git": true, ".GIT": true, ".git.": true, ".git ": true, "git~1": true, "GIT~12": true, ".git::$DATA": true, `.git\config`: true,
		".g\u200cit": true, "\ufeff.git": true,
		".github": false, ".gitignore": false, "git": false, "git~": false, "git~x": false, "agit~1": false, ".gitx": false, "x.git": false,
	} {
		if got := looksLikeDotGit(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestLinksMustStayInside(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path, target string
		ok           bool
	}{
		{"l", "a/b", true}, {"d/l", "../a", true}, {"d/e/l", "../../a", true}, {"l", "./a", true}, {"l", ".", true},
		{"l", "../a", false}, {"d/l", "../../a", false}, {"l", "/a", false}, {"l", "a/../b", false}, {"l", "", false},
		{"l", `C:\x`, false}, {"l", "c:/x", false}, {"l", ".git", false}, {"d/l", "../.git/hooks", false}, {"l", "a\x00b", false},
		{"d/.GitModules", "a", false},
	} {
		if why := badLink(test.path, test.target); (why == "") != test.ok {
			t.Errorf("%s -> %q: %q", test.path, test.target, why)
		}
	}
}
