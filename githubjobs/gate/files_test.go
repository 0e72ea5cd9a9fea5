package gate

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Whoever may push can show another head, with as many files, for as long as the gate asks
// for them. What is judged is the head that is merged.
func TestMergeJudgesTheFilesOfTheHeadThatItMerges(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 301} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := setup(t, allow)
			bad, good := map[string]string{}, map[string]string{}
			for i := range n {
				bad[fmt.Sprintf("src/%d", i)], good[fmt.Sprintf("reports/%d", i)] = fmt.Sprint(i), fmt.Sprint(i)
			}
			w.publish(githubjobs.OutcomeSuccess, bad)
			w.git("update-ref", "refs/heads/other", w.sha)
			harmless := w.commit("other", good)
			main := w.git("rev-parse", "main")
			var mu sync.Mutex
			w.behind(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
				if strings.HasSuffix(r.URL.Path, "/files") {
					mu.Lock()
					defer mu.Unlock()
					w.update(branch, harmless)
					defer w.update(branch, w.cfg.Result)
				}
				next.ServeHTTP(rw, r)
			})
			if report := w.merge(); report.Merged || w.git("rev-parse", "main") != main {
				t.Errorf("%+v", report)
			}
		})
	}
}
