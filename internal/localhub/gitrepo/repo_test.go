package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func newTestRepo(t *testing.T) *Repo {
	t.Helper()
	r, err := Init(context.Background(), filepath.Join(t.TempDir(), "o", "r.git"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

var mona = Signature{Name: "Mona", Email: "mona@example.com", When: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))}

// files is the content of a tree: path to text; an empty text removes.
type files map[string]string

// commit makes a commit with the changed files on top of the first parent.
func (r *Repo) commit(t *testing.T, message string, f files, parents ...string) string {
	t.Helper()
	ctx := t.Context()
	base := ""
	if len(parents) > 0 {
		base = parents[0]
	}
	var edits []TreeEdit
	for path, text := range f {
		e := TreeEdit{Path: path, Mode: "100644"}
		if text != "" {
			var err error
			if e.SHA, err = r.CreateBlob(ctx, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		edits = append(edits, e)
	}
	tree, err := r.CreateTree(ctx, base, edits)
	if err != nil {
		t.Fatal(err)
	}
	sha, err := r.CreateCommit(ctx, NewCommit{Tree: tree, Parents: parents, Author: mona, Committer: mona, Message: message})
	if err != nil {
		t.Fatal(err)
	}
	return sha
}

func TestCommitRoundTrip(t *testing.T) {
	t.Parallel()
	r := newTestRepo(t)
	message := "title\n\nbody with Größe\r\nand \x01 no newline at the end"
	sha := r.commit(t, message, files{"a/b.txt": "x\n"})
	c, err := r.Commit(t.Context(), sha)
	if err != nil {
		t.Fatal(err)
	}
	if c.Message != message || c.Author != c.Committer || c.Author.Name != "Mona" || !c.Author.When.Equal(mona.When) {
		t.Fatalf("read back %+v", c)
	}
	if zone := c.Author.When.Format("-0700"); zone != "+0100" {
		t.Fatalf("zone %s", zone)
	}
	if text, err := r.File(t.Context(), sha, "a/b.txt"); err != nil || string(text) != "x\n" {
		t.Fatalf("%q, %v", text, err)
	}
	e, err := r.Entry(t.Context(), sha, "a")
	if err != nil || e.Type != "tree" || e.Mode != "040000" {
		t.Fatalf("%+v, %v", e, err)
	}
}

func TestCreateCommitRefuses(t *testing.T) {
	t.Parallel()
	r := newTestRepo(t)
	sha := r.commit(t, "one", files{"a": "1"})
	c, err := r.Commit(t.Context(), sha)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		c    NewCommit
		want error
	}{
		"tree is a commit":   {NewCommit{Tree: sha}, ErrWrongType},
		"no such tree":       {NewCommit{Tree: strings.Repeat("1", 40)}, ErrNotFound},
		"parent is a tree":   {NewCommit{Tree: c.Tree, Parents: []string{c.Tree}}, ErrWrongType},
		"option as a parent": {NewCommit{Tree: c.Tree, Parents: []string{"--help"}}, ErrBadName},
		"NUL":                {NewCommit{Tree: c.Tree, Message: "a\x00b"}, ErrInvalid},
	} {
		tt.c.Author, tt.c.Committer = mona, mona
		if _, err := r.CreateCommit(t.Context(), tt.c); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	evil := mona
	evil.Name = "x> 1 +0000\ncommitter evil <e@e"
	made, err := r.CreateCommit(t.Context(), NewCommit{Tree: c.Tree, Author: evil, Committer: mona, Message: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if back, _ := r.Commit(t.Context(), made); back.Committer.Name != "Mona" {
		t.Fatalf("a name wrote a header: %+v", back)
	}
}

func TestTreeEdits(t *testing.T) {
	t.Parallel()
	r, ctx := newTestRepo(t), t.Context()
	one := r.commit(t, "one", files{"a/1": "1", "a/2": "2", "b": "b"})
	sub, err := r.Entry(ctx, one, "a")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := r.CreateTree(ctx, one, []TreeEdit{{Path: "a"}, {Path: "c/d", Mode: "040000", SHA: sub.SHA}})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := r.Tree(ctx, tree, true)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Path)
	}
	if want := "[b c c/d c/d/1 c/d/2]"; fmt.Sprint(got) != want {
		t.Fatalf("%v, want %s", got, want)
	}
	for _, path := range []string{"../x", "/x", ".git/config", "a/.GIT/x", "a//b", "", "a\nb"} {
		if _, err := r.CreateTree(ctx, one, []TreeEdit{{Path: path, Mode: "100644", SHA: sub.SHA}}); !errors.Is(err, ErrBadName) {
			t.Errorf("path %q: %v", path, err)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	r, ctx := newTestRepo(t), t.Context()
	long := strings.Repeat("line\n", 50)
	one := r.commit(t, "one", files{"keep": "a\nb\n", "old name": long, "gone": "x\n", "tab\there": "1\n", "bin": "\x00\x01"})
	two := r.commit(t, "two", files{"keep": "a\nc", "old name": "", "new/näme": long + "more\n", "gone": "", "tab\there": "2\n",
		"bin": "\x00\x02", "diff --git": "diff --git a/x b/x\n"}, one)
	changes, err := r.Diff(ctx, one, two, true)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]FileChange{}
	for _, c := range changes {
		got[c.Path] = c
	}
	if len(got) != 6 {
		t.Fatalf("%d changes: %+v", len(got), changes)
	}
	if c := got["keep"]; c.Status != "modified" || c.Patch != "@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file" || c.Additions != 1 {
		t.Errorf("%+v", c)
	}
	if c := got["new/näme"]; c.Status != "renamed" || c.OldPath != "old name" || c.Additions != 1 || c.Deletions != 0 || !strings.HasSuffix(c.Patch, "+more") {
		t.Errorf("%+v", c)
	}
	if c := got["gone"]; c.Status != "removed" || c.Patch != "@@ -1 +0,0 @@\n-x" || c.SHA == Zero {
		t.Errorf("%+v", c)
	}
	if c := got["bin"]; !c.Binary || c.Patch != "" {
		t.Errorf("%+v", c)
	}
	if c := got["diff --git"]; c.Patch != "@@ -0,0 +1 @@\n+diff --git a/x b/x" || c.Status != "added" {
		t.Errorf("%+v", c)
	}
	if c := got["tab\there"]; c.Patch != "@@ -1 +1 @@\n-1\n+2" {
		t.Errorf("%+v", c)
	}
	if plain, err := r.Diff(ctx, one, two, false); err != nil || len(plain) != 6 || plain[0].Patch != "" {
		t.Errorf("%+v, %v", plain, err)
	}
	if root, err := r.Diff(ctx, EmptyTree, one, true); err != nil || len(root) != 5 {
		t.Errorf("%+v, %v", root, err)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	r, ctx := newTestRepo(t), t.Context()
	one := r.commit(t, "one", files{"a": "1"})
	two := r.commit(t, "two", files{"a": "2"}, one)
	side := r.commit(t, "side", files{"b": "2"}, one)
	lone := r.commit(t, "lone", files{"z": "2"})
	if ahead, behind, err := r.AheadBehind(ctx, two, side); err != nil || ahead != 1 || behind != 1 {
		t.Errorf("ahead %d behind %d, %v", ahead, behind, err)
	}
	if base, err := r.MergeBase(ctx, two, side); err != nil || base != one {
		t.Errorf("base %s, %v", base, err)
	}
	if _, err := r.MergeBase(ctx, two, lone); !errors.Is(err, ErrUnrelated) {
		t.Errorf("unrelated: %v", err)
	}
	for _, tt := range []struct {
		a, b string
		want bool
	}{{one, two, true}, {two, one, false}, {two, two, true}, {side, two, false}} {
		if got, err := r.IsAncestor(ctx, tt.a, tt.b); err != nil || got != tt.want {
			t.Errorf("IsAncestor: %v, %v", got, err)
		}
	}
	log, err := r.Log(ctx, LogOptions{Tip: two, Path: "a", Limit: 1, Skip: 1})
	if err != nil || len(log) != 1 || log[0].SHA != one {
		t.Errorf("log %v, %v", log, err)
	}
	if n, err := r.Count(ctx, two, one); err != nil || n != 1 {
		t.Errorf("count %d, %v", n, err)
	}
}

func TestCancelledReadDoesNotBreakTheNext(t *testing.T) {
	t.Parallel()
	r := newTestRepo(t)
	sha := r.commit(t, "one", files{"a": "1"})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := r.Commit(ctx, sha); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		if _, err := r.Commit(t.Context(), sha); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	wg.Wait()
	if _, err := r.Commit(t.Context(), sha); err != nil {
		t.Fatal(err)
	}
}

func TestStoreNames(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir())
	defer s.Close()
	for _, bad := range []string{"", ".", "..", "a/b", "a\x00", "x.git", "a b", strings.Repeat("x", 101), "ü"} {
		if _, err := s.Open("o", bad); !errors.Is(err, ErrBadName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	made, err := s.Init(t.Context(), "o", "r")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Open("o", "r"); err != nil || again != made {
		t.Errorf("%p %p %v", again, made, err)
	}
	if _, err := s.Open("o", "none"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{"2.38.0": true, "2.37.9": false, "3.0": true, "2.50.1 (Apple Git-155)": true, "1.9.1": false, "x": false} {
		if newEnough(v) != want {
			t.Errorf("%s", v)
		}
	}
}
