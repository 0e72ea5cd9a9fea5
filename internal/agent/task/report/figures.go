package report

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// figures are what happened in one span.
type figures struct {
	Commits        []commit // people's, newest first
	Authors        []author // by commits
	Files          []fileCount
	Added, Removed int
	JobMerges      int    // jobs with commits
	Pulls          []pull // people's, in the order of their merge
	JobPulls       int
	Runs           runCount // of people's workflows
	JobRuns        runCount
	Workflows      []workflow
	Failed         []run // newest first
	Bars           []bar
}

type author struct {
	Name                    string
	Commits, Added, Removed int
}

type fileCount struct {
	Path                    string
	Commits, Added, Removed int
}

// runCount counts runs by how they ended.
type runCount struct {
	Total, Succeeded, Failed, Other int
	Median                          time.Duration // of those that succeeded
}

// rate is the share of the runs that succeeded, of those that succeeded or failed.
func (c runCount) rate() (percent int, ok bool) {
	if decided := c.Succeeded + c.Failed; decided > 0 {
		return (100*c.Succeeded + decided/2) / decided, true
	}
	return 0, false
}

type workflow struct {
	Name string
	runCount
}

// bar is what happened in one hour, or one day.
type bar struct{ Commits, Added, Removed, Succeeded, Failed int }

// gather counts what happened in the span. The job that makes the report is not in
// it: the history ends at its base, and its run has not ended.
func gather(s span, commits []commit, in inputs) figures {
	f := figures{Bars: make([]bar, s.buckets())}
	f.countCommits(s, in.mark(commits))
	for _, p := range in.Pulls {
		switch {
		case !s.contains(p.MergedAt):
		case p.ofJob():
			f.JobPulls++
		default:
			f.Pulls = append(f.Pulls, p)
		}
	}
	slices.SortFunc(f.Pulls, func(a, b pull) int { return cmp.Or(a.MergedAt.Compare(b.MergedAt), cmp.Compare(a.Number, b.Number)) })
	f.countRuns(s, in.Runs)
	return f
}

func (f *figures) countCommits(s span, commits []commit) {
	authors, files, jobs := map[string]*author{}, map[string]*fileCount{}, map[string]bool{}
	for _, c := range commits {
		if !s.contains(c.At) {
			continue
		}
		if c.JobID != "" {
			jobs[c.JobID] = true
			f.JobMerges = len(jobs)
			continue
		}
		f.Commits = append(f.Commits, c)
		a := entry(authors, c.Mail)
		a.Name = cmp.Or(a.Name, c.Author, c.Mail, "unknown")
		a.Commits++
		b := &f.Bars[s.bucket(c.At)]
		b.Commits++
		for _, change := range c.Files {
			file := entry(files, change.Path)
			file.Path = change.Path
			file.Commits++
			file.Added, file.Removed = file.Added+change.Added, file.Removed+change.Removed
			a.Added, a.Removed = a.Added+change.Added, a.Removed+change.Removed
			b.Added, b.Removed = b.Added+change.Added, b.Removed+change.Removed
			f.Added, f.Removed = f.Added+change.Added, f.Removed+change.Removed
		}
	}
	f.Authors = sorted(authors, func(a, b author) int {
		return cmp.Or(cmp.Compare(b.Commits, a.Commits), cmp.Compare(b.Added+b.Removed, a.Added+a.Removed), cmp.Compare(a.Name, b.Name))
	})
	f.Files = sorted(files, func(a, b fileCount) int {
		return cmp.Or(cmp.Compare(b.Added+b.Removed, a.Added+a.Removed), cmp.Compare(b.Commits, a.Commits), cmp.Compare(a.Path, b.Path))
	})
}

func (f *figures) countRuns(s span, runs []run) {
	workflows, took, jobsTook := map[string]*workflow{}, map[string][]time.Duration{}, []time.Duration{}
	var all []time.Duration
	for _, r := range runs {
		if !s.contains(r.CreatedAt) {
			continue
		}
		if r.ofJob() {
			f.JobRuns.count(r, &jobsTook)
			continue
		}
		name := cmp.Or(r.Workflow, "unknown")
		w := entry(workflows, name)
		w.Name = name
		times := took[name]
		w.count(r, &times)
		took[name] = times
		b := &f.Bars[s.bucket(r.CreatedAt)]
		switch before := f.Runs; {
		case f.Runs.count(r, &all) == "success":
			b.Succeeded++
		case f.Runs.Failed > before.Failed:
			b.Failed++
			f.Failed = append(f.Failed, r)
		}
	}
	for name, w := range workflows {
		w.Median = median(took[name])
	}
	f.Runs.Median, f.JobRuns.Median = median(all), median(jobsTook)
	f.Workflows = sorted(workflows, func(a, b workflow) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(f.Failed, func(a, b run) int { return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID)) })
}

// count counts a run, and remembers how long it took if it succeeded. It returns
// the run's conclusion.
func (c *runCount) count(r run, took *[]time.Duration) string {
	c.Total++
	switch r.Conclusion {
	case "success":
		c.Succeeded++
		if d := r.EndedAt.Sub(r.StartedAt); d >= 0 && !r.StartedAt.IsZero() {
			*took = append(*took, d)
		}
	case "failure", "timed_out", "startup_failure":
		c.Failed++
	default: // cancelled, skipped, neutral, stale, action_required: nobody's success, nobody's failure
		c.Other++
	}
	return r.Conclusion
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return (d[(len(d)-1)/2] + d[len(d)/2]) / 2
}

// entry is the value of the key, made if there is none.
func entry[T any](m map[string]*T, key string) *T {
	if m[key] == nil {
		m[key] = new(T)
	}
	return m[key]
}

func sorted[T any](m map[string]*T, compare func(a, b T) int) []T {
	var list []T
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, *m[key])
	}
	slices.SortStableFunc(list, compare)
	return list
}
