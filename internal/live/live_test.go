package live

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// A capability is for one attempt, as long as that is the present one and goes on.
func TestCapabilitiesEnd(t *testing.T) {
	t.Parallel()
	run := func(id int64, attempt int, status, conclusion string) githubjobs.Facts {
		return githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{{ID: id, Attempt: attempt, Status: status, Conclusion: conclusion, HeadSHA: "abc", StartedAt: now, At: now.Add(time.Second)}}}
	}
	for name, c := range map[string]struct {
		learn githubjobs.Facts
		after int64 // seconds
		want  error
	}{
		"it goes on":                {},
		"the run has ended":         {learn: run(7, 1, "completed", "failure"), want: ErrOver},
		"the run was run again":     {learn: run(7, 2, "queued", ""), want: ErrOver},
		"another run":               {learn: run(8, 1, "queued", ""), want: ErrOver},
		"somebody asked for an end": {learn: githubjobs.Facts{ID: "a", Cancel: &githubjobs.CancelFact{By: "somebody", At: now}}, want: ErrOver},
		"another attempt":           {learn: githubjobs.Facts{ID: "a", Attempt: 2, Branch: &githubjobs.BranchFact{Head: "def", At: now}, Created: []string{"def"}}, want: ErrOver},
		"its time is over":          {after: int64((githubjobs.DefaultTimeout + spare).Seconds()), want: store.ErrCapability},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			g := w.grant(t)
			if last, err := w.tell(t.Context(), "a", g.Capability, lines(1, "one")); err != nil || last != 1 {
				t.Fatalf("%d, %v", last, err)
			}
			if c.learn.ID != "" {
				w.learn(t, c.learn)
			}
			w.clock.Store(c.after)
			if _, err := w.tell(t.Context(), "a", g.Capability, lines(2, "two")); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if c.want != ErrOver {
				return
			}
			if _, err := w.Exchange(t.Context(), w.issuer.token(t, nil)); !errors.Is(err, ErrOver) {
				t.Errorf("a new capability: %v", err)
			}
		})
	}
}

func TestACapabilityIsOfOneJob(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.learn(t, facts("b", "in_progress"))
	of := "octo/renamed/.github/workflows/run-job.yml@refs/heads/job/b"
	b, err := w.Exchange(t.Context(), w.issuer.token(t, map[string]any{"ref": "refs/heads/job/b", "workflow_ref": of, "job_workflow_ref": of}))
	if err != nil {
		t.Fatal(err)
	}
	first := w.grant(t)
	second := w.grant(t)
	for name, c := range map[string]struct{ job, capability string }{
		"that of another": {"a", b.Capability}, "a former one": {"a", first.Capability}, "none": {"a", ""}, "of a job that is none": {"c", second.Capability},
		"the stored form": {"a", string(digest(second.Capability))},
	} {
		if _, err := w.tell(t.Context(), c.job, c.capability, lines(1, "x")); !errors.Is(err, store.ErrCapability) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.tell(t.Context(), "a", second.Capability, lines(1, "x")); err != nil {
		t.Error(err)
	}
}

// Whatever a run tells, the job stands where the facts say.
func TestALieAddsAtMost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	before := w.job(t)
	g := w.grant(t)
	events := append(lines(1, "::error::merged", `{"status":"merged"}`),
		githubjobs.Event{Seq: 3, Type: githubjobs.EventPhase, At: now, Text: "ended"},
		githubjobs.Event{Seq: 4, Type: githubjobs.EventProgress, At: now, Done: 9, Total: 9, Text: "all done"},
		githubjobs.Event{Seq: 5, Type: githubjobs.EventMetadata, At: now, Key: "status", Text: "merged"})
	if _, err := w.tell(t.Context(), "a", g.Capability, events); err != nil {
		t.Fatal(err)
	}
	j := w.job(t)
	if j.Status != before.Status || j.Reason != before.Reason || j.Terminal || j.PullURL != "" || j.Message != before.Message || len(j.Diagnosis) > 0 {
		t.Errorf("the job is %+v", j)
	}
	if j.Phase != "ended" || j.Progress.Done != 9 || j.Metadata["status"] != "merged" || j.Log != "::error::merged\n{\"status\":\"merged\"}" || !j.HeartbeatAt.Equal(now) {
		t.Errorf("the job is %+v", j)
	}
	// After the end what was told is still there, but not where the job was at.
	done := facts("a", "completed")
	done.Runs[0].Conclusion, done.Runs[0].At = "cancelled", now.Add(time.Minute)
	w.learn(t, done)
	if j := w.job(t); j.Reason != githubjobs.ReasonCanceled || j.Phase != "" || !j.HeartbeatAt.IsZero() || j.Log != "" || j.Metadata["status"] != "merged" {
		t.Errorf("ended, the job is %+v", j)
	}
}

// A silent agent is told of when its run goes on, and this server would have heard it.
func TestNoHeartbeat(t *testing.T) {
	t.Parallel()
	w := setup(t)
	diagnosed := func() bool {
		j := w.job(t)
		return len(j.Diagnosis) == 1 && j.Diagnosis[0].Code == githubjobs.DiagnosisNoHeartbeat && j.Reason == githubjobs.ReasonRunning
	}
	silence := int64(githubjobs.NoHeartbeat.Seconds())
	w.clock.Store(10 * silence)
	if diagnosed() {
		t.Error("nothing was ever heard of the attempt, and yet it is missed")
	}
	w.clock.Store(0)
	g := w.grant(t)
	w.clock.Store(silence - 1)
	if diagnosed() {
		t.Error("it is missed too early")
	}
	w.clock.Store(silence)
	if !diagnosed() {
		t.Errorf("it is not missed: %+v", w.job(t).Diagnosis)
	}
	restarted := New(w.Options)
	if j, _ := restarted.Show(t.Context(), githubjobs.Reduce(facts("a", "in_progress"), w.Now())); len(j.Diagnosis) > 0 {
		t.Error("a server that has just begun misses what it could not hear")
	}
	if _, err := w.tell(t.Context(), "a", g.Capability, nil); err != nil {
		t.Fatal(err)
	}
	if diagnosed() {
		t.Error("it is missed although it was heard")
	}
	w.clock.Add(silence)
	if !diagnosed() {
		t.Error("it is not missed")
	}
	if _, err := w.tell(t.Context(), "a", g.Capability, []githubjobs.Event{{Seq: 1, Type: githubjobs.EventPhase, At: now, Text: "ended"}}); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(silence)
	if diagnosed() {
		t.Error("it is missed after it has said that it ends")
	}
}

func TestListeners(t *testing.T) {
	t.Parallel()
	w := setup(t)
	g := w.grant(t)
	news, done, ok := w.Listen("a")
	other, _, _ := w.Listen("b")
	if !ok {
		t.Fatal("nobody may listen")
	}
	for range 3 {
		if _, err := w.tell(t.Context(), "a", g.Capability, nil); err != nil {
			t.Fatal(err)
		}
	}
	<-news
	select {
	case <-other:
		t.Error("who listens to another job was told")
	case <-news:
		t.Error("three news that nobody has looked at are more than one")
	default:
	}
	done()
	for range MaxListeners - 1 {
		if _, _, ok := w.Listen("a"); !ok {
			t.Fatal("too few may listen")
		}
	}
	if _, _, ok := w.Listen("a"); ok {
		t.Error("too many may listen")
	}
	w.Stop()
	w.Stop()
	<-w.Stopped()
}

// Who tells too much is held back, and what is kept stays within its bounds.
func TestAFlood(t *testing.T) {
	t.Parallel()
	w := setup(t)
	g := w.grant(t)
	refused := false
	for range 10 * appendBurst {
		_, err := w.tell(t.Context(), "a", g.Capability, nil)
		if refused = errors.Is(err, ErrTooFast); refused {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !refused {
		t.Error("nothing was refused")
	}
	for batch := range int64(20) {
		var events []githubjobs.Event
		for i := range int64(githubjobs.MaxEvents) {
			events = append(events, lines(1+batch*githubjobs.MaxEvents+i, fmt.Sprint("line ", i))...)
		}
		if _, err := w.store.AppendEvents(t.Context(), "p", "a", digest(g.Capability), events); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := w.store.Events(t.Context(), "p", "a", 0, nil, 1<<20)
	if err != nil || len(kept) > store.MaxLogBytes/64 || len(kept) < 1000 {
		t.Errorf("%d events are kept, %v", len(kept), err)
	}
	if n := len(w.job(t).Log); n == 0 || n > tailBytes {
		t.Errorf("the status has %d bytes of the log", n)
	}
}
