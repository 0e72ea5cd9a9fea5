package gate

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What the token may not read is not known: nothing is merged, the run does not fail, and
// the verdict says which right is missing.
func TestWhatMayNotBeReadIsNotKnown(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string]string{
		"  required_checks: [{name: test, app: any}]\n":      "statuses: read",
		"  required_checks: [{name: build, creator: any}]\n": "Commit statuses: read",
		"  required_approvals: 1\n":                          "Pull requests: read",
		"  up_to_date: true\n":                               "contents: write",
	} {
		t.Run(strings.TrimSpace(rules), func(t *testing.T) {
			t.Parallel()
			w := delivered(t, rules)
			w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
				path := r.URL.Path
				if r.Method == http.MethodGet && (strings.HasSuffix(path, "/check-runs") || strings.HasSuffix(path, "/statuses") || strings.HasSuffix(path, "/reviews") || strings.Contains(path, "/compare/")) {
					rw.WriteHeader(http.StatusForbidden)
					rw.Write([]byte(`{"message":"Resource not accessible by integration"}`))
					return
				}
				hub.ServeHTTP(rw, r)
			})
			w.refuses(want)
		})
	}
}

// Each rule costs the requests that it needs, and nothing where the policy does not ask.
func TestOnlyWhatThePolicyAsksForIsRead(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string][]string{
		"  max_files: 9\n":                                   nil,
		"  hold_labels: [wait]\n  windows: [{}]\n":           nil,
		"  required_checks: [{name: test, app: any}]\n":      {"check-runs"},
		"  required_checks: [{name: build, creator: any}]\n": {"statuses"},
		"  required_checks: all\n":                           {"check-runs", "statuses"},
		"  required_approvals: 1\n":                          {"permission", "reviews"},
		"  up_to_date: true\n":                               {"main..."},
	} {
		t.Run(strings.TrimSpace(rules), func(t *testing.T) {
			t.Parallel()
			w := delivered(t, rules)
			bob := w.person("bob", "write")
			w.reviews(bob, "REQUEST_CHANGES")
			w.reviews(bob, "APPROVE")
			w.checks(w.as("ci"), "test", "completed", "success")
			w.sets(w.client, "build", "success")
			w.ResetRequests()
			w.merges()
			var got []string
			compared := 0
			for _, r := range w.Requests() {
				for _, part := range []string{"check-runs", "statuses", "permission", "reviews"} {
					if r.Method == http.MethodGet && strings.Contains(r.Path, "/"+part) {
						got = append(got, part)
					}
				}
				if strings.Contains(r.Path, "/compare/") {
					compared++
				}
			}
			if compared > 2 { // the gate compares twice in any case
				got = append(got, "main...")
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("asked for %q, want %q", got, want)
			}
		})
	}
}
