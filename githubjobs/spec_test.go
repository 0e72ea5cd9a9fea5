package githubjobs

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSpecValidateNamesTheField(t *testing.T) {
	t.Parallel()
	good := Spec{ID: "a", Kind: KindReport, Base: "main", Prompt: "Daily report"}
	good.Normalize(time.Unix(0, 0))
	if err := good.Validate(); err != nil {
		t.Fatalf("a good spec is refused: %v", err)
	}
	for want, change := range map[string]func(*Spec){
		"id: ":                                func(s *Spec) { s.ID = "Not-An-Id" },
		"title: ":                             func(s *Spec) { s.Title = "two\nlines" },
		"job: is not valid UTF-8":             func(s *Spec) { s.Prompt = "\xff" },
		"job: holds a NUL":                    func(s *Spec) { s.Prompt = "a\x00b" },
		"timeout_seconds: -1 is out of range": func(s *Spec) { s.TimeoutSeconds = -1 },
		`kind: "nope" is unknown; use one of command, report`:  func(s *Spec) { s.Kind = "nope" },
		"config.script: is missing":                            func(s *Spec) { s.Kind = KindCommand },
		"config.script: must be a string, not number":          func(s *Spec) { s.Kind, s.Config = KindCommand, json.RawMessage(`{"script":1}`) },
		"config.scirpt: is not a setting":                      func(s *Spec) { s.Kind, s.Config = KindCommand, json.RawMessage(`{"scirpt":"x"}`) },
		"config: must be an object, not array":                 func(s *Spec) { s.Config = json.RawMessage(`[1]`) },
		`config.period: "hourly" is unknown; use one of daily`: func(s *Spec) { s.Config = json.RawMessage(`{"period":"hourly"}`) },
		`config.date: "yesterday" is not a day`:                func(s *Spec) { s.Config = json.RawMessage(`{"date":"yesterday"}`) },
		`title: must be one line`:                              func(s *Spec) { s.Title = "safe\u202efdp.exe" },
		`base: "-rf" is not a branch`:                          func(s *Spec) { s.Base = "-rf" },
		`base: "a..b" is not a branch`:                         func(s *Spec) { s.Base = "a..b" },
		`base: "job/x" is not a branch`:                        func(s *Spec) { s.Base = "job/x" },
		`labels[1]: "b c" is not a label`:                      func(s *Spec) { s.Labels = []string{"a", "b c"} },
		`labels[0]: "" is not a label`:                         func(s *Spec) { s.Labels = []string{""} },
		`labels[0]: "@all" is not a label`:                     func(s *Spec) { s.Labels = []string{"@all"} },
		`network: "host" is unknown; use default or none`:      func(s *Spec) { s.Network = "host" },
		"labels: are 21":                                       func(s *Spec) { s.Labels = slices.Repeat([]string{"a"}, 21) },
		`batch_id: "B" must match`:                             func(s *Spec) { s.Batch = "B" },
		`base: "" is not a branch`:                             func(s *Spec) { s.Base = "" },
	} {
		s := good
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	given := []string{"team/a", "nightly", "nightly", "env=prod", "a:b_c.d-e", strings.Repeat("x", 63)}
	s := Spec{ID: "a", Kind: KindReport, Base: "main", Prompt: "x", Labels: given, Batch: "2026-11-21"}
	s.Normalize(time.Unix(0, 0))
	if want := []string{"a:b_c.d-e", "env=prod", "nightly", "team/a", strings.Repeat("x", 63)}; !slices.Equal(s.Labels, want) || given[0] != "team/a" {
		t.Errorf("labels %q, of %q", s.Labels, given)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if again, err := ParseSpec(FormatSpec(s)); err != nil || !slices.Equal(again.Labels, s.Labels) || again.Batch != s.Batch {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestTitleOf(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                              "",
		" \n\t\r\n":                     "",
		"one":                           "one",
		"\n\n  first \t line \nx":       "first line",
		"a\x00b\x1bc":                   "a b c",
		"a\u202eb\u2066c\u2069\u009bd":  "abc d",
		"\u202e\n\u2067\nnext":          "next",
		"\u05d0\u200f\u05d1 \u200d":     "\u05d0\u200f\u05d1 \u200d",
		strings.Repeat("é", 72):         strings.Repeat("é", 72),
		strings.Repeat("é", 73):         strings.Repeat("é", 71) + "…",
		"x" + strings.Repeat(" y", 100): "x" + strings.Repeat(" y", 35) + "…",
	} {
		got := TitleOf(in)
		if got != want {
			t.Errorf("TitleOf(%q) = %q, want %q", in, got, want)
		}
		if again := TitleOf(got); again != got {
			t.Errorf("TitleOf is not stable: %q, then %q", got, again)
		}
	}
}

func TestScheduleNames(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"a": true, "0": true, "nightly-report-2": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "a-": false, "A": false, "a_b": false, "a/b": false, "a\n": false, strings.Repeat("a", 64): false,
	} {
		if ValidScheduleName(name) != valid {
			t.Errorf("%q: valid is %t", name, !valid)
		}
		s := Spec{ID: "j", Kind: KindReport, Prompt: "x", Base: "main", Schedule: name}
		s.Normalize(time.Now())
		if err := s.Validate(); name != "" && (err == nil) != valid {
			t.Errorf("the spec of a job of the schedule %q: %v", name, err)
		}
		if again, err := ParseSpec(FormatSpec(s)); valid && (err != nil || again.Schedule != name || Reduce(Facts{ID: "j", Spec: &again}, time.Now()).Schedule != name) {
			t.Errorf("%q: read %+v, %v", name, again, err)
		}
	}
}

func TestReportConfigDefaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Period{
		"Daily activity report": Daily, "the WEEKLY numbers": Weekly, "monthly, not daily": Monthly, "activity": Daily, "biweekly": Daily,
	} {
		s := Spec{Prompt: text, CreatedAt: time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)}
		if c, err := s.ReportConfig(); err != nil || c.Period != want || c.Date != "2026-03-01" {
			t.Errorf("%q: %+v, %v; want %s", text, c, err, want)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var ids []string
	for i := range 100 {
		ids = append(ids, NewID(now.Add(time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSorted(ids) {
		t.Error("ids of later jobs do not sort later")
	}
	ids = append(ids, KeyedID("p", "k"))
	for _, id := range ids {
		for _, n := range []Name{{id, 1}, {id, 2}, {id, 10}, {id, MaxAttempts}} {
			if back, ok := ParseBranch(n.Branch()); !ok || back != n {
				t.Errorf("%v does not come back from its branch %s", n, n.Branch())
			}
		}
	}
	if Branch("a") != "job/a" || (Name{"a", 2}).Branch() != "job/a.2" || (Name{ID: "a"}).Branch() != "job/a" {
		t.Error("branches are not named as documented")
	}
	if KeyedID("p", "k") != KeyedID("p", "k") || KeyedID("a", "bc") == KeyedID("ab", "c") {
		t.Error("keyed ids must be stable, and apart for different projects and keys")
	}
	for _, branch := range []string{"main", "job/", "job/A", "job/-a", "job/a/b", "job/" + strings.Repeat("a", 64), "refs/heads/job/a", "job/a\n", "jobs/a",
		"job/a.", "job/a.1", "job/a.0", "job/a.02", "job/a.-2", "job/a.+2", "job/a.2.3", "job/a.100", "job/.2", "job/a.b", "job/a.２", "job/a.99999999999999999999"} {
		if id, ok := ParseBranch(branch); ok {
			t.Errorf("ParseBranch(%q) = %q", branch, id)
		}
	}
}
