//go:build unix

package run

import (
	"fmt"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
	"github.com/githubjobs/githubjobs/internal/agent/actions"
)

// summaryLines is how many lines of a log make a summary where a kind has none.
const summaryLines = 10

// tell writes how the task ended to the log and to the summary of the step.
func (s Step) tell(r githubjobs.Result) {
	commands := actions.To(s.Stdout)
	took := r.FinishedAt.Sub(r.StartedAt).Round(10 * time.Millisecond)
	headline := headlines[r.Outcome]
	switch r.Outcome {
	case githubjobs.OutcomeSuccess:
		commands.Printf("%s (%s)", headline, took)
	default:
		commands.Error(headline, r.Error)
	}
	if err := actions.AppendSummary(s.Config.Summary, s.markdown(headline, took, r)); err != nil {
		commands.Warning("No summary", err.Error())
	}
}

var headlines = map[githubjobs.Outcome]string{
	githubjobs.OutcomeSuccess:  "The task succeeded",
	githubjobs.OutcomeFailure:  "The task failed",
	githubjobs.OutcomeTimedOut: "The task took too long and was stopped",
	githubjobs.OutcomeCanceled: "The task was cancelled",
	githubjobs.OutcomeError:    "The agent could not do the task",
}

func (s Step) markdown(headline string, took time.Duration, r githubjobs.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", headline)
	if r.Error != "" {
		fmt.Fprintf(&b, "%s\n\n", markdown.Block(r.Error))
	}
	fmt.Fprintf(&b, "Job `%s` of kind `%s`, %s", s.Spec.ID, s.Spec.Kind, took)
	if r.ExitCode >= 0 {
		fmt.Fprintf(&b, ", exit code %d", r.ExitCode)
	}
	b.WriteString(".\n")
	if r.Summary != "" {
		fmt.Fprintf(&b, "\n%s\n", r.Summary)
	}
	return b.String()
}
