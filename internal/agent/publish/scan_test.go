package publish

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
	"pgregory.net/rapid"
)

// treeOf puts a tree of files into a store.
func treeOf(t interface{ Fatal(...any) }, store *memory.Storage, files map[string]entry) plumbing.Hash {
	b := treeBuilder{store: store}
	root, err := b.root(plumbing.ZeroHash, additions(files))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range b.made {
		store.SetEncodedObject(o) // a memory takes everything
	}
	return root
}

// The folder and the baseline, each of them sorted in a way of its own, are compared name by
// name: whatever both hold, every path is found once, as what it is.
func TestScanFindsWhatIsDifferent(t *testing.T) {
	t.Parallel()
	n, root := 0, t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		n++
		store, dir := memory.NewStorage(), filepath.Join(root, fmt.Sprint(n))
		from, to := files(t, "base"), files(t, "folder")
		var want []string
		for p, e := range from {
			if _, there := to[p]; !there {
				want = append(want, "D "+p)
			} else if to[p] != e {
				want = append(want, "M "+p)
			}
		}
		for p := range to {
			if _, there := from[p]; !there {
				want = append(want, "A "+p)
			}
			content := slices.IndexFunc([]string{"0", "1", "2"}, func(s string) bool {
				return plumbing.ComputeHash(plumbing.BlobObject, []byte(s)) == to[p].hash
			})
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(p)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, p), fmt.Append(nil, content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(filepath.Join(dir, "empty"), 0o755); err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		found, err := scanTree(t.Context(), dir, baseline{store, treeOf(t, store, from)}, 10, 100, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range found.changes {
			got = append(got, fmt.Sprintf("%c %s", c.status, c.path))
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// A tree is read as go-git reads it, but for the order.
func TestParseTree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		store := memory.NewStorage()
		root := treeOf(t, store, files(t, "files"))
		tree, err := object.GetTree(store, root)
		if err != nil {
			t.Fatal(err)
		}
		got, err := baseline{store: store}.folder(root)
		if err != nil || len(got) != len(tree.Entries) || !slices.IsSortedFunc(got, byName) {
			t.Fatalf("%v, %v", got, err)
		}
		for _, e := range tree.Entries {
			if !slices.Contains(got, named{e.Name, entry{e.Mode, e.Hash}}) {
				t.Fatalf("%v lacks %v", got, e)
			}
		}
	})
	hash := strings.Repeat("h", 20)
	for _, damaged := range []string{
		"100644", "100644 a", "100644 a\x00", "100644 a\x00" + hash[1:], "x a\x00" + hash, " a\x00" + hash, "100644 \x00" + hash, "100644 a/b\x00" + hash,
		"100644 a\x00" + hash + "40000 a\x00" + hash, "100644 a\x00" + hash + "\n",
	} {
		if got, err := parseTree(damaged); err == nil {
			t.Errorf("%q is read as %v", damaged, got)
		}
	}
	if got, err := parseTree("100644 b\x00" + hash + "40000 a\x00" + hash); err != nil || len(got) != 2 || got[0].name != "a" || got[0].mode != filemode.Dir {
		t.Errorf("%v, %v", got, err)
	}
}

// A file that is another one when it is read than when it was looked at is not published by halves.
func TestHashNoticesWhatChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	open := func(content string) file {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		folder, err := openTree(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		f, err := openFile(int(folder.Fd()), "file")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.close)
		return f
	}
	h := hashers.New().(*hasher)
	for _, content := range []string{"", "ten bytes.", strings.Repeat("x", smallFile), strings.Repeat("x", smallFile+1)} {
		f := open(content)
		hash, _, err := h.hash(f)
		if want := plumbing.ComputeHash(plumbing.BlobObject, []byte(content)); err != nil || hash != want {
			t.Errorf("%d bytes: %s, %v, want %s", len(content), hash, err, want)
		}
	}
	for _, size := range []int64{0, 9, 11, smallFile, smallFile + 1} {
		f := open("ten bytes.")
		f.size = size
		if hash, _, err := h.hash(f); err != errChanging {
			t.Errorf("as one of %d bytes: %s, %v", size, hash, err)
		}
	}
}
