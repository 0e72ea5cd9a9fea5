package githubjobs

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func cost(usd float64) *float64 { return &usd }

func TestUsageIsCarriedByTheResultCommit(t *testing.T) {
	t.Parallel()
	want := Usage{Engine: "codex", Provider: "openai", Model: "m-1", InputTokens: 1200, CachedTokens: 200, OutputTokens: 34, Turns: 3, CostUSD: cost(0)}
	r, err := ParseResult(FormatResult("t", Result{ID: "a", Attempt: 1, Usage: &want}))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(r.Usage)
	if wanted, _ := json.Marshal(want); string(got) != string(wanted) {
		t.Errorf("got %s, want %s", got, wanted)
	}
	if text := r.Usage.String(); text != "3 turns, 1200 tokens in, 34 out, 0.0000 USD" {
		t.Errorf("in words: %s", text)
	}
	job := Reduce(Facts{ID: "a", Result: &ResultFact{Result: r, SHA: "1"}}, r.FinishedAt)
	if job.Usage == nil || job.Usage.Model != "m-1" {
		t.Errorf("the status tells %v", job.Usage)
	}
}

func TestUsageThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]Usage{
		"negative tokens": {InputTokens: -1},
		"too many tokens": {OutputTokens: math.MaxInt64},
		"negative turns":  {Turns: -1},
		"negative cost":   {CostUSD: cost(-0.5)},
		"no number":       {CostUSD: cost(math.NaN())},
		"endless cost":    {CostUSD: cost(math.Inf(1))},
		"two lines":       {Model: "a\nb"},
		"long name":       {Engine: strings.Repeat("x", 101)},
	} {
		if u.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	r, err := ParseResult(FormatResult("t", Result{ID: "a", Attempt: 1, Usage: &Usage{Turns: -1}}))
	if err != nil || r.Usage != nil {
		t.Errorf("a result with figures that cannot be: %v, %v", r.Usage, err)
	}
}
