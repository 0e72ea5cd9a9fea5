package githubjobs

import (
	"fmt"
	"math"
	"strings"
)

// Usage is what a task used of a language model, as the engine that did it tells. It is
// the task's own word: good for people and sums, and nothing is decided by it.
type Usage struct {
	Engine   string `json:"engine,omitempty"`
	Provider string `json:"provider,omitempty"`
	Model    string `json:"model,omitempty"`
	// InputTokens counts all that was read, CachedTokens the part of it that came from
	// the provider's cache.
	InputTokens  int64 `json:"input_tokens,omitempty"`
	CachedTokens int64 `json:"cached_tokens,omitempty"`
	OutputTokens int64 `json:"output_tokens,omitempty"`
	// Turns counts the answers of the model.
	Turns int `json:"turns,omitempty"`
	// CostUSD is nil where the engine does not tell it, which is not the same as free.
	CostUSD *float64 `json:"cost_usd,omitempty"`
}

// Bounds of a Usage: far above what a job can come to, and safe to add up.
const (
	maxUsageTokens = 1 << 50
	maxUsageTurns  = 1 << 30
	maxUsageCost   = 1e9
)

// Validate says whether the figures can be: what a task says of itself may be anything.
func (u Usage) Validate() error {
	for _, word := range []string{u.Engine, u.Provider, u.Model} {
		if TitleOf(word) != word {
			return fmt.Errorf("%.80q is no name of an engine, a provider or a model: those are one line of at most %d characters", word, MaxTitleRunes)
		}
	}
	for _, n := range []int64{u.InputTokens, u.CachedTokens, u.OutputTokens} {
		if n < 0 || n > maxUsageTokens {
			return fmt.Errorf("%d is no number of tokens", n)
		}
	}
	if u.Turns < 0 || u.Turns > maxUsageTurns {
		return fmt.Errorf("%d is no number of turns", u.Turns)
	}
	if c := u.CostUSD; c != nil && (math.IsNaN(*c) || *c < 0 || *c > maxUsageCost) {
		return fmt.Errorf("%g is no cost", *c)
	}
	return nil
}

// String tells the usage in a line for people; empty where nothing is known.
func (u Usage) String() string {
	var parts []string
	if u.Turns > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", u.Turns, map[bool]string{true: "turn", false: "turns"}[u.Turns == 1]))
	}
	if u.InputTokens+u.OutputTokens > 0 {
		parts = append(parts, fmt.Sprintf("%d tokens in, %d out", u.InputTokens, u.OutputTokens))
	}
	if u.CostUSD != nil {
		parts = append(parts, fmt.Sprintf("%.4f USD", *u.CostUSD))
	}
	return strings.Join(parts, ", ")
}
