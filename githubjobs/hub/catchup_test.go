package hub

import (
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// brought is a job whose result was brought onto a base that has moved since.
func (f *fixture) brought(id string) (of githubjobs.Name, result, head string) {
	f.t.Helper()
	f.submit(spec(id))
	of = githubjobs.Name{ID: id, Attempt: 1}
	result = f.deliver(f.app(), id).GetHead().GetSHA()
	f.addFile("main", "reports/later.md", f.blob("later\n"))
	plan, err := f.repo.PlanCatchUp(f.t.Context(), "main", result)
	f.must(err)
	if plan.Behind != 1 || plan.Head != result || plan.Onto != f.git("rev-parse", "main") {
		f.t.Errorf("%+v", plan)
	}
	head, err = f.repo.PushCatchUp(f.t.Context(), of, "main", result, plan, created.Add(time.Hour))
	f.must(err)
	return of, result, head
}

// A head that lacks nothing has nothing to be brought onto.
func TestPlanCatchUpOfAHeadThatHasAll(t *testing.T) {
	f := setup(t)
	_, _, head := f.brought("abc")
	f.requests()
	plan, err := f.repo.PlanCatchUp(t.Context(), "main", head)
	if err != nil || plan.Behind != 0 || len(plan.made) > 0 {
		t.Errorf("%+v, %v", plan, err)
	}
	if n := len(f.requests()); n > 3 {
		t.Errorf("%d requests", n)
	}
}

// What a commit holds is looked at once, and what is on the base each time.
func TestWhatIsProvedIsProvedOnce(t *testing.T) {
	f := setup(t)
	of, result, head := f.brought("abc")
	carries := func(of githubjobs.Name, result string) (why string, requests []string) {
		t.Helper()
		f.requests()
		chain, why, err := f.repo.Carries(t.Context(), of, "main", head, result)
		if err != nil || (why == "") != (len(chain) == 2) {
			t.Errorf("%v, %q, %v", chain, why, err)
		}
		return why, f.requests()
	}
	why, first := carries(of, result)
	if again, second := carries(of, result); why != "" || again != "" || len(first) < 8 || len(second) != 2 || !strings.Contains(second[1], "/compare/") {
		t.Errorf("%q, then %q: %q, then %q", why, again, first, second)
	}
	// It is proved for this result of this attempt alone.
	if why, _ := carries(of, f.git("rev-parse", result+"^")); !strings.Contains(why, "is no merge of main") {
		t.Errorf("of another result: %q", why)
	}
	if why, _ := carries(githubjobs.Name{ID: "abc", Attempt: 2}, result); !strings.Contains(why, "is no merge of main") {
		t.Errorf("of another attempt: %q", why)
	}
	f.git("update-ref", "refs/heads/main", "main^")
	if why, _ := carries(of, result); !strings.Contains(why, "which is not on main") {
		t.Errorf("the base was taken back: %q", why)
	}
}
