package report

import (
	"fmt"
	"strings"
	"time"
)

// page is everything that a report says.
type page struct {
	Span               span
	Server, Repository string
	Branch, Commit     string // the base that is reported on
	Made               time.Time
	Now, Before        figures
	Inputs             inputs
}

// How much of each list is shown.
const (
	maxCommits = 20
	maxRows    = 10
)

// markdown is the text of the report.
func (p page) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s report: %s\n\n", strings.ToUpper(string(p.Span.Period[:1]))+string(p.Span.Period[1:]), p.Span.title())
	fmt.Fprintf(&b, "Activity of [%s](%s) %s, on `%s` up to commit %s.\n\n", escape(p.Repository), p.url(""), p.Span.when(), p.Branch, p.commit(p.Commit))
	if p.Made.Before(p.Span.To) {
		fmt.Fprintf(&b, "> The %s was not over when this report was made, at %s; what came later is not in it.\n\n", p.Span.noun(), p.Made.Format("15:04 on 2 January 2006"))
	}
	fmt.Fprintf(&b, "%s\n\n", p.headline())
	if p.picture() != "" {
		fmt.Fprintf(&b, "![%s](%s.svg)\n\n", p.caption(), p.Span.name())
	}
	p.glance(&b)
	p.authors(&b)
	p.commits(&b)
	p.files(&b)
	p.pulls(&b)
	p.runs(&b)
	p.method(&b)
	return b.String()
}

// headline is the report in one paragraph.
func (p page) headline() string {
	f := p.Now
	var s []string
	if len(f.Commits) == 0 {
		s = append(s, "No commits were made.")
	} else {
		s = append(s, fmt.Sprintf("**%s** by %s changed %s (%s).", count(len(f.Commits), "commit"), count(len(f.Authors), "author"),
			count(len(f.Files), "file"), lines(f.Added, f.Removed)))
	}
	if n := len(f.Pulls); n > 0 {
		s = append(s, fmt.Sprintf("**%s** %s merged.", count(n, "pull request"), was(n)))
	}
	if n := f.JobMerges; n > 0 {
		s = append(s, fmt.Sprintf("%s %s merged by jobs.", count(n, "result"), was(n)))
	}
	if rate, ok := f.Runs.rate(); ok {
		s = append(s, fmt.Sprintf("**%d%%** of %s succeeded.", rate, count(f.Runs.Succeeded+f.Runs.Failed, "workflow run")))
	}
	return strings.Join(s, " ")
}

// glance compares the span with the one before.
func (p page) glance(b *strings.Builder) {
	n, o := p.Now, p.Before
	fmt.Fprintf(b, "## At a glance\n\n| | This %[1]s | The %[1]s before | Change |\n|:--|--:|--:|--:|\n", p.Span.noun())
	row := func(name string, now, before int) {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, number(now), number(before), change(now-before))
	}
	row("Commits", len(n.Commits), len(o.Commits))
	row("Authors", len(n.Authors), len(o.Authors))
	row("Files changed", len(n.Files), len(o.Files))
	row("Lines added", n.Added, o.Added)
	row("Lines removed", n.Removed, o.Removed)
	row("Pull requests merged", len(n.Pulls), len(o.Pulls))
	row("Results merged by jobs", n.JobMerges, o.JobMerges)
	if !p.Inputs.NoActions {
		row("Workflow runs", n.Runs.Total, o.Runs.Total)
		p.rates(b)
	}
	b.WriteString("\n")
}

func (p page) rates(b *strings.Builder) {
	now, isNow := p.Now.Runs.rate()
	before, isBefore := p.Before.Runs.rate()
	difference := "–"
	if isNow && isBefore {
		difference = change(now-before) + " points"
		if now == before {
			difference = "±0"
		}
	}
	fmt.Fprintf(b, "| Success rate of runs | %s | %s | %s |\n", percent(now, isNow), percent(before, isBefore), difference)
	n, o := p.Now.Runs.Median, p.Before.Runs.Median
	fmt.Fprintf(b, "| Median duration of runs | %s | %s | %s |\n", duration(n), duration(o), longer(n, o))
}

func (p page) authors(b *strings.Builder) {
	if len(p.Now.Authors) == 0 {
		return
	}
	b.WriteString("## Authors\n\n| Author | Commits | Lines |\n|:--|--:|--:|\n")
	for _, a := range first(p.Now.Authors, maxRows) {
		fmt.Fprintf(b, "| %s | %s | %s |\n", escape(a.Name), number(a.Commits), lines(a.Added, a.Removed))
	}
	more(b, len(p.Now.Authors), maxRows)
}

func (p page) commits(b *strings.Builder) {
	if len(p.Now.Commits) == 0 {
		return
	}
	b.WriteString("## Commits\n\n| Commit | Subject | Author | Time |\n|:--|:--|:--|:--|\n")
	for _, c := range first(p.Now.Commits, maxCommits) {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", p.commit(c.SHA), escape(short(c.Subject)), escape(c.Author), p.at(c.At))
	}
	more(b, len(p.Now.Commits), maxCommits)
}

func (p page) files(b *strings.Builder) {
	if len(p.Now.Files) == 0 {
		return
	}
	b.WriteString("## Files most changed\n\n| File | Commits | Lines |\n|:--|--:|--:|\n")
	for _, f := range first(p.Now.Files, maxRows) {
		fmt.Fprintf(b, "| %s | %s | %s |\n", code(f.Path), number(f.Commits), lines(f.Added, f.Removed))
	}
	more(b, len(p.Now.Files), maxRows)
}

func (p page) pulls(b *strings.Builder) {
	if len(p.Now.Pulls) == 0 {
		return
	}
	b.WriteString("## Pull requests merged\n\n| Pull request | Title | Author | Time |\n|:--|:--|:--|:--|\n")
	for _, r := range first(p.Now.Pulls, maxCommits) {
		fmt.Fprintf(b, "| [#%d](%s) | %s | %s | %s |\n", r.Number, p.url(fmt.Sprintf("/pull/%d", r.Number)), escape(short(r.Title)), escape(r.Author), p.at(r.MergedAt))
	}
	more(b, len(p.Now.Pulls), maxCommits)
}

func (p page) runs(b *strings.Builder) {
	if p.Now.Runs.Total == 0 {
		return
	}
	b.WriteString("## Workflow runs\n\n| Workflow | Runs | Succeeded | Failed | Other | Success rate | Median duration |\n|:--|--:|--:|--:|--:|--:|--:|\n")
	for _, w := range first(p.Now.Workflows, maxRows) {
		rate, ok := w.rate()
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", escape(w.Name), number(w.Total), number(w.Succeeded), number(w.Failed),
			number(w.Other), percent(rate, ok), duration(w.Median))
	}
	more(b, len(p.Now.Workflows), maxRows)
	if len(p.Now.Failed) > 0 {
		b.WriteString("Runs that failed:\n\n")
		for _, r := range first(p.Now.Failed, maxRows) {
			fmt.Fprintf(b, "- [%s](%s) on %s, %s\n", escape(short(r.Workflow+": "+r.Title)), p.url(fmt.Sprintf("/actions/runs/%d", r.ID)), code(r.Branch), p.at(r.CreatedAt))
		}
		more(b, len(p.Now.Failed), maxRows)
	}
}

// method says how the figures came about.
func (p page) method(b *strings.Builder) {
	b.WriteString("## How this is counted\n\n")
	b.WriteString("- All times are UTC. A commit counts when it was committed; merge commits don't count.\n")
	b.WriteString("- Commits of jobs (merged from a `job/` branch, or with a `Job-Id`, `Job-Spec` or `Job-Result` trailer) and their pull requests are no work of people: they are counted apart.\n")
	switch {
	case p.Inputs.NoActions:
		b.WriteString("- Workflow runs are left out: the job's token may not read them.\n")
	default:
		fmt.Fprintf(b, "- Runs count when they were created and have ended. The success rate leaves out runs that were cancelled or skipped; the median is that of runs that succeeded. Runs of jobs (%s) are left out.\n",
			number(p.Now.JobRuns.Total))
	}
	if p.Inputs.RunsCut {
		b.WriteString("- There were more than 1,000 runs; the newest ones are counted.\n")
	}
	if p.Inputs.PullsCut {
		b.WriteString("- More than 1,000 pull requests changed since; those that changed last are counted.\n")
	}
}

func (p page) url(path string) string { return p.Server + "/" + p.Repository + path }

func (p page) commit(sha string) string {
	return fmt.Sprintf("[`%.7s`](%s)", sha, p.url("/commit/"+sha))
}

// at is a time within the span, as short as it can be.
func (p page) at(t time.Time) string {
	if p.Span.buckets() == 24 {
		return t.Format("15:04")
	}
	return t.Format("Mon 2 Jan 15:04")
}
