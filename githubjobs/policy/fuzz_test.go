package policy

import (
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzParse: whatever the file holds, it is a policy that can be judged by, or an error
// that names the file.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		f.Fatal(err)
	}
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		f.Add(block)
	}
	for _, odd := range []string{
		"merge: {required_checks: &a [{name: *a, app: any}]}", "merge: {required_checks: [*x]}", "a: &x {name: t, app: ci}\nmerge: {required_checks: [*x]}",
		"merge: {windows: [{days: &d [*d]}]}", "merge: {windows: [{hours: [1]}]}", "merge: {required_checks: [{<<: {name: a}, app: any}]}", "merge: {hold_labels: [null]}",
	} {
		f.Add(odd)
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, document string) {
		p, err := Parse([]byte(document))
		if err != nil {
			if !strings.HasPrefix(err.Error(), Path+": ") {
				t.Errorf("%q: %v", document, err)
			}
			return
		}
		if v := Judge(p, View{Now: now}); v.Allowed() || v.Waits() {
			t.Errorf("%q: a pull request of which nothing is known is merged", document)
		}
	})
}
