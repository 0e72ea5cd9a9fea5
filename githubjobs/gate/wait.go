package gate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// awaited says what brings about what a rule waits for.
var awaited = map[policy.Await]string{
	policy.AwaitChecks:    "the checks end well",
	policy.AwaitApprovals: "enough people with write access approve this commit",
	policy.AwaitRelease:   "somebody takes the label off",
	policy.AwaitReady:     "somebody marks the pull request as ready for review",
	policy.AwaitWindow:    "the merge window opens",
	policy.AwaitBase:      "it can be brought onto the newest commits of its base",
}

// waiting explains a verdict that may change without anybody's mending something. It
// fails no job and calls nobody: the pull request stays open and is judged again.
func waiting(v policy.Verdict, pull int) obstacle {
	failed := v.Failed()
	o := obstacle{verdict: v, neutral: true, code: githubjobs.DiagnosisMergeWaits, title: "Not merged yet: " + failed[0].Why + "."}
	var b strings.Builder
	if len(failed) > 1 { // else the title has said it
		for _, f := range failed {
			fmt.Fprintf(&b, "- %s\n", markdown.Text(f.Why))
		}
		b.WriteString("\n")
	}
	var until []string
	for _, f := range failed {
		until = append(until, awaited[f.Awaits])
	}
	fmt.Fprintf(&b, "Pull request #%d is judged again when %s.", pull, strings.Join(until, ", and "))
	o.explain = b.String()
	return o
}

// notEnded is what GitHub says of checks that a rule of its own asks for: `Required status check
// "test" is expected.`, or "2 of 3 required status checks have not succeeded: 1 expected and 1 pending."
var notEnded = regexp.MustCompile(`(?is)required status checks?\b.*(is|are|\d) (expected|pending|queued|in progress)\b`)

// checksUnderWay says whether a merge was refused for nothing but checks that have not ended.
func checksUnderWay(message string) bool {
	m := strings.ToLower(message)
	return notEnded.MatchString(m) && !strings.Contains(m, "fail") && !strings.Contains(m, "review")
}

// checksToCome explains checks that start anew since the gate has brought the result onto its base.
func (g *gate) checksToCome(message string) *obstacle {
	return &obstacle{
		neutral: true, code: githubjobs.DiagnosisMergeWaits,
		title: fmt.Sprintf("Not merged yet: checks that GitHub's rules for %s ask for have not ended.", g.Spec.Base),
		explain: fmt.Sprintf("GitHub says: %s\n\nThe result was brought onto newer commits of %s, where its checks start anew. Pull request #%d is judged again when they end; where none has come, see whether their workflow or App answers to a push to the job's branch.",
			markdown.Text(githubjobs.Defuse(message)), markdown.Code(g.Spec.Base), g.report.Pull),
	}
}

// inQueue says whether GitHub has refused a merge for the merge queue of the base branch:
// since it has one, or since the pull request is in it already.
func inQueue(e *hub.Error) bool {
	return e.Kind == hub.ErrNotMergeable && strings.Contains(strings.ToLower(e.Message), "merge queue")
}

// enqueue puts the judged head into the merge queue of the base branch. What is enqueued
// is not merged: GitHub does that in its own time, and tells of it. What the queue has
// thrown out is put back by a person only: it would be thrown out for ever.
func (g *gate) enqueue(ctx context.Context, refused *hub.Error, r reading) (*obstacle, error) {
	if g.leftQueue(refused) {
		return g.thrownOut(), nil
	}
	var got hub.Queued
	err := g.retry(ctx, func() (err error) {
		got, err = g.Repo.Enqueue(ctx, g.request(r), g.Wait)
		return err
	})
	switch {
	case errors.Is(err, hub.ErrNotFound), errors.Is(err, hub.ErrForbidden):
		return refusedByRules(refused.Message), nil
	case err != nil:
		return nil, errors.Join(refused, err)
	case got.Status == "merged":
		g.report.Merged, g.report.SHA = true, got.SHA
		return nil, nil
	case got.Status == "failed":
		return refusedByRules(got.Message), nil
	}
	return g.queued(), nil
}

// leftQueue says whether this head was in the queue before and is not in it now.
func (g *gate) leftQueue(refused *hub.Error) bool {
	return g.wasQueued() && !strings.Contains(refused.Message, "is in the merge queue")
}

// wasQueued says whether this head was told to be in the queue before, or out of it. Such a head
// is not brought onto its base: the queue merges it onto the newest commit, and a push to the
// branch would take it out, or put back what was thrown out.
func (g *gate) wasQueued() bool {
	t := g.Told
	return t != nil && t.HeadSHA == g.pull.GetHead().GetSHA() && (t.Title == g.queued().title || t.Title == g.thrownOut().title)
}

func (g *gate) queued() *obstacle {
	return &obstacle{
		neutral: true, code: githubjobs.DiagnosisMergeWaits,
		title:   fmt.Sprintf("Not merged yet: it is in the merge queue of %s.", g.Spec.Base),
		explain: fmt.Sprintf("Every rule of %s allows it. GitHub merges pull request #%d when its turn comes and what the queue asks for has passed; take it out of the queue to hold it.", markdown.Code(policy.Path), g.report.Pull),
	}
}

func (g *gate) thrownOut() *obstacle {
	return &obstacle{
		title:   fmt.Sprintf("Not merged: it has left the merge queue of %s.", g.Spec.Base),
		explain: fmt.Sprintf("GitHub, or a person, has taken pull request #%d out of the queue; its page says why, mostly a check of the queue that failed. Put it back by hand, or submit the job again.", g.report.Pull),
	}
}

// request is the merge of the judged head.
func (g *gate) request(r reading) hub.MergeRequest {
	title, message := githubjobs.FormatMerge(g.Spec, r.result, g.report.Pull, g.RunURL)
	return hub.MergeRequest{Number: g.report.Pull, SHA: r.view.HeadSHA, Method: string(r.method), Title: title, Message: message}
}
