package policy

import (
	"strings"
	"testing"
)

func TestMergesUndo(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"":                       "set undo.merge: true",
		"merge: {enabled: true}": "set undo.merge: true",
		"undo: {merge: true}":    "merge.enabled is off",
		"merge: {enabled: true}\nundo: {merge: true}":                                                       "",
		"merge: {enabled: true, hold_labels: [wait], max_files: 1}\nundo: {merge: true}":                    "",
		"merge: {enabled: true, required_approvals: 1}\nundo: {merge: true}":                                "asks for checks, approvals",
		"merge: {enabled: true, required_checks: [{name: test, app: github-actions}]}\nundo: {merge: true}": "asks for checks, approvals",
		"merge: {enabled: true, up_to_date: true}\nundo: {merge: true}":                                     "asks for checks, approvals",
		"merge: {enabled: true, windows: [{days: mon, hours: '09:00-17:00'}]}\nundo: {merge: true}":         "asks for checks, approvals",
	} {
		p, err := Parse([]byte(document))
		if err != nil {
			t.Errorf("%q: %v", document, err)
			continue
		}
		if ok, why := p.MergesUndo(); ok != (want == "") || !strings.Contains(why, want) {
			t.Errorf("%q: %t, %q", document, ok, why)
		}
	}
	if _, err := Parse([]byte("undo: {merges: true}")); err == nil || !strings.Contains(err.Error(), "merges is not a setting") {
		t.Errorf("%v", err)
	}
}
