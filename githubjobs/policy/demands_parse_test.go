package policy

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseDemands(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte(`merge:
  enabled: true
  required_checks:
    - name: test
      app: GitHub-Actions
      conclusions: [success, skipped]
    - {name: build, app: 15368}
    - {name: ci/build, creator: "Build-Bot[bot]"}
  required_approvals: 2
  older_approvals: true
  up_to_date: true
  hold_labels: [wait]
  windows:
    - days: [mon-wed, sat]
      hours: 9:00-17:30
      time_zone: Europe/Berlin
    - {days: fri-mon, hours: "22:00-04:00"}
    - {}
`))
	if err != nil {
		t.Fatal(err)
	}
	berlin, _ := time.LoadLocation("Europe/Berlin")
	days := func(of ...time.Weekday) Days {
		d := Days{}
		for _, day := range of {
			d[day] = true
		}
		return d
	}
	want := MergeRules{
		Enabled: true, Method: Squash, RequiredApprovals: 2, OlderApprovals: true, UpToDate: true, HoldLabels: []string{"wait"},
		RequiredChecks: RequiredChecks{List: []RequiredCheck{
			{Name: "test", App: "github-actions", Conclusions: []string{"success", "skipped"}}, {Name: "build", App: "15368"}, {Name: "ci/build", Creator: "build-bot[bot]"},
		}},
		Windows: []Window{
			{Days: days(1, 2, 3, 6), Hours: Hours{9 * 60, 17*60 + 30}, TimeZone: Zone{berlin}},
			{Days: days(5, 6, 0, 1), Hours: Hours{22 * 60, 4 * 60}},
			{},
		},
	}
	if !reflect.DeepEqual(p.Merge, want) {
		t.Errorf("\ngot  %+v\nwant %+v", p.Merge, want)
	}
}

func TestWhatAPolicySaysNothingOf(t *testing.T) {
	t.Parallel()
	for document, hold := range map[string]string{"": "hold do-not-merge", "merge: {hold_labels: }": "hold do-not-merge", "merge: {hold_labels: []}": "", "merge: {hold_labels: [a, b]}": "a b"} {
		p, err := Parse([]byte(document))
		if err != nil || strings.Join(p.Merge.HoldLabels, " ") != hold || !p.Merge.RequiredChecks.None() || p.Merge.RequiredApprovals != 0 || p.Merge.UpToDate || p.Merge.Windows != nil {
			t.Errorf("%q: %+v, %v", document, p.Merge, err)
		}
	}
	for document, none := range map[string]bool{"merge: {required_checks: []}": true, "merge: {required_checks: all}": false} {
		if p, err := Parse([]byte(document)); err != nil || p.Merge.RequiredChecks.None() != none {
			t.Errorf("%q: %+v, %v", document, p.Merge, err)
		}
	}
}

func TestParseRefusesDemands(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"merge:\n  required_checks: [test]":                                              `line 2: "test" is no check; write {name: test, app: github-actions}`,
		"merge: {required_checks: test}":                                                 "line 1: required_checks must be a list of checks",
		"merge: {required_checks: {name: test, app: ci}}":                                "required_checks must be a list of checks",
		"merge:\n  required_checks:\n    - app: ci":                                      "line 3: a check of required_checks has no name",
		"merge: {required_checks: [{name: ' ', app: ci}]}":                               "has no name",
		"merge:\n  required_checks:\n    - {name: a, app: b}\n    - name: test":          `line 4: say who makes the check "test": app: github-actions`,
		"merge: {required_checks: [{name: test, app: ci, creator: bot}]}":                "name one",
		"merge: {required_checks: [{name: test, source: ci}]}":                           "line 1: source is not a setting",
		"merge: {required_checks: [{name: test, app: ci, app: other}]}":                  "app is there twice",
		"merge: {required_checks: [{name: test, app: [ci]}]}":                            "a list stands where a text must stand",
		"merge: {required_checks: [{name: githubjobs/merge, app: any}]}":                 "would wait for itself",
		"merge: {required_checks: [{name: test, app: ci, conclusions: [failure]}]}":      `the conclusion "failure" does not pass; use success, neutral, skipped`,
		"merge: {required_checks: [{name: test, app: ci, conclusions: []}]}":             "could never pass",
		"merge: {required_checks: [{name: test, creator: bot, conclusions: [success]}]}": "passes with success alone",
		"merge: {required_checks: [" + strings.Repeat("{name: a, app: b},", 51) + "]}":   "at most 50",
		"merge: {required_approvals: -1}":                                                "merge.required_approvals -1 is not between 0 and 20",
		"merge: {required_approvals: 21}":                                                "is not between 0 and 20",
		"merge: {required_approvals: many}":                                              "line 1: `many` stands where a whole number must stand",
		"merge: {older_approvals: true}":                                                 "says nothing without merge.required_approvals",
		"merge: {up_to_date: always}":                                                    "`always` stands where true or false must stand",
		"merge: {hold_labels: ['']}":                                                     `"" can be no label`,
		"merge: {hold_labels: hold}":                                                     "line 1: `hold` stands where a list must stand",
		"merge: {hold_labels: [" + strings.Repeat("a,", 51) + "]}":                       "at most 50",
		"merge: {windows: []}":                                                           "nothing could ever be merged; leave it out",
		"merge: {windows: [" + strings.Repeat("{},", 51) + "]}":                          "at most 50",
		"merge: {windows: [{day: mon}]}":                                                 "line 1: day is not a setting",
		"merge:\n  windows:\n    - days: monday":                                         `line 3: "monday" is no day; write days as mon`,
		"merge: {windows: [{days: mon-}]}":                                               "is no day",
		"merge: {windows: [{days: []}]}":                                                 "days names no day; leave it out",
		"merge: {windows: [{days: [[mon]]}]}":                                            "is no day",
		"merge: {windows: [{hours: 9-17}]}":                                              `line 1: "9-17" are no hours; write them like 09:00-17:30`,
		"merge: {windows: [{hours: '09:00-25:00'}]}":                                     "are no hours",
		"merge: {windows: [{hours: '09:60-10:00'}]}":                                     "are no hours",
		"merge: {windows: [{hours: '24:00-01:00'}]}":                                     "are no hours",
		"merge: {windows: [{hours: '-1:00-01:00'}]}":                                     "are no hours",
		"merge: {windows: [{hours: '09:00-09:00'}]}":                                     "begin and end at the same time; leave them out",
		"merge: {windows: [{time_zone: Berlin}]}":                                        `line 1: "Berlin" is no time zone; give an IANA name such as Europe/Berlin, or UTC`,
		"merge: {windows: [{time_zone: Local}]}":                                         "is no time zone",
		"merge: {windows: [{time_zone: ''}]}":                                            "is no time zone",
	} {
		if _, err := Parse([]byte(document)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), Path+": ") {
			t.Errorf("%q: %v, want an error with %q", document, err, want)
		}
	}
}
