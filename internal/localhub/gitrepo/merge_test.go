package gitrepo

import (
	"errors"
	"testing"
)

func TestMerges(t *testing.T) {
	t.Parallel()
	r, ctx := newTestRepo(t), t.Context()
	root := r.commit(t, "root", files{"a": "1\n2\n3\n", "b": "b\n"})
	base := r.commit(t, "base", files{"b": "bb\n"}, root)
	head := r.commit(t, "head", files{"a": "1\n2\n3\n4\n"}, root)
	clash := r.commit(t, "clash", files{"b": "other\n"}, head)
	c := NewCommit{Author: mona, Committer: mona, Message: "merge\n"}

	merged, err := r.Merge(ctx, base, head, c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Commit(ctx, merged)
	if err != nil || len(m.Parents) != 2 || m.Parents[0] != base || m.Parents[1] != head {
		t.Fatalf("%+v, %v", m, err)
	}
	squashed, err := r.Squash(ctx, base, head, c)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := r.Commit(ctx, squashed); err != nil || s.Tree != m.Tree || len(s.Parents) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	for name, merge := range map[string]func() error{
		"merge":  func() error { _, err := r.Merge(ctx, base, clash, c); return err },
		"rebase": func() error { _, err := r.Rebase(ctx, base, clash, mona); return err },
	} {
		var conflict *ConflictError
		if err := merge(); !errors.As(err, &conflict) || len(conflict.Paths) != 1 || conflict.Paths[0] != "b" {
			t.Errorf("%s: %v", name, err)
		}
	}
	lone := r.commit(t, "lone", files{"z": "1"})
	if _, err := r.MergeTree(ctx, base, lone); !errors.Is(err, ErrUnrelated) {
		t.Errorf("unrelated: %v", err)
	}
}

func TestRebase(t *testing.T) {
	t.Parallel()
	r, ctx := newTestRepo(t), t.Context()
	root := r.commit(t, "root", files{"a": "1\n2\n3\n", "b": "b\n"})
	base := r.commit(t, "base", files{"b": "bb\n"}, root)
	one := r.commit(t, "one", files{"a": "1\n2\n3\n4\n"}, root)
	same := r.commit(t, "same as base", files{"b": "bb\n"}, one)
	two := r.commit(t, "two", files{"c": "c\n"}, same)
	empty := r.commit(t, "empty on purpose", nil, two)
	bot := Signature{Name: "bot", Email: "bot@example.com", When: mona.When}
	tip, err := r.Rebase(ctx, base, empty, bot)
	if err != nil {
		t.Fatal(err)
	}
	log, err := r.Log(ctx, LogOptions{Tip: tip, Not: base, OldestFirst: true})
	if err != nil || len(log) != 3 {
		t.Fatalf("%v, %v", log, err)
	}
	for i, want := range []string{"one", "two", "empty on purpose"} {
		if log[i].Message != want || log[i].Author.Name != "Mona" || log[i].Committer.Name != "bot" {
			t.Errorf("%+v", log[i])
		}
	}
	for path, want := range map[string]string{"a": "1\n2\n3\n4\n", "b": "bb\n", "c": "c\n"} {
		if got, err := r.File(ctx, tip, path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	// Even a fast-forward gets new commits, for the committer changes.
	if ff, err := r.Rebase(ctx, root, one, bot); err != nil || ff == one {
		t.Errorf("%s, %v", ff, err)
	}
}
