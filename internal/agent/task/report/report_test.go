package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/agenttest"
	"github.com/githubjobs/githubjobs/internal/agent/git"
	"github.com/githubjobs/githubjobs/internal/agent/task"
)

var update = flag.Bool("update", false, "write the golden reports anew")

// write does a report job the way the agent does, and returns its checkout.
func write(t *testing.T, repo *agenttest.Repository, a api, config githubjobs.ReportConfig, created string) (string, task.Report, string) {
	t.Helper()
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	spec := githubjobs.Spec{ID: "me", Kind: githubjobs.KindReport, Title: "Report", Config: raw, Base: "main", CreatedAt: at(created)}
	spec.Normalize(time.Time{})
	sha := repo.Job(spec)
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	client := github.NewClient(nil)
	client.BaseURL, _ = url.Parse(server.URL + "/")
	inputs, tree := t.TempDir(), filepath.Join(t.TempDir(), "tree")
	if err := (Kind{}).Fetch(t.Context(), task.Repository{Client: client, Owner: "o", Name: "r"}, spec, inputs); err != nil {
		t.Fatal(err)
	}
	if err := (Kind{}).Read(t.Context(), task.Task{Spec: spec, Commit: sha, Base: repo.Dir(), Inputs: inputs}); err != nil {
		t.Fatal(err)
	}
	if err := git.Checkout(t.Context(), repo.Dir(), tree, "job/me", sha); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	report, err := Kind{}.Run(t.Context(), task.Task{
		Spec: spec, Commit: sha, Tree: tree, Inputs: inputs, Repository: "o/r", Server: "https://github.example", Log: &log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree, report, log.String()
}

func TestGolden(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string // of the golden files
		config  githubjobs.ReportConfig
		created string
		empty   bool
		api     api
	}{
		{"daily-2026-11-21", githubjobs.ReportConfig{Date: "2026-11-21"}, "2026-11-22 06:00", false, busyAPI()},
		{"weekly-2026-W47", githubjobs.ReportConfig{Period: githubjobs.Weekly, Date: "2026-11-22"}, "2026-11-23 06:00", false, busyAPI()},
		{"monthly-2026-11", githubjobs.ReportConfig{Period: githubjobs.Monthly, Date: "2026-11-21"}, "2026-11-22 06:00", false, busyAPI()},
		{"daily-2026-11-25", githubjobs.ReportConfig{Date: "2026-11-25"}, "2026-11-25 10:30", true, api{status: http.StatusForbidden}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			repo := busy(t)
			tree, report, log := write(t, repo, test.api, test.config, test.created)
			files := changed(t, tree)
			want := []string{"reports/" + test.name + ".md", "reports/" + test.name + ".svg"}
			if test.empty {
				want = want[:1]
			}
			if fmt.Sprint(files) != fmt.Sprint(want) {
				t.Fatalf("changed %v, want %v", files, want)
			}
			for _, file := range files {
				golden(t, filepath.Join("testdata", filepath.Base(file)), read(t, filepath.Join(tree, file)))
			}
			golden(t, filepath.Join("testdata", test.name+".summary"), []byte(report.Summary+"\n"+string(report.Stats)+"\n"+log))
		})
	}
}

// The same inputs give the same report, and a second one changes nothing.
func TestTheSameAgain(t *testing.T) {
	t.Parallel()
	repo := busy(t)
	config := githubjobs.ReportConfig{Period: githubjobs.Monthly, Date: "2026-11-21"}
	one, _, _ := write(t, repo, busyAPI(), config, "2026-11-22 06:00")
	two, _, _ := write(t, repo, busyAPI(), config, "2026-11-22 06:00")
	for _, name := range []string{"reports/monthly-2026-11.md", "reports/monthly-2026-11.svg"} {
		if !bytes.Equal(read(t, filepath.Join(one, name)), read(t, filepath.Join(two, name))) {
			t.Errorf("%s differs", name)
		}
	}
}

// Whoever merges a job's pull request, and how: it is no work of people.
func TestResultsOfJobsThatPeopleMerge(t *testing.T) {
	t.Parallel()
	repo := agenttest.NewRepository(t)
	commit := func(message string) string {
		return repo.Commit(agenttest.Commit{At: at("2026-11-21 08:00"), Author: "ada <ada@example.com>", Message: message, Write: map[string]string{"reports/x.md": message}})
	}
	commit("Work of a person\n\nJob-Result: good")
	squashed := commit("result: Daily (#7)\n\n* job: Daily\n\nJob-Spec: {}\n\n* result: Daily")
	spec := githubjobs.Spec{ID: "rebased", Kind: githubjobs.KindCommand, Title: "x", Base: "main"}
	commit(githubjobs.FormatSpec(spec))
	commit(githubjobs.FormatResult("x", githubjobs.Result{ID: "rebased", Outcome: githubjobs.OutcomeSuccess}))
	pr := pullRequest(7, "Daily", "ada", "job/squashed", "2026-11-21 08:00", "2026-11-21 08:00")
	pr["merge_commit_sha"] = squashed
	_, report, _ := write(t, repo, api{pulls: []map[string]any{pr}}, githubjobs.ReportConfig{Date: "2026-11-21"}, "2026-11-22 06:00")
	var stats struct {
		Commits int `json:"commits"`
		Jobs    int `json:"merged_by_jobs"`
		Pulls   int `json:"pulls_merged"`
	}
	if err := json.Unmarshal(report.Stats, &stats); err != nil || stats.Commits != 1 || stats.Jobs != 2 || stats.Pulls != 0 {
		t.Errorf("%+v, %v", stats, err)
	}
}

func TestADayThatHasNotBegunIsRefused(t *testing.T) {
	t.Parallel()
	now := at("2026-11-21 09:00") // a Saturday
	for _, test := range []struct {
		period githubjobs.Period
		date   string
		want   string
	}{
		{githubjobs.Daily, "2026-11-21", ""},
		{githubjobs.Weekly, "2026-11-22", ""},
		{githubjobs.Monthly, "2026-11-30", ""},
		{githubjobs.Daily, "2026-11-22", "config.date: the day that begins on 2026-11-22 has not begun"},
		{githubjobs.Weekly, "2026-11-24", "the week that begins on 2026-11-23"},
		{githubjobs.Monthly, "2030-01-01", "the month that begins on 2030-01-01"},
	} {
		raw, err := json.Marshal(githubjobs.ReportConfig{Period: test.period, Date: test.date})
		if err != nil {
			t.Fatal(err)
		}
		spec := githubjobs.Spec{ID: "me", Kind: githubjobs.KindReport, Title: "Report", Config: raw, Base: "main", CreatedAt: now}
		_, err = Kind{}.Run(t.Context(), task.Task{Spec: spec, Inputs: t.TempDir()})
		if refused := strings.Contains(err.Error(), "has not begun"); refused != (test.want != "") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %s: %v", test.period, test.date, err)
		}
	}
}

func TestChangeOfADuration(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		now, before time.Duration
		want        string
	}{{0, time.Second, "–"}, {time.Second, 0, "–"}, {90 * time.Second, 60 * time.Second, "+30 s"}, {time.Minute, 2 * time.Minute, "−1 min 00 s"}, {time.Second, time.Second, "±0"}} {
		if got := longer(test.now, test.before); got != test.want {
			t.Errorf("%s after %s: %s, want %s", test.now, test.before, got, test.want)
		}
	}
}

func TestAFolderThatLeadsOutIsRefused(t *testing.T) {
	t.Parallel()
	repo := agenttest.NewRepository(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(repo.Tree, "reports")); err != nil {
		t.Fatal(err)
	}
	sha := repo.Commit(agenttest.Commit{At: at("2026-11-21 08:00"), Message: "First"})
	p := page{Span: span{Period: githubjobs.Daily, From: at("2026-11-21 00:00"), To: at("2026-11-22 00:00")}, Commit: sha}
	if _, err := p.write(task.Task{Tree: repo.Tree, Log: io.Discard}); err == nil {
		t.Error("no error")
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("%s was written outside", entries[0])
	}
}

func TestManyPagesAreBounded(t *testing.T) {
	t.Parallel()
	var a api
	for i := range 1500 {
		a.pulls = append(a.pulls, pullRequest(i+1, "x", "ada", "x", "2026-11-21 10:00", "2026-11-21 10:00"))
		a.runs = append(a.runs, workflowRun(i+1, "CI", "main", "success", "2026-11-21 10:00", time.Second))
	}
	tree, _, _ := write(t, busy(t), a, githubjobs.ReportConfig{Date: "2026-11-21"}, "2026-11-22 06:00")
	text := string(read(t, filepath.Join(tree, "reports/daily-2026-11-21.md")))
	for _, want := range []string{"| Pull requests merged | 1,000 |", "| Workflow runs | 1,000 |", "There were more than 1,000 runs", "More than 1,000 pull requests"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		period         githubjobs.Period
		date           string
		name, from, to string
		buckets        int
	}{
		{githubjobs.Daily, "2026-11-21", "daily-2026-11-21", "2026-11-21", "2026-11-22", 24},
		{githubjobs.Weekly, "2026-11-16", "weekly-2026-W47", "2026-11-16", "2026-11-23", 7},
		{githubjobs.Weekly, "2026-11-22", "weekly-2026-W47", "2026-11-16", "2026-11-23", 7},
		{githubjobs.Weekly, "2027-01-01", "weekly-2026-W53", "2026-12-28", "2027-01-04", 7},
		{githubjobs.Weekly, "2024-12-31", "weekly-2025-W01", "2024-12-30", "2025-01-06", 7},
		{githubjobs.Monthly, "2024-02-29", "monthly-2024-02", "2024-02-01", "2024-03-01", 29},
		{githubjobs.Monthly, "2026-12-31", "monthly-2026-12", "2026-12-01", "2027-01-01", 31},
	} {
		s, err := newSpan(test.period, test.date)
		if err != nil {
			t.Fatal(err)
		}
		if s.name() != test.name || s.From.Format(time.DateOnly) != test.from || s.To.Format(time.DateOnly) != test.to || s.buckets() != test.buckets {
			t.Errorf("%s of %s: %s from %s to %s, %d buckets", test.period, test.date, s.name(), s.From, s.To, s.buckets())
		}
		if p := s.previous(); p.To != s.From || p.step(1) != s.From || s.bucket(s.To.Add(-1)) != s.buckets()-1 {
			t.Errorf("%s: the one before is from %s to %s", s.name(), p.From, p.To)
		}
	}
	if _, err := newSpan(githubjobs.Daily, "yesterday"); err == nil {
		t.Error("no error for a date that is none")
	}
}

func TestPictureIsWellFormed(t *testing.T) {
	t.Parallel()
	f := figures{Commits: make([]commit, 3), Added: 1_000_000, Removed: 1, Runs: runCount{Total: 2, Succeeded: 1, Failed: 1}, Bars: make([]bar, 24)}
	f.Bars[3] = bar{Commits: 3, Added: 1_000_000, Removed: 1, Succeeded: 1, Failed: 1}
	p := page{Span: span{Period: githubjobs.Daily}, Now: f}
	d := xml.NewDecoder(strings.NewReader(p.picture()))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func changed(t *testing.T, tree string) []string {
	t.Helper()
	g := git.Git{Dir: filepath.Join(tree, ".git"), Tree: tree}
	out, err := g.Run(t.Context(), "ls-files", "--others", "--modified")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(out)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, path); !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, got)
	}
}
