package policy

import (
	"fmt"
	"strings"
	"testing"
)

const scheduled = `merge: {enabled: true}
schedules:
  - name: nightly
    cron: "30 6 * * 1-5"
    time_zone: Europe/Berlin
    job: {job: Report, config: {period: weekly}, timeout_seconds: 60}
    paused: true
  - name: other
    nonsense: 1
`

func TestSchedules(t *testing.T) {
	t.Parallel()
	got, err := Schedules([]byte(scheduled))
	if err != nil || len(got) != 2 || got[0].Name != "nightly" || got[1].Name != "other" || string(got[1].Plan) != `{"nonsense":1}` ||
		string(got[0].Plan) != `{"cron":"30 6 * * 1-5","job":{"config":{"period":"weekly"},"job":"Report","timeout_seconds":60},"paused":true,"time_zone":"Europe/Berlin"}` {
		t.Errorf("%s, %v", got, err)
	}
	for _, none := range []string{"", "merge: {enabled: true}\n", "schedules:\n", "schedules: []\n"} {
		if got, err := Schedules([]byte(none)); err != nil || len(got) != 0 {
			t.Errorf("%q: %v, %v", none, got, err)
		}
	}
	for document, want := range map[string]string{
		"schedules: 1": "must be a list", "schedules: {a: 1}": "must be a list", "schedules: [a]": "must be a list",
		"schedules: [{cron: x}]": "schedules[0] has no name", "schedules: [{name: 1}]": "schedules[0] has no name",
		"schedules: [{name: a}, {name: a}]": "two schedules", "schedules: [{name: a, x: {1: 2}}]": "JSON", "schedules: [{name: a, x: .nan}]": "JSON",
		"schedule: []": "schedule is not a setting", "merge: {x: 1}\nschedules: []": "x is not a setting",
		"schedules: [{name: a, cron: * * * * *}]": "yaml",
	} {
		if _, err := Schedules([]byte(document)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), Path+": ") {
			t.Errorf("%q: %v, want %q", document, err, want)
		}
	}
	var many strings.Builder
	many.WriteString("schedules:\n")
	for i := range maxSchedules + 1 {
		fmt.Fprintf(&many, "  - name: s%d\n", i)
	}
	if _, err := Schedules([]byte(many.String())); err == nil || !strings.Contains(err.Error(), "101 schedules") {
		t.Errorf("too many: %v", err)
	}
}

// Whatever stands under schedules does not stop the merge gate, and changes no rule.
func TestSchedulesAreNothingToTheGate(t *testing.T) {
	t.Parallel()
	for _, document := range []string{scheduled, "schedules: 7\nmerge: {enabled: true}", "merge: {enabled: true}\nschedules: [{merge: {enabled: false}}]", "merge: {enabled: true}\nschedules: [&a {x: 1}, *a]"} {
		if p, err := Parse([]byte(document)); err != nil || !p.Merge.Enabled || p.Merge.Method != Squash || len(p.Merge.Paths.Allow) != 0 {
			t.Errorf("%q: %+v, %v", document, p, err)
		}
	}
	if _, err := Parse([]byte("merge: {enabled: true}\nschedule: []")); err == nil {
		t.Error("another key is taken")
	}
}
