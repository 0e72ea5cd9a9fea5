package githubjobs

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func pullSpec(p *PullRequest) Spec {
	s := Spec{ID: "a", Kind: KindReport, Prompt: "x", Base: "main", CreatedAt: at(0), PullRequest: p}
	s.Normalize(at(0))
	return s
}

func TestPullRequestIsNormal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, want *PullRequest }{
		"nothing":   {nil, nil},
		"empty":     {&PullRequest{Labels: []string{}}, nil},
		"draft":     {&PullRequest{Draft: true}, &PullRequest{Draft: true}},
		"sorted":    {&PullRequest{Labels: []string{"b", "a", "b"}}, &PullRequest{Labels: []string{"a", "b"}}},
		"same case": {&PullRequest{Labels: []string{"hold", "Hold", "HOLD"}}, &PullRequest{Labels: []string{"HOLD"}}},
	} {
		s := pullSpec(c.from)
		if !reflect.DeepEqual(s.PullRequest, c.want) {
			t.Errorf("%s: %+v", name, s.PullRequest)
		}
		again, err := ParseSpec(FormatSpec(s))
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%s comes back as %+v, %v", name, again.PullRequest, err)
		}
	}
}

func TestPullRequestIsValidated(t *testing.T) {
	t.Parallel()
	fifty := strings.Repeat("ü", MaxPullLabelRunes)
	for _, good := range []string{"a", "good first issue", "type: bug", "a,b", "🐞 bug", fifty} {
		if err := pullSpec(&PullRequest{Labels: []string{good}}).Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, why := range map[string]string{"": "blank", " ": "blank", "a ": "white space", "a\nb": "one line", "a\xff": "UTF-8", fifty + "x": "has 51 characters"} {
		err := pullSpec(&PullRequest{Labels: []string{bad}}).Validate()
		if f, ok := errors.AsType[*FieldError](err); !ok || f.Field != "pull_request.labels[0]" || !strings.Contains(f.Message, why) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	var many []string
	for i := range MaxPullLabels + 1 {
		many = append(many, strings.Repeat("x", i%50+1)+string(rune('a'+i/50)))
	}
	if err := pullSpec(&PullRequest{Labels: many}).Validate(); err == nil || !strings.Contains(err.Error(), "at most 100") {
		t.Errorf("%v", err)
	}
}

// The status says that nothing merges a draft.
func TestDraftIsTold(t *testing.T) {
	t.Parallel()
	f := Facts{ID: "a", Spec: &Spec{ID: "a", Base: "main"}, Created: []string{"c"}, Runs: []RunFact{{ID: 1, Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: "c", At: at(5)}},
		Result: resultFact(OutcomeSuccess, 1), Pulls: []PullFact{{Number: 1, Open: true, Draft: true, Base: "main", HeadSHA: "r", At: at(4)}}}
	f.Result.Result.FilesTotal = 1
	if j := Reduce(f, at(5+3600)); j.Reason != ReasonPROpen || !strings.Contains(j.Message, "is a draft") {
		t.Errorf("%s: %s", j.Reason, j.Message)
	}
	ready := f
	ready.Pulls = []PullFact{{Number: 1, Open: true, Base: "main", HeadSHA: "r", At: at(6)}}
	if j := Reduce(Merge(f, ready), at(5+3600)); j.Reason != ReasonPROpen || strings.Contains(j.Message, "draft") {
		t.Errorf("%s: %s", j.Reason, j.Message)
	}
}
