//go:build unix

package run

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/tasklog"
)

// hide masks the secrets in what the task says of itself beside its log.
func hide(log *tasklog.Log, r *githubjobs.Result) {
	r.Error, r.Summary = log.Mask(r.Error), log.Mask(r.Summary)
	if stats := log.Mask(string(r.Stats)); json.Valid([]byte(stats)) {
		r.Stats = json.RawMessage(stats)
	} else if len(r.Stats) > 0 {
		r.Stats = nil // a number in it was a secret
	}
	if u := r.Usage; u != nil {
		masked := *u
		masked.Engine, masked.Provider, masked.Model = log.Mask(u.Engine), log.Mask(u.Provider), log.Mask(u.Model)
		r.Usage = &masked
	}
}

// secretsNote says for the log which secrets the task gets, and what can't be masked of
// them; empty for none.
func (s Step) secretsNote() string {
	if len(s.secrets) == 0 {
		return ""
	}
	note := fmt.Sprintf("Secrets: %s, as variables of the task.", strings.Join(slices.Sorted(maps.Keys(s.secrets)), ", "))
	var short []string
	for _, name := range slices.Sorted(maps.Keys(s.secrets)) {
		if !tasklog.Maskable(s.secrets[name]) {
			short = append(short, name)
		}
	}
	if len(short) > 0 {
		note += fmt.Sprintf(" Not masked in this log: %s. Values, or lines of them, of less than %d characters stand in ordinary text too often.", strings.Join(short, ", "), tasklog.MinSecret)
	}
	return note
}
