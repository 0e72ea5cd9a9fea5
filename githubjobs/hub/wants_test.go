package hub

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// A commit that GitHub fails to tell of, always, keeps none of the others from being told, also
// not those that come after it; but the read is not complete. Where many fail, or GitHub asks to
// wait, it leaves off.
func TestOneCommitHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var heads []string
	for _, s := range f.submit(specs("a", 30)...) {
		f.must(s.Err)
		heads = append(heads, s.SHA)
	}
	for name, c := range map[string]struct {
		broken int // the first of the heads
		status int
		most   int // requests for broken ones
	}{
		"one":     {1, http.StatusBadGateway, 1},
		"a few":   {unreadable - 1, http.StatusBadGateway, unreadable - 1},
		"all":     {len(heads), http.StatusBadGateway, unreadable + parallel},
		"waiting": {len(heads), http.StatusTooManyRequests, 1 + parallel},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			repo := f.behind(func(localhub http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for _, sha := range heads[:c.broken] {
						if strings.Contains(r.URL.String(), sha) {
							asked.Add(1)
							w.WriteHeader(c.status)
							return
						}
					}
					localhub.ServeHTTP(w, r)
				})
			})
			got := told{Facts: map[string]githubjobs.Facts{}}
			var wants []want
			for i, sha := range heads {
				wants = append(wants, want{of: first(specs("a", 30)[i].ID), branch: githubjobs.BranchFact{Head: sha}})
			}
			err := repo.readWants(context.Background(), wants, got.collect)
			if !Temporary(err) || (RetryAfter(err) > 0) != (c.status == http.StatusTooManyRequests) {
				t.Errorf("the read says %v", err)
			}
			if n := int(asked.Load()); n > c.most {
				t.Errorf("%d requests for commits that can't be read", n)
			}
			if want := len(heads) - c.broken; len(got.Facts) != want {
				t.Errorf("told of %d jobs, want %d", len(got.Facts), want)
			}
		})
	}
}
