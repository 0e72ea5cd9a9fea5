package publish

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/storage/memory"
)

func TestNewNamesThatStandForOthers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ base, folder, refused string }{
		"none":                          {"a b/c", "a b/c b/d", ""},
		"of a file":                     {"a b/c", "a b/c b/C", "b/C"},
		"of a folder":                   {"b/c", "b/c B/d", "B/d"},
		"of a folder for a file":        {"b/c", "b/c B", "B"},
		"of a file for a folder":        {"b", "b B/c/d", "B/c/d"},
		"above":                         {"a/b/c", "a/b/c A/x/y", "A/x/y"},
		"both new":                      {"", "a/b a/B", "a/b"},
		"composed":                      {"\u00e9/a", "\u00e9/a e\u0301/b", "e\u0301/b"},
		"the old one is gone":           {"a/b", "A/B", ""},
		"all of a folder is gone":       {"b/c/d b/e x", "x B/c/d", ""},
		"something of a folder is left": {"b/c/d b/e x", "x b/e B/c/d", "B/c/d"},
		"old ones":                      {"a/x A/x b B", "a/x A/x b B c", ""},
		"in one of two old ones":        {"a/x A/y", "a/x A/y a/z", ""},
		"in the other of two old ones":  {"a/x A/y", "a/x A/y a/Y", "a/Y"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hash, from, dir, store := plumbing.ComputeHash(plumbing.BlobObject, nil), map[string]entry{}, t.TempDir(), memory.NewStorage()
			for _, p := range strings.Fields(test.base) {
				from[p] = entry{filemode.Regular, hash}
			}
			for _, p := range strings.Fields(test.folder) {
				must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(p)), 0o755))
				must(t, os.WriteFile(filepath.Join(dir, p), nil, 0o644))
			}
			found, err := scanTree(t.Context(), dir, baseline{store, treeOf(t, store, from)}, 10, 10, nil)
			must(t, err)
			var refused []string
			for _, r := range found.refused {
				refused = append(refused, r.path)
			}
			if !slices.Equal(refused, strings.Fields(test.refused)) {
				t.Errorf("refused %q: %v", refused, found.refused)
			}
		})
	}
}
