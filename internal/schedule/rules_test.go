package schedule

import (
	"testing"
	"testing/synctest"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// What the file lets jobs have is known while it is read and valid, for its branch alone.
func TestSecretRulesOfTheFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &repository{memory: newMemory(), document: "secrets: {allow: [KEY]}"}
		f, stop := startFile(t, r)
		synctest.Wait()
		is := func(what string, allowed, known bool) {
			t.Helper()
			if rules, got := f.SecretRules("main"); got != known || rules.Allows("KEY") != allowed {
				t.Errorf("%s: %+v, %t", what, rules, got)
			}
		}
		is("at the start", true, true)
		if _, known := f.SecretRules("release"); known {
			t.Error("the rules of another branch are known")
		}
		r.push("secrets: {allow: []}", nil)
		is("allowed no more", false, true)
		r.push("secrets: {allow: [KEY]}\nschedules: [{name: a, cron: bad}]", nil)
		is("beside a bad schedule", true, true)
		r.push("secrets: [", nil)
		is("no YAML", false, false)
		r.push("", &hub.Error{Kind: hub.ErrNotFound, Err: hub.ErrNoFile})
		is("no file", false, true)
		stop()
		is("read no more", false, false)
	})
}
