package policy

import (
	"testing"

	"pgregory.net/rapid"
)

// A head is brought onto its base when nothing but checks that have not ended is in the way too.
func TestLags(t *testing.T) {
	t.Parallel()
	lag := map[string]bool{"behind": true, "behind and waiting for checks": true}
	for _, c := range readCases(t) {
		if got := Judge(c.policy(t), c.view(t)).Lags(); got != lag[c.Name] {
			t.Errorf("%s: lags is %t", c.Name, got)
		}
	}
}

// What a push to the base brings, of what a view tells, changes no verdict that stays.
func TestWhatStaysIsNotMergedAfterAPush(t *testing.T) {
	t.Parallel()
	stayed := 0
	rapid.Check(t, func(t *rapid.T) {
		p, v := drawCase(t, 0)
		before := Judge(p, v)
		if !p.Merge.Stays(before) {
			return
		}
		stayed++
		v.Behind, v.BehindKnown = rapid.IntRange(0, 1).Draw(t, "behind"), rapid.Bool().Draw(t, "known")
		v.Beside, v.BesideCut = nil, false
		after := Judge(p, v)
		if after.Allowed() || after.Lags() {
			t.Fatalf("refused for %+v, and then %+v", before.Failed(), after.Failed())
		}
	})
	if stayed == 0 {
		t.Error("no verdict stays")
	}
}
