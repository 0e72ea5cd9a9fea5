package hub

import (
	"slices"
	"strings"
	"testing"
)

// A comparison takes any name, a tag's too; so commits are compared.
func TestATagIsNotTakenForTheBase(t *testing.T) {
	f := setup(t)
	f.workflow("run-job.yml", naming)
	f.submit(spec("one"))
	f.byHand("aside", f.commit("main", "To be taken back"), false)
	aside := f.git("rev-parse", "main")
	f.git("update-ref", "refs/heads/main", "main~1")
	f.git("update-ref", "refs/heads/side", "main")
	head := f.git("rev-parse", "side")
	f.idle()
	ran := f.ran("aside")
	f.git("update-ref", "refs/tags/main", aside)
	f.requests()
	if sha, why, err := f.repo.Vouched(t.Context(), ran); err != nil || sha != "" || !strings.Contains(why, "does not stand on main") {
		t.Errorf("vouched for %q, %q, %v", sha, why, err)
	}
	if on, err := f.repo.isOn(t.Context(), aside, "main"); err != nil || on {
		t.Errorf("on: %t, %v", on, err)
	}
	if n, err := f.repo.Behind(t.Context(), "main", head); err != nil || n != 0 {
		t.Errorf("behind: %d, %v", n, err)
	}
	if tip, err := f.repo.moved(t.Context(), "main", head); err != nil || tip != "" {
		t.Errorf("moved: %s, %v", tip, err)
	}
	f.git("update-ref", "-d", "refs/tags/main")
	f.addFile("main", "README.md", f.blob("other"))
	f.git("update-ref", "refs/tags/main", head)
	since, err := f.repo.ChangedSince(t.Context(), head, "main")
	if err != nil || !slices.Contains(since.Paths, "README.md") {
		t.Errorf("since: %q, %v", since.Paths, err)
	}
	if touched, err := f.repo.Touching(t.Context(), "README.md", since, 3); err != nil || len(touched) != 1 {
		t.Errorf("touched: %+v, %v", touched, err)
	}
	compared := 0
	for _, r := range f.requests() {
		if strings.Contains(r, "/compare/") {
			compared++
		}
		if strings.Contains(r, "/compare/main.") || strings.Contains(r, "...main") || strings.Contains(r, "sha=main") {
			t.Errorf("asked by name: %s", r)
		}
	}
	if compared < 5 {
		t.Errorf("%d comparisons", compared)
	}
}
