package githubjobs

import (
	"strings"
	"testing"
	"time"
)

// What the pull request lacks is told while it is open and when it is merged: by whoever has opened
// it, whose labels count.
func TestLackingLabels(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	facts := func(merged bool, lacks string, problem *Problem, opened *OpenFact) Facts {
		return Facts{
			ID: "a", Spec: &Spec{ID: "a", Kind: KindReport, Base: "main", CreatedAt: at}, Created: []string{"c"},
			Branch: &BranchFact{Head: "r", Moved: true, At: at},
			Runs:   []RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: "c", At: at}},
			Pulls:  []PullFact{{Number: 1, Open: !merged, Merged: merged, Base: "main", HeadSHA: "r", At: at}},
			Result: &ResultFact{SHA: "r", At: at, Result: Result{Version: 1, ID: "a", Attempt: 1, RunID: 7, Outcome: OutcomeSuccess, FilesTotal: 1, Lacks: lacks, Problem: problem}},
			Opened: opened,
		}
	}
	forbidden := &Problem{Reason: ReasonPRForbidden, Message: "Turn it on."}
	for name, test := range map[string]struct {
		facts  Facts
		reason Reason
		says   string // "" for nothing
	}{
		"open":   {facts(false, "It lacks x.", nil, nil), ReasonPROpen, "It lacks x."},
		"merged": {facts(true, "It lacks x.", nil, nil), ReasonMerged, "It lacks x."},
		"blocked": {Merge(facts(false, "It lacks x.", nil, nil), Facts{ID: "a", Gates: []GateFact{{HeadSHA: "r", Conclusion: "action_required", Title: "Not merged.", At: at}}}),
			ReasonMergeBlocked, "Not merged. It lacks x."},
		"nothing":                    {facts(true, "", nil, nil), ReasonMerged, ""},
		"opened by the server":       {facts(false, "", forbidden, &OpenFact{Result: "r", Lacks: "It lacks y.", At: at}), ReasonPROpen, "It lacks y."},
		"the server may make labels": {facts(true, "It lacks x.", forbidden, &OpenFact{Result: "r", At: at}), ReasonMerged, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := Reduce(test.facts, at.Add(time.Hour))
			if j.Reason != test.reason || !strings.HasSuffix(j.Message, test.says) || strings.Contains(j.Message, "lacks") != (test.says != "") {
				t.Errorf("%s: %q", j.Reason, j.Message)
			}
		})
	}
}
