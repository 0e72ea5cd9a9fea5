package hub

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// order is an attempt of a job, as it is pushed.
func order(id string, attempt int) githubjobs.Order {
	return githubjobs.Order{Spec: spec(id), Attempt: attempt, At: created.Add(time.Duration(attempt) * time.Hour)}
}

func (f *fixture) push(orders ...githubjobs.Order) []Submission {
	f.t.Helper()
	got, err := f.repo.Submit(f.t.Context(), orders)
	f.must(err)
	for _, s := range got {
		f.must(s.Err)
	}
	return got
}

func TestAttemptsHaveBranchesOfTheirOwn(t *testing.T) {
	f := setup(t)
	f.workflow("run-job.yml", "true")
	got := f.push(order("abc", 1), order("abc", 2))
	if got[0].Branch != "job/abc" || got[1].Branch != "job/abc.2" || got[1].Attempt != 2 || got[0].SHA == got[1].SHA || !got[1].Created {
		t.Fatalf("%+v", got)
	}
	message := f.git("log", "-1", "--format=%B%ct", "job/abc.2")
	s, err := githubjobs.ParseSpec(message[:strings.LastIndex(message, "\n")])
	if err != nil || !reflect.DeepEqual(s, spec("abc")) || !strings.Contains(message, "\nJob-Attempt: 2\nJob-Spec: ") {
		t.Errorf("%v: %s", err, message)
	}
	again := f.push(order("abc", 2))
	if again[0].Created || again[0].SHA != got[1].SHA {
		t.Errorf("the second push of the attempt: %+v", again[0])
	}
	f.addFile("main", "moved.md", f.blob("x"))
	again = f.push(order("abc", 2))
	if again[0].Created || again[0].SHA != got[1].SHA || again[0].Found == nil {
		t.Errorf("the push on another base: %+v", again[0])
	}
}

// Whatever way GitHub is read, the attempts are told apart and come together again.
func TestReadsTellAttemptsApart(t *testing.T) {
	f := setup(t)
	f.workflow("run-job.yml", "true")
	app := f.app()
	f.push(order("abc", 1), order("abcd", 1), order("abc", 2), order("abc", 3))
	f.idle()
	pull := f.deliver(app, "abc.3")
	_, err := app.MergePull(t.Context(), MergeRequest{Number: pull.GetNumber(), SHA: pull.GetHead().GetSHA(), Method: "squash", Title: "x"})
	f.must(err)
	f.must(app.DeleteBranch(t.Context(), "job/abc.3"))
	f.must(app.DeleteBranch(t.Context(), "job/abc.2"))
	f.idle()
	one := githubjobs.Reduce(f.facts("abc"), time.Now())
	if one.Reason != githubjobs.ReasonMerged || one.Attempt != 3 || len(one.Attempts) != 3 || one.Attempts[0].RunURL == "" || one.Attempts[1].RunURL == "" {
		t.Errorf("read alone: %+v", one)
	}
	for name, got := range map[string]told{"everything": f.everything(), "what has changed": f.changed(created, nil)} {
		job := githubjobs.Reduce(got.Facts["abc"], time.Now())
		job.Evidence.ObservedAt = one.Evidence.ObservedAt
		if !reflect.DeepEqual(job, one) {
			t.Errorf("%s:\n%+v\nalone:\n%+v", name, job, one)
		}
		if other := got.Facts["abcd"]; len(other.Runs) != 1 || other.Later != nil {
			t.Errorf("%s: another job: %+v", name, other)
		}
	}
	known := map[string]Known{"abcd": {Head: f.git("rev-parse", "job/abcd")}, "abc": {Head: f.git("rev-parse", "job/abc")}, "abc.2": {Head: "x", Deleted: true}, "abc.3": {Head: pull.GetHead().GetSHA(), Deleted: true}}
	f.requests()
	f.changed(time.Now().Add(time.Hour), known)
	if len(f.requests()) != 3 {
		t.Error("what is known of the attempts is read again")
	}
}

func TestSuperseded(t *testing.T) {
	f := setup(t)
	app := f.app()
	f.push(order("abc", 1), order("abcd", 2))
	first := githubjobs.Name{ID: "abc", Attempt: 1}
	superseded := func(of githubjobs.Name, by int) {
		t.Helper()
		got, is, err := f.repo.Superseded(t.Context(), of, "main")
		f.must(err)
		if is != (by > 0) || is && got != (githubjobs.Name{ID: of.ID, Attempt: by}) {
			t.Errorf("%v is superseded by %v: %t, want attempt %d", of, got, is, by)
		}
	}
	push := func(of githubjobs.Name) error {
		head := f.git("rev-parse", of.Branch())
		results, err := f.repo.PushOf(t.Context(), of, []Update{{Ref: "refs/heads/" + of.Branch(), Old: head, New: head}}, nil)
		return errors.Join(append(results, err)...)
	}
	superseded(first, 0)
	f.must(push(first))
	f.push(order("abc", 2))
	superseded(first, 2)
	superseded(githubjobs.Name{ID: "abc", Attempt: 2}, 0)
	f.must(push(githubjobs.Name{ID: "abc", Attempt: 2}))
	if err := push(first); !errors.Is(err, ErrSuperseded) || Temporary(err) || !strings.Contains(err.Error(), "attempt 2, on the branch job/abc.2") {
		t.Errorf("the push of an old attempt: %v", err)
	}
	// The later one is merged, and its branch gone.
	f.deliver(app, "abc.2")
	f.must(app.DeleteBranch(t.Context(), "job/abc.2"))
	superseded(first, 2)
}
