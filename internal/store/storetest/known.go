package storetest

import (
	"maps"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

func known(t *testing.T, clk *clock, s store.Store) {
	merge := func(f githubjobs.Facts) { ok(t, s.MergeFacts(t.Context(), project, f)) }
	spec, result := Spec("x", Now), githubjobs.ResultFact{SHA: "def"}
	merge(githubjobs.Facts{ID: "branch", Spec: &spec, Created: []string{"abc"}, Branch: &githubjobs.BranchFact{Head: "abc", At: Now}})
	merge(githubjobs.Facts{ID: "told", Spec: &spec, Created: []string{"abc"}, Branch: &githubjobs.BranchFact{Head: "def", Moved: true, At: Now}})
	merge(githubjobs.Facts{ID: "read", Spec: &spec, Branch: &githubjobs.BranchFact{Head: "def", Moved: true, Read: true, At: Now}})
	merge(githubjobs.Facts{ID: "no-spec", Branch: &githubjobs.BranchFact{Head: "abc", At: Now}})
	merge(githubjobs.Facts{ID: "gone", Branch: &githubjobs.BranchFact{Head: "abc", Deleted: true, At: Now}})
	merge(githubjobs.Facts{ID: "running", Runs: []githubjobs.RunFact{run(1, "completed", "failure"), run(2, "queued", "")}})
	merge(githubjobs.Facts{ID: "ended", Runs: []githubjobs.RunFact{run(1, "in_progress", ""), run(2, "completed", "success")}})
	clk.advance(time.Hour)
	merge(githubjobs.Facts{ID: "recent", Spec: &spec, Result: &result, Branch: &githubjobs.BranchFact{Head: "def", Deleted: true, At: Now}})
	// Its deletion was told, and not the push of the result before it.
	merge(githubjobs.Facts{ID: "no-result", Spec: &spec, Branch: &githubjobs.BranchFact{Head: "def", Deleted: true, At: Now}})
	// Of a job with several attempts: the first run ended as nobody looked any more.
	merge(githubjobs.Facts{ID: "thrice", Spec: &spec, Branch: &githubjobs.BranchFact{Head: "one", Read: true, At: Now}, Runs: []githubjobs.RunFact{run(1, "in_progress", "")}})
	merge(githubjobs.Facts{ID: "thrice", Attempt: 3, Created: []string{"three"}, Branch: &githubjobs.BranchFact{Head: "three", At: Now}, Runs: []githubjobs.RunFact{{ID: 9, Attempt: 1, Status: "queued", HeadSHA: "three"}}})
	merge(githubjobs.Facts{ID: "thrice", Attempt: 2, Created: []string{"two"}, Branch: &githubjobs.BranchFact{Head: "two", Deleted: true, At: Now}})
	got, err := s.Known(t.Context(), project, Now.Add(time.Minute))
	ok(t, err)
	want := map[githubjobs.Name]store.Known{}
	for id, k := range map[string]store.Known{"branch": {Head: "abc"}, "told": {}, "read": {Head: "def"}, "no-spec": {}, "running": {Run: 7}, "recent": {Head: "def", Deleted: true}, "no-result": {Deleted: true},
		"thrice": {Head: "one"}, "thrice.2": {Head: "two", Deleted: true}, "thrice.3": {Head: "three", Run: 9}} {
		of, _ := githubjobs.ParseName(id)
		want[of] = k
	}
	if !maps.Equal(got, want) {
		t.Fatalf("known %+v, want %+v", got, want)
	}
}
