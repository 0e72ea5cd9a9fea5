package hub

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

// stacked puts files onto a branch, in one commit.
func (f *fixture) stacked(branch string, n int) string {
	f.t.Helper()
	var in strings.Builder
	fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter Bob <bob@example.com> 1800000000 +0000\ndata 4\nMany\nfrom refs/heads/main^0\n", branch)
	for i := range n {
		fmt.Fprintf(&in, "M 100644 inline reports/%d\ndata %d\n%d\n", i, len(fmt.Sprint(i)), i)
	}
	f.gitIn(in.String(), "fast-import", "--quiet", "--force")
	return f.git("rev-parse", branch)
}

func TestDifferenceIsThatOfTwoCommits(t *testing.T) {
	f := setup(t)
	base := f.git("rev-parse", "main")
	for _, c := range [][2]int{{2, 1}, {299, 1}, {301, 7}} {
		n, requests := c[0], c[1]
		head := f.stacked(fmt.Sprintf("side-%d", n), n)
		pull, err := f.repo.OpenPull(t.Context(), NewPull{Title: "T", Head: fmt.Sprintf("side-%d", n), Base: "main"})
		f.must(err)
		f.requests()
		d, err := f.repo.Difference(t.Context(), pull.GetNumber(), base, head)
		if err != nil || !d.Complete || len(d.Files) != n || d.From != base {
			t.Errorf("%d files: %d, %t, from %s, %v", n, len(d.Files), d.Complete, d.From, err)
		}
		if got := f.requests(); len(got) != requests {
			t.Errorf("%d files: %d requests, want %d: %q", n, len(got), requests, got)
		}
	}
	// The list of another head is not taken for it.
	head := f.git("rev-parse", "side-301")
	if d, err := f.repo.Difference(t.Context(), 1, base, head); err != nil || d.Complete || d.Files != nil {
		t.Errorf("of another pull request: %+v, %v", d, err)
	}
	cut := f.behind(func(localhub http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, "/git/trees/") {
				localhub.ServeHTTP(w, r)
				return
			}
			answer := httptest.NewRecorder()
			localhub.ServeHTTP(answer, r)
			fmt.Fprint(w, strings.Replace(answer.Body.String(), `"truncated":false`, `"truncated":true`, 1))
		})
	})
	if d, err := cut.Difference(t.Context(), 3, base, head); err != nil || d.Complete || d.Files != nil {
		t.Errorf("of a tree that is cut: %+v, %v", d, err)
	}
}

func TestTells(t *testing.T) {
	t.Parallel()
	file := func(sha string) [2]string { return [2]string{sha, "100644"} }
	before := map[string][2]string{"same": file("1"), "changed": file("2"), "gone": file("3"), "moved": file("4"), "mode": file("5")}
	after := map[string][2]string{"same": file("1"), "changed": file("6"), "here": file("4"), "mode": {"5", "100755"}, "copy": file("1")}
	list := func(change func([]*github.CommitFile) []*github.CommitFile) []*github.CommitFile {
		var all []*github.CommitFile
		for _, f := range [][4]string{{"changed", "modified", "6"}, {"gone", "removed", "3"}, {"here", "renamed", "4", "moved"}, {"mode", "changed", "5"}, {"copy", "copied", "1", "same"}} {
			all = append(all, &github.CommitFile{Filename: &f[0], Status: &f[1], SHA: &f[2], PreviousFilename: &f[3]})
		}
		return change(all)
	}
	for name, test := range map[string]struct {
		change func([]*github.CommitFile) []*github.CommitFile
		want   bool
	}{
		"all":             {func(l []*github.CommitFile) []*github.CommitFile { return l }, true},
		"one is left out": {func(l []*github.CommitFile) []*github.CommitFile { return l[1:] }, false},
		"another content": {func(l []*github.CommitFile) []*github.CommitFile { l[0].SHA = github.String("7"); return l }, false},
		"another path":    {func(l []*github.CommitFile) []*github.CommitFile { l[0].Filename = github.String("same"); return l }, false},
		"not removed":     {func(l []*github.CommitFile) []*github.CommitFile { l[0].Status = github.String("removed"); return l }, false},
		"not moved": {func(l []*github.CommitFile) []*github.CommitFile {
			l[2].PreviousFilename = github.String("same")
			return l
		}, false},
	} {
		if got := tells(list(test.change), before, after); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
