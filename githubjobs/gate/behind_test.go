package gate

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// GitHub may call a head behind that has all of the base already. Nothing is pushed then: the checks
// would start anew, for nothing.
func TestAHeadThatIsNotBehind(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"the last step": true, "the server": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := delivered(t, "")
			w.cfg.Silent = silent
			var refused, stale atomic.Bool
			w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
				switch {
				case r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/pulls/1/merge") && refused.CompareAndSwap(false, true):
					http.Error(rw, `{"message": "Head branch is out of date"}`, http.StatusMethodNotAllowed)
					return
				case refused.Load() && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/pulls/1") && stale.CompareAndSwap(false, true):
					answer := httptest.NewRecorder()
					hub.ServeHTTP(answer, r)
					rw.Write([]byte(strings.Replace(answer.Body.String(), `"mergeable_state":"clean"`, `"mergeable_state":"behind"`, 1)))
					return
				}
				hub.ServeHTTP(rw, r)
			})
			w.merges()
			if head := w.git("rev-parse", "refs/pull/1/head"); !stale.Load() || head != w.cfg.Result {
				t.Errorf("called behind: %t; the head is %s", stale.Load(), w.git("log", "-1", head))
			}
		})
	}
}
