package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// marker finds the gate's comment again.
const marker = "<!-- githubjobs/merge -->"

// block tells everybody why the pull request is not merged. The comment comes last:
// it makes GitHub count the pull request as updated, so that who sees the update
// finds the check run.
func (g *gate) block(ctx context.Context, o obstacle) error {
	g.report.Title = githubjobs.Defuse(cut(o.title))
	g.report.Summary = o.explain
	if len(o.verdict.Findings) > 0 {
		g.report.Rules = table(o.verdict)
	}
	g.Logger.Info("not merged", "pull", g.report.Pull, "why", o.title)
	g.report.Waits = o.code == githubjobs.DiagnosisMergeWaits
	conclusion := actionRequired
	if o.neutral {
		conclusion = neutral
	}
	if o.code == "" && !o.neutral {
		o.code = githubjobs.DiagnosisMergeRefused
	}
	if g.isTold(conclusion, o.code) {
		return nil
	}
	err := g.show(ctx, conclusion, g.pull.GetHead().GetSHA(), o.code)
	if o.neutral {
		return err
	}
	text := fmt.Sprintf("**%s**\n\n%s\n\n%s\n", markdown.Text(g.report.Title), g.report.Summary, g.report.Rules)
	if g.RunURL != "" {
		text += fmt.Sprintf("\n[Run of the merge gate](%s)\n", g.RunURL)
	}
	comment := g.retry(ctx, func() error { return g.Repo.Comment(ctx, g.report.Pull, marker, text) })
	return errors.Join(err, comment)
}

// isTold says whether this very verdict was told before, on this head.
func (g *gate) isTold(conclusion string, code githubjobs.DiagnosisCode) bool {
	t := g.Told
	return t != nil && t.HeadSHA == g.pull.GetHead().GetSHA() && t.Conclusion == conclusion && t.Code == code &&
		t.Title == g.report.Title && t.Summary == g.report.Summary
}

// show makes the verdict a check run on the head.
func (g *gate) show(ctx context.Context, conclusion, head string, code githubjobs.DiagnosisCode) error {
	at := g.Now().UTC().Truncate(time.Second) // as GitHub keeps it
	if t := g.Told; t != nil && t.HeadSHA == head && !at.After(t.At) {
		at = t.At.Add(time.Second) // of two verdicts the later one counts
	}
	g.report.Told = &githubjobs.GateFact{HeadSHA: head, Conclusion: conclusion, Title: g.report.Title, Summary: g.report.Summary, Code: code, At: at}
	return g.retry(ctx, func() error {
		return g.Repo.CreateCheckRun(ctx, hub.Gate{
			Of: g.Job, HeadSHA: head, Conclusion: conclusion, Title: g.report.Title, Summary: g.report.Summary,
			Text: g.report.Rules, Code: code, DetailsURL: g.RunURL, At: at,
		})
	})
}

// table shows a verdict rule by rule.
func table(v policy.Verdict) string {
	var b strings.Builder
	b.WriteString("| Rule | |\n|---|---|\n")
	for _, f := range v.Findings {
		mark := "✓"
		if !f.Passed {
			mark = "✗ " + markdown.Text(f.Why)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", f.Rule, mark)
	}
	fmt.Fprintf(&b, "\nJudged at commit %s by %s.\n", markdown.Code(v.HeadSHA), markdown.Code(policy.Path))
	return b.String()
}

func cut(s string) string {
	if r := []rune(s); len(r) > maxTitle {
		return string(r[:maxTitle-1]) + "…"
	}
	return s
}
