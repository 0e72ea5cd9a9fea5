package hub

import (
	"errors"
	"testing"
)

// crossed are two commits that were merged crosswise, and those that they have parted from: neither
// of these is below the other one.
func (f *fixture) crossed() (one, other string) {
	f.t.Helper()
	base := f.git("rev-parse", "main")
	commit := func(message string, parents ...string) string {
		args := []string{"commit-tree", "-m", message}
		for _, p := range parents {
			args = append(args, "-p", p)
		}
		return f.git(append(args, "main^{tree}")...)
	}
	left, right := commit("left", base), commit("right", base)
	return commit("one", left, right), commit("other", right, left)
}

// Whatever a merge looks at has to be below the one commit that GitHub tells of.
func TestParting(t *testing.T) {
	f := setup(t)
	main := f.git("rev-parse", "main")
	one, other := f.crossed()
	side := f.git("commit-tree", "-m", "side", "-p", main, "main^{tree}")
	both := f.git("commit-tree", "-m", "both", "-p", one, "-p", other, "main^{tree}")
	above := f.git("commit-tree", "-m", "above", "-p", both, "main^{tree}")
	root := f.git("commit-tree", "-m", "root", "main^{tree}")
	f.git("update-ref", "refs/heads/kept", above)
	for name, test := range map[string]struct {
		base, head string
		err        error
		from       string
		calls      int
	}{
		"the same":                 {one, one, nil, one, 1},
		"ahead":                    {main, both, nil, main, 1},
		"behind":                   {both, main, nil, main, 1},
		"diverged":                 {one, side, nil, main, 2},
		"the other way":            {side, one, nil, main, 2},
		"crosswise":                {one, other, ErrCrosswise, "", 2},
		"crosswise, and then more": {f.git("commit-tree", "-m", "x", "-p", one, "main^{tree}"), f.git("commit-tree", "-m", "y", "-p", other, "main^{tree}"), ErrCrosswise, "", 2},
		"one has all of both":      {other, above, nil, other, 1},
		"nothing in common":        {one, root, ErrNotFound, "", 1},
	} {
		f.requests()
		c, err := f.repo.parting(t.Context(), test.base, test.head)
		if !errors.Is(err, test.err) || err == nil && c.GetMergeBaseCommit().GetSHA() != test.from || len(f.requests()) != test.calls {
			t.Errorf("%s: %s, %v", name, c.GetMergeBaseCommit().GetSHA(), err)
		}
	}
	// A list of one of several differences is none.
	if d, err := f.repo.Difference(t.Context(), 1, one, other); !errors.Is(err, ErrCrosswise) || d.Complete || d.Files != nil {
		t.Errorf("%+v, %v", d, err)
	}
}
