package work

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

var start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func outcome() Outcome {
	spec := githubjobs.Spec{ID: "abc", Kind: githubjobs.KindReport, Title: "A report", Base: "main"}
	spec.Normalize(start)
	return Outcome{Spec: spec, Result: githubjobs.Result{
		Version: 1, ID: "abc", Attempt: 2, RunID: 7, Outcome: githubjobs.OutcomeFailure, ExitCode: 3, Error: "exit code 3",
		StartedAt: start, FinishedAt: start.Add(time.Second), Stats: json.RawMessage(`{"commits":4}`),
		Log: "one\ntwo", Summary: "**two**",
	}}
}

func setup(t *testing.T) Dir {
	t.Helper()
	d, err := Default(filepath.Join(t.TempDir(), "w"), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Reset(); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOutcomeComesBackAsSaved(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if _, err := d.Load(); !errors.Is(err, ErrNoOutcome) {
		t.Fatalf("before Save: %v", err)
	}
	for range 2 { // the second replaces the first
		if err := d.Save(outcome()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.Load()
	if err != nil {
		t.Fatal(err)
	}
	var stats, want any
	json.Unmarshal(got.Result.Stats, &stats)
	json.Unmarshal(outcome().Result.Stats, &want)
	got.Result.Stats = outcome().Result.Stats
	if !reflect.DeepEqual(got, outcome()) || !reflect.DeepEqual(stats, want) {
		t.Errorf("got  %+v\nwant %+v", got, outcome())
	}
}

func TestSaveBoundsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	d := setup(t)
	o := outcome()
	o.Result.Log = strings.Repeat("é\n", MaxLogBytes)
	o.Result.Summary = strings.Repeat("é", githubjobs.MaxSummaryBytes)
	o.Result.Error = strings.Repeat("\x1b[31mx", 10_000)
	o.Result.FinishedAt = start.Add(-time.Hour)
	if err := d.Save(o); err != nil {
		t.Fatal(err)
	}
	got, err := d.Load()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Result.Log); n > MaxLogBytes || n < MaxLogBytes-8 {
		t.Errorf("log of %d bytes", n)
	}
	if !strings.HasSuffix(got.Result.Summary, "é…") || strings.Contains(got.Result.Error, "\x1b") {
		t.Errorf("summary %q…, error %q…", got.Result.Summary[:8], got.Result.Error[:8])
	}
}

func TestLoadRefusesWhatATaskMayHaveForged(t *testing.T) {
	t.Parallel()
	edit := func(f func(*file)) func(*testing.T, Dir) {
		return func(t *testing.T, d Dir) {
			o := outcome()
			raw := file{Spec: o.Spec, Result: o.Result}
			f(&raw)
			data, err := json.Marshal(raw)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(d.outcome(), outcomeName), string(data))
		}
	}
	tests := map[string]struct {
		forge func(*testing.T, Dir)
		want  string
	}{
		"other job":   {edit(func(f *file) { f.Result.ID = "other" }), "of job"},
		"bad outcome": {edit(func(f *file) { f.Result.Outcome = "merged" }), "no outcome"},
		"no attempt":  {edit(func(f *file) { f.Result.Attempt = 0 }), "attempt 0"},
		"files":       {edit(func(f *file) { f.Result.FilesTotal = 1 }), "only publish"},
		"times":       {edit(func(f *file) { f.Result.StartedAt = time.Time{} }), "began"},
		"stats":       {edit(func(f *file) { f.Result.Stats = json.RawMessage(`[1]`) }), "JSON object"},
		"huge stats":  {edit(func(f *file) { f.Result.Stats = json.RawMessage(`{"a":"` + strings.Repeat("x", MaxStatsBytes) + `"}`) }), "stats have"},
		"spec":        {edit(func(f *file) { f.Spec.Base = "../x" }), "base"},
		"summary":     {edit(func(f *file) { f.Summary = strings.Repeat("x", 9<<10) }), "too long"},
		"no JSON":     {func(t *testing.T, d Dir) { write(t, filepath.Join(d.outcome(), outcomeName), "{") }, "damaged"},
		"huge outcome": {func(t *testing.T, d Dir) {
			write(t, filepath.Join(d.outcome(), outcomeName), strings.Repeat(" ", maxOutcomeBytes+1))
		}, "more than"},
		"huge log": {func(t *testing.T, d Dir) {
			write(t, filepath.Join(d.outcome(), logName), strings.Repeat(" ", MaxLogBytes+1))
		}, "more than"},
		"link": {func(t *testing.T, d Dir) {
			os.Remove(filepath.Join(d.outcome(), logName))
			if err := os.Symlink("/etc/passwd", filepath.Join(d.outcome(), logName)); err != nil {
				t.Fatal(err)
			}
		}, "not a regular file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := setup(t)
			if err := d.Save(outcome()); err != nil {
				t.Fatal(err)
			}
			test.forge(t, d)
			if _, err := d.Load(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestSaveReplacesWhatStandsInItsWay(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside, "untouched")
	for name, plant := range map[string]func(d Dir) error{
		"folder is a link": func(d Dir) error { return os.Symlink(filepath.Dir(outside), d.outcome()) },
		"folder is a file": func(d Dir) error { return os.WriteFile(d.outcome(), nil, 0o400) },
		"file is a folder": func(d Dir) error { return os.MkdirAll(filepath.Join(d.outcome(), outcomeName, "x"), 0o755) },
		"temporary is a link": func(d Dir) error {
			return errors.Join(os.Mkdir(d.outcome(), 0o755), os.Symlink(outside, filepath.Join(d.outcome(), "writing")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := setup(t)
			if err := plant(d); err != nil {
				t.Fatal(err)
			}
			if err := d.Save(outcome()); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Load(); err != nil {
				t.Error(err)
			}
			if raw, _ := os.ReadFile(outside); string(raw) != "untouched" {
				t.Errorf("a file outside of the work folder was written: %q", raw)
			}
		})
	}
}

func TestResetRemovesTheLastRunOnly(t *testing.T) {
	t.Parallel()
	d := setup(t)
	write(t, filepath.Join(string(d), "kept"), "")
	locked := filepath.Join(d.Tree(), "a", "b")
	if err := os.MkdirAll(locked, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(locked, "f"), "")
	os.Chmod(locked, 0)
	os.Chmod(filepath.Dir(locked), 0)
	if err := d.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(d.Tree()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("tree is still there: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(string(d), "kept")); err != nil {
		t.Error(err)
	}
}

func TestDefault(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ configured, temp, want string }{
		{"/a/b/", "/t", "/a/b"}, {"", "/t", "/t/githubjobs"}, {"", "", ""}, {"a", "/t", ""},
	} {
		got, err := Default(test.configured, test.temp)
		if string(got) != test.want || (err == nil) != (test.want != "") {
			t.Errorf("Default(%q, %q) = %q, %v", test.configured, test.temp, got, err)
		}
	}
}

func TestOpenIsAFolderOfOneRun(t *testing.T) {
	t.Parallel()
	first, err := Open("/t 7 1")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Open("/t 7 1")
	other, _ := Open("/t 7 2")
	if first != again || first == other || filepath.Dir(string(first)) != "/var/tmp" && filepath.Dir(string(first)) != "/tmp" {
		t.Errorf("%s, %s, %s", first, again, other)
	}
}

func TestResetRemovesWhatRunsLeftLongAgo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := time.Now().Add(-25 * time.Hour)
	for name, at := range map[string]time.Time{
		"githubjobs-0123456789abcdef": long, "githubjobs-1123456789abcdef": time.Now(),
		"githubjobs-mine": long, "other-0123456789abcdef": long,
	} {
		d := Dir(filepath.Join(dir, name))
		if err := errors.Join(os.Mkdir(string(d), 0o700), d.Save(outcome()), os.Chtimes(string(d), at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "githubjobs-2123456789abcdef")); err != nil {
		t.Fatal(err)
	}
	if err := Dir(filepath.Join(dir, "githubjobs-fedcba9876543210")).Reset(); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	want := []string{"githubjobs-1123456789abcdef", "githubjobs-2123456789abcdef", "githubjobs-fedcba9876543210", "githubjobs-mine", "other-0123456789abcdef"}
	if !reflect.DeepEqual(left, want) {
		t.Errorf("left are %q", left)
	}
}

func TestTheFolderIsClosedToOthers(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if info, err := os.Stat(string(d)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := d.Save(outcome()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(string(d), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Load(); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("load: %v", err)
	}
	if err := errors.Join(d.Reset(), d.Save(outcome()), d.Remove()); err == nil {
		t.Error("it is written into")
	}
}

func TestRemoveLeavesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	d := setup(t)
	write(t, filepath.Join(string(d), "kept"), "")
	if err := errors.Join(d.Save(outcome()), d.Remove()); err != nil {
		t.Fatal(err)
	}
	if names, err := os.ReadDir(string(d)); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
	os.Remove(filepath.Join(string(d), "kept"))
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(string(d)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty folder is still there: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
