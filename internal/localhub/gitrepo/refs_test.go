package gitrepo

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	r, ctx := newTestRepo(t), t.Context()
	one := r.commit(t, "one", files{"a": "1"})
	two := r.commit(t, "two", files{"a": "2"}, one)
	tag, err := r.CreateTag(ctx, "v1", one, mona, "first\n")
	if err != nil {
		t.Fatal(err)
	}
	err = r.UpdateRefs(ctx, RefUpdate{"refs/heads/main", two, Zero}, RefUpdate{"refs/heads/feat/x", one, Zero},
		RefUpdate{"refs/tags/v1", tag, Zero}, RefUpdate{"refs/heads/beef", one, ""})
	if err != nil {
		t.Fatal(err)
	}
	for rev, want := range map[string]string{
		"main": two, "HEAD": two, "heads/main": two, "refs/heads/main": two, "feat/x": one, "v1": one, "tags/v1": one,
		one: one, one[:7]: one, "beef": one, tag: one,
	} {
		if got, err := r.Resolve(ctx, rev); err != nil || got != want {
			t.Errorf("Resolve(%q) = %s, %v; want %s", rev, got, err, want)
		}
	}
	for _, rev := range []string{"", "nope", "main~1", "main^", "@{-1}", ":/one", "--all", "-x", "main\nHEAD", "HEAD:a",
		strings.Repeat("1", 40), "a..b", "main@{upstream}", "abc"} {
		if got, err := r.Resolve(ctx, rev); !errors.Is(err, ErrNotFound) {
			t.Errorf("Resolve(%q) = %s, %v; want ErrNotFound", rev, got, err)
		}
	}
	refs, err := r.Refs(ctx, "refs/heads/fe")
	if err != nil || len(refs) != 1 || refs[0].Name != "refs/heads/feat/x" {
		t.Fatalf("%v, %v", refs, err)
	}
	if ref, err := r.Ref(ctx, "refs/tags/v1"); err != nil || ref.Type != "tag" || ref.SHA != tag || ref.Commit != one {
		t.Fatalf("%+v, %v", ref, err)
	}
}

// Refs are found packed as well as loose, and only under their exact name.
func TestRefIsExact(t *testing.T) {
	t.Parallel()
	r, ctx := newTestRepo(t), t.Context()
	one := r.commit(t, "one", files{"a": "1"})
	tag, err := r.CreateTag(ctx, "v1", one, mona, "first\n")
	if err != nil {
		t.Fatal(err)
	}
	err = r.UpdateRefs(ctx, RefUpdate{"refs/heads/refs/heads/x", one, Zero}, RefUpdate{"refs/heads/a/b", one, Zero}, RefUpdate{"refs/tags/v1", tag, Zero})
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"loose", "packed"} {
		for _, name := range []string{"refs/heads/x", "refs/heads/a", "refs/heads/a/b/c", "refs/heads/heads/x"} {
			if ref, err := r.Ref(ctx, name); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %s is %v, %v", state, name, ref, err)
			}
		}
		if sha, err := r.Resolve(ctx, "x"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: x is %s, %v", state, sha, err)
		}
		if ref, err := r.Ref(ctx, "refs/heads/a/b"); err != nil || ref.SHA != one {
			t.Errorf("%s: %v, %v", state, ref, err)
		}
		if ref, err := r.Ref(ctx, "refs/tags/v1"); err != nil || ref.SHA != tag || ref.Commit != one || ref.Type != "tag" {
			t.Errorf("%s: %v, %v", state, ref, err)
		}
		if _, err := r.git(ctx, "pack-refs", "--all"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUpdateRefs(t *testing.T) {
	t.Parallel()
	r, ctx := newTestRepo(t), t.Context()
	one := r.commit(t, "one", files{"a": "1"})
	two := r.commit(t, "two", files{"a": "2"}, one)
	blob, err := r.CreateBlob(ctx, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CreateRef(ctx, "refs/heads/a", one); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		u    RefUpdate
		want error
	}{
		"exists":          {RefUpdate{"refs/heads/a", two, Zero}, ErrRefExists},
		"below a file":    {RefUpdate{"refs/heads/a/b", two, Zero}, ErrRefExists},
		"moved":           {RefUpdate{"refs/heads/a", one, two}, ErrRefMoved},
		"gone":            {RefUpdate{"refs/heads/b", one, two}, ErrRefMoved},
		"delete moved":    {RefUpdate{"refs/heads/a", Zero, two}, ErrRefMoved},
		"no such object":  {RefUpdate{"refs/heads/b", strings.Repeat("1", 40), Zero}, ErrNotFound},
		"blob as branch":  {RefUpdate{"refs/heads/b", blob, Zero}, ErrWrongType},
		"not a SHA":       {RefUpdate{"refs/heads/b", "main", Zero}, ErrBadName},
		"outside of refs": {RefUpdate{"HEAD", one, ""}, ErrBadName},
		"traversal":       {RefUpdate{"refs/heads/../../config", one, ""}, ErrBadName},
		"lock":            {RefUpdate{"refs/heads/a.lock", one, ""}, ErrBadName},
	} {
		if err := r.UpdateRefs(ctx, tt.u); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if err := r.DeleteRef(ctx, "refs/heads/none", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("delete of nothing: %v", err)
	}
	// All or none.
	err = r.UpdateRefs(ctx, RefUpdate{"refs/heads/new", one, Zero}, RefUpdate{"refs/heads/a", two, Zero})
	if _, missing := r.Ref(ctx, "refs/heads/new"); !errors.Is(err, ErrRefExists) || !errors.Is(missing, ErrNotFound) {
		t.Errorf("half of a transaction: %v, %v", err, missing)
	}
}

func TestOneOfManyCreatesARef(t *testing.T) {
	t.Parallel()
	r := newTestRepo(t)
	one := r.commit(t, "one", files{"a": "1"})
	var wg sync.WaitGroup
	errs := make(chan error, 16)
	for range cap(errs) {
		wg.Go(func() { errs <- r.CreateRef(t.Context(), "refs/heads/x", one) })
	}
	wg.Wait()
	close(errs)
	won := 0
	for err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, ErrRefExists) && !errors.Is(err, ErrRefMoved):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Fatalf("%d won", won)
	}
}
