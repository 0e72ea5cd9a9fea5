package githubjobs

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBatchIDs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	keyed := KeyedBatchID("p", "nightly")
	if keyed != KeyedBatchID("p", "nightly") || keyed == KeyedBatchID("p", "weekly") || keyed == KeyedBatchID("q", "nightly") {
		t.Error("a key does not name one batch")
	}
	for _, id := range []string{NewBatchID(now), keyed} {
		first, last := MemberID(id, 0), MemberID(id, MaxBatch-1)
		if !IsWholeBatch(id) || !ValidBatch(id) || !ValidID(first) || !ValidID(last) || first >= last {
			t.Errorf("%s: jobs %s to %s", id, first, last)
		}
	}
	ids := []string{MemberID(keyed, 9), MemberID(keyed, 10), MemberID(keyed, 999), MemberID(keyed, 1000)}
	if !slices.IsSorted(ids) {
		t.Errorf("ids do not sort by index: %v", ids)
	}
	for _, id := range []string{"", "nightly", "batch-1", NewID(now), "batch-" + NewID(now) + "-00001", "batch-ffffffff-ffff-4fff-bfff-ffffffffffff"} {
		if IsWholeBatch(id) {
			t.Errorf("%s counts as a batch that was created as a whole", id)
		}
	}
}

func TestMemberIsHeldToItsID(t *testing.T) {
	t.Parallel()
	batch := KeyedBatchID("p", "nightly")
	few := 3
	spec := func(change func(*Spec)) Spec {
		s := Spec{ID: MemberID(batch, 2), Kind: KindReport, Prompt: "x", Base: "main", Batch: batch, Member: &Member{Index: 2, Of: 3, MaxFailures: &few}}
		s.Normalize(time.Now())
		change(&s)
		return s
	}
	whole := spec(func(*Spec) {})
	if err := whole.Validate(); err != nil {
		t.Fatal(err)
	}
	read, err := ParseSpec(FormatSpec(whole))
	if err != nil || read.Member == nil || read.Member.Index != 2 || read.Member.Of != 3 || *read.Member.MaxFailures != 3 {
		t.Errorf("%+v, %v", read.Member, err)
	}
	for says, change := range map[string]func(*Spec){
		"is no batch that was created as a whole": func(s *Spec) { s.Batch = "nightly" },
		"is not that of index 1":                  func(s *Spec) { s.Member = &Member{Index: 1, Of: 3} },
		"index 2 of 2 jobs":                       func(s *Spec) { s.Member = &Member{Index: 2, Of: 2} },
		"a batch has at most 10000":               func(s *Spec) { s.Member = &Member{Index: 2, Of: 10_001} },
		"can't name a job":                        func(s *Spec) { s.Member = &Member{Index: 2, Of: 3, Name: "a b"} },
		"give 0 to 10000":                         func(s *Spec) { less := -1; s.Member = &Member{Index: 2, Of: 3, MaxFailures: &less} },
	} {
		if err := spec(change).Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}
