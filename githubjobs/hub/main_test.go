package hub

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/githubjobs/githubjobs/internal/wire"
)

// TestMain holds docs/github-operations.md to the requests that the tests of this
// package record. What is used and not listed fails in the test that uses it; what is
// listed and not used fails here, if all tests were run.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if flag.Lookup(name).Value.String() != "" {
			os.Exit(code)
		}
	}
	unused, err := wire.Unused()
	if err != nil || len(unused) > 0 {
		fmt.Fprintf(os.Stderr, "%s lists operations that no test of this package uses: %q %v\n", wire.Page, unused, err)
		code = 1
	}
	os.Exit(code)
}

func TestChangedSince(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.git("update-ref", "refs/heads/side", "main")
	tree := f.git("write-tree", "--missing-ok")
	if got, err := f.repo.ChangedSince(t.Context(), "side", "main"); err != nil || len(got.Paths) != 0 {
		t.Errorf("nothing changed, and %q, %v", got.Paths, err)
	}
	sha := f.git("commit-tree", "-p", "main", "-m", "Remove everything", tree)
	f.git("update-ref", "refs/heads/main", sha)
	got, err := f.repo.ChangedSince(t.Context(), "side", "main")
	if err != nil || !slices.Equal(got.Paths, []string{"README.md"}) {
		t.Errorf("%q, %v, want README.md", got.Paths, err)
	}
	touched, err := f.repo.Touching(t.Context(), "README.md", got, 3)
	if err != nil || !slices.Equal(touched, []Touch{{sha, "Remove everything"}}) {
		t.Errorf("README.md was touched by %+v, %v", touched, err)
	}
}
