// Package report is the kind of job that writes a report of a repository's
// activity in a day, a week or a month: Markdown in reports/, with a picture of
// charts beside it.
//
// A report is made of the history of the job's base commit and of what the API
// told before the task began. The same of both gives the same report, byte for
// byte.
package report

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/task"
)

// folder is where reports stand in a repository.
const folder = "reports"

// Kind implements task.Kind.
type Kind struct{}

// Depth implements task.Kind. How far back the period before begins, only the
// history itself can tell.
func (Kind) Depth() int { return 0 }

// Run implements task.Kind.
func (Kind) Run(ctx context.Context, t task.Task) (task.Report, error) {
	span, err := spanOf(t.Spec)
	if err == nil {
		err = span.begun(t.Spec.CreatedAt)
	}
	if err != nil {
		return task.Report{}, err
	}
	past, err := loadPast(t.Inputs)
	if err != nil {
		return task.Report{}, err
	}
	in, err := loadInputs(t.Inputs)
	if err != nil {
		return task.Report{}, err
	}
	p := page{
		Span: span, Server: t.Server, Repository: t.Repository, Branch: t.Spec.Base, Commit: past.Base, Made: t.Spec.CreatedAt,
		Now: gather(span, past.Commits, in), Before: gather(span.previous(), past.Commits, in), Inputs: in,
	}
	return p.write(t)
}

// write writes the files of the report and tells of them.
func (p page) write(t task.Task) (task.Report, error) {
	root, err := os.OpenRoot(t.Tree)
	if err != nil {
		return task.Report{}, err
	}
	defer root.Close()
	file := path.Join(folder, p.Span.name()+".md")
	files := map[string]string{file: p.markdown()}
	if picture := p.picture(); picture != "" {
		files[path.Join(folder, p.Span.name()+".svg")] = picture
	}
	if err := root.MkdirAll(folder, 0o755); err != nil {
		return task.Report{}, fmt.Errorf("make the folder %s: %w", folder, err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		if err := root.WriteFile(name, []byte(text), 0o644); err != nil {
			return task.Report{}, fmt.Errorf("write the report: %w", err)
		}
		fmt.Fprintf(t.Log, "Wrote %s (%d bytes)\n", name, len(text))
	}
	fmt.Fprintln(t.Log, plain(p.headline()))
	stats, err := json.Marshal(p.Now.stats(p.Span, file))
	if err != nil {
		return task.Report{}, err
	}
	return task.Report{Summary: fmt.Sprintf("%s\n\nThe report is in `%s`.", p.headline(), file), Stats: stats}, nil
}

func plain(markdown string) string { return strings.ReplaceAll(markdown, "**", "") }

// stats are the figures that the result carries for programs.
func (f figures) stats(s span, file string) map[string]any {
	stats := map[string]any{
		"report": file, "period": s.Period, "from": s.From, "to": s.To,
		"commits": len(f.Commits), "authors": len(f.Authors), "files_changed": len(f.Files),
		"lines_added": f.Added, "lines_removed": f.Removed, "pulls_merged": len(f.Pulls),
		"merged_by_jobs": f.JobMerges, "runs": f.Runs.Total, "runs_succeeded": f.Runs.Succeeded, "runs_failed": f.Runs.Failed,
	}
	if f.Runs.Median > 0 {
		stats["median_run_seconds"] = int(f.Runs.Median.Seconds())
	}
	return stats
}

// spanOf is the time that the job asks to be reported on.
func spanOf(spec githubjobs.Spec) (span, error) {
	config, err := spec.ReportConfig()
	if err != nil {
		return span{}, err
	}
	return newSpan(config.Period, config.Date)
}
