package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// unsignedJobs are the jobs of which a receipt is to be made, page by page.
func unsignedJobs(t *testing.T, s store.Store) (jobs []string, list []store.Unsigned) {
	t.Helper()
	for after := int64(0); ; {
		page, err := s.Unsigned(t.Context(), project, after, 2)
		ok(t, err)
		if len(page) == 0 {
			return jobs, list
		}
		for _, u := range page {
			jobs, list, after = append(jobs, u.Job), append(list, u), u.Seq
		}
	}
}

// owes checks of which jobs a receipt is to be made.
func owes(t *testing.T, s store.Store, what string, jobs ...string) []store.Unsigned {
	t.Helper()
	got, list := unsignedJobs(t, s)
	slices.Sort(got)
	if !slices.Equal(got, jobs) {
		t.Errorf("%s: receipts are to be made of %q, want %q", what, got, jobs)
	}
	return list
}

func signed(id, about, envelope string) store.Receipt {
	return store.Receipt{Job: id, About: about, SignedAt: Now, Envelope: []byte(envelope)}
}

// unsigned: an end of a job is listed until it is signed, and another end of it again.
func unsigned(t *testing.T, _ *clock, s store.Store) {
	ok(t, s.Accept(t.Context(), project, Spec("never-pushed", Now)))
	ok(t, s.MergeFacts(t.Context(), project, refuse("never-pushed")))
	ok(t, s.Accept(t.Context(), project, Spec("goes-on", Now)))
	owes(t, s, "of nothing that came to GitHub")
	for _, id := range []string{"a", "b", "c"} {
		end(t, s, Spec(id, Now))
	}
	ok(t, s.MergeFacts(t.Context(), "other", githubjobs.Facts{ID: "a"}))
	list := owes(t, s, "of what has ended", "a", "b", "c")
	end(t, s, Spec("a", Now)) // no news
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Branch: &githubjobs.BranchFact{Head: "abc", Deleted: true, At: Now.Add(time.Second)}}))
	ok(t, s.RefreshJobs(t.Context(), project, "a", "b"))
	owes(t, s, "after news that change no end", "a", "b", "c")

	rerun := func(status, conclusion string, attempt int) {
		t.Helper()
		run := githubjobs.RunFact{ID: 7, Attempt: attempt, Status: status, Conclusion: conclusion, HeadSHA: "abc", At: Now.Add(time.Duration(attempt) * time.Minute)}
		ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{run}}))
	}
	rerun("in_progress", "", 2)
	ok(t, s.Sign(t.Context(), project, []store.Receipt{signed("b", "b1", "{}")}, list)) // and what was seen of a
	owes(t, s, "of a job that runs again")
	rerun("completed", "cancelled", 2)
	owes(t, s, "of its other end", "a")
	many := []githubjobs.Facts{{ID: "d"}, {ID: "d", Branch: &githubjobs.BranchFact{Head: "abc", Deleted: true, At: Now}}}
	spec := Spec("d", Now)
	many[0].Spec, many[0].Created = &spec, []string{"abc"}
	many[0].Runs = []githubjobs.RunFact{{ID: 9, Attempt: 1, Status: "completed", Conclusion: "cancelled", HeadSHA: "abc", At: Now}}
	ok(t, s.MergeFacts(t.Context(), project, many...))
	owes(t, s, "of what ended in one write with more", "a", "d")
}

// manyUnsigned: jobs that are read from GitHub when they have long ended are listed too.
func manyUnsigned(t *testing.T, _ *clock, s store.Store) {
	var facts []githubjobs.Facts
	for i := range 120 {
		spec := Spec(fmt.Sprintf("job-%03d", i), Now)
		facts = append(facts, githubjobs.Facts{ID: spec.ID, Spec: &spec, Created: []string{"abc"}, Branch: &githubjobs.BranchFact{Head: "abc", Deleted: true, At: Now},
			Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "cancelled", HeadSHA: "abc", At: Now}}})
	}
	ok(t, s.MergeFacts(t.Context(), project, facts...))
	jobs, list := unsignedJobs(t, s)
	if len(jobs) != 120 {
		t.Fatalf("receipts are to be made of %d jobs, want 120", len(jobs))
	}
	var receipts []store.Receipt
	for i, id := range jobs {
		receipts = append(receipts, signed(id, fmt.Sprint(i), "{}"))
	}
	ok(t, s.Sign(t.Context(), project, receipts, list))
	owes(t, s, "after all were signed")
	r, err := s.Receipt(t.Context(), project, jobs[100])
	if ok(t, err); r.About != "100" {
		t.Errorf("%+v", r)
	}
}

// receipts are kept as they were signed, outlive their jobs, and go when they are old.
func receipts(t *testing.T, clk *clock, s store.Store) {
	_, err := s.Receipt(t.Context(), project, "a")
	want(t, err, store.ErrNotFound)
	const envelope = `{"payload": "\u00e4 \"x\"", "signatures":  []}`
	for _, id := range []string{"a", "b", "gone"} {
		end(t, s, Spec(id, Now))
		ok(t, s.Sign(t.Context(), project, []store.Receipt{signed(id, "one", envelope)}, nil))
	}
	ok(t, s.Sign(t.Context(), "other", []store.Receipt{signed("gone", "theirs", "{}")}, nil))
	same := func(id, about, envelope string) {
		t.Helper()
		r, err := s.Receipt(t.Context(), project, id)
		if ok(t, err); r.Job != id || r.About != about || string(r.Envelope) != envelope || !r.SignedAt.Equal(Now) {
			t.Errorf("%+v\n%s", r, r.Envelope)
		}
	}
	same("a", "one", envelope)
	attested := signed("a", "one", envelope)
	attested.Attestation = []byte(`{"mediaType": "\u00e4"}`)
	ok(t, s.Sign(t.Context(), project, []store.Receipt{attested}, nil))
	r, err := s.Receipt(t.Context(), project, "a")
	if ok(t, err); string(r.Attestation) != string(attested.Attestation) {
		t.Errorf("the attestation is %q", r.Attestation)
	}
	ok(t, s.Sign(t.Context(), project, []store.Receipt{signed("a", "two", "{}")}, nil))
	same("a", "two", "{}")
	if r, err = s.Receipt(t.Context(), project, "a"); err != nil || len(r.Attestation) > 0 {
		t.Errorf("%v: another end is attested by %q", err, r.Attestation)
	}
	same("b", "one", envelope)

	sweepReceipts := func(before time.Time, want int) {
		t.Helper()
		n, err := s.SweepReceipts(t.Context(), project, before, 10)
		if ok(t, err); n != want {
			t.Errorf("%d receipts were swept, want %d", n, want)
		}
	}
	sweepReceipts(Now.Add(time.Hour), 0) // the jobs are there
	clk.advance(time.Hour)
	if n := sweepAll(t, s, clk.now(), 10); n != 3 {
		t.Fatalf("%d jobs were swept", n)
	}
	same("gone", "one", envelope)
	sweepReceipts(Now, 0) // not old enough
	n, err := s.SweepReceipts(t.Context(), project, Now.Add(time.Second), 2)
	if ok(t, err); n != 2 {
		t.Errorf("%d receipts were swept of at most 2", n)
	}
	sweepReceipts(Now.Add(time.Second), 1)
	_, err = s.Receipt(t.Context(), project, "gone")
	want(t, err, store.ErrNotFound)
	r, err = s.Receipt(t.Context(), "other", "gone")
	if ok(t, err); !strings.Contains(r.About, "theirs") {
		t.Errorf("%+v", r)
	}
}

// Receipts are so many, and ends of the same jobs.
func Receipts(n int) (list []store.Receipt, ends []store.Unsigned) {
	for i := range n {
		id := fmt.Sprint("job-", i)
		list, ends = append(list, signed(id, "one", "{}")), append(ends, store.Unsigned{Seq: int64(i + 1), Job: id})
	}
	return list, ends
}
