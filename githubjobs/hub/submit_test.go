package hub

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

func TestSubmitTakesTwoRequestsForAnyNumberOfJobs(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.submit(spec("first")) // looks up the default branch and the base's tree
	first := f.requests()
	if want := 4; len(first) != want {
		t.Errorf("the first submission took %d requests, want %d: %v", len(first), want, first)
	}
	for _, n := range []int{1, 1000} {
		jobs := specs(fmt.Sprintf("n%d", n), n)
		for _, s := range f.submit(jobs...) {
			if s.Err != nil || !s.Created || !isSHA(s.SHA) {
				t.Fatalf("%+v", s)
			}
		}
		if got := f.requests(); len(got) != 2 || !strings.HasPrefix(got[0], "GET /alice/reports.git/info/refs") || !strings.HasPrefix(got[1], "POST /alice/reports.git/git-receive-pack") {
			t.Errorf("%d jobs took %d requests: %v", n, len(got), got)
		}
	}
	if n := len(strings.Fields(f.git("for-each-ref", "--format=%(refname)", "refs/heads/job/"))); n != 1002 {
		t.Errorf("%d branches", n)
	}
	f.git("fsck", "--strict")
}

func TestSubmitMakesTheCommitThatIsTheJob(t *testing.T) {
	t.Parallel()
	f := setup(t)
	s := f.submit(spec("abc"))[0]
	if s.Err != nil || s.Branch != "job/abc" {
		t.Fatalf("%+v", s)
	}
	main := f.git("rev-parse", "main")
	if got := f.git("log", "-1", "--format=%H %P %T %an <%ae> %aI %cI", "job/abc"); got != fmt.Sprintf(
		"%s %s %s githubjobs <jobs@githubjobs.invalid> 2026-11-21T08:00:00+00:00 2026-11-21T08:00:00+00:00",
		s.SHA, main, f.git("rev-parse", "main^{tree}")) {
		t.Errorf("got %s", got)
	}
	got, err := githubjobs.ParseSpec(f.git("log", "-1", "--format=%B", "job/abc"))
	if err != nil || githubjobs.FormatSpec(got) != githubjobs.FormatSpec(spec("abc")) {
		t.Errorf("%+v, %v", got, err)
	}
	if s.BaseSHA != main {
		t.Errorf("base %s, want %s", s.BaseSHA, main)
	}
}

func TestSubmitAgainFindsWhatTheFirstTryMade(t *testing.T) {
	t.Parallel()
	result := githubjobs.FormatResult("x", githubjobs.Result{ID: "abc", Attempt: 1, Outcome: githubjobs.OutcomeSuccess})
	for name, between := range map[string]struct {
		happens  func(*fixture)
		requests int
	}{
		"nothing":               {func(*fixture) {}, 1},
		"the base moves":        {func(f *fixture) { f.commit("main", "more") }, 2},
		"the agent has results": {func(f *fixture) { f.commit("job/abc", result); f.commit("job/abc", result) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			first := f.submit(spec("abc"))[0]
			between.happens(f)
			f.requests()
			again := f.submit(spec("abc"))[0]
			if again.Err != nil || again.Created || again.SHA != first.SHA || again.BaseSHA != first.BaseSHA {
				t.Errorf("first %+v\nagain %+v", first, again)
			}
			if got := f.requests(); len(got) != between.requests {
				t.Errorf("%d requests, want %d: %v", len(got), between.requests, got)
			}
		})
	}
}

func TestSubmitRefusesTheOneAndCreatesTheOthers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.submit(spec("taken"))
	f.git("branch", "job/foreign", "main")
	f.repo = f.withUpdateHook(`case "$1" in
		*/protected) echo 'GH013: Repository rule violations found' >&2; exit 1;;
	esac`)
	other := spec("taken")
	other.Prompt = "something else"
	nowhere := spec("nowhere")
	nowhere.Base = "gone"
	bad := spec("bad")
	bad.Title = ""
	twin := spec("good")
	twin.Prompt = "not the same"
	got := f.submit(other, spec("foreign"), nowhere, bad, spec("protected"), spec("good"), spec("good"), twin)
	taken, foreign := &TakenError{}, &TakenError{}
	if !errors.As(got[0].Err, &taken) || taken.Spec == nil || taken.Spec.Prompt != spec("taken").Prompt {
		t.Errorf("taken: %+v", got[0])
	}
	if !errors.As(got[1].Err, &foreign) || foreign.Spec != nil {
		t.Errorf("foreign: %+v", got[1])
	}
	if !errors.Is(got[2].Err, ErrNotFound) || Temporary(got[2].Err) || !strings.Contains(got[2].Err.Error(), `"gone"`) {
		t.Errorf("no base: %+v", got[2])
	}
	if field, ok := errors.AsType[*githubjobs.FieldError](got[3].Err); !ok || field.Field != "title" {
		t.Errorf("bad spec: %+v", got[3])
	}
	if err := got[4].Err; !errors.Is(err, ErrRefused) || Temporary(err) || !strings.Contains(Public(err), "GH013") {
		t.Errorf("protected: %+v", got[4])
	}
	for i := 5; i <= 6; i++ {
		if got[i].Err != nil || !got[i].Created || got[i].SHA != f.git("rev-parse", "job/good") {
			t.Errorf("good: %+v", got[i])
		}
	}
	if _, ok := errors.AsType[*TakenError](got[7].Err); !ok {
		t.Errorf("twin: %+v", got[7])
	}
	if refs := f.git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/heads/job/"); refs != "foreign\ngood\ntaken" {
		t.Errorf("branches: %q", refs)
	}
}

// The ref decides what an idempotency key names: a server that lost its store makes a
// later spec of a repeated request, and finds the job; another request does not get it.
func TestSubmitKeyedTwice(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first, other := spec("keyed"), spec("keyed")
	first.Request, other.Request = strings.Repeat("a", 64), strings.Repeat("b", 64)
	created := f.submit(first)[0]
	if created.Err != nil || !created.Created {
		t.Fatalf("%+v", created)
	}
	again := first
	again.CreatedAt = first.CreatedAt.Add(time.Hour)
	for i := range 2 { // the second time on a base that has moved
		got := f.submit(again)[0]
		if got.Err != nil || got.Created || got.SHA != created.SHA || got.BaseSHA != created.BaseSHA || got.Found == nil || !got.Found.CreatedAt.Equal(first.CreatedAt) {
			t.Errorf("%d: %+v, want the job of %+v", i, got, created)
		}
		f.commit("main", "moves on")
	}
	got := f.submit(other)[0]
	if e, ok := errors.AsType[*TakenError](got.Err); !ok || !e.Keyed() || e.Spec.Request != first.Request || !strings.Contains(e.Error(), "idempotency key") {
		t.Errorf("another request: %+v", got)
	}
}

func TestSubmitFromSeveralBases(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.git("branch", "next", "main")
	next := f.commit("next", "more")
	a, b, c := spec("a"), spec("b"), spec("c")
	b.Base, c.Base = "next", ""
	f.repo.LearnBase(next, f.git("rev-parse", "next^{tree}"))
	f.repo.LearnBase(f.git("rev-parse", "main"), f.git("rev-parse", "main^{tree}"))
	f.repo.base = "main"
	got := f.submit(a, b, c)
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d requests with bases that were learnt, want 2", n)
	}
	for i, want := range []string{f.git("rev-parse", "main"), next, f.git("rev-parse", "main")} {
		if got[i].Err != nil || got[i].BaseSHA != want {
			t.Errorf("%d: %+v, want base %s", i, got[i], want)
		}
	}
	if text := f.git("log", "-1", "--format=%B", "job/c"); !strings.Contains(text, `"base":"main"`) {
		t.Errorf("an empty base was not filled in: %s", text)
	}
}

func TestSubmitTellsWhatIsWrongWithTheWholePush(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for name, test := range map[string]struct {
		change    func(*Config)
		kind      error
		temporary bool
	}{
		"bad token":     {func(c *Config) { c.Token = "nonsense" }, ErrUnauthorized, false},
		"no repository": {func(c *Config) { c.Name = "nothing" }, ErrNotFound, false},
		"no server":     {func(c *Config) { c.ServerURL = "http://127.0.0.1:1" }, ErrUnavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{ServerURL: f.URL(), Owner: "alice", Name: "reports", Token: f.token, Base: "main"}
			test.change(&cfg)
			repo, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			_, err = repo.Submit(t.Context(), orders("x", 1))
			if !errors.Is(err, test.kind) || Temporary(err) != test.temporary {
				t.Errorf("temporary %v: %v", Temporary(err), err)
			}
			if strings.Contains(err.Error(), f.token) || !strings.Contains(Public(err), mends[test.kind]) {
				t.Errorf("%s", Public(err))
			}
		})
	}
}

func TestLRUForgetsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	c := newLRU(2)
	c.add("a", "1")
	c.add("b", "2")
	c.get("a")
	c.add("c", "3")
	var known []string
	for _, key := range []string{"a", "b", "c"} {
		if _, ok := c.get(key); ok {
			known = append(known, key)
		}
	}
	if !slices.Equal(known, []string{"a", "c"}) {
		t.Errorf("known: %v", known)
	}
}
